"""Exports of bibliographic databases: which format a text has, and its records.

>>> from cordbook.intake.imports.parsers import parse
>>> parse("TY  - JOUR\\nTI  - A trial\\nER  - \\n").records[0][1].title
'A trial'
"""

from __future__ import annotations

import re

from cordbook.intake.imports.parsers import bibtex, endnote_xml, forms, table, tagged
from cordbook.intake.imports.parsers.parsed import Parsed, Reject

__all__ = ["FORMATS", "Parsed", "Reject", "format_of", "parse"]

#: What tells a format: the first line of this form in a file.
_SIGNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("endnote-xml", re.compile(r"<record\b|<records\b|<xml>")),
    ("ris", re.compile(r"(?m)^\s{0,3}TY  -")),
    ("nbib", re.compile(r"(?m)^PMID- ")),
    ("wos", re.compile(r"(?m)^(?:FN (?:Clarivate|Thomson|ISI)|PT [JBCSP]\s*$)")),
    ("endnote", re.compile(r"(?m)^%0 ")),
    ("noteexpress", re.compile(r"(?m)^\{Reference Type\}:")),
    ("refworks", re.compile(r"(?m)^RT (?=[A-Z])")),
    ("cnki", re.compile(r"(?m)^SrcDatabase-")),
    ("cochrane", re.compile(r"(?m)^Record #\d+ of \d+")),
    ("bibtex", re.compile(r"(?m)^\s*@[A-Za-z]+\s*[{(]")),
)
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
FORMATS = (*_TAGGED, "bibtex", "endnote-xml", "table")


def format_of(text: str) -> str:
    """The format whose sign comes first in ``text``; blank if none is known."""
    start = text[:300_000]
    found = [(match.start(), name) for name, sign in _SIGNS if (match := sign.search(start))]
    header = table.header_of(start)
    if header:
        found.append((sum(len(line) + 1 for line in start.splitlines()[: header[0]]), "table"))
    return min(found, default=(0, ""))[1]


def parse(text: str, form: str = "") -> Parsed:
    """Read an export. What cannot be read is among the rejects; nothing is raised for what a file holds."""
    form = form or format_of(text)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # Python also splits lines at these; in an export they stand inside a value.
    text = re.sub("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", " ", text)
    if not text.strip():
        return Parsed(form or "empty")
    try:
        if form in _TAGGED:
            return tagged.parse(text, _TAGGED[form])
        if form == "bibtex":
            return bibtex.parse(text)
        if form == "endnote-xml":
            return endnote_xml.parse(text)
        if form == "table":
            return table.parse(text)
        why = f"no format that is known ({', '.join(FORMATS)}); a table needs a column for the title"
    except ValueError as error:
        why = str(error)
    return Parsed(form or "unknown", (), (Reject(1, text.rstrip().count("\n") + 1, why, text.rstrip()),))
