"""Leave-one-out: the pooled estimate without each study in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats
from scipy.special import expit

from cordbook.synthesis.checks import FEWEST, check_choice, check_counts, check_effects, check_level, columns_of
from cordbook.synthesis.glmm.average import average as averages_of
from cordbook.synthesis.glmm.average import standard_error
from cordbook.synthesis.glmm.likelihood import Counts, evaluate, first_sites, log_coefficients, mode_sites
from cordbook.synthesis.glmm.newton import limits
from cordbook.synthesis.glmm.single_arm import BinomialNormalBatch, fit_binomial_normal_batch, profile_cut
from cordbook.synthesis.measures import MEASURES, Back, back_transform, effects_of_counts
from cordbook.synthesis.pooling.effects import (
    EFFECT_MODELS,
    PREDICTIONS,
    check_effect_interval,
    critical_value,
    pool_effects,
    prediction_quantile,
)
from cordbook.synthesis.pooling.pooled_rows import PooledRow, narrow_rows_notes, pool_count_rows, row_of_effect, row_of_proportion
from cordbook.synthesis.pooling.proportions import DELTA_OF, PROFILE_CI, check_choice_of_average, check_interval, pool_proportions
from cordbook.synthesis.regression.linear_model import fit_linear, typical_variance
from cordbook.synthesis.results import Result, named_average, number, records_frame
from cordbook.synthesis.sensitivity.influence import leave_out_index

if TYPE_CHECKING:
    import pandas as pd

# Where tau is 0 the sites of its posteriors are taken at this one.
SMALLEST_TAU = 0.01


@dataclass(frozen=True, slots=True)
class LeaveOneOut(Result):
    """Result of `leave_one_out`: `full` is the estimate of all studies; each row that without the study of its
    label. `average` says which average of proportions they hold, "median" or "population"; None for effects.
    """

    full: PooledRow
    rows: tuple[PooledRow, ...]
    k: int
    model: str
    measure: str | None
    ci_method: str
    level: float
    notes: tuple[str, ...] = ()
    average: str | None = None

    @property
    def lowest(self) -> PooledRow:
        """The row with the lowest estimate."""
        return min(self.rows, key=lambda row: row.estimate)

    @property
    def highest(self) -> PooledRow:
        """The row with the highest estimate."""
        return max(self.rows, key=lambda row: row.estimate)

    def transformed(self, transform: Callable[[float], float], measure: str) -> LeaveOneOut:
        """The same with rows on the scale on which effects of this measure are reported, such as ratios by ``math.exp``."""
        rows = tuple(row.transformed(transform) for row in self.rows)
        return replace(self, full=self.full.transformed(transform), rows=rows, measure=measure)

    def to_frame(self) -> pd.DataFrame:
        """One row for each study left out."""
        return records_frame(self.rows)

    def _lines(self) -> list[str]:
        low, high = self.lowest, self.highest
        lines = [
            f"Leave-one-out ({self.k} studies; {self.model}{named_average(self.average)}): all studies {number(self.full.estimate)}",
            f"  lowest {number(low.estimate)} ({number(low.ci_low)} to {number(low.ci_high)}) without {low.label}",
            f"  highest {number(high.estimate)} ({number(high.ci_low)} to {number(high.ci_high)}) without {high.label}",
        ]
        return lines


def leave_one_out(
    events: Sequence[int],
    n: Sequence[int],
    *,
    labels: Sequence[str] | None = None,
    measure: str = "logit",
    model: str = "glmm",
    average: str | None = None,
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> LeaveOneOut:
    """Pool proportions without each study in turn; arguments as in `pool_proportions`.

    All fits run together. Where the rest has no events (or events only) its row is the exact one that
    `pool_proportions` would give. Shapes (k,).

    Arguments of k values may be names of columns of ``data``, a table such as a DataFrame.

    Raises
    ------
    ValueError
        For counts that cannot be, unknown words, or fewer than 3 studies.

    Examples
    --------
    >>> result = leave_one_out([2, 5, 1, 30], [20, 40, 15, 60], labels=["A", "B", "C", "D"])
    >>> result.lowest.label, round(result.lowest.estimate, 4)
    ('D', 0.1067)
    """
    events, n, labels = columns_of(data, events=events, n=n, labels=labels)
    check_choice("measure", measure, MEASURES)
    ci = check_interval(model, ci)
    which = check_choice_of_average(average, model, measure)
    x, size, labels = check_counts(events, n, labels, min_studies=FEWEST["leave_one_out"])
    options: dict[str, Any] = {"model": model, "ci": ci, "level": level, "hksj_floor": hksj_floor, "prediction": prediction}
    way: dict[str, Any] = options | {"measure": measure, "average": which}
    pooled = pool_proportions(x, size, labels=labels, **way)
    notes = pooled.notes
    if model == "glmm":
        rows = _without_each_glmm(x, size, labels, which, ci, level, prediction)
    elif model == "betabinomial" or which == "population":
        rows = _without_each_in_turn(x, size, labels, way)
    else:
        effects = effects_of_counts(x, size, measure)
        rows = _without_each_effect(effects.yi, effects.vi, labels, _backs(measure, size), **options)
    full = row_of_proportion("all studies", pooled)
    if model in EFFECT_MODELS:
        notes = (*notes, *_narrow_notes(rows, effects_of_counts(x, size, measure).vi, level))
    return LeaveOneOut(full, rows, len(x), model, measure, ci, level, notes, which)


def _without_each_in_turn(x: np.ndarray, n: np.ndarray, labels: Sequence[str], way: dict[str, Any]) -> tuple[PooledRow, ...]:
    """One fit after the other, where fits do not run together."""
    kept = [np.delete(np.arange(len(x)), i) for i in range(len(x))]
    return tuple(
        pool_count_rows(label, x[stay], n[stay], [labels[m] for m in stay.tolist()], **way)
        for label, stay in zip(labels, kept, strict=True)
    )


def leave_one_out_effects(
    yi: Sequence[float],
    vi: Sequence[float],
    *,
    labels: Sequence[str] | None = None,
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> LeaveOneOut:
    """Pool effects without each study in turn; arguments as in `pool_effects`. Shapes (k,).

    Arguments of k values may be names of columns of ``data``, a table such as a DataFrame.

    Raises
    ------
    ValueError
        For effects that cannot be pooled, unknown words, or fewer than 3 studies.

    Examples
    --------
    >>> result = leave_one_out_effects([0.1, 0.2, 0.9], [0.01, 0.01, 0.01], model="common")
    >>> [round(row.estimate, 3) for row in result.rows]
    [0.55, 0.5, 0.15]
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    ci = check_effect_interval(model, ci)
    check_level(level)
    check_choice("prediction", prediction, PREDICTIONS)
    yi, vi, labels = check_effects(yi, vi, labels, min_studies=FEWEST["leave_one_out_effects"])
    options: dict[str, Any] = {"model": model, "ci": ci, "level": level, "hksj_floor": hksj_floor, "prediction": prediction}
    pooled = pool_effects(yi, vi, labels=labels, **options)
    rows = _without_each_effect(yi, vi, labels, lambda i: float, **options)
    notes = (*pooled.notes, *_narrow_notes(rows, vi, level))
    return LeaveOneOut(row_of_effect("all studies", pooled), rows, len(yi), model, None, ci, level, notes)


def _narrow_notes(rows: Sequence[PooledRow], vi: np.ndarray, level: float) -> tuple[str, ...]:
    return narrow_rows_notes(rows, [np.delete(vi, i) for i in range(len(vi))], level)


def _backs(measure: str, n: np.ndarray) -> Callable[[int], Back]:
    """The back transform without study i; only that of the double arcsine depends on which sizes are left."""
    if measure != "double-arcsine":
        same = back_transform(measure, n)
        return lambda i: same
    return lambda i: back_transform(measure, np.delete(n, i))


def _without_each_effect(
    yi: np.ndarray,
    vi: np.ndarray,
    labels: Sequence[str],
    backs: Callable[[int], Back],
    *,
    model: str,
    ci: str,
    level: float,
    hksj_floor: bool,
    prediction: str,
) -> tuple[PooledRow, ...]:
    k = len(yi)
    rows: list[PooledRow] = []
    X = np.ones((k - 1, 1))
    df = k - 2 if ci == "hksj" else None
    critical = critical_value(level, df)
    predicting = None if model == "common" else prediction_quantile(prediction, k - 1, df, level)
    for out, stay in leave_out_index(k):
        fit = fit_linear(yi[stay], vi[stay], X, model=model, ci=ci, hksj_floor=hksj_floor)
        q_p = stats.chi2.sf(fit.q, fit.df)
        for j, i in enumerate(out.tolist()):
            scale = _Scale(float(fit.beta[j, 0]), float(fit.se[j, 0]), float(fit.tau2[j]), critical, predicting)
            spread = (float(fit.tau2[j]), float(fit.i2[j]), float(fit.q[j]), float(q_p[j]))
            rows.append(scale.row(labels[i], k - 1, backs(i), spread, ci))
    return tuple(rows)


def _without_each_glmm(
    x: np.ndarray, n: np.ndarray, labels: Sequence[str], average: str, ci: str, level: float, prediction: str
) -> tuple[PooledRow, ...]:
    k = len(x)
    rows: list[PooledRow] = []
    vi = effects_of_counts(x, n, "logit").vi
    X = np.ones((k - 1, 1))
    df = None if ci == "wald" else k - 2
    critical, predicting = critical_value(level, df), prediction_quantile(prediction, k - 1, df, level)
    cut = profile_cut(level, k - 1 if ci == "profile-t" else None)
    back = back_transform("logit", n)
    for out, stay in leave_out_index(k, k):
        weights = np.ones((len(out), k))
        weights[np.arange(len(out)), out] = 0.0
        fit = fit_binomial_normal_batch(x, n, weights)
        regular = np.isfinite(fit.tau2)
        ends = _profile_ends(x, n, weights, fit, regular, cut) if ci in PROFILE_CI else None
        averages = (
            _averages(x, n, weights, fit, regular, critical, cut if ci in PROFILE_CI else None)
            if average == "population"
            else None
        )
        typical = typical_variance(vi[stay], X)
        q = _one_proportion_each(x, n, stay)
        q_p = stats.chi2.sf(q, k - 2)
        for j, i in enumerate(out.tolist()):
            if not regular[j]:
                kept = stay[j]
                names = [labels[m] for m in kept]
                options: dict[str, Any] = {
                    "measure": "logit",
                    "model": "glmm",
                    "average": average,
                    "ci": ci,
                    "level": level,
                    "hksj_floor": True,
                }
                rows.append(pool_count_rows(labels[i], x[kept], n[kept], names, **options))
                continue
            tau2 = float(fit.tau2[j])
            scale = _Scale(float(fit.mu[j]), float(fit.se[j]), tau2, critical, predicting)
            i2 = 100 * tau2 / (tau2 + float(typical[j]))
            spread = (tau2, i2, float(q[j]), float(q_p[j]))
            row = scale.row(labels[i], k - 1, back, spread, ci, None if ends is None else ends[j])
            rows.append(row if averages is None else _of_average(row, averages[j], DELTA_OF.get(ci, ci)))
    return tuple(rows)


def _of_average(row: PooledRow, average: np.ndarray, method: str) -> PooledRow:
    estimate, low, high = average.tolist()
    return replace(row, estimate=estimate, ci_low=low, ci_high=high, ci_method=method)


def _averages(
    x: np.ndarray,
    n: np.ndarray,
    weights: np.ndarray,
    fit: BinomialNormalBatch,
    regular: np.ndarray,
    critical: float,
    cut: float | None,
) -> np.ndarray:
    """Population averages and their limits, shape (b, 3), NaN where the likelihood has no maximum; by the delta method without a ``cut``."""
    found = np.full((len(weights), 3), np.nan)
    rows = np.flatnonzero(regular)
    if rows.size == 0:
        return found
    x, n = x.astype(float), n.astype(float)
    mu, tau = fit.mu[rows], np.sqrt(fit.tau2[rows])
    to = averages_of(mu, tau)
    data = Counts.of(x, n, weights[rows])
    _, sites = evaluate(mu, tau, data, mode_sites(mu[:, None], np.maximum(tau, SMALLEST_TAU)[:, None], x, n))
    at, _ = evaluate(mu, tau, data, sites)
    se = standard_error(at, to)
    if cut is None:
        ends = np.stack([to.lam - critical * se, to.lam + critical * se])
    else:
        ends = _walked(x, n, weights[rows], to.lam, tau, se, at.loglik - 0.5 * cut, of_average=True)
    found[rows] = np.stack([to.mean, *expit(ends)], axis=1)
    return found


@dataclass(frozen=True, slots=True)
class _Scale:
    """An estimate on the scale of the model, from which its row follows."""

    estimate: float
    se: float
    tau2: float
    critical: float
    predicting: float | None

    def row(
        self, label: str, k: int, back: Back, spread: tuple[float, float, float, float], ci: str, ends: np.ndarray | None = None
    ) -> PooledRow:
        half = self.critical * self.se
        low, high = (self.estimate - half, self.estimate + half) if ends is None else (float(ends[0]), float(ends[1]))
        estimate, lower, upper = (float(back(value)) for value in (self.estimate, low, high))
        pi: tuple[float | None, float | None] = (None, None)
        if self.predicting is not None:
            # As in `pooling.effects.prediction_limits`: each limit is as far off as the interval's and the studies' spread together.
            own = [self.predicting * self.se] * 2 if ends is None else [self.estimate - low, high - self.estimate]
            wide = np.hypot(own, self.predicting * np.sqrt(self.tau2))
            pi = float(back(self.estimate - wide[0])), float(back(self.estimate + wide[1]))
        scale = (self.estimate, self.se, low if np.isfinite(low) else None, high if np.isfinite(high) else None)
        return PooledRow(label, k, estimate, lower, upper, *pi, *scale, *spread, ci)


def _profile_ends(
    x: np.ndarray, n: np.ndarray, weights: np.ndarray, fit: BinomialNormalBatch, regular: np.ndarray, cut: float
) -> np.ndarray:
    """Profile likelihood limits of mu at a fall of ``cut`` (see `profile_cut`), shape (b, 2); NaN where the likelihood has no maximum."""
    ends = np.full((len(weights), 2), np.nan)
    rows = np.flatnonzero(regular)
    if rows.size == 0:
        return ends
    x, n = x.astype(float), n.astype(float)
    target = (fit.loglik - weights @ log_coefficients(x, n) - 0.5 * cut)[rows]
    ends[rows] = _walked(x, n, weights[rows], fit.mu[rows], np.sqrt(fit.tau2[rows]), fit.se[rows], target).T
    return ends


def _walked(
    x: np.ndarray,
    n: np.ndarray,
    weights: np.ndarray,
    at: np.ndarray,
    tau: np.ndarray,
    se: np.ndarray,
    target: np.ndarray,
    *,
    of_average: bool = False,
) -> np.ndarray:
    """Lower and upper profile likelihood limits of mu, or of the average's logit, at ``target``; shape (2, b)."""
    both = np.tile(np.arange(len(at)), 2)
    ends, _ = limits(
        at[both],
        tau[both],
        Counts.of(x, n, weights[both]),
        first_sites(x, n, both.size),
        target[both],
        np.repeat([-1, 1], len(at)),
        np.zeros(both.size, dtype=bool),
        se[both],
        of_average=of_average,
    )
    return ends.reshape(2, len(at))


def _one_proportion_each(x: np.ndarray, n: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """Likelihood ratio statistic of one proportion for all against one for each, for the studies that stay."""
    own = _loglik(x, n)[stay].sum(axis=-1)
    return np.maximum(0.0, 2 * (own - _loglik(x[stay].sum(axis=-1), n[stay].sum(axis=-1))))


def _loglik(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    share = x / n
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > 0, x * np.log(share), 0.0) + np.where(x < n, (n - x) * np.log1p(-share), 0.0)
