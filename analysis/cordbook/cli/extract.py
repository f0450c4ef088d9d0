"""``cordbook extract``: read an included study, count by count, with the codebook beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from cordbook.cli.extract_asking import ask_all, finish, told, unfit, what_next
from cordbook.cli.extract_session import Session
from cordbook.cli.people import person_or_none
from cordbook.cli.sheets import sheet_text, write_sheet
from cordbook.cli.terminal import terminal
from cordbook.core.project import Project, find_project
from cordbook.errors import UsageError
from cordbook.intake.extraction import form
from cordbook.intake.extraction.codebook import Codebook, open_questions, questions, rows_of_other
from cordbook.intake.extraction.readings import ARM, NotReadable, Readings, record_of_study, waiting_studies
from cordbook.intake.records import transaction
from cordbook.intake.records.store import read_rows

DONE, REFUSED = 0, 1


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``cordbook``."""
    parser = subparsers.add_parser(
        "extract",
        help="read an included study, count by count",
        description=(
            "Asks what the tables need of a study that was included: the study, its arms, and each count, with meaning, unit and "
            "allowed values from the codebook. Two people read apart, each into a file of data/readings; `cordbook reconcile` "
            "brings them together. "
            "Without STUDY: which studies wait."
        ),
        epilog="Exit code 0: done or stopped. 1: an answer of a form, or the reader, was refused. "
        "2: no project, or a file cannot be read.",
    )
    parser.add_argument(
        "study", metavar="STUDY", nargs="?", help="key of the study, as it was given when its report was included"
    )
    parser.add_argument("--again", action="store_true", help="ask every question again; Enter keeps the answer that stands")
    parser.add_argument("--reader", metavar="NAME", default="", help="who reads (default: CORDBOOK_REVIEWER)")
    parser.add_argument(
        "--form", metavar="FILE.csv", type=Path,
        help="a form for a spreadsheet: written where FILE is not there, else taken in",
    )  # fmt: skip
    parser.add_argument("--arm", metavar="NAME", action="append", default=[], help="with --form: a blank arm in the form")
    parser.add_argument(
        "--count", metavar="ARM,OUTCOME[,STRATUM[,MONTHS]]", action="append", default=[],
        help="with --form: a blank count in the form",
    )  # fmt: skip
    parser.add_argument("--cell", dest="count", action="append", help=argparse.SUPPRESS)  # as it was called up to version 0.2
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    project = find_project()
    transaction.finish(project.kept)
    if not args.study:
        return _waiting(project)
    person = person_or_none(args.reader)
    if person is None:
        raise UsageError("say who reads: --reader NAME, or set CORDBOOK_REVIEWER")
    session = _session(project, args.study, person)
    if args.form:
        return _form(session, args.form, args.arm, args.count)
    if args.again:
        session.again = [q.place for q in questions(session.reading, session.codebook) if q.place in session.reading.answers]
    ask_all(session, terminal())
    return DONE


def _waiting(project: Project) -> int:
    store = Readings(project.data, project.kept)
    studies = waiting_studies(project.data)
    for study in studies:
        begun = store.both(study)
        text = ", ".join(f"reading {r.number} by {r.reader} {'complete' if r.complete else 'begun'}" for r in begun)
        print(f"{study}: {text or 'not read yet'}")
    print(f"{len(studies)} included studies wait for extraction." if studies else "No included study waits for extraction.")
    return DONE


def _session(project: Project, study: str, person: str) -> Session:
    if study in {row["study_id"] for row in read_rows(project.data, "studies")}:
        raise NotReadable(
            f"{study} is in the tables already. To check its counts: cordbook verify-counts --study {study}. "
            "To add to it: data/README.md"
        )
    if record_of_study(project.data, study) is None:
        waiting = waiting_studies(project.data)
        raise NotReadable(
            f"no report was included as {study!r}. Waiting: {', '.join(waiting) or 'none'}. "
            "A report is included by two people with: cordbook screen --stage full_text"
        )
    store = Readings(project.data, project.kept)
    session = Session(project, store, Codebook.of(project.data), store.of(study, person))
    session.add(rows_of_other(session.reading, store.find(study, 3 - session.reading.number)))
    return session


# ------------------------------------------------------------------------------------------------ form


def _form(session: Session, path: Path, arms: Iterable[str], counts: Iterable[str]) -> int:
    if not path.exists():
        wanted = [tuple(part.strip() for part in ([*text.split(","), "", "", ""])[:4]) for text in counts]
        text = form.form_text(session.reading, session.codebook, tuple(arms), wanted)  # type: ignore[arg-type]
        write_sheet(path, text)
        print(
            f"A form for reading {session.reading.number} of {session.reading.study_id} is in {path}. "
            "Fill in value, then give the command again."
        )
        return DONE
    with sheet_text(path) as text:
        taken = form.take(text, session.reading, session.codebook)
    session.add(taken.answers)
    for problem in taken.problems:
        print(f"{path}, {problem}", file=sys.stderr)
    for note in taken.notes:
        print(f"{path}, {note}")
    left = sum(1 for _ in open_questions(session.reading, session.codebook))
    print(
        f"{len(taken.answers)} answers taken, {taken.known} known already, {len(taken.problems)} not taken; "
        f"{left} questions are open."
    )
    if not left and not taken.problems and session.reading.rows(ARM):
        for problem in (wrong := unfit(session)):
            print(f"{path}, {told(session, problem)}", file=sys.stderr)
        if wrong:
            return REFUSED
        finish(session)
        print(what_next(session))
    return REFUSED if taken.problems else DONE
