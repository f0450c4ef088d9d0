"""The conclusion of an estimate in a word: which way it points, by its interval and not by its point.

A comparison points where its whole interval lies on one side of no difference. A share without a control group points where its
interval and that of natural recovery do not meet; a harm, where it was seen at all. Other shares point nowhere: they are a size. Studies that stand side by side have no conclusion of their own but that.
"""

from __future__ import annotations

from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.phrases import NOT_POOLED

NOT_ESTIMABLE = "not estimable"
NOT_SHOWN = "no difference shown"
MORE, FEWER = "more often than with the comparator", "less often than with the comparator"
ABOVE, BELOW, AROUND = "above natural recovery", "below natural recovery", "not told apart from natural recovery"
SEEN, NONE_SEEN = "seen", "not seen"
SIZE = "a size"


def direction(estimate: Estimate, estimates: Estimates) -> str:
    """The direction of an estimate, one of the constants above."""
    if not estimate.is_reported:
        return NOT_ESTIMABLE
    if estimate.synthesis.harm and not estimate.is_comparison:
        return SEEN if estimate.events else NONE_SEEN
    if estimate.not_pooled:
        return NOT_POOLED
    if estimate.is_comparison:
        null = 0.0 if estimate.synthesis.measure == "RD" else 1.0
        return _side(estimate.result.ci_low, estimate.result.ci_high, null, null, (FEWER, NOT_SHOWN, MORE))
    natural = _natural(estimate, estimates)
    if natural is None or natural.result is None:
        return SIZE
    return _side(
        estimate.result.ci_low, estimate.result.ci_high, natural.result.ci_low, natural.result.ci_high, (BELOW, AROUND, ABOVE)
    )


def _natural(estimate: Estimate, estimates: Estimates) -> Estimate | None:
    declared = estimate.synthesis.natural
    try:
        return estimates[declared] if declared else None
    except KeyError:  # a subgroup that today's data do not have
        return None


def _side(low: float | None, high: float | None, floor: float, ceiling: float, words: tuple[str, str, str]) -> str:
    below, between, above = words
    if low is None or high is None:
        return between
    return above if low > ceiling else below if high < floor else between
