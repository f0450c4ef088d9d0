"""Rebuilding on save: a save builds the book, a good build reloads the pages, a bad one shows its error over the last good book."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cordbook.core.project import Project
from cordbook.core.tracking import PACKAGE
from cordbook.publish.build.serve import Board, serving
from cordbook.publish.freshness.inputs import source_files

#: How often files are looked at; and how long they must rest, since editors write in several steps.
POLL_S, REST_S = 0.3, 0.2
DEFAULT_PORT = 8000

Seen = dict[Path, tuple[int, int]]


def watch(
    project: Project,
    *,
    port: int = DEFAULT_PORT,
    report: Callable[[str], None] = print,
    allow_broken_guards: bool = False,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Build, serve and build again after every save, until interrupted or ``until`` says so."""
    board = Board()
    with serving(project.site, board, port) as address:
        report(f"the book is at {address} (Ctrl-C ends this)")
        seen: Seen = {}
        while not until():
            now = look(project)
            if now == seen:
                time.sleep(POLL_S)
                continue
            time.sleep(REST_S)
            seen = look(project)
            _build(project, board, report, allow_broken_guards)
            # What the build itself wrote are notebooks with new outputs.
            seen = _with_own_writes(seen, look(project))


def look(project: Project) -> Seen:
    """Time and size of every file that the book is made from, the package included."""
    files = [
        *source_files(project),
        *(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".css", ".js", ".jinja", ".mplstyle")),
    ]
    seen: Seen = {}
    for path in files:
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        seen[path] = (stat.st_mtime_ns, stat.st_size)
    return seen


def _with_own_writes(before: Seen, after: Seen) -> Seen:
    return {path: after.get(path, stat) if path.suffix == ".ipynb" else stat for path, stat in before.items()}


def _build(project: Project, board: Board, report: Callable[[str], None], allow_broken_guards: bool) -> None:
    """Build in a process of its own, which runs the package as it is now; tell the pages."""
    board.tell("building")
    command = [sys.executable, "-m", "cordbook", "build", *(["--allow-broken-guards"] if allow_broken_guards else [])]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    if done.returncode:
        message = (done.stderr or done.stdout).strip()
        report(message)
        board.tell("failed", message)
        return
    report(done.stdout.strip().splitlines()[-1].strip())
    board.tell("ready")
