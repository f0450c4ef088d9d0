"""New outcomes and topics, made at a prompt of ``cordbook extract``."""

from __future__ import annotations

from cordbook.cli.extract_session import Session, heard
from cordbook.cli.terminal import BACK, Terminal
from cordbook.intake.extraction.new_terms import TermList, add_term, fields_of_term, term_problems
from cordbook.intake.extraction.readings import NotReadable


def new_term(session: Session, which: TermList, key: str, asked: Terminal) -> str:
    """Ask for all that a closed list holds of a term, and write it; its key, or blank where it was given up."""
    data = session.project.data
    asked.print()
    asked.show(f"A new {which.key}. Enter leaves out what is not needed, < gives it up.")
    term: dict[str, str] = {}
    for column in fields_of_term(data, which):
        offered = key.replace(" ", "_").casefold() if column.name == which.key else ""
        choices = list(column.enum)
        asked.show(f"{column.name}{' · needed' if column.required else ''}: {column.description}", indent="  ")
        if choices:
            asked.show("  ".join(f"[{i}] {choice}" for i, choice in enumerate(choices, 1)), indent="  ")
        while True:
            text = heard(session, asked, f"{column.name}{f' [{offered}]' if offered else ''} >", choices) or offered
            if text == BACK:
                return ""
            if choices and text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= len(choices):
                text = choices[int(text) - 1]
            wrong = term_problems(data, which, column, text)
            for message in wrong:
                asked.show(message, indent="  ! ")
            if not wrong:
                term[column.name] = text
                break
    if asked.key(f"Add {term[which.key]} to the {which.key}s of the review? [y] yes [n] no >", "yn") == "n":
        return ""
    try:
        add_term(data, session.project.kept, which, term)
    except NotReadable as problem:
        asked.show(str(problem), indent="  ! ")
        return ""
    session.look_again()
    return term[which.key]
