"""Read and write the tables of ``data/`` as CSV, for every room: one reader, one writer. No room of its own.

Tolerant of how a spreadsheet saves (a byte-order mark, Windows line ends, blanks around the names of columns, blank rows at the
end), the same bytes whoever writes (UTF-8, commas, line feeds, quotation marks only where they are needed).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.trust.regular import read_regular
from cordbook.errors import InputError

#: Characters that a value may have, for who reads and for who writes: a report of five thousand authors, an abstract of a book.
LONGEST_VALUE = 1_000_000
csv.field_size_limit(LONGEST_VALUE)
#: Marks that open files of other kinds; the first bytes tell them apart from text.
SIGNATURES = (
    (b"PK\x03\x04", "a spreadsheet workbook or an archive", "Open it and save the sheet as CSV UTF-8."),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet workbook", "Open it and save the sheet as CSV UTF-8."),
    (b"\xff\xfe", "UTF-16 text", "Save it as CSV UTF-8."),
    (b"\xfe\xff", "UTF-16 text", "Save it as CSV UTF-8."),
    (b"\x1f\x8b", "compressed", "Decompress it first."),
)
#: The number that a spreadsheet shows beside the names of the columns.
HEADER_ROW = 1


class NotCsv(InputError):
    """A file cannot be read as CSV; ``remedy`` says what to do, ``row`` where it was seen."""

    def __init__(self, message: str, remedy: str, row: int | None = None, file: str = "") -> None:
        super().__init__(f"{file}: {message} {remedy}" if file else f"{message} {remedy}")
        self.message, self.remedy, self.row = message, remedy, row


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table as text: names of columns without blanks around them, and each row with the number a spreadsheet shows beside it.

    Rows are as they stand: blank ones in between and those of another width too.
    """

    header: tuple[str, ...]
    records: tuple[tuple[int, list[str]], ...]

    def row(self, record: list[str]) -> dict[str, str]:
        """A record by column; what is missing is blank. A column that appears twice is read from its first place."""
        places = {name: self.header.index(name) for name in self.header}
        return {name: record[place] if place < len(record) else "" for name, place in places.items()}

    @property
    def rows(self) -> list[dict[str, str]]:
        """Every row that is not blank, by column."""
        return [self.row(record) for _, record in self.records if any(record)]


def decode(data: bytes) -> str:
    """The text of a CSV file; raises :class:`NotCsv` for files of other kinds and other encodings."""
    for signature, kind, remedy in SIGNATURES:
        if data.startswith(signature):
            raise NotCsv(f"The file is {kind}, not CSV.", remedy)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotCsv(
            f"The file is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line} does not belong there.",
            "Save it as CSV UTF-8 (in a spreadsheet: Save as, CSV UTF-8).",
        ) from None


def parse(text: str, *, strict: bool = True) -> CsvTable:
    """A table from its text; one without rows has an empty header.

    ``strict``: raise :class:`NotCsv` for a quotation mark that is not closed. Files to which rows are added while people work may
    end in a row that was cut short; who reads those is not strict.

    >>> parse("key, label\\na,\\"one, two\\"\\n").rows
    [{'key': 'a', 'label': 'one, two'}]
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=strict)
    records: list[list[str]] = []
    try:
        for record in reader:
            records.append(record)
    except csv.Error as error:
        raise NotCsv(
            f"The file is not a CSV: {error} (the row that begins after row {len(records)}).",
            'Look there for a quotation mark that is not closed; within a quoted value it is written twice ("").',
            len(records) + 1,
        ) from None
    while records and not any(records[-1]):
        records.pop()
    if not records:
        return CsvTable((), ())
    return CsvTable(tuple(name.strip() for name in records[0]), tuple(enumerate(records[1:], start=HEADER_ROW + 1)))


def read(path: Path, *, strict: bool = True) -> CsvTable:
    """The table in a file; raises :class:`NotCsv`, or ``OSError`` where it cannot be opened."""
    data = read_regular(path)
    try:
        return parse(decode(data), strict=strict)
    except NotCsv as error:
        raise NotCsv(error.message, error.remedy, error.row, path.name) from None


def to_csv(rows: Iterable[Mapping[str, str]], columns: Iterable[str], *, header: bool = True) -> str:
    """Rows as CSV text in a fixed order of columns; raises ``ValueError`` for a value of a column that is not among them.

    >>> to_csv([{"key": "a", "label": "one, two"}], ["key", "label"])
    'key,label\\na,"one, two"\\n'
    """
    out = _Lines()
    # With this line end the module quotes a carriage return in a cell too, which a reader would take for a line break.
    writer = csv.DictWriter(out, list(columns), lineterminator="\r\n", extrasaction="raise")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return "".join(out.lines)


class _Lines:
    """Takes a row at a time from the writer and ends it with a line feed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, row: str) -> None:
        self.lines.append(row.removesuffix("\r\n") + "\n")
