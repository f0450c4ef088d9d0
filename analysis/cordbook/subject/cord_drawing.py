"""Draws the spinal cord for readers who are new to it: its levels, what each moves, where it ends; and what the AIS grades mean.

Anatomy after the International Standards for Neurological Classification of Spinal Cord Injury (ISNCSCI): the key muscles from C5 to T1 and
from L2 to S1, one a segment; 8 cervical, 12 thoracic, 5 lumbar and 5 sacral segments (the coccygeal one is left out). Lengths of
regions are those of an adult cord, about 10, 25, 6 and 4 of 45 cm; it ends at the first or second lumbar vertebra, so that lower roots run down
to their openings as the cauda equina. Drawn in the colours of the page, so that it follows light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cordbook.display.html.markup import Html, element, join

WIDTH, HEIGHT = 400, 590
_MIDDLE, _TOP, _LENGTH = 172, 26, 405
_LINE = 18


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the cord: its letter and number of segments, its share of the length, and what an injury there takes, in lines."""

    name: str
    letter: str
    segments: int
    share: float
    lines: tuple[str, ...]


REGIONS = (
    Region("Cervical", "C", 8, 0.23, ("neck, C1 to C8", "An injury here:", "arms, trunk, legs", "(tetraplegia)")),
    Region("Thoracic", "T", 12, 0.55, ("chest, T1 to T12", "An injury here:", "trunk and legs", "(paraplegia)")),
    Region("Lumbar", "L", 5, 0.13, ("L1 to L5", "legs (paraplegia)")),
    Region("Sacral", "S", 5, 0.09, ("S1 to S5", "feet, bladder, bowel")),
)
#: What a segment moves: its first and last segment, and the movement by which it is tested.
MOVES = (
    ("C3", "C5", "breathe (diaphragm)"),
    ("C5", "C5", "bend the elbow"),
    ("C6", "C6", "lift the wrist"),
    ("C7", "C7", "straighten the elbow"),
    ("C8", "C8", "close the fingers"),
    ("T1", "T1", "spread the fingers"),
    ("T2", "L1", "chest, belly, balance"),
    ("L2", "L2", "bend the hip"),
    ("L3", "L3", "straighten the knee"),
    ("L4", "L4", "lift the foot"),
    ("L5", "L5", "lift the big toe"),
    ("S1", "S1", "push the foot down"),
    ("S2", "S5", "bladder, bowel, sex"),
)
END = ("The cord ends at the first or second", "vertebra of the lower back. Below it", "its nerve roots run on (cauda equina).")


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade of the AIS: its letter, name and meaning, and how much feeling and movement is left, drawn as bars (0 to 1)."""

    letter: str
    name: str
    means: str
    feeling: float
    movement: float


GRADES = (
    Grade(
        "A",
        "complete",
        "No feeling and no movement in the lowest part of the cord (S4 and S5), which is tested around the anus.",
        0,
        0,
    ),
    Grade(
        "B",
        "feeling only",
        "Feeling is kept below the injury, around the anus too. No movement is kept further down than three levels below it.",
        0.5,
        0,
    ),
    Grade(
        "C",
        "weak movement",
        "Some movement is kept. Fewer than half of the key muscles below the injury can lift against gravity.",
        0.5,
        0.25,
    ),
    Grade("D", "useful movement", "At least half of the key muscles below the injury can lift against gravity.", 0.5, 0.75),
    Grade(
        "E", "normal", "Feeling and movement are normal again in all that is tested, after an injury that once took some.", 1, 1
    ),
)
STEP = (
    "Going up one grade can be much or little: from A to B some feeling comes back and nothing moves; from C to D muscles become "
    "strong enough to be of use."
)


@dataclass(frozen=True, slots=True)
class CordDrawing:
    """The drawing and the grades, which show themselves in a notebook as HTML."""

    id: str = "cord"

    def __repr__(self) -> str:
        return "\n".join([in_words(), *(f"AIS {g.letter}, {g.name}: {g.means}" for g in GRADES), STEP])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def to_html(self) -> Html:
        """A ``figure`` with the cord on one side and the grades on the other; on a phone one after the other."""
        return element(
            "figure",
            element("div", _cord(), element("div", _grades(), element("p", STEP)), class_="cb-cord-sides"),
            element(
                "figcaption",
                "Levels by the movements that examiners test (ISNCSCI). The height of a segment is not that of the vertebra of its name.",
            ),
            class_="cb-cord",
            id=self.id,
        )


def in_words() -> str:
    """The drawing of the cord for those who cannot see it."""
    regions = "; ".join(f"{r.name.lower()}: {' '.join(r.lines)}" for r in REGIONS)
    moves = "; ".join(f"{_span(first, last)} {what}" for first, last, what in MOVES)
    return f"The spinal cord from above to below. {regions}. What its levels move: {moves}. {' '.join(END)}"


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _places() -> dict[str, float]:
    """The height of the middle of each segment, by its name."""
    places, top = {}, float(_TOP)
    for region in REGIONS:
        step = _LENGTH * region.share / region.segments
        places |= {f"{region.letter}{i + 1}": top + step * (i + 0.5) for i in range(region.segments)}
        top += step * region.segments
    return places


def _half_width(y: float) -> float:
    """Half the width of the cord: thicker where the nerves of the arms and of the legs leave it, pointed at its end."""
    along = (y - _TOP) / _LENGTH
    thick = 9.5 + 4.5 * math.exp(-(((along - 0.17) / 0.08) ** 2)) + 4 * math.exp(-(((along - 0.84) / 0.06) ** 2))
    return thick * math.sqrt(max(0.0, 1 - max(0.0, (along - 0.86) / 0.14) ** 2))


def _bands() -> Iterator[Html]:
    """One area a region, paler from above to below, with its name and lines to the left."""
    top = float(_TOP)
    for place, region in enumerate(REGIONS):
        end = top + _LENGTH * region.share
        heights = [top + (end - top) * i / 12 for i in range(13)]
        outline = [(_MIDDLE + _half_width(y), y) for y in heights] + [(_MIDDLE - _half_width(y), y) for y in reversed(heights)]
        yield element("path", d=_path(outline) + "z", class_=f"cb-cord-band cb-cord-{region.letter.lower()}")
        yield element("path", d=f"M136 {top + 3:.1f}h-5V{end - 3:.1f}h5", class_="cb-cord-line")
        lines = (region.name, *region.lines)
        first = (top + end) / 2 - _LINE * (len(lines) - 1) / 2 + 5 + (14 if place == 3 else -8 if place == 2 else 0)
        for i, words in enumerate(lines):
            yield element(
                "text",
                words,
                x=126,
                y=f"{first + _LINE * i:.1f}",
                text_anchor="end",
                class_="cb-cord-name" if i == 0 else "cb-cord-quiet",
            )
        top = end


def _roots(places: dict[str, float]) -> Html:
    """The pairs of nerve roots: the lower, the steeper, as their openings lie ever further below."""
    path = []
    for y in places.values():
        down = 3 + 26 * ((y - _TOP) / _LENGTH) ** 3
        if y > places["L2"]:
            continue
        for side in (-1, 1):
            path.append(f"M{_MIDDLE + side * _half_width(y):.1f} {y:.1f}l{side * 13} {down:.1f}")
    return element("path", d="".join(path), class_="cb-cord-root")


def _tail(places: dict[str, float]) -> Html:
    """The cauda equina."""
    path = []
    for i, name in enumerate(("L3", "L4", "L5", "S1", "S2", "S3")):
        y = places[name]
        for side in (-1, 1):
            x, end = side * (22 - 3.6 * i), 500 + 4.5 * i
            path.append(
                f"M{_MIDDLE + side * _half_width(y) * 0.9:.1f} {y:.1f}Q{_MIDDLE + x:.1f} {y + 30:.1f} {_MIDDLE + x:.1f} {end:.1f}"
            )
    return element("path", d="".join(path), class_="cb-cord-root")


def _moves(places: dict[str, float]) -> Iterator[Html]:
    """What each level moves, to the right, with a line to its segment; names keep apart where segments crowd."""
    at = 0.0
    for first, last, what in MOVES:
        y = (places[first] + places[last]) / 2
        at = max(at + _LINE, y)
        yield element("path", d=f"M{_MIDDLE + _half_width(y) + 3:.1f} {y:.1f}L208 {at:.1f}h6", class_="cb-cord-line")
        name = element("tspan", _span(first, last).replace(" to ", "–"), class_="cb-cord-name")
        yield element("text", name, f" {what}", x=218, y=f"{at + 5:.1f}")


def _cord() -> Html:
    places = _places()
    end = [element("text", words, x=_MIDDLE - 140, y=546 + _LINE * i, class_="cb-cord-quiet") for i, words in enumerate(END)]
    return element(
        "svg",
        _roots(places),
        _tail(places),
        *_bands(),
        *_moves(places),
        *end,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=in_words(),
    )


def _grades() -> Html:
    parts = [
        (element("dt", _bars(g), element("span", element("strong", f"AIS {g.letter}: "), g.name)), element("dd", g.means))
        for g in GRADES
    ]
    key = element("p", "Bars: feeling (upper) and movement (lower) that is left below the injury.", class_="cb-cord-key")
    return join(key, element("dl", *(part for pair in parts for part in pair)))


def _bars(g: Grade) -> Html:
    """Two bars that fill with what is left; the words beside them say the same."""
    bars = []
    for y, share, kind in ((1, g.feeling, "cb-cord-feeling"), (11, g.movement, "cb-cord-movement")):
        bars.append(element("rect", x=1, y=y, width=48, height=7, rx=2, class_="cb-cord-empty"))
        if share:
            bars.append(element("rect", x=1, y=y, width=f"{48 * share:g}", height=7, rx=2, class_=kind))
    return element("svg", *bars, viewBox="0 0 50 19", width=50, height=19, aria_hidden="true", focusable="false")


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
