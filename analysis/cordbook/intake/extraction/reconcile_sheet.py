"""The differences of two readings as a spreadsheet, and the decisions back from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from cordbook.intake.extraction.codebook import Codebook
from cordbook.intake.extraction.form import spreadsheet_rows
from cordbook.intake.extraction.readings import NotReadable, Place
from cordbook.intake.extraction.reconcile import COUNTS, Comparison, Decision, Difference, decide
from cordbook.intake.records.untrusted_text import cell_for_spreadsheet

HEADER = ("study_id", "table", "row", "column", "first", "second", "keep", "value", "reason", "allowed", "meaning")


def sheet_text(comparison: Comparison, decisions: Mapping[Place, Decision], codebook: Codebook) -> str:
    """A CSV with one line per difference; the person fills ``keep`` (and ``value`` for other) and ``reason``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for d in comparison.differences:
        c = decisions.get(d.place, Decision("", "", ""))
        table, _, column = d.place
        meaning = "Events of n patients." if column == COUNTS else codebook.column(table, column).description
        # A plain 9/20 would become a date.
        first, second = (f"{x} patients" if column == COUNTS and "/" in x else x for x in (d.first, d.second))
        cells = (comparison.first.study_id, *d.place, first, second, c.keep, c.value, c.reason, " ".join(d.keeps), meaning)
        writer.writerow([cell_for_spreadsheet(cell) for cell in cells])
    return out.getvalue()


def take(
    text: str, comparison: Comparison, known: Mapping[Place, Decision], by: str, codebook: Codebook
) -> tuple[dict[Difference, Decision], list[str]]:
    """Decisions of a sheet that are new, and what is wrong, each with its line. ``ValueError`` where it is not such a sheet."""
    waiting = {d.place: d for d in comparison.differences}
    made: dict[Difference, Decision] = {}
    problems = []
    for line, row in spreadsheet_rows(text, ("table", "row", "column", "keep")):
        place = (row.get("table", ""), row.get("row", ""), row.get("column", ""))
        if not row.get("keep"):
            continue
        if row.get("study_id", comparison.first.study_id) != comparison.first.study_id or place not in waiting:
            problems.append(f"line {line}: there is no difference at {' '.join(place)}")
            continue
        value = row.get("value", "").removesuffix(" patients")
        try:
            new = decide(waiting[place], row["keep"].lower().removesuffix(".0"), value, row.get("reason", ""), by, codebook)
        except NotReadable as problem:
            problems.append(f"line {line}: {problem}")
            continue
        old = known.get(place)
        if old is None or (old.keep, old.value, old.reason) != (new.keep, new.value, new.reason):
            made[waiting[place]] = new
    return made, problems
