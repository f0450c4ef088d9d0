"""Executing chapters: only those whose code, data or package has changed, several at a time.

A chapter is an executable notebook with its outputs stored. What each one was executed with is kept as a
hash in the project's cache folder, so that an edit of the data, of the package or of the chapter makes it stale;
Jupyter Book's own cache looks at the chapter's code alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat
import yaml

import cordbook
from cordbook.project import Project

TIMEOUT_S = 300
KERNEL = "python3"


class ChapterFailed(RuntimeError):
    """A chapter raised an error; the message names the chapter and shows the error."""


def chapters(project: Project) -> list[Path]:
    """The notebooks of ``_toc.yml`` in the order of the book, as absolute paths."""
    toc = yaml.safe_load(project.toc.read_text(encoding="utf-8"))
    return [path for name in _toc_files(toc) if (path := project.root / f"{name}.ipynb").is_file()]


def _toc_files(entry: Any) -> Iterator[str]:
    if isinstance(entry, Mapping):
        for key in ("root", "file"):
            if key in entry:
                yield str(entry[key]).removesuffix(".ipynb")
        for value in entry.values():
            yield from _toc_files(value)
    elif isinstance(entry, list):
        for item in entry:
            yield from _toc_files(item)


def inputs_digest(project: Project) -> str:
    """One hash of all that any chapter may read: data, package and locked environment."""
    digest = hashlib.sha256()
    for path in _inputs(project):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _inputs(project: Project) -> Iterable[Path]:
    package = Path(cordbook.__file__).parent
    yield from sorted(p for p in project.data.iterdir() if p.is_file())
    yield from sorted(package.rglob("*.py"))
    lock = project.root / "requirements.lock"
    if lock.is_file():
        yield lock


def source_digest(notebook: nbformat.NotebookNode) -> str:
    """Hash of the code of a notebook; its outputs and prose do not count."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()


def stale_chapters(project: Project) -> list[Path]:
    """Chapters whose stored outputs were not made from today's data, package and code, or have none."""
    known, inputs = _known(project), inputs_digest(project)
    return [path for path in chapters(project) if known.get(_name(project, path)) != _state(path, inputs)]


def refresh(project: Project, *, report: Callable[[str], None] = print, force: bool = False) -> list[Path]:
    """Execute stale chapters in place, in parallel; return those executed.

    A notebook file is replaced only when its content changes and only after its execution succeeded, in one step.
    Raises :class:`ChapterFailed` for the first that fails, after the others are done.
    """
    todo = chapters(project) if force else stale_chapters(project)
    inputs = inputs_digest(project)
    failures: list[str] = []
    workers = min(len(todo), os.cpu_count() or 1)
    if todo:
        with ProcessPoolExecutor(workers) as pool:
            jobs = {pool.submit(_execute, path): path for path in todo}
            for done, job in enumerate(as_completed(jobs), start=1):
                name = _name(project, jobs[job])
                error = job.result()
                report(f"  [{done}/{len(todo)}] {name}{': failed' if error else ''}")
                if error:
                    failures.append(f"{name}\n{error}")
                else:
                    _remember(project, name, _state(jobs[job], inputs))
    if failures:
        raise ChapterFailed("\n\n".join(failures))
    return todo


def _execute(path: Path) -> str | None:
    """Execute one notebook in place; return the error as text, or None."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from traitlets.config import Config

    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    with tempfile.TemporaryDirectory(prefix="cordbook-") as sockets:
        client = NotebookClient(
            notebook,
            kernel_name=KERNEL,
            config=Config(KernelManager=_private_transport(sockets)),
            timeout=TIMEOUT_S,
            resources={"metadata": {"path": str(path.parent)}},
            record_timing=False,
        )
        try:
            client.execute()
        except (CellExecutionError, DeadKernelError, TimeoutError) as error:
            return str(error)
    after = nbformat.writes(_tidy(notebook), version=4) + "\n"
    if after != before:
        _replace(path, after)
    return None


def _private_transport(folder: str) -> dict[str, str]:
    """Talk to the kernel through sockets in a folder of our own where the system has them: no port is opened."""
    return {"transport": "ipc", "ip": f"{folder}/kernel"} if os.name == "posix" else {}


def _tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take out what differs from machine to machine: the details of the kernel."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": KERNEL},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
        out.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def _name(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix()


def _state(path: Path, inputs: str) -> str:
    notebook = nbformat.read(path, as_version=4)
    outputs = json.dumps([c.get("outputs", []) for c in notebook.cells if c.cell_type == "code"], sort_keys=True)
    return hashlib.sha256("\0".join((inputs, source_digest(notebook), outputs)).encode()).hexdigest()


def _known_file(project: Project) -> Path:
    return project.cache / "executed.json"


def _known(project: Project) -> dict[str, str]:
    try:
        return json.loads(_known_file(project).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _remember(project: Project, name: str, state: str) -> None:
    project.cache.mkdir(exist_ok=True)
    _replace(_known_file(project), json.dumps({**_known(project), name: state}, indent=1, sort_keys=True) + "\n")
