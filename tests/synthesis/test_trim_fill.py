"""Trim and fill against metafor."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cordbook.synthesis.bias.trim_fill import trim_and_fill
from cordbook.synthesis.measures import proportion_effects

from .why_reference import CLOSED, METAFOR, MODELS, REFERENCE, STORED, assert_close


@pytest.mark.parametrize("key", REFERENCE["trimfill"])
def test_agrees_with_metafor(key):
    data, method, estimator, side = key.rsplit("_", 3)
    expected = REFERENCE["trimfill"][key]
    effects = REFERENCE["data"][data]
    found = trim_and_fill(
        effects["yi"],
        effects["vi"],
        estimator=estimator,
        side=None if side == "auto" else side,
        model=MODELS[method],
        ci="wald",
    )
    assert (found.k0, found.side) == (expected["k0"], expected["side"])
    # The Q0 and L0 variances are negative for some data, which R stores as NaN.
    assert_close(found.k0_se, expected["se_k0"] if isinstance(expected["se_k0"], (int, float)) else None, CLOSED)
    if estimator == "R0":
        assert_close(found.k0_p, expected["p_k0"], CLOSED)
    after = found.adjusted
    assert_close(
        [after.estimate, after.se, after.ci_low, after.ci_high],
        [expected[name] for name in ("estimate", "se", "ci_lb", "ci_ub")],
        STORED,
    )
    filled = sorted(expected["yi"][len(effects["yi"]) :])
    assert_close(sorted(study.yi for study in found.filled), filled, STORED)


@pytest.mark.parametrize("name", METAFOR["proportions"])
def test_logits_agree_with_metafor(name):
    data = METAFOR["proportions"][name]
    effects = proportion_effects(data["events"], data["n"], "logit")
    expected = data["PLO_REML_trimfill"]
    found = trim_and_fill(effects.yi, effects.vi, ci="wald")
    assert (found.k0, found.side) == (expected["k0"], expected["side"])
    assert_close(
        [found.adjusted.estimate, found.adjusted.ci_low, found.adjusted.ci_high],
        [expected["estimate"], *expected["ci"]],
        STORED,
    )


def test_mirrored_effects_mirror_the_result():
    data = REFERENCE["data"]["hackshaw"]
    plain, mirrored = trim_and_fill(data["yi"], data["vi"]), trim_and_fill(-np.array(data["yi"]), data["vi"])
    assert (mirrored.k0, mirrored.side) == (plain.k0, "right")
    assert_close(mirrored.adjusted.estimate, -plain.adjusted.estimate, CLOSED)


def test_filled_studies_mirror_named_ones_in_a_symmetric_funnel():
    data = REFERENCE["data"]["hackshaw"]
    labels = [f"S{i}" for i in range(len(data["yi"]))]
    found = trim_and_fill(data["yi"], data["vi"], labels=labels, model="common")
    by_label = dict(zip(labels, zip(data["yi"], data["vi"], strict=True), strict=True))
    for study in found.filled:
        assert study.vi == by_label[study.mirror_of][1]
    centres = {round((study.yi + by_label[study.mirror_of][0]) / 2, 12) for study in found.filled}
    assert len(centres) == 1
    assert [study.label for study in found.adjusted.studies[-found.k0 :]] == [
        f"filled: mirror of {s.mirror_of}" for s in found.filled
    ]


def test_a_symmetric_funnel_stays_as_it_is():
    found = trim_and_fill([-0.4, -0.2, 0.0, 0.2, 0.4], [0.2, 0.1, 0.01, 0.1, 0.2], side="left")
    assert found.k0 == 0 and found.adjusted == found.observed and found.filled == ()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="give side"):
        trim_and_fill([0.1, 0.2, 0.5], [0.1] * 3)
    with pytest.raises(ValueError, match="estimator"):
        trim_and_fill([0.1, 0.2, 0.5], [0.1, 0.2, 0.3], estimator="L1")
    with pytest.raises(ValueError, match="side"):
        trim_and_fill([0.1, 0.2, 0.5], [0.1, 0.2, 0.3], side="top")
    with pytest.raises(ValueError, match="at least 3"):
        trim_and_fill([0.1, 0.2], [0.1, 0.2])


def test_it_prints():
    data = REFERENCE["data"]["hackshaw"]
    found = trim_and_fill(data["yi"], data["vi"])
    assert "7 studies added on the left" in found.summary()
    json.dumps(found.to_dict())
