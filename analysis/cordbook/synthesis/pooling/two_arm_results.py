"""The frozen results of a comparison of two arms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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

MEASURE_NAMES = {"OR": "odds ratio", "RR": "risk ratio", "RD": "risk difference"}
TWO_ARM_MODEL_NAMES = MODEL_NAMES | {
    "mh": "common effect, Mantel-Haenszel",
    "peto": "common effect, Peto",
    "glmm": "hypergeometric-normal GLMM, maximum likelihood",
}


@dataclass(frozen=True, slots=True)
class StudyComparison:
    """One study: counts of both arms, effect with its interval, and share of the weight in percent.

    A risk difference is the one observed, with Newcombe's score interval, which stays within -1 and 1. A ratio has a Wald interval on
    the log scale; with an empty cell it does not exist as it stands, and is given with 1/2 added to the four cells, as in RevMan and in
    metafor's forest plots (`has_empty_cell` tells). Without events, or with nothing but events, in both arms a ratio is not estimable: None.
    """

    label: str
    events1: int
    n1: int
    events2: int
    n2: int
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    weight: float

    @property
    def has_empty_cell(self) -> bool:
        """Whether an arm has no events, or nothing but events."""
        return 0 in (self.events1, self.n1 - self.events1, self.events2, self.n2 - self.events2)


@dataclass(frozen=True, slots=True)
class ComparedArms(Result):
    """A pooled comparison of two arms.

    estimate, ci_low, ci_high, pi_low, pi_high
        Pooled effect, confidence and prediction limits, on the scale of the ratio (or of the difference).
    model_scale
        The same on the log scale for ratios (unchanged for a difference), with the standard error.
    p
        p value of "no effect" by the method of the interval.
    tau2 ... q_p
        As in `Heterogeneity`; for the GLMM, q is the likelihood ratio statistic against one odds ratio a study.
    k, events1, n1, events2, n2, events, n
        Studies, and participants with the event and in all, of each arm and of both.
    studies
        One `StudyComparison` a study, in the order given; weight 0 for a study that has no say.
    """

    estimate: float
    ci_low: float
    ci_high: float
    pi_low: float | None
    pi_high: float | None
    model_scale: ModelScale
    p: float | None
    tau2: float | None
    tau2_ci_low: float | None
    tau2_ci_high: float | None
    i2: float | None
    i2_ci_low: float | None
    i2_ci_high: float | None
    h2: float | None
    h2_ci_low: float | None
    h2_ci_high: float | None
    q: float | None
    q_df: int
    q_p: float | None
    k: int
    events1: int
    n1: int
    events2: int
    n2: int
    events: int
    n: int
    model: str
    measure: str
    ci_method: str
    level: float
    studies: tuple[StudyComparison, ...]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study: label, the four counts, estimate, ci_low, ci_high, weight."""
        return records_frame(self.studies)

    def _lines(self) -> list[str]:
        # "exact" of a proportion is Clopper and Pearson's; here it conditions on the margins of the tables.
        method = "exact, conditional" if self.ci_method == "exact" else self.ci_method
        arms = f"{self.events1} of {self.n1} against {self.events2} of {self.n2}"
        lines = [
            f"Pooled {MEASURE_NAMES[self.measure]} ({self.k} studies, {arms}; {TWO_ARM_MODEL_NAMES[self.model]})",
            interval_line("estimate", self.estimate, self.ci_low, self.ci_high, self.level, method),
        ]
        return [*lines, *spread_lines(self)]
