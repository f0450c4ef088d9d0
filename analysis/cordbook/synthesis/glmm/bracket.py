"""Slow and certain: maxima and profile limits of the binomial-normal likelihood by scans and bracketing.

Newton's method (`glmm.newton`) settles within some 20 steps on nearly all data. On a few, those with next to no study between
no events and events only, the likelihood has a long flat ridge on which mu and tau grow together, and the profile bends
there so sharply that Newton's steps circle. Such a row comes here: the profile log-likelihood is computed by looking over
the whole range of the other parameter, and its end is found by bracketing, which cannot fail.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from cordbook.synthesis.glmm.average import mu_of_average
from cordbook.synthesis.glmm.likelihood import MU_LIMIT, TAU_LIMIT, Counts, boundary, evaluate, first_sites, mode_sites

Array = NDArray[np.float64]

# Values of tau looked at, a factor of 1.2 apart: closer together than the width of a peak. Each zoom then looks over the two
# neighbouring steps of the best; three leave a factor of 1 + 6e-6, on which the likelihood at its peak loses less than 1e-9.
SCAN_TAU = np.geomspace(0.01, TAU_LIMIT, 46)
ZOOM_POINTS, ZOOMS = 41, 3
# A second branch of the profile is looked for with each study's likelihood as a normal one, at these values of tau; its
# highest peak, if at most this much lower, is then looked at in earnest.
LOOK_LOSS = 1.0
LOOK_TAU = np.geomspace(0.025, 6.4, 12)
# A branch this much higher moves a 95% limit, at a fall of 1.92, by less than 0.1% of its distance to the estimate.
BRANCH_GAIN = 2e-3
# The log-likelihood is concave in mu: halvings of the whole range reach rounding, Newton takes about 6.
MU_STEPS = 70
MU_TOLERANCE = 1e-9
# Strides outward double from half a standard error; the root is then found to this share of one.
FIRST_STRIDE = 0.5
ROOT_TOLERANCE = 1e-7


def bracketed_maximum(data: Counts) -> tuple[float, float]:
    """Return mu and tau of the highest likelihood of one fit."""
    tau = _highest(lambda taus: _best_mu(taus, data)[1], SCAN_TAU)[1]
    return float(_best_mu(np.array([tau]), data)[0][0]), tau


def bracketed_limit(
    mu: float, tau: float, data: Counts, target: float, side: int, of_tau: bool, scale: float, *, of_average: bool = False
) -> tuple[float, float]:
    """Return mu and tau where the profile log-likelihood of one fit falls to ``target``, as `glmm.newton.limits` does.

    Parameters
    ----------
    mu, tau : float
        The maximum.
    data : Counts
        Data of one fit.
    side : int
        -1 for the lower limit, 1 for the upper one.
    of_tau : bool
        Whether the limit is one of tau; otherwise of mu.
    scale : float
        Standard error of mu.
    of_average : bool
        Whether the logit of the population average stands for mu.
    """
    if of_tau:
        return mu, _limit_of_tau(tau, data, target, side)
    return _limit_of_mu(mu, data, target, side, scale, of_average), tau


def on_a_lower_branch(mu: Array, tau: Array, data: Counts, target: Array, *, of_average: bool = False) -> NDArray[np.bool_]:
    """Return whether at limits of mu, found on the branches of ``tau``, the likelihood is higher on another branch.

    Where one large study agrees with mu and small ones do not, the likelihood has two peaks in tau, one of them near 0.
    """
    lower = (tau > 0.0) & (boundary(mu, np.zeros_like(mu), data).loglik > target + BRANCH_GAIN)
    at = first_sites(data.x, data.n, 1)
    taus = np.concatenate([np.tile(LOOK_TAU[:, None], mu.size), tau[None]])
    mus = _mus(np.tile(mu, len(taus)), taus.ravel(), of_average).reshape(taus.shape)
    distance2 = (at.shift / at.precision - mus[..., None]) ** 2
    spread = taus[..., None] ** 2 + 1.0 / at.precision
    look = -0.5 * data.total(np.log(spread) + distance2 / spread)
    inner, between = look[1:-2], LOOK_TAU[1:-1, None]
    # Peaks of the normal stand-in that are not the branch of tau itself.
    elsewhere = (between > 2.0 * tau) | (between < 0.5 * tau)
    peak = (inner >= look[:-3]) & (inner > look[2:-1]) & (inner > look[-1] - LOOK_LOSS) & elsewhere
    best = 1 + np.argmax(np.where(peak, inner, -np.inf), axis=0)
    for i in np.flatnonzero(peak.any(axis=0) & ~lower).tolist():
        height = _heights(float(mu[i]), LOOK_TAU[[best[i]]], data.rows(np.array([i])), of_average)
        lower[i] = height[0] > target[i] + BRANCH_GAIN
    return lower


def _limit_of_tau(tau: float, data: Counts, target: float, side: int) -> float:
    def above(value: float) -> float:
        return float(_best_mu(np.array([value]), data)[1][0]) - target

    if side > 0:
        if tau >= TAU_LIMIT or above(TAU_LIMIT) >= 0.0:
            return np.inf
        outer = TAU_LIMIT
    else:
        outer = 0.0
    return float(brentq(above, *sorted((tau, outer)), xtol=ROOT_TOLERANCE)) if above(tau) > 0.0 > above(outer) else tau


def _limit_of_mu(mu: float, data: Counts, target: float, side: int, scale: float, of_average: bool) -> float:
    def above(value: float) -> float:
        return _profile_of_mu(value, data, of_average)[0] - target

    # A likelihood too flat for a standard error is walked over in units of the logit.
    scale = scale if np.isfinite(scale) else 1.0
    inner, stride = mu, FIRST_STRIDE * scale
    while True:
        outer = mu + side * stride
        if abs(outer) > MU_LIMIT:
            outer = side * MU_LIMIT
        if above(outer) < 0.0:
            break
        if abs(outer) == MU_LIMIT:
            return side * np.inf
        inner, stride = outer, 2.0 * stride
    # Rounding may put the maximum itself below a target that is hardly lower.
    if above(inner) <= 0.0:
        return inner
    limit = float(brentq(above, *sorted((inner, outer)), xtol=ROOT_TOLERANCE * scale))
    # At the largest tau that is looked at, the likelihood keeps its height along a ridge on which mu and tau grow together.
    # The average does not grow with them.
    return side * np.inf if not of_average and _profile_of_mu(limit, data, False)[1] == TAU_LIMIT else limit


def _profile_of_mu(mu: float, data: Counts, of_average: bool) -> tuple[float, float]:
    """Return the highest log-likelihood over tau at this mu, and the tau of it."""

    best = _highest(lambda taus: _heights(mu, taus, data, of_average), SCAN_TAU)
    common = float(boundary(np.array([mu]), np.zeros(1), data).loglik[0])
    return best if best[0] >= common else (common, 0.0)


def _heights(mu: float, taus: Array, data: Counts, of_average: bool) -> Array:
    """Return the log-likelihood at one mu, or one average, for each tau."""
    mus = _mus(np.full(taus.size, mu), taus, of_average)
    # Nodes placed by the modes err by up to 0.01 on the widest posteriors; placed anew by the moments they are exact.
    _, sites = evaluate(mus, taus, data, mode_sites(mus[:, None], taus[:, None], data.x, data.n))
    return evaluate(mus, taus, data, sites)[0].loglik


def _mus(at: Array, taus: Array, of_average: bool) -> Array:
    """Return mu where ``at`` is mu itself or the logit of the population average."""
    return mu_of_average(at, taus) if of_average else at


def _highest(height: Callable[[Array], Array], grid: Array) -> tuple[float, float]:
    """Return the highest value over a grid, zoomed in on, and its place."""
    for _ in range(ZOOMS + 1):
        values = height(grid)
        best = int(np.nanargmax(values))
        found = float(values[best]), float(grid[best])
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)], ZOOM_POINTS)
    return found


def _best_mu(tau: Array, data: Counts) -> tuple[Array, Array]:
    """Return mu and the log-likelihood at its maximum over mu for each tau, shape (b,): concave, so a bracket closes on it."""
    low, high = np.full(tau.size, -MU_LIMIT), np.full(tau.size, MU_LIMIT)
    mu, last = np.zeros(tau.size), high - low
    sites = mode_sites(mu[:, None], np.maximum(tau, SCAN_TAU[0])[:, None], data.x, data.n)
    for _ in range(MU_STEPS):
        at, sites = evaluate(mu, tau, data, sites)
        low, high = np.where(at.d_mu > 0.0, mu, low), np.where(at.d_mu > 0.0, high, mu)
        step = -at.d_mu / at.d_mu_mu
        good = (mu + step > low) & (mu + step < high) & (np.abs(step) <= 0.5 * last)
        goal = np.where(good, mu + step, 0.5 * (low + high))
        last = np.abs(goal - mu)
        if (last <= MU_TOLERANCE * (1.0 + tau)).all():
            break
        mu = goal
    # Nodes placed by the modes err on wide posteriors, as in `_heights`, when the first step was the last.
    return mu, evaluate(mu, tau, data, sites)[0].loglik
