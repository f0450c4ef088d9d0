"""What a reader is asked of a study, whether an answer can stand, and the rows that the answers make."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from cordbook.evidence.patients import KEYS, VALUES, Held, Meanings, meanings_of, parse_stratum, unnamed_totals
from cordbook.evidence.problems import Problem
from cordbook.evidence.reading import RawTable, read_all
from cordbook.evidence.references.identity import PARTIAL
from cordbook.evidence.rules import complaints
from cordbook.evidence.rules.validation import check_tables
from cordbook.evidence.schema import PACKAGE_FILE, Field, Package, load_package
from cordbook.evidence.subject_tables import FACTS, TABLE_OF, TOPICS, fact_of, topic_of
from cordbook.intake.extraction.readings import ARM, OUTCOME, OUTCOME_KEY, REMOVED, STUDY, Answer, Place, Reading, count_row
from cordbook.intake.records.store import Row
from cordbook.intake.records.untrusted_text import one_line

#: Columns that the program fills.
MADE = {STUDY: ("study_id",), ARM: ("arm_id", "study_id", "arm"), OUTCOME: ("cell_id", "study_id", "arm_id", "outcome", "stratum", "stratum_relation", "timepoint_months")}  # fmt: skip
#: Patients before events, so that a percent can become a count.
OUTCOME_ORDER = ("n", "events")
#: Rules that a study breaks only because it is not read to its end yet.
UNFINISHED = frozenset({"required", "count-was-read"})
#: Tables that an answer is checked against at once; the others are looked at when the study enters them.
LOOKED_AT = frozenset(
    {
        "references",
        STUDY,
        ARM,
        OUTCOME,
        "outcome_terms",
        KEYS,
        VALUES,
        TOPICS,
        FACTS,
        "not_poolable_reasons",
        "overlap_groups",
        "overlap_members",
        "overlap_disjoint",
    }
)
NO = "no"


@dataclass(frozen=True, slots=True)
class Question:
    """A place that waits for an answer, with its column of the codebook. ``required``: the tables need a value there."""

    place: Place
    field: Field
    required: bool


@dataclass(frozen=True)
class Codebook:
    """The schema and the tables of the review, against which answers are checked."""

    package: Package
    raw: Mapping[str, RawTable]
    known: frozenset[tuple[str, str, str | None, str]] = field(default_factory=frozenset)
    stamp: tuple[tuple[str, int, int], ...] = ()

    @classmethod
    def of(cls, data: Path) -> Codebook:
        """Of a data folder, with all that an answer is checked against; raises :class:`cordbook.evidence.Unreadable`."""
        package = load_package(data)
        stamp = _stamp(data, package)
        raw = {name: table for name, table in read_all(data, package).items() if name in LOOKED_AT}
        few = replace(package, tables=tuple(t for t in package.tables if t.name in LOOKED_AT))
        return cls(few, raw, frozenset(map(_mark, check_tables(few, raw))), stamp)

    def now(self, data: Path) -> Codebook:
        """The codebook as the data folder has it by now: itself where no file has changed."""
        return self if _stamp(data, self.package) == self.stamp else Codebook.of(data)

    @cached_property
    def meanings(self) -> Meanings:
        """What keys and values of strata mean."""
        return meanings_of(self._declared(KEYS), self._declared(VALUES))

    def column(self, table: str, column: str) -> Field:
        """A column of the codebook; ``arm`` of a count is that of the arm."""
        if (table, column) == (OUTCOME, "arm"):
            table = ARM
        return self.package.table(table).field(column)

    def rows(self, table: str) -> list[Row]:
        return [row for _, row in self.raw[table].rows]

    def implied_by_topic(self, topic: str) -> Mapping[str, str]:
        """Columns of a study that its topic mostly fills, with their values."""
        return next((topic_of(row).implies for row in self._declared(TOPICS) if row["topic"] == topic), {})

    def role_of_arms_called(self, name: str) -> str:
        """The role that every arm of this name has in the review; blank where there is none, or several."""
        roles = {row["role"] for row in self.rows(ARM) if row["arm"] == name}
        return roles.pop() if len(roles) == 1 else ""

    @cached_property
    def only_of(self) -> Mapping[str, tuple[str, str]]:
        """Columns of an arm that are asked of some studies only: the column of the study and the value that it must have."""
        facts = (fact_of(row) for row in self._declared(FACTS) if TABLE_OF.get(row["place"]) == ARM)
        return {column: fact.only for fact in facts if fact.only for _, column in fact.columns}

    def _declared(self, table: str) -> list[Row]:
        """Rows of a table that a review need not have."""
        return self.rows(table) if table in self.raw else []

    def outcomes(self) -> dict[str, str]:
        """Outcomes of the closed list with their labels."""
        return {row["outcome"]: row["label"] for row in self.rows("outcome_terms")}

    def problems(self, tables: Mapping[str, Iterable[Row]]) -> list[Problem]:
        """What would be wrong in the whole of the data with these rows added, beyond what is known to be wrong today."""
        raw = dict(self.raw)
        for name, rows in tables.items():
            old = raw[name].rows
            start = old[-1][0] + 1 if old else 2
            raw[name] = RawTable(raw[name].header, [*old, *enumerate(rows, start)], raw[name].problems)
        return [p for p in check_tables(self.package, raw) if _mark(p) not in self.known]


def _stamp(data: Path, package: Package) -> tuple[tuple[str, int, int], ...]:
    """What tells that a file of the codebook was written again."""
    paths = [data / PACKAGE_FILE, *(data / table.path for table in package.tables if table.name in LOOKED_AT)]
    return tuple((path.name, found.st_mtime_ns, found.st_size) for path in paths if path.is_file() and (found := path.stat()))


def _mark(problem: Problem) -> tuple[str, str, str | None, str]:
    return problem.file, problem.key, problem.column, problem.rule


# ------------------------------------------------------------------------------------------------ questions


def columns(table: str, codebook: Codebook) -> list[str]:
    """Columns of a table that a reader fills, in the order in which they are asked."""
    names = [c for c in codebook.package.table(table).columns if c not in MADE[table]]
    return [*OUTCOME_ORDER, *(c for c in names if c not in OUTCOME_ORDER)] if table == OUTCOME else names


def questions(reading: Reading, codebook: Codebook) -> Iterator[Question]:
    """All places of a reading, answered or not."""
    yield from _of(reading, STUDY, reading.study_id, codebook)
    for table in (ARM, OUTCOME):
        for row in reading.rows(table):
            yield from _of(reading, table, row, codebook)


def _of(reading: Reading, table: str, row: str, codebook: Codebook) -> Iterator[Question]:
    for name in columns(table, codebook):
        if _applies(reading, table, row, name, codebook.only_of):
            column = codebook.column(table, name)
            # A count that was not found has neither number, and no row in the tables.
            required = (column.required and not (table == OUTCOME and name in OUTCOME_ORDER)) or name == "not_poolable_reason"
            yield Question((table, row, name), column, required)


def _applies(reading: Reading, table: str, row: str, column: str, only_of: Mapping[str, tuple[str, str]]) -> bool:
    if table == ARM and column in only_of:
        asked, value = only_of[column]
        return reading.value(STUDY, reading.study_id, asked) == value and reading.value(ARM, row, "role") in ("treated", "")
    if table == ARM and column == "part_of":
        return bool(wider_arms(reading, row))
    if table == OUTCOME:
        # A count that was not found needs no more said.
        asked = [reading.answers.get((table, row, c)) for c in OUTCOME_ORDER]
        if column != "n" and any(
            a is not None and not a.value for a in asked[: OUTCOME_ORDER.index(column) if column in OUTCOME_ORDER else 2]
        ):
            return False
        if column == "not_poolable_reason":
            return reading.value(table, row, "poolable") == NO
    return True


def wider_arms(reading: Reading, arm: str) -> list[str]:
    """Arms that an arm may be a part of: those of its role that were opened before it."""
    arms = reading.rows(ARM)
    role = reading.value(ARM, arm, "role")
    return [a for a in arms[: arms.index(arm)] if role and reading.value(ARM, a, "role") == role] if arm in arms else []


def open_questions(reading: Reading, codebook: Codebook) -> Iterator[Question]:
    """Those that have no answer yet."""
    return (q for q in questions(reading, codebook) if q.place not in reading.answers)


def rows_of_other(reading: Reading, other: Reading | None) -> dict[Place, Answer]:
    """What opens the arms and counts that the other reader opened, so that both judge them: their names, nothing of what was read."""
    if other is None:
        return {}
    own = {(table, row) for table, row, _ in reading.answers}
    return {
        place: answer
        for place, answer in other.answers.items()
        if place[0] in (ARM, OUTCOME)
        and place[2] in ("row", *OUTCOME_KEY)
        and place[:2] not in own
        and place[1] in other.rows(place[0])
    }


# ------------------------------------------------------------------------------------------------ answers


def tidy(text: str, column: Field) -> str:
    """An answer as the tables hold it: one harmless line in NFC, whole numbers without zeros before them.

    >>> tidy(" 007 ", Field("n", "integer"))
    '7'
    """
    value = unicodedata.normalize("NFC", one_line(text))
    if column.type == "integer" and value.isascii() and value.isdigit():
        return str(int(value[:15])) if len(value) <= 15 else value
    return value


#: The rule that a person is asked about instead of warned: whether a stratum is everybody.
ASKED_ABOUT = "stratum-of-whole-arm"


def problems(
    reading: Reading, question: Question, answer: Answer, codebook: Codebook, skip: Iterable[str] = ()
) -> tuple[list[str], list[str]]:
    """What forbids an answer, and what should only be looked at again: messages with remedies. ``skip``: rules to leave out."""
    table, _, name = question.place
    if not answer.value:
        return (["The tables need a value here, and no reason can stand in its place."] if question.required else []), []
    wrong = [f"{message} {remedy}" for _, message, remedy in complaints(question.field, answer.value)]
    if (table, name) == (ARM, "part_of") and answer.value not in reading.rows(ARM):
        wrong.append(f"There is no arm {answer.value!r}; there are {', '.join(reading.rows(ARM))}.")
    if wrong:
        return wrong, []
    skipped = UNFINISHED.union(skip) if name == "not_poolable_reason" else UNFINISHED.union(skip, {"poolable-reason"})
    after = [p for p in codebook.problems(study_rows(reading.with_answers({question.place: answer}))) if p.rule not in skipped]
    # What was wrong before is not due to this answer.
    before = {_mark(p) for p in codebook.problems(study_rows(reading))} if after else set()
    new = [p for p in after if _mark(p) not in before]
    problems = [(p.severity, f"{p.message} {p.remedy}") for p in new]
    return [t for s, t in problems if s == "error"], [t for s, t in problems if s != "error"]


def same_value(a: str, b: str, column: Field) -> bool:
    """Are two answers equal? Numbers as numbers, words without regard to case and blanks.

    >>> same_value("12", "12.0", Field("age", "number")), same_value("Adults", " adults", Field("note"))
    (True, True)
    """
    if column.type in ("integer", "number") and a and b:
        return Decimal(a) == Decimal(b)
    return " ".join(a.casefold().split()) == " ".join(b.casefold().split())


def is_unnamed_total(reading: Reading, row: str, codebook: Codebook) -> bool:
    """Is a count of a stratum everybody of its arm by the numbers, with no count of all patients beside it?"""
    arm, outcome = (reading.value(OUTCOME, row, c) for c in ("arm", "outcome"))
    rows = [
        r
        for r in reading.rows(OUTCOME)
        if (reading.value(OUTCOME, r, "arm"), reading.value(OUTCOME, r, "outcome")) == (arm, outcome)
    ]
    if row not in rows or not seen(reading, row):
        return False
    held = [
        Held(
            parse_stratum(reading.value(OUTCOME, r, "stratum")),
            reading.value(OUTCOME, r, "timepoint_months"),
            _whole(reading, OUTCOME, r),
        )
        for r in rows
    ]
    return rows.index(row) in unnamed_totals(held, _whole(reading, ARM, arm), codebook.meanings)


def _whole(reading: Reading, table: str, row: str) -> int | None:
    text = reading.value(table, row, "n")
    return int(text) if text.isascii() and text.isdigit() else None


def as_total(reading: Reading, row: str) -> dict[Place, Answer]:
    """What opens the count of all patients beside a stratum that is everybody, with its numbers."""
    arm, outcome, _, months = (reading.value(OUTCOME, row, c) for c in OUTCOME_KEY)
    name, opened = open_count(arm, outcome, "", months)
    numbers = {(OUTCOME, name, c): Answer(reading.value(OUTCOME, row, c)) for c in OUTCOME_ORDER}
    return {(OUTCOME, name, REMOVED): Answer(NO), **opened, **numbers}


def seen(reading: Reading, row: str) -> bool:
    """Did the reader find the numbers of a count?"""
    return all(reading.value(OUTCOME, row, c) for c in OUTCOME_ORDER)


# ------------------------------------------------------------------------------------------------ rows


def study_rows(reading: Reading, reference: Row | None = None) -> dict[str, list[Row]]:
    """The rows of references, studies, arms and outcomes that the answers make; counts without numbers are left out."""
    study = reading.study_id
    reference = reference or {"reference_id": study, "kind": "study", "identity_confidence": PARTIAL}
    arms = [
        {
            "arm_id": f"{study}.{arm}", "study_id": study, "arm": arm, **_values(reading, ARM, arm),
            "part_of": f"{study}.{wider}" if (wider := reading.value(ARM, arm, "part_of")) else "",
        }
        for arm in reading.rows(ARM)
    ]  # fmt: skip
    counts = [count for row in reading.rows(OUTCOME) if seen(reading, row) and (count := _count(reading, row))]
    return {
        "references": [_Blank(reference)],
        STUDY: [_Blank({"study_id": study, **_values(reading, STUDY, study)})],
        ARM: list(map(_Blank, arms)),
        OUTCOME: list(map(_Blank, _related(counts))),
    }


class _Blank(dict[str, str]):
    """A row whose other columns are blank."""

    def __missing__(self, column: str) -> str:
        return ""


def _values(reading: Reading, table: str, row: str) -> Row:
    return {
        column: a.value
        for (t, r, column), a in reading.answers.items()
        if (t, r) == (table, row) and column not in ("removed", "row")
    }


def _count(reading: Reading, row: str) -> Row:
    values = _values(reading, OUTCOME, row)
    arm = values.pop("arm", "")
    if not arm:
        return {}
    study = reading.study_id
    return {"cell_id": f"{study}.{row}", "study_id": study, "arm_id": f"{study}.{arm}", **values}


def _related(counts: list[Row]) -> list[Row]:
    """Counts with ``stratum_relation``, which follows from the strata of the same arm and outcome."""
    made = []
    for count in counts:
        own = _pairs(count)
        wider = [c for c in counts if (c["arm_id"], c["outcome"]) == (count["arm_id"], count["outcome"]) and _pairs(c) < own]
        alike = any((c["events"], c["n"]) == (count["events"], count["n"]) for c in wider)
        relation = "total" if not own else "same_patients" if alike else "part_of_total" if wider else "only_stratum"
        made.append({**count, "stratum_relation": relation})
    return made


def _pairs(count: Mapping[str, str]) -> frozenset[str]:
    return frozenset(filter(None, (count.get("stratum") or "").split(";")))


def open_arm(arm: str) -> dict[Place, Answer]:
    """The answer that opens an arm."""
    return {(ARM, arm, "row"): Answer("opened")}


def open_count(arm: str, outcome: str, stratum: str = "", months: str = "") -> tuple[str, dict[Place, Answer]]:
    """The name of a count and the answers that open it."""
    row = count_row(arm, outcome, stratum, months)
    return row, {(OUTCOME, row, c): Answer(v) for c, v in zip(OUTCOME_KEY, (arm, outcome, stratum, months), strict=True)}


def count_problems(reading: Reading, codebook: Codebook, arm: str, outcome: str, stratum: str, months: str) -> list[str]:
    """Why a count cannot be opened."""
    wrong = []
    if arm not in reading.rows(ARM):
        wrong.append(f"There is no arm {arm!r}; there are {', '.join(reading.rows(ARM)) or 'none yet'}.")
    if outcome not in codebook.outcomes():
        wrong.append(
            f"{outcome!r} is not an outcome of outcome_terms.csv; a new one is added there first, or in the terminal with +NAME."
        )
    for name, value in (("stratum", stratum), ("timepoint_months", months)):
        wrong += [f"{message} {remedy}" for _, message, remedy in complaints(codebook.column(OUTCOME, name), value) if value]
    if wrong:
        return wrong
    row, opened = open_count(arm, outcome, stratum, months)
    if row in reading.rows(OUTCOME):
        return ["This count is there already."]
    # The rules on strata look at whole counts: one with no event of one patient shows what its name breaks.
    trial = {(OUTCOME, row, "events"): Answer("0"), (OUTCOME, row, "n"): Answer("1")}
    new = codebook.problems(study_rows(reading.with_answers({**opened, **trial})))
    return [f"{p.message} {p.remedy}" for p in new if p.column == "stratum" and p.key.endswith(row) and p.severity == "error"]
