"""The same numbers by two engines: this package beside statsmodels, wherever statsmodels has the model.

What statsmodels has: exact intervals of single proportions, the common proportion by a binomial GLM, effect sizes of two arms,
Mantel-Haenszel, inverse variance with a common effect, DerSimonian-Laird and Paule-Mandel, each with Wald and Hartung-Knapp
intervals. It has no REML and no maximum likelihood of tau2, no binomial-normal model by maximum likelihood (its mixed model for counts is
Bayesian), no beta-binomial model and no pooled odds ratio of Peto. An estimate of such a model is compared by the nearest models that both have.

Conventions of statsmodels (0.14 and 0.15) that stand between the two, and what is done here so that like is compared with like:

- ``combine_effects(method_re="dl")`` does not cut tau2 at 0. Where it is negative its common-effect fields are the ones to read.
- Its Paule-Mandel stops at 1e-5 of the estimating equation and answers 0 where rounding takes that equation below 0. It is given
  a tight tolerance, which is loosened tenfold for as long as it answers 0 although Q exceeds k - 1.
- Its Hartung-Knapp ("HKSJ", "WLS") has no floor, and takes t quantiles with ``use_t=True`` alone; ours is asked for without the floor.
- ``effectsize_2proportions(zero_correction=0.5)`` adds 1/2 to the events of studies that have no zero cell too, but not to their
  sizes; it is given the corrected counts and no correction.
- ``StratifiedTable`` has a confidence interval for the pooled odds ratio and none for the risk ratio.

Differences are taken on the scale on which a reader sees them, of ratios on the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cordbook.synthesis.checks import FEWEST, check_counts, check_level, columns_of
from cordbook.synthesis.measures import CORRECTION, back_transform, effects_of_counts
from cordbook.synthesis.pooling.effects import critical_value
from cordbook.synthesis.pooling.mantel_haenszel import peto
from cordbook.synthesis.pooling.proportions import pool_proportions, study_intervals
from cordbook.synthesis.pooling.two_arms import compare_arms
from cordbook.synthesis.results import CI_NAMES, MODEL_NAMES, to_plain
from cordbook.synthesis.two_arm import RATIO_MEASURES, TwoArmCounts, check_two_arm_counts, effects_of_tables

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
# An estimate and its limits; None where an engine has none.
Limits = tuple[float | None, float | None, float | None]

#: The greatest difference that rounding explains: closed forms, and models that both engines iterate.
CLOSED_FORM, ITERATED = 1e-8, 1e-6
#: The pooled models that both engines have for effect sizes, with their intervals.
EFFECT_CHECKS = (("common", "wald"), ("dl", "wald"), ("dl", "hksj"), ("pm", "wald"), ("pm", "hksj"))
_PM_TOLERANCES = tuple(10.0**-power for power in range(10, 4, -1))
_EFFECT_SIZES = {"OR": "odds-ratio", "RR": "risk-ratio", "RD": "diff"}

NO_EQUIVALENT = {
    "reml": "statsmodels estimates tau2 by DerSimonian-Laird or Paule-Mandel, not by REML; Paule-Mandel is the nearest.",
    "ml": "statsmodels estimates tau2 by DerSimonian-Laird or Paule-Mandel, not by maximum likelihood; Paule-Mandel is the nearest.",
    "glmm": "statsmodels fits no binomial-normal model by maximum likelihood (its mixed model for counts is Bayesian). The nearest is "
    "DerSimonian-Laird, or, where a study has a zero cell, a model that needs no correction: one proportion (or odds ratio) in all studies.",
    "betabinomial": "statsmodels has no beta-binomial model. The nearest is DerSimonian-Laird, or, where a study has no or only events, a model "
    "that needs no correction: one proportion in all studies.",
    "peto": "statsmodels has no pooled odds ratio of Peto, but his test: the Mantel-Haenszel chi-squared is the square of Peto's estimate over its "
    "standard error.",
    "mh": "statsmodels has no Mantel-Haenszel risk difference; the common effect by inverse variance is the nearest.",
}
_NO_FLOOR = "statsmodels has no floor of the Hartung-Knapp variance, so both are compared without it."
_OF_COUNTS = ("glmm", "betabinomial")
_NEAREST = {"reml": "pm", "ml": "pm", "glmm": "dl", "betabinomial": "dl"}


class EngineValue(NamedTuple):
    """A number of one engine; the limits are None where the engine gives none."""

    label: str
    estimate: float
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class EngineCheck:
    """One model by both engines.

    key
        short name, unique in a comparison: "exact", "crude", "binomial", "effects", "common-wald", "dl-hksj", "mh", ...
    model, ci
        the model and the interval in words.
    scale
        "share", "ratio", "difference" or "statistic": what the values are.
    ours, theirs
        values of this package and of statsmodels; one pooled value, or one a study, in the order given.
    tolerance
        the greatest difference that rounding (`CLOSED_FORM`) or iteration (`ITERATED`) explains.
    """

    key: str
    model: str
    ci: str
    scale: str
    ours: tuple[EngineValue, ...]
    theirs: tuple[EngineValue, ...]
    tolerance: float

    @property
    def difference(self) -> float:
        """The greatest absolute difference of any estimate or limit; of ratios, of their logs."""
        pairs = [pair for one, other in zip(self.ours, self.theirs, strict=True) for pair in zip(one[1:], other[1:], strict=True)]
        return max(_apart(one, other, self.scale) for one, other in pairs if one is not None and other is not None)

    @property
    def agrees(self) -> bool:
        """Whether no difference is greater than rounding explains."""
        return self.difference <= self.tolerance


@dataclass(frozen=True, slots=True)
class EngineComparison:
    """An estimate by both engines.

    id, model
        the estimate and its declared model.
    same_model
        whether statsmodels has the declared model, so that ``shown`` is the estimate itself.
    reason
        where it has not: why, and which is the nearest; and whatever else keeps the two from being the same.
    shown
        key of the check that stands for the estimate: the declared model, or the nearest one that both have.
    checks
        every model that both engines computed, exact intervals of the studies first.
    left_out
        models that could not be computed from these counts, each with the reason.
    """

    id: str
    model: str
    same_model: bool
    reason: str
    shown: str
    checks: tuple[EngineCheck, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, key: str) -> EngineCheck:
        """A check by its key; ``KeyError`` names those that there are."""
        for check in self.checks:
            if check.key == key:
                return check
        raise KeyError(f"no check {key!r} of {self.id or 'this estimate'}; there are {', '.join(c.key for c in self.checks)}")

    @property
    def difference(self) -> float:
        """The greatest difference of all checks."""
        return max(check.difference for check in self.checks)

    @property
    def agrees(self) -> bool:
        """Whether every check agrees within its tolerance."""
        return all(check.agrees for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain numbers, text, lists and dictionaries, ready for JSON."""
        checks = [to_plain(check) | {"difference": check.difference, "agrees": check.agrees} for check in self.checks]
        return to_plain(self) | {"checks": checks, "difference": self.difference, "agrees": self.agrees}


def proportions_by_two_engines(
    events: ArrayLike,
    n: ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    measure: str = "logit",
    model: str = "glmm",
    ci: str | None = None,
    level: float = 0.95,
    id: str = "",
    data: pd.DataFrame | None = None,
) -> EngineComparison:
    """Compute everything of single proportions that this package and statsmodels both have.

    Parameters
    ----------
    events, n : array_like of int, shape (k,)
        Participants with the event, and participants; one study or more.
    labels : sequence of str, shape (k,), optional
    measure, model, ci
        The estimate as declared, in the words of `pool_proportions`; ``model`` may be "betabinomial" too.
    level : float
        Coverage of the intervals, between 0 and 1.
    id : str
        Name of the estimate, kept in the result.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For counts that `check_counts` refuses, or a level outside 0 to 1.

    Examples
    --------
    >>> found = proportions_by_two_engines([4, 7, 2], [20, 30, 25], model="dl", ci="hksj")
    >>> found.same_model, found.shown, found.agrees
    (True, 'dl-hksj', True)
    """
    events, n, labels = columns_of(data, events=events, n=n, labels=labels)
    x, size, names = check_counts(events, n, labels, min_studies=FEWEST["proportions_by_two_engines"])
    check_level(level)
    checks = [_exact("exact", "each study's own proportion", names, x, size, level)]
    left_out: list[tuple[str, str]] = []
    if len(x) > 1:
        checks.append(_exact("crude", "summed counts", ("all",), x.sum(keepdims=True), size.sum(keepdims=True), level))
        if 0 < x.sum() < size.sum():
            checks.append(_binomial(x, size, level))
        else:
            left_out.append(("common effect, binomial likelihood", "no or only events: the log odds are not finite."))
        # statsmodels has effect sizes of single proportions on the log odds alone, those of a GLM; others it takes from us.
        own = effects_of_counts(x, size, measure)
        theirs = _corrected_log_odds(x, size) if measure == "logit" else (own.yi, own.vi)
        if measure == "logit":
            checks.append(_log_odds_of_studies((own.yi, own.vi), theirs, names, size, level))
        checks += _pooled_proportions(x, size, measure, level, theirs)
    return _comparison(id, _declared_proportion(x, size, model, ci), checks, left_out)


def arms_by_two_engines(
    events1: ArrayLike,
    n1: ArrayLike,
    events2: ArrayLike,
    n2: ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    measure: str = "OR",
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    id: str = "",
    data: pd.DataFrame | None = None,
) -> EngineComparison:
    """Compute everything of two-arm studies that this package and statsmodels both have.

    Studies without events, or with nothing but events, in both arms are left out of ratios by inverse variance.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like of int, shape (k,)
        Events and participants of arm 1 (treated) and arm 2 (control); one study or more.
    labels : sequence of str, shape (k,), optional
    measure, model, ci
        The estimate as declared, in the words of `compare_arms`.
    level : float
        Coverage of the intervals, between 0 and 1.
    id : str
        Name of the estimate, kept in the result.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For counts that `check_two_arm_counts` refuses, or a level outside 0 to 1.

    Examples
    --------
    >>> found = arms_by_two_engines([8, 22], [106, 98], [5, 16], [120, 85], model="mh")
    >>> found.same_model, round(found["mh"].theirs[0].estimate, 2), found.agrees
    (True, 1.4, True)
    """
    events1, n1, events2, n2, labels = columns_of(data, events1=events1, n1=n1, events2=events2, n2=n2, labels=labels)
    counts = check_two_arm_counts(events1, n1, events2, n2, labels, min_studies=FEWEST["arms_by_two_engines"])
    check_level(level)
    names = tuple(f"{label}, arm {arm}" for arm in (1, 2) for label in counts.labels)
    events, sizes = np.r_[counts.events1, counts.events2], np.r_[counts.n1, counts.n2]
    checks = [_exact("exact", "proportion of each arm", names, events, sizes, level)]
    left_out: list[tuple[str, str]] = []
    used = counts.select(~counts.is_uninformative) if measure in RATIO_MEASURES else counts
    if used.k:
        checks.append(_effects_of_arms(used, measure, level))
    for words, make in _pooled_arms(counts, used, measure, level):
        try:
            checks += make()
        except ValueError as error:
            left_out.append((words, str(error)))
    return _comparison(id, _declared_comparison(counts, measure, model, ci), checks, left_out)


class _Declared(NamedTuple):
    """What was declared: the model, whether statsmodels has it, why not, and keys of checks that may stand for it, best first."""

    model: str
    same: bool
    reason: str
    keys: tuple[str, ...]


def _declared_proportion(x: Counts, size: Counts, model: str, ci: str | None) -> _Declared:
    if len(x) == 1:
        return _Declared("single", True, "", ("exact",))
    if model in _OF_COUNTS and x.sum() in (0, size.sum()):
        return _Declared(model, True, "No or only events: the estimate is the exact interval of the summed counts.", ("crude",))
    return _declared_effects(model, ci, "binomial", corrected=bool(np.any((x == 0) | (x == size))))


def _declared_comparison(counts: TwoArmCounts, measure: str, model: str, ci: str | None) -> _Declared:
    if model == "mh" and measure != "RD":
        reason = "" if measure == "OR" else "statsmodels gives no interval of the Mantel-Haenszel risk ratio."
        return _Declared(model, True, reason, ("mh", "exact"))
    if model == "peto":
        return _Declared(model, False, NO_EQUIVALENT[model], ("peto-test", "mh", "exact"))
    return _declared_effects(model, ci, "mh", corrected=bool(counts.has_zero_cell.any()))


def _declared_effects(model: str, ci: str | None, uncorrected: str, *, corrected: bool) -> _Declared:
    """The model itself where statsmodels has it, or the nearest: ``uncorrected`` for one of counts whose effect sizes need a correction."""
    nearest = "common" if model == "mh" else _NEAREST.get(model, model)
    interval = "wald" if nearest == "common" or ci == "wald" else "hksj"
    keys = (f"{nearest}-{interval}", uncorrected, "exact")
    if corrected and model in _OF_COUNTS:
        keys = (uncorrected, "exact")
    reasons = [NO_EQUIVALENT[model]] if model in NO_EQUIVALENT else []
    reasons += [_NO_FLOOR] if keys[0].endswith("hksj") else []
    return _Declared(model, model == nearest, " ".join(reasons), keys)


def _comparison(id: str, declared: _Declared, checks: list[EngineCheck], left_out: list[tuple[str, str]]) -> EngineComparison:
    there = {check.key for check in checks}
    shown = next((key for key in declared.keys if key in there), "exact")
    same = declared.same and shown == declared.keys[0]
    return EngineComparison(id, declared.model, same, declared.reason, shown, tuple(checks), tuple(left_out))


# --- single proportions ---------------------------------------------------------------------------------------------------


def _exact(key: str, what: str, names: Sequence[str], x: Counts, size: Counts, level: float) -> EngineCheck:
    from statsmodels.stats.proportion import proportion_confint

    ours, theirs = (
        _values(names, x / size, np.asarray(low), np.asarray(high))
        for low, high in (study_intervals(x, size, level=level), proportion_confint(x, size, alpha=1.0 - level, method="beta"))
    )
    return EngineCheck(key, what, CI_NAMES["exact"], "share", ours, theirs, CLOSED_FORM)


def _binomial(x: Counts, size: Counts, level: float) -> EngineCheck:
    """The one proportion of all studies by maximum likelihood, Wald on the log odds; in closed form it is that of the summed counts."""
    ours = effects_of_counts(x.sum(keepdims=True), size.sum(keepdims=True), "logit")
    theirs = _log_odds(x, size, np.ones((len(x), 1)))
    back = back_transform("logit", size)
    values = (_wald(("all",), ours.yi, ours.vi, level, back), _wald(("all",), *theirs, level, back))
    return EngineCheck("binomial", "common effect, binomial likelihood", CI_NAMES["wald"], "share", *values, CLOSED_FORM)


def _log_odds_of_studies(
    ours: tuple[Array, Array], theirs: tuple[Array, Array], names: Sequence[str], size: Counts, level: float
) -> EngineCheck:
    """The effect sizes that inverse variance pools: log odds, 1/2 added where a study has no or only events."""
    back = back_transform("logit", size)
    values = (_wald(names, *ours, level, back), _wald(names, *theirs, level, back))
    return EngineCheck("effects", "log odds of each study", CI_NAMES["wald"], "share", *values, CLOSED_FORM)


def _corrected_log_odds(x: Counts, size: Counts) -> tuple[Array, Array]:
    added = np.where((x == 0) | (x == size), CORRECTION, 0.0)
    return _log_odds(x + added, size + 2.0 * added, np.eye(len(x)))


def _log_odds(x: np.ndarray, size: np.ndarray, design: Array) -> tuple[Array, Array]:
    """Parameters and variances of a binomial GLM with these columns; a study is two weighted rows, one for each answer."""
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    answer, weight = np.repeat([1.0, 0.0], len(x)), np.r_[x, size - x].astype(float)
    model = GLM(answer, np.vstack([design, design]), family=Binomial(), freq_weights=weight)
    # The variances are those of the step before the last, which is the start itself where all shares are 1/2: so it is fitted
    # again from where it ended.
    options = {"tol": 1e-10, "tol_criterion": "params", "maxiter": 200}
    fit = model.fit(start_params=model.fit(**options).params, **options)
    return fit.params, fit.bse**2


def _pooled_proportions(
    x: Counts, size: Counts, measure: str, level: float, effects: tuple[Array, Array]
) -> Iterator[EngineCheck]:
    back = back_transform(measure, size)
    for model, ci in EFFECT_CHECKS:
        own = pool_proportions(
            x, size, measure=measure, model=model, ci=ci, level=level, hksj_floor=False, tau2_interval=False
        ).model_scale
        yield _pooled(model, ci, "share", back, (own.estimate, own.ci_low, own.ci_high), _combined(*effects, model, ci, level))


# --- two arms -------------------------------------------------------------------------------------------------------------


def _pooled_arms(
    counts: TwoArmCounts, used: TwoArmCounts, measure: str, level: float
) -> Iterator[tuple[str, Callable[[], list[EngineCheck]]]]:
    """Pooled models of two arms: their words, and a function that computes them or raises a ValueError."""
    if measure in RATIO_MEASURES:
        yield "Mantel-Haenszel", lambda: [_mantel_haenszel(counts, measure, level)]
    if measure == "OR":
        yield "Peto", lambda: [_peto_test(counts)]
    yield "inverse variance", lambda: list(_inverse_variance(used, measure, level))


def _effects_of_arms(counts: TwoArmCounts, measure: str, level: float) -> EngineCheck:
    ours, theirs = (
        _wald(counts.labels, yi, vi, level, _back(measure))
        for yi, vi in (effects_of_tables(measure, counts), _their_effects(counts, measure))
    )
    return EngineCheck("effects", "effect of each study", CI_NAMES["wald"], _scale(measure), ours, theirs, CLOSED_FORM)


def _their_effects(counts: TwoArmCounts, measure: str) -> tuple[Array, Array]:
    from statsmodels.stats.meta_analysis import effectsize_2proportions

    added = np.where(counts.has_zero_cell, CORRECTION, 0.0)
    table = (counts.events1 + added, counts.n1 + 2.0 * added, counts.events2 + added, counts.n2 + 2.0 * added)
    return effectsize_2proportions(*table, statistic=_EFFECT_SIZES[measure])


def _mantel_haenszel(counts: TwoArmCounts, measure: str, level: float) -> EngineCheck:
    own = _ours_of_arms(counts, measure, "mh", "wald", level)
    table = _stratified(counts)
    if measure == "OR":
        theirs = (table.logodds_pooled, *table.logodds_pooled_confint(alpha=1.0 - level))
    else:
        theirs = (float(np.log(table.riskratio_pooled)), None, None)
    return _check("mh", "common effect, Mantel-Haenszel", "wald", "ratio", np.exp, own, theirs, CLOSED_FORM)


def _peto_test(counts: TwoArmCounts) -> EngineCheck:
    """Peto's estimate over its standard error, squared, beside the Mantel-Haenszel chi-squared without continuity correction."""
    own = peto(counts)
    ours, theirs = ((own.estimate / own.se) ** 2, None, None), (_stratified(counts).test_null_odds().statistic, None, None)
    words = "Mantel-Haenszel chi-squared (Peto's estimate over its standard error, squared)"
    return _check("peto-test", words, "none", "statistic", float, ours, theirs, CLOSED_FORM * max(1.0, ours[0]))


def _stratified(counts: TwoArmCounts) -> Any:
    from statsmodels.stats.contingency_tables import StratifiedTable

    a, b, c, d = counts.cells
    return StratifiedTable(np.array([[a, b], [c, d]]))


def _inverse_variance(counts: TwoArmCounts, measure: str, level: float) -> Iterator[EngineCheck]:
    if counts.k < 2:
        raise ValueError(f"{counts.k} of the studies can be pooled by inverse variance, and 2 are needed.")
    yi, vi = _their_effects(counts, measure)
    for model, ci in EFFECT_CHECKS:
        own = _ours_of_arms(counts, measure, model, ci, level)
        yield _pooled(model, ci, _scale(measure), _back(measure), own, _combined(yi, vi, model, ci, level))


def _ours_of_arms(counts: TwoArmCounts, measure: str, model: str, ci: str, level: float) -> Limits:
    table = (counts.events1, counts.n1, counts.events2, counts.n2)
    own = compare_arms(*table, measure=measure, model=model, ci=ci, level=level, hksj_floor=False, double_zero="keep").model_scale
    return own.estimate, own.ci_low, own.ci_high


def _scale(measure: str) -> str:
    return "ratio" if measure in RATIO_MEASURES else "difference"


def _back(measure: str) -> Callable[[Any], Any]:
    return np.exp if measure in RATIO_MEASURES else np.asarray


# --- statsmodels' pooled effects ------------------------------------------------------------------------------------------


def _combined(yi: Array, vi: Array, model: str, ci: str, level: float) -> tuple[float, float, float]:
    """The pooled effect of statsmodels with its limits, on the scale of the model."""
    fit = _paule_mandel(yi, vi) if model == "pm" else _combine(yi, vi, "dl")
    common = model == "common" or fit.tau2 <= 0.0
    # Four intervals: common effect and random effects with scale 1, then both with the estimated scale.
    with np.errstate(invalid="ignore"):  # A negative tau2 can leave negative variances behind, which are not read.
        intervals = fit.conf_int(alpha=1.0 - level, use_t=ci == "hksj")
    low, high = intervals[(0 if common else 1) + (2 if ci == "hksj" else 0)]
    return float(fit.mean_effect_fe if common else fit.mean_effect_re), float(low), float(high)


def _paule_mandel(yi: Array, vi: Array) -> Any:
    for tolerance in _PM_TOLERANCES:
        fit = _combine(yi, vi, "pm", atol=tolerance, maxiter=1000)
        if fit.tau2 > 0.0 or fit.q <= fit.df:
            break
    return fit


def _combine(yi: Array, vi: Array, method: str, **options: Any) -> Any:
    from statsmodels.stats.meta_analysis import combine_effects

    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # H-squared and I-squared where Q is 0, roots of negative variances: not read.
        return combine_effects(yi, vi, method_re=method, **options)


# --- pairs of values ------------------------------------------------------------------------------------------------------


def _pooled(model: str, ci: str, scale: str, back: Callable[[Any], Any], ours: Limits, theirs: Limits) -> EngineCheck:
    return _check(f"{model}-{ci}", MODEL_NAMES[model], ci, scale, back, ours, theirs, ITERATED if model == "pm" else CLOSED_FORM)


def _check(
    key: str,
    model: str,
    ci: str,
    scale: str,
    back: Callable[[Any], Any],
    ours: Limits,
    theirs: Limits,
    tolerance: float,
) -> EngineCheck:
    one, other = (
        EngineValue._make(("all", *(None if value is None else float(back(value)) for value in engine)))
        for engine in (ours, theirs)
    )
    return EngineCheck(key, model, CI_NAMES.get(ci, ci), scale, (one,), (other,), tolerance)


def _wald(names: Sequence[str], yi: Array, vi: Array, level: float, back: Callable[[Any], Any]) -> tuple[EngineValue, ...]:
    reach = critical_value(level, None) * np.sqrt(vi)
    return _values(names, back(yi), back(yi - reach), back(yi + reach))


def _values(names: Sequence[str], *columns: Array) -> tuple[EngineValue, ...]:
    return tuple(EngineValue(*row) for row in zip(names, *(np.asarray(column).tolist() for column in columns), strict=True))


def _apart(one: float, other: float, scale: str) -> float:
    """The distance of two numbers; of ratios that of their logs, of equal infinities 0."""
    if one == other:
        return 0.0
    if scale == "ratio":
        with np.errstate(divide="ignore"):
            one, other = float(np.log(one)), float(np.log(other))
    return abs(one - other)
