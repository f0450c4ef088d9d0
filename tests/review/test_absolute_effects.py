"""People of 1,000 with and without a treatment: a comparator only where there is one, and only people alike."""

from __future__ import annotations

import pytest

from cordbook.review.appraisal.absolute_effects import absolute, is_nature, per_thousand, unlike
from cordbook.review.estimates.natural_course import load_natural_course
from cordbook.synthesis import number_needed_to_treat


@pytest.fixture(scope="module")
def course(estimates):
    return load_natural_course(estimates.evidence.folder)


def test_a_comparison_is_told_at_the_risk_of_its_own_control_groups(estimates):
    e = estimates["ais-improved-treated-v-control"]
    found, (_, (events, n)) = absolute(e), e.arms
    assert found.basis == (events, n) and found.without.point == events / n
    odds = events / (n - events) * e.result.estimate
    assert found.treated.point == pytest.approx(odds / (1 + odds))
    assert found.difference.point == pytest.approx(found.treated.point - events / n)
    assert found.difference.low < 0 < found.difference.high  # the interval of the ratio includes no effect
    told = number_needed_to_treat(e.result.estimate, e.result.ci_low, e.result.ci_high, control_risk=events / n, event_is="good")
    assert found.treated.low == pytest.approx(told.treated_risk_ci[0])


def test_treated_people_alone_have_nobody_beside_them_and_people_without_are_no_treated(estimates):
    for e in estimates:
        found = absolute(e)
        if found is None:
            assert e.not_pooled or e.result is None or e.is_comparison, e.id
        elif not e.is_comparison:
            assert found.difference is None, e.id
            assert (found.without is None) != (found.treated is None), e.id
            assert (found.without is not None) == is_nature(e.synthesis), e.id


def test_only_people_alike_are_set_beside_each_other(estimates, course):
    def why(treated: str, nature: str) -> str:
        return unlike(estimates[treated], estimates[nature], course, estimates.evidence)

    assert why("ais-improved-cell-therapy-early-a", "natural-ais-a-acute") == ""
    assert why("ais-improved-cell-therapy-late-a", "natural-ais-a-late") == ""
    for treated, nature in (
        ("ais-improved-cell-therapy", "natural-ais-a-acute"),  # any grade, any time
        ("ais-improved-cell-therapy-early-a", "natural-ais-a-late"),
        ("ais-improved-cell-therapy-late-a", "natural-ais-a-acute"),
        ("ais-improved-cell-therapy-early-a", "natural-ais-c-acute"),
    ):
        assert "not known to be like" in why(treated, nature), (treated, nature)
    assert "different outcomes" in why("motor-improved-cell-therapy", "natural-ais-a-acute")
    assert "not of treated people" in why("natural-ais-a-late", "natural-ais-a-acute")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0"), (0.00004, "<0.1"), (0.0042, "4.2"), (0.00996, "10"), (0.1474, "147"), (-0.06, "−60"), (1.0, "1000")],
)
def test_so_many_of_a_thousand(share, text):
    assert per_thousand(share) == text
