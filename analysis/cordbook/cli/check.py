"""``cordbook check``: revalidate the whole book."""

from __future__ import annotations

import argparse
import sys

from cordbook.errors import CordbookError


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
    parser.set_defaults(run=run, exit_codes={CordbookError: 1})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.build.check import check

    def say(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    found = check(find_project(), report=say, rerun=not options.no_rerun)
    for problem in found.problems:
        print(problem, file=sys.stderr)
    verdict = f"{len(found.problems)} problem(s)" if found.problems else "all is well"
    print(
        f"{found.chapters} chapters executed, {found.guards} guards, {found.estimates} estimates, {found.pages} pages: {verdict}"
    )
    return 1 if found.problems else 0
