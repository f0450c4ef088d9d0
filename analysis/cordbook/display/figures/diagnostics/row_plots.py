"""Rows of pooled results: without each study in turn, and as studies came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from matplotlib.axes import Axes

from cordbook.display.figures.axes import text_width, wrapped
from cordbook.display.figures.diagnostics.points import WIDTH_IN
from cordbook.display.figures.effect_scale import EffectScale, Result
from cordbook.display.figures.figure import Figure, canvas, finish, table_csv
from cordbook.display.figures.forest_narrow import Band, Row, Scale, narrow_forest
from cordbook.display.figures.style import INK, MUTED, TREATED
from cordbook.display.figures.thinning import MOST_STUDIES, evenly_spaced, is_many, with_most_weight
from cordbook.synthesis import PooledProportion, cumulative, leave_one_out
from cordbook.synthesis.sensitivity.cumulative import Cumulative
from cordbook.synthesis.sensitivity.leave_one_out import LeaveOneOut

#: Heights in points: a row, every further line of its name, the head, and the axis with its words.
ROW, LINE, HEAD, AXIS = 16.2, 11.6, 20.0, 40.0
#: Room between columns, and what stays free at both ends, where other fonts may be wider than ours.
GAP, EDGE = 12.0, 3.0
#: No name takes more of the width than this; a longer one goes on in the next line.
LONGEST_NAME = 170.0
#: Squares of a narrow drawing whose rows have no weight, from 0 to 1.
SQUARE = 0.12


def cumulative_plot(
    result: Result,
    years: Sequence[float] | None = None,
    *,
    title: str,
    figure_id: str,
    found: Cumulative | None = None,
    people: str = "patients",
) -> Figure:
    """The pooled result as each study was added, by year.

    ``found`` are the rows where they were computed before, on the scale of the result; a pooled share may leave them to be computed here.
    """
    scale = EffectScale.of(result)
    rows = (_as_they_came(result, years) if found is None else found).rows
    first, last = rows[0], rows[-1]
    alt = (
        f"Cumulative plot, {title}: after the first {first.k} of {last.k} studies {scale.words(first.estimate)}, "
        f"at the end {scale.words(last.estimate)} (CI {scale.text(last.ci_low)} to {scale.text(last.ci_high)})."
    )
    caption = (
        f"{scale.words(first.estimate)} after the first {_studies(first.k)}, {scale.words(rows[len(rows) // 2].estimate)} after "
        f"{rows[len(rows) // 2].k}, {scale.words(last.estimate)} today. Each row adds the study named."
    )
    if is_many(len(rows)):
        caption += f" Of {len(rows):,} steps, {MOST_STUDIES} evenly spaced ones are drawn."
    words = {"title": f"How the result grew: {title}", "caption": caption, "alt": alt, "figure_id": figure_id}
    return row_figure(
        evenly_spaced(rows), scale, result.level, whole=result, sign="+ ", head="Study that came in", people=people, **words
    )


def _as_they_came(result: Result, years: Sequence[float] | None) -> Cumulative:
    events, n, labels, way = _of_share(result)
    return cumulative(events, n, by=years, labels=labels, **way)


def _of_share(result: Result) -> tuple[list[int], list[int], list[str], dict[str, object]]:
    assert isinstance(result, PooledProportion), "what is not a pooled share has its rows computed before"
    way = {"model": result.model, "average": result.average, "level": result.level}
    return [s.events for s in result.studies], [s.n for s in result.studies], [s.label for s in result.studies], way


def _studies(k: int) -> str:
    return "study" if k == 1 else f"{k} studies"


def leave_one_out_plot(
    result: Result, *, title: str, figure_id: str, found: LeaveOneOut | None = None, people: str = "patients"
) -> Figure:
    """The pooled result without each study in turn; ``found`` as in :func:`cumulative_plot`."""
    scale = EffectScale.of(result)
    if found is None:
        events, n, labels, way = _of_share(result)
        found = leave_one_out(events, n, labels=labels, **way)
    rows, least, most = found.rows, found.lowest, found.highest
    alt = (
        f"Leave-one-out plot, {title}: the pooled {scale.name} runs from {scale.words(least.estimate)} without {least.label} to "
        f"{scale.words(most.estimate)} without {most.label}."
    )
    caption = (
        f"The pooled {scale.name} stays between {scale.words(least.estimate)}, without {least.label}, and "
        f"{scale.words(most.estimate)}, without {most.label}. Each row leaves out the study named."
    )
    drawn, others = with_most_weight(rows, [abs(row.estimate - found.full.estimate) for row in rows])
    if others:
        caption += f" The {len(drawn)} studies that move the result most are drawn; without any of the other {len(others):,} it moves less."
    words = {"title": f"Without one study: {title}", "caption": caption, "alt": alt, "figure_id": figure_id}
    return row_figure(drawn, scale, result.level, whole=result, sign="− ", head="Study left out", people=people, **words)


class DrawnRow(Protocol):
    """What is drawn of a row: its name, its value and the limits of its interval, on the scale that is drawn."""

    @property
    def label(self) -> str: ...
    @property
    def estimate(self) -> float: ...
    @property
    def ci_low(self) -> float: ...
    @property
    def ci_high(self) -> float: ...


def row_figure(
    rows: Sequence[DrawnRow],
    scale: EffectScale,
    level: float,
    *,
    whole: Result | None = None,
    title: str,
    caption: str,
    alt: str,
    figure_id: str,
    sign: str,
    head: str,
    people: str,
) -> Figure:
    """Rows with their intervals, each named after ``sign``; ``whole`` is the pooled result that they belong to, drawn behind them."""
    width = 72 * WIDTH_IN
    names = [wrapped(f"{sign}{row.label}", LONGEST_NAME) for row in rows]
    values = [f"{scale.text(row.estimate)} ({scale.text(row.ci_low)} to {scale.text(row.ci_high)})" for row in rows]
    heads = _heads(scale, level, head)
    left = (
        max(text_width(words, bold=words == heads[0]) for words in (heads[0], *(line for name in names for line in name))) + EDGE
    )
    right = max(text_width(words, bold=words == heads[1]) for words in (heads[1], *values)) + EDGE
    tops = [0.0]
    for name in names:
        tops.append(tops[-1] + ROW + LINE * (len(name) - 1))
    height = HEAD + tops[-1] + AXIS
    with canvas(figure_id, WIDTH_IN, height / 72) as drawing:
        axes = drawing.add_axes(
            ((left + GAP) / width, AXIS / height, (width - left - right - 2 * GAP) / width, tops[-1] / height)
        )
        axes.set_ylim(tops[-1], 0)
        if whole is not None:
            axes.axvspan(whole.ci_low, whole.ci_high, color=TREATED, alpha=0.12, linewidth=0)
            axes.axvline(whole.estimate, color=TREATED, linewidth=0.8, linestyle=(0, (2, 3)))
        # Rows without a result that they belong to are their intervals: the axis holds them all.
        seen, limits = [r.estimate for r in rows], _limits(rows, whole, scale)
        scale.set_axis(axes, seen if whole is not None else [*seen, *limits], limits, people=people)
        if scale.null is not None:
            axes.axvline(scale.null, color=MUTED, linewidth=0.8, zorder=0)
        shown = []
        for row, name, value, top in zip(rows, names, values, tops, strict=False):
            y = top + ROW / 2
            _interval(axes, row, y)
            for i, line in enumerate(name):
                _text(drawing, 0.5, height - HEAD - y - LINE * i - 3.2, line, width, height)
            _text(drawing, width - EDGE, height - HEAD - y - 3.2, value, width, height, ha="right")
            shown.append(Row("study", f"{sign}{row.label}", value, "", row.ci_low, row.estimate, row.ci_high, SQUARE))
        for x, ha, words in ((0.5, "left", heads[0]), (width - EDGE, "right", heads[1])):
            _text(drawing, x, height - HEAD + 5, words, width, height, ha=ha, fontweight="bold", color=MUTED)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        bands = [] if whole is None else [Band(whole.ci_low, whole.estimate, whole.ci_high, 0, len(rows) - 1)]
        middle = None if whole is None else whole.estimate
        narrow = narrow_forest(shown, Scale.of(axes), heads=(*heads, ""), results=bands, pooled=middle, null=scale.null)
        table = table_csv(
            ("study" if whole is not None else head.lower(), "estimate", "low", "high"),
            ((f"{sign}{r.label}", r.estimate, r.ci_low, r.ci_high) for r in rows),
        )
        return finish(drawing, figure_id=figure_id, title=title, caption=caption, alt=alt, narrow=narrow, data=table)


def _heads(scale: EffectScale, level: float, head: str) -> tuple[str, str]:
    unit = {"ratio": "ratio", "share": "%", "points": "%"}.get(scale.kind) or scale.unit or "effect"
    return head, f"{unit} ({level * 100:g}% CI)"


def _limits(rows: Sequence[DrawnRow], whole: Result | None, scale: EffectScale) -> list[float]:
    """Limits that the axis should show; of shares those of early rows, which are wide, only so far."""
    ends = [value for row in rows for value in (row.ci_low, row.ci_high)]
    return [min(value, 3 * whole.ci_high) for value in ends] if scale.kind == "share" and whole is not None else ends


def _interval(axes: Axes, row: DrawnRow, y: float) -> None:
    start, end = axes.get_xlim()
    low, high = max(row.ci_low, start), min(row.ci_high, end)
    axes.plot([low, high], [y, y], color=INK, linewidth=0.8, solid_capstyle="butt")
    for beyond, at, marker in ((row.ci_low < start, start, 4), (row.ci_high > end, end, 5)):
        if beyond:  # the interval goes on past the axis
            axes.plot([at], [y], marker=marker, color=INK, markersize=4, clip_on=False)
    axes.plot([row.estimate], [y], "s", color=TREATED, markersize=4, markeredgewidth=0, clip_on=False)


def _text(drawing, x: float, y: float, text: str, width: float, height: float, **look: str) -> None:
    """Text on a line, at points from the lower left corner of the drawing."""
    drawing.text(x / width, y / height, text, va="baseline", **look)
