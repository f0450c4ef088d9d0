"""The guide "Add a trial in ten minutes": every command of the page is run, with the answers that the page shows.

The page is the only source: commands stand in ``sh`` blocks, what people type or write into a file in the blocks after them.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest

from cordbook.cli import parser
from cordbook.evidence import validate
from cordbook.review.estimates.estimates import load_estimates
from tests.publish import release_book, small_book

GUIDE = "book/methods/add-a-trial.md"
STUDY = "exemplar2026"
_BLOCK = re.compile(r"^(?:\*\*(?P<caption>What [^*]+)\*\*[^\n]*\n\n```text|```sh)\n(?P<text>.*?)^```$", re.M | re.S)
_TYPES = re.compile(r"What (?P<who>\w+) types")
_WRITES = re.compile(r"What (?P<who>\w+) writes into (?P<file>[\w.]+)")


@dataclass(frozen=True)
class Block:
    """A block of the page; ``caption`` is blank for commands."""

    caption: str
    text: str


def blocks(page: str) -> list[Block]:
    return [Block(found["caption"] or "", found["text"]) for found in _BLOCK.finditer(page)]


def typed(text: str) -> str:
    """What is typed: without remarks, [Enter] is Enter alone."""
    lines = [re.sub(r"\s*(#.*)?$", "", line) for line in text.splitlines()]
    return "".join("\n" if line == "[Enter]" else f"{line}\n" for line in lines)


def fill(path: Path, text: str) -> None:
    """Write what the page says into a sheet: ``column = value`` in its only row, or ``row: column = value, ...`` into a form."""
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    for line in text.splitlines():
        row, _, pairs = line.rpartition(": ")
        for pair in pairs.split(", "):
            column, _, value = pair.partition(" = ")
            if row:
                (place,) = [x for x in lines if (x["row"], x["column"]) == (row, column)]
                place["value"] = value
            else:
                (only,) = lines
                assert column in only, column
                only[column] = value
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    path.write_text(out.getvalue(), encoding="utf-8-sig", newline="")


@pytest.fixture(scope="module")
def page(root):
    return (root / GUIDE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def walked(page, root, tmp_path_factory):
    """The whole page, done in a throwaway project; returns the copy that the page makes, and what each block printed."""
    folder = tmp_path_factory.mktemp("guide")
    project = small_book.make(root, folder / "project")
    (project / "docs").mkdir()
    (project / "docs" / "example").symlink_to(root / "docs" / "example")
    shutil.copy(root / ".gitignore", project)
    release_book.git(project, "init", "--quiet", "--initial-branch=main")
    release_book.commit(project, "The small book")
    tools = folder / "bin"
    tools.mkdir()
    (tools / "cordbook").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m cordbook "$@"\n')
    (tools / "cordbook").chmod(0o755)
    own = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    own.pop("CORDBOOK_REVIEWER", None)
    here, printed = project, []
    steps = blocks(page)
    for i, block in enumerate(steps):
        if not block.caption:
            after = steps[i + 1] if i + 1 < len(steps) else Block("", "")
            keys = typed(after.text) if _TYPES.match(after.caption) else ""
            done = subprocess.run(
                ["bash", "-euc", f"{block.text}\npwd > {shlex.quote(str(folder / 'here'))}"], cwd=here, env=own, input=keys,
                capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            here = Path((folder / "here").read_text().strip())
            printed.append((block.text, keys, done.stdout))
        elif writes := _WRITES.match(block.caption):
            fill(here / writes["file"], block.text)
        else:
            assert _TYPES.match(block.caption), f"nobody knows what to do with a block {block.caption!r}"
    return here, printed


def test_the_page_leads_to_a_study_in_the_book(walked, root):
    book, _ = walked
    assert book.name == "trying-it"
    assert validate(book / "data").errors == 0
    before, after = load_estimates(book.parent / "project")["ais-improved"], load_estimates(book)["ais-improved"]
    assert (after.k, after.events, after.n) == (before.k + 1, before.events + 9, before.n + 20)
    shown = (book / "_build" / "html" / "book" / "studies" / f"{STUDY}.html").read_text(encoding="utf-8")
    told = " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())
    assert "9 of 20 read twice" in told
    assert "2 of 9 reader Ben" in told
    assert "Table 2: all ten controls were examined" in told
    with open(book / "data" / "verifications.csv", encoding="utf-8", newline="") as file:
        (only,) = csv.DictReader(file)
    assert (only["verified_by"], only["verdict"], only["source_read"]) == ("Dee", "confirmed", "full text, Table 2")
    # The real project has none of it.
    assert STUDY not in (root / "data" / "studies.csv").read_text(encoding="utf-8")


def test_what_the_page_says_of_its_steps_holds(walked):
    """Each answer meets its question: nothing is asked that the page does not answer, and nothing typed goes to waste."""
    _, printed = walked
    by_command = {text.strip(): (keys, told) for text, keys, told in printed}
    for command, end in (
        ("cordbook screen --as Ada", "nothing waits for you any more"),
        (f"cordbook extract {STUDY} --reader Ada", "Complete. The other reading is to be made by another person"),
        (f"cordbook reconcile {STUDY} --as Cleo", "6 counts, of which two people read 6 and saw 5 alike"),
    ):
        keys, told = by_command[command]
        assert end in told, (command, told[-1500:])
    for command, (keys, told) in by_command.items():
        if keys:
            asked = len(re.findall(r" > ?", told))
            assert asked == keys.count("\n"), (command, asked, keys.count("\n"), told)
    status = by_command["cordbook validate\ncordbook status\ncordbook build"][1]
    assert "ais-improved" in status


def test_commands_named_in_the_text_exist(page):
    named = re.findall(r"`(cordbook [^`]+)`", _BLOCK.sub("", page))
    assert named
    for command in named:
        words = [w if not w.isupper() else "x" for w in shlex.split(command)[1:]]
        parser().parse_args(words)


def test_every_block_is_of_a_kind_that_is_run(page):
    fences = re.findall(r"^```[^\n]+", page, flags=re.M)
    assert len(fences) == len(blocks(page))
    assert sum(not b.caption for b in blocks(page)) > 8
