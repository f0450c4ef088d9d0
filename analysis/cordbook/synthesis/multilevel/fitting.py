"""A model of several effects a study, fitted with the errors that are asked for; shared by the mean and by regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from cordbook.synthesis.multilevel.input import Effects
from cordbook.synthesis.multilevel.model import Array, MultilevelFit, fit_multilevel
from cordbook.synthesis.multilevel.profile import variance_intervals
from cordbook.synthesis.multilevel.robust import cluster_robust

INTERVALS = ("cr2", "t", "wald")
# Below this many degrees of freedom Satterthwaite's p values are not to be trusted (Tipton 2015).
FEWEST_DF = 4.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """Coefficients (p,), their covariance (p, p) and degrees of freedom by the method of the interval, the fit, and what is left of Q.

    i2_study, i2_effect: share of the variance of an effect, in percent; typical: the typical sampling variance they are set against.
    """

    beta: Array
    cov: Array
    df: tuple[float | None, ...]
    fit: MultilevelFit
    q: float
    q_df: int
    q_p: float
    i2_study: float
    i2_effect: float
    weights: Array
    notes: tuple[str, ...]
    #: Profile-likelihood limits of the variances by level, where they were asked for.
    limits: Mapping[str, tuple[float, float | None]]


def fit_effects(effects: Effects, X: Array, levels: Sequence[str], ci: str, *, limits_at: float | None = None) -> Fitted:
    """Fit the model and its errors; X (k, p) has full column rank and fewer columns than effects.

    The variances get limits of the confidence level ``limits_at``, if any.

    "t" counts degrees of freedom by containment (metafor's ``dfs = "contain"``): of a coefficient whose column differs within studies effects
    less p, of another studies less p, where there is a variance of studies; without one effects less p.

    I2 generalises Higgins and Thompson (2002): each variance over the sum of both and the typical sampling variance ``(k - p) / trace(P)``.
    """
    # An orthonormal basis of the design keeps a year of publication beside an intercept from costing digits.
    basis, upper = np.linalg.qr(X)
    blocks = effects.blocks(basis)
    fit = fit_multilevel(blocks, levels)
    limits = {} if limits_at is None else variance_intervals(blocks, levels, fit, limits_at)
    back = np.linalg.inv(upper)
    fit = MultilevelFit(fit.study, fit.effect, back @ fit.beta, back @ fit.cov @ back.T, fit.loglik)
    k, p = X.shape
    notes: tuple[str, ...] = ()
    if ci == "cr2":
        cov, found = cluster_robust(effects.blocks(X), fit)
        df: tuple[float | None, ...] = tuple(found.tolist())
        fewest = float(found.min())
        if fewest < FEWEST_DF:
            notes = (
                f"Satterthwaite's degrees of freedom are {fewest:.1f}, below {FEWEST_DF:g}: p values and limits of so few studies are "
                "not to be trusted (Tipton 2015).",
            )
    else:
        cov = fit.cov
        df = tuple(_contained(effects, X, levels)) if ci == "t" else (None,) * p
    W = np.linalg.inv(effects.V)
    bread = np.linalg.inv(basis.T @ W @ basis)
    P = W - W @ basis @ bread @ basis.T @ W
    typical = (k - p) / float(np.trace(P))
    total = fit.study + fit.effect + typical
    q = float(effects.y @ P @ effects.y)
    return Fitted(
        fit.beta,
        cov,
        df,
        fit,
        q,
        k - p,
        float(chdtrc(k - p, q)),
        100 * fit.study / total,
        100 * fit.effect / total,
        _weights(effects, X, fit),
        notes,
        limits,
    )


def _contained(effects: Effects, X: Array, levels: Sequence[str]) -> list[float | None]:
    k, p = X.shape
    within = [any(np.ptp(X[rows, c]) > 0 for rows in effects.rows) for c in range(p)]
    counts = [k - p if varies or "study" not in levels else len(effects.rows) - p for varies in within]
    if min(counts) < 1:
        raise ValueError(
            f"{len(effects.rows)} studies leave no degrees of freedom for {p} coefficients; use ci='wald', or fewer moderators."
        )
    return [float(count) for count in counts]


def _weights(effects: Effects, X: Array, fit: MultilevelFit) -> Array:
    """The weight of each effect in the first coefficient, in percent of all; for a mean its share of the estimate."""
    weights = np.empty(effects.k)
    for rows, block in zip(effects.rows, effects.blocks(X), strict=True):
        weights[rows] = np.linalg.solve(block.covariance(fit.study, fit.effect), np.ones(rows.size))
    return 100 * weights / weights.sum()
