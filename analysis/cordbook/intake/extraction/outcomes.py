"""Which outcomes of the closed list a reader means by what was typed: whole words of their keys and names, never scattered letters."""

from __future__ import annotations

from collections.abc import Mapping

from cordbook.evidence.matching import words


def outcomes_called(text: str, labels: Mapping[str, str]) -> list[str]:
    """Outcomes that a text may mean, by key and label: the one of this key or name, else those that hold its words.

    Words in their order, side by side, go before the same words in any order.

    >>> grades = {"ais_improved": "AIS grade improved", "other:ais_a_to_c": "AIS A to C", "death": "Death"}
    >>> outcomes_called("AIS improved", grades), outcomes_called("improved grade", grades), outcomes_called("ais a to b", grades)
    (['ais_improved'], ['ais_improved'], [])
    >>> outcomes_called("a to c", grades), outcomes_called("ais", grades), outcomes_called("", grades)
    (['other:ais_a_to_c'], ['ais_improved', 'other:ais_a_to_c'], [])
    """
    asked = words(text)
    if not asked:
        return []
    names = {outcome: (words(outcome), words(label)) for outcome, label in labels.items()}
    for fits in (
        lambda name: name == asked,
        lambda name: f" {asked} " in f" {name} ",
        lambda name: set(asked.split()) <= set(name.split()),
    ):
        found = [outcome for outcome, (key, label) in names.items() if fits(key) or fits(label)]
        if found:
            return found
    return []


def is_key(text: str, outcome: str) -> bool:
    """Was the outcome named by its key, so that there is nothing to confirm?

    >>> is_key("ais improved", "ais_improved"), is_key("grade improved", "ais_improved")
    (True, False)
    """
    return words(text) == words(outcome)
