"""Diagnostic figures: the words beside them are the numbers that were computed."""

import math

import numpy as np
import pytest

from cordbook import (
    compare_arms,
    cumulative,
    funnel_effects,
    influence,
    leave_one_out,
    leave_one_out_effects,
    meta_regression,
    pool_effects,
    pool_means,
    pool_proportions,
    two_arm_effects,
)
from cordbook.display.figures.diagnostics import (
    baujat_plot,
    bubble_plot,
    cumulative_plot,
    effect_funnel_plot,
    funnel_plot,
    leave_one_out_plot,
)
from cordbook.display.figures.effect_scale import EffectScale, ends_of
from cordbook.review.estimates.phrases import percent
from cordbook.subject.dose import dose_groups, dose_in_gy, myelopathy_by_dose
from cordbook.subject.dose_response_plot import dose_response_plot, dose_table, published_points
from cordbook.synthesis.bias.trim_fill import FilledStudy

EVENTS, N = [3, 5, 0, 7, 30, 1], [12, 20, 9, 11, 40, 30]
LABELS = ["Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir"]
YEARS = [2001, 2004, 2010, 2013, 2015, 2020]


@pytest.fixture(scope="module")
def result():
    return pool_proportions(EVENTS, N, labels=LABELS)


def test_rows_are_of_the_average_that_is_reported():
    """A figure beside a population average leaves out and adds studies for that average, not for the median study."""
    reported = pool_proportions(EVENTS, N, labels=LABELS, average="population")
    rows = {r.label: r.estimate for r in leave_one_out(EVENTS, N, labels=LABELS, average="population").rows}
    assert f"{percent(min(rows.values()))} without" in leave_one_out_plot(reported, title="T", figure_id="f").alt
    assert f"at the end {percent(reported.estimate)}" in cumulative_plot(reported, YEARS, title="T", figure_id="f").alt


def test_leave_one_out_names_its_ends(result):
    rows = {r.label: r.estimate for r in leave_one_out(EVENTS, N, labels=LABELS).rows}
    alt = leave_one_out_plot(result, title="T", figure_id="f").alt
    least, most = min(rows, key=rows.get), max(rows, key=rows.get)
    assert f"{percent(rows[least])} without {least}" in alt
    assert f"{percent(rows[most])} without {most}" in alt


def test_cumulative_ends_at_the_whole(result):
    figure = cumulative_plot(result, YEARS, title="T", figure_id="f")
    assert f"at the end {percent(result.estimate)}" in figure.alt
    assert cumulative(EVENTS, N, by=YEARS, labels=LABELS).rows[-1].estimate == pytest.approx(result.estimate, rel=1e-8)


def test_a_study_far_off_lies_outside_the_funnel(result):
    alt = funnel_plot(result, title="T", figure_id="f").alt
    assert "outside the grey funnel" in alt
    assert "0 of 6" not in alt  # Elm (30 of 40) cannot lie within chance of a pooled share near a third


def test_baujat_names_the_study_that_differs(result):
    assert "Elm" in baujat_plot(result, title="T", figure_id="f").alt


def test_bubbles_leave_out_studies_without_the_moderator(result):
    alt = bubble_plot(result, [*YEARS[:-1], float("nan")], name="Year", title="T", figure_id="f").alt
    assert "5 studies" in alt


# --------------------------------------------------------------------------------------- effects of any other kind

COUNTS = ([4, 6, 3, 62, 33], [123, 306, 231, 13598, 5069], [11, 29, 11, 248, 47], [139, 303, 220, 12867, 5808])


@pytest.fixture(scope="module")
def arms():
    return compare_arms(*COUNTS, labels=LABELS[:5]), two_arm_effects(*COUNTS)


def test_rows_of_a_ratio_are_told_as_ratios_and_stand_on_a_log_axis_with_no_effect(arms):
    compared, effects = arms
    found = leave_one_out_effects(effects.yi, effects.vi, labels=LABELS[:5]).transformed(math.exp, "OR")
    figure = leave_one_out_plot(compared, found=found, title="T", figure_id="f")
    show = EffectScale.of(compared).words
    assert f"odds ratio runs from {show(found.lowest.estimate)} without {found.lowest.label}" in figure.alt
    [axes] = figure.drawing.axes
    low, high = axes.get_xlim()
    assert axes.get_xscale() == "log" and low < 1 < high
    assert all(low < row.estimate < high for row in found.rows)


def test_a_funnel_of_effects_counts_what_lies_outside_and_shows_what_is_filled(arms):
    compared, effects = arms
    funnel = funnel_effects(effects.yi, effects.vi, labels=LABELS[:5])
    se = np.sqrt(effects.vi)
    outside = int((np.abs(effects.yi - funnel.centre) > 1.959964 * se).sum())
    assert 0 < outside < 5  # else this asks nothing
    filled = (FilledStudy("Ash", 0.4, 0.3), FilledStudy("Birch", 0.9, 0.2))
    plain = effect_funnel_plot(compared, funnel, title="T", figure_id="f")
    with_filled = effect_funnel_plot(compared, funnel, filled=filled, title="T", figure_id="f")
    assert f"{outside} of 5 studies lie outside" in plain.alt
    circles = [len(line.get_xdata()) for line in with_filled.drawing.axes[0].get_lines() if line.get_marker() == "o"]
    assert circles == [5, 2]
    assert "trim and fill" in with_filled.svg and "trim and fill" not in plain.svg
    assert plain.drawing.axes[0].get_ylim()[1] == 0  # the most precise studies stand at the top


def test_contours_lie_where_a_study_has_their_p_value(arms):
    compared, effects = arms
    figure = effect_funnel_plot(compared, funnel_effects(effects.yi, effects.vi), title="T", figure_id="f")
    grey = figure.drawing.axes[0].collections[0].get_paths()[0].vertices  # p from 0.1 to 0.05, below no effect
    foot = grey[grey[:, 1] == grey[:, 1].max()]
    z = np.abs(np.log(foot[:, 0])) / foot[:, 1]
    assert sorted({round(float(value), 3) for value in z}) == [1.645, 1.96]


def test_influence_and_regression_of_effects_are_those_that_were_found(arms):
    compared, effects = arms
    found = influence(effects.yi, effects.vi, labels=LABELS[:5])
    most = max(found.cases, key=lambda case: case.baujat_y).label
    figure = baujat_plot(compared, found=found, way="", title="T", figure_id="f")
    assert most in figure.alt and "logits" not in figure.caption
    fit = meta_regression(effects.yi, effects.vi, {"dose": [1, 2, 3, 4, 5]}, labels=LABELS[:5])
    bubbles = bubble_plot(compared, [1, 2, 3, 4, 5], found=fit, name="dose", title="T", figure_id="f")
    start, end = (EffectScale.of(compared).words(math.exp(p.estimate)) for p in fit.predict({"dose": [1, 5]}))
    assert f"odds ratio goes from {start} at 1 to {end} at 5" in bubbles.alt
    assert bubbles.drawing.axes[0].get_yscale() == "log"


def test_a_scale_says_what_values_are_and_what_no_effect_is():
    means = ([10, 12, 9], [4, 4, 3], [20, 30, 15], [7, 8, 8], [5, 5, 4], [22, 32, 12])
    kinds = {
        "share": pool_proportions(EVENTS, N),
        "points": compare_arms(*COUNTS, measure="RD"),
        "ratio": pool_means(*means, measure="ROM"),
        "number": pool_means(*means, measure="MD"),
    }
    scales = {kind: EffectScale.of(result) for kind, result in kinds.items()}
    assert {kind: scale.kind for kind, scale in scales.items()} == {kind: kind for kind in kinds}
    assert [scale.null for scale in scales.values()] == [None, 0.0, 1.0, 0.0]
    assert scales["share"].words(0.25) == "25%"
    assert scales["points"].words(-0.05) == "−5.0 percentage points"
    assert scales["ratio"].of_model([0.0]).tolist() == [1.0] and scales["number"].of_model([0.0]).tolist() == [0.0]
    assert EffectScale.of(pool_effects([0.1, 0.4], [0.1, 0.1])).name == "effect"


def test_an_axis_holds_all_values_and_no_limit_that_lies_far_off():
    low, high = ends_of([1.0, 2.0], [-50.0, 2.2])
    assert low <= 0.5 < 1 and 2.2 < high < 3


@pytest.mark.parametrize(("text", "dose"), [("45", 45), ("30-39.99", 34.995), (">=50", 50), ("<=33.5", 33.5)])
def test_a_band_becomes_one_dose(text, dose):
    assert dose_in_gy(text) == pytest.approx(dose)


def test_dose_groups_take_the_narrowest_bands_once(estimates):
    evidence = estimates.evidence
    groups = dose_groups(evidence)
    marcus = groups[groups["study_id"] == "marcus1990"]
    # Four bands of the series stand in the data beside their sum; the sum must not be taken too.
    assert len(marcus) == 4
    assert int(marcus["n"].sum()) == 1112
    assert groups["cell_id"].is_unique
    cells = evidence.counts.set_index("cell_id").loc[groups["cell_id"]]
    assert (cells["events"].to_numpy() == groups["events"].to_numpy()).all()


def test_the_dose_figure_and_table_tell_the_fit(estimates):
    data = myelopathy_by_dose(estimates.evidence)
    published = published_points(estimates.evidence["dose_response"], "schultheiss2008")
    assert (50.0, 0.002) in published
    figure = dose_response_plot(data, published, published_label="other", figure_id="f")
    assert f"{data.fit.events} cases among {data.fit.n} patients" in figure.alt
    table = dose_table(data)
    assert [row[0].text for row in table.rows] == ["40 Gy", "45 Gy", "50 Gy", "54 Gy", "60 Gy"]
    risks = [float(row[1].text.rstrip("%").lstrip("<")) for row in table.rows]
    assert risks == sorted(risks)
