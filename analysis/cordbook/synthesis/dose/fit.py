"""Maximum (penalised) likelihood of a dose-response curve, and its profile over D50.

Doses are centred and scaled inside, so that steps and tolerances mean the same whatever the unit of dose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from cordbook.synthesis.dose.likelihood import DoseGroups, Link, information, jeffreys_penalty, log_likelihood

__all__ = ["CurveFit", "fit_curve", "profile_d50", "separated"]

# Gradient (per unit of standardised dose) at which the search for the maximum stops: the objective is then flat to 1e-15.
GRADIENT_TOLERANCE = 1e-8
# Starting values of tau: one maximum near 0 and one far off are both tried.
TAU_STARTS = (0.3, 1.0)
# A likelihood that tau > 0 improves by less than this is no evidence of a difference: tau is then exactly 0.
SMALLEST_GAIN = 1e-7
# Step of the central differences that turn the gradient into a Hessian: error 1e-8 for functions of order 1.
HESSIAN_STEP = 1e-4
# Newton's method: each step about squares the error, so that ten are many.
NEWTON_STEPS = 100
LONGEST_STEP = 2.0
HALVINGS = 40
SMALLEST_CURVATURE = 1e-8
# A step below this that gains nothing ends the search: what is left of the gradient is rounding.
SMALLEST_STEP = 1e-9
# Values this near are equal in double precision after sums over groups.
ROUNDING = 1e-10
# A profile needs only the height of its optimum, on which an error in the place tells by its square.
PROFILE_TOLERANCE = 1e-4
# Coefficients (on standardised dose) and tau beyond this belong to a likelihood without maximum: the search stops.
LARGEST_COEFFICIENT = 500.0
# The search for an end of the profile interval goes out by this factor and gives up at this many spans of the doses.
STEP_OUT = 1.6
FARTHEST = 1e4
ROOT_TOLERANCE = 1e-8
# Multiples of a guessed slope among which the search at a given D50 starts.
SLOPE_FACTORS = (0.1, 0.4, 1.0, 2.5, 10.0)


# A function of the coefficients: its value and its gradient.
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, slots=True)
class CurveFit:
    """beta (2,), its covariance (2, 2), tau, the log likelihoods with tau and at tau = 0, and the maximised objective."""

    beta: np.ndarray
    covariance: np.ndarray
    tau: float
    log_likelihood: float
    log_likelihood_common: float
    objective: float


@dataclass(frozen=True, slots=True)
class _Problem:
    """The objective on standardised dose: beta = (value at the mean dose, slope per standard deviation of dose)."""

    groups: DoseGroups
    link: Link
    penalised: bool
    centre: float
    spread: float

    def objective(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Objective and gradient at theta = (a, b) or (a, b, tau)."""
        tau = abs(theta[2]) if theta.size > 2 else 0.0
        value, gradient = log_likelihood(self.groups, self.link, theta[:2], tau)
        if self.penalised:
            extra, slope = jeffreys_penalty(self.groups, self.link, theta[:2])
            value, gradient = value + extra, gradient + slope
        if theta.size > 2 and theta[2] < 0:
            gradient = gradient * np.array([1.0, 1.0, -1.0])
        return value, gradient[: theta.size]


def separated(dose: np.ndarray, events: np.ndarray, n: np.ndarray) -> bool:
    """Whether a dose splits all events from all non-events, so that the likelihood has no maximum.

    >>> separated(np.array([10., 20.]), np.array([0, 3]), np.array([5, 3]))
    True
    """
    with_event, without = dose[events > 0], dose[events < n]
    if with_event.size == 0 or without.size == 0:
        return True
    return bool(without.max() <= with_event.min() or with_event.max() <= without.min())


def _standardise(groups: DoseGroups, link: Link, penalised: bool) -> _Problem:
    dose = groups.design[:, 1]
    centre = float(np.average(dose, weights=groups.n))
    spread = float(np.sqrt(np.average(np.square(dose - centre), weights=groups.n)))
    design = np.column_stack([np.ones_like(dose), (dose - centre) / spread])
    scaled = DoseGroups(design, groups.events, groups.n, groups.study, groups.starts)
    return _Problem(scaled, link, penalised, centre, spread)


def _maximise(function: Objective, start: np.ndarray, tolerance: float = GRADIENT_TOLERANCE) -> tuple[np.ndarray, float]:
    """Newton's method with a Hessian by differences of the gradient; steps are halved until the objective rises.

    Halving also brings back steps into regions where the objective is minus infinity, at which library searches give up.
    """
    theta = start
    value, gradient = function(theta)
    for _ in range(NEWTON_STEPS):
        if np.abs(gradient).max() < tolerance:
            break
        eigenvalues, vectors = np.linalg.eigh(_hessian(function, theta))
        # Where the objective is not concave, its curvature is turned, so that the step still goes uphill.
        curvature = np.maximum(np.abs(eigenvalues), SMALLEST_CURVATURE)
        step = vectors @ ((vectors.T @ gradient) / curvature)
        step *= min(1.0, LONGEST_STEP / np.abs(step).max())
        for _ in range(HALVINGS):
            new_value, new_gradient = function(theta + step)
            # At the top, rounding hides the rise; there a smaller gradient will do.
            if new_value > value or (new_value > value - ROUNDING and np.abs(new_gradient).max() < np.abs(gradient).max()):
                break
            step = 0.5 * step
        else:
            break
        gained = new_value - value
        theta, value, gradient = theta + step, new_value, new_gradient
        if gained < ROUNDING and np.abs(step).max() < SMALLEST_STEP:
            break
        if np.abs(theta).max() > LARGEST_COEFFICIENT:
            break
    return theta, value


def _hessian(function: Objective, theta: np.ndarray) -> np.ndarray:
    rows = []
    for i in range(theta.size):
        shift = np.zeros_like(theta)
        shift[i] = HESSIAN_STEP
        rows.append((function(theta + shift)[1] - function(theta - shift)[1]) / (2 * HESSIAN_STEP))
    hessian = np.array(rows)
    return 0.5 * (hessian + hessian.T)


def _start(problem: _Problem) -> np.ndarray:
    groups = problem.groups
    pooled = (groups.events.sum() + 0.5) / (groups.n.sum() + 1.0)
    return np.array([float(problem.link.predictor(pooled)), 0.0])


def fit_curve(groups: DoseGroups, link: Link, *, penalised: bool, random_study: bool) -> CurveFit:
    """Fit intercept, slope and, with `random_study`, tau by maximum (penalised) likelihood."""
    problem = _standardise(groups, link, penalised)
    common, common_value = _maximise(problem.objective, _start(problem))
    best, best_value, tau = common, common_value, 0.0
    if random_study:
        for start in TAU_STARTS:
            theta, value = _maximise(problem.objective, np.append(common, start))
            if value > best_value + SMALLEST_GAIN:
                best, best_value, tau = theta, value, abs(float(theta[2]))
    if tau == 0.0:
        best = common
        covariance = np.linalg.inv(information(problem.groups, link, common))
    else:
        covariance = np.linalg.inv(-_hessian(problem.objective, best))[:2, :2]
    # Back to the unit of dose: a + b (dose - centre) / spread.
    back = np.array([[1.0, -problem.centre / problem.spread], [0.0, 1.0 / problem.spread]])
    return CurveFit(
        beta=back @ best[:2],
        covariance=back @ covariance @ back.T,
        tau=tau,
        log_likelihood=log_likelihood(problem.groups, link, best[:2], tau)[0],
        log_likelihood_common=log_likelihood(problem.groups, link, common, 0.0)[0],
        objective=best_value,
    )


def profile_d50(
    groups: DoseGroups, link: Link, fit: CurveFit, *, penalised: bool, random_study: bool, drop: float
) -> tuple[float | None, float | None]:
    """Doses on both sides of D50 at which the profile of the objective has dropped by `drop`; None where it never does.

    Only rising curves count (the slope is searched on its log). As D50 goes out to infinity the slope goes to 0, so a
    side is unbounded when a flat curve is within `drop`.
    """
    problem = _standardise(groups, link, penalised)
    d50 = -fit.beta[0] / fit.beta[1]
    at = (d50 - problem.centre) / problem.spread
    random_tau = random_study and fit.tau > 0
    warm = np.array([np.log(fit.beta[1] * problem.spread), *([fit.tau] if random_tau else [])])

    def loss(point: float, start: np.ndarray) -> tuple[float, np.ndarray]:
        """fit.objective - drop - profile at standardised D50 = point: below 0 inside the interval."""

        def constrained(theta: np.ndarray) -> tuple[float, np.ndarray]:
            slope = np.exp(theta[0])
            value, gradient = problem.objective(np.array([-slope * point, slope, *theta[1:]]))
            return value, np.append(slope * (gradient[1] - point * gradient[0]), gradient[2:])

        # Where to start: the last optimum, the fitted slope, and the slope that keeps the fitted risk at the mean dose.
        bases = [start, warm]
        if point * at > 0:
            bases.append(np.append(warm[0] + np.log(at / point), warm[1:]))
        slopes = [np.append(base[0] + np.log(factor), base[1:]) for base in bases for factor in SLOPE_FACTORS]
        first = max(slopes, key=lambda theta: constrained(theta)[0])
        theta, value = _maximise(constrained, first, PROFILE_TOLERANCE)
        return fit.objective - value - drop, theta

    step = float(np.sqrt(_delta_variance(fit))) / problem.spread
    return _profile_end(loss, at, -step, warm, problem), _profile_end(loss, at, step, warm, problem)


def _delta_variance(fit: CurveFit) -> float:
    d50 = -fit.beta[0] / fit.beta[1]
    gradient = np.array([1.0, d50]) / fit.beta[1]
    return float(gradient @ fit.covariance @ gradient)


def _profile_end(
    loss: Callable[[float, np.ndarray], tuple[float, np.ndarray]], at: float, step: float, warm: np.ndarray, problem: _Problem
) -> float | None:
    inside, theta, distance = at, warm, step
    while abs(distance) < FARTHEST:
        outside = at + distance
        value, theta = loss(outside, theta)
        if value > 0:
            root = optimize.brentq(lambda point, start=theta: loss(point, start)[0], inside, outside, xtol=ROOT_TOLERANCE)
            return float(problem.centre + problem.spread * root)
        inside, distance = outside, distance * STEP_OUT
    return None
