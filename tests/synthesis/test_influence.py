"""Influence diagnostics and leave-one-out against metafor."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cordbook.synthesis.measures import proportion_effects
from cordbook.synthesis.pooling.pooled_rows import PooledRow, row_of_proportion
from cordbook.synthesis.pooling.proportions import pool_proportions
from cordbook.synthesis.sensitivity.influence import influence
from cordbook.synthesis.sensitivity.leave_one_out import leave_one_out, leave_one_out_effects

from .why_reference import BCG, INTERVALS, ITERATIVE, METAFOR, MODELS, REFERENCE, STORED, assert_close

SETS = list(METAFOR["proportions"])
NAMES = {
    "rstudent": "rstudent",
    "dffits": "dffits",
    "cooks_distance": "cook.d",
    "cov_ratio": "cov.r",
    "tau2_deleted": "tau2.del",
    "q_deleted": "QE.del",
    "hat": "hat",
    "weight": "weight",
    "influential": "is_infl",
    "baujat_x": "baujat_x",
    "baujat_y": "baujat_y",
}


@pytest.mark.parametrize("key", REFERENCE["influence"])
def test_influence_agrees_with_metafor(key):
    moderators, method, test = key.split("_")
    expected = REFERENCE["influence"][key]
    found = influence(
        BCG["yi"],
        BCG["vi"],
        {"ablat": BCG["ablat"]} if moderators == "ablat" else None,
        model=MODELS[method],
        ci=INTERVALS[test],
        hksj_floor=False,
    )
    for ours, theirs in NAMES.items():
        assert_close([getattr(case, ours) for case in found.cases], expected[theirs], ITERATIVE)
    assert_close(np.array([case.dfbetas for case in found.cases]).T, expected["dfbs"], ITERATIVE)


@pytest.mark.parametrize("name", SETS)
def test_influence_of_proportions_agrees_with_metafor(name):
    data = METAFOR["proportions"][name]
    effects = proportion_effects(data["events"], data["n"], "logit")
    found = influence(effects.yi, effects.vi)
    expected = data["PLO_REML_influence"]
    for ours, theirs in (("rstudent", "rstudent"), ("dffits", "dffits"), ("cooks_distance", "cooks"), ("hat", "hat")):
        assert_close([getattr(case, ours) for case in found.cases], expected[theirs], STORED)


def test_baujat_x_of_a_common_effect_adds_up_to_q():
    # Baujat 2002: the abscissa is the contribution of a study to Cochran's Q.
    found = influence(BCG["yi"], BCG["vi"], model="common")
    assert_close(sum(case.baujat_x for case in found.cases), 152.23300808, ITERATIVE)  # Q of metafor.json, RR_FE_z
    assert_close(METAFOR["two_arm"]["bcg"]["RR_FE_z"]["Q"], 152.23300808, ITERATIVE)


def test_a_study_that_a_level_hangs_on_has_no_diagnostics_and_the_reader_is_told():
    found = influence([0.1, 0.4, 0.3, 0.9, 0.2], [0.02] * 5, {"site": ["a", "a", "a", "b", "a"]}, labels=list("PQRST"))
    assert found.cases[3].rstudent is None and found.cases[3].dfbetas is None and found.cases[3].hat == pytest.approx(1)
    assert found.cases[0].rstudent is not None
    assert "Without S" in found.notes[0]
    json.dumps(found.to_dict())


def test_influential_study_is_named_and_frame_has_a_column_for_each_coefficient():
    found = influence([0.1, 0.2, 0.15, 0.12, 1.4], [0.02, 0.03, 0.02, 0.04, 0.01], labels=list("ABCDE"))
    assert found.influential == ("E",)
    assert "influential: E" in found.summary()
    assert "dfbetas: intercept" in found.to_frame().columns


def test_others_that_fit_exactly_leave_none_not_a_warning(recwarn):
    found = influence([1.0, 1.0, 1.0, 5.0], [0.1] * 4, ci="hksj", hksj_floor=False)
    assert found.cases[3].rstudent is None and found.cases[0].rstudent is not None
    assert not recwarn.list


def test_too_few_studies_are_refused():
    with pytest.raises(ValueError, match="at least 4 are needed"):
        influence([0.1, 0.4, 0.3], [0.02] * 3, {"x": [1, 2, 4]})


@pytest.mark.parametrize("name", SETS)
def test_leave_one_out_agrees_with_metafor(name):
    data = METAFOR["proportions"][name]
    found = leave_one_out(data["events"], data["n"], model="reml", ci="wald")
    expected = data["PLO_REML_leave1out"]
    for ours, theirs in (
        ("model_estimate", "estimate"),
        ("model_ci_low", "ci_lb"),
        ("model_ci_high", "ci_ub"),
        ("tau2", "tau2"),
        ("i2", "I2"),
    ):
        assert_close([getattr(row, ours) for row in found.rows], expected[theirs], STORED)


@pytest.mark.parametrize("key", REFERENCE["leave1out"])
def test_leave_one_out_of_effects_agrees_with_metafor(key):
    method, test = key.split("_")
    expected = REFERENCE["leave1out"][key]
    found = leave_one_out_effects(BCG["yi"], BCG["vi"], model=MODELS[method], ci=INTERVALS[test], hksj_floor=False)
    pairs = [("estimate", "estimate"), ("model_se", "se"), ("ci_low", "ci_lb"), ("ci_high", "ci_ub"), ("q", "Q")]
    # metafor gives no tau2 and I2 for common-effect fits here.
    pairs += [] if method == "FE" else [("tau2", "tau2"), ("i2", "I2")]
    for ours, theirs in pairs:
        assert_close([getattr(row, ours) for row in found.rows], expected[theirs], ITERATIVE)


def assert_rows_equal(row: PooledRow, other: PooledRow, rtol: float) -> None:
    for name in PooledRow.__dataclass_fields__:
        left, right = getattr(row, name), getattr(other, name)
        if isinstance(right, float):
            np.testing.assert_allclose(left, right, rtol=rtol, atol=1e-9, err_msg=f"{row.label}: {name}")
        else:
            assert left == right, (row.label, name)


HARD = {
    "one study with nearly all events": ([45] + [0] * 9, [50] + [10] * 9),
    "two studies with events": ([0, 0, 3, 0, 1], [10, 20, 15, 30, 12]),
    "no events": ([0] * 5, [10, 20, 15, 30, 12]),
    "separated without the third": ([0, 10, 4, 0], [10, 10, 20, 15]),
}
FIT_TWICE = 1e-6  # two iterative fits of the same data, started elsewhere


@pytest.mark.parametrize("ci", ["wald", "hksj", "profile", "profile-t"])
@pytest.mark.parametrize("name", [*SETS, *HARD])
def test_leave_one_out_of_the_glmm_is_the_fit_without_the_study(name, ci):
    events, n = HARD[name] if name in HARD else (METAFOR["proportions"][name][key] for key in ("events", "n"))
    labels = [f"T{i}" for i in range(len(n))]
    found = leave_one_out(events, n, labels=labels, ci=ci)
    for i, row in enumerate(found.rows):
        alone = pool_proportions(np.delete(events, i), np.delete(n, i), ci=ci)
        assert_rows_equal(row, row_of_proportion(labels[i], alone), FIT_TWICE)


@pytest.mark.parametrize("measure", ["arcsine", "double-arcsine", "raw"])
def test_leave_one_out_on_other_scales_is_the_fit_without_the_study(measure):
    data = METAFOR["proportions"]["pritz1997"]
    found = leave_one_out(data["events"], data["n"], measure=measure, model="dl")
    for i, row in enumerate(found.rows):
        alone = pool_proportions(np.delete(data["events"], i), np.delete(data["n"], i), measure=measure, model="dl")
        assert_rows_equal(row, row_of_proportion(row.label, alone), FIT_TWICE)


def test_leave_one_out_prints_and_needs_three_studies():
    found = leave_one_out([2, 5, 1, 30], [20, 40, 15, 60], labels=list("ABCD"))
    assert found.lowest.label == "D" and "without D" in found.summary()
    assert list(found.to_frame()["label"]) == list("ABCD")
    json.dumps(found.to_dict())
    with pytest.raises(ValueError, match="at least 3"):
        leave_one_out([2, 5], [20, 40])
    with pytest.raises(ValueError, match="ci"):
        leave_one_out([2, 5, 3], [20, 40, 30], model="reml", ci="profile")
