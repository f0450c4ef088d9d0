"""Zip files that hold the same bytes for the same content, on any machine and with any version of Python or zlib.

Members are stored, not compressed: what deflate makes of a text differs between versions of zlib, and an archive must be made
again, byte for byte, in ten years. Every header follows from the name, the permissions and the content of its member, so a reader
can demand each of them and name the first that is not as it must be. Any unzip program reads these files; this reader reads no
others: nothing compressed (no bombs), nothing overlapping, no name that leaves the folder or stands twice.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cordbook.errors import CordbookError

#: Without the 64-bit extension: no file, and no archive, beyond this.
LIMIT = 2**32 - 1
MOST_MEMBERS = 2**16 - 2
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
#: 1 January 1980, the first moment that a zip file can tell.
_DATE, _TIME = (0 << 9) | (1 << 5) | 1, 0
_VERSION = 20
_MADE_BY = (3 << 8) | _VERSION  # Unix, so that permissions count
_UTF8 = 0x800
_LOCAL_SIZE, _CENTRAL_SIZE, _END_SIZE = 30, 46, 22
_CHUNK = 1 << 20
MODES = (0o644, 0o755)


class Damaged(CordbookError, ValueError):
    """The archive is not what was written; ``place`` says where, ``why`` what is wrong there."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place, self.why = place, why


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its name, permissions, where its content stands, and digests of the content as it stands there."""

    name: str
    mode: int
    offset: int
    size: int
    crc: int
    sha256: str


def write(path: Path, members: Iterable[tuple[str, int, Path | bytes]]) -> None:
    """Write an archive of (name, permissions, content or file), sorted by name.

    Raises ``ValueError`` for a name that :func:`read` would refuse, or for too much content.
    """
    entries = sorted(members, key=lambda m: m[0].encode())
    if fault := _name_faults([name for name, _, _ in entries]):
        raise ValueError(fault)
    with path.open("wb") as out:
        central = b""
        for name, mode, source in entries:
            content = source if isinstance(source, bytes) else source.read_bytes()
            start = out.tell()
            crc = zlib.crc32(content)
            out.write(local_header(name, crc, len(content)))
            out.write(content)
            central += central_header(name, crc, len(content), mode, start)
        start = out.tell()
        if start + len(central) + _END_SIZE > LIMIT:
            raise ValueError(f"{path.name} would hold more than {LIMIT} bytes, which this form cannot")
        out.write(central)
        out.write(end_record(len(entries), len(central), start))


def local_header(name: str, crc: int, size: int) -> bytes:
    """What stands before the content of a member (APPNOTE 4.3.7)."""
    raw = name.encode()
    fixed = struct.pack("<HHHHHIIIHH", _VERSION, _flags(name), 0, _TIME, _DATE, crc, size, size, len(raw), 0)
    return _LOCAL + fixed + raw


def central_header(name: str, crc: int, size: int, mode: int, offset: int) -> bytes:
    """The entry of a member in the directory at the end (APPNOTE 4.3.12)."""
    raw = name.encode()
    attributes = (0o100000 | mode) << 16
    return _CENTRAL + struct.pack(
        "<HHHHHHIIIHHHHHII",
        _MADE_BY, _VERSION, _flags(name), 0, _TIME, _DATE, crc, size, size, len(raw), 0, 0, 0, 0, attributes, offset,
    ) + raw  # fmt: skip


def end_record(count: int, size: int, offset: int) -> bytes:
    """The last bytes of an archive (APPNOTE 4.3.16)."""
    return _END + struct.pack("<HHHHIIH", 0, 0, count, count, size, offset, 0)


def _flags(name: str) -> int:
    return 0 if name.isascii() else _UTF8


def read(path: Path) -> list[Member]:
    """The members of an archive, every byte of it accounted for; raises :class:`Damaged` at the first that is not as it must be.

    Contents are compared with their checksums; digests in the archive's own lists are for the caller to compare.
    """
    size = path.stat().st_size
    if size > LIMIT:
        raise Damaged(path.name, f"{size} bytes; an archive of a release has at most {LIMIT}")
    listed = _listed(path)
    with path.open("rb") as file:
        members = list(_members(file, size, listed))
        end_of_members = file.tell()
        if not members:
            raise Damaged("first bytes", "no member begins here; this is no archive of a release")
        if fault := _name_faults([m.name for m in members]):
            raise Damaged("names", fault)
        directory = _check_directory(file, members, end_of_members)
        _check(file, end_record(len(members), directory, end_of_members), "end of the archive", "the end record")
        if rest := size - file.tell():
            raise Damaged("end of the archive", f"{rest} bytes too many after the end record")
    return members


def _listed(path: Path) -> dict[int, str]:
    """Names by where their header begins, as the directory has them, for messages; empty where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {info.header_offset: info.filename for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return {}


def _members(file: BinaryIO, size: int, listed: Mapping[int, str]) -> Iterator[Member]:
    """Members one after the other, each with the header that its content demands."""
    last = "the start of the archive"
    while True:
        start = file.tell()
        head = file.read(_LOCAL_SIZE)
        if head[:4] == _CENTRAL and start not in listed:
            file.seek(start)
            return
        if len(head) < _LOCAL_SIZE or head[:4] != _LOCAL:
            place = f"header of {listed[start]}" if start in listed else "start of the directory, or of a file"
            raise Damaged(place, f"after {last} nothing begins as it must; the archive is cut or changed here (byte {start})")
        length, content_size = struct.unpack_from("<H", head, 26)[0], struct.unpack_from("<I", head, 18)[0]
        raw = file.read(length)
        place = f"header of {listed.get(start, _shown(raw))}"
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise Damaged(place, f"the name is not UTF-8 (byte {start + _LOCAL_SIZE})") from None
        if listed.get(start, name) != name:
            raise Damaged(place, f"the directory gives it another name; the header says {_shown(raw)!r} (byte {start})")
        offset = file.tell()
        if offset + content_size > size:
            raise Damaged(place, f"says {content_size} bytes follow, but the archive ends before; it was cut or changed")
        crc, sha256 = _digests(file, content_size)
        wanted = local_header(name, crc, content_size)
        _compare(head + raw, wanted, start, place, _crc_hint(head, crc, name))
        yield Member(name, 0, offset, content_size, crc, sha256)
        last = name


def _crc_hint(head: bytes, crc: int, name: str) -> str:
    """What to say where only the checksum differs: then it is the content that was changed, or the checksum itself."""
    written = struct.unpack_from("<I", head, 14)[0]
    return f"the content of {name} does not agree with its checksum" if written != crc else ""


def _digests(file: BinaryIO, size: int) -> tuple[int, str]:
    crc, digest, left = 0, hashlib.sha256(), size
    while left:
        chunk = file.read(min(_CHUNK, left))
        crc, left = zlib.crc32(chunk, crc), left - len(chunk)
        digest.update(chunk)
    return crc, digest.hexdigest()


def _check_directory(file: BinaryIO, members: list[Member], end: int) -> int:
    """Compare the directory with what the members demand, and take the permissions from it; returns its size."""
    file.seek(end)
    total = 0
    for place, member in enumerate(members):
        head = end + total
        start = member.offset - _LOCAL_SIZE - len(member.name.encode())
        there = file.read(_CENTRAL_SIZE + len(member.name.encode()))
        mode = struct.unpack_from("<I", there.ljust(_CENTRAL_SIZE, b"\0"), 38)[0] >> 16 & 0o777
        wanted = central_header(member.name, member.crc, member.size, mode if mode in MODES else MODES[0], start)
        _compare(there, wanted, head, f"directory entry of {member.name}", "")
        members[place] = Member(member.name, mode, member.offset, member.size, member.crc, member.sha256)
        total += len(wanted)
    return total


def _check(file: BinaryIO, wanted: bytes, place: str, what: str) -> None:
    start = file.tell()
    _compare(file.read(len(wanted)), wanted, start, place, what)


def _compare(there: bytes, wanted: bytes, start: int, place: str, what: str) -> None:
    if there == wanted:
        return
    different = next((i for i, (a, b) in enumerate(zip(there, wanted, strict=False)) if a != b), min(len(there), len(wanted)))
    raise Damaged(place, f"{what or 'not as it was written'} (byte {start + different})")


def _shown(raw: bytes) -> str:
    return raw[:120].decode(errors="replace")


def _name_faults(names: list[str]) -> str | None:
    """Why these names cannot be the members of an archive; None where they can."""
    if len(names) > MOST_MEMBERS:
        return f"{len(names)} members; an archive has at most {MOST_MEMBERS}"
    for name in names:
        parts = name.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\\" in name or ":" in parts[0] or any(ord(c) < 32 for c in name):
            return f"{name!r} could be written outside the folder that the archive is unpacked in"
    folded = [name.casefold() for name in names]
    if twice := sorted({name for name in names if folded.count(name.casefold()) > 1}) if len(set(folded)) < len(folded) else []:
        return f"{twice[0]!r} stands there more than once"
    if names != sorted(names, key=str.encode):
        return "the members are not in the order of their names"
    files = set(names)
    for name in names:
        parts = name.split("/")
        if any("/".join(parts[:i]) in files for i in range(1, len(parts))):
            return f"{name!r} lies under a name that is a file"
    return None


def extract(path: Path, members: Iterable[Member], target: Path) -> None:
    """Write members that :func:`read` has accepted into a folder."""
    with path.open("rb") as file:
        for member in members:
            file.seek(member.offset)
            place = target / member.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read(member.size))
            place.chmod(member.mode)


def content(path: Path, member: Member) -> bytes:
    """The content of a member."""
    with path.open("rb") as file:
        file.seek(member.offset)
        return file.read(member.size)
