"""Retracted reports in estimates: which estimates still count one, and what they would be without it.

A report leaves an estimate only by a recorded decision (its cells are marked not pooled, with the reason ``retracted``). Until then
it is named wherever the estimate is shown, with the result that it would have without it.
"""

from __future__ import annotations

from cordbook.evidence.evidence import RETRACTED
from cordbook.review.estimates.estimates import Estimate, estimate_of
from cordbook.review.estimates.rows import labels_of


def retracted_labels(estimate: Estimate) -> tuple[str, ...]:
    """Labels of the retracted reports that an estimate counts, each once."""
    return tuple(label for label in dict.fromkeys(labels_of(estimate.rows)) if label.endswith(RETRACTED))


def without_retracted(estimate: Estimate) -> Estimate | None:
    """The estimate pooled again without its retracted reports; None where it counts none.

    Its ``result`` is None where too few studies are left to pool.
    """
    if not retracted_labels(estimate):
        return None
    rows = tuple(row for row in estimate.rows if not row.label.endswith(RETRACTED))
    return estimate_of(estimate.id, estimate.title, estimate.synthesis, rows)
