"""Read from CITATION.cff under which licences a review stands, for what goes with its releases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_FULL = {"CC-BY-4.0": "Creative Commons Attribution 4.0 International", "MIT": "MIT License"}
NOT_CHOSEN = "No licence has been chosen; all rights are reserved."


@dataclass(frozen=True, slots=True)
class Licences:
    """SPDX names as CITATION.cff lists them, none where the authors have not chosen. A Creative Commons licence is for text and data."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> Licences:
        """Those of the content of a CITATION.cff."""
        listed = about.get("license") or ()
        return cls((listed,) if isinstance(listed, str) else tuple(listed))

    @property
    def content(self) -> str | None:
        """That of text, figures and data."""
        return next((name for name in self.names if name.startswith("CC")), self.names[0] if self.names else None)

    @property
    def code(self) -> str | None:
        """That of notebooks and programs."""
        return next((name for name in self.names if not name.startswith("CC")), self.names[0] if self.names else None)

    @property
    def text(self) -> str:
        """All of it in a sentence or two.

        >>> Licences(("MIT", "CC-BY-4.0")).text, Licences(("CC0-1.0",)).text
        ('Text, figures and data: CC BY 4.0. Code: MIT.', 'Text, figures, data and code: CC0 1.0.')
        """
        if self.content is None or self.code is None:
            return NOT_CHOSEN
        if self.content == self.code:
            return f"Text, figures, data and code: {_short(self.code)}."
        return f"Text, figures and data: {_short(self.content)}. Code: {_short(self.code)}."


def _short(name: str) -> str:
    return name.replace("-", " ") if name.startswith("CC") else name


def full_name(name: str) -> str:
    """The name of a licence as its own text gives it; the SPDX name where it is not known here."""
    return _FULL.get(name, name)


def address(name: str) -> str:
    """The page of a licence at SPDX (https://spdx.org/licenses/)."""
    return f"https://spdx.org/licenses/{name}"
