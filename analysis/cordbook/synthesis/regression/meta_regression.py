"""Meta-regression: do characteristics of studies explain why their effects differ?

References
----------
Knapp and Hartung (2003), Statistics in Medicine 22, 2693-2710: the adjusted covariance and its t and F tests.
Raudenbush (2009), in The Handbook of Research Synthesis and Meta-Analysis, 2nd ed.: R2 as the share of tau2 explained.
Viechtbauer (2010), Journal of Statistical Software 36(3): the model and the notation followed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cordbook.synthesis.checks import check_effects, check_level, columns_of
from cordbook.synthesis.pooling.effects import check_effect_interval, critical_value, two_sided_p
from cordbook.synthesis.regression.linear_model import LinearFit, check_spread, fit_linear, wald_statistic, weighted_least_squares
from cordbook.synthesis.regression.moderators import Design, build_design, moderator_columns
from cordbook.synthesis.regression.results import (
    Bubbles,
    Coefficient,
    FittedStudy,
    MetaRegression,
    ModeratorTest,
    PredictedEffect,
)

__all__ = [
    "Bubbles",
    "Coefficient",
    "FittedStudy",
    "MetaRegression",
    "ModeratorTest",
    "PredictedEffect",
    "meta_regression",
]

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

# Cochrane Handbook, section 10.11.5.1: at least ten studies for each characteristic modelled.
STUDIES_PER_COEFFICIENT = 10


def meta_regression(
    yi: ArrayLike,
    vi: ArrayLike,
    moderators: object,
    *,
    labels: Sequence[str] | str | None = None,
    names: Sequence[str] | None = None,
    reference: Mapping[str, str] | None = None,
    intercept: bool = True,
    model: str = "reml",
    ci: str | None = None,
    hksj_floor: bool = True,
    level: float = 0.95,
    measure: str | None = None,
    data: pd.DataFrame | None = None,
) -> MetaRegression:
    """Regress the effects of k studies on their characteristics.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,); or names of columns of `data`.
    moderators
        Mapping or DataFrame, name to k values: numbers are continuous, text is categorical (dummy coded). Or an array
        of numbers (k,) or (k, m). With `data`, the name of one column or a list of names.
    labels
        Names of the studies; default `study 1`, ...
    names
        Names of the columns of an array of moderators.
    reference
        Reference level of categorical moderators; default: the first in alphabetical order.
    intercept
        False leaves it out; a single categorical moderator is then better done with `subgroup_effects`.
    model
        common, dl, pm, reml or ml: how tau2 is estimated.
    ci
        `hksj`: Knapp and Hartung's covariance, t and F tests. `wald`: normal and chi2 tests. Default: wald for the
        common effect, else hksj.
    hksj_floor
        Keep the Knapp-Hartung factor at 1 or above (`linear_model.hksj_factor`): metafor's ``test="adhoc"``. False leaves it as it
        is, as ``test="knha"`` does.
    level
        Level of the intervals, above 0 and below 1.
    measure
        Where effects are those of single proportions, their scale (logit, arcsine or raw): kept in the result, so that
        it can predict proportions.
    data
        DataFrame which the names refer to.

    Returns
    -------
    MetaRegression

    Raises
    ------
    ValueError
        Effects or moderators are missing or not finite, lengths differ, a variance is not positive, moderators do not
        vary or depend on each other, or there are too few studies. The message names the study and the remedy.

    Examples
    --------
    Latitude explains much of what BCG vaccination did in 13 trials (Colditz 1994; here the first six):

    >>> yi = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861]
    >>> vi = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069]
    >>> fit = meta_regression(yi, vi, {"latitude": [44, 55, 42, 52, 13, 44]})
    >>> round(fit.coefficient("latitude").estimate, 3)
    -0.029
    >>> [round(effect.estimate, 2) for effect in fit.predict({"latitude": [15, 50]})]
    [-0.19, -1.22]
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    moderators = moderator_columns(moderators, data)
    yi, vi, labels = check_effects(yi, vi, labels)
    check_level(level)
    ci = check_effect_interval(model, ci)
    design, X, notes = build_design(moderators, labels, names=names, reference=reference, intercept=intercept)
    fit = fit_linear(yi, vi, X, model=model, ci=ci, hksj_floor=hksj_floor)
    check_spread(fit, ci)
    if ci == "hksj" and not hksj_floor:
        notes = (*notes, *_narrow_notes(fit, fit_linear(yi, vi, X, model="common"), design, level))
    without = None
    if intercept and X.shape[1] > 1:
        without = float(fit_linear(yi, vi, np.ones((len(yi), 1)), model=model).tau2)
    r2 = None if without is None else _explained(yi, vi, X, fit, without, model)
    return assemble(
        yi,
        vi,
        X,
        fit,
        design,
        labels,
        without=without,
        r2=r2,
        model=model,
        ci=ci,
        hksj_floor=hksj_floor,
        level=level,
        measure=measure,
        notes=(*notes, *cautions(X, design, without, model)),
    )


def assemble(
    yi: np.ndarray,
    vi: np.ndarray,
    X: np.ndarray,
    fit: LinearFit,
    design: Design,
    labels: Sequence[str],
    *,
    without: float | None,
    r2: float | None,
    model: str,
    ci: str,
    level: float,
    notes: tuple[str, ...],
    hksj_floor: bool = False,
    measure: str | None = None,
    likelihood_ratio: ModeratorTest | None = None,
) -> MetaRegression:
    """The MetaRegression of a fit; shared by effect sizes and the binomial-normal model."""
    df = fit.df if ci == "hksj" else None
    moderators = range(int(design.intercept), X.shape[1])
    return MetaRegression(
        coefficients=_coefficients(fit.beta, fit.cov, design.names, df, level),
        omnibus=_joint_test("all moderators", fit, moderators, df) if moderators else None,
        moderator_tests=tuple(_joint_test(t.name, fit, range(t.start, t.stop), df) for t in design.terms),
        tau2=float(fit.tau2),
        tau2_without_moderators=without,
        r2=r2,
        i2=None if np.isnan(fit.i2) else float(fit.i2),
        h2=None if np.isnan(fit.h2) else float(fit.h2),
        q=None if np.isnan(fit.q) else float(fit.q),
        q_df=fit.df,
        q_p=None if np.isnan(fit.q) else float(stats.chi2.sf(fit.q, fit.df)),
        k=len(yi),
        model=model,
        ci_method=ci,
        hksj_floor=hksj_floor,
        level=level,
        measure=measure,
        covariance=tuple(tuple(row) for row in fit.cov.tolist()),
        studies=_studies(yi, vi, X, fit, labels),
        notes=notes,
        design=design,
        likelihood_ratio=likelihood_ratio,
    )


def _coefficients(
    beta: np.ndarray, cov: np.ndarray, names: Sequence[str], df: int | None, level: float
) -> tuple[Coefficient, ...]:
    se = np.sqrt(np.diag(cov))
    statistic = beta / se
    p = two_sided_p(statistic, df)
    half = critical_value(level, df) * se
    return tuple(
        Coefficient(name, float(b), float(s), float(t), df, float(q), float(b - h), float(b + h))
        for name, b, s, t, q, h in zip(names, beta, se, statistic, p, half, strict=True)
    )


def _joint_test(name: str, fit: LinearFit, columns: range, df: int | None) -> ModeratorTest:
    index = list(columns)
    statistic = float(wald_statistic(fit, index))
    if df is None:
        return ModeratorTest(name, statistic, len(index), None, float(stats.chi2.sf(statistic, len(index))))
    statistic /= len(index)
    return ModeratorTest(name, statistic, len(index), df, float(stats.f.sf(statistic, len(index), df)))


def _studies(yi: np.ndarray, vi: np.ndarray, X: np.ndarray, fit: LinearFit, labels: Sequence[str]) -> tuple[FittedStudy, ...]:
    fitted = X @ fit.beta
    weight = 1 / (vi + fit.tau2)
    weight = 100 * weight / weight.sum()
    columns = (yi.tolist(), vi.tolist(), fitted.tolist(), (yi - fitted).tolist(), weight.tolist(), X.tolist())
    rows = zip(labels, *columns, strict=True)
    return tuple(FittedStudy(label, y, v, fit, residual, weight, tuple(row)) for label, y, v, fit, residual, weight, row in rows)


def _explained(yi: np.ndarray, vi: np.ndarray, X: np.ndarray, fit: LinearFit, without: float, model: str) -> float | None:
    """R2 in percent: the share of tau2 explained, never below 0; the adjusted R2 of the weighted fit for a common
    effect.
    """
    k, p = X.shape
    if model == "common":
        total = float(weighted_least_squares(yi, 1 / vi, np.ones((k, 1)))[2])
        return None if total <= 0 else max(0.0, 100 * (1 - (float(fit.q) / (k - p)) / (total / (k - 1))))
    return None if without <= 0 else max(0.0, 100 * (without - float(fit.tau2)) / without)


def _narrow_notes(fit: LinearFit, common: LinearFit, design: Design, level: float) -> tuple[str, ...]:
    """What is said of Knapp-Hartung intervals without their floor where they claim more than the common-effect model."""
    narrow = critical_value(level, fit.df) * fit.se < critical_value(level, None) * common.se
    if not narrow.any():
        return ()
    named = ", ".join(name for name, is_narrow in zip(design.names, narrow, strict=True) if is_narrow)
    return (
        f"The Knapp-Hartung interval of {named} is narrower than that of the common-effect model, which assumes that studies do not "
        "differ beyond the moderators; use hksj_floor=True.",
    )


def cautions(X: np.ndarray, design: Design, without: float | None, model: str) -> tuple[str, ...]:
    """Notes on too few studies and on a heterogeneity that is not there."""
    k, p = X.shape
    slopes = p - int(design.intercept)
    notes = []
    if slopes and k < STUDIES_PER_COEFFICIENT * slopes:
        notes.append(
            f"{k} studies for {slopes} {'coefficient' if slopes == 1 else 'coefficients'} of moderators: fewer than "
            f"{STUDIES_PER_COEFFICIENT} studies each is too few for a firm conclusion (Cochrane Handbook, chapter 10)."
        )
    if without == 0 and model != "common":
        notes.append("Without moderators tau2 is 0: there is no heterogeneity to explain, so R2 is not defined.")
    return tuple(notes)
