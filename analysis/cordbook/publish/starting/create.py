"""Write the files of a new review: those of ``template/``, filled, and the tables that the schema names.

A file whose name ends in ``.j2`` is filled by Jinja2 with ``<< >>`` around what is put in; the others are copied as they are. Tables
are written under the schema in ``template/data/datapackage.json``: rows come from ``tables.yml``, all others begin empty.
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cordbook
from cordbook.core.csv_files import to_csv
from cordbook.core.notebooks import source_of, written
from cordbook.core.swap import publish
from cordbook.core.yaml import load_yaml
from cordbook.errors import CordbookError
from cordbook.evidence import rule_list
from cordbook.evidence.codebook import MARK, codebook_text
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.evidence.review_state import format_value
from cordbook.evidence.schema import PACKAGE_FILE, load_package

HERE = Path(__file__).parent
TEMPLATE, TABLES = HERE / "template", HERE / "tables.yml"
FILLED = ".j2"
NOTEBOOK = ".ipynb"
#: Its second half is made from the schema.
CODEBOOK = "data/README.md"
BEGUN = "<!-- Below are rules and tables as they were when the review began; datapackage.json is what holds. -->"
#: Signs that mean something in a page.
_MARKUP = frozenset("\\`*_{}[]<>#$|~^&:")
#: Who wrote the review, where nobody is named.
UNNAMED = "The authors of this review"
#: No title or question of a review is longer.
MOST_SIGNS = 300


class NewReviewError(CordbookError, ValueError):
    """A review cannot be made here or with these words; the message says why and what to do. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Author:
    """A person (``family`` and ``given``), or a group whose name is ``name``.

    >>> Author.parse("Lovelace, Ada"), Author.parse("Ada Lovelace") == Author.parse("Lovelace, Ada")
    (Author(name='Ada Lovelace', family='Lovelace', given='Ada'), True)
    >>> Author.parse("The Falls Group,").family, Author.parse("The Falls Group,").name
    ('', 'The Falls Group')
    """

    name: str
    family: str = ""
    given: str = ""

    @classmethod
    def parse(cls, text: str) -> Author:
        """``Family, Given`` or ``Given Family``; a group ends in a comma, so that it is not taken for a person."""
        before, comma, after = (part.strip() for part in text.partition(","))
        if comma:
            return cls(f"{after} {before}", before, after) if after else cls(before)
        given, _, family = before.rpartition(" ")
        return cls(before, family, given) if given else cls(before)


@dataclass(frozen=True, slots=True)
class About:
    """What a review is about: title and question (one line each), authors, a short name, the day it begins, its name for machines.

    The short name stands in citations and names of files; by default it is that of the folder.
    """

    title: str
    question: str
    authors: tuple[Author, ...] = ()
    name: str = ""
    date: dt.date = field(default_factory=dt.date.today)
    id: str = field(default_factory=lambda: f"urn:uuid:{uuid.uuid4()}")


def create(target: Path, about: About, *, report: Callable[[str], None] = print) -> tuple[str, ...]:
    """Make a review in ``target``, a folder that is empty or not there yet; returns the paths of its files, sorted.

    The folder takes its place in one step, whole. Raises :class:`NewReviewError` before anything is written.
    """
    target = target.absolute()
    about = replace(about, name=about.name.strip() or target.name)
    _checked(target, about)
    with tempfile.TemporaryDirectory(prefix="cordbook-new-") as temporary:
        made = Path(temporary) / "review"
        report("writing pages, settings and commands")
        for path, content in _files(about):
            _write(made / path, content)
        report("writing the tables under their schema")
        for path, text in _tables(made / "data"):
            _write(made / path, text.encode())
        with (made / CODEBOOK).open("a", encoding="utf-8") as file:
            file.write(codebook_text(load_package(made / "data"), rule_list()).replace(MARK, BEGUN) + "\n")
        files = tuple(sorted(p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()))
        report(f"putting {len(files)} files in place")
        try:
            publish(made, target)
        except OSError as error:
            raise NewReviewError(f"{target} cannot be written: {error.strerror}. Name a folder that you may write to.") from error
    return files


def _checked(target: Path, about: About) -> None:
    if target.exists() and not target.is_dir():
        raise NewReviewError(f"{target} is a file. Name a folder that is empty or not there yet.")
    if target.is_dir() and any(target.iterdir()):
        raise NewReviewError(
            f"{target} is not empty, and nothing in it is overwritten. Name a folder that is empty or not there yet."
        )
    named = (("title", about.title), ("question", about.question), ("short name", about.name))
    for what, text in (*named, *(("author", author.name) for author in about.authors)):
        if not text.strip() or len(text) > MOST_SIGNS or not text.isprintable():
            raise NewReviewError(f"the {what} is {text!r}: write it on one line of 1 to {MOST_SIGNS} signs.")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# --------------------------------------------------------------------------- pages, settings, commands


def _files(about: About) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of the files that are not tables."""
    fill = _filler(about)
    for path in sorted(p for p in TEMPLATE.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        name = path.relative_to(TEMPLATE).as_posix()
        if name == f"data/{PACKAGE_FILE}":
            yield name, _schema(path, about).encode()
        elif name.endswith(FILLED):
            plain, text = name.removesuffix(FILLED), path.read_text(encoding="utf-8")
            yield plain, (_notebook(text, fill) if plain.endswith(NOTEBOOK) else fill(text)).encode()
        else:
            yield name, path.read_bytes()


def _filler(about: About) -> Callable[[str], str]:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters |= {"markdown": as_markdown, "quoted": quoted, "format_value": format_value}
    people = about.authors or (Author(UNNAMED),)
    known = {
        "title": about.title.strip(),
        "name": about.name,
        "question": about.question.strip(),
        "people": people,
        "authors": [person.name for person in people],
        "date": about.date,
        "id": about.id,
        "engine": cordbook.__version__,
    }
    return lambda text: environment.from_string(text).render(known)


def _notebook(text: str, fill: Callable[[str], str]) -> str:
    """A notebook with its cells filled one by one: what is put in must not end a string of the file."""
    content = json.loads(text)
    for cell in content["cells"]:
        cell["source"] = fill(source_of(cell)).splitlines(keepends=True)
    return written(content)


def as_markdown(text: str) -> str:
    r"""Plain text for a page, where no sign of it is markup.

    >>> as_markdown("Falls: 5 < 6 *stars*")
    'Falls\\: 5 \\< 6 \\*stars\\*'
    """
    return "".join(f"\\{sign}" if sign in _MARKUP else sign for sign in text)


def quoted(text: str) -> str:
    """A text for YAML, in quotation marks.

    >>> quoted('Falls: a "review"')
    '"Falls: a \\\\"review\\\\""'
    """
    return json.dumps(text, ensure_ascii=False)


# --------------------------------------------------------------------------- tables


def _schema(path: Path, about: About) -> str:
    content = json.loads(path.read_text(encoding="utf-8"))
    content["title"] = f"Evidence: {about.title.strip()}"
    content["description"] = f"Extracted data of a living systematic review: {about.question.strip()}"
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def starting_rows(part: str) -> Mapping[str, Sequence[Mapping[str, str]]]:
    """Rows of ``tables.yml`` by table: those of its part ``codes``, or the invented ones of ``example``."""
    return load_yaml(TABLES.read_text(encoding="utf-8"))[part]


def _tables(data: Path) -> Iterator[tuple[str, str]]:
    """Every table of the schema as CSV, and references.bib, by path."""
    codes, example = starting_rows("codes"), starting_rows("example")
    for table in load_package(data).tables:
        rows: list[Any] = [*codes.get(table.name, ()), *example.get(table.name, ())]
        full = [dict.fromkeys(table.columns, "") | row for row in rows]
        yield f"data/{table.path}", to_csv(full, table.columns)
        if table.name == "references":
            yield "references.bib", bibliography_text(full)
