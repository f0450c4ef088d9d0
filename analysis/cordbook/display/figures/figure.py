"""A finished figure: SVG for the page, the same for a file, and words for those who cannot see it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure as MatplotlibFigure

from cordbook.core.csv_files import to_csv
from cordbook.core.trust.characters import begins_as_formula
from cordbook.display.figures.style import RC, SCREEN_COLOURS
from cordbook.display.figures.svg_compact import compact
from cordbook.display.html.finished import has_element, with_attributes
from cordbook.display.html.markup import Html
from cordbook.display.html.templates import render

_XML_HEAD = re.compile(r"^.*?(?=<svg)", flags=re.S)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", flags=re.S)
#: Files that a figure can be written as, by their ending.
FORMATS = (".svg", ".png", ".pdf")
#: Dots per inch of a PNG: as many as print asks for, and a figure of the page is then 1,280 wide.
PNG_DPI = 200
#: What stays white around a PNG or PDF, in inches; on a page the margin is that of the page.
MARGIN_IN = 0.1
#: What would make the bytes of a file differ from day to day, or from one version of a library to the next.
UNDATED = {".png": {"Software": None}, ".pdf": {"CreationDate": None, "Creator": None, "Producer": None}}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with an id, a title, a caption that says how to read it and an alternative text that gives the result.

    In a notebook it shows itself as HTML with the drawing inside, so that text can be searched, links work and
    colours follow the reader's light or dark page. ``save`` writes SVG, PNG or PDF.
    """

    id: str
    title: str
    caption: str
    alt: str
    svg: str
    width_px: int
    #: A second drawing of the same for narrow screens, which only cordbook.css brings to sight.
    narrow: str = ""
    #: What is drawn as CSV, for those who download it.
    data: str = ""
    #: The drawing itself, for the formats that no text can be turned into; it does not leave the process.
    drawing: MatplotlibFigure | None = field(default=None, compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.id, self.title, self.caption, self.alt, self.svg, self.width_px, self.narrow, self.data)

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": self.alt}

    def to_html(self) -> str:
        """The figure as an HTML ``figure`` element."""
        # Lines of the table stay lines, which text in a template would not.
        numbers = Html("\n").join(self.data.split("\n"))
        parts = {"drawing": Html(_for_screen(self.svg, self.id)), "narrow": Html(self.narrow), "numbers": numbers}
        return render("figure.html.jinja", figure=self, least=_least_width(self.width_px), **parts).rstrip("\n")

    def save(self, path: Path | str) -> Path:
        """Write the figure to ``path``; the ending tells the format: .svg, .png (on white) or .pdf. The same figure gives the same bytes."""
        path = Path(path)
        ending = path.suffix.lower()
        if ending not in FORMATS:
            raise ValueError(f"{path.name}: figures are written as {', '.join(FORMATS)}; give a name that ends in one of them")
        if ending == ".svg":
            path.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + self.svg, encoding="utf-8")
            return path
        if self.drawing is None:
            raise ValueError(
                f"{path.name}: this figure was read from a file or another process, where it is SVG alone; draw it anew"
            )
        with matplotlib.rc_context(RC):
            look: dict[str, Any] = {"dpi": PNG_DPI, "facecolor": "white", "bbox_inches": "tight", "pad_inches": MARGIN_IN}
            self.drawing.savefig(path, format=ending[1:], metadata=UNDATED[ending], **look)
        return path


@contextmanager
def canvas(figure_id: str, width_in: float, height_in: float) -> Iterator[MatplotlibFigure]:
    """An empty matplotlib figure in the style of the book; independent of pyplot and of any global state."""
    settings = {**RC, "svg.hashsalt": figure_id}
    with matplotlib.rc_context(settings):
        yield MatplotlibFigure(figsize=(width_in, height_in))


def finish(
    drawing: MatplotlibFigure, *, figure_id: str, title: str, caption: str, alt: str, narrow: str = "", data: str = ""
) -> Figure:
    """Turn a drawing into a :class:`Figure`; call it inside :func:`canvas`. The same drawing gives the same bytes.

    ``narrow`` is the same for narrow screens, made by :mod:`cordbook.display.figures.forest_narrow` or by :func:`small`; ``data`` are
    its numbers as CSV.
    """
    buffer = io.StringIO()
    drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = _METADATA.sub("", _XML_HEAD.sub("", buffer.getvalue(), count=1)).strip()
    svg = "\n".join(line.rstrip() for line in svg.splitlines())
    width = round(drawing.get_figwidth() * 96)
    return Figure(figure_id, title, caption, alt, _with_own_ids(svg, figure_id), width, narrow, data, drawing)


def small(figure: Figure) -> str:
    """A figure that was drawn again for narrow screens, as ``narrow`` of the wide one; cordbook.css brings it to sight there."""
    return with_attributes(_for_screen(figure.svg, f"{figure.id}.s"), "svg", class_="cb-small", display="none")


def table_csv(columns: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> str:
    """What a figure shows as CSV: numbers with six significant digits, what is not known left empty.

    >>> table_csv(["study", "share"], [["Ash, 2001", 0.123456789], ["Birch", None]])
    'study,share\\n"Ash, 2001",0.123457\\nBirch,\\n'
    """
    lines = ({c: _csv_value(v) for c, v in zip(columns, row, strict=True)} for row in rows)
    return to_csv(lines, columns).replace("\r\n", "\n")


def _csv_value(value: str | float | None) -> str:
    """A text that a spreadsheet would take for a formula begins with a quotation mark.

    >>> _csv_value("=1+1"), _csv_value(-0.5)
    ("'=1+1", '-0.5')
    """
    if isinstance(value, str):
        return f"'{value}" if begins_as_formula(value) else value
    return "" if value is None else f"{value:.6g}"


def _with_own_ids(svg: str, figure_id: str) -> str:
    """Prefix ids, which matplotlib gives anew in every figure, so that a page may hold several."""
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    svg = re.sub(r'\s*\bid="([^"]+)"', lambda m: f' id="{figure_id}.{m[1]}"' if m[1] in used else "", svg)
    return re.sub(r'(url\(#|href="#)([^")]+)', lambda m: f"{m[1]}{figure_id}.{m[2]}" if m[2] in ids else m[0], svg)


def _for_screen(svg: str, figure_id: str) -> str:
    """The drawing for a page: it fills the width it is given, its colours follow the page, and it is less than half as long."""
    # A drawing with links is left to be read: what can be reached by keyboard must not be hidden from those who listen.
    hidden = None if has_element(svg, "a") else "true"
    svg = with_attributes(compact(svg, figure_id), "svg", aria_hidden=hidden, focusable="false")
    return recolour(svg, SCREEN_COLOURS)


def _least_width(width_px: int) -> int:
    """The width below which a figure scrolls in its box, in steps that cordbook.css has a class for."""
    return min(-(-width_px // 80) * 80, 640)


def recolour(svg: str, colours: Mapping[str, str]) -> str:
    """Replace fixed colours by variables of the page with the fixed colour as fallback."""
    for colour, variable in colours.items():
        svg = svg.replace(colour, f"var({variable}, {colour})")
    return svg
