"""Ask a person in the terminal: one key without Enter, lines with completion and editing, and text that cannot do harm.

``prompt_toolkit`` reads the keyboard, on POSIX and on Windows; from a pipe or a file every answer is a line.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from re import Match, Pattern
from typing import TYPE_CHECKING, TextIO

from cordbook.intake.records.untrusted_text import one_line

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyPress
    from prompt_toolkit.output import Output

#: Seconds after which an escape that nothing follows is a key of its own and not the beginning of one.
ESCAPE_S = 0.05
#: Lines that completions may take below the question.
MENU_LINES = 6
#: What is typed at a line to go back to the choice before it.
BACK = "<"


class Ended(Exception):
    """The input is at its end."""


@dataclass(frozen=True, slots=True)
class Keyboard:
    """The keys of a real terminal; what is typed ahead of a question counts for it."""

    keys: Input
    screen: Output
    lines: History

    def key(self) -> str:
        """The next key if it is a character, in lower case; blank for arrows, function keys and the like. Raises :class:`Ended`."""
        from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead

        first, *rest = get_typeahead(self.keys) or asyncio.run(_pressed(self.keys))
        store_typeahead(self.keys, rest)
        if first.key == "c-c":
            raise KeyboardInterrupt
        if first.key == "c-d":
            raise Ended
        return first.key.lower() if len(first.key) == 1 else ""

    def line(self, prompt: str, words: Iterable[str]) -> str:
        """A line of text; Tab and the arrow keys choose among ``words``, and arrows among earlier lines. Raises :class:`Ended`."""
        from prompt_toolkit import PromptSession

        session: PromptSession[str] = PromptSession(
            input=self.keys,
            output=self.screen,
            history=self.lines,
            completer=completer(words),
            reserve_space_for_menu=MENU_LINES,
        )
        try:
            return session.prompt(f"{prompt} ", pre_run=_end_on_signals)
        except EOFError:
            raise Ended from None


def completer(words: Iterable[str]) -> Completer:
    """Completes codes by any of their letters in their order; several in one answer are parted by blanks, commas or semicolons."""
    from prompt_toolkit.completion import FuzzyCompleter, WordCompleter

    return FuzzyCompleter(WordCompleter(list(words)), pattern=r"^[^\s,;]+")


async def _pressed(keys: Input) -> list[KeyPress]:
    """What is pressed next: one key, or all that came at once. The terminal is set back however this ends, SIGKILL excepted."""
    loop = asyncio.get_running_loop()
    come: asyncio.Future[list[KeyPress]] = loop.create_future()

    def settle(found: list[KeyPress]) -> None:
        if found and not come.done():
            come.set_result(found)

    def read() -> None:
        found = keys.read_keys()
        if keys.closed and not found and not come.done():
            come.set_exception(Ended())
        settle(found)
        loop.call_later(ESCAPE_S, lambda: settle(keys.flush_keys()))

    _end_on_signals()
    with keys.raw_mode(), keys.attach(read):
        return await come


def _end_on_signals() -> None:
    """End by way of an exception, which sets the terminal back: a signal's default would leave one that does not show what is typed."""

    def ended(number: int) -> None:
        raise SystemExit(128 + number)

    if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, ended, number)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a person is asked; without a ``keyboard``, as in a pipe or a file, answers are lines of ``source``."""

    source: TextIO
    out: TextIO
    keyboard: Keyboard | None = field(repr=False)
    colour: bool
    width: int

    def print(self, text: str = "") -> None:
        """A line of ours; text of records goes through :meth:`show`."""
        print(text, file=self.out, flush=True)

    def show(self, text: str, marks: Pattern[str] | None = None, *, indent: str = "") -> None:
        """A paragraph of a record, harmless, wrapped, with marked words."""
        lines = textwrap.wrap(one_line(text), self.width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
        for line in lines:
            self.print(marks.sub(self._marked, line) if marks else line)

    def _marked(self, match: Match[str]) -> str:
        return f"\x1b[1;4m{match.group()}\x1b[0m" if self.colour else f"*{match.group()}*"

    def key(self, prompt: str, keys: str) -> str:
        """One of ``keys``; asks again for any other. Raises :class:`Ended`."""
        while True:
            print(prompt, end=" ", file=self.out, flush=True)
            if self.keyboard:
                pressed = self.keyboard.key()
                self.print(pressed if pressed.isprintable() else "")
            else:
                pressed = self._line()[:1]
            if pressed and pressed in keys:
                return pressed
            self.print(f"Press one of: {' '.join(keys)}")

    def line(self, prompt: str, words: Iterable[str] = ()) -> str:
        """A line of text, harmless and trimmed; at a keyboard, ``words`` can be completed. Raises :class:`Ended`."""
        if self.keyboard:
            return one_line(self.keyboard.line(prompt, words))
        print(prompt, end=" ", file=self.out, flush=True)
        return one_line(self._line())

    def text(self, prompt: str) -> str:
        """A line that is not blank. A blank one is asked again: it is mostly the Enter after a key that needs none. Raises :class:`Ended`."""
        while not (text := self.line(prompt)):
            self.print("Type an answer, then Enter.")
        return text

    def _line(self) -> str:
        line = self.source.readline()
        if not line:
            raise Ended
        return line.strip()


def terminal(width: int | None = None) -> Terminal:
    """The terminal of this process."""
    keyboard = _keyboard() if sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in _NO_KEYS else None
    columns = width or min(os.get_terminal_size().columns if keyboard else 100, 100) or 80
    coloured = keyboard is not None and not os.environ.get("NO_COLOR")
    return Terminal(sys.stdin, sys.stdout, keyboard, coloured, max(columns, 40))


#: Values of TERM where keys cannot be read one by one; on Windows it is not set.
_NO_KEYS = ("dumb",) if sys.platform == "win32" else ("", "dumb")


def _keyboard() -> Keyboard | None:
    """The keyboard of this process; None where prompt_toolkit is missing, which belongs to the packages of the intake."""
    try:
        from prompt_toolkit.history import InMemoryHistory
        from prompt_toolkit.input import create_input
        from prompt_toolkit.output import create_output
    except ImportError:
        return None
    screen = create_output()
    if hasattr(screen, "enable_cpr"):
        screen.enable_cpr = False  # no question to the terminal where its cursor stands: not every one answers
    return Keyboard(create_input(), screen, InMemoryHistory())
