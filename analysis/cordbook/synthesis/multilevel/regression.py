"""Meta-regression where studies have several outcomes or arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.checks import FEWEST, check_choice, check_level, columns_of
from cordbook.synthesis.multilevel.fitting import INTERVALS, fit_effects
from cordbook.synthesis.multilevel.input import check_levels, check_multilevel
from cordbook.synthesis.multilevel.model import LEVELS
from cordbook.synthesis.multilevel.pooling import shared
from cordbook.synthesis.multilevel.results import MultilevelRegression
from cordbook.synthesis.pooling.effects import critical_value, two_sided_p
from cordbook.synthesis.regression.moderators import build_design, moderator_columns
from cordbook.synthesis.regression.results import Coefficient

if TYPE_CHECKING:
    import pandas as pd


def regress_multilevel(
    yi: ArrayLike | str,
    vi: ArrayLike | str,
    study: Sequence[object] | str,
    moderators: object,
    *,
    labels: Sequence[object] | str | None = None,
    names: Sequence[str] | None = None,
    reference: Mapping[str, str] | None = None,
    rho: float = 0.0,
    covariance: ArrayLike | None = None,
    levels: Sequence[str] = LEVELS,
    ci: str = "cr2",
    level: float = 0.95,
    variance_intervals: bool = False,
    data: pd.DataFrame | None = None,
) -> MultilevelRegression:
    """Regress effects, of which several may be of one study, on characteristics of studies or of effects.

    Parameters
    ----------
    yi, vi, study, labels, rho, covariance, levels, ci, level, variance_intervals, data
        As in `pool_multilevel`.
    moderators, names, reference
        As in `meta_regression`: a mapping, DataFrame or array, or names of columns of ``data``; text is categorical.

    Returns
    -------
    MultilevelRegression

    Raises
    ------
    ValueError
        As `pool_multilevel`, and for moderators that are missing, do not vary or depend on each other.

    Examples
    --------
    >>> year = {"year": [2001, 2001, 2010, 2010, 2005, 2005, 2015, 2015]}
    >>> fit = regress_multilevel([0.1, 0.3, 0.9, 0.6, 0.4, 0.5, 0.8, 1.0], [0.01] * 8, list("AABBCCDD"), year)
    >>> slope = fit.coefficient("year")
    >>> round(slope.estimate, 3), round(slope.df, 2)
    (0.051, 1.57)
    """
    yi, vi, study, labels = columns_of(data, yi=yi, vi=vi, study=study, labels=labels)
    moderators = moderator_columns(moderators, data)
    check_choice("ci", ci, INTERVALS)
    check_level(level)
    effects = check_multilevel(yi, vi, study, labels, rho, covariance, FEWEST["regress_multilevel"])
    used, notes = check_levels(levels, effects)
    design, X, design_notes = build_design(moderators, effects.labels, names=names, reference=reference)
    found = fit_effects(effects, X, used, ci, limits_at=level if variance_intervals else None)
    se = np.sqrt(np.diag(found.cov))
    rows = zip(design.names, found.beta.tolist(), se.tolist(), found.df, strict=True)
    return MultilevelRegression(
        coefficients=tuple(_coefficient(name, estimate, error, df, level) for name, estimate, error, df in rows),
        covariance=tuple(tuple(row) for row in found.cov.tolist()),
        notes=(*design_notes, *notes, *found.notes),
        **shared(effects, found, ci, level, None if covariance is not None else float(rho)),
    )


def _coefficient(name: str, estimate: float, se: float, df: float | None, level: float) -> Coefficient:
    reach = critical_value(level, df) * se
    statistic = estimate / se
    return Coefficient(name, estimate, se, statistic, df, float(two_sided_p(statistic, df)), estimate - reach, estimate + reach)
