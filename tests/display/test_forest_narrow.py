"""The narrow drawing of a forest plot: what the wide one shows, legible on a phone, and only one of the two is met."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cordbook.publish
from cordbook import compare_arms, pool_proportions
from cordbook.display.figures.diagnostics import leave_one_out_plot
from cordbook.display.figures.forest import ForestGroup, forest_plot
from cordbook.display.figures.forest_narrow import WIDTH, Row, Scale, narrow_forest
from cordbook.display.figures.thinning import MOST_STUDIES

CSS = (Path(cordbook.publish.__file__).parent / "assets" / "cordbook.css").read_text(encoding="utf-8")
#: What a reader needs on a phone without zoom, in px.
LEGIBLE_PX = 12.9
PAGE = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><style>body {{ margin: 24px; font-family: {font} }}
{css}</style></head><body>{body}</body></html>"""


def texts(svg):
    return ["".join(node.itertext()).strip() for node in ET.fromstring(svg).iter("text")]


def series(number, name="Study {:03d}"):
    sizes = [20 + (7 * i) % 60 for i in range(number)]
    return pool_proportions([s // 4 for s in sizes], sizes, labels=[name.format(i) for i in range(number)], model="reml")


@pytest.fixture(scope="module")
def figures():
    """One of each kind: shares with nature, groups with their own, ratios, differences, many studies, no event, long names."""
    long = [
        "Surgical Consortium for Regeneration 2010, second report",
        "Akhlaghpasand-Mohammadzadeh 2025b",
        "Wu 2001",
        "<b>X</b> & Y 1999",
    ]
    nature = pool_proportions([10, 20], [100, 100], labels=["x", "y"])
    few = pool_proportions([3, 5, 0, 7], [12, 20, 9, 11], labels=long)
    ratio = compare_arms(
        [5, 7, 4], [11, 260, 9], [3, 100, 0], [20, 170, 8], labels=["Ash", "Birch", "Cedar"], measure="OR", model="reml"
    )
    difference = compare_arms([5, 7], [11, 26], [3, 10], [20, 17], labels=["Ash", "Birch"], measure="RD", model="reml")
    return (
        forest_plot(few, title="Few", natural=nature, links={long[0]: "../studies/a.html"}, figure_id="few"),
        forest_plot(
            few,
            groups=[
                ForestGroup("Trees that lose their leaves in winter, and others", few, nature),
                ForestGroup("Shrubs", nature),
            ],
            figure_id="groups",
        ),
        forest_plot(ratio, figure_id="ratio"),
        forest_plot(difference, figure_id="difference"),
        forest_plot(series(120), rest="../rows/many.csv", figure_id="many"),
        forest_plot(pool_proportions([0, 0, 0], [3000, 2000, 5000]), figure_id="no-event"),
        leave_one_out_plot(series(6), title="Six", figure_id="without"),
    )


def test_it_shows_what_the_wide_drawing_shows(figures):
    for figure in figures:
        wide = ["".join(t.itertext()).strip() for t in ET.fromstring(figure.svg).iter("{http://www.w3.org/2000/svg}text")]
        told = "".join(texts(figure.narrow)).replace(" ", "")  # long names stand in two lines
        for text in wide:
            # Weights are shown by the squares alone; the name of natural recovery gets its numbers; ticks may be thinned.
            if re.fullmatch(r"[\d.]+|Weight, %|[−+]\d+|natural recovery|", text):
                continue
            assert text.replace(" ", "") in told, (figure.id, text)


def test_it_has_no_id_no_style_and_few_bytes(figures):
    for figure in figures:
        assert not re.search(r'\s(id|style|on\w+)="', figure.narrow), figure.id
        assert len(figure.narrow) < 0.4 * len(figure.svg), figure.id


def test_links_and_names_are_text(figures):
    assert '<a href="../studies/a.html">' in figures[0].narrow
    assert '<a href="../rows/many.csv">' in figures[4].narrow
    assert "<b>X</b> & Y 1999" in texts(figures[0].narrow)
    assert "<b>" not in figures[0].narrow


def test_of_many_studies_the_same_are_drawn(figures):
    seen = [set(re.findall(r"Study \d{3}", re.sub(r"<[^>]+>", " ", svg))) for svg in (figures[4].svg, figures[4].narrow)]
    assert seen[0] == seen[1]
    assert len(seen[0]) == MOST_STUDIES


def test_positions_follow_the_values():
    result = pool_proportions([3, 5, 0, 7], [12, 20, 9, 11], labels=list("abcd"))
    squares = [float(x) for x in re.findall(r'<rect x="([-\d.]+)"', forest_plot(result).narrow)]
    widths = [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"', forest_plot(result).narrow)]
    middles = [x + w / 2 for x, w in zip(squares, widths, strict=True)]
    shares = [s.estimate for s in result.studies]
    scale = [(m - middles[2]) / (s - shares[2]) for m, s in zip(middles, shares, strict=True) if s != shares[2]]
    assert max(scale) - min(scale) < 1


finite = st.floats(-1e6, 1e6)
words = [st.text(max_size=80), st.text(max_size=18), st.text(max_size=14)]
numbers = [st.none() | finite] * 3
kinds = st.sampled_from(["study", "pooled", "prediction", "bare", "published", "ours"])
rows = st.builds(Row, kinds, *words, *numbers, st.floats(0, 1), st.none() | st.just("x.html"))


@given(st.lists(rows, min_size=1, max_size=12), st.floats(0.01, 0.9), st.floats(1, 300), st.booleans())
@settings(deadline=None, max_examples=150)
def test_whatever_the_rows_the_drawing_is_sound_and_within_its_width(found, low, high, log):
    scale = Scale(low, high, ((low, "low"), (1.0, "1"), (high, "high")), "Scale", log)
    svg = narrow_forest(found, scale, heads=("Study", "% (95% CI)", "Events/n"), null=1.0, pooled=1.0)
    root = ET.fromstring(svg)
    tall = float(root.get("viewBox").split()[3])
    for node in root.iter():
        assert -7 <= float(node.get("x", 0)) <= WIDTH + 7
        assert float(node.get("y", 0)) <= tall
        for x in re.findall(r"[ML](-?[\d.]+)", node.get("d", "")):
            assert -7 <= float(x) <= WIDTH + 7


@pytest.fixture
def opened(browser, figures):
    tab = browser.new_page(viewport={"width": 360, "height": 740})
    yield tab
    tab.close()


@pytest.mark.parametrize("font", ["sans-serif", "'DejaVu Sans'"])
def test_on_a_phone_it_is_legible_and_nothing_scrolls_or_overlaps(opened, figures, font):
    opened.set_content(PAGE.format(font=font, css=CSS, body="".join(figure.to_html() for figure in figures)))
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    assert (
        opened.evaluate("[...document.querySelectorAll('.cb-figure-scroll')].filter(b => b.scrollWidth > b.clientWidth).length")
        == 0
    )
    found = opened.evaluate(
        """() => [...document.querySelectorAll('svg.cb-narrow')].map(svg => {
             const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
             const texts = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim()).map(t => {
               const r = t.getBoundingClientRect();
               return {words: t.textContent, px: parseFloat(getComputedStyle(t).fontSize) * scale,
                       l: r.left - box.left, r: box.right - r.right, x: [r.left, r.right], y: [r.top + 2, r.bottom - 2]};
             });
             return {width: box.width, texts};
           })"""
    )
    assert len(found) == len(figures)
    for figure, seen in zip(figures, found, strict=True):
        assert seen["width"] == pytest.approx(WIDTH)
        for text in seen["texts"]:
            assert text["px"] >= LEGIBLE_PX, (figure.id, text)
            assert text["l"] >= -0.5, (figure.id, text)
            assert text["r"] >= -0.5, (figure.id, text)
        for i, one in enumerate(seen["texts"]):
            for other in seen["texts"][i + 1 :]:
                apart = (
                    one["x"][1] <= other["x"][0]
                    or other["x"][1] <= one["x"][0]
                    or one["y"][1] <= other["y"][0]
                    or other["y"][1] <= one["y"][0]
                )
                assert apart, (figure.id, one["words"], other["words"])


VISIBLE = "s => [...document.querySelectorAll(s)].filter(n => n.checkVisibility()).length"


def test_only_one_of_the_two_drawings_is_met(opened, figures):
    opened.set_content(PAGE.format(font="sans-serif", css=CSS, body=figures[0].to_html()))
    both = ("svg.cb-narrow", ".cb-figure-canvas svg")
    assert [opened.evaluate(VISIBLE, s) for s in both] == [1, 0]
    assert opened.evaluate(VISIBLE, "svg a") == 1
    assert opened.get_by_role("group", name=figures[0].alt).count() == 1
    opened.emulate_media(media="print")
    assert [opened.evaluate(VISIBLE, s) for s in both] == [0, 1]
    opened.emulate_media(media="screen")
    opened.set_viewport_size({"width": 1000, "height": 740})
    assert [opened.evaluate(VISIBLE, s) for s in both] == [0, 1]
    assert opened.evaluate(VISIBLE, "svg a") == 1


def test_without_the_style_sheet_the_wide_one_alone_is_there(opened, figures):
    opened.set_content(PAGE.format(font="sans-serif", css="", body=figures[0].to_html()))
    assert opened.evaluate(VISIBLE, "svg.cb-narrow") == 0
    assert opened.evaluate(VISIBLE, ".cb-figure-canvas svg") == 1
