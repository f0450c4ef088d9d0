"""Marks are set by what a test uses, and what is left to the weekly run is told of."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import marks

HERE = Path(__file__).parent
ROOT = HERE.parent
TEST = """
import pytest

@pytest.fixture(scope="module")
def browser():
    return None

@pytest.fixture
def tab(browser):
    return browser

@pytest.fixture(scope="session")
def once():
    return None

def test_opens(tab): ...

def test_reads(once): ...

def test_counts(): ...
"""


def test_a_test_that_uses_a_browser_or_a_book_is_marked_by_itself(tmp_path, root):
    """Also where a fixture of its own asks for it; collected as the tests of this folder are."""
    (tmp_path / "test_new.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--collect-only", "-q", "-c", str(root / "pyproject.toml")]
    for asked, found in (("browser", {"test_opens"}), ("book", {"test_reads"}), ("not browser and not book", {"test_counts"})):
        done = subprocess.run(
            [*command, "-m", asked, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert set(re.findall(r"::(\w+)", done.stdout)) == found, done.stdout + done.stderr


@pytest.mark.parametrize("names", marks.FIXTURES.values(), ids=list(marks.FIXTURES))
def test_the_fixtures_that_mark_exist(names):
    """A fixture under a new name would mark nothing."""
    defined = {
        node.name
        for path in HERE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert names <= defined


def test_files_that_begin_first_exist():
    assert [name for name in (*marks.LONGEST, *marks.LONG) if not (ROOT / name).is_file()] == []
    assert [marks.turn_of(f"{name}::test_x") for name in (*marks.LONGEST, "tests/test_marks.py")] == list(
        range(len(marks.LONGEST) + 1)
    )


def test_each_file_that_leaves_something_to_the_weekly_run_is_told_of():
    told = (HERE / "README.md").read_text(encoding="utf-8")
    leaves = re.compile(r"\bmark\.slow\b|\bevery\(\d+\)")
    files = [p.relative_to(HERE).as_posix() for p in HERE.rglob("test_*.py") if p != Path(__file__)]
    found = [name for name in files if leaves.search((HERE / name).read_text(encoding="utf-8"))]
    assert found
    assert [name for name in found if f"`{name}`" not in told] == []


@pytest.mark.parametrize("name", marks.EXAMPLES)
def test_the_profile_says_how_many_examples_are_tried(name, monkeypatch):
    monkeypatch.setenv("CORDBOOK_TESTS", name)
    assert marks.examples(50) == {"quick": 10, "ci": 50, "thorough": 500}[name]
    assert marks.every(8) == (1 if name == "thorough" else 8)
