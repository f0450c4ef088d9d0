"""Funnel plots: studies by result and size, with the region where chance alone would leave them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.special import betainc

from cordbook.core.text import capital
from cordbook.display.figures.diagnostics.points import MOST_POINTS, NAMED_POINTS, POINT, drawn_twice
from cordbook.display.figures.effect_scale import EffectScale, Result
from cordbook.display.figures.figure import Figure, table_csv
from cordbook.display.figures.style import INK, MUTED, RULE, TREATED
from cordbook.display.figures.thinning import evenly_spaced
from cordbook.review.estimates.phrases import percent
from cordbook.synthesis import PooledProportion, funnel_proportions
from cordbook.synthesis.bias.funnel import Funnel, FunnelContour
from cordbook.synthesis.bias.trim_fill import FilledStudy

#: Sizes that stand beside the axis of a funnel of shares.
SIZES = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
#: Greys between the contours of a funnel of effects, from the inner to the outer one.
GREYS = (0.9, 0.45, 0.25)
#: How much further down than the least precise study a funnel of effects goes.
BELOW = 1.05


def funnel_plot(
    result: PooledProportion, *, title: str, figure_id: str, people: str = "patients", foot: tuple[str, ...] = ()
) -> Figure:
    """Share against study size, with the limits that chance alone would give around the pooled share (Hunter 2014)."""
    events, n = [s.events for s in result.studies], [s.n for s in result.studies]
    labels = [s.label for s in result.studies]
    data = funnel_proportions(events, n, centre=result.estimate, labels=labels, level=result.level)
    lows, highs = funnel_limits(np.array(data.y), data.centre, result.level)
    outside = [
        label for label, x, low, high in zip(data.labels, data.x, lows, highs, strict=True) if not low - 1e-9 <= x <= high + 1e-9
    ]
    # Spread over all sizes, so that the form of the funnel stays.
    drawn = sorted(evenly_spaced(sorted(range(len(n)), key=lambda i: (n[i], i)), MOST_POINTS))
    x, y = ([values[i] for i in drawn] for values in (data.x, data.y))

    def draw(axes: Axes) -> None:
        heights = np.geomspace(max(1.0, min(n) / 2), max(n), 60)
        low, high = funnel_limits(heights, data.centre, data.limits.level)
        axes.fill_betweenx(heights, low, high, color=RULE, alpha=0.35, linewidth=0)
        for edge in (low, high):
            axes.plot(edge.tolist(), heights.tolist(), color=MUTED, linewidth=0.6)
        axes.axvline(data.centre, color=TREATED, linewidth=1)
        axes.plot(x, y, **POINT)
        axes.set_yscale("log")
        sizes = [s for s in SIZES if min(n) <= s * 1.6 and s <= max(n) * 1.6]
        axes.set_yticks(sizes, [f"{s:,}" for s in sizes])
        axes.minorticks_off()
        axes.set_ylabel(f"{capital(people)} in the study (log scale)")
        EffectScale.of(result).set_axis(axes, [*data.x, data.centre], people=people)

    share = f"{len(outside)} of {result.k} studies lie outside the grey funnel"
    alt = f"Funnel plot, {title}: {result.k} studies around a pooled share of {percent(result.estimate)}; {share}."
    named = f" ({'; '.join(outside)})" if 0 < len(outside) <= NAMED_POINTS else ""
    caption = (
        f"{capital(share)}{named}: they differ by more than chance allows around the pooled {percent(result.estimate)}. "
        f"{_small_studies(data.x, data.y, result.estimate, people)}"
    )
    if len(drawn) < len(n):
        caption += f" Of {len(n):,} studies {len(drawn)}, spread over all sizes, are drawn."
    table = table_csv(("study", "events", "n", "share"), ((labels[i], events[i], n[i], data.x[i]) for i in drawn))
    return drawn_twice(draw, figure_id=figure_id, title=f"Funnel: {title}", caption=caption, alt=alt, data=table, foot=foot)


def effect_funnel_plot(
    result: Result, found: Funnel, *, title: str, figure_id: str, filled: Sequence[FilledStudy] = (), foot: tuple[str, ...] = ()
) -> Figure:
    """Effect against standard error, with contours of significance around no effect (Peters 2008).

    Studies that trim and fill added stand as open circles. ``foot`` are sentences under the axis, after those that are the key.
    """
    scale = EffectScale.of(result)
    se = np.array(found.y)
    drawn = sorted(evenly_spaced(sorted(range(len(se)), key=lambda i: (se[i], i)), MOST_POINTS))
    x, added = scale.of_model(found.x), scale.of_model([study.yi for study in filled])
    middle = float(scale.of_model([found.centre])[0])
    heights, low, high = _further(found.limits)
    outside = int(sum(not lo <= value <= hi for value, lo, hi in zip(found.x, *_around(found), strict=True)))

    def draw(axes: Axes) -> None:
        # As wide as the limits around the centre at the foot of the funnel, and all studies.
        scale.set_axis(axes, [*x.tolist(), *added.tolist(), *scale.of_model([low[-1], high[-1]]).tolist()], people="")
        _contours(axes, found, scale)
        for edge in (low, high):
            axes.plot(scale.of_model(edge), heights, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.axvline(middle, color=TREATED, linewidth=1)
        axes.plot(x[drawn], se[drawn], **POINT)
        if filled:
            open_circle = POINT | {"color": "none", "markeredgecolor": INK, "markeredgewidth": 0.9}
            axes.plot(added, [study.vi**0.5 for study in filled], **open_circle)
        axes.set_ylim(float(se.max()) * BELOW, 0)
        axes.set_ylabel(f"Standard error of {scale.of_errors}" if axes.figure.get_figheight() > TALL_IN else "Standard error")

    share = f"{outside} of {len(se)} studies lie outside the dashed funnel"
    alt = f"Funnel plot, {title}: {len(se)} studies around a common effect of {scale.words(middle)}; {share}."
    key = [f"Dashed: where {found.limits.level:.0%} of studies lie if they differ by chance alone around {scale.words(middle)}."]
    if found.contours:
        key.append("Grey, from the middle out: p from 0.1 to 0.05, and from 0.05 to 0.01, of a study against no effect.")
    if filled:
        key.append("Open circles: studies that trim and fill adds.")
    caption = f"{capital(share)}. {' '.join(key)}"
    if len(drawn) < len(se):
        caption += f" Of {len(se):,} studies {len(drawn)}, spread over all standard errors, are drawn."
    table = table_csv(("study", "effect", "standard_error"), ((found.labels[i], float(x[i]), float(se[i])) for i in drawn))
    return drawn_twice(
        draw, figure_id=figure_id, title=f"Funnel: {title}", caption=caption, alt=alt, data=table, foot=(*key, *foot)
    )


#: A figure as high as this has room for the whole name of its upright axis.
TALL_IN = 4.0


def _around(found: Funnel) -> tuple[np.ndarray, np.ndarray]:
    """The limits around the centre at the height of each study: they are straight lines from the centre."""
    reach = (found.limits.high[-1] - found.centre) / found.limits.y[-1]
    se = np.array(found.y)
    return found.centre - reach * se, found.centre + reach * se


def _further(contour: FunnelContour) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The heights and ends of a contour down to the foot of the drawing: its sides are straight lines from its centre."""
    low, high = (contour.centre + BELOW * (np.array(side) - contour.centre) for side in (contour.low, contour.high))
    return BELOW * np.array(contour.y), low, high


def _contours(axes: Axes, found: Funnel, scale: EffectScale) -> None:
    """Greys between neighbouring contours, on both sides of no effect."""
    for (inner, outer), grey in zip(zip(found.contours, found.contours[1:], strict=False), GREYS, strict=False):
        (heights, *near), (_, *far) = _further(inner), _further(outer)
        for edges in zip(near, far, strict=True):
            axes.fill_betweenx(heights, *map(scale.of_model, edges), color=RULE, alpha=grey, linewidth=0, zorder=0.2)
    if found.null is not None:
        axes.axvline(float(scale.of_model([found.null])[0]), color=MUTED, linewidth=0.8, zorder=0.3)


def funnel_limits(n: np.ndarray, centre: float, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Smooth limits of a funnel of proportions: binomial limits with sizes and counts taken as continuous.

    The distribution of counts is carried on between whole numbers by the incomplete beta function, so that limits have no steps,
    and whole counts lie within them just where they lie within the exact limits (DLMF 8.17.5).

    >>> low, high = funnel_limits(np.array([100.0]), 0.3, 0.95)
    >>> bool(0.20 < low[0] <= 0.21), bool(0.39 <= high[0] < 0.40)
    (True, True)
    """
    if not 0 < centre < 1:
        return np.full(n.shape, centre), np.full(n.shape, centre)
    tail = (1 - level) / 2
    # The count r of n with P(X <= r) = tail, and likewise above: the next count is the first outside.
    low, high = _count_at(tail, n, centre), _count_at(1 - tail, n, centre) + 1
    return np.clip(low, 0, None) / n, np.minimum(high, n) / n


def _count_at(probability: float, n: np.ndarray, centre: float) -> np.ndarray:
    """The count, whole or not, up to which a binomial variable has a probability; by halving, in steps of no weight."""
    low, high = np.full(n.shape, -1.0), n.astype(float)
    for _ in range(60):
        middle = (low + high) / 2
        below = betainc(np.maximum(n - middle, 1e-12), middle + 1, 1 - centre) < probability
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _small_studies(shares: Sequence[float], sizes: Sequence[float], centre: float, people: str) -> str:
    """On which side of the pooled share the smaller half of the studies lies."""
    middle = float(np.median(sizes))
    small = [share for share, size in zip(shares, sizes, strict=True) if size <= middle]
    below = sum(share < centre for share in small)
    return (
        f"Of the {len(small)} smaller studies, with up to {middle:g} {people}, {below} lie below the pooled share and "
        f"{sum(share > centre for share in small)} above it."
    )
