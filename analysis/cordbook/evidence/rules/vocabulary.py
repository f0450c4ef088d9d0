"""Rules on names of codes: every name is of a code that exists, every code of a closed list that is named has a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cordbook.evidence.patients import KEYS
from cordbook.evidence.rules.base import Data, Rule, Violation, decimal, listed
from cordbook.evidence.vocabulary import DIMENSIONS, LABELS, SCORES, SEVERAL, STRATUM, fields_of


@dataclass(frozen=True, slots=True)
class Source:
    """Where the codes of a dimension stand: the codes of its closed list, or those in the data; ``pattern`` for values of strata."""

    closed: frozenset[str] = frozenset()
    used: frozenset[str] | None = None
    pattern: str | None = None


def source_of(data: Data, text: str) -> Source | None:
    """What a source of dimensions.csv names; None where there is no such thing."""
    if text.startswith(STRATUM):
        row = data.by_key(KEYS).get(text.removeprefix(STRATUM))
        return None if row is None else Source(pattern=row["pattern"])
    column = text.rpartition(".")[2]
    fields = fields_of(data.package, text)
    if column.endswith("_*"):
        return Source(closed=frozenset(f.name.removeprefix(column[:-1]) for _, f in fields)) if fields else None
    if not fields:
        return None
    if all(f.enum for _, f in fields):
        return Source(closed=frozenset(value for _, f in fields for value in f.enum))
    return Source(used=frozenset(row[column] for name, _ in fields for row in data.rows(name)))


def sources_exist(data: Data) -> Iterator[Violation]:
    for row in data.rows(DIMENSIONS):
        unknown = [text for text in row["source"].split(";") if source_of(data, text) is None]
        if unknown:
            message = f"There is no {listed(unknown)}; nothing has a code from there."
            remedy = "Name a column of datapackage.json, TABLE.column, stratum.KEY of stratum_keys.csv, or PREFIX_* of columns."
            yield row.violation("source", message, remedy=remedy)


def _sources(data: Data) -> dict[str, list[Source]]:
    """The sources of each dimension; none where one of them is not found, so that nobody can say which codes it had."""
    found = {row["dimension"]: [source_of(data, text) for text in row["source"].split(";")] for row in data.rows(DIMENSIONS)}
    return {name: [source for source in sources if source] if all(sources) else [] for name, sources in found.items()}


def labels_have_codes(data: Data) -> Iterator[Violation]:
    sources = _sources(data)
    for row in data.rows(LABELS):
        places = sources.get(row["kind"], [])
        if places and not any(_may_hold(place, row["code"]) for place in places):
            message = f"{row['kind']} has no code {row['code']!r}."
            remedy = "Correct the code as the schema or stratum_keys.csv has it, or remove the row."
            yield row.violation("code", message, remedy=remedy)


def _may_hold(source: Source, code: str) -> bool:
    if source.pattern is not None:
        return matches(source.pattern, code)
    return source.used is not None or code in source.closed or code == SEVERAL


def matches(pattern: str, code: str) -> bool:
    """Is a code a value of a pattern? A pattern that is no regular expression is told by the rule stratum-patterns."""
    try:
        return re.fullmatch(pattern, code) is not None
    except re.error:
        return True


def labels_are_used(data: Data) -> Iterator[Violation]:
    sources = _sources(data)
    for row in data.rows(LABELS):
        open_lists = [source.used for source in sources.get(row["kind"], ()) if source.used is not None]
        if open_lists and not any(row["code"] in used for used in open_lists):
            message = f"No row of the data holds the {row['kind']} {row['code']!r}."
            yield row.violation("code", message, remedy="Correct the code, or remove the row.")


def named_lists_are_complete(data: Data) -> Iterator[Violation]:
    named = data.grouped(LABELS, "kind")
    sources = _sources(data)
    for row in data.rows(DIMENSIONS):
        rows = named.get((row["dimension"],), [])
        codes = {code for source in sources[row["dimension"]] for code in source.closed}
        missing = sorted(codes - {label["code"] for label in rows})
        if rows and missing:
            message = f"labels.csv names some codes of {row['dimension']}, but not {listed(missing)}."
            yield row.violation("dimension", message, remedy="Add a row of labels.csv for each of them.")


def phrases_hold_the_value(data: Data) -> Iterator[Violation]:
    for row in data.rows(KEYS):
        times = row["phrase"].count("{}")
        if times > 1:
            message = f"The phrase holds the value {times} times."
            yield row.violation("phrase", message, remedy="Write {} once, where the value belongs.")


#: Measures of continuous.csv that are in the unit of the score.
IN_UNITS = ("mean", "mean_change", "MD")


def scores_are_known(data: Data) -> Iterator[Violation]:
    known = data.by_key(SCORES)
    for row in data.rows("continuous"):
        if row["measure"] in IN_UNITS and row["outcome"] not in known:
            message = f"{row['outcome']} has no row in vocabulary/scores.csv, so its unit and range are not known."
            yield row.violation("outcome", message, remedy="Add the score to vocabulary/scores.csv, or correct the code.")


def scores_are_in_range(data: Data) -> Iterator[Violation]:
    known = data.by_key(SCORES)
    for row in data.rows("continuous"):
        score, value = known.get(row["outcome"]), decimal(row["value"])
        if score is None or value is None or row["measure"] not in IN_UNITS:
            continue
        low, high = decimal(score["lowest"]), decimal(score["highest"])
        if row["measure"] != "mean":  # a change or a difference is no larger than the whole range
            width = high - low if low is not None and high is not None else None
            low, high = (None, None) if width is None else (-width, width)
        if (low is not None and value < low) or (high is not None and value > high):
            ends = " to ".join("any" if end is None else f"{end:g}" for end in (low, high))
            message = f"{value:g} is outside what a {row['measure']} of {row['outcome']} can be ({ends})."
            yield row.violation("value", message, remedy="Look again; correct the value, the score or its range in scores.csv.")


def score_ranges_are_ordered(data: Data) -> Iterator[Violation]:
    for row in data.rows(SCORES):
        low, high = decimal(row["lowest"]), decimal(row["highest"])
        if low is not None and high is not None and low >= high:
            yield row.violation("highest", f"The highest value {high:g} is not above the lowest {low:g}.", remedy="Correct one.")


VOCABULARY_RULES = (
    Rule(
        "dimension-source",
        DIMENSIONS,
        "A dimension takes its codes from columns or keys of strata that exist.",
        sources_exist,
        "warning",
    ),
    Rule("label-code", LABELS, "A label names a code of its closed list, or one that fits its pattern.", labels_have_codes),
    Rule("label-used", LABELS, "A label of an open list names a code that the data holds.", labels_are_used, "warning"),
    Rule(
        "labels-complete",
        DIMENSIONS,
        "A closed list of which one code is named has a name for every code.",
        named_lists_are_complete,
    ),
    Rule("stratum-phrase", KEYS, "The phrase of a stratum key holds the value once at the most.", phrases_hold_the_value),
    Rule("score-known", "continuous", "A mean, change or difference is of a score with a unit and a range.", scores_are_known),
    Rule(
        "score-range", "continuous", "A mean lies in the range of its score; changes and differences fit it.", scores_are_in_range
    ),
    Rule("score-ends", SCORES, "The range of a score ends above where it begins.", score_ranges_are_ordered),
)
