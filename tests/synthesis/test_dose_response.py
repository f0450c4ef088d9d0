"""Dose-response fits against R (glm, lme4, MASS, brglm2), published tables, and brute-force integration."""

import json
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats
from scipy.special import expit

from cordbook.synthesis.dose.dose_response import (
    bed,
    dose_at_risk,
    eqd2,
    fit_dose_response,
    goodness_of_fit,
    risk_at_dose,
    risk_band,
)
from cordbook.synthesis.dose.likelihood import LINKS, DoseGroups, jeffreys_penalty, log_likelihood, marginal_risk

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "dose_response.json").read_text())["sets"]
# R's glm was run to 1e-14 in the deviance; its probit standard errors stop one scoring step short of ours.
GLM_ESTIMATE, GLM_COVARIANCE = 1e-7, 1e-6
# glmer at nAGQ = 25 against 41 nodes; its covariance comes from finite differences of the deviance.
GLMER_ESTIMATE, GLMER_COVARIANCE = 1e-6, 1e-4
# brglm2 stops on a criterion of its own.
BRGLM_ESTIMATE, BRGLM_COVARIANCE = 1e-8, 1e-7


def cases(*kinds):
    return [(name, key) for name, entry in REFERENCE.items() for key in entry if key in kinds]


def fit_of(name, key):
    data = REFERENCE[name]["data"]
    return fit_dose_response(
        data["dose"],
        np.broadcast_to(data["events"], len(data["dose"])),
        np.broadcast_to(data["n"], len(data["dose"])),
        study=data["study"] if key.startswith("mixed") else None,
        link=key.split("_")[-1],
        penalty="jeffreys" if key.startswith("jeffreys") else "none",
    )


def agrees(fit, reference, estimate, covariance):
    assert [fit.intercept, fit.slope] == pytest.approx(reference["beta"], rel=estimate)
    assert np.array(fit.covariance) == pytest.approx(np.array(reference["vcov"]), rel=covariance)


@pytest.mark.parametrize(("name", "key"), cases("logit", "probit"))
def test_agrees_with_glm(name, key):
    fit, reference = fit_of(name, key), REFERENCE[name][key]
    agrees(fit, reference, GLM_ESTIMATE, GLM_COVARIANCE)
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-8)
    good = goodness_of_fit(fit)
    assert good.deviance == pytest.approx(reference["deviance"], abs=1e-8)
    assert good.pearson == pytest.approx(reference["pearson"], rel=1e-6)
    if fit.slope > 0:
        for risk, prefix in ((0.05, "ed05"), (0.5, "ed50")):
            found = dose_at_risk(fit, risk)
            assert (found.dose, found.se) == pytest.approx((reference[prefix], reference[f"{prefix}_se"]), rel=1e-6)


@pytest.mark.parametrize(("name", "key"), cases("mixed_logit", "mixed_probit"))
def test_agrees_with_glmer(name, key):
    fit, reference = fit_of(name, key), REFERENCE[name][key]
    agrees(fit, reference, GLMER_ESTIMATE, GLMER_COVARIANCE)
    assert fit.tau == pytest.approx(reference["tau"], rel=GLMER_ESTIMATE)
    assert fit.tau_p < 0.05 and fit.log_likelihood > fit.log_likelihood_common


@pytest.mark.parametrize(("name", "key"), cases("jeffreys_logit", "jeffreys_probit"))
def test_agrees_with_brglm2(name, key):
    agrees(fit_of(name, key), REFERENCE[name][key], BRGLM_ESTIMATE, BRGLM_COVARIANCE)


def test_published_beetles():
    """Dobson and Barnett 2008, section 7.3 (beetle mortality): estimates, standard errors and deviance."""
    logit, probit = fit_of("beetles", "logit"), fit_of("beetles", "probit")
    assert (logit.intercept, logit.intercept_se, logit.slope, logit.slope_se) == pytest.approx(
        (-60.72, 5.18, 34.27, 2.91), abs=0.005
    )
    assert goodness_of_fit(logit).deviance == pytest.approx(11.23, abs=0.005)
    assert goodness_of_fit(probit).deviance == pytest.approx(10.12, abs=0.005)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_agrees_with_statsmodels_where_studies_do_not_differ(link):
    dose, n = np.tile([1.0, 2.0, 3.0], 3), np.full(9, 40)
    events = np.tile([4, 15, 31], 3)
    fit = fit_dose_response(dose, events, n, study=np.repeat(["a", "b", "c"], 3), link=link)
    family = sm.families.Binomial(getattr(sm.families.links, link.capitalize())())
    model = sm.GLM(np.column_stack([events, n - events]), sm.add_constant(dose), family=family).fit(tol=1e-13)
    assert fit.tau == 0.0 and fit.tau_p == 1.0
    assert [fit.intercept, fit.slope] == pytest.approx(model.params, rel=GLM_ESTIMATE)
    assert np.array(fit.covariance) == pytest.approx(model.cov_params(), rel=GLM_COVARIANCE)


# From studies that hardly differ to differences so wide that posteriors of sparse studies are skewed.
@pytest.mark.parametrize("tau", [0.05, 0.8, 2.0, 6.0])
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_likelihood_is_the_integral_and_its_gradient_the_derivative(link, tau):
    groups = DoseGroups(
        design=np.column_stack([np.ones(5), [1.0, 2.0, 1.0, 3.0, 2.0]]),
        events=np.array([0.0, 2, 1, 9, 0]),
        n=np.array([12.0, 10, 8, 11, 30]),
        study=np.array([0, 0, 1, 1, 2]),
        starts=np.array([0, 2, 4]),
    )
    beta = np.array([-2.0, 0.9])
    risk = {"logit": expit, "probit": stats.norm.cdf}[link]

    def study(members):
        def integrand(z):
            p = risk(groups.design[members] @ beta + tau * z)
            return stats.binom.pmf(groups.events[members], groups.n[members], p).prod() * stats.norm.pdf(z)

        return np.log(integrate.quad(integrand, -12, 12, epsabs=0, epsrel=1e-11, limit=200)[0])

    value, gradient = log_likelihood(groups, LINKS[link], beta, tau)
    assert value == pytest.approx(study([0, 1]) + study([2, 3]) + study([4]), abs=1e-8)
    theta = np.append(beta, tau)
    numeric = optimize.approx_fprime(theta, lambda t: log_likelihood(groups, LINKS[link], t[:2], t[2])[0], 1e-6)
    assert gradient == pytest.approx(numeric, abs=1e-4, rel=1e-5)
    _, slope = jeffreys_penalty(groups, LINKS[link], beta)
    numeric = optimize.approx_fprime(beta, lambda b: jeffreys_penalty(groups, LINKS[link], b)[0], 1e-6)
    assert slope[:2] == pytest.approx(numeric, abs=1e-4)


def test_firth_on_two_doses_adds_half_an_event():
    """With as many parameters as doses Firth's estimate is (x + 1/2) / (n + 1) at each dose (Firth 1993)."""
    fit = fit_dose_response([10, 20], [0, 3], [8, 9], penalty="jeffreys")
    assert [group.fitted for group in fit.groups] == pytest.approx([0.5 / 9, 3.5 / 10], rel=1e-7)


@pytest.mark.parametrize(("name", "key"), [("beetles", "logit"), ("budworm", "probit"), ("sparse", "logit"), ("rare", "probit")])
def test_d50_interval_is_where_the_profile_has_dropped(name, key):
    """At an end of the interval, a curve forced to pass through risk 1/2 there is worse by chi-squared(1) at 95%."""
    fit, data = fit_of(name, key), REFERENCE[name]["data"]
    events, n, dose = (np.broadcast_to(data[column], len(data["dose"])).astype(float) for column in ("events", "n", "dose"))
    family = sm.families.Binomial(getattr(sm.families.links, key.capitalize())())
    for end in (fit.d50_ci_low, fit.d50_ci_high):
        forced = sm.GLM(np.column_stack([events, n - events]), (dose - end)[:, None], family=family).fit(tol=1e-12)
        assert 2 * (fit.log_likelihood - forced.llf) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-4)


@pytest.mark.parametrize(
    ("dose", "events", "n"),
    [
        ([43.7, 50.9, 46.9, 33.8], [0, 0, 2, 0], [85, 49, 96, 62]),
        (
            [63.3, 41.3, 75.6, 58.0, 42.7, 45.9, 63.7, 48.9, 38.4],
            [0, 0, 0, 0, 0, 1, 1, 0, 0],
            [83, 140, 71, 86, 32, 18, 102, 137, 64],
        ),
        ([35.4, 61.9, 72.3], [0, 0, 0], [74, 39, 36]),
    ],
)
def test_d50_is_not_bounded_above_where_the_data_do_not_bound_it(dose, events, n):
    """Sets on which the best slope changes by orders of magnitude along the profile, and a flat curve fits well."""
    for link in ("logit", "probit"):
        fit = fit_dose_response(dose, events, n, link=link, penalty="jeffreys")
        assert fit.d50_ci_high is None
        assert fit.d50 is None or fit.d50_ci_low is None or fit.d50_ci_low < fit.d50


def test_penalised_d50_interval_against_a_direct_search():
    fit, data = fit_of("sparse", "jeffreys_probit"), REFERENCE["sparse"]["data"]
    dose, events, n = (np.array(data[column], dtype=float) for column in ("dose", "events", "n"))
    design = np.column_stack([np.ones_like(dose), dose])

    def objective(a, b):
        eta = a + b * dose
        p = stats.norm.cdf(eta)
        weight = n * stats.norm.pdf(eta) ** 2 / (p * (1 - p))
        return stats.binom.logpmf(events, n, p).sum() + 0.5 * np.linalg.slogdet((design * weight[:, None]).T @ design)[1]

    for end in (fit.d50_ci_low, fit.d50_ci_high):
        heights = [objective(-b * end, b) for b in np.linspace(0.01, 0.6, 3000)]
        drop = 2 * (objective(fit.intercept, fit.slope) - max(heights))
        assert drop == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-3)


def test_fieller_limits_are_where_the_wald_band_meets_the_risk():
    fit = fit_of("budworm", "logit")
    z = stats.norm.ppf(0.975)
    for risk in (0.1, 0.5):
        found = dose_at_risk(fit, risk)
        for end in (found.ci_low, found.ci_high):
            row = np.array([1.0, end])
            distance = row @ [fit.intercept, fit.slope] - np.log(risk / (1 - risk))
            assert abs(distance) == pytest.approx(z * np.sqrt(row @ np.array(fit.covariance) @ row), rel=1e-8)
    band = risk_at_dose(fit, dose_at_risk(fit, 0.5).ci_low)
    assert band.ci_high == pytest.approx(0.5)


def test_slope_in_other_words():
    """gamma50 is the rise in percentage points for 1% more dose at D50, read off the curve itself."""
    for key in ("logit", "probit"):
        fit = fit_of("rare", key)
        low, high = (risk_at_dose(fit, fit.d50 * factor).estimate for factor in (0.9999, 1.0001))
        assert fit.gamma50 == pytest.approx((high - low) / 0.0002, rel=1e-6)
        assert fit.gamma50_ci_low < fit.gamma50 < fit.gamma50_ci_high


def test_band_of_a_mixed_fit():
    fit = fit_of("rare", "mixed_logit")
    band = risk_band(fit, np.linspace(40, 90, 6))
    assert all(row.pi_low < row.ci_low < row.estimate < row.ci_high < row.pi_high for row in band)
    # Averaged over studies the curve is flatter: nearer to 1/2 on both sides of D50.
    assert band[0].mean > band[0].estimate and band[-1].mean < band[-1].estimate
    eta = fit.intercept + fit.slope * 60.0
    direct = integrate.quad(lambda z: expit(eta + fit.tau * z) * stats.norm.pdf(z), -10, 10)[0]
    assert risk_at_dose(fit, 60.0).mean == pytest.approx(direct, abs=1e-8)
    direct = integrate.quad(lambda z: stats.norm.cdf(-1 + 0.7 * z) * stats.norm.pdf(z), -10, 10)[0]
    assert marginal_risk(LINKS["probit"], np.array(-1.0), 0.7) == pytest.approx(direct, abs=1e-8)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(6)), st.sampled_from([0.01, 1.0, 100.0]))
def test_order_and_unit_of_dose_change_nothing(order, unit):
    data = REFERENCE["sparse"]["data"]
    dose, events, n = (np.array(data[column]) for column in ("dose", "events", "n"))
    base = fit_dose_response(dose, events, n)
    order = list(order)
    moved = fit_dose_response(dose[order] * unit, events[order], n[order])
    assert moved.d50 == pytest.approx(base.d50 * unit, rel=1e-7)
    assert moved.slope_se == pytest.approx(base.slope_se / unit, rel=1e-6)
    assert moved.d50_ci_high == pytest.approx(base.d50_ci_high * unit, rel=1e-5)
    assert moved.gamma50 == pytest.approx(base.gamma50, rel=1e-7)


def test_few_events_are_said():
    fit = fit_of("sparse", "logit")
    assert any("3 events, in 2 of 6 groups" in note for note in fit.notes)
    assert any("outside the doses observed" in note for note in fit.notes)
    flat = fit_dose_response([40, 50, 60], [1, 0, 1], [100, 80, 60])
    assert flat.d50_ci_high is None and any("flat curve" in note for note in flat.notes)
    falling = fit_dose_response([40, 50, 60], [5, 3, 1], [50, 50, 50])
    assert falling.d50 is None and any("does not rise" in note for note in falling.notes)
    with pytest.raises(ValueError, match="does not rise"):
        dose_at_risk(falling, 0.5)


def test_no_event_and_separation():
    for events in ([0, 0, 0], [0, 0, 4]):
        with pytest.raises(ValueError, match="penalty='jeffreys'"):
            fit_dose_response([40, 50, 60], events, [30, 20, 4])
        fit = fit_dose_response([40, 50, 60], events, [30, 20, 4], penalty="jeffreys")
        assert np.isfinite([fit.intercept, fit.slope, fit.slope_se]).all() and fit.notes
        assert risk_at_dose(fit, 45).estimate < 0.1


def test_goodness_of_fit_by_simulation():
    sparse, herds = fit_of("sparse", "logit"), fit_of("herds", "logit")
    good = goodness_of_fit(sparse, simulations=400, seed=1)
    assert good == goodness_of_fit(sparse, simulations=400, seed=1)
    assert good.deviance_p_simulated > 0.1 and good.notes
    # Herds differ, so that one curve cannot fit them all (the mixed fit finds tau of 0.6 or more).
    assert goodness_of_fit(herds, simulations=400, seed=1).pearson_p_simulated < 0.01
    with pytest.raises(ValueError, match="fit without study"):
        goodness_of_fit(fit_of("herds", "mixed_logit"))


def test_doses_of_the_linear_quadratic_model():
    # By hand, 10 fractions of 3 Gy. At alpha/beta 2: BED 30 (1 + 1.5) = 75, EQD2 75 / 2 = 37.5. At 10: 39 and 32.5.
    assert (float(bed(30, 3)), float(eqd2(30, 3))) == (75.0, 37.5)
    assert (float(bed(30, 3, 10)), float(eqd2(30, 3, 10))) == pytest.approx((39.0, 32.5))
    # Fractions of 2 Gy are their own equivalent, whatever alpha/beta.
    assert eqd2([44.0, 50.0], 2, alpha_beta=0.87) == pytest.approx([44.0, 50.0])


def test_results_are_plain():
    fit = fit_of("rare", "mixed_probit")
    stored = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    assert stored["d50"] == fit.d50 and stored["groups"][0]["study"] == fit.groups[0].study
    assert list(fit.to_frame()["dose"]) == REFERENCE["rare"]["data"]["dose"]
    assert "D50" in fit.summary() and "9 studies" in fit.summary()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: fit_dose_response([1, 2], [1, 12], [10, 10], study=["Okada", "Levi"]),
            "Levi: events = 12 is more than n = 10",
        ),
        (lambda: fit_dose_response([1, np.nan], [1, 2], [10, 10]), "study 2: dose = nan"),
        (lambda: fit_dose_response([1, 1], [1, 2], [10, 10]), "two different doses"),
        (lambda: fit_dose_response([1, 2, 3], [1, 2], [10, 10]), "dose has 3 values"),
        (lambda: fit_dose_response([1, 2], [1, 2], [10, 10], link="cloglog"), "link = 'cloglog'"),
        (lambda: eqd2(-1, 2), "total_dose = -1"),
        (lambda: eqd2(50, 2, alpha_beta=0), "alpha_beta = 0"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
