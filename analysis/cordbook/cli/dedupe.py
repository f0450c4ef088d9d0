"""``cordbook dedupe``: merge records that are one, ask about those that may be."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cordbook.cli.sheets import sheet_text, write_sheet
from cordbook.core.columns import aligned
from cordbook.errors import CordbookError, UsageError

if TYPE_CHECKING:
    from cordbook.cli.terminal import Terminal
    from cordbook.core.project import Project
    from cordbook.intake.dedupe.pairs import Pair
    from cordbook.intake.dedupe.store import Tables
    from cordbook.intake.records.record import Record

DONE = 0
#: Records that take seconds to compare, so that the command says what it does.
MANY = 2_000
KEYS, PROMPT = "sdubq", "s same   d different   u skip   b back   q stop"


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "dedupe",
        help="merge records that are one, ask about those that may be",
        description="Compare all records with each other and with the included studies. What is certain is merged; in a terminal "
        "the uncertain pairs are then asked one by one. Every decision is a row of data/record_merges.csv and can be taken back.",
        epilog="Exit code 0: done. 1: something was refused. 2: wrong use.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="print the uncertain pairs; change nothing")
    what.add_argument("--out", metavar="FILE", type=Path, help="write the uncertain pairs into a CSV file for a spreadsheet")
    what.add_argument("--in", dest="sheet", metavar="FILE", type=Path, help="take the decisions from such a file")
    what.add_argument("--undo", metavar="RECORD", help="take back the merge of this record into another")
    what.add_argument("--no-ask", action="store_true", help="merge what is certain and ask nothing")
    parser.add_argument("--by", metavar="NAME", default="", help="who decides (default: CORDBOOK_REVIEWER)")
    parser.set_defaults(run=run, exit_codes={CordbookError: 1, UsageError: 2})


def run(options: argparse.Namespace) -> int:
    import cordbook
    from cordbook.core.project import find_project
    from cordbook.intake.dedupe import sheet, store
    from cordbook.intake.records.store import read_rows
    from cordbook.intake.records.untrusted_text import one_line

    project = find_project()
    today = date.today().isoformat()
    person = " ".join(options.by.split()) or os.environ.get("CORDBOOK_REVIEWER", "").strip()
    if (options.sheet or options.undo) and not person:
        raise UsageError("say who decides: --by NAME, or set CORDBOOK_REVIEWER")
    if options.undo:
        row = store.undo(project, options.undo, person, today)
        print(f"{row['record_id']} stands for itself again; it is no longer the same as {store.target_of(row)}")
        return DONE
    if options.sheet:
        tables = store.load(project)
        with sheet_text(options.sheet) as text:
            found = sheet.decisions(text, tables)
        print(f"{store.decide_many(project, found, person, today)} decisions taken from {options.sheet}")
        return DONE
    if (size := len(read_rows(project.data, "records"))) > MANY:
        print(f"Comparing {size:,} records ...", file=sys.stderr, flush=True)
    result = store.run(project, f"cordbook {cordbook.__version__}", today, write=not (options.list or options.out))
    if options.out:
        write_sheet(options.out, sheet.sheet(result.uncertain, result.tables))
        print(
            f"{len(result.uncertain)} uncertain pairs in {options.out}: write same or different into the first column, then --in"
        )
        return DONE
    if options.list:
        for pair in result.uncertain:
            print(f"\n{pair.a}  {pair.b}  ({pair.score:.2f}: {pair.why})")
            print("\n".join(f"  {one_line(_line(result.tables.record(i)))}" for i in (pair.a, pair.b)))
        print(f"\n{len(result.merged)} merges are certain, {len(result.uncertain)} pairs are not")
        return DONE
    known = sum(bool(row["same_as_study"]) for row in result.merged)
    print(f"{len(result.tables.records)} records: {len(result.merged)} merged now, {known} of them with an included study")
    if not result.uncertain:
        print("No pair is uncertain.")
    elif options.no_ask or not sys.stdin.isatty():
        print(
            f"{len(result.uncertain)} pairs are uncertain: cordbook dedupe in a terminal asks them, "
            "--out writes them for a spreadsheet"
        )
    elif not person:
        print(f"{len(result.uncertain)} pairs are uncertain. Say who decides to be asked: --by NAME, or set CORDBOOK_REVIEWER")
    else:
        from cordbook.cli.terminal import terminal

        ask(project, result.uncertain, person, today, terminal())
    return DONE


def ask(project: Project, pairs: Sequence[Pair], by: str, today: str, asked: Terminal) -> int:
    """Ask pair by pair; each answer is written at once. Returns how many were decided."""
    from cordbook.cli.terminal import Ended
    from cordbook.intake.dedupe import store
    from cordbook.intake.dedupe.store import CannotMerge

    at, before = 0, {}
    while at < len(pairs):
        tables = store.load(project)
        pair = pairs[at]
        if store.together(tables, pair.a, pair.b):
            # Earlier answers have joined them already.
            at += 1
            continue
        asked.print(_shown(pair, tables, at + 1, len(pairs)))
        try:
            key = asked.key(f"{PROMPT} >", KEYS)
        except Ended:
            break
        if key == "q":
            break
        if key == "b" and at:
            at -= 1
            if at in before:
                store.take_back(project, before.pop(at))
        elif key == "u":
            at += 1
        elif key != "b":
            try:
                store.decide(project, pair.a, pair.b, key == "s", by, today, pair.score)
                before[at] = tables.merges
            except CannotMerge as error:  # told, and the next pair is asked
                asked.print(f"  {error}")
            at += 1
    asked.print(f"{len(before)} decided, {len(pairs) - len(before)} still open")
    return len(before)


def _shown(pair: Pair, tables: Tables, number: int, count: int) -> str:
    from cordbook.intake.dedupe.sheet import SHOWN
    from cordbook.intake.records.untrusted_text import one_line

    a, b = tables.record(pair.a), tables.record(pair.b)
    rows = [("", "", pair.a), ("", "", pair.b)]
    for name in SHOWN:
        x, y = one_line(getattr(a, name)), one_line(getattr(b, name))
        if x == y and x:
            rows.append(("", name, x))
        elif x or y:
            rows += [("≠", name, x or "-"), ("", "", y or "-")]
    return f"\n{number} of {count}: {pair.why} (titles {pair.score:.0%} alike)\n{aligned(rows, indent='   ')}"


def _line(record: Record) -> str:
    place = " ".join(filter(None, (record.container, record.volume, record.pages)))
    return "; ".join(filter(None, (record.title, record.authors.split(";")[0], record.year, place, record.doi)))
