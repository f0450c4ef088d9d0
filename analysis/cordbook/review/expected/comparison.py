"""Which treated groups can be set beside a natural course of the same grade and phase, and what comes of it.

A group is compared where all its people are known to be like those of an estimate of the natural course (``natural_course.yml``:
population, grade, phase); of a group that is counted by grade, those grades that are. Whom nothing is known to be like is left out,
with the reason: what is not on record is not known to be alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cordbook.core.tracking import by_value_of_estimates
from cordbook.errors import InputError
from cordbook.evidence.counts import Count, counts_of
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.subject_tables import PHASE
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.natural_course import NaturalCourse, load_natural_course
from cordbook.review.estimates.selection import column_of, strata_of
from cordbook.synthesis.expected.natural import NaturalShare, natural_share_of_one
from cordbook.synthesis.expected.pooling import TreatedGroup, observed_against_expected
from cordbook.synthesis.expected.results import ObservedExpected

NO_COURSE = "natural_course.yml is missing, so no natural course is declared"


@dataclass(frozen=True, slots=True)
class Compared:
    """A study of the comparison: its treated people, of which natural courses they are like (estimate id and people), their counts."""

    study_id: str
    label: str
    year: int | None
    observed: int
    parts: tuple[tuple[str, int], ...]
    count_ids: tuple[str, ...]

    @property
    def n(self) -> int:
        """People that are compared."""
        return sum(n for _, n in self.parts)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A study that cannot be compared: its treated people, how many had the event, and why."""

    study_id: str
    label: str
    observed: int
    n: int
    reason: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """An estimate of treated people set beside the natural course.

    ``courses`` are the estimates of the natural course by id, ``result`` is None where no group can be compared; its groups stand in
    the order of ``studies``.
    """

    id: str
    title: str
    courses: Mapping[str, NaturalShare]
    studies: tuple[Compared, ...]
    left_out: tuple[LeftOut, ...]
    result: ObservedExpected | None

    @property
    def n(self) -> int:
        """People that are compared."""
        return sum(study.n for study in self.studies)


@by_value_of_estimates
def expectation_of(estimates: Estimates, estimate_id: str) -> Expectation:
    """Set the treated groups of a declared share beside the natural course of its outcome; raises :class:`InputError` where there is none."""
    evidence, estimate = estimates.evidence, estimates[estimate_id]
    course = load_natural_course(evidence.folder)
    if course is None:
        raise InputError(NO_COURSE)
    if estimate.is_comparison or estimate.synthesis.outcome != course.outcome:
        raise InputError(f"{estimate_id} is no share of {course.outcome}, for which alone a natural course is declared")
    natural = [e for e in estimates if course.value_of(e.synthesis) is not None]
    courses = _shares(natural)
    studies, left_out = _compared(evidence, estimate, course, [e for e in natural if e.id in courses])
    groups = [TreatedGroup(s.label, s.observed, s.parts) for s in studies]
    result = (
        observed_against_expected(
            groups, courses, level=estimate.synthesis.level, fewest=estimate.synthesis.not_pooled_if.studies_below
        )
        if groups
        else None
    )
    used = {name for s in studies for name, _ in s.parts}
    return Expectation(estimate.id, estimate.title, {i: s for i, s in courses.items() if i in used}, studies, left_out, result)


def is_compared(estimates: Estimates, estimate_id: str) -> bool:
    """Whether a declared share is of treated people and of the outcome of the natural course, so that :func:`expectation_of` applies."""
    course, synthesis = load_natural_course(estimates.evidence.folder), estimates[estimate_id].synthesis
    if course is None or synthesis.kind != "proportion" or synthesis.parent is not None or synthesis.strata != "total":
        return False
    return synthesis.outcome == course.outcome and dict(synthesis.where).get("role") == ("treated",)


def _shares(natural: Sequence[Estimate]) -> dict[str, NaturalShare]:
    """The natural courses that are pooled or told by one study; the latter differ as those of the estimate with the most studies do."""
    pooled = [e for e in natural if e.result is not None and e.k > 1]
    widest = max(pooled, key=lambda e: e.k, default=None)
    tau2 = (widest.result.tau2 or 0.0) if widest is not None and widest.result is not None else None
    found: dict[str, NaturalShare] = {}
    for e in natural:
        if e.result is None:
            continue
        if e.k > 1:
            scale = e.result.model_scale
            found[e.id] = NaturalShare(scale.estimate, scale.se, e.result.tau2 or 0.0, e.k, e.events, e.n)
        elif tau2 is not None:
            found[e.id] = natural_share_of_one(e.events, e.n, tau2)
    return found


def _compared(
    evidence: Evidence, estimate: Estimate, course: NaturalCourse, natural: Sequence[Estimate]
) -> tuple[tuple[Compared, ...], tuple[LeftOut, ...]]:
    chosen = _treated(evidence, estimate)
    studies = {
        row["study_id"]: {k: None if pd.isna(v) else v for k, v in row.items()} for row in evidence["studies"].to_dict("records")
    }
    compared, left_out = [], []
    for study_id, rows in chosen.groupby("study_id", sort=True):
        label, year = rows["label"].iloc[0], rows["year"].iloc[0]
        parts: dict[str, int] = {}
        counts: list[Count] = []
        for _, arm in rows.groupby("arm_id", sort=True):
            for count, e in _alike(arm, studies[study_id], course, natural, evidence):
                parts[e.id] = parts.get(e.id, 0) + count.n
                counts.append(count)
        if counts:
            events = sum(count.events for count in counts)
            compared.append(
                Compared(
                    study_id,
                    label,
                    None if pd.isna(year) else int(year),
                    events,
                    tuple(parts.items()),
                    tuple(c.cell_id for c in counts),
                )
            )
        elif study_id in estimate.study_ids:
            row = next(r for r in estimate.rows if r.study_id == study_id)
            events, n = row.together
            left_out.append(LeftOut(study_id, label, events, n, _reason(rows, studies[study_id], course, evidence)))
    order = lambda s: (9999 if s.year is None else s.year, s.label)  # noqa: E731
    return tuple(sorted(compared, key=order)), tuple(left_out)


def _treated(evidence: Evidence, estimate: Estimate) -> pd.DataFrame:
    """Counts of the outcome that may be pooled, by the filters of the estimate but for those on strata."""
    counts = evidence.counts
    chosen = counts[(counts["outcome"] == estimate.synthesis.outcome) & counts["poolable"].fillna(False).astype(bool)]
    strata = strata_of(chosen)
    for column, values in estimate.synthesis.where:
        held = column_of(chosen, strata, column).isin(values)
        chosen, strata = chosen[held], strata[held]
    return chosen


def _alike(
    arm: pd.DataFrame, study: Mapping[str, Any], course: NaturalCourse, natural: Sequence[Estimate], evidence: Evidence
) -> list[tuple[Count, Estimate]]:
    """The counts of an arm whose people are like those of a natural course, nobody twice: all of them, else one count a grade."""
    found = [
        (count, e, bool(whole), -1.0 if pd.isna(months) else float(months))
        for count, whole, months in zip(counts_of(arm), arm["all_patients"], arm["timepoint_months"], strict=True)
        for e in natural
        if course.is_alike(e.synthesis, [count], study, evidence.subject)
    ]
    all_of_them = [item for item in found if item[2]]
    best: dict[str, tuple[Count, Estimate, bool, float]] = {}
    for item in all_of_them or [item for item in found if {key for key, _ in item[0].stratum} <= {course.key, PHASE}]:
        if item[1].id not in best or item[3] > best[item[1].id][3]:
            best[item[1].id] = item
    kept = sorted(best.values(), key=lambda item: item[3], reverse=True)
    return [(count, e) for count, e, *_ in (kept[:1] if all_of_them else kept)]


def _reason(rows: pd.DataFrame, study: Mapping[str, Any], course: NaturalCourse, evidence: Evidence) -> str:
    """Why nothing is known to be like the people of a study."""
    subject, words = evidence.subject, evidence.vocabulary
    fact, phase = subject.fact(course.fact), subject.fact(PHASE)
    of_study = dict(fact.counted(study)) if fact else {}
    named = {dict(count.stratum).get(course.key) for count in counts_of(rows)} - {None}
    values = sorted(v for v in (named or set(of_study)) if v)
    if not values:
        return f"{course.value_name} at the start not told"
    if not named and len(values) > 1:
        return f"not counted by {course.value_name}"
    column = phase.columns[0][1] if phase else ""
    when = words.label(column, study.get(column), "phrase") if column else ""
    return f"no natural course of {course.value_name} {', '.join(values)} at this time ({when}) is known"


def unlike(left_out: Iterable[LeftOut]) -> Mapping[str, int]:
    """How many people are left out by each reason."""
    found: dict[str, int] = {}
    for study in left_out:
        found[study.reason] = found.get(study.reason, 0) + study.n
    return found
