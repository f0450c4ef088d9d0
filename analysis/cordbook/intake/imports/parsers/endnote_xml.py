"""EndNote XML, read record by record, so that a broken one spoils no other.

No document type can stand in a record, so no entity can be declared: the attacks that defusedxml guards against have no place.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from cordbook.intake.imports.parsers.parsed import TWO_TITLES, Parsed, Reject, build, two_values

#: Field to the path of its element in a record.
PATHS = {
    "title": ("titles/title",),
    "authors": ("contributors/authors/author",),
    "year": ("dates/year", "dates/pub-dates/date"),
    "container": ("periodical/full-title", "titles/secondary-title", "alt-periodical/full-title", "periodical/abbr-1"),
    "volume": ("volume",),
    "issue": ("number", "issue"),
    "pages": ("pages",),
    "doi": ("electronic-resource-num",),
    "accession": ("accession-num",),
    "database": ("remote-database-name",),
    "language": ("language",),
    "kind": ("work-type",),
    "url": ("urls/related-urls/url", "urls/web-urls/url"),
    "abstract": ("abstract",),
}
#: Elements that name the source or the number there.
ORIGIN = ("remote-database-name", "remote-database-provider", "accession-num")
_RECORD = re.compile(r"<record\b[^>]{0,200}?(?<!/)>")
_FRAME = re.compile(r"<\?[^>]{0,200}\?>|<!DOCTYPE[^>]{0,200}>|</?(?:xml|records)\b[^>]{0,200}>|<!--.{0,2000}?-->", re.S)
_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8BbCcEeFf]|1[0-9A-Fa-f])|0*(?:[0-8]|1[1-24-9]|2\d|3[01]));"
)


def parse(text: str) -> Parsed:
    """Read an EndNote XML file."""
    records: list[Any] = []
    rejects: list[Reject] = []
    starts = [m.start() for m in _RECORD.finditer(text)] + [len(text)]
    line = 1
    _outside(text[: starts[0]], line, rejects)
    line += text.count("\n", 0, starts[0])
    for start, end in pairwise(starts):
        piece = text[start:end]
        body, closed, rest = piece.partition("</record>")
        raw = (body + closed).rstrip()
        last = line + raw.count("\n")
        try:
            # XML 1.0 forbids control characters; some exports hold them all the same.
            values = _values(ElementTree.fromstring(_FORBIDDEN.sub(" ", body + closed)))
            record = build(values, PATHS)
            if two_values(values["titles/title"]):
                rejects.append(Reject(line, last, TWO_TITLES, raw))
            elif record.title:
                records.append((line, record))
            else:
                rejects.append(Reject(line, last, "no title", raw))
        except (ElementTree.ParseError, ValueError) as error:
            why = f"not well-formed XML: {error}" if closed else "the file ends, or the next record begins, inside this record"
            rejects.append(Reject(line, last, why, raw))
        _outside(rest, line + (body + closed).count("\n"), rejects)
        line += piece.count("\n")
    return Parsed("EndNote XML", tuple(records), tuple(rejects))


def _outside(text: str, line: int, rejects: list[Reject]) -> None:
    bare = _FRAME.sub("", text).strip()
    if bare:
        rejects.append(Reject(line, line + text.rstrip().count("\n"), "text outside of any record", bare))


def _values(node: ElementTree.Element) -> dict[str, list[str]]:
    values = {path: [_text(e) for e in node.findall(path)] for paths in PATHS.values() for path in paths}
    values["work-type"] += [kind.get("name", "") for kind in node.findall("ref-type")]
    return values | {path: values.get(path, []) or [_text(e) for e in node.findall(path)] for path in ORIGIN}


def _text(node: ElementTree.Element) -> str:
    """The words of an element; EndNote wraps them in style elements."""
    return " ".join("".join(node.itertext()).split())
