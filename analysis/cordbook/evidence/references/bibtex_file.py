"""references.bib, written from references.csv: one entry per source, the same bytes every time.

Nothing is invented. The first author alone is recorded, so an entry names no other; where
author, title or year was not seen the entry says so in their place, and its note tells
what is incomplete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cordbook.core.files import write_whole
from cordbook.core.text import enumerate_words
from cordbook.evidence.labels import NOT_SEEN
from cordbook.evidence.references.bibliography import latex_text

HEADER = """\
% Made by `cordbook references` from data/references.csv: change it there.
% Of the authors the first alone is recorded. An entry whose record is incomplete says so in its note.
"""
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
IDENTITY_NOTES = {
    "partial": "which paper this is was not fully confirmed",
    "unidentified": "author and year come from a review that cites it, the paper was not identified",
}
#: Parts of an address which show that the page lists or holds other papers: a list of references, a table, an issue.
_PAGE_OF_OTHERS = re.compile(r"/(ref|refs|references|tab\d*|table|browse)(/|$)")
_INITIALS = re.compile(r"(?P<surname>.+) (?P<initials>[A-Z]{1,3})")

Reference = Mapping[str, str]


def bibliography_text(references: Iterable[Reference]) -> str:
    """BibTeX of all sources, sorted by key; second ids (``same_as``) get no entry.

    ``references`` are rows of references.csv as text.
    """
    sources = sorted((row for row in references if not row["same_as"]), key=lambda row: row["reference_id"])
    return HEADER + "".join(f"\n{entry_text(row)}" for row in sources)


def entry_text(row: Reference) -> str:
    """BibTeX of one source."""
    kind = "article" if row["journal"] else "misc"
    fields = {
        "author": author_field(row["first_author"]),
        "title": title_field(row["title"]),
        "journal": latex_text(row["journal"]),
        "year": row["year"] or NOT_SEEN["year"],
        "doi": row["doi"],
        "pmid": row["pmid"],
        "pmcid": row["pmcid"],
        "url": link(row),
        "note": latex_text(note(row)),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@{kind}{{{row['reference_id']},\n{lines}}}\n"


def author_field(first_author: str) -> str:
    """The first author as BibTeX reads names.

    >>> author_field("Lima"), author_field("'t Hart E"), author_field("El Tecle"), author_field("")
    ('Lima', "'t Hart, E.", '{El Tecle}', '{Author not seen}')
    """
    if not first_author:
        return f"{{{NOT_SEEN['author']}}}"
    match = _INITIALS.fullmatch(first_author)
    if match:
        initials = " ".join(f"{letter}." for letter in match["initials"])
        return f"{latex_text(match['surname'])}, {initials}"
    name = latex_text(first_author)
    # In braces a name of several words stays whole; otherwise its first word would be taken for a forename.
    return f"{{{name}}}" if " " in name else name


def title_field(title: str) -> str:
    """The title with braces around words whose capitals a style must not lower.

    >>> title_field("Transplantation of Schwann cells & OECs in SCI")
    'Transplantation of {Schwann} cells \\\\& {OECs} in {SCI}'
    """
    if not title:
        return f"{{{NOT_SEEN['title']}}}"
    return "".join(
        _protected(part, first=place == 0) if part[:1].isalnum() else latex_text(part)
        for place, part in enumerate(re.findall(r"[^\W_][\w-]*|(?:[\W_])+", title))
    )


def _protected(word: str, *, first: bool) -> str:
    # Styles keep the first letter of a title as it is.
    capitals = any(char.isupper() for char in (word[1:] if first else word))
    return f"{{{latex_text(word)}}}" if capitals else latex_text(word)


def link(row: Reference) -> str:
    """An address to show beside the entry; blank where the DOI serves, or no citable page is known."""
    if row["doi"]:
        return ""
    if row["pmid"]:
        return f"https://pubmed.ncbi.nlm.nih.gov/{row['pmid']}/"
    if row["pmcid"]:
        return f"https://pmc.ncbi.nlm.nih.gov/articles/{row['pmcid']}/"
    address = row["url"]
    if row["identity_confidence"] == "unidentified":
        return ""  # the page that was read is a review that cites the study
    plain = re.fullmatch(r"https://[A-Za-z0-9./?=&:;,()_%+-]+", address) and not _PAGE_OF_OTHERS.search(address)
    return address if plain and urlsplit(address).hostname in LINKED_HOSTS else ""


def note(row: Reference) -> str:
    """What a reader must know of the record: what was not seen, and whether it is sure which paper it is."""
    names = {"first_author": "author", "title": "title", "journal": "journal", "year": "year"}
    missing = [name for column, name in names.items() if not row[column]]
    parts = [f"{enumerate_words(missing)} not seen"] if missing else []
    if row["identity_confidence"] in IDENTITY_NOTES:
        parts.append(IDENTITY_NOTES[row["identity_confidence"]])
    incomplete = f"Record incomplete: {'; '.join(parts)}" if parts else ""
    text = row["note"].removeprefix("title not shown; ")
    text = f"What is known: {text}" if text and not row["title"] else text
    return ". ".join(part for part in (incomplete, text) if part)


def write_bibliography(text: str, path: Path) -> None:
    """Write the file atomically."""
    write_whole(path, text, durable=True)
