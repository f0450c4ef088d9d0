"""Compute many independent things once each: on one core, on all of a machine, or on the workers of a cluster.

Tasks go in chunks. A chunk that is done stands in the store under a digest of its tasks and of the code, so that who runs the same work after a
kill, on another number of cores or with a few tasks more computes only what is missing. Only the process that asks writes to the store; workers
return what they found, so that they need no folder in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

from cordbook.core.store import Store, key_of
from cordbook.core.versions import environment, package_digest
from cordbook.errors import CordbookError, UsageError

T = TypeVar("T")
R = TypeVar("R")
#: Told after every chunk: how many tasks are done, how many there are.
Progress = Callable[[int, int], None]
#: Tasks of a chunk: few enough that a kill loses seconds, enough that the way to a worker costs little beside them.
CHUNK = 25
#: Seconds after which a scheduler that does not answer is given up.
PATIENCE_S = 15


class NoCluster(UsageError):
    """The cluster that was asked for cannot be worked on; the message says why and what to do."""


class OtherCode(CordbookError):
    """A worker of the cluster has another version of this package, so that its numbers could differ."""

    exit_code = 2


def run_all(
    work: Callable[[T], R],
    tasks: Sequence[T],
    *,
    name: str,
    store: Store | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
    chunk: int = CHUNK,
) -> list[R]:
    """What ``work`` makes of each task, in the order of the tasks.

    Parameters
    ----------
    work
        A function at the top of a module, without side effects.
    tasks
        Its arguments. The ``repr`` of a task says all of it, as that of a frozen dataclass of numbers and texts does; equal ones are
        computed once.
    name
        What is computed, in the key of the store.
    store
        Keeps each chunk when it is done; without one nothing is kept.
    jobs
        Processes on this machine, -1 for one a core.
    scheduler
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``; its workers are then used in place of ``jobs``.
    progress
        Is told how far the work is.
    chunk
        Tasks of a chunk.

    Raises
    ------
    NoCluster, OtherCode
        Where the cluster cannot be reached, or a worker has other code.

    Examples
    --------
    >>> run_all(abs, [-3, 2, -3], name="absolute values")
    [3, 2, 3]
    """
    if jobs == 0 or jobs < -1:
        raise UsageError(f"{jobs} processes cannot be used; give a number of 1 or more, or -1 for one a core")
    distinct = list({repr(task): task for task in tasks}.values())
    chunks = [tuple(distinct[i : i + chunk]) for i in range(0, len(distinct), chunk)]
    keys = [chunk_key(name, part) for part in chunks]
    found: dict[int, list[R]] = {}
    if store:
        found = {i: kept for i, key in enumerate(keys) if (kept := store.find(key)) is not None}
    done = sum(len(chunks[i]) for i in found)
    if progress:
        progress(done, len(distinct))
    missing = [i for i in range(len(chunks)) if i not in found]
    for i, made in _computed(work, [(i, chunks[i]) for i in missing], jobs, scheduler):
        found[i] = made
        if store:
            store.put(keys[i], made)
        done += len(made)
        if progress:
            progress(done, len(distinct))
    results = {repr(task): result for i, part in enumerate(chunks) for task, result in zip(part, found[i], strict=True)}
    return [results[repr(task)] for task in tasks]


def chunk_key(name: str, tasks: Sequence[object]) -> str:
    """The key of a chunk in the store: what is computed, of what, and by which code."""
    return key_of("work", name, package_digest(), environment(), *map(repr, tasks))


def _computed(
    work: Callable[[T], R], chunks: Sequence[tuple[int, tuple[T, ...]]], jobs: int, scheduler: str | None
) -> Iterator[tuple[int, list[R]]]:
    """Chunks as they are done, in any order."""
    if not chunks:
        return
    if scheduler is None and (jobs == 1 or len(chunks) == 1):
        for i, part in chunks:
            yield _of_chunk(work, i, part)
        return
    from joblib import Parallel, delayed

    with _backend(scheduler):
        parallel = Parallel(n_jobs=-1 if scheduler else jobs, return_as="generator_unordered", batch_size=1)
        yield from parallel(delayed(_of_chunk)(work, i, part) for i, part in chunks)


def _of_chunk(work: Callable[[T], R], i: int, part: Sequence[T]) -> tuple[int, list[R]]:
    return i, [work(task) for task in part]


def _backend(scheduler: str | None) -> AbstractContextManager[Any]:
    """Where joblib sends its work: processes of this machine, or the workers of a cluster."""
    return nullcontext() if scheduler is None else _cluster(scheduler)


@contextmanager
def _cluster(scheduler: str) -> Iterator[None]:
    """Joblib works on the cluster while this is open."""
    from distributed import Client
    from joblib import parallel_config

    try:
        client: Any = Client(scheduler, timeout=PATIENCE_S, set_as_default=True)  # type: ignore[no-untyped-call]  # Dask has no types
    except (OSError, TimeoutError, ValueError) as error:
        raise NoCluster(
            f"no scheduler answers at {scheduler!r} ({str(error).splitlines()[0] if str(error) else type(error).__name__}); start one with "
            "`dask scheduler` and workers with `dask worker ADDRESS`, and give the address that the scheduler prints"
        ) from error
    with client:
        _check_workers(client, scheduler)
        with parallel_config(backend="dask", wait_for_workers_timeout=PATIENCE_S):
            yield


def _check_workers(client: Any, scheduler: str) -> None:
    """All workers have this package as it is here, and the libraries that can move a number."""
    here = _code()
    if not client.scheduler_info()["workers"]:
        raise NoCluster(f"the scheduler at {scheduler} has no workers; start some with `dask worker {scheduler}`")
    try:
        there: dict[str, str] = client.run(_code)
    except Exception as error:  # what a worker without the package raises depends on how it was started
        raise OtherCode(
            f"the workers at {scheduler} cannot load this package ({error}); install the same version there, with the extra `cluster`"
        ) from error
    if others := sorted(address for address, code in there.items() if code != here):
        raise OtherCode(
            f"{', '.join(others)} has another version of this package or its libraries than this machine, so its numbers could differ; "
            "install the same there (requirements.lock names all versions) and start the worker again"
        )


def _code() -> str:
    return f"{package_digest()} {environment()}"
