"""Decisions on records: read, and added one row at a time so that none is lost when the power goes."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cordbook.intake.store import Busy, Row, read_rows, writing

TABLE = "screening"
COLUMNS = ("record_id", "stage", "reviewer", "role", "decision", "reason", "study_id", "decided_at", "note")
#: Seconds to wait for another person who writes at the same time: a row takes milliseconds.
PATIENCE = 10.0


def now() -> str:
    """This moment in universal time, to the microsecond, so that no two decisions of a person share it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions of a project. ``cache`` holds the lock, and rows that a crash cut short."""

    data: Path
    cache: Path
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
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with writing(self.cache):
                    self._append(made)
                return made
            except Busy:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _append(self, rows: list[Row]) -> None:
        with open(self.path, "a+b") as file:
            file.seek(0)
            before = file.read()
            whole, columns = _mended(before)
            if whole != before:
                self.cache.mkdir(parents=True, exist_ok=True)
                with open(self.cache / "screening.cut-short", "ab") as kept:
                    kept.write(before[len(whole.rstrip(b"\n")) :] + b"\n")
                file.truncate(0)
                file.write(whole)
            out = io.StringIO()
            writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
            if not whole:
                writer.writeheader()
            writer.writerows(rows)
            file.write(out.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())


def _mended(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The file without a last row that was cut short, ending in a line break, and its columns."""
    text = content.decode("utf-8-sig", "replace")
    columns = tuple(next(csv.reader(io.StringIO(text)), ())) or COLUMNS
    if not content or content.endswith(b"\n"):
        return content, columns
    head, _, last = content.rpartition(b"\n")
    fields = next(csv.reader([last.decode("utf-8", "replace")]), [])
    if not head or len(fields) == len(columns):
        return content + b"\n", columns
    return head + b"\n", columns
