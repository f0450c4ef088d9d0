"""Pooled means: differences, standardised differences, ratios and changes, by the random-effects models for effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.means.change import change_effects
from cordbook.synthesis.means.effects import mean_effects
from cordbook.synthesis.means.results import PooledMean
from cordbook.synthesis.means.sizes import RATIO_MEASURES, MeanEffects, StudyMean
from cordbook.synthesis.pooling.effects import pool_effects
from cordbook.synthesis.results import ModelScale, PooledEffect, as_records, heterogeneity_fields

if TYPE_CHECKING:
    import pandas as pd

_SHARED = ("p", "k", "model", "ci_method", "level")


def pool_means(
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
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> PooledMean:
    """Pool the means of two groups over studies, or those of one group.

    Parameters
    ----------
    mean1, sd1, n1, mean2, sd2, n2, measure, labels, derived, data
        As in `mean_effects`.
    model, ci, level, hksj_floor, prediction
        As in `pool_effects`.

    Returns
    -------
    PooledMean
        A ratio of means as a ratio, everything else on the scale of its measure.

    Raises
    ------
    ValueError
        As `mean_effects` and `pool_effects`.

    Examples
    --------
    Length of stay in hospital under specialist and routine care, Normand (1999), three of nine studies:

    >>> result = pool_means([55, 27, 64], [47, 7, 17], [155, 31, 75], [75, 29, 119], [64, 4, 29], [156, 32, 71], ci="wald")
    >>> print(f"{result.estimate:.1f} ({result.ci_low:.1f} to {result.ci_high:.1f})")
    -25.6 (-56.4 to 5.3)
    """
    effects = mean_effects(mean1, sd1, n1, mean2, sd2, n2, measure=measure, labels=labels, derived=derived, data=data)
    return pool_mean_effects(effects, model=model, ci=ci, level=level, hksj_floor=hksj_floor, prediction=prediction)


def pool_changes(
    n: ArrayLike | str,
    mean_before: ArrayLike | str | None = None,
    mean_after: ArrayLike | str | None = None,
    sd_before: ArrayLike | str | None = None,
    sd_after: ArrayLike | str | None = None,
    *,
    mean_change: ArrayLike | str | None = None,
    sd_change: ArrayLike | str | None = None,
    r: ArrayLike | str | None = None,
    imputed_r: float | None = None,
    measure: str = "MC",
    labels: Sequence[object] | str | None = None,
    derived: Sequence[str] | None = None,
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> PooledMean:
    """Pool the changes from baseline of one group over studies.

    Parameters
    ----------
    n, mean_before, mean_after, sd_before, sd_after, mean_change, sd_change, r, imputed_r, measure, labels, derived, data
        As in `change_effects`.
    model, ci, level, hksj_floor, prediction
        As in `pool_effects`.

    Returns
    -------
    PooledMean

    Raises
    ------
    ValueError
        As `change_effects` and `pool_effects`.

    Examples
    --------
    >>> result = pool_changes([20, 50, 14], [30.6, 23.5, 35.6], [38.5, 26.8, 36.0], [15.0, 3.1, 4.7], [11.6, 4.1, 4.6], imputed_r=0.5)
    >>> round(result.estimate, 2), result.notes[0][:69]
    (3.07, 'The correlation between before and after was imputed as 0.5 in 3 of 3')
    """
    effects = change_effects(
        n,
        mean_before,
        mean_after,
        sd_before,
        sd_after,
        mean_change=mean_change,
        sd_change=sd_change,
        r=r,
        imputed_r=imputed_r,
        measure=measure,
        labels=labels,
        derived=derived,
        data=data,
    )
    return pool_mean_effects(effects, model=model, ci=ci, level=level, hksj_floor=hksj_floor, prediction=prediction)


def pool_mean_effects(effects: MeanEffects, **options: Any) -> PooledMean:
    """Pool effects of means that were made before; options as in `pool_effects`.

    Examples
    --------
    >>> found = mean_effects([55, 27], [47, 7], [155, 31], [75, 29], [64, 4], [156, 32], measure="ROM")
    >>> round(pool_mean_effects(found, model="common").estimate, 3)
    0.882
    """
    pooled = pool_effects(effects.yi, effects.vi, labels=effects.labels, **options)
    back = np.exp if effects.measure in RATIO_MEASURES else _same
    limits = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
    shown: dict[str, Any] = {name: None if (value := getattr(pooled, name)) is None else float(back(value)) for name in limits}
    return PooledMean(
        **shown,
        model_scale=ModelScale(pooled.estimate, pooled.se, pooled.ci_low, pooled.ci_high, pooled.pi_low, pooled.pi_high),
        **{name: getattr(pooled, name) for name in _SHARED},
        **heterogeneity_fields(pooled),
        n=effects.n,
        measure=effects.measure,
        studies=_studies(effects, pooled, back),
        notes=(*effects.notes, *pooled.notes),
    )


def _same(value: Any) -> Any:
    return value


def _studies(effects: MeanEffects, pooled: PooledEffect, back: Any) -> tuple[StudyMean, ...]:
    groups: list[list[Any]] = []
    for group in (effects.group1, effects.group2):
        columns = [None] * 3 if group is None else [group.n.astype(int).tolist(), group.mean.tolist(), group.sd.tolist()]
        groups += [[None] * effects.k if column is None else [_known(value) for value in column] for column in columns]
    rows = [(s.label, s.estimate, s.se, s.ci_low, s.ci_high, s.weight) for s in pooled.studies]
    labels, estimates, se, low, high, weight = map(list, zip(*rows, strict=True))
    shown = [[float(back(value)) for value in column] for column in (estimates, low, high)]
    return as_records(StudyMean, zip(labels, *groups, shown[0], se, shown[1], shown[2], weight, effects.derived, strict=True))


def _known(value: Any) -> Any:
    """The value, or None where it is not known."""
    return None if value != value else value
