"""Match the patterns that tables and schemas declare, in time that grows with the text alone.

A pattern comes with the data, so it may come from anybody: one as ``(a+)+`` keeps a backtracking matcher busy for years. Here a pattern is
an automaton whose states are followed side by side, each set of states once (Thompson, Communications of the ACM 11 (1968) 419-422). Digits,
letters and blanks of ``\\d``, ``\\w`` and ``\\s`` are those of ASCII. What an automaton cannot do (references back, looking around) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

#: States of an automaton; a repeat of thousands of repeats would have more.
MOST_STATES = 5_000
#: A pattern is written by a person.
LONGEST_PATTERN = 4_000
#: Sets of states that are kept; beyond, they are made anew.
_KEPT = 2_000

_parser: Any = re._parser  # type: ignore[attr-defined]  # the tree that re itself makes of a pattern
_c: Any = re._constants  # type: ignore[attr-defined]  # names of the nodes of that tree
_DIGITS = frozenset("0123456789")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SPACE = frozenset(" \t\n\r\f\v")

Takes = Callable[[str], bool]


class BadPattern(ValueError):
    """A pattern that cannot be used; the message says why, as the end of a sentence."""


class Pattern:
    """A compiled pattern. ``fullmatch`` is all that declared patterns are for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._takes: list[Takes | None] = []
        self._next: list[list[int]] = []
        end = self._state()
        self._start = self._build(_tree(text), end)
        self._end = end
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def fullmatch(self, text: str) -> bool:
        """Does the whole text have the form?"""
        states = self._closure([self._start])
        for char in text:
            key = (states, char)
            following = self._steps.get(key)
            if following is None:
                following = self._closure([n for s in states if (takes := self._takes[s]) and takes(char) for n in self._next[s]])
                if len(self._steps) >= _KEPT:
                    self._steps.clear()
                self._steps[key] = following
            if not following:
                return False
            states = following
        return self._end in states

    def _state(self, takes: Takes | None = None, following: Iterable[int] = ()) -> int:
        if len(self._takes) >= MOST_STATES:
            raise BadPattern("it is too large: its repeats stand for thousands of characters")
        self._takes.append(takes)
        self._next.append(list(following))
        return len(self._takes) - 1

    def _closure(self, states: Iterable[int]) -> frozenset[int]:
        """States that are reached without taking a character."""
        found: set[int] = set()
        left = list(states)
        while left:
            state = left.pop()
            if state not in found:
                found.add(state)
                if self._takes[state] is None:
                    left += self._next[state]
        return frozenset(found)

    def _build(self, tree: Iterable[Any], after: int) -> int:
        """States for a sequence, from its end to its begin; returns the first."""
        for operation, argument in reversed(list(tree)):
            after = self._part(operation, argument, after)
        return after

    def _part(self, operation: Any, argument: Any, after: int) -> int:
        if operation is _c.BRANCH:
            return self._state(following=[self._build(branch, after) for branch in argument[1]])
        if operation is _c.SUBPATTERN:
            if argument[1] or argument[2]:
                raise BadPattern("it sets flags within a group")
            return self._build(argument[3], after)
        if operation in (_c.MAX_REPEAT, _c.MIN_REPEAT):
            least, most, body = argument
            return self._repeat(least, most, body, after)
        return self._state(_taker(operation, argument), [after])

    def _repeat(self, least: int, most: Any, body: Any, after: int) -> int:
        if most is _c.MAXREPEAT:
            loop = self._state(following=[after])
            self._next[loop].append(self._build(body, loop))
            after = loop
        else:
            if most > MOST_STATES:
                raise BadPattern("it is too large: its repeats stand for thousands of characters")
            end = after
            for _ in range(most - least):
                after = self._state(following=[end, self._build(body, after)])
        if least > MOST_STATES:
            raise BadPattern("it is too large: its repeats stand for thousands of characters")
        for _ in range(least):
            after = self._build(body, after)
        return after


def _tree(text: str) -> Any:
    if len(text) > LONGEST_PATTERN:
        raise BadPattern(f"it has {len(text)} characters; at most {LONGEST_PATTERN} are read")
    try:
        tree = _parser.parse(text)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise BadPattern(f"it is not a regular expression ({error})") from None
    if tree.state.flags & ~re.UNICODE:
        raise BadPattern("it sets flags")
    return tree


def _taker(operation: Any, argument: Any) -> Takes:
    """The question whether one character fits one place of a pattern."""
    if operation is _c.LITERAL:
        return chr(argument).__eq__
    if operation is _c.NOT_LITERAL:
        return chr(argument).__ne__
    if operation is _c.ANY:
        return "\n".__ne__
    if operation is _c.IN:
        return _class(argument)
    raise BadPattern(
        "it refers back, looks around or asks for a place, which needs no linear time; write what the whole value is made of"
    )


def _class(items: list[Any]) -> Takes:
    negated = bool(items) and items[0][0] is _c.NEGATE
    single: set[str] = set()
    ranges: list[tuple[int, int]] = []
    outside: list[frozenset[str]] = []
    kinds = {
        _c.CATEGORY_DIGIT: _DIGITS, _c.CATEGORY_WORD: _WORD, _c.CATEGORY_SPACE: _SPACE,
    }  # fmt: skip
    others = {_c.CATEGORY_NOT_DIGIT: _DIGITS, _c.CATEGORY_NOT_WORD: _WORD, _c.CATEGORY_NOT_SPACE: _SPACE}
    for operation, argument in items[negated:]:
        if operation is _c.LITERAL:
            single.add(chr(argument))
        elif operation is _c.RANGE:
            ranges.append(argument)
        elif argument in kinds:
            single |= kinds[argument]
        else:
            outside.append(others[argument])

    def takes(char: str) -> bool:
        within = char in single or any(a <= ord(char) <= b for a, b in ranges) or any(char not in kind for kind in outside)
        return within is not negated

    return takes


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """The automaton of a pattern; raises :class:`BadPattern`.

    >>> compiled("[a-z]+[0-9]{4}").fullmatch("lima2010"), compiled(r"\\\\d+").fullmatch("1\\u0663")
    (True, False)
    >>> compiled("(a+)+").fullmatch("a" * 10_000 + "!")
    False
    """
    return Pattern(text)


def matches(pattern: str, text: str) -> bool:
    """Has a text the form of a pattern? A pattern that cannot be used is told by a rule of its own, so it refuses nothing."""
    try:
        return compiled(pattern).fullmatch(text)
    except BadPattern:
        return True


def why_endless(pattern: str) -> str:
    """Why a pattern that is searched for in text, not matched as a whole, might take for ever; blank where nothing speaks for it.

    Such patterns are left to ``re``, which backtracks: a repeat without end within another, or a choice within one, is refused.

    >>> why_endless(r"\\\\bseed\\\\b"), why_endless("(a+)+b")
    ('', 'a repeat without end holds another repeat or a choice')
    """
    try:
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError, ValueError):
        return ""  # told as no regular expression
    return "a repeat without end holds another repeat or a choice" if _nested(tree, within=False) else ""


def _nested(tree: Any, *, within: bool) -> bool:
    for operation, argument in tree:
        repeat = operation in (_c.MAX_REPEAT, _c.MIN_REPEAT, _c.POSSESSIVE_REPEAT)
        endless = repeat and argument[1] is _c.MAXREPEAT
        if within and ((repeat and argument[0] != argument[1]) or operation is _c.BRANCH):
            return True
        parts = _parts_of(operation, argument)
        if any(_nested(part, within=within or endless) for part in parts):
            return True
    return False


def _parts_of(operation: Any, argument: Any) -> list[Any]:
    if operation in (_c.MAX_REPEAT, _c.MIN_REPEAT, _c.POSSESSIVE_REPEAT):
        return [argument[2]]
    if operation is _c.BRANCH:
        return list(argument[1])
    if operation is _c.SUBPATTERN:
        return [argument[3]]
    if operation in (_c.ASSERT, _c.ASSERT_NOT):
        return [argument[1]]
    if operation is _c.ATOMIC_GROUP:
        return [argument]
    return []
