"""Effects of studies brought into blocks, with what is known of the covariance of their sampling errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cordbook.synthesis.checks import check_effects, check_labels
from cordbook.synthesis.multilevel.model import LEVELS, Array, Block

# A covariance matrix and the variances may differ by rounding.
ROUNDING = 1e-8


@dataclass(frozen=True, slots=True)
class Effects:
    """Checked effects (k,), their variances and sampling covariance (k, k), names, and the rows of each study."""

    y: Array
    v: Array
    V: Array
    labels: tuple[str, ...]
    rows: tuple[NDArray[np.int64], ...]

    @property
    def k(self) -> int:
        """Number of effects."""
        return self.y.size

    def blocks(self, X: Array) -> list[Block]:
        """The blocks of the studies with their rows of a design (k, p)."""
        return [Block(self.y[rows], X[rows], self.V[np.ix_(rows, rows)]) for rows in self.rows]


def check_multilevel(
    yi: ArrayLike,
    vi: ArrayLike,
    study: Sequence[object],
    labels: Sequence[object] | None,
    rho: float,
    covariance: ArrayLike | None,
    min_studies: int,
) -> Effects:
    """Check effects, the studies they belong to, and what is said of their correlation.

    Raises
    ------
    ValueError
        For effects that `check_effects` refuses, effects without a study, fewer studies than can be used, and correlations or a covariance
        that cannot be.

    Examples
    --------
    >>> found = check_multilevel([0.1, 0.3, 0.2], [0.04, 0.04, 0.01], ["A", "A", "B"], None, 0.5, None, 2)
    >>> found.V[0].tolist(), [rows.tolist() for rows in found.rows], found.labels
    ([0.04, 0.02, 0.0], [[0, 1], [2]], ('A, effect 1', 'A, effect 2', 'B'))
    """
    y, v, _ = check_effects(yi, vi, None, min_studies=min_studies)
    studies = _studies(study, y.size)
    order = tuple(dict.fromkeys(studies))
    if len(order) < min_studies:
        raise ValueError(
            f"There {'is one study' if len(order) == 1 else f'are {len(order)} studies'} but at least {min_studies} are needed: all "
            f"{y.size} effects are of {order[0]!r}."
        )
    rows = tuple(np.flatnonzero([own == name for own in studies]) for name in order)
    names = _effect_names(order, rows, y.size) if labels is None else check_labels(labels, y.size)
    V = _correlated(v, rows, rho) if covariance is None else _known(covariance, v, studies, rho)
    return Effects(y, v, V, names, rows)


def check_levels(levels: Sequence[str], effects: Effects) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the levels that can be told apart in these effects, and a note where one cannot.

    Examples
    --------
    >>> found = check_multilevel([0.1, 0.3], [0.04, 0.04], ["A", "B"], None, 0.0, None, 2)
    >>> check_levels(("study", "effect"), found)[0]
    ('study',)
    """
    wanted = (levels,) if isinstance(levels, str) else tuple(levels)
    if not wanted or set(wanted) - set(LEVELS) or len(set(wanted)) < len(wanted):
        raise ValueError(f"levels = {levels!r} is not known; give 'study', 'effect' or both.")
    if len(wanted) == 2 and all(rows.size == 1 for rows in effects.rows):
        return ("study",), ("Every study has one effect, so studies and effects cannot be told apart: there is one variance.",)
    return tuple(level for level in LEVELS if level in wanted), ()


def _studies(study: Any, k: int) -> tuple[str, ...]:
    if isinstance(study, str):
        raise ValueError(f"study = {study!r} is one text; give the study of each of the {k} effects.")
    values = list(study)
    if len(values) != k:
        raise ValueError(f"study has {len(values)} values but there are {k} effects; give the study of each effect.")
    blank = [i + 1 for i, value in enumerate(values) if value is None or value != value or not str(value).strip()]
    if blank:
        raise ValueError(f"study is missing for effect {', '.join(map(str, blank))}; fill it in, or leave the effect out.")
    return tuple(str(value) for value in values)


def _effect_names(order: Sequence[str], rows: Sequence[NDArray[np.int64]], k: int) -> tuple[str, ...]:
    names = [""] * k
    for study, own in zip(order, rows, strict=True):
        for number, i in enumerate(own, start=1):
            names[i] = study if own.size == 1 else f"{study}, effect {number}"
    return tuple(names)


def _correlated(v: Array, rows: Sequence[NDArray[np.int64]], rho: float) -> Array:
    if not 0.0 <= float(rho) < 1.0:
        raise ValueError(f"rho = {rho} is not a correlation from 0 to below 1; for independent sampling errors write 0.")
    V = np.diag(v)
    for own in rows:
        block = np.ix_(own, own)
        V[block] = rho * np.sqrt(np.outer(v[own], v[own])) + (1 - rho) * V[block]
    return V


def _known(covariance: ArrayLike, v: Array, studies: Sequence[str], rho: float) -> Array:
    V = np.asarray(covariance, dtype=float)
    if rho:
        raise ValueError("Give either rho or covariance: a covariance holds the correlations.")
    if V.shape != (v.size, v.size):
        raise ValueError(f"covariance has shape {V.shape}; give one row and one column for each of the {v.size} effects.")
    if not np.isfinite(V).all() or not np.allclose(V, V.T, rtol=ROUNDING, atol=0):
        raise ValueError("covariance is not symmetric, or holds values that are not finite; correct it.")
    if not np.allclose(np.diag(V), v, rtol=ROUNDING, atol=0):
        raise ValueError("The diagonal of covariance differs from vi; they must be the same variances.")
    names = np.array(studies)
    if (V[names[:, None] != names[None, :]] != 0).any():
        raise ValueError("covariance joins effects of different studies; what stands between studies must be 0.")
    if np.linalg.eigvalsh(V).min() <= 0:
        raise ValueError("covariance is not positive definite: some combination of effects would have no variance; correct it.")
    return V
