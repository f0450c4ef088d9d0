"""Rules that test a claim on pooled estimates. Each takes a declared part and gives a finding in words and a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cordbook.review.claims.tests import Part, Settings
from cordbook.review.claims.verdicts import (
    CONTRADICTED,
    DIFFERENCE,
    NOT_SUPPORTED,
    PARTLY,
    PLACED,
    SUPPORTED,
    UNTESTED,
    Finding,
    Region,
    place,
    place_difference,
)
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.phrases import percent, phrase, ratio
from cordbook.review.estimates.rows import ArmRow, arrays
from cordbook.synthesis import regress_proportions, subgroup_proportions

#: No difference, on the scale of a ratio and of a difference.
NULL = {"OR": 1.0, "RR": 1.0, "RD": 0.0}
#: A model of two groups has two coefficients, so that it needs one study more.
FEWEST_COMPARED = 3
#: p below which groups are said to differ.
DIFFER = 0.05


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of ``claims.csv``: what the rules may ask of it."""

    id: str
    seed_id: str
    statement: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None


@dataclass(frozen=True, slots=True)
class GroupContrast:
    """Odds ratio of one group of studies against another, with interval (None where a group has no events) and p."""

    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    p: float


def look_up(estimates: Estimates, estimate_id: str) -> Estimate | None:
    """An estimate, or None where today's data has no study of that group."""
    try:
        return estimates[estimate_id]
    except KeyError:
        return None


def _titled(e: Estimate) -> str:
    return f"{e.title}: {phrase(e, 'short')}"


def _too_little(e: Estimate | None, estimate_id: str, settings: Settings, people: int | None = None) -> Finding | None:
    """The finding that there is not enough to judge by, or None."""
    fewest = settings.fewest_people if people is None else people
    if e is not None and e.not_pooled:
        return Finding(
            UNTESTED, (_titled(e),), f"The studies are not pooled. {e.not_pooled[0].text}", (estimate_id,), e.is_comparison
        )
    if e is None or e.result is None:
        return Finding(
            UNTESTED, ("no study to pool",), "No study of this kind can be pooled today.", () if e is None else (estimate_id,)
        )
    if e.k < settings.fewest_studies or e.n < fewest:
        why = (
            f"{e.title}: only {phrase(e, 'people')} in {phrase(e, 'studies')}. The test asks for at least {fewest} people "
            f"in at least {_count(settings.fewest_studies, 'study', 'studies')}."
        )
        return Finding(UNTESTED, (_titled(e),), why, (estimate_id,), e.is_comparison)
    return None


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"


def _placed(e: Estimate, region: Region, asked: str) -> Finding:
    verdict = place(e.result.estimate, e.result.ci_low, e.result.ci_high, region)
    return Finding(verdict, (_titled(e),), f"The test asks for {asked}. {PLACED[verdict]}", (e.id,), e.is_comparison)


def value_within(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """A claimed value lies in our interval, and that is narrow enough to mean something; a claimed range holds our interval."""
    e = look_up(estimates, part.needs["estimate"])
    if few := _too_little(e, part.needs["estimate"], part.settings):
        return few
    value = part.needs.get("value", claim.value)
    low, high = part.needs.get("low", claim.low), part.needs.get("high", claim.high)
    if value is None:
        return _placed(e, Region(low, high), f"{percent(low)} to {percent(high)}, as claimed")
    inside = e.result.ci_low <= value <= e.result.ci_high
    half = (e.result.ci_high - e.result.ci_low) / 2
    expected = e.result.pi_low is not None and e.result.pi_low <= value <= e.result.pi_high
    start, today = f"Claimed: {percent(value)}. ", (_titled(e),)
    if inside and half <= part.settings.widest_half_width:
        return Finding(SUPPORTED, today, start + "It lies in our interval.", (e.id,), e.is_comparison)
    if inside:
        why = "It lies in our interval, but that is so wide that many other values do too."
        return Finding(PARTLY, today, start + why, (e.id,), e.is_comparison)
    if expected:
        why = "It lies outside our interval, though a single study may show it."
        return Finding(NOT_SUPPORTED, today, start + why, (e.id,), e.is_comparison)
    return Finding(CONTRADICTED, today, start + "It lies outside our interval.", (e.id,), e.is_comparison)


def share_at_most(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """A share is not above a limit (rules ``at_most`` and ``rare``)."""
    e = look_up(estimates, part.needs["estimate"])
    few = _too_little(e, part.needs["estimate"], part.settings)
    limit = part.needs["limit"]
    return few or _placed(e, Region(high=limit), f"at most {percent(limit)}")


def share_at_least(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """A share is not below a limit (``at_least``), or above one half (``majority``)."""
    e = look_up(estimates, part.needs["estimate"])
    few = _too_little(e, part.needs["estimate"], part.settings)
    limit = part.needs.get("limit", 0.5)
    return few or _placed(e, Region(low=limit), f"at least {percent(limit)}")


def none_seen(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """Nobody had the event, and so many were looked at that more than ``limit`` can be ruled out."""
    e = look_up(estimates, part.needs["estimate"])
    if e is not None and e.events:  # that it was seen needs no average
        return Finding(CONTRADICTED, (_titled(e),), f"Seen in {phrase(e, 'of')} people.", (e.id,))
    if few := _too_little(e, part.needs["estimate"], part.settings):
        return few
    today = (_titled(e),)
    limit = part.needs["limit"]
    start = f"None among {phrase(e, 'people')}; up to {phrase(e, 'high')} fits with that. "
    if e.result.ci_high <= limit:
        return Finding(SUPPORTED, today, start + f"More than {percent(limit)} can be ruled out.", (e.id,))
    return Finding(PARTLY, today, start + f"Too few were looked at to rule out {percent(limit)}.", (e.id,))


def direction(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """In studies with a control group, the treated fare better (``higher``) or worse."""
    e = look_up(estimates, part.needs["estimate"])
    if few := _too_little(e, part.needs["estimate"], part.settings):
        return few
    null = NULL[e.synthesis.measure]
    verdict = place_difference(e.result.ci_low, e.result.ci_high, null, higher=part.needs["expect"] == "higher")
    return Finding(verdict, (_titled(e),), f"No difference would be {null:g}. {DIFFERENCE[verdict]}", (e.id,), True)


def no_clear_effect(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """The interval of a comparison holds "no difference"."""
    e = look_up(estimates, part.needs["estimate"])
    if few := _too_little(e, part.needs["estimate"], part.settings):
        return few
    holds = e.result.ci_low <= NULL[e.synthesis.measure] <= e.result.ci_high
    why = (
        "No difference lies in the interval, so no effect has been shown." if holds else "The interval leaves out no difference."
    )
    return Finding(SUPPORTED if holds else NOT_SUPPORTED, (_titled(e),), why, (e.id,), True)


def compare_groups(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """Studies of one group show a higher (or lower) share than those of another: odds ratio by meta-regression."""
    ids = (_ids(part.needs["estimate"]), _ids(part.needs["than"]))
    groups = [[e for i in side if (e := look_up(estimates, i)) is not None] for side in ids]
    known = tuple(e.id for side in groups for e in side)
    today = tuple(_titled(e) for side in groups for e in side)
    people, fewest = [sum(e.n for e in side) for side in groups], part.settings.fewest_in_group
    if min(people) < fewest:
        why = f"The smaller group has {min(people)} people; the test asks for at least {fewest} in each."
        return Finding(UNTESTED, today, why, known)
    if sum(e.k for side in groups for e in side) < FEWEST_COMPARED:
        return Finding(
            UNTESTED,
            today,
            f"Fewer than {FEWEST_COMPARED} studies in both groups together, so that study and group cannot be told apart.",
            known,
        )
    found = contrast(groups[0], groups[1], part.settings.level)
    if found is None:
        return Finding(UNTESTED, today, "Nobody, or everybody, had the event in both groups, so they cannot be compared.", known)
    verdict, text = _judge_contrast(found, part.needs["expect"] == "higher", part.settings.level)
    return Finding(verdict, today, f"{text} {DIFFERENCE[verdict]}", known)


def _judge_contrast(found: GroupContrast, higher: bool, level: float) -> tuple[str, str]:
    if found.ci_low is not None:
        verdict = place_difference(found.ci_low, found.ci_high, 1.0, higher=higher)
        interval = f"{level:.0%} CI {ratio(found.ci_low)} to {ratio(found.ci_high)}"
        return verdict, f"Odds ratio of the first group against the second: {ratio(found.estimate)} ({interval})."
    side = SUPPORTED if (found.estimate > 1) == higher else CONTRADICTED
    verdict = side if found.p < 1 - level else NOT_SUPPORTED
    return (
        verdict,
        f"One group has no events (or nothing else), so there is no odds ratio; likelihood ratio test p = {p_value(found.p)}.",
    )


def contrast(first: Sequence[Estimate], second: Sequence[Estimate], level: float) -> GroupContrast | None:
    """First group of studies against the second by the binomial-normal model with one between-study variance.

    Patients of one study may stand in both groups (say, of grade A and of grade B): each is counted once. None where
    neither group has events, or both have nothing else.
    """
    sided = [(row, side) for side, group in (("first", first), ("second", second)) for e in group for row in e.rows]
    rows, sides = [row for row, _ in sided], [side for _, side in sided]
    _check_disjoint(rows)
    events, n = arrays(rows)
    if events.sum() in (0, n.sum()):
        return None
    labels = [f"{row.label} ({side})" for row, side in sided]
    sums = [(sum(e.events for e in group), sum(e.n for e in group)) for group in (first, second)]
    if any(counted in (0, of) for counted, of in sums):
        between = subgroup_proportions(events, n, sides, labels=labels, tau2="common", level=level).between
        one, other = (counted / of for counted, of in sums)
        return GroupContrast(math.inf if one > other else 0.0, None, None, between.p if between else 1.0)
    fit = regress_proportions(events, n, {"side": sides}, labels=labels, reference={"side": "second"}, level=level)
    slope = fit.coefficients[1]
    return GroupContrast(math.exp(slope.estimate), math.exp(slope.ci_low), math.exp(slope.ci_high), slope.p)


def _check_disjoint(rows: Sequence[ArmRow]) -> None:
    counts = [c for row in rows for c in row.count_ids]
    if twice := sorted({c for c in counts if counts.count(c) > 1}):
        raise ValueError(f"groups to compare share counts ({', '.join(twice)}): compare groups of different patients")


def groups_differ(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """The subgroups of an estimate differ by more than chance: likelihood ratio test with one between-study variance."""
    wanted = part.needs.get("groups")
    parts = [e for e in estimates.parts(part.needs["of"]) if e.result and (not wanted or e.id in wanted)]
    ids = tuple(e.id for e in parts)
    today = tuple(_titled(e) for e in parts)
    used = [e for e in parts if e.n >= part.settings.fewest_in_group]
    if len(used) < 2:
        return Finding(UNTESTED, today, f"Fewer than two groups have {part.settings.fewest_in_group} people or more.", ids)
    rows, sides = [row for e in used for row in e.rows], [e.id for e in used for _ in e.rows]
    if len(rows) <= len(used):
        return Finding(
            UNTESTED, today, "There are as many groups as studies, so that studies and groups cannot be told apart.", ids
        )
    labels = [f"{row.label} ({side})" for row, side in zip(rows, sides, strict=True)]
    test = subgroup_proportions(
        *arrays(rows),
        sides,
        labels=labels,
        tau2="common",
        level=part.settings.level,
    ).between
    if test is None:
        return Finding(UNTESTED, today, "The groups cannot be compared.", ids)
    clear = test.p < DIFFER
    why = (
        f"{len(used)} groups of {part.settings.fewest_in_group} people or more, {len(rows)} rows; "
        f"test of a difference p = {p_value(test.p)}. "
        + ("The groups differ by more than chance explains." if clear else "No difference is shown; small groups may hide one.")
    )
    return Finding(SUPPORTED if clear else NOT_SUPPORTED, today, why, ids)


def heterogeneity(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """Studies differ by more than chance (``heterogeneous``) or do not (``homogeneous``): I-squared against a limit."""
    e = look_up(estimates, part.needs["estimate"])
    if few := _too_little(e, part.needs["estimate"], part.settings):
        return few
    limit = part.needs.get("i2", part.settings.serious_i2)
    if e.result.i2 is None:
        return Finding(UNTESTED, (_titled(e),), "Differences between studies cannot be estimated.", (e.id,))
    ends = (e.result.i2_ci_low, e.result.i2_ci_high)
    low, high = (e.result.i2 if v is None else v for v in ends)
    wide = part.rule == "heterogeneous"
    verdict = place(e.result.i2, low, high, Region(low=limit) if wide else Region(high=limit))
    shown = f"{e.title}: I² {phrase(e, 'i2')}, a new study may show {phrase(e, 'prediction')}"
    interval = "" if None in ends else f" ({e.synthesis.level:.0%} CI {low:.0f} to {high:.0f}%)"
    asked = f"The test asks for an I² of {'at least' if wide else 'at most'} {limit:g}%; it is {phrase(e, 'i2')}{interval}."
    return Finding(verdict, (shown,), f"{asked} {PLACED[verdict]}", (e.id,))


def within_study(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """Of studies that count both outcomes in the same arm, how many show more of the first? Sign test, exact interval."""
    pairs = outcome_pairs(estimates.evidence.counts, part.needs["outcome"], part.needs["than"], part.needs["where"])
    more, less = int((pairs["first"] > pairs["second"]).sum()), int((pairs["first"] < pairs["second"]).sum())
    names = dict(zip(estimates.evidence["outcome_terms"]["outcome"], estimates.evidence["outcome_terms"]["label"], strict=True))
    what = f"“{names[part.needs['outcome']]}” v “{names[part.needs['than']]}”"
    today = (f"{what}: more often in {more} of {more + less} studies",)
    if more + less < part.settings.fewest_studies or pairs["n"].sum() < part.settings.fewest_people:
        return Finding(UNTESTED, today, f"Only {len(pairs)} studies count both, {more + less} of them with a difference.")
    low, high = proportion_confint(more, more + less, 1 - part.settings.level, method="beta")
    verdict = place_difference(low, high, 0.5, higher=True)
    why = (
        f"{len(pairs)} studies count both in the same arm; the first is more frequent in {more}, less in {less}, equal in "
        f"{len(pairs) - more - less} (of those that differ, {percent(more / (more + less))}, exact {part.settings.level:.0%} CI "
        f"{percent(low)} to {percent(high)}). {DIFFERENCE[verdict]}"
    )
    return Finding(verdict, today, why)


def outcome_pairs(counts: pd.DataFrame, first: str, second: str, where: Mapping[str, Any]) -> pd.DataFrame:
    """Arms with both outcomes among all their patients: columns ``first, second`` (shares) and ``n``; the latest time counts."""
    asked = counts["outcome"].isin([first, second]) & counts["poolable"].fillna(False).astype(bool)
    chosen = counts[asked & counts["stratum_relation"].isin(["total", "only_stratum"])]
    for column, values in where.items():
        chosen = chosen[chosen[column].isin(values if isinstance(values, list) else [values])]
    chosen = chosen.sort_values("timepoint_months", na_position="first").drop_duplicates(["arm_id", "outcome"], keep="last")
    chosen = chosen.assign(share=chosen["events"].astype(float) / chosen["n"].astype(float))
    sides = [chosen[chosen["outcome"] == name].set_index("arm_id") for name in (first, second)]
    both = sides[0].index.intersection(sides[1].index).sort_values()
    return pd.DataFrame(
        {
            "first": sides[0].loc[both, "share"],
            "second": sides[1].loc[both, "share"],
            "n": sides[0].loc[both, "n"].astype(int),
        }
    )


def p_value(p: float) -> str:
    """A p value as written in text.

    >>> p_value(0.0321), p_value(0.00002), p_value(0.5)
    ('0.032', '<0.001', '0.50')
    """
    return "<0.001" if p < 0.001 else f"{p:.2g}" if p < 0.095 else f"{p:.2f}"


def poisson_ratio(first: int, second: int, level: float) -> tuple[float, float, float]:
    """Ratio of two counts over equal spans with its exact conditional interval (Clopper-Pearson of the share)."""
    low, high = proportion_confint(first, first + second, 1 - level, method="beta")
    odds = [v / (1 - v) if v < 1 else math.inf for v in (first / (first + second), low, high)]
    return odds[0], odds[1], odds[2]


def _ids(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, Iterable) and not isinstance(value, str) else [str(value)]


Rule = Callable[[Part, Claim, Estimates], Finding]
ESTIMATE_RULES: Mapping[str, Rule] = {
    "value_within": value_within,
    "rare": share_at_most,
    "at_most": share_at_most,
    "at_least": share_at_least,
    "majority": share_at_least,
    "none_seen": none_seen,
    "direction": direction,
    "no_clear_effect": no_clear_effect,
    "compare_groups": compare_groups,
    "groups_differ": groups_differ,
    "heterogeneous": heterogeneity,
    "homogeneous": heterogeneity,
    "within_study": within_study,
}
