"""Random-effects odds ratio from the counts themselves: the conditional binomial-normal models.

Given the total number of events of a study, the events of arm 1 follow Fisher's noncentral hypergeometric law, in which the only
unknown is the log odds ratio of that study: the control risk is gone, so nothing has to be assumed of it and no continuity correction is
needed. The log odds ratios are normal around their mean: ``theta_i ~ N(estimate, tau2)``. This is the hypergeometric-normal model of
van Houwelingen, Zwinderman and Stijnen (1993), Statistics in Medicine 12:2273-2284, and of Stijnen, Hamza and Ozdemir (2010),
Statistics in Medicine 29:3046-3067 (metafor: ``rma.glmm(model="CM.EL")``). Where events are rare a binomial law replaces it
(``model="CM.AL"``); that one is offered as ``likelihood="approximate"``.

The unconditional models (a control risk for each study as a parameter) are left out: with small arms their tau2 is biased downwards,
since they estimate as many parameters as there are studies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special, stats

from cordbook.synthesis.checks import FEWEST, columns_of
from cordbook.synthesis.glmm.conditional_likelihood import likelihood_blocks, nodes_for, quadrature, study_count, support_limits
from cordbook.synthesis.glmm.latent_modes import posterior_modes
from cordbook.synthesis.two_arm import check_two_arm_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from cordbook.synthesis.glmm.conditional_likelihood import StudyLikelihoods
    from cordbook.synthesis.two_arm import TwoArmCounts

    # Log-likelihood, its gradient and its Hessian in (mu, tau); and mu, tau, log-likelihood and Hessian at a maximum.
    _Surface = tuple[float, NDArray[np.float64], NDArray[np.float64]]
    _Maximum = tuple[float, float, float, NDArray[np.float64]]

# The gradient of a sum of k log-likelihoods is exact to about k * 1e-13; asking for less than 1e-9 a study would chase rounding.
GRADIENT_TOLERANCE = 1e-9
# Newton is quadratic near the maximum and takes 5 to 10 steps in practice; 60 means that the likelihood is flat.
MAX_NEWTON_STEPS = 60
# Modes place the nodes. An error of 1e-8 standard deviations in a mode changes nothing, since any placement integrates the same function.
MODE_TOLERANCE = 1e-8
# Steps below this no longer move what is reported.
STEP_TOLERANCE = 1e-9
# Starts for tau. A log odds ratio with tau = 2 already spreads odds ratios over a factor of 50 either way.
TAU_STARTS = (0.1, 0.3, 0.8, 2.0)
# A tau below this (odds ratios within 0.01% of each other) counts as no heterogeneity: the maximum is on the boundary.
TAU_ZERO = 1e-4
# Odds ratios whose logarithms spread with a standard deviation of 10 are no longer a population of studies. When the likelihood still
# rises there (studies which contradict each other with nothing in between), tau is held at this value and a note says so.
TAU_CEILING = 10.0
CEILING_NOTE = (
    f"The likelihood still rises at tau = {TAU_CEILING:g}: the studies contradict each other so much that the data set no limit to tau2, "
    "which is held there. The estimate says little."
)
# How far (in standard errors, then doubling) to look for a profile limit before it is called infinite.
PROFILE_REACH_DOUBLINGS = 12


@dataclass(frozen=True, slots=True)
class OddsRatioGLMM:
    """Maximum likelihood fit of a conditional binomial-normal model, on the log odds ratio scale.

    Attributes
    ----------
    estimate, se : float
        Mean log odds ratio and its standard error (observed information, with tau as a parameter unless tau is 0).
        The estimate is ``-inf`` or ``inf``, and se ``nan``, where the events admit no finite maximum.
    tau2 : float
        Between-study variance of the log odds ratios.
    log_likelihood : float
        At the maximum, of the conditional law named by ``likelihood``.
    log_likelihood_common : float
        At the maximum with tau2 = 0.
    k : int
        Studies with a say (both events and non-events).
    likelihood : str
        "exact" (noncentral hypergeometric) or "approximate" (binomial, for rare events).
    notes : tuple of str
        What a reader of the result must know.
    """

    estimate: float
    se: float
    tau2: float
    log_likelihood: float
    log_likelihood_common: float
    k: int
    likelihood: str
    notes: tuple[str, ...] = ()


def fit_odds_ratio_glmm(
    events1: ArrayLike | str,
    n1: ArrayLike | str,
    events2: ArrayLike | str,
    n2: ArrayLike | str,
    *,
    labels: Sequence[object] | str | None = None,
    likelihood: str = "exact",
    random_effects: bool = True,
    data: pd.DataFrame | None = None,
) -> OddsRatioGLMM:
    """Fit the conditional binomial-normal model for odds ratios by maximum likelihood.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like, shape (k,), or names of columns of ``data``
        Events and participants of arm 1 (treated) and of arm 2 (control). Studies without events, or with nothing but events, in
        both arms have a constant likelihood and are left out.
    labels : sequence, length k, or str, optional
        Names of the studies, for messages.
    likelihood : {"exact", "approximate"}
        Noncentral hypergeometric, or its binomial approximation for rare events.
    random_effects : bool
        False holds tau2 at 0, which gives the conditional maximum likelihood estimate of a common odds ratio.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Raises
    ------
    ValueError
        For bad counts, no study with both events and non-events, or an unknown likelihood.

    Examples
    --------
    Two strata of Rothman, Greenland and Lash (2008), Modern Epidemiology, table 15-1.

    >>> fit = fit_odds_ratio_glmm([8, 22], [106, 98], [5, 16], [120, 85], random_effects=False)
    >>> print(round(fit.estimate, 4))
    0.3381
    """
    events1, n1, events2, n2, labels = columns_of(data, events1=events1, n1=n1, events2=events2, n2=n2, labels=labels)
    counts = check_two_arm_counts(events1, n1, events2, n2, labels, min_studies=FEWEST["fit_odds_ratio_glmm"])
    return fit_tables(counts, likelihood=likelihood, random_effects=random_effects)


def fit_tables(counts: TwoArmCounts, *, likelihood: str = "exact", random_effects: bool = True) -> OddsRatioGLMM:
    """Fit counts that have been checked already; as `fit_odds_ratio_glmm`."""
    blocks, k = likelihood_blocks(counts, likelihood)
    edge = _edge(counts)
    if edge:
        return OddsRatioGLMM(edge * np.inf, np.nan, 0.0, 0.0, 0.0, k, likelihood, (_edge_note(edge),))
    mu, common = _fit_common(blocks)
    if not random_effects or k == 1:
        se = _information(blocks, mu) ** -0.5
        note = ("One study only: tau2 cannot be estimated and is taken as 0.",) if random_effects else ()
        return OddsRatioGLMM(mu, se, 0.0, common, common, k, likelihood, note)
    best = _fit_random(blocks, mu, common, k)
    if best is None:
        se = _information(blocks, mu) ** -0.5
        return OddsRatioGLMM(mu, se, 0.0, common, common, k, likelihood)
    mu, tau, value, hessian = best
    if tau >= TAU_CEILING:
        return OddsRatioGLMM(mu, float((-hessian[0, 0]) ** -0.5), tau**2, value, common, k, likelihood, (CEILING_NOTE,))
    se = float(np.sqrt(np.linalg.inv(-hessian)[0, 0]))
    return OddsRatioGLMM(mu, se, tau**2, value, common, k, likelihood)


def profile_limits(counts: TwoArmCounts, fit: OddsRatioGLMM, level: float, *, random_effects: bool = True) -> tuple[float, float]:
    """Profile likelihood limits of the mean log odds ratio.

    Limits are where twice the fall of the log-likelihood, maximised over tau, reaches the chi-square quantile with 1 degree of
    freedom. If the estimate is infinite, the finite limit is the exact conditional one: the log odds ratio under which
    data this extreme have probability ``(1 - level) / 2`` (Cornfield's limit, here in closed form).

    Parameters
    ----------
    counts : TwoArmCounts
        The counts that were fitted.
    fit : OddsRatioGLMM
        What `fit_tables` returned for them.
    level : float
        Coverage, between 0 and 1.
    """
    blocks, _ = likelihood_blocks(counts, fit.likelihood)
    if np.isinf(fit.estimate):
        target = np.log((1 - level) / 2)
        away = -np.sign(fit.estimate)

        def excess(mu: float) -> float:
            return _common(blocks, mu)[0] - target

        # The log-likelihood falls all the way from the infinite estimate; the limit can lie on either side of 0.
        start = 0.0
        while excess(start) <= 0:
            start -= away * max(1.0, abs(start))
        end = _search(excess, start, away, 1.0)
        return (-np.inf, end) if fit.estimate < 0 else (end, np.inf)
    drop = stats.chi2.ppf(level, 1) / 2
    target = fit.log_likelihood - drop

    def limit(sign: float) -> float:
        tau = np.sqrt(fit.tau2)

        def above(mu: float) -> float:
            nonlocal tau
            value, tau = _profile(blocks, mu, tau, random_effects)
            return value - target

        return _search(above, fit.estimate, sign, 2 * fit.se)

    return limit(-1.0), limit(1.0)


def likelihood_ratio(counts: TwoArmCounts, fit: OddsRatioGLMM, value: float = 0.0) -> float:
    """Twice the fall of the log-likelihood, maximised over tau, from the fit to a mean log odds ratio of ``value``.

    Compare with the chi-square distribution with 1 degree of freedom.
    """
    blocks, _ = likelihood_blocks(counts, fit.likelihood)
    return max(0.0, 2 * (fit.log_likelihood - _profile(blocks, value, np.sqrt(fit.tau2), True)[0]))


def saturated_statistic(counts: TwoArmCounts, fit: OddsRatioGLMM) -> float:
    """Likelihood ratio statistic of one common odds ratio against one odds ratio a study (metafor's ``QE.LRT``).

    Compare with the chi-square distribution with ``fit.k - 1`` degrees of freedom. A study with as few or as many events in arm 1
    as its totals allow is fitted perfectly, with log-likelihood 0.
    """
    counts = counts.select(~counts.is_uninformative)
    low, high = support_limits(counts)
    inner = (counts.events1 > low) & (counts.events1 < high)
    if not inner.any():
        return max(0.0, -2 * fit.log_likelihood_common)
    saturated = sum(_saturated(block) for block in likelihood_blocks(counts.select(inner), fit.likelihood)[0])
    return max(0.0, 2 * (saturated - fit.log_likelihood_common))


def study_weights(counts: TwoArmCounts, fit: OddsRatioGLMM) -> NDArray[np.float64]:
    """Share of each study in percent, shape (k,): ``1 / (1 / information + tau2)`` at the pooled odds ratio.

    A likelihood has no weights; these say how a study would weigh if its likelihood were normal. Uninformative studies get 0. If the
    estimate is infinite, the information is taken at an odds ratio of 1.
    """
    weights = np.zeros(counts.k)
    mu = fit.estimate if np.isfinite(fit.estimate) else 0.0
    blocks, _ = likelihood_blocks(counts, fit.likelihood)
    information = np.concatenate([block.derivatives(np.full((1, study_count(block)), mu))[2][0] for block in blocks])
    weights[~counts.is_uninformative] = information / (1 + fit.tau2 * information)
    return 100 * weights / weights.sum()


def _saturated(block: StudyLikelihoods) -> float:
    """Sum of the log-likelihoods of studies away from the edge, each at its own maximum."""
    theta = np.zeros((1, study_count(block)))
    for _ in range(MAX_NEWTON_STEPS):
        _, score, information = block.derivatives(theta)
        step = np.clip(score / information, -1.0, 1.0)
        theta = theta + step
        if np.max(np.abs(step)) < MODE_TOLERANCE:
            break
    return float(block.derivatives(theta)[0].sum())


def _edge(counts: TwoArmCounts) -> int:
    """-1 if every study has as few events in arm 1 as its totals allow, 1 if as many, 0 otherwise."""
    low, high = support_limits(counts)
    if np.all(counts.events1 == low):
        return -1
    return 1 if np.all(counts.events1 == high) else 0


def _edge_note(edge: int) -> str:
    way, value, limit = ("few", "0", "upper") if edge < 0 else ("many", "infinite", "lower")
    return (
        f"Every study has as {way} events in arm 1 as its totals allow: the odds ratio is estimated as {value}, tau2 is taken as 0, "
        f"and the {limit} limit is the exact conditional one."
    )


def _common(blocks: Sequence[StudyLikelihoods], mu: float) -> tuple[float, float, float]:
    """Log-likelihood, score and information with tau = 0."""
    parts = [[float(part.sum()) for part in block.derivatives(np.full((1, study_count(block)), mu))] for block in blocks]
    value, score, information = (sum(column) for column in zip(*parts, strict=True))
    return value, score, information


def _information(blocks: Sequence[StudyLikelihoods], mu: float) -> float:
    return _common(blocks, mu)[2]


def _fit_common(blocks: Sequence[StudyLikelihoods]) -> tuple[float, float]:
    """Maximum of the concave common-effect log-likelihood: the score falls, so its root is bracketed and then found."""
    low, high = -1.0, 1.0
    while _common(blocks, low)[1] < 0:
        low *= 2
    while _common(blocks, high)[1] > 0:
        high *= 2
    mu = optimize.brentq(lambda value: _common(blocks, value)[1], low, high, xtol=1e-13, rtol=1e-14)
    return float(mu), _common(blocks, mu)[0]


def _marginal(block: StudyLikelihoods, mu: float, tau: float) -> _Surface:
    """Log-likelihood of a block with its gradient and Hessian in (mu, tau), by adaptive Gauss-Hermite quadrature.

    The derivatives are posterior means over the nodes (Louis 1982, J R Stat Soc B 44:226-233), so they cost no extra evaluation.
    """
    nodes, log_weights = quadrature(nodes_for(tau))
    mode = posterior_modes(lambda shift: block.derivatives(mu + shift)[1:], tau, (1, study_count(block)), MODE_TOLERANCE)
    scale = (1 + tau**2 * block.derivatives(mu + tau * mode)[2]) ** -0.5
    u = mode + scale * nodes[:, None]
    value, score, information = block.derivatives(mu + tau * u)
    log_terms = log_weights[:, None] + value - u**2 / 2 + np.log(scale)
    total = special.logsumexp(log_terms, axis=0)
    posterior = np.exp(log_terms - total)
    curvature = score**2 - information

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (posterior * values).sum(axis=0)

    d_mu, d_tau = mean(score), mean(u * score)
    hessian_mu = mean(curvature) - d_mu**2
    hessian_cross = mean(u * curvature) - d_mu * d_tau
    hessian_tau = mean(u**2 * curvature) - d_tau**2
    gradient = np.array([d_mu.sum(), d_tau.sum()])
    cross = hessian_cross.sum()
    return float(total.sum()), gradient, np.array([[hessian_mu.sum(), cross], [cross, hessian_tau.sum()]])


def _sum_marginal(blocks: Sequence[StudyLikelihoods], mu: float, tau: float) -> _Surface:
    values, gradients, hessians = zip(*(_marginal(block, mu, tau) for block in blocks), strict=True)
    return sum(values), sum(gradients), sum(hessians)


def _fit_random(blocks: Sequence[StudyLikelihoods], mu: float, common: float, k: int) -> _Maximum | None:
    """The maximum over (mu, tau > 0), or None if none is higher than the common effect."""
    start = max((_sum_marginal(blocks, mu, tau)[0], tau) for tau in TAU_STARTS)[1]
    mu, tau, value, hessian = _ascend(blocks, mu, start, k)
    # A gain below rounding is no gain.
    if tau < TAU_ZERO or value <= common + GRADIENT_TOLERANCE * k:
        return None
    return mu, tau, value, hessian


def _ascend(blocks: Sequence[StudyLikelihoods], mu: float, tau: float, k: int, *, fixed_mu: bool = False) -> _Maximum:
    """Newton with a Levenberg shift. The likelihood is even in tau, so a step to a negative tau is turned back by its sign."""
    point = np.array([mu, tau])
    value, gradient, hessian = _sum_marginal(blocks, *point)
    shift = 0.0
    for _ in range(MAX_NEWTON_STEPS):
        free = np.array([not fixed_mu, point[1] < TAU_CEILING or gradient[1] < 0])
        if not free.any() or np.max(np.abs(gradient[free])) < GRADIENT_TOLERANCE * k:
            break
        negative = -hessian[np.ix_(free, free)]
        lowest = np.linalg.eigvalsh(negative)[0]
        ridge = max(shift, 0.0 if lowest > 0 else 2 * abs(lowest) + 1e-8)
        step = np.zeros(2)
        step[free] = np.linalg.solve(negative + ridge * np.eye(free.sum()), gradient[free])
        trial = point + np.clip(step, -1.0, 1.0)
        trial[1] = min(abs(trial[1]), TAU_CEILING)
        moved = np.max(np.abs(trial - point))
        new = _sum_marginal(blocks, *trial)
        if new[0] >= value - abs(value) * np.finfo(float).eps * k:
            point, (value, gradient, hessian), shift = trial, new, shift / 8
        else:
            shift = max(4 * ridge, 1e-3 * np.max(np.abs(negative)))
        if moved < STEP_TOLERANCE:
            break
    return float(point[0]), float(point[1]), value, hessian


def _profile(blocks: Sequence[StudyLikelihoods], mu: float, tau: float, random_effects: bool) -> tuple[float, float]:
    """Log-likelihood at mu, maximised over tau, and the tau of that maximum; ``tau`` is where the climb may start."""
    common = _common(blocks, mu)[0]
    if not random_effects:
        return common, 0.0
    k = sum(study_count(block) for block in blocks)
    # Away from the estimate more heterogeneity is needed to explain the data, so a larger start stands beside the given one.
    starts = {max(tau, TAU_STARTS[0]), max(2 * tau, TAU_STARTS[2])}
    start = max((_sum_marginal(blocks, mu, trial)[0], trial) for trial in starts)[1]
    _, tau, value, _ = _ascend(blocks, mu, min(start, TAU_CEILING), k, fixed_mu=True)
    return (value, tau) if value > common else (common, 0.0)


def _search(above: Callable[[float], float], origin: float, sign: float, reach: float) -> float:
    """Where ``above`` falls through 0, going from ``origin`` in the direction of ``sign``; infinite if it never does."""
    inner = origin
    for _ in range(PROFILE_REACH_DOUBLINGS):
        outer = origin + sign * reach
        if above(outer) < 0:
            return float(optimize.brentq(above, *sorted((inner, outer)), xtol=1e-9))
        inner, reach = outer, 2 * reach
    return float(sign * np.inf)
