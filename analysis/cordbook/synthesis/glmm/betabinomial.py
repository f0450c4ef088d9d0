"""The beta-binomial model of single proportions, fitted by maximum likelihood.

Each study's count is binomial with its own proportion, and the proportions have a beta distribution over studies with mean ``mean`` and
intra-study correlation ``rho``: ``a = mean s``, ``b = (1 - mean) s`` with ``s = (1 - rho) / rho``. The mean is a parameter of the model, so it
estimates the **population average**, the share among all patients of studies like these when every study counts once; a mixed model on the
logit has the median study's proportion for its parameter (Zeger, Liang and Albert 1988, on marginal and conditional means). For events
under 5% it has clearly less bias than the normal-binomial model (Ma, Chu and Mazumdar 2016, doi 10.1080/03610926.2014.911901).

The likelihood of a study, written as that of a common binomial proportion times what the differences add, keeps its digits from ``rho = 0``
(where the addition vanishes) to ``rho`` near 1, for studies of any size::

    x log mean + (n - x) log(1 - mean) + R(a, x) + R(b, n - x) - R(s, n),     R(a, m) = sum of log(1 + i / a) over i < m

At a given ``s`` it is concave in the mean; over ``log s`` it may have two peaks, or be highest at ``rho = 0`` (`status` "boundary": the
common binomial). So every question is answered over a grid of ``log s`` that spans all of it, and then zoomed in on.

Data without a maximum are told as in `glmm.single_arm`: "no-events", "all-events" and "separated".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, digamma, expit, gammaln, zeta

from cordbook.synthesis.checks import FEWEST, check_counts, columns_of
from cordbook.synthesis.glmm.likelihood import log_coefficients, saturated
from cordbook.synthesis.glmm.search import SECOND_PEAK, kinds_of
from cordbook.synthesis.glmm.single_arm import profile_cut

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# log s: halvings and doublings from rho within 1e-8 of 1 to rho = 1e-13; the last one is rho = 0 in double precision.
COMMON = 70.0
GRID = np.append(np.arange(np.log(1e-8), np.log(1e13), np.log(2.0)), COMMON)
# Each zoom looks between the neighbours of the best; three leave steps of 0.01 in log s, and a parabola takes the rest.
ZOOM_POINTS, ZOOMS = 9, 3
SMOOTH_GAIN = 1e-3
# Logits of the mean looked at; expit is 0 or 1 in double precision beyond.
ETA_LIMIT = 700.0
STEPS, TOLERANCE = 200, 1e-7
NEWTON_STEPS = 50
# Newton's steps from the grid to a limit of the mean, and the last step; about 4 are needed.
POLISH_STEPS, POLISHED = 12, 1e-9
# Log-likelihoods closer than this are the same to rounding: then rho = 0, the simpler model, is taken.
SAME_LOGLIK = 1e-9
# A second peak counts when the likelihood dips by this much between the two.
DIP = 1e-3
# Above this parameter gamma functions are replaced by Stirling's series, right to 1e-14 there.
STIRLING_FROM = 20.0
LOG_GAMMA = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)
DIGAMMA = (-1 / 12, 1 / 120, -1 / 252, 1 / 240)
TRIGAMMA = (1 / 6, -1 / 30, 1 / 42, -1 / 30)
# Below this m / a the series of log1p around 0 keeps the digits that its difference from m / a loses.
SMALL_RATIO = 0.02
# The data hardly say how much studies differ when this rho and rho = 0 are both within the likelihood interval.
WIDE_RHO = 0.9


class Optimum(NamedTuple):
    """A maximum of the likelihood: logit of the mean, ``log s``, log-likelihood without the binomial coefficients."""

    eta: float
    log_s: float
    loglik: float

    @property
    def rho(self) -> float:
        return 0.0 if self.log_s >= COMMON else float(expit(-self.log_s))


@dataclass(frozen=True, slots=True)
class BetaBinomialFit:
    """The fitted beta-binomial model of one set of studies.

    mean, rho
        mean proportion over studies and correlation between two patients of one study, ``1 / (1 + a + b)``; rho is None where not
        estimable.
    median
        median of the fitted beta distribution, the proportion of the median study.
    eta, se, robust_se
        logit of the mean, its standard error (inverse of the observed information of both parameters) and the sandwich one; infinite
        or None without a maximum.
    loglik, loglik_common
        log-likelihoods with the binomial coefficients; of this model, and with rho = 0.
    peaks
        the maxima of the likelihood, the highest first, with those whose log-likelihood is at most `SECOND_PEAK` lower.
    flat
        whether rho = 0 and rho = `WIDE_RHO` are both within the 95% likelihood interval of rho.
    k, status
        studies; as in `glmm.single_arm.BinomialNormalFit`.
    """

    mean: float
    rho: float | None
    median: float
    eta: float | None
    se: float | None
    robust_se: float | None
    loglik: float
    loglik_common: float
    peaks: tuple[Optimum, ...]
    flat: bool
    k: int
    status: str


class Sums(NamedTuple):
    """Log-likelihood without the binomial coefficients and its derivatives in eta and log s, arrays of one shape."""

    loglik: Array
    d_eta: Array
    d_s: Array
    d_eta_eta: Array
    d_eta_s: Array
    d_s_s: Array


@dataclass(frozen=True, slots=True)
class Tallies:
    """Events, non-events and sizes, each value once with how often it occurs: all that the likelihood looks at."""

    events: tuple[Array, Array]
    others: tuple[Array, Array]
    sizes: tuple[Array, Array]
    total: float
    rest: float

    @classmethod
    def of(cls, x: Array, n: Array) -> Tallies:
        """Return the tallies of counts of shape (k,)."""
        return cls(_tally(x), _tally(n - x), _tally(n), float(x.sum()), float((n - x).sum()))


@dataclass(frozen=True, slots=True)
class Surface:
    """The likelihood of one data set over `GRID`: the best logit of the mean at each log s, and the log-likelihood there."""

    tallies: Tallies
    etas: Array
    heights: Array

    @classmethod
    def of(cls, tallies: Tallies) -> Surface:
        """Return the likelihood of tallies over the grid."""
        etas = best_eta(GRID, tallies)
        return cls(tallies, etas, heights(etas, GRID, tallies)[0])


def fit_beta_binomial(events: ArrayLike, n: ArrayLike, *, data: pd.DataFrame | None = None) -> BetaBinomialFit:
    """Fit the beta-binomial model to single proportions by maximum likelihood.

    Parameters
    ----------
    events, n : array_like of int, shape (k,)
        Participants with the event, and participants.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For counts that `check_counts` refuses.

    Examples
    --------
    >>> fit = fit_beta_binomial([0, 1, 9, 3], [20, 15, 30, 40])
    >>> round(fit.mean, 4), round(fit.rho, 4), fit.status
    (0.115, 0.0926, 'interior')
    >>> fit_beta_binomial([0, 0], [20, 15]).status
    'no-events'
    """
    events, n = columns_of(data, events=events, n=n)
    x, size, _ = check_counts(events, n, min_studies=FEWEST["fit_beta_binomial"])
    return fit_counts(x.astype(float), size.astype(float))[0]


def fit_counts(x: Array, n: Array) -> tuple[BetaBinomialFit, Surface | None]:
    """Fit counts that have been checked; return the fit and, when it has one, the likelihood over the grid for its intervals."""
    kind = str(kinds_of(x, n, None)[0])
    constant = float(log_coefficients(x, n).sum())
    common = float(saturated(x.sum(), n.sum())) + constant
    if kind != "regular":
        return _without_maximum(kind, x, n, common), None
    surface = Surface.of(Tallies.of(x, n))
    peaks, flat = find_optima(surface)
    best = peaks[0]
    mean, rho = float(expit(best.eta)), best.rho
    se, robust = _errors(best, x, n)
    fit = BetaBinomialFit(
        mean=mean,
        rho=rho,
        median=beta_median(best.eta, best.log_s),
        eta=best.eta,
        se=se,
        robust_se=robust,
        loglik=best.loglik + constant,
        loglik_common=common,
        peaks=peaks,
        flat=flat,
        k=x.size,
        status="interior" if rho > 0.0 else "boundary",
    )
    return fit, surface


def _without_maximum(kind: str, x: Array, n: Array, common: float) -> BetaBinomialFit:
    k = x.size
    if kind == "separated":
        some = float((x > 0).sum())
        mean, limit, eta = some / k, float(saturated(some, float(k))), None
    else:
        mean, limit, eta = (0.0, 0.0, -np.inf) if kind == "no-events" else (1.0, 0.0, np.inf)
    return BetaBinomialFit(mean, None, mean, eta, None, None, limit, common, (), False, k, kind)


def find_optima(surface: Surface) -> tuple[tuple[Optimum, ...], bool]:
    """Return the maxima of the likelihood, the highest first, and whether it is flat (see `BetaBinomialFit`)."""
    etas, tops = surface.etas, surface.heights
    found = [_maximise(etas[i], GRID[i], surface.tallies) for i in _summits(tops)]
    common = Optimum(float(etas[-1]), COMMON, float(tops[-1]))
    found = [common if peak.log_s >= GRID[-2] else peak for peak in found]
    top = max(found, key=lambda peak: peak.loglik)
    best = common if top.loglik <= common.loglik + SAME_LOGLIK else top
    others = {peak for peak in found if peak not in (top, best) and peak.loglik > best.loglik - SECOND_PEAK}
    target = best.loglik - 0.5 * profile_cut(0.95)
    wide = float(np.interp(np.log(1.0 / WIDE_RHO - 1.0), GRID[:-1], tops[:-1]))
    return (best, *sorted(others, key=lambda peak: -peak.loglik)), common.loglik > target and wide > target


def _summits(heights: Array) -> list[int]:
    """Return the places on the grid of the highest value and of other maxima from which the way to a higher one dips."""
    padded = np.concatenate([[-np.inf], heights, [-np.inf]])
    tops = np.flatnonzero((heights >= padded[:-2]) & (heights > padded[2:]))
    best = int(np.argmax(heights))
    keep = [best]
    for i in tops.tolist():
        between = heights[min(i, best) : max(i, best) + 1].min()
        if i != best and heights[i] - between > DIP:
            keep.append(i)
    return keep


class _SumsAt(NamedTuple):
    """`Sums` at one place."""

    loglik: float
    d_eta: float
    d_s: float
    d_eta_eta: float
    d_eta_s: float
    d_s_s: float


def _derivatives_at(eta: float, log_s: float, tallies: Tallies) -> _SumsAt:
    return _SumsAt._make(float(value[0]) for value in derivatives(np.array([eta]), np.array([log_s]), tallies))


def _maximise(eta: float, log_s: float, tallies: Tallies) -> Optimum:
    """Return the maximum near a summit of the grid by Newton's method in both parameters, kept to the grid's neighbours."""
    low, high = log_s - np.log(2.0), log_s + np.log(2.0)
    if log_s >= GRID[-2]:
        return Optimum(float(eta), COMMON, float(heights(np.array([eta]), np.array([COMMON]), tallies)[0][0]))
    for _ in range(NEWTON_STEPS):
        eta = float(best_eta(np.array([log_s]), tallies, start=eta)[0])
        at = _derivatives_at(eta, log_s, tallies)
        # The slope and the bend of the profile, with eta at its best for each s.
        bend = at.d_s_s - at.d_eta_s**2 / at.d_eta_eta
        low, high = (log_s, high) if at.d_s > 0.0 else (low, log_s)
        goal = log_s - at.d_s / bend if bend < 0.0 else np.inf
        goal = goal if low < goal < high else 0.5 * (low + high)
        done, log_s = abs(goal - log_s) < 1e-11, goal
        if done:
            break
    eta = float(best_eta(np.array([log_s]), tallies, start=eta)[0])
    return Optimum(eta, float(log_s), float(derivatives(np.array([eta]), np.array([log_s]), tallies).loglik[0]))


def heights(eta: Array, log_s: Array, tallies: Tallies) -> tuple[Array, Array]:
    """Return the log-likelihood without the binomial coefficients and its derivative in eta alone; as `derivatives`."""
    p, q = expit(eta), expit(-eta)
    log_p, log_q = -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta)
    a0, a1 = _summed(log_s + log_p, tallies.events, 2)
    b0, b1 = _summed(log_s + log_q, tallies.others, 2)
    (s0,) = _summed(log_s, tallies.sizes, 1)
    loglik = tallies.total * log_p + tallies.rest * log_q + (a0 + b0 - s0)
    return loglik, (tallies.total + a1) * q - (tallies.rest + b1) * p


def derivatives(eta: Array, log_s: Array, tallies: Tallies) -> Sums:
    """Return the log-likelihood without the binomial coefficients and its derivatives; eta and log s have shape (g,)."""
    p, q = expit(eta), expit(-eta)
    log_p, log_q = -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta)
    a0, a1, a2 = _summed(log_s + log_p, tallies.events)
    b0, b1, b2 = _summed(log_s + log_q, tallies.others)
    s0, s1, s2 = _summed(log_s, tallies.sizes)
    some, rest = tallies.total + a1, tallies.rest + b1
    return Sums(
        tallies.total * log_p + tallies.rest * log_q + (a0 + b0 - s0),
        some * q - rest * p,
        a1 + b1 - s1,
        a2 * q * q + b2 * p * p - (some + rest) * p * q,
        a2 * q - b2 * p,
        a2 + b2 - s2,
    )


def best_eta(log_s: Array, tallies: Tallies, start: float | None = None) -> Array:
    """Return the logit of the mean at which the likelihood is highest, for each log s, shape (g,): it is concave in the mean."""
    crude = float(np.log(tallies.total) - np.log(tallies.rest))
    eta = np.full(log_s.size, crude if start is None else start)

    def slope(values: Array, rows: Rows) -> tuple[Array, Array]:
        at = derivatives(values, log_s[rows], tallies)
        return at.d_eta, at.d_eta_eta

    return _falling_root(slope, eta, np.full(log_s.size, -ETA_LIMIT), np.full(log_s.size, ETA_LIMIT))


def edge(log_s: Array, inner: Array, tallies: Tallies, target: float, side: int) -> Array:
    """Return the logit of the mean below (``side`` -1) or above (1) the best one, ``inner``, at which the likelihood falls to ``target``.

    Arrays of shape (g,); NaN where the likelihood is never so high.
    """
    reached = heights(inner, log_s, tallies)[0] >= target
    inner, log_s = inner[reached], log_s[reached]

    def above(values: Array, rows: Rows) -> tuple[Array, Array]:
        loglik, slope = heights(values, log_s[rows], tallies)
        return side * (loglik - target), side * slope

    outer = np.full(log_s.size, side * ETA_LIMIT)
    low, high = (inner, outer) if side > 0 else (outer, inner)
    ends = np.full(reached.size, np.nan)
    ends[reached] = _falling_root(above, inner + side, low, high)
    return ends


def limits_of_mean(surface: Surface, best: Optimum, cut: float) -> tuple[float, float]:
    """Return the profile likelihood limits of the logit of the mean, twice the log-likelihood falling by ``cut`` (`glmm.single_arm.profile_cut`).

    They are the least and the greatest logit in the region where the likelihood is so high: found on the grid, then by Newton's method.
    """
    target = best.loglik - 0.5 * cut
    return _extreme(surface, target, -1, _mean_itself), _extreme(surface, target, 1, _mean_itself)


def limits_of_median(surface: Surface, best: Optimum, cut: float) -> tuple[float, float]:
    """Return the profile likelihood limits of the median of the beta distribution, from 0 to 1."""
    target = best.loglik - 0.5 * cut
    low, high = (_extreme(surface, target, side, beta_medians) for side in (-1, 1))
    return max(low, 0.0), min(high, 1.0)


def _mean_itself(eta: Array, log_s: Array) -> Array:
    return eta


def _extreme(surface: Surface, target: float, side: int, of: Callable[[Array, Array], Array]) -> float:
    """Return the least (``side`` -1) or greatest value of a function where the log-likelihood is at least ``target``.

    The function rises with eta at any log s, so its extremes lie on the edge of that region.
    """
    tallies, grid, inner = surface.tallies, GRID, surface.etas
    wide = surface.heights >= target
    # Neighbours of the region too, so that its ends lie inside the first zoom.
    near = wide | np.append(wide[1:], False) | np.append(False, wide[:-1])
    grid, inner = grid[near], inner[near]
    for zoom in range(ZOOMS + 1):
        ends = edge(grid, inner, tallies, target, side)
        values = side * of(ends, grid)
        best = int(np.nanargmax(values))
        if grid[best] == COMMON:
            return float(side * values[best])
        if zoom == 0 and of is _mean_itself:
            polished = _polished(float(ends[best]), float(grid[best]), tallies, target)
            if polished is not None and side * polished >= values[best]:
                return polished
        around = values[max(best - 1, 0) : best + 2]
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)], ZOOM_POINTS)
        inner = best_eta(grid, tallies)
    return float(side * _top_of_parabola(around))


def _polished(eta: float, log_s: float, tallies: Tallies, target: float) -> float | None:
    """Return the logit near which the likelihood is at the target and level in log s, by Newton's method; None when it strays."""
    start = log_s
    for _ in range(POLISH_STEPS):
        at = _derivatives_at(eta, log_s, tallies)
        size = at.d_eta * at.d_s_s - at.d_s * at.d_eta_s
        if size == 0.0 or not np.isfinite(size):
            return None
        gap = at.loglik - target
        move = (at.d_s * at.d_s - gap * at.d_s_s) / size, (gap * at.d_eta_s - at.d_eta * at.d_s) / size
        eta, log_s = eta + move[0], log_s + move[1]
        if not abs(log_s - start) <= 2.0 * np.log(2.0) or not abs(eta) <= ETA_LIMIT:
            return None
        if max(abs(move[0]), abs(move[1])) < POLISHED:
            # Level in log s is a maximum along the edge where the likelihood bends down there.
            return eta if at.d_s_s < 0.0 else None
    return None


def _top_of_parabola(values: Array) -> float:
    """Return the top of the parabola through three neighbouring values, the highest in the middle; else the highest value."""
    top = float(np.nanmax(values))
    if values.size < 3 or not np.isfinite(values).all():
        return top
    bend = values[0] - 2.0 * values[1] + values[2]
    gain = -float((values[2] - values[0]) ** 2 / (8.0 * bend)) if bend < 0.0 else 0.0
    # More than that is a step, not the top of a curve: the median of a beta distribution leaps from 0 to 1 where rho is near 1.
    return top + gain if gain < SMOOTH_GAIN else top


def beta_median(eta: float, log_s: float) -> float:
    """Return the median of the beta distribution with logit mean ``eta``.

    Examples
    --------
    >>> round(beta_median(0.0, 1.0), 12), round(beta_median(-3.0, COMMON), 4)
    (0.5, 0.0474)
    """
    return float(beta_medians(np.array([eta]), np.array([log_s]))[0])


def beta_medians(eta: Array, log_s: Array) -> Array:
    """As `beta_median`, for arrays; NaN where ``eta`` is."""
    s, mean = np.exp(log_s), expit(eta)
    # Beyond 1e10 the median is the mean to ten digits, and the quantile function loses its own.
    with np.errstate(under="ignore", invalid="ignore"):
        return np.where(log_s > np.log(1e10), mean, betaincinv(s * mean, s * expit(-eta), 0.5))


def _errors(best: Optimum, x: Array, n: Array) -> tuple[float, float]:
    """Return the standard error of eta from the observed information, and the sandwich of that and the studies' scores."""
    eta, log_s = np.array([best.eta]), np.array([best.log_s])
    total = derivatives(eta, log_s, Tallies.of(x, n))
    scores = np.array([_scores(eta, log_s, x, n)])[0]
    if best.log_s >= COMMON:
        bread = 1.0 / -float(total.d_eta_eta[0])
        return bread**0.5, float(np.sqrt(scores[0] @ scores[0])) * bread
    information = -np.array([[total.d_eta_eta[0], total.d_eta_s[0]], [total.d_eta_s[0], total.d_s_s[0]]])
    bread = np.linalg.inv(information)
    sandwich = bread @ (scores @ scores.T) @ bread
    return float(np.sqrt(bread[0, 0])), float(np.sqrt(sandwich[0, 0]))


def _scores(eta: Array, log_s: Array, x: Array, n: Array) -> Array:
    """Return each study's derivatives in eta and log s, shape (2, k)."""
    p, q = float(expit(eta[0])), float(expit(-eta[0]))
    s = np.exp(log_s)
    a1, b1, s1 = (_excess(scale, m, 2)[1, 0] for scale, m in ((s * p, x), (s * q, n - x), (s, n)))
    return np.stack([(x + a1) * q - (n - x + b1) * p, a1 + b1 - s1])


def _tally(values: Array) -> tuple[Array, Array]:
    # 0 and 1 add nothing: R(a, 0) = R(a, 1) = 0.
    found, times = np.unique(values[values > 1.0], return_counts=True)
    return found, times.astype(float)


def _summed(log_a: Array, tally: tuple[Array, Array], terms: int = 3) -> tuple[Array, ...]:
    """Return the first ``terms`` of R and its two derivatives in log a, summed over a tally, each of shape (g,)."""
    values, times = tally
    return tuple(part @ times for part in _excess(np.exp(log_a), values, terms))


def _excess(a: Array, m: Array, terms: int = 3) -> Array:
    """Return R(a, m) = sum of log(1 + i / a) over i < m and its derivatives in log a, the first ``terms``; shape (terms, g, u)."""
    a = np.maximum(a, 1e-300)[:, None]
    large = a[:, 0] >= STIRLING_FROM
    out = np.empty((terms, a.size, m.size))
    out[:, large] = _by_series(a[large], m, terms)
    out[:, ~large] = _by_gamma(a[~large], m, terms)
    return out


def _by_gamma(a: Array, m: Array, terms: int) -> Array:
    # R = log gamma(a + m) - log gamma(a + 1) - (m - 1) log a, written for a near 0; m is at least 1 or R is 0.
    parts = [gammaln(a + m) - gammaln(a + 1.0) - (m - 1.0) * np.log(a)]
    if terms > 1:
        parts.append(a * (digamma(a + m) - digamma(a + 1.0)) - (m - 1.0))
    if terms > 2:
        # zeta(2, z) is the trigamma function.
        parts.append(a * a * (zeta(2.0, a + m) - zeta(2.0, a + 1.0)) + (m - 1.0) + parts[1])
    return np.where(m > 0.0, np.stack(parts), 0.0)


def _by_series(a: Array, m: Array, terms: int) -> Array:
    # Stirling's series for the differences of log gamma, digamma and trigamma between a + m and a, their large terms cancelled.
    u, z = m / a, a + m
    parts = [a * _entropy(u) - 0.5 * np.log1p(u) + (_tail(z, LOG_GAMMA, 1) - _tail(a, LOG_GAMMA, 1))]
    if terms > 1:
        parts.append(a * _log1p_less(u) + 0.5 * u / (1.0 + u) + a * (_tail(z, DIGAMMA, 2) - _tail(a, DIGAMMA, 2)))
    if terms > 2:
        bend = a * u * u / (1.0 + u) - 0.5 * u * (2.0 + u) / (1.0 + u) ** 2
        parts.append(bend + a * a * (_tail(z, TRIGAMMA, 3) - _tail(a, TRIGAMMA, 3)) + parts[1])
    return np.stack(parts)


def _tail(z: Array, coefficients: tuple[float, ...], power: int) -> Array:
    step = 1.0 / (z * z)
    total = np.zeros_like(z)
    for coefficient in reversed(coefficients):
        total = total * step + coefficient
    return total * z**-power


def _log1p_less(u: Array) -> Array:
    """Return log(1 + u) - u."""
    series = u * u * (-1 / 2 + u * (1 / 3 + u * (-1 / 4 + u * (1 / 5 + u * (-1 / 6 + u * (1 / 7 - u / 8))))))
    return np.where(u < SMALL_RATIO, series, np.log1p(u) - u)


def _entropy(u: Array) -> Array:
    """Return (1 + u) log(1 + u) - u."""
    series = u * u * (1 / 2 + u * (-1 / 6 + u * (1 / 12 + u * (-1 / 20 + u * (1 / 30 + u * (-1 / 42 + u / 56))))))
    return np.where(u < SMALL_RATIO, series, (1.0 + u) * np.log1p(u) - u)


def _falling_root(function: Callable[[Array, Rows], tuple[Array, Array]], start: Array, low: Array, high: Array) -> Array:
    """Return where functions that are above 0 at ``low`` and below it at ``high`` cross it: Newton's steps inside a bracket.

    ``function`` takes values and the places in the array that they belong to. A row is done after a Newton step below `TOLERANCE`, whose
    error is the square of it, or when its bracket has closed.
    """
    low, high = low.copy(), high.copy()
    here, last = np.clip(start, low, high), high - low
    rows = np.arange(here.size)
    for _ in range(STEPS):
        at = here[rows]
        value, slope = function(at, rows)
        low[rows], high[rows] = np.where(value > 0.0, at, low[rows]), np.where(value <= 0.0, at, high[rows])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            goal = at - value / slope
        good = (slope < 0.0) & (goal >= low[rows]) & (goal <= high[rows]) & (np.abs(goal - at) <= 0.5 * last[rows])
        here[rows] = goal = np.where(good, goal, 0.5 * (low[rows] + high[rows]))
        last[rows] = np.abs(goal - at)
        scale = 1.0 + np.abs(goal)
        done = (good & (last[rows] <= TOLERANCE * scale)) | (high[rows] - low[rows] <= TOLERANCE**2 * scale)
        rows = rows[~done]
        if rows.size == 0:
            break
    return here
