"""Saved searches against the sources' documented answers over real HTTP, with everything that goes wrong there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("httpx")

from cordbook.cli import main
from cordbook.intake.records.store import read_rows, write_tables
from cordbook.intake.sources import searching
from cordbook.intake.sources.client import Client, Malformed, SearchFailed, retry_after
from cordbook.intake.sources.clinicaltrials import ClinicalTrials
from cordbook.intake.sources.crossref import Crossref
from cordbook.intake.sources.europepmc import EuropePMC
from cordbook.intake.sources.openalex import OpenAlex, abstract_of
from cordbook.intake.sources.pubmed import PubMed, _halved, articles
from tests.intake.replay import FAULTS, PATIENT, Replay, cut, hang_up, patience, serving, status

KEYS = ("pubmed", "epmc", "ctgov", "crossref", "openalex")
PER_PAGE = 4
TITLES = [f"Cells & cord number {n}" for n in range(10)]
QUICK = {"back_off": 0.01, "timeout": PATIENT, "interval": 0.0}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    """All five sources at one server, with small pages."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(
        searching, "ALL",
        tuple(kind(page_size=PER_PAGE) for kind in (PubMed, EuropePMC, ClinicalTrials, Crossref, OpenAlex)),
    )  # fmt: skip
    with serving(Replay(TITLES)) as replay:
        for key in KEYS:
            monkeypatch.setenv(f"CORDBOOK_{key.upper()}_URL", f"{replay.url}/{key}")
        yield replay


def run(project: Path, source: str, since: str = "", **settings):
    from cordbook.core.project import Project

    home = Project(project)
    return searching.run(
        home, searching.strategies(home.data, [source]), lambda s: since, "2026-11-21", lambda text: None, **QUICK | settings
    )[0]


def titles_in(project: Path) -> list[str]:
    return sorted(row["title"].replace(" in vivo", "") for row in read_rows(project / "data", "records"))


@pytest.mark.parametrize("source", KEYS)
def test_a_search_takes_in_every_record_once(intake_project, server, source):
    outcome = run(intake_project, source)
    assert (outcome.hits, outcome.fetched, len(outcome.new), outcome.complete, outcome.failed) == (10, 10, 10, True, "")
    assert titles_in(intake_project) == sorted(TITLES)
    row = read_rows(intake_project / "data", "records")[0]
    assert row["year"] == "2020"
    assert "Ruiz" in row["authors"] or row["authors"] == "Hospital"
    abstract = {r["record_id"]: r["abstract"] for r in read_rows(intake_project / "data", "abstracts")}[row["record_id"]]
    assert "To see." in abstract
    assert "<" not in abstract
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["hits"], search["fetched"], search["complete"], search["searched_on"]) == (
        "10",
        "10",
        searching.TRUE,
        "2026-11-21",
    )
    assert not list((intake_project / ".cordbook" / "searches").iterdir())


@pytest.mark.parametrize("source", KEYS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_loses_nothing_and_doubles_nothing(intake_project, server, source, fault):
    server.faults = {2: FAULTS[fault]}
    outcome = run(intake_project, source, timeout=patience(fault))
    assert outcome.failed == ""
    assert titles_in(intake_project) == sorted(TITLES)


@pytest.mark.parametrize("source", KEYS)
@pytest.mark.parametrize("fault", ["500", "cut", "truncated", "hang up"])
def test_a_second_run_completes_the_first(intake_project, server, source, fault):
    server.faults = dict.fromkeys(range(3, 50), FAULTS[fault])
    before = {p.name: p.read_bytes() for p in (intake_project / "data").iterdir()}
    first = run(intake_project, source, attempts=2)
    assert first.failed
    assert not first.no_network
    assert 0 < first.fetched < 10
    assert {p.name: p.read_bytes() for p in (intake_project / "data").iterdir()} == before
    server.faults = {}
    asked = len(server.asked)
    second = run(intake_project, source)
    assert (second.fetched, second.complete) == (10, True)
    assert titles_in(intake_project) == sorted(TITLES)
    assert len(server.asked) - asked <= 4, "it went on, it did not begin again"
    assert len(read_rows(intake_project / "data", "searches")) == 1


@pytest.mark.parametrize("source", KEYS)
def test_a_search_run_again_takes_nothing_twice(intake_project, server, source):
    run(intake_project, source)
    again = run(intake_project, source)
    assert (again.fetched, again.known, again.new) == (10, 10, ())
    assert len(read_rows(intake_project / "data", "records")) == 10
    assert len({row["search_id"] for row in read_rows(intake_project / "data", "searches")}) == 2


def test_killed_between_page_and_state_the_page_is_counted_once(intake_project, server, monkeypatch):
    real, calls = searching._write, []

    def dies(path, what):
        calls.append(path.name)
        if calls.count("state.json") == 2 and path.name == "state.json":
            raise KeyboardInterrupt
        real(path, what)

    monkeypatch.setattr(searching, "_write", dies)
    with pytest.raises(KeyboardInterrupt):
        run(intake_project, "epmc")
    monkeypatch.setattr(searching, "_write", real)
    assert run(intake_project, "epmc").fetched == 10
    assert titles_in(intake_project) == sorted(TITLES)


@pytest.mark.parametrize("table", ["searches", "records", "abstracts"])
def test_killed_between_two_tables_the_next_run_writes_them_all(intake_project, server, monkeypatch, table):
    import os

    real = os.replace

    def dies(a, b):
        if Path(b).name == f"{table}.csv":
            raise KeyboardInterrupt
        real(a, b)

    monkeypatch.setattr(os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        run(intake_project, "ctgov")
    monkeypatch.setattr(os, "replace", real)
    asked = len(server.asked)
    assert run(intake_project, "ctgov").fetched == 10
    assert len(server.asked) == asked, "everything had come already"
    assert titles_in(intake_project) == sorted(TITLES)
    assert len(read_rows(intake_project / "data", "searches")) == 1
    assert len(read_rows(intake_project / "data", "abstracts")) == 10
    assert not list((intake_project / "data").glob(".*"))


def test_a_forgotten_place_begins_again_with_what_has_come(intake_project, server):
    server.faults = dict.fromkeys(range(2, 50), FAULTS["500"])
    run(intake_project, "crossref", attempts=1)
    server.faults = {len(server.asked) + 1: status(400)}
    assert run(intake_project, "crossref").fetched == 10
    assert titles_in(intake_project) == sorted(TITLES)


def test_pubmed_s_history_server_forgets(intake_project, server):
    server.forgets = True
    outcome = run(intake_project, "pubmed")
    assert (outcome.fetched, outcome.complete) == (10, True)
    assert [path.rsplit("/")[-1] for path, _ in server.asked].count("esearch.fcgi") == 3


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        ({"errorlist": {"phrasesnotfound": ["hyperbarik"]}}, "PubMed does not know: hyperbarik"),
        ({"errorlist": {"fieldsnotfound": ["[tiabb]"]}}, "PubMed does not know the field: [tiabb]"),
        ({"warninglist": {"phrasesignored": ["the"]}}, "PubMed ignores: the"),
        (
            {"warninglist": {"outputmessages": ["Wildcard search for 'c*' used only the first 600 variations."]}},
            "PubMed says: Wildcard",
        ),
    ],
)
def test_a_search_that_pubmed_did_not_take_as_it_stands_is_not_whole(intake_project, server, monkeypatch, capsys, answer, remark):
    real = server.esearch
    monkeypatch.setattr(server, "esearch", lambda q: {"esearchresult": real(q)["esearchresult"] | answer})
    assert main(["search", "pubmed"]) == 1
    shown = capsys.readouterr().out
    assert remark in shown
    assert "is not whole: PubMed did not take the query as it stands" in shown
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["fetched"], search["complete"]) == ("10", "no")
    assert remark in search["note"]
    assert searching.since_last(intake_project / "data", "pubmed-x") == ""


def test_no_new_record_is_no_warning(intake_project, server, monkeypatch):
    server.titles = []
    real = server.esearch
    monkeypatch.setattr(
        server,
        "esearch",
        lambda q: {"esearchresult": real(q)["esearchresult"] | {"warninglist": {"outputmessages": ["No items found."]}}},
    )
    assert run(intake_project, "pubmed").complete


def test_a_warning_of_any_source_makes_its_search_not_whole(intake_project, server, monkeypatch):
    real = server.crossref
    monkeypatch.setattr(server, "crossref", lambda q: real(q) | {"warnings": ["the query was cut off"]})
    outcome = run(intake_project, "crossref")
    assert not outcome.complete
    assert "the query was cut off" in outcome.remarks


@pytest.mark.parametrize(
    ("runs", "since"),
    [
        ([("2026-01-10", "", "yes")], "2026-01-03"),
        ([("2026-01-10", "", "yes"), ("2026-02-10", "2026-01-03", "yes")], "2026-02-03"),
        # The second is not whole: the third, which asked from a later day, leaves a gap before it.
        ([("2026-01-10", "", "yes"), ("2026-02-10", "2026-01-03", "no"), ("2026-03-10", "2026-02-20", "yes")], "2026-01-03"),
        ([("2026-02-10", "2026-01-03", "yes")], ""),
        ([("2026-01-10", "", "no")], ""),
    ],
)
def test_since_last_never_skips_a_gap(intake_project, runs, since):
    rows = [
        {"search_id": f"s-{n}", "strategy_id": "epmc-x", "source": "Europe PMC", "searched_on": day, "searched_by": "p", "since": begun,
         "hits": "0", "fetched": "0", "complete": complete}
        for n, (day, begun, complete) in enumerate(runs)
    ]  # fmt: skip
    write_tables(intake_project / "data", {"searches": rows})
    assert searching.since_last(intake_project / "data", "epmc-x") == since


def test_no_message_holds_a_key(intake_project, server, monkeypatch, capsys):
    """The source answers with the address that it was asked for, as error pages do, and in what it says of the query."""
    monkeypatch.setenv("OPENALEX_API_KEY", "s3cret/key+1")
    monkeypatch.setenv("NCBI_API_KEY", "0123456789abcdef")
    shown = ""
    for said in ("api_key=s3cret%2Fkey%2B1 and s3cret/key+1 and 0123456789abcdef", "?token=another1&x=1"):
        server.faults = dict.fromkeys(range(1, 80), status_saying(403, said))
        assert main(["search", "openalex", "pubmed", "--back-off", "0.001"]) == 1
        shown += "".join(capsys.readouterr())
    server.faults = {}
    server.unknown = ["0123456789abcdef"]
    main(["search", "pubmed"])
    shown += "".join(capsys.readouterr()) + (intake_project / "data" / "searches.csv").read_text()
    assert "***" in shown
    for key in ("s3cret", "0123456789abcdef", "another1"):
        assert key not in shown


def status_saying(code: int, text: str):
    def answer(handler, body):
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


def test_pubmed_s_long_results_are_cut_into_periods(intake_project, server, monkeypatch):
    real = server.esearch

    def esearch(q):
        answer = real(q)
        if "mindate" not in q:
            answer["esearchresult"]["count"] = "12000"
        elif q["mindate"] != "1700/01/01":
            answer["esearchresult"]["count"] = "0"
        return answer

    monkeypatch.setattr(server, "esearch", esearch)
    outcome = run(intake_project, "pubmed")
    assert outcome.hits == 12000
    assert outcome.fetched == 10
    assert not outcome.complete, "the source said 12000 and gave 10"
    searched = [(q["mindate"], q["maxdate"]) for path, q in server.asked if "esearch" in path and "mindate" in q]
    assert searched == [("1700/01/01", "1950/01/01"), ("1950/01/02", "2200/01/01")]


def test_halves_of_a_period_meet_and_a_day_cannot_be_halved():
    assert _halved("2026-01-01", "2026-01-02") == [["2026-01-01", "2026-01-01"], ["2026-01-02", "2026-01-02"]]
    with pytest.raises(SearchFailed, match="narrow the query"):
        _halved("2026-01-01", "2026-01-01")


@pytest.mark.parametrize(
    ("source", "where", "what"),
    [
        ("pubmed", "mindate", "2026/01/02"),
        ("epmc", "query", "(cord AND injury) AND (FIRST_IDATE:[2026-01-02 TO 3000-12-31])"),
        ("ctgov", "filter.advanced", "AREA[LastUpdatePostDate]RANGE[2026-01-02,MAX]"),
        ("crossref", "filter", "from-created-date:2026-01-02"),
        ("openalex", "filter", "title_and_abstract.search:cord AND injury,from_publication_date:2026-01-02"),
    ],
)
def test_since_is_asked_in_each_source_s_own_words(intake_project, server, source, where, what):
    run(intake_project, source, since="2026-01-02")
    assert server.asked[0][1][where] == what
    assert read_rows(intake_project / "data", "searches")[0]["since"] == "2026-01-02"


def test_since_last_goes_back_a_week_from_the_last_whole_search(intake_project, server):
    assert searching.since_last(intake_project / "data", "epmc-x") == ""
    run(intake_project, "epmc")
    assert searching.since_last(intake_project / "data", "epmc-x") == "2026-11-14"


def test_who_asks_is_said(intake_project, server, monkeypatch):
    monkeypatch.setenv("CORDBOOK_CONTACT", "team@example.org")
    monkeypatch.setenv("NCBI_API_KEY", "secret")
    run(intake_project, "pubmed")
    assert server.agents[0].startswith("cordbook/")
    assert "team@example.org" in server.agents[0]
    assert server.asked[0][1]["api_key"] == "secret"
    server.faults = {n: status(500) for n in range(1, 50)}
    assert "secret" not in run(intake_project, "pubmed", attempts=2).failed


def test_with_a_key_ten_requests_a_second_and_three_without(monkeypatch):
    monkeypatch.setenv("NCBI_API_KEY", "k")
    assert 0.1 <= PubMed().interval < 0.15
    monkeypatch.delenv("NCBI_API_KEY")
    assert 1 / 3 <= PubMed().interval < 0.4


def test_retry_after_in_seconds_and_as_a_date_and_nonsense():
    assert retry_after("7") == 7
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("Wed, 21 Oct 2099 07:28:00 GMT") > 1e9
    assert retry_after("soon") == 0


def test_a_long_retry_after_ends_the_run_and_says_so(intake_project, server):
    server.faults = {1: status(429, Retry_After="86400")}
    outcome = run(intake_project, "openalex")
    assert "wait 86400 s" in outcome.failed
    assert len(server.asked) == 1


def test_a_short_retry_after_is_honoured(monkeypatch, server):
    waits = []
    monkeypatch.setattr("cordbook.intake.sources.client.time.sleep", waits.append)
    server.faults = {1: status(429, Retry_After="9")}
    with Client(interval=0, back_off=0.01) as client:
        ClinicalTrials(base=f"{server.url}/ctgov").page(client, "q", "", {})
    assert 9 in waits


def test_a_search_of_the_first_hits_takes_no_more(intake_project, server):
    path = intake_project / "data" / "search_strategies.csv"
    path.write_text(path.read_text().replace("first 1,000", "first 6"))
    outcome = run(intake_project, "crossref")
    assert (outcome.hits, outcome.fetched, outcome.complete) == (10, 6, True)
    assert "first 6 by relevance" in outcome.remarks[0]


def test_an_edited_query_begins_anew_and_keeps_the_old_pages(intake_project, server):
    server.faults = dict.fromkeys(range(2, 20), hang_up)
    run(intake_project, "epmc", attempts=1)
    path = intake_project / "data" / "search_strategies.csv"
    path.write_text(path.read_text().replace("cord AND injury", "cord AND trauma"))
    server.faults = {}
    assert run(intake_project, "epmc").fetched == 10
    assert (intake_project / ".cordbook" / "searches" / "epmc-x.previous" / "page-00001.json").is_file()


def test_no_network_is_one_line_and_changes_nothing(intake_project, monkeypatch, capsys):
    for key in KEYS:
        monkeypatch.setenv(f"CORDBOOK_{key.upper()}_URL", "http://127.0.0.1:9")
    before = {p: p.read_bytes() for p in intake_project.rglob("*") if p.is_file()}
    assert main(["search", "--back-off", "0.001"]) == 1
    err = capsys.readouterr().err.strip().splitlines()
    assert err[-1].startswith("cordbook search: no network: 127.0.0.1 cannot be reached")
    assert err[-1].endswith("Nothing was changed.")
    assert {p: p.read_bytes() for p in intake_project.rglob("*") if p.is_file()} == before


def test_one_source_down_the_others_are_searched(intake_project, server, monkeypatch, capsys):
    monkeypatch.setenv("CORDBOOK_PUBMED_URL", "http://127.0.0.1:9")
    assert main(["search", "pubmed", "ctgov", "--back-off", "0.001"]) == 1
    out = capsys.readouterr().out
    assert "pubmed-x is not whole" in out
    assert "ctgov-x (ClinicalTrials.gov): 10 hits, 10 fetched, 10 new" in out


def test_formats(intake_project, server, capsys):
    server.titles = ["Evil <img src=x onerror=alert(1)> | [link](javascript:alert(1)) \x1b[31mred @everyone"]
    assert main(["search", "crossref", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["new"] == ["crossref-x.10.1000-cr.0"]
    assert main(["search", "epmc", "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    assert "| epmc-x | Europe PMC |" in out
    for bad in ("<img", "\x1b", "[link](", "@everyone"):
        assert bad not in out


def test_without_the_extra_one_line_says_what_to_install(intake_project, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    for arguments in (["search", "epmc"], ["dedupe"]):
        assert main(arguments) == 2
        assert 'pip install "cordbook[intake]"' in capsys.readouterr().err


def test_a_source_that_no_list_of_names_holds_is_called_by_its_own(intake_project, monkeypatch):
    """A new source is its module, its place in ``ALL`` and its saved search."""
    with (intake_project / "data" / "search_strategies.csv").open("a", encoding="utf-8") as file:
        file.write("trip-x,Trip Database,database,injury,cord AND injury,none,\n")
    monkeypatch.setattr(searching, "ALL", (EuropePMC(name="Trip Database"),))
    monkeypatch.setenv("CORDBOOK_TRIP_DATABASE_URL", "https://mirror.example.org/")
    [found] = searching.strategies(intake_project / "data", ["trip-database"])
    assert (found.strategy_id, found.source.base) == ("trip-x", "https://mirror.example.org")


def test_unknown_sources_and_dates_are_refused(intake_project, capsys):
    assert main(["search", "nowhere"]) == 2
    assert "There are: crossref" in capsys.readouterr().err
    for name in ("embase", "Embase (embase.com)", "embase-x"):
        assert main(["search", name]) == 2
        assert "cordbook import FILE --strategy embase-x" in capsys.readouterr().err, "a person searches there"
    with pytest.raises(SystemExit, match="2"):
        main(["search", "--since", "last week"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<PubmedArticleSet>",
        b"{}",
        b"<html/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><PubmedArticleSet>&b;</PubmedArticleSet>',
        b"<PubmedArticleSet>\xff</PubmedArticleSet>",
    ],
)
def test_no_body_of_pubmed_passes_for_an_empty_page(body):
    with pytest.raises(Malformed):
        articles(body)


def test_an_inverted_index_cannot_exhaust_memory():
    assert abstract_of({"a": [10**12], "b": [0], "c": ["x"], "d": 3}) == "b"


def test_cut_is_a_fault_that_clients_see(server):
    server.faults = {1: cut}
    with pytest.raises(SearchFailed, match="broke off"), Client(interval=0, attempts=1) as client:
        ClinicalTrials(base=f"{server.url}/ctgov").page(client, "q", "", {})
