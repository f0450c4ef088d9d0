"""What it takes to add a trial: the guide "Add a trial in ten minutes", walked in a checkout of this book as it stands.

    python benchmarks/run_guide.py

Counted are what a person types (commands, answers, values in sheets; each Enter is a key) and how long the commands run. How long a
person thinks, reads and types is not measured. In a terminal most answers of one key need no Enter, so the keys are the most it takes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.book.guide import effort, walk_in_a_checkout  # noqa: E402

GUIDE = ROOT / "book" / "methods" / "add-a-trial.md"
RESULTS = ROOT / "benchmarks" / "results" / "guide.json"


def main() -> None:
    """Walk the page, and keep what it took."""
    page = GUIDE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="cordbook-guide-") as folder:
        walked = walk_in_a_checkout(page, Path(folder), timeout=3600)
    found = effort(page, walked.printed)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in found.items() if name != "steps"}, indent=1))
    for step in walked.printed:
        print(f"{step.seconds:8.1f} s  {step.asked:3} prompts  {step.commands.splitlines()[0]}")


if __name__ == "__main__":
    main()
