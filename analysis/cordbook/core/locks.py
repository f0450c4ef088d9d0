"""One build at a time: the second waits, and says so."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: builds are not kept apart there
    fcntl = None  # type: ignore[assignment]  # asked for before every use

_POLL_S = 0.1
_held: list[int] = []


@contextmanager
def locked(folder: Path, report: Callable[[str], None] = print) -> Iterator[None]:
    """Hold the lock of a cache folder. The system lets go of it when the process ends, however it ends."""
    handle = _opened(folder)
    try:
        _wait(handle, report)
        _held.append(handle)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        if handle in _held:
            _held.remove(handle)
        os.close(handle)


def _opened(folder: Path) -> int:
    """The lock file of a cache folder, opened; what stands in the way of either is no cache, and goes."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "lock"
    if lock.is_dir() and not lock.is_symlink():
        shutil.rmtree(lock)
    elif lock.is_symlink() or (lock.exists() and not lock.is_file()):
        lock.unlink()
    return os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)


def _wait(handle: int, report: Callable[[str], None]) -> None:
    if fcntl is None:
        return
    announced = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not announced:
                holder = os.pread(handle, 20, 0).decode(errors="replace") or "unknown"
                report(f"another build is running (process {holder}); waiting for it to end")
                announced = True
            time.sleep(_POLL_S)


def let_go() -> None:
    """Close the locks of the parent in a forked child, which must not hold them when the parent has ended."""
    for handle in _held:
        os.close(handle)
    _held.clear()
