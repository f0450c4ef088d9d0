"""The binomial-normal model of single proportions, fitted by maximum likelihood.

Each study's count is binomial with its own proportion, whose logit is normal over studies with mean ``mu`` and standard
deviation ``tau`` (Stijnen, Hamza and Özdemir 2010). No effect size and no continuity correction is needed, so small studies
and studies without events carry exactly the information that they have. ``expit(mu)`` is the proportion of the median
study; the mean proportion over studies is `BinomialNormalFit.mean_proportion`.

Data on which the likelihood has no maximum are recognised beforehand and handled by `status`:

"no-events", "all-events"
    The likelihood rises without end as mu goes to minus or plus infinity, whatever tau is. The proportion is 0 or 1; tau2
    is not estimable; intervals come from the exact binomial distribution of the summed counts (see `proportions`).
"separated"
    Every study has either no event or events only, and both kinds occur: the likelihood rises without end with tau. In
    that limit a study counts as a single draw, so the proportion is the share of studies with events, tau2 is not
    estimable, and intervals come from the exact binomial distribution of the number of studies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri, stdtrit

from cordbook.synthesis.between_studies.heterogeneity import QTest
from cordbook.synthesis.checks import FEWEST, check_counts, check_level, columns_of
from cordbook.synthesis.glmm.average import Average, average, in_average, standard_error
from cordbook.synthesis.glmm.likelihood import Counts, Derivatives, EPSites, log_coefficients, saturated
from cordbook.synthesis.glmm.newton import limits
from cordbook.synthesis.glmm.search import Optima, common_effect, kinds_of, maximise_rows, merged

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

STATUSES = ("interior", "boundary", "no-events", "all-events", "separated")

# Rows times studies fitted together in a batch.
ROWS_TIMES_STUDIES = 200_000


@dataclass(frozen=True, slots=True)
class BinomialNormalFit:
    """The fitted binomial-normal model of one set of studies.

    mu, se
        mean logit and its standard error (inverse of the observed information of mu and tau together); mu is infinite and
        se None when `status` is "no-events" or "all-events", both None when "separated".
    tau2
        between-study variance of the logit; None where not estimable.
    mean_proportion
        mean over studies, the integral of expit(mu + tau z); beside it expit(mu) is the median.
    loglik, loglik_common
        log-likelihoods with the binomial coefficients; of this model, and with tau2 = 0.
    lr, lr_p
        likelihood ratio statistic of tau2 = 0 and its p-value, half of the chi-squared tail with 1 degree of freedom
        since tau2 = 0 lies on the boundary (Self and Liang 1987).
    q, q_df, q_p
        likelihood ratio statistic of one common proportion against one proportion a study, chi-squared with k - 1 degrees
        of freedom; metafor's QE.LRT.
    constant
        sum of the logs of the binomial coefficients, which `loglik` contains.
    """

    mu: float | None
    se: float | None
    tau2: float | None
    mean_proportion: float
    loglik: float
    loglik_common: float
    lr: float | None
    lr_p: float | None
    q: float
    q_df: int
    q_p: float | None
    k: int
    status: str
    constant: float = 0.0


@dataclass(frozen=True, slots=True)
class BinomialNormalBatch:
    """Fits of several sets of the same studies; arrays of shape (b,), `status` a tuple of length b.

    mu is infinite where a set has no events or events only; se and tau2 are NaN where not estimable.
    """

    mu: Array
    se: Array
    tau2: Array
    loglik: Array
    status: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProfileLimits:
    """Profile likelihood limits of mu and tau2. A limit is infinite where the likelihood falls too slowly to end."""

    mu_low: float
    mu_high: float
    tau2_low: float
    tau2_high: float


def fit_binomial_normal(events: ArrayLike, n: ArrayLike, *, data: pd.DataFrame | None = None) -> BinomialNormalFit:
    """Fit the binomial-normal model to single proportions by maximum likelihood.

    The likelihood is integrated by adaptive Gauss-Hermite quadrature, by the trapezoidal rule where posteriors are wide,
    with as many nodes as the data need, and climbed by Newton's method with analytic derivatives.

    Parameters
    ----------
    events, n : array_like of int, shape (k,)
        Participants with the event, and participants.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Returns
    -------
    BinomialNormalFit

    Raises
    ------
    ValueError
        For counts that `check_counts` refuses.

    Examples
    --------
    >>> fit = fit_binomial_normal([0, 1, 9, 3], [20, 15, 30, 40])
    >>> fit.status
    'interior'
    >>> fit_binomial_normal([0, 0], [20, 15]).status
    'no-events'
    """
    events, n = columns_of(data, events=events, n=n)
    x, size, _ = check_counts(events, n, min_studies=FEWEST["fit_binomial_normal"])
    return fit_counts(x.astype(float), size.astype(float))[0]


def fit_counts(x: Array, n: Array) -> tuple[BinomialNormalFit, Optima | None]:
    """Fit counts that have been checked; return the fit and, when it has one, the peak for `profile_limits`."""
    k = x.size
    kind = str(kinds_of(x, n, None)[0])
    constant = float(log_coefficients(x, n).sum())
    total, size = float(x.sum()), float(n.sum())
    p = total / size
    common = float(saturated(total, size))
    q, _, q_p = one_proportion_test(x, n)
    if kind == "separated":
        kinds = float((x > 0).sum()), float(k)
        p_limit = kinds[0] / kinds[1]
        limit = float(saturated(np.array([kinds[0]]), np.array([kinds[1]]))[0])
        lr = 2.0 * (limit - common)
        return BinomialNormalFit(
            None, None, None, p_limit, limit, common + constant, lr, 0.5 * float(chdtrc(1, lr)), q, k - 1, q_p, k, kind
        ), None
    if kind in ("no-events", "all-events"):
        mu = -np.inf if kind == "no-events" else np.inf
        return BinomialNormalFit(mu, None, None, p, 0.0, 0.0, None, None, q, k - 1, q_p, k, kind), None
    data = merged(x, n)
    peak = maximise_rows(data, 1)
    mu, tau = float(peak.mu[0]), float(peak.tau[0])
    lr = max(0.0, 2.0 * (float(peak.loglik[0]) - common)) if tau > 0.0 else 0.0
    fit = BinomialNormalFit(
        mu=mu,
        se=float(peak.se[0]),
        tau2=tau * tau,
        mean_proportion=mean_proportion(mu, tau),
        loglik=float(peak.loglik[0]) + constant,
        loglik_common=common + constant,
        lr=lr,
        lr_p=0.5 * float(chdtrc(1, lr)) if lr > 0.0 else 1.0,
        q=q,
        q_df=k - 1,
        q_p=q_p,
        k=k,
        status="interior" if tau > 0.0 else "boundary",
        constant=constant,
    )
    return fit, peak


def one_proportion_test(x: Array, n: Array) -> QTest:
    """Return the likelihood ratio test of one common proportion against one proportion a study (metafor's QE.LRT).

    Examples
    --------
    >>> test = one_proportion_test(np.array([1.0, 9.0]), np.array([10.0, 10.0]))
    >>> round(test.q, 3), test.df, round(test.p, 5)
    (14.723, 1, 0.00012)
    """
    df = x.size - 1
    q = max(0.0, 2.0 * float(saturated(x, n).sum() - saturated(x.sum(), n.sum())))
    return QTest(q, df, float(chdtrc(df, q)) if df else None)


def fit_binomial_normal_batch(
    events: ArrayLike, n: ArrayLike, weights: ArrayLike, *, data: pd.DataFrame | None = None
) -> BinomialNormalBatch:
    """Fit the binomial-normal model to several sets of the same studies at once, as leave-one-out does.

    Parameters
    ----------
    events, n : array_like of int, shape (k,)
        Participants with the event, and participants.
    weights : array_like, shape (b, k)
        How often each study counts in each set, at least 0: 0 leaves it out, 1 takes it in, 2 takes it twice (a bootstrap).
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Returns
    -------
    BinomialNormalBatch

    Raises
    ------
    ValueError
        For counts that `check_counts` refuses, weights of another shape or below 0, and sets without studies.

    Examples
    --------
    >>> import numpy as np
    >>> batch = fit_binomial_normal_batch([0, 1, 9, 3], [20, 15, 30, 40], 1 - np.eye(4))
    >>> batch.mu.shape, batch.status
    ((4,), ('interior', 'interior', 'boundary', 'interior'))
    """
    events, n = columns_of(data, events=events, n=n)
    checked, sizes, _ = check_counts(events, n, min_studies=FEWEST["fit_binomial_normal_batch"])
    x, size = checked.astype(float), sizes.astype(float)
    w = np.asarray(weights, dtype=float)
    if w.ndim != 2 or w.shape[1] != x.size:
        raise ValueError(f"weights has shape {w.shape}; it must be (b, {x.size}), a row for each set of studies.")
    if not (np.isfinite(w).all() and (w >= 0).all()):
        raise ValueError("weights must be finite and at least 0; use 0 to leave a study out of a set.")
    if not (w > 0).any(axis=1).all():
        empty = int(np.flatnonzero(~(w > 0).any(axis=1))[0])
        raise ValueError(f"row {empty} of weights holds no study; give each set at least one.")
    kinds = kinds_of(x, size, w)
    b = len(kinds)
    mu, se, tau2 = np.full(b, np.nan), np.full(b, np.nan), np.full(b, np.nan)
    loglik = np.zeros(b)
    mu[kinds == "no-events"], mu[kinds == "all-events"] = -np.inf, np.inf
    apart = np.flatnonzero(kinds == "separated")
    some, all_of = w[apart] @ (x > 0), w[apart].sum(axis=1)
    loglik[apart] = saturated(some, all_of)
    regular = np.flatnonzero(kinds == "regular")
    if regular.size:
        # Rows of 1 MB of weights' worth at a time keep the temporary arrays of many fits within memory.
        size_of_chunk = max(1, ROWS_TIMES_STUDIES // x.size)
        for first in range(0, regular.size, size_of_chunk):
            rows = regular[first : first + size_of_chunk]
            peak = maximise_rows(Counts.of(x, size, w[rows]), rows.size)
            mu[rows], se[rows], tau2[rows] = peak.mu, peak.se, peak.tau**2
            loglik[rows] = peak.loglik
            kinds[rows] = np.where(peak.tau > 0.0, "interior", "boundary")
    loglik += np.where(kinds == "separated", 0.0, 1.0) * (w @ log_coefficients(x, size))
    return BinomialNormalBatch(mu, se, tau2, loglik, tuple(kinds.tolist()))


def profile_limits(
    events: ArrayLike, n: ArrayLike, *, level: float = 0.95, small_sample: bool = False, data: pd.DataFrame | None = None
) -> ProfileLimits | None:
    """Return profile likelihood intervals of mu and tau2; None where the likelihood has no maximum (see the module).

    Parameters
    ----------
    events, n : array_like of int, shape (k,)
    level : float
        Confidence level, between 0 and 1.
    small_sample : bool
        Whether the profile of mu is cut for the number of studies (see `profile_cut`).
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Examples
    --------
    >>> ends = profile_limits([0, 1, 9, 3], [20, 15, 30, 40])
    >>> ends.mu_low < fit_binomial_normal([0, 1, 9, 3], [20, 15, 30, 40]).mu < ends.mu_high
    True
    """
    events, n = columns_of(data, events=events, n=n)
    check_level(level)
    checked, sizes, _ = check_counts(events, n, min_studies=2 if small_sample else FEWEST["profile_limits"])
    x, size = checked.astype(float), sizes.astype(float)
    _, peak = fit_counts(x, size)
    return None if peak is None else limits_of_peak(x, size, peak, level, small_sample=small_sample)


def profile_cut(level: float, k: int | None = None) -> float:
    """Return how far twice the profile log-likelihood falls from its maximum to the limits of an interval.

    Without ``k`` this is the quantile of chi-squared with 1 degree of freedom, which holds for many studies. With ``k``
    studies it is ``k log(1 + t^2 / (k - 1))``, t the ``(1 + level) / 2`` quantile of Student's distribution with k - 1
    degrees of freedom: for the mean of k normal values with unknown variance twice the fall of the log-likelihood is just
    this function of the t statistic, so that there the interval is Student's and covers exactly. That is the limit of the
    binomial-normal model when studies are large beside their differences. It tends to the quantile of chi-squared as k grows. This cut is
    our own, not a published method; how it covers is simulated in benchmarks/coverage.py and benchmarks/coverage_averages.py.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    k : int, optional
        Number of studies, at least 2.

    Examples
    --------
    >>> round(profile_cut(0.95), 3), round(profile_cut(0.95, 10), 3), round(profile_cut(0.95, 2), 3)
    (3.841, 4.502, 10.181)
    """
    check_level(level)
    if k is None:
        return float(chdtri(1, 1.0 - level))
    if k < 2:
        raise ValueError(f"k = {k}: the cut for the number of studies needs at least 2; give the exact interval of one study.")
    return float(k * np.log1p(stdtrit(k - 1, 0.5 * (1.0 + level)) ** 2 / (k - 1)))


def limits_of_peak(
    x: Array, n: Array, peak: Optima, level: float, *, of_mu: bool = True, of_tau2: bool = True, small_sample: bool = False
) -> ProfileLimits:
    """Return profile likelihood intervals around a peak that `fit_counts` returned for the same counts.

    Limits that are not asked for, by ``of_mu`` or ``of_tau2``, are NaN. ``small_sample`` cuts the profile of mu for the number
    of studies (see `profile_cut`); that of tau2 is always cut at the quantile of chi-squared.
    """
    data = merged(x, n)
    height = float(peak.loglik[0])
    target = height - 0.5 * profile_cut(level)
    target_of_mu = height - 0.5 * profile_cut(level, x.size) if small_sample else target
    wanted = [("mu_low", -1), ("mu_high", 1)] if of_mu else []
    found = dict.fromkeys(("mu_low", "mu_high", "tau2_low", "tau2_high"), float("nan"))
    if of_tau2:
        wanted.append(("tau2_high", 1))
        # The interval of tau2 begins at 0 when the common-effect model is within reach.
        if float(common_effect(data, 1)[1][0]) >= target:
            found["tau2_low"] = 0.0
        else:
            wanted.append(("tau2_low", -1))
    b = len(wanted)
    if b == 0:
        return ProfileLimits(**found)
    of_tau = np.array([name.startswith("tau2") for name, _ in wanted])
    mu, tau = limits(
        np.full(b, peak.mu[0]),
        np.full(b, peak.tau[0]),
        data,
        EPSites(*(np.tile(s, (b, 1)) for s in peak.sites)),
        np.where(of_tau, target, target_of_mu),
        np.array([side for _, side in wanted]),
        of_tau,
        np.full(b, peak.se[0]),
        known=Derivatives(*(np.full(b, value[0]) for value in peak.at)),
    )
    ends = np.where(of_tau, tau * tau, mu).tolist()
    return ProfileLimits(**(found | {name: end for (name, _), end in zip(wanted, ends, strict=True)}))


def average_limits(
    x: Array, n: Array, peak: Optima, level: float, *, profile: bool, small_sample: bool = False, reach: float = 0.0
) -> tuple[Average, float, float]:
    """Return the population average at a peak that `fit_counts` returned, and the limits of its logit.

    By profile likelihood, cut as in `limits_of_peak`, or (``profile`` False) by the delta method, ``reach`` standard errors from the logit.
    In the simulation of benchmarks/coverage_averages.py the delta method with normal quantiles falls short where studies are few (about 92%
    for 2 and 3), with t quantiles it covers as the profile cut for the number of studies does (99%) and is wider; so the profile is the default.
    """
    to = average(peak.mu, peak.tau)
    se = standard_error(peak.at, to)
    if not profile:
        return to, float(to.lam[0] - reach * se[0]), float(to.lam[0] + reach * se[0])
    target = float(peak.loglik[0]) - 0.5 * profile_cut(level, x.size if small_sample else None)
    twice = np.zeros(2, dtype=int)
    ends, _ = limits(
        to.lam[twice],
        peak.tau[twice],
        merged(x, n),
        EPSites(*(np.tile(s, (2, 1)) for s in peak.sites)),
        np.full(2, target),
        np.array([-1, 1]),
        np.zeros(2, dtype=bool),
        se[twice],
        known=Derivatives(*(value[twice] for value in in_average(peak.at, to))),
        of_average=True,
    )
    return to, float(ends[0]), float(ends[1])


def mean_proportion(mu: float, tau: float) -> float:
    """Return the mean of ``expit(mu + tau z)`` over a standard normal z.

    Right to 1e-13 at any tau (see `glmm.average`).

    Examples
    --------
    >>> round(mean_proportion(0.0, 2.0), 12)
    0.5
    """
    return float(average(np.array([mu]), np.array([tau])).mean[0])
