"""The frozen results of models with several effects a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cordbook.synthesis.regression.results import Coefficient
from cordbook.synthesis.results import CI_NAMES, MODEL_NAMES, Result, StudyEffect, interval_line, number, records_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class MultilevelEffect(Result):
    """The pooled effect of studies that have several effects each.

    estimate, se, ci_low, ci_high, statistic, df, p
        pooled effect by the method of the interval; ``df`` is None for "wald", and need not be whole for "cr2".
    pi_low, pi_high
        limits between which an effect of a new study is expected.
    tau2, tau2_study, tau2_effect
        variance of effects: in all, between studies, and between effects of one study.
    tau2_study_ci_low, tau2_study_ci_high, tau2_effect_ci_low, tau2_effect_ci_high
        profile-likelihood limits of these variances, where they were asked for; None where not, where the model has no such level, and for
        an upper limit that the likelihood does not set.
    i2, i2_study, i2_effect
        the same as shares of the variance of an effect, in percent.
    q, q_df, q_p
        Cochran's Q with the sampling covariance as weight.
    k, k_studies
        effects, and studies.
    rho
        the correlation of sampling errors within a study that was assumed; None where their covariance was given.
    studies
        one `StudyEffect` for each effect, in the order given; weights are shares of the estimate, and can be below 0 where sampling errors
        are correlated.
    """

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    pi_low: float
    pi_high: float
    statistic: float
    df: float | None
    p: float
    tau2: float
    tau2_study: float
    tau2_effect: float
    i2: float
    i2_study: float
    i2_effect: float
    q: float
    q_df: int
    q_p: float
    loglik: float
    k: int
    k_studies: int
    model: str
    ci_method: str
    level: float
    rho: float | None
    studies: tuple[StudyEffect, ...]
    notes: tuple[str, ...] = ()
    tau2_study_ci_low: float | None = None
    tau2_study_ci_high: float | None = None
    tau2_effect_ci_low: float | None = None
    tau2_effect_ci_high: float | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return one row per effect: label, estimate, se, ci_low, ci_high, weight."""
        return records_frame(self.studies)

    def _lines(self) -> list[str]:
        return [
            f"Pooled effect ({self.k} effects of {self.k_studies} studies; {MODEL_NAMES[self.model]})",
            interval_line("estimate", self.estimate, self.ci_low, self.ci_high, self.level, self.ci_method),
            f"  prediction interval {number(self.pi_low)} to {number(self.pi_high)}",
            *variance_lines(self),
        ]


@dataclass(frozen=True, slots=True)
class MultilevelRegression(Result):
    """Coefficients of moderators of studies that have several effects each; variances and Q as in `MultilevelEffect`.

    coefficients
        one `Coefficient` a column of the model, the intercept first, with errors and degrees of freedom by the method of the interval.
    covariance
        covariance matrix of the coefficients by that method.
    """

    coefficients: tuple[Coefficient, ...]
    covariance: tuple[tuple[float, ...], ...]
    tau2: float
    tau2_study: float
    tau2_effect: float
    i2: float
    i2_study: float
    i2_effect: float
    q: float
    q_df: int
    q_p: float
    loglik: float
    k: int
    k_studies: int
    model: str
    ci_method: str
    level: float
    rho: float | None
    notes: tuple[str, ...] = ()
    tau2_study_ci_low: float | None = None
    tau2_study_ci_high: float | None = None
    tau2_effect_ci_low: float | None = None
    tau2_effect_ci_high: float | None = None

    def coefficient(self, name: str) -> Coefficient:
        """The coefficient of that name, such as "year" or "phase: chronic".

        Raises
        ------
        KeyError
            With the names there are.
        """
        found = {coefficient.name: coefficient for coefficient in self.coefficients}
        if name not in found:
            raise KeyError(f"no coefficient {name!r}; there are {', '.join(map(repr, found))}.")
        return found[name]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per coefficient: name, estimate, se, statistic, df, p, ci_low, ci_high."""
        return records_frame(self.coefficients)

    def model_lines(self) -> list[str]:
        """The lines of the summary that tell the model; those of the coefficients stand between them there."""
        return [
            f"Meta-regression ({self.k} effects of {self.k_studies} studies; {MODEL_NAMES[self.model]}; "
            f"{CI_NAMES.get(self.ci_method, self.ci_method)})",
            *variance_lines(self),
        ]

    def _lines(self) -> list[str]:
        first, *rest = self.model_lines()
        named = [
            interval_line(c.name, c.estimate, c.ci_low, c.ci_high, self.level, self.ci_method) + f", p {number(c.p)}"
            for c in self.coefficients
        ]
        return [first, *named, *rest]


def variance_lines(result: Any) -> list[str]:
    """The lines of a summary that say how far studies, and effects within them, differ."""
    p = "< 0.001" if result.q_p < 0.001 else f"{result.q_p:.3f}"
    between, within = (_with_limits(result, name) for name in ("tau2_study", "tau2_effect"))
    return [
        f"  tau2 between studies {between}, within {within}; I2 {result.i2_study:.1f}% and "
        f"{result.i2_effect:.1f}%; Q {number(result.q)} (df {result.q_df}, p {p})"
    ]


def _with_limits(result: Any, name: str) -> str:
    low, high = (getattr(result, f"{name}_ci_{end}") for end in ("low", "high"))
    limits = "" if low is None else f" ({result.level:.0%} CI {number(low)} to {'any' if high is None else number(high)})"
    return number(getattr(result, name)) + limits
