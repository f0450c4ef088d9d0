"""Formats of tagged lines: RIS, NBIB, Web of Science, EndNote %, RefWorks, NoteExpress, CNKI and Cochrane text.

They share one shape: a tag, a value, lines that go on. rispy and nbib read two of them, but give no line numbers, stop at the
first problem or drop it, and cannot say what they left out; here every line that is not blank ends in a record, a reject or the
frame of the file.

Where a record ends is told by the format: by its closing tag, else by the blank line before the next, else by the tag that opens a
record and comes again. Which tag that is, each file says: some programs write the title before the tag that ought to stand first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from cordbook.intake.imports.parsers.origin import two_numbers
from cordbook.intake.imports.parsers.parsed import (
    DOI_ELSEWHERE,
    TWO_RECORDS,
    TWO_TITLES,
    FieldMap,
    Parsed,
    Reject,
    build,
    one_doi,
    two_values,
    unused_of,
    years_of,
)
from cordbook.intake.records.record import as_doi, as_year

#: Fields that a record has one value of. Languages, kinds and links come in numbers and anywhere.
ONE_VALUE = ("title", "year", "container", "volume", "issue", "pages", "last_page", "doi", "accession")
#: Fields that stand in one place of a record, though in several lines: persons, the paragraphs of an abstract.
ONE_PLACE = (*ONE_VALUE, "authors", "abstract")
#: So many blanks before a line that goes on are meant; fewer are what is left of a tag.
INDENT = 3
#: What ends the first line of a title that is not whole. A line that goes on with it begins with a small letter, else.
_UNFINISHED = re.compile(r"(?:[-:,;/(–—]|\b(?:of|the|and|or|in|for|with|a|an|to|on|by|from|at|versus|vs\.?))\s*$", re.I)
_BOOK = re.compile(r"CHAP|BOOK|CONF|CPAPER|SER|CPPR|\b(?:book|proceedings|chapter)", re.I)
#: A date: numbers, signs, names of months and seasons.
_DATE = re.compile(r"(?:[\W\d]*(?:[A-Z][a-z]{2,8}\b)?){1,4}[\W\d]*")
#: What opens a record of each format, at the beginning of a line: within a record of another format, two files have been joined there.
OPENINGS: tuple[tuple[str, str], ...] = (
    ("RIS", r"TY {1,2}- [A-Z]{3,6}\s*$"),
    ("NBIB", r"PMID- \d{1,8}\s*$"),
    ("Web of Science text", r"PT [JBCSP]\s*$"),
    ("EndNote tagged", r"%0 [A-Z]"),
    ("RefWorks tagged", r"RT (?:Journal|Book|Conference|Dissertation|Report|Web)\b[A-Za-z/ ,]*$"),
    ("NoteExpress", r"\{Reference Type\}:"),
    ("CNKI text", r"(?:SrcDatabase-|DataType: \d)"),
    ("BibTeX", r"@[A-Za-z]{3,20}\s*\{"),
    ("Cochrane text", r"Record #\d+ of \d+\s*$"),
    ("NBIB", r"OWN - [A-Z]{2,5}\s*$"),
    ("table", r"(?:[^,\t\n]{0,40}[,\t]){0,10}\"?(?:TI|(?:Article |Document |Study )?Title)\"?[,\t].*[,\t]"),
    ("EndNote XML", r"\s*<record>"),
    ("PubMed XML", r"\s*<Pubmed(?:Book)?Article>"),
)
MIXED = (
    "the file begins with fields before its first opening line, and nothing parts its records: which fields belong together "
    "cannot be told; put a blank line between the records"
)


@dataclass(frozen=True, slots=True)
class Form:
    """One tagged format. ``line`` has the groups tag and value; one of ``begins`` opens a record, ``ends`` closes it."""

    name: str
    line: re.Pattern[str]
    begins: tuple[str, ...]
    fields: FieldMap
    ends: re.Pattern[str] | None = None
    #: Lines between records that belong to the file, not to a record, by the database that writes them.
    frame: re.Pattern[str] | None = None
    #: An opening line, or a tag, that stands within another line: there two records have run into each other.
    inside: re.Pattern[str] | None = None
    #: What parts several values of one line, by tag.
    splits: tuple[tuple[str, str], ...] = ()
    #: Tags that follow the line that closes a record.
    after_end: frozenset[str] = field(default_factory=frozenset)
    #: Tags of which every line is a value of its own.
    listed: frozenset[str] = field(default_factory=frozenset)
    #: Does the format say that a record goes on until its end tag? Then a file that ends before was cut.
    must_end: bool = False
    #: Does the format indent the lines that go on? Then one at the margin has lost its tag.
    indents: bool = False
    #: Does what begins a record number it ("3 of 12")? Then a number that is not there is known.
    numbered: bool = False

    def tags_of(self, *names: str) -> frozenset[str]:
        """The tags of some fields, without those that open a record."""
        return frozenset(tag for name in names for tag in self.fields.get(name, ())) - {*self.begins}


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    tag: str
    value: str
    #: Is it the first of the file or after a blank one?
    heads: bool


@dataclass(frozen=True, slots=True)
class _Opening:
    """How the records of a file begin: the tag, and whether every line of it does, or only one after a blank line."""

    tag: str
    everywhere: bool
    mixed: bool = False
    #: Does the tag stand after a blank line here and without one there? Then what follows a blank line may be of another record.
    unsteady: bool = False


@dataclass(slots=True)
class _Open:
    first: int
    values: dict[str, list[str]] = field(default_factory=dict)
    tag: str = ""
    ended: bool = False
    #: Lines that the format has as the first of a record.
    openings: int = 0
    #: Tags that stand again after others.
    again: list[str] = field(default_factory=list)
    #: Lines at the margin that have no tag and should.
    torn: list[int] = field(default_factory=list)
    #: Does a blank line stand before one of its tags, does an opening line stand within another line?
    parted: bool = False
    joined: bool = False
    #: The first field that comes after a blank line in a file whose records begin now with one, now without.
    late: str = ""
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


def parse(text: str, form: Form, *, part: bool = False) -> Parsed:
    """Read a file of one tagged format; of a ``part`` of a file the numbers of records are not followed."""
    lines = text.splitlines()
    records, rejects, tags = [], [], []
    # A program that never writes the closing line has the habit; where others have it, one without it was cut.
    closes = bool(form.ends) and any(form.ends.match(line) for line in lines)
    last_line = next((n for n in range(len(lines), 0, -1) if lines[n - 1].strip()), 0)
    for first, last, block in _blocks(lines, form):
        raw = "\n".join(lines[first - 1 : last])
        if isinstance(block, str):
            rejects.append(Reject(first, last, block, raw, _titles(raw, form)))
            continue
        values = _joined(block.values, form.listed)
        holds = max(block.openings, 1, *(len(set(values.get(tag, ()))) for tag in form.fields["title"]))
        if form.must_end and not block.ended and (last >= last_line or closes):
            where = "the file ends" if last >= last_line else "the next record begins"
            rejects.append(Reject(first, last, f"{where} inside this record", raw, holds))
            continue
        record = build(values, form.fields)
        if part:
            block.gap = False
        if why := _melted(block, values, form) or ("" if record.title else "no title"):
            rejects.append(Reject(first, last, why, raw, holds))
        else:
            records.append((first, record))
            tags += [tag for tag, given in values.items() if any(v.strip() for v in given)]
    unused = unused_of(tags, form.fields, (*form.begins, *DOI_ELSEWHERE, *form.after_end))
    return Parsed(form.name, tuple(records), tuple(rejects), unused)


def _titles(raw: str, form: Form) -> int:
    """How many records a piece outside of any holds: as many as it has titles, at least one where it has tags."""
    tags = [found["tag"] for line in raw.split("\n") if (found := form.line.match(line))]
    known = {tag for names in form.fields.values() for tag in names}
    return max(int(any(tag in known for tag in tags)), max(tags.count(tag) for tag in form.fields["title"]))


def _melted(block: _Open, values: dict[str, list[str]], form: Form) -> str:
    """Why the lines of a record may be those of two, where damage has taken what stood between them; blank if nothing says so.

    One opening line, one end, one title and one number are one record: an equal value that comes again does no harm, persons may
    stand apart, and so may dates and the two DOIs of a chapter. Two fields that come again are a second record.
    """
    if twice := next((tag for tag in form.fields["title"] if two_values(values.get(tag, ()))), ""):
        return f"{TWO_TITLES} ({twice})"
    if block.openings > 1 or block.joined:
        return "a record begins inside this one: two records that have run into each other"
    if differs := next((tag for tag in sorted(form.tags_of(*ONE_VALUE)) if _differ(tag, block, values, form)), ""):
        return f"{TWO_RECORDS} ({differs})"
    if number := two_numbers(v for tag in form.tags_of("accession", "number") for v in values.get(tag, ())):
        return f"{TWO_RECORDS} ({number})"
    fields = {_place(tag, form): tag for tag in block.again}
    fields.pop("", None)
    abstract = next((tag for tag in form.tags_of("abstract") if tag in block.again and two_values(values[tag])), "")
    if abstract or block.late or len(fields) > 1 or (fields and block.parted):
        return f"{TWO_RECORDS} ({abstract or block.late or next(iter(fields.values()))})"
    if block.torn:
        return f"a line of which the tag is missing (line {block.torn[0]})"
    return f"record {block.number + 1} of {block.of} does not follow: it is lost, or has run into this one" if block.gap else ""


def _place(tag: str, form: Form) -> str:
    """The field of a record that a tag of one place stands for; blank for others. The two of a page are one."""
    name = next((name for name in ONE_PLACE if tag in form.fields.get(name, ()) and tag not in form.begins), "")
    return "pages" if name == "last_page" else name


def _differ(tag: str, block: _Open, values: dict[str, list[str]], form: Form) -> bool:
    """Does a tag of one value have two that cannot both be of one record?"""
    given = values.get(tag, [])
    apart = tag in block.again
    if tag in form.fields.get("year", ()):
        dates = years_of(given)
        if two_values(dates) and not all(_DATE.fullmatch(v.strip()) for v in dates):
            return True
        return len({as_year(v) for v in dates} - {""}) > 1 and (apart or not any(re.search(r"\d/\d", v) for v in dates))
    if tag in form.fields.get("doi", ()):
        kinds = [v for name in form.fields.get("kind", ()) for v in values.get(name, ())]
        registrants = {as_doi(v).partition("/")[0] for v in given} - {""}
        book = len(registrants) == 1 and not apart and any(_BOOK.search(v) for v in kinds)
        return not one_doi(given) and not book
    return two_values(given)


def _blocks(lines: Sequence[str], form: Form) -> Iterator[tuple[int, int, _Open | str]]:
    """Records and the text between them, as (first line, last line, record or why it is none)."""
    read = list(_read(lines, form))
    opening = _opening(read, form)
    if opening.mixed:
        yield read[0].number, read[-1].number, MIXED
        return
    block: _Open | None = None
    outside: _Line | None = None
    ended = 0
    for line, after in pairwise([*read, _Line(len(lines) + 1, "", "", "", True)]):
        free = block is None and bool(form.ends)
        opens = line.tag == opening.tag and bool(line.tag) and (line.heads or opening.everywhere or free)
        if opens and block and not form.ends and not line.heads and block.tag == line.tag:
            opens = line.tag in form.begins
        if opens and block and form.ends and opening.tag not in form.begins:
            opens = False
        if opens:
            if outside:
                yield outside.number, line.number - 1, _outside(form)
            count, of = _numbers(line.value) if form.numbered else (0, 0)
            if block:
                block.gap = form.numbered and count != block.number + 1
                yield block.first, line.number - 1, block
            block, outside = _Open(line.number, number=count, of=of), None
            _take(block, line, form)
        elif block and form.ends and form.ends.match(line.text):
            block.ended, ended = True, line.number
            yield block.first, line.number, block
            block = None
        elif block and line.tag:
            block.parted |= line.heads
            if line.heads and opening.unsteady and _place(line.tag, form):
                block.late = block.late or line.tag
            _take(block, line, form)
        elif block and line.heads and form.frame and form.frame.match(line.text) and not line.text.strip(" .").isdigit():
            yield block.first, line.number - 1, block
            block = None
        elif block:
            _go_on(block, line, form)
        elif (form.frame and form.frame.match(line.text)) or (line.tag in form.after_end and line.number == ended + 1):
            ended += line.number == ended + 1
        else:
            outside = outside or line
        if outside and after.heads:
            yield outside.number, line.number, _outside(form)
            outside = None
    if block:
        block.gap = form.numbered and block.number != block.of
        yield block.first, len(lines), block


def _outside(form: Form) -> str:
    return f"text outside of any {form.name} record"


def _read(lines: Sequence[str], form: Form) -> Iterator[_Line]:
    """The lines that are not blank."""
    heads = True
    for number, text in enumerate(lines, 1):
        if not text.strip():
            heads = True
            continue
        found = form.line.match(text)
        yield _Line(number, text, found["tag"].strip() if found else "", (found["value"] or "") if found else "", heads)
        heads = False


def _opening(read: Sequence[_Line], form: Form) -> _Opening:
    """How the records of this file begin."""
    usual = Counter(line.tag for line in read if line.tag in form.begins)
    commonest = max(usual, key=usual.__getitem__, default=form.begins[0])
    if form.ends:
        # What stands first between two closing lines, where the opening one is among them: the same everywhere, else the opening one.
        firsts, head, seen = set(), "", False
        for line in read:
            if form.frame and form.frame.match(line.text):
                continue
            if form.ends.match(line.text):
                if seen:
                    firsts.add(head)
                head, seen = "", False
            elif line.tag and (line.tag not in form.after_end or head):
                if line.heads and not seen and line.tag in form.begins:
                    head = line.tag
                head, seen = head or line.tag, seen or line.tag in form.begins
        habit = next(iter(firsts)) if len(firsts) == 1 else commonest
        return _Opening(habit, habit in form.begins)
    heads = Counter(line.tag for line in read if line.heads and line.tag)
    always = next((tag for tag in form.begins if usual[tag] and heads[tag] == usual[tag]), "")
    habit = always or max(heads, key=lambda tag: (heads[tag], tag in form.begins), default=commonest)
    parted = sum(line.heads for line in read) > 1
    if habit in form.begins:
        # Where nothing parts the records, what stands before the first opening line may as well be the beginning of its record.
        mixed = not parted and usual[commonest] > 1 and bool(read) and read[0].tag != habit
        return _Opening(habit, True, mixed, unsteady=parted and not always)
    alone = heads[habit] <= 1
    return _Opening(habit, alone and not usual, mixed=alone and usual[commonest] > 1)


def _take(block: _Open, line: _Line, form: Form) -> None:
    # Fields before the opening line may be those of another record: then nothing of them may come again.
    block.parted |= bool(block.values) and line.tag in form.begins and not block.openings
    values = [line.value]
    for tag, between in form.splits:
        if tag == line.tag:
            values = [v for v in line.value.split(between) if v.strip()] or [line.value]
    if line.heads and line.tag in block.values:
        block.again.append(line.tag)
    for value in values:
        block.add(line.tag, value)
    block.openings += line.tag in form.begins and (line.tag == form.begins[0] or block.openings == 0)
    block.joined |= _holds_opening(line, form)


def _go_on(block: _Open, line: _Line, form: Form) -> None:
    """A line that has no tag goes on with the value before it; in the place of a tag it may be what is left of one."""
    bare = line.text.strip()
    blanks = len(line.text) - len(line.text.lstrip())
    before = block.values.get(block.tag, [""])[-1]
    whole = blanks == 0 and (bare[0].islower() or bare[0] in "(,;:" or _UNFINISHED.search(before))
    if blanks < INDENT and (form.indents or (block.tag in form.fields["title"] and not whole)):
        block.torn.append(line.number)
    block.go_on(_marked(bare))
    block.joined |= _holds_opening(line, form)


@cache
def foreign_opening(name: str) -> re.Pattern[str]:
    """What opens a record of any format but one, at the beginning of a line."""
    return re.compile("|".join(f"^(?:{opening})" for other, opening in OPENINGS if other != name), re.M)


def _holds_opening(line: _Line, form: Form) -> bool:
    if foreign_opening(form.name).match(line.text) and not (form.frame and form.frame.match(line.text)):
        return True
    return bool(form.inside) and any(line.text[: found.start()].strip() for found in form.inside.finditer(line.text))


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
