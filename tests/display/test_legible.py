"""Figures as a reader meets them: letters large enough, words that do not meet, marks within their columns; wide and on a phone."""

import base64
import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import cordbook.publish
from cordbook import (
    compare_arms,
    funnel_effects,
    leave_one_out_effects,
    meta_regression,
    pool_effects,
    pool_proportions,
    two_arm_effects,
)
from cordbook.display.figures.axes import PercentScale, place_names, text_width, with_room, wrapped
from cordbook.display.figures.diagnostics import baujat_plot, bubble_plot, effect_funnel_plot, funnel_plot, leave_one_out_plot
from cordbook.display.figures.diagnostics.funnel import funnel_limits
from cordbook.display.figures.evidence_map import evidence_map
from cordbook.display.figures.forest import Appraisal, ForestGroup, forest_plot
from cordbook.display.figures.style import FONT, NO_ALONE, YES_ALONE
from cordbook.review.claims.mechanisms import DIRECTIONS, EVIDENCE_TYPES, MapRow, Mark
from cordbook.synthesis.bias.trim_fill import FilledStudy

ASSETS = Path(cordbook.publish.__file__).parent / "assets"
#: The fonts of the book within the page, which has no address of its own to load them by.
FONTS = re.sub(
    r'url\("(fonts/[^"]+)"\)',
    lambda m: f"url(data:font/woff2;base64,{base64.b64encode((ASSETS / m[1]).read_bytes()).decode()})",
    (ASSETS / "fonts.css").read_text(encoding="utf-8"),
)
CSS = FONTS + (ASSETS / "cordbook.css").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"
#: The column of text on a screen of 1280 px, and what a figure has on a phone of 375 px.
DESKTOP_PX, PHONE_PX = 672, 343
LEGIBLE_PX = 12.9
FAMILY = f"'{FONT}'"
PAGE = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><style>body {{ margin: 0; font-family: {font}; width: {width}px }}
{css}</style></head><body>{body}</body></html>"""
BOXES = """() => [...document.querySelectorAll('figure.cb-figure')].map(figure => {
  const svg = [...figure.querySelectorAll('svg')].find(s => s.checkVisibility());
  const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
  return {id: figure.id, wide: box.width, scrolls: svg.closest('.cb-figure-scroll').scrollWidth > svg.closest('.cb-figure-scroll').clientWidth,
    texts: [...svg.querySelectorAll('text')].filter(t => t.textContent.trim()).map(t => {
      const r = t.getBoundingClientRect();
      return {words: t.textContent, px: parseFloat(getComputedStyle(t).fontSize) * scale,
              x: [r.left - box.left, r.right - box.left], y: [r.top + 3, r.bottom - 3]};
    })};
})"""
ITEMS = tuple((name, name) for name in ("Control group", "Randomised", "Registration known", "Everybody counted"))


@pytest.fixture(scope="module")
def result():
    labels = ["Ash 2001", "Birch-Mohammadzadeh 2004", "Unidentified, 1996 (J Jpn Soc)", "Dogwood 2013", "Elm 2014", "Fir 2020"]
    return pool_proportions([120, 5, 0, 7, 9, 4], [277, 20, 9, 11, 9, 10], labels=labels)


@pytest.fixture(scope="module")
def figures(result):
    nature = pool_proportions([10, 20], [100, 100], labels=["x", "y"])
    labels = [s.label for s in result.studies]
    known = Appraisal(ITEMS, dict.fromkeys(labels, ("yes", "no", "unclear", "does not apply")), frozenset(labels[:3]))
    ratio = compare_arms(
        [45, 7, 4, 50], [129, 260, 9, 80], [14, 100, 0, 1], [95, 170, 8, 80], labels=labels[:4], measure="OR", model="reml"
    )
    rare = pool_proportions([2, 0, 4, 0, 3], [1112, 437, 50, 7, 350], labels=labels[:5])
    years = [2003.0, 2008.0, 2011.0, 2012.0, 2016.0, 2024.0]
    marks = tuple(Mark(kind, d, 44, 3, 41) for kind in ("clinical", "review", "unknown") for d in DIRECTIONS)
    rows = (MapRow("Scaffolds made of what is left of a cord without its cells", marks), MapRow("A", marks[:1]))
    logs = two_arm_effects([45, 7, 4, 50], [129, 260, 9, 80], [14, 100, 0, 1], [95, 170, 8, 80])
    effects = pool_effects(logs.yi, logs.vi, labels=labels[:4])
    without = leave_one_out_effects(logs.yi, logs.vi, labels=labels[:4])
    filled = (FilledStudy(labels[0], -4.0, 0.3), FilledStudy(labels[1], -5.5, 1.2))
    line = meta_regression(logs.yi, logs.vi, {"Year of publication": years[:4]}, labels=labels[:4])
    return (
        forest_plot(
            result, natural=nature, alike=labels[:2], appraisal=known, people="patients", details=False, figure_id="shares"
        ),
        forest_plot(result, groups=[ForestGroup("Trees that lose their leaves in winter", result, nature)], figure_id="groups"),
        forest_plot(ratio, appraisal=known, figure_id="ratio"),
        forest_plot(rare, figure_id="rare"),
        leave_one_out_plot(result, title="T", figure_id="without"),
        funnel_plot(result, title="T", figure_id="funnel"),
        baujat_plot(result, title="T", figure_id="baujat"),
        bubble_plot(result, years, name="Year of publication", title="T", figure_id="bubble"),
        leave_one_out_plot(effects, found=without, title="T", figure_id="without-effects"),
        leave_one_out_plot(ratio, found=without.transformed(np.exp, "OR"), title="T", figure_id="without-ratio"),
        effect_funnel_plot(ratio, funnel_effects(logs.yi, logs.vi), filled=filled, title="T", figure_id="funnel-ratio"),
        bubble_plot(
            effects,
            years[:4],
            found=line,
            name="Year of publication",
            foot=("A sentence " * 12,),
            title="T",
            figure_id="bubble-effects",
        ),
        evidence_map(rows, title="T", figure_id="map"),
    )


def meet(one, other):
    return all(one[a][0] < other[a][1] - 0.5 and other[a][0] < one[a][1] - 0.5 for a in "xy")


@pytest.mark.parametrize("width", [DESKTOP_PX, PHONE_PX])
def test_letters_are_large_and_words_meet_neither_each_other_nor_the_edge(browser, figures, width):
    tab = browser.new_page(viewport={"width": max(width, 375) if width < 600 else 1280, "height": 800})
    tab.set_content(PAGE.format(font=FAMILY, css=CSS, width=width, body="".join(f.to_html() for f in figures)))
    assert tab.evaluate(f'document.fonts.ready.then(() => document.fonts.check("12px {FONT}"))')
    seen = {one["id"]: one for one in tab.evaluate(BOXES)}
    tab.close()
    if width == PHONE_PX:  # a map has its columns, and scrolls within its box
        assert not {name for name, one in seen.items() if one["scrolls"]} - {"map"}
        del seen["map"]
    for name, one in seen.items():
        for text in one["texts"]:
            assert text["px"] >= LEGIBLE_PX, (name, text)
            assert text["x"][0] >= -1.2, (name, text)
            assert text["x"][1] <= one["wide"] + 0.6, (name, text)
        for a, b in itertools.combinations(one["texts"], 2):
            assert not meet(a, b), (name, a["words"], b["words"])


def test_more_than_two_fifths_of_a_forest_plot_is_drawing(figures):
    for figure in figures[:2]:
        drawing = ET.fromstring(figure.svg)
        clip = next(drawing.iter(f"{SVG}clipPath"))[0]
        assert float(clip.get("width")) > 0.4 * float(drawing.get("viewBox").split()[2])


def test_marks_and_heads_of_a_map_stay_in_their_columns(browser, figures):
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.set_content(PAGE.format(font=FAMILY, css=CSS, width=DESKTOP_PX, body=figures[-1].to_html()))
    tab.evaluate("document.fonts.ready")
    seen = tab.evaluate(
        """() => { const svg = document.querySelector('.cb-figure-canvas svg'), parts = [...svg.querySelectorAll('path,circle,use,text')];
             return parts.map(n => [n.getBoundingClientRect(), n.textContent]).map(([r, t]) => [r.left, r.right, r.top, r.bottom, t]); }"""
    )
    tab.close()
    upright = [(left, bottom) for left, right, top, bottom, _ in seen if right - left < 1.5 and bottom - top > 60]
    edges, foot = sorted({round(left) for left, _ in upright}), max(bottom for _, bottom in upright)
    assert len(edges) == len(EVIDENCE_TYPES) + 1
    inside = [one for one in seen if 1.5 < one[1] - one[0] < 300 and one[0] > edges[0] and one[3] <= foot + 1]
    assert len(inside) > 3 * 5 * 2
    for left, right, _, _, words in inside:
        assert not any(left < edge - 1 < right - 2 for edge in edges), (left, right, words)


# ---------------------------------------------------------------------------------------------------- rules


def test_ticks_whose_words_would_meet_are_left_out():
    assert [word for _, word in with_room([(0, "1"), (60, "10"), (100, "100"), (90, "50")])] == ["1", "10", "100"]
    kept = with_room([(at, "1000") for at in range(0, 200, 7)])
    assert all(b - a >= text_width("1000") for (a, _), (b, _) in itertools.pairwise(kept))


def test_a_name_without_blanks_leaves_the_drawing_its_room():
    """A stranger's table may call studies by address; the name is whole, in as many lines as it needs."""
    address = "https://doi.org/10.1000/an-identifier-without-any-blank-in-it-" + 3 * "and-on-and-on-"
    assert "".join(wrapped(address, 150)) == address
    assert all(text_width(line) <= 150 for line in wrapped(f"+ {address}", 150))
    named = pool_proportions([3, 5, 2], [12, 20, 9], labels=[address, "B", "C"])
    for figure in (forest_plot(named), leave_one_out_plot(named, title="T", figure_id="f")):
        assert figure.drawing.axes[0].get_position().width > 0.3


def test_the_scale_of_shares_follows_from_the_data():
    none_at_all = PercentScale.of([0.0] * 5, [0.015], 0.0)
    assert (none_at_all.kind, none_at_all.end) == ("linear", 10)
    rare_but_spread = PercentScale.of([0.0, 0.0, 0.02, 0.45], [])
    assert rare_but_spread.kind == "root"
    assert PercentScale.of([0.03, 0.08], [0.11, 0.21], 0.023) == PercentScale("root", 40)
    assert PercentScale.of([0.1, 0.5, 1.0], [0.59, 0.82], 0.51) == PercentScale("linear", 100)


def test_a_stretched_axis_is_named_and_both_drawings_use_it(figures):
    rare = figures[3]
    assert "square-root scale" in rare.svg and "square-root scale" in rare.narrow
    assert "stretched near 0" in rare.caption
    assert "stretched" not in figures[0].caption


def test_names_of_points_meet_no_name_and_no_point():
    rng = np.random.default_rng(3)
    points = [(float(x), float(y)) for x, y in rng.uniform(20, 180, (12, 2))]
    names = [f"Study-{i} 2001" for i in range(12)]
    boxes = []
    for name, place in zip(names, place_names(names, points, points, (400, 200)), strict=True):
        if place is not None:
            x, y, way = place
            left = x - text_width(name) * {"left": 0, "center": 0.5, "right": 1}[way]
            boxes.append({"x": [left, left + text_width(name)], "y": [y - 5, y + 5]})
    assert len(boxes) > 5
    assert not any(meet(a, b) for a, b in itertools.combinations(boxes, 2))


@pytest.mark.parametrize("centre", [0.02, 0.3, 0.51])
def test_the_edges_of_a_funnel_have_no_teeth_and_judge_as_the_exact_limits(centre):
    from scipy import stats

    n = np.arange(1, 300).astype(float)
    low, high = funnel_limits(n, centre, 0.95)
    assert (np.diff(low) >= -1e-9).all(), "the lower edge goes back and forth"
    free = high < 1 - 1e-9
    assert (np.diff(high[free]) <= 1e-9).all(), "the upper edge goes back and forth"
    for size, a, b in zip(n.astype(int), low, high, strict=True):
        counts = np.arange(size + 1)
        exact = (counts >= stats.binom.ppf(0.025, size, centre)) & (counts <= stats.binom.ppf(0.975, size, centre))
        assert (exact == ((counts >= a * size - 1e-7) & (counts <= b * size + 1e-7))).all(), size


# ------------------------------------------------------------------------------------- like people, lights, notices


def bands(figure):
    return figure.svg.count("opacity: 0.22")


def test_natural_recovery_stands_behind_like_people_alone(result):
    nature = pool_proportions([10, 20], [100, 100], labels=["x", "y"])
    labels = [s.label for s in result.studies]
    one = forest_plot(result, natural=nature, alike=[labels[1]])
    apart = forest_plot(result, natural=nature, alike=[labels[0], labels[1], labels[4]])
    none = forest_plot(result, natural=nature, alike=[])
    key = 1
    assert bands(one) == 1 + key
    assert bands(apart) == 2 + key, "neighbours share a band"
    assert bands(none) == 0
    assert "behind 1 of 6 rows" in one.caption
    assert "not drawn" in none.caption and "Natural recovery:" not in none.alt
    assert one.narrow.count("cb-natural-line") == 1
    assert none.narrow.count("cb-natural") == 0


def test_lights_and_notices_stand_beside_their_rows_and_are_said(figures):
    figure = figures[0]
    assert figure.svg.count(YES_ALONE) == figure.svg.count(NO_ALONE) == 1, "all lights of one answer are one path"
    path = next(node for node in ET.fromstring(figure.svg).iter(f"{SVG}path") if YES_ALONE in (node.get("style") or ""))
    assert path.get("d").count("M") == 6
    assert figure.narrow.count("cb-light-yes") == 6
    assert figure.narrow.count("cb-notice-mark") == 3
    for text in (figure.caption, figure.alt):
        assert "A control group, B randomised" in text
        assert "on record (Ash 2001; Birch-Mohammadzadeh 2004; Unidentified, 1996 (J Jpn Soc))" in text


def test_an_item_that_applies_to_no_study_has_no_column(result):
    answers = {s.label: ("yes", "does not apply") for s in result.studies}
    figure = forest_plot(result, appraisal=Appraisal((("a", "Item one"), ("b", "Item two")), answers))
    assert "A item one;" in figure.caption and "tem two" not in figure.caption


def test_what_is_drawn_can_be_taken_as_csv(figures):
    for figure in figures:
        assert figure.data.count("\n") >= 2, figure.id
        assert f"<template>{figure.data[:6]}" in figure.to_html()
    assert "study,Ash 2001,120/277,0.433213," in figures[0].data
    assert figures[0].data.splitlines()[0] == "kind,name,counts,estimate,low,high,weight_percent"


def test_every_figure_shows_its_own_address(figures):
    for figure in figures:
        assert f'id="{figure.id}"' in figure.to_html() and f'href="#{figure.id}"' in figure.to_html()


@pytest.mark.parametrize("kind", ["SVG", "PNG", "data (CSV)"])
def test_a_figure_is_downloaded_from_the_disk_with_its_title_and_source(browser, figures, tmp_path, kind):
    figure = figures[0]
    script = (Path(cordbook.publish.__file__).parent / "assets" / "figures.js").read_text(encoding="utf-8")
    (tmp_path / "figures.js").write_text(script, encoding="utf-8")
    page = PAGE.format(font="sans-serif", css=CSS, width=DESKTOP_PX, body=figure.to_html())
    head = '<meta name="cordbook:edition" content="Cordbook 9.9"><script src="figures.js" defer></script></head>'
    (tmp_path / "page.html").write_text(page.replace("</head>", head), encoding="utf-8")
    tab = browser.new_page(viewport={"width": 375, "height": 800})
    tab.goto((tmp_path / "page.html").as_uri())
    with tab.expect_download() as got:
        tab.get_by_role("button", name=f"Download {kind}").click()
    name, content = got.value.suggested_filename, Path(got.value.path()).read_bytes()
    tab.close()
    assert name == f"{figure.id}.{kind[-4:-1].lower() if kind.endswith(')') else kind.lower()}"
    if kind == "PNG":
        assert content[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(content[16:20], "big") > 1200
    elif kind == "SVG":
        said = " ".join("".join(node.itertext()) for node in ET.fromstring(content).iter(f"{SVG}text"))
        assert said.startswith(figure.title) and "Source: Cordbook 9.9, figure shares" in said
        assert b"var(" not in content and "Ash 2001" in said
    else:
        assert content.decode("utf-8-sig").replace("\r\n", "\n") == figure.data
