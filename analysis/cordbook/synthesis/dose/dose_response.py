"""Dose-response of grouped binomial data: risk as a logistic or probit function of dose, with random study effects.

Doses of different fractionation are first brought to one scale with `eqd2` or `bed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from cordbook.synthesis.checks import FEWEST, check_choice, check_counts, check_labels, check_level, columns_of
from cordbook.synthesis.dose.fit import CurveFit, fit_curve, profile_d50, separated
from cordbook.synthesis.dose.likelihood import LINKS, DoseGroups, Link, marginal_risk
from cordbook.synthesis.dose.results import DoseAtRisk, DoseGroup, DoseResponse, GoodnessOfFit, RiskAtDose

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bed", "dose_at_risk", "eqd2", "fit_dose_response", "goodness_of_fit", "risk_at_dose", "risk_band"]

# Fewer events than this, or events in fewer groups than that, leave slope and D50 to very little: it is said in a note.
FEW_EVENTS = 10
FEW_EVENT_GROUPS = 3
# Cochran's rule of thumb for the chi-squared approximation.
SMALL_EXPECTED = 5.0
# Fisher scoring of many simulated data sets at once: 25 steps are enough for all but separated ones, whose deviance is
# then as near to its limit as matters.
SCORING_STEPS = 25
LARGEST_PREDICTOR = 30.0


def bed(total_dose: ArrayLike, dose_per_fraction: ArrayLike, alpha_beta: float = 2.0) -> np.ndarray:
    """Biologically effective dose in Gy, by the linear-quadratic model: D (1 + d / (alpha/beta)).

    Parameters
    ----------
    total_dose, dose_per_fraction : array_like
        Gy, at least 0; shapes that broadcast.
    alpha_beta : float
        Gy, above 0.

    Raises
    ------
    ValueError
        For doses below 0 or missing, and for an alpha/beta not above 0.

    References
    ----------
    Fowler JF (1989). The linear-quadratic formula and progress in fractionated radiotherapy. British Journal of Radiology
    62:679-694.

    Examples
    --------
    >>> float(bed(50, 2, alpha_beta=2))
    100.0
    """
    total, fraction = np.asarray(total_dose, dtype=float), np.asarray(dose_per_fraction, dtype=float)
    for name, value in (("total_dose", total), ("dose_per_fraction", fraction)):
        if not (np.isfinite(value) & (value >= 0)).all():
            raise ValueError(f"{name} = {value} holds a value that is not a dose of at least 0; correct or leave it out.")
    if not (np.isfinite(alpha_beta) and alpha_beta > 0):
        raise ValueError(f"alpha_beta = {alpha_beta} is not above 0; give it in the unit of the doses, for instance 2.")
    return total * (1 + fraction / alpha_beta)


def eqd2(total_dose: ArrayLike, dose_per_fraction: ArrayLike, alpha_beta: float = 2.0) -> np.ndarray:
    """Equivalent dose in fractions of 2 Gy, in Gy: D (d + alpha/beta) / (2 + alpha/beta).

    Arguments, errors and source as for `bed`.

    Examples
    --------
    >>> float(eqd2(50, 2))
    50.0
    >>> float(eqd2(20, 10, alpha_beta=2))     # two fractions of 10 Gy
    60.0
    """
    return bed(total_dose, dose_per_fraction, alpha_beta) / (1 + 2.0 / alpha_beta)


def fit_dose_response(
    dose: ArrayLike,
    events: ArrayLike,
    n: ArrayLike,
    *,
    study: Sequence[object] | None = None,
    link: Literal["logit", "probit"] = "logit",
    penalty: Literal["none", "jeffreys"] = "none",
    level: float = 0.95,
    data: pd.DataFrame | None = None,
) -> DoseResponse:
    """Fit risk = F(a + b dose) to groups of participants, with a random intercept for each study.

    Parameters
    ----------
    dose : array_like, shape (g,)
        Dose of each group, for instance EQD2 in Gy.
    events, n : array_like, shape (g,)
        Participants with the event and in all.
    study : sequence of g names, optional
        The study of each group. Groups that share a study share a normal random intercept with standard deviation tau,
        estimated by maximum likelihood and often 0. Without it one curve is fitted to all groups (tau = 0).
    link : "logit" or "probit"
    penalty : "none" or "jeffreys"
        "jeffreys" adds half the log determinant of the information of (a, b) to the log likelihood: Firth's method for the
        logit link. It lessens bias with few events and gives finite estimates where a dose separates the events from the
        rest, and also with no event at all. Intervals then come from the penalised likelihood (Heinze and Schemper 2002,
        Statistics in Medicine 21:2409-2419).
    level : float
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Returns
    -------
    DoseResponse

    Raises
    ------
    ValueError
        For bad counts or doses, fewer than two different doses, and, without penalty, for data with no maximum of the
        likelihood (no event, all events, or events separated by dose).

    References
    ----------
    Bentzen SM, Tucker SL (1997). Quantifying the position and steepness of radiation dose-response curves. International
    Journal of Radiation Biology 71:531-542. (D50 and gamma50.)

    Examples
    --------
    Beetles killed by carbon disulphide, log10 dose (Bliss 1935; Dobson and Barnett 2008, section 7.3):

    >>> dose = [1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839]
    >>> fit = fit_dose_response(dose, [6, 13, 18, 28, 52, 53, 61, 60], [59, 60, 62, 56, 63, 59, 62, 60])
    >>> round(fit.intercept, 2), round(fit.slope, 2), round(fit.d50, 3)
    (-60.72, 34.27, 1.772)
    """
    dose, events, n, study = columns_of(data, dose=dose, events=events, n=n, study=study)
    level = check_level(level)
    check_choice("link", link, tuple(LINKS))
    check_choice("penalty", penalty, ("none", "jeffreys"))
    names = None if study is None else check_labels(study, np.size(dose))
    events, n, labels = check_counts(events, n, names, min_studies=FEWEST["fit_dose_response"])
    dose = _check_dose(dose, labels)
    random_study = study is not None and len(set(labels)) > 1
    penalised = penalty == "jeffreys"
    if not penalised and separated(dose, events, n):
        raise ValueError(
            f"The likelihood has no maximum: {_why_no_maximum(dose, events, n)}. Use penalty='jeffreys' for finite estimates."
        )

    groups = _groups(dose, events, n, labels if study is not None else None)
    chosen = LINKS[link]
    fit = fit_curve(groups, chosen, penalised=penalised, random_study=random_study)
    z = float(stats.norm.ppf((1 + level) / 2))
    rises = fit.beta[1] > 0
    at_half = _dose_at_risk(fit, chosen, 0.5, z) if rises else None
    profile: tuple[float | None, float | None] = (None, None)
    if rises:
        profile = profile_d50(
            groups,
            chosen,
            fit,
            penalised=penalised,
            random_study=random_study,
            drop=float(stats.chi2.ppf(level, 1)) / 2,
        )
    gamma50 = (
        np.array([-fit.beta[0], *(-fit.beta[0] + np.array([-z, z]) * np.sqrt(fit.covariance[0, 0]))]) * chosen.density_at_zero
    )
    slope_se = float(np.sqrt(fit.covariance[1, 1]))
    (aa, ab), (ba, bb) = fit.covariance
    tau_p = None
    if random_study:
        gain = max(2 * (fit.log_likelihood - fit.log_likelihood_common), 0.0)
        tau_p = 0.5 * float(stats.chi2.sf(gain, 1)) if fit.tau > 0 else 1.0
    return DoseResponse(
        link=link,
        penalty=penalty,
        intercept=float(fit.beta[0]),
        intercept_se=float(np.sqrt(fit.covariance[0, 0])),
        slope=float(fit.beta[1]),
        slope_se=slope_se,
        slope_ci_low=float(fit.beta[1] - z * slope_se),
        slope_ci_high=float(fit.beta[1] + z * slope_se),
        covariance=((float(aa), float(ab)), (float(ba), float(bb))),
        d50=at_half.dose if at_half else None,
        d50_ci_low=profile[0],
        d50_ci_high=profile[1],
        d50_fieller=(at_half.ci_low, at_half.ci_high) if at_half else (None, None),
        d50_delta=(at_half.delta_low, at_half.delta_high) if at_half else None,
        gamma50=float(gamma50[0]) if rises else None,
        gamma50_ci_low=float(gamma50[1]) if rises else None,
        gamma50_ci_high=float(gamma50[2]) if rises else None,
        tau=fit.tau,
        tau_p=tau_p,
        log_likelihood=fit.log_likelihood,
        log_likelihood_common=fit.log_likelihood_common,
        k_groups=dose.size,
        k_studies=len(set(labels)) if study is not None else dose.size,
        events=int(events.sum()),
        n=int(n.sum()),
        level=level,
        groups=_group_records(dose, events, n, labels, chosen, fit, level),
        notes=_notes(dose, events, n, fit, profile, penalised, level),
    )


def risk_at_dose(fit: DoseResponse, dose: float) -> RiskAtDose:
    """Risk of the typical study at a dose, with confidence and prediction interval, and the mean risk over studies.

    Intervals are Wald's on the scale of the link, at the level of the fit.
    """
    return risk_band(fit, [dose])[0]


def risk_band(fit: DoseResponse, doses: ArrayLike) -> tuple[RiskAtDose, ...]:
    """`risk_at_dose` for each of several doses (d,): the curve and band of a figure. Pointwise, not simultaneous."""
    doses = np.asarray(doses, dtype=float)
    if doses.ndim != 1 or not np.isfinite(doses).all():
        raise ValueError("doses must be a flat list of finite numbers.")
    link = LINKS[fit.link]
    design = np.column_stack([np.ones_like(doses), doses])
    eta = design @ np.array([fit.intercept, fit.slope])
    variance = np.einsum("di,ij,dj->d", design, np.array(fit.covariance), design)
    z = float(stats.norm.ppf((1 + fit.level) / 2))
    half, wide = z * np.sqrt(variance), z * np.sqrt(variance + fit.tau**2)
    columns = (doses, link.risk(eta), *(link.risk(eta + shift) for shift in (-half, half, -wide, wide)))
    return tuple(
        RiskAtDose(*(float(value) for value in row)) for row in zip(*columns, marginal_risk(link, eta, fit.tau), strict=True)
    )


def dose_at_risk(fit: DoseResponse, risk: float) -> DoseAtRisk:
    """Dose at which the typical study has `risk` (0 to 1), with Fieller's interval (Fieller 1954, JRSS B 16:175-185).

    >>> fit = fit_dose_response([1, 2, 3, 4], [1, 4, 6, 9], [10, 10, 10, 10])
    >>> round(dose_at_risk(fit, 0.5).dose - fit.d50, 12)
    0.0
    """
    if not 0 < risk < 1:
        raise ValueError(f"risk = {risk} is not strictly between 0 and 1.")
    if fit.slope <= 0:
        raise ValueError(f"The fitted risk does not rise with dose (slope {fit.slope:g}), so no dose belongs to a risk.")
    z = float(stats.norm.ppf((1 + fit.level) / 2))
    curve = CurveFit(np.array([fit.intercept, fit.slope]), np.array(fit.covariance), fit.tau, 0.0, 0.0, 0.0)
    return _dose_at_risk(curve, LINKS[fit.link], risk, z)


def _dose_at_risk(fit: CurveFit, link: Link, risk: float, z: float) -> DoseAtRisk:
    wanted = float(link.predictor(np.asarray(risk)))
    (a, b), covariance = fit.beta, fit.covariance
    dose = (wanted - a) / b
    gradient = np.array([1.0, dose]) / b
    se = float(np.sqrt(gradient @ covariance @ gradient))
    # Fieller: all doses d with (a + b d - wanted)^2 <= z^2 variance(a + b d), a quadratic in d.
    quadratic = b**2 - z**2 * covariance[1, 1]
    linear = 2 * ((a - wanted) * b - z**2 * covariance[0, 1])
    constant = (a - wanted) ** 2 - z**2 * covariance[0, 0]
    discriminant = linear**2 - 4 * quadratic * constant
    low = high = None
    if quadratic > 0 and discriminant > 0:
        low, high = sorted((-linear + sign * np.sqrt(discriminant)) / (2 * quadratic) for sign in (-1, 1))
    elif quadratic < 0 and discriminant > 0:
        # The set is all but the gap between the roots: bounded on the side of the gap only.
        first, second = sorted((-linear + sign * np.sqrt(discriminant)) / (2 * quadratic) for sign in (-1, 1))
        low, high = (second, None) if dose >= second else (None, first)
    return DoseAtRisk(
        risk=float(risk),
        dose=float(dose),
        se=se,
        ci_low=None if low is None else float(low),
        ci_high=None if high is None else float(high),
        delta_low=float(dose - z * se),
        delta_high=float(dose + z * se),
    )


def goodness_of_fit(fit: DoseResponse, *, simulations: int = 0, seed: int = 0) -> GoodnessOfFit:
    """Test whether one curve, the same in every study, fits the groups: Pearson's and the deviance statistic.

    Needs a fit without random study effects in force (tau = 0); where tau is above 0 the studies differ by estimate, and
    `tau_p` is the test. With `simulations`, p-values also by parametric bootstrap from the fitted curve (seeded).
    """
    if fit.tau > 0:
        raise ValueError(f"tau = {fit.tau:g}: the studies' curves differ, so no single curve is tested; fit without study first.")
    link = LINKS[fit.link]
    dose, events, n = (np.array([getattr(group, name) for group in fit.groups], dtype=float) for name in ("dose", "events", "n"))
    risk = link.risk(fit.intercept + fit.slope * dose)
    pearson, deviance = (float(value[0]) for value in _misfit(events[None], n, risk[None]))
    df = dose.size - 2
    smallest = float((n * np.minimum(risk, 1 - risk)).min())
    simulated: tuple[float | None, float | None] = (None, None)
    if simulations:
        draws = np.random.default_rng(seed).binomial(n.astype(int), risk, size=(simulations, dose.size)).astype(float)
        statistics = _misfit(draws, n, _refit(draws, dose, n, link))
        # The observed set counts as one of the draws, so that a p-value is never 0.
        first, second = (
            float((1 + (sample >= seen).sum()) / (simulations + 1))
            for sample, seen in zip(statistics, (pearson, deviance), strict=True)
        )
        simulated = first, second
    notes: tuple[str, ...] = ()
    if smallest < SMALL_EXPECTED:
        notes = (f"The smallest expected count is {smallest:.2g}: chi-squared p-values mislead; use simulated ones.",)
    return GoodnessOfFit(
        pearson=pearson,
        deviance=deviance,
        df=df,
        pearson_p=float(stats.chi2.sf(pearson, df)) if df > 0 else None,
        deviance_p=float(stats.chi2.sf(deviance, df)) if df > 0 else None,
        pearson_p_simulated=simulated[0],
        deviance_p_simulated=simulated[1],
        smallest_expected=smallest,
        notes=notes,
    )


def _misfit(events: np.ndarray, n: np.ndarray, risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson's statistic and the deviance of data sets (r, g) at risks (r, g)."""
    risk = np.clip(risk, np.finfo(float).tiny, 1 - np.finfo(float).epsneg)
    expected = n * risk
    pearson = (np.square(events - expected) / (expected * (1 - risk))).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(events > 0, events * np.log(events / expected), 0.0)
        no = np.where(events < n, (n - events) * np.log((n - events) / (n - expected)), 0.0)
    return pearson, 2 * (yes + no).sum(axis=1)


def _refit(events: np.ndarray, dose: np.ndarray, n: np.ndarray, link: Link) -> np.ndarray:
    """Fitted risks (r, g) of r simulated data sets, by Fisher scoring of all at once."""
    x = (dose - dose.mean()) / dose.std()
    pooled = (events.sum(axis=1) + 0.5) / (n.sum() + 1.0)
    a, b = link.predictor(pooled), np.zeros(events.shape[0])
    for _ in range(SCORING_STEPS):
        eta = np.clip(a[:, None] + b[:, None] * x, -LARGEST_PREDICTOR, LARGEST_PREDICTOR)
        weight, score = n * link.weight(eta), link.score(events, n, eta)
        s0, s1, s2 = weight.sum(axis=1), (weight * x).sum(axis=1), (weight * x * x).sum(axis=1)
        u0, u1 = score.sum(axis=1), (score * x).sum(axis=1)
        determinant = np.maximum(s0 * s2 - s1 * s1, np.finfo(float).tiny)
        # No step beyond two units: simulated sets without a maximum walk off slowly instead of overflowing.
        a = a + np.clip((s2 * u0 - s1 * u1) / determinant, -2, 2)
        b = b + np.clip((s0 * u1 - s1 * u0) / determinant, -2, 2)
    return link.risk(np.clip(a[:, None] + b[:, None] * x, -LARGEST_PREDICTOR, LARGEST_PREDICTOR))


def _check_dose(dose: ArrayLike, labels: tuple[str, ...]) -> np.ndarray:
    try:
        values = np.asarray(dose, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError("dose is not a list of numbers; give one number for each group.") from error
    if values.shape != (len(labels),):
        raise ValueError(f"dose has {values.size} values and there are {len(labels)} groups; give one dose for each group.")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(
            "\n".join(f"{labels[i]}: dose = {values[i]} is not a finite number; fill it in or leave it out." for i in bad)
        )
    if np.ptp(values) == 0:
        raise ValueError(f"All groups have the dose {values[0]:g}; a dose-response needs at least two different doses.")
    return values


def _why_no_maximum(dose: np.ndarray, events: np.ndarray, n: np.ndarray) -> str:
    if not events.any():
        return "no group has an event"
    if (events == n).all():
        return "every participant has the event"
    low, high = sorted((float(dose[events > 0].min()), float(dose[events < n].max())))
    return f"between doses {low:g} and {high:g} the events part from the rest"


def _groups(dose: np.ndarray, events: np.ndarray, n: np.ndarray, labels: tuple[str, ...] | None) -> DoseGroups:
    study = np.arange(dose.size) if labels is None else np.unique(np.array(labels), return_inverse=True)[1]
    order = np.argsort(study, kind="stable")
    starts = np.flatnonzero(np.diff(study[order], prepend=-1))
    design = np.column_stack([np.ones_like(dose), dose])[order]
    return DoseGroups(design, events[order].astype(float), n[order].astype(float), study[order], starts)


def _group_records(
    dose: np.ndarray, events: np.ndarray, n: np.ndarray, labels: Sequence[str], link: Link, fit: CurveFit, level: float
) -> tuple[DoseGroup, ...]:
    low, high = proportion_confint(events, n, alpha=1 - level, method="beta")
    fitted = link.risk(fit.beta[0] + fit.beta[1] * dose)
    return tuple(
        DoseGroup(
            labels[i],
            float(dose[i]),
            int(events[i]),
            int(n[i]),
            float(events[i] / n[i]),
            float(low[i]),
            float(high[i]),
            float(fitted[i]),
        )
        for i in range(dose.size)
    )


def _notes(
    dose: np.ndarray,
    events: np.ndarray,
    n: np.ndarray,
    fit: CurveFit,
    profile: tuple[float | None, float | None],
    penalised: bool,
    level: float,
) -> tuple[str, ...]:
    notes = []
    total, groups = int(events.sum()), int((events > 0).sum())
    if penalised and separated(dose, events, n):
        notes.append(f"Without the penalty there is no estimate: {_why_no_maximum(dose, events, n)}.")
    elif total < FEW_EVENTS or groups < FEW_EVENT_GROUPS:
        notes.append(f"Nearly separated: {total} events, in {groups} of {events.size} groups; slope and D50 rest on very little.")
    if fit.beta[1] <= 0:
        notes.append("The fitted risk does not rise with dose: there is no D50.")
        return tuple(notes)
    d50 = -fit.beta[0] / fit.beta[1]
    if None in profile:
        notes.append(
            f"A flat curve is compatible with the data, so the {level * 100:g}% interval of D50 has no end on one side or both."
        )
    if not dose.min() <= d50 <= dose.max():
        notes.append(
            f"D50 = {d50:.3g} lies outside the doses observed ({dose.min():g} to {dose.max():g}): it is an extrapolation."
        )
    return tuple(notes)
