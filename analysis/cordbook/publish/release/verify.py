"""``cordbook verify``: a release is still what was released, byte by byte and number by number.

An archive is judged in three steps. Its form: every byte of the zip file follows from its members, so a changed byte of a header
is found as surely as one of a file. Its lists: SHA256SUMS, then the manifest. Its numbers: every estimate is computed anew from
the archived data with the archived settings. A release in a checkout is judged by the files of its commit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cordbook
from cordbook.core.project import Project
from cordbook.errors import CordbookError
from cordbook.publish.release import git, stored_zip
from cordbook.publish.release.archive import SUMS, archive_of
from cordbook.publish.release.commit import differing_files, export_release
from cordbook.publish.release.frozen_today import frozen_today
from cordbook.publish.release.manifest import digest_of
from cordbook.review.versions.causes import setting_text
from cordbook.review.versions.diff import NUMBERS, differing
from cordbook.review.versions.releases import (
    ESTIMATES,
    FOLDER,
    MANIFEST,
    ROWS,
    Frozen,
    FrozenEstimate,
    Release,
    ReleaseError,
    Version,
    list_releases,
    read_release_folder,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as released: where (a file, or a number in one) and what."""

    place: str
    what: str

    def describe(self) -> str:
        """In one line."""
        return f"{self.place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and every problem. ``estimates`` is 0 where numbers were not computed."""

    version: str
    files: int
    estimates: int
    problems: tuple[Problem, ...]
    source: str
    computed_with: str


class CannotVerify(CordbookError):
    """There is nothing to verify; the message says what was looked for."""

    exit_code = 2


def verify(
    target: str, root: Path | None, *, recompute: bool = True, own_code: bool = False, report: Callable[[str], None] = print
) -> Verified:
    """Verify a version (``0.1.0``), an archive (a zip file), or the source folder of an unpacked archive.

    ``root`` is the checkout in which a version is looked up. ``own_code`` computes with the archived package instead of this one:
    it runs code from the archive. Raises :class:`CannotVerify`.
    """
    path = Path(target)
    if path.is_file():
        return _archive(path, recompute, own_code, report)
    if path.is_dir():
        return _folder(path, recompute, own_code, report)
    try:
        version = str(Version.parse(target))
    except ReleaseError:
        raise CannotVerify(
            f"{target!r} is not a file, a folder or a version; give an archive (X.zip) or a version (0.1.0)"
        ) from None
    return _version(version, root, recompute, own_code, report)


def check_bytes(path: Path) -> tuple[list[stored_zip.Member], list[Problem]]:
    """The members of an archive, and what in its bytes is not as it was written; contents are compared with SHA256SUMS."""
    try:
        members = stored_zip.read(path)
    except stored_zip.Damaged as error:
        return [], [Problem(error.place, error.why)]
    return members, list(_sums(path, members))


def _sums(path: Path, members: list[stored_zip.Member]) -> Iterator[Problem]:
    tops = {m.name.partition("/")[0] for m in members}
    by_name = {m.name.partition("/")[2]: m for m in members}
    if len(tops) != 1 or SUMS not in by_name:
        yield Problem(path.name, f"no archive of a release: it needs one folder at the top, with {SUMS} in it")
        return
    text = stored_zip.content(path, by_name[SUMS]).decode(errors="replace")
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in text.splitlines())}
    for name in sorted({*by_name, *listed} - {SUMS}):
        if name not in listed:
            yield Problem(name, f"is not in {SUMS}")
        elif name not in by_name:
            yield Problem(name, f"is in {SUMS}, but not in the archive")
        elif by_name[name].sha256 != listed[name]:
            yield Problem(name, f"its SHA-256 is {by_name[name].sha256}, {SUMS} says {listed[name]}")


def _archive(path: Path, recompute: bool, own_code: bool, report: Callable[[str], None]) -> Verified:
    report(f"reading every byte of {path.name}")
    members, problems = check_bytes(path)
    if not members or any(p.place == path.name for p in problems):
        return Verified("unknown", len(members), 0, tuple(problems), path.name, "")
    with tempfile.TemporaryDirectory() as place:
        stored_zip.extract(path, members, Path(place))
        top = Path(place) / members[0].name.partition("/")[0]
        found = _tree(top / "source", None, recompute, own_code, report, path.name)
        if not top.name.endswith(f"-{found.version}") and found.version != "unknown":
            problems.append(Problem(path.name, f"its folder is {top.name}, but it holds version {found.version}"))
    return Verified(found.version, len(members), found.estimates, (*problems, *found.problems), path.name, found.computed_with)


def _folder(path: Path, recompute: bool, own_code: bool, report: Callable[[str], None]) -> Verified:
    source = path / "source" if (path / "source" / "data").is_dir() else path
    return _tree(source, None, recompute, own_code, report, str(path))


def _version(version: str, root: Path | None, recompute: bool, own_code: bool, report: Callable[[str], None]) -> Verified:
    """A version of a checkout: by the files of its commit, else by its archive in dist/, else by the working tree that it is."""
    if root is None:
        raise CannotVerify(
            f"version {version} is looked up in a checkout of the book, and this is none; give the archive instead"
        )
    if git.is_checkout(root) and git.commits_of(root, version):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "release"
            taken = export_release(root, Version.parse(version), place)
            if taken.differing and git.is_shallow(root):
                raise CannotVerify(taken.explain(root))
            name = f"commit {taken.commit[:12]}"
            report(f"taking version {version} from {name}")
            found = _tree(place, version, recompute, own_code, report, name)
            later = tuple(_rewritten(root / FOLDER / version, place / FOLDER / version, version))
        return Verified(version, found.files, found.estimates, (*later, *found.problems), found.source, found.computed_with)
    archive = archive_of(root, version)
    if archive.is_file():
        return _archive(archive, recompute, own_code, report)
    if (root / FOLDER / version).is_dir():
        return _tree(root, version, recompute, own_code, report, "the working tree")
    there = ", ".join(str(v) for v in list_releases(root)) or "none"
    raise CannotVerify(f"no version {version} in this checkout; there are: {there}")


def _rewritten(today: Path, then: Path, version: str) -> Iterator[Problem]:
    """Files of a release that are not what its commit holds: a release never changes."""
    for name in (ESTIMATES, ROWS, MANIFEST):
        place = f"{FOLDER}/{version}/{name}"
        if not (today / name).is_file():
            yield Problem(place, "is gone from the working tree")
        elif (then / name).is_file() and digest_of(today, name) != digest_of(then, name):
            yield Problem(place, "is not what the commit of the release holds")


def _tree(
    source: Path, version: str | None, recompute: bool, own_code: bool, report: Callable[[str], None], name: str
) -> Verified:
    """Files and numbers of a release that stand in a folder."""
    there = list_releases(source)
    wanted = version or (str(there[-1]) if there else None)
    if wanted is None:
        return Verified("unknown", 0, 0, (Problem(name, f"holds no {FOLDER}/X.Y.Z/{MANIFEST}"),), name, "")
    try:
        release = read_release_folder(source / FOLDER / wanted)
    except ReleaseError as error:
        return Verified(wanted, 0, 0, (Problem(f"{FOLDER}/{wanted}", str(error).replace(f"{source}/", "")),), name, "")
    manifest = release.manifest
    report(f"comparing {len(manifest.files) + len(manifest.chapters)} files with the manifest of {wanted}")
    problems = list(_files(source, release))
    if not recompute:
        return Verified(wanted, len(manifest.files) + len(manifest.chapters), 0, tuple(problems), name, "")
    if own_code:
        return _with_own_code(source, release, problems, report, name)
    report(f"computing {len(release.estimates)} estimates anew")
    problems += _numbers(source, release)
    files, count = len(manifest.files) + len(manifest.chapters), len(release.estimates)
    return Verified(wanted, files, count, tuple(problems), name, f"cordbook {cordbook.__version__}")


def _files(source: Path, release: Release) -> Iterator[Problem]:
    here = [
        p.relative_to(source).as_posix() for top in ("data", "analysis") for p in sorted((source / top).rglob("*")) if p.is_file()
    ]
    paths = [p for p in here if "__pycache__" not in p and ".egg-info" not in p]
    for line in differing_files(source, release.manifest, paths):
        place, _, what = line.partition(" is ")
        yield Problem(place, f"is {what}")


def _numbers(source: Path, release: Release) -> list[Problem]:
    """Every estimate, verdict and guard computed anew, compared with what the release says."""
    try:
        now = frozen_today(Project(source.resolve()))
    except (CordbookError, ValueError, KeyError, OSError) as error:
        return [Problem("data", f"the estimates cannot be computed: {type(error).__name__}: {error}")]
    return list(_other_numbers(release, now))


def _other_numbers(release: Release, now: Frozen) -> Iterator[Problem]:
    file = f"{FOLDER}/{release.version}/{ESTIMATES}"
    for estimate_id in dict.fromkeys([*release.estimates, *now.estimates]):
        place = f"{file}, {estimate_id}"
        then, today = release.estimates.get(estimate_id), now.estimates.get(estimate_id)
        if then is None or today is None:
            yield Problem(place, "is not computed from the archived data" if today is None else "is missing from the release")
            continue
        for name, one, other in _differences(then, today):
            yield Problem(place, f"{name} is {one} in the release, {other} computed anew")
    verdicts = {c.claim_id: c.verdict for c in now.claims}
    for claim in release.claims:
        if verdicts.get(claim.claim_id) != claim.verdict:
            found = verdicts.get(claim.claim_id, "none")
            yield Problem(
                f"{file}, claim {claim.claim_id}", f"verdict is {claim.verdict!r} in the release, {found!r} computed anew"
            )
    guards = {(g.page, g.condition): g.holds for g in now.guards}
    for guard in release.guards:
        if guards.get((guard.page, guard.condition)) != guard.holds:
            yield Problem(f"{file}, guard in {guard.page}", f"{guard.condition!r} does not come out as in the release")
    for table in dict.fromkeys([*release.rows, *now.rows]):
        if release.rows.get(table) != now.rows.get(table):
            yield Problem(f"{FOLDER}/{release.version}/{ROWS}", f"rows of {table} are not those of data/")


def _differences(then: FrozenEstimate, today: FrozenEstimate) -> Iterator[tuple[str, object, object]]:
    for name in differing(then, today):
        yield name, getattr(then, name), getattr(today, name)
    for name in ("title", "question", "kind", "section", "parent", "rows_sha256", "direction", "certainty"):
        if getattr(then, name) != getattr(today, name):
            yield name, getattr(then, name), getattr(today, name)
    for name in dict.fromkeys([*then.settings, *today.settings]):
        if then.settings.get(name) != today.settings.get(name):
            yield f"setting {name}", setting_text(then.settings.get(name)), setting_text(today.settings.get(name))
    if dict(then.cells) != dict(today.cells):
        yield "rows", f"{len(then.cell_ids)} counts", f"{len(today.cell_ids)} counts"
    if not any(name in NUMBERS for name in differing(then, today)):
        for form in then.words:
            if then.words[form] != today.words.get(form):
                yield f"words ({form})", then.words[form], today.words.get(form)


def _with_own_code(source: Path, release: Release, problems: list[Problem], report: Callable[[str], None], name: str) -> Verified:
    """Let the archived package verify the folder that it stands in."""
    package, version = source / "analysis", str(release.version)
    files = len(release.manifest.files) + len(release.manifest.chapters)
    if not package.is_dir():
        return Verified(version, 0, 0, (*problems, Problem("analysis", "the archive holds no package to compute with")), name, "")
    report("computing with the archived package")
    environment = {**os.environ, "PYTHONPATH": str(package.resolve()), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "cordbook", "verify", str(source.resolve()), "--quiet"]
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        problems += [Problem("computed with the archived package", line) for line in done.stderr.splitlines() if line.strip()]
    return Verified(
        version, files, len(release.estimates), tuple(dict.fromkeys(problems)), name, f"the archived package, version {version}"
    )
