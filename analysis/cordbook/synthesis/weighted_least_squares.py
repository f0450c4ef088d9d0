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
        s1 = w.sum(axis=-1)
        r = y - ((w * y).sum(axis=-1) / s1)[..., None]
        wr = w * r
        trace = s1 - (w * w).sum(axis=-1) / s1 if with_trace else s1
        return QTerms((wr * r).sum(axis=-1), (wr * wr).sum(axis=-1), trace)
    bread, r = least_squares(y, X, w)
    wr = w * r
    trace = w.sum(axis=-1) - trace_of(bread @ cross_product(X, w * w)) if with_trace else w.sum(axis=-1)
    return QTerms((wr * r).sum(axis=-1), (wr * wr).sum(axis=-1), trace)


def score_terms(y: Array, v: Array, X: Array | None, tau2: Array, *, restricted: bool) -> ScoreTerms:
    """Derivatives of the (restricted) log-likelihood in tau2, the coefficients profiled out."""
    w = 1.0 / (v + tau2[..., None])
    w2 = w * w
    sum_w, sum_w2 = w.sum(axis=-1), w2.sum(axis=-1)
    if X is None:
        r = y - ((w * y).sum(axis=-1) / sum_w)[..., None]
        pull = (w2 * r).sum(axis=-1) ** 2 / sum_w
        if restricted:
            ratio = sum_w2 / sum_w
            trace_p = sum_w - ratio
            trace_pp = sum_w2 - 2.0 * (w2 * w).sum(axis=-1) / sum_w + ratio * ratio
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
    yppp = (w * w2r2).sum(axis=-1) - pull
    return ScoreTerms(0.5 * (w2r2.sum(axis=-1) - trace_p), 0.5 * trace_pp - yppp, 0.5 * trace_pp)


def profile_loglik(y: Array, v: Array, X: Array | None, tau2: Array, *, restricted: bool) -> Array:
    """The (restricted) log-likelihood in tau2 up to a constant, the coefficients profiled out."""
    total = v + tau2[..., None]
    w = 1.0 / total
    if X is None:
        s1 = w.sum(axis=-1)
        r = y - ((w * y).sum(axis=-1) / s1)[..., None]
        log_det = np.log(s1) if restricted else 0.0
    else:
        bread, r = least_squares(np.broadcast_to(y, w.shape), X, w)
        log_det = -np.linalg.slogdet(bread)[1] if restricted else 0.0
    return -0.5 * (np.log(total).sum(axis=-1) + log_det + (w * r * r).sum(axis=-1))


def least_squares(y: Array, X: Array, w: Array) -> tuple[Array, Array]:
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
        r = y - y.mean(axis=-1, keepdims=True)
    else:
        _, r = least_squares(y, X, np.ones_like(y))
    return (r * r).sum(axis=-1)
