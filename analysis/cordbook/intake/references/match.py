"""Is the work behind a DOI the one that we mean? Title, year and first author, compared by one stated measure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cordbook.evidence.matching import folded
from cordbook.intake.sources.crossref_works import Work

#: Titles agree from this similarity on: 0 to 100, Indel similarity of letters and digits (rapidfuzz ``fuzz.ratio``).
TITLE_AGREES = 80.0
#: A title may lack its subtitle or stand inside a longer one; then so much of it must be found there.
PART_AGREES, PART_LENGTH = 95.0, 30
#: First authors agree from this similarity on, or where one name holds the other (van Middendorp, Middendorp).
NAME_AGREES = 80.0
#: Years agree where they differ by no more: online first is often the year before print.
YEARS_APART = 1
_RETRACTED_TITLE = re.compile(
    r"^\W*(?:retracted(?: article| paper)?|withdrawn|removed|retraction(?: notice)?)\W*[:\]-]\s*(?:to:?\s*)?", re.I
)


@dataclass(frozen=True, slots=True)
class Match:
    """Which of title, year and first author agree and which differ; what one side does not say is in neither.

    ``title`` is the similarity of the titles, 0 to 100, None where one is not known.
    """

    agree: tuple[str, ...]
    differ: tuple[str, ...]
    title: float | None

    @property
    def another(self) -> bool:
        """Is it another paper? So taken where two of the three differ; one alone may be a translated title or a slip."""
        return len(self.differ) >= 2


def match(title: str, year: str, author: str, work: Work) -> Match:
    """Compare what we say of a reference with what its DOI stands for.

    >>> match("On cords", "2019", "Ruiz", Work("10.1/a", "Of hearts and lungs", ("2001",), ("Chen",), "journal-article")).differ
    ('title', 'year', 'first author')
    """
    similarity = title_similarity(title, work.title) if title and work.title else None
    verdicts = {
        "title": None if similarity is None else similarity >= TITLE_AGREES,
        "year": None if not (year and work.years) else any(abs(int(year) - int(y)) <= YEARS_APART for y in work.years),
        "first author": None if not (author and work.authors) else names_agree(author, work.authors[0]),
    }
    return Match(
        tuple(name for name, agrees in verdicts.items() if agrees),
        tuple(name for name, agrees in verdicts.items() if agrees is False),
        similarity,
    )


def title_similarity(one: str, other: str) -> float:
    """Similarity of two titles, 0 to 100, without regard to case, accents, signs and a mark of retraction before them.

    >>> title_similarity("RETRACTED: Stem cells, in the cord", "Stem Cells in the cord")
    100.0
    """
    from rapidfuzz import fuzz

    a, b = (folded(_RETRACTED_TITLE.sub("", text)) for text in (one, other))
    whole = fuzz.ratio(a, b)
    short = min(a, b, key=len)
    if len(short) >= PART_LENGTH and fuzz.partial_ratio(a, b) >= PART_AGREES:
        return max(whole, TITLE_AGREES)
    return whole


def names_agree(one: str, other: str) -> bool:
    """Are two family names one? The words of one may stand among those of the other.

    >>> names_agree("Núñez", "Nunez"), names_agree("Middendorp", "van Middendorp"), names_agree("Li", "Oliveira")
    (True, True, False)
    """
    from rapidfuzz import fuzz

    a, b = ({folded(word) for word in re.split(r"[\s\-‐,]+", name)} - {""} for name in (one, other))
    return bool(a and b) and (a <= b or b <= a or fuzz.ratio(folded(one), folded(other)) >= NAME_AGREES)


def marked_retracted(title: str) -> bool:
    """Does the title itself say that the paper was retracted?"""
    return bool(_RETRACTED_TITLE.match(title))
