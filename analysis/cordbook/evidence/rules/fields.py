"""Rules of the schema: types, constraints, keys, and the cleanliness of text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache

from cordbook.core.clock import today
from cordbook.evidence.problems import Problem
from cordbook.evidence.rules.base import Data, Row, listed
from cordbook.evidence.schema import Field, ForeignKey, Table

#: What each rule of the schema asks; the ids stand in reports and in waivers.csv.
SCHEMA_RULES: Mapping[str, str] = {
    "known-columns": "The header has the columns of the schema, each once, and no other.",
    "row-shape": "Every row has as many values as the header.",
    "no-blank-rows": "No row is blank.",
    "required": "A required value is given.",
    "type": "A value is of its column's type.",
    "allowed-values": "A value of a closed list is one of the list.",
    "pattern": "A value has the form that the schema gives.",
    "range": "A number lies within the limits of the schema.",
    "unique": "A value of a unique column appears once.",
    "primary-key": "The key of a row appears once.",
    "foreign-key": "What a row points to exists.",
    "not-in-the-future": "No date lies after today.",
    "clean-text": "Text has no control or invisible characters, no blanks at its ends and composed accents (NFC).",
    "no-formula": "Text does not begin with a sign that a spreadsheet takes for a formula (= + - @); a number may be negative.",
}
FORMULA_SIGNS = ("=", "+", "-", "@")
#: Invisible characters that turn up when text is pasted; joiners (Cf) never belong in these tables.
UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
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
    pattern = re.compile(field.pattern) if field.pattern else None
    hints = iter(range(MOST_HINTS))

    @cache
    def complain(text: str) -> tuple[Complaint, ...]:
        if text == "":
            return (("required", f"{field.name} is blank.", _fill(field)),) if field.required else ()
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
        low, high = field.minimum, field.highest
        if isinstance(value, int | float) and ((low is not None and value < low) or (high is not None and value > high)):
            found.append(("range", f"{text} is out of range.", f"Allowed: {_interval(field)}{_unit(field)}."))
        if field.type == "date" and text > (last := today().isoformat()):
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
    if text.isascii() and text.isprintable():
        unwanted = []
    else:
        unwanted = sorted({c for c in text if unicodedata.category(c) in UNWANTED})
    if unwanted:
        names = listed(f"U+{ord(c):04X} {unicodedata.name(c, 'control character')}" for c in unwanted)
        yield "clean-text", f"The text holds {names}.", "Remove it; a line break becomes a semicolon."
    if text != text.strip():
        yield "clean-text", "The text begins or ends with a blank.", "Remove the blank."
    if not unicodedata.is_normalized("NFC", text):
        yield (
            "clean-text",
            "The text has accents apart from their letters.",
            f"Write {unicodedata.normalize('NFC', text)!r}.",
        )
    if field.type == "string" and not field.enum and runs_as_formula(text):
        yield (
            "no-formula",
            f"The text begins with {text.lstrip()[0]}: a spreadsheet would run it as a formula.",
            "Put a word before the sign.",
        )


def runs_as_formula(text: str) -> bool:
    """Would a spreadsheet run a text? What takes in text from strangers asks the same, and puts an apostrophe before it.

    >>> runs_as_formula("=SUM(A1:A9)"), runs_as_formula("-0.5")
    (True, False)
    """
    return text.lstrip()[:1] in FORMULA_SIGNS and not re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)?", text.strip())


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
    if field.minimum is None:
        return f"at most {field.highest}"
    return f"{field.minimum} or more" if field.highest is None else f"{field.minimum} to {field.highest}"


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
