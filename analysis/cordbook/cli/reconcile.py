"""``cordbook reconcile``: bring two readings of a study together and enter it into the tables."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from cordbook.cli.people import person_or_none
from cordbook.cli.sheets import sheet_text, write_sheet
from cordbook.cli.terminal import BACK, Ended, Terminal, terminal
from cordbook.core.project import Project, find_project
from cordbook.errors import UsageError
from cordbook.evidence.problems import as_text
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.intake.extraction import reconcile_sheet
from cordbook.intake.extraction.codebook import Codebook
from cordbook.intake.extraction.readings import NotReadable, Place, Reading, Readings, waiting_studies
from cordbook.intake.extraction.reconcile import (
    COUNTS,
    FIRST,
    OPEN,
    OTHER,
    OUT,
    SECOND,
    WORDING_ONLY,
    Comparison,
    Decision,
    Difference,
    Settlements,
    agreed_reading,
    compare,
    decide,
    new_rows,
    pair_of,
    with_new_rows,
)
from cordbook.intake.records import transaction
from cordbook.intake.records.append import in_turn
from cordbook.intake.records.store import read_rows

DONE, REFUSED = 0, 1
KEYS = {
    "1": (FIRST, "first"),
    "2": (SECOND, "second"),
    "o": (OTHER, "other value"),
    "l": (OPEN, "leave open, not pooled"),
    "x": (OUT, "leave out"),
}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``cordbook``."""
    parser = subparsers.add_parser(
        "reconcile",
        help="bring two readings of a study together",
        description=(
            "Compares the two readings of a study. What is equal is settled; what differs is asked: first, second, another value, "
            "with the reason. When all is settled the study enters the tables atomically (all or nothing); both readings are kept. "
            "Without STUDY: all studies that have two readings."
        ),
        epilog="Exit code 0: done or stopped. 1: something was refused; nothing was changed. 2: no project, or a file cannot be read.",
    )
    parser.add_argument("study", metavar="STUDY", nargs="?", help="key of the study")
    parser.add_argument("--as", dest="person", metavar="NAME", default="", help="who decides (default: CORDBOOK_REVIEWER)")
    parser.add_argument(
        "--csv",
        dest="sheet",
        metavar="FILE",
        type=Path,
        help="the differences in a CSV: written where FILE is not there, else taken in",
    )
    parser.add_argument("--single", action="store_true", help="take a study in that was read once; its counts say so")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    project = find_project()
    if transaction.finish(project.kept):
        print("A change that had been broken off was finished first.")
    person = person_or_none(args.person)
    if person is None:
        raise UsageError("say who decides: --as NAME, or set CORDBOOK_REVIEWER")
    if not args.study:
        return _all(project, person)
    if args.study in {row["study_id"] for row in read_rows(project.data, "studies")}:
        raise NotReadable(f"{args.study} is in the tables already")
    if args.single:
        return _single(project, args.study, person)
    return _one(project, args.study, person, args.sheet)


def _all(project: Project, person: str) -> int:
    store = Readings(project.data, project.kept)
    worst = done = 0
    for study in waiting_studies(project.data):
        try:
            pair_of(store, study)
        except NotReadable as not_yet:
            print(f"{study}: {not_yet}")
            continue
        print(f"\n{study}")
        done += 1
        worst = max(worst, _one(project, study, person, None))
    if not done:
        print("No study has two complete readings.")
    return worst


def _one(project: Project, study: str, person: str, sheet: Path | None) -> int:
    codebook = Codebook.of(project.data)
    comparison = compare(*pair_of(Readings(project.data, project.kept), study), codebook)
    store = Settlements(project.data, project.kept)
    known = store.of(comparison)
    if sheet and not sheet.exists():
        write_sheet(sheet, reconcile_sheet.sheet_text(comparison, known, codebook))
        keep = "first, second, other, open or out: see allowed"
        print(
            f"{len(comparison.differences)} differences are in {sheet}. Fill in keep ({keep}) and reason, then give the command again."
        )
        return DONE
    if sheet:
        code = _take(sheet, comparison, known, store, person, codebook)
        if code:
            return code
    else:
        print(f"{comparison.alike} places are alike, {len(comparison.differences)} differ.")
        _ask_all(comparison, known, store, person, codebook, terminal())
    decisions = store.of(comparison)
    left = [d for d in comparison.differences if d.place not in decisions]
    if left:
        print(f"{len(left)} differences are open; every decision is kept. To go on: cordbook reconcile {study}")
        return DONE
    return _land(project, agreed_reading(comparison, decisions), (comparison.first, comparison.second), decisions, person)


def _take(
    sheet: Path, comparison: Comparison, known: dict[Place, Decision], store: Settlements, person: str, codebook: Codebook
) -> int:
    with sheet_text(sheet) as text:
        made, problems = reconcile_sheet.take(text, comparison, known, person, codebook)
    if made:
        store.add(comparison.first.study_id, made)
    for problem in problems:
        print(f"{sheet}, {problem}", file=sys.stderr)
    print(f"{len(made)} decisions taken, {len(problems)} not taken")
    return REFUSED if problems else DONE


def _ask_all(
    comparison: Comparison, known: dict[Place, Decision], store: Settlements, person: str, codebook: Codebook, asked: Terminal
) -> None:
    waiting = [d for d in comparison.differences if d.place not in known]
    wording = [d for d in waiting if d.is_wording]
    try:
        if len(wording) > 1 and _ask_wording(comparison, wording, store, person, codebook, asked):
            waiting = [d for d in waiting if not d.is_wording]
        at = 0
        while at < len(waiting):
            _show(comparison, waiting[at], f"{at + 1} of {len(waiting)}", codebook, asked)
            decision = _ask(waiting[at], person, codebook, asked, back=at > 0)
            if decision is None:
                at -= 1
                continue
            store.add(comparison.first.study_id, {waiting[at]: decision})
            at += 1
    except Ended:
        asked.print()


def _ask_wording(
    comparison: Comparison, wording: list[Difference], store: Settlements, person: str, codebook: Codebook, asked: Terminal
) -> bool:
    """Show all that differs in free text alone, and settle it by one key; False where it is to be asked one by one."""
    asked.print()
    asked.print(f"{len(wording)} places differ in wording only, if they mean the same:")
    for d in wording:
        asked.show(f"{'the study' if d.place[0] == 'studies' else d.place[1]} · {d.place[2]}")
        asked.show(f"[1] {d.first or 'no value'}", indent="  ")
        asked.show(f"[2] {d.second or 'no value'}", indent="  ")
    first, second = comparison.first.reader, comparison.second.reader
    pressed = asked.key(f"All as worded by [1] {first}  [2] {second}  [e] one by one  [q] quit >", "12eq")
    if pressed == "q":
        raise Ended
    if pressed == "e":
        return False
    keep = KEYS[pressed][0]
    store.add(comparison.first.study_id, {d: decide(d, keep, "", WORDING_ONLY, person, codebook) for d in wording})
    return True


def _show(comparison: Comparison, difference: Difference, count: str, codebook: Codebook, asked: Terminal) -> None:
    table, row, column = difference.place
    asked.print()
    where = "the study" if table == "studies" else row
    asked.print(f"{count}   {where} · {'events of n' if column == COUNTS else column}")
    if column != COUNTS:
        asked.show(codebook.column(table, column).description, indent="  ")
    for number, reading, values in ((1, comparison.first, difference.first), (2, comparison.second, difference.second)):
        source = reading.value(table, row, "locator") if column == COUNTS else ""
        why = reading.answers.get(difference.place)
        text = values or f"no value ({why.reason})" if why and why.reason else values or "no value"
        asked.show(
            f"[{number}] {text.replace('/', ' of ') if column == COUNTS else text}   {reading.reader}{f', {source}' if source else ''}"
        )


def _ask(difference: Difference, person: str, codebook: Codebook, asked: Terminal, *, back: bool) -> Decision | None:
    keys = "".join(k for k, (keep, _) in KEYS.items() if keep in difference.keeps) + ("b" if back else "") + "q"
    names = {k: name for k, (_, name) in KEYS.items()} | {"b": "back", "q": "quit"}
    while True:
        pressed = asked.key("  ".join(f"[{k}] {names[k]}" for k in keys) + " >", keys)
        if pressed == "q":
            raise Ended
        if pressed == "b":
            return None
        keep = KEYS[pressed][0]
        value = reason = ""
        if keep == OTHER:
            value = asked.text(f"{'Events of n, such as 9/20' if difference.place[2] == COUNTS else 'Value'} (< back) >")
        if value == BACK:
            continue
        if difference.place[2] == COUNTS or keep in (OTHER, OUT):
            reason = asked.text("Why, with the place in the report (< back) >")
        if reason == BACK:
            continue
        try:
            return decide(difference, keep, value, reason, person, codebook)
        except NotReadable as problem:
            asked.show(str(problem), indent="  ! ")


def _single(project: Project, study: str, person: str) -> int:
    there = Readings(project.data, project.kept).both(study)
    if len(there) != 1 or not there[0].complete:
        raise NotReadable(f"{study} has {len(there)} readings; --single is for one that is complete")
    return _land(project, there[0], (there[0],), {}, person)


def _land(project: Project, agreed: Reading, readings: tuple[Reading, ...], decisions: dict[Place, Decision], person: str) -> int:
    """Check the whole of the data with the study in it, then write all its tables as one."""

    def work() -> int:
        new = new_rows(project.data, agreed, readings, decisions, person, date.today().isoformat())
        tables, errors = with_new_rows(project.data, new)
        if errors:
            print(as_text(errors), file=sys.stderr)
            raise NotReadable(
                f"{agreed.study_id} was not entered: the data would break {len(errors)} rules. Nothing was changed. "
                "Correct the reading with cordbook extract, then reconcile again."
            )
        texts = transaction.texts_of(project.data, tables)
        transaction.commit(project.kept, {**texts, project.bibliography: bibliography_text(tables["references"])})
        counts = new["reconciliations"]
        alike = sum(row["agreement"] == "agree" for row in counts)
        twice = sum(row["agreement"] in ("agree", "disagree_settled", "disagree_open") for row in counts)
        print(
            f"{agreed.study_id} is in the tables: {len(new['arms'])} arms, {len(counts)} counts"
            + (f", of which two people read {twice} and saw {alike} alike." if len(readings) > 1 else ", read once.")
        )
        print("Next: cordbook validate, then cordbook build")
        return DONE

    return in_turn(project.kept, work)
