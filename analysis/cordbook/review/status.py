"""The state of the living review: ``data/review.yml`` read into a frozen object."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from cordbook.review.yaml_text import load_yaml

STATES = ("living", "paused", "retired")


class StatusError(ValueError):
    """``review.yml`` cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Status:
    """State of the review and its dates; a date that is not set yet is None."""

    title: str
    state: str
    baseline: dt.date
    last_search: dt.date | None
    next_search: dt.date | None


def load_status(data: Path) -> Status:
    """Read ``review.yml`` of a data folder; raises :class:`StatusError` with the field that is wrong."""
    path = data / "review.yml"
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, yaml.YAMLError) as error:
        raise StatusError(f"{path}: {error}") from error
    names = {f.name for f in fields(Status)}
    if not isinstance(content, dict) or set(content) != names:
        raise StatusError(f"{path}: expected the fields {', '.join(sorted(names))}")
    if content["state"] not in STATES:
        raise StatusError(f"{path}: state is {content['state']!r}; it is one of {', '.join(STATES)}")
    for name in ("baseline", "last_search", "next_search"):
        value = content[name]
        if not (isinstance(value, dt.date) or (value is None and name != "baseline")):
            raise StatusError(f"{path}: {name} is {value!r}; write a date as 2026-11-20, or leave it empty")
    return Status(**content)


def in_words(value: object) -> str:
    """A field for people: a date as day, month and year; a missing one as "not yet".

    >>> in_words(dt.date(2026, 11, 20)), in_words(None), in_words("living")
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
