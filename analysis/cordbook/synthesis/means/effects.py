"""Effect sizes of the means of two groups, or of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.checks import FEWEST, check_choice, check_numbers, columns_of, refuse
from cordbook.synthesis.means.sizes import (
    MEAN,
    SD,
    SIZE,
    TWO_GROUP_MEASURES,
    Array,
    Group,
    MeanEffects,
    bias_correction,
    check_marks,
    derived_notes,
    require_effects,
)

if TYPE_CHECKING:
    import pandas as pd

# The SD of one group has n - 1 degrees of freedom, and the correction of a difference divided by it needs two.
FEWEST_FOR_OWN_SD = 3


def mean_effects(
    mean1: ArrayLike | str,
    sd1: ArrayLike | str,
    n1: ArrayLike | str,
    mean2: ArrayLike | str | None = None,
    sd2: ArrayLike | str | None = None,
    n2: ArrayLike | str | None = None,
    *,
    measure: str | None = None,
    labels: Sequence[object] | str | None = None,
    derived: Sequence[str] | None = None,
    data: pd.DataFrame | None = None,
) -> MeanEffects:
    """Return effect sizes and sampling variances of the means of two groups, or of one group.

    Parameters
    ----------
    mean1, sd1, n1 : array_like, shape (k,), or names of columns of ``data``
        Mean and SD, in the units of the score, and patients of group 1 (treated).
    mean2, sd2, n2 : the same of group 2 (control), optional
        All three or none.
    measure : str, optional
        Of two groups (default "MD"):

        - "MD": ``m1 - m2``, in units of the score; variance ``sd1^2/n1 + sd2^2/n2``.
        - "SMD": ``c(n1+n2-2) (m1 - m2) / s``, s the pooled SD (Hedges g); variance ``1/n1 + 1/n2 + d^2 / (2 (n1+n2))``.
        - "SMDH": the same with ``s^2 = (sd1^2 + sd2^2) / 2``, for unequal variances; variance ``d^2 (sd1^4/(n1-1) + sd2^4/(n2-1)) /
          (8 s^4) + (sd1^2/(n1-1) + sd2^2/(n2-1)) / s^2``.
        - "SMD1": ``c(n2-1) (m1 - m2) / sd2`` (Glass); variance ``1/n1 + 1/n2 + d^2 / (2 n2)``.
        - "SMD1H": the same for unequal variances: ``sd1^2 / (sd2^2 (n1-1)) + 1/(n2-1) + d^2 / (2 (n2-1))``.
        - "ROM": ``log(m1 / m2)``, both means on the same side of 0; variance ``sd1^2/(n1 m1^2) + sd2^2/(n2 m2^2)``.

        Of one group "MN": the mean itself, such as a mean change with its own SD; variance ``sd1^2/n1``.
    labels : sequence, length k, or str, optional
        Names of the studies.
    derived : sequence of str, length k, optional
        How the numbers of a study came about where they are not as reported: ``DerivedMeans.derived``.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Returns
    -------
    MeanEffects

    Raises
    ------
    ValueError
        For lengths that differ, an SD below 0, fewer than 2 patients in a group (3 where its own SD divides), a ratio of means that are
        not both above or both below 0, an effect without variance, or an unknown measure; study by study.

    Notes
    -----
    Sources: Hedges (1981), Journal of Educational Statistics 6:107-128 (exact correction c, `bias_correction`); Hedges and Olkin (1985),
    Statistical Methods for Meta-Analysis, section 5 (variance of SMD); Bonett (2008), Psychological Methods 13:99-109, equations 8 and 12
    (SMDH, SMD1H); Hedges, Gurevitch and Curtis (1999), Ecology 80:1150-1156 (ROM). They are metafor's ``escalc`` with ``vtype="LS"``;
    for SMDH and SMD1H that of its later versions, since 3.8-1 has other variances (for SMDH times c^2, for SMD1H n in place of n - 1).

    Examples
    --------
    Length of stay in hospital, Normand (1999), two of nine studies:

    >>> found = mean_effects([55, 27], [47, 7], [155, 31], [75, 29], [64, 4], [156, 32], measure="SMD")
    >>> found.yi.round(4), found.vi.round(4)
    (array([-0.3552, -0.3479]), array([0.0131, 0.0645]))
    """
    mean1, sd1, n1, mean2, sd2, n2, labels = columns_of(
        data, mean1=mean1, sd1=sd1, n1=n1, mean2=mean2, sd2=sd2, n2=n2, labels=labels
    )
    columns = {"mean1": mean1, "sd1": sd1, "n1": n1} | {"mean2": mean2, "sd2": sd2, "n2": n2}
    absent = [name for name, values in columns.items() if values is None]
    if absent not in ([], ["mean2", "sd2", "n2"]):
        raise ValueError(f"{', '.join(absent)} not given: give mean, SD and n of both groups, or of group 1 alone.")
    measure = check_mean_measure(measure, two_groups=not absent)
    limits = {"mean1": MEAN, "sd1": SD, "n1": SIZE, "mean2": MEAN, "sd2": SD, "n2": SIZE}
    given = {name: values for name, values in columns.items() if name not in absent}
    found, names = check_numbers(given, limits, labels, min_studies=FEWEST["mean_effects"])
    marks = check_marks(derived, len(names))
    one = Group(found["mean1"], found["sd1"], found["n1"])
    two = None if absent else Group(found["mean2"], found["sd2"], found["n2"])
    yi, vi = _of_one(one, names) if two is None else _of_two(measure, one, two, names)
    return MeanEffects(yi, vi, names, measure, one, two, marks, derived_notes(names, marks))


def check_mean_measure(measure: str | None, *, two_groups: bool) -> str:
    """Return the measure in capitals, the usual one when none is given.

    Examples
    --------
    >>> check_mean_measure("smd", two_groups=True), check_mean_measure(None, two_groups=False)
    ('SMD', 'MN')
    """
    name = measure.upper() if isinstance(measure, str) else measure
    if not two_groups:
        return check_choice("measure", "MN" if name is None else name, ("MN",))
    return check_choice("measure", "MD" if name is None else name, TWO_GROUP_MEASURES)


def _of_one(one: Group, labels: Sequence[str]) -> tuple[Array, Array]:
    vi = one.sd**2 / one.n
    require_effects(one.mean, vi, labels)
    return one.mean.copy(), vi


def _of_two(measure: str, one: Group, two: Group, labels: Sequence[str]) -> tuple[Array, Array]:
    difference = one.mean - two.mean
    if measure == "MD":
        vi = one.sd**2 / one.n + two.sd**2 / two.n
        require_effects(difference, vi, labels)
        return difference, vi
    if measure == "ROM":
        return _ratio_of_means(one, two, labels)
    divisor, df, what = _standardiser(measure, one, two, labels)
    with np.errstate(divide="ignore", invalid="ignore"):
        yi = bias_correction(df) * difference / divisor
        vi = _standardised_variance(measure, yi, divisor, one, two)
    require_effects(yi, vi, labels, divisor=divisor, what=what)
    return yi, vi


def _standardiser(measure: str, one: Group, two: Group, labels: Sequence[str]) -> tuple[Array, Array, str]:
    """The SD that divides, the degrees of freedom of the correction, and the name of that SD."""
    df = one.n + two.n - 2
    if measure == "SMD":
        return np.sqrt(((one.n - 1) * one.sd**2 + (two.n - 1) * two.sd**2) / df), df, "the pooled SD"
    if measure == "SMDH":
        return np.sqrt((one.sd**2 + two.sd**2) / 2), df, "the average of both variances"
    require_own_sd(two.n, labels, "n2")
    return two.sd, two.n - 1, "sd2"


def require_own_sd(n: Array, labels: Sequence[str], name: str) -> None:
    """Refuse groups too small to be divided by an SD of their own."""
    small = [
        f"{label}: {name} = {size:g} is below {FEWEST_FOR_OWN_SD}, and the SD of so few patients cannot divide without bias; use a measure in "
        "units of the score, or leave the study out."
        for label, size in zip(labels, n, strict=True)
        if size < FEWEST_FOR_OWN_SD
    ]
    refuse(small)


def _standardised_variance(measure: str, yi: Array, divisor: Array, one: Group, two: Group) -> Array:
    if measure == "SMD":
        return 1 / one.n + 1 / two.n + yi**2 / (2 * (one.n + two.n))
    if measure == "SMD1":
        return 1 / one.n + 1 / two.n + yi**2 / (2 * two.n)
    if measure == "SMD1H":
        return (one.sd / two.sd) ** 2 / (one.n - 1) + 1 / (two.n - 1) + yi**2 / (2 * (two.n - 1))
    spread = ((one.sd / divisor) ** 4 / (one.n - 1) + (two.sd / divisor) ** 4 / (two.n - 1)) / 8
    return yi**2 * spread + (one.sd / divisor) ** 2 / (one.n - 1) + (two.sd / divisor) ** 2 / (two.n - 1)


def _ratio_of_means(one: Group, two: Group, labels: Sequence[str]) -> tuple[Array, Array]:
    require_ratio(one.mean, two.mean, labels)
    yi = np.log(one.mean / two.mean)
    vi = one.sd**2 / (one.n * one.mean**2) + two.sd**2 / (two.n * two.mean**2)
    require_effects(yi, vi, labels)
    return yi, vi


def require_ratio(above: Array, below: Array, labels: Sequence[str]) -> None:
    """Refuse ratios of means that are 0 or on different sides of 0."""
    refuse(
        [
            f"{labels[i]}: the ratio of the means {above[i]:g} and {below[i]:g} has no logarithm; both must be above 0, or both below: use "
            "a difference."
            for i in np.flatnonzero(~(above * below > 0)).tolist()
        ]
    )
