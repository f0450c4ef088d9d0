"""What lies in the places of the cache and was not left there by this user's last build is no cache: never loaded, never in the way."""

from __future__ import annotations

import pickle
import random
import shutil
import zlib
from pathlib import Path

import pytest

from cordbook.core.files import digest
from cordbook.core.store import Store, key_of
from cordbook.publish.build.build import build
from tests.publish.conftest import quiet, site_of


class Boom:
    """Leaves a file where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_an_entry_that_this_user_did_not_sign_is_never_loaded(tmp_path):
    store, key, mark = Store(tmp_path / "store"), key_of("x"), tmp_path / "loaded"
    store.put(key, {"a": 1})
    assert store.find(key) == {"a": 1}
    (path,) = (p for p in (tmp_path / "store").rglob("*") if p.is_file())
    content = zlib.compress(pickle.dumps(Boom(mark)))
    # Signed as entries were before there was a key, and with the signature of another entry.
    for check in (bytes.fromhex(digest(key.encode() + content)), path.read_bytes()[:32]):
        path.write_bytes(check + content)
        assert store.find(key) is None
        assert not mark.exists()


def test_another_user_has_another_key(tmp_path, monkeypatch):
    from cordbook.core.trust import signed

    made = []
    for name in ("one", "two", "one"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / name))
        signed._key.cache_clear()
        made.append(signed.signature(b"x"))
    signed._key.cache_clear()
    assert made[0] == made[2] != made[1]
    assert (tmp_path / "one" / "cordbook" / "key").stat().st_mode & 0o777 == 0o600


def random_bytes(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(rng.choice([0, 7, 4000])))


@pytest.mark.parametrize("place", ["_build/.work", ".cordbook"])
def test_random_bytes_are_no_cache(place, book, clean_site):
    """Every kind of file of the folder in turn holds random bytes; the next build makes the same book."""
    rng = random.Random(place)
    folder = book.root / place
    mark = folder / "loaded"
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    for suffix in sorted({p.suffix for p in files}):
        for path in rng.sample(some := [p for p in files if p.suffix == suffix], min(3, len(some))):
            random_bytes(path, rng)
    for path in [p for p in files if p.suffix in (".pickle", ".doctree")][:5]:
        path.write_bytes(pickle.dumps(Boom(mark)))
    build(book, report=quiet)
    assert not mark.exists()
    assert site_of(book) == clean_site(book)


def test_a_file_in_the_place_of_a_folder_is_no_cache(book):
    before = site_of(book)
    for path in (book.root / "_build" / ".work", book.cache):
        shutil.rmtree(path)
        path.write_bytes(b"junk")
    build(book, report=quiet)
    assert site_of(book) == before
