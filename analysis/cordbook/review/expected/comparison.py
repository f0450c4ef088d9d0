"""Which treated groups can be set beside a natural course of the same grade and phase, and what comes of it.

A group is compared where all its people are known to be like those of an estimate of the natural course (``natural_course.yml``:
population, grade, phase); of a group that is counted by grade, those grades that are. Whom nothing is known to be like is left out,
with the reason: what is not on record is not known to be alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from cordbook.core.tracking import by_value_of_estimates
from cordbook.errors import InputError
from cordbook.evidence.counts import Count, counts_of
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.subject_tables import PHASE
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.natural_course import NaturalCourse, load_natural_course, study_rows
from cordbook.review.estimates.rows import in_order
from cordbook.review.estimates.selection import fitting
from cordbook.synthesis.expected.natural import NaturalShare, natural_share_of_one
from cordbook.synthesis.expected.pooling import TreatedGroup, observed_against_expected
from cordbook.synthesis.expected.results import ExpectedGroup, ObservedExpected

NO_COURSE = "natural_course.yml is missing, so no natural course is declared"


@dataclass(frozen=True, slots=True)
class Compared:
    """A study of the comparison: its treated people, of which natural courses they are like (estimate id and people), their counts.

    ``group`` is what the comparison made of it.
    """

    study_id: str
    label: str
    year: int | None
    observed: int
    parts: tuple[tuple[str, int], ...]
    count_ids: tuple[str, ...]
    group: ExpectedGroup | None = None

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

    ``courses`` are the estimates of the natural course by id, ``result`` is None where no group can be compared.
    """

    id: str
    title: str
    courses: Mapping[str, NaturalShare]
    studies: tuple[Compared, ...]
    left_out: tuple[LeftOut, ...]
    result: ObservedExpected | None


@by_value_of_estimates
def expectation_of(estimates: Estimates, estimate_id: str) -> Expectation:
    """Set the treated groups of a declared share beside the natural course of its outcome; raises :class:`InputError` where there is none."""
    return estimates.once(f"expectation of {estimate_id}", lambda: _expectation(estimates, estimates[estimate_id]))


def _expectation(estimates: Estimates, estimate: Estimate) -> Expectation:
    course, synthesis = _course(estimates), estimate.synthesis
    if course is None:
        raise InputError(NO_COURSE)
    if estimate.is_comparison or synthesis.outcome != course.outcome:
        raise InputError(f"{estimate.id} is no share of {course.outcome}, for which alone a natural course is declared")
    natural = [e for e in estimates if course.value_of(e.synthesis) is not None]
    courses = _shares(natural)
    studies, left_out = _compared(estimates.evidence, estimate, course, [e for e in natural if e.id in courses])
    result = None
    if studies:
        groups, fewest = [TreatedGroup(s.label, s.observed, s.parts) for s in studies], synthesis.not_pooled_if.studies_below
        result = observed_against_expected(groups, courses, level=synthesis.level, fewest=fewest)
        studies = _with_groups(studies, result)
    used = {name for s in studies for name, _ in s.parts}
    return Expectation(estimate.id, estimate.title, {i: s for i, s in courses.items() if i in used}, studies, left_out, result)


def _with_groups(studies: Sequence[Compared], found: ObservedExpected) -> tuple[Compared, ...]:
    """The studies with what the comparison made of each; its groups stand in their order."""
    return tuple(replace(study, group=group) for study, group in zip(studies, found.studies, strict=True))


def is_compared(estimates: Estimates, estimate_id: str) -> bool:
    """Whether a declared share is of treated people and of the outcome of the natural course, so that :func:`expectation_of` applies."""
    course, synthesis = _course(estimates), estimates[estimate_id].synthesis
    if course is None or synthesis.kind != "proportion" or synthesis.parent is not None or synthesis.strata != "total":
        return False
    return synthesis.outcome == course.outcome and dict(synthesis.where).get("role") == ("treated",)


def _course(estimates: Estimates) -> NaturalCourse | None:
    return estimates.once("natural course", lambda: load_natural_course(estimates.evidence.folder))


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
    chosen, studies = fitting(evidence.counts, estimate.synthesis), study_rows(evidence)
    own = {row.study_id: row for row in estimate.rows}
    compared: list[Compared] = []
    left_out: list[LeftOut] = []
    for study_id, rows in chosen.groupby("study_id", sort=True):
        label, year = rows["label"].iloc[0], rows["year"].iloc[0]
        parts: dict[str, int] = {}
        counts: list[Count] = []
        for _, arm in rows.groupby("arm_id", sort=True):
            for count, e in _alike(arm, studies[study_id], course, natural, evidence):
                parts[e.id] = parts.get(e.id, 0) + count.n
                counts.append(count)
        if counts:
            events, ids = sum(count.events for count in counts), tuple(count.cell_id for count in counts)
            of_year = None if pd.isna(year) else int(year)
            compared.append(Compared(study_id, label, of_year, events, tuple(parts.items()), ids))
        elif study_id in own:
            left_out.append(LeftOut(study_id, label, *own[study_id].together, _reason(rows, studies[study_id], course, evidence)))
    return in_order(compared), tuple(left_out)


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
