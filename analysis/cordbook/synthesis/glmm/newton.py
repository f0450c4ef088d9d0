"""Newton's method for the binomial-normal model: to the maximum, and to the ends of profile likelihood intervals.

Fits run in rows. The likelihood of all rows is one array pass; each row's step is then a few scalar operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cordbook.synthesis.glmm.average import evaluate_average
from cordbook.synthesis.glmm.bracket import bracketed_limit, bracketed_maximum, on_a_lower_branch
from cordbook.synthesis.glmm.likelihood import (
    MU_LIMIT,
    TAU_LIMIT,
    Counts,
    Derivatives,
    EPSites,
    evaluate,
    mode_sites,
)

Array = NDArray[np.float64]

# Newton decrements (squared distance to the maximum in standard errors) at which a stage ends. The last step squares the
# distance, so a decrement of 1e-13 leaves estimates right to 1e-12 of a standard error, and standard errors, taken before
# it, to 3e-7.
COARSE_DECREMENT = 1e-4
FINE_DECREMENT = 1e-13
# A likelihood that falls by more than this was overstepped. Coarse nodes err by up to 0.01 on very wide posteriors.
COARSE_FALL = 0.05
FINE_FALL = 1e-7
# At tau = 0 a slope in tau^2 below this share of the information gains less than 1e-10 of log-likelihood by leaving it.
FLAT = 1e-5
# A limit of an interval is reached when the step to it is below this share of a standard error; taking it squares that.
LIMIT_STEP = 1e-5
# Steps after which a row is handed to `glmm.bracket`; nearly all rows settle within 20.
MAX_STEPS = 60
# A bracket of a limit that has not halved after this many updates is halved instead.
LAZY_UPDATES = 3
# Newton decrement of the other parameter below which a limit's own parameter may move.
SETTLED = 0.1
# The side of the target on which a point lies is known when the error of its profile log-likelihood is this much smaller
# than its distance to the target.
SURE = 0.1
# Largest change of mu in one step, in standard errors, on the way to a limit.
LIMIT_STRIDE = 3.0
# Tau shrinks or grows by at most these factors in one step.
SHRINK, GROW = 0.1, 2.0


class Optimum(NamedTuple):
    """Maxima of b fits: location, derivatives there, shape (b,), and sites."""

    mu: Array
    tau: Array
    at: Derivatives
    sites: EPSites


class _Step(NamedTuple):
    mu: float
    tau: float
    done: bool


_StepRule = Callable[[int, float, float, tuple[float, ...]], _Step]


def maximise(mu: Array, tau: Array, data: Counts, sites: EPSites) -> Optimum:
    """Return the maxima that Newton's method reaches from the given starts, each of shape (b,)."""
    mu, tau, _, sites, _ = _iterate(mu, tau, data, sites, _ascent(COARSE_DECREMENT, COARSE_FALL), coarse=True)
    mu, tau, at, sites, left = _iterate(mu, tau, data, sites, _ascent(FINE_DECREMENT, FINE_FALL))
    return _settled(Optimum(mu, tau, at, sites), left, data)


def _settled(peak: Optimum, left: NDArray[np.intp], data: Counts) -> Optimum:
    """Return the peak with the rows that Newton's method left open found by scanning."""
    for i in left.tolist():
        row = data.rows(np.array([i]))
        mu, tau = (np.array([value]) for value in bracketed_maximum(row))
        _, sites = evaluate(mu, tau, row, mode_sites(mu[:, None], tau[:, None], data.x, data.n))
        at, sites = evaluate(mu, tau, row, sites)
        peak.mu[i], peak.tau[i] = mu[0], tau[0]
        for whole, part in (*zip(peak.at, at, strict=True), *zip(peak.sites, sites, strict=True)):
            whole[i] = part[0]
    return peak


def maximise_mu(mu: Array, tau: Array, data: Counts, sites: EPSites, steps: int) -> tuple[Array, Array, EPSites]:
    """Return mu and the log-likelihood after a few Newton steps in mu alone, coarse and for looking around only."""
    for _ in range(steps):
        at, sites = evaluate(mu, tau, data, sites, coarse=True)
        stride = np.maximum(2.0, 2.0 * tau)
        mu = np.clip(mu - np.clip(at.d_mu / at.d_mu_mu, -stride, stride), -MU_LIMIT, MU_LIMIT)
    at, sites = evaluate(mu, tau, data, sites, coarse=True)
    return mu, at.loglik, sites


def limits(
    mu: Array,
    tau: Array,
    data: Counts,
    sites: EPSites,
    target: Array,
    side: NDArray[np.int_],
    of_tau: NDArray[np.bool_],
    se: Array,
    known: Derivatives | None = None,
    *,
    of_average: bool = False,
) -> tuple[Array, Array]:
    """Return where the profile log-likelihood falls to ``target``: mu and tau at the ends, each of shape (b,).

    Each row starts at its maximum and moves down (``side`` -1) or up (+1) in mu, or in tau where ``of_tau``; the other
    parameter follows at its own maximum (Venzon and Moolgavkar 1988). ``se`` scales the strides; ``known`` holds the
    derivatives at the maximum, which need not be evaluated again. A limit of mu that runs past `MU_LIMIT` is returned as
    infinite, a limit of tau past `TAU_LIMIT` likewise. A row that does not settle is found by `bracketed_limit`.

    With ``of_average`` the logit of the population average stands for mu throughout (see `glmm.average`), ``se`` and ``known`` included.
    """
    peak_mu, peak_tau = mu, tau
    mu, tau, _, _, left = _iterate(
        mu, tau, data, sites, _to_target(target, side, of_tau, se, endless=not of_average), known=known, of_average=of_average
    )
    # The walk follows one branch of the profile, and another may be higher.
    walked = np.setdiff1d(np.flatnonzero(~of_tau & np.isfinite(mu)), left)
    if walked.size:
        lower = on_a_lower_branch(mu[walked], tau[walked], data.rows(walked), target[walked], of_average=of_average)
        left = np.concatenate([left, walked[lower]])
    for i in left.tolist():
        mu[i], tau[i] = bracketed_limit(
            float(peak_mu[i]),
            float(peak_tau[i]),
            data.rows(np.array([i])),
            float(target[i]),
            int(side[i]),
            bool(of_tau[i]),
            float(se[i]),
            of_average=of_average,
        )
    return mu, tau


def _iterate(
    mu: Array,
    tau: Array,
    data: Counts,
    sites: EPSites,
    step: _StepRule,
    *,
    coarse: bool = False,
    known: Derivatives | None = None,
    of_average: bool = False,
) -> tuple[Array, Array, Derivatives, EPSites, NDArray[np.intp]]:
    """Repeat evaluation and step until every row is done; rows that are done are evaluated no more.

    ``known`` holds the derivatives at the start, where they need not be evaluated again. Returned last are the rows that are
    not done after `MAX_STEPS`.
    """
    look = evaluate_average if of_average else evaluate
    b = mu.size
    mu, tau = mu.copy(), tau.copy()
    precision, shift = sites
    found = np.empty((len(Derivatives._fields), b))
    rows = np.arange(b)
    for _ in range(MAX_STEPS):
        if known is not None:
            table, known = np.array(known), None
        elif rows.size == b:
            at, moved = look(mu, tau, data, EPSites(precision, shift), coarse=coarse)
            precision, shift = moved
            table = found = np.array(at)
        else:
            here = EPSites(precision[rows], shift[rows])
            at, moved = look(mu[rows], tau[rows], data.rows(rows), here, coarse=coarse)
            precision, shift = precision.copy(), shift.copy()
            precision[rows], shift[rows] = moved
            found[:, rows] = table = np.array(at)
        active = []
        for i, values in zip(rows.tolist(), table.T.tolist(), strict=True):
            taken = step(i, float(mu[i]), float(tau[i]), values)
            mu[i], tau[i] = taken.mu, taken.tau
            if not taken.done:
                active.append(i)
        rows = np.array(active, dtype=np.intp)
        if not active:
            break
    return mu, tau, Derivatives(*found), EPSites(precision, shift), rows


def _ascent(decrement: float, fall: float) -> _StepRule:
    """Return the step rule that climbs to the maximum."""
    before: dict[int, tuple[float, float, float]] = {}

    def step(i: int, mu: float, tau: float, at: tuple[float, ...]) -> _Step:
        loglik, g_mu, g_tau, h_mm, h_mt, h_tt, edge = at
        if i in before:
            old_mu, old_tau, old_loglik = before[i]
            if loglik < old_loglik - fall * (1.0 + 1e-3 * abs(old_loglik)):
                return _Step(0.5 * (mu + old_mu), 0.5 * (tau + old_tau), False)
        before[i] = (mu, tau, loglik)
        d_mu = -g_mu / h_mm
        if edge and (tau == 0.0 or h_tt <= FLAT * -h_mm):
            # At the boundary the expansion g_tau = tau h_tt holds; a falling likelihood means tau = 0.
            return _Step(_bounded(mu, d_mu, 2.0), 0.0, g_mu * g_mu / -h_mm < decrement and tau == 0.0)
        profile = h_tt - h_mt * h_mt / h_mm
        pull = g_tau - h_mt * g_mu / h_mm
        if profile < 0.0:
            d_tau = -pull / profile
            gain = g_mu * g_mu / -h_mm + pull * pull / -profile
        else:
            d_tau = tau if pull > 0.0 else -0.5 * tau
            gain = np.inf
        new_tau = _next_tau(tau, d_tau)
        d_mu -= h_mt * (new_tau - tau) / h_mm
        done = gain < decrement or (new_tau == TAU_LIMIT == tau and g_mu * g_mu / -h_mm < decrement)
        return _Step(_bounded(mu, d_mu, max(2.0, 2.0 * tau)), new_tau, done)

    return step


def _to_target(target: Array, side: NDArray[np.int_], of_tau: NDArray[np.bool_], se: Array, *, endless: bool) -> _StepRule:
    """Return the step rule that walks to where the profile log-likelihood equals the target.

    Each row keeps the innermost point known to lie outside the interval and the outermost known to lie inside, and moves in
    its parameter only while the other one is near its own maximum; far from it, it first climbs in the other one. ``endless`` says that
    along a ridge on which tau grows to its limit the parameter grows with it, as mu does and the population average does not.
    """
    targets, sides, roles, scales = target.tolist(), side.tolist(), of_tau.tolist(), se.tolist()
    inside: dict[int, float] = {}
    outside: dict[int, float] = {}
    gaps: dict[int, list[float]] = {}
    between: dict[int, tuple[float, float, float]] = {}

    def step(i: int, mu: float, tau: float, at: tuple[float, ...]) -> _Step:
        if roles[i]:
            return step_tau(i, mu, tau, at)
        return step_mu(i, mu, tau, at)

    def propose(i: int, here: float, rest: float, above: float, d: float) -> float:
        """Return where to go next, kept between what is known to be inside and outside."""
        # The quadratic misses the profile log-likelihood by about the cube of the distance to it.
        if rest**1.5 < SURE * abs(above):
            (inside if above >= 0.0 else outside)[i] = here
        goal = here + d
        if i not in inside or i not in outside:
            return goal
        seen = gaps.setdefault(i, [])
        seen.append(abs(inside[i] - outside[i]))
        # Where the profile bends sharply, steps from both sides can creep towards each other without end.
        lazy = len(seen) > LAZY_UPDATES and seen[-1] > 0.5 * seen[-1 - LAZY_UPDATES]
        if lazy or not min(inside[i], outside[i]) < goal < max(inside[i], outside[i]):
            seen.clear()
            return 0.5 * (inside[i] + outside[i])
        return goal

    def settle(i: int, mu: float, tau: float, g_tau: float, goal: float) -> _Step:
        """Climb in tau with mu held, between the values of tau where the likelihood is known to rise and to fall."""
        held, low, high = between.get(i, (mu, 0.0, TAU_LIMIT))
        if held != mu:
            low, high = 0.0, TAU_LIMIT
        low, high = (tau, high) if g_tau > 0.0 else (low, tau)
        between[i] = (mu, low, high)
        goal = min(max(goal, SHRINK * tau), GROW * tau, TAU_LIMIT)
        return _Step(mu, goal if low < goal < high or goal == high == TAU_LIMIT else 0.5 * (low + high), False)

    def step_mu(i: int, mu: float, tau: float, at: tuple[float, ...]) -> _Step:
        loglik, g_mu, g_tau, h_mm, h_mt, h_tt, edge = at
        if edge and h_tt > FLAT * -h_mm:
            return _Step(mu, max(GROW * tau, (-h_mm) ** -0.5), False)
        ridge = tau == TAU_LIMIT and g_tau > 0.0
        if not edge and h_tt >= 0.0 and not ridge:
            return settle(i, mu, tau, g_tau, GROW * tau if g_tau > 0.0 else 0.5 * tau)
        rest = 0.0 if edge or ridge else g_tau * g_tau / -h_tt
        if endless and ridge and loglik >= targets[i]:
            # The likelihood keeps its height along a ridge on which mu and tau grow together.
            return _Step(sides[i] * np.inf, tau, True)
        if rest > SETTLED:
            return settle(i, mu, tau, g_tau, tau - g_tau / h_tt)
        if edge or ridge:
            g_tau, h_mt, h_tt = 0.0, 0.0, -1.0
        d, _, _ = _limit_step(loglik - targets[i], g_mu, g_tau, h_mm, h_mt, h_tt, sides[i])
        above = loglik + 0.5 * rest - targets[i]
        goal = _bounded(mu, propose(i, mu, rest, above, d) - mu, LIMIT_STRIDE * scales[i])
        if abs(goal) > MU_LIMIT:
            return _Step(float(np.copysign(np.inf, goal)), tau, True)
        follow = 0.0 if edge else tau - (g_tau + h_mt * (goal - mu)) / h_tt
        done = abs(goal - mu) <= LIMIT_STEP * scales[i] and rest < LIMIT_STEP
        if endless and done and ridge:
            return _Step(sides[i] * np.inf, tau, True)
        return _Step(goal, min(max(follow, 0.5 * tau), GROW * tau, TAU_LIMIT), done)

    def step_tau(i: int, mu: float, tau: float, at: tuple[float, ...]) -> _Step:
        loglik, g_mu, g_tau, h_mm, h_mt, h_tt, _ = at
        stride = max(2.0, 2.0 * tau)
        rest = g_mu * g_mu / -h_mm
        if rest > SETTLED:
            return _Step(_bounded(mu, -g_mu / h_mm, stride), tau, False)
        d, _, _ = _limit_step(loglik - targets[i], g_tau, g_mu, h_tt, h_mt, h_mm, sides[i])
        goal = propose(i, tau, rest, loglik + 0.5 * rest - targets[i], d)
        goal = _next_tau(tau, goal - tau)
        follow = _bounded(mu, -(g_mu + h_mt * (goal - tau)) / h_mm, stride)
        if goal >= TAU_LIMIT or abs(follow) > MU_LIMIT:
            return _Step(mu, np.inf, True)
        done = abs(goal - tau) <= LIMIT_STEP * tau and rest < LIMIT_STEP
        return _Step(follow, goal, done)

    return step


def _limit_step(
    above: float, g: float, g_other: float, h: float, h_cross: float, h_other: float, side: int
) -> tuple[float, float, float]:
    """Return the step in the parameter of interest, in the other one, and the other's own Newton decrement.

    The log-likelihood is replaced by its quadratic, the other parameter profiled out of it, and the root on the wanted
    side taken; ``h_other`` is negative.
    """
    gain = -g_other * g_other / h_other
    above += 0.5 * gain
    slope = g - h_cross * g_other / h_other
    bend = h - h_cross * h_cross / h_other
    if bend < 0.0:
        room = slope * slope - 2.0 * bend * above
        d = (-slope - side * np.sqrt(room)) / bend if room > 0.0 else -slope / bend
    else:
        d = -above / slope if slope * side < 0.0 else side * abs(above)
    return float(d), -(g_other + h_cross * float(d)) / h_other, gain


def _next_tau(tau: float, d_tau: float) -> float:
    return min(max(tau + d_tau, SHRINK * tau), max(GROW * tau, tau + 0.5), TAU_LIMIT)


def _bounded(mu: float, d_mu: float, stride: float) -> float:
    return mu + min(max(d_mu, -stride), stride)
