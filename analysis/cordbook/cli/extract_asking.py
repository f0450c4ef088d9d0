"""The questions of ``cordbook extract`` in the terminal."""

from __future__ import annotations

from datetime import date

from cordbook.cli.extract_rows import another_count, chosen, take_out
from cordbook.cli.extract_session import ADD, ASK, REST, Reopened, Session, heard
from cordbook.cli.extract_terms import new_term
from cordbook.cli.terminal import BACK, Ended, Terminal
from cordbook.evidence.problems import Problem
from cordbook.evidence.rules import complaints
from cordbook.intake.extraction.codebook import (
    ASKED_ABOUT,
    OUTCOME_ORDER,
    Question,
    as_total,
    is_unnamed_total,
    open_arm,
    open_questions,
    problems,
    questions,
    rows_of_other,
    tidy,
    wider_arms,
)
from cordbook.intake.extraction.new_terms import TOPIC_LIST
from cordbook.intake.extraction.percent import counts_for_percent, is_percent
from cordbook.intake.extraction.readings import (
    ARM,
    COMPLETE,
    MARKS,
    NOT_REPORTED,
    OUTCOME,
    REMOVED,
    STUDY,
    Answer,
    Place,
    record_of_study,
)
from cordbook.intake.extraction.reconcile import errors_if_entered
from cordbook.intake.extraction.suggestions import as_before, offered
from cordbook.intake.records.untrusted_text import one_line
from cordbook.intake.screening.screening import load_items

HELP = (
    "Answer each question; Enter takes what stands in [brackets]. Or: . not reported, . REASON for another reason, "
    ".. nothing more of this part is reported, < back, =topic opens an answer again by its name (=treated n that of an arm or count), "
    "? help, q stop. Every answer is on disk at once."
)


def ask_all(session: Session, asked: Terminal) -> None:
    """Ask all that is open, then for more arms and counts; every answer is written at once."""
    study = session.reading.study_id
    _introduce(session, asked)
    try:
        while True:
            try:
                if not _step(session, asked):
                    break
            except Reopened as wanted:
                session.again.insert(0, wanted.place)
    except Ended:
        asked.print()
    left = sum(1 for _ in open_questions(session.reading, session.codebook))
    if session.reading.complete and not left:
        asked.print(what_next(session))
    else:
        again_with = f"cordbook extract {study} --reader {quoted(session.reading.reader)}"
        asked.print(f"Every answer is kept; {left} questions are open. To go on: {again_with}")


def _step(session: Session, asked: Terminal) -> bool:
    """Ask one question and write its answer; without an open one, for more arms and counts. False at the end."""
    question = _question(session)
    if question is None:
        return _more(session, asked)
    answer = _same(session, question, asked)
    if answer is _NEITHER:
        answer = _ask(session, question, asked)
    if answer is None:
        if session.history:
            session.again.insert(0, session.history.pop())
        else:
            asked.print("This is the first question of this sitting.")
    else:
        session.add(answer)
        session.history += answer
        _ask_whether_everybody(session, question.place, asked)
    return True


def _ask_whether_everybody(session: Session, place: Place, asked: Terminal) -> None:
    """Of a stratum that holds as many patients as its arm, ask whether it is everybody; then all patients have a count too."""
    table, row, column = place
    if table != OUTCOME or column not in OUTCOME_ORDER or not is_unnamed_total(session.reading, row, session.codebook):
        return
    n, arm = session.reading.value(OUTCOME, row, "n"), session.reading.value(OUTCOME, row, "arm")
    asked.show(f"The arm {arm} has {n} patients, and so has the stratum {session.reading.value(OUTCOME, row, 'stratum')}.")
    if asked.key("Is this everybody of the arm? [y] yes [n] no >", "yn") == "y":
        session.add(as_total(session.reading, row))
        asked.show("The same numbers stand as a count of all patients too; the rest of it is asked.", indent="  ")
    else:
        asked.show(
            f"By its number it will stand for everybody. Correct the patients of one of them: ={arm} n, or =n for this count.",
            indent="  ! ",
        )


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


def _question(session: Session) -> Question | None:
    """The next question: one that is to be asked again, else the first that is open."""
    while session.again:
        place = session.again.pop(0)
        found = next((q for q in questions(session.reading, session.codebook) if q.place == place), None)
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
        text = heard(session, asked, "Enter: the same, e: one by one >", near=question.place).casefold()
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
    """Answers to write; None to go back. Raises :class:`Ended` and :class:`Reopened`."""
    name = question.place[2]
    choices = _choices(session, question)
    _show(session, question, choices, asked)
    offer = offered(session.reading, question.place, session.codebook)
    while True:
        text = heard(session, asked, f"{name}{f' [{offer}]' if offer else ''} >", choices, question.place)
        if text == BACK:
            return None
        question = _as_now(session, question)  # a list may have grown meanwhile
        choices = _choices(session, question)
        if name == TOPIC_LIST.key and question.place[0] == STUDY and text.startswith(ADD):
            text = new_term(session, TOPIC_LIST, text[len(ADD) :].strip(), asked)
            question = _as_now(session, question)
            choices = _choices(session, question)
            if not text:
                continue
        if text == REST:
            return _rest(session, question)
        if text == ASK:
            _help(session, question, asked)
            continue
        if not text and offer:
            text = offer
        if not text:
            asked.print("The tables need a value here." if question.required else "An answer, or . for not reported.")
            continue
        answer = (
            Answer("", one_line(text[1:]) or NOT_REPORTED)
            if text[:1] == "." and not text[1:2].isdigit()
            else _answer(session, question, text, choices, asked)
        )
        if answer is None:
            continue
        wrong, odd = problems(session.reading, question, answer, session.codebook, skip={ASKED_ABOUT})
        for message in (*wrong, *odd):
            asked.show(message, indent="  ! ")
        if not wrong:
            return {question.place: answer}


def _as_now(session: Session, question: Question) -> Question:
    """The question with its column as the schema has it by now."""
    return next((q for q in questions(session.reading, session.codebook) if q.place == question.place), question)


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
    if name == TOPIC_LIST.key and table == STUDY:
        asked.show("+NAME makes a new one.", indent="  ")
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
        f"at most {column.highest:g}" if column.highest is not None else "",
        "a value is needed" if question.required else "may be left out with .",
    ) if text]  # fmt: skip
    asked.show("; ".join(limits), indent="  ")
    if table == OUTCOME:
        outcome = session.reading.value(OUTCOME, row, "outcome")
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
        found = counts_for_percent(text, int(session.reading.value(OUTCOME, row, "n") or 0))
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
        name = heard(session, asked, "arm >")
        if name == BACK:
            if session.history:
                session.again.insert(0, session.history.pop())
        elif name:
            _open_arm(session, name, asked)
        elif arms:
            session.arms_named = True
        else:
            asked.print("A study has an arm at least.")
        return True
    if another_count(session, asked):
        return True
    if asked.key("Is all of the study read? [y] yes, complete [n] not yet >", "yn") == "n":
        raise Ended
    left = unfit(session)
    for problem in left:
        asked.show(told(session, problem), indent="  ! ")
    if left:
        session.again += [place for problem in left if (place := _place_of(session, problem))]
        if not session.again:
            asked.show("The reading is not complete before this is mended.")
            raise Ended
        return True
    finish(session)
    return False


def unfit(session: Session) -> list[Problem]:
    """What would keep the study out of the tables in the end, were this reading to enter them."""
    return errors_if_entered(session.project.data, session.reading, date.today().isoformat())


def told(session: Session, problem: Problem) -> str:
    """A problem of the reading for its reader, with where it stands."""
    place = _place_of(session, problem)
    where = " ".join(place[1:]) if place else ", ".join(filter(None, (problem.file, problem.key, problem.column)))
    return f"{where}: {problem.message} {problem.remedy}"


def _place_of(session: Session, problem: Problem) -> Place | None:
    """The question that a problem is of; None where no answer can mend it."""
    row = problem.key.removeprefix(f"{session.reading.study_id}.")
    wanted = (problem.file.removesuffix(".csv"), row, problem.column)
    return next((q.place for q in questions(session.reading, session.codebook) if q.place == wanted), None)


def _open_arm(session: Session, name: str, asked: Terminal) -> None:
    if name.startswith("-"):
        take_out(session, ARM, name[1:].strip(), asked)
        return
    wrong = [f"{m} {r}" for _, m, r in complaints(session.codebook.column(ARM, "arm"), name)]
    for message in wrong:
        asked.show(message, indent="  ! ")
    if not wrong:
        session.add({(ARM, name, REMOVED): Answer("no"), **open_arm(name)})


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
