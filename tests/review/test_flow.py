"""The flow of studies: counted apart from the code, contradictions refused, nothing made up where nothing was done."""

import csv
import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.review.reporting.prisma_flow import (
    NO_SYNTHESIS,
    NOT_SELECTED,
    FlowError,
    database_flow,
    reasons_left_out,
    study_flow,
)

STRATEGIES = pd.DataFrame(
    [("a", "Source A", "database"), ("a2", "Source A", "database"), ("r", "Register R", "register")],
    columns=["strategy_id", "source", "source_kind"],
)
SEARCHES = pd.DataFrame(
    [("S001", "a", "Source A", 6), ("S002", "r", "Register R", 2), ("S003", None, "ICTRP", 1)],
    columns=["search_id", "strategy_id", "source", "fetched"],
)
REASONS = pd.DataFrame([("not_human", "Not in people"), ("no_counts", "No counts")], columns=["reason", "label"])
RECORDS = [
    ("r1", "S001"),
    ("r2", "S001"),
    ("r3", "S001"),
    ("r4", "S001"),
    ("r5", "S001"),
    ("r6", "S002"),
    ("r7", "S002"),
    ("r8", "S003"),
]
MERGES = [("r2", "r1", None, None), ("r8", None, "old2020", None), ("r3", "r1", None, "2027-02-01")]
DECISIONS = [  # record, stage, people, decision, reason, study
    ("r1", "title_abstract", "AB", "include", None, None),
    ("r3", "title_abstract", "AB", "exclude", "not_human", None),
    ("r4", "title_abstract", "AB", "include", None, None),
    ("r5", "title_abstract", "A", "include", None, None),
    ("r6", "title_abstract", "AB", "include", None, None),
    ("r7", "title_abstract", "AB", "include", None, None),
    ("r1", "full_text", "AB", "include", None, "new2027"),
    ("r4", "full_text", "AB", "exclude", "no_counts", None),
    ("r6", "full_text", "AB", "not_retrieved", None, None),
]
MERGE_COLUMNS = ["record_id", "same_as_record", "same_as_study", "undone_on"]


def decisions(rows=DECISIONS):
    made = [(r, stage, p, "reviewer", d, why, study) for r, stage, people, d, why, study in rows for p in people]
    return pd.DataFrame(made, columns=["record_id", "stage", "reviewer", "role", "decision", "reason", "study_id"])


def counted(records=RECORDS, merges=MERGES, rows=DECISIONS, searches=SEARCHES, studies=("new2027", "old2020")):
    return database_flow(
        STRATEGIES, searches, pd.DataFrame(records, columns=["record_id", "search_id"]), pd.DataFrame(merges, columns=MERGE_COLUMNS),
        decisions(rows), REASONS, studies,
    )  # fmt: skip


def rows_of(root, name):
    with (root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_counts_are_those_of_the_tables(root, estimates):
    flow = study_flow(estimates.evidence, estimates)
    studies = {row["study_id"] for row in rows_of(root, "studies")}
    counted = {row["study_id"] for row in rows_of(root, "outcomes")}
    assert (flow.studies, flow.with_counts, flow.without_counts) == (len(studies), len(counted), len(studies - counted))
    pooled = set()
    for estimate in estimates:
        pooled |= {cell.split(".")[0] for cell in estimate.count_ids}
    assert flow.in_synthesis == len(pooled)
    assert flow.in_synthesis + sum(n for _, n in flow.left_out) == flow.with_counts


def test_nothing_searched_means_no_number_at_all(root, estimates):
    """Today's state: the tables of searches and records are empty, so every database box is empty."""
    flow = study_flow(estimates.evidence, estimates)
    if rows_of(root, "searches"):
        pytest.skip("a search has been run")
    d = flow.databases
    assert not d.searched
    assert {d.identified, d.duplicates, d.screened, d.waiting, d.excluded, d.sought, d.not_retrieved, d.assessed, d.included} == {
        None
    }
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
        replace(flow, without_counts=flow.without_counts + 1),
    ):
        with pytest.raises(FlowError, match="does not add up"):
            broken.check()


def test_a_screening_log_is_counted():
    flow, found = counted()
    assert flow.sources == (("Source A", "database", 6), ("Register R", "register", 2), ("ICTRP", "register", 1))
    # Nine were fetched; one had been fetched before and has no row, one is a duplicate.
    assert (flow.identified, flow.duplicates, flow.known, flow.screened, flow.waiting, flow.excluded) == (9, 2, 1, 5, 1, 1)
    assert (flow.sought, flow.not_retrieved, flow.assessed, flow.to_assess, flow.reports, flow.included) == (4, 1, 2, 1, 1, 1)
    assert flow.excluded_reports == (("No counts", 1),)
    assert found == {"new2027"}


def test_an_included_study_that_is_not_in_the_data_yet_waits():
    flow, found = counted(studies=("old2020",))
    assert (flow.included, flow.to_extract, found) == (0, 1, set())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"records": [*RECORDS, ("r9", "S002")]}, "search S002 fetched 2 records, records.csv has 3"),
        ({"records": [*RECORDS, ("r9", "S009")]}, "the search S009, which searches.csv does not have"),
        ({"merges": [("r2", "r99", None, None)]}, "record r2: is a duplicate of a record that is not there"),
        ({"merges": [("r2", "r1", None, None), ("r1", "r2", None, None)]}, "record r1: its merges lead in a circle"),
        ({"rows": [*DECISIONS, ("r3", "full_text", "A", "include", None, "x")]}, "record r3: its report was judged without"),
        ({"rows": [*DECISIONS, ("r7", "full_text", "AB", "exclude", None, None)]}, "record r7: was excluded without a reason"),
        ({"rows": [*DECISIONS, ("r7", "full_text", "AB", "include", None, None)]}, "record r7: was included but names no study"),
        (
            {"rows": [*DECISIONS, ("r99", "title_abstract", "A", "include", None, None)]},
            "record r99: was screened but stands not",
        ),
    ],
)
def test_a_contradiction_in_the_log_is_named_with_its_record(change, said):
    with pytest.raises(FlowError, match=re.escape(said)):
        counted(**change)


def test_records_without_a_search_are_refused():
    with pytest.raises(FlowError, match="names no search"):
        counted(searches=SEARCHES.iloc[:0])


DECISION = st.sampled_from(
    [("include", None), ("exclude", "not_human"), ("exclude", "no_counts"), ("unsure", None), ("not_retrieved", None)]
)
ROW = st.tuples(
    st.integers(0, 7),
    st.sampled_from(["title_abstract", "full_text"]),
    st.sampled_from("ABC"),
    DECISION,
    st.sampled_from([None, "s1", "s2"]),
)
MERGE = st.tuples(
    st.integers(0, 7),
    st.one_of(st.integers(0, 7), st.none()),
    st.sampled_from([None, "s1"]),
    st.sampled_from([None, "2027-01-01"]),
)


@settings(deadline=None, max_examples=300)
@given(rows=st.lists(ROW, max_size=30), merges=st.lists(MERGE, max_size=6), extra=st.integers(-1, 3))
def test_any_log_is_counted_consistently_or_refused(rows, merges, extra):
    """Whatever stands in the tables: the boxes add up and no number is below zero, or nothing is drawn."""
    log = [
        (f"r{r}", stage, who, d, why, study if stage == "full_text" and d == "include" else None)
        for r, stage, who, (d, why), study in rows
    ]
    replaced = {f"r{r}": (f"r{r}", None if other is None else f"r{other}", study, undone) for r, other, study, undone in merges}
    searches = SEARCHES.iloc[:1].assign(fetched=8 + extra)
    try:
        d, found = counted([(f"r{i}", "S001") for i in range(8)], replaced.values(), log, searches, ("s1",))
    except FlowError:
        return
    assert d.identified == d.duplicates + d.known + d.screened + d.waiting == 8 + extra
    assert d.screened == d.excluded + d.sought
    assert d.sought == d.not_retrieved + d.assessed + d.to_assess
    assert d.assessed == sum(n for _, n in d.excluded_reports) + d.reports
    assert d.included + d.to_extract <= d.reports
    assert len(found) == d.included
    assert min(d.duplicates, d.known, d.screened, d.waiting, d.not_retrieved, d.to_assess) >= 0
    for name in ("duplicates", "screened", "waiting", "sought", "assessed", "reports", "not_retrieved"):
        with pytest.raises(FlowError, match="does not add up"):
            replace(d, **{name: getattr(d, name) + 1}).check()


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


def test_records_of_other_methods_are_a_flow_of_their_own_and_reach_no_database_box(root, estimates):
    """Counted apart from the code, straight from the files: searches whose method is ``other``."""
    others = {row["search_id"]: int(row["fetched"]) for row in rows_of(root, "searches") if row["method"] == "other"}
    if not others:
        pytest.skip("nothing that other methods found is on record")
    flow = study_flow(estimates.evidence, estimates)
    records = {row["record_id"] for row in rows_of(root, "records") if row["search_id"] in others}
    decided = {
        (row["record_id"], row["decision"], row["study_id"])
        for row in rows_of(root, "screening")
        if row["stage"] == "full_text" and row["record_id"] in records
    }
    listed = flow.listed
    assert listed.identified == sum(others.values()) == len(records)
    assert sum(n for _, n in listed.excluded_reports) == sum(decision == "exclude" for _, decision, _ in decided)
    there = {row["study_id"] for row in rows_of(root, "studies")}
    assert listed.included == len({study for _, decision, study in decided if decision == "include"} & there)
    assert listed.included <= flow.by_other_methods
    # The boxes of databases count the searches of databases alone.
    databases = [row for row in rows_of(root, "searches") if row["method"] != "other"]
    assert (flow.databases.identified or 0) == sum(int(row["fetched"]) for row in databases)


def test_listed_reports_are_no_more_than_other_methods_found(estimates):
    flow = study_flow(estimates.evidence, estimates)
    listed, _ = counted()
    replace(flow, listed=listed).check()
    assert listed.included > 0
    with pytest.raises(FlowError, match=f"listed by other methods: {listed.included}; found by them: 0"):
        replace(flow, by_other_methods=0, listed=listed).check()
