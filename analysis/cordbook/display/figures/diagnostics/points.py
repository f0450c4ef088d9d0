"""What figures of points share: their size wide and on a phone, what stands under them, and names beside points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from matplotlib.axes import Axes

from cordbook.display.figures.axes import place_names, wrapped
from cordbook.display.figures.figure import Figure, canvas, finish, small
from cordbook.display.figures.style import INK, MUTED, TREATED

WIDTH_IN, HEIGHT_IN = 6.4, 4.2
#: The same for narrow screens, where its letters are as large.
SMALL_IN = (3.1, 3.4)
#: Room for the words of the axes, in inches: left and below; right and above.
AXES_IN, FREE_IN = (0.62, 0.5), (0.18, 0.16)
#: A line of text under the axis, and the room before the first, in inches.
FOOT_IN, FOOT_GAP_IN = 14 / 72, 6 / 72
#: Bubbles of a figure; beyond them those of small studies hide each other.
MOST_BUBBLES = 150
#: Points of a figure; each takes about two hundred bytes of its page.
MOST_POINTS = 300
#: Names of points are written only where they do not pile up: this many at most.
NAMED_POINTS = 4
#: How a study is drawn.
POINT = {"marker": "o", "color": TREATED, "markersize": 5, "markeredgecolor": INK, "markeredgewidth": 0.5, "linestyle": "none"}


def drawn_twice(
    draw: Callable[[Axes], None], *, figure_id: str, title: str, caption: str, alt: str, data: str = "", foot: Sequence[str] = ()
) -> Figure:
    """A figure of one plot, drawn wide, and again for narrow screens with letters as large; ``foot`` are sentences under the axis."""
    shown = []
    for name, (width, plain) in ((figure_id, (WIDTH_IN, HEIGHT_IN)), (f"{figure_id}.s", SMALL_IN)):
        lines = [line for text in foot for line in wrapped(text, 72 * width - 4)]
        under = FOOT_IN * len(lines) + (FOOT_GAP_IN if lines else 0)
        height = plain + under
        with canvas(name, width, height) as drawing:
            left, below = AXES_IN[0] / width, (AXES_IN[1] + under) / height
            axes = drawing.add_axes((left, below, 1 - left - FREE_IN[0] / width, 1 - below - FREE_IN[1] / height))
            draw(axes)
            for i, line in enumerate(reversed(lines)):
                drawing.text(2 / 72 / width, (FOOT_IN * i + 4 / 72) / height, line, color=MUTED, va="baseline")
            shown.append(finish(drawing, figure_id=name, title=title, caption=caption, alt=alt, data=data))
    wide, narrow = shown
    return replace(wide, narrow=small(narrow))


def name_points(axes: Axes, named: Sequence[tuple[str, float, float]], drawn: Sequence[tuple[float, float]]) -> None:
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
