"""Two engines: this package beside statsmodels, over random data and over cases where statsmodels' conventions differ."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from cordbook.synthesis import compare_arms, pool_effects
from cordbook.synthesis.pooling import statsmodels_engine
from cordbook.synthesis.pooling.statsmodels_engine import (
    CLOSED_FORM,
    ITERATED,
    NO_EQUIVALENT,
    EngineCheck,
    EngineValue,
    arms_by_two_engines,
    proportions_by_two_engines,
)

from .test_two_arm import two_arm_counts

POOLED = {"common-wald", "dl-wald", "dl-hksj", "pm-wald", "pm-hksj"}


@st.composite
def proportions(draw, max_n=3000):
    k = draw(st.integers(1, 12))
    sizes = [draw(st.integers(1, max_n)) for _ in range(k)]
    return [draw(st.one_of(st.integers(0, n), st.just(0), st.just(n))) for n in sizes], sizes


def keys(comparison):
    return {check.key for check in comparison.checks}


def differing(comparison):
    return {check.key: check.difference for check in comparison.checks if not check.agrees}


@settings(deadline=None, max_examples=80)
@given(proportions(), st.sampled_from([0.8, 0.95, 0.99]))
def test_both_engines_agree_on_proportions(counts, level):
    events, n = counts
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = proportions_by_two_engines(events, n, level=level)
    assert differing(found) == {}
    assert len(events) == 1 or keys(found) >= POOLED | {"exact", "crude", "effects"}
    assert len(events) == 1 or ("binomial" in keys(found)) == (0 < sum(events) < sum(n))


@settings(deadline=None, max_examples=40)
@given(proportions(max_n=200), st.sampled_from(["arcsine", "double-arcsine", "raw"]))
def test_both_engines_agree_on_other_scales_of_proportions(counts, measure):
    assert differing(proportions_by_two_engines(*counts, measure=measure, model="dl")) == {}


@settings(deadline=None, max_examples=80)
@given(two_arm_counts(), st.sampled_from(["OR", "RR", "RD"]))
def test_both_engines_agree_on_two_arms(counts, measure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = arms_by_two_engines(counts.events1, counts.n1, counts.events2, counts.n2, measure=measure)
    assert differing(found) == {}
    assert found.checks[0].key == "exact"
    assert len(found.checks[0].ours) == 2 * counts.k
    # What is missing is missing with a reason.
    assert keys(found) >= POOLED or "inverse variance" in dict(found.left_out)
    assert all(reason for _, reason in found.left_out)


def test_tolerances_are_as_stated():
    found = proportions_by_two_engines([4, 7, 2], [20, 30, 25])
    assert (CLOSED_FORM, ITERATED) == (1e-8, 1e-6)
    assert {check.key for check in found.checks if check.tolerance > CLOSED_FORM} == {"pm-wald", "pm-hksj"}


MUTATIONS = {
    "study_intervals": lambda right: lambda *a, **k: tuple(limit + 1e-7 for limit in right(*a, **k)),
    "effects_of_tables": lambda right: lambda *a: (right(*a)[0] + 1e-7, right(*a)[1]),
    "effects_of_counts": lambda right: lambda *a: replace(right(*a), vi=right(*a).vi + 1e-6),
    "pool_proportions": lambda right: lambda *a, **k: right(*a, **k | {"level": k["level"] + 1e-6}),
    "compare_arms": lambda right: lambda *a, **k: right(*a, **k | {"level": k["level"] + 1e-6}),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_an_engine_that_goes_wrong_by_a_millionth_is_seen(monkeypatch, name):
    def agree():
        arms, share = ([8, 22], [106, 98], [5, 16], [120, 85]), ([4, 7, 2], [20, 30, 25])
        return proportions_by_two_engines(*share).agrees and arms_by_two_engines(*arms).agrees

    assert agree()
    monkeypatch.setattr(statsmodels_engine, name, MUTATIONS[name](getattr(statsmodels_engine, name)))
    assert not agree()


@pytest.mark.parametrize(
    "model, ci, same, shown",
    [
        ("glmm", "profile-t", False, "dl-hksj"),
        ("betabinomial", None, False, "dl-hksj"),
        ("reml", "hksj", False, "pm-hksj"),
        ("ml", "wald", False, "pm-wald"),
        ("dl", None, True, "dl-hksj"),
        ("pm", "wald", True, "pm-wald"),
        ("common", None, True, "common-wald"),
    ],
)
def test_a_model_that_statsmodels_lacks_is_said_with_the_nearest(model, ci, same, shown):
    found = proportions_by_two_engines([4, 7, 2], [20, 30, 25], model=model, ci=ci, id="x")
    assert (found.same_model, found.shown, found.id) == (same, shown, "x")
    assert (NO_EQUIVALENT.get(model, "") in found.reason) and (same or found.reason)
    assert ("no floor" in found.reason) == shown.endswith("hksj")


@pytest.mark.parametrize(
    "measure, model, same, shown",
    [
        ("OR", "mh", True, "mh"),
        ("RR", "mh", True, "mh"),
        ("RD", "mh", False, "common-wald"),
        ("OR", "peto", False, "peto-test"),
        ("OR", "glmm", False, "dl-hksj"),
        ("RR", "reml", False, "pm-hksj"),
        ("RD", "dl", True, "dl-hksj"),
    ],
)
def test_comparisons_too(measure, model, same, shown):
    found = arms_by_two_engines([8, 22], [106, 98], [5, 16], [120, 85], measure=measure, model=model)
    assert (found.same_model, found.shown) == (same, shown)
    assert found.same_model or found.reason


def test_a_model_of_counts_stands_beside_one_that_needs_no_correction():
    share, arms = (
        proportions_by_two_engines([0, 7], [20, 30]),
        arms_by_two_engines([8, 0], [10, 9], [5, 1], [12, 8], model="glmm"),
    )
    assert (share.shown, arms.shown) == ("binomial", "mh")
    assert share["binomial"].ours[0].estimate == pytest.approx(7 / 50)
    assert proportions_by_two_engines([0, 7], [20, 30], model="dl").shown == "dl-hksj"


def test_one_study_and_no_events_have_exact_intervals_by_both():
    one, none = proportions_by_two_engines([2], [3]), proportions_by_two_engines([0, 0], [120, 132])
    assert (one.same_model, one.shown, keys(one)) == (True, "exact", {"exact"})
    assert (none.same_model, none.shown) == (True, "crude")
    assert none["crude"].theirs[0].ci_high == pytest.approx(0.0145, abs=5e-5)
    assert [model for model, _ in none.left_out] == ["common effect, binomial likelihood"]


def test_what_cannot_be_computed_is_left_out_with_its_reason():
    nobody = arms_by_two_engines([0, 0], [5, 6], [0, 0], [5, 6])
    assert keys(nobody) == {"exact"}
    assert {model for model, _ in nobody.left_out} == {"Mantel-Haenszel", "Peto", "inverse variance"}
    assert nobody.shown == "exact"
    assert not nobody.same_model


# --- conventions of statsmodels -------------------------------------------------------------------------------------------


def test_the_common_effect_stands_where_dersimonian_laird_of_statsmodels_is_negative():
    yi, vi = np.array([0.1, 0.12, 0.11]), np.array([0.04, 0.05, 0.06])
    with np.errstate(invalid="ignore"):
        assert combine_effects(yi, vi, method_re="dl").tau2 < 0
    low, high = statsmodels_engine._combined(yi, vi, "dl", "wald", 0.95)[1:]
    ours = pool_effects(yi, vi, model="dl", ci="wald")
    assert (low, high) == pytest.approx((ours.ci_low, ours.ci_high), rel=1e-12)


def test_paule_mandel_does_not_fall_to_zero_by_rounding():
    """For these effect sizes a tolerance that is too tight makes statsmodels answer tau2 = 0 though Q is far above k - 1."""
    rng = np.random.default_rng(5)
    fell = 0
    for _ in range(200):
        yi, vi = rng.normal(size=6), rng.uniform(0.01, 0.2, 6)
        fell += combine_effects(yi, vi, method_re="pm", atol=1e-15, maxiter=1000).tau2 == 0
        assert statsmodels_engine._paule_mandel(yi, vi).tau2 == pytest.approx(pool_effects(yi, vi, model="pm").tau2, abs=1e-7)
    assert fell > 0


def test_a_zero_cell_of_one_study_leaves_the_others_as_they_are():
    counts = [4, 0], [20, 20], [6, 3], [20, 20]
    assert arms_by_two_engines(*counts)["effects"].theirs[0].estimate == pytest.approx((4 / 16) / (6 / 14))


def test_the_risk_ratio_of_mantel_haenszel_has_no_interval_there():
    check = arms_by_two_engines([8, 22], [106, 98], [5, 16], [120, 85], measure="RR", model="mh")["mh"]
    assert (check.theirs[0].ci_low, check.theirs[0].ci_high) == (None, None)
    ours = compare_arms([8, 22], [106, 98], [5, 16], [120, 85], measure="RR", model="mh")
    assert check.ours[0].ci_low == pytest.approx(ours.ci_low)


def test_equal_shares_of_one_half_have_the_right_standard_error():
    """IRLS starts at the answer here, and its first step would give the variance of the start."""
    check = proportions_by_two_engines([5, 10], [10, 20])["binomial"]
    assert check.difference < 1e-12


def test_differences_of_ratios_are_those_of_their_logs():
    values = [(EngineValue("all", e, None, None),) for e in (100.0, 101.0)]
    assert EngineCheck("x", "x", "x", "ratio", *values, 1.0).difference == pytest.approx(np.log(1.01))
    assert EngineCheck("x", "x", "x", "share", *values, 1.0).difference == pytest.approx(1.0)


def test_a_comparison_is_ready_for_json():
    found = arms_by_two_engines([8, 0], [106, 98], [5, 0], [120, 85], labels=["a", "b"], id="x").to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["checks"][0]["ours"][0]["label"] == "a, arm 1"
    with pytest.raises(KeyError, match="there are exact"):
        proportions_by_two_engines([2], [3])["dl-wald"]
