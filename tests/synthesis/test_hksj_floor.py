"""Hartung and Knapp's factor has one owner and a floor: no interval claims more than the model that says studies do not differ."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cordbook.synthesis as synthesis
from cordbook.synthesis import (
    cumulative_effects,
    influence,
    leave_one_out,
    leave_one_out_effects,
    meta_regression,
    pool_effects,
    pool_proportions,
    regress_proportions,
    subgroup_effects,
    subgroup_proportions,
    trim_and_fill,
)

# Effects closer together than their variances allow by chance.
CLOSE, VI = [0.30, 0.31, 0.33, 0.32, 0.29, 0.35], [0.1, 0.2, 0.15, 0.3, 0.12, 0.2]
EVENTS, N = [6, 9, 8, 12, 7, 10], [20, 31, 26, 41, 24, 33]
GROUPS = list("aaabbb")
ROUNDING = 1e-9
sets = st.integers(2, 8).flatmap(
    lambda k: st.tuples(st.lists(st.floats(-2, 2), min_size=k, max_size=k), st.lists(st.floats(0.01, 2), min_size=k, max_size=k))
)


@settings(deadline=None, max_examples=150)
@given(sets, st.sampled_from(["common", "dl", "pm", "reml", "ml"]), st.sampled_from([0.8, 0.95]))
def test_the_interval_is_never_narrower_than_that_of_the_common_effect(data, model, level):
    pooled, common = pool_effects(*data, model=model, ci="hksj", level=level), pool_effects(*data, model="common", level=level)
    assert pooled.ci_high - pooled.ci_low >= (common.ci_high - common.ci_low) * (1 - ROUNDING)
    assert not any("narrower" in note for note in pooled.notes)


@settings(deadline=None, max_examples=80)
@given(sets)
def test_without_the_floor_a_note_says_when_it_is(data):
    free, common = pool_effects(*data, hksj_floor=False), pool_effects(*data, model="common")
    width, other = free.ci_high - free.ci_low, common.ci_high - common.ci_low
    if abs(width - other) > ROUNDING:
        said = any("narrower than that of the common-effect model" in note or "no width" in note for note in free.notes)
        assert said == (width < other)


def rows_of(result):
    return [*result.rows] if hasattr(result, "rows") else [*result.groups, result.overall]


@pytest.mark.parametrize(
    "work",
    [
        lambda **o: leave_one_out_effects(CLOSE, VI, **o),
        lambda **o: leave_one_out(EVENTS, N, model="reml", **o),
        lambda **o: cumulative_effects(CLOSE, VI, **o),
        lambda **o: synthesis.cumulative(EVENTS, N, model="reml", **o),
        lambda **o: subgroup_effects(CLOSE, VI, GROUPS, **o),
        lambda **o: subgroup_effects(CLOSE, VI, GROUPS, tau2="common", **o),
        lambda **o: subgroup_proportions(EVENTS, N, GROUPS, model="reml", **o),
    ],
)
def test_every_table_of_rows_has_the_floor_and_says_where_it_lacks_it(work):
    floored, free = work(), work(hksj_floor=False)
    for wide, narrow in zip(rows_of(floored), rows_of(free), strict=True):
        assert wide.k == 1 or wide.model_ci_high - wide.model_ci_low > narrow.model_ci_high - narrow.model_ci_low
    assert any("narrower than that of the common-effect model" in note for note in free.notes)
    assert not any("narrower" in note for note in floored.notes)


def test_the_rest_has_the_floor_too():
    floored, free = (trim_and_fill(CLOSE, VI, side="left", hksj_floor=floor) for floor in (True, False))
    assert floored.observed.se > free.observed.se and floored.adjusted.se > free.adjusted.se
    year = {"year": [1, 2, 4, 3, 6, 5]}
    for fit in (
        lambda **o: meta_regression(CLOSE, VI, year, **o),
        lambda **o: regress_proportions(EVENTS, N, year, model="dl", **o),
    ):
        wide, narrow = fit(), fit(hksj_floor=False)
        assert wide.hksj_floor and wide.coefficient("year").se > narrow.coefficient("year").se
        assert any("narrower" in note for note in narrow.notes) and not any("narrower" in note for note in wide.notes)
    cases = influence(CLOSE, VI, ci="hksj").cases
    assert [case.rstudent for case in cases] == pytest.approx([case.rstudent for case in influence(CLOSE, VI).cases])
    assert (
        pool_proportions(EVENTS, N, model="reml").model_scale.se
        > pool_proportions(EVENTS, N, model="reml", hksj_floor=False).model_scale.se
    )


def test_the_multiplicative_egger_test_keeps_its_factor():
    # Egger's test as published is a weighted regression, whose residual mean square may be below 1.
    line = synthesis.egger_test([0.2, 0.3, 0.5, 0.9, 1.0], [0.01, 0.02, 0.06, 0.2, 0.3])
    assert round(line.statistic, 2) == 20.6


def test_leave_one_out_predicts_as_the_pooled_rest_does():
    effects = ([0.1, 0.9, -0.4, 0.6, 1.2], [0.05, 0.1, 0.06, 0.2, 0.1])
    for prediction in ("auto", "normal", "k-1", "k-2"):
        rows = leave_one_out_effects(*effects, prediction=prediction).rows
        for i, row in enumerate(rows):
            rest = pool_effects(*(np.delete(column, i) for column in effects), prediction=prediction)
            assert (row.pi_low, row.pi_high, row.ci_low) == pytest.approx((rest.pi_low, rest.pi_high, rest.ci_low), rel=1e-6)


def test_effects_that_are_nearly_equal_do_not_tell_groups_apart():
    # The difference of 0.05 has a standard error of sqrt(0.1): z = 0.158, two-sided p = 0.8744 from the normal distribution.
    for tau2 in ("separate", "common"):
        found = subgroup_effects([0.30, 0.301, 0.35, 0.351], [0.1] * 4, list("aabb"), tau2=tau2)
        assert found.between.p == pytest.approx(0.8743670611628919, rel=1e-9)
    counts = subgroup_proportions([30, 30, 32, 32], [100] * 4, list("aabb"), model="reml")
    assert counts.between.p > 0.5


def test_the_factor_has_one_owner():
    """No module but `pooling.effects` divides a residual sum of squares into Hartung and Knapp's factor, or keeps it from falling below 1."""
    for module in {*synthesis.PUBLIC.values(), "regression.linear_model", "pooling.pooled_rows"} - {"pooling.effects"}:
        source = inspect.getsource(__import__(f"cordbook.synthesis.{module}", fromlist=["_"]))
        assert not re.search(r"max(imum)?\((scale|s2w|factor)", source), module
