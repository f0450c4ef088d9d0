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
from dataclasses import dataclass
from pathlib import Path

import nbformat

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
    """A block of commands that was run: what was typed, and what it printed."""

    commands: str
    keys: str
    told: str


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

    ``folder`` holds notes of the walk; ``own`` is the environment of the commands.
    """
    printed, steps = [], blocks(page)
    for i, block in enumerate(steps):
        if not block.caption:
            after = steps[i + 1] if i + 1 < len(steps) else Block("", "")
            keys = typed(after.text) if _TYPES.match(after.caption) else ""
            done = subprocess.run(
                ["bash", "-euc", f"{block.text}\npwd > {shlex.quote(str(folder / 'here'))}"], cwd=here, env=own, input=keys,
                capture_output=True, text=True, timeout=timeout, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            here = Path((folder / "here").read_text().strip())
            printed.append(Printed(block.text, keys, done.stdout))
        elif writes := _WRITES.match(block.caption):
            write_into(_named(here, writes["file"]), block.text)
        else:
            assert _TYPES.match(block.caption), f"nobody knows what to do with a block {block.caption!r}"
    return here, printed


def assert_every_answer_meets_its_question(printed: list[Printed]) -> None:
    """Nothing is asked that the page does not answer, and nothing typed goes to waste."""
    for step in printed:
        if step.keys:
            asked = len(re.findall(r" > ?", step.told))
            assert asked == step.keys.count("\n"), (step.commands, asked, step.keys.count("\n"), step.told)


def assert_every_block_is_run(page: str) -> None:
    """Every fence of the page is of a kind that :func:`walk` knows."""
    fences = re.findall(r"^```[^\n]+", page, flags=re.M)
    assert len(fences) == len(blocks(page))
    assert sum(not block.caption for block in blocks(page)) > 8
