"""Prior distributions of Bayesian random-effects meta-analysis.

A meta-analysis with few studies holds little information about tau, so its prior matters and is always stated.
Half-normal and half-Cauchy priors on tau are proper, have a finite density at zero (so that "no heterogeneity" stays
possible) and are weakly informative when their scale suits the scale of the effects.

References
----------
Gelman A (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis 1:515-534.
Friede T, Röver C, Wandel S, Neuenschwander B (2017). Meta-analysis of few small studies in orphan diseases. Research
Synthesis Methods 8:79-91.
Röver C, Bender R, Dias S, et al (2021). On weakly informative prior distributions for the heterogeneity parameter in
Bayesian random-effects meta-analysis. Research Synthesis Methods 12:448-474.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log, pi

import numpy as np

__all__ = ["Flat", "HalfCauchy", "HalfNormal", "Logistic", "MuPrior", "Normal", "TauPrior"]


def _check_positive(owner: str, name: str, value: float) -> None:
    if not (isinstance(value, (int, float, np.floating, np.integer)) and isfinite(value) and value > 0):
        raise ValueError(f"{owner}: {name} is {value!r}; it must be a finite number above 0. Give a positive {name}.")


def _check_finite(owner: str, name: str, value: float) -> None:
    if not (isinstance(value, (int, float, np.floating, np.integer)) and isfinite(value)):
        raise ValueError(f"{owner}: {name} is {value!r}; it must be a finite number.")


@dataclass(frozen=True, slots=True)
class HalfNormal:
    """Half-normal prior on tau: a normal distribution with mean 0 and standard deviation `scale`, cut at 0.

    Its median is 0.674 scale and its 95% point 1.96 scale. Raises ValueError where `scale` is not above 0.

    >>> HalfNormal(1.0).describe()
    'half-normal(scale 1)'
    """

    scale: float

    def __post_init__(self) -> None:
        _check_positive("HalfNormal", "scale", self.scale)

    def log_density(self, tau: np.ndarray) -> np.ndarray:
        """Log density at tau >= 0, any shape."""
        return 0.5 * log(2 / pi) - log(self.scale) - 0.5 * np.square(np.asarray(tau) / self.scale)

    def describe(self) -> str:
        return f"half-normal(scale {self.scale:g})"


@dataclass(frozen=True, slots=True)
class HalfCauchy:
    """Half-Cauchy prior on tau with median `scale`; heavier tail than the half-normal (Gelman 2006).

    Raises ValueError where `scale` is not above 0.

    >>> HalfCauchy(0.5).describe()
    'half-Cauchy(scale 0.5)'
    """

    scale: float

    def __post_init__(self) -> None:
        _check_positive("HalfCauchy", "scale", self.scale)

    def log_density(self, tau: np.ndarray) -> np.ndarray:
        """Log density at tau >= 0, any shape."""
        return log(2 / pi) - log(self.scale) - np.log1p(np.square(np.asarray(tau) / self.scale))

    def describe(self) -> str:
        return f"half-Cauchy(scale {self.scale:g})"


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal prior on mu, on the model's scale (logit for proportions).

    Raises ValueError where `mean` is not finite or `sd` is not above 0.

    >>> Normal(0, 1.5).describe()
    'normal(mean 0, sd 1.5)'
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _check_finite("Normal", "mean", self.mean)
        _check_positive("Normal", "sd", self.sd)

    def log_density(self, mu: np.ndarray) -> np.ndarray:
        """Log density at mu, any shape."""
        return -0.5 * log(2 * pi) - log(self.sd) - 0.5 * np.square((np.asarray(mu) - self.mean) / self.sd)

    def derivatives(self, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative of the log density."""
        mu = np.asarray(mu, dtype=float)
        return -(mu - self.mean) / self.sd**2, np.full_like(mu, -1 / self.sd**2)

    def describe(self) -> str:
        return f"normal(mean {self.mean:g}, sd {self.sd:g})"


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic prior on mu.

    With location 0 and scale 1 on the logit scale it is the uniform prior on the proportion: every proportion between
    0 and 1 is equally likely beforehand. Raises ValueError where `scale` is not above 0.

    >>> Logistic().describe()
    'logistic(location 0, scale 1), that is uniform on the proportion'
    """

    location: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        _check_finite("Logistic", "location", self.location)
        _check_positive("Logistic", "scale", self.scale)

    def log_density(self, mu: np.ndarray) -> np.ndarray:
        """Log density at mu, any shape."""
        z = np.abs((np.asarray(mu) - self.location) / self.scale)
        return -z - 2 * np.log1p(np.exp(-z)) - log(self.scale)

    def derivatives(self, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative of the log density."""
        half = np.tanh((np.asarray(mu, dtype=float) - self.location) / (2 * self.scale))
        return -half / self.scale, -0.5 * (1 - half**2) / self.scale**2

    def describe(self) -> str:
        text = f"logistic(location {self.location:g}, scale {self.scale:g})"
        uniform = self.location == 0 and self.scale == 1
        return text + (", that is uniform on the proportion" if uniform else "")


@dataclass(frozen=True, slots=True)
class Flat:
    """Improper uniform prior on mu; only for effects that are known with finite variances.

    >>> Flat().describe()
    'uniform on the whole line (improper)'
    """

    def log_density(self, mu: np.ndarray) -> np.ndarray:
        """Zero everywhere: the density is known up to a constant only."""
        return np.zeros_like(np.asarray(mu, dtype=float))

    def describe(self) -> str:
        return "uniform on the whole line (improper)"


TauPrior = HalfNormal | HalfCauchy
MuPrior = Normal | Logistic | Flat
