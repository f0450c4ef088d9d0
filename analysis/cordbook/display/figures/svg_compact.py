"""A drawing of matplotlib as a page holds it: the same picture in less than half of the bytes.

What goes: styles as text, groups around nothing, paths that draw nothing, attributes that say what is so without them, blanks and
decimals that nobody sees. What is said by all is said once, at the root or around a run of neighbours. scour does the like, but its
last release is of 2020; this pass is small, and a test compares the two pictures dot by dot.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_HREF = "xlink:href"

#: What text says in nearly every drawing; a text that says otherwise keeps its own.
_ROOT = ("font-size", "font-family", "fill")
#: What an element says although it is so without a word.
_SAID_ANYWAY = {"text-anchor": "start", "stroke-dashoffset": "0", "x": "0", "y": "0"}
#: Attributes of an element alone, which neighbours do not share by standing in one group.
_OWN = {"id", "d", "x", "y", "width", "height", "transform", "opacity", "cx", "cy", "r", _HREF}
_GEOMETRY = ("d", "x", "y", "width", "height", "transform", "points")
#: Decimals of a coordinate: hundredths of a point, less than any screen or press can show; what rounding makes of equal lengths.
_DECIMALS, _ROUNDING = 2, 0.02
_LONG_NUMBER = re.compile(r"-?\d+\.\d+|-0\b(?!\.)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_LEVEL = re.compile(r"^M(\S+) (\S+)L(\S+) \2$")
#: How matplotlib draws a circle: from the foot, in eight curves.
_EIGHT_CURVES = re.compile(r"M[^A-Z]+(?:C[^A-Z]+){8}z")
_NO_TURN = re.compile(r"rotate\(-?0 [^)]*\)\s*")
_COMMAND = re.compile(r"\s*([A-Za-z])\s*")
_REFERENCE = re.compile(r"#([^)]+)")


def compact(svg: str, prefix: str) -> str:
    """The drawing without what a page can do without; its ids are ``prefix.1``, ``prefix.2`` and so on.

    The global style goes, because its ``*`` would reach the whole page; cordbook.css says the same of figures.

    >>> ns = 'xmlns="http://www.w3.org/2000/svg"'
    >>> compact(f'<svg {ns}><g><path d="M 1 2 L 3.1259 2 " style="fill: none; stroke: #000"/></g></svg>', "a")
    '<svg xmlns="http://www.w3.org/2000/svg"><path d="M1 2H3.13" fill="none" stroke="#000"/></svg>'
    """
    root = ElementTree.fromstring(svg)
    for node in root.iter():
        _name_plainly(node)
        node.text, node.tail = (node.text if node.tag == "text" or (node.text or "").strip() else None), None
        _shorten(node)
    root.attrib = _without(root, "width", "height", "version")
    _place_markers(root)
    _clip_what_needs_it(root)
    _unwrap(root)
    for node in root.iter():
        if node.tag == "path" and _EIGHT_CURVES.fullmatch(node.get("d", "")):
            _as_circle(node)
    _factor_out_text_style(root)
    _gather(root)
    _shorten_ids(root, prefix)
    _unwrap(root)  # what was defined for others and is used by none has no id any more
    linked = {"xmlns:xlink": _XLINK} if any(_HREF in node.attrib for node in root.iter()) else {}
    root.attrib = {"xmlns": _SVG, **linked, **root.attrib}
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


def _name_plainly(node: Element) -> None:
    """Names as they stand in the text, so that nothing has to be registered with the parser for the whole program."""
    node.tag = node.tag.removeprefix(f"{{{_SVG}}}")
    node.attrib = {name.replace(f"{{{_XLINK}}}", "xlink:"): value for name, value in node.attrib.items()}


def _shorten(node: Element) -> None:
    """Attributes instead of styles, which a strict Content-Security-Policy forbids; numbers and paths without spare signs."""
    for part in node.attrib.pop("style", "").split(";"):
        name, _, value = part.partition(":")
        if name.strip():
            node.set(name.strip(), value.strip())
    node.attrib.pop("target", None)
    for name in _GEOMETRY:
        if name in node.attrib:
            node.set(name, _LONG_NUMBER.sub(_rounded, node.attrib[name]))
    if "d" in node.attrib:
        node.set("d", _LEVEL.sub(r"M\1 \2H\3", _COMMAND.sub(r"\1", node.attrib["d"]).strip()))
    if turn := _NO_TURN.sub("", node.attrib.pop("transform", "")).strip():
        node.set("transform", turn)
    if node.tag in ("text", "path", "use", "rect"):
        for name, usual in _SAID_ANYWAY.items():
            if node.get(name) == usual:
                del node.attrib[name]


def _rounded(number: re.Match[str]) -> str:
    """A number with few decimals.

    >>> [_LONG_NUMBER.sub(_rounded, n) for n in ("12.3456", "7.000", "-0.0001", "-0", "-0.5")]
    ['12.35', '7', '0', '0', '-0.5']
    """
    return _short(float(number[0]))


def _short(value: float) -> str:
    short = f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def _place_markers(root: Element) -> None:
    """A marker that is used once stands in the place of its use; of others the use is quiet about what the marker says itself."""
    parents = {child: parent for parent in root.iter() for child in parent}
    markers = {node.get("id"): node for node in root.iter() if node.tag == "path" and "id" in node.attrib}
    uses = [node for node in root.iter() if node.tag == "use" and node.get(_HREF, "")[1:] in markers]
    often = Counter(use.attrib[_HREF][1:] for use in uses)
    for use in uses:
        name = use.attrib[_HREF][1:]
        marker = markers[name]
        if often[name] > 1:
            for found in set(use.attrib) & set(marker.attrib):
                del use.attrib[found]
            continue
        at = f"translate({use.attrib.pop('x', '0')} {use.attrib.pop('y', '0')})"
        del use.attrib[_HREF]
        use.tag = marker.tag
        use.attrib = {"d": marker.get("d", ""), "transform": at, **use.attrib, **_without(marker, "d", "id")}
        parents[marker].remove(marker)


def _without(node: Element, *names: str) -> dict[str, str]:
    return {name: value for name, value in node.attrib.items() if name not in names}


def _unwrap(node: Element) -> None:
    """Groups that say nothing give way to what they hold, and what draws nothing goes."""
    kept: list[Element] = []
    for child in node:
        if child.tag == "defs":  # what is defined may take its look from where it is used, by its id
            child[:] = [defined for defined in child if "id" in defined.attrib]
        else:
            _unwrap(child)
        if child.tag == "g" and not child.attrib:
            kept += child
        elif not _draws_nothing(child):
            kept.append(child)
    node[:] = kept


def _draws_nothing(node: Element) -> bool:
    if node.tag in ("g", "defs"):
        return len(node) == 0
    bare = node.get("fill") == "none" and node.get("stroke", "none") == "none"
    return node.tag == "path" and (bare or not re.search(r"[A-Za-z].*[A-Za-z]", node.get("d", "")))


def _clip_what_needs_it(root: Element) -> None:
    """Lines and areas that lie within their clip go without it."""
    boxes = {}
    for clip in (node for node in root.iter() if node.tag == "clipPath"):
        if len(clip) == 1 and clip[0].tag == "rect":
            x, y, width, height = (float(clip[0].get(name, "0")) for name in ("x", "y", "width", "height"))
            boxes[f"url(#{clip.get('id')})"] = (x, y, x + width, y + height)
    for node in root.iter("path"):
        box = boxes.get(node.get("clip-path", ""))
        if box is None or "transform" in node.attrib:
            continue
        xs, ys = _points(node)
        # No stroke or arrow-like corner of ours reaches further out than its width.
        out = float(node.get("stroke-width", "1")) if node.get("stroke", "none") != "none" else 0.0
        if box[0] <= min(xs) - out and box[1] <= min(ys) - out and max(xs) + out <= box[2] and max(ys) + out <= box[3]:
            del node.attrib["clip-path"]


def _points(path: Element) -> tuple[list[float], list[float]]:
    """All points of a path, those that only bend a curve too: their box holds what is drawn."""
    d = path.get("d", "")
    if level := re.fullmatch(r"M(\S+) (\S+)H(\S+)", d):
        return [float(level[1]), float(level[3])], [float(level[2])]
    numbers = [float(n) for n in _NUMBER.findall(d)]
    return numbers[::2], numbers[1::2]


def _as_circle(path: Element) -> None:
    """Eight curves from the foot of a circle are that circle, where all that they pass is as far from its middle."""
    xs, ys = _points(path)
    xs, ys = xs[0::3], ys[0::3]
    x, y, radius = xs[0], (max(ys) + min(ys)) / 2, (max(ys) - min(ys)) / 2
    if all(abs(math.hypot(u - x, v - y) - radius) <= _ROUNDING for u, v in zip(xs, ys, strict=True)):
        path.tag = "circle"
        del path.attrib["d"]
        path.attrib = {"cx": _short(x), "cy": _short(y), "r": _short(radius), **path.attrib}


def _drawn(node: Element) -> Iterator[Element]:
    """The elements of a drawing but for what stands in ``defs``, which takes its look from where it is used."""
    for child in node:
        if child.tag != "defs":
            yield child
            yield from _drawn(child)


def _factor_out_text_style(root: Element) -> None:
    """What the first text says of its font and colour is said at the root; what is drawn without a colour says so from now on."""
    first = next((node for node in _drawn(root) if node.tag == "text"), None)
    if first is None:
        return
    for name in _ROOT:
        if (common := first.get(name)) is None:
            continue
        root.set(name, common)
        for node in _drawn(root):
            if node.tag == "text" and node.get(name) == common:
                del node.attrib[name]
            elif name == "fill" and node.tag in ("path", "circle", "use") and name not in node.attrib:
                node.set(name, "#000")


def _gather(node: Element) -> None:
    """Neighbours that say the same say it once, in a group around them."""
    for child in node:
        if child.tag != "defs":
            _gather(child)
    kept: list[Element] = []
    for same, run in groupby(node, key=_shared):
        members = list(run)
        if len(members) < 2 or not same:
            kept += members
            continue
        group = Element("g", dict(same))
        for member in members:
            for name, _ in same:
                del member.attrib[name]
        group[:] = members
        kept.append(group)
    node[:] = kept


def _shared(node: Element) -> tuple[tuple[str, str], ...]:
    """What an element could share with its neighbours: nothing where it holds others, or is moved and clipped at once."""
    if len(node) or ("transform" in node.attrib and "clip-path" in node.attrib):
        return ()
    return tuple(sorted((name, value) for name, value in node.attrib.items() if name not in _OWN))


def _shorten_ids(root: Element, prefix: str) -> None:
    """Ids by number, of those alone that something refers to."""
    named = {node.attrib["id"]: node for node in root.iter() if "id" in node.attrib}
    used: dict[str, str] = {}

    def short(found: re.Match[str]) -> str:
        return f"#{used.setdefault(found[1], f'{prefix}.{len(used) + 1}')}" if found[1] in named else found[0]

    for node in root.iter():
        for name, value in node.attrib.items():
            if name == _HREF or value.startswith("url(#"):
                node.set(name, _REFERENCE.sub(short, value))
    for name, node in named.items():
        if name in used:
            node.set("id", used[name])
        else:
            del node.attrib["id"]
