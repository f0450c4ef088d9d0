"""``cordbook archive``: make the archive of a release again from the files of its commit."""

from __future__ import annotations

import argparse

from cordbook.errors import CordbookError


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "archive",
        help="make the archive of a release again, with the same bytes",
        description="Build the book of a release from the files of its commit, whatever is checked out, and write "
        "dist/NAME-X.Y.Z.zip: the bytes that cordbook release wrote, with the locked packages. No tag is needed.",
        epilog="Exit code 1: no commit of this clone is that release; every difference is listed.",
    )
    parser.add_argument("version", metavar="X.Y.Z", help="a version in releases/")
    parser.set_defaults(run=run, exit_codes={CordbookError: 1})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.release.archive import archive
    from cordbook.review.versions.releases import Version

    made = archive(find_project(), Version.parse(options.version))
    print(f"{made.path}\n  {made.size:,} bytes, SHA-256 {made.sha256}")
    return 0
