"""Find the revisions that a comparison can be asked for: a released version, or the working tree."""

from __future__ import annotations

from dataclasses import dataclass

from cordbook.core.project import Project
from cordbook.publish.release.frozen_today import frozen_today
from cordbook.review.versions.releases import Frozen, ReleaseError, Version, list_releases, read_release

TREE = "tree"
WORKING_TREE = "working tree"


@dataclass(frozen=True, slots=True)
class Revision:
    """What the review said at one moment, with its name."""

    name: str
    frozen: Frozen


def revision(project: Project, name: str) -> Revision:
    """A version (``0.1.0``), or ``tree`` for the working tree; raises :class:`ReleaseError`."""
    if name == TREE:
        return Revision(WORKING_TREE, frozen_today(project))
    version = Version.parse(name)
    return Revision(str(version), read_release(project.root, version))


def last_version(project: Project) -> str:
    """The last release; raises :class:`ReleaseError` where there is none."""
    there = list_releases(project.root)
    if not there:
        raise ReleaseError("no version has been released yet, so there is nothing to compare with: cordbook release 0.1.0")
    return str(there[-1])
