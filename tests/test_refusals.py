"""What the system refuses (no room, no right, no folder, Ctrl-C) is told once, in one line, and harms nothing: the owners of writing."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cordbook.core import files
from cordbook.core.files import add_to, copy_folder, stage, uninterrupted, whole, write_together, write_whole, written
from cordbook.core.swap import publish
from cordbook.errors import NotWritten
from cordbook.intake.records.append import append_rows
from cordbook.intake.records.transaction import commit

REFUSALS = {
    errno.ENOSPC: "Make room on the disk",
    errno.EROFS: "Get the right to write there",
    errno.EACCES: "Get the right to write there",
    errno.ENOENT: "Check that it and its folder are there",
}


def filled(path: Path) -> None:
    with whole(path, durable=True) as temporary:
        temporary.write_bytes(b"new\n")


def folder(path: Path, text: str) -> Path:
    (path / "deep").mkdir(parents=True)
    for name in ("a.html", "deep/b.html"):
        (path / name).write_text(text)
    return path


#: Every way in which a file of the project is written: what is called, which files it is to change.
WAYS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "write_whole": (lambda root: write_whole(root / "a.csv", "new\n", durable=True), ("a.csv",)),
    "whole": (lambda root: filled(root / "a.csv"), ("a.csv",)),
    "stage": (lambda root: stage(root / "a.csv", "new\n"), ("a.csv",)),
    "write_together": (lambda root: write_together({root / "a.csv": "new\n", root / "b.csv": "new\n"}), ("a.csv", "b.csv")),
    "add_to": (lambda root: add_to(root / "a.csv", b"new\n"), ("a.csv",)),
    "append_rows": (lambda root: append_rows(root / "a.csv", ("old",), [{"old": "new"}], root / "cut"), ("a.csv",)),
    "transaction": (lambda root: commit(root / "kept", {root / "a.csv": "new\n", root / "b.csv": "new\n"}), ("a.csv", "b.csv")),
    "publish": (lambda root: publish(root / "work", root / "html"), ("html/a.html",)),
}
#: Each step at which the system may refuse.
STEPS = ("write", "fsync", "replace", "mkdir", "copy")


def refuse(monkeypatch: pytest.MonkeyPatch, step: str, number: int) -> list[str]:
    """Let the system refuse one step, after half of what was to be written; returns where it did."""
    met: list[str] = []

    def refused(*arguments: object, **named: object) -> None:
        met.append(step)
        raise OSError(number, os.strerror(number))

    real_open = Path.open

    def half(path: Path, content: bytes) -> None:
        with real_open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        refused()

    class Half:
        def __init__(self, file) -> None:
            self.file = file

        def __enter__(self) -> Half:
            return self

        def __exit__(self, *raised: object) -> None:
            self.file.close()

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

        def write(self, content: bytes) -> int:
            if met:
                refused()
            met.append(step)
            return self.file.write(bytes(content)[: len(content) // 2])

    if step == "write":
        monkeypatch.setattr(Path, "write_bytes", half)
        monkeypatch.setattr(
            Path,
            "open",
            lambda path, mode="r", *a, **k: (
                Half(real_open(path, mode, *a, **k)) if mode == "ab" and "buffering" in k else real_open(path, mode, *a, **k)
            ),
        )
    elif step == "mkdir":
        monkeypatch.setattr(Path, "mkdir", refused)
    elif step == "copy":
        monkeypatch.setattr("shutil.copy2", refused)
    else:
        monkeypatch.setattr(files.os, step, refused)
    return met


def standing(root: Path) -> dict[str, bytes]:
    return {
        p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file() and p.parts[-2] != "kept"
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("old\n")
    folder(tmp_path / "html", "old")
    folder(tmp_path / "work", "new")
    return tmp_path


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("way", WAYS)
def test_what_the_system_refuses_names_the_file_and_changes_none(place, monkeypatch, way, step, number):
    work, names = WAYS[way]
    before = standing(place)
    with monkeypatch.context() as patched:
        met = refuse(patched, step, number)
        try:
            work(place)
        except OSError as error:
            told = error
        else:
            # This way has no such step.
            assert not met
            return
    assert isinstance(told, NotWritten)
    assert standing(place) == before
    message = str(told)
    assert len(message.splitlines()) == 1
    assert message.startswith(str(place))
    assert f"cannot be written: {os.strerror(number)}. {REFUSALS[number]}" in message
    assert not [p for p in place.rglob(".*") if p.is_file() or p.name.startswith(".swap")]
    work(place)
    assert way == "stage" or all((place / name).read_bytes() != before[name] for name in names)


def test_every_way_meets_a_step(place, monkeypatch):
    """So that the test above cannot pass by asking nothing."""
    for way, (work, _) in WAYS.items():
        met = []
        for step in STEPS:
            with monkeypatch.context() as patched:
                found = refuse(patched, step, errno.ENOSPC)
                try:
                    work(place)
                except OSError:
                    met.append(step)
                assert bool(found) == (step in met)
        assert met, way


def test_an_error_of_another_file_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError) as told, written(tmp_path / "a.csv"):
        (tmp_path / "other.csv").read_bytes()
    assert not isinstance(told.value, NotWritten)


def test_a_row_cut_short_is_mended_without_ever_taking_away_the_rows_before_it(tmp_path, monkeypatch):
    """The rows of years of work stand in this file: no moment may be without them."""
    path = tmp_path / "screening.csv"
    path.write_bytes(b"a,b\n1,2\n3")
    shortest = []
    real = os.fsync

    def watched(handle: int) -> None:
        shortest.append(path.read_bytes())
        real(handle)

    monkeypatch.setattr(files.os, "fsync", watched)
    append_rows(path, ("a", "b"), [{"a": "5", "b": "6"}], tmp_path / "kept" / "cut")
    assert path.read_bytes() == b"a,b\n1,2\n5,6\n"
    assert (tmp_path / "kept" / "cut").read_bytes() == b"3\n"
    assert all(content.startswith(b"a,b\n1,2\n") for content in shortest)


@pytest.mark.parametrize("step", ["replace", "fsync"])
@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("stage", "transaction")])
def test_ctrl_c_while_a_file_is_written_leaves_the_old_one(place, monkeypatch, way, step):
    """A transaction that was broken off is finished by the next call: tests/intake."""
    met = []

    def stopped(*arguments: object) -> None:
        met.append(step)
        raise KeyboardInterrupt

    before = standing(place)
    with monkeypatch.context() as patched:
        patched.setattr(files.os, step, stopped)
        try:
            WAYS[way][0](place)
        except KeyboardInterrupt:
            assert standing(place) == before
        else:
            assert not met


def test_ctrl_c_waits_for_the_end_of_what_must_not_be_done_by_half(tmp_path, monkeypatch):
    real = os.replace
    moved: list[str] = []

    def interrupted(source: object, target: object) -> None:
        signal.raise_signal(signal.SIGINT)
        moved.append(str(target))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", interrupted)
    before = signal.getsignal(signal.SIGINT)

    def several() -> None:
        with uninterrupted():
            write_together({tmp_path / "a": "new", tmp_path / "b": "new"})
            moved.append("after")

    with pytest.raises(KeyboardInterrupt):
        several()
    assert moved == [str(tmp_path / "a"), str(tmp_path / "b"), "after"]
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a", "b"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_folder_is_copied_but_for_what_is_left_out(tmp_path):
    source = folder(tmp_path / "work", "new")
    (source / ".doctrees").mkdir()
    (source / ".doctrees" / "x").write_text("x")
    (source / "deep" / ".doctrees").write_text("no folder of Sphinx")
    copy_folder(source, tmp_path / "copy", leave_out=(".doctrees",))
    assert sorted(standing(tmp_path / "copy")) == ["a.html", "deep/.doctrees", "deep/b.html"]
