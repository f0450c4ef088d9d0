"""What a study gave, read and counted, in the words of a table."""

from __future__ import annotations

from collections.abc import Sequence

from cordbook.core.text import enumerate_words
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.studies.records import Arm, OutcomeCell, Reading


def treatment_short(arms: Sequence[Arm], intervention: str, words: Vocabulary) -> str:
    """What was given, for a table."""
    given = dict.fromkeys(words.label("cell_type", a.cell_type) for a in arms if a.cell_type)
    return enumerate_words(list(given)) if given else words.label("intervention_class", intervention)


def reading(r: Reading | None) -> str:
    """A reading: counts, or that no number was found."""
    if r is None:
        return "–"
    return f"{r.events:,} of {r.n:,}" if r.seen and r.events is not None and r.n is not None else "not found"


def counts(cell: OutcomeCell) -> str:
    return f"{cell.events:,} of {cell.n:,}"
