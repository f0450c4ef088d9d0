"""The import of the second reading: its rules on small rows, its decisions against the files as received, and both against the tables."""

from __future__ import annotations

import csv
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from cordbook.evidence.evidence import load_evidence
from cordbook.evidence.patients import meanings_of
from tests.intake.baseline import DATA

RAW = DATA / "raw" / "2026-11-30"
#: What the script defines. Run, not imported: no compiled file is left in the folder of the raw tables.
update = SimpleNamespace(**runpy.run_path(str(RAW / "import_update.py"), run_name="import_update"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def table(name: str) -> list[dict[str, str]]:
    return rows_of(DATA / f"{name}.csv")


SOURCE = {path.stem: rows_of(path) for path in sorted(RAW.glob("*.csv"))}
DECISIONS = {row["study_id"]: row for row in SOURCE["decisions_studies"]}
INCLUDED = {study for study, row in DECISIONS.items() if row["decision"] == "include"}
STUDY = {
    "study_id": "ho2020", "first_author": "Ho", "year": "2020", "title": "A trial", "journal": "Cord", "doi": "10.1000/ABC", "pmid": "7",
    "pmcid": "", "source_url": "https://journal.org/1", "canonical_url": "https://journal.org/1", "note": "", "identity_note": "",
    "population": "traumatic_sci", "injury_phase": "acute", "n_treated": "20", "n_control": "10", "cell_type": "", "donor": "", "route": "",
    "dose_cells": "", "n_doses": "",
}  # fmt: skip
GIVEN = {"intervention_class": "drug", "given": "a drug", "dose": "5 mg", "route": "oral"}


# --- decisions against the files as received -----------------------------------------------------------------------------------


def test_every_report_has_one_decision_and_every_decision_a_report():
    received = [row["study_id"] for row in SOURCE["studies"]]
    assert len(received) == len(set(received)) and len(SOURCE["decisions_studies"]) == len(DECISIONS)
    assert set(DECISIONS) == set(received)
    assert {row["decision"] for row in DECISIONS.values()} == {"include", "exclude"}


def test_an_exclusion_has_a_listed_reason_and_an_inclusion_a_topic():
    reasons = {row["reason"] for row in table("exclusion_reasons")}
    topics = {row["topic"] for row in rows_of(DATA / "vocabulary" / "topics.csv")}
    for study, row in DECISIONS.items():
        if row["decision"] == "exclude":
            assert row["reason"] in reasons, study
        else:
            assert row["topic"] in topics and row["intervention_class"] and not row["reason"], study


def test_every_decision_on_counts_fits_a_count_and_names_listed_reasons():
    reasons = {row["reason"] for row in table("not_poolable_reasons")}
    for decision in SOURCE["decisions_counts"]:
        assert any(update._fits(decision, row) for row in SOURCE["outcomes"]), decision
        assert decision["decision"] in ("not_poolable", "to_note") and (decision["why"] or decision["reason"]), decision
        assert decision["decision"] == "to_note" or set(decision["reason"].split(";")) <= reasons, decision


def test_decisions_on_overlaps_are_of_studies_of_the_data():
    studies = {row["study_id"] for row in table("studies")}
    assert {row["study_id"] for row in SOURCE["decisions_overlaps"]} <= studies


# --- the tables against the files: both ways -------------------------------------------------------------------------------------


def test_included_reports_are_studies_and_excluded_ones_are_not():
    studies = {row["study_id"] for row in table("studies")}
    assert studies >= INCLUDED
    assert not (set(DECISIONS) - INCLUDED) & studies
    records = {row["source_key"] for row in table("records") if row["search_id"] == update.SEARCH}
    assert records == set(DECISIONS)


def test_no_count_is_lost_changed_or_made_up():
    """Every count of an included study stands in the tables, corrections undone, or in the note of its study; and none beside them."""
    corrected = {
        (row["row_key"], row["column"]): row["old_value"] for row in reversed(table("corrections")) if row["table"] == "outcomes"
    }
    stored: dict[str, list[tuple[str, ...]]] = {}
    for row in table("outcomes"):
        read = {c: corrected.get((row["cell_id"], c), row[c]) for c in ("events", "n")}
        stored.setdefault(row["study_id"], []).append((row["outcome"], read["events"], read["n"], row["timepoint_months"]))
    received: dict[str, list[tuple[str, ...]]] = {}
    for row in SOURCE["outcomes"]:
        notes: dict[str, list[str]] = {}
        if row["study_id"] in INCLUDED and update._count(row, SOURCE, DECISIONS, notes) is not None:
            received.setdefault(row["study_id"], []).append((row["outcome"], row["events"], row["n"], row["timepoint_months"]))
        else:
            assert row["study_id"] not in INCLUDED or notes[row["study_id"]]
    assert received
    for study in INCLUDED:
        assert sorted(stored.get(study, [])) == sorted(received.get(study, [])), study


def test_both_readings_of_a_count_are_kept_as_received():
    twice = sum(bool(row["reading2_events"]) for row in SOURCE["outcomes"] if row["study_id"] in INCLUDED)
    kept = [
        row for row in table("extractions") if row["reader"].startswith("V2") and row["cell_id"].partition(".")[0] in INCLUDED
    ]
    assert len(kept) == twice


# --- rules on small rows -----------------------------------------------------------------------------------------------------------


def test_every_rule_is_written_down_once():
    assert sorted(update.RULES, key=lambda name: int(name[1:])) == [f"U{n}" for n in range(1, len(update.RULES) + 1)]


def test_an_identity_is_confirmed_by_author_year_title_and_number_together():
    assert update._reference(STUDY)["identity_confidence"] == "confirmed"
    assert update._reference(STUDY)["doi"] == "10.1000/abc"
    for lost in ("first_author", "year", "title"):
        assert update._reference(STUDY | {lost: ""})["identity_confidence"] == "partial", lost
    unnumbered = STUDY | {"doi": "", "pmid": ""}
    assert update._reference(unnumbered)["identity_confidence"] == "partial"
    assert update._reference(unnumbered | {"title": "", "canonical_url": ""})["identity_confidence"] == "unidentified"


def test_an_author_that_was_recalled_and_not_seen_is_left_blank():
    assert update._author(STUDY) == "Ho"
    for note in ("first author by recall", "the author name is NOT on the page"):
        assert update._author(STUDY | {"note": note}) == update._author(STUDY | {"identity_note": note}) == ""
    assert update._reference(STUDY | {"note": "first author by recall"})["identity_confidence"] == "partial"


def test_a_title_in_parentheses_goes_to_the_note():
    made = update._reference(STUDY | {"title": "(a trial of a drug)", "identity_note": "seen in a list"})
    assert (made["title"], made["identity_confidence"]) == ("", "partial")
    assert made["note"] == "a trial of a drug; seen in a list"
    assert update._record(STUDY | {"title": "(a trial of a drug)"})["title"] == "Title not seen (a trial of a drug)"
    assert update._record(STUDY | {"title": ""})["title"] == "Title not seen (DOI 10.1000/ABC)"
    assert update._reference(STUDY | {"title": "(Early) surgery (late)"})["title"] == "(Early) surgery (late)"


@pytest.mark.parametrize(
    ("note", "left"),
    [
        ("reread", ""),
        ("counts of part 1; reread", "counts of part 1"),
        ("STUDY ALREADY IN DATA; counts of part 1", "counts of part 1"),
        ("new outcome term; three more queries, nothing", ""),
        ("reread by two people", "reread by two people"),
    ],
)
def test_words_that_readers_left_for_themselves_go(note, left):
    assert update._tidy(note) == left


def count(**changes):
    return {"study_id": "ho2020", "arm": "treated", "outcome": "death", "stratum": ""} | changes


def test_a_count_of_usual_care_names_the_phase_and_early_surgery_is_a_stratum():
    watched = {"intervention_class": "usual_care"}
    assert update._place(count(stratum="baseline_ais=A;level=cervical"), STUDY, watched) == (
        "standard_care", "baseline_ais=A;phase=acute;level=cervical",
    )  # fmt: skip
    assert update._place(count(arm="early_surgery"), STUDY, watched) == ("standard_care", "phase=acute;surgery=early")
    assert update._place(count(), STUDY | {"population": "radiation_myelopathy"}, watched) == ("natural_history", "")
    assert update._place(count(), STUDY | {"injury_phase": "mixed"}, watched) == ("standard_care", "")
    # A treated arm keeps its name and its stratum; one key has another name in the data.
    assert update._place(count(stratum="completeness=incomplete"), STUDY, GIVEN) == (
        "treated",
        "baseline_completeness=incomplete",
    )
    assert update._place(count(arm="part1 AXER-204"), STUDY, GIVEN)[0] == "part1_axer204"


def test_sizes_become_arms_with_what_was_given():
    treated, control = update._arms(STUDY, GIVEN, [])
    assert (treated["arm_id"], treated["n"], treated["given"], treated["dose"], treated["route"]) == (
        "ho2020.treated", "20", "a drug", "5 mg", "oral",
    )  # fmt: skip
    assert (control["role"], control["n"], control.get("given", "")) == ("comparator", "10", "")
    (alone,) = update._arms(STUDY | {"n_control": ""}, GIVEN, [])
    assert alone["role"] == "treated"
    (care,) = update._arms(STUDY, GIVEN | {"intervention_class": "usual_care"}, [])
    assert (care["arm"], care["role"], care["n"]) == ("standard_care", "natural_course", "30")
    both = update._arms(STUDY | {"study_id": next(iter(update.BOTH_TREATED))}, GIVEN, [])
    assert [(arm["role"], arm["n"]) for arm in both] == [("treated", "30")]


def test_a_route_that_was_recalled_is_left_blank():
    assert update._route(STUDY | {"route": "oral"}) == "oral"
    assert update._route(STUDY | {"route": "oral", "note": "route by recall of the product"}) == ""


def test_how_a_row_relates_to_wider_rows():
    meanings = meanings_of(table("stratum_keys"), rows_of(DATA / "vocabulary" / "stratum_values.csv"))

    def row(stratum, events="2", n="10"):
        return {
            "study_id": "ho2020", "arm_id": "ho2020.treated", "outcome": "death", "stratum": stratum, "events": events, "n": n,
        }  # fmt: skip

    everybody, grade, same = row("", "5", "20"), row("baseline_ais=A"), row("baseline_ais=B", "5", "20")
    rows = [everybody, grade, same]
    assert [update._relation(meanings, r, rows) for r in rows] == ["total", "part_of_total", "same_patients"]
    assert update._relation(meanings, grade, [grade, same]) == "only_stratum"
    other = everybody | {"outcome": "tumour"}
    assert update._relation(meanings, grade, [grade, other]) == "only_stratum"


def test_scores_of_natural_arms_are_of_usual_care():
    made = update._score({"arm": "natural_ais_a", "comparison": "motor", "x": "1"})
    assert made == {"arm": "standard_care", "comparison": "motor; AIS A", "x": "1"}
    assert update._score({"arm": "retreatment", "comparison": ""}) == {"arm": "treated", "comparison": "retreatment"}


def test_the_first_decision_that_fits_holds_and_a_star_fits_any():
    decisions = {"decisions_counts": [
        {"study_id": "ho2020", "arm": "treated", "outcome": "*", "stratum": "*", "decision": "not_poolable", "reason": "overlap", "why": "Twice."},
        {"study_id": "ho2020", "arm": "*", "outcome": "*", "stratum": "*", "decision": "to_note", "reason": "", "why": "told apart"},
    ], "studies": [STUDY]}  # fmt: skip
    notes: dict[str, list[str]] = {}
    asked = {"note": "reread", "study_id": "ho2020"}
    made = update._count(count(**asked), decisions, {"ho2020": GIVEN}, notes)
    assert (made["poolable"], made["not_poolable_reason"], made["note"], notes) == ("no", "overlap", "Twice", {})
    assert update._count(count(**asked, arm="control"), decisions, {"ho2020": GIVEN}, notes) is None
    assert notes == {"ho2020": ["told apart"]}
    free = update._count(count(note="", study_id="li2021"), decisions, {}, notes)
    assert (free["poolable"], free["not_poolable_reason"]) == ("yes", "")


def test_it_refuses_to_run_on_tables_that_hold_it(monkeypatch):
    """The tables of today hold the update; nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in DATA.glob("*.csv")}
    with pytest.raises(update.UpdateRefused, match="imported before"):
        update.main()
    assert {path: path.stat().st_mtime_ns for path in DATA.glob("*.csv")} == before


def test_the_readme_tells_every_file_and_how_many_rows_it_has():
    text = (RAW / "README.md").read_text(encoding="utf-8")
    for path in RAW.iterdir():
        assert path.name == "README.md" or path.name.startswith("__") or path.name in text, path.name
    (told,) = re.findall(r"\| studies\.csv \|.*\| (\d+) \|", text)
    assert int(told) == len(SOURCE["studies"])
    (told,) = re.findall(r"\| outcomes\.csv \|.*\| (\d+) \|", text)
    assert int(told) == len(SOURCE["outcomes"])


def test_what_was_included_is_what_the_flow_lists():
    screening = load_evidence(DATA)["screening"]
    own = screening[screening["record_id"].str.startswith(update.SEARCH) & (screening["stage"] == "full_text")]
    assert set(own["study_id"].dropna()) == INCLUDED
    assert set(own["reviewer"]) == set(update.REVIEWERS)
