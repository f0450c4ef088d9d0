"""Records of studies, their words and their sentences: complete, true to the tables, and readable for every study."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from cordbook.evidence.review_words import AGREEMENT, DESIGNS, IDENTITY, NOTICES, READ
from cordbook.review.studies import summary as summary
from cordbook.review.studies.limits import limitations
from cordbook.review.studies.records import StudyRecord, study_records
from cordbook.review.studies.summary import NO_HARM_COUNTED, headline, main_counts, nature, summarise


@pytest.fixture(scope="module")
def records(estimates):
    return study_records(estimates)


def texts(record: StudyRecord) -> list[str]:
    """All that is said of a study in words made for it."""
    return [*summarise(record).parts, *limitations(record), *(sentence for sentence, _ in nature(record)), headline(record)]


def test_every_study_has_a_record_and_every_cell_is_in_one(estimates, records):
    evidence = estimates.evidence
    assert list(records) == evidence["studies"]["study_id"].tolist()
    held = [cell.cell_id for record in records.values() for cell in record.counts]
    assert sorted(held) == sorted(evidence["outcomes"]["cell_id"])
    arms = [arm.arm_id for record in records.values() for arm in record.arms]
    assert sorted(arms) == sorted(evidence["arms"]["arm_id"])


def test_both_readings_of_every_cell_are_there(estimates, records):
    table = estimates.evidence["extractions"]
    told = {(c.cell_id, r.reading): r for record in records.values() for c in record.counts for r in c.readings}
    assert len(told) == len(table)
    for row in table.itertuples():
        reading = told[row.cell_id, row.reading]
        assert reading.seen == row.seen
        if row.seen:
            assert (reading.events, reading.n) == (row.events, row.n)


def test_a_record_tells_the_counts_of_its_table(estimates, records):
    cells = estimates.evidence["outcomes"].set_index("cell_id")
    for record in records.values():
        for cell in record.counts:
            row = cells.loc[cell.cell_id]
            assert (cell.events, cell.n, cell.poolable) == (row["events"], row["n"], row["poolable"])
            assert bool(cell.reasons) == (not cell.poolable)


def test_intervals_are_those_of_clopper_and_pearson(records):
    """Clopper and Pearson (1934) by quantiles of the beta distribution (Brown, Cai and DasGupta 2001, section 4.2.1)."""
    for record in records.values():
        for cell in record.counts:
            x, n = cell.events, cell.n
            assert cell.low == pytest.approx(beta.ppf(0.025, x, n - x + 1) if x else 0.0, abs=1e-12)
            assert cell.high == pytest.approx(beta.ppf(0.975, x + 1, n - x) if x < n else 1.0, abs=1e-12)


def test_cells_and_estimates_name_each_other(estimates, records):
    forward = {(e.id, cell_id) for e in estimates for cell_id in e.count_ids}
    backward = {(estimate_id, c.cell_id) for record in records.values() for c in record.counts for estimate_id in c.estimates}
    assert forward == backward
    for record in records.values():
        assert {e.id for e in record.estimates} == {i for c in record.counts for i in c.estimates}


def test_notices_trials_overlaps_and_averages_reach_their_study(estimates, records):
    evidence = estimates.evidence
    for name, column, field in (
        ("integrity_notices", "study_id", "notices"),
        ("registered_trials", "linked_study_id", "trials"),
        ("continuous", "reference_id", "continuous"),
    ):
        table = evidence[name]
        for study_id in set(table[column].dropna()) & set(records):
            assert len(getattr(records[study_id], field)) >= (table[column] == study_id).sum(), (name, study_id)
    for row in evidence["overlap_members"].itertuples():
        groups = {o.group: o for o in records[row.study_id].overlaps}
        assert groups[row.overlap_group].is_primary == row.is_primary
        assert groups[row.overlap_group].others


@pytest.mark.parametrize(
    ("table", "column", "known"),
    [
        ("studies", "design", DESIGNS), ("outcomes", "source_kind", READ), ("reconciliations", "agreement", AGREEMENT),
        ("references", "identity_confidence", IDENTITY), ("integrity_notices", "kind", NOTICES),
    ],
)  # fmt: skip
def test_every_code_of_a_closed_list_has_words(estimates, table, column, known):
    assert set(estimates.evidence.package.table(table).field(column).enum) <= set(known)


#: What no sentence may hold: missing values that came through, codes, and broken punctuation.
FAULTS = {
    "a missing value": r"\b(nan|NaN|None(?! of)|NaT|<NA>)\b|<NA>",
    "said twice": r"\b(\w+ \w+) \1\b|\b(not|the|of|and|was|were|people|by|with) \2\b",
    "a code": r"\w_\w|other:",
    "two blanks": r"  ",
    "an empty bracket": r"\(\s*\)|“”|\(;|; ?\)",
    "a blank before a mark": r" [.,;:)]",
    "two marks": r"\.\.|,,|;;|\.;|,\.|;\.",
    "a wrong number": r"\b(?<!\d\.)1 (people|studies|counts|months|days)\b|\b(?<!\d)(?<!,)(?<!\d\.)[2-9] (person|study|count|day|month)\b",
    "a wrong verb": r"\b1 person [^.]* were (given|treated)\b|\bpeople with [^.]* was (given|treated)\b",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_sentence_of_any_study_is_broken(records, fault):
    pattern = re.compile(FAULTS[fault])
    broken = [f"{r.study_id}: {m[0]!r} in {text!r}" for r in records.values() for text in texts(r) if (m := pattern.search(text))]
    assert broken == []


def test_sentences_begin_and_end_as_sentences_do(records):
    for record in records.values():
        for text in (*summarise(record).parts, *limitations(record)):
            assert text[0].isupper() or text[0].isdigit(), text
            assert text.endswith("."), text
            assert text.count("(") == text.count(")"), text


def test_every_summary_says_what_was_done_and_how_sure(records):
    for record in records.values():
        told = summarise(record)
        size = record.size("treated") if record.whole_arms("treated") else record.size()
        assert (f"{size:,} p" in told.done) if size is not None else "how many was not seen" in told.done, record.study_id
        assert told.happened
        assert told.sure or summary.read_in_full(record)
        if record.counts and not record.verified:
            assert "no person has checked them yet" in told.sure


def test_usual_care_is_told_of_those_who_had_no_experimental_treatment(records):
    told = {i: "on usual care and without an experimental treatment" in summarise(r).done for i, r in records.items()}
    watched = {i for i, r in records.items() if r.intervention == "usual_care"}
    untold = {i for i in watched if "does not tell what they were given" in summarise(records[i]).done}
    assert untold == {i for i in watched if records[i].arms and all(a.name == "natural_history" for a in records[i].arms)}
    assert {"khan2018"} <= untold
    assert {i for i, said in told.items() if said} == watched - untold
    assert {"piira2019", "akhlaghpasand2024", "hayes2014"}.isdisjoint(watched)


def test_what_was_given_is_told_in_the_words_of_the_report(records):
    told = [
        (r, text)
        for r in records.values()
        if r.intervention == "drug"
        for a in r.whole_arms("treated")
        if (text := a.row.get("given"))
    ]
    assert len(told) > 20
    assert [r.study_id for r, text in told if text not in summarise(r).done and "harm" not in summarise(r).done] == []


def test_a_zero_in_doubt_is_not_told_as_good_news(records):
    doubtful = [(r, c) for r in records.values() for c in r.harms if c.in_doubt and not c.events]
    sure = {(r.study_id, c.outcome) for r in records.values() for c in r.harms if not c.in_doubt}
    assert len(doubtful) > 5
    for record, count in doubtful:
        if (record.study_id, count.outcome) in sure:
            continue
        _, _, unseen = " ".join(summarise(record).parts).partition("Looked for and not seen:")
        label = record.vocabulary.label("outcome", count.outcome, "phrase")
        assert label not in unseen, (record.study_id, label)


def test_the_main_result_stands_in_the_summary_with_its_counts(records):
    """Against the table, by hand: larocca2017 has 2 of 5 AIS, elkheir2014 17 of 50 against 0 of 20."""
    assert "2 of 5 people improved by at least one AIS grade" in summarise(records["larocca2017"]).happened
    told = summarise(records["elkheir2014"]).happened
    assert "17 of 50 people (34%) improved by at least one AIS grade" in told
    assert "None of 20 people in the comparison group improved" in told
    assert headline(records["elkheir2014"]) == "Improved by at least one AIS grade: 17 of 50 v 0 of 20"
    assert "8 of 130 people (6.2%) got radiation myelopathy" in summarise(records["dische1981"]).happened


def test_harm_is_told_or_its_absence_is_not_taken_for_safety(records):
    for record in records.values():
        if record.topic == "natural_recovery":
            continue
        told = summarise(record)
        if not record.harms:
            assert told.harm == NO_HARM_COUNTED
        for cell in record.harms:
            if cell.outcome == "tumour" and cell.events:
                assert "tumour" in told.happened + told.harm, record.study_id
    assert "“" not in summarise(records["dlouhy2014"]).happened
    assert "had a tumour or tissue overgrowth" in summarise(records["dlouhy2014"]).happened


def test_single_arms_stand_beside_natural_recovery_of_their_grade_and_phase(records):
    late = {e.id for _, e in nature(records["larocca2017"]) if e}  # AIS A, chronic
    assert late == {"natural-ais-a-late"}
    assert records["larocca2017"].phase == "chronic"
    for record in records.values():
        counted = [c for c in record.counts if c.outcome == "ais_improved" and c.role == "treated"]
        assert bool(nature(record)) == bool(counted and record.population == "traumatic_sci"), record.study_id
        for _, estimate in nature(record):
            assert estimate is None or estimate.synthesis.where == (("role", ("natural_course",)),)


def test_designs_without_a_comparison_say_what_they_cannot_show(records):
    for record in records.values():
        if (
            record.design in ("single_arm", "case_series", "case_report")
            and record.topic == "cell_therapy"
            and not record.has_comparator
        ):
            assert "cannot show what would have happened without the treatment" in summarise(record).sure


def test_a_review_is_not_taken_for_a_study_of_its_own(records):
    assert summary.is_review(records["chalif2024"])
    assert "adds no new patients" in summarise(records["chalif2024"]).sure


def test_limitations_name_open_readings_and_low_confidence(records):
    for record in records.values():
        told = " ".join(limitations(record))
        assert any(c.confidence == "low" for c in record.counts) == ("with low confidence" in told), record.study_id
        assert any(c.agreement == "disagree_open" for c in record.counts) == ("left open" in told), record.study_id
        assert (record.source.identity == "unidentified") == ("was not identified" in told), record.study_id


@settings(deadline=None)
@given(
    n=st.integers(1, 60),
    data=st.data(),
    outcome=st.sampled_from(["ais_improved", "motor_improved", "death", "other:two_motor_levels"]),
    role=st.sampled_from([("treated", "treated"), ("comparator", "control"), ("treated", "hbot")]),
)
def test_any_count_makes_a_sentence(records, n, data, outcome, role):
    events = data.draw(st.integers(0, n))
    base = records["larocca2017"]
    cell = dataclasses.replace(
        base.counts[0], count=dataclasses.replace(base.counts[0].count, events=events, n=n), outcome=outcome, label="Two motor levels", role=role[0], arm=role[1],
        group="harm" if outcome == "death" else "recovery",
    )  # fmt: skip
    text = summary._count_sentence(cell, base, whole=False)
    assert text.endswith(".")
    for fault, pattern in FAULTS.items():
        assert not re.search(pattern, text), (fault, text)
    if n > 1:
        assert f"{n:,}" in text or n == 2
    if 0 < events < n:
        assert f"{events:,} of {n:,}" in text


def test_main_cells_count_nobody_twice(records):
    """Within an arm they are one row of all patients, or rows of strata; never both."""
    for record in records.values():
        chosen = main_counts(record)
        for arm_id in {c.arm_id for c in chosen}:
            relations = {c.relation for c in chosen if c.arm_id == arm_id}
            assert len(relations) == 1, record.study_id
