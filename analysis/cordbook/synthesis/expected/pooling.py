"""Observed minus expected per 100 people and observed over expected, group by group and pooled.

The expected number of a group is that of a natural course of the same grade and phase. What is not known of a natural course is
common to all groups that are set beside it, so that more groups do not make it known better: it enters as a covariance between them.

Difference: ``y_i = (O_i - E_i) / n_i``; ``V = diag(v_i + tau^2) + C``, with ``v_i`` the variance that the natural course gives the group
(binomial, and the group's own deviation), ``C`` what is common. ``tau^2`` (how much the groups differ beyond that) by the generalised
method of Paule and Mandel (1982). Half of the interval is ``sqrt(t^2 s w'diag(v + tau^2)w + z^2 w'Cw)``: Hartung and Knapp's scale
``s = Q / (k - 1)`` and t with ``k - 1`` degrees of freedom for the groups, the normal quantile for what is common. The interval of a
single group takes its binomial variance at the mean of observed and expected share. Ratio: ``sum(O) / sum(E)`` on the log scale, with the variance of a ratio of sums over independent groups
(Cochran 1977, section 6.4) and the common part added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from cordbook.synthesis.expected.natural import NaturalShare, moments, predicted_range
from cordbook.synthesis.expected.results import ExpectedGroup, ObservedExpected

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TreatedGroup:
    """A treated group: its name, how many had the event, and the natural courses of its people with how many each is of."""

    label: str
    observed: int
    parts: tuple[tuple[str, int], ...]

    @property
    def n(self) -> int:
        """People of the group."""
        return sum(n for _, n in self.parts)


def observed_against_expected(
    groups: Sequence[TreatedGroup], natural: Mapping[str, NaturalShare], *, level: float = 0.95, fewest: int = 2
) -> ObservedExpected:
    """Return how many had the event beside how many the natural course predicts, per 100 people and as a ratio, pooled.

    Parameters
    ----------
    groups : sequence of TreatedGroup, length k
        Groups of different people.
    natural : mapping of str to NaturalShare
        The natural courses that ``parts`` of the groups name.
    fewest : int
        Of fewer groups nothing is pooled; 2 or more.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    ObservedExpected
        The pooled numbers are None of fewer than ``fewest`` groups.

    Raises
    ------
    ValueError
        For no group, a natural course that is not given, more events than people, or a level outside 0 to 1.

    Examples
    --------
    >>> course = {"A": NaturalShare(-2.2, 0.3, 0.2, 4, 40, 400)}
    >>> groups = [TreatedGroup("one", 6, (("A", 20),)), TreatedGroup("two", 4, (("A", 10),)), TreatedGroup("three", 5, (("A", 14),))]
    >>> found = observed_against_expected(groups, course)
    >>> round(found.expected, 1), found.observed, round(found.estimate), round(found.ratio, 1)
    (4.8, 15, 23, 3.1)
    """
    _check(groups, natural, level)
    known = {name: moments(share) for name, share in natural.items()}
    names = sorted({name for group in groups for name, _ in group.parts})
    sizes = np.array([[sum(n for part, n in group.parts if part == name) for name in names] for group in groups], dtype=float)
    mean, common, own, binomial = (
        np.array([getattr(known[name], field) for name in names]) for field in ("mean", "common", "own", "binomial")
    )
    observed, n = np.array([group.observed for group in groups], dtype=float), sizes.sum(axis=1)
    expected = sizes @ mean
    deviation = (sizes @ np.sqrt(own)) ** 2  # deviations of the parts of one group go together
    shared = (sizes * common) @ sizes.T
    v = (sizes @ binomial + deviation) / n**2
    y = (observed - expected) / n
    covariance = shared / np.outer(n, n)
    middle = (observed + expected) / (2 * n)
    own_se = np.sqrt(middle * (1 - middle) / n + deviation / n**2 + np.diag(covariance))
    z = float(ndtri((1 + level) / 2))
    rows = tuple(
        ExpectedGroup(
            group.label, group.observed, int(n[i]), float(expected[i]), *predicted_range([(natural[p], m) for p, m in group.parts], level),
            100 * float(y[i]), *_within(y[i], z * own_se[i]),
        )
        for i, group in enumerate(groups)
    )  # fmt: skip
    if len(groups) < max(2, fewest):
        n_all, seen, predicted = int(n.sum()), int(observed.sum()), float(expected.sum())
        return ObservedExpected(k=len(groups), n=n_all, observed=seen, expected=predicted, level=level, studies=rows)
    t = float(stdtrit(len(groups) - 1, (1 + level) / 2))
    estimate, half, tau2, q_value = _pool(y, v, covariance, t, z)
    ratio, ratio_se = _ratio(observed, expected, float(np.sqrt(shared.sum())))
    weights = 100 * _weights(v + tau2, covariance)
    rows = tuple(row.with_weight(float(w)) for row, w in zip(rows, weights, strict=True))
    limits = (ratio * np.exp(-t * ratio_se), ratio * np.exp(t * ratio_se)) if ratio_se is not None else (None, None)
    return ObservedExpected(
        k=len(groups), n=int(n.sum()), observed=int(observed.sum()), expected=float(expected.sum()), level=level, studies=rows,
        estimate=100 * estimate, ci_low=_within(estimate, half)[0], ci_high=_within(estimate, half)[1], tau2=1e4 * tau2, q=q_value,
        ratio=ratio, ratio_low=None if limits[0] is None else float(limits[0]), ratio_high=None if limits[1] is None else float(limits[1]),
    )  # fmt: skip


def _within(centre: float, half: float) -> tuple[float, float]:
    """The limits of a difference per 100, which cannot be further from 0 than 100."""
    return max(-100.0, 100 * float(centre - half)), min(100.0, 100 * float(centre + half))


def _check(groups: Sequence[TreatedGroup], natural: Mapping[str, NaturalShare], level: float) -> None:
    if not groups:
        raise ValueError("no group to compare; give at least one with its natural course.")
    if not 0 < level < 1:
        raise ValueError(f"level = {level:g} is not between 0 and 1.")
    for group in groups:
        if missing := [name for name, _ in group.parts if name not in natural]:
            raise ValueError(f"{group.label}: no natural course {missing[0]!r}; there are {', '.join(natural)}.")
        if not 0 <= group.observed <= group.n or group.n < 1:
            raise ValueError(f"{group.label}: {group.observed} of {group.n} cannot be; correct the counts.")


def _weights(v: Array, common: Array) -> Array:
    inverse = np.linalg.inv(np.diag(v) + common)
    return inverse.sum(axis=0) / inverse.sum()


def _q(y: Array, v: Array, common: Array) -> float:
    inverse = np.linalg.inv(np.diag(v) + common)
    estimate = inverse.sum(axis=0) @ y / inverse.sum()
    return float((y - estimate) @ inverse @ (y - estimate))


def _pool(y: Array, v: Array, common: Array, t: float, z: float) -> tuple[float, float, float, float]:
    """The pooled difference, half of its interval, tau squared and Cochran's Q."""
    df = len(y) - 1
    q0 = _q(y, v, common)
    tau2 = float(brentq(lambda t2: _q(y, v + t2, common) - df, 0.0, 4.0)) if q0 > df else 0.0
    weights = _weights(v + tau2, common)
    scale = _q(y, v + tau2, common) / df
    own = float(weights @ ((v + tau2) * weights))
    shared = float(weights @ common @ weights)
    return float(weights @ y), float(np.sqrt(t**2 * scale * own + z**2 * shared)), tau2, q0


def _ratio(observed: Array, expected: Array, common_sd: float) -> tuple[float, float | None]:
    """Observed over expected with the standard error of its logarithm; None where nobody had the event."""
    ratio = float(observed.sum() / expected.sum())
    if not observed.sum():
        return 0.0, None
    k = len(observed)
    residuals = observed - ratio * expected
    sampling = float((residuals**2).sum()) * k / (k - 1) / float(observed.sum()) ** 2
    return ratio, float(np.sqrt(sampling + (common_sd / expected.sum()) ** 2))
