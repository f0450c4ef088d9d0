"""Every condition of every page, found in the sources and judged at once, before anything is executed or written.

A guard stands at a sentence that is true under a condition; one that does not hold stops a build. A wording has two texts, one for
where its condition holds and one for where it does not, so that data cannot break it; only a condition that cannot be read does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from cordbook.core.csv_files import parse
from cordbook.core.notebooks import is_prose, source_of
from cordbook.core.project import Project
from cordbook.publish.execute.chapters import pages
from cordbook.review.estimates.declarations import load_declarations
from cordbook.review.estimates.guards import GuardError, Lookup, NothingToJudge, Verdict, judge
from cordbook.review.estimates.row_counts import read_question
from cordbook.review.scores.declarations import load_score_declarations

_OPEN = re.compile(r"^(?P<indent>\s*)(?P<fence>:{3,}|`{3,})\{(?P<directive>guard|wording)\}\s*$")
_OPTION = re.compile(r"^\s*:(?P<name>[\w-]+):\s?(?P<value>.*)$")
_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*$")
#: The line between the two texts of a wording.
OTHERWISE = ":otherwise:"
#: A sentence in a message is cut here.
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class PageCondition:
    """A guard or wording as it stands in a page: where, under which condition, and the sentence that is true where it holds.

    ``otherwise`` is the sentence of a wording where it does not; a guard has none. ``problem`` says what a wording lacks.
    """

    page: str
    cell: str
    line: int
    condition: str
    sentence: str
    otherwise: str | None = None
    problem: str = ""

    @property
    def kind(self) -> str:
        """What it is, for a person."""
        return "guard" if self.otherwise is None else "wording"

    @property
    def place(self) -> str:
        """Where it is, as a person would look for it: page, cell of a notebook, line in it."""
        return f"{self.page}, cell {self.cell}, line {self.line}" if self.cell else f"{self.page}, line {self.line}"


@dataclass(frozen=True, slots=True)
class BrokenGuard:
    """A guard that does not hold, with the values before (None where none are known) and today, or a condition that cannot be read."""

    guard: PageCondition
    verdict: Verdict | None
    before: Verdict | None = None
    problem: str = ""

    def explain(self) -> str:
        """The guard for a person: place, sentence, condition, old and new values."""
        lines = [
            f"a {self.guard.kind} {'cannot be judged' if self.problem else 'is broken'} in {self.guard.place}",
            f"  sentence:  {self.guard.sentence}",
            f"  condition: {self.guard.condition}",
        ]
        if self.problem:
            lines.append(f"  problem:     {self.problem}")
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
            "problem": self.problem or None,
            "before": dict(self.before.values) if self.before else None,
            "today": dict(self.verdict.values) if self.verdict else None,
        }


@dataclass(frozen=True, slots=True)
class Turned:
    """A wording whose condition came out otherwise at the last good build."""

    wording: PageCondition
    today: Verdict

    @property
    def text(self) -> str:
        """What the page says now."""
        return self.wording.sentence if self.today.holds else str(self.wording.otherwise)

    def explain(self) -> str:
        """The wording for a person, in one line."""
        return f"{self.wording.place}: {self.wording.condition} ({self.today.explain()}); now “{self.text}”"

    def to_dict(self) -> dict[str, Any]:
        return {
            "page": self.wording.page,
            "cell": self.wording.cell or None,
            "line": self.wording.line,
            "condition": self.wording.condition,
            "text": self.text,
            "today": dict(self.today.values),
        }


def explain_all(broken: Iterable[BrokenGuard]) -> str:
    """All broken guards, and all conditions that cannot be read, in one message, with what to do."""
    found = list(broken)
    unread = sum(bool(b.problem) for b in found)
    head, remedy = [], []
    if untrue := len(found) - unread:
        guards = "One guard is broken" if untrue == 1 else f"{untrue} guards are broken"
        head.append(f"{guards}: sentences of the book say what its data no longer say.")
        remedy.append(
            "Rewrite each sentence so that it is true, then its condition. To publish meanwhile with these sentences marked: "
            "cordbook build --allow-broken-guards"
        )
    if unread:
        head.append("One condition cannot be read." if unread == 1 else f"{unread} conditions cannot be read.")
        remedy.append("Write each condition anew as its problem says; no option builds the book without it.")
    head.append("Nothing was executed or written.")
    return "\n\n".join([" ".join(head), *(b.explain() for b in found), *remedy])


def find_conditions(project: Project) -> list[PageCondition]:
    """All guards and wordings of the pages in ``_toc.yml``, in the order of the book, and those of the declared sentences."""
    return [*chain.from_iterable(_of_page(project, path) for path in pages(project)), *_of_declarations(project)]


def find_guards(project: Project) -> list[PageCondition]:
    """The guards among :func:`find_conditions`."""
    return [condition for condition in find_conditions(project) if condition.otherwise is None]


def _of_declarations(project: Project) -> Iterator[PageCondition]:
    """The conditions of the plain sentences of estimates, which stand in ``syntheses.yml``."""
    path = project.data / "syntheses.yml"
    lines = path.read_text(encoding="utf-8").splitlines()
    for declared in (*load_declarations(path).syntheses, *load_score_declarations(path)):
        if declared.when:
            begin = next(
                n for n, line in enumerate(lines) if re.match(rf"\s*-?\s*id:\s*['\"]?{declared.id}['\"]?\s*(#.*)?$", line)
            )
            line = next(n for n in range(begin, len(lines)) if lines[n].lstrip(" -").startswith("when:"))
            said = " ".join(text for text in (declared.sentence, declared.side_sentence) if text)
            yield PageCondition("data/syntheses.yml", "", line + 1, declared.condition, _cut(said))


def _of_page(project: Project, path: Path) -> Iterator[PageCondition]:
    page = path.relative_to(project.root).with_suffix("").as_posix()
    if path.suffix != ".ipynb":
        yield from _of_text(page, "", path.read_text(encoding="utf-8"), "")
        return
    cells = [block for block in json.loads(path.read_text(encoding="utf-8"))["cells"] if is_prose(block)]
    for place, cell in enumerate(cells):
        after = "\n".join(map(source_of, cells[place + 1 :]))
        yield from _of_text(page, cell.get("id", str(place)), source_of(cell), after)


def _of_text(page: str, cell: str, text: str, after: str) -> Iterator[PageCondition]:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        match = _OPEN.match(lines[number])
        if not match:
            number += 1
            continue
        end = _end(lines, number, match["fence"])
        options, body = _parts(lines[number + 1 : end])
        condition = " ".join(str(options.get("when", "")).split())
        if match["directive"] == "wording":
            yield _wording(page, cell, number + 1, condition, body)
        else:
            sentence = _one_line(body) or _guarded(lines[:number], lines[end + 1 :], after.splitlines())
            yield PageCondition(page, cell, number + 1, condition, _cut(sentence))
        number += 1


def _wording(page: str, cell: str, line: int, condition: str, body: list[str]) -> PageCondition:
    try:
        holds, otherwise = wordings(body)
    except GuardError as error:
        return PageCondition(page, cell, line, condition, _cut(_one_line(body)), "", str(error))
    return PageCondition(page, cell, line, condition, _cut(_one_line(body[holds])), _cut(_one_line(body[otherwise])))


def wordings(body: Sequence[str]) -> tuple[slice, slice]:
    """Where the two texts of a wording stand among its lines: where the condition holds, and otherwise.

    Raises :class:`GuardError` where one is missing.

    >>> wordings(["None yet.", ":otherwise:", "Some."])
    (slice(0, 1, None), slice(2, 3, None))
    """
    marks = [number for number, line in enumerate(body) if line.strip() == OTHERWISE]
    if len(marks) != 1 or not _one_line(body[: marks[0]]) or not _one_line(body[marks[0] + 1 :]):
        raise GuardError(
            f"it has not two texts; write the one for where the condition holds, a line {OTHERWISE}, and the one for where it does not"
        )
    return slice(0, marks[0]), slice(marks[0] + 1, len(body))


def _one_line(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split())


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


def broken_guards(conditions: Iterable[PageCondition], known: Lookup, before: Lookup | None = None) -> list[BrokenGuard]:
    """All guards that today's data break, and conditions that cannot be read; ``before`` is what the last good build knew.

    Those that the data cannot judge are no broken ones: see :func:`left_out_guards`.
    """
    found = []
    for condition in conditions:
        try:
            verdict = _judged(condition, known)
        except NothingToJudge:  # its sentence is left out: left_out_guards
            continue
        except GuardError as error:
            found.append(BrokenGuard(condition, None, problem=str(error)))
            continue
        if not verdict.holds and condition.otherwise is None:
            found.append(BrokenGuard(condition, verdict, _verdict(condition.condition, before)))
    return found


def left_out_guards(conditions: Iterable[PageCondition], known: Lookup) -> list[str]:
    """Of each condition whose estimates are told apart by columns that the data lack, what a person is told: its text is left out."""
    return [text for condition in conditions if (text := _left_out(condition, known))]


def _left_out(condition: PageCondition, known: Lookup) -> str:
    try:
        judge(condition.condition, known)
    except NothingToJudge as error:
        return (
            f"warning: a sentence is left out in {condition.place}, since {error}\n  sentence:  {condition.sentence}\n"
            f"  condition: {condition.condition}\n"
            "  Write another sentence, or remove the dimension from vocabulary/dimensions.csv and what asks for it."
        )
    except GuardError:  # broken_guards tells
        pass
    return ""


def turned_wordings(conditions: Iterable[PageCondition], known: Lookup, before: Lookup | None) -> list[Turned]:
    """The wordings that say something else than at the last good build; those that cannot be read are :func:`broken_guards`."""
    found = []
    for condition in conditions:
        then = None if condition.otherwise is None else _verdict(condition.condition, before)
        today = then and _verdict(condition.condition, known)
        if then and today and then.holds != today.holds:
            found.append(Turned(condition, today))
    return found


def _judged(condition: PageCondition, known: Lookup) -> Verdict:
    if condition.problem:
        raise GuardError(condition.problem)
    if not condition.condition:
        raise GuardError("it has no condition; write :when: some-estimate.estimate > 0.5, or :when: [searches] == 0")
    return judge(condition.condition, known)


def _verdict(condition: str, known: Lookup | None) -> Verdict | None:
    """The verdict by what was known at some time; None where nothing was, or where it cannot be judged."""
    try:
        return judge(condition, known) if known is not None else None
    except GuardError:
        return None


class Stored:
    """Estimates as JSON (``cordbook estimates --json``) and the texts of the files of ``data/``, for conditions to look at."""

    def __init__(self, estimates: Iterable[Mapping[str, Any]], files: Mapping[str, str]) -> None:
        self.by_id = {entry["id"]: entry for entry in estimates}
        self.files = files

    def __getitem__(self, estimate_id: str) -> object:
        entry = self.by_id[estimate_id]
        result = SimpleNamespace(**entry)
        early = SimpleNamespace(result=SimpleNamespace(**entry.get("early", {})))
        return SimpleNamespace(**entry | {"early": early}, pooled=entry["estimate"] is not None, result=result)

    def count(self, question: str) -> float:
        """How many rows of the stored tables fit a question; raises ``KeyError`` for a table or column that was not there."""
        asked = read_question(question)
        table = parse(self.files[self._paths[asked.table]], strict=False)
        return asked.count(table.header, table.rows)

    @cached_property
    def _paths(self) -> dict[str, str]:
        return {table["name"]: table["path"] for table in json.loads(self.files["datapackage.json"])["resources"]}
