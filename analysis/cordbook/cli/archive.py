"""``cordbook archive``: make the archive of a release again from a clean checkout of its commit."""

from __future__ import annotations

import argparse

from cordbook.errors import CordbookError


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "archive",
        help="make the archive of a release again, with the same bytes",
        description="Build the book of a release from a clean checkout of its commit and write dist/cordbook-X.Y.Z.zip: the "
        "bytes that cordbook release wrote.",
        epilog="Exit code 1: this checkout is not that release; every difference is listed.",
    )
    parser.add_argument("version", metavar="X.Y.Z", help="the version of this checkout")
    parser.set_defaults(run=run, exit_codes={CordbookError: 1})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.release.archive import archive
    from cordbook.review.versions.releases import Version

    made = archive(find_project(), Version.parse(options.version))
    print(f"{made.path}\n  {made.size:,} bytes, SHA-256 {made.sha256}")
    return 0
