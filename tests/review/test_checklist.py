"""The reporting checklist: every item is answered, and every place that an answer names is in the book."""

import json

import pandas as pd
import pytest

from cordbook.review.reporting.checklist import (
    STATES,
    ChecklistError,
    count_states,
    load_checklist,
    missing_places,
    page_anchors,
    parse_checklist,
)

ITEMS = pd.DataFrame(
    [("1", "P", "Title", "Say it."), ("2", "P", "Abstract", "Write it.")], columns=["item_id", "source", "section", "requirement"]
)
MET = {"state": "met", "how": "So.", "where": ["index"]}


@pytest.fixture(scope="module")
def answers(estimates):
    return load_checklist(estimates.evidence.folder, estimates.evidence["reporting_items"])


def test_every_item_is_answered_once_and_in_order(answers, estimates):
    assert [a.item_id for a in answers] == list(estimates.evidence["reporting_items"]["item_id"])
    assert sum(n for counts in count_states(answers).values() for n in counts.values()) == len(answers)


def test_every_place_exists_in_the_book(answers, root):
    assert missing_places(answers, root) == []


def test_every_page_named_is_in_the_table_of_contents(answers, root):
    toc = (root / "_toc.yml").read_text(encoding="utf-8")
    assert [a.item_id for a in answers for place in a.where if place.split("#")[0] not in toc] == []


def test_what_cannot_be_met_yet_is_not_called_met(answers, estimates):
    """No search has been run and no person has judged: these items can't be met while that is so."""
    state = {a.item_id: a.state for a in answers}
    if estimates.evidence["searches"].empty:
        assert {state[i] for i in ("6", "7", "8", "16a")} <= {"partly", "not yet"}
    assert state["11"] != "met"
    assert state["18"] != "met"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"1": MET}, "2: has no answer"),
        ({"1": MET, "2": MET, "3": MET}, "3: no such item"),
        ({"1": MET, "2": MET | {"state": "yes"}}, "2: state is 'yes'"),
        ({"1": MET, "2": {"state": "met", "how": "So."}}, "2: is met but does not say where"),
        ({"1": MET, "2": {"state": "not yet", "how": " "}}, "2: how is missing"),
        ({"1": MET, "2": MET | {"where": ["a b"]}}, "2: where is"),
        ({"1": MET, "2": MET | {"link": "x"}}, "2: unknown key 'link'"),
        (["1"], "expected an answer"),
    ],
)
def test_a_faulty_answer_is_refused_by_item(content, said):
    with pytest.raises(ChecklistError, match=said):
        parse_checklist(content, ITEMS)


def test_an_id_read_as_a_number_is_the_same_item():
    assert [a.item_id for a in parse_checklist({1: MET, 2: MET}, ITEMS)] == ["1", "2"]


def test_states_are_told_from_best_to_worst():
    assert STATES[0] == "met"


def test_places_that_are_not_there_are_named(tmp_path):
    (tmp_path / "a.md").write_text("# Über 2.1 Title\n\n(here)=\n## The end\n", encoding="utf-8")
    cells = [
        {"cell_type": "markdown", "source": ["## From a notebook\n"]},
        {"cell_type": "code", "source": [], "outputs": [{"data": {"text/html": '<table id="made"></table>'}}]},
    ]
    (tmp_path / "b.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert page_anchors(tmp_path, "a") == {"uber-2-1-title", "here", "the-end"}
    assert page_anchors(tmp_path, "b") == {"from-a-notebook", "made"}
    assert page_anchors(tmp_path, "c") is None
    where = ["a", "a#here", "b#made", "b#none", "c"]
    found = parse_checklist({"1": MET | {"where": where}, "2": MET | {"where": ["a"]}}, ITEMS)
    assert missing_places(found, tmp_path) == ["1: b#none", "1: c"]
