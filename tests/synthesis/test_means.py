"""Effects of means: what must not change them, what they are made of, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cordbook.synthesis import (
    change_effects,
    combine_groups,
    correlation_of_change,
    difference_of_changes,
    mean_effects,
    means_from_quantiles,
    pool_changes,
    pool_means,
    reported_means,
    sd_from_ci,
    sd_from_p,
    sd_from_se,
    sd_from_t,
    sd_of_change,
)
from cordbook.synthesis.means.sizes import MEASURE_NAMES, TWO_GROUP_MEASURES, bias_correction

ROUNDING = 1e-9
STANDARDISED = ("SMD", "SMDH", "SMD1", "SMD1H")


def numbers(low, high):
    return st.floats(low, high, allow_nan=False).map(lambda value: round(value, 3))


@st.composite
def two_groups(draw, positive=False):
    k = draw(st.integers(1, 5))

    def column(strategy):
        return np.array([draw(strategy) for _ in range(k)], dtype=float)

    means, sds, sizes = numbers(5 if positive else -50, 50), numbers(0.5, 20), st.integers(3, 200)
    return [column(strategy) for strategy in (means, sds, sizes, means, sds, sizes)]


@st.composite
def before_after(draw):
    k = draw(st.integers(1, 5))
    means, sds = numbers(5, 50), numbers(0.5, 20)
    return [
        np.array([draw(s) for _ in range(k)], float) for s in (st.integers(3, 200), means, means, sds, sds, numbers(-0.9, 0.95))
    ]


def swapped(groups):
    return [*groups[3:], *groups[:3]]


@settings(deadline=None)
@given(two_groups(), numbers(-100, 100), st.sampled_from(["MD", *STANDARDISED]))
def test_a_shift_of_all_scores_changes_no_difference(groups, shift, measure):
    plain = mean_effects(*groups, measure=measure)
    moved = mean_effects(groups[0] + shift, *groups[1:3], groups[3] + shift, *groups[4:], measure=measure)
    np.testing.assert_allclose(moved.yi, plain.yi, atol=ROUNDING, rtol=ROUNDING)
    np.testing.assert_allclose(moved.vi, plain.vi, atol=ROUNDING, rtol=ROUNDING)


@settings(deadline=None)
@given(two_groups(positive=True), numbers(0.1, 30), st.sampled_from(TWO_GROUP_MEASURES))
def test_another_unit_changes_no_standardised_difference_and_no_ratio(groups, unit, measure):
    plain = mean_effects(*groups, measure=measure)
    scaled = mean_effects(
        groups[0] * unit, groups[1] * unit, groups[2], groups[3] * unit, groups[4] * unit, groups[5], measure=measure
    )
    factor = unit if measure == "MD" else 1.0
    np.testing.assert_allclose(scaled.yi, plain.yi * factor, atol=ROUNDING, rtol=ROUNDING)
    np.testing.assert_allclose(scaled.vi, plain.vi * factor**2, rtol=ROUNDING)


@settings(deadline=None)
@given(two_groups(positive=True), st.sampled_from(["MD", "SMD", "SMDH", "ROM"]))
def test_exchanged_groups_turn_the_sign(groups, measure):
    plain, turned = (mean_effects(*columns, measure=measure) for columns in (groups, swapped(groups)))
    np.testing.assert_allclose(turned.yi, -plain.yi, atol=ROUNDING)
    np.testing.assert_allclose(turned.vi, plain.vi, rtol=ROUNDING)


@settings(deadline=None)
@given(two_groups())
def test_equal_variances_and_sizes_make_both_standardised_differences_one(groups):
    m1, sd, n, m2 = groups[:4]
    pooled, unequal = (mean_effects(m1, sd, n, m2, sd, n, measure=measure) for measure in ("SMD", "SMDH"))
    np.testing.assert_allclose(pooled.yi, unequal.yi, rtol=ROUNDING, atol=ROUNDING)


@settings(deadline=None)
@given(before_after(), st.sampled_from(["MC", "SMCC", "ROMC"]))
def test_time_run_backwards_turns_the_sign(columns, measure):
    n, before, after, sd_before, sd_after, r = columns
    plain = change_effects(n, before, after, sd_before, sd_after, r=r, measure=measure)
    turned = change_effects(n, after, before, sd_after, sd_before, r=r, measure=measure)
    np.testing.assert_allclose(turned.yi, -plain.yi, atol=ROUNDING)
    np.testing.assert_allclose(turned.vi, plain.vi, rtol=1e-7)


@settings(deadline=None)
@given(before_after(), numbers(-20, 20), numbers(0.1, 30))
def test_changes_know_no_shift_and_standardised_ones_no_unit(columns, shift, unit):
    n, before, after, sd_before, sd_after, r = columns
    for measure, factor in (("MC", unit), ("SMCC", 1.0), ("SMCR", 1.0)):
        plain = change_effects(n, before, after, sd_before, sd_after, r=r, measure=measure)
        moved = change_effects(
            n, before * unit + shift, after * unit + shift, sd_before * unit, sd_after * unit, r=r, measure=measure
        )
        np.testing.assert_allclose(moved.yi, plain.yi * factor, atol=1e-8, rtol=1e-8)
        np.testing.assert_allclose(moved.vi, plain.vi * factor**2, rtol=1e-8)


@settings(deadline=None)
@given(before_after())
def test_the_correlation_comes_back_from_the_sd_of_the_change(columns):
    _, _, _, sd_before, sd_after, r = columns
    np.testing.assert_allclose(correlation_of_change(sd_before, sd_after, sd_of_change(sd_before, sd_after, r)), r, atol=1e-7)


@settings(deadline=None)
@given(two_groups())
def test_a_spread_comes_back_from_its_standard_error_interval_t_and_p(groups):
    m1, sd, n1, _, _, n2 = groups
    se = sd / np.sqrt(n1)
    np.testing.assert_allclose(sd_from_se(se, n1).sd, sd, rtol=ROUNDING)
    reach = stats.t.ppf(0.95, n1 - 1) * se
    np.testing.assert_allclose(sd_from_ci(m1 - reach, m1 + reach, n1, level=0.9).sd, sd, rtol=1e-7)
    error = sd * np.sqrt(1 / n1 + 1 / n2)
    t = np.full(len(n1), 2.3)
    np.testing.assert_allclose(sd_from_t(-t * error, t, n1, n2).sd, sd, rtol=ROUNDING)
    p = 2 * stats.t.sf(t, n1 + n2 - 2)
    np.testing.assert_allclose(sd_from_p(t * error, p, n1, n2).sd, sd, rtol=1e-7)
    p = 2 * stats.t.sf(t, n1 - 1)
    np.testing.assert_allclose(sd_from_p(t * se, p, n1).sd, sd, rtol=1e-7)


@given(st.lists(st.lists(numbers(-30, 30), min_size=2, max_size=8), min_size=1, max_size=4))
def test_groups_combined_are_their_patients_together(parts):
    together = np.concatenate([np.array(part) for part in parts])
    found = combine_groups(*zip(*((np.mean(p), np.std(p, ddof=1), len(p)) for p in parts), strict=True))
    np.testing.assert_allclose([found.mean[0], found.sd[0]], [together.mean(), together.std(ddof=1)], atol=1e-8)


def test_the_correction_is_exact():
    """Of a t statistic with m degrees of freedom the mean is its noncentrality over the correction."""
    for m in (2.0, 5.0, 40.0):
        assert stats.nct.mean(m, 0.7) * bias_correction(np.array([m]))[0] == pytest.approx(0.7, rel=1e-9)


# --- quartiles and ranges -------------------------------------------------------------------------------------------------


def expected_order_statistic(n, rank):
    """Of a standard normal sample, by quadrature over the beta distribution of its rank."""
    return stats.beta(rank, n + 1 - rank).expect(stats.norm.ppf)


@pytest.mark.parametrize("q", [2, 6, 25])
def test_spreads_from_quartiles_and_range_are_those_of_normal_samples(q):
    """Wan et al. take n = 4 q + 1, where quartiles are order statistics; their formulas approximate the expected ones."""
    n = 4 * q + 1
    low, lower, upper, high = (expected_order_statistic(n, rank) for rank in (1, q + 1, 3 * q + 1, n))
    five = {"q1": [lower, None, lower], "q3": [upper, None, upper], "minimum": [None, low, low], "maximum": [None, high, high]}
    for method in ("wan", "shi"):
        found = means_from_quantiles([n] * 3, [0.0] * 3, **five, sd_method=method)
        np.testing.assert_allclose(found.sd, 1.0, rtol=0.02)
        np.testing.assert_allclose(found.mean, 0.0, atol=1e-9)


@pytest.mark.parametrize("q", [3, 15])
def test_the_weights_of_luo_are_near_the_best_there_are(q):
    """No other weight of mid-range or mid-quartile against the median has an error smaller by more than 1% (40,000 normal samples)."""
    n = 4 * q + 1
    scores = np.sort(np.random.default_rng(7).standard_normal((40_000, n)), axis=1)
    low, q1, median, q3, high = scores[:, [0, q, 2 * q, 3 * q, n - 1]].T
    sizes, weights = np.full(len(median), n), np.linspace(0, 1, 101)
    for ends, middle in (({"minimum": low, "maximum": high}, (low + high) / 2), ({"q1": q1, "q3": q3}, (q1 + q3) / 2)):
        own = np.mean(means_from_quantiles(sizes, median, **ends).mean ** 2)
        best = min(np.mean((w * middle + (1 - w) * median) ** 2) for w in weights)
        assert own < 1.01 * best
    both = means_from_quantiles(sizes, median, minimum=low, maximum=high, q1=q1, q3=q3).mean
    parts = np.stack([(low + high) / 2 - median, (q1 + q3) / 2 - median], axis=1)
    best = np.mean((median + parts @ np.linalg.lstsq(parts, -median, rcond=None)[0]) ** 2)
    assert np.mean(both**2) < 1.01 * best


def test_the_spread_in_the_documentation_of_metablue():
    """R package metaBLUE 1.0.0, `Wan.std(c(1, 4, 10), 30, "S1")`: 2.205578."""
    assert means_from_quantiles([30], [4], minimum=[1], maximum=[10]).sd.round(6).tolist() == [2.205578]


def test_means_of_wan_by_hand():
    found = means_from_quantiles(
        [20] * 3, [6] * 3, q1=[None, 4, 4], q3=[None, 10, 10], minimum=[2, None, 2], maximum=[14, None, 14], mean_method="wan"
    )
    np.testing.assert_allclose(found.mean, [(2 + 12 + 14) / 4, (4 + 6 + 10) / 3, (2 + 8 + 12 + 20 + 14) / 8])


def test_skewed_scores_are_named():
    found = means_from_quantiles([60, 60], [3, 10], q1=[2, 7], q3=[20, 13], labels=["Skewed", "Even"])
    assert "look skewed in Skewed (" in found.notes[-1]
    assert len(means_from_quantiles([60], [10], q1=[7], q3=[13]).notes) == 1


# --- what a result says -----------------------------------------------------------------------------------------------------


def test_marks_say_how_each_number_came_about():
    found = reported_means(
        [25, 25, 25, 40, 40, 40],
        [30, 31, 32, None, 12, None],
        [6, None, None, None, None, 7],
        se=[None, 1.2, 1.0, None, None, None],
        ci_low=[None, None, 30, None, None, None],
        ci_high=[None, None, 34, None, None, None],
        median=[None, None, None, 12, 12.5, 12],
        q1=[None, None, None, 8, 8, 8],
        q3=[None, None, None, 17, 17, 17],
        labels=list("ABCDEF"),
    )
    assert [mark.partition(" (")[0] for mark in found.derived] == [
        "",
        "SD from the standard error",
        "SD from the standard error",
        "mean and SD from median and quartiles",
        "SD from median and quartiles",
        "mean from median and quartiles",
    ]
    assert found.mean[4] == 12 and found.sd[5] == 7 and found.sd[1] == pytest.approx(6.0)
    pooled = pool_means(found.mean, found.sd, found.n, labels=found.labels, derived=found.derived)
    assert pooled.notes[0].startswith(
        "Worked out, not reported as they stand, in 5 of 6 studies: B (SD from the standard error), C ("
    )
    assert pooled.to_frame()["derived"].tolist() == list(found.derived)


def test_an_imputed_correlation_is_said_and_one_that_is_known_is_kept():
    columns = {
        "n": [20, 30, 25],
        "mean_before": [10, 11, 12],
        "mean_after": [14, 13, 15],
        "sd_before": [4, 5, 4],
        "sd_after": [5, 5, 4],
    }
    found = change_effects(
        **columns, sd_change=[None, 4.0, None], r=[0.7, None, None], imputed_r=0.5, labels=list("ABC"), measure="SMCR"
    )
    assert found.derived == ("", "r from the SDs", "r imputed as 0.5")
    assert "was imputed as 0.5 in 1 of 3 studies, which do not report it (C)" in found.notes[0]
    worked_out = (25 + 25 - 16) / 50
    np.testing.assert_allclose(
        found.vi, 2 * (1 - np.array([0.7, worked_out, 0.5])) / np.array([20, 30, 25]) + found.yi**2 / (2 * np.array([20, 30, 25]))
    )
    # A change with its own SD needs no correlation at all.
    assert change_effects([20], mean_change=[4], sd_change=[5], imputed_r=0.5).derived == ("",)


def test_results_can_be_stored_shown_and_tabled():
    result = pool_means([55, 27], [47, 7], [155, 31], [75, 29], [64, 4], [156, 32], measure="ROM", labels=["A", "B"])
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["measure"] == "ROM"
    assert result.summary().startswith("Pooled ratio of means (2 studies, 374 patients; random effects, REML)")
    row = result.studies[0]
    assert (row.mean1, row.sd2, row.n2) == (55, 64, 156)
    assert row.estimate == pytest.approx(55 / 75) and row.ci_low < row.estimate < row.ci_high
    change = pool_changes([20, 30], mean_change=[4, 5], sd_change=[3, 4])
    assert change.studies[0].n2 is None and change.to_dict()["studies"][0]["mean2"] is None
    assert "mean change" in change.summary()
    effects = mean_effects([55, 27], [47, 7], [155, 31], [75, 29], [64, 4], [156, 32])
    assert effects.to_frame().columns.tolist() == ["label", "yi", "vi", "derived"]
    assert "standard error" in effects.summary()
    assert set(TWO_GROUP_MEASURES) < set(MEASURE_NAMES)


def test_notes_of_both_groups_stand_in_the_difference():
    both = change_effects([20], [10], [14], [4], [5], imputed_r=0.5)
    assert difference_of_changes(both, both).notes == both.notes
    with pytest.raises(ValueError, match="same studies"):
        difference_of_changes(both, change_effects([20], [10], [14], [4], [5], imputed_r=0.5, labels=["Other"]))


# --- what is refused --------------------------------------------------------------------------------------------------------

GOOD = {
    "mean1": [10, 12],
    "sd1": [3, 4],
    "n1": [20, 25],
    "mean2": [9, 8],
    "sd2": [3, 5],
    "n2": [21, 22],
    "labels": ["Levi", "Okada"],
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sd1": [3, -4]}, "Okada: sd1 = -4 is below 0; give the standard deviation"),
        ({"sd2": [3, None]}, "Okada: sd2 is missing or not a number"),
        ({"sd2": [3, "few"]}, "Okada: sd2 is missing or not a number"),
        ({"n1": [1, 25]}, "Levi: n1 = 1 is below 2"),
        ({"n2": [21.5, 22]}, "Levi: n2 = 21.5 is not a whole number"),
        ({"mean1": [10, np.inf]}, "Okada: mean1 = inf is not a finite number"),
        ({"mean1": [10]}, "mean1 has 1 and sd1 has 2"),
        ({"mean2": None}, "mean2 not given: give mean, SD and n of both groups"),
        ({"measure": "XYZ"}, "measure = 'XYZ' is not known; choose one of 'MD', 'SMD'"),
        ({"measure": "MN"}, "measure = 'MN' is not known"),
        ({"measure": "ROM", "mean2": [9, -8]}, "Okada: the ratio of the means 12 and -8 has no logarithm"),
        ({"measure": "SMD", "sd1": [0, 4], "sd2": [0, 5]}, "Levi: the pooled SD is 0, and the effect is divided by it"),
        ({"measure": "SMD1", "sd2": [3, 0]}, "Okada: sd2 is 0"),
        ({"measure": "SMD1H", "n2": [21, 2]}, "Okada: n2 = 2 is below 3"),
        ({"sd1": [0, 4], "sd2": [0, 5]}, "Levi: the effect has no sampling variance above 0"),
        ({"derived": ["one"]}, "derived must have one text for each of the 2 studies"),
        ({"labels": ["Levi"]}, "labels has 1 names but there are 2 studies"),
    ],
)
def test_bad_groups_are_named(change, words):
    with pytest.raises(ValueError) as refused:
        mean_effects(**GOOD | change)
    assert words in str(refused.value)


def test_every_problem_is_said_at_once():
    with pytest.raises(ValueError) as refused:
        mean_effects(**GOOD | {"sd1": [-3, -4], "n2": [0, 22]})
    assert len(str(refused.value).splitlines()) == 3


BEFORE = {
    "n": [20, 30],
    "mean_before": [10, 11],
    "mean_after": [14, 13],
    "sd_before": [4, 5],
    "sd_after": [5, 6],
    "labels": ["Levi", "Okada"],
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "Levi: sd_change is missing, and cannot be worked out; give it, or sd_before, sd_after and r (or imputed_r"),
        ({"r": [0.5, 1.2]}, "Okada: r = 1.2 is above 1; a correlation lies between -1 and 1"),
        ({"r": [0.5, "high"], "imputed_r": 0.5}, "Okada: r is not a number"),
        ({"imputed_r": -2}, "imputed_r = -2 is below -1"),
        ({"r": [0.5, 0.5], "sd_after": [5, None]}, "Okada: sd_change is missing"),
        ({"r": [0.5, 0.5], "mean_after": [None, 13]}, "Levi: mean_change, or both mean_before and mean_after, are missing"),
        ({"sd_change": [12, 4]}, "Levi: SDs 4 before, 5 after and 12 of the change would need a correlation of -2.58"),
        ({"measure": "SMCR", "r": [0.5, None]}, "Okada: r is missing; give the correlation"),
        ({"measure": "SMCC", "imputed_r": 0.5, "n": [2, 30]}, "Levi: n = 2 is below 3"),
        ({"measure": "SMCR", "imputed_r": 0.5, "sd_before": [0, 5]}, "Levi: sd_before is 0"),
        ({"measure": "ROMC", "imputed_r": 0.5, "mean_after": [14, -1]}, "Okada: the ratio of the means -1 and 11"),
        ({"measure": "MD"}, "measure = 'MD' is not known; choose one of 'MC'"),
        ({"imputed_r": 1.0, "sd_after": [4, 6]}, "Levi: the effect has no sampling variance"),
    ],
)
def test_bad_changes_are_named(change, words):
    with pytest.raises(ValueError) as refused:
        change_effects(**BEFORE | change)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sd_from_se([0], [20]), "se = 0 is not above 0"),
        (lambda: sd_from_ci([3], [3], [20]), "ci_low = 3 is not below ci_high = 3"),
        (lambda: sd_from_ci([3], [4], [20], quantile="z"), "quantile = 'z' is not known"),
        (lambda: sd_from_ci([3], [4], [20], level=95), "for a 95% interval write 0.95"),
        (lambda: sd_from_t([0], [2], [20]), "a difference of 0 and t = 2 give no standard deviation"),
        (lambda: sd_from_p([3], [0], [20]), "p = 0 is not above 0"),
        (lambda: sd_from_p([3], [1], [20]), "a difference of 3 and p = 1 give no standard deviation"),
        (lambda: sd_from_p([3], [1.5], [20]), "p = 1.5 is above 1"),
        (lambda: means_from_quantiles([20], [6], q1=[4]), "of q1 and q3 one is missing"),
        (lambda: means_from_quantiles([20], [6]), "a median alone gives no standard deviation"),
        (lambda: means_from_quantiles([4], [6], q1=[4], q3=[9]), "fewer than 5 patients"),
        (lambda: means_from_quantiles([20], [6], q1=[7], q3=[9]), "q1 = 7 is above median = 6"),
        (lambda: means_from_quantiles([20], [6], q1=[6], q3=[6]), "all numbers are 6"),
        (lambda: correlation_of_change([4], [0], [3]), "sd_after = 0 is not above 0"),
        (lambda: combine_groups([1], [2], [0]), "n = 0 is below 1"),
        (lambda: reported_means([20], [6]), "sd is missing, and nothing is given that it can come from"),
        (lambda: reported_means([20], None, [6]), "mean is missing"),
    ],
)
def test_bad_reports_are_named(call, words):
    with pytest.raises(ValueError) as refused:
        call()
    assert words in str(refused.value)
