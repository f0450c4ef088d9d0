"""Selection model: the pooled effect if results were published depending on their p-value.

A study is observed with a weight that is a step function of its one-sided p-value; the weights are estimated together
with the mean effect and tau2 by maximum likelihood. With one step at 0.025 this is the three-parameter selection model.

It is well founded where a null effect makes sense and studies were selected for beating it: comparisons of two arms.
Single proportions have no null value, so it is not offered for them unless the caller states one by subtracting it from
the effects.

References
----------
Iyengar and Greenhouse (1988), Statistical Science 3, 109-117.
Hedges (1992), Statistical Science 7, 246-255.
Vevea and Hedges (1995), Psychometrika 60, 419-435.
McShane, Böckenholt and Hansen (2016), Perspectives on Psychological Science 11, 730-749: the three-parameter form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import optimize, special, stats

from cordbook.synthesis.between_studies.tau2 import estimate_tau2
from cordbook.synthesis.checks import FEWEST, check_choice, check_effects, check_level, columns_of
from cordbook.synthesis.pooling.effects import critical_value
from cordbook.synthesis.results import Result, number

if TYPE_CHECKING:
    import pandas as pd

DIRECTIONS = ("greater", "less")
# Few results in an interval make its weight a guess: with one or two, a single study decides it.
SPARSE_INTERVAL = 3

# Weights beyond these bounds mean that the data hold no upper or lower limit for them.
WEIGHT_BOUNDS = (1e-5, 1e3)
# A weight this near its bound, on the log scale, has run into it.
BOUND_MARGIN = 1e-3
# Below this share of the median sampling variance tau2 does not change the likelihood in the digits compared with
# metafor.
TAU2_ZERO_SHARE = 1e-7
# Step of the central differences of the analytic gradient, relative to the standard scale of a parameter: the cube root
# of rounding error balances truncation and cancellation.
DIFFERENCE_STEP = float(np.cbrt(np.finfo(float).eps))
# Newton steps end when they are this small beside effects near 1; metafor is compared to 1e-5.
STEP_TOLERANCE = 1e-11
# The search hands over to Newton steps once the log-likelihood gains less than this share in a round.
SEARCH_TOLERANCE = 1e-12
NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True)
class SelectionWeight:
    """Weight of results whose one-sided p-value lies above `p_low` and up to `p_high`, relative to the first interval.

    `k` counts the studies in it. The first weight is 1 by definition and has no standard error.
    """

    p_low: float
    p_high: float
    k: int
    weight: float
    se: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class SelectionModel(Result):
    """Result of `selection_model`, on the scale of the effects.

    `unadjusted` is the maximum likelihood estimate without selection. `statistic`, `df`, `p`: likelihood ratio test
    that all weights are 1. Standard errors come from the observed information; None where a parameter is at its bound.
    """

    estimate: float
    se: float | None
    ci_low: float | None
    ci_high: float | None
    tau2: float
    tau2_se: float | None
    unadjusted: float
    unadjusted_tau2: float
    weights: tuple[SelectionWeight, ...]
    loglik: float
    statistic: float
    df: int
    p: float
    k: int
    direction: str
    model: str
    level: float
    notes: tuple[str, ...] = ()

    def _lines(self) -> list[str]:
        lines = [
            f"Selection model ({self.k} studies, p-values for effects {self.direction} than 0)",
            f"  estimate {number(self.estimate)} ({self.level * 100:g}% CI {number(self.ci_low)} to "
            f"{number(self.ci_high)}); "
            f"without selection {number(self.unadjusted)}; tau2 {number(self.tau2)}",
            f"  test of selection: chi2 (df {self.df}) {number(self.statistic)}, p {number(self.p)}",
        ]
        lines += [f"  p {w.p_low:g} to {w.p_high:g}: {w.k} studies, weight {number(w.weight)}" for w in self.weights]
        return lines


def selection_model(
    yi: Sequence[float],
    vi: Sequence[float],
    *,
    direction: Literal["greater", "less"],
    steps: Sequence[float] = (0.025,),
    labels: Sequence[str] | None = None,
    model: Literal["ml", "common"] = "ml",
    level: float = 0.95,
    data: pd.DataFrame | None = None,
) -> SelectionModel:
    """Fit a step-function selection model by maximum likelihood.

    Parameters
    ----------
    yi, vi
        Effects of two-arm comparisons (0 is no effect) and their sampling variances, shape (k,).
    direction
        Which effects were wanted: p-values are one-sided for effects `greater` or `less` than 0.
    steps
        Where the weight changes, p-values between 0 and 1; 0.025 is a two-sided 0.05 in the wanted direction.
    model
        `ml`: random effects; `common`: tau2 is 0.
    level
        Level of the Wald intervals.
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        An interval of p-values without a study (its weight cannot be estimated; choose other steps), fewer than 3
        studies, or a likelihood without a maximum.

    Examples
    --------
    >>> yi = [0.42, 0.61, 0.35, 0.77, 0.10, 0.25, 0.52, -0.05, 0.33, 0.02]
    >>> vi = [0.03, 0.06, 0.02, 0.09, 0.02, 0.04, 0.05, 0.03, 0.02, 0.01]
    >>> fit = selection_model(yi, vi, direction="greater")
    >>> [weight.k for weight in fit.weights], fit.estimate < fit.unadjusted
    ([6, 4], True)
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    check_choice("direction", direction, DIRECTIONS)
    check_choice("model", model, ("ml", "common"))
    check_level(level)
    yi, vi, labels = check_effects(yi, vi, labels, min_studies=FEWEST["selection_model"])
    sign = 1.0 if direction == "greater" else -1.0
    problem = _Problem.of(sign * yi, vi, _checked_steps(steps))
    counts = np.bincount(problem.interval, minlength=problem.intervals)
    _check_intervals(counts, problem.steps)

    tau2_0 = 0.0 if model == "common" else float(estimate_tau2("ml", yi, vi))
    start = problem.unselected(tau2_0)
    theta = _maximise(problem, start, fixed_tau2=model == "common")
    loglik, unselected = problem.loglik(theta), problem.loglik(start)
    free, notes = _free_parameters(problem, theta, model)
    covariance = _covariance(problem, theta, free)
    se = np.sqrt(np.diag(covariance))
    z = critical_value(level, None)
    statistic = max(0.0, 2 * (loglik - unselected))
    df = problem.intervals - 1
    estimate, mean_se = sign * float(theta[0]), _or_none(se[0])
    half = None if mean_se is None else z * mean_se
    return SelectionModel(
        estimate=estimate,
        se=mean_se,
        ci_low=None if half is None else estimate - half,
        ci_high=None if half is None else estimate + half,
        tau2=float(theta[1]),
        tau2_se=_or_none(se[1]),
        unadjusted=sign * float(start[0]),
        unadjusted_tau2=tau2_0,
        weights=_weights(problem, counts, theta, se, z),
        loglik=loglik,
        statistic=statistic,
        df=df,
        p=float(stats.chi2.sf(statistic, df)),
        k=len(yi),
        direction=direction,
        model=model,
        level=level,
        notes=notes + _cautions(counts),
    )


@dataclass(frozen=True, slots=True)
class _Problem:
    """The likelihood of effects (k,) that are wanted to be large.

    theta = (mu, tau2, w_2, ..., w_m), the weight of the first interval being 1. `cuts` (k, m + 1) are the effects at
    which a study passes from one interval of p-values to the next, from infinity (p = 0) to minus infinity (p = 1).
    """

    yi: np.ndarray
    vi: np.ndarray
    steps: np.ndarray
    interval: np.ndarray
    cuts: np.ndarray

    @classmethod
    def of(cls, yi: np.ndarray, vi: np.ndarray, steps: np.ndarray) -> _Problem:
        se = np.sqrt(vi)
        # p <= step belongs to the lower interval.
        interval = np.searchsorted(steps, special.ndtr(-yi / se), side="left")
        cuts = -special.ndtri(np.r_[0.0, steps, 1.0]) * se[:, None]
        return cls(yi, vi, steps, interval, cuts)

    @property
    def intervals(self) -> int:
        return len(self.steps) + 1

    def unselected(self, tau2: float) -> np.ndarray:
        """theta of the model without selection."""
        w = 1 / (self.vi + tau2)
        return np.r_[(w * self.yi).sum() / w.sum(), tau2, np.ones(self.intervals - 1)]

    def loglik(self, theta: np.ndarray) -> float:
        return self.loglik_gradient(theta)[0]

    def loglik_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-likelihood, constants included, and its gradient in theta."""
        mu, tau2, weights = theta[0], theta[1], np.r_[1.0, theta[2:]]
        variance = self.vi + tau2
        sd = np.sqrt(variance)
        residual = self.yi - mu
        z = (self.cuts - mu) / sd[:, None]
        share = special.ndtr(z[:, :-1]) - special.ndtr(z[:, 1:])  # chance of each interval, (k, m)
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        moment = np.where(np.isfinite(z), z, 0.0) * density
        observed = share @ weights  # chance that a result of this study is seen
        loglik = np.log(weights)[self.interval] - np.log(observed)
        loglik += -0.5 * (np.log(2 * np.pi * variance) + residual**2 / variance)
        d_mu = residual / variance - (density[:, 1:] - density[:, :-1]) @ weights / sd / observed
        d_tau2 = 0.5 * (residual**2 / variance - 1) / variance
        d_tau2 -= 0.5 * (moment[:, 1:] - moment[:, :-1]) @ weights / variance / observed
        counts = np.bincount(self.interval, minlength=self.intervals)
        d_weights = counts / weights - (share / observed[:, None]).sum(axis=0)
        return float(loglik.sum()), np.r_[d_mu.sum(), d_tau2.sum(), d_weights[1:]]


def _maximise(problem: _Problem, start: np.ndarray, *, fixed_tau2: bool) -> np.ndarray:
    """The maximum of the likelihood, in scaled mu, tau2 / scale and log weights; the best of a few starts."""
    spread = float(np.median(problem.vi))
    scale = np.r_[np.sqrt(spread), spread]
    low, high = np.log(WEIGHT_BOUNDS)

    def to_theta(x: np.ndarray) -> np.ndarray:
        return np.r_[x[:2] * scale, np.exp(x[2:])]

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        theta = to_theta(x)
        value, gradient = problem.loglik_gradient(theta)
        return -value, -np.r_[gradient[:2] * scale, gradient[2:] * theta[2:]]

    bounds = [(None, None), (0.0, 0.0 if fixed_tau2 else None), *[(low, high)] * (problem.intervals - 1)]
    options = {"maxiter": 200, "ftol": SEARCH_TOLERANCE}
    best = None
    # The likelihood can have a second peak, with strong selection and a small effect.
    for log_weight in (0.0, -2.0, 1.0):
        x0 = np.r_[start[:2] / scale, np.full(problem.intervals - 1, log_weight)]
        x0[1] = 0.0 if fixed_tau2 else max(x0[1], 0.1)
        found = optimize.minimize(objective, x0, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is None:
        raise ValueError("The likelihood of the selection model has no maximum on these data; use fewer steps.")
    theta = _polish(problem, to_theta(best.x), fixed_tau2)
    return theta


def _polish(problem: _Problem, theta: np.ndarray, fixed_tau2: bool) -> np.ndarray:
    """Newton steps on what is not at a bound: the search stops some digits early."""
    for _ in range(NEWTON_STEPS):
        free = _interior(problem, theta)
        free[1] &= not fixed_tau2
        value, gradient = problem.loglik_gradient(theta)
        try:
            step = np.linalg.solve(_hessian(problem, theta, free), -gradient[free])
        except np.linalg.LinAlgError:
            break
        proposal = theta.copy()
        proposal[free] += step
        if (proposal[1:] < 0).any() or not problem.loglik(proposal) >= value:
            break
        theta = proposal
        if np.abs(step).max() < STEP_TOLERANCE:
            break
    return theta


def _interior(problem: _Problem, theta: np.ndarray) -> np.ndarray:
    low, high = np.log(WEIGHT_BOUNDS)
    log_weights = np.log(theta[2:])
    inside = (log_weights > low + BOUND_MARGIN) & (log_weights < high - BOUND_MARGIN)
    return np.r_[True, theta[1] > TAU2_ZERO_SHARE * np.median(problem.vi), inside]


def _free_parameters(problem: _Problem, theta: np.ndarray, model: str) -> tuple[np.ndarray, tuple[str, ...]]:
    free = _interior(problem, theta)
    notes = []
    if model == "ml" and not free[1]:
        notes.append("tau2 is estimated as 0; standard errors take it as known.")
    if not free[2:].all():
        notes.append("A weight ran into its bound, so the data do not limit it; its interval is not estimable.")
    if model == "common":
        free[1] = False
    return free, tuple(notes)


def _hessian(problem: _Problem, theta: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Second derivatives of the free parameters by central differences of the gradient."""
    index = np.flatnonzero(free)
    scale = np.r_[np.sqrt(np.median(problem.vi)), theta[1], theta[2:]]
    rows = []
    for i in index:
        step = np.zeros_like(theta)
        step[i] = DIFFERENCE_STEP * scale[i]
        ahead, behind = problem.loglik_gradient(theta + step)[1], problem.loglik_gradient(theta - step)[1]
        rows.append((ahead - behind)[index] / (2 * step[i]))
    hessian = np.array(rows)
    return (hessian + hessian.T) / 2


def _covariance(problem: _Problem, theta: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Inverse observed information; NaN for parameters at a bound, or all where the likelihood is flat."""
    covariance = np.full((theta.size, theta.size), np.nan)
    information = -_hessian(problem, theta, free)
    if np.linalg.eigvalsh(information).min() > 0:
        covariance[np.ix_(free, free)] = np.linalg.inv(information)
    return covariance


def _weights(problem: _Problem, counts: np.ndarray, theta: np.ndarray, se: np.ndarray, z: float) -> tuple[SelectionWeight, ...]:
    edges = np.r_[0.0, problem.steps, 1.0].tolist()
    weights = [SelectionWeight(edges[0], edges[1], int(counts[0]), 1.0, None, None, None)]
    for j in range(1, problem.intervals):
        weight, error = float(theta[j + 1]), _or_none(se[j + 1])
        # A weight cannot be negative, so neither can its limit.
        limits = (None, None) if error is None else (max(0.0, weight - z * error), weight + z * error)
        weights.append(SelectionWeight(edges[j], edges[j + 1], int(counts[j]), weight, error, *limits))
    return tuple(weights)


def _checked_steps(steps: Sequence[float]) -> np.ndarray:
    array = np.unique(np.asarray(steps, dtype=float).reshape(-1))
    if array.size == 0 or not ((array > 0) & (array < 1)).all():
        raise ValueError(f"steps = {list(steps)!r}: give p-values above 0 and below 1, such as (0.025,).")
    return array


def _check_intervals(counts: np.ndarray, steps: np.ndarray) -> None:
    edges = np.r_[0.0, steps, 1.0]
    empty = [f"{edges[j]:g} to {edges[j + 1]:g}" for j in np.flatnonzero(counts == 0)]
    if empty:
        raise ValueError(
            f"No study has a one-sided p-value of {' or '.join(empty)}, so its weight cannot be estimated; choose "
            "other steps, or "
            "the other direction."
        )


def _cautions(counts: np.ndarray) -> tuple[str, ...]:
    if counts.min() >= SPARSE_INTERVAL:
        return ()
    return (f"An interval of p-values holds fewer than {SPARSE_INTERVAL} studies; its weight is little more than a guess.",)


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
