"""Meta-regression of proportions: the binomial-normal model against lme4 and metafor, effect sizes against
meta_regression.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import expit

from cordbook.synthesis.glmm.regression import fit_binomial_regression, log_coefficients, study_terms
from cordbook.synthesis.glmm.single_arm import fit_binomial_normal
from cordbook.synthesis.measures import proportion_effects
from cordbook.synthesis.regression.meta_regression import meta_regression
from cordbook.synthesis.regression.proportion_regression import regress_proportions

from .why_reference import BCG, BCG_N2, ITERATIVE, METAFOR, REFERENCE, assert_close

X10 = [(latitude - 35) / 10 for latitude in BCG["ablat"]]
MODERATORS = {
    "mean": None,
    "ablat": {"ablat": X10},
    "alloc": {"alloc": BCG["alloc"]},
    "ablat_alloc": {"ablat": X10, "alloc": BCG["alloc"]},
}
# glmer's optimiser (bobyqa) stops within 5e-6 of the maximum; our log-likelihood is never lower.
GLMER = 1e-5
# Quadrature of two kinds, both near rounding.
TWO_RULES = 1e-8


@pytest.mark.parametrize("key", MODERATORS)
def test_glmm_agrees_with_lme4(key):
    expected = REFERENCE["glmm"][key]
    fit = regress_proportions(BCG["cpos"], BCG_N2, MODERATORS[key])
    assert_close([c.estimate for c in fit.coefficients], np.ravel(expected["beta"]), GLMER)
    assert_close([c.se for c in fit.coefficients], np.ravel(expected["se"]), GLMER)
    assert_close(fit.tau2, expected["tau2"], GLMER)
    if key != "mean":
        statistic = 2 * (expected["loglik"] - REFERENCE["glmm"]["mean"]["loglik"])
        assert_close(fit.likelihood_ratio.statistic, statistic, GLMER)


def test_glmm_agrees_with_metafor():
    # rma.glmm takes glmer's standard errors, by finite differences: its Wald statistic is good to four digits.
    expected = REFERENCE["glmm"]["ablat_metafor"]
    fit = regress_proportions(BCG["cpos"], BCG_N2, MODERATORS["ablat"])
    assert_close([c.estimate for c in fit.coefficients], expected["beta"], GLMER)
    assert_close(fit.tau2, expected["tau2"], GLMER)
    assert_close(fit.omnibus.statistic, expected["QM"], 1e-4)


def test_glmm_with_studies_without_events_agrees_with_lme4():
    expected = REFERENCE["glmm"]["nielweise_control"]
    data = REFERENCE["data"]["nielweise"]
    fit = regress_proportions(data["ci"], data["n2i"], {"z": expected["moderator"]})
    assert_close([c.estimate for c in fit.coefficients], expected["beta"], GLMER)
    assert_close([fit.tau2, *(c.se for c in fit.coefficients)], [expected["tau2"], *expected["se"]], GLMER)


@pytest.mark.parametrize("name", METAFOR["proportions"])
def test_without_moderators_it_is_the_glmm_of_pooling(name):
    data = METAFOR["proportions"][name]
    x, n = np.array(data["events"]), np.array(data["n"])
    mine, theirs = fit_binomial_regression(x, n, np.ones((len(x), 1))), fit_binomial_normal(x, n)
    assert_close([mine.beta[0], mine.tau2, mine.loglik], [theirs.mu, theirs.tau2, theirs.loglik], ITERATIVE)
    assert_close(np.sqrt(mine.covariance[0, 0]), theirs.se, ITERATIVE)


@pytest.mark.parametrize(
    "x, n, eta, tau", [(0, 5, -2, 0.5), (0, 400, -3, 4), (7, 12, 1, 0.01), (900, 20000, -2.5, 1.5), (3, 3, 0, 8)]
)
def test_likelihood_of_a_study_is_the_integral(x, n, eta, tau):
    def integrand(theta: float) -> float:
        return stats.binom.pmf(x, n, expit(theta)) * stats.norm.pdf(theta, eta, tau)

    middle = np.log((x + 0.5) / (n - x + 0.5))
    points = sorted({eta, middle, *(middle + side * 0.1 for side in (-1, 1))})
    total = integrate.quad(integrand, eta - 40 * tau, eta + 40 * tau, points=points, limit=2000, epsabs=0, epsrel=1e-11)[0]
    counts = np.array([float(x)]), np.array([float(n)])
    terms = study_terms(*counts, np.array([float(eta)]), tau)
    assert_close(terms[0, 0] + log_coefficients(*counts)[0], np.log(total), TWO_RULES)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 40), st.integers(1, 60), st.floats(-4, 4), st.floats(0.05, 4))
def test_derivatives_of_a_study_are_those_of_its_likelihood(x, extra, eta, tau):
    counts = np.array([float(x)]), np.array([float(x + extra)])
    h = 1e-4

    def at(e: float, t: float) -> np.ndarray:
        return study_terms(*counts, np.array([e]), t)[:, 0]

    here = at(eta, tau)
    d_eta, d_tau = (
        (at(eta + h, tau) - at(eta - h, tau)) / (2 * h),
        (at(eta, tau + h * tau) - at(eta, tau - h * tau)) / (2 * h * tau),
    )
    np.testing.assert_allclose(here[[1, 3, 4]], d_eta[[0, 1, 2]], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(here[[2, 4, 5]], d_tau[[0, 1, 2]], rtol=1e-4, atol=1e-4)


def test_mirrored_events_mirror_the_coefficients():
    n = np.array(BCG_N2)
    plain, mirrored = (regress_proportions(x, n, MODERATORS["ablat_alloc"]) for x in (np.array(BCG["cpos"]), n - BCG["cpos"]))
    assert_close([c.estimate for c in mirrored.coefficients], [-c.estimate for c in plain.coefficients], ITERATIVE)
    assert_close(
        [mirrored.tau2, *(c.p for c in mirrored.coefficients)],
        [plain.tau2, *(c.p for c in plain.coefficients)],
        ITERATIVE,
    )


def test_without_extra_variation_it_is_logistic_regression():
    # One proportion a level and as little variation as chance allows: the log odds of the summed counts.
    fit = regress_proportions([5, 6, 5, 11, 12, 11], [20] * 6, {"level": list("aaabbb")})
    assert fit.tau2 == 0
    assert_close([c.estimate for c in fit.coefficients], [np.log(16 / 44), np.log(34 / 26) - np.log(16 / 44)], ITERATIVE)
    assert_close(fit.coefficients[0].se, np.sqrt(1 / 16 + 1 / 44), ITERATIVE)


@pytest.mark.parametrize("measure", ["logit", "arcsine", "raw"])
def test_effect_size_models_are_meta_regression_of_the_effects(measure):
    effects = proportion_effects(BCG["cpos"], BCG_N2, measure)
    fit = regress_proportions(BCG["cpos"], BCG_N2, MODERATORS["ablat"], measure=measure, model="reml")
    plain = meta_regression(effects.yi, effects.vi, MODERATORS["ablat"])
    assert fit.coefficients == plain.coefficients and fit.measure == measure
    assert all(0 <= row.ci_low <= row.estimate <= row.ci_high <= 1 for row in fit.predict_proportion({"ablat": [-2, 0, 2]}))


def test_t_intervals_of_the_glmm_have_the_same_standard_errors():
    wald, t = (regress_proportions(BCG["cpos"], BCG_N2, MODERATORS["ablat"], ci=ci) for ci in ("wald", "hksj"))
    for a, b in zip(wald.coefficients, t.coefficients, strict=True):
        assert a.se == b.se and (a.df, b.df) == (None, 11)
        assert b.ci_low < a.ci_low
    assert t.omnibus.df2 == 11


def test_a_level_without_events_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="no events.*join its levels"):
        regress_proportions([0, 0, 3, 4], [10] * 4, {"level": list("aabb")})
    with pytest.raises(ValueError, match="no differences to explain"):
        regress_proportions([0, 0, 0, 0], [10] * 4, {"level": list("aabb")})
    with pytest.raises(ValueError, match="glmm"):
        regress_proportions([1, 2, 3, 4], [10] * 4, {"level": list("aabb")}, measure="arcsine")
    with pytest.raises(ValueError, match="measure"):
        regress_proportions([1, 2, 3, 4], [10] * 4, {"level": list("aabb")}, measure="double-arcsine", model="reml")
    with pytest.raises(ValueError, match="study 2"):
        regress_proportions([1, 12, 3, 4], [10] * 4, {"level": list("aabb")})


def test_frame_prints_and_json():
    frame = pd.DataFrame({"x": BCG["cpos"], "n": BCG_N2, "ablat": X10})
    fit = regress_proportions("x", "n", ["ablat"], data=frame)
    assert fit == regress_proportions(BCG["cpos"], BCG_N2, MODERATORS["ablat"])
    assert "likelihood ratio" in fit.summary()
    assert json.loads(json.dumps(fit.to_dict()))["model"] == "glmm"
