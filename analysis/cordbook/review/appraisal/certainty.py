"""Rule-based certainty of evidence, after GRADE: where it starts, five reasons to lower it, each with its rule and its reason.

What can be computed from an estimate and the tables is computed; what cannot is declared in ``data/certainty.yml`` with a
reason. Nothing is rated up. A judgement made by rules is not a judgement of a panel: it is told in full so that one can be made.

One fact lowers once. How much studies differ is inconsistency: it is read from the variance between them, from the test of
heterogeneity and from whether their own intervals overlap, never from an interval that is wide because people are few. That is
imprecision: the interval of the estimate and the number of people. That reports did not count every harm is where a harm starts.

References
----------
Guyatt et al. (2008), BMJ 336, 924-926: the five reasons and the four levels.
Guyatt et al. (2011), J Clin Epidemiol 64, 1294-1302: inconsistency by overlap of intervals, test of heterogeneity and its size.
Iorio et al. (2015), BMJ 350, h870: how often something happens (prognosis, incidence) is answered by cohorts, which start
high.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import betaincinv

from cordbook.core.text import capital
from cordbook.core.tracking import by_value_of_estimates
from cordbook.core.values import value_digest
from cordbook.core.yaml import declared, read_yaml
from cordbook.errors import InputError
from cordbook.evidence.evidence import Evidence
from cordbook.review.estimates.estimates import Estimate, Estimates, estimate_of
from cordbook.review.estimates.phrases import percent, phrase, ratio
from cordbook.review.estimates.rows import arrays, labels_of
from cordbook.review.estimates.side_by_side import COMMON_EFFECT, FEW, WIDE
from cordbook.synthesis import ComparedArms, PooledProportion, arcsine_test, information_proportion, proportion_size_test
from cordbook.synthesis.measures import back_transform
from cordbook.synthesis.pooling.effects import critical_value

#: What it is called wherever it is shown: rules rate, no panel.
NAME = "rule-based certainty"
LEVELS = ("very low", "low", "moderate", "high")
NOT_RATED = "not rated"
DOMAINS = ("risk of bias", "inconsistency", "indirectness", "imprecision", "publication bias")
#: Questions by kind: does a treatment work (with a control group), what happened to people treated (without), how often.
KINDS = ("effect", "single arm", "frequency")
#: The same as a sentence, for an estimate, and in few words, for the row of a table.
_STARTS = {
    "single arm": (
        "Only treated people are counted, with nobody to compare them with, so the evidence starts as low.",
        "nobody to compare with",
    ),
    "frequency": ("How often something happens can be seen without a control group, so the evidence starts as high.", ""),
}
#: The fact that a start and a judgement may both tell of.
COUNTING = "counting"
#: No domain lowers the level by more than two steps.
MOST_DOWN = 2
FILE = "certainty.yml"


#: Of a rule: steps down, the reason, and the same in few words without numbers.
Steps = tuple[int, str, str]


class CertaintyError(InputError):
    """``certainty.yml`` cannot be used; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of the computed rules; shares run from 0 to 1."""

    randomised_weight: float
    weak_weight: float
    counted_share: float
    heterogeneity_p: float
    spread_ratio: float
    half_width_serious: float
    half_width_very_serious: float
    harm_above_serious: float
    harm_above_very_serious: float
    harm_people: int
    effect_people: int
    appreciable_ratio: float
    studies_for_test: int
    small_study_p: float


@dataclass(frozen=True, slots=True)
class Counting:
    """What stands in for a field that the tables do not have: signs that a report counted an event.

    ``topics`` are made to count it, ``sources`` tell how, and definitions that hold one of the words of ``says`` tell that all were;
    a number above zero was counted too, but does not show that every event was where the outcome is one of ``any_event``.
    """

    topics: tuple[str, ...]
    sources: tuple[str, ...]
    says: tuple[str, ...]
    any_event: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A domain judged by hand for some estimates: ``scope`` is (kind|outcome|estimate, its values).

    ``short`` is the reason in few words. ``about`` names a fact that may have lowered the start already ("counting"), so that the
    judgement is left out then.
    """

    scope: tuple[str, tuple[str, ...]]
    domain: str
    down: int
    reason: str
    short: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``certainty.yml`` holds."""

    thresholds: Thresholds
    counting: Counting
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How much the true results of the studies differ, apart from how well their average is known.

    ``tau2`` (or ``rho``, of a beta-binomial model) is the variance between studies, None where it cannot be estimated; ``q_p`` the p
    of the test of heterogeneity; ``apart`` whether the intervals of two studies do not overlap. From ``low`` to ``high`` reach the
    true results of as many studies as the level of the estimate says, by that variance alone; None where there is none.
    """

    tau2: float | None
    rho: float | None
    q_p: float | None
    apart: bool
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Domain:
    """One of the five reasons: steps down (0 to 2) and why, computed and declared parts together.

    ``short`` tells why in few words without numbers; blank where nothing was lowered.
    """

    name: str
    down: int
    reason: str
    short: str = ""


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure one can be of an estimate: level, where it started and why, and the five domains."""

    estimate_id: str
    level: str
    kind: str
    start: str
    start_reason: str
    domains: tuple[Domain, ...]
    start_short: str = ""

    @property
    def because(self) -> str:
        """Why it is not high, in few words: the start, then every domain that lowers it."""
        return "; ".join(text for text in (self.start_short, *(d.short for d in self.domains if d.down)) if text)

    @property
    def down(self) -> int:
        """Steps down in all; more than the level can fall may be counted."""
        return sum(d.down for d in self.domains)

    def domain(self, name: str) -> Domain:
        """A domain by its name."""
        return next(d for d in self.domains if d.name == name)


def load_settings(path: Path) -> Settings:
    """Read ``certainty.yml``; raises :class:`CertaintyError` with all problems."""
    with declared(path, CertaintyError, "it holds the rules of certainty"):
        return parse_settings(read_yaml(path), path.name)


def parse_settings(content: Any, name: str = FILE) -> Settings:
    """Check and freeze the content of ``certainty.yml``."""
    if not isinstance(content, Mapping) or not isinstance(content.get("thresholds"), Mapping):
        raise CertaintyError(f"{name}: expected the keys `thresholds` and `judgements`")
    limits, entries = content["thresholds"], content.get("judgements") or []
    known = Thresholds.__dataclass_fields__
    problems = [f"thresholds: {key} is missing or not a number" for key in known if not isinstance(limits.get(key), int | float)]
    problems += [f"thresholds: unknown {key!r}" for key in limits if key not in known]
    counting = content.get("counting")
    problems += _counting_problems(counting)
    judgements = []
    for number, entry in enumerate(entries, start=1):
        found = _judgement_problems(entry)
        problems += [f"judgement {number}: {problem}" for problem in found]
        if not found:
            ((scope, values),) = entry["for"].items()
            values = tuple(values) if isinstance(values, list) else (values,)
            parts = (entry["domain"], entry["down"], entry["reason"], entry["short"], entry.get("about", ""))
            judgements.append(Judgement((scope, values), *parts))
    if problems:
        raise CertaintyError(f"{name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    signs = Counting(**{key: tuple(counting[key]) for key in Counting.__dataclass_fields__})
    return Settings(Thresholds(**limits), signs, tuple(judgements))


def _counting_problems(counting: Any) -> list[str]:
    known = Counting.__dataclass_fields__
    if not isinstance(counting, Mapping):
        return [f"counting: expected lists under {', '.join(known)}"]
    problems = [f"counting: {key} is missing or not a list" for key in known if not isinstance(counting.get(key), list)]
    return problems + [f"counting: unknown {key!r}" for key in counting if key not in known]


def _judgement_problems(entry: Any) -> list[str]:
    if not isinstance(entry, Mapping):
        return ["expected keys and values"]
    problems = [f"unknown key {key!r}" for key in entry if key not in ("for", "domain", "down", "reason", "short", "about")]
    scope = entry.get("for")
    if not isinstance(scope, Mapping) or len(scope) != 1 or next(iter(scope)) not in ("kind", "outcome", "estimate"):
        problems.append("`for` holds one of kind, outcome, estimate")
    elif "kind" in scope:
        values = scope["kind"] if isinstance(scope["kind"], list) else [scope["kind"]]
        problems += [f"kind {v!r}; there are {', '.join(KINDS)}" for v in values if v not in KINDS]
    if entry.get("domain") not in DOMAINS:
        problems.append(f"domain is {entry.get('domain')!r}; there are {', '.join(DOMAINS)}")
    if entry.get("down") not in range(MOST_DOWN + 1):
        problems.append(f"down is {entry.get('down')!r}; it is 0, 1 or 2")
    if not entry.get("reason") or not entry.get("short"):
        problems.append("a judgement needs its reason, and the same in few words under `short`")
    if entry.get("about", "") not in ("", COUNTING):
        problems.append(f"about is {entry['about']!r}; it is {COUNTING}, or left out")
    return problems


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
    judged = [j for j in settings.judgements if not about or j.about != about]
    domains = tuple(_domain(name, computed[name], _declared(name, estimate, kind, judged)) for name in DOMAINS)
    level = max(0, LEVELS.index(start) - sum(d.down for d in domains))
    return Certainty(estimate.id, LEVELS[level], kind, start, reason, domains, short)


def rate(estimates: Estimates, estimate_ids: Iterable[str]) -> dict[str, Certainty]:
    """The certainty of several estimates by the rules of their project, by id."""
    return {i: certainty_today(estimates, i) for i in estimate_ids}


def rate_steps(estimates: Estimates, estimate_ids: Iterable[str]) -> dict[str, Certainty]:
    """:func:`rate` without the reasons that hold numbers: who shows levels, steps and reasons in few words depends on these alone."""
    return {i: steps_today(estimates, i) for i in estimate_ids}


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
    """Estimates, outcomes and topics that the file names and that do not exist."""
    declared, outcomes = set(estimates.declarations.ids), set(estimates.evidence["outcome_terms"]["outcome"])
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
    if share >= settings.thresholds.randomised_weight:
        return "high", f"{percent(share)} of the weight is of randomised trials, so the evidence starts as high.", "", ""
    return (
        "low",
        f"Only {percent(share)} of the weight is of randomised trials, so the evidence starts as low.",
        "not mostly randomised trials",
        "",
    )


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
    text = f"{percent(weak)} of the weight rests on counts read with low confidence or on studies not fully identified"
    if weak > limits.weak_weight:
        return 1, f"{text}, more than {percent(limits.weak_weight)}.", "counts read with low confidence"
    return 0, f"{text}." if weak else "", ""


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
    """How much studies differ beyond chance; how well their average is known has no say.

    Some variance between studies has to be estimated. Then there are three signs: a small p of the test of heterogeneity, intervals of
    studies that do not overlap, a spread of true results beyond the limit. Two of them lower by one step; by two where the spread is
    very large and chance does not explain it.
    """
    if estimate.k == 1:
        return 0, "One study: nothing to be consistent with.", ""
    spread = spread_of(estimate)
    unlikely = spread.q_p is not None and spread.q_p < limits.heterogeneity_p
    test = f"test of heterogeneity {_p(spread.q_p)}; " if spread.q_p is not None else ""
    test += "intervals of studies do not all overlap" if spread.apart else "intervals of studies overlap"
    if spread.low is None:
        if unlikely or spread.apart:
            return 1, f"The studies differ beyond chance ({test}), by how much cannot be estimated.", "studies differ"
        return 0, "No or only events: differences between studies cannot be estimated.", ""
    if not (spread.tau2 or spread.rho):
        return 0, f"Chance explains the differences between studies (no variance between them is estimated; {test}).", ""
    if not (unlikely or spread.apart):
        return 0, f"Chance may explain the differences between studies ({test}).", ""
    text = f"The studies differ beyond chance ({test}): {_true_results(estimate, spread)}."
    large = _how_large(estimate, spread, limits)
    if large == 2:
        return 2, text, "studies differ widely"
    if large or (unlikely and spread.apart):
        return 1, text, "studies differ"
    return 0, f"{text} That is near enough.", ""


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


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


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
        return down, text, _wide_or_few(above > limits.harm_above_serious, few)
    half = (result.ci_high - result.ci_low) / 2
    text = (
        f"The interval reaches {_points(half)} to each side on average; our limit is {_points(limits.half_width_serious)}. "
        f"{phrase(estimate, 'people')} were counted; one sample as exact as that would need {enough}."
    )
    wide = half > limits.half_width_serious
    return (2 if half > limits.half_width_very_serious else 1 if wide or few else 0), text, _wide_or_few(wide, few)


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
            _wide_or_few(False, few),
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
    return down, text, _wide_or_few(crosses, few)


def _wide_or_few(wide: bool, few: bool) -> str:
    return " and ".join(text for text, holds in (("wide interval", wide), ("few people", few)) if holds)


def _points(share: float) -> str:
    return f"{100 * share:.1f} percentage points"


def _publication(estimate: Estimate, limits: Thresholds) -> Steps:
    """The small-study test where there are enough studies."""
    if estimate.k < limits.studies_for_test:
        return (
            0,
            f"{phrase(estimate, 'studies')}: too few for a test of small-study effects ({limits.studies_for_test} or more).",
            "",
        )
    test_of_size = arcsine_test if estimate.is_comparison else proportion_size_test
    try:
        test = test_of_size(*arrays(estimate.rows), labels=labels_of(estimate.rows))
    except ValueError:
        return 0, "No or only events, or studies of one size: nothing to test for small-study effects.", ""
    text = f"test of small-study effects p = {test.p:.2g}"
    if test.p < limits.small_study_p:
        return 1, f"Small studies show other results than large ones ({text}).", "small studies show other results"
    return 0, f"Small studies do not clearly differ from large ones ({text}).", ""


def _declared(domain: str, estimate: Estimate, kind: str, judgements: Sequence[Judgement]) -> Steps:
    """The judgement by hand: one for the estimate goes before one for its outcome, that before one for its kind."""
    holds = {"estimate": (estimate.id, estimate.synthesis.parent), "outcome": (estimate.synthesis.outcome,), "kind": (kind,)}
    for scope in ("estimate", "outcome", "kind"):
        for judgement in judgements:
            if judgement.domain == domain and judgement.scope[0] == scope and set(judgement.scope[1]) & set(holds[scope]):
                return judgement.down, judgement.reason, judgement.short
    return 0, "", ""


def _domain(name: str, computed: Steps, declared: Steps) -> Domain:
    reasons = [text for _, text, _ in (declared, computed) if text]
    short = ", ".join(text for down, _, text in (declared, computed) if down and text)
    return Domain(name, min(MOST_DOWN, computed[0] + declared[0]), " ".join(reasons) or "Nothing found to lower it.", short)
