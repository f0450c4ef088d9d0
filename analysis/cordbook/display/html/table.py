"""Holds tables as models, for chapters and for pages: one model, which ``templates/table.html.jinja`` lays out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from cordbook.display.html.markup import Html, element, link
from cordbook.display.html.pieces import Cell as Lines
from cordbook.display.html.pieces import Shown, texts, unseen
from cordbook.display.html.templates import render

if TYPE_CHECKING:
    import pandas as pd

#: Kinds of tables, as CSS knows them; in the second each row is a card on a phone.
PLAIN, CARDS = "cb-table", "cb-table cb-cards"
#: From so many columns on a table is stacked on a phone, may be wider than text, and has the names of its numbers upright.
STACKED_FROM, WIDE_FROM, UPRIGHT_FROM = 4, 7, 12


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a table: text, where it leads, and whether it is a number (set to the right).

    ``links`` are lines of text with their addresses (or None), which take the place of ``text`` in HTML.
    """

    text: str
    href: str | None = unseen()
    numeric: bool = unseen(False)
    links: tuple[tuple[str, str | None], ...] = unseen(())

    def __html__(self) -> Html:
        if not self.links:
            return link(self.text, self.href)
        return Html("<br>").join(link(line, href) for line, href in self.links)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; ``row_ids`` become anchors; ``kind`` is a CSS class; ``folded`` opens on a click.

    Numbers stand in columns of ``numeric`` places, or in a :class:`Cell` that says so. ``data`` are attributes of rows for scripts.
    """

    id: str = field(metadata={"unseen": True})
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Shown | Cell, ...], ...]
    row_ids: tuple[str, ...] = unseen(())
    kind: str = unseen(PLAIN)
    folded: bool = unseen(False)
    numeric: tuple[int, ...] = unseen(())
    data: tuple[tuple[tuple[str, str], ...], ...] = unseen(())

    def __repr__(self) -> str:
        lines = [self.caption, " | ".join(self.header)]
        lines += [" | ".join(map(_plain, row)) for row in self.rows]
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def to_frame(self) -> pd.DataFrame:
        """The table as a data frame of texts."""
        import pandas as pd

        return pd.DataFrame([list(map(_plain, row)) for row in self.rows], columns=list(self.header))

    def to_html(self) -> Html:
        """The table as HTML; it scrolls sideways within itself where the page is narrow."""
        return Html(render("table.html.jinja", table=self).rstrip("\n"))

    def __html__(self) -> Html:
        return self.to_html()

    @property
    def classes(self) -> str:
        """Its kind; one of many columns is stacked on a phone, each row as a card, and may take more than the measure of text.

        >>> Table("t", "T", ("a", "b", "c", "d", "e", "f", "g"), ()).classes
        'cb-table cb-stack cb-wide'
        """
        stacked = len(self.header) >= STACKED_FROM and not {"cb-cards", "cb-summary"} & set(self.kind.split())
        by_columns = (("cb-wide", WIDE_FROM), ("cb-upright", UPRIGHT_FROM))
        names = [name for name, least in by_columns if len(self.header) >= least]
        return " ".join([self.kind, *(["cb-stack"] if stacked else []), *names])

    @property
    def first_has_unit(self) -> bool:
        """Does the head of the first column end with a unit, one word behind a comma, which a card on a phone would lack?

        >>> [Table("t", "T", (head, "Risk"), ()).first_has_unit for head in ("Dose, Gy", "Study", "Claim, in our words")]
        [True, False, False]
        """
        return re.search(r", \S+$", self.header[0]) is not None

    @property
    def size(self) -> str:
        """The number of rows, as the page shows it."""
        return str(len(self.rows))

    @property
    def width(self) -> str:
        """The number of columns."""
        return str(len(self.header))

    def is_number(self, row: tuple[Shown | Cell, ...], place: int) -> bool:
        """Does a number stand there?"""
        value = row[place]
        return place in self.numeric or (isinstance(value, Cell) and value.numeric)

    def is_number_column(self, place: int) -> bool:
        """Is a column of numbers alone? Its head stands to the right, as they do."""
        return place > 0 and bool(self.rows) and all(self.is_number(row, place) for row in self.rows)

    def attributes(self, place: int) -> tuple[tuple[str, str], ...]:
        """Attributes of a row: its anchor, and what scripts look at."""
        anchor = (("id", self.row_ids[place]),) if self.row_ids else ()
        return (*anchor, *(self.data[place] if self.data else ()))


def _plain(value: object) -> str:
    """A value as plain text; the lines of a cell stay apart."""
    return (" " if isinstance(value, Lines) else "").join(texts(value))


@dataclass(frozen=True, slots=True)
class Folded:
    """A table or a drawing that opens on a click on its name."""

    name: str
    shown: Shows

    def __html__(self) -> Html:
        return element("details", element("summary", self.name), Html(self.shown.to_html()), class_="cb-folded")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.__html__(), "text/plain": repr(self.shown)}


class Shows(Protocol):
    """What shows itself as HTML: a table, a figure."""

    def to_html(self) -> str: ...


def folded(table: Table) -> Folded:
    """The table folded under its caption and the number of its rows."""
    return Folded(f"{table.caption} ({len(table.rows)})", table)
