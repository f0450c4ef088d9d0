"""The box at the top of a retracted report's page: since when, and what its counts still do in this book."""

from __future__ import annotations

from cordbook.display.html.markup import Html, element, join, link
from cordbook.publish.pages.blocks import bullets, estimate_page, p
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.phrases import phrase
from cordbook.review.estimates.retracted import without_retracted
from cordbook.review.studies.records import StudyRecord


def retraction_box(r: StudyRecord) -> list[Html]:
    """The box; nothing for a report that was not retracted."""
    if not r.retracted:
        return []
    years = [n["year"] for n in r.notices if n["kind"] == "retraction" and n["year"]]
    head = element("strong", f"This report was retracted{f' in {max(years)}' if years else ''}.")
    kept = "What we read in it stays on this page, so that everybody can see what was taken back."
    held = [e for e in r.estimates if e.synthesis.parent is None]
    if not held:
        return [_box(p(head, " ", kept, " No pooled estimate of this book counts it."))]
    undecided = "Nobody has yet decided to leave its counts out. Until then they are still counted here:"
    return [_box(p(head, " ", kept, " ", undecided), bullets([_change(e) for e in held]))]


def _box(*parts: Html) -> Html:
    return element("div", *parts, class_="cb-notice", role="note")


def _change(estimate: Estimate) -> Html:
    without = without_retracted(estimate)
    left = phrase(without) if without is not None and without.is_reported else "too few studies to pool"
    return join(link(estimate.title, estimate_page(estimate.id)), f": {phrase(estimate)}. Without retracted reports: {left}.")
