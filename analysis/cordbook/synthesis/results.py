"""The frozen results that the synthesis returns.

A result holds plain numbers, tuples and text, so that it can be compared, stored and written as JSON. A value that is not
defined (a prediction interval of a common-effect model, tau-squared when no study has an event) is ``None``. Whatever a
reader must know before using a result is in its ``notes``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MODEL_NAMES = {
    "common": "common effect, inverse variance",
    "dl": "random effects, DerSimonian-Laird",
    "pm": "random effects, Paule-Mandel",
    "reml": "random effects, REML",
    "ml": "random effects, maximum likelihood",
    "glmm": "binomial-normal GLMM, maximum likelihood",
    "betabinomial": "beta-binomial, maximum likelihood",
    "multilevel": "random effects of studies and of effects within them, REML",
}
CI_NAMES = {
    "wald": "Wald",
    "hksj": "Hartung-Knapp-Sidik-Jonkman",
    "profile": "profile likelihood",
    "profile-t": "profile likelihood, cut for the number of studies",
    "exact": "exact (Clopper-Pearson)",
    "delta": "delta method on the log-odds",
    "delta-t": "delta method on the log-odds, t with k - 1 degrees of freedom",
    "robust": "robust (sandwich) errors",
    "t": "t",
    "cr2": "cluster-robust CR2, Satterthwaite",
}
# A difference of equal proportions is 0 but for rounding; below the other a string of zeros is harder to read than an exponent.
ROUNDING_OF_ZERO, SMALLEST_WITHOUT_EXPONENT = 1e-15, 1e-7
# The averages of a pooled proportion, by the word of ``average``.
AVERAGE_NAMES = {"median": "median study", "population": "population average"}
GLMM_T_NAME = "t with k - 1 degrees of freedom"


class Result:
    """What all results of this house can do: stand as plain values, and tell themselves in a few lines with their notes.

    A result is a frozen dataclass that derives from this and gives `_lines`. What must not be compared (a density, which is a function)
    is left out of the plain values too.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain numbers, text, lists and dictionaries, ready for JSON; what is not finite becomes None."""
        return to_plain({field.name: getattr(self, field.name) for field in fields(self) if field.compare})

    def summary(self) -> str:
        """Return a short text for people, with every note."""
        return "\n".join([*self._lines(), *(f"  note: {note}" for note in getattr(self, "notes", ()))])

    def _lines(self) -> list[str]:
        raise NotImplementedError


# The records of single studies are named tuples: frozen as well, and a tenth of the cost of a frozen dataclass to make,
# which is felt when a result holds 100,000 of them.
class StudyEffect(NamedTuple):
    """One study of a pooled effect: its effect size, interval and share of the weight in percent."""

    label: str
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    weight: float


class StudyProportion(NamedTuple):
    """One study of a pooled proportion: counts, proportion, Clopper-Pearson interval, weight in percent."""

    label: str
    events: int
    n: int
    estimate: float
    ci_low: float
    ci_high: float
    weight: float


def as_records(kind: type, rows: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return rows that are known to be whole as named tuples of a kind, at half the cost of ``kind._make``.

    Examples
    --------
    >>> as_records(StudyEffect, [("a", 0.1, 0.2, 0.0, 0.3, 100.0)])[0].label
    'a'
    """
    return tuple(map(tuple.__new__, repeat(kind), rows))


@dataclass(frozen=True, slots=True)
class ModelScale:
    """The pooled estimate on the scale of the model (for instance log odds), before it is transformed back."""

    estimate: float | None
    se: float | None
    ci_low: float | None
    ci_high: float | None
    pi_low: float | None = None
    pi_high: float | None = None


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """How much studies differ beyond chance.

    tau2, tau2_ci_low, tau2_ci_high
        between-study variance on the model's scale and its interval; 0 for a common-effect model.
    i2, i2_ci_low, i2_ci_high
        I-squared in percent, 0 to 100, and its interval.
    h2, h2_ci_low, h2_ci_high
        H-squared and its interval.
    q, q_df, q_p
        Cochran's Q (for the GLMM: the likelihood ratio statistic against one proportion a study), its degrees of freedom
        and p-value.
    """

    tau2: float
    tau2_ci_low: float | None
    tau2_ci_high: float | None
    i2: float | None
    i2_ci_low: float | None
    i2_ci_high: float | None
    h2: float | None
    h2_ci_low: float | None
    h2_ci_high: float | None
    q: float
    q_df: int
    q_p: float | None


#: What results of pooling take over from `Heterogeneity`, in its order.
HETEROGENEITY = tuple(field.name for field in fields(Heterogeneity))


def heterogeneity_fields(result: Any) -> dict[str, Any]:
    """Return the heterogeneity of a result that holds its fields, to be given to another result."""
    return {name: getattr(result, name) for name in HETEROGENEITY}


@dataclass(frozen=True, slots=True)
class PooledEffect(Result):
    """A pooled effect size on the scale of ``yi``.

    estimate, se, ci_low, ci_high, pi_low, pi_high
        pooled effect, its standard error, confidence and prediction limits.
    statistic, df, p
        the test of "the pooled effect is 0"; ``df`` is None when the statistic is compared with the normal distribution.
    tau2 ... q_p
        as in `Heterogeneity`.
    studies
        one `StudyEffect` a study, in the order given.
    """

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    pi_low: float | None
    pi_high: float | None
    statistic: float
    df: int | None
    p: float
    tau2: float
    tau2_ci_low: float | None
    tau2_ci_high: float | None
    i2: float | None
    i2_ci_low: float | None
    i2_ci_high: float | None
    h2: float | None
    h2_ci_low: float | None
    h2_ci_high: float | None
    q: float
    q_df: int
    q_p: float | None
    k: int
    model: str
    ci_method: str
    level: float
    studies: tuple[StudyEffect, ...]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study: label, estimate, se, ci_low, ci_high, weight."""
        return records_frame(self.studies)

    def _lines(self) -> list[str]:
        lines = [
            f"Pooled effect ({self.k} studies; {MODEL_NAMES.get(self.model, self.model)})",
            interval_line("estimate", self.estimate, self.ci_low, self.ci_high, self.level, self.ci_method),
        ]
        return [*lines, *spread_lines(self)]


@dataclass(frozen=True, slots=True)
class ProportionAverage:
    """An average of the proportions of studies, from 0 to 1, with its confidence limits and how they came about."""

    estimate: float
    ci_low: float
    ci_high: float
    ci_method: str


@dataclass(frozen=True, slots=True)
class PooledProportion(Result):
    """A pooled proportion.

    estimate, ci_low, ci_high, ci_method
        the average that was asked for and its confidence limits, from 0 to 1: those of `median_study` or of `population_average`.
    average
        which one that is: "median" or "population".
    median_study
        the proportion of the median study, half of studies having a smaller one; the parameter of a model on the logit.
    population_average
        the mean of the proportions over studies: what "1 in 100 patients" says of studies like these. Where studies differ it lies nearer
        to one half than the median. None where it cannot be had, or for a single study.
    pi_low, pi_high
        prediction limits of a new study's proportion; None where there are none.
    model_scale
        the estimate on the scale of the model, with the standard error: the median's logit for a model on the logit, whichever average
        is reported; the mean's logit for the beta-binomial.
    tau2 ... q_p
        as in `Heterogeneity`; tau2, I-squared and H-squared are None for the beta-binomial, which has `rho`.
    rho
        correlation between two patients of one study in the beta-binomial model, from 0 to 1; else None.
    k, events, n
        studies, and participants with the event and in all, summed.
    studies
        one `StudyProportion` a study, in the order given.
    """

    estimate: float
    ci_low: float
    ci_high: float
    pi_low: float | None
    pi_high: float | None
    model_scale: ModelScale
    tau2: float | None
    tau2_ci_low: float | None
    tau2_ci_high: float | None
    i2: float | None
    i2_ci_low: float | None
    i2_ci_high: float | None
    h2: float | None
    h2_ci_low: float | None
    h2_ci_high: float | None
    q: float | None
    q_df: int
    q_p: float | None
    k: int
    events: int
    n: int
    model: str
    measure: str
    ci_method: str
    level: float
    studies: tuple[StudyProportion, ...]
    notes: tuple[str, ...] = ()
    average: str = "median"
    median_study: ProportionAverage | None = None
    population_average: ProportionAverage | None = None
    rho: float | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study: label, events, n, estimate, ci_low, ci_high, weight."""
        return records_frame(self.studies)

    def _lines(self) -> list[str]:
        model = MODEL_NAMES.get(self.model, self.model)
        lines = [
            f"Pooled proportion ({self.k} studies, {self.events} of {self.n} participants; {self.measure}; {model})",
            *self._average_lines(),
        ]
        return [*lines, *spread_lines(self)]

    def _average_lines(self) -> list[str]:
        """Return a line for each average, the one that is reported first."""
        averages = {"median": self.median_study, "population": self.population_average}
        shown = [(word, at) for word, at in averages.items() if at is not None]
        shown.sort(key=lambda pair: pair[0] != self.average)
        if not shown:
            return [interval_line("estimate", self.estimate, self.ci_low, self.ci_high, self.level, self.ci_method, self.model)]
        return [
            interval_line(AVERAGE_NAMES[word], at.estimate, at.ci_low, at.ci_high, self.level, at.ci_method, self.model)
            for word, at in shown
        ]


# --- shared by the results of every room ---------------------------------------------------------------------------------


def to_plain(value: Any) -> Any:
    """Return a result as dictionaries, lists, text, numbers and None; numbers that are not finite become None.

    Examples
    --------
    >>> to_plain(ModelScale(estimate=0.5, se=float("nan"), ci_low=None, ci_high=None))
    {'estimate': 0.5, 'se': None, 'ci_low': None, 'ci_high': None, 'pi_low': None, 'pi_high': None}
    """
    if not isinstance(value, type) and (is_dataclass(value) or hasattr(value, "_fields")):
        return {name: to_plain(getattr(value, name)) for name in _shown(value)}
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | np.ndarray):
        return [to_plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def records_frame(records: tuple[Any, ...]) -> pd.DataFrame:
    """Return frozen records of one kind as a DataFrame, one row per record, a column for each field.

    Examples
    --------
    >>> records_frame((StudyEffect("Levi 2019", 0.5, 0.1, 0.3, 0.7, 100.0),)).columns.tolist()
    ['label', 'estimate', 'se', 'ci_low', 'ci_high', 'weight']
    """
    import pandas as pd

    if not records:
        return pd.DataFrame()
    return pd.DataFrame({name: [getattr(record, name) for record in records] for name in _shown(records[0])})


def _shown(record: Any) -> tuple[str, ...]:
    """Return the names of the values of a frozen record that are written: those it names itself (``_fields``), else all its fields."""
    return getattr(record, "_fields", None) or tuple(field.name for field in fields(record))


def number(value: float | None) -> str:
    """Return a number with four significant digits, or "not estimable".

    Examples
    --------
    >>> number(0.0123456), number(None)
    ('0.01235', 'not estimable')
    """
    return "not estimable" if value is None or not np.isfinite(value) else f"{value:.4g}"


def significant(value: float | None, digits: int = 3) -> str:
    """Return a number for a table: so many significant digits, all digits before the point, and an exponent only far below that.

    Examples
    --------
    >>> [significant(value) for value in (0.25, 3 / 217154, 1831.59, 0.0, -0.0473, 1e-9, None, float("inf"))]
    ['0.250', '0.0000138', '1832', '0', '-0.0473', '1.00e-09', 'not estimable', 'infinity']
    """
    if value is None or np.isnan(value):
        return "not estimable"
    if np.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    if abs(value) < ROUNDING_OF_ZERO:
        return "0"
    if abs(value) < SMALLEST_WITHOUT_EXPONENT:
        return f"{value:.{digits - 1}e}"
    # Rounded first, so that 0.9996 has the places of 1.00.
    size = int(np.floor(np.log10(abs(float(f"{value:.{digits - 1}e}")))))
    return f"{value:.{max(0, digits - 1 - size)}f}"


def interval_line(name: str, estimate: float, low: float, high: float, level: float, ci_method: str, model: str = "") -> str:
    """Return the line of a summary that holds an estimate and its confidence interval."""
    method = _interval_name(ci_method, model)
    return f"  {name} {number(estimate)} ({level * 100:g}% CI {number(low)} to {number(high)}; {method})"


def words_of_interval(result: Any) -> str:
    """Return what kind of interval a result has, with its level.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> words_of_interval(SimpleNamespace(level=0.9, ci_method="hksj", model="reml"))
    '90%, Hartung-Knapp-Sidik-Jonkman'
    """
    # "exact" of a proportion is Clopper and Pearson's; that of two arms conditions on the margins of the tables.
    two_arms_exact = result.ci_method == "exact" and hasattr(result, "n1")
    name = "exact, conditional" if two_arms_exact else _interval_name(result.ci_method, result.model)
    return f"{result.level * 100:g}%, {name}"


def _interval_name(ci_method: str, model: str) -> str:
    return GLMM_T_NAME if model == "glmm" and ci_method == "hksj" else CI_NAMES.get(ci_method, ci_method)


def spread_lines(result: Any) -> list[str]:
    """Return the lines of a summary that say how much studies differ: where a new one may lie, if that is known, and the heterogeneity.

    ``result`` holds prediction limits and the fields of `Heterogeneity`.
    """
    limits = () if result.pi_low is None else (f"  prediction interval {number(result.pi_low)} to {number(result.pi_high)}",)
    return [*limits, _heterogeneity_line(result)]


def _heterogeneity_line(result: Any) -> str:
    i2 = "not estimable" if result.i2 is None else f"{result.i2:.1f}%"
    p = "not estimable" if result.q_p is None else ("< 0.001" if result.q_p < 0.001 else f"{result.q_p:.3f}")
    rho = getattr(result, "rho", None)
    spread = f"tau2 {number(result.tau2)}; I2 {i2}" if rho is None else f"rho {number(rho)}"
    return f"  {spread}; Q {number(result.q)} (df {result.q_df}, p {p})"


def named_average(average: str | None) -> str:
    """Return the name of an average as it follows others in brackets; nothing where there is none.

    Examples
    --------
    >>> named_average("population"), named_average(None)
    ('; population average', '')
    """
    return "" if average is None else f"; {AVERAGE_NAMES[average]}"
