"""Which edition of the review is cited: who wrote it, its version and date, and whether it is released.

Authors, title and DOI come from ``CITATION.cff``, addresses from ``data/review.yml``, versions and their dates from ``releases/``, the
date of a working tree from what was done with its data; none is typed elsewhere. A working tree is the release of its version only if every file is still the one that was released.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cordbook.core.files import file_digest
from cordbook.core.yaml import load_yaml
from cordbook.errors import InputError
from cordbook.evidence.review_state import data_date, file_name_of, format_value, load_status
from cordbook.review.versions.releases import FOLDER, Manifest, Version, list_releases, no_release, read_manifest

CITATION = "CITATION.cff"
#: What a book without CITATION.cff says of its authors.
UNNAMED = "Authors not named"


class CitationFileError(InputError):
    """``CITATION.cff`` cannot be used; the message says what to correct."""


@dataclass(frozen=True, slots=True)
class Author:
    """A person (family and given name) or, with ``given`` empty and ``group`` set, a group."""

    family: str
    given: str = ""
    group: bool = False


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of the review. ``released`` is False for a working tree, whose ``date`` is that of its data.

    ``site`` is the address at which the book stands on the web, ending in ``/``; empty where none is known. ``doi`` is that of
    this version. ``last_release`` tells a working tree's readers what they can cite instead: version and date, empty where there is none. ``short`` is the short
    name of the review.
    """

    title: str
    authors: tuple[Author, ...]
    version: str
    date: dt.date
    released: bool
    site: str = ""
    doi: str = ""
    last_release: str = ""
    short: str = "review"

    @property
    def key(self) -> str:
        """The short name as a part of a key or of a file's name."""
        return file_name_of(self.short)

    @property
    def name(self) -> str:
        """The edition in a few words: ``cordbook 0.1.0``, with a warning where it is not released."""
        return f"{self.key} {self.version}" + ("" if self.released else " (unreleased)")

    @property
    def warning(self) -> str:
        """What readers of a copy that is not released have to know; empty for a release."""
        if self.released:
            return ""
        instead = f" The last release is {self.last_release}." if self.last_release else " There is no release yet."
        return f"This copy is not a released version: what it says may still change.{instead}"

    def address(self, page: str) -> str:
        """Where a page of this edition stands on the web; empty where no address is known. A release keeps its own folder."""
        return f"{self.site}{f'v{self.version}/' if self.released else ''}{page}" if self.site else ""


def edition_of_release(root: Path, version: Version) -> Edition:
    """The edition of a release of a project folder; raises :class:`ReleaseError` where there is none."""
    there = list_releases(root)
    if version not in there:
        raise no_release(version, there)
    return _released(root, read_manifest(root / FOLDER / str(version)))


def edition_of_tree(root: Path, version: str | None = None) -> Edition:
    """The edition of a working tree; ``version`` is that of its state (:func:`load_status`) unless given."""
    status, about = load_status(root / "data"), _about(root)
    version = version or status.version
    releases = list_releases(root)
    if version in map(str, releases):
        manifest = read_manifest(root / FOLDER / version)
        if _as_released(root, manifest):
            return _released(root, manifest)
        version = f"{version}+changed"
    return Edition(
        about["title"] or status.title, about["authors"], version, data_date(root / "data"), False, status.address,
        last_release=_name_with_date(root, releases[-1]) if releases else "", short=status.name,
    )  # fmt: skip


def _name_with_date(root: Path, version: Version) -> str:
    return f"{version} of {format_value(read_manifest(root / FOLDER / str(version)).date)}"


def _released(root: Path, manifest: Manifest) -> Edition:
    about, status = _about(root), load_status(root / "data")
    version = str(manifest.version)
    # The DOI in CITATION.cff is that of the version which stands there.
    doi = about["doi"] if about["version"] == version else ""
    return Edition(
        about["title"] or manifest.title, about["authors"], version, manifest.date, True, status.address, doi, short=status.name
    )


def _as_released(root: Path, manifest: Manifest) -> bool:
    return all(file_digest(root / path) == digest for path, digest in manifest.files.items())


def _about(root: Path) -> Mapping[str, Any]:
    """Title, authors, DOI and version of CITATION.cff; blank where a project has no such file."""
    path = root / CITATION
    if not path.is_file():
        return {"title": "", "authors": (Author(UNNAMED, group=True),), "doi": "", "version": ""}
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
        authors = tuple(_author(entry) for entry in content["authors"])
        title = " ".join(str(content["title"]).split())
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise CitationFileError(f"{path}: {type(error).__name__}: {error}. It needs a title and a list of authors.") from error
    if not authors or not title:
        raise CitationFileError(f"{path}: it needs a title and at least one author")
    return {"title": title, "authors": authors, **{k: str(content.get(k) or "") for k in ("doi", "version")}}


def _author(entry: Mapping[str, Any]) -> Author:
    if "name" in entry:
        return Author(str(entry["name"]), group=True)
    family = " ".join(str(entry[k]) for k in ("name-particle", "family-names") if entry.get(k))
    return Author(family, str(entry.get("given-names") or ""))


def edition_digest(edition: Edition) -> str:
    """Digest of all that a citation takes from the edition."""
    return hashlib.sha256(json.dumps(repr(edition)).encode()).hexdigest()
