"""``cordbook new``: a new review of any subject, and the way out of its invented examples."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from cordbook.errors import CordbookError

EXAMPLE = (
    'Example: cordbook new falls --title "Exercise therapy and falls" '
    '--question "Does exercise therapy prevent falls in older adults?" --author "Lovelace, Ada". '
    "Exit code 0: made; 2: refused, nothing was written, and the message says what to do."
)


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "new",
        help="make a new review of any subject in a folder",
        description="Make a small, complete living review in a folder that is empty or not there yet: tables under their schema, "
        "a landing page, a chapter, methods pages, a protocol, and `make book` and `make test`, which pass at once. "
        "It begins with three invented studies, named as such on every page; --clear-examples takes them out.",
        epilog=EXAMPLE,
    )
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", type=Path, help="the folder; with --clear-examples the review (default: this one)"
    )
    parser.add_argument("--title", help="the title of the review, on one line")
    parser.add_argument("--question", help="the question that it answers, on one line")
    parser.add_argument(
        "--author",
        metavar="NAME",
        action="append",
        default=[],
        help='"Family, Given" for a person, "Name of the group," for a group; once for each author',
    )
    parser.add_argument("--name", default="", help="short name in citations and names of files (default: the name of the folder)")
    parser.add_argument(
        "--clear-examples", action="store_true", help="take the invented studies out of a review, and what pages say of them"
    )
    parser.set_defaults(run=run, exit_codes={CordbookError: 2})


def run(options: argparse.Namespace) -> int:
    return _clear(options) if options.clear_examples else _create(options)


def _create(options: argparse.Namespace) -> int:
    from cordbook.publish.starting.create import About, Author, NewReviewError, create

    wanted = (("DIR", options.folder), ("--title", options.title), ("--question", options.question))
    if missing := [name for name, value in wanted if value is None]:
        raise NewReviewError(f"{' and '.join(missing)} missing. {EXAMPLE.partition(' Exit')[0]}")
    authors = tuple(Author.parse(text) for text in options.author)
    files = create(options.folder, About(options.title, options.question, authors, options.name))
    print(
        f"\nA new review: {options.folder} ({len(files)} files)\n\n"
        "Next:\n"
        f"  cd {shlex.quote(str(options.folder))}\n"
        "  make book                      # then open _build/html/index.html\n"
        "  make test                      # validate, build, check, run the tests\n"
        "  cordbook new --clear-examples  # take the three invented studies out\n"
        "README.md says how to go on; put the folder under git before you change it."
    )
    return 0


def _clear(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.starting.examples import clear_examples

    cleared = clear_examples(find_project(options.folder))
    if not cleared.files:
        print("There are no invented examples here; nothing was changed.")
        return 0
    print(
        f"{len(cleared.studies)} invented studies taken out, {cleared.rows} rows in all. Changed:\n"
        + "".join(f"  {path}\n" for path in cleared.files)
        + "Next: name what you count in data/outcome_terms.csv, declare an estimate in data/syntheses.yml, then: make book"
    )
    return 0
