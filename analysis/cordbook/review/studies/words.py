"""What a study gave, read and counted, in the words of a table."""

from __future__ import annotations

from collections.abc import Iterable

from cordbook.core.text import enumerate_words
from cordbook.evidence.subject_tables import GIVEN
from cordbook.review.studies.records import Arm, OutcomeCount, Reading, StudyRecord


def products(r: StudyRecord, arms: Iterable[Arm]) -> dict[str, str]:
    """What arms were given by the first of the facts on it: codes with their names, in the order of the arms."""
    facts = r.subject.facts(GIVEN)[:1]
    return {code: r.vocabulary.label(fact.fact, code) for fact in facts for a in arms if (code := a.value(fact))}


def treatment_short(r: StudyRecord) -> str:
    """What was given, for a table."""
    given = dict.fromkeys(products(r, r.whole_arms("treated")).values())
    return enumerate_words(list(given)) if given else r.vocabulary.label("intervention_class", r.intervention)


def reading(r: Reading | None) -> str:
    """A reading: counts, or that no number was found."""
    if r is None:
        return "–"
    return f"{r.events:,} of {r.n:,}" if r.seen and r.events is not None and r.n is not None else "not found"


def events_of_n(count: OutcomeCount) -> str:
    return f"{count.events:,} of {count.n:,}"
