"""Permutation tests of meta-regression, which do not lean on normality when studies are few.

References
----------
Higgins and Thompson (2004), Statistics in Medicine 23, 1663-1682: permutation of moderators among studies.
Follmann and Proschan (1999), Biometrics 55, 732-737: sign flips for a mean effect.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cordbook.synthesis.regression.linear_model import fit_linear, wald_statistic
from cordbook.synthesis.regression.results import MetaRegression
from cordbook.synthesis.results import Result, records_frame

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

# Statistics of equivalent permutations differ by rounding alone; they must count as ties of the observed one.
TIE_TOLERANCE = math.sqrt(np.finfo(float).eps)
# Numbers held at once while permutations are fitted in chunks.
CHUNK_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True)
class PermutedCoefficient:
    """A coefficient, its test statistic, and its two-sided p-value by permutation."""

    name: str
    estimate: float
    statistic: float
    p: float


@dataclass(frozen=True, slots=True)
class PermutationTest(Result):
    """Result of `permutation_test`.

    `omnibus_p` is the p-value of all moderators together, None without moderators. `exact` says whether all
    `permutations` that there are were run; otherwise they were drawn at random from `seed`, the observed order being
    one of them.
    """

    coefficients: tuple[PermutedCoefficient, ...]
    omnibus_p: float | None
    permutations: int
    exact: bool
    seed: int | None

    def to_frame(self) -> pd.DataFrame:
        """One row for each coefficient."""
        return records_frame(self.coefficients)

    def _lines(self) -> list[str]:
        how = "all" if self.exact else f"random, seed {self.seed}"
        lines = [f"Permutation test ({self.permutations} permutations, {how})"]
        if self.omnibus_p is not None:
            lines.append(f"  all moderators: p {self.omnibus_p:.4g}")
        return lines + [f"  {c.name}: {c.estimate:.4g}, p {c.p:.4g}" for c in self.coefficients]


def permutation_test(fit: MetaRegression, *, max_permutations: int = 10_000, seed: int = 1) -> PermutationTest:
    """Test a meta-regression by giving the moderators to the studies in other orders.

    All different orders are run when they are at most `max_permutations`, otherwise that many are drawn at random.
    Every order is refitted, tau2 too, and the Wald or Knapp-Hartung statistics are compared with the observed ones. A
    model without moderators is tested by flipping the signs of the effects. metafor's `permutest` does the same; the
    p-value of the intercept of a model with moderators is of little use, since the orders keep the mean effect.

    Parameters
    ----------
    fit
        Result of `meta_regression` (not of the binomial-normal model).
    max_permutations
        The most orders to run, at least 100.
    seed
        Seed of the random orders.

    Raises
    ------
    ValueError
        For a binomial-normal fit, or too few permutations.

    Examples
    --------
    >>> from cordbook.synthesis.regression.meta_regression import meta_regression
    >>> fit = meta_regression([0.1, 0.3, 0.2, 0.6, 0.9], [0.02, 0.03, 0.02, 0.04, 0.05], {"dose": [1, 2, 3, 4, 5]})
    >>> test = permutation_test(fit)
    >>> test.permutations, test.exact, round(test.omnibus_p, 3)
    (120, True, 0.05)
    """
    if fit.model == "glmm":
        raise ValueError("A permutation test needs effect sizes; fit meta_regression with model reml, dl, pm, ml or common.")
    if max_permutations < 100:
        raise ValueError(f"max_permutations = {max_permutations} cannot show a small p-value; allow at least 100.")
    yi, vi = (np.array([getattr(study, name) for study in fit.studies]) for name in ("yi", "vi"))
    X = np.array([study.row for study in fit.studies])
    mean_only = fit.omnibus is None
    X, yi, vi, groups = (X, yi, vi, [1] * fit.k) if mean_only else _sorted_by_row(X, yi, vi)
    count = 2**fit.k if mean_only else _distinct_orders(groups)
    exact = count <= max_permutations
    size = count if exact else max_permutations
    if exact:
        rearrangements = _all_signs(fit.k) if mean_only else _all_orders(groups)
    else:
        rearrangements = _random(fit.k, size, mean_only, seed)

    tested = range(0 if mean_only else int(fit.design.intercept), X.shape[1])
    observed, omnibus = _statistics(yi, vi, X, fit, tested)
    beyond, beyond_omnibus = np.zeros(X.shape[1]), 0
    for rows in _chunks(rearrangements, fit.k * X.shape[1]):
        y, v = (rows * yi, np.broadcast_to(vi, rows.shape)) if mean_only else (yi[rows], vi[rows])
        statistics, joint = _statistics(y, v, X, fit, tested)
        beyond += (np.abs(statistics) >= np.abs(observed) - TIE_TOLERANCE).sum(axis=0)
        beyond_omnibus += int((joint >= omnibus - TIE_TOLERANCE).sum())
    coefficients = tuple(
        PermutedCoefficient(c.name, c.estimate, c.statistic, float(many / size))
        for c, many in zip(fit.coefficients, beyond, strict=True)
    )
    omnibus_p = None if mean_only else beyond_omnibus / size
    return PermutationTest(coefficients, omnibus_p, size, exact, None if exact else seed)


def _statistics(
    yi: np.ndarray, vi: np.ndarray, X: np.ndarray, fit: MetaRegression, tested: range
) -> tuple[np.ndarray, np.ndarray]:
    """Test statistics of the coefficients (..., p) and of the tested ones together (...)."""
    refit = fit_linear(yi, vi, X, model=fit.model, ci=fit.ci_method, hksj_floor=fit.hksj_floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        return refit.beta / refit.se, wald_statistic(refit, tested)


def _sorted_by_row(X: np.ndarray, yi: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """Studies with equal moderators side by side, and the sizes of these groups."""
    order = np.lexsort(X.T[::-1])
    X = X[order]
    _, sizes = np.unique(np.cumsum(np.r_[True, (X[1:] != X[:-1]).any(axis=1)]), return_counts=True)
    return X, yi[order], vi[order], sizes.tolist()


def _distinct_orders(groups: list[int]) -> int:
    return math.factorial(sum(groups)) // math.prod(math.factorial(size) for size in groups)


def _all_orders(groups: list[int]) -> Iterator[list[int]]:
    """Every way to deal the studies into the groups: swaps inside a group change nothing, so they are not run."""

    def deal(left: tuple[int, ...], sizes: tuple[int, ...]) -> Iterator[list[int]]:
        if not sizes:
            yield []
            return
        for hand in itertools.combinations(left, sizes[0]):
            taken = set(hand)
            for rest in deal(tuple(i for i in left if i not in taken), sizes[1:]):
                yield [*hand, *rest]

    return deal(tuple(range(sum(groups))), tuple(groups))


def _all_signs(k: int) -> Iterator[tuple[int, ...]]:
    return itertools.product((1, -1), repeat=k)


def _random(k: int, size: int, mean_only: bool, seed: int) -> Iterator[np.ndarray]:
    """Random orders or signs; the observed one comes first, so that no p-value is 0."""
    draw = np.random.default_rng(seed)
    yield np.ones(k, dtype=int) if mean_only else np.arange(k)
    for _ in range(size - 1):
        yield draw.choice((1, -1), size=k) if mean_only else draw.permutation(k)


def _chunks(rows: Iterable[ArrayLike], width: int) -> Iterator[np.ndarray]:
    many = max(1, CHUNK_NUMBERS // width)
    rows = iter(rows)
    while block := list(itertools.islice(rows, many)):
        yield np.array(block)
