"""Trim and fill: how many studies would make the funnel plot symmetric, and what the pooled effect would be with them.

A sensitivity analysis, not a correction: it takes all asymmetry for missing studies, and does poorly when studies
differ.

References
----------
Duval and Tweedie (2000), Journal of the American Statistical Association 95, 89-98, and Biometrics 56, 455-463.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from cordbook.synthesis.checks import FEWEST, check_choice, check_effects, columns_of
from cordbook.synthesis.pooling.effects import EFFECT_MODELS, pool_effects
from cordbook.synthesis.regression.linear_model import fit_linear
from cordbook.synthesis.regression.moderators import scaled_rank
from cordbook.synthesis.results import PooledEffect, Result, number

if TYPE_CHECKING:
    import pandas as pd

ESTIMATORS = ("L0", "R0", "Q0")
SIDES = ("left", "right")
# The number of trimmed studies settles within a few rounds or cycles for ever.
MAX_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class FilledStudy:
    """A study that trim and fill adds: the mirror image of `mirror_of`."""

    mirror_of: str
    yi: float
    vi: float


@dataclass(frozen=True, slots=True)
class TrimFill(Result):
    """Result of `trim_and_fill`.

    `k0` studies were added on `side`; `k0_se` is None where its formula has no value; `k0_p` (R0 only) tests that none
    is missing.
    """

    k0: int
    k0_se: float | None
    k0_p: float | None
    side: str
    estimator: str
    observed: PooledEffect
    adjusted: PooledEffect
    filled: tuple[FilledStudy, ...]
    notes: tuple[str, ...] = ()

    def _lines(self) -> list[str]:
        before, after = self.observed, self.adjusted
        lines = [
            f"Trim and fill ({self.estimator}): {self.k0} studies added on the {self.side}",
            f"  pooled effect {number(before.estimate)} ({number(before.ci_low)} to {number(before.ci_high)}) as "
            "observed, "
            f"{number(after.estimate)} ({number(after.ci_low)} to {number(after.ci_high)}) with them",
        ]
        return lines


def trim_and_fill(
    yi: Sequence[float],
    vi: Sequence[float],
    *,
    labels: Sequence[str] | None = None,
    estimator: Literal["L0", "R0", "Q0"] = "L0",
    side: Literal["left", "right"] | None = None,
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> TrimFill:
    """Estimate the number of missing studies and pool with their mirror images filled in.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,).
    estimator
        L0 (default, the most robust), R0 (with a test that none is missing) or Q0.
    side
        Where studies are missing; by default opposite to where small studies lie, by the sign of Egger's slope.
    model, ci, level, hksj_floor, prediction
        As in `pool_effects`; the model also finds the centre while trimming.
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        Fewer than 3 studies, or an algorithm that does not settle (try another estimator).

    Examples
    --------
    >>> yi, vi = [0.1, 0.15, 0.2, 0.3, 0.5, 0.6, 0.9], [0.01, 0.01, 0.02, 0.04, 0.08, 0.1, 0.2]
    >>> found = trim_and_fill(yi, vi, side="left")
    >>> found.k0, found.adjusted.estimate < found.observed.estimate
    (3, True)
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    check_choice("estimator", estimator, ESTIMATORS)
    check_choice("model", model, EFFECT_MODELS)
    yi, vi, labels = check_effects(yi, vi, labels, min_studies=FEWEST["trim_and_fill"])
    if side is not None:
        check_choice("side", side, SIDES)
    observed = pool_effects(yi, vi, labels=labels, model=model, ci=ci, level=level, hksj_floor=hksj_floor, prediction=prediction)
    side = side or _missing_side(yi, vi, model)
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * yi, kind="stable")
    ordered, variances = sign * yi[order], vi[order]
    k0, k0_se, centre = _missing_number(ordered, variances, estimator, model)
    k0_p = _none_missing_p(k0) if estimator == "R0" else None
    notes = ("Trim and fill takes all asymmetry for missing studies; read it as a sensitivity analysis.",)
    if k0 == 0:
        return TrimFill(0, k0_se, k0_p, side, estimator, observed, observed, (), notes)
    extreme = range(len(yi) - k0, len(yi))
    filled = tuple(FilledStudy(labels[order[i]], float(sign * (2 * centre - ordered[i])), float(variances[i])) for i in extreme)
    adjusted = pool_effects(
        np.concatenate([yi, [study.yi for study in filled]]),
        np.concatenate([vi, [study.vi for study in filled]]),
        labels=[*labels, *(f"filled: mirror of {study.mirror_of}" for study in filled)],
        model=model,
        ci=ci,
        level=level,
        hksj_floor=hksj_floor,
        prediction=prediction,
    )
    return TrimFill(k0, k0_se, k0_p, side, estimator, observed, adjusted, filled, notes)


def _missing_side(yi: np.ndarray, vi: np.ndarray, model: str) -> str:
    X = np.column_stack([np.ones_like(yi), np.sqrt(vi)])
    if scaled_rank(X) < 2:
        raise ValueError("All studies have the same variance, so the side cannot be found; give side='left' or 'right'.")
    return "right" if fit_linear(yi, vi, X, model=model).beta[1] < 0 else "left"


def _missing_number(yi: np.ndarray, vi: np.ndarray, estimator: str, model: str) -> tuple[int, float | None, float]:
    """Number of studies missing on the left of increasing effects, its standard error, and the centre after
    trimming.
    """
    k, k0 = len(yi), 0
    for _ in range(MAX_ROUNDS):
        stay = k - k0
        centre = float(fit_linear(yi[:stay], vi[:stay], np.ones((stay, 1)), model=model).beta[0]) if stay > 1 else float(yi[0])
        raw, spread = _estimators(yi - centre, estimator)
        rounded = 0 if math.isnan(raw) else max(0, round(raw))
        if rounded == k0:
            return k0, None if math.isnan(spread) else spread, centre
        if rounded >= k:
            break
        k0 = rounded
    raise ValueError(f"Trim and fill with {estimator} does not settle on these data; try another estimator.")


def _estimators(centred: np.ndarray, estimator: str) -> tuple[float, float]:
    """Raw number of missing studies and its standard error, from signed ranks (Duval and Tweedie 2000)."""
    k = len(centred)
    ranks = stats.rankdata(np.abs(centred), method="ordinal")
    if estimator == "R0":
        negative = ranks[centred < 0]
        k0 = k - (int(negative.max()) if negative.size else 0) - 1
        return float(k0), math.sqrt(2 * max(0, k0) + 2)
    total = float(ranks[centred > 0].sum())
    if estimator == "L0":
        k0 = (4 * total - k * (k + 1)) / (2 * k - 1)
        return k0, 4 * _root(_rank_variance(k, k0)) / (2 * k - 1)
    k0 = k - 0.5 - _root(2 * k**2 - 4 * total + 0.25)
    scale = _root((k - 0.5) ** 2 - k0 * (2 * k - k0 - 1))
    return k0, 2 * _root(_rank_variance(k, k0)) / scale if scale > 0 else math.nan


def _rank_variance(k: int, k0: float) -> float:
    return (k * (k + 1) * (2 * k + 1) + 10 * k0**3 + 27 * k0**2 + 17 * k0 - 18 * k * k0**2 - 18 * k * k0 + 6 * k**2 * k0) / 24


def _root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _none_missing_p(k0: int) -> float:
    """P(R0 >= k0) when no study is missing: R0 + 1 counts a run of signs, so it is negative binomial."""
    return 1 - sum(0.5 ** (m + 2) for m in range(-1, k0))
