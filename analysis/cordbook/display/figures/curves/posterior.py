"""The posterior of a Bayesian pooled result: densities of the mean and of how much studies differ, each with its credible interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cordbook.core.text import capital
from cordbook.display.figures.axes import wrapped
from cordbook.display.figures.effect_scale import EffectScale, Result
from cordbook.display.figures.figure import Figure, canvas, finish, small, table_csv
from cordbook.display.figures.style import MUTED, TREATED
from cordbook.synthesis.bayes.densities import Density
from cordbook.synthesis.bayes.results import BayesEffect, BayesProportion
from cordbook.synthesis.results import significant

#: Sizes in inches: of a wide drawing, whose panels stand side by side, and of a narrow one, where they stand below each other.
WIDE_IN, NARROW_IN = (6.4, 3.0), (3.1, 5.0)
#: Room of a panel in inches: left and right; below for the words of the axis; above for its two lines of words.
SIDE_IN, BELOW_IN, ABOVE_IN = 0.2, 0.52, 0.52
#: How much of a density is drawn, in points and in probability: the tails of a heavy prior would squeeze all else.
POINTS, DRAWN = 200, 0.995
AVERAGES = {"median": "Median study", "population": "Population average"}


@dataclass(frozen=True, slots=True)
class _Panel:
    """One density, on the scale that is drawn: what it is of, its numbers in words, and what sets its axis."""

    name: str
    words: str
    values: np.ndarray
    heights: np.ndarray
    middle: float
    low: float
    high: float
    set_axis: Callable[[Axes], None]
    null: float | None = None


def posterior_plot(
    found: BayesEffect | BayesProportion, result: Result, *, title: str, figure_id: str, people: str = "patients"
) -> Figure:
    """Posterior densities of the pooled mean, on the scale of ``result``, and of tau, the SD between studies, on the scale of the model.

    ``result`` is what was pooled of the same studies without a prior; its kind says what the values are called. The area of the credible
    interval is filled and the posterior median marked; of a ratio the axis is logarithmic and the density that of the logarithm.

    >>> from cordbook import HalfNormal, bayes_pool_effects, pool_effects
    >>> found = bayes_pool_effects([0.2, 0.5, 0.4], [0.04, 0.05, 0.02], tau_prior=HalfNormal(0.5))
    >>> posterior_plot(found, pool_effects([0.2, 0.5, 0.4], [0.04, 0.05, 0.02]), title="T", figure_id="f").title
    'What the data and the prior say: T'
    """
    panels = (_mean(found, result, people), _tau(found, result))
    level = f"{found.level * 100:g}%"
    told = "; ".join(f"{panel.name.lower()} {panel.words}" for panel in panels)
    alt = f"Posterior densities, {title}: {told}."
    caption = (
        f"Filled: the {level} credible interval ({found.interval}); the line is the posterior median. The curve is higher where a value is more "
        f"probable by the data and the priors. Prior of the mean: {found.mu_prior}; prior of tau: {found.tau_prior}."
    )
    data = table_csv(
        ("quantity", "value", "density"),
        ((panel.name, float(v), float(h)) for panel in panels for v, h in zip(panel.values, panel.heights, strict=True)),
    )
    shown = []
    for name, size in ((figure_id, WIDE_IN), (f"{figure_id}.s", NARROW_IN)):
        with canvas(name, *size) as drawing:
            for axes, panel in zip(_places(drawing, size), panels, strict=True):
                _draw(axes, panel)
            words = f"What the data and the prior say: {title}"
            shown.append(finish(drawing, figure_id=name, title=words, caption=caption, alt=alt, data=data))
    wide, narrow = shown
    return replace(wide, narrow=small(narrow))


def _mean(found: BayesEffect | BayesProportion, result: Result, people: str) -> _Panel:
    scale, level = EffectScale.of(result), f"{found.level * 100:g}% CrI"
    if isinstance(found, BayesProportion):
        density = found.population_average_density if found.average == "population" else found.proportion_density
        name = AVERAGES[found.average]
    else:
        density, name = found.mu_density, capital(scale.name)
    values, heights = density.curve(POINTS, DRAWN)
    ends = [found.estimate, found.ci_low, found.ci_high]
    if not isinstance(found, BayesProportion):
        values, ends = scale.of_model(values), scale.of_model(ends).tolist()
    middle, low, high = ends
    words = f"{scale.words(middle)} ({level} {scale.text(low)} to {scale.text(high)})"
    seen = [float(values[0]), float(values[-1])]
    return _Panel(
        name, words, values, heights, middle, low, high, lambda axes: scale.set_axis(axes, seen, people=people), scale.null
    )


def _tau(found: BayesEffect | BayesProportion, result: Result) -> _Panel:
    scale, at = EffectScale.of(result), found.tau
    of = "the log odds" if isinstance(found, BayesProportion) else scale.of_errors
    unit = f", {scale.unit}" if scale.unit and scale.kind == "number" else ""
    values, heights = _from_zero(found.tau_density)
    words = f"{significant(at.median)} ({found.level * 100:g}% CrI {significant(at.ci_low)} to {significant(at.ci_high)})"

    def set_axis(axes: Axes) -> None:
        axes.set_xlim(0, float(values[-1]))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
        axes.set_xlabel(f"SD of {of}{unit}")

    return _Panel("Between studies (tau)", words, values, heights, at.median, at.ci_low, at.ci_high, set_axis)


def _from_zero(density: Density) -> tuple[np.ndarray, np.ndarray]:
    """The curve of a density of positive values, from next to zero on: that of a tau may be highest there."""
    end = density.interval(DRAWN)[1]
    values = np.linspace(end / (4 * POINTS), end, POINTS)
    return values, density.pdf(values)


def _places(drawing, size: tuple[float, float]) -> list[Axes]:
    """Panels side by side in a wide drawing, below each other in a narrow one."""
    width, height = size
    beside = width > NARROW_IN[0]
    columns, lines = (2, 1) if beside else (1, 2)
    wide, high = width / columns, height / lines
    box = ((wide - 2 * SIDE_IN) / width, (high - BELOW_IN - ABOVE_IN) / height)
    corners = [(i * wide, 0.0) if beside else (0.0, (1 - i) * high) for i in range(2)]
    return [drawing.add_axes(((x + SIDE_IN) / width, (y + BELOW_IN) / height, *box)) for x, y in corners]


def _draw(axes: Axes, panel: _Panel) -> None:
    inside = (panel.values >= panel.low) & (panel.values <= panel.high)
    # The ends of the interval stand between two points of the curve.
    x = np.concatenate([[panel.low], panel.values[inside], [panel.high]])
    y = np.interp(x, panel.values, panel.heights)
    axes.fill_between(x, y, color=TREATED, alpha=0.25, linewidth=0)
    axes.plot(panel.values, panel.heights, color=TREATED, linewidth=1.2)
    axes.plot([panel.middle] * 2, [0, float(np.interp(panel.middle, panel.values, panel.heights))], color=TREATED, linewidth=1.0)
    axes.set_ylim(0, 1.06 * float(np.max(panel.heights)))
    panel.set_axis(axes)
    low, high = axes.get_xlim()
    if panel.null is not None and low < panel.null < high:
        axes.axvline(panel.null, color=MUTED, linewidth=0.8, zorder=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    room = 72 * axes.figure.get_figwidth() * axes.get_position().width
    lines = [(panel.name, True), *((line, False) for line in wrapped(panel.words, room))]
    for i, (words, bold) in enumerate(lines[:3]):
        axes.annotate(
            words, (0, 1), (0, ABOVE_IN * 72 - 16 - 12.5 * i), xycoords="axes fraction", textcoords="offset points",
            fontweight="bold" if bold else "normal", color=MUTED if bold else None,
        )  # fmt: skip
