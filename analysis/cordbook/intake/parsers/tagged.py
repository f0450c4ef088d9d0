"""Formats of tagged lines: RIS, NBIB, Web of Science, EndNote %, RefWorks, NoteExpress, CNKI and Cochrane text.

They share one shape: a tag, a value, lines that go on. rispy and nbib read two of them, but give no line numbers, stop at the
first fault or drop it, and cannot say what they left out; here every line that is not blank ends in a record or a reject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cordbook.intake.parsers.parsed import TWO_TITLES, FieldMap, Parsed, Reject, build, two_titles


@dataclass(frozen=True, slots=True)
class Form:
    """One tagged format. ``line`` has the groups tag and value; ``begins`` opens a record, ``ends`` closes it."""

    name: str
    line: re.Pattern[str]
    begins: str
    fields: FieldMap
    ends: re.Pattern[str] | None = None
    #: Lines that belong to the file, not to a record.
    frame: re.Pattern[str] | None = None
    #: Tags of which every line is a value of its own.
    listed: frozenset[str] = field(default_factory=frozenset)
    #: Does the format say that a record goes on until its end tag? Then a file that ends before was cut.
    must_end: bool = False


@dataclass(slots=True)
class _Open:
    first: int
    values: dict[str, list[str]] = field(default_factory=dict)
    tag: str = ""
    ended: bool = False

    def add(self, tag: str, value: str) -> None:
        self.values.setdefault(tag, []).append(value)
        self.tag = tag

    def go_on(self, text: str, listed: frozenset[str]) -> None:
        if not self.tag or self.tag in listed:
            self.values.setdefault(self.tag, []).append(text)
        else:
            self.values[self.tag].append(text)


def parse(text: str, form: Form) -> Parsed:
    """Read a file of one tagged format."""
    lines = text.splitlines()
    records, rejects = [], []
    for first, last, block in _blocks(lines, form):
        raw = "\n".join(lines[first - 1 : last])
        if block is None:
            rejects.append(Reject(first, last, f"text outside of any {form.name} record", raw))
        elif form.must_end and not block.ended and last >= _last_line(lines):
            rejects.append(Reject(first, last, "the file ends inside this record", raw))
        else:
            values = _joined(block.values, form.listed)
            record = build(values, form.fields)
            if twice := next((tag for tag in form.fields["title"] if two_titles(values.get(tag, ()))), ""):
                rejects.append(Reject(first, last, f"{TWO_TITLES} ({twice})", raw))
            elif record.title:
                records.append((first, record))
            else:
                rejects.append(Reject(first, last, "no title", raw))
    return Parsed(form.name, tuple(records), tuple(rejects))


def _blocks(lines: Sequence[str], form: Form) -> Iterator[tuple[int, int, _Open | None]]:
    """Records and the text between them, as (first line, last line, record or nothing)."""
    block: _Open | None = None
    stray = 0
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        found = form.line.match(line)
        tag = found["tag"].strip() if found else ""
        if found and tag == form.begins:
            if block:
                yield block.first, number - 1, block
            elif stray:
                yield stray, number - 1, None
            block, stray = _Open(number), 0
            block.add(tag, found["value"] or "")
        elif block and form.ends and form.ends.match(line):
            block.ended = True
            yield block.first, number, block
            block = None
        elif block and found:
            block.add(tag, found["value"] or "")
        elif block and bare:
            if form.frame and form.frame.match(line):
                continue
            # A line in the tag's place of which nothing can be made goes on with the value before it.
            block.go_on(_marked(bare), form.listed)
        elif bare and not block and not (form.frame and form.frame.match(line)):
            stray = stray or number
        elif not bare and stray:
            yield stray, number - 1, None
            stray = 0
    if block:
        yield block.first, len(lines), block
    elif stray:
        yield stray, len(lines), None


def _marked(text: str) -> str:
    return "\x00" + text


def _joined(values: dict[str, list[str]], listed: frozenset[str]) -> dict[str, list[str]]:
    """Values with the lines that go on put behind the line that they go on with."""
    out: dict[str, list[str]] = {}
    for tag, parts in values.items():
        kept: list[str] = []
        for part in parts:
            if part.startswith("\x00") and kept and tag not in listed:
                # Joined at the end in one go: a file of nothing but such lines must not take quadratic time.
                kept.append(part)
            else:
                kept.append(part.lstrip("\x00"))
        out[tag] = [" ".join(p.lstrip("\x00") for p in group) for group in _grouped(kept)]
    return out


def _grouped(parts: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    for part in parts:
        if group and not part.startswith("\x00"):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _last_line(lines: Sequence[str]) -> int:
    number = len(lines)
    while number and not lines[number - 1].strip():
        number -= 1
    return number
