"""How fast is every choice: beside R metafor in a loop, for 100,000 specifications, and with more workers.

    python benchmarks/run_multiverse.py              all three, into benchmarks/results/multiverse.json
    python benchmarks/run_multiverse.py --only peer  one of them: peer, many, workers; the others are kept

Questions are of the review's own main result, AIS improved after cell therapy. Two comparisons with metafor, in processor seconds of one process each: fit by fit (the same sample
of analyses by both, of each way to pool some), and the whole (a loop fits every specification anew, as one would write it; ours finds those that are
one analysis and fits it once, selection of the counts included). metafor's GLMM gives a Wald interval, ours the profile intervals that the book
declares as well; the beta-binomial, which metafor lacks, is left out of both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cordbook.core.store import Store
from cordbook.core.work.runner import run_all
from cordbook.review.estimates.estimates import Estimates, load_estimates
from cordbook.review.multiverse.choices import Choice, Option
from cordbook.review.multiverse.declarations import Declared, load_multiverses
from cordbook.review.multiverse.multiverse import _columns, explore, poolings, selections
from cordbook.review.multiverse.pooling import Task, work
from cordbook.synthesis import pool_proportions

ROOT = Path(__file__).resolve().parents[1]
QUESTION = "ais-improved-cell-therapy"
SEED = 1
#: Analyses of each way to pool beside metafor, tasks for the scaling, specifications of metafor's loop.
OF_EACH, SCALED, LOOPED = 6, 6000, 300
#: Options that make the 41,472 combinations of the book more than 100,000.
MORE = {"size": [("five", 5), ("twenty", 20)], "follow-up": [("half", 6)]}


def all_tasks(estimates: Estimates, declared: Declared) -> list[Task]:
    """The distinct tasks of a multiverse."""
    rows = dict.fromkeys(selections(estimates, declared).values())
    ways = dict.fromkeys(replace(s, average="") for s in poolings(declared).values())
    return [Task(_columns(r), way) for r in rows if len(r) > 1 for way in ways]


def beside_metafor(tasks: Sequence[Task]) -> dict[str, Any]:
    """Seconds of each analysis in a sample by both, and the greatest difference of the pooled effect sizes."""
    random.seed(SEED)
    by_way: dict[Any, list[Task]] = {}
    for task in tasks:
        # What metafor has: no beta-binomial, no profile intervals of the GLMM, which stand beside its Wald interval.
        if task.settings.model != "betabinomial":
            by_way.setdefault(task.settings, []).append(task)
    sample = [t for group in by_way.values() for t in random.sample(group, min(OF_EACH, len(group)))]
    theirs = _in_r(sample)
    work(sample[0])
    ours = [_timed(lambda t=t: work(t), time.process_time) for t in sample]
    gaps: list[float] = []
    for task, found in zip(sample, theirs["found"], strict=True):
        if found["estimate"] is None:
            continue
        s = task.settings
        mine = pool_proportions(
            *task.columns,
            model=s.model,
            measure=s.measure,
            ci=s.ci,
            corrected=s.corrected,
            hksj_floor=s.hksj_floor,
            tau2_interval=False,
        )
        gaps.append(abs(mine.model_scale.estimate - found["estimate"]))
    lines = {}
    for name, models in (("all", ("glmm", "reml", "dl")), ("glmm", ("glmm",)), ("reml", ("reml",)), ("dl", ("dl",))):
        places = [i for i, t in enumerate(sample) if t.settings.model in models]
        mine, other = sum(ours[i] for i in places), sum(theirs["found"][i]["seconds"] for i in places)
        lines[name] = {"analyses": len(places), "cordbook_s": mine, "metafor_s": other, "times": other / mine}
    return {
        "version": theirs["version"],
        "by_model": lines,
        "greatest_difference": max(gaps),
        "median_difference": statistics.median(gaps),
        "metafor_failed": sum(f["estimate"] is None for f in theirs["found"]),
    }


def whole_loop(estimates: Estimates, declared: Declared) -> dict[str, Any]:
    """Specifications a second: a metafor loop, by a random sample of them all, and ours, by the whole run with an empty store."""
    kept = tuple(
        replace(c, options=tuple(o for o in c.options if o.id != "betabinomial")) if c.id == "model" else c
        for c in declared.choices
    )
    fewer = replace(declared, choices=kept)
    begun = time.process_time()
    found = explore(estimates, fewer)
    seconds = time.process_time() - begun
    random.seed(SEED)
    rows, ways = list(selections(estimates, fewer).values()), list(poolings(fewer).values())
    usable = [r for r in rows if len(r) > 1]
    sample = [Task(_columns(random.choice(usable)), random.choice(ways)) for _ in range(LOOPED)]
    theirs = _in_r(sample)
    each = sum(f["seconds"] for f in theirs["found"]) / len(sample)
    number = found.combinations - found.too_few
    return {
        "specifications": number,
        "analyses": len(found.analyses),
        "cordbook_s": seconds,
        "metafor_s_each": each,
        "metafor_s_of_all": each * number,
        "times": each * number / seconds,
    }


def _in_r(sample: Sequence[Task]) -> dict[str, Any]:
    """What the loop of metafor gives for analyses."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        raise SystemExit("R is not installed; it is needed with its packages metafor and jsonlite")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tasks.json"
        file.write_text(json.dumps([_plain(t) for t in sample]), encoding="utf-8")
        command = [rscript, str(ROOT / "benchmarks" / "peer_multiverse.R"), str(file)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _plain(task: Task) -> dict[str, Any]:
    s = task.settings
    return {
        "events": task.columns[0],
        "n": task.columns[1],
        "model": s.model,
        "measure": s.measure,
        "ci": s.ci,
        "corrected": s.corrected,
    }


def many(estimates: Estimates, declared: Declared, jobs: int) -> dict[str, Any]:
    """The question with more options: over 100,000 specifications, from reading the counts to the conclusions."""
    wider = replace(declared, choices=tuple(_wider(c) for c in declared.choices))
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        found = explore(estimates, wider, store=Store(Path(folder)), jobs=jobs, progress=_told)
        seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        explore(estimates, wider, store=Store(Path(folder)), jobs=jobs)
        again = time.perf_counter() - begun
    return {
        "specifications": found.combinations,
        "analyses": len(found.analyses),
        "jobs": jobs,
        "seconds": seconds,
        "per_second": found.combinations / seconds,
        "seconds_from_the_store": again,
    }


def _wider(choice: Choice) -> Choice:
    more = []
    for name, number in MORE.get(choice.id, []):
        effect: dict[str, Any] = {"people": number} if choice.id == "size" else {"at_least": (("months", float(number)),)}
        more.append(Option(name, name, **effect))
    return replace(choice, options=(*choice.options, *more))


def scaling(tasks: Sequence[Task]) -> dict[str, Any]:
    """The same tasks by one process, by two, and by two workers of a Dask cluster on this machine."""
    random.seed(SEED)
    sample = random.sample(list(tasks), min(SCALED, len(tasks)))
    found = {"tasks": len(sample)}
    ways: dict[str, Callable[[], Any]] = {
        "one_process_s": lambda: run_all(work, sample, name="scaling"),
        "two_processes_s": lambda: run_all(work, sample, name="scaling", jobs=2),
    }
    for name, run in ways.items():
        run_all(work, sample[:50], name="warm", jobs=2)  # workers that have loaded the package
        found[name] = _timed(run)
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        run_all(work, sample[:50], name="warm", scheduler=cluster.scheduler_address)
        found["two_dask_workers_s"] = _timed(lambda: run_all(work, sample, name="scaling", scheduler=cluster.scheduler_address))
    for name in ("two_processes", "two_dask_workers"):
        found[f"{name}_times"] = found["one_process_s"] / found[f"{name}_s"]
    return found


def _timed(run: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    run()
    return clock() - begun


def _told(done: int, of: int) -> None:
    if done == of:
        print(f"{of:,} fits", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("peer", "many", "workers"))
    parser.add_argument("--jobs", type=int, default=2, help="processes for the 100,000 specifications")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "multiverse.json")
    args = parser.parse_args(arguments)
    estimates = load_estimates(ROOT)
    declared = load_multiverses(estimates)[QUESTION]
    tasks = all_tasks(estimates, declared)
    found = json.loads(args.output.read_text(encoding="utf-8")) if args.output.exists() else {}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "peer": lambda: {"fit_by_fit": beside_metafor(tasks), "whole": whole_loop(estimates, declared)},
        "workers": lambda: scaling(tasks),
        "many": lambda: many(estimates, declared, args.jobs),
    }
    for name, run in parts.items():
        if args.only in (None, name):
            load = os.getloadavg()[0]
            found[name] = run() | {"load_before": round(load, 2)}
            found["machine"] = {"cores": os.cpu_count(), "python": platform.python_version(), "numpy": np.__version__}
            args.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(json.dumps({name: found[name]}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
