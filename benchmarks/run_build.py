"""How long a build takes, side by side with stock Jupyter Book: nothing changed, one count changed, cold.

    python benchmarks/run_build.py                  # 3 rounds, this book
    python benchmarks/run_build.py --growth 10 100  # time and memory with the evidence multiplied

Stock means `jupyter-book build` on a copy of the project whose chapters Jupyter Book executes itself: in cache mode, and forced.
There our extension writes the numbers in prose but executes nothing. In cache mode stock does not see an edit of the data: it is fast
there because it shows old estimates, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from multiply_evidence import multiply

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "build.json"
LEFT_OUT = (".git", ".venv", "_build", ".cordbook", "__pycache__", ".pytest_cache", ".hypothesis", "raw", "*.egg-info")
#: One cell of an estimate that stands in several chapters; its readings are changed with it, or it would be refused.
CELL, EVENTS = "donati2016.treated.ais_improved.all.12", ("5", "4")
JUPYTER_BOOK = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."]
#: Without --all Jupyter Book reads only pages whose source changed, and executes no other even when execution is forced.
FORCED = [*JUPYTER_BOOK, "--all"]
CORDBOOK = [sys.executable, "-m", "cordbook", "build", "--allow-broken-guards"]


def copy(target: Path) -> Path:
    """The project without anything built; it runs its own copy of the package."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return target


def stock(target: Path, mode: str) -> Path:
    """A copy in which Jupyter Book executes the chapters (mode: cache or force) and our extension does not."""
    copy(target)
    config = target / "_config.yml"
    text = re.sub(r'execute_notebooks: "off"', f"execute_notebooks: {mode}\n  timeout: 600", config.read_text(encoding="utf-8"))
    config.write_text(text, encoding="utf-8")
    extension = target / "analysis" / "cordbook" / "publish" / "sphinx" / "extension.py"
    source = extension.read_text(encoding="utf-8")
    extension.write_text(source.replace('    app.connect("builder-inited", _refresh)\n', ""), encoding="utf-8")
    return target


def edit(project: Path, events: str) -> None:
    """Change the events of one count and of its readings."""
    for name in ("outcomes", "extractions"):
        path = project / "data" / f"{name}.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.loc[(table["cell_id"] == CELL) & (table["events"] != ""), "events"] = events
        table.to_csv(path, index=False, lineterminator="\n")


def run(command: list[str], project: Path) -> tuple[float, float]:
    """Seconds that a command takes in a project, and seconds of processor time; ends the benchmark if it fails.

    The second says more on a machine that has other work to do.
    """
    start, before = time.perf_counter(), _processor_seconds()
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "analysis")},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start, _processor_seconds() - before
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed in {project}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return seconds


def _processor_seconds() -> float:
    """Of all children that have ended, kernels included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rounds(number: int, folder: Path) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Seconds (wall, processor) by question and builder; within a round the builders take turns, each round begins with another."""
    builders: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
        "cordbook": (copy, CORDBOOK),
        "jupyter-book, cache": (lambda p: stock(p, "cache"), JUPYTER_BOOK),
        "jupyter-book, forced": (lambda p: stock(p, "force"), FORCED),
    }
    projects = {name: make(folder / name.replace(", ", "-")) for name, (make, _) in builders.items()}
    seconds: dict[str, dict[str, list[tuple[float, float]]]] = {
        q: {n: [] for n in builders} for q in ("cold", "nothing changed", "one count changed")
    }
    names = list(builders)
    for turn in range(number):
        for name in names[turn % 3 :] + names[: turn % 3]:
            project, command = projects[name], builders[name][1]
            for made in ("_build", ".cordbook"):
                shutil.rmtree(project / made, ignore_errors=True)
            seconds["cold"][name].append(run(command, project))
            seconds["nothing changed"][name].append(run(command, project))
            edit(project, EVENTS[turn % 2])
            seconds["one count changed"][name].append(run(command, project))
            print(
                f"round {turn + 1}: {name}: " + ", ".join(f"{q} {s[name][-1][0]:.1f} s" for q, s in seconds.items()), flush=True
            )
    return seconds


def growth(factors: list[int], folder: Path, keep: Callable[[list[dict[str, float]]], None]) -> None:
    """Cold build, and build after one changed cell, with the evidence multiplied: seconds, peak memory, largest page.

    The last takes an hour: what is done is kept after each.
    """
    rows = []
    for factor in (1, *factors):
        project = folder / f"times-{factor}"
        multiply(project, factor)
        cold, cold_cpu = run(CORDBOOK, project)
        edit(project, EVENTS[0])
        changed, changed_cpu = run(CORDBOOK, project)
        nothing, _ = run(CORDBOOK, project)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        largest = max(p.stat().st_size for p in (project / "_build" / "html").rglob("*.html")) / 1e6
        rows.append(
            {
                "times": factor, "cold_s": cold, "cold_cpu_s": cold_cpu, "one_count_s": changed, "one_count_cpu_s": changed_cpu,
                "nothing_s": nothing, "peak_mb": peak, "largest_page_mb": largest,
            }
        )  # fmt: skip
        print(", ".join(f"{k} {v:.4g}" for k, v in rows[-1].items()), flush=True)
        keep(rows)
        shutil.rmtree(project)


def store(name: str, found: Any) -> None:
    """Put results into the file beside those of the other questions."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(stored | {name: found}, indent=1) + "\n", encoding="utf-8")


def table(seconds: dict[str, dict[str, list[tuple[float, float]]]]) -> str:
    """Medians, and how many times as long stock takes: by the clock, and in brackets by processor time."""
    lines = [
        "| build | " + " | ".join(next(iter(seconds.values()))) + " | forced / cordbook |",
        "| --- | --- | --- | --- | --- |",
    ]
    for question, by_name in seconds.items():
        medians, processor = ({n: statistics.median(s[i] for s in found) for n, found in by_name.items()} for i in (0, 1))
        old = " (old estimates)" if question == "one count changed" else ""
        ratio, processor_ratio = (m["jupyter-book, forced"] / m["cordbook"] for m in (medians, processor))
        shown = [f"{m:.1f} s{old if n.endswith('cache') else ''}" for n, m in medians.items()]
        lines.append(f"| {question} | {' | '.join(shown)} | {ratio:.1f} ({processor_ratio:.1f}) |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, nargs="*", metavar="TIMES", help="multiply the evidence instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cordbook-bench-") as name:
        if options.growth is not None:
            growth(options.growth or [10, 100], Path(name), lambda rows: store("growth", rows))
        else:
            seconds = rounds(options.rounds, Path(name))
            store("seconds", seconds)
            print(table(seconds))
