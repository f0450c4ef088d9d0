"""BibTeX, read by bibtexparser 2, which says where a block begins and goes on after a bad one."""

from __future__ import annotations

import logging
import re
from typing import Any

from cordbook.intake.imports.parsers.parsed import TWO_TITLES, Parsed, Reject, build

FIELDS = {
    "title": ("title",),
    "authors": ("author",),
    "year": ("year", "date"),
    "container": ("journal", "journaltitle", "booktitle", "series"),
    "volume": ("volume",),
    "issue": ("number", "issue"),
    "pages": ("pages", "article-number"),
    "doi": ("doi",),
    "pmid": ("pmid", "pubmed_id", "eprint"),
    "language": ("language", "langid"),
    "kind": ("document_type", "type", "ENTRYTYPE"),
    "url": ("url",),
    "abstract": ("abstract",),
}
_AND = re.compile(r"\s+and\s+")
_FIELD = re.compile(r"=\s*[{\"]")
_TITLE = re.compile(r"(?im)^\s*title\s*=")
_SPLIT = re.compile(r"(?m)^(?=[ \t]*@[A-Za-z]+[ \t]*[{(])")


def parse(text: str) -> Parsed:
    """Read a BibTeX file."""
    records: list[Any] = []
    rejects: list[Reject] = []
    line = 1
    # Entry by entry, so that a brace that was never closed spoils no entry but its own.
    for piece in _SPLIT.split(text):
        if piece.strip():
            _read(piece, line, records, rejects)
        line += piece.count("\n")
    return Parsed("BibTeX", tuple(records), tuple(rejects))


def _read(piece: str, line: int, records: list[Any], rejects: list[Reject]) -> None:
    import bibtexparser
    from bibtexparser.middlewares import LatexDecodingMiddleware
    from bibtexparser.model import ExplicitComment, ImplicitComment, Preamble, String

    last = line + piece.rstrip("\n").count("\n")
    quiet = logging.getLogger("bibtexparser")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)
    try:
        library = bibtexparser.parse_string(piece, append_middleware=[LatexDecodingMiddleware()])
    # Whatever its parser or the LaTeX decoder stumbles over: the piece is rejected, the rest is read.
    except Exception as error:
        rejects.append(Reject(line, last, f"cannot be read: {type(error).__name__}", piece.rstrip()))
        return
    finally:
        quiet.setLevel(level)
    if why := _melted(piece, library):
        rejects.append(Reject(line, last, why, piece.rstrip()))
        return
    for block in library.blocks:
        first = line + (block.start_line or 0)
        raw = (block.raw or piece).rstrip()
        end = first + raw.count("\n")
        if block in library.failed_blocks:
            rejects.append(Reject(first, end, "not a BibTeX entry that can be read", raw))
        elif isinstance(block, ImplicitComment):
            # Text between entries is a comment in BibTeX. If it has fields, it is an entry that has lost its head.
            if _FIELD.search(block.comment):
                rejects.append(Reject(first, end, "text outside of any entry", raw))
        elif not isinstance(block, ExplicitComment | Preamble | String):
            values = {f.key.lower(): [str(f.value).replace("{", "").replace("}", "")] for f in block.fields}
            values["ENTRYTYPE"] = [block.entry_type]
            values["author"] = _AND.split(values.get("author", [""])[0])
            record = build(values, FIELDS)
            if record.title:
                records.append((first, record))
            else:
                rejects.append(Reject(first, end, "no title", raw))


def _melted(piece: str, library: Any) -> str:
    """Why an entry may be what damage has left of two; blank if nothing says so."""
    from bibtexparser.model import ImplicitComment

    if len(_TITLE.findall(piece)) > 1:
        return TWO_TITLES
    if any(not re.fullmatch(r"[^\s=]+", field.key) for entry in library.entries for field in entry.fields):
        return "a field without a name"
    left = any(isinstance(block, ImplicitComment) and _FIELD.search(block.comment) for block in library.blocks)
    return "fields outside of the entry's braces" if left and library.entries else ""
