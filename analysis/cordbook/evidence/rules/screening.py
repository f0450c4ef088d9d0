"""Rules on searches, records, their merges and the decisions on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cordbook.evidence.rules.base import Data, Rule, Violation, whole
from cordbook.evidence.screening import EXCLUDE, FULL_TEXT, INCLUDE, NOT_RETRIEVED, TITLE_ABSTRACT, merged_records, settled


def searches_hold_their_records(data: Data) -> Iterator[Violation]:
    counted = Counter(row["search_id"] for row in data.rows("records"))
    for row in data.rows("searches"):
        fetched, own = whole(row["fetched"]), counted[row["search_id"]]
        if fetched is not None and own > fetched:
            message = f"{own} records name the search, and it fetched {fetched}."
            yield row.violation("fetched", message, remedy="Correct the number, or search_id of the records.")


def merges_make_sense(data: Data) -> Iterator[Violation]:
    standing = merged_records(data.rows("record_merges"))
    seen: set[str] = set()
    for row in data.rows("record_merges"):
        message = _broken_merge(row, standing, seen)
        if message:
            remedy = "Undo the merge with `cordbook dedupe --undo`, or correct the row."
            yield row.violation("record_id", message, remedy=remedy)
        if not row["undone_on"]:
            seen.add(row["record_id"])


def _broken_merge(row: dict[str, str], standing: dict[str, tuple[str, str]], seen: set[str]) -> str | None:
    if bool(row["same_as_record"]) == bool(row["same_as_study"]):
        return "A merge names either a record or a study."
    if bool(row["undone_by"]) != bool(row["undone_on"]):
        return "undone_by and undone_on are filled together."
    if row["undone_on"]:
        return None
    if row["record_id"] in seen:
        return "The record is merged into another by an earlier row already."
    path, at = {row["record_id"]}, row["same_as_record"]
    while at:
        if at in path:
            return "The merges lead in a circle, so that no record stays."
        path.add(at)
        at = standing.get(at, ("", ""))[0]
    return None


def decisions_are_whole(data: Data) -> Iterator[Violation]:
    for row in data.rows("screening"):
        full = row["stage"] == FULL_TEXT
        questions = (
            (
                full and row["decision"] == EXCLUDE and not row["reason"],
                "reason",
                "The exclusion of a full report has a reason.",
                "Name one of exclusion_reasons.csv.",
            ),
            (row["decision"] != EXCLUDE and row["reason"], "reason", "Only an exclusion has a reason.", "Leave it blank."),
            (
                row["decision"] == NOT_RETRIEVED and not full,
                "decision",
                "Only a full report can be out of reach.",
                "Set stage to full_text, or decide on title and abstract.",
            ),
            (
                full and row["decision"] == INCLUDE and not row["study_id"],
                "study_id",
                "An included report names its study.",
                "Give the key that the study has, or will have, in studies.csv.",
            ),
            (
                row["study_id"] and not (full and row["decision"] == INCLUDE),
                "study_id",
                "Only an included full report names a study.",
                "Leave it blank.",
            ),
        )
        for broken, column, message, remedy in questions:
            if broken:
                yield row.violation(column, message, remedy=remedy)


def full_reports_passed_screening(data: Data) -> Iterator[Violation]:
    passed = settled(data.rows("screening"), TITLE_ABSTRACT)
    for row in data.rows("screening"):
        before = passed.get(row["record_id"])
        if row["stage"] == FULL_TEXT and (before is None or before.outcome != INCLUDE):
            state = before.outcome if before else "not screened"
            message = f"The full report was judged; title and abstract stand at: {state}."
            yield row.violation("stage", message, remedy="Settle title and abstract first.")


SCREENING_RULES = (
    Rule("search-records", "searches", "A search fetched no fewer records than name it.", searches_hold_their_records),
    Rule("merge-sense", "record_merges", "A record is merged once, into one that stays.", merges_make_sense),
    Rule("decision-whole", "screening", "An excluded report has a reason, an included one a study.", decisions_are_whole),
    Rule(
        "screening-order", "screening", "A full report is judged after title and abstract passed.", full_reports_passed_screening
    ),
)
