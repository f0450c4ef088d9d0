"""The small book, built once a run; a module has a copy of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cordbook.core.project import Project
from cordbook.publish.build.build import Built, build


def quiet(_: str) -> None:
    """No report."""


def site_of(project: Project) -> dict[str, bytes]:
    """Every file of the built site."""
    return {p.relative_to(project.site).as_posix(): p.read_bytes() for p in sorted(project.site.rglob("*")) if p.is_file()}


def sources_to(project: Project, target: Path) -> Project:
    """A copy of a project without anything that was built."""
    shutil.copytree(project.root, target, ignore=shutil.ignore_patterns("_build", ".cordbook"))
    for path in (target / "book" / "studies").glob("*.md"):
        path.unlink()
    return Project(target)


@contextmanager
def edited(project: Project, *paths: str) -> Iterator[None]:
    """Put files back as they were at the end."""
    before = {path: (project.root / path).read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, content in before.items():
            (project.root / path).write_bytes(content)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, small_built: Path) -> Project:
    """The small book, built."""
    return Project(shutil.copytree(small_built, tmp_path_factory.mktemp("book") / "project"))


@pytest.fixture(scope="module")
def clean_site(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Project], dict[str, bytes]]:
    """Build today's sources of a project from nothing, elsewhere; returns the site."""

    def built(project: Project) -> dict[str, bytes]:
        copy = sources_to(project, tmp_path_factory.mktemp("clean") / "elsewhere")
        done: Built = build(copy, report=quiet)
        assert done.index.is_file()
        return site_of(copy)

    return built


@pytest.fixture(scope="session")
def validators(root: Path) -> Path:
    """Where the public validators are: they need older libraries, so they live in an environment of their own."""
    place = Path(os.environ.get("CORDBOOK_VALIDATORS", root / ".venv-validators")) / "bin"
    if not (place / "rocrate-validator").exists() or not (place / "cffconvert").exists():
        pytest.skip("no public validators on this machine: make validators")
    return place
