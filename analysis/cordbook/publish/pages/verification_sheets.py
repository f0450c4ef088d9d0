"""Sheets on which a person checks counts against the reports: a page per study to print or to read on a phone, and an index.

Each page is whole in itself: no script, no file beside it. What a person ticks on paper goes into the file of answers that
``cordbook verify-counts`` takes back (:mod:`cordbook.intake.extraction.verify_sheet`); :func:`answer_rows` makes its rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.text import NOT_STATED, months, plain
from cordbook.core.text import studies as words_of
from cordbook.display.html.markup import Html
from cordbook.display.html.pieces import Link, unseen
from cordbook.display.html.templates import render
from cordbook.evidence.review_words import AGREEMENT, IDENTITY, READ
from cordbook.publish.pages.study_sources import addresses_by_number, state_of, who
from cordbook.review.appraisal.verification_queue import QueuedCount
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.phrases import percent
from cordbook.review.studies.records import OutcomeCount, StudyRecord, study_records
from cordbook.review.studies.words import events_of_n, reading

STYLE = Path(__file__).parents[1] / "assets" / "verification.css"
ANSWERS_FILE, INDEX_FILE = "counts.csv", "index.html"


@dataclass(frozen=True, slots=True)
class CountToCheck:
    """One count with all that is needed to find it in the report; ``id`` is its key in the tables."""

    id: str
    place_in_queue: str
    what: str
    means: str
    who: str
    when: str
    count: str
    events: str
    n: str
    definition: str
    where: str
    read_in: str
    read_at: Link
    noted: tuple[str, ...]
    weight: str
    state: str


@dataclass(frozen=True, slots=True)
class StudySheet:
    """The page of one study: the report, where to find it, and its counts."""

    id: str
    label: str
    title: str
    published: str
    identity: str
    addresses: tuple[tuple[str, Link], ...]
    noted: tuple[str, ...]
    counts: tuple[CountToCheck, ...]
    weight: str
    file: str = unseen("")

    @property
    def how_many(self) -> str:
        """How many counts stand on the page."""
        return f"{len(self.counts):,}"

    def link(self) -> Link:
        """The report's best address."""
        return self.addresses[0][1]


@dataclass(frozen=True, slots=True)
class Sheets:
    """Pages of studies, those with the most urgent count first; ``first`` are ids of the counts to check before all others."""

    review: str
    studies: tuple[StudySheet, ...]
    first: tuple[tuple[str, CountToCheck, StudySheet], ...]
    answers: str

    @property
    def style(self) -> Html:
        """The style sheet, which stands in each page: a page has no file beside it."""
        return Html(STYLE.read_text(encoding="utf-8"))

    @property
    def total(self) -> int:
        """How many counts stand on the pages."""
        return sum(len(s.counts) for s in self.studies)

    @property
    def how_many_studies(self) -> str:
        """How many studies have a page."""
        return words_of(len(self.studies))

    @property
    def how_many_first(self) -> str:
        """How many counts are named before all others."""
        return f"{len(self.first):,}"

    def pages(self) -> dict[str, str]:
        """Every page by the name of its file, the index among them."""
        made = {
            s.file: render("verification_sheet.html.jinja", sheets=self, studies=(s,), index=INDEX_FILE) for s in self.studies
        }
        return {INDEX_FILE: render("verification_index.html.jinja", sheets=self), **made}

    def one_page(self) -> str:
        """All studies in one page, each on a new sheet of paper."""
        return render("verification_sheet.html.jinja", sheets=self, studies=self.studies, index="")


def verification_sheets(
    estimates: Estimates, queue: Sequence[QueuedCount], review: str, answers: str, first: Collection[str] = ()
) -> Sheets:
    """The sheets of some counts, in the order of the queue; ``answers`` names the file that takes the answers."""
    records = study_records(estimates)
    counted = {c.cell_id: c for record in records.values() for c in record.counts}
    places = {c.cell_id: f"{at:,}" for at, c in enumerate(queue, 1)}
    titles = {e.id: e.title for e in estimates}
    pages = estimates.evidence.counts_by_id(places)["source_url"].to_dict()
    made: dict[str, list[CountToCheck]] = {}
    urgent: dict[str, QueuedCount] = {}
    for c in queue:
        record = records[c.study_id]
        made.setdefault(c.study_id, []).append(_count(c, counted[c.cell_id], record, places[c.cell_id], titles, pages[c.cell_id]))
        urgent.setdefault(c.study_id, c)
    studies = tuple(_study(records[study], tuple(found), _weight(urgent[study], titles)) for study, found in made.items())
    by_study = {s.id: s for s in studies}
    named = tuple((c.place_in_queue, c, by_study[s.id]) for s in studies for c in s.counts if c.id in first)
    return Sheets(review, studies, tuple(sorted(named, key=lambda n: int(n[0].replace(",", "")))), answers)


def answer_rows(sheets: Sheets) -> list[dict[str, str]]:
    """Rows for the file of answers: each count once, in the order of the queue."""
    rows = [
        (
            int(c.place_in_queue.replace(",", "")),
            {
                "cell_id": c.id,
                "study": s.label,
                "what": f"{c.what} ({c.means})" if c.means else c.what,
                "who": c.who,
                "when": c.when,
                "events": c.events,
                "n": c.n,
                "definition": c.definition,
                "place": f"{c.where} ({c.read_in})",
                "link": s.link().href or c.read_at.href or "",
                "noted": " ".join(c.noted),
            },
        )
        for s in sheets.studies
        for c in s.counts
    ]
    return [row for _, row in sorted(rows, key=lambda r: r[0])]


def _count(
    c: QueuedCount, o: OutcomeCount, record: StudyRecord, place: str, titles: Mapping[str, str], page: object
) -> CountToCheck:
    address = page if isinstance(page, str) else ""
    return CountToCheck(
        id=c.cell_id,
        place_in_queue=place,
        what=o.label,
        means=o.outcome_means,
        who=who(o, record.vocabulary),
        when=months(o.months),
        count=events_of_n(o),
        events=str(o.events),
        n=str(o.n),
        definition=o.definition or NOT_STATED,
        where=o.locator or "place not noted",
        read_in=READ.get(o.source_kind, plain(o.source_kind)),
        read_at=Link(address, address or None),
        noted=tuple(_noted(o)),
        weight=_weight(c, titles),
        state=state_of(o),
    )


def _weight(c: QueuedCount, titles: Mapping[str, str]) -> str:
    return f"{percent(c.weight)} of the weight of “{titles[c.estimate]}”" if c.estimate else "in no pooled result"


def _noted(o: OutcomeCount) -> list[str]:
    """What the readers noted of a count, in sentences."""
    readings = [f"{x.reader or f'reader {x.reading}'}: {reading(x)}" for x in o.readings]
    lines = [f"Readings: {'; '.join(readings)}." if readings else ""]
    agreed = AGREEMENT.get(o.agreement, plain(o.agreement))
    lines += [f"{agreed}{f': {plain(o.settled_by)}' if o.settled_by else ''}. Confidence: {o.confidence}."]
    lines += [f"Not pooled: {'; '.join(label for label, _ in o.reasons)}." if o.reasons and not o.poolable else ""]
    lines += [f"Note: {o.note}" if o.note else "", *o.waivers, *o.corrections]
    lines += [f"Checked: {checked}." for checked in o.verified]
    return [line for line in lines if line]


def _study(r: StudyRecord, found: tuple[CountToCheck, ...], weight: str) -> StudySheet:
    s = r.source
    return StudySheet(
        id=r.study_id,
        label=r.label,
        title=s.title or "Title not seen",
        published=f"{s.author or 'first author not seen'}; {s.journal or 'journal not seen'}, {s.year or 'year not seen'}",
        identity=IDENTITY.get(s.identity, plain(s.identity)),
        addresses=_addresses(r),
        noted=tuple(note for note in (s.note, r.note) if note),
        counts=found,
        weight=weight,
        file=f"{r.study_id}.html",
    )


def _addresses(r: StudyRecord) -> tuple[tuple[str, Link], ...]:
    """Where to find the report, the surest first; a page that was read where there is nothing else."""
    read = r.source.url
    found = (*addresses_by_number(r.source), *([("Page that was read", Link(read, read))] if read else []))
    return found or (("Address", Link("none is known; look for the title", None)),)
