"""The bubble plot: results of studies against a moderator, with the line of a meta-regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cordbook.core.text import capital
from cordbook.display.figures.diagnostics.points import MOST_BUBBLES, drawn_twice
from cordbook.display.figures.effect_scale import EffectScale, Result
from cordbook.display.figures.figure import Figure, table_csv
from cordbook.display.figures.style import INK, MUTED, TREATED
from cordbook.synthesis import MetaRegression, PooledProportion, regress_proportions

#: The area of the smallest and of the largest bubble, in square points.
AREA = (12, 160)


def bubble_plot(
    result: Result,
    moderator: Sequence[float],
    *,
    name: str,
    title: str,
    figure_id: str,
    found: MetaRegression | None = None,
    people: str = "patients",
    foot: tuple[str, ...] = (),
) -> Figure:
    """Results against a moderator with the line of a mixed-model meta-regression; bubbles sized by study.

    ``moderator`` has a value for each study that the regression was fitted to, or none. ``found`` is the regression where it was
    fitted before; a pooled share may leave it to be fitted here, to the studies with a value. ``foot`` are sentences under the axis.
    """
    scale = EffectScale.of(result)
    studies = list(result.studies) if isinstance(result, PooledProportion) else []
    if found is None:
        known = [i for i, value in enumerate(moderator) if value is not None and np.isfinite(value)]
        studies = [studies[i] for i in known]
        found = regress_proportions(
            [s.events for s in studies],
            [s.n for s in studies],
            {name: [float(moderator[i]) for i in known]},
            labels=[s.label for s in studies],
        )
    bubbles = found.bubbles(name, points=60)
    x, grid = np.array(bubbles.x), np.array(bubbles.grid)
    if studies:
        line = found.predict_proportion({name: grid})
        y, sizes = np.array([s.events / s.n for s in studies]), np.array([s.n for s in studies], dtype=float)
        middle, low, high = (np.array([getattr(p, field) for p in line]) for field in ("estimate", "ci_low", "ci_high"))
    else:
        y, sizes = scale.of_model(bubbles.y), np.array(bubbles.weight)
        middle, low, high = (
            scale.of_model([getattr(p, field) for p in bubbles.line]) for field in ("estimate", "ci_low", "ci_high")
        )
    slope = found.coefficient(name)
    drawn = np.sort(np.argsort(-sizes, kind="stable")[:MOST_BUBBLES])

    def draw(axes: Axes) -> None:
        axes.fill_between(grid, low, high, color=TREATED, alpha=0.15, linewidth=0)
        axes.plot(grid, middle, color=TREATED, linewidth=1.2)
        areas = (AREA[0] + AREA[1] * sizes / sizes.max())[drawn]
        axes.scatter(x[drawn], y[drawn], s=areas, color=TREATED, alpha=0.55, edgecolor=INK, linewidth=0.5, zorder=3)
        if scale.null is not None:
            axes.axhline(scale.null, color=MUTED, linewidth=0.8, zorder=0)
        if scale.kind == "share":
            scale.set_axis(axes, [*y.tolist(), 0.0], people=people, vertical=True)
        else:
            scale.set_axis(axes, [*y.tolist(), *middle.tolist()], [*low.tolist(), *high.tolist()], people=people, vertical=True)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=int(axes.figure.get_figwidth() * 1.3), steps=[1, 2, 5, 10]))
        axes.set_xlabel(name)

    fitted = "the fitted share" if scale.kind == "share" else f"the fitted {scale.name}"
    goes = f"{fitted} goes from {scale.words(middle[0])} at {x.min():g} to {scale.words(middle[-1])} at {x.max():g}"
    k = len(x)
    alt = f"Bubble plot, {title}, by {name.lower()}: {k} studies; {goes} (p = {slope.p:.2g} for the slope)."
    more = f"have more {people}" if studies else "weigh more"
    caption = (
        f"{capital(goes)}; p = {slope.p:.2g} for the slope. Larger bubbles {more}; the band is the {found.level * 100:g}% confidence "
        "interval of the line. A relation between studies need not hold within them."
    )
    if len(drawn) < k:
        caption += f" The {len(drawn)} largest studies are drawn; the line is fitted to all {k:,}."
    labels = bubbles.labels
    if studies:
        table = table_csv(
            ("study", name, "events", "n", "share"),
            ((labels[j], float(x[j]), studies[j].events, studies[j].n, float(y[j])) for j in drawn),
        )
    else:
        table = table_csv(
            ("study", name, "effect", "weight_percent"),
            ((labels[j], float(x[j]), float(y[j]), float(sizes[j])) for j in drawn),
        )
    return drawn_twice(
        draw, figure_id=figure_id, title=f"{title}, by {name.lower()}", caption=caption, alt=alt, data=table, foot=foot
    )
