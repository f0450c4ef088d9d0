"""The likelihood of the binomial-normal model, its derivatives, and the quadrature under both.

Study i has ``x`` events among ``n``; its logit ``theta`` is normal over studies with mean ``mu`` and standard deviation
``tau``. With ``z = (theta - mu) / tau`` the study's likelihood is the integral over z of ``phi(z) p^x (1 - p)^(n - x)``.
Everything that Newton's method needs is a posterior moment of z, so one pass over the nodes gives the log-likelihood, its
gradient and its Hessian (differentiate under the integral; Stein's identity turns them into moments):

    d/dmu          E z / tau
    d/dtau         (E z^2 - 1) / tau
    d2/dmu2        (Var z - 1) / tau^2
    d2/dmu dtau    (Cov(z, z^2) - 2 E z) / tau^2
    d2/dtau2       (Var z^2 + 1 - 3 E z^2) / tau^2

The nodes are placed for each study by the mean and the standard deviation of its posterior (Naylor and Smith 1982), which
serves a skewed posterior better than its mode and curvature (Liu and Pierce 1994; Pinheiro and Bates 1995). Between Newton
steps the placing is carried along as a normal "site": the precision and shift that turn the normal prior into the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln, xlog1py, xlogy

Array = NDArray[np.float64]

# The sum of an array without the few microseconds that its method spends on options; fits of one data set feel them.
add = np.add.reduce

# When tau is below this, and below this share of the smallest standard error of a study, the likelihood is its expansion at
# tau = 0 to 12 digits, while the moments above would lose digits by cancellation.
BOUNDARY_RATIO = 1e-3
# Beyond these the inverse logit is 0 or 1 in double precision, and exp(theta) at the outermost node still does not overflow.
MU_LIMIT = 60.0
TAU_LIMIT = 40.0
# Numbers in one temporary array, studies x nodes x fits: keeps 100,000 studies within some tens of MB.
CHUNK_NUMBERS = 1_000_000

# After a long step the nodes may lie beside a posterior, and are then placed anew: when its mean square, or its variance, in
# units of the nodes, is this far from the 1 of a standard normal.
AWAY, NARROW = 5.0, 0.2
# Halvings and Newton steps to a posterior's mode, where nodes only need to be near; Newton alone takes about 5.
MODE_STEPS = 80
MODE_TOLERANCE = 0.01

# The log-likelihood is concave in mu; far from the data its curvature drowns in rounding, and steps are bounded anyway.
TINY_CURVATURE = 1e-12

LOG_SQRT_2PI = 0.5 * float(np.log(2.0 * np.pi))

# Nodes by the largest posterior standard deviation of a study's logit. Measured against 6,001 trapezoid nodes over studies
# of 1 to 1,000,000 participants, mu from -10 to 4, tau from 0.05 to 9 and proportions up to 5 standard deviations from mu:
# the error of a study's log-likelihood stays below 5e-8 and that of its derivatives below 1e-7, at the worst. Gauss-Hermite
# nodes thin out too slowly for wide and skewed posteriors (51 nodes err by 1e-3 at a standard deviation of 4), so there the
# trapezoidal rule, which converges as fast for smooth integrands that die out on both sides, takes over.
GAUSS_HERMITE_NODES = ((0.2, 15), (0.3, 21), (0.45, 25), (0.6, 31), (0.8, 41), (1.0, 51))
TRAPEZOID_REACH = 12.0
TRAPEZOID_SPACING = 0.48  # in units of the logit, where the nearest pole of the integrand is pi away
# On the way to the maximum fewer nodes will do, as long as posteriors are not wide.
COARSE_NODES, COARSE_SPREAD = 11, 0.8


class Rule(NamedTuple):
    """Quadrature nodes t and log weights, for the integral of f(t) dt with f about normal; and their first four powers."""

    linear: Array  # (4, q): t, t^2, 1 and the log weight, the terms of the log integrand that are polynomials in t
    powers: Array  # (q, 5): 1, t, ..., t^4
    nodes: Array  # (q,)


class EPSites(NamedTuple):
    """EP site approximations: normal stand-ins for each study's likelihood: precision and precision times mean, shape (b, k)."""

    precision: Array
    shift: Array


class Derivatives(NamedTuple):
    """Log-likelihood (without the binomial coefficients) and its derivatives, each of shape (b,).

    ``at_boundary`` is 1 where they come from the expansion at tau = 0, else 0.
    """

    loglik: Array
    d_mu: Array
    d_tau: Array
    d_mu_mu: Array
    d_mu_tau: Array
    d_tau_tau: Array
    at_boundary: Array


@dataclass(frozen=True, slots=True)
class Counts:
    """Data of b fits that share the studies.

    x, n
        events and sizes, shape (k,).
    weights
        how often each study counts in each fit, shape (b, k) or (1, k); None for all 1.
    largest_n
        size of the largest study in each fit, shape (b,) or (1,).
    """

    x: Array
    n: Array
    weights: Array | None
    largest_n: Array

    @classmethod
    def of(cls, x: Array, n: Array, weights: Array | None = None) -> Counts:
        """Return the data of fits to events and sizes, shape (k,), with weights of shape (b, k)."""
        largest = np.array([n.max()]) if weights is None else (n * (weights > 0)).max(axis=-1)
        return cls(x, n, weights, largest)

    def rows(self, chosen: NDArray[np.intp]) -> Counts:
        """Return the data of some of the fits."""
        if self.weights is None or len(self.weights) == 1:
            return self
        return Counts(self.x, self.n, self.weights[chosen], self.largest_n[chosen])

    def total(self, values: Array) -> Array:
        """Return sums over studies of values of shape (..., b, k) or (k,)."""
        return add(values if self.weights is None else values * self.weights, axis=-1)

    def largest(self, values: Array) -> Array:
        """Return the largest value among the studies that a fit holds."""
        return values.max(axis=-1) if self.weights is None else (values * (self.weights > 0)).max(axis=-1)


@lru_cache(maxsize=32)
def gauss_hermite(nodes: int) -> Rule:
    """Return the Gauss-Hermite rule for integrands that are about standard normal."""
    x, w = np.polynomial.hermite.hermgauss(nodes)
    return _rule(np.sqrt(2.0) * x, np.log(np.sqrt(2.0) * w) + x * x)


@lru_cache(maxsize=32)
def trapezoid(nodes: int) -> Rule:
    """Return the trapezoidal rule over `TRAPEZOID_REACH` standard deviations on either side."""
    t = np.linspace(-TRAPEZOID_REACH, TRAPEZOID_REACH, nodes)
    return _rule(t, np.full(nodes, np.log(t[1] - t[0])))


def rule_for(spread: float, *, coarse: bool = False) -> Rule:
    """Return the rule that is accurate for posteriors of the logit with standard deviations up to ``spread``."""
    if coarse and spread <= COARSE_SPREAD:
        return gauss_hermite(COARSE_NODES)
    for limit, nodes in GAUSS_HERMITE_NODES:
        if spread <= limit:
            return gauss_hermite(nodes)
    # In steps of 32 nodes, so that nearby fits share a rule.
    needed = 2.0 * TRAPEZOID_REACH * min(spread, TAU_LIMIT) / TRAPEZOID_SPACING
    return trapezoid(32 * int(np.ceil(needed / 32.0)) + 1)


def _rule(t: Array, log_weight: Array) -> Rule:
    return Rule(np.stack([t, t * t, np.ones_like(t), log_weight]), np.stack([t**r for r in range(5)], axis=1), t)


def first_sites(x: Array, n: Array, b: int) -> EPSites:
    """Return sites from the corrected proportions (x + 1/2) / (n + 1), good enough to begin with."""
    p = (x + 0.5) / (n + 1.0)
    precision = n * p * (1.0 - p)
    shift = precision * np.log((x + 0.5) / (n - x + 0.5)) + (x - n * p)
    if b == 1:
        return EPSites(precision[None], shift[None])
    return EPSites(np.tile(precision, (b, 1)), np.tile(shift, (b, 1)))


def mode_sites(mu: Array, tau: Array, x: Array, n: Array) -> EPSites:
    """Return sites at the modes of the posteriors, found from anywhere; mu and tau have shape (b, 1)."""
    t2 = tau * tau
    # The slope of the log posterior, x - n p - (theta - mu) / tau^2, falls with theta and changes sign between these.
    low, high = np.broadcast_arrays(np.maximum(mu - t2 * (n - x), -MU_LIMIT * 10), np.minimum(mu + t2 * x, MU_LIMIT * 10))
    theta = np.clip(mu, low, high)
    last = high - low
    for _ in range(MODE_STEPS):
        p = expit(theta)
        slope = x - n * p - (theta - mu) / t2
        bend = n * p * (1.0 - p) + 1.0 / t2
        there = slope * slope <= MODE_TOLERANCE**2 * bend
        if there.all():
            break
        low, high = np.where(slope > 0.0, theta, low), np.where(slope > 0.0, high, theta)
        goal = theta + slope / bend
        # Where the logistic curve bends, Newton's steps can swing to and fro; steps that do not halve are replaced.
        good = (goal > low) & (goal < high) & (np.abs(goal - theta) <= 0.5 * last)
        goal = np.where(good, goal, 0.5 * (low + high))
        last = np.abs(goal - theta)
        theta = np.where(there, theta, goal)
    p = expit(theta)
    information = n * p * (1.0 - p)
    return EPSites(information, information * theta + x - n * p)


def spread_by_row(tau: Array, sites: EPSites, data: Counts) -> Array:
    """Return the largest posterior standard deviation of a study's logit in each fit, shape (b,)."""
    t2 = tau * tau
    if data.weights is None:
        # The widest posterior is that of the least precise study.
        return np.sqrt(t2 / (1.0 + np.minimum.reduce(sites.precision, axis=-1) * t2))
    t2 = t2[:, None]
    return np.sqrt(data.largest(t2 / (1.0 + sites.precision * t2)))


def spread_of(tau: Array, sites: EPSites, data: Counts) -> float:
    """Return the largest posterior standard deviation of a study's logit over all fits."""
    return float(spread_by_row(tau, sites, data).max(initial=0.0))


def evaluate(mu: Array, tau: Array, data: Counts, sites: EPSites, *, coarse: bool = False) -> tuple[Derivatives, EPSites]:
    """Return the log-likelihood and derivatives of b fits, and the sites for the next pass.

    Parameters
    ----------
    mu, tau : ndarray, shape (b,)
    data : Counts
    sites : EPSites
        Where the nodes go; any sites near the posteriors give the same integral to the accuracy of the rule.
    coarse : bool
        Whether the fewer nodes of a first approach will do.
    """
    rule = rule_for(spread_of(tau, sites, data), coarse=coarse)
    # The maximum below is at least 1, so that most fits need not look at p.
    if np.minimum.reduce(tau, initial=np.inf) >= BOUNDARY_RATIO:
        return _interior(mu, tau, data, sites, rule)
    p = expit(mu)
    at_boundary = tau * tau * np.maximum(p * (1.0 - p) * data.largest_n, 1.0) < BOUNDARY_RATIO**2
    if not at_boundary.any():
        return _interior(mu, tau, data, sites, rule)
    if at_boundary.all():
        return boundary(mu, tau, data), sites
    inner, outer = np.flatnonzero(~at_boundary), np.flatnonzero(at_boundary)
    found, moved = _interior(mu[inner], tau[inner], data.rows(inner), EPSites(*(s[inner] for s in sites)), rule)
    edge = boundary(mu[outer], tau[outer], data.rows(outer))
    result = Derivatives(*(np.empty_like(mu) for _ in Derivatives._fields))
    new = EPSites(sites.precision.copy(), sites.shift.copy())
    for whole, part, rest in zip(result, found, edge, strict=True):
        whole[inner], whole[outer] = part, rest
    for whole, part in zip(new, moved, strict=True):
        whole[inner] = part
    return result, new


def boundary(mu: Array, tau: Array, data: Counts) -> Derivatives:
    """Return the log-likelihood and derivatives by their expansion at ``tau = 0``, where studies share one proportion."""
    m = mu[:, None]
    p = expit(m)
    residual = data.x - data.n * p
    v = data.n * p * (1.0 - p)
    base = data.total(data.x * m - data.n * np.logaddexp(0.0, m))
    excess = data.total(residual * residual - v)
    slope = data.total(-2.0 * residual * v - v * (1.0 - 2.0 * p))
    t2 = tau * tau
    return Derivatives(
        base + 0.5 * t2 * excess,
        data.total(residual) + 0.5 * t2 * slope,
        tau * excess,
        -np.maximum(data.total(v), TINY_CURVATURE),
        tau * slope,
        excess,
        np.ones_like(mu),
    )


def _interior(mu: Array, tau: Array, data: Counts, sites: EPSites, rule: Rule) -> tuple[Derivatives, EPSites]:
    # Misplaced nodes may overflow before they are placed anew.
    with np.errstate(over="ignore", invalid="ignore"):
        return _summed(mu, tau, data, sites, rule)


def _summed(mu: Array, tau: Array, data: Counts, sites: EPSites, rule: Rule) -> tuple[Derivatives, EPSites]:
    b, k = sites.precision.shape
    size = max(1, CHUNK_NUMBERS // (b * rule.nodes.size))
    # Plain numbers spare small arrays the cost of broadcasting.
    here_mu, here_tau = (float(mu[0]), float(tau[0])) if b == 1 else (mu[:, None], tau[:, None])
    if size >= k:
        per_study, new = _studies(here_mu, here_tau, data.x, data.n, sites, rule)
        sums = data.total(per_study)
    else:
        sums = np.zeros((6, b))
        new = EPSites(np.empty((b, k)), np.empty((b, k)))
        for first in range(0, k, size):
            part = slice(first, first + size)
            here = EPSites(sites.precision[:, part], sites.shift[:, part])
            per_study, moved = _studies(here_mu, here_tau, data.x[part], data.n[part], here, rule)
            weights = None if data.weights is None else data.weights[:, part]
            sums += per_study.sum(axis=-1) if weights is None else (per_study * weights).sum(axis=-1)
            new.precision[:, part], new.shift[:, part] = moved
    t2 = tau * tau
    sums[1:3] /= tau
    sums[3:] /= t2
    np.minimum(sums[3], -TINY_CURVATURE, out=sums[3])
    return Derivatives._make((*sums, np.zeros(b))), new


def _studies(
    mu: Array | float, tau: Array | float, x: Array, n: Array, sites: EPSites, rule: Rule, *, placed: bool = False
) -> tuple[Array, EPSites]:
    """Return the terms of the sums in the module's docstring, before division by tau or tau^2, for each study.

    ``mu`` and ``tau`` have shape (b, 1), or are numbers where b is 1. The shape is (6, b, k); the first is the log-likelihood.
    Also returned are the sites of each study's posterior. Small data spend their time in the number of operations, so what
    can be divided once a fit is not divided once a study.
    """
    t2 = tau * tau
    # The node t stands for z = centre + scale t, that is theta = at + step t.
    shrink = 1.0 / (1.0 + sites.precision * t2)
    scale = np.sqrt(shrink)
    centre = (sites.shift - sites.precision * mu) * shrink * tau
    at, step = mu + tau * centre, tau * scale
    cs = centre * scale
    n_softplus = n * np.logaddexp(0.0, at)

    # Log integrand less its value at t = 0: its polynomial part by one matrix product, then the logistic part.
    terms = np.empty((*at.shape, 4))
    terms[..., 0] = x * step - cs
    terms[..., 1] = -0.5 * shrink
    terms[..., 2] = n_softplus
    terms[..., 3] = 1.0
    density = terms @ rule.linear
    theta = step[..., None] * rule.nodes
    theta += at[..., None]
    np.exp(theta, out=theta)
    np.log1p(theta, out=theta)
    theta *= n[:, None]
    density -= theta
    np.exp(density, out=density)
    # Powers first, so that each moment's values lie side by side.
    moments = rule.powers.T @ np.swapaxes(density, -1, -2)
    mass = moments[:, 0]
    moments[:, 1:] /= moments[:, :1]
    m1, m2, m3, m4 = moments[:, 1], moments[:, 2], moments[:, 3], moments[:, 4]

    # Posterior moments of z from those of t.
    var_t = m2 - m1 * m1
    # Written so that it also holds for what overflowed and is not a number.
    if not placed and not (np.maximum.reduce(m2, axis=None) < AWAY and np.minimum.reduce(var_t, axis=None) > NARROW):
        return _studies_again(mu, tau, x, n, rule)
    cov_t = shrink * (m3 - m1 * m2)
    cs *= 2.0
    mean_z = centre + scale * m1
    var_z = shrink * var_t
    out = np.empty((6, *at.shape))
    out[0] = x * at - n_softplus - 0.5 * centre * centre + np.log(scale * mass) - LOG_SQRT_2PI
    out[1] = mean_z
    over = np.subtract(var_z, 1.0, out=out[3])
    over = np.add(over, mean_z * mean_z, out=out[2])
    out[4] = scale * (cs * var_t + cov_t) - 2.0 * mean_z
    out[5] = cs * (cs * var_t + 2.0 * cov_t) + shrink * shrink * (m4 - m2 * m2) - 3.0 * over - 2.0
    # The likelihood is log-concave, so a posterior is never wider than its prior (Brascamp and Lieb 1976); only rounding is.
    certainty = 1.0 / var_z
    precision = np.maximum((certainty - 1.0) / t2, 0.0)
    return out, EPSites(precision, precision * mu + mean_z * certainty / tau)


def _studies_again(mu: Array | float, tau: Array | float, x: Array, n: Array, rule: Rule) -> tuple[Array, EPSites]:
    """As `_studies`, with the nodes placed by the modes of the posteriors, and enough of them for that."""
    mu, tau = np.atleast_2d(mu), np.atleast_2d(tau)
    sites = mode_sites(mu, tau, x, n)
    t2 = tau * tau
    better = rule_for(float(np.sqrt(t2 / (1.0 + sites.precision * t2)).max()))
    return _studies(mu, tau, x, n, sites, better if better.nodes.size > rule.nodes.size else rule, placed=True)


def log_coefficients(x: Array, n: Array) -> Array:
    """Return the logs of the binomial coefficients, shape (k,), which complete the log-likelihood."""
    return gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)


def saturated(x: Array | float, n: Array | float) -> Array:
    """Return the log-likelihood of each study at its own proportion, without the binomial coefficient."""
    p = x / n
    return xlogy(x, p) + xlog1py(n - x, -p)
