"""What weakens a study, in plain sentences made from its record."""

from __future__ import annotations

from collections.abc import Iterable

from cordbook.core.text import inside, months, people
from cordbook.evidence.review_words import CRITICAL, read_as
from cordbook.review.studies.records import StudyRecord
from cordbook.review.studies.summary import SMALL, is_review, read_in_full, treats

#: Months within which late harm and loss of a gain can hardly be seen.
SHORT_FOLLOWUP = 12


def limitations(r: StudyRecord) -> tuple[str, ...]:
    """What weakens a study, from what is recorded of it: one sentence each."""
    found = [
        *_limits_of_design(r),
        *_limits_of_reading(r),
        *_limits_of_counts(r),
    ]
    return tuple(found)


def _limits_of_design(r: StudyRecord) -> Iterable[str]:
    n = r.size("treated") if r.whole_arms("treated") else r.size()
    if is_review(r):
        yield "It is a review of other reports, not a study of its own patients."
    if treats(r) and not r.has_comparator and r.design in ("rct", "controlled_nonrandomised"):
        yield "The numbers of the comparison group were not seen."
    elif treats(r) and not r.has_comparator:
        yield "No comparison group: gains by nature, training and hope cannot be told from those by the treatment."
    elif treats(r) and r.design != "rct":
        yield "The comparison group was not made by chance."
    if r.design is None:
        yield "The design could not be told from what was read."
    if n is None:
        yield "How many people took part was not seen."
    elif n < SMALL:
        yield f"Small: {people(n)}{' in the treated group' if r.has_comparator and r.whole_arms('treated') else ''}."
    if treats(r) and r.followup_months is None:
        yield "How long people were followed was not seen."
    elif treats(r) and r.followup_months is not None and r.followup_months < SHORT_FOLLOWUP:
        yield f"Short follow-up: {months(r.followup_months)}. Late harm, and gains that are lost again, may be missed."
    if r.phase is None and "no_phase" in r.phrases:
        yield r.phrases["no_phase"]
    if r.retracted:
        yield "The report was retracted; see the notice below."
    if any(n["kind"] in CRITICAL for n in r.notices):
        yield "Others have raised doubts in print or a regulator has spoken; see the notices below."
    if r.overlaps:
        yield "Some of its patients stand, or may stand, in other reports too; see below how that is handled."


def _limits_of_reading(r: StudyRecord) -> Iterable[str]:
    if not read_in_full(r):
        yield f"The full text was not read; what was read: {read_as(r.read_as)}."
    if r.source.identity in ("partial", "unidentified"):
        yield {
            "partial": "It is not fully confirmed which paper this is.",
            "unidentified": "The paper itself was not identified; author and year come from a review that cites it.",
        }[r.source.identity]
    if not r.counts:
        yield "No count of people with a result was seen, so nothing of it can be pooled."
    elif not r.verified:
        yield (
            "Nobody has checked the numbers against the source since they were read."
            if r.read_by
            else "No person has checked the numbers against the source yet."
        )


def _limits_of_counts(r: StudyRecord) -> Iterable[str]:
    for problem, counts in (
        ("were read with low confidence", [c for c in r.counts if c.confidence == "low"]),
        ("were read once only", [c for c in r.counts if c.agreement in ("single", "second_not_seen")]),
        ("were read differently by the two readers and left open", [c for c in r.counts if c.agreement == "disagree_open"]),
        ("fail a check for a known reason, given in the tables", [c for c in r.counts if c.waivers]),
    ):
        if counts:
            yield _share_of_counts(len(counts), len(r.counts), problem)
    reasons = list(dict.fromkeys(inside(label) for c in r.counts for label, _ in c.reasons))
    out = sum(not c.poolable for c in r.counts)
    if out:
        yield _share_of_counts(out, len(r.counts), f"are not fit for pooling ({'; '.join(reasons) or 'reason not recorded'})")


def _share_of_counts(part: int, whole: int, problem: str) -> str:
    if whole == 1:
        return f"Its one count {_singular(problem)}."
    if part == whole:
        return f"{'Both' if whole == 2 else f'All {whole}'} counts {problem}."
    return f"1 of {whole} counts {_singular(problem)}." if part == 1 else f"{part} of {whole} counts {problem}."


def _singular(problem: str) -> str:
    verb, _, rest = problem.partition(" ")
    return f"{ {'were': 'was', 'fail': 'fails', 'are': 'is'}[verb] } {rest}".strip()
