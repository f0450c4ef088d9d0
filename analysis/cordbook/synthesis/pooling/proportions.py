"""Pooling of single proportions: one call from counts to a result.

Which average? A model on the logit (the GLMM, and effect sizes by default) has the proportion of the **median study** for its parameter; the
**population average**, the mean over studies, is that of "1 in 100 patients". Where events are rare and studies differ they lie apart by
a factor of 2 to 10 (Zeger, Liang and Albert 1988), so every result carries both and says which one it reports. The beta-binomial model has
the population average for its parameter, and less bias than the GLMM for events under 5% (Ma, Chu and Mazumdar 2016).

Which model? The binomial-normal GLMM is the default. Effect sizes need a correction for studies without events, and treat
variances as known that depend on the very proportion which is estimated; both bias the result when studies are small or
events rare (Stijnen, Hamza and Özdemir 2010; Lin and Chu 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, expit

from cordbook.synthesis.between_studies.heterogeneity import h2_of, i2_of, typical_variance
from cordbook.synthesis.checks import FEWEST, check_choice, check_counts, check_level, columns_of
from cordbook.synthesis.glmm import betabinomial, single_arm
from cordbook.synthesis.glmm.search import Optima, merged, second_optimum
from cordbook.synthesis.measures import (
    CORRECTED,
    CORRECTION,
    MEASURES,
    Back,
    back_transform,
    double_arcsine_notes,
    effects_of_counts,
)
from cordbook.synthesis.pooling.effect_average import AVERAGED, average_of_effects, check_average
from cordbook.synthesis.pooling.effects import (
    DEFAULT_CI,
    EFFECT_CI,
    EFFECT_MODELS,
    PREDICTIONS,
    critical_value,
    pool_effects,
    prediction_limits,
)
from cordbook.synthesis.results import (
    HETEROGENEITY,
    ModelScale,
    PooledEffect,
    PooledProportion,
    ProportionAverage,
    StudyProportion,
    as_records,
    heterogeneity_fields,
)

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

MODELS = (*EFFECT_MODELS, "glmm", "betabinomial")
# Models of the counts themselves, which need no effect size and are on the logit.
COUNT_MODELS = ("glmm", "betabinomial")
GLMM_CI = ("wald", "hksj", "profile", "profile-t")
BETABINOMIAL_CI = ("profile", "profile-t", "wald", "robust")
PROFILE_CI = ("profile", "profile-t")
AVERAGES = ("median", "population")
# The interval of the population average beside that of the median study, where it is not of the same name.
DELTA_OF = {"wald": "delta", "hksj": "delta-t"}

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
    average: str | None = None,
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    tau2_interval: bool = True,
    corrected: str = "zero",
    both_averages: bool = True,
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
        Scale of the effect sizes: "logit", "arcsine", "double-arcsine" or "raw" (see `measures`). The GLMM and the beta-binomial are on
        the logit.
    model : str
        "glmm" (binomial-normal, maximum likelihood), "betabinomial" (maximum likelihood), "common", or random effects with tau2 by "dl",
        "pm", "reml" or "ml".
    average : str, optional
        Which average is the result's ``estimate``: "median", the proportion of the median study, or "population", the mean over studies.
        Not given: that of the model's parameter, "population" for the beta-binomial and "median" for the others. Both are carried.
    ci : str, optional
        "wald", "hksj" (not for the beta-binomial), for the GLMM and the beta-binomial "profile" and "profile-t" (see Notes), and for the
        beta-binomial "robust" (sandwich errors and normal quantiles). Beside the GLMM "hksj" means t quantiles with k - 1 degrees of freedom
        and the unscaled standard error (metafor's ``test = "t"``). Not given: `pooling.DEFAULT_CI` of the model.
    level : float
        Confidence level, between 0 and 1.
    hksj_floor : bool
        Keep the Hartung-Knapp scale from falling below 1, as in `pool_effects` (the GLMM has no such scale).
    prediction : str
        Quantile of the prediction interval, as in `pool_effects`: "auto" is normal beside "wald" and t with k - 1 degrees
        of freedom beside "hksj", "profile" and "profile-t". Beside the last two the interval contains that of the estimate
        (`pooling.effects.prediction_limits`).
    tau2_interval : bool
        Whether the interval of tau2 (profile likelihood for the GLMM, else Q-profile), and with it those of I-squared and
        H-squared, is wanted; it takes as long as the fit. They are None when it is not.
    corrected : str
        Which studies have 1/2 added to events and non-events, where effect sizes on the logit or raw scale are pooled: "zero", those that
        counted no event or nothing else, or "all" (metafor's ``to``). Other models and measures need no correction.
    both_averages : bool
        Whether the beta-binomial carries the median study beside the population average, its parameter; the interval of that median takes
        longer than all else. Not when False and the population average is asked for; ``median_study`` is then None.
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
        For unknown words, a level outside 0 to 1, columns that ``data`` lacks, counts that `check_counts` refuses, or the population
        average of the double arcsine, which has none.

    Notes
    -----
    The population average of the GLMM is the integral of expit(mu + tau z) over a standard normal z. Beside "profile" and "profile-t" its
    interval is by profile likelihood with the same cut, beside "wald" and "hksj" by the delta method on its log-odds.

    The beta-binomial has `rho` in place of tau2. Its median study is the median of the fitted beta distribution, with a profile likelihood
    interval whatever ``ci``. It has no prediction interval: quantiles of the fitted beta would leave out that it is estimated.

    "profile" ends where twice the log-likelihood, maximised over tau2, has fallen by the quantile of chi-squared with 1
    degree of freedom; with few studies it covers too rarely. "profile-t", the default of the GLMM and our own, lets it fall by ``k log(1 +
    t^2 / (k - 1))`` instead, t the ``(1 + level) / 2`` quantile of Student's distribution with k - 1 degrees of freedom. That
    is exact for the mean of k normal values with unknown variance, and tends to the former as k grows. The interval of tau2
    is plain profile likelihood beside either.

    When no participant, or every one, had the event, the GLMM has no maximum. The estimate is then 0 (or 1), and the limit
    is exact and binomial: the proportion at which a sample of all participants together would show no event with
    probability ``(1 - level) / 2`` (Clopper and Pearson 1934; for 0 of 252 the upper 95% limit is 1.45%). It assumes one
    proportion in all studies. If proportions differ little between studies it remains an upper limit of their mean to a close
    approximation while studies are small beside 1 / p, since the chance of no event then depends on the mean alone, and it
    lies above the limit of their median. Where they differ much it falls short of the mean: with 27 small studies, a mean of
    1% and rho = 0.1 the interval covered in 84% of simulated data sets (benchmarks/results/coverage_averages.csv). tau2 is not estimable.

    Sources: Stijnen, Hamza and Özdemir 2010 (GLMM); Ma, Chu and Mazumdar 2016, PMC5010877 (beta-binomial, rare events); Zeger, Liang and
    Albert 1988 (marginal and conditional means), Lin and Chu 2020, PMC7398826, and metapreg of Nyaga and Arbyn (population average of
    the GLMM); Clopper and Pearson 1934; Hanley and Lippman-Hand 1983 (no events).

    Examples
    --------
    >>> pooled = pool_proportions([4, 7, 2], [20, 30, 25], labels=["Levi 2019", "Okada 2020", "Curt 2021"])
    >>> pooled.k, pooled.events, pooled.n
    (3, 13, 75)
    >>> rare = pool_proportions([0, 0, 1, 13], [300, 250, 400, 29], average="population")
    >>> rare.estimate == rare.population_average.estimate, rare.estimate > 10 * rare.median_study.estimate
    (True, True)
    >>> none = pool_proportions([0, 0], [120, 132])
    >>> none.estimate, round(none.ci_high, 4)
    (0.0, 0.0145)
    """
    check_choice("measure", measure, MEASURES)
    check_choice("model", model, MODELS)
    method = check_interval(model, ci)
    which = check_choice_of_average(average, model, measure)
    check_choice("prediction", prediction, PREDICTIONS)
    check_choice("corrected", corrected, CORRECTED)
    check_level(level)
    if model in COUNT_MODELS and measure != "logit":
        raise ValueError(f"measure = {measure!r} does not go with model = {model!r}, which is on the logit; use measure='logit'.")
    events, n, labels = columns_of(data, events=events, n=n, labels=labels)
    x, size, names = check_counts(events, n, labels, min_studies=FEWEST["pool_proportions"])
    if model == "glmm":
        return _pool_by_likelihood(x, size, names, which, method, level, prediction, tau2_interval)
    if model == "betabinomial":
        return _pool_by_beta_binomial(x, size, names, which, method, level, both_averages or which == "median")
    return _pool_by_effects(
        x, size, names, measure, model, which, method, level, hksj_floor, prediction, tau2_interval, corrected
    )


def check_interval(model: str, ci: str | None) -> str:
    """Return the interval asked for, or that of the model when none is; refuse one that does not go with the model.

    Examples
    --------
    >>> check_interval("glmm", None), check_interval("betabinomial", None)
    ('profile-t', 'profile')
    """
    check_choice("model", model, MODELS)
    allowed = {"glmm": GLMM_CI, "betabinomial": BETABINOMIAL_CI}.get(model, EFFECT_CI)
    return check_choice("ci", DEFAULT_CI[model] if ci is None else ci, allowed)


def check_choice_of_average(average: str | None, model: str, measure: str = "logit") -> str:
    """Return the average asked for, or that of the model's parameter when none is; refuse one that the measure does not have.

    Examples
    --------
    >>> check_choice_of_average(None, "glmm"), check_choice_of_average(None, "betabinomial")
    ('median', 'population')
    """
    if average is None:
        return "population" if model == "betabinomial" else "median"
    check_average(check_choice("average", average, AVERAGES), measure)
    return average


def study_intervals(
    events: ArrayLike, n: ArrayLike, *, level: float = 0.95, data: pd.DataFrame | None = None
) -> tuple[Array, Array]:
    """Return the Clopper-Pearson limits of each study's own proportion, two arrays of shape (k,).

    Arguments of k values may be names of columns of ``data``, a table such as a DataFrame.

    Examples
    --------
    >>> low, high = study_intervals([0, 5], [10, 10])
    >>> low.round(4), high.round(4)
    (array([0.    , 0.1871]), array([0.3085, 0.8129]))
    """
    events, n = columns_of(data, events=events, n=n)
    x, size, _ = check_counts(events, n, min_studies=FEWEST["study_intervals"])
    tail = 0.5 * (1.0 - check_level(level))
    # As statsmodels' proportion_confint(method="beta"), which takes three times as long for its generic quantiles.
    with np.errstate(invalid="ignore"):
        low = np.where(x > 0, betaincinv(x, size - x + 1, tail), 0.0)
        high = np.where(x < size, betaincinv(x + 1, size - x, 1.0 - tail), 1.0)
    return low, high


def _reported(
    average: str,
    median: ProportionAverage | None,
    population: ProportionAverage | None,
    prediction: tuple[float | None, float | None] = (None, None),
) -> dict[str, Any]:
    """Return the fields of `PooledProportion` that hold the averages, the one of them that is reported, and where a new study may lie.

    A new study cannot be told more closely than the average over all studies. The interval of that average allows for how poorly few
    studies tell their spread, as the quantiles of the fitted spread do not, so the prediction interval ends no nearer than it does.
    """
    chosen = population if average == "population" and population is not None else median
    assert chosen is not None, "the average that is asked for was made"
    low, high = prediction
    if chosen is population and low is not None and high is not None:
        low, high = min(low, chosen.ci_low), max(high, chosen.ci_high)
    return {
        "pi_low": low,
        "pi_high": high,
        "estimate": chosen.estimate,
        "ci_low": chosen.ci_low,
        "ci_high": chosen.ci_high,
        "ci_method": chosen.ci_method,
        "average": average,
        "median_study": median,
        "population_average": population,
    }


def _averages_of_effects(
    back: Back, pooled: PooledEffect, measure: str, level: float
) -> tuple[ProportionAverage, ProportionAverage | None]:
    """Return the median study and the population average of pooled effects; the latter None where the measure has none."""
    estimate, low, high = (float(back(value)) for value in (pooled.estimate, pooled.ci_low, pooled.ci_high))
    median = ProportionAverage(estimate, low, high, pooled.ci_method)
    if measure not in AVERAGED:
        return median, None
    if measure == "raw" or pooled.model == "common":
        return median, median
    weight = 1.0 / (np.array([study.se for study in pooled.studies]) ** 2 + pooled.tau2)
    critical = critical_value(level, pooled.df)
    of_tau2 = 2.0 / float(weight @ weight)
    found = average_of_effects(measure, pooled.estimate, pooled.se, pooled.tau2, of_tau2, critical)
    return median, ProportionAverage(*found, DELTA_OF[pooled.ci_method])


def _pool_by_effects(
    x: IntArray,
    size: IntArray,
    names: Sequence[str],
    measure: str,
    model: str,
    average: str,
    method: str,
    level: float,
    hksj_floor: bool,
    prediction: str,
    tau2_interval: bool,
    corrected: str,
) -> PooledProportion:
    sizes = effects_of_counts(x, size, measure, corrected)
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
    if sizes.corrected and corrected == "all":
        notes.append(f"{CORRECTION} was added to the events and non-events of every study.")
    elif sizes.corrected:
        notes.append(
            f"{sizes.corrected} of {x.size} studies had no events, or events only, and were given {CORRECTION} more events "
            f"and non-events, which draws the estimate towards one half; the GLMM needs no correction."
        )
    if measure == "double-arcsine":
        notes.extend(double_arcsine_notes(pooled.estimate, x, size))
        notes.append(
            "The double arcsine has no population average: its way back leads through a sample size that is not any study's; "
            "use the GLMM."
        )
    back = back_transform(measure, size)
    scale = ModelScale(pooled.estimate, pooled.se, pooled.ci_low, pooled.ci_high, pooled.pi_low, pooled.pi_high)
    return PooledProportion(
        **_reported(
            average,
            *_averages_of_effects(back, pooled, measure, level),
            (_proportion(back, scale.pi_low), _proportion(back, scale.pi_high)),
        ),
        model_scale=scale,
        **heterogeneity_fields(pooled),
        k=pooled.k,
        events=int(x.sum()),
        n=int(size.sum()),
        model=model,
        measure=measure,
        level=float(level),
        studies=_study_records(names, x, size, np.array([study.weight for study in pooled.studies]), level),
        notes=tuple(notes),
    )


def _pool_by_likelihood(
    x: IntArray,
    size: IntArray,
    names: Sequence[str],
    average: str,
    method: str,
    level: float,
    prediction: str,
    tau2_interval: bool,
) -> PooledProportion:
    counts = x.astype(float), size.astype(float)
    fit, peak = single_arm.fit_counts(*counts)
    if peak is None:
        return _pool_without_maximum("glmm", fit.status, fit.mean_proportion, x, size, names, average, level)
    mu, se, tau2 = _located(fit.mu, fit.se, fit.tau2)
    k = fit.k
    df = None if method == "wald" else k - 1
    ends = single_arm.limits_of_peak(
        *counts, peak, level, of_mu=method in PROFILE_CI, of_tau2=tau2_interval, small_sample=method == "profile-t"
    )
    if method in PROFILE_CI:
        low, high = ends.mu_low, ends.mu_high
    else:
        reach = critical_value(level, df) * se
        low, high = mu - reach, mu + reach
    own = (low, high) if method in PROFILE_CI else None
    pi = prediction_limits(mu, se, tau2, model="glmm", k=k, df=df, prediction=prediction, level=level, ends=own)
    typical = typical_variance(effects_of_counts(x, size, "logit").vi)
    p = float(expit(mu))
    median = ProportionAverage(p, float(expit(low)), float(expit(high)), method)
    population, mean_ends = _population_average(*counts, peak, method, level, df)
    # p (1 - p), written so that it does not vanish where p rounds to 1.
    weight = 1.0 / (1.0 / (size * (p * float(expit(-mu)))) + tau2)
    return PooledProportion(
        **_reported(average, median, population, (_proportion(expit, pi[0]), _proportion(expit, pi[1]))),
        model_scale=ModelScale(mu, se, _finite(low), _finite(high), *map(_finite, pi)),
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
        level=float(level),
        studies=_study_records(names, x, size, 100.0 * weight / weight.sum(), level),
        notes=(
            *_likelihood_notes(
                fit, x, size, names, p, {"median study": (low, high), "population average": mean_ends}, ends.tau2_high
            ),
            *_second_peak_note(second_optimum(merged(*counts), peak), fit),
        ),
    )


def _population_average(
    x: Array, n: Array, peak: Optima, method: str, level: float, df: int | None
) -> tuple[ProportionAverage, tuple[float, float]]:
    """Return the population average of the GLMM by the method of the median's interval, and the limits of its logit."""
    profile = method in PROFILE_CI
    at, low, high = single_arm.average_limits(
        x, n, peak, level, profile=profile, small_sample=method == "profile-t", reach=critical_value(level, df)
    )
    name = method if profile else DELTA_OF[method]
    return ProportionAverage(float(at.mean[0]), float(expit(low)), float(expit(high)), name), (low, high)


def _second_peak_note(other: tuple[float, float, float] | None, fit: single_arm.BinomialNormalFit) -> list[str]:
    if other is None:
        return []
    mu, tau, height = other
    gap = fit.loglik - (height + fit.constant)
    return [
        f"The likelihood has two peaks: the one reported (median study {expit(fit.mu):.4g}, tau2 {fit.tau2:.3g}), and another where the median "
        f"study is {expit(mu):.4g}, tau2 {tau * tau:.3g} and the population average {single_arm.mean_proportion(mu, tau):.4g}, whose log-likelihood is "
        f"{abs(gap):.2g} lower; look at the studies themselves before the average."
    ]


def _pool_by_beta_binomial(
    x: IntArray, size: IntArray, names: Sequence[str], average: str, method: str, level: float, with_median: bool
) -> PooledProportion:
    counts = x.astype(float), size.astype(float)
    fit, surface = betabinomial.fit_counts(*counts)
    if surface is None:
        return _pool_without_maximum("betabinomial", fit.status, fit.mean, x, size, names, average, level)
    eta, model_se, robust_se = _located(fit.eta, fit.se, fit.robust_se)
    (rho,) = _located(fit.rho)
    best = fit.peaks[0]
    cut = single_arm.profile_cut(level, fit.k if method == "profile-t" else None)
    if method in PROFILE_CI:
        low, high = betabinomial.limits_of_mean(surface, best, cut)
    else:
        reach = critical_value(level, None) * (robust_se if method == "robust" else model_se)
        low, high = eta - reach, eta + reach
    population = ProportionAverage(fit.mean, float(expit(low)), float(expit(high)), method)
    median = None
    if with_median:
        of_median = betabinomial.limits_of_median(surface, best, cut)
        median = ProportionAverage(fit.median, *of_median, method if method in PROFILE_CI else "profile")
    test = single_arm.one_proportion_test(*counts)
    weight = size / (1.0 + (size - 1.0) * rho)
    se = robust_se if method == "robust" else model_se
    return PooledProportion(
        **_reported(average, median, population),
        model_scale=ModelScale(eta, se, _finite(low), _finite(high)),
        **_NO_SPREAD,
        q=test.q,
        q_df=test.df,
        q_p=test.p,
        k=fit.k,
        events=int(x.sum()),
        n=int(size.sum()),
        model="betabinomial",
        measure="logit",
        level=float(level),
        studies=_study_records(names, x, size, 100.0 * weight / weight.sum(), level),
        notes=_beta_binomial_notes(fit, x, names),
        rho=rho,
    )


def _beta_binomial_notes(fit: betabinomial.BetaBinomialFit, x: IntArray, names: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if fit.status == "boundary":
        notes.append("The likelihood is highest at rho = 0, so the beta-binomial is the common binomial model here.")
    if len(fit.peaks) > 1:
        shown = " and ".join(
            f"mean {expit(peak.eta):.4g} with rho {peak.rho:.3g} (log-likelihood {peak.loglik - fit.peaks[0].loglik:.3g} beside it)"
            for peak in fit.peaks[1:]
        )
        notes.append(
            f"The likelihood has {len(fit.peaks)} peaks: the highest, mean {fit.mean:.4g} with rho {fit.rho:.3g}, is reported; another is at {shown}."
        )
    if fit.flat:
        notes.append(
            f"The data hardly say how much studies differ: the 95% likelihood interval of rho holds 0 and {betabinomial.WIDE_RHO:g}."
        )
    notes.extend(_dominance_note(x, names))
    return tuple(notes)


_NO_SPREAD: dict[str, Any] = {name: None for name in HETEROGENEITY if not name.startswith("q")}


def _pool_without_maximum(
    model: str,
    status: str,
    share: float,
    x: IntArray,
    size: IntArray,
    names: Sequence[str],
    average: str,
    level: float,
) -> PooledProportion:
    """Return the limiting estimate, of both averages, and an exact interval where the likelihood has no maximum."""
    k, some, total = x.size, int(x.sum()), int(size.sum())
    likelihood, spread = ("GLMM", "tau2") if model == "glmm" else ("beta-binomial model", "rho")
    if status == "separated":
        with_events = int((x > 0).sum())
        low, high = study_intervals([with_events], [k], level=level)
        note = (
            f"Every study has either no events or events only ({with_events} of {k} studies with events only), so the "
            f"likelihood of the {likelihood} rises without end with {spread} and has no maximum. In that limit a study counts as "
            "one draw: the estimate, of the median study and of the population average alike, is the share of studies with "
            f"events and the interval is exact (Clopper-Pearson) on the number of studies. {spread} is not estimable and there is "
            "no prediction interval."
        )
        weight = np.full(k, 100.0 / k)
    else:
        low, high = study_intervals([some], [total], level=level)
        what, end = ("No participant", "upper") if status == "no-events" else ("Every participant", "lower")
        note = (
            f"{what} had the event ({some} of {total} in {k} studies), so the {likelihood} has no maximum and {spread} is not "
            f"estimable; median study and population average are one. The {end} limit is exact (Clopper-Pearson, {50.0 * (1.0 + level):g}% one-sided) on the summed "
            "counts and assumes one proportion in all studies."
        )
        weight = 100.0 * size / total
    both = ProportionAverage(share, float(low[0]), float(high[0]), "exact")
    with np.errstate(divide="ignore"):
        scale = [float(np.log(p) - np.log1p(-p)) for p in map(np.float64, (both.estimate, both.ci_low, both.ci_high))]
    test = single_arm.one_proportion_test(x.astype(float), size.astype(float))
    return PooledProportion(
        **_reported(average, both, both),
        model_scale=ModelScale(_finite(scale[0]), None, _finite(scale[1]), _finite(scale[2])),
        **_NO_SPREAD,
        q=test.q,
        q_df=test.df,
        q_p=test.p,
        k=k,
        events=some,
        n=total,
        model=model,
        measure="logit",
        level=float(level),
        studies=_study_records(names, x, size, weight, level),
        notes=(note,),
    )


def _likelihood_notes(
    fit: single_arm.BinomialNormalFit,
    x: IntArray,
    size: IntArray,
    names: Sequence[str],
    p: float,
    limits: dict[str, tuple[float, float]],
    tau2_high: float,
) -> tuple[str, ...]:
    notes = []
    if fit.status == "boundary":
        notes.append("The likelihood is highest at tau2 = 0, so the GLMM is the common-effect binomial model here.")
        if size.max() == 1:
            notes.append("Every study has one participant, so differences between studies cannot be seen: tau2 = 0.")
    for average, ends in limits.items():
        for name, edge in zip(("a lower", "an upper"), ends, strict=True):
            if not np.isfinite(edge):
                notes.append(
                    f"The likelihood falls too slowly to give the interval of the {average} {name} limit; it ends at 0 or 1."
                )
    if np.isposinf(tau2_high):
        notes.append("The likelihood falls too slowly to give tau2 an upper limit.")
    notes.extend(_dominance_note(x, names))
    near, mean = min(p, 1.0 - p), min(fit.mean_proportion, 1.0 - fit.mean_proportion)
    (tau2,) = _located(fit.tau2)
    if tau2 > LARGE_TAU**2 or mean > MEAN_TO_MEDIAN * near:
        notes.append(
            f"Proportions differ widely between studies (tau2 {fit.tau2:.3g}): that of the median study is {p:.4g}, the population "
            f"average (the mean over studies) is {fit.mean_proportion:.4g}."
        )
    return tuple(notes)


def _dominance_note(x: IntArray, names: Sequence[str]) -> list[str]:
    total, top = int(x.sum()), int(np.argmax(x))
    silent = int((x == 0).sum())
    if not silent or x[top] <= DOMINANT_SHARE * total:
        return []
    return [
        f"{names[top]} holds {x[top]} of all {total} events while {silent} of {x.size} studies have none; look at the "
        "result without it (leave-one-out)."
    ]


def _study_records(names: Sequence[str], x: IntArray, size: IntArray, weight: Array, level: float) -> tuple[StudyProportion, ...]:
    low, high = study_intervals(x, size, level=level)
    columns = (x, size, x / size, low, high, weight)
    return as_records(StudyProportion, zip(names, *(column.tolist() for column in columns), strict=True))


def _proportion(back: Back, value: float | None) -> float | None:
    return None if value is None else float(back(value))


def _located(*values: float | None) -> tuple[float, ...]:
    """Return values of a fit that has a maximum, where none is missing."""
    found = tuple(value for value in values if value is not None)
    assert len(found) == len(values), "a likelihood with a maximum has its place, its curvature and its spread"
    return found


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
