"""Archives hold the same bytes for the same content, and every byte of one is accounted for."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cordbook.publish.release.stored_zip import Damaged, content, extract, read, write
from tests.marks import every

MEMBERS = [
    ("a/x.txt", 0o644, b"one"),
    ("a/run", 0o755, b"#!/bin/sh\n"),
    ("a/empty", 0o644, b""),
    ("a/é.csv", 0o644, "µ".encode() * 50),
]
TIMES = 4000 // every(4)
SMALL = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write(tmp_path / "x.zip", MEMBERS)
    return tmp_path / "x.zip"


def test_members_come_back_with_content_and_permissions(archive, tmp_path):
    members = read(archive)
    assert {(m.name, m.mode, content(archive, m)) for m in members} == set(MEMBERS)
    assert [m.name.encode() for m in members] == sorted(name.encode() for name, _, _ in MEMBERS)
    extract(archive, members, tmp_path / "out")
    assert (tmp_path / "out" / "a" / "run").stat().st_mode & 0o777 == 0o755


def test_other_programs_read_it(archive):
    with zipfile.ZipFile(archive) as other:
        assert other.testzip() is None
        assert {(i.filename, i.external_attr >> 16 & 0o777, other.read(i)) for i in other.infolist()} == set(MEMBERS)
        assert {i.date_time for i in other.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_order_and_clock_leave_no_trace(archive, tmp_path):
    write(tmp_path / "y.zip", reversed(MEMBERS))
    assert (tmp_path / "y.zip").read_bytes() == archive.read_bytes()


def test_every_single_byte_counts(archive, tmp_path):
    """All bytes of a small archive, each changed in turn: none is accepted, and each message names a place."""
    good = archive.read_bytes()
    changed = tmp_path / "changed.zip"
    for place in range(len(good)):
        changed.write_bytes(good[:place] + bytes([good[place] ^ 0x20]) + good[place + 1 :])
        with pytest.raises(Damaged) as found:
            read(changed)
        assert found.value.place
        assert found.value.why


@pytest.mark.parametrize("cut", [1, 21, 22, 60, 150, 300])
def test_what_is_cut_off_is_missed(archive, cut):
    archive.write_bytes(archive.read_bytes()[:-cut])
    with pytest.raises(Damaged):
        read(archive)


@pytest.mark.parametrize("more", [b"\0", b"PK\x05\x06", b"x" * 1000])
def test_what_is_added_is_seen(archive, more):
    good = archive.read_bytes()
    for raw in (good + more, more + good):
        archive.write_bytes(raw)
        with pytest.raises(Damaged):
            read(archive)


def other_zip(path: Path, names: list[str], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        for name in names:
            made.writestr(zipfile.ZipInfo(name), b"x" * 100, compression)
    return path


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../evil", "a\\..\\evil", "C:/evil", "a//b", "a/./b", "a/\nb", "", "a/"]
)
def test_names_that_leave_the_folder_are_refused_by_reader_and_writer(tmp_path, name):
    with pytest.raises(ValueError, match="outside the folder"):
        write(tmp_path / "x.zip", [(name, 0o644, b"x")])
    # As a careful attacker would: all headers are as this module writes them, but for the name.
    length = len(name.encode())
    write(tmp_path / "x.zip", [("n" * max(length, 1), 0o644, b"x")])
    raw = (tmp_path / "x.zip").read_bytes()
    if length:
        (tmp_path / "x.zip").write_bytes(raw.replace(b"n" * length, name.encode()))
        with pytest.raises(Damaged, match="outside the folder"):
            read(tmp_path / "x.zip")


def test_a_name_that_stands_twice_is_refused(tmp_path):
    for names in (["a/x", "a/x"], ["a/x", "a/X"], ["a/x", "a/x/y"]):
        with pytest.raises(ValueError, match=r"more than once|under a name"):
            write(tmp_path / "x.zip", [(name, 0o644, b"x") for name in names])
    write(tmp_path / "x.zip", [("a/x", 0o644, b"x"), ("a/y", 0o644, b"x")])
    (tmp_path / "x.zip").write_bytes((tmp_path / "x.zip").read_bytes().replace(b"a/y", b"a/x"))
    with pytest.raises(Damaged, match="more than once"):
        read(tmp_path / "x.zip")


def test_a_bomb_is_refused_before_it_is_opened(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bomb:
        bomb.writestr("a/x", b"\0" * 50_000_000)
    assert (tmp_path / "bomb.zip").stat().st_size < 100_000
    with pytest.raises(Damaged):
        read(tmp_path / "bomb.zip")


def test_a_size_beyond_the_file_is_refused_without_reading_it(archive):
    raw = bytearray(archive.read_bytes())
    entry = raw.index(b"PK\x01\x02")
    struct.pack_into("<II", raw, entry + 20, 0xFFFFFFF0, 0xFFFFFFF0)
    archive.write_bytes(raw)
    with pytest.raises(Damaged, match="ends before"):
        read(archive)


def test_the_form_is_the_same_for_ever(archive):
    """The digest of an archive of the first release's form: an archive that was given away can be made again."""
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == "afe08960c6b2f246a1ac70c99071f23850635bb44331b1cd7714e7dcceeee397"


def test_thousands_of_random_changed_bytes_are_all_found(tmp_path):
    """Anywhere and in the directory, which is parsed before anything is compared; most are told by the member they belong to."""
    draw = random.Random(20261130)
    write(tmp_path / "x.zip", [(f"top/file-{i:02}.txt", 0o644, draw.randbytes(draw.randrange(300))) for i in range(25)])
    good = (tmp_path / "x.zip").read_bytes()
    directory = good.index(b"PK\x01\x02")
    named = 0
    for number in range(TIMES):
        place = draw.randrange(len(good)) if number % 2 else draw.randrange(directory, len(good))
        changed = good[:place] + bytes([good[place] ^ draw.randrange(1, 256)]) + good[place + 1 :]
        (tmp_path / "x.zip").write_bytes(changed)
        with pytest.raises(Damaged) as found:
            read(tmp_path / "x.zip")
        named += "file-" in str(found.value) or f"byte {place}" in str(found.value)
    assert named > 0.75 * TIMES


@pytest.mark.parametrize("raw", [b"", b"PK", b"not a zip", b"PK\x05\x06" + b"\0" * 18, b"\0" * 5000])
def test_what_is_no_archive_is_refused(tmp_path, raw):
    (tmp_path / "x.zip").write_bytes(raw)
    with pytest.raises(Damaged):
        read(tmp_path / "x.zip")


def test_archives_of_other_programs_are_refused(tmp_path):
    with pytest.raises(Damaged):
        read(other_zip(tmp_path / "x.zip", ["a/x"], zipfile.ZIP_DEFLATED))


@SMALL
@given(noise=st.binary(max_size=400), place=st.integers(0, 400))
def test_any_noise_ends_in_one_kind_of_error(tmp_path, noise, place):
    write(tmp_path / "x.zip", MEMBERS)
    good = (tmp_path / "x.zip").read_bytes()
    raw = good[:place] + noise + good[place + len(noise) :]
    (tmp_path / "x.zip").write_bytes(raw)
    try:
        read(tmp_path / "x.zip")
    except Damaged:
        assert raw != good
    else:
        assert raw == good


@SMALL
@given(
    files=st.dictionaries(
        st.text("abcé_.", min_size=1, max_size=8).filter(lambda n: n not in (".", "..")), st.binary(max_size=200), max_size=6
    )
)
def test_any_content_comes_back(tmp_path, files):
    names = {name.casefold() for name in files}
    if not files or len(names) < len(files):
        return
    write(tmp_path / "x.zip", [(f"top/{name}", 0o644, raw) for name, raw in files.items()])
    assert {m.name[4:]: content(tmp_path / "x.zip", m) for m in read(tmp_path / "x.zip")} == files
    with zipfile.ZipFile(io.BytesIO((tmp_path / "x.zip").read_bytes())) as other:
        assert {n[4:]: other.read(n) for n in other.namelist()} == files


def test_unzip_agrees(archive):
    try:
        done = subprocess.run(["unzip", "-tq", str(archive)], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unzip on this machine")
    assert done.returncode == 0


def test_a_changed_byte_is_named_by_the_member_it_is_in(tmp_path):
    """Random bytes of a larger archive: a byte of a content is told by the name of its file."""
    draw = random.Random(7)
    write(tmp_path / "x.zip", [(f"top/file-{i:02}", 0o644, draw.randbytes(2000)) for i in range(20)])
    good, members = (tmp_path / "x.zip").read_bytes(), read(tmp_path / "x.zip")
    for _ in range(100):
        member = draw.choice(members)
        place = member.offset + draw.randrange(member.size)
        (tmp_path / "x.zip").write_bytes(good[:place] + bytes([good[place] ^ draw.randrange(1, 256)]) + good[place + 1 :])
        with pytest.raises(Damaged) as found:
            read(tmp_path / "x.zip")
        assert member.name in found.value.place
        assert "does not agree with its checksum" in found.value.why
