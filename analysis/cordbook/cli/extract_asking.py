"""The questions of ``cordbook extract`` in the terminal."""

from __future__ import annotations

from cordbook.cli.extract_rows import ASK, BACK, REST, STOP, Session, another_cell, chosen, take_out
from cordbook.cli.terminal import Ended, Terminal
from cordbook.evidence.rules import complaints
from cordbook.intake.extraction.codebook import (
    Question,
    faults,
    open_arm,
    open_questions,
    questions,
    rows_of_other,
    tidy,
    wider_arms,
)
from cordbook.intake.extraction.percent import counts_for_percent, is_percent
from cordbook.intake.extraction.readings import (
    ARM,
    CELL,
    COMPLETE,
    MARKS,
    NOT_REPORTED,
    REMOVED,
    Answer,
    Place,
    record_of_study,
)
from cordbook.intake.extraction.suggestions import as_before, offered
from cordbook.intake.records.untrusted_text import one_line
from cordbook.intake.screening.screening import load_items

HELP = (
    "Answer each question; Enter takes what stands in [brackets]. Or: . not reported, . REASON for another reason, "
    ".. nothing more of this part is reported, < back, ? help, q stop. Every answer is on disk at once."
)


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
            answer = _same(session, question, asked)
            if answer is _NEITHER:
                answer = _ask(session, question, asked)
            if answer is None:
                again = session.history.pop() if session.history else None
                if again is None:
                    asked.print("This is the first question of this sitting.")
            elif isinstance(answer, dict):
                session.add(answer)
                session.history += answer
    except Ended:
        asked.print()
    left = sum(1 for _ in open_questions(session.reading, session.codebook))
    if session.reading.complete and not left:
        asked.print(what_next(session))
    else:
        again_with = f"cordbook extract {study} --reader {quoted(session.reading.reader)}"
        asked.print(f"Every answer is kept; {left} questions are open. To go on: {again_with}")


def _introduce(session: Session, asked: Terminal) -> None:
    reading = session.reading
    asked.print(f"{reading.study_id}, reading {reading.number}, by {reading.reader}")
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
        asked.print()
        asked.show(item.abstract)
    asked.print()
    asked.show(HELP)


def _question(session: Session, again: Place | None) -> Question | None:
    if again is not None:
        found = next((q for q in questions(session.reading, session.codebook) if q.place == again), None)
        if found:
            return found
    return next(open_questions(session.reading, session.codebook), None)


#: The question of :func:`_same` did not arise, or was answered with no.
_NEITHER: dict[Place, Answer] = {}


def _same(session: Session, question: Question, asked: Terminal) -> dict[Place, Answer] | None:
    """Answers like those of the count before; None to go back, :data:`_NEITHER` to be asked one by one. Raises :class:`Ended`."""
    row = question.place[1]
    if row in session.one_by_one or question.place in session.reading.answers:
        return _NEITHER
    before, answers = as_before(session.reading, question.place, session.codebook)
    if len(answers) < 2:
        return _NEITHER
    asked.print()
    message = ", ".join(f"{place[2]} {a.value or f'({a.reason})'}" for place, a in answers.items())
    asked.show(f"count {row} · the rest as for {before}? {message}")
    while True:
        text = asked.line("Enter: the same, e: one by one >").casefold()
        if text == STOP:
            raise Ended
        if text == BACK:
            return None
        if not text:
            return answers
        if text == "e":
            session.one_by_one.add(row)
            return _NEITHER
        if text == ASK:
            _help(session, question, asked)
        else:
            asked.print("Enter, e, <, ? or q.")


def _ask(session: Session, question: Question, asked: Terminal) -> dict[Place, Answer] | None:
    """Answers to write; None to go back. Raises :class:`Ended`."""
    name = question.place[2]
    choices = _choices(session, question)
    _show(session, question, choices, asked)
    offer = offered(session.reading, question.place, session.codebook)
    while True:
        text = asked.line(f"{name}{f' [{offer}]' if offer else ''} >", choices)
        if text == STOP:
            raise Ended
        if text == BACK:
            return None
        if text == REST:
            return _rest(session, question)
        if text == ASK:
            _help(session, question, asked)
            continue
        if not text and offer:
            text = offer
        if not text:
            asked.print("An answer, or . for not reported.")
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
    asked.print()
    where = "the study" if table == "studies" else f"arm {row}" if table == ARM else f"count {row}"
    asked.print(f"{where} · {name}{f' ({column.unit})' if column.unit else ''}{'' if not question.required else ' · needed'}")
    asked.show(column.description, indent="  ")
    if choices:
        asked.show("  ".join(f"[{i}] {choice}" for i, choice in enumerate(choices, 1)), indent="  ")
    if name == "events":
        asked.show("A percent such as 43.8% becomes a count where one count alone fits.", indent="  ")


def _help(session: Session, question: Question, asked: Terminal) -> None:
    """All that the codebook says of a question, and how to answer."""
    table, row, name = question.place
    column = question.field
    asked.print()
    asked.show(f"{table}.csv, {name}: {column.description}")
    limits = [text for text in (
        f"type {column.type}",
        f"in {column.unit}" if column.unit else "",
        f"at least {column.minimum:g}" if column.minimum is not None else "",
        f"at most {column.maximum:g}" if column.maximum is not None else "",
        "a value is needed, or . and the reason why there is none" if question.required else "may be left out with .",
    ) if text]  # fmt: skip
    asked.show("; ".join(limits), indent="  ")
    if table == CELL:
        outcome = session.reading.value(CELL, row, "outcome")
        term = next((t for t in session.codebook.rows("outcome_terms") if t["outcome"] == outcome), None)
        if term:
            asked.show(f"{term['label']}: {term['definition']}", indent="  ")
    if name == "not_poolable_reason":
        for reason in session.codebook.rows("not_poolable_reasons"):
            asked.show(f"{reason['reason']}: {reason['explanation']}", indent="  ")
    asked.show(HELP)
    asked.print("The whole codebook: data/README.md")


def _choices(session: Session, question: Question) -> list[str]:
    table, _, name = question.place
    if name == "not_poolable_reason":
        return [row["reason"] for row in session.codebook.rows("not_poolable_reasons")]
    if (table, name) == (ARM, "part_of"):
        return wider_arms(session.reading, question.place[1])
    if question.field.type == "boolean":
        return [*question.field.true_values, *question.field.false_values]
    return list(question.field.enum)


def _answer(session: Session, question: Question, text: str, choices: list[str], asked: Terminal) -> Answer | None:
    _, row, name = question.place
    if name == "events" and is_percent(text):
        return _count(session, row, text, asked)
    if name == "not_poolable_reason":
        parts = [chosen(part, choices) for part in text.replace(";", " ").replace(",", " ").split()]
        return Answer(";".join(dict.fromkeys(parts)))
    return Answer(tidy(chosen(text, choices), question.field))


def _count(session: Session, row: str, text: str, asked: Terminal) -> Answer | None:
    try:
        found = counts_for_percent(text, int(session.reading.value(CELL, row, "n") or 0))
    except ValueError as error:
        asked.print(f"  ! {error}")
        return None
    asked.show(found.why, indent="  ")
    if found.count is None or asked.key("Take it? [y] yes [n] no >", "yn") == "n":
        return None
    return Answer(str(found.count))


def _more(session: Session, asked: Terminal) -> bool:
    """Ask for another arm or count, then whether all is read; False at the end."""
    arms = session.reading.rows(ARM)
    asked.print()
    if not session.arms_named:
        asked.show(
            f"Arms: {', '.join(arms) or 'none yet'}. Another arm: its name, such as treated or control. Enter: no more. "
            "-NAME takes one out."
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
            asked.print("A study has an arm at least.")
        return True
    if another_cell(session, asked):
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
        session.history += answer


def _open_arm(session: Session, name: str, asked: Terminal) -> None:
    if name.startswith("-"):
        take_out(session, ARM, name[1:].strip(), asked)
        return
    wrong = [f"{m} {r}" for _, m, r in complaints(session.codebook.column(ARM, "arm"), name)]
    for message in wrong:
        asked.show(message, indent="  ! ")
    if not wrong:
        session.add({**open_arm(name), (ARM, name, REMOVED): Answer("no")})


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
            theirs = f"cordbook extract {study} --reader {quoted(other.reader)}"
            return f"Complete. {other.reader} has not judged all that you added: {theirs}"
        return f"Complete, and so is the other reading: cordbook reconcile {study}"
    return f"Complete. The other reading is to be made by another person: cordbook extract {study} --reader NAME"


def quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
