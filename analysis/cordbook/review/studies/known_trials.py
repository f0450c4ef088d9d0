"""Trials that other reviews count: which of them are in the data today, which in a pool, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cordbook.core.text import inside, plain
from cordbook.evidence.evidence import as_written
from cordbook.evidence.review_words import read_as
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.studies.records import OutcomeCount, StudyRecord, study_records

TABLE = "known_trials"
#: What the data hold of a trial, from most to nothing.
POOLED, COUNTED, UNCOUNTED, ABSENT = "in the pool", "with a count", "without a count", "absent"
STATES = (POOLED, COUNTED, UNCOUNTED, ABSENT)


@dataclass(frozen=True, slots=True)
class KnownTrial:
    """A trial that other reviews count. ``study_id`` is blank where the data have no such study; ``why`` says what keeps it out of the pool."""

    trial: str
    product: str
    n: int | None
    study_id: str
    state: str
    why: str


def known_trials(estimates: Estimates, estimate_id: str) -> tuple[KnownTrial, ...]:
    """Every known trial as the data stand today, beside the pool of an estimate."""
    records = study_records(estimates)
    estimate = estimates[estimate_id]
    pooled, outcome = set(estimate.study_ids), estimate.synthesis.outcome
    label = estimates.evidence["outcome_terms"].set_index("outcome")["label"].get(outcome, plain(outcome))
    found = []
    for row in estimates.evidence[TABLE].itertuples():
        record = records.get(as_written(row.study_id))
        state, why = (
            _state(record, outcome, inside(str(label)), pooled)
            if record
            else (ABSENT, f"not in the data; {inside(as_written(row.basis))}")
        )
        n = as_written(row.n)
        found.append(
            KnownTrial(row.trial, as_written(row.product), int(n) if n else None, record.study_id if record else "", state, why)
        )
    return tuple(found)


def count_by_state(trials: Sequence[KnownTrial]) -> dict[str, int]:
    """How many trials are in each state; all states, also with none."""
    return {state: sum(t.state == state for t in trials) for state in STATES}


def _state(record: StudyRecord, outcome: str, label: str, pooled: set[str]) -> tuple[str, str]:
    """What the data hold of a study, and why it is not in the pool."""
    if record.study_id in pooled:
        return POOLED, ""
    asked = [c for c in record.counts if c.outcome == outcome]
    poolable = [c for c in record.counts if c.poolable]
    if asked:
        why = _reasons(asked) or f"it counts “{label}” of people or arms that the pool does not ask for"
    elif record.counts:
        others = "" if poolable else f", and what else it counts is not pooled: {_reasons(record.counts)}"
        why = f"no count of “{label}” in what was read: {read_as(record.read_as)}{others}"
    else:
        why = f"no count in what was read: {read_as(record.read_as)}"
    return (COUNTED if poolable else UNCOUNTED), why


def _reasons(counts: Sequence[OutcomeCount]) -> str:
    """Why counts are not pooled, each reason once; blank where one of them may be."""
    if any(c.poolable for c in counts):
        return ""
    return "; ".join(dict.fromkeys(inside(reason) for c in counts for reason, _ in c.reasons))
