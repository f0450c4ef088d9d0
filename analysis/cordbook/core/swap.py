"""Putting a finished site in the place of the old one in one step."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from pathlib import Path

from cordbook.core.files import copy_folder, put, uninterrupted, written

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_PREFIX = ".swap-"


def publish(finished: Path, site: Path, *, leave_out: tuple[str, ...] = ()) -> None:
    """Copy a finished folder beside ``site`` and exchange the two; readers see the old or the new one, whole.

    A file that the old site has already is linked rather than copied: nothing ever writes into a file of a published site,
    and the old name goes a moment later. ``leave_out`` names files at the top that are not part of the site.
    """
    with written(site):
        site.parent.mkdir(parents=True, exist_ok=True)
    clean_up(site.parent)
    temporary = site.parent / f"{_PREFIX}{os.getpid()}"

    def link_or_copy(source: Path, target: Path) -> None:
        there = site / source.relative_to(finished)
        if not (_same(source, there) and _linked(there, target)):
            shutil.copy2(source, target)

    copy_folder(finished, temporary, leave_out=leave_out, copy=link_or_copy)
    if not site.exists():
        put(temporary, site)
        return
    if not _exchange(temporary, site):
        # Without an exchange in one step there is a moment without a site, but none with half of one.
        old = site.parent / f"{_PREFIX}old-{os.getpid()}"
        with uninterrupted():
            put(site, old)
            put(temporary, site)
    clean_up(site.parent)


def _same(source: Path, there: Path) -> bool:
    """Whether a file was copied from the source as it is now: a copy keeps the time to the nanosecond."""
    try:
        one, other = os.stat(source), os.stat(there)
    except OSError:
        return False
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _linked(there: Path, target: Path) -> bool:
    try:
        os.link(there, target)
    except OSError:  # a file system without links
        return False
    return True


def clean_up(folder: Path) -> None:
    """Remove what a killed build has left, and the old site; put the old site back where none is in its place."""
    if not (folder / "html").exists():
        for old in sorted(folder.glob(f"{_PREFIX}old-*"))[:1]:
            put(old, folder / "html")
    for left in folder.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, where the system can (Linux)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
