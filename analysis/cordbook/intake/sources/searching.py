"""Saved searches, run: every page is kept as it comes, and goes into the tables when the search is whole.

A search under way is a folder of ``.cordbook/searches``: ``state.json`` says where to go on, one file per page holds what came.
A page is written before the state that says so. So whatever breaks in between, the next run fetches that page again, over the
same file: nothing is lost and nothing is taken twice.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import cordbook
from cordbook.core.files import put
from cordbook.core.project import Project
from cordbook.core.trust.nested import read_json
from cordbook.errors import UsageError
from cordbook.intake.records.record import Record, short_name
from cordbook.intake.records.store import free_search_id, read_rows, refused_by_rules, take_in, writing
from cordbook.intake.records.store import write_json as _write
from cordbook.intake.sources.client import Client, Malformed, NoNetwork, Refused, SearchFailed, contact_address, masked
from cordbook.intake.sources.clinicaltrials import ClinicalTrials
from cordbook.intake.sources.crossref import Crossref
from cordbook.intake.sources.europepmc import EuropePMC
from cordbook.intake.sources.openalex import OpenAlex
from cordbook.intake.sources.pubmed import PubMed
from cordbook.intake.sources.source import Source

ALL: tuple[Source, ...] = (PubMed(), EuropePMC(), ClinicalTrials(), Crossref(), OpenAlex())
#: A source that sends so many empty pages one after the other, or records without end, is left.
EMPTY_PAGES, SURPLUS = 10, 1000
#: --since-last begins so many days before the last search: sources date some records back. What is known is not taken twice.
OVERLAP = timedelta(days=7)
_FIRST = re.compile(r"\bfirst ([\d,]*\d)\b")


class UnknownSource(UsageError, ValueError):
    """No saved search goes by that name."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A saved search that a program can run. ``first``: so many of the hits are wanted, 0 for all."""

    strategy_id: str
    query: str
    source: Source
    first: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one search. ``failed`` says why it is not whole; its pages are kept then."""

    strategy_id: str
    source: str
    since: str = ""
    search_id: str = ""
    hits: int = 0
    fetched: int = 0
    new: tuple[str, ...] = ()
    known: int = 0
    complete: bool = False
    #: Did the source say that it does not take the query as it stands?
    warned: bool = False
    failed: str = ""
    no_network: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _UnderWay:
    """A search between its first page and the tables."""

    folder: Path
    state: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def found(cls, folder: Path) -> _UnderWay | None:
        try:
            return cls(folder, read_json(folder / "state.json"))
        except (FileNotFoundError, ValueError):
            return None

    def keep(self, records: Iterable[Record], cursor: Mapping[str, Any] | None, **news: Any) -> None:
        number = self.state.get("pages", 0) + 1
        _write(self.folder / f"page-{number:05d}.json", [asdict(record) for record in records])
        self.state |= {"pages": number, "cursor": cursor, **news}
        _write(self.folder / "state.json", self.state)

    def records(self) -> list[Record]:
        """What has come, each record once, the last reading of it."""
        found: dict[str, Record] = {}
        for number in range(1, self.state.get("pages", 0) + 1):
            for row in read_json(self.folder / f"page-{number:05d}.json"):
                record = Record(**row)
                found[record.key()] = record
        return list(found.values())


def strategies(data: Path, wanted: Iterable[str] = ()) -> list[Strategy]:
    """The saved searches that a program can run, from ``search_strategies.csv``; raises :class:`UnknownSource`.

    ``wanted``: names or slugs of sources, or keys of strategies; none for all.
    """
    found = []
    for row in read_rows(data, "search_strategies"):
        source = next((s for s in ALL if row["source"].startswith(s.name)), None)
        if source is not None:
            first = _FIRST.search(row.get("limits", ""))
            found.append(
                Strategy(row["strategy_id"], row["query"], _placed(source), int(first.group(1).replace(",", "")) if first else 0)
            )
    chosen = []
    for name in wanted:
        matching = [
            s for s in found if name.casefold() in (s.strategy_id.casefold(), s.source.name.casefold(), short_name(s.source.name))
        ]
        if not matching and (by_hand := _by_hand(data, name)):
            raise UnknownSource(
                f"{name} can be searched by a person only. Run the saved search there (the column query of "
                f"data/search_strategies.csv) and take in its export: cordbook import FILE --strategy {by_hand}"
            )
        if not matching:
            known = ", ".join(sorted({short_name(s.source.name) for s in found}) + [s.strategy_id for s in found])
            raise UnknownSource(f"no saved search is called {name!r}. There are: {known}")
        chosen += [s for s in matching if s not in chosen]
    return chosen or found


def _by_hand(data: Path, name: str) -> str:
    """The key of a saved search of that key, or of a source of that name, which no program can run; blank if there is none."""
    rows = (row for row in read_rows(data, "search_strategies") if not any(row["source"].startswith(s.name) for s in ALL))
    wanted = name.casefold()
    found = (r["strategy_id"] for r in rows if wanted == r["strategy_id"].casefold() or r["source"].casefold().startswith(wanted))
    return next(found, "")


def covered_until(data: Path, strategy_id: str) -> str:
    """Until when complete searches of a strategy reach without a gap; blank if none asked for everything.

    A search that is not whole reaches nothing, and one that asked for what is new since a later day leaves a gap before it.
    """
    runs = sorted(
        (row["searched_on"], row.get("since", ""))
        for row in read_rows(data, "searches")
        if row["strategy_id"] == strategy_id and row.get("complete", "yes") in YES
    )
    until = ""
    for day, since in runs:
        if not since or (until and since <= until):
            until = max(until, day)
    return until


TRUE = "yes"
YES = (TRUE, "true")


def since_last(data: Path, strategy_id: str) -> str:
    """The day from which a search goes on where the last one ended; blank for everything."""
    last = covered_until(data, strategy_id)
    return (date.fromisoformat(last) - OVERLAP).isoformat() if last else ""


def run(
    project: Project,
    chosen: Iterable[Strategy],
    since: Callable[[Strategy], str],
    today: str,
    say: Callable[[str], None],
    **client: Any,
) -> list[Outcome]:
    """Run searches one after the other; what fails is reported, the rest goes on. ``client``: settings of :class:`Client`."""
    outcomes: list[Outcome] = []
    for strategy in chosen:
        settings = {"interval": strategy.source.interval, "contact": contact_address(project.data), "say": say} | client
        if outcomes and all(o.no_network for o in outcomes):
            settings["attempts"] = 1
        with Client(**settings) as asking:
            outcomes.append(_run_one(project, strategy, since(strategy), today, asking, say))
    return outcomes


def _run_one(project: Project, strategy: Strategy, since: str, today: str, client: Client, say: Callable[[str], None]) -> Outcome:
    folder = project.kept / "searches" / strategy.strategy_id
    under_way = _UnderWay.found(folder)
    if under_way and under_way.state["query"] != strategy.query:
        say(
            f"{strategy.strategy_id}: the query has changed since the search of {under_way.state['started_on']} broke off; "
            "what had come is kept beside it"
        )
        previous = folder.with_name(f"{folder.name}.previous")
        shutil.rmtree(previous, ignore_errors=True)
        put(folder, previous)
        under_way = None
    if under_way:
        say(
            f"{strategy.strategy_id}: going on with the search of {under_way.state['started_on']}, "
            f"page {under_way.state['pages'] + 1}"
        )
    else:
        under_way = _UnderWay(folder, {"query": strategy.query, "since": since, "started_on": today, "cursor": {}, "remarks": []})
    outcome = Outcome(strategy.strategy_id, strategy.source.name, under_way.state["since"])
    try:
        _fetch(under_way, strategy, client, say)
    except (SearchFailed, Malformed) as error:
        come = len(under_way.records())
        return replace(
            outcome,
            hits=under_way.state.get("hits", 0),
            fetched=come,
            failed=str(error) if isinstance(error, SearchFailed) else f"{strategy.source.name} keeps sending {error}",
            no_network=isinstance(error, NoNetwork) and not come,
        )
    return _store(project, strategy, under_way, outcome)


def _fetch(under_way: _UnderWay, strategy: Strategy, client: Client, say: Callable[[str], None]) -> None:
    state = under_way.state
    come = {record.key() for record in under_way.records()}
    resumed = bool(state.get("pages"))
    received = empty = 0
    while state["cursor"] is not None and not (strategy.first and len(come) >= strategy.first):
        try:
            page = strategy.source.page(client, strategy.query, state["since"], state["cursor"])
        except Refused:
            if not resumed:
                raise
            # The place to go on from is no longer known there: from the beginning then, what has come stays.
            say(f"{strategy.strategy_id}: the source no longer knows where we were; asking from the beginning")
            state["cursor"], resumed = {}, False
            continue
        resumed = False
        come |= {record.key() for record in page.records}
        said = [masked(remark) for remark in page.remarks]
        remarks = state["remarks"] + [remark for remark in dict.fromkeys(said) if remark not in state["remarks"]]
        under_way.keep(page.records, page.cursor, hits=page.hits, remarks=remarks)
        say(f"{strategy.strategy_id}: {len(come)} of {page.hits} records")
        received, empty = received + len(page.records), 0 if page.records else empty + 1
        if page.cursor is not None and (empty >= EMPTY_PAGES or received > 2 * page.hits + SURPLUS):
            raise SearchFailed(
                f"{strategy.source.name} sends page after page without coming to an end; to begin anew, delete {under_way.folder}"
            )


def _store(project: Project, strategy: Strategy, under_way: _UnderWay, outcome: Outcome) -> Outcome:
    state, records = under_way.state, under_way.records()
    if strategy.first:
        records = records[: strategy.first]
    wanted = min(state["hits"], strategy.first) if strategy.first else state["hits"]
    refused = refused_by_rules(project.data)
    told = [(record, refused(record)) for record in records]
    records = [record for record, why in told if not why]
    notes = list(state["remarks"])
    notes += [f"{record.key()} was not taken in: {why}" for record, why in told if why]
    # A query that the source did not take as it stands has not found what it should have.
    warned = bool(state["remarks"])
    if strategy.first and state["hits"] > strategy.first:
        notes.append(f"the first {strategy.first} by relevance were taken, as the strategy says")
    if len(records) < wanted:
        notes.append(f"the source delivered {len(records)} of {wanted}")
    with writing(project.kept):
        # Kept in the state, so that a second try after a break between two tables writes the same search.
        if "search_id" not in state:
            state["search_id"] = free_search_id(project.data, f"{strategy.strategy_id}-{state['started_on']}")
            _write(under_way.folder / "state.json", state)
        search = {
            "search_id": state["search_id"],
            "strategy_id": strategy.strategy_id,
            "source": strategy.source.name,
            "searched_on": state["started_on"],
            "searched_by": f"cordbook {cordbook.__version__}",
            "since": state["since"],
            "hits": str(state["hits"]),
            "fetched": str(len(records)),
            "complete": TRUE if len(records) >= wanted and not warned else "no",
            "query_as_run": "",
            "note": "; ".join(notes),
        }
        new, known = take_in(project.data, search, records, strategy.strategy_id)
    shutil.rmtree(under_way.folder)
    return replace(
        outcome,
        search_id=search["search_id"],
        hits=state["hits"],
        fetched=len(records),
        new=tuple(new),
        known=known,
        complete=len(records) >= wanted and not warned,
        warned=warned,
        remarks=tuple(notes),
    )


def _placed(source: Source) -> Source:
    """The source at the address that the environment gives, such as CORDBOOK_PUBMED_URL; for tests and mirrors."""
    base = os.environ.get(f"CORDBOOK_{short_name(source.name).upper().replace('-', '_')}_URL")
    return replace(source, base=base.rstrip("/")) if base else source
