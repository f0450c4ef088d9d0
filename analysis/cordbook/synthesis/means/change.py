"""Change from baseline within one group, with a correlation that is stated, worked out or imputed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cordbook.synthesis.checks import FEWEST, Limit, check_choice, check_numbers, columns_of, refuse
from cordbook.synthesis.means.effects import require_own_sd, require_ratio
from cordbook.synthesis.means.sizes import (
    CHANGE_MEASURES,
    CORRELATION,
    MEAN,
    SD,
    SIZE,
    Array,
    Group,
    MeanEffects,
    bias_correction,
    check_marks,
    derived_notes,
    joined_marks,
    listed,
    require_effects,
)

if TYPE_CHECKING:
    import pandas as pd

# Reported SDs are rounded: a correlation worked out from them may pass 1 by this much.
ROUNDED_CORRELATION = 0.005

_LIMITS = {
    "n": SIZE,
    "mean_before": replace(MEAN, blank=True),
    "mean_after": replace(MEAN, blank=True),
    "mean_change": replace(MEAN, blank=True),
    "sd_before": replace(SD, blank=True),
    "sd_after": replace(SD, blank=True),
    "sd_change": replace(SD, blank=True),
    "r": CORRELATION,
}
# What each measure is made of, and what may stand for it.
_NEEDS = {
    "MC": ("change", "spread"),
    "SMCC": ("change", "spread"),
    "SMCR": ("change", "sd_before", "r"),
    "ROMC": ("mean_before", "mean_after", "sd_before", "sd_after", "r"),
}
_MISSING = {
    "change": "mean_change, or both mean_before and mean_after, are missing; give one of the two",
    "spread": "sd_change is missing, and cannot be worked out; give it, or sd_before, sd_after and r (or imputed_r for all such studies)",
    "r": "r is missing; give the correlation between before and after, or all three SDs, or imputed_r for all such studies",
    "sd_before": "sd_before is missing; give the standard deviation before treatment",
    "sd_after": "sd_after is missing; give the standard deviation after treatment",
    "mean_before": "mean_before is missing; a ratio needs both means",
    "mean_after": "mean_after is missing; a ratio needs both means",
}


def change_effects(
    n: ArrayLike | str,
    mean_before: ArrayLike | str | None = None,
    mean_after: ArrayLike | str | None = None,
    sd_before: ArrayLike | str | None = None,
    sd_after: ArrayLike | str | None = None,
    *,
    mean_change: ArrayLike | str | None = None,
    sd_change: ArrayLike | str | None = None,
    r: ArrayLike | str | None = None,
    imputed_r: float | None = None,
    measure: str = "MC",
    labels: Sequence[object] | str | None = None,
    derived: Sequence[str] | None = None,
    data: pd.DataFrame | None = None,
) -> MeanEffects:
    """Return effect sizes and sampling variances of changes from baseline, one group a study.

    What a study does not report is NaN (or None); each study needs only what its measure is made of.

    Parameters
    ----------
    n : array_like of int, shape (k,), or the name of a column of ``data``
        Patients measured both before and after.
    mean_before, mean_after, sd_before, sd_after : array_like, shape (k,), optional
        Means and SDs in the units of the score.
    mean_change, sd_change : array_like, shape (k,), optional
        The change as reported, after minus before, and its SD: taken where they are there.
    r : array_like, shape (k,), optional
        Correlation between before and after, -1 to 1, as stated. Where it is not, it is worked out if all three SDs are there.
    imputed_r : float, optional
        Taken for studies that neither state a correlation nor let it be worked out; they are marked, and a note says which they are.
    measure : str
        - "MC": ``after - before``, in units of the score; variance ``sd_change^2 / n``, where
          ``sd_change^2 = sd_before^2 + sd_after^2 - 2 r sd_before sd_after``.
        - "SMCC": ``c(n-1) change / sd_change``; variance ``1/n + d^2 / (2 n)``.
        - "SMCR": ``c(n-1) change / sd_before``; variance ``2 (1 - r) / n + d^2 / (2 n)``.
        - "ROMC": ``log(after / before)``; variance ``(sd_before^2/before^2 + sd_after^2/after^2
          - 2 r sd_before sd_after / (before after)) / n``.
    labels : sequence, length k, or str, optional
        Names of the studies.
    derived : sequence of str, length k, optional
        Marks of numbers that are not as reported, as in `mean_effects`.
    data : DataFrame, optional
        Table whose columns are named by the other arguments.

    Returns
    -------
    MeanEffects
        Group 1 holds the change.

    Raises
    ------
    ValueError
        For lengths that differ, an SD below 0, fewer than 2 patients (3 where the SD of the group divides), a correlation outside -1 to 1,
        SDs of which none of that kind can come, and whatever a study's measure lacks; study by study.

    Notes
    -----
    Sources: Gibbons, Hedeker and Davis (1993), Journal of Educational Statistics 18:271-279 (SMCC); Becker (1988), British Journal of
    Mathematical and Statistical Psychology 41:257-278, and Morris and DeShon (2002), Psychological Methods 7:105-125 (SMCR); Lajeunesse
    (2011), Ecology 92:2049-2055 (ROMC); Cochrane Handbook, section 6.5.2.8 (imputed correlations). They are metafor's ``escalc`` with
    ``vtype="LS"``. A change without comparison holds natural recovery and regression to the mean as well as what treatment did.

    Examples
    --------
    The treated groups of Morris (2008), table 1, studies 1 and 2; the second states no correlation here:

    >>> found = change_effects([20, 50], [30.6, 23.5], [38.5, 26.8], [15.0, 3.1], [11.6, 4.1], r=[0.47, None], imputed_r=0.5, measure="SMCR")
    >>> found.yi.round(4), found.derived
    (array([0.5056, 1.0481]), ('', 'r imputed as 0.5'))
    """
    values = columns_of(
        data, n=n, mean_before=mean_before, mean_after=mean_after, mean_change=mean_change, sd_before=sd_before, sd_after=sd_after,
        sd_change=sd_change, r=r, labels=labels,
    )  # fmt: skip
    given = dict(zip(_LIMITS, values[:-1], strict=True))
    measure = check_choice("measure", measure.upper() if isinstance(measure, str) else measure, CHANGE_MEASURES)
    found, names = check_numbers(
        {name: column for name, column in given.items() if column is not None},
        _LIMITS,
        values[-1],
        min_studies=FEWEST["change_effects"],
    )
    for name in _LIMITS:
        found.setdefault(name, np.full(len(names), np.nan))
    marks = list(check_marks(derived, len(names)))
    notes = _complete(found, names, marks, _check_imputed(imputed_r), "r" in _NEEDS[measure])
    _require(measure, found, names)
    yi, vi = _change(measure, found, names)
    group = Group(found["change"], found["spread"], found["n"])
    return MeanEffects(yi, vi, names, measure, group, None, tuple(marks), (*notes, *derived_notes(names, marks)))


def difference_of_changes(treated: MeanEffects, control: MeanEffects) -> MeanEffects:
    """Return the change of the treated less that of the control group of the same studies, with their variances added.

    Parameters
    ----------
    treated, control : MeanEffects
        Of `change_effects`, the same studies in the same order, the same measure.

    Raises
    ------
    ValueError
        For studies or measures that differ.

    Notes
    -----
    Source: Becker (1988) and Morris (2008), Organizational Research Methods 11:364-386 (the estimate with SDs of each group's own baseline).

    Examples
    --------
    >>> treated = change_effects([20], [30.6], [38.5], [15.0], r=[0.47], measure="SMCR")
    >>> control = change_effects([20], [23.1], [19.7], [13.8], r=[0.47], measure="SMCR")
    >>> difference_of_changes(treated, control).yi.round(4)
    array([0.7421])
    """
    if treated.labels != control.labels or treated.measure != control.measure or treated.measure not in CHANGE_MEASURES:
        raise ValueError("Give two results of change_effects for the same studies, in the same order and by the same measure.")
    marks = tuple(joined_marks(one, two) for one, two in zip(treated.derived, control.derived, strict=True))
    return MeanEffects(
        treated.yi - control.yi,
        treated.vi + control.vi,
        treated.labels,
        treated.measure,
        treated.group1,
        control.group1,
        marks,
        tuple(dict.fromkeys((*treated.notes, *control.notes))),
    )


def sd_of_change(
    sd_before: ArrayLike | str, sd_after: ArrayLike | str, r: ArrayLike | str, *, data: pd.DataFrame | None = None
) -> Array:
    """Return SDs of changes from those before and after and the correlation between them, shape (k,).

    ``sqrt(sd_before^2 + sd_after^2 - 2 r sd_before sd_after)``; Cochrane Handbook, section 6.5.2.8.

    Raises
    ------
    ValueError
        For SDs below 0 and correlations outside -1 to 1.

    Examples
    --------
    >>> sd_of_change([6.4], [7.1], [0.78]).round(2)
    array([4.53])
    """
    sd_before, sd_after, r = columns_of(data, sd_before=sd_before, sd_after=sd_after, r=r)
    limits = {"sd_before": SD, "sd_after": SD, "r": replace(CORRELATION, blank=False)}
    found, _ = check_numbers({"sd_before": sd_before, "sd_after": sd_after, "r": r}, limits, min_studies=FEWEST["sd_of_change"])
    return _sd_of_change(found["sd_before"], found["sd_after"], found["r"])


def correlation_of_change(
    sd_before: ArrayLike | str, sd_after: ArrayLike | str, sd_change: ArrayLike | str, *, data: pd.DataFrame | None = None
) -> Array:
    """Return the correlations between before and after that the three SDs of studies imply, shape (k,).

    ``(sd_before^2 + sd_after^2 - sd_change^2) / (2 sd_before sd_after)``; Cochrane Handbook, section 6.5.2.8.

    Raises
    ------
    ValueError
        For SDs that are not above 0, and for SDs that no correlation can bring about.

    Examples
    --------
    The example of the Handbook:

    >>> correlation_of_change([6.4], [7.1], [4.5]).round(2)
    array([0.78])
    """
    sd_before, sd_after, sd_change = columns_of(data, sd_before=sd_before, sd_after=sd_after, sd_change=sd_change)
    above = Limit("give a standard deviation above 0.", lowest=0.0, above=True)
    columns = {"sd_before": sd_before, "sd_after": sd_after, "sd_change": sd_change}
    found, names = check_numbers(
        columns, {"sd_before": above, "sd_after": above, "sd_change": SD}, min_studies=FEWEST["correlation_of_change"]
    )
    r = _correlation(found["sd_before"], found["sd_after"], found["sd_change"])
    refuse(_impossible(r, names, found))
    return np.clip(r, -1.0, 1.0)


def _check_imputed(value: float | None) -> float | None:
    if value is None:
        return None
    problem = replace(CORRELATION, blank=False).problem(float(value))
    if problem:
        raise ValueError(f"imputed_r {problem}")
    return float(value)


def _sd_of_change(before: Array, after: Array, r: Array) -> Array:
    # As the square of a difference and a rest that cannot be negative, so that r = 1 leaves no rounding under the root.
    return np.sqrt((before - after) ** 2 + 2 * (1 - r) * before * after)


def _correlation(before: Array, after: Array, change: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return (before**2 + after**2 - change**2) / (2 * before * after)


def _impossible(r: Array, labels: Sequence[str], found: dict[str, Array]) -> list[str]:
    return [
        f"{labels[i]}: SDs {found['sd_before'][i]:g} before, {found['sd_after'][i]:g} after and {found['sd_change'][i]:g} of the change would "
        f"need a correlation of {r[i]:.2f}, outside -1 to 1; check whether one of them is a standard error."
        for i in np.flatnonzero(np.abs(r) > 1 + ROUNDED_CORRELATION).tolist()
    ]


def _complete(
    found: dict[str, Array], labels: Sequence[str], marks: list[str], imputed: float | None, wants_r: bool
) -> list[str]:
    """Fill in what can be worked out: ``r``, the ``change`` and its SD as ``spread``; marks and the note on imputed correlations."""
    worked_out = _correlation(found["sd_before"], found["sd_after"], found["sd_change"])
    worked_out[~np.isfinite(worked_out)] = np.nan
    refuse(_impossible(worked_out, labels, found))
    r, spread = found["r"].copy(), found["sd_change"].copy()
    from_sds = np.isnan(r) & ~np.isnan(worked_out)
    r[from_sds] = np.clip(worked_out[from_sds], -1.0, 1.0)
    # Without an SD of the change the correlation makes it; with one, only measures that name r need it.
    lacking = np.isnan(r) & (np.isnan(spread) | wants_r)
    if imputed is not None:
        r[lacking] = imputed
    made = _sd_of_change(found["sd_before"], found["sd_after"], r)
    spread = np.where(np.isnan(spread), made, spread)
    change = np.where(np.isnan(found["mean_change"]), found["mean_after"] - found["mean_before"], found["mean_change"])
    found |= {"r": r, "spread": spread, "change": change}
    for i in range(len(labels)):
        if from_sds[i] and wants_r:
            marks[i] = joined_marks(marks[i], "r from the SDs")
        if imputed is not None and lacking[i]:
            marks[i] = joined_marks(marks[i], f"r imputed as {imputed:g}")
    if imputed is None or not lacking.any():
        return []
    names = [label for label, is_imputed in zip(labels, lacking, strict=True) if is_imputed]
    return [
        f"The correlation between before and after was imputed as {imputed:g} in {len(names)} of {len(labels)} studies, which do not report it "
        f"({listed(names)}); try others, since the variances rest on it."
    ]


def _require(measure: str, found: dict[str, Array], labels: Sequence[str]) -> None:
    problems = [
        f"{label}: {_MISSING[need]}, or leave the study out."
        for i, label in enumerate(labels)
        for need in _NEEDS[measure]
        if np.isnan(found[need][i])
    ]
    refuse(problems)


def _change(measure: str, found: dict[str, Array], labels: Sequence[str]) -> tuple[Array, Array]:
    n, change, spread, r = found["n"], found["change"], found["spread"], found["r"]
    if measure == "MC":
        yi, vi = change.copy(), spread**2 / n
        require_effects(yi, vi, labels)
        return yi, vi
    if measure == "ROMC":
        return _ratio_of_change(found, labels)
    require_own_sd(n, labels, "n")
    divisor, what = (spread, "the SD of the change") if measure == "SMCC" else (found["sd_before"], "sd_before")
    with np.errstate(divide="ignore", invalid="ignore"):
        yi = bias_correction(n - 1) * change / divisor
        vi = (1 / n if measure == "SMCC" else 2 * (1 - r) / n) + yi**2 / (2 * n)
    require_effects(yi, vi, labels, divisor=divisor, what=what)
    return yi, vi


def _ratio_of_change(found: dict[str, Array], labels: Sequence[str]) -> tuple[Array, Array]:
    before, after = found["mean_before"], found["mean_after"]
    require_ratio(after, before, labels)
    vi = _sd_of_change(found["sd_before"] / np.abs(before), found["sd_after"] / np.abs(after), found["r"]) ** 2 / found["n"]
    yi = np.log(after / before)
    require_effects(yi, vi, labels)
    return yi, vi
