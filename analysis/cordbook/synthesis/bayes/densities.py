"""One-dimensional densities as piecewise polynomials: fitted to a stated accuracy, then evaluated without further cost.

A density is fitted by Legendre polynomials on panels of an inner variable u, and panels are halved until the last
coefficients are negligible. The outer value is v = centre + width * sinh(u): near the centre it is linear in u, and
far out it is exponential, so one set of panels follows both a narrow core and a heavy tail. A logistic outer scale
turns a density of log odds into the density of the proportion with nothing fitted anew.

Words: `u` inner variable; `v` outer value; panels have `edges` (p + 1,); `coefficients` (p, m) belong to the density
with respect to u; `mass` (p,) is the probability of each panel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.polynomial import legendre
from scipy.special import expit, logit

__all__ = ["Density", "Panels", "Stretch", "fit_panels", "intervals", "legendre_rule", "locate_mass", "quantiles"]

# Sixteen Gauss-Legendre nodes a panel carry polynomials of degree 15: enough that a bell needs about four panels.
NODES_PER_PANEL = 16
# Of the largest coefficient: keeps probabilities right to about 1e-9, far inside what a reader can see.
FIT_TOLERANCE = 1e-10
# A panel is halved at most this often: 2**-30 of the first panel is finer than any posterior met in practice.
MAX_HALVINGS = 30
# Quantiles: bisection alone would reach double precision on a panel in 53 steps; Newton steps need about five.
MAX_ROOT_STEPS = 60
# Width of a root bracket on [-1, 1] at which the quantile is as exact as double precision of the CDF allows.
ROOT_TOLERANCE = 1e-13
# Candidate lower tail probabilities from which the search for the shortest interval starts.
SHORTEST_CANDIDATES = 65
# exp(-30) is 1e-13: what lies further down than this cannot move a probability that is shown.
LOG_DROP = 30.0
# Points of a grid that zooms in on the mass of a density, and how often it may zoom (each time by a half at least).
ZOOM_POINTS = 41
MAX_ZOOMS = 40
# Golden-section steps that shrink a bracket of two candidates by 1e-7: the width is flat at its minimum.
SHORTEST_STEPS = 35


@dataclass(frozen=True, slots=True)
class Stretch:
    """The map from the inner variable u to the value: link(centre + width * sinh(u)).

    `link` is "identity" or "logistic" (log odds to proportion).
    """

    centre: float = 0.0
    width: float = 1.0
    link: Literal["identity", "logistic"] = "identity"

    def value(self, u: np.ndarray) -> np.ndarray:
        inner = self.centre + self.width * np.sinh(u)
        return expit(inner) if self.link == "logistic" else inner

    def inner(self, value: np.ndarray) -> np.ndarray:
        value = np.asarray(value, dtype=float)
        if self.link == "logistic":
            with np.errstate(divide="ignore"):
                value = logit(np.clip(value, 0.0, 1.0))
        return np.arcsinh((value - self.centre) / self.width)

    def slope(self, u: np.ndarray) -> np.ndarray:
        """dv/du."""
        inner_slope = self.width * np.cosh(u)
        if self.link == "logistic":
            p = expit(self.centre + self.width * np.sinh(u))
            return inner_slope * p * (1 - p)
        return inner_slope


@lru_cache(maxsize=4)
def legendre_rule(order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes (m,), weights (m,) and the matrix (m, m) from values at the nodes to Legendre coefficients."""
    nodes, weights = legendre.leggauss(order)
    degrees = np.arange(order)
    to_coefficients = (legendre.legvander(nodes, order - 1) * weights[:, None]).T * (degrees[:, None] + 0.5)
    for array in (nodes, weights, to_coefficients):
        array.setflags(write=False)
    return nodes, weights, to_coefficients


@lru_cache(maxsize=4)
def _basis_at_nodes(order: int) -> np.ndarray:
    """Legendre polynomials (m, m) at the nodes: row l holds P_l."""
    basis = legendre.legvander(legendre_rule(order)[0], order - 1).T
    basis.setflags(write=False)
    return basis


@dataclass(frozen=True, slots=True)
class Panels:
    """Panels shared by s functions of u: edges (p + 1,), nodes and weights (p, m), values and coefficients (s, p, m)."""

    edges: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    coefficients: np.ndarray

    def density(self, index: int, scale: Stretch) -> Density:
        """The function `index`, normalised to a density."""
        mass = (self.values[index] * self.weights).sum(axis=1)
        total = mass.sum()
        return Density(self.edges, self.coefficients[index] / total, mass / total, scale)


def fit_panels(
    function: Callable[[np.ndarray], np.ndarray],
    edges: np.ndarray,
    *,
    order: int = NODES_PER_PANEL,
    tolerance: float = FIT_TOLERANCE,
    halvings: int = MAX_HALVINGS,
) -> Panels:
    """Fit s functions of u at once by Legendre polynomials on panels, halving panels until all s are followed.

    Parameters
    ----------
    function : callable, (q,) to (s, q)
        Non-negative functions of u, for instance unnormalised densities.
    edges : array (p + 1,)
        First panels; they must not step over a peak.
    order : int
        Nodes a panel.
    tolerance : float
        A panel is accepted where its last two coefficients are below this fraction of the largest coefficient.
    halvings : int
        How often a panel may be halved; few where the functions themselves carry an error above the tolerance.

    Returns
    -------
    Panels

    >>> panels = fit_panels(lambda u: np.exp(-0.5 * u[None, :] ** 2), np.linspace(-9, 9, 5))
    >>> round(float((panels.values * panels.weights).sum() ** 2), 9)   # 2 pi
    6.283185307
    """
    nodes, weights, to_coefficients = legendre_rule(order)
    lower, upper = np.asarray(edges[:-1], dtype=float), np.asarray(edges[1:], dtype=float)
    done: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    largest = 0.0
    for depth in range(halvings + 1):
        middle, half = 0.5 * (lower + upper), 0.5 * (upper - lower)
        u = middle[:, None] + half[:, None] * nodes
        values = np.asarray(function(u.ravel()))
        values = values.reshape(values.shape[0], lower.size, order)
        coefficients = values @ to_coefficients.T
        largest = np.maximum(largest, np.abs(coefficients).max(axis=(1, 2)))
        # What an unresolved panel could misplace is its height times its length.
        share = half / (edges[-1] - edges[0])
        tail = np.abs(coefficients[:, :, -2:]).max(axis=2) * share
        good = (tail <= tolerance * largest[:, None]).all(axis=0) | (depth == halvings)
        done.append((lower[good], upper[good], values[:, good]))
        lower, upper, middle = lower[~good], upper[~good], middle[~good]
        if lower.size == 0:
            break
        lower, upper = np.concatenate([lower, middle]), np.concatenate([middle, upper])
    first = np.concatenate([item[0] for item in done])
    last = np.concatenate([item[1] for item in done])
    values = np.concatenate([item[2] for item in done], axis=1)
    sort = np.argsort(first)
    first, last, values = first[sort], last[sort], values[:, sort]
    half = 0.5 * (last - first)
    return Panels(
        edges=np.append(first, last[-1]),
        nodes=(0.5 * (first + last))[:, None] + half[:, None] * nodes,
        weights=half[:, None] * weights,
        values=values,
        coefficients=values @ to_coefficients.T,
    )


def _antiderivative(coefficients: np.ndarray) -> np.ndarray:
    """Legendre coefficients (..., m + 1) of the integral from -1 to t."""
    order = coefficients.shape[-1]
    result = np.zeros(coefficients.shape[:-1] + (order + 1,))
    # The integral of P_l is (P_{l+1} - P_{l-1}) / (2 l + 1), which vanishes at -1 for l >= 1.
    scaled = coefficients / (2 * np.arange(order) + 1)
    result[..., 1:] += scaled
    result[..., 0 : order - 1] -= scaled[..., 1:]
    result[..., 0] += scaled[..., 0]
    return result


@dataclass(frozen=True, slots=True)
class Density:
    """A probability density with its distribution function, quantiles, moments and intervals.

    Made by the Bayesian fits; not built by hand. All methods take and give values on the outer scale.
    """

    edges: np.ndarray
    coefficients: np.ndarray
    mass: np.ndarray
    scale: Stretch

    def on_proportion_scale(self) -> Density:
        """The same distribution of log odds, as that of the proportion."""
        return Density(self.edges, self.coefficients, self.mass, Stretch(self.scale.centre, self.scale.width, "logistic"))

    def _locate(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        panel = np.clip(np.searchsorted(self.edges, u, side="right") - 1, 0, self.mass.size - 1)
        lower, upper = self.edges[panel], self.edges[panel + 1]
        return panel, np.clip((2 * u - lower - upper) / (upper - lower), -1.0, 1.0)

    def pdf(self, value: float | np.ndarray) -> np.ndarray:
        """Density at `value`, any shape; zero outside the range that holds the probability."""
        value = np.asarray(value, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.atleast_1d(self.scale.inner(value))
        inside = (u >= self.edges[0]) & (u <= self.edges[-1])
        safe = np.where(inside, u, self.edges[0])
        panel, t = self._locate(safe)
        height = (legendre.legvander(t, self.coefficients.shape[1] - 1) * self.coefficients[panel]).sum(axis=-1)
        density = np.where(inside, np.maximum(height, 0.0) / self.scale.slope(safe), 0.0)
        return density.reshape(value.shape)

    def cdf(self, value: float | np.ndarray) -> np.ndarray:
        """Probability of at most `value`, any shape."""
        value = np.asarray(value, dtype=float)
        u = np.clip(np.atleast_1d(self.scale.inner(value)), self.edges[0], self.edges[-1])
        panel, t = self._locate(u)
        integral = _antiderivative(self.coefficients)[panel]
        half = 0.5 * np.diff(self.edges)[panel]
        inside = half * (legendre.legvander(t, integral.shape[-1] - 1) * integral).sum(axis=-1)
        below = (np.cumsum(self.mass) - self.mass)[panel]
        return np.clip(below + inside, 0.0, 1.0).reshape(value.shape)

    def probability_above(self, threshold: float) -> float:
        """Probability of a value above `threshold`."""
        return float(1.0 - self.cdf(threshold))

    def quantile(self, probability: float | np.ndarray) -> np.ndarray:
        """Value at which the distribution function reaches `probability`, any shape."""
        probability = np.asarray(probability, dtype=float)
        if not ((probability >= 0) & (probability <= 1)).all():
            raise ValueError(f"A probability is {probability}; it must lie in [0, 1].")
        return quantiles([self], probability.reshape(1, -1))[0].reshape(probability.shape)

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation."""
        nodes, weights, _ = legendre_rule(self.coefficients.shape[1])
        half = 0.5 * np.diff(self.edges)[:, None]
        u = self.edges[:-1, None] + half * (1 + nodes)
        share = (self.coefficients @ _basis_at_nodes(nodes.size)) * weights * half
        values = self.scale.value(u)
        mean = float((share * values).sum())
        return mean, float(np.sqrt((share * np.square(values - mean)).sum().clip(min=0.0)))

    @property
    def mean(self) -> float:
        return self.moments()[0]

    @property
    def median(self) -> float:
        return float(self.quantile(0.5))

    @property
    def sd(self) -> float:
        return self.moments()[1]

    @property
    def support(self) -> tuple[float, float]:
        """Values between which all but a negligible part of the probability lies."""
        low, high = self.scale.value(self.edges[[0, -1]])
        return float(low), float(high)

    def interval(self, level: float = 0.95, kind: Literal["equal-tailed", "shortest"] = "equal-tailed") -> tuple[float, float]:
        """Interval that holds `level` of the probability.

        "equal-tailed" leaves the same probability on both sides and carries over to any monotone scale;
        "shortest" is the narrowest on this scale (the highest-density interval of a one-peaked density).
        """
        if not 0 < level < 1:
            raise ValueError(f"level = {level!r} is not between 0 and 1; for a 95% interval write 0.95.")
        low, high = intervals([self], level, kind)[0]
        return float(low), float(high)

    def curve(self, points: int = 256, level: float = 0.9999) -> tuple[np.ndarray, np.ndarray]:
        """Values and densities, each (points,), evenly spaced over the central `level`: what a figure draws."""
        low, high = self.interval(level)
        values = np.linspace(low, high, points)
        return values, self.pdf(values)


def quantiles(densities: Sequence[Density], probabilities: np.ndarray) -> np.ndarray:
    """Quantiles (s, q) of s densities at probabilities (s, q), all roots found together."""
    panels, targets, slopes, integrals = [], [], [], []
    for density, probability in zip(densities, probabilities, strict=True):
        cumulative = np.cumsum(density.mass)
        panel = np.minimum(np.searchsorted(cumulative, probability, side="left"), density.mass.size - 1)
        half = 0.5 * np.diff(density.edges)[panel]
        panels.append(panel)
        targets.append((probability - (cumulative - density.mass)[panel]) / half)
        slopes.append(density.coefficients[panel])
        integrals.append(_antiderivative(density.coefficients[panel]))
    t = _solve_increasing(np.concatenate(slopes), np.concatenate(integrals), np.concatenate(targets))
    results = np.empty(probabilities.shape)
    for row, density, panel, root in zip(results, densities, panels, t.reshape(probabilities.shape), strict=True):
        lower, upper = density.edges[panel], density.edges[panel + 1]
        row[:] = density.scale.value(0.5 * (lower + upper) + 0.5 * (upper - lower) * root)
    return results


def intervals(densities: Sequence[Density], level: float, kind: str) -> np.ndarray:
    """Intervals (s, 2) of s densities that hold `level` of the probability: "equal-tailed" or "shortest"."""
    if kind == "equal-tailed":
        return quantiles(densities, np.tile([(1 - level) / 2, (1 + level) / 2], (len(densities), 1)))
    if kind != "shortest":
        raise ValueError(f"interval = {kind!r} is not known; choose one of 'equal-tailed', 'shortest'.")

    def widths(tails: np.ndarray) -> np.ndarray:
        ends = quantiles(densities, np.concatenate([tails, tails + level], axis=1).clip(0, 1))
        return ends[:, tails.shape[1] :] - ends[:, : tails.shape[1]]

    rows = np.arange(len(densities))
    tails = np.tile(np.linspace(0, 1 - level, SHORTEST_CANDIDATES), (rows.size, 1))
    best = widths(tails).argmin(axis=1)
    low = tails[rows, np.maximum(best - 1, 0)]
    high = tails[rows, np.minimum(best + 1, SHORTEST_CANDIDATES - 1)]
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(SHORTEST_STEPS):
        inner = np.stack([high - golden * (high - low), low + golden * (high - low)], axis=1)
        narrow = widths(inner)
        left = narrow[:, 0] <= narrow[:, 1]
        low, high = np.where(left, low, inner[:, 0]), np.where(left, inner[:, 1], high)
    # The narrowest may lie at an end, as for a density that falls from the start.
    ends = np.stack([low, 0.5 * (low + high), high], axis=1)
    tail = ends[rows, widths(ends).argmin(axis=1)]
    return quantiles(densities, np.stack([tail, np.minimum(tail + level, 1.0)], axis=1))


def _solve_increasing(slope: np.ndarray, integral: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Roots t (r,) in [-1, 1] of integral(t) = wanted: Newton's method, bisecting where a step leaves the bracket."""
    low, high = np.full_like(wanted, -1.0), np.full_like(wanted, 1.0)
    t = np.zeros_like(wanted)
    for _ in range(MAX_ROOT_STEPS):
        basis = legendre.legvander(t, integral.shape[-1] - 1)
        excess = (basis * integral).sum(axis=-1) - wanted
        low, high = np.where(excess < 0, t, low), np.where(excess >= 0, t, high)
        rate = (basis[:, :-1] * slope).sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = t - excess / rate
        # Steps on the bracket's very edge are kept too: the root may be an end of the panel.
        t_next = np.where((step >= low) & (step <= high) & (rate > 0), step, 0.5 * (low + high))
        moved = np.abs(t_next - t)
        t = t_next
        if ((moved < ROOT_TOLERANCE) | (high - low < ROOT_TOLERANCE)).all():
            break
    return t


def locate_mass(
    log_density: Callable[[np.ndarray], np.ndarray],
    low: float,
    high: float,
    *,
    drop: float = LOG_DROP,
    points: int = ZOOM_POINTS,
) -> tuple[float, float, float]:
    """Narrow [low, high] to where a one-peaked log density lies within `drop` of its peak.

    Returns the narrowed ends and the largest log density seen. Zooms until the part kept no longer shrinks, so that a
    peak of any width is found.
    """
    for _ in range(MAX_ZOOMS):
        grid = np.linspace(low, high, points)
        values = log_density(grid)
        near = np.flatnonzero(values > values.max() - drop)
        new_low, new_high = grid[max(near[0] - 1, 0)], grid[min(near[-1] + 1, grid.size - 1)]
        shrunk = (new_high - new_low) < 0.5 * (high - low)
        low, high = float(new_low), float(new_high)
        if not shrunk:
            break
    return low, high, float(values.max())
