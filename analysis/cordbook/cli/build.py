"""``cordbook build``: validate, compute, execute what is stale, write the book."""

from __future__ import annotations

import argparse
import atexit
import gc
import sys

from cordbook.errors import CordbookError


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "build",
        help="build the book into _build/html",
        description="Validate the data, compute the estimates, execute the chapters that are stale and write the book.",
    )
    parser.add_argument("--force", action="store_true", help="execute every chapter, stale or not")
    parser.add_argument(
        "--allow-broken-guards",
        action="store_true",
        help="publish although sentences no longer match the numbers; each is marked in its page",
    )
    parser.add_argument("--watch", action="store_true", help="build again after every save, and show the book on this machine")
    parser.add_argument("--port", type=int, default=8000, help="where --watch shows it (default: 8000)")
    parser.set_defaults(run=run, exit_codes={CordbookError: 1})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.build.build import build

    # When the process ends it need not look through all that it made for garbage.
    atexit.register(gc.freeze)
    project = find_project()
    if options.watch:
        from cordbook.publish.build.watch import watch

        watch(project, port=options.port, allow_broken_guards=options.allow_broken_guards)
        return 0
    built = build(project, force=options.force, allow_broken_guards=options.allow_broken_guards)
    done = (
        "nothing has changed" if built.unchanged else f"{len(built.executed)} chapter(s) executed, {built.pages} page(s) written"
    )
    print(
        f"\nThe book: {built.index}\n"
        f"  {built.studies} studies, {built.counts} outcome counts, {built.estimates} estimates\n"
        f"  {done}; {built.seconds:.1f} s"
    )
    if built.broken_guards:
        print(f"  {built.broken_guards} sentence(s) no longer match the numbers; they are marked in their pages", file=sys.stderr)
    return 0
