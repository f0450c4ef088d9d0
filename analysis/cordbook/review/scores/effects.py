"""The effect of each study on a score: a change of one group or a difference between two, with its standard error, walked from the rows.

What a report does not print is worked out where that can be done without guessing, and marked: a standard error from an SD, an
interval or an exact p value; a change from the scores before and after with an imputed correlation. What cannot be worked out
is not lost: it is told with the reason why it has no weight.

Sources: Cochrane Handbook, sections 6.5.2.2 (SD from an interval), 6.5.2.3 (from a p value) and 6.5.2.8 (imputed correlations).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from cordbook.synthesis.means.change import sd_of_change
from cordbook.synthesis.means.groups import combine_groups
from cordbook.synthesis.means.spreads import sd_from_ci, sd_from_p

ARM, TRIAL = "arm", "single_trial"
MEAN, MEAN_CHANGE, MEAN_DIFFERENCE = "mean", "mean_change", "MD"
NO_SPREAD = "no spread is printed"
NO_SIZE = "how many patients is not stated"
LOW, LOW_CONFIDENCE = "read with low confidence", "low"
#: Between a part of the patients and a part of that part, as ``continuous.part`` writes them.
WITHIN = ";"
_EXACT = re.compile(r"0?\.\d+")
#: Confidence level of the intervals in continuous.csv.
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Score:
    """A row of ``continuous.csv`` of a study: what was measured, of whom, when, with its spread; None where it is not stated.

    ``months`` counts from the start of treatment, 0 for the score before; ``value``, ``sd``, ``sem`` and limits are in the unit of
    the score.
    """

    id: str
    study_id: str
    level: str
    role: str
    part: str
    months: float | None
    measure: str
    value: float
    sd: float | None
    sem: float | None
    n: int | None
    ci_low: float | None
    ci_high: float | None
    p: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Effect:
    """A change or a difference: value and standard error in units of the score (None where it has none, with the reason).

    ``n1`` are the patients of the group, or of the treated; ``n2`` those of the comparator; None where that is not stated.
    ``marks`` say what was worked out, ``score_ids`` the rows it rests on.
    """

    value: float
    se: float | None
    n1: int | None
    n2: int | None
    months: float | None
    part: str
    marks: tuple[str, ...]
    score_ids: tuple[str, ...]
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether it can be weighed."""
        return self.se is not None


def changes_of(scores: Sequence[Score], imputed_r: float) -> tuple[Effect, ...]:
    """The change of one study's patients at the last time told: one that can be weighed, or those that are told without weight.

    Of patients told apart all are added up; a row of all of them goes before.
    """
    found = _by_part(scores, lambda rows: _change(rows, imputed_r))
    if len(found) < 2 or not all(effect.usable and effect.n1 for effect in found):
        # A standard error without a size has no place in a sum.
        return found if len(found) < 2 else tuple(replace(e, se=None, reason=e.reason or NO_SIZE) for e in found)
    return (_added_up(found),)


def differences_of(scores: Sequence[Score], imputed_r: float, *, randomised: bool) -> tuple[Effect, ...]:
    """The difference between the treated and the comparators of one study at the last time told.

    One that can be weighed, or those that are told without weight. A difference as the report prints it goes before one that is
    worked out. ``randomised`` lets the last scores be compared where no score before is told.
    """
    found = _by_part(scores, lambda rows: _difference(rows, imputed_r, randomised=randomised))
    several = "told of parts of the patients only"
    return found if len(found) < 2 else tuple(replace(e, se=None, reason=e.reason or several) for e in found)


def _by_part(scores: Sequence[Score], make: Callable[[Sequence[Score]], Effect | None]) -> tuple[Effect, ...]:
    """Effects of all patients, else of the widest parts; those that can be weighed go before those that cannot."""
    parts: dict[str, list[Score]] = {}
    for score in scores:
        parts.setdefault(score.part, []).append(score)
    made = {part: effect for part, rows in parts.items() if (effect := make(rows)) is not None}
    whole = made.pop("", None)
    if whole is not None and (whole.usable or not any(e.usable for e in made.values())):
        return (whole,)
    chosen = [part for part, effect in made.items() if effect.usable] or list(made)
    return tuple(made[part] for part in chosen if part.partition(WITHIN)[0] == part or part.partition(WITHIN)[0] not in chosen)


def _change(rows: Sequence[Score], imputed_r: float) -> Effect | None:
    arms = [row for row in rows if row.level == ARM]
    changes = [row for row in arms if row.measure == MEAN_CHANGE]
    if changes:
        return _printed(_last(changes))
    means = [row for row in arms if row.measure == MEAN]
    before, later = [row for row in means if row.months == 0], [row for row in means if row.months != 0]
    return _worked_out_change(before[0], _last(later), imputed_r) if before and later else None


def _printed(row: Score) -> Effect:
    """A mean, a change or a difference as it is printed."""
    se, mark, reason = _standard_error(row)
    return Effect(row.value, se, row.n, None, row.months, row.part, _marks(mark), (row.id,), reason)


def _worked_out_change(before: Score, after: Score, imputed_r: float) -> Effect:
    ids, rows = (before.id, after.id), (before, after)
    effect = Effect(after.value - before.value, None, after.n, None, after.months, after.part, (), ids)
    spreads = [row.sd if row.sd is not None or not (row.sem and row.n) else row.sem * row.n**0.5 for row in rows]
    if LOW_CONFIDENCE in (before.confidence, after.confidence):
        return replace(effect, reason=LOW)
    if not before.n or not after.n:
        return replace(effect, reason=NO_SIZE)
    if None in spreads:
        return replace(effect, reason=NO_SPREAD)
    sd = float(sd_of_change([spreads[0]], [spreads[1]], [imputed_r])[0])
    n = min(before.n, after.n)
    return replace(effect, se=sd / n**0.5, n1=n, marks=(f"correlation of before and after taken as {imputed_r:g}",))


def _difference(rows: Sequence[Score], imputed_r: float, *, randomised: bool) -> Effect | None:
    printed = [row for row in rows if row.level == TRIAL and row.measure == MEAN_DIFFERENCE]
    if printed:
        return _printed(_last(printed))
    treated, control = ([row for row in rows if row.role == role] for role in ("treated", "comparator"))
    one, other, mark = _change(treated, imputed_r), _change(control, imputed_r), ""
    if randomised and (one is None or other is None):
        one, other, mark = _last_mean(treated), _last_mean(control), "difference of the last scores"
    return _between(one, other, mark, rows) if one is not None and other is not None else None


def _last_mean(rows: Sequence[Score]) -> Effect | None:
    means = [row for row in rows if row.level == ARM and row.measure == MEAN and row.months != 0]
    return _printed(_last(means)) if means else None


def _between(treated: Effect, control: Effect, mark: str, rows: Sequence[Score]) -> Effect:
    """The difference of two changes, their variances added; of changes without spread by an exact p value of the difference."""
    effect = Effect(
        treated.value - control.value, None, treated.n1, control.n1, treated.months, treated.part,
        _marks(mark, *dict.fromkeys((*treated.marks, *control.marks))), (*treated.score_ids, *control.score_ids),
    )  # fmt: skip
    if treated.se is not None and control.se is not None:
        return replace(effect, se=float(np.hypot(treated.se, control.se)))
    printed = {row.p for row in rows if row.id in effect.score_ids}  # one p in both arms is that of the difference
    exact = len(printed) == 1 and all(map(_EXACT.fullmatch, printed))
    if exact and LOW not in (treated.reason, control.reason) and treated.n1 and control.n1 and effect.value:
        n1, n2, p = treated.n1, control.n1, float(printed.pop())
        sd = float(sd_from_p([effect.value], [p], [n1], [n2]).sd[0])
        return replace(effect, se=sd * (1 / n1 + 1 / n2) ** 0.5, marks=_marks(mark, f"standard error from p = {p:g}"))
    return replace(effect, reason=treated.reason or control.reason)


def _added_up(effects: Sequence[Effect]) -> Effect:
    """Changes of different patients of one study as one, as if they had been measured together."""
    sizes = [effect.n1 or 0 for effect in effects]
    spreads = [(effect.se or 0.0) * n**0.5 for effect, n in zip(effects, sizes, strict=True)]
    whole = combine_groups([effect.value for effect in effects], spreads, sizes)
    n = int(whole.n[0])
    marks = dict.fromkeys(mark for effect in effects for mark in effect.marks)
    return replace(
        effects[0], value=float(whole.mean[0]), se=float(whole.sd[0]) / n**0.5, n1=n, marks=(*marks, "groups of the report added up"),
        part=" and ".join(effect.part for effect in effects), score_ids=tuple(i for effect in effects for i in effect.score_ids),
    )  # fmt: skip


def _standard_error(row: Score) -> tuple[float | None, str, str]:
    """Standard error of a printed mean, change or difference, what was worked out, and why there is none."""
    if row.confidence == LOW_CONFIDENCE:
        return None, "", LOW
    if row.sem is not None or row.sd is not None:
        se = row.sem if row.sem is not None else row.sd / row.n**0.5 if row.n and row.sd is not None else None
        if se is None:
            return None, "", NO_SIZE
        return (se, "", "") if se > 0 else (None, "", "all patients are said to have the same")
    if row.ci_low is None or row.ci_high is None:
        return None, "", NO_SPREAD
    width, mark = row.ci_high - row.ci_low, "standard error from the printed interval"
    if row.measure == MEAN_DIFFERENCE:  # of two groups, whose degrees of freedom are seldom told
        return width / (2 * float(ndtri((1 + LEVEL) / 2))), mark, ""
    if not row.n or row.n < 2:
        return None, "", NO_SIZE
    return float(sd_from_ci([row.ci_low], [row.ci_high], [row.n], level=LEVEL).sd[0]) / row.n**0.5, mark, ""


def _marks(*marks: str) -> tuple[str, ...]:
    return tuple(mark for mark in marks if mark)


def _last(rows: Iterable[Score]) -> Score:
    """The row at the latest time; one whose time is not told comes first."""
    return max(rows, key=lambda row: -1.0 if row.months is None else row.months)
