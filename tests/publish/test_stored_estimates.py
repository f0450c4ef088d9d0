"""What stands in the store is what a fresh computation gives, whatever has changed in between."""

import re

import pytest

from cordbook.core.project import Project
from cordbook.core.store import VARIABLE, Store, store_of
from cordbook.notebook import open_review
from cordbook.review.appraisal import certainty as room
from cordbook.review.appraisal.certainty import rate
from cordbook.review.estimates import estimates as room_of_estimates
from cordbook.review.estimates import keys
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


def stored(project):
    return load_estimates(project.root, store_of(project))


def kept(project):
    """Today's certainty by way of what is kept, which is then kept."""
    estimates = stored(project)
    return rate(estimates, [e.id for e in estimates])


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
    for path in store_of(project).folder.glob("??/*"):
        path.write_bytes(b"of another version")
    assert kept(project) == before


@pytest.fixture
def counted(monkeypatch):
    """The declarations whose estimates are computed, in their order."""
    found, compute = [], room_of_estimates.compute
    monkeypatch.setattr(room_of_estimates, "compute", lambda evidence, s: found.append(s.id) or compute(evidence, s))
    return found


def test_estimates_are_computed_once_for_all_processes(project, counted):
    """Another process opens the same folder; in a kernel the builder names it."""
    before = [e.to_dict() for e in load_estimates(project.root)]
    counted.clear()
    assert [e.to_dict() for e in load_estimates(project.root, Store(store_of(project).folder))] == before
    assert counted == []


def test_a_kernel_of_a_build_finds_what_its_builder_has_computed(project, counted, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(store_of(project).folder))
    review = open_review(project.root)
    assert len(review.estimates) and counted == []
    monkeypatch.delenv(VARIABLE)
    assert open_review(project.root)["tumour"].k and counted == ["tumour"]


def test_only_what_a_row_moves_is_computed_again(project, counted):
    outcome = next(s.outcome for s in stored(project).declarations)
    change(project, "outcomes", CELL, events="13")
    estimates = stored(project)
    assert [e.to_dict() for e in estimates] == [e.to_dict() for e in load_estimates(project.root)]
    again = counted[: len(counted) - len(estimates.declarations.ids)]
    assert again and set(again) < set(estimates.declarations.ids)
    assert all(CELL in estimates[i].count_ids for i in again), outcome


def test_a_row_that_nothing_pools_computes_nothing_again(project, counted):
    cells = {cell for e in stored(project) for cell in e.count_ids}
    other = next(row["cell_id"] for row in read_table(project.data, "outcomes") if row["cell_id"] not in cells)
    change(project, "outcomes", other, confidence="low")
    assert [e.k for e in stored(project)] and counted == []


@pytest.mark.parametrize("what", ["the package", "a library", "words of titles"])
def test_keys_hold_the_code_and_the_words(project, monkeypatch, what):
    before = stored(project).key("tumour")
    if what == "the package":
        monkeypatch.setattr(keys, "package_digest", lambda: "another")
    elif what == "a library":
        monkeypatch.setattr(keys, "environment", lambda: "numpy 99")
    else:
        (project.data / "words").mkdir()
        (project.data / "words" / "routes.csv").write_text("route,label\n")
    assert stored(project).key("tumour") != before


def test_what_was_made_while_somebody_saved_is_not_kept(project):
    estimates = stored(project)
    rules = project.data / "certainty.yml"
    estimates.once("x", lambda: rules.write_text(rules.read_text() + "# saved\n") and "made of both")
    assert stored(project).once("x", lambda: "of the new") == "of the new"
    rules.write_text(rules.read_text().removesuffix("# saved\n"))
    assert stored(project).once("x", lambda: "of the old") == "of the old"


def test_data_that_changed_while_they_were_read_name_nothing(project, monkeypatch):
    read = room_of_estimates.load_evidence

    def saved_meanwhile(folder):
        found = read(folder)
        change(project, "outcomes", CELL, events="13")
        return found

    monkeypatch.setattr(room_of_estimates, "load_evidence", saved_meanwhile)
    mixed = stored(project)
    monkeypatch.undo()
    assert mixed.data == ""
    assert [e.to_dict() for e in mixed] != [e.to_dict() for e in load_estimates(project.root)]
    assert [e.to_dict() for e in stored(project)] == [e.to_dict() for e in load_estimates(project.root)]
