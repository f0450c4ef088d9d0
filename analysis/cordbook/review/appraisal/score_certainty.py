"""Rates how sure one can be of an estimate of a score, by the same five reasons as of counts; asked for through :mod:`cordbook.review.appraisal.certainty`.

What a score lacks is said instead of guessed. No smallest difference that matters is declared for any score, so that an interval and
the range of true results are held against none at all, and nothing is lowered by two steps for being far too wide. Where a study does
not state its people, whether they are few cannot be judged. Of studies that stand side by side the weights, and how much they
differ, are those that the declared model would give them.

References
----------
Guyatt et al. (2011), J Clin Epidemiol 64, 1283-1293: imprecision of a continuous outcome, 400 people as a rule of thumb.
Hultcrantz et al. (2017), J Clin Epidemiol 87, 4-13: no effect as the threshold where no other is set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cordbook.core.text import capital, people
from cordbook.evidence.evidence import Evidence, as_written
from cordbook.review.appraisal.certainty_rules import (
    DOMAINS,
    MOST_DOWN,
    NOT_RATED,
    ONE_STUDY,
    Certainty,
    Settings,
    Spread,
    Steps,
    Thresholds,
    inconsistency,
    judged,
    rating,
    small_study,
    start_of_comparison,
    too_few_for_test,
    weak_reading,
    wide_or_few,
)
from cordbook.review.estimates.phrases import percent
from cordbook.review.estimates.side_by_side import COMMON_EFFECT
from cordbook.review.scores.estimates import RANDOMISED, ScoreEstimate
from cordbook.review.scores.phrases import amount, score_phrase
from cordbook.synthesis import egger_test, pool_effects
from cordbook.synthesis.pooling.effects import critical_value

#: Roles of people who got no experimental treatment.
_WITHOUT = frozenset({"natural_course", "comparator"})
_STARTS = {
    "single arm": (
        "low",
        "Only treated people were measured, with nobody to compare them with, so the evidence starts as low.",
        "nobody to compare with",
    ),
    "frequency": (
        "high",
        "How much people change without the treatment can be seen without a control group, so the evidence starts as high.",
        "",
    ),
}


def kind_of_score(estimate: ScoreEstimate) -> str:
    """What kind of question an estimate of a score answers; see :data:`~cordbook.review.appraisal.certainty_rules.KINDS`."""
    if estimate.synthesis.is_difference:
        return "effect"
    roles = dict(estimate.synthesis.where).get("role", ())
    return "frequency" if roles and _WITHOUT.issuperset(roles) else "single arm"


def certainty_of_score(estimate: ScoreEstimate, evidence: Evidence, settings: Settings) -> Certainty:
    """Rate an estimate of a score; one without a study that can be weighed is not rated.

    What is read with low confidence is never weighed, so that of risk of bias only studies that are not fully identified are left to count.
    """
    kind, limits = kind_of_score(estimate), settings.thresholds
    if not estimate.k:
        return Certainty(estimate.id, NOT_RATED, kind, NOT_RATED, "No study could be weighed.", ())
    weights = _weights(estimate)
    confirmed = evidence.confirmed_studies
    weak = sum(weight for weight, row in zip(weights, estimate.rows, strict=True) if row.study_id not in confirmed)
    computed = {
        "risk of bias": weak_reading(weak, limits, "studies not fully identified", "studies not fully identified"),
        "inconsistency": _inconsistency(estimate, limits),
        "indirectness": (0, "", ""),
        "imprecision": _imprecision(estimate, limits),
        "publication bias": _publication(estimate, limits),
    }
    holds = {"estimate": (estimate.id, estimate.synthesis.parent), "outcome": (estimate.synthesis.score,), "kind": (kind,)}
    by_hand = {name: judged(name, holds, settings.judgements) for name in DOMAINS}
    return rating(estimate.id, kind, _start(estimate, evidence, kind, weights, limits), computed, by_hand)


def _weights(estimate: ScoreEstimate) -> list[float]:
    """The part of each study, shares that sum to 1; side by side, what the declared model would give it."""
    shown = estimate.result or estimate.unpooled
    return [1.0] if shown is None else [max(0.0, study.weight or 0.0) / 100 for study in shown.studies]


def _start(
    estimate: ScoreEstimate, evidence: Evidence, kind: str, weights: Sequence[float], limits: Thresholds
) -> tuple[str, str, str]:
    if kind != "effect":
        return _STARTS[kind]
    designs = evidence["studies"].set_index("study_id")["design"]
    parts = zip(weights, estimate.rows, strict=True)
    return start_of_comparison(sum(w for w, row in parts if as_written(designs[row.study_id]) == RANDOMISED), limits)


def spread_of_score(estimate: ScoreEstimate) -> Spread:
    """How much the studies of an estimate differ, in units of the score; of a common-effect model, which supposes that they do not, by REML.

    Needs two studies.
    """
    shown = estimate.result or estimate.unpooled
    assert shown is not None
    centre, tau2, q_p = shown.estimate, shown.tau2, shown.q_p
    if estimate.synthesis.model in COMMON_EFFECT:
        values, variances = zip(*((row.estimate, np.square(row.se)) for row in estimate.rows), strict=True)
        fitted = pool_effects(values, variances, model="reml", ci="wald", level=estimate.synthesis.level)
        centre, tau2 = fitted.estimate, fitted.tau2
    apart = max(s.ci_low for s in estimate.rows) > min(s.ci_high for s in estimate.rows)  # type: ignore[type-var]
    if tau2 is None:
        return Spread(None, None, q_p, apart, None, None)
    reach = critical_value(estimate.synthesis.level, None) * tau2**0.5
    return Spread(tau2, None, q_p, apart, centre - reach, centre + reach)


def _inconsistency(estimate: ScoreEstimate, limits: Thresholds) -> Steps:
    if estimate.k == 1:
        return ONE_STUDY
    spread = spread_of_score(estimate)
    if spread.low is None or spread.high is None:
        return inconsistency(spread, limits, "", 0)
    reach = f"from {amount(spread.low)} to {amount(spread.high)} {estimate.unit}"
    text = f"in {percent(estimate.synthesis.level)} of studies like these the true {_what(estimate)} lies {reach}"
    return inconsistency(spread, limits, text, int(spread.low < 0 < spread.high))


def _imprecision(estimate: ScoreEstimate, limits: Thresholds) -> Steps:
    """Whether the interval holds no change, and whether people are few; two steps for studies that are too few for an average."""
    few, size = _few_people(estimate, limits)
    shown = estimate.result or (estimate.rows[0] if estimate.k == 1 else None)
    if shown is None or shown.ci_low is None or shown.ci_high is None:
        if not estimate.synthesis.side_by_side:
            return MOST_DOWN, estimate.why_not, "too few studies to pool"
        return int(few), f"Not pooled, so that there is no interval to judge. {size}", wide_or_few(False, few)
    crosses = shown.ci_low <= 0 <= shown.ci_high
    whose = "The interval" if estimate.pooled else "The interval of the one study"
    text = (
        f"{whose}, {amount(shown.ci_low)} to {amount(shown.ci_high)} {estimate.unit}, {'holds' if crosses else 'leaves out'} zero; how large a "
        f"{_what(estimate)} matters is not declared for this score, so that zero is all that it is held against. {size}"
    )
    return int(crosses) + int(few), text, wide_or_few(crosses, few)


def _few_people(estimate: ScoreEstimate, limits: Thresholds) -> tuple[bool, str]:
    """Whether people are known to be few, and the number in a sentence."""
    enough = limits.effect_people
    if estimate.n >= enough:
        return False, f"{capital(people(estimate.n))} were measured."
    if not estimate.sizes_known:
        return False, "Not every study states its people, so that whether they are few cannot be judged."
    return True, f"{capital(people(estimate.n))} were measured, fewer than {enough:g}."


def _publication(estimate: ScoreEstimate, limits: Thresholds) -> Steps:
    """Egger's test where there are enough studies; reports whose number has no weight are told, and lower nothing."""
    down, text, short = _small_study_test(estimate, limits)
    n = len({row.study_id for row in estimate.told})
    told = f" {'One report tells' if n == 1 else f'{n} reports tell'} a number that cannot be weighed." if n else ""
    return down, text + told, short


def _small_study_test(estimate: ScoreEstimate, limits: Thresholds) -> Steps:
    if estimate.k < limits.studies_for_test:
        return too_few_for_test(score_phrase(estimate, "studies"), limits)
    try:
        test = egger_test([row.estimate for row in estimate.rows], [float(np.square(row.se)) for row in estimate.rows])  # type: ignore[arg-type]
    except ValueError:
        return 0, "Studies of one size: nothing to test for small-study effects.", ""
    return small_study(test.p, limits)


def _what(estimate: ScoreEstimate) -> str:
    return "difference" if estimate.synthesis.is_difference else "change"
