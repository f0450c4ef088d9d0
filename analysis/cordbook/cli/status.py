"""``cordbook status``: what is stale and why, which estimates move, which guards would break, which wordings change."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

FRESH, STALE, FAILED = 0, 1, 2


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "status",
        help="what a build would change, and why",
        description="Compare today's data with the last good build: stale chapters with the rows that made them so, estimates "
        "that move, guards that would break, wordings that change. Builds nothing.",
        epilog="Exit code 0, with --exit-code 1 where there is something to build; 2: the data cannot be used.",
    )
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="how to print it (default: text)")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 where there is something to build")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it to a file instead")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="another checkout to compare estimates and data with, instead of the last good build here",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.build.status import status
    from cordbook.publish.freshness.snapshot import of_checkout

    found = status(find_project(), of_checkout(find_project(options.against)) if options.against else None)
    if options.format == "json":
        text = json.dumps(found.to_dict(), indent=1, ensure_ascii=False)
    else:
        text = found.as_markdown() if options.format == "markdown" else found.as_text()
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    if found.errors:
        return FAILED
    return STALE if options.exit_code and (found.stale or not found.fresh) else FRESH
