"""The tree of errors that people see, below all rooms: the command line catches its root once and ends with the code of the class.

An error is defined where it is raised and derives from one of these; its message names the place, the cause and what to do. Where
callers may expect a ``ValueError`` or ``KeyError``, that is its second base. The statistics of ``synthesis`` raise the plain errors
of Python, so that they can be used without this package; who calls them for a person adds what they were computed for.
"""

from __future__ import annotations

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


class UnknownName(CordbookError, KeyError):
    """Nothing goes by that name; the message says what there is."""
