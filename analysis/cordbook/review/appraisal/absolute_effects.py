"""Says for readers of a summary how many of 1,000 people have an outcome with a treatment and without, where there is a like comparator.

"Without" are the control groups of the very trials that are compared, or an estimate of the natural course of people alike
(:func:`unlike`). Where there is neither, nothing is set beside the treated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cordbook.core.text import enumerate_words
from cordbook.evidence.evidence import Evidence
from cordbook.review.appraisal.certainty import kind_of
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.natural_course import NaturalCourse
from cordbook.synthesis.pooling.nnt import number_needed_to_treat

#: The role of people who got no experimental treatment, whom nobody compared with treated ones.
_NATURE = ("natural_course",)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of people with the interval that fits the data; ``low`` and ``high`` are None where it is taken as given."""

    point: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Absolute:
    """Shares with the outcome without and with the treatment, None where there is none, and the difference of the two.

    ``basis`` says whose share ``without`` is: the events of so many people in the control groups.
    """

    without: Share | None
    treated: Share | None
    difference: Share | None
    basis: tuple[int, int] | None = None


def absolute(e: Estimate) -> Absolute | None:
    """What an estimate says of shares; None where nothing is pooled.

    A pooled comparison is turned into shares at the risk of its own control groups, added up; that risk is taken as given, so
    that the interval carries the uncertainty of the effect alone (Cochrane Handbook, section 15.4.4). Where nobody, or everybody, in the
    control groups had the outcome, a ratio says nothing of shares, and there is none.
    """
    if e.not_pooled or e.result is None:
        return None
    if e.is_comparison:
        return _of_comparison(e)
    share = Share(e.result.estimate, e.result.ci_low, e.result.ci_high)
    return Absolute(share, None, None) if is_nature(e.synthesis) else Absolute(None, share, None)


def _of_comparison(e: Estimate) -> Absolute | None:
    events, n = e.arms[1]
    if not 0 < events < n or not all(map(math.isfinite, (e.result.ci_low, e.result.ci_high))):
        return None
    r, measure = e.result, e.synthesis.measure
    found = number_needed_to_treat(
        r.estimate, r.ci_low, r.ci_high, control_risk=events / n, measure=measure, event_is="bad" if e.synthesis.harm else "good"
    )
    return Absolute(
        Share(found.control_risk),
        Share(found.treated_risk, *found.treated_risk_ci),
        Share(found.risk_difference, *found.risk_difference_ci),
        (events, n),
    )


def is_nature(synthesis: Synthesis) -> bool:
    """Is a declared estimate one of people without the treatment, compared with nobody?"""
    return dict(synthesis.where).get("role") == _NATURE


def unlike(treated: Estimate, nature: Estimate, course: NaturalCourse | None, evidence: Evidence) -> str:
    """Why an estimate of the natural course is no comparator for treated people; blank where all of them are known to be like its people.

    Who is alike is the rule of ``natural_course.yml`` (:meth:`~cordbook.review.estimates.natural_course.NaturalCourse.is_alike`).
    """
    if kind_of(treated) != "single arm" or not is_nature(nature.synthesis):
        return "one is not of treated people, or the other not of people without the treatment"
    if treated.synthesis.outcome != nature.synthesis.outcome:
        return "they are of different outcomes"
    if course is None or course.value_of(nature.synthesis) is None:
        return "data/natural_course.yml does not know the natural course of such people"
    studies = evidence["studies"].set_index("study_id", drop=False).to_dict("index")
    others = [
        row.label
        for row in treated.rows
        if not course.is_alike(nature.synthesis, row.counts, studies[row.study_id], evidence.subject)
    ]
    return f"people of {enumerate_words(others)} are not known to be like those without the treatment" if others else ""


def per_thousand(share: float) -> str:
    """How many of 1,000 people, with as many digits as a reader can use.

    >>> per_thousand(0.1474), per_thousand(0.0042), per_thousand(0.0), per_thousand(-0.05)
    ('147', '4.2', '0', '−50')
    """
    number = 1000 * abs(share)
    text = f"{number:.0f}" if number >= 9.95 or number == 0 else f"{number:.1f}" if number >= 0.1 else "<0.1"
    return f"−{text}" if share < 0 and text != "0" else text
