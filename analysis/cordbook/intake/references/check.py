"""Every reference against Crossref and the Retraction Watch data set: what was taken back, corrected, or is another paper.

Answers of Crossref are kept in ``.cordbook/references``, one file per DOI with the day of the question, as they come: a check that
breaks off goes on where it stopped. Nothing here writes to ``data/``; :mod:`cordbook.intake.references.notices` does, when asked to.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from cordbook.core.project import Project
from cordbook.core.trust.nested import read_json
from cordbook.intake.records.record import as_doi, as_pmid
from cordbook.intake.records.store import read_rows, write_json
from cordbook.intake.records.untrusted_text import one_line
from cordbook.intake.references.match import Match, marked_retracted, match
from cordbook.intake.sources.client import Client, Malformed, NoNetwork, SearchFailed, contact_address
from cordbook.intake.sources.crossref import Crossref
from cordbook.intake.sources.crossref_works import RETRACTION, Update, Work, ask_work, work_of
from cordbook.intake.sources.retraction_watch import Watch, read_watch

IDENTITY = "identity_doubt"
#: After so many DOIs in a row that Crossref does not answer, the rest is left for another day.
FAILURES_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """A source of ``references.csv`` that can be checked. ``study``: is it the report of a study of the review?"""

    reference_id: str
    author: str
    year: str
    title: str
    doi: str
    pmid: str
    study: bool

    @property
    def label(self) -> str:
        return " ".join(filter(None, (self.author, self.year))) or self.reference_id


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be said of a reference. ``sources`` say it; ``match`` is there for a doubt of identity."""

    reference: Reference
    kind: str
    update: Update | None = None
    sources: tuple[str, ...] = ()
    match: Match | None = None
    work: Work | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check came to.

    ``findings`` are proposed as notices. ``differences`` are single fields that differ: for a person to look at. ``answers`` are
    the days on which Crossref was asked, by DOI; ``unknown`` are DOIs that it does not have; ``unasked`` those without an answer yet;
    ``failed`` says why an answer is missing.
    """

    references: int
    checkable: int
    findings: tuple[Finding, ...]
    differences: tuple[Finding, ...]
    answers: Mapping[str, str]
    asked: int
    unknown: tuple[str, ...]
    unasked: tuple[str, ...]
    failed: tuple[str, ...]
    no_network: bool
    watch: Watch | None


def references_of(data: Path) -> list[Reference]:
    """The sources with a DOI or a PubMed number, in the order of the table. Second ids of one paper carry none."""
    studies = {row["study_id"] for row in read_rows(data, "studies")}
    found = []
    for row in read_rows(data, "references"):
        doi, pmid = as_doi(row.get("doi", "")), as_pmid(row.get("pmid", ""))
        if doi or pmid:
            author, year = row.get("first_author", ""), row.get("year", "")
            study = row["reference_id"] in studies
            found.append(
                Reference(row["reference_id"], author, year if year.isdigit() else "", row.get("title", ""), doi, pmid, study)
            )
    return found


def check(
    project: Project,
    *,
    watch_file: Path | None,
    online: bool,
    today: str,
    max_age: int = 30,
    say: Callable[[str], None] = lambda text: None,
    **client: Any,
) -> Checked:
    """Check every reference that has a number.

    ``watch_file`` is the Retraction Watch data set. ``online`` asks Crossref for what is not kept, or was asked more than
    ``max_age`` days ago; else only kept answers are used. ``client``: settings of :class:`~cordbook.intake.sources.client.Client`.
    Raises ``NotTheDataSet``, ``OSError``; a source that fails is told in the result.
    """
    references = references_of(project.data)
    dois = list(dict.fromkeys(r.doi for r in references if r.doi))
    watch = read_watch(watch_file, dois, (r.pmid for r in references)) if watch_file else None
    client = {"contact": contact_address(project.data)} | client
    kept = _Kept(project.kept / "references" / "crossref")
    asked, failed, no_network = _ask(kept, dois, today, max_age, say, client) if online else (0, (), False)
    works, answers, unknown = {}, {}, []
    for doi in dois:
        answer = kept.get(doi)
        if answer is not None:
            answers[doi] = answer["asked_on"]
            if answer["work"] is None:
                unknown.append(doi)
            else:
                works[doi] = work_of(answer["work"])
    findings, differences = [], []
    for reference in references:
        work = works.get(reference.doi)
        findings += _notices(reference, work, watch)
        doubt = _identity(reference, work)
        if doubt:
            (findings if _is_another(doubt) else differences).append(doubt)
    return Checked(
        references=len(read_rows(project.data, "references")),
        checkable=len(references),
        findings=tuple(findings),
        differences=tuple(differences),
        answers=answers,
        asked=asked,
        unknown=tuple(unknown),
        unasked=tuple(d for d in dois if d not in answers),
        failed=failed,
        no_network=no_network,
        watch=watch,
    )


class _Kept:
    """Answers of Crossref, one file per DOI."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, doi: str) -> dict[str, Any] | None:
        try:
            answer = read_json(self._file(doi))
            date.fromisoformat(answer["asked_on"])
            whole = answer["doi"] == doi and isinstance(answer["work"], dict | None)
            return answer if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not there, or of another version: it is asked again

    def put(self, doi: str, work: Mapping[str, Any] | None, today: str) -> None:
        write_json(self._file(doi), {"doi": doi, "asked_on": today, "work": work})

    def _file(self, doi: str) -> Path:
        return self._folder / f"{hashlib.sha256(doi.encode()).hexdigest()[:32]}.json"


def _ask(
    kept: _Kept, dois: Iterable[str], today: str, max_age: int, say: Callable[[str], None], client: Mapping[str, Any]
) -> tuple[int, tuple[str, ...], bool]:
    """Ask Crossref for what is not kept or too old: how many answers came, what failed, and was there no network."""
    wanted = [d for d in dois if not _fresh(kept.get(d), today, max_age)]
    base = (os.environ.get("CORDBOOK_CROSSREF_URL") or Crossref().base).rstrip("/")
    settings = {"interval": Crossref().interval, "say": say} | dict(client)
    answered, failed, in_a_row = 0, [], 0
    with Client(**settings) as asking:
        for number, doi in enumerate(wanted, 1):
            try:
                kept.put(doi, ask_work(asking, base, doi), today)
            except (SearchFailed, Malformed) as error:
                why = str(error) if isinstance(error, SearchFailed) else f"Crossref keeps sending {error}"
                failed.append(f"{doi}: {one_line(why)}")
                in_a_row += 1
                if isinstance(error, NoNetwork):
                    return answered, tuple(failed), not answered
                if in_a_row == FAILURES_IN_A_ROW:
                    break
            else:
                answered, in_a_row = answered + 1, 0
                if number % 5 == 0 or number == len(wanted):
                    say(f"Crossref: {number} of {len(wanted)} asked")
    return answered, tuple(failed), False


def _fresh(answer: Mapping[str, Any] | None, today: str, max_age: int) -> bool:
    return answer is not None and (date.fromisoformat(today) - date.fromisoformat(answer["asked_on"])).days <= max_age


def _notices(reference: Reference, work: Work | None, watch: Watch | None) -> list[Finding]:
    """Notices about a reference, each once, with all sources that name it."""
    updates = [*(work.updates if work else ()), *(watch.of(reference.doi, reference.pmid) if watch else ())]
    found: list[Finding] = []
    for update in updates:
        same = next((i for i, f in enumerate(found) if f.update and _same(f.update, update)), None)
        if same is None:
            found.append(Finding(reference, update.kind, update, (update.source,)))
        else:
            one = found[same]
            sources = tuple(dict.fromkeys((*one.sources, update.source)))
            found[same] = replace(one, update=_joined(one.update, update), sources=sources)
    if work and marked_retracted(work.title) and not any(f.kind == RETRACTION for f in found) and not work.notice_of:
        found.append(Finding(reference, RETRACTION, Update(RETRACTION, "marked in the title"), ("Crossref",)))
    return found


def _same(one: Update, other: Update) -> bool:
    if one.kind != other.kind:
        return False
    if one.doi and other.doi:
        return one.doi == other.doi
    return one.year == other.year or not (one.year and other.year)


def _joined(one: Update, other: Update) -> Update:
    return replace(
        one, doi=one.doi or other.doi, year=one.year or other.year, record=one.record or other.record,
        reasons=one.reasons or other.reasons,
    )  # fmt: skip


def _identity(reference: Reference, work: Work | None) -> Finding | None:
    if work is None:
        return None
    matched = match(reference.title, reference.year, reference.author, work)
    if matched.differ or work.notice_of:
        return Finding(reference, IDENTITY, None, ("Crossref",), matched, work)
    return None


def _is_another(finding: Finding) -> bool:
    """The DOI stands for another paper, or for a notice about one."""
    return bool(finding.match and finding.match.another) or bool(finding.work and finding.work.notice_of)
