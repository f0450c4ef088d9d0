"""compare_arms: choices, zero cells, and the shape of its result."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from cordbook.synthesis.compare import ALLOWED_CI, DEFAULT_CI, TWO_ARM_MODELS, compare_arms

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
    arms = (counts.events1, counts.n1, counts.events2, counts.n2)
    for measure, model in (("OR", "reml"), ("RR", "dl"), ("RD", "mh"), ("RD", "pm")):
        here = compare_arms(*arms, measure=measure, model=model).model_scale
        there = compare_arms(*arms[2:], *arms[:2], measure=measure, model=model).model_scale
        assert there.estimate == pytest.approx(-here.estimate, rel=ITERATIVE, abs=ITERATIVE)
        assert there.ci_low == pytest.approx(-here.ci_high, rel=ITERATIVE, abs=ITERATIVE)


@settings(deadline=None, max_examples=25)
@given(two_arm_counts(min_studies=2, max_n=40))
def test_order_of_studies_does_not_matter(counts):
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
    kept = compare_arms(*WITH_ZEROS, model="common")
    dropped = compare_arms(*WITH_ZEROS, model="common", double_zero="drop")
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
        ({"model": "mh", "ci": "hksj"}, "use 'wald'"),
        ({"model": "reml", "ci": "profile"}, "use 'wald' or 'hksj'"),
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


def test_an_interval_without_width_is_told():
    result = compare_arms([0, 0], [9, 8], [0, 0], [7, 9], measure="RD", model="mh")
    assert result.estimate == 0 and result.p is None
    assert any("no width" in note for note in result.notes)


def test_the_exact_interval_is_not_called_clopper_pearson():
    assert "exact, conditional" in compare_arms([0, 0], [30, 40], [3, 2], [31, 39], model="glmm").summary()
