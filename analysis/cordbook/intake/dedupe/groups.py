"""Records that are one: groups of the same, pairs that a person must judge.

A group never holds two records that contradict each other, however they hang together: the link that would join them is asked.

bib-dedupe was weighed and measured beside this (benchmarks/run_dedupe.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cordbook.intake.dedupe.keys import Item
from cordbook.intake.dedupe.pairs import Pair, Verdict, judged


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """``groups``: identities that are one record, two or more each; ``links``: the pairs that made them; ``uncertain``: asked."""

    groups: tuple[tuple[str, ...], ...]
    links: tuple[Pair, ...]
    uncertain: tuple[Pair, ...]


class _Groups:
    """Disjoint sets that know their members, numbers and enemies."""

    def __init__(self, items: Mapping[str, Item], enemies: Mapping[str, set[str]]) -> None:
        self.items = items
        self.root = {i: i for i in items}
        self.members = {i: {i} for i in items}
        self.enemies = {i: set(enemies.get(i, ())) for i in items}
        self.dois = {i: {one.doi} - {""} for i, one in items.items()}
        self.pmids = {i: {one.pmid} - {""} for i, one in items.items()}

    def find(self, i: str) -> str:
        while self.root[i] != i:
            self.root[i] = self.root[self.root[i]]
            i = self.root[i]
        return i

    def may_join(self, a: str, b: str) -> bool:
        """Does nothing in their groups contradict? Two DOIs that the link itself joins have been weighed."""
        weighed = bool(self.items[a].doi and self.items[b].doi)
        a, b = self.find(a), self.find(b)
        if a == b:
            return True
        if self.enemies[a] & self.members[b]:
            return False
        kept = (self.pmids,) if weighed else (self.dois, self.pmids)
        return not any(x[a] and x[b] and not x[a] & x[b] for x in kept)

    def join(self, a: str, b: str) -> None:
        a, b = self.find(a), self.find(b)
        if a == b:
            return
        if len(self.members[a]) < len(self.members[b]):
            a, b = b, a
        self.root[b] = a
        for sets in (self.members, self.enemies, self.dois, self.pmids):
            sets[a] |= sets.pop(b)


def deduplicate(
    items: Sequence[Item],
    together: Iterable[tuple[str, str]] = (),
    apart: Iterable[tuple[str, str]] = (),
) -> Deduplicated:
    """Group the records that are one.

    ``together``: pairs that were merged before; ``apart``: pairs that somebody judged different. Both stand above what is
    computed, and neither is asked again. The order of ``items`` does not matter.
    """
    by_id = {one.id: one for one in items}
    known = {frozenset(pair) for pair in (*together, *apart)}
    enemies: dict[str, set[str]] = defaultdict(set)
    for a, b in apart:
        enemies[a].add(b)
        enemies[b].add(a)
    same, uncertain = [], []
    for pair in judged(sorted(items, key=lambda one: one.id)):
        if frozenset((pair.a, pair.b)) in known:
            continue
        if pair.verdict is Verdict.SAME:
            same.append(pair)
        elif pair.verdict is Verdict.ASK:
            uncertain.append(pair)
        elif pair.apart:
            enemies[pair.a].add(pair.b)
            enemies[pair.b].add(pair.a)
    groups = _Groups(by_id, enemies)
    for a, b in together:
        if a in by_id and b in by_id:
            groups.join(a, b)
    torn = _between_enemies(same, enemies)
    links = []
    for pair in sorted(same, key=lambda p: (p.method != "identifier", -p.score, p.a, p.b)):
        if pair in torn or not groups.may_join(pair.a, pair.b):
            uncertain.append(
                replace(pair, verdict=Verdict.ASK, why=f"{pair.why}; but it also goes with a record that is another")
            )
        else:
            groups.join(pair.a, pair.b)
            links.append(pair)
    # A pair that has been joined by other links needs no question, nor does one whose groups contradict each other.
    open_pairs: dict[tuple[str, str], Pair] = {}
    for pair in sorted(uncertain, key=lambda p: (-p.score, p.a, p.b)):
        a, b = groups.find(pair.a), groups.find(pair.b)
        if a != b and not groups.enemies[a] & groups.members[b]:
            open_pairs.setdefault((min(a, b), max(a, b)), pair)
    found = (tuple(sorted(members)) for members in groups.members.values() if len(members) > 1)
    return Deduplicated(tuple(sorted(found)), tuple(links), tuple(open_pairs.values()))


def _between_enemies(same: Sequence[Pair], enemies: Mapping[str, set[str]]) -> set[Pair]:
    """Links by likeness of a record that is like two others which are not each other: part I cut short is part II cut short."""
    partners: dict[str, set[str]] = defaultdict(set)
    for pair in same:
        if pair.method != "identifier":
            partners[pair.a].add(pair.b)
            partners[pair.b].add(pair.a)
    torn_at = {i for i, others in partners.items() if any(enemies[o] & others for o in others if o in enemies)}
    return {p for p in same if p.method != "identifier" and (p.a in torn_at or p.b in torn_at)}
