"""The PRISMA 2020 flow of studies, from what is recorded and from nothing else.

Searches, records, their merges and the decisions on them stand in tables of their own; studies that no record led to came by
other methods. A box whose step has not been taken has no number. Numbers that contradict each other raise
:class:`FlowError`, so that a diagram that cannot be true is never drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from cordbook.core.tracking import by_value_of_estimates
from cordbook.errors import InputError
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.review_state import load_status
from cordbook.evidence.screening import (
    EXCLUDE,
    FULL_TEXT,
    INCLUDE,
    NOT_RETRIEVED,
    TITLE_ABSTRACT,
    Settled,
    merged_records,
    settled,
)
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.reporting.previous_version import Previous, previous_version

#: Why a study with countable outcomes stands in no synthesis, where its counts themselves may be pooled.
NO_SYNTHESIS = "Outcome that no synthesis asks for"
NOT_SELECTED = "Other patients, arms or strata than asked for"
NO_COUNT = "No countable outcome: no events of patients were seen"
#: Sources that are registers of trials, where a file was taken in without a strategy.
REGISTERS = frozenset({"ClinicalTrials.gov", "ICTRP", "WHO ICTRP", "EU-CTR", "ISRCTN", "ChiCTR"})
DATABASE, REGISTER, OTHER = "database", "register", "other"


class FlowError(InputError):
    """The records contradict each other; the message lists every contradiction with its row."""


@dataclass(frozen=True, slots=True)
class DatabaseFlow:
    """The left side of the diagram: numbers of records and reports; None where the step has not been taken."""

    sources: tuple[tuple[str, str, int | None], ...]
    identified: int | None = None
    duplicates: int | None = None
    known: int | None = None
    screened: int | None = None
    waiting: int | None = None
    excluded: int | None = None
    sought: int | None = None
    not_retrieved: int | None = None
    assessed: int | None = None
    to_assess: int | None = None
    excluded_reports: tuple[tuple[str, int], ...] = ()
    reports: int | None = None
    included: int | None = None
    to_extract: int | None = None
    #: Studies included, by the source whose record came first; they add up to ``included``.
    by_source: tuple[tuple[str, int], ...] = ()

    @property
    def searched(self) -> bool:
        """Has any search been run?"""
        return self.identified is not None

    def check(self) -> None:
        """Raise :class:`FlowError` where the numbers do not add up."""
        if not self.searched:
            return
        out = sum(n for _, n in self.excluded_reports)
        sums = (
            ("records by source", sum(n or 0 for _, _, n in self.sources), "identified", self.identified),
            (
                "records merged, screened and waiting",
                self.duplicates + self.known + self.screened + self.waiting,
                "identified",
                self.identified,
            ),
            ("records excluded and reports sought", self.excluded + self.sought, "screened", self.screened),
            (
                "reports not retrieved, assessed and to be assessed",
                self.not_retrieved + self.assessed + self.to_assess,
                "sought",
                self.sought,
            ),
            ("reports excluded and included", out + self.reports, "assessed", self.assessed),
            ("studies by source", sum(n for _, n in self.by_source), "included", self.included),
        )
        wrong = [f"{a}: {n}; {b}: {m}" for a, n, b, m in sums if n != m]
        values = [getattr(self, name) for name in self.__slots__ if name not in ("sources", "excluded_reports", "by_source")]
        wrong += ["a number below zero"] if any(v < 0 for v in values) else []
        if self.included + self.to_extract > self.reports:
            wrong.append(f"studies included: {self.included + self.to_extract}; reports of them: {self.reports}")
        if wrong:
            raise FlowError("the flow of records does not add up: " + "; ".join(wrong))


@dataclass(frozen=True, slots=True)
class Since:
    """What came since the previous version: its study reports, those that are ``gone``, and the new ones by their way in."""

    version: str
    studies: int
    gone: int
    by_databases: int
    by_other_methods: int

    @property
    def new(self) -> int:
        return self.by_databases + self.by_other_methods


@dataclass(frozen=True, slots=True)
class StudyFlow:
    """The whole diagram. ``studies`` are study reports in the data; every later number is a part of them.

    ``listed`` counts the records that came by other methods as ``databases`` counts the others.
    ``left_out`` gives the reasons why reports with a countable outcome stand in no synthesis, with their numbers,
    each report under one reason. ``since`` compares with the previous version; None where none was released, and then all is new. ``other_methods`` names
    the ways beside databases and registers.
    """

    databases: DatabaseFlow
    by_other_methods: int
    studies: int
    without_counts: int
    with_counts: int
    in_synthesis: int
    left_out: tuple[tuple[str, int], ...]
    since: Since | None = None
    other_methods: str = "other methods"
    #: Of the study reports by other methods, those that were listed as records and screened; None where none were listed.
    listed: DatabaseFlow | None = None

    def check(self) -> None:
        """Raise :class:`FlowError` where the numbers do not add up."""
        self.databases.check()
        found = self.databases.included or 0
        if self.listed is not None:
            self.listed.check()
        sums = (
            ("by databases and by other methods", found + self.by_other_methods, "in the data", self.studies),
            ("with and without a countable outcome", self.with_counts + self.without_counts, "in the data", self.studies),
            (
                "in a synthesis and left out",
                self.in_synthesis + sum(n for _, n in self.left_out),
                "with a countable outcome",
                self.with_counts,
            ),
        )
        wrong = [f"study reports {a}: {n}; {b}: {m}" for a, n, b, m in sums if n != m]
        s = self.since
        if s is not None:
            kept = s.studies - s.gone
            if kept + s.new != self.studies:
                wrong.append(f"study reports kept from version {s.version} and new: {kept + s.new}; in the data: {self.studies}")
            if min(kept, s.gone, s.by_databases, s.by_other_methods) < 0:
                wrong.append("a number of new or former study reports below zero")
            if s.by_databases > found or s.by_other_methods > self.by_other_methods:
                wrong.append("more new study reports than there are")
        listed = (self.listed and self.listed.included) or 0
        if listed > self.by_other_methods:
            wrong.append(f"study reports listed by other methods: {listed}; found by them: {self.by_other_methods}")
        if wrong:
            raise FlowError("the flow of studies does not add up: " + "; ".join(wrong))


def open_steps(flow: DatabaseFlow) -> tuple[tuple[str, int], ...]:
    """What was found and has not reached the data, by the step that it waits at; () where nothing waits."""
    steps = (
        ("Waiting to be screened", flow.waiting), ("Not retrieved", flow.not_retrieved), ("To be assessed", flow.to_assess),
        ("Included, to be extracted", flow.to_extract),
    )  # fmt: skip
    return tuple((name, n) for name, n in steps if n)


@by_value_of_estimates
def flow_today(estimates: Estimates) -> StudyFlow:
    """:func:`study_flow` of the review, compared with the version before this state of the data."""
    flow = study_flow(estimates.evidence, estimates, previous_version(estimates.evidence))
    return replace(flow, other_methods=load_status(estimates.evidence.folder).other_methods)


def study_flow(evidence: Evidence, estimates: Iterable[Estimate], previous: Previous | None = None) -> StudyFlow:
    """Count the flow of studies; raises :class:`FlowError` for records or counts that contradict each other."""
    studies = set(evidence["studies"]["study_id"])
    counts = evidence["outcomes"]
    with_counts = set(counts["study_id"])
    computed = list(estimates)
    pooled = {s for e in computed if e.is_reported for s in e.study_ids}
    by_databases, by_others = _by_way(evidence)
    reasons = evidence["exclusion_reasons"]
    databases, found = database_flow(evidence["search_strategies"], *by_databases, reasons, studies=studies)
    listed = None
    if len(by_others[0]):
        listed, _ = database_flow(evidence["search_strategies"].iloc[:0], *by_others, reasons, studies=studies - found)
    flow = StudyFlow(
        databases=databases,
        by_other_methods=len(studies - found),
        studies=len(studies),
        without_counts=len(studies - with_counts),
        with_counts=len(with_counts),
        in_synthesis=len(pooled),
        left_out=_counted(reasons_left_out(evidence, computed).values()),
        since=previous and _since(previous, studies, found),
        listed=listed,
    )
    flow.check()
    return flow


_Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]


def _by_way(evidence: Evidence) -> tuple[_Tables, _Tables]:
    """Searches, records, merges and decisions: those of databases and registers, and those of other methods."""
    searches, records = evidence["searches"], evidence["records"]
    others = set(searches["search_id"][searches["method"].eq(OTHER).fillna(False)])
    otherwise = set(records["record_id"][records["search_id"].isin(others)])

    def of(way: bool) -> _Tables:
        return (
            searches[searches["search_id"].isin(others) == way],
            records[records["search_id"].isin(others) == way],
            *(table[table["record_id"].isin(otherwise) == way] for table in (evidence["record_merges"], evidence["screening"])),
        )

    return of(False), of(True)


def _since(previous: Previous, studies: set[str], found: set[str]) -> Since:
    new = studies - previous.studies
    return Since(previous.version, len(previous.studies), len(previous.studies - studies), len(new & found), len(new - found))


def reasons_left_out(evidence: Evidence, estimates: Iterable[Estimate]) -> dict[str, str]:
    """The reason of every study with a countable outcome that is in no synthesis, by study id.

    Where no count may be pooled it is the reason that most of its counts have; where some may, it is
    :data:`NO_SYNTHESIS` or :data:`NOT_SELECTED`.
    """
    computed = list(estimates)
    pooled = {s for e in computed if e.is_reported for s in e.study_ids}
    asked = {e.synthesis.outcome for e in computed}
    labels = dict(evidence["not_poolable_reasons"][["reason", "label"]].itertuples(index=False))
    counts = evidence["outcomes"]
    return {
        str(study): _reason(rows, asked, labels)
        for study, rows in counts[~counts["study_id"].isin(pooled)].groupby("study_id", sort=True)
    }


def _reason(rows: pd.DataFrame, asked: set[str], labels: Mapping[str, str]) -> str:
    poolable = rows[rows["poolable"]]
    if len(poolable):
        return NOT_SELECTED if set(poolable["outcome"]) & asked else NO_SYNTHESIS
    named = Counter(reason for text in rows["not_poolable_reason"] for reason in text.split(";"))
    most = max(named.values())
    # Of equally frequent reasons the one that stands first in the closed list, so that the choice is always the same.
    return next(label for reason, label in labels.items() if named.get(reason, 0) == most)


def _counted(reasons: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Reasons with their numbers, the most frequent first."""
    return tuple(sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0])))


def database_flow(
    strategies: pd.DataFrame,
    searches: pd.DataFrame,
    records: pd.DataFrame,
    merges: pd.DataFrame,
    screening: pd.DataFrame,
    reasons: pd.DataFrame,
    studies: Iterable[str],
) -> tuple[DatabaseFlow, set[str]]:
    """Numbers of the database side, and those of ``studies`` that its records led to.

    The tables are those of ``data/`` under these names (``merges`` is ``record_merges``, ``reasons`` is ``exclusion_reasons``).
    Raises :class:`FlowError`.
    """
    sources = _sources(strategies, searches)
    if searches.empty:
        if len(records) or len(screening):
            raise FlowError(f"records.csv has {len(records)} rows, but searches.csv names no search that found them")
        return DatabaseFlow(sources), set()
    replaced = merged_records(_rows(merges))
    decisions = _rows(screening)
    first, full = settled(decisions, TITLE_ABSTRACT), settled(decisions, FULL_TEXT)
    _check_records(searches, records, replaced, first, full)
    unique = [r for r in records["record_id"] if r not in replaced]
    known = sum(1 for _, study in replaced.values() if study)
    # A record that an earlier search of the same source returned is not taken in again, so it has no row: a duplicate as well.
    identified = int(searches["fetched"].sum())
    outcomes = Counter(first[r].outcome for r in unique if r in first)
    sought = [r for r in unique if r in first and first[r].outcome == INCLUDE]
    judged = {r: full[r] for r in sought if r in full}
    assessed = {r: s for r, s in judged.items() if s.outcome in (INCLUDE, EXCLUDE)}
    labels = dict(reasons[["reason", "label"]].itertuples(index=False))
    included = [s.study_id for s in assessed.values() if s.outcome == INCLUDE]
    there = set(studies)
    came_from = _source_of_records(strategies, searches, records)
    first_source: dict[str, str] = {}
    for record, state in assessed.items():
        if state.outcome == INCLUDE and state.study_id in there:
            first_source.setdefault(state.study_id, came_from[record])
    flow = DatabaseFlow(
        sources=sources,
        identified=identified,
        duplicates=identified - len(unique) - known,
        known=known,
        screened=outcomes[INCLUDE] + outcomes[EXCLUDE],
        waiting=len(unique) - outcomes[INCLUDE] - outcomes[EXCLUDE],
        excluded=outcomes[EXCLUDE],
        sought=len(sought),
        not_retrieved=sum(s.outcome == NOT_RETRIEVED for s in judged.values()),
        assessed=len(assessed),
        to_assess=len(sought) - len(assessed) - sum(s.outcome == NOT_RETRIEVED for s in judged.values()),
        excluded_reports=_counted(labels.get(s.reason, s.reason) for s in assessed.values() if s.outcome == EXCLUDE),
        reports=len(included),
        included=len(set(included) & there),
        to_extract=len(set(included) - there),
        by_source=_counted(first_source.values()),
    )
    flow.check()
    return flow, set(included) & there


def _rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """Rows of a table with blank cells as empty text."""
    columns = [
        [("" if blank else str(value)) for value, blank in zip(table[c], table[c].isna(), strict=True)] for c in table.columns
    ]
    return [dict(zip(table.columns, values, strict=True)) for values in zip(*columns, strict=True)]


def _sources(strategies: pd.DataFrame, searches: pd.DataFrame) -> tuple[tuple[str, str, int | None], ...]:
    """Name, kind and records fetched of every source: those of the strategies in their order, then others. None: not searched yet."""
    of_strategy = dict(zip(strategies["strategy_id"], strategies["source"], strict=True))
    kinds = dict(zip(strategies["source"], strategies["source_kind"], strict=True))
    fetched: Counter[str] = Counter()
    for search in searches.itertuples():
        strategy = None if pd.isna(search.strategy_id) else search.strategy_id
        fetched[of_strategy.get(strategy, search.source)] += int(search.fetched)
    others = {name: REGISTER if name in REGISTERS else DATABASE for name in sorted(set(fetched) - set(kinds))}
    return tuple((name, kind, fetched[name] if name in fetched else None) for name, kind in (kinds | others).items())


def _source_of_records(strategies: pd.DataFrame, searches: pd.DataFrame, records: pd.DataFrame) -> dict[str, str]:
    """The name of the source of every record, as :func:`_sources` writes it."""
    of_strategy = dict(zip(strategies["strategy_id"], strategies["source"], strict=True))
    names = {
        s.search_id: of_strategy.get(None if pd.isna(s.strategy_id) else s.strategy_id, s.source) for s in searches.itertuples()
    }
    return {r: names[s] for r, s in zip(records["record_id"], records["search_id"], strict=True)}


def _check_records(
    searches: pd.DataFrame,
    records: pd.DataFrame,
    replaced: Mapping[str, tuple[str, str]],
    first: Mapping[str, Settled],
    full: Mapping[str, Settled],
) -> None:
    """Raise :class:`FlowError` with everything that cannot be true."""
    problems = []
    counted = records["search_id"].value_counts()
    for search in searches.itertuples():
        rows = int(counted.get(search.search_id, 0))
        if rows > search.fetched:
            problems.append(f"search {search.search_id} fetched {search.fetched} records, records.csv has {rows} of them")
    searched, known = set(searches["search_id"]), set(records["record_id"])
    strangers = sorted(set(counted.index) - searched)
    problems += [f"records name the search {name}, which searches.csv does not have" for name in strangers]
    for record, (other, study) in replaced.items():
        if record not in known:
            problems.append(f"record {record}: is merged but stands not in records.csv")
        if bool(other) == bool(study):
            problems.append(f"record {record}: a merge names either a record or a study")
        if other and other not in known:
            problems.append(f"record {record}: is a duplicate of a record that is not there")
        if other and _in_a_circle(record, replaced):
            problems.append(f"record {record}: its merges lead in a circle")
    for record in sorted({*first, *full} - known):
        problems.append(f"record {record}: was screened but stands not in records.csv")
    for record, state in full.items():
        if record not in first or first[record].outcome != INCLUDE:
            problems.append(f"record {record}: its report was judged without having passed the screening")
        if state.outcome == EXCLUDE and not state.reason:
            problems.append(f"record {record}: was excluded without a reason")
        if state.outcome == INCLUDE and not state.study_id:
            problems.append(f"record {record}: was included but names no study")
    problems += [f"record {r}: title and abstract cannot be out of reach" for r, s in first.items() if s.outcome == NOT_RETRIEVED]
    if problems:
        raise FlowError(f"{len(problems)} contradiction(s) in the screening log\n  " + "\n  ".join(problems))


def _in_a_circle(record: str, replaced: Mapping[str, tuple[str, str]]) -> bool:
    seen: set[str] = set()
    while record in replaced and record not in seen:
        seen.add(record)
        record = replaced[record][0]
    return record in seen
