"""Tables of records: CSV, TSV and semicolons, as databases and programs that manage references export them."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cordbook.core.csv_files import LONGEST_VALUE
from cordbook.intake.imports.parsers.columns import FRAME, TITLES, Dialect, dialect_of, name_of
from cordbook.intake.imports.parsers.parsed import Parsed, Reject, build, people, says_nothing, unused_of
from cordbook.intake.records.record import Record, family_first, tidy

#: A row of a table may go over so many lines; more is a quotation mark that was never closed.
LONGEST_ROW = 400
#: What stands in no name of a column, though in BibTeX.
_NO_NAME = re.compile(r"[={}]")
_SEPARATORS = ("\t", ",", ";")


def header_of(text: str) -> tuple[int, str, list[str]] | None:
    """Where the header stands (line from 0), what separates, and the names; nothing if no early line names a title."""
    for at, line in enumerate(text.splitlines()[:20]):
        for separator in _SEPARATORS:
            names = [name_of(cell) for cell in _cells(line, separator)]
            if len(names) > 1 and set(names) & TITLES and not _NO_NAME.search(line):
                return at, separator, names
    return None


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def parse(text: str) -> Parsed:
    """Read a table; raises :class:`ValueError` where no line names a title column."""
    header = header_of(text)
    if header is None:
        raise ValueError("no header with a column for the title")
    at, separator, names = header
    dialect, fields = dialect_of(names), dialect_of(names).fields
    lines = text.splitlines(keepends=True)
    shown = {name: cell.strip() for name, cell in zip(names, _cells(lines[at].rstrip("\r\n"), separator), strict=False)}
    records: list[tuple[int, Record]] = []
    rejects = [
        Reject(n + 1, n + 1, "text before the header", lines[n].rstrip(), 0)
        for n in range(at)
        if lines[n].strip() and not FRAME.match(lines[n])
    ]
    filled: set[str] = set()
    number = at + 1
    while number < len(lines):
        if not lines[number].strip():
            number += 1
            continue
        cells, taken, why = _row(lines, number, separator, len(names))
        raw = "".join(lines[number : number + taken]).rstrip("\r\n")
        again = [name_of(cell) for cell in cells]
        if again == names:
            # Parts of one export put together: the header is there once more.
            number += taken
            continue
        if not why and len(names) > 2 and sum(a == b for a, b in zip(again, names, strict=False)) > len(names) // 2:
            why = "the names of the columns stand in this row"
        record = None if why else _record(dict(_grouped(names, cells)), dialect)
        if record and record.title:
            records.append((number + 1, record))
            filled |= {name for name, cell in zip(names, cells, strict=False) if not says_nothing(cell)}
        else:
            rejects.append(Reject(number + 1, number + taken, why or "no title", raw))
        number += taken
    known = (dialect.place[0],) if dialect.place else ()
    unused = unused_of((name for name in names if name in filled and name), fields, known)
    head = lines[at].rstrip("\r\n")
    return Parsed("table", tuple(records), tuple(rejects), tuple(shown[name] for name in unused), "columns", head)


def _grouped(names: Sequence[str], cells: Sequence[str]) -> Mapping[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, cell in zip(names, cells, strict=False):
        values.setdefault(name, []).append(cell)
    return values


def _record(values: dict[str, list[str]], dialect: Dialect) -> Record:
    """The record in a row, read as its database writes rows."""
    # Scopus puts its number of the person behind each full name.
    values["authorfullnames"] = [re.sub(r"\s*\(\d+\)", "", cell) for cell in values.get("authorfullnames", ())]
    place: dict[str, str] = {}
    if dialect.place:
        column, form = dialect.place
        told = next(iter(values.get(column, ())), "").strip()
        if found := form.fullmatch(told):
            place = {name: (value or "").strip() for name, value in found.groupdict().items()}
            # Its own columns say the journal better, where there are any.
            values = values | {column: [place["container"]]}
    record = build(values, dialect.fields)
    lacking = {name: value for name, value in place.items() if value and not getattr(record, name)}
    record = tidy(replace(record, authors=_persons(record.authors, dialect), **lacking))
    if not dialect.source:
        return record
    key = record.source_key or (record.pmid if dialect.source == "PubMed" else "") or _number(values, dialect)
    return replace(record, source=dialect.source, source_key=key)


def _number(values: Mapping[str, Sequence[str]], dialect: Dialect) -> str:
    """The number of a record in the column that its database has for it."""
    given = (cell.strip() for column in dialect.columns.get("accession", ()) for cell in values.get(column, ()))
    return next((cell.rsplit("/", 1)[-1] for cell in given if not says_nothing(cell)), "")


def _persons(authors: str, dialect: Dialect) -> str:
    names = [authors]
    if dialect.between and (dialect.between != ", " or ";" not in authors):
        # A full stop ends the list in PubMed's table; in Embase's it ends the initials.
        whole = authors.rstrip(".") if dialect.name == "PubMed" else authors
        names = whole.split(dialect.between)
    return "; ".join(family_first(name) if dialect.given_first else name for name in people(names))


def _row(lines: Sequence[str], at: int, separator: str, width: int) -> tuple[list[str], int, str]:
    """The cells of the row that begins at a line, how many lines it takes, and what is wrong with it."""
    reader = csv.reader(lines[at : at + LONGEST_ROW], delimiter=separator, strict=True)
    try:
        cells, taken = next(reader), reader.line_num
    except csv.Error as error:
        # One line by itself, more leniently: a stray quotation mark inside a cell does no harm.
        try:
            cells, taken = next(csv.reader([lines[at]], delimiter=separator)), 1
        except csv.Error:
            return [], 1, f"not a row of a table: {error} ({LONGEST_VALUE:,} characters at most)"
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width:
        # Only its first line is rejected: the rest may be good rows that an open quotation mark has swallowed.
        return [], 1, f"{len(cells)} values where the header has {width}"
    return cells, taken, ""
