"""The search for the maximum of the binomial-normal likelihood: where to begin, second peaks, data without a maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cordbook.synthesis.glmm.likelihood import (
    TAU_LIMIT,
    Counts,
    Derivatives,
    EPSites,
    boundary,
    first_sites,
    mode_sites,
    spread_by_row,
)
from cordbook.synthesis.glmm.newton import Optimum, maximise, maximise_mu

Array = NDArray[np.float64]

# The search begins with some spread even where the moments show none: from tau = 0 the likelihood looks flat.
SMALLEST_START = 0.22
MIDDLING_TAU2, START_PASSES = 0.3, 2
# (16 sqrt(3) / (15 pi))^2: a logistic curve averaged over a normal is about one with this much more spread.
STRETCH = 0.346
# Values of tau looked at when a second peak of the likelihood is possible; multiples of 2 are closer together than the
# width of a peak.
SCAN_TAU = np.array([0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
SCAN_STEPS = 4
# Posteriors of the logit this wide belong to sparse data, where the scan is worth its cost.
SCAN_SPREAD = 2.0
# A scanned point must beat the peak by more than the coarse rule's own error to be climbed from.
SCAN_GAIN = 1e-3
# Merging equal studies costs a sort; below this many studies it costs more than it saves.
MERGE_FROM = 500
# Log-likelihoods closer than this are the same to rounding: then tau = 0, the simpler model, is taken.
SAME_LOGLIK = 1e-10
# A second peak is told of when the log-likelihood there is at most this much lower: 1/20 of the likelihood.
SECOND_PEAK = 3.0
# Peaks whose tau differ by less than this share are one.
SAME_TAU = 0.05


@dataclass(frozen=True, slots=True)
class Optima:
    mu: Array
    tau: Array
    se: Array
    at: Derivatives
    sites: EPSites

    @property
    def loglik(self) -> Array:
        return self.at.loglik


def maximise_rows(data: Counts, b: int) -> Optima:
    """Return the maxima of b fits, each at least as high as the common-effect fit."""
    mu, tau = _starts(data, b)
    mu0, base = common_effect(data, b)
    peak = maximise(mu, tau, data, first_sites(data.x, data.n, b))
    mu, tau, sites = peak.mu, peak.tau, peak.sites
    at = np.array(peak.at)

    # A second peak is possible where the search ended at the boundary, below the common-effect fit, or on sparse data.
    doubtful = (tau == 0.0) | (at[0] < base) | (spread_by_row(tau, sites, data) > SCAN_SPREAD)
    for i in np.flatnonzero(doubtful):
        row = np.array([i])
        other = _scan(mu[row], data.rows(row), np.maximum(at[0, row], base[row]))
        if other is None or other.at.loglik[0] <= at[0, i]:
            continue
        mu[i], tau[i], at[:, i] = other.mu[0], other.tau[0], np.array(other.at)[:, 0]
        for whole, part in zip(sites, other.sites, strict=True):
            whole[i] = part[0]
    flat = np.flatnonzero(at[0] <= base + SAME_LOGLIK)
    if flat.size:
        mu[flat], tau[flat] = mu0[flat], 0.0
        at[:, flat] = boundary(mu0[flat], np.zeros(flat.size), data.rows(flat))
    _, _, _, h_mm, h_mt, h_tt, _ = at
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.where(tau > 0.0, h_mt * h_mt / h_tt - h_mm, -h_mm) ** -0.5
    return Optima(mu, tau, se, Derivatives(*at), sites)


def second_optimum(data: Counts, peak: Optima) -> tuple[float, float, float] | None:
    """Return mu, tau and log-likelihood of another peak of the likelihood of one fit that is not much lower; None without one.

    ``tau = 0`` is a peak where the likelihood falls from it; others show as rises between the values of tau that are scanned.
    """
    tau, floor = float(peak.tau[0]), float(peak.loglik[0]) - SECOND_PEAK
    mu0, base = common_effect(data, 1)
    if tau > 0.0 and base[0] > floor and boundary(mu0, np.zeros(1), data).d_tau_tau[0] < 0.0:
        return float(mu0[0]), 0.0, float(base[0])
    start = np.full(SCAN_TAU.size, peak.mu[0])
    sites = mode_sites(start[:, None], SCAN_TAU[:, None], data.x, data.n)
    mu, height, sites = maximise_mu(start, SCAN_TAU, data, sites, SCAN_STEPS)
    tops = 1 + np.flatnonzero((height[1:-1] > height[:-2]) & (height[1:-1] > height[2:]) & (height[1:-1] > floor))
    for i in tops.tolist():
        if tau > 0.0 and 0.5 * tau < SCAN_TAU[i] < 2.0 * tau:
            continue
        found = maximise(mu[[i]], SCAN_TAU[[i]], data, EPSites(*(s[[i]] for s in sites)))
        if found.tau[0] > 0.0 and abs(found.tau[0] - tau) > SAME_TAU * found.tau[0] and found.at.loglik[0] > floor:
            return float(found.mu[0]), float(found.tau[0]), float(found.at.loglik[0])
    return None


def _scan(mu: Array, data: Counts, height: Array) -> Optimum | None:
    """Look over a grid of tau for a point higher than ``height``, shape (1,), and climb from it; None when there is none."""
    b = SCAN_TAU.size
    start = np.full(b, mu[0])
    sites = mode_sites(start[:, None], SCAN_TAU[:, None], data.x, data.n)
    at_mu, loglik, sites = maximise_mu(start, SCAN_TAU, data, sites, SCAN_STEPS)
    best = int(np.argmax(loglik))
    if loglik[best] <= height[0] + SCAN_GAIN:
        return None
    return maximise(at_mu[[best]], SCAN_TAU[[best]], data, EPSites(*(s[[best]] for s in sites)))


def _starts(data: Counts, b: int) -> tuple[Array, Array]:
    """Return where to begin: moments of the proportions, tau2 carried over to the logit by the delta method.

    Studies are weighted by ``1 / (p (1 - p) / n + (p (1 - p))^2 tau2)``, first with a middling tau2; the mean proportion is
    then stretched away from one half, since it lies nearer to it than the median's (Zeger, Liang and Albert 1988).
    """
    share = data.x / data.n
    tau2 = np.full((b, 1), MIDDLING_TAU2)
    variance = _pooled_share(data)[:, None]
    variance = variance * (1.0 - variance)
    for _ in range(START_PASSES):
        weight = data.n / (1.0 + data.n * variance * tau2)
        p = (data.total(weight * share) / data.total(weight))[:, None]
        variance = p * (1.0 - p)
        weight *= weight
        excess = data.total(weight * ((share - p) ** 2 - variance / data.n)) / data.total(weight)
        tau2 = np.maximum(excess[:, None] / (variance * variance), SMALLEST_START**2)
    tau2 = np.minimum(tau2, TAU_LIMIT**2)
    mu = np.log(p / (1.0 - p)) * np.sqrt(1.0 + STRETCH * tau2)
    return mu[:, 0], np.sqrt(tau2[:, 0])


def _pooled_share(data: Counts) -> Array:
    return data.total(data.x[None]) / data.total(data.n[None])


def common_effect(data: Counts, b: int) -> tuple[Array, Array]:
    """Return mu and the log-likelihood with tau = 0, each of shape (b,)."""
    some, size = data.total(data.x[None]), data.total(data.n[None])
    p = some / size
    mu, loglik = np.log(p / (1.0 - p)), some * np.log(p) + (size - some) * np.log1p(-p)
    return (mu, loglik) if mu.size == b else (np.resize(mu, b), np.resize(loglik, b))


def merged(x: Array, n: Array) -> Counts:
    """Return the counts with equal studies merged into weights, when there are enough studies for that to pay."""
    if x.size < MERGE_FROM:
        return Counts.of(x, n)
    pairs, times = np.unique(np.stack([x, n]), axis=1, return_counts=True)
    return Counts.of(pairs[0], pairs[1], times.astype(float)[None, :])


def kinds_of(x: Array, n: Array, weights: Array | None) -> NDArray[np.str_]:
    """Return for each set whether the likelihood has a maximum, and if not, why."""
    with_event, without = x > 0, x < n
    if weights is None:
        if (with_event & without).any():
            return np.array(["regular"])
        weights = np.ones((1, x.size))
    some, spared, mixed = ((weights > 0) @ np.array([with_event, without, with_event & without]).T).T
    return np.where(~some, "no-events", np.where(~spared, "all-events", np.where(mixed, "regular", "separated")))
