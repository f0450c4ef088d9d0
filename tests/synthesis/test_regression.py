"""Meta-regression against R's metafor, and its properties."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.synthesis.regression.meta_regression import meta_regression

from .why_reference import BCG, INTERVALS, ITERATIVE, MODELS, REFERENCE, assert_close

MODERATORS = {
    "ablat": {"ablat": BCG["ablat"]},
    "ablat_year": {"ablat": BCG["ablat"], "year": BCG["year"]},
    "alloc": {"alloc": BCG["alloc"]},
    "ablat_alloc": {"ablat": BCG["ablat"], "alloc": BCG["alloc"]},
}
NEW = {
    "ablat": {"ablat": [13, 33, 44]},
    "ablat_year": {"ablat": [13, 33], "year": [1960, 1970]},
    "alloc": {"alloc": ["alternate", "random", "systematic"]},
    "ablat_alloc": {"ablat": [33, 13], "alloc": ["alternate", "systematic"]},
}
FITS = sorted(key for key in REFERENCE["regression"] if not key.startswith("no_intercept"))


@pytest.mark.parametrize("key", FITS)
def test_agrees_with_metafor(key):
    moderators, method, test = key.rsplit("_", 2)
    expected = REFERENCE["regression"][key]
    fit = meta_regression(
        BCG["yi"], BCG["vi"], MODERATORS[moderators], model=MODELS[method], ci=INTERVALS[test], hksj_floor=False
    )
    for name, attribute in (
        ("beta", "estimate"),
        ("se", "se"),
        ("zval", "statistic"),
        ("pval", "p"),
        ("ci_lb", "ci_low"),
        ("ci_ub", "ci_high"),
    ):
        assert_close([getattr(c, attribute) for c in fit.coefficients], expected[name], ITERATIVE)
    assert_close(fit.covariance, expected["vb"], ITERATIVE)
    assert_close([fit.tau2, fit.i2, fit.h2, fit.r2], [expected[name] for name in ("tau2", "I2", "H2", "R2")], ITERATIVE)
    assert_close([fit.q, fit.q_p], [expected["QE"], expected["QEp"]], ITERATIVE)
    # For Wald tests metafor stores one number of degrees of freedom and NA.
    assert_close(
        [fit.omnibus.statistic, fit.omnibus.p, fit.omnibus.df1],
        [expected["QM"], expected["QMp"], expected["QMdf"][0]],
        ITERATIVE,
    )

    predicted = fit.predict(NEW[moderators])
    for name, attribute in (("pred", "estimate"), ("se", "se"), ("ci_lb", "ci_low"), ("ci_ub", "ci_high")):
        assert_close([getattr(row, attribute) for row in predicted], expected["pred"][name], ITERATIVE)
    if method == "FE":
        assert predicted[0].pi_low is None and predicted[0].pi_high is None
    else:
        assert_close([row.pi_low for row in predicted], expected["pred"]["pi_lb"], ITERATIVE)
        assert_close([row.pi_high for row in predicted], expected["pred"]["pi_ub"], ITERATIVE)


def test_without_intercept_every_given_column_stays():
    # metafor's `~ alloc - 1` makes a column for each level; here that is three columns of numbers.
    columns = {level: [float(a == level) for a in BCG["alloc"]] for level in sorted(set(BCG["alloc"]))}
    fit = meta_regression(BCG["yi"], BCG["vi"], columns, intercept=False, ci="wald")
    expected = REFERENCE["regression"]["no_intercept_alloc_REML_z"]
    assert_close([c.estimate for c in fit.coefficients], expected["beta"], ITERATIVE)
    assert_close([fit.omnibus.statistic, fit.omnibus.df1, fit.tau2], [expected["QM"], 3, expected["tau2"]], ITERATIVE)
    assert fit.r2 is None


@pytest.mark.parametrize("test", ["z", "knha"])
def test_levels_of_a_moderator_are_tested_together(test):
    fit = meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat_alloc"], ci=INTERVALS[test])
    expected = REFERENCE["term_tests"][test]
    alloc = fit.moderator_tests[1]
    assert (alloc.name, alloc.df1, alloc.df2) == ("alloc", 2, 9 if test == "knha" else None)
    assert_close([alloc.statistic, alloc.p], [expected["QM"], expected["QMp"]], ITERATIVE)


LIPSEY = {
    "yi": [-0.33, 0.32, 0.39, 0.31, 0.17, 0.64, -0.33, 0.15, -0.02, 0.00],
    "vi": [0.084, 0.035, 0.017, 0.034, 0.072, 0.117, 0.102, 0.093, 0.012, 0.067],
    "moderators": {"random": [0, 0, 0, 0, 0, 0, 1, 1, 1, 1], "intensity": [7, 3, 7, 5, 7, 7, 4, 4, 5, 6]},
}


def test_published_example_of_lipsey_and_wilson_common_effect():
    # Lipsey and Wilson 2001, Practical Meta-Analysis, page 141, exhibit 7.6 (Q left over 7.6833 there, rounded on the
    # way).
    fit = meta_regression(*LIPSEY.values(), model="common", ci="wald")
    assert [round(c.estimate, 4) for c in fit.coefficients] == [0.3223, -0.3298, -0.0041]
    assert [round(c.se, 4) for c in fit.coefficients] == [0.2998, 0.1304, 0.0493]
    assert [round(c.p, 4) for c in fit.coefficients] == [0.2823, 0.0115, 0.9339]
    assert (round(fit.omnibus.statistic, 4), round(fit.omnibus.p, 4)) == (7.0807, 0.0290)
    assert fit.q == pytest.approx(7.6833, abs=2e-4)


def test_published_example_of_lipsey_and_wilson_random_effects():
    # Lipsey and Wilson 2001, page 141, exhibit 7.7, method of moments (their Q of the model is 5.5709, rounded on the
    # way).
    fit = meta_regression(*LIPSEY.values(), model="dl", ci="wald")
    assert [round(c.estimate, 4) for c in fit.coefficients] == [0.3311, -0.3269, -0.0068]
    assert [round(c.se, 4) for c in fit.coefficients] == [0.3198, 0.1439, 0.0528]
    assert round(fit.tau2, 5) == 0.00488
    assert fit.omnibus.statistic == pytest.approx(5.5709, abs=3e-4)


def test_published_example_of_van_houwelingen():
    # van Houwelingen, Arends and Stijnen 2002, Statistics in Medicine 21, 589-624, pages 608-609: log odds ratios of
    # the BCG trials on absolute latitude, maximum likelihood.
    data = REFERENCE["data"]["bcg_or"]
    fit = meta_regression(data["yi"], data["vi"], {"ablat": BCG["ablat"]}, model="ml", ci="wald")
    assert [round(c.estimate, 3) for c in fit.coefficients] == [0.371, -0.033]
    assert [round(c.se, 3) for c in fit.coefficients] == [0.106, 0.003]
    assert (round(fit.tau2, 3), round(fit.r2, 1)) == (0.004, 98.7)


def test_units_of_a_moderator_change_nothing_but_its_coefficient():
    year = np.array(BCG["year"], dtype=float)
    plain = meta_regression(BCG["yi"], BCG["vi"], {"year": year})
    odd = meta_regression(BCG["yi"], BCG["vi"], {"year": year * 1e6 + 1e9})
    assert_close(odd.coefficient("year").estimate * 1e6, plain.coefficient("year").estimate, ITERATIVE)
    assert_close([odd.tau2, odd.omnibus.p, odd.q], [plain.tau2, plain.omnibus.p, plain.q], ITERATIVE)


@settings(deadline=None, max_examples=40)
@given(order=st.permutations(range(13)), shift=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_order_does_not_matter_and_effects_shift_and_scale_along(order, shift, scale):
    y, v = np.array(BCG["yi"]), np.array(BCG["vi"])
    plain = meta_regression(y, v, MODERATORS["ablat_alloc"])
    moved = meta_regression(
        (shift + scale * y)[order],
        (scale**2 * v)[order],
        {name: [values[i] for i in order] for name, values in MODERATORS["ablat_alloc"].items()},
    )
    expected = scale * np.array([c.estimate for c in plain.coefficients])
    expected[0] += shift
    np.testing.assert_allclose([c.estimate for c in moved.coefficients], expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose([moved.tau2, moved.r2], [scale**2 * plain.tau2, plain.r2], rtol=1e-6)


def test_another_reference_gives_the_same_predictions_and_tests():
    first = meta_regression(BCG["yi"], BCG["vi"], MODERATORS["alloc"])
    other = meta_regression(BCG["yi"], BCG["vi"], MODERATORS["alloc"], reference={"alloc": "random"})
    assert other.references == {"alloc": "random"}
    for a, b in zip(first.predict(NEW["alloc"]), other.predict(NEW["alloc"]), strict=True):
        assert_close([a.estimate, a.ci_low, a.pi_high], [b.estimate, b.ci_low, b.pi_high], ITERATIVE)
    assert_close(first.omnibus.p, other.omnibus.p, ITERATIVE)


def test_intervals_nest_with_the_level_and_the_floor_never_narrows():
    narrow, wide = (meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat"], level=level) for level in (0.8, 0.99))
    for a, b in zip(narrow.coefficients, wide.coefficients, strict=True):
        assert b.ci_low < a.ci_low < a.ci_high < b.ci_high
    y = np.array([0.10, 0.12, 0.14, 0.16, 0.19])  # closer to a line than chance allows
    x = {"x": [1, 2, 3, 4, 5]}
    free, floored = (meta_regression(y, [0.04] * 5, x, hksj_floor=floor) for floor in (False, True))
    assert floored.coefficient("x").se > free.coefficient("x").se
    assert_close(floored.coefficient("x").se, meta_regression(y, [0.04] * 5, x, ci="wald").coefficient("x").se, ITERATIVE)


def test_bubbles_hold_the_studies_and_the_line():
    fit = meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat_year"])
    bubbles = fit.bubbles("ablat", points=7)
    assert bubbles.x == tuple(map(float, BCG["ablat"])) and bubbles.y == tuple(BCG["yi"])
    assert (bubbles.grid[0], bubbles.grid[-1], len(bubbles.line)) == (13.0, 55.0, 7)
    assert_close(sum(bubbles.weight), 100, ITERATIVE)
    at = fit.predict({"ablat": [13, 55], "year": float(np.mean(BCG["year"]))})
    assert_close([bubbles.line[0].estimate, bubbles.line[-1].ci_high], [at[0].estimate, at[1].ci_high], ITERATIVE)
    with pytest.raises(ValueError, match="categorical"):
        meta_regression(BCG["yi"], BCG["vi"], MODERATORS["alloc"]).bubbles("alloc")


def test_a_frame_with_names_gives_the_same_as_columns():
    frame = pd.DataFrame(
        {"effect": BCG["yi"], "variance": BCG["vi"], "ablat": BCG["ablat"], "trial": [f"T{i}" for i in range(13)]}
    )
    by_name = meta_regression("effect", "variance", ["ablat"], labels="trial", data=frame)
    plain = meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat"], labels=[f"T{i}" for i in range(13)])
    assert by_name == plain
    with pytest.raises(ValueError, match="'longitude': no such column in data; its columns are 'effect'"):
        meta_regression("effect", "variance", "longitude", data=frame)


def test_result_prints_and_is_json():
    fit = meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat_alloc"])
    plain = json.loads(json.dumps(fit.to_dict()))
    assert plain["references"] == {"alloc": "alternate"}
    assert plain["coefficients"][1]["name"] == "ablat"
    assert "design" not in plain
    assert list(fit.to_frame()["name"]) == ["intercept", "ablat", "alloc: random", "alloc: systematic"]
    assert "reference of alloc: alternate" in fit.summary()
    assert any("too few" in note for note in fit.notes)


def test_predictions_follow_a_transform():
    fit = meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat"])
    (plain,), (ratio,) = fit.predict({"ablat": 40}), fit.predict({"ablat": 40}, transform=np.exp)
    assert ratio.se is None
    assert_close([ratio.estimate, ratio.ci_low, ratio.pi_high], np.exp([plain.estimate, plain.ci_low, plain.pi_high]), ITERATIVE)
    with pytest.raises(ValueError, match="not proportions"):
        fit.predict_proportion({"ablat": 40})


def test_no_heterogeneity_to_explain_is_said_rather_than_divided_by():
    fit = meta_regression([0.1, 0.12, 0.09, 0.11, 0.13], [0.5] * 5, {"x": [1, 2, 3, 4, 6]}, ci="wald")
    assert fit.tau2_without_moderators == 0 and fit.r2 is None
    assert any("R2 is not defined" in note for note in fit.notes)


def test_bad_input_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match="level"):
        meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat"], level=95)
    with pytest.raises(ValueError, match="model"):
        meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat"], model="glmm")
    with pytest.raises(ValueError, match="study 2"):
        meta_regression([0.1, np.nan, 0.2, 0.4], [0.1] * 4, {"x": [1, 2, 3, 5]})
    with pytest.raises(ValueError, match="no width"):
        meta_regression([1.0, 2.0, 3.0, 4.0], [0.1] * 4, {"x": [1, 2, 3, 4]}, hksj_floor=False)
    with pytest.raises(ValueError, match="more than 2 studies"):
        meta_regression([1.0, 2.0], [0.1] * 2, {"x": [1, 2]})
    with pytest.raises(ValueError, match="no coefficient 'lat'"):
        meta_regression(BCG["yi"], BCG["vi"], MODERATORS["ablat"]).coefficient("lat")
