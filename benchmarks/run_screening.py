"""The order of records and the end of screening measured on labelled sets, beside ASReview, in one run.

    python benchmarks/run_screening.py ADHD.csv.gz NSAIDS.csv.gz
    python benchmarks/run_screening.py --asreview-python venv/bin/python ADHD.csv.gz NSAIDS.csv.gz

A set is a CSV file with the columns title, abstract and label_included. The first record is that of the file; from then on the likeliest
is read next, with the order made anew after each decision. ASReview, by its own rule, reads on in the file until one that is included
and one that is not are known. With ``--shuffles`` the same is done with the rows in other orders; the last lines give the means over all orders.

``place``: mean place of an included record, as a share of all (average time to discovery; less is better). ``wss95``: work saved at
95% recall over reading in random order. ``tenth``: share of the included found in the first tenth. ``rerank_ms``: a new
order, in ms of processor time, the slowest of twenty. ``stop_read`` and ``stop_recall``: share read and share found when the stopping estimate first lets
go; ``hypergeometric_read`` the same for the test of Callaghan and Müller-Hansen (2020) alone. ASReview is run with its default
(ELAS u4: support vector machine, TF-IDF of words and pairs).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy: one processor for both

import numpy as np

from cordbook.intake.screening.ranking import Ranking
from cordbook.intake.screening.stopping import hypergeometric, stopping

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "screening.json"
#: Decisions between two looks at the stopping estimate, as a share of all records.
LOOKS = 0.01
SCALE = 10_000
PEER = """
import json, sys, time
import numpy as np, pandas as pd
from asreview.learner import ActiveLearningCycle
from asreview.models.models import get_ai_config
from asreview.models.queriers import TopDown
from asreview.models.stoppers import IsFittable
from asreview.simulation.simulate import Simulate
rows = json.load(sys.stdin)
table = pd.DataFrame({"title": [r[0] for r in rows], "abstract": [r[1] for r in rows]})
labels = np.array([r[2] for r in rows])
first = ActiveLearningCycle(querier=TopDown(), stopper=IsFittable())
cycles = [first, ActiveLearningCycle.from_meta(get_ai_config()["value"])]
start = time.process_time()
run = Simulate(table, labels, cycles, print_progress=False)
run.review()
seconds = time.process_time() - start
print(json.dumps({"order": [int(i) for i in run._results["record_id"]], "cpu_seconds": seconds}))
"""

LabelledText = tuple[str, str, int]


def read_set(path: Path) -> list[LabelledText]:
    csv.field_size_limit(sys.maxsize)
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as file:
        return [(row["title"], row["abstract"], int(row["label_included"])) for row in csv.DictReader(file)]


def measured(order: Sequence[int], relevant: np.ndarray) -> dict[str, float]:
    """Place, work saved and share found early of an order in which all relevant records stand."""
    places = np.flatnonzero(relevant[list(order)]) + 1
    count, needed = len(relevant), int(np.ceil(0.95 * relevant.sum()))
    return {
        "place": float(places.mean() / count),
        "wss95": float((count - places[needed - 1]) / count - 0.05),
        "tenth": float((places <= 0.1 * count).mean()),
    }


def ours(rows: Sequence[LabelledText]) -> dict[str, float]:
    """Read the records in our order; look at the stopping estimate as reading goes on."""
    relevant = np.array([label for *_, label in rows])
    start = time.process_time()
    ranking = Ranking({str(i): f"{title}\n{abstract}" for i, (title, abstract, _) in enumerate(rows)})
    order, took = read_in_order(ranking, relevant)
    seconds = time.process_time() - start
    found = measured(order, relevant) | {"cpu_seconds": seconds, "rerank_ms": 1000 * float(np.quantile(took, 0.95))}
    read = _lets_go(relevant[order].astype(bool), lambda seen, left: (state := stopping(seen, left)) is not None and state.enough)
    plain = _lets_go(relevant[order].astype(bool), lambda seen, left: hypergeometric(seen, left, 0.95) < 0.05)
    recall = float(relevant[order][:read].sum() / relevant.sum())
    return found | {"stop_read": read / len(rows), "stop_recall": recall, "hypergeometric_read": plain / len(rows)}


def read_in_order(ranking: Ranking, relevant: np.ndarray) -> tuple[list[int], list[float]]:
    """The order in which records are read until all relevant ones are found, then the rest; and seconds for each new order."""
    decided: dict[str, bool] = {}
    waiting = [str(i) for i in range(len(relevant))]
    took = []
    while waiting and sum(decided.values()) < relevant.sum():
        if decided:
            before = time.process_time()
            waiting, _ = ranking.order(decided, waiting)
            took.append(time.process_time() - before)
        record = waiting.pop(0)
        decided[record] = bool(relevant[int(record)])
    return [int(r) for r in (*decided, *waiting)], took


def stopping_study(name: str, rows: Sequence[LabelledText], runs: int) -> list[dict[str, object]]:
    """How often the stopping estimate is right when it lets go, and after how much, in ``runs`` orders of the rows.

    As the set is; with half of the relevant records left out; and with a tenth more relevant records that no word tells, drawn
    from the others at random: what the estimate assumes is not so there.
    """
    labels = np.array([label for *_, label in rows])
    found: list[dict[str, object]] = []
    for number, kind in enumerate(("as it is", "half of the relevant", "a tenth by chance")):
        results = []
        for run in range(runs):
            rng = np.random.default_rng((number, run))
            kept, relevant = rng.permutation(len(rows)), labels.copy()
            if kind == "half of the relevant":
                out = rng.choice(np.flatnonzero(labels), labels.sum() // 2, replace=False)
                kept = kept[~np.isin(kept, out)]
            elif kind == "a tenth by chance":
                relevant[rng.choice(np.flatnonzero(labels == 0), max(2, round(labels.sum() / 10)), replace=False)] = 1
            here = relevant[kept]
            ranking = Ranking({str(i): f"{rows[j][0]}\n{rows[j][1]}" for i, j in enumerate(kept)})
            seen = here[read_in_order(ranking, here)[0]].astype(bool)
            read = _lets_go(seen, lambda seen, left: (state := stopping(seen, left)) is not None and state.enough)
            plain = _lets_go(seen, lambda seen, left: hypergeometric(seen, left, 0.95) < 0.05)
            results.append([seen[:n].sum() / seen.sum() >= 0.95 for n in (read, plain)] + [read / len(seen), plain / len(seen)])
        right, plain_right, read_share, plain_share = (float(f"{x:.3g}") for x in np.mean(results, axis=0))
        found.append(
            {
                "stopping": kind,
                "set": name,
                "runs": runs,
                "right": right,
                "read": read_share,
                "plain_right": plain_right,
                "plain_read": plain_share,
            }
        )
        print("  ".join(f"{k} {v}" for k, v in found[-1].items()), flush=True)
    return found


def _lets_go(relevant: np.ndarray, enough: Callable[[list[bool], int], bool]) -> int:
    """Records read when ``enough`` first holds, looked at after each hundredth."""
    count = len(relevant)
    step = max(1, int(LOOKS * count))
    return next((read for read in range(step, count, step) if enough(relevant[:read].tolist(), count - read)), count)


def asreview(rows: Sequence[LabelledText], python: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:  # it leaves a file where it runs
        done = subprocess.run(
            [python, "-c", PEER], input=json.dumps(list(rows)), capture_output=True, text=True, check=False, cwd=folder
        )
    if done.returncode:
        sys.exit(f"ASReview failed:\n{done.stderr[-2000:]}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    relevant = np.array([label for *_, label in rows])
    unread = [i for i in range(len(rows)) if i not in set(result["order"])]
    return measured([*result["order"], *unread], relevant) | {"cpu_seconds": result["cpu_seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, nargs="+", metavar="FILE", help="CSV: title, abstract, label_included; may be .gz")
    parser.add_argument("--asreview-python", metavar="PYTHON", help="a Python that has asreview")
    parser.add_argument("--shuffles", type=int, default=0, help="further orders of the rows")
    parser.add_argument("--stopping-runs", type=int, default=0, help="orders in which the stopping estimate is tried")
    options = parser.parse_args()
    kept: list[Mapping[str, object]] = []
    for path in options.sets:
        rows = read_set(path)
        for shuffle in range(options.shuffles + 1):
            places = np.random.default_rng(shuffle).permutation(len(rows)) if shuffle else range(len(rows))
            these = [rows[i] for i in places]
            runs = {"cordbook": ours(these)}
            if options.asreview_python:
                runs["asreview"] = asreview(these, options.asreview_python)
            for tool, run in runs.items():
                row = {
                    "set": path.name.split(".")[0],
                    "records": len(rows),
                    "included": sum(r[2] for r in rows),
                    "shuffle": shuffle,
                }
                kept.append(row | {"tool": tool} | {k: float(f"{v:.4g}") for k, v in run.items()})
                print("  ".join(f"{k} {v}" for k, v in kept[-1].items()), flush=True)
                RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    kept += _means(kept) if options.shuffles else []
    for path in options.sets if options.stopping_runs else []:
        kept += stopping_study(path.name.split(".")[0], read_set(path), options.stopping_runs)
    kept.append(at_scale([row for path in options.sets for row in read_set(path)]))
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    print(kept[-1])


def _means(kept: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Means over the orders of each set, by tool."""
    found = []
    for name, tool in dict.fromkeys((row["set"], row["tool"]) for row in kept):
        rows = [row for row in kept if (row["set"], row["tool"]) == (name, tool)]
        numbers = [k for k, v in rows[0].items() if isinstance(v, float)]
        means = {k: float(f"{np.mean([row[k] for row in rows]):.4g}") for k in numbers}
        found.append({"set": name, "shuffle": f"mean of {len(rows)}", "tool": tool} | means)
    return found


def at_scale(rows: Sequence[LabelledText]) -> dict[str, object]:
    """Seconds for the features of many records, and ms for a new order by what was read; texts are joined from halves of two."""
    rng = np.random.default_rng(1)
    texts = {}
    for i in range(SCALE):
        one, other = (rows[j][1].split() for j in rng.integers(len(rows), size=2))
        texts[str(i)] = " ".join([rows[rng.integers(len(rows))][0], "\n", *one[: len(one) // 2], *other[len(other) // 2 :]])
    start = time.process_time()
    ranking = Ranking(texts)
    found: dict[str, object] = {"set": "at scale", "records": SCALE, "features_seconds": round(time.process_time() - start, 2)}
    relevant = rng.random(SCALE) < 0.03
    relevant[:2] = True, False
    for read in (100, 1000, 3000, 5000):
        decided = {str(i): bool(relevant[i]) for i in range(read)}
        waiting = [str(i) for i in range(read, SCALE)]
        ranking.order(decided, waiting)
        start = time.process_time()
        ranking.order(decided | {str(read): False}, waiting[1:])
        found[f"rerank_ms_after_{read}"] = round(1000 * (time.process_time() - start))
    return found


if __name__ == "__main__":
    main()
