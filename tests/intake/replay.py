"""The five sources on 127.0.0.1: real HTTP, answers of the documented form, and faults on demand."""

# Answers stand on one line each, as they come.

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

#: A fault takes the handler and the body that would have been sent.
Fault = Callable[[BaseHTTPRequestHandler, bytes], None]


def status(code: int, **headers: str) -> Fault:
    def fault(handler, body):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "5")
        handler.end_headers()
        handler.wfile.write(b"sorry")

    return fault


def cut(handler, body):
    """The connection breaks midway: fewer bytes than announced."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.connection.close()


def truncated(handler, body):
    """A whole answer to HTTP, half an answer to its reader."""
    _send(handler, body[: len(body) // 2])


def malformed(handler, body):
    _send(handler, b"<html><body>Bad gateway, but with status 200</body></html>")


def not_the_form(handler, body):
    _send(handler, b'{"unexpected": true}')


def slow(handler, body):
    """Says nothing until the client has given up, however long a loaded machine takes for that."""
    handler.connection.settimeout(60)
    with suppress(OSError):
        handler.connection.recv(1)


def hang_up(handler, body):
    handler.connection.close()


FAULTS = {
    "429": status(429, Retry_After="0"),
    "500": status(500),
    "503": status(503),
    "cut": cut,
    "truncated": truncated,
    "malformed": malformed,
    "not the form": not_the_form,
    "slow": slow,
    "hang up": hang_up,
}


#: Seconds that a client waits: long enough for a loaded machine, short only where the server says nothing at all.
PATIENT, SILENT = 20.0, 0.5


def patience(fault: str) -> float:
    """How long to wait for the server under a fault of `FAULTS`."""
    return SILENT if fault == "slow" else PATIENT


def _send(handler, body, code=200):
    handler.send_response(code)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@dataclass
class Replay:
    """What the server does and what it was asked. ``faults``: by number of the request, from 1."""

    titles: list[str]
    faults: dict[int, Fault] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    url: str = ""
    unknown: list[str] = field(default_factory=list)  # words of the query that PubMed does not know
    forgets: bool = False  # the history server of PubMed loses every search after one page

    def body(self, path: str, q: dict[str, str]) -> tuple[int, bytes]:
        for end, answer in (
            ("/esearch.fcgi", self.esearch), ("/efetch.fcgi", self.efetch), ("/searchPOST", self.epmc), ("/studies", self.ctgov),
            ("/crossref/works", self.crossref), ("/openalex/works", self.openalex),
        ):  # fmt: skip
            if path.endswith(end):
                found = answer(q)
                return (
                    found
                    if isinstance(found, tuple)
                    else (200, found if isinstance(found, bytes) else json.dumps(found).encode())
                )
        return 404, b"{}"

    # Each record has a number n from 0; identifiers of the sources are made from it.
    def _page(self, start: int, size: int) -> list[tuple[int, str]]:
        return list(enumerate(self.titles))[start : start + size]

    def esearch(self, q):
        assert q["db"] == "pubmed"
        assert q["usehistory"] == "y"
        self.env = f"MCID_{len(self.asked)}"
        return {
            "esearchresult": {
                "count": str(len(self.titles)),
                "querykey": "1",
                "webenv": self.env,
                "idlist": [],
                "errorlist": {"phrasesnotfound": self.unknown, "fieldsnotfound": []},
            }
        }

    def efetch(self, q):
        if q["WebEnv"] != self.env:
            return 400, b"<eFetchResult><ERROR>Unable to obtain query #1</ERROR></eFetchResult>"
        if self.forgets:
            self.env = ""
        articles = "".join(
            f"""<PubmedArticle><MedlineCitation><PMID Version="1">{1000 + n}</PMID><Article><Journal><JournalIssue>
            <Volume>{n}</Volume><Issue>2</Issue><PubDate><Year>2020</Year></PubDate></JournalIssue><Title>Spinal Cord</Title></Journal>
            <ArticleTitle>{escape(title)} in <i>vivo</i>.</ArticleTitle><Pagination><MedlinePgn>1{n}-9</MedlinePgn></Pagination>
            <ELocationID EIdType="doi" ValidYN="Y">10.1000/PM.{n}</ELocationID><Abstract><AbstractText Label="AIM">To see.</AbstractText>
            <AbstractText>Seen.</AbstractText></Abstract><AuthorList><Author><LastName>Ruiz</LastName><ForeName>Ana</ForeName></Author>
            <Author><CollectiveName>The Group</CollectiveName></Author></AuthorList><Language>eng</Language>
            </Article></MedlineCitation></PubmedArticle>"""
            for n, title in self._page(int(q["retstart"]), int(q["retmax"]))
        )
        return f'<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n<PubmedArticleSet>{articles}</PubmedArticleSet>'.encode()

    def epmc(self, q):
        start = 0 if q["cursorMark"] == "*" else int(q["cursorMark"][1:])
        rows = [
            {"id": str(1000 + n), "source": "MED", "pmid": str(1000 + n), "doi": f"10.1000/ep.{n}", "title": title, "pubYear": "2020",
             "authorString": "Ruiz A, Chen B.", "journalInfo": {"volume": "1", "journal": {"title": "Spinal Cord"}}, "abstractText": "<h4>Aim</h4>To see."}
            for n, title in self._page(start, int(q["pageSize"]))
        ]  # fmt: skip
        following = f"c{start + len(rows)}" if rows else q["cursorMark"]
        return {"version": "6.9", "hitCount": len(self.titles), "nextCursorMark": following, "resultList": {"result": rows}}

    def ctgov(self, q):
        start = int(q.get("pageToken", "t0")[1:])
        rows = [
            {"protocolSection": {"identificationModule": {"nctId": f"NCT{n:08d}", "briefTitle": "Short", "officialTitle": title},
             "statusModule": {"studyFirstPostDateStruct": {"date": "2020-03-01"}}, "sponsorCollaboratorsModule": {"leadSponsor": {"name": "Hospital"}},
             "descriptionModule": {"briefSummary": "To see."}, "designModule": {"studyType": "INTERVENTIONAL"}}}
            for n, title in self._page(start, int(q["pageSize"]))
        ]  # fmt: skip
        answer = {"studies": rows}
        if start == 0:
            answer["totalCount"] = len(self.titles)
        if start + len(rows) < len(self.titles):
            answer["nextPageToken"] = f"t{start + len(rows)}"
        return answer

    def crossref(self, q):
        start = 0 if q["cursor"] == "*" else int(q["cursor"][1:])
        rows = [
            {"DOI": f"10.1000/CR.{n}", "title": [title], "author": [{"family": "Ruiz", "given": "Ana"}, {"name": "The Group"}],
             "issued": {"date-parts": [[2020, 3]]}, "container-title": ["Spinal Cord"], "volume": "1", "page": "1-9", "type": "journal-article",
             "URL": f"https://doi.org/10.1000/cr.{n}", "abstract": "<jats:p>To see.</jats:p>"}
            for n, title in self._page(start, int(q["rows"]))
        ]  # fmt: skip
        return {
            "status": "ok",
            "message-type": "work-list",
            "message": {"total-results": len(self.titles), "items": rows, "next-cursor": f"x{start + len(rows)}"},
        }

    def openalex(self, q):
        start = 0 if q["cursor"] == "*" else int(q["cursor"][1:])
        rows = [
            {"id": f"https://openalex.org/W{n}", "doi": f"https://doi.org/10.1000/oa.{n}", "ids": {"pmid": f"https://pubmed.ncbi.nlm.nih.gov/{1000 + n}"},
             "title": title, "publication_year": 2020, "authorships": [{"author": {"display_name": "Ana Ruiz"}}],
             "primary_location": {"source": {"display_name": "Spinal Cord"}}, "biblio": {"volume": "1", "first_page": "1", "last_page": "9"},
             "abstract_inverted_index": {"see.": [1], "To": [0]}, "type": "article", "language": "en"}
            for n, title in self._page(start, int(q["per_page"]))
        ]  # fmt: skip
        return {"meta": {"count": len(self.titles), "next_cursor": f"o{start + len(rows)}" if rows else None}, "results": rows}


@contextmanager
def serving(replay: Replay) -> Iterator[Replay]:
    """The replay at ``replay.url`` while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            split = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length).decode() if length else split.query
            q = {k: v[0] for k, v in parse_qs(text, keep_blank_values=True).items()}
            replay.asked.append((split.path, q))
            replay.agents.append(self.headers["User-Agent"])
            code, body = replay.body(split.path, q)
            fault = replay.faults.get(len(replay.asked))
            with suppress(BrokenPipeError, ConnectionResetError):
                fault(self, body) if fault else _send(self, body, code)

        do_GET = do_POST = _answer

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    replay.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield replay
    finally:
        server.shutdown()
        server.server_close()
