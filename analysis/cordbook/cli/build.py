"""``cordbook build``: validate, compute, execute what is stale, write the book."""

from __future__ import annotations

import argparse
import sys


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "build",
        help="build the book into _build/html",
        description="Validate the data, compute the estimates, execute the chapters that are stale and write the book.",
    )
    parser.add_argument("--force", action="store_true", help="execute every chapter, stale or not")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.evidence import Unreadable
    from cordbook.project import NoProject, find_project
    from cordbook.publish.build import BuildFailed, build
    from cordbook.publish.chapters import ChapterFailed
    from cordbook.review.declarations import DeclarationError
    from cordbook.review.selection import SelectionError

    try:
        built = build(find_project(), force=options.force)
    except (NoProject, BuildFailed, ChapterFailed, DeclarationError, SelectionError, Unreadable) as error:
        print(f"cordbook build: {error}", file=sys.stderr)
        return 1
    print(
        f"\nThe book: {built.index}\n"
        f"  {built.studies} studies, {built.cells} outcome cells, {built.estimates} estimates\n"
        f"  {len(built.executed)} chapter(s) executed; {built.seconds:.0f} s"
    )
    return 0
