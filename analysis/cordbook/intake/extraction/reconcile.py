"""Two readings of a study become one: equal places by themselves, the others by a person, and all of it in the tables or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.trust.characters import begins_as_formula
from cordbook.evidence.problems import Problem
from cordbook.evidence.reading import RawTable, read_all
from cordbook.evidence.rules import complaints
from cordbook.evidence.rules.validation import check_tables
from cordbook.evidence.schema import load_package
from cordbook.intake.extraction.codebook import (
    OUTCOME_ORDER,
    Codebook,
    columns,
    rows_of_other,
    same_value,
    seen,
    study_rows,
    tidy,
)
from cordbook.intake.extraction.readings import (
    ARM,
    FOLDER,
    OUTCOME,
    REMOVED,
    STUDY,
    Answer,
    NotReadable,
    Place,
    Reading,
    Readings,
    record_of_study,
    reference_row,
)
from cordbook.intake.records.append import append_rows, in_turn
from cordbook.intake.records.decisions import now
from cordbook.intake.records.store import Row, read_rows
from cordbook.intake.records.untrusted_text import one_line

#: Stands for events and n of a count, which are settled together.
COUNTS = "counts"
NOT_SEEN = "not seen"
#: Columns of free text, and the reason that stands where such a difference was settled as one.
WORDING, WORDING_ONLY = frozenset({"definition", "locator", "note"}), "wording only"
FIRST, SECOND, OTHER, OPEN, OUT = "1", "2", "other", "open", "out"
COLUMNS = ("study_id", "table", "row", "column", "first", "second", "keep", "value", "reason", "decided_by", "decided_at")


@dataclass(frozen=True, slots=True)
class Difference:
    """A place that the two readings do not say alike; ``first`` and ``second`` as they are shown."""

    place: Place
    first: str
    second: str

    @property
    def is_wording(self) -> bool:
        """Do both say something, in a column of free text where two people rarely take the same words?"""
        return self.place[2] in WORDING and bool(self.first and self.second)

    @property
    def keeps(self) -> tuple[str, ...]:
        """What may be decided here."""
        table, _, column = self.place
        if column == COUNTS:
            # Where one person alone found a count there is no other value that two readings could stand behind.
            return (FIRST, SECOND, OUT) if NOT_SEEN in (self.first, self.second) else (FIRST, SECOND, OTHER, OPEN, OUT)
        return (FIRST, SECOND, OTHER, *((OUT,) if (table, column) == (ARM, "role") else ()))


@dataclass(frozen=True, slots=True)
class Decision:
    """How a difference was settled: what was kept, the value that holds, why, by whom."""

    keep: str
    value: str
    reason: str
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two readings side by side: places that are alike, and those that are not."""

    first: Reading
    second: Reading
    alike: int
    differences: tuple[Difference, ...]


def pair_of(store: Readings, study_id: str) -> tuple[Reading, Reading]:
    """The two complete readings of a study; raises :class:`NotReadable` with what is missing."""
    there = store.both(study_id)
    if len(there) < 2:
        raise NotReadable(f"{study_id} has {len(there)} of two readings. To make one: cordbook extract {study_id} --reader NAME")
    first, second = there
    for reading, other in ((first, second), (second, first)):
        if not reading.complete or rows_of_other(reading, other):
            why = "is not complete" if not reading.complete else f"has not judged what {other.reader} added"
            raise NotReadable(f"{reading.reader} {why}: cordbook extract {study_id} --reader {reading.reader!r}")
    return first, second


def compare(first: Reading, second: Reading, codebook: Codebook) -> Comparison:
    """All places of two readings. Of a count that one reader did not find, only whether it is kept is asked."""
    alike = 0
    differences = []
    for place in _places(first, second, codebook):
        table, _, column = place
        a, b = _shown(first, place), _shown(second, place)
        if a == b == NOT_SEEN:
            continue
        equal = a == b if column == COUNTS else same_value(a, b, codebook.column(table, column))
        if equal:
            alike += bool(a)
        else:
            differences.append(Difference(place, a, b))
    return Comparison(first, second, alike, tuple(differences))


def _places(first: Reading, second: Reading, codebook: Codebook) -> Iterator[Place]:
    for table in (STUDY, ARM, OUTCOME):
        rows = [first.study_id] if table == STUDY else list(dict.fromkeys([*first.rows(table), *second.rows(table)]))
        for row in rows:
            if table == OUTCOME:
                yield table, row, COUNTS
                if not (seen(first, row) and seen(second, row)):
                    continue
            for column in columns(table, codebook):
                if not (table == OUTCOME and column in OUTCOME_ORDER):
                    yield table, row, column


def _shown(reading: Reading, place: Place) -> str:
    table, row, column = place
    if column != COUNTS:
        return reading.value(table, row, column) if table == STUDY or row in reading.rows(table) else ""
    there = row in reading.rows(OUTCOME) and seen(reading, row)
    return f"{reading.value(OUTCOME, row, 'events')}/{reading.value(OUTCOME, row, 'n')}" if there else NOT_SEEN


# ------------------------------------------------------------------------------------------------ decisions


@dataclass(frozen=True, slots=True)
class Settlements:
    """What was decided on the differences of a study: ``data/readings/STUDY.agreed.csv``, one row per decision; a later one stands."""

    data: Path
    kept: Path
    clock: Callable[[], str] = now

    def of(self, comparison: Comparison) -> dict[Place, Decision]:
        """Decisions that stand: those whose readings have not changed since."""
        shown = {d.place: (d.first, d.second) for d in comparison.differences}
        found: dict[Place, Decision] = {}
        for row in read_rows(self.data / FOLDER, f"{comparison.first.study_id}.agreed"):
            place = (row["table"], row["row"], row["column"])
            if row.get("decided_at") and shown.get(place) == (row["first"], row["second"]):
                found[place] = Decision(row["keep"], row["value"], row["reason"], row["decided_by"])
        return found

    def add(self, study_id: str, decided: Mapping[Difference, Decision]) -> None:
        """Write decisions, on disk when this returns."""
        moment = self.clock()
        rows = [
            dict(
                zip(
                    COLUMNS, (study_id, *d.place, d.first, d.second, c.keep, c.value, c.reason, c.decided_by, moment), strict=True
                )
            )
            for d, c in decided.items()
        ]
        path = self.data / FOLDER / f"{study_id}.agreed.csv"
        in_turn(self.kept, lambda: append_rows(path, COLUMNS, rows, self.kept / "readings.cut-short"))


def decide(difference: Difference, keep: str, value: str, reason: str, by: str, codebook: Codebook) -> Decision:
    """A decision that can stand; raises :class:`NotReadable` with why it cannot."""
    table, _, column = difference.place
    reason = one_line(reason)
    if keep not in difference.keeps:
        raise NotReadable(f"{keep!r} is none of {', '.join(difference.keeps)}")
    if not reason and (column == COUNTS or keep in (OTHER, OUT)):
        raise NotReadable("say why, in the reason: the tables keep it")
    if begins_as_formula(reason):
        raise NotReadable("a reason does not begin with a sign that a spreadsheet takes for a formula")
    if keep == OTHER and column == COUNTS:
        value = _counts(value)
    elif keep == OTHER:
        value = tidy(value, codebook.column(table, column))
        wrong = [f"{m} {r}" for _, m, r in complaints(codebook.column(table, column), value)]
        if wrong:
            raise NotReadable(" ".join(wrong))
    else:
        value = {FIRST: difference.first, SECOND: difference.second, OPEN: difference.first, OUT: ""}[keep]
    if value == NOT_SEEN:
        keep, value = OUT, ""
    return Decision(keep, value, reason, by)


def _counts(text: str) -> str:
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*(?:/|of)\s*([0-9]{1,9})\s*", text, re.ASCII)
    if found is None or int(found.group(1)) > int(found.group(2)) or not int(found.group(2)):
        raise NotReadable(f"{text!r} is not a count of patients written as 9/20")
    return f"{int(found.group(1))}/{int(found.group(2))}"


# ------------------------------------------------------------------------------------------------ the tables


def agreed_reading(comparison: Comparison, decisions: Mapping[Place, Decision]) -> Reading:
    """The reading that holds, as a third one: what both say, and what was decided. Every difference has a decision."""
    first, second = comparison.first, comparison.second
    answers: dict[Place, Answer] = {}
    for reading in (second, first):
        answers |= {place: a for place, a in reading.answers.items() if place[2] != REMOVED or a.value != "yes"}
        # A count that one reader found is told by that reader.
    for row in second.rows(OUTCOME):
        if seen(second, row) and not (row in first.rows(OUTCOME) and seen(first, row)):
            answers |= {place: a for place, a in second.answers.items() if place[:2] == (OUTCOME, row)}
    for (table, row, column), decision in decisions.items():
        if decision.keep == OUT:
            answers[table, row, REMOVED] = Answer("yes")
        elif column == COUNTS:
            events, _, n = decision.value.partition("/")
            answers |= {(OUTCOME, row, "events"): Answer(events), (OUTCOME, row, "n"): Answer(n)}
            if decision.keep == OPEN:
                answers |= {
                    (OUTCOME, row, "poolable"): Answer("no"),
                    (OUTCOME, row, "not_poolable_reason"): Answer("conflicting_sources"),
                }
        else:
            answers[table, row, column] = Answer(decision.value)
    merged = Reading(first.study_id, 3, f"{first.reader}+{second.reader}", answers)
    gone = {arm for arm in {r for t, r, _ in answers if t == ARM} if arm not in merged.rows(ARM)}
    lost = {(OUTCOME, row, REMOVED): Answer("yes") for row in merged.rows(OUTCOME) if merged.value(OUTCOME, row, "arm") in gone}
    pooled = {
        (OUTCOME, r, "not_poolable_reason"): Answer("")
        for r in merged.rows(OUTCOME)
        if merged.value(OUTCOME, r, "poolable") == "yes"
    }
    return merged.with_answers({**lost, **pooled})


def new_rows(
    data: Path, agreed: Reading, readings: tuple[Reading, ...], decisions: Mapping[Place, Decision], by: str, on: str
) -> dict[str, list[Row]]:
    """The rows that a study adds to the tables, by table."""
    study = agreed.study_id
    made = study_rows(agreed, reference_row(record_of_study(data, study) or {}, study))
    extractions, reconciliations = [], []
    for count in made[OUTCOME]:
        row = count["cell_id"].removeprefix(f"{study}.")
        # The reading that found the count comes first, for the tables know no second reading without a first.
        ordered = sorted(readings, key=lambda r: _shown(r, (OUTCOME, row, COUNTS)) == NOT_SEEN)
        shown = [_shown(r, (OUTCOME, row, COUNTS)) for r in ordered]
        extractions += [_extraction(count["cell_id"], i, r, s) for i, (r, s) in enumerate(zip(ordered, shown, strict=True), 1)]
        decision = decisions.get((OUTCOME, row, COUNTS))
        reconciliations.append(
            {
                "cell_id": count["cell_id"],
                "agreement": _agreement(shown, decision),
                "settled_by": decision.reason if decision else "",
                "readers": "+".join(r.reader for r in readings),
                "reconciled_by": by,
                "reconciled_on": on,
            }
        )
    return {**made, "extractions": extractions, "reconciliations": reconciliations}


def _extraction(cell_id: str, number: int, reading: Reading, shown: str) -> Row:
    events, _, n = shown.partition("/") if shown != NOT_SEEN else ("", "", "")
    return {
        "cell_id": cell_id,
        "reading": str(number),
        "reader": reading.reader,
        "seen": "yes" if n else "no",
        "events": events,
        "n": n,
    }


def _agreement(shown: list[str], decision: Decision | None) -> str:
    if len(shown) == 1:
        return "single"
    if NOT_SEEN in shown:
        return "second_not_seen"
    if decision is None:
        return "agree"
    return "disagree_open" if decision.keep == OPEN else "disagree_settled"


def errors_if_entered(data: Path, reading: Reading, on: str) -> list[Problem]:
    """Errors that the data would have with a reading in them as it is: what would refuse the study in the end, told to its reader."""
    return with_new_rows(data, new_rows(data, reading, (reading,), {}, reading.reader, on))[1]


def with_new_rows(data: Path, new: Mapping[str, list[Row]]) -> tuple[dict[str, list[Row]], list[Problem]]:
    """Whole tables with the new rows, and every error that validation would find in them and does not find today."""
    package = load_package(data)
    tables = {}
    for name, rows in new.items():
        blank = dict.fromkeys(package.table(name).columns, "")
        tables[name] = read_rows(data, name) + [blank | {c: v for c, v in row.items() if c in blank} for row in rows]
    return tables, new_errors(data, tables)


def new_errors(data: Path, tables: Mapping[str, list[Row]]) -> list[Problem]:
    """Errors of the data with some tables replaced that are none today."""
    package = load_package(data)
    raw = read_all(data, package)

    def mark(p: Problem) -> tuple[object, ...]:
        return p.file, p.key, p.column, p.rule, p.message

    known = {mark(p) for p in check_tables(package, raw)}
    after = {n: RawTable(raw[n].header, list(enumerate(rows, 2)), raw[n].problems) for n, rows in tables.items()}
    return [p for p in check_tables(package, {**raw, **after}) if p.severity == "error" and mark(p) not in known]
