"""Effect sizes of two arms and the checks of their counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from cordbook.synthesis.two_arm import (
    check_two_arm_counts,
    effects_of_tables,
    score_interval_of_difference,
    to_effect_scale,
    two_arm_effects,
)

# Closed formulas on numbers near 1: what is left is rounding.
ROUNDING = 1e-12


@st.composite
def two_arm_counts(draw, min_studies=1, max_studies=8, max_n=60):
    k = draw(st.integers(min_studies, max_studies))
    sizes = st.lists(st.integers(1, max_n), min_size=k, max_size=k)
    n1, n2 = draw(sizes), draw(sizes)
    events1 = [draw(st.integers(0, n)) for n in n1]
    events2 = [draw(st.integers(0, n)) for n in n2]
    return check_two_arm_counts(events1, n1, events2, n2)


def test_a_table_without_zeros_by_hand():
    # a=4 b=6 c=2 d=8
    counts = check_two_arm_counts([4], [10], [2], [10])
    for measure, effect, variance in (
        ("OR", np.log((4 * 8) / (6 * 2)), 1 / 4 + 1 / 6 + 1 / 2 + 1 / 8),
        ("RR", np.log(0.4 / 0.2), 1 / 4 - 1 / 10 + 1 / 2 - 1 / 10),
        ("RD", 0.2, 0.4 * 0.6 / 10 + 0.2 * 0.8 / 10),
    ):
        yi, vi = effects_of_tables(measure, counts)
        assert yi[0] == pytest.approx(effect, rel=ROUNDING)
        assert vi[0] == pytest.approx(variance, rel=ROUNDING)


def test_only_a_study_with_a_zero_cell_is_corrected():
    counts = check_two_arm_counts([4, 0], [10, 10], [2, 3], [10, 10])
    yi, _ = effects_of_tables("OR", counts)
    assert yi[0] == pytest.approx(np.log(32 / 12), rel=ROUNDING)
    assert yi[1] == pytest.approx(np.log((0.5 * 7.5) / (10.5 * 3.5)), rel=ROUNDING)


def test_uninformative_studies_are_those_without_contrast():
    counts = check_two_arm_counts([0, 0, 5, 5], [5, 5, 5, 5], [0, 1, 6, 5], [6, 6, 6, 6])
    assert counts.is_uninformative.tolist() == [True, False, True, False]
    assert counts.select(~counts.is_uninformative).labels == ("study 2", "study 4")


@settings(deadline=None)
@given(two_arm_counts())
def test_swapping_arms_turns_the_sign(counts):
    swapped = check_two_arm_counts(counts.events2, counts.n2, counts.events1, counts.n1)
    for measure in ("OR", "RR", "RD"):
        yi, vi = effects_of_tables(measure, counts)
        turned, same = effects_of_tables(measure, swapped)
        np.testing.assert_allclose(turned, -yi, atol=ROUNDING)
        np.testing.assert_allclose(same, vi, rtol=ROUNDING)


@settings(deadline=None)
@given(two_arm_counts())
def test_counting_non_events_turns_the_odds_ratio_and_the_difference_but_not_the_risk_ratio(counts):
    mirrored = check_two_arm_counts(counts.n1 - counts.events1, counts.n1, counts.n2 - counts.events2, counts.n2)
    for measure in ("OR", "RD"):
        yi, _ = effects_of_tables(measure, counts)
        turned, _ = effects_of_tables(measure, mirrored)
        np.testing.assert_allclose(turned, -yi, atol=ROUNDING)


@settings(deadline=None)
@given(two_arm_counts())
def test_effects_are_finite_and_variances_positive_whatever_the_zeros(counts):
    for measure in ("OR", "RR", "RD"):
        yi, vi = effects_of_tables(measure, counts)
        assert np.all(np.isfinite(yi))
        assert np.all(vi > 0)


def test_both_arms_are_reported_in_one_message():
    with pytest.raises(ValueError) as error:
        check_two_arm_counts([5, 1], [4, 9], [1, -2], [9, 9], ["Levi", "Okada"])
    message = str(error.value)
    assert "arm 1" in message and "Levi" in message and "5" in message
    assert "arm 2" in message and "Okada" in message and "-2" in message


def test_arms_of_unequal_length():
    with pytest.raises(ValueError, match="arm 1 has 2 studies and arm 2 has 1"):
        check_two_arm_counts([1, 2], [4, 9], [1], [9])


@pytest.mark.parametrize("correction", [-0.5, np.nan, np.inf])
def test_a_correction_must_be_a_finite_number(correction):
    with pytest.raises(ValueError, match="correction"):
        effects_of_tables("OR", check_two_arm_counts([1], [4], [1], [9]), correction=correction)


def test_unknown_measure():
    with pytest.raises(ValueError, match="'HR'.*OR, RR, RD"):
        to_effect_scale("HR", 1.0)


# Newcombe (1998), Statistics in Medicine 17:873-890, table II, method 10: four of its contrasts.
NEWCOMBE = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (10, 10, 0, 10, 0.6075, 1.0000),
    (10, 10, 0, 20, 0.6791, 1.0000),
]


@pytest.mark.parametrize(("events1", "n1", "events2", "n2", "low", "high"), NEWCOMBE)
def test_score_interval_of_a_difference_agrees_with_newcombe(events1, n1, events2, n2, low, high):
    limits = score_interval_of_difference(check_two_arm_counts([events1], [n1], [events2], [n2]), 0.95)
    assert [round(float(limit[0]), 4) for limit in limits] == [low, high]


@settings(deadline=None, max_examples=50)
@given(two_arm_counts(max_n=60))
def test_score_interval_of_a_difference_is_that_of_statsmodels(counts):
    low, high = score_interval_of_difference(counts, 0.9)
    for i in range(counts.k):
        arms = (counts.events1[i], counts.n1[i], counts.events2[i], counts.n2[i])
        theirs = confint_proportions_2indep(*arms, method="newcomb", compare="diff", alpha=0.1)
        assert [low[i], high[i]] == pytest.approx(theirs, abs=1e-12)


def test_counts_become_effects_by_arrays_or_by_columns():
    arms = {"a": [4, 0], "n": [123, 20], "c": [11, 2], "m": [139, 21]}
    plain = two_arm_effects(*arms.values(), measure="RR")
    named = two_arm_effects("a", "n", "c", "m", measure="RR", data=arms)
    assert plain.yi.tolist() == named.yi.tolist() and plain.corrected == named.corrected == 1
    yi, vi = effects_of_tables("RR", check_two_arm_counts(*arms.values()))
    assert (plain.yi.tolist(), plain.vi.tolist()) == (yi.tolist(), vi.tolist())
