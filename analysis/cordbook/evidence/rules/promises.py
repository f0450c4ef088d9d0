"""Rules that keep what the schema promises beyond single values: what a code says of its row, numbers in printed text, blanks for what is not known.

Nothing here names a table: units, measures, codes and composed keys are read from ``datapackage.json``, so that a new column of a kind is under
the rule of its kind at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from cordbook.evidence.rules.base import Data, Row, Rule, Violation, decimal, listed
from cordbook.evidence.schema import Field, Implied, Table

#: The rule that compares each composed key with its parts.
COMPOSED: Mapping[str, str] = {"arms.arm_id": "arm-id", "outcomes.cell_id": "count-id", "references.reference_id": "key-year"}
#: What people write where they should write nothing. "None" may be an answer, and X the tenth volume.
_NOT_KNOWN = re.compile(
    r"(?i)n\.?\s?[/.]\s?a\.?|nan|null|nil|#n/?a|unknown|not (?:reported|seen|stated|known|available|given|applicable)|t\.?b\.?[ad]\.?|todo|(?:[?.–—-]|(?-i:x))+"
)
#: Numbers in printed text, with what stands before one that is negative. A range ("1-5") has no negative number.
_NUMBER = re.compile(r"(?<![0-9A-Za-z.)-])(?P<sign>[-−–]\s?|minus )?(?P<number>[0-9]+(?:\.[0-9]+)?)")
_NUMBER_WORDS = re.compile(
    r"(?i)\b(minus|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred)\b"
)


def _implied(data: Data, *, usually: bool) -> Iterator[tuple[Table, Field, dict[str, list[Implied]]]]:
    for table in data.package.tables:
        for field in table.fields:
            codes: dict[str, list[Implied]] = {}
            for implied in field.implies:
                if implied.usually == usually and implied.column in table.columns:
                    codes.setdefault(implied.code, []).append(implied)
            if codes:
                yield table, field, codes


def codes_hold_what_they_say(data: Data) -> Iterator[Violation]:
    yield from _broken_codes(data, usually=False)


def codes_mostly_hold_what_they_say(data: Data) -> Iterator[Violation]:
    yield from _broken_codes(data, usually=True)


def _broken_codes(data: Data, *, usually: bool) -> Iterator[Violation]:
    for table, field, codes in _implied(data, usually=usually):
        for row in data.rows(table.name):
            for implied in codes.get(row[field.name], ()):
                if message := _broken_code(field, implied, row):
                    remedy = f"Correct {implied.column} or {field.name}. {table.field(implied.column).description}"
                    yield row.violation(implied.column, message, remedy=remedy)


def _broken_code(field: Field, implied: Implied, row: Row) -> str | None:
    text = row[implied.column]
    if text == "":
        return None
    beginning = f"{field.name} is {implied.code}, and {implied.column} is {text}"
    if implied.enum:
        return None if text in implied.enum else f"{beginning}; it is {listed(implied.enum)} then."
    value = decimal(text)
    if value is None:  # told by the rule on types
        return None
    if implied.minimum is not None and value < implied.minimum:
        return f"{beginning}; it is {implied.minimum:g} or more then."
    if implied.highest is not None and value > implied.highest:
        return f"{beginning}; it is {implied.highest:g} at most then."
    return None


def printed_numbers_can_be(data: Data) -> Iterator[Violation]:
    for table in data.package.tables:
        for field in table.fields:
            if field.type == "string" and field.limits is not None:
                for row in data.rows(table.name):
                    if message := _broken_print(row[field.name], field):
                        remedy = f"Write what the source prints, in digits and in {field.limits.name}; words go into the note."
                        yield row.violation(field.name, message, remedy=remedy)


def _broken_print(text: str, field: Field) -> str | None:
    """What is wrong with the first number of a printed text: numbers behind it may count something else, as fractions."""
    limits = field.limits
    first = _NUMBER.search(text)
    word = _NUMBER_WORDS.search(text)
    if word and (first is None or word.start() <= first.start()):
        return f"{word[0]!r} is a number in words."
    if limits is None or first is None:
        return None
    value = float(first["number"]) * (-1 if first["sign"] else 1)
    if not limits.minimum <= value <= limits.maximum:
        return f"{first[0]} is out of range: {limits.name} runs from {limits.minimum:g} to {limits.maximum:g}."
    return None


def stands_for_nothing(text: str) -> bool:
    """Is it what people write where nothing is known? It may not stand in a table, so what takes records in asks this too.

    >>> [stands_for_nothing(text) for text in ("n.a.", "xx", "-", "not reported", "X", "")]
    [True, True, True, True, False, False]
    """
    return bool(_NOT_KNOWN.fullmatch(text))


def blank_is_what_is_not_known(data: Data) -> Iterator[Violation]:
    for table in data.package.tables:
        free = [field for field in table.fields if field.type == "string" and not field.enum and not field.pattern]
        for row in data.rows(table.name):
            for field in free:
                if stands_for_nothing(row[field.name]):
                    message = f"{row[field.name]!r} stands where nothing is known; it would be shown and counted as a value."
                    remedy = "Leave it blank." if not field.required else f"Write what is known. {field.description}"
                    yield row.violation(field.name, message, remedy=remedy)


PROMISE_RULES = (
    Rule(
        "code-implies",
        "studies",
        "What a code says of another column holds there (implies in datapackage.json): a proportion is 0 to 1, a ratio is not negative.",
        codes_hold_what_they_say,
    ),
    Rule(
        "code-usually",
        "outcome_terms",
        "What a code mostly says of another column holds there, or somebody has looked.",
        codes_mostly_hold_what_they_say,
        "warning",
    ),
    Rule(
        "printed-number",
        "dose_response",
        "Where a column with a unit holds what a source prints, its number is in digits and within the limits of the unit.",
        printed_numbers_can_be,
    ),
    Rule("blank-unknown", "references", "What is not known is blank, and no word stands for it.", blank_is_what_is_not_known),
)
