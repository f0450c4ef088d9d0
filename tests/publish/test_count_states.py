"""How far each count was looked at stands beside it, and under each estimate; also where nobody has looked."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from html import escape, unescape

import pytest

from cordbook.core.project import Project
from cordbook.evidence.evidence import load_evidence
from cordbook.intake.extraction.verify import Finding, verify
from cordbook.publish.pages.estimate_pages import estimate_pages
from cordbook.publish.pages.study_pages import study_pages
from cordbook.review.appraisal.extraction_audit import verified_weights
from cordbook.review.appraisal.verification_queue import count_states
from cordbook.review.estimates.estimates import load_estimates
from tests.publish import small_book

STATES = ("read once", "read twice", "verified by a person")


@pytest.fixture(scope="module")
def book(root, tmp_path_factory):
    return small_book.make(root, tmp_path_factory.mktemp("states") / "book")


def told(page):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def rows(book, table):
    with open(book / "data" / f"{table}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def expected(book):
    """The state of every cell, worked out from the files anew."""
    agreement = {r["cell_id"]: r["agreement"] for r in rows(book, "reconciliations")}
    verified = {r["cell_id"] for r in rows(book, "verifications")}
    twice = {c: a in ("agree", "disagree_settled", "disagree_open") for c, a in agreement.items()}
    return {r["cell_id"]: STATES[2] if r["cell_id"] in verified else STATES[twice[r["cell_id"]]] for r in rows(book, "outcomes")}


def row_of(pages, cell_id):
    page = pages[cell_id.split(".")[0]]
    return told(re.search(rf'<tr id="{re.escape(escape(cell_id))}">.*?</tr>', page, flags=re.S)[0])


def test_the_real_book_says_of_every_count_and_estimate_what_was_looked_at(root, estimates):
    pages = study_pages(estimates)
    state = expected(root)
    for cell_id, wanted in state.items():
        assert [s for s in STATES if s in row_of(pages, cell_id)] == [wanted], cell_id
    counted = {e.id for e in estimates}
    for estimate_id, page in estimate_pages(Project(root), estimates).items():
        if estimate_id not in counted:  # scores are not verified count by count
            continue
        cells = estimates[estimate_id].count_ids
        head = told(page.split("\n## ")[0])
        assert ("verified by a person" in head) == estimates[estimate_id].is_reported, estimate_id
        if estimates[estimate_id].is_reported and not any(state[c] == STATES[2] for c in cells):
            assert "0% verified by a person (0 of " in head, estimate_id
    assert dict(zip(*count_states(estimates)[["state", "counts"]].to_numpy().T, strict=True)) == {
        s: list(state.values()).count(s) for s in STATES
    }


def test_a_verification_moves_its_cell_its_study_and_its_estimates(book):
    before = load_estimates(book)
    one = before["ais-improved"]
    (cell_id,), study = one.rows[0].count_ids, one.rows[0].study_id
    shown = next(r for r in rows(book, "outcomes") if r["cell_id"] == cell_id)
    finding = Finding(cell_id, "Dee", "full text, Table 2", int(shown["events"]), int(shown["n"]))
    verify(book / "data", book / ".cordbook", finding, (shown["events"], shown["n"]), "2026-11-21")
    after = load_estimates(book)
    pages = study_pages(after)
    for known, wanted in expected(book).items():
        assert wanted in row_of(pages, known)
    assert "verified by a person" in row_of(pages, cell_id)
    cells = [r for r in rows(book, "outcomes") if r["study_id"] == study]
    assert f"A person has checked 1 of {len(cells)} counts against the source." in told(pages[study])
    page = told(estimate_pages(Project(book), after)["ais-improved"].split("\n## ")[0])
    weight = one.rows[0].weight
    assert f"{weight:.0f}% verified by a person of the weight (1 of {len(one.count_ids)} counts looked up in the report)" in page
    share = {w.id: w for w in verified_weights(after)}
    assert share["ais-improved"].share == pytest.approx(weight / 100)
    assert share["tumour"].checked == 0
    # The other pages stay as they were, and nothing else moved.
    old = study_pages(before)
    assert {name for name in pages if pages[name] != old[name]} == {study}
    assert after["ais-improved"].result == one.result


def test_a_study_that_people_read_is_not_called_automated(book):
    evidence = load_evidence(book / "data")
    estimates = load_estimates(book)
    page = told(study_pages(estimates)["curtis2018"])
    assert "both readings were automated" in page
    named = evidence["extractions"].copy()
    own = named["cell_id"].str.startswith("curtis2018.")
    named.loc[own, "reader"] = named.loc[own, "reading"].map({1: "Ada", 2: "Ben"})
    settled = evidence["reconciliations"].copy()
    settled.loc[settled["cell_id"].str.startswith("curtis2018."), "reconciled_by"] = "Cleo"
    tables = {name: evidence[name] for name in evidence} | {"extractions": named, "reconciliations": settled}
    people = replace(estimates, evidence=replace(evidence, tables=tables))
    page = told(study_pages(people)["curtis2018"])
    assert "Read by Ada and Ben. Nobody has checked these numbers against the source since." in page
    assert "Ada and Ben took the numbers; nobody has checked them against the source since." in page
    assert "automated" not in page
