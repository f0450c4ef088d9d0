"""The small book as a git checkout with a page of changes, for tests that release it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cordbook.core.project import Project
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.publish.build.build import build
from tests.publish import small_book
from tests.publish.conftest import quiet

LIMA = "lima2010.treated.ais_improved.all.27.7"
CHANGES = small_book.OPEN + "review.releases.changes()"
#: Columns of studies that count parts of the patients.
_PARTS = ("level_cervical", "level_thoracic", "level_lumbar", "ais_a", "ais_b", "ais_c", "ais_d")
IGNORED = "_build/\n.cordbook/\ndist/\nbook/studies/*.md\nbook/estimates/*.md\n__pycache__/\n"


def git(root: Path, *arguments: str) -> str:
    """Run git as somebody, on a day."""
    who = {
        f"GIT_{kind}_{what}": value
        for kind in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "T"), ("EMAIL", "t@example.org"))
    }
    done = subprocess.run(["git", *arguments], cwd=root, env={**os.environ, **who}, capture_output=True, text=True, check=True)
    return done.stdout


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def make(root: Path, target: Path, chapters: Mapping[str, str] = MappingProxyType({})) -> Project:
    """The small book under git, built and committed; the project's own files that carry the version among its files.

    ``chapters`` are more chapters of one cell each: name and code.
    """
    small_book.make(root, target)
    for name in ("CITATION.cff", "CHANGELOG.md"):
        shutil.copy(root / name, target / name)
    (target / ".gitignore").write_text(IGNORED, encoding="utf-8")
    small_book.chapter(target / "book" / "changes.ipynb", "# Changes", CHANGES)
    toc = (target / "_toc.yml").read_text(encoding="utf-8")
    for name, code in chapters.items():
        small_book.chapter(target / "book" / f"{name}.ipynb", f"# {name.capitalize()}", code)
    more = "".join(f"  - file: book/{name}\n" for name in ("changes", *chapters))
    (target / "_toc.yml").write_text(toc + more, encoding="utf-8")
    project = Project(target)
    build(project, report=quiet)
    git(target, "init", "--quiet", "--initial-branch=main")
    commit(target, "The small book")
    return project


def clone(project: Project, target: Path, revision: str = "main") -> Project:
    git(project.root.parent, "clone", "--quiet", str(project.root), str(target))
    git(target, "checkout", "--quiet", revision)
    return Project(target)


def copy(project: Project, target: Path) -> Project:
    """A copy with all that was built, so that nothing is built again that need not be."""
    shutil.copytree(project.root, target)
    return Project(target)


def add_study(data: Path, study: str = "new2026", events: int = 9, n: int = 10) -> str:
    """A study like lima2010 under another name, with one cell; returns the id of the cell."""
    cell = f"{study}.treated.ais_improved.all.27.7"
    with_new = {
        "references": {
            "reference_id": study,
            "first_author": "New",
            "year": "2026",
            "doi": "",
            "pmid": "",
            "title": "New",
            "identity_confidence": "partial",
        },
        "studies": {"study_id": study, "registration": "", "male_n": ""} | dict.fromkeys(_PARTS, ""),
        "arms": {"arm_id": f"{study}.treated", "study_id": study, "n": str(n)},
        "outcomes": {"cell_id": cell, "study_id": study, "arm_id": f"{study}.treated", "events": str(events), "n": str(n)},
        "extractions": {"cell_id": cell, "events": str(events), "n": str(n)},
        "reconciliations": {"cell_id": cell},
    }
    old = {"references": "lima2010", "studies": "lima2010", "arms": "lima2010.treated"}
    for table, values in with_new.items():
        rows = small_book._read(data / f"{table}.csv")
        first = next(iter(rows[0]))
        like = [r for r in rows if r[first] == old.get(table, LIMA)]
        _sorted(data, table, first, [*rows, *({**row, **values} for row in like)])
    references = small_book._read(data / "references.csv")
    (data.parent / "references.bib").write_text(bibliography_text(references), encoding="utf-8")
    return cell


def drop_cell(data: Path, cell: str) -> None:
    """Remove a cell with its readings."""
    for table in ("outcomes", "extractions", "reconciliations"):
        rows = small_book._read(data / f"{table}.csv")
        small_book._write(data / f"{table}.csv", tuple(rows[0]), [r for r in rows if r["cell_id"] != cell])


def _sorted(data: Path, table: str, key: str, rows: list[dict[str, str]]) -> None:
    small_book._write(data / f"{table}.csv", tuple(rows[0]), sorted(rows, key=lambda r: (r[key], r.get("reading", ""))))
