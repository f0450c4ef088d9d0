"""Rules on outcome cells: counts, arms, strata and time points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from cordbook.evidence.rules import strata
from cordbook.evidence.rules.base import Data, Fault, NumberedRow, Row, Rule, decimal, listed, where_read, whole

TABLE = "outcomes"


def events_not_above_n(data: Data) -> Iterator[Fault]:
    for table in (TABLE, "extractions", "verifications"):
        for number, row in data.rows(table):
            events, n = whole(row["events"]), whole(row["n"])
            if events is not None and n is not None and events > n:
                yield Fault(
                    table,
                    number,
                    row,
                    "events",
                    f"{events} events in {n} patients.",
                    f"Lower events or raise n; look again at {where_read(row)}.",
                )


def n_not_above_arm(data: Data) -> Iterator[Fault]:
    arms = data.by_key("arms")
    for number, row in data.rows(TABLE):
        size, arm = _size(arms, row["arm_id"])
        n = whole(row["n"])
        if size is not None and n is not None and n > size:
            yield Fault(
                TABLE,
                number,
                row,
                "n",
                f"The cell counts {n}, the arm {arm} has {size} patients.",
                f"Correct n, or the size of the arm in arms.csv; look again at {where_read(row)}.",
            )


def _size(arms: dict[str, Row], arm_id: str) -> tuple[int | None, str]:
    """Size of an arm, or of the wider arm that it is a part of, and whose size it is."""
    seen: set[str] = set()
    while arm_id in arms and arm_id not in seen:
        seen.add(arm_id)
        if (size := whole(arms[arm_id]["n"])) is not None:
            return size, arm_id
        arm_id = arms[arm_id]["part_of"]
    return None, arm_id


def arm_of_same_study(data: Data) -> Iterator[Fault]:
    arms = data.by_key("arms")
    for number, row in data.rows(TABLE):
        arm = arms.get(row["arm_id"])
        if arm is not None and arm["study_id"] != row["study_id"]:
            yield Fault(
                TABLE,
                number,
                row,
                "arm_id",
                f"The arm is one of {arm['study_id']}, the cell one of {row['study_id']}.",
                f"Name an arm of {row['study_id']} as listed in arms.csv.",
            )


def one_cell_a_place(data: Data) -> Iterator[Fault]:
    first: dict[tuple[object, ...], tuple[int, str]] = {}
    for number, row in data.rows(TABLE):
        place = (row["arm_id"], row["outcome"], _time(row), frozenset(strata.parse(row["stratum"])))
        if place in first:
            other, cell = first[place]
            yield Fault(
                TABLE,
                number,
                row,
                "cell_id",
                f"Row {other} ({cell}) has the same arm, outcome, stratum and time point.",
                "Keep one; a second reading of the same number belongs in extractions.csv.",
            )
        first.setdefault(place, (number, row["cell_id"]))


def _time(row: Row) -> object:
    """Time point as a number, so that 12 and 12.0 are one."""
    value = decimal(row["timepoint_months"])
    return row["timepoint_months"] if value is None else value


def stratum_well_formed(data: Data) -> Iterator[Fault]:
    allowed = {row["key"]: row["pattern"] for _, row in data.rows("stratum_keys")}
    known = {key for key, pattern in allowed.items() if _compiled(pattern)}
    for number, row in data.rows(TABLE):
        keys = [key for key, _ in strata.parse(row["stratum"])]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield Fault(TABLE, number, row, "stratum", f"The key {key!r} stands twice.", "Keep one value a key.")
        for key, value in strata.parse(row["stratum"]):
            if key not in allowed:
                yield Fault(
                    TABLE,
                    number,
                    row,
                    "stratum",
                    f"The key {key!r} is not known.",
                    "Use a key of stratum_keys.csv, or add it there with what it means.",
                )
            elif key in known and not _compiled(allowed[key]).fullmatch(value):  # type: ignore[union-attr]
                yield Fault(
                    TABLE,
                    number,
                    row,
                    "stratum",
                    f"{value!r} is no value of the key {key!r}.",
                    f"It must match {allowed[key]} (stratum_keys.csv).",
                )


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def stratum_patterns_compile(data: Data) -> Iterator[Fault]:
    for number, row in data.rows("stratum_keys"):
        if _compiled(row["pattern"]) is None:
            yield Fault(
                "stratum_keys",
                number,
                row,
                "pattern",
                "The pattern is not a regular expression.",
                "Correct it; brackets must be closed.",
            )


def stratum_relation_fits(data: Data) -> Iterator[Fault]:
    for rows in data.grouped(TABLE, "arm_id", "outcome").values():
        sets = [frozenset(strata.parse(row["stratum"])) for _, row in rows]
        distinct = set(sets)
        for (number, row), own in zip(rows, sets, strict=True):
            message = _relation_fault(row, own, distinct, rows)
            if message:
                yield Fault(
                    TABLE,
                    number,
                    row,
                    "stratum_relation",
                    message,
                    "total: blank stratum. same_patients: a wider row with the same numbers. "
                    "part_of_total: a wider row with at least as many. only_stratum: no wider row.",
                )


def _relation_fault(
    row: Row, own: frozenset[tuple[str, str]], distinct: set[frozenset[tuple[str, str]]], rows: list[NumberedRow]
) -> str | None:
    relation = row["stratum_relation"]
    if (relation == "total") != (not own):
        return "A blank stratum is a total, and only a blank stratum is."
    if relation == "only_stratum" and any(other < own for other in distinct):
        return "A wider row of the same arm and outcome exists."
    if relation == "same_patients":
        wider = [r for _, r in rows if frozenset(strata.parse(r["stratum"])) < own]
        if not any((r["events"], r["n"]) == (row["events"], row["n"]) for r in wider):
            return "No wider row of the same arm and outcome has the same events and n."
    if relation == "part_of_total":
        holders = (r for _, r in rows if r is not row and _holds(r, row))
        if not any(holders):
            return "No other row of the same arm and outcome holds as many events and patients."
    return None


def _holds(whole_row: Row, part: Row) -> bool:
    """Can one row be the whole of another, by its counts? Wider by name or declared the widest."""
    counts = [whole(r[c]) for c in ("events", "n") for r in (whole_row, part)]
    if None in counts:
        return True  # reported by the rule on types
    by_name = frozenset(strata.parse(whole_row["stratum"])) < frozenset(strata.parse(part["stratum"]))
    if by_name and _time(whole_row) != _time(part):
        return True  # patients are lost between time points, so counts of two need not nest
    wide = by_name or whole_row["stratum_relation"] in ("total", "only_stratum")
    return wide and counts[0] >= counts[1] and counts[2] >= counts[3]  # type: ignore[operator]


def strata_within_whole(data: Data) -> Iterator[Fault]:
    keys = {row["key"] for _, row in data.rows("stratum_keys") if row["disjoint"] == "yes"}
    families: dict[tuple[object, ...], list[NumberedRow]] = {}
    for number, row in data.rows(TABLE):
        families.setdefault((row["arm_id"], row["outcome"], _time(row)), []).append((number, row))
    arms = data.by_key("arms")
    for (arm_id, *_), rows in families.items():
        if len(rows) > 1:
            yield from _check_family(rows, keys, *_size(arms, str(arm_id)))


def _check_family(rows: list[NumberedRow], keys: set[str], size: int | None, arm: str) -> Iterator[Fault]:
    """Compare each set of disjoint strata with each wider row, and with the arm."""
    by_keys: dict[frozenset[str], list[NumberedRow]] = {}
    for number, row in rows:
        by_keys.setdefault(frozenset(key for key, _ in strata.parse(row["stratum"])), []).append((number, row))
    for names, parts in by_keys.items():
        for wider_names in by_keys:
            if wider_names < names:
                yield from _compare_with_wider(by_keys[wider_names], wider_names, parts, keys)
        taken = _disjoint_rows(parts, keys)
        n = sum(whole(row["n"]) or 0 for _, row in taken)
        if size is not None and len(taken) > 1 and n > size:
            number, row = taken[-1]
            yield Fault(
                TABLE,
                number,
                row,
                "n",
                f"{len(taken)} strata of different patients count {n} together, the arm {arm} has {size} patients.",
                f"Correct n of the strata (rows {listed(n for n, _ in taken)}), or the size of the arm in arms.csv.",
            )


def _compare_with_wider(
    wholes: list[NumberedRow], names: frozenset[str], parts: list[NumberedRow], keys: set[str]
) -> Iterator[Fault]:
    inside: dict[frozenset[tuple[str, str]], list[NumberedRow]] = {}
    for number, row in parts:
        projection = frozenset(pair for pair in strata.parse(row["stratum"]) if pair[0] in names)
        inside.setdefault(projection, []).append((number, row))
    for whole_number, whole_row in wholes:
        taken = _disjoint_rows(inside.get(frozenset(strata.parse(whole_row["stratum"])), []), keys)
        for column in ("events", "n") if taken else ():
            limit = whole(whole_row[column])
            total = sum(whole(row[column]) or 0 for _, row in taken)
            if limit is not None and total > limit:
                number, row = taken[-1]
                yield Fault(
                    TABLE,
                    number,
                    row,
                    column,
                    f"Strata of different patients have {column} {total} together, "
                    f"their whole ({whole_row['cell_id']}, row {whole_number}) has {limit}.",
                    f"Correct {column} of the strata (rows {listed(n for n, _ in taken)}) or of the whole.",
                )


def _disjoint_rows(rows: list[NumberedRow], keys: set[str]) -> list[NumberedRow]:
    """Rows that hold different patients for sure; smaller rows first, since wide classes overlap narrow ones."""
    taken: list[NumberedRow] = []
    parsed: list[dict[str, str]] = []
    for number, row in sorted(rows, key=lambda numbered: (whole(numbered[1]["n"]) or 0, numbered[0])):
        own = dict(strata.parse(row["stratum"]))
        if all(strata.disjoint(own, other, keys) for other in parsed):
            taken.append((number, row))
            parsed.append(own)
    return taken


def poolable_has_no_reason(data: Data) -> Iterator[Fault]:
    known = set(data.by_key("not_poolable_reasons"))
    for number, row in data.rows(TABLE):
        reasons = row["not_poolable_reason"].split(";") if row["not_poolable_reason"] else []
        if row["poolable"] == "no" and not reasons:
            yield Fault(
                TABLE,
                number,
                row,
                "not_poolable_reason",
                "The cell is not poolable, and no reason is given.",
                "Give a reason of not_poolable_reasons.csv.",
            )
        if row["poolable"] == "yes" and reasons:
            yield Fault(
                TABLE,
                number,
                row,
                "not_poolable_reason",
                "The cell is poolable, and a reason against it is given.",
                "Remove the reason, or set poolable to no.",
            )
        for reason in reasons:
            if reason not in known:
                yield Fault(
                    TABLE,
                    number,
                    row,
                    "not_poolable_reason",
                    f"The reason {reason!r} is not known.",
                    "Use a reason of not_poolable_reasons.csv (joined by ; without blanks), or add it there.",
                )


def timepoint_within_followup(data: Data) -> Iterator[Fault]:
    studies = data.by_key("studies")
    for number, row in data.rows(TABLE):
        study = studies.get(row["study_id"])
        time, end = decimal(row["timepoint_months"]), decimal(study["followup_months"]) if study else None
        if time is not None and end is not None and time > end:
            yield Fault(
                TABLE,
                number,
                row,
                "timepoint_months",
                f"The outcome was read at {time:g} months, the study's follow-up is {end:g} months.",
                "Correct one of them; where the report gives a range, followup_months is its minimum.",
            )


CELL_RULES = (
    Rule("events-not-above-n", TABLE, "Events are no more than patients.", events_not_above_n),
    Rule("n-not-above-arm", TABLE, "A cell counts no more patients than its arm has.", n_not_above_arm),
    Rule("arm-of-study", TABLE, "The arm of a cell is an arm of its study.", arm_of_same_study),
    Rule("one-cell-a-place", TABLE, "Arm, outcome, stratum and time point stand once.", one_cell_a_place),
    Rule("stratum-form", TABLE, "A stratum has known keys, each once, with values of their pattern.", stratum_well_formed),
    Rule(
        "stratum-patterns",
        "stratum_keys",
        "The pattern of a stratum key is a regular expression.",
        stratum_patterns_compile,
    ),
    Rule(
        "stratum-relation",
        TABLE,
        "stratum_relation tells truly how a row relates to wider rows.",
        stratum_relation_fits,
    ),
    Rule("strata-within-whole", TABLE, "Strata of different patients sum to no more than the whole.", strata_within_whole),
    Rule(
        "poolable-reason",
        TABLE,
        "A cell that is not poolable says why; a poolable one does not.",
        poolable_has_no_reason,
    ),
    Rule(
        "timepoint-within-followup",
        TABLE,
        "An outcome is read within the study's follow-up.",
        timepoint_within_followup,
        "warning",
    ),
)
