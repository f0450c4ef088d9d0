"""What the sources have in common: a page of records and the place to go on from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from cordbook.intake.records.record import Record
from cordbook.intake.sources.client import Client, Malformed, as_json

#: Where to go on: what fits into JSON, so that it outlives the process. Empty: at the beginning.
Cursor = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a search, how many it has in all, and where the next page is; no cursor: that was the last."""

    records: tuple[Record, ...]
    hits: int
    cursor: Cursor | None
    #: What the source said about the query, such as words that it does not know.
    remarks: tuple[str, ...] = field(default=())


class Source(Protocol):
    """A source that can be searched by a program: its name, address, and seconds between two requests."""

    name: str
    base: str
    interval: float

    def page(self, client: Client, query: str, since: str, cursor: Cursor) -> Page:
        """The page at ``cursor`` of ``query``; ``since`` is blank or a date 2026-11-20."""
        ...


def text_at(thing: Any, *path: str | int) -> str:
    """The value at ``path`` in nested JSON as text; blank where something is missing or is not a scalar."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(thing, list) or not -len(thing) <= step < len(thing):
                return ""
            thing = thing[step]
        else:
            if not isinstance(thing, dict):
                return ""
            thing = thing.get(step)
    return str(thing) if isinstance(thing, str | int | float) and not isinstance(thing, bool) else ""


def list_at(thing: Any, *path: str) -> list[Any]:
    """The list at ``path`` in nested JSON; empty where something is missing or is not a list."""
    for step in path:
        if not isinstance(thing, dict):
            return []
        thing = thing.get(step)
    return thing if isinstance(thing, list) else []


def count_at(thing: Any, *path: str) -> int:
    """The whole number at ``path``; raises :class:`Malformed` where there is none."""
    try:
        found = int(text_at(thing, *path))
    except ValueError as error:
        raise Malformed(f"an answer without {'.'.join(path)}") from error
    if found < 0:
        raise Malformed(f"an answer with {'.'.join(path)} below zero")
    return found


def warnings_in(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """What an answer warns of, whatever the source; a search whose answer warns is not whole.

    >>> warnings_in({"meta": {"warnings": ["the query was cut"]}, "results": []})
    ('the query was cut',)
    """
    places = [answer, *(part for name in ("meta", "header") if isinstance(part := answer.get(name), dict))]
    said = [place.get(name) for place in places for name in ("warning", "warnings", "errMsg")]
    listed = [text for found in said for text in (found if isinstance(found, list) else [found])]
    return tuple(" ".join(text.split())[:300] for text in listed if isinstance(text, str) and text.strip())


class _Early(Malformed):
    """An empty page before the end; carries it."""

    def __init__(self, page: Page, seen: int) -> None:
        super().__init__(f"an empty page after {seen} of {page.hits} records")
        self.page = page


def ask_page(
    client: Client,
    url: str,
    params: Mapping[str, Any],
    read: Callable[[dict[str, Any]], Page],
    cursor: Cursor,
    *,
    post: bool = False,
) -> Page:
    """The page that ``read`` makes of the answer. An empty one before the end is asked again, and in the end believed."""
    seen = int(cursor.get("seen", 0))

    def whole(body: bytes) -> Page:
        answer = as_json(body)
        page = read(answer)
        page = replace(page, remarks=page.remarks + warnings_in(answer))
        if not page.records and seen < page.hits:
            raise _Early(page, seen)
        return page

    try:
        page = client.ask(url, params, whole, post=post)
    except _Early as early:
        page = early.page
    if page.cursor is None:
        return page
    return replace(page, cursor={**page.cursor, "seen": seen + len(page.records)})
