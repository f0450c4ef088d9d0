"""The mixed-effects linear model y = X b + u + e, u ~ N(0, tau2), e_i ~ N(0, v_i), fitted to many data sets at once.

Arrays have leading batch axes: yi and vi (..., k), X (..., k, p). One data set is the case without leading axes.
Regression, permutation tests, influence diagnostics and Egger's test all rest on this one fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cordbook.synthesis.between_studies.tau2 import estimate_tau2
from cordbook.synthesis.checks import check_choice
from cordbook.synthesis.pooling.effects import EFFECT_CI, EFFECT_MODELS, EXACT_FIT, hksj_factor

EffectModel = Literal["common", "dl", "pm", "reml", "ml"]
Interval = Literal["wald", "hksj"]


@dataclass(frozen=True, slots=True)
class LinearFit:
    """Fits of one or many data sets.

    beta (..., p) coefficients; bread (..., p, p) their covariance before the Knapp-Hartung factor s2w (1 for Wald),
    `cov` with it; tau2, q (residual Q, weights 1 / v), i2 (percent) and h2, each (...); df the residual degrees of
    freedom, k - p.
    """

    beta: np.ndarray
    bread: np.ndarray
    tau2: np.ndarray
    s2w: np.ndarray
    q: np.ndarray
    i2: np.ndarray
    h2: np.ndarray
    df: int

    @property
    def cov(self) -> np.ndarray:
        return self.bread * np.asarray(self.s2w)[..., None, None]

    @property
    def se(self) -> np.ndarray:
        return np.sqrt(np.diagonal(self.cov, axis1=-2, axis2=-1))


def fit_linear(
    yi: np.ndarray, vi: np.ndarray, X: np.ndarray, *, model: str = "reml", ci: str = "wald", hksj_floor: bool = True
) -> LinearFit:
    """Fit the model; see LinearFit. X must have full column rank and k > p.

    I2 and H2 of a random-effects model are tau2 / (tau2 + s2) and tau2 / s2 + 1 with the typical sampling variance
    s2 = (k - p) / trace(P) (Higgins and Thompson 2002, generalised to moderators as in metafor); those of a
    common-effect model come from Q. Knapp and Hartung (2003) multiply the covariance by the weighted residual mean
    square.
    """
    k, p = X.shape[-2:]
    basis = orthonormal_basis(X)
    tau2 = (
        np.zeros(yi.shape[:-1])
        if model == "common"
        else np.asarray(estimate_tau2(model, yi, vi, None if intercept_only(X) else basis))
    )
    beta, bread, rss = weighted_least_squares(yi, 1 / (vi + tau2[..., None]), X)
    s2w = hksj_factor(rss, k - p, floor=hksj_floor) if ci == "hksj" else np.ones_like(tau2)
    _, _, q = weighted_least_squares(yi, 1 / vi, basis)
    if model == "common":
        h2 = q / (k - p)
        i2 = np.where(q > 0, 100 * np.maximum(0.0, q - (k - p)) / np.where(q > 0, q, 1.0), 0.0)
    else:
        typical = typical_variance(vi, basis)
        i2, h2 = 100 * tau2 / (tau2 + typical), tau2 / typical + 1
    return LinearFit(beta, bread, tau2, s2w, q, i2, h2, k - p)


def weighted_least_squares(yi: np.ndarray, wi: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients (..., p), (X'WX)^-1 (..., p, p) and the weighted residual sum of squares (...).

    By QR of the weighted design: the normal equations would square its condition number, and a year of publication
    beside an intercept alone has one near 1000.
    """
    root = np.sqrt(wi)
    Q, R = np.linalg.qr(X * root[..., None])
    z = yi * root
    rotated = np.einsum("...kp,...k->...p", Q, z)
    inverse = np.linalg.inv(R)
    beta = np.einsum("...pq,...q->...p", inverse, rotated)
    residual = z - np.einsum("...kp,...p->...k", Q, rotated)
    return beta, inverse @ np.swapaxes(inverse, -1, -2), (residual**2).sum(axis=-1)


def intercept_only(X: np.ndarray) -> bool:
    """Whether the design is a single column of ones, for which tau2 has shorter formulas."""
    return X.shape[-1] == 1 and bool((X == 1).all())


def orthonormal_basis(X: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span those of X: the same model for tau2, Q and I2, without trouble from units."""
    length = np.sqrt((X**2).sum(axis=-2, keepdims=True))
    return np.linalg.qr(X / length)[0]


def typical_variance(vi: np.ndarray, X: np.ndarray) -> np.ndarray:
    """s2 = (k - p) / trace(P), P = W - W X (X'WX)^-1 X'W with W = diag(1 / v); shape (...)."""
    k, p = X.shape[-2:]
    wi = 1 / vi
    _, inverse, _ = weighted_least_squares(np.zeros_like(vi), wi, X)
    squared = np.einsum("...kp,...k,...kq->...pq", X, wi**2, X)
    return (k - p) / (wi.sum(axis=-1) - np.einsum("...pq,...qp->...", inverse, squared))


def hat_values(vi: np.ndarray, tau2: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Leverages (..., k): the diagonal of X (X'WX)^-1 X'W with W = diag(1 / (v + tau2))."""
    root = 1 / np.sqrt(vi + np.asarray(tau2)[..., None])
    return (np.linalg.qr(X * root[..., None])[0] ** 2).sum(axis=-1)


def check_spread(fit: LinearFit, ci: str) -> None:
    """Raise ValueError where Knapp-Hartung intervals would have no width because the effects fit exactly."""
    if ci == "hksj" and not fit.s2w > EXACT_FIT:
        raise ValueError(
            "The model fits all effects exactly, so a Knapp-Hartung interval would have no width; use ci='wald', or "
            "hksj_floor=True."
        )


def wald_statistic(fit: LinearFit, columns: Sequence[int]) -> np.ndarray:
    """b' V^-1 b of these coefficients, (...): chi2 with len(columns) df, or that times an F statistic after
    Knapp-Hartung.
    """
    beta, bread = fit.beta[..., columns], fit.bread[..., columns, :][..., columns]
    squared = np.einsum("...p,...p->...", beta, np.linalg.solve(bread, beta[..., None])[..., 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        return squared / fit.s2w


def check_model(model: str, ci: str) -> None:
    """Raise ValueError unless the model and the interval are ones of effect sizes."""
    check_choice("model", model, EFFECT_MODELS)
    check_choice("ci", ci, EFFECT_CI)
