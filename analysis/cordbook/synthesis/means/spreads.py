"""Standard deviations worked out of what reports give instead: standard error, interval, t or p."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from cordbook.synthesis.checks import FEWEST, Limit, check_choice, check_level, check_numbers, columns_of, refuse
from cordbook.synthesis.means.sizes import SIZE, Array, DerivedMeans, derived_notes

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = ("t", "normal")
SE = Limit("give the standard error, which is above 0.", lowest=0.0, above=True)
END = Limit("give the limit of the interval.")
DIFFERENCE = Limit("give the difference of the means, or the mean change.")
T = Limit("give the t statistic.")
P = Limit("give the two-sided p value itself, above 0 and below 1.", lowest=0.0, highest=1.0, above=True)


def sd_from_se(
    se: ArrayLike | str, n: ArrayLike | str, *, labels: Sequence[object] | str | None = None, data: pd.DataFrame | None = None
) -> DerivedMeans:
    """Return SDs from standard errors of means.

    ``sd = se sqrt(n)``; Cochrane Handbook, section 6.5.2.2.

    Parameters
    ----------
    se, n : array_like, shape (k,), or names of columns of ``data``
        Standard error of the mean in the units of the score, and patients.
    labels : sequence, length k, or str, optional
        Names of the studies.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Raises
    ------
    ValueError
        For standard errors that are not above 0 and fewer than 2 patients.

    Examples
    --------
    >>> found = sd_from_se([1.2], [25])
    >>> found.sd.round(6), found.derived
    (array([6.]), ('SD from the standard error',))
    """
    se, n, labels = columns_of(data, se=se, n=n, labels=labels)
    found, names = check_numbers({"se": se, "n": n}, {"se": SE, "n": SIZE}, labels, min_studies=FEWEST["sd_from_se"])
    return _spreads(found["se"] * np.sqrt(found["n"]), found["n"], names, "SD from the standard error")


def sd_from_ci(
    ci_low: ArrayLike | str,
    ci_high: ArrayLike | str,
    n: ArrayLike | str,
    *,
    level: float = 0.95,
    quantile: str = "t",
    labels: Sequence[object] | str | None = None,
    data: pd.DataFrame | None = None,
) -> DerivedMeans:
    """Return SDs from confidence intervals of means.

    ``sd = sqrt(n) (high - low) / (2 q)``, q the quantile of t with n - 1 degrees of freedom, or of the normal distribution; Cochrane
    Handbook, section 6.5.2.2 (normal from 100 patients on, t below; t tends to it, so it is the default for all).

    Parameters
    ----------
    ci_low, ci_high, n : array_like, shape (k,), or names of columns of ``data``
        Limits of the mean in the units of the score, and patients.
    level : float
        Confidence level of the intervals.
    quantile : {"t", "normal"}
        How the report made them.
    labels, data
        As in `sd_from_se`.

    Raises
    ------
    ValueError
        For a lower limit that is not below the upper one, and fewer than 2 patients.

    Examples
    --------
    >>> sd_from_ci([30.0], [34.2], [25]).sd.round(2)
    array([5.09])
    """
    ci_low, ci_high, n, labels = columns_of(data, ci_low=ci_low, ci_high=ci_high, n=n, labels=labels)
    check_choice("quantile", quantile, QUANTILES)
    columns = {"ci_low": ci_low, "ci_high": ci_high, "n": n}
    found, names = check_numbers(columns, {"ci_low": END, "ci_high": END, "n": SIZE}, labels, min_studies=FEWEST["sd_from_ci"])
    low, high = found["ci_low"], found["ci_high"]
    refuse(
        [
            f"{names[i]}: ci_low = {low[i]:g} is not below ci_high = {high[i]:g}; exchange or correct them."
            for i in np.flatnonzero(low >= high)
        ]
    )
    q = _quantile(check_level(level), found["n"] - 1, quantile)
    return _spreads(
        np.sqrt(found["n"]) * (high - low) / (2 * q), found["n"], names, f"SD from the {level * 100:g}% interval ({quantile})"
    )


def sd_from_t(
    difference: ArrayLike | str,
    t: ArrayLike | str,
    n1: ArrayLike | str,
    n2: ArrayLike | str | None = None,
    *,
    labels: Sequence[object] | str | None = None,
    data: pd.DataFrame | None = None,
) -> DerivedMeans:
    """Return SDs from t statistics: of two groups together, or of the change within one.

    Two groups: ``sd = |difference / t| / sqrt(1/n1 + 1/n2)``, for both the same (Cochrane Handbook, section 6.5.2.3). One group and a paired
    test (``n2`` not given): ``sd of the change = |difference / t| sqrt(n1)`` (section 6.5.2.8).

    Parameters
    ----------
    difference, t, n1, n2 : array_like, shape (k,), or names of columns of ``data``
        Difference of the means, or mean change, in the units of the score; the t statistic; patients.
    labels, data
        As in `sd_from_se`.

    Raises
    ------
    ValueError
        For a difference or a t of 0, from which no SD can come, and fewer than 2 patients in a group.

    Examples
    --------
    The example of the Handbook, section 6.5.2.3: a difference of 3.8 with a standard error of 1.37 in 25 and 22 patients.

    >>> sd_from_t([3.8], [3.8 / 1.37], [25], [22]).sd.round(2)
    array([4.69])
    """
    difference, t, n1, n2, labels = columns_of(data, difference=difference, t=t, n1=n1, n2=n2, labels=labels)
    columns = {"difference": difference, "t": t, "n1": n1} | ({} if n2 is None else {"n2": n2})
    limits = {"difference": DIFFERENCE, "t": T, "n1": SIZE, "n2": SIZE}
    found, names = check_numbers(columns, limits, labels, min_studies=FEWEST["sd_from_t"])
    return _from_statistic(found, found["t"], names, "t")


def sd_from_p(
    difference: ArrayLike | str,
    p: ArrayLike | str,
    n1: ArrayLike | str,
    n2: ArrayLike | str | None = None,
    *,
    labels: Sequence[object] | str | None = None,
    data: pd.DataFrame | None = None,
) -> DerivedMeans:
    """Return SDs from two-sided p values of t tests: of two groups together, or of the change within one.

    The p value gives ``|t|`` with ``n1 + n2 - 2`` degrees of freedom (paired: ``n1 - 1``), then as `sd_from_t`. A p value that is reported as
    a bound ("p < 0.05") gives a bound: the SD is too large when the bound stands for the value (Cochrane Handbook, section 6.5.2.3).

    Parameters
    ----------
    difference, p, n1, n2 : array_like, shape (k,), or names of columns of ``data``
        Difference of the means, or mean change; the p value, above 0 and below 1; patients.
    labels, data
        As in `sd_from_se`.

    Raises
    ------
    ValueError
        For p values that are not above 0 and below 1, a difference of 0, and fewer than 2 patients in a group.

    Examples
    --------
    The example of the Handbook, section 6.5.2.3: a difference of 3.8, p = 0.008, 25 and 22 patients (4.69 there, from a rounded t).

    >>> sd_from_p([3.8], [0.008], [25], [22]).sd.round(2)
    array([4.68])
    """
    difference, p, n1, n2, labels = columns_of(data, difference=difference, p=p, n1=n1, n2=n2, labels=labels)
    columns = {"difference": difference, "p": p, "n1": n1} | ({} if n2 is None else {"n2": n2})
    limits = {"difference": DIFFERENCE, "p": P, "n1": SIZE, "n2": SIZE}
    found, names = check_numbers(columns, limits, labels, min_studies=FEWEST["sd_from_p"])
    df = found["n1"] - 1 if "n2" not in found else found["n1"] + found["n2"] - 2
    return _from_statistic(found, -stdtrit(df, found["p"] / 2), names, "p")


def _from_statistic(found: dict[str, Array], t: Array, names: tuple[str, ...], what: str) -> DerivedMeans:
    refuse(
        [
            f"{names[i]}: a difference of {found['difference'][i]:g} and {what} = {found[what][i]:g} give no standard deviation; take it from "
            "elsewhere, or leave the study out."
            for i in np.flatnonzero((t == 0) | (found["difference"] == 0))
        ]
    )
    se = np.abs(found["difference"] / t)
    if "n2" in found:
        return _spreads(
            se / np.sqrt(1 / found["n1"] + 1 / found["n2"]), found["n1"] + found["n2"], names, f"SD of both groups from {what}"
        )
    return _spreads(se * np.sqrt(found["n1"]), found["n1"], names, f"SD of the change from {what}")


def _quantile(level: float, df: Array, kind: str) -> Array:
    upper = 0.5 * (1.0 + level)
    return stdtrit(df, upper) if kind == "t" else np.full(df.shape, ndtri(upper))


def _spreads(sd: Array, n: Array, names: tuple[str, ...], mark: str) -> DerivedMeans:
    marks = (mark,) * len(names)
    return DerivedMeans(None, sd, n, names, marks, derived_notes(names, marks))
