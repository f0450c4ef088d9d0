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
from urllib.parse import urlsplit

from cordbook.core.names import name_parts
from cordbook.evidence.labels import NOT_SEEN

Item = dict[str, Any]

#: What stands for a title that was not seen.
UNTITLED = f"[{NOT_SEEN['title']}]"
#: Hosts that are shown as links: the resolver, publishers and their libraries. Other pages that were read are
#: mirrors, proxies or aggregators; they stay in references.csv for the audit. PubMed and PubMed Central are
#: linked by the source's own number alone: a page that was read there may be a review that cites the source.
LINKED_HOSTS = frozenset(
    {
        "doi.org", "academic.oup.com", "cellandbioscience.biomedcentral.com", "content.iospress.com",
        "fluidsbarrierscns.biomedcentral.com", "frontiersin.org", "www.frontiersin.org", "jamanetwork.com",
        "jitc.biomedcentral.com", "jitc.bmj.com", "journals.lww.com", "journals.viamedica.pl", "link.springer.com",
        "mdpi.com", "www.mdpi.com", "medicaljournals.se", "medrxiv.org", "ro-journal.biomedcentral.com",
        "spandidos-publications.com", "www.spandidos-publications.com", "stemcellres.biomedcentral.com",
        "www.biomedcentral.com", "www.dovepress.com", "www.e-neurospine.org", "e-arm.org", "www.hindawi.com",
        "www.ingentaconnect.com", "www.jci.org", "www.jstage.jst.go.jp", "www.koreamed.org", "koreamed.org",
        "www.ro-journal.com", "www.sciopen.com", "www.wjgnet.com", "wjgnet.com", "escholarship.org", "nsj.org.sa",
    }
)  # fmt: skip
#: Parts of an address which show that the page lists or holds other papers: a list of references, a table, an issue.
_PAGE_OF_OTHERS = re.compile(r"/(ref|refs|references|tab\d*|table|browse)(/|$)")


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
    """The page of the source by its own number, else the page that was read where it is the source's; blank where none is known."""
    if pmid := _text(row, "pmid"):
        return f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/"
    if pmcid := _text(row, "pmcid"):
        return f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid}/"
    address = _text(row, "url")
    if _text(row, "doi") or _text(row, "identity_confidence") == "unidentified":
        return ""  # the DOI serves; the page that was read of an unidentified study is a review that cites it
    plain = re.fullmatch(r"https://[A-Za-z0-9./?=&:;,()_%+-]+", address) and not _PAGE_OF_OTHERS.search(address)
    return address if plain and urlsplit(address).hostname in LINKED_HOSTS else ""


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    # A data frame holds NaN, NA or None where the table is blank; each is told by its text.
    return "" if value is None or str(value) in ("nan", "<NA>") else one_line(str(value))


def one_line(value: str) -> str:
    """One line without control characters: nothing in a value can begin a field, a tag or a line of its own."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in value).split())
