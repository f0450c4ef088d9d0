"""Which pairs of records are worth a look, and what each is: the same, different, or for a person to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cordbook.intake.dedupe.facts import facts, title_score
from cordbook.intake.dedupe.keys import Item
from cordbook.intake.dedupe.rules import Verdict, reason, ruled

#: Records that share a key are all compared up to this many; beyond it each only with so many neighbours in the order of titles.
BLOCK, NEIGHBOURS = 60, 12
#: Titles so much alike that two records which are judged different might be taken for one through a third.
ALIKE = 0.85


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records, judged. ``score`` is the similarity of their titles from 0 to 1; ``why`` is for people; ``apart``: no group holds both."""

    a: str
    b: str
    verdict: Verdict
    method: str
    score: float
    why: str
    apart: bool = False


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
    """What two records are to each other, by the rules."""
    likeness = title_score(a, b)
    found = facts(a, b, likeness)
    if found is None:
        return Pair(a.id, b.id, Verdict.DIFFERENT, "similarity", likeness[0], "other titles and places", likeness[0] >= ALIKE)
    rule = ruled(found)
    score = 1.0 if rule.verdict is Verdict.SAME and rule.method == "identifier" else found.title
    apart = rule.verdict is Verdict.DIFFERENT and rule.apart and found.title >= ALIKE
    return Pair(a.id, b.id, rule.verdict, rule.method, score, reason(rule, found), apart)


def judged(items: Sequence[Item]) -> Iterable[Pair]:
    """Every candidate pair that is the same, asked, or kept apart; most are none of these, and are passed over."""
    for i, j in candidates(items):
        pair = judge(items[i], items[j])
        if pair.apart or pair.verdict is not Verdict.DIFFERENT:
            yield pair
