"""One pooled estimate as a row of a table: what leave-one-out, cumulative and subgroup analyses are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cordbook.synthesis.measures import back_transform, effects_of_counts
from cordbook.synthesis.pooling.effects import critical_value, narrower_than_common, pool_effects
from cordbook.synthesis.pooling.proportions import COUNT_MODELS, pool_proportions, study_intervals
from cordbook.synthesis.results import PooledEffect, PooledProportion

# Four fields that a row has no value for.
_UNKNOWN = (None, None, None, None)


@dataclass(frozen=True, slots=True)
class PooledRow:
    """A pooled estimate of k studies.

    `estimate` and the limits are proportions (0 to 1) where counts were pooled, those of the average asked for, else effects;
    `model_estimate`, `model_se` and its limits are on the scale of the model, whichever average that was. `tau2` and `i2` (percent) are None where they cannot be
    estimated. `ci_method` says how the interval came about: `exact` where the asked one does not exist.
    """

    label: str
    k: int
    estimate: float
    ci_low: float
    ci_high: float
    pi_low: float | None
    pi_high: float | None
    model_estimate: float | None
    model_se: float | None
    model_ci_low: float | None
    model_ci_high: float | None
    tau2: float | None
    i2: float | None
    q: float | None
    q_p: float | None
    ci_method: str

    def transformed(self, transform: Callable[[float], float]) -> PooledRow:
        """The same reported on another scale, by an increasing function such as ``math.exp``; values on the scale of the model stay.

        Examples
        --------
        >>> row = pool_effect_rows("both", np.array([0.0, 0.0]), np.array([1.0, 1.0]), ["a", "b"], model="common", ci=None, level=0.95, hksj_floor=True)
        >>> row.transformed(np.exp).estimate, row.transformed(np.exp).model_estimate
        (1.0, 0.0)
        """
        estimate, low, high = (float(transform(value)) for value in (self.estimate, self.ci_low, self.ci_high))
        pi_low, pi_high = (None if value is None else float(transform(value)) for value in (self.pi_low, self.pi_high))
        return replace(self, estimate=estimate, ci_low=low, ci_high=high, pi_low=pi_low, pi_high=pi_high)


def row_of_effect(label: str, pooled: PooledEffect) -> PooledRow:
    """The row of pooled effects."""
    point = (pooled.estimate, pooled.ci_low, pooled.ci_high, pooled.pi_low, pooled.pi_high)
    scale = (pooled.estimate, pooled.se, pooled.ci_low, pooled.ci_high)
    # One study says nothing of differences between studies.
    if pooled.k == 1:
        return PooledRow(label, 1, *point, *scale, *_UNKNOWN, pooled.ci_method)
    return PooledRow(label, pooled.k, *point, *scale, pooled.tau2, pooled.i2, pooled.q, pooled.q_p, pooled.ci_method)


def row_of_proportion(label: str, pooled: PooledProportion) -> PooledRow:
    """The row of pooled proportions."""
    at = pooled.model_scale
    point = (pooled.estimate, pooled.ci_low, pooled.ci_high, pooled.pi_low, pooled.pi_high)
    spread = (pooled.tau2, pooled.i2, pooled.q, pooled.q_p)
    return PooledRow(label, pooled.k, *point, at.estimate, at.se, at.ci_low, at.ci_high, *spread, pooled.ci_method)


def pool_effect_rows(
    label: str,
    yi: np.ndarray,
    vi: np.ndarray,
    labels: Sequence[str],
    *,
    model: str,
    ci: str | None,
    level: float,
    hksj_floor: bool,
    prediction: str = "auto",
) -> PooledRow:
    """Pool one set of effects; a single study stands for itself."""
    # A row has no interval of tau2, which would take as long as the fit.
    options: dict[str, Any] = {
        "model": model,
        "ci": ci,
        "level": level,
        "hksj_floor": hksj_floor,
        "prediction": prediction,
        "tau2_interval": False,
    }
    return row_of_effect(label, pool_effects(yi, vi, labels=labels, **options))


def pool_count_rows(
    label: str,
    x: np.ndarray,
    n: np.ndarray,
    labels: Sequence[str],
    *,
    measure: str,
    model: str,
    average: str,
    ci: str | None,
    level: float,
    hksj_floor: bool,
    prediction: str = "auto",
) -> PooledRow:
    """Pool one set of counts; a single study stands for itself, with an exact interval beside a model of the counts."""
    if len(x) > 1:
        options: dict[str, Any] = {"model": model, "ci": ci, "level": level, "hksj_floor": hksj_floor, "prediction": prediction}
        options |= {"average": average, "tau2_interval": False}
        return row_of_proportion(label, pool_proportions(x, n, labels=labels, measure=measure, **options))
    if model in COUNT_MODELS:
        low, high = (float(limit[0]) for limit in study_intervals(x, n, level=level))
        return PooledRow(label, 1, float(x[0] / n[0]), low, high, None, None, *_UNKNOWN, *_UNKNOWN, "exact")
    effect = effects_of_counts(x, n, measure)
    back = back_transform(measure, n)
    yi, se = float(effect.yi[0]), float(np.sqrt(effect.vi[0]))
    half = critical_value(level, None) * se
    estimate, low, high = (float(back(value)) for value in (yi, yi - half, yi + half))
    return PooledRow(label, 1, estimate, low, high, None, None, yi, se, yi - half, yi + half, *_UNKNOWN, "wald")


def narrow_rows_notes(rows: Sequence[PooledRow], variances: Sequence[np.ndarray], level: float) -> tuple[str, ...]:
    """What is said where Hartung-Knapp rows claim more than the common-effect model; ``variances`` are those of each row's studies.

    With the floor no row does, so nothing is said.
    """
    narrow = [
        row.label
        for row, vi in zip(rows, variances, strict=True)
        if row.ci_method == "hksj"
        and row.model_ci_low is not None
        and row.model_ci_high is not None
        and narrower_than_common((row.model_ci_high - row.model_ci_low) / 2, vi, level)
    ]
    if not narrow:
        return ()
    return (
        "The Hartung-Knapp interval is narrower than that of the common-effect model, which assumes that studies do not differ, in "
        f"{len(narrow)} of {len(rows)} rows ({', '.join(narrow)}); use hksj_floor=True.",
    )
