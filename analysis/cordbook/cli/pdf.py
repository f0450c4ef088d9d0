"""``cordbook pdf``: the book as a PDF, for print and archives."""

from __future__ import annotations

import argparse
from pathlib import Path

from cordbook.errors import InputError, UsageError


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "pdf",
        help="the book as a PDF, for print and archives",
        description="Print the built book with Chromium: a title page with the citation, contents, every chapter and the "
        "methods, with bookmarks and numbered sheets. Folded parts are open; the explorer and navigation are left out.",
        epilog="Exit code 0: printed; 1: the book is not built or Chromium failed; 2: no Chromium, no project, or wrong usage.",
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="where to (default: dist/NAME-VERSION.pdf)")
    parser.add_argument("--with-studies", action="store_true", help="print the pages of all estimates and studies too")
    parser.add_argument("--chromium", metavar="PROGRAM", help="the Chromium or Chrome to use (default: the first on the path)")
    parser.set_defaults(run=run, exit_codes={InputError: 1})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.hosting.pdf import print_pdf

    target = options.output.resolve() if options.output else None
    if target and target.is_dir():
        raise UsageError(f"{options.output} is a folder; name a file")
    made = print_pdf(find_project(), target, chromium=options.chromium, with_studies=options.with_studies)
    print(f"{made.path}\n  {made.chapters} chapters on {made.sheets:,} sheets, {made.size / 1e6:.1f} MB")
    return 0
