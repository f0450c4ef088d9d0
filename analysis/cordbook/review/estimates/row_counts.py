"""Counts of rows for prose: how many rows of a table of ``data/`` fit a condition."""

from __future__ import annotations

from cordbook.errors import UnknownName
from cordbook.evidence.evidence import Evidence


def count_rows(evidence: Evidence, question: str) -> int:
    """Rows of a table that fit all conditions of ``TABLE/COLUMN=VALUE/COLUMN~PART``.

    ``=`` asks for the whole value (yes and no for truth values), ``~`` for a part of the text, in any case of letters.
    A column of a section (``section~2.``) is text like any other. Without a condition all rows count.

    Raises ``KeyError`` for an unknown table or column, ``ValueError`` for a condition without ``=`` or ``~``.
    """
    name, *conditions = (part.strip() for part in question.split("/"))
    table = evidence[name]
    for condition in conditions:
        sign = next((s for s in condition if s in "=~"), None)
        if sign is None:
            raise ValueError(f"{condition!r} is not a condition; write COLUMN=VALUE or COLUMN~PART")
        column, value = condition.split(sign, 1)
        if column not in table.columns:
            raise UnknownName(f"table {name} has no column {column!r}; there are {', '.join(table.columns)}")
        held = table[column].map(_as_text)
        table = table[held == value] if sign == "=" else table[held.str.lower().str.contains(value.lower(), regex=False)]
    return len(table)


def _as_text(value: object) -> str:
    if value is None or value != value or str(value) == "<NA>":
        return ""
    return {"True": "yes", "False": "no"}.get(str(value), str(value))
