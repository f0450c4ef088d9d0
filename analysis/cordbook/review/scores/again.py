"""Pools a declared estimate of a score again as a reader asks: without some of its studies, by another model, also where the book sets them side by side.

The explorer of the book and ``cordbook pool --score`` both ask in this way, so that one prints what the other shows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cordbook.core.text import studies
from cordbook.errors import UnknownName
from cordbook.review.estimates.side_by_side import without_weights
from cordbook.review.scores.estimates import ScoreEstimate, ScoreRow, estimate_of_rows
from cordbook.review.scores.phrases import range_of
from cordbook.synthesis.results import Result


@dataclass(frozen=True, slots=True)
class ScoresSideBySide(Result):
    """Studies of a score that are not pooled: each with its own interval, and why there is no average."""

    k: int
    n: int
    unit: str
    level: float
    range: str
    reasons: tuple[str, ...]
    studies: tuple[ScoreRow, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers, text, lists and dictionaries, ready for JSON."""
        return {
            "k": self.k, "n": self.n, "unit": self.unit, "estimate": None, "not_pooled": list(self.reasons),
            "studies": without_weights([asdict(row) for row in self.studies]), "notes": list(self.notes),
        }  # fmt: skip

    def _lines(self) -> list[str]:
        return [
            f"Not pooled ({studies(self.k)})",
            f"  single studies {self.range}",
            *(f"  reason: {reason}" for reason in self.reasons),
        ]


def pool_again(
    estimate: ScoreEstimate,
    *,
    exclude: Collection[str] = (),
    model: str | None = None,
    ci: str | None = None,
    level: float | None = None,
    hksj_floor: bool = True,
    anyway: bool = False,
) -> ScoreEstimate:
    """An estimate of a score without some studies or by another model; what is not given stays as it is declared.

    Parameters
    ----------
    exclude
        ids of studies to leave out.
    anyway
        pool also what the declaration sets side by side; one study alone is never pooled.

    Raises
    ------
    UnknownName
        For a study that the estimate does not weigh.
    """
    known = estimate.study_ids
    if lost := sorted(set(exclude) - set(known)):
        raise UnknownName(f"{estimate.id} weighs no study {', '.join(map(repr, lost))}; its studies are {', '.join(known)}")
    declared = estimate.synthesis
    synthesis = replace(declared, model=model or declared.model, ci=ci or declared.ci, level=level or declared.level)
    if anyway:
        synthesis = replace(synthesis, side_by_side="", studies_below=2)
    rows = [row for row in estimate.rows if row.study_id not in exclude]
    return replace(estimate, synthesis=synthesis, **estimate_of_rows(rows, synthesis, estimate.unit, hksj_floor=hksj_floor))


def shown(estimate: ScoreEstimate, notes: Sequence[str] = ()) -> Any:
    """What is reported of an estimate: its pooled mean, or its studies side by side."""
    if estimate.result is not None:
        return replace(estimate.result, notes=(*estimate.result.notes, *notes))
    reasons = (estimate.why_not,)
    return ScoresSideBySide(
        estimate.k, estimate.n, estimate.unit, estimate.synthesis.level, range_of(estimate), reasons, estimate.rows, tuple(notes)
    )
