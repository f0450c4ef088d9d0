"""The swap is atomic: killed at any moment, the book that is served is whole, and the next build is as good as a clean one."""

import multiprocessing
import random
import shutil
import time

import pytest

from cordbook.core.project import Project
from cordbook.core.swap import clean_up, publish
from cordbook.publish.build.build import build
from tests.marks import every
from tests.publish.conftest import quiet, site_of, sources_to
from tests.publish.small_book import set_events

CELL = "lima2010.treated.ais_improved.all.27.7"
KILLS, SEED = 50 // every(5), 20261120


def _folder(path, text):
    (path / "deep").mkdir(parents=True)
    (path / "index.html").write_text(text)
    (path / "deep" / "page.html").write_text(text)


def test_a_site_is_exchanged_for_another(tmp_path):
    site, finished = tmp_path / "html", tmp_path / "work"
    _folder(finished, "new")
    (finished / ".buildinfo").write_text("x")
    publish(finished, site, leave_out=(".buildinfo",))
    (finished / "index.html").write_text("newer")
    publish(finished, site, leave_out=(".buildinfo",))
    assert (site / "index.html").read_text() == "newer"
    assert not (site / ".buildinfo").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["html", "work"]


def test_where_folders_cannot_be_exchanged_they_are_renamed(tmp_path, monkeypatch):
    monkeypatch.setattr("cordbook.core.swap._exchange", lambda one, other: False)
    site, finished = tmp_path / "html", tmp_path / "work"
    for text in ("new", "newer"):
        shutil.rmtree(finished, ignore_errors=True)
        _folder(finished, text)
        publish(finished, site)
        assert (site / "deep" / "page.html").read_text() == text


def test_the_old_site_is_put_back_when_a_rename_was_cut_off(tmp_path):
    _folder(tmp_path / ".swap-old-1", "old")
    _folder(tmp_path / ".swap-1", "half")
    clean_up(tmp_path)
    assert (tmp_path / "html" / "index.html").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["html"]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_killed_at_any_moment_the_book_is_whole_and_the_next_build_is_good(book, tmp_path):
    project = sources_to(book, tmp_path / "killed")
    build(project, report=quiet)
    good = {}
    longest = 0.0
    for events in (12, 11):
        set_events(project.data, CELL, events)
        start = time.monotonic()
        build(project, report=quiet)
        longest = max(longest, time.monotonic() - start)
        good[events] = site_of(project)
    moments, context = random.Random(SEED), multiprocessing.get_context("fork")
    for turn in range(KILLS):
        events = (12, 11)[turn % 2]
        set_events(project.data, CELL, events)
        process = context.Process(target=build, args=(project,), kwargs={"report": quiet})
        process.start()
        process.join(moments.uniform(0, longest))
        process.kill()
        process.join()
        served = site_of(project)
        assert served in good.values(), f"kill {turn}: the site is neither the old nor the new one"
    for events in (11, 12):
        set_events(project.data, CELL, events)
        build(project, report=quiet)
        assert site_of(project) == good[events]
    assert not [p.name for p in (project.root / "_build").iterdir() if p.name.startswith(".swap-")]
    assert not list(project.root.rglob(".*.ipynb.*"))
    clean = sources_to(project, tmp_path / "clean")
    build(clean, report=quiet)
    assert site_of(Project(clean.root)) == good[12]
