"""Tables of records: CSV, TSV and semicolons, as PubMed, Embase, Web of Science, Scopus and Cochrane export them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace

from cordbook.intake.imports.parsers.parsed import Parsed, Reject, build

#: Field to the column names that hold it, in lower case without anything but letters and digits; the best first.
COLUMNS = {
    "title": ("title", "articletitle", "documenttitle", "ti", "studytitle", "题名", "篇名"),
    "authors": ("authorfullnames", "authors", "authornames", "author", "au", "作者"),
    "year": ("publicationyear", "year", "py", "publicationdate", "date", "earlyaccessdate", "createdate", "startdate"),
    "container": ("sourcetitle", "journalbook", "journal", "journaltitle", "source", "so", "publicationname", "来源", "刊名"),
    "volume": ("volume", "vl"),
    "issue": ("issue", "is"),
    "pages": ("pages", "pagerange", "startpage", "pagestart", "firstpage", "bp", "articlenumber", "artno", "ar"),
    "last_page": ("endpage", "pageend", "lastpage", "ep"),
    "doi": ("doi", "digitalobjectidentifier", "doilink", "di"),
    "pmid": ("pmid", "pubmedid", "medlinepmid", "pubmedids"),
    "language": ("language", "languageoforiginaldocument", "languageofarticle", "la"),
    "kind": ("documenttype", "publicationtype", "dt", "type"),
    "url": ("link", "url", "embaselink", "studyurl"),
    "abstract": ("abstract", "ab", "summary", "briefsummary", "摘要"),
}
#: A row of a table may go over so many lines; more is a quotation mark that was never closed.
LONGEST_ROW = 400
_SEPARATORS = ("\t", ",", ";")


def name_of(column: str) -> str:
    """A column's name as :data:`COLUMNS` has it.

    >>> name_of("Author(s) ")
    'authors'
    """
    return re.sub(r"[\W_]+", "", column.casefold())


def header_of(text: str) -> tuple[int, str, list[str]] | None:
    """Where the header stands (line from 0), what separates, and the names; nothing if no early line names a title."""
    for at, line in enumerate(text.splitlines()[:20]):
        for separator in _SEPARATORS:
            try:
                names = [name_of(cell) for cell in next(csv.reader([line], delimiter=separator), [])]
            except csv.Error:
                continue
            if len(names) > 1 and set(names) & set(COLUMNS["title"]):
                return at, separator, names
    return None


def parse(text: str) -> Parsed:
    """Read a table; raises :class:`ValueError` where no line names a title column."""
    header = header_of(text)
    if header is None:
        raise ValueError("no header with a column for the title")
    at, separator, names = header
    lines = text.splitlines(keepends=True)
    records, rejects = (
        [],
        [Reject(n + 1, n + 1, "text before the header", lines[n].rstrip()) for n in range(at) if lines[n].strip()],
    )
    number = at + 1
    while number < len(lines):
        if not lines[number].strip():
            number += 1
            continue
        cells, taken, why = _row(lines, number, separator, len(names))
        raw = "".join(lines[number : number + taken]).rstrip("\r\n")
        if why:
            rejects.append(Reject(number + 1, number + taken, why, raw))
        else:
            values: dict[str, list[str]] = {}
            for name, cell in zip(names, cells, strict=False):
                values.setdefault(name, []).append(cell)
            # Scopus puts its number of the person behind each full name.
            values["authorfullnames"] = [re.sub(r"\s*\(\d+\)", "", cell) for cell in values.get("authorfullnames", ())]
            record = build(values, COLUMNS)
            if {"pmid", "journalbook", "nihmsid"} <= set(names):
                # PubMed's table separates authors with commas, and ends them with a full stop.
                people = record.authors.rstrip(".").replace(", ", "; ")
                record = replace(record, source="PubMed", source_key=record.pmid, authors=people)
            if record.title:
                records.append((number + 1, record))
            else:
                rejects.append(Reject(number + 1, number + taken, "no title", raw))
        number += taken
    return Parsed("table", tuple(records), tuple(rejects))


def _row(lines: Sequence[str], at: int, separator: str, width: int) -> tuple[list[str], int, str]:
    """The cells of the row that begins at a line, how many lines it takes, and what is wrong with it."""
    reader = csv.reader(lines[at : at + LONGEST_ROW], delimiter=separator, strict=True)
    try:
        cells, taken = next(reader), reader.line_num
    except csv.Error as error:
        # One line by itself, more leniently: a stray quotation mark inside a cell does no harm.
        try:
            cells, taken = next(csv.reader([lines[at]], delimiter=separator)), 1
        except csv.Error:
            return [], 1, f"not a row of a table: {error}"
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width:
        # Only its first line is rejected: the rest may be good rows that an open quotation mark has swallowed.
        return [], 1, f"{len(cells)} values where the header has {width}"
    return cells, taken, ""
