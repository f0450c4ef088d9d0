"""Influence of single studies on a result: what changes when each is left out.

References
----------
Viechtbauer and Cheung (2010), Research Synthesis Methods 1, 112-125: the diagnostics, which follow metafor's
`influence`.
Baujat, Mahé, Pignon and Hill (2002), Statistics in Medicine 21, 2641-2652: the plot of heterogeneity against influence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from cordbook.synthesis.checks import FEWEST, check_effects, columns_of
from cordbook.synthesis.regression.linear_model import (
    EffectModel,
    Interval,
    LinearFit,
    check_model,
    check_spread,
    fit_linear,
    hat_values,
    weighted_least_squares,
)
from cordbook.synthesis.regression.moderators import build_design, moderator_columns, scaled_rank
from cordbook.synthesis.results import Result, records_frame

if TYPE_CHECKING:
    import pandas as pd

# Viechtbauer and Cheung 2010: a study is called influential when any of these is passed.
DFFITS_FACTOR = 3.0
COOK_PROBABILITY = 0.5
HAT_FACTOR = 3.0
DFBETAS_LIMIT = 1.0

# Deleted residuals this small are rounding error of effects near 1, and count as 0 (metafor does the same).
RESIDUAL_ROUNDING = 100 * np.finfo(float).eps
# Numbers held at once: leaving out each of k studies makes k data sets of k - 1 studies and p columns.
CHUNK_NUMBERS = 2_000_000


@dataclass(frozen=True, slots=True)
class InfluenceCase:
    """What leaving out one study does. Values are None where the model cannot be fitted without the study.

    rstudent: its residual from the model of the others, standardised. dffits: change of its fitted value, standardised.
    cooks_distance: change of all coefficients. cov_ratio: below 1 when leaving it out makes the estimates more precise.
    tau2_deleted and q_deleted: heterogeneity of the others. hat: leverage. weight: percent. dfbetas: change of each
    coefficient, standardised. baujat_x and baujat_y: squared Pearson residual, and squared standardised change of its
    fitted value.
    """

    label: str
    rstudent: float | None
    dffits: float | None
    cooks_distance: float | None
    cov_ratio: float | None
    tau2_deleted: float | None
    q_deleted: float | None
    hat: float
    weight: float
    dfbetas: tuple[float, ...] | None
    baujat_x: float
    baujat_y: float | None
    influential: bool


@dataclass(frozen=True, slots=True)
class Influence(Result):
    """Result of `influence`: one case for each study; `names` are those of the coefficients of `dfbetas`."""

    cases: tuple[InfluenceCase, ...]
    names: tuple[str, ...]
    k: int
    model: str
    ci_method: str
    notes: tuple[str, ...] = ()

    @property
    def influential(self) -> tuple[str, ...]:
        """Labels of the influential studies."""
        return tuple(case.label for case in self.cases if case.influential)

    def to_frame(self) -> pd.DataFrame:
        """One row for each study; `dfbetas` as one column for each coefficient."""
        frame = records_frame(self.cases)
        dfbetas = frame.pop("dfbetas")
        for j, name in enumerate(self.names):
            frame[f"dfbetas: {name}"] = [None if values is None else values[j] for values in dfbetas]
        return frame

    def _lines(self) -> list[str]:
        named = ", ".join(self.influential) if self.influential else "none"
        return [f"Influence of {self.k} studies ({self.model}); influential: {named}"]


def influence(
    yi: Sequence[float],
    vi: Sequence[float],
    moderators: object = None,
    *,
    labels: Sequence[str] | None = None,
    reference: Mapping[str, str] | None = None,
    model: EffectModel = "reml",
    ci: Interval = "wald",
    hksj_floor: bool = True,
    data: pd.DataFrame | None = None,
) -> Influence:
    """Influence diagnostics of a pooled effect, or of a meta-regression when there are moderators.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,).
    moderators, reference
        As in `meta_regression`; None for a pooled effect.
    labels
        Names of the studies.
    model, ci, hksj_floor
        As in `meta_regression`; the Knapp-Hartung factor enters the standardised values.
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        As in `meta_regression`; at least two studies more than coefficients are needed.

    Examples
    --------
    >>> found = influence([0.1, 0.2, 0.15, 0.12, 1.4], [0.02, 0.03, 0.02, 0.04, 0.01], labels=["A", "B", "C", "D", "E"])
    >>> found.influential
    ('E',)
    >>> round(found.cases[4].tau2_deleted, 6)
    0.0
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    moderators = moderator_columns(moderators, data)
    yi, vi, labels = check_effects(yi, vi, labels, min_studies=FEWEST["influence"])
    check_model(model, ci)
    design, X, notes = build_design(moderators, labels, reference=reference)
    k, p = X.shape
    if k < p + 2:
        raise ValueError(f"Leaving out one of {k} studies leaves too few for {p} coefficients; at least {p + 2} are needed.")
    fit = fit_linear(yi, vi, X, model=model, ci=ci, hksj_floor=hksj_floor)
    check_spread(fit, ci)
    deleted = _deleted_fits(yi, vi, X, model, ci, hksj_floor)
    columns = _diagnostics(yi, vi, X, fit, deleted)
    cases = tuple(_case(label, {name: values[i] for name, values in columns.items()}) for i, label in enumerate(labels))
    lost = [case.label for case in cases if case.tau2_deleted is None]
    if lost:
        notes = (*notes, f"Without {', '.join(lost)} a coefficient cannot be estimated, so these have no diagnostics.")
    return Influence(cases, design.names, k, model, ci, notes)


def leave_out_index(k: int, width: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Chunks of the studies to leave out (b,) and the studies that stay (b, k - 1), for data of `width` numbers a
    study.
    """
    many = max(1, CHUNK_NUMBERS // (k * width))
    for start in range(0, k, many):
        out = np.arange(start, min(start + many, k))
        stay = np.arange(k - 1)
        yield out, stay + (stay >= out[:, None])


def _deleted_fits(yi: np.ndarray, vi: np.ndarray, X: np.ndarray, model: str, ci: str, floor: bool) -> LinearFit:
    """The fits without each study; rows of NaN where the others cannot tell the coefficients apart."""
    k, p = X.shape
    tau2, s2w, q, i2, h2 = (np.full(k, np.nan) for _ in range(5))
    fits = LinearFit(np.full((k, p), np.nan), np.full((k, p, p), np.nan), tau2, s2w, q, i2, h2, k - 1 - p)
    for out, stay in leave_out_index(k, p):
        estimable = scaled_rank(X[stay]) == p
        out, stay = out[estimable], stay[estimable]
        if out.size == 0:
            continue
        part = fit_linear(yi[stay], vi[stay], X[stay], model=model, ci=ci, hksj_floor=floor)
        for name in ("beta", "bread", "tau2", "s2w", "q", "i2", "h2"):
            getattr(fits, name)[out] = getattr(part, name)
    return fits


def _diagnostics(yi: np.ndarray, vi: np.ndarray, X: np.ndarray, fit: LinearFit, deleted: LinearFit) -> dict[str, np.ndarray]:
    k, p = X.shape
    hat = hat_values(vi, fit.tau2, X)
    weight = 1 / (vi + fit.tau2)
    fitted = X @ fit.beta
    predicted = np.einsum("kp,kp->k", X, deleted.beta)
    variance = np.einsum("kp,kpq,kq->k", X, deleted.cov, X)
    total = deleted.s2w * (vi + deleted.tau2)
    residual = yi - predicted
    residual = np.where(np.abs(residual) < RESIDUAL_ROUNDING, 0.0, residual)
    change = fit.beta - deleted.beta
    # The covariance of the full data with the tau2 of the others: what the change of a coefficient is measured against.
    known = np.isfinite(deleted.tau2)
    variances = np.full((k, p), np.nan)
    w = 1 / (vi + deleted.tau2[known][:, None])
    _, inverse, _ = weighted_least_squares(np.zeros_like(w), w, np.broadcast_to(X, (len(w), k, p)))
    variances[known] = np.diagonal(inverse, axis1=-2, axis2=-1)
    cooks = np.einsum("kp,pq,kq->k", change, np.linalg.inv(fit.cov), change)
    # Where the others fit exactly the Knapp-Hartung factor is 0 and the standardised values are not defined: None
    # later.
    with np.errstate(divide="ignore", invalid="ignore"):
        rstudent = residual / np.sqrt(total + variance)
        dffits = (fitted - predicted) / np.sqrt(hat * total)
        dfbetas = change / np.sqrt(deleted.s2w[:, None] * variances)
        baujat_y = (predicted - fitted) ** 2 / variance
        cov_ratio = np.linalg.det(deleted.cov) / np.linalg.det(fit.cov)
        influential = np.abs(dffits) > DFFITS_FACTOR * np.sqrt(p / (k - p))
        influential |= stats.chi2.cdf(cooks, p) > COOK_PROBABILITY
        influential |= hat > HAT_FACTOR * p / k
        influential |= (np.abs(dfbetas) > DFBETAS_LIMIT).any(axis=1)
    return {
        "rstudent": rstudent,
        "dffits": dffits,
        "cooks_distance": cooks,
        "cov_ratio": cov_ratio,
        "tau2_deleted": deleted.tau2,
        "q_deleted": deleted.q,
        "hat": hat,
        "weight": 100 * weight / weight.sum(),
        "dfbetas": dfbetas,
        "baujat_x": weight * (yi - fitted) ** 2,
        "baujat_y": baujat_y,
        "influential": influential,
    }


def _case(label: str, values: Mapping[str, Any]) -> InfluenceCase:
    plain: dict[str, Any] = {name: value.tolist() if np.isfinite(value).all() else None for name, value in values.items()}
    if plain["dfbetas"] is not None:
        plain["dfbetas"] = tuple(plain["dfbetas"])
    return InfluenceCase(label, **plain)
