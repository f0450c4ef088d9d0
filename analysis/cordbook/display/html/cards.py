"""Cards: a key question, one number, how sure, and where to read on. For the landing page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cordbook.display.html.markup import Html, element, join
from cordbook.evidence.subject_tables import SubjectTables
from cordbook.review.appraisal.certainty_rules import NAME
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.phrases import dependence_note, phrase, plain_sentence, point_or_count, range_of

#: Where the pages of estimates are, from the landing page.
ESTIMATES = "book/estimates/"


def _cite(e: Estimate) -> Html:
    label = f"Cite, or report an error: {e.title}"
    return element("a", "Cite, or report an error", href=f"{ESTIMATES}{e.id}.html#cite-{e.id}", aria_label=label)


@dataclass(frozen=True, slots=True)
class Card:
    """A key question and the estimate that answers it; ``certainty`` is its level in words, ``page`` where to read on."""

    question: str
    estimate: Estimate
    certainty: str
    page: str

    def to_html(self) -> Html:
        """The card as an ``article`` element."""
        e = self.estimate
        point = point_or_count(e)
        number = f"{e.synthesis.measure} {point}" if e.is_comparison and e.result is not None else point
        sure = f"not pooled: {range_of(e)} in single studies" if e.not_pooled and range_of(e) else phrase(e, "interval")
        counts = f"{sure}; {phrase(e, 'studies')}, {phrase(e, 'people')}. {NAME.capitalize()}: {self.certainty}."
        return element(
            "article",
            element("h3", self.question),
            element("p", number, class_="cb-card-number"),
            element("p", counts, class_="cb-card-sure"),
            element("p", " ".join(filter(None, (plain_sentence(e), dependence_note(e))))),
            element("p", element("a", f"Read on: {e.title}", href=self.page)),
            element("p", _cite(e), class_="cb-card-sure"),
            class_="cb-card",
        )


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards side by side, as many as the page has room for."""

    cards: tuple[Card, ...]

    def __repr__(self) -> str:
        return "\n".join(f"{c.question} {phrase(c.estimate)}. {NAME.capitalize()}: {c.certainty}." for c in self.cards)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def to_html(self) -> Html:
        """All cards in a ``div`` that CSS lays out as a grid."""
        return element("div", join(*(card.to_html() for card in self.cards)), class_="cb-questions")


def cards(questions: Sequence[tuple[str, Estimate]], certainty: Mapping[str, str], subject: SubjectTables) -> Cards:
    """Cards of questions with their estimates, in order; ``certainty`` gives the level by estimate id.

    Each leads to the chapter of its section, as ``subject`` names it, else to the page of its estimate.
    """
    return Cards(tuple(Card(question, e, certainty[e.id], _page(e, subject)) for question, e in questions))


def _page(e: Estimate, subject: SubjectTables) -> str:
    page = subject.section(e.synthesis.section).page
    return f"{page}.html" if page else f"{ESTIMATES}{e.id}.html"
