"""Sign what the cache keeps, so that nothing is loaded from it that this user's programs did not write.

An entry of the cache is a pickle, which can run code when it is loaded. The key lies outside of every project, in the user's own folder of
state: what a copied, downloaded or shared tree brings in ``.cordbook`` or ``_build`` has no valid signature and counts as no cache.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_BYTES = 32
#: Where the system has the state of programs (XDG Base Directory Specification); LOCALAPPDATA on Windows.
_PLACES = (("XDG_STATE_HOME", ""), ("LOCALAPPDATA", ""), ("HOME", ".local/state"), ("USERPROFILE", ".local/state"))


def signature(*parts: bytes) -> bytes:
    """What stands before an entry: only who has the key can make it, and it holds for these parts alone."""
    joined = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(_key(), joined, hashlib.sha256).digest()


def is_signed(found: bytes, *parts: bytes) -> bool:
    """Was a signature made here, for these parts?"""
    return hmac.compare_digest(found, signature(*parts))


@lru_cache(None)
def _key() -> bytes:
    """The key of this user; where none can be kept, one for this process alone, so that nothing stored is trusted."""
    for path in _paths():
        with suppress(OSError):
            return _kept(path)
    return secrets.token_bytes(_BYTES)


def _paths() -> list[Path]:
    roots = [Path(value, below) for name, below in _PLACES if (value := os.environ.get(name, "")) and os.path.isabs(value)]
    return [root / "cordbook" / "key" for root in roots]


def _kept(path: Path) -> bytes:
    """The key in a file, made where there is none; of two processes that make it at once the first wins."""
    with suppress(FileNotFoundError):
        return _read(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".key.{secrets.token_hex(6)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return _read(path)


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    if len(content) != _BYTES:
        raise OSError(f"{path} is not a key of cordbook")
    return content
