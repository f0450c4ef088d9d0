"""Evidence maps: who showed what, in what kind of study, harmful or protective, and whether the source was found.

Each direction has a shape of its own, and each effect a colour: where a claim states none, the mark is grey. The outer size of a mark says how many claims it stands for, its filled
part how many of them have a source that was found; the number beside it is the count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cordbook.core.text import inside
from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.style import HARM, INK, MUTED, QUESTION, RULE, TREATED
from cordbook.review.claims.mechanisms import DIRECTIONS, EVIDENCE_TYPES, MapRow, Mark

WIDTH_IN, ROW_IN, HEAD_IN, FOOT_IN = 8.2, 0.32, 0.42, 0.98
#: Left end of the columns of evidence and of the last column, as shares of the width.
LABEL_X, GRID_LEFT, GRID_RIGHT = 0.0, 0.3, 0.885
#: Shape and colour of a direction: told apart without colour too, and grey where the claim states no effect.
SHAPES = {
    "protective": ("^", TREATED),
    "harmful": ("v", HARM),
    "mixed": ("D", INK),
    "neutral": ("o", MUTED),
    "none": ("s", MUTED),
}
#: A mark of one claim, and the most that a row can hold, in points across.
MARK_PT, MARK_MOST_PT = 6.3, 13.0
#: Room between a mark and its number, between marks, and for a digit, in points.
NUMBER_GAP_PT, MARK_GAP_PT, DIGIT_PT = 2.0, 6.0, 5.6
#: A column is never narrower than its name.
COLUMN_LEAST_PT = 56.0


def evidence_map(rows: Sequence[MapRow], *, title: str, figure_id: str = "evidence-map") -> Figure:
    """Draw an evidence map: one row per topic, one column per kind of evidence, a mark for each direction.

    Raises ``ValueError`` when there is no row.
    """
    if not rows:
        raise ValueError(f"{title}: no claim to draw; give at least one row")
    height = HEAD_IN + ROW_IN * len(rows) + FOOT_IN
    with canvas(figure_id, WIDTH_IN, height) as drawing:
        box = (GRID_LEFT, FOOT_IN / height, GRID_RIGHT - GRID_LEFT, ROW_IN * len(rows) / height)
        axes = drawing.add_axes(box)
        columns = _columns(rows)
        axes.set_xlim(0, columns[-1])
        axes.set_ylim(len(rows), 0)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines["bottom"].set_visible(False)
        axes.spines["left"].set_visible(False)
        _grid(axes, rows, columns)
        for y, row in enumerate(rows):
            _row(axes, row, y + 0.5, columns)
        _legend(axes, len(rows))
        return finish(drawing, figure_id=figure_id, title=title, caption=_caption(rows), alt=describe_map(rows, title))


def _columns(rows: Sequence[MapRow]) -> list[float]:
    """Left ends of the columns and the right end of the last, in points: each as wide as its fullest cell."""
    need = [max(COLUMN_LEAST_PT, *(_width(_marks(row, kind)) + MARK_GAP_PT for row in rows)) for kind in EVIDENCE_TYPES]
    room = (GRID_RIGHT - GRID_LEFT) * WIDTH_IN * 72
    spare = (room - sum(need)) / len(need)
    ends = [0.0]
    for width in need:
        ends.append(ends[-1] + width + spare)
    return ends


def _marks(row: MapRow, kind: str) -> list[Mark]:
    return [m for m in row.marks if m.evidence_type == kind]


def _width(marks: Sequence[Mark]) -> float:
    return sum(_size(m) + NUMBER_GAP_PT + DIGIT_PT * len(_number(m)) for m in marks) + MARK_GAP_PT * max(len(marks) - 1, 0)


def _size(mark: Mark) -> float:
    return min(MARK_PT * math.sqrt(mark.claims), MARK_MOST_PT)


def _number(mark: Mark) -> str:
    """The count, with a question mark where no source was found for any of the claims."""
    return f"{mark.claims}" if mark.traced + mark.related else f"{mark.claims}?"


def _grid(axes: Axes, rows: Sequence[MapRow], columns: Sequence[float]) -> None:
    for y in range(len(rows) + 1):
        axes.axhline(y, color=RULE, linewidth=0.5, zorder=0)
    for name, left, right in zip(EVIDENCE_TYPES.values(), columns, columns[1:], strict=False):
        axes.axvline(left, color=RULE, linewidth=0.5, zorder=0)
        axes.text((left + right) / 2, -0.45, name, ha="center", va="center", fontweight="bold", color=MUTED)
    axes.axvline(columns[-1], color=RULE, linewidth=0.5, zorder=0)
    _outside(axes, LABEL_X, -0.45, "Topic", ha="left", bold=True)
    _outside(axes, 1.0, -0.45, "Source found", ha="right", bold=True)


def _row(axes: Axes, row: MapRow, y: float, columns: Sequence[float]) -> None:
    _outside(axes, LABEL_X, y, row.name, ha="left", colour=INK)
    _outside(axes, 1.0, y, f"{row.traced} of {row.claims}", ha="right")
    for kind, left, right in zip(EVIDENCE_TYPES, columns, columns[1:], strict=False):
        marks = _marks(row, kind)
        x = (left + right - _width(marks)) / 2
        for mark in marks:
            _draw(axes, mark, x + _size(mark) / 2, y)
            x += _width([mark]) + MARK_GAP_PT


def _draw(axes: Axes, mark: Mark, x: float, y: float) -> None:
    shape, colour = SHAPES[mark.direction]
    size = _size(mark)
    axes.plot(
        [x], [y], marker=shape, markersize=size, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=1.1,
        linestyle="none", zorder=3, clip_on=False,
    )  # fmt: skip
    if mark.traced:
        axes.plot(
            [x], [y], marker=shape, markersize=size * math.sqrt(mark.traced / mark.claims), markerfacecolor=colour,
            markeredgewidth=0, linestyle="none", zorder=3, clip_on=False,
        )  # fmt: skip
    axes.text(x + size / 2 + NUMBER_GAP_PT, y, _number(mark), ha="left", va="center_baseline", color=INK, fontsize=8)


def _outside(axes: Axes, share: float, y: float, text: str, *, ha: str, bold: bool = False, colour: str = MUTED) -> None:
    box = axes.get_position()
    axes.text(
        (share - box.x0) / box.width, y, text, transform=axes.get_yaxis_transform(), ha=ha, va="center", color=colour,
        fontweight="bold" if bold else "normal", clip_on=False,
    )  # fmt: skip


def _legend(axes: Axes, rows: int) -> None:
    shapes = [
        Line2D([], [], marker=SHAPES[d][0], color=SHAPES[d][1], linestyle="none", markersize=MARK_PT, label=name)
        for d, name in DIRECTIONS.items()
    ]
    certainty = [
        Line2D([], [], marker="^", color=INK, markerfacecolor=INK, linestyle="none", markersize=MARK_PT, label="source found"),
        Line2D(
            [],
            [],
            marker="^",
            color=INK,
            markerfacecolor="none",
            linestyle="none",
            markersize=MARK_PT,
            label="only a related source",
        ),
        Line2D([], [], marker=QUESTION, color=INK, linestyle="none", markersize=MARK_PT, label="no source found"),
    ]
    box = axes.get_position()
    left = (LABEL_X - box.x0) / box.width
    below = {"transform": axes.get_yaxis_transform(), "color": MUTED, "ha": "left", "va": "center", "clip_on": False}
    for line, (name, handles) in enumerate((("The claim says that it", shapes), ("Filled, or part of it", certainty))):
        y = rows + 0.75 + line * 0.95
        axes.text(left, y, name, **below)
        legend = axes.legend(
            handles=handles, loc="center left", bbox_to_anchor=(0.0, y), bbox_transform=axes.get_yaxis_transform(),
            ncols=len(handles), frameon=False, handletextpad=0.2, columnspacing=1.3, borderpad=0, fontsize=8.5, labelcolor=INK,
        )  # fmt: skip
        if line == 0:  # the second call would take the first away
            axes.add_artist(legend)


def _count(rows: Sequence[MapRow], *, kind: str | None = None, direction: str | None = None) -> int:
    return sum(
        m.claims
        for row in rows
        for m in row.marks
        if (kind is None or m.evidence_type == kind) and (direction is None or m.direction == direction)
    )


def _caption(rows: Sequence[MapRow]) -> str:
    claims, traced = sum(r.claims for r in rows), sum(r.traced for r in rows)
    return (
        f"{_claims(claims)} by the kind of evidence behind them: {_kinds(rows)}. A larger mark stands for more claims; the number "
        f"is the count. The filled part are claims whose source was found ({traced} of {claims}); for the others only a related "
        "source was found, or none (?). The map counts claims, not studies, and says nothing on how good the studies are."
    )


def _kinds(rows: Sequence[MapRow]) -> str:
    parts = [(name, _count(rows, kind=kind)) for kind, name in EVIDENCE_TYPES.items()]
    return ", ".join(f"{inside(name)} {n}" for name, n in parts if n)


def _claims(n: int) -> str:
    return f"{n} claim" if n == 1 else f"{n} claims"


def describe_map(rows: Sequence[MapRow], title: str) -> str:
    """The alternative text of an evidence map: totals, then each row in words."""
    claims, traced = sum(r.claims for r in rows), sum(r.traced for r in rows)
    directions = ", ".join(f"{name}: {n}" for d, name in DIRECTIONS.items() if (n := _count(rows, direction=d)))
    text = f"Evidence map, {title}: {_claims(claims)}; {_kinds(rows)}; {directions}; source found for {traced}."
    for row in rows:
        marks = "; ".join(f"{EVIDENCE_TYPES[m.evidence_type].lower()}, {DIRECTIONS[m.direction]}: {m.claims}" for m in row.marks)
        text += f" {row.name}: {marks}."
    return text
