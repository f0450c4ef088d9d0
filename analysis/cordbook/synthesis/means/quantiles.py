"""Means and SDs estimated from medians with quartiles or ranges.

Sources: Luo, Wan, Liu and Tong (2018), Statistical Methods in Medical Research 27:1785-1805, equations 7, 11 and 15 (means); Wan, Wang, Liu
and Tong (2014), BMC Medical Research Methodology 14:135, equations 3, 9, 13, 14 and 16 (means and SDs); Shi, Luo, Weng et al. (2020), Research
Synthesis Methods 11:641-654 (SD from all five numbers); Shi, Luo, Wan et al. (2023), Statistical Methods in Medical Research 32:1338-1360
(test of skewness). All suppose that the scores are about normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from cordbook.synthesis.checks import FEWEST, Limit, check_choice, check_numbers, columns_of, refuse
from cordbook.synthesis.means.sizes import Array, DerivedMeans, Mask, derived_notes, listed

if TYPE_CHECKING:
    import pandas as pd

MEAN_METHODS = ("luo", "wan")
SD_METHODS = ("wan", "shi")
NUMBERS = ("minimum", "q1", "median", "q3", "maximum")

MEDIAN = Limit("give the median.")
FIVE = Limit("give the number, or leave it blank.", blank=True)
# The order statistics of fewer patients say too little of a normal distribution (metafor's limit).
FEWEST_PATIENTS = 5
ENOUGH = Limit(
    f"a mean cannot be estimated from quartiles or range of fewer than {FEWEST_PATIENTS} patients, given as a whole number.",
    lowest=FEWEST_PATIENTS,
    whole=True,
)


def means_from_quantiles(
    n: ArrayLike | str,
    median: ArrayLike | str,
    q1: ArrayLike | str | None = None,
    q3: ArrayLike | str | None = None,
    minimum: ArrayLike | str | None = None,
    maximum: ArrayLike | str | None = None,
    *,
    mean_method: str = "luo",
    sd_method: str = "wan",
    labels: Sequence[object] | str | None = None,
    data: pd.DataFrame | None = None,
) -> DerivedMeans:
    """Return means and SDs estimated from the median with quartiles, range or both, and say where the scores look skewed.

    Parameters
    ----------
    n : array_like of int, shape (k,), or the name of a column of ``data``
        Patients, at least 5.
    median, q1, q3, minimum, maximum : array_like, shape (k,), or names of columns
        In the units of the score; quartiles or range may be blank (NaN), for each study not both.
    mean_method : {"luo", "wan"}
        Luo et al. 2018, whose weights depend on n and have the least error, or Wan et al. 2014.
    sd_method : {"wan", "shi"}
        Wan et al. 2014; "shi" takes Shi et al. 2020 where all five numbers are there (as metafor's ``conv.fivenum``), else Wan.
    labels : sequence, length k, or str, optional
        Names of the studies.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Returns
    -------
    DerivedMeans
        Each study marked with its method; notes name those whose numbers fail the test of skewness at 5%.

    Raises
    ------
    ValueError
        For numbers that are not in order, fewer than 5 patients, quartiles or ranges of which one end is missing, and studies with
        neither.

    Examples
    --------
    >>> found = means_from_quantiles([40, 40], [12, 12], q1=[8, None], q3=[17, None], minimum=[None, 2], maximum=[None, 31])
    >>> found.mean.round(3), found.sd.round(3)
    (array([12.355, 12.904]), array([6.92 , 6.724]))
    >>> found.derived[0]
    'mean and SD from median and quartiles (Luo 2018, Wan 2014)'
    """
    n, median, q1, q3, minimum, maximum, labels = columns_of(
        data, n=n, median=median, q1=q1, q3=q3, minimum=minimum, maximum=maximum, labels=labels
    )
    check_choice("mean_method", mean_method, MEAN_METHODS)
    check_choice("sd_method", sd_method, SD_METHODS)
    given = {"n": n, "minimum": minimum, "q1": q1, "median": median, "q3": q3, "maximum": maximum}
    limits = dict.fromkeys(NUMBERS, FIVE) | {"median": MEDIAN, "n": ENOUGH}
    columns = {name: values for name, values in given.items() if values is not None}
    found, names = check_numbers(columns, limits, labels, min_studies=FEWEST["means_from_quantiles"])
    for name in NUMBERS:
        found.setdefault(name, np.full(len(names), np.nan))
    _check_order(found, names)
    quartiles, ends = ~np.isnan(found["q1"]), ~np.isnan(found["minimum"])
    mean = _means(found, quartiles, ends, mean_method)
    sd = _spreads(found, quartiles, ends, sd_method)
    refuse(
        [
            f"{names[i]}: all numbers are {found['median'][i]:g}, which gives no standard deviation; leave the study out."
            for i in np.flatnonzero(sd == 0)
        ]
    )
    marks = tuple(_mark(bool(q), bool(e), mean_method, sd_method) for q, e in zip(quartiles, ends, strict=True))
    skewed = [name for name, is_skewed in zip(names, _skewed(found, quartiles, ends), strict=True) if is_skewed]
    notes = derived_notes(names, marks)
    if skewed:
        notes += (
            f"The scores look skewed in {listed(skewed)} (test of Shi et al. 2023 at 5%): means and SDs estimated from quartiles or ranges "
            "suppose a normal distribution; see whether the result stands without.",
        )
    return DerivedMeans(mean, sd, found["n"], names, marks, notes)


def _check_order(found: dict[str, Array], names: Sequence[str]) -> None:
    problems = []
    for i, name in enumerate(names):
        known = [(word, found[word][i]) for word in NUMBERS if not np.isnan(found[word][i])]
        words = {word for word, _ in known}
        for pair in (("q1", "q3"), ("minimum", "maximum")):
            if len(words & set(pair)) == 1:
                problems.append(f"{name}: of {pair[0]} and {pair[1]} one is missing; give both or neither.")
        if len(words) == 1:
            problems.append(
                f"{name}: a median alone gives no standard deviation; give quartiles or range, or leave the study out."
            )
        for (lower, low), (higher, high) in pairwise(known):
            if low > high:
                problems.append(f"{name}: {lower} = {low:g} is above {higher} = {high:g}; correct one of the two.")
    refuse(problems)


def _means(found: dict[str, Array], quartiles: Mask, ends: Mask, method: str) -> Array:
    n, median = found["n"], found["median"]
    middle, mid_range = (found["q1"] + found["q3"]) / 2, (found["minimum"] + found["maximum"]) / 2
    if method == "luo":
        both = 2.2 / (2.2 + n**0.75), 0.7 - 0.72 / n**0.55
        of_range, of_quartiles = 4 / (4 + n**0.75), 0.7 + 0.39 / n
    else:
        both = np.full(n.shape, 0.25), np.full(n.shape, 0.5)
        of_range, of_quartiles = np.full(n.shape, 0.5), np.full(n.shape, 2 / 3)
    w_range = np.where(ends, np.where(quartiles, both[0], of_range), 0.0)
    w_quartiles = np.where(quartiles, np.where(ends, both[1], of_quartiles), 0.0)
    parts = np.where(ends, w_range * mid_range, 0.0) + np.where(quartiles, w_quartiles * middle, 0.0)
    return parts + (1 - w_range - w_quartiles) * median


def _spreads(found: dict[str, Array], quartiles: Mask, ends: Mask, method: str) -> Array:
    n = found["n"]
    from_range = (found["maximum"] - found["minimum"]) / (2 * ndtri((n - 0.375) / (n + 0.25)))
    from_quartiles = (found["q3"] - found["q1"]) / (2 * ndtri((0.75 * n - 0.125) / (n + 0.25)))
    weight = 1 / (1 + 0.07 * n**0.6) if method == "shi" else np.full(n.shape, 0.5)
    both = weight * from_range + (1 - weight) * from_quartiles
    return np.where(quartiles & ends, both, np.where(ends, from_range, from_quartiles))


def _skewed(found: dict[str, Array], quartiles: Mask, ends: Mask) -> Mask:
    n, median = found["n"], found["median"]
    with np.errstate(invalid="ignore", divide="ignore"):
        of_range = np.abs(found["minimum"] + found["maximum"] - 2 * median) / (found["maximum"] - found["minimum"])
        of_quartiles = np.abs(found["q1"] + found["q3"] - 2 * median) / (found["q3"] - found["q1"])
        of_both = np.maximum(2.65 * np.log(0.6 * n) / np.sqrt(n) * of_range, of_quartiles)
        statistic = np.where(quartiles & ends, of_both, np.where(ends, of_range, of_quartiles))
        critical = np.where(
            quartiles & ends,
            3 / np.sqrt(n) - 40 / n**3,
            np.where(ends, 1 / np.log(n + 9) + 2.5 / (n + 1), 2.65 / np.sqrt(n) - 6 / n**2),
        )
        return statistic >= critical


def _mark(quartiles: bool, ends: bool, mean_method: str, sd_method: str) -> str:
    what = "quartiles and range" if quartiles and ends else "quartiles" if quartiles else "range"
    of_mean = "Luo 2018" if mean_method == "luo" else "Wan 2014"
    of_sd = "Shi 2020" if sd_method == "shi" and quartiles and ends else "Wan 2014"
    methods = of_mean if of_mean == of_sd else f"{of_mean}, {of_sd}"
    return f"mean and SD from median and {what} ({methods})"
