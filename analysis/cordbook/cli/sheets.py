"""Files that a person fills in: forms and sheets for a spreadsheet, read and written for every command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cordbook.core.files import whole
from cordbook.errors import CordbookError, NotWritten, refused


class SheetError(CordbookError):
    """A file that a person filled in cannot be read, taken or written; the message names it."""

    exit_code = 2


@contextmanager
def sheet_text(path: Path) -> Iterator[str]:
    """The text of a file that was filled in; what is wrong with it, here or in the block, is raised as :class:`SheetError`."""
    try:
        yield path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SheetError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SheetError(f"{path} is not UTF-8 text. Save it as CSV UTF-8.") from None
    except ValueError as error:
        raise SheetError(f"{path}: {error}") from error


def write_sheet(path: Path, text: str, encoding: str = "utf-8-sig") -> None:
    """Write a file that a person is to fill in, atomically; raises :class:`SheetError`.

    What is not a file, such as a pipe, is written into.
    """
    content = text.encode(encoding)
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            with whole(path, durable=True) as temporary:
                temporary.write_bytes(content)
    except OSError as error:
        raise SheetError(refused(NotWritten(error.errno, error.strerror, str(path)))) from error
