"""The parts of the first page: a hundred people, the cord, the summary of findings."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordbook.display.html.icon_array import IconArray
from cordbook.display.tables.estimate_tables import NOBODY, summary_of_findings
from cordbook.errors import InputError
from cordbook.notebook import Review
from cordbook.review.appraisal.certainty import rate_steps
from cordbook.review.estimates.phrases import counts_of, phrase
from cordbook.subject.cord_drawing import GRADES, MOVES, REGIONS, CordDrawing


@pytest.fixture(scope="module")
def review(estimates):
    return Review(estimates)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_hundred_dots_and_no_doubt_is_rounded_away(one, other):
    low, high = sorted((one, other))
    array = IconArray("With", low, high, "t", "r", "treated")
    sure, perhaps, no = array.counts
    assert sure + perhaps + no == 100 and min(array.counts) >= 0
    assert sure <= 100 * low + 1e-6 and sure + perhaps >= 100 * high - 1e-6
    drawn = array.to_html()
    # A ring is drawn twice: the dot, and the hole in it.
    assert drawn.count("h0") == 100 + perhaps
    assert array.alt in drawn and f"{sure} for sure" in array.alt


def test_groups_say_the_numbers_of_their_estimates(review):
    (question,) = review.hundreds(
        [{"title": "T", "estimate": "ais-improved-cell-therapy-early-a", "without": "natural-ais-a-acute"}]
    ).questions
    nature, treated = question.groups
    for group, e in ((nature, review["natural-ais-a-acute"]), (treated, review["ais-improved-cell-therapy-early-a"])):
        assert (group.low, group.high) == (e.result.ci_low, e.result.ci_high)
        assert group.text == f"{round(100 * e.result.estimate)} in 100"
        assert counts_of(e) in group.rest and phrase(e, "interval") in group.rest
    assert (nature.kind, treated.kind) == ("without", "treated")


def test_none_among_so_many_is_never_a_bare_none(review):
    (question,) = review.hundreds([{"title": "T", "estimate": "tumour-cell-therapy", "none": "Nobody was looked at."}]).questions
    nobody, treated = question.groups
    assert nobody.why == "Nobody was looked at." and treated.text == counts_of(review["tumour-cell-therapy"])
    assert treated.kind == "harm" and treated.counts[1] > 0


def test_nobody_is_said_only_while_the_data_hold_nobody(review):
    """The first trial that counts people without the treatment changes the words, and stops no build."""
    (question,) = review.hundreds([{"title": "T", "estimate": "ais-improved-cell-therapy", "none": "Nobody."}]).questions
    nobody, _ = question.groups
    assert re.fullmatch(r"No estimate stands here: people without it are counted in \d+ studies\.", nobody.why)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"estimate": "ais-improved-cell-therapy", "without": "natural-ais-a-acute"}, "not known to be like"),
        ({"estimate": "sae-any-cell-therapy"}, "has no pooled share"),
    ],
)
def test_a_question_that_would_mislead_is_refused(review, asked, why):
    with pytest.raises(InputError, match=why):
        review.hundreds([{"title": "T", **asked}])


def test_the_summary_says_without_with_and_difference_or_that_there_is_none(estimates):
    ids = [
        "ais-improved-treated-v-control",
        "ais-improved-cell-therapy",
        "natural-ais-a-acute",
        "sae-any-cell-therapy",
        "ais-improved-drugs-v-control",
    ]
    table = summary_of_findings(
        [estimates[i] for i in ids], "S", rate_steps(estimates, ids), lambda i: f"book/estimates/{i}.html"
    )
    rows = dict(zip(ids, table.to_frame().to_dict("records"), strict=True))
    compared = rows["ais-improved-treated-v-control"]
    assert compared["Without, per 1,000"] == "147" and compared["Difference per 1,000"].startswith("+")
    alone = rows["ais-improved-cell-therapy"]
    assert (alone["Without, per 1,000"], alone["Difference per 1,000"]) == (NOBODY, "–")
    assert rows["natural-ais-a-acute"]["With, per 1,000"] == "–" and rows["natural-ais-a-acute"]["Without, per 1,000"] != NOBODY
    assert rows["sae-any-cell-therapy"]["With, per 1,000"] == "not pooled"
    assert rows["ais-improved-drugs-v-control"]["Difference per 1,000"] == "not pooled"
    html = table.to_html()
    assert all(f'href="book/estimates/{i}.html"' in html for i in ids)
    # Pooled ones are drawn, the others are not.
    assert html.count("<svg") == sum(estimates[i].result is not None and not estimates[i].not_pooled for i in ids)


def test_the_drawing_names_every_segment_and_movement_in_words_and_in_the_picture():
    html = CordDrawing().to_html()
    (svg, *bars) = re.findall(r"<svg.*?</svg>", html, re.S)
    drawn = " ".join("".join(node.itertext()) for node in ET.fromstring(svg).iter("text"))
    words = ET.fromstring(svg).get("aria-label")
    assert sum(r.segments for r in REGIONS) == 30 and sum(r.share for r in REGIONS) == pytest.approx(1)
    for region in REGIONS:
        assert region.name in drawn and region.name.lower() in words
    for first, last, what in MOVES:
        assert what in drawn and what in words and first in drawn and last in words
    # Ten key muscles, each with the segment by which it is tested (ISNCSCI).
    assert [first for first, last, _ in MOVES if first == last] == ["C5", "C6", "C7", "C8", "T1", "L2", "L3", "L4", "L5", "S1"]
    assert [g.letter for g in GRADES] == list("ABCDE") and len(bars) == len(GRADES)
    assert all(a.feeling <= b.feeling and a.movement <= b.movement for a, b in pairwise(GRADES))
    assert all(f"AIS {g.letter}" in html and g.means in html for g in GRADES)


def test_no_line_of_the_drawing_leaves_it_and_no_two_lines_of_text_meet():
    svg = ET.fromstring(re.findall(r"<svg.*?</svg>", CordDrawing().to_html(), re.S)[0])
    _, _, width, height = map(float, svg.get("viewBox").split())
    places = [(node.get("text-anchor", "start"), float(node.get("x")), float(node.get("y"))) for node in svg.iter("text")]
    assert all(0 < x < width and 0 < y < height for _, x, y in places)
    for column in {(anchor, x) for anchor, x, _ in places}:
        heights = sorted(y for anchor, x, y in places if (anchor, x) == column)
        assert all(b - a >= 17 for a, b in pairwise(heights)), column
