"""One road from a row of outcomes.csv to a page: one count, one pooled row that holds it, and nobody who joins them again."""

import ast
import csv
from pathlib import Path

import pytest

import cordbook
from cordbook.evidence.counts import Count, counts_of
from cordbook.publish.pages.estimate_pages import Beside, estimate_page
from cordbook.review.estimates.rows import ArmRow, PairRow
from cordbook.review.studies.records import study_records

PACKAGE = Path(cordbook.__file__).parent
CELL, ESTIMATE = "mendonca2014.treated.ais_improved.all.6", "ais-improved-cell-therapy"
#: Who makes a count, and who makes a pooled row of counts.
OWNERS = {"Count": "evidence/counts.py", "ArmRow": "review/estimates/selection.py", "PairRow": "review/estimates/selection.py"}
#: Who may read what a model made of single studies: those who attach it to the rows, and what is drawn of any result.
READ_STUDIES = ("synthesis/", "display/figures/", "cli/", "review/estimates/")


def modules():
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}


def test_one_number_is_one_object_from_its_row_to_its_page(estimates, root):
    """7 of 14: the record of the study and the estimate hold the count that the row of outcomes.csv states."""
    with open(root / "data" / "outcomes.csv", encoding="utf-8", newline="") as file:
        row = next(r for r in csv.DictReader(file) if r["cell_id"] == CELL)
    assert (row["events"], row["n"]) == ("7", "14")
    (count,) = counts_of(estimates.evidence.counts_by_id([CELL]).reset_index())
    assert count == Count(CELL, "mendonca2014", "mendonca2014.treated", (), 7, 14)
    e = estimates[ESTIMATE]
    pooled = next(r for r in e.rows if r.study_id == "mendonca2014")
    assert pooled.arm == (count,)
    shown = next(c for c in study_records(estimates)["mendonca2014"].counts if c.cell_id == CELL)
    assert shown.count == count
    assert pooled.weight
    assert "7/14" in estimate_page(e, Beside()).source()


def test_a_result_holds_the_rows_of_its_estimate(estimates):
    for e in estimates:
        for result in (e.result, e.unpooled, e.pooled_anyway().result):
            assert result is None or result.studies is e.rows, e.id
        assert all(isinstance(row, PairRow if e.is_comparison else ArmRow) for row in e.rows)


def test_counts_are_those_of_the_parts_added_up(estimates):
    several = [row for e in estimates if not e.is_comparison for row in e.rows if len(row.counts) > 1]
    assert several
    for row in several:
        assert (row.events, row.n) == (sum(c.events for c in row.counts), sum(c.n for c in row.counts))
        assert len(set(row.counts)) == len({(c.arm_id, c.stratum) for c in row.counts}) == len(row.counts)


def test_a_row_is_written_as_the_result_of_a_study(estimates):
    for e in (estimates[ESTIMATE], estimates["ais-improved-treated-v-control"]):
        frame = e.result.to_frame()
        assert list(frame) == list(e.to_dict()["studies"][0])
        assert frame["label"].tolist() == [row.label for row in e.rows]


@pytest.mark.parametrize("name", sorted(OWNERS))
def test_only_its_owner_makes_it(name):
    makers = {
        path
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    }
    assert makers == {OWNERS[name]}


def test_nobody_joins_rows_and_the_result_again():
    """``result.studies`` is read where rows get their effects and where a figure draws any result; an estimate is read by its rows."""
    readers = {
        path
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "studies" and "result" in ast.unparse(node.value)
    }
    assert [path for path in sorted(readers) if not path.startswith(READ_STUDIES)] == []
