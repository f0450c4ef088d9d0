"""The forest plot of a phone: the name of each row on a line of its own, its interval under it, numbers at the right edge.

It shows what the wide drawing shows, row for row and on the same axis. Colours, sizes and when it is seen are for cordbook.css to
say: without that sheet (in a notebook, in a saved file) only the wide drawing is there. It holds no ids, so that nothing in it
can meet an id of the wide one, and few bytes: a page may hold a dozen.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from matplotlib.axes import Axes

from cordbook.display.html.markup import Html, element, join

#: Width in units of the drawing, which are pixels on a phone of 360 px: what the page leaves to a figure there.
WIDTH = 312
#: Heights of rows with an interval and without; lines of text; where the interval stands under the last line of the name.
ROW, BARE_ROW, LINE, UNDER = 40, 26, 16, 16
#: The strip of lights under an interval, the way from light to light, and the mark of a notice beside a name.
STRIP, LIGHT_STEP, NOTICE = 12, 16, 10
#: What a sign takes of the width at 13 px, bold or not, in the widest of the usual fonts.
SIGN, WIDEST, EDGE, GAP = 7.7, 4.5, 8, 12
SQUARE_MIN, SQUARE_MAX = 3.5, 12.0
_DIAMOND = 6.5
#: The place of a value in the drawing.
At = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Scale:
    """The horizontal axis: its ends, its ticks with their words, its title, and whether it is logarithmic or by the square root."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    title: str
    log: bool = False
    root: bool = False

    @classmethod
    def of(cls, axes: Axes) -> Scale:
        """The scale of a drawing that has its limits, ticks and title already."""
        words = [label.get_text() for label in axes.get_xticklabels()]
        low, high = axes.get_xlim()
        ticks = tuple((float(at), word) for at, word in zip(axes.get_xticks(), words, strict=True) if low <= at <= high)
        return cls(low, high, ticks, axes.get_xlabel(), axes.get_xscale() == "log", axes.get_xscale() == "function")

    def share(self, value: float) -> float:
        """Where a value stands, from 0 at the left end to 1 at the right; beyond the ends it stays at them.

        >>> Scale(0, 1, (), "").share(0.25), Scale(1, 4, (), "", log=True).share(2), Scale(0, 1, (), "").share(7)
        (0.25, 0.5, 1.0)
        """
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        if self.root:
            low, high, at = math.sqrt(low), math.sqrt(high), math.sqrt(at)
        return (at - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Band:
    """A share with its interval, drawn behind the rows ``first`` to ``last``."""

    low: float
    mid: float
    high: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row: ``study``, ``pooled``, ``prediction``, or ``bare`` with words alone; ``size`` of its square is from 0 to 1.

    ``published`` and ``ours`` are as ``study``, with an open square and a filled diamond.
    """

    kind: str
    label: str
    value: str = ""
    counts: str = ""
    low: float | None = None
    mid: float | None = None
    high: float | None = None
    size: float = 0.0
    href: str | None = None
    #: Answers to the items of risk of bias, and whether a critical notice is on record.
    lights: tuple[str, ...] = ()
    noticed: bool = False


def narrow_forest(
    rows: Sequence[Row],
    scale: Scale,
    *,
    heads: tuple[str, str, str],
    natural: str = "",
    bands: Iterable[Band] = (),
    results: Iterable[Band] = (),
    pooled: float | None = None,
    null: float | None = None,
    foot_words: Iterable[str] = (),
    letters: Sequence[str] = (),
) -> Html:
    """The drawing as one SVG element.

    ``heads`` stand over the names, the values and the counts; ``bands`` are those of ``natural`` recovery, which is its name;
    ``results`` are bands of a pooled result; ``pooled`` and ``null`` are vertical lines; ``foot_words`` stand under the axis;
    ``letters`` name the lights.

    >>> from xml.etree import ElementTree
    >>> row = Row("study", "Lima <2010>", "50 (19 to 81)", "4/8", 0.19, 0.5, 0.81, 0.4, "studies/lima2010.html")
    >>> drawing = narrow_forest([row], Scale(0, 1, ((0, "0"), (1, "100")), "Percent"), heads=("Study", "%", "Events/n"))
    >>> [t.strip() for t in ElementTree.fromstring(drawing).itertext()][5:8]
    ['Lima <2010>', '50 (19 to 81)', '4/8']
    """
    span = WIDTH - 2 * EDGE - max(GAP + _width(words) for words in (heads[2], *(row.counts for row in rows)))

    def at(value: float) -> float:
        return EDGE + span * scale.share(value)

    names = [_lines(row) for row in rows]
    top = 2 * LINE + 8 + (LINE + 6 if natural else 0) + (LINE if letters else 0)
    heights = [_height(row, lines) for row, lines in zip(rows, names, strict=True)]
    *starts, foot = accumulate(heights, initial=top)
    strips = [start + LINE * len(lines) for row, start, lines in zip(rows, starts, names, strict=True) if row.kind != "bare"]

    def area(band: Band, name: str) -> Html:
        x, y, end = at(band.low), starts[band.first], starts[band.last] + heights[band.last]
        return element("path", d=f"M{_n(x)} {y}H{_n(at(band.high))}V{end}H{_n(x)}z", class_=name)

    def line(band: Band, name: str) -> Html:
        y, end = starts[band.first], starts[band.last] + heights[band.last]
        return _upright(at(band.mid), [strip for strip in strips if y <= strip < end], name)

    parts: list[Html] = [area(band, "cb-result-band") for band in results]
    for band in bands:
        parts += [area(band, "cb-natural-band"), line(band, "cb-natural-line")]
    if null is not None:
        parts.append(_upright(at(null), strips, "cb-null-line"))
    if pooled is not None:
        parts.append(_upright(at(pooled), strips, "cb-pooled-line"))
    if natural:
        parts.append(element("path", d="M0 3h12v11h-12z", class_="cb-natural-band"))
        parts.append(_text(18, 13, natural, "cb-natural-name"))
    for i, letter in enumerate(letters):
        parts.append(_text(EDGE + LIGHT_STEP * (i + 0.5), top - 5, letter, "cb-tick cb-strong"))
    top -= LINE if letters else 0
    head = top - LINE - 8
    parts += [_text(0, head - 3, heads[0], "cb-head"), _text(WIDTH, head - 3, heads[1], "cb-head cb-end")]
    parts += [*_axis(scale, at, null, top - 6, -1), _text(WIDTH, top - 11, heads[2], "cb-head cb-end")]
    for row, lines, start in zip(rows, names, starts, strict=True):
        parts.append(element("g", *_row(row, lines, at, scale), transform=f"translate(0 {start})"))
    parts += [*_axis(scale, at, null, foot + 4, 1), _text(EDGE, foot + 40, scale.title, "cb-soft")]
    under = [line for words in foot_words for line in textwrap.wrap(words, int(WIDTH / SIGN))]
    parts += [_text(EDGE, foot + 40 + LINE * i, words, "cb-soft") for i, words in enumerate(under, start=1)]
    # Not seen unless cordbook.css says so: an attribute yields to any style sheet.
    hidden = None if any(row.href for row in rows) else "true"
    box = f"0 0 {WIDTH} {foot + 46 + LINE * len(under)}"
    return element("svg", *parts, viewBox=box, class_="cb-narrow", display="none", aria_hidden=hidden, focusable="false")


def _width(words: str) -> float:
    """What words take of the width; the widest letters take more than most."""
    return SIGN * len(words) + WIDEST * sum(letter in "mwMW" for letter in words)


def _n(value: float) -> str:
    """A coordinate in tenths of a pixel.

    >>> _n(12.0), _n(3.25)
    ('12', '3.2')
    """
    return f"{value:.1f}".removesuffix(".0")


def _lines(row: Row) -> list[str]:
    """The name of a row in as many lines as it needs beside its value."""
    room = WIDTH - (GAP + SIGN * len(row.value) if row.value else 0) - (NOTICE + 4 if row.noticed else 0)
    return textwrap.wrap(row.label, max(int(room / SIGN), 8)) or [""]


def _height(row: Row, lines: Sequence[str]) -> int:
    return (BARE_ROW if row.kind == "bare" else ROW) + LINE * (len(lines) - 1) + (STRIP if row.lights else 0)


def _text(x: float, y: float, words: str, classes: str | None = None) -> Html:
    return element("text", words, x=_n(x) if x else None, y=_n(y), class_=classes)


def _upright(x: float, strips: Sequence[float], name: str) -> Html:
    """A vertical line that leaves out the names of the rows, which could not be read through it."""
    return element("path", d="".join(f"M{_n(x)} {_n(start + 2)}v{UNDER + 4}" for start in strips), class_=name)


def _axis(scale: Scale, at: At, null: float | None, y: float, down: int) -> list[Html]:
    """The axis with its ticks on one side; of ticks whose words would meet, the first stands, and always that of no effect."""
    kept: list[tuple[float, str]] = []
    for value, word in sorted(scale.ticks, key=lambda tick: tick[0] != null):
        x = at(value)
        if all(abs(x - other) >= SIGN * (len(word) + len(beside)) / 2 + 4 for other, beside in kept):
            kept.append((x, word))
    ticks = "".join(f"M{_n(x)} {_n(y)}v{4 * down}" for x, _ in sorted(kept))
    line = f"M{_n(at(scale.low))} {_n(y)}H{_n(at(scale.high))}{ticks}"
    words = [_text(_inside(x, word), y + (17 if down > 0 else -7), word, "cb-tick") for x, word in sorted(kept)]
    return [element("path", d=line, class_="cb-axis"), *words]


def _inside(x: float, word: str) -> float:
    """The middle of a word that would stand at ``x``, moved so that it does not leave the drawing.

    >>> _inside(2, "0.01"), _inside(100, "1")
    (17.4, 100)
    """
    half = SIGN * len(word) / 2 + 2
    return min(max(x, half), WIDTH - half)


def _row(row: Row, lines: Sequence[str], at: At, scale: Scale) -> list[Html]:
    strong = "cb-strong" if row.kind in ("pooled", "bare") and not row.href else None
    names = join(*(_text(0, 13 + LINE * i, line, strong) for i, line in enumerate(lines)))
    parts: list[Html] = [element("a", names, href=row.href) if row.href else names]
    if row.noticed:
        right = min(9 + SIGN * len(lines[0]), WIDTH - NOTICE)
        parts.append(element("path", d=f"M{_n(right - NOTICE / 2)} 13h{NOTICE}l-5-9z", class_="cb-notice-mark"))
    if row.value:
        parts.append(_text(WIDTH, 13, row.value, "cb-end cb-strong" if strong else "cb-end"))
    y = LINE * len(lines) + UNDER / 2 + 2
    if row.counts and row.kind != "bare":
        parts.append(_text(WIDTH, y + 4.5, row.counts, "cb-end cb-soft"))
    elif row.counts:
        parts.append(_text(WIDTH, 13, row.counts, "cb-end cb-soft"))
    for answer, reach in (("yes", 0.01), ("no", 9), ("unclear", 0.01)):
        at_x = [EDGE + LIGHT_STEP * (i + 0.5) - reach / 2 for i, given in enumerate(row.lights) if given == answer]
        if at_x:
            strokes = "".join(f"M{_n(x)} {_n(y + 15)}h{reach:g}" for x in at_x)
            parts.append(element("path", d=strokes, class_=f"cb-light-{answer}"))
    if row.low is None or row.high is None or row.kind == "bare":
        return parts
    low, high = at(row.low), at(row.high)
    if row.kind == "prediction":
        parts.append(element("path", d=f"M{_n(low)} {_n(y - 3)}H{_n(high)}v6H{_n(low)}z", class_="cb-predicted"))
    elif row.mid is not None and row.kind == "pooled":
        mid, right = _n(at(row.mid)), _n(max(high, low + 1))
        corners = f"M{_n(low)} {_n(y)}L{mid} {_n(y - _DIAMOND)} {right} {_n(y)} {mid} {_n(y + _DIAMOND)}z"
        parts.append(element("path", d=corners, class_="cb-diamond"))
    elif row.mid is not None:
        parts += _study(row, y, at, scale)
    return parts


def _study(row: Row, y: float, at: At, scale: Scale) -> list[Html]:
    """Interval and square; an interval that goes on past the axis ends in an arrow."""
    low, high = at(row.low), at(row.high)
    parts = [element("path", d=f"M{_n(low)} {_n(y)}H{_n(high)}")]
    for x, beyond, way in ((low, row.low < scale.low, 1), (high, row.high > scale.high, -1)):
        if beyond:
            parts.append(element("path", d=f"M{_n(x - 2 * way)} {_n(y)}l{5 * way} -3v6z", class_="cb-arrow"))
    if scale.low <= row.mid <= scale.high:
        side = SQUARE_MIN + (SQUARE_MAX - SQUARE_MIN) * math.sqrt(min(max(row.size, 0.0), 1.0))
        x, half = at(row.mid), _n(side / 2)
        if row.kind == "ours":
            corners = f"M{_n(x)} {_n(y - side / 2)}l{half} {half}-{half} {half}-{half}-{half}z"
            parts.append(element("path", d=corners, class_="cb-diamond"))
        else:
            kind = "cb-open" if row.kind == "published" else None
            parts.append(element("rect", x=_n(x - side / 2), y=_n(y - side / 2), width=_n(side), height=_n(side), class_=kind))
    return parts
