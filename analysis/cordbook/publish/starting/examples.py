"""Take the invented examples out of a review: rows, the estimate that pools them, and what pages say of it.

Rows go with the studies they hang on, by the foreign keys of the schema. In ``syntheses.yml`` the lines from "example begins" to
"example ends" go; in notebooks the cells that are tagged ``example``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cordbook.core.csv_files import to_csv
from cordbook.core.files import write_whole
from cordbook.core.notebooks import written
from cordbook.core.project import Project
from cordbook.evidence import read_all
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.evidence.rules.examples import is_example
from cordbook.evidence.schema import Package, load_package
from cordbook.publish.starting.create import starting_rows

TAG = "example"
_BLOCK = re.compile(r"^[ \t]*# example begins\b.*?^[ \t]*# example ends[^\n]*\n?", re.M | re.S)

Rows = dict[str, list[dict[str, str]]]


def _in_studies(row: Mapping[str, str], rows: Rows) -> bool:
    return any(study.get(row["kind"]) == row["code"] for study in rows["studies"])


#: Tables of words that the examples brought, and whether something that stays uses a row of them.
_USES: Mapping[str, Callable[[Mapping[str, str], Rows], bool]] = {
    "outcome_terms": lambda row, rows: any(count["outcome"] == row["outcome"] for count in rows["outcomes"]),
    "labels": _in_studies,
    "study_phrases": _in_studies,
    "topics": lambda row, rows: any(study["topic"] == row["topic"] for study in rows["studies"]),
}


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was taken out: studies, rows of all tables, and the files that were changed, sorted."""

    studies: tuple[str, ...]
    rows: int
    files: tuple[str, ...]


def clear_examples(project: Project) -> Cleared:
    """Take the invented examples out of a project; nothing else is changed, and a second time changes nothing.

    Raises ``Unreadable`` where a table cannot be read. All new texts are made before the first file is written.
    """
    package = load_package(project.data)
    before: Rows = {name: [dict(row) for _, row in table.rows] for name, table in read_all(project.data, package).items()}
    after = without_examples(before, package)
    texts = dict(_changed_tables(before, after, package))
    if "data/references.csv" in texts:
        texts["references.bib"] = bibliography_text(after["references"])
    texts |= dict(_changed_pages(project))
    for path, text in texts.items():
        write_whole(project.root / path, text)
    studies = tuple(sorted(row["study_id"] for row in before["studies"] if is_example(row["study_id"])))
    return Cleared(studies, sum(len(before[name]) - len(after[name]) for name in before), tuple(sorted(texts)))


def without_examples(rows: Mapping[str, list[dict[str, str]]], package: Package) -> Rows:
    """Tables without the invented studies, what hangs on them, and the words that only they used."""
    left: Rows = {name: list(found) for name, found in rows.items()}
    left["studies"] = [row for row in left["studies"] if not is_example(row["study_id"])]
    left["references"] = [row for row in left["references"] if not is_example(row["reference_id"])]
    while sum(map(len, left.values())) > sum(map(len, (fewer := _without_orphans(left, package)).values())):
        left = fewer
    invented = starting_rows("example")
    for name, is_used in _USES.items():
        brought = invented[name]
        left[name] = [row for row in left[name] if is_used(row, left) or not any(one.items() <= row.items() for one in brought)]
    return left


def _without_orphans(rows: Rows, package: Package) -> Rows:
    """Tables without the rows that point to one that has gone."""
    left = {}
    for table in package.tables:
        kept = rows[table.name]
        for key in table.foreign_keys:
            there = {tuple(row[f] for f in key.target_fields) for row in rows[key.target or table.name]}
            kept = [row for row in kept if not all(row[f] for f in key.fields) or tuple(row[f] for f in key.fields) in there]
        left[table.name] = kept
    return left


def _changed_tables(before: Rows, after: Rows, package: Package) -> Iterator[tuple[str, str]]:
    for table in package.tables:
        if len(after[table.name]) < len(before[table.name]):
            yield f"data/{table.path}", to_csv(after[table.name], table.columns)


def _changed_pages(project: Project) -> Iterator[tuple[str, str]]:
    declared = project.data / "syntheses.yml"
    if declared.is_file():
        text = declared.read_text(encoding="utf-8")
        if (shorter := _BLOCK.sub("", text)) != text:
            yield "data/syntheses.yml", shorter
    pages = [project.root / "index.ipynb", *sorted((project.root / "book").rglob("*.ipynb"))]
    for path in pages:
        if path.is_file() and (text := _without_cells(path.read_text(encoding="utf-8"))):
            yield path.relative_to(project.root).as_posix(), text


def _without_cells(text: str) -> str | None:
    """A notebook without its cells of examples; None where it has none."""
    content: dict[str, Any] = json.loads(text)
    cells = [cell for cell in content["cells"] if TAG not in cell.get("metadata", {}).get("tags", ())]
    if len(cells) == len(content["cells"]):
        return None
    return written(content | {"cells": cells})
