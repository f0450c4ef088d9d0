"""One owner of files that are written whole: what ``core.files`` promises, and that nobody else moves a file into its place."""

from __future__ import annotations

import ast
import os
import stat
from pathlib import Path

import pytest

import cordbook
from cordbook.core import files
from cordbook.core.files import put, stage, sweep, whole, write_whole

PACKAGE = Path(cordbook.__file__).parent
OWNER = "core/files.py"
#: What moves a file into its place, or makes one that is to be moved there.
MOVES = {"os.replace", "os.rename", "os.renames", "shutil.move", "tempfile.mkstemp", "tempfile.NamedTemporaryFile", "os.fsync"}


def calls(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def moves_of_paths(tree: ast.AST) -> list[int]:
    """Lines with ``path.replace(target)`` or ``path.rename(target)``: a text is replaced with two arguments, a frame renamed by name."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("replace", "rename")
        if len(node.args) == 1 and not node.keywords
    ]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_nobody_else_moves_a_file_into_its_place(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path.relative_to(PACKAGE).as_posix() == OWNER:
        assert {"os.replace", "os.fsync"} <= calls(tree)
        return
    assert not MOVES & calls(tree)
    assert moves_of_paths(tree) == []


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("content", ["text, µ\r\n", b"\x00bytes\n", ""])
def test_a_file_is_written_as_it_is_and_nothing_is_left_beside_it(tmp_path, content, durable):
    path = tmp_path / "new" / "a.csv"
    for _ in range(2):
        write_whole(path, content, durable=durable)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert names(path.parent) == ["a.csv"]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o664, 0o755])
def test_a_file_keeps_its_permissions(tmp_path, mode):
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(mode)
    write_whole(path, "new")
    put(stage(path, "newer"), path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_new_file_has_the_permissions_that_the_system_gives(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "a.csv", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_whole(tmp_path / "link.csv", "new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


class Stopped(BaseException):
    pass


def test_what_breaks_off_while_it_is_made_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.zip"
    path.write_text("old")

    def breaks_off() -> None:
        with whole(path) as temporary:
            temporary.write_text("half")
            raise Stopped

    with pytest.raises(Stopped):
        breaks_off()
    assert (names(tmp_path), path.read_text()) == (["a.zip"], "old")


@pytest.mark.parametrize("step", ["write_bytes", "replace", "fsync"])
def test_a_fault_at_any_step_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, step):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fails(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((Path, step) if step == "write_bytes" else (files.os, step)), fails)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new", durable=True)
    monkeypatch.undo()
    assert (names(tmp_path), path.read_text()) == (["a.csv"], "old")


def test_durable_means_the_file_before_its_name_and_then_its_folder(tmp_path, monkeypatch):
    steps = []
    real = os.replace

    def synced(handle: int) -> None:
        steps.append(Path(os.readlink(f"/proc/self/fd/{handle}")).is_dir())

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(files.os, "replace", lambda a, b: (steps.append("moved"), real(a, b)))
    write_whole(tmp_path / "a.csv", "new", durable=True)
    assert steps == [False, "moved", True]
    write_whole(tmp_path / "a.csv", "made again by every build")
    assert steps[3:] == ["moved"]


def test_a_folder_is_put_where_none_is(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "page.html").write_text("page")
    put(tmp_path / "made", tmp_path / "place")
    assert (names(tmp_path), names(tmp_path / "place")) == (["place"], ["page.html"])


def test_what_a_killed_process_left_is_swept(tmp_path):
    stage(tmp_path / "a.ipynb", "half")
    stage(tmp_path / "b.ipynb", "of another")
    sweep(tmp_path / "a.ipynb")
    assert [name.split(".")[1] for name in names(tmp_path)] == ["b"]
