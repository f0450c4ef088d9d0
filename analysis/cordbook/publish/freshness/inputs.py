"""What the book is made from, as digests: to tell at once that nothing has changed, and that nothing changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from cordbook.core.files import digest, file_digest
from cordbook.core.notebooks import sources_digest
from cordbook.core.project import Project
from cordbook.core.versions import package_digest

#: Files and folders of a project that can make a page; what chapters and pages read beyond them is recorded and added.
SOURCES = (
    "CITATION.cff",
    "_config.yml",
    "_toc.yml",
    "references.bib",
    "requirements.lock",
    "data",
    "book",
    "releases",
    "_static",
)
#: Made by the build itself, or never read by it.
_LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}
#: The page that lists those of the functions is written by people.
_LIST = "index.md"
_MADE = (("book", "studies", ".md"), ("book", "estimates", ".md"), ("book", "reference", ".md"), ("data", "raw", ""))
#: What decides on all pages at once: a change here makes Sphinx begin anew.
BASE = ("_config.yml", "_toc.yml", "references.bib", "requirements.lock", "_static")


def source_files(project: Project) -> list[Path]:
    """The files that the book is made from, without the package, sorted."""
    found: list[Path] = []
    for name in SOURCES:
        place = project.root / name
        found += [place] if place.is_file() else _files_in(place) if place.is_dir() else []
    found += [path for path in project.root.iterdir() if path.suffix in (".ipynb", ".md") and path.name.lower() == path.name]
    return sorted(path for path in found if not _is_made(path.relative_to(project.root)))


def _files_in(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not (_LEFT_OUT & set(path.parts)) and not path.name.startswith("."):
            yield path


def _is_made(path: Path) -> bool:
    made = any(path.parts[:2] == (first, second) and path.name.endswith(ending) for first, second, ending in _MADE)
    return made and path.name != _LIST


def _digest_of(paths: Iterable[Path], root: Path) -> str:
    return digest("".join(f"{path.relative_to(root).as_posix()}\0{file_digest(path)}\n" for path in paths))


def site_digest(project: Project, extra: Iterable[str] = ()) -> str:
    """Digest of everything the site is made from; ``extra`` names further files by their path in the project."""
    more = [project.root / name for name in sorted(set(extra))]
    return digest(f"{_digest_of([*source_files(project), *more], project.root)} {package_digest()}")


def base_digest(project: Project, environment: str) -> str:
    """Digest of what all pages share: settings, contents, bibliography, package, libraries."""
    files = [path for path in source_files(project) if path.relative_to(project.root).parts[0] in BASE]
    return digest(f"{_digest_of(files, project.root)} {package_digest()} {environment}")


def edited_digest(project: Project) -> str:
    """Digest of what people edit; of notebooks only the sources, which execution leaves alone. The package is left out."""
    parts = []
    for path in source_files(project):
        value = _sources(path) if path.suffix == ".ipynb" else file_digest(path)
        parts.append(f"{path.relative_to(project.root).as_posix()}\0{value}\n")
    return digest("".join(parts))


def _sources(path: Path) -> str:
    try:
        return sources_digest(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return file_digest(path)
