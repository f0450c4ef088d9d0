"""Chapters are executed when data, package or code changed, and not otherwise; a failure loses nothing."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from cordbook.core.project import Project
from cordbook.core.store import store_of
from cordbook.publish.execute import forked_kernels
from cordbook.publish.execute.chapters import ChapterFailed, ContentsError, chapters, pages, refresh, stale_chapters
from cordbook.publish.execute.privacy import kernel_environment, private_in


def notebook(*code):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(code)])
    return nbformat.writes(nb)


@pytest.fixture
def small(tmp_path, root):
    """A small project: two chapters, one table."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers.csv").write_text("a\n1\n")
    (tmp_path / "_config.yml").write_text("title: x\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: book/two\n  - file: book/prose\n")
    (tmp_path / "book").mkdir()
    (tmp_path / "index.ipynb").write_text(notebook("open('data/numbers.csv').read()"))
    (tmp_path / "book" / "two.ipynb").write_text(notebook("1 + 1"))
    (tmp_path / "book" / "prose.md").write_text("# Prose\n")
    (tmp_path / "book" / "left_out.ipynb").write_text(notebook("raise SystemExit"))
    return Project(tmp_path)


def quiet(_):
    pass


def test_chapters_are_the_notebooks_of_the_contents(small):
    assert [p.relative_to(small.root).as_posix() for p in chapters(small)] == ["index.ipynb", "book/two.ipynb"]


def test_what_has_run_is_not_run_again_until_something_changes(small):
    assert len(refresh(small, report=quiet)) == 2
    stored = json.loads((small.root / "book" / "two.ipynb").read_text())
    assert stored["cells"][0]["outputs"][0]["data"]["text/plain"] == ["2"]
    assert refresh(small, report=quiet) == []

    (small.data / "numbers.csv").write_text("a\n2\n")
    assert [p.name for p in stale_chapters(small)] == ["index.ipynb"]
    refresh(small, report=quiet)
    assert "2" in json.loads((small.root / "index.ipynb").read_text())["cells"][0]["outputs"][0]["data"]["text/plain"][0]

    (small.root / "book" / "two.ipynb").write_text(notebook("2 + 2"))
    assert [p.name for p in refresh(small, report=quiet)] == ["two.ipynb"]


def test_outputs_edited_by_hand_are_made_anew(small):
    refresh(small, report=quiet)
    path = small.root / "book" / "two.ipynb"
    path.write_text(path.read_text().replace('"2"', '"3"'))
    assert [p.name for p in refresh(small, report=quiet)] == ["two.ipynb"]
    assert '"2"' in path.read_text()


def test_executing_twice_gives_the_same_bytes(small):
    refresh(small, report=quiet)
    before = (small.root / "index.ipynb").read_bytes()
    refresh(small, report=quiet, force=True)
    assert (small.root / "index.ipynb").read_bytes() == before


def test_a_chapter_that_fails_is_named_and_left_as_it_was(small):
    path = small.root / "book" / "two.ipynb"
    path.write_text(notebook("raise ValueError('numbers ran out')"))
    before = path.read_bytes()
    with pytest.raises(ChapterFailed, match=r"book/two\.ipynb[\s\S]*numbers ran out"):
        refresh(small, report=quiet)
    assert path.read_bytes() == before
    assert [p.name for p in stale_chapters(small)] == ["two.ipynb"]


def test_a_lost_or_broken_record_only_means_running_again(small):
    refresh(small, report=quiet)
    for entry in store_of(small).folder.glob("??/*"):
        entry.write_text("{")
    assert len(stale_chapters(small)) == 2
    shutil.rmtree(small.cache)
    assert len(refresh(small, report=quiet)) == 2


def test_no_stray_files_are_left(small):
    refresh(small, report=quiet)
    assert sorted(p.name for p in Path(small.root / "book").iterdir()) == ["left_out.ipynb", "prose.md", "two.ipynb"]


def test_what_is_printed_in_pieces_is_stored_as_one_and_stays_behind_the_figure_it_follows(small):
    """A kernel sends what was printed every fifth of a second, so that a busy machine would store other outputs than a quiet one."""
    code = "import time\nfor i in range(3):\n    print(i)\n    time.sleep(0.4)\ndisplay(4)\nprint(5)\ntime.sleep(0.4)\nprint(6)"
    (small.root / "book" / "two.ipynb").write_text(notebook(code))
    refresh(small, report=quiet)
    outputs = nbformat.read(small.root / "book" / "two.ipynb", as_version=4).cells[0].outputs
    assert [output.get("text", "figure") for output in outputs] == ["0\n1\n2\n", "figure", "5\n6\n"]


@pytest.mark.parametrize("forked", [True, False])
def test_a_chapter_gets_none_of_the_builders_variables_but_those_of_the_short_list(small, monkeypatch, forked):
    monkeypatch.setenv("A_TOKEN", "s3cr3t-of-the-builder")
    monkeypatch.setenv("DATABASE", "of-the-builder")
    if not forked:
        monkeypatch.setattr(forked_kernels, "can_fork", lambda: False)
    asked = "import os\n[name in os.environ for name in ('A_TOKEN', 'DATABASE', 'PATH')]"
    (small.root / "book" / "two.ipynb").write_text(notebook(asked))
    refresh(small, report=quiet)
    assert "[False, False, True]" in (small.root / "book" / "two.ipynb").read_text()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os\nos.getcwd()", "the project's folder on this machine"),
        ("print('s3cr3t-' + 'of-the-builder')", "the value of the variable A_TOKEN"),
    ],
)
def test_what_tells_of_the_machine_is_not_stored(small, monkeypatch, code, said):
    monkeypatch.setenv("A_TOKEN", "s3cr3t-of-the-builder")
    path = small.root / "book" / "two.ipynb"
    path.write_text(notebook(code))
    before = path.read_bytes()
    with pytest.raises(ChapterFailed, match=said):
        refresh(small, report=quiet)
    assert path.read_bytes() == before


def test_addresses_and_longer_names_are_no_paths_of_this_machine():
    root = Path("/work/main")
    texts = ["https://example.org/work/main", "see /work/mainly", "a/work/main"]
    assert [list(private_in(text, root, {"HOME": "/root"})) for text in texts] == [[], [], []]
    assert list(private_in("in /root/notes", root, {"HOME": "/root"})) == ["the home folder (/root)"]


@pytest.mark.parametrize("name", ["CORDBOOK_CONTACT", "APPDATA", "DATABASE"])
def test_what_a_kernel_gets_may_not_stand_in_a_book_for_that(tmp_path, name):
    """Whom sources may write to is the builder's own, and so is the folder of a user of Windows."""
    value = "ada.example@example.org"
    assert list(private_in(f"ask {value}", tmp_path, {name: value})) == [f"the value of the variable {name}"]
    assert (name in kernel_environment({name: value})) == (name == "APPDATA")


def test_a_page_of_the_contents_that_is_not_there_is_an_error(small):
    """A folder deleted midway: the pages of before would go out as if they were today's."""
    (small.root / "book" / "two.ipynb").unlink()
    with pytest.raises(ContentsError, match="names pages that are not there, as .ipynb or .md: book/two. Put them back"):
        chapters(small)


@pytest.mark.parametrize(
    ("text", "told"), [("a: [", "line 1|line 2"), ("- a", "holds no names"), ("\xff", "not"), (None, "not found")]
)
def test_contents_that_cannot_be_read_are_told(tmp_path, text, told):
    if text is not None:
        (tmp_path / "_toc.yml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ContentsError, match=told):
        pages(Project(tmp_path))
