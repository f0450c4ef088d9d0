"""Meta-regression of single proportions: by effect sizes, or by the binomial-normal model of the counts themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from scipy.special import expit

from cordbook.synthesis.checks import check_choice, check_counts, check_level, columns_of
from cordbook.synthesis.glmm.regression import BinomialRegressionFit, fit_binomial_regression
from cordbook.synthesis.measures import effects_of_counts
from cordbook.synthesis.pooling.effects import EFFECT_CI, EFFECT_MODELS, check_effect_interval
from cordbook.synthesis.regression.linear_model import LinearFit, orthonormal_basis, typical_variance
from cordbook.synthesis.regression.meta_regression import assemble, cautions, meta_regression
from cordbook.synthesis.regression.moderators import Design, build_design, moderator_columns
from cordbook.synthesis.regression.results import MetaRegression, ModeratorTest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

# The double arcsine goes back to a proportion only with a sample size, which a combination of moderators does not have.
REGRESSION_MEASURES = ("logit", "arcsine", "raw")


def regress_proportions(
    events: ArrayLike,
    n: ArrayLike,
    moderators: object,
    *,
    labels: Sequence[str] | str | None = None,
    names: Sequence[str] | None = None,
    reference: Mapping[str, str] | None = None,
    measure: str = "logit",
    model: str = "glmm",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    data: pd.DataFrame | None = None,
) -> MetaRegression:
    """Regress the proportions of k studies on their characteristics.

    Parameters
    ----------
    events, n
        Participants with the event, and participants, shape (k,); or names of columns of `data`.
    moderators, labels, names, reference, data
        As in `meta_regression`.
    measure
        logit (the only one of the binomial-normal model), arcsine or raw.
    model
        `glmm`: the binomial-normal model, by maximum likelihood, without continuity correction; or an inverse-variance
        model of effect sizes: common, dl, pm, reml, ml.
    ci
        `wald` or `hksj`. For the glmm `hksj` means t and F with k - p degrees of freedom around the same standard
        errors.
        Default: wald for glmm and common, else hksj.
    level
        Level of the intervals.
    hksj_floor
        As in `meta_regression`; for the inverse-variance models, since the glmm does not scale its standard errors.

    Returns
    -------
    MetaRegression
        Coefficients on the model's scale, such as log odds; `predict_proportion` gives proportions.

    Raises
    ------
    ValueError
        As `meta_regression`; and for the glmm where a combination of moderators has no events, or events only.

    Examples
    --------
    >>> phase = {"phase": ["late", "late", "early", "early"]}
    >>> fit = regress_proportions([2, 3, 8, 9], [20, 20, 20, 20], phase, reference={"phase": "late"})
    >>> [round(row.estimate, 3) for row in fit.predict_proportion({"phase": ["late", "early"]})]
    [0.125, 0.425]
    """
    events, n, labels = columns_of(data, events=events, n=n, labels=labels)
    moderators = moderator_columns(moderators, data)
    check_choice("measure", measure, REGRESSION_MEASURES)
    check_choice("model", model, ("glmm", *EFFECT_MODELS))
    ci = check_effect_interval(model, ci) if model != "glmm" else check_choice("ci", "wald" if ci is None else ci, EFFECT_CI)
    check_level(level)
    x, size, labels = check_counts(events, n, labels)
    if model == "glmm":
        if measure != "logit":
            raise ValueError(f"measure = {measure!r}: the binomial-normal model (glmm) works on the logit; use measure='logit'.")
        design, X, notes = build_design(moderators, labels, names=names, reference=reference)
        return _binomial(x, size, X, design, labels, ci=ci, level=level, notes=notes)
    effects = effects_of_counts(x, size, measure)
    return meta_regression(
        effects.yi,
        effects.vi,
        moderators,
        labels=labels,
        names=names,
        reference=reference,
        model=model,
        ci=ci,
        level=level,
        hksj_floor=hksj_floor,
        measure=measure,
    )


def _binomial(
    x: np.ndarray,
    n: np.ndarray,
    X: np.ndarray,
    design: Design,
    labels: Sequence[str],
    *,
    ci: str,
    level: float,
    notes: tuple[str, ...],
) -> MetaRegression:
    k, p = X.shape
    found = fit_binomial_regression(x, n, X)
    mean = fit_binomial_regression(x, n, np.ones((k, 1))) if p > 1 else None
    without = None if mean is None else mean.tau2
    effects = effects_of_counts(x, n, "logit")
    typical = float(typical_variance(effects.vi, orthonormal_basis(X)))
    own = float(stats.binom.logpmf(x, n, x / n).sum())  # each study at its own proportion
    fit = LinearFit(
        beta=found.beta,
        bread=found.covariance,
        tau2=np.asarray(found.tau2),
        s2w=np.asarray(1.0),
        q=np.asarray(max(0.0, 2 * (own - found.loglik_common))),
        i2=np.asarray(100 * found.tau2 / (found.tau2 + typical)),
        h2=np.asarray(found.tau2 / typical + 1),
        df=k - p,
    )
    share = expit(X @ found.beta)
    return assemble(
        effects.yi,
        # Weights go by the information of a study at its fitted proportion, so that studies without events have theirs.
        1 / (n * share * (1 - share)),
        X,
        fit,
        design,
        labels,
        without=without,
        r2=None if not without else max(0.0, 100 * (without - found.tau2) / without),
        model="glmm",
        ci=ci,
        level=level,
        notes=(*notes, *cautions(X, design, without, "glmm")),
        measure="logit",
        likelihood_ratio=_likelihood_ratio(found, mean, p),
    )


def _likelihood_ratio(found: BinomialRegressionFit, mean: BinomialRegressionFit | None, p: int) -> ModeratorTest | None:
    if mean is None:
        return None
    statistic = max(0.0, 2 * (found.loglik - mean.loglik))
    return ModeratorTest("all moderators by likelihood ratio", statistic, p - 1, None, float(stats.chi2.sf(statistic, p - 1)))
