"""The likelihood of the binomial-normal model: each study's logit integrated out, on many values of mu and tau at once.

L(mu, tau) is the integral over theta of binomial(x; n, expit(theta)) normal(theta; mu, tau^2), without the binomial
coefficient. Two rules share the work, because neither is exact everywhere:

- adaptive Gauss-Hermite, centred and scaled at each integrand's mode, where the integrand is close to a bell: tau small, or
  events and non-events both plenty;
- the trapezoid rule on one grid of theta for all of mu, where tau is large and events are few: there the integrand is a
  one-sided shelf on which Gauss-Hermite with 21 nodes is wrong in the third digit, while the trapezoid rule converges
  exponentially (Trefethen and Weideman 2014, SIAM Review 56:385-458).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import expit

__all__ = ["conditional_moments", "product", "softplus", "study_log_likelihood"]

# Nodes of the adaptive rule: relative error below 1e-8 for tau up to SMALL_TAU, and for any tau with plenty of events.
ORDER = 13
# Nodes where only a rough value is wanted, to find where the posterior lies.
ROUGH_ORDER = 9
# Above this tau, studies with few events go to the trapezoid rule.
SMALL_TAU = 0.5
# "Few": fewer events, or fewer non-events, than this.
FEW = 25
# Step of the trapezoid rule in units of the narrowest integrand: 0.5 puts its error below 1e-9.
TRAPEZOID_STEP = 0.5
# Standard deviations of the normal beyond which the trapezoid rule stops: exp(-32) of its peak.
REACH = 8.0
# Logits within which binomial likelihoods of few events bend; further out the grid may widen with distance.
BEND = 15.0
# Newton steps for the mode of one study: the start is close and the log integrand concave.
MODE_STEPS = 12
# A mode that moves less than this (in standard deviations) does not change the integral.
MODE_TOLERANCE = 1e-4
# No Newton step is longer than this many logits, so that none jumps over the bend of the likelihood.
LONGEST_STEP = 2.0
# OpenBLAS starts further threads above 2**18 multiplications.
ONE_THREAD = 2**18
# Numbers held at once (16 MB).
CHUNK = 2_000_000


@lru_cache(maxsize=4)
def _hermite(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights for the integral of f(z): sum of exp(log weight) f(node), with exp(z^2/2) inside the weight."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    log_weights = np.log(weights) + 0.5 * nodes**2
    nodes.setflags(write=False)
    log_weights.setflags(write=False)
    return nodes, log_weights


def softplus(theta: np.ndarray) -> np.ndarray:
    """log(1 + exp(theta)), without overflow."""
    return np.maximum(theta, 0.0) + np.log1p(np.exp(-np.abs(theta)))


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left @ right in blocks of rows that OpenBLAS multiplies on one thread.

    These products take microseconds; on a busy machine, threads that wait for each other make them take milliseconds.
    """
    rows = max(1, ONE_THREAD // max(1, right.size))
    if left.shape[0] <= rows:
        return left @ right
    return np.concatenate([left[i : i + rows] @ right for i in range(0, left.shape[0], rows)])


def _modes(x: np.ndarray, n: np.ndarray, mu: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mode of z, where theta = mu + tau z, and the standard deviation of z there; all arrays broadcast together."""
    start = np.log((x + 0.5) / (n - x + 0.5))
    spread = (n + 1.0) / ((x + 0.5) * (n - x + 0.5))
    z = tau * (start - mu) / (spread + tau**2)
    longest = LONGEST_STEP / tau
    for _ in range(MODE_STEPS):
        p = expit(mu + tau * z)
        slope = 1.0 + tau**2 * n * p * (1.0 - p)
        step = np.clip((z - tau * (x - n * p)) / slope, -longest, longest)
        z = z - step
        if np.abs(step).max() < MODE_TOLERANCE:
            break
    p = expit(mu + tau * z)
    return z, 1.0 / np.sqrt(1.0 + tau**2 * n * p * (1.0 - p))


def _hermite_terms(
    x: np.ndarray, n: np.ndarray, mu: np.ndarray, tau: np.ndarray, order: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """theta at the nodes and the log of each node's contribution; a last axis for the nodes."""
    z, sd = _modes(x, n, mu, tau)
    nodes, log_weights = _hermite(order)
    at = z[..., None] + sd[..., None] * nodes
    theta = mu[..., None] + tau[..., None] * at
    terms = x[..., None] * theta - n[..., None] * softplus(theta) - 0.5 * at * at + log_weights
    return theta, terms, np.log(sd) - 0.5 * np.log(2 * np.pi)


def _log_sum(terms: np.ndarray) -> np.ndarray:
    peak = terms.max(axis=-1)
    return peak + np.log(np.exp(terms - peak[..., None]).sum(axis=-1))


def conditional_moments(
    x: np.ndarray, n: np.ndarray, mu: np.ndarray, tau: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rough log L (u, j) of u studies at j pairs of (mu, tau), with its first and second derivative in mu.

    x, n are (u,) floats; mu, tau are (j,).
    """
    x, n, mu, tau = np.broadcast_arrays(x[:, None], n[:, None], mu[None, :], tau[None, :])
    theta, terms, constant = _hermite_terms(x, n, mu, tau, ROUGH_ORDER)
    log_likelihood = _log_sum(terms)
    share = np.exp(terms - log_likelihood[..., None])
    p = expit(theta)
    score = x[..., None] - n[..., None] * p
    mean_score = (share * score).sum(axis=-1)
    curvature = (share * (np.square(score - mean_score[..., None]) - n[..., None] * p * (1 - p))).sum(axis=-1)
    return log_likelihood + constant, mean_score, curvature


def study_log_likelihood(x: np.ndarray, n: np.ndarray, mu: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """log L (u, j, m) of u studies at tau (j,) and, for each tau, at mu (j, m).

    x, n are (u,) floats. Relative error of L below 1e-7.
    """
    few = np.minimum(x, n - x) < FEW
    wide = tau > SMALL_TAU
    result = np.empty((x.size, *mu.shape))
    if (~wide).any():
        result[:, ~wide] = _by_hermite(x, n, mu[~wide], tau[~wide])
    if wide.any():
        part = np.empty((x.size, int(wide.sum()), mu.shape[1]))
        part[~few] = _by_hermite(x[~few], n[~few], mu[wide], tau[wide])
        part[few] = _by_trapezoid(x[few], n[few], mu[wide], tau[wide])
        result[:, wide] = part
    return result


def _by_hermite(x: np.ndarray, n: np.ndarray, mu: np.ndarray, tau: np.ndarray) -> np.ndarray:
    if x.size == 0:
        return np.empty((0, *mu.shape))
    rows = max(1, CHUNK // (mu.size * ORDER))
    parts = []
    for i in range(0, x.size, rows):
        events, sizes, means, taus = np.broadcast_arrays(
            x[i : i + rows, None, None], n[i : i + rows, None, None], mu[None], tau[None, :, None]
        )
        _, terms, constant = _hermite_terms(events, sizes, means, taus, ORDER)
        parts.append(_log_sum(terms) + constant)
    return np.concatenate(parts)


def _by_trapezoid(x: np.ndarray, n: np.ndarray, mu: np.ndarray, tau: np.ndarray) -> np.ndarray:
    if x.size == 0:
        return np.empty((0, *mu.shape))
    narrowest = 1.0 / np.sqrt(SMALL_TAU**-2 + 2.0 * (np.minimum(x, n - x).max() + 2.0))
    low, high = float((mu[:, 0] - REACH * tau).min()), float((mu[:, -1] + REACH * tau).max())
    # theta = BEND sinh(y): steps are even within BEND of 0 and widen beyond, where only the normal still varies.
    y_low, y_high = np.arcsinh(low / BEND), np.arcsinh(high / BEND)
    y = np.linspace(y_low, y_high, int(np.ceil((y_high - y_low) * BEND / (TRAPEZOID_STEP * narrowest))) + 2)
    theta = BEND * np.sinh(y)
    log_measure = np.log(BEND * np.cosh(y) * (y[1] - y[0])) - 0.5 * np.log(2 * np.pi)
    log_binomial = x[:, None] * theta - n[:, None] * softplus(theta) + log_measure
    result = np.empty((x.size, *mu.shape))
    for j, (means, sd) in enumerate(zip(mu, tau, strict=True)):
        first, last = np.searchsorted(theta, [means[0] - REACH * sd, means[-1] + REACH * sd])
        window = slice(max(first - 1, 0), last + 1)
        z = (theta[window] - means[:, None]) / sd
        # Scaled by each study's largest value so that no study underflows as a whole.
        peak = log_binomial[:, window].max(axis=1, keepdims=True)
        likelihood = np.exp(log_binomial[:, window] - peak)
        with np.errstate(divide="ignore"):
            result[:, j] = np.log(product(likelihood, np.exp(-0.5 * z * z).T)) + peak - np.log(sd)
    return result
