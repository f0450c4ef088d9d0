"""A citation written down: BibTeX, RIS, CSL-JSON, the style of the APA, or one line of plain text.

Sources: BibTeX entry types of Patashnik 1988; RIS tags as Reference Manager and Zotero read them; CSL-JSON 1.0.2
(https://docs.citationstyles.org/en/stable/specification.html); Publication Manual of the APA, 7th edition, chapters 9 and 10.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cordbook.evidence.labels import NOT_SEEN
from cordbook.evidence.references.bibliography import latex_text
from cordbook.review.citation.citations import Citation
from cordbook.review.citation.edition import Author

FIRST_ONLY = "Of the authors only the first is recorded."
_CSL_TYPES = {"book": "book", "estimate": "chapter"}


def _heading(c: Citation) -> str:
    return f"{c.title}: {c.number}" if c.number else c.title


def _notes(c: Citation) -> list[str]:
    """What no field of its own holds: the version, the id, and what is not known of the record."""
    if c.kind != "study":
        return [c.edition_text, *([f"Estimate {c.id}"] if c.id else [])]
    return [*([FIRST_ONLY.rstrip(".")] if c.first_only else []), f"Read for {c.edition.name}, study {c.id}"]


# --------------------------------------------------------------------------------------------------- BibTeX


def bibtex(c: Citation) -> str:
    """A BibTeX entry; every sign that BibTeX or LaTeX would take for a command is escaped, capitals are kept."""
    kind = {"book": "book", "estimate": "incollection"}.get(c.kind, "article" if c.container else "misc")
    holder = {"estimate": "booktitle", "study": "journal"}.get(c.kind, "")
    fields = {
        "author": " and ".join(_bibtex_author(a) for a in c.authors) + (" and others" if c.first_only else ""),
        "title": f"{{{latex_text(_line(_heading(c)))}}}",
        holder: f"{{{latex_text(_line(c.container))}}}" if c.container else "",
        "year": str(c.year or NOT_SEEN["year"]),
        "month": str(c.date.month) if c.date else "",
        "version": latex_text(c.edition.version) if c.kind != "study" else "",
        "doi": _plain(c.doi),
        "url": _plain(c.address),
        "note": latex_text(_line(". ".join(_notes(c)))),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if name and value)
    return f"@{kind}{{{c.key},\n{lines}}}\n"


def _bibtex_author(author: Author) -> str:
    family = latex_text(_line(author.family))
    # In braces a name stays whole: BibTeX would part a group's, or one of several words, at " and ", at commas and at blanks.
    whole = author.group or not author.given or re.search(r"\band\b|,", family)
    return f"{{{family}}}" if whole else f"{family}, {latex_text(_line(author.given))}"


def _plain(value: str) -> str:
    """DOI and address as they are: their packages read them without LaTeX. Signs that would end the field are percent-encoded."""
    return re.sub(r"[\\{}\s]", lambda m: f"%{ord(m[0]):02X}", value)


# ------------------------------------------------------------------------------------------------------ RIS


def ris(c: Citation) -> str:
    """A RIS record, lines ended as the format asks; a line break in a value would begin another tag, so values are one line."""
    kind = {"book": "BOOK", "estimate": "CHAP"}.get(c.kind, "JOUR" if c.container else "GEN")
    holder = {"estimate": "T2", "study": "JO"}.get(c.kind, "")
    tags: list[tuple[str, str]] = [
        ("TY", kind),
        ("ID", c.key),
        *(("AU", _ris_author(a)) for a in c.authors),
        ("TI", _heading(c)),
        (holder, c.container),
        ("PY", str(c.year or "")),
        ("DA", f"{c.date:%Y/%m/%d}" if c.date else ""),
        ("ET", c.edition_text if c.kind != "study" else ""),
        ("DO", c.doi),
        ("UR", c.address),
        # ET has said the edition already.
        *(("N1", note) for note in _notes(c) if c.kind == "study" or note != c.edition_text),
    ]
    lines = [f"{tag}  - {_line(value)}" for tag, value in tags if tag and value]
    return "\r\n".join([*lines, "ER  - ", ""])


def _ris_author(author: Author) -> str:
    # A comma parts family and given name; a group has none.
    family = author.family.replace(",", " ") if author.group else author.family
    return f"{family}, {author.given}" if author.given else family


# ------------------------------------------------------------------------------------------------- CSL-JSON


def csl(c: Citation) -> dict[str, Any]:
    """The citation as an item of CSL-JSON."""
    issued: list[int] | None = [c.date.year, c.date.month, c.date.day] if c.date else [c.year] if c.year else None
    item: dict[str, Any] = {
        "id": c.key,
        "type": _CSL_TYPES.get(c.kind, "article-journal" if c.container else "document"),
        "title": _heading(c),
        "author": [_csl_author(a) for a in c.authors],
        "container-title": c.container,
        "version": c.edition.version if c.kind != "study" else "",
        "DOI": c.doi,
        "URL": c.address,
        "note": ". ".join(_notes(c)),
    }
    return {k: v for k, v in item.items() if v} | ({"issued": {"date-parts": [issued]}} if issued else {})


def _csl_author(author: Author) -> dict[str, str]:
    if author.group:
        return {"literal": author.family}
    return {"family": author.family} | ({"given": author.given} if author.given else {})


def csl_json(c: Citation) -> str:
    """The citation as CSL-JSON: a list of one item."""
    return json.dumps([csl(c)], indent=1, ensure_ascii=False) + "\n"


# --------------------------------------------------------------------------------------------- for people


def apa(c: Citation) -> str:
    """The reference in the style of the APA, as plain text (italics are left to the writer)."""
    names = _apa_authors(c.authors) + (" et al." if c.first_only else "")
    when = str(c.year) if c.year else "n.d."
    if c.kind == "study":
        parts = [f"{_stop(c.title)}", *([_stop(c.container)] if c.container else [])]
    elif c.kind == "estimate":
        parts = [_stop(_heading(c)), f"In {c.container} ({c.edition_text}; estimate {c.id})."]
    else:
        parts = [f"{c.title} ({c.edition_text})."]
    where = f"https://doi.org/{c.doi}" if c.doi else c.address
    return _line(" ".join([f"{_stop(names)} ({when}).", *parts, *([where] if where else [])]))


def _apa_authors(authors: Sequence[Author]) -> str:
    names = [f"{a.family}, {a.initials}" if a.given else a.family for a in authors]
    if len(names) > 20:  # the first 19, an ellipsis and the last
        return f"{', '.join(names[:19])}, . . . {names[-1]}"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, & {names[-1]}"


def _stop(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def text(c: Citation) -> str:
    """One line to put behind a sentence.

    For instance ``48% (95% CI 39 to 58; k = 27, n = 381), cordbook 0.1.0, estimate ais-improved-cell-therapy``.
    """
    if c.kind == "estimate":
        return _line(f"{c.number}, {c.edition.name}, estimate {c.id}")
    if c.kind == "study":
        who = f"{c.authors[0].family}{' et al.' if c.first_only else ''} {c.year or NOT_SEEN['year']}"
        return _line(f"{who}, as read for {c.edition.name}, study {c.id}")
    return _line(f"{c.title}, {c.edition.name}, {c.edition.date.isoformat()}")


def _line(value: str) -> str:
    """One line without control characters: nothing in a value can begin a field, a tag or a line of its own."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in value).split())


#: Formats by name, as ``cordbook cite --format`` takes them.
FORMATS: Mapping[str, Callable[[Citation], str]] = {
    "text": lambda c: text(c) + "\n",
    "apa": lambda c: apa(c) + "\n",
    "bibtex": bibtex,
    "ris": ris,
    "csl-json": csl_json,
}
