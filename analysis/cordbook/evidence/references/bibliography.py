"""references.bib read, its text made and resolved, and the citations of a text found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cordbook.core.trust.regular import read_text
from cordbook.errors import UnknownName
from cordbook.evidence.problems import Problem

BIB = "references.bib"
REWRITE = "Run `cordbook references`, which writes the file from data/references.csv."

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
#: A command whose one argument is the text itself, as people write addresses and letters in italics.
_COMMAND = re.compile(r"\\(?:url|href|path|nolinkurl|emph|textit|textbf|textsc|textrm|texttt|mbox|text)\s*\{")
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
    """The text that a BibTeX field stands for: escapes resolved, protecting braces and commands around text removed.

    >>> plain_text("{AIS} \\\\& more"), plain_text("\\\\url{https://x.org/a\\\\_b}"), plain_text("{{A} trial}")
    ('AIS & more', 'https://x.org/a_b', 'A trial')
    """
    return _LATEX_TOKEN.sub(lambda match: _PLAIN.get(match[0], ""), _COMMAND.sub("{", latex))


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
    raise UnknownName(f"{key!r} is not a reference_id of references.csv")


def load_bibliography(path: Path) -> Bibliography:
    """Read a .bib file; what is wrong with it, a missing file too, becomes a problem of the result."""
    try:
        text = read_text(Path(path))
    except OSError as error:
        return Bibliography({}, (bib_problem("bibliography-form", f"The file cannot be opened: {error.strerror}.", REWRITE),))
    except UnicodeDecodeError:
        return Bibliography({}, (bib_problem("bibliography-form", "The file is not UTF-8 text.", REWRITE),))
    return parse_bibliography(text)


def parse_bibliography(text: str) -> Bibliography:
    """Entries of BibTeX text; duplicates and blocks that do not parse become problems."""
    # Imported here: reading the tables alone must not wait for the parser.
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.model import DuplicateBlockKeyBlock, ImplicitComment

    # The parser's line splitter knows line feeds only.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        library = parse_string(text)
    except Exception as error:  # the parser's own errors on broken text are problems of the text
        return Bibliography({}, (bib_problem("bibliography-form", f"The file is not BibTeX ({error}).", REWRITE),))
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
    for block in library.blocks:
        # Text between entries is a comment of BibTeX; so an entry whose head was damaged would go without a word.
        if isinstance(block, ImplicitComment) and (stray := _stray(block.comment)):
            message, line = f"Text stands outside of any entry: {stray[:60]!r}.", (block.start_line or 0) + 1
            problems.append(bib_problem("bibliography-form", message, REWRITE, row=line))
    for block in library.failed_blocks:
        line = (block.start_line or 0) + 1
        if isinstance(block, DuplicateBlockKeyBlock):
            problems.append(bib_problem("bibliography-form", "The key appears twice.", REWRITE, row=line, value=block.key))
        else:
            problems.append(bib_problem("bibliography-form", "The entry is not BibTeX.", REWRITE, row=line))
    return Bibliography(entries, tuple(problems))


def _stray(text: str) -> str:
    """The first line between entries that is no comment; blank where there is none."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("%")), "")


def bib_problem(
    rule: str, message: str, remedy: str, *, row: int | None = None, column: str | None = None, value: str | None = None
) -> Problem:
    return Problem(BIB, row, column, value, rule, message, remedy, key=value or "")


def citations(text: str) -> list[str]:
    """Keys that a text cites with the roles of sphinxcontrib-bibtex.

    >>> citations("So says {cite:t}`lima2010`, and others {cite}`a2001, b2002`.")
    ['lima2010', 'a2001', 'b2002']
    """
    return [key.strip() for match in _CITATION.finditer(text) for key in match[1].split(",")]
