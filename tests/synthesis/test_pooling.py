from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.synthesis.measures import proportion_effects
from cordbook.synthesis.pooling.effects import DEFAULT_CI, EFFECT_MODELS, pool_effects

from .core_reference import CORE

ITERATIVE = 1e-7  # the reference REML fits ran with threshold 1e-12

sets = st.integers(2, 9).flatmap(
    lambda k: st.tuples(st.lists(st.floats(-3, 3), min_size=k, max_size=k), st.lists(st.floats(0.05, 2), min_size=k, max_size=k))
)


@pytest.mark.parametrize("name", CORE["glmm"])
def test_floor_is_metafors_adhoc_correction(name):
    stored = CORE["glmm"][name]
    sizes = proportion_effects(stored["events"], stored["n"], "logit")
    pooled = pool_effects(sizes.yi, sizes.vi, model="reml", ci="hksj", hksj_floor=True)
    assert pooled.se == pytest.approx(stored["adhoc"]["se"], rel=ITERATIVE)
    assert (pooled.ci_low, pooled.ci_high) == pytest.approx(stored["adhoc"]["ci"], rel=ITERATIVE)


@pytest.mark.parametrize("name", CORE["glmm"])
def test_other_levels_agree_with_metafor(name):
    stored = CORE["glmm"][name]
    sizes = proportion_effects(stored["events"], stored["n"], "logit")
    pooled = pool_effects(sizes.yi, sizes.vi, model="reml", ci="hksj", level=0.9, hksj_floor=False)
    assert (pooled.ci_low, pooled.ci_high) == pytest.approx(stored["knha90"]["ci"], rel=ITERATIVE)
    assert (pooled.pi_low, pooled.pi_high) == pytest.approx(stored["knha90"]["pi"], rel=ITERATIVE)


@settings(deadline=None, max_examples=60)
@given(sets, st.sampled_from(EFFECT_MODELS), st.randoms())
def test_order_does_not_matter(data, model, random):
    rows = list(zip(*data, strict=True))
    random.shuffle(rows)
    here = pool_effects(*data, model=model)
    there = pool_effects(*map(list, zip(*rows, strict=True)), model=model)
    # A flat peak of the likelihood is found to the square root of rounding.
    assert there.estimate == pytest.approx(here.estimate, rel=1e-6, abs=1e-6)
    assert there.tau2 == pytest.approx(here.tau2, rel=1e-5, abs=1e-7)


@settings(deadline=None, max_examples=60)
@given(sets, st.sampled_from(EFFECT_MODELS), st.sampled_from(["wald", "hksj"]))
def test_intervals_nest_with_level(data, model, ci):
    ends = [pool_effects(*data, model=model, ci=ci, level=level) for level in (0.5, 0.9, 0.99)]
    for inner, outer in pairwise(ends):
        assert outer.ci_low <= inner.ci_low <= inner.estimate <= inner.ci_high <= outer.ci_high
        if model != "common":
            assert outer.pi_low <= inner.pi_low <= inner.pi_high <= outer.pi_high
            assert inner.pi_low <= inner.ci_low
            assert inner.ci_high <= inner.pi_high


@settings(deadline=None, max_examples=60)
@given(sets)
def test_splitting_a_study_changes_nothing_under_a_common_effect(data):
    yi, vi = data
    whole = pool_effects(yi, vi, model="common")
    halves = pool_effects([yi[0], *yi], [2 * vi[0], 2 * vi[0], *vi[1:]], model="common")
    assert halves.estimate == pytest.approx(whole.estimate, abs=1e-12)
    assert halves.se == pytest.approx(whole.se, rel=1e-12)
    assert halves.q == pytest.approx(whole.q, abs=1e-9)


def test_by_hand():
    # Weights 2 and 1: estimate 2/3, variance 1/3, Q = 2 (2/3)^2 + (4/3)^2 = 8/3.
    pooled = pool_effects([0.0, 2.0], [0.5, 1.0], model="common", labels=["Okada", "Levi"])
    assert pooled.estimate == pytest.approx(2 / 3)
    assert pooled.se == pytest.approx(3**-0.5)
    assert pooled.q == pytest.approx(8 / 3)
    assert [study.label for study in pooled.studies] == ["Okada", "Levi"]
    assert [study.weight for study in pooled.studies] == pytest.approx([200 / 3, 100 / 3])
    assert pooled.statistic == pytest.approx(2 / 3 * 3**0.5)


def test_floor_never_shortens_the_interval():
    yi, vi = [0.10, 0.11, 0.12], [0.2, 0.3, 0.4]
    free, floored = (pool_effects(yi, vi, ci="hksj", hksj_floor=floor) for floor in (False, True))
    assert floored.se > free.se


def test_prediction_quantiles():
    yi, vi = [0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06]
    widths = {}
    for prediction in ("normal", "k-1", "k-2"):
        pooled = pool_effects(yi, vi, ci="wald", prediction=prediction)
        widths[prediction] = pooled.pi_high - pooled.pi_low
    assert widths["normal"] < widths["k-1"] < widths["k-2"]
    # Quantiles of t with 3 and 2 degrees of freedom, and of the normal, from printed tables.
    assert widths["k-1"] / widths["normal"] == pytest.approx(3.1824 / 1.9600, rel=1e-4)
    assert widths["k-2"] / widths["normal"] == pytest.approx(4.3027 / 1.9600, rel=1e-4)
    assert pool_effects([0, 1], [1, 1], prediction="k-2").pi_low is None


def test_one_study_is_itself_and_says_so():
    pooled = pool_effects([0.4], [0.09], model="reml", ci="hksj")
    assert (pooled.estimate, pooled.se, pooled.ci_method) == (0.4, pytest.approx(0.3), "wald")
    assert pooled.tau2_ci_high is None
    assert len(pooled.notes) == 2


def test_equal_effects_say_that_hartung_knapp_has_no_width():
    pooled = pool_effects([0.3, 0.3, 0.3], [0.1, 0.2, 0.3], ci="hksj", hksj_floor=False)
    assert pooled.se == 0
    assert "no width" in pooled.notes[0]
    assert pool_effects([0.3, 0.3, 0.3], [0.1, 0.2, 0.3], ci="hksj").se > 0


def test_defaults_are_one_table():
    for model in EFFECT_MODELS:
        assert pool_effects([0.0, 1.0], [1.0, 1.0], model=model).ci_method == DEFAULT_CI[model]


def test_results_are_frozen_and_plain():
    pooled = pool_effects([0.0, 1.0, 0.4], [1.0, 1.0, 0.5])
    with pytest.raises(AttributeError):
        pooled.estimate = 0.0
    plain = pooled.to_dict()
    assert plain["studies"][1]["label"] == "study 2"
    assert all(not isinstance(value, np.generic) for value in plain.values())
    assert pooled.to_frame().shape == (3, 6)
    assert "95% CI" in pooled.summary()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model": "he"}, "model = 'he'"),
        ({"ci": "profile"}, "ci = 'profile'"),
        ({"level": 95}, "level = 95"),
        ({"prediction": "t"}, "prediction = 't'"),
    ],
)
def test_bad_words(arguments, says):
    with pytest.raises(ValueError, match=says):
        pool_effects([0.0, 1.0], [1.0, 1.0], **arguments)
