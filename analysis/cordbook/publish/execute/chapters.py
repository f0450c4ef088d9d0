"""Executing chapters: only those whose code, data or package has changed, several at a time.

A chapter is an executable notebook with its outputs stored. What it reads is noted while it runs and kept with digests
(:mod:`cordbook.publish.freshness.records`); it is executed again when one of them has changed, when its own code or its stored outputs
have. Jupyter Book's own cache looks at the chapter's code alone.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cordbook.core.files import digest, file_digest, sweep, write_whole
from cordbook.core.notebooks import is_code
from cordbook.core.project import Project
from cordbook.core.store import VARIABLE, Store
from cordbook.core.tracking import Read
from cordbook.core.yaml import declared, read_yaml
from cordbook.errors import CordbookError, InputError
from cordbook.evidence.rules.base import listed
from cordbook.publish.execute.kernel_sockets import socket_folder, sweep_sockets
from cordbook.publish.execute.privacy import kernel_environment, private_in
from cordbook.publish.freshness.records import ENVIRONMENT, Record, Records, Today

if TYPE_CHECKING:
    import nbformat

TIMEOUT_S = 300
KERNEL = "python3"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: Lines shown of each end of an error.
_ERROR_LINES = 12
_READS = "__import__('cordbook.core.tracking', fromlist=['tracking'])"


class ChapterFailed(CordbookError):
    """A chapter raised an error; the message names the chapter and shows the error."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """Why a chapter is stale: the reads that changed, or in words what else did. Nothing of both: it is fresh."""

    name: str
    changed: tuple[Read, ...] = ()
    why: str = ""

    def __bool__(self) -> bool:
        return bool(self.changed or self.why)


def chapters(project: Project) -> list[Path]:
    """The notebooks of ``_toc.yml`` in the order of the book, as absolute paths."""
    return [path for path in pages(project) if path.suffix == ".ipynb"]


class ContentsError(InputError):
    """The table of contents cannot be read, or names a page that is not there; the message says which and what to do."""


def contents(project: Project) -> dict[str, Any]:
    """What ``_toc.yml`` says; raises :class:`ContentsError`."""
    with declared(project.toc, ContentsError, "it names the pages of the book in their order"):
        toc = read_yaml(project.toc)
    if not isinstance(toc, dict):
        raise ContentsError(
            f"{project.toc.name}: it holds no names of pages. Write root: and chapters: as Jupyter Book documents them."
        )
    return toc


def pages(project: Project) -> list[Path]:
    """All pages of ``_toc.yml`` in the order of the book, notebooks and Markdown, as absolute paths.

    Raises :class:`ContentsError` where one is not there: a book without it would go out as if it were whole.
    """
    found, missing = [], []
    for name in toc_files(contents(project)):
        stem = name.removesuffix(".ipynb").removesuffix(".md")
        candidates = [project.root / f"{stem}{suffix}" for suffix in (".ipynb", ".md")]
        there = [path for path in candidates if path.is_file()][:1]
        found += there
        missing += [] if there else [name]
    if missing:
        raise ContentsError(
            f"{project.toc.name} names pages that are not there, as .ipynb or .md: {listed(missing)}. "
            f"Put them back, or take their lines out of {project.toc.name}."
        )
    return found


def toc_files(entry: Any) -> Iterator[str]:
    """The names of files in a table of contents or a part of one, in their order."""
    if isinstance(entry, Mapping):
        for key in ("root", "file"):
            if key in entry:
                yield str(entry[key])
        for value in entry.values():
            yield from toc_files(value)
    elif isinstance(entry, list):
        for item in entry:
            yield from toc_files(item)


def code_digest(notebook: nbformat.NotebookNode) -> str:
    """Digest of the code of a notebook; its outputs and prose do not count."""
    return digest(json.dumps([block.source for block in notebook.cells if is_code(block)]))


def outputs_digest(notebook: nbformat.NotebookNode) -> str:
    """Digest of the stored outputs."""
    return digest(json.dumps([block.get("outputs", []) for block in notebook.cells if is_code(block)], sort_keys=True))


def staleness(project: Project, today: Today) -> list[Staleness]:
    """For each chapter in the order of the book, whether it is stale and why."""
    records = Records(project)
    return [_staleness(_name(project, path), path, records, today.changed) for path in chapters(project)]


def _staleness(name: str, path: Path, records: Records, changed_of: Callable[[Mapping[Read, str]], list[Read]]) -> Staleness:
    record = records.get(name)
    if record is None:
        return Staleness(name, why="it has not been executed here yet")
    import nbformat

    # A file with the same bytes need not be parsed.
    notebook = None if file_digest(path) == record.file else nbformat.read(path, as_version=4)
    if notebook and record.code != code_digest(notebook):
        return Staleness(name, why="its code has changed")
    changed = changed_of(record.reads)
    if notebook and not changed and record.outputs != outputs_digest(notebook):
        return Staleness(name, why="its stored outputs are not those of its last execution")
    return Staleness(name, changed=tuple(changed))


def stale_chapters(project: Project, today: Today | None = None) -> list[Path]:
    """Chapters whose stored outputs were not made from today's data, package and code, or have none."""
    today, records = today or Today(project), Records(project)
    # One reason is enough.
    return [path for path in chapters(project) if _staleness(_name(project, path), path, records, today.first_changed)]


def recorded_files(project: Project) -> set[str]:
    """Files of the project that chapters read when they were executed, by path."""
    records = Records(project)
    found = [records.get(_name(project, path)) for path in chapters(project)]
    return {read[1] for record in found if record for read in record.reads if read[0] == "file"}


def refresh(
    project: Project,
    *,
    report: Callable[[str], None] = print,
    force: bool = False,
    today: Today | None = None,
    store: Store | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Execute stale chapters in place, in parallel; return those executed. ``meanwhile``: see :func:`execute`.

    ``store``: where the kernels find what is computed already.

    A notebook file is replaced only when its content changes and only after its execution succeeded, in one step.
    Raises :class:`ChapterFailed` with all that failed, after the others are done.
    """
    today = today or Today(project)
    todo = chapters(project) if force else stale_chapters(project, today)
    for path in chapters(project):
        sweep(path)
    records, failures, done = Records(project), {}, 0
    for path, result in execute(project, todo, store=store, meanwhile=meanwhile):
        done += 1
        name = _name(project, path)
        report(f"  [{done}/{len(todo)}] {name}{': failed' if result.error else ''}")
        if result.error:
            failures.setdefault(result.error, []).append(name)
            continue
        if path.read_text(encoding="utf-8") != result.before:
            continue  # somebody saved the chapter meanwhile; it is stale, and theirs stays
        if result.text != result.before:
            write_whole(path, result.text, durable=True)
        records.put(name, _record(result, today))
    if failures:
        raise ChapterFailed("\n\n".join(f"{', '.join(sorted(names))}\n{error}" for error, names in sorted(failures.items())))
    return todo


def _record(result: Executed, today: Today) -> Record:
    import nbformat

    notebook = nbformat.reads(result.text, as_version=4)
    reads = today.digests(result.reads) | today.digests([ENVIRONMENT])
    return Record(digest(result.text), code_digest(notebook), outputs_digest(notebook), reads, result.seconds)


@dataclass(frozen=True, slots=True)
class Executed:
    """A notebook after execution: its text, what it read, and the error that stopped it, if any."""

    before: str
    text: str
    reads: frozenset[Read]
    error: str = ""
    seconds: float = 0.0


def execute(
    project: Project,
    paths: Sequence[Path],
    *,
    workers: int | None = None,
    store: Store | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Path, Executed]]:
    """Execute notebooks, each in a kernel of its own, without touching the files; yields each when it is done.

    ``store`` holds the estimates that were just computed, so that the kernels need not. ``meanwhile`` runs in a thread of
    the builder, which has little to do while kernels run.
    """
    if not paths:
        return
    from cordbook.publish.execute.forked_kernels import ForkedProcess, can_fork, preload

    sweep_sockets()
    forks: list[ForkedProcess | None] = [None] * len(paths)
    if can_fork():
        preload()
        # All are forked before the event loop below exists; each waits for its orders.
        forks = [ForkedProcess() for _ in paths]
    # After forking: a forked child must not hold what a thread of its parent had locked.
    background = threading.Thread(target=meanwhile, name="cordbook-meanwhile")
    background.start()
    loop = asyncio.new_event_loop()
    try:
        # One more than there are processors: a kernel also waits, for its sockets and for the builder.
        turns = asyncio.Semaphore(workers or (os.cpu_count() or 1) + 1)
        # The longest begin first, so that the last to end is a short one; before a first execution the size has to tell.
        records = Records(project)
        took = {path: record.seconds if (record := records.get(_name(project, path))) else 0.0 for path in paths}
        jobs = sorted(zip(paths, forks, strict=True), key=lambda job: (-took[job[0]], -job[0].stat().st_size))
        pending = {
            loop.create_task(_in_turn(turns, project, path, fork, str(store.folder) if store else "")) for path, fork in jobs
        }
        while pending:
            ended, pending = loop.run_until_complete(asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED))
            for task in ended:
                yield task.result()
    finally:
        for fork in forks:
            if fork is not None:
                fork.kill()
                fork.wait()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        background.join()


async def _in_turn(turns: asyncio.Semaphore, project: Project, path: Path, fork: Any, store: str) -> tuple[Path, Executed]:
    async with turns:
        return path, await _execute(project, path, fork, store)


async def _execute(project: Project, path: Path, fork: Any, store: str) -> Executed:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from nbclient.util import ensure_async
    from traitlets.config import Config

    from cordbook.publish.execute.forked_kernels import ForkedKernelManager

    start = time.perf_counter()
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    with socket_folder() as sockets:
        transport = {"transport": "ipc", "ip": f"{sockets}/kernel"} if os.name == "posix" else {}
        manager = ForkedKernelManager.of(fork, connection_file=f"{sockets}/kernel.json", **transport) if fork else None
        client = NotebookClient(
            notebook,
            km=manager,
            kernel_name=KERNEL,
            config=Config(KernelManager=transport),
            timeout=TIMEOUT_S,
            resources={"metadata": {"path": str(path.parent)}},
            record_timing=False,
        )
        client.reset_execution_trackers()
        try:
            # A forked kernel is simply ended; it has nothing to put away.
            async with client.async_setup_kernel(
                cleanup_kc=fork is None, env={**kernel_environment(os.environ), VARIABLE: store}
            ):
                await _silently(client, f"{_READS}.start({str(project.root)!r})")
                for index, cell in enumerate(notebook.cells):
                    await client.async_execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
                reads = json.loads(await _silently(client, f"{_READS}.finish()"))
        except (CellExecutionError, CellTimeoutError, DeadKernelError, TimeoutError) as error:
            return Executed(before, before, frozenset(), _in_short(str(error)))
        finally:
            if fork is not None:
                fork.kill()
                if client.kc is not None:
                    client.kc.stop_channels()
                await ensure_async(client.km.cleanup_resources())
    if found := list(private_in(json.dumps([cell.get("outputs", []) for cell in notebook.cells]), project.root, os.environ)):
        return Executed(
            before,
            before,
            frozenset(),
            f"Its output shows {' and '.join(found)}. A book tells nothing of the machine that made it; print something else.",
        )
    text = nbformat.writes(_tidy(notebook), version=4) + "\n"
    return Executed(before, text, frozenset(tuple(read) for read in reads), seconds=time.perf_counter() - start)


def _in_short(error: str) -> str:
    """An error of a chapter without colours; of a long traceback the beginning, which shows the cell, and the end."""
    lines = [line.rstrip() for line in _COLOUR.sub("", error).strip().splitlines()]
    if len(lines) > 2 * _ERROR_LINES:
        lines = [*lines[:_ERROR_LINES], "...", *lines[-_ERROR_LINES:]]
    return "\n".join(lines)


async def _silently(client: Any, expression: str) -> Any:
    """Evaluate an expression in the kernel without trace: no name, no output, no count."""
    sent = client.kc.execute("", silent=True, store_history=False, user_expressions={"it": expression})
    reply = await client.async_wait_for_reply(sent)
    value = reply["content"]["user_expressions"]["it"]
    if value["status"] != "ok":
        raise ChapterFailed(f"the builder's own code failed in the kernel: {value}")
    return ast.literal_eval(value["data"]["text/plain"])


def _tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take out what differs from machine to machine and from time to time: details of the kernel, and where it cut what was printed."""
    import nbformat

    for block in filter(is_code, notebook.cells):
        block.outputs = _joined_streams(block.outputs)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": KERNEL},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def _joined_streams(outputs: Sequence[Any]) -> list[Any]:
    """Outputs in which what was printed in one go is one: a kernel sends it in pieces, by the clock.

    (``coalesce_streams`` of nbclient would also put what was printed after a figure in front of it.)
    """
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _name(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix()
