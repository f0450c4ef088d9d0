"""Building the book: validate, compute, execute what is stale, write HTML, say what was built."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cordbook.evidence import validate
from cordbook.project import Project
from cordbook.publish.chapters import refresh
from cordbook.review.estimates import Estimates, load_estimates


class BuildFailed(RuntimeError):
    """The book could not be built; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made: the first page and what the book holds."""

    index: Path
    studies: int
    cells: int
    estimates: int
    executed: tuple[str, ...]
    seconds: float


def build(project: Project, *, report: Callable[[str], None] = print, force: bool = False) -> Built:
    """Build the book into ``_build/html``; raises :class:`BuildFailed`, ``DeclarationError`` or ``ChapterFailed``."""
    start = time.perf_counter()
    report("validating data/")
    _validated(project)
    report("computing estimates")
    estimates = load_estimates(project.root)
    count = len(estimates)
    report("executing chapters")
    executed = refresh(project, report=report, force=force)
    report("writing pages" if executed else "no chapter is stale; writing pages")
    _write_pages(project)
    index = project.site / "index.html"
    if not index.is_file():
        raise BuildFailed(f"Jupyter Book ended well but {index} is not there")
    return _built(project, estimates, count, index, executed, time.perf_counter() - start)


def _built(project: Project, estimates: Estimates, count: int, index: Path, executed: list[Path], seconds: float) -> Built:
    names = tuple(path.relative_to(project.root).as_posix() for path in executed)
    evidence = estimates.evidence
    return Built(index, len(evidence["studies"]), len(evidence["outcomes"]), count, names, seconds)


def _validated(project: Project) -> None:
    found = validate(project.data)
    if found.errors:
        raise BuildFailed(f"data/ breaks its rules, so nothing was built.\n\n{found.as_text()}")


def _write_pages(project: Project) -> None:
    run = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", run, "build", str(project.root), "--quiet", "--keep-going"]
    result = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode != 0 or "Build finished with problems" in result.stdout:
        raise BuildFailed(_cause(result.stdout + result.stderr))
    if result.stderr.strip():
        print(result.stderr.rstrip(), file=sys.stderr)


def _cause(log: str) -> str:
    """What stopped the build, out of the log: the extension's own message where there is one."""
    _, mark, message = log.partition("sphinx.errors.ExtensionError: ")
    if mark:
        return message.split("\n\n", 1)[0]
    return f"Jupyter Book failed:\n{log}"
