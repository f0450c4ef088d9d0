"""The counts to check as a spreadsheet, and what a person found written into it, taken back all or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cordbook.core.csv_files import to_csv
from cordbook.errors import CordbookError
from cordbook.intake.extraction.form import spreadsheet_rows
from cordbook.intake.extraction.percent import is_percent
from cordbook.intake.extraction.readings import NotReadable, reader_name, same_person
from cordbook.intake.extraction.verify import Checked, Finding, NotVerified, verify_all
from cordbook.intake.records.store import Row, read_rows
from cordbook.intake.records.untrusted_text import cell_for_spreadsheet

EQUAL, DIFFERS, NOT_FOUND = "equal", "differs", "not found"
ANSWERS = (EQUAL, DIFFERS, NOT_FOUND)
#: What a person fills in, first; then the count as it was printed, and where to look.
FILLED = ("answer", "events_read", "n_read", "what_was_read", "remark", "name", "date")
SHOWN = ("study", "what", "who", "when", "events", "n", "definition", "place", "link", "noted")
HEADER = (*FILLED, "cell_id", *SHOWN)
#: Without these columns a file is not such a sheet.
NEEDED = ("answer", "cell_id", "events", "n")


class BadSheet(CordbookError, ValueError):
    """Rows of a sheet that cannot be taken; the message names all of them. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a sheet brought: counts that stand, counts that were corrected, those taken in before, and those not found, with the remark."""

    confirmed: int
    corrected: int
    before: int
    not_found: tuple[tuple[str, str], ...]
    blank: int


def sheet(rows: Iterable[Mapping[str, str]]) -> str:
    """A CSV with one row per count, the columns to fill in first; ``rows`` hold ``cell_id`` and what :data:`SHOWN` names."""
    shown = ({name: cell_for_spreadsheet(row[name]) for name in ("cell_id", *SHOWN)} for row in rows)
    return to_csv((dict.fromkeys(FILLED, "") | row for row in shown), HEADER)


def has_answers(text: str) -> bool:
    """Has a person written anything into this sheet? What is not such a sheet may be somebody's, and counts as filled in."""
    try:
        return any(row.get(column) for _, row in spreadsheet_rows(text, HEADER) for column in FILLED)
    except ValueError:
        return True


def take(data: Path, kept: Path, text: str, person: str, today: str) -> Taken:
    """Write what a sheet says, all of it or nothing; raises :class:`BadSheet` with each line that is wrong.

    ``person`` and ``today`` stand where a row names nobody and no day. ``ValueError`` where it is not such a sheet.
    """
    read = _Reading(data, person, today)
    for line, row in spreadsheet_rows(text, NEEDED):
        read.add(line, row)
    if read.wrong:
        raise BadSheet("nothing was taken from it:\n" + "\n".join(read.wrong))
    lines = read.lines
    try:
        verdicts = verify_all(data, kept, read.found, lambda at: f"line {lines[at]}: ")
    except NotVerified as error:
        raise BadSheet(f"nothing was taken from it:\n{error}") from error
    corrected = verdicts.count("corrected")
    return Taken(len(verdicts) - corrected, corrected, read.before, tuple(read.not_found), read.blank)


class _Reading:
    """The rows of a sheet, read one after the other against the tables as they stand."""

    def __init__(self, data: Path, person: str, today: str) -> None:
        self.person, self.today = person, today
        self.counts = {row["cell_id"]: row for row in read_rows(data, "outcomes")}
        self.readers: dict[str, list[str]] = {}
        for row in read_rows(data, "extractions"):
            self.readers.setdefault(row["cell_id"], []).append(row["reader"])
        self.verified = read_rows(data, "verifications")
        self.found: list[Checked] = []
        self.lines: list[int] = []
        self.wrong: list[str] = []
        self.not_found: list[tuple[str, str]] = []
        self.before = self.blank = 0
        self._seen: dict[str, int] = {}
        self._source: tuple[str, str] = ("", "")

    def add(self, line: int, row: Row) -> None:
        """Take a row, or note what is wrong with it."""
        try:
            self._add(line, row)
        except (NotVerified, NotReadable) as error:
            self.wrong.append(f"line {line}: {error}")

    def _add(self, line: int, row: Row) -> None:
        answer = " ".join(row["answer"].lower().replace("_", " ").split())
        if not answer:
            if any(row.get(column) for column in FILLED):
                raise NotVerified(f"something is filled in, but no answer: write {_listed(ANSWERS)} into the column answer")
            self.blank += 1
            return
        if answer not in ANSWERS:
            raise NotVerified(f"the answer {row['answer']!r} is none of {_listed(ANSWERS)}; write one of them")
        cell_id = row["cell_id"]
        count = self.counts.get(cell_id)
        if count is None:
            raise NotVerified(f"there is no count {cell_id!r} in data/outcomes.csv; leave the column cell_id as it was written")
        if cell_id in self._seen:
            raise NotVerified(f"line {self._seen[cell_id]} answers for {cell_id} already; keep one of the two")
        self._seen[cell_id] = line
        if answer == NOT_FOUND:
            self._not_found(row)
        else:
            self._take(line, row, count, answer)

    def _not_found(self, row: Row) -> None:
        if row.get("events_read") or row.get("n_read"):
            raise NotVerified("the answer is not found, and counts are filled in; clear them, or answer differs")
        self.not_found.append((row["cell_id"], row.get("remark", "")))

    def _take(self, line: int, row: Row, count: Row, answer: str) -> None:
        name = row.get("name", "") or self.person
        if not name:
            raise NotVerified("name is blank; write who looked, or give --as NAME for all rows")
        person = reader_name(name)
        if any(reader and same_person(reader, person) for reader in self.readers.get(row["cell_id"], ())):
            raise NotVerified(f"{person} extracted this count; another person checks it")
        shown = (str(_whole(row["events"], "events")), str(_whole(row["n"], "n")))
        finding = Finding(
            row["cell_id"], person, self._what_was_read(row), *self._counts(row, shown, answer), row.get("remark", "")
        )
        checked = Checked(finding, shown, self._day(row.get("date", "")))
        if _is_written(checked, count, self.verified):
            self.before += 1
            return
        self.found.append(checked)
        self.lines.append(line)

    def _what_was_read(self, row: Row) -> str:
        """What was read; blank takes that of the row above where it is of the same study."""
        study = self.counts[row["cell_id"]]["study_id"]
        said = row.get("what_was_read", "") or (self._source[1] if self._source[0] == study else "")
        if not said:
            raise NotVerified(
                "what_was_read is blank; write the document and the page or table that you read (a later row of the same study may leave it blank)"
            )
        self._source = (study, said)
        return said

    @staticmethod
    def _counts(row: Row, shown: tuple[str, str], answer: str) -> tuple[int, int]:
        """Events and patients that were read."""
        written = (row.get("events_read", ""), row.get("n_read", ""))
        texts = [own or printed for own, printed in zip(written, shown, strict=True)]
        events, n = _whole(texts[0], "events_read"), _whole(texts[1], "n_read")
        same = (str(events), str(n)) == shown
        if answer == EQUAL and not same:
            raise NotVerified(
                f"the answer is equal, but {events} of {n} is written beside {' of '.join(shown)}; answer differs, or clear the counts"
            )
        if answer == DIFFERS and same:
            raise NotVerified(
                f"the answer is differs, and no count differs from {' of '.join(shown)}; write what you read into events_read and n_read"
            )
        if answer == DIFFERS and not row.get("remark"):
            raise NotVerified("the count differs, and remark is blank; write what was wrong")
        return events, n

    def _day(self, text: str) -> str:
        try:
            day = date.fromisoformat(text or self.today).isoformat()
        except ValueError:
            raise NotVerified(f"{text!r} is not a valid date; write it as 2026-11-20") from None
        if day > self.today:
            raise NotVerified(f"the date {day} lies ahead of today, {self.today}; write the day on which you looked")
        return day


def _is_written(checked: Checked, count: Row, verified: Iterable[Row]) -> bool:
    """Was this very finding taken in before, and does the count stand as it says?"""
    f = checked.finding
    read = (str(f.events), str(f.n))
    return (count["events"], count["n"]) == read and any(
        (r["cell_id"], r["verified_on"], r["source_read"], r["events"], r["n"]) == (f.cell_id, checked.on, f.source_read, *read)
        and same_person(r["verified_by"], f.person)
        for r in verified
    )


def _whole(text: str, column: str) -> int:
    """A whole number as people and spreadsheets write it."""
    bare = text.strip().removesuffix(".0").replace(",", "").replace("\u202f", "")
    if bare.isascii() and bare.isdigit() and len(bare) < 10:
        return int(bare)
    hint = "; write the number of people, not the percent" if is_percent(text) else "; write a whole number"
    raise NotVerified(f"{column} is {text!r}{hint}")


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}"
