"""The questions of ``cordbook extract`` in the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from cordbook.cli.terminal import Ended, Terminal
from cordbook.evidence.rules import complaints
from cordbook.intake.extraction import (
    Codebook,
    Question,
    cell_faults,
    faults,
    open_arm,
    open_cell,
    open_questions,
    questions,
    rows_of_other,
    tidy,
    wider_arms,
)
from cordbook.intake.percent import counts_for_percent, is_percent
from cordbook.intake.readings import (
    ARM,
    CELL,
    COMPLETE,
    MARKS,
    NOT_REPORTED,
    REMOVED,
    Answer,
    Place,
    Reading,
    Readings,
    record_of_study,
)
from cordbook.intake.screening import load_items
from cordbook.intake.text import one_line
from cordbook.project import Project

HELP = (
    "Answer each question, or: . not reported, . REASON for another reason, .. nothing more of this part is reported, < back, q stop. "
    "Every answer is on disk at once."
)
#: Columns of a cell for which the last answer is offered again.
AGAIN = ("source_kind", "source_url")
BACK, STOP, REST = "<", "q", ".."


@dataclass(slots=True)
class Session:
    """One reader at one study; ``reading`` grows with each answer."""

    project: Project
    store: Readings
    codebook: Codebook
    reading: Reading
    history: list[Place] = field(default_factory=list)
    arms_named: bool = False

    def add(self, answers: dict[Place, Answer]) -> None:
        if answers:
            self.reading = self.store.add(self.reading, answers)


def ask_all(session: Session, asked: Terminal) -> None:
    """Ask all that is open, then for more arms and counts; every answer is written at once."""
    study = session.reading.study_id
    _introduce(session, asked)
    again: Place | None = None
    try:
        while True:
            question = _question(session, again)
            if question is None:
                if _more(session, asked):
                    continue
                break
            again = None
            answer = _ask(session, question, asked)
            if answer is None:
                again = session.history.pop() if session.history else None
                if again is None:
                    asked.say("This is the first question of this sitting.")
            elif isinstance(answer, dict):
                session.add(answer)
                session.history += list(answer)[:1]
    except Ended:
        asked.say()
    left = sum(1 for _ in open_questions(session.reading, session.codebook))
    if session.reading.complete and not left:
        asked.say(what_next(session))
    else:
        asked.say(
            f"Every answer is kept; {left} questions are open. To go on: cordbook extract {study} --reader {quoted(session.reading.reader)}"
        )


def _introduce(session: Session, asked: Terminal) -> None:
    reading = session.reading
    asked.say(f"{reading.study_id}, reading {reading.number}, by {reading.reader}")
    record = record_of_study(session.project.data, reading.study_id) or {}
    asked.show(record.get("title", ""))
    asked.show(
        " · ".join(
            filter(
                None,
                (
                    record.get("authors", "")[:120],
                    record.get("year"),
                    record.get("container"),
                    record.get("doi") or record.get("url"),
                ),
            )
        ),
        indent="  ",
    )
    item = load_items(session.project.data).get(record.get("record_id", ""))
    if item and item.abstract:
        asked.say()
        asked.show(item.abstract)
    asked.say()
    asked.show(HELP)


def _question(session: Session, again: Place | None) -> Question | None:
    if again is not None:
        found = next((q for q in questions(session.reading, session.codebook) if q.place == again), None)
        if found:
            return found
    return next(open_questions(session.reading, session.codebook), None)


def _ask(session: Session, question: Question, asked: Terminal) -> dict[Place, Answer] | None:
    """Answers to write; None to go back. Raises :class:`Ended`."""
    name = question.place[2]
    choices = _choices(session, question)
    _show(session, question, choices, asked)
    offered = _offered(session, question)
    while True:
        text = asked.line(f"{name}{f' [{offered}]' if offered else ''} >")
        if text == STOP:
            raise Ended
        if text == BACK:
            return None
        if text == REST:
            return _rest(session, question)
        if not text and offered:
            text = offered
        if not text:
            asked.say("An answer, or . for not reported.")
            continue
        answer = (
            Answer("", one_line(text[1:]) or NOT_REPORTED)
            if text[:1] == "." and not text[1:2].isdigit()
            else _answer(session, question, text, choices, asked)
        )
        if answer is None:
            continue
        wrong, odd = faults(session.reading, question, answer, session.codebook)
        for message in (*wrong, *odd):
            asked.show(message, indent="  ! ")
        if not wrong:
            return {question.place: answer}


def _rest(session: Session, question: Question) -> dict[Place, Answer]:
    """Nothing more of this row is reported: all that may be blank."""
    table, row, _ = question.place
    same = [q for q in open_questions(session.reading, session.codebook) if q.place[:2] == (table, row)]
    # The question itself may have been answered before and be asked again.
    skipped = {q.place: Answer("", NOT_REPORTED) for q in [question, *same] if not q.required}
    return skipped if not question.required else {}


def _show(session: Session, question: Question, choices: list[str], asked: Terminal) -> None:
    table, row, name = question.place
    column = question.field
    asked.say()
    where = "the study" if table == "studies" else f"arm {row}" if table == ARM else f"count {row}"
    asked.say(f"{where} · {name}{f' ({column.unit})' if column.unit else ''}{'' if not question.required else ' · needed'}")
    asked.show(column.description, indent="  ")
    if choices:
        asked.show("  ".join(f"[{i}] {choice}" for i, choice in enumerate(choices, 1)), indent="  ")
    if name == "events":
        asked.show("A percent such as 43.8% becomes a count where one count alone fits.", indent="  ")


def _choices(session: Session, question: Question) -> list[str]:
    table, _, name = question.place
    if name == "not_poolable_reason":
        return [row["reason"] for row in session.codebook.rows("not_poolable_reasons")]
    if (table, name) == (ARM, "part_of"):
        return wider_arms(session.reading, question.place[1])
    if question.field.type == "boolean":
        return [*question.field.true_values, *question.field.false_values]
    return list(question.field.enum)


def _offered(session: Session, question: Question) -> str:
    known = session.reading.answers.get(question.place)
    if known is not None:
        return known.value or f". {known.reason}"
    table, _, name = question.place
    if table == CELL and name in AGAIN:
        cells = [session.reading.value(CELL, row, name) for row in session.reading.rows(CELL)]
        return next((value for value in reversed(cells) if value), "")
    return ""


def _answer(session: Session, question: Question, text: str, choices: list[str], asked: Terminal) -> Answer | None:
    _, row, name = question.place
    if name == "events" and is_percent(text):
        return _count(session, row, text, asked)
    if name == "not_poolable_reason":
        parts = [_chosen(part, choices) for part in text.replace(";", " ").replace(",", " ").split()]
        return Answer(";".join(dict.fromkeys(parts)))
    return Answer(tidy(_chosen(text, choices), question.field))


def _chosen(text: str, choices: list[str]) -> str:
    if choices and text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= len(choices):
        return choices[int(text) - 1]
    near = [c for c in choices if c.casefold().startswith(text.casefold())]
    return near[0] if len(near) == 1 else text


def _count(session: Session, row: str, text: str, asked: Terminal) -> Answer | None:
    try:
        found = counts_for_percent(text, int(session.reading.value(CELL, row, "n") or 0))
    except ValueError as error:
        asked.say(f"  ! {error}")
        return None
    asked.show(found.why, indent="  ")
    if found.count is None or asked.key("Take it? [y] yes [n] no >", "yn") == "n":
        return None
    return Answer(str(found.count))


def _more(session: Session, asked: Terminal) -> bool:
    """Ask for another arm or count, then whether all is read; False at the end."""
    arms = session.reading.rows(ARM)
    asked.say()
    if not session.arms_named:
        asked.show(
            f"Arms: {', '.join(arms) or 'none yet'}. Another arm: its name, such as treated or control. Enter: no more. -NAME takes one out."
        )
        name = asked.line("arm >")
        if name == STOP:
            raise Ended
        if name == BACK:
            _look_back(session, asked)
        elif name:
            _open_arm(session, name, asked)
        elif arms:
            session.arms_named = True
        else:
            asked.say("A study has an arm at least.")
        return True
    if _another_cell(session, asked):
        return True
    if asked.key("Is all of the study read? [y] yes, complete [n] not yet >", "yn") == "n":
        raise Ended
    finish(session)
    return False


def _look_back(session: Session, asked: Terminal) -> None:
    place = session.history.pop() if session.history else None
    question = _question(session, place) if place else None
    answer = _ask(session, question, asked) if question else None
    if answer:
        session.add(answer)
        session.history += list(answer)[:1]


def _open_arm(session: Session, name: str, asked: Terminal) -> None:
    if name.startswith("-"):
        _take_out(session, ARM, name[1:].strip(), asked)
        return
    wrong = [f"{m} {r}" for _, m, r in complaints(session.codebook.column(ARM, "arm"), name)]
    for message in wrong:
        asked.show(message, indent="  ! ")
    if not wrong:
        session.add({**open_arm(name), (ARM, name, REMOVED): Answer("no")})


def _take_out(session: Session, table: str, row: str, asked: Terminal) -> None:
    if row not in session.reading.rows(table):
        asked.say(f"  ! There is no {row!r}.")
        return
    gone = {(table, row, REMOVED): Answer("yes")}
    if table == ARM:
        gone |= {
            (CELL, c, REMOVED): Answer("yes") for c in session.reading.rows(CELL) if session.reading.value(CELL, c, "arm") == row
        }
    session.add(gone)


def _another_cell(session: Session, asked: Terminal) -> bool:
    cells = session.reading.rows(CELL)
    asked.say()
    asked.say(f"{len(cells)} counts{': ' if cells else ' yet.'}{', '.join(cells)}")
    asked.show("Another count: outcome by key or by words of its name. Enter: no more. -NAME takes one out. < back to the arms.")
    found: list[str] = []
    while True:
        text = asked.line("outcome >")
        if text == STOP:
            raise Ended
        if text == BACK:
            session.arms_named = False
            return True
        if not text:
            return False
        if text.startswith("-"):
            _take_out(session, CELL, text[1:].strip(), asked)
            return True
        found = [_chosen(text, found)] if text.isdigit() and found else _outcomes(session, text)
        if len(found) == 1:
            break
        _show_outcomes(session, found, asked)
    outcome = found[0]
    arms = session.reading.rows(ARM)
    arm = (
        arms[0]
        if len(arms) == 1
        else _chosen(asked.line("arm " + " ".join(f"[{i}] {a}" for i, a in enumerate(arms, 1)) + " >"), arms)
    )
    stratum = asked.line("stratum, such as baseline_ais=A (Enter: all patients of the arm) >")
    months = asked.line("months after treatment, injury or irradiation (Enter: not told) >")
    wrong = cell_faults(session.reading, session.codebook, arm, outcome, stratum, months)
    for message in wrong:
        asked.show(message, indent="  ! ")
    if not wrong:
        row, opened = open_cell(arm, outcome, stratum, months)
        session.add({**opened, (CELL, row, REMOVED): Answer("no")})
    return True


def _outcomes(session: Session, text: str) -> list[str]:
    """Outcomes of the closed list that a text may mean."""
    labels = session.codebook.outcomes()
    key = text.replace(" ", "_").casefold()
    if key in labels:
        return [key]
    return [
        o for o, label in labels.items() if all(w in f"{o} {label}".casefold().replace("_", " ") for w in text.casefold().split())
    ]


def _show_outcomes(session: Session, found: list[str], asked: Terminal) -> None:
    labels = session.codebook.outcomes()
    if not found:
        asked.say("  ! No outcome fits; they stand in data/outcome_terms.csv.")
    for number, outcome in enumerate(found[:20], 1):
        asked.show(f"[{number}] {outcome}: {labels[outcome]}", indent="  ")


def finish(session: Session) -> None:
    """Mark the reading as complete."""
    session.add({(MARKS, "", COMPLETE): Answer("yes")})


def what_next(session: Session) -> str:
    """What is to be done after a complete reading."""
    study, number = session.reading.study_id, session.reading.number
    other = session.store.find(study, 3 - number)
    if other is not None and other.complete:
        missing = rows_of_other(other, session.reading)
        if missing:
            return f"Complete. {other.reader} has not judged all that you added: cordbook extract {study} --reader {quoted(other.reader)}"
        return f"Complete, and so is the other reading: cordbook reconcile {study}"
    return f"Complete. The other reading is to be made by another person: cordbook extract {study} --reader NAME"


def quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
