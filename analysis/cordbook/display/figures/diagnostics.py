"""Figures that ask whether a pooled result can be trusted: funnel, Baujat, cumulative and leave-one-out, bubble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy.special import betainc

from cordbook.core.text import capital
from cordbook.display.figures.axes import place_names
from cordbook.display.figures.figure import Figure, canvas, finish, small, table_csv
from cordbook.display.figures.forest_narrow import Band, Row, Scale, narrow_forest
from cordbook.display.figures.style import INK, MUTED, RULE, TREATED
from cordbook.display.figures.thinning import MOST_STUDIES, evenly_spaced, is_many, with_most_weight
from cordbook.review.estimates.phrases import percent, percent_number
from cordbook.synthesis import PooledProportion, cumulative, funnel_proportions, influence, leave_one_out, proportion_effects
from cordbook.synthesis import regress_proportions as _regress
from cordbook.synthesis.pooling.pooled_rows import PooledRow

WIDTH_IN, HEIGHT_IN = 6.4, 4.2
#: The same for narrow screens, where its letters are as large.
SMALL_IN = (3.1, 3.4)
#: Room for the words of the axes, in inches: left and below; right and above.
AXES_IN, FREE_IN = (0.62, 0.5), (0.18, 0.16)
ROW_IN = 0.225
#: Bubbles of a figure; beyond them those of small studies hide each other.
MOST_BUBBLES = 150
#: Points of a figure; each takes about two hundred bytes of its page.
MOST_POINTS = 300
#: Names of points are written only where they do not pile up: this many at most.
NAMED_POINTS = 4
#: Squares of a narrow drawing whose rows have no weight, from 0 to 1.
SQUARE = 0.12


def _counts(result: PooledProportion) -> tuple[list[int], list[int], list[str]]:
    return [s.events for s in result.studies], [s.n for s in result.studies], [s.label for s in result.studies]


def funnel_plot(result: PooledProportion, *, title: str, figure_id: str) -> Figure:
    """Share against study size, with the limits that chance alone would give around the pooled share (Hunter 2014)."""
    events, n, labels = _counts(result)
    data = funnel_proportions(events, n, centre=result.estimate, labels=labels, level=result.level)
    lows, highs = funnel_limits(np.array(data.y), data.centre, result.level)
    outside = [
        label for label, x, low, high in zip(data.labels, data.x, lows, highs, strict=True) if not low - 1e-9 <= x <= high + 1e-9
    ]
    # Spread over all sizes, so that the form of the funnel stays.
    drawn = sorted(evenly_spaced(sorted(range(len(n)), key=lambda i: (n[i], i)), MOST_POINTS))
    x, y = ([values[i] for i in drawn] for values in (data.x, data.y))

    def draw(axes: Axes) -> None:
        heights = np.geomspace(1, max(n), 60)
        low, high = funnel_limits(heights, data.centre, data.limits.level)
        axes.fill_betweenx(heights, low, high, color=RULE, alpha=0.35, linewidth=0)
        for edge in (low, high):
            axes.plot(edge.tolist(), heights.tolist(), color=MUTED, linewidth=0.6)
        axes.axvline(data.centre, color=TREATED, linewidth=1)
        axes.plot(x, y, "o", color=TREATED, markersize=5, markeredgecolor=INK, markeredgewidth=0.5)
        axes.set_yscale("log")
        sizes = [s for s in (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if min(n) <= s * 1.6 and s <= max(n) * 1.6]
        axes.set_yticks(sizes, [f"{s:,}" for s in sizes])
        axes.minorticks_off()
        axes.set_ylabel("Patients in the study (log scale)")
        _percent_axis(axes, [*data.x, data.centre])

    share = f"{len(outside)} of {result.k} studies lie outside the grey funnel"
    alt = f"Funnel plot, {title}: {result.k} studies around a pooled share of {percent(result.estimate)}; {share}."
    named = f" ({'; '.join(outside)})" if 0 < len(outside) <= NAMED_POINTS else ""
    caption = (
        f"{capital(share)}{named}: they differ by more than chance allows around the pooled {percent(result.estimate)}. "
        f"{_small_studies(data.x, data.y, result.estimate)}"
    )
    if len(drawn) < len(n):
        caption += f" Of {len(n):,} studies {len(drawn)}, spread over all sizes, are drawn."
    table = table_csv(("study", "events", "n", "share"), ((labels[i], events[i], n[i], data.x[i]) for i in drawn))
    return drawn_twice(draw, figure_id=figure_id, title=f"Funnel: {title}", caption=caption, alt=alt, data=table)


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


def _small_studies(shares: Sequence[float], sizes: Sequence[float], centre: float) -> str:
    """On which side of the pooled share the smaller half of the studies lies."""
    middle = float(np.median(sizes))
    small = [share for share, size in zip(shares, sizes, strict=True) if size <= middle]
    below = sum(share < centre for share in small)
    return (
        f"Of the {len(small)} smaller studies, with up to {middle:g} patients, {below} lie below the pooled share and "
        f"{sum(share > centre for share in small)} above it."
    )


def drawn_twice(draw: Callable[[Axes], None], *, figure_id: str, title: str, caption: str, alt: str, data: str = "") -> Figure:
    """A figure of one plot, drawn wide, and again for narrow screens with letters as large."""
    shown = []
    for name, (width, height) in ((figure_id, (WIDTH_IN, HEIGHT_IN)), (f"{figure_id}.s", SMALL_IN)):
        with canvas(name, width, height) as drawing:
            left, below = AXES_IN[0] / width, AXES_IN[1] / height
            axes = drawing.add_axes((left, below, 1 - left - FREE_IN[0] / width, 1 - below - FREE_IN[1] / height))
            draw(axes)
            shown.append(finish(drawing, figure_id=name, title=title, caption=caption, alt=alt, data=data))
    wide, narrow = shown
    return replace(wide, narrow=small(narrow))


def baujat_plot(result: PooledProportion, *, title: str, figure_id: str) -> Figure:
    """How much each study adds to heterogeneity, and how much it moves the pooled result (Baujat 2002), on logits."""
    events, n, labels = _counts(result)
    effects = proportion_effects(events, n, measure="logit")
    cases = influence(effects.yi, effects.vi, labels=labels).cases
    x, y = [c.baujat_x for c in cases], [c.baujat_y or 0.0 for c in cases]
    matters = [a / max(x) + b / max(y) for a, b in zip(x, y, strict=True)]
    order = sorted(range(len(cases)), key=lambda i: -matters[i])[:NAMED_POINTS]
    drawn, _ = with_most_weight(range(len(cases)), matters, MOST_POINTS)

    def draw(axes: Axes) -> None:
        axes.plot(
            [x[i] for i in drawn],
            [y[i] for i in drawn],
            "o",
            color=TREATED,
            markersize=5,
            markeredgecolor=INK,
            markeredgewidth=0.5,
        )
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("Contribution to heterogeneity")
        axes.set_ylabel("Influence on the pooled result")
        _name_points(axes, [(labels[i], x[i], y[i]) for i in order], [(x[i], y[i]) for i in drawn])

    first, second = labels[max(range(len(y)), key=y.__getitem__)], labels[max(range(len(x)), key=x.__getitem__)]
    names = ", ".join(labels[i] for i in order[:3])
    alt = f"Baujat plot, {title}: the studies that matter most are {names}."
    caption = (
        f"{first} moves the pooled result most and differs most from the others."
        if first == second
        else f"{first} moves the pooled result most (height); {second} differs most from the others (to the right)."
    )
    caption += (
        " By a model of logits with a correction for empty counts, which may name others than leaving out a study above does."
    )
    if len(drawn) < len(cases):
        caption += f" The {len(drawn)} that matter most are drawn of {len(cases):,}."
    table = table_csv(("study", "contribution_to_heterogeneity", "influence"), ((labels[i], x[i], y[i]) for i in drawn))
    return drawn_twice(draw, figure_id=figure_id, title=f"Which studies matter: {title}", caption=caption, alt=alt, data=table)


def _name_points(axes: Axes, named: Sequence[tuple[str, float, float]], drawn: Sequence[tuple[float, float]]) -> None:
    """Write the names of points where they meet no other name and no point; one without room is left out."""
    figure, box = axes.figure, axes.get_position()
    width, height = figure.get_figwidth() * 72, figure.get_figheight() * 72
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()

    left, below = box.x0 * width, box.y0 * height

    def at(x: float, y: float) -> tuple[float, float]:
        return box.width * width * (x - x0) / (x1 - x0), box.height * height * (y - y0) / (y1 - y0)

    # Beside the plot stand the words of the axis: names go no further left and no further down, but right up to the edge.
    room = (width - left, height - below)
    places = place_names([name for name, _, _ in named], [at(x, y) for _, x, y in named], [at(x, y) for x, y in drawn], room)
    for (name, _, _), place in zip(named, places, strict=True):
        if place is not None:
            x, y, way = place
            figure.text((left + x) / width, (below + y) / height, name, ha=way, va="center_baseline")


def cumulative_plot(result: PooledProportion, years: Sequence[float], *, title: str, figure_id: str) -> Figure:
    """The pooled result as each study was added, by year."""
    events, n, labels = _counts(result)
    rows = cumulative(events, n, by=years, labels=labels, model=result.model, average=result.average, level=result.level).rows
    alt = (
        f"Cumulative plot, {title}: after the first {rows[0].k} of {result.k} studies {percent(rows[0].estimate)}, "
        f"at the end {percent(rows[-1].estimate)} (CI {percent_number(rows[-1].ci_low)} to {percent_number(rows[-1].ci_high)})."
    )
    caption = (
        f"{percent(rows[0].estimate)} after the first {_studies(rows[0].k)}, {percent(rows[len(rows) // 2].estimate)} after "
        f"{rows[len(rows) // 2].k}, {percent(rows[-1].estimate)} today. Each row adds the study named."
    )
    if is_many(len(rows)):
        caption += f" Of {len(rows):,} steps, {MOST_STUDIES} evenly spaced ones are drawn."
    return _row_plot(
        evenly_spaced(rows),
        result,
        title=f"How the result grew: {title}",
        caption=caption,
        alt=alt,
        figure_id=figure_id,
        sign="+ ",
    )


def _studies(k: int) -> str:
    return "study" if k == 1 else f"{k} studies"


def leave_one_out_plot(result: PooledProportion, *, title: str, figure_id: str) -> Figure:
    """The pooled result without each study in turn."""
    events, n, labels = _counts(result)
    rows = leave_one_out(events, n, labels=labels, model=result.model, average=result.average, level=result.level).rows
    least, most = min(rows, key=lambda r: r.estimate), max(rows, key=lambda r: r.estimate)
    alt = (
        f"Leave-one-out plot, {title}: the pooled share runs from {percent(least.estimate)} without {least.label} to "
        f"{percent(most.estimate)} without {most.label}."
    )
    caption = (
        f"The pooled share stays between {percent(least.estimate)}, without {least.label}, and {percent(most.estimate)}, without "
        f"{most.label}. Each row leaves out the study named."
    )
    drawn, others = with_most_weight(rows, [abs(row.estimate - result.estimate) for row in rows])
    if others:
        caption += f" The {len(drawn)} studies that move the result most are drawn; without any of the other {len(others):,} it moves less."
    return _row_plot(drawn, result, title=f"Without one study: {title}", caption=caption, alt=alt, figure_id=figure_id, sign="− ")


def _row_plot(
    rows: Sequence[PooledRow], result: PooledProportion, *, title: str, caption: str, alt: str, figure_id: str, sign: str
) -> Figure:
    height = ROW_IN * (len(rows) + 3.2)
    with canvas(figure_id, WIDTH_IN, height) as drawing:
        axes = drawing.add_axes((0.30, ROW_IN * 2 / height, 0.43, 1 - ROW_IN * 2.4 / height))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.axvspan(result.ci_low, result.ci_high, color=TREATED, alpha=0.12, linewidth=0)
        axes.axvline(result.estimate, color=TREATED, linewidth=0.8, linestyle=(0, (2, 3)))
        _percent_axis(axes, [r.estimate for r in rows] + [min(r.ci_high, 3 * result.ci_high) for r in rows])
        end = axes.get_xlim()[1]
        shown = []
        for y, row in enumerate(rows):
            axes.plot([row.ci_low, min(row.ci_high, end)], [y, y], color=INK, linewidth=0.8, solid_capstyle="butt")
            axes.plot([row.estimate], [y], "s", color=TREATED, markersize=4, markeredgewidth=0, clip_on=False)
            axes.text(-0.69, y, f"{sign}{row.label}", transform=axes.get_yaxis_transform(), va="center_baseline", clip_on=False)
            text = f"{percent_number(row.estimate)} ({percent_number(row.ci_low)} to {percent_number(row.ci_high)})"
            axes.text(1.60, y, text, transform=axes.get_yaxis_transform(), va="center_baseline", ha="right", clip_on=False)
            shown.append(Row("study", f"{sign}{row.label}", text, "", row.ci_low, row.estimate, row.ci_high, SQUARE))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        heads = ("Study", f"% ({result.level:.0%} CI)", "")
        whole = Band(result.ci_low, result.estimate, result.ci_high, 0, len(rows) - 1)
        narrow = narrow_forest(shown, Scale.of(axes), heads=heads, results=[whole], pooled=result.estimate)
        table = table_csv(
            ("study", "estimate", "low", "high"), ((f"{sign}{r.label}", r.estimate, r.ci_low, r.ci_high) for r in rows)
        )
        return finish(drawing, figure_id=figure_id, title=title, caption=caption, alt=alt, narrow=narrow, data=table)


def bubble_plot(result: PooledProportion, moderator: Sequence[float], *, name: str, title: str, figure_id: str) -> Figure:
    """Share against a moderator with the line of a mixed-model meta-regression; bubbles sized by study."""
    events, n, labels = _counts(result)
    known = [i for i, value in enumerate(moderator) if value is not None and np.isfinite(value)]
    x = np.array([moderator[i] for i in known], dtype=float)
    fit = _regress([events[i] for i in known], [n[i] for i in known], {name: x}, labels=[labels[i] for i in known])
    grid = np.linspace(x.min(), x.max(), 60)
    line = fit.predict_proportion({name: grid})
    sizes = np.array([n[i] for i in known], dtype=float)
    slope = fit.coefficient(name)
    shares = [events[i] / n[i] for i in known]
    drawn = np.sort(np.argsort(-sizes, kind="stable")[:MOST_BUBBLES])

    def draw(axes: Axes) -> None:
        axes.fill_between(grid, [p.ci_low for p in line], [p.ci_high for p in line], color=TREATED, alpha=0.15, linewidth=0)
        axes.plot(grid, [p.estimate for p in line], color=TREATED, linewidth=1.2)
        axes.scatter(
            x[drawn],
            np.array(shares)[drawn],
            s=(12 + 160 * sizes / sizes.max())[drawn],
            color=TREATED,
            alpha=0.55,
            edgecolor=INK,
            linewidth=0.5,
            zorder=3,
        )
        _percent_axis(axes, [*shares, 0.0], vertical=True)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=int(axes.figure.get_figwidth() * 1.3), steps=[1, 2, 5, 10]))
        axes.set_xlabel(name)

    first, last = line[0].estimate, line[-1].estimate
    goes = f"the fitted share goes from {percent(first)} at {x.min():g} to {percent(last)} at {x.max():g}"
    alt = f"Bubble plot, {title}, by {name.lower()}: {len(known)} studies; {goes} (p = {slope.p:.2g} for the slope)."
    caption = (
        f"{capital(goes)}; p = {slope.p:.2g} for the slope. Larger bubbles have more patients; the band is the 95% confidence "
        "interval of the line. A relation between studies need not hold within them."
    )
    if len(drawn) < len(known):
        caption += f" The {len(drawn)} largest studies are drawn; the line is fitted to all {len(known):,}."
    table = table_csv(
        ("study", name, "events", "n", "share"),
        ((labels[i], float(v), events[i], n[i], share) for i, v, share in ((known[j], x[j], shares[j]) for j in drawn)),
    )
    return drawn_twice(draw, figure_id=figure_id, title=f"{title}, by {name.lower()}", caption=caption, alt=alt, data=table)


def _percent_axis(axes: Axes, values: Sequence[float], *, vertical: bool = False) -> None:
    need = 100 * max(values)
    end = next((e for e in (2, 5, 10, 20, 40, 60, 80, 100) if e >= need * 1.02), 100) / 100
    ticks = [end * i / 4 for i in range(5)]
    names = [f"{100 * t:g}" for t in ticks]
    if vertical:
        axes.set_ylim(-0.02 * end, 1.03 * end)
        axes.set_yticks(ticks, names)
        axes.set_ylabel("Percent of patients")
    else:
        axes.set_xlim(-0.01 * end, 1.02 * end)
        axes.set_xticks(ticks, names)
        axes.set_xlabel("Percent of patients")


__all__ = ["baujat_plot", "bubble_plot", "cumulative_plot", "funnel_plot", "leave_one_out_plot"]
