"""From which database exported records come, and their numbers there: told by the fields for it alone, never by a title or a DOI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cordbook.intake.records.record import Record

OTHER = "other"
#: A number that only one database gives; the first that is found decides.
NUMBERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Web of Science", re.compile(r"\b(?:WOS|MEDLINE|BCI|KJD|RSCI|SCIELO|CSCD|PPRN|ZOOREC|CABI|FSTA):[A-Z0-9]{5,20}\b")),
    ("Scopus", re.compile(r"\b2-s2\.0-\d{8,12}\b")),
    ("CENTRAL", re.compile(r"\bCN-\d{6,9}\b")),
    ("ClinicalTrials.gov", re.compile(r"(?<=clinicaltrials\.gov/study/)NCT\d{8}\b", re.I)),
    ("OpenAlex", re.compile(r"(?<=openalex\.org/)W\d{1,12}\b")),
    ("Embase", re.compile(r"(?<![A-Za-z0-9])L\d{7,12}\b")),
    ("ERIC", re.compile(r"\bE[DJ]\d{6,8}\b")),
    ("Dimensions", re.compile(r"\bpub\.\d{7,12}\b")),
)
#: Their form alone could be anything; they count where the database is named.
NAMED_ONLY = frozenset({"Embase", "ERIC"})
NAMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("CNKI", re.compile(r"\bcnki\b|中国知网", re.I)),
    ("Wanfang", re.compile(r"\bwanfang\b|万方", re.I)),
    ("Embase", re.compile(r"\bembase\b", re.I)),
    ("Scopus", re.compile(r"\bscopus\b", re.I)),
    ("CENTRAL", re.compile(r"cochrane (?:library|central)|\bCENTRAL\b")),
    ("PubMed", re.compile(r"\bpubmed\b(?! central)|^nlm$", re.I)),
    ("ERIC", re.compile(r"^eric$", re.I)),
)


def with_origin(record: Record, databases: Iterable[str], numbers: Iterable[str]) -> Record:
    """``record`` with source and number as its fields for the database, the number there and the address tell."""
    texts = [v for v in numbers if len(v) < 400]
    named = next((name for name, pattern in NAMES if any(pattern.search(v) for v in databases)), "")
    for name, pattern in NUMBERS:
        if (named and name != named) or (name in NAMED_ONLY and not named):
            continue
        if found := next((found for text in texts if (found := pattern.search(text))), None):
            return replace(record, source=name, source_key=found.group())
    key = record.pmid if named == "PubMed" else ""
    return replace(record, source=named or record.source, source_key=key or record.source_key)


def two_numbers(values: Iterable[str]) -> str:
    """The second of two numbers that one database gave to the values of a record; blank where each gave one."""
    given = list(values)
    for _, pattern in NUMBERS:
        found = list(dict.fromkeys(match.group() for value in given if (match := pattern.search(value))))
        if len(found) > 1:
            return found[1]
    return ""


def of_one_source(records: Sequence[Record], given: str = "", by_format: str = "") -> list[Record]:
    """The records of one file, all from one source: the one that is ``given``, else that of the format, else that of its records.

    Where its records name several, or most name none, the file is a collection: its source is told by no one.
    """
    told = {record.source for record in records} - {OTHER}
    voters = sum(record.source != OTHER for record in records)
    of_records = next(iter(told)) if len(told) == 1 and 2 * voters >= len(records) else ""
    source = given or of_records or by_format * (not told) or OTHER
    return [_placed(record, source) for record in records]


def _placed(record: Record, source: str) -> Record:
    """``record`` as one of ``source``, with the number that it has there."""
    key = record.source_key if record.source in (source, OTHER) else ""
    return replace(record, source=source, source_key=key or (record.pmid if source == "PubMed" else ""))
