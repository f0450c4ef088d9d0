import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit, gammaln
from scipy.stats import binom, chi2, norm, ttest_1samp

from cordbook.synthesis.glmm.likelihood import BOUNDARY_RATIO, Counts, evaluate, first_sites, mode_sites
from cordbook.synthesis.glmm.single_arm import (
    fit_binomial_normal,
    fit_binomial_normal_batch,
    mean_proportion,
    profile_cut,
    profile_limits,
)

from .core_reference import CORE, METAFOR, slow_loglik, slow_profile_mu, slow_profile_tau

# What the quadrature promises of a study's log-likelihood, by the measurement beside GAUSS_HERMITE_NODES.
QUADRATURE = 5e-8
# lme4's optimiser leaves estimates off by some 1e-5; its quadrature at 100 nodes errs by 1e-3 where tau is near 5 ("sparse").
LME4, LME4_SPARSE = 3e-5, 5e-3
# lme4 interpolates its profile with splines.
LME4_PROFILE = 1e-3

HARD = {
    "one with many, dozens with none": ([45] + [0] * 29, [50] + [10] * 29),
    "two events in one study": ([0, 0, 2] + [0] * 12, [6, 7, 25, 8, 13, 8, 10, 29, 35, 5, 60, 8, 10, 5, 35]),
    "several with many": (CORE["glmm"]["sparse"]["events"], CORE["glmm"]["sparse"]["n"]),
    "both ends": ([0, 5, 0, 6, 3, 0], [5, 5, 6, 6, 6, 40]),
    "huge": ([5_210, 800, 91_000, 33, 120_000], [10_400, 1_250, 200_000, 60, 3_100_000]),
    "one large, one discordant and small": ([100, 5], [10_000, 5]),
    "pair": ([3, 12], [40, 35]),
    "equal": ([5, 5, 5], [10, 10, 10]),
    "single events": ([0] * 30 + [1], [3] * 31),
    "nearly all": ([10, 10, 9, 30], [10, 10, 10, 31]),
}
PLAIN = {name: (stored["events"], stored["n"]) for name, stored in METAFOR.items()}

counts = st.integers(2, 8).flatmap(
    lambda k: st.lists(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=k, max_size=k)
)


def coefficients(events, n):
    x, size = np.array(events, float), np.array(n, float)
    return float((gammaln(size + 1) - gammaln(x + 1) - gammaln(size - x + 1)).sum())


@pytest.mark.parametrize("tau", [0.05, 0.3, 1.0, 2.5, 5.0, 9.0])
@pytest.mark.parametrize("mu", [-12.0, -4.0, 0.0, 3.0])
def test_likelihood_and_its_derivatives_agree_with_brute_force(mu, tau):
    x = np.array([0, 0, 0, 1, 3, 5, 10, 0, 45, 30, 500], float)
    n = np.array([3, 10, 200, 3, 10, 10, 10, 1000, 50, 60, 20000], float)
    for study in zip(x, n, strict=True):
        data = Counts.of(*(np.array([value]) for value in study))
        at, sites = np.array([mu]), first_sites(data.x, data.n, 1)
        for _ in range(4):
            found, sites = evaluate(at, np.array([tau]), data, sites)
        assert found.loglik[0] == pytest.approx(slow_loglik(*[[value] for value in study], mu, tau), abs=QUADRATURE)
    data, sites = Counts.of(x, n), first_sites(x, n, 1)
    for _ in range(4):
        found, sites = evaluate(np.array([mu]), np.array([tau]), data, sites)
    step = 1e-4 * tau
    up, middle, down = (slow_loglik(x, n, mu + s, tau) for s in (step, 0, -step))
    # Central differences err by step^2 times the next derivative, and by rounding over step or step^2.
    assert found.d_mu[0] == pytest.approx((up - down) / (2 * step), rel=1e-4, abs=1e-4)
    assert found.d_mu_mu[0] == pytest.approx((up - 2 * middle + down) / step**2, rel=2e-3, abs=5e-3 / tau**2)
    up, middle, down = (slow_loglik(x, n, mu, tau + s) for s in (step, 0, -step))
    assert found.d_tau[0] == pytest.approx((up - down) / (2 * step), rel=1e-4, abs=1e-4)
    corners = [slow_loglik(x, n, mu + a * step, tau + b * step) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    cross = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)
    assert found.d_mu_tau[0] == pytest.approx(cross, rel=2e-3, abs=5e-3 / tau**2)


def test_the_expansion_at_the_boundary_meets_the_quadrature():
    x, n = np.array([3.0, 0, 40]), np.array([20.0, 4, 900])
    data, mu = Counts.of(x, n), np.array([-2.7])
    p = expit(mu[0])
    edge = BOUNDARY_RATIO / np.sqrt(900 * p * (1 - p))
    sites = first_sites(x, n, 1)
    inside, _ = evaluate(mu, np.array([edge * 1.001]), data, sites)
    outside, _ = evaluate(mu, np.array([edge * 0.999]), data, sites)
    assert (inside.at_boundary[0], outside.at_boundary[0]) == (0, 1)
    for name in ("loglik", "d_mu", "d_mu_mu", "d_tau_tau"):
        assert getattr(inside, name)[0] == pytest.approx(getattr(outside, name)[0], rel=1e-5)


@pytest.mark.parametrize("name", [*PLAIN, *HARD])
def test_no_parameters_are_more_likely(name):
    events, n = (PLAIN | HARD)[name]
    fit = fit_binomial_normal(events, n)
    tau = fit.tau2**0.5
    height = slow_loglik(events, n, fit.mu, tau)
    assert fit.loglik == pytest.approx(height + coefficients(events, n), abs=QUADRATURE * len(n))
    reach = fit.se if np.isfinite(fit.se) else 1.0
    # 1e-9 leaves room for rounding of the sum; a maximum missed by 1e-4 of a standard error would show.
    for shift in (-1, -0.1, -0.001, 0.001, 0.1, 1):
        assert slow_loglik(events, n, fit.mu + shift * reach, tau) <= height + 1e-9
        assert slow_loglik(events, n, fit.mu, abs(tau * (1 + shift)) + (0.1 * abs(shift) if tau == 0 else 0)) <= height + 1e-9
    for other in (0.02, 0.3, 1, 3, 9):
        for mu in np.linspace(fit.mu - 6, fit.mu + 6, 9):
            assert slow_loglik(events, n, mu, other) <= height + 1e-9


def test_a_small_study_far_from_a_large_one_is_not_lost_to_the_boundary():
    # At tau = 0 the likelihood has a peak, since the large study fits exactly; far from it there is a higher one.
    events, n = HARD["one large, one discordant and small"]
    fit = fit_binomial_normal(events, n)
    p = sum(events) / sum(n)
    excess = sum((x - size * p) ** 2 - size * p * (1 - p) for x, size in zip(events, n, strict=True))
    assert excess < 0
    assert fit.status == "interior"
    assert fit.lr > 10


@pytest.mark.parametrize("name", METAFOR)
def test_is_at_least_as_likely_as_metafors_fit(name):
    stored = METAFOR[name]
    theirs = slow_loglik(stored["events"], stored["n"], stored["GLMM"]["estimate"], stored["GLMM"]["tau2"] ** 0.5)
    fit = fit_binomial_normal(stored["events"], stored["n"])
    assert fit.loglik - coefficients(stored["events"], stored["n"]) >= theirs - QUADRATURE


@pytest.mark.parametrize("name", METAFOR)
def test_metafors_log_likelihood_is_another_quantity(name):
    # rma.glmm reports the saturated log-likelihood less half of lme4's deviance, which is conditional on the studies' modes;
    # ours is the marginal log-likelihood. Computed here from our estimates, theirs comes out.
    stored = METAFOR[name]
    fit = fit_binomial_normal(stored["events"], stored["n"])
    conditional = 0.0
    for x, n in zip(stored["events"], stored["n"], strict=True):
        mode = fit.mu
        if fit.tau2 > 0:
            mode = brentq(lambda theta, x=x, n=n: x - n * expit(theta) - (theta - fit.mu) / fit.tau2, -40, 40, xtol=1e-13)
        conditional += binom.logpmf(x, n, expit(mode))
    assert stored["GLMM"]["loglik"] == pytest.approx(conditional, abs=1e-4)


@pytest.mark.parametrize("name", CORE["glmm"])
def test_agrees_with_lme4_at_100_nodes(name):
    stored = CORE["glmm"][name]
    fit = fit_binomial_normal(stored["events"], stored["n"])
    tolerance = LME4_SPARSE if name == "sparse" else LME4
    assert fit.mu == pytest.approx(stored["estimate"], rel=tolerance)
    assert fit.tau2**0.5 == pytest.approx(stored["tau"], rel=tolerance, abs=1e-5)
    assert fit.se == pytest.approx(stored["se"], rel=tolerance)
    saturated = binom.logpmf(stored["events"], stored["n"], np.divide(stored["events"], stored["n"])).sum()
    assert fit.loglik - saturated == pytest.approx(stored["loglik_less_saturated"], abs=2e-4 if name == "sparse" else 1e-8)


@pytest.mark.parametrize("name", [name for name, stored in CORE["glmm"].items() if "profile" in stored and name != "sparse"])
def test_profile_limits_agree_with_lme4(name):
    stored = CORE["glmm"][name]
    ends = profile_limits(stored["events"], stored["n"])
    assert (ends.mu_low, ends.mu_high) == pytest.approx(stored["profile"]["mu"], rel=LME4_PROFILE)
    assert (ends.tau2_low**0.5, ends.tau2_high**0.5) == pytest.approx(stored["profile"]["tau"], rel=LME4_PROFILE)


@pytest.mark.parametrize("name", ["nielweise2007_treated", "pritz1997", "hine1989_treated", *HARD])
def test_profile_limits_lie_where_the_likelihood_has_fallen_by_the_quantile(name):
    events, n = (PLAIN | HARD)[name]
    fit, ends = fit_binomial_normal(events, n), profile_limits(events, n, level=0.9)
    target = slow_loglik(events, n, fit.mu, fit.tau2**0.5) - 0.5 * chi2.ppf(0.9, 1)
    tau = fit.tau2**0.5
    for limit in (ends.mu_low, ends.mu_high):
        if np.isfinite(limit) and abs(limit) < 25:
            top = 3 * (tau + abs(limit - fit.mu)) + 1
            assert slow_profile_mu(events, n, limit, top) == pytest.approx(target, abs=1e-5)
    for limit in (ends.tau2_low**0.5, ends.tau2_high**0.5):
        if 0 < limit < 11:
            width = 5 * (1 + limit + tau)
            found = slow_profile_tau(events, n, limit, fit.mu - width, fit.mu + width)
            assert found == pytest.approx(target, abs=1e-5)
    if ends.tau2_low == 0:
        assert slow_profile_tau(events, n, 0.0, fit.mu - 5, fit.mu + 5) >= target - 1e-9


def test_the_cut_for_few_studies_is_that_of_students_interval_of_a_normal_mean():
    # With unknown variance the log-likelihood of a normal mean, its variance maximised out, is -k/2 log of the sum of squares.
    for k in (2, 3, 6, 20):
        y = np.sin(np.arange(1.0, k + 1))
        limit = ttest_1samp(y, 0.0).confidence_interval(0.9).high
        fall = k * (np.log(((y - limit) ** 2).sum()) - np.log(((y - y.mean()) ** 2).sum()))
        assert profile_cut(0.9, k) == pytest.approx(fall, rel=1e-9)
    # By hand, from the printed quantile of t with 4 degrees of freedom, 2.776: 5 log(1 + 2.776^2 / 4) = 5.3695.
    assert profile_cut(0.95, 5) == pytest.approx(5 * np.log(1 + 2.776445**2 / 4), rel=1e-6)
    assert profile_cut(0.95) == pytest.approx(3.841459, rel=1e-6)
    assert profile_cut(0.95, 10**6) == pytest.approx(3.841459, rel=1e-4)
    with pytest.raises(ValueError, match="at least 2"):
        profile_cut(0.95, 1)


def test_huge_studies_cut_for_their_number_have_students_interval():
    theta = np.array([-1.9, -1.2, -0.7, 0.1, -1.1])
    n = np.full(5, 10**8)
    ends = profile_limits(np.round(n * expit(theta)).astype(int), n, small_sample=True)
    expected = ttest_1samp(theta, 0.0).confidence_interval(0.95)
    assert (ends.mu_low, ends.mu_high) == pytest.approx((expected.low, expected.high), abs=1e-5)


# Rows on which Newton's steps towards a limit circled, or ended on the lower of two branches of the profile.
CIRCLED_N = [31, 30, 25, 20, 20, 14, 11, 7, 7, 5, 5]
CIRCLED = {
    "one in eleven": ([31, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], CIRCLED_N, 0.95),
    "two partly": ([0, 0, 0, 0, 14, 0, 0, 0, 0, 0, 5], CIRCLED_N, 0.95),
    "one partly": ([0, 5, 25, 0, 0, 0, 0, 0, 0, 0, 0], CIRCLED_N, 0.95),
    "two full": (
        [0, 0, 35, 0, 51, *[0] * 14],
        [17, 16, 35, 9, 55, 36, 59, 10, 22, 56, 16, 42, 45, 18, 37, 7, 58, 23, 47],
        0.99,
    ),
    "one large, two small": ([9, 5293, 4], [20, 12083, 28], 0.8),
    "one large, many small": (
        [0, 2, 1, 0, 0, 0, 0, 2, 4, 0, 0, 1, 130, 1, 3, 2, 1, 3],
        [44, 44, 29, 32, 52, 17, 5, 43, 46, 10, 6, 22, 5165, 16, 38, 6, 48, 27],
        0.8,
    ),
}


@pytest.mark.parametrize("name", CIRCLED)
def test_limits_are_found_where_newton_is_not_enough(name):
    events, n, level = CIRCLED[name]
    fit, ends = fit_binomial_normal(events, n), profile_limits(events, n, level=level)
    assert ends.mu_low <= fit.mu <= ends.mu_high
    assert ends.tau2_low <= fit.tau2 <= ends.tau2_high
    target = slow_loglik(events, n, fit.mu, fit.tau2**0.5) - 0.5 * chi2.ppf(level, 1)
    for limit in (ends.mu_low, ends.mu_high):
        if np.isfinite(limit):
            # Two peaks in tau: each is searched for.
            tops = (0.03, 0.3, 3.0, 40.0)
            assert max(slow_profile_mu(events, n, limit, top) for top in tops) == pytest.approx(target, abs=1e-4)


@pytest.mark.parametrize("name", ["nielweise2007_treated", "pritz1997", *HARD])
def test_bracketing_finds_what_newton_finds(name, monkeypatch):
    events, n = (PLAIN | HARD)[name]
    fit, ends = fit_binomial_normal(events, n), profile_limits(events, n)
    # No steps at all: every row is left to be bracketed.
    monkeypatch.setattr("cordbook.synthesis.glmm.newton.MAX_STEPS", 1)
    slow, bracketed = fit_binomial_normal(events, n), profile_limits(events, n)
    assert slow.loglik == pytest.approx(fit.loglik, abs=1e-7)
    assert slow.mu == pytest.approx(fit.mu, abs=1e-3 * (fit.se or 1))
    for name in ("mu_low", "mu_high"):
        here, there = getattr(bracketed, name), getattr(ends, name)
        assert (here == there) or here == pytest.approx(there, abs=2e-3 * fit.se)


def test_profile_limits_that_do_not_exist_are_infinite():
    ends = profile_limits([45] + [0] * 29, [50] + [10] * 29)
    assert ends.mu_low == -np.inf
    assert ends.tau2_high == np.inf
    assert np.isfinite([ends.mu_high, ends.tau2_low]).all()


@pytest.mark.parametrize(
    ("events", "n", "status", "mu"),
    [
        ([0, 0, 0], [5, 9, 200], "no-events", -np.inf),
        ([5, 9], [5, 9], "all-events", np.inf),
        ([5, 0, 0], [5, 9, 7], "separated", None),
        ([1, 0, 1], [1, 1, 1], "separated", None),
    ],
)
def test_data_without_a_maximum(events, n, status, mu):
    fit = fit_binomial_normal(events, n)
    assert (fit.status, fit.mu, fit.tau2, fit.se) == (status, mu, None, None)
    assert profile_limits(events, n) is None
    if status == "separated":
        # The supremum of the likelihood: a coin for each study.
        k, m = len(n), sum(x > 0 for x in events)
        assert fit.loglik == pytest.approx(m * np.log(m / k) + (k - m) * np.log(1 - m / k))
        assert fit.mean_proportion == pytest.approx(m / k)
        assert slow_loglik(events, n, 6.0 * norm.ppf(m / k), 6.0) <= fit.loglik + 1e-9


def test_one_study_is_its_own_proportion():
    fit = fit_binomial_normal([3], [10])
    assert (fit.status, fit.tau2, fit.q_df, fit.q_p) == ("boundary", 0.0, 0, None)
    assert expit(fit.mu) == pytest.approx(0.3)


@settings(deadline=None, max_examples=60)
@given(counts, st.randoms())
def test_order_does_not_matter(studies, random):
    here = fit_binomial_normal(*zip(*studies, strict=True))
    random.shuffle(studies)
    there = fit_binomial_normal(*zip(*studies, strict=True))
    assert there.status == here.status
    assert there.loglik == pytest.approx(here.loglik, rel=1e-9, abs=1e-9)
    if here.mu is not None and np.isfinite(here.mu):
        assert there.mu == pytest.approx(here.mu, abs=1e-5 * max(1.0, here.se))


@settings(deadline=None, max_examples=60)
@given(counts)
def test_mirrored_events_mirror_the_estimate(studies):
    events, n = map(np.array, zip(*studies, strict=True))
    here, there = fit_binomial_normal(events, n), fit_binomial_normal(n - events, n)
    assert there.loglik == pytest.approx(here.loglik, rel=1e-9, abs=1e-9)
    if here.mu is not None and np.isfinite(here.mu):
        assert there.mu == pytest.approx(-here.mu, abs=1e-5 * max(1.0, here.se))
        assert there.tau2 == pytest.approx(here.tau2, rel=1e-4, abs=1e-8)


@settings(deadline=None, max_examples=40)
@given(counts)
def test_profile_limits_nest_with_level(studies):
    events, n = zip(*studies, strict=True)
    fit, inner, outer = fit_binomial_normal(events, n), *(profile_limits(events, n, level=level) for level in (0.8, 0.95))
    if inner is None:
        return
    assert outer.mu_low <= inner.mu_low <= fit.mu <= inner.mu_high <= outer.mu_high
    assert outer.tau2_low <= inner.tau2_low <= inner.tau2_high <= outer.tau2_high
    # The limit lies outside the peak by more than rounding of tau2.
    assert inner.tau2_low <= fit.tau2 * (1 + 1e-6)
    assert fit.tau2 <= inner.tau2_high * (1 + 1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.lists(st.integers(1, 40), min_size=2, max_size=8))
def test_equal_proportions_give_the_common_effect(tenths, sizes):
    events, n = [tenths * size for size in sizes], [10 * size for size in sizes]
    fit = fit_binomial_normal(events, n)
    assert (fit.status, fit.tau2) == ("boundary", 0.0)
    p, total = tenths / 10, sum(n)
    assert expit(fit.mu) == pytest.approx(p, rel=1e-12)
    assert fit.se == pytest.approx((total * p * (1 - p)) ** -0.5, rel=1e-9)
    assert fit.lr == 0.0


def test_the_fit_tends_to_the_common_effect_as_the_spread_vanishes():
    # Studies drawn ever closer to one proportion: the estimate tends to the summed counts', tau2 to 0.
    p, n = 0.3, np.full(6, 10_000_000)
    offsets = np.array([-1.5, -0.9, -0.2, 0.2, 0.9, 1.5])
    distances, spreads = [], []
    for width in (0.3, 0.03, 0.003):
        events = np.round(n * expit(np.log(p / (1 - p)) + width * offsets)).astype(int)
        fit = fit_binomial_normal(events, n)
        distances.append(abs(expit(fit.mu) - events.sum() / n.sum()))
        spreads.append(fit.tau2)
    assert distances[0] > 50 * distances[1] > 50 * distances[2]
    # What is seen of the studies' spread is their variance less that of the binomial, by the moments of equal studies.
    expected = [offsets.var() * width**2 - 1 / (n[0] * p * (1 - p)) for width in (0.3, 0.03, 0.003)]
    assert spreads == pytest.approx(expected, rel=0.005)


def test_q_is_the_likelihood_ratio_against_a_proportion_for_each_study():
    events, n = [2, 7, 0], [20, 30, 25]
    p = sum(events) / sum(n)
    own = binom.logpmf(events, n, np.divide(events, n)).sum()
    fit = fit_binomial_normal(events, n)
    assert fit.q == pytest.approx(2 * (own - binom.logpmf(events, n, p).sum()))
    assert fit.q_p == pytest.approx(chi2.sf(fit.q, 2))
    assert fit.loglik_common == pytest.approx(binom.logpmf(events, n, p).sum())
    assert fit.lr_p == pytest.approx(0.5 * chi2.sf(fit.lr, 1))


def test_a_batch_gives_what_its_rows_give():
    events, n = np.array(CORE["glmm"]["sparse"]["events"]), np.array(CORE["glmm"]["sparse"]["n"])
    k = len(n)
    batch = fit_binomial_normal_batch(events, n, 1 - np.eye(k))
    for i in range(k):
        alone = fit_binomial_normal(np.delete(events, i), np.delete(n, i))
        assert batch.status[i] == alone.status
        assert batch.mu[i] == pytest.approx(alone.mu, rel=1e-6)
        assert batch.se[i] == pytest.approx(alone.se, rel=1e-6)
        assert batch.tau2[i] == pytest.approx(alone.tau2, rel=1e-6)
        assert batch.loglik[i] == pytest.approx(alone.loglik, abs=1e-7)


def test_a_batch_sorts_out_sets_without_a_maximum():
    events, n = [0, 0, 5, 5, 3], [5, 4, 5, 5, 9]
    weights = [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [1, 0, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]]
    batch = fit_binomial_normal_batch(events, n, weights)
    assert batch.status == ("no-events", "all-events", "separated", "interior", "boundary")
    assert batch.mu[:2].tolist() == [-np.inf, np.inf]
    assert np.isnan(batch.tau2[:3]).all()


def test_weights_count_studies():
    twice = fit_binomial_normal([1, 1, 4, 9], [10, 10, 12, 40])
    weighted = fit_binomial_normal_batch([1, 4, 9], [10, 12, 40], [[2, 1, 1]])
    assert weighted.mu[0] == pytest.approx(twice.mu, rel=1e-8)
    assert weighted.loglik[0] == pytest.approx(twice.loglik, rel=1e-10)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([1, 1, 1], r"must be \(b, 3\)"),
        ([[1, 1]], r"must be \(b, 3\)"),
        ([[1, -1, 1]], "at least 0"),
        ([[1, 1, 1], [0, 0, 0]], "row 1 of weights holds no study"),
    ],
)
def test_bad_weights(weights, says):
    with pytest.raises(ValueError, match=says):
        fit_binomial_normal_batch([1, 2, 3], [5, 5, 5], weights)


def test_many_equal_studies_are_merged_without_a_trace(monkeypatch):
    rng = np.random.default_rng(5)
    n = rng.integers(3, 9, 700)
    events = rng.binomial(n, expit(rng.normal(-1, 1, 700)))
    merged, ends = fit_binomial_normal(events, n), profile_limits(events, n)
    monkeypatch.setattr("cordbook.synthesis.glmm.search.MERGE_FROM", 10**9)
    plain, plain_ends = fit_binomial_normal(events, n), profile_limits(events, n)
    assert (merged.mu, merged.tau2, merged.se) == pytest.approx((plain.mu, plain.tau2, plain.se), rel=1e-8)
    assert (ends.mu_low, ends.tau2_high) == pytest.approx((plain_ends.mu_low, plain_ends.tau2_high), rel=1e-7)


def test_chunks_do_not_show(monkeypatch):
    events, n = PLAIN["nielweise2007_control"]
    whole = fit_binomial_normal(events, n)
    monkeypatch.setattr("cordbook.synthesis.glmm.likelihood.CHUNK_NUMBERS", 100)
    parts = fit_binomial_normal(events, n)
    assert (parts.mu, parts.se, parts.tau2) == pytest.approx((whole.mu, whole.se, whole.tau2), rel=1e-10)


@pytest.mark.parametrize("tau", [0.01, 1.0, 7.0, 30.0])
@pytest.mark.parametrize("mu", [-20.0, 0.5, 8.0])
def test_modes_are_found_from_anywhere(mu, tau):
    x, n = np.array([0, 32, 3, 5000.0]), np.array([40, 32, 4, 9000.0])
    sites = mode_sites(np.array([[mu]]), np.array([[tau]]), x, n)
    theta = ((mu + tau**2 * sites.shift) / (1 + sites.precision * tau**2))[0]
    slope = x - n * expit(theta) - (theta - mu) / tau**2
    width = (n * expit(theta) * expit(-theta) + tau**-2) ** -0.5
    assert (np.abs(slope) * width < 0.05).all()


@pytest.mark.parametrize("tau", [0.0, 0.5, 3.0, 12.0])
def test_mean_proportion(tau):
    from scipy.integrate import quad

    expected = quad(lambda z: expit(-2 + tau * z) * norm.pdf(z), -10, 10, points=[2 / max(tau, 0.2)], limit=400)[0]
    assert mean_proportion(-2.0, tau) == pytest.approx(expected, rel=1e-6)
