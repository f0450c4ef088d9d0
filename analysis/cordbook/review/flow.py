"""The PRISMA 2020 flow of studies, from what is recorded and from nothing else.

Searches and screening decisions stand in ``searches`` and ``records``; studies that no record led to came by
other methods. A box whose step has not been taken has no number. Numbers that contradict each other raise
:class:`FlowError`, so that a diagram that cannot be true is never drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from cordbook.evidence.evidence import Evidence
from cordbook.reads import by_value_of_estimates
from cordbook.review.estimates import Estimate, Estimates

#: Why a study with countable outcomes stands in no synthesis, where its cells themselves may be pooled.
NO_SYNTHESIS = "Outcome that no synthesis asks for"
NOT_SELECTED = "Other patients, arms or strata than asked for"
NO_CELL = "No countable outcome: no events of patients were seen"


class FlowError(ValueError):
    """The records contradict each other; the message lists every contradiction with its row."""


@dataclass(frozen=True, slots=True)
class DatabaseFlow:
    """The left side of the diagram: numbers of records and reports; None where the step has not been taken."""

    sources: tuple[tuple[str, str, int | None], ...]
    identified: int | None
    duplicates: int | None
    screened: int | None
    waiting: int | None
    excluded: int | None
    sought: int | None
    not_retrieved: int | None
    assessed: int | None
    excluded_reports: tuple[tuple[str, int], ...]
    included: int | None

    @property
    def searched(self) -> bool:
        """Has any search been run?"""
        return self.identified is not None


@dataclass(frozen=True, slots=True)
class StudyFlow:
    """The whole diagram. ``studies`` are study reports in the data; every later number is a part of them.

    ``left_out`` gives the reasons why reports with a countable outcome stand in no synthesis, with their numbers,
    each report under one reason.
    """

    databases: DatabaseFlow
    by_other_methods: int
    studies: int
    without_cells: int
    with_cells: int
    in_synthesis: int
    left_out: tuple[tuple[str, int], ...]

    def check(self) -> None:
        """Raise :class:`FlowError` where the numbers do not add up."""
        found = self.databases.included or 0
        sums = (
            ("by databases and by other methods", found + self.by_other_methods, "in the data", self.studies),
            ("with and without a countable outcome", self.with_cells + self.without_cells, "in the data", self.studies),
            (
                "in a synthesis and left out",
                self.in_synthesis + sum(n for _, n in self.left_out),
                "with a countable outcome",
                self.with_cells,
            ),
        )
        wrong = [f"study reports {a}: {n}; {b}: {m}" for a, n, b, m in sums if n != m]
        if wrong:
            raise FlowError("the flow of studies does not add up: " + "; ".join(wrong))


@by_value_of_estimates
def flow_today(estimates: Estimates) -> StudyFlow:
    """:func:`study_flow` of the review."""
    return study_flow(estimates.evidence, estimates)


def study_flow(evidence: Evidence, estimates: Iterable[Estimate]) -> StudyFlow:
    """Count the flow of studies; raises :class:`FlowError` for records or counts that contradict each other."""
    studies = set(evidence["studies"]["study_id"])
    cells = evidence["outcomes"]
    with_cells = set(cells["study_id"])
    computed = list(estimates)
    pooled = {s for e in computed if e.result is not None for s in e.rows["study_id"]}
    databases, found = database_flow(evidence["search_strategies"], evidence["searches"], evidence["records"])
    flow = StudyFlow(
        databases=databases,
        by_other_methods=len(studies - found),
        studies=len(studies),
        without_cells=len(studies - with_cells),
        with_cells=len(with_cells),
        in_synthesis=len(pooled),
        left_out=_counted(reasons_left_out(evidence, computed).values()),
    )
    flow.check()
    return flow


def reasons_left_out(evidence: Evidence, estimates: Iterable[Estimate]) -> dict[str, str]:
    """The reason of every study with a countable outcome that is in no synthesis, by study id.

    Where no cell may be pooled it is the reason that most of its cells have; where some may, it is
    :data:`NO_SYNTHESIS` or :data:`NOT_SELECTED`.
    """
    computed = list(estimates)
    pooled = {s for e in computed if e.result is not None for s in e.rows["study_id"]}
    asked = {e.synthesis.outcome for e in computed}
    labels = dict(evidence["not_poolable_reasons"][["reason", "label"]].itertuples(index=False))
    cells = evidence["outcomes"]
    return {
        str(study): _reason(rows, asked, labels)
        for study, rows in cells[~cells["study_id"].isin(pooled)].groupby("study_id", sort=True)
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
    strategies: pd.DataFrame, searches: pd.DataFrame, records: pd.DataFrame
) -> tuple[DatabaseFlow, set[str]]:
    """Numbers of the database side, and the studies that its records led to.

    ``strategies``, ``searches`` and ``records`` are the tables of these names. Raises :class:`FlowError`.
    """
    sources = _sources(strategies, searches)
    if searches.empty:
        if len(records):
            raise FlowError(f"records.csv has {len(records)} rows, but searches.csv names no search that found them")
        return DatabaseFlow(sources, *[None] * 8, (), None), set()
    _check_records(searches, records)
    unique = records[records["duplicate_of"].isna()]
    screened = unique[unique["screening"].notna()]
    sought = screened[screened["screening"] == "include"]
    tried = sought[sought["retrieved"].notna()]
    assessed = tried[tried["assessment"].notna()]
    excluded = assessed[assessed["assessment"] == "exclude"]
    included = set(assessed.loc[assessed["assessment"] == "include", "study_id"])
    return DatabaseFlow(
        sources=sources,
        identified=len(records),
        duplicates=len(records) - len(unique),
        screened=len(screened),
        waiting=len(unique) - len(screened),
        excluded=int((screened["screening"] == "exclude").sum()),
        sought=len(sought),
        not_retrieved=int((~tried["retrieved"].astype(bool)).sum()),
        assessed=len(assessed),
        excluded_reports=_counted(excluded["exclusion_reason"]),
        included=len(included),
    ), included


def _sources(strategies: pd.DataFrame, searches: pd.DataFrame) -> tuple[tuple[str, str, int | None], ...]:
    """Name, kind and records found of every source in the order of the strategies; None: not searched yet."""
    hits = searches.merge(strategies[["strategy_id", "source"]], on="strategy_id").groupby("source")["hits"].sum()
    kinds = dict(zip(strategies["source"], strategies["source_kind"], strict=True))
    return tuple((source, kind, int(hits[source]) if source in hits else None) for source, kind in kinds.items())


def _check_records(searches: pd.DataFrame, records: pd.DataFrame) -> None:
    """Raise :class:`FlowError` with every record whose decisions cannot all be true."""
    faults = []
    counted = records["search_id"].value_counts()
    for search in searches.itertuples():
        rows = int(counted.get(search.search_id, 0))
        if rows != search.hits:
            faults.append(f"search {search.search_id} returned {search.hits} records, records.csv has {rows} of them")
    known = set(records["record_id"])
    for row in records.itertuples():
        faults += [f"record {row.record_id}: {fault}" for fault in _record_faults(row, known)]
    if faults:
        raise FlowError(f"{len(faults)} contradiction(s) in the screening log\n  " + "\n  ".join(faults))


def _record_faults(row: object, known: set[str]) -> list[str]:
    def has(column: str) -> bool:
        return not pd.isna(getattr(row, column))

    retrieved = has("retrieved") and bool(row.retrieved)
    rules = (
        (has("duplicate_of") and row.duplicate_of not in known, "is a duplicate of a record that is not there"),
        (has("duplicate_of") and (has("screening") or has("assessment")), "is a duplicate and was screened all the same"),
        (has("retrieved") and row.screening != "include", "was sought without having passed the screening"),
        (has("assessment") and not retrieved, "was assessed without having been retrieved"),
        (has("assessment") and row.assessment == "exclude" and not has("exclusion_reason"), "was excluded without a reason"),
        (has("assessment") and row.assessment == "include" and not has("study_id"), "was included but names no study"),
        (has("study_id") and row.assessment != "include", "names a study without having been included"),
    )
    return [fault for broken, fault in rules if broken]
