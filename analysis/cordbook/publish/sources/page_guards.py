"""Every guard of every page, found in the sources and judged at once, before anything is executed or written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import yaml

from cordbook.core.notebooks import is_prose
from cordbook.core.project import Project
from cordbook.publish.execute.chapters import pages
from cordbook.review.estimates.guards import GuardError, Lookup, NothingToJudge, Verdict, judge

_OPEN = re.compile(r"^(?P<indent>\s*)(?P<fence>:{3,}|`{3,})\{guard\}\s*$")
_OPTION = re.compile(r"^\s*:(?P<name>[\w-]+):\s?(?P<value>.*)$")
_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*$")
#: A sentence in a message is cut here.
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class PageGuard:
    """A guard as it stands in a page: where, what it guards, and under which condition."""

    page: str
    cell: str
    line: int
    condition: str
    sentence: str

    @property
    def place(self) -> str:
        """Where it is, as a person would look for it: page, cell of a notebook, line in it."""
        return f"{self.page}, cell {self.cell}, line {self.line}" if self.cell else f"{self.page}, line {self.line}"


@dataclass(frozen=True, slots=True)
class BrokenGuard:
    """A guard that does not hold, with the values before (None where none are known) and today, or why it cannot be read."""

    guard: PageGuard
    verdict: Verdict | None
    before: Verdict | None = None
    fault: str = ""

    def explain(self) -> str:
        """The guard for a person: place, sentence, condition, old and new values."""
        lines = [
            f"a guard is broken in {self.guard.place}",
            f"  sentence:  {self.guard.sentence}",
            f"  condition: {self.guard.condition}",
        ]
        if self.fault:
            lines.append(f"  fault:     {self.fault}")
        if self.before is not None:
            lines.append(f"  before:    {self.before.explain()}")
        if self.verdict is not None:
            lines.append(f"  today:     {self.verdict.explain()}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        return {
            "page": self.guard.page,
            "cell": self.guard.cell or None,
            "line": self.guard.line,
            "sentence": self.guard.sentence,
            "condition": self.guard.condition,
            "fault": self.fault or None,
            "before": dict(self.before.values) if self.before else None,
            "today": dict(self.verdict.values) if self.verdict else None,
        }


def explain_all(broken: Iterable[BrokenGuard]) -> str:
    """All broken guards in one message, with what to do."""
    found = list(broken)
    head = "One guard is broken" if len(found) == 1 else f"{len(found)} guards are broken"
    return "\n\n".join(
        [
            f"{head}: sentences of the book say what its numbers no longer say. Nothing was executed or written.",
            *(b.explain() for b in found),
            "Rewrite each sentence so that it is true, then its condition. To publish meanwhile with these sentences marked: "
            "cordbook build --allow-broken-guards",
        ]
    )


def find_guards(project: Project) -> list[PageGuard]:
    """All guards of the pages in ``_toc.yml``, in the order of the book."""
    return list(chain.from_iterable(_of_page(project, path) for path in pages(project)))


def _of_page(project: Project, path: Path) -> Iterator[PageGuard]:
    page = path.relative_to(project.root).with_suffix("").as_posix()
    if path.suffix != ".ipynb":
        yield from _of_text(page, "", path.read_text(encoding="utf-8"), "")
        return
    cells = [block for block in nbformat.read(path, as_version=4).cells if is_prose(block)]
    for place, cell in enumerate(cells):
        after = "\n".join(c.source for c in cells[place + 1 :])
        yield from _of_text(page, cell.get("id", str(place)), cell.source, after)


def _of_text(page: str, cell: str, text: str, after: str) -> Iterator[PageGuard]:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        match = _OPEN.match(lines[number])
        if not match:
            number += 1
            continue
        end = _end(lines, number, match["fence"])
        options, body = _parts(lines[number + 1 : end])
        sentence = " ".join(" ".join(body).split()) or _guarded(lines[:number], lines[end + 1 :], after.splitlines())
        yield PageGuard(page, cell, number + 1, " ".join(str(options.get("when", "")).split()), _cut(sentence))
        number += 1


def _end(lines: list[str], start: int, fence: str) -> int:
    closing = re.compile(rf"^\s*{re.escape(fence[0])}{{{len(fence)},}}\s*$")
    return next((i for i in range(start + 1, len(lines)) if closing.match(lines[i])), len(lines))


def _parts(block: list[str]) -> tuple[Mapping[str, Any], list[str]]:
    """Options and body of a directive, options written with colons or as a YAML block."""
    if block and block[0].strip() == "---":
        end = next((i for i in range(1, len(block)) if block[i].strip() == "---"), len(block))
        return yaml.safe_load("\n".join(block[1:end])) or {}, block[end + 1 :]
    options: dict[str, str] = {}
    name = ""
    for place, line in enumerate(block):
        if match := _OPTION.match(line):
            name = match["name"]
            options[name] = match["value"]
        elif name and line[:1].isspace() and line.strip():
            options[name] += f" {line.strip()}"
        else:
            return options, block[place:]
    return options, []


def _guarded(before: list[str], after: list[str], next_cells: list[str]) -> str:
    """What a guard without text guards: the heading or line after it; at the end of a cell, the text before it."""
    follows = next((line.strip() for line in after if line.strip()), "")
    text = [line.strip() for line in before if line.strip() and not line.strip().startswith((":::", "```"))]
    if not follows and text:
        return text[-1]
    follows = follows or next((line.strip() for line in next_cells if line.strip()), "")
    heading = _HEADING.match(follows)
    return heading["text"] if heading else follows


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def broken_guards(guards: Iterable[PageGuard], estimates: Lookup, before: Lookup | None = None) -> list[BrokenGuard]:
    """All guards that today's estimates break or that cannot be read; ``before`` are those of the last good build.

    Those that the data cannot judge are no broken ones: see :func:`left_out_guards`.
    """
    found = []
    for guard in guards:
        if not guard.condition:
            found.append(BrokenGuard(guard, None, fault="it has no condition; write :when: some-estimate.estimate > 0.5"))
            continue
        try:
            verdict = judge(guard.condition, estimates)
        except NothingToJudge:  # its sentence is left out: left_out_guards
            continue
        except GuardError as error:
            found.append(BrokenGuard(guard, None, fault=str(error)))
            continue
        if not verdict.holds:
            found.append(BrokenGuard(guard, verdict, _judged_before(guard.condition, before)))
    return found


def left_out_guards(guards: Iterable[PageGuard], estimates: Lookup) -> list[str]:
    """Of each guard whose estimates are told apart by columns that the data lack, what a person is told: its sentence is left out."""
    return [text for guard in guards if (text := _left_out(guard, estimates))]


def _left_out(guard: PageGuard, estimates: Lookup) -> str:
    try:
        judge(guard.condition, estimates)
    except NothingToJudge as error:
        return (
            f"warning: a sentence is left out in {guard.place}, since {error}\n  sentence:  {guard.sentence}\n"
            f"  condition: {guard.condition}\n"
            "  Write another sentence, or remove the dimension from vocabulary/dimensions.csv and what asks for it."
        )
    except GuardError:  # broken_guards tells
        pass
    return ""


def _judged_before(condition: str, before: Lookup | None) -> Verdict | None:
    try:
        return judge(condition, before) if before is not None else None
    except GuardError:
        return None


class StoredEstimates:
    """Estimates as JSON (``cordbook estimates --json``), for conditions to look at."""

    def __init__(self, stored: Iterable[Mapping[str, Any]]) -> None:
        self.by_id = {entry["id"]: entry for entry in stored}

    def __getitem__(self, estimate_id: str) -> object:
        entry = self.by_id[estimate_id]
        return SimpleNamespace(**entry, pooled=entry["estimate"] is not None, result=SimpleNamespace(**entry))
