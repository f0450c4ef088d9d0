"""The coefficients of a regression on several moderators, or on one of names: each with its interval and what it is a change for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cordbook.display.figures.diagnostics.row_plots import row_figure
from cordbook.display.figures.effect_scale import EffectScale
from cordbook.display.figures.figure import Figure
from cordbook.review.estimates.phrases import ratio as ratio_text
from cordbook.synthesis.multilevel.results import MultilevelRegression
from cordbook.synthesis.regression.results import Coefficient, MetaRegression
from cordbook.synthesis.results import significant

INTERCEPT = "intercept"


@dataclass(frozen=True, slots=True)
class _Change:
    """A coefficient on the scale that is drawn."""

    label: str
    estimate: float
    ci_low: float
    ci_high: float


def coefficient_plot(
    found: MetaRegression | MultilevelRegression,
    *,
    scale: str,
    title: str,
    figure_id: str,
    columns: Collection[str] = (),
    unit: str = "",
    references: Mapping[str, str] | None = None,
) -> Figure:
    """Coefficients of a regression without the intercept, one a row.

    ``scale`` is that of the model in words; of a logarithm ("log odds", "log odds ratio") coefficients are drawn as ratios. ``columns`` are
    the moderators, ``unit`` is that of the effects, ``references`` the level that each moderator of names is compared with.

    Raises
    ------
    ValueError
        For a regression on nothing but an intercept.
    """
    shown = [c for c in found.coefficients if c.name != INTERCEPT]
    if not shown:
        raise ValueError("there is no coefficient beside the intercept to draw")
    axis = scale_of_change(scale, unit)
    rows = [_row(c, axis, _label(c.name, columns, references or {})) for c in shown]
    alt = f"Coefficients, {title}: " + "; ".join(f"{r.label}: {axis.words(r.estimate)}" for r in rows) + "."
    clear = [r.label for r in rows if axis.null is not None and not r.ci_low <= axis.null <= r.ci_high]
    tells = f"The interval leaves out no change for {'; '.join(clear)}." if clear else "Every interval holds no change."
    caption = (
        f"{tells} Each row is the {axis.name} for one more of a column of numbers, or for a group beside the one it is compared with, the other "
        "moderators held. Columns have units of their own: rows of different columns cannot be compared by their length."
    )
    return row_figure(
        rows, axis, found.level, title=f"What the moderators change: {title}", caption=caption, alt=alt, figure_id=figure_id, sign="",
        head="Moderator", people="",
    )  # fmt: skip


def scale_of_change(scale: str, unit: str = "") -> EffectScale:
    """The scale on which coefficients are drawn, by that of the model in words.

    >>> scale_of_change("log odds").name, scale_of_change("log risk ratio").name, scale_of_change("mean change", "points").axis_title
    ('odds ratio', 'ratio of risk ratios', 'Change of the mean change, points')
    """
    if scale == "log odds":
        return EffectScale("ratio", "odds ratio", "", 1.0, ratio_text)
    if scale.startswith("log "):
        return EffectScale("ratio", f"ratio of {scale.removeprefix('log ')}s", "", 1.0, ratio_text)
    return EffectScale("number", f"change of the {scale}", unit, 0.0, significant)


def _row(c: Coefficient, axis: EffectScale, label: str) -> _Change:
    estimate, low, high = axis.of_model([c.estimate, c.ci_low, c.ci_high]).tolist()
    return _Change(label, estimate, low, high)


def _label(name: str, columns: Collection[str], references: Mapping[str, str]) -> str:
    """What a coefficient is of: one more of a column, or a group beside the one that it is compared with, where that is known."""
    if name in columns:
        return f"{name}, one more"
    column = next((column for column in sorted(references, key=len, reverse=True) if name.startswith(f"{column}: ")), None)
    return name if column is None else f"{name}, beside {references[column]}"
