"""Inverse-variance pooling of effect sizes.

Words: ``yi`` and ``vi`` are effect sizes and sampling variances; weights are ``1 / (vi + tau2)``.

Sources: DerSimonian and Laird 1986; Hartung and Knapp 2001, Sidik and Jonkman 2002 (the t interval with the scaled
variance); Knapp and Hartung 2003, Röver, Knapp and Friede 2015, Jackson et al. 2017 (that scale is kept from falling below 1);
Higgins, Thompson and Spiegelhalter 2009 (prediction interval, with k - 2 degrees of freedom; k - 1, our default beside Hartung-Knapp,
is metafor's convention).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from cordbook.synthesis.between_studies.heterogeneity import heterogeneity
from cordbook.synthesis.between_studies.tau2 import TAU2_METHODS, estimate_tau2
from cordbook.synthesis.checks import FEWEST, check_choice, check_effects, check_level, columns_of
from cordbook.synthesis.results import PooledEffect, StudyEffect, as_records, heterogeneity_fields

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

EFFECT_MODELS = ("common", *TAU2_METHODS)
EFFECT_CI = ("wald", "hksj")
PREDICTIONS = ("auto", "normal", "k-1", "k-2")

# A weighted residual mean square is near 1 when effects differ by chance alone; below this it is rounding error.
EXACT_FIT = 1e-20

# The interval that a model gets when none is asked for. Hartung-Knapp for random effects: the Wald interval covers too
# rarely when studies are few (IntHout, Ioannidis and Borm 2014). For the GLMM of proportions the profile likelihood cut for the
# number of studies, for the same reason; that cut is our own (`glmm.single_arm.profile_cut`).
DEFAULT_CI = {
    "common": "wald",
    "dl": "hksj",
    "pm": "hksj",
    "reml": "hksj",
    "ml": "hksj",
    "glmm": "profile-t",
    "betabinomial": "profile",
}


def check_effect_interval(model: str, ci: str | None) -> str:
    """Return the interval asked for, or that of the model when none is; refuse a model or an interval that effects do not have.

    Examples
    --------
    >>> check_effect_interval("reml", None), check_effect_interval("reml", "wald")
    ('hksj', 'wald')
    """
    check_choice("model", model, EFFECT_MODELS)
    return check_choice("ci", DEFAULT_CI[model] if ci is None else ci, EFFECT_CI)


def pool_effects(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    tau2_interval: bool = True,
    data: pd.DataFrame | None = None,
) -> PooledEffect:
    """Pool effect sizes by inverse variance.

    Parameters
    ----------
    yi : array_like, shape (k,)
        Effect sizes, on a scale where they are about normal (logit, log odds ratio, ...).
    vi : array_like, shape (k,)
        Sampling variances.
    labels : sequence of str, shape (k,), optional
        Names of the studies.
    model : str
        "common", or random effects with tau2 by "dl", "pm", "reml" or "ml".
    ci : str, optional
        "wald" (normal quantiles) or "hksj" (Hartung-Knapp-Sidik-Jonkman: variance scaled by the generalised Q over
        ``k - 1``, t quantiles with ``k - 1`` degrees of freedom). Not given: `DEFAULT_CI` of the model.
    level : float
        Confidence level, between 0 and 1.
    hksj_floor : bool
        Whether the scale of "hksj" is kept from falling below 1 (`linear_model.hksj_factor`), so that the interval is never shorter
        than that of the common-effect model. True is metafor's ``test="adhoc"``, False its ``test="knha"``; without the floor a
        note says so where the interval is shorter.
    prediction : str
        Quantile of the prediction interval: "normal", t with "k-1" or "k-2" degrees of freedom, or "auto": normal beside
        "wald" and t with k - 1 beside "hksj", which is what metafor's ``predict`` does. "k-2" is the proposal of Higgins
        et al. 2009.
    tau2_interval : bool
        Whether the Q-profile interval of tau2, and with it those of I-squared and H-squared, is wanted; it takes as long as the
        fit. They are None when it is not. Test-based intervals of a common-effect model are given either way.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Returns
    -------
    PooledEffect

    Raises
    ------
    ValueError
        For unknown words, a level outside 0 to 1, or effect sizes that `check_effects` refuses.

    Examples
    --------
    >>> pooled = pool_effects([0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06], model="dl", ci="wald")
    >>> round(pooled.estimate, 4), round(pooled.tau2, 4)
    (0.3486, 0.2319)
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    method = check_effect_interval(model, ci)
    check_choice("prediction", prediction, PREDICTIONS)
    check_level(level)
    y, v, names = check_effects(yi, vi, labels, min_studies=FEWEST["pool_effects"])
    k = y.size

    notes: list[str] = []
    if k == 1:
        notes.append("There is one study, so the pooled effect is that study's own and tau2 cannot be estimated.")
        if method == "hksj":
            method = "wald"
            notes.append("The Hartung-Knapp interval needs two studies; the Wald interval is given instead.")
    tau2 = 0.0 if model == "common" else float(estimate_tau2(model, y, v))
    spread = heterogeneity(y, v, None if model == "common" else tau2, level=level, interval=tau2_interval)

    w = 1.0 / (v + tau2)
    total = float(w.sum())
    estimate = float(w @ y) / total
    se = total**-0.5
    if method == "hksj":
        # Equal effects can leave a scale of rounding only, which would pass for a very short interval.
        rss = float(w @ (y - estimate) ** 2) if np.ptp(y) > 0.0 else 0.0
        se *= float(np.sqrt(hksj_factor(rss, k - 1, floor=hksj_floor)))
    df = k - 1 if method == "hksj" else None
    reach = critical_value(level, df) * se
    if method == "hksj" and not hksj_floor:
        notes.extend(_narrow_notes(reach, v, level))
    pi = prediction_limits(estimate, se, spread.tau2, model=model, k=k, df=df, prediction=prediction, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = float(np.float64(estimate) / se)
    return PooledEffect(
        estimate=estimate,
        se=se,
        ci_low=estimate - reach,
        ci_high=estimate + reach,
        pi_low=pi[0],
        pi_high=pi[1],
        statistic=statistic,
        df=df,
        p=float(two_sided_p(statistic, df)),
        **heterogeneity_fields(spread),
        k=k,
        model=model,
        ci_method=method,
        level=float(level),
        studies=_study_effects(names, y, v, 100.0 * w / total, level),
        notes=tuple(notes),
    )


def hksj_factor(rss: ArrayLike, df: int, *, floor: bool) -> Array:
    """The factor by which Hartung and Knapp multiply a variance: the weighted residual mean square, shape (...).

    By chance effects can lie closer together than their own variances allow; then the factor is below 1 and the interval can be shorter
    than that of the common-effect model, which claims that studies do not differ at all. ``floor`` keeps it at 1 or above, as Knapp
    and Hartung (2003) proposed and Röver, Knapp and Friede (2015) and Jackson et al. (2017) recommend where studies are few. In
    metafor ``test="knha"`` has no floor, ``test="adhoc"`` has it. A factor of rounding error alone is 0.

    Examples
    --------
    >>> hksj_factor([1.0, 6.0], 2, floor=True), hksj_factor([1.0, 6.0], 2, floor=False)
    (array([1., 3.]), array([0.5, 3. ]))
    """
    mean_square = np.asarray(rss) / df
    factor = np.where(mean_square > EXACT_FIT, mean_square, 0.0)
    return np.maximum(factor, 1.0) if floor else factor


def critical_value(level: float, df: float | None) -> float:
    """Return the two-sided quantile of the normal distribution (``df`` None) or of t, whose degrees of freedom need not be whole.

    Examples
    --------
    >>> round(critical_value(0.95, None), 3), round(critical_value(0.95, 5), 3)
    (1.96, 2.571)
    """
    upper = 0.5 * (1.0 + level)
    return float(ndtri(upper) if df is None else stdtrit(df, upper))


def two_sided_p(statistic: Array | float, df: float | None) -> Array:
    """Return the two-sided p-values of statistics of any shape that are normal (``df`` None) or t under the null hypothesis.

    Examples
    --------
    >>> round(float(two_sided_p(1.959964, None)), 4)
    0.05
    """
    return 2.0 * (ndtr(-np.abs(statistic)) if df is None else stdtr(df, -np.abs(statistic)))


def prediction_limits(
    estimate: float,
    se: float,
    tau2: float,
    *,
    model: str,
    k: int,
    df: int | None,
    prediction: str = "auto",
    level: float = 0.95,
    ends: tuple[float, float] | None = None,
) -> tuple[float | None, float | None]:
    """Return the limits between which the true effect of a new study is expected; None for a common-effect model.

    ``estimate -+ quantile * sqrt(se^2 + tau2)``; ``df`` is that of the confidence interval and is used by "auto".

    Beside a confidence interval by profile likelihood, which need not be symmetric, ``ends`` are its limits and their distances from the
    estimate stand for ``quantile * se``, each on its side: ``estimate -+ sqrt((estimate - end)^2 + quantile^2 tau2)``. The two agree
    where the profile limits are those of Wald, and no prediction interval is narrower than its confidence interval (recovery of
    variance estimates from limits: Zou and Donner 2008, doi 10.1002/sim.3095).

    Examples
    --------
    >>> low, high = prediction_limits(0.0, 0.3, 0.16, model="reml", k=10, df=None)
    >>> round(low, 3), round(high, 3)
    (-0.98, 0.98)
    >>> low, high = prediction_limits(0.0, 0.3, 0.16, model="glmm", k=10, df=None, ends=(-0.9, 0.6))
    >>> round(low, 3), round(high, 3)
    (-1.194, 0.987)
    """
    quantile = None if model == "common" or k < 2 else prediction_quantile(prediction, k, df, level)
    if quantile is None:
        return None, None
    if ends is not None:
        spread = quantile * float(np.sqrt(tau2))
        return estimate - float(np.hypot(estimate - ends[0], spread)), estimate + float(np.hypot(ends[1] - estimate, spread))
    reach = quantile * float(np.sqrt(se * se + tau2))
    return estimate - reach, estimate + reach


def narrower_than_common(reach: float, vi: ArrayLike, level: float) -> bool:
    """Whether an interval of half width ``reach`` is narrower than that of the common-effect model.

    Examples
    --------
    >>> narrower_than_common(0.3, [0.1, 0.1], 0.95), narrower_than_common(0.5, [0.1, 0.1], 0.95)
    (True, False)
    """
    return reach < critical_value(level, None) * float(np.sum(1.0 / np.asarray(vi))) ** -0.5


def prediction_quantile(prediction: str, k: int, df: int | None, level: float) -> float | None:
    """The quantile of a prediction interval of k studies beside a confidence interval with ``df``; None for t without degrees of freedom.

    Examples
    --------
    >>> round(prediction_quantile("k-2", 4, 3, 0.95), 3), prediction_quantile("k-2", 2, 1, 0.95)
    (4.303, None)
    """
    chosen = {"auto": df, "normal": None, "k-1": k - 1, "k-2": k - 2}[prediction]
    return None if chosen == 0 else critical_value(level, chosen)


def _narrow_notes(reach: float, v: Array, level: float) -> tuple[str, ...]:
    """What is said of a Hartung-Knapp interval without its floor where it claims more than the common-effect model."""
    if reach == 0.0:
        return ("All effect sizes are equal, so the Hartung-Knapp interval has no width; use hksj_floor=True, or ci='wald'.",)
    if narrower_than_common(reach, v, level):
        return (
            "The Hartung-Knapp interval is narrower than that of the common-effect model, which assumes that studies do not differ; "
            "use hksj_floor=True.",
        )
    return ()


def _study_effects(names: tuple[str, ...], y: Array, v: Array, weight: Array, level: float) -> tuple[StudyEffect, ...]:
    se = np.sqrt(v)
    reach = critical_value(level, None) * se
    columns = (y, se, y - reach, y + reach, weight)
    return as_records(StudyEffect, zip(names, *(column.tolist() for column in columns), strict=True))
