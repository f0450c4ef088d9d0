"""`cordbook validate` and `cordbook references`: exit codes, where they look, what they print."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cordbook.cli import main
from cordbook.evidence import find_data_dir

DATA = find_data_dir(Path(__file__).parent)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("raw"))
    shutil.copy(DATA.parent / "references.bib", tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def run(*words: str) -> int:
    return main(words)


def test_the_data_of_the_project_passes(monkeypatch, capsys):
    """Run from a folder deep in the project, as people do."""
    monkeypatch.chdir(DATA.parent / "tests" / "cli")
    assert run("validate") == 0
    assert " 0 errors, " in capsys.readouterr().out


def test_errors_give_1_and_all_are_shown(project, capsys):
    arms = project / "data" / "arms.csv"
    arms.write_text(
        arms.read_text(encoding="utf-8").replace("natural_course", "nature").replace(",170,", ",many,"),
        encoding="utf-8",
    )
    assert run("validate", str(project / "data")) == 1
    out = capsys.readouterr().out
    assert "allowed-values" in out and "[type]" in out
    assert 'row 2, n = "many"' in out
    assert "To do: " in out


def test_what_cannot_be_read_gives_2(project, capsys):
    (project / "data" / "arms.csv").unlink()
    (project / "data" / "studies.csv").write_bytes(b"PK\x03\x04")
    assert run("validate", str(project / "data")) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "arms.csv" in shown.err and "studies.csv" in shown.err


@pytest.mark.parametrize("where", ["nowhere", "empty", "file"])
def test_a_folder_without_tables_gives_2(where, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    assert run("validate", str(tmp_path / where)) == 2
    assert "datapackage.json" in capsys.readouterr().err


def test_outside_a_project_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("validate") == 2
    assert "No project was found" in capsys.readouterr().err


def test_json_holds_every_problem(project, capsys):
    arms = project / "data" / "arms.csv"
    arms.write_text(arms.read_text(encoding="utf-8").replace(",170,", ",-1,"), encoding="utf-8")
    assert run("validate", str(project / "data"), "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["errors"] == sum(p["severity"] == "error" for p in report["problems"])
    problem = next(p for p in report["problems"] if p["rule"] == "range")
    assert (problem["file"], problem["row"], problem["column"], problem["value"]) == ("arms.csv", 2, "n", "-1")
    assert problem["message"] and problem["remedy"]
    (project / "data" / "arms.csv").unlink()
    assert run("validate", str(project / "data"), "--json") == 2
    assert json.loads(capsys.readouterr().out)["errors"] == 1


def test_terminal_codes_in_data_are_shown_not_obeyed(project, capsys):
    arms = project / "data" / "arms.csv"
    arms.write_text(arms.read_text(encoding="utf-8").replace("natural_course", "\x1b[2Jnature", 1), encoding="utf-8")
    assert run("validate", str(project / "data")) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_validation_waits_for_no_heavy_library():
    """The command starts at once: neither pandas nor frictionless is imported for it."""
    code = (
        "import sys; from pathlib import Path; from cordbook.evidence.rules.validation import validate; "
        "validate(Path(sys.argv[1])); print(sorted({'pandas', 'frictionless', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(DATA)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_references_writes_and_checks(project, capsys):
    path = project / "references.bib"
    sound = path.read_bytes()
    assert run("references", str(project / "data"), "--check") == 0
    path.write_bytes(sound + b"\n% edited\n")
    assert run("references", str(project / "data"), "--check") == 1
    assert run("references", str(project / "data")) == 0
    assert path.read_bytes() == sound
    assert "written" in capsys.readouterr().out
    assert [p.name for p in project.iterdir() if p.name.startswith(".references")] == []


def test_references_of_an_unreadable_folder_gives_2(tmp_path, capsys):
    assert run("references", str(tmp_path)) == 2
    assert "datapackage.json" in capsys.readouterr().err
