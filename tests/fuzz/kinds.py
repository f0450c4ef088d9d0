"""What is fuzzed: five kinds of what comes from outside, each with sound examples, hostile pieces, and what must hold of any bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cordbook.core.project import Project
from cordbook.errors import CordbookError
from cordbook.evidence import Unreadable, read_all, validate
from cordbook.evidence.problems import Problem, as_text
from cordbook.evidence.schema import load_package
from cordbook.intake.imports.importing import import_file
from cordbook.intake.records.store import read_rows
from cordbook.publish.release import stored_zip
from cordbook.publish.release.verify import verify
from cordbook.publish.starting.create import About, create
from cordbook.review.reporting.declared_files import validate_all

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).parent / "corpus"
#: Files of the import tests that are small, one for each format.
EXPORTS = ROOT / "tests" / "intake" / "files"
LARGEST = 6_000
#: What is often mistaken, whatever stands around it.
PIECES: tuple[bytes, ...] = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b'"', b",", b";", b"\t", b"'", b"=1+1", b"-1", b"1e999", b"nan", b"\xd9\xa1",
    "\u202e".encode(), "\u3164".encode(), "\uff1d".encode(), b"{", b"}", b"[", b"]", b"*", b"&a", b"<<", b": ", b"- ", b"#", b"%", b"\\", b"../",
    b"9" * 400, b"(a+)+$", b"null", b"true", b"{}", b"[]", b"0", b"2044-13-45", b"\xf0\x9f\x92\xa9", b"\xed\xa0\x80", b"$(id)", b"<script>",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """``sound``: examples that are right; ``judge`` raises where something must hold of an input and does not."""

    name: str
    sound: Callable[[], tuple[bytes, ...]]
    judge: Callable[[bytes], None]
    pieces: tuple[bytes, ...] = ()


@cache
def workshop() -> Path:
    """A new review, which each kind changes and puts back."""
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    create(
        place / "review",
        About(title="Exercise and falls", question="Does exercise prevent falls?"),
        report=lambda text: None,
    )
    return place / "review"


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    """A file with another content for a while."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def named(path: str, content: bytes) -> bytes:
    """An input that says in its first line of which file it is the content."""
    return path.encode() + b"\n" + content


def parted(given: bytes, known: tuple[str, ...]) -> tuple[str, bytes]:
    """The file that an input is of, one of those ``known``, and its content."""
    first, _, content = given.partition(b"\n")
    name = first.decode("latin-1")
    return (name, content) if name in known else (known[len(first) % len(known)], content)


def all_told(problems: list[Problem] | tuple[Problem, ...]) -> None:
    """Whatever is said names its place and what to do, and holds no sign that a terminal would obey."""
    for problem in problems:
        assert problem.file and problem.message and problem.remedy, problem
    assert all(line.isprintable() for line in as_text(problems).splitlines())


# ------------------------------------------------------------------------------------------------ tables


@cache
def table_names() -> tuple[str, ...]:
    package = load_package(workshop() / "data")
    return (*(table.path for table in package.tables), "datapackage.json")


def tables_sound() -> tuple[bytes, ...]:
    data = workshop() / "data"
    found = [(name, (data / name).read_bytes()) for name in table_names() if (data / name).is_file()]
    return tuple(named(name, content) for name, content in found if content.count(b"\n") > 1 and len(content) < LARGEST)


def judge_tables(given: bytes) -> None:
    """Validation names what is wrong and never fails, and the tables can be read again as they were read."""
    data = workshop() / "data"
    name, content = parted(given, table_names())
    with changed(data / name, content):
        try:
            found = validate(data, with_text=False)
        except Unreadable as error:
            all_told(error.problems)
            return
        all_told(found.problems)
        if found.package and not found.errors:
            assert read_all(data, found.package)


# ------------------------------------------------------------------------------------------------ declarations


@cache
def declared_names() -> tuple[str, ...]:
    data = workshop() / "data"
    return tuple(sorted(path.relative_to(data).as_posix() for path in data.rglob("*.yml")))


def declarations_sound() -> tuple[bytes, ...]:
    return tuple(named(name, (workshop() / "data" / name).read_bytes()) for name in declared_names())


def judge_declarations(given: bytes) -> None:
    data = workshop() / "data"
    name, content = parted(given, declared_names())
    with changed(data / name, content):
        try:
            all_told(validate_all(data, with_text=False).problems)
        except Unreadable as error:
            all_told(error.problems)


# ------------------------------------------------------------------------------------------------ imports

#: What an import writes.
WRITTEN = ("searches", "records", "abstracts")


def imports_sound() -> tuple[bytes, ...]:
    files = sorted(path for path in EXPORTS.rglob("*") if path.is_file() and path.stat().st_size < LARGEST)
    return tuple(path.read_bytes() for path in files)


def judge_imports(given: bytes) -> None:
    """What is taken in keeps the rules of the evidence; each line is a record's, a reject's or blank; a second time nothing is new."""
    project = Project(workshop())
    export = project.root / "export.txt"
    export.write_bytes(given)
    before = {name: (project.data / f"{name}.csv").read_bytes() for name in WRITTEN}
    try:
        known = {(p.file, p.rule, p.row) for p in validate(project.data, with_text=False).problems}
        try:
            done = import_file(project, export, "2026-11-30", "AB")
        except CordbookError:
            assert {name: (project.data / f"{name}.csv").read_bytes() for name in WRITTEN} == before
            return
        found = [p for p in validate(project.data, with_text=False).problems if p.severity == "error"]
        assert [p for p in found if (p.file, p.rule, p.row) not in known] == []
        assert len(done.new) + done.known + len(done.rejects) <= done.seen + len(done.rejects)
        records = read_rows(project.data, "records")
        again = import_file(project, export, "2026-11-30", "AB")
        assert not again.new
        assert read_rows(project.data, "records") == records
    finally:
        for name, content in before.items():
            (project.data / f"{name}.csv").write_bytes(content)
        shutil.rmtree(project.kept, ignore_errors=True)


# ------------------------------------------------------------------------------------------------ releases

_FILES = ("manifest.json", "estimates.json", "rows.json")


def _reduced(content: Any, most: int = 2) -> Any:
    """A part of a JSON text: the first entries of every long list and map."""
    if isinstance(content, list):
        return [_reduced(part, most) for part in content[:most]]
    if isinstance(content, dict):
        wide = len(content) > 30
        return {key: _reduced(part, most) for key, part in list(content.items())[: most if wide else None]}
    return content


@cache
def release_folder() -> Path:
    """A release in small, in a folder as ``cordbook verify`` takes it."""
    newest = sorted((ROOT / "releases").iterdir())[-1]
    target = workshop().parent / "unpacked" / "releases" / newest.name
    target.mkdir(parents=True)
    for name in _FILES:
        content = _reduced(json.loads((newest / name).read_text(encoding="utf-8")))
        (target / name).write_text(json.dumps(content), encoding="utf-8")
    return target


def releases_sound() -> tuple[bytes, ...]:
    return tuple(named(name, (release_folder() / name).read_bytes()) for name in _FILES)


def judge_releases(given: bytes) -> None:
    name, content = parted(given, _FILES)
    with changed(release_folder() / name, content):
        try:
            found = verify(str(release_folder().parents[1]), None, recompute=False, report=lambda text: None)
        except CordbookError as error:
            assert str(error)
            return
        assert all(p.place and p.what for p in found.problems)


# ------------------------------------------------------------------------------------------------ archives


@cache
def sound_archive() -> bytes:
    top, inner = "review-0.1.0", "source/releases"
    files = {f"{inner}/{release_folder().name}/{name}": (release_folder() / name).read_bytes() for name in _FILES}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    place = workshop().parent / "sound.zip"
    stored_zip.write(
        place, [(f"{top}/{name}", 0o644, content) for name, content in sorted({**files, "SHA256SUMS": sums.encode()}.items())]
    )
    return place.read_bytes()


def archives_sound() -> tuple[bytes, ...]:
    return (sound_archive(),)


def judge_archives(given: bytes) -> None:
    """A changed byte is found, nothing is written beside the folder of the moment, and nothing is left."""
    place = workshop().parent / "archive"
    shutil.rmtree(place, ignore_errors=True)
    (place / "moment").mkdir(parents=True)
    (place / "given.zip").write_bytes(given)
    before, tempfile.tempdir = tempfile.tempdir, str(place / "moment")
    try:
        found = verify(str(place / "given.zip"), None, recompute=False, report=lambda text: None)
        if given != sound_archive():
            assert found.problems
        assert all(p.place and p.what for p in found.problems)
    except CordbookError as error:
        assert str(error)
    finally:
        tempfile.tempdir = before
    assert sorted(p.relative_to(place).as_posix() for p in place.rglob("*")) == ["given.zip", "moment"]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("tables", tables_sound, judge_tables),
        Kind("declarations", declarations_sound, judge_declarations, (b"where: ", b"id: ", b"!!python/object:x", b"!!binary ", b"? ", b"&a [*a]", b"2026-13-45")),
        Kind("imports", imports_sound, judge_imports, (b"TY  - JOUR\n", b"ER  - \n", b"@article{", b"%0 ", b"PMID- ", b"<record>", b"TI  - ", b"DO  - 10.1/")),
        Kind("archives", archives_sound, judge_archives, (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"../", b"/etc/x")),
        Kind("releases", releases_sound, judge_releases, (b"NaN", b"Infinity", b'"format": 1', b"[[", b"{{")),
    )
}  # fmt: skip


def corpus(kind: str) -> list[Path]:
    """Small inputs that are kept: what was once a fault, and what is often one."""
    return sorted(path for path in (CORPUS / kind).iterdir() if path.is_file())
