"""The one schema of the evidence, read from ``datapackage.json``.

The file is a Frictionless Data Package (https://specs.frictionlessdata.io) with a Table
Schema for every table. Only what the evidence uses of that standard is read here, so
that nothing has to be imported to check a table.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from cordbook.core.clock import today
from cordbook.errors import InputError, UnknownName
from cordbook.evidence.problems import Problem

PACKAGE_FILE = "datapackage.json"
TYPES = ("string", "integer", "number", "boolean", "date")
#: Digits that a whole number may have: 10**15 is beyond any count here and exact as a float.
MOST_DIGITS = 15

Value = str | int | float | bool | date


class Unreadable(InputError):
    """The data cannot be read at all; ``problems`` says why for every file concerned."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(f"{p.place}: {p.message} {p.remedy}" for p in problems))
        self.problems = problems

    @classmethod
    def one(cls, file: str, why: str, remedy: str, *, row: int | None = None, column: str | None = None) -> Unreadable:
        """For one file: what is wrong and what to do."""
        return cls(Problem(file, row, column, None, "readable", why, remedy))


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its type and constraints, and what it means.

    A year lies at most ``years_ahead`` after this one (of a publication 1: journals print next year's issues); a date never after today.
    """

    name: str
    type: str = "string"
    description: str = ""
    unit: str | None = None
    required: bool = False
    unique: bool = False
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    years_ahead: int | None = None
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()

    @property
    def highest(self) -> float | None:
        """The greatest value that is allowed today."""
        this_year = None if self.years_ahead is None else today().year + self.years_ahead
        return min((limit for limit in (self.maximum, this_year) if limit is not None), default=None)

    def parse(self, text: str) -> Value | None:
        """The value that a cell holds, None for a blank cell.

        Raises ValueError, in words for the person who keeps the table, when the text is
        not of the column's type; constraints are not looked at.

        >>> Field("n", "integer").parse("12")
        12
        >>> Field("n", "integer").parse("twelve")
        Traceback (most recent call last):
        ValueError: is not a whole number
        """
        if text == "":
            return None
        if self.type == "boolean":
            return self._parse_boolean(text)
        return _PARSERS[self.type](text)

    def _parse_boolean(self, text: str) -> bool:
        if text in self.true_values:
            return True
        if text in self.false_values:
            return False
        raise ValueError(f"is neither {' nor '.join((*self.true_values, *self.false_values))}")


def _parse_integer(text: str) -> int:
    if not re.fullmatch(rf"-?[0-9]{{1,{MOST_DIGITS}}}", text):
        raise ValueError("is not a whole number")
    return int(text)


def _parse_number(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", text) or not math.isfinite(float(text)):
        raise ValueError("is not a number written as 12, 1.5 or 2e6")
    return float(text)


def _parse_date(text: str) -> date:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date written as 2026-11-20") from None


_PARSERS: Mapping[str, Callable[[str], Value]] = {
    "string": str,
    "integer": _parse_integer,
    "number": _parse_number,
    "date": _parse_date,
}


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns whose values must stand as ``target_fields`` in the table ``target``."""

    fields: tuple[str, ...]
    target: str
    target_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its file, columns, primary key and foreign keys."""

    name: str
    path: str
    title: str
    description: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns in the order of the schema."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """The column of this name; KeyError where there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise UnknownName(f"{self.name} has no column {name!r}")

    def key_of(self, row: Mapping[str, str]) -> str:
        """Primary key of a row as one text; the parts of a compound key are joined by ``|``."""
        return "|".join(row[name] for name in self.primary_key)


@dataclass(frozen=True, slots=True)
class Package:
    """All tables of the evidence."""

    name: str
    title: str
    version: str
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table:
        """The table of this name; KeyError where there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise UnknownName(f"the data package has no table {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(table.name for table in self.tables)


def load_package(data_dir: Path) -> Package:
    """Read ``datapackage.json`` of a folder; raises :class:`Unreadable` when it is missing or broken."""
    path = Path(data_dir) / PACKAGE_FILE
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Unreadable.one(
            PACKAGE_FILE,
            f"The schema of the tables cannot be opened in {Path(data_dir)} ({error.strerror or error}).",
            "Name the folder that holds the tables and datapackage.json.",
        ) from None
    except UnicodeDecodeError:
        raise Unreadable.one(PACKAGE_FILE, "The file is not UTF-8 text.", "Save it as UTF-8.") from None
    return parse_package(text)


@cache
def parse_package(text: str) -> Package:
    """The schema in a text of ``datapackage.json``; raises :class:`Unreadable` with all that is wrong with it."""
    try:
        descriptor = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable.one(PACKAGE_FILE, f"The file is not JSON: {error}.", "Correct it at the place named.") from None
    problems: list[str] = []
    tables = _tables(descriptor, problems)
    if not problems:
        _check_references(tables, problems)
    if problems:
        remedy = "Correct datapackage.json, or restore it from the last release."
        raise Unreadable(*(Problem(PACKAGE_FILE, None, None, None, "readable", problem, remedy) for problem in problems))
    about = {key: str(descriptor.get(key, "")) for key in ("name", "title", "version")}
    return Package(tables=tables, **about)


def _tables(descriptor: Any, problems: list[str]) -> tuple[Table, ...]:
    resources = descriptor.get("resources") if isinstance(descriptor, dict) else None
    if not isinstance(resources, list) or not resources:
        problems.append("It lists no tables: resources is missing or empty.")
        return ()
    tables = []
    for number, resource in enumerate(resources, start=1):
        try:
            tables.append(_table(resource))
        except _Malformed as problem:
            problems.append(f"Resource {number}: {problem}")
    names = [table.name for table in tables]
    problems += [f"Two tables are called {name}." for name in sorted(set(names)) if names.count(name) > 1]
    return tuple(tables)


class _Malformed(Exception):
    """A part of the descriptor that does not follow the standard."""


def _expect(what: str, value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind) or value in ("", []):
        raise _Malformed(f"{what} is missing or not what it should be.")
    return value


def _table(resource: Any) -> Table:
    _expect("the resource", resource, dict)
    name = _expect("name", resource.get("name"), str)
    path = _expect(f"{name}: path", resource.get("path"), str)
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or ":" in path:
        raise _Malformed(f"{name}: path {path!r} leads out of the folder.")
    schema = _expect(f"{name}: schema", resource.get("schema"), dict)
    fields = tuple(_field(name, entry) for entry in _expect(f"{name}: fields", schema.get("fields"), list))
    return Table(
        name=name,
        path=path,
        title=str(resource.get("title", name)),
        description=str(resource.get("description", "")),
        fields=fields,
        primary_key=_names(f"{name}: primaryKey", schema.get("primaryKey")),
        foreign_keys=tuple(_foreign_key(name, entry) for entry in schema.get("foreignKeys") or ()),
    )


def _names(what: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else _expect(what, value, list)
    return tuple(_expect(what, name, str) for name in names)


def _foreign_key(table: str, entry: Any) -> ForeignKey:
    what = f"{table}: foreign key"
    reference = _expect(what, _expect(what, entry, dict).get("reference"), dict)
    # An empty resource is the standard's way to say "this table".
    return ForeignKey(
        _names(what, entry.get("fields")), reference.get("resource") or table, _names(what, reference.get("fields"))
    )


def _field(table: str, entry: Any) -> Field:
    _expect(f"{table}: a field", entry, dict)
    name = _expect(f"{table}: name of a field", entry.get("name"), str)
    kind = entry.get("type", "string")
    if kind not in TYPES:
        raise _Malformed(f"{table}.{name}: type {kind!r} is none of {', '.join(TYPES)}.")
    constraints = entry.get("constraints") or {}
    _expect(f"{table}.{name}: constraints", constraints, dict)
    pattern = constraints.get("pattern")
    limits = {limit: constraints.get(limit) for limit in ("minimum", "maximum")}
    if any(isinstance(v, bool) or not isinstance(v, int | float | None) for v in limits.values()):
        raise _Malformed(f"{table}.{name}: minimum and maximum must be numbers.")
    ahead = entry.get("yearsAhead")
    if ahead is not None and (isinstance(ahead, bool) or not isinstance(ahead, int) or ahead < 0 or kind != "integer"):
        raise _Malformed(f"{table}.{name}: yearsAhead is a whole number of years, for a column of years (integers).")
    if pattern is not None:
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            raise _Malformed(f"{table}.{name}: pattern is not a regular expression ({error}).") from None
    return Field(
        name=name,
        type=kind,
        description=str(entry.get("description", "")),
        unit=entry.get("unit"),
        required=bool(constraints.get("required")),
        unique=bool(constraints.get("unique")),
        enum=tuple(str(value) for value in constraints.get("enum") or ()),
        pattern=pattern,
        years_ahead=ahead,
        true_values=tuple(entry.get("trueValues") or ("true",)),
        false_values=tuple(entry.get("falseValues") or ("false",)),
        **limits,
    )


def _check_references(tables: tuple[Table, ...], problems: list[str]) -> None:
    columns = {table.name: table.columns for table in tables}
    for table in tables:
        own = columns[table.name]
        for name in sorted({c for c in own if own.count(c) > 1}):
            problems.append(f"{table.name}: two fields are called {name}.")
        for name in table.primary_key:
            if name not in own:
                problems.append(f"{table.name}: primaryKey names the unknown column {name}.")
        for key in table.foreign_keys:
            unknown = [c for c in key.fields if c not in own]
            unknown += [c for c in key.target_fields if c not in columns.get(key.target, ())]
            if unknown or len(key.fields) != len(key.target_fields):
                problems.append(f"{table.name}: foreign key {', '.join(key.fields)} to {key.target} does not fit the tables.")
