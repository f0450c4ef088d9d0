"""A reading: what one person found in a report, answer by answer, in a file of its own.

``data/readings/STUDY.1.csv`` and ``STUDY.2.csv`` hold the two readings of a study. A row is an answer; a later row on the same
place stands in place of the earlier one, so that an answer is on disk as soon as it is given and none is ever lost. A count of
``outcomes`` is named by arm, outcome, stratum and months, so that both readings of it meet.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.names import first_author, name_parts
from cordbook.errors import CordbookError
from cordbook.evidence.patients import count_row as count_row
from cordbook.evidence.references.identity import identity_of
from cordbook.intake.records.append import append_rows, in_turn
from cordbook.intake.records.decisions import now
from cordbook.intake.records.record import as_pmcid
from cordbook.intake.records.store import Row, read_rows
from cordbook.intake.records.untrusted_text import one_line

FOLDER = "readings"
COLUMNS = ("study_id", "reading", "reader", "table", "row", "column", "value", "reason", "read_at")
#: Why a place has no value, where the reader says nothing else.
NOT_REPORTED = "not reported"
STUDY, ARM, OUTCOME = "studies", "arms", "outcomes"
#: What names a count.
OUTCOME_KEY = ("arm", "outcome", "stratum", "timepoint_months")
#: Marks of the reading itself.
MARKS, COMPLETE, REMOVED = "reading", "complete", "removed"

Place = tuple[str, str, str]


class NotReadable(CordbookError, ValueError):
    """A reading that cannot be made or found; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands at a place: a value, or why there is none."""

    value: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The first or second reading of a study: its reader and the answers that stand."""

    study_id: str
    number: int
    reader: str
    answers: Mapping[Place, Answer]

    def value(self, table: str, row: str, column: str) -> str:
        """The value at a place; blank where there is none."""
        found = self.answers.get((table, row, column))
        return found.value if found else ""

    def rows(self, table: str) -> list[str]:
        """Rows of a table that the reader opened and did not take out, in the order of opening."""
        gone = {row for (t, row, column), a in self.answers.items() if t == table and column == REMOVED and a.value == "yes"}
        return [r for r in dict.fromkeys(row for t, row, _ in self.answers if t == table) if r not in gone]

    @property
    def complete(self) -> bool:
        """Has the reader said that all is read?"""
        return self.value(MARKS, "", COMPLETE) == "yes"

    def with_answers(self, answers: Mapping[Place, Answer]) -> Reading:
        """The same reading with more answers."""
        return Reading(self.study_id, self.number, self.reader, _answers_after(self.answers, answers.items()))


def _answers_after(before: Mapping[Place, Answer], added: Iterable[tuple[Place, Answer]]) -> dict[Place, Answer]:
    """The answers that stand after some were added: of a row that was taken out nothing stands, so it begins blank if it comes again.

    >>> taken = {("outcomes", "x", "n"): Answer("9"), ("outcomes", "y", "n"): Answer("4")}
    >>> list(_answers_after(taken, [(("outcomes", "x", "removed"), Answer("yes")), (("outcomes", "x", "removed"), Answer("no"))]))
    [('outcomes', 'y', 'n'), ('outcomes', 'x', 'removed')]
    """
    now = dict(before)
    for place, answer in added:
        if place[2] == REMOVED and answer.value == "yes":
            now = {p: a for p, a in now.items() if p[:2] != place[:2]}
        now[place] = answer
    return now


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of a project. ``kept`` holds the lock, and rows that a crash cut short."""

    data: Path
    kept: Path
    clock: Callable[[], str] = now

    def path(self, study_id: str, number: int) -> Path:
        return self.data / FOLDER / f"{study_id}.{number}.csv"

    def find(self, study_id: str, number: int) -> Reading | None:
        """A reading that was begun, or None."""
        rows = [r for r in read_rows(self.data / FOLDER, f"{study_id}.{number}") if r.get("read_at")]
        if not rows:
            return None
        added = (((r["table"], r["row"], r["column"]), Answer(r["value"], r["reason"])) for r in rows)
        return Reading(study_id, number, rows[-1]["reader"], _answers_after({}, added))

    def both(self, study_id: str) -> list[Reading]:
        """The readings that were begun."""
        return [reading for number in (1, 2) if (reading := self.find(study_id, number))]

    def of(self, study_id: str, reader: str) -> Reading:
        """The reading of a person: begun before, or the next free one. Raises :class:`NotReadable`."""
        name = reader_name(reader)
        there = {number: self.find(study_id, number) for number in (1, 2)}
        for reading in there.values():
            if reading is not None and same_person(reading.reader, name):
                return reading
        for number, reading in there.items():
            if reading is None:
                return Reading(study_id, number, name, {})
        people = " and ".join(r.reader for r in there.values() if r)
        raise NotReadable(f"{study_id} has its two readings, by {people}. To settle them: cordbook reconcile {study_id}")

    def add(self, reading: Reading, answers: Mapping[Place, Answer]) -> Reading:
        """Write answers, on disk when this returns. Returns the reading with them."""
        moment = self.clock()
        rows = [
            {
                "study_id": reading.study_id, "reading": str(reading.number), "reader": reading.reader, "table": table, "row": row,
                "column": column, "value": answer.value, "reason": answer.reason, "read_at": moment,
            }
            for (table, row, column), answer in answers.items()
        ]  # fmt: skip
        path = self.path(reading.study_id, reading.number)

        def write() -> None:
            begun = self.find(reading.study_id, reading.number)
            if begun is not None and not same_person(begun.reader, reading.reader):
                raise NotReadable(f"{path.name} was begun by {begun.reader} meanwhile; give the command again")
            append_rows(path, COLUMNS, rows, self.kept / "readings.cut-short")

        in_turn(self.kept, write)
        return reading.with_answers(answers)


def same_person(a: str, b: str) -> bool:
    """Do two names mean one person? Case, accents and blanks do not tell people apart.

    >>> same_person("Ada  Lovelace", "ada lovelace")
    True
    """
    return _bare(a) == _bare(b)


def _bare(name: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def reader_name(text: str) -> str:
    """A name as the tables hold it; raises :class:`NotReadable` for one that they cannot hold."""
    name = unicodedata.normalize("NFC", one_line(text))
    if not name or "+" in name or name[:1] in "=-@":
        raise NotReadable(f"{text!r} cannot stand for a reader: a name without +, that begins with a letter or a digit")
    return name


def record_of_study(data: Path, study_id: str) -> Row | None:
    """The record that two people included as this study, or None."""
    from cordbook.evidence.screening import FULL_TEXT, INCLUDE, merged_records, settled

    replaced = merged_records(read_rows(data, "record_merges"))
    included = [
        record
        for record, state in settled(read_rows(data, "screening"), FULL_TEXT).items()
        if state.outcome == INCLUDE and state.study_id == study_id and record not in replaced
    ]
    rows = {row["record_id"]: row for row in read_rows(data, "records")}
    return next((rows[r] for r in included if r in rows), None)


def waiting_studies(data: Path) -> list[str]:
    """Studies that were included and are not in the tables yet, in the order of their records."""
    from cordbook.evidence.screening import FULL_TEXT, INCLUDE, settled

    there = {row["study_id"] for row in read_rows(data, "studies")}
    states = settled(read_rows(data, "screening"), FULL_TEXT).values()
    return list(dict.fromkeys(s.study_id for s in states if s.outcome == INCLUDE and s.study_id and s.study_id not in there))


def surname(record: Mapping[str, str]) -> str:
    """Surname of the first author of a record.

    >>> surname({"authors": "van der Berg AB; Ho C"})
    'van der Berg'
    """
    return name_parts(first_author(record.get("authors", "")))[0]


def propose_study_id(record: Mapping[str, str], taken: Iterable[str]) -> str:
    """A key of surname and year for a record, with a letter behind it where it is taken; blank where no author is known.

    >>> propose_study_id({"authors": "Müller-Lee, Ana; Ho, B", "year": "2026"}, ["mullerlee2026"])
    'mullerlee2026b'
    """
    letters = "".join(
        c for c in unicodedata.normalize("NFKD", surname(record).replace("ß", "ss")) if c.isascii() and c.isalpha()
    ).lower()
    if not letters:
        return ""
    key, used = f"{letters}{record.get('year', '')}", set(taken)
    return next(k for k in (key, *(f"{key}{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")) if k not in used)


def reference_row(record: Mapping[str, str], study_id: str) -> Row:
    """The row of ``references`` for a study, from the metadata of its record."""
    doi, url = record.get("doi", ""), record.get("url", "")
    row = {
        "reference_id": study_id, "kind": "study", "first_author": first_author(record.get("authors", "")), "year": record.get("year", ""),
        "title": record.get("title", ""), "journal": record.get("container", ""), "doi": doi.lower(), "pmid": record.get("pmid", ""),
        "pmcid": as_pmcid(url), "url": url if re.fullmatch(r"https?://\S+", url) else "", "same_as": "", "note": "",
    }  # fmt: skip
    return row | {"identity_confidence": identity_of(row)}
