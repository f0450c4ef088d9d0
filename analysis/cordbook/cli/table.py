"""Reading a stranger's table of counts: any sensible delimiter, every problem named by line and column.

`ReadError` means that the file cannot be read or lacks a column (exit code 2); `DataError` that its content is wrong (exit code 1).
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cordbook.errors import CordbookError, UsageError

DELIMITERS = (",", ";", "\t", "|")
# Excel reads, and some programs write, a first line which names the delimiter.
NAMED_DELIMITER = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
# Counts as people write them: 1 200, 1'200, and in a file whose cells are not divided by commas 12,0 for 12.
SPACED_THOUSANDS = re.compile(r"\d{1,3}(?:[ \u00a0\u202f'\u2019]\d{3})+")
COMMA_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
DECIMAL_COMMA = re.compile(r"(\d+),0{1,2}")
DECIMAL = re.compile(r"[-+]?\d*,\d+")
# One in a file of thousandths, a thousand in a file with points for thousands: nobody can tell.
UNCLEAR_POINT = re.compile(r"[1-9]\d{0,2}\.000")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", ".", "-", "?"})
STANDARD_INPUT = "-"
# A list of hundreds of bad cells is not read; the first ones show the pattern.
MAX_PROBLEMS_SHOWN = 20


class ReadError(UsageError):
    """The file cannot be read, or has no such column."""


class DataError(CordbookError):
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
    delimiter: str = ","


def read_table(path: str) -> Table:
    """Read a CSV file (comma, semicolon, tab or bar; UTF-8 with or without BOM). ``-`` reads standard input.

    A first line ``sep=;`` names the delimiter, as in files for Excel; otherwise it is the one that divides the header most.

    Raises
    ------
    ReadError
        If the file is missing, not text in UTF-8, or empty.
    DataError
        If rows have more or fewer cells than the header.
    """
    name = "standard input" if path == STANDARD_INPUT else path
    text = _decode(_read_bytes(path), name)
    delimiter, skipped, text = _delimiter(text)
    # strict makes a quote that is never closed an error; it would otherwise swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: tuple[str, ...] = ()
    rows: list[Row] = []
    problems: list[str] = []
    start = 1
    try:
        for cells in reader:
            line, start = start + skipped, reader.line_num + 1
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not header:
                header = tuple(cells)
            elif len(cells) != len(header):
                problems.append(
                    f"{name}, line {line}: {len(cells)} values, but the header has {len(header)}; "
                    "add what is missing, or quote the value that holds a delimiter."
                )
            else:
                rows.append(Row(line, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise DataError(
            f"{name}, line {start + skipped}: {error}; check the quotes in this row and in those after it."
        ) from error
    if not header:
        raise ReadError(f"{name} is empty: the first line must name the columns.")
    raise_problems(problems)
    return Table(name, header, tuple(rows), delimiter)


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
        problems.append(f"{table.name} has a header but no rows: add one row per study.")
    raise_problems(problems)
    return [np.array(values[column], dtype=np.int64) for pair in pairs for column in pair]


def read_numbers(table: Table, columns: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Read columns of decimal numbers, NaN where a cell is blank; a decimal comma is read where commas do not divide the cells.

    Raises
    ------
    DataError
        Listing every cell that is not a number, or a table without rows.
    """
    problems = [] if table.rows else [f"{table.name} has a header but no rows: add one row per study."]
    values: dict[str, list[float]] = {column: [] for column in columns}
    for row in table.rows:
        for column in columns:
            cell = row.cells[column]
            number = float("nan") if cell.lower() in MISSING else decimal_number(cell, table.delimiter)
            if number is None:
                problems.append(
                    f"{table.name}, line {row.line}, column {column!r}: {cell!r} is not a number; write it with digits and one decimal point."
                )
            values[column].append(float("nan") if number is None else number)
    raise_problems(problems)
    return {column: np.array(numbers, dtype=np.float64) for column, numbers in values.items()}


def read_texts(table: Table, column: str) -> list[str]:
    """Read a column of names, such as that of the study of each row.

    Raises
    ------
    DataError
        Naming the lines where it is blank.
    """
    texts = [row.cells[column] for row in table.rows]
    blank = [str(row.line) for row, text in zip(table.rows, texts, strict=True) if not text]
    if blank:
        raise DataError(f"{table.name}, column {column!r}: blank in line {', '.join(blank)}; fill it in, or leave the row out.")
    return texts


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


def split_names(text: str) -> list[str]:
    """Split names of columns at the commas between them; one that holds a comma stands in quotation marks."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def _delimiter(text: str) -> tuple[str, int, str]:
    """The delimiter, how many lines name it, and the text after them.

    It is the one that a first line ``sep=;`` names, or the one that splits the first line which is not blank into the most cells.
    """
    first, _, rest = text.partition("\n")
    if named := NAMED_DELIMITER.fullmatch(first):
        return named.group(1), 1, rest
    first = next((line for line in text.splitlines() if line.strip()), "")

    def cells(delimiter: str) -> int:
        return len(next(csv.reader([first], delimiter=delimiter)))

    return max(DELIMITERS, key=cells), 0, text


def _count(table: Table, row: Row, column: str, lowest: int, problems: list[str]) -> int | None:
    cell = row.cells[column]
    place = f"{table.name}, line {row.line}, column {column!r}"
    if cell.lower() in MISSING:
        shown = f" ({cell!r})" if cell else ""
        problems.append(f"{place}: the count is missing{shown}; fill it in, or leave the row out.")
        return None
    value = _whole_number(cell, table.delimiter)
    if value is None:
        problems.append(f"{place}: {cell!r} {_what_instead(cell)}")
        return None
    if value < lowest:
        remedy = "leave out a study without participants" if lowest else "write the count of participants with the event"
        problems.append(f"{place}: {cell} is below {lowest}; {remedy}.")
        return None
    return value


def decimal_number(cell: str, delimiter: str) -> float | None:
    """The number that a cell says without doubt; None for anything else."""
    text = cell.replace("\u2212", "-")
    if delimiter != "," and DECIMAL.fullmatch(text):
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in text else None


def _whole_number(cell: str, delimiter: str) -> int | None:
    """The whole number that a cell says without doubt; None for anything else."""
    if SPACED_THOUSANDS.fullmatch(cell):
        return int(re.sub(r"\D", "", cell))
    if delimiter == "," and COMMA_THOUSANDS.fullmatch(cell):
        return int(cell.replace(",", ""))
    if delimiter != "," and (decimal := DECIMAL_COMMA.fullmatch(cell)):
        return int(decimal.group(1))
    if "_" in cell or UNCLEAR_POINT.fullmatch(cell):
        return None
    try:
        number = float(cell)
        value = int(number)
    except (ValueError, OverflowError):
        return None
    return value if value == number else None


def _what_instead(cell: str) -> str:
    if cell.endswith("%"):
        return "is a percentage; write the count of participants."
    if UNCLEAR_POINT.fullmatch(cell) or COMMA_THOUSANDS.fullmatch(cell):
        return "may be a decimal number or thousands; write the count with digits only."
    return "is not a whole number; write the count with digits only."
