"""From which database an exported record comes, and its number there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from cordbook.intake.records.record import Record

#: A number that only one database gives; the first that is found decides.
NUMBERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Web of Science", re.compile(r"\b(?:WOS|MEDLINE|BCI|KJD|RSCI|SCIELO|CSCD|PPRN):[A-Z0-9]{5,20}\b")),
    ("Scopus", re.compile(r"\b2-s2\.0-\d{8,12}\b")),
    ("CENTRAL", re.compile(r"\bCN-\d{6,9}\b")),
    ("ClinicalTrials.gov", re.compile(r"(?<=clinicaltrials\.gov/study/)NCT\d{8}\b", re.I)),
    ("Embase", re.compile(r"(?<![A-Za-z0-9])L\d{7,12}\b")),
)
NAMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("CNKI", re.compile(r"\bcnki\b|中国知网", re.I)),
    ("Embase", re.compile(r"\bembase\b", re.I)),
    ("Scopus", re.compile(r"\bscopus\b", re.I)),
    ("CENTRAL", re.compile(r"cochrane (?:library|central)|\bCENTRAL\b")),
    ("PubMed", re.compile(r"\bpubmed\b|^nlm$", re.I)),
)


def with_origin(record: Record, values: Iterable[str]) -> Record:
    """``record`` with source and number, as far as the values of its fields tell. Long values (abstracts) are not asked."""
    texts = [v for v in values if v and len(v) < 400 and v not in (record.title, record.abstract)]
    named = next((name for name, pattern in NAMES if any(pattern.search(t) for t in texts)), "")
    for name, pattern in NUMBERS:
        # L and digits alone could be anything; they are Embase's only where Embase is named.
        if name == "Embase" and named != "Embase":
            continue
        for text in texts:
            if found := pattern.search(text):
                return replace(record, source=name, source_key=found.group())
    if named == "PubMed" or (not named and record.source == "PubMed"):
        return replace(record, source="PubMed", source_key=record.pmid or record.source_key)
    return replace(record, source=named or record.source)
