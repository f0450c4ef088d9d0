"""Align the columns of a table of texts, for every list that the command line prints.

Plain lines that can be searched, cut and compared; nothing depends on how wide the terminal is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

#: Between two columns.
GAP = "  "


def aligned(rows: Sequence[Sequence[str]], *, right: Collection[int] = (), indent: str = "") -> str:
    """Rows of one length as lines with their columns below each other; ``right`` names columns that end together, as numbers do.

    Raises ``ValueError`` for rows of different lengths.

    >>> print(aligned([("study", "n"), ("lima2010", "17"), ("脊髓", "4")], right={1}))
    study      n
    lima2010  17
    脊髓       4
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths, right, indent) for row in rows)


def width(text: str) -> int:
    """Places that a text takes in a terminal: two for a wide character of East Asia, none for a mark on the one before it.

    >>> width("Núñez"), width("脊髓"), width("e\\u0301")
    (5, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int], indent: str) -> str:
    cells = (
        blanks + cell if number in right else cell + blanks
        for number, (cell, wide) in enumerate(zip(row, widths, strict=True))
        for blanks in (" " * (wide - width(cell)),)
    )
    return (indent + GAP.join(cells)).rstrip()
