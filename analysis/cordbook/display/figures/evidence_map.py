"""Evidence maps: who showed what, in what kind of study, harmful or protective, and whether the source was found.

Each direction has a shape of its own, and each effect a colour: where a claim states none, the mark is grey. The outer size of a mark says how many claims it stands for, its filled
part how many of them have a source that was found; the number beside it is the count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from matplotlib.axes import Axes

from cordbook.core.text import inside
from cordbook.display.figures.axes import text_width, wrapped
from cordbook.display.figures.figure import Figure, canvas, finish, table_csv
from cordbook.display.figures.style import HARM, INK, MUTED, QUESTION, RULE, TREATED
from cordbook.review.claims.mechanisms import DIRECTIONS, EVIDENCE_TYPES, MapRow, Mark

WIDTH_IN = 6.4
WIDTH_PT = WIDTH_IN * 72
#: Heights in points: a line of words or marks, the room above and below in a row, the head.
LINE_PT, ROOM_PT, HEAD_PT = 15.0, 8.0, 32.0
#: The widths of the names and of the last column, in points; the columns of evidence share the rest.
NAMES_PT, FOUND_PT = 138.0, 50.0
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
NUMBER_GAP_PT, MARK_GAP_PT, PAD_PT = 2.0, 5.0, 3.0


def evidence_map(rows: Sequence[MapRow], *, title: str, figure_id: str = "evidence-map") -> Figure:
    """Draw an evidence map: one row per topic, one column per kind of evidence, a mark for each direction.

    Raises ``ValueError`` when there is no row.
    """
    if not rows:
        raise ValueError(f"{title}: no claim to draw; give at least one row")
    columns = _columns(rows)
    cells = [{kind: _lines(_marks(row, kind), right - left - 2 * PAD_PT) for kind, left, right in columns} for row in rows]
    names = [wrapped(row.name, NAMES_PT - 6) for row in rows]
    heights = [
        LINE_PT * max(len(name), *(len(lines) for lines in found.values())) + ROOM_PT
        for name, found in zip(names, cells, strict=True)
    ]
    *tops, body = accumulate(heights, initial=0.0)
    legend = _legend_lines()
    height = HEAD_PT + body + 14 + LINE_PT * 1.15 * len(legend)
    with canvas(figure_id, WIDTH_IN, height / 72) as drawing:
        axes = drawing.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, WIDTH_PT)
        axes.set_ylim(height - HEAD_PT, -HEAD_PT)
        axes.axis("off")
        _grid(axes, columns, [*tops, body])
        for row, name, found, top, tall in zip(rows, names, cells, tops, heights, strict=True):
            _row(axes, row, name, found, columns, top, tall)
        _legend(axes, legend, body + 14)
        return finish(
            drawing, figure_id=figure_id, title=title, caption=_caption(rows), alt=describe_map(rows, title), data=_data(rows)
        )  # fmt: skip


Column = tuple[str, float, float]


def _columns(rows: Sequence[MapRow]) -> list[Column]:
    """Columns of evidence as (kind, left end, right end) in points: none narrower than its head or its widest mark."""
    least = {
        kind: 2 * PAD_PT
        + max([*(text_width(word, bold=True) for word in name.split()), *(_width([m]) for m in _of_kind(rows, kind))])
        for kind, name in EVIDENCE_TYPES.items()
    }
    # What is left goes to the columns whose marks would fill it.
    wish = {kind: max([0.0, *(_width(_marks(row, kind)) + 2 * PAD_PT - least[kind] for row in rows)]) for kind in least}
    spare = WIDTH_PT - NAMES_PT - FOUND_PT - sum(least.values())
    wished = sum(wish.values())
    given = {
        kind: spare * (wish[kind] / wished) if wished > spare else wish[kind] + (spare - wished) / len(least) for kind in least
    }
    ends = accumulate((least[kind] + given[kind] for kind in least), initial=NAMES_PT)
    return [(kind, left, right) for kind, (left, right) in zip(least, pairwise(ends), strict=True)]


def _of_kind(rows: Sequence[MapRow], kind: str) -> list[Mark]:
    return [mark for row in rows for mark in _marks(row, kind)]


def _lines(marks: Sequence[Mark], room: float) -> list[list[Mark]]:
    """Marks in as many lines as they need within their column."""
    lines: list[list[Mark]] = []
    for mark in marks:
        if lines and _width([*lines[-1], mark]) <= room:
            lines[-1].append(mark)
        else:
            lines.append([mark])
    return lines


def _marks(row: MapRow, kind: str) -> list[Mark]:
    return [m for m in row.marks if m.evidence_type == kind]


def _width(marks: Sequence[Mark]) -> float:
    return sum(_size(m) + NUMBER_GAP_PT + text_width(_number(m)) for m in marks) + MARK_GAP_PT * max(len(marks) - 1, 0)


def _size(mark: Mark) -> float:
    return min(MARK_PT * math.sqrt(mark.claims), MARK_MOST_PT)


def _number(mark: Mark) -> str:
    """The count, with a question mark where no source was found for any of the claims."""
    return f"{mark.claims}" if mark.traced + mark.related else f"{mark.claims}?"


def _grid(axes: Axes, columns: Sequence[Column], tops: Sequence[float]) -> None:
    for y in tops:
        axes.plot([0, WIDTH_PT], [y, y], color=RULE, linewidth=0.5, zorder=0)
    for x in (*(left for _, left, _ in columns), columns[-1][2]):
        axes.plot([x, x], [0, tops[-1]], color=RULE, linewidth=0.5, zorder=0)
    heads = [((left + right) / 2, EVIDENCE_TYPES[kind], right - left, "center") for kind, left, right in columns]
    heads += [(0.0, "Topic", NAMES_PT, "left"), (WIDTH_PT, "Source found", FOUND_PT, "right")]
    for x, name, room, ha in heads:
        lines = wrapped(name, room, bold=True)
        for i, line in enumerate(lines):
            y = -6 - 12 * (len(lines) - 1 - i)
            axes.text(x, y, line, ha=ha, va="baseline", fontweight="bold", color=MUTED)


def _row(
    axes: Axes, row: MapRow, name: Sequence[str], found: Mapping[str, list[list[Mark]]], columns: Sequence[Column], top: float,
    tall: float,
) -> None:  # fmt: skip
    for i, line in enumerate(name):
        axes.text(0, _line_y(top, tall, i, len(name)), line, ha="left", va="center_baseline", color=INK)
    axes.text(WIDTH_PT - 1, top + tall / 2, f"{row.traced} of {row.claims}", ha="right", va="center_baseline", color=MUTED)
    for kind, left, right in columns:
        for i, marks in enumerate(found[kind]):
            x, y = (left + right - _width(marks)) / 2, _line_y(top, tall, i, len(found[kind]))
            for mark in marks:
                _draw(axes, mark, x + _size(mark) / 2, y)
                x += _width([mark]) + MARK_GAP_PT


def _line_y(top: float, tall: float, i: int, lines: int) -> float:
    """The middle of a line of several in a row."""
    return top + tall / 2 + LINE_PT * (i - (lines - 1) / 2)


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
    axes.text(x + size / 2 + NUMBER_GAP_PT, y, _number(mark), ha="left", va="center_baseline", color=INK)


Sign = tuple[object, str, str, str]


def _legend_lines() -> list[list[Sign | str]]:
    """The legend as lines of words and signs (marker, edge, face, words), none wider than the drawing."""
    shapes: list[Sign | str] = ["The claim says:"]
    shapes += [(SHAPES[d][0], SHAPES[d][1], SHAPES[d][1], name) for d, name in DIRECTIONS.items()]
    certainty: list[Sign | str] = [
        "Filled, or part of it:", ("^", INK, INK, "source found"), ("^", INK, "none", "only a related source"),
        (QUESTION, INK, INK, "no source found"),
    ]  # fmt: skip
    lines: list[list[Sign | str]] = []
    for group in (shapes, certainty):
        lines.append([])
        for sign in group:
            if lines[-1] and sum(map(_sign_width, [*lines[-1], sign])) > WIDTH_PT:
                lines.append([])
            lines[-1].append(sign)
    return lines


def _sign_width(sign: Sign | str) -> float:
    return text_width(sign) + 10 if isinstance(sign, str) else text_width(sign[3]) + MARK_PT + 18


def _legend(axes: Axes, lines: Sequence[Sequence[Sign | str]], top: float) -> None:
    for i, line in enumerate(lines):
        x, y = 0.0, top + LINE_PT * 1.15 * i
        for sign in line:
            if isinstance(sign, str):
                axes.text(x, y, sign, ha="left", va="center_baseline", color=MUTED)
            else:
                marker, edge, face, words = sign
                axes.plot(
                    [x + MARK_PT / 2], [y], marker=marker, markersize=MARK_PT, markeredgecolor=edge, markerfacecolor=face,
                    linestyle="none",
                )  # fmt: skip
                axes.text(x + MARK_PT + 4, y, words, ha="left", va="center_baseline", color=INK)
            x += _sign_width(sign)


def _data(rows: Sequence[MapRow]) -> str:
    """The map as CSV: a line for each mark."""
    return table_csv(
        ("topic", "evidence", "direction", "claims", "source_found"),
        ((r.name, EVIDENCE_TYPES[m.evidence_type], DIRECTIONS[m.direction], m.claims, m.traced) for r in rows for m in r.marks),
    )


def _count(rows: Sequence[MapRow], *, kind: str | None = None, direction: str | None = None) -> int:
    return sum(
        m.claims
        for row in rows
        for m in row.marks
        if (kind is None or m.evidence_type == kind) and (direction is None or m.direction == direction)
    )


def _caption(rows: Sequence[MapRow]) -> str:
    claims, traced = sum(r.claims for r in rows), sum(r.traced for r in rows)
    most, kind = max((_count(rows, kind=kind), inside(name)) for kind, name in EVIDENCE_TYPES.items())
    rest = f"the largest part, {most}, from {kind}" if most < claims else f"all from {kind}"
    return (
        f"{_claims(claims)}, {rest}; the source was found for {traced} of them (the filled part of a mark), for the others only a "
        "related source, or none (?). Larger marks stand for more claims, the number is the count. The map counts claims, not "
        "studies, and says nothing on how good the studies are."
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
