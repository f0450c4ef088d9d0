"""Ways to break the rules of searches, records and decisions. The book has no records yet, so each adds its own."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.evidence.mutations import Mutation, Raw, changed, pick, with_counts, with_row

SEARCH = {
    "search_id": "test-search", "source": "pubmed", "searched_on": "2026-12-01", "searched_by": "A Person", "fetched": "3", "complete": "true",
}  # fmt: skip
DECIDED_AT = "2026-12-02T10:00:00Z"


def _records(draw, raw: Raw, fetched: str = "3") -> tuple[Raw, int]:
    """A search that has one to three records; and the row of the search."""
    raw, search = with_row(raw, "searches", SEARCH | {"fetched": fetched})
    for number in range(1, draw(st.integers(1, 3)) + 1):
        record = {
            "record_id": f"test.{number}", "search_id": "test-search", "source": "pubmed", "title": "A trial", "received_on": "2026-12-01",
        }  # fmt: skip
        raw, _ = with_row(raw, "records", record)
    return raw, search


def too_few_fetched(draw, raw, package):
    raw, search = _records(draw, raw, fetched="0")
    return Mutation(raw, "searches", search, "fetched")


def senseless_merge(draw, raw, package):
    raw, _ = _records(draw, raw)
    study = raw["studies"].rows[0][1]["study_id"]
    wrong = draw(
        st.sampled_from(
            [
                {"same_as_record": "test.1"},
                {"same_as_record": "", "same_as_study": ""},
                {"same_as_record": "test.1", "same_as_study": study},
                {"same_as_study": study, "undone_by": "A Person"},
            ]
        )
    )
    merge = {"record_id": "test.1", "method": "person", "decided_by": "A Person", "decided_on": "2026-12-01"}
    raw, number = with_row(raw, "record_merges", merge | wrong)
    return Mutation(raw, "record_merges", number, "record_id")


def _decision(**cells: str) -> dict[str, str]:
    row = {"record_id": "test.1", "stage": "title_abstract", "reviewer": "A", "role": "reviewer", "decided_at": DECIDED_AT}
    return row | cells


def half_decision(draw, raw, package):
    raw, _ = _records(draw, raw)
    reason = raw["exclusion_reasons"].rows[0][1]["reason"]
    cells, column = draw(
        st.sampled_from(
            [
                ({"decision": "exclude", "stage": "full_text"}, "reason"),
                ({"decision": "include", "reason": reason}, "reason"),
                ({"decision": "not_retrieved"}, "decision"),
                ({"decision": "include", "stage": "full_text"}, "study_id"),
                ({"decision": "include", "study_id": "nobody2026"}, "study_id"),
            ]
        )
    )
    raw, number = with_row(raw, "screening", _decision(**cells))
    return Mutation(raw, "screening", number, column)


def full_report_first(draw, raw, package):
    raw, _ = _records(draw, raw)
    if draw(st.booleans()):
        reason = raw["exclusion_reasons"].rows[0][1]["reason"]
        for reviewer in ("A", "B"):
            raw, _ = with_row(raw, "screening", _decision(reviewer=reviewer, decision="exclude", reason=reason))
    later = _decision(stage="full_text", decision="include", study_id="nobody2026", decided_at="2026-12-03T10:00:00Z")
    raw, number = with_row(raw, "screening", later)
    return Mutation(raw, "screening", number, "stage")


def known_trial_without_its_study(draw, raw, package):
    """A trial whose study is in the data no longer names it."""
    studies = {row["study_id"] for _, row in raw["studies"].rows}
    references = {row["reference_id"]: row for _, row in raw["references"].rows}

    def is_told(row):
        reference = references.get(row["study_id"])
        if reference is None or row["study_id"] not in studies or not reference["first_author"]:
            return False
        return row["trial"] == f"{reference['first_author'].split()[0]} {reference['year']}"

    return changed(draw, raw, "known_trials", "study_id", lambda row: "", is_told)


def unreadable_search(draw, raw, package):
    """A parenthesis too many at the end: a fault in every source that reads parentheses, and in one that does not."""
    return changed(draw, raw, "search_strategies", "query", lambda row: f"{row['query']} )")


def search_for_no_topic(draw, raw, package):
    return changed(draw, raw, "search_strategies", "looks_for", lambda row: "no_such_topic")


def topic_without_a_search(draw, raw, package):
    """A topic that has studies is taken out of every search; what is left blank would stand for all topics."""
    studied = {row["topic"] for _, row in raw["studies"].rows}
    number, topic = pick(draw, raw, "topics", lambda row: row["topic"] in studied)
    other = next(row["topic"] for _, row in raw["topics"].rows if row["topic"] != topic["topic"])
    for at, row in raw["search_strategies"].rows:
        left = [t for t in row["looks_for"].split(";") if t and t != topic["topic"]]
        raw = with_counts(raw, "search_strategies", at, {"looks_for": ";".join(left) or other})
    return Mutation(raw, "topics", number, "topic")


SCREENING_MUTATIONS = {
    "known-trial-named": known_trial_without_its_study,
    "search-syntax": unreadable_search,
    "search-topics": search_for_no_topic,
    "topic-searched": topic_without_a_search,
    "search-records": too_few_fetched,
    "merge-sense": senseless_merge,
    "decision-whole": half_decision,
    "screening-order": full_report_first,
}
