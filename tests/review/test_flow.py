"""The flow of studies: counted apart from the code, contradictions refused, nothing made up where nothing was done."""

import csv
import re
from dataclasses import replace

import pandas as pd
import pytest

from cordbook.review.flow import NO_SYNTHESIS, NOT_SELECTED, FlowError, database_flow, reasons_left_out, study_flow

STRATEGIES = pd.DataFrame(
    [("a", "Source A", "database"), ("a2", "Source A", "database"), ("r", "Register R", "register")],
    columns=["strategy_id", "source", "source_kind"],
)
SEARCHES = pd.DataFrame([("S001", "a", "2027-01-02", 5), ("S002", "r", "2027-01-02", 2)], columns=["search_id", "strategy_id", "searched_on", "hits"])
COLUMNS = ["record_id", "search_id", "duplicate_of", "screening", "retrieved", "assessment", "exclusion_reason", "study_id"]
LOG = [
    ("r1", "S001", None, "include", True, "include", None, "new2027"),
    ("r2", "S001", "r1", None, None, None, None, None),
    ("r3", "S001", None, "exclude", None, None, None, None),
    ("r4", "S001", None, "include", True, "exclude", "Animals", None),
    ("r5", "S001", None, None, None, None, None, None),
    ("r6", "S002", None, "include", False, None, None, None),
    ("r7", "S002", None, "include", None, None, None, None),
]


def log(**changes):
    rows = [list(row) for row in LOG]
    for record, (column, value) in changes.items():
        rows[[r[0] for r in rows].index(record)][COLUMNS.index(column)] = value
    return pd.DataFrame(rows, columns=COLUMNS).astype({"retrieved": "boolean"})


def rows_of(root, name):
    with (root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_counts_are_those_of_the_tables(root, estimates):
    flow = study_flow(estimates.evidence, estimates)
    studies = {row["study_id"] for row in rows_of(root, "studies")}
    counted = {row["study_id"] for row in rows_of(root, "outcomes")}
    assert (flow.studies, flow.with_cells, flow.without_cells) == (len(studies), len(counted), len(studies - counted))
    pooled = set()
    for estimate in estimates:
        pooled |= {cell.split(".")[0] for cell in estimate.cells}
    assert flow.in_synthesis == len(pooled)
    assert flow.in_synthesis + sum(n for _, n in flow.left_out) == flow.with_cells


def test_nothing_searched_means_no_number_at_all(root, estimates):
    """Today's state: the tables of searches and records are empty, so every database box is empty."""
    flow = study_flow(estimates.evidence, estimates)
    if rows_of(root, "searches"):
        pytest.skip("a search has been run")
    d = flow.databases
    assert not d.searched
    assert {d.identified, d.duplicates, d.screened, d.waiting, d.excluded, d.sought, d.not_retrieved, d.assessed, d.included} == {None}
    assert {hits for _, _, hits in d.sources} == {None}
    assert flow.by_other_methods == flow.studies


def test_a_report_left_out_has_the_reason_of_its_cells(root, estimates):
    labels = {row["reason"]: row["label"] for row in rows_of(root, "not_poolable_reasons")}
    cells = rows_of(root, "outcomes")
    for study, reason in reasons_left_out(estimates.evidence, estimates).items():
        own = [row for row in cells if row["study_id"] == study]
        if reason in (NO_SYNTHESIS, NOT_SELECTED):
            assert any(row["poolable"] == "yes" for row in own), study
        else:
            assert all(row["poolable"] == "no" for row in own), study
            assert reason in {labels[r] for row in own for r in row["not_poolable_reason"].split(";")}, study


def test_numbers_that_do_not_add_up_are_refused(estimates):
    flow = study_flow(estimates.evidence, estimates)
    for broken in (
        replace(flow, in_synthesis=flow.in_synthesis + 1),
        replace(flow, by_other_methods=flow.by_other_methods - 1),
        replace(flow, without_cells=flow.without_cells + 1),
    ):
        with pytest.raises(FlowError, match="does not add up"):
            broken.check()


def test_a_screening_log_is_counted():
    flow, found = database_flow(STRATEGIES, SEARCHES, log())
    assert flow.sources == (("Source A", "database", 5), ("Register R", "register", 2))
    assert (flow.identified, flow.duplicates, flow.screened, flow.waiting, flow.excluded) == (7, 1, 5, 1, 1)
    assert (flow.sought, flow.not_retrieved, flow.assessed, flow.included) == (4, 1, 2, 1)
    assert flow.excluded_reports == (("Animals", 1),)
    assert found == {"new2027"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"r5": ("search_id", "S002")}, "search S001 returned 5 records, records.csv has 4"),
        ({"r2": ("duplicate_of", "r99")}, "record r2: is a duplicate of a record that is not there"),
        ({"r2": ("screening", "include")}, "record r2: is a duplicate and was screened"),
        ({"r3": ("retrieved", True)}, "record r3: was sought without having passed"),
        ({"r6": ("assessment", "exclude")}, "record r6: was assessed without having been retrieved"),
        ({"r4": ("exclusion_reason", None)}, "record r4: was excluded without a reason"),
        ({"r1": ("study_id", None)}, "record r1: was included but names no study"),
        ({"r5": ("study_id", "x")}, "record r5: names a study without having been included"),
    ],
)
def test_a_contradiction_in_the_log_is_named_with_its_record(change, said):
    with pytest.raises(FlowError, match=re.escape(said)):
        database_flow(STRATEGIES, SEARCHES, log(**change))


def test_records_without_a_search_are_refused():
    with pytest.raises(FlowError, match="names no search"):
        database_flow(STRATEGIES, SEARCHES.iloc[:0], log())


def test_strategies_can_be_typed_in_as_they_stand(root):
    """Brackets and quotation marks of every strategy close; two sources are never written under one name and kind."""
    for row in rows_of(root, "search_strategies"):
        query = row["query"]
        depth = 0
        for sign in re.sub(r'"[^"]*"', "", query):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
            assert depth >= 0, row["strategy_id"]
        assert depth == 0, row["strategy_id"]
        assert query.count('"') % 2 == 0, row["strategy_id"]
        if row["source"].startswith(("Embase", "CNKI")):
            assert query.count("'") % 2 == 0, row["strategy_id"]
