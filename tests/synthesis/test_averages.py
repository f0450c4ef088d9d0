"""The two averages of a pooled proportion: the median study and the population average."""

import csv
import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import chi2, norm

from cordbook.synthesis import averages_of, cumulative, leave_one_out, subgroup_proportions
from cordbook.synthesis.glmm.average import average, in_average, mu_of_average, standard_error
from cordbook.synthesis.glmm.bracket import bracketed_limit
from cordbook.synthesis.glmm.search import merged
from cordbook.synthesis.glmm.single_arm import average_limits, fit_binomial_normal, fit_counts, mean_proportion, profile_cut
from cordbook.synthesis.pooling.effect_average import average_at, average_of_effects
from cordbook.synthesis.pooling.proportions import pool_proportions

from .core_reference import slow_loglik

SETS = json.loads((Path(__file__).parents[1] / "reference" / "betabinomial.json").read_text())["sets"]
RARE = ([0, 0, 1, 13, 0, 2], [300, 250, 400, 29, 60, 500])

counts = st.integers(2, 8).flatmap(
    lambda k: st.lists(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=k, max_size=k)
)


def slow_mean(mu, tau):
    """The integral of expit(mu + tau z), in pieces around the bend of the curve and the top of the integrand."""
    marks = {-12.0, 12.0, *np.clip([0, tau - 2, tau, tau + 2, *(-mu / tau + np.array([-8, -2, 0, 2, 8]) / tau)], -12, 12)}
    ends = sorted(marks)

    def integrand(z):
        return expit(mu + tau * z) * norm.pdf(z)

    return sum(quad(integrand, a, b, epsabs=1e-16, epsrel=1e-13, limit=200)[0] for a, b in pairwise(ends))


@pytest.mark.parametrize("tau", [0.01, 0.5, 1.5, 4.0, 8.0, 20.0, 40.0])
@pytest.mark.parametrize("mu", [-30.0, -10.0, -4.0, -1.0, 0.0, 3.0, 12.0])
def test_the_integral_over_studies_is_right_at_any_spread(mu, tau):
    assert mean_proportion(mu, tau) == pytest.approx(slow_mean(mu, tau), abs=1e-12, rel=1e-9)
    at = average(np.array([mu]), np.array([tau]))
    assert mu_of_average(at.lam, np.array([tau]))[0] == pytest.approx(mu, abs=1e-7)


@pytest.mark.parametrize("name", SETS)
def test_population_average_of_the_glmm_agrees_with_the_stored_reference(name):
    stored = SETS[name]
    pooled = pool_proportions(stored["events"], stored["n"], average="population")
    assert pooled.estimate == pytest.approx(stored["glmm_population_average"]["proportion"], abs=1e-6)
    assert pooled.average == "population"
    assert pooled.ci_method == "profile-t"


@pytest.mark.parametrize("mu", [-5.0, -0.5, 2.0])
@pytest.mark.parametrize("tau", [0.2, 1.0, 5.0])
def test_derivatives_of_the_average_are_those_of_differences(mu, tau):
    h = 1e-4

    def lam(a, b):
        return average(np.array([mu + a * h]), np.array([tau + b * h])).lam[0]

    at = average(np.array([mu]), np.array([tau]))
    assert at.d_mu[0] == pytest.approx((lam(1, 0) - lam(-1, 0)) / (2 * h), rel=1e-6)
    assert at.d_tau[0] == pytest.approx((lam(0, 1) - lam(0, -1)) / (2 * h), rel=1e-6, abs=1e-8)
    assert at.d_mu_mu[0] == pytest.approx((lam(1, 0) - 2 * lam(0, 0) + lam(-1, 0)) / h**2, abs=1e-5)
    assert at.d_mu_tau[0] == pytest.approx((lam(1, 1) - lam(1, -1) - lam(-1, 1) + lam(-1, -1)) / (4 * h * h), abs=1e-5)
    assert at.d_tau_tau[0] == pytest.approx((lam(0, 1) - 2 * lam(0, 0) + lam(0, -1)) / h**2, abs=1e-5)


@pytest.mark.parametrize("name", ["pritz1997", "nielweise2007_treated", "bcg_control"])
def test_profile_interval_of_the_average_ends_where_the_likelihood_at_that_average_has_fallen(name):
    stored = SETS[name]
    pooled = pool_proportions(stored["events"], stored["n"], ci="profile", average="population")
    fit = fit_binomial_normal(stored["events"], stored["n"])
    for end in (pooled.ci_low, pooled.ci_high):
        tau = np.sqrt(fit.tau2) * np.geomspace(0.4, 3, 33)
        for _ in range(3):
            mu = mu_of_average(np.full(tau.size, logit(end)), tau)
            heights = [slow_loglik(stored["events"], stored["n"], *pair) for pair in zip(mu.tolist(), tau.tolist(), strict=True)]
            best = int(np.argmax(heights))
            tau = np.linspace(tau[max(best - 1, 0)], tau[min(best + 1, tau.size - 1)], 9)
        assert 2 * (fit.loglik - fit.constant - max(heights)) == pytest.approx(chi2.ppf(0.95, 1), abs=1e-4)


@given(counts)
@settings(deadline=None, max_examples=25)
def test_newton_finds_the_limits_that_bracketing_finds(studies):
    x, n = (np.array(column, float) for column in zip(*studies, strict=True))
    _, peak = fit_counts(x, n)
    if peak is None:
        return
    to, low, high = average_limits(x, n, peak, 0.95, profile=True, small_sample=True)
    target = float(peak.loglik[0]) - 0.5 * profile_cut(0.95, x.size)
    se = float(standard_error(peak.at, to)[0])
    scale = se if np.isfinite(se) else 1.0
    for side, found in ((-1, low), (1, high)):
        sure, _ = bracketed_limit(float(to.lam[0]), float(peak.tau[0]), merged(x, n), target, side, False, scale, of_average=True)
        assert expit(found) == pytest.approx(expit(sure), abs=2e-4)


@given(counts, st.sampled_from([("glmm", None), ("glmm", "hksj"), ("reml", "hksj"), ("dl", "wald"), ("betabinomial", None)]))
@settings(deadline=None, max_examples=40)
def test_both_averages_are_carried_whichever_is_reported(studies, way):
    events, n = zip(*studies, strict=True)
    model, ci = way
    median, population = (pool_proportions(events, n, model=model, ci=ci, average=word) for word in ("median", "population"))
    assert median.population_average == population.population_average
    assert median.median_study == population.median_study
    for result, at in ((median, median.median_study), (population, population.population_average)):
        assert (result.estimate, result.ci_low, result.ci_high, result.ci_method) == (
            at.estimate,
            at.ci_low,
            at.ci_high,
            at.ci_method,
        )
        assert 0 <= at.ci_low <= at.estimate <= at.ci_high <= 1
    assert median.model_scale == population.model_scale
    assert (median.pi_low, median.pi_high, median.tau2) == (population.pi_low, population.pi_high, population.tau2)


@given(counts)
@settings(deadline=None, max_examples=25)
def test_the_population_average_lies_nearer_to_one_half_than_the_median(studies):
    events, n = zip(*studies, strict=True)
    pooled = pool_proportions(events, n)
    assert abs(pooled.population_average.estimate - 0.5) <= abs(pooled.median_study.estimate - 0.5) + 1e-9


def test_without_differences_between_studies_the_averages_are_one():
    pooled = pool_proportions([5, 5, 5], [10, 10, 10])
    assert pooled.tau2 == 0
    assert pooled.population_average.estimate == pytest.approx(pooled.median_study.estimate, abs=1e-12)


def test_delta_interval_of_the_glmm_is_that_of_numerical_derivatives():
    stored = SETS["bcg_control"]
    x, n = (np.array(stored[name], float) for name in ("events", "n"))
    _, peak = fit_counts(x, n)
    mu, tau, h = float(peak.mu[0]), float(peak.tau[0]), 1e-3

    def height(a, b):
        return slow_loglik(stored["events"], stored["n"], mu + a * h, tau + b * h)

    cross = (height(1, 1) - height(1, -1) - height(-1, 1) + height(-1, -1)) / 4
    pure = [height(1, 0) + height(-1, 0) - 2 * height(0, 0), height(0, 1) + height(0, -1) - 2 * height(0, 0)]
    covariance = np.linalg.inv(-np.array([[pure[0], cross], [cross, pure[1]]]) / h**2)
    to = average(peak.mu, peak.tau)
    slope = np.array([to.d_mu[0], to.d_tau[0]])
    pooled = pool_proportions(stored["events"], stored["n"], ci="wald", average="population")
    reach = norm.ppf(0.975) * np.sqrt(slope @ covariance @ slope)
    assert logit([pooled.ci_low, pooled.ci_high]) == pytest.approx(to.lam[0] + reach * np.array([-1, 1]), rel=1e-4)
    assert pooled.ci_method == "delta"


def test_at_the_maximum_the_error_of_the_average_is_that_of_its_own_profile():
    stored = SETS["pritz1997"]
    _, peak = fit_counts(*(np.array(stored[name], float) for name in ("events", "n")))
    to = average(peak.mu, peak.tau)
    at = in_average(peak.at, to)
    profile = at.d_mu_tau**2 / at.d_tau_tau - at.d_mu_mu
    assert profile**-0.5 == pytest.approx(standard_error(peak.at, to), rel=1e-6)


def test_averages_of_effect_sizes_have_their_closed_forms():
    x, n = SETS["bcg_control"]["events"], SETS["bcg_control"]["n"]
    arcsine = pool_proportions(x, n, model="reml", measure="arcsine")
    mu, tau = arcsine.model_scale.estimate, np.sqrt(arcsine.tau2)
    expected = quad(lambda z: np.sin(mu + tau * z) ** 2 * norm.pdf(z), -12, 12, epsabs=1e-14)[0]
    assert arcsine.population_average.estimate == pytest.approx(expected, abs=1e-10)
    raw = pool_proportions(x, n, model="reml", measure="raw")
    assert raw.population_average == raw.median_study
    on_logit = pool_proportions(x, n, model="reml")
    scale = on_logit.model_scale
    assert on_logit.population_average.estimate == pytest.approx(slow_mean(scale.estimate, np.sqrt(on_logit.tau2)), abs=1e-10)
    assert on_logit.population_average.ci_method == "delta-t"
    common = pool_proportions(x, n, model="common")
    assert common.population_average == common.median_study


@pytest.mark.parametrize(
    ("measure", "mu", "tau2"), [("logit", -3.0, 0.0), ("logit", -3.0, 1e-10), ("logit", 1.0, 2.0), ("arcsine", 0.3, 0.05)]
)
def test_delta_interval_of_effect_sizes_is_that_of_numerical_derivatives(measure, mu, tau2):
    h = 1e-6 if tau2 > 1e-5 else 1e-5

    def lam(a, b):
        return logit(average_at(measure, mu + a * h, tau2 + b * h))

    by_mu = (lam(1, 0) - lam(-1, 0)) / (2 * h)
    by_tau2 = (lam(0, 1) - lam(0, -1)) / (2 * h) if tau2 > 1e-5 else (lam(0, 1) - lam(0, 0)) / h
    estimate, low, high = average_of_effects(measure, mu, 0.2, tau2, 0.09, 2.0)
    assert estimate == pytest.approx(average_at(measure, mu, tau2), rel=1e-12)
    assert logit([low, high]) == pytest.approx(lam(0, 0) + 2 * np.hypot(0.2 * by_mu, 0.3 * by_tau2) * np.array([-1, 1]), rel=1e-4)


def test_the_double_arcsine_has_no_population_average_and_says_so():
    pooled = pool_proportions(*RARE, model="reml", measure="double-arcsine")
    assert pooled.population_average is None
    assert any("no population average" in note for note in pooled.notes)
    with pytest.raises(ValueError, match="population"):
        pool_proportions(*RARE, model="reml", measure="double-arcsine", average="population")


def test_an_unknown_average_is_refused():
    with pytest.raises(ValueError, match="average = 'mean'"):
        pool_proportions(*RARE, average="mean")


def test_summary_names_both_averages_the_reported_one_first():
    lines = pool_proportions(*RARE, average="population").summary().splitlines()
    assert lines[1].startswith("  population average")
    assert lines[2].startswith("  median study")
    assert pool_proportions(*RARE).summary().splitlines()[1].startswith("  median study")


def test_limiting_estimates_are_both_averages():
    for events in ([0, 0, 0], [10, 20, 30], [0, 20, 0]):
        pooled = pool_proportions(events, [10, 20, 30])
        assert pooled.median_study == pooled.population_average
        assert pooled.ci_method == "exact"


def test_a_likelihood_with_two_peaks_names_both():
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(60):
        k = int(rng.integers(4, 9))
        n = rng.integers(2, 12, k).tolist() + [20_000]
        x = rng.binomial(n[:-1], 0.35).tolist() + [2_000]
        notes = pool_proportions(x, n, tau2_interval=False).notes
        found += any("two peaks" in note for note in notes)
    assert found


WAYS = [("glmm", None), ("glmm", "hksj"), ("reml", None), ("betabinomial", None)]
SPARSE = ([0, 4, 0, 1, 9, 2, 0], [20, 35, 12, 40, 33, 50, 8])


@pytest.mark.parametrize(("model", "ci"), WAYS)
@pytest.mark.parametrize("word", ["median", "population"])
def test_leave_one_out_gives_each_row_as_pooling_the_rest_does(model, ci, word):
    x, n = (np.array(column) for column in SPARSE)
    result = leave_one_out(x, n, model=model, ci=ci, average=word)
    assert result.average == word
    for i, row in enumerate((result.full, *result.rows)):
        stay = np.delete(np.arange(x.size), i - 1) if i else np.arange(x.size)
        alone = pool_proportions(x[stay], n[stay], model=model, ci=ci, average=word)
        assert (row.estimate, row.ci_low, row.ci_high) == pytest.approx((alone.estimate, alone.ci_low, alone.ci_high), abs=1e-6)
        assert row.ci_method == alone.ci_method


def test_leave_one_out_where_the_rest_has_no_event_or_no_spread():
    result = leave_one_out([0, 0, 0, 7], [20, 35, 12, 40], average="population")
    assert result.rows[3].ci_method == "exact"
    assert "population average" in result.summary()
    alike = leave_one_out([5, 5, 5, 5], [10, 10, 10, 10], average="population")
    alone = pool_proportions([5] * 3, [10] * 3, average="population")
    assert alike.rows[0].ci_high == pytest.approx(alone.ci_high, abs=1e-6)


@pytest.mark.parametrize(("model", "ci"), WAYS)
def test_cumulative_rows_hold_the_average_asked_for(model, ci):
    x, n = SPARSE
    result = cumulative(x, n, model=model, ci=ci, average="population")
    assert result.average == "population"
    for j, row in enumerate(result.rows[1:], start=2):
        assert row.estimate == pool_proportions(x[:j], n[:j], model=model, ci=ci).population_average.estimate
    assert "population average" in result.summary()


@pytest.mark.parametrize(("model", "ci"), WAYS)
def test_subgroups_hold_the_average_asked_for_and_compare_on_the_scale_of_the_model(model, ci):
    x, n = SPARSE
    groups = list("aabbaab")
    here, there = (subgroup_proportions(x, n, groups, model=model, ci=ci, average=word) for word in ("population", "median"))
    at = [i for i, name in enumerate(groups) if name == "b"]
    alone = pool_proportions([x[i] for i in at], [n[i] for i in at], model=model, ci=ci)
    assert here.group("b").estimate == alone.population_average.estimate
    assert there.group("b").estimate == alone.median_study.estimate
    assert here.between == there.between
    assert here.average == "population"


@pytest.mark.parametrize("model", ["glmm", "reml"])
def test_groups_with_one_tau2_have_averages_of_that_tau2(model):
    x, n = SPARSE
    here, there = (
        subgroup_proportions(x, n, list("aabbaab"), model=model, tau2="common", average=word) for word in ("population", "median")
    )
    for row, median in zip(here.groups, there.groups, strict=True):
        expected = [
            mean_proportion(value, np.sqrt(row.tau2)) for value in (row.model_estimate, row.model_ci_low, row.model_ci_high)
        ]
        assert [row.estimate, row.ci_low, row.ci_high] == pytest.approx(expected, rel=1e-9)
        assert median.estimate == pytest.approx(expit(row.model_estimate), rel=1e-9)


def test_the_beta_binomial_has_no_common_tau2():
    with pytest.raises(ValueError, match="no tau2"):
        subgroup_proportions(*SPARSE, list("aabbaab"), model="betabinomial", tau2="common")


def test_the_stored_comparison_of_averages_is_what_the_models_give():
    path = Path(__file__).parents[2] / "benchmarks" / "results" / "averages.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        stored = {row.pop("set"): row for row in csv.DictReader(stream)}
    assert set(stored) == set(SETS)
    for name, row in stored.items():
        found = asdict(averages_of(SETS[name]["events"], SETS[name]["n"]))
        assert {key: float(value) for key, value in row.items()} == pytest.approx(found, rel=1e-5)
        # Two models of the population average agree to a few percent, the median does not agree with either.
        assert abs(found["glmm_to_beta_binomial"] - 1) < 0.06
    assert float(stored["bcg_control"]["median_to_mean"]) < 0.4


def test_the_average_of_a_wide_spread_is_the_same_by_either_integral(monkeypatch):
    mu = np.array([-240.0, -150.0, -40.0, 0.0, 3.0, 120.0, 200.0])
    for tau in (61.0, 90.0, 200.0):
        at = average(mu, np.full(mu.size, tau))
        with monkeypatch.context() as patch:
            patch.setattr("cordbook.synthesis.glmm.average.WIDE_TAU", 1e9)
            exact = average(mu, np.full(mu.size, tau))
        for name, ours, other in zip(at._fields, at, exact, strict=True):
            assert ours == pytest.approx(other, rel=1e-9, abs=1e-14), (tau, name)


def test_a_spread_without_bound_takes_no_more_memory():
    """As many nodes as tau asked for filled a machine once, under a prior with heavy tails."""
    at = average(np.array([0.0, 2e6]), np.array([1e6, 1e6]))
    assert at.mean == pytest.approx([0.5, norm.cdf(2.0)], abs=1e-9)
    mixed = average(np.array([0.5, 0.5, 0.5]), np.array([1.0, 1e5, 2.0]))
    assert mixed.mean[[0, 2]] == pytest.approx(average(np.array([0.5, 0.5]), np.array([1.0, 2.0])).mean, rel=1e-14)
