"""Answers that a reader is spared to type: offered, never taken unasked.

Numbers of patients are not among them. Those examined are often fewer than those treated, and an offer that two readers take
unseen would look like agreement.
"""

from __future__ import annotations

from collections.abc import Mapping

from cordbook.intake.extraction.codebook import Codebook, open_questions, problems
from cordbook.intake.extraction.readings import ARM, OUTCOME, STUDY, Answer, Place, Reading

#: What a count mostly shares with the one before it; a definition only with one of the same outcome.
COMMON = (
    "definition",
    "source_kind",
    "source_url",
    "locator",
    "confidence",
    "poolable",
    "not_poolable_reason",
    "note",
)
#: What the usual names of arms say of their role.
_ROLES: Mapping[str, str] = {"treated": "treated", "control": "comparator", "placebo": "comparator", "sham": "comparator"}


def offered(reading: Reading, place: Place, codebook: Codebook) -> str:
    """What is likely the answer, as it would be typed; blank where nothing is."""
    known = reading.answers.get(place)
    if known is not None:
        return known.value or f". {known.reason}"
    table, row, name = place
    if table == STUDY:
        return codebook.implied_by_topic(reading.value(STUDY, row, "topic")).get(name, "")
    if (table, name) == (ARM, "role"):
        return _ROLES.get(row) or codebook.role_of_arms_called(row)
    if table == OUTCOME and name in COMMON:
        before = _before(reading, row, name)
        answer = reading.answers.get((OUTCOME, before, name))
        if answer is not None:
            return answer.value or f". {answer.reason}"
        return "yes" if name == "poolable" else ""
    return ""


def last_months(reading: Reading) -> str:
    """The time of the last count that was opened; blank where it has none."""
    counts = reading.rows(OUTCOME)
    return reading.value(OUTCOME, counts[-1], "timepoint_months") if counts else ""


def as_before(reading: Reading, place: Place, codebook: Codebook) -> tuple[str, dict[Place, Answer]]:
    """The rest of a count as it was for the one before: the name of that one, and answers to all that is open.

    ``place`` is the next question. Blank and nothing where that is none of :data:`COMMON`, or where no count before it can say.
    """
    table, row, name = place
    before = _before(reading, row, name) if table == OUTCOME and name in COMMON else ""
    if not before:
        return "", {}
    answers: dict[Place, Answer] = {}
    now = reading
    # An answer may open a question (why not pooled), so the next one is looked for after each.
    while question := next((q for q in open_questions(now, codebook) if q.place[:2] == (OUTCOME, row)), None):
        known = reading.answers.get((OUTCOME, before, question.place[2]))
        if known is None or question.place[2] not in COMMON or problems(now, question, known, codebook)[0]:
            return "", {}
        answers[question.place] = known
        now = now.with_answers({question.place: known})
    return before, answers


def _before(reading: Reading, row: str, name: str) -> str:
    """The last count before another one of which all is said that they may share; for a definition, of the same outcome."""
    counts = reading.rows(OUTCOME)
    for other in reversed(counts[: counts.index(row)] if row in counts else []):
        answered = all((OUTCOME, other, c) in reading.answers for c in COMMON if c != "not_poolable_reason")
        alike = name != "definition" or reading.value(OUTCOME, other, "outcome") == reading.value(OUTCOME, row, "outcome")
        if answered and alike:
            return other
    return ""
