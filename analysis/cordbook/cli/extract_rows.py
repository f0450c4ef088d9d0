"""The arms and counts of a reading, as ``cordbook extract`` opens them and takes them out."""

from __future__ import annotations

from cordbook.cli.extract_session import ADD, Session, heard
from cordbook.cli.extract_terms import new_term
from cordbook.cli.terminal import BACK, Terminal
from cordbook.intake.extraction.codebook import count_problems, open_count
from cordbook.intake.extraction.new_terms import OUTCOMES
from cordbook.intake.extraction.outcomes import is_key, outcomes_called
from cordbook.intake.extraction.readings import ARM, OUTCOME, REMOVED, Answer
from cordbook.intake.extraction.suggestions import last_months

#: Candidates that are listed for one name.
LISTED = 20


def chosen(text: str, choices: list[str]) -> str:
    """One of ``choices``, named by its number or by how it begins; else the text itself."""
    if choices and text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= len(choices):
        return choices[int(text) - 1]
    near = [c for c in choices if c.casefold().startswith(text.casefold())]
    return near[0] if len(near) == 1 else text


def take_out(session: Session, table: str, row: str, asked: Terminal) -> None:
    """Take an arm with its counts, or a count, out of the reading; what was said of it stands no longer if it comes again."""
    if row not in session.reading.rows(table):
        asked.print(f"  ! There is no {row!r}.")
        return
    gone = {(table, row, REMOVED): Answer("yes")}
    if table == ARM:
        gone |= {
            (OUTCOME, c, REMOVED): Answer("yes")
            for c in session.reading.rows(OUTCOME)
            if session.reading.value(OUTCOME, c, "arm") == row
        }
    session.add(gone)
    session.history = [place for place in session.history if place[:2] not in {g[:2] for g in gone}]


def another_count(session: Session, asked: Terminal) -> bool:
    """Ask for more counts and open them; False where there are no more."""
    counts = session.reading.rows(OUTCOME)
    asked.print()
    asked.print(f"{len(counts)} counts{': ' if counts else ' yet.'}{', '.join(counts)}")
    asked.show(
        "More counts: outcomes by key or by words of their names, with commas between. Enter: no more. -NAME takes one out. "
        "+NAME makes a new outcome. < back to the arms."
    )
    text = heard(session, asked, "outcome >", session.codebook.outcomes())
    if text == BACK:
        session.arms_named = False
        return True
    if not text:
        return False
    if text.startswith("-"):
        take_out(session, OUTCOME, text[1:].strip(), asked)
        return True
    outcomes = _confirmed(session, text, asked)
    places = _places(session, asked) if outcomes else None
    if places:  # else back: the names are corrected
        arms, stratum, months = places
        for outcome in outcomes:
            for arm in arms:
                _open_count(session, (arm, outcome, stratum, months), asked)
    return True


def _places(session: Session, asked: Terminal) -> tuple[list[str], str, str] | None:
    """Arms, stratum and months of counts; None to go back to their names."""
    arms = _arms(session, asked)
    if not arms:
        return None
    stratum = heard(session, asked, "stratum, as KEY=VALUE (Enter: all patients of the arm) >")
    if stratum == BACK:
        return None
    last = last_months(session.reading)
    message = f"[{last}], . not told" if last else "Enter: not told"
    months = heard(session, asked, f"months after treatment or exposure ({message}) >") or last
    return None if months == BACK else (arms, stratum, "" if months == "." else months)


def _arms(session: Session, asked: Terminal) -> list[str]:
    arms = session.reading.rows(ARM)
    if len(arms) == 1:
        return arms
    message = " ".join(f"[{i}] {a}" for i, a in enumerate(arms, 1))
    text = heard(session, asked, f"arm {message} (Enter: each of them) >", arms)
    return [] if text == BACK else [chosen(text, arms)] if text else arms


def _open_count(session: Session, key: tuple[str, str, str, str], asked: Terminal) -> None:
    wrong = count_problems(session.reading, session.codebook, *key)
    for message in wrong:
        asked.show(f"{key[1]} in {key[0]}: {message}", indent="  ! ")
    if not wrong:
        row, opened = open_count(*key)
        session.add({(OUTCOME, row, REMOVED): Answer("no"), **opened})


# ------------------------------------------------------------------------------------------------ names of outcomes


def _confirmed(session: Session, text: str, asked: Terminal) -> list[str]:
    """The outcomes that a list of names means: what is clear is kept, what is not is asked, what was not named by key is confirmed."""
    found: dict[str, bool] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        outcome = _one(session, part, asked)
        if outcome:
            found[outcome] = is_key(part, outcome) or found.get(outcome, False)
    labels = session.codebook.outcomes()
    kept = []
    for outcome, by_key in found.items():
        asked.show(f"{outcome}: {labels.get(outcome, '')}", indent="  ")
        if by_key or asked.key("This one? [y] yes [n] no >", "yn") == "y":
            kept.append(outcome)
        elif again := _one(session, heard(session, asked, "which outcome then (Enter: none) >", labels), asked):
            asked.show(f"{again}: {labels.get(again, '')}", indent="  ")
            kept.append(again)
    return list(dict.fromkeys(kept))


def _one(session: Session, part: str, asked: Terminal) -> str:
    """The one outcome that a name means, asked for as long as it is not clear; blank where it is left out."""
    shown: list[str] = []
    while part and part != BACK:
        if part.startswith(ADD):
            return new_term(session, OUTCOMES, part[len(ADD) :].strip(), asked)
        found = [chosen(part, shown)] if part.isdigit() and shown else outcomes_called(part, session.codebook.outcomes())
        found = [outcome for outcome in found if outcome in session.codebook.outcomes()]
        if len(found) == 1:
            return found[0]
        shown = found or shown
        _show_outcomes(session, part, found, asked)
        part = heard(
            session, asked, f"which outcome is {part!r} (name or number, +NAME: a new one, Enter: leave it out) >", shown
        )
    return ""


def _show_outcomes(session: Session, text: str, found: list[str], asked: Terminal) -> None:
    labels = session.codebook.outcomes()
    if not found:
        asked.show(f"No outcome has the words {text!r}; they stand in data/outcome_terms.csv.", indent="  ! ")
    for number, outcome in enumerate(found[:LISTED], 1):
        asked.show(f"[{number}] {outcome}: {labels[outcome]}", indent="  ")
    if len(found) > LISTED:
        asked.show(f"and {len(found) - LISTED} more; say more of its name", indent="  ")
