"""Which record to read next: what is likeliest to be included comes first, from the first decision on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from cordbook.intake.screening.features import Floats, Machine, tfidf

PLAIN = "Records come in plain order until one is judged: no study of the review and no search says what it is about."


class Ranking:
    """The order of some records, their texts read once. ``known`` are texts that tell what is looked for: studies of the review,
    reports known to be relevant, the words of the searches."""

    def __init__(self, texts: Mapping[str, str], known: Sequence[str] = ()) -> None:
        self.place = {record: at for at, record in enumerate(texts)}
        self.known = range(len(texts), len(texts) + len(known))
        self.machine = Machine(tfidf([*texts.values(), *known]))

    def order(self, relevant: Mapping[str, bool], waiting: Sequence[str]) -> tuple[list[str], str]:
        """``waiting`` with the likeliest first, and a message where nothing tells what is likely; ``relevant`` are the decisions.

        Equal chances keep their order, and the order depends on the decisions alone.
        """
        scores = self.scores(relevant)
        if scores is None:
            return list(waiting), PLAIN
        asked = [r for r in waiting if r in self.place]
        order = np.argsort(-np.round(scores[[self.place[r] for r in asked]], 6), kind="stable")
        return [asked[i] for i in order] + [r for r in waiting if r not in self.place], ""

    def scores(self, relevant: Mapping[str, bool]) -> Floats | None:
        """How likely each text is to be relevant, as a number without a unit; None where nothing tells."""
        judged = {self.place[r]: yes for r, yes in relevant.items() if r in self.place}
        found = sum(judged.values())
        table = self.machine.table
        if not found and not self.known:
            if not judged:
                return None
            # What is like all that the search brought, and unlike what was excluded.
            return np.asarray(table @ (table.mean(axis=0) - table[[*judged]].mean(axis=0)))
        if found == len(judged):
            # Nothing was excluded yet: what is like the relevant ones, and unlike the rest.
            return np.asarray(table @ (table[[*judged, *self.known]].mean(axis=0) - table.mean(axis=0)))
        # What was known before weighs together as much as what was found, so that decisions soon lead.
        share = [1.0] * len(judged) + [max(found, 1) / max(len(self.known), 1)] * len(self.known)
        return self.machine.scores([*judged, *self.known], [*judged.values(), *[True] * len(self.known)], share)


def ranked(
    texts: Mapping[str, str], relevant: Mapping[str, bool], waiting: Sequence[str], known: Sequence[str] = ()
) -> tuple[list[str], str]:
    """``waiting`` with the likeliest first, and a message where nothing tells; ``texts`` and ``relevant`` go by record.

    The features of the texts asked about last are kept.

    >>> texts = {"a": "oxygen in rats", "b": "oxygen in people", "c": "rats in a maze", "d": "people in trials"}
    >>> ranked(texts, {"a": False, "b": True}, ["c", "d"])[0]
    ['d', 'c']
    """
    return _kept(tuple(texts.items()), tuple(known)).order(relevant, waiting)


@lru_cache(maxsize=1)
def _kept(texts: tuple[tuple[str, str], ...], known: tuple[str, ...]) -> Ranking:
    return Ranking(dict(texts), known)
