"""Effect sizes of single proportions and their back transforms.

logit
    ``log(x / (n - x))``, variance ``1/x + 1/(n - x)``.
arcsine
    ``asin(sqrt(x / n))``, variance ``1 / (4 n)``.
double-arcsine
    ``(asin(sqrt(x / (n + 1))) + asin(sqrt((x + 1) / (n + 1)))) / 2``, variance ``1 / (4 n + 2)`` (Freeman and Tukey 1950),
    the scaling of metafor's "PFT".
raw
    ``x / n``, variance ``p (1 - p) / n``.

The sampling variance of a study without events, or with events only, is infinite on the logit scale and zero on the raw
scale; just these studies, and just on these two scales, get 1/2 added to events and to non-events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from cordbook.synthesis.checks import FEWEST, check_choice, check_counts, columns_of

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
# Carries a value, or an array, of the model's scale back to the scale that is reported.
Back = Callable[[Any], Any]

MEASURES = ("logit", "arcsine", "double-arcsine", "raw")
CORRECTION = 0.5
#: Which studies get the correction: those alone whose variance could not be computed without it, or every one (metafor's ``to = "all"``).
CORRECTED = ("zero", "all")

# The double arcsine goes back through one "typical" sample size. When sizes between the smallest and the largest study
# would move the pooled proportion by more than this share of it (and by more than the floor, so that 0.0001 against
# 0.0002 stays quiet), the result depends on a choice that the data do not make (Schwarzer et al. 2019).
BACK_TRANSFORM_SHARE = 0.10
BACK_TRANSFORM_FLOOR = 0.001


@dataclass(frozen=True, slots=True)
class EffectSizes:
    """Effect sizes ``yi`` and variances ``vi``, shape (k,), and how many studies were given the correction of 1/2."""

    yi: Array
    vi: Array
    corrected: int


def proportion_effects(
    events: ArrayLike, n: ArrayLike, measure: str = "logit", *, data: pd.DataFrame | None = None
) -> EffectSizes:
    """Return effect sizes and sampling variances of single proportions.

    Parameters
    ----------
    events, n : array_like of int, shape (k,)
    measure : str
        "logit", "arcsine", "double-arcsine" or "raw".
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For an unknown measure or counts that `check_counts` refuses.

    Examples
    --------
    >>> sizes = proportion_effects([0, 5], [10, 10])
    >>> sizes.yi.round(3), sizes.vi.round(3), sizes.corrected
    (array([-3.045,  0.   ]), array([2.095, 0.4  ]), 1)
    """
    events, n = columns_of(data, events=events, n=n)
    check_choice("measure", measure, MEASURES)
    x, size, _ = check_counts(events, n, min_studies=FEWEST["proportion_effects"])
    return effects_of_counts(x, size, measure)


def effects_of_counts(x: NDArray[np.int64], size: NDArray[np.int64], measure: str, corrected: str = "zero") -> EffectSizes:
    """Return effect sizes of counts that have been checked already; as `proportion_effects`.

    ``corrected`` is one of `CORRECTED`: 1/2 is added to the events and non-events of studies with a zero, or of all. Added to all it takes away
    most of the bias of a log odds (Haldane 1956; Anscombe 1956; Gart and Zweifel 1967).
    """
    if measure == "arcsine":
        return EffectSizes(np.arcsin(np.sqrt(x / size)), 0.25 / size, 0)
    if measure == "double-arcsine":
        return EffectSizes(double_arcsine(x, size), 1.0 / (4.0 * size.astype(np.float64) + 2.0), 0)
    extreme = (x == 0) | (x == size) | (corrected == "all")
    added = np.where(extreme, CORRECTION, 0.0)
    a, b = x + added, size - x + added
    if measure == "logit":
        return EffectSizes(np.log(a / b), 1.0 / a + 1.0 / b, int(extreme.sum()))
    p = a / (a + b)
    return EffectSizes(p, p * (1.0 - p) / (a + b), int(extreme.sum()))


def double_arcsine(events: ArrayLike, n: ArrayLike) -> Array:
    """Return the Freeman-Tukey double arcsine of counts, halved as in metafor.

    Examples
    --------
    >>> double_arcsine([0, 10], [10, 10]).round(4)
    array([0.1531, 1.4177])
    """
    x, size = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
    return 0.5 * (np.arcsin(np.sqrt(x / (size + 1.0))) + np.arcsin(np.sqrt((x + 1.0) / (size + 1.0))))


def inverse_double_arcsine(values: ArrayLike, n: ArrayLike) -> Array:
    """Return the proportions whose double arcsine at sample size ``n`` is ``values``; 0 or 1 beyond the reachable range.

    Source: Miller 1978, "The inverse of the Freeman-Tukey double arcsine transformation".

    Parameters
    ----------
    values : array_like
        Transformed values, in radians.
    n : array_like
        Sample size (for a pooled value the harmonic mean of the sizes), shape that broadcasts with ``values``.

    Examples
    --------
    >>> inverse_double_arcsine(double_arcsine([3], [10]), 10).round(12)
    array([0.3])
    """
    value, size = np.broadcast_arrays(np.asarray(values, dtype=float), np.asarray(n, dtype=float))
    lowest, highest = double_arcsine(0.0 * size, size), double_arcsine(size, size)
    inside = np.clip(value, lowest, highest)
    sine = np.sin(2.0 * inside)
    root = 1.0 - (sine + (sine - 1.0 / sine) / size) ** 2
    p = 0.5 * (1.0 - np.sign(np.cos(2.0 * inside)) * np.sqrt(np.maximum(root, 0.0)))
    return np.where(value <= lowest, 0.0, np.where(value >= highest, 1.0, p))


def inverse_arcsine(values: ArrayLike) -> Array:
    """Return the proportions whose arcsine is ``values``; 0 or 1 beyond the reachable range.

    Examples
    --------
    >>> inverse_arcsine([-0.2, np.pi / 4, 2.0]).round(12)
    array([0. , 0.5, 1. ])
    """
    return np.sin(np.clip(np.asarray(values, dtype=float), 0.0, np.pi / 2)) ** 2


def harmonic_mean(n: ArrayLike) -> float:
    """Return the harmonic mean of the sample sizes.

    Examples
    --------
    >>> harmonic_mean([10, 40])
    16.0
    """
    return float(1.0 / np.mean(1.0 / np.asarray(n, dtype=float)))


def back_transform(measure: str, n: ArrayLike) -> Back:
    """Return the function that carries values of the model's scale to proportions between 0 and 1.

    ``n``, shape (k,), is used by the double arcsine alone, which goes back at the harmonic mean of the sizes.

    Examples
    --------
    >>> back_transform("logit", [10, 40])([-np.inf, 0.0])
    array([0. , 0.5])
    """
    check_choice("measure", measure, MEASURES)
    if measure == "logit":
        return lambda values: expit(np.asarray(values, dtype=float))
    if measure == "arcsine":
        return inverse_arcsine
    if measure == "raw":
        return lambda values: np.clip(np.asarray(values, dtype=float), 0.0, 1.0)
    typical = harmonic_mean(n)
    return lambda values: inverse_double_arcsine(values, typical)


def double_arcsine_notes(value: float, events: NDArray[np.int64], n: NDArray[np.int64]) -> tuple[str, ...]:
    """Return what a reader must know of a pooled double arcsine before trusting its back transform.

    Source: Schwarzer, Chemaitelly, Abu-Raddad and Rücker 2019, "Seriously misleading results using inverse of
    Freeman-Tukey double arcsine transformation in meta-analysis of single proportions".

    Examples
    --------
    >>> double_arcsine_notes(0.5, np.array([2, 3]), np.array([10, 11]))
    ()
    """
    typical = harmonic_mean(n)
    notes = []
    if not float(double_arcsine(0, typical)) < value < float(double_arcsine(typical, typical)):
        notes.append(
            f"The pooled double arcsine {value:.4g} lies outside the range that a study of the harmonic mean size "
            f"{typical:.4g} can reach, so it was set to the nearest end, 0 or 1; use the GLMM instead."
        )
    estimate = float(inverse_double_arcsine(value, typical))
    ends = inverse_double_arcsine(value, np.array([n.min(), n.max()]))
    low, high = float(ends.min()), float(ends.max())
    if high - low > max(BACK_TRANSFORM_SHARE * min(estimate, 1.0 - estimate), BACK_TRANSFORM_FLOOR):
        notes.append(
            "The back transform of the double arcsine depends on the sample size put into it: the pooled proportion is "
            f"{estimate:.4g} at the harmonic mean size {typical:.4g}, but runs from {low:.4g} to {high:.4g} over the "
            f"sizes of the studies ({n.min()} to {n.max()}); Schwarzer et al. 2019 advise against it, use the GLMM instead."
        )
    shares = events / n
    if not shares.min() <= estimate <= shares.max():
        notes.append(
            f"The back-transformed estimate {estimate:.4g} lies outside the proportions of the studies themselves "
            f"({shares.min():.4g} to {shares.max():.4g}); use the GLMM instead."
        )
    return tuple(notes)
