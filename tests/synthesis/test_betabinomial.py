"""The beta-binomial model: reference values, brute force, the edges of the data, and its place beside the GLMM."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import beta, betabinom, binom, chi2

from cordbook.synthesis.glmm.betabinomial import COMMON, Tallies, derivatives, fit_beta_binomial
from cordbook.synthesis.pooling.proportions import pool_proportions, study_intervals

SETS = json.loads((Path(__file__).parents[1] / "reference" / "betabinomial.json").read_text())["sets"]
INTERIOR = [name for name, stored in SETS.items() if not stored["betabinomial"]["boundary"]]

counts = st.integers(2, 8).flatmap(
    lambda k: st.lists(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=k, max_size=k)
)


def slow_loglik(events, n, mean, rho):
    """Log-likelihood by one product a patient, which has nothing to cancel."""
    total = 0.0
    for x, size in zip(events, n, strict=True):
        i, j, m = np.arange(x), np.arange(size - x), np.arange(size)
        total += np.log((mean * (1 - rho) + rho * i) / (1 - rho + rho * m[:x])).sum()
        total += np.log(((1 - mean) * (1 - rho) + rho * j) / (1 - rho + rho * m[x:])).sum()
    return total


@pytest.mark.parametrize("name", INTERIOR)
def test_fit_and_profile_interval_agree_with_the_stored_reference(name):
    stored = SETS[name]
    fit, expected = fit_beta_binomial(stored["events"], stored["n"]), stored["betabinomial"]
    assert (fit.mean, fit.rho) == pytest.approx((expected["mean"], expected["rho"]), abs=1e-6)
    assert fit.loglik == pytest.approx(expected["loglik"], abs=1e-8)
    pooled = pool_proportions(stored["events"], stored["n"], model="betabinomial")
    assert [pooled.ci_low, pooled.ci_high] == pytest.approx(expected["profile_ci"], abs=1e-6)
    assert (pooled.estimate, pooled.rho, pooled.ci_method) == (fit.mean, fit.rho, "profile")


def test_at_the_boundary_the_fit_is_the_common_binomial_and_so_is_its_profile_interval():
    stored = SETS["hine1989_treated"]
    x, n = sum(stored["events"]), sum(stored["n"])
    pooled = pool_proportions(stored["events"], stored["n"], model="betabinomial")

    def fall(p):
        return 2 * (binom.logpmf(x, n, x / n) - binom.logpmf(x, n, p)) - chi2.ppf(0.95, 1)

    assert pooled.rho == 0.0
    assert pooled.estimate == pytest.approx(x / n, abs=1e-12)
    assert any("rho = 0" in note for note in pooled.notes)
    # The likelihood also looks at rho above 0, where the interval can only be wider.
    assert pooled.ci_low <= brentq(fall, 1e-6, x / n) + 1e-9
    assert pooled.ci_high >= brentq(fall, x / n, 0.9) - 1e-9
    assert [pooled.ci_low, pooled.ci_high] == pytest.approx(stored["betabinomial"]["profile_ci"], abs=2e-5)


@pytest.mark.parametrize("rho", [1e-12, 1e-7, 1e-3, 0.02, 0.05, 0.3, 0.9, 0.9999])
@pytest.mark.parametrize("mean", [1e-5, 0.02, 0.5, 0.97])
def test_likelihood_and_its_derivatives_agree_with_products_over_patients(mean, rho):
    events, n = [0, 0, 1, 3, 17, 480, 2, 90_000], [7, 40, 9, 3, 20, 500, 100_000, 100_000]
    tallies = Tallies.of(np.array(events, float), np.array(n, float))

    def at(eta, log_s):
        return derivatives(np.array([eta]), np.array([log_s]), tallies)

    eta, log_s = logit(mean), -logit(rho)
    found = at(eta, log_s)
    assert found.loglik[0] == pytest.approx(slow_loglik(events, n, mean, rho), rel=1e-11, abs=1e-9)
    step = 1e-5
    ends = {name: [at(eta + side * a, log_s + side * b) for side in (1, -1)] for name, a, b in (("eta", step, 0), ("s", 0, step))}
    slopes = {
        (of, by): (getattr(up, of)[0] - getattr(down, of)[0]) / (2 * step)
        for by, (up, down) in ends.items()
        for of in ("loglik", "d_eta", "d_s")
    }
    scale = abs(found.loglik[0])
    tolerance = {"rel": 1e-5, "abs": 1e-8 * scale}
    assert found.d_eta[0] == pytest.approx(slopes["loglik", "eta"], **tolerance)
    assert found.d_s[0] == pytest.approx(slopes["loglik", "s"], **tolerance)
    assert found.d_eta_eta[0] == pytest.approx(slopes["d_eta", "eta"], **tolerance)
    assert found.d_eta_s[0] == pytest.approx(slopes["d_eta", "s"], **tolerance)
    assert found.d_s_s[0] == pytest.approx(slopes["d_s", "s"], **tolerance)


@given(counts)
@settings(deadline=None, max_examples=40)
def test_every_valid_data_set_has_an_ordered_result_and_no_higher_likelihood_nearby(studies):
    events, n = zip(*studies, strict=True)
    pooled = pool_proportions(events, n, model="betabinomial")
    assert 0 <= pooled.ci_low <= pooled.estimate <= pooled.ci_high <= 1
    median = pooled.median_study
    assert 0 <= median.ci_low <= median.estimate <= median.ci_high <= 1
    assert pooled.estimate == pooled.population_average.estimate
    fit = fit_beta_binomial(events, n)
    if fit.status not in ("interior", "boundary"):
        return
    for rho in (0.0, 1e-3, 0.01, 0.1, 0.3, 0.6, 0.9, fit.rho):
        for mean in expit(fit.eta + np.array([-1, -0.1, 0, 0.1, 1])):
            assert slow_loglik(events, n, mean, rho) <= fit.peaks[0].loglik + 1e-7


@given(counts)
@settings(deadline=None, max_examples=20)
def test_counting_the_other_outcome_turns_the_result_round(studies):
    events, n = (np.array(column) for column in zip(*studies, strict=True))
    here, there = (pool_proportions(x, n, model="betabinomial") for x in (events, n - events))
    assert here.estimate == pytest.approx(1 - there.estimate, abs=1e-7)
    assert (here.ci_low, here.ci_high) == pytest.approx((1 - there.ci_high, 1 - there.ci_low), abs=1e-6)


def test_profile_interval_ends_where_the_likelihood_maximised_over_rho_has_fallen():
    stored = SETS["nielweise2007_control"]
    pooled = pool_proportions(stored["events"], stored["n"], model="betabinomial", level=0.9)
    fit = fit_beta_binomial(stored["events"], stored["n"])
    s = np.exp(np.linspace(0, 9, 4001))
    for end in (pooled.ci_low, pooled.ci_high):
        x, n = np.array(stored["events"])[:, None], np.array(stored["n"])[:, None]
        best = betabinom.logpmf(x, n, end * s, (1 - end) * s).sum(axis=0).max()
        assert 2 * (fit.loglik - best) == pytest.approx(chi2.ppf(0.9, 1), abs=1e-5)


def test_median_study_is_the_median_of_the_fitted_beta():
    stored = SETS["bcg_control"]
    pooled = pool_proportions(stored["events"], stored["n"], model="betabinomial", average="median")
    s = 1 / pooled.rho - 1
    mean = pooled.population_average.estimate
    assert pooled.estimate == pytest.approx(beta.median(mean * s, (1 - mean) * s), rel=1e-9)
    assert pooled.average == "median"
    assert pooled.median_study.ci_method == "profile"


@pytest.mark.parametrize(("events", "n"), [([0, 0, 0], [40, 12, 90]), ([40, 12, 90], [40, 12, 90])])
def test_without_any_event_or_with_events_only_the_limits_are_exact(events, n):
    pooled = pool_proportions(events, n, model="betabinomial")
    low, high = study_intervals([sum(events)], [sum(n)])
    assert (pooled.estimate, pooled.ci_low, pooled.ci_high) == (float(sum(events) > 0), low[0], high[0])
    assert pooled.ci_method == "exact"
    assert pooled.rho is None
    assert pooled.median_study == pooled.population_average


def test_studies_of_no_events_or_events_only_count_as_one_draw_each():
    pooled = pool_proportions([0, 9, 0, 0], [10, 9, 30, 8], model="betabinomial")
    low, high = study_intervals([1], [4])
    assert (pooled.estimate, pooled.ci_low, pooled.ci_high) == (0.25, low[0], high[0])


def test_robust_and_wald_errors_agree_with_numerical_derivatives():
    stored = SETS["bcg_control"]
    x, n = np.array(stored["events"]), np.array(stored["n"])
    fit = fit_beta_binomial(x, n)
    at = np.array([fit.eta, fit.peaks[0].log_s])

    def each(eta, log_s):
        s, mean = np.exp(log_s), expit(eta)
        return betabinom.logpmf(x, n, mean * s, (1 - mean) * s)

    h = 3e-3
    unit = np.eye(2) * h
    scores = np.array([(each(*(at + u)) - each(*(at - u))) / (2 * h) for u in unit])
    hessian = np.array(
        [
            [sum(a * b * each(*(at + a * u + b * v)).sum() for a in (1, -1) for b in (1, -1)) / (4 * h * h) for v in unit]
            for u in unit
        ]
    )
    bread = np.linalg.inv(-hessian)
    assert fit.se == pytest.approx(np.sqrt(bread[0, 0]), rel=1e-3)
    assert fit.robust_se == pytest.approx(np.sqrt((bread @ scores @ scores.T @ bread)[0, 0]), rel=1e-3)
    for method, se in (("wald", fit.se), ("robust", fit.robust_se)):
        pooled = pool_proportions(x, n, model="betabinomial", ci=method)
        assert logit([pooled.ci_low, pooled.ci_high]) == pytest.approx(fit.eta + 1.959964 * se * np.array([-1, 1]), rel=1e-6)


@pytest.mark.parametrize(
    ("events", "n", "best"),
    [
        ([2, 2, 0, 3, 1567], [9, 3, 3, 10, 20_000], 0.0),
        ([1, 2, 3, 1, 1616], [7, 7, 5, 2, 20_000], 0.108),
        ([0, 4, 241], [2, 10, 3000], 0.0),
    ],
)
def test_of_two_peaks_the_higher_is_reported_and_the_other_named(events, n, best):
    fit = fit_beta_binomial(events, n)
    assert len(fit.peaks) == 2
    assert fit.peaks[0].loglik > fit.peaks[1].loglik
    assert fit.rho == pytest.approx(best, abs=1e-3)
    for peak in fit.peaks:
        assert peak.loglik == pytest.approx(slow_loglik(events, n, expit(peak.eta), peak.rho), abs=1e-7)
    note = next(note for note in pool_proportions(events, n, model="betabinomial").notes if "peaks" in note)
    assert f"{fit.mean:.4g}" in note
    assert f"{expit(fit.peaks[1].eta):.4g}" in note


@pytest.mark.parametrize(
    ("events", "n"),
    [([0, 5, 0, 0], [1, 11, 7, 1]), ([58_189, 42_504], [58_189, 84_991]), ([0, 3794], [4034, 7609]), ([1, 0, 0], [2, 2, 2])],
)
def test_limits_stay_proportions_where_the_data_say_next_to_nothing(events, n):
    pooled = pool_proportions(events, n, model="betabinomial", ci="profile-t", level=0.999)
    for at in (pooled.median_study, pooled.population_average):
        assert 0 <= at.ci_low <= at.estimate <= at.ci_high <= 1


def test_flat_data_are_called_flat():
    pooled = pool_proportions([1, 0, 2], [2, 2, 2], model="betabinomial")
    assert any("hardly say" in note for note in pooled.notes)
    stored = SETS["bcg_control"]
    assert not any("hardly say" in note for note in pool_proportions(stored["events"], stored["n"], model="betabinomial").notes)


def test_large_and_many_studies_keep_their_digits():
    rng = np.random.default_rng(20261129)
    n = rng.integers(50_000, 100_000, 200)
    x = rng.binomial(n, rng.beta(2e-4 * 300, (1 - 2e-4) * 300, 200))
    fit = fit_beta_binomial(x, n)
    s = 1 / fit.rho - 1
    for mean, rho in (
        (fit.mean * 1.001, fit.rho),
        (fit.mean, fit.rho * 1.001),
        (fit.mean * 0.999, fit.rho),
        (fit.mean, fit.rho * 0.999),
    ):
        other = 1 / rho - 1
        lower = betabinom.logpmf(x, n, mean * other, (1 - mean) * other).sum()
        assert lower < betabinom.logpmf(x, n, fit.mean * s, (1 - fit.mean) * s).sum()


def test_rho_zero_is_the_end_of_the_grid():
    tallies = Tallies.of(np.array([3.0, 40_000.0]), np.array([10.0, 100_000.0]))
    at = derivatives(np.array([-1.0]), np.array([COMMON]), tallies)
    p = expit(-1.0)
    assert at.loglik[0] == pytest.approx(40_003 * np.log(p) + 60_007 * np.log1p(-p), rel=1e-14)


@pytest.mark.parametrize(("argument", "message"), [({"ci": "hksj"}, "ci = 'hksj'"), ({"measure": "raw"}, "betabinomial")])
def test_what_does_not_go_with_the_model_is_refused(argument, message):
    with pytest.raises(ValueError, match=message):
        pool_proportions([1, 2], [10, 20], model="betabinomial", **argument)
