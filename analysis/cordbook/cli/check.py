"""``cordbook check``: revalidate the whole book."""

from __future__ import annotations

import argparse
import sys


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "check",
        help="check that the built book is what a clean run gives",
        description="Validate the data, judge every guard, execute every chapter afresh and compare it with what is stored, and "
        "compare the numbers and alternative texts of the built pages with today's estimates. Changes nothing.",
        epilog="Exit code 0: all is well. 1: problems, each with what to do.",
    )
    parser.add_argument("--no-rerun", action="store_true", help="do not execute the chapters")
    parser.add_argument("--quiet", action="store_true", help="print problems and the last line only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import NoProject, find_project
    from cordbook.evidence import Unreadable
    from cordbook.publish.build.check import check
    from cordbook.review.estimates.declarations import DeclarationError
    from cordbook.review.estimates.selection import SelectionError

    def say(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    try:
        found = check(find_project(), report=say, rerun=not options.no_rerun)
    except (NoProject, Unreadable, DeclarationError, SelectionError) as error:
        print(f"cordbook check: {error}", file=sys.stderr)
        return 1
    for problem in found.problems:
        print(problem, file=sys.stderr)
    verdict = f"{len(found.problems)} problem(s)" if found.problems else "all is well"
    print(
        f"{found.chapters} chapters executed, {found.guards} guards, {found.estimates} estimates, {found.pages} pages: {verdict}"
    )
    return 1 if found.problems else 0
