"""The one store of what a build need not make again: values by a key that is a digest of all that they are made from.

The builder, the kernels that it starts and the pages open the same folder. An entry is written in one step, signed
(:mod:`~cordbook.core.trust.signed`) and checked before it is read, so that a killed build, a damaged file, a full disk, another version of the
package or a folder that somebody else has filled cost a computation and never an answer.
No clock decides what is true: a key is another when what it stands for is another.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import time
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from cordbook.core.files import write_whole
from cordbook.core.project import Project
from cordbook.core.trust.regular import read_regular
from cordbook.core.trust.signed import is_signed, signature

T = TypeVar("T")
#: Names the folder for the kernels of a build; outside a build it is not set, and everything is computed.
VARIABLE = "CORDBOOK_STORE"
#: Grows when entries are written in another way: older ones are then under keys that nobody asks for.
FORMAT = 2
#: The folder holds at most about so many bytes; what this process did not use goes first, of that the oldest.
MOST_BYTES = 256 * 2**20
#: A temporary file this old was left by a process that was killed.
_ABANDONED_S = 24 * 3600
#: Fast rather than small.
_LEVEL = 1
_CHECK_BYTES = hashlib.sha256().digest_size
_MISSING = object()


def key_of(what: str, *inputs: str) -> str:
    """The key of a value: what it is, and digests or texts of everything that it is made from.

    >>> key_of("estimates", "ab", "c") == key_of("estimates", "a", "bc")
    False
    """
    joined = "".join(f"{len(part)}:{part}" for part in (str(FORMAT), what, *inputs))
    return hashlib.sha256(joined.encode()).hexdigest()


class Store:
    """Values by their keys (:func:`key_of`) in a folder. ``report``, if set, is told once when nothing can be written there."""

    def __init__(self, folder: Path, report: Callable[[str], None] | None = None) -> None:
        self.folder = folder
        self.report = report
        self._used: set[str] = set()

    def get(self, key: str, make: Callable[[], T], still: Callable[[], bool] = lambda: True) -> T:
        """The value of a key; made, and kept for the next who asks, where there is none that can be read.

        ``still`` is asked after the value was made: False where what it was made from may no longer be what the key says.
        """
        found: T = self._read(key)
        if found is not _MISSING:
            return found
        made = make()
        if still():
            self.put(key, made)
        return made

    def find(self, key: str) -> Any | None:
        """The value of a key; None where there is none that can be read."""
        found = self._read(key)
        return None if found is _MISSING else found

    def put(self, key: str, value: Any) -> None:
        """Keep a value. One that cannot be written is made again by the next who asks; an older one of the same key is gone then."""
        content = zlib.compress(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), _LEVEL)
        try:
            write_whole(self._path(key), signature(key.encode(), content) + content)
        except OSError as error:
            self._tell(
                f"cannot write to {self.folder} ({error.strerror or error}); what was computed is computed again next time"
            )
            self._remove(self._path(key))
        self._used.add(key)

    def remove(self, key: str) -> None:
        """Forget the value of a key."""
        self._remove(self._path(key))

    def trim(self, most: int = MOST_BYTES) -> None:
        """Remove entries until the folder holds at most ``most`` bytes, and what killed processes have left."""
        entries, total = [], 0
        for path in self.folder.glob("??/*") if self.folder.is_dir() else ():
            try:
                stat = path.stat()
            except OSError:  # another process has removed it
                continue
            if path.name.startswith("."):
                if not 0 <= time.time() - stat.st_mtime < _ABANDONED_S:
                    self._remove(path)
                continue
            total += stat.st_size
            entries.append((path.name in self._used, stat.st_mtime, path, stat.st_size))
        for used, _, path, size in sorted(entries):
            if used or total <= most:
                break
            self._remove(path)
            total -= size

    def _read(self, key: str) -> Any:
        try:
            data = read_regular(self._path(key), MOST_BYTES)
            check, content = data[:_CHECK_BYTES], data[_CHECK_BYTES:]
            # What this user's programs did not write is never loaded: a pickle can run code.
            value = pickle.loads(zlib.decompress(content)) if is_signed(check, key.encode(), content) else _MISSING
        except Exception:  # an entry of another version of a class or a library can fail in any way
            return _MISSING
        if value is not _MISSING:
            self._used.add(key)
        return value

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            self._tell(f"cannot remove {path}")

    def _tell(self, what: str) -> None:
        report, self.report = self.report, None
        if report:
            report(what)


@lru_cache(None)
def store_of(project: Project) -> Store:
    """The store of a project, one for the process; deleted by ``make clean``, as all of its cache."""
    return Store(project.cache / "store")


def store_of_the_builder() -> Store | None:
    """In a kernel of a build the store of its builder; None in any other process."""
    folder = os.environ.get(VARIABLE)
    return Store(Path(folder)) if folder else None
