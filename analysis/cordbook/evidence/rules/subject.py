"""Rules on what is declared of the subject: topics, facts, phrases, wordings, values of strata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from string import Formatter

from cordbook.core.trust.patterns import matches
from cordbook.evidence.patients import KEYS, VALUES, positions, stratum_pairs
from cordbook.evidence.rules.base import Data, Row, Rule, Violation, listed
from cordbook.evidence.subject_tables import FACTS, PHRASES, TABLE_OF, TOPICS, fact_of, topic_of

#: What may stand in braces: in the phrase of a fact, and in a text by its place.
_IN_FACTS = frozenset({"n", "s", "people", "code", "label", "were"})
_IN_TEXTS = {"treated": frozenset({"was", "given", "groups"})}
WORDINGS = "wordings"


def columns_of_facts_exist(data: Data) -> Iterator[Violation]:
    for row in data.rows(FACTS):
        fact = fact_of(row)
        table = TABLE_OF.get(fact.place, "studies")
        missing = [column for column in fact.all_columns if column not in data.columns(table)]
        if missing and data.has(table):
            message = f"{data.file(table)} has no column {listed(missing)}; what it tells is not stated."
            yield row.violation("columns", message, remedy="Correct the name, add the column, or remove the row.")


def topics_imply_what_is_allowed(data: Data) -> Iterator[Violation]:
    for row in data.rows(TOPICS):
        for column, value in topic_of(row).implies.items():
            allowed = data.field("studies", column)
            if allowed is None or (allowed.enum and value not in allowed.enum):
                message = f"{value} is not a valid value of {column} in {data.file('studies')}."
                remedy = f"Allowed: {listed(allowed.enum, 20)}." if allowed else "Leave it blank."
                yield row.violation(column, message, remedy=remedy)


def phrases_can_be_filled(data: Data) -> Iterator[Violation]:
    for table, column in ((FACTS, "phrase"), (PHRASES, "text")):
        for row in data.rows(table):
            known = _IN_FACTS if table == FACTS else _IN_TEXTS.get(row["place"], frozenset())
            if message := _unfillable(row[column], known):
                remedy = f"Known here: {listed(f'{{{name}}}' for name in sorted(known)) or 'none'}."
                yield row.violation(column, message, remedy=remedy)


def _unfillable(text: str, known: frozenset[str]) -> str:
    """Why a text cannot be filled in; empty where it can.

    >>> _unfillable("{n} of {people}", frozenset({"n", "people"})), _unfillable("{x}", frozenset())
    ('', '{x} stands for nothing.')
    """
    try:
        named = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as error:
        return f"The braces cannot be read ({error})."
    unknown = [name for name in named if name not in known]
    return f"{listed(f'{{{name}}}' for name in unknown)} stands for nothing." if unknown else ""


def wordings_are_expressions(data: Data) -> Iterator[Violation]:
    for row in data.rows(WORDINGS):
        try:
            # The empty alternative matches, so that the text is looked at too.
            re.compile(f"(?:{row['pattern']})|").sub(row["text"], "")
        except (re.error, IndexError, OverflowError, RecursionError) as error:
            message = f"The pattern and its text are not a regular expression with what stands for it ({error})."
            yield row.violation("pattern", message, remedy="Correct it; a full stop that is meant as such is written \\.")


def keys_part_patients_soundly(data: Data) -> Iterator[Violation]:
    for row in data.rows(KEYS):
        places = positions(row["scale"])
        if twice := sorted({name for name in places if not name or places.count(name) > 1}):
            message = f"The scale names {listed(name or 'a blank position' for name in twice)} twice or not at all."
            yield row.violation("scale", message, remedy="Name each position once, from first to last: C1-C8;T1-T12.")
        if row["between_studies"] == "yes" and row["disjoint"] != "yes":
            message = "Values that part the patients of two studies part those of one arm too."
            yield row.violation("between_studies", message, remedy="Set disjoint to yes, or between_studies to no.")


def values_mean_what_can_be_compared(data: Data) -> Iterator[Violation]:
    keys = data.by_key(KEYS)
    for row in data.rows(VALUES):
        own = keys.get(row["key"])
        if own is None:  # the schema's foreign key tells
            continue
        for column, message in _wrong_in_value(row, own, keys):
            remedy = f"Values of the key must match {own['pattern']} ({data.file(KEYS)}); a star stands for any text."
            yield row.violation(column, message, remedy=remedy)


def _wrong_in_value(row: Row, own: Row, keys: Mapping[str, Row]) -> Iterator[tuple[str, str]]:
    """Columns of a row of stratum_values, each with what is wrong there."""
    stars = row["value"].count("*")
    if stars > 1 or (not stars and not matches(own["pattern"], row["value"])):
        yield "value", f"{row['value']!r} is not a value of {row['key']}, and no form with one star."
    if "*" in row["stands_for"] and not stars:
        yield "stands_for", "The star stands for nothing, as the value has none."
    if not any(row[column] for column in ("stands_for", "may_share", "implies")):
        yield "stands_for", "The row says nothing of the value."
    unknown = [value for value in row["may_share"].split(";") if row["may_share"] and not matches(own["pattern"], value)]
    if unknown:
        yield "may_share", f"{row['key']} has no value {listed(unknown)}."
    for key, value in stratum_pairs(row["implies"]):
        if key == row["key"] or key not in keys or not matches(keys[key]["pattern"], value):
            yield "implies", f"{key}={value} is not a stratum of another key."


SUBJECT_RULES = (
    Rule("fact-columns", FACTS, "The columns of a fact are in the tables.", columns_of_facts_exist, "warning"),
    Rule("topic-implies", TOPICS, "What a topic implies is allowed in studies.csv.", topics_imply_what_is_allowed),
    Rule("phrase-form", PHRASES, "What stands in braces in a phrase is known.", phrases_can_be_filled),
    Rule(
        "stratum-keys",
        KEYS,
        "A scale names each position once; a key that parts patients of two studies parts those of an arm.",
        keys_part_patients_soundly,
    ),
    Rule(
        "stratum-values",
        VALUES,
        "What a value of a stratum stands for, may share and implies are values that exist.",
        values_mean_what_can_be_compared,
    ),
    Rule("wording-form", WORDINGS, "A wording is a regular expression with what stands for it.", wordings_are_expressions),
)
