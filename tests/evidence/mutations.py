"""One way to break each rule of the evidence, at a random row: what is changed, and where it must be reported."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import assume
from hypothesis import strategies as st

from cordbook.core.clock import today
from cordbook.evidence import Package, RawTable

Row = dict[str, str]
Raw = Mapping[str, RawTable]


@dataclass(frozen=True)
class Mutation:
    """Changed tables, and the place at which the problem must stand (column None: any)."""

    raw: Raw
    table: str
    row: int
    column: str | None


def with_counts(raw: Raw, table: str, row: int, cells: Row) -> Raw:
    """Tables with some cells of one row changed."""
    rows = [(number, {**old, **cells} if number == row else old) for number, old in raw[table].rows]
    return {**raw, table: replace(raw[table], rows=rows)}


def with_row(raw: Raw, table: str, cells: Row) -> tuple[Raw, int]:
    """Tables with a row added at the end, blank but for some cells; and its number."""
    old = raw[table]
    number = old.rows[-1][0] + 1 if old.rows else 2
    row = dict.fromkeys(old.header, "") | cells
    return {**raw, table: replace(old, rows=[*old.rows, (number, row)])}, number


def pick(draw, raw: Raw, table: str, suits: Callable[[Row], object] = lambda row: True) -> tuple[int, Row]:
    """A random row of a table."""
    return draw(st.sampled_from([(number, row) for number, row in raw[table].rows if suits(row)]))


def changed(draw, raw: Raw, table: str, column: str, value: Callable[[Row], str], suits=lambda row: True) -> Mutation:
    number, row = pick(draw, raw, table, suits)
    return Mutation(with_counts(raw, table, number, {column: value(row)}), table, number, column)


def _columns(package: Package, suits) -> list[tuple[str, str]]:
    return [(t.name, f.name) for t in package.tables for f in t.fields if suits(t, f)]


def _filled(draw, raw: Raw, package: Package, suits) -> tuple[str, str]:
    """A random column of the wanted kind in a table that has rows."""
    return draw(st.sampled_from([(t, c) for t, c in _columns(package, suits) if raw[t].rows]))


def _plus(text: str, more: int) -> str:
    return str(int(text) + more)


# ------------------------------------------------------------------------------------ schema


def required(draw, raw, package):
    return changed(draw, raw, *_filled(draw, raw, package, lambda t, f: f.required), lambda row: "")


def wrong_type(draw, raw, package):
    table, column = _filled(draw, raw, package, lambda t, f: f.type in ("integer", "number", "boolean"))
    word = draw(st.sampled_from(["twelve", "1,5", "12 patients", "NaN", "inf", "0x1F", "1e", "--1", "１２", "9" * 400, "1_000"]))
    return changed(draw, raw, table, column, lambda row: word)


def allowed_values(draw, raw, package):
    return changed(draw, raw, *_filled(draw, raw, package, lambda t, f: f.enum and f.type == "string"), lambda row: "unheard_of")


def pattern(draw, raw, package):
    table, column = _filled(draw, raw, package, lambda t, f: f.pattern)
    limit = re.compile(package.table(table).field(column).pattern)
    text = draw(
        st.sampled_from(
            ["10.1000", "doi:10.1000/x", "https://doi.org/10.1000/x y", "PMC", "0123", "ftp://x.org", "NCT123", "A b"]
        )
    )
    assume(not limit.fullmatch(text))
    return changed(draw, raw, table, column, lambda row: text)


def a_day_that_has_not_begun(draw, raw, package):
    table, column = _filled(draw, raw, package, lambda t, f: f.type == "date")
    later = (today() + timedelta(days=draw(st.sampled_from([1, 30, 4000])))).isoformat()
    return changed(draw, raw, table, column, lambda row: later)


def out_of_range(draw, raw, package):
    table, column = _filled(draw, raw, package, lambda t, f: f.minimum is not None or f.highest is not None)
    field = package.table(table).field(column)
    values = [str(int(limit) + step) for limit, step in ((field.minimum, -1), (field.highest, 1)) if limit is not None]
    return changed(draw, raw, table, column, lambda row: draw(st.sampled_from(values)))


def duplicated_unique(draw, raw, package):
    column = draw(st.sampled_from(["doi", "pmid", "pmcid"]))
    first, row = pick(draw, raw, "references", lambda r: r[column])
    second, _ = pick(draw, raw, "references")
    assume(first != second)
    return Mutation(with_counts(raw, "references", second, {column: row[column]}), "references", max(first, second), column)


def duplicated_key(draw, raw, package):
    tables = [t for t in package.tables if len(t.primary_key) == 1 and len(raw[t.name].rows) > 1]
    table = draw(st.sampled_from(tables))
    first, row = pick(draw, raw, table.name)
    second, _ = pick(draw, raw, table.name)
    assume(first != second)
    (column,) = table.primary_key
    mutated = with_counts(raw, table.name, second, {column: row[column]})
    return Mutation(mutated, table.name, max(first, second), column)


def points_nowhere(draw, raw, package):
    keys = [(t.name, k.fields[0]) for t in package.tables for k in t.foreign_keys if raw[t.name].rows]
    return changed(draw, raw, *draw(st.sampled_from(keys)), lambda row: "nobody1900")


def unclean(draw, raw, package):
    table, column = _filled(draw, raw, package, lambda t, f: f.type == "string")
    bad = draw(
        st.sampled_from(
            ["a\x00b", "a\tb", "a\nb", " a", "a ", "a\u200bb", "e\u0301", "\ufeffa", "a\x1b[31m", "a\u202eb", "a\ud800"]
        )
    )
    return changed(draw, raw, table, column, lambda row: bad)


def formula(draw, raw, package):
    table, column = _filled(draw, raw, package, lambda t, f: f.type == "string" and not f.enum)
    bad = draw(st.sampled_from(["=1+1", "=cmd|' /C calc'!A0", "+sum(A1)", "-a", "@x", " =1"]))
    return changed(draw, raw, table, column, lambda row: bad)


# ------------------------------------------------------------------------------------- cells


def events_above_n(draw, raw, package):
    more = draw(st.integers(1, 10_000))
    return changed(draw, raw, "outcomes", "events", lambda row: _plus(row["n"], more))


def n_above_arm(draw, raw, package):
    sizes = {row["arm_id"]: row["n"] for _, row in raw["arms"].rows}
    more = draw(st.integers(1, 10_000))
    return changed(draw, raw, "outcomes", "n", lambda r: _plus(sizes[r["arm_id"]], more), lambda r: sizes[r["arm_id"]])


def arm_of_another(draw, raw, package):
    _, arm = pick(draw, raw, "arms")
    return changed(draw, raw, "outcomes", "arm_id", lambda row: arm["arm_id"], lambda row: row["study_id"] != arm["study_id"])


def same_place_twice(draw, raw, package):
    _, row = pick(draw, raw, "outcomes")
    mutated, number = with_row(raw, "outcomes", {**row, "cell_id": "again.cell"})
    return Mutation(mutated, "outcomes", number, "cell_id")


def bad_stratum(draw, raw, package):
    extra = draw(
        st.sampled_from(
            ["mood=good", "baseline_ais=E", "level=", "phase=acute;phase=acute", "phase", "=A", ";", "total_dose_gy=>"]
        )
    )
    return changed(draw, raw, "outcomes", "stratum", lambda row: f"{row['stratum']};{extra}".lstrip(";") or extra)


def bad_stratum_pattern(draw, raw, package):
    return changed(draw, raw, "stratum_keys", "pattern", lambda row: "(")


def bad_wording_pattern(draw, raw, package):
    return changed(draw, raw, "wordings", "pattern", lambda row: "(")


def source_of_nothing(draw, raw, package):
    source = draw(st.sampled_from(["sleep", "arms.sleep", "sleep.arm", "stratum.sleep", "sleep_*"]))
    return changed(draw, raw, "dimensions", "source", lambda row: f"{row['source']};{source}")


def label_of_no_code(draw, raw, package):
    closed = ("topic", "cell_type", "route", "injury_level", "stratum.setting", "phase")
    return changed(draw, raw, "labels", "code", lambda row: "unheard_of", lambda row: row["kind"] in closed)


def label_of_no_row(draw, raw, package):
    return changed(draw, raw, "labels", "code", lambda row: "unheard_of", lambda row: row["kind"] == "arm")


def code_without_a_label(draw, raw, package):
    number, row = pick(
        draw,
        raw,
        "labels",
        lambda row: row["kind"] in ("topic", "cell_type", "route", "injury_level") and row["code"] != "several",
    )
    left = [(n, r) for n, r in raw["labels"].rows if n != number]
    place = next(n for n, r in raw["dimensions"].rows if r["dimension"] == row["kind"])
    return Mutation({**raw, "labels": replace(raw["labels"], rows=left)}, "dimensions", place, "dimension")


def value_said_twice(draw, raw, package):
    return changed(draw, raw, "stratum_keys", "phrase", lambda row: "{} of {}")


def key_that_parts_no_patients(draw, raw, package):
    column, text = draw(st.sampled_from([("scale", "C1-C8;C3"), ("scale", "T1;;T2"), ("between_studies", "yes")]))
    return changed(draw, raw, "stratum_keys", column, lambda row: text, lambda row: row["disjoint"] == "no")


def value_that_means_nothing(draw, raw, package):
    column, text = draw(
        st.sampled_from(
            [("value", "unheard of"), ("value", "*_to_*"), ("stands_for", "<=*"), ("may_share", "unheard of"),
             ("implies", "mood=good"), ("implies", "baseline_completeness=partly")]
        )
    )  # fmt: skip
    return changed(draw, raw, "stratum_values", column, lambda row: text, lambda row: "*" not in row["value"])


def wrong_relation(draw, raw, package):
    number, row = pick(draw, raw, "outcomes", lambda r: r["stratum_relation"] in ("total", "same_patients"))
    other = {"total": "only_stratum", "same_patients": "total"}[row["stratum_relation"]]
    return Mutation(with_counts(raw, "outcomes", number, {"stratum_relation": other}), "outcomes", number, "stratum_relation")


def stratum_of_everybody(draw, raw, package):
    """Call the only count of all patients of an arm one of a stratum."""
    sizes = {r["arm_id"]: r["n"] for _, r in raw["arms"].rows}
    places = [(r["arm_id"], r["outcome"]) for _, r in raw["outcomes"].rows]

    def alone(r):
        return not r["stratum"] and r["n"] == sizes[r["arm_id"]] and places.count((r["arm_id"], r["outcome"])) == 1

    number, _ = pick(draw, raw, "outcomes", alone)
    called = {"stratum": "baseline_ais=A", "stratum_relation": "only_stratum"}
    return Mutation(with_counts(raw, "outcomes", number, called), "outcomes", number, "stratum")


def strata_above_whole(draw, raw, package):
    """Grow the part of a total beyond it; a part on its own is enough to break the sum."""
    totals = {
        (r["arm_id"], r["outcome"], r["timepoint_months"]): int(r["n"]) for _, r in raw["outcomes"].rows if not r["stratum"]
    }

    def whole(row):
        return totals.get((row["arm_id"], row["outcome"], row["timepoint_months"]))

    more = draw(st.integers(1, 1000))
    return changed(draw, raw, "outcomes", "n", lambda r: str(whole(r) + more), lambda r: r["stratum"] and whole(r))


def poolable_without_reason(draw, raw, package):
    number, row = pick(draw, raw, "outcomes")
    cells = {"poolable": "no", "not_poolable_reason": ""} if row["poolable"] == "yes" else {"poolable": "yes"}
    return Mutation(with_counts(raw, "outcomes", number, cells), "outcomes", number, "not_poolable_reason")


def too_late(draw, raw, package):
    end = {row["study_id"]: row["followup_months"] for _, row in raw["studies"].rows}
    return changed(
        draw,
        raw,
        "outcomes",
        "timepoint_months",
        lambda r: str(float(end[r["study_id"]]) + 1),
        lambda r: end[r["study_id"]],
    )


# ---------------------------------------------------------------------------------- readings


def never_read(draw, raw, package):
    number, row = pick(draw, raw, "outcomes")
    kept = [(n, r) for n, r in raw["extractions"].rows if r["cell_id"] != row["cell_id"]]
    return Mutation({**raw, "extractions": replace(raw["extractions"], rows=kept)}, "outcomes", number, "cell_id")


def seen_without_number(draw, raw, package):
    number, _row = pick(draw, raw, "extractions", lambda r: r["seen"] == "yes")
    return Mutation(
        with_counts(raw, "extractions", number, {draw(st.sampled_from(["events", "n"])): ""}),
        "extractions",
        number,
        "seen",
    )


def stranger_reads(draw, raw, package):
    return changed(draw, raw, "extractions", "reader", lambda row: "stranger")


def false_agreement(draw, raw, package):
    """A reading is changed: the row on how the two agree no longer holds."""
    agreed = {row["cell_id"]: number for number, row in raw["reconciliations"].rows if row["agreement"] == "agree"}
    number, row = pick(draw, raw, "extractions", lambda r: r["cell_id"] in agreed)
    mutated = with_counts(raw, "extractions", number, {"n": _plus(row["n"], 1)})
    return Mutation(mutated, "reconciliations", agreed[row["cell_id"]], "agreement")


def unsettled(draw, raw, package):
    settled = {row["cell_id"] for _, row in raw["reconciliations"].rows if row["agreement"] == "disagree_settled"}
    return changed(draw, raw, "reconciliations", "settled_by", lambda row: "", lambda r: r["cell_id"] in settled)


def never_seen_value(draw, raw, package):
    """A count is changed by hand, within what the other rules allow."""
    plain = {row["cell_id"] for _, row in raw["reconciliations"].rows if not row["agreement"].startswith("disagree")}
    return changed(
        draw,
        raw,
        "outcomes",
        "events",
        lambda r: _plus(r["events"], 1),
        lambda r: r["cell_id"] in plain and r["events"] < r["n"],
    )


def _verification(row: Row, **cells: str) -> Row:
    counts = {"cell_id": row["cell_id"], "events": row["events"], "n": row["n"]}
    person = {
        "verified_by": "A Person",
        "verified_on": "2026-12-01",
        "source_read": "full text",
        "verdict": "confirmed",
    }
    return counts | person | cells


def verified_otherwise(draw, raw, package):
    _, row = pick(draw, raw, "outcomes")
    mutated, number = with_row(raw, "verifications", _verification(row, n=_plus(row["n"], 1)))
    return Mutation(mutated, "verifications", number, "events")


def corrected_without_trace(draw, raw, package):
    _, row = pick(draw, raw, "outcomes")
    mutated, number = with_row(raw, "verifications", _verification(row, verdict="corrected"))
    if draw(st.booleans()):
        # A correction of another day, column or row is not this one.
        other = {"corrected_on": "2026-12-02"}, {"column": "note"}, {"row_key": "another"}
        fits = {"table": "outcomes", "row_key": row["cell_id"], "column": "events", "corrected_on": "2026-12-01"}
        mutated, _ = with_row(mutated, "corrections", fits | draw(st.sampled_from(other)))
    return Mutation(mutated, "verifications", number, "verdict")


def before_the_review(draw, raw, package):
    _, row = pick(draw, raw, "outcomes")
    mutated, number = with_row(raw, "verifications", _verification(row, verified_on="1926-12-01"))
    return Mutation(mutated, "verifications", number, "verified_on")


def correction_not_made(draw, raw, package):
    _, row = pick(draw, raw, "outcomes")
    wrong = {
        "table": ({"table": "nowhere"}, "table"),
        "column": ({"column": "nothing"}, "column"),
        "row": ({"row_key": "nobody"}, "row_key"),
        "value": ({"new_value": _plus(row["events"], 1)}, "new_value"),
    }
    cells, column = wrong[draw(st.sampled_from(sorted(wrong)))]
    right = {
        "correction_id": "K001",
        "table": "outcomes",
        "row_key": row["cell_id"],
        "column": "events",
        "old_value": "0",
        "new_value": row["events"],
        "corrected_on": "2026-12-01",
        "reason": "full text read",
    }
    mutated, number = with_row(raw, "corrections", right | cells)
    return Mutation(mutated, "corrections", number, column)


# ----------------------------------------------------------------------------------- studies


def arm_renamed(draw, raw, package):
    number, row = pick(draw, raw, "arms")
    return Mutation(with_counts(raw, "arms", number, {"arm": f"{row['arm']}_x"}), "arms", number, "arm_id")


def part_of_a_stranger(draw, raw, package):
    return changed(draw, raw, "arms", "part_of", lambda row: row["arm_id"])


def too_many_men(draw, raw, package):
    sizes: dict[str, int | None] = {}
    for _, arm in raw["arms"].rows:
        if not arm["part_of"]:
            known = sizes.get(arm["study_id"], 0)
            sizes[arm["study_id"]] = known + int(arm["n"]) if arm["n"] and known is not None else None
    column = draw(st.sampled_from(["male_n", "ais_a", "level_cervical"]))
    return changed(draw, raw, "studies", column, lambda r: str(sizes[r["study_id"]] + 1), lambda r: sizes.get(r["study_id"]))


def no_primary(draw, raw, package):
    number, row = pick(draw, raw, "overlap_groups")
    rows = [
        (n, {**r, "is_primary": "no"} if r["overlap_group"] == row["overlap_group"] else r)
        for n, r in raw["overlap_members"].rows
    ]
    return Mutation(
        {**raw, "overlap_members": replace(raw["overlap_members"], rows=rows)},
        "overlap_groups",
        number,
        "overlap_group",
    )


def disjoint_strangers(draw, raw, package):
    groups = {row["study_id"] for _, row in raw["overlap_members"].rows}
    _, study = pick(draw, raw, "studies", lambda r: r["study_id"] not in groups)
    return changed(draw, raw, "overlap_disjoint", "study_b", lambda row: study["study_id"])


def review_count_with_weight(draw, raw, package):
    """Pool a count that a review gave, of a report whose identity was not confirmed."""
    identity = {row["reference_id"]: row["identity_confidence"] for _, row in raw["references"].rows}
    number, _ = pick(draw, raw, "outcomes", lambda r: identity[r["study_id"]] != "confirmed")
    pooled = {"source_kind": "secondary_review", "poolable": "yes", "not_poolable_reason": ""}
    return Mutation(with_counts(raw, "outcomes", number, pooled), "outcomes", number, "source_kind")


def patients_twice(draw, raw, package):
    """Pool a cell of a second report beside the cell of the primary one that holds the same patients."""
    groups = {}
    for _, row in raw["overlap_members"].rows:
        groups.setdefault(row["study_id"], set()).add(row["overlap_group"])
    disjoint = {frozenset((r["study_a"], r["study_b"])) for _, r in raw["overlap_disjoint"].rows}
    roles = {row["arm_id"]: row["role"] for _, row in raw["arms"].rows}
    cells = [(n, r) for n, r in raw["outcomes"].rows if r["study_id"] in groups]
    pairs = [
        (n, m)
        for n, a in cells
        for m, b in cells
        if a["study_id"] != b["study_id"] and groups[a["study_id"]] & groups[b["study_id"]]
        and a["outcome"] == b["outcome"] and roles[a["arm_id"]] == roles[b["arm_id"]] and not (a["stratum"] and b["stratum"])
        and frozenset((a["study_id"], b["study_id"])) not in disjoint
    ]  # fmt: skip
    first, second = draw(st.sampled_from(pairs))
    open_ = {"poolable": "yes", "not_poolable_reason": ""}
    by_number = dict(raw["outcomes"].rows)
    mutated = with_counts(with_counts(raw, "outcomes", first, open_), "outcomes", second, open_)
    later = max((first, second), key=lambda n: by_number[n]["study_id"])
    return Mutation(mutated, "outcomes", later, "poolable")


def entered_twice(draw, raw, package):
    """Another study gets the title, first author and year of one."""
    references = {r["reference_id"]: (n, r) for n, r in raw["references"].rows}
    aliases = {r["same_as"] for _, r in raw["references"].rows} | {k for k, (_, r) in references.items() if r["same_as"]}
    alone = aliases | {row["study_id"] for _, row in raw["overlap_members"].rows}
    first, one = pick(
        draw, raw, "studies", lambda r: r["study_id"] not in alone and len(references[r["study_id"]][1]["title"]) > 60
    )
    second, other = pick(draw, raw, "studies", lambda r: r["study_id"] not in alone and r["study_id"] != one["study_id"])
    source = references[one["study_id"]][1]
    number, _ = references[other["study_id"]]
    mutated = with_counts(raw, "references", number, {c: source[c] for c in ("title", "first_author", "year")})
    return Mutation(mutated, "studies", max(first, second), "study_id")


def still_an_example(draw, raw, package):
    """A study has the name of an invented example."""
    _, row = pick(draw, raw, "studies")
    mutated, number = with_row(raw, "studies", {**row, "study_id": f"example{draw(st.integers(1, 99))}"})
    return Mutation(mutated, "studies", number, "study_id")


def registered_twice(draw, raw, package):
    groups = {row["study_id"] for _, row in raw["overlap_members"].rows}
    first, one = pick(draw, raw, "studies", lambda r: r["registration"] and r["study_id"] not in groups)
    second, _ = pick(draw, raw, "studies", lambda r: r["study_id"] not in groups and not r["registration"])
    mutated = with_counts(raw, "studies", second, {"registration": one["registration"]})
    return Mutation(mutated, "studies", max(first, second), "registration")


def ends_before_start(draw, raw, package):
    return changed(
        draw,
        raw,
        "registered_trials",
        "completion_year",
        lambda r: _plus(r["start_year"], -1),
        lambda r: r["start_year"],
    )


def interval_misses(draw, raw, package):
    table, column = draw(
        st.sampled_from([("continuous", "value"), ("published_pooled", "estimate"), ("natural_pooled", "estimate_percent")])
    )
    return changed(
        draw, raw, table, "ci_high", lambda r: str(float(r["ci_low"]) - 0.5),
        lambda r: r["ci_low"] and r[column] and float(r["ci_low"]) >= 0.5,
    )  # fmt: skip


def half_interval(draw, raw, package):
    table = draw(st.sampled_from(["continuous", "published_pooled"]))
    return changed(draw, raw, table, "ci_low", lambda row: "", lambda r: r["ci_high"])


def _in_units(row):
    return row["measure"] in ("mean", "mean_change", "MD")


def score_unknown(draw, raw, package):
    return changed(draw, raw, "continuous", "outcome", lambda r: "ae_any", _in_units)


def score_out_of_range(draw, raw, package):
    ends = {row["score"]: row["highest"] for _, row in raw["scores"].rows}
    return changed(
        draw, raw, "continuous", "value", lambda r: str(float(ends[r["outcome"]]) + 0.5),
        lambda r: _in_units(r) and ends.get(r["outcome"]) and not r["ci_high"],
    )  # fmt: skip


def score_turned_round(draw, raw, package):
    return changed(draw, raw, "scores", "highest", lambda r: r["lowest"], lambda r: r["highest"])


def notice_about_nothing(draw, raw, package):
    number, _ = pick(draw, raw, "integrity_notices")
    return Mutation(
        with_counts(raw, "integrity_notices", number, {"study_id": "", "citation": ""}),
        "integrity_notices",
        number,
        "study_id",
    )


def retracted_without_notice(draw, raw, package):
    number, _ = pick(
        draw, raw, "outcomes", lambda r: r["poolable"] == "no" and not r["not_poolable_reason"].startswith("retracted")
    )
    return Mutation(
        with_counts(raw, "outcomes", number, {"not_poolable_reason": "retracted"}), "outcomes", number, "not_poolable_reason"
    )


# -------------------------------------------------------------------------------- references


def alias_of_alias(draw, raw, package):
    _, alias = pick(draw, raw, "references", lambda r: r["same_as"])
    return changed(draw, raw, "references", "same_as", lambda r: alias["reference_id"], lambda r: not r["doi"] and r is not alias)


def loud_doi(draw, raw, package):
    return changed(draw, raw, "references", "doi", lambda r: r["doi"] + "X", lambda r: r["doi"])


def page_of_a_stranger(draw, raw, package):
    page = draw(st.sampled_from(["https://journal.example/1", "https://unheard-of.org/paper", "https://192.0.2.7/paper"]))
    return changed(draw, raw, "references", "canonical_url", lambda r: page)


def host_that_nobody_reaches(draw, raw, package):
    return changed(draw, raw, "hosts", "host", lambda r: draw(st.sampled_from(["192.0.2.7", ".example", "localhost"])))


def title_of_the_reader(draw, raw, package):
    title = draw(st.sampled_from(["(a trial of a drug)", "(title not seen)"]))
    return changed(draw, raw, "references", "title", lambda r: title)


def unused_reference(draw, raw, package):
    mutated, number = with_row(raw, "references", {"reference_id": "unread2020", "kind": "review", "year": "2020"})
    return Mutation(mutated, "references", number, "reference_id")


def study_of_another_kind(draw, raw, package):
    return changed(draw, raw, "references", "kind", lambda r: "review", lambda r: r["kind"] == "study")


def confirmed_without_what_names_it(draw, raw, package):
    number, row = pick(draw, raw, "references", lambda r: r["identity_confidence"] == "confirmed" and not r["same_as"])
    registered = any(s["study_id"] == row["reference_id"] and s["registration"] for _, s in raw["studies"].rows)
    registered |= any(t["linked_study_id"] == row["reference_id"] for _, t in raw["registered_trials"].rows)
    numbers = dict.fromkeys(("doi", "pmid", "pmcid"), "")
    lost = draw(st.sampled_from([{"first_author": ""}, {"year": ""}, {"title": ""}, *([] if registered else [numbers])]))
    return Mutation(with_counts(raw, "references", number, lost), "references", number, "identity_confidence")


def waiver_of_nothing(draw, raw, package):
    column, value = draw(st.sampled_from([("rule", "no-such-rule"), ("table", "nowhere"), ("row_key", "nobody")]))
    return changed(draw, raw, "waivers", column, lambda row: value)


def waiver_that_no_longer_applies(draw, raw, package):
    _, sound = pick(draw, raw, "outcomes", lambda r: r["events"] == "0" and r["stratum"] == "")
    waiver = {
        "waiver_id": "W99",
        "rule": "events-not-above-n",
        "table": "outcomes",
        "row_key": sound["cell_id"],
        "reason": "none",
    }
    mutated, number = with_row(raw, "waivers", waiver)
    return Mutation(mutated, "waivers", number, "rule")


# ----------------------------------------------------------------------------------- subject


def fact_without_column(draw, raw, package):
    return changed(draw, raw, "facts", "columns", lambda r: r["columns"] + "x")


def topic_of_strangers(draw, raw, package):
    column = draw(st.sampled_from(["population", "intervention_class"]))
    return changed(draw, raw, "topics", column, lambda r: "nobody")


def phrase_with_a_gap(draw, raw, package):
    table, column = draw(st.sampled_from([("facts", "phrase"), ("study_phrases", "text")]))
    gap = draw(st.sampled_from([" {nothing}", " {", " {}"]))
    return changed(draw, raw, table, column, lambda r: r[column] + gap)


def wording_without_end(draw, raw, package):
    return changed(draw, raw, "wordings", "pattern", lambda r: r["pattern"] + "(")


MUTATIONS: dict[str, Callable[..., Mutation]] = {
    "required": required,
    "type": wrong_type,
    "allowed-values": allowed_values,
    "pattern": pattern,
    "range": out_of_range,
    "not-in-the-future": a_day_that_has_not_begun,
    "unique": duplicated_unique,
    "primary-key": duplicated_key,
    "foreign-key": points_nowhere,
    "clean-text": unclean,
    "no-formula": formula,
    "events-not-above-n": events_above_n,
    "n-not-above-arm": n_above_arm,
    "arm-of-study": arm_of_another,
    "one-count-per-place": same_place_twice,
    "stratum-form": bad_stratum,
    "stratum-patterns": bad_stratum_pattern,
    "wording-patterns": bad_wording_pattern,
    "stratum-relation": wrong_relation,
    "stratum-of-whole-arm": stratum_of_everybody,
    "stratum-phrase": value_said_twice,
    "stratum-keys": key_that_parts_no_patients,
    "stratum-values": value_that_means_nothing,
    "dimension-source": source_of_nothing,
    "label-code": label_of_no_code,
    "label-used": label_of_no_row,
    "labels-complete": code_without_a_label,
    "strata-within-whole": strata_above_whole,
    "poolable-reason": poolable_without_reason,
    "review-counts": review_count_with_weight,
    "timepoint-within-followup": too_late,
    "count-was-read": never_read,
    "seen-has-numbers": seen_without_number,
    "reader-listed": stranger_reads,
    "agreement-fits": false_agreement,
    "disagreement-settled": unsettled,
    "value-was-read": never_seen_value,
    "verification-stands": verified_otherwise,
    "verdict-fits": corrected_without_trace,
    "dates-plausible": before_the_review,
    "corrections-stand": correction_not_made,
    "arm-id": arm_renamed,
    "arm-parts": part_of_a_stranger,
    "counts-within-study": too_many_men,
    "overlap-primary": no_primary,
    "overlap-disjoint": disjoint_strangers,
    "patients-counted-once": patients_twice,
    "study-once": entered_twice,
    "registration-shared": registered_twice,
    "trial-years": ends_before_start,
    "interval-order": interval_misses,
    "interval-pair": half_interval,
    "notice-about": notice_about_nothing,
    "score-known": score_unknown,
    "score-range": score_out_of_range,
    "score-ends": score_turned_round,
    "retracted-counts": retracted_without_notice,
    "no-examples": still_an_example,
    "alias-target": alias_of_alias,
    "canonical-page": page_of_a_stranger,
    "host-public": host_that_nobody_reaches,
    "title-seen": title_of_the_reader,
    "doi-lower-case": loud_doi,
    "reference-used": unused_reference,
    "study-reference": study_of_another_kind,
    "confirmed-identity": confirmed_without_what_names_it,
    "fact-columns": fact_without_column,
    "topic-implies": topic_of_strangers,
    "phrase-form": phrase_with_a_gap,
    "wording-form": wording_without_end,
    "waiver-target": waiver_of_nothing,
    "waiver-applies": waiver_that_no_longer_applies,
}
