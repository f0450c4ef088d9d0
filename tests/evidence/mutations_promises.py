"""Ways to break the promises on keys, codes, units and readings."""

from __future__ import annotations

import re

from hypothesis import assume
from hypothesis import strategies as st

from tests.evidence.mutations import Mutation, changed, pick, with_counts


def too_long(draw, raw, package):
    table, column = draw(st.sampled_from([("studies", "note"), ("references", "journal"), ("outcomes", "locator")]))
    return changed(draw, raw, table, column, lambda row: "word " * 5_000 + "end")


def count_under_another_key(draw, raw, package):
    """A count says something else than the key under which it was entered."""
    column, value = draw(st.sampled_from([("timepoint_months", "0.77"), ("outcome", "death"), ("stratum", "sex=female")]))
    outcomes = {row["outcome"] for _, row in raw["outcome_terms"].rows}
    assume(column != "outcome" or value in outcomes)
    return changed(
        draw, raw, "outcomes", column, lambda row: value, lambda row: row[column] != value and f".{value}." not in row["cell_id"]
    )


def arm_of_another_role(draw, raw, package):
    return changed(draw, raw, "arms", "role", lambda row: "natural_course", lambda row: row["arm"] == "treated")


def more_than_anybody_counted(draw, raw, package):
    """A study of which an arm has no size, with more patients of one fact than any of its counts."""
    open_arms = {row["study_id"] for _, row in raw["arms"].rows if not row["n"] and not row["part_of"]}
    counted = {row["study_id"] for _, row in raw["outcomes"].rows}
    column = draw(st.sampled_from(["ais_a", "level_cervical", "male_n"]))
    return changed(draw, raw, "studies", column, lambda row: "90000", lambda row: row["study_id"] in open_arms & counted)


def overlap_with_nobody(draw, raw, package):
    alike = {k for _, r in raw["references"].rows if r["same_as"] for k in (r["reference_id"], r["same_as"])}
    grouped = alike | {row["study_id"] for _, row in raw["overlap_members"].rows}
    number, _ = pick(draw, raw, "outcomes", lambda r: r["study_id"] not in grouped)
    left_out = {"poolable": "no", "not_poolable_reason": "overlap"}
    return Mutation(with_counts(raw, "outcomes", number, left_out), "outcomes", number, "not_poolable_reason")


def one_reader_twice(draw, raw, package):
    first = {r["cell_id"]: r["reader"] for _, r in raw["extractions"].rows if r["reading"] == "1" and r["reader"]}
    return changed(
        draw, raw, "extractions", "reader", lambda r: first[r["cell_id"]], lambda r: r["reading"] == "2" and r["cell_id"] in first
    )


def key_of_another_year(draw, raw, package):
    dated = re.compile(r"[a-z]+(19|20)[0-9]{2}")
    return changed(
        draw,
        raw,
        "references",
        "year",
        lambda r: "1901",
        lambda r: dated.fullmatch(r["reference_id"]) and r["year"] not in ("", "1901"),
    )


def key_of_another_author(draw, raw, package):
    dated = re.compile(r"[a-z]+(19|20)[0-9]{2}")
    return changed(draw, raw, "references", "first_author", lambda r: "Nobody", lambda r: dated.fullmatch(r["reference_id"]))


def code_that_its_row_denies(draw, raw, package):
    """A value outside of what the code beside it allows, for any code of the schema that limits numbers."""
    limited = [
        (t.name, f.name, i)
        for t in package.tables
        for f in t.fields
        for i in f.implies
        if not i.usually and not i.enum and any(r[f.name] == i.code for _, r in raw[t.name].rows)
    ]
    table, column, implied = draw(st.sampled_from(limited))
    beyond = implied.minimum - 3 if implied.highest is None else implied.highest + 5
    value = f"{beyond:g}"
    return changed(draw, raw, table, implied.column, lambda r: value, lambda r: r[column] == implied.code)


def good_outcome_called_bad(draw, raw, package):
    return changed(draw, raw, "outcome_terms", "event_is", lambda r: "bad", lambda r: r["group"] in ("recovery", "function"))


def print_that_no_number_is(draw, raw, package):
    column, text = draw(
        st.sampled_from(
            [
                ("dose_gy", "minus five"),
                ("dose_gy", "-5"),
                ("dose_gy", "99999"),
                ("risk_percent", "145"),
                ("risk_percent", "<145"),
            ]
        )
    )
    return changed(draw, raw, "dose_response", column, lambda r: text)


def word_for_nothing(draw, raw, package):
    table, column = draw(
        st.sampled_from([("references", "title"), ("studies", "country"), ("outcomes", "note"), ("arms", "given")])
    )
    word = draw(st.sampled_from(["N/A", "n.a.", "NaN", "null", "unknown", "not reported", "?", "TBD", "#N/A"]))
    return changed(draw, raw, table, column, lambda r: word)


PROMISE_MUTATIONS = {
    "length": too_long,
    "count-id": count_under_another_key,
    "arm-role": arm_of_another_role,
    "counts-known": more_than_anybody_counted,
    "overlap-named": overlap_with_nobody,
    "two-readers": one_reader_twice,
    "key-year": key_of_another_year,
    "key-author": key_of_another_author,
    "code-implies": code_that_its_row_denies,
    "code-usually": good_outcome_called_bad,
    "printed-number": print_that_no_number_is,
    "blank-unknown": word_for_nothing,
}
