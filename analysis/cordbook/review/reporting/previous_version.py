"""The version before this state of the data: what a living review counts its new studies from."""

from __future__ import annotations

from dataclasses import dataclass

from cordbook.evidence.evidence import Evidence
from cordbook.review.reporting.freezing import data_digests
from cordbook.review.versions.releases import list_releases, read_release


@dataclass(frozen=True, slots=True)
class Previous:
    """A released version and the ids of the study reports that it held."""

    version: str
    studies: frozenset[str]


def previous_version(evidence: Evidence) -> Previous | None:
    """The last release whose data are not today's; None where there is none.

    The book of a release holds that release, and is compared with the one before.
    Raises ``ReleaseError`` for one that cannot be read.
    """
    root = evidence.folder.resolve().parent
    versions = list_releases(root)
    today = data_digests(evidence) if versions else {}
    for version in reversed(versions):
        release = read_release(root, version)
        then = release.manifest.data
        if {p: then.get(p) for p in today if p.endswith(".csv")} != {p: d for p, d in today.items() if p.endswith(".csv")}:
            return Previous(str(version), frozenset(release.rows["studies"]))
    return None
