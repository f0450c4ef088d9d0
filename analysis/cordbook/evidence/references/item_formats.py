"""Write a bibliographic item (CSL-JSON) as BibTeX, RIS or text in the style of the APA.

Sources: BibTeX entry types of Patashnik 1988; RIS tags as Reference Manager and Zotero read them; Publication Manual of the APA, 7th
edition, chapters 8 to 10: without an author the title stands in the author's place, without a year "n.d." in the year's.
``custom`` of an item holds what CSL has no variable for: ``edition`` (the version in words), ``part`` (what is cited of the book), ``notes``
(the parts of the note) and ``first_author_only``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cordbook.evidence.references.bibliography import latex_text
from cordbook.evidence.references.items import Item, one_line, year_of

Name = Mapping[str, str]
_RIS_TYPES = {"book": "BOOK", "chapter": "CHAP", "article-journal": "JOUR"}
_BIBTEX_TYPES = {"book": "book", "chapter": "incollection", "article-journal": "article"}


def names_of(item: Item) -> Sequence[Name]:
    """The authors of an item, none where none was seen."""
    authors: Sequence[Name] = item.get("author", ())
    return authors


def _custom(item: Item, name: str) -> Any:
    return item.get("custom", {}).get(name, "")


def _date(item: Item) -> list[int]:
    parts = item["issued"]["date-parts"][0] if "issued" in item else []
    return parts if len(parts) == 3 else []


# --------------------------------------------------------------------------------------------------- BibTeX


def bibtex(item: Item) -> str:
    """A BibTeX entry; every sign that BibTeX or LaTeX would take for a command is escaped, capitals are kept.

    An article without author or year is no ``@article``, which must have both; its journal tells how it was published.
    """
    authors, year, holder = names_of(item), year_of(item), item.get("container-title", "")
    kind = _BIBTEX_TYPES.get(item["type"], "misc")
    kind = "misc" if kind == "article" and not (authors and year) else kind
    place = {"incollection": "booktitle", "article": "journal"}.get(kind, "howpublished")
    date = _date(item)
    fields = {
        "author": " and ".join(map(_bibtex_name, authors)) + (" and others" if _custom(item, "first_author_only") else ""),
        "title": title_field(one_line(item["title"])),
        place: latex_text(one_line(holder)),
        "year": str(year or ""),
        "month": str(date[1]) if date else "",
        "version": latex_text(item.get("version", "")),
        "doi": _plain(item.get("DOI", "")),
        "pmid": _plain(item.get("PMID", "")),
        "pmcid": _plain(item.get("PMCID", "")),
        "url": _plain(item.get("URL", "")),
        "note": latex_text(one_line(item.get("note", ""))),
        # By what styles sort an entry without an author.
        "key": "" if authors else title_field(one_line(item["title"])),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@{kind}{{{item['id']},\n{lines}}}\n"


def _bibtex_name(name: Name) -> str:
    family = latex_text(one_line(name.get("literal") or name["family"]))
    given = latex_text(one_line(name.get("given", "")))
    # In braces a name stays whole: BibTeX would part a group's, or one of several words, at " and ", at commas and at blanks.
    if "literal" in name or re.search(r"\band\b|,", family) or (not given and not re.fullmatch(r"[\w'-]+", family)):
        return f"{{{family}}}"
    return f"{family}, {given}" if given else family


def title_field(title: str) -> str:
    """The title with braces around words whose capitals a style must not lower.

    >>> title_field("Transplantation of Schwann cells & OECs in SCI")
    'Transplantation of {Schwann} cells \\\\& {OECs} in {SCI}'
    """
    return "".join(
        _protected(part, first=place == 0) if part[:1].isalnum() else latex_text(part)
        for place, part in enumerate(re.findall(r"[^\W_][\w-]*|(?:[\W_])+", title))
    )


def _protected(word: str, *, first: bool) -> str:
    # Styles keep the first letter of a title as it is.
    capitals = any(char.isupper() for char in (word[1:] if first else word))
    return f"{{{latex_text(word)}}}" if capitals else latex_text(word)


def _plain(value: str) -> str:
    """DOI and address as they are: their packages read them without LaTeX. Signs that would end the field are percent-encoded."""
    return re.sub(r"[\\{}\s]", lambda m: f"%{ord(m[0]):02X}", value)


# ------------------------------------------------------------------------------------------------------ RIS


def ris(item: Item) -> str:
    """A RIS record, lines ended as the format asks; a line break in a value would begin another tag, so values are one line."""
    kind = _RIS_TYPES.get(item["type"], "GEN")
    date, edition = _date(item), _custom(item, "edition")
    tags: list[tuple[str, str]] = [
        ("TY", kind),
        ("ID", item["id"]),
        *(("AU", _ris_name(name)) for name in names_of(item)),
        ("TI", item["title"]),
        ({"CHAP": "T2", "JOUR": "JO"}.get(kind, ""), item.get("container-title", "")),
        ("PY", str(year_of(item) or "")),
        ("DA", "/".join(f"{part:02}" for part in date)),
        ("ET", edition),
        ("DO", item.get("DOI", "")),
        ("UR", item.get("URL", "")),
        # ET has said the edition already.
        *(("N1", note) for note in _custom(item, "notes") or [item.get("note", "")] if note != edition),
    ]
    lines = [f"{tag}  - {one_line(value)}" for tag, value in tags if tag and value]
    return "\r\n".join([*lines, "ER  - ", ""])


def _ris_name(name: Name) -> str:
    # A comma parts family and given name; a group has none.
    if "literal" in name:
        return name["literal"].replace(",", " ")
    return f"{name['family']}, {name['given']}" if name.get("given") else name["family"]


# --------------------------------------------------------------------------------------------- for people


def apa(item: Item) -> str:
    """The reference in the style of the APA, as plain text (italics are left to the writer)."""
    when, title, holder = str(year_of(item) or "n.d."), item["title"], item.get("container-title", "")
    edition, part = _custom(item, "edition"), _custom(item, "part")
    if item["type"] == "chapter":
        parts = [_stop(title), f"In {holder} ({edition}; {part})."]
    elif item["type"] == "book":
        parts = [f"{title} ({edition})."]
    else:
        parts = [_stop(title), *([_stop(holder)] if holder else [])]
    if names_of(item):
        names = _apa_names(names_of(item)) + (" et al." if _custom(item, "first_author_only") else "")
        parts = [f"{_stop(names)} ({when}).", *parts]
    else:
        parts = [parts[0], f"({when}).", *parts[1:]]
    where = f"https://doi.org/{item['DOI']}" if item.get("DOI") else item.get("URL", "")
    return one_line(" ".join([*parts, *([where] if where else [])]))


def _apa_names(authors: Sequence[Name]) -> str:
    names = [_apa_name(name) for name in authors]
    if len(names) > 20:  # the first 19, an ellipsis and the last
        return f"{', '.join(names[:19])}, . . . {names[-1]}"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, & {names[-1]}"


def _apa_name(name: Name) -> str:
    """Family name and initials of the given names: ``"Anna-Maria B." -> "A.-M. B."``."""
    if not name.get("given"):
        return name.get("literal") or name["family"]
    initials = " ".join("-".join(f"{part[0]}." for part in word.split("-") if part) for word in name["given"].split())
    return f"{name['family']}, {initials}"


def _stop(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def in_text(item: Item) -> str:
    """Who and when, as within a sentence: ``Lima et al. 2010``; without an author the title in quotation marks."""
    when = str(year_of(item) or "n.d.")
    if not names_of(item):
        return f"“{item['title']}” ({when})"
    first = names_of(item)[0]
    return f"{first.get('literal') or first['family']}{' et al.' if _custom(item, 'first_author_only') else ''} {when}"
