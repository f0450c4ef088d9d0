"""Holds what the rules of certainty share for counts and for scores: levels, domains, what ``certainty.yml`` declares, and steps alike for both.

What they are is told where they rate: :mod:`cordbook.review.appraisal.certainty` (counts, and whoever asks) and
:mod:`cordbook.review.appraisal.score_certainty` (scores).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cordbook.core.yaml import declared, read_yaml
from cordbook.errors import InputError
from cordbook.review.estimates.phrases import percent

#: What it is called wherever it is shown: rules rate, no panel.
NAME = "rule-based certainty"
LEVELS = ("very low", "low", "moderate", "high")
NOT_RATED = "not rated"
DOMAINS = ("risk of bias", "inconsistency", "indirectness", "imprecision", "publication bias")
#: Questions by kind: does a treatment work (with a control group), what happened to people treated (without), how often.
KINDS = ("effect", "single arm", "frequency")
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


#: One study alone cannot disagree.
ONE_STUDY: Steps = (0, "One study: nothing to be consistent with.", "")


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


def start_of_comparison(randomised: float, limits: Thresholds) -> tuple[str, str, str]:
    """Where a comparison starts by the share of its weight that is of randomised trials: level, reason, the same in few words."""
    if randomised >= limits.randomised_weight:
        return "high", f"{percent(randomised)} of the weight is of randomised trials, so the evidence starts as high.", ""
    text = f"Only {percent(randomised)} of the weight is of randomised trials, so the evidence starts as low."
    return "low", text, "not mostly randomised trials"


def weak_reading(weak: float, limits: Thresholds, what: str, short: str) -> Steps:
    """Risk of bias by the share of weight that rests on ``what``; ``short`` says so in few words."""
    text = f"{percent(weak)} of the weight rests on {what}"
    if weak > limits.weak_weight:
        return 1, f"{text}, more than {percent(limits.weak_weight)}.", short
    return 0, f"{text}." if weak else "", ""


def inconsistency(spread: Spread, limits: Thresholds, reach: str, how_large: int) -> Steps:
    """How much studies differ beyond chance; how well their average is known has no say.

    Some variance between studies has to be estimated. Then there are three signs: a small p of the test of heterogeneity, intervals of
    studies that do not overlap, a spread of true results beyond the limit. Two of them lower by one step; by two where the spread is
    very large and chance does not explain it. ``reach`` says in words between what the true results lie, ``how_large`` whether
    that is too far (1) or very far (2).
    """
    unlikely = spread.q_p is not None and spread.q_p < limits.heterogeneity_p
    test = f"test of heterogeneity {small_p(spread.q_p)}; " if spread.q_p is not None else ""
    test += "intervals of studies do not all overlap" if spread.apart else "intervals of studies overlap"
    if spread.low is None:
        if unlikely or spread.apart:
            return 1, f"The studies differ beyond chance ({test}), by how much cannot be estimated.", "studies differ"
        return 0, "No or only events: differences between studies cannot be estimated.", ""
    if not (spread.tau2 or spread.rho):
        return 0, f"Chance explains the differences between studies (no variance between them is estimated; {test}).", ""
    if not (unlikely or spread.apart):
        return 0, f"Chance may explain the differences between studies ({test}).", ""
    text = f"The studies differ beyond chance ({test}): {reach}."
    if how_large == 2:
        return 2, text, "studies differ widely"
    if how_large or (unlikely and spread.apart):
        return 1, text, "studies differ"
    return 0, f"{text} That is near enough.", ""


def small_p(value: float) -> str:
    """The p of a test in words."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def wide_or_few(wide: bool, few: bool) -> str:
    """Why an estimate is imprecise, in few words."""
    return " and ".join(text for text, holds in (("wide interval", wide), ("few people", few)) if holds)


def too_few_for_test(k: str, limits: Thresholds) -> Steps:
    """No test of small-study effects of so few studies, given in words."""
    return 0, f"{k}: too few for a test of small-study effects ({limits.studies_for_test} or more).", ""


def small_study(p: float, limits: Thresholds) -> Steps:
    """Publication bias by the p of a test of small-study effects."""
    text = f"test of small-study effects p = {p:.2g}"
    if p < limits.small_study_p:
        return 1, f"Small studies show other results than large ones ({text}).", "small studies show other results"
    return 0, f"Small studies do not clearly differ from large ones ({text}).", ""


def judged(domain: str, holds: Mapping[str, Sequence[str | None]], judgements: Sequence[Judgement]) -> Steps:
    """The judgement by hand: one for the estimate goes before one for its outcome, that before one for its kind.

    ``holds`` names what the estimate is, by the scopes of a judgement.
    """
    for scope in ("estimate", "outcome", "kind"):
        for judgement in judgements:
            if judgement.domain == domain and judgement.scope[0] == scope and set(judgement.scope[1]) & set(holds[scope]):
                return judgement.down, judgement.reason, judgement.short
    return 0, "", ""


def domain_of(name: str, computed: Steps, by_hand: Steps) -> Domain:
    """A domain of steps computed and steps judged."""
    reasons = [text for _, text, _ in (by_hand, computed) if text]
    short = ", ".join(text for down, _, text in (by_hand, computed) if down and text)
    return Domain(name, min(MOST_DOWN, computed[0] + by_hand[0]), " ".join(reasons) or "Nothing found to lower it.", short)


def rating(
    estimate_id: str, kind: str, start: tuple[str, str, str], computed: Mapping[str, Steps], by_hand: Mapping[str, Steps]
) -> Certainty:
    """The certainty of an estimate from where it starts (level, reason, the same in few words) and the steps of every domain."""
    level, reason, short = start
    domains = tuple(domain_of(name, computed[name], by_hand[name]) for name in DOMAINS)
    reached = max(0, LEVELS.index(level) - sum(d.down for d in domains))
    return Certainty(estimate_id, LEVELS[reached], kind, level, reason, domains, short)
