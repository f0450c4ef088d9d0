"""The workflows: nothing in them that others could abuse, and every key, command, target and option that they name exists.

They cannot run here, so zizmor looks for what can be abused and for expressions that cannot be read, check-jsonschema for keys and values that
the schema of workflows lacks, each line of their shell is parsed (bash -n) and each ``cordbook`` command is given to the parser that the program
itself uses. What neither checker asks for stands here: a time limit for every job, one run at a time, names of contexts, and digests with
their version.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
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


def complaints_of_checkers(*paths: Path) -> list[str]:
    """What zizmor (all that it knows, without the network) and the schema of workflows that check-jsonschema brings say of workflows.

    zizmor passes over an expression or a file that it cannot read with a warning; here that is a complaint.
    """
    programs = Path(sys.executable).parent
    abuse = subprocess.run(
        [programs / "zizmor", "--offline", "--no-config", "--no-progress", "--quiet", "--persona", "pedantic", "--format", "plain", *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    schema = subprocess.run(
        [programs / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [abuse.stdout + abuse.stderr] if abuse.returncode or "WARN" in abuse.stderr else []
    return found + ([schema.stdout + schema.stderr] if schema.returncode else [])


def complaints(path: Path) -> list[str]:
    """What is wrong with a workflow that no checker tells: limits of time and number, conditions between jobs and steps, contexts, tokens."""
    content = read(path)
    found = []
    for entry in content["on"].get("schedule", ()):
        if not re.fullmatch(r"(?:[\d*/,-]+ ){4}[\d*/,-]+", entry["cron"]):
            found.append(f"no time of cron: {entry['cron']}")
    if "cancel-in-progress" not in content.get("concurrency", ()):
        found.append("two runs at once")
    for name, job in content["jobs"].items():
        # Without a limit a job that hangs runs for six hours.
        if "timeout-minutes" not in job:
            found.append(f"{name}: no limit of time")
        needs = job.get("needs", ())
        if not set([needs] if isinstance(needs, str) else needs) <= set(content["jobs"]):
            found.append(f"{name}: needs an unknown job")
        known = {step["id"] for step in job["steps"] if "id" in step}
        named = set(re.findall(r"steps\.(\w+)", yaml.dump(job)))
        found += [f"{name}: no step {step}" for step in sorted(named - known)]
        contexts = set(re.findall(r"\$\{\{\s*([a-z]\w*)\.", yaml.dump(content)))
        found += [f"no context {context}" for context in sorted(contexts - CONTEXTS)]
        # A checkout that keeps its token would hand it to every later step.
        for step in job["steps"]:
            if (
                step.get("uses", "").startswith("actions/checkout")
                and step.get("with", {}).get("persist-credentials") is not False
            ):
                found.append(f"{name}: the token is kept")
    return found


@pytest.mark.parametrize("path", [*WORKFLOWS, *TEMPLATES], ids=lambda p: ("new-review-" if p in TEMPLATES else "") + p.stem)
def test_a_workflow_is_limited_and_names_what_there_is(path):
    assert complaints(path) == []


def test_the_checkers_of_others_find_nothing_in_any_workflow():
    assert TEMPLATES
    assert complaints_of_checkers(*WORKFLOWS, *TEMPLATES) == []


@pytest.mark.parametrize(
    "workflow, old, new",
    [
        ("check", "    timeout-minutes: 120\n", ""),
        ("check", "concurrency:\n", "env:\n"),
        ("check", "@11bd71901bbe5b1630ceea73d27597364c9af683  # v4.2.2", "@v4"),
        ("check", "          persist-credentials: false\n      - uses", "      - uses"),
        ("check", "      - run: make setup\n", "      - run: make setup\n        tiemout-minutes: 3\n"),
        ("check", "    runs-on: ubuntu-latest\n", "    runs-on: ubuntu-latest\n    retries: 3\n"),
        ("check", "permissions:\n", "secrets: all\npermissions:\n"),
        ("check", "contents: read", "contents: rad"),
        ("check", "permissions:\n  contents: read\n", ""),
        ("check", "pull_request:", "pull_request_target:"),
        ("check", "if: always()", "if: always("),
        ("check", "if: always()", "if: alwayz()"),
        ("check", "github.event.pull_request.base.sha }}", "github.event.pull_request.base.sha + }}"),
        ("check", "${{ github.event.pull_request.base", "${{ githb.event.pull_request.base"),
        ("check", "run: make setup", "run: echo '${{ github.event.pull_request.title }}'; make setup"),
        ("monthly", "permissions:\n  contents: read\n", "permissions:\n  contents: read\n  issues: write\n"),
        ("monthly", "steps.search.outcome", "steps.serach.outcome"),
        ("publish", "needs: book", "needs: bok"),
        ("publish", "cancel-in-progress: false", "cancel-in-progres: false"),
        ("weekly", "17 4 * * 1", "17 4 * *"),
        ("weekly", "matrix.python", "matrx.python"),
    ],
)  # fmt: skip
def test_a_broken_workflow_is_found(workflow, old, new, tmp_path):
    text = (ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / ".github" / "workflows" / "broken.yml"
    broken.parent.mkdir(parents=True)
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert complaints_of_checkers(broken) or complaints(broken)


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
def test_the_shell_can_be_parsed(path):
    for script in scripts(path):
        done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


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
    assert read(path)["permissions"] == {"contents": "read"}
    assert read(path)["jobs"]["search"]["permissions"] == {"contents": "read", "issues": "write"}
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
            ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_STEP_SUMMARY": str(tmp_path / "page")},
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
        # A repository that takes no issues has it on the page of the run.
        assert (tmp_path / "page").read_text().endswith(body)


@pytest.mark.parametrize("hosted", [True, False], ids=["hosted", "not hosted"])
@pytest.mark.parametrize("released", [True, False], ids=["released", "no release"])
def test_the_step_that_publishes_works_before_the_first_release_and_without_its_archive(hosted, released, tmp_path):
    """The step itself, with a gh that has the archive or not, and a cordbook that notes what it was asked."""
    [step] = [s for s in steps(ROOT / ".github" / "workflows" / "publish.yml") if "cordbook host" in s.get("run", "")]
    programs = {
        "gh": 'echo "$@" >> gh.said; ' + ("mkdir -p dist; touch dist/book-0.1.0.zip" if hosted else "exit 1"),
        ".venv/bin/cordbook": 'ls dist > cordbook.said; echo "$@" >> cordbook.said; mkdir "$2"',
    }
    for name, body in programs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "_build" / "html").mkdir(parents=True)
    (tmp_path / "_build" / "html" / "index.html").touch()
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "README.md").touch()
    if released:
        (tmp_path / "releases" / "0.1.0").mkdir()
    subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (tmp_path / "_build" / "public").is_dir()
    if not released:
        assert (tmp_path / "_build" / "public" / "index.html").is_file()
        assert not (tmp_path / "gh.said").exists()
        return
    assert (tmp_path / "gh.said").read_text() == "release download v0.1.0 --pattern *-0.1.0.zip --dir dist\n"
    assert (tmp_path / "cordbook.said").read_text() == ("book-0.1.0.zip\n" if hosted else "") + "host _build/public\n"


def test_every_python_that_is_promised_is_tried():
    """Those of the classifiers, the oldest of which is the one that pyproject.toml asks for and the one of every pull request."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    tried = {
        str(step["with"]["python-version"])
        for path in WORKFLOWS
        for step in steps(path)
        if "python-version" in step.get("with", {})
    }
    for job in read(ROOT / ".github" / "workflows" / "weekly.yml")["jobs"].values():
        tried |= set(job.get("strategy", {}).get("matrix", {}).get("python", ()))
    assert tried - {"${{ matrix.python }}"} == set(promised)
    assert project["requires-python"] == f">={promised[0]}"
    assert (
        read(ROOT / ".github" / "workflows" / "check.yml")["jobs"]["check"]["steps"][2]["with"]["python-version"] == promised[0]
    )
