"""The questions of a reading as a form for a spreadsheet, and the answers back from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cordbook.core.trust.characters import begins_as_formula
from cordbook.evidence.rules import complaints
from cordbook.intake.extraction.codebook import (
    Codebook,
    Question,
    count_problems,
    open_arm,
    open_count,
    problems,
    questions,
    tidy,
)
from cordbook.intake.extraction.percent import counts_for_percent, is_percent
from cordbook.intake.extraction.readings import ARM, NOT_REPORTED, OUTCOME, OUTCOME_KEY, REMOVED, STUDY, Answer, Place, Reading
from cordbook.intake.records.store import Row
from cordbook.intake.records.untrusted_text import cell_for_spreadsheet, one_line

HEADER = ("table", "row", "column", "value", "reason", "needed", "unit", "allowed", "meaning")
#: What a line must have.
NEEDED = ("table", "row", "column", "value")
HOW = {
    "arm": "Arm of the count, as named above.",
    "outcome": "Outcome of the count, a key of outcome_terms.csv.",
    "stratum": "Blank for all patients of the arm; else key=value pairs joined by a semicolon.",
    "timepoint_months": "Months from treatment or exposure; blank where not told.",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a form brought: answers to add, how many were known, what is wrong, and what to look at again, each with its line."""

    answers: dict[Place, Answer]
    known: int
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def form_text(
    reading: Reading, codebook: Codebook, arms: Sequence[str] = (), counts: Iterable[tuple[str, str, str, str]] = ()
) -> str:
    """A CSV with one line per question: those answered with their answers, and blank ones for ``arms`` and ``counts`` beside them."""
    opened: dict[Place, Answer] = {}
    for arm in arms:
        opened |= open_arm(arm)
    for count in counts:
        opened |= open_count(*count)[1]
    whole = reading.with_answers({p: a for p, a in opened.items() if p not in reading.answers})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    last = ""
    for q in _with_blank_arms(whole, codebook):
        table, row, name = q.place
        if table == OUTCOME and row != last:
            for column in OUTCOME_KEY:
                meaning = (
                    OUTCOME,
                    row,
                    column,
                    whole.value(OUTCOME, row, column),
                    "",
                    "yes" if column in OUTCOME_KEY[:2] else "",
                    "",
                    "",
                    HOW[column],
                )
                writer.writerow([cell_for_spreadsheet(c) for c in meaning])
        last = row if table == OUTCOME else last
        known = whole.answers.get(q.place, Answer(""))
        allowed = " | ".join(_allowed(q, codebook))
        fields = (
            table,
            row,
            name,
            known.value,
            known.reason,
            "yes" if q.required else "",
            q.field.unit or "",
            allowed,
            q.field.description,
        )
        writer.writerow([cell_for_spreadsheet(c) for c in fields])
    return out.getvalue()


def _with_blank_arms(reading: Reading, codebook: Codebook) -> Iterator[Question]:
    """Questions in a form that nobody has filled: also those that only some answers call for."""
    barred = {(OUTCOME, row, "poolable"): Answer("no") for row in reading.rows(OUTCOME)}
    found: dict[Place, Question] = {}
    for column, value in dict.fromkeys(codebook.only_of.values()) or [("", "")]:
        called_for = {(STUDY, reading.study_id, column): Answer(value)} if column else {}
        found = {q.place: q for q in questions(reading.with_answers(called_for | barred), codebook)} | found
    for q in found.values():
        yield q if q.place[2] != "not_poolable_reason" else Question(q.place, q.field, required=False)


def _allowed(question: Question, codebook: Codebook) -> tuple[str, ...]:
    if question.place[2] == "not_poolable_reason":
        return tuple(row["reason"] for row in codebook.rows("not_poolable_reasons"))
    return (
        *question.field.enum,
        *((*question.field.true_values, *question.field.false_values) if question.field.type == "boolean" else ()),
    )


def take(text: str, reading: Reading, codebook: Codebook) -> Taken:
    """Answers of a form. A line that cannot stand is a problem and keeps no other from going in. ``ValueError`` where it is not a form.

    A line without value and reason is left open, unless another line of its row has a value: then it is not reported.
    """
    lines = list(_lines(text))
    wrong: list[str] = []
    notes: list[str] = []
    made: dict[Place, Answer] = {}
    known = 0
    whole = reading

    def add(answers: dict[Place, Answer]) -> None:
        nonlocal whole
        made.update(answers)
        whole = whole.with_answers(answers)

    names: dict[tuple[str, str], str] = {}
    for table, row, first, own in _rows(lines):
        if table == STUDY:
            names[table, row] = reading.study_id
        elif table == ARM:
            bad = (
                [m for _, m, _ in complaints(codebook.column(ARM, "arm"), row)]
                if row
                else ["An arm has a name, in the column row."]
            )
            wrong += [f"line {first}: {m}" for m in bad]
            if not bad:
                names[table, row] = row
                if row not in whole.rows(ARM):
                    add(open_arm(row) | {(ARM, row, REMOVED): Answer("no")})
        else:
            key = [own.get(c, "") for c in OUTCOME_KEY]
            name, opened = open_count(*key)
            bad = [] if name in whole.rows(OUTCOME) else count_problems(whole, codebook, *key)
            wrong += [f"line {first}: {m}" for m in bad]
            if not bad:
                names[table, row] = name
                if name not in whole.rows(OUTCOME):
                    add(opened | {(OUTCOME, name, REMOVED): Answer("no")})
    given = {(table, names.get((table, row)), column): (n, v, r) for n, table, row, column, v, r in lines}
    used = {
        (table, row)
        for (table, row, column), (_, v, r) in given.items()
        if (v or r) and not (table == OUTCOME and column in OUTCOME_KEY)
    }
    for n, table, row, *_ in lines:
        if (table, row) not in names and table not in (STUDY, ARM, OUTCOME):
            wrong.append(f"line {n}: {table!r} is none of studies, arms, outcomes")
    done: set[Place] = set()
    progress = True
    while progress:
        progress = False
        # Answers open questions (patients before events, reasons after poolable), so they are asked until none is new.
        for q in list(questions(whole, codebook)):
            if q.place in done or q.place not in given:
                continue
            done.add(q.place)
            progress = True
            number, value, reason = given[q.place]
            if not value and not reason:
                if q.place[:2] not in used or (q.required and q.place[0] != OUTCOME) or q.place in reading.answers:
                    continue
                reason = NOT_REPORTED
            try:
                answer = _answer(q, value, reason, whole)
            except ValueError as error:
                wrong.append(f"line {number}, {q.place[2]}: {error}")
                continue
            if whole.answers.get(q.place) == answer:
                known += 1
                continue
            forbidden, odd = problems(whole, q, answer, codebook)
            wrong += [f"line {number}, {q.place[2]}: {message}" for message in forbidden]
            notes += [f"line {number}, {q.place[2]}: {message}" for message in odd]
            if not forbidden:
                add({q.place: answer})
    columns = {(table, q.place[2]) for q in _with_blank_arms(whole, codebook) for table in [q.place[0]]} | {
        (OUTCOME, c) for c in OUTCOME_KEY
    }
    for (table, row, column), (number, value, _) in given.items():
        if value and row and (table, row, column) not in done and not (table == OUTCOME and column in OUTCOME_KEY):
            known_column = (table, column) in columns
            wrong.append(
                f"line {number}: {'nothing is asked here, after the other answers' if known_column else f'there is no column {column!r}'}"
            )
    return Taken(made, known, tuple(wrong), tuple(notes))


def _answer(question: Question, value: str, reason: str, reading: Reading) -> Answer:
    _, row, name = question.place
    if not value:
        return Answer("", reason)
    if name == "events" and is_percent(value):
        found = counts_for_percent(value, int(reading.value(OUTCOME, row, "n") or 0))
        if found.count is None:
            raise ValueError(found.why)
        return Answer(str(found.count))
    return Answer(tidy(value, question.field))


def _lines(text: str) -> Iterator[tuple[int, str, str, str, str, str]]:
    """Line number, table, row, column, value, reason. ``ValueError`` where it is not a form."""
    for line, row in spreadsheet_rows(text, NEEDED):
        yield line, row["table"], row["row"], row["column"], row["value"], row.get("reason", "")


def spreadsheet_rows(text: str, needed: Iterable[str]) -> Iterator[tuple[int, Row]]:
    """Rows of a CSV with the line on which each begins; separators , ; and tab. ``ValueError`` where it has not the columns needed."""
    text = text.lstrip("\ufeff")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    begins = 1
    try:
        header = [one_line(c).lower() for c in next(reader, [])]
        missing = [c for c in needed if c not in header]
        if missing:
            raise ValueError(f"the first line has no column {', '.join(missing)}")
        while True:
            begins = reader.line_num + 1
            fields = next(reader, None)
            if fields is None:
                return
            if any(c.strip() for c in fields):
                yield begins, dict.fromkeys(header, "") | dict(zip(header, map(_bare, fields), strict=False))
    except csv.Error as error:
        raise ValueError(f"line {begins}: cannot be read as CSV ({error})") from error


def _rows(lines: Sequence[tuple[int, str, str, str, str, str]]) -> Iterator[tuple[str, str, int, dict[str, str]]]:
    """Rows of the form, arms before counts: table, name, first line, values by column."""
    found: dict[tuple[str, str], tuple[int, dict[str, str]]] = {}
    for number, table, row, column, value, _ in lines:
        if table in (STUDY, ARM, OUTCOME):
            found.setdefault((table, row), (number, {}))[1][column] = value
    for wanted in (STUDY, ARM, OUTCOME):
        for (table, row), (number, values) in found.items():
            # A blank row of the form that nobody filled is not a row.
            if table == wanted and (table == STUDY or any(values.values())):
                yield table, row, number, values


def _bare(written: str) -> str:
    text = one_line(written)
    return text[1:] if text[:1] == "'" and begins_as_formula(text[1:]) else text
