"""BibTeX as programs write it: entries without keys, fields that repeat, names with blanks, words of @string.

bibtexparser 2 refuses the first three; its decoder of LaTeX is used, where there is any LaTeX.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from cordbook.errors import InputError
from cordbook.intake.imports.parsers.parsed import (
    TWO_RECORDS,
    TWO_TITLES,
    Parsed,
    Reject,
    build,
    one_doi,
    says_nothing,
    two_values,
    unused_of,
)
from cordbook.intake.imports.parsers.tagged import foreign_opening
from cordbook.intake.records.record import Record, family_first

FIELDS = {
    "title": ("title",),
    "authors": ("author",),
    "year": ("year", "date"),
    "container": ("journal", "journaltitle", "booktitle", "series"),
    "volume": ("volume",),
    "issue": ("number", "issue"),
    "pages": ("pages", "article-number", "art_number", "article_number", "articleno", "eid"),
    "doi": ("doi",),
    "pmid": ("pmid", "pubmed_id", "eprint"),
    "language": ("language", "langid"),
    "kind": ("document_type", "type", "ENTRYTYPE"),
    "url": ("url",),
    "accession": ("unique-id", "accession_number"),
    "database": ("source", "database"),
    "abstract": ("abstract",),
}
#: Fields that an entry has one value of.
ONCE = ("title", "author", "year", "journal", "volume", "pages", "abstract")
MONTHS = {
    name: name.capitalize() for name in ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
}
_AND = re.compile(r"\s+and\s+", re.I)
_FIELD = re.compile(r"=\s*[{\"]")
_TITLE = re.compile(r"(?im)^\s*title\s*=")
_ANY_TITLE = re.compile(r"(?i)(?<![\w-])title\s*=\s*[{\"]")
_SPLIT = re.compile(r"(?m)^(?=[ \t]*@[A-Za-z]+\s*[{(])")
_ENTRY = re.compile(r"@([A-Za-z]+)\s*([{(])")
_KEY = re.compile(r"\s*[^,={}\"]*?\s*,")
_NAME = re.compile(r"[\s,]*([A-Za-z_][\w.:+/'-]*(?: \d{1,3})?)\s*=\s*")
_WORD = re.compile(r"[^\s,#{}()\"=]+")
_BRACE = re.compile(r"\\.|[{}]", re.S)
_QUOTE = re.compile(r"\\.|[{}\"]", re.S)
_AFTER = re.compile(r"\s*(,|\Z|(?=[})]))")
_JOIN = re.compile(r"\s*#\s*")
#: A line of the Cochrane Library before each entry.
_NUMBERED = re.compile(r"Record #\d+ of \d+\s*$")
_NO_FIELD = re.compile(r"[\s,]*")
#: A command of LaTeX with what it acts on: an accent and its letter, a sign, a word and what stands in its braces.
_LATEX = re.compile(
    r"\\[\"'`^~=.](?:\{[^{}]*\}|\s*\\?[A-Za-z])|\\[cvuHkrdbt](?:\{[^{}]*\}|\s[A-Za-z](?![A-Za-z]))|\\[A-Za-z]+(?:\{[^{}]*\})*|\\[^A-Za-z]"
)
_SIGNS = (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"))


class NotBibtex(InputError):
    """A text is no entry; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands, its strings put in; ``end``: the place behind it."""

    kind: str
    fields: tuple[tuple[str, str], ...]
    end: int


def parse(text: str) -> Parsed:
    """Read a BibTeX file."""
    records: list[tuple[int, Record]] = []
    rejects: list[Reject] = []
    names: list[str] = []
    strings = dict(MONTHS)
    head: list[str] = []
    line = 1
    # Entry by entry, so that a brace that was never closed spoils no entry but its own.
    for piece in _SPLIT.split(text):
        try:
            entries = list(_entries(piece, strings))
            if re.match(r"\s*@string\b", piece, re.I):
                head.append(piece.strip())
            for at, entry in entries:
                record = _record(entry)
                if not record.title:
                    raise NotBibtex("no title")
                records.append((line + piece.count("\n", 0, at), record))
                names += [name for name, value in entry.fields if value.strip()]
        except NotBibtex as error:
            lead = len(piece) - len(piece.lstrip("\n"))
            raw = piece.strip("\n").rstrip()
            first = line + lead
            holds = max(len(_ANY_TITLE.findall(piece)), len(_ENTRY.findall(piece)))
            rejects.append(Reject(first, first + raw.count("\n"), str(error), raw, holds))
        line += piece.count("\n")
    return Parsed("BibTeX", tuple(records), tuple(rejects), unused_of(names, FIELDS), "fields", "\n".join(head))


def _entries(piece: str, strings: dict[str, str]) -> list[tuple[int, Entry]]:
    """The entries of a piece and where each begins; raises :class:`NotBibtex` where any part of it is none.

    Text between entries is a comment in BibTeX. If it has fields, it is an entry that has lost its head.
    """
    found: list[tuple[int, Entry]] = []
    at = 0
    between = ""
    while opening := _ENTRY.search(piece, at):
        between += piece[at : opening.start()]
        entry = _entry(piece, opening, strings)
        at = entry.end
        if entry.kind not in ("comment", "preamble", "string"):
            found.append((opening.start(), entry))
    between += piece[at:]
    if _FIELD.search(between):
        raise NotBibtex("fields outside of the entry's braces" if found else "text outside of any entry")
    if any(not _NUMBERED.match(opening[0]) for opening in foreign_opening("BibTeX").finditer(between)):
        raise NotBibtex("records of another format stand here: import the two files one by one")
    for _, entry in found:
        if why := _melted(entry):
            raise NotBibtex(why)
    if len(_TITLE.findall(piece)) > len(found) and len({v for _, e in found for n, v in e.fields if n == "title"}) < len(
        set(re.findall(r"(?im)^\s*title\s*=\s*(.*)$", piece))
    ):
        raise NotBibtex(TWO_TITLES)
    return found


def _entry(text: str, opening: re.Match[str], strings: dict[str, str]) -> Entry:
    """The entry that an opening brace begins; a ``@string`` is put among the ``strings``."""
    kind, close = opening[1].lower(), "}" if opening[2] == "{" else ")"
    at = opening.end()
    if kind in ("comment", "preamble"):
        return Entry(kind, (), _closed(text, at, close))
    if kind != "string" and (key := _KEY.match(text, at)):
        at = key.end()
    fields: list[tuple[str, str]] = []
    while not text.startswith(close, at := _NO_FIELD.match(text, at).end()):
        name = _NAME.match(text, at)
        if not name:
            where = (
                "the file ends, or the next entry begins, inside this entry"
                if at >= len(text)
                else "not a BibTeX entry that can be read"
            )
            raise NotBibtex(where if at >= len(text) else f'{where}: no field begins at "{" ".join(text[at : at + 20].split())}"')
        value, at = _value(text, name.end(), strings)
        fields.append((name[1].lower(), value))
        rest = _AFTER.match(text, at)
        if not rest:
            raise NotBibtex(f"not a BibTeX entry that can be read: no comma after the field {name[1]}")
        at = rest.end()
    if kind == "string":
        strings.update(fields)
    return Entry(kind, tuple(fields), at + 1)


def _value(text: str, at: int, strings: Mapping[str, str]) -> tuple[str, int]:
    """A value of braces, quotation marks, numbers and words of ``@string``, joined by ``#``; and the place behind it."""
    parts: list[str] = []
    while True:
        if text.startswith("{", at):
            end = _closed(text, at + 1, "}")
            parts.append(text[at + 1 : end - 1])
        elif text.startswith('"', at):
            end = _quoted(text, at + 1)
            parts.append(text[at + 1 : end - 1])
        elif word := _WORD.match(text, at):
            end = word.end()
            parts.append(strings.get(word[0].lower(), word[0]))
        elif text[at : at + 1] in (",", "}", ")"):
            return "", at
        else:
            raise NotBibtex("the file ends, or the next entry begins, inside this entry")
        following = _JOIN.match(text, end)
        if not following:
            return "".join(parts), end
        at = following.end()


def _closed(text: str, at: int, close: str) -> int:
    """The place behind the brace that closes what was opened before ``at``; raises :class:`NotBibtex`."""
    depth = 1
    if close == ")":
        end = text.find(")", at)
        if end >= 0:
            return end + 1
    for found in _BRACE.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    raise NotBibtex("a brace is not closed: the file ends, or the next entry begins, inside this entry")


def _quoted(text: str, at: int) -> int:
    depth = 0
    for found in _QUOTE.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth < 0:
            break
        if found[0] == '"' and not depth:
            return found.end()
    raise NotBibtex("a quotation mark is not closed: the file ends, or the next entry begins, inside this entry")


def _melted(entry: Entry) -> str:
    """Why an entry may be what damage has left of two; blank if nothing says so."""
    values = _values(entry)
    if two_values(values.get("title", ())):
        return TWO_TITLES
    if differs := next((name for name in ONCE if two_values(values.get(name, ()))), ""):
        return f"{TWO_RECORDS} ({differs})"
    return "" if one_doi(values.get("doi", ())) else f"{TWO_RECORDS} (doi)"


def _values(entry: Entry) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in entry.fields:
        values.setdefault(name, []).append(value)
    return values


def _record(entry: Entry) -> Record:
    used = {tag for tags in FIELDS.values() for tag in tags}
    values = {name: [_plain(v) for v in given] for name, given in _values(entry).items() if name in used and name != "author"}
    values["ENTRYTYPE"] = [entry.kind]
    values["pages"] = [re.sub(r"[-–—]+", "-", v) for v in values.get("pages", ())]
    values["author"] = [name for v in _values(entry).get("author", ())[:1] for name in _persons(v)]
    return build(values, FIELDS)


def _persons(text: str) -> list[str]:
    """The persons of a field, family name first; who stands in braces is a body and stays as it is."""
    found: list[str] = []
    for part in _outside_braces(text):
        name = _plain(part).strip(" ,")
        pieces = [piece.strip() for piece in name.split(",")]
        if part.strip().startswith("{") and part.strip().endswith("}"):
            found.append(name)
        elif len(pieces) >= 4 and len(pieces) % 2 == 0:
            # The Cochrane Library puts commas between persons, and the word before the last alone.
            found += [f"{family}, {given}" for family, given in zip(pieces[::2], pieces[1::2], strict=True)]
        elif not says_nothing(name):
            found.append(family_first(name))
    return found


def _outside_braces(text: str) -> list[str]:
    """``text`` parted at each "and" that stands in no brace."""
    if "{" not in text:
        return _AND.split(text)
    parts, begin, depth = [], 0, 0
    for found in re.finditer(r"\\.|[{}]|\s+and\s+", text, re.I | re.S):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth and found[0].strip().lower() == "and":
            parts.append(text[begin : found.start()])
            begin = found.end()
    return [*parts, text[begin:]]


def _plain(value: str) -> str:
    """A value without braces, its LaTeX read where it has any.

    >>> _plain('K{\\\\"u}chlin {MRI}'), _plain("50% of 3 {T}")
    ('Küchlin MRI', '50% of 3 T')
    """
    # Commands within the braces of others are read first, and what they leave in the next round.
    for _ in range(3):
        if "\\" not in value:
            break
        value = _LATEX.sub(lambda found: _decoded(found[0]), value)
    value = value.replace(".~", ". ")
    for sign, mark in _SIGNS:
        value = value.replace(sign, mark)
    return value.replace("{", "").replace("}", "")


@lru_cache(maxsize=10_000)
def _decoded(command: str) -> str:
    """What a command of LaTeX stands for. Reading whole values so would take a hundred times as long: few commands come often."""
    from bibtexparser.model import Entry as Block
    from bibtexparser.model import Field

    decoder, library = _decoder()
    done = decoder.transform_entry(Block("a", "a", [Field("a", command)]), library)
    # What the decoder stumbles over is taken as it stands.
    return str(done.fields[0].value) if isinstance(done, Block) else command.lstrip("\\")


@cache
def _decoder() -> tuple[Any, Any]:
    from bibtexparser import Library
    from bibtexparser.middlewares import LatexDecodingMiddleware

    return LatexDecodingMiddleware(), Library()
