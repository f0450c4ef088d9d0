"""``cordbook import``: take in exports of databases."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path

from cordbook.errors import CordbookError, UsageError, refused

DONE, INCOMPLETE = 0, 1
#: Rejects are named one by one up to here; all of them stand in the file of rejects.
SHOWN = 10
#: What records may lack, as it is called; so many tags or columns that were not used are named.
WORDS = {"authors": "authors", "year": "year", "container": "journal", "doi": "DOI", "abstract": "abstract"}
NAMED = 20
#: Bytes of a file that takes seconds to read, so that it is named first.
LARGE = 2_000_000


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "import",
        help="take in records exported from a database",
        description="Take in exports: RIS, NBIB, BibTeX, EndNote (XML and tagged), PubMed XML, RefWorks, NoteExpress, text of CNKI, "
        "Cochrane and Web of Science, CSV and TSV. Format and encoding are found out. What cannot be read is named by line "
        "and written to a file of rejects, which can be mended and imported; the rest goes in. What the records lack and what "
        "of the file was not used is said. A file imported again adds nothing.",
        epilog="Exit code 0: everything is in. 1: something was rejected, a file could not be read, or does not hold as many records as "
        "--records says. 2: wrong use.",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="an export, as the database gave it")
    parser.add_argument("--strategy", default="", help="key of the saved search that gave it, of search_strategies.csv")
    parser.add_argument("--source", default="", help="name of the database, where the records do not say it")
    parser.add_argument("--searched-on", type=_day, metavar="DATE", help="day of the search (default: today)")
    parser.add_argument("--by", metavar="NAME", default="", help="who searched (default: CORDBOOK_REVIEWER, else the program)")
    parser.add_argument(
        "--records",
        type=_count,
        metavar="N",
        help="how many records the database said it gave; a file that holds fewer or more is reported",
    )
    parser.add_argument("--form", default="", help="format, where it is not found out")
    parser.add_argument("--encoding", default="", help="encoding, where it is not found out")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run, exit_codes={CordbookError: 2})


def run(options: argparse.Namespace) -> int:
    import codecs

    from cordbook.cli.people import who
    from cordbook.core.project import find_project
    from cordbook.intake.imports.importing import CannotImport, import_file, known_strategy
    from cordbook.intake.imports.parsers import FORMATS
    from cordbook.intake.records.store import Busy
    from cordbook.intake.records.untrusted_text import one_line

    if options.form and options.form not in FORMATS:
        raise UsageError(f"no format {options.form!r}. There are: {', '.join(FORMATS)}")
    if options.records is not None and len(options.files) > 1:
        raise UsageError("--records says how many one file holds; import the files one by one")
    try:
        codecs.lookup(options.encoding or "utf-8")
    except LookupError:
        raise UsageError(f"no encoding is called {options.encoding!r}; try utf-8, gb18030 or latin-1") from None
    project = find_project()
    if options.strategy:
        known_strategy(project, options.strategy)
    code, done = DONE, []
    for path in options.files:
        try:
            if path.stat().st_size > LARGE:
                print(f"Reading {one_line(path.name)} ...", file=sys.stderr, flush=True)
            imported = import_file(
                project,
                path,
                date.today().isoformat(),
                who(options.by),
                strategy=options.strategy,
                searched_on=options.searched_on or "",
                promised=options.records,
                form=options.form,
                encoding=options.encoding,
                source=options.source,
            )
        except (CannotImport, Busy, OSError) as error:  # the other files are still taken in
            told = str(error) if isinstance(error, CordbookError) else refused(error)
            print(f"cordbook import: {one_line(told)}", file=sys.stderr)
            code = INCOMPLETE
            continue
        done.append(imported)
        code = DONE if imported.whole and code == DONE else INCOMPLETE
        if not options.json:
            print(_report(imported))
    if options.json:
        print(json.dumps([asdict(i) | {"rejects_file": str(i.rejects_file or "")} for i in done], indent=2))
    elif any(i.new for i in done):
        print("\nNext: cordbook dedupe")
    return code


def _report(done) -> str:
    from cordbook.intake.records.untrusted_text import one_line

    differs = done.promised is not None and done.promised != done.seen
    short = f"  The database gave {done.promised} records, the file holds {done.seen}: export it again, and import that file."
    if not done.seen and not done.rejects:
        if done.mended:
            return f"{one_line(done.file)}: no record is left in it; its search is looked at again: {done.search_id}"
        return f"{one_line(done.file)}: empty, nothing to take in" + (f"\n{short}" if differs else "")
    lines = [
        f"{one_line(done.file)} ({done.form}, {done.encoding}, {done.source or 'source unknown'}): {done.seen} seen, "
        f"{len(done.new)} new, {done.known} known already, {len(done.rejects)} rejected"
    ]
    if taken := len(done.new) + done.known:
        lines.append(f"  {_told(done, taken)}")
    lines += [f"  line {r.first}: {one_line(r.why)}: {one_line(r.text)[:80]}" for r in done.rejects[:SHOWN]]
    if len(done.rejects) > SHOWN:
        lines.append(f"  and {len(done.rejects) - SHOWN} more")
    if done.rejects_file:
        lines.append(f"  Mend them and import that file: {done.rejects_file}")
    if differs:
        lines.append(short)
    return "\n".join(lines)


def _told(done, taken: int) -> str:
    """What the records lack, and what of the file was not used, in a line."""
    from cordbook.intake.records.untrusted_text import one_line

    lacking = [f"{done.having[name]:,} with {word}" for name, word in WORDS.items() if done.having[name] < taken]
    said = f"{taken:,} record{'s' * (taken != 1)}: " + (", ".join(lacking) or f"each with {', '.join(WORDS.values())}")
    names = [one_line(name)[:40] for name in done.unused]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return said + (f"; {done.unit} not used: {', '.join(names[:NAMED])}{more}" if names else "")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of records; write it as 412")
    return int(text)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid date; write it as 2026-11-20") from None
