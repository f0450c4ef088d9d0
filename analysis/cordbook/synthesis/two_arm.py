"""Effect sizes of two arms: odds ratio, risk ratio and risk difference of each study.

Words used here
---------------
arm 1, arm 2
    The treated and the control arm. ``events1`` of ``n1`` and ``events2`` of ``n2``, each of shape ``(k,)``.
model scale
    Where effects are added up: the log for ``OR`` and ``RR``, the difference itself for ``RD``.
zero cell
    A study with no events, or nothing but events, in at least one arm.
uninformative study
    A study with no events in both arms, or nothing but events in both ("double-zero"). It says nothing of an odds ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from cordbook.synthesis.checks import FEWEST, check_counts, columns_of
from cordbook.synthesis.measures import EffectSizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

TWO_ARM_MEASURES: tuple[str, ...] = ("OR", "RR", "RD")
RATIO_MEASURES: frozenset[str] = frozenset({"OR", "RR"})

# Half an event to each cell of a table with a zero cell: the amount which Gart and Zweifel (1967, Biometrika 54:181-187)
# showed to remove the first-order bias of a log odds. It is the convention of metafor's `escalc` (add=1/2, to="only0").
DEFAULT_CORRECTION = 0.5
#: Which studies are corrected, and how: see `effects_of_tables`.
CORRECTED = ("zero", "all", "sizes")


@dataclass(frozen=True, slots=True)
class TwoArmCounts:
    """Checked events and sizes of the two arms of k studies.

    Attributes
    ----------
    events1, n1, events2, n2 : ndarray of int64, shape (k,)
        Events and participants of arm 1 (treated) and of arm 2 (control).
    labels : tuple of str, length k
        Names of the studies.
    """

    events1: NDArray[np.int64]
    n1: NDArray[np.int64]
    events2: NDArray[np.int64]
    n2: NDArray[np.int64]
    labels: tuple[str, ...]

    @property
    def k(self) -> int:
        """Number of studies."""
        return len(self.labels)

    @property
    def cells(self) -> tuple[NDArray[np.float64], ...]:
        """The four cells a, b, c, d of each 2 x 2 table: events and non-events of arm 1, then of arm 2."""
        table = (self.events1, self.n1 - self.events1, self.events2, self.n2 - self.events2)
        return tuple(cell.astype(np.float64) for cell in table)

    @property
    def has_zero_cell(self) -> NDArray[np.bool_]:
        """Which studies have at least one empty cell, shape (k,)."""
        a, b, c, d = self.cells
        return (a == 0) | (b == 0) | (c == 0) | (d == 0)

    @property
    def is_uninformative(self) -> NDArray[np.bool_]:
        """Which studies have no events in both arms, or nothing but events in both, shape (k,)."""
        a, b, c, d = self.cells
        return ((a == 0) & (c == 0)) | ((b == 0) & (d == 0))

    def select(self, keep: NDArray[np.bool_]) -> TwoArmCounts:
        """The studies for which ``keep`` (shape (k,)) is true."""
        labels = tuple(label for label, kept in zip(self.labels, keep, strict=True) if kept)
        return TwoArmCounts(self.events1[keep], self.n1[keep], self.events2[keep], self.n2[keep], labels)


def check_two_arm_counts(
    events1: ArrayLike,
    n1: ArrayLike,
    events2: ArrayLike,
    n2: ArrayLike,
    labels: Sequence[object] | None = None,
    *,
    min_studies: int = 1,
) -> TwoArmCounts:
    """Check the counts of two arms and return them as integers.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like, shape (k,)
        Events and participants of arm 1 (treated) and of arm 2 (control).
    labels : sequence, length k, optional
        Names of the studies; "study 1" to "study k" when not given.
    min_studies : int
        The fewest studies that the caller can use.

    Raises
    ------
    ValueError
        If a count is missing, negative, not whole, larger than its arm, or if lengths differ.
        The message names the arm, the study and the value, and covers both arms at once.

    Examples
    --------
    >>> counts = check_two_arm_counts([4, 0], [123, 116], [11, 3], [139, 117], ["Aronson", "Bach"])
    >>> counts.k, counts.has_zero_cell.tolist()
    (2, [False, True])
    """
    problems: list[str] = []
    arms: list[tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]] = []
    for arm, (events, n) in enumerate(((events1, n1), (events2, n2)), start=1):
        try:
            arms.append(check_counts(events, n, labels, min_studies=min_studies))
        except ValueError as error:
            problems += [f"arm {arm}: {line}" for line in str(error).splitlines()]
    if problems:
        raise ValueError("\n".join(problems))
    (events1, n1, names), (events2, n2, _) = arms
    if len(events1) != len(events2):
        raise ValueError(
            f"arm 1 has {len(events1)} studies and arm 2 has {len(events2)}: "
            "give one value for each study to each of events1, n1, events2 and n2."
        )
    return TwoArmCounts(events1, n1, events2, n2, names)


def check_two_arm_measure(measure: str) -> str:
    """Return the measure in capitals, or raise a ValueError which lists what is allowed."""
    name = measure.upper() if isinstance(measure, str) else measure
    if name not in TWO_ARM_MEASURES:
        raise ValueError(f"measure is {measure!r}: choose one of {', '.join(TWO_ARM_MEASURES)}.")
    return name


def require_informative(counts: TwoArmCounts, measure: str) -> None:
    """Refuse a ratio where no study has both events and non-events.

    Raises
    ------
    ValueError
        Saying what can be done instead.
    """
    if counts.is_uninformative.all():
        name = {"OR": "odds ratio", "RR": "risk ratio"}[measure]
        article = "an" if measure == "OR" else "a"
        raise ValueError(
            f"No study has both events and non-events, so the counts say nothing of {article} {name}: use measure='RD', or report the counts "
            "alone."
        )


def two_arm_effects(
    events1: ArrayLike | str,
    n1: ArrayLike | str,
    events2: ArrayLike | str,
    n2: ArrayLike | str,
    *,
    labels: Sequence[object] | str | None = None,
    measure: str = "OR",
    correction: float = DEFAULT_CORRECTION,
    data: pd.DataFrame | None = None,
) -> EffectSizes:
    """Effect size and sampling variance of each study, from its counts.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like, shape (k,), or names of columns of ``data``
        Events and participants of arm 1 (treated) and of arm 2 (control).
    labels : sequence, length k, or str, optional
        Names of the studies, for messages.
    measure : {"OR", "RR", "RD"}
        Log odds ratio, log risk ratio or risk difference, arm 1 against arm 2.
    correction : float
        Added to the four cells of a study with a zero cell, and to no other study.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Returns
    -------
    EffectSizes
        ``yi`` and ``vi``, shape (k,), and how many studies were ``corrected``.

    Raises
    ------
    ValueError
        For bad counts (naming study, value and remedy), an unknown measure, or a correction below 0.

    Notes
    -----
    A study without events, or with nothing but events, in both arms keeps its place here (its corrected log ratio is near 0 with a large
    variance), as in metafor's ``escalc``; `compare_arms` leaves it out of ratios.
    Source: Higgins, Thomas, Chandler, et al. (eds), Cochrane Handbook for Systematic Reviews of Interventions, chapter 6.4 (the measures)
    and 10.4.4 (zero cells); the variances are those of metafor's ``escalc``.

    Examples
    --------
    >>> sizes = two_arm_effects([4], [123], [11], [139], measure="RR")
    >>> print(sizes.yi.round(4), sizes.vi.round(4), sizes.corrected)
    [-0.8893] [0.3256] 0
    """
    events1, n1, events2, n2, labels = columns_of(data, events1=events1, n1=n1, events2=events2, n2=n2, labels=labels)
    counts = check_two_arm_counts(events1, n1, events2, n2, labels, min_studies=FEWEST["two_arm_effects"])
    yi, vi = effects_of_tables(measure, counts, correction)
    return EffectSizes(yi, vi, int(counts.has_zero_cell.sum()) if correction else 0)


def effects_of_tables(
    measure: str, counts: TwoArmCounts, correction: float = DEFAULT_CORRECTION, corrected: str = "zero"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Effect sizes and variances of counts that have been checked already; as `two_arm_effects`.

    ``corrected`` is one of `CORRECTED`: ``correction`` is added to the cells of studies with a zero cell, or of all; or studies with a zero cell get
    twice the correction, shared between the arms by their sizes, so that a large control group does not pull the ratio away from 1
    (Sweeting, Sutton and Lambert 2004, the treatment arm correction).
    """
    measure = check_two_arm_measure(measure)
    if not np.isfinite(correction) or correction < 0:
        raise ValueError(f"correction is {correction!r}: give a finite number of 0 or more, such as 0.5.")
    added = np.where(counts.has_zero_cell | (corrected == "all"), correction, 0.0)
    first = added * 2 * counts.n1 / (counts.n1 + counts.n2) if corrected == "sizes" else added
    a, b, c, d = (
        cell + part for cell, part in zip(counts.cells, (first, first, 2 * added - first, 2 * added - first), strict=True)
    )
    size1, size2 = a + b, c + d
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "OR":
            yi = np.log(a) - np.log(b) - np.log(c) + np.log(d)
            vi = 1 / a + 1 / b + 1 / c + 1 / d
        elif measure == "RR":
            yi = np.log(a / size1) - np.log(c / size2)
            vi = 1 / a - 1 / size1 + 1 / c - 1 / size2
        else:
            yi = a / size1 - c / size2
            vi = a * b / size1**3 + c * d / size2**3
    return yi, vi


def score_interval_of_difference(counts: TwoArmCounts, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits of each study's risk difference from the Wilson limits of its arms, shape (k,) each; never outside -1 and 1.

    Source: Newcombe (1998), Statistics in Medicine 17:873-890, method 10.

    Examples
    --------
    Newcombe's first example, 56 of 70 against 48 of 80:

    >>> low, high = score_interval_of_difference(check_two_arm_counts([56], [70], [48], [80]), 0.95)
    >>> print(low.round(4), high.round(4))
    [0.0524] [0.3339]
    """
    z = float(ndtri(0.5 * (1.0 + level)))
    p1, low1, high1 = _wilson(counts.events1, counts.n1, z)
    p2, low2, high2 = _wilson(counts.events2, counts.n2, z)
    below, above = np.hypot(p1 - low1, high2 - p2), np.hypot(high1 - p1, p2 - low2)
    return np.maximum(p1 - p2 - below, -1.0), np.minimum(p1 - p2 + above, 1.0)


def _wilson(events: NDArray[np.int64], n: NDArray[np.int64], z: float) -> tuple[NDArray[np.float64], ...]:
    """Proportion and the limits of Wilson's score interval."""
    p = events / n
    centre, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # Exactly 0 and 1 at the ends, which rounding would miss by a hair.
    return p, np.where(events == 0, 0.0, centre - half), np.where(events == n, 1.0, centre + half)


def to_effect_scale(measure: str, value: float | None) -> float | None:
    """Take a value from the model scale to the scale of the measure: ``exp`` for ratios, unchanged for differences.

    Examples
    --------
    >>> to_effect_scale("OR", 0.0), to_effect_scale("RD", -0.1), to_effect_scale("OR", None)
    (1.0, -0.1, None)
    """
    if value is None:
        return None
    return float(np.exp(value)) if check_two_arm_measure(measure) in RATIO_MEASURES else float(value)
