"""The averages of one set of studies side by side: what the median study, two models of the population average, and the crude share say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.checks import columns_of
from cordbook.synthesis.pooling.proportions import pool_proportions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Averages:
    """Averages of the proportions of k studies, from 0 to 1, with 95% limits by the default interval of each model.

    median_study, population_average
        of the GLMM.
    beta_binomial
        mean of the beta-binomial model, a second model of the population average.
    crude
        events over participants, all studies together: an average over participants, in which a large study counts for more.
    median_to_mean, glmm_to_beta_binomial
        the GLMM's median over its average, and its average over that of the beta-binomial; NaN where the latter is 0.
    """

    k: int
    events: int
    n: int
    median_study: float
    median_study_low: float
    median_study_high: float
    population_average: float
    population_average_low: float
    population_average_high: float
    beta_binomial: float
    beta_binomial_low: float
    beta_binomial_high: float
    crude: float
    median_to_mean: float
    glmm_to_beta_binomial: float


def averages_of(events: ArrayLike, n: ArrayLike, *, data: pd.DataFrame | None = None) -> Averages:
    """Return the averages of one set of studies.

    Parameters
    ----------
    events, n : array_like of int, shape (k,)
        Participants with the event, and participants; at least two studies.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For counts that `check_counts` refuses.

    Examples
    --------
    >>> found = averages_of([0, 0, 1, 13], [300, 250, 400, 29])
    >>> round(found.crude, 4), found.median_study < 0.1 * found.population_average
    (0.0143, True)
    """
    events, n = columns_of(data, events=events, n=n)
    mixed = pool_proportions(events, n, tau2_interval=False)
    median, mean = mixed.median_study, mixed.population_average
    assert median is not None and mean is not None, "counts pooled on the logit have both averages"
    other = pool_proportions(events, n, model="betabinomial")
    return Averages(
        mixed.k,
        mixed.events,
        mixed.n,
        *(median.estimate, median.ci_low, median.ci_high),
        *(mean.estimate, mean.ci_low, mean.ci_high),
        *(other.estimate, other.ci_low, other.ci_high),
        mixed.events / mixed.n,
        _ratio(median.estimate, mean.estimate),
        _ratio(mean.estimate, other.estimate),
    )


def _ratio(value: float, to: float) -> float:
    return value / to if to > 0.0 else float(np.nan)
