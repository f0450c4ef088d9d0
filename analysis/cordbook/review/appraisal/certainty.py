"""Rule-based certainty of evidence, after GRADE: where it starts, five reasons to lower it, each with its rule and its reason.

What can be computed from an estimate and the tables is computed; what cannot is declared in ``data/certainty.yml`` with a
reason. Nothing is rated up. A judgement made by rules is not a judgement of a panel: it is told in full so that one can be made.

One fact lowers once. How much studies differ is inconsistency: it is read from the variance between them, from the test of
heterogeneity and from whether their own intervals overlap, never from an interval that is wide because people are few. That is
imprecision: the interval of the estimate and the number of people. That reports did not count every harm is where a harm starts.

Estimates of scores are rated by the same five reasons (:mod:`cordbook.review.appraisal.score_certainty`); what both share stands in
:mod:`cordbook.review.appraisal.certainty_rules`.

References
----------
Guyatt et al. (2008), BMJ 336, 924-926: the five reasons and the four levels.
Guyatt et al. (2011), J Clin Epidemiol 64, 1294-1302: inconsistency by overlap of intervals, test of heterogeneity and its size.
Iorio et al. (2015), BMJ 350, h870: how often something happens (prognosis, incidence) is answered by cohorts, which start
high.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import betaincinv

from cordbook.core.text import capital
from cordbook.core.tracking import by_value_of_estimates
from cordbook.core.values import value_digest
from cordbook.evidence.evidence import Evidence
from cordbook.review.appraisal.certainty_rules import (
    COUNTING,
    DOMAINS,
    FILE,
    MOST_DOWN,
    NOT_RATED,
    ONE_STUDY,
    Certainty,
    CertaintyError,
    Counting,
    Settings,
    Spread,
    Steps,
    Thresholds,
    inconsistency,
    judged,
    load_settings,
    rating,
    small_study,
    start_of_comparison,
    too_few_for_test,
    weak_reading,
    wide_or_few,
)
from cordbook.review.appraisal.score_certainty import certainty_of_score
from cordbook.review.estimates.estimates import Estimate, Estimates, estimate_of
from cordbook.review.estimates.phrases import percent, phrase, ratio
from cordbook.review.estimates.rows import arrays, labels_of
from cordbook.review.estimates.side_by_side import COMMON_EFFECT, FEW, WIDE
from cordbook.review.scores.declarations import load_score_declarations
from cordbook.review.scores.estimates import FILE as SYNTHESES
from cordbook.review.scores.estimates import scores_of
from cordbook.synthesis import ComparedArms, PooledProportion, arcsine_test, information_proportion, proportion_size_test
from cordbook.synthesis.measures import back_transform
from cordbook.synthesis.pooling.effects import critical_value

#: The same as a sentence, for an estimate, and in few words, for the row of a table.
_STARTS = {
    "single arm": (
        "Only treated people are counted, with nobody to compare them with, so the evidence starts as low.",
        "nobody to compare with",
    ),
    "frequency": ("How often something happens can be seen without a control group, so the evidence starts as high.", ""),
}


def kind_of(estimate: Estimate) -> str:
    """What kind of question an estimate answers; see :data:`KINDS`."""
    if estimate.is_comparison:
        return "effect"
    where = dict(estimate.synthesis.where)
    frequency = estimate.synthesis.harm or where.get("role") in (("natural_course",), ("comparator",))
    return "frequency" if frequency else "single arm"


def certainty(estimate: Estimate, evidence: Evidence, settings: Settings) -> Certainty:
    """Rate an estimate; one without a study is not rated.

    Of studies that stand side by side there is no interval to judge: the reasons not to pool them, and the number of people, take its
    place. How much they differ is judged as of any studies.
    """
    kind, limits = kind_of(estimate), settings.thresholds
    if not estimate.is_reported:
        return Certainty(estimate.id, NOT_RATED, kind, NOT_RATED, "No study could be pooled.", ())
    weights = estimate.row_weights
    start, reason, short, about = _start(estimate, evidence, kind, weights, settings)
    computed = {
        "risk of bias": _weak_reading(estimate, evidence, weights, limits),
        "inconsistency": _inconsistency(estimate.pooled_anyway(), limits),
        "indirectness": (0, "", ""),
        "imprecision": (_imprecise_side_by_side if estimate.not_pooled else _imprecision)(estimate, limits),
        "publication bias": _publication(estimate, limits),
    }
    told = [j for j in settings.judgements if not about or j.about != about]
    holds = {"estimate": (estimate.id, estimate.synthesis.parent), "outcome": (estimate.synthesis.outcome,), "kind": (kind,)}
    return rating(estimate.id, kind, (start, reason, short), computed, {name: judged(name, holds, told) for name in DOMAINS})


def rate(estimates: Estimates, estimate_ids: Iterable[str]) -> dict[str, Certainty]:
    """The certainty of several estimates by the rules of their project, by id."""
    return {i: certainty_today(estimates, i) for i in estimate_ids}


def rate_steps(estimates: Estimates, estimate_ids: Iterable[str]) -> dict[str, Certainty]:
    """:func:`rate` without the reasons that hold numbers: who shows levels, steps and reasons in few words depends on these alone."""
    return {i: steps_today(estimates, i) for i in estimate_ids}


def has_rules(evidence: Evidence) -> bool:
    """Whether the review declares rules of certainty."""
    return (evidence.folder / FILE).is_file()


@by_value_of_estimates
def steps_today(estimates: Estimates, estimate_id: str) -> Certainty:
    """:func:`certainty_today` without the reasons that hold numbers."""
    rated = certainty_today(estimates, estimate_id)
    return replace(rated, start_reason="", domains=tuple(replace(d, reason="") for d in rated.domains))


@by_value_of_estimates
def certainty_today(estimates: Estimates, estimate_id: str) -> Certainty:
    """The certainty of an estimate by the rules of its project."""
    evidence = estimates.evidence
    settings = estimates.once("certainty rules", lambda: load_settings(evidence.folder / FILE))
    scores = scores_of(estimates)
    if estimate_id in scores:
        return estimates.once(f"certainty of {estimate_id}", lambda: certainty_of_score(scores[estimate_id], evidence, settings))

    def inputs() -> list[str]:
        return [estimates.key(estimate_id), value_digest(settings), *sorted(evidence.confirmed_studies)]

    return estimates.once(f"certainty of {estimate_id}", lambda: certainty(estimates[estimate_id], evidence, settings), inputs)


def read_settings(estimates: Estimates) -> Settings:
    """The settings of the project; raises :class:`CertaintyError` with all that they name and that does not exist."""
    settings = load_settings(estimates.evidence.folder / FILE)
    if problems := unknown_judgements(settings, estimates):
        raise CertaintyError(f"{FILE}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return settings


def unknown_judgements(settings: Settings, estimates: Estimates) -> list[str]:
    """Estimates, outcomes (scores among them) and topics that the file names and that do not exist."""
    scores = load_score_declarations(estimates.evidence.folder / SYNTHESES)
    declared = {*estimates.declarations.ids, *(s.id for s in scores)}
    outcomes = {*estimates.evidence["outcome_terms"]["outcome"], *(s.score for s in scores)}
    tables = [name for name in ("studies", "topics") if name in estimates.evidence.tables]
    topics = {topic for name in tables for topic in estimates.evidence[name]["topic"]}
    problems = [f"no outcome {v!r}" for v in settings.counting.any_event if v not in outcomes]
    problems += [f"no topic {v!r}" for v in settings.counting.topics if v not in topics]
    for scope, values in (j.scope for j in settings.judgements):
        problems += [f"no estimate {v!r}" for v in values if scope == "estimate" and v.split("--")[0] not in declared]
        problems += [f"no outcome {v!r}" for v in values if scope == "outcome" and v not in outcomes]
    return problems


def _start(
    estimate: Estimate, evidence: Evidence, kind: str, weights: Sequence[float], settings: Settings
) -> tuple[str, str, str, str]:
    """Where an estimate starts: level, reason, the same in few words, and the fact that lowered it where a judgement may tell it too."""
    if _is_harm(estimate):
        counted = sum(reports_that_counted(estimate, evidence, settings.counting))
        if counted < settings.thresholds.counted_share * estimate.k:
            return "low", *_uncounted(counted, estimate.k), COUNTING
    if kind != "effect":
        return ("high" if kind == "frequency" else "low"), *_STARTS[kind], ""
    counts = evidence.counts_by_id(row.count_ids[0] for row in estimate.rows)
    share = sum(w for w, design in zip(weights, counts["design"], strict=True) if design == "rct")
    return *start_of_comparison(share, settings.thresholds), ""


def _uncounted(counted: int, k: int) -> tuple[str, str]:
    """The reason, and the same in few words."""
    short = (
        "the report did not say that it counted every event"
        if k == 1
        else "most reports did not say that they counted every event"
    )
    shown = "" if k == 1 else f" ({counted} of {k} show it)"
    return (
        f"{capital(short)}{shown}, so the evidence starts as low: that none is told of does not say that anybody looked.",
        short,
    )


def reports_that_counted(estimate: Estimate, evidence: Evidence, counting: Counting) -> tuple[bool, ...]:
    """Which rows of a proportion show that the event was counted, by the signs declared in ``certainty.yml``.

    The topic of the report is that event, the number was read where counting is told (a full text), its definition says so, or it is
    above zero and not one of an outcome that stands for any event at all.
    """
    counts = evidence.counts_by_id(estimate.count_ids)
    given = estimate.synthesis.outcome not in counting.any_event
    shown = counts["topic"].isin(counting.topics) | counts["source_kind"].isin(counting.sources)
    shown |= counts["definition"].fillna("").map(lambda text: any(words in text for words in counting.says))
    shown = frozenset(counts.index[shown])
    return tuple((given and row.events > 0) or shown.issuperset(row.count_ids) for row in estimate.rows)


def _weak_reading(estimate: Estimate, evidence: Evidence, weights: Sequence[float], limits: Thresholds) -> Steps:
    """Share of weight from counts read with low confidence or from studies that are not fully identified."""
    counts = evidence.counts_by_id(estimate.count_ids)
    confirmed = evidence.confirmed_studies
    low = frozenset(counts.index[counts["confidence"] == "low"])
    weak = 0.0
    for weight, row in zip(weights, estimate.rows, strict=True):
        if low.intersection(row.count_ids) or row.study_id not in confirmed:
            weak += weight
    what = "counts read with low confidence or on studies not fully identified"
    return weak_reading(weak, limits, what, "counts read with low confidence")


def spread_of(estimate: Estimate) -> Spread:
    """How much the studies of an estimate differ; of a common-effect model, which supposes that they do not, by REML."""
    result = estimate.result
    if result.model in COMMON_EFFECT:
        declared = replace(estimate.synthesis, model="reml", ci=None)
        result = estimate_of(estimate.id, estimate.title, declared, estimate.rows).pooled_anyway().result
    lows, highs = zip(*((row.ci_low, row.ci_high) for row in estimate.rows), strict=True)
    low, high = _range_of_studies(estimate, result)
    return Spread(result.tau2, getattr(result, "rho", None), result.q_p, max(lows) > min(highs), low, high)


def _range_of_studies(estimate: Estimate, result: PooledProportion | ComparedArms) -> tuple[float | None, float | None]:
    """Between what the true results of studies lie by the variance between them alone; None where that is not known."""
    level = estimate.synthesis.level
    rho = getattr(result, "rho", None)
    if rho:
        size = (1 - rho) / rho
        tails = np.array([0.5 * (1 - level), 0.5 * (1 + level)])
        low, high = betaincinv(result.estimate * size, (1 - result.estimate) * size, tails)
        return float(low), float(high)
    centre = result.model_scale.estimate
    if result.tau2 is None or centre is None:
        return None, None
    reach = critical_value(level, None) * result.tau2**0.5
    back = _back(estimate, result)
    return float(back(centre - reach)), float(back(centre + reach))


def _back(estimate: Estimate, result: PooledProportion | ComparedArms) -> Callable[[float], Any]:
    if isinstance(result, ComparedArms):
        return np.exp if result.measure != "RD" else float
    return back_transform(result.measure, [row.n for row in estimate.rows])


def _inconsistency(estimate: Estimate, limits: Thresholds) -> Steps:
    if estimate.k == 1:
        return ONE_STUDY
    spread = spread_of(estimate)
    if spread.low is None:
        return inconsistency(spread, limits, "", 0)
    return inconsistency(spread, limits, _true_results(estimate, spread), _how_large(estimate, spread, limits))


def _true_results(estimate: Estimate, spread: Spread) -> str:
    show = ratio if _is_ratio(estimate) else percent
    what = "ratio" if _is_ratio(estimate) else "difference" if estimate.is_comparison else "share"
    reach = f"from {show(spread.low)} to {show(spread.high)}"
    return f"in {percent(estimate.synthesis.level)} of studies like these the true {what} lies {reach}"


def _how_large(estimate: Estimate, spread: Spread, limits: Thresholds) -> int:
    """Whether true results of studies lie far apart (1) or very far (2), by the limits that an interval of the same width has."""
    if _is_ratio(estimate):
        if spread.low < 1 / limits.appreciable_ratio and spread.high > limits.appreciable_ratio:
            return 2
        return int(spread.high > limits.spread_ratio**2 * spread.low)
    if _is_harm(estimate):
        above = spread.high - estimate.result.estimate
        return int(above > limits.harm_above_serious) + int(above > limits.harm_above_very_serious)
    half = (spread.high - spread.low) / 2
    return int(half > limits.half_width_serious) + int(half > limits.half_width_very_serious)


def _is_ratio(estimate: Estimate) -> bool:
    return estimate.is_comparison and estimate.synthesis.measure != "RD"


def _is_harm(estimate: Estimate) -> bool:
    return estimate.synthesis.harm and not estimate.is_comparison


def _imprecision(estimate: Estimate, limits: Thresholds) -> Steps:
    """How wide the interval is, and whether people are few."""
    result = estimate.result
    if _is_ratio(estimate):
        return _imprecise_ratio(estimate, limits)
    few, enough = _few_people(estimate, limits)
    if _is_harm(estimate):
        above = result.ci_high - result.estimate
        text = f"The upper limit of {phrase(estimate, 'high')} lies {_points(above)} above the estimate"
        text += f"; {phrase(estimate, 'people')}, fewer than {enough}." if few else "."
        down = 2 if above > limits.harm_above_very_serious else 1 if above > limits.harm_above_serious or few else 0
        return down, text, wide_or_few(above > limits.harm_above_serious, few)
    half = (result.ci_high - result.ci_low) / 2
    text = (
        f"The interval reaches {_points(half)} to each side on average; our limit is {_points(limits.half_width_serious)}. "
        f"{phrase(estimate, 'people')} were counted; one sample as exact as that would need {enough}."
    )
    wide = half > limits.half_width_serious
    return (2 if half > limits.half_width_very_serious else 1 if wide or few else 0), text, wide_or_few(wide, few)


def _imprecise_side_by_side(estimate: Estimate, limits: Thresholds) -> Steps:
    """Two steps for studies that are too few or too small for an average, one for few people."""
    reasons = [reason for reason in estimate.not_pooled if reason.rule in (FEW, WIDE)]
    if reasons:
        short = "too few studies to pool" if reasons[0].rule == FEW else "wide interval"
        return MOST_DOWN, " ".join(reason.text for reason in reasons), short
    few, enough = _few_people(estimate, limits)
    if few:
        return (
            1,
            f"Not pooled, so that there is no interval; {phrase(estimate, 'people')}, fewer than {enough}.",
            wide_or_few(False, few),
        )
    return 0, "Not pooled, so that there is no interval to judge.", ""


def _few_people(estimate: Estimate, limits: Thresholds) -> tuple[bool, int]:
    """Whether people are few, and how many would be enough: for a share one sample as exact as an interval has to be."""
    if _is_ratio(estimate):
        enough = limits.effect_people
    elif _is_harm(estimate):
        enough = limits.harm_people
    else:
        enough = information_proportion(0.5, limits.half_width_serious, level=estimate.synthesis.level).participants
    return estimate.n < enough, enough


def _imprecise_ratio(estimate: Estimate, limits: Thresholds) -> Steps:
    low, high, much = estimate.result.ci_low, estimate.result.ci_high, limits.appreciable_ratio
    both = low < 1 / much and high > much
    crosses = low <= 1 <= high
    few, enough = _few_people(estimate, limits)
    text = f"The interval {ratio(low)} to {ratio(high)} " + (
        "holds appreciable harm and appreciable benefit"
        if both
        else "holds no difference"
        if crosses
        else "leaves out no difference"
    )
    text += f"; {phrase(estimate, 'people')}, fewer than {enough}." if few else "."
    down = min(MOST_DOWN, (2 if both else 1 if crosses else 0) + (1 if few else 0))
    return down, text, wide_or_few(crosses, few)


def _points(share: float) -> str:
    return f"{100 * share:.1f} percentage points"


def _publication(estimate: Estimate, limits: Thresholds) -> Steps:
    """The small-study test where there are enough studies."""
    if estimate.k < limits.studies_for_test:
        return too_few_for_test(phrase(estimate, "studies"), limits)
    test_of_size = arcsine_test if estimate.is_comparison else proportion_size_test
    try:
        test = test_of_size(*arrays(estimate.rows), labels=labels_of(estimate.rows))
    except ValueError:
        return 0, "No or only events, or studies of one size: nothing to test for small-study effects.", ""
    return small_study(test.p, limits)
