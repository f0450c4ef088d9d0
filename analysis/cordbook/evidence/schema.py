"""The one schema of the evidence, read from ``datapackage.json``.

The file is a Frictionless Data Package (https://specs.frictionlessdata.io) with a Table
Schema for every table. Only what the evidence uses of that standard is read here, so
that nothing has to be imported to check a table.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from cordbook.core.clock import today
from cordbook.core.trust.patterns import BadPattern, Pattern, compiled
from cordbook.core.trust.regular import read_text
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
class Unit:
    """A unit of measurement with the limits that hold for every column that has it."""

    name: str
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Implied:
    """What a code of a closed list says of another column of its row: limits, or codes. ``usually``: a warning, not an error."""

    code: str
    column: str
    minimum: float | None = None
    maximum: float | None = None
    years_ahead: int | None = None
    enum: tuple[str, ...] = ()
    usually: bool = False

    @property
    def highest(self) -> float | None:
        """The greatest value that is allowed today."""
        return _least(self.maximum, _last_year(self.years_ahead))


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its type and constraints, and what it means.

    ``limits`` are those of its unit, which hold beside its own. ``implies`` is what each of its codes says of other columns;
    ``composed_of`` are the columns that a key is made of. A year lies at most ``years_ahead`` after this one (of a publication 1: journals print next year's issues); a date never after today.
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
    limits: Unit | None = None
    implies: tuple[Implied, ...] = ()
    composed_of: tuple[str, ...] = ()

    @property
    def lowest(self) -> float | None:
        """The least value that is allowed."""
        of_unit = None if self.limits is None else self.limits.minimum
        return max((limit for limit in (self.minimum, of_unit) if limit is not None), default=None)

    @property
    def highest(self) -> float | None:
        """The greatest value that is allowed today."""
        of_unit = None if self.limits is None else self.limits.maximum
        return _least(self.maximum, _last_year(self.years_ahead), of_unit)

    @property
    def form(self) -> Pattern | None:
        """The pattern, ready to be matched; None where there is none."""
        return compiled(self.pattern) if self.pattern else None

    def parse(self, text: str) -> Value | None:
        """The value that a cell holds, None for a blank cell.

        Raises ValueError, in words for the person who keeps the table, when the text is
        not of the column's type; constraints are not looked at.

        >>> Field("n", "integer").parse("12")
        12
        >>> Field("n", "integer").parse("twelve")
        Traceback (most recent call last):
        ValueError: is not a whole number, written without zeros before it
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


def _last_year(years_ahead: int | None) -> int | None:
    return None if years_ahead is None else today().year + years_ahead


def _least(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _parse_integer(text: str) -> int:
    if not re.fullmatch(rf"0|-?[1-9][0-9]{{0,{MOST_DIGITS - 1}}}", text):
        raise ValueError("is not a whole number, written without zeros before it")
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
    units: tuple[Unit, ...] = ()

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
        text = read_text(path)
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
        descriptor = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise Unreadable.one(PACKAGE_FILE, f"The file is not JSON: {error}.", "Correct it at the place named.") from None
    problems: list[str] = []
    about = _about(descriptor, problems)
    units = _units(descriptor, problems)
    tables = _tables(descriptor, units, problems)
    if not problems:
        _check_references(tables, problems)
    if problems:
        remedy = "Correct datapackage.json, or restore it from the last release."
        raise Unreadable(*(Problem(PACKAGE_FILE, None, None, None, "readable", problem, remedy) for problem in problems))
    return Package(tables=tables, units=tuple(units.values()), **about)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; raises ``ValueError`` where a name appears twice, since one of its values would be lost without a word."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name!r} appears twice in one place")
        found[name] = value
    return found


class _Malformed(Exception):
    """A part of the descriptor that does not follow the standard, or that nothing here reads."""


#: What may stand at each place of the descriptor, and of which kind it is; what is not listed is not read, and so promises nothing.
_TEXT, _WHOLE, _NUMBER, _FLAG, _LIST, _PARTS = str, int, (int, float), bool, list, dict
_PACKAGE_KEYS = {
    "profile": _TEXT, "name": _TEXT, "title": _TEXT, "description": _TEXT, "version": _TEXT, "licenses": _LIST, "keywords": _LIST,
    "units": _PARTS, "resources": _LIST,
}  # fmt: skip
_RESOURCE_KEYS = {
    "profile": _TEXT, "name": _TEXT, "path": _TEXT, "title": _TEXT, "description": _TEXT, "format": _TEXT, "mediatype": _TEXT,
    "encoding": _TEXT, "schema": _PARTS, "bytes": _WHOLE, "hash": _TEXT,
}  # fmt: skip
_SCHEMA_KEYS = {"fields": _LIST, "primaryKey": (str, list), "missingValues": _LIST, "foreignKeys": _LIST}
_FIELD_KEYS = {
    "name": _TEXT, "type": _TEXT, "title": _TEXT, "description": _TEXT, "format": _TEXT, "unit": _TEXT, "yearsAhead": _WHOLE,
    "trueValues": _LIST, "falseValues": _LIST, "composedOf": _LIST, "constraints": _PARTS, "implies": _PARTS,
}  # fmt: skip
_CONSTRAINTS = {"required": _FLAG, "unique": _FLAG, "enum": _LIST, "pattern": _TEXT, "minimum": _NUMBER, "maximum": _NUMBER}
_UNIT_KEYS = {"minimum": _NUMBER, "maximum": _NUMBER, "description": _TEXT}
_IMPLIED_KEYS = {"minimum": _NUMBER, "maximum": _NUMBER, "yearsAhead": _WHOLE, "enum": _LIST, "usually": _FLAG}
_KINDS: Mapping[Any, str] = {
    str: "a text", int: "a whole number", (int, float): "a number", bool: "true or false", list: "a list", dict: "names with values",
    (str, list): "a name, or a list of names",
}  # fmt: skip
#: What these say of every file here; another value would be a promise that nothing keeps.
_FIXED = {"format": "csv", "mediatype": "text/csv", "encoding": "utf-8", "profile": "tabular-data-resource"}


def _expect(what: str, value: Any, kind: Any) -> Any:
    """The value, where it is of its kind and not blank; a truth value does not count as a number, and a number is finite."""
    flag = isinstance(value, bool) and kind is not bool
    if not isinstance(value, kind) or flag or value in ("", []) or (isinstance(value, float) and not math.isfinite(value)):
        raise _Malformed(f"{what} is missing or not what it should be ({_KINDS[kind]}).")
    if isinstance(value, str) and not ((value.isprintable() and value.isascii()) or _is_text(value)):
        raise _Malformed(f"{what} holds characters that no text has.")
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _known(what: str, value: Any, keys: Mapping[str, Any]) -> dict[str, Any]:
    """A part of the descriptor of which all is known and of its kind."""
    part: dict[str, Any] = _expect(what, value, dict)
    for name, content in part.items():
        if name not in keys:
            raise _Malformed(f"{what}: {name!r} is not known here, so nothing would keep it; known are {', '.join(keys)}.")
        if content not in ("", [], {}):
            _expect(f"{what}: {name}", content, keys[name])
        elif not isinstance(content, keys[name]):
            raise _Malformed(f"{what}: {name} is not what it should be ({_KINDS[keys[name]]}).")
    return part


def _texts(what: str, value: Any, *, numbers: bool = False) -> tuple[str, ...]:
    """A list of texts, each once; ``numbers``: of whole numbers their texts, as a list of codes may hold them."""
    whole = [value] if isinstance(value, str) else _expect(what, value, list)
    found = tuple(
        str(v) if numbers and isinstance(v, int) and not isinstance(v, bool) else _expect(f"{what}: a value", v, str)
        for v in whole
    )
    if len(set(found)) < len(found):
        raise _Malformed(f"{what} names something twice.")
    return found


def _about(descriptor: Any, problems: list[str]) -> dict[str, str]:
    try:
        _known("The file", descriptor, _PACKAGE_KEYS)
        for licence in descriptor.get("licenses", ()):
            _known("licenses", licence, {"name": _TEXT, "path": _TEXT, "title": _TEXT})
        _texts("keywords", descriptor.get("keywords") or ["none"])
        if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*", version := descriptor.get("version", "0.0.0")):
            raise _Malformed(f"version is {version!r}; write it as 1.2.0.")
    except _Malformed as problem:
        problems.append(str(problem))
    found = descriptor if isinstance(descriptor, dict) else {}
    return {key: str(found.get(key, "")) for key in ("name", "title", "version")}


def _units(descriptor: Any, problems: list[str]) -> dict[str, Unit]:
    declared = descriptor.get("units") if isinstance(descriptor, dict) else None
    units: dict[str, Unit] = {}
    for name, entry in declared.items() if isinstance(declared, dict) else ():
        try:
            _known(f"Unit {name}", entry, _UNIT_KEYS)
            low, high = (_expect(f"Unit {name}: {limit}", entry.get(limit), (int, float)) for limit in ("minimum", "maximum"))
            if low > high:
                raise _Malformed(f"Unit {name}: minimum is above maximum.")
            units[name] = Unit(name, low, high)
        except _Malformed as problem:
            problems.append(str(problem))
    return units


def _tables(descriptor: Any, units: Mapping[str, Unit], problems: list[str]) -> tuple[Table, ...]:
    resources = descriptor.get("resources") if isinstance(descriptor, dict) else None
    if not isinstance(resources, list) or not resources:
        problems.append("It lists no tables: resources is missing or empty.")
        return ()
    tables = []
    for number, resource in enumerate(resources, start=1):
        try:
            tables.append(_table(resource, units))
        except _Malformed as problem:
            problems.append(f"Resource {number}: {problem}")
    for what, names in (("called", [t.name for t in tables]), ("in the file", [t.path for t in tables])):
        problems += [f"Two tables are {what} {name}." for name in sorted(set(names)) if names.count(name) > 1]
    return tuple(tables)


def _table(resource: Any, units: Mapping[str, Unit]) -> Table:
    _expect("the resource", resource, dict)
    name = _expect("name", resource.get("name"), str)
    _known(name, resource, _RESOURCE_KEYS)
    path = _path(name, resource.get("path"))
    for key, value in _FIXED.items():
        if resource.get(key, value) != value:
            raise _Malformed(f"{name}: {key} is {resource[key]!r}; tables are read as {value} alone.")
    schema = _known(f"{name}: schema", resource.get("schema"), _SCHEMA_KEYS)
    if schema.get("missingValues", [""]) != [""]:
        raise _Malformed(f'{name}: missingValues must be [""]: blank is what is not known.')
    fields = tuple(_field(name, entry, units) for entry in _expect(f"{name}: fields", schema.get("fields"), list))
    return Table(
        name=name,
        path=path,
        title=resource.get("title", name),
        description=resource.get("description", ""),
        fields=fields,
        primary_key=_texts(f"{name}: primaryKey", schema.get("primaryKey")),
        foreign_keys=tuple(_foreign_key(name, entry) for entry in schema.get("foreignKeys") or ()),
    )


def _path(name: str, value: Any) -> str:
    path: str = _expect(f"{name}: path", value, str)
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or ":" in path:
        raise _Malformed(f"{name}: path {path!r} leads out of the folder.")
    return path


def _foreign_key(table: str, entry: Any) -> ForeignKey:
    what = f"{table}: foreign key"
    _known(what, entry, {"fields": (str, list), "reference": _PARTS})
    reference = _known(what, entry.get("reference"), {"resource": _TEXT, "fields": (str, list)})
    # An empty resource is the standard's way to say "this table".
    return ForeignKey(
        _texts(what, entry.get("fields")), reference.get("resource") or table, _texts(what, reference.get("fields"))
    )


def _field(table: str, entry: Any, units: Mapping[str, Unit]) -> Field:
    _expect(f"{table}: a field", entry, dict)
    name = _expect(f"{table}: name of a field", entry.get("name"), str)
    what = f"{table}.{name}"
    kind = _kind(what, _known(what, entry, _FIELD_KEYS))
    constraints = _known(f"{what}: constraints", entry.get("constraints") or {}, _CONSTRAINTS) if entry.get("constraints") else {}
    limits: dict[str, Any] = {limit: constraints.get(limit) for limit in ("minimum", "maximum")}
    if any(value is not None for value in limits.values()) and kind not in ("integer", "number"):
        raise _Malformed(f"{what}: only numbers have a minimum and a maximum.")
    if None not in limits.values() and limits["minimum"] > limits["maximum"]:
        raise _Malformed(f"{what}: minimum is above maximum.")
    return Field(
        name=name,
        type=kind,
        description=entry.get("description", ""),
        unit=entry.get("unit"),
        required=constraints.get("required", False),
        unique=constraints.get("unique", False),
        enum=_texts(f"{what}: enum", constraints["enum"], numbers=True) if "enum" in constraints else (),
        pattern=_pattern(what, constraints),
        years_ahead=_years_ahead(what, entry, kind),
        true_values=_texts(f"{what}: trueValues", entry.get("trueValues", ["true"])),
        false_values=_texts(f"{what}: falseValues", entry.get("falseValues", ["false"])),
        limits=_limits_of_unit(what, entry.get("unit"), limits, units),
        implies=tuple(_implied(what, entry.get("implies") or {})),
        composed_of=_texts(f"{what}: composedOf", entry["composedOf"]) if "composedOf" in entry else (),
        **limits,
    )


def _kind(what: str, entry: Mapping[str, Any]) -> str:
    kind = entry.get("type", "string")
    if kind not in TYPES:
        raise _Malformed(f"{what}: type {kind!r} is none of {', '.join(TYPES)}.")
    flags = {"trueValues", "falseValues"} & set(entry)
    if (kind == "boolean") < bool(flags):
        raise _Malformed(f"{what}: {' and '.join(sorted(flags))} are for booleans.")
    return str(kind)


def _pattern(what: str, constraints: Mapping[str, Any]) -> str | None:
    pattern: str | None = constraints.get("pattern")
    if pattern is not None:
        try:
            compiled(_expect(f"{what}: pattern", pattern, str))
        except BadPattern as error:
            raise _Malformed(f"{what}: pattern cannot be used: {error}.") from None
    return pattern


def _years_ahead(what: str, entry: Mapping[str, Any], kind: str = "integer") -> int | None:
    ahead = entry.get("yearsAhead")
    if ahead is not None and (isinstance(ahead, bool) or not isinstance(ahead, int) or ahead < 0 or kind != "integer"):
        raise _Malformed(f"{what}: yearsAhead is a whole number of years, for a column of years (integers).")
    return ahead


def _limits_of_unit(what: str, unit: str | None, own: Mapping[str, Any], units: Mapping[str, Unit]) -> Unit | None:
    # A schema without units is of a release before 0.3.0; what a review must have is compared with the contract.
    if unit is None or not units or unit in units:
        return units.get(unit or "")
    if None in own.values():
        raise _Malformed(
            f"{what}: the unit {unit!r} is not among units ({', '.join(units)}), so nothing says which values it can have; "
            "add it there with minimum and maximum, or give the column both."
        )
    return None


def _implied(what: str, entry: Mapping[str, Any]) -> Iterator[Implied]:
    for code, columns in entry.items():
        if not isinstance(columns, dict):
            raise _Malformed(f"{what}: implies {code} gives columns, each with limits.")
        for column, limits in columns.items():
            part = f"{what}: implies {code}, {column}"
            _known(part, limits, _IMPLIED_KEYS)
            yield Implied(
                code,
                column,
                limits.get("minimum"),
                limits.get("maximum"),
                _years_ahead(part, limits),
                _texts(part, limits["enum"]) if "enum" in limits else (),
                limits.get("usually", False),
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
        for field in table.fields:
            codes = {i.code for i in field.implies}
            unknown = [*(c for c in field.composed_of if c not in own), *sorted(codes - set(field.enum) if field.enum else ())]
            if unknown:
                problems.append(
                    f"{table.name}.{field.name}: composedOf or implies names {', '.join(unknown)}, which is not there."
                )
