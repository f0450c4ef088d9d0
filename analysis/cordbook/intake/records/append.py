"""Adding rows at the end of a CSV file so that none is lost when the power goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from cordbook.core import csv_files
from cordbook.core.files import add_to
from cordbook.intake.records.store import Busy, writing

#: Seconds to wait for another person who writes at the same time: a row takes milliseconds.
PATIENCE = 10.0

Result = TypeVar("Result")


def in_turn(kept: Path, work: Callable[[], Result]) -> Result:
    """``work`` while no other process writes the tables; raises :class:`Busy` after :data:`PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with writing(kept):
                return work()
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def append_rows(path: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, str]], cut_short: Path) -> None:
    """Add rows to ``path``, on disk when this returns; what a crash left of a last row goes to ``cut_short``.

    ``columns`` are those of a new file; an old one keeps its own.
    """
    before = path.read_bytes() if path.exists() else b""
    whole, there = _mended(before, columns)
    keep = min(len(before), len(whole))
    if keep < len(before):
        add_to(cut_short, before[keep:] + b"\n")
    known = [{column: row.get(column, "") for column in there} for row in rows]
    add_to(path, whole[keep:] + csv_files.to_csv(known, there, header=not whole).encode(), keep)


def _mended(content: bytes, columns: tuple[str, ...]) -> tuple[bytes, tuple[str, ...]]:
    """The file without a last row that was cut short, ending in a line break, and its columns."""
    there = csv_files.parse(content.decode("utf-8-sig", "replace"), strict=False).header or columns
    if not content or content.endswith(b"\n"):
        return content, there
    head, _, last = content.rpartition(b"\n")
    fields = csv_files.parse(last.decode("utf-8", "replace"), strict=False).header
    if not head or len(fields) == len(there):
        return content + b"\n", there
    return head + b"\n", there
