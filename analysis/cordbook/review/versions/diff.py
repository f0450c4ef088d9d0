"""Two states of the review compared, estimate by estimate: what moved, whether a conclusion did, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cordbook.evidence.evidence import RETRACTED
from cordbook.evidence.retractions import standing_retractions
from cordbook.review.appraisal.certainty_rules import NAME
from cordbook.review.estimates.guards import GuardError, judge
from cordbook.review.versions.causes import Cause, causes, judging_causes, program, row_changes
from cordbook.review.versions.releases import Frozen, FrozenClaim, FrozenEstimate, FrozenGuard, Rows

#: A number has moved where it differs by more than this share; less is the arithmetic of another machine.
MOVED = 1e-6
NUMBERS = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high", "i2", "tau2")
COUNTS = ("k", "n", "events")
#: Below this, two numbers near zero are alike: heterogeneity that is nil on one machine and 1e-17 on another.
_NIL = 1e-9


#: What a guarded sentence is whose condition no longer holds.
NOT_TRUE = "no longer true"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A conclusion that is no longer what it was. ``what``: ``direction``, ``certainty``, ``sentence``, ``bound`` or ``claim``.

    A ``bound`` is the condition of a guarded sentence that the new numbers broke, and that was edited so that the sentence stays.
    """

    what: str
    before: str
    after: str
    name: str = ""

    def describe(self) -> str:
        """In one line, for instance ``rule-based certainty: low -> very low``."""
        if self.what == "sentence":
            return f"sentence {self.name} {'no longer holds' if self.after == NOT_TRUE else self.after}"
        what = {"certainty": NAME, "bound": "bound of the sentence"}.get(self.what, self.what)
        return f"{what}{f' {self.name}' if self.name else ''}: {self.before} -> {self.after}"

    def to_dict(self) -> dict[str, str]:
        return {"what": self.what, "name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class EstimateChange:
    """An estimate that is new, gone, or differs in its number, its rows, its settings or its conclusion."""

    id: str
    title: str
    before: FrozenEstimate | None
    after: FrozenEstimate | None
    moved: bool
    conclusions: tuple[Conclusion, ...]
    causes: tuple[Cause, ...]

    @property
    def kind(self) -> str:
        """``new``, ``gone``, ``moved`` or ``same number``."""
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        return "moved" if self.moved else "same number"

    @property
    def change(self) -> float | None:
        """New minus old, on the scale of the estimate; None where either could not be estimated."""
        if self.before is None or self.after is None or self.before.estimate is None or self.after.estimate is None:
            return None
        return self.after.estimate - self.before.estimate

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title,
            "kind": self.kind,
            "before": _numbers(self.before),
            "after": _numbers(self.after),
            "change": self.change,
            "conclusion_changed": bool(self.conclusions),
            "conclusions": [c.to_dict() for c in self.conclusions],
            "causes": [c.to_dict() for c in self.causes],
        }


def _numbers(estimate: FrozenEstimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {name: getattr(estimate, name) for name in (*NUMBERS, *COUNTS)} | {"words": estimate.words["short"]}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two states: estimates, every row, and ``claims``: verdicts and sentences that rest on no estimate that moved.

    ``bounds`` are the guards whose condition was edited; ``retracted`` and ``reinstated`` the studies whose report is now taken back, or
    no longer is.
    """

    changes: tuple[EstimateChange, ...]
    rows: tuple[Cause, ...]
    claims: tuple[Conclusion, ...]
    bounds: tuple[Cause, ...] = ()
    retracted: tuple[str, ...] = ()
    reinstated: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether both states say the same."""
        return not (self.changes or self.rows or self.claims or self.bounds)

    def retraction_lines(self, labels: Mapping[str, str]) -> list[str]:
        """Each study that was retracted, or reinstated, by its label in a sentence."""
        kinds = (("Retracted", self.retracted), ("Retraction withdrawn", self.reinstated))
        # The label of a retracted study says so itself; here the line does.
        return [f"{kind}: {labels.get(s, s).removesuffix(f' {RETRACTED}')}." for kind, studies in kinds for s in studies]

    @property
    def conclusions(self) -> tuple[Conclusion, ...]:
        """All conclusions that changed, each once."""
        return tuple(dict.fromkeys([*(c for change in self.changes for c in change.conclusions), *self.claims]))

    def to_dict(self) -> dict[str, Any]:
        return {
            "estimates": [c.to_dict() for c in self.changes],
            "rows": [c.to_dict() for c in self.rows],
            "claims": [c.to_dict() for c in self.claims],
            "bounds": [c.to_dict() for c in self.bounds],
            "retracted": list(self.retracted),
            "reinstated": list(self.reinstated),
        }


def compare(before: Frozen, after: Frozen) -> Comparison:
    """Compare two states of the review; estimates in the order of the newer one, those that are gone at the end."""
    rows = row_changes(before.rows, after.rows)
    bounds = edited_bounds(before.guards, after.guards)
    sentences = tuple(_broken_sentences(before, after, bounds))
    verdicts = tuple(_claims(before.claims, after.claims))
    ids = list(dict.fromkeys([*after.estimates, *before.estimates]))
    changed = [_change(i, before, after, rows, sentences, verdicts) for i in ids]
    found = tuple(c for c in changed if c is not None)
    known = {c for change in found for c in change.conclusions}
    claims = tuple(c for _, c in (*sentences, *verdicts) if c not in known)
    then, now = _retracted(before.rows), _retracted(after.rows)
    return Comparison(found, rows, claims, bounds, tuple(sorted(now - then)), tuple(sorted(then - now)))


def _retracted(rows: Rows) -> set[str]:
    """The studies whose retraction stands in a state of the review."""
    notices = rows.get("integrity_notices", {}).values()
    return standing_retractions(
        (n["study_id"], n.get("kind", ""), int(n["year"]) if n.get("year") else None) for n in notices if n.get("study_id")
    )


def edited_bounds(before: Sequence[FrozenGuard], after: Sequence[FrozenGuard]) -> tuple[Cause, ...]:
    """Guards whose condition was edited: on one page the same sentence under another condition, or the same condition with other numbers."""
    was, now = {(g.page, g.condition) for g in before}, {(g.page, g.condition) for g in after}
    gone = [g for g in before if (g.page, g.condition) not in now]
    new = [g for g in after if (g.page, g.condition) not in was]
    found = []
    for guard in gone:
        there = [n for n in new if n.page == guard.page]
        match = max(there, key=lambda n: _likeness(guard, n), default=None)
        if match is not None and _likeness(guard, match) > 0:
            new.remove(match)
            found.append(Cause("bound", guard.page, match.sentence, "condition", guard.condition, match.condition))
    return tuple(found)


def _likeness(one: FrozenGuard, other: FrozenGuard) -> int:
    """How surely two guards are one: 2 for the same sentence, 1 for the same condition but for its numbers."""
    return 2 * (one.sentence == other.sentence) + (_without_numbers(one.condition) == _without_numbers(other.condition))


def _without_numbers(condition: str) -> str:
    return re.sub(r"(?<![\w.-])[\d.]+(?![\w.])", "#", condition)


def same_number(one: float | None, other: float | None) -> bool:
    """Whether two numbers agree but for the arithmetic of machines.

    >>> same_number(0.5, 0.5 + 1e-9), same_number(0.5, 0.501), same_number(None, 0.0)
    (True, False, False)
    """
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(_NIL, MOVED * max(abs(one), abs(other)))


def differing(one: FrozenEstimate, other: FrozenEstimate) -> tuple[str, ...]:
    """Names of the numbers and counts in which two states of an estimate differ."""
    numbers = [n for n in NUMBERS if not same_number(getattr(one, n), getattr(other, n))]
    return (*numbers, *(n for n in COUNTS if getattr(one, n) != getattr(other, n)))


def _change(
    estimate_id: str,
    before: Frozen,
    after: Frozen,
    rows: Sequence[Cause],
    sentences: Sequence[tuple[tuple[str, ...], Conclusion]],
    verdicts: Sequence[tuple[tuple[str, ...], Conclusion]],
) -> EstimateChange | None:
    old, new = before.estimates.get(estimate_id), after.estimates.get(estimate_id)
    moved = old is None or new is None or bool(differing(old, new))
    why = causes(old, new, before, after, rows)
    own = tuple(_own_conclusions(old, new))
    if not (moved or why or own):
        return None
    if not why:
        why = _unexplained(old, new, moved, own, before, after, rows)
    resting = tuple(c for ids, c in (*sentences, *verdicts) if estimate_id in ids) if moved else ()
    title = (new or old).title  # type: ignore[union-attr]
    return EstimateChange(estimate_id, title, old, new, moved, (*own, *resting), why)


def _unexplained(
    old: FrozenEstimate | None,
    new: FrozenEstimate | None,
    moved: bool,
    own: Sequence[Conclusion],
    before: Frozen,
    after: Frozen,
    rows: Sequence[Cause],
) -> tuple[Cause, ...]:
    """Causes of a change that neither its rows nor its settings explain."""
    if moved or old is None or new is None:
        return tuple(program(before, after))
    found: list[Cause] = []
    if any(c.what == "direction" for c in own):
        natural = str(new.settings.get("natural") or "")
        found.append(Cause("beside", key=natural) if natural else program(before, after)[0])
    if any(c.what == "certainty" for c in own):
        found += judging_causes(new, before, after, rows)
    return tuple(found)


def _own_conclusions(old: FrozenEstimate | None, new: FrozenEstimate | None) -> Iterator[Conclusion]:
    if old is None or new is None:
        return
    for what in ("direction", "certainty"):
        if getattr(old, what) != getattr(new, what):
            yield Conclusion(what, getattr(old, what), getattr(new, what))


def _broken_sentences(before: Frozen, after: Frozen, bounds: Sequence[Cause]) -> Iterator[tuple[tuple[str, ...], Conclusion]]:
    """Sentences that the older state could say and the newer one cannot, with the estimates that they rest on.

    One that says the same under an edited bound is told as that.
    """
    today = {guard.condition: guard.holds for guard in after.guards}
    edited = {(c.table, c.before): c for c in bounds}
    for guard in before.guards:
        if not guard.holds:
            continue
        try:
            holds = today[guard.condition] if guard.condition in today else judge(guard.condition, after).holds
        except GuardError:
            yield guard.estimate_ids, Conclusion("sentence", "true", "cannot be judged", f"“{guard.sentence}”")
            continue
        bound = edited.get((guard.page, guard.condition))
        if not holds and bound is not None:
            yield guard.estimate_ids, Conclusion("bound", bound.before, bound.after, f"“{bound.key}”")
        elif not holds:
            yield guard.estimate_ids, Conclusion("sentence", "true", NOT_TRUE, f"“{guard.sentence}”")


def _claims(before: Sequence[FrozenClaim], after: Sequence[FrozenClaim]) -> Iterator[tuple[tuple[str, ...], Conclusion]]:
    now = {c.claim_id: c for c in after}
    for claim in before:
        later = now.get(claim.claim_id)
        if later is not None and later.verdict != claim.verdict:
            ids = tuple(dict.fromkeys([*claim.estimate_ids, *later.estimate_ids]))
            yield ids, Conclusion("claim", claim.verdict, later.verdict, claim.claim_id)
