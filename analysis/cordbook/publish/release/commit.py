"""Find the commit of a release for archives and checks: the one whose files are those that its manifest lists.

A manifest cannot name the commit that it is a part of. The tag of the version does, but a clone may have none, and a host may hold no
archive: then the commits that added the manifest are looked at, and the files tell which of them is the release.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.files import digest
from cordbook.publish.release import git
from cordbook.publish.release.manifest import MEASURED, digest_of, kind_of
from cordbook.review.versions.releases import (
    ESTIMATES,
    FOLDER,
    MANIFEST,
    ROWS,
    Manifest,
    ReleaseError,
    Version,
    list_releases,
    no_release,
    read_manifest,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of a commit in a folder: permissions and SHA-256 by path; ``differing`` says what in them is not as released."""

    version: Version
    commit: str
    modes: Mapping[str, int]
    digests: Mapping[str, str]
    differing: tuple[str, ...]

    def explain(self, root: Path) -> str:
        """Why the release cannot be taken from this clone, and what to do."""
        lines = [f"no commit of this clone has the files of version {self.version}; of {self.commit[:12]}:", *self.differing]
        remedy = "\nThis clone lacks the older commits: git fetch --unshallow --tags" if git.is_shallow(root) else ""
        return "\n  ".join(lines) + (remedy or "\nFetch the commit of the release: git fetch --tags")


def export_release(root: Path, version: Version, target: Path) -> Exported:
    """Write the files of a release's commit into ``target``: of the first whose files are those of its manifest, else of the likeliest.

    Raises ``ReleaseError`` where the checkout has no such release, ``GitError`` where git knows no commit of it.
    """
    there = list_releases(root)
    commits = git.commits_of(root, str(version))
    if not commits:
        if version not in there:
            raise no_release(version, there)
        raise git.GitError(
            f"git knows no commit of version {version}: {FOLDER}/{version}/{MANIFEST} was never committed in {root}, or this is no git "
            "checkout; make it in a clone of the whole history (git clone, git fetch --tags)"
        )
    tried: list[Exported] = []
    for commit in commits:
        tried.append(_export(root, version, commit, target))
        if not tried[-1].differing:
            return tried[-1]
    return tried[0] if len(tried) == 1 else _export(root, version, commits[0], target)


def _export(root: Path, version: Version, commit: str, target: Path) -> Exported:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    git.export(root, commit, target)
    modes = git.tracked(root, commit)
    digests = {path: digest((target / path).read_bytes()) for path in modes if (target / path).is_file()}
    folder = f"{FOLDER}/{version}"
    try:
        differing = differing_files(target, read_manifest(target / folder), list(modes))
    except ReleaseError as error:
        differing = [str(error)]
    differing += [
        f"{folder}/{name} is not what stands in this checkout"
        for name in (ESTIMATES, ROWS, MANIFEST)
        if (root / folder / name).is_file() and digest((root / folder / name).read_bytes()) != digests.get(f"{folder}/{name}")
    ]
    return Exported(version, commit, modes, digests, tuple(differing))


def differing_files(root: Path, manifest: Manifest, paths: list[str]) -> list[str]:
    """Files of a project folder that are not those of a manifest, in words: changed, missing, or not known to it."""
    listed = {**manifest.files, **manifest.chapters}
    found = [
        f"{path} is missing" if not (root / path).is_file() else f"{path} is not as it was released"
        for path, sha256 in sorted(listed.items())
        if not (root / path).is_file() or _digest(root, path) != sha256
    ]
    folder = f"{FOLDER}/{manifest.version}"
    found += [
        f"{folder}/{name} is not as it was released"
        for name, sha256 in sorted(manifest.frozen.items())
        if not (root / folder / name).is_file() or _digest(root, f"{folder}/{name}") != sha256
    ]
    unlisted = [path for path in paths if kind_of(path) and path not in listed]
    if not any(path.startswith(MEASURED) for path in listed):
        unlisted = [path for path in unlisted if not path.startswith(MEASURED)]
    return found + [f"{path} is not in the manifest of {manifest.version}" for path in unlisted]


def _digest(root: Path, path: str) -> str:
    try:
        return digest_of(root, path)
    except (ValueError, KeyError, TypeError):  # a notebook that is none any more
        return "unreadable"
