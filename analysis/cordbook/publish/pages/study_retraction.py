"""What stands at the top of a retracted report's page: since when, and what its counts still do in this book."""

from __future__ import annotations

from dataclasses import dataclass

from cordbook.display.html.pieces import Link, Shown
from cordbook.publish.pages.page import estimate_address
from cordbook.review.estimates.dependence import without_retracted
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.phrases import phrase
from cordbook.review.studies.records import StudyRecord


@dataclass(frozen=True, slots=True)
class Retraction:
    """That a report was retracted, and each estimate that still counts it, with what it would be without."""

    head: str
    changes: tuple[Shown, ...]


def retraction(r: StudyRecord) -> Retraction | None:
    """The retraction; None for a report that was not retracted."""
    if not r.retracted:
        return None
    years = [n["year"] for n in r.notices if n["kind"] == "retraction" and n["year"]]
    head = f"This report was retracted{f' in {max(years)}' if years else ''}."
    return Retraction(head, tuple(_change(e) for e in r.estimates if e.synthesis.parent is None))


def _change(estimate: Estimate) -> Shown:
    without = without_retracted(estimate)
    left = phrase(without) if without is not None and without.is_reported else "too few studies to pool"
    text = f": {phrase(estimate)}. Without retracted reports: {left}."
    return (Link(estimate.title, estimate_address(estimate.id)), text)
