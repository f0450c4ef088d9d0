"""Reading a stranger's table of counts: any sensible delimiter, every problem named by line and column.

`ReadError` means that the file cannot be read or lacks a column (exit code 2); `DataError` that its content is wrong (exit code 1).
"""

from __future__ import annotations

import csv
import difflib
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DELIMITERS = (",", ";", "\t")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", ".", "-", "?"})
STANDARD_INPUT = "-"
# A list of hundreds of bad cells is not read; the first ones show the pattern.
MAX_PROBLEMS_SHOWN = 20


class ReadError(Exception):
    """The file cannot be read, or has no such column."""


class DataError(Exception):
    """The file is readable, but a cell or row in it is wrong. The message lists every problem."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row with the line of the file on which it starts (the header is line 1)."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a delimited text file."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: str) -> Table:
    """Read a CSV file (comma, semicolon or tab; UTF-8 with or without BOM). ``-`` reads standard input.

    Raises
    ------
    ReadError
        If the file is missing, not text in UTF-8, or empty.
    DataError
        If rows have more or fewer cells than the header.
    """
    name = "standard input" if path == STANDARD_INPUT else path
    text = _decode(_read_bytes(path), name)
    delimiter = _delimiter(text)
    # strict makes a quote that is never closed an error; it would otherwise swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: tuple[str, ...] = ()
    rows: list[Row] = []
    problems: list[str] = []
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not header:
                header = tuple(cells)
            elif len(cells) != len(header):
                problems.append(
                    f"{name}, line {line}: {len(cells)} cells, but the header has {len(header)}; "
                    "add what is missing, or quote the cell that holds a delimiter."
                )
            else:
                rows.append(Row(line, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise DataError(f"{name}, line {start}: {error}; check the quotes in this row and in those after it.") from error
    if not header:
        raise ReadError(f"{name} is empty: the first line must name the columns.")
    raise_problems(problems)
    return Table(name, header, tuple(rows))


def read_columns(table: Table, options: Mapping[str, str]) -> None:
    """Check that each column named by an option is there once.

    Parameters
    ----------
    options : mapping of option name to column name, such as ``{"--events": "events"}``

    Raises
    ------
    ReadError
        Naming the option, the columns that exist, and the likeliest spelling.
    """
    problems = []
    for option, column in options.items():
        found = table.columns.count(column)
        if found == 0:
            close = difflib.get_close_matches(column, table.columns, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            shown = ", ".join(repr(name) for name in table.columns)
            problems.append(f"{table.name} has no column {column!r} ({option}).{hint} Its columns are {shown}.")
        elif found > 1:
            problems.append(f"{table.name} has {found} columns named {column!r} ({option}): rename all but one.")
    if problems:
        raise ReadError("\n".join(problems))


def read_counts(table: Table, pairs: Sequence[tuple[str, str]]) -> list[NDArray[np.int64]]:
    """Read pairs of (events, n) columns as whole numbers, in the order events, n, events, n.

    Raises
    ------
    DataError
        Listing every cell that is missing, not a whole number, negative, or larger than it may be.
    """
    problems: list[str] = []
    values: dict[str, list[int]] = {column: [] for pair in pairs for column in pair}
    for row in table.rows:
        for events_column, n_column in pairs:
            events = _count(table, row, events_column, 0, problems)
            n = _count(table, row, n_column, 1, problems)
            if events is not None and n is not None and events > n:
                problems.append(
                    f"{table.name}, line {row.line}, column {events_column!r}: {events} events are more than the {n} of "
                    f"column {n_column!r}; correct one of the two."
                )
            values[events_column].append(events if events is not None else 0)
            values[n_column].append(n if n is not None else 1)
    if not table.rows:
        problems.append(f"{table.name} has a header but no rows: add one row a study.")
    raise_problems(problems)
    return [np.array(values[column], dtype=np.int64) for pair in pairs for column in pair]


def read_labels(table: Table, column: str | None) -> list[str]:
    """Study names; "line N" where there is no such column or the cell is empty."""
    return [(row.cells[column] if column else "") or f"line {row.line}" for row in table.rows]


def raise_problems(problems: Sequence[str]) -> None:
    """Raise one DataError for all problems, if there are any."""
    if not problems:
        return
    shown = list(problems[:MAX_PROBLEMS_SHOWN])
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more problems of this kind.")
    raise DataError("\n".join(shown))


def _read_bytes(path: str) -> bytes:
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReadError(f"{path} cannot be read: {reason}. Check the name and that it is a readable file.") from error


def _decode(data: bytes, name: str) -> str:
    # Excel's "Unicode text" is UTF-16 with a byte order mark, which is unmistakable, so it is welcome too.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ReadError(f"{name}, line {line}: not UTF-8 text. Save the table as CSV in UTF-8 and try again.") from error
    if "\0" in text:
        raise ReadError(f"{name} is not a text file. Save the table as CSV in UTF-8 and try again.")
    return text


def _delimiter(text: str) -> str:
    """The delimiter that splits the first line which is not blank into the most cells."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def cells(delimiter: str) -> int:
        return len(next(csv.reader([first], delimiter=delimiter)))

    return max(DELIMITERS, key=cells)


def _count(table: Table, row: Row, column: str, lowest: int, problems: list[str]) -> int | None:
    cell = row.cells[column]
    place = f"{table.name}, line {row.line}, column {column!r}"
    if cell.lower() in MISSING:
        shown = f" ({cell!r})" if cell else ""
        problems.append(f"{place}: the count is missing{shown}; fill it in, or leave the row out.")
        return None
    try:
        number = float(cell)
        value = int(number)
    except (ValueError, OverflowError):
        value = None
    if value is None or value != number or "_" in cell:
        problems.append(f"{place}: {cell!r} is not a whole number; write the count with digits only.")
        return None
    if value < lowest:
        remedy = "leave out a study without participants" if lowest else "write the count of participants with the event"
        problems.append(f"{place}: {cell} is below {lowest}; {remedy}.")
        return None
    return value
