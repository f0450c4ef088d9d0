"""What the decisions of several people on a record come to: one small set of rules for validation, screening and the flow.

Decisions are rows of ``screening.csv`` in the order of the file. A later row of the same reviewer, stage and role stands in place
of the earlier one. Two reviewers decide apart; where they differ, or one is unsure, an arbiter settles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TITLE_ABSTRACT, FULL_TEXT = "title_abstract", "full_text"
STAGES = (TITLE_ABSTRACT, FULL_TEXT)
INCLUDE, EXCLUDE, UNSURE, NOT_RETRIEVED = "include", "exclude", "unsure", "not_retrieved"
REVIEWER, ARBITER = "reviewer", "arbiter"
#: Reviewers who must decide on a record apart.
READERS = 2

WAITING, CONFLICT = "waiting", "conflict"


@dataclass(frozen=True, slots=True)
class Settled:
    """What a record has come to in a stage: ``include``, ``exclude``, ``not_retrieved``, ``waiting`` or ``conflict``.

    ``reason`` is that of an exclusion (the first reviewer's, where both exclude for different reasons), ``study_id`` the study of
    an inclusion. ``decided_by`` are the people whose rows stand.
    """

    outcome: str
    reason: str = ""
    study_id: str = ""
    decided_by: tuple[str, ...] = ()


def standing(rows: Iterable[Mapping[str, str]], stage: str) -> dict[str, dict[tuple[str, str], Mapping[str, str]]]:
    """Rows of a stage that stand: by record, then by role and reviewer."""
    found: dict[str, dict[tuple[str, str], Mapping[str, str]]] = {}
    for row in rows:
        if row["stage"] == stage:
            found.setdefault(row["record_id"], {})[row["role"], row["reviewer"]] = row
    return found


def settle(rows: Mapping[tuple[str, str], Mapping[str, str]], readers: int = READERS) -> Settled:
    """What the standing rows of a record in one stage come to.

    >>> settle({("reviewer", "A"): {"decision": "include"}}).outcome
    'waiting'
    """
    third = [(who, row) for (role, who), row in rows.items() if role == ARBITER]
    if third:
        who, row = max(third, key=lambda item: str(item[1].get("decided_at", "")))
        outcome = row["decision"] if row["decision"] != UNSURE else CONFLICT
        return Settled(outcome, row.get("reason") or "", row.get("study_id") or "", (who,))
    own = [(who, row) for (role, who), row in rows.items() if role == REVIEWER]
    if len(own) < readers:
        return Settled(WAITING, decided_by=tuple(who for who, _ in own))
    people = tuple(who for who, _ in own)
    decisions, studies = {row["decision"] for _, row in own}, {row.get("study_id") or "" for _, row in own}
    if len(decisions) > 1 or UNSURE in decisions or (decisions == {INCLUDE} and len(studies) > 1):
        return Settled(CONFLICT, decided_by=people)
    first = own[0][1]
    return Settled(first["decision"], first.get("reason") or "", first.get("study_id") or "", people)


def settled(rows: Iterable[Mapping[str, str]], stage: str, readers: int = READERS) -> dict[str, Settled]:
    """What every record that anybody decided on has come to in a stage."""
    return {record: settle(own, readers) for record, own in standing(rows, stage).items()}


def taken_in_as(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The study that each included report was taken in as, by record; ``rows`` are those of ``screening``."""
    return {record: state.study_id for record, state in settled(rows, FULL_TEXT).items() if state.outcome == INCLUDE}


def merged_records(merges: Iterable[Mapping[str, str]]) -> dict[str, tuple[str, str]]:
    """Records that are merged into another, where the merge was not undone: the record and the study that each is the same as."""
    return {row["record_id"]: (row["same_as_record"] or "", row["same_as_study"] or "") for row in merges if not row["undone_on"]}
