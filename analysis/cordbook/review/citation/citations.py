"""What is cited: the book in one edition, one of its numbers, or the report of a study that it holds.

A :class:`Citation` says in plain text what a reference manager wants to know; :mod:`cordbook.review.citation.formats`
writes it down.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from cordbook.errors import UnknownName
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.labels import NOT_SEEN
from cordbook.evidence.review_state import format_value
from cordbook.review.citation.edition import Author, Edition
from cordbook.review.estimates.estimates import ESTIMATES_FOLDER, Estimate, Estimates
from cordbook.review.estimates.phrases import MISSING, phrase
from cordbook.review.versions.releases import FrozenEstimate, Release

STUDIES_FOLDER = "book/studies"


class UnknownId(UnknownName):
    """Nothing of that id can be cited; ``args[0]`` says so and names what is near."""


@dataclass(frozen=True, slots=True)
class Citation:
    """One thing to cite. ``kind`` is ``book``, ``estimate`` or ``study``; texts are plain, blank where nothing is known.

    ``number`` is the estimate with its interval and counts; ``container`` the book or journal that holds the thing; ``year`` is
    None where it was not seen, ``date`` the whole date of an edition. ``first_only``: of the authors the first alone is recorded.
    """

    kind: str
    id: str
    title: str
    authors: tuple[Author, ...]
    year: int | None
    edition: Edition
    date: dt.date | None = None
    container: str = ""
    number: str = ""
    doi: str = ""
    address: str = ""
    first_only: bool = False

    @property
    def key(self) -> str:
        """The key in a bibliography: letters, digits and signs that BibTeX, RIS and CSL all take.

        An estimate of two versions has two keys; a study keeps its own.
        """
        edition = f"{self.edition.key}-{self.edition.version.replace('+', '-')}"
        return {"book": edition, "estimate": f"{edition}-{self.id}"}.get(self.kind, self.id)

    @property
    def edition_text(self) -> str:
        """The version in words; of a working tree that it is not released, and the date of its data."""
        e = self.edition
        return f"Version {e.version}" + ("" if e.released else f", unreleased, data of {format_value(e.date)}")


def cite_book(edition: Edition) -> Citation:
    """The book, in one edition."""
    return Citation(
        "book", "", edition.title, edition.authors, edition.date.year, edition, edition.date,
        doi=edition.doi, address=edition.address("index.html"),
    )  # fmt: skip


def cite_estimate(estimate: Estimate, edition: Edition, *, pool_anyway: bool = False) -> Citation:
    """One of today's estimates; with ``pool_anyway`` the average also where the review does not report one, and said so."""
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


def _estimate(estimate_id: str, title: str, short: str, k: int, n: int, measure: str, edition: Edition) -> Citation:
    text = short if short == MISSING or not measure else f"{measure} {short}"
    counts = f"k = {k:,}, n = {n:,}"
    number = f"{text[:-1]}; {counts})" if text.endswith(")") else f"{text} ({counts})"
    return Citation(
        "estimate", estimate_id, title, edition.authors, edition.date.year, edition, edition.date,
        container=edition.title, number=number, doi=edition.doi, address=edition.address(f"{ESTIMATES_FOLDER}/{estimate_id}.html"),
    )  # fmt: skip


def cite_study(study_id: str, reference: Mapping[str, Any], edition: Edition) -> Citation:
    """The report of a study as its bibliographic record has it; ``reference`` is its row of references.csv (blank: not seen)."""
    year, author = _text(reference, "year"), _text(reference, "first_author")
    return Citation(
        "study",
        study_id,
        _text(reference, "title") or NOT_SEEN["title"],
        (_first_author(author),),
        int(float(year)) if year else None,
        edition,
        container=_text(reference, "journal"),
        doi=_text(reference, "doi"),
        address=_public_address(reference),
        first_only=bool(author),
    )


def _first_author(name: str) -> Author:
    if not name:
        return Author(NOT_SEEN["author"], group=True)
    family, _, initials = name.rpartition(" ")
    short = family and initials.isalpha() and initials.isupper() and len(initials) <= 3
    return Author(family, " ".join(f"{letter}." for letter in initials)) if short else Author(name)


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None or value != value else str(value).strip()


def _public_address(reference: Mapping[str, Any]) -> str:
    """The record's own page; other addresses were read, but are not the report's."""
    if pmid := _text(reference, "pmid"):
        return f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/"
    pmcid = _text(reference, "pmcid")
    return f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid}/" if pmcid else ""


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
        return cite_estimate(estimates[wanted], edition, pool_anyway=pool_anyway)  # computes this one alone
    except KeyError:
        raise unknown(wanted, [*(e.id for e in estimates), *studies], "the review") from None


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
