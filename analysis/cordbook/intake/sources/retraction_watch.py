"""The Retraction Watch data set as Crossref publishes it: one CSV file, one row per notice.

Columns that are read: Record ID, RetractionNature, RetractionDate, RetractionDOI, OriginalPaperDOI, OriginalPaperPubMedID,
Reason. A number that is not known is written "unavailable" or 0 there, a date month/day/year.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cordbook.errors import CordbookError
from cordbook.intake.records.record import as_doi, as_pmid, as_year
from cordbook.intake.records.untrusted_text import one_line, plain
from cordbook.intake.sources.crossref_works import Update, kind_of

COLUMNS = (
    "Record ID",
    "RetractionNature",
    "RetractionDate",
    "RetractionDOI",
    "OriginalPaperDOI",
    "OriginalPaperPubMedID",
    "Reason",
)
NAME = "Retraction Watch"


class NotTheDataSet(CordbookError, ValueError):
    """The file cannot be read as the Retraction Watch data set."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What the data set says of some papers: notices by DOI and by PubMed number.

    ``rows`` is the number of rows, ``misshapen`` the lines that cannot be read, ``latest`` the day of its latest notice.
    """

    by_doi: dict[str, tuple[Update, ...]]
    by_pmid: dict[str, tuple[Update, ...]]
    rows: int
    misshapen: tuple[int, ...]
    latest: str

    def of(self, doi: str, pmid: str) -> tuple[Update, ...]:
        """Notices about a paper by either number, each once."""
        return tuple(dict.fromkeys((*self.by_doi.get(doi, ()), *self.by_pmid.get(pmid, ()))))


def read_watch(path: Path, dois: Iterable[str], pmids: Iterable[str]) -> Watch:
    """Read the data set and keep what it says of these papers; raises :class:`NotTheDataSet` or ``OSError``."""
    wanted_dois, wanted_pmids = set(dois) - {""}, set(pmids) - {""}
    by_doi: dict[str, list[Update]] = {}
    by_pmid: dict[str, list[Update]] = {}
    rows, misshapen, latest = 0, [], ""
    # A cell beyond the limit of `core.csv_files` is not a cell of the data set: a quote was lost.
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
    if missing:
        raise NotTheDataSet(
            f"{path}: not the Retraction Watch data set: no column {', '.join(missing)}. "
            "Take retraction_watch.csv from https://gitlab.com/crossref/retraction-watch-data"
        )
    try:
        for row in reader:
            rows += 1
            if None in row or None in row.values():
                misshapen.append(reader.line_num)
                continue
            latest = max(latest, _day(row["RetractionDate"]))
            doi, pmid = as_doi(row["OriginalPaperDOI"]), as_pmid(row["OriginalPaperPubMedID"])
            if doi not in wanted_dois and pmid not in wanted_pmids:
                continue
            update = _update(row)
            if update and doi in wanted_dois:
                by_doi.setdefault(doi, []).append(update)
            if update and pmid in wanted_pmids:
                by_pmid.setdefault(pmid, []).append(update)
    except csv.Error as error:
        raise NotTheDataSet(f"{path}, line {reader.line_num}: cannot be read as CSV ({error}); take the file anew") from error
    first, second = ({k: tuple(v) for k, v in found.items()} for found in (by_doi, by_pmid))
    return Watch(first, second, rows, tuple(misshapen), latest)


def _text(path: Path) -> str:
    """The file's text: UTF-8; older editions were in Latin-1. A byte of null would end the reading."""
    body = path.read_bytes().replace(b"\x00", b"")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _update(row: dict[str, str]) -> Update | None:
    kind = kind_of(row["RetractionNature"])
    if not kind:
        return None
    reasons = (plain(part).lstrip("+").strip() for part in row["Reason"].split(";"))
    return Update(
        kind, one_line(row["RetractionNature"]), as_doi(row["RetractionDOI"]), as_year(row["RetractionDate"]), NAME,
        one_line(row["Record ID"]), tuple(filter(None, reasons)),
    )  # fmt: skip


def _day(text: str) -> str:
    """A day as 2021-04-15, from 4/15/2021 0:00 or from that form; blank for anything else.

    >>> _day("4/15/2021 0:00"), _day("2021-04-15"), _day("soon")
    ('2021-04-15', '2021-04-15', '')
    """
    american = re.match(r"(\d{1,2})/(\d{1,2})/(\d{4})\b", text.strip())
    if american:
        month, day, year = american.groups()
        return f"{year}-{int(month):02d}-{int(day):02d}"
    found = re.match(r"\d{4}-\d\d-\d\d\b", text.strip())
    return found.group() if found else ""
