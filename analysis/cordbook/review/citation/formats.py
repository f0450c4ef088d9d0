"""A citation written down: BibTeX, RIS, CSL-JSON, the style of the APA, or one line of plain text; each derives from its item."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from cordbook.evidence.references import item_formats
from cordbook.evidence.references.items import Item
from cordbook.review.citation.citations import Citation


def bibtex(c: Citation) -> str:
    """The citation as a BibTeX entry."""
    return item_formats.bibtex(c.item)


def ris(c: Citation) -> str:
    """The citation as a RIS record."""
    return item_formats.ris(c.item)


def csl(c: Citation) -> Item:
    """The citation as an item of CSL-JSON, without what only our own formats ask for."""
    return {name: value for name, value in c.item.items() if name != "custom"}


def csl_json(c: Citation) -> str:
    """The citation as CSL-JSON: a list of one item."""
    return json.dumps([csl(c)], indent=1, ensure_ascii=False) + "\n"


def apa(c: Citation) -> str:
    """The reference in the style of the APA, as plain text (italics are left to the writer)."""
    return item_formats.apa(c.item)


def text(c: Citation) -> str:
    """One line to put behind a sentence.

    For instance ``48% (95% CI 39 to 58; k = 27, n = 381), cordbook 0.1.0, estimate ais-improved-cell-therapy``.
    """
    if c.kind == "estimate":
        line = f"{c.number}, {c.edition.name}, estimate {c.id}"
    elif c.kind == "study":
        line = f"{item_formats.in_text(c.item)}, as read for {c.edition.name}, study {c.id}"
    else:
        line = f"{c.title}, {c.edition.name}, {c.edition.date.isoformat()}"
    return item_formats.one_line(line)


#: Formats by name, as ``cordbook cite --format`` takes them.
FORMATS: Mapping[str, Callable[[Citation], str]] = {
    "text": lambda c: text(c) + "\n",
    "apa": lambda c: apa(c) + "\n",
    "bibtex": bibtex,
    "ris": ris,
    "csl-json": csl_json,
}
