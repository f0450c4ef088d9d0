"""Retracted reports of the review: their notices, whether it was decided to leave their counts out, and what that would change."""

from __future__ import annotations

from collections.abc import Mapping

from cordbook.display.html.table import Cell, Table
from cordbook.display.tables.back_matter import Block, paragraph
from cordbook.display.tables.method_tables import CARDS
from cordbook.review.estimates.dependence import retracted_labels, without_retracted
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.phrases import phrase

NONE = "No report of the data is known here to be retracted."


def retractions_list(estimates: Estimates, hrefs: Mapping[str, str]) -> Table | Block:
    """One row per retracted report; a sentence where there is none. ``hrefs`` are the addresses of the studies' pages."""
    evidence = estimates.evidence
    retracted = sorted(evidence.retracted)
    if not retracted:
        return paragraph(NONE)
    labels, notices, counts = evidence.study_labels, evidence["integrity_notices"], evidence["outcomes"]
    holding = [e for e in estimates if e.synthesis.parent is None and retracted_labels(e)]
    rows = []
    for study in retracted:
        retractions = notices[(notices["study_id"] == study) & (notices["kind"] == "retraction")]["reference"].tolist()
        own = counts[counts["study_id"] == study]
        held = [e for e in holding if study in e.study_ids]
        changes = [f"{e.title}: {_change(e)}" for e in held]
        rows.append(
            (
                Cell(labels[study], hrefs.get(study)),
                Cell("; ".join(retractions) or "the notice stands with another report of it"),
                Cell(_decision(len(own), int(own["poolable"].fillna(False).sum()))),
                Cell("; ".join(changes) or "none", links=tuple((change, None) for change in changes)),
            )
        )
    header = ("Report", "Notice", "Its counts", "Estimates that count it, and without any retracted report")
    return Table("retracted", "Retracted reports", header, tuple(rows), tuple(f"retracted-{s}" for s in retracted), CARDS)


def _decision(counts: int, poolable: int) -> str:
    if not counts:
        return "none in the data"
    if not poolable:
        return f"{counts} kept in the data, none pooled"
    return f"{counts} in the data, {poolable} still pooled: no decision to leave them out is recorded"


def _change(estimate: Estimate) -> str:
    without = without_retracted(estimate)
    left = phrase(without) if without is not None and without.is_reported else "too few studies to pool"
    return f"{phrase(estimate)}; without: {left}"
