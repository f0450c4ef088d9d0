"""OpenAlex: works with a cursor (https://developers.openalex.org). Cursor paging asks for a free key: OPENALEX_API_KEY."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from cordbook.intake.records.record import Record, family_first, tidy
from cordbook.intake.sources.client import Client, Malformed
from cordbook.intake.sources.source import Cursor, Page, ask_page, count_at, list_at, text_at

WANTED = "id,doi,ids,title,authorships,publication_year,primary_location,biblio,language,type,abstract_inverted_index"
#: No abstract has more words than this; a position beyond it is an error of the answer.
LONGEST_ABSTRACT = 20_000


@dataclass(frozen=True, slots=True)
class OpenAlex:
    name: str = "OpenAlex"
    base: str = "https://api.openalex.org"
    interval: float = 0.2
    page_size: int = 100

    def page(self, client: Client, query: str, since: str, cursor: Cursor) -> Page:
        # Commas separate filters, so the query must hold none.
        wanted = f"title_and_abstract.search:{query.replace(',', ' ')}"
        if since:
            # from_created_date is for paying users; the day of publication is what all may ask for.
            wanted += f",from_publication_date:{since}"
        params: dict[str, Any] = {
            "filter": wanted,
            "per_page": self.page_size,
            "cursor": cursor.get("cursor", "*"),
            "select": WANTED,
        }
        if client.contact:
            params["mailto"] = client.contact
        if key := os.environ.get("OPENALEX_API_KEY"):
            params["api_key"] = key
        return ask_page(client, f"{self.base}/works", params, _page, cursor)


def _page(answer: dict[str, Any]) -> Page:
    if not isinstance(answer.get("results"), list):
        raise Malformed("an answer without results")
    rows = answer["results"]
    following = text_at(answer, "meta", "next_cursor")
    return Page(
        tuple(_record(row) for row in rows),
        count_at(answer, "meta", "count"),
        {"cursor": following} if rows and following else None,
    )


def _record(row: Any) -> Record:
    biblio = row.get("biblio") if isinstance(row, dict) else None
    first, last = text_at(biblio, "first_page"), text_at(biblio, "last_page")
    names = [text_at(a, "author", "display_name") or text_at(a, "raw_author_name") for a in list_at(row, "authorships")]
    return tidy(
        Record(
            source="OpenAlex",
            source_key=text_at(row, "id").rsplit("/", 1)[-1],
            title=text_at(row, "title"),
            authors="; ".join(filter(None, map(family_first, names))),
            year=text_at(row, "publication_year"),
            container=text_at(row, "primary_location", "source", "display_name"),
            volume=text_at(biblio, "volume"),
            issue=text_at(biblio, "issue"),
            pages=f"{first}-{last}" if first and last and first != last else first,
            doi=text_at(row, "doi"),
            pmid=text_at(row, "ids", "pmid").rsplit("/", 1)[-1],
            language=text_at(row, "language"),
            kind=text_at(row, "type"),
            url=text_at(row, "id"),
            abstract=abstract_of(row.get("abstract_inverted_index") if isinstance(row, dict) else None),
        )
    )


def abstract_of(index: Any) -> str:
    """The abstract that an inverted index stands for.

    >>> abstract_of({"cord": [1], "Spinal": [0], "injury": [2]})
    'Spinal cord injury'
    """
    if not isinstance(index, dict):
        return ""
    placed = {
        place: word
        for word, places in index.items()
        if isinstance(places, list)
        for place in places
        if isinstance(place, int) and 0 <= place < LONGEST_ABSTRACT
    }
    return " ".join(placed[place] for place in sorted(placed))
