"""A record as deduplication sees it: fields without the differences that sources make."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cordbook.evidence.matching import PARTICLES, folded, names_of, words
from cordbook.intake.records.record import Record

_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10"}
_WORDED = {
    w: str(n) for n, w in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 1)
} | {w: str(n) for n, w in enumerate(["first", "second", "third", "fourth", "fifth"], 1)}
#: What makes a report about a report. It stands at the beginning or the end of a title.
_MARK = re.compile(
    r"(?:^|[:;.(\[–]\s*|\s-\s)(erratum|errata|corrigend\w+|correction|corrected|publisher correction|author correction|"
    r"retract\w+|expression of concern|comment\w*|commentary|re|reply|response|author\w* (?:reply|response)|in reply|letter|"
    r"editorial|protocol|study protocol|abstract|poster)\b(?=\s*(?:$|[:.)\]–]|\s-\s|to\b|on\b|of\b|for\b|by\b|from\b))",
    re.I,
)
_KIND_MARK = (
    ("notice", re.compile(r"erratum|retraction|corrigend|expression of concern", re.I)),
    ("meeting", re.compile(r"conference|meeting abstract|congress|proceedings paper|^CPAPER|^CONF", re.I)),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One record: an identity and what is compared. ``numbers`` are those of the title, as digits, in order."""

    id: str
    title: str
    compact: str
    numbers: tuple[str, ...]
    marks: frozenset[str]
    meeting: bool
    registration: str
    year: int
    doi: str
    pmid: str
    first_author: frozenset[str]
    container: tuple[str, ...]
    volume: str
    page: str


def item(identity: str, record: Record) -> Item:
    """A record prepared for comparison.

    >>> item("a", Record(title="Étude II: Spinal–cord injury")).title
    'etude ii spinal cord injury'
    """
    title = words(record.title)
    kinds = {name for name, pattern in _KIND_MARK if pattern.search(record.kind)}
    marks = frozenset(_stem(m.group(1)) for m in _MARK.finditer(record.title)) | (kinds - {"meeting"})
    registration = record.source_key.upper() if record.source == "ClinicalTrials.gov" else ""
    return Item(
        id=identity,
        title=title,
        compact=folded(record.title),
        numbers=tuple(n for w in title.split() for n in numbers_in(w)),
        marks=marks,
        meeting="meeting" in kinds,
        registration=registration,
        year=int(record.year) if record.year.isdigit() else 0,
        doi=record.doi,
        pmid=record.pmid,
        first_author=names_of(record.authors.split(";")[0]),
        container=tuple(w for w in words(re.sub(r"\(.*?\)", " ", record.container)).split() if w not in PARTICLES),
        volume=words(record.volume).replace(" ", "").removeprefix("vol").lstrip("0"),
        page=start_page(record.pages),
    )


def numbers_in(word: str) -> list[str]:
    """The numbers that a word of a title stands for: digits, Roman numerals, small numbers in words.

    >>> numbers_in("t10"), numbers_in("iii"), numbers_in("second"), numbers_in("cord")
    (['10'], ['3'], ['2'], [])
    """
    if word in _ROMAN:
        return [_ROMAN[word]]
    if word in _WORDED:
        return [_WORDED[word]]
    return [n.lstrip("0") or "0" for n in re.findall(r"\d+", word)] if not word.isalpha() else []


def start_page(pages: str) -> str:
    """The first page, or the number of the article.

    >>> start_page("S123-S9"), start_page("pp. 0012–19"), start_page("e1000:1-4")
    ('s123', '12', 'e1000')
    """
    found = re.search(
        r"([a-z]{0,3})0*(\d+)", re.sub(r"^\W*(?:pp?\.?|pages?|art(?:icle)?\.?(?: no\.?)?)\s*", "", pages.casefold())
    )
    return f"{found.group(1)}{found.group(2)}" if found else ""


def same_container(a: tuple[str, ...], b: tuple[str, ...]) -> bool | None:
    """Are two journals the same, one of them perhaps abbreviated? Nothing where one is not given.

    >>> same_container(("journal", "neurotrauma"), ("j", "neurotrauma"))
    True
    """
    if not a or not b:
        return None
    if a == b:
        return True
    short, long = (a, b) if len("".join(a)) <= len("".join(b)) else (b, a)
    if len(short) == 1 and len(long) > 1:
        initials = "".join(w[0] for w in long)
        if short[0] == initials:
            return True
    at = matched = 0
    for word in long:
        if at < len(short) and _abbreviates(short[at], word):
            at += 1
            matched += 1
    # Words behind the name ("Spinal cord: the official journal of ...") do not make another journal, missing first words do.
    return matched == len(short) and _abbreviates(short[0], long[0])


def _abbreviates(short: str, word: str) -> bool:
    """Is ``short`` the word or its abbreviation: its beginning, or its first letter and later ones in order (natl, national)?"""
    if word.startswith(short):
        return True
    if len(short) < 3 or short[0] != word[0]:
        return False
    rest = iter(word)
    return all(letter in rest for letter in short)


def _stem(mark: str) -> str:
    mark = mark.casefold()
    for stem in ("retract", "repl", "respon", "protocol", "comment", "letter", "editorial", "concern"):
        if stem in mark:
            return "reply" if stem in ("repl", "respon") else stem
    return "notice" if mark.startswith(("err", "corr", "publisher", "author")) else mark
