"""Rules that test a claim on rows of ``data/``: published numbers, single counts, and counts of rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cordbook.core.text import capital
from cordbook.evidence.evidence import Evidence, as_written
from cordbook.review.claims.estimate_rules import Claim, Rule, poisson_ratio
from cordbook.review.claims.tests import Part
from cordbook.review.claims.verdicts import (
    CONTRADICTED,
    DIFFERENCE,
    NOT_SUPPORTED,
    PARTLY,
    PLACED,
    SUPPORTED,
    UNTESTED,
    Finding,
    Region,
    place,
    place_difference,
)
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.phrases import percent, ratio

#: Keys of a selection of rows.
SELECTS = ("table", "where", "contains", "between", "filled", "name")
#: Rules whose selections are tables, not estimates or outcomes.
_SELECTING = ("share_of_rows", "more_rows", "reported_by", "count_rows", "sum_of_rows", "median_of_rows")
#: No difference, by the measure of a published estimate.
PUBLISHED_NULL = {"MD": 0.0, "RR": 1.0, "OR": 1.0}
#: A share is compared with a claimed one to the rounding of a claim ("81.25%", "0.5909").
SAME_SHARE = 0.0005


def table_of(evidence: Evidence, name: str) -> pd.DataFrame:
    """A table that a selection may name: one of data/, ``studies`` and ``arms`` with the year, and ``counts``.

    ``arms`` carry the columns of their study, and ``counted``: no, where another report of the same patients is the one
    that counts, or the arm is a part of a wider one.
    """
    if name == "counts":
        return evidence.counts
    if name not in ("studies", "arms"):
        return evidence[name]
    studies = evidence["studies"].assign(year=evidence["studies"]["study_id"].map(evidence.study_years).astype("Int64"))
    if name == "studies":
        return studies
    arms = evidence["arms"].merge(studies.drop(columns="note"), on="study_id", validate="many_to_one")
    members = evidence["overlap_members"]
    second = set(members.loc[~members["is_primary"].astype(bool), "study_id"])
    counted = [not (study in second or pd.notna(part)) for study, part in zip(arms["study_id"], arms["part_of"], strict=True)]
    return arms.assign(counted=counted)


def select_rows(evidence: Evidence, chosen: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of a table by ``where`` (column: values), ``contains`` (words), ``between`` ([low, high]) and ``filled``."""
    table = table_of(evidence, chosen["table"])
    for column, values in (chosen.get("where") or {}).items():
        wanted = {str(v) for v in (values if isinstance(values, list) else [values])}
        table = table[table[column].map(as_written).isin(wanted)]
    for column, words in (chosen.get("contains") or {}).items():
        pattern = "|".join(re.escape(w) for w in (words if isinstance(words, list) else [words]))
        table = table[table[column].fillna("").astype(str).str.contains(pattern, case=False, regex=True)]
    for column, (low, high) in (chosen.get("between") or {}).items():
        table = table[table[column].notna() & (table[column] >= low) & (table[column] <= high)]
    for column in chosen.get("filled") or ():
        table = table[table[column].notna()]
    return table


def _named(chosen: Mapping[str, Any]) -> str:
    return chosen.get("name") or f"rows of {chosen['table']}.csv"


def published_agrees(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """Do published pooled estimates say what the claim says? They are the findings of others: at most partly supported."""
    table = estimates.evidence["published_pooled"].set_index("published_id")
    expect, agree, judged, shown = part.needs["expect"], 0, 0, []
    for key in part.needs["published"]:
        row = table.loc[key]
        null = PUBLISHED_NULL[row["measure"]]
        shown.append(published_text(row))
        if pd.isna(row["ci_low"]) or pd.isna(row["ci_high"]):
            continue
        judged += 1
        direction = "higher" if row["ci_low"] > null else "lower" if row["ci_high"] < null else "none"
        agree += direction == expect
    today = tuple(f"published: {text}" for text in shown)
    if not judged:
        return Finding(UNTESTED, today, "No interval of it is on file, so the number cannot be judged.", (), True)
    verdict = PARTLY if 2 * agree > judged else NOT_SUPPORTED
    why = (
        f"Of {judged} published estimates with an interval, {agree} agree with the claim. They are of others and may share "
        "their trials; the scores cannot be pooled here."
    )
    return Finding(verdict, today, why, (), True)


def published_text(row: pd.Series) -> str:
    """A published estimate in one phrase: source, measure, value and interval."""
    show = percent if row["measure"] == "proportion" else _number
    interval = f" ({show(row['ci_low'])} to {show(row['ci_high'])})" if pd.notna(row["ci_low"]) else " (no interval on file)"
    measure = "" if row["measure"] == "proportion" else f"{row['measure']} "
    return f"{row['reference_id']} {measure}{show(row['estimate'])}{interval}"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def count_matches(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """The number quoted is the count of the study; a count that is not pooled for a reason counts as partly."""
    row = estimates.evidence.counts_by_id([part.needs["count"]]).iloc[0]
    events, n = int(row["events"]), int(row["n"])
    value = part.needs.get("value", claim.value)
    asked = {"events": part.needs.get("events"), "n": part.needs.get("n", claim.n)}
    same = all(a is None or a == b for a, b in ((asked["events"], events), (asked["n"], n)))
    same = same and (value is None or abs(value - events / n) < SAME_SHARE)
    today, start = (f"{row['label']}: {events} of {n}",), f"{row['label']} in the data: {events} of {n}"
    if not same:
        return Finding(CONTRADICTED, today, f"{start}, not what the claim says.")
    if bool(row["poolable"]) or "overlap" in str(row["not_poolable_reason"]):
        return Finding(SUPPORTED, today, f"{start}, as quoted. It is one study's own count.")
    reason = str(row["not_poolable_reason"]).replace("other:", "").replace("_", " ").replace(";", ", ")
    return Finding(PARTLY, today, f"{start}, as quoted, but not fit for pooling ({reason}).")


def count_rows(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """So many rows fit a description. Lists are not complete, so that a count never contradicts a claim."""
    number, name = len(select_rows(estimates.evidence, part.needs["rows"])), _named(part.needs["rows"])
    least, most, exactly = (part.needs.get(k) for k in ("least", "most", "exactly"))
    fits = (least is None or number >= least) and (most is None or number <= most) and (exactly is None or number == exactly)
    asked = f"exactly {exactly}" if exactly is not None else f"at least {least}" if least is not None else f"at most {most}"
    why = f"{capital(name)}: {number} on file; the test asks for {asked}."
    return Finding(SUPPORTED if fits else NOT_SUPPORTED, (f"{number} on file",), why)


def share_of_rows(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """The share of rows that fit a description, with Wilson's interval, against a bound."""
    whole = select_rows(estimates.evidence, part.needs["of"])
    key = whole.columns[0]
    inside = whole[whole[key].isin(select_rows(estimates.evidence, part.needs["rows"])[key])]
    return _share(len(inside), len(whole), part, f"{_named(part.needs['rows'])} among {_named(part.needs['of'])}")


def reported_by(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """The share of studies that count an outcome at all, poolable or not: what is not counted cannot be called safe."""
    studies = select_rows(estimates.evidence, part.needs["studies"])["study_id"]
    counts = estimates.evidence["outcomes"]
    wanted = part.needs["outcomes"]
    counting = set(counts.loc[counts["outcome"].isin(wanted), "study_id"]) & set(studies)
    terms = estimates.evidence["outcome_terms"].set_index("outcome")["label"]
    name = "studies that count “" + "” or “".join(terms[o] for o in wanted) + "”"
    return _share(len(counting), len(studies), part, f"{name}, among {_named(part.needs['studies'])}")


def _share(inside: int, whole: int, part: Part, name: str) -> Finding:
    if not whole:
        return Finding(UNTESTED, ("no row",), f"{name}: no row to judge by.")
    low, high = proportion_confint(inside, whole, 1 - part.settings.level, method="wilson")
    least, most = part.needs.get("least"), part.needs.get("most")
    region = Region(0.0 if least is None else least, 1.0 if most is None else most)
    verdict = place(inside / whole, low, high, region)
    asked = f"at least {percent(least)}" if least is not None else f"at most {percent(most)}"
    today = f"{inside} of {whole} ({percent(inside / whole)})"
    interval = f"{part.settings.level:.0%} CI {percent(low)} to {percent(high)}"
    why = f"{capital(name)}: {today}, {interval}; the test asks for {asked}. {PLACED[verdict]}"
    return Finding(verdict, (today,), why)


def sum_of_rows(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """The sum of a column reaches a number. Blanks and studies not found count as none, so a smaller sum says nothing."""
    rows = select_rows(estimates.evidence, part.needs["rows"])
    total, blank = int(rows[part.needs["column"]].sum()), int(rows[part.needs["column"]].isna().sum())
    least = part.needs["least"]
    name = capital(_named(part.needs["rows"]))
    why = f"{name}: {total:,} in all; the test asks for {least:,}. {blank} of {len(rows)} rows have no number."
    return Finding(SUPPORTED if total >= least else UNTESTED, (f"{total:,} on file",), why)


def median_of_rows(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """The median of a column is not above a bound."""
    values = select_rows(estimates.evidence, part.needs["rows"])[part.needs["column"]].dropna()
    if values.empty:
        return Finding(UNTESTED, ("no row",), f"{_named(part.needs['rows'])}: no number to judge by.")
    middle, most = float(values.median()), part.needs["most"]
    why = f"{capital(_named(part.needs['rows']))}: median {middle:g} ({len(values)} known); the test asks for at most {most:g}."
    return Finding(SUPPORTED if middle <= most else NOT_SUPPORTED, (f"median {middle:g}",), why)


def more_rows(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """More rows of one kind than of another: exact interval of the ratio of two counts."""
    first, second = (len(select_rows(estimates.evidence, part.needs[k])) for k in ("rows", "than"))
    names = (_named(part.needs["rows"]), _named(part.needs["than"]))
    today = (f"{first} v {second}",)
    if first + second == 0:
        return Finding(UNTESTED, today, "No row to count.")
    estimate, low, high = poisson_ratio(first, second, part.settings.level)
    verdict = place_difference(low, high, 1.0, higher=True)
    shown = "" if second == 0 else f", ratio {ratio(estimate)} ({part.settings.level:.0%} CI {ratio(low)} to {ratio(high)})"
    return Finding(verdict, today, f"{capital(names[0])}: {first}; {names[1]}: {second}{shown}. {DIFFERENCE[verdict]}")


def sources(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """What sources on file say that cannot be pooled: others' findings, so never more than partly supported."""
    found: Mapping[str, str] = part.needs["found"]
    says = set(found.values())
    listed = ", ".join(f"{row.split('/')[1]} {meaning.replace('_', ' ')}" for row, meaning in found.items())
    clinical = says - {"animal_only"}
    if not clinical:
        return Finding(UNTESTED, (), f"Sources on file: {listed}. None of them treated people.")
    against = "contradicts" in clinical and "supports" not in clinical
    verdict = NOT_SUPPORTED if against else PARTLY
    return Finding(verdict, (), f"Sources on file: {listed}. They are the findings of others and are not pooled here.")


def not_testable(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """The data cannot answer: why, what would be needed, and what is on file that bears on it."""
    why = f"{part.needs['reason']} Needed: {part.needs['needs']}"
    watch = part.needs.get("watch")
    if watch:
        counts = select_rows(estimates.evidence, {"table": "counts", "where": watch})
        pooled = int(counts["poolable"].fillna(False).astype(bool).sum())
        why += f" On file today: {len(counts)} counts that bear on it, {pooled} of them fit for pooling."
    return Finding(UNTESTED, (), why)


def row_problems(part: Part, evidence: Evidence) -> list[str]:
    """Names in a part that data/ does not know: tables, columns, counts, published rows, outcomes."""
    problems: list[str] = []
    for key in ("rows", "of", "than", "studies"):
        chosen = part.needs.get(key)
        if isinstance(chosen, Mapping):
            problems += _selection_problems(chosen, evidence)
        elif chosen is not None and part.rule in _SELECTING:
            problems.append(f"{key} selects rows: give table and where")
    column, chosen = part.needs.get("column"), part.needs.get("rows")
    if column and isinstance(chosen, Mapping) and chosen.get("table") in _names(evidence):
        problems += [] if column in table_of(evidence, chosen["table"]) else [f"no column {column!r} in {chosen['table']}"]
    if part.rule == "count_matches" and part.needs["count"] not in set(evidence["outcomes"]["cell_id"]):
        problems.append(f"no count {part.needs['count']!r} in outcomes.csv")
    if part.rule == "published_agrees":
        known = set(evidence["published_pooled"]["published_id"])
        problems += [f"no row {p!r} in published_pooled.csv" for p in part.needs["published"] if p not in known]
    outcomes = set(evidence["outcome_terms"]["outcome"])
    names = [part.needs.get("outcome"), part.needs.get("than")] if part.rule == "within_study" else part.needs.get("outcomes", [])
    problems += [f"no outcome {o!r} in outcome_terms.csv" for o in names if o not in outcomes]
    if part.rule == "not_testable" and part.needs.get("watch"):
        problems += [f"no column {c!r} of counts to watch" for c in part.needs["watch"] if c not in evidence.counts]
    if part.rule == "sources":
        problems += source_problems(part.needs["found"], evidence)
    return problems


def _names(evidence: Evidence) -> set[str]:
    return {*evidence, "counts"}


def _selection_problems(chosen: Mapping[str, Any], evidence: Evidence) -> list[str]:
    problems = [f"a selection knows no key {k!r}" for k in chosen if k not in SELECTS]
    if chosen.get("table") not in _names(evidence):
        return [*problems, f"no table {chosen.get('table')!r} in data/"]
    columns = set(table_of(evidence, chosen["table"]).columns)
    named = [c for key in ("where", "contains", "between") for c in (chosen.get(key) or {})] + list(chosen.get("filled") or ())
    return problems + [f"no column {c!r} in {chosen['table']}" for c in named if c not in columns]


#: Words that begin a note of mechanisms.csv and say how the source stands to the claim.
_SAYS = {"CONTRADICTS": "contradicts", "QUALIFIES": "qualifies", "SUPPORTS": "supports"}


def source_problems(found: Mapping[str, str] | Sequence[str], evidence: Evidence) -> list[str]:
    """Rows that do not exist, or whose note says otherwise than declared."""
    problems = []
    for row in found:
        table, _, key = row.partition("/")
        if table not in set(evidence):
            problems.append(f"{row}: no table {table!r} in data/")
            continue
        rows = evidence[table]
        hit = rows[rows.iloc[:, 0].astype(str) == key]
        if hit.empty:
            problems.append(f"{row}: no such row in {table}.csv")
        elif isinstance(found, Mapping) and table == "mechanisms":
            note = str(hit.iloc[0]["note"])
            shown = next((meaning for word, meaning in _SAYS.items() if re.match(rf"{word}\b", note)), None)
            if shown and shown != found[row]:
                problems.append(f"{row}: declared {found[row]!r}, but its note begins with {shown!r}")
            if found[row] == "animal_only" and hit.iloc[0]["evidence_type"] == "clinical":
                problems.append(f"{row}: declared 'animal_only', but its evidence is clinical")
    return problems


ROW_RULES: Mapping[str, Rule] = {
    "published_agrees": published_agrees,
    "count_matches": count_matches,
    "count_rows": count_rows,
    "share_of_rows": share_of_rows,
    "sum_of_rows": sum_of_rows,
    "median_of_rows": median_of_rows,
    "more_rows": more_rows,
    "reported_by": reported_by,
    "sources": sources,
    "not_testable": not_testable,
}
