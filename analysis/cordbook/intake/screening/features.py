"""Texts as numbers, and what tells relevant ones from others: TF-IDF of words and pairs, and a linear support vector machine.

Both are a few lines with sparse matrices, so that the order of records needs no package of machine learning. The machine finds the
optimum that scikit-learn's LinearSVC finds, and begins at the one before, so that one more decision costs little.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
_WORD = re.compile(r"\w\w+")
#: Words in more than this share of the texts say nothing.
MOST = 0.95
#: A word of the title, the first line of a text, counts so many times.
TITLE = 2
#: Price of a margin not kept, and by how much the relevant records together outweigh the others: as ASReview's ELAS u4, which was
#: tuned on the 26 reviews of SYNERGY.
PRICE, RATIO = 0.11, 9.8


def tfidf(texts: Sequence[str]) -> sparse.csr_array:
    """Texts by words and pairs of words: 1 + log of the count, weighted by rarity, each row of length 1.

    A text may have several lines; words of its first line count :data:`TITLE` times where others follow, and no pair spans two lines.

    >>> tfidf(["oxygen in rats", "oxygen in people"]).shape
    (2, 5)
    """
    vocabulary: dict[str, int] = {}
    words: list[int] = []
    lines: list[tuple[int, int, int]] = []  # text, weight, words
    for at, text in enumerate(texts):
        parts = text.lower().split("\n")
        for number, part in enumerate(parts):
            found = [vocabulary.setdefault(word, len(vocabulary)) for word in _WORD.findall(part)]
            words += found
            lines.append((at, TITLE if number == 0 and len(parts) > 1 else 1, len(found)))
    if not vocabulary:
        return sparse.csr_array((len(texts), 1))
    where, weight, lengths = np.array(lines).T
    line = np.repeat(np.arange(len(lines)), lengths)
    word = np.array(words, dtype=np.int64)
    together = line[:-1] == line[1:]
    pair = (word[:-1] + 1)[together] * len(vocabulary) + word[1:][together]
    of = np.concatenate([line, line[:-1][together]])
    terms, column = np.unique(np.concatenate([word, pair]), return_inverse=True)
    table = sparse.coo_array((weight[of].astype(float), (where[of], column)), shape=(len(texts), len(terms))).tocsr()
    spread = np.bincount(table.indices, minlength=len(terms))
    rarity = np.where(spread <= max(MOST * len(texts), 1), np.log((1 + len(texts)) / (1 + spread)) + 1, 0.0)
    table.data = (1 + np.log(table.data)) * rarity[table.indices]
    table.eliminate_zeros()
    length = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    return _short(sparse.csr_array(sparse.diags_array(1 / np.where(length > 0, length, 1)) @ table), spread)


def _short(table: sparse.csr_array, spread: NDArray[np.int64]) -> sparse.csr_array:
    """The table with the terms of one text alone as one column for each text, most of all terms; all products of its rows stay the same."""
    alone = spread == 1
    own = table[:, alone]
    length = np.sqrt(np.asarray(own.multiply(own).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.hstack([table[:, ~alone], sparse.diags_array(length).tocsr()[:, length > 0]]))


class Machine:
    """A linear support vector machine with squared hinge loss over the rows of a table; it keeps its weights between fits."""

    def __init__(self, table: sparse.csr_array) -> None:
        ones = sparse.csr_array(np.ones((table.shape[0], 1)))
        self.table = sparse.csr_array(sparse.hstack([table, ones]))
        self.weights: Floats = np.zeros(self.table.shape[1])

    def scores(self, rows: Sequence[int], relevant: Sequence[bool], share: Sequence[float] | None = None) -> Floats:
        """How far on the relevant side each row of the table is, learnt from ``rows``, both kinds among them.

        ``share`` weighs rows within their kind.
        """
        wanted = np.asarray(relevant, dtype=bool)
        weight = np.ones(len(rows)) if share is None else np.asarray(share, dtype=float)
        weight = np.where(wanted, weight, weight * weight[wanted].sum() / (RATIO * weight[~wanted].sum()))
        self.weights = _optimum(
            self.table[list(rows)], np.where(wanted, 1.0, -1.0), PRICE * weight * len(rows) / weight.sum(), self.weights
        )
        return np.asarray(self.table @ self.weights)


def _optimum(table: sparse.csr_array, sign: Floats, price: Floats, start: Floats) -> Floats:
    """The weights w with the least ``w'w / 2 + sum(price * max(0, 1 - sign * (table @ w)) ** 2)``, by Newton's steps.

    Each step is solved by conjugate gradients (Keerthi and DeCoste 2005, J Mach Learn Res 6:341).
    """
    across = table.T

    def loss(w: Floats, short: Floats) -> float:
        return float(w @ w / 2 + price @ short**2)

    w = start
    short = np.maximum(0, 1 - sign * (table @ w))
    for _ in range(50):
        slope = w - 2 * (across @ (price * sign * short))
        if np.sqrt(slope @ slope) <= 1e-4 * max(1.0, np.sqrt(w @ w)):
            break
        step = _newton_step(table, across, price * (short > 0), slope)
        now, size, down = loss(w, short), 1.0, float(slope @ step)
        while True:
            new = w + size * step
            short = np.maximum(0, 1 - sign * (table @ new))
            if loss(new, short) <= now + 1e-4 * size * down or size < 1e-4:
                break
            size /= 2
        w = new
    return w


def _newton_step(table: sparse.csr_array, across: sparse.csr_array, price: Floats, slope: Floats) -> Floats:
    """The solution s of ``(I + 2 table' price table) s = -slope``, to a hundredth of the slope."""
    step, rest = np.zeros_like(slope), -slope
    way, left = rest.copy(), float(rest @ rest)
    enough = 1e-4 * left
    for _ in range(50):
        if left <= enough:
            break
        bent = way + 2 * (across @ (price * (table @ way)))
        length = left / float(way @ bent)
        step += length * way
        rest -= length * bent
        left, before = float(rest @ rest), left
        way = rest + left / before * way
    return step
