"""Effect sizes of means as all parts of this room hold them, with what each rests on.

Words used here
---------------
group 1, group 2
    The treated and the control group, each with mean, standard deviation (SD) and number of patients.
raw
    In the units of the score; standardised effects have none.
mark
    How a mean, SD or correlation came about where it was not reported as it stands: "SD from the standard error". Blank where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from cordbook.synthesis.checks import Limit, refuse
from cordbook.synthesis.results import Result, number, records_frame

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MEASURE_NAMES = {
    "MD": "mean difference",
    "SMD": "standardised mean difference (Hedges g)",
    "SMDH": "standardised mean difference, unequal variances",
    "SMD1": "standardised mean difference, SD of group 2",
    "SMD1H": "standardised mean difference, SD of group 2, unequal variances",
    "ROM": "ratio of means",
    "MN": "mean",
    "MC": "mean change",
    "SMCR": "standardised mean change, SD before",
    "SMCC": "standardised mean change, SD of the change",
    "ROMC": "ratio of means, after to before",
}
TWO_GROUP_MEASURES = ("MD", "SMD", "SMDH", "SMD1", "SMD1H", "ROM")
CHANGE_MEASURES = ("MC", "SMCR", "SMCC", "ROMC")
# Pooled as logarithms and reported as ratios.
RATIO_MEASURES = frozenset({"ROM", "ROMC"})

# Names are listed in a note up to this many; the rest are counted.
MOST_NAMES = 8

MEAN = Limit("give the mean, or leave the study out.")
SD = Limit("give the standard deviation, which is 0 or more.", lowest=0.0)
SIZE = Limit("give the number of patients, a whole number of at least 2.", lowest=2.0, whole=True)
CORRELATION = Limit("a correlation lies between -1 and 1.", lowest=-1.0, highest=1.0, blank=True)


class StudyMean(NamedTuple):
    """One study: its groups, effect with standard error and interval, weight in percent, and marks.

    Of a change within one group, group 1 holds the change: its mean, its SD (None where only the SD before is known) and n. ``estimate``
    and its limits are ratios for a ratio of means; ``se`` is on the scale of the model.
    """

    label: str
    n1: int
    mean1: float | None
    sd1: float | None
    n2: int | None
    mean2: float | None
    sd2: float | None
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    weight: float
    derived: str


@dataclass(frozen=True, slots=True)
class Group:
    """Checked means, SDs and sizes of one group of k studies, shape (k,) each; what is not known is NaN."""

    mean: Array
    sd: Array
    n: Array


@dataclass(frozen=True, slots=True)
class MeanEffects(Result):
    """Effect sizes of means, ready to be pooled, regressed or left out one by one.

    yi, vi
        effect sizes and sampling variances, shape (k,), on the scale of the model: the logarithm for ratios, the units of the score for
        raw differences and changes, none for standardised ones.
    labels, derived
        names of the studies and their marks, length k.
    measure
        as in `mean_effects` and `change_effects`.
    group1, group2
        what the effects were made of; `group2` is None where there is one group.

    The other functions for effects take them as they are: ``leave_one_out_effects(found.yi, found.vi, labels=found.labels)``.
    """

    yi: Array
    vi: Array
    labels: tuple[str, ...]
    measure: str
    group1: Group
    group2: Group | None
    derived: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def k(self) -> int:
        """Number of studies."""
        return len(self.labels)

    @property
    def n(self) -> int:
        """Patients in all studies."""
        return int(self.group1.n.sum() + (0 if self.group2 is None else self.group2.n.sum()))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study: label, yi, vi, derived."""
        import pandas as pd

        return pd.DataFrame({"label": self.labels, "yi": self.yi, "vi": self.vi, "derived": self.derived})

    def _lines(self) -> list[str]:
        studies = zip(self.labels, self.yi, self.vi, strict=True)
        scale = "log " if self.measure in RATIO_MEASURES else ""
        return [
            f"{scale}{MEASURE_NAMES[self.measure]} of {self.k} studies, {self.n} patients",
            *(f"  {label}: {number(y)} (standard error {number(v**0.5)})" for label, y, v in studies),
        ]


@dataclass(frozen=True, slots=True)
class DerivedMeans(Result):
    """Means and SDs that were worked out, shape (k,) each, and how (a mark for each study; blank where they are as reported).

    ``mean`` is None where only SDs were asked for.
    """

    mean: Array | None
    sd: Array
    n: Array
    labels: tuple[str, ...]
    derived: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study: label, mean, sd, n, derived."""
        rows = zip(self.labels, self._means(), self.sd.tolist(), self.n.astype(int).tolist(), self.derived, strict=True)
        return records_frame(tuple(_DerivedRow(*row) for row in rows))

    def _means(self) -> list[float | None]:
        return [None] * len(self.labels) if self.mean is None else self.mean.tolist()

    def _lines(self) -> list[str]:
        rows = zip(self.labels, self._means(), self.sd, self.derived, strict=True)
        return [
            f"{label}: {'' if mean is None else f'mean {number(mean)}, '}SD {number(sd)} ({mark or 'as reported'})"
            for label, mean, sd, mark in rows
        ]


class _DerivedRow(NamedTuple):
    label: str
    mean: float | None
    sd: float
    n: int
    derived: str


def bias_correction(df: Array) -> Array:
    """The factor that takes the bias from a standardised difference: exact, by gamma functions; ``df`` above 1, shape (k,).

    ``c(m) = gamma(m / 2) / (sqrt(m / 2) gamma((m - 1) / 2))``; Hedges (1981), Journal of Educational Statistics 6:107-128, equation 6e.

    Examples
    --------
    >>> bias_correction(np.array([2.0, 10.0])).round(4)
    array([0.5642, 0.9227])
    """
    return np.exp(gammaln(df / 2) - 0.5 * np.log(df / 2) - gammaln((df - 1) / 2))


def require_effects(yi: Array, vi: Array, labels: Sequence[str], *, divisor: Array | None = None, what: str = "") -> None:
    """Refuse studies whose effect has no variance, or is divided by an SD of 0; ``what`` names that SD."""
    problems = []
    for i, label in enumerate(labels):
        if divisor is not None and not divisor[i] > 0:
            problems.append(
                f"{label}: {what} is 0, and the effect is divided by it; use measure='MD' or 'MC', or leave the study out."
            )
        elif not (np.isfinite(yi[i]) and np.isfinite(vi[i]) and vi[i] > 0):
            problems.append(
                f"{label}: the effect has no sampling variance above 0 (all SDs are 0, or the correlation is 1); check the SDs, or leave "
                "the study out."
            )
    refuse(problems)


def listed(names: Sequence[str]) -> str:
    """Names in a row, the first few of many.

    Examples
    --------
    >>> listed(["A", "B"]), listed([str(i) for i in range(10)])
    ('A, B', '0, 1, 2, 3, 4, 5, 6, 7 and 2 more')
    """
    rest = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def joined_marks(*marks: str) -> str:
    """Marks of one study together, each once.

    Examples
    --------
    >>> joined_marks("SD from t", "", "SD from t"), joined_marks("", "")
    ('SD from t', '')
    """
    return "; ".join(dict.fromkeys(mark for mark in marks if mark))


def derived_notes(labels: Sequence[str], derived: Sequence[str]) -> tuple[str, ...]:
    """What is said of studies whose numbers were worked out rather than reported.

    Examples
    --------
    >>> derived_notes(["A", "B"], ["", "SD from t"])
    ('Worked out, not reported as they stand, in 1 of 2 studies: B (SD from t).',)
    """
    named = [f"{label} ({mark})" for label, mark in zip(labels, derived, strict=True) if mark]
    studies = "1 study" if len(labels) == 1 else f"{len(labels)} studies"
    return (f"Worked out, not reported as they stand, in {len(named)} of {studies}: {listed(named)}.",) if named else ()


def check_marks(derived: Sequence[str] | None, k: int) -> tuple[str, ...]:
    """Marks of k studies; none when not given.

    Examples
    --------
    >>> check_marks(None, 2)
    ('', '')
    """
    if derived is None:
        return ("",) * k
    if isinstance(derived, str) or len(derived) != k:
        raise ValueError(f"derived must have one text for each of the {k} studies, blank where mean and SD are as reported.")
    return tuple(str(mark or "") for mark in derived)
