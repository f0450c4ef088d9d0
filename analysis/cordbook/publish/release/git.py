"""What a release asks of git: which files are tracked, whether they are committed, and a commit's files."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from cordbook.errors import CordbookError


class GitError(CordbookError):
    """Git cannot do what was asked; the message says what and why."""

    exit_code = 2


def _run(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise GitError("git is not installed; a release is made from a git checkout") from None
    if done.returncode:
        raise GitError(f"git {' '.join(arguments[:2])} failed in {root}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def is_checkout(root: Path) -> bool:
    """Whether a folder is the top of a git checkout."""
    try:
        return Path(_run(root, "rev-parse", "--show-toplevel").decode().strip()).resolve() == root.resolve()
    except GitError:
        return False


def tracked(root: Path, commit: str | None = None) -> dict[str, int]:
    """Paths of the tracked files, or of those of a commit, with their permissions, 0o644 or 0o755.

    Raises :class:`GitError` for links and submodules.
    """
    listing = ("ls-files", "-s", "-z") if commit is None else ("ls-tree", "-r", "-z", "--full-tree", commit)
    found = {}
    for entry in _run(root, *listing).decode().split("\0"):
        if entry:
            meta, _, path = entry.partition("\t")
            mode = meta.split()[0]
            if mode not in ("100644", "100755"):
                raise GitError(f"{path} is a link or a submodule (mode {mode}); an archive of a release holds plain files only")
            found[path] = 0o755 if mode == "100755" else 0o644
    return found


def uncommitted(root: Path) -> list[str]:
    """Paths that differ from the last commit, new ones included, ignored ones not."""
    entries = _run(root, "status", "--porcelain=v1", "-z", "--no-renames").decode().split("\0")
    return sorted(entry[3:] for entry in entries if entry)


def commits_of(root: Path, version: str) -> list[str]:
    """Commits that may be that of a release, the likeliest first: of its tag ``vX.Y.Z``, then those that added its manifest.

    A clone without tags has the second kind alone; which of them is the release its files tell.
    """
    path = f"releases/{version}/manifest.json"
    added = ("log", "--full-history", "--diff-filter=A", "--reverse", "--format=%H")
    asked = (
        ("rev-parse", "--verify", "--quiet", f"refs/tags/v{version}^{{commit}}"),
        (*added, "--", path),
        (*added, "--all", "--", path),
    )
    found: list[str] = []
    for question in asked:
        try:
            found += _run(root, *question).decode().split()
        except GitError:  # no such tag, or no commit yet
            continue
    return list(dict.fromkeys(found))


def is_shallow(root: Path) -> bool:
    """Whether a clone lacks the older part of its history."""
    return _run(root, "rev-parse", "--is-shallow-repository").decode().strip() == "true"


def export(root: Path, commit: str, target: Path) -> None:
    """Write the files of a commit into a folder."""
    with tarfile.open(fileobj=io.BytesIO(_run(root, "archive", "--format=tar", commit))) as tar:
        # Python before 3.11.4 has no filters; what git itself has just packed needs none.
        tar.extractall(target, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
