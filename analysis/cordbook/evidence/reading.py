"""Reading the tables as text: tolerant of how a spreadsheet saves, strict about what it says.

A byte-order mark, Windows line ends, blank rows at the end and another order of columns
are accepted. What cannot be read at all raises :class:`~cordbook.evidence.schema.Unreadable`;
what is wrong in one row is a problem of that row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cordbook.core import csv_files
from cordbook.core.csv_files import HEADER_ROW, CsvTable, NotCsv
from cordbook.core.trust.regular import read_regular
from cordbook.evidence.problems import Problem
from cordbook.evidence.schema import PACKAGE_FILE, Package, Table, Unreadable, load_package

Row = dict[str, str]

#: Separators that spreadsheets write in some countries.
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as text.

    ``rows`` pairs each row with the number that a spreadsheet shows beside it.
    ``problems`` are those of shape, found while reading.
    """

    header: tuple[str, ...]
    rows: list[tuple[int, Row]]
    problems: tuple[Problem, ...] = ()


def find_data_dir(start: Path | None = None) -> Path:
    """``data`` of the project that holds ``start`` (default: the working directory).

    Walks up to the first folder with data/datapackage.json; raises :class:`Unreadable`
    when there is none.
    """
    here = Path.cwd() if start is None else Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / "data" / PACKAGE_FILE).is_file():
            return folder / "data"
    raise Unreadable.one(
        f"data/{PACKAGE_FILE}",
        f"No project was found in {here} or above it.",
        "Change into the project, or name the folder that holds the tables.",
    )


def read_all(data_dir: Path, package: Package | None = None) -> dict[str, RawTable]:
    """All tables of a folder by name; raises one :class:`Unreadable` for all files that fail."""
    package = package or load_package(data_dir)
    tables: dict[str, RawTable] = {}
    failures: list[Problem] = []
    for table in package.tables:
        try:
            tables[table.name] = read_rows(Path(data_dir) / table.path, table)
        except Unreadable as unreadable:
            failures += unreadable.problems
    if failures:
        raise Unreadable(*failures)
    return tables


def read_rows(path: Path, table: Table) -> RawTable:
    """Read one CSV file as the schema names its columns."""
    return parse_rows(_decode(path, table.path), table)


def _decode(path: Path, file: str) -> str:
    try:
        return csv_files.decode(read_regular(path))
    except FileNotFoundError:
        raise Unreadable.one(file, "The file is missing.", "Put it back, or take the table out of datapackage.json.") from None
    except OSError as error:
        raise Unreadable.one(file, f"The file cannot be opened: {error.strerror or error}.", "See to its rights.") from None
    except NotCsv as error:
        raise Unreadable.one(file, error.message, error.remedy) from None


def parse_rows(text: str, table: Table) -> RawTable:
    """A table from the text of its file; see :func:`read_rows`."""
    found = _parse(text, table.path)
    if not found.header:
        raise Unreadable.one(table.path, "The file is empty.", f"Its first row must be {','.join(table.columns)}.")
    _require_columns(found.header, table, text)
    problems = _header_problems(found.header, table)
    if not text.endswith(("\n", "\r")):
        problems.append(_cut_short(table, found.records[-1][0] if found.records else HEADER_ROW))
    rows: list[tuple[int, Row]] = []
    width = len(found.header)
    for number, record in found.records:
        if not any(record):
            problems.append(_blank_row(table, number))
            continue
        if len(record) != width:
            problems.append(_ragged(table, number, len(record), width))
        rows.append((number, found.row(record)))
    return RawTable(found.header, rows, tuple(problems))


def _parse(text: str, file: str) -> CsvTable:
    try:
        return csv_files.parse(text)
    except NotCsv as error:
        raise Unreadable.one(file, error.message, error.remedy, row=error.row) from None


def _require_columns(header: tuple[str, ...], table: Table, text: str) -> None:
    missing = [name for name in table.columns if name not in header]
    if not missing:
        return
    first_line = text.lstrip("\ufeff").split("\n", 1)[0]
    for separator, word in OTHER_SEPARATORS.items():
        if len(header) < len(table.columns) and first_line.count(separator) >= len(table.columns) - 1 > 0:
            raise Unreadable.one(
                table.path, f"The columns are separated by {word}, not by commas.", "Save it as CSV with commas."
            )
    extra = [name for name in header if name and name not in table.columns]
    hint = f" The header has {', '.join(extra)} instead: a column may have been renamed." if extra else ""
    raise Unreadable(
        *(
            Problem(
                table.path,
                HEADER_ROW,
                name,
                None,
                "readable",
                f"The column {name} is missing.{hint}",
                "Put the column back, with its name as in datapackage.json.",
            )
            for name in missing
        )
    )


def _header_problems(header: tuple[str, ...], table: Table) -> list[Problem]:
    problems = []
    for place, name in enumerate(header):
        if name in header[:place]:
            message, remedy = (
                f"The column {name!r} appears twice.",
                "Keep one of them; the first is the one that is read.",
            )
        elif name not in table.columns:
            message = f"The schema of {table.name} does not know the column {name!r}."
            remedy = "Remove it, or describe it in datapackage.json."
        else:
            continue
        problems.append(Problem(table.path, HEADER_ROW, name or f"column {place + 1}", name, "known-columns", message, remedy))
    return problems


def _blank_row(table: Table, number: int) -> Problem:
    return Problem(table.path, number, None, None, "no-blank-rows", "The row is blank.", "Delete the row.", severity="warning")


def _cut_short(table: Table, number: int) -> Problem:
    message = "The file ends in the middle of a line, as one does that was cut short."
    remedy = "Look at its last row; if all is there, end it with a line break, as every save does."
    return Problem(table.path, number, None, None, "whole-file", message, remedy, severity="warning")


def _ragged(table: Table, number: int, found: int, width: int) -> Problem:
    return Problem(
        table.path,
        number,
        None,
        None,
        "row-shape",
        f"The row has {found} values, the header has {width}.",
        "Add or remove commas; a value that holds a comma must stand in quotation marks.",
    )
