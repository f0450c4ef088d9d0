"""The specification curve: every analysis of a question sorted by its result, with its interval above and its choices below.

Source: Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4:1208-1214.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes

from cordbook.core.text import capital
from cordbook.display.figures.axes import PERCENT_ENDS, RATIO_TICKS
from cordbook.display.figures.figure import Figure, canvas, finish, small, table_csv
from cordbook.display.figures.style import INK, MUTED, RULE, TREATED
from cordbook.display.figures.thinning import evenly_spaced
from cordbook.review.multiverse.multiverse import Analysis, Multiverse
from cordbook.review.multiverse.words import range_sentence, result_text, sentence

#: Analyses that are drawn: each takes a line above and a mark per choice below.
MOST_DRAWN = 120
#: Intervals of ratios beyond this factor around the results run off the axis.
BEYOND = 3.0


@dataclass(frozen=True, slots=True)
class _Layout:
    """Sizes in inches: the whole width, the columns of words, and the heights of curve, row, gap between choices and foot."""

    width: float
    choices: float
    words: float
    curve: float
    row: float
    gap: float
    foot: float
    font: float
    heads: bool
    right: float = 0.08
    top: float = 0.24


WIDE = _Layout(7.0, 1.35, 1.95, 2.3, 0.182, 0.07, 0.1, 9.6, heads=False)
NARROW = _Layout(3.3, 0.0, 1.5, 1.75, 0.158, 0.05, 0.1, 8.2, heads=True)


def specification_curve(found: Multiverse, *, figure_id: str, title: str) -> Figure:
    """All analyses of a multiverse, wide and again for narrow screens; raises ``ValueError`` where there is none."""
    if not found.analyses:
        raise ValueError(f"{found.id}: no combination of choices leaves two studies, so there is no curve to draw")
    drawn = _drawn(found)
    alt = f"Specification curve, {title}. {sentence(found)} {range_sentence(found)} {_own_text(found)}"
    shown = []
    for layout, name in ((WIDE, figure_id), (NARROW, f"{figure_id}.s")):
        shown.append(_draw(found, drawn, layout, name, title, _caption(found, len(drawn)), alt))
    wide, narrow = shown
    return replace(wide, narrow=small(narrow), data=_data(found, drawn))


def _drawn(found: Multiverse) -> list[int]:
    """Places of the analyses that are drawn: evenly spaced, the lowest, the highest and the book's own among them."""
    places = evenly_spaced(list(range(len(found.analyses))), MOST_DRAWN)
    if found.own < 0 or found.own in places:
        return places
    nearest = min(places[1:-1], key=lambda place: abs(place - found.own))
    return sorted([*(place for place in places if place != nearest), found.own])


def _caption(found: Multiverse, drawn: int) -> str:
    number = len(found.analyses)
    text = (
        "Each line is one analysis with its interval, sorted by its result; the marks below are its choices. The book's own analysis is the "
        "diamond, and its choices are bold and blue."
    )
    if any(not a.answer.pooled for a in found.analyses):
        text += " Grey lines: analyses whose studies our limits set side by side; shown is the average that the model gives all the same."
    if drawn < number:
        text += f" Of {number:,} analyses {drawn}, evenly spaced, are drawn."
    return f"{text} Intervals that leave the axis are cut. {range_sentence(found)}"


def _own_text(found: Multiverse) -> str:
    if found.own < 0:
        return "The book's own analysis gives no number."
    return f"The book's own analysis, {found.own + 1:,} of {len(found.analyses):,} from below, gives {result_text(found, found.analyses[found.own])}."


def _draw(found: Multiverse, drawn: Sequence[int], layout: _Layout, name: str, title: str, caption: str, alt: str) -> Figure:
    rows = _rows(found, heads=layout.heads)
    below = sum(layout.gap if row is None else layout.row for row in rows)
    height = layout.top + layout.curve + 0.12 + below + layout.foot
    left = layout.choices + layout.words
    across = (layout.width - left - layout.right) / layout.width
    with canvas(name, layout.width, height) as drawing:
        above = drawing.add_axes((left / layout.width, (layout.foot + below + 0.12) / height, across, layout.curve / height))
        _curve(above, found, [found.analyses[i] for i in drawn], drawn, layout)
        marks = drawing.add_axes((left / layout.width, layout.foot / height, across, below / height))
        _choices(marks, found, [found.analyses[i] for i in drawn], drawn, layout, rows, below)
        return finish(drawing, figure_id=name, title=title, caption=caption, alt=alt)


def _curve(axes: Axes, found: Multiverse, analyses: Sequence[Analysis], drawn: Sequence[int], layout: _Layout) -> None:
    """Sorted results with intervals."""
    scale = 1.0 if found.is_ratio else 100.0
    low, high = _limits(found, analyses)
    x = np.arange(len(analyses), dtype=float)
    step = 160 / max(len(analyses), 1)
    for pooled, colour in ((False, MUTED), (True, TREATED)):
        chosen = [i for i, a in enumerate(analyses) if a.answer.pooled == pooled]
        ends = [
            (x[i], *np.clip([analyses[i].answer.ci_low * scale, analyses[i].answer.ci_high * scale], low, high)) for i in chosen
        ]
        axes.plot(
            *_broken([((at, start), (at, end)) for at, start, end in ends]),
            color=colour,
            linewidth=min(0.8 * step, 2),
        )
        dashes = [
            ((x[i] - 0.5, analyses[i].answer.estimate * scale), (x[i] + 0.5, analyses[i].answer.estimate * scale)) for i in chosen
        ]
        axes.plot(*_broken(dashes), color=INK if pooled else colour, linewidth=2.2, zorder=3)
    for limit in _marked(found):
        if low < limit * scale < high:
            axes.axhline(limit * scale, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    if found.own >= 0:
        place = drawn.index(found.own)
        own = analyses[place].answer
        ends = np.clip([own.ci_low * scale, own.ci_high * scale], low, high)
        axes.plot([place, place], ends.tolist(), color=INK, linewidth=1.8, zorder=4)
        axes.plot([place], [own.estimate * scale], "D", color=INK, markersize=5, zorder=5, clip_on=False)
        align = "left" if place < len(analyses) / 4 else "right" if place > 3 * len(analyses) / 4 else "center"
        axes.annotate(
            "the book’s own", (place, 1), xycoords=("data", "axes fraction"), xytext=(0, 4), textcoords="offset points",
            ha=align, va="bottom", fontsize=layout.font, fontweight="bold",
        )  # fmt: skip
    axes.set_xlim(-0.7, len(analyses) - 0.3)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", labelsize=layout.font)
    if found.is_ratio:
        axes.set_yscale("log")
        ticks = [t for t in sorted(RATIO_TICKS) if low <= t <= high]
        apart = math.log(high / low) / layout.curve * 0.2
        kept: list[float] = []
        for tick in sorted(ticks, key=lambda t: RATIO_TICKS.index(t)):
            if all(abs(math.log(tick / other)) >= apart for other in kept):
                kept.append(tick)
        axes.set_yticks(sorted(kept), [f"{t:g}" for t in sorted(kept)])
        axes.minorticks_off()
    else:
        end = high
        axes.set_yticks([end * i / 4 for i in range(5)], [f"{end * i / 4:g}%" for i in range(5)])
    axes.set_ylim(low, high)
    what = _axis_words(found)
    if layout.heads:
        axes.text(
            0, 1.0, what, transform=axes.transAxes, fontsize=layout.font, color=MUTED, ha="right", va="bottom", clip_on=False
        )
        axes.texts[-1].set_position((-layout.words / (layout.width - layout.words - layout.right), 1.0 + 0.06))
        axes.texts[-1].set_ha("left")
    else:
        axes.set_ylabel(what, fontsize=layout.font)


def _axis_words(found: Multiverse) -> str:
    return "Ratio, log scale" if found.is_ratio else "Percent of people"


def _limits(found: Multiverse, analyses: Sequence[Analysis]) -> tuple[float, float]:
    """The axis holds all results and the book's own interval; longer intervals are cut."""
    estimates = [a.answer.estimate for a in analyses]
    own = found.analyses[found.own].answer if found.own >= 0 else None
    if found.is_ratio:
        lows, highs = [*estimates, *([own.ci_low] if own else [])], [*estimates, *([own.ci_high] if own else [])]
        return max(min([*lows, 1 / BEYOND]), 1e-3) / 1.2, min(max([*highs, BEYOND]), 1e3) * 1.2
    most = 100 * max([*estimates, *([own.ci_high] if own and own.pooled else [])])
    return 0.0, float(next((end for end in PERCENT_ENDS if end >= most * 1.02), 100))


def _marked(found: Multiverse) -> list[float]:
    """Where conclusions part, and the ratio of no difference."""
    limits = {limit for c in found.declared.conclusions for _, _, limit in c.when}
    return sorted(limits | ({1.0} if found.is_ratio else set()))


Row = tuple[int, int] | int


def _rows(found: Multiverse, *, heads: bool) -> list[Row | None]:
    """The lines below the curve: places of choice and option, a choice alone for its head, None for a gap."""
    rows: list[Row | None] = []
    used = [{a.options[axis] for a in found.analyses} for axis in range(len(found.choices))]
    for axis, choice in enumerate(found.choices):
        places = [place for place in range(len(choice.options)) if place in used[axis]]
        if len(places) < 2:  # with today's data it leaves nothing to choose
            continue
        rows += [None, *([axis] if heads else []), *((axis, place) for place in places)]
    return rows


def _choices(
    axes: Axes,
    found: Multiverse,
    analyses: Sequence[Analysis],
    drawn: Sequence[int],
    layout: _Layout,
    rows: Sequence[Row | None],
    below: float,
) -> None:
    """A line for each option; runs of analyses that take it are one bar."""
    axes.set_xlim(-0.7, len(analyses) - 0.3)
    axes.set_ylim(below, 0)
    axes.set_axis_off()
    inches = layout.width - layout.choices - layout.words - layout.right
    at = axes.get_yaxis_transform()
    own = found.analyses[found.own].options if found.own >= 0 else tuple(c.own for c in found.choices)
    y, named = 0.0, -1
    thick = layout.row * 72 * 0.52
    for row in rows:
        size = layout.gap if row is None else layout.row
        middle, y = y + size / 2, y + size
        if row is None:
            continue
        if isinstance(row, int):
            axes.text(
                -layout.words / inches, middle, found.choices[row].label, transform=at, fontsize=layout.font, fontweight="bold",
                color=MUTED, va="center_baseline", clip_on=False,
            )  # fmt: skip
            continue
        axis, place = row
        choice = found.choices[axis]
        mine = own[axis] == place
        if not layout.heads and axis != named:
            axes.text(
                -(layout.choices + layout.words) / inches, middle, choice.label, transform=at, fontsize=layout.font, color=MUTED,
                va="center_baseline", clip_on=False,
            )  # fmt: skip
            named = axis
        axes.text(
            -0.09 / inches, middle, choice.options[place].label, transform=at, fontsize=layout.font, ha="right",
            va="center_baseline", fontweight="bold" if mine else "normal", clip_on=False,
        )  # fmt: skip
        axes.plot([0, 1], [middle, middle], transform=at, color=RULE, linewidth=0.5, zorder=0)
        runs = _runs([a.options[axis] == place for a in analyses])
        bars = [((start - 0.5, middle), (end + 0.5, middle)) for start, end in runs]
        axes.plot(*_broken(bars), color=TREATED if mine else MUTED, linewidth=thick, solid_capstyle="butt")
    if found.own >= 0:
        axes.axvline(drawn.index(found.own), color=INK, linewidth=0.9, zorder=6)


def _broken(lines: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> tuple[list[float], list[float]]:
    """Separate lines as the coordinates of one broken path, which is much shorter to write."""
    x = [value for (x1, _), (x2, _) in lines for value in (x1, x2, math.nan)]
    y = [value for (_, y1), (_, y2) in lines for value in (y1, y2, math.nan)]
    return x, y


def _runs(holds: Sequence[bool]) -> list[tuple[int, int]]:
    """First and last place of each run of True.

    >>> _runs([True, True, False, True])
    [(0, 1), (3, 3)]
    """
    runs: list[tuple[int, int]] = []
    for place, held in enumerate(holds):
        if held and runs and runs[-1][1] == place - 1:
            runs[-1] = runs[-1][0], place
        elif held:
            runs.append((place, place))
    return runs


def _data(found: Multiverse, drawn: Sequence[int]) -> str:
    """The drawn analyses as CSV."""
    heads = ("rank", "estimate", "ci_low", "ci_high", "studies", "events", "people", "conclusion", *(c.id for c in found.choices))
    lines = []
    for place in drawn:
        a = found.analyses[place]
        options = [choice.options[i].id for choice, i in zip(found.choices, a.options, strict=True)]
        numbers = (a.answer.estimate, a.answer.ci_low, a.answer.ci_high)
        lines.append(
            (str(place + 1), *numbers, str(a.k), str(a.events), str(a.n), capital(found.conclusions[a.conclusion].text), *options)
        )
    return table_csv(heads, lines)
