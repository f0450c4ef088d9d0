"""The curve on which the explorer marks the reader's own choice: its data are those of the multiverse, its words true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordbook.core.project import Project
from cordbook.core.store import store_of
from cordbook.publish.pages.explorer_curves import POINTS, curve_of, curves
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.multiverse.multiverse import explore_choices

CURVE = {
    "id": "x", "outcome": "o", "where": {"role": ["treated"]}, "analyses": 1234, "own": 0.3,
    "values": [0.1, 0.2, 0.2, 0.4, 0.5],
}  # fmt: skip


def asked(outcome="o", **where):
    return {"outcome": outcome, "where": where}


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (asked(role=["treated"]), True),
        (asked(role=["treated"], design=["rct"]), True),
        (asked(role=["treated", "comparator"]), False),
        (asked(), False),
        (asked("other", role=["treated"]), False),
    ],
)
def test_a_question_stands_on_the_curve_whose_filters_it_has(node, question, found):
    assert (node("curves", [[[CURVE], question, 0.3]])[0] is not None) == found


def test_the_curve_with_most_filters_is_taken(node):
    narrow = CURVE | {"id": "narrow", "where": {"role": ["treated"], "design": ["rct"]}}
    of = asked(role=["treated"], design=["rct"])
    assert node("curves", [[[CURVE, narrow], of, 0.3]])[0]["id"] == "narrow"


@pytest.mark.parametrize(
    ("value", "rank", "words"),
    [
        (0.05, 0, "Yours, 5.0%, lies below all of them."),
        (0.1, 0, "Yours, 10%, stands above about 0 of 100 of them."),
        (0.3, 0.625, "Yours, 30%, stands above about 63 of 100 of them."),
        (0.6, 1, "Yours, 60%, lies above all of them."),
        (None, None, "Yours is not pooled, so it has no place among them."),
    ],
)
def test_words_say_where_a_result_stands(node, value, rank, words):
    found = node("curves", [[[CURVE], asked(role=["treated"]), value]])[0]
    assert found["rank"] == rank
    assert (
        found["words"]
        == f"Of 1,234 defensible analyses of this question results run from 10% to 50%. The book’s own gives 30%. {words}"
    )


@given(values=st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=2, max_size=30), value=st.floats(0, 1))
def test_the_rank_is_that_of_a_sorted_list(node_batch, values, value):
    node_batch.append((sorted(values), value))


@pytest.fixture(scope="module")
def node_batch(node):
    """Cases are asked in one run of node at the end."""
    cases: list = []
    yield cases
    found = node("curves", [[[CURVE | {"values": v}], asked(role=["treated"]), x] for v, x in cases])
    for (values, value), answer in zip(cases, found, strict=True):
        below, to = np.mean(np.array(values) < value), np.mean(np.array(values) <= value)
        assert below - 1 / (len(values) - 1) - 1e-9 <= answer["rank"] <= to + 1 / (len(values) - 1) + 1e-9


def test_marks_stand_in_the_drawing(node):
    drawn = node("curves", [[[CURVE], asked(role=["treated"]), 0.3]])[0]["drawn"]
    for mark in drawn["marks"]:
        for x, y in mark.get("points", [[mark.get("x", mark.get("x1")), mark.get("y", mark.get("y1"))]]):
            assert 0 <= x <= drawn["width"] and 0 <= y <= drawn["height"]
    assert sum(mark["kind"] == "shape" for mark in drawn["marks"]) == 1


def test_a_curve_is_that_of_the_multiverse(estimates):
    whole = explore_choices(estimates, "myelopathy-hyperfractionated")
    found, values = curve_of(whole), sorted(a.answer.estimate for a in whole.analyses)
    assert found["analyses"] == len(values) and len(found["values"]) == min(POINTS, len(values))
    assert found["values"] == sorted(found["values"])
    assert (found["values"][0], found["values"][-1]) == pytest.approx((values[0], values[-1]), rel=1e-3)
    assert found["own"] == pytest.approx(whole.analyses[whole.own].answer.estimate, rel=1e-3)
    assert found["where"] == {column: list(v) for column, v in estimates["myelopathy-hyperfractionated"].synthesis.where}


def test_a_review_that_declares_no_choices_has_no_curves(small_built):
    known = load_estimates(small_built, store_of(Project(small_built)))
    assert not (small_built / "data" / "multiverse.yml").exists() and curves(known) == []


def test_without_a_store_nothing_is_computed_for_the_page_alone(estimates):
    assert curves(replace(estimates, store=None)) == []
