"""Screening outside: a CSV for spreadsheets, and the files that ASReview reads and writes.

ASReview reads labels (1, 0, blank) from a column called ``included`` or by one of the other names below, in RIS from a note. Version
1 writes them back into that column, -1 for unseen. Versions 2 and 3 leave the columns of the file as they were, with a first
column of row numbers, and add ``asreview_label`` and others, such as ``asreview_note``; so there the label of ASReview is the news.
Sources: ASReview's documentation of its data format and labelled data; its writers of CSV and RIS.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cordbook.core.trust.characters import begins_as_formula
from cordbook.evidence.screening import EXCLUDE, INCLUDE, REVIEWER, standing
from cordbook.intake.records.store import Row
from cordbook.intake.records.untrusted_text import cell_for_spreadsheet, one_line
from cordbook.intake.screening.screening import Item, NotAllowed, decision_row

SHEET = (
    "record_id",
    "title",
    "abstract",
    "authors",
    "year",
    "journal",
    "doi",
    "url",
    "included",
    "decision",
    "reason",
    "study_id",
    "note",
)
#: Names by which ASReview knows a column of labels, and the column that its versions 2 and 3 add.
LABELS = ("included", "label", "final_included", "label_included", "included_label", "included_final", "included_flag", "include")
NEWS, NEWS_NOTE = "asreview_label", "asreview_note"
#: What a label column without a reason is taken for.
NO_REASON = "other_reason"
INCLUDED = {
    "1": INCLUDE,
    "1.0": INCLUDE,
    "yes": INCLUDE,
    "true": INCLUDE,
    "0": EXCLUDE,
    "0.0": EXCLUDE,
    "no": EXCLUDE,
    "false": EXCLUDE,
}
UNKNOWN = ("", "-1", "-1.0", "nan")
RIS_LABELS = {"ASReview_relevant": "1", "ASReview_irrelevant": "0", "ASReview_not_seen": ""}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file brought: rows to add, those that were known, and what is wrong, each with its line."""

    rows: tuple[Row, ...]
    known: int
    problems: tuple[str, ...]


def sheet_text(items: Iterable[Item], rows: Sequence[Row], stage: str, reviewer: str) -> str:
    """A CSV with one row per record and the reviewer's own decisions; no cell is one that a spreadsheet would compute."""
    decided = standing(rows, stage)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(SHEET)
    for item in items:
        own = decided.get(item.record_id, {}).get((REVIEWER, reviewer), {})
        decision = own.get("decision", "")
        cells = (
            item.record_id, item.title, item.abstract, item.authors, item.year, item.container, item.doi, item.url, _label(decision), decision,
            own.get("reason", ""), own.get("study_id", ""), own.get("note", ""),
        )  # fmt: skip
        writer.writerow([cell_for_spreadsheet(c) for c in cells])
    return out.getvalue()


def ris_text(items: Iterable[Item], rows: Sequence[Row], stage: str, reviewer: str) -> str:
    """The same in RIS, labelled in N1 as ASReview does."""
    decided = standing(rows, stage)
    names = {v: k for k, v in RIS_LABELS.items()}
    lines = []
    for item in items:
        label = names[_label(decided.get(item.record_id, {}).get((REVIEWER, reviewer), {}).get("decision", ""))]
        fields = [
            ("TY", "JOUR"),
            ("ID", item.record_id),
            ("TI", item.title),
            *(("AU", a.strip()) for a in item.authors.split(";")),
        ]
        fields += [
            ("PY", item.year),
            ("JO", item.container),
            ("AB", item.abstract),
            ("DO", item.doi),
            ("UR", item.url),
            ("N1", label),
            ("ER", ""),
        ]
        lines += [f"{tag}  - {value}" for tag, value in fields if value or tag == "ER"] + [""]
    return "\n".join(lines) + "\n"


def _label(decision: str) -> str:
    return {INCLUDE: "1", EXCLUDE: "0"}.get(decision, "")


def read_sheet(text: str) -> list[tuple[int, Row]]:
    """Rows of a CSV with the number of the line on which each begins; separators , ; and tab. ValueError where it is not a table."""
    first = text.lstrip("\ufeff").partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator, strict=True)
    rows, begins = [], 1
    try:
        header = [one_line(c).lower() for c in next(reader, [])]
        if not {"decision", NEWS, *LABELS} & set(header):
            raise ValueError("the first line has none of the columns decision and included")
        while True:
            begins = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return rows
            if any(c.strip() for c in cells):
                row = {name: _bare(cell) for name, cell in zip(header, cells, strict=False)}
                rows.append((begins, row | ({"": "wrong"} if len(cells) != len(header) else {})))
    except csv.Error as error:
        raise ValueError(f"line {begins}: cannot be read as CSV ({error})") from error


def read_ris(text: str) -> list[tuple[int, Row]]:
    """Records of a RIS file that ASReview labelled: record_id, title, doi and included, with the line of each."""
    rows: list[tuple[int, Row]] = []
    row: Row = {}
    start = 0
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        tag, value = line[:2], one_line(line[6:])
        if line[2:6] not in ("  - ", "  -"):
            continue
        if tag == "TY":
            row, start = {"included": ""}, number
        elif tag == "ER" and start:
            rows.append((start, row))
            row, start = {}, 0
        elif tag in ("ID", "TI", "T1", "DO"):
            row[{"ID": "record_id", "DO": "doi"}.get(tag, "title")] = value
        elif tag == "N1":
            row["included"] = next((v for k, v in RIS_LABELS.items() if k in value), row.get("included", ""))
            if value.startswith(f"{NEWS_NOTE}: "):
                row[NEWS_NOTE] = _note(value.removeprefix(f"{NEWS_NOTE}: "))
    return rows


def _note(text: str) -> str:
    """A note in RIS, which ASReview writes as JSON."""
    try:
        return one_line(str(json.loads(text)))
    except ValueError:
        return text


def _bare(cell: str) -> str:
    text = one_line(cell)
    return text[1:] if text[:1] == "'" and begins_as_formula(text[1:]) else text


def take(
    sheet: Sequence[tuple[int, Row]], items: Mapping[str, Item], rows: Sequence[Row], stage: str, reviewer: str, reasons: Sequence[str],
    *, replace: bool = False,
) -> Taken:  # fmt: skip
    """Decisions of a file as rows of ``reviewer``; a row that cannot stand is a problem and keeps no other from going in."""
    decided = standing(rows, stage)
    made: dict[str, tuple[int, Row]] = {}
    problems: list[str] = []
    clash: set[str] = set()
    known = 0
    for line, row in sheet:
        record = _record(row, items)
        decision, reason, note = _decision(row)
        if row.get("") == "wrong":
            problems.append(f"line {line}: has another number of values than the first line")
        elif decision == "":
            continue
        elif record is None:
            problems.append(
                f"line {line}: no record {row.get('record_id') or row.get('doi') or row.get('title') or '(no key)'!r} waits to be screened"
            )
        else:
            try:
                new = decision_row(
                    record, stage, reviewer, decision, reasons=reasons, reason=reason, study_id=row.get("study_id", ""), note=note
                )  # fmt: skip
            except NotAllowed as problem:
                problems.append(f"line {line}: {problem}")
                continue
            own = decided.get(record, {}).get((REVIEWER, reviewer))
            if record in made and not _same(made[record][1], new):
                problems.append(f"line {line}: says something else of {record} than line {made[record][0]}; neither was taken")
                clash.add(record)
            elif own is not None and _same(own, new):
                known += 1
            elif own is not None and not replace:
                problems.append(
                    f"line {line}: {record} was judged {own['decision']} before by {reviewer}; use --replace to change it"
                )
            else:
                made.setdefault(record, (line, new))
    return Taken(tuple(row for record, (_, row) in made.items() if record not in clash), known, tuple(problems))


def _record(row: Row, items: Mapping[str, Item]) -> str | None:
    if row.get("record_id"):
        return row["record_id"] if row["record_id"] in items else None
    for column in ("doi", "title"):
        wanted = row.get(column, "").casefold()
        hits = [r for r, item in items.items() if wanted and getattr(item, column).casefold() == wanted]
        if len(hits) == 1:
            return hits[0]
    return None


def _decision(row: Row) -> tuple[str, str, str]:
    reason, note = row.get("reason", ""), row.get("note", "") or row.get(NEWS_NOTE, "")
    news = row.get(NEWS, "").lower()
    if row.get("decision") and (news in UNKNOWN or INCLUDED.get(news) == row["decision"].lower()):
        return row["decision"].lower(), reason, note
    label = next((text for name in (NEWS, *LABELS) if (text := row.get(name, "").lower()) not in UNKNOWN), "")
    if row.get("decision"):
        reason = ""  # of the decision that ASReview's label has replaced
    if label in UNKNOWN:
        return "", "", ""
    decision = INCLUDED.get(label, label)
    if decision == EXCLUDE and not reason:
        return decision, NO_REASON, note or "The file gave no reason."
    return decision, reason, note


def _same(a: Mapping[str, str], b: Mapping[str, str]) -> bool:
    return all((a.get(c) or "") == (b.get(c) or "") for c in ("decision", "reason", "study_id"))
