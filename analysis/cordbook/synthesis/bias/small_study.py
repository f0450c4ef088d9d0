"""Small-study effects: do small studies show other effects than large ones?

They can come from unpublished results, but also from poorer methods, other patients, or chance; no test tells these
apart.

Which test for which data
-------------------------
Two arms, odds ratio: `peters_test` or `arcsine_test`. Egger's test of log odds ratios is too often positive, because a
log odds ratio and its standard error depend on each other through the counts (Peters 2006; Rücker 2008).
Two arms, risk difference or a mean: `egger_test`.
Single proportions: `proportion_size_test` and a funnel plot against the sample size. The standard error of a logit
grows as the proportion nears 0 or 1, so a funnel of logits against standard errors is skewed without any bias (Hunter
2014). A proportion has no null value that a result must beat to be published, so asymmetry speaks of differences
between small and large studies rather than of selection by significance.

References
----------
Egger, Davey Smith, Schneider and Minder (1997), BMJ 315, 629-634.
Peters, Sutton, Jones, Abrams and Rushton (2006), JAMA 295, 676-680.
Rücker, Schwarzer and Carpenter (2008), Statistics in Medicine 27, 746-763.
Hunter, Saratzis, Sutton, Boucher, Sayers and Bown (2014), Journal of Clinical Epidemiology 67, 897-903.
Sterne et al. (2011), BMJ 343, d4002: recommendations; at least ten studies.
Moreno et al. (2009), BMC Medical Research Methodology 9, 2: the intercept as the effect of an infinitely large study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from cordbook.synthesis.checks import FEWEST, check_choice, check_counts, check_effects, check_level, columns_of
from cordbook.synthesis.measures import proportion_effects
from cordbook.synthesis.pooling.effects import EFFECT_MODELS, critical_value, two_sided_p
from cordbook.synthesis.regression.linear_model import LinearFit, check_model, check_spread, fit_linear, weighted_least_squares
from cordbook.synthesis.regression.moderators import scaled_rank
from cordbook.synthesis.regression.proportion_regression import regress_proportions
from cordbook.synthesis.results import Result, number
from cordbook.synthesis.two_arm import check_two_arm_counts, effects_of_tables

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

Predictor = Literal["se", "variance", "n", "1/n", "1/sqrt(n)"]
SIZE: Predictor = "1/sqrt(n)"
PREDICTORS = ("se", "variance", "n", "1/n", "1/sqrt(n)")
DISPERSIONS = ("multiplicative", "additive")

# Sterne 2011: with fewer studies the power is too low to tell chance from real asymmetry.
RECOMMENDED_STUDIES = 10


@dataclass(frozen=True, slots=True)
class SmallStudyTest(Result):
    """Result of a regression test of small-study effects.

    `slope` is the change of the effect for one unit of the predictor; `statistic`, `df` (None: normal) and `p` test
    that it is 0.
    `limit` is the effect at predictor 0, that of an infinitely large study, None for the predictor n. `tau2` is None
    where heterogeneity enters as a factor (multiplicative) rather than as a variance.
    """

    test: str
    statistic: float
    df: int | None
    p: float
    slope: float
    slope_se: float
    limit: float | None
    limit_ci_low: float | None
    limit_ci_high: float | None
    tau2: float | None
    predictor: str
    k: int
    level: float
    notes: tuple[str, ...] = ()

    def _lines(self) -> list[str]:
        kind = "z" if self.df is None else f"t (df {self.df})"
        lines = [f"{self.test} ({self.k} studies): {kind} {number(self.statistic)}, p {number(self.p)}"]
        if self.limit is not None:
            lines.append(
                f"  effect of an infinitely large study {number(self.limit)} "
                f"({self.level * 100:g}% CI {number(self.limit_ci_low)} to {number(self.limit_ci_high)})"
            )
        return lines


def egger_test(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    n: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
    predictor: Predictor = "se",
    dispersion: Literal["multiplicative", "additive"] = "multiplicative",
    model: str = "reml",
    ci: str = "wald",
    level: float = 0.95,
    hksj_floor: bool = True,
    data: pd.DataFrame | None = None,
) -> SmallStudyTest:
    """Egger's regression test of funnel plot asymmetry, and its variants.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,).
    n
        Sample sizes, shape (k,); needed by the predictors that use them.
    predictor
        What effects are regressed on: se (Egger 1997), variance, n, 1/n or 1/sqrt(n).
    dispersion
        `multiplicative`: weighted least squares with the residual mean square as a factor, a t test with k - 2 degrees
        of freedom; this is the test as Egger published it (metafor: `regtest(model="lm")`). `additive`: mixed-effects
        meta-regression with tau2 (`regtest(model="rma")`).
    model, ci
        How tau2 is estimated, and wald or hksj; for the additive form only.
    level
        Level of the interval of the limit.
    hksj_floor
        As in `meta_regression`, beside hksj of the additive form; the multiplicative form takes the factor as it is.
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        Fewer than 3 studies, n missing, or a predictor that does not vary.

    Examples
    --------
    >>> found = egger_test([0.2, 0.3, 0.5, 0.9, 1.0], [0.01, 0.02, 0.06, 0.2, 0.3])
    >>> found.df, round(found.statistic, 2), round(found.p, 4), round(found.limit, 3)
    (3, 20.6, 0.0003, 0.015)
    """
    yi, vi, n, labels = columns_of(data, yi=yi, vi=vi, n=n, labels=labels)
    check_level(level)
    check_choice("predictor", predictor, PREDICTORS)
    check_choice("dispersion", dispersion, DISPERSIONS)
    check_model(model, ci)
    yi, vi, labels = check_effects(yi, vi, labels, min_studies=FEWEST["egger_test"])
    X = np.column_stack([np.ones_like(yi), _predictor_values(predictor, vi, n, labels)])
    if scaled_rank(X) < 2:
        raise ValueError(f"{predictor} is the same in all studies, so there are no small and large ones to compare.")
    additive = dispersion == "additive"
    interval = ci if additive else "hksj"
    fit = fit_linear(yi, vi, X, model=model if additive else "common", ci=interval, hksj_floor=additive and hksj_floor)
    check_spread(fit, interval)
    name = "Egger's test" if predictor == "se" else f"Regression test on {predictor}"
    name = f"{name}, {dispersion} dispersion"
    return _from_fit(name, fit, predictor, interval, level, len(yi), tau2=float(fit.tau2) if additive else None)


def peters_test(
    events1: Sequence[int],
    n1: Sequence[int],
    events2: Sequence[int],
    n2: Sequence[int],
    *,
    labels: Sequence[str] | None = None,
    level: float = 0.95,
    data: pd.DataFrame | None = None,
) -> SmallStudyTest:
    """Peters' test for odds ratios: log odds ratio on 1/n, weighted by events times non-events over n.

    Studies without events, or without non-events, in both arms have weight 0 and are left out; 1/2 is added to the
    cells of other studies with an empty cell. A t test with k - 2 degrees of freedom. Shapes (k,). Raises ValueError
    for counts that cannot be, or fewer than 3 studies.

    Arguments of k values may be names of columns of ``data``, a table such as a DataFrame.

    Examples
    --------
    >>> events1, n1 = [4, 6, 3, 62, 33], [123, 306, 231, 13598, 5069]
    >>> events2, n2 = [11, 29, 11, 248, 47], [139, 303, 220, 12867, 5808]
    >>> found = peters_test(events1, n1, events2, n2)
    >>> found.df, round(found.p, 3)
    (3, 0.948)
    """
    events1, n1, events2, n2, labels = columns_of(data, events1=events1, n1=n1, events2=events2, n2=n2, labels=labels)
    check_level(level)
    counts = check_two_arm_counts(events1, n1, events2, n2, labels, min_studies=FEWEST["peters_test"])
    kept = counts.select(~counts.is_uninformative)
    notes: tuple[str, ...] = ()
    if kept.k < counts.k:
        out = ", ".join(label for label, bad in zip(counts.labels, counts.is_uninformative, strict=True) if bad)
        notes = (f"Left out, since they say nothing of an odds ratio: {out}.",)
    if kept.k < FEWEST["peters_test"]:
        needed = FEWEST["peters_test"]
        raise ValueError(f"Peters' test needs at least {needed} studies with events and non-events; there are {kept.k}.")
    yi, _ = effects_of_tables("OR", kept)
    total = (kept.n1 + kept.n2).astype(float)
    events = (kept.events1 + kept.events2).astype(float)
    X = np.column_stack([np.ones_like(total), 1 / total])
    if scaled_rank(X) < 2:
        raise ValueError("All studies have the same size, so there are no small and large ones to compare.")
    beta, bread, rss = weighted_least_squares(yi, events * (total - events) / total, X)
    df = kept.k - 2
    unknown = np.asarray(np.nan)
    fit = LinearFit(beta, bread, np.asarray(0.0), np.asarray(rss / df), np.asarray(rss), unknown, unknown, df)
    check_spread(fit, "hksj")
    result = _from_fit("Peters' test", fit, "1/n", "hksj", level, kept.k, tau2=None)
    return replace(result, notes=notes + result.notes)


def arcsine_test(
    events1: Sequence[int],
    n1: Sequence[int],
    events2: Sequence[int],
    n2: Sequence[int],
    *,
    labels: Sequence[str] | None = None,
    dispersion: Literal["multiplicative", "additive"] = "additive",
    model: str = "dl",
    level: float = 0.95,
    data: pd.DataFrame | None = None,
) -> SmallStudyTest:
    """Rücker's arcsine test: Egger's test of differences of arcsines, whose variance does not depend on the events.

    The effect of a study is asin(sqrt(p1)) - asin(sqrt(p2)) with variance 1/(4 n1) + 1/(4 n2), so studies without
    events need no correction and stay in. `additive` (a mixed model; Rücker's recommendation under heterogeneity) or
    `multiplicative`. Shapes (k,). Raises ValueError for counts that cannot be, or fewer than 3 studies.

    Arguments of k values may be names of columns of ``data``, a table such as a DataFrame.

    Examples
    --------
    >>> events1, n1 = [4, 6, 3, 62, 33], [123, 306, 231, 13598, 5069]
    >>> events2, n2 = [11, 29, 11, 248, 47], [139, 303, 220, 12867, 5808]
    >>> found = arcsine_test(events1, n1, events2, n2)
    >>> round(found.p, 3)
    0.139
    """
    events1, n1, events2, n2, labels = columns_of(data, events1=events1, n1=n1, events2=events2, n2=n2, labels=labels)
    counts = check_two_arm_counts(events1, n1, events2, n2, labels, min_studies=FEWEST["arcsine_test"])
    yi = np.arcsin(np.sqrt(counts.events1 / counts.n1)) - np.arcsin(np.sqrt(counts.events2 / counts.n2))
    vi = 1 / (4 * counts.n1) + 1 / (4 * counts.n2)
    result = egger_test(yi, vi, labels=counts.labels, dispersion=dispersion, model=model, level=level)
    return replace(result, test=f"Arcsine test, {dispersion} dispersion")


def proportion_size_test(
    events: Sequence[int],
    n: Sequence[int],
    *,
    labels: Sequence[str] | None = None,
    model: str = "glmm",
    ci: str = "hksj",
    level: float = 0.95,
    hksj_floor: bool = True,
    data: pd.DataFrame | None = None,
) -> SmallStudyTest:
    """Do small studies report other proportions than large ones? Single proportions regressed on 1/sqrt(n).

    Parameters
    ----------
    events, n
        Participants with the event, and participants, shape (k,).
    model
        `glmm`: binomial-normal regression of the counts; the statistic is the signed root of the likelihood ratio,
        about normal. Otherwise (common, dl, pm, reml, ml) Egger's mixed-effects test of arcsines, whose variance 1/(4
        n) does not depend on the proportion; with fewer than about five events or non-events expected in a study
        arcsines are biased, the more the smaller the study, and this form is too often positive.
    ci
        wald or hksj, for the arcsine form only.
    hksj_floor
        As in `meta_regression`, for the arcsine form.
    level
        Level of the interval of the limit, which is a logit for the glmm (Wald interval) and else an arcsine.
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        Counts that cannot be, fewer than 3 studies, studies of one size, or no events (or events only) in all.

    Examples
    --------
    >>> found = proportion_size_test([9, 7, 20, 33, 40], [10, 10, 40, 80, 120])
    >>> found.slope > 0, found.p < 0.05
    (True, True)
    """
    events, n, labels = columns_of(data, events=events, n=n, labels=labels)
    check_level(level)
    check_choice("model", model, ("glmm", *EFFECT_MODELS))
    events, n, labels = check_counts(events, n, labels, min_studies=FEWEST["proportion_size_test"])
    if len(set(n.tolist())) == 1:
        raise ValueError("All studies have the same size, so there are no small and large ones to compare.")
    if events.sum() in (0, n.sum()):
        what = "No participant" if events.sum() == 0 else "Every participant"
        raise ValueError(
            f"{what} had the event in any study, so small and large studies do not differ; there is nothing to test."
        )
    if model == "glmm":
        result = _size_test_of_counts(events, n, labels, level)
    else:
        effects = proportion_effects(events, n, "arcsine")
        result = egger_test(
            effects.yi,
            effects.vi,
            n=n,
            labels=labels,
            predictor=SIZE,
            dispersion="additive",
            model=model,
            ci=ci,
            level=level,
            hksj_floor=hksj_floor,
        )
    note = "A proportion has no null value: asymmetry shows that small studies differ, not that results went unpublished."
    return replace(result, test="Size test of proportions", notes=(*result.notes, note))


def _size_test_of_counts(events: np.ndarray, n: np.ndarray, labels: Sequence[str], level: float) -> SmallStudyTest:
    fit = regress_proportions(events, n, {SIZE: 1 / np.sqrt(n)}, labels=labels, level=level)
    limit, slope = fit.coefficients
    ratio = fit.likelihood_ratio
    assert ratio is not None, "a glmm with a moderator has a likelihood ratio"
    statistic = float(np.copysign(np.sqrt(ratio.statistic), slope.estimate))
    ends = (limit.estimate, limit.ci_low, limit.ci_high)
    return SmallStudyTest(
        "", statistic, None, ratio.p, slope.estimate, slope.se, *ends, fit.tau2, SIZE, fit.k, level, _few_studies(fit.k)
    )


def _predictor_values(predictor: str, vi: np.ndarray, n: ArrayLike | None, labels: Sequence[str]) -> np.ndarray:
    if predictor in ("se", "variance"):
        return np.sqrt(vi) if predictor == "se" else vi
    if n is None:
        raise ValueError(f"predictor = {predictor!r} needs the sample sizes: give n.")
    size = np.asarray(n, dtype=float)
    if size.shape != vi.shape:
        raise ValueError(f"n has shape {size.shape} for {len(vi)} studies; give one sample size for each study.")
    wrong = [
        f"{label}: n = {value:g}" for label, value in zip(labels, size, strict=True) if not (np.isfinite(value) and value > 0)
    ]
    if wrong:
        raise ValueError(f"Sample sizes must be above 0: {'; '.join(wrong)}.")
    return {"n": size, "1/n": 1 / size, "1/sqrt(n)": 1 / np.sqrt(size)}[predictor]


def _from_fit(
    name: str, fit: LinearFit, predictor: str, interval: str, level: float, k: int, *, tau2: float | None
) -> SmallStudyTest:
    df = fit.df if interval == "hksj" else None
    intercept, slope = fit.beta.tolist()
    intercept_se, slope_se = fit.se.tolist()
    half = critical_value(level, df) * intercept_se
    ends: tuple[float | None, float | None, float | None]
    ends = (None, None, None) if predictor == "n" else (intercept, intercept - half, intercept + half)
    statistic = slope / slope_se
    p = float(two_sided_p(statistic, df))
    return SmallStudyTest(name, statistic, df, p, slope, slope_se, *ends, tau2, predictor, k, level, _few_studies(k))


def _few_studies(k: int) -> tuple[str, ...]:
    if k >= RECOMMENDED_STUDIES:
        return ()
    return (f"{k} studies are fewer than the {RECOMMENDED_STUDIES} that tests of asymmetry need to be of use (Sterne 2011).",)
