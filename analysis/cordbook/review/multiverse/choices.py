"""What an analyst must decide, the options, and what an analysis may conclude: frozen objects without logic of their own."""

from __future__ import annotations

from dataclasses import dataclass, fields

#: What may be done with reports that share patients: the one report of the data, none of them, or the other report in its place.
OVERLAPS = ("one", "none", "other")
Filters = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One way to decide; what is not named stays as it is declared.

    ``pooling`` replaces settings of the model. ``strata`` replaces that of the declaration; ``where`` keeps counts with these values of a column,
    ``without`` leaves them out, ``at_least`` keeps those that are known to reach a number. ``people`` is the fewest people of a study, both arms
    together. ``admit`` takes in counts that are kept out for no other reasons than these, ``overlap`` is one of :data:`OVERLAPS`.
    """

    id: str
    label: str
    own: bool = False
    pooling: tuple[tuple[str, str], ...] = ()
    strata: str | None = None
    where: Filters = ()
    without: Filters = ()
    at_least: tuple[tuple[str, float], ...] = ()
    people: int = 0
    admit: tuple[str, ...] = ()
    overlap: str = "one"

    @property
    def selects(self) -> bool:
        """Whether it changes which counts are pooled."""
        usual = {f.name: f.default for f in fields(Option)}
        return any(getattr(self, n) != usual[n] for n in ("strata", "where", "without", "at_least", "people", "admit", "overlap"))


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that an analyst must decide, with the options that can be defended; exactly one is the book's own."""

    id: str
    label: str
    options: tuple[Option, ...]

    @property
    def own(self) -> int:
        """The place of the book's own option."""
        return next(i for i, option in enumerate(self.options) if option.own)

    @property
    def selects(self) -> bool:
        """Whether it is on which counts are pooled, and not on how."""
        return any(option.selects for option in self.options)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What an analysis may say: ``text`` goes on after "n give"; ``when`` are comparisons of its numbers, all of which hold."""

    id: str
    text: str
    when: tuple[tuple[str, str, float], ...]
