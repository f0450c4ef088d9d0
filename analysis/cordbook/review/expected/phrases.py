"""Comparisons with the natural course in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cordbook.core.text import people, studies
from cordbook.errors import UnknownName
from cordbook.review.estimates.phrases import MISSING, NOT_POOLED, ratio
from cordbook.review.expected.comparison import Expectation
from cordbook.review.scores.phrases import amount
from cordbook.synthesis.expected.results import ObservedExpected

Form = Callable[[Expectation, ObservedExpected], str]


def expected_number(value: float) -> str:
    """A number of people that is predicted: whole from ten on, with one digit below.

    >>> expected_number(28.39), expected_number(0.5)
    ('28', '0.5')
    """
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _difference(x: Expectation, r: ObservedExpected) -> str:
    if r.estimate is None:
        return NOT_POOLED
    return f"{amount(r.estimate)} more of 100 people ({r.level:.0%} CI {amount(r.ci_low)} to {amount(r.ci_high)})"


def _ratio(x: Expectation, r: ObservedExpected) -> str:
    if r.ratio is None:
        return NOT_POOLED
    limits = "" if r.ratio_low is None else f" ({r.level:.0%} CI {ratio(r.ratio_low)} to {ratio(r.ratio_high)})"
    return f"{ratio(r.ratio)} times as many{limits}"


#: The forms of a comparison by name; ``short`` is the default.
FORMS: Mapping[str, Form] = {
    "short": _difference,
    "more": _difference,
    "ratio": _ratio,
    "observed": lambda x, r: f"{r.observed:,} of {r.n:,}",
    "expected": lambda x, r: expected_number(r.expected),
    "people": lambda x, r: people(r.n),
    "studies": lambda x, r: studies(r.k),
    "k": lambda x, r: f"{r.k:,}",
}
#: The form that tells how many people cannot be compared.
LEFT_OUT = "left-out"


def against_phrase(x: Expectation, form: str = "short") -> str:
    """A comparison with the natural course in words; raises ``UnknownName`` naming the forms where it has none of this name."""
    if form == LEFT_OUT:
        return people(sum(study.n for study in x.left_out))
    if form not in FORMS:
        raise UnknownName(f"no form {form!r} of a comparison with the natural course; there are {', '.join((*FORMS, LEFT_OUT))}")
    return MISSING if x.result is None else FORMS[form](x, x.result)


def all_against_phrases(x: Expectation) -> set[str]:
    """Every text that :func:`against_phrase` gives today, for checks of written pages."""
    return {against_phrase(x, form) for form in (*FORMS, LEFT_OUT)}
