"""A bibliographic item as CSL-JSON, for whoever cites it: the one owner of what a citation says of a source.

BibTeX, RIS and the text of the APA (:mod:`~cordbook.evidence.references.item_formats`), ``references.bib`` and the lines of ``cordbook cite``
derive from it. Nothing is invented: an author or a year that was not seen has no field, so that no reader of the format takes words for a
person or a date; of a title that was not seen a description in brackets stands in its place, as the APA asks for works without one
(Publication Manual, 7th edition, section 9.22). Sources: CSL-JSON 1.0.2 (https://docs.citationstyles.org/en/stable/specification.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cordbook.core.names import name_parts
from cordbook.evidence.labels import NOT_SEEN

Item = dict[str, Any]

#: An address that can stand in every format without becoming markup.
_PLAIN = re.compile(r"https?://[A-Za-z0-9./?=&:;,()_%+-]+")

#: What stands for a title that was not seen.
UNTITLED = f"[{NOT_SEEN['title']}]"


def reference_item(row: Mapping[str, Any]) -> Item:
    """The item of a row of references.csv, as text or typed; blank fields are left out."""
    journal, year = _text(row, "journal"), _text(row, "year")
    item: Item = {
        "id": _text(row, "reference_id"),
        "type": "article-journal" if journal else "document",
        "title": _text(row, "title") or UNTITLED,
        "author": [_person(author)] if (author := _text(row, "first_author")) else [],
        "issued": {"date-parts": [[int(float(year))]]} if year else {},
        "container-title": journal,
        "DOI": _text(row, "doi"),
        "PMID": _text(row, "pmid"),
        "PMCID": _text(row, "pmcid"),
        "URL": own_page(row),
    }
    return {name: value for name, value in item.items() if value}


def _person(first_author: str) -> dict[str, str]:
    """A name of CSL-JSON; initials with full stops, as styles read them."""
    family, initials = name_parts(first_author)
    return {"family": family} | ({"given": " ".join(f"{letter}." for letter in initials)} if initials else {})


def year_of(item: Item) -> int | None:
    """The year of an item; None where it was not seen."""
    return int(item["issued"]["date-parts"][0][0]) if "issued" in item else None


def own_page(row: Mapping[str, Any]) -> str:
    """The page of the source by its own number, else the page to which readers are sent; blank where the DOI serves or none is known.

    The page that was read is no such page: it may be a copy, or a review that cites the source. ``canonical_url`` is one that a rule
    of validation has looked at.
    """
    if pmid := _text(row, "pmid"):
        return f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/"
    if pmcid := _text(row, "pmcid"):
        return f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid}/"
    # What stands there of a report that was not identified is the review that lists it.
    unsure = _text(row, "identity_confidence") == "unidentified"
    page = "" if unsure or _text(row, "doi") else _text(row, "canonical_url")
    return page if _PLAIN.fullmatch(page) else ""


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    # A data frame holds NaN, NA or None where the table is blank; each is told by its text.
    return "" if value is None or str(value) in ("nan", "<NA>") else one_line(str(value))


def one_line(value: str) -> str:
    """One line without control characters: nothing in a value can begin a field, a tag or a line of its own."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in value).split())
