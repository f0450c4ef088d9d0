"""``cordbook screen``: judge records one key at a time; conflicts, agreement, and files for those who screen elsewhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import Pattern

from cordbook.cli.people import who
from cordbook.cli.sheets import sheet_text, write_sheet
from cordbook.cli.terminal import Ended, Terminal, terminal
from cordbook.core.project import Project, find_project
from cordbook.errors import UsageError
from cordbook.evidence.screening import (
    ARBITER,
    EXCLUDE,
    FULL_TEXT,
    INCLUDE,
    NOT_RETRIEVED,
    REVIEWER,
    STAGES,
    TITLE_ABSTRACT,
    UNSURE,
    settled,
    standing,
)  # fmt: skip
from cordbook.intake.extraction.readings import propose_study_id
from cordbook.intake.records.decisions import Decisions
from cordbook.intake.records.store import Row, read_rows
from cordbook.intake.screening import files
from cordbook.intake.screening.ranking import ranked
from cordbook.intake.screening.stopping import stopping
from cordbook.intake.screening.screening import (
    Item,
    NotAllowed,
    agreements,
    conflicts,
    decision_row,
    eligibility_words,
    judged_by,
    load_items,
    queue,
    to_judge,
)  # fmt: skip

#: Decisions after which the order is worked out anew.
EVERY = 10
DECIDED = {"i": INCLUDE, "u": UNSURE, "x": NOT_RETRIEVED}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``cordbook``."""
    parser = subparsers.add_parser(
        "screen",
        help="judge titles and abstracts, then full reports",
        description=(
            "Shows one record after the other, likeliest first once a few are decided. Keys: i include, e exclude (then the reason), u unsure, "
            "b back, q quit. Every decision is on disk at once. Two people decide apart; --resolve is for a third."
        ),
        epilog="Exit code 0: done or stopped. 1: rows of a file were not taken, or nothing may be decided. 2: no project, or a file cannot be read.",
    )
    parser.add_argument("--as", dest="person", metavar="NAME", default="", help="who decides (default: CORDBOOK_REVIEWER)")
    parser.add_argument(
        "--stage", choices=STAGES, default=TITLE_ABSTRACT, help="title and abstract (default), or the full report"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--resolve", action="store_true", help="settle records on which two people differ")
    what.add_argument("--status", action="store_true", help="say what is done, how well people agree, and what may be left")
    what.add_argument(
        "--export",
        metavar="FILE",
        type=Path,
        help="write your queue, with what you judged before, for a spreadsheet or ASReview (.csv or .ris)",
    )
    what.add_argument("--import", dest="take", metavar="FILE", type=Path, help="take in decisions from such a file")
    parser.add_argument("--replace", action="store_true", help="with --import: change your earlier decisions too")
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class Session:
    """One person at one stage."""

    project: Project
    decisions: Decisions
    person: str
    stage: str

    @property
    def data(self) -> Path:
        return self.project.data

    def reasons(self) -> list[Row]:
        return read_rows(self.data, "exclusion_reasons")


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    project = find_project()
    person = who(args.person)
    if not args.person and person.startswith("cordbook ") and not args.status:
        raise UsageError("say who decides: --as NAME, or set CORDBOOK_REVIEWER")
    session = Session(project, Decisions(project.data, project.kept), person, args.stage)
    if args.status:
        return _status(session)
    if args.export:
        return _export(session, args.export)
    if args.take:
        return _import(session, args.take, replace=args.replace)
    return _resolve(session, terminal()) if args.resolve else _screen(session, terminal())


def _screen(session: Session, asked: Terminal) -> int:
    items = load_items(session.data)
    words = eligibility_words(session.data)
    rows = session.decisions.rows()
    waiting = queue(items, rows, session.stage, session.person)
    if not waiting:
        asked.print(f"Nothing waits for {session.person} at this stage.")
        return 0
    back: list[str] = []
    message = ""
    since = EVERY
    try:
        while waiting:
            if since >= EVERY and len(waiting) > 1:
                waiting, found = _in_order(session, items, rows, waiting)
                since = 0
                if found and found != message:
                    asked.print(found)
                message = found
            record = waiting[0]
            _show(asked, items[record], words, f"{len(waiting)} to go")
            row = _ask(session, asked, record, role=REVIEWER, back=bool(back))
            if row is None:
                waiting.insert(0, back.pop())
                continue
            rows += session.decisions.add(row)
            back.append(waiting.pop(0))
            since += 1
    except Ended:
        asked.print()
    left = len(waiting)
    asked.print(
        f"{len(back)} decided, {left} to go. Every decision is kept."
        if left
        else f"{len(back)} decided; nothing waits for you any more."
    )
    _print_stopping(session, asked.print)
    return 0


def _in_order(session: Session, items: dict[str, Item], rows: Sequence[Row], waiting: list[str]) -> tuple[list[str], str]:
    own = {
        r: decisions[REVIEWER, session.person]["decision"] in (INCLUDE, UNSURE)
        for r, decisions in standing(rows, session.stage).items()
        if (REVIEWER, session.person) in decisions
    }
    return ranked({r: item.text for r, item in items.items()}, own, waiting)


def _show(asked: Terminal, item: Item, words: Pattern[str] | None, place: str) -> None:
    asked.print("─" * min(asked.width, 60))
    asked.print(f"{place}   {item.record_id}")
    asked.show(item.title or "[no title]", words)
    asked.show(" · ".join(t for t in (item.authors[:120], item.year, item.container, item.doi or item.url) if t), indent="  ")
    asked.print()
    asked.show(item.abstract or "[no abstract]", words)
    asked.print()


def _ask(session: Session, asked: Terminal, record: str, *, role: str, back: bool = False) -> Row | None:
    """A decision from the keyboard, or None to go back; raises :class:`Ended`."""
    full, third = session.stage == FULL_TEXT, role == ARBITER
    keys = "ie" + ("" if third else "u") + ("x" if full else "") + ("b" if back else "") + "q"
    names = {"i": "include", "e": "exclude", "u": "unsure", "x": "not retrieved", "b": "back", "q": "quit"}
    reasons = {row["key"]: row for row in session.reasons()}
    while True:
        pressed = asked.key("  ".join(f"[{k}] {names[k]}" for k in keys) + " >", keys)
        if pressed == "q":
            raise Ended
        if pressed == "b":
            return None
        reason = study = ""
        if pressed == "e":
            for key, row in reasons.items():
                asked.print(f"  [{key}] {row['label']}")
            chosen = asked.key("Why? [0] do not exclude >", "0" + "".join(reasons))
            if chosen == "0":
                continue
            reason = reasons[chosen]["reason"]
        if pressed == "i" and full:
            proposed = _proposed(session, record)
            study = asked.line(f"Key of the study{f' [{proposed}]' if proposed else ', such as lima2010'} >") or proposed
        try:
            return decision_row(
                record, session.stage, session.person, EXCLUDE if pressed == "e" else DECIDED[pressed], role=role,
                reasons=[r["reason"] for r in reasons.values()], reason=reason, study_id=study,
            )  # fmt: skip
        except NotAllowed as problem:
            asked.print(str(problem))


def _proposed(session: Session, record: str) -> str:
    """A key for the study of a record: surname and year, free of those that other studies and records have."""
    taken = {row["reference_id"] for row in read_rows(session.data, "references")}
    taken |= {row["study_id"] for row in session.decisions.rows() if row["record_id"] != record}
    rows = (row for row in read_rows(session.data, "records") if row["record_id"] == record)
    return propose_study_id(next(rows, {}), taken)


def _resolve(session: Session, asked: Terminal) -> int:
    items = load_items(session.data)
    words = eligibility_words(session.data)
    rows = session.decisions.rows()
    open_ones = conflicts(items, rows, session.stage)
    mine = [r for r, own in open_ones.items() if session.person not in {row["reviewer"] for row in own}]
    if len(mine) < len(open_ones):
        asked.print(
            f"{len(open_ones) - len(mine)} conflicts are between {session.person} and somebody else: a third person settles those."
        )
    done = 0
    try:
        for number, record in enumerate(mine):
            _show(asked, items[record], words, f"{len(mine) - number} conflicts")
            for row in open_ones[record]:
                why = "".join(f", {row[c]}" for c in ("reason", "study_id", "note") if row[c])
                asked.show(f"{row['reviewer']}: {row['decision']}{why}")
            row = _ask(session, asked, record, role=ARBITER)
            if row is not None:
                session.decisions.add(row)
                done += 1
    except Ended:
        asked.print()
    asked.print(f"{done} settled, {len(mine) - done} to go." if mine else "No conflict waits to be settled.")
    return 0


def _status(session: Session) -> int:
    items, rows = load_items(session.data), session.decisions.rows()
    for stage in STAGES:
        judged = to_judge(items, rows, stage)
        outcomes = settled(rows, stage)
        counts = {
            name: sum(outcomes[r].outcome == name for r in judged if r in outcomes)
            for name in (INCLUDE, EXCLUDE, NOT_RETRIEVED, "conflict")
        }
        waiting = len(judged) - sum(counts.values())
        text = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n or name in (INCLUDE, EXCLUDE))
        print(f"{stage.replace('_', ' ')}: {len(judged)} records, {text}, {waiting} waiting")
        for agreement in agreements(rows, stage):
            print(f"  {agreement.text}")
    _print_stopping(session, print)
    return 0


def _print_stopping(session: Session, write: Callable[[str], None]) -> None:
    """The stopping estimate over records in the order in which anybody first judged them on title and abstract."""
    if session.stage != TITLE_ABSTRACT:
        return
    rows = session.decisions.rows()
    items = load_items(session.data)
    first: dict[str, str] = {}
    for row in sorted(
        (r for r in rows if r["stage"] == TITLE_ABSTRACT and r["record_id"] in items), key=lambda r: r["decided_at"]
    ):
        first.setdefault(row["record_id"], "")
    decided = standing(rows, TITLE_ABSTRACT)
    relevant = [any(row["decision"] in (INCLUDE, UNSURE) for row in decided[r].values()) for r in first]
    state = stopping(relevant, len(items) - len(first))
    if state is None:
        return
    if state.left == 0:
        write(f"All {state.screened} records have been read; {state.found} are relevant.")
        return
    enough = "found with" if state.p < 1 - state.level else "not shown to be found:"
    write(
        f"Read {state.screened}, unread {state.left}. Relevant: {state.found} found, at most {state.at_most} more "
        f"({state.level:.0%} limit, so at least {state.recall:.0%} found). {state.target:.0%} of all {enough} p = {state.p:.3f} "
        "(Callaghan and Müller-Hansen 2020)."
    )


def _export(session: Session, path: Path) -> int:
    items, rows = load_items(session.data), session.decisions.rows()
    waiting, judged = set(queue(items, rows, session.stage, session.person)), judged_by(rows, session.stage, session.person)
    # What others have settled waits for nobody; own decisions go along, for ASReview to learn from and to be changed.
    written = [r for r in to_judge(items, rows, session.stage) if r in waiting | judged]
    make = files.ris_text if path.suffix.lower() == ".ris" else files.sheet_text
    text = make([items[r] for r in written], rows, session.stage, session.person)
    write_sheet(path, text, encoding="utf-8" if path.suffix.lower() == ".ris" else "utf-8-sig")
    before = len(written) - len(waiting)
    print(f"{path} written: {len(waiting)} to judge" + (f", {before} judged before by {session.person}" if before else ""))
    return 0


def _import(session: Session, path: Path, *, replace: bool) -> int:
    with sheet_text(path) as text:
        sheet = files.read_ris(text) if path.suffix.lower() == ".ris" else files.read_sheet(text)
    items, rows = load_items(session.data), session.decisions.rows()
    judged = {r: items[r] for r in to_judge(items, rows, session.stage)}
    reasons = [row["reason"] for row in session.reasons()]
    taken = files.take(sheet, judged, rows, session.stage, session.person, reasons, replace=replace)
    session.decisions.add(*taken.rows)
    for problem in taken.problems:
        print(f"{path}, {problem}", file=sys.stderr)
    print(f"{len(taken.rows)} decisions taken, {taken.known} known already, {len(taken.problems)} not taken")
    return 1 if taken.problems else 0
