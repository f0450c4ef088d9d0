"""Write files atomically, for every room; digests of files. Nobody else moves a file into its place.

A new content is written beside its file under a name with a dot and moved into the place in one step (``rename`` of POSIX).
What people have entered is written ``durable``: on disk, file and folder, when the function returns, so that no power cut takes it.
What a build makes again need not wait for the disk.

Where the system refuses (no room, no right, no folder), the error is :class:`~cordbook.errors.NotWritten` and names the file that was to be
written; that file is as it was, and nothing is left beside it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from cordbook.core.trust.regular import read_regular
from cordbook.errors import NotWritten

ABSENT = "absent"
#: Sites have large files; what has no end is refused.
MOST_DIGESTED = 2**31


def write_whole(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Replace a file in one step; whoever reads it sees the old or the new content, never a part. Makes its folder.

    Text is written as UTF-8 with its line ends as they are. Raises ``NotWritten``; then the old file is there, and nothing beside it.
    """
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path, durable=durable) as temporary:
        temporary.write_bytes(_bytes(content))


@contextmanager
def written(path: Path, *meanwhile: Path) -> Iterator[None]:
    """What the system refuses in this block is told as a refusal to write ``path``; ``meanwhile`` are names of its content until then.

    An error of another file stays what it is.
    """
    try:
        yield
    except NotWritten:
        raise
    except OSError as error:
        ours = {str(path), *map(str, meanwhile), *map(str, path.parents)}
        if error.strerror is None or not (error.filename is None or str(error.filename) in ours):
            raise
        raise NotWritten(error.errno, error.strerror, str(path)) from error


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits for the end of the block, which takes no time and must not be done by half: several files moved into their places."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """An empty file beside ``path`` to be filled piece by piece; in its place when the block ends, gone when it fails.

    A link stays a link: the file that it names is replaced.
    """
    target = Path(os.path.realpath(path))
    temporary = _name_beside(target)
    try:
        with written(path, temporary, target):
            _make_like(temporary, target)
            yield temporary
            if durable:
                _sync_file(temporary)
            put(temporary, target, durable=durable)
    finally:
        _unlink(temporary)


def stage(path: Path, content: str | bytes, *, ending: str = "") -> Path:
    """Write what a file is to become beside it, on disk; :func:`put` moves it there. Several files can so be prepared first."""
    temporary = _name_beside(path, ending)
    try:
        with written(path, temporary):
            _make_like(temporary, path)
            temporary.write_bytes(_bytes(content))
            _sync_file(temporary)
    except BaseException:
        _unlink(temporary)
        raise
    return temporary


def write_together(contents: Mapping[Path, str | bytes]) -> None:
    """Replace several files: all are written beside their places first, so that a full disk changes none, then each is moved."""
    staged: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            with written(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            staged.append((stage(path, content), path))
        with uninterrupted():
            for temporary, path in staged:
                put(temporary, path)
    finally:
        for temporary, _ in staged:
            _unlink(temporary)


def add_to(path: Path, content: bytes, keep: int | None = None) -> None:
    """Add to the end of a file, on disk when this returns; where that fails, the file is as long as before. Makes it and its folder.

    ``keep``: what stands behind this place goes first.
    """
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END) if keep is None else keep
            file.truncate(before)
            try:
                left = memoryview(content)
                while left:
                    left = left[file.write(left) or 0 :]
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(before)
                raise


def copy_folder(
    source: Path, target: Path, *, leave_out: tuple[str, ...] = (), copy: Callable[[Path, Path], object] = shutil.copy2
) -> None:
    """Copy a folder where none is, file by file; the first one that cannot be written ends it, and what was copied is taken away.

    ``leave_out`` names files and folders at the top that are not copied.
    """
    try:
        with written(target):
            target.mkdir(parents=True)
        for path in sorted(source.rglob("*")):
            place = path.relative_to(source)
            if place.parts[0] in leave_out:
                continue
            with written(target / place, path):
                if path.is_dir() and not path.is_symlink():
                    (target / place).mkdir()
                else:
                    copy(path, target / place)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def put(source: Path, target: Path, *, durable: bool = True) -> None:
    """Move a file, or a folder where none is, into its place in one step; both are on one file system."""
    with written(target, source):
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


def _name_beside(path: Path, ending: str = "") -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}{ending}")


def _make_like(temporary: Path, path: Path) -> None:
    """Make a new file with the permissions of ``path``, or those that the system gives where there is none."""
    temporary.touch(exist_ok=False)
    if path.is_file():
        temporary.chmod(stat.S_IMODE(path.stat().st_mode))


def _unlink(temporary: Path) -> None:
    """Take a file away that may be gone, with its folder or by the move; what stands in the way was told before."""
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


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
