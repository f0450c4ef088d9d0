"""Crossref: works with a deep-paging cursor (https://api.crossref.org, documentation of the REST API)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cordbook.intake.records.record import Record, tidy
from cordbook.intake.sources.client import Client, Malformed
from cordbook.intake.sources.source import Cursor, Page, ask_page, count_at, list_at, text_at

WANTED = "DOI,title,subtitle,author,issued,container-title,volume,issue,page,article-number,language,type,URL,abstract"


@dataclass(frozen=True, slots=True)
class Crossref:
    """Crossref has no Boolean search: it ranks by words, so a strategy says how many of the first are taken."""

    name: str = "Crossref"
    base: str = "https://api.crossref.org"
    interval: float = 0.34  # public pool: 5 requests a second, lists fewer
    page_size: int = 200

    def page(self, client: Client, query: str, since: str, cursor: Cursor) -> Page:
        params: dict[str, Any] = {
            "query.bibliographic": query,
            "rows": self.page_size,
            "cursor": cursor.get("cursor", "*"),
            "select": WANTED,
        }
        if since:
            params["filter"] = f"from-created-date:{since}"
        if client.contact:
            params["mailto"] = client.contact
        return ask_page(client, f"{self.base}/works", params, _page, cursor)


def _page(answer: dict[str, Any]) -> Page:
    if text_at(answer, "status") != "ok" or not isinstance(answer.get("message"), dict):
        raise Malformed("an answer without status ok")
    rows = list_at(answer, "message", "items")
    following = text_at(answer, "message", "next-cursor")
    # Crossref gives a cursor for ever; an empty page is the end.
    return Page(
        tuple(_record(row) for row in rows),
        count_at(answer, "message", "total-results"),
        {"cursor": following} if rows and following else None,
    )


def _record(row: Any) -> Record:
    title, subtitle = text_at(row, "title") or "".join(_texts(row, "title")[:1]), "".join(_texts(row, "subtitle")[:1])
    names = []
    for author in list_at(row, "author"):
        family, given = text_at(author, "family"), text_at(author, "given")
        names.append(f"{family}, {given}" if family and given else family or text_at(author, "name"))
    year = ""
    for parts in list_at(row, "issued", "date-parts")[:1]:
        year = text_at(parts, 0)
    return tidy(
        Record(
            source="Crossref",
            source_key=text_at(row, "DOI").lower(),
            title=f"{title}: {subtitle}" if title and subtitle and subtitle.casefold() not in title.casefold() else title,
            authors="; ".join(filter(None, names)),
            year=year,
            container="".join(_texts(row, "container-title")[:1]),
            volume=text_at(row, "volume"),
            issue=text_at(row, "issue"),
            pages=text_at(row, "page") or text_at(row, "article-number"),
            doi=text_at(row, "DOI"),
            language=text_at(row, "language"),
            kind=text_at(row, "type"),
            url=text_at(row, "URL"),
            abstract=text_at(row, "abstract"),
        )
    )


def _texts(row: Any, name: str) -> list[str]:
    return [item for item in list_at(row, name) if isinstance(item, str)]
