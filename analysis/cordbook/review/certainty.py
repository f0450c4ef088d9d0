"""Certainty of evidence by GRADE: where it starts, five reasons to lower it, each with its rule and its reason.

What can be computed from an estimate and the tables is computed; what cannot is declared in ``data/certainty.yml`` with a
reason. Nothing is rated up. A judgement made by rules is no judgement of a panel: it is told in full so that one can be made.

References
----------
Guyatt et al. (2008), BMJ 336, 924-926: the five reasons and the four levels.
Iorio et al. (2015), BMJ 350, h870: how often something happens (prognosis, incidence) is answered by cohorts, which start
high.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from cordbook.evidence.evidence import Evidence
from cordbook.reads import by_value_of_estimates
from cordbook.review.estimates import Estimate, Estimates
from cordbook.review.phrases import percent, phrase, ratio
from cordbook.review.side_by_side import FEW, ONE_STUDY, SPREAD, WIDE
from cordbook.review.yaml_text import load_yaml
from cordbook.synthesis import ComparedArms, arcsine_test, information_proportion, proportion_size_test

LEVELS = ("very low", "low", "moderate", "high")
NOT_RATED = "not rated"
DOMAINS = ("risk of bias", "inconsistency", "indirectness", "imprecision", "publication bias")
#: Questions by kind: does a treatment work (with a control group), what happened to people treated (without), how often.
KINDS = ("effect", "single arm", "frequency")
START = {
    "effect": "a comparison: high where nearly all weight lies on randomised trials, else low",
    "single arm": "people treated without a control group: low",
    "frequency": "how often something happens, which groups of patients answer without a control group: high",
}
#: The same as a sentence, for an estimate.
_STARTS = {
    "single arm": "Only treated people are counted, with nobody to compare them with, so the evidence starts as low.",
    "frequency": "How often something happens can be seen without a control group, so the evidence starts as high.",
}
#: No domain lowers the level by more than two steps.
MOST_DOWN = 2
FILE = "certainty.yml"


class CertaintyError(ValueError):
    """``certainty.yml`` cannot be used; the message lists every fault."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of the computed rules; shares run from 0 to 1, ``i2`` is in percent."""

    randomised_weight: float
    weak_weight: float
    i2_serious: float
    prediction_serious: float
    prediction_very_serious: float
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
class Judgement:
    """A domain judged by hand for some estimates: ``scope`` is (kind|outcome|estimate, its values)."""

    scope: tuple[str, tuple[str, ...]]
    domain: str
    down: int
    reason: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``certainty.yml`` holds."""

    thresholds: Thresholds
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """One of the five reasons: steps down (0 to 2) and why, computed and declared parts together."""

    name: str
    down: int
    reason: str


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure one can be of an estimate: level, where it started and why, and the five domains."""

    estimate_id: str
    level: str
    kind: str
    start: str
    start_reason: str
    domains: tuple[Domain, ...]

    @property
    def down(self) -> int:
        """Steps down in all; more than the level can fall may be counted."""
        return sum(d.down for d in self.domains)

    def domain(self, name: str) -> Domain:
        """A domain by its name."""
        return next(d for d in self.domains if d.name == name)


def load_settings(path: Path) -> Settings:
    """Read ``certainty.yml``; raises :class:`CertaintyError` with all faults."""
    try:
        return parse_settings(load_yaml(path.read_text(encoding="utf-8")), path.name)
    except FileNotFoundError:
        raise CertaintyError(f"{path}: not found; it holds the rules of certainty") from None
    except yaml.YAMLError as error:
        raise CertaintyError(f"{path}: not valid YAML: {error}") from error


def parse_settings(content: Any, name: str = FILE) -> Settings:
    """Check and freeze the content of ``certainty.yml``."""
    if not isinstance(content, Mapping) or not isinstance(content.get("thresholds"), Mapping):
        raise CertaintyError(f"{name}: expected the keys `thresholds` and `judgements`")
    limits, entries = content["thresholds"], content.get("judgements") or []
    known = Thresholds.__dataclass_fields__
    faults = [f"thresholds: {key} is missing or not a number" for key in known if not isinstance(limits.get(key), int | float)]
    faults += [f"thresholds: unknown {key!r}" for key in limits if key not in known]
    judgements = []
    for number, entry in enumerate(entries, start=1):
        found = _judgement_faults(entry)
        faults += [f"judgement {number}: {fault}" for fault in found]
        if not found:
            ((scope, values),) = entry["for"].items()
            values = tuple(values) if isinstance(values, list) else (values,)
            judgements.append(Judgement((scope, values), entry["domain"], entry["down"], entry["reason"]))
    if faults:
        raise CertaintyError(f"{name}: {len(faults)} fault(s)\n  " + "\n  ".join(faults))
    return Settings(Thresholds(**limits), tuple(judgements))


def _judgement_faults(entry: Any) -> list[str]:
    if not isinstance(entry, Mapping):
        return ["expected keys and values"]
    faults = [f"unknown key {key!r}" for key in entry if key not in ("for", "domain", "down", "reason")]
    scope = entry.get("for")
    if not isinstance(scope, Mapping) or len(scope) != 1 or next(iter(scope)) not in ("kind", "outcome", "estimate"):
        faults.append("`for` holds one of kind, outcome, estimate")
    elif "kind" in scope:
        values = scope["kind"] if isinstance(scope["kind"], list) else [scope["kind"]]
        faults += [f"kind {v!r}; there are {', '.join(KINDS)}" for v in values if v not in KINDS]
    if entry.get("domain") not in DOMAINS:
        faults.append(f"domain is {entry.get('domain')!r}; there are {', '.join(DOMAINS)}")
    if entry.get("down") not in range(MOST_DOWN + 1):
        faults.append(f"down is {entry.get('down')!r}; it is 0, 1 or 2")
    if not entry.get("reason"):
        faults.append("a judgement needs its reason")
    return faults


def kind_of(estimate: Estimate) -> str:
    """What kind of question an estimate answers; see :data:`KINDS`."""
    if estimate.is_comparison:
        return "effect"
    where = dict(estimate.synthesis.where)
    frequency = (
        estimate.synthesis.harm
        or where.get("role") in (("natural_course",), ("comparator",))
        or where.get("topic") == ("rm_incidence",)
    )
    return "frequency" if frequency else "single arm"


def certainty(estimate: Estimate, evidence: Evidence, settings: Settings) -> Certainty:
    """Rate an estimate; one without a study is not rated.

    Of studies that stand side by side the reasons not to pool them take the place of what an average would be judged by.
    """
    kind = kind_of(estimate)
    if not estimate.is_reported:
        return Certainty(estimate.id, NOT_RATED, kind, NOT_RATED, "No study could be pooled.", ())
    weights = estimate.row_weights
    start, reason = _start(estimate, evidence, kind, weights, settings.thresholds)
    computed = {
        "risk of bias": _weak_reading(estimate, evidence, weights, settings.thresholds),
        "inconsistency": _not_pooled(estimate, SPREAD, ONE_STUDY) or _inconsistency(estimate, settings.thresholds),
        "indirectness": (0, ""),
        "imprecision": _not_pooled(estimate, FEW, WIDE) or _imprecision(estimate, kind, settings.thresholds),
        "publication bias": _publication(estimate, settings.thresholds),
    }
    domains = tuple(_domain(name, computed[name], _declared(name, estimate, kind, settings.judgements)) for name in DOMAINS)
    level = max(0, LEVELS.index(start) - sum(d.down for d in domains))
    return Certainty(estimate.id, LEVELS[level], kind, start, reason, domains)


def _not_pooled(estimate: Estimate, *rules: str) -> tuple[int, str] | None:
    """Two steps for studies that cannot be pooled by one of some rules, none by others; None where they are pooled."""
    if not estimate.not_pooled:
        return None
    texts = [reason.text for reason in estimate.not_pooled if reason.rule in rules]
    return (MOST_DOWN, " ".join(texts)) if texts else (0, "Not pooled, so not judged by an average.")


def rate(estimates: Estimates, estimate_ids: Iterable[str]) -> dict[str, Certainty]:
    """The certainty of several estimates by the rules of their project, by id."""
    return {i: certainty_today(estimates, i) for i in estimate_ids}


def certainty_key(estimate_id: str) -> tuple[str, str]:
    """Under which name :meth:`Estimates.once` keeps the certainty of an estimate."""
    return ("certainty", estimate_id)


def rate_steps(estimates: Estimates, estimate_ids: Iterable[str]) -> dict[str, Certainty]:
    """:func:`rate` without the reasons, which hold numbers: who shows levels and steps alone depends on these alone."""
    return {i: steps_today(estimates, i) for i in estimate_ids}


@by_value_of_estimates
def steps_today(estimates: Estimates, estimate_id: str) -> Certainty:
    """:func:`certainty_today` without the reasons."""
    rated = certainty_today(estimates, estimate_id)
    return replace(rated, start_reason="", domains=tuple(replace(d, reason="") for d in rated.domains))


@by_value_of_estimates
def certainty_today(estimates: Estimates, estimate_id: str) -> Certainty:
    """The certainty of an estimate by the rules of its project."""
    settings = estimates.once("certainty rules", lambda: load_settings(estimates.evidence.folder / FILE))
    return estimates.once(certainty_key(estimate_id), lambda: certainty(estimates[estimate_id], estimates.evidence, settings))


def unknown_judgements(settings: Settings, estimates: Estimates) -> list[str]:
    """Estimates and outcomes that judgements name and that do not exist."""
    declared, outcomes = set(estimates.declarations.ids), set(estimates.evidence["outcome_terms"]["outcome"])
    faults = []
    for scope, values in (j.scope for j in settings.judgements):
        faults += [f"no estimate {v!r}" for v in values if scope == "estimate" and v.split("--")[0] not in declared]
        faults += [f"no outcome {v!r}" for v in values if scope == "outcome" and v not in outcomes]
    return faults


def _start(estimate: Estimate, evidence: Evidence, kind: str, weights: Sequence[float], limits: Thresholds) -> tuple[str, str]:
    if kind != "effect":
        return ("high" if kind == "frequency" else "low"), _STARTS[kind]
    cells = evidence.cells_by_id(cells[0] for cells in estimate.rows["cells"])
    share = sum(w for w, design in zip(weights, cells["design"], strict=True) if design == "rct")
    if share >= limits.randomised_weight:
        return "high", f"{percent(share)} of the weight is of randomised trials, so the evidence starts as high."
    return "low", f"Only {percent(share)} of the weight is of randomised trials, so the evidence starts as low."


def _weak_reading(estimate: Estimate, evidence: Evidence, weights: Sequence[float], limits: Thresholds) -> tuple[int, str]:
    """Share of weight from cells read with low confidence or from studies that are not fully identified."""
    cells = evidence.cells_by_id(estimate.cells)
    confirmed = evidence.confirmed_studies
    low = frozenset(cells.index[cells["confidence"] == "low"])
    weak = 0.0
    for weight, study, ids in zip(weights, estimate.rows["study_id"], estimate.rows["cells"], strict=True):
        if low.intersection(ids) or study not in confirmed:
            weak += weight
    text = f"{percent(weak)} of the weight rests on counts read with low confidence or on studies not fully identified"
    if weak > limits.weak_weight:
        return 1, f"{text}, more than {percent(limits.weak_weight)}."
    return 0, f"{text}." if weak else ""


def _inconsistency(estimate: Estimate, limits: Thresholds) -> tuple[int, str]:
    result = estimate.result
    if estimate.k == 1:
        return 0, "One study: nothing to be consistent with."
    if isinstance(result, ComparedArms) and estimate.synthesis.measure != "RD":
        crosses = result.pi_low is not None and result.pi_low < 1 < result.pi_high
        if result.i2 is not None and result.i2 >= limits.i2_serious:
            around = "; a new study may show benefit or harm" if crosses else ""
            return (2 if crosses else 1), f"The studies differ beyond chance (I² {phrase(estimate, 'i2')}){around}."
        return 0, f"I² {phrase(estimate, 'i2')}." if result.i2 is not None else ""
    if result.pi_low is None:
        return 0, "No or only events: differences between studies cannot be estimated."
    width = result.pi_high - result.pi_low
    text = f"a new study may show {phrase(estimate, 'prediction')}"
    if width >= limits.prediction_very_serious:
        return 2, f"Studies differ so much that {text}."
    if width >= limits.prediction_serious:
        return 1, f"Studies differ: {text}."
    return 0, f"Not marked down: {text}, less than {100 * limits.prediction_serious:g} percentage points from end to end."


def _imprecision(estimate: Estimate, kind: str, limits: Thresholds) -> tuple[int, str]:
    result = estimate.result
    if kind == "effect" and estimate.synthesis.measure != "RD":
        return _imprecise_ratio(estimate, limits)
    if kind == "frequency" and estimate.synthesis.harm:
        above = result.ci_high - result.estimate
        few = f"; {phrase(estimate, 'people')}, fewer than {limits.harm_people}" if estimate.n < limits.harm_people else ""
        text = f"The upper limit of {phrase(estimate, 'high')} lies {_points(above)} above the estimate{few}."
        if above > limits.harm_above_very_serious:
            return 2, text
        return (1 if above > limits.harm_above_serious or few else 0), text
    half = (result.ci_high - result.ci_low) / 2
    needed = information_proportion(0.5, limits.half_width_serious, level=estimate.synthesis.level).participants
    text = (
        f"The interval reaches {_points(half)} to each side on average; our limit is {_points(limits.half_width_serious)}. "
        f"{phrase(estimate, 'people')} were counted; one sample as exact as that would need {needed}."
    )
    if half > limits.half_width_very_serious:
        return 2, text
    return (1 if half > limits.half_width_serious or estimate.n < needed else 0), text


def _imprecise_ratio(estimate: Estimate, limits: Thresholds) -> tuple[int, str]:
    low, high, much = estimate.result.ci_low, estimate.result.ci_high, limits.appreciable_ratio
    both = low < 1 / much and high > much
    crosses = low <= 1 <= high
    few = estimate.n < limits.effect_people
    text = f"The interval {ratio(low)} to {ratio(high)} " + (
        "holds appreciable harm and appreciable benefit"
        if both
        else "holds no difference"
        if crosses
        else "leaves out no difference"
    )
    text += f"; {phrase(estimate, 'people')}, fewer than {limits.effect_people}." if few else "."
    return min(MOST_DOWN, (2 if both else 1 if crosses else 0) + (1 if few else 0)), text


def _points(share: float) -> str:
    return f"{100 * share:.1f} percentage points"


def _publication(estimate: Estimate, limits: Thresholds) -> tuple[int, str]:
    """The small-study test where there are enough studies."""
    if estimate.k < limits.studies_for_test:
        return 0, f"{phrase(estimate, 'studies')}: too few for a test of small-study effects ({limits.studies_for_test} or more)."
    rows = estimate.rows
    labels = rows["label"].tolist()
    try:
        if estimate.is_comparison:
            columns = (rows[c].to_numpy() for c in ("events1", "n1", "events2", "n2"))
            test = arcsine_test(*columns, labels=labels)
        else:
            test = proportion_size_test(rows["events"].to_numpy(), rows["n"].to_numpy(), labels=labels)
    except ValueError:
        return 0, "No or only events, or studies of one size: nothing to test for small-study effects."
    text = f"test of small-study effects p = {test.p:.2g}"
    if test.p < limits.small_study_p:
        return 1, f"Small studies show other results than large ones ({text})."
    return 0, f"Small studies do not clearly differ from large ones ({text})."


def _declared(domain: str, estimate: Estimate, kind: str, judgements: Sequence[Judgement]) -> tuple[int, str]:
    """The judgement by hand: one for the estimate goes before one for its outcome, that before one for its kind."""
    holds = {"estimate": (estimate.id, estimate.synthesis.parent), "outcome": (estimate.synthesis.outcome,), "kind": (kind,)}
    for scope in ("estimate", "outcome", "kind"):
        for judgement in judgements:
            if judgement.domain == domain and judgement.scope[0] == scope and set(judgement.scope[1]) & set(holds[scope]):
                return judgement.down, judgement.reason
    return 0, ""


def _domain(name: str, computed: tuple[int, str], declared: tuple[int, str]) -> Domain:
    reasons = [text for _, text in (declared, computed) if text]
    return Domain(name, min(MOST_DOWN, computed[0] + declared[0]), " ".join(reasons) or "Nothing found to lower it.")
