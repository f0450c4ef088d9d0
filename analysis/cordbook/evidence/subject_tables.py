"""What the engine must know of a review's subject, read from ``data/vocabulary``: topics, facts, phrases and sections.

Nothing in the package names a topic, a treatment or a grade of one review; what it does with them is declared in these tables.
A table, a row or a column that is missing declares nothing, and the engine goes on without.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cordbook.core.tracking import note, unnoted
from cordbook.evidence.patients import KEYS
from cordbook.evidence.vocabulary import rows_of

if TYPE_CHECKING:  # validation knows the facts and waits for no heavy library
    import pandas as pd

TOPICS, FACTS, PHRASES, SECTIONS = "topics", "facts", "study_phrases", "sections"
#: The tables that declare the subject.
SUBJECT_TABLES = (TOPICS, FACTS, PHRASES, SECTIONS, KEYS)
#: Kinds of topics: people get what is tested; were exposed and are watched for harm; had harm; are on usual care.
TREATMENT, EXPOSURE, HARMS, NATURAL_COURSE = "treatment", "exposure", "harms", "natural_course"
#: Where a fact is told: of the people of a study, of what an arm was given, of its dose, of a risk that is printed without counts.
PARTICIPANTS, GIVEN, DOSE, PRINTED = "participants", "given", "dose", "printed"
#: The table whose columns the facts of a place name.
TABLE_OF = {PARTICIPANTS: "studies", GIVEN: "arms", DOSE: "arms", PRINTED: "dose_response"}
#: The fact that tells how long people had been ill when the study began, where a review has one.
PHASE = "phase"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of studies: its kind, what it implies of a study ("" for nothing), and the outcome that is asked for first."""

    topic: str
    kind: str = TREATMENT
    population: str = ""
    intervention_class: str = ""
    first_outcome: str = ""

    @property
    def implies(self) -> Mapping[str, str]:
        """Columns of studies.csv that a study of the topic mostly fills so."""
        known = {"population": self.population, "intervention_class": self.intervention_class}
        return {column: value for column, value in known.items() if value}


@dataclass(frozen=True, slots=True)
class Fact:
    """Columns that tell one thing of a study or an arm; ``label`` is "" where the dimension of the same id names it.

    ``columns`` are pairs of code and column: one pair without a code for a column that holds the value, else a pair for each
    column that counts the people of a code. ``only`` are the column and the value of the studies that it is told of.
    """

    fact: str
    place: str
    label: str
    columns: tuple[tuple[str, str], ...]
    phrase: str
    beside: str = ""
    only: tuple[str, str] | None = None

    @property
    def counts(self) -> bool:
        """Does each column count the people of a code?"""
        return bool(self.columns[0][0])

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Every column that it is told by."""
        return (*(column for _, column in self.columns), *([self.beside] if self.beside else []))

    def is_recorded(self, study: Mapping[str, Any]) -> bool:
        """Is the fact told of a study (a row of studies.csv)?"""
        return self.only is None or study.get(self.only[0]) == self.only[1]

    def counted(self, row: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
        """Codes with their people, where some are counted.

        >>> fact_of({"fact": "sex", "columns": "f=women;m=men"}).counted({"women": 12, "men": None})
        (('f', 12),)
        """
        return tuple((code, n) for code, column in self.columns if (n := row.get(column)))


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the review: its name, and the chapter that answers its questions ("" where there is none)."""

    section: str
    label: str
    page: str = ""


def topic_of(row: Mapping[str, str]) -> Topic:
    """A row of topics.csv."""
    implied = (row.get(column, "") for column in ("population", "intervention_class", "first_outcome"))
    return Topic(row["topic"], row["kind"], *implied)


def fact_of(row: Mapping[str, str]) -> Fact:
    """A row of facts.csv."""
    pairs = (part.rpartition("=") for part in row["columns"].split(";"))
    column, _, value = row.get("only", "").partition("=")
    return Fact(
        row["fact"], row.get("place", PARTICIPANTS), row.get("label", ""), tuple((code, name) for code, _, name in pairs),
        row.get("phrase", "{n}"), row.get("beside", ""), (column, value) if column else None,
    )  # fmt: skip


@dataclass(frozen=True)
class SubjectTables:
    """The tables that declare the subject, as data frames by name; use :attr:`cordbook.evidence.evidence.Evidence.subject`.

    It notes which of them is asked (:mod:`cordbook.core.tracking`), so that who asks for facts alone is not stale by a phrase.
    """

    frames: Mapping[str, pd.DataFrame] = field(repr=False)

    def topic(self, topic: str) -> Topic:
        """A topic; one without a row is of treatment and implies nothing."""
        note("table", TOPICS)
        return self._topics.get(topic) or Topic(topic)

    def topics(self, kind: str) -> frozenset[str]:
        """The topics of a kind that have a row."""
        note("table", TOPICS)
        return frozenset(t.topic for t in self._topics.values() if t.kind == kind)

    def facts(self, place: str) -> tuple[Fact, ...]:
        """The facts of a place, in the order of the table."""
        note("table", FACTS)
        return tuple(fact for fact in self._facts if fact.place == place)

    def fact(self, name: str) -> Fact | None:
        """The fact of a name; None where it has no row."""
        note("table", FACTS)
        return next((fact for fact in self._facts if fact.fact == name), None)

    def phrases(self, codes: Mapping[str, str | None]) -> dict[str, str]:
        """Words by place for what has these codes by kind: of each place the first row that fits."""
        note("table", PHRASES)
        found: dict[str, str] = {}
        for place, kind, code, text in self._phrases:
            if codes.get(kind) == code:
                found.setdefault(place, text)
        return found

    def section(self, section: str) -> Section:
        """A section; one without a row is called by its number."""
        return self.sections.get(section) or Section(section, f"section {section}")

    @property
    def sections(self) -> Mapping[str, Section]:
        """Sections by number, in the order of the table."""
        note("table", SECTIONS)
        return self._sections

    @property
    def summary_keys(self) -> frozenset[str]:
        """Keys of strata that the summary of a study tells, as a lay reader can use them."""
        note("table", KEYS)
        return self._summary_keys

    @cached_property
    def _sections(self) -> Mapping[str, Section]:
        return {r["section"]: Section(r["section"], r["label"], r.get("page", "")) for r in self._rows(SECTIONS)}

    @cached_property
    def _summary_keys(self) -> frozenset[str]:
        return frozenset(r["key"] for r in self._rows(KEYS) if r.get("summary") is True)

    @cached_property
    def _topics(self) -> Mapping[str, Topic]:
        return {r["topic"]: topic_of(r) for r in self._rows(TOPICS)}

    @cached_property
    def _facts(self) -> Sequence[Fact]:
        return tuple(fact_of(r) for r in self._rows(FACTS))

    @cached_property
    def _phrases(self) -> Sequence[tuple[str, str, str, str]]:
        return tuple((r["place"], r["kind"], r["code"], r["text"]) for r in self._rows(PHRASES))

    def _rows(self, name: str) -> Sequence[Mapping[str, Any]]:
        with unnoted():
            return rows_of(self.frames, name)


def declared_columns(frames: Mapping[str, pd.DataFrame]) -> tuple[tuple[str, str], ...]:
    """Tables and columns that facts name."""
    subject = SubjectTables(frames)
    facts = [fact for place in TABLE_OF for fact in subject.facts(place)]
    return tuple((TABLE_OF[fact.place], column) for fact in facts for column in fact.all_columns)


def counted_facts(rows: Iterable[Mapping[str, str]]) -> Iterator[Fact]:
    """Of rows of facts.csv, the facts whose columns count people of a study."""
    for row in rows:
        if row["place"] == PARTICIPANTS and "{n}" in row["phrase"] and row["columns"]:
            yield fact_of(row)
