"""How many participants a meta-analysis needs, allowing for differences between studies.

Reference
---------
Wetterslev J, Thorlund K, Brok J, Gluud C (2009). Estimating required information size by quantifying diversity in
random-effects model meta-analyses. BMC Medical Research Methodology 9:86.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy import stats

from cordbook.synthesis.checks import check_level
from cordbook.synthesis.sequential.monitoring import check_alpha

__all__ = ["RequiredInformation", "diversity", "information_difference", "information_proportion"]


@dataclass(frozen=True, slots=True)
class RequiredInformation:
    """Participants that a meta-analysis needs, with and without allowance for differences between studies.

    participants : needed as if all were in one study; adjusted : times 1 / (1 - diversity), rounded up; question : in words.
    """

    participants: int
    adjusted: int
    diversity: float
    question: str


def diversity(variance_common: float, variance_random: float) -> float:
    """Diversity D-squared (0 to 1): the share of the random-effects variance that the common-effect model lacks.

    D2 = (v_R - v_F) / v_R, with the variances of the pooled estimates (Wetterslev 2009). Unlike I-squared it says
    by how much the required information grows: by 1 / (1 - D2).

    >>> round(diversity(0.02, 0.05), 12)
    0.6
    """
    for name, value in (("variance_common", variance_common), ("variance_random", variance_random)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(
                f"{name} = {value} is not a variance above 0; give the squared standard error of the pooled estimate."
            )
    return max(0.0, 1.0 - variance_common / variance_random)


def information_difference(
    p_control: float, p_treated: float, *, alpha: float = 0.05, power: float = 0.9, d2: float = 0.0
) -> RequiredInformation:
    """Participants in all (two equal arms) to find a difference between two proportions.

    N = 4 v (z(alpha/2) + z(power))^2 / (p_control - p_treated)^2 with v = p (1 - p) at the mean p of the two, divided by
    1 - d2 (Wetterslev 2009).

    >>> information_difference(0.20, 0.30, power=0.8).participants
    589
    """
    for name, value in (("p_control", p_control), ("p_treated", p_treated)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} = {value} is not a proportion from 0 to 1.")
    if p_control == p_treated:
        raise ValueError(f"p_control and p_treated are both {p_control}; no number of participants finds a difference of 0.")
    check_alpha(alpha)
    if not 0.5 <= power < 1:
        raise ValueError(f"power = {power} must be at least 0.5 and below 1.")
    mean = 0.5 * (p_control + p_treated)
    reach = stats.norm.isf(alpha / 2) + stats.norm.ppf(power)
    exact = 4 * mean * (1 - mean) * reach**2 / (p_control - p_treated) ** 2
    return _required(exact, d2, f"{p_control:g} against {p_treated:g}, power {power:g}, two-sided alpha {alpha:g}")


def information_proportion(p: float, half_width: float, *, level: float = 0.95, d2: float = 0.0) -> RequiredInformation:
    """Participants to estimate a single proportion near `p` to within `half_width`.

    N = z^2 p (1 - p) / half_width^2, divided by 1 - d2.

    Where p is unknown, 0.5 needs most.

    >>> information_proportion(0.5, 0.05).participants
    385
    """
    level = check_level(level)
    if not 0 < p < 1:
        raise ValueError(f"p = {p} is not strictly between 0 and 1; without events, plan with the largest rate that matters.")
    if not 0 < half_width < 1:
        raise ValueError(f"half_width = {half_width} is not strictly between 0 and 1; for 5 percentage points write 0.05.")
    exact = stats.norm.ppf((1 + level) / 2) ** 2 * p * (1 - p) / half_width**2
    return _required(exact, d2, f"{p:g} to within {half_width:g}, level {level:g}")


def _required(exact: float, d2: float, question: str) -> RequiredInformation:
    if not 0 <= d2 < 1:
        raise ValueError(f"d2 = {d2} must be at least 0 and below 1; at 1 no number of participants is enough.")
    return RequiredInformation(ceil(exact), ceil(exact / (1 - d2)), float(d2), question)
