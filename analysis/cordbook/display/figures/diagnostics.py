"""Figures that ask whether a pooled result can be trusted: funnel, Baujat, cumulative and leave-one-out, bubble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.forest_narrow import Band, Row, Scale, narrow_forest
from cordbook.display.figures.style import INK, MUTED, RULE, TREATED
from cordbook.display.figures.thinning import MOST_STUDIES, evenly_spaced, is_many, with_most_weight
from cordbook.review.estimates.phrases import percent, percent_number
from cordbook.synthesis import PooledProportion, cumulative, funnel_proportions, influence, leave_one_out, proportion_effects
from cordbook.synthesis import regress_proportions as _regress
from cordbook.synthesis.pooling.pooled_rows import PooledRow

WIDTH_IN, HEIGHT_IN = 6.4, 4.2
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
    outside = [
        label
        for label, x, y in zip(data.labels, data.x, data.y, strict=True)
        if not np.interp(y, data.limits.y, data.limits.low) <= x <= np.interp(y, data.limits.y, data.limits.high)
    ]
    with canvas(figure_id, WIDTH_IN, HEIGHT_IN) as drawing:
        axes = drawing.add_axes((0.11, 0.13, 0.86, 0.83))
        axes.fill_betweenx(data.limits.y, data.limits.low, data.limits.high, color=RULE, alpha=0.35, linewidth=0)
        for edge in (data.limits.low, data.limits.high):
            axes.plot(edge, data.limits.y, color=MUTED, linewidth=0.6)
        axes.axvline(result.estimate, color=TREATED, linewidth=1)
        # Spread over all sizes, so that the form of the funnel stays.
        drawn = sorted(evenly_spaced(sorted(range(len(n)), key=lambda i: (n[i], i)), MOST_POINTS))
        x, y = ([values[i] for i in drawn] for values in (data.x, data.y))
        axes.plot(x, y, "o", color=TREATED, markersize=5, markeredgecolor=INK, markeredgewidth=0.5)
        axes.set_yscale("log")
        sizes = [s for s in (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if min(n) <= s * 1.6 and s <= max(n) * 1.6]
        axes.set_yticks(sizes, [f"{s:,}" for s in sizes])
        axes.minorticks_off()
        axes.set_ylabel("Patients in the study (log scale)")
        _percent_axis(axes, [*data.x, result.estimate])
        share = f"{len(outside)} of {result.k} studies lie outside the grey funnel"
        alt = f"Funnel plot, {title}: {result.k} studies around a pooled share of {percent(result.estimate)}; {share}."
        caption = (
            "Each point is a study. Within the grey funnel studies differ no more than chance allows. An empty lower left corner "
            "would hint at small studies with poor results that were never published."
        )
        if len(drawn) < len(n):
            caption += f" Of {len(n):,} studies {len(drawn)}, spread over all sizes, are drawn."
        return finish(drawing, figure_id=figure_id, title=f"Funnel: {title}", caption=caption, alt=alt)


def baujat_plot(result: PooledProportion, *, title: str, figure_id: str) -> Figure:
    """How much each study adds to heterogeneity, and how much it moves the pooled result (Baujat 2002), on logits."""
    events, n, labels = _counts(result)
    effects = proportion_effects(events, n, measure="logit")
    cases = influence(effects.yi, effects.vi, labels=labels).cases
    x, y = [c.baujat_x for c in cases], [c.baujat_y or 0.0 for c in cases]
    matters = [a / max(x) + b / max(y) for a, b in zip(x, y, strict=True)]
    order = sorted(range(len(cases)), key=lambda i: -matters[i])[:NAMED_POINTS]
    drawn, _ = with_most_weight(range(len(cases)), matters, MOST_POINTS)
    with canvas(figure_id, WIDTH_IN, HEIGHT_IN) as drawing:
        axes = drawing.add_axes((0.11, 0.13, 0.84, 0.83))
        shown = ([values[i] for i in drawn] for values in (x, y))
        axes.plot(*shown, "o", color=TREATED, markersize=5, markeredgecolor=INK, markeredgewidth=0.5)
        for i in order:
            right = x[i] < 0.75 * max(x)
            axes.annotate(
                labels[i],
                (x[i], y[i]),
                (6 if right else -6, 0),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center",
            )
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("Contribution to heterogeneity")
        axes.set_ylabel("Influence on the pooled result")
        names = ", ".join(labels[i] for i in order[:3])
        alt = f"Baujat plot, {title}: the studies that matter most are {names}."
        caption = "Studies to the right differ most from the others; studies at the top move the pooled result most."
        if len(drawn) < len(cases):
            caption += f" The {len(drawn)} that matter most are drawn of {len(cases):,}."
        return finish(drawing, figure_id=figure_id, title=f"Which studies matter: {title}", caption=caption, alt=alt)


def cumulative_plot(result: PooledProportion, years: Sequence[float], *, title: str, figure_id: str) -> Figure:
    """The pooled result as each study was added, by year."""
    events, n, labels = _counts(result)
    rows = cumulative(events, n, by=years, labels=labels, model=result.model, level=result.level).rows
    alt = (
        f"Cumulative plot, {title}: after the first {rows[0].k} of {result.k} studies {percent(rows[0].estimate)}, "
        f"at the end {percent(rows[-1].estimate)} (CI {percent_number(rows[-1].ci_low)} to {percent_number(rows[-1].ci_high)})."
    )
    caption = "Each row pools all studies up to and including the one named. The last row is the result of today."
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


def leave_one_out_plot(result: PooledProportion, *, title: str, figure_id: str) -> Figure:
    """The pooled result without each study in turn."""
    events, n, labels = _counts(result)
    rows = leave_one_out(events, n, labels=labels, model=result.model, level=result.level).rows
    least, most = min(rows, key=lambda r: r.estimate), max(rows, key=lambda r: r.estimate)
    alt = (
        f"Leave-one-out plot, {title}: the pooled share runs from {percent(least.estimate)} without {least.label} to "
        f"{percent(most.estimate)} without {most.label}."
    )
    caption = "Each row pools all studies but the one named. If no row leaves the others, no single study carries the result."
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
        return finish(drawing, figure_id=figure_id, title=title, caption=caption, alt=alt, narrow=narrow)


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
    with canvas(figure_id, WIDTH_IN, HEIGHT_IN) as drawing:
        axes = drawing.add_axes((0.11, 0.13, 0.86, 0.83))
        axes.fill_between(grid, [p.ci_low for p in line], [p.ci_high for p in line], color=TREATED, alpha=0.15, linewidth=0)
        axes.plot(grid, [p.estimate for p in line], color=TREATED, linewidth=1.2)
        shares = [events[i] / n[i] for i in known]
        drawn = np.sort(np.argsort(-sizes, kind="stable")[:MOST_BUBBLES])
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
        axes.set_xlabel(name)
        first, last = line[0].estimate, line[-1].estimate
        alt = (
            f"Bubble plot, {title}, by {name.lower()}: {len(known)} studies; the fitted share goes from {percent(first)} at "
            f"{x.min():g} to {percent(last)} at {x.max():g} (p = {slope.p:.2g} for the slope)."
        )
        caption = (
            f"Each bubble is a study, its area the number of patients. The line is a meta-regression with its 95% band; p = {slope.p:.2g} "
            "for the slope. A relation between studies need not hold within them."
        )
        if len(drawn) < len(known):
            caption += f" The {len(drawn)} largest studies are drawn; the line is fitted to all {len(known):,}."
        return finish(drawing, figure_id=figure_id, title=f"{title}, by {name.lower()}", caption=caption, alt=alt)


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
