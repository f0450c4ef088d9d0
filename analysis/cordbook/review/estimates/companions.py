"""Other averages of the same studies, declared to stand beside an estimate: what another model or another average would say.

A reader of one number should see how far it hangs on the choice of model. The declaration says which companions an estimate
has; they are computed with it and shown on its page, never in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cordbook.synthesis import PooledProportion, bayes_pool_proportions, pool_proportions

MEDIAN, POPULATION, BETA_BINOMIAL, BAYES = "median study", "population average", "beta-binomial", "bayes"


@dataclass(frozen=True, slots=True)
class Companion:
    """An average beside an estimate: its kind (one of the constants above), shares from 0 to 1, and what it rests on."""

    kind: str
    estimate: float
    ci_low: float
    ci_high: float
    basis: str


def companions_of(result: PooledProportion, *, harm: bool, bayes_up_to: int) -> tuple[Companion, ...]:
    """The companions of a pooled share, in their order.

    Always the average of the two that is not reported; for harms the mean of the beta-binomial model, which has less bias
    where events are rare (Ma, Chu and Mazumdar 2016); for at most ``bayes_up_to`` studies the median study of a Bayesian model
    with its prior, since so few studies hardly tell how much they differ (Röver et al. 2021).

    >>> pooled = pool_proportions([4, 7, 2], [20, 30, 25], average="population")
    >>> [companion.kind for companion in companions_of(pooled, harm=False, bayes_up_to=4)]
    ['median study', 'bayes']
    """
    return tuple(_companions(result, harm, bayes_up_to))


def _companions(result: PooledProportion, harm: bool, bayes_up_to: int) -> Iterator[Companion]:
    if result.k < 2 or result.ci_method == "exact":  # one study, nobody or everybody: all models say the same
        return
    other, kind = (result.median_study, MEDIAN) if result.average == "population" else (result.population_average, POPULATION)
    if other is not None:
        yield Companion(kind, other.estimate, other.ci_low, other.ci_high, "the same model")
    events, n = [study.events for study in result.studies], [study.n for study in result.studies]
    if harm and result.model != "betabinomial":
        beta = pool_proportions(events, n, model="betabinomial", level=result.level).population_average
        if beta is not None:
            basis = "its mean by maximum likelihood, with a profile interval"
            yield Companion(BETA_BINOMIAL, beta.estimate, beta.ci_low, beta.ci_high, basis)
    if result.k <= bayes_up_to:
        fit = bayes_pool_proportions(events, n, level=result.level)
        basis = f"prior of the differences between studies (tau): {fit.tau_prior}; of the share: {fit.mu_prior}"
        yield Companion(BAYES, fit.estimate, fit.ci_low, fit.ci_high, basis)
