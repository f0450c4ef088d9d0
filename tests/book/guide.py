"""Pages that lead through commands, walked as they stand: what commands print, with the answers that the page shows.

A page is the only source: commands stand in ``sh`` blocks, what people type or write into a file in the blocks after them.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat

from tests.conftest import copy_project
from tests.publish.release_book import commit, git

_BLOCK = re.compile(r"^(?:\*\*(?P<caption>What [^*]+)\*\*[^\n]*\n\n```text|```sh)\n(?P<text>.*?)^```$", re.M | re.S)
_TYPES = re.compile(r"What (?P<who>\w+) types")
_WRITES = re.compile(r"What (?P<who>\w+) writes? into (?P<file>[\w.-]+)")


@dataclass(frozen=True)
class Block:
    """A block of the page; ``caption`` is blank for commands."""

    caption: str
    text: str


@dataclass(frozen=True)
class Printed:
    """A block of commands that was run: what was typed, what it printed, and how long it took."""

    commands: str
    keys: str
    told: str
    seconds: float = 0.0

    @property
    def asked(self) -> int:
        """Questions that were asked."""
        return len(re.findall(r" > ?", self.told)) if self.keys else 0


def blocks(page: str) -> list[Block]:
    return [Block(found["caption"] or "", found["text"]) for found in _BLOCK.finditer(page)]


def without_blocks(page: str) -> str:
    return _BLOCK.sub("", page)


def typed(text: str) -> str:
    """What is typed: without remarks, [Enter] is Enter alone."""
    lines = [re.sub(r"\s*(#.*)?$", "", line) for line in text.splitlines()]
    return "".join("\n" if line == "[Enter]" else f"{line}\n" for line in lines)


def _named(here: Path, name: str) -> Path:
    """A file that the page names: the one that stands here, else the only one of the review with this name."""
    if (here / name).is_file():
        return here / name
    (path,) = [p for p in here.rglob(name) if "_build" not in p.parts]
    return path


def write_into(path: Path, text: str) -> None:
    """Write what the page says into a notebook as a new text cell, or into a sheet."""
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.append(nbformat.v4.new_markdown_cell(text.rstrip("\n"), id=f"added-{len(notebook.cells)}"))
        nbformat.write(notebook, path)
    else:
        _fill(path, text)


def _fill(path: Path, text: str) -> None:
    """``column = value`` in the only row of a sheet, or ``row: column = value, ...`` in a form."""
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    for line in text.splitlines():
        row, _, pairs = line.rpartition(": ")
        for pair in pairs.split(", "):
            column, _, value = pair.partition(" = ")
            if row:
                places = [x for x in lines if (x["row"], x["column"]) == (row, column)]
                assert len(places) == 1, f"{path.name} has {len(places)} lines for {row}: {column}"
                places[0]["value"] = value
            else:
                assert len(lines) == 1, f"{path.name} holds {len(lines)} rows; the page speaks of one"
                assert column in lines[0], column
                lines[0][column] = value
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    path.write_text(out.getvalue(), encoding="utf-8-sig", newline="")


def environment(folder: Path) -> dict[str, str]:
    """This environment with commands ``cordbook`` and ``python`` of this interpreter, which are put into ``folder``."""
    tools = folder / "bin"
    tools.mkdir()
    for name, arguments in (("cordbook", "-m cordbook "), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments}"$@"\n')
        (tools / name).chmod(0o755)
    own = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    own.pop("CORDBOOK_REVIEWER", None)
    return own


def walk(page: str, here: Path, folder: Path, own: dict[str, str], *, timeout: float = 300) -> tuple[Path, list[Printed]]:
    """Do the whole page, beginning in ``here``; returns the folder in which it ends, and what each block of commands printed.

    Stops at the first step whose questions are not those that the page answers. ``folder`` holds notes of the walk; ``own`` is the environment of the commands.
    """
    printed, steps = [], blocks(page)
    for i, block in enumerate(steps):
        if not block.caption:
            after = steps[i + 1] if i + 1 < len(steps) else Block("", "")
            keys = typed(after.text) if _TYPES.match(after.caption) else ""
            began = time.monotonic()
            done = subprocess.run(
                ["bash", "-euc", f"{block.text}\npwd > {shlex.quote(str(folder / 'here'))}"], cwd=here, env=own, input=keys,
                capture_output=True, text=True, timeout=timeout, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            here = Path((folder / "here").read_text().strip())
            printed.append(Printed(block.text, keys, done.stdout, time.monotonic() - began))
            assert_every_answer_meets_its_question(printed[-1:])
        elif writes := _WRITES.match(block.caption):
            write_into(_named(here, writes["file"]), block.text)
        else:
            assert _TYPES.match(block.caption), f"nobody knows what to do with a block {block.caption!r}"
    return here, printed


@dataclass(frozen=True)
class Walked:
    """A page that was walked in a checkout: the folder in which it ends, what each step printed, and the checkout."""

    book: Path
    printed: list[Printed]
    own: dict[str, str]
    project: Path


def walk_in_a_checkout(page: str, folder: Path, *, timeout: float) -> Walked:
    """Walk a page in a checkout of this project, which is made in ``folder``."""
    project = copy_project(folder / "project")
    git(project, "init", "--quiet", "--initial-branch=main")
    commit(project, "The book")
    own = environment(folder)
    return Walked(*walk(page, project, folder, own, timeout=timeout), own, project)


def assert_every_answer_meets_its_question(printed: list[Printed]) -> None:
    """Nothing is asked that the page does not answer, and nothing typed goes to waste."""
    for step in printed:
        answers = step.keys.count("\n")
        assert step.asked == answers, f"{step.commands}asked {step.asked} questions, and the page answers {answers}:\n{step.told}"


def assert_every_block_is_run(page: str) -> None:
    """Every fence of the page is of a kind that :func:`walk` knows."""
    fences = re.findall(r"^```[^\n]+", page, flags=re.M)
    assert len(fences) == len(blocks(page))
    assert sum(not block.caption for block in blocks(page)) > 8


@dataclass(frozen=True)
class Typed:
    """What a person types to do a page: how many of a kind, and the characters, each Enter among them."""

    number: int
    keys: int


def commands_typed(page: str) -> Typed:
    """The commands of a page, one a line."""
    lines = [line for block in blocks(page) if not block.caption for line in block.text.splitlines() if line]
    return Typed(len(lines), sum(len(line) + 1 for line in lines))


def answers_typed(page: str) -> Typed:
    """The answers to the questions of commands; in a terminal some need no Enter, so these keys are the most."""
    texts = [typed(block.text) for block in blocks(page) if _TYPES.match(block.caption)]
    return Typed(sum(text.count("\n") for text in texts), sum(map(len, texts)))


def cells_typed(page: str) -> Typed:
    """The values that go into sheets, each with the key that leaves its cell."""
    texts = [block.text for block in blocks(page) if _WRITES.match(block.caption)]
    values = [
        pair.partition(" = ")[2] for text in texts for line in text.splitlines() for pair in line.rpartition(": ")[2].split(", ")
    ]
    return Typed(len(values), sum(len(value) + 1 for value in values))


def effort(page: str, printed: list[Printed]) -> dict[str, object]:
    """What a walk took: what was typed, how often it was asked, and the minutes for which commands ran."""
    return {
        "commands": asdict(commands_typed(page)),
        "answers": asdict(answers_typed(page)),
        "values_in_sheets": asdict(cells_typed(page)),
        "prompts": sum(step.asked for step in printed),
        "minutes": round(sum(step.seconds for step in printed) / 60, 1),
        "processors": os.cpu_count(),
        "load_average": round(os.getloadavg()[2], 1),
        "steps": [
            {"commands": step.commands.split("\n")[:-1], "prompts": step.asked, "seconds": round(step.seconds, 1)}
            for step in printed
        ],
    }
