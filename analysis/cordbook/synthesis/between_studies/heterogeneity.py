"""How much studies differ beyond chance: Q, I-squared, H-squared, tau-squared and their intervals.

Sources: Cochran 1954 (Q); Higgins and Thompson 2002 (I-squared, H, the test-based interval); Viechtbauer 2007 (Q-profile
interval of tau-squared, carried over to I-squared and H-squared).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri, ndtri

from cordbook.synthesis.between_studies.tau2 import generalised_q, tau2_for_q, trace_of_p
from cordbook.synthesis.checks import check_level, columns_of
from cordbook.synthesis.results import Heterogeneity

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


class QTest(NamedTuple):
    """Cochran's Q, its degrees of freedom, and the p-value (None without degrees of freedom)."""

    q: float
    df: int
    p: float | None


class Interval(NamedTuple):
    """A lower and an upper limit."""

    low: float
    high: float


def cochran_q(yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None, *, data: pd.DataFrame | None = None) -> QTest:
    """Return Cochran's Q test that all studies share one effect (with moderators: the test for residual heterogeneity).

    Parameters
    ----------
    yi, vi : array_like, shape (k,)
        Effect sizes and sampling variances.
    X : array_like, shape (k, p), optional
        Design matrix; an intercept only when not given.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Examples
    --------
    >>> test = cochran_q([0.0, 2.0], [1.0, 1.0])
    >>> test.q, test.df, round(test.p, 4)
    (2.0, 1, 0.1573)
    """
    yi, vi = columns_of(data, yi=yi, vi=vi)
    df = len(np.asarray(yi)) - _columns(X)
    if df == 0:
        return QTest(0.0, 0, None)
    q = float(generalised_q(yi, vi, 0.0, X))
    return QTest(q, df, float(chdtrc(df, q)))


def typical_variance(vi: ArrayLike, X: ArrayLike | None = None) -> float:
    """Return the typical sampling variance ``(k - p) / tr P`` that I-squared and H-squared compare tau-squared with.

    Source: Higgins and Thompson 2002, equation 9. Studies of equal variance give that variance.

    Examples
    --------
    >>> typical_variance([0.5, 0.5, 0.5])
    0.5
    """
    variances = np.asarray(vi, dtype=float)
    return (variances.size - _columns(X)) / float(trace_of_p(variances, X))


def i2_of(tau2: float, typical: float) -> float:
    """Return I-squared in percent, ``100 tau2 / (tau2 + typical)``.

    Examples
    --------
    >>> i2_of(0.5, 0.5)
    50.0
    """
    return 100.0 * tau2 / (tau2 + typical)


def h2_of(tau2: float, typical: float) -> float:
    """Return H-squared, ``tau2 / typical + 1``.

    Examples
    --------
    >>> h2_of(0.5, 0.5)
    2.0
    """
    return tau2 / typical + 1.0


def q_profile_interval(
    yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None, *, level: float = 0.95, data: pd.DataFrame | None = None
) -> Interval | None:
    """Return the Q-profile interval of tau-squared, exact when effect sizes are normal; None without degrees of freedom.

    The limits are the values of tau2 at which the generalised Q equals the upper and the lower quantile of its
    chi-squared distribution; a Q that starts below them gives 0 (both limits can be 0, as in metafor).

    Source: Viechtbauer 2007.

    Arguments of k values may be names of columns of ``data``, a table such as a DataFrame.

    Examples
    --------
    >>> q_profile_interval([0.5, 0.5, 0.5], [1.0, 1.0, 1.0])
    Interval(low=0.0, high=0.0)
    """
    yi, vi = columns_of(data, yi=yi, vi=vi)
    tail = 0.5 * (1.0 - check_level(level))
    df = len(np.asarray(yi)) - _columns(X)
    if df == 0:
        return None
    low, high = np.asarray(tau2_for_q(yi, vi, chdtri(df, [tail, 1.0 - tail]), X)).tolist()
    return Interval(low, high)


def h2_test_based_interval(q: float, k: int, *, level: float = 0.95) -> Interval | None:
    """Return the test-based interval of H-squared from Q alone, not below 1; None where it is not defined (k < 3).

    Source: Higgins and Thompson 2002, section on the uncertainty of H (the standard error of ln H).

    Examples
    --------
    >>> interval = h2_test_based_interval(30.0, 14)
    >>> round(interval.low, 3), round(interval.high, 3)
    (1.27, 4.192)
    """
    z = float(ndtri(0.5 * (1.0 + check_level(level))))
    if k < 3:
        return None
    if q > k:
        se = 0.5 * (np.log(q) - np.log(k - 1)) / (np.sqrt(2.0 * q) - np.sqrt(2.0 * k - 3.0))
    else:
        se = np.sqrt(1.0 / (2.0 * (k - 2)) * (1.0 - 1.0 / (3.0 * (k - 2) ** 2)))
    log_h = 0.5 * np.log(q / (k - 1)) if q > 0 else -np.inf
    low, high = np.exp(2.0 * (log_h - z * se)), np.exp(2.0 * (log_h + z * se))
    return Interval(max(1.0, float(low)), max(1.0, float(high)))


def heterogeneity(
    yi: ArrayLike,
    vi: ArrayLike,
    tau2: float | None,
    X: ArrayLike | None = None,
    *,
    level: float = 0.95,
    interval: bool = True,
) -> Heterogeneity:
    """Return all that is said of heterogeneity beside a pooled effect.

    Parameters
    ----------
    yi, vi : array_like, shape (k,)
        Effect sizes and sampling variances.
    tau2 : float or None
        The estimate of a random-effects model: I-squared and H-squared are derived from it, their intervals from the
        Q-profile interval. None for a common-effect model: they are derived from Q, their intervals are test-based.
    X : array_like, shape (k, p), optional
        Design matrix.
    interval : bool
        Whether the Q-profile interval of a random-effects model is wanted; its limits are None when it is not.

    Examples
    --------
    >>> heterogeneity([0.0, 2.0, 1.0], [0.5, 0.5, 0.5], tau2=0.5).i2
    50.0
    """
    test = cochran_q(yi, vi, X)
    if test.df == 0:
        return Heterogeneity(0.0, None, None, 0.0, None, None, 1.0, None, None, test.q, 0, None)
    if tau2 is None:
        h2 = test.q / test.df
        i2 = 100.0 * max(0.0, 1.0 - 1.0 / h2) if h2 > 0 else 0.0
        h2_ci = h2_test_based_interval(test.q, test.df + 1, level=level)
        if h2_ci is None:
            return Heterogeneity(0.0, None, None, i2, None, None, h2, None, None, *test)
        low, high = h2_ci
        return Heterogeneity(0.0, None, None, i2, 100.0 * (1.0 - 1.0 / low), 100.0 * (1.0 - 1.0 / high), h2, low, high, *test)
    typical = typical_variance(vi, X)
    estimates = i2_of(tau2, typical), h2_of(tau2, typical)
    limits = q_profile_interval(yi, vi, X, level=level) if interval else None
    if limits is None:
        return Heterogeneity(tau2, None, None, estimates[0], None, None, estimates[1], None, None, *test)
    return Heterogeneity(
        tau2,
        limits.low,
        limits.high,
        estimates[0],
        i2_of(limits.low, typical),
        i2_of(limits.high, typical),
        estimates[1],
        h2_of(limits.low, typical),
        h2_of(limits.high, typical),
        *test,
    )


def _columns(X: ArrayLike | None) -> int:
    return 1 if X is None else int(np.asarray(X).shape[-1])
