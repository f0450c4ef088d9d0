"""Says whether a text, such as a title, is what a search asks for, as far as words alone can tell.

An approximation. What only the source can answer (index terms, kinds of document, animals) is left out: among terms joined by OR
it counts as not met, of terms joined by AND it is not asked. So a search finds at least about as much in the source, where
abstracts are read too, and a part that is joined by AND with such a term alone may find less.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from cordbook.evidence.queries.dialects import Dialect
from cordbook.evidence.queries.parse import Group, Near, Node, Term

Span = tuple[int, int]


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text as searches compare them: small letters without accents; signs divide words.

    >>> words_of("Schüller’s L'Hermitte sign: re-irradiation")
    ('schuller', 's', 'l', 'hermitte', 'sign', 're', 'irradiation')
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return tuple(re.findall(r"\w+", plain.casefold()))


def matches(tree: Node, words: Sequence[str], dialect: Dialect) -> bool | None:
    """Is the text with these words found? None where words cannot answer any part of the search."""
    if isinstance(tree, Group):
        return _group(tree, [matches(part, words, dialect) for part in tree.parts])
    spans = _spans(tree, words, dialect)
    return None if spans is None else bool(spans)


def _group(group: Group, found: list[bool | None]) -> bool | None:
    if group.operator == "NOT":
        first, others = found[0], [x for x in found[1:] if x is not None]
        return first if first is None or not others else first and not any(others)
    known = [x for x in found if x is not None]
    if not known:
        return None
    return all(known) if group.operator == "AND" else any(known)


def missing_parts(tree: Node, words: Sequence[str], dialect: Dialect) -> tuple[tuple[int, ...], int]:
    """Numbers (1 for the first) of the parts joined by AND of which a text has no word, and how many parts there are."""
    parts = _conjuncts(tree)
    return tuple(n for n, part in enumerate(parts, 1) if matches(part, words, dialect) is False), len(parts)


def _conjuncts(tree: Node) -> tuple[Node, ...]:
    if isinstance(tree, Group) and tree.operator == "NOT":
        return _conjuncts(tree.parts[0])
    if isinstance(tree, Group) and tree.operator == "AND":
        return tuple(part for whole in tree.parts for part in _conjuncts(whole))
    return (tree,)


def is_latin(tree: Node) -> bool:
    """Has the search a word in Latin letters, so that titles as they stand in the tables can be compared with it?"""
    if isinstance(tree, Term):
        return tree.textual and bool(re.search(r"[A-Za-z]", tree.text))
    return any(map(is_latin, tree.parts if isinstance(tree, Group) else (tree.first, tree.second)))


# ------------------------------------------------------------------ places of terms in a text


def _spans(node: Node, words: Sequence[str], dialect: Dialect) -> list[Span] | None:
    """Where a term, or terms near each other, stand in the text: first word and the word behind the last."""
    if isinstance(node, Term):
        return _term(node.text, words, dialect.stems) if node.textual else None
    if isinstance(node, Near):
        first, second = _spans(node.first, words, dialect), _spans(node.second, words, dialect)
        if first is None or second is None:
            return first if second is None else second
        return [(min(a[0], b[0]), max(a[1], b[1])) for a in first for b in second if _are_near(a, b, node)]
    found = [spans for part in node.parts if (spans := _spans(part, words, dialect)) is not None]
    if not found:
        return None
    if node.operator != "OR" and not all(found):
        return []
    return [span for spans in found for span in spans]


def _are_near(a: Span, b: Span, node: Near) -> bool:
    if a[1] <= b[0]:
        return b[0] - a[1] < node.words
    return not node.ordered and b[1] <= a[0] and a[0] - b[1] < node.words


def _term(text: str, words: Sequence[str], stems: bool) -> list[Span]:
    patterns = _compiled(text, stems)
    size = len(patterns)
    return [
        (at, at + size)
        for at in range(len(words) - size + 1)
        if size and all(p.fullmatch(w) for p, w in zip(patterns, words[at : at + size], strict=True))
    ]


@lru_cache(maxsize=4096)
def _compiled(text: str, stems: bool) -> tuple[re.Pattern[str], ...]:
    """A pattern for each word of a term: * stands for any letters, ? and $ for one."""
    marked = text.replace("*", "\ue000").replace("?", "\ue001").replace("$", "\ue002")
    plain = "".join(c for c in unicodedata.normalize("NFKD", marked) if not unicodedata.combining(c)).casefold()
    return tuple(_pattern(word, stems) for word in re.findall(r"[\w\ue000-\ue002]+", plain) if re.search(r"\w", word))


def _pattern(word: str, stems: bool) -> re.Pattern[str]:
    body = re.escape(word).replace("\ue000", r"\w*").replace("\ue001", r"\w").replace("\ue002", r"\w?")
    if stems:
        singular = re.sub(r"(?<=\w\w)(?:ies|y)$", "", body)
        body = rf"{singular}(?:y|ies)" if singular != body else rf"{re.sub(r'(?<=[^s])s$', '', body)}(?:s|es)?"
    return re.compile(body)
