"""The conditional binomial-normal model for odds ratios."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from scipy import integrate, special, stats

from cordbook.synthesis.glmm import conditional_likelihood, two_arm
from cordbook.synthesis.glmm.two_arm import (
    fit_tables,
    likelihood_ratio,
    profile_limits,
    saturated_statistic,
    study_weights,
)
from cordbook.synthesis.two_arm import check_two_arm_counts

from .test_two_arm import two_arm_counts

# The optimiser stops at a gradient of 1e-9 a study; with the small information of such data that is about 1e-7 in the estimate.
ITERATIVE = 1e-5
# SciPy's adaptive integration is asked for 1e-10.
INTEGRATION = 1e-8

# One-sided bells at the largest tau cost Gauss-Hermite nodes 3e-6 a likelihood.
ONE_SIDED = 1e-5

NIELWEISE = check_two_arm_counts(
    [0, 1, 2, 0, 5, 1, 1, 1, 1, 1, 0, 0, 3, 6, 0, 0, 1, 4],
    [116, 44, 208, 130, 151, 98, 174, 74, 97, 113, 66, 70, 188, 187, 118, 252, 345, 64],
    [3, 3, 9, 7, 6, 4, 3, 2, 19, 2, 7, 1, 5, 11, 0, 1, 3, 1],
    [117, 35, 195, 136, 157, 139, 177, 39, 103, 122, 64, 58, 175, 180, 105, 262, 362, 69],
)


def log_likelihood_by_scipy(counts, mu, tau):
    """The same likelihood from SciPy's noncentral hypergeometric law and its adaptive integration."""
    total = 0.0
    for x, n1, y, n2 in zip(counts.events1, counts.n1, counts.events2, counts.n2, strict=True):
        if x + y in (0, n1 + n2):
            continue

        def integrand(u, x=x, n1=n1, n2=n2, m=x + y):
            return stats.nchypergeom_fisher.pmf(x, n1 + n2, n1, m, np.exp(mu + tau * u)) * stats.norm.pdf(u)

        total += np.log(integrate.quad(integrand, -10, 10, epsabs=0, epsrel=1e-10, points=[-3, -1, 0, 1, 3])[0])
    return total


def test_log_likelihood_equals_direct_integration_with_scipy():
    counts = NIELWEISE.select(np.arange(18) < 6)
    fit = fit_tables(counts)
    direct = log_likelihood_by_scipy(counts, fit.estimate, np.sqrt(fit.tau2))
    assert fit.log_likelihood == pytest.approx(direct, rel=INTEGRATION)


def test_no_point_nearby_is_higher():
    counts = NIELWEISE.select(np.arange(18) < 10)
    fit = fit_tables(counts)
    tau = np.sqrt(fit.tau2)
    for d_mu, d_tau in ((0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05)):
        assert log_likelihood_by_scipy(counts, fit.estimate + d_mu, tau + d_tau) < fit.log_likelihood


@pytest.mark.parametrize("likelihood", ["exact", "approximate"])
def test_more_quadrature_nodes_change_nothing(likelihood, monkeypatch):
    before = fit_tables(NIELWEISE, likelihood=likelihood)
    monkeypatch.setattr(conditional_likelihood, "NODES_UP_TO_TAU", ((np.inf, 120),))
    after = fit_tables(NIELWEISE, likelihood=likelihood)
    assert after.estimate == pytest.approx(before.estimate, rel=1e-8)
    assert after.tau2 == pytest.approx(before.tau2, rel=1e-7)


def test_blocks_add_up(monkeypatch):
    whole = fit_tables(NIELWEISE)
    monkeypatch.setattr(conditional_likelihood, "BLOCK_SUPPORT", 30)
    assert len(conditional_likelihood.likelihood_blocks(NIELWEISE, "exact")[0]) > 1
    parts = fit_tables(NIELWEISE)
    assert parts.estimate == pytest.approx(whole.estimate, rel=1e-9)
    assert study_weights(NIELWEISE, parts) == pytest.approx(study_weights(NIELWEISE, whole), rel=1e-6)


# Studies that contradict each other with nothing in between: the likelihood is a steep edge beside a plain.
CONTRADICTING = check_two_arm_counts([30, 1, 0, 0, 10], [30, 12, 1, 1, 10], [2, 16, 0, 5, 0], [30, 30, 1, 9, 10])


def test_wide_effects_are_integrated_right():
    """Against the trapezoidal rule on 40,001 points, at the largest tau there is."""
    tau, z = 10.0, np.linspace(-8.0, 8.0, 40_001)[:, None]
    for mu in (-4.0, -3.8, 3.7):
        (block,), _ = conditional_likelihood.likelihood_blocks(CONTRADICTING, "exact")
        value = block.derivatives(mu + tau * np.tile(z, CONTRADICTING.k - 1))[0] - z * z / 2
        whole = special.logsumexp(value, axis=0) + np.log((z[1, 0] - z[0, 0]) / np.sqrt(2 * np.pi))
        assert two_arm._marginal(block, mu, tau)[0] == pytest.approx(whole.sum(), abs=ONE_SIDED)


@settings(deadline=None, max_examples=25)
@example(CONTRADICTING)
@given(two_arm_counts(min_studies=2, max_n=30))
def test_swapping_arms_and_mirroring_events_turn_the_sign(counts):
    assume((~counts.is_uninformative).any())
    fit = fit_tables(counts)
    swapped = fit_tables(check_two_arm_counts(counts.events2, counts.n2, counts.events1, counts.n1))
    mirrored = fit_tables(check_two_arm_counts(counts.n1 - counts.events1, counts.n1, counts.n2 - counts.events2, counts.n2))
    for turned in (swapped, mirrored):
        if np.isinf(fit.estimate):
            assert turned.estimate == -fit.estimate
        else:
            assert turned.estimate == pytest.approx(-fit.estimate, rel=ITERATIVE, abs=ITERATIVE)
            assert turned.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(two_arm_counts(min_studies=2, max_n=30))
def test_random_effects_never_fit_worse_than_a_common_effect(counts):
    assume((~counts.is_uninformative).any())
    fit = fit_tables(counts)
    assert fit.log_likelihood >= fit.log_likelihood_common
    assert fit.tau2 >= 0
    if np.isfinite(fit.estimate):
        assert np.isfinite(fit.se) and fit.se > 0


@settings(deadline=None, max_examples=6)
@given(two_arm_counts(min_studies=2, max_studies=4, max_n=12))
def test_profile_limits_enclose_the_estimate_and_nest(counts):
    assume((~counts.is_uninformative).any())
    fit = fit_tables(counts)
    low, high = profile_limits(counts, fit, 0.8)
    lower, higher = profile_limits(counts, fit, 0.95)
    assert lower <= low <= fit.estimate <= high <= higher


def test_profile_limits_are_where_the_likelihood_has_fallen_by_half_a_chi_square():
    fit = fit_tables(NIELWEISE)
    for limit in profile_limits(NIELWEISE, fit, 0.9):
        assert likelihood_ratio(NIELWEISE, fit, limit) == pytest.approx(stats.chi2.ppf(0.9, 1), rel=1e-7)


def test_no_event_in_one_arm_gives_zero_and_the_exact_limit():
    counts = check_two_arm_counts([0], [10], [3], [12])
    fit = fit_tables(counts)
    low, high = profile_limits(counts, fit, 0.95)
    assert fit.estimate == -np.inf and low == -np.inf and fit.notes
    # Fisher's exact upper limit, from SciPy.
    peer = stats.contingency.odds_ratio([[0, 10], [3, 9]], kind="conditional").confidence_interval(0.95)
    assert np.exp(high) == pytest.approx(peer.high, rel=1e-6)


def test_conditional_estimate_of_one_table_equals_that_of_scipy():
    fit = fit_tables(check_two_arm_counts([4], [20], [9], [25]))
    assert np.exp(fit.estimate) == pytest.approx(stats.contingency.odds_ratio([[4, 16], [9, 16]]).statistic, rel=1e-6)


def test_saturated_statistic_is_zero_for_equal_studies_and_large_for_opposite_ones():
    same = check_two_arm_counts([4, 4], [20, 20], [9, 9], [25, 25])
    assert saturated_statistic(same, fit_tables(same)) == pytest.approx(0, abs=1e-9)
    opposite = check_two_arm_counts([40, 2], [50, 50], [2, 40], [50, 50])
    assert saturated_statistic(opposite, fit_tables(opposite)) > 100


def test_huge_trials_do_not_overflow():
    counts = check_two_arm_counts([505, 186, 27], [88391, 50634, 16913], [499, 141, 29], [88391, 27338, 17854])
    fit = fit_tables(counts)
    assert np.isfinite([fit.estimate, fit.se, fit.tau2, fit.log_likelihood]).all()


def test_nothing_to_condition_on():
    with pytest.raises(ValueError, match="both events and non-events"):
        fit_tables(check_two_arm_counts([0, 0], [5, 6], [0, 0], [5, 6]))


def test_unknown_likelihood():
    with pytest.raises(ValueError, match="exact, approximate"):
        fit_tables(NIELWEISE, likelihood="laplace")


def test_an_infinite_estimate_can_have_a_limit_on_either_side_of_no_effect():
    counts = check_two_arm_counts([1, 1], [1, 1], [0, 0], [1, 5])
    fit = fit_tables(counts)
    low, high = profile_limits(counts, fit, 0.5)
    # P(both events in arm 1 | odds ratio w) = w/(w + 1) * w/(w + 5); at the limit it is 0.25.
    w = np.exp(low)
    assert w * w / ((w + 1) * (w + 5)) == pytest.approx(0.25, rel=1e-6)
    assert fit.estimate == high == np.inf


def test_contradicting_studies_reach_the_ceiling_and_say_so():
    counts = check_two_arm_counts([30, 0], [30, 30], [0, 30], [30, 30])
    fit = fit_tables(counts)
    assert fit.estimate == pytest.approx(0, abs=1e-6)
    assert any("no limit to tau2" in note for note in fit.notes)
