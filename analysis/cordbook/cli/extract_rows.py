"""The arms and counts of a reading, as ``cordbook extract`` opens them and takes them out."""

from __future__ import annotations

from dataclasses import dataclass, field

from cordbook.cli.terminal import Ended, Terminal
from cordbook.core.project import Project
from cordbook.intake.extraction.codebook import Codebook, cell_faults, open_cell
from cordbook.intake.extraction.readings import ARM, CELL, REMOVED, Answer, Place, Reading, Readings
from cordbook.intake.extraction.suggestions import last_months

BACK, STOP, REST, ASK = "<", "q", "..", "?"


@dataclass(slots=True)
class Session:
    """One reader at one study; ``reading`` grows with each answer."""

    project: Project
    store: Readings
    codebook: Codebook
    reading: Reading
    history: list[Place] = field(default_factory=list)
    arms_named: bool = False
    one_by_one: set[str] = field(default_factory=set)

    def add(self, answers: dict[Place, Answer]) -> None:
        if answers:
            self.reading = self.store.add(self.reading, answers)


def chosen(text: str, choices: list[str]) -> str:
    """One of ``choices``, named by its number or by how it begins; else the text itself."""
    if choices and text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= len(choices):
        return choices[int(text) - 1]
    near = [c for c in choices if c.casefold().startswith(text.casefold())]
    return near[0] if len(near) == 1 else text


def take_out(session: Session, table: str, row: str, asked: Terminal) -> None:
    """Take an arm with its counts, or a count, out of the reading."""
    if row not in session.reading.rows(table):
        asked.print(f"  ! There is no {row!r}.")
        return
    gone = {(table, row, REMOVED): Answer("yes")}
    if table == ARM:
        gone |= {
            (CELL, c, REMOVED): Answer("yes") for c in session.reading.rows(CELL) if session.reading.value(CELL, c, "arm") == row
        }
    session.add(gone)


def another_cell(session: Session, asked: Terminal) -> bool:
    """Ask for more counts and open them; False where there are no more."""
    cells = session.reading.rows(CELL)
    asked.print()
    asked.print(f"{len(cells)} counts{': ' if cells else ' yet.'}{', '.join(cells)}")
    asked.show(
        "More counts: outcomes by key or by words of their names, with commas between. Enter: no more. -NAME takes one out. "
        "< back to the arms."
    )
    found: list[str] = []
    while True:
        text = asked.line("outcome >", session.codebook.outcomes())
        if text == STOP:
            raise Ended
        if text == BACK:
            session.arms_named = False
            return True
        if not text:
            return False
        if text.startswith("-"):
            take_out(session, CELL, text[1:].strip(), asked)
            return True
        if text.isdigit() and found:
            outcomes = [chosen(text, found)]
            break
        named = {part: _outcomes(session, part) for part in filter(None, map(str.strip, text.split(",")))}
        if all(len(f) == 1 for f in named.values()):
            outcomes = list(dict.fromkeys(f[0] for f in named.values()))
            break
        for part, found in named.items():
            if len(found) != 1:
                _show_outcomes(session, part, found, asked)
    arms = _arms(session, asked)
    stratum = asked.line("stratum, as KEY=VALUE (Enter: all patients of the arm) >")
    last = last_months(session.reading)
    message = f"[{last}], . not told" if last else "Enter: not told"
    months = asked.line(f"months after treatment or exposure ({message}) >") or last
    for outcome in outcomes:
        for arm in arms:
            _open_cell(session, (arm, outcome, stratum, "" if months == "." else months), asked)
    return True


def _arms(session: Session, asked: Terminal) -> list[str]:
    arms = session.reading.rows(ARM)
    if len(arms) == 1:
        return arms
    message = " ".join(f"[{i}] {a}" for i, a in enumerate(arms, 1))
    text = asked.line(f"arm {message} (Enter: each of them) >", arms)
    return [chosen(text, arms)] if text else arms


def _open_cell(session: Session, key: tuple[str, str, str, str], asked: Terminal) -> None:
    wrong = cell_faults(session.reading, session.codebook, *key)
    for message in wrong:
        asked.show(f"{key[1]} in {key[0]}: {message}", indent="  ! ")
    if not wrong:
        row, opened = open_cell(*key)
        session.add({**opened, (CELL, row, REMOVED): Answer("no")})


def _outcomes(session: Session, text: str) -> list[str]:
    """Outcomes of the closed list that a text may mean."""
    labels = session.codebook.outcomes()
    key = text.replace(" ", "_").casefold()
    if key in labels:
        return [key]
    return [
        o for o, label in labels.items() if all(w in f"{o} {label}".casefold().replace("_", " ") for w in text.casefold().split())
    ]


def _show_outcomes(session: Session, text: str, found: list[str], asked: Terminal) -> None:
    labels = session.codebook.outcomes()
    if not found:
        asked.show(f"No outcome fits {text!r}; they stand in data/outcome_terms.csv.", indent="  ! ")
    for number, outcome in enumerate(found[:20], 1):
        asked.show(f"[{number}] {outcome}: {labels[outcome]}", indent="  ")
