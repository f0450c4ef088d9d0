"""Tables in the terminal: one owner aligns their columns."""

import re
from pathlib import Path

import pytest

import cordbook
from cordbook.core.columns import aligned

PACKAGE = Path(cordbook.__file__).parent
#: A text padded by hand: a method, or a width in a format.
PADS = re.compile(r"\.(?:ljust|rjust|center)\(|\{[^{}]*:[<>^]?\d+[sd]?\}")


def test_columns_stand_below_each_other_and_no_line_ends_in_blanks():
    rows = [("cell", "weight", "state"), ("lima2010.treated", "9%", ""), ("x", "100%", "verified")]
    assert aligned(rows, right={1}).splitlines() == [
        "cell              weight  state",
        "lima2010.treated      9%",
        "x                   100%  verified",
    ]


def test_wide_characters_and_accents_take_the_places_that_a_terminal_gives_them():
    lines = aligned([("脊髓损伤", "a"), ("Nu\u0301n\u0303ez", "b"), ("12345678", "c")]).splitlines()
    assert lines == ["脊髓损伤  a", "Nu\u0301n\u0303ez     b", "12345678  c"]


def test_rows_of_different_lengths_are_an_error():
    with pytest.raises(ValueError, match="argument"):
        aligned([("a", "b"), ("c",)])


def test_no_row_is_no_line():
    assert aligned([]) == ""


def test_nobody_else_pads_a_column():
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] in ("cli", "review"):
            found = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if PADS.search(line)]
            assert found == [], path
