"""Estimators of the between-study variance tau-squared.

Words used here, for k studies and p coefficients:

yi, vi
    effect sizes and their sampling variances, shape ``(..., k)``. Leading axes are independent data sets that are fitted
    together (a bootstrap, a permutation test, leave-one-out).
X
    design matrix, shape ``(k, p)`` or ``(..., k, p)``; ``None`` means an intercept only.
W, P
    ``W = diag(1 / (vi + tau2))`` and ``P = W - W X (X'W X)^-1 X'W``, so that ``y'P y`` is the generalised Q.

Sources: DerSimonian and Laird 1986 (moments); Paule and Mandel 1982, DerSimonian and Kacker 2007 (generalised Q);
Viechtbauer 2005 (ML and REML); Viechtbauer 2007 (Q-profile).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cordbook.synthesis.between_studies.weighted_least_squares import (
    add,
    power_sums,
    profile_loglik,
    q_terms,
    residual_ss,
    residual_sums,
    score_terms,
)
from cordbook.synthesis.checks import check_choice, columns_of

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

TAU2_METHODS = ("dl", "pm", "reml", "ml")

# Newton's steps shrink quadratically: when one is below this share of tau2 the next would be lost in rounding. It is far
# below the 1e-5 to which iterative estimators are compared between programs.
STEP_TOLERANCE = 1e-11
# A step this small beside the largest tau2 that is possible at all means zero to the precision of the data.
ZERO_TOLERANCE = 1e-14
# Bisection alone would need 50 halvings to reach rounding; Newton needs about 5. Reached only by an error.
MAX_STEPS = 100

# The restricted likelihood can have more than one peak, so it is looked at over six powers of ten before it is climbed.
# Points a factor of 2 apart are closer than two peaks can be told apart by data.
GRID_RATIOS = np.concatenate([[0.0], 2.0 ** np.arange(-20.0, 1.0)])
# Numbers held in one temporary array when many data sets are fitted together: 8 MB stays in the cache's reach.
CHUNK_NUMBERS = 1_000_000
# Up to so many rows, bookkeeping in plain numbers is faster than in arrays.
FEW_ROWS = 4
# Sums of squares about a fixed centre serve while they are at most this many times those about the weighted mean, which
# then lose 4 of 16 digits; extreme weights take the longer way.
MOST_CANCELLED = 1e4


def estimate_tau2(
    method: str, yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None, *, data: pd.DataFrame | None = None
) -> float | Array:
    """Return tau-squared by the named method: "dl", "pm", "reml" or "ml".

    Parameters
    ----------
    method : str
        "dl" DerSimonian-Laird, "pm" Paule-Mandel, "reml" restricted maximum likelihood, "ml" maximum likelihood.
    yi, vi : array_like, shape (..., k)
        Effect sizes and sampling variances.
    X : array_like, shape (k, p) or (..., k, p), optional
        Design matrix; an intercept only when not given.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Returns
    -------
    float or ndarray of the leading shape; never negative.

    Raises
    ------
    ValueError
        For an unknown method, shapes that do not fit, or fewer studies than coefficients.

    Examples
    --------
    >>> yi, vi = [0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06]
    >>> round(estimate_tau2("reml", yi, vi), 4)
    0.2544
    >>> estimate_tau2("dl", [yi, yi], [vi, vi]).shape
    (2,)
    """
    yi, vi = columns_of(data, yi=yi, vi=vi)
    estimators: dict[str, Callable[..., float | Array]] = {
        "dl": tau2_dl,
        "pm": tau2_pm,
        "reml": tau2_reml,
        "ml": tau2_ml,
    }
    return estimators[check_choice("method", method, TAU2_METHODS)](yi, vi, X)


def tau2_dl(yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None) -> float | Array:
    """Return the DerSimonian-Laird moment estimate ``max(0, (Q - (k - p)) / tr P)`` at ``tau2 = 0``.

    Shapes and errors as in `estimate_tau2`. Source: DerSimonian and Laird 1986; with moderators, Raudenbush 2009.

    Examples
    --------
    >>> round(tau2_dl([0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06]), 4)
    0.2319
    """
    return _in_rows(yi, vi, X, _dl)


def tau2_pm(yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None) -> float | Array:
    """Return the Paule-Mandel estimate: the tau2 at which the generalised Q equals its expectation ``k - p``.

    Shapes and errors as in `estimate_tau2`. Source: Paule and Mandel 1982.

    Examples
    --------
    >>> round(tau2_pm([0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06]), 4)
    0.2624
    """
    return _in_rows(yi, vi, X, lambda y, v, x: _root_of_q(y, v, x, np.full(y.shape[0], float(_df(y, x)))))


def tau2_reml(yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None) -> float | Array:
    """Return the restricted maximum likelihood estimate, the highest peak of the restricted likelihood at tau2 >= 0.

    Shapes and errors as in `estimate_tau2`. Source: Viechtbauer 2005; solved by a bracketed Newton method.

    Examples
    --------
    >>> round(tau2_reml([0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06]), 4)
    0.2544
    """
    return _in_rows(yi, vi, X, lambda y, v, x: _climb(y, v, x, restricted=True))


def tau2_ml(yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None) -> float | Array:
    """Return the maximum likelihood estimate; biased downwards when studies are few (Viechtbauer 2005).

    Shapes and errors as in `estimate_tau2`.

    Examples
    --------
    >>> round(tau2_ml([0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06]), 4)
    0.1683
    """
    return _in_rows(yi, vi, X, lambda y, v, x: _climb(y, v, x, restricted=False))


def tau2_for_q(yi: ArrayLike, vi: ArrayLike, target: ArrayLike, X: ArrayLike | None = None) -> float | Array:
    """Return the tau2 >= 0 at which the generalised Q falls to ``target``; 0 when it starts below it.

    Shapes and errors as in `estimate_tau2`; with several targets, shape (m,), one data set is taken and (m,) returned. This is
    the equation behind Paule-Mandel and the Q-profile interval (Viechtbauer 2007).

    Examples
    --------
    >>> round(tau2_for_q([0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06], target=3.0), 4)
    0.2624
    """
    targets = np.asarray(target, dtype=float)
    if not (targets > 0).all():
        raise ValueError(f"target = {target!s} is not above 0; the generalised Q is a sum of squares.")
    if targets.ndim == 0:
        return _in_rows(yi, vi, X, lambda y, v, x: _root_of_q(y, v, x, np.full(y.shape[0], float(targets))))
    # One data set, several targets: each is a row.
    y, v = (np.broadcast_to(column, (targets.size, len(column))) for column in (np.asarray(yi, float), np.asarray(vi, float)))
    return _in_rows(y, v, X, _root_of_q, per_row=targets)


def generalised_q(yi: ArrayLike, vi: ArrayLike, tau2: float, X: ArrayLike | None = None) -> float | Array:
    """Return the generalised Q, ``y'P y``: the weighted sum of squared residuals at ``tau2`` (Cochran's Q at 0).

    Shapes and errors as in `estimate_tau2`.

    Examples
    --------
    >>> generalised_q([0.0, 2.0], [1.0, 1.0], 0.0), generalised_q([0.0, 2.0], [1.0, 1.0], 1.0)
    (2.0, 1.0)
    """
    if not tau2 >= 0:
        raise ValueError(f"tau2 = {tau2} is below 0; a variance is at least 0.")

    def q(y: Array, v: Array, x: Array | None) -> Array:
        return q_terms(y, v, x, np.full(y.shape[0], float(tau2)), with_trace=False).q

    return _in_rows(yi, vi, X, q)


def trace_of_p(vi: ArrayLike, X: ArrayLike | None = None) -> float | Array:
    """Return ``tr P`` at ``tau2 = 0``, the expectation of Q's slope in tau2.

    Shapes and errors as in `estimate_tau2`.

    Examples
    --------
    >>> trace_of_p([0.5, 0.5, 0.5])
    4.0
    """

    def trace(y: Array, v: Array, x: Array | None) -> Array:
        return q_terms(y, v, x, np.zeros(y.shape[0]), with_trace=True).trace

    return _in_rows(np.zeros_like(np.asarray(vi, dtype=float)), vi, X, trace)


# --- the estimators on rows: y and v have shape (b, k), X has shape (k, p), (b, k, p) or is None -------------------------


def _dl(y: Array, v: Array, X: Array | None) -> Array:
    terms = q_terms(y, v, X, np.zeros(y.shape[:-1]), with_trace=True)
    return np.maximum(0.0, (terms.q - _df(y, X)) / terms.trace)


def _root_of_q(y: Array, v: Array, X: Array | None, target: Array) -> Array:
    # Q(tau2) <= RSS / (tau2 + min v), which bounds the root from above.
    high = np.maximum(0.0, residual_ss(y, X) / target - v.min(axis=-1))

    def step(rows: NDArray[np.intp], tau2: Array) -> tuple[Array, Array]:
        terms = q_terms(y[rows], v[rows], _rows_of(X, rows), tau2, with_trace=False)
        above = terms.q - target[rows]
        # Newton on 1/Q, which is a straight line in tau2 when all variances are equal.
        # Equal effect sizes have a slope of 0, and a Q of 0 that no step can raise.
        return above, terms.q * above / (target[rows] * np.where(terms.slope > 0, terms.slope, 1.0))

    return _descend(np.zeros_like(high), np.zeros_like(high), high, step)


def _climb(y: Array, v: Array, X: Array | None, *, restricted: bool) -> Array:
    if X is None and y.shape[0] == 1:
        only = _only_peak(y[0], v[0], restricted=restricted)
        if only is not None:
            return np.array([only])
    rows, low, start, high = _peaks_on_grid(y, v, X, restricted=restricted)
    alone = rows.size == y.shape[0]
    ys, vs, Xs = (y, v, X) if alone else (y[rows], v[rows], _rows_of(X, rows))

    def step(chosen: NDArray[np.intp], tau2: Array) -> tuple[Array, Array]:
        whole = chosen.size == ys.shape[0]
        here = (ys, vs, Xs) if whole else (ys[chosen], vs[chosen], _rows_of(Xs, chosen))
        terms = score_terms(*here, tau2, restricted=restricted)
        return terms.score, terms.score / np.where(terms.curvature < 0, -terms.curvature, terms.information)

    tau2 = _descend(low, start, high, step)
    if alone:
        return tau2
    # Some data sets have several peaks: in each, the highest comes last in this order and is kept.
    height = profile_loglik(ys, vs, Xs, tau2, restricted=restricted)
    best = np.empty(y.shape[0])
    order = np.argsort(height, kind="stable")
    best[rows[order]] = tau2[order]
    return best


def _only_peak(y: Array, v: Array, *, restricted: bool) -> float | None:
    """Return the peak of one data set's likelihood where the score changes sign once on the grid and Newton goes straight to it.

    This is the common case, and takes a quarter of the time of `_peaks_on_grid` and `_descend`. None where the score changes
    sign more than once, or where anything else calls for their care.
    """
    r = y - add(y) / y.size
    bound = float(_score_bound(r @ r / (y.size - 1), np.maximum.reduce(v)))
    grid = bound * GRID_RATIOS
    (sum_w, first, _), (sum_w2, first2, second2) = power_sums(r, v, grid, 2)
    ss = residual_sums(sum_w2, first2, second2, first / sum_w)[1]
    if not (second2 <= MOST_CANCELLED * ss).all():
        return None
    score = ss - sum_w + (sum_w2 / sum_w if restricted else 0.0)
    rising = (score > 0.0).tolist()
    n = rising.index(False) if False in rising else 0
    if True in rising[n:]:
        return None
    if n == 0:
        return 0.0
    # The scoring step, unlike the score, is nearly a straight line in tau2.
    near = slice(max(n - 2, 0), n + 1)
    tau2 = _interpolated_root(grid[near].tolist(), (score[near] / sum_w2[near]).tolist())
    low, high = float(grid[n - 1]), float(grid[n])
    last = high - low
    for _ in range(MAX_STEPS):
        step = _newton_step(r, v, tau2, restricted=restricted)
        if abs(step) <= STEP_TOLERANCE * tau2 + ZERO_TOLERANCE * high:
            return max(tau2 + step, 0.0)
        tau2 += step
        # Written so that it also ends for what is not a number.
        if not (low <= tau2 <= high and abs(step) <= 0.5 * last):
            return None
        last = abs(step)
    return None


def _newton_step(r: Array, v: Array, tau2: float, *, restricted: bool) -> float:
    """Return Newton's step in tau2 of one data set, or the scoring step where the likelihood is not concave."""
    # Plain numbers from here: `score_terms` without the cost of arrays of one number.
    ones, twos, threes = power_sums(r, v, np.array([tau2]), 3)[..., 0].tolist()
    sum_w, shift = ones[0], ones[1] / ones[0]
    lean, ss = residual_sums(twos[0], twos[1], twos[2], shift)
    ratio = twos[0] / sum_w
    information = 0.5 * (twos[0] + (ratio * ratio - 2.0 * threes[0] / sum_w if restricted else 0.0))
    curvature = information - residual_sums(threes[0], threes[1], threes[2], shift)[1] + lean * lean / sum_w
    score = 0.5 * (ss - sum_w + (ratio if restricted else 0.0))
    slope = -curvature if curvature < 0.0 else information
    return score / slope if slope > 0.0 else float("nan")


def _interpolated_root(at: list[float], values: list[float]) -> float:
    """Return where a falling function is zero between the last two points, from inverse interpolation through all (2 or 3)."""
    (a, b), (fa, fb) = at[-2:], values[-2:]
    slope = (b - a) / (fb - fa)
    line = a - fa * slope
    if len(at) == 2 or not values[0] > fa:
        return line
    bend = (slope - (a - at[0]) / (fa - values[0])) / (fb - values[0])
    root = line + bend * fa * fb
    return root if a < root < b else line


def _peaks_on_grid(y: Array, v: Array, X: Array | None, *, restricted: bool) -> tuple[NDArray[np.intp], Array, Array, Array]:
    """Return brackets (low, start, high) of the peaks of the likelihood, and the row that each belongs to."""
    bound = _score_bound(residual_ss(y, X) / _df(y, X), v.max(axis=-1))
    grid = bound[:, None] * GRID_RATIOS
    X_grid = X if X is None or X.ndim == 2 else X[:, None]
    height = profile_loglik(y[:, None, :], v[:, None, :], X_grid, grid, restricted=restricted)
    peak = np.ones(height.shape, dtype=bool)
    peak[:, 1:] &= height[:, 1:] > height[:, :-1]
    peak[:, :-1] &= height[:, :-1] >= height[:, 1:]
    rows, best = np.nonzero(peak)
    last = GRID_RATIOS.size - 1
    return rows, grid[rows, np.maximum(best - 1, 0)], grid[rows, best], grid[rows, np.minimum(best + 1, last)]


def _score_bound(s2: Array, largest_v: Array) -> Array:
    """Return a tau2 beyond which the score is negative, from the residual variance ``s2`` and the largest of ``vi``."""
    # y'PPy <= RSS / (tau2 + min v)^2 and tr P >= (k - p) / (tau2 + max v).
    return s2 + np.sqrt(s2 * largest_v)


def _descend(
    low: Array,
    start: Array,
    high: Array,
    step: Callable[[NDArray[np.intp], Array], tuple[Array, Array]],
) -> Array:
    """Find where a function that falls through zero does so, in each row's bracket, by Newton steps kept inside it.

    ``step(rows, tau2)`` returns the function and the Newton step. A row whose function is not positive at 0 gives 0.
    """
    if start.size <= FEW_ROWS:
        return _descend_few(low, start, high, step)
    low, high, tau2 = low.copy(), high.copy(), start.copy()
    scale = high.copy()
    last = high - low
    rows = np.arange(tau2.size)
    for _ in range(MAX_STEPS):
        here = tau2[rows]
        value, newton = step(rows, here)
        rising = value > 0
        low[rows] = np.where(rising, here, low[rows])
        high[rows] = np.where(rising, high[rows], here)
        target = here + newton
        # A step that does not halve the one before is replaced by bisection, so that Newton cannot swing to and fro.
        inside = (target > low[rows]) & (target < high[rows]) & (np.abs(newton) <= 0.5 * last[rows])
        middle = 0.5 * (low[rows] + high[rows])
        small = np.abs(target - here) <= STEP_TOLERANCE * here + ZERO_TOLERANCE * scale[rows]
        # A tiny step that rounding pushed to the edge of the bracket is the end, not a reason to bisect.
        target = np.where(inside, target, np.where(small, here, middle))
        done = small | (high[rows] - low[rows] <= STEP_TOLERANCE * here + ZERO_TOLERANCE * scale[rows])
        last[rows] = np.abs(target - here)
        tau2[rows] = target
        rows = rows[~done]
        if rows.size == 0:
            return tau2
    raise RuntimeError(f"tau2 did not settle in {MAX_STEPS} steps for {rows.size} data sets; please report the data.")


def _descend_few(
    low: Array,
    start: Array,
    high: Array,
    step: Callable[[NDArray[np.intp], Array], tuple[Array, Array]],
) -> Array:
    """As `_descend`, the rows' bookkeeping in plain numbers, which for a row or two takes a fifth of the time of arrays."""
    lows, highs, tau2 = low.tolist(), high.tolist(), start.tolist()
    scale, last = high.tolist(), (high - low).tolist()
    rows = list(range(len(tau2)))
    for _ in range(MAX_STEPS):
        values, newtons = step(np.array(rows), np.array([tau2[i] for i in rows]))
        still = []
        for i, value, newton in zip(rows, values.tolist(), newtons.tolist(), strict=True):
            here = tau2[i]
            if value > 0:
                lows[i] = here
            else:
                highs[i] = here
            limit = STEP_TOLERANCE * here + ZERO_TOLERANCE * scale[i]
            target, small = here + newton, abs(newton) <= limit
            if not (lows[i] < target < highs[i] and abs(newton) <= 0.5 * last[i]):
                target = here if small else 0.5 * (lows[i] + highs[i])
            last[i], tau2[i] = abs(target - here), target
            if not small and highs[i] - lows[i] > limit:
                still.append(i)
        rows = still
        if not rows:
            return np.array(tau2)
    raise RuntimeError(f"tau2 did not settle in {MAX_STEPS} steps for {len(rows)} data sets; please report the data.")


def _df(y: Array, X: Array | None) -> int:
    return y.shape[-1] - (1 if X is None else X.shape[-1])


def _rows_of(X: Array | None, rows: NDArray[np.intp]) -> Array | None:
    return X if X is None or X.ndim == 2 else X[rows]


def _in_rows(
    yi: ArrayLike,
    vi: ArrayLike,
    X: ArrayLike | None,
    estimator: Callable[..., Array],
    *,
    per_row: Array | None = None,
) -> float | Array:
    """Check shapes, lay leading axes out as rows, run the estimator chunk by chunk, and restore the shape.

    The estimator is called with y, v, X, and the chunk of ``per_row``, shape (b,), where that is given.
    """
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.shape != v.shape:
        y, v = np.broadcast_arrays(y, v)
    if y.ndim == 0 or y.shape[-1] == 0:
        raise ValueError("yi and vi hold no studies; give one value of each for every study.")
    # The ends of the ranges tell all, since what is not a number becomes an end; they are found faster than every value is asked.
    low_y, high_y = np.minimum.reduce(y, axis=None, initial=0.0), np.maximum.reduce(y, axis=None, initial=0.0)
    low_v, high_v = np.minimum.reduce(v, axis=None, initial=1.0), np.maximum.reduce(v, axis=None, initial=1.0)
    if not (-math.inf < low_y and high_y < math.inf and low_v > 0.0 and high_v < math.inf):
        raise ValueError("yi must be finite and vi finite and above 0; use check_effects to see which study is not.")
    lead, k = y.shape[:-1], y.shape[-1]
    design = _design(X, lead, k)
    y, v = y.reshape(-1, k), v.reshape(-1, k)
    p = 1 if design is None else design.shape[-1]
    if k == p:
        tau2 = np.zeros(y.shape[0])
    else:
        size = max(1, CHUNK_NUMBERS // (k * p * GRID_RATIOS.size))
        parts = []
        for first in range(0, y.shape[0], size):
            chunk = slice(first, first + size)
            x = design if design is None or design.ndim == 2 else design[chunk]
            parts.append(estimator(y[chunk], v[chunk], x, *(() if per_row is None else (per_row[chunk],))))
        tau2 = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0)
    return float(tau2[0]) if lead == () else tau2.reshape(lead)


def _design(X: ArrayLike | None, lead: tuple[int, ...], k: int) -> Array | None:
    if X is None:
        return None
    design = np.asarray(X, dtype=float)
    if design.ndim < 2 or design.shape[-2] != k:
        raise ValueError(f"X has shape {design.shape}; its last two axes must be ({k}, p), one row for each study.")
    p = design.shape[-1]
    if p > k:
        raise ValueError(f"X has {p} coefficients for {k} studies; use at most as many coefficients as studies.")
    if np.linalg.matrix_rank(design).min() < p:
        raise ValueError("X has columns that repeat each other; leave out one of them (for instance a dummy column).")
    if design.ndim == 2:
        return design
    return np.broadcast_to(design, (*lead, k, p)).reshape(-1, k, p)
