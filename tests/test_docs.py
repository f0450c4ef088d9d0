"""The docs for contributors: every link, file, target of make and command that they name exists, and templates have GitHub's form."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from pkgutil import resolve_name

import pytest
import yaml

from cordbook.cli import parser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *(
            ROOT / name
            for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "README.md", "tests/README.md", "data/README.md")
        ),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / ".github").rglob("*.md"),
    ]
)
DECISIONS = ROOT / "docs" / "decisions"
#: Folders that a path of this project begins with; what builds, people and another review make is not in a fresh checkout.
TOP = ("analysis", "book", "data", "docs", "tests", "tools", "benchmarks", "releases", ".github", ".ci")
MADE = ("data/readings/", "book/studies/", "book/estimates/", "releases/X.Y.Z/", "book/results/")
#: A file of the package may be named from its room on.
ROOMS = tuple(p.name for p in (ROOT / "analysis" / "cordbook").iterdir() if p.is_dir() and not p.name.startswith("_"))
_PATH = re.compile(rf"(?:{'|'.join(map(re.escape, (*TOP, *ROOMS)))})/[\w./-]*")


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code(text: str) -> list[str]:
    """What stands in backticks, and the lines of blocks of shell without their remarks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    lines = [re.sub(r"\s+#.*", "", line) for block in blocks for line in block.splitlines()]
    return [*re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)), *filter(None, lines)]


def calls(text: str, program: str) -> list[list[str]]:
    """The words after a program's name, as a person would type them; names in capitals stand for something."""
    found = []
    for line in code(text):
        words = shlex.split(line) if line.count("'") % 2 == 0 and line.count('"') % 2 == 0 else line.split()
        if words and words[0].removeprefix(".venv/bin/") == program and len(words) > 1:
            found.append([re.sub(r"[;.]$", "", word) for word in words[1:]])
    return found


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        assert goal.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", goal.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, target


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_file_that_is_named_exists(page):
    """By its path from the project, from the page's own folder, or from its room."""
    named = [found[0].rstrip(".") for span in code(page.read_text(encoding="utf-8")) if (found := _PATH.match(span))]
    places = (ROOT, page.parent, ROOT / "analysis" / "cordbook")
    lacking = [path for path in named if not any((place / path).exists() for place in places)]
    assert [path for path in lacking if not path.startswith(MADE)] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_target_of_make_exists(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for words in calls(page.read_text(encoding="utf-8"), "make"):
        for word in words:
            name, is_setting, _ = word.partition("=")
            assert re.search(rf"(?m)^{re.escape(name)} ?[:?]?=" if is_setting else rf"(?m)^{re.escape(name)}:", makefile), word


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_exists(page):
    """The command and each of its options; arguments may be left out where a page speaks of a command."""
    [commands] = [action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    for words in calls(page.read_text(encoding="utf-8"), "cordbook"):
        if words[0].startswith("-") or words[0].isupper():
            continue
        assert words[0] in commands, words
        options = {option for action in commands[words[0]]._actions for option in action.option_strings}
        assert {re.split(r"[=,]", w)[0] for w in words[1:] if w.startswith("--")} <= options, words


def test_what_docstrings_and_comments_refer_to_is_there():
    """``:func:`cordbook.room.module.name` `` and the like in the package, and its modules named by path in scripts."""
    package = ROOT / "analysis" / "cordbook"
    for path in package.rglob("*.py"):
        for name in re.findall(r":\w+:`~?(cordbook\.[\w.]+)`", path.read_text(encoding="utf-8")):
            try:
                resolve_name(name)
            except (ImportError, AttributeError):
                pytest.fail(f"{ids(path)}: {name}")
    for path in (*package.rglob("*.js"), *package.rglob("*.css")):
        named = re.findall(r"\bcordbook/[\w/]+\.py", path.read_text(encoding="utf-8"))
        assert [name for name in named if not (package.parent / name).exists()] == [], ids(path)


def test_each_way_to_add_something_touches_at_most_three_files():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## How to add")[2].partition("## Commits")[0]
    tasks = re.split(r"^### ", page, flags=re.M)[1:]
    assert [task.splitlines()[0] for task in tasks][:5] == [
        "a rule of validation", "a chart in a chapter", "a source of searches", "a field of outcomes", "a chapter",
    ]  # fmt: skip
    for task in tasks:
        rows = re.findall(r"^\| (?!file|---)", task, re.M)
        assert len(rows) <= 3, task.splitlines()[0]


def test_every_decision_has_its_parts_and_a_row_in_the_list():
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{4}) \| \[([^\]]+)\]\(([^)]+)\) \| ([\d-]+) \|$", index, re.M)
    assert [row[2] for row in rows] == [page.name for page in pages]
    assert [int(row[0]) for row in rows] == list(range(1, len(pages) + 1))
    for (number, title, name, date), page in zip(rows, pages, strict=True):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. {title}\n\nDate: {date}. Status: "), name
        assert re.findall(r"^## (.+)$", text, re.M) == ["Context", "Choice", "Consequences"], name


@pytest.mark.parametrize("form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[0-9]*.yml")), ids=ids)
def test_a_form_for_issues_has_the_documented_form(form):
    """As GitHub documents it: name, description and a body of elements with attributes, whose ids are unique."""
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(content) <= {"name", "description", "body", "title", "labels"}
    fields = [element for element in content["body"] if element["type"] != "markdown"]
    assert fields and len({field["id"] for field in fields}) == len(fields)
    for element in content["body"]:
        assert element["type"] in ("markdown", "input", "textarea", "dropdown", "checkboxes")
        assert set(element) <= {"type", "id", "attributes", "validations"}
        assert "value" in element["attributes"] if element["type"] == "markdown" else element["attributes"]["label"]


def test_no_page_for_contributors_names_an_address_of_mail():
    """Where to write to is the repository's: its private reports and the error form of the book."""
    for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"):
        assert not re.search(r"[\w.]+@[\w.]+", (ROOT / name).read_text(encoding="utf-8")), name
