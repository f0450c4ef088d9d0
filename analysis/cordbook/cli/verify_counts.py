"""``cordbook verify-counts``: people look extracted counts up in their sources, the most influential first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from cordbook.cli.people import person_or_none
from cordbook.cli.terminal import BACK, Ended, Terminal, terminal
from cordbook.core.columns import aligned
from cordbook.core.project import Project, find_project
from cordbook.core.store import store_of
from cordbook.errors import CordbookError, UsageError
from cordbook.evidence.schema import load_package
from cordbook.intake.extraction.percent import counts_for_percent, is_percent
from cordbook.intake.extraction.readings import reader_name, same_person
from cordbook.intake.extraction.verify import Finding, NotVerified, verify
from cordbook.intake.records import transaction
from cordbook.intake.records.store import Row, read_rows
from cordbook.review.appraisal.extraction_audit import verified_weights
from cordbook.review.appraisal.main_results import counts_of_main_results, first_to_check
from cordbook.review.appraisal.verification_queue import VERIFIED, QueuedCount, counts_to_check, of_which
from cordbook.review.estimates.estimates import Estimates, load_estimates

DONE = 0
SHOWN = 20
#: Where sheets are written if no place is named.
FOLDER = "verification-sheets"
KEYS = {"c": "it stands", "w": "it is wrong", "s": "skip", "b": "the count before", "?": "help", "q": "quit"}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``cordbook``."""
    parser = subparsers.add_parser(
        "verify-counts",
        help="look extracted counts up in their sources",
        description=(
            "Shows one count after the other with its source, the most influential first: weight in its estimate, low "
            "confidence, read once. You look it up and say whether it stands. Each finding is on disk at once: who, when, "
            "what was read. A wrong count is corrected after you have seen what changes: the data with it are validated, "
            "and written atomically (all or nothing); corrections.csv keeps the old value, extractions.csv both readings."
        ),
        epilog="Exit code 0: done or stopped. 2: no project, wrong use, nobody to ask, or the data cannot be read.",
    )
    parser.add_argument("--as", dest="person", metavar="NAME", default="", help="who checks (default: CORDBOOK_REVIEWER)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--study", metavar="ID", help="only the counts of a study")
    which.add_argument("--estimate", metavar="ID", help="only the counts behind an estimate")
    which.add_argument("--count", metavar="ID", help="only this count")
    which.add_argument("--cell", dest="count", help=argparse.SUPPRESS)  # as it was called up to version 0.2
    which.add_argument(
        "--first", action="store_true", help="only the counts to check first: those that carry most of the main results"
    )
    parser.add_argument("--again", action="store_true", help="also counts that a person has checked")
    parser.add_argument("--list", action="store_true", help="print the queue and how far it is; ask nothing")
    parser.add_argument(
        "--sheet", metavar="PLACE", nargs="?", type=Path, const=Path(FOLDER),
        help=f"write sheets to check on paper or phone: a folder with a page per study, or a .html or .csv file (default: {FOLDER})",
    )  # fmt: skip
    parser.add_argument(
        "--in", dest="answers", metavar="FILE", type=Path, help="take in the answers of a filled-in sheet, all or none"
    )
    parser.add_argument("--json", action="store_true", help="with --list: the whole queue as JSON")
    parser.set_defaults(run=run, exit_codes={CordbookError: 2})


@dataclass(frozen=True, slots=True)
class Session:
    """One person who checks; what is shown of counts is looked up in the evidence as it was at the start."""

    project: Project
    estimates: Estimates
    person: str

    def count(self, cell_id: str) -> Row:
        """The count as it stands in the table now."""
        return next(row for row in read_rows(self.project.data, "outcomes") if row["cell_id"] == cell_id)

    def read_before(self) -> set[str]:
        """Counts that this person extracted."""
        rows = read_rows(self.project.data, "extractions")
        return {row["cell_id"] for row in rows if row["reader"] and same_person(row["reader"], self.person)}


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    if args.json and not args.list:
        raise UsageError("--json goes with --list")
    if sum((args.list, args.sheet is not None, args.answers is not None)) > 1:
        raise UsageError("--list, --sheet and --in are three ways: give one of them")
    project = find_project()
    transaction.finish(project.kept)
    if args.answers:
        from cordbook.cli.verify_sheets import take_sheet

        take_sheet(args.answers, project, person_or_none(args.person) or "")
        return DONE
    estimates = load_estimates(project.root, store_of(project))
    counts = of_which(counts_to_check(estimates), estimates, study=args.study, estimate=args.estimate, count=args.count)
    first = first_to_check(estimates) if args.first else None
    if first:
        counts = counts_of_main_results(estimates)
    waiting = [c for c in counts if args.again or c.state != VERIFIED]
    if first and not args.again:
        waiting = list(first.counts)
    if args.json:
        print(json.dumps([asdict(c) for c in waiting], indent=1, ensure_ascii=False))
        return DONE
    if not counts:
        print("There is no count to check yet. A study enters the tables with cordbook extract and cordbook reconcile.")
        return DONE
    if args.list:
        _list(counts, waiting, estimates)
        if first:
            from cordbook.display.tables.method_tables import carried_sentence

            print(carried_sentence(len(first.counts), first.results))
        return DONE
    if args.sheet:
        from cordbook.cli.verify_sheets import write_sheets

        write_sheets(args.sheet, estimates, waiting)
        return DONE
    person = person_or_none(args.person)
    if person is None:
        raise UsageError("say who checks: --as NAME, or set CORDBOOK_REVIEWER")
    return _ask_all(Session(project, estimates, reader_name(person)), waiting, terminal())


def _list(counts: Sequence[QueuedCount], waiting: Sequence[QueuedCount], estimates: Estimates) -> None:
    rows = [("count", "weight", "in the estimate", "confidence", "state")]
    rows += [
        (c.cell_id, f"{c.weight:.0%}" if c.estimate else "-", c.estimate or "none", c.confidence, c.state)
        for c in waiting[:SHOWN]
    ]
    if waiting:
        print(aligned(rows))
        print(f"\nand {len(waiting) - SHOWN:,} more (--json prints all)\n" if len(waiting) > SHOWN else "")
    print(_progress(counts))
    shares = [w.share for w in verified_weights(estimates)]
    some = sum(share > 0 for share in shares)
    if some:
        print(f"{some} of {len(shares)} estimates rest on checked counts at least in part.")
    elif shares:
        print(f"None of {len(shares)} estimates rests on a checked count.")


def _progress(counts: Sequence[QueuedCount]) -> str:
    done = sum(c.state == VERIFIED for c in counts)
    share = f"{done / len(counts):.0%}"
    # Rounding must hide neither the first nor the last count.
    share = "under 1%" if done and share == "0%" else "over 99%" if done < len(counts) and share == "100%" else share
    return f"{done:,} of {len(counts):,} counts ({share}) have been checked by a person."


def _ask_all(session: Session, waiting: list[QueuedCount], asked: Terminal) -> int:
    own = session.read_before()
    skipped = sum(c.cell_id in own for c in waiting)
    waiting = [c for c in waiting if c.cell_id not in own]
    if skipped:
        asked.print(f"{skipped:,} counts that you read yourself are left out: another person checks them.")
    if not waiting:
        asked.print("No count waits to be checked. To look at checked ones again: --again")
        return DONE
    at = done = 0
    source = ""
    pressed = ""
    try:
        while at < len(waiting):
            _show(session, waiting[at], f"{at + 1} of {len(waiting):,}", asked)
            keys = "cws" + ("b" if at else "") + "?q"
            pressed = asked.key("  ".join(f"[{k}] {KEYS[k]}" for k in keys) + " >", keys)
            if pressed == "q":
                raise Ended
            if pressed == "?":
                _help(session, asked)
            elif pressed in "sb":
                at += 1 if pressed == "s" else -1
            elif found := _finding(session, waiting[at], pressed == "w", source, asked):
                source = found.source_read
                done += 1
                at += 1
    except Ended:
        asked.print()
        if not pressed and not sys.stdin.isatty():
            raise UsageError("nobody answers: this is not a terminal. The queue: cordbook verify-counts --list") from None
    asked.print(f"{done:,} checked, {len(waiting) - done:,} wait. Every finding is kept.")
    return DONE


def _help(session: Session, asked: Terminal) -> None:
    asked.print()
    asked.show(
        "Open the report and find the count. c: events and patients are as shown. w: they are not; you type what you read."
    )
    asked.show(
        "s: you cannot get at the report, or cannot find the count; nothing is written and the count waits on. b: the count before. < at a line: back to this choice."
    )
    table = load_package(session.project.data).table("verifications")
    for column in table.fields:
        asked.show(f"{column.name}: {column.description}", indent="  ")


def _finding(session: Session, c: QueuedCount, wrong: bool, source: str, asked: Terminal) -> Finding | None:
    """Ask what was read and write it; None where it was refused or taken back."""
    try:
        return _asked_finding(session, c, wrong, source, asked)
    except _Back:
        return None


def _asked_finding(session: Session, c: QueuedCount, wrong: bool, source: str, asked: Terminal) -> Finding | None:
    count = session.count(c.cell_id)
    prompt = f"What did you read: document, page or table, its words{f' [{source}]' if source else ''} >"
    read = _line(prompt, asked, blank=bool(source)) or source
    events, n, note = int(count["events"]), int(count["n"]), ""
    if wrong:
        n = _number("Patients that you read (< back) >", asked)
        events = _number("Events that you read, or a percent such as 43.8% >", asked, of=n)
        note = _line("What was wrong >", asked, blank=False)
        if not _agreed(session, c, count, events, n, asked):
            return None
    finding = Finding(c.cell_id, session.person, read, events, n, note)
    try:
        verdict = verify(
            session.project.data, session.project.kept, finding, (count["events"], count["n"]), date.today().isoformat()
        )
    except NotVerified as error:
        asked.show(str(error), indent="  ! ")
        return None
    asked.print(f"  {verdict}: {events} of {n}")
    return finding


def _agreed(session: Session, c: QueuedCount, count: Row, events: int, n: int, asked: Terminal) -> bool:
    """Show what a correction changes, and ask whether to write it."""
    if (count["events"], count["n"]) == (str(events), str(n)):
        return True
    asked.print(f"  outcomes.csv: {count['events']} of {count['n']} becomes {events} of {n}")
    asked.show("corrections.csv keeps the old value with your reason; both readings stay in extractions.csv.", indent="  ")
    holding = [e.id for e in session.estimates if e.synthesis.parent is None and c.cell_id in e.count_ids]
    if holding:
        asked.show(f"Estimates that hold it: {', '.join(holding)}. What moves: cordbook status", indent="  ")
    return asked.key("Write it? [y] yes [n] no >", "yn") == "y"


class _Back(Exception):
    """The person goes back to the choice for this count."""


def _line(prompt: str, asked: Terminal, *, blank: bool = True) -> str:
    """A line, which may be ``blank`` where that is an answer; < goes back (:class:`_Back`)."""
    text = asked.line(prompt) if blank else asked.text(prompt)
    if text == BACK:
        raise _Back
    return text


def _number(prompt: str, asked: Terminal, of: int | None = None) -> int:
    """A whole number, or the count that a percent of ``of`` patients stands for; no more than ``of``, where that is given."""
    while True:
        text = _line(prompt, asked)
        if of is not None and is_percent(text):
            try:
                found = counts_for_percent(text, of)
            except ValueError as error:
                asked.show(str(error), indent="  ! ")
                continue
            asked.show(found.why, indent="  ")
            if found.count is not None and asked.key("Take it? [y] yes [n] no >", "yn") == "y":
                return found.count
        elif text.isascii() and text.isdigit() and len(text) < 10:
            if of is None or int(text) <= of:
                return int(text)
            asked.print(f"  ! {int(text)} events in {of} patients: events are no more than patients. Again, or < to begin anew.")
        else:
            asked.print("  ! A whole number.")


def _show(session: Session, c: QueuedCount, place: str, asked: Terminal) -> None:
    evidence = session.estimates.evidence
    count = session.count(c.cell_id)
    reference = evidence["references"].set_index("reference_id").loc[c.study_id]
    term = evidence["outcome_terms"].set_index("outcome").loc[count["outcome"]]
    asked.print()
    asked.print(f"{place}   {c.cell_id}")
    weight = f"{c.weight:.0%} of the weight of {c.estimate}" if c.estimate else "in no estimate"
    asked.show(f"{weight}, confidence {c.confidence}, {c.state}")
    asked.show(". ".join(_known(reference[["title", "journal"]])) or "title not seen", indent="  ")
    addresses = [
        f"{name} {reference[column]}"
        for column, name in (("doi", "doi"), ("pmid", "PubMed"), ("pmcid", ""))
        if _known([reference[column]])
    ]
    own = count["source_url"]
    asked.show(
        " · ".join([*addresses, *([] if any(own.endswith(a.partition(" ")[2]) for a in addresses) else [own])]), indent="  "
    )
    asked.show(f"Read in: {count['source_kind'].replace('_', ' ')}, {count['locator'] or 'place not noted'}", indent="  ")
    asked.print()
    who = f"arm {count['arm_id'].partition('.')[2]}{', ' + count['stratum'] if count['stratum'] else ''}"
    when = f"{count['timepoint_months']} months" if count["timepoint_months"] else "time not told"
    asked.show(f"{term['label']} ({term['definition']}) in {who}, {when}")
    if count["definition"]:
        asked.show(f"Counted: {count['definition']}", indent="  ")
    if count["note"]:
        asked.show(f"Note: {count['note']}", indent="  ")
    asked.print(f"  {count['events']} of {count['n']}")


def _known(values: object) -> list[str]:
    return [str(v) for v in values if not pd.isna(v)]  # type: ignore[attr-defined]
