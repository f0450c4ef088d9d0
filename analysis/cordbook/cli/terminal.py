"""A plain terminal: one key without Enter where that works, lines where it does not, and text that cannot do harm."""

from __future__ import annotations

import os
import sys
import textwrap
from contextlib import suppress
from dataclasses import dataclass
from re import Match, Pattern
from typing import TextIO

from cordbook.intake.text import one_line


class Ended(Exception):
    """The input is at its end."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a person is asked. Keys are read one by one from a terminal, and line by line from a pipe or a file."""

    source: TextIO
    out: TextIO
    raw: bool
    colour: bool
    width: int

    def say(self, text: str = "") -> None:
        """A line of ours; text of records goes through :meth:`show`."""
        print(text, file=self.out, flush=True)

    def show(self, text: str, marks: Pattern[str] | None = None, *, indent: str = "") -> None:
        """A paragraph of a record, harmless, wrapped, with marked words."""
        lines = textwrap.wrap(one_line(text), self.width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
        for line in lines:
            self.say(marks.sub(self._marked, line) if marks else line)

    def _marked(self, match: Match[str]) -> str:
        return f"\x1b[1;4m{match.group()}\x1b[0m" if self.colour else f"*{match.group()}*"

    def key(self, prompt: str, keys: str) -> str:
        """One of ``keys``; asks again for any other. Raises :class:`Ended`."""
        while True:
            print(prompt, end=" ", file=self.out, flush=True)
            pressed = self._one_key() if self.raw else self._line()[:1]
            if self.raw:
                self.say(pressed if pressed.isprintable() else "")
            if pressed and pressed in keys:
                return pressed
            self.say(f"Press one of: {' '.join(keys)}")

    def line(self, prompt: str) -> str:
        """A line of text, harmless and trimmed. Raises :class:`Ended`."""
        print(prompt, end=" ", file=self.out, flush=True)
        return one_line(self._line())

    def _line(self) -> str:
        line = self.source.readline()
        if not line:
            raise Ended
        return line.strip()

    def _one_key(self) -> str:
        import termios
        import tty

        number = self.source.fileno()
        before = termios.tcgetattr(number)
        try:
            # Not TCSAFLUSH, the default: that throws away keys which were pressed before the prompt was up.
            tty.setcbreak(number, termios.TCSADRAIN)
            pressed = os.read(number, 1)
            if pressed == b"\x1b":  # an arrow or function key: the rest of it is no answer
                with suppress(OSError):
                    os.set_blocking(number, False)
                    os.read(number, 16)
        finally:
            os.set_blocking(number, True)
            termios.tcsetattr(number, termios.TCSADRAIN, before)
        if pressed in (b"", b"\x04"):
            raise Ended
        return pressed.decode("ascii", "ignore").lower()


def terminal(width: int | None = None) -> Terminal:
    """The terminal of this process."""
    raw = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    if raw:
        try:
            import termios  # noqa: F401
        except ImportError:
            raw = False
    columns = width or min(os.get_terminal_size().columns if raw else 100, 100) or 80
    return Terminal(sys.stdin, sys.stdout, raw, raw and not os.environ.get("NO_COLOR"), max(columns, 40))
