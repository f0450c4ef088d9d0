"""Diagnostic figures: the words beside them are the numbers that were computed."""

import pytest

from cordbook import cumulative, leave_one_out, pool_proportions
from cordbook.display.figures.diagnostics import baujat_plot, bubble_plot, cumulative_plot, funnel_plot, leave_one_out_plot
from cordbook.review.estimates.phrases import percent
from cordbook.subject.dose import dose_groups, dose_in_gy, myelopathy_by_dose
from cordbook.subject.dose_response_plot import dose_response_plot, dose_table, published_points

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
