"""Verdicts on claims: what they are, and how an estimate, its interval and a claimed range give one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

SUPPORTED = "supported"
PARTLY = "partly supported"
NOT_SUPPORTED = "not supported"
CONTRADICTED = "contradicted"
UNTESTED = "cannot be tested yet"
#: From best to worst; the last is not a judgement of the claim.
VERDICTS = (SUPPORTED, PARTLY, NOT_SUPPORTED, CONTRADICTED, UNTESTED)

#: What a verdict by place of the interval says, as the end of a sentence.
PLACED = {
    SUPPORTED: "The whole interval agrees with the claim.",
    PARTLY: "The estimate agrees with the claim, but its interval leaves the opposite open.",
    NOT_SUPPORTED: "The estimate does not agree with the claim, but its interval does not rule the claim out.",
    CONTRADICTED: "The whole interval speaks against the claim.",
}


@dataclass(frozen=True, slots=True)
class Region:
    """The values under which a claim is true, both ends included.

    >>> Region(high=0.01).holds(0.004), Region(low=1).holds(0.9)
    (True, False)
    """

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Is the claim true at this value?"""
        return self.low <= value <= self.high


def place(estimate: float, ci_low: float, ci_high: float, region: Region) -> str:
    """The verdict by where the estimate and its interval lie.

    Supported: the whole interval lies in the region. Partly: the estimate does. Not supported: only a part of the
    interval does. Contradicted: nothing of it does.

    >>> claimed = Region(low=0.5)
    >>> place(0.6, 0.55, 0.65, claimed), place(0.6, 0.4, 0.8, claimed)
    ('supported', 'partly supported')
    >>> place(0.4, 0.2, 0.6, claimed), place(0.2, 0.1, 0.3, claimed)
    ('not supported', 'contradicted')
    """
    if region.holds(ci_low) and region.holds(ci_high):
        return SUPPORTED
    if region.holds(estimate):
        return PARTLY
    if ci_low <= region.high and ci_high >= region.low:
        return NOT_SUPPORTED
    return CONTRADICTED


#: The same for a claim that one thing is more than another: no difference within the interval means that none is shown.
DIFFERENCE = {
    SUPPORTED: "The whole interval lies on the side of the claim.",
    NOT_SUPPORTED: "The interval holds no difference, so the claimed one is not shown.",
    CONTRADICTED: "The whole interval lies on the other side.",
}


def place_difference(ci_low: float, ci_high: float, null: float, *, higher: bool) -> str:
    """The verdict on a claimed difference: an interval that holds the null shows none, wherever the estimate lies.

    >>> [place_difference(low, high, 1, higher=True) for low, high in ((1.2, 3), (0.9, 30), (0.1, 0.8))]
    ['supported', 'not supported', 'contradicted']
    """
    if ci_low <= null <= ci_high:
        return NOT_SUPPORTED
    return SUPPORTED if (ci_low > null) == higher else CONTRADICTED


@dataclass(frozen=True, slots=True)
class Finding:
    """What one test found: a verdict, what the data say today (phrases), why (sentences), and the estimates used.

    ``compared`` tells that the numbers come from studies with a control group.
    """

    verdict: str
    today: tuple[str, ...]
    why: str
    estimate_ids: tuple[str, ...] = ()
    compared: bool = False


def combine(findings: Sequence[Finding]) -> Finding:
    """One finding of several that a claim needs together.

    All alike: that verdict. Otherwise partly supported where any is supported or partly supported, and not supported
    where none is. A part that cannot be tested keeps a claim from being supported, and from being contradicted.
    """
    if len(findings) == 1:
        return findings[0]
    verdicts = {f.verdict for f in findings}
    mixed = PARTLY if verdicts & {SUPPORTED, PARTLY} else NOT_SUPPORTED
    verdict = mixed if len(verdicts) > 1 else findings[0].verdict
    marked = " ".join(f"({n}) {f.why}" for n, f in enumerate(findings, start=1))
    return Finding(
        verdict,
        tuple(dict.fromkeys(t for f in findings for t in f.today)),
        marked,
        tuple(dict.fromkeys(i for f in findings for i in f.estimate_ids)),
        any(f.compared for f in findings),
    )


def at_most(finding: Finding, highest: str, because: str) -> Finding:
    """Lower a verdict that is better than ``highest``; say why where the verdict is that or better. Others stay as they are."""
    if finding.verdict == UNTESTED or VERDICTS.index(finding.verdict) > VERDICTS.index(highest):
        return finding
    return replace(finding, verdict=highest, why=f"{finding.why} {because}".strip())
