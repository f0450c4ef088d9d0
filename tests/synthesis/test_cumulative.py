"""Cumulative meta-analysis against metafor."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cordbook.synthesis.pooling.proportions import pool_proportions
from cordbook.synthesis.sensitivity.cumulative import cumulative, cumulative_effects

from .why_reference import BCG, CLOSED, ITERATIVE, METAFOR, REFERENCE, STORED, assert_close


@pytest.mark.parametrize("name", METAFOR["proportions"])
def test_agrees_with_metafor(name):
    data = METAFOR["proportions"][name]
    expected = data["PLO_REML_cumul"]
    found = cumulative(data["events"], data["n"], model="reml", ci="wald")
    for ours, theirs in (("model_estimate", "estimate"), ("model_ci_low", "ci_lb"), ("model_ci_high", "ci_ub")):
        actual, wanted = np.array([getattr(row, ours) for row in found.rows]), np.array(expected[theirs], dtype=float)
        # Where metafor's Fisher scoring swung to and fro it stored NA; the next test has these with half steps.
        known = ~np.isnan(wanted)
        assert known.all() or name == "nielweise2007_treated"
        assert_close(actual[known], wanted[known], STORED)


def test_agrees_with_metafor_where_full_steps_do_not_converge():
    data = METAFOR["proportions"]["nielweise2007_treated"]
    expected = REFERENCE["cumulative"]["nielweise_treated_REML_z"]
    found = cumulative(data["events"], data["n"], model="reml", ci="wald")
    for ours, theirs in (("model_estimate", "estimate"), ("model_se", "se"), ("tau2", "tau2"), ("i2", "I2")):
        # From the second on: for one study metafor says 0, we say that tau2 and I2 cannot be estimated.
        assert_close([getattr(row, ours) for row in found.rows][1:], expected[theirs][1:], STORED)
    assert found.rows[0].tau2 is None and found.rows[0].i2 is None
    assert_close([found.rows[0].model_estimate, found.rows[0].model_se], [expected["estimate"][0], expected["se"][0]], STORED)


def test_by_year_with_knapp_hartung_agrees_with_metafor():
    found = cumulative_effects(BCG["yi"], BCG["vi"], by=BCG["year"], ci="hksj", hksj_floor=False)
    expected = REFERENCE["cumulative"]["REML_knha_year"]
    assert list(found.by) == sorted(BCG["year"])
    for ours, theirs in (("estimate", "estimate"), ("model_se", "se"), ("ci_low", "ci_lb"), ("ci_high", "ci_ub")):
        assert_close([getattr(row, ours) for row in found.rows], expected[theirs], ITERATIVE)
    for ours, theirs in (("tau2", "tau2"), ("i2", "I2")):
        assert_close([getattr(row, ours) for row in found.rows][1:], expected[theirs][1:], ITERATIVE)


def test_by_precision_agrees_with_metafor():
    found = cumulative_effects(BCG["yi"], BCG["vi"], by="precision", model="dl", ci="wald")
    expected = REFERENCE["cumulative"]["DL_z_vi"]
    for ours, theirs in (("estimate", "estimate"), ("ci_low", "ci_lb")):
        assert_close([getattr(row, ours) for row in found.rows], expected[theirs], CLOSED)
    assert_close([row.tau2 for row in found.rows][1:], expected["tau2"][1:], CLOSED)


def test_last_row_is_the_pooled_estimate_and_the_first_the_study_itself():
    events, n = [2, 0, 7, 4], [20, 15, 40, 30]
    found = cumulative(events, n, by=[2010, 2005, 2020, 2012], labels=list("ABCD"))
    assert [row.label for row in found.rows] == ["B", "A", "D", "C"]
    first, last = found.rows[0], found.rows[-1]
    assert (first.k, first.estimate, first.ci_low, first.ci_method) == (1, 0.0, 0.0, "exact")
    assert_close(first.ci_high, 1 - 0.025 ** (1 / 15), CLOSED)  # Clopper-Pearson for 0 of 15
    pooled = pool_proportions(events, n)
    assert_close(
        [last.estimate, last.ci_low, last.ci_high, last.pi_high],
        [pooled.estimate, pooled.ci_low, pooled.ci_high, pooled.pi_high],
        STORED,
    )


def test_equal_years_keep_the_given_order():
    found = cumulative([1, 2, 3], [10, 20, 30], by=[2000, 1999, 2000], labels=list("ABC"))
    assert [row.label for row in found.rows] == ["B", "A", "C"]


def test_largest_study_comes_first_by_precision():
    found = cumulative([1, 2, 3], [10, 30, 20], by="precision", labels=list("ABC"))
    assert [row.label for row in found.rows] == ["B", "C", "A"]


def test_bad_orders_are_refused():
    with pytest.raises(ValueError, match="no value for B"):
        cumulative([1, 2], [10, 20], by=[2000, None], labels=list("AB"))
    with pytest.raises(ValueError, match="1 values for 2 studies"):
        cumulative([1, 2], [10, 20], by=[2000])
    with pytest.raises(ValueError, match="or 'precision'"):
        cumulative([1, 2], [10, 20], by="year")
    with pytest.raises(ValueError, match="not numbers"):
        cumulative([1, 2], [10, 20], by=["early", "late"])


def test_it_prints():
    found = cumulative([1, 2, 3], [10, 30, 20], by=[3, 2, 1])
    assert found.summary().count("\n") == 3
    assert list(found.to_frame()["by"]) == [1, 2, 3]
    json.dumps(found.to_dict())
