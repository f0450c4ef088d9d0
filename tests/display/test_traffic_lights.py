"""Traffic lights and bars: as many lights as answers, each where its study and item are, told without colour too."""

import re
import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from cordbook.display.figures.traffic_lights import NO_COLOUR, YES_COLOUR, item_bars, traffic_lights
from cordbook.display.tables.method_tables import judged_table
from cordbook.review.appraisal.risk_of_bias import ANSWERS, Item, load_items

SVG = "{http://www.w3.org/2000/svg}"
ITEMS = tuple(Item(i, i.upper(), g, "?", "!", (), (), ()) for i, g in (("one", "study"), ("two", "study"), ("three", "reading")))
JUDGED = pd.DataFrame(
    {"one": ["yes", "no", "yes"], "two": ["unclear", "does not apply", "no"], "three": ["yes", "yes", "yes"]},
    index=["a", "b", "c"],
)
LABELS = {"a": "Ash 2001", "b": "Birch <i>2004</i>", "c": "Cedar 2010"}


def lights(figure, colour):
    """Centres of the lights of a colour, in the order of the drawing."""
    found = re.findall(rf'<use xlink:href="#[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*fill: {colour}', figure.svg)
    return [(float(x), float(y)) for x, y in found]


@pytest.fixture
def figure():
    return traffic_lights(JUDGED, ITEMS, LABELS, title="T")


def test_there_is_a_light_for_every_yes_and_no(figure):
    assert len(lights(figure, YES_COLOUR)) == 5
    assert len(lights(figure, NO_COLOUR)) == 2


def test_a_light_stands_where_its_study_and_item_are(figure):
    columns = sorted({x for x, _ in lights(figure, YES_COLOUR) + lights(figure, NO_COLOUR)})
    rows = sorted({y for _, y in lights(figure, YES_COLOUR) + lights(figure, NO_COLOUR)})
    assert (columns[0], rows[1]) in lights(figure, NO_COLOUR), "study b, item one"
    assert (columns[1], rows[2]) in lights(figure, NO_COLOUR), "study c, item two"
    assert (columns[2], rows[0]) in lights(figure, YES_COLOUR), "study a, item three"
    assert columns[2] - columns[1] > columns[1] - columns[0], "a gap between the groups"


def test_signs_tell_the_answers_without_colour(figure):
    """Each yes, no and unclear has a sign on its light: as many second marks as lights."""
    marks = re.findall(r'<use xlink:href="#[^"]*" x="([\d.]+)" y="([\d.]+)"', figure.svg)
    assert len(marks) == 2 * (5 + 2 + 1) + 1, "the dot of what does not apply has none"


def test_names_are_there_and_escaped(figure):
    shown = ["".join(node.itertext()).strip() for node in ET.fromstring(figure.svg).iter(f"{SVG}text")]
    assert {"Ash 2001", "Birch <i>2004</i>", "ONE", "THREE"} <= set(shown)
    assert "<i>2004" not in figure.to_html()


def test_words_give_the_counts(figure):
    assert "3 studies" in figure.alt
    assert "ONE: yes 2, no 1" in figure.alt
    assert "TWO: unclear 1, no 1, does not apply 1" in figure.alt


def test_no_study_is_an_error():
    with pytest.raises(ValueError, match="no study"):
        traffic_lights(JUDGED.iloc[:0], ITEMS, LABELS, title="T")


def test_bars_are_as_long_as_their_shares():
    shares = pd.DataFrame(
        [[50.0, 25, 25, 0], [0, 0, 100, 0], [10, 0, 0, 90]], index=["one", "two", "three"], columns=list(ANSWERS)
    )
    figure = item_bars(shares, ITEMS, title="T", unit="things")
    lengths = []
    for path in re.findall(rf'<path d="([^"]*)"[^>]*style="fill: {NO_COLOUR}', figure.svg):
        xs = [float(x) for x in re.findall(r"[ML] ([\d.]+) ", path)]
        lengths.append(max(xs) - min(xs))
    _, quarter, whole = lengths
    assert quarter / whole == pytest.approx(0.25, abs=0.01)
    assert "ONE: yes 50, unclear 25, no 25" in figure.alt


def test_the_table_has_a_sign_for_every_answer():
    table = judged_table(JUDGED, ITEMS, LABELS, {"a": "../studies/a.html"})
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["Ash 2001", "+", "?", "+"], ["Birch <i>2004</i>", "−", "·", "+"], ["Cedar 2010", "+", "−", "+"],
    ]  # fmt: skip
    assert '<a href="../studies/a.html">Ash 2001</a>' in table.to_html()


def test_the_items_of_the_review_fit_their_columns(root):
    """Names are short enough for the head of the drawing."""
    from matplotlib.textpath import TextPath

    from cordbook.display.figures import traffic_lights as module

    for item in load_items(root / "data"):
        assert TextPath((0, 0), item.name, size=module.FONT_PT).get_extents().width / 72 < module.HEAD_IN - 0.06, item.name
