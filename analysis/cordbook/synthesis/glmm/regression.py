"""The binomial-normal model of proportions with moderators, by maximum likelihood.

Study i has x events among n; its logit theta is normal with mean eta_i = X_i b and variance tau2. With z = (theta -
eta) / tau all that Newton's method needs are posterior moments of z, integrated by the trapezoidal rule:

    d/deta         E z / tau
    d/dtau         (E z^2 - 1) / tau
    d2/deta2       (Var z - 1) / tau^2
    d2/deta dtau   (Cov(z, z^2) - 2 E z) / tau^2
    d2/dtau2       (Var z^2 + 1 - 3 E z^2) / tau^2

and the chain rule carries those in eta to b.

Reference: Stijnen, Hamza and Özdemir (2010), Statistics in Medicine 29, 3046-3067.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, gammaln

# A Newton decrement (squared distance to the maximum in standard errors) this small is rounding error.
DECREMENT = 1e-14
MAX_STEPS = 100
# Newton steps must not make the log-likelihood worse than by rounding.
FALL = 1e-9
HALVINGS = 30
# Log odds this far out are a proportion of 1e-11: no data of a review can tell them from infinity.
LOGIT_LIMIT = 25.0
# Starting value where the moments at tau = 0 do not tell, and the second start that looks for an interior peak.
START_TAU = 0.5
START_RANGE = (0.1, 3.0)
# Keeps a flat direction from dividing by zero; far below the information of a single participant.
TINY_CURVATURE = 1e-12
# Below this ratio of tau to the smallest standard error of a study the likelihood is that of tau = 0 to 12 digits.
BOUNDARY_RATIO = 1e-3
# The trapezoidal rule errs by exp(-2 pi^2 / h^2) for a normal of standard deviation 1 and by exp(-2 pi^2 / h) from the
# poles of the logistic function, pi away from the real line: below rounding for h = 0.5 in either unit.
SPACING = 0.5
# exp(-40) is 4e-18: what lies beyond adds nothing in double precision.
FALLEN = 40.0
# The ends of the range need no accuracy; each halving halves what they lie too far out.
REACH_HALVINGS = 12
# The mode only places the nodes.
MODE_TOLERANCE = 1e-3
# Numbers in one temporary array.
CHUNK_NUMBERS = 1_000_000
# Tau shrinks or grows by at most these factors in one step.
SHRINK, GROW = 0.2, 3.0


@dataclass(frozen=True, slots=True)
class BinomialRegressionFit:
    """beta (p,), covariance (p, p), tau2; loglik of this model, loglik_common with tau2 = 0, both with all
    constants.
    """

    beta: np.ndarray
    covariance: np.ndarray
    tau2: float
    loglik: float
    loglik_common: float


class _Point(NamedTuple):
    beta: np.ndarray
    tau: float
    loglik: float
    gradient: np.ndarray
    hessian: np.ndarray


def fit_binomial_regression(x: np.ndarray, n: np.ndarray, X: np.ndarray) -> BinomialRegressionFit:
    """Fit checked counts, shape (k,), with a design matrix of shape (k, p) and full rank.

    Raises
    ------
    ValueError
        Where the likelihood has no maximum: some combination of moderators has no events, or events only.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    >>> fit = fit_binomial_regression(np.array([2, 3, 8, 9]), np.array([20, 20, 20, 20]), X)
    >>> fit.tau2, fit.beta.round(4)
    (0.0, array([-1.9459,  1.6436]))
    """
    x, n = x.astype(float), n.astype(float)
    # Orthonormal columns: Newton's steps do not depend on the units of the moderators.
    Q, R = np.linalg.qr(X)
    p = Q.shape[1]
    common = _fit_common(x, n, Q)
    best = common
    for tau in _starts(x, n, Q @ common.beta):
        found = _maximise(x, n, Q, common.beta, tau)
        if found is not None and found.loglik > best.loglik + FALL:
            best = found
    free = p if best.tau == 0 else p + 1
    covariance = np.linalg.inv(-best.hessian[:free, :free])[:p, :p]
    back, constant = np.linalg.inv(R), float(log_coefficients(x, n).sum())
    return BinomialRegressionFit(
        back @ best.beta, back @ covariance @ back.T, best.tau**2, best.loglik + constant, common.loglik + constant
    )


def _starts(x: np.ndarray, n: np.ndarray, eta: np.ndarray) -> tuple[float, ...]:
    """Values of tau to climb from: the one that explains the excess variation at tau = 0, and a fixed one."""
    p = expit(eta)
    variance = n * p * (1 - p)
    excess = float(((x - n * p) ** 2 - variance).sum() / (variance**2).sum())
    return (START_TAU,) if excess <= 0 else (float(np.clip(np.sqrt(excess), *START_RANGE)), START_TAU)


def _fit_common(x: np.ndarray, n: np.ndarray, Q: np.ndarray) -> _Point:
    """Binomial regression, tau = 0, by Newton's method."""
    if x.sum() in (0, n.sum()):
        what = "No participant" if x.sum() == 0 else "Every participant"
        raise ValueError(f"{what} had the event in any study, so there are no differences to explain; pool the studies instead.")
    beta = np.linalg.lstsq(Q, np.log((x + 0.5) / (n - x + 0.5)), rcond=None)[0]
    loglik = _binomial_loglik(x, n, Q @ beta)
    for _ in range(MAX_STEPS):
        p = expit(Q @ beta)
        gradient = Q.T @ (x - n * p)
        hessian = -(Q.T * (n * p * (1 - p))) @ Q
        step = np.linalg.solve(hessian - np.eye(len(beta)) * TINY_CURVATURE, -gradient)
        beta, loglik, moved = _halved(beta, step, loglik, lambda b: _binomial_loglik(x, n, Q @ b))
        if np.abs(Q @ beta).max() > LOGIT_LIMIT:
            raise ValueError(
                "Some combination of moderators has no events, or events only, so its log odds have no finite "
                "estimate; "
                "leave the moderator out, join its levels, or pool these studies on their own."
            )
        if float(gradient @ step) < DECREMENT or not moved:
            break
    eta = Q @ beta
    p = expit(eta)
    hessian = np.zeros((len(beta) + 1, len(beta) + 1))
    hessian[:-1, :-1] = -(Q.T * (n * p * (1 - p))) @ Q
    return _Point(beta, 0.0, loglik, np.r_[Q.T @ (x - n * p), 0.0], hessian)


def _maximise(x: np.ndarray, n: np.ndarray, Q: np.ndarray, beta: np.ndarray, tau: float) -> _Point | None:
    """The maximum that Newton's method reaches with tau above 0; None where it runs to tau = 0."""
    smallest = BOUNDARY_RATIO / np.sqrt((n / 4).max())
    here = _evaluate(x, n, Q, beta, tau)
    for _ in range(MAX_STEPS):
        step = _newton_step(here)
        if float(here.gradient @ step) < DECREMENT:
            return here
        tau_next = float(np.clip(here.tau + step[-1], SHRINK * here.tau, GROW * here.tau))
        if tau_next < smallest:
            return None
        # The whole step is cut where tau would go too far: a part of it alone need not lead uphill.
        before, share = here, 1.0 if step[-1] == 0 else (tau_next - here.tau) / float(step[-1])
        for _ in range(HALVINGS):
            here = _evaluate(x, n, Q, before.beta + share * step[:-1], before.tau + share * float(step[-1]))
            if here.loglik >= before.loglik - FALL:
                break
            share /= 2
        if np.abs(Q @ here.beta).max() > LOGIT_LIMIT or here.tau > LOGIT_LIMIT:
            raise ValueError(
                "The likelihood of the binomial-normal model rises without end on these data: nearly all studies have "
                "no events, "
                "or events only. Pool without moderators."
            )
    raise RuntimeError(f"The binomial-normal regression did not settle in {MAX_STEPS} steps; please report the data.")


def _newton_step(here: _Point) -> np.ndarray:
    """Newton's step; where the likelihood is not concave, curvature is added until the step goes uphill."""
    values, vectors = np.linalg.eigh(-here.hessian)
    values = np.maximum(np.abs(values), TINY_CURVATURE)
    return vectors @ ((vectors.T @ here.gradient) / values)


def _evaluate(x: np.ndarray, n: np.ndarray, Q: np.ndarray, beta: np.ndarray, tau: float) -> _Point:
    loglik, d_eta, d_tau, d_eta_eta, d_eta_tau, d_tau_tau = study_terms(x, n, Q @ beta, tau)
    size = len(beta) + 1
    hessian = np.empty((size, size))
    hessian[:-1, :-1] = (Q.T * d_eta_eta) @ Q
    hessian[:-1, -1] = hessian[-1, :-1] = Q.T @ d_eta_tau
    hessian[-1, -1] = d_tau_tau.sum()
    return _Point(beta, tau, float(loglik.sum()), np.r_[Q.T @ d_eta, d_tau.sum()], hessian)


def study_terms(x: np.ndarray, n: np.ndarray, eta: np.ndarray, tau: float) -> np.ndarray:
    """Log-likelihood of each study (without binomial coefficient) and its derivatives in eta and tau, shape (6, k)."""
    mode = _posterior_mode(x, n, eta, tau)
    top = _log_posterior(x, n, eta, tau, mode)
    share = expit(mode)
    sd = 1 / np.sqrt(n * share * (1 - share) + 1 / tau**2)
    low, high = (_reach(x, n, eta, tau, mode, top, sign) for sign in (-1.0, 1.0))
    nodes = int(np.ceil(((high - low) / (SPACING * np.minimum(sd, 1.0))).max())) + 1
    terms = np.empty((6, len(x)))
    for first in range(0, len(x), max(1, CHUNK_NUMBERS // nodes)):
        part = slice(first, first + max(1, CHUNK_NUMBERS // nodes))
        theta = np.linspace(low[part], high[part], nodes, axis=-1)
        width = (high[part] - low[part]) / (nodes - 1)
        column = (x[part, None], n[part, None], eta[part, None])
        mass = np.exp(_log_posterior(*column, tau, theta) - top[part, None])
        total = mass.sum(axis=-1)
        mass /= total[:, None]
        z = (theta - column[2]) / tau
        squared = z * z
        m1, m2 = (mass * z).sum(axis=-1), (mass * squared).sum(axis=-1)
        from_m1, from_m2 = z - m1[:, None], squared - m2[:, None]
        var_z, cov, var_z2 = (
            (mass * a * b).sum(axis=-1) for a, b in ((from_m1, from_m1), (from_m1, from_m2), (from_m2, from_m2))
        )
        terms[:, part] = (
            np.log(total * width / (tau * np.sqrt(2 * np.pi))) + top[part],
            m1 / tau,
            (m2 - 1) / tau,
            (var_z - 1) / tau**2,
            (cov - 2 * m1) / tau**2,
            (var_z2 + 1 - 3 * m2) / tau**2,
        )
    return terms


def _log_posterior(x: np.ndarray, n: np.ndarray, eta: np.ndarray, tau: float, theta: np.ndarray) -> np.ndarray:
    return x * theta - n * np.logaddexp(0.0, theta) - 0.5 * ((theta - eta) / tau) ** 2


def _posterior_mode(x: np.ndarray, n: np.ndarray, eta: np.ndarray, tau: float) -> np.ndarray:
    """Mode of the posterior of theta, by Newton's method kept in a bracket; to a small part of its standard
    deviation.
    """
    low, high = eta - tau**2 * (n - x), eta + tau**2 * x
    theta = np.clip(np.log((x + 0.5) / (n - x + 0.5)), low, high)
    for _ in range(MAX_STEPS):
        share = expit(theta)
        slope = x - n * share - (theta - eta) / tau**2
        curvature = n * share * (1 - share) + 1 / tau**2
        low, high = np.where(slope > 0, theta, low), np.where(slope > 0, high, theta)
        moved = theta + slope / curvature
        moved = np.where((moved > low) & (moved < high), moved, (low + high) / 2)
        if (np.abs(slope) <= MODE_TOLERANCE * np.sqrt(curvature)).all():
            break
        theta = moved
    return theta


def _reach(
    x: np.ndarray, n: np.ndarray, eta: np.ndarray, tau: float, mode: np.ndarray, top: np.ndarray, sign: float
) -> np.ndarray:
    """Where the posterior has fallen to rounding error, below (sign -1) or above (+1) its mode.

    The log posterior bends at least as fast as the prior, so it has fallen that far within sqrt(2 FALLEN) tau.
    """
    near, far = np.zeros_like(mode), np.full_like(mode, np.sqrt(2 * FALLEN) * tau)
    for _ in range(REACH_HALVINGS):
        middle = (near + far) / 2
        low_enough = _log_posterior(x, n, eta, tau, mode + sign * middle) < top - FALLEN
        near, far = np.where(low_enough, near, middle), np.where(low_enough, middle, far)
    return mode + sign * far


def log_coefficients(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Logs of the binomial coefficients, shape (k,), which complete the log-likelihood."""
    return gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)


def _halved(
    beta: np.ndarray, step: np.ndarray, loglik: float, value: Callable[[np.ndarray], float]
) -> tuple[np.ndarray, float, bool]:
    """Go the step, or half of it, a quarter, ..., until the log-likelihood does not fall."""
    for _ in range(HALVINGS):
        reached = value(beta + step)
        if reached >= loglik:
            return beta + step, reached, True
        step = step / 2
    return beta, loglik, False


def _binomial_loglik(x: np.ndarray, n: np.ndarray, eta: np.ndarray) -> float:
    return float((x * eta - n * np.logaddexp(0.0, eta)).sum())
