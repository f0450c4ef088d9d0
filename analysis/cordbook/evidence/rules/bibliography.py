"""references.bib and the citations of the chapters, checked against references.csv."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cordbook.core.notebooks import is_prose, joined, source_of
from cordbook.evidence.problems import Problem
from cordbook.evidence.references.bibliography import (
    REWRITE,
    BibEntry,
    bib_problem,
    citations,
    load_bibliography,
    plain_text,
)
from cordbook.evidence.references.items import reference_item
from cordbook.evidence.rules.base import Data, Row

BIBLIOGRAPHY_RULES: Mapping[str, str] = {
    "bibliography-form": "references.bib can be read; every key appears once.",
    "bibliography-complete": "Every source has an entry in references.bib, and every entry is a source.",
    "bibliography-equal": "An entry has the DOI, year and title of its source.",
    "citation-known": "Every citation of a chapter is an entry of references.bib.",
    "chapter-readable": "Every chapter can be read.",
}


def check_bibliography(path: Path, data: Data) -> Iterator[Problem]:
    """Compare references.bib with references.csv, both ways."""
    bibliography = load_bibliography(path)
    yield from bibliography.problems
    if any(problem.row is None for problem in bibliography.problems):
        return
    sources = {row["reference_id"]: row for row in data.rows("references") if not row["same_as"]}
    for key in sorted(sources.keys() - bibliography.entries.keys()):
        yield bib_problem("bibliography-complete", f"The source {key} has no entry.", REWRITE, value=key)
    for key, entry in bibliography.entries.items():
        if key in sources:
            yield from _compare(entry, sources[key])
        else:
            message = f"The entry {key} is not a source of references.csv."
            remedy = f"Add the source there. {REWRITE}"
            yield bib_problem("bibliography-complete", message, remedy, row=entry.line, value=key)


def _compare(entry: BibEntry, source: Row) -> Iterator[Problem]:
    for column in ("doi", "year", "title"):
        expected = str(reference_item(source)["title"]) if column == "title" else source[column]
        found = entry.fields.get(column, "")
        if column == "title":
            found = plain_text(found)
        if found != expected:
            message = f"references.csv has {expected!r} for {entry.key}."
            yield bib_problem("bibliography-equal", message, REWRITE, row=entry.line, column=column, value=found)


def read_chapters(project: Path) -> tuple[dict[str, str], list[Problem]]:
    """Text of the chapters of a project by path, and problems of files that cannot be read.

    Of a notebook, text cells and Markdown outputs count.
    """
    chapters: dict[str, str] = {}
    problems: list[Problem] = []
    for path in _chapter_files(project):
        name = path.relative_to(project).as_posix()
        try:
            text = path.read_text(encoding="utf-8-sig")
            chapters[name] = _notebook_text(json.loads(text)) if path.suffix == ".ipynb" else text
        except (OSError, ValueError, RecursionError, AttributeError, TypeError) as error:
            message = f"The chapter cannot be read: {error}."
            problems.append(Problem(name, None, None, None, "chapter-readable", message, "Restore or correct the file."))
    return chapters, problems


def _chapter_files(project: Path) -> list[Path]:
    files = [path for path in (project / "index.md", project / "index.ipynb") if path.is_file()]
    for path in sorted((project / "book").rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(project).parts)
        if path.suffix in (".md", ".ipynb") and path.is_file() and not hidden:
            files.append(path)
    return files


def _notebook_text(notebook: Any) -> str:
    texts = []
    for cell in notebook["cells"] if "cells" in notebook else ():
        if is_prose(cell):
            texts.append(source_of(cell))
        for output in cell.get("outputs") or ():
            texts.append(joined((output.get("data") or {}).get("text/markdown", "")))
    return "\n".join(texts)


def check_citations(chapters: Mapping[str, str], data: Data) -> Iterator[Problem]:
    """Every citation of the chapters must be a source with an entry of its own."""
    references = data.by_key("references")
    for name, text in chapters.items():
        for key in sorted(set(citations(text))):
            row = references.get(key)
            if row is None:
                message, remedy = (
                    f"The chapter cites {key!r}, which is not a source.",
                    "Correct the key, or add the source to references.csv.",
                )
            elif row["same_as"]:
                message, remedy = f"{key} is a second id of {row['same_as']}.", f"Cite {row['same_as']}."
            else:
                continue
            yield Problem(name, None, None, key, "citation-known", message, remedy, key=key)
