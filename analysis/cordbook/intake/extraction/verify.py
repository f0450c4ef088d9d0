"""What a person found who looked a count up in its source: written at once, a correction with the old and the new value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cordbook.errors import CordbookError
from cordbook.evidence.problems import Problem
from cordbook.evidence.rules import complaints
from cordbook.evidence.schema import Field, load_package
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


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding with the count (events, n) that the person compared with the source, and the day."""

    finding: Finding
    shown: tuple[str, str]
    on: str


def verify(data: Path, kept: Path, finding: Finding, shown: tuple[str, str], on: str) -> str:
    """Write a finding; returns the verdict. ``shown`` is the count (events, n) that the person compared with the source.

    A reading that differs changes the count, with a row of ``corrections`` for each value. Raises :class:`NotVerified`.
    """
    [verdict] = verify_all(data, kept, [Checked(finding, shown, on)])
    return verdict


def verify_all(data: Path, kept: Path, found: Sequence[Checked], name: Callable[[int], str] = lambda at: "") -> list[str]:
    """Write findings in their order, all of them or none; returns the verdicts.

    Raises :class:`NotVerified` with everything that is wrong; ``name`` says before each which finding it is, by its place.
    """
    return in_turn(kept, lambda: _write(data, kept, found, name))


def _write(data: Path, kept: Path, found: Sequence[Checked], name: Callable[[int], str]) -> list[str]:
    transaction.finish(kept)
    fields = load_package(data).table("verifications").fields
    before = {table: read_rows(data, table) for table in ("verifications", "corrections", "outcomes")}
    tables, verdicts, wrong = dict(before), [], []
    for at, checked in enumerate(found):
        try:
            tables, verdict = _with_finding(tables, checked, fields)
            verdicts.append(verdict)
        except NotVerified as error:
            wrong.append(f"{name(at)}{error}")
    if wrong:
        raise NotVerified("\n".join(wrong))
    changed = {table: rows for table, rows in tables.items() if rows is not before[table]}
    errors: list[Problem] = new_errors(data, changed)
    if errors:
        raise NotVerified("the data would break a rule: " + "; ".join(_told(p, found, name) for p in errors))
    transaction.commit(kept, transaction.texts_of(data, changed))
    return verdicts


def _told(problem: Problem, found: Sequence[Checked], name: Callable[[int], str]) -> str:
    """A broken rule in words, after the name of the finding whose count it is about."""
    about = next((name(at) for at, c in enumerate(found) if c.finding.cell_id == problem.key), "")
    return f"{about}{problem.message} {problem.remedy}"


def _with_finding(tables: Mapping[str, list[Row]], checked: Checked, fields: Sequence[Field]) -> tuple[dict[str, list[Row]], str]:
    """The tables with one more finding, and its verdict."""
    finding, shown, on = checked.finding, checked.shown, checked.on
    count = next((row for row in tables["outcomes"] if row["cell_id"] == finding.cell_id), None)
    if count is None:
        raise NotVerified(f"there is no count {finding.cell_id}")
    if (count["events"], count["n"]) != shown:
        raise NotVerified(f"the count has become {count['events']} of {count['n']} meanwhile; look again")
    read = {"events": str(finding.events), "n": str(finding.n)}
    changed = {column: value for column, value in read.items() if count[column] != value}
    row: Row = {
        "cell_id": finding.cell_id,
        "verified_by": finding.person,
        "verified_on": on,
        "source_read": finding.source_read,
        "verdict": CORRECTED if changed else CONFIRMED,
        **read,
        "note": finding.note,
    }
    wrong = [f"{f.name}: {message} {remedy}" for f in fields for _, message, remedy in complaints(f, row[f.name])]
    if changed and not finding.note:
        wrong.append("a correction says what was wrong")
    if wrong:
        raise NotVerified("; ".join(wrong))
    before = tables["verifications"]
    others = _others(before, row)
    if any(r["verdict"] == CORRECTED for r in before if r not in others):
        # What the same person corrected that day and now finds right is still a correction.
        row["verdict"] = CORRECTED
    new = dict(tables) | {"verifications": [*others, row]}
    if changed:
        corrections = tables["corrections"]
        number = max((int(c["correction_id"][1:]) for c in corrections), default=0)
        new["corrections"] = corrections + [
            {
                "correction_id": f"K{number + i:03d}",
                "table": "outcomes",
                "row_key": finding.cell_id,
                "column": column,
                "old_value": count[column],
                "new_value": value,
                "corrected_on": on,
                "reason": f"{finding.person} read {finding.source_read}: {finding.note}",
            }
            for i, (column, value) in enumerate(changed.items(), 1)
        ]
        new["outcomes"] = [r | read if r["cell_id"] == finding.cell_id else r for r in tables["outcomes"]]
    return new, row["verdict"]


def _others(rows: list[Row], new: Row) -> list[Row]:
    """Rows that stay: a second look of the same person on the same day stands in place of the first."""
    return [
        row
        for row in rows
        if (row["cell_id"], row["verified_on"]) != (new["cell_id"], new["verified_on"])
        or not same_person(row["verified_by"], new["verified_by"])
    ]
