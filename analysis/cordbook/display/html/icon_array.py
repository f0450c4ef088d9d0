"""A hundred people as a hundred dots: how many have an outcome, how many more or fewer fit the data, with and without a treatment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cordbook.display.html.markup import Html, element, join

_SIDE, _GAP, _EDGE = 10, 11, 6
#: What a dot may mean: its class of the style sheet, and the widths of the strokes that draw it, the outer first.
_SURE, _PERHAPS, _NOT = "cb-dots-sure", "cb-dots-perhaps", "cb-dots-not"


@dataclass(frozen=True, slots=True)
class IconArray:
    """A hundred people of one group: ``low`` have the outcome at least, ``high`` at most (shares, 0 to 1); ``text`` says the number.

    Dots up to ``low`` are full, those up to ``high`` are rings, the others small; ``kind`` is the colour: treated, without or harm.

    >>> IconArray("With", 0.1, 0.25, "2 in 10", "95% CI 10 to 25", "treated").counts
    (10, 15, 75)
    """

    name: str
    low: float
    high: float
    text: str
    rest: str
    kind: str

    @property
    def counts(self) -> tuple[int, int, int]:
        """People who surely, perhaps and surely not have the outcome; what is not sure is never rounded away."""
        sure, most = math.floor(100 * self.low + 1e-9), min(math.ceil(100 * self.high - 1e-9), 100)
        return sure, most - sure, 100 - most

    @property
    def alt(self) -> str:
        """The drawing in words."""
        sure, perhaps, no = self.counts
        told = [f"{sure} for sure", *([f"{perhaps} perhaps"] if perhaps else []), f"{no} not"]
        return f"Of 100 people: {', '.join(told)}."

    def to_html(self) -> Html:
        """The group with its drawing, its number, and how sure that is."""
        return element(
            "div",
            element("p", self.name, class_="cb-hundred-name"),
            self._drawing(),
            element("p", element("strong", self.text), " ", element("span", self.rest), class_="cb-hundred-number"),
            class_=f"cb-hundred-group cb-hundred-{self.kind}",
        )

    def _drawing(self) -> Html:
        sure, perhaps, no = self.counts
        size = 2 * _EDGE + 9 * _GAP
        return element(
            "svg",
            *_dots(0, sure, _SURE),
            *_dots(sure, perhaps, _PERHAPS),
            *_dots(sure + perhaps, no, _NOT),
            viewBox=f"0 0 {size} {size}",
            role="img",
            aria_label=self.alt,
            class_="cb-dots",
        )


def _dots(start: int, number: int, kind: str) -> list[Html]:
    """One path for all dots of a kind, each a line without length whose round ends make it; a ring has a second dot in it."""
    if not number:
        return []
    points = [divmod(place, _SIDE) for place in range(start, start + number)]
    path = "".join(f"M{_EDGE + _GAP * column} {_EDGE + _GAP * row}h0" for row, column in points)
    inner = [element("path", d=path, class_="cb-dots-hole")] if kind == _PERHAPS else []
    return [element("path", d=path, class_=kind), *inner]


@dataclass(frozen=True, slots=True)
class Nobody:
    """The place of a group that nobody counted, with the reason."""

    name: str
    why: str

    def to_html(self) -> Html:
        return element(
            "div",
            element("p", self.name, class_="cb-hundred-name"),
            element("p", self.why, class_="cb-hundred-why"),
            class_="cb-hundred-group cb-hundred-nobody",
        )


@dataclass(frozen=True, slots=True)
class Hundred:
    """A question answered for a hundred people: without and with the treatment, what is compared, and where to read on."""

    title: str
    groups: tuple[IconArray | Nobody, ...]
    note: str
    #: The words of each link, the title of the page behind it, and its address.
    links: tuple[tuple[str, str, str], ...]

    def to_html(self) -> Html:
        """The question as a ``figure`` element."""
        return element(
            "figure",
            element("p", self.title, class_="cb-hundred-title"),
            element("div", *(group.to_html() for group in self.groups), class_="cb-hundred-groups"),
            element(
                "figcaption",
                self.note,
                " More: ",
                join(
                    *(element("a", name, href=href, aria_label=f"{name}: {title}") for name, title, href in self.links),
                    between=", ",
                ),
                ".",
            ),
            class_="cb-hundred",
        )


@dataclass(frozen=True, slots=True)
class Hundreds:
    """Several questions side by side, with the key of the dots."""

    questions: tuple[Hundred, ...]

    def __repr__(self) -> str:
        lines = []
        for q in self.questions:
            told = (f"{g.name}: {g.text} {g.rest}" if isinstance(g, IconArray) else f"{g.name}: {g.why}" for g in q.groups)
            lines.append(" | ".join([q.title, *told, q.note]))
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def to_html(self) -> Html:
        """All questions in a ``div`` that CSS lays out as a grid."""
        key = element(
            "p",
            "Each dot is one person of a hundred. Full: have the outcome by all that fits the data; ring: perhaps, within the "
            "interval; small dot: have it not.",
            class_="cb-status",
        )
        return join(key, element("div", *(q.to_html() for q in self.questions), class_="cb-hundreds"))
