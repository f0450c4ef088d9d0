"""``cordbook verify-cells``: people look extracted counts up in their sources, the most influential first."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import date

import pandas as pd

from cordbook.cli.people import person_or_none
from cordbook.cli.terminal import Ended, Terminal, terminal
from cordbook.evidence.problems import as_text
from cordbook.evidence.schema import Unreadable
from cordbook.intake import landing
from cordbook.intake.percent import counts_for_percent, is_percent
from cordbook.intake.readings import NotReadable, reader_name
from cordbook.intake.store import Busy, Row, read_rows
from cordbook.intake.verifying import Finding, NotVerified, verify
from cordbook.project import NoProject, Project, find_project
from cordbook.review.audit import verified_weights
from cordbook.review.checking import VERIFIED, CellToCheck, cells_to_check, of_which
from cordbook.review.estimates import Estimates, load_estimates

DONE, REFUSED, USAGE = 0, 1, 2
SHOWN = 20


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``cordbook``."""
    parser = subparsers.add_parser(
        "verify-cells",
        help="look extracted counts up in their sources",
        description=(
            "Shows one count after the other with its source, the most influential first: weight in its estimate, low confidence, read "
            "once. Keys: c it stands, w it is wrong (then what you read), s skip, b back, q quit. Each finding is on disk at once: who, "
            "when, what was read; a wrong count is corrected, with the old and the new value."
        ),
        epilog="Exit code 0: done or stopped. 1: a finding was refused. 2: no project, wrong use, or the data cannot be read.",
    )
    parser.add_argument("what", metavar="WHAT", nargs="?", help="a study, an estimate or a cell (default: every cell)")
    parser.add_argument("--as", dest="person", metavar="NAME", default="", help="who checks (default: CORDBOOK_REVIEWER)")
    parser.add_argument("--again", action="store_true", help="also cells that a person has checked")
    parser.add_argument("--list", action="store_true", help="print the queue and how far it is; ask nothing")
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class Session:
    """One person who checks; what is shown of cells is looked up in the evidence as it was at the start."""

    project: Project
    estimates: Estimates
    person: str

    def cell(self, cell_id: str) -> Row:
        """The cell as it stands in the table now."""
        return next(row for row in read_rows(self.project.data, "outcomes") if row["cell_id"] == cell_id)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    try:
        project = find_project()
        landing.finish(project.cache)
        estimates = load_estimates(project.root)
        cells = cells_to_check(estimates)
        if args.what:
            cells = of_which(cells, args.what, estimates)
        waiting = [c for c in cells if args.again or c.state != VERIFIED]
        if args.list:
            return _list(cells, waiting, estimates)
        person = person_or_none(args.person)
        if person is None:
            return _fail("say who checks: --as NAME, or set CORDBOOK_REVIEWER", USAGE)
        return _ask_all(Session(project, estimates, reader_name(person)), waiting, terminal())
    except KeyError as error:
        return _fail(str(error.args[0]), USAGE)
    except (NoProject, Busy, NotReadable, ValueError) as error:
        return _fail(str(error), REFUSED if isinstance(error, Busy) else USAGE)
    except Unreadable as unreadable:
        print(as_text(unreadable.problems), file=sys.stderr)
        return USAGE


def _list(cells: list[CellToCheck], waiting: list[CellToCheck], estimates: Estimates) -> int:
    for c in waiting[:SHOWN]:
        weight = f"{c.weight:.0%} of {c.estimate}" if c.estimate else "in no estimate"
        print(f"{c.cell_id}   {weight}, confidence {c.confidence}, {c.state}")
    if len(waiting) > SHOWN:
        print(f"and {len(waiting) - SHOWN:,} more")
    print(f"{len(cells) - sum(c.state != VERIFIED for c in cells):,} of {len(cells):,} cells have been checked by a person.")
    shares = [w.share for w in verified_weights(estimates)]
    if shares:
        print(f"Weight on checked cells: {min(shares):.0%} to {max(shares):.0%} of {len(shares)} estimates.")
    return DONE


def _ask_all(session: Session, waiting: list[CellToCheck], asked: Terminal) -> int:
    at = done = 0
    source = ""
    try:
        while at < len(waiting):
            _show(session, waiting[at], f"{at + 1} of {len(waiting)}", asked)
            keys = "cws" + ("b" if at else "") + "q"
            names = {"c": "it stands", "w": "it is wrong", "s": "skip", "b": "back", "q": "quit"}
            pressed = asked.key("  ".join(f"[{k}] {names[k]}" for k in keys) + " >", keys)
            if pressed == "q":
                raise Ended
            if pressed in "sb":
                at += 1 if pressed == "s" else -1
                continue
            found = _finding(session, waiting[at].cell_id, pressed == "w", source, asked)
            if found is not None:
                source = found.source_read
                done += 1
                at += 1
    except Ended:
        asked.say()
    asked.say(
        f"{done} checked, {len(waiting) - done:,} wait. Every finding is kept." if waiting else "No cell waits to be checked."
    )
    return DONE


def _finding(session: Session, cell_id: str, wrong: bool, source: str, asked: Terminal) -> Finding | None:
    """Ask what was read and write it; None where it was refused."""
    cell = session.cell(cell_id)
    read = asked.line(f"What did you read: document, page or table{f' [{source}]' if source else ''} >") or source
    events, n, note = int(cell["events"]), int(cell["n"]), ""
    if wrong:
        n = _number("Patients that you read >", asked)
        events = _number("Events that you read, or a percent such as 43.8% >", asked, of=n)
        note = asked.line("What was wrong >")
    finding = Finding(cell_id, session.person, read, events, n, note)
    try:
        verdict = verify(
            session.project.data, session.project.cache, finding, (cell["events"], cell["n"]), date.today().isoformat()
        )
    except NotVerified as error:
        asked.show(str(error), indent="  ! ")
        return None
    asked.say(f"  {verdict}: {events} of {n}")
    return finding


def _number(prompt: str, asked: Terminal, of: int | None = None) -> int:
    while True:
        text = asked.line(prompt)
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
            return int(text)
        else:
            asked.say("  ! A whole number.")


def _show(session: Session, c: CellToCheck, place: str, asked: Terminal) -> None:
    evidence = session.estimates.evidence
    cell = session.cell(c.cell_id)
    reference = evidence["references"].set_index("reference_id").loc[c.study_id]
    term = evidence["outcome_terms"].set_index("outcome").loc[cell["outcome"]]
    asked.say()
    asked.say(f"{place}   {c.cell_id}")
    weight = f"{c.weight:.0%} of the weight of {c.estimate}" if c.estimate else "in no estimate"
    asked.show(f"{weight}, confidence {c.confidence}, {c.state}")
    asked.show(". ".join(_known(reference[["title", "journal"]])) or "title not seen", indent="  ")
    addresses = [
        f"{name} {reference[column]}"
        for column, name in (("doi", "doi"), ("pmid", "PubMed"), ("pmcid", ""))
        if _known([reference[column]])
    ]
    asked.show(" · ".join([*addresses, cell["source_url"]]), indent="  ")
    asked.show(f"Read in: {cell['source_kind'].replace('_', ' ')}, {cell['locator'] or 'place not noted'}", indent="  ")
    asked.say()
    who = f"arm {cell['arm_id'].partition('.')[2]}{', ' + cell['stratum'] if cell['stratum'] else ''}"
    when = f"{cell['timepoint_months']} months" if cell["timepoint_months"] else "time not told"
    asked.show(f"{term['label']} ({term['definition']}) in {who}, {when}")
    if cell["definition"]:
        asked.show(f"Counted: {cell['definition']}", indent="  ")
    if cell["note"]:
        asked.show(f"Note: {cell['note']}", indent="  ")
    asked.say(f"  {cell['events']} of {cell['n']}")


def _known(values: object) -> list[str]:
    return [str(v) for v in values if not pd.isna(v)]  # type: ignore[attr-defined]


def _fail(message: str, code: int) -> int:
    print(f"cordbook: {message}", file=sys.stderr)
    return code
