"""The population average of the normal-logit model: the mean of ``expit(mu + tau z)`` over studies, z standard normal.

``expit(mu)`` is the proportion of the median study. Where events are rare or studies differ much the mean over studies lies nearer to one
half, by as much as a factor of 10, and it is the mean that "1 in 100 patients" speaks of (Zeger, Liang and Albert 1988, on conditional and
marginal means; Lin and Chu 2020 and Nyaga and Arbyn's metapreg report it beside the median).

Here are the integral, its derivatives, and the likelihood with the average's logit ``lam`` in place of mu, by the chain rule: with it
`glmm.newton.limits` walks to profile likelihood limits of the average as it does to those of mu.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from cordbook.synthesis.glmm.likelihood import (
    LOG_SQRT_2PI,
    TRAPEZOID_REACH,
    Counts,
    Derivatives,
    EPSites,
    evaluate,
    trapezoid,
)

Array = NDArray[np.float64]

# The integrand's nearest pole is pi / tau away, so a spacing of h in z errs by exp(-2 pi^2 / (tau h)): 1e-24 at this spacing of the logit.
SPACING = 0.35
# Nodes for small tau, where the normal density is what must be followed: a spacing of 0.19 in z.
FEWEST_NODES = 129
# Above this tau the integral is taken over the logistic distribution instead; its nodes reach to where that has 1e-35 of its mass, and its
# poles at pi i make a spacing of h err by exp(-2 pi^2 / h).
WIDE_TAU = 60.0
LOGISTIC_NODES = np.arange(-80.0, 80.25, 0.5)
LOGISTIC_WEIGHTS = 0.5 * expit(LOGISTIC_NODES) * expit(-LOGISTIC_NODES)
# Newton's steps to the mu of an average; about 5 are needed.
STEPS, TOLERANCE = 100, 1e-13
# A curvature in lam that is below this share of its leading term is replaced by that, so that steps stay steps uphill.
LEAST_BEND = 0.1


class Average(NamedTuple):
    """Averages of b fits: proportion, its complement, logit, and derivatives of the logit in mu and tau; each of shape (b,)."""

    mean: Array
    rest: Array
    lam: Array
    d_mu: Array
    d_tau: Array
    d_mu_mu: Array
    d_mu_tau: Array
    d_tau_tau: Array


def average(mu: Array, tau: Array) -> Average:
    """Return the averages over studies, with the derivatives of their logits; mu and tau have shape (b,).

    Examples
    --------
    >>> found = average(np.array([0.0, -4.0]), np.array([2.0, 1.5]))
    >>> found.mean.round(6)
    array([0.5     , 0.043963])
    """
    if (wide := tau > WIDE_TAU).any():
        return _joined(wide, _average_of_wide(mu[wide], tau[wide]), average(mu[~wide], tau[~wide]) if not wide.all() else None)
    needed = 2.0 * TRAPEZOID_REACH * float(np.max(tau, initial=0.0)) / SPACING
    rule = trapezoid(max(FEWEST_NODES, 32 * int(np.ceil(needed / 32.0)) + 1))
    z = rule.nodes
    density = np.exp(rule.linear[3] - 0.5 * z * z - LOG_SQRT_2PI)
    theta = mu[:, None] + tau[:, None] * z
    p, q = expit(theta), expit(-theta)
    slope = p * q
    bend = slope * (q - p)
    return _on_logit(
        p @ density,
        q @ density,
        slope @ density,
        slope @ (density * z),
        bend @ density,
        bend @ (density * z),
        bend @ (density * z * z),
    )


def _average_of_wide(mu: Array, tau: Array) -> Average:
    """Return `average` where tau is large: the mean of expit(mu + tau z) is that of the normal distribution at (mu - l) / tau over a
    logistic l, which asks for as many nodes however large tau is."""
    u = (mu[:, None] - LOGISTIC_NODES) / tau[:, None]
    height = np.exp(-0.5 * u * u - LOG_SQRT_2PI)
    by_tau = 1.0 / tau
    return _on_logit(
        ndtr(u) @ LOGISTIC_WEIGHTS,
        ndtr(-u) @ LOGISTIC_WEIGHTS,
        (height @ LOGISTIC_WEIGHTS) * by_tau,
        -((u * height) @ LOGISTIC_WEIGHTS) * by_tau,
        -((u * height) @ LOGISTIC_WEIGHTS) * by_tau**2,
        (((u * u - 1.0) * height) @ LOGISTIC_WEIGHTS) * by_tau**2,
        ((u * (2.0 - u * u) * height) @ LOGISTIC_WEIGHTS) * by_tau**2,
    )


def _joined(chosen: NDArray[np.bool_], these: Average, others: Average | None) -> Average:
    """Return the averages of two kinds in the order of their fits."""
    if others is None:
        return these
    whole = [np.empty(chosen.size) for _ in these]
    for out, one, other in zip(whole, these, others, strict=True):
        out[chosen], out[~chosen] = one, other
    return Average(*whole)


def _on_logit(mean: Array, rest: Array, m1: Array, t1: Array, m2: Array, mt: Array, t2: Array) -> Average:
    """Return an average with the derivatives of its logit, from those of the mean by mu (m), by tau (t) and twice."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = mean * rest
        by_mu, by_tau, curve = m1 / spread, t1 / spread, (mean - rest) / spread
        return Average(
            mean,
            rest,
            np.log(mean) - np.log(rest),
            by_mu,
            by_tau,
            m2 / spread + curve * m1 * by_mu,
            mt / spread + curve * m1 * by_tau,
            t2 / spread + curve * t1 * by_tau,
        )


def mu_of_average(lam: Array, tau: Array) -> Array:
    """Return mu at which the average's logit is ``lam``, arrays of shape (b,); it rises with mu, at most one for one.

    Examples
    --------
    >>> mu_of_average(average(np.array([-4.0]), np.array([1.5])).lam, np.array([1.5])).round(9)
    array([-4.])
    """
    mu = lam * np.sqrt(1.0 + 0.346 * tau * tau)
    low, high = np.minimum(lam - tau * tau, mu) - 1.0, np.maximum(lam + tau * tau, mu) + 1.0
    for _ in range(STEPS):
        at = average(mu, tau)
        low, high = np.where(at.lam < lam, mu, low), np.where(at.lam >= lam, mu, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            goal = mu - (at.lam - lam) / at.d_mu
        goal = np.where((goal >= low) & (goal <= high), goal, 0.5 * (low + high))
        moved, mu = np.abs(goal - mu), goal
        if (moved <= TOLERANCE * (1.0 + np.abs(mu) + tau)).all():
            break
    return mu


def evaluate_average(
    lam: Array, tau: Array, data: Counts, sites: EPSites, *, coarse: bool = False
) -> tuple[Derivatives, EPSites]:
    """As `glmm.likelihood.evaluate`, with the logit of the average in place of mu."""
    mu = mu_of_average(lam, tau)
    at, sites = evaluate(mu, tau, data, sites, coarse=coarse)
    return in_average(at, average(mu, tau)), sites


def in_average(at: Derivatives, to: Average) -> Derivatives:
    """Return derivatives in mu and tau as those in the average's logit and tau."""
    # mu as a function of lam and tau, by implicit differentiation.
    by_lam = 1.0 / to.d_mu
    by_tau = -to.d_tau * by_lam
    lam_lam = -to.d_mu_mu * by_lam**3
    lam_tau = -(to.d_mu_tau + to.d_mu_mu * by_tau) * by_lam**2
    tau_tau = -(to.d_tau_tau + 2.0 * to.d_mu_tau * by_tau + to.d_mu_mu * by_tau**2) * by_lam
    leading = at.d_mu_mu * by_lam**2
    bend = leading + at.d_mu * lam_lam
    return Derivatives(
        at.loglik,
        at.d_mu * by_lam,
        at.d_tau + at.d_mu * by_tau,
        np.where(bend <= LEAST_BEND * leading, bend, leading),
        at.d_mu_mu * by_lam * by_tau + at.d_mu_tau * by_lam + at.d_mu * lam_tau,
        at.d_mu_mu * by_tau**2 + 2.0 * at.d_mu_tau * by_tau + at.d_tau_tau + at.d_mu * tau_tau,
        at.at_boundary,
    )


def standard_error(at: Derivatives, to: Average) -> Array:
    """Return the standard error of the average's logit by the delta method, from derivatives at the maximum; shape (b,).

    At ``tau = 0`` the average is the median's proportion to first order, and the error that of mu.
    """
    edge = at.at_boundary > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        size = at.d_mu_mu * at.d_tau_tau - at.d_mu_tau**2
        # The inverse of the observed information between the gradients of lam.
        inner = to.d_mu**2 * -at.d_tau_tau + 2.0 * to.d_mu * to.d_tau * at.d_mu_tau + to.d_tau**2 * -at.d_mu_mu
        return np.sqrt(np.where(edge, to.d_mu**2 / -at.d_mu_mu, inner / size))
