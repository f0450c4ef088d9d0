"""Likelihood of grouped binomial dose-response with a random study intercept, and its gradient.

events_g ~ binomial(n_g, F(a + b dose_g + tau z_s)), with z_s ~ normal(0, 1) for the study s of group g and F the logistic or
the normal distribution function. The z_s are integrated out by adaptive Gauss-Hermite quadrature, or by the trapezoidal rule
where a study says little about its z_s; the gradient is the expectation of the score over the same nodes (Fisher's identity).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit, gammaln, log_ndtr, ndtr, ndtri

from cordbook.synthesis.glmm.latent_modes import posterior_modes

__all__ = ["LINKS", "DoseGroups", "Link", "information", "jeffreys_penalty", "log_likelihood", "marginal_risk"]

# Nodes of the adaptive rule: 41 are right to 1e-8 where 25, the most that lme4 allows, may lose a digit on sparse studies.
ORDER = 41
# A skewed posterior that is wider than this, in units of the linear predictor, asks for more Gauss-Hermite nodes than one can
# have: there gradient and value would disagree in the fourth digit. The trapezoidal rule takes over. The log integrand bends
# down at least as fast as that of a normal with standard deviation 1, so that beyond REACH it is below 1e-12 of its peak; the
# spacing, in units of the predictor, is fine enough for the narrowest such posterior and for the poles of the logistic curve.
WIDE = 0.5
REACH = 7.5
SPACING = 0.35
# Last step to the mode of a study's z, which only places the nodes.
MODE_TOLERANCE = 1e-9
# Nodes for the mean risk over studies, a smooth integrand.
MARGINAL_ORDER = 61
# Information below exp(-600) is that of risks of exactly 0 or 1 in double precision: no inverse exists.
SMALLEST_LOG_DETERMINANT = -600.0


@dataclass(frozen=True, slots=True)
class Link:
    """A link: risk from the linear predictor, its inverse, and what the likelihood needs of a binomial group.

    `score` is d log-likelihood / d eta, `curvature` minus its derivative, `weight` the expected curvature for n = 1 and
    `weight_slope` d log(weight) / d eta. `density_at_zero` is the slope of the risk at risk 1/2.
    """

    name: str
    risk: Callable[[np.ndarray], np.ndarray]
    predictor: Callable[[np.ndarray], np.ndarray]
    terms: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    curvature: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    weight: Callable[[np.ndarray], np.ndarray]
    weight_slope: Callable[[np.ndarray], np.ndarray]
    density_at_zero: float


def _logit_terms(x: np.ndarray, n: np.ndarray, eta: np.ndarray) -> np.ndarray:
    return x * eta - n * (np.maximum(eta, 0.0) + np.log1p(np.exp(-np.abs(eta))))


def _logit_weight(eta: np.ndarray) -> np.ndarray:
    return expit(eta) * expit(-eta)


def _log_density(eta: np.ndarray) -> np.ndarray:
    return -0.5 * eta * eta - 0.5 * np.log(2 * np.pi)


def _probit_ratios(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """density / risk and density / (1 - risk), stable far out in the tails."""
    return np.exp(_log_density(eta) - log_ndtr(eta)), np.exp(_log_density(eta) - log_ndtr(-eta))


def _probit_score(x: np.ndarray, n: np.ndarray, eta: np.ndarray) -> np.ndarray:
    below, above = _probit_ratios(eta)
    return x * below - (n - x) * above


def _probit_curvature(x: np.ndarray, n: np.ndarray, eta: np.ndarray) -> np.ndarray:
    below, above = _probit_ratios(eta)
    return x * below * (eta + below) + (n - x) * above * (above - eta)


def _probit_weight_slope(eta: np.ndarray) -> np.ndarray:
    below, above = _probit_ratios(eta)
    return -2 * eta - below + above


LINKS = {
    "logit": Link(
        name="logit",
        risk=expit,
        predictor=lambda p: np.log(p) - np.log1p(-p),
        terms=_logit_terms,
        score=lambda x, n, eta: x - n * expit(eta),
        curvature=lambda x, n, eta: n * _logit_weight(eta),
        weight=_logit_weight,
        weight_slope=lambda eta: expit(-eta) - expit(eta),
        density_at_zero=0.25,
    ),
    "probit": Link(
        name="probit",
        risk=ndtr,
        predictor=ndtri,
        terms=lambda x, n, eta: x * log_ndtr(eta) + (n - x) * log_ndtr(-eta),
        score=_probit_score,
        curvature=_probit_curvature,
        weight=lambda eta: np.exp(2 * _log_density(eta) - log_ndtr(eta) - log_ndtr(-eta)),
        weight_slope=_probit_weight_slope,
        density_at_zero=float(1 / np.sqrt(2 * np.pi)),
    ),
}


@dataclass(frozen=True, slots=True)
class DoseGroups:
    """Groups sorted by study: design (g, 2) of ones and doses, events and n (g,), study (g,) as 0..s-1, first group (s,)."""

    design: np.ndarray
    events: np.ndarray
    n: np.ndarray
    study: np.ndarray
    starts: np.ndarray

    @property
    def constant(self) -> float:
        """Sum of the log binomial coefficients."""
        x, n = self.events, self.n
        return float((gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)).sum())


@lru_cache
def _quadrature(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Hermite quadrature; making them costs more than using them."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


def log_likelihood(groups: DoseGroups, link: Link, beta: np.ndarray, tau: float) -> tuple[float, np.ndarray]:
    """Log likelihood at beta (2,) and tau >= 0, and its gradient (3,) with respect to (a, b, tau)."""
    eta = groups.design @ beta
    x, n = groups.events, groups.n
    if tau == 0:
        score = link.score(x, n, eta)
        return float(link.terms(x, n, eta).sum() + groups.constant), np.append(score @ groups.design, 0.0)
    mode, sd = _modes(groups, link, eta, tau)
    z, log_weight = _nodes(mode, sd, tau)
    at = eta[:, None] + tau * z[groups.study]
    x, n = x[:, None], n[:, None]
    terms = np.add.reduceat(link.terms(x, n, at), groups.starts) - 0.5 * z * z + log_weight
    peak = terms.max(axis=1, keepdims=True)
    mass = np.exp(terms - peak)
    total = mass.sum(axis=1, keepdims=True)
    value = (peak[:, 0] + np.log(total[:, 0]) - 0.5 * np.log(2 * np.pi)).sum() + groups.constant
    share = mass / total
    score = link.score(x, n, at)
    mean_score = (share[groups.study] * score).sum(axis=1)
    tau_score = (share * z * np.add.reduceat(score, groups.starts)).sum()
    return float(value), np.append(mean_score @ groups.design, tau_score)


def _nodes(mode: np.ndarray, sd: np.ndarray, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights of the integral over each study's z, both (s, q); modes and standard deviations there are (s,)."""
    at, weights = _quadrature(ORDER)
    nodes = mode[:, None] + sd[:, None] * at
    log_weight = np.log(sd)[:, None] + (0.5 * at * at + np.log(weights))
    wide = sd * tau > WIDE
    if not wide.any():
        return nodes, log_weight
    steps = max(int(np.ceil(2 * REACH * tau / SPACING)), ORDER)
    spread = np.linspace(-REACH, REACH, steps)
    # Rows of Gauss-Hermite nodes are filled up with nodes that weigh nothing.
    spare = ((0, 0), (0, steps - ORDER))
    nodes, log_weight = np.pad(nodes, spare, mode="edge"), np.pad(log_weight, spare, constant_values=-np.inf)
    nodes[wide], log_weight[wide] = mode[wide, None] + spread, np.log(spread[1] - spread[0])
    return nodes, log_weight


def _modes(groups: DoseGroups, link: Link, eta: np.ndarray, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Mode of each study's z and the standard deviation there, each (s,)."""

    def sums(shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at = eta + shift[groups.study]
        score, curvature = link.score(groups.events, groups.n, at), link.curvature(groups.events, groups.n, at)
        return np.add.reduceat(score, groups.starts), np.add.reduceat(curvature, groups.starts)

    z = posterior_modes(sums, tau, groups.starts.shape, MODE_TOLERANCE)
    curvature = 1.0 + tau**2 * sums(tau * z)[1]
    return z, 1.0 / np.sqrt(curvature)


def information(groups: DoseGroups, link: Link, beta: np.ndarray) -> np.ndarray:
    """Expected information (2, 2) of beta at tau = 0."""
    weight = groups.n * link.weight(groups.design @ beta)
    return (groups.design * weight[:, None]).T @ groups.design


def jeffreys_penalty(groups: DoseGroups, link: Link, beta: np.ndarray) -> tuple[float, np.ndarray]:
    """Half the log determinant of the expected information of beta (at tau = 0), and its gradient (3,).

    Tau is not penalised. For the logit link this is Firth's penalty (Firth 1993, Biometrika 80:27-38); it keeps the
    estimates finite for logit and probit alike (Kosmidis and Firth 2021, Biometrika 108:71-82).
    """
    eta = groups.design @ beta
    info = information(groups, link, beta)
    sign, log_det = np.linalg.slogdet(info)
    if sign <= 0 or log_det < SMALLEST_LOG_DETERMINANT:
        return -np.inf, np.zeros(3)
    leverage = groups.n * link.weight(eta) * np.einsum("gi,ij,gj->g", groups.design, np.linalg.inv(info), groups.design)
    return 0.5 * float(log_det), np.append(0.5 * (leverage * link.weight_slope(eta)) @ groups.design, 0.0)


def marginal_risk(link: Link, eta: np.ndarray, tau: float) -> np.ndarray:
    """Mean risk over studies at linear predictors eta, any shape."""
    if link.name == "probit":
        return ndtr(eta / np.sqrt(1 + tau**2))
    nodes, weights = _quadrature(MARGINAL_ORDER)
    return link.risk(np.asarray(eta)[..., None] + tau * nodes) @ (weights / weights.sum())
