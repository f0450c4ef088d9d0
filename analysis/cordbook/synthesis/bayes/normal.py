"""Bayesian random-effects meta-analysis of effects with known variances: the normal-normal model, without a sampler.

yi | theta_i ~ normal(theta_i, vi) and theta_i ~ normal(mu, tau^2). Given tau, everything is normal in closed form; tau is
integrated over by quadrature, so each posterior is a finite mixture of normals (Röver 2020).

Reference
---------
Röver C (2020). Bayesian random-effects meta-analysis using the bayesmeta R package. Journal of Statistical Software 93(6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.bayes.densities import Density, Stretch, fit_panels, locate_mass
from cordbook.synthesis.bayes.priors import Flat, HalfCauchy, HalfNormal, Normal
from cordbook.synthesis.bayes.results import BayesEffect, BayesStudy, summarise
from cordbook.synthesis.checks import FEWEST, check_choice, check_effects, check_level, columns_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bayes_pool_effects"]

# As in bayesmeta: the data alone speak of the mean.
DEFAULT_MU_PRIOR = Flat()
INTERVALS = ("equal-tailed", "shortest")
# exp(-36) is 2e-16 of the peak; a half-Cauchy tail of tau reaches that no later than 16 powers of ten above every scale.
TAU_SPAN = 1e16
# Standard deviations of a component of the mixture beyond which it holds less than 1e-15.
COMPONENT_REACH = 8.0
# Components lighter than this share do not widen the range on which a density is drawn up.
NEGLIGIBLE_WEIGHT = 1e-12
# Length of a first panel in the inner variable of `Stretch`, about one standard deviation near the centre.
FIRST_PANEL = 1.0
# Numbers held at once while many studies meet many values of tau (32 MB).
CHUNK = 4_000_000


def bayes_pool_effects(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    tau_prior: HalfNormal | HalfCauchy,
    mu_prior: Flat | Normal = DEFAULT_MU_PRIOR,
    labels: Sequence[object] | None = None,
    level: float = 0.95,
    interval: Literal["equal-tailed", "shortest"] = "equal-tailed",
    data: pd.DataFrame | None = None,
) -> BayesEffect:
    """Pool effects with known sampling variances by the Bayesian normal-normal model.

    Parameters
    ----------
    yi, vi : array_like, shape (k,)
        Effects and their sampling variances (squared standard errors).
    tau_prior : HalfNormal or HalfCauchy
        Prior of the between-study standard deviation, in units of `yi`. There is no default, because the right scale depends
        on those units. For log odds ratios Röver et al (2021) discuss half-normal priors with scale 0.5 and 1.
    mu_prior : Flat or Normal
        Prior of the pooled effect. Flat by default, as in bayesmeta: it lets the data alone speak of the mean.
    labels : sequence of k names, optional
    level : float
        Probability of the credible and predictive intervals.
    interval : "equal-tailed" or "shortest"
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Returns
    -------
    BayesEffect

    Raises
    ------
    ValueError
        For bad effects or variances, for a prior of another kind, and for one study under a flat prior on mu (improper).

    Examples
    --------
    Eight schools (Rubin 1981, Journal of Educational Statistics 6:377-401):

    >>> schools = [28, 8, -3, 7, -1, 1, 18, 12]
    >>> se = np.array([15, 10, 16, 11, 9, 11, 10, 18])
    >>> fit = bayes_pool_effects(schools, se**2, tau_prior=HalfCauchy(25))
    >>> fit.k, 6 < fit.estimate < 9, fit.tau.median > 0
    (8, True, True)
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    if not isinstance(tau_prior, HalfNormal | HalfCauchy):
        raise ValueError(f"tau_prior is {tau_prior!r}; give HalfNormal(scale) or HalfCauchy(scale).")
    if not isinstance(mu_prior, Flat | Normal):
        raise ValueError(f"mu_prior is {mu_prior!r}; for effects with known variances give Flat() or Normal(mean, sd).")
    level = check_level(level)
    check_choice("interval", interval, INTERVALS)
    yi, vi, names = check_effects(yi, vi, labels, min_studies=FEWEST["bayes_pool_effects"])
    if yi.size == 1 and isinstance(mu_prior, Flat):
        raise ValueError(
            f"{names[0]} is the only study, and one study with a flat prior on mu has no proper posterior of tau; "
            "give mu_prior=Normal(mean, sd) or more studies."
        )
    mixture, tau_density, log_marginal = _integrate_tau(yi, vi, tau_prior, mu_prior)
    mu_density, new_density = _mixture_densities(
        np.stack([mixture.mean, mixture.mean]),
        np.stack([mixture.variance, mixture.variance + mixture.tau**2]),
        mixture.weight,
    )
    studies = _studies(yi, vi, names, mixture, level, interval)
    mu, tau, new = summarise([mu_density, tau_density, new_density], level, interval)
    return BayesEffect(
        estimate=mu.median,
        ci_low=mu.ci_low,
        ci_high=mu.ci_high,
        pi_low=new.ci_low,
        pi_high=new.ci_high,
        mu=mu,
        tau=tau,
        new_study=new,
        log_marginal=None if isinstance(mu_prior, Flat) else log_marginal,
        k=yi.size,
        level=level,
        interval=interval,
        mu_prior=mu_prior.describe(),
        tau_prior=tau_prior.describe(),
        studies=studies,
        notes=(),
        mu_density=mu_density,
        tau_density=tau_density,
        new_study_density=new_density,
    )


@dataclass(frozen=True, slots=True)
class _Mixture:
    """mu given the data: a mixture over tau of normals; all fields (j,)."""

    tau: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def _given_tau(
    yi: np.ndarray, vi: np.ndarray, mu_prior: Flat | Normal, tau: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and variance of mu given tau, and the log likelihood of tau with mu integrated out; each (j,)."""
    rows = max(1, CHUNK // yi.size)
    parts = [_given_tau_chunk(yi, vi, mu_prior, tau[i : i + rows]) for i in range(0, tau.size, rows)]
    mean, variance, log_likelihood = (np.concatenate(items) for items in zip(*parts, strict=True))
    return mean, variance, log_likelihood


def _given_tau_chunk(
    yi: np.ndarray, vi: np.ndarray, mu_prior: Flat | Normal, tau: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    flat = isinstance(mu_prior, Flat)
    prior_precision, prior_mean = (0.0, 0.0) if isinstance(mu_prior, Flat) else (mu_prior.sd**-2, mu_prior.mean)
    weights = 1.0 / (vi + np.square(tau)[:, None])
    precision = weights.sum(axis=1) + prior_precision
    mean = (weights @ yi + prior_precision * prior_mean) / precision
    misfit = (weights * np.square(yi - mean[:, None])).sum(axis=1) + prior_precision * np.square(mean - prior_mean)
    constant = -0.5 * yi.size * log(2 * pi) + 0.5 * (log(2 * pi) if flat else log(prior_precision))
    log_likelihood = constant + 0.5 * (np.log(weights).sum(axis=1) - np.log(precision) - misfit)
    return mean, 1.0 / precision, log_likelihood


def _integrate_tau(
    yi: np.ndarray, vi: np.ndarray, tau_prior: HalfNormal | HalfCauchy, mu_prior: Flat | Normal
) -> tuple[_Mixture, Density, float]:
    width = min(tau_prior.scale, float(np.sqrt(1.0 / np.mean(1.0 / vi))))
    scale = Stretch(0.0, width)
    largest = max(tau_prior.scale, float(np.ptp(yi)), float(np.sqrt(vi.max()))) * TAU_SPAN

    def log_posterior(u: np.ndarray) -> np.ndarray:
        tau = scale.value(u)
        return _given_tau(yi, vi, mu_prior, tau)[2] + tau_prior.log_density(tau) + np.log(scale.slope(u))

    low, high, peak = locate_mass(log_posterior, 0.0, float(np.arcsinh(largest / width)))
    panels = fit_panels(lambda u: np.exp(log_posterior(u) - peak)[None, :], np.linspace(low, high, 4))
    mass = (panels.values[0] * panels.weights).ravel()
    tau = scale.value(panels.nodes.ravel())
    mean, variance, _ = _given_tau(yi, vi, mu_prior, tau)
    mixture = _Mixture(tau, mass / mass.sum(), mean, variance)
    return mixture, panels.density(0, scale), float(peak + np.log(mass.sum()))


def _mixture_densities(means: np.ndarray, variances: np.ndarray, weight: np.ndarray) -> list[Density]:
    """Densities of s mixtures of normals: means and variances (s, j), weights (j,) or (s, j)."""
    weight = np.broadcast_to(weight, means.shape)
    centre = (weight * means).sum(axis=1)
    sd = np.sqrt((weight * (variances + np.square(means - centre[:, None]))).sum(axis=1))
    # A heavy tail blows up the standard deviation; the core is better told by the typical component.
    width = np.minimum(sd, np.sqrt(np.exp((weight * np.log(variances)).sum(axis=1))))
    deviations = np.sqrt(variances)
    reach = np.where(weight > NEGLIGIBLE_WEIGHT, np.abs(means - centre[:, None]) + COMPONENT_REACH * deviations, 0.0)
    end = float(np.arcsinh(reach.max(axis=1) / width).max())
    height = weight / (deviations * np.sqrt(2 * pi))

    def densities(u: np.ndarray) -> np.ndarray:
        offsets = width[:, None] * np.sinh(u)
        slopes = width[:, None] * np.cosh(u)
        rows = max(1, CHUNK // (u.size * weight.shape[1]))
        return np.concatenate(
            [
                _mixture_heights(
                    centre[i : i + rows, None] + offsets[i : i + rows],
                    means[i : i + rows],
                    deviations[i : i + rows],
                    height[i : i + rows],
                )
                * slopes[i : i + rows]
                for i in range(0, centre.size, rows)
            ]
        )

    panels = fit_panels(densities, np.linspace(-end, end, 2 * int(np.ceil(end / FIRST_PANEL)) + 1))
    return [panels.density(i, Stretch(float(centre[i]), float(width[i]))) for i in range(centre.size)]


def _mixture_heights(values: np.ndarray, means: np.ndarray, deviations: np.ndarray, height: np.ndarray) -> np.ndarray:
    z = (values[:, :, None] - means[:, None, :]) / deviations[:, None, :]
    return np.matmul(np.exp(-0.5 * z * z), height[:, :, None])[:, :, 0]


def _studies(
    yi: np.ndarray, vi: np.ndarray, names: Sequence[str], mixture: _Mixture, level: float, interval: str
) -> tuple[BayesStudy, ...]:
    pull = vi[:, None] / (vi[:, None] + np.square(mixture.tau))
    means = pull * mixture.mean + (1 - pull) * yi[:, None]
    variances = (1 - pull) * vi[:, None] + np.square(pull) * mixture.variance
    densities = _mixture_densities(means, variances, mixture.weight)
    shrinkage = pull @ mixture.weight
    return tuple(
        BayesStudy(
            names[i],
            float(yi[i]),
            float(vi[i]),
            own.median,
            own.mean,
            own.sd,
            own.ci_low,
            own.ci_high,
            float(shrinkage[i]),
        )
        for i, own in enumerate(summarise(densities, level, interval))
    )
