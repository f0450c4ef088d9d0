"""Every declared estimate by two engines: this package beside statsmodels, with the greatest difference.

:mod:`cordbook.synthesis.pooling.statsmodels_engine` computes; here estimates become its questions and its answers rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.method_words import MODELS
from cordbook.review.estimates.phrases import percent, percent_number, ratio
from cordbook.review.estimates.rows import arrays, labels_of
from cordbook.synthesis import EngineComparison, arms_by_two_engines, proportions_by_two_engines
from cordbook.synthesis.pooling.statsmodels_engine import EngineCheck, EngineValue
from cordbook.synthesis.results import number

#: What the engines are called for readers.
OURS, THEIRS = "Cordbook", "statsmodels"


@dataclass(frozen=True, slots=True)
class EngineRow:
    """An estimate as a table shows it: declared model, what stands for it in both engines, both results, differences.

    ``declared`` and ``compared`` are words; ``ours`` and ``theirs`` the result of the compared model with its limits, in words;
    ``difference`` the greatest of all ``checks`` models, of ratios on the log; ``reason`` why the two models differ, if they do.
    """

    id: str
    title: str
    declared: str
    compared: str
    same_model: bool
    ours: str
    theirs: str
    checks: int
    difference: float
    agrees: bool
    reason: str


def compare_engines(estimate: Estimate) -> EngineComparison | None:
    """An estimate by both engines, from the rows that it was pooled from; None where it has no row."""
    if not estimate.k:
        return None
    declared, rows = estimate.synthesis, estimate.rows
    options = {
        "labels": labels_of(rows), "measure": declared.measure, "model": declared.model, "ci": declared.ci,
        "level": declared.level, "id": estimate.id,
    }  # fmt: skip
    return (arms_by_two_engines if estimate.is_comparison else proportions_by_two_engines)(*arrays(rows), **options)


def engine_rows(estimates: Iterable[Estimate]) -> tuple[EngineRow, ...]:
    """A row for each estimate that has studies, in order."""
    pairs = ((estimate, compare_engines(estimate)) for estimate in estimates)
    return tuple(_row(estimate, found) for estimate, found in pairs if found)


def greatest_difference(rows: Iterable[EngineRow]) -> float:
    """The greatest difference of all rows; 0 where there is none."""
    return max((row.difference for row in rows), default=0.0)


def difference_in_words(difference: float) -> str:
    """A difference to its order of magnitude.

    >>> difference_in_words(0.0), difference_in_words(1.234e-10)
    ('0', '1e-10')
    """
    return f"{difference:.0e}" if difference else "0"


def reasons_of_rows(rows: Iterable[EngineRow]) -> dict[str, str]:
    """By declared model, in words, what keeps statsmodels from computing the same; models that it has are left out.

    Where estimates of one model differ in what was compared, the reason that tells most stands for all.
    """
    reasons: dict[str, str] = {}
    for row in rows:
        if not row.same_model and len(row.reason) > len(reasons.get(row.declared, "")):
            reasons[row.declared] = row.reason
    return reasons


def _row(estimate: Estimate, found: EngineComparison) -> EngineRow:
    shown = found[found.shown]
    return EngineRow(
        estimate.id, estimate.title, _declared(found), f"{shown.model}; {shown.ci}", found.same_model, _describe(shown, shown.ours),
        _describe(shown, shown.theirs), len(found.checks), found.difference, found.agrees, found.reason,
    )  # fmt: skip


def _declared(found: EngineComparison) -> str:
    return "one study" if found.model == "single" else MODELS.get(found.model, found.model)


def _describe(check: EngineCheck, values: tuple[EngineValue, ...]) -> str:
    if len(values) > 1:
        return f"{len(values)} intervals"
    (value,) = values
    point, end = {"share": (percent, percent_number), "ratio": (ratio, ratio)}.get(check.scale, (number, number))
    limits = "" if value.ci_low is None or value.ci_high is None else f" ({end(value.ci_low)} to {end(value.ci_high)})"
    return point(value.estimate) + limits
