"""What a released version said: ``releases/X.Y.Z/`` read into frozen objects.

A release is three files that never change once written::

    estimates.json   every estimate with its rows and settings, the guards, the verdicts on claims
    rows.json        the rows of the evidence behind them, so that a comparison can name what was corrected
    manifest.json    SHA-256 of the two above and of every data, code and lock file; packages, searches, counts

This module reads them; :mod:`cordbook.publish.release.release` writes them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import total_ordering
from pathlib import Path
from typing import Any

from cordbook.core.tracking import note
from cordbook.core.trust.nested import read_json
from cordbook.errors import InputError, UnknownName
from cordbook.review.estimates.row_counts import read_question

FOLDER = "releases"
ESTIMATES, ROWS, MANIFEST = "estimates.json", "rows.json", "manifest.json"
#: Grows when the meaning of a field changes; a reader refuses what it does not know.
FORMAT = 1
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class ReleaseError(InputError):
    """A release cannot be read, or there is none of that version; the message says which file, why and what to do."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version of a review: ``str(Version.parse("0.1.0"))``; versions compare by their numbers.

    >>> Version.parse("0.10.0") > Version.parse("0.9.1")
    True
    """

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``X.Y.Z``; raises :class:`ReleaseError` for anything else."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ReleaseError(f"{text!r} is not a valid version: write three numbers, for instance 0.2.0")
        return cls(*(int(number) for number in match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def __lt__(self, other: Version) -> bool:
        return (self.major, self.minor, self.patch) < (other.major, other.minor, other.patch)


@dataclass(frozen=True, slots=True)
class FrozenEstimate:
    """An estimate as a release holds it.

    Shares and limits are on the natural scale (0 to 1, or a ratio); None where nothing could be estimated. ``settings`` are
    the declared choices that can move the number (outcome, filters, strata, measure, model, interval, level). ``cells`` holds the
    ids of the rows of ``outcomes.csv`` by study; ``rows_sha256`` is the digest of what those rows said. ``direction`` is the
    conclusion in a word (:mod:`cordbook.review.estimates.conclusions`), ``certainty`` its level. ``words`` are the number as the book
    wrote it, by the name of the form: ``short`` ("53% (95% CI 43 to 64)"), ``full`` (with studies and people), ``of`` ("190 of
    381").
    """

    id: str
    title: str
    question: str
    kind: str
    section: str
    parent: str | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    pi_low: float | None
    pi_high: float | None
    i2: float | None
    tau2: float | None
    q_p: float | None
    k: int
    n: int
    events: int
    settings: Mapping[str, Any]
    cells: Mapping[str, tuple[str, ...]]
    rows_sha256: str
    direction: str
    certainty: str
    words: Mapping[str, str]

    @property
    def cell_ids(self) -> frozenset[str]:
        """Ids of all rows behind the estimate."""
        return frozenset(i for ids in self.cells.values() for i in ids)

    @property
    def pooled(self) -> bool:
        """Whether a number was reported for all studies together."""
        return self.estimate is not None

    @property
    def result(self) -> FrozenEstimate | None:
        """The numbers, as conditions of guards ask for them; None where nothing could be estimated."""
        return None if self.estimate is None else self


@dataclass(frozen=True, slots=True)
class FrozenGuard:
    """A guarded sentence of the book: where it stood, its condition, and whether it held."""

    page: str
    sentence: str
    condition: str
    holds: bool
    estimate_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FrozenClaim:
    """The verdict on a claim of a parent document, with the estimates that it rests on."""

    claim_id: str
    statement: str
    verdict: str
    estimate_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release was made from: digests by path (from the project's folder), versions, dates and counts.

    ``chapters`` are digests of the sources of the notebooks without outputs. ``counts`` are those that PRISMA-LSR asks for;
    a count is None where the step has not been taken.
    """

    version: Version
    date: dt.date
    previous: Version | None
    step: str
    title: str
    state: str
    baseline: dt.date
    last_search: dt.date | None
    next_search: dt.date | None
    searches: tuple[Mapping[str, Any], ...]
    counts: Mapping[str, int | None]
    python: str
    packages: Mapping[str, str]
    data: Mapping[str, str]
    code: Mapping[str, str]
    lock: Mapping[str, str]
    chapters: Mapping[str, str]
    frozen: Mapping[str, str]

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of every file that can be compared byte by byte, by path."""
        return {**self.data, **self.code, **self.lock}


#: Rows of the evidence by table and key; blank values and columns of prose are left out.
Rows = Mapping[str, Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Frozen:
    """What the review says at one moment: a release, or the working tree.

    ``made_with`` are versions of what computed it and digests of the files of ``data/``, by name.
    """

    estimates: Mapping[str, FrozenEstimate]
    guards: tuple[FrozenGuard, ...]
    claims: tuple[FrozenClaim, ...]
    rows: Rows
    made_with: Mapping[str, str]

    def __getitem__(self, estimate_id: str) -> FrozenEstimate:
        return self.estimates[estimate_id]

    def count(self, question: str) -> float:
        """How many of the rows that a release keeps fit a question, as conditions of guards ask it.

        Raises ``KeyError`` for a table that no release keeps, or a column that holds nothing in it.
        """
        asked = read_question(question)
        if asked.table not in self.rows:
            raise UnknownName(f"a release keeps no rows of {asked.table!r}; it keeps {', '.join(self.rows)}")
        rows = self.rows[asked.table].values()
        return asked.count(sorted({column for row in rows for column in row}), rows)


@dataclass(frozen=True, slots=True)
class Release(Frozen):
    """A released version: its estimates by id, guards, claims and rows; the manifest beside them."""

    version: Version
    date: dt.date
    manifest: Manifest


def list_releases(root: Path | str) -> tuple[Version, ...]:
    """The versions in ``releases/`` of a project folder, oldest first; other names in it are left alone."""
    folder = Path(root) / FOLDER
    note("folder", FOLDER)
    if not folder.is_dir():
        return ()
    names = [p.name for p in folder.iterdir() if _VERSION.fullmatch(p.name) and (p / MANIFEST).is_file()]
    return tuple(sorted(Version.parse(name) for name in names))


def no_release(wanted: Version, there: Sequence[Version]) -> ReleaseError:
    """The error for a version that was not released; says which were."""
    known = f"there are: {', '.join(map(str, there))}" if there else "no version has been released yet"
    return ReleaseError(f"no release {wanted} in {FOLDER}/; {known}")


def read_release(root: Path | str, version: Version | str) -> Release:
    """Read a release of a project folder; raises :class:`ReleaseError` where there is none or a file cannot be read."""
    wanted = Version.parse(version) if isinstance(version, str) else version
    there = list_releases(root)
    if wanted not in there:
        raise no_release(wanted, there)
    return read_release_folder(Path(root) / FOLDER / str(wanted))


def read_release_folder(folder: Path) -> Release:
    """Read the three files of a release; raises :class:`ReleaseError`."""
    manifest = read_manifest(folder)
    content, rows = _json(folder / ESTIMATES), _json(folder / ROWS)
    try:
        return parse_release(content, rows["tables"], manifest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _misshapen(folder / ESTIMATES, error) from error


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a release; raises :class:`ReleaseError`."""
    content = _json(folder / MANIFEST)
    try:
        return parse_manifest(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _misshapen(folder / MANIFEST, error) from error


def _misshapen(path: Path, error: Exception) -> ReleaseError:
    return ReleaseError(f"{path}: not what a release holds ({type(error).__name__}: {error}). {_RESTORE}")


_RESTORE = "A release never changes: take the file back from the commit that is tagged with its version."


def _json(path: Path) -> Mapping[str, Any]:
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise ReleaseError(f"{path}: not found. {_RESTORE}") from None
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{path}: cannot be read: {error}. {_RESTORE}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise ReleaseError(f"{path}: format {found!r}; this version of cordbook reads format {FORMAT}")
    return content


def parse_release(content: Mapping[str, Any], rows: Mapping[str, Any], manifest: Manifest) -> Release:
    """The parsed files of a release as one object."""
    estimates = [_estimate(entry) for entry in content["estimates"]]
    return Release(
        version=Version.parse(content["version"]),
        date=dt.date.fromisoformat(content["date"]),
        made_with={"python": manifest.python, **manifest.packages, **manifest.data},
        estimates={e.id: e for e in estimates},
        guards=tuple(FrozenGuard(**{**g, "estimate_ids": tuple(g["estimate_ids"])}) for g in content["guards"]),
        claims=tuple(FrozenClaim(**{**c, "estimate_ids": tuple(c["estimate_ids"])}) for c in content["claims"]),
        rows=rows,
        manifest=manifest,
    )


def _estimate(entry: Mapping[str, Any]) -> FrozenEstimate:
    return FrozenEstimate(**{**entry, "cells": {study: tuple(ids) for study, ids in entry["cells"].items()}})


def parse_manifest(content: Mapping[str, Any]) -> Manifest:
    """The parsed ``manifest.json`` as an object."""
    values = {name: content[name] for name in Manifest.__dataclass_fields__}
    for name in ("date", "baseline", "last_search", "next_search"):
        values[name] = None if values[name] is None and name.endswith("search") else dt.date.fromisoformat(values[name])
    values["version"] = Version.parse(values["version"])
    values["previous"] = None if values["previous"] is None else Version.parse(values["previous"])
    values["searches"] = tuple(values["searches"])
    return Manifest(**values)
