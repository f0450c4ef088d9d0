"""Frozen results of a dose-response fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cordbook.synthesis.results import Result, number, records_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DoseAtRisk", "DoseGroup", "DoseResponse", "GoodnessOfFit", "RiskAtDose"]


@dataclass(frozen=True, slots=True)
class DoseGroup:
    """One group: its study, dose, counts, risk observed with its Clopper-Pearson interval, and the risk fitted.

    `fitted` is the risk of the typical study (random effect 0).
    """

    study: str
    dose: float
    events: int
    n: int
    observed: float
    ci_low: float
    ci_high: float
    fitted: float


@dataclass(frozen=True, slots=True)
class DoseAtRisk:
    """The dose at which the typical study has a stated risk, with Fieller's and the delta method's interval.

    A limit is None where the interval has no end on that side: the slope is too uncertain to bound the dose.
    """

    risk: float
    dose: float
    se: float
    ci_low: float | None
    ci_high: float | None
    delta_low: float
    delta_high: float


@dataclass(frozen=True, slots=True)
class RiskAtDose:
    """Risk at a dose, from 0 to 1.

    estimate, ci_low, ci_high
        risk in the typical study (random effect 0), and its confidence interval.
    pi_low, pi_high
        prediction interval for the risk in a new study; equal to the confidence interval where tau is 0.
    mean
        risk averaged over studies.
    """

    dose: float
    estimate: float
    ci_low: float
    ci_high: float
    pi_low: float
    pi_high: float
    mean: float


@dataclass(frozen=True, slots=True)
class GoodnessOfFit:
    """How well one curve, the same in every study, fits the groups.

    pearson, deviance
        statistics on `df` degrees of freedom, with p-values by the chi-squared distribution.
    pearson_p_simulated, deviance_p_simulated
        p-values by simulation from the fitted curve, refitted each time; None where no simulation was asked for. Trust these
        where expected counts are small.
    smallest_expected
        smallest expected count of events or non-events in a group.
    """

    pearson: float
    deviance: float
    df: int
    pearson_p: float | None
    deviance_p: float | None
    pearson_p_simulated: float | None
    deviance_p_simulated: float | None
    smallest_expected: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DoseResponse(Result):
    """A fitted dose-response curve: risk = F(intercept + slope dose), with tau the standard deviation between studies.

    intercept, intercept_se, slope, slope_se, slope_ci_low, slope_ci_high, covariance
        on the scale of the link; slope per unit of dose; covariance ((aa, ab), (ab, bb)).
    d50, d50_ci_low, d50_ci_high
        dose with risk 1/2 in the typical study, with its profile-likelihood interval; None where the curve does not rise, a
        limit None where the data do not bound it. `d50_fieller` and `d50_delta` are the intervals by the two other methods.
    gamma50, gamma50_ci_low, gamma50_ci_high
        normalised slope at D50: percentage points of risk for 1% more dose; Wald interval.
    tau, log_likelihood, log_likelihood_common, tau_p
        standard deviation between studies; log likelihood with it and without; p-value of tau = 0 (half the upper tail of
        chi-squared with 1 degree of freedom: Self and Liang 1987).
    groups
        one `DoseGroup` a group, in the order given.
    """

    link: str
    penalty: str
    intercept: float
    intercept_se: float
    slope: float
    slope_se: float
    slope_ci_low: float
    slope_ci_high: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    d50: float | None
    d50_ci_low: float | None
    d50_ci_high: float | None
    d50_fieller: tuple[float | None, float | None]
    d50_delta: tuple[float, float] | None
    gamma50: float | None
    gamma50_ci_low: float | None
    gamma50_ci_high: float | None
    tau: float
    tau_p: float | None
    log_likelihood: float
    log_likelihood_common: float
    k_groups: int
    k_studies: int
    events: int
    n: int
    level: float
    groups: tuple[DoseGroup, ...]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group: study, dose, counts, observed and fitted risk."""
        return records_frame(self.groups)

    def _lines(self) -> list[str]:
        percent = f"{self.level * 100:g}%"
        lines = [
            f"Dose-response, {self.link} link ({self.k_groups} groups of {self.k_studies} studies, {self.events} of "
            f"{self.n} participants)",
            f"  D50 {number(self.d50)} ({percent} CI {number(self.d50_ci_low)} to {number(self.d50_ci_high)}; profile "
            "likelihood)",
            f"  gamma50 {number(self.gamma50)} ({percent} CI {number(self.gamma50_ci_low)} to {number(self.gamma50_ci_high)})",
            f"  slope {number(self.slope)} per unit of dose ({percent} CI {number(self.slope_ci_low)} to "
            f"{number(self.slope_ci_high)}); tau {number(self.tau)}",
        ]
        return lines
