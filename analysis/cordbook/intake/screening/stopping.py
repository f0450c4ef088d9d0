"""How many relevant records may be left among those not read yet, and whether enough have been found.

What is assumed: a relevant record that is left would have come up in the records read last at least :attr:`Stopping.odds` times as
readily as any other. These odds are estimated from this screening, from the second half of what was found, at their lower limit; they
are never taken below 1 (the order is no worse than chance) nor above :data:`MOST_ODDS`. Relevant records that no word tells are found
by chance alone: of them the estimate may miss some, and the plain test (odds of 1) is given beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2, hypergeom

#: The most that is made of a good order. Higher odds let go earlier; beyond these, records that are hard to find are missed.
MOST_ODDS = 3.0
#: Runs of records read last that the plain test tries.
MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class Stopping:
    """What is known of the records not read yet.

    ``at_most`` relevant ones are left (one-sided limit at ``level``), ``expected`` on average; ``recall`` is the share found if
    ``at_most`` are left; ``p`` tests that less than ``target`` has been found, ``plain_p`` the same without trust in the order.
    """

    screened: int
    left: int
    found: int
    expected: float
    at_most: int
    recall: float
    target: float
    p: float
    plain_p: float
    odds: float
    level: float

    @property
    def enough(self) -> bool:
        """Is it shown that the target has been found?"""
        return self.p < 1 - self.level

    @property
    def text(self) -> str:
        """What is known, for people, with what it assumes."""
        if not self.left:
            return f"All {self.screened} records have been read; {self.found} are relevant."
        said = (
            f"Read {self.screened}, unread {self.left}. Relevant: {self.found} found, about {self.expected:.0f} more expected, at most "
            f"{self.at_most} ({self.level:.0%} limit, so at least {self.recall:.0%} found). "
        )
        said += (
            f"At least {self.target:.0%} are found (p = {self.p:.3f}): you may stop. "
            if self.enough
            else f"That {self.target:.0%} are found is not shown yet (p = {self.p:.3f}). "
        )
        if self.odds > 1:
            said += (
                f"This assumes that a relevant record comes up {self.odds:.1f} times as readily as another, as the later ones found here "
                "did; one without telling words does not. "
            )
        return said + f"Without that: p = {self.plain_p:.3f} (Callaghan and Müller-Hansen 2020)."


def stopping(relevant: Sequence[bool], left: int, *, target: float = 0.95, level: float = 0.95) -> Stopping | None:
    """How many relevant records may be left, from decisions in the order they were made; None before the first.

    The hypergeometric test of Callaghan and Müller-Hansen (2020, Systematic Reviews 9:273) takes the records read last as a random
    sample of those unread then. Here the sample is a biased one, with odds for the relevant. Each relevant record is found at a rate
    of ``odds`` per unit of a clock that runs by ``1 / i`` with each irrelevant record read while ``i`` are left; so of those left
    when the clock showed ``u``, a share of ``exp(-odds * (now - u))`` is left now, and how many came since is binomial. As in that
    paper, of the runs that end now the one that says most is used: here those that begin with something found, in the second half.
    """
    if not relevant:
        return None
    found, read = sum(relevant), len(relevant)
    if not left:
        return Stopping(read, 0, found, 0.0, 0, 1.0, target, 0.0, 0.0, 1.0, level)
    hits = np.asarray(relevant, dtype=bool)
    low, high = 0, left
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _chance(hits, left, middle, level)[0] >= 1 - level else (low, middle - 1)
    least = _least(found, target)
    p, odds, expected = _chance(hits, left, least, level) if least <= left else (0.0, 1.0, 0.0)
    plain = hypergeometric(relevant, left, target)
    return Stopping(
        read, left, found, min(expected, low), low, found / (found + low) if found + low else 1.0, target, min(p, plain), plain, odds, level
    )  # fmt: skip


def _least(found: int, target: float) -> int:
    """The smallest number of relevant records left with which less than ``target`` has been found."""
    return int(np.floor(found / target - found)) + 1


def _chance(hits: NDArray[np.bool_], left: int, missed: int, level: float) -> tuple[float, float, float]:
    """If ``missed`` relevant records were left: the chance of so few found lately, the odds, how many are expected to be left."""
    found = int(hits.sum())
    places = np.flatnonzero(hits)
    irrelevant = left - missed + np.cumsum(~hits[::-1])[::-1]
    clock = np.cumsum(np.where(hits, 0.0, 1 / np.maximum(irrelevant, 1)))
    begin = places[found // 2 - 1] + 1 if found > 1 else 0
    late = found - found // 2 if found > 1 else found
    there = missed + found - np.cumsum(hits)
    last = places[-1] + 1 if found else 0
    exposure = float((there / np.maximum(irrelevant, 1))[begin:last].sum())
    odds = 1.0
    if late and exposure > 0:
        odds = float(np.clip(chi2.ppf(1 - level, 2 * late) / (2 * exposure), 1.0, MOST_ODDS))
    starts = np.array([*(places[::-1] + 1)[: late + 1], 0][: late + 1])
    since = np.arange(len(starts))
    begun = np.where(starts > 0, clock[np.maximum(starts - 1, 0)], 0.0)
    rest = np.exp(-odds * (clock[-1] - begun))
    some = starts < len(hits)
    p = float(binom.cdf(since, since + missed, 1 - rest)[some].min()) if some.any() else 1.0
    whole = float(rest[-1])
    return p, odds, (late + 1) * whole / (1 - whole) if whole < 1 else float(left)


def hypergeometric(relevant: Sequence[bool], left: int, target: float) -> float:
    """The chance, if less than ``target`` had been found, of so few among the records read last: the least over all runs of them.

    The test of Callaghan and Müller-Hansen (2020): the records of a run are a random sample of those unread when it began.
    """
    hits = np.asarray(relevant, dtype=int)
    read, found = len(hits), int(hits.sum())
    least = _least(found, target)
    if least > left:
        return 0.0
    lengths = np.arange(1, read + 1) if read <= MOST_RUNS else np.unique(np.geomspace(1, read, MOST_RUNS).round().astype(int))
    seen = np.cumsum(hits[::-1])[lengths - 1]
    size = left + lengths
    return float(hypergeom.cdf(seen, size, seen + least, lengths).min())
