"""Formats of tagged lines: RIS, NBIB, Web of Science, EndNote %, RefWorks, NoteExpress, CNKI and Cochrane text.

They share one shape: a tag, a value, lines that go on. rispy and nbib read two of them, but give no line numbers, stop at the
first problem or drop it, and cannot say what they left out; here every line that is not blank ends in a record or a reject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cordbook.intake.imports.parsers.parsed import TWO_RECORDS, TWO_TITLES, FieldMap, Parsed, Reject, build, two_values

#: Fields that a record has one value of. Languages, kinds and links come in numbers and anywhere.
ONE_VALUE = ("title", "year", "container", "volume", "issue", "pages", "last_page", "doi")
#: Fields that stand in one place of a record, though in several lines: persons, the paragraphs of an abstract.
ONE_PLACE = (*ONE_VALUE, "authors", "abstract")
#: So many blanks before a line that goes on are meant; fewer are what is left of a tag.
INDENT = 3


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
    #: Does the format indent the lines that go on? Then one at the margin has lost its tag.
    indents: bool = False
    #: Tags of persons that stand among others (the addresses of each, say).
    scattered: frozenset[str] = field(default_factory=frozenset)
    #: Does what begins a record number it ("3 of 12")? Then a number that is not there is known.
    numbered: bool = False

    @property
    def once(self) -> frozenset[str]:
        """Tags that stand in one place of a record: seen again after others, a second record has run into the first."""
        return frozenset(tag for name in ONE_PLACE for tag in self.fields.get(name, ())) - self.scattered - {self.begins}

    @property
    def single(self) -> frozenset[str]:
        """Tags of which a record has one value."""
        return frozenset(tag for name in ONE_VALUE for tag in self.fields.get(name, ())) - {self.begins}


@dataclass(slots=True)
class _Open:
    first: int
    values: dict[str, list[str]] = field(default_factory=dict)
    tag: str = ""
    ended: bool = False
    #: Tags that stand again after others.
    again: list[str] = field(default_factory=list)
    #: Lines at the margin that have no tag and should.
    torn: list[int] = field(default_factory=list)
    #: Its number in the file and how many there are, where the format says so, and whether the next is not there.
    number: int = 0
    of: int = 0
    gap: bool = False

    def add(self, tag: str, value: str) -> None:
        if tag in self.values and tag != self.tag:
            self.again.append(tag)
        self.values.setdefault(tag, []).append(value)
        self.tag = tag

    def go_on(self, text: str) -> None:
        self.values.setdefault(self.tag, []).append(text)


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
            if why := _melted(block, values, form) or ("" if record.title else "no title"):
                rejects.append(Reject(first, last, why, raw))
            else:
                records.append((first, record))
    return Parsed(form.name, tuple(records), tuple(rejects))


def _melted(block: _Open, values: dict[str, list[str]], form: Form) -> str:
    """Why the lines of a record may be those of two, where damage has taken what stood between them; blank if nothing says so."""
    if twice := next((tag for tag in form.fields["title"] if two_values(values.get(tag, ()))), ""):
        return f"{TWO_TITLES} ({twice})"
    once = form.once
    again = next((tag for tag in block.again if tag in once), "")
    if again := again or next((tag for tag in sorted(form.single) if two_values(values.get(tag, ()))), ""):
        return f"{TWO_RECORDS} ({again})"
    if block.torn:
        return f"a line of which the tag is missing (line {block.torn[0]})"
    return f"record {block.number + 1} of {block.of} does not follow: it is lost, or has run into this one" if block.gap else ""


def _blocks(lines: Sequence[str], form: Form) -> Iterator[tuple[int, int, _Open | None]]:
    """Records and the text between them, as (first line, last line, record or nothing)."""
    block: _Open | None = None
    stray = 0
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        found = form.line.match(line)
        tag = found["tag"].strip() if found else ""
        if found and tag == form.begins:
            count, of = _numbers(found["value"]) if form.numbered else (0, 0)
            if block:
                block.gap = form.numbered and count != block.number + 1
                yield block.first, number - 1, block
            elif stray:
                yield stray, number - 1, None
            block, stray = _Open(number, number=count, of=of), 0
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
            if len(line) - len(line.lstrip()) < INDENT and (form.indents or block.tag in form.fields["title"]):
                block.torn.append(number)
            block.go_on(_marked(bare))
        elif bare and not block and not (form.frame and form.frame.match(line)):
            stray = stray or number
        elif not bare and stray:
            yield stray, number - 1, None
            stray = 0
    if block:
        block.gap = form.numbered and block.number != block.of
        yield block.first, len(lines), block
    elif stray:
        yield stray, len(lines), None


def _numbers(value: str) -> tuple[int, int]:
    """The number of a record and of how many, as in "3 of 12"; zeros where there are none."""
    found = re.match(r"(\d{1,9}) of (\d{1,9})", value or "")
    return (int(found[1]), int(found[2])) if found else (0, 0)


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
