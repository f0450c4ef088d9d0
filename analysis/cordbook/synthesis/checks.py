"""Checks of input that every part of the synthesis shares.

A check returns clean arrays or raises one ``ValueError`` that lists every problem it found, each with the study, the
value, what is allowed and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

# The fewest studies that each public function can use; nothing else sets such a limit. An effect or a proportion of one study is that
# study's own; pooling counts needs two; where one study is left out two must stay; a line or a funnel through two points fits exactly.
# What regresses on moderators needs one study more than it has coefficients (`moderators.build_design`).
FEWEST = {
    "proportion_effects": 1,
    "two_arm_effects": 1,
    "study_intervals": 1,
    "funnel_effects": 1,
    "funnel_proportions": 1,
    "fit_binomial_normal": 1,
    "fit_binomial_normal_batch": 1,
    "profile_limits": 1,
    "fit_odds_ratio_glmm": 1,
    "fit_beta_binomial": 1,
    "proportions_by_two_engines": 1,
    "arms_by_two_engines": 1,
    "mean_effects": 1,
    "change_effects": 1,
    "reported_means": 1,
    "sd_from_se": 1,
    "sd_from_ci": 1,
    "sd_from_t": 1,
    "sd_from_p": 1,
    "sd_of_change": 1,
    "correlation_of_change": 1,
    "means_from_quantiles": 1,
    "combine_groups": 1,
    "pool_means": 1,
    "pool_changes": 1,
    "pool_effects": 1,
    "bayes_pool_proportions": 1,
    "bayes_pool_effects": 1,
    "cumulative": 1,
    "cumulative_effects": 1,
    "pool_proportions": 2,
    "averages_of": 2,
    "compare_arms": 2,
    "pool_multilevel": 2,
    "regress_multilevel": 2,
    "subgroup_effects": 2,
    "subgroup_proportions": 2,
    "fit_dose_response": 2,
    "influence": 3,
    "leave_one_out": 3,
    "leave_one_out_effects": 3,
    "trim_and_fill": 3,
    "selection_model": 3,
    "egger_test": 3,
    "peters_test": 3,
    "arcsine_test": 3,
    "proportion_size_test": 3,
}

# A message that lists thousands of bad rows helps nobody; the rest are counted.
MAX_PROBLEMS_SHOWN = 20

# Float counts above 2**53 are no longer whole numbers that can be told apart.
LARGEST_COUNT = 2**53


def columns_of(data: pd.DataFrame | Mapping[str, Any] | None, **named: Any) -> list[Any]:
    """Return the values of arguments that may be names of columns of ``data``, in the order given.

    An argument that is not text stays as it is. Without ``data`` a text can be no column, except for labels, which `check_labels` judges.

    Raises
    ------
    ValueError
        For names that ``data`` lacks, or names without ``data``.

    Examples
    --------
    >>> columns_of({"x": [1, 2], "n": [9, 8]}, events="x", n="n", labels=None)
    [[1, 2], [9, 8], None]
    >>> columns_of({"x": [1, 2]}, events="y")
    Traceback (most recent call last):
        ...
    ValueError: events = 'y': no such column in data; its columns are 'x'.
    """
    texts = {name: value for name, value in named.items() if isinstance(value, str)}
    if data is None:
        for name, value in texts.items():
            if name != "labels":
                raise ValueError(f"{name} = {value!r} is the name of a column, but no data were given; give the table as data=.")
        return list(named.values())
    missing = [f"{name} = {value!r}" for name, value in texts.items() if value not in data]
    if missing:
        raise ValueError(f"{', '.join(missing)}: no such column in data; its columns are {', '.join(map(repr, data))}.")
    return [list(data[value]) if name in texts else value for name, value in named.items()]


def check_counts(
    events: ArrayLike,
    n: ArrayLike,
    labels: Sequence[object] | None = None,
    *,
    min_studies: int = 2,
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    """Return events, sizes and labels as clean arrays, or say all that is wrong with them.

    Parameters
    ----------
    events : array_like, shape (k,)
        Participants with the event, whole numbers from 0 to ``n``.
    n : array_like, shape (k,)
        Participants, whole numbers of at least 1.
    labels : sequence, shape (k,), optional
        Names of the studies; "study 1", "study 2", ... when not given.
    min_studies : int
        The fewest studies that the caller can use.

    Returns
    -------
    events, n : ndarray of int64, shape (k,)
    labels : tuple of str, length k

    Raises
    ------
    ValueError
        For lengths that differ, too few studies, and counts that are missing, not whole, negative, or above ``n``.

    Examples
    --------
    >>> check_counts([0, 2], [10, 12])
    (array([0, 2]), array([10, 12]), ('study 1', 'study 2'))
    >>> check_counts([0, 13], [10, 12], ["Okada 2019", "Levi 2019"])
    Traceback (most recent call last):
        ...
    ValueError: Levi 2019: events = 13 is more than n = 12; events must lie between 0 and n, so correct one of the two.
    """
    raw_events, raw_n = _vector(events, "events"), _vector(n, "n")
    _same_length({"events": raw_events, "n": raw_n})
    names = check_labels(labels, raw_events.size)
    _enough(raw_events.size, min_studies)

    whole_events, whole_n = _whole(raw_events), _whole(raw_n)
    fine = whole_events & whole_n
    with np.errstate(invalid="ignore"):
        fine &= (raw_n >= 1) & (raw_events >= 0) & (raw_events <= raw_n)
    if not fine.all():
        rows = np.flatnonzero(~fine)
        refuse([_count_problem(names[i], raw_events[i], raw_n[i]) for i in rows])
    return raw_events.astype(np.int64), raw_n.astype(np.int64), names


def check_effects(
    yi: ArrayLike,
    vi: ArrayLike,
    labels: Sequence[object] | None = None,
    *,
    min_studies: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """Return effect sizes, their sampling variances and labels, or say all that is wrong with them.

    Parameters
    ----------
    yi : array_like, shape (k,)
        Effect sizes, finite.
    vi : array_like, shape (k,)
        Sampling variances (squared standard errors), finite and above 0.
    labels : sequence, shape (k,), optional
        Names of the studies.
    min_studies : int
        The fewest studies that the caller can use.

    Examples
    --------
    >>> check_effects([0.1, 0.3], [0.02, 0])
    Traceback (most recent call last):
        ...
    ValueError: study 2: vi = 0 is not a variance above 0; give the squared standard error, or leave the study out.
    """
    raw_yi, raw_vi = _vector(yi, "yi"), _vector(vi, "vi")
    _same_length({"yi": raw_yi, "vi": raw_vi})
    names = check_labels(labels, raw_yi.size)
    _enough(raw_yi.size, min_studies)
    fine_yi = np.isfinite(raw_yi)
    fine_vi = np.isfinite(raw_vi) & (raw_vi > 0)
    if not (fine_yi & fine_vi).all():
        problems = []
        for i in np.flatnonzero(~(fine_yi & fine_vi)):
            if not fine_yi[i]:
                problems.append(
                    f"{names[i]}: yi = {_show(raw_yi[i])} is not a finite number; give the effect size, or leave the study out."
                )
            if not fine_vi[i]:
                problems.append(
                    f"{names[i]}: vi = {_show(raw_vi[i])} is not a variance above 0; give the squared standard error, "
                    "or leave the study out."
                )
        refuse(problems)
    return raw_yi, raw_vi, names


@dataclass(frozen=True, slots=True)
class Limit:
    """What the numbers of a column may be: their range, whether only whole ones, whether blanks, and what to do about others."""

    remedy: str
    lowest: float = -np.inf
    highest: float = np.inf
    whole: bool = False
    above: bool = False
    blank: bool = False

    def problem(self, value: float) -> str:
        """What is wrong with a value, or nothing.

        Examples
        --------
        >>> Limit("give the SD.", lowest=0).problem(-1.5)
        '= -1.5 is below 0; give the SD.'
        """
        if np.isnan(value):
            return "" if self.blank else f"is missing or not a number; {self.remedy}"
        if np.isinf(value):
            return f"= {_show(value)} is not a finite number; {self.remedy}"
        if self.whole and not _whole(np.array([value]))[0]:
            return f"= {_show(value)} is not a whole number; {self.remedy}"
        if value < self.lowest or (self.above and value == self.lowest):
            return f"= {_show(value)} is {'not above' if self.above else 'below'} {self.lowest:g}; {self.remedy}"
        return f"= {_show(value)} is above {self.highest:g}; {self.remedy}" if value > self.highest else ""


def check_numbers(
    columns: Mapping[str, ArrayLike],
    limits: Mapping[str, Limit],
    labels: Sequence[object] | None = None,
    *,
    min_studies: int = 1,
) -> tuple[dict[str, NDArray[np.float64]], tuple[str, ...]]:
    """Return columns of numbers as clean vectors with labels, or say all that is wrong with them.

    Parameters
    ----------
    columns : mapping of str to array_like, each of shape (k,)
        By the name of the argument, which messages give.
    limits : mapping of str to `Limit`
        What the numbers of each column may be.
    labels : sequence, shape (k,), optional
        Names of the studies.
    min_studies : int
        The fewest studies that the caller can use.

    Raises
    ------
    ValueError
        For lengths that differ, too few studies, and values outside the limits; one line for each value.

    Examples
    --------
    >>> check_numbers({"sd": [2.5, -1]}, {"sd": Limit("give the standard deviation.", lowest=0)})
    Traceback (most recent call last):
        ...
    ValueError: study 2: sd = -1 is below 0; give the standard deviation.
    """
    vectors = {name: _vector(values, name) for name, values in columns.items()}
    _same_length(vectors)
    k = next(iter(vectors.values())).size
    names = check_labels(labels, k)
    _enough(k, min_studies)
    problems = []
    for i in range(k) if any(_is_broken(columns[name], vectors[name], limits[name]) for name in columns) else ():
        for name, vector in vectors.items():
            # Where a blank may stand, text that is no number must not pass for one.
            text = limits[name].blank and _is_other_text(columns[name][i])  # type: ignore[index]  # a column that is checked is given
            problem = f"is not a number; {limits[name].remedy}" if text else limits[name].problem(float(vector[i]))
            if problem:
                problems.append(f"{names[i]}: {name} {problem}")
    refuse(problems)
    return vectors, names


def check_level(level: float) -> float:
    """Return the confidence level as a float strictly between 0 and 1.

    Examples
    --------
    >>> check_level(0.95)
    0.95
    >>> check_level(95)
    Traceback (most recent call last):
        ...
    ValueError: level = 95 is not between 0 and 1; for a 95% interval write 0.95.
    """
    try:
        value = float(level)
    except (TypeError, ValueError):
        value = float("nan")
    if 0.0 < value < 1.0:
        return value
    meant = value / 100 if 1.0 < value < 100.0 else 0.95
    raise ValueError(f"level = {level} is not between 0 and 1; for a {meant * 100:g}% interval write {meant:g}.")


def check_choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return ``value`` when it is one of the allowed words; ``name`` is the argument that is named in the error.

    Examples
    --------
    >>> check_choice("model", "remll", ("dl", "reml"))
    Traceback (most recent call last):
        ...
    ValueError: model = 'remll' is not known; choose one of 'dl', 'reml'.
    """
    if isinstance(value, str) and value in allowed:
        return value
    choices = ", ".join(repr(word) for word in allowed)
    raise ValueError(f"{name} = {value!r} is not known; choose one of {choices}.")


def check_labels(labels: Sequence[object] | None, k: int) -> tuple[str, ...]:
    """Return ``k`` names of studies; a missing name becomes "study" and its position, counted from 1.

    Examples
    --------
    >>> check_labels(["Levi 2019", None], 2)
    ('Levi 2019', 'study 2')
    """
    if labels is None:
        return tuple([f"study {i}" for i in range(1, k + 1)])
    if isinstance(labels, str):
        raise ValueError(f"labels = {labels!r} is one text; give a list with one name for each of the {k} studies.")
    names = list(labels)
    if len(names) != k:
        raise ValueError(f"labels has {len(names)} names but there are {k} studies; give one name for each study.")
    return tuple(f"study {i}" if _missing(name) else str(name) for i, name in enumerate(names, start=1))


def _missing(name: object) -> bool:
    if name is None:
        return True
    if isinstance(name, str):
        return not name.strip()
    # NaN and pandas' missing values are the only ones that are not equal to themselves.
    try:
        return not bool(name == name)
    except TypeError:
        return True


def _vector(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return values as a float vector; what cannot be read as a number becomes NaN and is refused later by row."""
    if np.ma.isMaskedArray(values):
        values = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        try:
            array = np.array([_number(value) for value in cast(Iterable[object], values)], dtype=np.float64)
        except TypeError as error:
            raise ValueError(f"{name} is not a list of numbers; give one number for each study.") from error
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; give a flat list with one number for each study.")
    return array


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _is_broken(values: ArrayLike, vector: NDArray[np.float64], limit: Limit) -> bool:
    """Whether any value of a column breaks its limit: told of all at once, since most columns are fine."""
    unknown = np.isnan(vector)
    known = vector[~unknown]
    if unknown.any() and (not limit.blank or any(_is_other_text(value) for value in cast(Iterable[object], values))):
        return True
    low = known <= limit.lowest if limit.above else known < limit.lowest
    return bool((low | (known > limit.highest) | ~np.isfinite(known)).any() or (limit.whole and not _whole(known).all()))


def _is_other_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.strip().lower() != "nan" and bool(np.isnan(_number(value)))


def _same_length(columns: dict[str, NDArray[np.float64]]) -> None:
    sizes = {name: column.size for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        counted = " and ".join(f"{name} has {size}" for name, size in sizes.items())
        raise ValueError(f"{counted} values; give one value of each for every study.")


def _enough(k: int, min_studies: int) -> None:
    if k >= min_studies:
        return
    if k == 0:
        raise ValueError(f"There are no studies; give at least {max(min_studies, 1)}.")
    counted = "is one study" if k == 1 else f"are {k} studies"
    remedy = "; report that study's own estimate and exact interval instead" if k == 1 else ""
    raise ValueError(f"There {counted} but at least {min_studies} are needed{remedy}.")


def _whole(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.isfinite(values) & (np.floor(values) == values) & (np.abs(values) <= LARGEST_COUNT)


def _count_problem(label: str, events: float, n: float) -> str:
    for name, value, lowest in (("events", events, 0), ("n", n, 1)):
        if np.isnan(value):
            return f"{label}: {name} is missing or not a number; fill it in, or leave the study out."
        if not _whole(np.array([value]))[0]:
            return f"{label}: {name} = {_show(value)} is not a whole number; give the count of participants."
        if value < lowest:
            remedy = "leave out a study without participants." if name == "n" else "give the count of participants."
            return f"{label}: {name} = {_show(value)} is below {lowest}; {remedy}"
    return (
        f"{label}: events = {_show(events)} is more than n = {_show(n)}; events must lie between 0 and n, so correct "
        "one of the two."
    )


def _show(value: float) -> str:
    return f"{value:.17g}" if np.isfinite(value) and float(f"{value:g}") != value else f"{value:g}"


def refuse(problems: Sequence[str]) -> None:
    """Raise one ``ValueError`` for all problems, if there are any."""
    if not problems:
        return
    shown = list(problems[:MAX_PROBLEMS_SHOWN])
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more.")
    raise ValueError("\n".join(shown))
