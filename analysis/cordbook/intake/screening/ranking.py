"""Which record to read next, and how many relevant ones may be left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

MISSING = 'Records come in plain order: ranking needs scikit-learn. Install it with: pip install "cordbook[intake]"'
#: Decisions of each kind that a ranking begins with.
FEWEST = 2
MOST_RUNS = 200


def ranked(texts: Mapping[str, str], relevant: Mapping[str, bool], waiting: Sequence[str]) -> tuple[list[str], str]:
    """``waiting`` with the likeliest first, and a message where that cannot be done; ``texts`` and ``relevant`` go by record.

    TF-IDF of words and pairs with logistic regression, classes balanced: what is read next is what is most likely to be included.
    Equal chances keep their order, so the same decisions always give the same order.
    """
    labels = [relevant[r] for r in relevant if r in texts]
    if min(labels.count(True), labels.count(False)) < FEWEST:
        return list(waiting), f"Records come in plain order until {FEWEST} are included and {FEWEST} excluded."
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return list(waiting), MISSING
    try:
        table = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), stop_words="english").fit_transform(texts.values())
    except ValueError:  # nothing but stop words
        return list(waiting), ""
    place = {r: i for i, r in enumerate(texts)}
    known = [place[r] for r in relevant if r in place]
    model = LogisticRegression(class_weight="balanced", C=10.0, max_iter=1000).fit(table[known], labels)
    asked = [r for r in waiting if r in place]
    if not asked:
        return list(waiting), ""
    chance = model.predict_proba(table[[place[r] for r in asked]])[:, 1]
    order = np.argsort(-np.round(chance, 9), kind="stable")
    return [asked[i] for i in order], ""


@dataclass(frozen=True, slots=True)
class Stopping:
    """What is known of the records not read yet. ``at_most`` relevant ones are left (one-sided limit at ``level``);
    ``recall`` is the share found if so many are left; ``p`` tests that less than ``target`` has been found."""

    screened: int
    left: int
    found: int
    at_most: int
    recall: float
    target: float
    p: float
    level: float


def stopping(relevant: Sequence[bool], left: int, *, target: float = 0.95, level: float = 0.95) -> Stopping | None:
    """How many relevant records may be left, from decisions in the order they were made; None before the first.

    The hypergeometric test with quasi-sampling of Callaghan and Müller-Hansen (2020, Systematic Reviews 9:273): the records read
    last are taken as a random sample of those that were unread then. As the likeliest were read first, fewer are left than such a
    sample says, so the limit is a cautious one. As in that paper, the run that says most is used.
    """
    if not relevant:
        return None
    hits = np.asarray(relevant, dtype=int)
    read, found = len(hits), int(hits.sum())
    population = read + left
    best, p = left, 1.0
    seen = np.cumsum(hits[::-1])
    # A few hundred runs say as much as all of them, in a screen's time.
    lengths = np.arange(1, read + 1) if read <= MOST_RUNS else np.unique(np.geomspace(1, read, MOST_RUNS).round().astype(int))
    for n in lengths:
        k = seen[n - 1]
        size = population - (read - n)
        best = min(best, _most(size, int(n), int(k), 1 - level) - int(k))
        before = found - int(k)
        # The smallest number of relevant records at the start of the run with which recall is below the target.
        least = int(np.floor(found / target - before)) + 1
        if least > size:
            p = 0.0
        else:
            p = min(p, float(hypergeom.cdf(k, size, least, n)))
    best = max(best, 0)
    if left == 0:
        p = 0.0
    recall = found / (found + best) if found + best else 1.0
    return Stopping(read, left, found, best, recall, target, p, level)


def _most(size: int, n: int, k: int, alpha: float) -> int:
    """The largest number of relevant records among ``size`` with which ``k`` or fewer of ``n`` drawn are likelier than ``alpha``."""
    low, high = k, size - (n - k)
    while low < high:
        middle = (low + high + 1) // 2
        if hypergeom.cdf(k, size, middle, n) >= alpha:
            low = middle
        else:
            high = middle - 1
    return low
