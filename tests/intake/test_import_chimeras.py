"""Files cut and joined, in every dialect: no record is stored that has fields of two.

Where the lines that are left are those of one well-formed record, with no field twice, nothing in the text can tell; such cuts are left out
here by what the lines say (``tells``), and are found by the count of the database (``--records``).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

import pytest

from cordbook.intake.imports.parsers import parse
from cordbook.intake.records.record import FIELDS, Record
from tests.intake.marked import DIALECTS, SIGN, Line
from tests.marks import examples

SEED = 20261130
#: Fields that stand in several lines one after the other: a line more of them is no sign of damage.
LISTED = {"author", "author2", "abstract"}


def text_of(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines) + "\n"


def originals(record: Record) -> set[int]:
    """The records whose signs a stored record bears."""
    said = " ".join(getattr(record, name) for name in FIELDS)
    found = {int(n) for n in SIGN.findall(said)}
    return found | ({int(record.year) - 1950} if record.year else set())


def no_chimera(text: str, form: str = "") -> int:
    """Asserts that each stored record is of one original; how many are stored."""
    parsed = parse(text, form)
    for line, record in parsed.records:
        assert len(originals(record)) <= 1, f"line {line}: {record}\n---\n{text}"
    assert parsed.seen >= len(parsed.records)
    return len(parsed.records)


def tells(left: Sequence[Line], right: Sequence[Line], *, glued: bool = False) -> bool:
    """Can the text tell that these lines have run into each other? ``left``: what is left of a record, ``right``: of the next.

    A field that both have tells; one that stands in both, line by line, does not where it may have several lines. With ``glued`` the last
    line of the one and the first of the other are one line, which is of the field of the former.
    """
    before = [line.field for line in left if line.field]
    after = [line.field for line in right if line.field]
    if glued:
        before, after = before[:-1], after[1:]
        if not before or not after:
            return False
    if not before or not after:
        return True
    if before[-1] in LISTED and after[0] in LISTED and before[-1][:6] == after[0][:6]:
        after = [name for name in after if name not in LISTED or name[:6] != before[-1][:6]]
    return bool({name[:6] for name in before} & {name[:6] for name in after})


def record_before(lines: Sequence[Line]) -> list[Line]:
    """The lines of the record that stands at the end, though the lines that part it from the next may follow."""
    number = next((line.record for line in reversed(lines) if line.record is not None), None)
    return [line for line in lines if line.record == number is not None]


def record_after(lines: Sequence[Line]) -> list[Line]:
    """The lines of the record that stands at the beginning, though lines that part records may come first."""
    return record_before(lines[::-1])[::-1]


@pytest.mark.parametrize("name", DIALECTS)
def test_every_field_comes_back_with_its_own_record(name):
    assert no_chimera(text_of(DIALECTS[name](range(1, 6)))) == 5


@pytest.mark.parametrize("name", DIALECTS)
def test_a_file_cut_at_either_end_stores_no_chimera(name):
    text = text_of(DIALECTS[name](range(1, 4)))
    for at in range(0, len(text), max(1, len(text) // examples(120))):
        no_chimera(text[:at])
        no_chimera(text[at:])


@pytest.mark.parametrize("name", DIALECTS)
def test_lines_that_part_records_can_be_lost(name):
    """Every choice of the lines between two records, taken away together."""
    lines = DIALECTS[name](range(1, 5))
    start = max(n for n, line in enumerate(lines) if line.record == 1 and line.field) + 1
    between = list(range(start, min(n for n, line in enumerate(lines) if line.record == 2 and line.field)))
    for size in range(1, len(between) + 1):
        for gone in combinations(between, size):
            kept = [line for n, line in enumerate(lines) if n not in gone]
            no_chimera(text_of(kept))


@pytest.mark.parametrize("name", DIALECTS)
def test_any_run_of_lines_can_be_lost(name):
    lines = DIALECTS[name](range(1, 5))
    tried = 0
    for start in range(len(lines)):
        for end in range(start + 1, min(len(lines), start + 30)):
            left, right = record_before(lines[:start]), record_after(lines[end:])
            if left and right and left[-1].record != right[0].record and not tells(left, right):
                continue
            tried += 1
            if tried % max(1, 600 // examples(300)) == 0:
                no_chimera(text_of([*lines[:start], *lines[end:]]))
    assert tried > 5


@pytest.mark.parametrize("name", DIALECTS)
def test_two_files_cut_anywhere_and_joined_store_no_chimera(name):
    """The end of one and the beginning of the other lost, with a line break between them and without, and whole files of all dialects."""
    chance = random.Random(f"{SEED} {name}")
    for _ in range(examples(150)):
        one, two = DIALECTS[name](range(1, 4)), DIALECTS[name](range(4, 7))
        a, b = chance.randrange(1, len(one)), chance.randrange(len(two))
        cut_a, cut_b = chance.randrange(len(one[a].text) + 1), chance.randrange(len(two[b].text) + 1)
        left = [*one[:a], Line(one[a].text[:cut_a], one[a].record, one[a].field)]
        right = [Line(two[b].text[cut_b:], two[b].record, two[b].field), *two[b + 1 :]]
        kept_left, kept_right = record_before(left), record_after(right)
        if kept_left and kept_right and not tells(kept_left, kept_right, glued=True):
            continue
        if name.endswith((".csv", ".tsv")) and kept_left and kept_right:
            continue  # the same number of cells: a well-formed row
        no_chimera(text_of(left)[:-1] + text_of(right))


@pytest.mark.parametrize("first", DIALECTS)
def test_files_of_two_dialects_in_one_store_no_chimera(first):
    chance = random.Random(f"{SEED} {first} and others")
    for second in DIALECTS:
        one, two = text_of(DIALECTS[first](range(1, 4))), text_of(DIALECTS[second](range(4, 7)))
        no_chimera(one + two)
        for _ in range(examples(5)):
            no_chimera(one[: chance.randrange(len(one))] + "\n" + two)
