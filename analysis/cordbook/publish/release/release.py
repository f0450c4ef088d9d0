"""``cordbook release``: checks that the book may be released, freezes what it says, and makes the archive.

Everything is prepared in a copy of the checkout, with the new version in it, and built there. Only when all of it is good are the
changed files put back and ``releases/X.Y.Z/`` moved into place, last. Committing and tagging are left to the person who releases.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.files import copy_folder, put, uninterrupted, write_together, write_whole
from cordbook.core.project import Project
from cordbook.core.swap import publish
from cordbook.errors import CordbookError, UsageError
from cordbook.evidence.review_state import data_date
from cordbook.evidence.rules.examples import REMEDY, examples_of
from cordbook.publish.build.build import BuildFailed, build
from cordbook.publish.build.check import check
from cordbook.publish.execute.chapters import ChapterFailed
from cordbook.publish.release import git
from cordbook.publish.release.archive import Archive, archive_of, build_in_its_own_process, copy_tracked, write_archive
from cordbook.publish.release.manifest import manifest_json
from cordbook.publish.release.proposal import Findings, findings_of
from cordbook.publish.release.version_files import CHANGELOG, NoVersionLine, changelog, results_lines, versioned
from cordbook.review.reporting.freezing import estimates_json, rows_json
from cordbook.review.versions.causes import ADDED
from cordbook.review.versions.releases import (
    ESTIMATES,
    FOLDER,
    MANIFEST,
    ROWS,
    Version,
    list_releases,
    read_manifest,
)  # fmt: skip
from cordbook.review.versions.steps import Step, proposed, step_between, too_small

#: Where a release is prepared.
STAGE = ("_build", ".release")
SOURCE_DATE = "SOURCE_DATE_EPOCH"


class ReleaseRefused(CordbookError):
    """The release is refused; ``reasons`` are all of them, each with what to do. Nothing was frozen or written."""

    def __init__(self, version: str, reasons: tuple[str, ...]) -> None:
        listed = "\n".join(f"  - {reason.replace(chr(10), chr(10) + '    ')}" for reason in reasons)
        super().__init__(
            f"version {version} is not released, for {len(reasons)} reason(s):\n{listed}\nNothing was frozen or written."
        )
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person who releases asks for. ``protocol_same`` says that only the wording of the protocol was changed."""

    version: Version
    date: dt.date
    allow_same: bool = False
    protocol_same: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """What a release made: its version, the step that it had to be, files that were written, the archive."""

    version: Version
    step: Step
    files: tuple[str, ...]
    archive: Archive


def date_asked(text: str | None) -> dt.date:
    """The date of a release: as asked, else that of ``SOURCE_DATE_EPOCH``, else today's.

    Raises :class:`UsageError` for what is not a date.
    """
    if text:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise UsageError(f"{text!r} is not a date; write it as 2026-11-20") from None
    epoch = os.environ.get(SOURCE_DATE, "")
    if epoch and not epoch.isdigit():
        raise UsageError(f"{SOURCE_DATE}={epoch} is not a number of seconds since 1970")
    return dt.datetime.fromtimestamp(int(epoch), dt.UTC).date() if epoch else dt.date.today()


def release(project: Project, asked: Asked, *, report: Callable[[str], None] = print) -> Released:
    """Release the checkout as ``asked.version``.

    Raises :class:`ReleaseRefused` (nothing was frozen or written), ``ArchiveError``, ``GitError`` or ``ReleaseError``.
    """
    report("looking at the checkout, the data and the last release")
    reasons = [*_tree_reasons(project, asked), *_example_reasons(project)]
    findings, more = findings_of(project, protocol_same=asked.protocol_same)
    reasons += more
    if findings:
        reasons += _version_reasons(asked, findings)
        reasons += _book_reasons(project, report, thorough=not reasons)
    if reasons or findings is None:
        raise ReleaseRefused(str(asked.version), tuple(reasons))
    stage = project.root.joinpath(*STAGE)
    shutil.rmtree(stage, ignore_errors=True)
    try:
        return _prepare(project, asked, findings, stage, report)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _tree_reasons(project: Project, asked: Asked) -> Iterator[str]:
    """Why this checkout cannot be released as it stands."""
    if not git.is_checkout(project.root):
        yield "this folder is not the top of a git checkout; a release is made from one"
        return
    dirty = git.uncommitted(project.root)
    if dirty:
        more = f" and {len(dirty) - 8} more" if len(dirty) > 8 else ""
        yield f"not committed: {', '.join(dirty[:8])}{more}; commit these files or put them back"
    there = list_releases(project.root)
    if there and asked.version <= there[-1]:
        yield f"version {asked.version} is not above the last release, {there[-1]}"
    elif (project.root / FOLDER / str(asked.version)).exists():
        yield f"{FOLDER}/{asked.version} already exists, but is not a complete release; remove it"
    if (project.root / "dist").exists() and not (project.root / "dist").is_dir():
        yield "dist is a file; archives are written into a folder of that name"
    if asked.date < (newest := data_date(project.data)):
        yield f"the date {asked.date} is before that of the data, {newest}; release it on that day or later: --date {newest}"
    try:
        versioned(project.root, str(asked.version), asked.date)
    except NoVersionLine as error:
        yield str(error)


def _example_reasons(project: Project) -> Iterator[str]:
    """Invented studies are never released."""
    if examples := examples_of(project.data):
        yield f"data/ holds invented examples ({', '.join(examples)}): {REMEDY}"


def _version_reasons(asked: Asked, found: Findings) -> Iterator[str]:
    """Why the version is not the right one for what has changed."""
    if found.comparison is None or found.last is None or asked.version <= found.last.version:
        return
    if not found.comparison.changes and not asked.allow_same:
        yield f"no estimate has changed since {found.last.version}; --allow-same releases it all the same"
    if too_small(found.last.version, asked.version, found.step.name):
        why = "; ".join(found.step.reasons)
        step = step_between(found.last.version, asked.version)
        yield (
            f"{asked.version} is a {step} step after {found.last.version}, but the change is {found.step.name} ({why}): "
            f"release {proposed(found.last.version, found.step.name)}"
        )


def _book_reasons(project: Project, report: Callable[[str], None], *, thorough: bool) -> Iterator[str]:
    """Why the book cannot be released; chapters are executed again only where nothing else stands in the way."""
    try:
        build(project, report=report)
    except (BuildFailed, ChapterFailed) as error:
        yield f"the book does not build: {error}"
        return
    if git.is_checkout(project.root) and thorough and (changed := git.uncommitted(project.root)):
        yield f"the build has executed these chapters anew, so what is committed is stale: {', '.join(changed)}; commit them"
    yield from check(project, report=report, rerun=thorough).problems


def _prepare(project: Project, asked: Asked, found: Findings, stage: Path, report: Callable[[str], None]) -> Released:
    """Make the release in a copy, then put it in place."""
    root, version = project.root, str(asked.version)
    modes = git.tracked(root)
    copy_tracked(root, stage, modes)
    report(f"freezing {len(found.now.estimates)} estimates as {version}")
    for path in _freeze(stage, asked, found, modes):
        modes.setdefault(path, 0o644)
    report("building the book of this version")
    build_in_its_own_process(stage)
    changed = [p for p in modes if not (root / p).is_file() or (root / p).read_bytes() != (stage / p).read_bytes()]
    report("writing the archive")
    made = write_archive(stage, Project(stage).site, modes, read_manifest(stage / FOLDER / version), archive_of(root, version))
    _put_in_place(project, stage, version, changed)
    return Released(asked.version, found.step, tuple(sorted(changed)), made)


def _freeze(stage: Path, asked: Asked, found: Findings, modes: dict[str, int]) -> list[str]:
    """Write what carries the version, and the release itself, into the copy; returns the paths. The manifest comes last."""
    version, folder = str(asked.version), f"{FOLDER}/{asked.version}"
    texts = versioned(stage, version, asked.date)
    log = (stage / CHANGELOG).read_text(encoding="utf-8") if (stage / CHANGELOG).is_file() else ""
    texts[CHANGELOG] = changelog(
        log, version, asked.date, results_lines(found.comparison, found.now, found.estimates.evidence.study_labels)
    )
    texts[f"{folder}/{ESTIMATES}"] = estimates_json(found.now, asked.version, asked.date)
    texts[f"{folder}/{ROWS}"] = rows_json(found.now.rows)
    for path, text in texts.items():
        write_whole(stage / path, text)
    new = None
    if found.comparison is not None:
        new = sum(c.kind == ADDED and c.table == "studies" for c in found.comparison.rows)
    manifest = manifest_json(
        stage,
        {*modes, *texts},
        found.estimates,
        version=asked.version,
        date=asked.date,
        previous=found.last.manifest if found.last else None,
        step=found.step.name,
        new_studies=new,
    )
    write_whole(stage / folder / MANIFEST, manifest)
    return [*texts, f"{folder}/{MANIFEST}"]


def _put_in_place(project: Project, stage: Path, version: str, changed: list[str]) -> None:
    """Write the changed files into the checkout and the site into its place; the release's own folder comes last, in one step."""
    folder = f"{FOLDER}/{version}"
    temporary = project.root / FOLDER / f".{version}"
    shutil.rmtree(temporary, ignore_errors=True)
    copy_folder(stage / folder, temporary)
    try:
        publish(Project(stage).site, project.site)
        with uninterrupted():
            write_together(
                {project.root / path: (stage / path).read_bytes() for path in changed if not path.startswith(f"{folder}/")}
            )
            put(temporary, project.root / folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def set_development(project: Project, text: str) -> tuple[str, ...]:
    """Give the package the version that comes next, as a development version; returns the files that were written."""
    texts = versioned(project.root, f"{Version.parse(text)}.dev0", None)
    for path, content in texts.items():
        write_whole(project.root / path, content, durable=True)
    return tuple(texts)
