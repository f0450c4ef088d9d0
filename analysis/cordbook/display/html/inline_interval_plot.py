"""A share or a ratio with its interval as a small drawing in a row of a table, with natural recovery as a band behind it."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

from cordbook.display.html.markup import Html, element

WIDTH, HEIGHT = 160, 22
_EDGE = 4
#: Ratios beyond these stand at the edge.
LEAST_RATIO, MOST_RATIO = 0.05, 20.0
SHARE, RARE, RATIO, DIFFERENCE = "share", "rare share", "ratio", "difference"
#: The right end of the axis of rare events.
MOST_RARE = 0.2
#: Words at the ends of each axis, and the height that they take.
_ENDS = {
    SHARE: ("0", "100%"),
    RARE: ("0", f"{MOST_RARE:.0%}"),
    RATIO: (f"{LEAST_RATIO:g}", f"{MOST_RATIO:g}"),
    DIFFERENCE: ("−100", "+100"),
}
_FOOT = 13
_NO_EFFECT = {RATIO: 1.0, DIFFERENCE: 0.0}


@dataclass(frozen=True, slots=True)
class InlineIntervalPlot:
    """The drawing. What it shows stands beside it as text, so it is hidden from screen readers.

    ``point``, ``low``, ``high``, ``prediction`` and ``band`` are shares (0 to 1), ratios, or differences of shares; ``scale``
    says which. ``pooled`` draws a diamond, ``ends`` writes the ends of the axis under it. Shares run from 0 to 100%, rare ones to
    20%, ratios from 0.05 to 20 on a log scale.

    >>> "polygon" in InlineIntervalPlot(0.5, 0.4, 0.6, pooled=True).to_html()
    True
    """

    point: float
    low: float
    high: float
    _: KW_ONLY
    scale: str = SHARE
    pooled: bool = False
    prediction: tuple[float, float] | None = None
    band: tuple[float, float] | None = None
    ends: bool = False

    def __html__(self) -> Html:
        return self.to_html()

    def to_html(self) -> Html:
        """The drawing as an ``svg`` element."""
        middle = HEIGHT / 2
        at = {name: _place(value, self.scale) for name, value in (("point", self.point), ("low", self.low), ("high", self.high))}
        parts = [element("line", x1=_EDGE, x2=WIDTH - _EDGE, y1=HEIGHT - 1, y2=HEIGHT - 1, class_="cb-interval-plot-axis")]
        if self.band is not None:
            left, right = (_place(value, self.scale) for value in self.band)
            parts.append(
                element(
                    "rect",
                    x=left,
                    y=0,
                    width=f"{float(right) - float(left):.1f}",
                    height=HEIGHT - 1,
                    class_="cb-interval-plot-natural",
                )
            )
        if self.scale in _NO_EFFECT:
            null = _place(_NO_EFFECT[self.scale], self.scale)
            parts.append(element("line", x1=null, x2=null, y1=0, y2=HEIGHT - 1, class_="cb-interval-plot-axis"))
        if self.prediction is not None:
            left, right = (_place(value, self.scale) for value in self.prediction)
            parts.append(element("line", x1=left, x2=right, y1=HEIGHT - 4, y2=HEIGHT - 4, class_="cb-interval-plot-prediction"))
        if self.pooled:
            corners = f"{at['low']},{middle} {at['point']},{middle - 5} {at['high']},{middle} {at['point']},{middle + 5}"
            parts.append(element("polygon", points=corners, class_="cb-interval-plot-pooled"))
        else:
            parts.append(element("line", x1=at["low"], x2=at["high"], y1=middle, y2=middle, class_="cb-interval-plot-interval"))
            parts.append(
                element(
                    "rect", x=f"{float(at['point']) - 3:.1f}", y=middle - 3, width=6, height=6, class_="cb-interval-plot-point"
                )
            )
        height = HEIGHT + (_FOOT if self.ends else 0)
        if self.ends:
            left, right = _ENDS[self.scale]
            parts.append(element("text", left, x=0, y=height - 2))
            parts.append(element("text", right, x=WIDTH, y=height - 2, text_anchor="end"))
            if self.scale in _NO_EFFECT:
                parts.append(element("text", f"{_NO_EFFECT[self.scale]:g}", x=null, y=height - 2, text_anchor="middle"))
        return element(
            "svg",
            *parts,
            viewBox=f"0 0 {WIDTH} {height}",
            width=WIDTH,
            height=height,
            aria_hidden="true",
            focusable="false",
            class_="cb-interval-plot",
        )


def _place(value: float, scale: str) -> str:
    if scale == RATIO:
        share = math.log(min(max(value, LEAST_RATIO), MOST_RATIO) / LEAST_RATIO) / math.log(MOST_RATIO / LEAST_RATIO)
    elif scale == DIFFERENCE:
        share = (min(max(value, -1.0), 1.0) + 1) / 2
    else:
        share = min(max(value / (MOST_RARE if scale == RARE else 1.0), 0.0), 1.0)
    return f"{_EDGE + share * (WIDTH - 2 * _EDGE):.1f}"


def scale_of_shares(largest: float) -> str:
    """The axis on which a share can be seen whose interval ends at ``largest``.

    >>> scale_of_shares(0.11), scale_of_shares(0.4)
    ('rare share', 'share')
    """
    return RARE if largest <= MOST_RARE else SHARE
