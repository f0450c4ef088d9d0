"""The archive of a release: the book, the source as in git with the data package, and metadata; the same bytes every time.

::

    NAME-X.Y.Z/                  NAME is the short name of the review: cordbook-0.1.0
        README.txt               what this is, in a few lines
        SHA256SUMS               digest of every other file: sha256sum --check SHA256SUMS
        ro-crate-metadata.json   what is what, for machines
        html/                    the built book
        source/                  every tracked file; source/data/ is the data package, source/releases/X.Y.Z/ the frozen estimates
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from cordbook.core.files import digest, whole
from cordbook.core.project import Project
from cordbook.errors import CordbookError
from cordbook.evidence.review_state import load_status
from cordbook.publish.release import commit, ro_crate, stored_zip
from cordbook.publish.release.licences import Licences
from cordbook.publish.release.manifest import packages
from cordbook.review.versions.releases import FOLDER, Manifest, Version, read_manifest

SUMS = "SHA256SUMS"
#: Where the files of a release stand while its archive is made again.
STAGE = ("_build", ".archive")
README = "README.txt"
_README = """\
{title}
Version {version}, {date}

This is the archive of one version of a living systematic review. A version never changes.

Read it      open html/index.html in a browser; it needs no server and no network
Check it     sha256sum --check SHA256SUMS    (every file)
             cordbook verify {name}.zip      (every file, and every estimate computed anew from the archived data)
Build it     cd source && make book
Cite it      source/CITATION.cff
Estimates    source/releases/{version}/estimates.json
Data         source/data/, described by source/data/datapackage.json

{licences} Not medical advice.
"""


class ArchiveError(CordbookError):
    """The archive cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that was written: where, how large, and its SHA-256."""

    path: Path
    size: int
    sha256: str


def archive_of(root: Path, version: Version | str, folder: Path | None = None) -> Path:
    """Where the archive of a version stands: in ``folder``, else in ``dist/``, under the short name of the review in ``root``."""
    return (folder or root / "dist") / f"{load_status(root / 'data').file_name}-{version}.zip"


def write_archive(source: Path, html: Path, modes: Mapping[str, int], manifest: Manifest, target: Path) -> Archive:
    """Write the archive of the files ``modes`` (permissions by path) in ``source`` and of the site ``html`` into ``target``.

    The archive takes its place in one step; the folder in it has its name without the ending. Raises :class:`ArchiveError`.
    """
    name = target.stem
    files: dict[str, tuple[int, Path | bytes]] = {f"source/{path}": (mode, source / path) for path, mode in modes.items()}
    pages = sorted(p for p in html.rglob("*") if p.is_file())
    if not pages:
        raise ArchiveError(f"no built book in {html}")
    files |= {f"html/{p.relative_to(html).as_posix()}": (0o644, p) for p in pages}
    text = _README.format(
        title=manifest.title, version=manifest.version, date=manifest.date.isoformat(), name=name, licences=_licences(source).text
    )
    files[README] = (0o644, text.encode())
    sizes = {path: _size(content) for path, (_, content) in files.items()}
    files[ro_crate.FILE] = (0o644, ro_crate.metadata(source, manifest, sizes).encode())
    sizes[ro_crate.FILE] = _size(files[ro_crate.FILE][1])
    files[SUMS] = (0o644, "".join(f"{sizes[path][1]}  {path}\n" for path in sorted(sizes)).encode())
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole(target, durable=True) as temporary:
        try:
            stored_zip.write(temporary, [(f"{name}/{path}", mode, content) for path, (mode, content) in files.items()])
        except ValueError as error:
            raise ArchiveError(str(error)) from error
        size, sha256 = _size(temporary)
    return Archive(target, size, sha256)


def _licences(source: Path) -> Licences:
    path = source / "CITATION.cff"
    return Licences.of(yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {})


def _size(content: Path | bytes) -> tuple[int, str]:
    if isinstance(content, bytes):
        return len(content), hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return content.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def build_in_its_own_process(root: Path) -> None:
    """Build the book of a folder, with the package of that folder if it has one; raises :class:`ArchiveError`."""
    package = root / "analysis"
    environment = {**os.environ, "PYTHONPATH": str(package)} if package.is_dir() else dict(os.environ)
    done = subprocess.run(
        [sys.executable, "-m", "cordbook", "build"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ArchiveError(f"the book could not be built:\n{done.stderr.strip()[-4000:]}")


def archive(project: Project, version: Version, folder: Path | None = None, *, report: Callable[[str], None] = print) -> Archive:
    """Make the archive of a version again from the files of its commit, into ``folder`` or ``dist/``.

    The bytes are those that the release made, whatever is checked out. Raises :class:`ArchiveError` (all reasons at once),
    ``ReleaseError`` or ``GitError``.
    """
    root = project.root
    stage = root.joinpath(*STAGE)
    try:
        found = commit.export_release(root, version, stage)
        if found.differing:
            raise ArchiveError(found.explain(root))
        report(f"taking version {version} from commit {found.commit[:12]}")
        manifest = read_manifest(stage / FOLDER / str(version))
        if others := _other_packages(manifest):
            report(f"warning: the bytes may not be those of the release, which was built with {others}")
        report("building the book")
        build_in_its_own_process(stage)
        if changed := [path for path in found.modes if digest((stage / path).read_bytes()) != found.digests[path]]:
            raise ArchiveError("the build made these files anew, so they are not as released: " + ", ".join(changed))
        report("writing the archive")
        return write_archive(stage, Project(stage).site, found.modes, manifest, archive_of(root, version, folder))
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _other_packages(manifest: Manifest) -> str:
    """The packages that made a release and are here in another version; empty where there are none."""
    here = packages()
    return ", ".join(
        f"{name} {then} (here {here.get(name, 'none')})" for name, then in manifest.packages.items() if here.get(name) != then
    )


def copy_tracked(root: Path, target: Path, modes: Mapping[str, int]) -> None:
    """Copy the tracked files of a checkout into a folder."""
    for path in modes:
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, place)
