"""Cumulative meta-analysis: the pooled estimate as studies come in, one by one.

Reference: Lau, Antman, Jimenez-Silva, Kupelnick, Mosteller and Chalmers (1992), New England Journal of Medicine 327,
248-254.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cordbook.synthesis.checks import FEWEST, check_choice, check_counts, check_effects, check_level, columns_of
from cordbook.synthesis.measures import effects_of_counts
from cordbook.synthesis.pooling.effects import PREDICTIONS
from cordbook.synthesis.pooling.pooled_rows import PooledRow, narrow_rows_notes, pool_count_rows, pool_effect_rows
from cordbook.synthesis.pooling.proportions import COUNT_MODELS, check_choice_of_average
from cordbook.synthesis.results import Result, named_average, number, records_frame

if TYPE_CHECKING:
    import pandas as pd

PRECISION = "precision"


@dataclass(frozen=True, slots=True)
class Cumulative(Result):
    """Result of `cumulative`: row j pools the first j studies and is labelled by the study that came last.

    `by` holds the values that gave the order, such as years, in the order of the rows; None where the given order was
    kept. `average` says which average of proportions the rows hold, "median" or "population"; None for effects.
    """

    rows: tuple[PooledRow, ...]
    by: tuple[float, ...] | None
    model: str
    measure: str | None
    level: float
    notes: tuple[str, ...] = ()
    average: str | None = None

    def transformed(self, transform: Callable[[float], float], measure: str) -> Cumulative:
        """The same with rows on the scale on which effects of this measure are reported, such as ratios by ``math.exp``."""
        return replace(self, rows=tuple(row.transformed(transform) for row in self.rows), measure=measure)

    def to_frame(self) -> pd.DataFrame:
        """One row for each study that came in."""
        frame = records_frame(self.rows)
        if self.by is not None:
            frame.insert(1, "by", list(self.by))
        return frame

    def _lines(self) -> list[str]:
        lines = [f"Cumulative meta-analysis ({len(self.rows)} studies; {self.model}{named_average(self.average)})"]
        lines += [f"  + {row.label}: {number(row.estimate)} ({number(row.ci_low)} to {number(row.ci_high)})" for row in self.rows]
        return lines


def cumulative(
    events: Sequence[int],
    n: Sequence[int],
    *,
    by: Sequence[float] | str | None = None,
    labels: Sequence[str] | None = None,
    measure: str = "logit",
    model: str = "glmm",
    average: str | None = None,
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> Cumulative:
    """Pool proportions as studies come in; arguments as in `pool_proportions`.

    Parameters
    ----------
    events, n
        Participants with the event, and participants, shape (k,).
    by
        Values to order by, smallest first, shape (k,), such as years; `precision`: largest study first; None: as given.
        Studies with equal values keep their given order, each with a row of its own.
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For counts that cannot be, or values of `by` that are missing.

    Examples
    --------
    >>> result = cumulative([2, 5, 1], [20, 40, 15], by=[2012, 2008, 2020], labels=["A", "B", "C"])
    >>> [(row.label, row.k) for row in result.rows], result.by
    ([('B', 1), ('A', 2), ('C', 3)], (2008.0, 2012.0, 2020.0))
    """
    events, n, labels = columns_of(data, events=events, n=n, labels=labels)
    by = _by_column(by, data)
    check_level(level)
    check_choice("prediction", prediction, PREDICTIONS)
    which = check_choice_of_average(average, model, measure)
    x, size, labels = check_counts(events, n, labels, min_studies=FEWEST["cumulative"])
    order, values = _order(by, labels, -size.astype(float))
    way: dict[str, Any] = {"measure": measure, "average": which} | _way(model, ci, level, hksj_floor, prediction)
    rows = _as_they_come(order, labels, lambda label, some, names: pool_count_rows(label, x[some], size[some], names, **way))
    notes = () if model in COUNT_MODELS else _narrow_notes(rows, effects_of_counts(x, size, measure).vi[order], level)
    return Cumulative(rows, values, model, measure, level, notes, which)


def cumulative_effects(
    yi: Sequence[float],
    vi: Sequence[float],
    *,
    by: Sequence[float] | str | None = None,
    labels: Sequence[str] | None = None,
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> Cumulative:
    """Pool effects as studies come in; `by` as in `cumulative` (`precision`: smallest variance first), the rest as in
    `pool_effects`.

    Arguments of k values may be names of columns of ``data``, a table such as a DataFrame.

    Examples
    --------
    >>> result = cumulative_effects([0.2, 0.6], [0.01, 0.01], by="precision", model="common")
    >>> [round(row.estimate, 3) for row in result.rows]
    [0.2, 0.4]
    """
    yi, vi, labels = columns_of(data, yi=yi, vi=vi, labels=labels)
    by = _by_column(by, data)
    check_level(level)
    check_choice("prediction", prediction, PREDICTIONS)
    yi, vi, labels = check_effects(yi, vi, labels, min_studies=FEWEST["cumulative_effects"])
    order, values = _order(by, labels, vi)
    way = _way(model, ci, level, hksj_floor, prediction)
    rows = _as_they_come(order, labels, lambda label, some, names: pool_effect_rows(label, yi[some], vi[some], names, **way))
    return Cumulative(rows, values, model, None, level, _narrow_notes(rows, vi[order], level))


def _way(model: str, ci: str | None, level: float, hksj_floor: bool, prediction: str) -> dict[str, Any]:
    return {"model": model, "ci": ci, "level": level, "hksj_floor": hksj_floor, "prediction": prediction}


def _as_they_come(
    order: np.ndarray, labels: Sequence[str], pool: Callable[[str, np.ndarray, list[str]], PooledRow]
) -> tuple[PooledRow, ...]:
    """The row of the first study in an order, of the first two and so on, each under the name of the study that came last."""
    return tuple(pool(labels[order[j - 1]], order[:j], [labels[i] for i in order[:j]]) for j in range(1, len(order) + 1))


def _narrow_notes(rows: Sequence[PooledRow], vi: np.ndarray, level: float) -> tuple[str, ...]:
    return narrow_rows_notes(rows, [vi[:j] for j in range(1, len(vi) + 1)], level)


def _by_column(by: Sequence[float] | str | None, data: pd.DataFrame | None) -> Sequence[float] | str | None:
    """The column that ``by`` names; a word that is not a column of the data stays for `_order` to judge."""
    return list(data[by]) if isinstance(by, str) and data is not None and by in data else by


def _order(
    by: Sequence[float] | str | None, labels: Sequence[str], precision: np.ndarray
) -> tuple[np.ndarray, tuple[float, ...] | None]:
    k = len(labels)
    if by is None:
        return np.arange(k), None
    if isinstance(by, str):
        if by != PRECISION:
            raise ValueError(f"by = {by!r}: give one value for each study, or 'precision'.")
        return np.argsort(precision, kind="stable"), None
    try:
        values = np.asarray(by, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise ValueError("by holds values that are not numbers; give years, or other numbers, one for each study.") from None
    if len(values) != k:
        raise ValueError(f"by has {len(values)} values for {k} studies; give one for each.")
    missing = [label for label, value in zip(labels, values, strict=True) if np.isnan(value)]
    if missing:
        raise ValueError(f"by has no value for {', '.join(missing)}; give one, or leave the study out.")
    order = np.argsort(values, kind="stable")
    return order, tuple(values[order].tolist())
