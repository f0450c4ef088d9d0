"""Tables and lists of the back matter: notices, registered trials, glossary, search strategies, corrections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cordbook.display.html.markup import element, verbatim
from cordbook.display.html.table import Cell, Table
from cordbook.display.html.templates import render
from cordbook.display.tables.method_tables import BLANK, CARDS, number, words
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.subject_tables import GIVEN

#: States in which a trial has stopped before its end, and states in which it still runs or waits.
STOPPED = ("terminated", "withdrawn", "suspended")
RUNNING = ("recruiting", "not_yet_recruiting", "not_recruiting", "authorised")
#: In the order of the table.
STATUSES = ("completed", *RUNNING, *STOPPED, "unknown")
_NCT = re.compile(r"NCT\d{8}")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page that is made from data: HTML, in which all text from data is escaped, and the same as text."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def paragraph(text: str) -> Block:
    """A sentence or more made from counts."""
    return Block(element("p", text), text)


def term_anchor(term: str) -> str:
    """The anchor of a term of the glossary.

    >>> term_anchor("stereotactic body radiotherapy (SBRT)")
    'term-stereotactic-body-radiotherapy-sbrt'
    """
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def glossary_list(glossary: pd.DataFrame) -> Block:
    """All terms in the order of the alphabet, each with an anchor, and letters to jump by."""
    terms = sorted(glossary[["term", "plain_definition"]].itertuples(index=False), key=lambda t: t.term.lower())
    first: dict[str, str] = {}
    for t in terms:
        first.setdefault(t.term[0].upper(), term_anchor(t.term))
    entries = [(term_anchor(t.term), t.term, t.plain_definition) for t in terms]
    html = render("glossary.html.jinja", letters=list(first.items()), terms=entries)
    return Block(html.rstrip("\n"), "\n".join(f"{t.term}: {t.plain_definition}" for t in terms))


def strategy_list(strategies: pd.DataFrame, searches: pd.DataFrame) -> Block:
    """Every strategy in full, folded, with what is to know of it."""
    run = set(searches["strategy_id"])
    parts, lines = [], []
    for s in strategies.itertuples():
        state = "has been run" if s.strategy_id in run else "proposed, not yet run"
        name = f"{s.source}: {s.part} ({state})"
        message = "; ".join(
            text
            for text in (f"Limits: {words(s.limits)}" if pd.notna(s.limits) else "", "" if pd.isna(s.note) else s.note)
            if text
        )
        parts.append({"id": s.strategy_id, "name": name, "query": verbatim(s.query), "message": message})
        lines.append(f"{name}\n{s.query}\n{message}")
    return Block(render("strategies.html.jinja", strategies=parts).rstrip("\n"), "\n\n".join(lines))


def notices_list(notices: pd.DataFrame, labels: Mapping[str, str], hrefs: Mapping[str, str]) -> Table:
    """All notices, newest first; those on reports outside the data say what they are about."""
    rows = tuple(
        (
            Cell(labels[n.study_id], href=hrefs.get(n.study_id)) if pd.notna(n.study_id) else Cell(str(n.citation)),
            Cell(words(n.kind)), Cell(str(n.year) if pd.notna(n.year) else BLANK), Cell(n.what_it_says), Cell(n.reference, href=_web(n.source_url)),
            Cell(n.confidence),
        )
        for n in notices.sort_values(["year", "notice_id"], ascending=[False, True], na_position="last").itertuples()
    )  # fmt: skip
    ids = tuple(
        f"notice-{i.lower()}"
        for i in notices.sort_values(["year", "notice_id"], ascending=[False, True], na_position="last")["notice_id"]
    )
    header = ("About", "Kind", "Year", "What it says, in our words", "Notice", "Confidence in reading")
    return Table("notices", "Letters, notices and retractions on record", header, rows, ids, f"{CARDS} cb-notices")


#: Hosts of notices that are shown as links: journals, regulators and archives of them.
_NOTICE_HOSTS = re.compile(
    r"https://(doi\.org|pubmed\.ncbi\.nlm\.nih\.gov|www\.nature\.com|journals\.lww\.com|www\.hhs\.gov|www\.zora\.uzh\.ch|spectrum\.ieee\.org|www\.japantimes\.co\.jp)/\S+"
)


def _web(address: object) -> str | None:
    return str(address) if isinstance(address, str) and _NOTICE_HOSTS.fullmatch(address) else None


def status_table(trials: pd.DataFrame) -> Table:
    """Registered trials by state when last seen: trials, planned or actual people, linked to a report, results posted."""
    known = trials.assign(status=trials["status"].fillna("not shown"))
    rows = []
    for status in (*STATUSES, "not shown"):
        part = known[known["status"] == status]
        if len(part):
            rows.append(_status_row(words(status), part))
    rows.append(_status_row("all", known))
    header = ("State when last seen", "Trials", "People, where told", "Report in this review", "Results posted")
    return Table("trials-by-status", "Registered trials by state", header, tuple(rows))


def _status_row(name: str, part: pd.DataFrame) -> tuple[Cell, ...]:
    posted = int(part["results_posted"].fillna(False).sum())
    return (
        Cell(name),
        number(len(part)),
        number(int(part["enrollment"].sum())),
        number(int(part["linked_study_id"].notna().sum())),
        number(posted),
    )


def unreported(trials: pd.DataFrame) -> pd.DataFrame:
    """Completed trials to which no report of the review is linked."""
    return trials[(trials["status"] == "completed") & trials["linked_study_id"].isna()]


def overdue(trials: pd.DataFrame, year: int) -> pd.DataFrame:
    """Trials without a linked report that were last seen as running or without a state, though they should have ended before ``year``."""
    open_state = trials["status"].isna() | trials["status"].isin((*RUNNING, "unknown"))
    return trials[open_state & trials["linked_study_id"].isna() & (trials["completion_year"] < year).fillna(False)]


def state_unknown(trials: pd.DataFrame, year: int) -> pd.DataFrame:
    """Trials without a linked report that stand in none of the other lists: neither completed, stopped nor running, and not overdue."""
    listed = trials["status"].isin(("completed", *STOPPED, *RUNNING)) | trials.index.isin(overdue(trials, year).index)
    return trials[trials["linked_study_id"].isna() & ~listed]


def _given(trial: object, evidence: Evidence) -> str:
    """What a trial gives, as its column of the first fact on it says, else in the words of the register."""
    columns = ((fact, getattr(trial, column, None)) for fact in evidence.subject.facts(GIVEN)[:1] for _, column in fact.columns)
    named = next((evidence.vocabulary.label(fact.fact, code) for fact, code in columns if pd.notna(code)), "")
    return named or words(trial.intervention)


def trials_list(trials: pd.DataFrame, evidence: Evidence, *, table_id: str, caption: str, folded: bool = True) -> Table:
    """Trials with register number, treatment, people, years and note."""
    rows = tuple(
        (
            Cell(*_register(t.registry_id)), Cell(words(t.title)), Cell(words(t.status)), Cell(words(t.phase)),
            Cell(_given(t, evidence)), Cell(BLANK if pd.isna(t.enrollment) else f"{t.enrollment:,}", numeric=True),
            Cell(_years(t.start_year, t.completion_year)), Cell("" if pd.isna(t.note) else evidence.vocabulary.remark(t.note)),
        )
        for t in trials.sort_values("registry_id").itertuples()
    )  # fmt: skip
    header = ("Register number", "Title", "State", "Phase", "Treatment", "People", "Years", "What to know")
    return Table(table_id, caption, header, rows, kind=CARDS, folded=folded)


def _register(registry_id: str) -> tuple[str, str | None]:
    """What is shown of a register number, and where it leads."""
    if registry_id.startswith("id_not_seen"):
        return "number not seen", None
    return registry_id, f"https://clinicaltrials.gov/study/{registry_id}" if _NCT.fullmatch(registry_id) else None


def _years(start: object, end: object) -> str:
    shown = ["?" if pd.isna(year) else str(year) for year in (start, end)]
    return BLANK if shown == ["?", "?"] else " to ".join(shown)


def corrections_table(corrections: pd.DataFrame) -> Table:
    """Every value that was changed after it was first entered, newest first."""
    rows = tuple(
        (
            Cell(str(c.corrected_on)),
            Cell(f"{c.table}: {c.row_key}"),
            Cell(words(c.column)),
            Cell(_value(c.old_value)),
            Cell(_value(c.new_value)),
            Cell(c.reason),
        )
        for c in corrections.sort_values(["corrected_on", "correction_id"], ascending=False).itertuples()
    )
    header = ("Date", "Row", "Column", "Was", "Is", "Why")
    return Table(
        "corrections", "Values corrected since they were entered", header, rows or ((Cell("none so far"), *[Cell("")] * 5),)
    )


def _value(value: object) -> str:
    return "blank" if pd.isna(value) else str(value)
