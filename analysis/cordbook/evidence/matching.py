"""Tell whether two reports are one study: texts without the differences that sources make, and what must agree.

Validation asks it of the studies of the review; the intake commands use the same folding for records and references.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "AE", "œ": "oe", "đ": "d", "ı": "i"})
#: Words that say nothing of a journal or a name.
PARTICLES = frozenset(
    [
        "of",
        "the",
        "and",
        "in",
        "for",
        "on",
        "a",
        "an",
        "de",
        "la",
        "le",
        "der",
        "die",
        "das",
        "und",
        "et",
        "y",
        "e",
        "del",
        "di",
        "des",
    ]
)
#: A title of so many letters and digits is its own; shorter ones ("Spinal cord injury") head many papers.
TITLE_LETTERS = 25
#: Online first is often the year before print.
YEARS_APART = 1
#: Equal counts that make one study of two of one author and year: so many, and so large a part of the counts of the one that has fewer.
EQUAL_COUNTS, EQUAL_SHARE = 2, 0.75
#: One equal count is enough where the study has no other, it is of so many people, and neither nobody nor everybody had the event.
TELLING_N = 10


def words(text: str) -> str:
    """Letters and digits of a text in lower case without accents, single spaces between words.

    >>> words("Étude II: Spinal–cord injury")
    'etude ii spinal cord injury'
    """
    bare = text
    if not text.isascii():
        bare = unicodedata.normalize("NFKD", text.translate(_LETTERS))
        bare = "".join(c for c in bare if not unicodedata.combining(c))
    bare = bare.casefold()
    return " ".join(re.sub(r"[\W_]+", " ", bare).split())


def folded(text: str) -> str:
    """Letters and digits alone, without case and accents.

    >>> folded("Núñez-Ruiz")
    'nunezruiz'
    """
    return words(text).replace(" ", "")


def names_of(author: str) -> frozenset[str]:
    """What may be the family name of an author, whichever way it is written: "Ruiz, A.", "Ruiz A", "Ana Ruiz".

    >>> sorted(names_of("de la Cruz, Ana")), sorted(names_of("Ruiz AM")), sorted(names_of("A. M. Ruiz"))
    (['cruz'], ['ruiz'], ['ruiz'])
    """
    family, comma, _ = author.partition(",")
    parts = (family if comma else author).replace(".", ". ").split()
    kept = [p for p in parts if not (p.endswith(".") or (len(p) <= 3 and p.isupper() and len(parts) > 1))]
    names = [w for p in (kept or parts) for w in words(p).split() if w not in PARTICLES and (len(w) > 1 or not w.isascii())]
    return frozenset(names)


#: Outcome, role of the arm, stratum, events and n, as they are written.
Count = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class StudyFace:
    """What a study is recognised by. ``counts`` are its (outcome, role, stratum, events, n); ``year`` is 0 where it is not known."""

    id: str
    title: str
    authors: frozenset[str]
    year: int
    counts: frozenset[Count]


def study_face(study_id: str, title: str, first_author: str, year: str, counts: Iterable[Count]) -> StudyFace:
    """A study prepared for comparison; texts as they are in the tables."""
    return StudyFace(study_id, folded(title), names_of(first_author), int(year) if year.isdecimal() else 0, frozenset(counts))


def one_study(a: StudyFace, b: StudyFace) -> str | None:
    """Why two studies are taken for one, in words; None where they are not.

    Either the titles are the same and long enough, and neither author nor year contradicts; or first author and year agree
    and so do the counts: :data:`EQUAL_COUNTS` of the same outcomes, at least :data:`EQUAL_SHARE` of those of the one that has fewer.

    >>> one = study_face("x2010", "Cells in ten people with a complete injury", "Ruiz A", "2010", [])
    >>> one_study(one, study_face("y", "Cells in ten people with a complete injury.", "Ruiz, Ana", "2011", []))
    'same title, first author and year'
    """
    author = bool(a.authors & b.authors)
    year = bool(a.year and b.year) and abs(a.year - b.year) <= YEARS_APART
    other = (a.authors and b.authors and not author) or (a.year and b.year and not year)
    if a.title == b.title and len(a.title) >= TITLE_LETTERS and not other:
        also = [name for name, agrees in (("first author", author), ("year", year)) if agrees]
        return " and ".join(["same title" + (f", {also[0]}" if len(also) == 2 else ""), *also[-1:]])
    if author and year and _same_counts(a.counts, b.counts):
        equal = len(a.counts & b.counts)
        return f"same first author and year, and {equal} equal count{'' if equal == 1 else 's'} of the same outcomes"
    return None


def _same_counts(a: frozenset[Count], b: frozenset[Count]) -> bool:
    equal, fewer = a & b, min(len(a), len(b))
    if fewer > 1:
        return len(equal) >= max(EQUAL_COUNTS, EQUAL_SHARE * fewer)
    return any(n.isdecimal() and int(n) >= TELLING_N and events not in ("0", n) for *_, events, n in equal)


def studies_entered_twice(faces: Iterable[StudyFace]) -> Iterator[tuple[StudyFace, StudyFace, str]]:
    """Pairs of studies that are taken for one, with the reason. Only studies that share a title or an author's name are compared."""
    blocks: dict[str, list[StudyFace]] = {}
    for face in faces:
        for key in ({f"title {face.title}"} if face.title else set()) | {f"author {name}" for name in face.authors}:
            blocks.setdefault(key, []).append(face)
    seen: set[tuple[str, str]] = set()
    for block in blocks.values():
        for a, b in combinations(block, 2):
            if a.id != b.id and (a.id, b.id) not in seen and (reason := one_study(a, b)):
                seen.add((a.id, b.id))
                yield a, b, reason
