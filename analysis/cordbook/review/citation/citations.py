"""What is cited: the book in one edition, one of its numbers, or the report of a study that it holds.

A :class:`Citation` holds the bibliographic item (CSL-JSON) that says what a reference manager wants to know;
:mod:`cordbook.review.citation.formats` writes it down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from cordbook.errors import UnknownName
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.references.items import Item, reference_item
from cordbook.evidence.review_state import format_value
from cordbook.review.citation.edition import Author, Edition
from cordbook.review.estimates.estimates import ESTIMATES_FOLDER, Estimate, Estimates
from cordbook.review.estimates.phrases import MISSING, phrase
from cordbook.review.expected.lookup import AllEstimates
from cordbook.review.scores.estimates import ScoreEstimate, scores_of
from cordbook.review.scores.phrases import score_phrase
from cordbook.review.versions.releases import FrozenEstimate, Release

STUDIES_FOLDER = "book/studies"
FIRST_ONLY = "Of the authors only the first is recorded"


class UnknownId(UnknownName):
    """Nothing of that id can be cited; ``args[0]`` says so and names what is near."""


@dataclass(frozen=True, slots=True)
class Citation:
    """One thing to cite. ``kind`` is ``book``, ``estimate`` or ``study``; ``title`` is plain text.

    ``item`` is its bibliographic item, from which every format derives; ``number`` the estimate with its interval and counts.
    """

    kind: str
    id: str
    title: str
    edition: Edition
    item: Item
    number: str = ""

    @property
    def key(self) -> str:
        """The key in a bibliography: letters, digits and signs that BibTeX, RIS and CSL all take.

        An estimate of two versions has two keys; a study keeps its own.
        """
        return str(self.item["id"])


def edition_text(edition: Edition) -> str:
    """The version in words; of a working tree that it is not released, and the date of its data."""
    return f"Version {edition.version}" + ("" if edition.released else f", unreleased, data of {format_value(edition.date)}")


def _edition_item(edition: Edition, kind: str, title: str, page: str, *, part: str = "") -> Item:
    """The item of the book (``kind`` is ``book``) or of a part of it; ``part`` is the id of an estimate."""
    words, key = edition_text(edition), f"{edition.key}-{edition.version.replace('+', '-')}"
    notes = [words, *([f"Estimate {part}"] if part else [])]
    item: Item = {
        "id": f"{key}-{part}" if part else key,
        "type": kind,
        "title": title,
        "author": [_person(author) for author in edition.authors],
        "issued": {"date-parts": [[edition.date.year, edition.date.month, edition.date.day]]},
        "container-title": edition.title if part else "",
        "version": edition.version,
        "DOI": edition.doi,
        "URL": edition.address(page),
        "note": ". ".join(notes),
        "custom": {"edition": words, "notes": notes, **({"part": f"estimate {part}"} if part else {})},
    }
    return {name: value for name, value in item.items() if value}


def _person(author: Author) -> dict[str, str]:
    if author.group:
        return {"literal": author.family}
    return {"family": author.family} | ({"given": author.given} if author.given else {})


def cite_book(edition: Edition) -> Citation:
    """The book, in one edition."""
    return Citation("book", "", edition.title, edition, _edition_item(edition, "book", edition.title, "index.html"))


def cite_estimate(estimate: Estimate | ScoreEstimate, edition: Edition, *, pool_anyway: bool = False) -> Citation:
    """One of today's estimates, of counts or of a score; with ``pool_anyway`` the average also where the review does not report one, and said so."""
    if isinstance(estimate, ScoreEstimate):
        n = estimate.n if estimate.sizes_known else None
        return _estimate(estimate.id, estimate.title, score_phrase(estimate), estimate.k, n, "", edition)
    shown = estimate.pooled_anyway() if pool_anyway else estimate
    measure = shown.synthesis.measure if shown.is_comparison and shown.result is not None else ""
    words = (
        phrase(shown)
        if shown.not_pooled == estimate.not_pooled
        else f"{phrase(shown)}, an average that the review does not report"
    )
    return _estimate(estimate.id, estimate.title, words, estimate.k, estimate.n, measure, edition)


def cite_frozen(estimate: FrozenEstimate, edition: Edition) -> Citation:
    """An estimate as a release holds it."""
    measured = estimate.kind == "comparison" and estimate.estimate is not None
    measure = str(estimate.settings.get("measure") or "") if measured else ""
    return _estimate(estimate.id, estimate.title, estimate.words["short"], estimate.k, estimate.n, measure, edition)


def _estimate(estimate_id: str, title: str, short: str, k: int, n: int | None, measure: str, edition: Edition) -> Citation:
    text = short if short == MISSING or not measure else f"{measure} {short}"
    counts = f"k = {k:,}" + ("" if n is None else f", n = {n:,}")
    number = f"{text[:-1]}; {counts})" if text.endswith(")") else f"{text} ({counts})"
    item = _edition_item(edition, "chapter", f"{title}: {number}", f"{ESTIMATES_FOLDER}/{estimate_id}.html", part=estimate_id)
    return Citation("estimate", estimate_id, title, edition, item, number)


def cite_study(study_id: str, reference: Mapping[str, Any], edition: Edition) -> Citation:
    """The report of a study as its bibliographic record has it; ``reference`` is its row of references.csv (blank: not seen)."""
    item = reference_item(reference)
    known = "author" in item
    notes = [*([FIRST_ONLY] if known else []), f"Read for {edition.name}, study {study_id}"]
    own = {"id": study_id, "note": ". ".join(notes), "custom": {"notes": notes, "first_author_only": known}}
    return Citation("study", study_id, item["title"], edition, {**item, **own})


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None or value != value else str(value).strip()


def unknown(wanted: str, known: Iterable[str], where: str) -> UnknownId:
    """The error for an id that is neither an estimate nor a study; names the nearest."""
    near = get_close_matches(wanted, sorted(known), n=5, cutoff=0.4)
    hint = f" Near it: {', '.join(near)}." if near else " Estimates: cordbook estimates. Studies: data/studies.csv."
    return UnknownId(f"{where} has no estimate and no study {wanted!r}.{hint}")


def cite_today(estimates: Estimates, edition: Edition, wanted: str, *, pool_anyway: bool = False) -> Citation:
    """The estimate or study ``wanted`` as the working tree has it; raises :class:`UnknownId`."""
    studies = estimates.evidence["studies"]["study_id"].tolist()
    if wanted in studies:
        return cite_study(wanted, record_of(records_by_id(estimates.evidence), wanted), edition)
    try:
        return cite_estimate(AllEstimates(estimates)[wanted], edition, pool_anyway=pool_anyway)  # computes this one alone
    except KeyError:
        raise unknown(wanted, [*(e.id for e in (*estimates, *scores_of(estimates))), *studies], "the review") from None


def cite_release(release: Release, evidence: Evidence, edition: Edition, wanted: str) -> Citation:
    """The estimate or study ``wanted`` as a release froze it; raises :class:`UnknownId`.

    A release keeps no bibliographic records: that of a study is today's, and blank where it is gone from references.csv.
    """
    if wanted in release.estimates:
        return cite_frozen(release.estimates[wanted], edition)
    studies = release.rows.get("studies", {})
    if wanted in studies:
        return cite_study(wanted, record_of(records_by_id(evidence), wanted), edition)
    raise unknown(wanted, [*release.estimates, *studies], f"release {release.version}")


def records_by_id(evidence: Evidence) -> dict[str, Mapping[str, Any]]:
    """The rows of references.csv by id."""
    return {str(row["reference_id"]): row for row in evidence["references"].to_dict("records")}


def record_of(records: Mapping[str, Mapping[str, Any]], study_id: str) -> Mapping[str, Any]:
    """The bibliographic record of a study; of a second id, that of the source which it stands for. Empty where there is none."""
    row = records.get(study_id, {})
    return records.get(_text(row, "same_as"), row)
