"""Declared files are judged together, before any chapter runs, by the loaders that chapters use."""

from __future__ import annotations

import shutil

import pytest

from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.reporting.declared_files import CHECKS, declared_problems, explain_declared

#: Text of a file, what stands in its place, and what is told of it.
BROKEN = {
    "review.yml": ("main_results:\n", "main_results:\n  - no-such-estimate\n", "main_results names no-such-estimate"),
    "certainty.yml": ("{estimate: natural-ais-a-late}", "{estimate: natural-late}", "no estimate 'natural-late'"),
    "risk_of_bias.yml": ("items:\n", "items:\n  - {id: x}\n", "x: "),
    "replication.yml": ("P001", "P999", "P001: stands in no place"),
    "claim_tests.yml": ("tests:\n", "tests:\n  - {claim: no-such-claim, rule: frequency}\n", "no-such-claim"),
    "multiverse.yml": ("estimates: [sae-related-cell-therapy]", "estimates: [sae-related]", "no estimate 'sae-related'"),
    "reporting_checklist.yml": ("state: met", "state: done", "state is 'done'"),
}


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    copy = tmp_path_factory.mktemp("declared") / "data"
    return shutil.copytree(root / "data", copy, ignore=shutil.ignore_patterns("raw"))


def test_the_declared_files_of_the_review_hold(estimates):
    assert declared_problems(estimates) == ()


def test_all_problems_of_all_files_are_told_at_once(folder):
    assert set(BROKEN) == set(CHECKS)
    before = {name: (folder / name).read_text(encoding="utf-8") for name in BROKEN}
    for name, (text, broken, _) in BROKEN.items():
        assert text in before[name], name
        (folder / name).write_text(before[name].replace(text, broken, 1), encoding="utf-8")
    found = declared_problems(load_estimates(folder.parent))
    for name, text in before.items():
        (folder / name).write_text(text, encoding="utf-8")
    assert len(found) == len(BROKEN)
    for name, (_, _, told) in BROKEN.items():
        [text] = [text for text in found if name in text]
        assert told in text
        assert text in explain_declared(found)


def test_a_published_row_that_stands_in_no_place_is_told_and_a_review_without_the_files_has_none(folder):
    path = folder / "published_pooled.csv"
    header, first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([header, first, *rest, first.replace("P001", "P999", 1)]), encoding="utf-8")
    [told] = declared_problems(load_estimates(folder.parent))
    assert "P999: stands in no place; set it beside an estimate" in told
    path.write_text("".join([header, first, *rest]), encoding="utf-8")
    for name in set(BROKEN) - {"review.yml"}:
        (folder / name).unlink()
    assert declared_problems(load_estimates(folder.parent)) == ()
