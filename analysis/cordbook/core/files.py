"""Files written whole or not at all, and digests of files."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

ABSENT = "absent"


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file in one step; whoever reads it sees the old or the new content, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        # mkstemp makes files for the owner alone; these are for everybody.
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def sweep(path: Path) -> None:
    """Remove what :func:`write_whole` has left beside a file when it was killed."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)


def digest(data: bytes | str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def file_digest(path: Path) -> str:
    """Digest of a file; ``absent`` where there is none."""
    try:
        return digest(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return ABSENT


def folder_digest(path: Path) -> str:
    """Digest of the names in a folder."""
    try:
        return digest("\0".join(sorted(entry.name for entry in path.iterdir())))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
