"""The set-up: one at a time, also where one is killed; what it installs has a digest in the lock, its own build tool among it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
#: What tools/setup and the module of locks need; a tree of its own, so that no real environment is touched.
NEEDED = (
    "tools/setup",
    "tools/locked.py",
    "requirements.lock",
    "requirements-test.lock",
    "pyproject.toml",
    "analysis/cordbook/__init__.py",
    "analysis/cordbook/errors.py",
    "analysis/cordbook/core",
)
#: Stands in for pip and venv: notes what it is asked, and stays in "install -r" until it may go on. It brings uv where there is a file for it.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"pip --version"*) ;;
  *"install"*" -r "*"/uv.txt")
    cp "$(echo "$*" | sed 's/.* -r //')" asked-of-uv.txt
    cp uv .venv/bin/uv ;;
  *"install"*" -r "*)
    echo "begin $$" >> pip.log
    while [ ! -e go ]; do sleep 0.05; done
    echo "end $$" >> pip.log ;;
  *"install"*"--editable"*) echo "$*" >> editable.log ;;
  "-c import cordbook") ;;
  *) exec REAL "$@" ;;
esac
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in NEEDED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__")) if source.is_dir() else shutil.copy2(
            source, target
        )
    python = tmp_path / "python"
    python.write_text(PYTHON.replace("REAL", sys.executable))
    python.chmod(0o755)
    return tmp_path


@pytest.fixture
def begin(tree: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Begins a set-up, whose words go into a file; none outlives the test."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        with (tree / name).open("wb") as words:
            begun.append(
                subprocess.Popen(
                    ["tools/setup"], cwd=tree, env={**os.environ, "PYTHON": str(tree / "python")}, stdout=words, stderr=words,
                    start_new_session=True,
                )
            )  # fmt: skip
        return begun[-1]

    yield start
    (tree / "go").touch()
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(holds: Callable[[], bool]) -> None:
    """Wait for what other processes do."""
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("what was waited for did not come")


def said(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_the_second_of_two_waits_says_so_in_one_line_and_finds_the_work_done(tree, begin):
    first = begin("first")
    until(lambda: "begin" in said(tree / "pip.log"))
    second = begin("second")
    until(lambda: "waiting" in said(tree / "second"))
    assert second.poll() is None
    (tree / "go").touch()
    assert (first.wait(), second.wait()) == (0, 0)
    assert [line.split()[0] for line in said(tree / "pip.log").splitlines()] == ["begin", "end"]
    assert re.fullmatch(r"setup: another set-up is running \(process \d+\); waiting for it to end\n", said(tree / "second"))
    assert "network" not in said(tree / "first") + said(tree / "second")


def test_the_lock_goes_with_a_killed_holder_and_the_next_one_does_the_work(tree, begin):
    first = begin("first")
    until(lambda: "begin" in said(tree / "pip.log"))
    second = begin("second")
    until(lambda: "waiting" in said(tree / "second"))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    until(lambda: said(tree / "pip.log").count("begin") == 2)
    (tree / "go").touch()
    assert second.wait() == 0
    assert said(tree / "editable.log").count("\n") == 1


def test_what_a_killed_set_up_left_running_keeps_the_next_one_waiting(tree, begin):
    """The shell is killed alone; its pip still writes into the environment."""
    first = begin("first")
    until(lambda: "begin" in said(tree / "pip.log"))
    first.kill()
    first.wait()
    second = begin("second")
    until(lambda: "waiting" in said(tree / "second"))
    assert said(tree / "pip.log").count("begin") == 1
    (tree / "go").touch()
    assert second.wait() == 0
    assert [line.split()[0] for line in said(tree / "pip.log").splitlines()] == ["begin", "end", "begin", "end"]


def test_who_has_no_right_to_write_gets_one_line(tree, begin):
    (tree / ".cordbook").write_text("not a folder")
    assert begin("words").wait() == 1
    assert len(said(tree / "words").splitlines()) == 1
    assert "cannot be written" in said(tree / "words")
    assert "Traceback" not in said(tree / "words")


UV = """#!/bin/sh
echo "$*" >> uv.log
exit STATUS
"""


@pytest.mark.parametrize(("what", "lock"), [("", "requirements.lock"), ("test", "requirements-test.lock")])
def test_uv_installs_where_it_can_and_what_it_compares_is_digests(tree, what, lock):
    uv = tree / "uv"
    uv.write_text(UV.replace("STATUS", "0"))
    uv.chmod(0o755)
    done = subprocess.run(
        ["tools/setup", *what.split()], cwd=tree, env={**os.environ, "PYTHON": str(tree / "python")}, check=False
    )
    assert done.returncode == 0
    assert said(tree / "uv.log").strip() == f"pip install --quiet --python .venv/bin/python --require-hashes -r {lock}"
    assert re.match(r"uv==\S+ \\\n    --hash=sha256:", said(tree / "asked-of-uv.txt"))
    assert "==" not in said(tree / "asked-of-uv.txt").split("\n", 1)[1]
    assert not (tree / "pip.log").exists()


def test_where_uv_cannot_pip_installs(tree, begin):
    (tree / "uv").write_text(UV.replace("STATUS", "1"))
    (tree / "uv").chmod(0o755)
    (tree / "go").touch()
    assert begin("words").wait() == 0
    assert "install" in said(tree / "uv.log")
    assert said(tree / "pip.log").count("end") == 1


def test_what_the_tests_need_holds_what_the_book_does(tree):
    """A set-up for the tests is one for the book; the other way round it is not."""
    (tree / "go").touch()

    def installs(*what: str) -> int:
        before = said(tree / "pip.log").count("end")
        subprocess.run(["tools/setup", *what], cwd=tree, env={**os.environ, "PYTHON": str(tree / "python")}, check=True)
        return said(tree / "pip.log").count("end") - before

    assert [installs(), installs(), installs("test"), installs(), installs("book")] == [1, 0, 1, 0, 0]
    pins = [set(re.findall(r"(?m)^\S+==\S+", said(ROOT / name))) for name in ("requirements.lock", "requirements-test.lock")]
    assert pins[0] < pins[1]


def test_the_package_is_built_by_what_the_lock_brings_with_its_digest(tree, begin):
    (tree / "go").touch()
    assert begin("words").wait() == 0
    assert {"--no-build-isolation", "--no-index", "--no-deps"} <= set(said(tree / "editable.log").split())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for need in map(Requirement, project["build-system"]["requires"]):
        [pin] = re.findall(rf"(?m)^{re.escape(canonicalize_name(need.name))}==(\S+) \\\n    --hash=sha256:[0-9a-f]{{64}}", locked)
        assert need.specifier.contains(pin)
    # Asked for by name, so that it stays in the lock whatever else needs it.
    assert set(project["build-system"]["requires"]) <= set(project["project"]["optional-dependencies"]["setup"])


def test_every_package_of_the_lock_has_a_digest():
    assert "--require-hashes" in (ROOT / "tools" / "setup").read_text(encoding="utf-8")
    locks = said(ROOT / "requirements.lock") + said(ROOT / "requirements-test.lock")
    for entry in re.split(r"\n(?=\S)", locks.strip()):
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+.*\\\n +--hash=sha256:", entry), entry.splitlines()[0]
