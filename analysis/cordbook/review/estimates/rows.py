"""The rows of an estimate: each one pooled count, with its study, the counts of the evidence behind it and, once pooled, its effect.

:mod:`cordbook.review.estimates.selection` makes them from the evidence; :func:`with_effects` adds what the model made of each.
An estimate, its result, pages, figures and releases all hold these same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from cordbook.evidence.counts import Count
from cordbook.synthesis.pooling.two_arm_results import StudyComparison
from cordbook.synthesis.results import StudyProportion

R = TypeVar("R", bound="Row")
D = TypeVar("D", bound="Dated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row has: its study, and the effect of the study with its interval and weight in percent, None until it is pooled."""

    #: Names of its numbers as a model takes them.
    COLUMNS: ClassVar[tuple[str, ...]] = ()

    study_id: str
    label: str
    year: int | None
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    weight: float | None = None

    @property
    def counts(self) -> tuple[Count, ...]:
        """The counts of the evidence that are added up."""
        raise NotImplementedError

    @property
    def arms(self) -> tuple[tuple[int, int], ...]:
        """Events and patients: one pair, for a comparison that of the treated and that of the comparators."""
        return pairs([getattr(self, name) for name in self.COLUMNS])

    @property
    def together(self) -> tuple[int, int]:
        """Events and patients of all arms."""
        return sum(events for events, _ in self.arms), sum(n for _, n in self.arms)

    @property
    def count_ids(self) -> tuple[str, ...]:
        """Ids of the counts, so that every number can be walked back."""
        return tuple(count.cell_id for count in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRow(Row):
    """A pooled count of one study: the counts of different patients of its arms, added up.

    Written as JSON or as a frame it is a :class:`~cordbook.synthesis.results.StudyProportion`.
    """

    _fields: ClassVar[tuple[str, ...]] = StudyProportion._fields
    COLUMNS: ClassVar[tuple[str, ...]] = ("events", "n")

    arm: tuple[Count, ...]

    @property
    def counts(self) -> tuple[Count, ...]:
        return self.arm

    @property
    def arm_id(self) -> str:
        return self.arm[0].arm_id

    @property
    def events(self) -> int:
        return _events(self.arm)

    @property
    def n(self) -> int:
        return _n(self.arm)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow(Row):
    """A pooled comparison of one study: the counts of its treated arms and those of its comparator arms, each added up.

    Written as JSON or as a frame it is a :class:`~cordbook.synthesis.pooling.two_arm_results.StudyComparison`; ``estimate`` is None where
    the study has no effect of its own, ``weight`` 0 where it has no say.
    """

    _fields: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(StudyComparison))
    COLUMNS: ClassVar[tuple[str, ...]] = ("events1", "n1", "events2", "n2")

    treated: tuple[Count, ...]
    control: tuple[Count, ...]

    @property
    def counts(self) -> tuple[Count, ...]:
        return (*self.treated, *self.control)

    @property
    def events1(self) -> int:
        return _events(self.treated)

    @property
    def n1(self) -> int:
        return _n(self.treated)

    @property
    def events2(self) -> int:
        return _events(self.control)

    @property
    def n2(self) -> int:
        return _n(self.control)


def pairs(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Numbers in the order of :attr:`Row.COLUMNS` as events and patients of each arm."""
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _events(counts: Iterable[Count]) -> int:
    return sum(count.events for count in counts)


def _n(counts: Iterable[Count]) -> int:
    return sum(count.n for count in counts)


def arrays(rows: Sequence[Row]) -> tuple[np.ndarray, ...]:
    """The counts of rows as a model takes them: events and n; of comparisons those of the treated, then of the comparators."""
    return tuple(np.array([getattr(row, name) for row in rows]) for name in rows[0].COLUMNS)


def labels_of(rows: Iterable[Row]) -> list[str]:
    """How the studies of rows are named, in their order."""
    return [row.label for row in rows]


def with_effects(rows: Sequence[R], studies: Sequence[StudyProportion] | Sequence[StudyComparison]) -> tuple[R, ...]:
    """The rows with what a model made of each; ``studies`` are those of its result, which stand in the order of the rows."""
    return tuple(
        replace(row, estimate=made.estimate, ci_low=made.ci_low, ci_high=made.ci_high, weight=made.weight)
        for row, made in zip(rows, studies, strict=True)
    )


class Dated(Protocol):
    """Anything of a study that has a year, if it was seen, and a name."""

    @property
    def year(self) -> int | None: ...
    @property
    def label(self) -> str: ...


def in_order(rows: Iterable[D]) -> tuple[D, ...]:
    """Rows by year and name; those whose year was not seen come last."""
    return tuple(sorted(rows, key=lambda row: (9999 if row.year is None else row.year, row.label)))
