"""What a reader should look at in a table of counts before the result is believed: notes, since each of these can be right."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cordbook.cli.table import Table

TOTAL = re.compile(r"(?:grand |sub)?(?:total|sum|overall|pooled|summary|all(?: studies| trials)?)\W*", re.IGNORECASE)
#: A sum of two rows can be a third study's counts by chance; of so few rows it is not looked for.
FEWEST_FOR_A_SUM = 3
PER_CENT = 100
FEWEST_FOR_PER_CENT = 3
#: What to do with several rows of one study: of counts, of effects.
ADD_UP = "add up groups that share no patients, or keep one row"
MODEL_THEM = "name the column of studies with --cluster, or keep one row"


def table_notes(table: Table, labels: Sequence[str], counts: Sequence[NDArray[np.int64]]) -> tuple[str, ...]:
    """Notes on rows that may count people twice, or that hold percentages.

    Parameters
    ----------
    labels
        Names of the studies, one a row of the table.
    counts
        Columns of counts (events, n, and of two arms events, n again), each of shape (k,).
    """
    lines = [row.line for row in table.rows]
    rows = list(zip(*(column.tolist() for column in counts), strict=True))
    return (*_repeated(lines, labels, rows), *_totals(lines, labels, np.array(rows)), *_percentages(counts))


def repeated_studies(table: Table, labels: Sequence[str], values: Sequence[NDArray[np.float64]]) -> tuple[str, ...]:
    """Notes on studies that stand in more than one row of a table of effects or means.

    Parameters
    ----------
    labels
        Names of the studies, one a row of the table.
    values
        Columns of numbers, each of shape (k,).
    """
    lines = [row.line for row in table.rows]
    return tuple(_repeated(lines, labels, list(zip(*(column.tolist() for column in values), strict=True)), MODEL_THEM))


def _repeated(lines: Sequence[int], labels: Sequence[str], rows: Sequence[tuple[float, ...]], remedy: str = ADD_UP) -> list[str]:
    """Studies that stand in more than one row, with the same numbers or with others."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, label in enumerate(labels):
        places[" ".join(label.split()).casefold()].append(i)
    notes = []
    for at in places.values():
        if len(at) < 2:
            continue
        shown = f"{labels[at[0]]} stands in {len(at)} rows (lines {', '.join(str(lines[i]) for i in at)})"
        if len({rows[i] for i in at}) < len(at):
            notes.append(
                f"{shown}, with the same {'counts' if remedy == ADD_UP else 'numbers'} more than once: a study that is entered twice counts twice; keep one row."
            )
        else:
            notes.append(
                f"{shown}, and rows of one study are not independent: {remedy}, since the interval is too narrow otherwise."
            )
    return notes


def _totals(lines: Sequence[int], labels: Sequence[str], rows: NDArray[np.int64]) -> list[str]:
    """Rows that are named, or counted, as the sum of others."""
    notes = []
    for i, label in enumerate(labels):
        named = bool(TOTAL.fullmatch(label.strip()))
        summed = len(rows) >= FEWEST_FOR_A_SUM and bool((2 * rows[i] == rows.sum(axis=0)).all())
        if named or summed:
            why = "is the sum of all other rows" if summed else "has the name of a sum"
            notes.append(f"Line {lines[i]} ({label}) {why}: if it is one, every patient counts twice; leave it out.")
    return notes


def _percentages(counts: Sequence[NDArray[np.int64]]) -> list[str]:
    """Whether every group has 100 participants."""
    sizes = np.concatenate(list(counts[1::2]))
    if len(counts[1]) < FEWEST_FOR_PER_CENT or not (sizes == PER_CENT).all():
        return []
    return ["Every study has n = 100: if the events are percentages, give the counts of patients, or studies weigh wrongly."]
