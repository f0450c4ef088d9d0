"""What a funnel plot shows: studies by effect and precision, with the region where chance alone would leave them.

References
----------
Peters, Sutton, Jones, Abrams and Rushton (2008), Journal of Clinical Epidemiology 61, 991-996: contours of
significance.
Hunter et al. (2014), Journal of Clinical Epidemiology 67, 897-903: for proportions the sample size, not the standard
error.
Spiegelhalter (2005), Statistics in Medicine 24, 1185-1202: binomial control limits around a proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cordbook.synthesis.checks import FEWEST, check_counts, check_effects, check_level, columns_of
from cordbook.synthesis.pooling.effects import critical_value, pool_effects
from cordbook.synthesis.results import Result, number

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_LEVELS = (0.90, 0.95, 0.99)
# Points of each limit; limits around proportions are stepped at small sizes, so these are taken at whole sizes.
POINTS = 100


@dataclass(frozen=True, slots=True)
class FunnelContour:
    """Limits (low, high) at the heights `y`, within which `level` of studies fall by chance around `centre`."""

    level: float
    centre: float
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Funnel(Result):
    """Data of a funnel plot. `axis` says what `y` is: se (plot it downwards) or n (upwards).

    `contours` lie around `null` (significance contours) and `limits` around `centre`, the pooled estimate.
    """

    labels: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    axis: str
    centre: float
    null: float | None
    limits: FunnelContour
    contours: tuple[FunnelContour, ...]

    def _lines(self) -> list[str]:
        return [f"Funnel of {len(self.x)} studies by {self.axis}", f"  centre {number(self.centre)}"]


def funnel_effects(
    yi: Sequence[float],
    vi: Sequence[float],
    *,
    labels: Sequence[str] | None = None,
    model: str = "common",
    null: float | None = 0.0,
    levels: Sequence[float] = DEFAULT_LEVELS,
    level: float = 0.95,
    data: pd.DataFrame | None = None,
) -> Funnel:
    """Funnel of effects against standard errors, with contours of significance around the null value.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,).
    model
        Model of the pooled estimate in the middle. The common-effect one gives most weight to the tip of the funnel.
    null
        The value of no effect; None leaves the contours out.
    levels
        Levels of the contours: 0.95 is the border of p = 0.05.
    level
        Level of the limits around the pooled estimate.
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For effects that cannot be pooled or a level outside 0 to 1.

    Examples
    --------
    >>> funnel = funnel_effects([0.1, 0.4, 0.3], [0.01, 0.09, 0.04])
    >>> round(funnel.contours[1].high[-1] / max(funnel.y), 2)
    1.96
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    yi, vi, labels = check_effects(yi, vi, labels, min_studies=FEWEST["funnel_effects"])
    for one in (level, *levels):
        check_level(one)
    se = np.sqrt(vi)
    centre = pool_effects(yi, vi, model=model, ci="wald").estimate
    heights = np.linspace(0.0, float(se.max()), POINTS)

    def contour(middle: float, share: float) -> FunnelContour:
        half = critical_value(share, None) * heights
        return FunnelContour(share, middle, *(tuple(column.tolist()) for column in (heights, middle - half, middle + half)))

    contours = () if null is None else tuple(contour(null, share) for share in levels)
    return Funnel(labels, tuple(yi.tolist()), tuple(se.tolist()), "se", centre, null, contour(centre, level), contours)


def funnel_proportions(
    events: Sequence[int],
    n: Sequence[int],
    *,
    centre: float,
    labels: Sequence[str] | None = None,
    level: float = 0.95,
    data: pd.DataFrame | None = None,
) -> Funnel:
    """Funnel of proportions against sample sizes, with exact binomial limits around a pooled proportion.

    Parameters
    ----------
    events, n
        Participants with the event, and participants, shape (k,).
    centre
        The pooled proportion, 0 to 1, such as `pool_proportions(...).estimate`.
    level
        Share of studies of one size that chance alone leaves inside the limits (at least, since counts are whole).
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For counts that cannot be, a centre outside 0 to 1, or a level outside 0 to 1.

    Examples
    --------
    >>> funnel = funnel_proportions([2, 9, 30], [10, 20, 100], centre=0.3)
    >>> funnel.limits.y[-1], funnel.limits.low[-1], funnel.limits.high[-1]
    (100.0, 0.21, 0.39)
    """
    events, n, labels = columns_of(data, events=events, n=n, labels=labels)
    x, size, labels = check_counts(events, n, labels, min_studies=FEWEST["funnel_proportions"])
    check_level(level)
    if not 0 <= centre <= 1:
        raise ValueError(f"centre = {centre}: give the pooled proportion, from 0 to 1.")
    heights = np.unique(np.linspace(1, int(size.max()), POINTS).round())
    tail = (1 - level) / 2
    low, high = (stats.binom.ppf(share, heights, centre) / heights for share in (tail, 1 - tail))
    limits = FunnelContour(level, float(centre), *(tuple(column.tolist()) for column in (heights, low, high)))
    points = tuple((x / size).tolist()), tuple(size.astype(float).tolist())
    return Funnel(labels, *points, "n", float(centre), None, limits, ())
