"""Each source with what goes wrong in the world: waits that it asks for, results that are empty, counts that disagree, pages
without end, bodies of any form; and what a person sees of it."""

from __future__ import annotations

import copy
import email.utils
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("httpx")

from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.cli import main
from cordbook.intake.records.record import Record
from cordbook.intake.records.store import read_rows
from cordbook.intake.sources import clinicaltrials, crossref, europepmc, openalex, pubmed, searching
from cordbook.intake.sources.client import Client, Malformed, contact_address
from cordbook.intake.sources.source import Page
from tests.intake.replay import Replay, status
from tests.intake.test_search import KEYS, PER_PAGE, TITLES, run, server, titles_in  # noqa: F401

EVIL = (
    "Cells\x1b[2J\x1b]0;owned\x07\x1b[31m <script>alert(1)</script><b>in</b> \u202ecord\u202c\u2066 "
    "@everyone [x](javascript:alert(1))"
)


def tables(project: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (project / "data").iterdir()}


def set_total(replay: Replay, monkeypatch: pytest.MonkeyPatch, total: int) -> None:
    """Every source says ``total``, whatever it delivers."""
    places = {
        "esearch": ("esearchresult", "count"), "epmc": ("hitCount",), "ctgov": ("totalCount",),
        "crossref": ("message", "total-results"), "openalex": ("meta", "count"),
    }  # fmt: skip
    for name, path in places.items():
        real = getattr(replay, name)

        def answer(q, real=real, path=path):
            found = real(q)
            at = found
            for step in path[:-1]:
                at = at[step]
            if path[-1] in at:
                at[path[-1]] = str(total) if path[-1] == "count" and "webenv" in at else total
            return found

        monkeypatch.setattr(replay, name, answer)


@pytest.mark.parametrize("source", KEYS)
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_wait_that_is_asked_for_is_kept(intake_project, server, monkeypatch, source, form):  # noqa: F811
    waits: list[float] = []
    monkeypatch.setattr("cordbook.intake.sources.client.time.sleep", waits.append)
    said = "40" if form == "seconds" else email.utils.formatdate(time.time() + 40, usegmt=True)
    server.faults = {2: status(429, Retry_After=said)}
    outcome = run(intake_project, source)
    assert (outcome.complete, titles_in(intake_project)) == (True, sorted(TITLES))
    assert 35 <= max(waits) <= 40


@pytest.mark.parametrize("source", KEYS)
def test_no_hit_is_a_whole_search(intake_project, server, source):  # noqa: F811
    server.titles = []
    outcome = run(intake_project, source)
    assert (outcome.hits, outcome.fetched, outcome.complete, outcome.failed) == (0, 0, True, "")
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["hits"], search["fetched"], search["complete"]) == ("0", "0", "yes")
    assert read_rows(intake_project / "data", "records") == []


@pytest.mark.parametrize("source", KEYS)
def test_more_announced_than_sent_is_told_and_the_next_run_completes_it(intake_project, server, monkeypatch, capsys, source):  # noqa: F811
    with monkeypatch.context() as patch:
        set_total(server, patch, 13)
        assert main(["search", source, "--back-off", "0.001"]) == 1
    said = capsys.readouterr()
    assert "13 hits, 10 fetched, 10 new" in said.out
    assert "is not whole, though the source gave all it would" in said.out
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["hits"], search["fetched"], search["complete"]) == ("13", "10", "no")
    assert "delivered 10 of 13" in search["note"]
    assert searching.since_last(intake_project / "data", search["strategy_id"]) == "", "a search that is not whole dates nothing"
    server.titles = [*TITLES, "The eleventh", "The twelfth", "The thirteenth"]
    assert main(["search", source, "--back-off", "0.001"]) == 0
    assert "13 fetched, 3 new, 10 known already" in capsys.readouterr().out
    assert len(read_rows(intake_project / "data", "records")) == 13


@pytest.mark.parametrize("source", KEYS)
def test_fewer_announced_than_sent_loses_none(intake_project, server, monkeypatch, source):  # noqa: F811
    set_total(server, monkeypatch, 7)
    outcome = run(intake_project, source)
    # PubMed is asked for as many as it announced; the others tell themselves when they are at their end.
    assert outcome.fetched == (7 if source == "pubmed" else 10)
    assert len(read_rows(intake_project / "data", "records")) == outcome.fetched
    assert outcome.complete


@pytest.mark.parametrize("source", ["epmc", "ctgov", "crossref", "openalex"])
def test_an_empty_page_in_the_middle_is_asked_again(intake_project, server, monkeypatch, source):  # noqa: F811
    real, calls = getattr(server, source), []

    def answer(q):
        found = copy.deepcopy(real(q))
        calls.append(q)
        if len(calls) == 2:
            for rows in (found.get("resultList", {}).get("result"), found.get("studies"), found.get("results"),
                         found.get("message", {}).get("items")):  # fmt: skip
                if rows is not None:
                    rows.clear()
            found.pop("nextPageToken", None)
        return found

    monkeypatch.setattr(server, source, answer)
    assert run(intake_project, source).complete
    assert titles_in(intake_project) == sorted(TITLES)


@pytest.mark.parametrize("source", ["ctgov", "crossref", "openalex"])
@pytest.mark.parametrize("kind", ["the same page", "empty pages"])
def test_a_source_that_never_ends_is_left(intake_project, server, monkeypatch, source, kind):  # noqa: F811
    first = getattr(server, source)({"cursor": "*", "rows": "4", "per_page": "4", "pageSize": "4"})
    text = json.dumps(first)
    if kind == "empty pages":
        empty: dict = json.loads(text)
        for at in (empty, empty.get("message", {})):
            for name in ("studies", "items", "results"):
                if name in at:
                    at[name] = []
        text = json.dumps(empty)
    monkeypatch.setattr(server, source, lambda q: json.loads(text))
    monkeypatch.setattr(searching, "SURPLUS", 50)
    before = tables(intake_project)
    outcome = run(intake_project, source, attempts=2)
    if kind == "the same page" or source == "ctgov":
        assert "without coming to an end" in outcome.failed
        assert tables(intake_project) == before
    else:
        assert not outcome.complete
    assert len(server.asked) < 60


@pytest.mark.parametrize("source", KEYS)
def test_records_that_move_between_pages_are_taken_once(intake_project, server, source, monkeypatch):  # noqa: F811
    """A record comes in at the top while the search is read, so that every page repeats the last record of the one before."""
    real = server._page
    monkeypatch.setattr(server, "_page", lambda start, size: real(max(0, start - 1), size + (1 if start else 0)))
    outcome = run(intake_project, source)
    assert outcome.complete
    assert titles_in(intake_project) == sorted(TITLES)


def test_no_network_is_told_at_once_in_one_line(intake_project):
    """As a process, since that is what a person or a workflow starts: nothing but the line, exit code 1, no file touched."""
    before = {p: p.read_bytes() for p in intake_project.rglob("*") if p.is_file()}
    import os

    env = os.environ | {f"CORDBOOK_{key.upper()}_URL": "http://127.0.0.1:9" for key in KEYS} | {"NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-m", "cordbook", "search", "--back-off", "0.01"], cwd=intake_project, env=env,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("cordbook search: no network: 127.0.0.1 cannot be reached")
    assert line.endswith("Nothing was changed.")
    assert {p: p.read_bytes() for p in intake_project.rglob("*") if p.is_file()} == before


def test_what_a_source_says_cannot_act_in_the_terminal_or_an_issue(intake_project, server, monkeypatch, capsys):  # noqa: F811
    """Titles, remarks on the query and refusals are words of others."""
    server.titles = [EVIL.replace("\x1b", "").replace("\x07", "")]  # XML can hold no control characters
    real = server.esearch

    def esearch(q):
        found = real(q)
        found["esearchresult"]["errorlist"]["phrasesnotfound"] = [EVIL]
        return found

    def refuse(handler, body):
        handler.send_response(400)
        said = EVIL.encode()
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)

    monkeypatch.setattr(server, "esearch", esearch)
    said = {}
    for form in ("text", "markdown"):
        server.faults = {}
        assert main(["search", "pubmed", "--format", form]) == 1
        server.faults = dict.fromkeys(range(1, 60), refuse)
        assert main(["search", "crossref", "--format", form, "--back-off", "0.001"]) == 1
        shown = capsys.readouterr()
        said[form] = shown.out
        assert "PubMed does not know: Cells" in shown.out
        assert not set("\x1b\x07\u202e\u202c\u2066") & set(shown.out + shown.err)
    marked = re.sub(r"(?m)^- \[(.*)\]\(https://[^()\s]*\)", r"- \1", said["markdown"])
    assert not re.search(r"(?<!\\)[<>\[\]]", marked)
    assert "@everyone" not in marked
    [title] = {row["title"] for row in read_rows(intake_project / "data", "records") if row["source"] == "PubMed"}
    assert title.endswith("in cord @everyone [x](javascript:alert(1)) in vivo")


def test_an_issue_holds_the_longest_result(intake_project, server, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setattr(searching, "ALL", (crossref.Crossref(page_size=400),))
    server.titles = [f"{n} [brackets] *stars* " + "long words of a title " * 40 for n in range(900)]
    assert main(["search", "crossref", "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    assert "- and 780 more" in out
    assert len(out.encode()) < 65_536 - 14_000  # the workflow puts the check of the references behind it


def test_who_asks_comes_from_the_environment_or_the_review(tmp_path, monkeypatch):
    monkeypatch.delenv("CORDBOOK_CONTACT", raising=False)
    assert contact_address(tmp_path) == ""
    text = "title: t\nstate: living\nbaseline: 2026-11-20\nlast_search:\nnext_search:\ncontact: team@example.org\n"
    (tmp_path / "review.yml").write_text(text)
    assert contact_address(tmp_path) == "team@example.org"
    monkeypatch.setenv("CORDBOOK_CONTACT", "me@example.org")
    assert contact_address(tmp_path) == "me@example.org"
    monkeypatch.delenv("CORDBOOK_CONTACT")
    (tmp_path / "review.yml").write_text(text.replace("team@example.org", "nobody\\r\\nX-Evil: 1"))
    assert contact_address(tmp_path) == ""


# Bodies of any form: a page of records, or Malformed, which is tried again and told. Nothing else.
REPLAY = Replay([EVIL, *TITLES[:3]])
ANSWERS = {
    "epmc": REPLAY.epmc({"cursorMark": "*", "pageSize": "4"}),
    "ctgov": REPLAY.ctgov({"pageSize": "2"}),
    "crossref": REPLAY.crossref({"cursor": "*", "rows": "4"}),
    "openalex": REPLAY.openalex({"cursor": "*", "per_page": "4"}),
    "pubmed": REPLAY.esearch({"db": "pubmed", "usehistory": "y"}),
}
READERS = {
    "epmc": lambda answer: europepmc._page(answer, "*"),
    "ctgov": lambda answer: clinicaltrials._page(answer, {}),
    "crossref": crossref._page,
    "openalex": openalex._page,
    "pubmed": lambda answer: pubmed._found(json.dumps(answer).encode()),
}
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.just(EVIL)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def places_in(thing, path=()):
    yield path
    if isinstance(thing, dict | list):
        for key, value in thing.items() if isinstance(thing, dict) else enumerate(thing):
            yield from places_in(value, (*path, key))


def put(thing, path, value):
    if not path:
        return value
    changed = copy.copy(thing)
    changed[path[0]] = put(thing[path[0]], path[1:], value)
    return changed


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(sorted(READERS)), st.data())
def test_any_answer_is_a_page_or_tried_again(source, data):
    answer = ANSWERS[source]
    for _ in range(data.draw(st.integers(1, 3))):
        answer = put(answer, data.draw(st.sampled_from(list(places_in(answer)))), data.draw(ODD))
    if not isinstance(answer, dict):
        return
    try:
        found = READERS[source](answer)
    except Malformed:
        return
    if isinstance(found, Page):
        assert found.hits >= 0
        json.dumps(found.cursor)
        for record in found.records:
            assert isinstance(record, Record)
            text = " ".join(getattr(record, name) for name in Record.__slots__)
            assert not set("\x1b\x07\u202e\n\ud800") & set(text)
            text.encode()


MARKUP = ["", "<", ">", "&", "&#0;", "&x;", "\x00", "</PubmedArticle>", "<PMID>", "<!--", "<![CDATA["]
DAMAGE = st.tuples(st.integers(0, 4000), st.integers(0, 40), st.sampled_from(MARKUP) | st.text(max_size=5))


@settings(deadline=None, max_examples=150)
@given(st.lists(DAMAGE, min_size=1, max_size=4))
def test_damaged_xml_is_records_or_tried_again(cuts):
    REPLAY.env = "e"
    text = REPLAY.efetch({"WebEnv": "e", "retstart": "0", "retmax": str(PER_PAGE)}).decode()
    for at, length, new in cuts:
        at %= len(text)
        text = text[:at] + new + text[at + length :]
    try:
        found = pubmed.articles(text.encode("utf-8", "surrogatepass"))
    except (Malformed, pubmed.Expired):
        return
    for record in found:
        assert "\x1b" not in record.title


BOMB = b"""<?xml version="1.0"?><!DOCTYPE PubmedArticleSet [<!ENTITY a "aaaaaaaaaa">%s]>
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>&k;</ArticleTitle></Article>
</MedlineCitation></PubmedArticle></PubmedArticleSet>""" % b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(10)
)
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE PubmedArticleSet [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>&x;</ArticleTitle></Article>
</MedlineCitation></PubmedArticle></PubmedArticleSet>"""


@pytest.mark.parametrize("body", [BOMB, OUTSIDE], ids=["a bomb", "a file of this machine"])
def test_entities_are_refused(body):
    with pytest.raises(Malformed):
        pubmed.articles(body)


def test_a_body_without_end_is_left(server, monkeypatch):  # noqa: F811
    """A source that sends and sends is cut off before memory is full."""
    from cordbook.intake.sources import client as http

    monkeypatch.setattr(http, "LARGEST_BODY", 1000)
    server.titles = ["x" * 5000]
    with pytest.raises(http.SearchFailed, match="sent more than"), Client(interval=0, attempts=1) as client:
        crossref.Crossref(base=f"{server.url}/crossref").page(client, "q", "", {})
