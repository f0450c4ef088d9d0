"""``cordbook diff``: two versions compared, estimate by estimate, with the cause of every change."""

from __future__ import annotations

import argparse
import json

SAME, DIFFERENT = 0, 1


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "diff",
        help="compare two releases, or a release with the working tree",
        description="Compare two versions estimate by estimate: old, new, change, whether a conclusion changed, and the cause: "
        "rows added, removed or corrected, or a setting.",
        epilog="Exit code 0; with --exit-code 1 where something differs. 2: a version cannot be read. "
        "Example: cordbook diff 0.1.0 0.2.0",
    )
    parser.add_argument("old", metavar="A", nargs="?", help="a version, or tree (default: the last release)")
    parser.add_argument(
        "new", metavar="B", nargs="?", default="tree", help="a version, or tree for the working tree (the default)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with all numbers, rows and causes")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 where something differs")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.release.revision import last_version, revision
    from cordbook.review.versions.diff import compare
    from cordbook.review.versions.words import as_table

    project = find_project()
    old, new = revision(project, options.old or last_version(project)), revision(project, options.new)
    found = compare(old.frozen, new.frozen)
    if options.json:
        print(json.dumps({"old": old.name, "new": new.name, **found.to_dict()}, indent=1, ensure_ascii=False))
    else:
        print(as_table(found, old.name, new.name))
    return DIFFERENT if options.exit_code and not found.is_empty else SAME
