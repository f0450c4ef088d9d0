"""The tree of errors that people see, below all rooms: the command line catches its root once and ends with the code of the class.

An error is defined where it is raised and derives from one of these; its message names the place, the cause and what to do. Where
callers may expect a ``ValueError`` or ``KeyError``, that is its second base. The statistics of ``synthesis`` raise the plain errors
of Python, so that they can be used without this package; who calls them for a person adds what they were computed for.
"""

from __future__ import annotations

import errno
from typing import ClassVar


class CordbookError(Exception):
    """What was asked could not be done, or was refused. ``exit_code`` is what a command ends with, unless it documents another."""

    exit_code: ClassVar[int] = 1
    #: A ``KeyError`` would show its message in quotation marks.
    __str__ = Exception.__str__


class UsageError(CordbookError):
    """A command was given something that it cannot work with: options that exclude each other, a file that is not there."""

    exit_code = 2


class InputError(CordbookError, ValueError):
    """Something of the project cannot be used as it stands: a table, a declaration, a frozen release."""

    exit_code = 2


class NotWritten(CordbookError, OSError):
    """A file of the project cannot be written: no room, no right, no folder. ``filename`` is what was to become of it; it is as it was."""

    def __str__(self) -> str:
        return refused(self)


#: What to do about what the system refuses, by the number of its error.
_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Make room on the disk, then run the same command again."),
    **dict.fromkeys(
        (errno.EROFS, errno.EACCES, errno.EPERM), "Get the right to write there, or work in a copy that may be changed."
    ),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), "Check that it and its folder are there."),
    errno.EFBIG: "Raise the limit of the size of files, or write to another place.",
    errno.EMFILE: "Raise the limit of open files (ulimit -n), then run the same command again.",
}


def refused(error: OSError) -> str:
    """What the system refuses, for people: where, what, why, and what to do.

    >>> refused(NotWritten(errno.ENOSPC, "No space left on device", "data/records.csv"))
    'data/records.csv cannot be written: No space left on device. Make room on the disk, then run the same command again.'
    >>> refused(FileNotFoundError(errno.ENOENT, "No such file or directory", "a.ris"))
    'a.ris cannot be read: No such file or directory. Check that it and its folder are there.'
    """
    if error.strerror is None:
        return Exception.__str__(error)
    remedy = _REMEDIES.get(error.errno or 0, "")
    place = error.filename2 or error.filename
    if place is None:
        return f"{error.strerror}. {remedy}".rstrip()
    what = "written" if isinstance(error, NotWritten) else "read" if isinstance(error, FileNotFoundError) else "read or written"
    return f"{place} cannot be {what}: {error.strerror}. {remedy}".rstrip()


class UnknownName(CordbookError, KeyError):
    """Nothing goes by that name; the message says what there is."""
