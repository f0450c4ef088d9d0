"""The frozen result of a comparison of observed with expected numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cordbook.synthesis.results import Result


class ExpectedGroup(NamedTuple):
    """One treated group: events seen and predicted (with the range that the natural course allows), and their difference per 100.

    ``weight`` is in percent, None where nothing is pooled.
    """

    label: str
    observed: int
    n: int
    expected: float
    predicted_low: int
    predicted_high: int
    estimate: float
    ci_low: float
    ci_high: float
    weight: float | None = None

    def with_weight(self, weight: float) -> ExpectedGroup:
        """The same group with its weight."""
        return self._replace(weight=weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedExpected(Result):
    """Observed against expected over k groups.

    n, observed, expected
        people, events that were seen, and events that the natural course predicts, summed.
    estimate, ci_low, ci_high
        observed minus expected per 100 people, pooled; None of fewer than two groups.
    tau2, q
        variance between groups beyond what natural courses let differ (in squared points per 100), and Cochran's Q.
    ratio, ratio_low, ratio_high
        observed over expected; limits are None where nobody had the event.
    studies
        one `ExpectedGroup` a group, in the order given.
    """

    k: int
    n: int
    observed: int
    expected: float
    level: float
    studies: tuple[ExpectedGroup, ...]
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    tau2: float | None = None
    q: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    pi_low: float | None = None
    pi_high: float | None = None
    notes: tuple[str, ...] = ()

    def _lines(self) -> list[str]:
        lines = [f"Observed {self.observed} of {self.n}, expected {self.expected:.1f} ({self.k} groups)"]
        if self.estimate is not None and self.ci_low is not None and self.ci_high is not None:
            lines.append(
                f"  difference per 100 {self.estimate:.1f} ({self.level:.0%} CI {self.ci_low:.1f} to {self.ci_high:.1f})"
            )
        if self.ratio is not None:
            limits = "" if self.ratio_low is None else f" ({self.level:.0%} CI {self.ratio_low:.2g} to {self.ratio_high:.2g})"
            lines.append(f"  ratio {self.ratio:.2g}{limits}")
        return lines
