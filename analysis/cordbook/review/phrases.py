"""Estimates in words: the forms in which a number may stand in prose.

Every number in the book's text is made here from an estimate, so that it is written in one way and
moves with the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from cordbook.evidence.evidence import RETRACTED
from cordbook.review.estimates import Estimate
from cordbook.review.retracted import retracted_labels, without_retracted
from cordbook.review.study_words import part_name

MISSING = "not estimable"
#: Bases of natural frequencies with the shares that they can show: tens where that loses little.
FREQUENCY_BASES = ((10, 0.095, 0.905), (100, 0.0095, 0.995), (1000, 0.00095, 0.9995))
#: Percentages beyond these are written "<0.01" and ">99.9": more digits would claim more than data can say.
SMALLEST_PERCENT, LARGEST_PERCENT = 0.01, 99.9


def percent(value: float | None) -> str:
    """A proportion as percent with as many digits as a reader can use.

    >>> percent(0.456), percent(0.0234), percent(0.0012), percent(0.0), percent(1.0)
    ('46%', '2.3%', '0.12%', '0%', '100%')
    """
    number = percent_number(value)
    return number if number == MISSING else f"{number}%"


def percent_number(value: float | None) -> str:
    """The number of :func:`percent` without the sign; a value is never rounded to 0 or 100 that is neither.

    >>> percent_number(0.9987), percent_number(0.9999), percent_number(0.0003), percent_number(1e-9)
    ('99.9', '>99.9', '0.03', '<0.01')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    scaled = 100 * value
    if scaled in (0.0, 100.0):
        return f"{scaled:.0f}"
    if scaled < SMALLEST_PERCENT:
        return f"<{SMALLEST_PERCENT:g}"
    if scaled > LARGEST_PERCENT:
        return f">{LARGEST_PERCENT:g}"
    if scaled >= 99.5:
        return f"{scaled:.1f}"
    if scaled >= 9.95:
        return f"{scaled:.0f}"
    return f"{scaled:.1f}" if scaled >= 0.995 else f"{scaled:.2g}"


def natural_frequency(value: float | None) -> str:
    """A proportion as people of ten, a hundred or a thousand.

    >>> natural_frequency(0.53), natural_frequency(0.031), natural_frequency(0.004), natural_frequency(0.97)
    ('5 in 10', '3 in 100', '4 in 1,000', '97 in 100')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    for base, least, most in FREQUENCY_BASES:
        if least <= value <= most:
            return f"{round(value * base)} in {base:,}"
    if value in (0.0, 1.0):
        return "none" if value == 0.0 else "all"
    return "fewer than 1 in 1,000" if value < 0.5 else "all but a few"


def ratio(value: float | None) -> str:
    """A ratio with two digits that matter.

    >>> ratio(2.345), ratio(0.0456), ratio(34.2)
    ('2.3', '0.046', '34')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2g}"


def _level(e: Estimate) -> str:
    return f"{e.synthesis.level:.0%}"


def _show(e: Estimate) -> Callable[[float | None], str]:
    return ratio if e.is_comparison and e.synthesis.measure != "RD" else percent_number


def _interval(e: Estimate) -> str:
    show = _show(e)
    return f"{show(e.result.ci_low)} to {show(e.result.ci_high)}"


def _point(e: Estimate) -> str:
    if e.is_comparison and e.synthesis.measure != "RD":
        return ratio(e.result.estimate)
    return percent(e.result.estimate)


def _short(e: Estimate) -> str:
    return f"{_point(e)} ({_level(e)} CI {_interval(e)})"


def _full(e: Estimate) -> str:
    return f"{_point(e)} ({_level(e)} CI {_interval(e)}; {_studies(e)}, {_people(e)})"


def _studies(e: Estimate) -> str:
    return "1 study" if e.k == 1 else f"{e.k:,} studies"


def _people(e: Estimate) -> str:
    return "1 person" if e.n == 1 else f"{e.n:,} people"


def _prediction(e: Estimate) -> str:
    show = _show(e)
    if e.result.pi_low is None:
        return MISSING
    unit = "" if e.is_comparison and e.synthesis.measure != "RD" else "%"
    return f"{show(e.result.pi_low)}{unit} to {show(e.result.pi_high)}{unit}"


#: The forms of a number in prose, by name; ``short`` is the default of the ``est`` role.
FORMS: Mapping[str, Callable[[Estimate], str]] = {
    "short": _short,
    "full": _full,
    "point": _point,
    "interval": lambda e: f"{_level(e)} CI {_interval(e)}",
    "low": lambda e: _show(e)(e.result.ci_low) + ("" if e.is_comparison else "%"),
    "high": lambda e: _show(e)(e.result.ci_high) + ("" if e.is_comparison else "%"),
    "tenths": lambda e: natural_frequency(e.result.estimate),
    "of": lambda e: f"{e.events:,} of {e.n:,}",
    "studies": _studies,
    "people": _people,
    "k": lambda e: f"{e.k:,}",
    "n": lambda e: f"{e.n:,}",
    "events": lambda e: f"{e.events:,}",
    "prediction": _prediction,
    "i2": lambda e: MISSING if e.result.i2 is None else f"{e.result.i2:.0f}%",
}


def phrase(estimate: Estimate, form: str = "short") -> str:
    """An estimate in words; raises ``KeyError`` naming the forms when ``form`` is none of them."""
    if form not in FORMS:
        raise KeyError(f"no form {form!r}; there are {', '.join(FORMS)}")
    if estimate.result is None and form not in ("k", "n", "events", "of", "studies", "people"):
        return MISSING
    return FORMS[form](estimate)


def retraction_note(estimate: Estimate) -> str:
    """Which retracted reports an estimate still counts, and its result without them; blank where it counts none."""
    without = without_retracted(estimate)
    if without is None:
        return ""
    named = [label.removesuffix(f" {RETRACTED}") for label in retracted_labels(estimate)]
    one = len(named) == 1
    listed = named[0] if one else f"{', '.join(named[:-1])} and {named[-1]}"
    left = phrase(without, "full") if without.result else "too few studies are left to pool"
    return f"The retracted {'report' if one else 'reports'} {listed} {'is' if one else 'are'} still counted. Without {'it' if one else 'them'}: {left}."


def _part_sentence(estimate: Estimate) -> str:
    """What holds of all studies need not hold of a part, so that a part has a sentence of its own."""
    return estimate.synthesis.part_sentence or "{part}, counted apart: {p}."


def plain_sentence(estimate: Estimate) -> str:
    """The declaration's plain sentence with its numbers filled in."""
    if estimate.result is None:
        return "No study could be pooled."
    sentence = (_part_sentence(estimate) if estimate.synthesis.parent else estimate.synthesis.sentence).format(
        p=phrase(estimate, "point"),
        tenths=phrase(estimate, "tenths"),
        ratio=phrase(estimate, "point"),
        of=phrase(estimate, "of"),
        part=part_name(estimate.title),
    )
    held = len(retracted_labels(estimate))
    return f"{sentence} This counts {'a retracted report' if held == 1 else f'{held} retracted reports'}." if held else sentence
