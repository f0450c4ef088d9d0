"""Who gives a command, as the tables note it."""

from __future__ import annotations

import os

import cordbook


def who(said: str = "") -> str:
    """The name given with the command, else CORDBOOK_REVIEWER, else the program with its version."""
    return " ".join(said.split()) or os.environ.get("CORDBOOK_REVIEWER", "").strip() or f"cordbook {cordbook.__version__}"


def person_or_none(said: str = "") -> str | None:
    """The name given with the command, else CORDBOOK_REVIEWER; None where a person is needed and none is named."""
    return " ".join(said.split()) or os.environ.get("CORDBOOK_REVIEWER", "").strip() or None
