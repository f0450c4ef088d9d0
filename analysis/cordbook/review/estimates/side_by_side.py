"""Which studies are shown side by side instead of being pooled: rules that are declared and computed.

An average of two studies, of studies that share nothing, or of studies that counted in different ways looks exact and says
nothing. Such an estimate has no pooled number: it gives each study, their range and the counts added up. The limits are our
own, declared as ``not_pooled_if`` in ``syntheses.yml``; the coverage simulation of the methods chapter is the reason for the
first and the last of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cordbook.review.estimates.declarations import PoolingLimits
from cordbook.synthesis import ComparedArms, PooledProportion
from cordbook.synthesis.results import Result, StudyProportion, number, to_plain

FEW, SPREAD, ONE_STUDY, WIDE = "few studies", "spread", "one study", "wide interval"
#: The studies are of different things, as their declaration says.
UNLIKE = "unlike"
#: Models that assume one common effect: their interval does not have to be estimated from how studies differ.
COMMON_EFFECT = frozenset({"common", "mh", "peto"})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why studies are not pooled: the rule (one of the constants above) and what it found, as a sentence."""

    rule: str
    text: str


def without_weights(studies: Sequence[Any]) -> list[dict[str, Any]]:
    """Studies side by side as plain dictionaries: a weight would be a share of an average that is not given."""
    return [{name: value for name, value in study.items() if name != "weight"} for study in to_plain(tuple(studies))]


@dataclass(frozen=True)
class SideBySide(Result):
    """Studies that are not pooled: what they counted together, each with its share, and why there is no average.

    ``unpooled`` is what the model gives all the same; it is not part of :meth:`to_dict` or :meth:`summary`.
    """

    k: int
    events: int
    n: int
    level: float
    reasons: tuple[Reason, ...]
    studies: tuple[StudyProportion, ...]
    unpooled: PooledProportion
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers, text, lists and dictionaries, ready for JSON."""
        return {
            "k": self.k,
            "events": self.events,
            "n": self.n,
            "estimate": None,
            "not_pooled": [reason.text for reason in self.reasons],
            "studies": without_weights(self.studies),
            "notes": list(self.notes),
        }

    def _lines(self) -> list[str]:
        shares = [study.estimate for study in self.studies]
        return [
            f"Not pooled ({self.k} studies, {self.events} of {self.n} participants)",
            f"  single studies {number(min(shares))} to {number(max(shares))}",
            *(f"  reason: {reason.text}" for reason in self.reasons),
        ]


def side_by_side(result: PooledProportion, limits: PoolingLimits) -> PooledProportion | SideBySide:
    """A pooled share where the limits let it be reported, else its studies side by side."""
    reasons = reasons_not_to_pool(result, limits)
    if not reasons:
        return result
    studies = tuple(study._replace(weight=None) for study in result.studies)
    return SideBySide(result.k, result.events, result.n, result.level, reasons, studies, result)


def reasons_not_to_pool(result: PooledProportion | ComparedArms, limits: PoolingLimits, unlike: str = "") -> tuple[Reason, ...]:
    """The rules by which a result is not reported as pooled, in their order; none where it is.

    ``unlike`` is the declared reason why these studies are never averaged.

    One study alone is never pooled and needs no rule. Of comparisons only the number of studies is judged: a ratio has no
    width in points, and its spread stands in the prediction interval.

    >>> from cordbook import pool_proportions
    >>> [reason.rule for reason in reasons_not_to_pool(pool_proportions([3, 9], [20, 30]), PoolingLimits())]
    ['few studies', 'wide interval']
    """
    if result.k < 2:
        return ()
    if unlike:
        return (Reason(UNLIKE, unlike),)
    if isinstance(result, ComparedArms):
        found = [] if result.model in COMMON_EFFECT else [_few(result.k, limits)]
    else:
        found = [_few(result.k, limits), _spread(result, limits), _one_study(result, limits), _wide(result, limits)]
    return tuple(reason for reason in found if reason is not None)


def _few(k: int, limits: PoolingLimits) -> Reason | None:
    if k >= limits.studies_below:
        return None
    return Reason(FEW, f"{'Two' if k == 2 else k} studies are too few for an average.")


def _spread(result: PooledProportion, limits: PoolingLimits) -> Reason | None:
    if result.tau2 is None or result.measure != "logit" or result.tau2**0.5 <= limits.tau_above:
        return None
    return Reason(
        SPREAD,
        f"The studies differ too much for an average to describe them (tau = {result.tau2**0.5:.1f} on the log-odds scale; "
        f"our limit is {limits.tau_above:g}).",
    )


def _one_study(result: PooledProportion, limits: PoolingLimits) -> Reason | None:
    events = np.array([study.events for study in result.studies])
    if events.sum() < 2:  # one event is always all events in one study
        return None
    without, most = int((events == 0).sum()), int(events.max())
    if without / result.k <= limits.no_event_share_above or most / events.sum() <= limits.one_study_share_above:
        return None
    return Reason(
        ONE_STUDY,
        f"{without} of {result.k} studies report no event and one study holds {most} of the {events.sum()} events: an average "
        "would tell how studies counted, not how often the event happens.",
    )


def _wide(result: PooledProportion, limits: PoolingLimits) -> Reason | None:
    width = result.ci_high - result.ci_low
    if width <= limits.interval_wider_than:
        return None
    return Reason(
        WIDE,
        f"The confidence interval of an average would be {100 * width:.0f} percentage points wide; our limit is "
        f"{100 * limits.interval_wider_than:.0f}.",
    )
