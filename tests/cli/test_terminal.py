"""The keyboard, in a pipe of prompt_toolkit and in a real pseudo-terminal: no key is lost, and the terminal is always set back."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

import cordbook
from cordbook.cli.terminal import Ended, Keyboard, Terminal, completer

#: Seconds until something is taken for never: a machine may be very busy.
PATIENCE = 60
#: Asks for four keys, like a command that is slow to start and slow between its questions.
ASKS = """
import signal, sys, time
# A shell starts what runs in its background with SIGINT ignored, and so all that this starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
from cordbook.cli.terminal import Ended, terminal
time.sleep(float(sys.argv[1]))
asked, got = terminal(), []
assert asked.keyboard
try:
    for number in range(4):
        got.append(asked.key(f"question {number}", "iexq1"))
        time.sleep(float(sys.argv[2]))
        if sys.argv[3:] == ["raise"]:
            raise RuntimeError("no terminal is left in disorder")
except Ended:
    got.append("end")
print("got", "".join(got))
"""


class Typist:
    """A process in a pseudo-terminal and the person before it."""

    def __init__(self, *arguments: str) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", ASKS, *arguments], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env=os.environ | {"TERM": "xterm"},
        )  # fmt: skip

    def types(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def sees(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            if select.select([self.master], [], [], 0.2)[0]:
                self.shown += os.read(self.master, 65536).decode("utf-8", "replace")
            if text in self.shown:
                return
            assert time.monotonic() < end, f"waited for {text!r}, saw {self.shown!r}"

    def waits_for_a_key(self) -> None:
        """Until the terminal hands over single keys."""
        end = time.monotonic() + PATIENCE
        while termios.tcgetattr(self.slave)[3] & termios.ICANON:
            assert time.monotonic() < end
            time.sleep(0.005)

    def ends(self) -> int:
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.sees("")
            where = Path(f"/proc/{self.process.pid}/wchan")
            pytest.fail(f"still there: {self.shown!r}, {where.read_text() if where.exists() else ''}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def typist() -> Iterator[type[Typist]]:
    made: list[Typist] = []

    def start(*arguments: str) -> Typist:
        made.append(Typist(*arguments))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_keys_pressed_before_the_prompt_count(typist):
    """All four before the program has even begun to ask."""
    person = typist("0.5", "0")
    person.types(b"ie1x")
    person.sees("got ie1x")
    assert person.ends() == 0


def test_keys_pressed_between_two_prompts_count(typist):
    person = typist("0", "0.3")
    person.sees("question 0")
    person.types(b"i")
    person.sees("i\r\n")
    person.types(b"e1")  # the program is not asking now
    person.sees("question 3")
    person.types(b"x")
    person.sees("got ie1x")


@pytest.mark.parametrize("sequence", [b"\x1b[A", b"\x1bOP", b"\x1b[15~", b"\x1b[1;5C"])
def test_an_arrow_or_function_key_is_no_answer_and_swallows_none(typist, sequence):
    person = typist("0.2", "0")
    person.types(sequence + b"ie1x")
    person.sees("got ie1x")
    assert "Press one of: i e x q 1" in person.shown


@pytest.mark.parametrize("key", ["é", "脊", "\x00", "\t", " "])
def test_other_keys_are_asked_again(typist, key):
    person = typist("0", "0")
    person.sees("question 0")
    person.types(key.encode() + b"ie1x")
    person.sees("got ie1x")


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, b"\x04", b"ie1x", "raise"])
def test_the_terminal_is_set_back_however_it_ends(typist, way):
    person = typist("0", "0", *(["raise"] if way == "raise" else []))
    person.sees("question 0")
    person.waits_for_a_key()
    if isinstance(way, signal.Signals):
        person.process.send_signal(way)
    else:
        person.types(b"i" if way == "raise" else way)
    code = person.ends()
    assert termios.tcgetattr(person.slave) == person.before
    if way in (signal.SIGTERM, signal.SIGHUP):
        assert code == 128 + way
    if way == b"\x04":
        person.sees("got end")


@pytest.fixture
def keyboard() -> Iterator[tuple[Keyboard, object]]:
    with create_pipe_input() as pipe:
        yield Keyboard(pipe, DummyOutput(), InMemoryHistory()), pipe


def test_one_key_is_read_and_those_behind_it_wait(keyboard):
    keys, pipe = keyboard
    pipe.send_text("Ie")
    assert (keys.key(), keys.key()) == ("i", "e")
    pipe.send_text("x")
    assert keys.key() == "x"


def test_an_enter_after_a_key_is_no_answer_to_the_question_behind_it(keyboard, capsys):
    """Who ends a key with Enter, as every other answer, is asked again; what they type then is the answer, and no row of keys."""
    keys, pipe = keyboard
    asked = Terminal(io.StringIO(), sys.stdout, keys, False, 80)
    pipe.send_text("1\rTable 2: all were seen\r")
    assert asked.key("[1] first  [2] second >", "12") == "1"
    assert asked.text("Why >") == "Table 2: all were seen"
    assert "Type an answer" in capsys.readouterr().out


@pytest.mark.parametrize("sequence", ["\x1b[A", "\x1bOP", "\x1b[15~", "\x1b[1;5C", "\x1b", "\t", "\r", "\x00"])
def test_a_key_that_is_no_character_is_blank(keyboard, sequence):
    keys, pipe = keyboard
    pipe.send_text(sequence)
    assert keys.key() == ""


@pytest.mark.parametrize(("key", "error"), [("\x04", Ended), ("\x03", KeyboardInterrupt)])
def test_ctrl_d_ends_the_questions_and_ctrl_c_the_command(keyboard, key, error):
    keys, pipe = keyboard
    for ask in (keys.key, lambda: keys.line("count >", ())):
        pipe.send_text(key)
        with pytest.raises(error):
            ask()


def test_a_terminal_that_is_gone_ends_the_questions(keyboard):
    keys, pipe = keyboard
    pipe.close()
    with pytest.raises(Ended):
        keys.key()


def test_a_line_is_edited_before_enter(keyboard):
    keys, pipe = keyboard
    pipe.send_text("10 og\x7ff 17\x01\x1b[C\x1b[C\r")
    assert keys.line("events of n >", ()) == "10 of 17"


def test_what_is_pasted_is_one_answer(keyboard, capsys):
    keys, pipe = keyboard
    pipe.send_text("\x1b[200~Table 2,\npage 4\x1b[201~\r")
    asked = Terminal(sys.stdin, sys.stdout, keys, False, 80)
    assert asked.line("source >") == "Table 2, page 4"


def test_keys_and_lines_take_turns_and_none_is_lost(keyboard):
    keys, pipe = keyboard
    pipe.send_text("w17\rc")
    assert (keys.key(), keys.line("patients >", ()), keys.key()) == ("w", "17", "c")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cel", ["cell_therapy"]),
        ("thera", ["cell_therapy", "gene_therapy"]),
        ("unclear; gth", ["gene_therapy"]),
        ("xyz", []),
    ],
)
def test_codes_are_completed_by_any_part_of_them(typed, offered):
    found = completer(["cell_therapy", "gene_therapy", "other"]).get_completions(Document(typed), CompleteEvent())
    assert sorted(one.text for one in found) == offered


#: Asks for one line with completion.
ASKS_LINE = """
from cordbook.cli.terminal import terminal
print("got", terminal().line("topic >", ["cell_therapy", "gene_therapy"]))
"""


def test_tab_completes_a_code_in_a_real_terminal(typist, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ASKS", ASKS_LINE)
    person = typist()
    person.sees("topic >")
    person.types(b"gen")
    person.sees("e_therapy")  # in the menu below, behind the letters that fit
    person.types(b"\t")
    person.types(b"\r")
    person.sees("got gene_therapy")
    assert person.ends() == 0
    assert termios.tcgetattr(person.slave) == person.before


def test_only_this_module_reads_the_keyboard():
    """No other reads keys or sets the terminal."""
    package = Path(cordbook.__file__).parent
    words = re.compile(r"^\s*(?:import|from) (termios|tty|msvcrt|curses|prompt_toolkit|readline)\b", re.M)
    found = {p.relative_to(package).as_posix() for p in package.rglob("*.py") if words.search(p.read_text(encoding="utf-8"))}
    assert found == {"cli/terminal.py"}
