"""``cordbook screen``: judge records one key at a time; conflicts, agreement, and files for those who screen elsewhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
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
from cordbook.intake.screening.ranking import Ranking
from cordbook.intake.screening.screening import (
    Item,
    NotAllowed,
    agreements,
    conflicts,
    decision_row,
    eligibility_words,
    judged_by,
    known_texts,
    load_items,
    queue,
    to_judge,
)  # fmt: skip
from cordbook.intake.screening.stopping import stopping

#: Records whose words take seconds to read, so that the command says what it does.
MANY = 2_000
DECIDED = {"i": INCLUDE, "u": UNSURE, "x": NOT_RETRIEVED}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``cordbook``."""
    parser = subparsers.add_parser(
        "screen",
        help="judge titles and abstracts, then full reports",
        description=(
            "Shows one record after the other, likeliest first. Keys: i include, e exclude (r: and say why; of a full report e asks for the "
            "reason), u unsure, b back to what you decided before, in earlier sittings too, q quit. Every decision is on disk at once. Two "
            "people decide apart; --resolve is for a third."
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
    own = _own(session, rows, items)
    if not waiting:
        asked.print(f"Nothing waits for {session.person} at this stage.")
        return 0
    if len(items) > MANY:
        asked.print(f"Reading the words of {len(items):,} records ...")
    ranking = Ranking({r: item.text for r, item in items.items()}, known_texts(session.data))
    done, at, message = 0, len(own), ""
    try:
        while waiting:
            if at == len(own):
                waiting, found = ranking.order(_relevant(own), waiting)
                if found and found != message:
                    asked.print(found)
                message = found
            before = list(own)[at] if at < len(own) else ""
            record = before or waiting[0]
            _show(asked, items[record], words, _before(own[before]) if before else _progress(session, rows, own, len(waiting)))
            row = _ask(session, asked, record, role=REVIEWER, back=at > 0)
            if row is None:
                at -= 1
                continue
            [added] = session.decisions.add(row)
            rows.append(added)
            own.pop(record, None)
            own[record] = added
            waiting = [r for r in waiting if r != record]
            at, done = len(own), done + 1
    except Ended:
        asked.print()
    left = len(waiting)
    asked.print(
        f"{done} decided, {left} to go. Every decision is kept." if left else f"{done} decided; nothing waits for you any more."
    )
    _print_overlap(rows, session.stage, asked.print)
    _print_stopping(session, asked.print)
    return 0


def _own(session: Session, rows: Sequence[Row], items: Mapping[str, Item]) -> dict[str, Row]:
    """The person's decisions that stand, the last one last, whenever they were made."""
    found = {
        r: decisions[REVIEWER, session.person]
        for r, decisions in standing(rows, session.stage).items()
        if (REVIEWER, session.person) in decisions and r in items
    }
    return dict(sorted(found.items(), key=lambda item: item[1]["decided_at"]))


def _relevant(own: Mapping[str, Row]) -> dict[str, bool]:
    return {r: row["decision"] in (INCLUDE, UNSURE) for r, row in own.items()}


def _before(row: Row) -> str:
    """What was decided on a record that is shown again."""
    why = f" ({row['reason']})" if row["reason"] else ""
    return f"You said on {row['decided_at'][:10]}: {row['decision']}{why}"


def _progress(session: Session, rows: Sequence[Row], own: Mapping[str, Row], waiting: int) -> str:
    """How far this person is, and what the rest is likely to hold."""
    total = len(own) + waiting
    text = f"{waiting} to go"
    if own:
        text += f", {len(own)} of {total} judged ({len(own) / total:.0%}), {sum(_relevant(own).values())} included or unsure"
    state = stopping(list(_relevant(own).values()), waiting) if session.stage == TITLE_ABSTRACT and own else None
    if state and state.found:
        text += f", about {state.expected:.0f} more expected (at most {state.at_most})"
    return text


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
    keys = "ie" + ("x" if full else "r") + ("" if third else "u") + ("b" if back else "") + "q"
    names = {
        "i": "include", "e": "exclude", "r": "exclude with a reason", "u": "unsure", "x": "not retrieved", "b": "back", "q": "quit",
    }  # fmt: skip
    reasons = {row["key"]: row for row in session.reasons()}
    while True:
        pressed = asked.key("  ".join(f"[{k}] {names[k]}" for k in keys) + " >", keys)
        if pressed == "q":
            raise Ended
        if pressed == "b":
            return None
        reason = study = ""
        if pressed == "r" or (pressed == "e" and full):
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
                record, session.stage, session.person, EXCLUDE if pressed in "er" else DECIDED[pressed], role=role,
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
        _print_overlap(rows, stage, print)
    _print_stopping(session, print)
    return 0


def _print_overlap(rows: Sequence[Row], stage: str, write: Callable[[str], None]) -> None:
    """What every two reviewers both judged, each alone, and how far they agree."""
    for agreement in agreements(rows, stage):
        write(f"  {agreement.text}")


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
    if state is not None:
        write(state.text)


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
