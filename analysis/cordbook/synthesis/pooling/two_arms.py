"""Two arms pooled over studies: `compare_arms`, one call for every measure and model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from cordbook.synthesis.checks import FEWEST, check_choice, check_level, columns_of
from cordbook.synthesis.glmm.two_arm import (
    OddsRatioGLMM,
    fit_tables,
    likelihood_ratio,
    profile_limits,
    saturated_statistic,
    study_weights,
)
from cordbook.synthesis.pooling.effects import DEFAULT_CI as OF_EFFECTS
from cordbook.synthesis.pooling.effects import EFFECT_CI, EFFECT_MODELS, pool_effects, prediction_limits
from cordbook.synthesis.pooling.mantel_haenszel import StratifiedEstimate, mantel_haenszel, peto
from cordbook.synthesis.pooling.two_arm_results import ComparedArms, StudyComparison
from cordbook.synthesis.results import CI_NAMES, HETEROGENEITY, ROUNDING_OF_ZERO, ModelScale, heterogeneity_fields
from cordbook.synthesis.two_arm import (
    CORRECTED,
    RATIO_MEASURES,
    TwoArmCounts,
    check_two_arm_counts,
    check_two_arm_measure,
    effects_of_tables,
    require_informative,
    score_interval_of_difference,
    to_effect_scale,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

TWO_ARM_MODELS = (*EFFECT_MODELS, "mh", "peto", "glmm")
DOUBLE_ZERO_CHOICES = ("keep", "drop")

# The interval of each model when none is asked for. Random-effects models estimate tau2 from few studies, which a Wald interval
# ignores (Hartung and Knapp 2001; IntHout, Ioannidis and Borm 2014); the likelihood of the GLMM is skewed, which it ignores too.
DEFAULT_CI = {**{model: OF_EFFECTS[model] for model in EFFECT_MODELS}, "mh": "wald", "peto": "wald", "glmm": "profile"}
ALLOWED_CI = dict.fromkeys(EFFECT_MODELS, EFFECT_CI) | {
    "mh": ("wald",),
    "peto": ("wald",),
    "glmm": ("wald", "profile"),
}
NO_WIDTH_NOTE = (
    "Every arm has no events or nothing but events, so the estimated standard error is 0 and the interval has no width: it says nothing "
    "of how precise the difference is."
)


def compare_arms(
    events1: ArrayLike | str,
    n1: ArrayLike | str,
    events2: ArrayLike | str,
    n2: ArrayLike | str,
    *,
    labels: Sequence[object] | str | None = None,
    measure: str = "OR",
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    double_zero: str | None = None,
    likelihood: str = "exact",
    prediction: str = "auto",
    corrected: str = "zero",
    data: pd.DataFrame | None = None,
) -> ComparedArms:
    """Pool the odds ratio, risk ratio or risk difference of two-arm studies.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like, shape (k,), or str
        Events and participants of arm 1 (treated) and arm 2 (control); names of columns if ``data`` is given.
    labels : sequence, length k, or str, optional
        Names of the studies, or the column that holds them.
    measure : {"OR", "RR", "RD"}
    model : str
        "common", "dl", "pm", "reml", "ml" (inverse variance); "mh" (Mantel-Haenszel); "peto" (odds ratio only); "glmm"
        (odds ratio only; hypergeometric-normal, the choice when events are rare or arms empty of them).
    ci : {"wald", "hksj", "profile"}, optional
        Wald for any model, Hartung-Knapp-Sidik-Jonkman for inverse variance, profile likelihood for the GLMM.
        By default "hksj" for dl, pm, reml and ml, "profile" for glmm, "wald" for the rest.
    level : float
        Coverage of the intervals, between 0 and 1.
    hksj_floor : bool
        Keep the Hartung-Knapp scale from falling below 1, as in `pool_effects`.
    double_zero : {"keep", "drop"}, optional
        What inverse variance does with studies that have no events (or nothing but events) in both arms. "drop" leaves them out, which
        is the default for ratios, as the Cochrane Handbook advises (chapter 10.4.4.1): they say nothing of the size of a ratio, and with a
        correction they claim that it is near 1. "keep" corrects and includes them: the default for differences, and metafor's for all
        measures. The other models need no choice: they take every study as it is, and one without a contrast adds nothing to an odds
        ratio.
    likelihood : {"exact", "approximate"}
        Of the GLMM: noncentral hypergeometric, or binomial for rare events.
    prediction : str
        Quantile of the prediction interval of a random-effects model: "auto", "normal", "k-1" or "k-2", as in `pool_effects`.
    corrected : {"zero", "all", "sizes"}
        What inverse variance adds to the cells: 1/2 where a study has a zero cell, 1/2 in every study (metafor's ``to = "all"``), or where a
        study has a zero cell one event in all, shared between the arms by their sizes (Sweeting, Sutton and Lambert 2004).
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Returns
    -------
    ComparedArms

    Raises
    ------
    ValueError
        For bad counts (naming study, value and remedy), fewer than two studies, choices that do not go together, or a ratio of studies
        none of which has both events and non-events.

    Notes
    -----
    Half an event is added to all four cells of a study with a zero cell, for inverse variance alone. Peto, Mantel-Haenszel and the
    GLMM pool the counts as they are. The rows of the single studies show what each study found, not what the correction makes of it: see
    `StudyComparison`. Limits of a risk difference end at -1 and 1; those of ``model_scale`` do not.

    Examples
    --------
    Table 15-1 of Rothman, Greenland and Lash (2008), Modern Epidemiology: deaths under tolbutamide and placebo, two age groups.

    >>> result = compare_arms([8, 22], [106, 98], [5, 16], [120, 85], measure="OR", model="mh", level=0.9)
    >>> print(f"{result.estimate:.2f} ({result.ci_low:.2f} to {result.ci_high:.2f})")
    1.40 (0.84 to 2.34)
    """
    events1, n1, events2, n2, labels = columns_of(data, events1=events1, n1=n1, events2=events2, n2=n2, labels=labels)
    measure, ci = check_comparison(measure, model, ci, level)
    double_zero = ("drop" if measure in RATIO_MEASURES else "keep") if double_zero is None else double_zero
    check_choice("double_zero", double_zero, DOUBLE_ZERO_CHOICES)
    check_choice("corrected", corrected, CORRECTED)
    counts = check_two_arm_counts(events1, n1, events2, n2, labels, min_studies=FEWEST["compare_arms"])
    if measure in RATIO_MEASURES:
        require_informative(counts, measure)
    if model == "glmm":
        return _compare_glmm(counts, ci, level, likelihood, prediction)
    if model in ("mh", "peto"):
        return _compare_stratified(counts, measure, model, level)
    options = {"model": model, "ci": ci, "level": level, "hksj_floor": hksj_floor, "prediction": prediction}
    return _compare_inverse_variance(counts, measure, double_zero, corrected, options)


def check_comparison(measure: str, model: str, ci: str | None, level: float) -> tuple[str, str]:
    """Check that measure, model, interval and level go together; return the measure in capitals and the interval's name.

    Raises
    ------
    ValueError
        Naming the choice and what is allowed with it.

    Examples
    --------
    >>> check_comparison("or", "glmm", None, 0.95)
    ('OR', 'profile')
    """
    measure = check_two_arm_measure(measure)
    check_choice("model", model, TWO_ARM_MODELS)
    check_level(level)
    if model in ("peto", "glmm") and measure != "OR":
        raise ValueError(f"model = {model!r} pools odds ratios only: use measure='OR', or model='mh' for measure={measure!r}.")
    ci = DEFAULT_CI[model] if ci is None else ci
    check_choice("ci", ci, tuple(CI_NAMES))
    if ci not in ALLOWED_CI[model]:
        allowed = " or ".join(f"ci={name!r}" for name in ALLOWED_CI[model])
        raise ValueError(f"ci = {ci!r} does not exist for model = {model!r}: use {allowed}.")
    return measure, ci


def _compare_inverse_variance(
    counts: TwoArmCounts, measure: str, double_zero: str, corrected: str, options: dict[str, Any]
) -> ComparedArms:
    dropped = counts.is_uninformative if double_zero == "drop" else np.zeros(counts.k, dtype=bool)
    used = counts.select(~dropped)
    if used.k < FEWEST["compare_arms"]:
        raise ValueError(
            f"{used.k} of {counts.k} studies {'has' if used.k == 1 else 'have'} both events and non-events, and {FEWEST['compare_arms']} are "
            f"needed to pool by inverse variance: use model='{'glmm' if measure == 'OR' else 'mh'}', which needs no correction, or "
            "measure='RD'; double_zero='keep' would take the other studies for evidence of no effect."
        )
    yi, vi = effects_of_tables(measure, used, corrected=corrected)
    pooled = pool_effects(yi, vi, labels=used.labels, **options)
    weights = np.zeros(counts.k)
    weights[~dropped] = [study.weight for study in pooled.studies]
    scale = ModelScale(pooled.estimate, pooled.se, pooled.ci_low, pooled.ci_high, pooled.pi_low, pooled.pi_high)
    heterogeneity = heterogeneity_fields(pooled)
    notes = pooled.notes + _zero_notes(counts, measure, double_zero, corrected)
    return _assemble(
        counts, measure, pooled.model, pooled.ci_method, pooled.level, scale, pooled.p, heterogeneity, weights, notes
    )


def _compare_stratified(counts: TwoArmCounts, measure: str, model: str, level: float) -> ComparedArms:
    pooled = peto(counts) if model == "peto" else mantel_haenszel(measure, counts)
    scale = _wald_scale(pooled.estimate, pooled.se, level)
    heterogeneity = _heterogeneity_of_q(pooled.q, pooled.q_df, pooled.q_p)
    notes = _no_say_notes(counts, measure)
    if pooled.se == 0:
        notes += (NO_WIDTH_NOTE,)
    return _assemble(counts, measure, model, "wald", level, scale, _wald_p(pooled), heterogeneity, pooled.weights, notes)


def _compare_glmm(counts: TwoArmCounts, ci: str, level: float, likelihood: str, prediction: str) -> ComparedArms:
    fit = fit_tables(counts, likelihood=likelihood)
    finite = bool(np.isfinite(fit.estimate))
    if ci == "wald" and finite:
        scale, ends = _wald_scale(fit.estimate, fit.se, level), None
        p = _wald_p(fit)
    else:
        low, high = profile_limits(counts, fit, level)
        scale, ends = ModelScale(fit.estimate, fit.se if finite else None, low, high), (low, high)
        p = float(stats.chi2.sf(likelihood_ratio(counts, fit, 0.0), 1)) if finite else None
        ci = "profile" if finite else "exact"
    if finite:
        df = None if ci == "wald" else fit.k - 1
        limits = prediction_limits(
            fit.estimate, fit.se, fit.tau2, model="glmm", k=fit.k, df=df, prediction=prediction, level=level, ends=ends
        )
        scale = replace(scale, pi_low=limits[0], pi_high=limits[1])
    q = saturated_statistic(counts, fit)
    q_df = max(fit.k - 1, 0)
    q_p = float(stats.chi2.sf(q, q_df)) if q_df else 1.0
    heterogeneity = _heterogeneity_of_q(q, q_df, q_p) | {"tau2": fit.tau2} | _i2_of_tau2(counts, fit.tau2)
    weights = study_weights(counts, fit)
    return _assemble(counts, "OR", "glmm", ci, level, scale, p, heterogeneity, weights, fit.notes + _no_say_notes(counts, "OR"))


def _heterogeneity_of_q(q: float, q_df: int, q_p: float) -> dict[str, Any]:
    """Heterogeneity of a common-effect method, from its Q alone (Higgins and Thompson 2002); no interval is defined for it."""
    found = dict.fromkeys(HETEROGENEITY) | {"tau2": 0.0, "q": q, "q_df": q_df, "q_p": q_p}
    if q_df:
        found |= {"h2": q / q_df, "i2": max(0.0, 100 * (q - q_df) / q) if q > 0 else 0.0}
    return found


def _i2_of_tau2(counts: TwoArmCounts, tau2: float) -> dict[str, float | None]:
    """I-squared and H-squared of a tau2, beside the typical sampling variance of the log odds ratios (metafor's ``rma.glmm``)."""
    _, vi = effects_of_tables("OR", counts.select(~counts.is_uninformative))
    if len(vi) < 2:
        return {"i2": None, "h2": None}
    wi = 1 / vi
    typical = (len(vi) - 1) * wi.sum() / (wi.sum() ** 2 - (wi**2).sum())
    return {"i2": 100 * tau2 / (tau2 + typical), "h2": tau2 / typical + 1}


def _wald_p(pooled: StratifiedEstimate | OddsRatioGLMM) -> float | None:
    return 2 * float(stats.norm.sf(abs(pooled.estimate / pooled.se))) if pooled.se > 0 else None


def _wald_scale(estimate: float, se: float, level: float) -> ModelScale:
    margin = float(stats.norm.ppf((1 + level) / 2)) * se
    return ModelScale(estimate, se, estimate - margin, estimate + margin)


def _assemble(
    counts: TwoArmCounts,
    measure: str,
    model: str,
    ci: str,
    level: float,
    scale: ModelScale,
    p: float | None,
    heterogeneity: dict[str, Any],
    weights: NDArray[np.float64],
    notes: tuple[str, ...],
) -> ComparedArms:
    total = {name: int(getattr(counts, name).sum()) for name in ("events1", "n1", "events2", "n2")}
    limits = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
    shown: dict[str, Any] = {name: to_effect_scale(measure, getattr(scale, name)) for name in limits}
    if measure == "RD":
        shown = {name: None if value is None else _as_difference(value) for name, value in shown.items()}
    return ComparedArms(
        **shown,
        model_scale=scale,
        p=p,
        **heterogeneity,
        k=counts.k,
        **total,
        events=total["events1"] + total["events2"],
        n=total["n1"] + total["n2"],
        model=model,
        measure=measure,
        ci_method=ci,
        level=level,
        studies=_studies(counts, measure, level, weights),
        notes=tuple(notes),
    )


def _as_difference(value: float) -> float:
    """A value as a difference of proportions: none outside -1 and 1, and 0 where it is 0 but for rounding."""
    return 0.0 if abs(value) < ROUNDING_OF_ZERO else min(max(value, -1.0), 1.0)


def _studies(counts: TwoArmCounts, measure: str, level: float, weights: NDArray[np.float64]) -> tuple[StudyComparison, ...]:
    if measure in RATIO_MEASURES:
        yi, vi = effects_of_tables(measure, counts)
        margin = stats.norm.ppf((1 + level) / 2) * np.sqrt(vi)
        effects = [np.exp(values) for values in (yi, yi - margin, yi + margin)]
        blank = np.full(counts.k, None, dtype=object)
        effects = [np.where(counts.is_uninformative, blank, values.astype(object)) for values in effects]
    else:
        effects = [counts.events1 / counts.n1 - counts.events2 / counts.n2, *score_interval_of_difference(counts, level)]
    columns = [counts.events1, counts.n1, counts.events2, counts.n2, *effects, weights]
    rows = zip(counts.labels, *(column.tolist() for column in columns), strict=True)
    return tuple(StudyComparison(*row) for row in rows)


def _zero_notes(counts: TwoArmCounts, measure: str, double_zero: str, way: str) -> tuple[str, ...]:
    notes = []
    uninformative = int(counts.is_uninformative.sum())
    dropped = uninformative if double_zero == "drop" else 0
    corrected = int(counts.has_zero_cell.sum()) - dropped
    if way == "all":
        notes.append("1/2 was added to the four cells of every study.")
    elif corrected:
        what = (
            "1/2 was added to the four cells"
            if way == "zero"
            else "One event in all, shared between the arms by their sizes, was added to the four cells"
        )
        notes.append(f"{what} of {_studies_text(corrected)} with a zero cell.")
    if dropped:
        notes.append(f"{_studies_text(dropped)} without events (or with nothing but events) in both arms left out.")
    elif uninformative:
        others = "Mantel-Haenszel and the GLMM need" if measure == "OR" else "Mantel-Haenszel needs"
        notes.append(
            f"{_studies_text(uninformative)} without events (or with nothing but events) in both arms kept, with the correction; "
            f"{others} none."
        )
    return tuple(notes)


def _no_say_notes(counts: TwoArmCounts, measure: str) -> tuple[str, ...]:
    if measure not in RATIO_MEASURES:
        return ()
    no_events = counts.events1 + counts.events2 == 0
    silent = int((counts.is_uninformative if measure == "OR" else no_events).sum())
    what = "events (or with nothing but events)" if measure == "OR" else "events"
    return (f"{_studies_text(silent)} without {what} in both arms: no say in the pooled ratio.",) if silent else ()


def _studies_text(count: int) -> str:
    return "1 study" if count == 1 else f"{count} studies"
