"""What happened to the review, for those who follow it: releases and studies that came in. Dates are the data's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cordbook.evidence.evidence import Evidence
from cordbook.evidence.references.bibliography import NOT_SEEN
from cordbook.evidence.review_state import Status, format_value
from cordbook.review.citation.citations import record_of, records_by_id
from cordbook.review.citation.edition import data_date
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

    Studies of the first release are not news one by one: the release is. Studies that are not in the last release are dated by the
    data, but never before that release.
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
    """Studies of today that came in after the first release, by the version that first had them."""
    if not releases:
        return
    records, labels = records_by_id(evidence), evidence.study_labels
    for study_id in evidence["studies"]["study_id"]:
        first = next((r for r in releases if study_id in r.rows.get("studies", {})), None)
        if first is not None and first is releases[0]:
            continue
        date = first.date if first else max(data_date(status), releases[-1].date)
        record = record_of(records, study_id)
        title, journal = (str(record.get(name) or "") for name in ("title", "journal"))
        yet = f"Not in a released version yet; the last is {releases[-1].version}."
        where = f"Came in with version {first.version}." if first else yet
        text = f"{title or NOT_SEEN['title']}.{f' {journal}.' if journal else ''} {where}"
        yield Item(f"study {study_id}", f"New study: {labels[study_id]}", date, text, f"book/studies/{study_id}")
