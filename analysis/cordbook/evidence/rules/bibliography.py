"""references.bib and the citations of the chapters, checked against references.csv."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cordbook.core.notebooks import is_prose, joined, source_of
from cordbook.core.trust.regular import read_text
from cordbook.evidence.problems import Problem
from cordbook.evidence.references.bibliography import (
    REWRITE,
    BibEntry,
    bib_problem,
    citations,
    load_bibliography,
    parse_bibliography,
    plain_text,
)
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.evidence.references.hosts import is_web_address
from cordbook.evidence.rules.base import Data, Row

BIBLIOGRAPHY_RULES: Mapping[str, str] = {
    "bibliography-form": "references.bib can be read; every key appears once, and nothing but comments stands between entries.",
    "bibliography-complete": "Every source has an entry in references.bib, and every entry is a source.",
    "bibliography-equal": "An entry is what cordbook references makes of its source, in its kind and every field; links are http or https.",
    "citation-known": "Every citation of a chapter is an entry of references.bib.",
    "chapter-readable": "Every chapter can be read.",
}


def check_bibliography(path: Path, data: Data) -> Iterator[Problem]:
    """Compare references.bib with what is made from references.csv: every entry, every field, both ways."""
    sources = {row["reference_id"]: row for row in data.rows("references") if not row["same_as"]}
    made = _made(sources.values())
    if made and _is_text(path, made):
        return
    bibliography = load_bibliography(path)
    yield from bibliography.problems
    if any(problem.row is None for problem in bibliography.problems):
        return
    wanted = parse_bibliography(made).entries if made else {}
    for key in sorted(sources.keys() - bibliography.entries.keys()):
        yield bib_problem("bibliography-complete", f"The source {key} has no entry.", REWRITE, value=key)
    for key, entry in bibliography.entries.items():
        if key not in sources:
            message = f"The entry {key} is not a source of references.csv."
            remedy = f"Add the source there. {REWRITE}"
            yield bib_problem("bibliography-complete", message, remedy, row=entry.line, value=key)
        elif key in wanted:
            yield from _compare(entry, wanted[key])
        if (url := plain_text(entry.fields.get("url", ""))) and not is_web_address(url):
            message = f"The address of {key} is no http or https address; a browser might run it."
            yield bib_problem("bibliography-equal", message, REWRITE, row=entry.line, column="url", value=url)


def _made(sources: Iterable[Row]) -> str:
    """The file as it should be; blank where a source cannot be written, which the rules on types tell."""
    try:
        return bibliography_text(sources)
    except (ValueError, KeyError, IndexError):
        return ""


def _is_text(path: Path, text: str) -> bool:
    """Is a file this text, whatever ends its lines? Then nothing in it need be taken apart."""
    try:
        return read_text(path).replace("\r\n", "\n") == text
    except (OSError, UnicodeDecodeError):
        return False


def _compare(entry: BibEntry, wanted: BibEntry) -> Iterator[Problem]:
    if entry.type.lower() != wanted.type:
        message = f"{entry.key} is an @{entry.type}; made from references.csv it is an @{wanted.type}."
        yield bib_problem("bibliography-equal", message, REWRITE, row=entry.line, value=entry.type)
    for column in sorted(entry.fields.keys() | wanted.fields.keys()):
        found, expected = (" ".join(plain_text(e.fields.get(column, "")).split()) for e in (entry, wanted))
        if found != expected:
            message = (
                f"references.csv has {expected!r} for {entry.key}."
                if expected
                else f"references.csv says nothing of it for {entry.key}."
            )
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
            text = read_text(path)
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
