"""Findings of a check as rows of ``integrity_notices.csv``: proposed, compared with what is there, and added when asked to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cordbook
from cordbook.intake.records.store import Row, read_rows, write_tables
from cordbook.intake.references.check import IDENTITY, Finding
from cordbook.intake.sources.crossref_works import CONCERN, CORRECTION, REINSTATEMENT, RETRACTION

TABLE = "integrity_notices"
FOUND_BY = f"cordbook {cordbook.__version__}"
#: Kinds as a heading of the report.
NAMES = {
    RETRACTION: "retracted", CONCERN: "expression of concern", CORRECTION: "corrected", REINSTATEMENT: "reinstated",
    IDENTITY: "identity in doubt",
}  # fmt: skip
_SAYS = {
    RETRACTION: "The report was retracted.",
    CONCERN: "The journal published an expression of concern about the report.",
    CORRECTION: "The journal published a correction of the report.",
    REINSTATEMENT: "The retraction of the report was taken back.",
}
#: Reasons beyond so many are counted, not named.
MOST_REASONS = 8


@dataclass(frozen=True, slots=True)
class Proposal:
    """A finding with the row that says it; ``known``: the table has it already, under the id in ``row``."""

    finding: Finding
    row: Row
    known: bool


def proposals(data: Path, findings: Iterable[Finding], today: str) -> list[Proposal]:
    """A row for each finding, numbered on from the last of the table; those that it has already are marked."""
    there = read_rows(data, TABLE)
    number = max((int(row["notice_id"][1:]) for row in there if re.fullmatch(r"N\d+", row["notice_id"])), default=0)
    found = []
    for finding in findings:
        row = _row(finding, today)
        same = next((old for old in there if _same(old, row, finding)), None)
        if same is None:
            number += 1
            row["notice_id"] = f"N{number:02d}"
            there.append(row)
        found.append(Proposal(finding, row if same is None else dict(same), same is not None))
    return found


def add(data: Path, proposed: Iterable[Proposal]) -> list[Row]:
    """Add the rows that are new, behind those that are there; returns them. Nothing is changed or removed."""
    new = [p.row for p in proposed if not p.known]
    if new:
        write_tables(data, {TABLE: [*read_rows(data, TABLE), *new]})
    return new


def _row(finding: Finding, today: str) -> Row:
    reference = finding.reference
    return {
        "notice_id": "",
        "study_id": reference.reference_id if reference.study else "",
        "citation": "" if reference.study else _citation(finding),
        "kind": finding.kind,
        "year": finding.update.year if finding.update else "",
        "reference": _reference(finding),
        "what_it_says": _identity_says(finding) if finding.kind == IDENTITY else _describe(finding),
        "source_url": _address(finding),
        "confidence": _confidence(finding),
        "found_by": FOUND_BY,
        "found_on": today,
    }


def _citation(finding: Finding) -> str:
    reference = finding.reference
    number = f"doi {reference.doi}" if reference.doi else f"PubMed {reference.pmid}"
    title = f" {reference.title.rstrip('.')}." if reference.title else ""
    return f"{reference.label}.{title} {number} [{reference.reference_id}]"


def _reference(finding: Finding) -> str:
    """The notice; what is in it never changes, so that a second check finds the row again."""
    if finding.kind == IDENTITY:
        return f"Crossref on doi {finding.reference.doi}"
    update = finding.update
    assert update is not None
    name = {RETRACTION: "Retraction", CONCERN: "Expression of concern", CORRECTION: "Correction", REINSTATEMENT: "Reinstatement"}
    parts = [name[finding.kind], f"doi {update.doi}" if update.doi else "", update.year]
    record = f"Retraction Watch record {update.record}" if update.record else ""
    return "; ".join(filter(None, (", ".join(filter(None, parts)), record)))


def _describe(finding: Finding) -> str:
    update = finding.update
    assert update is not None
    text = _SAYS[finding.kind]
    if update.named.casefold().startswith("partial"):
        text = "A part of the report was retracted."
    elif update.named == "marked in the title":
        text = "The title carries a mark of retraction; no notice is named."
    elif update.named.casefold() in ("withdrawal", "removal"):
        text = f"The report was taken back ({update.named.casefold()})."
    reasons = list(update.reasons[:MOST_REASONS])
    more = len(update.reasons) - len(reasons)
    if reasons:
        text += f" Reasons named by Retraction Watch: {'; '.join(reasons)}{f'; and {more} more' if more else ''}."
    return f"{text} Told by {' and '.join(finding.sources)}."


def _identity_says(finding: Finding) -> str:
    work, matched, ours = finding.work, finding.match, finding.reference
    assert work is not None
    assert matched is not None
    if work.notice_of:
        about = ", ".join(filter(None, (u.doi for u in work.notice_of)))
        named = work.notice_of[0].named or work.notice_of[0].kind
        return f"Our DOI {ours.doi} stands for a notice ({named}) about {about or 'another paper'}."
    theirs = f"{work.authors[0] if work.authors else 'no author'} {'/'.join(work.years) or 'no year'}: {work.title or 'no title'}"
    likeness = f" Likeness of titles {matched.title:.0f} of 100." if matched.title is not None else ""
    return f"Our DOI {ours.doi} stands for: {theirs}. That differs from what we cite by {', '.join(matched.differ)}.{likeness}"


def _address(finding: Finding) -> str:
    doi = finding.update.doi if finding.update and finding.update.doi else finding.reference.doi
    return f"https://doi.org/{doi}" if doi else f"https://pubmed.ncbi.nlm.nih.gov/{finding.reference.pmid}/"


def _confidence(finding: Finding) -> str:
    if finding.kind == IDENTITY:
        return "medium"
    return "high" if finding.update and (finding.update.doi or finding.update.record) else "medium"


def _same(old: Row, new: Row, finding: Finding) -> bool:
    """Does a row of the table say what a proposed one says? Rows that people wrote are known by kind, number or year."""
    about = (
        old["study_id"] == new["study_id"] if new["study_id"] else old["citation"].endswith(f"[{finding.reference.reference_id}]")
    )
    if not about or old["kind"] != new["kind"]:
        return False
    if finding.kind == IDENTITY:
        return finding.reference.doi in old["reference"]
    update = finding.update
    assert update is not None
    text = f"{old['reference']} {old['source_url']}".casefold()
    if update.doi and re.search(r"\b10\.\d{4,9}/", text):
        return re.search(re.escape(update.doi) + r"(?![\w/-])", text) is not None
    return not (old["year"] and update.year) or old["year"] == update.year
