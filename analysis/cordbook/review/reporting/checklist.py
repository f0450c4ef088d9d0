"""The reporting checklist: PRISMA 2020 with its extension for living reviews, and where the book meets each item.

The items stand in ``reporting_items``; the answers in ``data/reporting_checklist.yml``. Every item has an answer, and
every place that an answer points to exists, or :class:`ChecklistError` says which does not.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cordbook.core.notebooks import is_prose, source_of
from cordbook.core.yaml import declared, read_yaml
from cordbook.errors import InputError

FILE = "reporting_checklist.yml"
#: How far an item is met, from best to worst.
STATES = ("met", "partly", "not yet", "not applicable")
_PLACE = re.compile(r"[A-Za-z0-9_./-]+(#[A-Za-z0-9_.-]+)?")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", flags=re.M)
_TARGET = re.compile(r"^\(([a-z0-9_-]+)\)=\s*$", flags=re.M)
_ID = re.compile(r'\bid=\\?"([^"\\]+)\\?"')


class ChecklistError(InputError):
    """``reporting_checklist.yml`` cannot be used; the message lists every problem with its item."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One item of the checklist with its answer. ``where`` are places: page of the book, with ``#anchor``."""

    item_id: str
    source: str
    section: str
    requirement: str
    state: str
    where: tuple[str, ...]
    how: str


def load_checklist(data: Path, items: pd.DataFrame) -> tuple[Answer, ...]:
    """Answers for all ``items`` (the table ``reporting_items``) in their order; raises :class:`ChecklistError`."""
    path = data / FILE
    with declared(path, ChecklistError, "it answers every item of reporting"):
        return parse_checklist(read_yaml(path), items, path.name)


def parse_checklist(content: Any, items: pd.DataFrame, name: str = FILE) -> tuple[Answer, ...]:
    """Check and freeze the content of the file against the items."""
    if not isinstance(content, Mapping):
        raise ChecklistError(f"{name}: expected an answer under the id of every item")
    given = {str(item_id): answer for item_id, answer in content.items()}
    known = list(items["item_id"])
    problems = [f"{i}: no such item in reporting_items.csv" for i in given if i not in known]
    answers = []
    for item in items.itertuples(index=False):
        found = list(_problems(given.get(item.item_id)))
        problems += [f"{item.item_id}: {problem}" for problem in found]
        if not found:
            entry = given[item.item_id]
            where = tuple(entry.get("where", ()))
            answers.append(Answer(item.item_id, item.source, item.section, item.requirement, entry["state"], where, entry["how"]))
    if problems:
        raise ChecklistError(f"{name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return tuple(answers)


def _problems(entry: Any) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield "has no answer; give state, where and how"
        return
    yield from (f"unknown key {key!r}; known are state, where, how" for key in entry if key not in ("state", "where", "how"))
    state, where = entry.get("state"), entry.get("where", [])
    if state not in STATES:
        yield f"state is {state!r}; it is one of {', '.join(STATES)}"
    if not isinstance(where, list) or not all(isinstance(w, str) and _PLACE.fullmatch(w) for w in where):
        yield f"where is {where!r}; it is a list of pages, such as book/methods/protocol#eligibility"
    elif state in ("met", "partly") and not where:
        yield f"is {state} but does not say where"
    if not isinstance(entry.get("how"), str) or not entry["how"].strip():
        yield "how is missing: say in a sentence how it is met, or why not"


def count_states(answers: tuple[Answer, ...]) -> dict[str, dict[str, int]]:
    """Number of items by checklist and state."""
    sources = dict.fromkeys(a.source for a in answers)
    return {s: {state: sum(a.source == s and a.state == state for a in answers) for state in STATES} for s in sources}


def missing_places(answers: tuple[Answer, ...], root: Path) -> list[str]:
    """Places that answers point to and that the sources of the book do not have, each with its item."""
    anchors: dict[str, set[str] | None] = {}
    missing = []
    for answer in answers:
        for place in answer.where:
            page, _, anchor = place.partition("#")
            if page not in anchors:
                anchors[page] = page_anchors(root, page)
            known = anchors[page]
            if known is None or (anchor and anchor not in known):
                missing.append(f"{answer.item_id}: {place}")
    return missing


def page_anchors(root: Path, page: str) -> set[str] | None:
    """Anchors of a page: its headings, labels and the ids in stored outputs; None where there is no such page.

    ``page`` is the path from the project's folder without ending, such as ``book/methods/protocol``.
    """
    for ending in (".ipynb", ".md"):
        path = root / f"{page}{ending}"
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            return _notebook_anchors(text) if ending == ".ipynb" else _markdown_anchors(text)
    return None


def _notebook_anchors(text: str) -> set[str]:
    anchors: set[str] = set()
    for cell in json.loads(text)["cells"]:
        if is_prose(cell):
            anchors |= _markdown_anchors(source_of(cell))
        else:
            anchors |= set(_ID.findall(json.dumps(cell.get("outputs", []))))
    return anchors


def _markdown_anchors(text: str) -> set[str]:
    return {heading_anchor(heading) for heading in _HEADING.findall(text)} | set(_TARGET.findall(text)) | set(_ID.findall(text))


def heading_anchor(heading: str) -> str:
    """The anchor that Sphinx gives a heading.

    >>> heading_anchor("3.2.2 Stem cells, and what weakens this")
    'stem-cells-and-what-weakens-this'
    """
    plain = unicodedata.normalize("NFKD", heading.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"^[-0-9]+|-+$", "", re.sub(r"[^a-z0-9]+", "-", plain))
