"""The population average behind pooled effect sizes of proportions: the mean of what the normal distribution over studies goes back to.

The pooled effect goes back to the median study's proportion. On the raw scale mean and median are one; on the logit the mean is that of
`glmm.average`; on the arcsine ``E sin^2(mu + tau z) = (1 - exp(-2 tau2) cos(2 mu)) / 2``. The double arcsine goes back through a sample size
that is nobody's, so no mean over studies is defended for it.

Intervals are by the delta method on the log-odds of the average, with the standard error of the pooled effect and ``2 / sum w^2`` for the
variance of tau2, w the weights (the inverse of the information of maximum likelihood; Viechtbauer 2005), the two taken as independent.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from cordbook.synthesis.glmm.average import average

# Scales on which a population average is given.
AVERAGED = ("logit", "arcsine", "raw")
# Below this tau the slope in tau2 is taken from the second derivative in tau, which it tends to.
SMALL_TAU = 1e-4


def average_of_effects(
    measure: str, mu: float, se: float, tau2: float, tau2_variance: float, critical: float
) -> tuple[float, float, float]:
    """Return the population average and its limits, from 0 to 1.

    Parameters
    ----------
    measure : str
        "logit" or "arcsine".
    mu, se : float
        Pooled effect and its standard error.
    tau2, tau2_variance : float
        Between-study variance and the sampling variance of its estimate.
    critical : float
        Two-sided quantile of the interval.

    Examples
    --------
    >>> [round(value, 4) for value in average_of_effects("logit", -3.0, 0.3, 1.0, 0.2, 1.96)]
    [0.0693, 0.0383, 0.1222]
    """
    lam, by_mu, by_tau2 = _logit_average(mu, tau2) if measure == "logit" else _arcsine_average(mu, tau2)
    if not np.isfinite(lam):
        # All studies without events, or with events only, and no difference between them.
        ends = [_arcsine_mean(value, tau2) for value in (mu, mu - critical * se, mu + critical * se)]
        return ends[0], min(ends), max(ends)
    reach = critical * float(np.hypot(by_mu * se, by_tau2 * np.sqrt(tau2_variance)))
    return float(expit(lam)), float(expit(lam - reach)), float(expit(lam + reach))


def average_at(measure: str, mu: float, tau2: float) -> float:
    """Return the population average at an effect ``mu``, from 0 to 1.

    Examples
    --------
    >>> round(average_at("arcsine", 0.5, 0.0), 6), round(average_at("raw", 0.5, 1.0), 6)
    (0.229849, 0.5)
    """
    if measure == "raw":
        return float(np.clip(mu, 0.0, 1.0))
    return float(expit(_logit_average(mu, tau2)[0])) if measure == "logit" else _arcsine_mean(mu, tau2)


def check_average(average_of: str, measure: str) -> None:
    """Refuse the population average on a scale that has none.

    Examples
    --------
    >>> check_average("population", "double-arcsine")
    Traceback (most recent call last):
        ...
    ValueError: average = 'population' is not given for measure = 'double-arcsine', whose way back leads through a sample size ...
    """
    if average_of == "population" and measure not in AVERAGED:
        raise ValueError(
            f"average = 'population' is not given for measure = {measure!r}, whose way back leads through a sample size "
            "that is not any study's; use average = 'median', or the GLMM."
        )


def _logit_average(mu: float, tau2: float) -> tuple[float, float, float]:
    at = average(np.array([mu]), np.array([np.sqrt(tau2)]))
    tau = float(np.sqrt(tau2))
    by_tau2 = 0.5 * float(at.d_tau[0]) / tau if tau > SMALL_TAU else 0.5 * float(at.d_tau_tau[0])
    return float(at.lam[0]), float(at.d_mu[0]), by_tau2


def _arcsine_average(mu: float, tau2: float) -> tuple[float, float, float]:
    mean, shrink = _arcsine_mean(mu, tau2), float(np.exp(-2.0 * tau2))
    if not 0.0 < mean < 1.0:
        return float("inf"), 0.0, 0.0
    spread = mean * (1.0 - mean)
    lam = float(np.log(mean) - np.log1p(-mean))
    return lam, shrink * float(np.sin(2.0 * mu)) / spread, shrink * float(np.cos(2.0 * mu)) / spread


def _arcsine_mean(mu: float, tau2: float) -> float:
    inside = float(np.clip(mu, 0.0, 0.5 * np.pi))
    # (1 - exp(-2 tau2) cos(2 mu)) / 2, without the difference of two numbers near 1.
    return float(np.exp(-2.0 * tau2) * np.sin(inside) ** 2 - 0.5 * np.expm1(-2.0 * tau2))
