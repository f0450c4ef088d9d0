"""Restricted maximum likelihood of the model with random effects of studies and of effects within studies.

The model of effect i in study j is ``y_ij = x_ij' b + u_j + w_ij + e_ij`` with ``u_j ~ N(0, study)``, ``w_ij ~ N(0, effect)`` and sampling
errors ``e_j ~ N(0, V_j)``. Studies are independent, so all sums run over their blocks.

Source: Konstantopoulos (2011), Research Synthesis Methods 2:61-76; it is metafor's ``rma.mv(yi, V, random = ~ 1 | study/effect)``. The maximum
is found by Newton's steps, and by Fisher scoring where the likelihood is not concave, both kept at or above 0 (Harville 1977, Journal of
the American Statistical Association 72:320-338), from the best points of a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

LEVELS = ("study", "effect")
# Starts as shares of the variance of the effects; the likelihood of two variances can have two tops.
GRID = (0.0, 0.001, 0.01, 0.1, 0.4, 1.0)
STARTS = 4
MAX_STEPS = 2000
# The expected gain in log-likelihood of one more step below which none is made.
SMALLEST_GAIN = 1e-22


@dataclass(frozen=True, slots=True)
class Block:
    """One study: effects (n,), their design (n, p) and sampling covariance (n, n)."""

    y: Array
    X: Array
    V: Array

    def covariance(self, study: float, effect: float) -> Array:
        """The covariance of the effects of the study, sampling errors and random effects together."""
        return self.V + study + effect * np.eye(self.y.size)


@dataclass(frozen=True, slots=True)
class MultilevelFit:
    """The fit: variances of both levels, coefficients (p,) with their covariance (p, p), log-likelihood."""

    study: float
    effect: float
    beta: Array
    cov: Array
    loglik: float


@dataclass(frozen=True, slots=True)
class _Sums:
    """What one pass over the blocks gives at one pair of variances: gradient (m,), expected and observed information (m, m)."""

    loglik: float
    beta: Array
    cov: Array
    gradient: Array
    expected: Array
    observed: Array


def fit_multilevel(blocks: Sequence[Block], levels: Sequence[str], *, climbs: int = STARTS) -> MultilevelFit:
    """Fit by REML; variances of levels that are not named are 0.

    Parameters
    ----------
    blocks : sequence of Block
        One a study; the columns of all X together are linearly independent, and fewer than the effects.
    levels : sequence of {"study", "effect"}
        Which random effects there are.
    climbs : int
        From how many of the best points of the grid the top is looked for.

    Raises
    ------
    RuntimeError
        Where the likelihood has no top that can be found.

    Examples
    --------
    >>> ones = np.ones((2, 1))
    >>> blocks = [Block(np.array(y), ones, np.eye(2) * 0.01) for y in ([0.1, 0.3], [0.9, 0.6], [0.4, 0.5])]
    >>> fit = fit_multilevel(blocks, LEVELS)
    >>> round(fit.study, 4), round(fit.effect, 4), round(float(fit.beta[0]), 4)
    (0.0642, 0.0133, 0.4667)
    """
    y = np.concatenate([block.y for block in blocks])
    spread = float(y.var()) or float(np.mean([np.trace(block.V) / block.y.size for block in blocks]))
    index = [LEVELS.index(level) for level in levels]
    grid = [np.array(start) * spread for start in product(GRID, repeat=len(index))]
    starts = sorted(grid, key=lambda theta: -_sums(blocks, index, theta).loglik)[:climbs]
    theta, found = max((_climb(blocks, index, start) for start in starts), key=lambda pair: pair[1].loglik)
    variances = dict.fromkeys(LEVELS, 0.0) | {level: float(value) for level, value in zip(levels, theta, strict=True)}
    return MultilevelFit(variances["study"], variances["effect"], found.beta, found.cov, found.loglik)


def _climb(blocks: Sequence[Block], index: Sequence[int], start: Array) -> tuple[Array, _Sums]:
    theta, at = start, _sums(blocks, index, start)
    for _ in range(MAX_STEPS):
        free = ~((theta == 0.0) & (at.gradient <= 0.0))
        if not free.any():
            return theta, at
        step = np.zeros_like(theta)
        step[free] = _step(at, free)
        if float(step @ at.gradient) < SMALLEST_GAIN:
            return theta, at
        moved = _advance(blocks, index, theta, step, at)
        if moved is None:
            return theta, at
        theta, at = moved
    raise RuntimeError(
        "The variances between studies and between effects did not settle; look for effects with very small variances, or use one level."
    )


def _step(at: _Sums, free: NDArray[np.bool_]) -> Array:
    """Newton's step where the likelihood is concave, which settles where scoring would swing about the top; else that of scoring."""
    own = np.ix_(free, free)
    concave = bool((np.linalg.eigvalsh(at.observed[own]) > 0).all())
    return np.linalg.solve(at.observed[own] if concave else at.expected[own], at.gradient[free])


def _advance(blocks: Sequence[Block], index: Sequence[int], theta: Array, step: Array, at: _Sums) -> tuple[Array, _Sums] | None:
    """The next point: the step, or a part of it that does not go down; None where rounding alone is left."""
    for halving in range(40):
        there = np.maximum(theta + step * 0.5**halving, 0.0)
        if (there == theta).all():
            return None
        found = _sums(blocks, index, there)
        if found.loglik >= at.loglik - 1e-13 * (1 + abs(at.loglik)):
            return there, found
    return None


def _sums(blocks: Sequence[Block], index: Sequence[int], theta: Array) -> _Sums:
    """Log-likelihood (as metafor's REML), coefficients, gradient and expected information at variances ``theta``."""
    p, m = blocks[0].X.shape[1], len(index)
    both = np.zeros(2)
    both[list(index)] = theta
    parts, XWX, XWy, logdet, k = [], np.zeros((p, p)), np.zeros(p), 0.0, 0
    for block in blocks:
        lower = np.linalg.cholesky(block.covariance(*both))
        W = _inverse(lower)
        WX = W @ block.X
        XWX += block.X.T @ WX
        XWy += WX.T @ block.y
        logdet += 2 * float(np.log(np.diag(lower)).sum())
        k += block.y.size
        parts.append((block, W, WX))
    cov = np.linalg.inv(XWX)
    beta = cov @ XWy
    rss, gradient, expected, observed = 0.0, np.zeros(m), np.zeros((m, m)), np.zeros((m, m))
    middle, sides = [np.zeros((p, p)) for _ in range(m)], np.zeros((m, p))
    for block, W, WX in parts:
        residual = block.y - block.X @ beta
        Wr = W @ residual
        rss += float(residual @ Wr)
        bases = (np.ones_like(W), np.eye(block.y.size))
        WB = [W @ bases[i] for i in index]
        pulled = [bases[i] @ Wr for i in index]
        for a, i in enumerate(index):
            gradient[a] += float(Wr @ bases[i] @ Wr) - float(np.trace(WB[a]))
            middle[a] += WX.T @ bases[i] @ WX
            sides[a] += WX.T @ pulled[a]
            for b in range(m):
                expected[a, b] += float((WB[a] * WB[b].T).sum()) - 2 * float(np.trace(cov @ WX.T @ bases[i] @ WB[b] @ WX))
                observed[a, b] += float(pulled[a] @ W @ pulled[b])
    inner = [cov @ matrix for matrix in middle]
    for a in range(m):
        gradient[a] += float(np.trace(inner[a]))
        for b in range(m):
            expected[a, b] += float((inner[a] * inner[b].T).sum())
    XX = sum(block.X.T @ block.X for block in blocks)
    loglik = -0.5 * ((k - p) * np.log(2 * np.pi) - np.linalg.slogdet(XX)[1] + logdet + np.linalg.slogdet(XWX)[1] + rss)
    return _Sums(float(loglik), beta, cov, 0.5 * gradient, 0.5 * expected, observed - sides @ cov @ sides.T - 0.5 * expected)


def _inverse(lower: Array) -> Array:
    inverse = np.linalg.inv(lower)
    return inverse.T @ inverse
