"""The tables of searches and records: read, and written atomically."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cordbook.core import csv_files
from cordbook.core.csv_files import LONGEST_VALUE, to_csv
from cordbook.core.files import put, stage, write_whole, written
from cordbook.errors import CordbookError
from cordbook.evidence.rules.fields import complainer, complaints
from cordbook.evidence.schema import PACKAGE_FILE, load_package
from cordbook.intake.records.record import FIELDS, Record, slug

Row = dict[str, str]

_SEARCHES = "search_id strategy_id source searched_on searched_by since hits fetched complete query_as_run note"
_RECORDS = (
    "record_id search_id source source_key title authors year container volume issue pages doi pmid language kind url "
    "received_on note"
)
_MERGES = "record_id same_as_record same_as_study method score decided_by decided_on undone_by undone_on note"
_NOTICES = "notice_id study_id citation kind year reference what_it_says source_url confidence found_by found_on"
#: Columns as they are written where a table has none yet; datapackage.json says what they mean.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "searches": tuple(_SEARCHES.split()),
    "records": tuple(_RECORDS.split()),
    "abstracts": ("record_id", "abstract"),
    "record_merges": tuple(_MERGES.split()),
    "integrity_notices": tuple(_NOTICES.split()),
}
#: What stands for a title where a source gives none; the column may not be blank.
NO_TITLE = "[no title in the source]"


class Busy(CordbookError):
    """Another process is writing the tables."""


def read_rows(data: Path, table: str) -> list[Row]:
    """The rows of a table of ``data/``; none where the file is missing."""
    path = data / f"{table}.csv"
    if not path.is_file():
        return []
    return csv_files.read(path, strict=False).rows


def columns_of(data: Path, table: str) -> tuple[str, ...]:
    """The columns of a table as they stand in its file, with those that are ours to fill behind them."""
    path = data / f"{table}.csv"
    there = csv_files.read(path, strict=False).header if path.is_file() else ()
    return there + tuple(c for c in COLUMNS.get(table, ()) if c not in there)


def write_tables(data: Path, tables: Mapping[str, Iterable[Mapping[str, str]]]) -> None:
    """Write tables: all as temporary files first, then each in the place of the old one, in the order given."""
    staged: list[tuple[Path, Path]] = []
    try:
        for table, rows in tables.items():
            path = data / f"{table}.csv"
            staged.append((stage(path, to_csv(rows, columns_of(data, table))), path))
        for temporary, path in staged:
            put(temporary, path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def write_json(path: Path, what: Any) -> None:
    """Write ``what`` as JSON, atomically."""
    write_whole(path, json.dumps(what, ensure_ascii=False), durable=True)


@contextlib.contextmanager
def writing(kept: Path) -> Iterator[None]:
    """Holds the tables for one reading and writing; raises :class:`Busy` where another process does."""
    with written(kept / "intake.lock"):
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "intake.lock").touch()
    with open(kept / "intake.lock", "a") as file:
        try:
            import fcntl
        except ImportError:  # Windows: one user at a time is assumed there
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy("another cordbook command is writing the records; try again when it has ended") from error
        yield


def record_of(row: Mapping[str, str], abstract: str = "") -> Record:
    """The record in a row of ``records``."""
    return Record(**{name: row.get(name, "") for name in FIELDS if name != "abstract"}, abstract=abstract)


def row_of(record: Record, record_id: str, search_id: str, received_on: str) -> Row:
    """The row of ``records`` that holds a record."""
    row = {name: getattr(record, name) for name in FIELDS if name != "abstract"}
    return row | {"record_id": record_id, "search_id": search_id, "received_on": received_on, "title": record.title or NO_TITLE}


def refused_by_rules(data: Path) -> Callable[[Record], str]:
    """What tells why the rules of the evidence refuse a record; blank for one that they take. They run before it is written."""
    if not (data / PACKAGE_FILE).is_file():
        return lambda record: ""
    package = load_package(data)
    columns = {
        table: {field.name: complainer(field) for field in package.table(table).fields} for table in ("records", "abstracts")
    }

    def why(record: Record) -> str:
        row = row_of(record, "x", "x", "")
        told = [(name, row[name], columns["records"]) for name in FIELDS if name != "abstract"]
        told += [("abstract", record.abstract, columns["abstracts"])] if record.abstract else []
        for name, value, rules in told:
            if len(value) > LONGEST_VALUE:
                return f"{name} has {len(value):,} characters, and a table holds {LONGEST_VALUE:,}"
            if found := next(iter(rules[name](value)), None) if name in rules else None:
                return f"{name}: {found[1]} {found[2]}"
        return ""

    return why


def wrong_in_search(data: Path, search: Mapping[str, str]) -> str:
    """What the rules of the evidence say against a row of ``searches``; blank if nothing."""
    if not (data / PACKAGE_FILE).is_file():
        return ""
    fields = load_package(data).table("searches").fields
    found = ((field, c) for field in fields for c in complaints(field, search.get(field.name, "")))
    return next((f"{field.name}: {message} {remedy}" for field, (_, message, remedy) in found), "")


def take_in(
    data: Path,
    search: Mapping[str, str],
    records: Iterable[Record],
    prefix: str | Callable[[Record], str],
    *,
    trusted: bool = True,
    settle: Callable[[int], Mapping[str, str]] | None = None,
) -> tuple[list[str], int]:
    """Add a search and its records to the tables; what is there already stays as it is.

    A record's key is ``prefix``, a dot and its number in the source, so a second reading finds it. Where numbers are not
    ``trusted``, as in files that people made, one number with two titles is two records. Returns the keys that are new and how
    many were there. The search is written even if all its records are known: that it was run is a fact.
    """
    searches, rows, abstracts = (read_rows(data, t) for t in ("searches", "records", "abstracts"))
    there = {row["record_id"]: row["title"] for row in rows}
    had = {row["record_id"] for row in rows if row["search_id"] == search["search_id"]}
    fresh = 0
    with_abstract = {row["record_id"] for row in abstracts}
    new: list[str] = []
    known = 0
    for record in records:
        title = record.title or NO_TITLE
        record_id = f"{prefix if isinstance(prefix, str) else prefix(record)}.{slug(record.key())}"
        if not trusted and there.get(record_id, title).casefold() != title.casefold():
            record_id = f"{record_id}-x{record.digest()}"
        fresh += record_id not in had
        if record_id in there:
            known += 1
        else:
            there[record_id] = title
            new.append(record_id)
            rows.append(row_of(record, record_id, search["search_id"], search["searched_on"]))
        if record.abstract and record_id not in with_abstract:
            with_abstract.add(record_id)
            abstracts.append({"record_id": record_id, "abstract": record.abstract})
    search = _with_its_records(settle(fresh) if settle else search, rows)
    searches = [row for row in searches if row["search_id"] != search["search_id"]] + [dict(search)]
    # Searches first: a record that names no search would be an error, a search without its records is one that is run again.
    write_tables(data, {"searches": searches, "records": rows, "abstracts": abstracts})
    return new, known


def _with_its_records(search: Mapping[str, str], rows: Iterable[Mapping[str, str]]) -> Mapping[str, str]:
    """A search that fetched no fewer records than name it: a file that is read in another way the second time gives more."""
    own = sum(row["search_id"] == search["search_id"] for row in rows)
    least = {name: str(own) for name in ("fetched", "hits") if search.get(name, "").isdecimal() and int(search[name]) < own}
    return {**search, **least}


def free_search_id(data: Path, wanted: str) -> str:
    """``wanted``, with a number behind it if a search of that name is there."""
    there = {row["search_id"] for row in read_rows(data, "searches")}
    number = 1
    name = wanted
    while name in there:
        number += 1
        name = f"{wanted}-{number}"
    return name
