"""The drawing of a page is that of the file, dot by dot, in a fraction of the bytes."""

import io
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

import cordbook.publish
from cordbook import compare_arms, pool_proportions
from cordbook.display.figures.diagnostics import baujat_plot, bubble_plot, cumulative_plot, funnel_plot
from cordbook.display.figures.evidence_map import evidence_map
from cordbook.display.figures.forest import ForestGroup, forest_plot
from cordbook.display.figures.prisma_flow import prisma_flow
from cordbook.display.figures.svg_compact import compact
from cordbook.display.figures.timeline import timeline
from cordbook.display.figures.traffic_lights import item_bars, traffic_lights
from cordbook.review.appraisal.risk_of_bias import Item
from cordbook.review.claims.mechanisms import MapRow, Mark
from cordbook.review.reporting.prisma_flow import DatabaseFlow, StudyFlow

CSS = (Path(cordbook.publish.__file__).parent / "assets" / "cordbook.css").read_text(encoding="utf-8")
PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><style>{css} body {{ margin: 0 }} {more}</style>
<div class="cb-figure" style="width: 800px">{svg}</div></html>"""
#: Of 0 to 1: what a shift of a hundredth of a point does to the shade of a dot on an edge; a line that is gone does far more.
SHADE = 0.35
#: Dots of a million that may differ by more: corners where such shifts meet.
FEW_DOTS = 20
#: A page's drawing has at most this share of the bytes of the file's.
SHARE = 0.5
#: Coordinates are rounded to a hundredth of a point, of which the page makes at most three px; text takes it twice where turned.
PLACE_PX = 0.1
LABELS = ["Ash & Oak 2001", "Birch <i>2004</i>", "Cedar 2010", "Dogwood 2013", "Elm 2015", "Fir 2020"]


def figures():
    pooled = pool_proportions([3, 5, 0, 7, 30, 1], [12, 20, 9, 11, 40, 30], labels=LABELS)
    nature = pool_proportions([10, 20], [100, 100], labels=["x", "y"])
    ratio = compare_arms([5, 7, 4, 9], [11, 260, 9, 9], [3, 100, 0, 0], [20, 170, 8, 900], labels=LABELS[:4], measure="OR")
    years = [2001, 2004, 2010, 2013, 2015, 2020]
    items = tuple(Item(i, i.upper(), "study", "?", "!", (), (), ()) for i in ("one", "two", "three"))
    answers = {"one": ["yes", "no", "yes"], "two": ["unclear", "does not apply", "no"], "three": ["yes", "yes", "yes"]}
    judged = pd.DataFrame(answers, index=["a", "b", "c"])
    shares = pd.DataFrame({"yes": [50.0, 20, 0], "no": [30.0, 30, 100], "unclear": [20.0, 50, 0]}, index=list(answers))
    marks = (Mark("animal", "harmful", 5, 2, 3), Mark("animal", "protective", 1, 0, 1), Mark("clinical", "none", 2, 0, 0))
    nothing = DatabaseFlow((("A", "database", None), ("R", "register", None)), *[None] * 10, (), None, None)
    reports = pd.DataFrame({"cell_therapy": [1, 0, 4], "natural_recovery": [0, 2, 0]}, index=[2001, 2002, 2003])
    return {
        "forest": forest_plot(pooled, title="T", natural=nature, links={LABELS[0]: "../a.html?b=1&c=2"}, figure_id="forest"),
        "groups": forest_plot(pooled, groups=[ForestGroup("A", pooled, nature), ForestGroup("B", nature)], figure_id="groups"),
        "ratio": forest_plot(ratio, figure_id="ratio"),
        "cumulative": cumulative_plot(pooled, years, title="T", figure_id="cumulative"),
        "funnel": funnel_plot(pooled, title="T", figure_id="funnel"),
        "baujat": baujat_plot(pooled, title="T", figure_id="baujat"),
        "bubble": bubble_plot(pooled, years, name="Year", title="T", figure_id="bubble"),
        "map": evidence_map((MapRow("Vessels", marks),), title="T"),
        "flow": prisma_flow(StudyFlow(nothing, 40, 40, 6, 34, 21, (("Case report", 9), ("<b>Other</b>", 4)))),
        "timeline": timeline(reports, [], {"cell_therapy": "Cell therapy", "natural_recovery": "Natural recovery"}),
        "lights": traffic_lights(judged, items, dict(zip("abc", LABELS, strict=False)), title="T"),
        "bars": item_bars(shares, items, title="T", unit="studies"),
    }


FIGURES = figures()


@pytest.fixture(scope="module")
def tab(browser):
    tab = browser.new_page(viewport={"width": 820, "height": 900}, device_scale_factor=2)
    yield tab
    tab.close()


def dots(tab, svg):
    """What is drawn but for text, on a page as wide as the book's, as dots of three shades from 0 to 1."""
    tab.set_content(PAGE.format(css=CSS, more="svg text { visibility: hidden }", svg=svg))
    return matplotlib.image.imread(io.BytesIO(tab.locator("svg").screenshot()))[:, :, :3]


def differing(one, other):
    """Dots of a million that differ by more than a shade."""
    assert one.shape == other.shape
    return 1e6 * float(np.mean(np.abs(one - other).max(axis=2) > SHADE))


def texts(tab, svg):
    """Every text with its look and, in px, its place."""
    tab.set_content(PAGE.format(css=CSS, more="", svg=svg))
    return tab.evaluate(
        """() => [...document.querySelectorAll('text')].map(t => {
             const s = getComputedStyle(t), r = t.getBoundingClientRect();
             return {look: [t.textContent.trim(), s.fill, s.fontSize, s.fontWeight, s.fontFamily, s.opacity, t.closest('a')?.href],
                     place: [r.left, r.right, r.top, r.bottom]};
           })"""
    )


@pytest.mark.parametrize("name", FIGURES)
def test_a_reader_sees_the_same_lines_and_areas(tab, name):
    svg = FIGURES[name].svg
    assert differing(dots(tab, svg), dots(tab, compact(svg, name))) <= FEW_DOTS


@pytest.mark.parametrize("name", FIGURES)
def test_a_reader_sees_the_same_words_in_the_same_places(tab, name):
    svg = FIGURES[name].svg
    before, after = texts(tab, svg), texts(tab, compact(svg, name))
    assert [t["look"] for t in before] == [t["look"] for t in after]
    assert [t["place"] for t in after] == [pytest.approx(t["place"], abs=PLACE_PX) for t in before]


def test_the_comparison_sees_a_line_that_is_gone(tab):
    svg = compact(FIGURES["forest"].svg, "x")
    lines = re.findall(r'<path d="M[\d.]+ [\d.]+H[\d.]+"/>', svg)
    assert len(lines) > 3
    assert differing(dots(tab, svg), dots(tab, svg.replace(lines[2], "", 1))) > FEW_DOTS


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_a_fraction_of_the_bytes_and_needs_no_style(name):
    svg = compact(FIGURES[name].svg, name)
    assert len(svg) < SHARE * len(FIGURES[name].svg)
    assert "style" not in svg


@pytest.mark.parametrize("name", FIGURES)
def test_ids_are_its_own_and_all_that_is_meant_is_there(name):
    svg = compact(FIGURES[name].svg, name)
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert all(i.startswith(f"{name}.") for i in ids)
    assert set(re.findall(r'(?:url\(|xlink:href=")#([^")]+)', svg)) == set(ids)
