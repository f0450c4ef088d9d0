"""Rules on where a value comes from: two readings, their reconciliation, verification and correction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cordbook.evidence.rules.base import Data, Row, Rule, Violation, where_read

#: The review began in this year; a date of work before it is a slip of the pen.
FIRST_YEAR = 2026


def _pair(row: Row) -> tuple[str, str]:
    return row["events"], row["n"]


def _readings(data: Data) -> dict[str, dict[str, Row]]:
    readings: dict[str, dict[str, Row]] = {}
    for row in data.rows("extractions"):
        readings.setdefault(row["cell_id"], {}).setdefault(row["reading"], row)
    return readings


def count_was_read(data: Data) -> Iterator[Violation]:
    readings, reconciled = _readings(data), data.by_key("reconciliations")
    for row in data.rows("outcomes"):
        if not any(r["seen"] == "yes" for r in readings.get(row["cell_id"], {}).values()):
            message = "No reading of the count saw a number."
            remedy = "Add the reading to extractions.csv (reading, reader, seen, events, n)."
            yield row.violation("cell_id", message, remedy=remedy)
        if row["cell_id"] not in reconciled:
            message = "The count has no row in reconciliations.csv."
            remedy = "Add one: agree, disagree_settled, disagree_open, second_not_seen or single."
            yield row.violation("cell_id", message, remedy=remedy)


def seen_has_numbers(data: Data) -> Iterator[Violation]:
    for row in data.rows("extractions"):
        filled = [bool(text) for text in _pair(row)]
        if row["seen"] == "yes" and not all(filled):
            message = "The reader saw a number, and events or n is blank."
        elif row["seen"] == "no" and any(filled):
            message = "The reader saw no number, and events or n is filled."
        else:
            continue
        yield row.violation("seen", message, remedy="Fill both events and n, or set seen to no and leave both blank.")


def reader_is_listed(data: Data) -> Iterator[Violation]:
    reconciled = data.by_key("reconciliations")
    for row in data.rows("extractions"):
        listed = reconciled.get(row["cell_id"])
        if row["reader"] and listed is not None and row["reader"] not in listed["readers"].split("+"):
            message = f"reconciliations.csv names the readers {listed['readers']}, not {row['reader']}."
            remedy = "Add the reader there, joined by a plus sign, or correct the name here."
            yield row.violation("reader", message, remedy=remedy)


def readings_are_independent(data: Data) -> Iterator[Violation]:
    for readings in _readings(data).values():
        first, second = readings.get("1"), readings.get("2")
        if first is not None and second is not None and first["reader"] and first["reader"] == second["reader"]:
            message = f"{second['reader']} read the count twice; two readings are those of two readers."
            remedy = "Name who read it the second time, or leave the second reading out (agreement: single)."
            yield second.violation("reader", message, remedy=remedy)


def agreement_fits_readings(data: Data) -> Iterator[Violation]:
    readings = _readings(data)
    for row in data.rows("reconciliations"):
        message = _broken_agreement(row["agreement"], readings.get(row["cell_id"], {}))
        if message:
            remedy = "Set agreement to what the two readings in extractions.csv show, or correct a reading."
            yield row.violation("agreement", message, remedy=remedy)


def _broken_agreement(agreement: str, readings: dict[str, Row]) -> str | None:
    first, second = readings.get("1"), readings.get("2")
    if first is None:
        return "The count has no first reading."
    if agreement == "single":
        return "A single reading is claimed, and a second one exists." if second is not None else None
    if agreement == "second_not_seen":
        unseen = second is not None and second["seen"] == "no"
        return None if unseen else "The second reader is said to have seen no number; extractions.csv does not say so."
    if second is None or second["seen"] != "yes" or first["seen"] != "yes":
        return f"{agreement} needs two readings that saw a number."
    if (agreement == "agree") != (_pair(first) == _pair(second)):
        numbers = " and ".join("/".join(_pair(r)) for r in (first, second))
        return f"The readings are {numbers}, which is not {agreement}."
    return None


def disagreement_is_settled(data: Data) -> Iterator[Violation]:
    outcomes = data.by_key("outcomes")
    for row in data.rows("reconciliations"):
        if row["agreement"] == "disagree_settled" and not row["settled_by"]:
            message = "The readings differ, and no reason for the choice is given."
            yield row.violation("settled_by", message, remedy="Say in settled_by why one reading was taken.")
        count = outcomes.get(row["cell_id"])
        if row["agreement"] == "disagree_open" and count is not None and count["poolable"] == "yes":
            message = "The readings differ, nothing settles it, and the count is poolable."
            yield row.violation("agreement", message, remedy="Settle it with a reason, or set poolable to no in outcomes.csv.")


def value_was_read(data: Data) -> Iterator[Violation]:
    readings, settled = _readings(data), data.by_key("reconciliations")
    verified = _latest_verification(data)
    corrected = {
        (row["row_key"], row["column"])
        for row in data.rows("corrections")
        if row["table"] == "outcomes" and row["column"] in ("events", "n")
    }
    for row in data.rows("outcomes"):
        seen = [r for r in readings.get(row["cell_id"], {}).values() if r["seen"] == "yes"]
        # A person's reading stands above both readings, a correction above the number that it names; the next rules compare them.
        uncorrected = [number for number in ("events", "n") if (row["cell_id"], number) not in corrected]
        was_read = any(all(row[number] == r[number] for number in uncorrected) for r in seen)
        reason = settled.get(row["cell_id"], Row())
        chosen_otherwise = reason["agreement"].startswith("disagree") and bool(reason["settled_by"])
        if seen and not was_read and row["cell_id"] not in verified and not chosen_otherwise:
            shown = " and ".join("/".join(_pair(r)) for r in seen)
            message = f"The count is {row['events']}/{row['n']}, it was read as {shown}."
            remedy = (
                "Take a value that was read, or record a person's reading in verifications.csv, or the change with its reason in "
                f"corrections.csv; see {where_read(row)}."
            )
            yield row.violation(_changed_column(row, seen, uncorrected), message, remedy=remedy)


def _changed_column(row: Row, seen: list[Row], uncorrected: list[str]) -> str:
    """The number that no reading holds and no correction explains; ``events`` where it may be either."""
    held = row["events"] in [r["events"] for r in seen]
    return "n" if "events" not in uncorrected or (held and "n" in uncorrected) else "events"


def _latest_verification(data: Data) -> dict[str, Row]:
    latest: dict[str, Row] = {}
    for row in data.rows("verifications"):
        if row["cell_id"] not in latest or row["verified_on"] >= latest[row["cell_id"]]["verified_on"]:
            latest[row["cell_id"]] = row
    return latest


def verification_stands(data: Data) -> Iterator[Violation]:
    outcomes = data.by_key("outcomes")
    for cell_id, row in _latest_verification(data).items():
        count = outcomes.get(cell_id)
        if count is not None and _pair(count) != _pair(row):
            message = f"The person read {row['events']}/{row['n']}, the count is {count['events']}/{count['n']}."
            remedy = "Correct the count and record it in corrections.csv, or correct this row."
            yield row.violation("events", message, remedy=remedy)


def verdict_fits(data: Data) -> Iterator[Violation]:
    made = {
        (row["row_key"], row["corrected_on"])
        for row in data.rows("corrections")
        if row["table"] == "outcomes" and row["column"] in ("events", "n")
    }
    for row in data.rows("verifications"):
        if row["verdict"] == "corrected" and (row["cell_id"], row["verified_on"]) not in made:
            message = f"The count is said to have been corrected on {row['verified_on']}, and corrections.csv has no such row."
            remedy = (
                "Add the correction with the old and the new value, or set verdict to confirmed. "
                "`cordbook verify-counts` writes both."
            )
            yield row.violation("verdict", message, remedy=remedy)


def dates_are_plausible(data: Data) -> Iterator[Violation]:
    for table, column in (("verifications", "verified_on"), ("corrections", "corrected_on")):
        for row in data.rows(table):
            year = row[column][:4]
            if year.isascii() and year.isdigit() and int(year) < FIRST_YEAR:
                yield row.violation(column, f"The review began in {FIRST_YEAR}.", remedy="Correct the year (form 2026-11-20).")


def corrections_stand(data: Data) -> Iterator[Violation]:
    known: list[Row] = []
    for row in data.rows("corrections"):
        if broken := _broken_target(data, row):
            yield broken
        else:
            known.append(row)
    chains: dict[tuple[str, str, str], list[Row]] = {}
    for row in sorted(known, key=lambda row: (row["corrected_on"], row.number)):
        chains.setdefault((row["table"], row["row_key"], row["column"]), []).append(row)
    for (table, key, column), chain in chains.items():
        for before, row in pairwise(chain):
            if row["old_value"] != before["new_value"]:
                message = f"The correction before ({before['correction_id']}) left {before['new_value']!r}."
                yield row.violation("old_value", message, remedy="Set old_value to what stood there before this correction.")
        row = chain[-1]
        stands = data.by_key(table)[key][column]
        if stands != row["new_value"]:
            message = f"{table}.csv holds {stands!r} there."
            remedy = "Make the change in the table, or add a further correction that says why it changed again."
            yield row.violation("new_value", message, remedy=remedy)


def _broken_target(data: Data, row: Row) -> Violation | None:
    if not data.has(row["table"]):
        return row.violation("table", f"There is no table {row['table']!r}.", remedy="Name a table of datapackage.json.")
    if row["column"] not in data.columns(row["table"]):
        return row.violation("column", f"{row['table']} has no column {row['column']!r}.", remedy="Name one of its columns.")
    if row["row_key"] not in data.by_key(row["table"]):
        message = f"{row['table']} has no row {row['row_key']!r}."
        return row.violation("row_key", message, remedy="Give the key of the row; parts of a compound key are joined by |.")
    return None


READING_RULES = (
    Rule("count-was-read", "outcomes", "A count has a reading that saw it, and a reconciliation.", count_was_read),
    Rule("seen-has-numbers", "extractions", "A reading that saw a number has events and n.", seen_has_numbers),
    Rule("reader-listed", "extractions", "The reader is among the readers of the count.", reader_is_listed),
    Rule("two-readers", "extractions", "Two readings of a count are those of two readers.", readings_are_independent),
    Rule("agreement-fits", "reconciliations", "The agreement is what the two readings show.", agreement_fits_readings),
    Rule(
        "disagreement-settled",
        "reconciliations",
        "A difference is settled with a reason, or not pooled.",
        disagreement_is_settled,
    ),
    Rule("value-was-read", "outcomes", "The value of a count is one that was read.", value_was_read),
    Rule("verification-stands", "verifications", "The last person to check a count read its value.", verification_stands),
    Rule("verdict-fits", "verifications", "A person who corrects a count leaves a correction.", verdict_fits),
    Rule("dates-plausible", "corrections", "No work is dated before the review began.", dates_are_plausible),
    Rule(
        "corrections-stand",
        "corrections",
        "A correction names a real count, which holds its new value.",
        corrections_stand,
    ),
)
