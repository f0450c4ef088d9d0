"""Decisions on records: read, and added one row at a time so that none is lost when the power goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cordbook.intake.records.append import append_rows, in_turn
from cordbook.intake.records.store import Row, read_rows

TABLE = "screening"
COLUMNS = ("record_id", "stage", "reviewer", "role", "decision", "reason", "study_id", "decided_at", "note")


def now() -> str:
    """This moment in universal time, to the microsecond, so that no two decisions of a person share it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions of a project. ``kept`` holds the lock, and rows that a crash cut short."""

    data: Path
    kept: Path
    clock: Callable[[], str] = now

    @property
    def path(self) -> Path:
        return self.data / f"{TABLE}.csv"

    def rows(self) -> list[Row]:
        """All rows in the order of the file."""
        return [row for row in read_rows(self.data, TABLE) if all(row.get(c) is not None for c in ("record_id", "decided_at"))]

    def add(self, *rows: Mapping[str, str]) -> list[Row]:
        """Add rows at the end of the file, on disk when this returns; the moment is set here. Returns them as written."""
        made = [{c: " ".join(str(row.get(c, "")).split()) for c in COLUMNS} | {"decided_at": self.clock()} for row in rows]
        in_turn(self.kept, lambda: append_rows(self.path, COLUMNS, made, self.kept / "screening.cut-short"))
        return made
