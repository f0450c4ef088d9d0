"""What a chapter needs, in one object: estimates, figures and tables by id.

A chapter begins with::

    from cordbook.notebook import open_review

    review = open_review()
    review.forest("ais-improved-cell-therapy")
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cordbook.evidence.evidence import Evidence
from cordbook.figures import Figure, ForestGroup, forest_plot
from cordbook.figures.tables import (
    Table,
    estimates_table,
    progress_table,
    reasons_table,
    studies_table,
    summary_of_findings,
)
from cordbook.project import find_project
from cordbook.review.audit import extraction_progress, reasons_not_pooled
from cordbook.review.estimates import Estimate, Estimates, load_estimates
from cordbook.review.phrases import phrase


@dataclass(frozen=True)
class Review:
    """The review as a chapter sees it. Every figure and table is made from a declared estimate."""

    estimates: Estimates

    @property
    def evidence(self) -> Evidence:
        return self.estimates.evidence

    def __getitem__(self, estimate_id: str) -> Estimate:
        return self.estimates[estimate_id]

    def say(self, estimate_id: str, form: str = "short") -> str:
        """An estimate in words, for instance ``say("tumour-cell-therapy", "of")``."""
        return phrase(self[estimate_id], form)

    def forest(
        self, estimate_id: str, *, natural: str | None = None, grouped: bool = False, title: str | None = None
    ) -> Figure:
        """Forest plot of an estimate; ``natural`` names the estimate drawn behind it; ``grouped`` shows its subgroups."""
        estimate = self[estimate_id]
        if estimate.result is None:
            raise ValueError(f"{estimate_id}: no study could be pooled, so there is nothing to draw")
        groups = [
            ForestGroup(_part_name(part), part.result) for part in self.estimates.parts(estimate_id) if part.result
        ]
        behind = self[natural].result if natural else None
        return forest_plot(
            estimate.result,
            title=title or estimate.title,
            groups=groups if grouped else (),
            natural=behind,
            figure_id=f"forest-{estimate_id}{'-groups' if grouped else ''}",
        )

    def summary(self, estimate_ids: Iterable[str], caption: str = "Summary of findings") -> Table:
        """Summary of findings: outcome, studies, patients, pooled result with interval, one plain sentence."""
        return summary_of_findings([self[i] for i in estimate_ids], caption)

    def studies(self, estimate_id: str) -> Table:
        """The studies behind an estimate with what is known of each."""
        return studies_table(self[estimate_id], self.evidence)

    def all_estimates(self, sections: Sequence[str] = ()) -> Table:
        """Every estimate with model, interval, heterogeneity and its permanent id."""
        return estimates_table([e for e in self.estimates if not sections or e.synthesis.section in sections])

    def progress(self) -> Table:
        """What has been extracted, read twice, agreed and checked by a person."""
        return progress_table(extraction_progress(self.evidence))

    def not_pooled(self) -> Table:
        """Why cells stay out of pooled estimates."""
        return reasons_table(reasons_not_pooled(self.evidence))


def _part_name(part: Estimate) -> str:
    name = part.title.split(": ")[-1]
    return name[:1].upper() + name[1:]


def open_review(root: Path | str | None = None) -> Review:
    """Open the review of the project that holds ``root`` (default: the working directory)."""
    return Review(load_estimates(find_project(root).root))
