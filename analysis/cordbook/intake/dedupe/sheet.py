"""Uncertain pairs as a spreadsheet, and the decisions back from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from cordbook.errors import CordbookError
from cordbook.intake.dedupe.pairs import Pair
from cordbook.intake.dedupe.store import Tables
from cordbook.intake.records.untrusted_text import cell_for_spreadsheet

SHOWN = ("title", "authors", "year", "container", "volume", "pages", "doi", "pmid", "kind", "source", "url")
HEADER = (
    "decision",
    "record",
    "other",
    "similarity",
    "why",
    *(f"{side}_{name}" for name in SHOWN for side in ("record", "other")),
)


class BadSheet(CordbookError, ValueError):
    """Rows of a sheet that cannot be taken; the message names all of them."""


def sheet(pairs: Iterable[Pair], tables: Tables) -> str:
    """One row per pair; the reader writes ``same`` or ``different`` into the first column."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for pair in pairs:
        sides = tables.record(pair.a), tables.record(pair.b)
        cells = [getattr(side, name) for name in SHOWN for side in sides]
        writer.writerow(["", *map(cell_for_spreadsheet, (pair.a, pair.b, f"{pair.score:.3f}", pair.why, *cells))])
    return out.getvalue()


def decisions(text: str, tables: Tables) -> list[tuple[str, str, bool]]:
    """The decisions in a sheet: record, other, are they the same? Blank ones are left out. Raises :class:`BadSheet`."""
    delimiter = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter)
    if not {"decision", "record", "other"} <= set(rows.fieldnames or ()):
        raise BadSheet("the first line must name the columns decision, record and other")
    found, wrong = [], []
    for row in rows:
        decision = (row["decision"] or "").strip().casefold()
        pair = [(row[side] or "").strip().removeprefix("'") for side in ("record", "other")]
        if not decision:
            continue
        unknown = [i for i in pair if i not in tables.records and i not in tables.studies]
        if unknown:
            wrong.append(f"line {rows.line_num}: no record or study {unknown[0]!r}")
        elif decision not in ("same", "different", "s", "d"):
            wrong.append(f"line {rows.line_num}: {decision!r} is neither same nor different")
        else:
            found.append((pair[0], pair[1], decision.startswith("s")))
    if wrong:
        raise BadSheet("nothing was taken from it:\n" + "\n".join(wrong))
    return found
