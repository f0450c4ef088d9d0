"""Evidence maps: what is drawn is what was counted, shape and words beside colour, and no markup from data."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from cordbook.display.figures.evidence_map import SHAPES, evidence_map
from cordbook.display.figures.style import FONT, MUTED
from cordbook.review.claims.mechanisms import DIRECTIONS, EVIDENCE_TYPES, MapRow, Mark

SVG = "{http://www.w3.org/2000/svg}"


def texts(figure):
    return ["".join(node.itertext()).strip() for node in ET.fromstring(figure.svg).iter(f"{SVG}text")]


@pytest.fixture
def rows():
    return (
        MapRow("Vessels", (Mark("animal", "harmful", 5, 2, 3), Mark("animal", "protective", 1, 0, 1))),
        MapRow("Oxygen", (Mark("clinical", "protective", 3, 3, 0), Mark("unknown", "none", 2, 0, 0))),
    )


def test_counts_topics_and_sources_found_are_in_the_drawing(rows):
    shown = texts(evidence_map(rows, title="T"))
    for text in ("Vessels", "Oxygen", "5", "1", "3", "2 of 6", "3 of 5"):
        assert text in shown
    heads = " ".join(shown)
    assert all(word in heads for name in EVIDENCE_TYPES.values() for word in name.split())


def test_a_mark_without_any_source_asks(rows):
    shown = texts(evidence_map(rows, title="T"))
    assert "2?" in shown
    assert "5?" not in shown


def test_every_direction_has_a_shape_of_its_own_and_every_effect_a_colour_and_both_stand_in_the_legend(rows):
    assert set(SHAPES) == set(DIRECTIONS)
    assert len({shape for shape, _ in SHAPES.values()}) == len(SHAPES)
    colours = {direction: colour for direction, (_, colour) in SHAPES.items()}
    effects = {direction for direction, colour in colours.items() if colour != MUTED}
    assert effects == {"protective", "harmful", "mixed"}
    assert len({colours[direction] for direction in effects}) == len(effects)
    shown = texts(evidence_map(rows, title="T"))
    assert set(DIRECTIONS.values()) <= set(shown)


def test_the_legend_of_directions_is_one_line_within_the_figure(rows):
    """A direction that wrapped into a second line would stand over the legend below it."""
    svg = ET.fromstring(evidence_map(rows, title="T").svg)
    places = {}
    for node in svg.iter(f"{SVG}text"):
        name = "".join(node.itertext()).strip()
        if name in DIRECTIONS.values():
            moved = re.search(r"translate\(([\d.]+)[ ,]+([\d.]+)", node.get("transform", ""))
            places[name] = tuple(map(float, moved.groups() if moved else (node.get("x"), node.get("y"))))
    assert set(places) == set(DIRECTIONS.values())
    assert len({y for _, y in places.values()}) == 1
    size = FontProperties(family=FONT, size=9)
    ends = [x + TextPath((0, 0), name, prop=size).get_extents().width for name, (x, _) in places.items()]
    assert max(ends) <= float(svg.get("viewBox").split()[2])


def test_a_claim_that_states_no_direction_is_drawn_and_told(rows):
    row = MapRow("Dosing", (Mark("clinical", "neutral", 3, 2, 1), Mark("clinical", "harmful", 1, 1, 0)))
    figure = evidence_map((row, *rows), title="T")
    assert f"people, {DIRECTIONS['neutral']}: 3" in figure.alt
    assert f"{DIRECTIONS['neutral']}: 3" in figure.alt.split("source found for")[0]
    assert "3" in texts(figure)


def test_a_mark_is_filled_only_where_a_source_was_found():
    def fills(mark):
        svg = evidence_map((MapRow("A", (mark,)),), title="T").svg
        colour = SHAPES[mark.direction][1]
        return len(re.findall(rf"<use [^>]*fill: {colour}", svg))

    hollow = fills(Mark("animal", "harmful", 2, 0, 2))
    assert fills(Mark("animal", "harmful", 2, 1, 1)) == hollow + 1


def test_more_claims_make_a_larger_mark_up_to_a_limit():
    def width(claims):
        svg = evidence_map((MapRow("A", (Mark("animal", "mixed", claims, 0, claims),)),), title="T").svg
        return max(float(across) for across in re.findall(r'<path id="[^"]*" d="M [-\d.]+ ([\d.]+)', svg))

    assert width(1) < width(2) < width(4) < width(9) == width(40)


def test_marks_of_one_cell_do_not_overlap(rows):
    many = MapRow("A", tuple(Mark("review", d, 44, 0, 44) for d in DIRECTIONS))
    drawing = ET.fromstring(evidence_map((many, *rows), title="T").svg)
    numbers = [node for node in drawing.iter(f"{SVG}text") if "".join(node.itertext()).strip() == "44"]
    places = [
        tuple(
            map(
                float, (re.search(r"translate\(([\d.]+)[ ,]+([\d.]+)", n.get("transform", "")) or [0, n.get("x"), n.get("y")])[1:]
            )
        )
        if n.get("x") is not None
        else tuple(map(float, re.search(r"translate\(([\d.]+)[ ,]+([\d.]+)", n.get("transform"))[1:]))
        for n in numbers
    ]
    assert len(places) == len(DIRECTIONS)
    mark_and_number = 13 + 2 + 2 * 5.7
    for (x, y), (u, v) in itertools.combinations(places, 2):
        assert abs(x - u) >= mark_and_number or abs(y - v) >= 13


def test_the_alternative_text_and_the_caption_give_the_result(rows):
    figure = evidence_map(rows, title="Cord")
    assert "Cord: 11 claims" in figure.alt
    assert "people 3, animals 6, not seen 2" in figure.alt
    assert "source found for 5" in figure.alt
    assert "Vessels: animals, harms: 5; animals, protects or helps: 1." in figure.alt
    assert "found for 5 of them" in figure.caption
    assert "not studies" in figure.caption


def test_names_are_escaped(rows):
    nasty = '<script>alert(1)</script>&"'
    figure = evidence_map((MapRow(nasty, rows[0].marks),), title=nasty, figure_id="f")
    assert "<script" not in figure.to_html()
    assert nasty in texts(figure)


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="no claim to draw"):
        evidence_map((), title="T")


def test_the_same_map_has_the_same_bytes(rows):
    assert evidence_map(rows, title="T").svg == evidence_map(rows, title="T").svg
