"""Rules on outcome counts: counts, arms, strata and time points."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from cordbook.core.trust.patterns import BadPattern, compiled, matches, why_endless
from cordbook.evidence.patients import (
    KEYS,
    Held,
    Meanings,
    all_patients,
    count_row,
    most_apart,
    parse_stratum,
    stratum_pairs,
    unnamed_totals,
)
from cordbook.evidence.rules.base import Data, Row, Rule, Violation, decimal, listed, where_read, whole

TABLE, WORDINGS = "outcomes", "wordings"


def events_not_above_n(data: Data) -> Iterator[Violation]:
    for table in (TABLE, "extractions", "verifications"):
        for row in data.rows(table):
            events, n = whole(row["events"]), whole(row["n"])
            if events is not None and n is not None and events > n:
                message = f"{events} events in {n} patients."
                yield row.violation("events", message, remedy=f"Lower events or raise n; look again at {where_read(row)}.")


def n_not_above_arm(data: Data) -> Iterator[Violation]:
    arms = data.by_key("arms")
    for row in data.rows(TABLE):
        size, arm = _size(arms, row["arm_id"])
        n = whole(row["n"])
        if size is not None and n is not None and n > size:
            message = f"The count is of {n} patients, the arm {arm} has {size} patients."
            remedy = f"Correct n, or the size of the arm in arms.csv; look again at {where_read(row)}."
            yield row.violation("n", message, remedy=remedy)


def _size(arms: dict[str, Row], arm_id: str) -> tuple[int | None, str]:
    """Size of an arm, or of the wider arm that it is a part of, and whose size it is."""
    seen: set[str] = set()
    while arm_id in arms and arm_id not in seen:
        seen.add(arm_id)
        if (size := whole(arms[arm_id]["n"])) is not None:
            return size, arm_id
        arm_id = arms[arm_id]["part_of"]
    return None, arm_id


def arm_of_same_study(data: Data) -> Iterator[Violation]:
    arms = data.by_key("arms")
    for row in data.rows(TABLE):
        arm = arms.get(row["arm_id"])
        if arm is not None and arm["study_id"] != row["study_id"]:
            message = f"The arm is one of {arm['study_id']}, the count one of {row['study_id']}."
            yield row.violation("arm_id", message, remedy=f"Name an arm of {row['study_id']} as listed in arms.csv.")


def one_count_per_place(data: Data) -> Iterator[Violation]:
    first: dict[tuple[object, ...], Row] = {}
    for row in data.rows(TABLE):
        place = (row["arm_id"], row["outcome"], _time(row), frozenset(stratum_pairs(row["stratum"])))
        if place in first:
            other = first[place]
            message = f"Row {other.number} ({other['cell_id']}) has the same arm, outcome, stratum and time point."
            remedy = "Keep one; a second reading of the same number belongs in extractions.csv."
            yield row.violation("cell_id", message, remedy=remedy)
        first.setdefault(place, row)


def _time(row: Row) -> object:
    """Time point as a number, so that 12 and 12.0 are one."""
    value = decimal(row["timepoint_months"])
    return row["timepoint_months"] if value is None else value


def stratum_well_formed(data: Data) -> Iterator[Violation]:
    allowed = {row["key"]: row["pattern"] for row in data.rows(KEYS)}
    for row in data.rows(TABLE):
        keys = [key for key, _ in stratum_pairs(row["stratum"])]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield row.violation("stratum", f"The key {key!r} appears twice.", remedy="Keep one value per key.")
        for key, value in stratum_pairs(row["stratum"]):
            if key not in allowed:
                message = f"The key {key!r} is not known."
                remedy = "Use a key of stratum_keys.csv, or add it there with what it means."
                yield row.violation("stratum", message, remedy=remedy)
            elif not matches(allowed[key], value):
                message = f"{value!r} is not a valid value of the key {key!r}."
                yield row.violation("stratum", message, remedy=f"It must match {allowed[key]} (stratum_keys.csv).")


def stratum_patterns_compile(data: Data) -> Iterator[Violation]:
    for row in data.rows(KEYS):
        try:
            compiled(row["pattern"])
        except BadPattern as error:
            remedy = "Correct it; brackets must be closed, and the pattern describes the whole value."
            yield row.violation("pattern", f"The pattern cannot be used: {error}.", remedy=remedy)


def wording_patterns_compile(data: Data) -> Iterator[Violation]:
    for row in data.rows(WORDINGS):
        try:
            re.compile(row["pattern"])
        except (re.error, OverflowError, RecursionError):
            message = "The pattern is not a regular expression."
            yield row.violation("pattern", message, remedy="Correct it; brackets must be closed.")
            continue
        if why := why_endless(row["pattern"]):
            message = f"A search for the pattern might take for ever: {why}."
            yield row.violation(
                "pattern", message, remedy="Write one repeat after the other, or a repeat with an end, as {1,40}."
            )


#: What a value of a stratum is written as in the key of a count; the rest is letters, digits and marks.
_SAID = {">=": "ge", "<=": "le", ">": "gt", "<": "lt"}


def count_ids_fit(data: Data) -> Iterator[Violation]:
    first: dict[tuple[str, str], Row] = {}
    for correction in sorted(data.rows("corrections"), key=lambda row: (row["corrected_on"], row.number)):
        if correction["table"] == TABLE:
            first.setdefault((correction["row_key"], correction["column"]), correction)
    for row in data.rows(TABLE):
        # The key tells what the count was entered as: what a correction has changed since stands in it as it was.
        then = {c: first[key]["old_value"] if (key := (row["cell_id"], c)) in first else row[c] for c in _PARTS_OF_ID}
        if column := _other_than_named(row["cell_id"], then):
            message = f"The key {row['cell_id']} does not say {column} {then[column] or '(blank)'!r}."
            remedy = (
                "Correct the value, or, if it was entered wrongly, record the change in corrections.csv; a new count has the key "
                f"{count_row(then['arm_id'], then['outcome'], then['stratum'], then['timepoint_months'])}."
            )
            yield row.violation(column, message, remedy=remedy)


_PARTS_OF_ID = ("arm_id", "outcome", "timepoint_months", "stratum")


def _other_than_named(key: str, then: Mapping[str, str]) -> str | None:
    """The column that a key does not name as it stands; None where it names all."""
    arm, outcome, time = f"{then['arm_id']}.", f"{then['outcome'].replace(':', '_')}.", f".{then['timepoint_months'] or 'na'}"
    if not key.startswith(arm):
        return "arm_id"
    rest = key.removeprefix(arm)
    if not rest.startswith(outcome):
        return "outcome"
    # What stands between outcome and time is the stratum, so that a key without one has "all" there.
    if not (rest.endswith(time) and len(rest) > len(outcome) + len(time)):
        return "timepoint_months"
    named = rest.removeprefix(outcome).removesuffix(time)
    return None if _words_of(named) == _words_of(then["stratum"] or "all") else "stratum"


def _words_of(stratum: str) -> list[str]:
    """Words and numbers of a stratum, whichever way it was written when the key was made; "yes" may be left out."""
    text = stratum.lower()
    for sign, word in _SAID.items():
        text = text.replace(sign, f"-{word}")
    words = re.findall(r"[a-z]+|[0-9]+", text)
    return sorted(word for word in words if word not in ("yes", *_SAID.values()))


def stratum_relation_fits(data: Data) -> Iterator[Violation]:
    for rows in data.grouped(TABLE, "arm_id", "outcome").values():
        for row in rows:
            if message := _broken_relation(data.meanings, row, rows):
                remedy = (
                    "total: blank stratum. same_patients: a wider row with the same numbers. "
                    "part_of_total: a wider row with at least as many. only_stratum: no wider row."
                )
                yield row.violation("stratum_relation", message, remedy=remedy)


def _broken_relation(meanings: Meanings, row: Row, rows: list[Row]) -> str | None:
    relation = row["stratum_relation"]
    if (relation == "total") != (not row["stratum"]):
        return "A blank stratum is a total, and only a blank stratum is."
    wider = [r for r in rows if _wider(meanings, r, row)] if relation in ("only_stratum", "same_patients") else []
    if relation == "only_stratum" and wider:
        return f"A wider row of the same arm and outcome exists ({wider[0]['cell_id']})."
    if relation == "same_patients" and not any((r["events"], r["n"]) == (row["events"], row["n"]) for r in wider):
        return "No wider row of the same arm and outcome has the same events and n."
    if relation == "part_of_total":
        holders = (r for r in rows if r is not row and _holds(meanings, r, row))
        if not any(holders):
            return "No other row of the same arm and outcome holds as many events and patients."
    return None


def _wider(meanings: Meanings, whole_row: Row, part: Row) -> bool:
    """Does one row hold all patients of another and more, by their strata?"""
    return meanings.is_part(parse_stratum(part["stratum"]), parse_stratum(whole_row["stratum"]))


def _holds(meanings: Meanings, whole_row: Row, part: Row) -> bool:
    """Can one row be the whole of another, by its counts? Wider by name or declared the widest."""
    counts = [count for c in ("events", "n") for r in (whole_row, part) if (count := whole(r[c])) is not None]
    if len(counts) < 4:
        return True  # reported by the rule on types
    by_name = _wider(meanings, whole_row, part)
    if by_name and _time(whole_row) != _time(part):
        return True  # patients are lost between time points, so counts of two need not nest
    wide = by_name or whole_row["stratum_relation"] in ("total", "only_stratum")
    return wide and counts[0] >= counts[1] and counts[2] >= counts[3]


def stratum_of_whole_arm(data: Data) -> Iterator[Violation]:
    arms, meanings = data.by_key("arms"), data.meanings
    for (arm_id, _), rows in data.grouped(TABLE, "arm_id", "outcome").items():
        size = whole(arms[arm_id]["n"]) if arm_id in arms else None
        held = [Held(parse_stratum(row["stratum"]), _time(row), whole(row["n"])) for row in rows]
        unnamed, taken = unnamed_totals(held, size, meanings), all_patients(held, size, meanings)
        for i in sorted(unnamed):
            became = (
                "Where all patients are asked for, it stands for them."
                if taken[i]
                else "Another stratum is the whole arm too, so neither is taken where all patients are asked for."
            )
            message = f"The stratum is the whole arm by its number, and no row of all patients has this time. {became}"
            remedy = (
                "Add the row of all patients (blank stratum, total) and call this one same_patients; or correct n of the arm."
            )
            yield rows[i].violation("stratum", message, remedy=remedy)


def strata_within_whole(data: Data) -> Iterator[Violation]:
    meanings = data.meanings
    arms = data.by_key("arms")
    pooled_parts: dict[tuple[str, str], list[Row]] = {}
    for (arm_id, outcome), rows in data.grouped(TABLE, "arm_id", "outcome").items():
        for place in {_time(row) for row in rows}:
            yield from _check_wholes([row for row in rows if _time(row) == place], meanings)
        size, arm = _size(arms, arm_id)
        for added in _rows_added_up(rows):
            # A row that alone is above the arm is reported by n-not-above-arm.
            fitting = [row for row in added if size is None or (whole(row["n"]) or 0) <= size]
            yield from _check_size(_of_different_patients(fitting, "n", meanings), size, arm, "strata of different patients")
        if wider := arms[arm_id]["part_of"] if arm_id in arms else "":
            pooled = ([r for r in added if r["poolable"] == "yes"] for added in _rows_added_up(rows))
            most = max((_of_different_patients(r, "n", meanings) for r in pooled), key=_people)
            pooled_parts.setdefault((wider, outcome), []).extend(most)
    for (wider, _), rows in pooled_parts.items():
        if len({row["arm_id"] for row in rows}) > 1:
            yield from _check_size(rows, *_size(arms, wider), "rows of parts of one arm")


def _rows_added_up(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Rows that are the widest of their arm, and the others: those of one kind may be added up, never those of both."""
    sorts: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        sorts[row["stratum_relation"] not in ("total", "only_stratum")].append(row)
    return sorts


def _people(rows: list[Row]) -> int:
    return sum(whole(row["n"]) or 0 for row in rows)


def _largest(rows: list[Row], column: str) -> Row:
    return max(rows, key=lambda row: (whole(row[column]) or 0, row.number))


def _check_size(rows: list[Row], size: int | None, arm: str, what: str) -> Iterator[Violation]:
    """Rows that are added up, of all times, against the arm."""
    if size is not None and len(rows) > 1 and _people(rows) > size:
        message = f"{len(rows)} {what} count {_people(rows)} together, the arm {arm} has {size} patients."
        remedy = (
            f"Correct n of these rows ({listed(sorted(row.number for row in rows))}), or the size of the arm in arms.csv; "
            "of rows that hold the same patients, pool one."
        )
        yield _largest(rows, "n").violation("n", message, remedy=remedy)


def _check_wholes(rows: list[Row], meanings: Meanings) -> Iterator[Violation]:
    """Compare each row of one time with the rows of different patients within it."""
    for whole_row in rows:
        inside = [row for row in rows if _wider(meanings, whole_row, row)]
        for column in ("events", "n") if inside else ():
            limit = whole(whole_row[column])
            taken = _of_different_patients(inside, column, meanings)
            total = sum(whole(row[column]) or 0 for row in taken)
            if limit is not None and total > limit:
                message = (
                    f"Strata of different patients have {column} {total} together, "
                    f"their whole ({whole_row['cell_id']}, row {whole_row.number}) has {limit}."
                )
                remedy = f"Correct {column} of the strata (rows {listed(sorted(row.number for row in taken))}) or of the whole."
                yield _largest(taken, "n").violation(column, message, remedy=remedy)


def _of_different_patients(rows: list[Row], column: str, meanings: Meanings) -> list[Row]:
    """Of rows of one arm and outcome, those that hold different patients for sure, as many people as there can be."""
    if len(rows) < 2:
        return rows
    strata = [parse_stratum(row["stratum"]) for row in rows]
    shares = [{j for j, other in enumerate(strata) if i != j and meanings.may_share(one, other)} for i, one in enumerate(strata)]
    return [rows[i] for i in most_apart([whole(row[column]) or 0 for row in rows], shares)]


def poolable_has_no_reason(data: Data) -> Iterator[Violation]:
    known = set(data.by_key("not_poolable_reasons"))
    for row in data.rows(TABLE):
        reasons = row["not_poolable_reason"].split(";") if row["not_poolable_reason"] else []
        if row["poolable"] == "no" and not reasons:
            message = "The count is not poolable, and no reason is given."
            yield row.violation("not_poolable_reason", message, remedy="Give a reason of not_poolable_reasons.csv.")
        if row["poolable"] == "yes" and reasons:
            message = "The count is poolable, and a reason against it is given."
            yield row.violation("not_poolable_reason", message, remedy="Remove the reason, or set poolable to no.")
        for reason in reasons:
            if reason not in known:
                message = f"The reason {reason!r} is not known."
                remedy = "Use a reason of not_poolable_reasons.csv (joined by ; without blanks), or add it there."
                yield row.violation("not_poolable_reason", message, remedy=remedy)


def review_counts_carry_no_weight(data: Data) -> Iterator[Violation]:
    identity = {key: row["identity_confidence"] for key, row in data.by_key("references").items()}
    for row in data.rows(TABLE):
        sure = identity.get(row["study_id"]) == "confirmed"
        if row["poolable"] == "yes" and row["source_kind"] == "secondary_review" and not sure:
            message = (
                "The count was rebuilt from a review, and which paper the report is was not confirmed; it would carry weight."
            )
            remedy = (
                "Hold it against the report's own abstract and set source_kind, confirm the identity in references.csv, or set "
                "poolable to no with the reason other:review_table_only."
            )
            yield row.violation("source_kind", message, remedy=remedy)


def timepoint_within_followup(data: Data) -> Iterator[Violation]:
    studies = data.by_key("studies")
    for row in data.rows(TABLE):
        study = studies.get(row["study_id"])
        time, end = decimal(row["timepoint_months"]), decimal(study["followup_months"]) if study else None
        if time is not None and end is not None and time > end:
            message = f"The outcome was read at {time:g} months, the study's follow-up is {end:g} months."
            remedy = "Correct one of them; where the report gives a range, followup_months is its minimum."
            yield row.violation("timepoint_months", message, remedy=remedy)


COUNT_RULES = (
    Rule("events-not-above-n", TABLE, "Events are no more than patients.", events_not_above_n),
    Rule("n-not-above-arm", TABLE, "A count is of no more patients than its arm has.", n_not_above_arm),
    Rule("arm-of-study", TABLE, "The arm of a count is an arm of its study.", arm_of_same_study),
    Rule("one-count-per-place", TABLE, "Arm, outcome, stratum and time point stand once.", one_count_per_place),
    Rule(
        "count-id",
        TABLE,
        "The key of a count names its arm, outcome, stratum and time, as they were before any correction.",
        count_ids_fit,
    ),
    Rule("stratum-form", TABLE, "A stratum has known keys, each once, with values of their pattern.", stratum_well_formed),
    Rule(
        "stratum-patterns",
        KEYS,
        "The pattern of a stratum key is a regular expression that describes the whole value.",
        stratum_patterns_compile,
    ),
    Rule(
        "wording-patterns",
        WORDINGS,
        "The pattern of a wording is a regular expression that comes to an end.",
        wording_patterns_compile,
    ),
    Rule(
        "stratum-relation",
        TABLE,
        "stratum_relation tells truly how a row relates to wider rows.",
        stratum_relation_fits,
    ),
    Rule(
        "stratum-of-whole-arm",
        TABLE,
        "A stratum that is the whole arm has a row of all patients beside it.",
        stratum_of_whole_arm,
        "warning",
    ),
    Rule("strata-within-whole", TABLE, "Strata of different patients sum to no more than the whole.", strata_within_whole),
    Rule(
        "poolable-reason",
        TABLE,
        "A count that is not poolable says why; a poolable one does not.",
        poolable_has_no_reason,
    ),
    Rule(
        "review-counts",
        TABLE,
        "A count rebuilt from a review's table of a report that is not identified is not pooled.",
        review_counts_carry_no_weight,
    ),
    Rule(
        "timepoint-within-followup",
        TABLE,
        "An outcome is read within the study's follow-up.",
        timepoint_within_followup,
        "warning",
    ),
)
