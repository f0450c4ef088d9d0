"""Rules of axes and labels, for all figures: which scale suits shares, which ticks have room, where names stand apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from cordbook.display.figures.style import FONT_SIZE, RC

#: Upper ends for an axis of shares, in percent: the first that holds all that must be seen is taken. Never less than the first:
#: on a shorter axis every interval of a small study would run off it, and rare harms could not be compared between figures.
PERCENT_ENDS = (10, 20, 40, 60, 80, 100)
#: Below this share, in percent, a result is rare.
RARE = 10
#: Ticks of an axis of shares in percent, the more telling first; those without room are left out.
PERCENT_TICKS = {
    "linear": {10: (0, 10, 5, 2, 4, 6, 8), 20: (0, 20, 10, 5, 15), 40: (0, 40, 20, 10, 30), 60: (0, 60, 30, 15, 45),
               80: (0, 80, 40, 20, 60), 100: (0, 100, 50, 25, 75)},
    "root": {end: (0, end, 10, 1, 5, 20, 2, 40, 60, 80) for end in (20, 40, 60, 80, 100)},
}  # fmt: skip
#: Ticks of an axis of ratios, the more telling first.
RATIO_TICKS = (1, 10, 0.1, 100, 0.01, 2, 0.5, 5, 0.2, 50, 0.02)
#: Room between two words on an axis, and between a name and a point, in points.
BESIDE_PT, NAME_GAP_PT = 6.0, 5.0


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = FONT_SIZE, *, bold: bool = False) -> float:
    """The width of a text in points, in the widest of the usual fonts.

    >>> text_width("mm") > text_width("ii") and text_width("a", bold=True) > text_width("a")
    True
    """
    font = FontProperties(family=RC["font.sans-serif"], size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def wrapped(text: str, room: float, *, bold: bool = False) -> list[str]:
    """A text in lines that are no wider than ``room`` points; a word that is wider by itself, such as an address, is broken.

    >>> wrapped("Review only", 40), wrapped("", 40), "".join(wrapped("10.1000/182", 40))
    (['Review', 'only'], [''], '10.1000/182')
    """

    def fits(words: str) -> bool:
        return text_width(words, bold=bold) <= room

    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if fits(longer):
            lines[-1] = longer
        elif fits(word):
            lines.append(word)
        else:
            lines[-1:] = _broken(longer, fits)
    return lines


def _broken(text: str, fits: Callable[[str], bool]) -> list[str]:
    """A text in pieces that fit, of one sign at least."""
    pieces = []
    while text and not fits(text):
        end = next((n for n in range(len(text) - 1, 1, -1) if fits(text[:n])), 1)
        pieces.append(text[:end])
        text = text[end:]
    return [*pieces, text] if text else pieces


def with_room(ticks: Iterable[tuple[float, str]], *, size: float = FONT_SIZE) -> list[tuple[float, str]]:
    """Those of the ticks, as (place in points, word), whose words do not meet; the first of the sequence are kept first.

    >>> with_room([(0, "1"), (100, "100"), (90, "50"), (40, "10")])
    [(0, '1'), (40, '10'), (100, '100')]
    """
    kept: list[tuple[float, str]] = []
    for at, word in ticks:
        half = text_width(word, size) / 2
        if all(abs(at - other) >= half + text_width(beside, size) / 2 + BESIDE_PT for other, beside in kept):
            kept.append((at, word))
    return sorted(kept)


@dataclass(frozen=True, slots=True)
class PercentScale:
    """An axis of shares from 0 to ``end`` (percent): ``linear``, or by the square ``root``, which gives small shares room."""

    kind: str
    end: int

    @classmethod
    def of(cls, shares: Sequence[float], must_show: Iterable[float | None], pooled: float | None = None) -> PercentScale:
        """The scale for shares of studies (0 to 1) where other values must be seen too, such as the limits of a pooled result.

        Where the result is rare, the pooled one or else that of the middle study, and something to be seen is not, small shares
        would lie on each other at the left end: the axis is by the square root. Else it is linear.

        >>> PercentScale.of([0, 0, 0], [0.015]), PercentScale.of([0, 0.01, 0.45], []), PercentScale.of([0.3, 0.6], [])
        (PercentScale(kind='linear', end=10), PercentScale(kind='root', end=60), PercentScale(kind='linear', end=80))
        """
        need = 100 * max([*shares, *(value for value in must_show if value is not None), 0.0])
        end = next((end for end in PERCENT_ENDS if end >= need * 1.02), 100)
        usual = 100 * (median(shares) if pooled is None and shares else pooled or 0.0)
        return cls("root" if usual < RARE < end else "linear", end)

    def apply(self, axes: Axes, width_pt: float, *, people: str) -> None:
        """Set the horizontal axis, ``width_pt`` wide, with ticks that have room."""
        end = self.end / 100
        if self.kind == "root":
            axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
        axes.set_xlim(0, end)
        place = (lambda share: math.sqrt(share / end)) if self.kind == "root" else (lambda share: share / end)
        found = [t / 100 for t in PERCENT_TICKS[self.kind][self.end] if t <= self.end]
        words = {f"{100 * t:g}": t for t in found}
        kept = with_room((place(t) * width_pt, word) for word, t in words.items())
        axes.set_xticks([words[word] for _, word in kept], [word for _, word in kept])
        axes.minorticks_off()
        axes.set_xlabel(f"Percent of {people}" + (", square-root scale" if self.kind == "root" else ""))


def set_ratio_ticks(axes: Axes, room_pt: float, *, vertical: bool = False, more: Sequence[float] = ()) -> None:
    """Ticks of a logarithmic axis of ratios whose limits are set, those alone that have room in its length (in points)."""
    low, high = axes.get_ylim() if vertical else axes.get_xlim()
    span = math.log(high / low)
    found = [t for t in (*RATIO_TICKS, *more) if low <= t <= high]
    kept = with_room((math.log(t / low) / span * room_pt, f"{t:g}") for t in found)
    set_ticks = axes.set_yticks if vertical else axes.set_xticks
    set_ticks([float(word) for _, word in kept], [word for _, word in kept])
    axes.minorticks_off()


Box = tuple[float, float, float, float]


def place_names(
    names: Sequence[str], points: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]], size: tuple[float, float]
) -> list[tuple[float, float, str] | None]:
    """Where the names of points stand, all in points of the drawing: (x, y, alignment), or None for a name without room.

    A name meets no other name and no point, ``others`` among them, and stays within ``size``. The first go first.

    >>> place_names(["A", "B"], [(50, 50), (50, 50)], [], (100, 100))
    [(55.0, 50.0, 'left'), (45.0, 50.0, 'right')]
    """
    half = FONT_SIZE * 0.62
    taken: list[Box] = [(x - 3, y - 3, x + 3, y + 3) for x, y in {*points, *others}]
    found: list[tuple[float, float, str] | None] = []
    for name, (x, y) in zip(names, points, strict=True):
        wide = text_width(name)
        own = (x - 3, y - 3, x + 3, y + 3)
        for dx, dy, way in _AROUND:
            left = x + dx if way == "left" else x + dx - wide if way == "right" else x + dx - wide / 2
            box = (left, y + dy - half, left + wide, y + dy + half)
            inside = box[0] >= 0 and box[2] <= size[0] and box[1] >= 0 and box[3] <= size[1]
            if inside and not any(_meet(box, other) for other in taken if other != own):
                taken.append(box)
                found.append((x + dx, y + dy, way))
                break
        else:
            found.append(None)
    return found


#: Places of a name around its point, the better first: beside it, above, below, and further off.
_AROUND = (
    (NAME_GAP_PT, 0.0, "left"), (-NAME_GAP_PT, 0.0, "right"), (0.0, 11.0, "center"), (0.0, -11.0, "center"),
    (NAME_GAP_PT, 9.0, "left"), (-NAME_GAP_PT, 9.0, "right"), (NAME_GAP_PT, -9.0, "left"), (-NAME_GAP_PT, -9.0, "right"),
    (NAME_GAP_PT, 19.0, "left"), (-NAME_GAP_PT, 19.0, "right"), (0.0, 22.0, "center"),
)  # fmt: skip


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
