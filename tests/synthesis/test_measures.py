import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.synthesis.measures import (
    MEASURES,
    back_transform,
    double_arcsine,
    double_arcsine_notes,
    harmonic_mean,
    inverse_double_arcsine,
    proportion_effects,
)

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_correction_only_where_the_variance_would_not_be_defined():
    events, n = [0, 3, 10], [10, 10, 10]
    logit = proportion_effects(events, n, "logit")
    assert logit.yi == pytest.approx([np.log(0.5 / 10.5), np.log(3 / 7), np.log(10.5 / 0.5)])
    assert logit.vi == pytest.approx([1 / 0.5 + 1 / 10.5, 1 / 3 + 1 / 7, 1 / 0.5 + 1 / 10.5])
    raw = proportion_effects(events, n, "raw")
    assert raw.yi == pytest.approx([0.5 / 11, 0.3, 10.5 / 11])
    assert (logit.corrected, raw.corrected) == (2, 2)
    for measure in ("arcsine", "double-arcsine"):
        assert proportion_effects(events, n, measure).corrected == 0
    assert proportion_effects(events, n, "arcsine").yi == pytest.approx([0, np.arcsin(np.sqrt(0.3)), np.pi / 2])


@settings(deadline=None)
@given(counts)
def test_the_double_arcsine_goes_back_to_the_proportion_at_its_own_size(count):
    x, n = count
    # Near the ends the transform is a square root, so a rounding of 1e-16 in the angle is worth up to 1e-8 in p.
    assert float(inverse_double_arcsine(double_arcsine(x, n), n)) == pytest.approx(x / n, abs=1e-7)


@settings(deadline=None)
@given(counts, st.sampled_from(["arcsine", "logit", "raw"]))
def test_other_scales_go_back_too(count, measure):
    x, n = count
    sizes = proportion_effects([x], [n], measure)
    expected = x / n if sizes.corrected == 0 else (x + 0.5) / (n + 1)
    assert float(back_transform(measure, [n])(sizes.yi[0])) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(counts, st.sampled_from(MEASURES))
def test_mirrored_counts_mirror_the_effect(count, measure):
    x, n = count
    here, there = proportion_effects([x], [n], measure), proportion_effects([n - x], [n], measure)
    middle = {"logit": 0.0, "raw": 0.5, "arcsine": np.pi / 4, "double-arcsine": np.pi / 4}[measure]
    assert there.yi[0] - middle == pytest.approx(middle - here.yi[0], abs=1e-12)
    assert there.vi[0] == pytest.approx(here.vi[0], rel=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_back_transforms_stay_between_0_and_1_and_rise(measure):
    back = back_transform(measure, [10, 40])
    proportions = np.array([float(back(value)) for value in np.linspace(-0.5, 2.5, 301)])
    assert proportions.min() >= 0
    assert proportions.max() <= 1
    assert (np.diff(proportions) >= -1e-12).all()


def test_harmonic_mean():
    assert harmonic_mean([1, 2, 4]) == pytest.approx(12 / 7)


def test_double_arcsine_warns_where_sizes_differ_by_orders_of_magnitude():
    # The situation of Schwarzer et al. 2019 in made-up counts: the pooled value is that of the largest study, which a study
    # of the harmonic mean size cannot reach, so the back transform is 0 although every study has events.
    events, n = np.array([1, 3, 12, 39, 109]), np.array([29, 300, 4000, 20000, 84000])
    value = float(double_arcsine(109, 84000))
    notes = double_arcsine_notes(value, events, n)
    assert any("set to the nearest end" in note for note in notes)
    assert any("Schwarzer et al. 2019" in note for note in notes)
    assert any("outside the proportions of the studies" in note for note in notes)


def test_double_arcsine_is_quiet_for_studies_of_one_size():
    assert double_arcsine_notes(float(double_arcsine(12, 50)), np.array([10, 14]), np.array([50, 50])) == ()


def test_bad_input():
    with pytest.raises(ValueError, match="measure = 'log' is not known"):
        proportion_effects([1], [2], "log")
    with pytest.raises(ValueError, match="more than n"):
        proportion_effects([3], [2])
