"""Nearly every set of counts in R's metadat, pooled and compared by metafor (tests/reference/metadat.json; metadat.R made it)."""

import json
from pathlib import Path

import pytest

from cordbook.synthesis.pooling.proportions import pool_proportions
from cordbook.synthesis.pooling.two_arms import compare_arms

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "metadat.json").read_text(encoding="utf-8"))
SINGLES, PAIRS = REFERENCE["singles"], REFERENCE["pairs"]

# Sums of at most 150 terms; R's numbers are stored with 10 decimals.
CLOSED_FORM = 1e-6
# R iterated to 1e-12 in tau2, ours to 1e-11 of tau2; limits carry that on.
ITERATIVE = 1e-5
# Half of the last decimal that is stored, in effects near 0 (risk differences) and in tau2 at its boundary.
STORED = 1e-9
# R's iterations stop at some 1e-12 where tau2 is 0: worth this much I-squared, in percent.
I2_ZERO = 1e-3
# rma.glmm stops where the log-likelihood is flat to 1e-9 or so: the estimate is then off by up to 1e-4 of its standard error where
# studies differ widely (axfors2021, tau2 above 5), tau2 and standard error by up to 7e-4. test_glmm.py has tight references.
GLMM_OF_SE = 5e-4
GLMM_SPREAD = 1e-3

MEASURES = {"PLO": "logit", "PAS": "arcsine", "PFT": "double-arcsine", "PR": "raw"}
MODELS = {"FE": ("common", "wald"), "DL": ("dl", "wald"), "PM": ("pm", "hksj"), "REML": ("reml", "hksj"), "ML": ("ml", "wald")}


def _agree(ours, theirs, model):
    tolerance = CLOSED_FORM if model in ("FE", "DL") else ITERATIVE
    scale = ours.model_scale
    estimate, se, low, high, tau2, q, i2, *prediction = theirs
    near = [scale.estimate, scale.se, scale.ci_low, scale.ci_high, ours.tau2]
    assert near == pytest.approx([estimate, se, low, high, tau2], rel=tolerance, abs=STORED)
    assert ours.q == pytest.approx(q, rel=CLOSED_FORM)
    assert ours.i2 == pytest.approx(i2, rel=tolerance, abs=I2_ZERO)
    if prediction:
        assert [scale.pi_low, scale.pi_high] == pytest.approx(prediction, rel=tolerance, abs=STORED)


def test_the_reference_is_whole():
    assert (len(SINGLES), len(PAIRS)) == (68, 29)
    assert sum(measure in values for values in SINGLES.values() for measure in MEASURES) > 200
    assert sum("GLMM" in values for values in SINGLES.values()) > 60


@pytest.mark.parametrize("name", SINGLES)
def test_proportions(name):
    values = SINGLES[name]
    for measure in MEASURES.keys() & values.keys():
        for model in (fit for fit in MODELS if values[measure].get(fit)):
            kind, ci = MODELS[model]
            ours = pool_proportions(values["events"], values["n"], measure=MEASURES[measure], model=kind, ci=ci, hksj_floor=False)
            _agree(ours, values[measure][model], model)


@pytest.mark.parametrize("name", [name for name in SINGLES if "GLMM" in SINGLES[name]])
def test_binomial_normal(name):
    values = SINGLES[name]
    estimate, se, tau2, q = values["GLMM"]
    ours = pool_proportions(values["events"], values["n"], model="glmm", ci="wald")
    assert ours.model_scale.estimate == pytest.approx(estimate, abs=GLMM_OF_SE * se)
    assert ours.model_scale.se == pytest.approx(se, rel=GLMM_SPREAD)
    assert ours.tau2 == pytest.approx(tau2, rel=GLMM_SPREAD, abs=GLMM_SPREAD * se**2)
    assert ours.q == pytest.approx(q, rel=ITERATIVE)


@pytest.mark.parametrize("name", PAIRS)
def test_two_arms(name):
    values = PAIRS[name]
    arms = [values[column] for column in ("ai", "n1i", "ci", "n2i")]
    for measure in {"OR", "RR", "RD"} & values.keys():
        for model in (fit for fit in MODELS if values[measure].get(fit)):
            kind, ci = MODELS[model]
            ours = compare_arms(*arms, measure=measure, model=kind, ci=ci, hksj_floor=False, double_zero="keep")
            _agree(ours, values[measure][model], model)
        if "MH" in values[measure]:
            _stratified(compare_arms(*arms, measure=measure, model="mh"), values[measure]["MH"])
    if "PETO" in values:
        _stratified(compare_arms(*arms, measure="OR", model="peto"), values["PETO"])


def _stratified(ours, theirs):
    assert [ours.model_scale.estimate, ours.model_scale.se, ours.q] == pytest.approx(theirs, rel=CLOSED_FORM, abs=STORED)
