"""The posterior of (mu, tau) of the binomial-normal model, on a grid that follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cordbook.synthesis.bayes.densities import Density, Panels, Stretch, fit_panels, legendre_rule, locate_mass
from cordbook.synthesis.bayes.likelihood import conditional_moments, study_log_likelihood
from cordbook.synthesis.bayes.priors import HalfCauchy, HalfNormal, Logistic, Normal

__all__ = ["NODES", "BinomialData", "Joint", "integrate_binomial_normal"]

# Log density below the peak at which the grid of mu ends, and the range within which a search for that point may stop.
MU_DROP = 30.0
MU_DROP_RANGE = (26.0, 45.0)
MU_SEARCH_STEPS = 25
# Each side of the mode has three panels of twelve nodes, which end where the log density has dropped by this much.
PANEL_DROPS = (2.0, 10.0, MU_DROP)
NODES = 12
# Log drop ~ distance ** power along a side: 2 for a bell, 1 for an exponential tail.
POWER_RANGE = (1.0, 2.5)
# Newton steps for the mode of mu given tau: the posterior of mu is log-concave.
MODE_STEPS = 30
MODE_TOLERANCE = 1e-3
LONGEST_STEP = 3.0
WIDEST_SD = 5.0
# Scales of the prior within which tau is looked for: far enough that data which contradict a narrow prior are followed, and
# that the tail of a half-Cauchy holds nothing further out.
TAU_SPAN = {HalfNormal: 1e3, HalfCauchy: 1e8}
# Points of the first look along tau: only the range is wanted.
ROUGH_POINTS = 17
# Gauss-Legendre on a panel is far more exact than its interpolant, so that tau need not be fitted as closely as a density.
TAU_ORDER = 12
TAU_TOLERANCE = 1e-5
# Tau is fitted to about 1e-7 at best, which is what the likelihood is right to: further halving would follow its error.
HALVINGS = 4


@dataclass(frozen=True, slots=True)
class BinomialData:
    """Unlike pairs of events x and size n, each (u,), how many studies share a pair, and the priors."""

    x: np.ndarray
    n: np.ndarray
    copies: np.ndarray
    mu_prior: Logistic | Normal
    tau_prior: HalfNormal | HalfCauchy


@dataclass(frozen=True, slots=True)
class Joint:
    """The posterior of (mu, tau) on its grid.

    tau (j,); edges (j, p + 1) of the panels of mu; mu and mass (j, m), masses summing to 1; rule (j, m), the quadrature
    weights of mu; log_likelihood (u, j, m); sd (j,), that of mu given tau.
    """

    tau: np.ndarray
    edges: np.ndarray
    mu: np.ndarray
    rule: np.ndarray
    mass: np.ndarray
    log_likelihood: np.ndarray
    sd: np.ndarray


def _log_posterior_mu(data: BinomialData, mu: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rough log posterior of mu given tau, its slope and its curvature; all (j,)."""
    log_likelihood, slope, curvature = conditional_moments(data.x, data.n, mu, tau)
    prior_slope, prior_curvature = data.mu_prior.derivatives(mu)
    return (
        data.copies @ log_likelihood + data.mu_prior.log_density(mu),
        data.copies @ slope + prior_slope,
        data.copies @ curvature + prior_curvature,
    )


def _mode_of_mu(data: BinomialData, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mode of mu given tau, the standard deviation at the mode, and the log posterior there; all (j,)."""
    pooled = (data.copies @ data.x + 0.5) / (data.copies @ data.n + 1.0)
    mu = np.full(tau.shape, np.log(pooled / (1 - pooled)))
    # Where the posterior is a straight line (far in a prior's exponential tail) it has no curvature to step by.
    widest = WIDEST_SD * (1.0 + tau)
    for _ in range(MODE_STEPS):
        height, slope, curvature = _log_posterior_mu(data, mu, tau)
        sd = 1.0 / np.sqrt(np.maximum(-curvature, widest**-2.0))
        step = np.clip(slope * sd**2, -LONGEST_STEP, LONGEST_STEP)
        if (np.abs(step) < MODE_TOLERANCE * sd).all():
            break
        mu = mu + step
    return mu, sd, height


def _reach_of_mu(data: BinomialData, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mode, distances to where the log posterior has dropped by MU_DROP on the left and on the right, and sd; all (j,)."""
    mode, sd, peak = _mode_of_mu(data, tau)
    distances = []
    for sign in (-1.0, 1.0):
        distance = sd * np.sqrt(2 * MU_DROP)
        near, far = np.zeros_like(distance), np.full_like(distance, np.inf)
        for _ in range(MU_SEARCH_STEPS):
            drop = peak - _log_posterior_mu(data, mode + sign * distance, tau)[0]
            short, long = drop < MU_DROP_RANGE[0], drop > MU_DROP_RANGE[1]
            if not (short | long).any():
                break
            near, far = np.where(short, distance, near), np.where(long, distance, far)
            # The drop grows like a power between 1 (exponential tail) and 2 (bell); once both sides are known, halve.
            guess = distance * np.clip((MU_DROP / np.maximum(drop, 1e-3)) ** 0.7, 0.2, 4.0)
            guess = np.where((near > 0) & np.isfinite(far), 0.5 * (near + far), guess)
            distance = np.where(short | long, guess, distance)
        distances.append(distance)
    return mode, distances[0], distances[1], sd


def _nodes_of_mu(
    mode: np.ndarray, left: np.ndarray, right: np.ndarray, sd: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges (j, 7), nodes (j, m) and quadrature weights (j, m) of mu."""
    share = np.array(PANEL_DROPS) / MU_DROP
    sides = []
    for reach in (left, right):
        # At one standard deviation the log density has dropped by 1/2, at `reach` by MU_DROP: this gives the power.
        power = np.log(2 * MU_DROP) / np.log(np.maximum(reach / sd, np.e))
        sides.append(reach[:, None] * share ** (1 / np.clip(power, *POWER_RANGE))[:, None])
    middle = mode[:, None]
    edges = np.concatenate([middle - sides[0][:, ::-1], middle, middle + sides[1]], axis=1)
    nodes, weights, _ = legendre_rule(NODES)
    half = 0.5 * np.diff(edges, axis=1)[:, :, None]
    middle = 0.5 * (edges[:, 1:] + edges[:, :-1])[:, :, None]
    return edges, (middle + half * nodes).reshape(mode.size, -1), (half * weights).reshape(mode.size, -1)


def integrate_binomial_normal(data: BinomialData) -> tuple[Joint, Density, float]:
    """Posterior of (mu, tau), density of tau, and the log of the integral of prior times likelihood."""
    scale = Stretch(0.0, data.tau_prior.scale)

    def rough(u: np.ndarray) -> np.ndarray:
        tau = scale.value(u)
        _, sd, height = _mode_of_mu(data, tau)
        return height + np.log(sd) + data.tau_prior.log_density(tau) + np.log(scale.slope(u))

    # tau = 0 itself has no place in the quadrature of theta; so close to it the model is the common-effect one.
    nearest = 1e-9
    low, high, peak = locate_mass(rough, nearest, float(np.arcsinh(TAU_SPAN[type(data.tau_prior)])), points=ROUGH_POINTS)
    seen: list[tuple[np.ndarray, Joint]] = []

    def posterior_of_tau(u: np.ndarray) -> np.ndarray:
        tau = scale.value(u)
        log_weight = data.tau_prior.log_density(tau) + np.log(scale.slope(u)) - peak
        block = _evaluate(data, tau, log_weight)
        seen.append((u, block))
        return block.mass.sum(axis=1)[None, :]

    panels = fit_panels(posterior_of_tau, np.linspace(low, high, 3), order=TAU_ORDER, tolerance=TAU_TOLERANCE, halvings=HALVINGS)
    joint = _gather(seen, panels)
    total = joint.mass.sum()
    return replace(joint, mass=joint.mass / total), panels.density(0, scale), float(peak + np.log(total))


def _evaluate(data: BinomialData, tau: np.ndarray, log_weight: np.ndarray) -> Joint:
    """The posterior on the grid of mu that belongs to each tau; masses are times exp(log_weight), not normalised."""
    mode, left, right, sd = _reach_of_mu(data, tau)
    edges, mu, rule = _nodes_of_mu(mode, left, right, sd)
    log_likelihood = study_log_likelihood(data.x, data.n, mu, tau)
    log_density = np.tensordot(data.copies, log_likelihood, axes=1) + data.mu_prior.log_density(mu)
    mass = np.exp(log_density + log_weight[:, None]) * rule
    return Joint(tau, edges, mu, rule, mass, log_likelihood, sd)


def _gather(seen: list[tuple[np.ndarray, Joint]], panels: Panels) -> Joint:
    """Of all tau that were evaluated, those on the panels that were accepted, with the quadrature weights of tau."""
    u = np.concatenate([item[0] for item in seen])
    order = np.argsort(u)
    pick = order[np.searchsorted(u[order], panels.nodes.ravel())]

    def column(name: str, axis: int = 0) -> np.ndarray:
        return np.take(np.concatenate([getattr(block, name) for _, block in seen], axis=axis), pick, axis=axis)

    return Joint(
        tau=column("tau"),
        edges=column("edges"),
        mu=column("mu"),
        rule=column("rule"),
        mass=column("mass") * panels.weights.ravel()[:, None],
        log_likelihood=column("log_likelihood", axis=1),
        sd=column("sd"),
    )
