"""Independent work: computed once, in order, the same on any number of workers, and resumed after a kill with what was finished."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cordbook.core.store import Store
from cordbook.core.work.runner import NoCluster, run_all
from cordbook.errors import UsageError
from tests.conftest import copy_project

#: The smallest curve of the book that takes a few chunks.
ESTIMATE = "myelopathy-sbrt"
PATIENCE_S = 240


def noted_square(task: tuple[str, int]) -> int:
    """The square of a number; a line in a file says that it was computed."""
    with open(task[0], "a", encoding="utf-8") as stream:
        stream.write(f"{task[1]}\n")
    return task[1] ** 2


def test_results_stand_in_the_order_of_the_tasks_and_equal_ones_are_computed_once(tmp_path):
    file = str(tmp_path / "calls")
    tasks = [(file, n) for n in (3, 1, 3, 2, 1)]
    assert run_all(noted_square, tasks, name="squares") == [9, 1, 9, 4, 1]
    assert sorted(Path(file).read_text(encoding="utf-8").split()) == ["1", "2", "3"]


def test_more_processes_give_the_same():
    tasks = list(range(60))
    assert run_all(math.factorial, tasks, name="f", jobs=2, chunk=7) == [math.factorial(n) for n in tasks]


def test_what_is_in_the_store_is_not_computed_again_and_new_tasks_are(tmp_path):
    store, file = Store(tmp_path / "store"), str(tmp_path / "calls")
    first = [(file, n) for n in range(10)]
    run_all(noted_square, first, name="squares", store=store, chunk=5)
    told = []
    more = [*first, (file, 10), (file, 11)]
    found = run_all(noted_square, more, name="squares", store=store, chunk=5, progress=lambda done, of: told.append((done, of)))
    assert found == [n * n for n in range(12)]
    assert told == [(10, 12), (12, 12)]
    assert len(Path(file).read_text(encoding="utf-8").split()) == 12
    # Under another name it is another work.
    run_all(noted_square, first, name="other", store=store, chunk=5)
    assert len(Path(file).read_text(encoding="utf-8").split()) == 22


def test_a_failure_in_the_middle_keeps_what_was_finished(tmp_path):
    store, file = Store(tmp_path / "store"), str(tmp_path / "calls")

    def stop(done: int, of: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    tasks = [(file, n) for n in range(9)]
    with pytest.raises(KeyboardInterrupt):
        run_all(noted_square, tasks, name="squares", store=store, chunk=3, progress=stop)
    assert run_all(noted_square, tasks, name="squares", store=store, chunk=3) == [n * n for n in range(9)]
    assert len(Path(file).read_text(encoding="utf-8").split()) == 9


def test_numbers_of_processes_that_make_no_sense_are_refused():
    for jobs in (0, -2):
        with pytest.raises(UsageError, match="processes cannot be used"):
            run_all(abs, [1], name="x", jobs=jobs)


def test_an_address_that_is_none_is_told_with_what_to_do():
    pytest.importorskip("distributed")
    with pytest.raises(NoCluster, match="no scheduler answers at 'here'.*dask scheduler"):
        run_all(abs, [1], name="x", scheduler="here")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project whose store is empty."""
    return copy_project(tmp_path_factory.mktemp("work") / "project")


def command(project: Path, *arguments: str, **others: object) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "cordbook", "multiverse", ESTIMATE, "--json", *arguments]
    # A session of its own, so that its workers end with it.
    return subprocess.Popen(
        line, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **others
    )


def finished(run: subprocess.Popen[str]) -> tuple[dict, str]:
    out, told = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 0, told
    return json.loads(out), told


@pytest.fixture(scope="module")
def alone(project) -> dict:
    """What one process finds, whose store is thrown away."""
    found, _ = finished(command(project))
    subprocess.run(["rm", "-rf", str(project / ".cordbook")], check=True)
    return found


def killed_in_the_middle(project: Path, *arguments: str) -> None:
    """Start the command and kill it when it says that something is done."""
    with command(project, *arguments) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if " fits, about " in line:
                os.killpg(run.pid, signal.SIGKILL)
                break
        assert run.wait(timeout=PATIENCE_S) == -signal.SIGKILL


def taken_from_the_store(told: str) -> int:
    """How many fits a run did not make again."""
    [line] = [line for line in told.splitlines() if "are in the store" in line]
    return int(line.split(": ")[1].split(" of ")[0].replace(",", ""))


def test_a_killed_command_goes_on_where_it_stopped(project, alone):
    killed_in_the_middle(project)
    found, told = finished(command(project))
    assert found == alone
    assert taken_from_the_store(told) > 0
    again, told = finished(command(project))
    assert again == alone
    assert " left" not in told


def test_two_workers_of_a_cluster_give_the_same_also_after_a_kill(project, alone, tmp_path):
    pytest.importorskip("distributed")
    subprocess.run(["rm", "-rf", str(project / ".cordbook")], check=True)
    script = tmp_path / "cluster.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from distributed import LocalCluster

            if __name__ == "__main__":
                with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
                    print(cluster.scheduler_address, flush=True)
                    sys.stdin.read()
            """
        ),
        encoding="utf-8",
    )
    line = [sys.executable, str(script)]
    with subprocess.Popen(
        line, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        address = cluster.stdout.readline().strip()
        assert address.startswith("tcp://")
        killed_in_the_middle(project, "--scheduler", address)
        found, told = finished(command(project, "--scheduler", address))
        cluster.stdin.close()
        cluster.wait(timeout=PATIENCE_S)
    assert found == alone
    assert taken_from_the_store(told) > 0
