"""Rules of the schema: types, constraints, keys, and the cleanliness of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache

from cordbook.core.clock import today
from cordbook.core.csv_files import LONGEST_VALUE
from cordbook.core.trust.characters import mixed_words, named, other_digits, runs_as_formula, unseen_in
from cordbook.evidence.problems import Problem
from cordbook.evidence.rules.base import Data, Row, listed
from cordbook.evidence.schema import Field, ForeignKey, Table

#: What each rule of the schema asks; the ids stand in reports and in waivers.csv.
SCHEMA_RULES: Mapping[str, str] = {
    "known-columns": "The header has the columns of the schema, each once, and no other.",
    "row-shape": "Every row has as many values as the header.",
    "no-blank-rows": "No row is blank.",
    "whole-file": "A file ends with a whole line, or somebody has looked.",
    "required": "A required value is given.",
    "type": "A value is of its column's type.",
    "allowed-values": "A value of a closed list is one of the list.",
    "pattern": "A value has the form that the schema gives.",
    "range": "A number lies within the limits of the schema and of its unit.",
    "unique": "A value of a unique column appears once.",
    "primary-key": "The key of a row appears once.",
    "foreign-key": "What a row points to exists.",
    "not-in-the-future": "No date lies after today, whether of a day, a month or a moment.",
    "clean-text": (
        "Text has no control or invisible characters, no blanks but the plain one and none at its ends, composed accents (NFC), and no "
        "letters or digits of another script that only look like Latin ones."
    ),
    "no-formula": (
        "Text does not begin with a sign that a spreadsheet takes for a formula (= + - @, full-width ones too); a number may be negative."
    ),
    "length": "A value is no longer than a page of text; a search may be ten, an abstract and a list of authors what a file holds.",
}
#: Characters of a value: the longest note has a tenth of it.
LONGEST = 5_000
#: Texts of others that are kept whole; an abstract or a list of authors as long as a file can hold it.
LONG_COLUMNS = {"abstract": LONGEST_VALUE, "query": 50_000, "query_as_run": 50_000, "authors": LONGEST_VALUE, "title": 10_000}
#: How columns end that hold a day, a month or a moment, whatever their type.
_DATES = ("_on", "_at", "_date")
#: Looking for a near spelling costs time, so a column full of errors gets only this many hints.
MOST_HINTS = 20

Complaint = tuple[str, str, str]  # rule, message, remedy


def check_table(data: Data, table: Table) -> Iterator[Problem]:
    """All problems of one table with its schema, foreign keys included."""
    for field in table.fields:
        yield from _check_column(data, table, field)
    yield from _check_primary_key(data, table)
    for key in table.foreign_keys:
        yield from _check_foreign_key(data, table, key)


def _report(data: Data, row: Row, column: str, complaint: Complaint) -> Problem:
    rule, message, remedy = complaint
    return data.problem(row.violation(column, message, remedy=remedy), rule)


def _check_column(data: Data, table: Table, field: Field) -> Iterator[Problem]:
    complain = complainer(field)
    first: dict[str, int] = {}
    for row in data.rows(table.name):
        text = row[field.name]
        for complaint in complain(text):
            yield _report(data, row, field.name, complaint)
        if field.unique and text:
            if text in first:
                message = f"Row {first[text]} has the same {field.name}."
                remedy = "Keep it in one row; a second report of one source points to the first (same_as)."
                yield _report(data, row, field.name, ("unique", message, remedy))
            first.setdefault(text, row.number)


def complainer(field: Field) -> Callable[[str], tuple[Complaint, ...]]:
    """What complains of the values of a column, by the schema alone; values repeat, so answers are kept."""
    pattern, most = field.form, LONG_COLUMNS.get(field.name, LONGEST)
    hints = iter(range(MOST_HINTS))

    @cache
    def complain(text: str) -> tuple[Complaint, ...]:
        if text == "":
            return (("required", f"{field.name} is blank.", _fill(field)),) if field.required else ()
        if len(text) > most:
            message = f"The value has {len(text)} characters; {field.name} has at most {most}."
            return (("length", message, "Shorten it; a quotation mark that was never closed swallows rows."),)
        found = [*_unclean_text(field, text)]
        try:
            value = field.parse(text)
        except ValueError as error:
            return (*found, ("type", f"{_quoted(text)} {error}.", f"Write a value of type {field.type}{_unit(field)}."))
        if field.enum and text not in field.enum:
            found.append(("allowed-values", f"{_quoted(text)} is not in the list.", _allowed(field, text, hints)))
        if pattern and not pattern.fullmatch(text):
            message = f"{_quoted(text)} does not have the form of {field.name}."
            found.append(("pattern", message, f"{field.description} It must match {field.pattern}"))
        low, high = field.lowest, field.highest
        if isinstance(value, int | float) and ((low is not None and value < low) or (high is not None and value > high)):
            found.append(("range", f"{text} is out of range.", f"Allowed: {_interval(field)}{_unit(field)}."))
        if (field.type == "date" or field.name.endswith(_DATES)) and text[:10] > (last := today().isoformat())[: len(text)]:
            found.append(
                ("not-in-the-future", f"{text} lies in the future.", f"Write the day on which it was done, at most {last}.")
            )
        return tuple(found)

    return complain


def complaints(field: Field, text: str) -> tuple[Complaint, ...]:
    """What is wrong with a text as a value of a column, by the schema alone: rule, message and remedy of each.

    >>> [rule for rule, _, _ in complaints(Field("n", "integer", minimum=0), "-2")]
    ['range']
    """
    return complainer(field)(text)


def _unclean_text(field: Field, text: str) -> Iterator[Complaint]:
    if unwanted := unseen_in(text):
        yield "clean-text", f"The text holds {listed(named(unwanted))}.", "Remove it; a line break becomes a semicolon."
    if mixed := mixed_words(text):
        message = f"Letters of another script stand among Latin ones in {listed(mixed)}; no search would find the word."
        yield "clean-text", message, "Type the word anew."
    if digits := other_digits(text):
        yield "clean-text", f"The text holds {listed(named(digits))}.", "Write digits as 0 to 9."
    if text != text.strip():
        yield "clean-text", "The text begins or ends with a blank.", "Remove the blank."
    if not unicodedata.is_normalized("NFC", text):
        yield (
            "clean-text",
            "The text has accents apart from their letters.",
            f"Write {unicodedata.normalize('NFC', text)!r}.",
        )
    if field.type == "string" and not field.enum and runs_as_formula(text):
        message = f"The text begins with {text.lstrip()[0]}: a spreadsheet would run it as a formula."
        yield "no-formula", message, "Put a word before the sign."


def _quoted(text: str) -> str:
    return f'"{text if len(text) <= 40 else text[:39] + "…"}"'


def _unit(field: Field) -> str:
    return f" (unit: {field.unit})" if field.unit else ""


def _fill(field: Field) -> str:
    choice = f" Allowed: {listed(field.enum, 20)}." if field.enum else ""
    return f"Fill it in: {field.description}{choice}"


def _allowed(field: Field, text: str, hints: Iterator[int]) -> str:
    near = get_close_matches(text, field.enum, 1) if next(hints, None) is not None else []
    return f"{f'Did you mean {near[0]}? ' if near else ''}Allowed: {listed(field.enum, 20)}."


def _interval(field: Field) -> str:
    if field.lowest is None:
        return f"at most {field.highest}"
    return f"{field.lowest} or more" if field.highest is None else f"{field.lowest} to {field.highest}"


def _check_primary_key(data: Data, table: Table) -> Iterator[Problem]:
    first: dict[str, int] = {}
    column = table.primary_key[-1]
    for row in data.rows(table.name):
        key = table.key_of(row)
        if key in first:
            message = f"Row {first[key]} has the same key ({' + '.join(table.primary_key)})."
            complaint = ("primary-key", message, "Remove one of the rows, or give this one its own key.")
            yield _report(data, row, column, complaint)
        first.setdefault(key, row.number)


def _check_foreign_key(data: Data, table: Table, key: ForeignKey) -> Iterator[Problem]:
    targets = {tuple(row[c] for c in key.target_fields) for row in data.rows(key.target)}
    for row in data.rows(table.name):
        value = tuple(row[c] for c in key.fields)
        if value not in targets and any(value):
            message = f"{_quoted(' + '.join(value))} is not in {data.file(key.target)}."
            remedy = f"Correct the spelling, or add it to {data.file(key.target)} first."
            yield _report(data, row, key.fields[-1], ("foreign-key", message, remedy))
