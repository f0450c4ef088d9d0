"""Say what all analyses of a question give, in sentences that are made from them and so turn when they do."""

from __future__ import annotations

import math

from cordbook.core.text import enumerate_words, inside
from cordbook.review.estimates.phrases import percent, percent_number, ratio
from cordbook.review.multiverse.multiverse import Analysis, Move, Multiverse

#: A choice that moves a share by less than this many points, or a ratio by less than this factor, is said to move it hardly at all.
HARDLY_POINTS, HARDLY_FACTOR = 0.1, 1.01


def sentence(found: Multiverse) -> str:
    """Of how many analyses how many give what, where the book's own stands, and which choice moves the result most."""
    return f"{conclusions_sentence(found)} {moving_sentence(found)}"


def conclusions_sentence(found: Multiverse) -> str:
    """ "Of N defensible analyses, n give ...", most first; the conclusion of the book's own is marked."""
    number = len(found.analyses)
    if not number:
        return "No combination of the declared choices leaves two studies to pool, so there is no analysis to set beside the book's own."
    own = found.conclusions[found.analyses[found.own].conclusion].id if found.own >= 0 else None
    if len(found.counted) == 1:
        whole = "The one defensible analysis gives" if number == 1 else f"All {number:,} defensible analyses give"
        return f"{whole} {found.counted[0][0].text}."
    parts = [f"{n:,} give{'s' if n == 1 else ''} {c.text}{', as the book does' if c.id == own else ''}" for c, n in found.counted]
    return f"Of {number:,} defensible analyses, {_listed(parts)}."


def _listed(parts: list[str]) -> str:
    """Parts that hold commas, in one sentence.

    >>> _listed(["3 give more, as the book does", "2 give less"])
    '3 give more, as the book does, and 2 give less'
    """
    return ", and ".join(parts) if len(parts) < 3 else f"{'; '.join(parts[:-1])}; and {parts[-1]}"


def moving_sentence(found: Multiverse) -> str:
    """The choice that moves the result most."""
    first = next(iter(found.moves), None)
    if first is None or not first.pairs or not moves_at_all(found, first):
        return "No choice alone moves the result by more than a hair."
    equals = [m for m in found.moves[1:] if m.mean == first.mean]
    names = enumerate_words([f"“{inside(m.choice.label)}”" for m in (first, *equals)])
    what, verb = ("choice", "is") if not equals else ("choices", "are")
    return f"The {what} that move{'' if equals else 's'} the result most {verb} {names}: all else equal, by {distance(found, first.mean)} on average and {distance(found, first.greatest)} at most."


def moves_at_all(found: Multiverse, move: Move) -> bool:
    """Whether a choice moves the result by more than :data:`HARDLY_POINTS` or :data:`HARDLY_FACTOR`."""
    return move.mean >= (math.log(HARDLY_FACTOR) if found.is_ratio else HARDLY_POINTS / 100)


def distance(found: Multiverse, value: float) -> str:
    """A distance between two results: points of a share, or the factor between two ratios."""
    if found.is_ratio:
        return f"a factor of {ratio(math.exp(value))}"
    number = percent_number(value)
    return f"{number} percentage point{'' if number == '1' else 's'}"


def result_text(found: Multiverse, analysis: Analysis) -> str:
    """The result of an analysis with its interval, and that its studies stand side by side in the book where they do."""
    show = ratio if found.is_ratio else percent
    a = analysis.answer
    text = f"{show(a.estimate)} ({show(a.ci_low)} to {show(a.ci_high)})"
    return text if a.pooled else f"{text}, not averaged in the book"


def range_sentence(found: Multiverse) -> str:
    """The lowest and the highest result and the middle half of them."""
    if not found.analyses:
        return ""
    show = ratio if found.is_ratio else percent
    at = [found.analyses[round(q * (len(found.analyses) - 1))].answer.estimate for q in (0, 0.25, 0.75, 1)]
    return f"Results run from {show(at[0])} to {show(at[3])}, the middle half of them from {show(at[1])} to {show(at[2])}."
