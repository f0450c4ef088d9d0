"""Write files atomically, for every room; digests of files. Nobody else moves a file into its place.

A new content is written beside its file under a name with a dot and moved into the place in one step (``rename`` of POSIX).
What people have entered is written ``durable``: on disk, file and folder, when the function returns, so that no power cut takes it.
What a build makes again need not wait for the disk.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cordbook.core.trust.regular import read_regular

ABSENT = "absent"
#: Sites have large files; what has no end is refused.
MOST_DIGESTED = 2**31


def write_whole(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Replace a file in one step; whoever reads it sees the old or the new content, never a part. Makes its folder.

    Text is written as UTF-8 with its line ends as they are. Raises ``OSError``; then the old file is there, and nothing beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path, durable=durable) as temporary:
        temporary.write_bytes(_bytes(content))


@contextmanager
def whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """An empty file beside ``path`` to be filled piece by piece; in its place when the block ends, gone when it fails.

    A link stays a link: the file that it names is replaced.
    """
    target = Path(os.path.realpath(path))
    temporary = _new_beside(target)
    try:
        yield temporary
        if durable:
            _sync_file(temporary)
        put(temporary, target, durable=durable)
    finally:
        temporary.unlink(missing_ok=True)


def stage(path: Path, content: str | bytes, *, ending: str = "") -> Path:
    """Write what a file is to become beside it, on disk; :func:`put` moves it there. Several files can so be prepared first."""
    temporary = _new_beside(path, ending)
    try:
        temporary.write_bytes(_bytes(content))
        _sync_file(temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def put(source: Path, target: Path, *, durable: bool = True) -> None:
    """Move a file, or a folder where none is, into its place in one step; both are on one file system."""
    os.replace(source, target)
    if durable:
        _sync_folder(target.parent)


def sync(file: IO[bytes]) -> None:
    """Have what was written into an open file on disk."""
    file.flush()
    os.fsync(file.fileno())


def sweep(path: Path) -> None:
    """Remove what has been left beside a file by a process that was killed."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)


def _new_beside(path: Path, ending: str = "") -> Path:
    """A new file with the permissions of ``path``, or those that the system gives where there is none."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{ending}")
    temporary.touch(exist_ok=False)
    if path.is_file():
        temporary.chmod(stat.S_IMODE(path.stat().st_mode))
    return temporary


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _sync_file(path: Path) -> None:
    with path.open("ab") as file:
        sync(file)


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk, where the system has that (not Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(data: bytes | str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def file_digest(path: Path) -> str:
    """Digest of a file; ``absent`` where there is none."""
    try:
        return digest(read_regular(path, MOST_DIGESTED))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return ABSENT


def folder_digest(path: Path) -> str:
    """Digest of the names in a folder."""
    try:
        return digest("\0".join(sorted(entry.name for entry in path.iterdir())))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
