"""Checking cells against their sources: the queue, findings that are written whole, corrections, and what the audit says."""

from __future__ import annotations

import io
import json

import pytest

from cordbook.cli import main
from cordbook.evidence import validate
from cordbook.evidence.evidence import load_evidence
from cordbook.intake.extraction.verify import Finding, NotVerified, verify
from cordbook.review.appraisal.extraction_audit import verified_share
from cordbook.review.appraisal.risk_of_bias import study_weights
from cordbook.review.appraisal.verification_queue import ONCE, TWICE, VERIFIED, counts_to_check, of_which, states_of
from cordbook.review.estimates.estimates import load_estimates
from tests.intake.invented import cordbook, power_gone_after, rows

CELL = "lima2010.treated.ais_improved.all.27.7"


def cell(project, cell_id=CELL):
    return next(r for r in rows(project, "outcomes") if r["cell_id"] == cell_id)


def found(project, events, n, cell_id=CELL, shown=None, **more):
    now = cell(project, cell_id)
    fields = {"person": "Dee", "source_read": "Table 2", "note": "the table says so"} | more
    finding = Finding(cell_id, fields["person"], fields["source_read"], events, n, fields["note"])
    return verify(project / "data", project / ".cordbook", finding, shown or (now["events"], now["n"]), "2026-11-21")


def tables(project):
    return {p.name: p.read_bytes() for p in (project / "data").glob("*.csv")}


def test_the_queue_puts_first_what_weighs_most(estimates):
    queue = counts_to_check(estimates)
    cells = estimates.evidence["outcomes"].set_index("cell_id")
    assert sorted(c.cell_id for c in queue) == sorted(cells.index)
    assert [c.urgency for c in queue] == sorted((c.urgency for c in queue), reverse=True)
    for c in [x for x in queue if x.estimate][::40]:
        weights = study_weights(estimates[c.estimate])
        assert c.weight == pytest.approx(weights[c.study_id] / 100)
        assert c.cell_id in estimates[c.estimate].count_ids
        factor = 1 + {"low": 1, "medium": 0.5, "high": 0}[c.confidence] + (c.state == ONCE)
        assert c.urgency == pytest.approx(c.weight * factor)
        # No whole estimate gives its study more.
        others = [e for e in estimates if e.is_reported and e.synthesis.parent is None and c.cell_id in e.count_ids]
        assert c.weight == pytest.approx(max(study_weights(e)[c.study_id] / 100 for e in others))
    assert {c.study_id for c in of_which(queue, estimates, study="lima2010")} == {"lima2010"}
    one = "ais-improved-cell-therapy"
    assert {c.cell_id for c in of_which(queue, estimates, estimate=one)} == set(estimates[one].count_ids)
    part = f"{one}--bm-msc"
    assert {c.cell_id for c in of_which(queue, estimates, estimate=part)} == set(estimates[part].count_ids)
    assert of_which(queue, estimates) == queue
    for what in ("study", "estimate", "count"):
        with pytest.raises(KeyError, match="nothing"):
            of_which(queue, estimates, **{what: "nothing"})


def test_a_confirmation_is_a_row(project):
    before = tables(project)
    now = cell(project)
    assert found(project, int(now["events"]), int(now["n"]), note="") == "confirmed"
    assert rows(project, "verifications") == [
        {
            "cell_id": CELL, "verified_by": "Dee", "verified_on": "2026-11-21", "source_read": "Table 2", "verdict": "confirmed",
            "events": now["events"], "n": now["n"], "note": "",
        }
    ]  # fmt: skip
    assert [name for name, content in tables(project).items() if content != before[name]] == ["verifications.csv"]
    assert states_of(load_evidence(project / "data"))[CELL] == VERIFIED
    assert validate(project / "data").errors == 0


def test_a_correction_keeps_old_and_new(project):
    old = cell(project)
    events = int(old["events"]) - 1
    assert found(project, events, int(old["n"])) == "corrected"
    assert (cell(project)["events"], cell(project)["n"]) == (str(events), old["n"])
    only = rows(project, "corrections")
    assert [(c["correction_id"], c["row_key"], c["column"], c["old_value"], c["new_value"]) for c in only] == [
        ("K001", CELL, "events", old["events"], str(events))
    ]
    assert "Dee read Table 2: the table says so" in only[0]["reason"]
    # Both readings stay as they were read.
    assert {r["events"] for r in rows(project, "extractions") if r["cell_id"] == CELL} == {old["events"]}
    # What that person finds right afterwards stays a correction of that day.
    assert found(project, events, int(old["n"]), note="") == "corrected"
    # The same person looks again that day: one row, and the correction before it stays in the chain.
    assert found(project, events - 1, int(old["n"]), person="dee") == "corrected"
    assert [c["old_value"] for c in rows(project, "corrections")] == [old["events"], str(events)]
    assert len(rows(project, "verifications")) == 1
    # Another person confirms it.
    assert found(project, events - 1, int(old["n"]), person="Eve", note="") == "confirmed"
    assert len(rows(project, "verifications")) == 2
    assert validate(project / "data").errors == 0


@pytest.mark.parametrize(
    ("events", "n", "more", "why"),
    [
        (5, 4, {}, "5 events in 4 patients"),
        (1, 9999, {}, "has .* patients"),
        (1, 4, {"source_read": ""}, "source_read is blank"),
        (1, 4, {"source_read": "=1+1"}, "formula"),
        (1, 4, {"note": ""}, "a correction says what was wrong"),
        (1, 4, {"shown": ("0", "1")}, "meanwhile"),
        (1, 4, {"cell_id": CELL, "person": ""}, "verified_by is blank"),
    ],
)
def test_a_finding_that_cannot_stand_changes_nothing(project, events, n, more, why):
    before = tables(project)
    with pytest.raises(NotVerified, match=why):
        found(project, events, n, **more)
    assert tables(project) == before


def test_more_events_than_patients_are_refused_at_the_prompt_and_a_line_can_be_taken_back(project):
    old = cell(project, CELL)
    keys = "w\nTable 2\n12\n20\n13\n<\nc\n<\nq\n"
    done = cordbook(project, "verify-counts", "--count", CELL, "--as", "Dee", keys=keys)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("events are no more than patients") == 2
    assert "What was wrong" not in done.stdout
    assert done.stdout.count("it stands") == 3  # each way back leads to the choice
    assert rows(project, "verifications") == []
    assert cell(project, CELL) == old


def test_through_the_command(project):
    """Confirm one, correct one with a percent, skip, go back, take one back; what was not asked is not written."""
    first, second = (
        c["cell_id"] for c in json.loads(cordbook(project, "verify-counts", "--study", "lima2010", "--list", "--json").stdout)[:2]
    )
    old = cell(project, second)
    no = "w\n\n10\n3\nmisread\nn\n"
    yes = "w\n\n10\n40%\ny\nmisread\ny\n"
    keys = f"?\nc\nTable 2, page 5\nb\ns\n{no}{yes}q\n"
    done = cordbook(project, "verify-counts", "--study", "lima2010", "--as", "Dee", keys=keys)
    assert done.returncode == 0, done.stderr
    assert "is the only count that rounds to 40%" in done.stdout
    assert f"outcomes.csv: {old['events']} of {old['n']} becomes 4 of 10" in done.stdout
    assert "both readings stay in extractions.csv" in done.stdout
    assert "What was read, precisely enough to find it again." in done.stdout
    assert "2 checked" in done.stdout
    kept = rows(project, "verifications")
    assert [(r["cell_id"], r["verdict"], r["source_read"], r["events"], r["n"]) for r in kept] == [
        (first, "confirmed", "Table 2, page 5", cell(project, first)["events"], cell(project, first)["n"]),
        (second, "corrected", "Table 2, page 5", "4", "10"),
    ]
    assert {(c["row_key"], c["column"], c["old_value"]) for c in rows(project, "corrections")} == {
        (second, column, old[column]) for column, new in (("events", "4"), ("n", "10")) if old[column] != new
    }
    assert validate(project / "data").errors == 0
    told = cordbook(project, "verify-counts", "--list").stdout
    assert first not in told
    assert f"2 of {len(rows(project, 'outcomes'))} counts" in told
    assert "estimates rest on checked counts at least in part" in told
    assert [line.split()[0] for line in told.splitlines()[:1]] == ["count"]


def test_former_names_of_the_command_and_its_option_still_work_and_are_not_in_the_help(project, capsys):
    """Guides of released versions give them."""
    assert main(["verify-cells", "--cell", "no-such"]) == 2
    assert "there is no count 'no-such'" in capsys.readouterr().err
    for arguments in (["--help"], ["verify-counts", "--help"], ["extract", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "cell" not in capsys.readouterr().out


def test_what_cannot_be_asked_is_told(project, monkeypatch, capsys):
    """Nobody named, nobody there, nothing known by that name, nothing left: one clear line each, and nothing written."""
    monkeypatch.delenv("CORDBOOK_REVIEWER", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    before = tables(project)
    for arguments, code, says in (
        (["--as", ""], 2, "say who checks"),
        (["--as", "Dee"], 2, "nobody answers: this is not a terminal"),
        (["--study", "no-such"], 2, "there is no study 'no-such'"),
        (["--estimate", "no-such"], 2, "no estimate 'no-such'"),
        (["--count", "no-such"], 2, "there is no count 'no-such'"),
        (["--json"], 2, "--json goes with --list"),
        (["--count", CELL, "--as", "Glia_NSC"], 0, "counts that you read yourself are left out"),
    ):
        assert main(["verify-counts", *arguments]) == code, arguments
        told = capsys.readouterr()
        assert says in (told.out if code == 0 else told.err), arguments
    assert tables(project) == before
    for one in of_which(counts_to_check(load_estimates(project)), load_estimates(project), study="lima2010"):
        now = cell(project, one.cell_id)
        found(project, int(now["events"]), int(now["n"]), one.cell_id, note="")
    assert main(["verify-counts", "--study", "lima2010", "--as", "Dee"]) == 0
    assert "No count waits to be checked. To look at checked ones again: --again" in capsys.readouterr().out


def test_the_share_of_an_estimate_moves(project):
    data = project / "data"
    one = "ais-improved"
    estimates = load_estimates(project)
    assert verified_share(estimates[one], estimates.evidence) == 0
    study = estimates[one].rows[0].study_id
    weight = study_weights(estimates[one])[study] / 100
    for cell_id in estimates[one].rows[0].count_ids:
        now = cell(project, cell_id)
        found(project, int(now["events"]), int(now["n"]), cell_id, note="")
    again = load_estimates(project)
    assert verified_share(again[one], again.evidence) == pytest.approx(weight)
    states = states_of(load_evidence(data))
    assert set(states) == {VERIFIED, TWICE, ONCE}


@pytest.mark.parametrize("moves", range(5))
def test_the_power_goes_while_a_correction_is_written(project, monkeypatch, moves):
    """After ``moves`` files were put in place: the next command finishes the correction, or nothing had begun. Never a part."""
    before, old = tables(project), cell(project)
    # The list of moves is one file, verifications, corrections and outcomes are three.
    with power_gone_after(monkeypatch, moves, of=4):
        found(project, int(old["events"]) - 1, int(old["n"]))
    assert main(["verify-counts", "--list", "--json"]) == 0
    if moves == 0:
        assert tables(project) == before
    else:
        assert cell(project)["events"] == str(int(old["events"]) - 1)
        assert [len(rows(project, name)) for name in ("verifications", "corrections")] == [1, 1]
        assert validate(project / "data").errors == 0
    assert [p for p in [*project.rglob(".*.staged"), *project.rglob("transaction.json")] if p.is_file()] == []
