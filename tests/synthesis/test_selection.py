"""Step-function selection models against metafor's selmodel."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import integrate, stats

from cordbook.synthesis.bias.selection_model import _Problem, selection_model

from .why_reference import ITERATIVE, REFERENCE, STORED, assert_close

# metafor maximises with BFGS and numerical gradients, which stop within about 1e-6 of the maximum (our likelihoods are
# never lower), and takes standard errors from there.
OPTIMISED = 1e-5


@pytest.mark.parametrize("key", REFERENCE["selection"])
def test_agrees_with_metafor(key):
    data, method, direction, *steps = key.split("_")
    expected = REFERENCE["selection"][key]
    effects = REFERENCE["data"][data]
    found = selection_model(
        effects["yi"],
        effects["vi"],
        direction=direction,
        steps=[float(f"0.{step}") for step in steps],
        model="ml" if method == "ML" else "common",
    )
    assert_close([found.estimate, found.se], [expected["beta"], expected["se"]], OPTIMISED)
    # A limit near 0 is a small difference of larger numbers, so limits are compared in standard errors.
    np.testing.assert_allclose([found.ci_low, found.ci_high], expected["ci"], rtol=0, atol=OPTIMISED * expected["se"])
    assert_close(
        [found.loglik, found.statistic, found.df, found.p],
        [expected[name] for name in ("ll", "LRT", "LRTdf", "LRTp")],
        ITERATIVE,
    )
    assert found.loglik >= expected["ll"] - 1e-9
    assert_close([weight.weight for weight in found.weights], expected["delta"], OPTIMISED)
    assert_close([weight.se for weight in found.weights][1:], expected["se_delta"][1:], OPTIMISED)
    if method == "ML":
        assert_close([found.tau2, found.tau2_se], [expected["tau2"], expected["se_tau2"]], OPTIMISED)
    else:
        assert (found.tau2, found.tau2_se) == (0, None)


def test_gradient_is_that_of_the_likelihood_and_the_density_adds_up_to_one():
    effects = REFERENCE["data"]["hackshaw"]
    problem = _Problem.of(np.array(effects["yi"]), np.array(effects["vi"]), np.array([0.025, 0.5]))
    theta = np.array([0.2, 0.05, 0.4, 0.2])
    gradient = problem.loglik_gradient(theta)[1]
    for i, step in enumerate(np.eye(4) * 1e-6):
        numeric = (problem.loglik(theta + step) - problem.loglik(theta - step)) / 2e-6
        assert_close(gradient[i], numeric, STORED)

    def density(y: float, v: float) -> float:
        one = _Problem.of(np.array([y]), np.array([v]), np.array([0.025, 0.5]))
        return float(np.exp(one.loglik(theta)))

    cuts = [-stats.norm.ppf(p) * np.sqrt(0.1) for p in (0.025, 0.5)]
    total = integrate.quad(density, -4, 5, args=(0.1,), points=cuts, epsabs=1e-10)[0]
    assert_close(total, 1.0, ITERATIVE)


def test_selected_studies_are_corrected_towards_the_truth():
    # True mean 0.2; of results with a one-sided p above 0.025 one in five is published. Seeded.
    rng = np.random.default_rng(5)
    v = rng.uniform(0.02, 0.2, 4000)
    y = rng.normal(0.2, np.sqrt(v + 0.02))
    published = (stats.norm.sf(y / np.sqrt(v)) <= 0.025) | (rng.random(4000) < 0.2)
    found = selection_model(y[published], v[published], direction="greater")
    assert found.unadjusted > 0.28
    assert found.ci_low < 0.2 < found.ci_high
    assert found.weights[1].ci_low < 0.2 < found.weights[1].ci_high
    assert found.p < 1e-6


def test_mirrored_effects_and_direction_mirror_the_result():
    effects = REFERENCE["data"]["bcg"]
    less = selection_model(effects["yi"], effects["vi"], direction="less")
    greater = selection_model(-np.array(effects["yi"]), effects["vi"], direction="greater")
    assert_close([greater.estimate, greater.ci_low, greater.tau2], [-less.estimate, -less.ci_high, less.tau2], ITERATIVE)


def test_an_interval_without_studies_is_refused_with_its_p_values():
    with pytest.raises(ValueError, match="0.025 to 1"):
        selection_model([1.0, 1.2, 0.9, 1.1], [0.01] * 4, direction="greater")
    with pytest.raises(ValueError, match="0 to 0.025"):
        selection_model([1.0, 1.2, 0.9, 1.1], [0.01] * 4, direction="less")


def test_bad_input_is_refused():
    effects = REFERENCE["data"]["bcg"]
    with pytest.raises(ValueError, match="steps"):
        selection_model(effects["yi"], effects["vi"], direction="less", steps=[0, 0.5])
    with pytest.raises(ValueError, match="direction"):
        selection_model(effects["yi"], effects["vi"], direction="two-sided")
    with pytest.raises(ValueError, match="model"):
        selection_model(effects["yi"], effects["vi"], direction="less", model="reml")


def test_no_heterogeneity_is_said_and_sparse_intervals_too():
    found = selection_model([0.5, 0.52, 0.48, 0.3, 0.1], [0.02, 0.03, 0.04, 0.05, 0.06], direction="greater")
    assert found.tau2 == pytest.approx(0, abs=1e-8) and found.tau2_se is None
    assert any("tau2 is estimated as 0" in note for note in found.notes)
    sparse = selection_model([0.5, 0.52, 0.48, 0.6, -0.1], [0.02, 0.03, 0.04, 0.05, 0.06], direction="greater")
    assert any("fewer than 3 studies" in note for note in sparse.notes)


def test_it_prints():
    effects = REFERENCE["data"]["hackshaw"]
    found = selection_model(effects["yi"], effects["vi"], direction="greater")
    assert "test of selection" in found.summary()
    json.dumps(found.to_dict())
