"""Pooling of single proportions: one call from counts to a result.

Which model? The binomial-normal GLMM is the default. Effect sizes need a correction for studies without events, and treat
variances as known that depend on the very proportion which is estimated; both bias the result when studies are small or
events rare (Stijnen, Hamza and Özdemir 2010; Lin and Chu 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, chdtrc, expit

from cordbook.synthesis import glmm
from cordbook.synthesis.checks import check_choice, check_counts, check_level
from cordbook.synthesis.heterogeneity import h2_of, i2_of, typical_variance
from cordbook.synthesis.measures import (
    CORRECTION,
    MEASURES,
    back_transform,
    double_arcsine_notes,
    effects_of_counts,
)
from cordbook.synthesis.pooling import (
    DEFAULT_CI,
    EFFECT_CI,
    EFFECT_MODELS,
    PREDICTIONS,
    critical_value,
    pool_effects,
    prediction_limits,
)
from cordbook.synthesis.results import ModelScale, PooledProportion, StudyProportion, as_records

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

MODELS = (*EFFECT_MODELS, "glmm")
GLMM_CI = ("wald", "hksj", "profile", "profile-t")
PROFILE_CI = ("profile", "profile-t")

# A study that holds more than this share of all events decides the estimate; with at least one study without events beside
# it the reader should see the result without it.
DOMINANT_SHARE = 0.5
# Above this tau the studies' proportions spread over so many orders of magnitude (a factor of 50 in the odds for one
# standard deviation) that the median and the mean study say different things.
LARGE_TAU = 4.0
# When the mean over studies is this many times the median (counted from the nearer end, 0 or 1), both are told.
MEAN_TO_MEDIAN = 1.5


def pool_proportions(
    events: ArrayLike | str,
    n: ArrayLike | str,
    *,
    labels: Sequence[object] | str | None = None,
    measure: str = "logit",
    model: str = "glmm",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = False,
    prediction: str = "auto",
    tau2_interval: bool = True,
    data: pd.DataFrame | None = None,
) -> PooledProportion:
    """Pool the proportions of single groups.

    Parameters
    ----------
    events, n : array_like of int, shape (k,), or names of columns of ``data``
        Participants with the event, and participants; at least two studies.
    labels : sequence of str, shape (k,), or the name of a column, optional
        Names of the studies.
    measure : str
        Scale of the effect sizes: "logit", "arcsine", "double-arcsine" or "raw" (see `measures`). The GLMM is on the logit.
    model : str
        "glmm" (binomial-normal, maximum likelihood), "common", or random effects with tau2 by "dl", "pm", "reml" or "ml".
    ci : str, optional
        "wald", "hksj" or, for the GLMM, "profile" and "profile-t" (see Notes). Beside the GLMM "hksj" means t quantiles with k - 1 degrees of freedom
        and the unscaled standard error (metafor's ``test = "t"``). Not given: `pooling.DEFAULT_CI` of the model.
    level : float
        Confidence level, between 0 and 1.
    hksj_floor : bool
        Keep the Hartung-Knapp scale from falling below 1 (not for the GLMM).
    prediction : str
        Quantile of the prediction interval, as in `pool_effects`: "auto" is normal beside "wald" and t with k - 1 degrees
        of freedom beside "hksj", "profile" and "profile-t". Beside the last two the interval contains that of the estimate
        (`pooling.prediction_limits`).
    tau2_interval : bool
        Whether the interval of tau2 (profile likelihood for the GLMM, else Q-profile), and with it those of I-squared and
        H-squared, is wanted; it takes as long as the fit. They are None when it is not.
    data : DataFrame, optional
        When given, ``events``, ``n`` and ``labels`` are the names of its columns.

    Returns
    -------
    PooledProportion
        Its model scale is that of ``measure``. The weights of a GLMM are shares of ``1 / (1 / (n p (1 - p)) + tau2)``, the
        information that a study gives on mu, with p the fitted median proportion.

    Raises
    ------
    ValueError
        For unknown words, a level outside 0 to 1, columns that ``data`` lacks, or counts that `check_counts` refuses.

    Notes
    -----
    "profile" ends where twice the log-likelihood, maximised over tau2, has fallen by the quantile of chi-squared with 1
    degree of freedom; with few studies it covers too rarely. "profile-t", the default of the GLMM, lets it fall by ``k log(1 +
    t^2 / (k - 1))`` instead, t the ``(1 + level) / 2`` quantile of Student's distribution with k - 1 degrees of freedom. That
    is exact for the mean of k normal values with unknown variance, and tends to the former as k grows. The interval of tau2
    is plain profile likelihood beside either.

    When no participant, or every one, had the event, the GLMM has no maximum. The estimate is then 0 (or 1), and the limit
    is exact and binomial: the proportion at which a sample of all participants together would show no event with
    probability ``(1 - level) / 2`` (Clopper and Pearson 1934; for 0 of 252 the upper 95% limit is 1.45%). It assumes one
    proportion in all studies. If proportions differ between studies it remains an upper limit of their mean to a close
    approximation while studies are small beside 1 / p, since the chance of no event then depends on the mean alone, and it
    lies above the limit of their median. tau2 is not estimable.

    Sources: Stijnen, Hamza and Özdemir 2010 (GLMM); Clopper and Pearson 1934; Hanley and Lippman-Hand 1983 (no events).

    Examples
    --------
    >>> pooled = pool_proportions([4, 7, 2], [20, 30, 25], labels=["Levi 2019", "Okada 2020", "Curt 2021"])
    >>> pooled.k, pooled.events, pooled.n
    (3, 13, 75)
    >>> none = pool_proportions([0, 0], [120, 132])
    >>> none.estimate, round(none.ci_high, 4)
    (0.0, 0.0145)
    """
    check_choice("measure", measure, MEASURES)
    check_choice("model", model, MODELS)
    method = check_choice("ci", DEFAULT_CI[model] if ci is None else ci, GLMM_CI if model == "glmm" else EFFECT_CI)
    check_choice("prediction", prediction, PREDICTIONS)
    check_level(level)
    if model == "glmm" and measure != "logit":
        raise ValueError(f"measure = {measure!r} does not go with model = 'glmm', which is on the logit; use 'logit'.")
    x, size, names = check_counts(*_columns(events, n, labels, data))
    if model == "glmm":
        return _pool_by_likelihood(x, size, names, method, level, prediction, tau2_interval)
    return _pool_by_effects(x, size, names, measure, model, method, level, hksj_floor, prediction, tau2_interval)


def study_intervals(events: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> tuple[Array, Array]:
    """Return the Clopper-Pearson limits of each study's own proportion, two arrays of shape (k,).

    Examples
    --------
    >>> low, high = study_intervals([0, 5], [10, 10])
    >>> low.round(4), high.round(4)
    (array([0.    , 0.1871]), array([0.3085, 0.8129]))
    """
    x, size = np.asarray(events), np.asarray(n)
    tail = 0.5 * (1.0 - check_level(level))
    # As statsmodels' proportion_confint(method="beta"), which takes three times as long for its generic quantiles.
    with np.errstate(invalid="ignore"):
        low = np.where(x > 0, betaincinv(x, size - x + 1, tail), 0.0)
        high = np.where(x < size, betaincinv(x + 1, size - x, 1.0 - tail), 1.0)
    return low, high


def _columns(events, n, labels, data):
    if data is None:
        for name, value in (("events", events), ("n", n)):
            if isinstance(value, str):
                raise ValueError(f"{name} = {value!r} is the name of a column, but no data were given; pass data=.")
        return events, n, labels
    wanted = {"events": events, "n": n} | ({} if labels is None else {"labels": labels})
    missing = [f"{name} = {column!r}" for name, column in wanted.items() if column not in data.columns]
    if missing:
        raise ValueError(f"{', '.join(missing)}: no such column in data; its columns are {', '.join(map(str, data.columns))}.")
    return data[events], data[n], None if labels is None else data[labels].tolist()


def _pool_by_effects(x, size, names, measure, model, method, level, hksj_floor, prediction, tau2_interval) -> PooledProportion:
    sizes = effects_of_counts(x, size, measure)
    pooled = pool_effects(
        sizes.yi,
        sizes.vi,
        labels=names,
        model=model,
        ci=method,
        level=level,
        hksj_floor=hksj_floor,
        prediction=prediction,
        tau2_interval=tau2_interval,
    )
    notes = list(pooled.notes)
    if sizes.corrected:
        notes.append(
            f"{sizes.corrected} of {x.size} studies had no events, or events only, and were given {CORRECTION} more events "
            f"and non-events, which draws the estimate towards one half; the GLMM needs no correction."
        )
    if measure == "double-arcsine":
        notes.extend(double_arcsine_notes(pooled.estimate, x, size))
    back = back_transform(measure, size)
    scale = ModelScale(pooled.estimate, pooled.se, pooled.ci_low, pooled.ci_high, pooled.pi_low, pooled.pi_high)
    return PooledProportion(
        estimate=_proportion(back, scale.estimate),
        ci_low=_proportion(back, scale.ci_low),
        ci_high=_proportion(back, scale.ci_high),
        pi_low=_proportion(back, scale.pi_low),
        pi_high=_proportion(back, scale.pi_high),
        model_scale=scale,
        tau2=pooled.tau2,
        tau2_ci_low=pooled.tau2_ci_low,
        tau2_ci_high=pooled.tau2_ci_high,
        i2=pooled.i2,
        i2_ci_low=pooled.i2_ci_low,
        i2_ci_high=pooled.i2_ci_high,
        h2=pooled.h2,
        h2_ci_low=pooled.h2_ci_low,
        h2_ci_high=pooled.h2_ci_high,
        q=pooled.q,
        q_df=pooled.q_df,
        q_p=pooled.q_p,
        k=pooled.k,
        events=int(x.sum()),
        n=int(size.sum()),
        model=model,
        measure=measure,
        ci_method=pooled.ci_method,
        level=float(level),
        studies=_study_records(names, x, size, np.array([study.weight for study in pooled.studies]), level),
        notes=tuple(notes),
    )


def _pool_by_likelihood(x, size, names, method, level, prediction, tau2_interval) -> PooledProportion:
    counts = x.astype(float), size.astype(float)
    fit, peak = glmm.fit_counts(*counts)
    if peak is None:
        return _pool_without_maximum(fit, x, size, names, level)
    k, tau2 = fit.k, fit.tau2
    df = None if method == "wald" else k - 1
    ends = glmm.limits_of_peak(
        *counts, peak, level, of_mu=method in PROFILE_CI, of_tau2=tau2_interval, small_sample=method == "profile-t"
    )
    if method in PROFILE_CI:
        low, high = ends.mu_low, ends.mu_high
    else:
        reach = critical_value(level, df) * fit.se
        low, high = fit.mu - reach, fit.mu + reach
    own = (low, high) if method in PROFILE_CI else None
    pi = prediction_limits(fit.mu, fit.se, tau2, model="glmm", k=k, df=df, prediction=prediction, level=level, ends=own)
    typical = typical_variance(effects_of_counts(x, size, "logit").vi)
    p = float(expit(fit.mu))
    # p (1 - p), written so that it does not vanish where p rounds to 1.
    weight = 1.0 / (1.0 / (size * (p * float(expit(-fit.mu)))) + tau2)
    return PooledProportion(
        estimate=p,
        ci_low=float(expit(low)),
        ci_high=float(expit(high)),
        pi_low=_proportion(expit, pi[0]),
        pi_high=_proportion(expit, pi[1]),
        model_scale=ModelScale(fit.mu, fit.se, _finite(low), _finite(high), *map(_finite, pi)),
        tau2=tau2,
        tau2_ci_low=_finite(ends.tau2_low),
        tau2_ci_high=_finite(ends.tau2_high),
        i2=i2_of(tau2, typical),
        i2_ci_low=_finite(i2_of(ends.tau2_low, typical)),
        i2_ci_high=100.0 if np.isposinf(ends.tau2_high) else _finite(i2_of(ends.tau2_high, typical)),
        h2=h2_of(tau2, typical),
        h2_ci_low=_finite(h2_of(ends.tau2_low, typical)),
        h2_ci_high=_finite(h2_of(ends.tau2_high, typical)),
        q=fit.q,
        q_df=fit.q_df,
        q_p=fit.q_p,
        k=k,
        events=int(x.sum()),
        n=int(size.sum()),
        model="glmm",
        measure="logit",
        ci_method=method,
        level=float(level),
        studies=_study_records(names, x, size, 100.0 * weight / weight.sum(), level),
        notes=_likelihood_notes(fit, x, size, names, p, low, high, ends.tau2_high),
    )


def _pool_without_maximum(fit, x, size, names, level) -> PooledProportion:
    """Return the limiting estimate and an exact interval where the likelihood of the GLMM has no maximum."""
    k, some, total = fit.k, int(x.sum()), int(size.sum())
    if fit.status == "separated":
        with_events = int((x > 0).sum())
        low, high = study_intervals([with_events], [k], level=level)
        note = (
            f"Every study has either no events or events only ({with_events} of {k} studies with events only), so the "
            "likelihood of the GLMM rises without end with tau2 and has no maximum. In that limit a study counts as one "
            "draw: the estimate is the share of studies with events and the interval is exact (Clopper-Pearson) on the "
            "number of studies. tau2 is not estimable and there is no prediction interval."
        )
        weight = np.full(k, 100.0 / k)
    else:
        low, high = study_intervals([some], [total], level=level)
        what, end = ("No participant", "upper") if fit.status == "no-events" else ("Every participant", "lower")
        note = (
            f"{what} had the event ({some} of {total} in {k} studies), so the GLMM has no maximum and tau2 is not "
            f"estimable. The {end} limit is exact (Clopper-Pearson, {50.0 * (1.0 + level):g}% one-sided) on the summed "
            "counts and assumes one proportion in all studies."
        )
        weight = 100.0 * size / total
    ends = float(low[0]), float(high[0])
    with np.errstate(divide="ignore"):
        scale = [float(np.log(p) - np.log1p(-p)) for p in (np.float64(fit.mean_proportion), *map(np.float64, ends))]
    q_p = float(chdtrc(k - 1, fit.q))
    return PooledProportion(
        estimate=fit.mean_proportion,
        ci_low=ends[0],
        ci_high=ends[1],
        pi_low=None,
        pi_high=None,
        model_scale=ModelScale(_finite(scale[0]), None, _finite(scale[1]), _finite(scale[2])),
        tau2=None,
        tau2_ci_low=None,
        tau2_ci_high=None,
        i2=None,
        i2_ci_low=None,
        i2_ci_high=None,
        h2=None,
        h2_ci_low=None,
        h2_ci_high=None,
        q=fit.q,
        q_df=fit.q_df,
        q_p=q_p,
        k=k,
        events=some,
        n=total,
        model="glmm",
        measure="logit",
        ci_method="exact",
        level=float(level),
        studies=_study_records(names, x, size, weight, level),
        notes=(note,),
    )


def _likelihood_notes(fit, x, size, names, p, low, high, tau2_high) -> tuple[str, ...]:
    notes = []
    if fit.status == "boundary":
        notes.append("The likelihood is highest at tau2 = 0, so the GLMM is the common-effect binomial model here.")
        if size.max() == 1:
            notes.append("Every study has one participant, so differences between studies cannot be seen: tau2 = 0.")
    for name, edge in (("lower", low), ("upper", high)):
        if not np.isfinite(edge):
            notes.append(f"The likelihood falls too slowly to give the interval a {name} limit; it ends at 0 or 1.")
    if np.isposinf(tau2_high):
        notes.append("The likelihood falls too slowly to give tau2 an upper limit.")
    total, top = int(x.sum()), int(np.argmax(x))
    silent = int((x == 0).sum())
    if silent and x[top] > DOMINANT_SHARE * total:
        notes.append(
            f"{names[top]} holds {x[top]} of all {total} events while {silent} of {fit.k} studies have none; look at the "
            "result without it (leave-one-out)."
        )
    near, mean = min(p, 1.0 - p), min(fit.mean_proportion, 1.0 - fit.mean_proportion)
    if fit.tau2 > LARGE_TAU**2 or mean > MEAN_TO_MEDIAN * near:
        notes.append(
            f"Proportions differ widely between studies (tau2 {fit.tau2:.3g}): the estimate {p:.4g} is that of the median "
            f"study, the mean over studies is {fit.mean_proportion:.4g}."
        )
    return tuple(notes)


def _study_records(names, x: IntArray, size: IntArray, weight: Array, level: float) -> tuple[StudyProportion, ...]:
    low, high = study_intervals(x, size, level=level)
    columns = (x, size, x / size, low, high, weight)
    return as_records(StudyProportion, zip(names, *(column.tolist() for column in columns), strict=True))


def _proportion(back, value: float | None) -> float | None:
    return None if value is None else float(back(value))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
