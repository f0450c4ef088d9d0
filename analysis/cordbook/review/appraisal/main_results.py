"""Names the counts that a person should check first for the main results, and says how much of each they carry."""

from __future__ import annotations

from dataclasses import dataclass

from cordbook.evidence.review_state import StatusError, load_status
from cordbook.review.appraisal.risk_of_bias import study_weights
from cordbook.review.appraisal.verification_queue import VERIFIED, QueuedCount, counts_to_check
from cordbook.review.estimates.estimates import Estimate, Estimates

#: So many counts are a day's work for one person.
FIRST = 20


@dataclass(frozen=True, slots=True)
class Carried:
    """A main result: its counts, how many of the first ones it holds, and the share (0 to 1) of its weight that they carry.

    ``share`` is that of studies whose counts are all among the first ones or checked already; None where no study is in the result.
    """

    id: str
    title: str
    counts: int
    first: int
    share: float | None


@dataclass(frozen=True, slots=True)
class FirstToCheck:
    """The counts to check first, most urgent first, how many of the main results a person has checked, and what is carried."""

    counts: tuple[QueuedCount, ...]
    checked: int
    results: tuple[Carried, ...]


def main_results(estimates: Estimates) -> tuple[str, ...]:
    """Ids of the estimates that the review is read for, as ``review.yml`` declares; :class:`StatusError` for one that is not declared."""
    ids = load_status(estimates.evidence.folder).main_results
    unknown = [i for i in ids if i not in estimates.declarations.ids]
    if unknown:
        raise StatusError(
            f"{estimates.evidence.folder / 'review.yml'}: main_results names {', '.join(unknown)}, which data/syntheses.yml "
            "does not declare; write ids that stand there"
        )
    return ids


def counts_of_main_results(estimates: Estimates) -> list[QueuedCount]:
    """Every count behind a main result, most urgent first, with its weight in these results; those checked already come last."""
    return [c for c in counts_to_check(estimates, main_results(estimates)) if c.estimate]


def first_to_check(estimates: Estimates, most: int = FIRST) -> FirstToCheck:
    """The counts behind the main results that a person should check first: by the order of the queue, within these results."""
    behind = counts_of_main_results(estimates)
    waiting = [c for c in behind if c.state != VERIFIED]
    checked = {c.cell_id for c in behind if c.state == VERIFIED}
    first = tuple(waiting[:most])
    named = {c.cell_id for c in first}
    return FirstToCheck(first, len(checked), tuple(_carried(estimates[i], named, checked) for i in main_results(estimates)))


def _carried(estimate: Estimate, first: set[str], checked: set[str]) -> Carried:
    counts, share = set(estimate.count_ids), None
    if estimate.is_reported:
        weights = study_weights(estimate)
        whole = [study for study, held in estimate.counts_by_study.items() if (first | checked).issuperset(held)]
        share = float(weights[whole].sum() / weights.sum())
    return Carried(estimate.id, estimate.title, len(counts), len(counts & first), share)
