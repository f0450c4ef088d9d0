"""What a person found who looked a cell up in its source: written at once, a correction with the old and the new value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cordbook.errors import CordbookError
from cordbook.evidence.problems import Problem
from cordbook.evidence.rules import complaints
from cordbook.evidence.schema import load_package
from cordbook.intake.extraction.readings import same_person
from cordbook.intake.extraction.reconcile import new_errors
from cordbook.intake.records import transaction
from cordbook.intake.records.append import in_turn
from cordbook.intake.records.store import Row, read_rows

CONFIRMED, CORRECTED = "confirmed", "corrected"


class NotVerified(CordbookError, ValueError):
    """A check that cannot be written; the message says why. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person read: where, and events of n. ``note`` says what was wrong, for a correction."""

    cell_id: str
    person: str
    source_read: str
    events: int
    n: int
    note: str = ""


def verify(data: Path, kept: Path, finding: Finding, shown: tuple[str, str], on: str) -> str:
    """Write a finding; returns the verdict. ``shown`` is the cell (events, n) that the person compared with the source.

    A reading that differs changes the cell, with a row of ``corrections`` for each value. Raises :class:`NotVerified`.
    """
    return in_turn(kept, lambda: _write(data, kept, finding, shown, on))


def _write(data: Path, kept: Path, finding: Finding, shown: tuple[str, str], on: str) -> str:
    transaction.finish(kept)
    outcomes = read_rows(data, "outcomes")
    cell = next((row for row in outcomes if row["cell_id"] == finding.cell_id), None)
    if cell is None:
        raise NotVerified(f"there is no count {finding.cell_id}")
    if (cell["events"], cell["n"]) != shown:
        raise NotVerified(f"the count has become {cell['events']} of {cell['n']} meanwhile; look again")
    read = {"events": str(finding.events), "n": str(finding.n)}
    changed = {column: value for column, value in read.items() if cell[column] != value}
    row: Row = {
        "cell_id": finding.cell_id,
        "verified_by": finding.person,
        "verified_on": on,
        "source_read": finding.source_read,
        "verdict": CORRECTED if changed else CONFIRMED,
        **read,
        "note": finding.note,
    }
    table = load_package(data).table("verifications")
    wrong = [f"{f.name}: {message} {remedy}" for f in table.fields for _, message, remedy in complaints(f, row[f.name])]
    if changed and not finding.note:
        wrong.append("a correction says what was wrong")
    if wrong:
        raise NotVerified("; ".join(wrong))
    before = read_rows(data, "verifications")
    others = _others(before, row)
    if any(r["verdict"] == CORRECTED for r in before if r not in others):
        # What the same person corrected that day and now finds right is still a correction.
        row["verdict"] = CORRECTED
    tables = {"verifications": [*others, row]}
    if changed:
        corrections = read_rows(data, "corrections")
        number = max((int(c["correction_id"][1:]) for c in corrections), default=0)
        tables["corrections"] = corrections + [
            {
                "correction_id": f"K{number + i:03d}",
                "table": "outcomes",
                "row_key": finding.cell_id,
                "column": column,
                "old_value": cell[column],
                "new_value": value,
                "corrected_on": on,
                "reason": f"{finding.person} read {finding.source_read}: {finding.note}",
            }
            for i, (column, value) in enumerate(changed.items(), 1)
        ]
        tables["outcomes"] = [r | read if r["cell_id"] == finding.cell_id else r for r in outcomes]
    errors: list[Problem] = new_errors(data, tables)
    if errors:
        raise NotVerified("the data would break a rule: " + "; ".join(f"{p.message} {p.remedy}" for p in errors))
    transaction.commit(kept, transaction.texts_of(data, tables))
    return row["verdict"]


def _others(rows: list[Row], new: Row) -> list[Row]:
    """Rows that stay: a second look of the same person on the same day stands in place of the first."""
    return [
        row
        for row in rows
        if (row["cell_id"], row["verified_on"]) != (new["cell_id"], new["verified_on"])
        or not same_person(row["verified_by"], new["verified_by"])
    ]
