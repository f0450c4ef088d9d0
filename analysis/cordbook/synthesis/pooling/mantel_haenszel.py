"""Mantel-Haenszel and Peto: pooled effects of two arms which need no continuity correction to pool.

Both add up the 2 x 2 tables before they divide, so a study with a zero cell takes part with its own counts. A study with no
events in both arms has no say in a pooled odds ratio or risk ratio; it does count for a risk difference. A study with nothing but
events in both arms has no say in an odds ratio; it draws a risk ratio towards 1 and a risk difference towards 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cordbook.synthesis.two_arm import check_two_arm_measure, effects_of_tables, require_informative

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cordbook.synthesis.two_arm import TwoArmCounts

# A log risk ratio of ten million participants who had nothing but one event less has a variance near 1e-14; below 1e-15 it is rounding.
ZERO_VARIANCE = 1e-15


@dataclass(frozen=True, slots=True)
class StratifiedEstimate:
    """A pooled effect on the model scale (log for ratios) with its test of heterogeneity.

    Attributes
    ----------
    estimate, se : float
        Pooled effect and its standard error.
    weights : ndarray, shape (k,)
        Share of each study in percent; 0 for a study which has no say.
    q, q_df, q_p : float, int, float
        Cochran's Q about the pooled effect, its degrees of freedom and p value. For Mantel-Haenszel the studies enter with
        inverse variance weights, so Q needs the continuity correction which the pooled effect does not.
    """

    estimate: float
    se: float
    weights: NDArray[np.float64]
    q: float
    q_df: int
    q_p: float


def mantel_haenszel(measure: str, counts: TwoArmCounts) -> StratifiedEstimate:
    """Pool two-arm studies with Mantel-Haenszel weights.

    Parameters
    ----------
    measure : {"OR", "RR", "RD"}
        Odds ratio, risk ratio or risk difference.
    counts : TwoArmCounts
        Counts of k studies, k of 1 or more.

    Raises
    ------
    ValueError
        If the ratio cannot be estimated because one arm has no event in any study (or no non-event, for the odds ratio).

    Notes
    -----
    Standard errors: odds ratio, Robins, Breslow and Greenland (1986), Biometrics 42:311-323; risk ratio, Greenland and Robins
    (1985), Biometrics 41:55-68; risk difference, Sato, Greenland and Robins (1989), Biometrics 45:1323-1324.
    They and Q are those of metafor's ``rma.mh``: Q leaves out uninformative studies.

    Examples
    --------
    Table 15-1 of Rothman, Greenland and Lash (2008), Modern Epidemiology: tolbutamide against placebo, two age groups.

    >>> from cordbook.synthesis.two_arm import check_two_arm_counts
    >>> counts = check_two_arm_counts([8, 22], [106, 98], [5, 16], [120, 85])
    >>> round(float(np.exp(mantel_haenszel("OR", counts).estimate)), 2)
    1.4
    """
    measure = check_two_arm_measure(measure)
    a, b, c, d = counts.cells
    n1, n2 = a + b, c + d
    if measure == "OR":
        estimate, se, weights = _odds_ratio(a, b, c, d)
    elif measure == "RR":
        estimate, se, weights = _risk_ratio(a, c, n1, n2)
    else:
        estimate, se, weights = _risk_difference(a, c, n1, n2)
    informative = counts.select(~counts.is_uninformative)
    yi, vi = effects_of_tables(measure, informative)
    q, q_df, q_p = _heterogeneity(float(np.sum((yi - estimate) ** 2 / vi)), informative.k)
    return StratifiedEstimate(float(estimate), float(se), _percent(weights), q, q_df, q_p)


def peto(counts: TwoArmCounts) -> StratifiedEstimate:
    """Pool log odds ratios by Peto's one-step method.

    Observed minus expected events of arm 1 are summed over the studies and divided by the sum of their hypergeometric variances.
    Good for rare events, near-equal arms and effects near 1; biased otherwise.

    Parameters
    ----------
    counts : TwoArmCounts
        Counts of k studies, k of 1 or more.

    Raises
    ------
    ValueError
        If no study has both events and non-events.

    Notes
    -----
    Source: Yusuf, Peto, Lewis, et al. (1985), Progress in Cardiovascular Diseases 27:335-371. The degrees of freedom of Q count
    the studies with both events and non-events.

    Examples
    --------
    >>> from cordbook.synthesis.two_arm import check_two_arm_counts
    >>> counts = check_two_arm_counts([8, 22], [106, 98], [5, 16], [120, 85])
    >>> round(float(np.exp(peto(counts).estimate)), 2)
    1.4
    """
    a, b, c, d = counts.cells
    n1, n2, total = a + b, c + d, a + b + c + d
    events, others = a + c, b + d
    # (total - 1) is 1 at least: each arm holds one person or more.
    variance = events * others * (n1 / total) * (n2 / total) / (total - 1)
    excess = a - events * n1 / total
    information = float(variance.sum())
    require_informative(counts, "OR")
    has_say = variance > 0
    estimate = float(excess.sum()) / information
    q_value = float(np.sum(excess[has_say] ** 2 / variance[has_say])) - float(excess.sum()) ** 2 / information
    q, q_df, q_p = _heterogeneity(q_value, int(has_say.sum()))
    return StratifiedEstimate(estimate, information**-0.5, _percent(variance), q, q_df, q_p)


def _odds_ratio(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.float64]]:
    total = a + b + c + d
    agree, differ = (a + d) / total, (b + c) / total
    r, s = a * d / total, b * c / total
    r_sum, s_sum = r.sum(), s.sum()
    _require_both_sums(r_sum, s_sum, "odds ratio")
    variance = 0.5 * (
        (agree * r).sum() / r_sum**2 + (agree * s + differ * r).sum() / (r_sum * s_sum) + (differ * s).sum() / s_sum**2
    )
    return np.log(r_sum / s_sum), np.sqrt(variance), s


def _risk_ratio(
    a: NDArray[np.float64], c: NDArray[np.float64], n1: NDArray[np.float64], n2: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.float64]]:
    total = n1 + n2
    r_sum, s_sum = (a * n2 / total).sum(), (c * n1 / total).sum()
    _require_both_sums(r_sum, s_sum, "risk ratio")
    variance = ((n1 / total) * (n2 / total) * (a + c) - a * c / total).sum() / (r_sum * s_sum)
    return np.log(r_sum / s_sum), _root(variance), c * n1 / total


def _risk_difference(
    a: NDArray[np.float64], c: NDArray[np.float64], n1: NDArray[np.float64], n2: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.float64]]:
    total = n1 + n2
    weights = n1 * n2 / total
    estimate = (a * n2 / total - c * n1 / total).sum() / weights.sum()
    # The two sums, P and Q, of Sato, Greenland and Robins (1989).
    p_sum = (c * (n1 / total) ** 2 - a * (n2 / total) ** 2 + (n1 / total) * (n2 / total) * (n2 - n1) / 2).sum()
    q_sum = (a * (n2 - c) / total + c * (n1 - a) / total).sum() / 2
    return estimate, _root(estimate * p_sum + q_sum) / weights.sum(), weights


def _root(variance: float) -> float:
    """Standard error; 0 where every arm has no events or nothing but events, which rounding would miss by a hair either way."""
    return float(np.sqrt(variance)) if variance > ZERO_VARIANCE else 0.0


def _require_both_sums(r_sum: float, s_sum: float, name: str) -> None:
    if r_sum > 0 and s_sum > 0:
        return
    arm = 1 if r_sum == 0 else 2
    raise ValueError(
        f"The Mantel-Haenszel {name} does not exist: no study adds to the side of arm {arm} "
        "(no events there, or no non-events opposite). Use model='glmm' with measure='OR', or measure='RD'."
    )


def _heterogeneity(q: float, informative: int) -> tuple[float, int, float]:
    """Q cut at 0 (rounding can bring it just below), its degrees of freedom and p value; p is 1 for fewer than two studies."""
    q_df = max(informative - 1, 0)
    if q_df == 0:
        return 0.0, 0, 1.0
    q = max(q, 0.0)
    return q, q_df, float(stats.chi2.sf(q, q_df))


def _percent(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weights.sum()
    return 100 * weights / total if total > 0 else np.zeros_like(weights)
