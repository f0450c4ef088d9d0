"""Reconciling: equal places by themselves, the rest by a person, both readings kept, the tables whole or untouched."""

from __future__ import annotations

import csv
import io
import shutil
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.cli import main
from cordbook.evidence import validate
from cordbook.intake.extraction.codebook import Codebook
from cordbook.intake.extraction.readings import OUTCOME, Answer, NotReadable, Reading, Readings, count_row
from cordbook.intake.extraction.reconcile import Difference, agreed_reading, compare, decide, new_errors, new_rows, with_new_rows
from cordbook.intake.records import transaction
from cordbook.intake.records.store import read_rows
from tests.intake.invented import ADA, BEN, STUDY, fill, make_included, power_gone_after, rows, typed

CELL_1 = f"{STUDY}.treated.ais_improved.all.12"


@pytest.fixture(scope="module")
def read_twice(tmp_path_factory):
    """The invented example with both readings: the second one differs in one place of the study and one count."""
    project = make_included(tmp_path_factory.mktemp("twice") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        answer(patch, typed(ADA))
        assert main(["extract", STUDY, "--reader", "Ada"]) == 0
        assert main(["extract", STUDY, "--reader", "Ben", "--form", "ben.csv"]) == 0
        form = project / "ben.csv"
        form.write_text(fill(form.read_text(encoding="utf-8-sig"), BEN), encoding="utf-8-sig", newline="")
        assert main(["extract", STUDY, "--reader", "Ben", "--form", "ben.csv"]) == 0
    return project


@pytest.fixture
def project(read_twice, tmp_path, monkeypatch):
    copy = tmp_path / "project"
    shutil.copytree(read_twice, copy)
    monkeypatch.chdir(copy)
    return copy


def answer(patch, keys):
    patch.setattr("sys.stdin", io.StringIO(keys))


def files(project):
    return {p.relative_to(project): p.read_bytes() for p in [*(project / "data").glob("*.csv"), project / "references.bib"]}


def own(project, table, column="cell_id"):
    return [row for row in rows(project, table) if row[column].startswith(STUDY)]


def test_two_readings_become_rows_of_the_tables(project, monkeypatch, capsys):
    before = files(project)
    answer(monkeypatch, "1\nb\n2\n")
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 0
    assert "1 differences are open; every decision is kept" in capsys.readouterr().out
    assert files(project) == before
    answer(monkeypatch, "1\n\nTable 2 has nine\n")
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 0
    said = capsys.readouterr().out
    assert "29 places are alike" in said
    assert "3 counts, of which two people read 3 and saw 2 alike" in said
    assert said.count("Why, with the place in the report") == 2  # a count is not settled without a reason
    cells = {r["cell_id"]: r for r in own(project, "outcomes")}
    assert (cells[CELL_1]["events"], cells[CELL_1]["n"], cells[CELL_1]["locator"]) == ("9", "20", "Table 2")
    readings = [
        (r["reading"], r["reader"], r["seen"], r["events"], r["n"]) for r in own(project, "extractions") if r["cell_id"] == CELL_1
    ]
    assert readings == [("1", "Ada", "yes", "9", "20"), ("2", "Ben", "yes", "8", "20")]
    settled = {r["cell_id"]: r for r in own(project, "reconciliations")}
    assert settled[CELL_1] == {
        "cell_id": CELL_1, "agreement": "disagree_settled", "settled_by": "Table 2 has nine", "readers": "Ada+Ben",
        "reconciled_by": "Cat", "reconciled_on": date.today().isoformat(),
    }  # fmt: skip
    assert settled[f"{STUDY}.control.ais_improved.all.12"]["agreement"] == "agree"
    study = own(project, "studies", "study_id")[0]
    assert (study["injury_phase"], study["country"]) == ("subacute", "Nowhere")
    reference = own(project, "references", "reference_id")[0]
    assert (reference["first_author"], reference["year"], reference["kind"]) == ("Exemplar A", "2026", "study")
    assert "@article{exemplar2026," in (project / "references.bib").read_text(encoding="utf-8").lower()
    report = validate(project / "data")
    assert report.errors == 0, report.as_text()
    # Nothing else has changed.
    changed = {str(p) for p, content in files(project).items() if content != before[p]}
    assert changed == {
        f"data/{t}.csv" for t in ("references", "studies", "arms", "outcomes", "extractions", "reconciliations")
    } | {"references.bib"}
    for name in changed - {"references.bib"}:
        assert (project / name).read_bytes().startswith(before[next(p for p in before if str(p) == name)])
    assert (project / "data" / "readings" / f"{STUDY}.1.csv").is_file()  # both readings are kept
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 1
    assert "in the tables already" in capsys.readouterr().err


def worded(project, *columns):
    """Ben words some places of the first count otherwise than Ada."""
    store = Readings(project / "data", project / ".cordbook")
    ben = store.find(STUDY, 2)
    row = CELL_1.removeprefix(f"{STUDY}.")
    store.add(ben, {("outcomes", row, column): Answer(f"in other words ({column})") for column in columns})


def test_what_differs_in_wording_only_takes_one_key_together(project, monkeypatch, capsys):
    worded(project, "definition", "locator")
    answer(monkeypatch, "2\n1\n1\nTable 2 has nine\n")
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 0
    told = capsys.readouterr().out
    assert "2 places differ in wording only" in told
    assert "in other words (definition)" in told
    cell = next(r for r in own(project, "outcomes") if r["cell_id"] == CELL_1)
    assert (cell["definition"], cell["locator"]) == ("in other words (definition)", "in other words (locator)")
    kept = read_rows(project / "data" / "readings", f"{STUDY}.agreed")
    assert {(r["column"], r["reason"]) for r in kept if r["reason"] == "wording only"} == {
        ("definition", "wording only"), ("locator", "wording only"),
    }  # fmt: skip


def test_wording_can_be_asked_one_by_one_and_numbers_and_codes_always_are(project, monkeypatch):
    worded(project, "definition", "locator")
    answer(monkeypatch, "e\n1\n1\nTable 2 has nine\n2\n1\n")
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 0
    cell = next(r for r in own(project, "outcomes") if r["cell_id"] == CELL_1)
    assert (cell["events"], cell["definition"], cell["locator"]) == ("9", "in other words (definition)", "Table 2")


def test_the_audit_counts_it(project, monkeypatch):
    from cordbook.evidence.evidence import load_evidence
    from cordbook.review.appraisal.extraction_audit import agreement_by, extraction_progress

    before = extraction_progress(load_evidence(project / "data"))
    answer(monkeypatch, "1\n1\nTable 2\n")
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 0
    evidence = load_evidence(project / "data")
    after = extraction_progress(evidence)
    assert (after.read_twice - before.read_twice, after.agreed - before.agreed, after.settled - before.settled) == (3, 2, 1)
    assert agreement_by(evidence)["agreed"].iloc[-1] == after.agreed


def test_it_goes_through_a_spreadsheet(project, capsys):
    assert main(["reconcile", STUDY, "--as", "Cat", "--csv", "d.csv"]) == 0
    sheet = project / "d.csv"
    lines = list(csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8-sig"), newline="")))
    assert [(x["column"], x["first"], x["second"]) for x in lines] == [
        ("injury_phase", "chronic", "subacute"),
        ("counts", "9/20 patients", "8/20 patients"),
    ]

    def write(*decisions):
        out = io.StringIO()
        writer = csv.DictWriter(out, [*lines[0]], delimiter=";")
        writer.writeheader()
        writer.writerows(
            [line | dict(zip(("keep", "value", "reason"), d, strict=True)) for line, d in zip(lines, decisions, strict=True)]
        )
        sheet.write_text(out.getvalue(), encoding="utf-8-sig", newline="")

    before = files(project)
    write(("other", "sometimes", "x"), ("other", "21/20", "x"))
    assert main(["reconcile", STUDY, "--as", "Cat", "--csv", "d.csv"]) == 1
    told = capsys.readouterr().err
    assert "line 2" in told
    assert "sometimes" in told
    assert "line 3" in told
    assert "21/20" in told
    write(("2", "", ""), ("1", "", ""))
    assert main(["reconcile", STUDY, "--as", "Cat", "--csv", "d.csv"]) == 1  # one is taken, the other has no reason
    assert files(project) == before
    write(("2", "", ""), ("other", "10 of 20", "Table 3 corrects Table 2"))
    assert main(["reconcile", STUDY, "--as", "Cat", "--csv", "d.csv"]) == 0
    cell = next(r for r in own(project, "outcomes") if r["cell_id"] == CELL_1)
    assert (cell["events"], cell["n"]) == ("10", "20")
    assert validate(project / "data").errors == 0


@pytest.mark.parametrize(
    ("keys", "agreement", "poolable", "cells"),
    [
        ("l", "disagree_open", "no", 3),
        ("x", None, None, 2),
        ("o\n9/19", "disagree_settled", "yes", 3),
        ("l\n<\n1\n\n", "disagree_settled", "yes", 3),
    ],
)
def test_other_ways_to_settle_a_count(project, monkeypatch, keys, agreement, poolable, cells):
    answer(monkeypatch, f"1\n{keys}\nthe report contradicts itself\n")
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 0
    assert len(own(project, "outcomes")) == cells
    settled = [r["agreement"] for r in own(project, "reconciliations") if r["cell_id"] == CELL_1]
    assert settled == ([agreement] if agreement else [])
    assert [r["poolable"] for r in own(project, "outcomes") if r["cell_id"] == CELL_1] == ([poolable] if poolable else [])
    assert validate(project / "data").errors == 0


def test_what_would_break_the_data_is_refused_whole(project, monkeypatch, capsys):
    """Both readers saw a registration that another study has: named, and nothing is written."""
    store = Readings(project / "data", project / ".cordbook")
    number = next(r["registration"] for r in rows(project, "studies") if r["registration"])
    for reading in store.both(STUDY):
        store.add(reading, {("studies", STUDY, "registration"): Answer(number)})
    before = files(project)
    answer(monkeypatch, "1\n1\nTable 2\n")
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 1
    told = capsys.readouterr().err
    assert "registration-shared" in told
    assert "Nothing was changed" in told
    assert files(project) == before


def test_a_reading_that_changed_is_asked_again(project, monkeypatch, capsys):
    answer(monkeypatch, "1\n")
    main(["reconcile", STUDY, "--as", "Cat"])
    store = Readings(project / "data", project / ".cordbook")
    store.add(store.find(STUDY, 2), {("studies", STUDY, "injury_phase"): Answer("mixed")})
    answer(monkeypatch, "")
    main(["reconcile", STUDY, "--as", "Cat"])
    assert "2 differences are open" in capsys.readouterr().out


def test_missing_readings_are_named(project, monkeypatch, capsys):
    (project / "data" / "readings" / f"{STUDY}.2.csv").unlink()
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 1
    assert "has 1 of two readings" in capsys.readouterr().err
    assert main(["reconcile", "--as", "Cat"]) == 0
    assert "No study has two complete readings" in capsys.readouterr().out
    # Read once is possible, and says so.
    assert main(["reconcile", STUDY, "--single", "--as", "Cat"]) == 0
    assert {r["agreement"] for r in own(project, "reconciliations")} == {"single"}
    assert validate(project / "data").errors == 0


def test_a_row_that_one_reader_added_is_shown_to_the_other_first(project, capsys):
    store = Readings(project / "data", project / ".cordbook")
    store.add(
        store.find(STUDY, 2),
        {(OUTCOME, "treated.ae_any.all.na", c): Answer(v) for c, v in (("arm", "treated"), ("outcome", "ae_any"))},
    )
    assert main(["reconcile", STUDY, "--as", "Cat"]) == 1
    assert "Ada has not judged what Ben added" in capsys.readouterr().err


@pytest.mark.parametrize("moves", range(9))
def test_the_power_goes_while_the_tables_are_written(project, monkeypatch, moves):
    """After ``moves`` files were put in place: the next command finishes, or nothing had begun. Never a part."""
    before = files(project)
    answer(monkeypatch, "1\n1\nTable 2\n")
    with power_gone_after(monkeypatch, moves, of=8):
        main(["reconcile", STUDY, "--as", "Cat"])
    transaction.finish(project / ".cordbook")
    after = files(project)
    if moves == 0:
        assert after == before
    else:
        assert own(project, "studies", "study_id")
        assert len(own(project, "reconciliations")) == 3
        assert validate(project / "data").errors == 0
    left = [p for p in [*project.rglob(".*.staged"), *project.rglob("transaction.json")] if p.is_file()]
    assert left == []


counts = st.one_of(st.none(), st.tuples(st.integers(0, 12), st.integers(1, 12)).filter(lambda c: c[0] <= c[1]))


@given(st.lists(st.tuples(counts, counts, st.sampled_from(["1", "2", "other", "open", "out"])), min_size=1, max_size=4))
@settings(deadline=None, max_examples=12)
def test_whatever_two_people_read_the_tables_stay_valid(read_twice, cells):
    """Any pair of readings with any decisions gives rows that break no rule, and agreement says what the readings show."""
    data = read_twice / "data"
    codebook = Codebook.of(data)
    store = Readings(data, read_twice / ".cordbook")
    outcomes = ["ais_improved", "tumour", "motor_improved", "sae_related"]
    pair = []
    for which, base in enumerate(store.both(STUDY)):
        kept = {p: a for p, a in base.answers.items() if p[0] != OUTCOME}
        for outcome, cell in zip(outcomes, cells, strict=False):
            row = count_row("treated", outcome, "", "12")
            kept |= {
                (OUTCOME, row, c): Answer(v)
                for c, v in zip(("arm", "outcome", "stratum", "timepoint_months"), ("treated", outcome, "", "12"), strict=True)
            }
            seen = cell[which]
            kept |= {
                (OUTCOME, row, c): Answer(str(v) if seen else "") for c, v in zip(("events", "n"), seen or ("", ""), strict=True)
            }
            if seen:
                kept |= {
                    (OUTCOME, row, c): Answer(v)
                    for c, v in (("source_kind", "primary_fulltext"), ("confidence", "low"), ("poolable", "yes"))
                }
        pair.append(Reading(STUDY, base.number, base.reader, kept))
    comparison = compare(*pair, codebook)
    decisions = {}
    for d in comparison.differences:
        wish = cells[outcomes.index(d.place[1].split(".")[1])][2] if d.place[0] == OUTCOME else "1"
        keep = wish if wish in d.keeps else "1"
        decisions[d.place] = decide(d, keep, "3/12", "because", "Cat", codebook)
    agreed = agreed_reading(comparison, decisions)
    new = new_rows(data, agreed, tuple(pair), decisions, "Cat", "2026-11-21")
    tables, errors = with_new_rows(data, new)
    assert errors == []
    assert new_errors(data, tables) == []
    alike = sum(1 for a, b, _ in cells if a and b and a == b)
    assert sum(r["agreement"] == "agree" for r in new["reconciliations"]) == alike


def test_decisions_that_cannot_stand():
    difference = Difference((OUTCOME, "x", "counts"), "9/20", "not seen")
    with pytest.raises(NotReadable, match="none of 1, 2, out"):
        decide(difference, "open", "", "r", "C", None)
    with pytest.raises(NotReadable, match="say why"):
        decide(difference, "1", "", " ", "C", None)
    assert decide(difference, "2", "", "the text does not say it", "C", None).keep == "out"
    both = Difference((OUTCOME, "x", "counts"), "9/20", "8/20")
    assert decide(both, "other", "08 of 020", "r", "C", None).value == "8/20"
