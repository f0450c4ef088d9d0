"""Rules on what is declared of the subject: topics, facts, phrases, wordings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter

from cordbook.evidence.rules.base import Data, Rule, Violation, listed
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
        except (re.error, IndexError) as error:
            message = f"The pattern and its text are not a regular expression with what stands for it ({error})."
            yield row.violation("pattern", message, remedy="Correct it; a full stop that is meant as such is written \\.")


SUBJECT_RULES = (
    Rule("fact-columns", FACTS, "The columns of a fact are in the tables.", columns_of_facts_exist, "warning"),
    Rule("topic-implies", TOPICS, "What a topic implies is allowed in studies.csv.", topics_imply_what_is_allowed),
    Rule("phrase-form", PHRASES, "What stands in braces in a phrase is known.", phrases_can_be_filled),
    Rule("wording-form", WORDINGS, "A wording is a regular expression with what stands for it.", wordings_are_expressions),
)
