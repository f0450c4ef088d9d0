"""What a study gave, read and counted, in the words of a table."""

from __future__ import annotations

from collections.abc import Sequence

from cordbook.evidence import study_words as words
from cordbook.review.studies.records import Arm, OutcomeCell, Reading


def treatment_short(arms: Sequence[Arm], intervention: str) -> str:
    """What was given, for a table."""
    given = dict.fromkeys(
        words.CELLS[a.cell_type][1] if a.cell_type in words.CELLS else words.plain(a.cell_type) for a in arms if a.cell_type
    )
    if given:
        return words.enumerate_words(list(given))
    given_text = words.TREATMENTS.get(intervention, words.plain(intervention))
    return given_text[:1].upper() + given_text[1:]


def reading(r: Reading | None) -> str:
    """A reading: counts, or that no number was found."""
    if r is None:
        return "–"
    return f"{r.events:,} of {r.n:,}" if r.seen and r.events is not None and r.n is not None else "not found"


def counts(cell: OutcomeCell) -> str:
    return f"{cell.events:,} of {cell.n:,}"
