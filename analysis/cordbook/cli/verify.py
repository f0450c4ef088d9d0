"""``cordbook verify``: is a release still what was released?"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from cordbook.errors import CordbookError

WHOLE, CHANGED = 0, 1


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "verify",
        help="check a release or an archive byte by byte, and compute its estimates anew",
        description="Check every hash of a release or an archive, and compute every estimate anew from the archived data with "
        "the archived settings. Says which file or number is not as it was released.",
        epilog="Exit code 0: as released. 1: something differs; each place is named. 2: there is nothing to verify.",
    )
    parser.add_argument("release", metavar="RELEASE_OR_ZIP", help="a version (0.1.0), an archive (a zip file) or an unpacked one")
    parser.add_argument("--hashes-only", action="store_true", help="compare bytes only; compute nothing")
    parser.add_argument(
        "--own-code",
        action="store_true",
        help="compute with the package in the archive instead of this one; this runs code from it, so only where you trust it",
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--quiet", action="store_true", help="print problems and the last line only")
    parser.set_defaults(run=run, exit_codes={CordbookError: 2, OSError: 2})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import NoProject, find_project
    from cordbook.publish.release.verify import verify

    def say(line: str) -> None:
        if not (options.quiet or options.json):
            print(line, flush=True)

    try:
        root = find_project().root
    except NoProject:  # an archive can be verified anywhere
        root = None
    found = verify(options.release, root, recompute=not options.hashes_only, own_code=options.own_code, report=say)
    if options.json:
        print(json.dumps(asdict(found), indent=1, ensure_ascii=False))
    else:
        for problem in found.problems:
            print(problem.describe(), file=sys.stderr)
        computed = f", {found.estimates} estimates computed anew with {found.computed_with}" if found.computed_with else ""
        verdict = f"{len(found.problems)} difference(s)" if found.problems else "as it was released"
        print(f"{found.source}, version {found.version}: {found.files} files{computed}: {verdict}")
    return CHANGED if found.problems else WHOLE
