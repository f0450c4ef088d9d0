"""Which cells a person should check first: those that weigh most in an estimate and are least sure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pandas as pd

from cordbook.core.tracking import by_value_of_estimates
from cordbook.errors import UnknownName
from cordbook.evidence.evidence import Evidence
from cordbook.review.appraisal.risk_of_bias import study_weights
from cordbook.review.estimates.estimates import Estimates

VERIFIED, TWICE, ONCE = "verified by a person", "read twice", "read once"
#: What adds to the urgency of a cell: low and medium confidence, and a single reading.
LOW, MEDIUM, SINGLE = 1.0, 0.5, 1.0


@dataclass(frozen=True, slots=True)
class CellToCheck:
    """A cell in the queue.

    ``weight`` is the largest share (0 to 1) that its study has in an estimate, ``estimate`` the id of that estimate (blank where
    the cell is in none), ``urgency`` the weight times 1, plus 1 for low or 0.5 for medium confidence, plus 1 for one reading.
    """

    cell_id: str
    study_id: str
    state: str
    confidence: str
    weight: float
    estimate: str
    urgency: float


def cell_state(agreement: str | None, *, verified: bool) -> str:
    """How far a cell has been looked at.

    >>> cell_state("second_not_seen", verified=False)
    'read once'
    """
    if verified:
        return VERIFIED
    return TWICE if agreement in ("agree", "disagree_settled", "disagree_open") else ONCE


def states_of(evidence: Evidence) -> pd.Series:
    """The state of every cell, by its id."""
    checked = set(evidence["verifications"]["cell_id"])
    agreement = evidence["reconciliations"].set_index("cell_id")["agreement"]
    return pd.Series(
        {c: cell_state(agreement.get(c), verified=c in checked) for c in evidence["outcomes"]["cell_id"]}, dtype=object
    )


@by_value_of_estimates
def count_states(estimates: Estimates) -> pd.DataFrame:
    """Cells by state: columns ``state, cells, pooled``, the last those that an estimate holds. All three states, also with none."""
    states = states_of(estimates.evidence)
    held = {cell for estimate in estimates for cell in estimate.cells}
    rows = [
        (state, int((states == state).sum()), sum(states[cell] == state for cell in held)) for state in (ONCE, TWICE, VERIFIED)
    ]
    return pd.DataFrame(rows, columns=["state", "cells", "pooled"])


def cells_to_check(estimates: Estimates, among: Collection[str] | None = None) -> list[CellToCheck]:
    """Every cell, most urgent first; cells that a person has checked come last.

    Only whole estimates count, not their subgroups: a study that stands alone in a subgroup would come before all others.
    With ``among``, ids of estimates, only these count, and a cell that none of them holds weighs nothing.
    """
    evidence = estimates.evidence
    largest = _largest_weights(estimates, among)
    states = states_of(evidence)
    found = []
    for row in evidence["outcomes"].itertuples():
        weight, estimate = largest.get(row.cell_id, (0.0, ""))
        state = states[row.cell_id]
        doubt = {"low": LOW, "medium": MEDIUM}.get(row.confidence, 0.0) + (SINGLE if state == ONCE else 0.0)
        found.append(CellToCheck(row.cell_id, row.study_id, state, row.confidence, weight, estimate, weight * (1 + doubt)))
    return sorted(found, key=lambda c: (c.state == VERIFIED, -c.urgency, not c.estimate, c.cell_id))


def _largest_weights(estimates: Estimates, among: Collection[str] | None) -> dict[str, tuple[float, str]]:
    largest: dict[str, tuple[float, str]] = {}
    for estimate in estimates if among is None else map(estimates.__getitem__, among):
        if not estimate.is_reported or estimate.synthesis.parent is not None:
            continue
        weights = study_weights(estimate) / 100
        for study, cells in estimate.cells_by_study.items():
            for cell in cells:
                if cell not in largest or weights[study] > largest[cell][0]:
                    largest[cell] = float(weights[study]), estimate.id
    return largest


def of_which(
    cells: Iterable[CellToCheck],
    estimates: Estimates,
    *,
    study: str | None = None,
    estimate: str | None = None,
    cell: str | None = None,
) -> list[CellToCheck]:
    """Those of a study, behind an estimate, or one; all where nothing is named. :class:`UnknownName` where there is no such thing."""
    cells = list(cells)
    if study is not None:
        if study not in set(estimates.evidence["studies"]["study_id"]):
            raise UnknownName(f"there is no study {study!r}")
        cells = [c for c in cells if c.study_id == study]
    if estimate is not None:
        behind = set(estimates[estimate].cells)
        cells = [c for c in cells if c.cell_id in behind]
    if cell is not None:
        cells = [c for c in cells if c.cell_id == cell]
        if not cells:
            raise UnknownName(f"there is no count {cell!r}")
    return cells
