"""The share that the natural course predicts for a new group of people, with what is not known about it.

Words: on the log-odds scale the share of a study of like people is ``mu + common + own``: ``common ~ N(0, se^2)`` is how well the
average of such studies is known and is the same for every group that is compared, ``own ~ N(0, tau^2)`` how studies of like people
differ. Where a single study tells the natural course, its own deviation is part of what is not known of the average, and how studies
differ must be taken from elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, roots_hermitenorm
from scipy.stats import binom

Array = NDArray[np.float64]
_POINTS = 41
_NODES, _WEIGHTS = roots_hermitenorm(_POINTS)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class NaturalShare:
    """The natural course of like people on the log-odds scale.

    mean, se
        the median study's log odds and its standard error.
    tau2
        variance between studies of like people.
    k, events, n
        studies and people that tell it.
    assumed_tau2
        whether ``tau2`` was taken from elsewhere.
    """

    mean: float
    se: float
    tau2: float
    k: int
    events: int
    n: int
    assumed_tau2: bool = False

    @property
    def spread(self) -> float:
        """Standard deviation of the log odds of a new group: what is not known of the average, and its own deviation."""
        return math.sqrt(self.se**2 + self.tau2)


@dataclass(frozen=True, slots=True)
class Moments:
    """The share of a new group: its mean, the variance that all groups share, that of its own, and the mean of p(1 - p)."""

    mean: float
    common: float
    own: float
    binomial: float


def natural_share_of_one(events: int, n: int, tau2: float) -> NaturalShare:
    """Return the natural course that one study tells; ``tau2``, how such studies differ, is taken from elsewhere.

    Log odds with half an event more on each side; the study's own deviation adds to what is not known of the average.

    Raises
    ------
    ValueError
        For counts that are none, or a ``tau2`` below 0.

    Examples
    --------
    >>> share = natural_share_of_one(6, 148, 0.22)
    >>> round(moments(share).mean, 3), share.assumed_tau2
    (0.056, True)
    """
    if n < 1 or not 0 <= events <= n or tau2 < 0:
        raise ValueError(f"{events} of {n} with tau2 = {tau2:g} cannot be; give events of patients and a variance of 0 or more.")
    mean = math.log((events + 0.5) / (n - events + 0.5))
    se = math.sqrt(1 / (events + 0.5) + 1 / (n - events + 0.5) + tau2)
    return NaturalShare(mean, se, tau2, 1, events, n, assumed_tau2=True)


def moments(share: NaturalShare) -> Moments:
    """Return the moments of the share of a new group, by Gauss-Hermite quadrature over what is common and what is its own.

    Examples
    --------
    >>> found = moments(NaturalShare(0.0, 0.0, 0.0, 5, 50, 100))
    >>> round(found.mean, 12), round(found.common + found.own, 12), round(found.binomial, 12)
    (0.5, 0.0, 0.25)
    """
    p = expit(share.mean + share.se * _NODES[:, None] + math.sqrt(share.tau2) * _NODES[None, :])
    given_common = p @ _WEIGHTS
    mean = float(_WEIGHTS @ given_common)
    square = float(_WEIGHTS @ (p**2 @ _WEIGHTS))
    common = float(_WEIGHTS @ (given_common - mean) ** 2)
    return Moments(mean, common, max(0.0, square - mean**2 - common), mean - square)


def predicted_range(parts: list[tuple[NaturalShare, int]], level: float = 0.95) -> tuple[int, int]:
    """Return between which numbers of people the natural course lets the events of a group lie, equal tails.

    ``parts`` are the natural courses with the people that each is of. Of several parts the deviations go together, which makes the
    range wider, not narrower.

    Examples
    --------
    >>> predicted_range([(NaturalShare(0.0, 0.0, 0.0, 5, 50, 100), 20)])
    (6, 14)
    """
    nodes, weights = roots_hermitenorm(_POINTS)
    total = sum(n for _, n in parts)
    pmf = np.zeros(total + 1)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        given = np.ones(1)
        for share, n in parts:
            given = np.convolve(given, binom.pmf(np.arange(n + 1), n, expit(share.mean + share.spread * node)))
        pmf += weight * given
    below = np.cumsum(pmf)
    tail = (1 - level) / 2
    low = int(np.searchsorted(below, tail * (1 + 1e-12)))
    high = int(np.searchsorted(below, 1 - tail * (1 + 1e-12)))
    return low, min(high, total)
