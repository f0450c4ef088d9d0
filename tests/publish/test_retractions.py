"""A retraction lands in a small book: it is named wherever the report stands, and leaves an estimate by a recorded decision only."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest

from cordbook.evidence.retractions import standing_retractions
from cordbook.evidence.rules.validation import validate
from cordbook.notebook import open_review
from cordbook.publish.pages.explorer_data import explorer_data
from cordbook.publish.pages.study_pages import study_pages
from cordbook.review.appraisal.risk_of_bias import study_facts
from cordbook.review.estimates.dependence import retracted_labels, without_retracted
from cordbook.review.estimates.estimates import Estimates, load_estimates
from cordbook.review.estimates.phrases import phrase, plain_sentence, retraction_note
from cordbook.review.estimates.rows import arrays
from cordbook.synthesis import pool_proportions
from tests.publish import small_book

ROOT = Path(__file__).parents[2]
STUDY, LABEL = "lima2010", "Lima 2010 (retracted)"
NOTICE = {
    "notice_id": "N90", "study_id": STUDY, "kind": "retraction", "year": "2024", "reference": "Retraction, doi 10.1000/notice, 2024",
    "what_it_says": "The report was retracted.", "source_url": "https://doi.org/10.1000/notice", "confidence": "high",
    "found_by": "cordbook", "found_on": "2026-11-21",
}  # fmt: skip


def rows_of(data: Path, table: str) -> list[dict[str, str]]:
    with open(data / f"{table}.csv", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(data: Path, table: str, rows: list[dict[str, str]]) -> None:
    with open(data / f"{table}.csv", encoding="utf-8-sig", newline="") as file:
        columns = next(csv.reader(file))
    with open(data / f"{table}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def notices(data: Path, *more: dict[str, str]) -> None:
    write(data, "integrity_notices", [*rows_of(data, "integrity_notices"), *more])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_book.make(ROOT, tmp_path_factory.mktemp("retraction") / "book")


@pytest.fixture(scope="module")
def before(book: Path) -> Estimates:
    return load_estimates(book)


@pytest.fixture(scope="module")
def after(book: Path, before: Estimates, tmp_path_factory: pytest.TempPathFactory) -> Estimates:
    list(before)
    target = small_book.make(ROOT, tmp_path_factory.mktemp("retracted") / "book")
    notices(target / "data", NOTICE)
    return load_estimates(target)


def test_the_small_book_has_no_retraction_and_says_nothing_of_one(before):
    assert before.evidence.retracted == frozenset()
    assert retraction_note(before["ais-improved"]) == ""
    assert without_retracted(before["ais-improved"]) is None
    assert "retracted" not in "".join(study_pages(before).values())


def test_the_number_stays_until_somebody_decides_and_the_one_without_stands_beside_it(before, after):
    then, now = before["ais-improved"], after["ais-improved"]
    assert (now.k, now.result.estimate) == (then.k, then.result.estimate)
    assert retracted_labels(now) == (LABEL,)
    without = without_retracted(now)
    rest = [row for row in then.rows if row.study_id != STUDY]
    fresh = pool_proportions(*arrays(rest), measure="logit", model="glmm", level=0.95)
    assert (without.k, without.n) == (len(rest), sum(row.n for row in rest))
    assert without.result.estimate == pytest.approx(fresh.estimate, abs=1e-10)
    assert without.result.estimate != now.result.estimate
    assert retraction_note(now) == f"The retracted report Lima 2010 is still counted. Without it: {phrase(without, 'full')}."
    assert "retracted report" in plain_sentence(now)
    assert "retracted" not in plain_sentence(before["ais-improved"])


def test_every_figure_that_counts_it_names_it_to_those_who_see_and_to_those_who_hear(after, monkeypatch):
    monkeypatch.chdir(after.evidence.folder.parent)
    review = open_review(after.evidence.folder.parent)
    note = retraction_note(after["ais-improved"])
    for figure in (
        review.forest("ais-improved"), review.funnel("ais-improved"), review.baujat("ais-improved"), review.cumulative("ais-improved"),
        review.leave_one_out("ais-improved"), review.bubble("ais-improved", "year", "Year"),
    ):  # fmt: skip
        assert figure.caption.endswith(note), figure.id
        assert figure.alt.endswith(note), figure.id
    for figure in (review.forest("ais-improved"), review.cumulative("ais-improved"), review.leave_one_out("ais-improved")):
        assert LABEL in re.sub(r"<[^>]+>", "", figure.svg), figure.id
    forest = review.forest("ais-improved").to_html()
    assert f'href="book/studies/{STUDY}.html"' in forest, "the link goes with the label"
    assert "retracted" not in review.forest("tumour").to_html() or STUDY in after["tumour"].study_ids


def test_every_list_and_table_that_holds_it_names_it(after, monkeypatch):
    monkeypatch.chdir(after.evidence.folder.parent)
    review = open_review(after.evidence.folder.parent)
    assert LABEL in review.study_list().to_html()
    assert LABEL in review.studies("ais-improved").to_html()
    assert "retracted report" in review.summary(["ais-improved"]).to_html()
    assert LABEL in explorer_data(after)["studies"]["label"]
    assert LABEL in review.methods.notices().to_html()
    table = review.methods.retractions()
    assert len(table.rows) == 1
    assert "no decision to leave them out is recorded" in repr(table)
    assert phrase(without_retracted(after["ais-improved"])) in repr(table)


def _own(page: str) -> list[str]:
    """A page without the names of its neighbours, which are told by their labels."""
    return [line for line in page.splitlines() if not line.startswith(("before-title:", "after-title:"))]


def test_its_page_begins_with_a_box(before, after):
    pages = study_pages(after)
    page = pages[STUDY]
    assert f"# {LABEL}".replace("(", r"\(").replace(")", r"\)") in page or f"# {LABEL}" in page
    box = page.index("This report was retracted in 2024.")
    assert page.index("# ") < box < page.index("In plain words.")
    assert phrase(without_retracted(after["ais-improved"])) in page
    changed = {study for study, text in study_pages(before).items() if _own(text) != _own(pages[study])}
    assert changed == {STUDY}


def test_a_recorded_decision_takes_it_out_and_leaves_it_to_be_seen(before, tmp_path):
    root = small_book.make(ROOT, tmp_path / "book")
    cells = rows_of(root / "data", "outcomes")
    for row in cells:
        if row["study_id"] == STUDY and row["poolable"] == "yes":
            row |= {"poolable": "no", "not_poolable_reason": "retracted"}
    write(root / "data", "outcomes", cells)
    broken = [p for p in validate(root / "data").problems if p.rule == "retracted-counts"]
    assert broken, "without the notice the reason has no ground"
    assert {p.file for p in broken} == {"outcomes.csv"}
    notices(root / "data", NOTICE)
    assert validate(root / "data").errors == 0
    estimates = load_estimates(root)
    assert STUDY not in estimates["ais-improved"].study_ids
    assert estimates["ais-improved"].k == before["ais-improved"].k - 1
    assert retraction_note(estimates["ais-improved"]) == ""
    page = study_pages(estimates)[STUDY]
    assert "No pooled estimate of this book counts it." in page
    assert "Retracted report" in page


def test_a_retraction_taken_back_leaves_no_mark(tmp_path):
    root = small_book.make(ROOT, tmp_path / "book")
    notices(root / "data", NOTICE, NOTICE | {"notice_id": "N91", "kind": "reinstatement", "year": "2025"})
    assert load_estimates(root).evidence.retracted == frozenset()


def test_only_notices_against_a_report_count_against_it(tmp_path):
    root = small_book.make(ROOT, tmp_path / "book")
    other = NOTICE | {"study_id": "bydon2024"}
    kinds = ("correction", "reinstatement", "identity_doubt")
    notices(root / "data", NOTICE, *(other | {"notice_id": f"N9{i}", "kind": kind} for i, kind in enumerate(kinds, 1)))
    facts = study_facts(load_estimates(root).evidence)
    assert facts.loc[STUDY, "notices"] >= 1
    assert facts.loc["bydon2024", "notices"] == 0


def test_years_decide_between_retraction_and_reinstatement():
    assert standing_retractions([("a", "retraction", None)]) == {"a"}
    assert standing_retractions([("a", "retraction", None), ("a", "reinstatement", None)]) == set()
    assert standing_retractions([("a", "reinstatement", 2016), ("a", "retraction", 2019)]) == {"a"}
    assert standing_retractions([("a", "correction", 2019)]) == set()


def test_a_kept_estimate_is_not_shown_with_the_old_name(tmp_path):
    """The build takes estimates over from the last one; a notice alone must reach them."""
    from cordbook.core.project import Project
    from cordbook.core.store import store_of
    from cordbook.publish.freshness.records import Today

    root = small_book.make(ROOT, tmp_path / "book")
    project = Project(root)
    list(load_estimates(root, store_of(project)))
    before = Today(project).digests([("counts",), ("study_labels",), ("estimate", "ais-improved"), ("table", "outcomes")])
    notices(root / "data", NOTICE)
    assert retracted_labels(load_estimates(root, store_of(project))["ais-improved"]) == (LABEL,)
    changed = Today(project).changed(before)
    assert changed == [("counts",), ("estimate", "ais-improved"), ("study_labels",)]
    assert os.listdir(project.cache)
