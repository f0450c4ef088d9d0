"""What the page of changes shows: intervals before and after, causes by number, one figure per number."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from cordbook.display.figures.release_plot import ChangesTable, history_figure, intervals
from cordbook.review.versions.causes import Cause
from cordbook.review.versions.diff import Conclusion, EstimateChange
from cordbook.review.versions.history import Point
from cordbook.review.versions.releases import FrozenEstimate

E = FrozenEstimate(
    id="ais", title="AIS improved <b>", question="", kind="proportion", section="3", parent=None, estimate=0.5, ci_low=0.4,
    ci_high=0.6, pi_low=None, pi_high=None, i2=None, tau2=None, q_p=None, k=3, n=30, events=15, settings={"measure": "logit"},
    cells={}, rows_sha256="0", direction="a size", certainty="low",
    words={"short": "50% (95% CI 40 to 60)", "full": "50% (3 studies)", "of": "15 of 30"},
)  # fmt: skip
NOW = {**E.words, "short": "75% (95% CI 50 to 100)"}
LATER = replace(E, estimate=0.75, ci_low=0.5, ci_high=1.0, k=4, rows_sha256="1", words=NOW)
RATIO = replace(E, kind="comparison", settings={"measure": "OR"}, estimate=1.0, ci_low=0.05, ci_high=20.0)


def lines_of(svg: str, kind: str) -> list[float]:
    found = re.search(rf'<line x1="([\d.]+)" x2="([\d.]+)"[^>]*class="{kind}"', svg)
    assert found
    return [float(found[1]), float(found[2])]


def test_intervals_stand_where_their_numbers_are():
    svg = intervals(E, LATER)
    assert lines_of(svg, "cb-interval-old") == [pytest.approx(4 + 0.4 * 112, abs=0.06), pytest.approx(4 + 0.6 * 112, abs=0.06)]
    assert lines_of(svg, "cb-interval-new") == [pytest.approx(60, abs=0.06), pytest.approx(116, abs=0.06)]
    assert "Before: 50% (95% CI 40 to 60); 3 studies. Now: 75%" in svg
    ElementTree.fromstring(svg)


def test_ratios_stand_on_a_log_scale_with_no_difference_in_the_middle():
    svg = intervals(RATIO, RATIO)
    assert lines_of(svg, "cb-interval-null") == [60.0, 60.0]
    assert lines_of(svg, "cb-interval-new") == [4.0, 116.0]


NOT_ESTIMABLE, NO_LIMIT = replace(E, estimate=None), replace(E, ci_low=None)


@pytest.mark.parametrize(("before", "after"), [(None, E), (E, None), (NOT_ESTIMABLE, E), (NO_LIMIT, E)])
def test_what_is_missing_is_not_drawn(before, after):
    assert intervals(before, after).count("<circle") == sum(e is not None and e.estimate is not None for e in (before, after))


def test_nothing_estimable_says_so():
    assert "not estimable" in intervals(None, replace(E, estimate=None))


def test_every_cause_stands_once_and_all_text_is_escaped():
    shared, own = Cause("added", "outcomes", "<i>x"), Cause("corrected", "outcomes", "y", "events", "1", "2")
    changes = tuple(
        EstimateChange(i, E.title, E, LATER, True, (Conclusion("certainty", "low", "<u>"),), why)
        for i, why in (("ais", (shared, own)), ("ais--a", (shared,)))
    )
    html = ChangesTable("t", "What changed", changes).to_html()
    assert html.count("row &lt;i&gt;x added") == 1
    assert "events 1 → 2" in html
    assert "<b>" not in html
    assert "<u>" not in html
    assert re.findall(r'href="#t-why-(\d)"', html) == ["1", "2", "1"]
    assert set(re.findall(r'id="t-why-(\d)"', html)) == {"1", "2"}
    assert html.index("<details") < html.index("Subgroups that differ (1)")


DIFFERENCE = replace(RATIO, settings={"measure": "RD"}, estimate=0.1, ci_low=-0.2, ci_high=0.4)


@pytest.mark.parametrize("estimate", [E, RATIO, DIFFERENCE])
def test_a_history_is_drawn_and_told(estimate):
    later = replace(estimate, k=9)
    figure = history_figure([Point("0.1.0", None, estimate), Point("0.2.0", None, None), Point("0.3.0", None, later)])
    assert "in 2 versions" in figure.alt
    assert "version 0.3.0: 50% (3 studies)" in figure.alt
    assert "k = 9" in figure.svg
    ElementTree.fromstring(figure.svg)


def test_a_history_of_nothing_cannot_be_drawn():
    with pytest.raises(ValueError, match="nothing to draw"):
        history_figure([Point("0.1.0", None, replace(E, estimate=None))])
