"""One reader at one study, and what can be typed at every question of ``cordbook extract``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cordbook.cli.terminal import Ended, Terminal
from cordbook.core.project import Project
from cordbook.evidence.schema import Unreadable
from cordbook.intake.extraction.codebook import Codebook, questions
from cordbook.intake.extraction.readings import STUDY, Answer, Place, Reading, Readings

STOP, REST, ASK, OPEN, ADD = "q", "..", "?", "=", "+"


class Reopened(Exception):
    """The reader wants to answer a question again."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


@dataclass(slots=True)
class Session:
    """One reader at one study; ``reading`` grows with each answer, ``again`` holds places to be asked once more."""

    project: Project
    store: Readings
    codebook: Codebook
    reading: Reading
    history: list[Place] = field(default_factory=list)
    again: list[Place] = field(default_factory=list)
    arms_named: bool = False
    one_by_one: set[str] = field(default_factory=set)

    def add(self, answers: dict[Place, Answer]) -> None:
        """Write answers, on disk when this returns."""
        if answers:
            self.reading = self.store.add(self.reading, answers)

    def look_again(self) -> None:
        """Take in what was written into the closed lists meanwhile; a table that cannot be read just now leaves them as they were."""
        try:
            self.codebook = self.codebook.now(self.project.data)
        except (Unreadable, OSError):
            return


def heard(session: Session, asked: Terminal, prompt: str, words: Iterable[str] = (), near: Place | None = None) -> str:
    """A line that answers a question. q ends (:class:`Ended`), =PLACE opens an answer again (:class:`Reopened`).

    ``near`` is the place of the question: a column alone means that of its row.
    """
    while True:
        text = asked.line(prompt, words)
        session.look_again()
        if text == STOP:
            raise Ended
        if not text.startswith(OPEN):
            return text
        found = places_called(session, text[len(OPEN) :], near)
        if len(found) == 1:
            raise Reopened(found[0])
        asked.show(_which(text, found), indent="  ! ")


def places_called(session: Session, text: str, near: Place | None) -> list[Place]:
    """Places of questions that ``COLUMN`` or ``ROW COLUMN`` may mean: of the row near by, else of the study, else all."""
    row, _, column = text.strip().rpartition(" ")
    named = [q.place for q in questions(session.reading, session.codebook) if q.place[2] == column.strip()]
    if row:
        return [place for place in named if place[1] == row.strip()]
    here = [place for place in named if near and place[:2] == near[:2]]
    return here or [place for place in named if place[0] == STUDY] or named


def _which(text: str, found: list[Place]) -> str:
    if found:
        return f"{text} stands in several rows: {', '.join(f'={row} {column}' for _, row, column in found)}"
    return (
        f"Nothing is asked by the name {text[len(OPEN) :].strip()!r}. =COLUMN opens an answer of the study or of this row again, "
        "=ROW COLUMN one of an arm or count. An arm, outcome, stratum or time is changed by taking the count out (-NAME)."
    )
