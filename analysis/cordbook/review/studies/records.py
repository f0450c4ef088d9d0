"""Everything that is known of a study, in one frozen record: what its page and the list of studies are made from.

A record holds data only, joined from the tables and from the estimates that hold the study's counts. What is said
of it in words is made in :mod:`cordbook.review.studies.summary`, with the names that ``vocabulary`` has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cordbook.evidence.counts import Count, Pairs, counts_of
from cordbook.evidence.evidence import RETRACTED, Evidence
from cordbook.evidence.subject_tables import PHASE, Fact, SubjectTables
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.natural_course import NaturalCourse, load_natural_course
from cordbook.review.scores.estimates import ScoreEstimate, scores_of

Row = Mapping[str, Any]
#: Tables of results that reports print without counts.
PRINTED = ("natural_pooled", "dose_response")


@dataclass(frozen=True, slots=True)
class Source:
    """The bibliographic record; ``same_as`` is the id of the source that carries the identifiers."""

    reference_id: str
    author: str | None
    year: int | None
    title: str | None
    journal: str | None
    doi: str | None
    pmid: str | None
    pmcid: str | None
    url: str | None
    identity: str | None
    same_as: str | None
    note: str | None
    canonical_url: str | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """A group of patients; ``n`` is None where its size was not seen, ``part_of`` names the wider arm.

    ``row`` is its row of arms.csv, for what the facts of the review tell of it.
    """

    arm_id: str
    name: str
    role: str
    n: int | None
    part_of: str | None
    row: Row = field(repr=False)

    def value(self, fact: Fact) -> Any:
        """What is known of a fact of arms; None where nothing is."""
        return self.row.get(fact.columns[0][1])


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the two readings of a count; ``seen`` is False where the reader found no number."""

    reading: int
    reader: str | None
    seen: bool
    events: int | None
    n: int | None


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """Events among n patients. ``low`` and ``high`` are the exact (Clopper-Pearson) 95% interval of the share.

    ``reasons`` are the label and meaning of each reason why the count is not poolable; ``estimates`` the ids of the
    estimates that hold it; ``verified`` says who checked it, and ``waivers`` why it may break a rule of validation. ``rank`` and ``gravity``
    are the places of its outcome among those asked for first and among the gravest harms.
    """

    count: Count
    arm: str
    role: str
    outcome: str
    label: str
    group: str
    event_is: str
    outcome_means: str
    relation: str
    months: float | None
    low: float | None
    high: float | None
    definition: str | None
    source_kind: str
    locator: str | None
    confidence: str
    poolable: bool
    reasons: tuple[tuple[str, str], ...]
    note: str | None
    estimates: tuple[str, ...]
    readings: tuple[Reading, ...]
    agreement: str | None
    settled_by: str | None
    reconciled_by: str | None
    verified: tuple[str, ...]
    waivers: tuple[str, ...]
    corrections: tuple[str, ...]
    rank: int | None
    gravity: int | None
    #: Does a reason why it is not poolable say that the number itself may be wrong?
    in_doubt: bool = False
    other_meaning: bool = False

    @property
    def cell_id(self) -> str:
        return self.count.cell_id

    @property
    def arm_id(self) -> str:
        return self.count.arm_id

    @property
    def stratum(self) -> Pairs:
        return self.count.stratum

    @property
    def events(self) -> int:
        return self.count.events

    @property
    def n(self) -> int:
        return self.count.n

    @property
    def share(self) -> float | None:
        return self.events / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Overlap:
    """A group of studies that share patients, or may: this study's part in it, and the other reports."""

    group: str
    reason: str
    is_primary: bool
    others: tuple[tuple[str, str, bool], ...]  # study id, label, is it the primary one


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """All that is known of one study; every field comes from ``data/`` or from a declared estimate.

    ``continuous``, ``printed``, ``notices`` and ``trials`` are rows of their tables as plain values; ``printed`` are
    percentages that the report gives without counts. ``natural`` are the estimates of the natural course that may stand beside the
    study, as ``course`` says. ``row`` is its row of studies.csv, ``subject`` what is declared of the review's subject, ``kind``
    that of its topic, and ``phrases`` the words of study_phrases.csv for its codes, by place.
    """

    study_id: str
    label: str
    year: int | None
    topic: str
    country: str | None
    population: str
    design: str | None
    registration: str | None
    intervention: str
    phase: str | None
    age_mean: float | None
    followup_months: float | None
    read_as: str
    note: str | None
    source: Source
    arms: tuple[Arm, ...]
    counts: tuple[OutcomeCount, ...]
    continuous: tuple[Row, ...]
    printed: tuple[Row, ...]
    overlaps: tuple[Overlap, ...]
    notices: tuple[Row, ...]
    trials: tuple[Row, ...]
    estimates: tuple[Estimate, ...]
    scores: tuple[ScoreEstimate, ...]
    natural: tuple[Estimate, ...]
    kind: str
    phrases: Mapping[str, str] = field(repr=False)
    course: NaturalCourse | None = field(repr=False)
    row: Row = field(repr=False)
    subject: SubjectTables = field(repr=False)
    vocabulary: Vocabulary = field(repr=False)

    @property
    def retracted(self) -> bool:
        """Was the report retracted? Its label says so too."""
        return self.label.endswith(RETRACTED)

    def whole_arms(self, role: str) -> tuple[Arm, ...]:
        """Arms of a role that are not part of another arm."""
        return tuple(a for a in self.arms if a.role == role and a.part_of is None)

    def size(self, *roles: str) -> int | None:
        """Patients in the arms of these roles (all roles where none is named); None where no size was seen."""
        known = [a.n for a in self.arms if a.part_of is None and (not roles or a.role in roles) and a.n is not None]
        return sum(known) if known else None

    @property
    def sizes_known(self) -> bool:
        return all(a.n is not None for a in self.arms if a.part_of is None)

    @property
    def has_comparator(self) -> bool:
        return any(a.role == "comparator" for a in self.arms)

    @property
    def harms(self) -> tuple[OutcomeCount, ...]:
        return tuple(c for c in self.counts if c.group == "harm")

    @property
    def results(self) -> tuple[OutcomeCount, ...]:
        """Counts of anything but harm."""
        return tuple(c for c in self.counts if c.group != "harm")

    @property
    def read_by(self) -> tuple[str, ...]:
        """The people who read the counts; empty where automated readers did, whose readings no person brought together."""
        if not all(c.reconciled_by for c in self.counts):
            return ()
        return tuple(dict.fromkeys(x.reader for c in self.counts for x in c.readings if x.reader))

    @property
    def verified(self) -> int:
        """Counts that a person has checked."""
        return sum(bool(c.verified) for c in self.counts)


def study_records(estimates: Estimates) -> dict[str, StudyRecord]:
    """A record for every study of the evidence, by id, in the order of the table."""
    evidence = estimates.evidence
    tables = _Tables(evidence)
    counts = _counts(evidence, tables, estimates)
    uses: dict[str, list[Estimate]] = defaultdict(list)
    for estimate in estimates:
        for study_id in estimate.study_ids:
            uses[study_id].append(estimate)
    scored: dict[str, list[ScoreEstimate]] = defaultdict(list)
    for score in scores_of(estimates):
        for study_id in score.study_ids:
            scored[study_id].append(score)
    course = load_natural_course(evidence.folder)
    natural = _natural(estimates, course)
    return {
        row["study_id"]: _record(
            row,
            evidence,
            tables,
            tuple(counts[row["study_id"]]),
            tuple(uses[row["study_id"]]),
            tuple(scored[row["study_id"]]),
            course,
            natural,
        )
        for row in tables["studies"]
    }


class _Tables:
    """Tables as lists of plain rows: missing values are None, numbers are Python's own. A table that the schema lacks has no rows."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.vocabulary = evidence.vocabulary
        self._rows: dict[str, list[Row]] = {}
        self._by: dict[tuple[str, str], dict[str, list[Row]]] = {}
        self._key: dict[tuple[str, str], dict[str, Row]] = {}

    def __getitem__(self, name: str) -> list[Row]:
        if name not in self._rows:
            self._rows[name] = plain_rows(self._evidence[name]) if name in self._evidence.tables else []
        return self._rows[name]

    def by(self, name: str, column: str) -> dict[str, list[Row]]:
        """Rows by the value of a column, looked up once: thousands of studies ask."""
        if (name, column) not in self._by:
            found: dict[str, list[Row]] = {}
            for row in self[name]:
                if row[column] is not None:
                    found.setdefault(row[column], []).append(row)
            self._by[name, column] = found
        return self._by[name, column]

    def key(self, name: str, column: str) -> dict[str, Row]:
        if (name, column) not in self._key:
            self._key[name, column] = {row[column]: row for row in self[name]}
        return self._key[name, column]


def plain_rows(frame: pd.DataFrame) -> list[Row]:
    """Rows of a data frame as dictionaries with None where a value is missing."""
    columns = {name: [None if pd.isna(v) else v for v in frame[name].tolist()] for name in frame.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _counts(evidence: Evidence, tables: _Tables, estimates: Estimates) -> dict[str, list[OutcomeCount]]:
    frame = evidence["outcomes"]
    counts = counts_of(frame)
    low, high = _exact(counts)
    holding: dict[str, list[str]] = defaultdict(list)
    for estimate in estimates:
        for cell_id in estimate.count_ids:
            holding[cell_id].append(estimate.id)
    found: dict[str, list[OutcomeCount]] = defaultdict(list)
    look = _CountTables(tables)
    for row, count, one, other in zip(tables["outcomes"], counts, low, high, strict=True):
        found[count.study_id].append(look.count(row, count, one, other, tuple(holding[count.cell_id])))
    return found


def _exact(counts: Sequence[Count]) -> tuple[list[float | None], list[float | None]]:
    counted = [count.n > 0 for count in counts]
    events, n = (np.array(values) for values in ([c.events for c in counts], [c.n or 1 for c in counts]))
    low, high = proportion_confint(events, n, 0.05, method="beta")
    return (
        [float(v) if known else None for v, known in zip(low, counted, strict=True)],
        [float(v) if known else None for v, known in zip(high, counted, strict=True)],
    )


class _CountTables:
    """What is joined to a count, looked up once."""

    def __init__(self, tables: _Tables) -> None:
        self.vocabulary = tables.vocabulary
        self.arms = tables.key("arms", "arm_id")
        self.terms = tables.key("outcome_terms", "outcome")
        self.reasons = tables.key("not_poolable_reasons", "reason")
        self.readings = tables.by("extractions", "cell_id")
        self.settled = tables.key("reconciliations", "cell_id")
        self.verified = tables.by("verifications", "cell_id")
        self.waivers = _of_outcomes(tables["waivers"])
        self.corrections = _of_outcomes(tables["corrections"])

    def count(self, row: Row, count: Count, low: float | None, high: float | None, estimates: tuple[str, ...]) -> OutcomeCount:
        cell_id, arm, term = count.cell_id, self.arms[count.arm_id], self.terms[row["outcome"]]
        settled = self.settled.get(cell_id, {})
        reasons = [self.reasons[r] for r in (row["not_poolable_reason"] or "").split(";") if r]
        readings = sorted(self.readings.get(cell_id, ()), key=lambda r: r["reading"])
        return OutcomeCount(
            count=count, arm=arm["arm"], role=arm["role"],
            outcome=row["outcome"], label=term["label"], group=term["group"], event_is=term["event_is"],
            outcome_means=term["definition"], relation=row["stratum_relation"], months=row["timepoint_months"], low=low, high=high, definition=row["definition"], source_kind=row["source_kind"], locator=row["locator"],
            confidence=row["confidence"], poolable=bool(row["poolable"]),
            reasons=tuple((r["label"], r["explanation"]) for r in reasons), note=self.vocabulary.remark(row["note"]) or None, estimates=estimates,
            readings=tuple(Reading(r["reading"], r["reader"], bool(r["seen"]), r["events"], r["n"]) for r in readings),
            agreement=settled.get("agreement"), settled_by=settled.get("settled_by"),
            reconciled_by=settled.get("reconciled_by"),
            verified=tuple(f"{v['verified_by']}, {v['verified_on']}, {v['source_read']}" for v in self.verified.get(cell_id, ())),
            waivers=tuple(dict.fromkeys(d["reason"] for d in self.waivers.get(cell_id, ()))),
            corrections=tuple(_correction(c) for c in self.corrections.get(cell_id, ())),
            rank=term.get("rank"), gravity=term.get("gravity"), in_doubt=any(r.get("number_in_doubt") for r in reasons), other_meaning=any(r.get("other_meaning") for r in reasons),
        )  # fmt: skip


def _correction(c: Row) -> str:
    before, after = c["old_value"] or "blank", c["new_value"] or "blank"
    return f"{c['corrected_on']}: {c['column']} was {before}, is {after}. {c['reason']}"


def _of_outcomes(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["table"] == "outcomes":
            found[row["row_key"]].append(row)
    return found


def _natural(estimates: Estimates, course: NaturalCourse | None) -> dict[str, list[Estimate]]:
    """Estimates of the natural course by the value that they are for."""
    found: dict[str, list[Estimate]] = defaultdict(list)
    for estimate in estimates if course else ():
        value = course.value_of(estimate.synthesis)
        if value is not None and estimate.result is not None:
            found[value].append(estimate)
    return found


def _record(
    row: Row,
    evidence: Evidence,
    tables: _Tables,
    counts: tuple[OutcomeCount, ...],
    uses: tuple[Estimate, ...],
    scores: tuple[ScoreEstimate, ...],
    course: NaturalCourse | None,
    natural: Mapping[str, list[Estimate]],
) -> StudyRecord:
    study_id, subject = row["study_id"], evidence.subject
    phase = subject.fact(PHASE)
    codes = {name: row.get(name) for name in ("topic", "population", "intervention_class")}
    codes[PHASE] = row.get(phase.columns[0][1]) if phase else None
    return StudyRecord(
        study_id=study_id, label=evidence.study_labels[study_id], year=evidence.study_years[study_id],
        topic=row["topic"], country=row["country"], population=row["population"], design=row["design"],
        registration=row["registration"], intervention=row["intervention_class"], phase=codes[PHASE],
        age_mean=row["age_mean"], followup_months=row["followup_months"],
        read_as=row["read_as"], note=tables.vocabulary.remark(row["note"]) or None, source=_source(study_id, tables), arms=_arms(study_id, tables),
        counts=counts, continuous=_rows(tables, "continuous", "reference_id", study_id),
        printed=tuple(row for name in PRINTED for row in _rows(tables, name, "reference_id", study_id)),
        overlaps=_overlaps(study_id, evidence, tables), notices=_rows(tables, "integrity_notices", "study_id", study_id),
        trials=_trials(row, tables), estimates=uses, scores=scores, natural=tuple(e for value in natural_values(course, row, counts, subject) for e in natural.get(value, ())),
        kind=subject.topic(row["topic"]).kind, phrases=subject.phrases(codes), course=course, row=row, subject=subject,
        vocabulary=evidence.vocabulary,
    )  # fmt: skip


def natural_values(course: NaturalCourse | None, row: Row, counts: Iterable[OutcomeCount], subject: SubjectTables) -> list[str]:
    """The values for which the natural course of a study is asked: those that its counts name, else those that it counts people of.

    None at all where the study counts no such outcome after a treatment.
    """
    if course is None:
        return []
    counted = [c for c in counts if c.outcome == course.outcome and c.role == "treated"]
    named = {value for c in counted for value in dict(c.stratum).get(course.key, "").split("+") if value}
    fact = subject.fact(course.fact)
    of_study = {code for code, _ in fact.counted(row)} if fact else set()
    return sorted(named or of_study) if counted else []


def _rows(tables: _Tables, name: str, column: str, study_id: str) -> tuple[Row, ...]:
    return tuple(tables.by(name, column).get(study_id, ()))


def _source(study_id: str, tables: _Tables) -> Source:
    row = tables.key("references", "reference_id")[study_id]
    return Source(
        study_id, row["first_author"], row["year"], row["title"], row["journal"], row["doi"], row["pmid"], row["pmcid"],
        row["url"], row["identity_confidence"], row["same_as"], tables.vocabulary.remark(row["note"]) or None, row.get("canonical_url"),
    )  # fmt: skip


def _arms(study_id: str, tables: _Tables) -> tuple[Arm, ...]:
    order = {"treated": 0, "comparator": 1, "natural_course": 2}
    rows = sorted(_rows(tables, "arms", "study_id", study_id), key=lambda r: (order[r["role"]], r["part_of"] or "", r["arm"]))
    return tuple(Arm(r["arm_id"], r["arm"], r["role"], r["n"], r["part_of"], r) for r in rows)


def _overlaps(study_id: str, evidence: Evidence, tables: _Tables) -> tuple[Overlap, ...]:
    members = tables.by("overlap_members", "overlap_group")
    reasons = tables.key("overlap_groups", "overlap_group")
    found = []
    for group, rows in members.items():
        own = [r for r in rows if r["study_id"] == study_id]
        if own:
            others = tuple(
                (r["study_id"], evidence.study_labels[r["study_id"]], bool(r["is_primary"]))
                for r in rows
                if r["study_id"] != study_id
            )
            found.append(Overlap(group, reasons[group]["reason"], bool(own[0]["is_primary"]), others))
    return tuple(found)


def _trials(row: Row, tables: _Tables) -> tuple[Row, ...]:
    """Registered trials that name the study, or whose number the study gives."""
    return tuple(
        t for t in tables["registered_trials"]
        if t["linked_study_id"] == row["study_id"] or (row["registration"] and t["registry_id"] == row["registration"])
    )  # fmt: skip
