"""Which counts a person should check first: those that weigh most in an estimate and are least sure."""

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
#: What adds to the urgency of a count: low and medium confidence, and a single reading.
LOW, MEDIUM, SINGLE = 1.0, 0.5, 1.0


@dataclass(frozen=True, slots=True)
class QueuedCount:
    """A count in the queue.

    ``weight`` is the largest share (0 to 1) that its study has in an estimate, ``estimate`` the id of that estimate (blank where
    the count is in none), ``urgency`` the weight times 1, plus 1 for low or 0.5 for medium confidence, plus 1 for one reading.
    """

    cell_id: str
    study_id: str
    state: str
    confidence: str
    weight: float
    estimate: str
    urgency: float


def count_state(agreement: str | None, *, verified: bool) -> str:
    """How far a count has been looked at.

    >>> count_state("second_not_seen", verified=False)
    'read once'
    """
    if verified:
        return VERIFIED
    return TWICE if agreement in ("agree", "disagree_settled", "disagree_open") else ONCE


def states_of(evidence: Evidence) -> pd.Series:
    """The state of every count, by its id."""
    checked = set(evidence["verifications"]["cell_id"])
    agreement = evidence["reconciliations"].set_index("cell_id")["agreement"]
    return pd.Series(
        {c: count_state(agreement.get(c), verified=c in checked) for c in evidence["outcomes"]["cell_id"]}, dtype=object
    )


@by_value_of_estimates
def count_states(estimates: Estimates) -> pd.DataFrame:
    """Counts by state: columns ``state, counts, pooled``, the last those that an estimate holds. All three states, also with none."""
    states = states_of(estimates.evidence)
    held = {count for estimate in estimates for count in estimate.count_ids}
    rows = [
        (state, int((states == state).sum()), sum(states[count] == state for count in held)) for state in (ONCE, TWICE, VERIFIED)
    ]
    return pd.DataFrame(rows, columns=["state", "counts", "pooled"])


def counts_to_check(estimates: Estimates, among: Collection[str] | None = None) -> list[QueuedCount]:
    """Every count, most urgent first; counts that a person has checked come last.

    Only whole estimates count, not their subgroups: a study that stands alone in a subgroup would come before all others.
    With ``among``, ids of estimates, only these count, and a count that none of them holds weighs nothing.
    """
    evidence = estimates.evidence
    largest = _largest_weights(estimates, among)
    states = states_of(evidence)
    found = []
    for row in evidence["outcomes"].itertuples():
        weight, estimate = largest.get(row.cell_id, (0.0, ""))
        state = states[row.cell_id]
        doubt = {"low": LOW, "medium": MEDIUM}.get(row.confidence, 0.0) + (SINGLE if state == ONCE else 0.0)
        found.append(QueuedCount(row.cell_id, row.study_id, state, row.confidence, weight, estimate, weight * (1 + doubt)))
    return sorted(found, key=lambda c: (c.state == VERIFIED, -c.urgency, not c.estimate, c.cell_id))


def _largest_weights(estimates: Estimates, among: Collection[str] | None) -> dict[str, tuple[float, str]]:
    largest: dict[str, tuple[float, str]] = {}
    for estimate in estimates if among is None else map(estimates.__getitem__, among):
        if not estimate.is_reported or estimate.synthesis.parent is not None:
            continue
        weights = study_weights(estimate) / 100
        for study, counts in estimate.counts_by_study.items():
            for count in counts:
                if count not in largest or weights[study] > largest[count][0]:
                    largest[count] = float(weights[study]), estimate.id
    return largest


def of_which(
    counts: Iterable[QueuedCount],
    estimates: Estimates,
    *,
    study: str | None = None,
    estimate: str | None = None,
    count: str | None = None,
) -> list[QueuedCount]:
    """Those of a study, behind an estimate, or one; all where nothing is named. :class:`UnknownName` where there is no such thing."""
    counts = list(counts)
    if study is not None:
        if study not in set(estimates.evidence["studies"]["study_id"]):
            raise UnknownName(f"there is no study {study!r}")
        counts = [c for c in counts if c.study_id == study]
    if estimate is not None:
        behind = set(estimates[estimate].count_ids)
        counts = [c for c in counts if c.cell_id in behind]
    if count is not None:
        counts = [c for c in counts if c.cell_id == count]
        if not counts:
            raise UnknownName(f"there is no count {count!r}")
    return counts
