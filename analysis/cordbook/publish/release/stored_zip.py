"""Zip files that hold the same bytes for the same content, on any machine and with any version of Python or zlib.

Members are stored, not compressed: what deflate makes of a text differs between versions of zlib, and an archive must be made
again, byte for byte, in ten years. They are sorted by name and carry one date, so that every header follows from name, permissions
and content. Whether an archive is whole is asked in the plainest way: its members are written again, and the two must be equal.
Any unzip program reads these files; this reader accepts no others: nothing compressed (no bombs), no name that leaves the folder or
appears twice. ``zipfile`` of the standard library does the writing and parsing.
"""

from __future__ import annotations

import hashlib
import struct
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO

from cordbook.errors import CordbookError

#: Without the 64-bit extension, as ``zipfile`` counts: no file begins or ends beyond this, and no more members.
LIMIT, MOST_MEMBERS = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
#: The first moment that a zip file can tell.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX, _REGULAR_FILE = 3, 0o100000
_LOCAL_SIZE, _CENTRAL_SIZE = 30, 46
_CHUNK = 1 << 20
MODES = (0o644, 0o755)
#: What ``zipfile`` raises for bytes that are not an archive, or not of a form that it reads.
_NOT_READ = (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, OSError, struct.error)


class Damaged(CordbookError, ValueError):
    """The archive is not what was written; ``place`` says where, ``why`` what is wrong there."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place, self.why = place, why


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its name, permissions, where its content stands, and the SHA-256 of the content as it stands there."""

    name: str
    mode: int
    offset: int
    size: int
    sha256: str


def write(path: Path, members: Iterable[tuple[str, int, Path | bytes]]) -> None:
    """Write an archive of (name, permissions, content or file), sorted by name.

    Raises ``ValueError`` for a name that :func:`read` would refuse, or for too much content.
    """
    entries = sorted(members, key=lambda m: m[0].encode())
    if problem := _name_problems([name for name, _, _ in entries]):
        raise ValueError(problem)
    try:
        with path.open("wb") as out, _new(out) as archive:
            for name, mode, source in entries:
                archive.writestr(_header(name, mode), source if isinstance(source, bytes) else source.read_bytes())
    except zipfile.LargeZipFile:
        raise ValueError(f"{path.name} would hold more than {LIMIT} bytes, which this form cannot") from None


def _new(out: BinaryIO) -> zipfile.ZipFile:
    return zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False)


def _header(name: str, mode: int, size: int = 0) -> zipfile.ZipInfo:
    """All that an archive says of a member beside its content; Unix, so that permissions count."""
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system, info.external_attr, info.file_size = _UNIX, (_REGULAR_FILE | mode) << 16, size
    return info


def read(path: Path) -> list[Member]:
    """The members of an archive, every byte of it accounted for; raises :class:`Damaged` at the first that is not as it must be.

    Contents are compared with their checksums; digests in the archive's own lists are for the caller to compare.
    """
    size = path.stat().st_size
    if size > LIMIT:
        raise Damaged(path.name, f"{size} bytes; an archive of a release has at most {LIMIT}")
    with _opened(path) as archive, tempfile.TemporaryFile() as again:
        infos = archive.infolist()
        _check_directory(infos, size)
        with _new(again) as copy:
            digests = [_copied(archive, info, copy) for info in infos]
            written = copy.infolist()
        _compare(path, again, written, size)
    return [
        Member(info.filename, _mode(info), _content_of(info), info.file_size, digest)
        for info, digest in zip(written, digests, strict=True)
    ]


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive whose directory can be read."""
    try:
        archive = zipfile.ZipFile(path)
    except _NOT_READ as error:
        raise Damaged("directory at the end", f"not that of an archive of a release; it was cut or changed ({error})") from error
    with archive:
        yield archive


def _check_directory(infos: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse what must not be unpacked before anything is: wrong names, compressed members, sizes beyond the archive."""
    if not infos:
        raise Damaged("directory at the end", "it names no member; this is not an archive of a release")
    if problem := _name_problems([info.orig_filename for info in infos]):
        raise Damaged("names", problem)
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise Damaged(f"directory entry of {info.filename}", "it is compressed; members of a release are stored as they are")
        if _content_of(info) + info.file_size > size:
            raise Damaged(
                f"directory entry of {info.filename}",
                f"says {info.file_size} bytes follow, but the archive ends before; it was cut or changed",
            )
        # A length that is too great takes the entries after it for its own: the members that follow would not be seen at all.
        if info.orig_filename != info.filename or info.extra or info.comment:
            raise Damaged(f"directory entry of {info.filename}", "longer than its name; entries of a release hold nothing else")
        if _mode(info) not in MODES:
            raise Damaged(f"directory entry of {info.filename}", f"permissions {_mode(info):o}; a release has 644 and 755")


def _mode(info: zipfile.ZipInfo) -> int:
    return info.external_attr >> 16 & 0o777


def _content_of(info: zipfile.ZipInfo) -> int:
    """Where the content of a member begins in an archive that :func:`write` has made."""
    return info.header_offset + _LOCAL_SIZE + len(info.filename.encode())


def _copied(archive: zipfile.ZipFile, info: zipfile.ZipInfo, copy: zipfile.ZipFile) -> str:
    """Write a member as :func:`write` does; returns the SHA-256 of its content."""
    digest = hashlib.sha256()
    try:
        with archive.open(info) as source, copy.open(_header(info.filename, _mode(info), info.file_size), "w") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
    except _NOT_READ as error:
        wrong_sum = "the content does not agree with its checksum" if "CRC" in str(error) else f"cannot be read ({error})"
        raise Damaged(info.filename, wrong_sum) from error
    return digest.hexdigest()


def _compare(path: Path, again: BinaryIO, written: list[zipfile.ZipInfo], size: int) -> None:
    """The archive and what was written again must be equal; raises :class:`Damaged` at the first byte that differs."""
    again.seek(0)
    at = 0
    with path.open("rb") as file:
        while (there := file.read(_CHUNK)) == (wanted := again.read(_CHUNK)):
            if not there:
                return
            at += len(there)
    at += next((i for i, (a, b) in enumerate(zip(there, wanted, strict=False)) if a != b), min(len(there), len(wanted)))
    raise Damaged(_place_of(at, written), f"not as it was written (byte {at} of {size})")


def _place_of(byte: int, written: list[zipfile.ZipInfo]) -> str:
    """What a byte of an archive belongs to, in words."""
    for info in written:
        if byte < _content_of(info) + info.file_size:
            return f"header of {info.filename}" if byte < _content_of(info) else info.filename
    end = _content_of(written[-1]) + written[-1].file_size
    for info in written:
        end += _CENTRAL_SIZE + len(info.filename.encode())
        if byte < end:
            return f"directory entry of {info.filename}"
    return "end of the archive"


def _name_problems(names: list[str]) -> str | None:
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
    if after := next((b for a, b in pairwise(names) if b.encode() < a.encode()), None):
        return f"{after!r} or the name before it is not in its place in the order of names"
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
            place = target / member.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_at(file, member))
            place.chmod(member.mode)


def content(path: Path, member: Member) -> bytes:
    """The content of a member."""
    with path.open("rb") as file:
        return _at(file, member)


def _at(file: IO[bytes], member: Member) -> bytes:
    file.seek(member.offset)
    return file.read(member.size)
