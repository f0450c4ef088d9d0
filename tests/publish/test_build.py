"""A build does what is needed and no more, and gives what a clean build gives."""

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cordbook.core import store
from cordbook.core.project import Project
from cordbook.core.store import store_of
from cordbook.errors import NotWritten
from cordbook.publish.build.build import BuildFailed, build
from cordbook.publish.execute.chapters import ChapterFailed, ContentsError
from tests.publish.conftest import edited, quiet, site_of, sources_to
from tests.publish.small_book import set_events, set_value

CELL = "lima2010.treated.ais_improved.all.27.7"
#: What is edited, and the chapters that read it.
EDITS = {
    "an outcome": (["data/outcomes.csv", "data/extractions.csv"], lambda d: set_events(d, CELL, 12), {"index.ipynb", "book/one.ipynb"}),
    "a definition": (["data/glossary.csv"], lambda d: set_value(d, "glossary", 0, "plain_definition", "Edited."), {"book/two.ipynb"}),
    "a table that no chapter reads": (["data/seeds.csv"], lambda d: set_value(d, "seeds", 0, "note", "Edited."), set()),
    "a study of an estimate": (
        ["data/studies.csv"],
        lambda d: _set_by_key(d, "studies", "lima2010", "country", "Spain"),
        {"book/one.ipynb"},
    ),
    "a declaration": (["data/syntheses.yml"], lambda d: _replace(d / "syntheses.yml", "title: Tumour", "title: Tumours"), {"index.ipynb"}),
    "the date": (["data/review.yml"], lambda d: _replace(d / "review.yml", "baseline: 2026-11-20", "baseline: 2026-11-19"), set()),
}  # fmt: skip


def _set_by_key(data: Path, table: str, key: str, column: str, value: str) -> None:
    lines = (data / f"{table}.csv").read_text(encoding="utf-8").splitlines()[1:]
    set_value(data, table, next(i for i, line in enumerate(lines) if line.startswith(f"{key},")), column, value)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_second_build_finds_nothing_to_do_and_touches_nothing(book):
    build(book, report=quiet)
    before = {p: p.stat().st_mtime_ns for p in book.site.rglob("*")}
    again = build(book, report=quiet)
    assert again.unchanged
    assert again.studies == 10
    assert {p: p.stat().st_mtime_ns for p in book.site.rglob("*")} == before


def test_finding_nothing_to_do_loads_neither_sphinx_nor_pandas(book):
    build(book, report=quiet)
    code = (
        "import sys; from pathlib import Path; from cordbook.core.project import Project; from cordbook.publish.build.build import build\n"
        f"assert build(Project(Path({str(book.root)!r})), report=print).unchanged\n"
        "sys.exit(any(m in sys.modules for m in ('sphinx', 'pandas', 'numpy', 'nbformat')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_executes_what_read_it_and_gives_the_site_of_a_clean_build(book, clean_site, name):
    files, edit, expected = EDITS[name]
    with edited(book, *files):
        build(book, report=quiet)
        edit(book.data)
        done = build(book, report=quiet)
        assert set(done.executed) == expected
        mine, clean = site_of(book), clean_site(book)
        assert mine.keys() == clean.keys()
        assert [path for path in mine if mine[path] != clean[path]] == []


def test_prose_and_titles_reach_every_page(book, clean_site):
    with edited(book, "book/prose.md"):
        _replace(book.root / "book" / "prose.md", "# Prose", "# Renamed prose")
        done = build(book, report=quiet)
        assert done.executed == ()
        assert "Renamed prose" in (book.site / "index.html").read_text(encoding="utf-8")
        assert site_of(book) == clean_site(book)


def test_the_site_is_made_anew_where_a_file_of_it_was_lost_or_changed(book):
    build(book, report=quiet)
    good = site_of(book)
    (book.site / "book" / "prose.html").unlink()
    build(book, report=quiet)
    assert site_of(book) == good
    (book.site / "index.html").write_text("something else", encoding="utf-8")
    assert not build(book, report=quiet).unchanged
    assert site_of(book) == good


@pytest.mark.parametrize("fault", ["damaged", "emptied", "of another time"])
def test_an_accident_of_the_store_costs_a_build_and_changes_no_page(book, fault):
    build(book, report=quiet)
    good, executed = site_of(book), {"index.ipynb", "book/one.ipynb", "book/two.ipynb"}
    for entry in store_of(book).folder.glob("??/*"):
        if fault == "damaged":
            entry.write_bytes(entry.read_bytes()[:-7])
        elif fault == "emptied":
            entry.unlink()
        else:
            os.utime(entry, (0, 0))
    again = build(book, report=quiet)
    assert again.unchanged == (fault == "of another time")
    assert set(again.executed) == (set() if again.unchanged else executed)
    assert site_of(book) == good


def test_a_store_that_cannot_be_written_is_told_and_the_book_is_built(book, monkeypatch):
    """A full disk, but for the site: everything is computed, and computed again by the next build."""
    build(book, report=quiet)
    good, said = site_of(book), []

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_whole", full)
        assert not build(book, report=said.append, force=True).unchanged
    assert site_of(book) == good
    assert len([line for line in said if "No space left on device" in line]) == 1
    assert not build(book, report=quiet).unchanged
    assert build(book, report=quiet).unchanged
    assert site_of(book) == good


def test_a_chapter_that_fails_leaves_the_last_good_book(book):
    build(book, report=quiet)
    good = site_of(book)
    with edited(book, "book/two.ipynb"):
        _replace(book.root / "book" / "two.ipynb", "len(review", "leng(review")
        with pytest.raises(ChapterFailed, match="book/two.ipynb"):
            build(book, report=quiet)
        assert site_of(book) == good
    assert build(book, report=quiet).index.is_file()
    assert site_of(book) == good


def test_bad_data_leaves_the_last_good_book_and_is_named(book):
    build(book, report=quiet)
    good = site_of(book)
    with edited(book, "data/outcomes.csv", "data/extractions.csv"):
        set_events(book.data, CELL, 99)
        with pytest.raises(BuildFailed, match=r"outcomes\.csv[\s\S]*events-not-above-n"):
            build(book, report=quiet)
    assert site_of(book) == good


def test_a_save_during_the_build_is_in_the_book(book):
    """Data saved while chapters run: the build goes round again and ends with what was saved."""
    with edited(book, "data/glossary.csv", "data/review.yml"):
        set_value(book.data, "glossary", 0, "plain_definition", "First.")

        def save(line: str) -> None:
            said.append(line)
            if line == "writing pages" and said.count(line) == 1:
                _replace(book.data / "review.yml", "baseline: 2026-11-20", "baseline: 2026-11-18")

        said: list[str] = []
        build(book, report=save)
        assert any("changed while" in line for line in said)
        assert "18 November 2026" in (book.site / "book" / "prose.html").read_text(encoding="utf-8")
    build(book, report=quiet)


def test_plain_jupyter_book_after_it_changes_nothing(book):
    build(book, report=quiet)
    before = {p: c for p, c in site_of(book).items() if p.endswith((".html", ".js", ".inv", ".css"))}
    run = "from jupyter_book.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", run, "build", "."], cwd=book.root, check=True, capture_output=True)
    after = site_of(book)
    assert {p: after[p] for p in before} == before
    done = build(book, report=quiet)
    assert done.executed == ()
    assert {p: c for p, c in site_of(book).items() if p in before} == before


def test_two_builds_at_once_wait_for_each_other(book, tmp_path):
    project = sources_to(book, tmp_path / "two")
    command = [sys.executable, "-m", "cordbook", "build"]
    first = subprocess.Popen(command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for _ in range(400):
        if (project.cache / "lock").is_file() and (project.cache / "lock").read_text():
            break
        time.sleep(0.02)
    second = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    said, _ = first.communicate()
    assert first.returncode == 0, said
    assert second.returncode == 0, second.stderr
    assert "another build is running" in second.stdout
    assert "nothing has changed" in second.stdout
    assert Project(project.root).site.is_dir()


def test_a_chapter_that_is_gone_stops_the_build_and_the_book_of_before_stands(book, tmp_path):
    project = Project(shutil.copytree(book.root, tmp_path / "gone"))
    before = site_of(project)
    (project.root / "book" / "one.ipynb").unlink()
    with pytest.raises(ContentsError, match="book/one"):
        build(project, report=quiet)
    assert site_of(project) == before


def test_a_disk_that_is_full_when_the_book_is_published_leaves_the_one_before(book, tmp_path, monkeypatch):
    """The last moment of a build is the one that needs most room."""
    project = Project(shutil.copytree(book.root, tmp_path / "full"))
    before = site_of(project)
    set_events(project.data, CELL, 4)
    with monkeypatch.context() as patched:

        def full(*arguments: object, **named: object) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr("shutil.copy2", full)
        with pytest.raises(NotWritten, match="cannot be written: No space left on device. Make room on the disk") as told:
            build(project, report=quiet)
    assert len(str(told.value).splitlines()) == 1
    assert site_of(project) == before
    assert not list((project.root / "_build").glob(".swap-*"))
    assert not build(project, report=quiet).unchanged
    assert site_of(project) != before
