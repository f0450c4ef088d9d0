"""Which included studies are among the records of a file: what a search gave, set beside what it should have given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from cordbook.core.project import Project
from cordbook.intake.dedupe.store import STUDY, Tables, find, load
from cordbook.intake.imports.importing import read
from cordbook.intake.records.record import Record, as_doi
from cordbook.review.appraisal.search_recall import CannotMeasure, Missed, Recall, Study

_PMC = re.compile(r"\bPMC[1-9]\d*", re.I)
#: Under this a record stands in deduplication; no key of a table begins so.
_FILE = "file:"


def records_of(path: Path) -> tuple[list[Record], int]:
    """The records of an export and how many parts of it could not be read; raises :class:`CannotMeasure` where it holds none."""
    parsed, _, _ = read(path)
    if not parsed.records:
        raise CannotMeasure(f"{path} holds no record that can be read; export it as RIS, NBIB, BibTeX, EndNote XML or CSV")
    return [record for _, record in parsed.records], len(parsed.rejects)


def in_records(project: Project, records: Sequence[Record], studies: Sequence[Study], name: str) -> Recall:
    """Which studies are among some records: by a number of the report, or by title and place as deduplication judges.

    A number alone is enough here, whatever the title: many a study is known by its number only.
    """
    wanted = {STUDY + s.study_id for s in studies}
    known = {key: record for key, record in load(project).studies.items() if key in wanted}
    held = {f"{_FILE}{n}": record for n, record in enumerate(records)}
    result = find(Tables(held, received={}, studies=known, merges=(), screened=frozenset(), reports={}))
    groups = (group for group in result.groups if any(i.startswith(_FILE) for i in group))
    found = {i.removeprefix(STUDY) for group in groups for i in group if i.startswith(STUDY)}
    numbers = {n for r in records for n in _numbers(r)}
    found |= {key.removeprefix(STUDY) for key, record in known.items() if numbers & _numbers(record)}
    found |= {s.study_id for s in studies if s.pmcid and s.pmcid.upper() in numbers}
    unsure = {i.removeprefix(STUDY) for p in result.uncertain for i in (p.a, p.b) if i.startswith(STUDY)}
    missed = (s for s in studies if s.study_id not in found)
    return Recall(
        name,
        tuple(s for s in studies if s.study_id in found),
        tuple(Missed(s, "a record may be it; compare them" if s.study_id in unsure else "") for s in missed),
    )


def _numbers(record: Record) -> set[str]:
    """The DOI, the PubMed number and the PubMed Central numbers of a record, in one form each."""
    central = {m.upper() for text in (record.url, record.source_key) for m in _PMC.findall(text)}
    return (
        central | ({f"doi:{as_doi(record.doi)}"} if record.doi else set()) | ({f"pmid:{record.pmid}"} if record.pmid else set())
    )
