"""Moderators: from columns of study characteristics to a design matrix.

Continuous moderators enter as they are. Categorical ones are dummy coded: one column for each level except the
reference level, which the intercept stands for. The reference is stated in every result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cordbook.synthesis.checks import columns_of

if TYPE_CHECKING:
    import pandas as pd

INTERCEPT = "intercept"

# Columns are scaled to length one before the rank is judged, so the tolerance is free of units. 1e-10 is far above
# rounding error (k * 2.2e-16 for k up to 100,000) and far below any collinearity that a fit in double precision could
# still resolve.
RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Term:
    """One moderator. `levels` is None for a continuous one; otherwise its levels, the reference first."""

    name: str
    levels: tuple[str, ...] | None
    start: int
    stop: int

    @property
    def reference(self) -> str | None:
        return None if self.levels is None else self.levels[0]

    def columns(self, values: Sequence[object]) -> np.ndarray:
        """The design columns of the values of this moderator, shape (m, stop - start)."""
        if self.levels is None:
            try:
                column = np.asarray(values, dtype=float).reshape(-1)
            except (TypeError, ValueError):
                raise ValueError(f"Moderator {self.name!r} is continuous: give numbers, not {list(values)!r}.") from None
            if not np.isfinite(column).all():
                raise ValueError(f"Moderator {self.name!r}: {list(values)!r} holds a value that is missing or not finite.")
            return column[:, None]
        texts = [str(value) for value in values]
        unknown = sorted(set(texts) - set(self.levels))
        if unknown:
            raise ValueError(f"Moderator {self.name!r} has no level {', '.join(unknown)}; allowed: {', '.join(self.levels)}.")
        return np.array([[float(text == level) for level in self.levels[1:]] for text in texts]).reshape(len(texts), -1)


@dataclass(frozen=True, slots=True)
class Design:
    """How moderators become the columns of a design matrix; kept in a result so that it can predict at new values."""

    terms: tuple[Term, ...]
    intercept: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, such as `intercept`, `year`, `phase: chronic`."""
        names = [INTERCEPT] if self.intercept else []
        for term in self.terms:
            names += [term.name] if term.levels is None else [f"{term.name}: {level}" for level in term.levels[1:]]
        return tuple(names)

    @property
    def references(self) -> dict[str, str]:
        """Reference level of each categorical moderator."""
        return {term.name: term.levels[0] for term in self.terms if term.levels is not None}

    def term(self, name: str) -> Term:
        for term in self.terms:
            if term.name == name:
                return term
        raise ValueError(f"There is no moderator {name!r}; the model has: {', '.join(t.name for t in self.terms)}.")

    def matrix(self, moderators: Mapping[str, object]) -> np.ndarray:
        """Design matrix, shape (m, p), at new values: each moderator one value or m values."""
        names = [term.name for term in self.terms]
        given = list(moderators.keys())
        missing, unknown = [n for n in names if n not in given], [n for n in given if n not in names]
        if missing or unknown:
            parts = [f"without a value: {', '.join(missing)}"] if missing else []
            parts += [f"not in the model: {', '.join(map(str, unknown))}"] if unknown else []
            raise ValueError(f"Give one value, or one list, for each of the moderators {', '.join(names)} ({'; '.join(parts)}).")
        columns = {name: _as_list(moderators[name]) for name in names}
        lengths = {len(column) for column in columns.values()} - {1}
        if len(lengths) > 1:
            raise ValueError(f"Moderators of different lengths: {', '.join(f'{n} {len(c)}' for n, c in columns.items())}.")
        rows = lengths.pop() if lengths else 1
        blocks = [np.ones((rows, 1))] if self.intercept else []
        for term in self.terms:
            values = columns[term.name]
            blocks.append(term.columns(values * rows if len(values) == 1 else values))
        return np.hstack(blocks)


def build_design(
    moderators: object,
    labels: Sequence[str],
    *,
    names: Sequence[str] | None = None,
    reference: Mapping[str, str] | None = None,
    intercept: bool = True,
) -> tuple[Design, np.ndarray, tuple[str, ...]]:
    """Design and design matrix of the moderators of k studies.

    Parameters
    ----------
    moderators
        A mapping (or DataFrame) from name to k values, or an array of numbers of shape (k,) or (k, m). A column of
        numbers (or booleans) is continuous, a column of text categorical.
    labels
        Names of the k studies, for messages.
    names
        Names of the columns of an array; default `moderator 1`, `moderator 2`, ...
    reference
        Reference level of categorical moderators; default: the first in alphabetical order.
    intercept
        Whether the model holds an intercept.

    Returns
    -------
    tuple
        The Design, the matrix of shape (k, p), and notes for the reader.

    Raises
    ------
    ValueError
        Lengths differ, a value is missing, a moderator does not vary, a reference is not a level, or the columns are
        linearly dependent. All problems of the columns come in one message.
    """
    columns = _named_columns(moderators, names)
    if not columns and not intercept:
        raise ValueError("A model needs an intercept or at least one moderator.")
    reference = dict(reference or {})
    unknown = sorted(set(reference) - set(columns))
    problems = [f"reference given for {name!r}, which is not a moderator" for name in unknown]
    notes: list[str] = []
    terms: list[Term] = []
    start = int(intercept)
    for name, values in columns.items():
        found = _column_problems(name, values, labels)
        if found:
            problems += found
            continue
        levels = None
        if not _is_numeric(values):
            levels = _ordered_levels(name, values, reference.get(name), problems)
            if all(_reads_as_number(level) for level in levels):
                notes.append(f"Moderator {name!r} was taken as categorical although its values are numbers written as text.")
        elif name in reference:
            problems.append(
                f"{name!r} is continuous, so it has no reference level; give its values as text to make it categorical"
            )
        if len({str(v) for v in values}) < 2 and intercept:
            problems.append(f"{name!r} has the same value in all studies, so it cannot explain differences; leave it out")
        width = 1 if levels is None else len(levels) - 1
        terms.append(Term(name, levels, start, start + width))
        start += width
    if problems:
        raise ValueError("Moderators: " + "; ".join(problems) + ".")
    design = Design(tuple(terms), intercept)
    matrix = design.matrix(columns) if columns else np.ones((len(labels), 1))
    _check_rank(design, matrix)
    return design, matrix, tuple(notes)


def moderator_columns(moderators: Any, data: pd.DataFrame | Mapping[str, Any] | None) -> Any:
    """Moderators that are names of columns of ``data`` as a mapping of name to values; anything else as it is."""
    wanted = [moderators] if isinstance(moderators, str) else moderators
    by_name = isinstance(wanted, list | tuple) and len(wanted) > 0 and all(isinstance(name, str) for name in wanted)
    if data is None or not by_name:
        return moderators
    return dict(zip(wanted, columns_of(data, **{f"moderators[{i}]": name for i, name in enumerate(wanted)}), strict=True))


def scaled_rank(matrix: np.ndarray) -> np.ndarray:
    """Rank of matrices of shape (..., k, p), judged after scaling each column to length one."""
    length = np.sqrt((matrix**2).sum(axis=-2, keepdims=True))
    scaled = matrix / np.where(length > 0, length, 1.0)
    return np.linalg.matrix_rank(scaled, tol=RANK_TOLERANCE)


def _check_rank(design: Design, matrix: np.ndarray) -> None:
    k, p = matrix.shape
    if k <= p:
        raise ValueError(
            f"A model with {p} coefficients ({', '.join(design.names)}) needs more than {p} studies; there are {k}. "
            "Use fewer moderators, or join levels."
        )
    if scaled_rank(matrix) < p:
        dependent = [design.names[j] for j in range(1, p) if scaled_rank(matrix[:, : j + 1]) < scaled_rank(matrix[:, :j]) + 1]
        raise ValueError(
            f"The moderators say the same thing twice: {', '.join(dependent)} can be worked out from the columns "
            "before. Leave it out."
        )


def _named_columns(moderators: Any, names: Sequence[str] | None) -> dict[str, list[Any]]:
    if moderators is None:
        return {}
    if hasattr(moderators, "keys"):
        if names is not None:
            raise ValueError("`names` belongs to an array of moderators; a mapping or DataFrame brings its own names.")
        return {str(key): _as_list(moderators[key]) for key in moderators}
    array = np.asarray(moderators)
    if array.ndim not in (1, 2):
        raise ValueError(f"Moderators of shape {array.shape}: give a mapping, or an array of shape (k,) or (k, m).")
    array = array[:, None] if array.ndim == 1 else array
    if names is None:
        names = [f"moderator {j + 1}" for j in range(array.shape[1])] if array.shape[1] > 1 else ["moderator"]
    if len(names) != array.shape[1] or len(set(names)) != len(names):
        raise ValueError(f"{array.shape[1]} moderators need as many different names; got {list(names)!r}.")
    return {str(name): array[:, j].tolist() for j, name in enumerate(names)}


def _as_list(values: Any) -> list[Any]:
    if isinstance(values, str) or np.ndim(values) == 0:
        return [values]
    return np.asarray(values).tolist() if not isinstance(values, (list, tuple)) else list(values)


def _is_missing(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    # NaN and the missing values of pandas are the only ones that do not equal themselves (pandas.NA says neither yes
    # nor no).
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _is_numeric(values: Sequence[object]) -> bool:
    return all(isinstance(value, (int, float, np.number, np.bool_)) for value in values)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _column_problems(name: str, values: Sequence[object], labels: Sequence[str]) -> list[str]:
    if len(values) != len(labels):
        return [f"{name!r} has {len(values)} values for {len(labels)} studies"]
    missing = [label for label, value in zip(labels, values, strict=True) if _is_missing(value)]
    if missing:
        return [f"{name!r} has no value in {', '.join(missing)}; leave these studies out, or find the value"]
    infinite = [label for label, value in zip(labels, values, strict=True) if isinstance(value, float) and not np.isfinite(value)]
    return [f"{name!r} is not finite in {', '.join(infinite)}"] if infinite else []


def in_order(names: Iterable[str]) -> list[str]:
    """Names of groups in the order in which people count and spell: numbers, and numbers within text, by their size.

    Examples
    --------
    >>> in_order(["10", "2", "1.5"]), in_order(["phase 10", "phase 2", "early"])
    (['1.5', '2', '10'], ['early', 'phase 2', 'phase 10'])
    """
    names = list(names)
    if all(_reads_as_number(name) for name in names):
        return sorted(names, key=lambda name: (float(name), name))
    # Splitting at digits gives text and numbers in turn, so that text is only ever compared with text.
    return sorted(names, key=lambda name: ([int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)], name))


def _ordered_levels(name: str, values: Sequence[object], reference: str | None, problems: list[str]) -> tuple[str, ...]:
    levels = in_order({str(value) for value in values})
    if reference is None:
        return tuple(levels)
    if str(reference) not in levels:
        problems.append(f"{name!r} has no level {reference!r} to refer to; its levels: {', '.join(levels)}")
        return tuple(levels)
    return (str(reference), *(level for level in levels if level != str(reference)))
