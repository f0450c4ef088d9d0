"""Small pieces that the pages of studies are built of."""

from __future__ import annotations

from collections.abc import Sequence

from cordbook.display.html.markup import Html, element
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.studies.records import OutcomeCell


def estimate_page(estimate_id: str) -> str:
    """The page of an estimate, seen from a study's page."""
    return f"../estimates/{estimate_id}.html"


def p(*parts: object, class_: str | None = None) -> Html:
    return element("p", *parts, class_=class_)


def bullets(items: Sequence[object]) -> Html:
    return element("ul", *(element("li", item) for item in items))


def sub(value: object) -> Html:
    """A second, quieter line in a cell."""
    return element("span", value, class_="cb-sub") if value else Html("")


def facts(identifier: str, caption: str, pairs: Sequence[tuple[str, object]]) -> Html:
    rows = [element("tr", element("th", name, scope="row"), element("td", value)) for name, value in pairs]
    inner = element("table", element("caption", caption), element("tbody", *rows), class_="cb-table cb-facts", id=identifier)
    return element("div", inner, class_="cb-table-scroll", tabindex="0", role="group", aria_label=caption)


def who(c: OutcomeCell, words: Vocabulary) -> str:
    return f"{words.arm(c.arm, 'label')}: {words.stratum(c.stratum)}"
