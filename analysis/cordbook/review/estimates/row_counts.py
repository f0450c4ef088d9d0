"""Counts of rows: how many rows of a table of ``data/`` fit a question, in prose, in guards and in wordings.

The one owner of counting rows for the text of the book. A question names a table, then conditions, all of which must hold::

    searches                                         every row
    mechanisms/section=2.1/evidence_type=clinical    the whole value; yes and no for truth values
    registered_trials/linked_study_id=               blank
    studies/design!=rct/topic~therapy                not that value; a part of the text, in any case of letters
    arms/role=treated/n<30                           a number below (> above); a blank is neither
    outcomes.events/arm_id=lima2010.treated          the sum of a column over the rows that fit, blanks left out
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from operator import contains, eq, gt, lt, ne

from cordbook.core.tracking import by_value
from cordbook.errors import InputError, UnknownName
from cordbook.evidence.evidence import Evidence, as_written
from cordbook.evidence.review_state import data_date, format_value

_CONDITION = re.compile(r"(?P<column>\w+)\s*(?P<sign>!=|[=~<>])(?P<value>.*)", re.S)
_SIGNS: Mapping[str, Callable[[str, str], bool]] = {
    "=": eq,
    "!=": ne,
    "~": lambda text, part: contains(text.lower(), part.lower()),
    "<": lambda text, bound: lt(_number(text), float(bound)),
    ">": lambda text, bound: gt(_number(text), float(bound)),
}


class QuestionError(InputError):
    """A question to a table that cannot be read; the message says what can be asked."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to one table: conditions as column, sign and value, and the column that is added up, if any."""

    table: str
    conditions: tuple[tuple[str, str, str], ...]
    summed: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is asked for."""
        return (*(column for column, _, _ in self.conditions), *filter(None, [self.summed]))

    def count(self, columns: Collection[str], rows: Iterable[Mapping[str, str]]) -> float:
        """How many rows, given as texts, fit all conditions, or the sum of their column; a column that a row lacks is blank in it.

        Raises ``KeyError`` where ``columns`` lacks one that is asked for.
        """
        for column in self.columns:
            if column not in columns:
                raise UnknownName(f"table {self.table} has no column {column!r}; there are {', '.join(columns)}")
        fit = (row for row in rows if all(_SIGNS[sign](row.get(column, ""), value) for column, sign, value in self.conditions))
        if not self.summed:
            return sum(1 for _ in fit)
        numbers = (_number(row.get(self.summed, "")) for row in fit)
        return sum(number for number in numbers if not math.isnan(number))


def read_question(text: str) -> Question:
    """A question from its text; raises :class:`QuestionError` for a condition that cannot be read.

    >>> read_question("mechanisms/section=2.1/claim~rat").conditions
    (('section', '=', '2.1'), ('claim', '~', 'rat'))
    >>> read_question("outcomes.events/study_id=lima2010").summed
    'events'
    """
    name, *conditions = (part.strip() for part in text.split("/"))
    table, _, summed = name.partition(".")
    return Question(table, tuple(_condition(text, condition) for condition in conditions), summed)


def _condition(question: str, text: str) -> tuple[str, str, str]:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise QuestionError(
            f"{text!r} in {question!r} is not a condition; write COLUMN=VALUE, COLUMN!=VALUE, COLUMN~PART, COLUMN<NUMBER or COLUMN>NUMBER"
        )
    if match["sign"] in "<>" and math.isnan(_number(match["value"])):
        raise QuestionError(f"{match['value']!r} in {question!r} is not a number; < and > compare with a number")
    return match["column"], match["sign"], match["value"].strip()


@by_value
def count_rows(evidence: Evidence, question: str) -> float:
    """Rows of a table that fit all conditions of a question, or the sum of a column of them. Who asks is stale when the number changes, not when any row does.

    Raises ``KeyError`` for an unknown table or column, :class:`QuestionError` for a condition that cannot be read.
    """
    asked = read_question(question)
    table = evidence[asked.table]
    texts = {c: [as_written(value) for value in table[c]] for c in asked.columns if c in table.columns}
    return asked.count(list(table.columns), ({c: held[i] for c, held in texts.items()} for i in range(len(table))))


@by_value
def newest(evidence: Evidence, place: str) -> str:
    """The newest date in ``TABLE/COLUMN``, as it stands there; empty where no row has one.

    Raises ``KeyError`` for an unknown table or column, :class:`QuestionError` where the place is written otherwise.
    """
    name, _, column = place.partition("/")
    if not column:
        raise QuestionError(f"{place!r} does not name a column; write TABLE/COLUMN")
    table = evidence[name]
    if column not in table.columns:
        raise UnknownName(f"table {name} has no column {column!r}; there are {', '.join(table.columns)}")
    return max(map(as_written, table[column]), default="")


@by_value
def date_of_data(evidence: Evidence) -> str:
    """The date of the data in words (:func:`~cordbook.evidence.review_state.data_date`), for chapters."""
    return format_value(data_date(evidence.folder))


def _number(text: str) -> float:
    """A number from its text; a blank, or a text that is none, compares as false."""
    try:
        return float(text)
    except ValueError:
        return math.nan
