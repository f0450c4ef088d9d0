"""Tests of small-study effects against R."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cordbook.synthesis.bias.small_study import arcsine_test, egger_test, peters_test, proportion_size_test
from cordbook.synthesis.glmm.regression import fit_binomial_regression
from cordbook.synthesis.glmm.single_arm import fit_binomial_normal
from cordbook.synthesis.measures import proportion_effects

from .why_reference import BCG, BCG_N1, BCG_N2, CLOSED, INTERVALS, ITERATIVE, METAFOR, MODELS, REFERENCE, assert_close

PREDICTORS = {"sei": "se", "vi": "variance", "ni": "n", "ninv": "1/n", "sqrtninv": "1/sqrt(n)"}
NIEL = REFERENCE["data"]["nielweise"]


@pytest.mark.parametrize("key", REFERENCE["regtest"])
def test_regression_tests_agree_with_metafor(key):
    expected = REFERENCE["regtest"][key]
    form, predictor, *rest = key.split("_")
    options = {"dispersion": "additive", "model": MODELS[rest[0]], "ci": INTERVALS[rest[1]]} if rest else {}
    found = egger_test(BCG["yi"], BCG["vi"], n=BCG["ni"], predictor=PREDICTORS[predictor], **options)
    assert_close([found.statistic, found.p], [expected["z"], expected["p"]], ITERATIVE)
    assert (found.df, found.tau2 is None) == (None if rest and rest[1] == "z" else 11, form == "lm")
    if predictor == "ni":
        assert found.limit is None
    else:
        limit = np.ravel(expected["limit"])[0]
        assert_close([found.limit, found.limit_ci_low, found.limit_ci_high], [limit, *expected["limit_ci"]], ITERATIVE)


@pytest.mark.parametrize("name", METAFOR["proportions"])
def test_egger_of_logits_agrees_with_metafor(name):
    data = METAFOR["proportions"][name]
    effects = proportion_effects(data["events"], data["n"], "logit")
    expected = data["PLO_egger_lm"]
    found = egger_test(effects.yi, effects.vi)
    assert_close([found.statistic, found.p, found.df], [expected["z"], expected["p"], expected["df"]], CLOSED)


def test_egger_is_the_intercept_of_the_original_paper():
    # Egger 1997: the standard normal deviate y/se regressed on precision 1/se; its intercept is the slope tested here.
    y, se = np.array(BCG["yi"]), np.sqrt(BCG["vi"])
    intercept = np.polyfit(1 / se, y / se, 1)[1]
    assert_close(egger_test(BCG["yi"], BCG["vi"]).slope, intercept, CLOSED)


def test_peters_agrees_with_the_weighted_regression_in_r():
    expected = REFERENCE["peters"]["bcg"]
    found = peters_test(BCG["tpos"], BCG_N1, BCG["cpos"], BCG_N2)
    assert_close(
        [found.statistic, found.p, found.slope, found.limit],
        [expected[key] for key in ("z", "p", "slope", "intercept")],
        CLOSED,
    )
    assert found.df == expected["df"]


def test_peters_leaves_out_studies_without_events_and_says_so():
    expected = REFERENCE["peters"]["nielweise"]
    found = peters_test(NIEL["ai"], NIEL["n1i"], NIEL["ci"], NIEL["n2i"])
    assert_close([found.statistic, found.p, found.slope], [expected[key] for key in ("z", "p", "slope")], CLOSED)
    assert (found.k, found.df) == (17, expected["df"])
    assert "study 15" in found.notes[0]


@pytest.mark.parametrize("name", ["bcg", "nielweise"])
def test_arcsine_test_agrees_with_metafor(name):
    counts = (BCG["tpos"], BCG_N1, BCG["cpos"], BCG_N2) if name == "bcg" else [NIEL[key] for key in ("ai", "n1i", "ci", "n2i")]
    for dispersion, key in (("multiplicative", "lm"), ("additive", "rma_DL")):
        expected = REFERENCE["arcsine"][f"{name}_{key}"]
        found = arcsine_test(*counts, dispersion=dispersion)
        assert_close([found.statistic, found.p], [expected["z"], expected["p"]], CLOSED)
    if name == "bcg":
        found = arcsine_test(*counts, model="reml")
        assert_close(found.statistic, REFERENCE["arcsine"]["bcg_rma_REML"]["z"], ITERATIVE)


def test_size_test_of_arcsines_is_egger_of_arcsines():
    # 1/sqrt(n) is twice the standard error of the arcsine, so the statistics are the same.
    data = METAFOR["proportions"]["pritz1997"]
    effects = proportion_effects(data["events"], data["n"], "arcsine")
    egger = egger_test(effects.yi, effects.vi, dispersion="additive", ci="hksj")
    found = proportion_size_test(data["events"], data["n"], model="reml")
    assert_close([found.statistic, found.p, found.limit], [egger.statistic, egger.p, egger.limit], ITERATIVE)
    assert_close(found.slope * 2, egger.slope, ITERATIVE)
    assert "no null value" in found.notes[-1]


def test_size_test_of_counts_is_a_likelihood_ratio():
    data = METAFOR["proportions"]["pritz1997"]
    n = np.array(data["n"])
    found = proportion_size_test(data["events"], n)
    with_size = fit_binomial_regression(np.array(data["events"]), n, np.column_stack([np.ones(len(n)), n**-0.5]))
    without = fit_binomial_normal(data["events"], n)
    assert_close(found.statistic**2, 2 * (with_size.loglik - without.loglik), ITERATIVE)
    assert_close(found.p, 2 * stats.norm.sf(abs(found.statistic)), ITERATIVE)
    assert np.sign(found.slope) == np.sign(found.statistic)


@pytest.mark.parametrize("model", ["glmm", "reml"])
def test_mirrored_proportions_mirror_the_slope(model):
    data = METAFOR["proportions"]["pritz1997"]
    n = np.array(data["n"])
    plain, mirrored = (proportion_size_test(x, n, model=model) for x in (np.array(data["events"]), n - data["events"]))
    assert_close([mirrored.slope, mirrored.p], [-plain.slope, plain.p], ITERATIVE)
    assert_close(mirrored.limit, (np.pi / 2 if model == "reml" else 0) - plain.limit, ITERATIVE)


def test_size_test_of_proportions_has_its_level_where_egger_of_logits_has_not():
    # Rare events, one true proportion, no bias: Egger's test of logits is tied to the counts (Hunter 2014). 200 seeded
    # data sets.
    rng = np.random.default_rng(11)
    n = rng.integers(8, 60, size=(200, 20))
    x = rng.binomial(n, 0.08)
    logit, size = 0, 0
    for events, sizes in zip(x, n, strict=True):
        effects = proportion_effects(events, sizes, "logit")
        logit += egger_test(effects.yi, effects.vi).p < 0.05
        size += proportion_size_test(events, sizes).p < 0.05
    assert logit / 200 > 0.5
    # Three Monte Carlo standard errors above 5%.
    assert size / 200 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_few_studies_are_a_note_and_very_few_an_error():
    found = egger_test([0.1, 0.3, 0.6, 0.7], [0.01, 0.02, 0.1, 0.2])
    assert "fewer than the 10" in found.notes[0]
    with pytest.raises(ValueError, match="at least 3"):
        egger_test([0.1, 0.3], [0.01, 0.02])
    with pytest.raises(ValueError, match="at least 3 studies with events"):
        peters_test([0, 1, 2], [10, 20, 30], [0, 2, 3], [10, 20, 35])


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="the same in all studies"):
        egger_test([0.1, 0.3, 0.4], [0.02] * 3)
    with pytest.raises(ValueError, match="same size"):
        peters_test([1, 2, 3], [10, 10, 10], [2, 3, 5], [10, 10, 10])
    with pytest.raises(ValueError, match="nothing to test"):
        proportion_size_test([0, 0, 0], [10, 20, 10])
    with pytest.raises(ValueError, match="same size"):
        proportion_size_test([1, 2, 3], [10, 10, 10])
    with pytest.raises(ValueError, match="give n"):
        egger_test([0.1, 0.3, 0.4], [0.02, 0.03, 0.05], predictor="1/n")
    with pytest.raises(ValueError, match="B: n = 0"):
        egger_test([0.1, 0.3, 0.4], [0.02, 0.03, 0.05], n=[1, 0, 3], predictor="1/n", labels=list("ABC"))
    with pytest.raises(ValueError, match="predictor"):
        egger_test([0.1, 0.3, 0.4], [0.02, 0.03, 0.05], predictor="size")


def test_it_prints():
    found = egger_test(BCG["yi"], BCG["vi"])
    assert "infinitely large study" in found.summary()
    assert found.to_dict()["df"] == 11
