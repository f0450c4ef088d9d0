"""Where things are in a project folder: names only, no logic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cordbook.errors import CordbookError

#: Sub-folders of data/ that no table is read from: what was received, and readings that have not become rows yet.
NOT_READ = ("raw", "readings")


class NoProject(CordbookError, FileNotFoundError):
    """No Cordbook project in this folder or above it."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Project:
    """The paths of a project; ``root`` is absolute."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def bibliography(self) -> Path:
        return self.root / "references.bib"

    @property
    def toc(self) -> Path:
        return self.root / "_toc.yml"

    @property
    def site(self) -> Path:
        return self.root / "_build" / "html"

    @property
    def kept(self) -> Path:
        """What nothing makes again: searches and transactions that broke off, rejects, rows cut short, answers about references."""
        return self.root / ".cordbook"

    @property
    def cache(self) -> Path:
        """What every build makes again; with the site the only thing that ``make clean`` deletes."""
        return self.kept / "cache"


def find_project(start: Path | str | None = None) -> Project:
    """The project that holds ``start`` (default: the working directory).

    Walks up to the first folder with ``_config.yml`` and ``data/datapackage.json``; raises :class:`NoProject`.
    """
    here = Path(start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "_config.yml").is_file() and (folder / "data" / "datapackage.json").is_file():
            return Project(folder)
    raise NoProject(
        f"no Cordbook project in {here} or above it: no folder has both _config.yml and data/datapackage.json. "
        "Change into the checkout and try again."
    )


def data_files(data: Path) -> dict[str, Path]:
    """The files that a data folder's tables and settings stand in, by their path in it, sorted; sub-folders as ``folder/name``."""
    return dict(sorted((path.relative_to(data).as_posix(), path) for path in _files(data, leave_out=NOT_READ)))


def _files(folder: Path, *, leave_out: tuple[str, ...] = ()) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in leave_out:
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path
