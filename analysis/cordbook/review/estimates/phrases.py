"""Estimates in words: the forms in which a number may stand in prose.

Every number in the book's text is made here from an estimate, so that it is written in one way and
moves with the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from cordbook.core.text import capital, enumerate_words, people, studies
from cordbook.errors import UnknownName
from cordbook.evidence.evidence import RETRACTED
from cordbook.evidence.vocabulary import part_name
from cordbook.review.estimates.dependence import dependences, retracted_labels, without_retracted, without_study
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.rows import labels_of
from cordbook.review.estimates.side_by_side import ONE_STUDY, SPREAD, UNLIKE

MISSING = "not estimable"
NOT_POOLED = "not pooled"
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
    return studies(e.k)


def _people(e: Estimate) -> str:
    return people(e.n)


def _of(e: Estimate) -> str:
    return f"{e.events:,} of {e.n:,}"


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
    "of": _of,
    "studies": _studies,
    "people": _people,
    "k": lambda e: f"{e.k:,}",
    "n": lambda e: f"{e.n:,}",
    "events": lambda e: f"{e.events:,}",
    "prediction": _prediction,
    "i2": lambda e: MISSING if e.result.i2 is None else f"{e.result.i2:.0f}%",
}


#: Begins the form of an estimate without one of its studies: ``without smith2012``.
WITHOUT = "without "
#: The form of what the first studies gave (:attr:`Estimate.early`).
EARLY = "early"
#: Forms that count and need no pooled number.
COUNTS = frozenset({"k", "n", "events", "of", "studies", "people"})


def phrase(estimate: Estimate, form: str = "short") -> str:
    """An estimate in words; raises ``KeyError`` naming the forms when ``form`` is none of them.

    Where studies stand side by side, the number is what they counted together, and said to be not pooled.
    """
    if form.startswith(WITHOUT):
        return phrase(without_study(estimate, form.removeprefix(WITHOUT).strip()))
    if form == EARLY:
        return phrase(estimate.early)
    if form not in FORMS:
        raise UnknownName(f"no form {form!r}; there are {', '.join(FORMS)}, {EARLY} and {WITHOUT}STUDY")
    if estimate.result is not None or form in COUNTS:
        return FORMS[form](estimate)
    return SIDE_FORMS.get(form, lambda e: NOT_POOLED)(estimate) if estimate.not_pooled else MISSING


def counts_of(e: Estimate) -> str:
    """Events of patients in words, both arms of a comparison: ``14 of 1,019``, ``5 of 20 v 1 of 22``."""
    if not e.is_comparison:
        return _of(e)
    return " v ".join(f"{events:,} of {n:,}" for events, n in e.arms)


def point_or_count(e: Estimate) -> str:
    """The number that heads a card or page: the result; where nobody had the event, so many of so many, as a bare 0% reads as a promise."""
    return counts_of(e) if e.result is not None and not e.is_comparison and not e.events else phrase(e, "point")


def range_of(e: Estimate) -> str:
    """The lowest and the highest share of a study: ``0% to 45%``; blank where all show the same, or for comparisons."""
    ends = e.share_range
    return "" if ends is None or ends[0] == ends[1] else f"{percent(ends[0])} to {percent(ends[1])}"


def _side_short(e: Estimate) -> str:
    spread = range_of(e)
    return f"{NOT_POOLED}: {counts_of(e)} in {_studies(e)}" + (f", {spread} in single studies" if spread else "")


#: The forms of studies that stand side by side; the others are "not pooled".
SIDE_FORMS: Mapping[str, Callable[[Estimate], str]] = {
    "short": _side_short,
    "full": _side_short,
    "point": counts_of,
    "tenths": counts_of,
}


def retraction_note(estimate: Estimate) -> str:
    """Which retracted reports an estimate still counts, and its result without them; blank where it counts none."""
    without = without_retracted(estimate)
    if without is None:
        return ""
    named = [label.removesuffix(f" {RETRACTED}") for label in retracted_labels(estimate)]
    one, listed = len(named) == 1, enumerate_words(named)
    left = phrase(without, "full") if without.is_reported else "too few studies are left to pool"
    return f"The retracted {'report' if one else 'reports'} {listed} {'is' if one else 'are'} still counted. Without {'it' if one else 'them'}: {left}."


def dependence_note(estimate: Estimate) -> str:
    """Which small study an estimate hangs on, and what it would be without it; blank where on none."""
    found = [f"without {d.label} ({people(d.n)}) it would be {phrase(d.without)}" for d in dependences(estimate)]
    what = "one small study" if len(found) == 1 else f"each of {len(found)} small studies"
    return f"The number hangs on {what}: {'; '.join(found)}." if found else ""


def _part_sentence(estimate: Estimate) -> str:
    """What holds of all studies need not hold of a part, so that a part has a sentence of its own."""
    return estimate.synthesis.part_sentence or "{part}, counted apart: {p}."


def plain_sentence(estimate: Estimate) -> str:
    """The declaration's plain sentence with its numbers filled in."""
    if not estimate.is_reported:
        alone = f"One study alone counts both groups, so nothing is pooled: {', '.join(labels_of(estimate.rows))}, {counts_of(estimate)}."
        return alone if estimate.k == 1 else "No study could be pooled."
    sentence = _side_sentence(estimate) if estimate.not_pooled else _pooled_sentence(estimate)
    held = len(retracted_labels(estimate))
    return f"{sentence} This counts {'a retracted report' if held == 1 else f'{held} retracted reports'}." if held else sentence


def _pooled_sentence(estimate: Estimate) -> str:
    return (_part_sentence(estimate) if estimate.synthesis.parent else estimate.synthesis.sentence).format(
        p=phrase(estimate, "point"),
        tenths=phrase(estimate, "tenths"),
        ratio=phrase(estimate, "point"),
        of=phrase(estimate, "of"),
        studies=phrase(estimate, "studies"),
        part=part_name(estimate.title),
    )


def _side_sentence(e: Estimate) -> str:
    """Studies that are not pooled in a plain sentence: the declared one, else what they counted, with the one that stands out."""
    if e.synthesis.side_sentence and not e.synthesis.parent:
        return e.synthesis.side_sentence.format(**_side_values(e))
    lead = f"{part_name(e.title)}, counted apart: " if e.synthesis.parent else ""
    text = _side_text(e)
    return f"{lead}{text}" if lead else capital(text)


def _side_text(e: Estimate) -> str:
    rules = {reason.rule for reason in e.not_pooled}
    if UNLIKE in rules:
        return f"{counts_of(e)} in {_studies(e)}, shown side by side."
    if e.is_comparison:
        return f"{counts_of(e)} in {_studies(e)}, too few to pool."
    if ONE_STUDY in rules:
        return "{others} studies report {others_of}; {one} alone reports {one_of}.".format(**_side_values(e))
    if e.k == 2:
        one, other = (f"{row.events:,} of {row.n:,}" for row in e.rows)
        return f"one study counted {one}, the other {other} (together {_of(e)}); two are too few to pool." + _exact_end(e)
    why = "differ too much" if SPREAD in rules else "are too small"
    return f"{_of(e)} people together, from {range_of(e)} in single studies, which {why} to be averaged."


def _side_values(e: Estimate) -> dict[str, str]:
    """What a declared sentence may name: the study with the most events, and the others together."""
    one = max(e.rows, key=lambda row: row.together[0])
    events, n = one.together
    others = [row for row in e.rows if row is not one]
    return {
        "k": f"{e.k:,}",
        "of": _of(e),
        "range": range_of(e),
        "one": one.label,
        "one_of": f"{events:,} of {n:,}",
        "others": f"{len(others):,}",
        "others_of": f"{e.events - events:,} of {e.n - n:,}",
    }


def _exact_end(e: Estimate) -> str:
    """How much nobody, or everybody, still leaves open: the exact limit of the counts added up."""
    if e.events not in (0, e.n) or e.unpooled is None:
        return ""
    end = f"at most {percent(e.unpooled.ci_high)}" if e.events == 0 else f"at least {percent(e.unpooled.ci_low)}"
    return f" If one share holds for both, it is {end}."
