"""references.bib, written from references.csv: one entry per source, the same bytes every time.

Nothing is invented. The first author alone is recorded, so an entry names no other; an author or year that was not seen has no field,
and the note tells what is incomplete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cordbook.core.files import write_whole
from cordbook.core.text import enumerate_words
from cordbook.evidence.references.item_formats import bibtex
from cordbook.evidence.references.items import reference_item

HEADER = """\
% Made by `cordbook references` from data/references.csv: change it there.
% Of the authors the first alone is recorded. An entry whose record is incomplete says so in its note.
"""
IDENTITY_NOTES = {
    "partial": "which paper this is was not fully confirmed",
    "unidentified": "author and year come from a review that cites it, the paper was not identified",
}
Reference = Mapping[str, str]


def bibliography_text(references: Iterable[Reference]) -> str:
    """BibTeX of all sources, sorted by key; second ids (``same_as``) get no entry.

    ``references`` are rows of references.csv as text.
    """
    sources = sorted((row for row in references if not row["same_as"]), key=lambda row: row["reference_id"])
    return HEADER + "".join(f"\n{entry_text(row)}" for row in sources)


def entry_text(row: Reference) -> str:
    """BibTeX of one source: its item, with the address only where no DOI serves, and what is incomplete in the note."""
    item = reference_item(row)
    if "DOI" in item:
        item.pop("URL", None)
    return bibtex({**item, "note": note(row)})


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
