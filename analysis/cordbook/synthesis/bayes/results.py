"""Frozen results of the Bayesian random-effects models.

Numbers a reader needs are plain fields, and `to_dict` holds just these. The densities behind them are fields too, for
figures and for questions such as "how probable is a proportion above 10%?".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cordbook.synthesis.bayes.densities import Density, intervals, quantiles
from cordbook.synthesis.results import Result, number, records_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BayesEffect", "BayesProportion", "BayesStudy", "BayesStudyProportion", "PosteriorSummary", "summarise"]


@dataclass(frozen=True, slots=True)
class PosteriorSummary:
    """Mean, median, standard deviation and credible interval of one quantity."""

    mean: float
    median: float
    sd: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class BayesStudy:
    """One study: the effect observed, and its effect given all studies (shrunken towards the others).

    `estimate` is the posterior median, `shrinkage` the posterior mean of vi / (vi + tau2): 0 leaves the study as observed,
    1 moves it to the pooled effect.
    """

    label: str
    yi: float
    vi: float
    estimate: float
    mean: float
    sd: float
    ci_low: float
    ci_high: float
    shrinkage: float


@dataclass(frozen=True, slots=True)
class BayesStudyProportion:
    """One study: its counts, the proportion observed, and its proportion given all studies (posterior median, interval)."""

    label: str
    events: int
    n: int
    observed: float
    estimate: float
    mean: float
    sd: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class BayesEffect(Result):
    """Posterior of the normal-normal model.

    estimate, ci_low, ci_high
        posterior median of mu and its credible interval.
    pi_low, pi_high
        predictive interval for the effect of a new study.
    mu, tau, new_study
        `PosteriorSummary` of each.
    log_marginal
        log marginal likelihood, for Bayes factors; None under a flat prior on mu, where it has no fixed constant.
    mu_density, tau_density, new_study_density
        the distributions, with pdf, cdf, quantile, interval, probability_above and curve.
    """

    estimate: float
    ci_low: float
    ci_high: float
    pi_low: float
    pi_high: float
    mu: PosteriorSummary
    tau: PosteriorSummary
    new_study: PosteriorSummary
    log_marginal: float | None
    k: int
    level: float
    interval: str
    mu_prior: str
    tau_prior: str
    studies: tuple[BayesStudy, ...]
    notes: tuple[str, ...]
    mu_density: Density = field(repr=False, compare=False)
    tau_density: Density = field(repr=False, compare=False)
    new_study_density: Density = field(repr=False, compare=False)

    def probability_above(self, threshold: float, *, new_study: bool = False) -> float:
        """Posterior probability that mu (or, with `new_study`, the effect of a new study) is above `threshold`."""
        return (self.new_study_density if new_study else self.mu_density).probability_above(threshold)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study: what was observed and the shrunken estimate."""
        return records_frame(self.studies)

    def _lines(self) -> list[str]:
        return _summary_lines(self, f"Bayesian pooled effect ({_studies(self.k)}; normal-normal model)")


@dataclass(frozen=True, slots=True)
class BayesProportion(Result):
    """Posterior of the binomial-normal model.

    estimate, ci_low, ci_high
        posterior median and credible interval of the average asked for, from 0 to 1.
    average
        which one that is: "median", the typical (median) study's proportion, expit(mu), or "population", the mean over studies.
    pi_low, pi_high
        predictive interval for the proportion of a new study.
    proportion, population_average, new_study
        `PosteriorSummary` of the median study, of the population average and of a new study on the proportion scale.
    mu, tau
        `PosteriorSummary` on the logit scale.
    log_marginal
        log marginal likelihood, for Bayes factors.
    mu_prior, tau_prior
        the priors in words.
    proportion_density, mu_density, tau_density, new_study_density, population_average_density
        the distributions, with pdf, cdf, quantile, interval, probability_above and curve.
    """

    estimate: float
    ci_low: float
    ci_high: float
    pi_low: float
    pi_high: float
    average: str
    proportion: PosteriorSummary
    population_average: PosteriorSummary
    new_study: PosteriorSummary
    mu: PosteriorSummary
    tau: PosteriorSummary
    log_marginal: float
    k: int
    events: int
    n: int
    level: float
    interval: str
    mu_prior: str
    tau_prior: str
    studies: tuple[BayesStudyProportion, ...]
    notes: tuple[str, ...]
    proportion_density: Density = field(repr=False, compare=False)
    mu_density: Density = field(repr=False, compare=False)
    tau_density: Density = field(repr=False, compare=False)
    new_study_density: Density = field(repr=False, compare=False)
    population_average_density: Density = field(repr=False, compare=False)

    def probability_above(self, threshold: float, *, new_study: bool = False) -> float:
        """Posterior probability that the average asked for (or a new study's proportion) is above `threshold`, from 0 to 1."""
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold = {threshold} is not a proportion; give a number from 0 to 1.")
        ours = self.population_average_density if self.average == "population" else self.proportion_density
        return (self.new_study_density if new_study else ours).probability_above(threshold)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study: counts, the proportion observed and the shrunken one."""
        return records_frame(self.studies)

    def _lines(self) -> list[str]:
        title = f"Bayesian pooled proportion ({_studies(self.k)}, {self.events} of {self.n} participants; binomial-normal model)"
        return _summary_lines(self, title)


def summarise(densities: Sequence[Density], level: float, interval: str) -> list[PosteriorSummary]:
    """Return the numbers that describe each density."""
    limits = intervals(densities, level, interval)
    medians = quantiles(densities, np.full((len(densities), 1), 0.5))[:, 0]
    records = []
    for density, median, (low, high) in zip(densities, medians, limits, strict=True):
        mean, sd = density.moments()
        records.append(PosteriorSummary(mean, float(median), sd, float(low), float(high)))
    return records


def _summary_lines(result: BayesEffect | BayesProportion, title: str) -> list[str]:
    percent = f"{result.level * 100:g}%"
    return [
        title,
        *(
            f"  {name} {number(at.median)} ({percent} credible interval {number(at.ci_low)} to {number(at.ci_high)}; {result.interval})"
            for name, at in _named(result)
        ),
        f"  new study {number(result.new_study.median)} ({percent} predictive interval {number(result.pi_low)} to "
        f"{number(result.pi_high)})",
        f"  tau {number(result.tau.median)} ({number(result.tau.ci_low)} to {number(result.tau.ci_high)})",
        f"  prior of mu {result.mu_prior}; prior of tau {result.tau_prior}",
    ]


def _named(result: BayesEffect | BayesProportion) -> list[tuple[str, PosteriorSummary]]:
    """What a summary names: the effect, or both averages of proportions with the one asked for first."""
    if isinstance(result, BayesEffect):
        return [("estimate", result.mu)]
    both = [("median study", result.proportion), ("population average", result.population_average)]
    return both if result.average == "median" else both[::-1]


def _studies(k: int) -> str:
    return "1 study" if k == 1 else f"{k} studies"
