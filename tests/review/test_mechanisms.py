"""Claims on mechanisms: every row of the table once, counted as they stand in the CSV, and sentences that can fail."""

import csv
from collections import Counter

import pandas as pd
import pytest

from cordbook.notebook import open_review
from cordbook.review.claims.mechanisms import (
    DIRECTIONS,
    EVIDENCE_TYPES,
    MATCHES,
    BrokenSentence,
    expect,
    load_claims,
    remark_in_words,
    rows_by_section,
    rows_by_topic,
    select_claims,
    sources,
)
from cordbook.review.estimates.row_counts import count_rows, newest


@pytest.fixture(scope="module")
def raw(root):
    with (root / "data" / "mechanisms.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def review(root):
    return open_review(root)


@pytest.fixture(scope="module")
def claims(review):
    return load_claims(review.evidence)


def test_every_row_of_the_table_is_a_claim_with_a_named_topic(claims, raw):
    assert [c.id for c in claims] == [r["claim_id"] for r in raw]
    assert all(c.topic_name for c in claims)


def test_words_exist_for_every_code_of_the_schema(review):
    fields = {f.name: f for t in review.evidence.package.tables if t.name == "mechanisms" for f in t.fields}
    assert set(fields["direction"].enum) == set(DIRECTIONS)
    assert set(fields["evidence_type"].enum) == set(EVIDENCE_TYPES)
    assert set(fields["match_confidence"].enum) == set(MATCHES)


@pytest.mark.parametrize("rows", [rows_by_topic, rows_by_section])
def test_a_map_counts_every_claim_once(claims, raw, rows):
    drawn = Counter()
    for row in rows(claims):
        for mark in row.marks:
            drawn[mark.evidence_type, mark.direction] += mark.claims
            assert 0 <= mark.traced + mark.related <= mark.claims
    assert drawn == Counter((r["evidence_type"], r["direction"]) for r in raw)
    traced = sum(row.traced for row in rows(claims))
    assert traced == sum(r["match_confidence"] in ("certain", "probable") for r in raw)


def test_a_section_holds_its_parts_and_not_its_neighbours(claims, raw):
    assert {c.section for c in select_claims(claims, section="2")} == {"2.1", "2.2", "2.3", "2.4", "2.5"}
    assert {c.section for c in select_claims(claims, section="3.1")} == {"3.1.1", "3.1.2"}
    assert len(select_claims(claims, section="2.3", direction="harmful")) == sum(
        r["section"] == "2.3" and r["direction"] == "harmful" for r in raw
    )


def test_no_claim_has_a_source_unless_one_was_matched(claims):
    for c in claims:
        assert (c.source is None) == (c.match == "none"), c.id


def test_every_source_of_a_claim_can_be_named(review, claims):
    known = sources(review.evidence)
    for c in claims:
        if c.source:
            assert known[c.source].label, c.id
            assert "None" not in known[c.source].label
            assert (known[c.source].href or "https://").startswith("https://")


def test_a_remark_speaks_to_readers(claims):
    assert remark_in_words("QUALIFIES: rats only") == "Qualified by: rats only"
    for c in claims:
        for word in ("QUALIFIES", "CONTRADICTS", "SUPPORTS", "seed", "Seed", ".csv", "budget"):
            assert word not in c.remark.replace("Grape and raspberry seed", ""), (c.id, c.remark)


def test_qualifying_remarks_are_told_in_full(claims, raw):
    """What stands against a claim is neither cut nor lost on the way to the table."""
    by_id = {c.id: c for c in claims}
    for r in raw:
        if "CONTRADICTS" in r["note"]:
            assert "Contradicted" in by_id[r["claim_id"]].remark
        if "QUALIFIES" in r["note"]:
            assert "Qualified" in by_id[r["claim_id"]].remark


def test_the_tables_of_the_parent_review_are_whole(review, raw):
    for table in ("Table 1", "Table 2"):
        shown = review.mechanism_table(table)
        assert set(shown.row_ids) == {f"claim-{r['claim_id']}" for r in raw if r["seed_table"] == table}
    with pytest.raises(ValueError, match="Table 1, Table 2"):
        review.mechanism_table("Table 3")


def test_claims_stand_in_one_table_of_a_chapter_only(review):
    in_text = set(review.claims_table("2.3").row_ids)
    assert not in_text & set(review.mechanism_table("Table 1").row_ids)


def test_cells_seen_with_a_device_on_stand_apart_and_say_so(review, root):
    with (root / "data" / "outcomes.csv").open(encoding="utf-8", newline="") as handle:
        device = {r["cell_id"] for r in csv.DictReader(handle) if "device_on_effect" in r["not_poolable_reason"].split(";")}
    topics = dict(review.evidence.counts[["cell_id", "topic"]].itertuples(index=False))
    shown = review.counts_of("neuromodulation", "c", reason="device_on_effect")
    assert set(shown.row_ids) == {f"cell-{c}" for c in device if topics[c] == "neuromodulation"}
    # Devices that do nothing but assist have a table of their own.
    assert {topics[c] for c in device} == {"neuromodulation", "assistive_device"}
    assert {f"cell-{c}" for c in device if topics[c] == "assistive_device"} <= set(
        review.counts_of("assistive_device", "c").row_ids
    )
    pooled = {c for e in review.estimates for c in e.count_ids}
    assert not device & pooled


def test_every_cell_of_these_topics_is_reached_by_a_chapter(review, root):
    """Counts of stimulation, of devices that assist, of hyperbaric oxygen, of treated radiation myelopathy and of harm all stand in some chapter."""
    shown = set()
    for name in (
        "treatment/steroids-ivig",
        "treatment/adjunctive",
        "treatment/neuromodulation",
        "treatment/other-emerging",
        "outlook/conclusion",
    ):
        shown |= set(_cell_ids((root / "book" / f"{name}.ipynb").read_text(encoding="utf-8")))
    cells = review.evidence.counts
    topics = ["rm_treatment", "hyperbaric_oxygen", "neuromodulation", "assistive_device", "harm_report"]
    wanted = set(cells[cells["topic"].isin(topics)]["cell_id"])
    assert wanted - shown == set()


def _cell_ids(text):
    return [part.split('\\"')[0] for part in text.split('id=\\"cell-')[1:]]


def test_a_sentence_that_no_longer_holds_stops_the_chapter():
    expect("still true", True)
    with pytest.raises(BrokenSentence, match="no claim rests on people"):
        expect("no claim rests on people", False)


@pytest.mark.parametrize(
    ("question", "fits"),
    [
        ("mechanisms", lambda r: True),
        ("mechanisms/section=2.1/evidence_type=animal", lambda r: r["section"] == "2.1" and r["evidence_type"] == "animal"),
        ("mechanisms/section~3./direction=harmful", lambda r: "3." in r["section"] and r["direction"] == "harmful"),
        ("mechanisms/reference_id=", lambda r: not r["reference_id"]),
        ("mechanisms/section!=2.1/reference_id!=", lambda r: r["section"] != "2.1" and r["reference_id"]),
        ("mechanisms/section<2.2", lambda r: r["section"].count(".") < 2 and float(r["section"]) < 2.2),
    ],
)
def test_counts_for_prose_are_those_of_the_file(review, raw, question, fits):
    assert count_rows(review.evidence, question) == sum(map(bool, map(fits, raw)))


def test_the_newest_date_of_a_column_is_that_of_its_rows(review):
    tables = {"searches": pd.DataFrame({"searched_on": ["2026-11-21", None, "2027-01-03"]}), "none": pd.DataFrame({"on": []})}
    assert newest(tables, "searches/searched_on") == "2027-01-03"
    assert newest(tables, "none/on") == ""
    with pytest.raises(KeyError, match="no column 'moon'"):
        newest(review.evidence, "searches/moon")
    with pytest.raises(ValueError, match="TABLE/COLUMN"):
        newest(review.evidence, "searches")


def test_a_count_that_cannot_be_read_says_why(review):
    with pytest.raises(KeyError, match="no column 'phase_of_moon'"):
        count_rows(review.evidence, "mechanisms/phase_of_moon=full")
    with pytest.raises(ValueError, match="COLUMN=VALUE"):
        count_rows(review.evidence, "mechanisms/section")
