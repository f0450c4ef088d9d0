"""references.bib and the citations of the chapters, checked against references.csv."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cordbook.evidence.problems import Problem
from cordbook.evidence.rules.base import Data, Row

BIB = "references.bib"
#: What stands in an entry where the record has nothing; nobody may take it for an author or a title.
NOT_SEEN = MappingProxyType({"author": "Author not seen", "title": "Title not seen", "year": "year not seen"})
REWRITE = "Run `cordbook references`, which writes the file from data/references.csv."

BIBLIOGRAPHY_RULES: Mapping[str, str] = {
    "bibliography-form": "references.bib can be read; every key stands once.",
    "bibliography-complete": "Every source has an entry in references.bib, and every entry is a source.",
    "bibliography-equal": "An entry has the DOI, year and title of its source.",
    "citation-known": "Every citation of a chapter is an entry of references.bib.",
    "chapter-readable": "Every chapter can be read.",
}

#: LaTeX for the characters that BibTeX or LaTeX would take for commands.
ESCAPES: Mapping[str, str] = {
    "\\": r"{\textbackslash}",
    "{": r"{\textbraceleft}",
    "}": r"{\textbraceright}",
    "~": r"{\textasciitilde}",
    # As an accent over nothing: what reads BibTeX for the web does not know \textasciicircum.
    "^": r"{\^{}}",
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
}
#: Two of these in a row are a ligature: LaTeX would set -- as a dash and '' as a quotation mark.
_LIGATURE = re.compile(r"(?<=[-'`?!,<>])(?=[-'`,<>])")
_PLAIN = {latex: char for char, latex in ESCAPES.items()}
_LATEX_TOKEN = re.compile("|".join(re.escape(latex) for latex in sorted(_PLAIN, key=len, reverse=True)) + r"|[{}]")
_CITATION = re.compile(r"\{(?:foot)?cite(?::[a-z]+)?\}`([^`]*)`")


@dataclass(frozen=True, slots=True)
class BibEntry:
    """One entry: its key, type, fields as written, and the line where it begins."""

    key: str
    type: str
    fields: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True)
class Bibliography:
    """Entries by key, and what could not be read."""

    entries: Mapping[str, BibEntry]
    problems: tuple[Problem, ...] = ()


def latex_text(plain: str) -> str:
    """Plain text as it must be written in a BibTeX field.

    >>> latex_text("Stem Cell Research & Therapy, 50%")
    'Stem Cell Research \\\\& Therapy, 50\\\\%'
    """
    return _LIGATURE.sub("{}", "".join(ESCAPES.get(char, char) for char in plain))


def plain_text(latex: str) -> str:
    """The text that a BibTeX field stands for: escapes resolved, protecting braces removed.

    >>> plain_text(r"{AIS} \\& more")
    'AIS & more'
    """
    return _LATEX_TOKEN.sub(lambda match: _PLAIN.get(match[0], ""), latex)


def resolve_key(references: Iterable[Mapping[str, Any]], key: str) -> str:
    """The key to cite for a reference id: of a second id, the source that it points to.

    ``references`` are rows of references.csv. Raises KeyError for an unknown id.

    >>> resolve_key([{"reference_id": "a", "same_as": ""}, {"reference_id": "a_ma", "same_as": "a"}], "a_ma")
    'a'
    """
    for row in references:
        if row["reference_id"] == key:
            alias = row["same_as"]
            # A data frame holds NaN or None where the table is blank; neither is text.
            return alias if isinstance(alias, str) and alias else key
    raise KeyError(f"{key!r} is no reference_id of references.csv")


def load_bibliography(path: Path) -> Bibliography:
    """Read a .bib file; faults become problems of the result, a missing file too."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        return Bibliography({}, (_problem("bibliography-form", f"The file cannot be opened: {error.strerror}.", REWRITE),))
    except UnicodeDecodeError:
        return Bibliography({}, (_problem("bibliography-form", "The file is not UTF-8 text.", REWRITE),))
    return parse_bibliography(text)


def parse_bibliography(text: str) -> Bibliography:
    """Entries of BibTeX text; duplicates and blocks that do not parse become problems."""
    # Imported here: reading the tables alone must not wait for the parser.
    import bibtexparser
    from bibtexparser.model import DuplicateBlockKeyBlock

    # The parser's line splitter knows line feeds only.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        library = bibtexparser.parse_string(text)
    except Exception as error:  # the parser's own faults on broken text are faults of the text
        return Bibliography({}, (_problem("bibliography-form", f"The file is not BibTeX ({error}).", REWRITE),))
    entries = {
        entry.key: BibEntry(
            entry.key,
            entry.entry_type,
            {f.key.lower(): str(f.value) for f in entry.fields},
            (entry.start_line or 0) + 1,
        )
        for entry in library.entries
    }
    problems = []
    for block in library.failed_blocks:
        line = (block.start_line or 0) + 1
        if isinstance(block, DuplicateBlockKeyBlock):
            problems.append(_problem("bibliography-form", "The key stands twice.", REWRITE, row=line, value=block.key))
        else:
            problems.append(_problem("bibliography-form", "The entry is not BibTeX.", REWRITE, row=line))
    return Bibliography(entries, tuple(problems))


def _problem(
    rule: str, message: str, remedy: str, *, row: int | None = None, column: str | None = None, value: str | None = None
) -> Problem:
    return Problem(BIB, row, column, value, rule, message, remedy, key=value or "")


def check_bibliography(path: Path, data: Data) -> Iterator[Problem]:
    """Compare references.bib with references.csv, both ways."""
    bibliography = load_bibliography(path)
    yield from bibliography.problems
    if any(problem.row is None for problem in bibliography.problems):
        return
    sources = {row["reference_id"]: row for _, row in data.rows("references") if not row["same_as"]}
    for key in sorted(sources.keys() - bibliography.entries.keys()):
        yield _problem("bibliography-complete", f"The source {key} has no entry.", REWRITE, value=key)
    for key, entry in bibliography.entries.items():
        if key in sources:
            yield from _compare(entry, sources[key])
        else:
            message = f"The entry {key} is no source of references.csv."
            remedy = f"Add the source there. {REWRITE}"
            yield _problem("bibliography-complete", message, remedy, row=entry.line, value=key)


def _compare(entry: BibEntry, source: Row) -> Iterator[Problem]:
    for column in ("doi", "year", "title"):
        expected = source[column] or NOT_SEEN.get(column, "")
        found = entry.fields.get(column, "")
        if column == "title":
            found = plain_text(found)
        if found != expected:
            message = f"references.csv has {expected!r} for {entry.key}."
            yield _problem("bibliography-equal", message, REWRITE, row=entry.line, column=column, value=found)


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
        if cell.get("cell_type") == "markdown":
            texts.append(_joined(cell.get("source", "")))
        for output in cell.get("outputs") or ():
            texts.append(_joined((output.get("data") or {}).get("text/markdown", "")))
    return "\n".join(texts)


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def citations(text: str) -> list[str]:
    """Keys that a text cites with the roles of sphinxcontrib-bibtex.

    >>> citations("So says {cite:t}`lima2010`, and others {cite}`a2001, b2002`.")
    ['lima2010', 'a2001', 'b2002']
    """
    return [key.strip() for match in _CITATION.finditer(text) for key in match[1].split(",")]


def check_citations(chapters: Mapping[str, str], data: Data) -> Iterator[Problem]:
    """Every citation of the chapters must be a source with an entry of its own."""
    references = data.by_key("references")
    for name, text in chapters.items():
        for key in sorted(set(citations(text))):
            row = references.get(key)
            if row is None:
                message, remedy = (
                    f"The chapter cites {key!r}, which is no source.",
                    "Correct the key, or add the source to references.csv.",
                )
            elif row["same_as"]:
                message, remedy = f"{key} is a second id of {row['same_as']}.", f"Cite {row['same_as']}."
            else:
                continue
            yield Problem(name, None, None, key, "citation-known", message, remedy, key=key)
