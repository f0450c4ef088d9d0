"""``make clean`` deletes what a build makes again and nothing else; ``make clean-all`` says what it would delete, and asks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cordbook.core.project import Project

ROOT = Path(__file__).parents[1]
#: What a build makes again.
MADE = ("_build/html/index.html", ".cordbook/cache/lock", ".cordbook/cache/store/0a/0a1b")
#: What nothing makes again, or what was asked for and not built.
KEPT = (
    ".cordbook/rejects/embase.0123.ris.rejects.txt", ".cordbook/searches/pubmed-x/state.json", ".cordbook/screening.cut-short",
    ".cordbook/transaction.json", ".cordbook/references/crossref/10.1000", "dist/cordbook-0.1.0.zip", ".venv/bin/python",
    ".hypothesis/examples/one",
)  # fmt: skip
OWN = ("data/studies.csv", "book/studies/index.ipynb", "releases/0.1.0/manifest.json")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile, its tools, and a file of every kind."""
    place = tmp_path / "a checkout"
    (place / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", place)
    shutil.copy(ROOT / "tools" / "clean", place / "tools")
    for name in (*MADE, *KEPT, *OWN, "book/studies/lima2010.md", "book/estimates/tumour.md"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    return place


def make(folder: Path, target: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """As a person types it: a make that runs these tests hands its own settings down, and its child would name its folders."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", target], cwd=folder, input=typed, capture_output=True, text=True, check=False, env=own)


def left(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_what_a_build_makes_goes_and_all_else_stays(checkout):
    before = left(checkout)
    done = make(checkout, "clean")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert before - left(checkout) == set(MADE)
    assert make(checkout, "clean").returncode == 0


def test_the_folder_that_goes_is_the_one_that_builds_write_to(checkout):
    project = Project(checkout)
    make(checkout, "clean")
    assert not project.cache.exists()
    assert project.kept.is_dir()


def test_no_room_that_takes_in_keeps_anything_where_clean_deletes():
    """One owner for each: what people and searches leave is under ``Project.kept``, what builds leave under ``Project.cache``."""
    package = ROOT / "analysis" / "cordbook"
    for path in [*(package / "intake").rglob("*.py"), *(package / "cli").rglob("*.py")]:
        assert ".cache" not in path.read_text(encoding="utf-8").replace("functools.cache", ""), path.name
    for path in (package / "publish").rglob("*.py"):
        assert "project.kept" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "no\n"])
def test_all_is_deleted_by_yes_alone(checkout, typed):
    before = left(checkout)
    done = make(checkout, "clean-all", typed)
    assert done.returncode != 0
    assert "Nothing was deleted" in done.stdout
    assert left(checkout) == before


def test_what_all_would_delete_is_named_first_with_what_nothing_makes_again(checkout):
    done = make(checkout, "clean-all", "yes\n")
    assert done.returncode == 0, done.stderr
    for name in ("_build", ".cordbook", "dist", ".venv", ".hypothesis", *(n for n in KEPT if n.startswith(".cordbook"))):
        assert name in done.stdout, name
    assert ".cordbook/cache/store" not in done.stdout
    assert left(checkout) == {"Makefile", "tools/clean", *OWN}


def test_where_nothing_was_made_nothing_is_asked(checkout):
    make(checkout, "clean-all", "yes\n")
    done = make(checkout, "clean-all")
    assert (done.returncode, done.stdout) == (0, "Nothing to delete.\n")
