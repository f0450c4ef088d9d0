"""Cluster-robust errors CR2 with Satterthwaite's degrees of freedom.

Sources: Bell and McCaffrey (2002), Survey Methodology 28:169-181 (CR2, the correction that makes the variance unbiased when the model of
the covariance is right); Pustejovsky and Tipton (2018), Journal of Business and Economic Statistics 36:672-683 (with weights, and the
degrees of freedom, equations 11 and 15); Tipton (2015), Psychological Methods 20:375-393 (in meta-analysis). They are clubSandwich's
``coef_test(vcov = "CR2", test = "Satterthwaite")``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cordbook.synthesis.multilevel.model import Array, Block, MultilevelFit

# Eigenvalues below this share of the largest are those of directions that the model fits exactly.
NO_DIRECTION = 1e-12


def cluster_robust(blocks: Sequence[Block], fit: MultilevelFit) -> tuple[Array, Array]:
    """Return the CR2 covariance of the coefficients, shape (p, p), and Satterthwaite's degrees of freedom of each, shape (p,).

    The clusters are the blocks; the fitted covariance is both the weight (its inverse) and the model that the correction assumes.

    Examples
    --------
    >>> ones = np.ones((1, 1))
    >>> blocks = [Block(np.array([y]), ones, np.eye(1)) for y in (1.0, 2.0, 6.0)]
    >>> cov, df = cluster_robust(blocks, MultilevelFit(0.0, 0.0, np.array([3.0]), np.array([[1 / 3]]), 0.0))
    >>> cov.round(6), df.round(6)
    (array([[2.333333]]), array([2.]))
    """
    bread, scores, sides, spreads = fit.cov, [], [], []
    for block in blocks:
        phi = block.covariance(fit.study, fit.effect)
        adjusted = _adjustment(phi, block.X, bread)
        weighted = np.linalg.solve(phi, block.X)
        residual = block.y - block.X @ fit.beta
        scores.append(bread @ (weighted.T @ (adjusted @ residual)))
        side = adjusted.T @ weighted @ bread
        sides.append(block.X.T @ side)
        spreads.append(np.einsum("np,nm,mp->p", side, phi, side))
    stacked = np.array(scores)
    return stacked.T @ stacked, _satterthwaite(np.array(sides), np.array(spreads), bread)


def _adjustment(phi: Array, X: Array, bread: Array) -> Array:
    """The matrix A of a cluster with ``A (phi - X bread X') A' = phi``, where the cluster has room for it."""
    lower = np.linalg.cholesky(phi)
    inner = lower.T @ (phi - X @ bread @ X.T) @ lower
    values, vectors = np.linalg.eigh(0.5 * (inner + inner.T))
    kept = values > NO_DIRECTION * values.max()
    roots = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return lower @ ((vectors * roots) @ vectors.T) @ lower.T


def _satterthwaite(sides: Array, spreads: Array, bread: Array) -> Array:
    """Degrees of freedom ``tr(P)^2 / tr(P P)``; P holds the covariances of the clusters' shares of the variance, one for each coefficient."""
    df = []
    for c in range(bread.shape[0]):
        own = sides[:, :, c]
        P = -own @ bread @ own.T
        P[np.diag_indices_from(P)] += spreads[:, c]
        df.append(float(np.trace(P)) ** 2 / float((P**2).sum()))
    return np.array(df)
