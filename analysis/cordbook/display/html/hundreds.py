"""Fills icon arrays from estimates, for the first page: with and without only where both are of people alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cordbook.core.text import studies
from cordbook.display.html.icon_array import Hundred, Hundreds, IconArray, Nobody
from cordbook.errors import InputError
from cordbook.evidence.evidence import Evidence
from cordbook.review.appraisal.absolute_effects import Absolute, Share, absolute, is_nature, unlike
from cordbook.review.estimates.estimates import COMPARED, Estimate
from cordbook.review.estimates.natural_course import NaturalCourse
from cordbook.review.estimates.phrases import counts_of, natural_frequency, percent_number, phrase, plain_sentence

#: Kinds of groups, as colours.
TREATED, WITHOUT, HARM = "treated", "without", "harm"


@dataclass(frozen=True, slots=True)
class Question:
    """A question for a hundred people: a title, the estimate of the treated or of a comparison, and that of people without (or None).

    ``none`` says why nobody stands beside the treated, for as long as the data hold nobody; ``note`` what is to know before one compares (default: the plain
    sentence of the estimate).
    """

    title: str
    estimate: Estimate
    without: Estimate | None = None
    note: str = ""
    none: str = ""
    names: tuple[str, str] = ("Without", "With")


def hundreds(
    questions: Sequence[Question], address: Callable[[str], str], course: NaturalCourse | None, evidence: Evidence
) -> Hundreds:
    """Questions as icon arrays; ``address`` gives the page of an estimate by its id.

    Raises :class:`~cordbook.errors.InputError` for two groups that are not of people alike, and for an estimate that has no pooled share.
    """
    return Hundreds(tuple(_hundred(q, address, course, evidence) for q in questions))


def _hundred(q: Question, address: Callable[[str], str], course: NaturalCourse | None, evidence: Evidence) -> Hundred:
    shares = _shares(q.estimate)
    if q.without is not None and (why := unlike(q.estimate, q.without, course, evidence)):
        raise InputError(
            f"{q.title!r}: {q.without.id} cannot stand beside {q.estimate.id}, since {why}; "
            "name an estimate of people alike, or say in `none` that there is none"
        )
    behind = [e for e in (q.without, q.estimate) if e is not None]
    names = q.names if len(behind) > 1 else ("The studies",)
    links = tuple((name, e.title, address(e.id)) for name, e in zip(names, behind, strict=True))
    return Hundred(q.title, _groups(q, shares, evidence), q.note or plain_sentence(q.estimate), links)


def _counted_without(e: Estimate, evidence: Evidence) -> list[str]:
    """Studies that count the outcome in people without the treatment so that it may be pooled."""
    counts = evidence.counts_in("outcome", e.synthesis.outcome)
    return sorted(set(counts.loc[(counts["role"] != "treated") & counts["poolable"].astype(bool), "study_id"]))


def _shares(e: Estimate) -> Absolute:
    found = absolute(e)
    if found is None:
        raise InputError(f"{e.id} has no pooled share that a hundred people can show: {phrase(e)}; choose another estimate")
    return found


def _groups(q: Question, shares: Absolute, evidence: Evidence) -> tuple[IconArray | Nobody, ...]:
    without, treated = q.names
    if q.estimate.is_comparison:
        return _compared(q, shares)
    if is_nature(q.estimate.synthesis):
        return (_own(without, q.estimate, WITHOUT),)
    own = _own(treated, q.estimate, HARM if q.estimate.synthesis.harm else TREATED)
    if q.without is not None:
        return _own(without, q.without, WITHOUT), own
    return (Nobody(without, _why_nobody(q, evidence)), own) if q.none else (own,)


def _why_nobody(q: Question, evidence: Evidence) -> str:
    """Why nobody stands beside the treated: as the question says while nobody is counted, and the number of studies once a study counts some."""
    counted = _counted_without(q.estimate, evidence)
    return f"No estimate stands here: people without it are counted in {studies(len(counted))}." if counted else q.none


def _compared(q: Question, shares: Absolute) -> tuple[IconArray, ...]:
    """The control groups as they were counted, and the treated by the pooled effect at that risk."""
    given, treated, (events, n) = shares.without, shares.treated, shares.basis
    # Taken as given, so that no dot of it is in doubt.
    whole = round(given.point, 2)
    how = f"by the average {COMPARED[q.estimate.synthesis.measure]}"
    interval = f"{q.estimate.synthesis.level:.0%} CI {percent_number(treated.low)} to {percent_number(treated.high)}"
    return (
        IconArray(q.names[0], whole, whole, _of_hundred(given), f"({events:,} of {n:,} in the control groups)", WITHOUT),
        IconArray(q.names[1], treated.low, treated.high, _of_hundred(treated), f"({how}; {interval})", TREATED),
    )


def _own(name: str, e: Estimate, kind: str) -> IconArray:
    """The group of an estimate of one arm, with its own words; a bare "none" reads as a promise, none among so many does not."""
    found = _shares(e)
    share = found.treated or found.without
    number = _of_hundred(share) if e.events else counts_of(e)
    counted = f"{counts_of(e)} in " if e.events else ""
    return IconArray(name, share.low, share.high, number, f"({phrase(e, 'interval')}; {counted}{phrase(e, 'studies')})", kind)


def _of_hundred(share: Share) -> str:
    """The share as so many of 100; of 1,000 where it is smaller than one in a hundred.

    >>> _of_hundred(Share(0.438)), _of_hundred(Share(0.0042)), _of_hundred(Share(0.0))
    ('44 in 100', '4 in 1,000', 'none')
    """
    rounded = round(100 * share.point)
    return f"{rounded} in 100" if 0 < rounded < 100 and share.point >= 0.0095 else natural_frequency(share.point)
