"""A plain terminal: one key without Enter where that works, lines where it does not, and text that cannot do harm."""

from __future__ import annotations

import os
import select
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from re import Match, Pattern
from typing import TextIO

from cordbook.intake.records.untrusted_text import one_line


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
        number = self.source.fileno()
        with _single_keys(number):
            # A signal that comes just before a read would wait for the next key; so no wait is longer than this.
            while not select.select([number], [], [], 0.5)[0]:
                pass
            pressed = os.read(number, 1)
            if pressed == b"\x1b":  # an arrow or function key: the rest of it is no answer
                _skip_sequence(number)
        if pressed in (b"", b"\x04"):
            raise Ended
        return pressed.decode("ascii", "ignore").lower()


@contextmanager
def _single_keys(number: int) -> Iterator[None]:
    """Keys come one by one and are not shown; the terminal is set back however this ends, SIGKILL excepted."""
    import termios
    import tty

    def ended(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = termios.tcgetattr(number)
    handlers = {}
    try:
        if threading.current_thread() is threading.main_thread():
            # Their default is to end at once, which would leave the person with a terminal that does not show what is typed.
            handlers = {name: signal.signal(name, ended) for name in (signal.SIGTERM, signal.SIGHUP)}
        # Not TCSAFLUSH, the default: that throws away keys which were pressed before the prompt was up.
        tty.setcbreak(number, termios.TCSADRAIN)
        yield
    finally:
        with suppress(termios.error):  # a terminal that is gone
            termios.tcsetattr(number, termios.TCSADRAIN, before)
        for name, handler in handlers.items():
            signal.signal(name, handler)


def _skip_sequence(number: int) -> None:
    """Read the rest of an escape sequence (ECMA-48: brackets, parameters, a last letter), and no key that follows it."""
    begun = False
    while select.select([number], [], [], 0.02)[0]:
        byte = os.read(number, 1)
        if not byte or (begun and b"\x40" <= byte <= b"\x7e") or (not begun and byte not in (b"[", b"O")):
            return
        begun = True


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
