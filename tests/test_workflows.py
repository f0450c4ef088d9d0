"""The workflows: YAML of the documented form, and every command, file, target and option that they name exists.

They cannot run here, so each line of their shell is parsed (bash -n) and each ``cordbook`` command is given to the parser that
the program itself uses.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cordbook.cli import parser

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
#: Those of a new review are taken over as they stand.
TEMPLATES = sorted((ROOT / "analysis/cordbook/publish/starting/template/.github/workflows").glob("*.yml"))
#: An action as it must be named: by the whole digest of its commit, which nobody can move as a tag can be, with the version for people.
PINNED = re.compile(r"(?P<action>[\w.-]+/[\w./-]+)@(?P<digest>[0-9a-f]{40})  # (?P<version>v\d+\.\d+\.\d+)")
EVENTS = {"schedule", "workflow_dispatch", "pull_request", "push"}
STEP_KEYS = {
    "id",
    "if",
    "name",
    "uses",
    "with",
    "run",
    "env",
    "continue-on-error",
    "shell",
    "working-directory",
    "timeout-minutes",
}
JOB_KEYS = {"runs-on", "steps", "env", "needs", "permissions", "environment", "strategy", "if", "timeout-minutes", "concurrency"}
#: Contexts that a workflow may name in ${{ }}, as GitHub documents them.
CONTEXTS = {"github", "vars", "secrets", "matrix", "steps", "env", "needs", "runner", "job", "inputs", "strategy"}


def read(path: Path) -> dict:
    """The workflow; YAML 1.1 reads the key ``on`` as true."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in content.items()}


def steps(path: Path) -> Iterator[dict]:
    for job in read(path)["jobs"].values():
        yield from job["steps"]


def scripts(path: Path) -> Iterator[str]:
    yield from (step["run"] for step in steps(path) if "run" in step)


def calls(path: Path, name: str) -> Iterator[list[str]]:
    """The arguments of every call of a program in the shell of a workflow."""
    for script in scripts(path):
        for line in re.split(r"\n|&&|\|\||[;|]", script.replace("\\\n", " ")):
            words = shlex.split(re.sub(r"\d?>+\s*\S+", "", line))
            at = next((i for i, word in enumerate(words) if word.rsplit("/", 1)[-1] == name), None)
            if at == 0:
                yield words[1:]


def test_there_are_workflows():
    assert [p.stem for p in WORKFLOWS] == ["check", "monthly", "publish", "weekly"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_a_workflow_has_the_documented_form(path):
    content = read(path)
    assert {"name", "on", "permissions", "jobs"} <= set(content) <= {"name", "on", "permissions", "jobs", "concurrency", "env"}
    assert set(content["on"]) <= EVENTS
    for entry in content["on"].get("schedule", ()):
        assert re.fullmatch(r"(?:[\d*/,-]+ ){4}[\d*/,-]+", entry["cron"])
    for job in content["jobs"].values():
        assert {"runs-on", "steps"} <= set(job) <= JOB_KEYS
        assert set([job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", ())) <= set(content["jobs"])
        known = {step["id"] for step in job["steps"] if "id" in step}
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            assert set(step) <= STEP_KEYS
            assert set(re.findall(r"steps\.(\w+)", str(step))) <= known
        for name in re.findall(r"\$\{\{\s*([a-z]+)", yaml.dump(job)):
            assert name in CONTEXTS
    # A checkout that keeps its token would hand it to every later step.
    assert all(s["with"]["persist-credentials"] is False for s in steps(path) if s.get("uses", "").startswith("actions/checkout"))


def unpinned(text: str) -> list[str]:
    """Every action, called workflow or image that a workflow takes from elsewhere and does not pin."""
    taken = [line.split("uses:", 1)[1].strip() for line in text.splitlines() if re.match(r"\s*(- )?[\"']?uses[\"']?\s*:", line)]
    return [name for name in taken if not PINNED.fullmatch(name)]


@pytest.mark.parametrize("path", [*WORKFLOWS, *TEMPLATES], ids=lambda p: ("new-review-" if p in TEMPLATES else "") + p.stem)
def test_every_action_is_pinned_by_the_whole_digest_of_its_commit(path):
    text = path.read_text(encoding="utf-8")
    assert not unpinned(text)
    # None hides from the search by lines in a form of YAML that it does not know.
    assert len(re.findall(r"(?m)^\s*(?:- )?uses: ", text)) == sum("uses" in step for step in steps(path))


def test_an_action_has_one_digest_in_all_workflows():
    found: dict[str, set[str]] = {}
    for path in (*WORKFLOWS, *TEMPLATES):
        for action in PINNED.finditer(path.read_text(encoding="utf-8")):
            found.setdefault(action["action"], set()).add(f"{action['digest']} {action['version']}")
    assert {name for name, pins in found.items() if len(pins) > 1} == set()


@pytest.mark.parametrize(
    "name",
    ["actions/checkout@v4", "actions/checkout@main", "actions/checkout@11bd719  # v4.2.2", "docker://alpine:3.20", "./.github/actions/x",
     f"actions/checkout@{'1' * 39}  # v4.2.2", f"actions/checkout@{'1' * 41}  # v4.2.2", f"actions/checkout@{'1' * 40}", "actions/checkout"],
)  # fmt: skip
def test_what_is_not_pinned_is_found(name):
    assert unpinned(f"    steps:\n      - uses: {name}\n") == [name]
    assert not unpinned(f"      - uses: actions/checkout@{'1' * 40}  # v4.2.2\n")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_the_shell_can_be_parsed_and_holds_no_words_of_others(path):
    for script in scripts(path):
        done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        # A title of an issue or pull request in ${{ }} would be run as shell; such values go through env.
        assert "${{ github.event" not in script


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_every_cordbook_command_exists_with_its_options(path):
    found = list(calls(path, "cordbook"))
    for words in found:
        try:
            parser().parse_args(words)
        except (SystemExit, argparse.ArgumentError):
            pytest.fail(f"{path.name}: cordbook {' '.join(words)}")
    assert found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_every_target_of_make_and_every_extra_exists(path):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for words in calls(path, "make"):
        for target in words:
            assert re.search(rf"(?m)^{re.escape(target)}:", makefile), target
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for script in scripts(path):
        for extra in re.findall(r'"\.\[(\w+)\]"', script):
            assert re.search(rf"(?m)^{extra} = \[", project), extra


def test_the_monthly_run_opens_an_issue_by_the_documented_form():
    """gh issue create takes --title and --body-file, and GH_TOKEN and GH_REPO from the environment; the job may write issues."""
    path = ROOT / ".github" / "workflows" / "monthly.yml"
    [words] = calls(path, "gh")
    assert words[:2] == ["issue", "create"]
    assert {w for w in words if w.startswith("--")} == {"--title", "--body-file"}
    [step] = [s for s in steps(path) if "gh issue create" in s.get("run", "")]
    assert set(step["env"]) == {"GH_TOKEN", "GH_REPO"}
    assert read(path)["permissions"] == {"contents": "read", "issues": "write"}
    searched = [words for words in calls(path, "cordbook") if words[0] == "search"]
    assert searched == [["search", "--since-last", "--format", "markdown"]]
    # The issue is made before the run fails for a search that is not whole.
    order = [
        s.get("id") or ("issue" if "gh issue" in s.get("run", "") else "fail" if "exit 1" in s.get("run", "") else "")
        for s in steps(path)
    ]
    assert [name for name in order if name] == ["search", "references", "issue", "fail"]


def test_the_issue_of_the_month_is_made_by_its_shell(tmp_path):
    """The step itself, run with a gh that keeps what it is given: also where the search said nothing at all."""
    path = ROOT / ".github" / "workflows" / "monthly.yml"
    [step] = [s for s in steps(path) if "gh issue create" in s.get("run", "")]
    (tmp_path / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > gh.said\n')
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "_build").mkdir()
    for found, references in (("| search |\n- A title", "one\ntwo " * 20_000), ("", "")):
        (tmp_path / "_build" / "found.md").write_text(found)
        (tmp_path / "_build" / "references.txt").write_text(references)
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said = (tmp_path / "gh.said").read_text().splitlines()
        assert said[:3] == ["issue", "create", "--title"]
        assert re.fullmatch(r"Monthly search \d{4}-\d\d", said[3])
        body = (tmp_path / said[5]).read_text()
        assert body.startswith(found)
        assert body.count("````") == 2
        assert len(body) < 14_000 + len(found)
