"""What rules share: the data they look at, and the form in which they report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

from cordbook.evidence.patients import KEYS, VALUES, Meanings, meanings_of
from cordbook.evidence.problems import Problem, Severity
from cordbook.evidence.reading import RawTable
from cordbook.evidence.schema import Field, Package

_WHOLE = Field("", "integer")
_NUMBER = Field("", "number")


class Row(dict[str, str]):
    """A row as text. A column that the folder's schema lacks reads as blank, so that rules need not ask."""

    __slots__ = ("number", "table")

    def __init__(self, values: Mapping[str, str] = MappingProxyType({}), table: str = "", number: int = 0) -> None:
        super().__init__(values)
        self.table = table
        self.number = number

    def __missing__(self, column: str) -> str:
        return ""

    def violation(self, column: str, message: str, *, remedy: str) -> Violation:
        """A broken rule at a column of this row.

        >>> row = Row({"events": "3", "n": "2"}, table="outcomes", number=7)
        >>> broken = row.violation("events", "3 events in 2 patients.", remedy="Lower events or raise n.")
        >>> broken.row.table, broken.row.number, broken.column, broken.message
        ('outcomes', 7, 'events', '3 events in 2 patients.')
        """
        return Violation(self, column, message, remedy)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule at a row, before it has the rule's name."""

    row: Row
    column: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule on what the data means: its id, the table it guards, what it asks, and the check."""

    id: str
    table: str
    asks: str
    check: Callable[[Data], Iterator[Violation]]
    severity: Severity = "error"


class Data:
    """The tables of a folder as text, with look-up by key."""

    def __init__(self, package: Package, raw: Mapping[str, RawTable]) -> None:
        self.package = package
        self._rows = {name: [Row(row, name, number) for number, row in table.rows] for name, table in raw.items()}
        self._tables = {table.name: table for table in package.tables}
        self._by_key: dict[str, dict[str, Row]] = {}

    def rows(self, table: str) -> list[Row]:
        """Rows of a table; none where the folder has no such table."""
        return self._rows.get(table, [])

    def has(self, table: str) -> bool:
        """Does the folder have this table?"""
        return table in self._tables

    def columns(self, table: str) -> tuple[str, ...]:
        """Columns of a table; none where there is no such table."""
        return self._tables[table].columns if table in self._tables else ()

    def field(self, table: str, column: str) -> Field | None:
        """A column of the schema; None where the folder has no such column."""
        return self._tables[table].field(column) if column in self.columns(table) else None

    def file(self, table: str) -> str:
        """File of a table."""
        return self._tables[table].path

    def key(self, table: str, row: Row) -> str:
        """Primary key of a row as text."""
        return self._tables[table].key_of(row)

    def by_key(self, table: str) -> dict[str, Row]:
        """Rows by primary key; of rows with one key, the first."""
        if table not in self._by_key:
            index: dict[str, Row] = {}
            for row in self.rows(table):
                index.setdefault(self.key(table, row), row)
            self._by_key[table] = index
        return self._by_key[table]

    def grouped(self, table: str, *columns: str) -> dict[tuple[str, ...], list[Row]]:
        """Rows that share the values of some columns."""
        groups: dict[tuple[str, ...], list[Row]] = {}
        for row in self.rows(table):
            groups.setdefault(tuple(row[c] for c in columns), []).append(row)
        return groups

    @cached_property
    def meanings(self) -> Meanings:
        """What keys and values of strata mean: who may share patients."""
        return meanings_of(self.rows(KEYS), self.rows(VALUES))

    @cached_property
    def groups_of_study(self) -> dict[str, frozenset[str]]:
        """Overlap groups by study; a study whose reference is the same_as of another's shares a group of the two, named by the first."""
        groups: dict[str, set[str]] = {}
        for row in self.rows("overlap_members"):
            groups.setdefault(row["study_id"], set()).add(row["overlap_group"])
        for reference, row in self.by_key("references").items():
            if row["same_as"]:
                for study in (reference, row["same_as"]):
                    groups.setdefault(study, set()).add(f"same_as {row['same_as']}")
        return {study: frozenset(names) for study, names in groups.items()}

    def problem(self, violation: Violation, rule: str, severity: Severity = "error") -> Problem:
        """A violation as the problem that is reported."""
        row, column = violation.row, violation.column
        return Problem(
            file=self.file(row.table),
            row=row.number,
            column=column,
            value=row[column],
            rule=rule,
            message=violation.message,
            remedy=violation.remedy,
            severity=severity,
            key=self.key(row.table, row),
        )


@lru_cache(maxsize=4096)
def whole(text: str) -> int | None:
    """The whole number in a cell, or None: what is not a number is reported by the rule on types."""
    try:
        value = _WHOLE.parse(text)
    except ValueError:
        return None
    return value if isinstance(value, int) else None


@lru_cache(maxsize=4096)
def decimal(text: str) -> float | None:
    """The number in a cell, or None: what is not a number is reported by the rule on types."""
    try:
        value = _NUMBER.parse(text)
    except ValueError:
        return None
    return value if isinstance(value, int | float) else None


def where_read(row: Row) -> str:
    """Where to look again, for remedies."""
    place = row["locator"] or "the source"
    return f"{place} ({row['source_url']})" if row["source_url"] else place


def listed(names: Iterable[object], most: int = 8) -> str:
    """A list in words, cut where it would fill the screen."""
    texts = [str(name) for name in names]
    return ", ".join(texts) if len(texts) <= most else f"{', '.join(texts[:most])} and {len(texts) - most} more"
