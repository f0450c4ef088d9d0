"""PubMed: E-utilities with the history server (https://www.ncbi.nlm.nih.gov/books/NBK25499/).

ESearch leaves the result on the server, EFetch takes it page by page as XML. XML rather than the MEDLINE text that Biopython
reads: a body that was cut off cannot be told from a whole one in text.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from typing import Any

from cordbook.intake.imports.parsers.xml_files import pubmed_article
from cordbook.intake.records.record import Record
from cordbook.intake.sources.client import Client, Malformed, Refused, SearchFailed, as_json
from cordbook.intake.sources.source import Cursor, Page, count_at, list_at, text_at

#: EFetch gives no more than this of one PubMed search; longer ones are cut into periods by entry date.
LONGEST = 9_999
#: Where ESearch says that it did not take a query as it stands, and how that is told; no hit is no warning.
WARNINGS = (
    ("errorlist", "phrasesnotfound", "PubMed does not know"),
    ("errorlist", "fieldsnotfound", "PubMed does not know the field"),
    ("warninglist", "quotedphrasesnotfound", "PubMed does not know"),
    ("warninglist", "phrasesignored", "PubMed ignores"),
    ("warninglist", "outputmessages", "PubMed says"),
)
NOTHING_FOUND = "No items found."
FIRST_DAY, LAST_DAY = date(1700, 1, 1), date(2200, 1, 1)


class Expired(Exception):
    """The history server has forgotten the search."""


class Short(Malformed):
    """Fewer records than the page should hold; carries those that came."""

    def __init__(self, records: tuple[Record, ...], wanted: int) -> None:
        super().__init__(f"{len(records)} records instead of {wanted}")
        self.records = records


@dataclass(frozen=True, slots=True)
class PubMed:
    name: str = "PubMed"
    base: str = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    page_size: int = 200

    @property
    def interval(self) -> float:
        # 3 requests a second, 10 with a key.
        return 0.11 if os.environ.get("NCBI_API_KEY") else 0.35

    def page(self, client: Client, query: str, since: str, cursor: Cursor) -> Page:
        """See :class:`cordbook.intake.sources.source.Source`. The cursor holds the periods left, the first one's place on the server
        and how many of it have come."""
        state = dict(cursor) or {"periods": [[since or "", ""]], "hits": None, "env": ""}
        remarks: tuple[str, ...] = ()
        while not state["env"]:
            if not state["periods"]:
                return Page((), state["hits"] or 0, None, remarks)
            found = self._search(client, query, *state["periods"][0])
            remarks += found.remarks
            if state["hits"] is None:
                state["hits"] = found.count
            if found.count > LONGEST:
                state["periods"] = _halved(*state["periods"][0]) + state["periods"][1:]
            elif not found.count:
                state["periods"] = state["periods"][1:]
            else:
                # The same search anew after its place was lost: if it grew meanwhile, begin it again; keys keep records single.
                at = state.get("at", 0) if state.get("count") == found.count else 0
                state |= {"env": found.env, "key": found.key, "count": found.count, "at": at}
        try:
            records, wanted = self._fetch(client, state)
        except Expired:
            if state.get("lost", 0) >= 5:
                raise SearchFailed("PubMed's history server forgot the search five times in a row") from None
            return Page((), state["hits"], state | {"env": "", "lost": state.get("lost", 0) + 1}, remarks)
        state["at"] += wanted
        state["lost"] = 0
        if state["at"] >= state["count"]:
            state |= {"env": "", "at": 0, "count": 0, "periods": state["periods"][1:]}
        return Page(records, state["hits"], state if state["env"] or state["periods"] else None, remarks)

    def _search(self, client: Client, query: str, first: str, last: str) -> _Found:
        params = {"db": "pubmed", "term": query, "usehistory": "y", "retmax": 0, "retmode": "json", **_who(client)}
        if first or last:
            params |= {
                "datetype": "edat",
                "mindate": (first or FIRST_DAY.isoformat()).replace("-", "/"),
                "maxdate": (last or LAST_DAY.isoformat()).replace("-", "/"),
            }
        return client.ask(f"{self.base}/esearch.fcgi", params, _found, post=True)

    def _fetch(self, client: Client, state: dict[str, Any]) -> tuple[tuple[Record, ...], int]:
        wanted = min(self.page_size, state["count"] - state["at"])
        params = {
            "db": "pubmed",
            "WebEnv": state["env"],
            "query_key": state["key"],
            "retstart": state["at"],
            "retmax": wanted,
            "retmode": "xml",
            **_who(client),
        }

        def whole(body: bytes) -> tuple[Record, ...]:
            records = articles(body)
            if len(records) < wanted:
                raise Short(records, wanted)
            return records

        try:
            return client.ask(f"{self.base}/efetch.fcgi", params, whole), wanted
        except Short as short:
            # PubMed keeps some numbers without a record (withdrawn). What is missing in the end makes the search not whole.
            return short.records, wanted
        except Refused as error:
            if "obtain query" in str(error) or "history" in str(error):
                raise Expired from error
            raise


@dataclass(frozen=True, slots=True)
class _Found:
    count: int
    env: str
    key: str
    remarks: tuple[str, ...]


def _found(body: bytes) -> _Found:
    answer = as_json(body)
    result = answer.get("esearchresult")
    if not isinstance(result, dict):
        raise Malformed("an answer without esearchresult")
    if found := text_at(result, "ERROR"):
        raise Malformed(f"PubMed says: {found[:200]}")
    remarks = tuple(
        f"{said}: {word}"
        for part, name, said in WARNINGS
        for word in list_at(result, part, name)
        if isinstance(word, str) and word.strip() != NOTHING_FOUND
    )
    return _Found(count_at(result, "count"), text_at(result, "webenv"), text_at(result, "querykey"), remarks)


def _who(client: Client) -> dict[str, str]:
    who = {"tool": "cordbook"}
    if client.contact:
        who["email"] = client.contact
    if key := os.environ.get("NCBI_API_KEY"):
        who["api_key"] = key
    return who


def _halved(first: str, last: str) -> list[list[str]]:
    a = date.fromisoformat(first) if first else FIRST_DAY
    b = date.fromisoformat(last) if last else LAST_DAY
    if a >= b:
        raise SearchFailed(f"PubMed entered more than {LONGEST} records of this search on {a}; narrow the query")
    middle = date.fromordinal((a.toordinal() + b.toordinal()) // 2)
    return [[a.isoformat(), middle.isoformat()], [date.fromordinal(middle.toordinal() + 1).isoformat(), b.isoformat()]]


def articles(body: bytes) -> tuple[Record, ...]:
    """The records of a PubMed XML file; raises :class:`Malformed` or :class:`Expired`."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        if b"Unable to obtain query" in body or b"Cannot retrieve history" in body:
            raise Expired from error
        raise Malformed("an answer that is cut off or no XML") from error
    if root.tag != "PubmedArticleSet":
        text = " ".join(root.itertext())
        if "obtain query" in text or "retrieve history" in text:
            raise Expired
        raise Malformed(f"PubMed says: {' '.join(text.split())[:200]}")
    return tuple(pubmed_article(node) for node in root if node.tag in ("PubmedArticle", "PubmedBookArticle"))
