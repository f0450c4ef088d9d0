"""Mean and SD of each study from whatever its report gives, the most direct first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.checks import FEWEST, check_level, check_numbers, columns_of, refuse
from cordbook.synthesis.means.quantiles import FIVE, means_from_quantiles
from cordbook.synthesis.means.sizes import MEAN, SD, SIZE, DerivedMeans, Mask, derived_notes
from cordbook.synthesis.means.spreads import END, SE, sd_from_ci, sd_from_se

if TYPE_CHECKING:
    import pandas as pd

_LIMITS = {
    "n": SIZE,
    "mean": replace(MEAN, blank=True),
    "sd": replace(SD, blank=True),
    "se": replace(SE, blank=True),
    "ci_low": replace(END, blank=True),
    "ci_high": replace(END, blank=True),
    **dict.fromkeys(("median", "q1", "q3", "minimum", "maximum"), FIVE),
}


def reported_means(
    n: ArrayLike | str,
    mean: ArrayLike | str | None = None,
    sd: ArrayLike | str | None = None,
    *,
    se: ArrayLike | str | None = None,
    ci_low: ArrayLike | str | None = None,
    ci_high: ArrayLike | str | None = None,
    median: ArrayLike | str | None = None,
    q1: ArrayLike | str | None = None,
    q3: ArrayLike | str | None = None,
    minimum: ArrayLike | str | None = None,
    maximum: ArrayLike | str | None = None,
    level: float = 0.95,
    labels: Sequence[object] | str | None = None,
    data: pd.DataFrame | None = None,
) -> DerivedMeans:
    """Return mean and SD of each study from what its report gives, and a mark where they are not as reported.

    With a mean: the SD as reported, else from the standard error (`sd_from_se`), else from the interval (`sd_from_ci`, t). What is still
    missing comes from the median with quartiles or range (`means_from_quantiles`); a mean or SD that is reported stays.

    Parameters
    ----------
    n : array_like of int, shape (k,), or the name of a column of ``data``
        Patients.
    mean, sd, se, ci_low, ci_high, median, q1, q3, minimum, maximum : array_like, shape (k,), or names of columns, optional
        In the units of the score; what a study does not report is blank (NaN).
    level : float
        Confidence level of the intervals.
    labels : sequence, length k, or str, optional
        Names of the studies.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Returns
    -------
    DerivedMeans

    Raises
    ------
    ValueError
        For numbers that cannot be, and studies that give neither an SD nor anything it can come from.

    Examples
    --------
    >>> found = reported_means([25, 25, 40], [30.1, 31.0, None], [6.2, None, None], se=[None, 1.2, None], median=[None, None, 12],
    ...                        q1=[None, None, 8], q3=[None, None, 17])
    >>> found.sd.round(2), found.derived[:2]
    (array([6.2 , 6.  , 6.92]), ('', 'SD from the standard error'))
    """
    values = columns_of(
        data, n=n, mean=mean, sd=sd, se=se, ci_low=ci_low, ci_high=ci_high, median=median, q1=q1, q3=q3, minimum=minimum,
        maximum=maximum, labels=labels,
    )  # fmt: skip
    check_level(level)
    given = {name: column for name, column in zip(_LIMITS, values[:-1], strict=True) if column is not None}
    found, names = check_numbers(given, _LIMITS, values[-1], min_studies=FEWEST["reported_means"])
    known = {name: found.get(name, np.full(len(names), np.nan)) for name in _LIMITS}
    means, sds, marks = known["mean"].copy(), known["sd"].copy(), [""] * len(names)
    notes: list[str] = []

    def fill(wanted: Mask, make: Callable[..., DerivedMeans], *columns: str, **options: Any) -> None:
        rows = np.flatnonzero(wanted)
        if rows.size:
            made = make(**{c: known[c][rows] for c in columns}, labels=[names[i] for i in rows], **options)
            own_mean, own_sd = ~np.isnan(means[rows]), ~np.isnan(sds[rows])
            sds[rows] = np.where(own_sd, sds[rows], made.sd)
            if made.mean is not None:
                means[rows] = np.where(own_mean, means[rows], made.mean)
            for i, mark, has_mean, has_sd in zip(rows, made.derived, own_mean, own_sd, strict=True):
                what = "SD" if has_mean else "mean" if has_sd else "mean and SD"
                marks[i] = mark.replace("mean and SD", what)
            # The first note says what was worked out, which is said of all studies together below.
            notes.extend(made.notes[1:])

    has_mean, has_interval = ~np.isnan(means), ~np.isnan(known["ci_low"]) & ~np.isnan(known["ci_high"])
    fill(np.isnan(sds) & has_mean & ~np.isnan(known["se"]), sd_from_se, "se", "n")
    fill(np.isnan(sds) & has_mean & has_interval, sd_from_ci, "ci_low", "ci_high", "n", level=level)
    middle = ~np.isnan(known["median"]) & (np.isnan(sds) | np.isnan(means))
    fill(middle, means_from_quantiles, "n", "median", "q1", "q3", "minimum", "maximum")
    refuse(
        [
            f"{name}: {'mean' if np.isnan(m) else 'sd'} is missing, and nothing is given that it can come from (se, ci_low and ci_high, or median "
            "with quartiles or range); fill one in, or leave the study out."
            for name, m, s in zip(names, means, sds, strict=True)
            if np.isnan(m) or np.isnan(s)
        ]
    )
    return DerivedMeans(means, sds, known["n"], names, tuple(marks), (*derived_notes(names, marks), *notes))
