"""What is kept from build to build is what a fresh computation gives, whatever has changed in between."""

import re

import pytest

from cordbook.core.project import Project
from cordbook.publish.freshness.estimate_cache import estimates_of, keep_certainty
from cordbook.review.appraisal import certainty as room
from cordbook.review.appraisal.certainty import rate
from cordbook.review.estimates.estimates import load_estimates
from tests.publish import small_book
from tests.publish.small_book import read_table, write_table

CELL = "lima2010.treated.ais_improved.all.27.7"


@pytest.fixture
def project(root, tmp_path):
    """The small book, whose estimates and their certainty are kept."""
    made = Project(small_book.make(root, tmp_path / "project"))
    kept(made)
    return made


def kept(project):
    """Today's certainty by way of what is kept, which is then kept."""
    estimates = estimates_of(project)
    found = rate(estimates, [e.id for e in estimates])
    keep_certainty(project, estimates)
    return found


def fresh(project):
    """Today's certainty, computed."""
    estimates = load_estimates(project.root)
    return rate(estimates, [e.id for e in estimates])


def change(project, table, key, **values):
    rows = read_table(project.data, table)
    row = next(row for row in rows if next(iter(row.values())) == key)
    row.update(values)
    write_table(project.data, table, rows)


def a_stricter_rule(project):
    path = project.data / "certainty.yml"
    text, found = re.subn(r"(half_width_serious:) [\d.]+", r"\1 0.001", path.read_text(encoding="utf-8"))
    assert found == 1
    path.write_text(text, encoding="utf-8")


CHANGES = {
    "the rules": a_stricter_rule,
    "how sure a reading is": lambda p: change(p, "outcomes", CELL, confidence="low"),
    "which paper a study is": lambda p: change(p, "references", "lima2010", identity_confidence="probable"),
    "a count": lambda p: change(p, "outcomes", CELL, events="13"),
    "nothing": lambda p: None,
}


@pytest.mark.parametrize("name", CHANGES)
def test_certainty_is_never_old(project, name):
    before = fresh(project)
    CHANGES[name](project)
    assert kept(project) == fresh(project)
    assert kept(project) == fresh(project)
    assert (fresh(project) == before) == (name == "nothing")


def test_certainty_that_is_kept_is_not_computed_again(project, monkeypatch):
    before = fresh(project)
    monkeypatch.setattr(room, "certainty", lambda *_: pytest.fail("computed again"))
    assert kept(project) == before


def test_a_file_of_another_version_is_only_a_cache(project):
    before = fresh(project)
    for path in project.cache.glob("estimates*.pickle"):
        path.write_bytes(b"of another version")
    assert kept(project) == before
