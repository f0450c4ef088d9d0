"""Timeline of the field: reports a year by topic, one strip each, with the events that the data tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.style import CONTROL, HARM, INK, MUTED, NATURAL, RULE, TREATED
from cordbook.evidence.subject_tables import EXPOSURE, HARMS, NATURAL_COURSE
from cordbook.review.studies.timeline import Event

WIDTH_IN, FOOT_IN = 3.4, 0.55
#: A strip is as high as its bars need: head room for name and marks, and so much a report.
HEAD_IN, REPORT_IN, LEAST_IN, MARK_ROOM_IN = 0.42, 0.03, 0.03, 0.16
FONT_PT = 8.0
#: Colours keep their meaning: harm by exposure or treatment, the natural course, and treatment.
KIND_COLOURS: Mapping[str, str] = {EXPOSURE: HARM, HARMS: HARM, NATURAL_COURSE: NATURAL}
#: Marker and words of an event; the order is that of the key.
MARKS: Mapping[str, tuple[str, str]] = {
    "first with a control group": ("o", "first with a control group"),
    "first randomised": ("^", "first randomised"),
    "notice": ("x", "letter or notice"),
}


def timeline(
    reports: pd.DataFrame,
    events: Sequence[Event],
    topics: Mapping[str, str],
    *,
    kinds: Mapping[str, str] | None = None,
    undated: int = 0,
    figure_id: str = "timeline",
) -> Figure:
    """Draw reports a year (rows of ``reports``) by topic (its columns) with events.

    ``topics`` names the columns, ``kinds`` colours them (:data:`KIND_COLOURS`); ``undated`` is the number of reports whose year is not known, told in the caption.
    Raises ``ValueError`` where no report has a year.
    """
    if reports.empty:
        raise ValueError("no report has a year, so there is no timeline to draw")
    drawn = [topic for topic in topics if topic in reports and reports[topic].sum()]
    tops = [int(reports[topic].max()) for topic in drawn]
    height = sum(HEAD_IN + LEAST_IN + REPORT_IN * top for top in tops) + FOOT_IN
    bottom = height
    first, last = int(reports.index.min()), int(reports.index.max())
    with canvas(figure_id, WIDTH_IN, height) as drawing:
        for i, (topic, top) in enumerate(zip(drawn, tops, strict=True)):
            bottom -= HEAD_IN + LEAST_IN + REPORT_IN * top
            axes = drawing.add_axes((0.03, bottom / height, 0.94, (REPORT_IN * top + MARK_ROOM_IN) / height))
            _strip(
                axes,
                reports[topic],
                [e for e in events if e.topic == topic],
                topics[topic],
                KIND_COLOURS.get((kinds or {}).get(topic, ""), TREATED),
                top,
            )
            axes.set_xlim(first - 1, last + 1)
            _year_axis(axes, first, last, last_strip=i + 1 == len(drawn))
        _key(drawing, height)
        caption = "Reports in the data by year of publication; all strips share one scale. Signs above the bars mark events. First means first in this data, which no systematic search has filled yet."
        if undated:
            caption += f" {undated} reports without a known year are left out."
        title = "Reports by year and topic"
        return finish(drawing, figure_id=figure_id, title=title, caption=caption, alt=describe_timeline(reports[drawn], topics))


def _strip(axes: Axes, counts: pd.Series, events: Sequence[Event], name: str, colour: str, top: int) -> None:
    some = counts[counts > 0]
    axes.bar(some.index, some, width=0.8, color=colour, linewidth=0)
    axes.set_ylim(0, top + MARK_ROOM_IN / REPORT_IN)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_title(f"{name}: {int(counts.sum())}", fontsize=FONT_PT, fontweight="bold", loc="left", pad=2)
    for kind, (marker, _) in MARKS.items():
        years = sorted({e.year for e in events if e.kind == kind and e.year in counts.index})
        heights = [counts[y] + MARK_ROOM_IN / REPORT_IN / 2 for y in years]
        if years:
            axes.plot(years, heights, **_mark(marker), clip_on=False)


def _mark(marker: str) -> dict[str, object]:
    edge = CONTROL if marker == "x" else INK
    return {
        "marker": marker,
        "markersize": 4,
        "linestyle": "none",
        "markerfacecolor": "none",
        "markeredgecolor": edge,
        "markeredgewidth": 0.9,
    }


def _year_axis(axes: Axes, first: int, last: int, *, last_strip: bool) -> None:
    ticks = [year for year in range(first - first % 10, last + 10, 10) if first <= year <= last]
    axes.set_xticks(ticks, [str(t) for t in ticks] if last_strip else [""] * len(ticks), fontsize=FONT_PT)
    axes.tick_params(length=2)
    axes.spines["bottom"].set_color(RULE)


def _key(drawing, height: float) -> None:
    axes = drawing.add_axes((0.02, 0, 0.96, 0.2 / height))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.axis("off")
    x = 0.01
    for marker, words in MARKS.values():
        axes.plot([x], [0.5], **_mark(marker))
        axes.text(x + 0.02, 0.5, words, fontsize=FONT_PT, va="center_baseline", color=MUTED)
        x += 0.045 + 0.0152 * len(words)


def describe_timeline(reports: pd.DataFrame, topics: Mapping[str, str]) -> str:
    """The alternative text: for every topic the number of reports, the span of years and the year with most."""
    parts = []
    for topic in reports.columns:
        years = reports.index[reports[topic] > 0]
        parts.append(
            f"{topics[topic]}: {int(reports[topic].sum())} reports, {years.min()} to {years.max()}, most in {int(reports[topic].idxmax())}"
        )
    return f"Timeline of study reports by year and topic. {'; '.join(parts)}."
