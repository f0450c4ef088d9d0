"""What two records say of each other, field by field: the same, another, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from cordbook.evidence.matching import TITLE_LETTERS, YEARS_APART
from cordbook.intake.dedupe.journals import same_journal
from cordbook.intake.dedupe.keys import Item, Wording, same_page

#: Characters of a title that are long enough to be its own.
LONG = 40
#: Titles less alike than this are looked at no further, unless a number or a place is shared.
LIKE = 0.9
#: Years that may lie between a report online ahead of print and in print.
YEARS_AHEAD = 2
#: Family names so much alike are one, written in two ways.
NAMES_ALIKE = 0.85


#: Similarity of two titles, whether one is the other cut short, and the wordings compared.
Likeness = tuple[float, bool, Wording, Wording]


@dataclass(frozen=True, slots=True)
class Facts:
    """Two records beside each other. Each field that may be missing is True (the same), False (another) or None (one does not say).

    ``title`` is the similarity of the titles from 0 to 1, ``cut`` that one is the other cut short; ``numbers`` and ``marks``: they
    differ; ``loose_end``: a number stands where one title ends; ``crowded``: several reports stand on such a page; ``people``: the
    same persons, two or more.
    """

    title: float
    cut: bool
    long: bool
    short: bool
    numbers: bool
    loose_end: bool
    marks: bool
    meeting: bool
    crowded: bool
    register: bool | None
    doi: bool | None
    pmid: bool | None
    author: bool | None
    people: bool
    journal: bool | None
    year: bool | None
    volume: bool | None
    issue: bool | None
    page: bool | None
    range_end: bool | None

    @property
    def place(self) -> bool:
        """The same volume and first page."""
        return self.volume is True and self.page is True

    @property
    def agree(self) -> frozenset[str]:
        """What agrees, by name."""
        names = [name for name in ("author", "journal", "year", "volume", "page") if getattr(self, name)]
        return frozenset([*names, "place"] if self.place else names)

    @property
    def against(self) -> frozenset[str]:
        """What contradicts, by name."""
        return frozenset(name for name in ("author", "journal", "year", "volume", "page") if getattr(self, name) is False)

    @property
    def twin(self) -> bool:
        """The same title without other numbers, and the same author."""
        return self.title >= 0.97 and not self.numbers and self.author is True


def facts(a: Item, b: Item, likeness: Likeness) -> Facts | None:
    """Compare two records whose titles are so much alike; None where neither title nor number nor place brings them together."""
    score, cut, one, other = likeness
    if score < LIKE and not _brought_together(a, b):
        return None
    doi, pmid = _same_doi(a.doi, b.doi), _equal(a.pmid, b.pmid)
    register = (a.registration == b.registration) if a.registration or b.registration else None
    volume, page = _same_volume(a, b), same_page(a.page, b.page) if a.page and b.page else None
    early = [_ahead_of_print(x) for x in (a, b)]
    if page is False and early[0] != early[1]:
        page = None
    digits = "".join(one.numbers), "".join(other.numbers)
    shared = min(map(len, digits)) if cut else None
    return Facts(
        title=score,
        cut=cut,
        long=min(len(a.compact), len(b.compact)) >= LONG,
        short=min(len(a.compact), len(b.compact)) < TITLE_LETTERS,
        numbers=digits[0][:shared] != digits[1][:shared],
        loose_end=cut and len(one.numbers) != len(other.numbers),
        marks=a.marks != b.marks,
        meeting=a.meeting is not None and b.meeting is not None and a.meeting != b.meeting,
        crowded=_crowded(a) or _crowded(b),
        register=register,
        doi=doi,
        pmid=pmid,
        author=_same_author(a, b),
        people=len(a.people) > 1 and a.people == b.people,
        journal=same_journal(a.containers, b.containers),
        year=_same_year(a, b, early),
        volume=volume,
        issue=_equal(a.issue, b.issue),
        page=page,
        range_end=_equal(a.range_end, b.range_end),
    )


def title_score(a: Item, b: Item) -> Likeness:
    """Similarity of two titles, whether one is the other cut short (then 0.96), and the wordings that are most alike."""
    one, other = a.wordings[0], b.wordings[0]
    best = (*_alike(one.compact, other.compact), one, other)
    if best[0] < 0.97 and len(a.wordings) + len(b.wordings) > 2:
        for one in a.wordings:
            for other in b.wordings:
                score, cut = _alike(one.compact, other.compact)
                if score > best[0]:
                    best = score, cut, one, other
    return best


@cache
def _similarity() -> Callable[..., float]:
    """The share of letters that two texts have in common, in order; from a package that only intake needs."""
    from rapidfuzz.distance import Indel

    return Indel.normalized_similarity


def _alike(a: str, b: str) -> tuple[float, bool]:
    if not a or not b:
        return 0.0, False
    if a == b:
        return 1.0, False
    similarity = _similarity()
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    whole = similarity(short, long, score_cutoff=0.4)
    if len(short) >= 25 and whole < 0.96:
        # Cut short, and perhaps misspelt besides; a long enough piece only, since many titles begin alike.
        begun = 1.0 if long.startswith(short) else 0.0
        if not begun and len(short) >= LONG:
            begun = similarity(short, long[: len(short)], score_cutoff=0.95)
        if begun:
            return 0.96 * begun, True
    return whole, False


def _equal(x: str, y: str) -> bool | None:
    return x == y if x and y else None


def _same_doi(x: str, y: str) -> bool | None:
    """Is it one DOI? One that goes on where the other ends says nothing: it was cut short, or is a chapter's beside its book's."""
    if x and y and x != y and (x.startswith(y) or y.startswith(x)):
        return None
    return _equal(x, y)


def _same_volume(a: Item, b: Item) -> bool | None:
    """Is it one volume? A volume that is the other's issue, or the year, says nothing: some sources write these into its place."""
    same = _equal(a.volume, b.volume)
    if same is False and any(x.volume in (y.issue, str(x.year)) for x, y in ((a, b), (b, a))):
        return None
    return same


def _brought_together(a: Item, b: Item) -> bool:
    """Do two records share a number or a place, whatever their titles?"""
    return (
        bool(a.doi and a.doi == b.doi)
        or bool(a.pmid and a.pmid == b.pmid)
        or bool(a.registration and a.registration == b.registration)
        or bool(a.volume and a.volume == b.volume and a.page and b.page and same_page(a.page, b.page))
    )


def _crowded(one: Item) -> bool:
    """May several reports stand on its page? Abstracts of a meeting do, in supplements or on a single page."""
    return bool(one.meeting) or one.page[:1].isalpha() or (bool(one.range_end) and one.range_end == one.page)


def _ahead_of_print(one: Item) -> bool:
    """Has a report no place in its journal yet? Its pages begin at 1 then, or are the number of its manuscript."""
    return not one.volume and not one.issue and (one.page in ("", "1") or one.page[0].isalpha())


def _same_year(a: Item, b: Item, early: Sequence[bool]) -> bool | None:
    if not a.year or not b.year:
        return None
    apart = abs(a.year - b.year)
    if apart == 0:
        return True
    ahead = early[0] != early[1] and (a.year < b.year) == early[0] and apart <= YEARS_AHEAD
    return None if apart <= YEARS_APART or ahead else False


def _same_author(a: Item, b: Item) -> bool | None:
    """Is the first author the same, or are most persons; a name may be written in two ways. Blank where nobody, or a group, is named."""
    if not a.first_author or not b.first_author:
        return None
    if a.first_author & b.first_author:
        return True
    both, fewer = len(a.people & b.people), min(len(a.people), len(b.people))
    if both >= 2 and both * 2 >= fewer:
        return True
    return any(
        min(len(x), len(y)) >= 4 and (_similarity()(x, y) >= NAMES_ALIKE or x in y or y in x)
        for x in a.first_author
        for y in b.first_author
    )
