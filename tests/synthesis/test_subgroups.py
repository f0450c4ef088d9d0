"""Subgroups against R and published values."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cordbook.synthesis.pooling.proportions import pool_proportions
from cordbook.synthesis.regression.subgroups import subgroup_effects, subgroup_proportions

from .why_reference import BCG, BCG_N2, INTERVALS, ITERATIVE, MODELS, REFERENCE, STORED, assert_close

GROUPS = REFERENCE["subgroups"]["groups"]
# glmer's optimiser stops this near the maximum; our log-likelihood is never lower.
GLMER = 1e-5


@pytest.mark.parametrize("key", [key for key in REFERENCE["subgroups"] if key != "groups"])
def test_separate_groups_agree_with_metafor(key):
    method, test = key.split("_")
    expected = REFERENCE["subgroups"][key]
    found = subgroup_effects(BCG["yi"], BCG["vi"], BCG["alloc"], model=MODELS[method], ci=INTERVALS[test], hksj_floor=False)
    assert [row.label for row in found.groups] == GROUPS
    for ours, theirs in (
        ("estimate", "estimate"),
        ("model_se", "se"),
        ("ci_low", "ci_lb"),
        ("ci_high", "ci_ub"),
        ("tau2", "tau2"),
    ):
        assert_close([getattr(row, ours) for row in found.groups], expected[theirs], ITERATIVE)
    # Whatever the interval, the groups are compared with the standard errors before Hartung and Knapp's factor.
    plain = REFERENCE["subgroups"][f"{method}_z"]
    assert_close([found.between.statistic, found.between.p, found.between.df1], [plain["QB"], plain["QBp"], 2], ITERATIVE)


@pytest.mark.parametrize("test", ["z", "knha"])
def test_groups_with_a_common_tau2_are_a_meta_regression(test):
    expected = REFERENCE["regression"][f"alloc_REML_{test}"]
    found = subgroup_effects(BCG["yi"], BCG["vi"], BCG["alloc"], tau2="common", ci=INTERVALS[test], hksj_floor=False)
    assert_close([row.estimate for row in found.groups], expected["pred"]["pred"], ITERATIVE)
    assert_close([row.ci_low for row in found.groups], expected["pred"]["ci_lb"], ITERATIVE)
    assert_close([row.pi_high for row in found.groups], expected["pred"]["pi_ub"], ITERATIVE)
    assert_close([found.between.statistic, found.between.p], [expected["QM"], expected["QMp"]], ITERATIVE)
    assert {row.tau2 for row in found.groups} == {found.groups[0].tau2}


def test_published_example_of_lipsey_and_wilson():
    # Lipsey and Wilson 2001, Practical Meta-Analysis, exhibit 7.4, page 138 (their Q between is 7.0738, added up from
    # rounded terms; metafor's analysis example gives 7.0739).
    yi = [-0.33, 0.32, 0.39, 0.31, 0.17, 0.64, -0.33, 0.15, -0.02, 0.00]
    vi = [0.084, 0.035, 0.017, 0.034, 0.072, 0.117, 0.102, 0.093, 0.012, 0.067]
    found = subgroup_effects(yi, vi, [0] * 6 + [1] * 4, model="common")
    plain = [tuple(round(value, 4) for value in (row.estimate, row.model_se, row.ci_low, row.ci_high)) for row in found.groups]
    assert plain == [(0.2984, 0.0813, 0.1390, 0.4578), (-0.0277, 0.0917, -0.2075, 0.1521)]
    assert (round(found.between.statistic, 4), round(found.between.p, 4)) == (7.0739, 0.0078)
    assert [round(row.q, 4) for row in found.groups] == [6.4382, 1.2519]
    assert [round(row.q_p, 4) for row in found.groups] == [0.2659, 0.7406]


def test_glmm_groups_agree_with_lme4():
    found = subgroup_proportions(BCG["cpos"], BCG_N2, BCG["alloc"], ci="wald")
    for row in found.groups:
        expected = REFERENCE["glmm"][f"group_{row.label}"]
        assert_close([row.model_estimate, row.model_se, row.tau2], [expected["beta"], expected["se"], expected["tau2"]], GLMER)
    # Likelihood ratio of the models with and without the groups.
    statistic = 2 * (REFERENCE["glmm"]["alloc"]["loglik"] - REFERENCE["glmm"]["mean"]["loglik"])
    assert_close(found.between.statistic, statistic, GLMER)
    assert (found.between.df1, found.between.df2) == (2, None)


def test_glmm_groups_with_a_common_tau2_agree_with_lme4():
    expected = REFERENCE["glmm"]["alloc"]
    found = subgroup_proportions(BCG["cpos"], BCG_N2, BCG["alloc"], ci="wald", tau2="common")
    beta = np.array(expected["beta"])
    assert_close([row.model_estimate for row in found.groups], [beta[0], beta[0] + beta[1], beta[0] + beta[2]], GLMER)
    assert_close(found.groups[0].model_se, expected["se"][0], GLMER)
    assert_close([row.tau2 for row in found.groups], [expected["tau2"]] * 3, GLMER)


def test_rows_are_the_pooled_estimates_of_the_groups():
    found = subgroup_proportions(BCG["cpos"], BCG_N2, BCG["alloc"])
    for row, members in zip(found.groups, found.members, strict=True):
        inside = [i for i, alloc in enumerate(BCG["alloc"]) if alloc == row.label]
        assert members == tuple(f"study {i + 1}" for i in inside)
        pooled = pool_proportions([BCG["cpos"][i] for i in inside], [BCG_N2[i] for i in inside])
        assert_close(
            [row.estimate, row.ci_low, row.ci_high, row.tau2],
            [pooled.estimate, pooled.ci_low, pooled.ci_high, pooled.tau2],
            STORED,
        )


@pytest.mark.parametrize("tau2", ["separate", "common"])
def test_a_group_without_events_keeps_its_exact_interval_and_the_test_stays(tau2):
    found = subgroup_proportions([0, 0, 3, 4, 5], [10] * 5, ["none", "none", "some", "some", "some"], tau2=tau2)
    none, some = found.groups
    assert none.estimate == 0 and none.ci_method == "exact"
    assert_close(none.ci_high, 1 - 0.025 ** (1 / 20), ITERATIVE)
    # Within "some" 12 of 30 without extra variation: a binomial of one proportion there, and probability 1 for no
    # events at 0.
    loglik = 12 * np.log(0.4) + 18 * np.log(0.6)
    assert some.tau2 == 0 and 0 < found.between.p < 0.05
    one = pool_proportions([0, 0, 3, 4, 5], [10] * 5)
    assert one.tau2 > 0
    from cordbook.synthesis.glmm.single_arm import fit_binomial_normal

    null = fit_binomial_normal([0, 0, 3, 4, 5], [10] * 5)
    coefficients = np.log(120.0) + np.log(210.0) + np.log(252.0)  # 10 choose 3, 4, 5
    assert_close(found.between.statistic, 2 * (loglik + coefficients - null.loglik), STORED)


def test_nothing_to_compare_is_p_one_or_none():
    none = subgroup_proportions([0, 0, 0, 0], [10] * 4, list("aabb"))
    assert none.between.p == 1
    apart = subgroup_proportions([0, 0, 10, 10], [10] * 4, list("aabb"))
    assert apart.between is None and any("cannot be compared" in note for note in apart.notes)


def test_groups_of_one_study_are_said():
    found = subgroup_effects([0.1, 0.5, 0.4], [0.02, 0.03, 0.02], ["a", "b", "b"])
    assert found.group("a").k == 1
    assert any("single study makes up a" in note for note in found.notes)
    counts = subgroup_proportions([3, 5, 4], [10, 20, 30], ["a", "b", "b"])
    assert counts.group("a").ci_method == "exact"
    with pytest.raises(ValueError, match="no group 'c'"):
        found.group("c")


def test_bad_groups_are_refused():
    with pytest.raises(ValueError, match="No group is given for B, C"):
        subgroup_proportions([1, 2, 3], [10, 20, 30], ["x", None, " "], labels=list("ABC"))
    with pytest.raises(ValueError, match="at least two groups"):
        subgroup_effects([0.1, 0.2], [0.1, 0.1], ["x", "x"])
    with pytest.raises(ValueError, match="1 values for 2 studies"):
        subgroup_effects([0.1, 0.2], [0.1, 0.1], ["x"])
    with pytest.raises(ValueError, match="tau2"):
        subgroup_effects([0.1, 0.2], [0.1, 0.1], ["x", "y"], tau2="pooled")


@pytest.mark.parametrize("tau2", ["separate", "common"])
@pytest.mark.parametrize("measure", ["logit", "arcsine", "double-arcsine", "raw"])
def test_other_scales_come_back_as_proportions(measure, tau2):
    found = subgroup_proportions(BCG["cpos"], BCG_N2, BCG["alloc"], measure=measure, model="dl", tau2=tau2)
    assert all(0 <= row.ci_low <= row.estimate <= row.ci_high <= 1 for row in found.groups)
    assert "test between groups" in found.summary()
    assert len(found.to_frame()) == 4
    json.dumps(found.to_dict())
