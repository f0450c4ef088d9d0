"""The commands of who works on it: make's targets for tests, one room at a time, and the check of the code."""

from __future__ import annotations

import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ROOMS = sorted(p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and any(p.glob("test_*.py")))


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """What make would do: nothing is run."""
    return subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", ["test", "quick"])
@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_tested_alone_with_the_examples_of_its_docstrings(target, room):
    said = make(target, f"ROOM={room}").stdout
    [command] = [line for line in said.splitlines() if "pytest" in line]
    package = f"analysis/cordbook/{room}"
    assert f" tests/{room} " in command
    assert (f" {package} " in command) == (ROOT / package).is_dir()
    assert "--doctest-modules" in command
    assert not {" tests ", " analysis "} & set(re.findall(r" \w+(?= )", command))


def test_a_room_that_does_not_exist_is_named_with_those_that_do():
    done = subprocess.run(["make", "room", "ROOM=kitchen"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no room named kitchen" in done.stderr
    assert all(room in done.stderr for room in ROOMS)


def test_each_run_leaves_out_what_it_says():
    assert '-m "not slow"' in make("test").stdout
    assert '-m "not slow and not browser and not book and not long"' in make("quick").stdout
    assert '-m "not slow and not browser and not book"' in make("quick", "ROOM=synthesis").stdout
    everything = make("test-all").stdout
    assert "CORDBOOK_TESTS=thorough" in everything
    assert "--nbval" in everything
    assert " -m " not in everything.split("pytest", 1)[1]


def test_what_lands_is_checked_by_ruff_of_one_version():
    assert "make lint" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert {".venv/bin/ruff check", ".venv/bin/ruff format --check"} <= {hook["entry"] for hook in hooks}
    said = make("lint").stdout
    assert "ruff check analysis tests" in said
    assert "ruff format --check analysis tests" in said
    pinned = re.search(r'"ruff(==[\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))[1]
    assert re.search(rf"(?m)^ruff{re.escape(pinned)} ", (ROOT / "requirements-test.lock").read_text(encoding="utf-8"))


def test_types_are_checked_by_mypy_of_one_version():
    """The rooms that everything stands on strictly, the arguments of calls in all; what is not checked is named, library by library, each with its reason."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert any(hook["entry"].startswith(".venv/bin/mypy") and hook["pass_filenames"] is False for hook in hooks)
    assert ".venv/bin/mypy" in make("lint").stdout
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings = project["tool"]["mypy"]
    assert settings["files"] == ["analysis/cordbook"]
    loosened = {m for part in settings["overrides"] if "disable_error_code" in part for m in part["module"]}
    assert not {f"cordbook.{room}.*" for room in ("core", "evidence", "synthesis")} & loosened
    assert not any("call-arg" in part.get("disable_error_code", ()) for part in settings["overrides"])
    assert settings["strict"]
    assert "ignore_missing_imports" not in settings
    [pinned] = [need for need in project["project"]["optional-dependencies"]["test"] if need.startswith("mypy")]
    assert re.search(rf"(?m)^{re.escape(pinned)} ", (ROOT / "requirements-test.lock").read_text(encoding="utf-8"))


def test_every_line_that_mypy_leaves_out_carries_its_code_and_a_reason():
    for room in ("core", "evidence", "synthesis"):
        for path in (ROOT / "analysis" / "cordbook" / room).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if "type: ignore" in line:
                    assert re.search(r"# type: ignore\[[a-z-]+\]  # \w+", line), f"{path.name}: {line.strip()}"


def test_a_warning_is_an_error_and_what_is_ignored_has_a_reason_and_a_place():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("filterwarnings = [\n")[1].split("\n]")[0].splitlines()
    assert lines[0].strip() == '"error",'
    for before, line in pairwise(lines):
        if not line.lstrip().startswith("#"):
            assert before.lstrip().startswith("#"), f"no reason is given for {line.strip()}"
            _, message, kind, module = line.strip().strip('",').split(":")
            assert message and kind and module, line
