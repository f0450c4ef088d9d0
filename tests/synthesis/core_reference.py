"""Reference values of the synthesis core, and a slow likelihood of the binomial-normal model that shares no code with it."""

import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

CORE = json.loads((Path(__file__).parents[1] / "reference" / "core.json").read_text())
METAFOR = json.loads((Path(__file__).parents[1] / "reference" / "metafor.json").read_text())["proportions"]

# The random effect z is integrated in two passes of the trapezoidal rule: a coarse one finds where the integrand is above
# exp(-60) of its top, a fine one of 8,000 steps covers that. For smooth integrands this is exact to rounding.
COARSE = np.linspace(-1.0, 1.0, 20_001)
MARGIN = 3  # coarse steps on either side, for integrands that are narrower than a step


def slow_loglik(events, n, mu, tau):
    """Log-likelihood without the binomial coefficients, by brute force."""
    if tau == 0:
        return float(sum(-x * np.logaddexp(0, -mu) - (size - x) * np.logaddexp(0, mu) for x, size in zip(events, n, strict=True)))
    coarse = COARSE * (40.0 + min(25.0 / tau, 3000.0))
    pairs, times = np.unique(np.array([events, n], dtype=float), axis=1, return_counts=True)
    total = 0.0
    for x, size, count in zip(*pairs, times, strict=True):
        height = _log_integrand(x, size, mu, tau, coarse)
        above = np.flatnonzero(height > height.max() - 60)
        ends = coarse[max(above[0] - MARGIN, 0)], coarse[min(above[-1] + MARGIN, coarse.size - 1)]
        fine = np.linspace(*ends, 8_001)
        height = _log_integrand(x, size, mu, tau, fine)
        top = height.max()
        total += count * (top + np.log(np.exp(height - top).sum() * (fine[1] - fine[0])))
    return float(total)


def _log_integrand(x, size, mu, tau, z):
    theta = mu + tau * z
    return -x * np.logaddexp(0, -theta) - (size - x) * np.logaddexp(0, theta) - 0.5 * z * z - 0.5 * np.log(2 * np.pi)


def slow_profile_mu(events, n, mu, tau_max):
    """Highest log-likelihood over tau at this mu."""
    found = minimize_scalar(
        lambda tau: -slow_loglik(events, n, mu, tau), bounds=(0.01, tau_max), method="bounded", options={"xatol": 1e-7}
    )
    return max(-found.fun, slow_loglik(events, n, mu, 0.0))


def slow_profile_tau(events, n, tau, mu_low, mu_high):
    """Highest log-likelihood over mu at this tau."""
    found = minimize_scalar(
        lambda mu: -slow_loglik(events, n, mu, tau), bounds=(mu_low, mu_high), method="bounded", options={"xatol": 1e-7}
    )
    return -found.fun
