"""Deduplication measured on a labelled set, beside bib-dedupe: precision, recall, what is asked, seconds.

    python benchmarks/run_dedupe.py                                        # 5,000 and 50,000 records, ours
    python benchmarks/run_dedupe.py --bib-dedupe-python venv/bin/python    # bib-dedupe in an environment of its own
    python benchmarks/run_dedupe.py --bib-dedupe-python venv/bin/python --sets copper.json.gz tafenoquine.json.gz

On a made-up set, counted are pairs. Precision: of the pairs that were merged without a person, those that are one work. Recall: of the pairs that
are one work, those that were merged without a person; a pair that is asked counts as not found. The set is described in
labelled_records.py. bib-dedupe gets the same records in the columns that it documents.

A real set (``--sets``) is a JSON file: ``recs``, records in the columns of data/records.csv, and ``truth.dup``, for each whether it is
one of two or more records of a report. On it, counted are records. Recall: of those that have a duplicate, those that were merged
with something. Precision: of the records that were merged, those that have a duplicate. Asked are pairs: of bib-dedupe those that it
calls "maybe". Both run on one processor, and seconds are of its time; each tool is imported before.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from labelled_records import Labelled, labelled

from cordbook.intake.dedupe.groups import deduplicate
from cordbook.intake.dedupe.keys import item
from cordbook.intake.dedupe.pairs import judge
from cordbook.intake.records.record import FIELDS, Record, tidy

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "dedupe.json"
PEER_COLUMNS = (
    "ID", "ENTRYTYPE", "author", "title", "year", "journal", "volume", "number", "pages", "doi", "abstract", "search_set",
)  # fmt: skip
PEER = """
import json, sys, time
import pandas as pd
from bib_dedupe.bib_dedupe import block, match, merge, prep
from bib_dedupe.bib_dedupe import cluster
records = pd.read_csv(sys.argv[1], dtype=str, keep_default_na=False)
start, cpu = time.perf_counter(), time.process_time()
pairs = match(block(prep(records, cpu=1), cpu=1), cpu=1)
groups = cluster(pairs)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
maybe = int((pairs["duplicate_label"] == "maybe").sum()) if "duplicate_label" in pairs else 0
json.dump({"groups": groups, "seconds": seconds, "cpu_seconds": cpu, "asked": maybe}, open(sys.argv[2], "w"))
"""


def score(works: Sequence[str], groups: Iterable[Sequence[int]]) -> dict[str, float]:
    """Precision and recall over pairs of records."""
    truth = sum(n * (n - 1) // 2 for n in Counter(works).values())
    merged = right = 0
    for group in groups:
        merged += len(group) * (len(group) - 1) // 2
        right += sum(n * (n - 1) // 2 for n in Counter(works[i] for i in group).values())
    return {
        "precision": right / merged if merged else 1.0,
        "recall": right / truth,
        "merged": merged,
        "wrong": merged - right,
        "true": truth,
    }


def score_flags(duplicate: Sequence[bool], groups: Iterable[Sequence[int]]) -> dict[str, float]:
    """Precision and recall over records of which is known only whether each has a duplicate."""
    merged = {i for group in groups for i in group}
    right = sum(duplicate[i] for i in merged)
    return {
        "precision": right / len(merged) if merged else 1.0,
        "recall": right / sum(duplicate),
        "merged": len(merged),
        "wrong": len(merged) - right,
        "true": sum(duplicate),
    }


#: Groups of places in the records, and what else a run gave.
Run = tuple[list[list[int]], dict[str, float]]


def ours(records: Sequence[Record]) -> Run:
    start, cpu = time.perf_counter(), time.process_time()
    found = deduplicate([item(str(i), record) for i, record in enumerate(records)])
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    groups = [[int(i) for i in group] for group in found.groups]
    return groups, {"seconds": seconds, "cpu_seconds": cpu, "asked": len(found.uncertain)}


def bib_dedupe(records: Sequence[Record], python: str) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder) / "records.csv", Path(folder) / "groups.json"
        with open(table, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(PEER_COLUMNS)
            for i, r in enumerate(records):
                people, pages = r.authors.replace("; ", " and "), r.pages.replace("-", "--")
                known = (people, r.title, r.year, r.container, r.volume, r.issue, pages, r.doi, r.abstract)
                writer.writerow((i, "article", *known, ""))
        done = subprocess.run([python, "-c", PEER, str(table), str(out)], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"bib-dedupe failed:\n{done.stderr[-2000:]}")
        result = json.loads(out.read_text())
    return [[int(i) for i in g] for g in result.pop("groups")], result


def real_set(path: Path) -> tuple[list[Record], list[bool]]:
    """The records of a labelled file, tidied as an import tidies them, and for each whether it has a duplicate."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as file:
        data = json.load(file)
    records = [tidy(Record(**{name: row.get(name) or "" for name in FIELDS})) for row in data["recs"]]
    return records, [bool(flag) for flag in data["truth"]["dup"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, nargs="*", default=[], metavar="FILE", help="real sets, labelled; see above")
    parser.add_argument("--sizes", type=int, nargs="*", default=[5_000, 50_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13], help="three sets that no rule was tuned on")
    parser.add_argument("--bib-dedupe-python", metavar="PYTHON", help="a Python that has bib-dedupe")
    parser.add_argument("--peer-up-to", type=int, default=5_000, help="largest set that the peer is given")
    parser.add_argument("--wrong", action="store_true", help="print wrong and missed pairs of the first set and stop")
    options = parser.parse_args()
    if options.wrong:
        return show(labelled(ROOT / "data" / "references.csv", options.sizes[0], options.seeds[0]))
    rows: list[dict[str, object]] = []
    for path in options.sets:
        records, duplicate = real_set(path)
        for tool, (groups, run) in _runs(records, options.bib_dedupe_python).items():
            _keep(
                rows,
                {"set": path.name.split(".")[0], "tool": tool, "records": len(records)} | score_flags(duplicate, groups) | run,
            )
    for size in options.sizes:
        for seed in options.seeds:
            data = labelled(ROOT / "data" / "references.csv", size, seed)
            peer = options.bib_dedupe_python if size <= options.peer_up_to else None
            for tool, (groups, run) in _runs(data.records, peer).items():
                _keep(rows, {"set": f"seed {seed}", "tool": tool, "records": len(data.records)} | score(data.works, groups) | run)


def _runs(records: Sequence[Record], python: str | None) -> dict[str, Run]:
    found = {"cordbook": ours(records)}
    return found | ({"bib-dedupe": bib_dedupe(records, python)} if python else {})


def _keep(rows: list[dict[str, object]], row: dict[str, object]) -> None:
    rows.append({k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in row.items()})
    print("  ".join(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


def show(data: Labelled) -> None:
    found = deduplicate([item(str(i), record) for i, record in enumerate(data.records)])
    group_of = {i: n for n, group in enumerate(found.groups) for i in group}
    for pair in found.links:
        if data.works[int(pair.a)] != data.works[int(pair.b)]:
            print("WRONG", pair.why, *(data.records[int(i)] for i in (pair.a, pair.b)), sep="\n  ")
    first: dict[str, list[int]] = {}
    for i, work in enumerate(data.works):
        first.setdefault(work, []).append(i)
    for members in first.values():
        for i in members[1:]:
            if group_of.get(str(i), -1) != group_of.get(str(members[0]), -2):
                pair = judge(item("a", data.records[members[0]]), item("b", data.records[i]))
                why = f"{pair.verdict.value}: {pair.why}"
                print("MISSED", why, data.records[members[0]], data.records[i], sep="\n  ")


if __name__ == "__main__":
    main()
