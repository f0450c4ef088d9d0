"""Bayesian random-effects meta-analysis of proportions: the binomial-normal model, without a sampler.

x_i | theta_i ~ binomial(n_i, expit(theta_i)) and theta_i ~ normal(mu, tau^2). Each theta_i is integrated out by
quadrature (`bayes.likelihood`); then mu given tau on a grid that follows the posterior, and tau on panels that are halved
until they follow it too (`bayes.joint`). Densities are read off that grid (`bayes.margins`). Sets in which no study (or
every study) has an event need nothing special: the priors are proper, so the posterior is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from cordbook.synthesis.bayes.joint import BinomialData, integrate_binomial_normal
from cordbook.synthesis.bayes.margins import average_margin, margins
from cordbook.synthesis.bayes.priors import HalfCauchy, HalfNormal, Logistic, Normal
from cordbook.synthesis.bayes.results import BayesProportion, BayesStudyProportion, summarise
from cordbook.synthesis.checks import FEWEST, check_choice, check_counts, check_level, columns_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEFAULT_MU_PRIOR", "DEFAULT_TAU_PRIOR", "bayes_pool_proportions"]

# Uniform on the proportion of the typical study: no proportion is favoured, and with tau = 0 the posterior is the
# textbook beta(events + 1, non-events + 1).
DEFAULT_MU_PRIOR = Logistic(0.0, 1.0)
# The more cautious of the two half-normal priors (scale 0.5 and 1) of Friede et al (2017) and Röver et al (2021) for log
# odds ratios. Log odds of single arms vary more than odds ratios do, since nothing is compared within the study; scale 1
# still lets tau reach 2, at which 95% of the studies' odds span a factor of 2500.
DEFAULT_TAU_PRIOR = HalfNormal(1.0)

INTERVALS = ("equal-tailed", "shortest")
# With fewer studies than this the result says that the prior of tau carries part of it.
FEW_STUDIES = 5
AVERAGES = ("median", "population")


def bayes_pool_proportions(
    events: ArrayLike,
    n: ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    tau_prior: HalfNormal | HalfCauchy = DEFAULT_TAU_PRIOR,
    mu_prior: Logistic | Normal = DEFAULT_MU_PRIOR,
    level: float = 0.95,
    interval: Literal["equal-tailed", "shortest"] = "equal-tailed",
    average: Literal["median", "population"] = "median",
    data: pd.DataFrame | None = None,
) -> BayesProportion:
    """Pool single proportions by the Bayesian binomial-normal model.

    With three or four studies, which hardly tell how much they differ, the prior of tau carries part of the answer; the result says which
    prior that was, and how far the answer hangs on it is seen by asking with another one.

    Parameters
    ----------
    events, n : array_like, shape (k,)
        Participants with the event and in all; one study is enough.
    labels : sequence of k names, optional
    tau_prior : HalfNormal or HalfCauchy
        Prior of the between-study standard deviation of the log odds. Half-normal with scale 1 by default.
    mu_prior : Logistic or Normal
        Prior of the mean log odds. Logistic(0, 1) by default: uniform on the proportion.
    level : float
        Probability of the credible and predictive intervals.
    interval : "equal-tailed" or "shortest"
        "shortest" is the narrowest on the scale on which it is reported; with no events it begins at 0.
    average : "median" or "population"
        Which average the result's ``estimate`` is: the proportion of the median study, or the mean over studies; both are carried.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Returns
    -------
    BayesProportion
        `estimate` is the posterior median of expit(mu), the proportion in the typical (median) study, or of the population average, the
        integral of expit(mu + tau z).

    Raises
    ------
    ValueError
        For counts that are not counts, and for a prior that is not proper or of another kind.

    Examples
    --------
    No event in any of three studies still has a proper posterior:

    >>> fit = bayes_pool_proportions([0, 0, 0], [20, 12, 40])
    >>> fit.estimate < 0.02 < fit.ci_high < 0.10
    True
    >>> fit.probability_above(0.5) < 0.001
    True
    """
    events, n, labels = columns_of(data, events=events, n=n, labels=labels)
    if not isinstance(tau_prior, HalfNormal | HalfCauchy):
        raise ValueError(f"tau_prior is {tau_prior!r}; give HalfNormal(scale) or HalfCauchy(scale).")
    if not isinstance(mu_prior, Logistic | Normal):
        raise ValueError(f"mu_prior is {mu_prior!r}; give Logistic(location, scale) or Normal(mean, sd).")
    level = check_level(level)
    check_choice("interval", interval, INTERVALS)
    check_choice("average", average, AVERAGES)
    events, n, names = check_counts(events, n, labels, min_studies=FEWEST["bayes_pool_proportions"])

    pairs, which, copies = np.unique(np.stack([events, n], axis=1), axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    data = BinomialData(pairs[:, 0].astype(float), pairs[:, 1].astype(float), copies.astype(float), mu_prior, tau_prior)
    joint, tau_density, log_integral = integrate_binomial_normal(data)
    mu_density, new_density, study_densities, exact = margins(data, joint)
    binomial = gammaln(n + 1.0) - gammaln(events + 1.0) - gammaln(n - events + 1.0)

    on_proportion = [item.on_proportion_scale() for item in (mu_density, new_density, average_margin(joint), *study_densities)]
    # The panels of tau have another order, so its quantiles are found apart.
    [mu], [tau] = (summarise([item], level, interval) for item in (mu_density, tau_density))
    proportion, new, population, *unique = summarise(on_proportion, level, interval)
    chosen = population if average == "population" else proportion
    return BayesProportion(
        average=average,
        estimate=chosen.median,
        ci_low=chosen.ci_low,
        ci_high=chosen.ci_high,
        pi_low=new.ci_low,
        pi_high=new.ci_high,
        proportion=proportion,
        population_average=population,
        new_study=new,
        mu=mu,
        tau=tau,
        log_marginal=float(log_integral + binomial.sum()),
        k=events.size,
        events=int(events.sum()),
        n=int(n.sum()),
        level=level,
        interval=interval,
        mu_prior=mu_prior.describe(),
        tau_prior=tau_prior.describe(),
        studies=tuple(
            BayesStudyProportion(
                names[i],
                int(events[i]),
                int(n[i]),
                float(events[i] / n[i]),
                own.median,
                own.mean,
                own.sd,
                own.ci_low,
                own.ci_high,
            )
            for i, own in enumerate(unique[j] for j in which)
        ),
        notes=_notes(events, n, tau_prior, [names[i] for i in np.flatnonzero(~exact[which])]),
        proportion_density=on_proportion[0],
        mu_density=mu_density,
        tau_density=tau_density,
        new_study_density=on_proportion[1],
        population_average_density=on_proportion[2],
    )


def _notes(events: np.ndarray, n: np.ndarray, tau_prior: HalfNormal | HalfCauchy, inexact: list[str]) -> tuple[str, ...]:
    notes = []
    if not events.any():
        notes.append("No study has an event: how low the proportion may be, and tau, rest on the priors; read the upper limit.")
    elif (events == n).all():
        notes.append(
            "Every participant has the event: how high the proportion may be, and tau, rest on the priors; read the lower limit."
        )
    if events.size < 3:
        notes.append(f"Fewer than three studies say little of tau: its posterior is mostly its prior, {tau_prior.describe()}.")
    elif events.size < FEW_STUDIES:
        notes.append(f"{events.size} studies say little of tau: its prior, {tau_prior.describe()}, carries part of the answer.")
    if inexact:
        notes.append(
            f"The prior of tau ({tau_prior.describe()}) rules out what is seen in {', '.join(inexact)}; the shrunken "
            "estimate there is not exact. Use a wider prior of tau."
        )
    return tuple(notes)
