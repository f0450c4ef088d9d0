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


def tracked(root: Path) -> dict[str, int]:
    """Paths of the tracked files with their permissions, 0o644 or 0o755; raises :class:`GitError` for links and submodules."""
    found = {}
    for entry in _run(root, "ls-files", "-s", "-z").decode().split("\0"):
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


def commit_of(root: Path, version: str) -> str | None:
    """The commit of a release: that of its tag ``vX.Y.Z``, else the one that added its manifest; None where git knows none."""
    try:
        return _run(root, "rev-parse", "--verify", "--quiet", f"refs/tags/v{version}^{{commit}}").decode().strip()
    except GitError:
        pass
    try:
        path = f"releases/{version}/manifest.json"
        found = _run(root, "log", "--diff-filter=A", "--format=%H", "--", path).decode().split()
    except GitError:
        return None
    return found[-1] if found else None


def export(root: Path, commit: str, target: Path) -> None:
    """Write the files of a commit into a folder."""
    with tarfile.open(fileobj=io.BytesIO(_run(root, "archive", "--format=tar", commit))) as tar:
        # Python before 3.11.4 has no filters; what git itself has just packed needs none.
        tar.extractall(target, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
