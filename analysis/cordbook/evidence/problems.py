"""Problems of the data: what is wrong, exactly where, and what to do about it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Literal

Severity = Literal["error", "warning"]

#: A value is shown whole up to this length: longer ones are notes, of which the beginning tells enough.
SHOWN_VALUE = 80
#: Text is wrapped at this width, which fits a terminal and a mail.
WIDTH = 100
#: Before the reason why a broken rule is accepted.
KNOWN = " Known: "
#: So many rows of one and the same warning are named.
NAMED_ROWS = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule at one place.

    ``row`` is the number that a spreadsheet shows beside the row (the header is row 1);
    None where the problem is of the whole file. ``key`` is the primary key of the row.

    >>> p = Problem("outcomes.csv", 7, "events", "12", "events-not-above-n",
    ...             "12 events in 10 patients.", "Lower events or raise n.")
    >>> p.place
    'outcomes.csv, row 7, events'
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    rule: str
    message: str
    remedy: str
    severity: Severity = "error"
    key: str = ""

    @property
    def place(self) -> str:
        """Where it is, as a person would say it."""
        parts = [self.file]
        if self.row is not None:
            parts.append(f"{_counted(self.file)} {self.row}")
        if self.column:
            parts.append(self.column)
        return ", ".join(parts)

    def as_warning(self, reason: str) -> Problem:
        """The same problem as a warning, with the reason why it stays."""
        return replace(self, severity="warning", message=f"{self.message}{KNOWN}{reason}")

    @property
    def is_known(self) -> bool:
        """Was it looked at and accepted?"""
        return KNOWN in self.message


def _counted(file: str) -> str:
    """What is counted in a file: rows of a table, lines of any other."""
    return "row" if file.endswith(".csv") else "line"


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Problems by file, row, column and rule; exact repeats once."""
    return sorted(set(problems), key=lambda p: (p.file, p.row or 0, p.column or "", p.rule, p.message, p.value or "", p.key))


def counts(problems: Iterable[Problem]) -> dict[Severity, int]:
    """Number of errors and of warnings."""
    severities = [p.severity for p in problems]
    return {"error": severities.count("error"), "warning": severities.count("warning")}


def as_text(problems: Iterable[Problem]) -> str:
    """Problems for a person: grouped by file, places aligned, a remedy under each; the same warning of many rows once."""
    lines: list[str] = []
    for file, group in groupby(in_order(problems), key=lambda p: p.file):
        lines.append(_printable(file))
        for alike in _alike(group):
            lines.extend(_lines(alike))
        lines.append("")
    return "\n".join(lines)


def _alike(problems: Iterable[Problem]) -> Iterable[list[Problem]]:
    """Problems of a file, warnings together that say the same of the same column; errors each by itself."""
    groups: dict[object, list[Problem]] = {}
    for problem in problems:
        same = (problem.rule, problem.column, problem.message) if problem.severity == "warning" else problem
        groups.setdefault(same, []).append(problem)
    return groups.values()


def _lines(alike: list[Problem]) -> list[str]:
    problem = alike[0]
    if len(alike) > 1:
        rows = [str(p.row) for p in alike if p.row is not None]
        more = f" and {len(rows) - NAMED_ROWS} more" if len(rows) > NAMED_ROWS else ""
        where, value = f"{len(alike)} rows", ""
        heading = [*textwrap.wrap(f"Rows {', '.join(rows[:NAMED_ROWS])}{more}.", WIDTH - 11)] if rows else []
    else:
        where, heading = "file" if problem.row is None else f"{_counted(problem.file)} {problem.row}", []
        value = "" if problem.value is None else f" = {_shown(problem.value)}"
    place = ", ".join(part for part in (where, problem.column) if part)
    head = f"  {problem.severity:<7}  {_printable(place)}{value}  [{problem.rule}]"
    body = [*heading, *textwrap.wrap(_printable(problem.message), WIDTH - 11)]
    if not problem.is_known:
        body += textwrap.wrap(f"To do: {_printable(problem.remedy)}", WIDTH - 11)
    return [head, *(" " * 11 + line for line in body)]


def _shown(value: str) -> str:
    text = value if len(value) <= SHOWN_VALUE else value[: SHOWN_VALUE - 1] + "…"
    return f'"{_printable(text)}"'


def _printable(text: str) -> str:
    """Text safe for a terminal: control characters and lone surrogates are shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def as_json(problems: Iterable[Problem]) -> str:
    """Problems and their counts as JSON, in a fixed order."""
    ordered = in_order(problems)
    number = counts(ordered)
    return json.dumps(
        {
            "errors": number["error"],
            "warnings": number["warning"],
            "problems": [asdict(p) for p in ordered],
        },
        ensure_ascii=False,
        indent=1,
    )
