"""Rules on saved searches: their syntax in the source that they are written for, and what they are meant to find."""

from __future__ import annotations

from collections.abc import Iterator

from cordbook.core.text import capital
from cordbook.evidence.queries.dialects import ANY, dialect_of
from cordbook.evidence.queries.parse import parse, shown_at
from cordbook.evidence.rules.base import Data, Rule, Violation, listed
from cordbook.evidence.subject_tables import TOPICS

STRATEGIES = "search_strategies"


def searches_can_be_read(data: Data) -> Iterator[Violation]:
    for row in data.rows(STRATEGIES):
        for problem in parse(row["query"], dialect_of(row["source"]) or ANY).problems if row["query"] else ():
            place = f"{shown_at(row['query'], problem.at)}: {problem.message}"
            yield row.violation("query", capital(place), remedy=problem.remedy)


def searches_name_topics(data: Data) -> Iterator[Violation]:
    known = {row["topic"] for row in data.rows(TOPICS)}
    for row in data.rows(STRATEGIES):
        unknown = [t for t in filter(None, map(str.strip, row["looks_for"].split(";"))) if t not in known]
        if unknown:
            message = f"{listed(unknown)} is not a topic of this review."
            yield row.violation(
                "looks_for",
                message,
                remedy=f"Write topics of data/vocabulary/topics.csv, joined by ;: {listed(sorted(known), 20)}.",
            )


def topics_have_a_search(data: Data) -> Iterator[Violation]:
    rows = data.rows(STRATEGIES)
    if not rows or any(not row["looks_for"] for row in rows):
        return
    looked_for = {t.strip() for row in rows for t in row["looks_for"].split(";")}
    studied = {row["topic"] for row in data.rows("studies")}
    for row in data.rows(TOPICS):
        if row["topic"] in studied - looked_for:
            message = f"No saved search is meant to find studies of {row['topic']}."
            yield row.violation(
                "topic",
                message,
                remedy="Name the topic in the column looks_for of search_strategies.csv, once a search asks for it.",
            )


STRATEGY_RULES = (
    Rule("search-syntax", STRATEGIES, "A saved search can be read by its source: parentheses, quotation marks, operators, fields.", searches_can_be_read),
    Rule("search-topics", STRATEGIES, "A saved search names topics of the review.", searches_name_topics),
    Rule("topic-searched", TOPICS, "A saved search looks for each topic that has studies.", topics_have_a_search, "warning"),
)  # fmt: skip
