"""Where the numbers of a study come from: registration, both readings of every count, and the report itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cordbook.core.text import enumerate_words, months, people, plain
from cordbook.display.html.pieces import Cell, Facts, Link, Shown
from cordbook.display.html.table import CARDS, Folded, Table, folded
from cordbook.evidence.references.hosts import host_of
from cordbook.evidence.references.identity import UNIDENTIFIED
from cordbook.evidence.references.items import own_page as citable_page
from cordbook.evidence.review_words import AGREEMENT, IDENTITY, READ, read_as
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.appraisal.verification_queue import count_state
from cordbook.review.studies.records import OutcomeCount, Row, Source, StudyRecord
from cordbook.review.studies.words import reading


@dataclass(frozen=True, slots=True)
class Registration:
    """The number that a report gives of itself, and the trials in registers that are linked to it."""

    number: Link | None
    trials: tuple[Shown, ...]


def registration(r: StudyRecord) -> Registration | None:
    """Where a study is registered; None where no number was seen."""
    if not r.registration and not r.trials:
        return None
    number = Link(r.registration, _register_page(r.registration)) if r.registration else None
    return Registration(number, tuple(_trial(t, r.vocabulary) for t in r.trials))


def _trial(t: Row, words: Vocabulary) -> Shown:
    number = "number not seen" if t["registry_id"].startswith("id_not_seen_") else t["registry_id"]
    parts = [
        t["title"], t["sponsor"] and f"sponsor: {t['sponsor']}",
        t["status"] and f"state when last seen: {plain(t['status'])}",
        t["enrollment"] and f"planned or actual: {people(t['enrollment'])}", _years(t), words.remark(t["note"]),
    ]  # fmt: skip
    return (Link(number, _register_page(number)), ": " if any(parts) else "", "; ".join(str(part) for part in parts if part))


def _years(t: Row) -> str:
    start, end = t["start_year"], t["completion_year"]
    return f"{start} to {end}" if start and end else f"from {start}" if start else f"until {end}" if end else ""


def _register_page(number: str | None) -> str | None:
    """The page of a registration, where its register is known and open."""
    for one in (number or "").split("; "):
        if re.fullmatch(r"NCT\d{8}", one):
            return f"https://clinicaltrials.gov/study/{one}"
        if re.fullmatch(r"ISRCTN\d{8}", one):
            return f"https://www.isrctn.com/{one}"
    return None


def who(c: OutcomeCount, vocabulary: Vocabulary) -> str:
    """The arm and the patients of a count."""
    return f"{vocabulary.arm(c.arm, 'label')}: {vocabulary.stratum(c.stratum)}"


def lead(r: StudyRecord) -> str:
    """What was read of a study, and whether a person has checked its counts."""
    read = f"What was read: {read_as(r.read_as)}."
    return f"{read} {_state(r)}" if r.counts else read


def readings(r: StudyRecord) -> Folded | None:
    """Both readings of every count; None where there is no count."""
    if not r.counts:
        return None
    rows = tuple(
        (
            Cell(c.label, (f"{who(c, r.vocabulary)}, {months(c.months)}",)),
            _reading(c, 1),
            _reading(c, 2),
            Cell(AGREEMENT.get(c.agreement, plain(c.agreement)), (c.settled_by,)),
            Cell(READ.get(c.source_kind, plain(c.source_kind)), (c.locator, f"confidence: {c.confidence}")),
            Cell("; ".join(c.verified) or "not yet", (c.note and f"Note: {c.note}", *c.waivers, *c.corrections)),
        )
        for c in r.counts
    )
    header = ("Count", "First reading", "Second reading", "How it was settled", "Read in", "Checked by a person, and notes")
    return folded(Table("readings", "Both readings of every count", header, rows, kind=CARDS))


def state_of(c: OutcomeCount) -> str:
    """How far a count has been looked at: read once, read twice, verified by a person."""
    return count_state(c.agreement, verified=bool(c.verified))


def verified_line(counts: Sequence[OutcomeCount]) -> Shown:
    """How many of some counts a person has verified, none included."""
    done = sum(bool(c.verified) for c in counts)
    text = (
        f"{done} of {len(counts)} counts here verified by a person"
        if len(counts) > 1
        else ("This count was verified by a person" if done else "This count was not verified by a person yet")
    )
    return (Link(text, "../methods/extraction-audit.html"), ".")


def _state(r: StudyRecord) -> str:
    if r.verified:
        return f"A person has checked {r.verified} of {len(r.counts)} counts against the source."
    if r.read_by:
        return f"Read by {enumerate_words(list(r.read_by))}. Nobody has checked these numbers against the source since."
    return "No person has checked these numbers against the source yet; both readings were automated."


def _reading(c: OutcomeCount, which: int) -> Cell:
    found = next((x for x in c.readings if x.reading == which), None)
    # Automated readers have names of work alone; who asks for them finds them in extractions.csv.
    by = "" if found is None or not found.reader else f"read by {found.reader}" if c.reconciled_by else "automated reading"
    return Cell(reading(found), (by,))


def source(r: StudyRecord, records: Mapping[str, StudyRecord]) -> Facts:
    """The report of a study and where to find it."""
    s = r.source
    pairs: list[tuple[str, Shown]] = [
        ("First author", s.author or "not seen"),
        ("Title", s.title or "not seen"),
        ("Published in", f"{s.journal or 'journal not seen'}, {s.year or 'year not seen'}"),
        ("Which paper it is", IDENTITY.get(s.identity, plain(s.identity))),
        *_addresses(r),
        ("Id of the study", r.study_id),
    ]
    if s.same_as:
        pairs.append(("Same source as", Link(s.same_as, f"{s.same_as}.html" if s.same_as in records else None)))
    if s.note:
        pairs.append(("Note on the record", s.note))
    note = _own_note(r)
    if note:
        pairs.append(("Note of the readers", note))
    return Facts("source", "The report and where to find it", tuple(pairs))


def addresses_by_number(s: Source) -> list[tuple[str, Link]]:
    """DOI, PubMed and PubMed Central by the source's own numbers, the surest first; a number of another form is not linked."""
    found = [
        ("DOI", s.doi, s.doi and re.fullmatch(r"10\.\d{4,9}/\S+", s.doi) and f"https://doi.org/{quote(s.doi, safe='/()._-:;')}"),
        ("PubMed", s.pmid, s.pmid and re.fullmatch(r"[1-9]\d{0,8}", s.pmid) and f"https://pubmed.ncbi.nlm.nih.gov/{s.pmid}/"),
        ("PubMed Central", s.pmcid, s.pmcid and re.fullmatch(r"PMC[1-9]\d*", s.pmcid) and f"https://pmc.ncbi.nlm.nih.gov/articles/{s.pmcid}/"),
    ]  # fmt: skip
    return [(name, Link(text, address or None)) for name, text, address in found if text]


def _addresses(r: StudyRecord) -> Iterator[tuple[str, Shown]]:
    """Where the report is: by its numbers, else otherwise; and whether a copy was read."""
    yield from addresses_by_number(r.source) or _other_pages(r)
    if copy := _read_in_a_copy(r):
        yield "Read in", copy


def _other_pages(r: StudyRecord) -> Iterator[tuple[str, Shown]]:
    """Where the report is, without a number of its own: its page, its register, a search for its title; said plainly where nothing is known."""
    s = r.source
    page = citable_page({"canonical_url": s.canonical_url})
    if page and s.identity == UNIDENTIFIED:
        yield "Listed in", Link(page, page)
    elif page:
        yield "Page", Link(page, page)
    elif (number := r.registration) and (page := _register_page(number)):
        yield "Registered as", Link(number, page)
    elif s.title:
        yield (
            "Page",
            (
                "its own page was not seen; ",
                Link("look for its title in PubMed", f"https://pubmed.ncbi.nlm.nih.gov/?term={quote(s.title, safe='')}"),
            ),
        )
    else:
        yield "Address", "no page of the report was seen; it is known from what cites it"


def _read_in_a_copy(r: StudyRecord) -> str:
    """Where a copy was read, by its host; blank where the report's own page was read or nothing is known."""
    host = host_of(r.row.get("source_url") or "")
    return f"a copy of the report's page{f', at {host}' if host else ''}" if r.row.get("read_in") == "copy" else ""


def _own_note(r: StudyRecord) -> str:
    """The readers' note without what the section on shared patients says already."""
    note = r.note or ""
    for overlap in r.overlaps:
        note = note.replace(f"overlap group {overlap.group}: {overlap.reason.rstrip('.')}", "")
        note = note.replace(f"overlap group {overlap.group}: {overlap.reason}", "")
    return "; ".join(part.strip() for part in note.split(";") if part.strip(" ."))
