"""compare_arms: choices, zero cells, and the shape of its result."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings

from cordbook.synthesis.pooling.two_arms import ALLOWED_CI, DEFAULT_CI, TWO_ARM_MODELS, compare_arms

from .test_two_arm import two_arm_counts

COUNTS = ([4, 6, 2, 9], [20, 30, 25, 40], [2, 9, 5, 12], [21, 29, 26, 41])
WITH_ZEROS = ([0, 6, 0, 9], [20, 30, 25, 40], [2, 9, 0, 12], [21, 29, 26, 41])
# A mean of k values in double precision, passed through exp and log.
ROUNDING = 1e-9
# Iterative fits stop at a gradient of 1e-9 a study.
ITERATIVE = 1e-5


def measures_of(model):
    return ("OR",) if model in ("peto", "glmm") else ("OR", "RR", "RD")


CHOICES = [(measure, model, ci) for model in TWO_ARM_MODELS for measure in measures_of(model) for ci in ALLOWED_CI[model]]


@pytest.mark.parametrize(("measure", "model", "ci"), CHOICES)
def test_every_choice_gives_a_whole_result(measure, model, ci):
    result = compare_arms(*WITH_ZEROS, labels=list("ABCD"), measure=measure, model=model, ci=ci)
    assert result.ci_low < result.estimate < result.ci_high
    assert (result.model, result.measure, result.ci_method, result.k) == (model, measure, ci, 4)
    assert (result.events1, result.n1, result.events2, result.n2) == (15, 115, 23, 117)
    assert (result.events, result.n) == (38, 232)
    assert 0 <= result.p <= 1
    assert sum(study.weight for study in result.studies) == pytest.approx(100)
    ratio = np.exp if measure != "RD" else (lambda value: value)
    assert result.estimate == pytest.approx(ratio(result.model_scale.estimate))
    assert result.ci_high == pytest.approx(ratio(result.model_scale.ci_high))
    assert (result.pi_low is None) == (model in ("common", "mh", "peto"))


@pytest.mark.parametrize(("measure", "model", "ci"), CHOICES)
def test_intervals_nest_with_level(measure, model, ci):
    narrow, wide = (compare_arms(*COUNTS, measure=measure, model=model, ci=ci, level=level) for level in (0.8, 0.99))
    assert wide.ci_low < narrow.ci_low < narrow.ci_high < wide.ci_high


@pytest.mark.parametrize(("measure", "model", "ci"), CHOICES)
def test_p_value_and_interval_tell_the_same(measure, model, ci):
    result = compare_arms(*COUNTS, measure=measure, model=model, ci=ci)
    no_effect = 0 if measure == "RD" else 1
    assert (result.p < 0.05) == (not result.ci_low <= no_effect <= result.ci_high)
    # At a level of 1 - p the interval touches no effect.
    touching = compare_arms(*COUNTS, measure=measure, model=model, ci=ci, level=1 - result.p)
    nearer = touching.ci_high if result.estimate < no_effect else touching.ci_low
    assert nearer == pytest.approx(no_effect, abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(two_arm_counts(min_studies=2, max_n=40))
def test_swapping_arms_inverts_the_effect(counts):
    assume((~counts.is_uninformative).sum() >= 2)
    arms = (counts.events1, counts.n1, counts.events2, counts.n2)
    for measure, model in (("OR", "reml"), ("RR", "dl"), ("RD", "mh"), ("RD", "pm")):
        here = compare_arms(*arms, measure=measure, model=model).model_scale
        there = compare_arms(*arms[2:], *arms[:2], measure=measure, model=model).model_scale
        assert there.estimate == pytest.approx(-here.estimate, rel=ITERATIVE, abs=ITERATIVE)
        assert there.ci_low == pytest.approx(-here.ci_high, rel=ITERATIVE, abs=ITERATIVE)


@settings(deadline=None, max_examples=25)
@given(two_arm_counts(min_studies=2, max_n=40))
def test_order_of_studies_does_not_matter(counts):
    assume((~counts.is_uninformative).sum() >= 2)
    arms = [counts.events1, counts.n1, counts.events2, counts.n2]
    for measure, model in (("OR", "common"), ("RR", "reml"), ("RD", "mh")):
        here = compare_arms(*arms, measure=measure, model=model)
        there = compare_arms(*(arm[::-1] for arm in arms), measure=measure, model=model)
        assert there.model_scale.estimate == pytest.approx(here.model_scale.estimate, rel=ITERATIVE, abs=ROUNDING)
        assert there.studies[::-1][0].weight == pytest.approx(here.studies[0].weight, rel=ITERATIVE)


def test_repeating_common_effect_data_narrows_by_the_square_root():
    once, four = compare_arms(*COUNTS, model="common"), compare_arms(*(4 * arm for arm in COUNTS), model="common")
    assert four.estimate == pytest.approx(once.estimate, rel=ROUNDING)
    assert four.model_scale.se == pytest.approx(once.model_scale.se / 2, rel=ROUNDING)


def test_a_double_zero_study_is_kept_or_dropped_and_told():
    kept = compare_arms(*WITH_ZEROS, model="common", double_zero="keep")
    dropped = compare_arms(*WITH_ZEROS, model="common")
    assert dropped == compare_arms(*WITH_ZEROS, model="common", double_zero="drop")
    assert dropped.studies[2].weight == 0 < kept.studies[2].weight
    assert dropped.k == 4 and dropped.q_df == 2 and kept.q_df == 3
    assert any("left out" in note for note in dropped.notes)
    assert any("kept" in note for note in kept.notes)
    alone = compare_arms(*([row[i] for i in (0, 1, 3)] for row in WITH_ZEROS), model="common")
    assert dropped.estimate == pytest.approx(alone.estimate, rel=ROUNDING)


def test_no_event_in_arm_1_at_all():
    result = compare_arms([0, 0], [30, 40], [3, 2], [31, 39], model="glmm")
    assert result.estimate == result.ci_low == 0
    assert 0 < result.ci_high < 1.5
    assert result.ci_method == "exact" and result.notes
    assert result.to_dict()["model_scale"]["estimate"] is None
    json.dumps(result.to_dict(), allow_nan=False)
    assert "odds ratio is estimated as 0" in result.summary()


def test_data_frame_columns_give_the_same():
    frame = pd.DataFrame(dict(zip(("a", "n", "c", "m"), COUNTS, strict=True))).assign(trial=list("WXYZ"))
    named = compare_arms("a", "n", "c", "m", labels="trial", data=frame)
    assert named == compare_arms(*COUNTS, labels=list("WXYZ"))
    with pytest.raises(ValueError, match="'b'.*'trial'"):
        compare_arms("b", "n", "c", "m", data=frame)


def test_to_frame_has_one_row_a_study():
    frame = compare_arms(*COUNTS).to_frame()
    assert list(frame.columns) == ["label", "events1", "n1", "events2", "n2", "estimate", "ci_low", "ci_high", "weight"]
    assert frame["events2"].tolist() == COUNTS[2]


def test_results_are_frozen():
    with pytest.raises(AttributeError):
        compare_arms(*COUNTS).estimate = 1.0


def test_default_intervals_exist_for_every_model():
    for model in TWO_ARM_MODELS:
        assert compare_arms(*COUNTS, model=model).ci_method == DEFAULT_CI[model]


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"measure": "RR", "model": "peto"}, "odds ratios only"),
        ({"measure": "RD", "model": "glmm"}, "odds ratios only"),
        ({"model": "mh", "ci": "hksj"}, "use ci='wald'"),
        ({"model": "reml", "ci": "profile"}, "use ci='wald' or ci='hksj'"),
        ({"model": "mh2"}, "'peto'"),
        ({"measure": "HR"}, "OR, RR, RD"),
        ({"level": 95}, "0.95"),
        ({"double_zero": "both"}, "'keep'"),
    ],
)
def test_choices_that_do_not_go_together(choices, words):
    with pytest.raises(ValueError, match=words):
        compare_arms(*COUNTS, **choices)


def test_one_study_and_no_contrast_are_refused():
    with pytest.raises(ValueError, match="one study"):
        compare_arms([1], [9], [2], [8])
    with pytest.raises(ValueError, match="double_zero='keep'"):
        compare_arms([0, 1], [9, 9], [0, 3], [8, 8], double_zero="drop")


@pytest.mark.parametrize("measure", ["OR", "RR"])
@pytest.mark.parametrize("counts", [([0, 0], [20, 30], [0, 0], [20, 28]), ([20, 30], [20, 30], [20, 28], [20, 28])])
def test_a_ratio_of_studies_without_contrast_is_refused_by_every_model(counts, measure):
    for model in TWO_ARM_MODELS:
        if measure in measures_of(model):
            with pytest.raises(ValueError, match=r"say nothing of an? (odds|risk) ratio: use measure='RD'"):
                compare_arms(*counts, measure=measure, model=model)
    difference = compare_arms(*counts, measure="RD")
    assert difference.estimate == pytest.approx(0, abs=0.01) and difference.ci_low < 0 < difference.ci_high


# Ten trials with few events. Wald, Mantel-Haenszel, Peto and the GLMM all leave an odds ratio of 1 possible.
SPARSE = (
    [1, 1, 14, 1, 5, 8, 7, 8, 4, 5],
    [407, 414, 1197, 989, 139, 136, 304, 214, 111, 231],
    [1, 1, 16, 1, 4, 11, 4, 11, 0, 8],
    [422, 407, 1300, 494, 80, 157, 152, 227, 37, 234],
)


def test_the_default_does_not_claim_what_no_other_method_does():
    others = {"reml": "wald", "mh": None, "peto": None, "glmm": None, "common": None}
    for model, ci in others.items():
        result = compare_arms(*SPARSE, model=model, ci=ci)
        assert result.ci_low < 1 < result.ci_high, model
    floored, free = compare_arms(*SPARSE), compare_arms(*SPARSE, hksj_floor=False)
    assert floored.ci_low < 1 < floored.ci_high
    assert free.ci_high < 1 and any("narrower than that of the common-effect model" in note for note in free.notes)
    assert not any("narrower" in note for note in floored.notes)


def test_a_risk_difference_shows_what_the_study_found():
    result = compare_arms([2, 2, 19], [2, 2, 20], [0, 0, 1], [2, 2, 8], measure="RD")
    found = result.studies[0]
    # Wilson's limits of 2/2 and 0/2 are 2 / (2 + z^2) and 1 less that; both arms are as far off.
    reach = 2**0.5 * (1 - 2 / (2 + 1.959963984540054**2))
    assert (found.estimate, found.ci_high) == (1.0, 1.0) and found.ci_low == pytest.approx(1 - reach)
    assert found.has_empty_cell and not result.studies[2].has_empty_cell


def test_a_ratio_without_events_in_both_arms_is_not_estimable():
    shown = compare_arms(*WITH_ZEROS).studies[2]
    assert (shown.estimate, shown.ci_low, shown.ci_high, shown.weight) == (None, None, None, 0)


@settings(deadline=None, max_examples=40)
@given(two_arm_counts(min_studies=2, max_n=12))
def test_no_limit_of_a_risk_difference_lies_outside_minus_one_and_one(counts):
    arms = (counts.events1, counts.n1, counts.events2, counts.n2)
    for model in ("reml", "common", "mh"):
        result = compare_arms(*arms, measure="RD", model=model)
        shown = [result.ci_low, result.ci_high, result.pi_low, result.pi_high]
        shown += [limit for study in result.studies for limit in (study.ci_low, study.ci_high)]
        assert all(-1 <= value <= 1 for value in shown if value is not None)
        for study in result.studies:
            assert study.estimate == study.events1 / study.n1 - study.events2 / study.n2
            assert study.ci_low <= study.estimate <= study.ci_high


def test_an_interval_without_width_is_told():
    result = compare_arms([0, 0], [9, 8], [0, 0], [7, 9], measure="RD", model="mh")
    assert result.estimate == 0 and result.p is None
    assert any("no width" in note for note in result.notes)


def test_the_exact_interval_is_not_called_clopper_pearson():
    assert "exact, conditional" in compare_arms([0, 0], [30, 40], [3, 2], [31, 39], model="glmm").summary()


#: metafor 3.8-1: rma(measure = "OR", method = "REML", test = "knha"), to = "only0" and "all"; "sizes" by rma(yi, vi) of counts corrected by hand.
#: Estimate, limits, tau2; R's REML stops at a gradient of 1e-5.
CORRECTED = {
    "zero": (1.505661477649167, -0.441493582056397, 3.452816537354730, 2.565361306439383),
    "all": (1.421148087633124, -0.484226902268774, 3.326523077535023, 2.389269714639920),
    "sizes": (1.526005560247807, -0.499878556541948, 3.551889677037562, 2.712777979233226),
}
IN_R = 2e-6


@pytest.mark.parametrize("corrected", CORRECTED)
def test_half_events_are_added_where_it_is_said(corrected):
    counts = ([5, 7, 9, 2, 17, 5], [11, 26, 20, 3, 50, 19], [3, 10, 0, 0, 0, 1], [20, 17, 20, 3, 20, 15])
    result = compare_arms(*counts, corrected=corrected, hksj_floor=False)
    scale = result.model_scale
    assert (scale.estimate, scale.ci_low, scale.ci_high, result.tau2) == pytest.approx(CORRECTED[corrected], rel=IN_R)


def test_a_way_of_correction_that_is_none_is_refused():
    with pytest.raises(ValueError, match="corrected"):
        compare_arms(*COUNTS, corrected="some")
