"""Every fit of single proportions stored from R's metafor (tests/reference/metafor.json), one test each."""

import json
from pathlib import Path

import numpy as np
import pytest

from cordbook.synthesis.between_studies.heterogeneity import i2_of, q_profile_interval, typical_variance
from cordbook.synthesis.between_studies.tau2 import estimate_tau2
from cordbook.synthesis.measures import proportion_effects
from cordbook.synthesis.pooling.proportions import pool_proportions

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "metafor.json").read_text())["proportions"]

# Sums and quotients of the same numbers: only rounding differs.
CLOSED_FORM = 1e-6
# metafor's iterations ran with threshold 1e-10 on tau2 itself; ours stop at 1e-11 of tau2.
ITERATIVE = 1e-5
# rma.glmm hands the likelihood to a general optimiser, which stops where the log-likelihood is flat to about 1e-9. Its
# estimates are then off by some 1e-5 of a standard error, and tau2 and the standard error by some 1e-5 of themselves; at
# our estimates the log-likelihood, integrated independently, is higher (test_glmm.py checks that).
GLMM_ESTIMATE = 1e-5
GLMM_SPREAD = 5e-5
# metafor solves Q-profile limits with uniroot, whose default tolerance is eps^(1/4) = 1.2e-4 in tau2; solved to rounding the
# limits agree to 1e-8 (test_heterogeneity.py).
UNIROOT = 1.2e-4
# Below this a number is 0 but for rounding (tau2 at the boundary, a Q-profile limit of 0).
ZERO = 1e-9
# Where tau2 is 0 metafor's iterations stop at some 1e-12, which is worth this much I-squared, in percent, on the raw scale.
I2_ZERO = 1e-5

MEASURES = {"PLO": "logit", "PAS": "arcsine", "PFT": "double-arcsine", "PR": "raw"}
MODELS = {"FE": "common", "DL": "dl", "PM": "pm", "REML": "reml", "ML": "ml"}
CI = {"z": "wald", "knha": "hksj"}

FITS = [
    (data, name)
    for data, stored in REFERENCE.items()
    for name in stored
    if len(parts := name.split("_")) == 3 and parts[0] in MEASURES and parts[2] in CI
]


def close(value, expected, tolerance):
    return value == pytest.approx(expected, rel=tolerance, abs=ZERO)


@pytest.mark.parametrize(("data", "name"), FITS, ids=[f"{data}-{name}" for data, name in FITS])
def test_inverse_variance_fit(data, name):
    stored = REFERENCE[data]
    expected = stored[name]
    measure, model, ci = name.split("_")
    tolerance = CLOSED_FORM if model in ("FE", "DL") else ITERATIVE
    options = {"measure": MEASURES[measure], "model": MODELS[model], "ci": CI[ci], "hksj_floor": False}
    pooled = pool_proportions(stored["events"], stored["n"], **options)
    scale = pooled.model_scale
    assert close(scale.estimate, expected["estimate"], tolerance)
    assert close(scale.se, expected["se"], tolerance)
    assert close([scale.ci_low, scale.ci_high], expected["ci"], tolerance)
    assert close(pooled.tau2, expected["tau2"], tolerance)
    assert close(pooled.q, expected["Q"], CLOSED_FORM)
    assert close(pooled.q_p, expected["Qp"], CLOSED_FORM)
    assert pooled.i2 == pytest.approx(expected["I2"], rel=tolerance, abs=I2_ZERO)
    assert close(pooled.h2, expected["H2"], tolerance)
    back = expected["back"]
    assert close(pooled.estimate, back["estimate"], tolerance)
    # On the raw scale metafor leaves limits outside 0 to 1 as they are; a proportion cannot lie there, so ours are cut off.
    limits = (lambda values: np.clip(values, 0, 1)) if measure == "PR" else (lambda values: values)
    assert close([pooled.ci_low, pooled.ci_high], limits(back["ci"]), tolerance)
    if back["pi"] is None:
        assert pooled.pi_low is None
        assert pooled.pi_high is None
    else:
        assert close([pooled.pi_low, pooled.pi_high], limits(back["pi"]), tolerance)


@pytest.mark.parametrize("data", REFERENCE)
def test_glmm_fit(data):
    stored = REFERENCE[data]
    expected = stored["GLMM"]
    pooled = pool_proportions(stored["events"], stored["n"], model="glmm", ci="wald")
    assert close(pooled.model_scale.estimate, expected["estimate"], GLMM_ESTIMATE)
    assert close(pooled.model_scale.se, expected["se"], GLMM_SPREAD)
    assert close(pooled.tau2, expected["tau2"], GLMM_SPREAD)
    assert close(pooled.q, expected["LRT"], ITERATIVE)
    assert close(pooled.estimate, expected["back"]["estimate"], GLMM_SPREAD)
    assert close([pooled.ci_low, pooled.ci_high], expected["back"]["ci"], GLMM_SPREAD)


@pytest.mark.parametrize("data", REFERENCE)
def test_q_profile_interval_of_tau2_and_i2(data):
    stored = REFERENCE[data]
    sizes = proportion_effects(stored["events"], stored["n"], "logit")
    tau2, low, high = stored["PLO_REML_tau2_qprofile"]
    interval = q_profile_interval(sizes.yi, sizes.vi)
    assert close(estimate_tau2("reml", sizes.yi, sizes.vi), tau2, ITERATIVE)
    assert interval == pytest.approx((low, high), abs=UNIROOT)
    typical = typical_variance(sizes.vi)
    i2, i2_low, i2_high = stored["PLO_REML_I2_ci"]
    assert close(i2_of(tau2, typical), i2, ITERATIVE)
    # I-squared moves by at most 100 / typical percent for a change of 1 in tau2.
    limits = [i2_of(limit, typical) for limit in interval]
    assert limits == pytest.approx([i2_low, i2_high], abs=UNIROOT * 100 / typical)


@pytest.mark.parametrize("data", REFERENCE)
def test_leave_one_out_in_one_batch(data):
    stored = REFERENCE[data]
    expected = stored["PLO_REML_leave1out"]
    sizes = proportion_effects(stored["events"], stored["n"], "logit")
    k = len(sizes.yi)
    kept = np.array([np.delete(np.arange(k), i) for i in range(k)])
    assert close(estimate_tau2("reml", sizes.yi[kept], sizes.vi[kept]), expected["tau2"], ITERATIVE)
