"""Bayesian models against closed forms, brute-force integration, published results and simulation-based calibration."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import betaln, expit, gammaln, logit, logsumexp

from cordbook.synthesis import (
    Flat,
    HalfCauchy,
    HalfNormal,
    Logistic,
    Normal,
    bayes_pool_effects,
    bayes_pool_proportions,
)
from cordbook.synthesis.bayes.densities import Stretch, fit_panels
from cordbook.synthesis.bayes.likelihood import study_log_likelihood

# Closed forms and adaptive quadrature on the one side, panels fitted to 1e-10 on the other.
NORMAL_MODEL = 1e-7
# The binomial model's likelihood and densities are made to be right to about 1e-7; quantiles of skew tails lose a digit.
BINOMIAL_MODEL = 2e-6
# A prior of tau this narrow stands for tau = 0; the effect of tau is of the order of its square.
NO_HETEROGENEITY = HalfNormal(1e-6)

SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SCHOOLS_SE = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


# --- densities -----------------------------------------------------------------------------------------------------------


def fitted_density(distribution, scale, low, high):
    edges = scale.inner(np.array([low, high]))
    panels = fit_panels(lambda u: (distribution.pdf(scale.value(u)) * scale.slope(u))[None], np.linspace(*edges, 5))
    return panels.density(0, scale)


def test_density_follows_a_skew_distribution():
    true = stats.gamma(3.0, scale=2.0)
    density = fitted_density(true, Stretch(0.0, 2.0), 1e-9, 120.0)
    probabilities = np.array([1e-4, 0.025, 0.5, 0.9, 0.9999])
    assert density.quantile(probabilities) == pytest.approx(true.ppf(probabilities), rel=1e-8)
    assert density.cdf([0.5, 5.0, 40.0]) == pytest.approx(true.cdf([0.5, 5.0, 40.0]), abs=1e-10)
    assert density.pdf([0.5, 5.0, -1.0, 1e9]) == pytest.approx([*true.pdf([0.5, 5.0]), 0.0, 0.0], abs=1e-9)
    assert (density.mean, density.sd, density.median) == pytest.approx((6.0, np.sqrt(12.0), true.ppf(0.5)), rel=1e-8)
    low, high = density.interval(0.9, "shortest")
    # Of a one-peaked density the shortest interval has equal heights at its ends.
    assert true.pdf(low) == pytest.approx(true.pdf(high), rel=1e-5) and true.cdf(high) - true.cdf(low) == pytest.approx(0.9)
    values, heights = density.curve(50)
    assert heights == pytest.approx(true.pdf(values), abs=1e-9)


def test_shortest_interval_of_a_falling_density_starts_at_its_end():
    low, high = fitted_density(stats.expon(), Stretch(0.0, 1.0), 0.0, 60.0).interval(0.95, "shortest")
    assert (low, high) == pytest.approx((0.0, -np.log(0.05)), abs=1e-8)


def test_density_on_the_proportion_scale():
    density = fitted_density(stats.logistic(), Stretch(0.0, 1.0), -40.0, 40.0).on_proportion_scale()
    assert density.quantile(np.array([0.1, 0.7])) == pytest.approx([0.1, 0.7], abs=1e-9)
    assert density.pdf(np.array([0.2, 0.5])) == pytest.approx([1.0, 1.0], abs=1e-7)
    assert (density.mean, density.sd) == pytest.approx((0.5, np.sqrt(1 / 12)), abs=1e-9)
    assert density.cdf([0.0, 1.0]) == pytest.approx([0.0, 1.0], abs=1e-12)
    with pytest.raises(ValueError, match="level = 95"):
        density.interval(95)
    with pytest.raises(ValueError, match="must lie in"):
        density.quantile(1.5)


# --- normal-normal -------------------------------------------------------------------------------------------------------


def normal_posterior(yi, vi, prior, mu_prior=None):
    """Mixing weights over tau by adaptive quadrature of the textbook formulas, as a function that integrates over tau."""
    m0, precision0 = (0.0, 0.0) if mu_prior is None else (mu_prior.mean, mu_prior.sd**-2)

    def given(tau):
        weights = 1 / (vi + tau**2)
        precision = weights.sum() + precision0
        mean = (weights @ yi + precision0 * m0) / precision
        log_density = stats.norm.logpdf(yi, mean, 1 / np.sqrt(weights)).sum() - 0.5 * np.log(precision)
        if mu_prior is not None:
            log_density += stats.norm.logpdf(mean, mu_prior.mean, mu_prior.sd) + 0.5 * np.log(2 * np.pi)
        return mean, 1 / precision, np.exp(log_density + prior.logpdf(tau))

    def integral(function):
        pieces = [0, 0.5, 2, 5, 10, 20, 50, 200, np.inf]
        return sum(
            integrate.quad(lambda tau: function(tau, *given(tau)[:2]) * given(tau)[2], a, b, epsabs=0, epsrel=1e-11, limit=300)[0]
            for a, b in itertools.pairwise(pieces)
        )

    return integral


@pytest.mark.parametrize(
    ("prior", "true_prior", "mu_prior"),
    [
        (HalfCauchy(25), stats.halfcauchy(scale=25), None),
        (HalfNormal(5), stats.halfnorm(scale=5), None),
        (HalfNormal(10), stats.halfnorm(scale=10), Normal(0, 20)),
    ],
)
def test_eight_schools_against_adaptive_quadrature(prior, true_prior, mu_prior):
    vi = SCHOOLS_SE**2
    fit = bayes_pool_effects(SCHOOLS, vi, tau_prior=prior, mu_prior=mu_prior or Flat())
    integral = normal_posterior(SCHOOLS, vi, true_prior, mu_prior)
    total = integral(lambda tau, m, v: 1.0)
    mean = integral(lambda tau, m, v: m) / total
    assert fit.mu.mean == pytest.approx(mean, rel=NORMAL_MODEL)
    assert fit.mu.sd**2 == pytest.approx(integral(lambda tau, m, v: v + (m - mean) ** 2) / total, rel=NORMAL_MODEL)
    assert fit.tau.mean == pytest.approx(integral(lambda tau, m, v: tau) / total, rel=1e-6)
    above = integral(lambda tau, m, v: stats.norm.sf(5, m, np.sqrt(v))) / total
    assert fit.probability_above(5) == pytest.approx(above, abs=NORMAL_MODEL)
    above = integral(lambda tau, m, v: stats.norm.sf(5, m, np.sqrt(v + tau**2))) / total
    assert fit.probability_above(5, new_study=True) == pytest.approx(above, abs=NORMAL_MODEL)
    pull = vi[0] * integral(lambda tau, m, v: 1 / (vi[0] + tau**2)) / total
    first = integral(lambda tau, m, v: (vi[0] * m + tau**2 * SCHOOLS[0]) / (vi[0] + tau**2)) / total
    assert (fit.studies[0].mean, fit.studies[0].shrinkage) == pytest.approx((first, pull), rel=NORMAL_MODEL)
    low = integral(lambda tau, m, v: stats.norm.cdf(fit.ci_low, m, np.sqrt(v))) / total
    assert low == pytest.approx(0.025, abs=NORMAL_MODEL)
    if mu_prior is None:
        assert fit.log_marginal is None
    else:
        assert fit.log_marginal == pytest.approx(np.log(total), abs=NORMAL_MODEL)


def test_eight_schools_published():
    """Gelman et al, Bayesian Data Analysis, third edition, table 5.3: posterior quantiles of the school effects.

    The book's values come from 200 draws and are rounded, under a uniform prior on tau: two points are allowed for both.
    """
    fit = bayes_pool_effects(SCHOOLS, SCHOOLS_SE**2, tau_prior=HalfNormal(1e4), labels=list("ABCDEFGH"))
    medians = {"A": 10, "B": 8, "C": 7, "D": 8, "E": 5, "F": 6, "G": 10, "H": 8}
    assert {study.label: study.estimate for study in fit.studies} == pytest.approx(medians, abs=2.0)


def test_normal_model_without_heterogeneity_is_the_common_effect():
    yi, vi = np.array([0.1, 0.5, 0.2]), np.array([0.04, 0.09, 0.02])
    fit = bayes_pool_effects(yi, vi, tau_prior=NO_HETEROGENEITY)
    mean, sd = (yi / vi).sum() / (1 / vi).sum(), (1 / vi).sum() ** -0.5
    assert (fit.estimate, fit.ci_low, fit.ci_high) == pytest.approx(
        (mean, mean - 1.959963985 * sd, mean + 1.959963985 * sd), abs=1e-8
    )
    assert fit.pi_high == pytest.approx(fit.ci_high, abs=1e-6)
    # One study and a normal prior: the conjugate posterior.
    one = bayes_pool_effects([0.4], [0.25], tau_prior=NO_HETEROGENEITY, mu_prior=Normal(0, 0.5))
    assert (one.mu.mean, one.mu.sd) == pytest.approx((0.2, np.sqrt(0.125)), abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 2)), min_size=2, max_size=8),
    st.floats(-5, 5),
    st.floats(0.2, 20),
)
def test_normal_model_moves_with_its_data(studies, shift, unit):
    yi, vi = np.array(studies).T
    base = bayes_pool_effects(yi, vi, tau_prior=HalfNormal(0.7))
    moved = bayes_pool_effects((yi[::-1] + shift) * unit, vi[::-1] * unit**2, tau_prior=HalfNormal(0.7 * unit))
    assert moved.estimate == pytest.approx((base.estimate + shift) * unit, abs=1e-6 * unit)
    assert moved.tau.sd == pytest.approx(base.tau.sd * unit, rel=1e-5)
    assert (moved.pi_high - moved.pi_low) == pytest.approx((base.pi_high - base.pi_low) * unit, rel=1e-5)
    assert moved.studies[-1].estimate == pytest.approx((base.studies[0].estimate + shift) * unit, abs=1e-5 * unit)


def test_normal_model_of_many_studies():
    rng = np.random.default_rng(5)
    yi = rng.normal(0.3, 0.5, 2000) + rng.normal(0, 0.2, 2000)
    fit = bayes_pool_effects(yi, np.full(2000, 0.04), tau_prior=HalfCauchy(100))
    # With equal variances the posterior of mu is near normal around the mean, and tau2 near the sample variance less 0.04.
    assert fit.estimate == pytest.approx(yi.mean(), abs=1e-3)
    assert fit.tau.median == pytest.approx(np.sqrt(yi.var(ddof=1) - 0.04), rel=5e-3)


# --- binomial-normal -----------------------------------------------------------------------------------------------------


def test_likelihood_of_a_study_against_a_fine_grid():
    """Both rules and their seam at tau 0.5, for no, few and many events and sizes from 1 to 5,000."""
    x, n = np.array([0, 0, 1, 3, 24, 25, 5, 50.0]), np.array([1, 300, 10, 5000, 60, 5000, 5, 100.0])
    tau = np.array([1e-8, 0.1, 0.499, 0.501, 1.0, 3.0, 9.0])
    mu = np.tile([-8.0, -4, -1, 2], (tau.size, 1))
    found = study_log_likelihood(x, n, mu, tau)
    z = np.linspace(-60, 60, 240_001)
    for j in range(tau.size):
        for m in range(mu.shape[1]):
            theta = mu[j, m] + tau[j] * z
            terms = x[:, None] * theta - n[:, None] * np.logaddexp(0, theta) - 0.5 * z * z
            exact = logsumexp(terms, axis=1) + np.log(z[1] - z[0]) - 0.5 * np.log(2 * np.pi)
            assert found[:, j, m] == pytest.approx(exact, abs=1e-7)


@pytest.mark.parametrize(("events", "n"), [([0, 0, 0], [20, 12, 40]), ([3, 4], [10, 30]), ([17, 9], [17, 9]), ([2], [9])])
def test_without_heterogeneity_the_posterior_is_beta(events, n):
    """A uniform prior and one common proportion: beta(events + 1, non-events + 1), exactly."""
    fit = bayes_pool_proportions(events, n, tau_prior=NO_HETEROGENEITY)
    x, total = sum(events), sum(n)
    beta = stats.beta(x + 1, total - x + 1)
    assert (fit.ci_low, fit.estimate, fit.ci_high) == pytest.approx(beta.ppf([0.025, 0.5, 0.975]), rel=BINOMIAL_MODEL)
    assert (fit.pi_low, fit.pi_high) == pytest.approx((fit.ci_low, fit.ci_high), rel=1e-4)
    assert (fit.proportion.mean, fit.proportion.sd) == pytest.approx((beta.mean(), beta.std()), rel=BINOMIAL_MODEL)
    assert fit.probability_above(0.1) == pytest.approx(beta.sf(0.1), abs=BINOMIAL_MODEL)
    choose = sum(gammaln(b + 1) - gammaln(a + 1) - gammaln(b - a + 1) for a, b in zip(events, n, strict=True))
    assert fit.log_marginal == pytest.approx(choose + betaln(x + 1, total - x + 1), abs=BINOMIAL_MODEL)


def brute_force(events, n, tau_prior, mu_prior, mu_range, tau_max):
    """The model on plain grids: rectangle rule in mu and z, Gauss-Legendre in tau. Shares no code and no rule with ours."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    # Squared, so that nodes crowd towards tau = 0.
    tau = tau_max * (0.5 * (nodes + 1)) ** 2
    log_weight = np.log(0.5 * weights * tau_max * (nodes + 1)) + tau_prior.logpdf(tau)
    mu = np.linspace(*mu_range, 700)
    z = np.linspace(-8.5, 8.5, 561)
    log_z = stats.norm.logpdf(z) + np.log(z[1] - z[0])
    pairs, copies = np.unique(np.column_stack([events, n]), axis=0, return_counts=True)
    log_posterior = log_weight[:, None] + mu_prior.logpdf(mu) + np.log(mu[1] - mu[0])
    own, new, new_square = [], [], []
    for j, spread in enumerate(tau):
        theta = mu[:, None] + spread * z
        softplus, risk = np.logaddexp(0, theta), expit(theta)
        new.append(risk @ np.exp(log_z))
        new_square.append(risk**2 @ np.exp(log_z))
        for (x, size), copy in zip(pairs, copies, strict=True):
            terms = x * theta - size * softplus + log_z
            likelihood = logsumexp(terms, axis=1)
            log_posterior[j] += copy * likelihood
            if (x, size) == (events[0], n[0]):
                own.append((np.exp(terms - likelihood[:, None]) * risk).sum(axis=1))
    mass = np.exp(log_posterior - logsumexp(log_posterior))
    return {
        "log_marginal": logsumexp(log_posterior)
        + sum(gammaln(b + 1) - gammaln(a + 1) - gammaln(b - a + 1) for a, b in zip(events, n, strict=True)),
        "mu_mean": (mass * mu).sum(),
        "mu_sd": np.sqrt((mass * mu**2).sum() - (mass * mu).sum() ** 2),
        "tau_mean": (mass * tau[:, None]).sum(),
        "proportion_mean": (mass * expit(mu)).sum(),
        "new_mean": (mass * np.array(new)).sum(),
        "new_square": (mass * np.array(new_square)).sum(),
        "first_mean": (mass * np.array(own)).sum(),
    }


HARD_SETS = {
    "no event": ([0] * 15, [17] * 15, (-45, 8)),
    "a few": ([1, 4, 30], [50, 20, 100], (-30, 25)),
    "one study": ([3], [10], (-40, 40)),
    "many in one, none in the rest": ([45] + [0] * 29, [50] + [10] * 29, (-30, 12)),
    "larger studies": ([10, 120, 30], [100, 200, 300], (-20, 18)),
}


@pytest.mark.parametrize("name", HARD_SETS)
@pytest.mark.parametrize(
    ("tau_prior", "true_tau", "mu_prior", "true_mu"),
    [
        (HalfNormal(1.0), stats.halfnorm(scale=1.0), Logistic(), stats.logistic()),
        (HalfNormal(0.5), stats.halfnorm(scale=0.5), Normal(0, 2), stats.norm(0, 2)),
    ],
)
def test_binomial_model_against_brute_force(name, tau_prior, true_tau, mu_prior, true_mu):
    events, n, mu_range = HARD_SETS[name]
    exact = brute_force(events, n, true_tau, true_mu, mu_range, 9.0 * tau_prior.scale)
    fit = bayes_pool_proportions(events, n, tau_prior=tau_prior, mu_prior=mu_prior)
    found = {
        "log_marginal": fit.log_marginal,
        "mu_mean": fit.mu.mean,
        "mu_sd": fit.mu.sd,
        "tau_mean": fit.tau.mean,
        "proportion_mean": fit.proportion.mean,
        "new_mean": fit.new_study.mean,
        "new_square": fit.new_study.sd**2 + fit.new_study.mean**2,
        "first_mean": fit.studies[0].mean,
    }
    assert found == pytest.approx(exact, rel=2e-5, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), min_size=1, max_size=6))
def test_events_mirrored_give_the_complement(pairs):
    n = np.array([max(pair) for pair in pairs])
    events = np.array([min(pair) for pair in pairs])
    base = bayes_pool_proportions(events, n)
    mirrored = bayes_pool_proportions((n - events)[::-1], n[::-1])
    assert 1 - mirrored.estimate == pytest.approx(base.estimate, abs=1e-6)
    assert (1 - mirrored.ci_high, 1 - mirrored.pi_high) == pytest.approx((base.ci_low, base.pi_low), abs=1e-5)
    assert 1 - mirrored.studies[-1].estimate == pytest.approx(base.studies[0].estimate, abs=1e-5)
    assert mirrored.tau.median == pytest.approx(base.tau.median, rel=1e-4)
    assert 0 < base.ci_low < base.estimate < base.ci_high < 1


def test_all_zero_data_have_a_finite_upper_limit_that_more_data_lower():
    small = bayes_pool_proportions([0] * 6, [20] * 6)
    large = bayes_pool_proportions([0] * 15, [21] * 15)
    assert 0 < large.ci_high < small.ci_high < 0.1
    assert any("No study has an event" in note for note in small.notes)
    shortest = bayes_pool_proportions([0] * 6, [20] * 6, interval="shortest")
    assert shortest.ci_low == pytest.approx(0.0, abs=1e-9) and shortest.ci_high < small.ci_high
    # Ten thousand more without an event: tau no longer matters much and the rule of three is near.
    assert bayes_pool_proportions([0] * 200, [50] * 200, tau_prior=HalfNormal(0.1)).proportion_density.quantile(
        0.95
    ) == pytest.approx(3e-4, rel=0.03)


def test_studies_shrink_towards_each_other():
    fit = bayes_pool_proportions([0, 5, 10], [10, 10, 10], labels=["low", "middle", "high"])
    low, _, high = fit.studies
    assert low.observed < low.estimate < fit.estimate < high.estimate < high.observed
    wide = bayes_pool_proportions([0, 5, 10], [10, 10, 10], tau_prior=HalfCauchy(20))
    assert high.estimate < wide.studies[2].estimate


def test_a_prior_that_the_data_rule_out_is_said():
    fit = bayes_pool_proportions([45] + [0] * 29, [50] + [10] * 29, tau_prior=HalfNormal(1e-4))
    assert any("study 1" in note and "wider prior" in note for note in fit.notes)


def ranks(simulate, fit, replicates, seed):
    rng = np.random.default_rng(seed)
    return np.array([fit(*simulate(rng)) for _ in range(replicates)])


def test_simulation_based_calibration_of_the_binomial_model():
    """Truths drawn from the prior must fall uniformly in their posteriors (Talts et al 2018). Seeded; 120 data sets."""

    def simulate(rng):
        mu, tau = logit(rng.uniform()), abs(rng.normal())
        n = rng.integers(4, 40, 5)
        theta = rng.normal(mu, tau, 6)
        return mu, tau, theta, rng.binomial(n, expit(theta[:5])), n

    def place(mu, tau, theta, events, n):
        fit = bayes_pool_proportions(events, n)
        first = fit.studies[0]
        inside = first.ci_low < expit(theta[0]) < first.ci_high
        return (
            float(fit.mu_density.cdf(mu)),
            float(fit.tau_density.cdf(tau)),
            float(fit.new_study_density.cdf(expit(theta[5]))),
            inside,
        )

    found = ranks(simulate, place, 120, seed=11)
    for column in range(3):
        # One false alarm in a thousand for a random seed; the seed is fixed.
        assert stats.kstest(found[:, column], "uniform").pvalue > 1e-3
    assert stats.binomtest(int(found[:, 3].sum()), 120, 0.95).pvalue > 1e-3


def test_simulation_based_calibration_of_the_normal_model():
    def simulate(rng):
        mu, tau = rng.normal(0, 2), abs(rng.normal(0, 0.5))
        vi = rng.uniform(0.02, 0.5, 6)
        theta = rng.normal(mu, tau, 7)
        return mu, tau, theta, rng.normal(theta[:6], np.sqrt(vi)), vi

    def place(mu, tau, theta, yi, vi):
        fit = bayes_pool_effects(yi, vi, tau_prior=HalfNormal(0.5), mu_prior=Normal(0, 2))
        return (
            float(fit.mu_density.cdf(mu)),
            float(fit.tau_density.cdf(tau)),
            float(fit.new_study_density.cdf(theta[6])),
        )

    found = ranks(simulate, place, 200, seed=12)
    for column in range(3):
        assert stats.kstest(found[:, column], "uniform").pvalue > 1e-3


def test_results_are_plain():
    for fit in (
        bayes_pool_proportions([1, 4], [50, 20]),
        bayes_pool_effects([0.1, 0.4], [0.1, 0.2], tau_prior=HalfNormal(0.5)),
    ):
        stored = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
        assert stored["estimate"] == fit.estimate and "mu_density" not in stored
        assert len(fit.to_frame()) == 2 and "half-normal" in fit.summary()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bayes_pool_effects([1.0], [0.2], tau_prior=HalfNormal(1)), "study 1 is the only study"),
        (lambda: bayes_pool_effects([1.0, 2], [0.2, 0], tau_prior=HalfNormal(1)), "study 2: vi = 0"),
        (lambda: bayes_pool_effects([1.0, 2], [0.2, 1], tau_prior=0.5), "tau_prior is 0.5"),
        (
            lambda: bayes_pool_effects([1.0, 2], [0.2, 1], tau_prior=HalfNormal(1), mu_prior=Logistic()),
            "mu_prior is Logistic",
        ),
        (lambda: bayes_pool_proportions([1, 11], [10, 10], labels=["Okada", "Levi"]), "Levi: events = 11"),
        (lambda: bayes_pool_proportions([], []), "no studies"),
        (lambda: bayes_pool_proportions([1], [10], mu_prior=Flat()), "mu_prior is Flat"),
        (lambda: bayes_pool_proportions([1], [10], interval="hdi"), "interval = 'hdi'"),
        (lambda: bayes_pool_proportions([1], [10]).probability_above(10), "threshold = 10"),
        (lambda: HalfNormal(0.0), "scale is 0.0"),
        (lambda: HalfCauchy(np.nan), "scale is nan"),
        (lambda: Normal(0, -1), "sd is -1"),
        (lambda: Logistic(np.inf), "location is inf"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


SMALL = [([0, 0, 0], [20, 12, 40]), ([0, 1, 9], [300, 250, 40]), ([3, 5, 9, 2], [20, 30, 40, 10])]


@pytest.mark.parametrize(("events", "n"), SMALL)
def test_the_mean_of_the_population_average_is_what_a_new_study_is_expected_to_show(events, n):
    fit = bayes_pool_proportions(events, n)
    # Both are the posterior mean of expit(mu + tau z), one by the average's own density, one by that of a new study.
    assert fit.population_average.mean == pytest.approx(fit.new_study.mean, rel=1e-6)


def test_the_posterior_of_the_population_average_is_that_of_draws_from_the_posterior():
    events, n = SMALL[1]
    fit = bayes_pool_proportions(events, n)
    tau = np.linspace(0.005, 8, 400)
    mu = np.linspace(-14, 6, 401)
    z, w = np.polynomial.hermite_e.hermegauss(101)
    log_p = np.zeros((tau.size, mu.size))
    for x, size in zip(events, n, strict=True):
        theta = mu[None, :, None] + tau[:, None, None] * z
        log_p += np.log(np.exp(x * theta - size * np.logaddexp(0, theta)) @ w + 1e-300)
    log_p += -0.5 * tau[:, None] ** 2 - np.logaddexp(0, mu) - np.logaddexp(0, -mu)
    mass = np.exp(log_p - log_p.max())
    average = (1 / (1 + np.exp(-(mu[None, :, None] + tau[:, None, None] * z)))) @ (w / w.sum())
    order = np.argsort(average.ravel())
    share = np.cumsum(mass.ravel()[order]) / mass.sum()
    quantiles = np.interp([0.025, 0.5, 0.975], share, average.ravel()[order])
    own = fit.population_average
    assert [own.ci_low, own.median, own.ci_high] == pytest.approx(quantiles, rel=5e-3)


def test_the_average_asked_for_is_the_estimate_and_both_are_named_with_the_priors():
    events, n = SMALL[1]
    median, population = (bayes_pool_proportions(events, n, average=word) for word in ("median", "population"))
    assert population.estimate == median.population_average.median
    assert median.estimate == population.proportion.median
    assert population.probability_above(0.1) > median.probability_above(0.1)
    lines = population.summary().splitlines()
    assert lines[1].startswith("  population average")
    assert lines[2].startswith("  median study")
    assert "prior of tau half-normal" in population.summary()
    assert any("carries part of the answer" in note for note in population.notes)
    with pytest.raises(ValueError, match="average"):
        bayes_pool_proportions(events, n, average="mean")
