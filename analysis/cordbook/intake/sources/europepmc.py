"""Europe PMC: the RESTful search with cursorMark (https://europepmc.org/RestfulWebService)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cordbook.intake.records.record import Record, tidy
from cordbook.intake.sources.client import Client, Malformed
from cordbook.intake.sources.source import Cursor, Page, ask_page, count_at, list_at, text_at


@dataclass(frozen=True, slots=True)
class EuropePMC:
    name: str = "Europe PMC"
    base: str = "https://www.ebi.ac.uk/europepmc/webservices/rest"
    interval: float = 0.2
    page_size: int = 500

    def page(self, client: Client, query: str, since: str, cursor: Cursor) -> Page:
        # FIRST_IDATE is the day on which Europe PMC first had the record, so nothing is missed that was published earlier.
        asked = f"({query}) AND (FIRST_IDATE:[{since} TO 3000-12-31])" if since else query
        mark = cursor.get("mark", "*")
        # POST, because a search strategy can be longer than an address may be.
        params = {"query": asked, "format": "json", "resultType": "core", "pageSize": self.page_size, "cursorMark": mark}
        return ask_page(client, f"{self.base}/searchPOST", params, lambda answer: _page(answer, mark), cursor, post=True)


def _page(answer: dict[str, Any], mark: str) -> Page:
    hits = count_at(answer, "hitCount")
    rows = list_at(answer, "resultList", "result")
    if "resultList" not in answer and hits:
        raise Malformed("an answer without resultList")
    following = text_at(answer, "nextCursorMark")
    # The last page has no mark, or the one that was asked for.
    cursor = {"mark": following} if rows and following and following != mark else None
    return Page(tuple(_record(row) for row in rows), hits, cursor)


def _record(row: Any) -> Record:
    source, number = text_at(row, "source"), text_at(row, "id")
    info = row.get("journalInfo") if isinstance(row, dict) else None
    publisher = text_at(row, "bookOrReportDetails", "publisher")
    names = [text_at(a, "fullName") or text_at(a, "collectiveName") for a in list_at(row, "authorList", "author")]
    kinds = [k for k in list_at(row, "pubTypeList", "pubType") if isinstance(k, str)]
    return tidy(
        Record(
            source="Europe PMC",
            source_key=f"{source}:{number}" if source and number else number,
            title=text_at(row, "title"),
            authors="; ".join(filter(None, names)) or text_at(row, "authorString").rstrip(".").replace(", ", "; "),
            year=text_at(row, "pubYear") or text_at(row, "firstPublicationDate"),
            container=text_at(info, "journal", "title") or publisher,
            volume=text_at(info, "volume"),
            issue=text_at(info, "issue"),
            pages=text_at(row, "pageInfo"),
            doi=text_at(row, "doi"),
            pmid=text_at(row, "pmid"),
            language=text_at(row, "language"),
            kind="; ".join(kinds),
            url=f"https://europepmc.org/article/{source}/{number}" if source and number else "",
            abstract=text_at(row, "abstractText"),
        )
    )
