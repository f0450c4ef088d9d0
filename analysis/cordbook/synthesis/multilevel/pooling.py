"""The pooled effect where studies have several outcomes or arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.checks import FEWEST, check_choice, check_level, columns_of
from cordbook.synthesis.multilevel.fitting import INTERVALS, Fitted, fit_effects
from cordbook.synthesis.multilevel.input import Effects, check_levels, check_multilevel
from cordbook.synthesis.multilevel.model import LEVELS
from cordbook.synthesis.multilevel.results import MultilevelEffect
from cordbook.synthesis.pooling.effects import critical_value, two_sided_p
from cordbook.synthesis.results import StudyEffect, as_records

if TYPE_CHECKING:
    import pandas as pd


def pool_multilevel(
    yi: ArrayLike | str,
    vi: ArrayLike | str,
    study: Sequence[object] | str,
    *,
    labels: Sequence[object] | str | None = None,
    rho: float = 0.0,
    covariance: ArrayLike | None = None,
    levels: Sequence[str] = LEVELS,
    ci: str = "cr2",
    level: float = 0.95,
    variance_intervals: bool = False,
    data: pd.DataFrame | None = None,
) -> MultilevelEffect:
    """Pool effects of which several may be of one study: its outcomes, arms or times.

    Such effects are not independent. The model gives them a random effect of the study and one of their own (REML); the usual errors are
    cluster-robust, so that they hold also where the correlation of sampling errors within studies is not known.

    Parameters
    ----------
    yi, vi : array_like, shape (k,), or names of columns of ``data``
        Effects and sampling variances.
    study : sequence, shape (k,), or str
        The study of each effect.
    labels : sequence, shape (k,), or str, optional
        Names of the effects; the study and a number when not given.
    rho : float
        Assumed correlation of the sampling errors of one study, from 0 to below 1.
    covariance : array_like, shape (k, k), optional
        Known covariance of the sampling errors, 0 between studies, in place of ``rho``.
    levels : sequence of {"study", "effect"}
        Which random effects there are; ``("effect",)`` is the usual random-effects model, here with robust errors.
    ci : {"cr2", "t", "wald"}
        Cluster-robust CR2 with Satterthwaite's degrees of freedom; or errors of the model with t (degrees of freedom by containment) or
        normal quantiles.
    level : float
        Confidence level, between 0 and 1.
    variance_intervals : bool
        Whether the variances of both levels get intervals by profile likelihood, which take some hundred times as long as the fit.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Returns
    -------
    MultilevelEffect

    Raises
    ------
    ValueError
        For effects that `check_effects` refuses, effects without a study, fewer than two studies, and a correlation or covariance that
        cannot be.

    Notes
    -----
    Sources: Konstantopoulos (2011), Research Synthesis Methods 2:61-76 (model); Pustejovsky and Tipton (2022), Prevention Science 23:425-438
    (with robust errors). They are metafor's ``rma.mv(yi, V, random = ~ 1 | study/effect)`` and clubSandwich's ``coef_test``.

    Examples
    --------
    >>> result = pool_multilevel([0.1, 0.3, 0.9, 0.6, 0.4, 0.5], [0.01] * 6, ["A", "A", "B", "B", "C", "C"])
    >>> round(result.estimate, 3), round(result.df, 1), round(result.tau2_study, 3)
    (0.467, 2.0, 0.064)
    """
    yi, vi, study, labels = columns_of(data, yi=yi, vi=vi, study=study, labels=labels)
    check_choice("ci", ci, INTERVALS)
    check_level(level)
    effects = check_multilevel(yi, vi, study, labels, rho, covariance, FEWEST["pool_multilevel"])
    used, notes = check_levels(levels, effects)
    found = fit_effects(effects, np.ones((effects.k, 1)), used, ci, limits_at=level if variance_intervals else None)
    estimate, se, df = float(found.beta[0]), float(np.sqrt(found.cov[0, 0])), found.df[0]
    reach = critical_value(level, df)
    spread = float(np.sqrt(se**2 + found.fit.study + found.fit.effect))
    return MultilevelEffect(
        estimate=estimate,
        se=se,
        ci_low=estimate - reach * se,
        ci_high=estimate + reach * se,
        pi_low=estimate - reach * spread,
        pi_high=estimate + reach * spread,
        statistic=estimate / se,
        df=df,
        p=float(two_sided_p(estimate / se, df)),
        studies=_rows(effects, found, level),
        notes=(*notes, *found.notes),
        **shared(effects, found, ci, level, None if covariance is not None else float(rho)),
    )


def shared(effects: Effects, found: Fitted, ci: str, level: float, rho: float | None) -> dict[str, Any]:
    """What results of the mean and of regression have in common."""
    limits = {
        f"tau2_{name}_ci_{end}": value
        for name, ends in found.limits.items()
        for end, value in zip(("low", "high"), ends, strict=True)
    }
    return limits | {
        "tau2": found.fit.study + found.fit.effect,
        "tau2_study": found.fit.study,
        "tau2_effect": found.fit.effect,
        "i2": found.i2_study + found.i2_effect,
        "i2_study": found.i2_study,
        "i2_effect": found.i2_effect,
        "q": found.q,
        "q_df": found.q_df,
        "q_p": found.q_p,
        "loglik": found.fit.loglik,
        "k": effects.k,
        "k_studies": len(effects.rows),
        "model": "multilevel",
        "ci_method": ci,
        "level": float(level),
        "rho": rho,
    }


def _rows(effects: Effects, found: Fitted, level: float) -> tuple[StudyEffect, ...]:
    se = np.sqrt(effects.v)
    reach = critical_value(level, None) * se
    columns = (effects.y, se, effects.y - reach, effects.y + reach, found.weights)
    return as_records(StudyEffect, zip(effects.labels, *(column.tolist() for column in columns), strict=True))
