"""Retracted reports in estimates: which estimates still count one, and what they would be without it.

A report leaves an estimate only by a recorded decision (its cells are marked not pooled, with the reason ``retracted``). Until then
it is named wherever the estimate is shown, with the result that it would have without it.
"""

from __future__ import annotations

from cordbook.evidence.evidence import RETRACTED
from cordbook.review.estimates.estimates import Estimate, estimate_of


def retracted_labels(estimate: Estimate) -> tuple[str, ...]:
    """Labels of the retracted reports that an estimate counts, each once."""
    labels = dict.fromkeys(estimate.rows["label"]) if estimate.k else {}
    return tuple(label for label in labels if label.endswith(RETRACTED))


def without_retracted(estimate: Estimate) -> Estimate | None:
    """The estimate pooled again without its retracted reports; None where it counts none.

    Its ``result`` is None where too few studies are left to pool.
    """
    if not retracted_labels(estimate):
        return None
    rows = estimate.rows[~estimate.rows["label"].str.endswith(RETRACTED)].reset_index(drop=True)
    return estimate_of(estimate.id, estimate.title, estimate.synthesis, rows)
