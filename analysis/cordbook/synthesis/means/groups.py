"""Subgroups combined into one group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.checks import FEWEST, Limit, check_labels, check_numbers, columns_of
from cordbook.synthesis.means.sizes import MEAN, SD, DerivedMeans, derived_notes

if TYPE_CHECKING:
    import pandas as pd

PATIENTS = Limit("give the number of patients, a whole number of at least 1.", lowest=1.0, whole=True)


def combine_groups(
    mean: ArrayLike | str,
    sd: ArrayLike | str,
    n: ArrayLike | str,
    group: Sequence[object] | str | None = None,
    *,
    data: pd.DataFrame | None = None,
) -> DerivedMeans:
    """Return means and SDs of groups from those of their parts, as if all patients had been measured as one.

    ``m = sum(n m_i) / sum(n)`` and ``sd^2 = (sum((n_i - 1) sd_i^2) + sum(n_i (m_i - m)^2)) / (sum(n) - 1)``, which for two parts is the
    formula of the Cochrane Handbook, section 6.5.2.10.

    Parameters
    ----------
    mean, sd, n : array_like, shape (parts,), or names of columns of ``data``
        Mean and SD in the units of the score, and patients of each part; parts share no patients. The SD of one patient is 0.
    group : sequence, shape (parts,), or str, optional
        Which parts belong together; one group of all parts when not given.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Returns
    -------
    DerivedMeans
        One entry per group, in the order in which groups come first; marked where they have more than one part.

    Raises
    ------
    ValueError
        For lengths that differ, SDs below 0 and counts that are not whole or below 1.

    Examples
    --------
    >>> found = combine_groups([10.0, 14.0], [3.0, 4.0], [20, 30])
    >>> found.mean.round(3), found.sd.round(4), found.derived
    (array([12.4]), array([4.1082]), ('2 groups combined',))
    """
    mean, sd, n, group = columns_of(data, mean=mean, sd=sd, n=n, group=group)
    columns = {"mean": mean, "sd": sd, "n": n}
    found, _ = check_numbers(columns, {"mean": MEAN, "sd": SD, "n": PATIENTS}, min_studies=FEWEST["combine_groups"])
    parts = found["n"].size
    names = ("all",) * parts if group is None else check_labels(group, parts)
    order = tuple(dict.fromkeys(names))
    rows = [_combined(found, np.array([name == wanted for name in names])) for wanted in order]
    marks = tuple(f"{count} groups combined" if (count := names.count(name)) > 1 else "" for name in order)
    means, sds, sizes = (np.array(column) for column in zip(*rows, strict=True))
    return DerivedMeans(means, sds, sizes, order, marks, derived_notes(order, marks))


def _combined(found: dict[str, np.ndarray], own: np.ndarray) -> tuple[float, float, float]:
    mean, sd, n = found["mean"][own], found["sd"][own], found["n"][own]
    total = float(n.sum())
    centre = float(n @ mean) / total
    squares = float((n - 1) @ sd**2 + n @ (mean - centre) ** 2)
    return centre, float(np.sqrt(squares / (total - 1))) if total > 1 else 0.0, total
