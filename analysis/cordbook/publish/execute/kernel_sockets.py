"""Folders for the sockets of kernels: removed when a kernel ends, and by the next build where a builder was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: kernels talk over ports there, and leave nothing behind
    fcntl = None  # type: ignore[assignment]

PREFIX = "cordbook-kernel-"
#: Its builder holds the lock of this file as long as it lives, however it ends.
HELD = "held"
#: A folder younger than this may be about to be locked.
_YOUNG_S = 60.0


@contextmanager
def socket_folder() -> Iterator[Path]:
    """A folder with a short path, since that of a socket has at most about 100 characters."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        handle = os.open(Path(name, HELD), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(name)
        finally:
            os.close(handle)


def sweep_sockets() -> list[Path]:
    """Remove the folders of builders that were killed, and return them; those in use are locked, those of others are not ours."""
    if fcntl is None:
        return []
    found = [path for path in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")) if _is_left(path)]
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return found


def _is_left(path: Path) -> bool:
    try:
        about = path.lstat()
        if about.st_uid != os.getuid() or path.is_symlink() or time.time() - about.st_mtime < _YOUNG_S:
            return False
        handle = os.open(path / HELD, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
