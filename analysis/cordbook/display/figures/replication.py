"""Published meta-analyses and ours, question by question on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.forest_narrow import Row, Scale, narrow_forest
from cordbook.display.figures.style import INK, MUTED, TREATED
from cordbook.review.appraisal.replication import Replication
from cordbook.review.estimates.phrases import percent, phrase, ratio

WIDTH_IN, ROW_IN = 6.4, 0.27
#: Ends of the columns as shares of the width.
LABEL_X, PLOT_LEFT, PLOT_RIGHT, TEXT_X = 0.0, 0.40, 0.74, 1.0
RATIO_LIMITS, RATIO_TICKS = (0.2, 12_000), (1, 10, 100, 1000, 10_000)
#: Upper ends for the axis of shares, in percent: the first that holds all estimates is taken; longer intervals get an arrow.
PERCENT_ENDS = (5, 10, 25, 50, 100)


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    estimate: float | None
    low: float | None
    high: float | None
    text: str
    kind: str  # question, published, ours


def replication_plot(pairs: Sequence[Replication], *, figure_id: str, title: str) -> Figure:
    """Theirs (open squares) and ours (filled diamonds) by question; all of one kind of measure, shares or ratios."""
    if not pairs:
        raise ValueError("no question to draw")
    shares = {p.measure == "proportion" for p in pairs}
    if len(shares) > 1:
        raise ValueError("shares and ratios have no common scale: draw them in two figures")
    as_share = shares.pop()
    rows = [row for pair in pairs for row in _rows(pair)]
    height = ROW_IN * (len(rows) + 2.6)
    with canvas(figure_id, WIDTH_IN, height) as drawing:
        axes = drawing.add_axes((PLOT_LEFT, ROW_IN * 2 / height, PLOT_RIGHT - PLOT_LEFT, 1 - ROW_IN * 2.4 / height))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        _axis(axes, as_share, max(row.estimate or 0.0 for row in rows))
        for y, row in enumerate(rows):
            _draw(axes, row, y)
        return finish(
            drawing, figure_id=figure_id, title=title,
            caption="Open squares: published. Filled diamonds: ours, on today's data. Lines are 95% intervals; a published "
            "estimate without a line has no interval on file, and an arrow means that the line goes on.",
            alt=describe(pairs), narrow=_narrow(rows, Scale.of(axes), as_share),
        )  # fmt: skip


def _narrow(rows: Sequence[_Row], scale: Scale, as_share: bool) -> str:
    """The same rows for a phone."""
    shown = [
        Row("bare", row.label)
        if row.kind == "question"
        else Row(row.kind, row.label, row.text, "", row.low, row.estimate, row.high, 0.3)
        for row in rows
    ]
    heads = ("Question", "% (95% CI)" if as_share else "ratio (95% CI)", "")
    return narrow_forest(shown, scale, heads=heads, null=None if as_share else 1.0)


def _rows(pair: Replication) -> list[_Row]:
    head = _Row(pair.question, None, None, None, "", "question")
    theirs = [_Row(f"{p.label} ({p.id})", p.estimate, p.ci_low, p.ci_high, p.describe(), "published") for p in pair.published]
    rows = [head, *theirs]
    result = pair.ours.result
    if result is None:
        return [*rows, _Row("ours", None, None, None, "cannot be pooled", "ours")]
    show = percent if pair.measure == "proportion" else ratio
    text = f"{show(result.estimate)} ({show(result.ci_low)} to {show(result.ci_high)})"
    return [*rows, _Row(f"ours ({phrase(pair.ours, 'studies')})", result.estimate, result.ci_low, result.ci_high, text, "ours")]


def _axis(axes: Axes, as_share: bool, largest: float) -> None:
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if as_share:
        end = next(e for e in PERCENT_ENDS if e >= min(110 * largest, 100)) / 100
        axes.set_xlim(0, end)
        ticks = [end * i / 5 for i in range(6)]
        axes.set_xticks(ticks, [f"{100 * t:g}" for t in ticks])
        axes.set_xlabel("Percent of people")
        return
    axes.set_xscale("log")
    axes.set_xlim(*RATIO_LIMITS)
    axes.minorticks_off()
    axes.set_xticks(RATIO_TICKS, [f"{t:,g}" for t in RATIO_TICKS])
    axes.set_xlabel("Ratio, log scale; above 1 favours cells")


def _draw(axes: Axes, row: _Row, y: int) -> None:
    at = axes.get_yaxis_transform()
    width = PLOT_RIGHT - PLOT_LEFT
    label_x, text_x = (LABEL_X - PLOT_LEFT) / width, (TEXT_X - PLOT_LEFT) / width
    bold = "bold" if row.kind == "question" else "normal"
    label = row.label.strip()
    axes.text(
        label_x + (0.05 if row.kind != "question" else 0),
        y,
        label,
        transform=at,
        ha="left",
        va="center_baseline",
        fontweight=bold,
        color=INK,
        clip_on=False,
    )
    if row.kind == "question":
        return
    axes.text(
        text_x,
        y,
        row.text,
        transform=at,
        ha="right",
        va="center_baseline",
        color=INK if row.kind == "ours" else MUTED,
        clip_on=False,
    )
    if axes.get_xscale() == "log":  # one, where both are the same; it does not cross the words of a question
        axes.plot([1, 1], [y - 0.5, y + 0.5], color=MUTED, linewidth=0.8, zorder=0)
    if row.estimate is None:
        return
    start, end = axes.get_xlim()
    colour = TREATED if row.kind == "ours" else INK
    if row.low is not None and row.high is not None:
        low, high = max(row.low, start), min(row.high, end)
        axes.plot([low, high], [y, y], color=colour, linewidth=1.1, solid_capstyle="butt", zorder=2)
        for limit, beyond, marker in ((high, row.high > end, 5), (low, row.low < start, 4)):
            if beyond:
                axes.plot([limit], [y], marker=marker, color=colour, markersize=4, clip_on=False)
    if start <= row.estimate <= end and math.isfinite(row.estimate):
        if row.kind == "ours":
            axes.plot([row.estimate], [y], marker="D", markersize=5, color=TREATED, markeredgewidth=0, zorder=3, clip_on=False)
        else:
            axes.plot(
                [row.estimate],
                [y],
                marker="s",
                markersize=5,
                markerfacecolor="none",
                markeredgecolor=INK,
                markeredgewidth=1.1,
                zorder=3,
                clip_on=False,
            )


def describe(pairs: Sequence[Replication]) -> str:
    """Theirs and ours in sentences."""
    parts = []
    for pair in pairs:
        theirs = "; ".join(f"{p.label} {p.describe()}" for p in pair.published)
        parts.append(f"{pair.question}: published {theirs}; ours {phrase(pair.ours)}.")
    return "Published and own pooled estimates. " + " ".join(parts)
