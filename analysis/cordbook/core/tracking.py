"""What is read of the evidence, noted while it is read.

A chapter does not declare what it depends on: while it runs, the tables, rows, counts and estimates that it asks for are
noted here, with the files that it opens and the modules that it imports. A page's numbers are noted in the same way.
Outside :func:`begin` and :func:`end` nothing is noted and nothing costs.

A read is a tuple of texts: its kind, then what was read::

    ("table", "studies")               a whole table
    ("counts",)                        all outcome counts, joined with arms and studies
    ("count", CELL_ID)                 one of them; ("counts_in", COLUMN, VALUE) those with a value in a column
    ("estimate", ID)                   an estimate; ("parts", ID) its subgroups; ("estimates",) all
    ("value", "MODULE:FUNCTION", ...)  what a small function of the evidence returns; see :func:`by_value`
    ("value_of_estimates", ...)        the same for a function of the estimates; see :func:`by_value_of_estimates`
    ("file", PATH)                     a file, by its path in the project; ("folder", PATH) the names in it
    ("code", PATH)                     a file of the package, by its path from the folder that holds the package

No room of its own: it imports nothing of the package.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

Read = tuple[str, ...]
F = TypeVar("F", bound=Callable[..., Any])
PACKAGE = Path(__file__).resolve().parents[1]


class _Collector:
    """One for the process: a kernel runs each cell in a context of its own, so that a context variable would not reach."""

    __slots__ = ("found", "hooked", "paused", "root")

    def __init__(self) -> None:
        self.found: set[Read] | None = None
        self.paused = 0
        self.hooked = False
        self.root: Path | None = None


_collector = _Collector()


def note(*read: str) -> None:
    """Note a read, if anybody collects."""
    if _collector.found is not None and not _collector.paused:
        _collector.found.add(read)


@contextmanager
def unnoted() -> Iterator[None]:
    """Leave out what is read inside: what is made of it is noted instead."""
    _collector.paused += 1
    try:
        yield
    finally:
        _collector.paused -= 1


def begin(root: Path) -> set[Read]:
    """Collect into a new set from now on, until :func:`end`; files of the project folder ``root`` included."""
    if not _collector.hooked:
        sys.addaudithook(_on_event)
        _collector.hooked = True
    _collector.root = Path(root).resolve()
    _collector.found = set()
    return _collector.found


def end() -> set[Read]:
    """Stop collecting; returns what was collected."""
    found, _collector.found = _collector.found or set(), None
    return found


def by_value(function: F) -> F:
    """For a small pure function of the evidence: what it returns is noted, not all that it reads.

    A chapter that shows counts is then stale only when a count has changed. Holds for calls whose arguments after the evidence
    are texts by position; others note what they read.
    """

    return _noting("value", function)


def by_value_of_estimates(function: F) -> F:
    """:func:`by_value` for a small pure function of the estimates (and through them of the evidence)."""
    return _noting("value_of_estimates", function)


def _noting(kind: str, function: F) -> F:
    @wraps(function)
    def noted(source: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs or not all(isinstance(a, str) for a in args):
            return function(source, *args, **kwargs)  # cannot be asked again from a record: what it reads is noted
        note(kind, f"{function.__module__}:{function.__qualname__}", *args)
        with unnoted():
            return function(source, *args)

    return cast(F, noted)


def start(root: str) -> None:
    """Begin to collect in a kernel; the builder runs this before the first cell."""
    begin(Path(root))


def finish() -> str:
    """What was read since :func:`start`, with the files of the modules that were imported, as JSON."""
    root = _collector.root
    found = end()
    if root is not None:
        found |= {read for path in _module_files() if (read := _code_read(path, root))}
    return json.dumps(sorted(found))


def _module_files() -> list[Path]:
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    # Thousands of modules stand in a few hundred folders: each folder is resolved once.
    return [
        _real(os.path.dirname(file)) / os.path.basename(file) for file in files if isinstance(file, str) and file.endswith(".py")
    ]


@lru_cache(None)
def _real(folder: str) -> Path:
    return Path(os.path.realpath(folder))


def _code_read(path: Path, root: Path) -> Read | None:
    if path.is_relative_to(PACKAGE):
        return ("code", path.relative_to(PACKAGE.parent).as_posix())
    if path.is_relative_to(root) and not _is_foreign(path.relative_to(root)):
        return ("file", path.relative_to(root).as_posix())
    return None


def _is_foreign(path: Path) -> bool:
    """Whether a path inside the project belongs to an environment, a cache or a build."""
    return path.parts[0].startswith((".", "_build")) or "site-packages" in path.parts or "__pycache__" in path.parts


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: notes files opened for reading, and listings of folders in ``data/``."""
    if _collector.found is None or _collector.paused or event not in ("open", "os.listdir", "os.scandir"):
        return
    place = arguments[0]
    if not isinstance(place, str | os.PathLike):
        return
    if event == "open" and not _reads(arguments[1], arguments[2]):
        return
    _note_path(os.path.realpath(place), listing=event != "open")


def _reads(mode: str | None, flags: int) -> bool:
    return mode.startswith("r") if isinstance(mode, str) else not flags & (os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def _note_path(place: str, *, listing: bool) -> None:
    path, root = Path(place), _collector.root
    assert root is not None
    if path.is_relative_to(PACKAGE):
        # Source files stand in the record as modules; here it is about style sheets and the like.
        if not listing and path.suffix not in (".py", ".pyc"):
            note("code", path.relative_to(PACKAGE.parent).as_posix())
    elif path.is_relative_to(root):
        inside = path.relative_to(root)
        if not inside.parts or _is_foreign(inside) or path.suffix == ".pyc":
            return
        if not listing:
            note("file", inside.as_posix())
        elif inside.parts[0] == "data":
            note("folder", inside.as_posix())
