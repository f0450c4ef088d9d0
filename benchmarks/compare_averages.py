"""How far apart are the averages? Five published data sets by the GLMM, the beta-binomial model and the crude share.

    python benchmarks/compare_averages.py    into benchmarks/results/averages.csv

The sets are of R's metadat 1.2-0 and lie with their reference values in tests/reference/betabinomial.json. Columns are described in
benchmarks/README.md; `cordbook.synthesis.averages_of` gives the same row for any counts.
"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path

from cordbook.synthesis import averages_of

ROOT = Path(__file__).resolve().parents[1]
SETS = ROOT / "tests" / "reference" / "betabinomial.json"
OUTPUT = ROOT / "benchmarks" / "results" / "averages.csv"


def main(output: Path = OUTPUT) -> int:
    sets = json.loads(SETS.read_text(encoding="utf-8"))["sets"]
    rows = [{"set": name} | asdict(averages_of(stored["events"], stored["n"])) for name, stored in sets.items()]
    with output.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{v:.6g}" if isinstance(v, float) else v for key, v in row.items()} for row in rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
