"""The one store: a value is made once, and no accident gives an answer that was not made from these inputs."""

import errno
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

import cordbook
from cordbook.core import files, store
from cordbook.core.project import Project
from cordbook.core.store import VARIABLE, Store, key_of, store_of, store_of_the_builder

KEY = key_of("sum", "1", "2")


@pytest.fixture
def kept(tmp_path):
    return Store(tmp_path / "store")


def entry(kept, key=KEY):
    (path,) = kept.folder.glob(f"??/{key}")
    return path


def fails():
    pytest.fail("made again")


def test_a_value_is_made_once_for_all_who_open_the_folder(kept):
    assert kept.get(KEY, lambda: {"sum": 3}) == {"sum": 3}
    assert kept.get(KEY, fails) == Store(kept.folder).get(KEY, fails) == {"sum": 3}
    assert kept.find(KEY) == {"sum": 3}
    assert kept.find(key_of("sum", "1", "3")) is None


def test_a_value_may_be_none(kept):
    assert kept.get(KEY, lambda: None) is None
    assert kept.get(KEY, fails) is None


def test_keys_tell_every_input_from_every_other():
    keys = [key_of("a", "bc"), key_of("ab", "c"), key_of("a", "b", "c"), key_of("a", "bc", ""), key_of("", "abc"), key_of("2:bc")]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("cut", [0, 1, 31, 32, 40, -1])
def test_a_file_cut_short_is_made_again(kept, cut):
    kept.put(KEY, list(range(100)))
    path = entry(kept)
    path.write_bytes(path.read_bytes()[:cut])
    assert kept.get(KEY, lambda: "new") == "new"
    assert kept.get(KEY, fails) == "new"


def test_no_changed_byte_goes_unseen(kept):
    kept.put(KEY, list(range(30)))
    path = entry(kept)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert kept.find(KEY) is None, place
    path.write_bytes(whole)
    assert kept.find(KEY) == list(range(30))


def test_an_entry_under_the_name_of_another_is_none(kept):
    other = key_of("sum", "2", "2")
    kept.put(KEY, 3)
    kept.put(other, 4)
    entry(kept, other).write_bytes(entry(kept).read_bytes())
    assert kept.find(other) is None


def test_a_folder_in_the_place_of_an_entry_is_none(kept):
    (kept.folder / KEY[:2] / KEY).mkdir(parents=True)
    assert kept.get(KEY, lambda: 3) == 3


class Gone:
    """A class that another version of the package does not have."""


def test_a_value_of_another_version_of_the_package_is_made_again(kept, monkeypatch):
    kept.put(KEY, Gone())
    monkeypatch.delattr(sys.modules[__name__], "Gone")
    assert kept.get(KEY, lambda: "new") == "new"


def test_entries_of_another_format_are_never_asked_for(monkeypatch):
    before = key_of("sum", "1")
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    assert key_of("sum", "1") != before


def test_a_full_disk_costs_a_computation_and_is_told_once(tmp_path, monkeypatch):
    told = []
    kept = Store(tmp_path / "store", told.append)
    kept.put(KEY, "old")

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "write_whole", full)
    assert kept.get(key_of("other"), lambda: 4) == 4
    kept.put(KEY, "new")
    assert kept.find(KEY) is None  # rather none than the value before
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert "computed again" in told[0]


def test_a_disk_that_is_full_in_the_middle_of_a_write_leaves_nothing(kept, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    assert kept.get(KEY, lambda: 3) == 3
    assert [path for path in kept.folder.rglob("*") if path.is_file()] == []


def test_what_cannot_be_kept_is_a_fault_of_the_program(kept):
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        kept.put(KEY, threading.Lock())


KILLED = """
import os, signal, sys
from pathlib import Path
from cordbook.core import files
from cordbook.core.store import Store
replace = files.os.replace
files.os.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
Store(Path(sys.argv[1])).put(sys.argv[2], "new")
"""


def test_a_process_killed_in_the_middle_of_a_write_leaves_the_value_before(kept):
    kept.put(KEY, "old")
    done = subprocess.run([sys.executable, "-c", KILLED, kept.folder, KEY], check=False)
    assert done.returncode == -signal.SIGKILL
    assert kept.get(KEY, fails) == "old"
    left = [path for path in kept.folder.rglob(".*") if path.is_file()]
    assert len(left) == 1
    kept.trim()
    assert left[0].exists()  # it might be of a process that is writing
    os.utime(left[0], (0, 0))
    kept.trim()
    assert not left[0].exists()
    assert kept.get(KEY, fails) == "old"


def write_and_read(folder, seed):
    kept = Store(Path(folder))
    for i in range(150):
        value = kept.get(key_of("square", str(i)), lambda i=i: [i * i] * 2000)
        assert value == [i * i] * 2000
        kept.put(KEY, [seed] * 5000)
        found = kept.find(KEY)
        assert found is None or len(set(found)) == 1
        if i % 40 == 0:
            kept.trim(1)
    return True


def test_two_builds_at_once_read_whole_values_only(kept):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.starmap(write_and_read, [(str(kept.folder), 1), (str(kept.folder), 2)]) == [True, True]


def test_the_folder_is_bounded_and_what_is_in_use_stays(tmp_path):
    before = Store(tmp_path / "store")
    old, new = key_of("old"), key_of("new")
    noise = {key: os.urandom(10_000) for key in (old, new, KEY)}
    for age, key in enumerate((KEY, old, new)):
        before.put(key, noise[key])
        os.utime(entry(before, key), (age, age))
    kept = Store(before.folder)
    assert kept.find(KEY) == noise[KEY]  # the oldest of all, and read
    kept.trim(25_000)
    assert [kept.find(key) is not None for key in (KEY, old, new)] == [True, False, True]
    Store(before.folder).trim(0)
    assert [path for path in before.folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("when", [0, 4_000_000_000], ids=["set back", "set forward"])
def test_a_clock_that_was_set_changes_no_answer(kept, when):
    kept.put(KEY, 3)
    os.utime(entry(kept), (when, when))
    assert Store(kept.folder).get(KEY, fails) == 3
    kept.trim(0)
    assert kept.get(KEY, fails) == 3


def test_a_store_that_was_deleted_while_it_is_open_fills_again(kept):
    kept.put(KEY, 3)
    entry(kept).unlink()
    kept.trim()
    assert kept.get(KEY, lambda: 4) == 4


def test_it_lies_in_the_cache_which_make_clean_deletes(tmp_path):
    project = Project(tmp_path)
    assert store_of(project).folder.is_relative_to(project.cache)


def test_a_kernel_opens_the_store_of_its_builder_and_no_other_process_does(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert store_of_the_builder() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert store_of_the_builder().folder == tmp_path
    monkeypatch.setenv(VARIABLE, "")
    assert store_of_the_builder() is None


def test_nobody_else_keeps_values_in_files_of_its_own():
    """One owner: no other module pickles or compresses, and none but the store and the lock names a place in the cache."""
    package = Path(cordbook.__file__).parent
    for path in package.rglob("*.py"):
        name, text = path.relative_to(package).as_posix(), path.read_text(encoding="utf-8")
        if name == "core/store.py":
            continue
        assert not {"import pickle", "import gzip", "import shelve", "import marshal"} & set(text.splitlines()), name
        assert ".cache /" not in text, name


def test_entries_are_compressed(kept):
    kept.put(KEY, "x" * 100_000)
    assert entry(kept).stat().st_size < 2_000
    assert zlib.decompress(entry(kept).read_bytes()[32:])
