"""The flow diagram: its numbers are those of the flow, empty boxes are empty, and it is narrow enough for a phone."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from cordbook.figures.method_tables import flow_table, left_out_table
from cordbook.figures.prisma_flow import prisma_flow
from cordbook.review.flow import DatabaseFlow, FlowError, StudyFlow

SVG = "{http://www.w3.org/2000/svg}"
EMPTY = DatabaseFlow((("A", "database", None), ("B", "database", None), ("R", "register", None)), *[None] * 10, (), None, None)
FULL = DatabaseFlow(
    (("A", "database", 120), ("R", "register", 30)), identified=150, duplicates=18, known=2, screened=125, waiting=5, excluded=100, sought=25,
    not_retrieved=3, assessed=20, to_assess=2, excluded_reports=(("Animals", 8), ("No counts", 2)), reports=10, included=10, to_extract=0,
)  # fmt: skip
FLOW = StudyFlow(EMPTY, 40, 40, 6, 34, 21, (("Case report", 9), ("<b>Other</b>", 4)))
PHONE_PX = 340


def words(figure):
    return " ".join("".join(node.itertext()).strip() for node in ET.fromstring(figure.svg).iter(f"{SVG}text"))


def test_every_number_of_the_flow_is_drawn():
    shown = words(prisma_flow(FLOW))
    for text in ("Study reports: 40", "in the data: 40", "outcome: 34", "Without: 6", "synthesis: 21", "In none: 13", "Case report: 9"):
        assert text in shown


def test_no_number_stands_in_a_box_whose_step_was_not_taken():
    shown = words(prisma_flow(FLOW))
    before = shown.split("Study reports: 40")[0]
    assert "2 databases: not yet" in before
    assert "1 register: not yet" in before
    assert re.findall(r"(?:Duplicates removed|Records screened|Reports sought|Reports assessed) not yet", before) == [
        "Duplicates removed not yet", "Records screened not yet", "Reports sought not yet", "Reports assessed not yet",
    ]  # fmt: skip
    assert re.findall(r"\d+", before) == ["2", "1"], "only the numbers of sources"


def test_a_search_fills_the_boxes():
    figure = prisma_flow(replace(FLOW, databases=FULL, by_other_methods=30))
    shown = words(figure)
    for text in ("identified: 150", "A: 120", "R: 30", "removed: 18", "screened: 125", "Waiting: 5", "sought: 25", "assessed: 20", "Animals: 8", "included: 10"):
        assert text in shown
    assert "150 records" in figure.alt
    assert "not yet" not in shown


def test_a_flow_that_does_not_add_up_is_not_drawn():
    with pytest.raises(FlowError):
        prisma_flow(replace(FLOW, in_synthesis=22))


def test_words_for_those_who_cannot_see_it_hold_every_number():
    alt = prisma_flow(FLOW).alt
    assert "No database and no register has been searched yet" in alt
    for number in (40, 34, 6, 21, 13, 9):
        assert re.search(rf"\b{number}\b", alt)


def test_it_fits_a_phone_and_no_text_becomes_markup():
    figure = prisma_flow(FLOW)
    assert figure.width_px <= PHONE_PX
    assert "<b>Other" not in figure.to_html()


def test_all_text_stays_inside_its_box():
    """No line is wider than the box that it stands in, as far as the drawing's own font tells."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    from cordbook.figures import prisma_flow as module

    for box in (*module._database_boxes(FULL), *module._database_boxes(EMPTY), *module._other_boxes(FLOW)):
        for i, line in enumerate(text for part in box.lines for text in part.split("\n")):
            font = FontProperties(family="DejaVu Sans", weight="bold" if i == 0 else "normal", size=module.FONT_PT)
            assert TextPath((0, 0), line, prop=font).get_extents().width / 72 <= module.COLUMN_IN - module.PAD_IN, line


def test_the_table_says_the_same():
    rows = {row[0].text: row[1].text for row in flow_table(FLOW).rows}
    assert rows["Records from A"] == "not yet"
    assert rows["Study reports in the data"] == "40"
    assert rows["In at least one synthesis"] == "21"
    assert [(r[0].text, r[1].text) for r in left_out_table(FLOW).rows] == [("Case report", "9"), ("<b>Other</b>", "4")]
    assert "<b>Other" not in left_out_table(FLOW).to_html()


def test_the_same_flow_gives_the_same_bytes():
    assert prisma_flow(FLOW).svg == prisma_flow(FLOW).svg
