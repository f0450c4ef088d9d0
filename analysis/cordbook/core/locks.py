"""One build at a time, and one set-up: the second waits, and says so."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from cordbook.core.files import written

try:
    import fcntl
except ImportError:  # Windows: builds are not kept apart there
    fcntl = None  # type: ignore[assignment]  # asked for before every use

_POLL_S = 0.1
_held: list[int] = []


@contextmanager
def locked(folder: Path, report: Callable[[str], None] = print) -> Iterator[None]:
    """Hold the lock of a cache folder. The system lets go of it when the process ends, however it ends."""
    with written(folder / "lock"):
        handle = _opened(folder)
    try:
        _take(handle, report, "build")
        _held.append(handle)
        yield
    finally:
        if handle in _held:
            _held.remove(handle)
        os.close(handle)


def become(command: Sequence[str], folder: Path, report: Callable[[str], None] = print) -> NoReturn:
    """Wait for the lock of a set-up, then run a command in place of this process. The command and all that it starts hold it.

    So a part that outlives a killed set-up, and still writes, keeps the next one waiting. Raises ``OSError``.
    """
    with written(folder / "lock"):
        handle = _opened(folder)
    _take(handle, report, "set-up")
    os.set_inheritable(handle, True)
    os.execvp(command[0], list(command))


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


def _take(handle: int, report: Callable[[str], None], what: str) -> None:
    """Have the lock, and write into it who has it."""
    _wait(handle, report, what)
    with suppress(OSError):  # no room; who waits is told less
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)


def _wait(handle: int, report: Callable[[str], None], what: str) -> None:
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
                report(f"another {what} is running (process {holder}); waiting for it to end")
                announced = True
            time.sleep(_POLL_S)


def let_go() -> None:
    """Close the locks of the parent in a forked child, which must not hold them when the parent has ended."""
    for handle in _held:
        os.close(handle)
    _held.clear()
