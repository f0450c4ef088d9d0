"""Sentences about the state of the work: the first search, screening, verification and release are ordinary work, and break none.

The way is walked by the project's own commands in a copy of its data and pages; nothing is built.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import nbformat
import pytest

from cordbook.core.notebooks import is_code, is_prose, source_of
from cordbook.core.project import Project
from cordbook.evidence import validate
from cordbook.publish.sources.page_guards import Turned, broken_guards, find_conditions, turned_wordings
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.estimates.guards import judge
from cordbook.review.expected.lookup import AllEstimates
from cordbook.review.versions.releases import list_releases
from tests.conftest import ROOT, copy_project
from tests.intake.invented import EXPORT, cordbook

#: Chapters whose assertions in code read stored results of simulations and measurements, which no work on the evidence changes.
SIMULATIONS = {ROOT / "book" / "methods" / name for name in ("statistics.ipynb", "benchmarks.ipynb")}
CELL = "lima2010.treated.ais_improved.all.27.7"


def given(project: Project, *arguments: str, keys: str = "") -> None:
    done = cordbook(project.root, *arguments, keys=keys)
    assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])


def search(project: Project) -> None:
    given(project, "import", str(EXPORT), "--source", "Invented Base", "--by", "Ada")


def screening(project: Project) -> None:
    for person in ("Ada", "Ben"):
        given(project, "screen", "--as", person, keys="i\n")


def verification(project: Project) -> None:
    given(project, "verify-counts", "--count", CELL, "--as", "Dee", keys="c\nthe report, Table 2\n")


def release(project: Project) -> None:
    releases, newest = project.root / "releases", max(list_releases(project.root))
    shutil.copytree(releases / str(newest), releases / f"{newest.major + 1}.0.0")


#: The state before, in which none of it had been done. Corrections stay: the corrected values stand in the tables.
UNDONE = ("searches", "records", "record_merges", "screening", "verifications")


@pytest.fixture
def project(tmp_path) -> Project:
    """A copy of the project as it was before the first search, its pages as they are."""
    project = Project(copy_project(tmp_path / "project"))
    for table in UNDONE:
        path = project.data / f"{table}.csv"
        header = next(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        path.write_text(",".join(header) + "\n", encoding="utf-8")
    return project


def test_the_first_search_screening_verification_and_release_break_no_sentence(project):
    conditions = find_conditions(project)
    before = AllEstimates(load_estimates(project.root))
    assert broken_guards(conditions, before) == []
    assert validate(project.data).errors == 0
    for step, turns in ((search, "[searches"), (screening, ""), (verification, "[verifications]"), (release, "")):
        step(project)
        now = AllEstimates(load_estimates(project.root))
        assert validate(project.data).errors == 0
        assert [b.explain() for b in broken_guards(conditions, now)] == [], step.__name__
        turned = turned_wordings(conditions, now, before)
        assert {t.wording.condition.startswith(turns) for t in turned} == ({True} if turns else set()), step.__name__
        before = now


def test_every_wording_that_turns_says_something_else(project, estimates):
    for wording in (c for c in find_conditions(project) if c.otherwise is not None):
        today = judge(wording.condition, AllEstimates(estimates))
        assert Turned(wording, today).text in (wording.sentence, wording.otherwise)
        assert wording.sentence != wording.otherwise, wording.place
        assert "yet" not in str(wording.otherwise).split(), wording.place


def chapters() -> list[Path]:
    return [ROOT / "index.ipynb", *sorted((ROOT / "book").rglob("*.ipynb"))]


def test_no_chapter_asserts_in_code_what_a_guard_can_hold():
    """An assertion in code is met after minutes of executing; conditions of prose are judged before the first chapter runs."""
    asserting = [
        path
        for path in chapters()
        for cell in nbformat.read(path, as_version=4).cells
        if is_code(cell) and ("expect(" in source_of(cell) or "assert " in source_of(cell))
    ]
    assert set(asserting) == SIMULATIONS


@pytest.mark.parametrize("path", [p for p in chapters() if p.parent.name == "methods" or p.parent == ROOT], ids=lambda p: p.stem)
def test_what_has_not_been_done_yet_stands_in_a_wording(path):
    """A sentence that says so outside one would stay when it is done."""
    text = "\n".join(source_of(c) for c in nbformat.read(path, as_version=4).cells if is_prose(c))
    lines, inside, outside = text.splitlines(), False, []
    for line in lines:
        inside = line.startswith(":::{wording}") or (inside and line != ":::")
        if not inside:
            outside.append(line)
    for said in (
        "has been searched yet",
        "search has been run",
        "strategy has been run",
        "has yet checked",
        "person has checked a",
    ):
        assert said not in "\n".join(outside), path
