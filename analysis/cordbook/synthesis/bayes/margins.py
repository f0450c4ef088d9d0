"""Densities of mu, of a new study and of each study, from the posterior grid of the binomial-normal model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial import legendre
from scipy.interpolate import CubicHermiteSpline
from scipy.special import expit

from cordbook.synthesis.bayes.densities import Density, Panels, Stretch, fit_panels, legendre_rule
from cordbook.synthesis.bayes.joint import NODES, BinomialData, Joint
from cordbook.synthesis.bayes.likelihood import product, softplus
from cordbook.synthesis.glmm.average import average

__all__ = ["average_margin", "margins"]

# Panels of mu and theta: probabilities right to about 1e-7. What is fitted is itself right to about 1e-7 only, so that
# further halving would follow its error.
TOLERANCE = 1e-7
HALVINGS = 4
# Below tau = sd(mu | tau) the normal of the studies is narrower than the grid of mu: it is then integrated by Gauss-Hermite
# over the interpolated posterior of mu, which is smooth on that scale.
CONVOLUTION_ORDER = 15
# Standard deviations of the between-study normal that the range of theta adds to the range of mu.
REACH = 8.0
# Length of a first panel in the inner variable of `Stretch`, about one standard deviation near the centre.
FIRST_PANEL = 1.0
# Step in mu between the values at which the average and its slope are computed: cubics between them err by 1e-7.
MU_STEP = 0.1
# Floor below the peak at which the log of a density is cut before it is interpolated: exp(-46) is 1e-20.
LOG_FLOOR = 46.0
# The study densities are used without a note while their integral is right to this relative error.
MASS_TOLERANCE = 1e-4
# A smooth log density may rise this much above its values at the nodes of a panel.
OVERSHOOT = 0.1


def margins(data: BinomialData, joint: Joint) -> tuple[Density, Density, list[Density], np.ndarray]:
    """Densities, on the logit scale, of mu, of a new study's log odds, and of each unlike study's log odds.

    The last, (u,), says of which studies the density is exact: see `_study_densities`.
    """
    heights = joint.mass / joint.rule
    centre = float((joint.mass * joint.mu).sum())
    mu_width = float(np.sqrt((joint.mass * np.square(joint.mu - centre)).sum()))
    mu_scale = Stretch(centre, mu_width)
    mu_edges = _first_edges(mu_scale, float(joint.mu.min()), float(joint.mu.max()))
    mu_panels = fit_panels(
        lambda u: _conditional_heights(joint, heights[None], mu_scale.value(u)) * mu_scale.slope(u),
        mu_edges,
        tolerance=TOLERANCE,
        halvings=HALVINGS,
    )

    # The typical spread of a new study, not its standard deviation, which a heavy tail of tau would blow up.
    spread = np.sqrt(np.exp((joint.mass.sum(axis=1) * np.log(joint.sd**2 + joint.tau**2)).sum()))
    scale = Stretch(centre, float(spread))
    low = float((joint.edges[:, 0] - REACH * joint.tau).min())
    high = float((joint.edges[:, -1] + REACH * joint.tau).max())
    # Without its own likelihood, the rest of the posterior is what the other studies say of a study.
    with np.errstate(divide="ignore"):
        log_others = np.log(heights) - joint.log_likelihood
    log_scale = log_others.max(axis=(1, 2), keepdims=True)
    others = np.exp(log_others - log_scale)
    spreading = np.concatenate([heights[None], others])
    panels = fit_panels(
        lambda u: _spread_heights(joint, spreading, scale.value(u)) * scale.slope(u),
        _first_edges(scale, low, high),
        tolerance=TOLERANCE,
        halvings=HALVINGS,
    )
    studies, exact = _study_densities(data, panels, scale, log_scale.ravel())
    return mu_panels.density(0, mu_scale), panels.density(0, scale), studies, exact


def average_margin(joint: Joint) -> Density:
    """Density of the logit of the population average, the mean of expit(mu + tau z) over studies.

    At each tau the average rises with mu, so that its density is that of mu times the slope of the way back.
    """
    heights = joint.mass / joint.rule
    ways = [_to_average(low, high, tau) for low, high, tau in zip(joint.edges[:, 0], joint.edges[:, -1], joint.tau, strict=True)]
    nodes = np.stack([way.lam(mu) for way, mu in zip(ways, joint.mu, strict=True)])
    ends = np.stack([way.mu.x[[0, -1]] for way in ways])
    centre = float((joint.mass * nodes).sum())
    scale = Stretch(centre, float(np.sqrt((joint.mass * np.square(nodes - centre)).sum())))

    def density(u: np.ndarray) -> np.ndarray:
        values = scale.value(u)
        total = np.zeros((1, values.size))
        for j, way in enumerate(ways):
            inside = np.flatnonzero((values >= ends[j, 0]) & (values <= ends[j, 1]))
            at = values[inside]
            total[0, inside] += (heights[j] @ _operator(joint.edges[j], way.mu(at)[:, None], np.ones(1)).T) * way.slope(at)
        return total * scale.slope(u)

    edges = _first_edges(scale, float(ends[:, 0].min()), float(ends[:, 1].max()))
    return fit_panels(density, edges, tolerance=TOLERANCE, halvings=HALVINGS).density(0, scale)


class _Way(NamedTuple):
    """Between mu and the average's logit at one tau: the logit as a function of mu, mu as one of the logit, and the slope of that."""

    lam: CubicHermiteSpline
    mu: CubicHermiteSpline
    slope: CubicHermiteSpline


def _to_average(low: float, high: float, tau: float) -> _Way:
    # The logistic curve averaged over a wider normal bends more slowly.
    mu = np.linspace(low, high, int(np.ceil((high - low) / (MU_STEP * np.hypot(1.0, tau)))) + 2)
    at = average(mu, np.full(mu.size, tau))
    by_lam = 1.0 / at.d_mu
    return _Way(
        CubicHermiteSpline(mu, at.lam, at.d_mu),
        CubicHermiteSpline(at.lam, mu, by_lam),
        CubicHermiteSpline(at.lam, by_lam, -at.d_mu_mu * by_lam**3),
    )


def _first_edges(scale: Stretch, low: float, high: float) -> np.ndarray:
    ends = scale.inner(np.array([low, high]))
    return np.linspace(ends[0], ends[1], int(np.ceil((ends[1] - ends[0]) / FIRST_PANEL)) + 1)


def _lagrange(edges: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Panel (...) of each point on the panels `edges` (p + 1,), and Lagrange polynomials (..., NODES) there; 0 outside."""
    panel = np.clip(np.searchsorted(edges, points, side="right") - 1, 0, edges.size - 2)
    lower, upper = edges[panel], edges[panel + 1]
    t = (2 * points - lower - upper) / (upper - lower)
    inside = np.abs(t) <= 1
    basis = legendre.legvander(np.where(inside, t, 0.0), NODES - 1) @ legendre_rule(NODES)[2]
    return panel, basis * inside[..., None]


def _operator(edges: np.ndarray, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Matrix (v, m) from values at the nodes of mu to the weighted sum over q of the interpolant at `points` (v, q)."""
    panel, basis = _lagrange(edges, points)
    basis = basis * weights[:, None]
    count = edges.size - 1
    matrix = np.zeros((points.shape[0], count, NODES))
    for i in range(count):
        matrix[:, i] = np.where((panel == i)[..., None], basis, 0.0).sum(axis=1)
    return matrix.reshape(points.shape[0], count * NODES)


def _conditional_heights(joint: Joint, heights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum over tau of functions of mu (s, j, m), interpolated at `values` (v,): (s, v)."""
    total = np.zeros((heights.shape[0], values.size))
    one = np.ones(1)
    for j in range(joint.tau.size):
        inside = np.flatnonzero((values >= joint.edges[j, 0]) & (values <= joint.edges[j, -1]))
        total[:, inside] += heights[:, j] @ _operator(joint.edges[j], values[inside, None], one).T
    return total


def _spread_heights(joint: Joint, heights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """As `_conditional_heights`, each function of mu first convolved with normal(0, tau^2)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(CONVOLUTION_ORDER)
    weights = weights / weights.sum()
    total = np.zeros((heights.shape[0], values.size))
    for j, tau in enumerate(joint.tau):
        low, high = joint.edges[j, 0] - REACH * tau, joint.edges[j, -1] + REACH * tau
        inside = np.flatnonzero((values >= low) & (values <= high))
        if tau < joint.sd[j]:
            matrix = _operator(joint.edges[j], values[inside, None] - tau * nodes, weights)
        else:
            z = (values[inside, None] - joint.mu[j]) / tau
            matrix = np.exp(-0.5 * z * z) * (joint.rule[j] / (tau * np.sqrt(2 * np.pi)))
        total[:, inside] += product(heights[:, j], matrix.T)
    return total


def _study_densities(
    data: BinomialData, panels: Panels, scale: Stretch, log_scale: np.ndarray
) -> tuple[list[Density], np.ndarray]:
    """Posterior of each study's log odds: what the other studies say of it, times its own likelihood.

    The product integrates to 1 when both factors are followed well; where the prior of tau forbids what a study shows, they
    hardly overlap and rounding takes over. The second result, (u,), says where the integral is 1 within MASS_TOLERANCE.
    """
    # Slopes of the stretch are divided out again: the panels hold densities in u, wanted are those in theta.
    values = panels.values[1:] / scale.slope(panels.nodes)
    # Interpolated as logs, since a study far from the rest lies in their tail. Where a panel runs into zero, the log is cut
    # below the panel's own largest value, and the interpolant is kept from overshooting that value.
    largest = values.max(axis=2, keepdims=True)
    log_largest = np.log(np.maximum(largest, np.finfo(float).tiny))
    log_values = np.maximum(np.log(np.maximum(values, np.finfo(float).tiny)), log_largest - LOG_FLOOR)
    order = panels.nodes.shape[1]
    coefficients = log_values @ legendre_rule(order)[2].T

    theta = scale.value(panels.nodes.ravel())
    x, n = data.x[:, None], data.n[:, None]
    log_posterior = log_values.reshape(x.size, -1) + x * theta - n * softplus(theta)
    measure = (
        np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
        * scale.slope(panels.nodes.ravel())
        * panels.weights.ravel()
    )
    peak = theta[log_posterior.argmax(axis=1)]
    p = expit(peak)
    spread = np.sqrt((measure * np.square(theta - peak[:, None])).sum(axis=1) / measure.sum(axis=1))
    width = np.minimum(spread, 1 / np.sqrt(data.n * p * (1 - p) + scale.width**-2))
    ends = theta[[0, -1]]
    reach = np.maximum(peak - ends[0], ends[1] - peak) / width
    end = float(np.arcsinh(reach.max()))
    top = log_posterior.max(axis=1, keepdims=True)
    rows = np.arange(x.size)[:, None]

    def densities(u: np.ndarray) -> np.ndarray:
        at = (peak[:, None] + width[:, None] * np.sinh(u)).clip(*ends)
        outer = scale.inner(at)
        panel = np.clip(np.searchsorted(panels.edges, outer, side="right") - 1, 0, panels.edges.size - 2)
        lower, upper = panels.edges[panel], panels.edges[panel + 1]
        basis = legendre.legvander((2 * outer - lower - upper) / (upper - lower), order - 1)
        log_others = np.minimum((basis * coefficients[rows, panel]).sum(axis=-1), log_largest[rows, panel, 0] + OVERSHOOT)
        return np.exp(log_others + x * at - n * softplus(at) - top) * width[:, None] * np.cosh(u)

    fitted = fit_panels(
        densities,
        np.linspace(-end, end, 2 * int(np.ceil(end / FIRST_PANEL)) + 1),
        tolerance=TOLERANCE,
        halvings=HALVINGS,
    )
    log_mass = np.log((fitted.values * fitted.weights).sum(axis=(1, 2))) + top[:, 0] + log_scale
    exact = np.abs(log_mass) < MASS_TOLERANCE
    return [fitted.density(i, Stretch(float(peak[i]), float(width[i]))) for i in range(x.size)], exact
