"""The flow diagram: its numbers are those of the flow, empty boxes are empty, and it is narrow enough for a phone."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from cordbook.display.figures.prisma_flow import prisma_flow
from cordbook.display.tables.method_tables import flow_table, left_out_table
from cordbook.review.reporting.prisma_flow import DatabaseFlow, FlowError, Since, StudyFlow

SVG = "{http://www.w3.org/2000/svg}"
EMPTY = DatabaseFlow((("A", "database", None), ("B", "database", None), ("R", "register", None)), *[None] * 10, (), None, None)
FULL = DatabaseFlow(
    (("A", "database", 120), ("R", "register", 30)), identified=150, duplicates=18, known=2, screened=125, waiting=5, excluded=100, sought=25,
    not_retrieved=3, assessed=20, to_assess=2, excluded_reports=(("Animals", 8), ("No counts", 2)), reports=10, included=10, to_extract=0,
    by_source=(("A", 8), ("R", 2)),
)  # fmt: skip
FLOW = StudyFlow(EMPTY, 40, 40, 6, 34, 21, (("Case report", 9), ("<b>Other</b>", 4)))
PHONE_PX = 340


def words(figure):
    texts = ["".join(node.itertext()) for node in ET.fromstring(figure.svg).iter(f"{SVG}text")]
    return " ".join(" ".join(texts).split())  # no-break spaces too


def test_every_number_of_the_flow_is_drawn():
    shown = words(prisma_flow(FLOW))
    for text in (
        "Study reports: 40",
        "in the data: 40",
        "outcome: 34",
        "Without: 6",
        "synthesis: 21",
        "In none: 13",
        "Case report: 9",
    ):
        assert text in shown


def test_no_number_stands_in_a_box_whose_step_was_not_taken():
    shown = words(prisma_flow(FLOW))
    before = shown.split("Study reports: 40")[0].split("so every report is new.")[1]
    assert "2 databases: not yet" in before
    assert "1 register: not yet" in before
    assert re.findall(r"(?:Duplicates removed|Records screened|Reports sought|Reports assessed) not yet", before) == [
        "Duplicates removed not yet", "Records screened not yet", "Reports sought not yet", "Reports assessed not yet",
    ]  # fmt: skip
    assert re.findall(r"\d+", before) == ["2", "1"], "only the numbers of sources"


def test_a_search_fills_the_boxes():
    figure = prisma_flow(replace(FLOW, databases=FULL, by_other_methods=30))
    shown = words(figure)
    for text in (
        "identified: 150",
        "A: 120",
        "R: 30",
        "removed: 18",
        "screened: 125",
        "Waiting: 5",
        "sought: 25",
        "assessed: 20",
        "Animals: 8",
        "included: 10",
    ):
        assert text in shown
    for text in ("Studies included: 10 A: 8 R: 2", "New study reports: 40", "registers: 10; by other methods: 30"):
        assert text in shown
    assert "150 records" in figure.alt
    assert "A 8, R 2" in figure.alt
    assert "not yet" not in shown


def test_without_a_release_of_other_data_the_box_of_the_previous_version_says_so():
    figure = prisma_flow(FLOW)
    assert "Previous version: none" in words(figure)
    assert "No version with other data came before, so every report is new." in words(figure)
    assert "No version with other data came before" in figure.alt
    assert {row[0].text: row[1].text for row in flow_table(FLOW).rows}["Study reports in a version before these data"] == "0"


def test_a_living_review_counts_what_is_new_since_the_previous_version():
    since = Since("0.2.0", studies=36, gone=1, by_databases=2, by_other_methods=3)
    flow = replace(FLOW, databases=FULL, by_other_methods=30, since=since)
    figure = prisma_flow(flow)
    shown = re.sub(r"\s+", " ", words(figure))
    for text in (
        "Previous version 0.2.0: 36 study reports",
        "New study reports: 5",
        "registers: 2; by other methods: 3",
        "1 no longer stand",
        "the 5 new",
    ):
        assert text in shown
    assert "Version 0.2.0 held 36 study reports, of which 1 no longer stand; 5 are new" in figure.alt
    rows = {row[0].text: row[1].text for row in flow_table(flow).rows}
    assert (rows["Study reports in version 0.2.0"], rows["New since that version, by databases and registers"]) == ("36", "2")
    for wrong in (
        replace(since, gone=0),
        replace(since, by_other_methods=4),
        replace(since, studies=0, gone=-35),
        replace(since, by_databases=11, by_other_methods=-6),
    ):
        with pytest.raises(FlowError):
            prisma_flow(replace(flow, since=wrong))


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

    from cordbook.display.figures import prisma_flow as module
    from cordbook.display.figures.style import FONT

    since = replace(
        FLOW,
        by_other_methods=30,
        databases=FULL,
        since=Since("10.20.30", studies=36_000, gone=1_000, by_databases=2, by_other_methods=3),
    )
    wide = [
        module._previous_box(FLOW),
        module._previous_box(since),
        *(box for flow in (FLOW, since) for box, side in module._down_boxes(flow) if side is None),
    ]
    narrow = (*module._database_boxes(FULL), *module._database_boxes(EMPTY), *module._other_boxes(FLOW))
    limits = [(box, module.COLUMN_IN) for box in narrow] + [(box, module.WIDTH_IN - 2 * module.EDGE_IN) for box in wide]
    for box, limit in limits:
        for i, line in enumerate(text for part in box.lines for text in part.split("\n")):
            font = FontProperties(family=FONT, weight="bold" if i == 0 else "normal", size=module.FONT_PT)
            assert TextPath((0, 0), line, prop=font).get_extents().width / 72 <= limit - module.PAD_IN, line


def test_the_table_says_the_same():
    rows = {row[0].text: row[1].text for row in flow_table(FLOW).rows}
    assert rows["Records from A"] == "not yet"
    assert rows["Study reports in the data"] == "40"
    assert rows["In at least one synthesis"] == "21"
    assert [(r[0].text, r[1].text) for r in left_out_table(FLOW).rows] == [("Case report", "9"), ("<b>Other</b>", "4")]
    assert "<b>Other" not in left_out_table(FLOW).to_html()


def test_the_same_flow_gives_the_same_bytes():
    assert prisma_flow(FLOW).svg == prisma_flow(FLOW).svg


#: Of the 40 study reports by other methods 10 were listed as records, of 13 that were screened.
LISTED = DatabaseFlow(
    (("Look-ups", "other", 13),), identified=13, duplicates=0, known=0, screened=13, waiting=0, excluded=0, sought=13, not_retrieved=0,
    assessed=13, to_assess=0, excluded_reports=(("Animals", 2), ("No counts", 1)), reports=10, included=10, to_extract=0,
    by_source=(("Look-ups", 10),),
)  # fmt: skip


def test_what_other_methods_listed_is_drawn_and_stands_in_the_table():
    flow = replace(FLOW, listed=LISTED)
    figure, shown = prisma_flow(flow), words(prisma_flow(flow))
    for text in (
        "Study reports: 40",
        "Listed and screened: 13",
        "Excluded: 3",
        "Animals: 2",
        "what earlier look-ups left out was not logged",
    ):
        assert text in shown, text
    assert "was not logged" in words(prisma_flow(FLOW)) and "Listed and screened" not in words(prisma_flow(FLOW))
    # All that came by other methods was listed: nothing is left to be said of earlier look-ups.
    assert "earlier look-ups" not in words(prisma_flow(replace(flow, listed=_with(LISTED, 40))))
    rows = [(row[0].text, row[1].text) for row in flow_table(flow).rows]
    assert ("of what they found, listed as records", "13") in rows
    assert ("of these excluded: Animals", "2") in rows and ("of these study reports in the data", "10") in rows
    assert not any("listed as records" in name for name, _ in [(row[0].text, row[1].text) for row in flow_table(FLOW).rows])
    assert figure.width_px <= PHONE_PX
    for number in (13, 3, 10):
        assert re.search(rf"\b{number}\b", figure.alt), figure.alt


def _with(listed, included):
    more = included - listed.included
    return replace(
        listed, sources=(("Look-ups", "other", 13 + more),), identified=13 + more, screened=13 + more, sought=13 + more,
        assessed=13 + more, reports=included, included=included, by_source=(("Look-ups", included),),
    )  # fmt: skip


def test_listed_records_that_do_not_add_up_are_not_drawn():
    for wrong in (
        replace(LISTED, screened=12),
        replace(LISTED, included=11),
        replace(LISTED, excluded_reports=(("Animals", 2),)),
    ):
        with pytest.raises(FlowError, match="flow of records does not add up"):
            prisma_flow(replace(FLOW, listed=wrong))
    # More of them than reports came by other methods at all.
    with pytest.raises(FlowError, match="listed by other methods: 41; found by them: 40"):
        prisma_flow(replace(FLOW, listed=_with(LISTED, 41)))


def test_listed_records_that_wait_or_went_early_are_told_too():
    waiting = replace(LISTED, identified=20, sources=(("Look-ups", "other", 20),), screened=16, waiting=4, excluded=3)
    flow = replace(FLOW, listed=waiting)
    assert "Waiting to be screened: 4" in words(prisma_flow(flow))
    assert "Excluded by title or abstract: 3" in words(prisma_flow(flow))
    rows = {row[0].text: row[1].text for row in flow_table(flow).rows}
    assert (rows["of these waiting to be screened"], rows["of these excluded by title or abstract"]) == ("4", "3")
    alt = prisma_flow(flow).alt
    assert "16 records were listed and screened: 6 excluded (by title or abstract 3, animals 2, no counts 1)" in alt
    assert "waiting to be screened: 4" in alt
