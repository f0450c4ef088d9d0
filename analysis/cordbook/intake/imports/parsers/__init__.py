"""Exports of bibliographic databases: which format a text has, and its records.

>>> from cordbook.intake.imports.parsers import parse
>>> parse("TY  - JOUR\\nTI  - A trial\\nER  - \\n").records[0][1].title
'A trial'
"""

from __future__ import annotations

import re

from cordbook.intake.imports.parsers import bibtex, forms, table, tagged
from cordbook.intake.imports.parsers.parsed import Parsed, Reject
from cordbook.intake.imports.parsers.tagged import Form
from cordbook.intake.imports.parsers.xml_files import XML_FORMS
from cordbook.intake.imports.parsers.xml_files import parse as parse_xml

__all__ = ["FORMATS", "FORMS", "Parsed", "Reject", "format_of", "parse"]

_TAGGED = {
    "ris": forms.RIS,
    "nbib": forms.NBIB,
    "wos": forms.WOS,
    "endnote": forms.ENDNOTE,
    "noteexpress": forms.NOTEEXPRESS,
    "refworks": forms.REFWORKS,
    "cnki": forms.CNKI,
    "cochrane": forms.COCHRANE,
}
FORMATS = (*_TAGGED, "bibtex", *XML_FORMS, "table")
#: The formats by the name that a parsed file bears.
FORMS = {form.name: name for name, form in (*_TAGGED.items(), *XML_FORMS.items())} | {"BibTeX": "bibtex", "table": "table"}
#: So much of a file is looked at to tell its format, and so many lines one opening line of a record counts for.
SAMPLE, OPENING = 300_000, 3
_ENTRY = re.compile(r"(?m)^\s*@[A-Za-z]+\s*[{(]")
_BIB_FIELD = re.compile(r"(?m)^\s*[A-Za-z_][\w-]*(?: \d{1,3})?\s*=\s*[{\"\d]")
#: Files that look like exports and are read by no one here, and what to do with them.
INSTEAD: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"(?m)\A(?:\s*<?\d{1,7}[.>]\s*)?(?:VN\s+-?\s*Ovid Technologies|(?:Unique Identifier|Accession Number|Title|Authors?)\s*$)"
        ),
        "Ovid's citation text, whose fields cannot be told apart safely: in Ovid choose Export, Format: RIS (all fields)",
    ),
    (
        re.compile(r"(?i)\A\s*(?:<!doctype html|<html\b)"),
        "a web page, not an export: save the export itself, as RIS, NBIB or CSV",
    ),
    (re.compile(r"\A%PDF-"), "a PDF file, not an export: export the records as RIS, NBIB or CSV"),
)


def format_of(text: str) -> str:
    """The format whose lines ``text`` is made of, by which tags occur how often; blank if none is known."""
    start = text[:SAMPLE]
    lines = [line for line in start.splitlines() if line.strip()]
    scores = {name: _score(form, lines) for name, form in _TAGGED.items()}
    if entries := len(_ENTRY.findall(start)):
        scores["bibtex"] = OPENING * entries + len(_BIB_FIELD.findall(start))
    for name, form in XML_FORMS.items():
        # All of a record may stand in one line.
        scores[name] = 2 * OPENING * len(form.opening().findall(start)) + 2 * any(f"<{tag}" in start for tag in form.around)
    if header := table.header_of(start):
        at, separator, names = header
        scores["table"] = OPENING + sum(line.count(separator) >= len(names) - 1 for line in start.splitlines()[at:])
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] else ""


def _score(form: Form, lines: list[str]) -> int:
    """How many lines of a text the tags of a form explain; none where nothing opens or closes a record and most lines are others."""
    known = {tag for tags in form.fields.values() for tag in tags}.union(form.begins)
    found = [match["tag"].strip() for line in lines if (match := form.line.match(line))]
    opened = sum(tag == form.begins[0] for tag in found) or sum(tag in form.begins for tag in found)
    closed = sum(bool(form.ends.match(line)) for line in lines) if form.ends else 0
    told = sum(tag in known for tag in found)
    return OPENING * (opened + closed) + told if opened or closed or 2 * told > len(lines) else 0


def parse(text: str, form: str = "", *, part: bool = False) -> Parsed:
    """Read an export. What cannot be read is among the rejects; nothing is raised for what a file holds.

    ``part``: the text is a piece of a file, so that numbers of records may be missing in it.
    """
    form = form or format_of(text)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # Python also splits lines at these; in an export they stand inside a value.
    text = re.sub("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", " ", text)
    if not text.strip():
        return Parsed(form or "empty")
    why = next((instead for sign, instead in INSTEAD if sign.search(text[:5_000])), "")
    try:
        if form in _TAGGED and not why:
            return tagged.parse(text, _TAGGED[form], part=part)
        if form == "bibtex":
            return bibtex.parse(text)
        if form in XML_FORMS:
            return parse_xml(text, XML_FORMS[form])
        if form == "table":
            return table.parse(text)
        why = why or f"no format that is known ({', '.join(FORMATS)}); a table needs a column for the title"
    except ValueError as error:
        why = str(error)
    return Parsed(form or "unknown", (), (Reject(1, text.rstrip().count("\n") + 1, why, text.rstrip(), 0),))
