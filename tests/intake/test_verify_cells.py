"""Checking cells against their sources: the queue, findings that are written whole, corrections, and what the audit says."""

from __future__ import annotations

import io
import shutil

import pytest

from cordbook.cli import main
from cordbook.evidence import validate
from cordbook.evidence.evidence import load_evidence
from cordbook.intake.verifying import Finding, NotVerified, verify
from cordbook.review.audit import verified_share
from cordbook.review.checking import ONCE, TWICE, VERIFIED, cells_to_check, of_which, states_of
from cordbook.review.estimates import load_estimates
from cordbook.review.risk_of_bias import study_weights
from tests.intake.invented import ROOT, cordbook, rows

CELL = "lima2010.treated.ais_improved.all.27.7"


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("raw", "readings"))
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, folder / name)
    monkeypatch.chdir(folder)
    return folder


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
    queue = cells_to_check(estimates)
    cells = estimates.evidence["outcomes"].set_index("cell_id")
    assert sorted(c.cell_id for c in queue) == sorted(cells.index)
    assert [c.urgency for c in queue] == sorted((c.urgency for c in queue), reverse=True)
    for c in [x for x in queue if x.estimate][::40]:
        weights = study_weights(estimates[c.estimate])
        assert c.weight == pytest.approx(weights[c.study_id] / 100)
        assert c.cell_id in estimates[c.estimate].cells
        factor = 1 + {"low": 1, "medium": 0.5, "high": 0}[c.confidence] + (c.state == ONCE)
        assert c.urgency == pytest.approx(c.weight * factor)
        # No whole estimate gives its study more.
        others = [e for e in estimates if e.result is not None and e.synthesis.parent is None and c.cell_id in e.cells]
        assert c.weight == pytest.approx(max(study_weights(e)[c.study_id] / 100 for e in others))
    assert {c.study_id for c in of_which(queue, "lima2010", estimates)} == {"lima2010"}
    assert {c.cell_id for c in of_which(queue, "ais-improved-cell-therapy", estimates)} == set(estimates["ais-improved-cell-therapy"].cells)
    with pytest.raises(KeyError, match="no cell, no study"):
        of_which(queue, "nothing", estimates)


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


def test_through_the_command(project, monkeypatch, capsys):
    """Confirm one, correct one with a percent, skip, go back; what was not asked is not written."""
    keys = "c\nTable 2, page 5\nb\ns\nw\n\n10\n40%\ny\nmisread\nq\n"
    done = cordbook(project, "verify-cells", "lima2010", "--as", "Dee", keys=keys)
    assert done.returncode == 0, done.stderr
    assert "is the only count that rounds to 40%" in done.stdout
    assert "2 checked" in done.stdout
    kept = rows(project, "verifications")
    assert [(r["verdict"], r["source_read"]) for r in kept] == [("confirmed", "Table 2, page 5"), ("corrected", "Table 2, page 5")]
    assert (kept[1]["events"], kept[1]["n"]) == ("4", "10")
    assert {c["row_key"] for c in rows(project, "corrections")} == {kept[1]["cell_id"]}
    assert validate(project / "data").errors == 0
    assert main(["verify-cells", "lima2010", "--list"]) == 0
    said = capsys.readouterr().out
    assert kept[0]["cell_id"] not in said
    assert "2 of" in said
    monkeypatch.delenv("CORDBOOK_REVIEWER", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["verify-cells"]) == 2
    assert "say who checks" in capsys.readouterr().err
    assert main(["verify-cells", "no-such", "--as", "A"]) == 2
    assert "no cell, no study" in capsys.readouterr().err


def test_the_share_of_an_estimate_moves(project):
    data = project / "data"
    one = "ais-improved-treated-v-control"
    estimates = load_estimates(project)
    assert verified_share(estimates[one], estimates.evidence) == 0
    study = estimates[one].rows["study_id"].iloc[0]
    weight = study_weights(estimates[one])[study] / 100
    for cell_id in estimates[one].rows["cells"].iloc[0]:
        now = cell(project, cell_id)
        found(project, int(now["events"]), int(now["n"]), cell_id, note="")
    again = load_estimates(project)
    assert verified_share(again[one], again.evidence) == pytest.approx(weight)
    states = states_of(load_evidence(data))
    assert set(states) == {VERIFIED, TWICE, ONCE}
