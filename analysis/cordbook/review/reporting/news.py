"""What happened to the review, for those who follow it: releases and studies that came in. Dates are the data's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cordbook.core.names import first_author
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.labels import NOT_SEEN, Known
from cordbook.evidence.review_state import Status, format_value
from cordbook.evidence.screening import FULL_TEXT, INCLUDE, settled, standing
from cordbook.review.citation.citations import record_of, records_by_id
from cordbook.review.versions.releases import Release

CHANGES_PAGE, FIRST_PAGE = "book/methods/changes", "index"
#: Readers of feeds ask often; who was away longer reads the page of changes.
MOST = 100


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of news: ``name`` is its own for ever (``study lima2010``), ``page`` the page to read, as Sphinx names it."""

    name: str
    title: str
    date: dt.date
    text: str
    page: str


def news(evidence: Evidence, status: Status, releases: Sequence[Release], estimates: int) -> tuple[Item, ...]:
    """The newest :data:`MOST` items, newest first; ``releases`` come oldest first, ``estimates`` is how many there are today.

    Studies of the first release are not news one by one: the release is. A study that is in no release yet is news on the day on which
    screening included it, extracted or not; one that came in otherwise is dated by the last release.
    """
    items = [*_releases(releases), *_studies(evidence, status, releases)]
    if not releases:
        items.append(_not_yet(evidence, status, estimates))
    return tuple(sorted(items, key=lambda item: (-item.date.toordinal(), item.name)))[:MOST]


def _not_yet(evidence: Evidence, status: Status, estimates: int) -> Item:
    counts = f"{len(evidence['studies']):,} study reports, {estimates:,} estimates."
    text = f"{counts} No version has been released yet, so all of it may change."
    return Item("baseline", f"Baseline of {format_value(status.baseline)}", status.baseline, text, FIRST_PAGE)


def _releases(releases: Sequence[Release]) -> Iterator[Item]:
    for place, release in enumerate(releases):
        before = releases[place - 1] if place else None
        studies = release.rows.get("studies", {})
        parts = [f"{len(studies):,} study reports, {len(release.estimates):,} estimates."]
        if before is not None:
            parts += _changes(before, release)
        yield Item(f"release {release.version}", f"Version {release.version}", release.date, " ".join(parts), CHANGES_PAGE)


def _changes(before: Release, after: Release) -> Iterator[str]:
    old, new = before.rows.get("studies", {}), after.rows.get("studies", {})
    came, went = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    yield f"Studies new since {before.version}: {came:,}{f', withdrawn: {went:,}' if went else ''}."
    moved = [e.id for e in after.estimates.values() if e.id in before.estimates and before.estimates[e.id].words != e.words]
    yield f"Estimates that moved: {len(moved):,}."
    turned = sum(e.id in before.estimates and before.estimates[e.id].direction != e.direction for e in after.estimates.values())
    yield f"Conclusions that changed: {turned:,}."


def _studies(evidence: Evidence, status: Status, releases: Sequence[Release]) -> Iterator[Item]:
    """Studies that came in after the first release, by the version that first had them, else by the day of their inclusion."""
    records, labels, included = records_by_id(evidence), evidence.study_labels, inclusions(evidence)
    since = releases[-1].date if releases else status.baseline
    yet = f"Not in a released version yet; the last is {releases[-1].version}." if releases else "Not in a released version yet."
    for study_id in dict.fromkeys([*evidence["studies"]["study_id"], *included]):
        first = next((r for r in releases if study_id in r.rows.get("studies", {})), None)
        own = included.get(study_id)
        if (first is None and own is None and not releases) or (first is not None and first is releases[0]):
            continue
        if study_id not in labels and own is not None:
            text = f"{own.title}. {yet} Its outcomes have not been extracted yet."
            yield Item(f"study {study_id}", f"Included: {own.label}", own.date, text, f"book/studies/{study_id}")
            continue
        date = first.date if first else own.date if own else since
        record = record_of(records, study_id)
        title, journal = (str(record.get(name) or "") for name in ("title", "journal"))
        where = f"Came in with version {first.version}." if first else yet
        text = f"{title or NOT_SEEN['title']}.{f' {journal}.' if journal else ''} {where}"
        yield Item(f"study {study_id}", f"New study: {labels[study_id]}", date, text, f"book/studies/{study_id}")


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The inclusion of a study by screening: the day of the decision that settled it, title and label of its report."""

    date: dt.date
    title: str
    label: str


def inclusions(evidence: Evidence) -> dict[str, Inclusion]:
    """The studies that screening of full texts included, by id, each by its first report that was."""
    decisions = evidence["screening"].fillna("").to_dict("records")
    records = {row["record_id"]: row for row in evidence["records"].to_dict("records")}
    rows = standing(decisions, FULL_TEXT)
    found: dict[str, Inclusion] = {}
    for record_id, outcome in settled(decisions, FULL_TEXT).items():
        if outcome.outcome != INCLUDE or not outcome.study_id:
            continue
        moments = [str(row["decided_at"]) for (_, who), row in rows[record_id].items() if who in outcome.decided_by]
        date = dt.date.fromisoformat(max(moments)[:10])
        if outcome.study_id not in found or date < found[outcome.study_id].date:
            record = records[record_id]
            found[outcome.study_id] = Inclusion(date, str(record["title"]).rstrip("."), label_of_record(record))
    return found


def label_of_record(record: Mapping[str, Any]) -> str:
    """The label of a report that has no row in references.csv yet."""
    authors, pmid = ("" if pd.isna(record[name]) else str(record[name]) for name in ("authors", "pmid"))
    return Known.of(
        {"first_author": first_author(authors), "year": record["year"], "title": record["title"], "pmid": pmid}
    ).label()
