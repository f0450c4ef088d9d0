"""What a figure shows one by one when there are more studies than a reader can take in, and what it says of the others.

A figure has at most so many rows, however much the evidence grows; the others stand together in a row of their own, and all of
them, one by one, in a file that the row leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

#: Rows of single studies in a figure. A few more are let through: a row for two others would save nothing.
MOST_STUDIES, LET_THROUGH = 30, 3
T = TypeVar("T")


def is_many(number: int, most: int = MOST_STUDIES) -> bool:
    """Whether so many studies are too many to be drawn one by one.

    >>> is_many(33), is_many(34)
    (False, True)
    """
    return number > most + LET_THROUGH


def with_most_weight(items: Sequence[T], weights: Sequence[float | None], most: int = MOST_STUDIES) -> tuple[list[T], list[T]]:
    """The items with the most weight, in their order, and the others; of equal weight the first goes first.

    >>> with_most_weight("abc", [1, 3, 2], most=2)
    (['a', 'b', 'c'], [])
    >>> with_most_weight("abcdef", [1, 3, 2, 0, 0, 0], most=2)
    (['b', 'c'], ['a', 'd', 'e', 'f'])
    """
    if not is_many(len(items), most):
        return list(items), []
    order = sorted(range(len(items)), key=lambda i: (-(weights[i] or 0.0), i))
    kept = set(order[:most])
    return [x for i, x in enumerate(items) if i in kept], [x for i, x in enumerate(items) if i not in kept]


def shares(numbers: Sequence[int], most: int = MOST_STUDIES) -> list[int]:
    """How many of each group are drawn, so that all groups together have about ``most`` rows and none has less than three.

    >>> shares([5, 20]), shares([270, 20])
    ([30, 30], [27, 3])
    """
    whole = sum(numbers)
    return [most for _ in numbers] if not is_many(whole, most) else [max(3, most * n // whole) for n in numbers]


def evenly_spaced(items: Sequence[T], most: int = MOST_STUDIES) -> list[T]:
    """At most ``most`` of the items, evenly spaced, the first and the last among them.

    >>> evenly_spaced(list(range(101)), most=5)
    [0, 25, 50, 75, 100]
    """
    if not is_many(len(items), most):
        return list(items)
    last = len(items) - 1
    return [items[round(i * last / (most - 1))] for i in range(most)]
