"""Estimates of scores in words: the forms in which their numbers stand in prose, each with its unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal

from cordbook.core.text import enumerate_words, people, studies
from cordbook.errors import UnknownName
from cordbook.evidence.vocabulary import part_name
from cordbook.review.estimates.conclusions import NOT_ESTIMABLE, NOT_SHOWN, SIZE
from cordbook.review.estimates.phrases import MISSING, NOT_POOLED
from cordbook.review.scores.estimates import ScoreEstimate, ScoreRow

HIGHER, LOWER = "higher than with the comparator", "lower than with the comparator"


def amount(value: float | None) -> str:
    """A number of points with one digit behind the point, whole from 100 on; a true minus before negative ones.

    >>> amount(7.512), amount(4.55), amount(-0.04), amount(-1.16), amount(104.3), amount(None)
    ('7.5', '4.6', '0.0', '−1.2', '104', 'not estimable')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    digits = Decimal(1) if abs(value) >= 99.95 else Decimal("0.1")
    text = str(Decimal(repr(abs(float(value)))).quantize(digits, ROUND_HALF_UP))  # as a person rounds what a report prints
    return f"−{text}" if value < 0 and float(text) else text


def with_unit(value: float | None, e: ScoreEstimate) -> str:
    """A number with its unit: ``7.5 points``."""
    return MISSING if value is None else f"{amount(value)} {e.unit}"


def interval_of(e: ScoreEstimate, low: float | None, high: float | None) -> str:
    """An interval as it stands in brackets: ``95% CI −1.2 to 16.2``."""
    return f"{e.synthesis.level:.0%} CI {amount(low)} to {amount(high)}"


def row_text(row: ScoreRow, e: ScoreEstimate) -> str:
    """One study in words: ``4.0 points (95% CI 1.4 to 6.6; Shin 2015)``."""
    limits = "" if row.ci_low is None else f"{interval_of(e, row.ci_low, row.ci_high)}; "
    return f"{with_unit(row.estimate, e)} ({limits}{row.label})"


def each_of(e: ScoreEstimate) -> str:
    """Every study that is weighed, in words."""
    return enumerate_words([row_text(row, e) for row in e.rows])


def size_of(e: ScoreEstimate) -> str:
    """Studies, and people where every study states them."""
    return f"{studies(e.k)}, {people(e.n)}" if e.sizes_known else studies(e.k)


def range_of(e: ScoreEstimate) -> str:
    """The lowest and the highest study: ``1.4 to 12.2 points``; one number where all are the same; blank without a study."""
    values = [row.estimate for row in e.rows]
    if not values:
        return ""
    low, high = amount(min(values)), amount(max(values))
    return f"{low} {e.unit}" if low == high else f"{low} to {high} {e.unit}"


def _short(e: ScoreEstimate) -> str:
    return f"{with_unit(e.result.estimate, e)} ({_interval(e)})"  # type: ignore[union-attr]


def _full(e: ScoreEstimate) -> str:
    return f"{with_unit(e.result.estimate, e)} ({_interval(e)}; {size_of(e)})"  # type: ignore[union-attr]


def _interval(e: ScoreEstimate) -> str:
    return interval_of(e, e.result.ci_low, e.result.ci_high)  # type: ignore[union-attr]


def _prediction(e: ScoreEstimate) -> str:
    low, high = e.result.pi_low, e.result.pi_high  # type: ignore[union-attr]
    return MISSING if low is None else f"{amount(low)} to {amount(high)} {e.unit}"


def _side(e: ScoreEstimate) -> str:
    return each_of(e) if e.k < 3 else f"{range_of(e)} in {studies(e.k)}"


#: Forms that count and need no pooled number.
COUNTS: Mapping[str, Callable[[ScoreEstimate], str]] = {
    "k": lambda e: f"{e.k:,}",
    "n": lambda e: f"{e.n:,}" if e.sizes_known else "not stated by all",
    "studies": lambda e: studies(e.k),
    "people": lambda e: people(e.n) if e.sizes_known else "people whose number not every study states",
    "each": each_of,
    "range": range_of,
}
#: Forms of a pooled number; ``short`` is the default of the ``est`` role.
POOLED: Mapping[str, Callable[[ScoreEstimate], str]] = {
    "short": _short,
    "full": _full,
    "point": lambda e: with_unit(e.result.estimate, e),  # type: ignore[union-attr]
    "interval": _interval,
    "low": lambda e: with_unit(e.result.ci_low, e),  # type: ignore[union-attr]
    "high": lambda e: with_unit(e.result.ci_high, e),  # type: ignore[union-attr]
    "prediction": _prediction,
    "i2": lambda e: MISSING if e.result.i2 is None else f"{e.result.i2:.0f}%",  # type: ignore[union-attr]
}
#: Forms of studies that stand side by side.
SIDE: Mapping[str, Callable[[ScoreEstimate], str]] = {"short": _side, "full": _side, "point": range_of}


#: Begins the form of one study's number: ``study geisler1991``.
STUDY = "study "


def _of_study(e: ScoreEstimate, study_id: str) -> str:
    rows = [row for row in (*e.rows, *e.told) if row.study_id == study_id]
    if len(rows) != 1:
        known = ", ".join(dict.fromkeys(row.study_id for row in (*e.rows, *e.told)))
        raise UnknownName(f"{e.id} has not one row of {study_id!r}; its studies are {known}")
    limits = "" if rows[0].ci_low is None else f" ({interval_of(e, rows[0].ci_low, rows[0].ci_high)})"
    return f"{with_unit(rows[0].estimate, e)}{limits}"


def score_phrase(e: ScoreEstimate, form: str = "short") -> str:
    """An estimate of a score in words; raises ``UnknownName`` naming the forms where it has none of this name.

    A sentence cannot ask for the interval of an average where studies stand side by side: the page fails instead.
    """
    if form in COUNTS:
        return COUNTS[form](e)
    if form.startswith(STUDY):
        return _of_study(e, form.removeprefix(STUDY).strip())
    if form not in POOLED:
        raise UnknownName(f"no form {form!r} of a score; there are {', '.join((*POOLED, *COUNTS))} and {STUDY}ID")
    if e.pooled:
        return POOLED[form](e)
    if form in SIDE and e.k:
        return SIDE[form](e)
    if not e.k:
        return MISSING
    raise UnknownName(
        f"{e.id} is {NOT_POOLED}, so it has no {form!r} ({e.why_not}) Say it with one of {', '.join((*SIDE, *COUNTS))}"
    )


def all_score_phrases(e: ScoreEstimate) -> set[str]:
    """Every text that :func:`score_phrase` gives for an estimate today, for checks of written pages."""
    forms = {**COUNTS, **(POOLED if e.pooled else SIDE if e.k else {})}
    single = {row.study_id for row in (*e.rows, *e.told) if [r.study_id for r in (*e.rows, *e.told)].count(row.study_id) == 1}
    return {make(e) for make in forms.values()} | {_of_study(e, study) for study in single}


def score_direction(e: ScoreEstimate) -> str:
    """The conclusion in a word, as of counts: a difference points where its whole interval lies on one side of none."""
    if not e.k:
        return NOT_ESTIMABLE
    if e.result is None:
        return NOT_POOLED
    if not e.synthesis.is_difference:
        return SIZE
    return HIGHER if e.result.ci_low > 0 else LOWER if e.result.ci_high < 0 else NOT_SHOWN


def score_sentence(e: ScoreEstimate) -> str:
    """The declaration's plain sentence with its numbers filled in."""
    if not e.k:
        return "No study tells it with a spread, so nothing can be weighed."
    values = {"studies": studies(e.k), "each": each_of(e), "p": score_phrase(e, "point")}
    if e.pooled:
        values["interval"] = _interval(e)
        return (e.synthesis.part_sentence if e.synthesis.parent and e.synthesis.part_sentence else e.synthesis.sentence).format(
            **values
        )
    if e.synthesis.parent:
        return f"{part_name(e.title)}, counted apart: {each_of(e)}."
    return (e.synthesis.side_sentence or "Side by side: {each}.").format(**values)
