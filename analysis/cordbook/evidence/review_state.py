"""The state of the living review: ``data/review.yml`` read into a frozen object."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import cordbook
from cordbook.core import csv_files
from cordbook.core.yaml import declared, read_yaml
from cordbook.errors import InputError
from cordbook.evidence.reading import read_rows
from cordbook.evidence.schema import PACKAGE_FILE, Package, load_package

#: The folder of readings that have not become rows yet, and how columns of dates of work end.
READINGS, _OF_WORK = "readings", ("_on", "_at")
STATES = ("living", "paused", "retired")
_MEANINGS = {
    "living": "it is updated as evidence comes",
    "paused": "updates have stopped for now",
    "retired": "it is no longer updated",
}
#: Signs of an address that can stand in a page, a feed and a citation without becoming markup.
_HTTPS = r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?/[A-Za-z0-9/._~%+-]*"
_MAIL = r"[A-Za-z0-9.+_-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_ADDRESSES = (
    ("report_to", re.compile(f"{_MAIL}|{_HTTPS}"), "a mail address, or the https address of a repository or its issues"),
    ("contact", re.compile(_MAIL), "a mail address"),
    ("address", re.compile(f"{_HTTPS}(?<=/)"), "an https address that ends in /"),
    ("id", re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "urn:uuid: and a UUID in small letters"),
)


class StatusError(InputError):
    """``review.yml`` cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Status:
    """State of the review and its dates; a date that is not set yet is None.

    ``report_to`` is where readers tell of errors (a mail address, or the address of a repository's issues), ``address`` where
    the book stands on the web, ending in ``/``, ``id`` the name of the review for machines (``urn:uuid:...``); empty where
    there is none. ``contact`` is the mail address that searches carry, so that a source can reach who asks.
    ``name`` is the short name of the review in citations (default: the title), ``version`` its version (default: that of the
    package, with which a review that lives in the package's repository is released). ``other_methods`` says how reports were found that
    no search of a database or register brought. ``main_results`` are the ids of the estimates that the review is read for.
    """

    title: str
    state: str
    baseline: dt.date
    last_search: dt.date | None
    next_search: dt.date | None
    report_to: str = ""
    address: str = ""
    id: str = ""
    contact: str = ""
    name: str = ""
    version: str = ""
    other_methods: str = ""
    main_results: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The short name as the files have it that readers download: archives, printed books, keys of citations."""
        return file_name_of(self.name)

    @property
    def state_means(self) -> str:
        """What the state means for a reader."""
        return _MEANINGS[self.state]

    @property
    def next_planned(self) -> str:
        """The date of the next search in words."""
        return "no date is set yet" if self.next_search is None else format_value(self.next_search)


def file_name_of(name: str) -> str:
    """The short name of a review as a part of a file's name or a key.

    >>> file_name_of("Falls (2026)"), file_name_of("")
    ('falls-2026', 'review')
    """
    return "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "review"


def load_status(data: Path) -> Status:
    """Read ``review.yml`` of a data folder; raises :class:`StatusError` with the field that is wrong."""
    path = data / "review.yml"
    with declared(path, StatusError, "it holds the name, the state and the dates of the review"):
        return _status(read_yaml(path), path)


def _status(content: Any, path: Path) -> Status:
    """Check and freeze the content of the file."""
    names = {f.name: f.default is MISSING for f in fields(Status)}
    if not isinstance(content, dict) or not {n for n, needed in names.items() if needed} <= set(content) <= set(names):
        raise StatusError(f"{path}: expected the fields {', '.join(sorted(names))}")
    if content["state"] not in STATES:
        raise StatusError(f"{path}: state is {content['state']!r}; it is one of {', '.join(STATES)}")
    for name in ("title", "name", "version", "other_methods"):
        if not (isinstance(content.get(name) or "", str) and (content.get(name) or name != "title")):
            raise StatusError(f"{path}: {name} is {content.get(name)!r}; write a text (a number in quotation marks)")
    for name in ("baseline", "last_search", "next_search"):
        value = content.get(name)
        if isinstance(value, dt.datetime) or not (isinstance(value, dt.date) or (value is None and name != "baseline")):
            raise StatusError(f"{path}: {name} is {value!r}; write a date as 2026-11-20, or leave it empty")
    for name, form, example in _ADDRESSES:
        value = content[name] = content.get(name) or ""
        if value and not (isinstance(value, str) and form.fullmatch(value)):
            raise StatusError(f"{path}: {name} is {value!r}; write {example}, or leave it empty")
    content["main_results"] = _ids(path, content.get("main_results"))
    for name, usual in (("name", content["title"]), ("version", cordbook.__version__), ("other_methods", "other methods")):
        content[name] = str(content.get(name) or usual)
    return Status(**content)


def dates_of_work(package: Package) -> list[tuple[str, str]]:
    """The columns, as (table, column), that say when something was done with the data: their names end in ``_on`` or ``_at``.

    A search, a decision, a reading, a check, a correction. Other dates, such as those of a report or of its own search, are none.
    """
    return [(t.name, f.name) for t in package.tables for f in t.fields if f.name.endswith(_OF_WORK)]


def data_date(data: Path) -> dt.date:
    """The date of the data, and so of a book that is not released: the newest of its searches, decisions, readings, checks, corrections.

    Readings count from the answer on, before they have become rows. Nothing was done with the data before the baseline. Text that is not a date is
    left to the validation.
    """
    status = load_status(data)
    found = [date for date in (status.baseline, status.last_search) if date is not None]
    if (data / PACKAGE_FILE).is_file():
        package = load_package(data)
        for table, columns in _by_table(dates_of_work(package)).items():
            path = data / package.table(table).path
            rows = read_rows(path, package.table(table)).rows if path.is_file() else []
            found += [date for _, row in rows for column in columns if (date := _date(row[column]))]
    for path in sorted((data / READINGS).glob("*.csv")):
        rows = csv_files.read(path, strict=False).rows
        found += [date for row in rows for name, text in row.items() if name.endswith(_OF_WORK) and (date := _date(text))]
    return max(found)


def _by_table(columns: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, column in columns:
        found.setdefault(table, []).append(column)
    return found


def _date(text: str) -> dt.date | None:
    """The day of a date or of a moment in universal time; None for what is neither."""
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


def _ids(path: Path, value: object) -> tuple[str, ...]:
    """The ids of ``main_results``, each once."""
    ids = [] if value is None else value
    if not isinstance(ids, list) or not all(isinstance(i, str) and i for i in ids) or len(set(ids)) < len(ids):
        raise StatusError(
            f"{path}: main_results is {value!r}; write ids of data/syntheses.yml as a list, each once, or leave it empty"
        )
    return tuple(ids)


def format_value(value: object) -> str:
    """A field for people: a date as day, month and year; a missing one as "not yet".

    >>> format_value(dt.date(2026, 11, 20)), format_value(None), format_value("living")
    ('20 November 2026', 'not yet', 'living')
    """
    if value is None:
        return "not yet"
    if isinstance(value, dt.date):
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    return str(value)


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
