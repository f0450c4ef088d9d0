"""Inputs drawn for fuzzing: sound ones and those of the corpus, cut, doubled, spliced, and with hostile pieces put in."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import strategies as st

from tests.fuzz.kinds import LARGEST, PIECES, Kind, corpus


def _places(rng: random.Random, text: bytes) -> tuple[int, int]:
    begin = rng.randrange(len(text) + 1)
    return begin, min(len(text), begin + rng.choice((1, 2, 5, 20, 200)))


def _cut(rng: random.Random, text: bytes, others: list[bytes], pieces: list[bytes]) -> bytes:
    begin, end = _places(rng, text)
    return text[:begin] + text[end:]


def _double(rng: random.Random, text: bytes, others: list[bytes], pieces: list[bytes]) -> bytes:
    begin, end = _places(rng, text)
    return text[:end] + text[begin:end] * rng.choice((1, 3)) + text[end:]


def _put(rng: random.Random, text: bytes, others: list[bytes], pieces: list[bytes]) -> bytes:
    begin, _ = _places(rng, text)
    return text[:begin] + rng.choice(pieces) + text[begin:]


def _instead(rng: random.Random, text: bytes, others: list[bytes], pieces: list[bytes]) -> bytes:
    begin, end = _places(rng, text)
    return text[:begin] + rng.choice(pieces) + text[end:]


def _byte(rng: random.Random, text: bytes, others: list[bytes], pieces: list[bytes]) -> bytes:
    begin, _ = _places(rng, text)
    return text[:begin] + bytes([rng.randrange(256)]) + text[begin + 1 :]


def _splice(rng: random.Random, text: bytes, others: list[bytes], pieces: list[bytes]) -> bytes:
    other = rng.choice(others)
    return text[: _places(rng, text)[0]] + other[_places(rng, other)[0] :]


def _lines(rng: random.Random, text: bytes, others: list[bytes], pieces: list[bytes]) -> bytes:
    lines = text.splitlines(keepends=True)
    if len(lines) > 2:
        one, other = rng.randrange(1, len(lines)), rng.randrange(1, len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _value(rng: random.Random, text: bytes, others: list[bytes], pieces: list[bytes]) -> bytes:
    """Another value between two marks, as a person would type one."""
    marks = [at for at, byte in enumerate(text) if byte in b',:\n"']
    if len(marks) < 2:
        return text
    at = rng.randrange(len(marks) - 1)
    return text[: marks[at] + 1] + rng.choice(pieces) + text[marks[at + 1] :]


WAYS: tuple[Callable[[random.Random, bytes, list[bytes], list[bytes]], bytes], ...] = (
    _cut, _double, _put, _instead, _byte, _splice, _lines, _value, _value,
)  # fmt: skip


def inputs(kind: Kind) -> st.SearchStrategy[bytes]:
    """Inputs of a kind, each made of one by one to five changes; a few are bytes without any sense."""
    sound = [*kind.sound(), *(path.read_bytes() for path in corpus(kind.name))]
    pieces = [*PIECES, *kind.pieces * 3]

    def made(seed: int, changes: int) -> bytes:
        rng = random.Random(seed)
        text = rng.choice(sound)
        for _ in range(changes):
            text = rng.choice(WAYS)(rng, text, sound, pieces)[: 2 * LARGEST]
        return text

    changed = st.builds(made, st.integers(0, 2**32), st.integers(1, 5))
    return st.one_of(changed, changed, changed, changed, st.binary(max_size=200))
