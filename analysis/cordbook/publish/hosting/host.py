"""The folder for a host: the newest release at its root, every release in ``vX.Y.Z/``, and a way for readers from one to another.

Pages are taken from the archives as they are; not a byte of them is changed. Each copy of the book has a file ``versions.js``,
empty when built, which is the one file that is replaced: it names the versions, and ``assets/pages/versions.js`` shows them. It
is a script, since a page opened from a disk may not fetch JSON. ``versions.json`` at the root says the same to programs.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.files import put, write_whole
from cordbook.core.project import Project
from cordbook.core.swap import publish
from cordbook.errors import CordbookError
from cordbook.publish.release import git, stored_zip
from cordbook.publish.release.archive import archive, archive_of
from cordbook.publish.release.verify import check_bytes
from cordbook.publish.sphinx.versions_ext import SCRIPT
from cordbook.review.versions.releases import FOLDER, MANIFEST, Version, list_releases, read_manifest

LIST = "versions.json"


class CannotHost(CordbookError):
    """The folder cannot be laid out; the message names everything that is wrong. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A copy of the book in the host's folder: its version, date, place ("" is the root) and pages."""

    version: Version
    date: str
    place: str
    pages: frozenset[str]


def host(project: Project, target: Path, archives: Path, *, report: Callable[[str], None] = print) -> tuple[Version, ...]:
    """Lay out every release of a project in ``target`` from its archive in ``archives``; the whole folder changes in one step.

    An archive that is missing is made from the commit of its release. Returns the versions, oldest first. Raises :class:`CannotHost`
    for an archive that is damaged or cannot be made, or a folder that holds other things.
    """
    versions = list_releases(project.root)
    paths = {v: archive_of(project.root, v, archives) for v in versions}
    problems = [_foreign(target)] if _foreign(target) else []
    problems += [] if versions else [f"no version has been released yet: {FOLDER}/ holds none"]
    gone = [v for v, path in paths.items() if not path.is_file()]
    problems += [
        f"{paths[v]} is not there, and git knows no commit of version {v} to make it from; put the archive there, or fetch the whole "
        "history: git fetch --tags"
        for v in gone
        if not (git.is_checkout(project.root) and git.commits_of(project.root, str(v)))
    ]
    if problems:
        raise CannotHost("\n".join(problems))
    for version in gone:
        report(f"{paths[version].name} is not there: making it")
        archive(project, version, archives, report=report)
    target.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        finished = stage / "host"
        copies = [_unpack(paths[v], v, finished / f"v{v}", stage, report) for v in versions]
        shutil.copytree(finished / copies[-1].place.rstrip("/"), finished, dirs_exist_ok=True)
        _write_versions(finished, copies)
        publish(finished, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return versions


def _foreign(target: Path) -> str:
    """Why a folder must not be replaced; empty where it may be."""
    if target.exists() and not target.is_dir():
        return f"{target} is a file"
    if target.is_dir() and any(target.iterdir()) and not (target / LIST).is_file():
        return f"{target} holds other things (it has no {LIST}); name an empty folder, or one that cordbook host has made"
    return ""


def _unpack(path: Path, version: Version, place: Path, stage: Path, report: Callable[[str], None]) -> Hosted:
    """The book of an archive, every byte of which has been checked."""
    report(f"{path.name}: checking every byte")
    members, problems = check_bytes(path)
    if problems:
        raise CannotHost(f"{path} is damaged:\n" + "\n".join(f"  {p.place}: {p.what}" for p in problems[:10]))
    top = f"{members[0].name.partition('/')[0]}/"
    inside = stage / "unpacked"
    manifest = f"{top}source/{FOLDER}/{version}/{MANIFEST}"
    stored_zip.extract(path, [m for m in members if m.name.startswith(f"{top}html/") or m.name == manifest], inside)
    if not (inside / manifest).is_file() or not (inside / top / "html" / "index.html").is_file():
        raise CannotHost(f"{path} is not an archive of version {version}: it has no {manifest} or no book")
    date = read_manifest((inside / manifest).parent).date.isoformat()
    place.parent.mkdir(parents=True, exist_ok=True)
    put(inside / top / "html", place, durable=False)
    shutil.rmtree(inside)
    pages = frozenset(p.relative_to(place).as_posix() for p in place.rglob("*.html") if "_static" not in p.parts)
    return Hosted(version, date, f"{place.name}/", pages)


def _write_versions(root: Path, copies: Sequence[Hosted]) -> None:
    newest = copies[-1]
    listed = [{"version": str(c.version), "date": c.date, "path": c.place} for c in reversed(copies)]
    write_whole(root / LIST, json.dumps({"newest": str(newest.version), "versions": listed}, indent=1) + "\n")
    for copy in copies:
        write_whole(root / copy.place / SCRIPT, versions_script(copy, copies, base="../"))
    write_whole(root / SCRIPT, versions_script(newest, copies, base=""))


def versions_script(here: Hosted, copies: Sequence[Hosted], base: str) -> str:
    """``versions.js`` of one copy. Of each version it names the pages of this one that it lacks; the newest is at the root."""

    def entry(copy: Hosted) -> Mapping[str, object]:
        place = "" if copy is copies[-1] else copy.place
        return {"version": str(copy.version), "date": copy.date, "path": place, "absent": sorted(here.pages - copy.pages)}

    content = {"here": str(here.version), "base": base, "versions": [entry(copy) for copy in reversed(copies)]}
    return f"cordbookVersions({json.dumps(content, separators=(',', ':'))});\n"
