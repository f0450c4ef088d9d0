"""``cordbook cite``: the book, a release, one number or one study, ready to paste."""

from __future__ import annotations

import argparse
import sys

from cordbook.errors import UsageError

#: As in ``cordbook.review.citation.formats``; named here so that help needs no pandas.
FORMATS = ("text", "apa", "bibtex", "ris", "csl-json")


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "cite",
        help="a citation of the book, a release, one number or one study",
        description="Print a citation: of the book, of one estimate with its interval and counts, or of the report of a study. "
        "With --release it is what that version said, which never changes; without it, what the working tree says today.",
        epilog="Example: cordbook cite ais-improved-cell-therapy --release 0.1.0 --format bibtex. "
        "Exit code 0: cited; 1: no such estimate or study, near ones are named; 2: no such release, or the data cannot be read.",
    )
    parser.add_argument("id", metavar="ESTIMATE|STUDY", nargs="?", help="the id of an estimate or of a study (default: the book)")
    parser.add_argument("--release", metavar="X.Y.Z", help="cite this release (default: the working tree)")
    parser.add_argument(
        "--pool-anyway",
        action="store_true",
        help="of the working tree: the average also where the review shows studies side by side",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text, one line to put behind a sentence")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.evidence.evidence import load_evidence
    from cordbook.review.citation.citations import cite_book, cite_release, cite_today
    from cordbook.review.citation.edition import edition_of_release, edition_of_tree
    from cordbook.review.citation.formats import FORMATS as WRITERS
    from cordbook.review.estimates.estimates import load_estimates
    from cordbook.review.versions.releases import Version, read_release

    root = find_project().root
    if options.release and options.pool_anyway:
        raise UsageError("--pool-anyway needs the data: a release keeps only what it reported. Leave out --release.")
    if options.release:
        edition = edition_of_release(root, Version.parse(options.release))
    else:
        edition = edition_of_tree(root)
    if options.id is None:
        found = cite_book(edition)
    elif options.release:
        found = cite_release(read_release(root, options.release), load_evidence(root / "data"), edition, options.id)
    else:
        found = cite_today(load_estimates(root), edition, options.id, pool_anyway=options.pool_anyway)
    if not edition.released:
        print(
            "cordbook cite: this is the working tree, which is not released and may change. "
            "Where others must find the same, cite a release: --release X.Y.Z",
            file=sys.stderr,
        )
    sys.stdout.write(WRITERS[options.format](found))
    return 0
