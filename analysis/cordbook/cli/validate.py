"""``cordbook validate``: check the tables, report all problems at once."""

from __future__ import annotations

import argparse
from pathlib import Path

from cordbook.evidence.problems import as_json
from cordbook.evidence.reading import find_data_dir
from cordbook.evidence.schema import Unreadable

CLEAN, ERRORS, UNREADABLE = 0, 1, 2


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``cordbook``."""
    parser = subparsers.add_parser(
        "validate",
        help="check the data: schema and meaning",
        description="Check every table; report all problems at once with file, row, column, value, rule and remedy.",
        epilog="Exit code 0: no errors (warnings may remain). 1: errors. 2: the data cannot be read.",
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        type=Path,
        help="folder with datapackage.json (default: data/ of the project)",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report; return the exit code."""
    from cordbook.review.reporting.declared_files import validate_all

    try:
        report = validate_all(args.folder or find_data_dir())
    except Unreadable as unreadable:
        if not args.json:
            raise
        print(as_json(unreadable.problems))  # a program that asked for JSON gets it
        return UNREADABLE
    print(report.as_json() if args.json else report.as_text())
    return ERRORS if report.errors else CLEAN
