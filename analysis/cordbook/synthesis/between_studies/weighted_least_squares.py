"""Weighted least squares in batches: the quadratic forms and traces behind estimators of tau-squared.

Shapes: ``y`` and ``v`` (effect sizes and sampling variances) ``(..., k)``, ``X`` (design matrix) ``(k, p)``, ``(..., k, p)``
or None for an intercept only, ``tau2`` the leading shape. With ``W = diag(1 / (v + tau2))`` and
``P = W - W X (X'W X)^-1 X'W``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The sum of an array without the few microseconds that its method spends on options; fits of one data set feel them.
add = np.add.reduce

# Studies in one matrix product of `power_sums`: its arrays stay in the cache, and it is too small to be worth threads.
BLOCK = 2_000


class QTerms(NamedTuple):
    q: Array  # y'P y
    slope: Array  # y'P P y = -dq/dtau2
    trace: Array  # tr P


class ScoreTerms(NamedTuple):
    score: Array
    curvature: Array  # second derivative
    information: Array  # expected information, always positive


def q_terms(y: Array, v: Array, X: Array | None, tau2: Array, *, with_trace: bool) -> QTerms:
    w = 1.0 / (v + tau2[..., None])
    if X is None:
        s1 = add(w, axis=-1)
        r = y - (np.vecdot(w, y) / s1)[..., None]
        wr = w * r
        trace = s1 - np.vecdot(w, w) / s1 if with_trace else s1
        return QTerms(np.vecdot(wr, r), np.vecdot(wr, wr), trace)
    bread, r = least_squares(y, X, w)
    wr = w * r
    trace = add(w, axis=-1) - trace_of(bread @ cross_product(X, w * w)) if with_trace else add(w, axis=-1)
    return QTerms((wr * r).sum(axis=-1), (wr * wr).sum(axis=-1), trace)


def score_terms(y: Array, v: Array, X: Array | None, tau2: Array, *, restricted: bool) -> ScoreTerms:
    """Derivatives of the (restricted) log-likelihood in tau2, the coefficients profiled out."""
    w = 1.0 / (v + tau2[..., None])
    w2 = w * w
    sum_w, sum_w2 = add(w, axis=-1), add(w2, axis=-1)
    if X is None:
        r = y - (np.vecdot(w, y) / sum_w)[..., None]
        pull = np.vecdot(w2, r) ** 2 / sum_w
        if restricted:
            ratio = sum_w2 / sum_w
            trace_p = sum_w - ratio
            trace_pp = sum_w2 - 2.0 * np.vecdot(w2, w) / sum_w + ratio * ratio
        else:
            trace_p, trace_pp = sum_w, sum_w2
    else:
        bread, r = least_squares(y, X, w)
        lean = np.squeeze(np.swapaxes(X, -1, -2) @ (w2 * r)[..., None], axis=-1)
        pull = (lean * np.squeeze(bread @ lean[..., None], axis=-1)).sum(axis=-1)
        if restricted:
            share = bread @ cross_product(X, w2)
            trace_p = sum_w - trace_of(share)
            trace_pp = sum_w2 - 2.0 * trace_of(bread @ cross_product(X, w2 * w)) + trace_of(share @ share)
        else:
            trace_p, trace_pp = sum_w, sum_w2
    w2r2 = w2 * r * r
    yppp = np.vecdot(w, w2r2) - pull
    return ScoreTerms(0.5 * (add(w2r2, axis=-1) - trace_p), 0.5 * trace_pp - yppp, 0.5 * trace_pp)


def power_sums(r: Array, v: Array, tau2: Array, top: int) -> Array:
    """Return the sums over studies of ``w^a r^c``, a = 1..top and c = 0, 1, 2, of one data set at g values of tau2.

    ``r`` and ``v`` have shape (k,), ``tau2`` (g,), the result (top, 3, g). All that the score needs without moderators is a
    polynomial in these, and one matrix product gives them all; `residual_sums` turns them into sums of residuals.
    """
    if r.size > BLOCK:
        parts = (slice(first, first + BLOCK) for first in range(0, r.size, BLOCK))
        return add([power_sums(r[part], v[part], tau2, top) for part in parts], axis=0)
    factors = np.empty((3, r.size))
    factors[0] = 1.0
    factors[1] = r
    np.multiply(r, r, out=factors[2])
    w = np.empty((top, tau2.size, r.size))
    np.add(v, tau2[:, None], out=w[0])
    np.divide(1.0, w[0], out=w[0])
    for a in range(1, top):
        np.multiply(w[a - 1], w[0], out=w[a])
    return np.swapaxes(w @ factors.T, 1, 2)


def residual_sums(level: Array, first: Array, second: Array, shift: Array) -> tuple[Array, Array]:
    """Return the sums of ``w^a (r - shift)`` and ``w^a (r - shift)^2`` from those of ``w^a``, ``w^a r`` and ``w^a r^2``."""
    lean = first - shift * level
    return lean, second - shift * (first + lean)


def profile_loglik(y: Array, v: Array, X: Array | None, tau2: Array, *, restricted: bool) -> Array:
    """The (restricted) log-likelihood in tau2 up to a constant, the coefficients profiled out."""
    total = v + tau2[..., None]
    w = 1.0 / total
    if X is None:
        s1 = add(w, axis=-1)
        r = y - (np.vecdot(w, y) / s1)[..., None]
        log_det = np.log(s1) if restricted else 0.0
    else:
        bread, r = least_squares(np.broadcast_to(y, w.shape), X, w)
        log_det = -np.linalg.slogdet(bread)[1] if restricted else 0.0
    return -0.5 * (add(np.log(total), axis=-1) + log_det + np.vecdot(w * r, r))


def least_squares(y: Array, X: Array, w: Array) -> tuple[NDArray[np.floating], Array]:
    """Return ``(X'W X)^-1`` and the residuals of the weighted fit."""
    bread = np.linalg.inv(cross_product(X, w))
    beta = bread @ (np.swapaxes(X, -1, -2) @ (w * y)[..., None])
    return bread, y - np.squeeze(X @ beta, axis=-1)


def cross_product(X: Array, w: Array) -> Array:
    return np.swapaxes(X, -1, -2) @ (X * w[..., None])


def trace_of(square: Array) -> Array:
    return np.trace(square, axis1=-2, axis2=-1)


def residual_ss(y: Array, X: Array | None) -> Array:
    """Residual sum of squares of the unweighted fit."""
    if X is None:
        r = y - add(y, axis=-1, keepdims=True) / y.shape[-1]
    else:
        _, r = least_squares(y, X, np.ones_like(y))
    return np.vecdot(r, r)
