"""Which pairs of records are worth a look, and what each is: the same, different, or for a person to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from cordbook.intake.dedupe.keys import Item, same_container

#: Records that share a key are all compared up to this many; beyond it each only with so many neighbours in the order of titles.
BLOCK, NEIGHBOURS = 60, 12
#: Characters of a title that are long enough to be its own.
LONG = 40


class Verdict(Enum):
    SAME = "same"
    ASK = "ask"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records, judged. ``score`` is the similarity of their titles from 0 to 1; ``why`` is for people."""

    a: str
    b: str
    verdict: Verdict
    method: str
    score: float
    why: str


def candidates(items: Sequence[Item]) -> Iterator[tuple[int, int]]:
    """Pairs of places in ``items`` that share a number, a title's beginning, end or rarest words, or a place in a journal."""
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, one in enumerate(items):
        for key in _keys(one):
            blocks[key].append(at)
    seen: set[int] = set()
    count = len(items)
    for block in blocks.values():
        if len(block) < 2:
            continue
        if len(block) > BLOCK:
            block = sorted(block, key=lambda i: (items[i].compact, items[i].year))
        reach = len(block) if len(block) <= BLOCK else NEIGHBOURS
        for p, i in enumerate(block):
            for j in block[p + 1 : p + 1 + reach]:
                low, high = (i, j) if i < j else (j, i)
                code = low * count + high
                if code not in seen:
                    seen.add(code)
                    yield low, high


def _keys(one: Item) -> Iterator[tuple[str, ...]]:
    if one.doi:
        yield "doi", one.doi
    if one.pmid:
        yield "pmid", one.pmid
    if one.registration:
        yield "registration", one.registration
    if one.compact:
        yield "begins", one.compact[:20]
        if len(one.compact) > 20:
            yield "ends", one.compact[-20:]
            longest = sorted(set(one.title.split()), key=lambda w: (-len(w), w))[:4]
            yield ("words", *longest)
    if one.page and one.volume:
        yield "place", one.volume, one.page
    if one.page and one.year and one.first_author:
        yield "author", min(one.first_author), str(one.year), one.page


def judge(a: Item, b: Item) -> Pair:
    """What two records are to each other. Numbers decide first; titles only together with what else agrees."""
    verdict, method, score, why = _judged(a, b)
    return Pair(a.id, b.id, verdict, method, score, why)


def _judged(a: Item, b: Item) -> tuple[Verdict, str, float, str]:
    same, ask, different = Verdict.SAME, Verdict.ASK, Verdict.DIFFERENT
    title, cut = title_score(a, b)
    if a.registration or b.registration:
        if a.registration == b.registration:
            return same, "identifier", 1.0, "same number in the register"
        return different, "identifier", title, "two entries of a register, or an entry and an article"
    same_doi, other_doi = bool(a.doi) and a.doi == b.doi, bool(a.doi and b.doi) and a.doi != b.doi
    same_pmid, other_pmid = bool(a.pmid) and a.pmid == b.pmid, bool(a.pmid and b.pmid) and a.pmid != b.pmid
    numbers = (a.numbers[: len(b.numbers)] != b.numbers[: len(a.numbers)]) if cut else a.numbers != b.numbers
    if a.marks != b.marks:
        if same_doi or same_pmid:
            return ask, "identifier", title, "same number, but one is a notice, letter or protocol"
        return different, "similarity", title, "one is a notice, letter or protocol"
    if same_pmid:
        if title >= 0.6 and not other_doi:
            return same, "identifier", 1.0, "same PubMed number"
        return ask, "identifier", title, "same PubMed number, but another title or DOI"
    if same_doi and not other_pmid:
        if title >= 0.75 and (not numbers or title >= 0.95):
            return same, "identifier", 1.0, "same DOI"
        # Abstracts of a congress share the DOI of their supplement.
        if title < 0.5 and (_differs(a.page, b.page) or not (a.first_author & b.first_author)):
            return different, "similarity", title, "same DOI, but another title and place"
        return ask, "identifier", title, "same DOI, but another title"
    agree, against = _compared(a, b)
    if title < 0.9:
        return different, "similarity", title, "other titles"
    if other_doi or other_pmid:
        alike = title >= 0.97 and not numbers and "author" in agree and not against
        near = alike and ("place" in agree or ("journal" in agree and "year" in agree) or same_doi)
        return (ask if near else different), "identifier", title, "another number in the same place" if near else "other numbers"
    if numbers:
        near = "place" in agree
        return (ask if near else different), "similarity", title, "other numbers in the title"
    if cut and len(a.numbers) != len(b.numbers) and "place" not in agree:
        # What is missing may be the part or the phase that makes it another report.
        return (different if against else ask), "similarity", title, "a number stands where one title ends"
    if a.meeting != b.meeting and "place" not in agree:
        return (ask if not against else different), "similarity", title, "one is an abstract of a meeting"
    return _by_place(a, b, title, cut, agree, against)


def _by_place(
    a: Item, b: Item, title: float, cut: bool, agree: frozenset[str], against: frozenset[str]
) -> tuple[Verdict, str, float, str]:
    """Like titles without a common number: the journal, the place in it, the year and the author decide."""
    long = min(len(a.compact), len(b.compact)) >= LONG
    if not against:
        enough = (
            "place" in agree
            or ("author" in agree and "journal" in agree and "year" in agree and long)
            or ("author" in agree and {"volume", "page"} & agree and {"year", "journal"} & agree)
            or ("author" in agree and "year" in agree and long and title >= 0.97 and not cut)
            or ("journal" in agree and "year" in agree and long and title >= 0.99 and not cut and {"volume", "page"} & agree)
        )
        if enough and (title >= 0.94 or "place" in agree):
            return Verdict.SAME, "similarity", title, f"like titles; same {', '.join(sorted(agree))}"
        if agree or long:
            return Verdict.ASK, "similarity", title, "like titles, too little else to tell"
        return Verdict.DIFFERENT, "similarity", title, "a short title and nothing else"
    if against == {"year"} and "place" in agree:
        return Verdict.ASK, "similarity", title, "same place, another year"
    if (
        len(against) == 1
        and "author" in agree
        and title >= 0.97
        and "year" in agree
        and ("place" in agree or against == {"journal"})
    ):
        return Verdict.ASK, "similarity", title, f"like titles, another {', '.join(against)}"
    if against == {"author"} and "place" in agree and title >= 0.97:
        return Verdict.ASK, "similarity", title, "same place, another first author"
    return Verdict.DIFFERENT, "similarity", title, f"another {', '.join(sorted(against))}"


def title_score(a: Item, b: Item) -> tuple[float, bool]:
    """Similarity of two titles, and whether one is the other cut short (then 0.96)."""
    from rapidfuzz.distance import Indel

    if not a.compact or not b.compact:
        return 0.0, False
    if a.compact == b.compact:
        return 1.0, False
    short, long = (a.compact, b.compact) if len(a.compact) <= len(b.compact) else (b.compact, a.compact)
    whole = Indel.normalized_similarity(short, long, score_cutoff=0.4)
    if len(short) >= 25 and whole < 0.96:
        # Cut short, and perhaps misspelt besides; a long enough piece only, since many titles begin alike.
        begun = 1.0 if long.startswith(short) else 0.0
        if not begun and len(short) >= LONG:
            begun = Indel.normalized_similarity(short, long[: len(short)], score_cutoff=0.95)
        if begun:
            return 0.96 * begun, True
    return whole, False


def _compared(a: Item, b: Item) -> tuple[frozenset[str], frozenset[str]]:
    """What agrees and what contradicts. What one of them does not say does neither."""
    agree, against = set(), set()
    if a.year and b.year:
        if a.year == b.year:
            agree.add("year")
        elif abs(a.year - b.year) > 1:
            against.add("year")
    if a.first_author and b.first_author:
        (agree if a.first_author & b.first_author else against).add("author")
    journal = same_container(a.container, b.container)
    if journal is not None:
        (agree if journal else against).add("journal")
    for name, x, y in (("volume", a.volume, b.volume), ("page", a.page, b.page)):
        if x and y:
            (agree if x == y else against).add(name)
    if {"volume", "page"} <= agree and "author" not in against:
        agree.add("place")
    return frozenset(agree), frozenset(against)


def _differs(x: str, y: str) -> bool:
    return bool(x and y) and x != y


def judged(items: Sequence[Item]) -> Iterable[Pair]:
    """Every candidate pair, judged."""
    for i, j in candidates(items):
        yield judge(items[i], items[j])
