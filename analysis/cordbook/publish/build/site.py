"""The pages: Sphinx run in this process, into a folder of its own, and the stamp that tells whether the site is up to date."""

from __future__ import annotations

import io
import logging
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from cordbook.core.files import file_digest
from cordbook.core.project import Project
from cordbook.core.store import key_of, store_of
from cordbook.core.versions import environment
from cordbook.errors import CordbookError
from cordbook.publish.freshness.inputs import base_digest, site_digest

#: What Sphinx keeps for itself in its output.
NOT_PUBLISHED = (".buildinfo", ".buildinfo.bak", ".doctrees")
#: Grows when the meaning of a stamp changes: older ones are then of no use.
VERSION = 1
_STAMP = key_of("published site", str(VERSION))


class PagesFailed(CordbookError):
    """Sphinx could not write the pages; the message says why."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What writing the pages did: those written, all there are, files that pages depend on, warnings as text."""

    written: tuple[str, ...]
    listed: tuple[str, ...]
    depends: tuple[str, ...]
    warnings: str


def work_folder(project: Project) -> Path:
    """Where pages are written before they are published, with what Sphinx keeps from build to build."""
    return project.root / "_build" / ".work"


def write_pages(project: Project, today: Any, *, allow_broken_guards: bool = False, pages_made: bool = False) -> Pages:
    """Bring the pages in the work folder up to date; raises :class:`PagesFailed`. ``pages_made``: see ``builder_has``.

    Sphinx reads and writes only what has changed. It begins anew where what all pages share has changed, and where the last
    run did not come to its end: then its notes may be ahead of its pages. So it does where a file of the folder is not as that run left
    it: what Sphinx keeps are pickles, and none is loaded that this user's last run did not write.
    """
    work, store = work_folder(project), store_of(project)
    key = key_of("work folder", base_digest(project, environment()))
    left = store.find(key)
    if left is None or left != _contents(work):
        _clear(work)
    work.mkdir(parents=True, exist_ok=True)
    store.remove(key)
    pages = _run_sphinx(project, today, work, allow_broken_guards, pages_made)
    store.put(key, _contents(work))
    return pages


#: What Sphinx loads again as pickles: compared by content, other files by size and time.
_LOADED = (".pickle", ".doctree")


def _contents(work: Path) -> dict[str, tuple[int, int, str]] | None:
    """What a folder holds, by path: size, time and, of what is loaded, the digest; None where it cannot be read."""
    found = {}
    try:
        for path in sorted(work.rglob("*")):
            state = path.lstat()
            if stat.S_ISREG(state.st_mode):
                digest = file_digest(path) if path.suffix in _LOADED else ""
                found[path.relative_to(work).as_posix()] = (state.st_size, state.st_mtime_ns, digest)
            elif not stat.S_ISDIR(state.st_mode):
                return None
    except OSError:
        return None
    return found


def _clear(work: Path) -> None:
    """Take the folder away, whatever stands in its place."""
    if work.is_dir() and not work.is_symlink():
        shutil.rmtree(work, ignore_errors=True)
    else:
        work.unlink(missing_ok=True)


def load_sphinx() -> None:
    """Load what :func:`write_pages` needs; a second that can pass while chapters run. What cannot be loaded is told by it."""
    for name in ("jupyter_book.config", "sphinx.application", "sphinx.builders.html", "cordbook.publish.sphinx.extension"):
        with suppress(Exception):
            import_module(name)


def _run_sphinx(project: Project, today: Any, work: Path, allow_broken_guards: bool, pages_made: bool) -> Pages:
    from jupyter_book.config import get_final_config
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    from cordbook.publish.sphinx.extension import builder_has

    # As `jupyter-book build .` calls it.
    settings, _ = get_final_config(
        user_yaml=project.root / "_config.yml",
        cli_config={"external_toc_path": project.toc.as_posix(), "latex_individualpages": False},
        sourcedir=project.root,
    )
    settings["cordbook_allow_broken_guards"] = allow_broken_guards
    warnings = io.StringIO()
    try:
        with builder_has(today, pages_made=pages_made), patch_docutils(None), docutils_namespace():
            app = Sphinx(
                srcdir=project.root,
                confdir=None,
                outdir=work / "html",
                doctreedir=work / "doctrees",
                buildername="html",
                confoverrides=settings,
                status=None,
                warning=warnings,
            )
            written: list[str] = []
            app.connect("html-page-context", lambda a, page, *rest: written.append(page))
            app.build()
    except (SphinxError, OSError, ValueError) as error:
        raise PagesFailed(f"{error}\n{warnings.getvalue()}".strip()) from error
    finally:
        _quiet_sphinx()
    if app.statuscode:
        raise PagesFailed(f"Sphinx ended with {app.statuscode}\n{warnings.getvalue()}")
    return Pages(tuple(sorted(set(written))), tuple(sorted(app.env.found_docs)), _dependencies(project, app), warnings.getvalue())


def _quiet_sphinx() -> None:
    """Sphinx leaves its handlers, which hold the streams of the last run, on the loggers."""
    logger = logging.getLogger("sphinx")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)


def _dependencies(project: Project, app: Any) -> tuple[str, ...]:
    """Files of the project that pages include or show."""
    found = set()
    for names in app.env.dependencies.values():
        for name in names:
            path = (project.root / name).resolve()
            if path.is_file() and path.is_relative_to(project.root) and path.relative_to(project.root).parts[0][0] not in "._":
                found.add(path.relative_to(project.root).as_posix())
    return tuple(sorted(found))


def stamp(project: Project, extra: Iterable[str], summary: dict[str, Any]) -> None:
    """Note what the published site was made from and which files it has; ``summary`` is told again by a build that finds it good."""
    extra = sorted(set(extra))
    content = {
        "inputs": site_digest(project, extra),
        "extra": extra,
        "summary": summary,
        "files": {
            path.relative_to(project.site).as_posix(): [path.stat().st_size, path.stat().st_mtime_ns, file_digest(path)]
            for path in sorted(project.site.rglob("*"))
            if path.is_file()
        },
    }
    store_of(project).put(_STAMP, content)


def up_to_date(project: Project) -> dict[str, Any] | None:
    """The summary of the published site, if it is whole and nothing that it was made from has changed; else None."""
    content = store_of(project).find(_STAMP)
    if content is None or content["inputs"] != site_digest(project, content["extra"]):
        return None
    return content["summary"] if _whole(project.site, content["files"]) else None


def _whole(site: Path, files: dict[str, list[Any]]) -> bool:
    there = {p.relative_to(site).as_posix(): p for p in site.rglob("*") if p.is_file() and p.name not in NOT_PUBLISHED}
    if there.keys() != files.keys():
        return False
    for name, (size, mtime, content) in files.items():
        found = there[name].stat()
        if found.st_size != size or (found.st_mtime_ns != mtime and file_digest(there[name]) != content):
            return False
    return True
