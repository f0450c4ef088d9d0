"""Text from strangers, made harmless: no escape sequences, no direction tricks, no markup."""

from __future__ import annotations

import html
import re
import unicodedata

from cordbook.core.trust.characters import UNSEEN, UNWANTED, begins_as_formula, runs_as_formula

#: Terminal escape sequences as a whole, so that their letters do not stay behind: CSI, OSC and the other string types.
#: The one-byte forms (C1) are taken away alone: in text read with the wrong encoding they are letters, and what follows is text.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b\x9c\n]{0,500}(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
#: Markup of titles and abstracts: HTML, MathML and JATS. A comparison such as "p < 0.05 and n > 3" is none.
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9:-]{0,40}(?:\s+[^<>]{0,300})?\s*/?>|<!--.{0,1000}?-->", re.S)
_CODE = re.compile(r"<(script|style)\b[^>]*>.*?</\1\s*>", re.S | re.I)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


def harmless(text: str) -> str:
    """``text`` without control characters, escape sequences and invisible marks; line breaks and tabs stay.

    >>> harmless("a\\x1b[31mred\\x1b[0m\\u202e b\\x00")
    'ared b'
    """
    return _CONTROLS.sub("", UNSEEN.sub("", _ESCAPES.sub("", text)))


def one_line(text: str) -> str:
    """:func:`harmless` text on one line, as a terminal or a cell shows it.

    >>> one_line(" two\\r\\n  lines ")
    'two lines'
    """
    return " ".join(harmless(text).split())


def plain(text: object) -> str:
    """A field of a record as stored: one line, harmless, markup and entities resolved, in NFC.

    >>> plain("Effect of <i>in vivo</i> Ca<sup>2+</sup> &amp; more, p &lt; 0.05<script>alert(1)</script>")
    'Effect of in vivo Ca2+ & more, p < 0.05'
    """
    value = "" if text is None else str(text)
    if value.isascii() and value.replace("\n", " ").isprintable() and "<" not in value and "&" not in value:
        return " ".join(value.split())
    # Three rounds: exports escape what was escaped already (&amp;lt;i&amp;gt;).
    for _ in range(3):
        stripped = _TAG.sub(_gap, _CODE.sub(" ", harmless(value)))
        stripped = _ENTITY.sub(lambda m: html.unescape(m.group()), stripped)
        if stripped == value:
            break
        value = stripped
    value = _TAG.sub(_gap, harmless(value))
    # What the rules of the evidence refuse: characters that are no letters (private ones of PDF files) or join letters unseen.
    if unwanted := {ord(c): " " if c.isspace() else "" for c in set(value) if unicodedata.category(c) in UNWANTED}:
        value = value.translate(unwanted)
    return one_line(unicodedata.normalize("NFC", value))


#: Tags that stand inside a word; all others end one.
_INLINE = frozenset(["i", "b", "em", "strong", "sub", "sup", "u", "sc", "span", "italic", "bold", "font", "a", "small"])


def _gap(match: re.Match[str]) -> str:
    name = re.match(r"</?(?:[a-z]+:)?([A-Za-z]*)", match.group())
    return "" if name and name.group(1).lower() in _INLINE else " "


def cell_for_spreadsheet(text: str) -> str:
    """``text`` with an apostrophe before what a spreadsheet would run as a formula.

    >>> cell_for_spreadsheet("=HYPERLINK(1)")
    "'=HYPERLINK(1)"
    """
    return f"'{text}" if begins_as_formula(text) else text


def safe(text: str) -> str:
    """``text`` as a table may hold it: what the rules of the evidence take for a formula begins with an apostrophe.

    >>> safe("=SUM(A1:A9) and the cord"), safe("-0.5")
    ("'=SUM(A1:A9) and the cord", '-0.5')
    """
    return f"'{text}" if runs_as_formula(text) else text
