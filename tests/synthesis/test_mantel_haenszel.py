"""Mantel-Haenszel and Peto, beside statsmodels and by their properties."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from statsmodels.stats.contingency_tables import StratifiedTable

from cordbook.synthesis.pooling.mantel_haenszel import mantel_haenszel, peto
from cordbook.synthesis.two_arm import check_two_arm_counts

from .test_two_arm import two_arm_counts

# Sums of at most 8 tables in double precision.
ROUNDING = 1e-9


@settings(deadline=None)
@given(two_arm_counts(min_studies=2))
def test_pooled_ratios_and_standard_error_equal_those_of_statsmodels(counts):
    a, b, c, d = counts.cells
    total = a + b + c + d
    assume((a * d / total).sum() > 0 and (b * c / total).sum() > 0)
    peer = StratifiedTable([np.array([[a[i], b[i]], [c[i], d[i]]]) for i in range(counts.k)])
    odds, risk = mantel_haenszel("OR", counts), mantel_haenszel("RR", counts)
    assert np.exp(odds.estimate) == pytest.approx(peer.oddsratio_pooled, rel=ROUNDING)
    assert odds.se == pytest.approx(peer.logodds_pooled_se, rel=ROUNDING)
    assert np.exp(risk.estimate) == pytest.approx(peer.riskratio_pooled, rel=ROUNDING)


@settings(deadline=None)
@given(two_arm_counts(min_studies=2))
def test_double_zero_studies_have_no_say_in_ratios(counts):
    a, b, c, d = counts.cells
    assume((a * d).sum() > 0 and (b * c).sum() > 0)
    more = check_two_arm_counts([*counts.events1, 0], [*counts.n1, 40], [*counts.events2, 0], [*counts.n2, 50])
    for before, after in (
        (mantel_haenszel("OR", counts), mantel_haenszel("OR", more)),
        (mantel_haenszel("RR", counts), mantel_haenszel("RR", more)),
        (peto(counts), peto(more)),
    ):
        assert after.estimate == pytest.approx(before.estimate, rel=ROUNDING, abs=ROUNDING)
        assert after.se == pytest.approx(before.se, rel=ROUNDING)
        assert after.q == pytest.approx(before.q, rel=ROUNDING, abs=ROUNDING)
        assert after.q_df == before.q_df
        assert after.weights[-1] == 0


def test_a_double_zero_study_pulls_the_risk_difference_to_zero():
    two = check_two_arm_counts([4, 6], [20, 30], [2, 3], [20, 30])
    three = check_two_arm_counts([4, 6, 0], [20, 30, 40], [2, 3, 0], [20, 30, 40])
    # By hand: weights 10, 15 and 20; differences 0.1, 0.1 and 0.
    assert mantel_haenszel("RD", two).estimate == pytest.approx(0.1)
    assert mantel_haenszel("RD", three).estimate == pytest.approx(2.5 / 45)


@settings(deadline=None)
@given(two_arm_counts(min_studies=2))
def test_weights_are_percent(counts):
    assert mantel_haenszel("RD", counts).weights.sum() == pytest.approx(100)


@settings(deadline=None)
@given(two_arm_counts(min_studies=2))
def test_order_of_studies_does_not_matter(counts):
    turned = counts.select(np.ones(counts.k, dtype=bool))
    turned = check_two_arm_counts(counts.events1[::-1], counts.n1[::-1], counts.events2[::-1], counts.n2[::-1])
    here, there = mantel_haenszel("RD", counts), mantel_haenszel("RD", turned)
    assert there.estimate == pytest.approx(here.estimate, rel=ROUNDING, abs=ROUNDING)
    assert there.se == pytest.approx(here.se, rel=ROUNDING, abs=ROUNDING)


def test_a_ratio_which_does_not_exist_is_refused_with_a_way_out():
    counts = check_two_arm_counts([0, 0], [10, 20], [1, 3], [10, 20])
    for measure in ("OR", "RR"):
        with pytest.raises(ValueError, match="arm 1.*model='glmm'"):
            mantel_haenszel(measure, counts)


def test_peto_needs_an_event():
    with pytest.raises(ValueError, match="both events and non-events"):
        peto(check_two_arm_counts([0, 0], [10, 20], [0, 0], [10, 20]))


def test_peto_by_hand():
    # One table: a=4 of 10, c=2 of 10. E = 6 * 10 / 20 = 3; V = 6 * 14 * 10 * 10 / (20^2 * 19).
    variance = 6 * 14 * 100 / (400 * 19)
    result = peto(check_two_arm_counts([4], [10], [2], [10]))
    assert result.estimate == pytest.approx(1 / variance)
    assert result.se == pytest.approx(variance**-0.5)
    assert (result.q, result.q_df, result.q_p) == (0, 0, 1)


def test_a_study_with_nothing_but_events_draws_the_risk_ratio_to_one():
    one = mantel_haenszel("RR", check_two_arm_counts([4], [10], [8], [10]))
    two = mantel_haenszel("RR", check_two_arm_counts([4, 10], [10, 10], [8, 10], [10, 10]))
    # By hand: (4 + 10) / (8 + 10), all weights being 10 / 20.
    assert np.exp(one.estimate) == pytest.approx(0.5)
    assert np.exp(two.estimate) == pytest.approx(14 / 18)


def test_nothing_but_events_everywhere_has_no_spread():
    result = mantel_haenszel("RR", check_two_arm_counts([3, 3], [3, 3], [4, 3], [4, 3]))
    assert result.estimate == pytest.approx(0, abs=1e-12)
    assert result.se == pytest.approx(0, abs=1e-7)
