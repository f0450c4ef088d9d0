"""Holds what pages are put together of, for models of pages: links, cells and facts as plain texts (tables: :mod:`cordbook.display.html.table`).

A piece is data that a test can ask (:func:`texts`, :func:`numbers`); a template that shows it gets its markup
(``__html__``, the protocol of markupsafe). A *shown* value is a text, a :class:`Link`, a tuple of both, one after the
other, or another piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeAlias

from markupsafe import Markup

from cordbook.display.html.inline_interval_plot import InlineIntervalPlot
from cordbook.display.html.markup import Html, element, join, link

_NUMBER = re.compile(r"\d(?:[\d.,]*\d)?%?")


def unseen(default: Any = None) -> Any:
    """A field of a piece or a model that no reader reads as text: an address, an id, a drawing."""
    return field(default=default, metadata={"unseen": True})


def texts(piece: object) -> Iterator[str]:
    """Every plain text of a piece or a model, in the order of its fields.

    A drawing shows nothing that does not stand beside it as text, and markup that another module made is not text of the model.

    >>> list(texts(Facts("f", "In short", (("Studies", "7"), ("Page", Link("here", "x2.html"))))))
    ['In short', 'Studies', '7', 'Page', 'here']

    Raises ``TypeError`` for a value that is neither text nor a piece: a number stands in a model as it is shown.
    """
    if piece is None or isinstance(piece, Markup | InlineIntervalPlot):
        return
    if isinstance(piece, str):
        yield piece
    elif isinstance(piece, tuple):
        for part in piece:
            yield from texts(part)
    elif is_dataclass(piece):
        for f in fields(piece):
            if not f.metadata.get("unseen"):
                yield from texts(getattr(piece, f.name))
    else:
        raise TypeError(f"{piece!r} in the model of a page is neither text nor a piece; put the text there that the page shows")


def numbers(piece: object) -> tuple[str, ...]:
    """Every number that a piece or a model states, as it is written, in the order of its fields.

    >>> numbers(("1,019 people", Link("46% (95% CI 12 to 80)", "../x3.html")))
    ('1,019', '46%', '95%', '12', '80')
    """
    return tuple(number for found in texts(piece) for number in _NUMBER.findall(found))


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads to a page; without a safe address it is the text alone."""

    text: str
    href: str | None = unseen()

    def __html__(self) -> Html:
        return link(self.text, self.href)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in a table with quieter lines under it, those that are blank left out; ``style`` is "strong" or "code"."""

    value: Shown
    under: tuple[str, ...] = ()
    style: str | None = unseen()

    def __html__(self) -> Html:
        value = element(self.style, self.value) if self.style else shown(self.value)
        return join(value, *(element("span", line, class_="cb-sub") for line in self.under if line))


@dataclass(frozen=True, slots=True)
class Facts:
    """A table of names with one value each; ``facts["People"]`` is the text of a value."""

    id: str = field(metadata={"unseen": True})
    caption: str
    rows: tuple[tuple[str, Shown], ...]

    def __getitem__(self, name: str) -> str:
        return "".join(texts(dict(self.rows)[name]))

    def __html__(self) -> Html:
        rows = [element("tr", element("th", name, scope="row"), element("td", shown(value))) for name, value in self.rows]
        inner = element(
            "table", element("caption", self.caption), element("tbody", *rows), class_="cb-table cb-facts", id=self.id
        )
        return element("div", inner, class_="cb-table-scroll", tabindex="0", role="group", aria_label=self.caption)


Shown: TypeAlias = "str | Link | Cell | Facts | InlineIntervalPlot | tuple[Shown, ...]"


def shown(value: object) -> Html:
    """The markup of a shown value; what a page does not have (None) shows nothing."""
    if value is None:
        return Html("")
    return join(*map(shown, value)) if isinstance(value, tuple) else join(value)
