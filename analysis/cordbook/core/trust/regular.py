"""Read files that a project brings: regular ones of a sane size. A pipe would be waited for, a device has no end, a link may lead to either."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: No file of data/ that people keep is as large.
MOST_BYTES = 64 * 2**20


class NotRegular(OSError):
    """What stands under a name cannot be read whole as a file; the message says what it is."""

    def __init__(self, why: str, path: Path) -> None:
        super().__init__(errno.EINVAL, why, str(path))


def read_regular(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file; raises :class:`NotRegular`, or the ``OSError`` of the system.

    The file is opened without waiting, asked what it is, and read no further than ``most`` bytes even where it grows meanwhile.
    """
    try:
        name = os.fspath(path)
        handle = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a null byte, or a character that no file's name can hold
        raise NotRegular(f"No file can have this name ({error})", Path("?")) from None
    with os.fdopen(handle, "rb") as file:
        kind = os.fstat(handle)
        if stat.S_ISDIR(kind.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(kind.st_mode):
            raise NotRegular(f"It is {_what(kind.st_mode)}, not a file", path)
        content = file.read(most + 1)
    if len(content) > most:
        raise NotRegular(f"It has more than {most // 2**20} MB", path)
    return content


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a regular UTF-8 file, with or without a byte-order mark; raises ``UnicodeDecodeError`` (a ``ValueError``) too."""
    return read_regular(path, most).decode("utf-8-sig")


def _what(mode: int) -> str:
    kinds = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"), (stat.S_ISSOCK, "a socket"))
    return next((word for test, word in kinds if test(mode)), "something else")
