"""The frozen result of pooled means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cordbook.synthesis.means.sizes import MEASURE_NAMES, StudyMean
from cordbook.synthesis.results import (
    MODEL_NAMES,
    ModelScale,
    Result,
    interval_line,
    records_frame,
    spread_lines,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class PooledMean(Result):
    """A pooled effect of means.

    estimate, ci_low, ci_high, pi_low, pi_high
        pooled effect, confidence and prediction limits: in the units of the score (MD, MN, MC), in standard deviations (the
        standardised ones), or as a ratio (ROM, ROMC).
    model_scale
        the same on the scale of the model, the logarithm for ratios, with the standard error.
    p
        of "no difference" or "no change" (of a single mean: "the mean is 0") by the method of the interval.
    tau2 ... q_p
        as in `Heterogeneity`.
    k, n
        studies, and patients in all groups.
    unit
        of the score in words, as figures write it; blank where it is not told.
    studies
        one `StudyMean` a study, in the order given, with marks of what was worked out.
    """

    estimate: float
    ci_low: float
    ci_high: float
    pi_low: float | None
    pi_high: float | None
    model_scale: ModelScale
    p: float
    tau2: float
    tau2_ci_low: float | None
    tau2_ci_high: float | None
    i2: float | None
    i2_ci_low: float | None
    i2_ci_high: float | None
    h2: float | None
    h2_ci_low: float | None
    h2_ci_high: float | None
    q: float
    q_df: int
    q_p: float | None
    k: int
    n: int
    model: str
    measure: str
    ci_method: str
    level: float
    studies: tuple[StudyMean, ...]
    notes: tuple[str, ...] = ()
    unit: str = ""

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study: label, n, mean and SD of both groups, estimate, se, ci_low, ci_high, weight, derived."""
        return records_frame(self.studies)

    def _lines(self) -> list[str]:
        lines = [
            f"Pooled {MEASURE_NAMES[self.measure]} ({self.k} studies, {self.n} patients; {MODEL_NAMES[self.model]})",
            interval_line("estimate", self.estimate, self.ci_low, self.ci_high, self.level, self.ci_method),
        ]
        return [*lines, *spread_lines(self)]
