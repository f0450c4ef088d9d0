"""``cordbook import-baseline``: the documented import of the baseline extraction into ``data/``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "import-baseline",
        help="turn the raw baseline extraction into the tables of data/",
        description="Turn data/raw/2026-11-20 (or another folder of that shape) into the tables of data/. "
        "Refuses to overwrite tables that have been edited since.",
    )
    parser.add_argument("folder", nargs="?", type=Path, help="folder with the raw tables (default: data/raw/2026-11-20)")
    parser.add_argument("--rules", action="store_true", help="print the rules of the import and stop")
    parser.add_argument("--force", action="store_true", help="overwrite edited tables; their edits are lost")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import NoProject, find_project
    from cordbook.intake.baseline import RULES, ImportRefused, import_baseline

    if options.rules:
        print("\n".join(f"{rule}: {text}" for rule, text in RULES.items()))
        return 0
    try:
        data = find_project().data
        counts = import_baseline(options.folder or data / "raw" / "2026-11-20", data, force=options.force)
    except (NoProject, FileNotFoundError, ImportRefused) as error:
        print(f"cordbook import-baseline: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"{name:20s} {rows:5d} rows" for name, rows in counts.items()))
    return 0
