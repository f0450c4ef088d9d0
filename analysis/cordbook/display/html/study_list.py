"""The list of studies: one table of all, newest first, with the categories and a filter that a small script works.

Without the script the whole table stands there and the filter stays hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cordbook.display.html.markup import Html, element, join
from cordbook.display.html.pieces import Link, Shown
from cordbook.display.html.table import CARDS, Table
from cordbook.evidence.subject_tables import GIVEN
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.studies.records import StudyRecord
from cordbook.review.studies.summary import headline
from cordbook.review.studies.words import products, treatment_short

#: How many of the latest reports are shown above the table.
LATEST = 8
#: The code of a study that states none of a category; a category that no study states is not offered.
NONE = "none"
Category = tuple[str, str, Callable[[StudyRecord], Iterable[tuple[str, str]]]]


def _products(r: StudyRecord) -> list[tuple[str, str]]:
    return list(products(r, r.arms).items())


def _design(r: StudyRecord) -> list[tuple[str, str]]:
    return [(r.design or NONE, r.vocabulary.label("design", r.design))]


#: Categories: key in the page's address, the dimension ("" for that of what was given), and the values of a study (code, words).
CATEGORIES: tuple[Category, ...] = (
    ("topic", "topic", lambda r: [(r.topic, r.vocabulary.label("topic", r.topic))]),
    ("cells", "", _products),
    ("phase", "phase", lambda r: [(r.phase or NONE, r.vocabulary.label("phase", r.phase))]),
    ("population", "population", lambda r: [(r.population, r.vocabulary.label("population", r.population))]),
    ("design", "design", _design),
)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reports: their labels and a list of links."""

    labels: tuple[str, ...]
    html: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": ", ".join(self.labels)}


def _kind(r: StudyRecord) -> str:
    """Topic and design inside a sentence."""
    design = r.vocabulary.label("design", r.design, "phrase") if r.design else "design not stated"
    return f"{r.vocabulary.label('topic', r.topic, 'phrase')}, {design}"


@dataclass(frozen=True)
class StudyList:
    """All studies with links to their pages; ``address`` gives the page of a study as seen from the chapter."""

    records: tuple[StudyRecord, ...]
    address: Callable[[str], str]
    vocabulary: Vocabulary = field(repr=False)

    def __repr__(self) -> str:
        return "\n".join(f"{r.label} | {r.year or 'year not seen'} | {headline(r)}" for r in self.newest_first)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": f"{len(self.records)} studies"}

    @property
    def newest_first(self) -> tuple[StudyRecord, ...]:
        return newest_first(self.records)

    def to_html(self) -> str:
        """The filter with its categories, and the table; a sentence where there is no study."""
        if not self.records:
            return element("p", "No study has been entered yet.")
        return "\n".join((self._filter(), self._table()))

    def latest(self) -> Latest:
        """The newest reports by year of publication."""
        newest = [r for r in self.newest_first if r.year][:LATEST]
        items = [element("li", Link(r.label, self.address(r.study_id)), f", {_kind(r)}. {headline(r)}.") for r in newest]
        return Latest(tuple(r.label for r in newest), element("ul", *items, class_="cb-latest"))

    def _filter(self) -> Html:
        typed = element(
            "label",
            "Words (author, treatment, country, result)",
            Html('<input type="search" id="cb-studies-q" autocomplete="off" maxlength="100">'),
        )
        given = next((fact.fact for r in self.records for fact in r.subject.facts(GIVEN)), "")
        named = [(key, name or given, values) for key, name, values in CATEGORIES]
        chosen = [
            self._choice(key, self.vocabulary.dimension(name).label, values)
            for key, name, values in named
            if name and any(code != NONE for r in self.records for code, _ in values(r))
        ]
        reset = element("button", "Show all", type="button", id="cb-studies-reset")
        state = element("p", f"{len(self.records)} studies", id="cb-studies-state", role="status", class_="cb-status")
        return join(element("form", typed, *chosen, reset, id="cb-studies-filter", class_="cb-filter", hidden=True), state)

    def _choice(self, key: str, name: str, values: Callable[[StudyRecord], Iterable[tuple[str, str]]]) -> Html:
        counts: Counter[tuple[str, str]] = Counter(value for r in self.records for value in values(r))
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0][1]))
        options = [element("option", f"{label} ({n})", value=code) for (code, label), n in ordered]
        return element(
            "label", name, element("select", element("option", "All", value=""), *options, id=f"cb-studies-{key}", data_key=key)
        )

    def _table(self) -> Html:
        header = ("Study", "Year", "Design", "Treatment", "People", "Main result")
        ordered = self.newest_first
        return Table(
            "studies", "All studies, newest first", header, tuple(self._row(r) for r in ordered),
            tuple(f"study-{r.study_id}" for r in ordered), f"{CARDS} cb-studies", numeric=(1, 4),
            data=tuple(_data(r) for r in ordered),
        ).to_html()  # fmt: skip

    def _row(self, r: StudyRecord) -> tuple[Shown, ...]:
        size = r.size()
        return (
            Link(r.label, self.address(r.study_id)),
            str(r.year or "–"),
            r.vocabulary.label("design", r.design),
            treatment_short(r),
            "–" if size is None else f"{size:,}",
            headline(r),
        )


def _data(r: StudyRecord) -> tuple[tuple[str, str], ...]:
    """What the script of the list searches a row by."""
    codes = [(f"data-{key}", " ".join(code for code, _ in values(r))) for key, _, values in CATEGORIES]
    more = " ".join(str(part) for part in (r.source.title, r.country, r.study_id, r.registration) if part)
    return (*codes, ("data-words", more))


def newest_first(records: Iterable[StudyRecord]) -> tuple[StudyRecord, ...]:
    """Studies in the order of the list, in which their pages follow each other."""
    return tuple(sorted(records, key=lambda r: (-(r.year or 0), r.label)))
