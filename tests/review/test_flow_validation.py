"""Records and decisions that validation lets pass add up in the flow; what cannot add up is refused with place and remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.evidence import load_package, read_all
from cordbook.evidence.rules.validation import check_tables
from cordbook.evidence.screening import EXCLUDE, FULL_TEXT, INCLUDE, NOT_RETRIEVED, TITLE_ABSTRACT, UNSURE
from cordbook.review.reporting.prisma_flow import FlowError, database_flow

DATA = Path(__file__).parents[2] / "data"
PACKAGE = load_package(DATA)
RAW = read_all(DATA, PACKAGE)
FLOW_TABLES = ("searches", "records", "record_merges", "screening")
FILES = {f"{name}.csv" for name in FLOW_TABLES}
#: Kept as they stand; all other tables are emptied, so that a check takes milliseconds.
KEPT = ("search_strategies", "exclusion_reasons")
STRATEGIES = [row for _, row in RAW["search_strategies"].rows]
REASONS = [row["reason"] for _, row in RAW["exclusion_reasons"].rows]
STUDIES = ("s1", "s2", "s3")
Rows = dict[str, list[dict[str, str]]]


def tables(rows: Rows):
    """Tables as the validator reads them, with these rows."""
    found = {name: replace(table, rows=table.rows if name in KEPT else []) for name, table in RAW.items()}
    for name, own in {**rows, "studies": [{"study_id": s} for s in STUDIES]}.items():
        blank = dict.fromkeys(RAW[name].header, "")
        found[name] = replace(RAW[name], rows=[(n, blank | row) for n, row in enumerate(own, 2)])
    return found


def problems(rows: Rows):
    return [p for p in check_tables(PACKAGE, tables(rows)) if p.file in FILES and p.severity == "error"]


def flow_of(rows: Rows):
    frames = {}
    for name in (*FLOW_TABLES, *KEPT):
        own = [row for _, row in tables(rows)[name].rows]
        frame = pd.DataFrame(own, columns=RAW[name].header).astype(object)
        frames[name] = frame.where(frame != "", None)
    frames["searches"]["fetched"] = frames["searches"]["fetched"].map(int)
    return database_flow(
        *(frames[n] for n in ("search_strategies", "searches", "records", "record_merges", "screening", "exclusion_reasons")),
        STUDIES,
    )


def decision(
    record: int, stage: str, who: str, what: str, at: int, study: str = "", reason: str = "", role: str = "reviewer"
) -> dict[str, str]:
    return {
        "record_id": f"r{record}", "stage": stage, "reviewer": who, "role": role, "decision": what,
        "reason": (reason or REASONS[0]) if what == EXCLUDE else "", "study_id": study if what == INCLUDE and stage == FULL_TEXT else "",
        "decided_at": f"2026-11-21T10:{at // 60:02d}:{at % 60:02d}Z",
    }  # fmt: skip


@st.composite
def logs(draw) -> Rows:
    """What people and programs do, in the order in which they do it: search, merge, screen, read."""
    strategies = draw(st.lists(st.sampled_from(STRATEGIES), min_size=1, max_size=3, unique_by=lambda s: s["strategy_id"]))
    size = draw(st.integers(0, 12))
    owner = [draw(st.integers(0, len(strategies) - 1)) for _ in range(size)]
    searches = [
        {
            "search_id": f"{s['strategy_id']}-2026-11-21", "strategy_id": s["strategy_id"], "source": s["source"], "searched_on": "2026-11-21",
            "searched_by": "cordbook", "fetched": str(owner.count(i) + draw(st.integers(0, 3))), "complete": "yes",
        }
        for i, s in enumerate(strategies)
    ]  # fmt: skip
    records = [
        {
            "record_id": f"r{i}",
            "search_id": searches[owner[i]]["search_id"],
            "source": searches[owner[i]]["source"],
            "title": f"T {i}",
            "received_on": "2026-11-21",
        }
        for i in range(size)
    ]
    merges, screening, clock = [], [], 0
    replaced = set()
    for i in range(size):
        kind = draw(st.sampled_from(["stays", "stays", "stays", "record", "study", "undone"]))
        row = {"record_id": f"r{i}", "method": "person", "decided_by": "A", "decided_on": "2026-11-21"}
        if kind in ("record", "undone") and i:
            row["same_as_record"] = f"r{draw(st.integers(0, i - 1))}"
            if kind == "undone":
                row |= {"undone_by": "A", "undone_on": "2026-11-22"}
            else:
                replaced.add(i)
            merges.append(row)
        elif kind == "study":
            replaced.add(i)
            merges.append(row | {"same_as_study": draw(st.sampled_from(STUDIES))})
    for i in range(size):
        for stage, choices in ((TITLE_ABSTRACT, [INCLUDE, EXCLUDE, UNSURE]), (FULL_TEXT, [INCLUDE, EXCLUDE, NOT_RETRIEVED])):
            if i in replaced or draw(st.integers(0, 3)) == 0:
                break
            study = draw(st.sampled_from((*STUDIES, "to_come")))
            what = [draw(st.sampled_from(choices)) for _ in range(draw(st.integers(0, 2)))]
            for who, told in zip("AB", what, strict=False):
                clock += 1
                screening.append(decision(i, stage, who, told, clock, study, draw(st.sampled_from(REASONS))))
            final = what[0] if len(what) == 2 and what[0] == what[1] != UNSURE else None
            if final is None and len(what) == 2 and draw(st.booleans()):
                final, clock = draw(st.sampled_from(choices)), clock + 1
                screening.append(decision(i, stage, "C", final, clock, study, role="arbiter"))
                final = None if final == UNSURE else final
            if final != INCLUDE:
                break
    return {"searches": searches, "records": records, "record_merges": merges, "screening": screening}


def adds_up(rows: Rows) -> None:
    """The flow of ``rows``, with every sum of the diagram."""
    d, found = flow_of(rows)
    if not d.searched:
        return
    assert d.identified == sum(int(s["fetched"]) for s in rows["searches"]) == sum(n or 0 for _, _, n in d.sources)
    assert d.identified == d.duplicates + d.known + d.screened + d.waiting
    assert d.screened == d.excluded + d.sought
    assert d.sought == d.not_retrieved + d.assessed + d.to_assess
    assert d.assessed == sum(n for _, n in d.excluded_reports) + d.reports
    assert d.included == len(found) == sum(n for _, n in d.by_source)
    assert d.included + d.to_extract <= d.reports
    assert (
        min(d.duplicates, d.known, d.screened, d.waiting, d.excluded, d.to_assess, d.not_retrieved, d.included, d.to_extract) >= 0
    )


@settings(deadline=None, max_examples=80)
@given(logs())
def test_what_people_do_passes_validation_and_adds_up(rows):
    assert problems(rows) == []
    adds_up(rows)
    d, _ = flow_of(rows)
    replaced = {m["record_id"] for m in rows["record_merges"] if not m.get("undone_on")}
    assert d.screened + d.waiting == len(rows["records"]) - len(replaced)


VALUES = st.sampled_from(
    ["", "r0", "r1", "r99", "A", "B", "C", "s1", "s9", INCLUDE, EXCLUDE, UNSURE, NOT_RETRIEVED, FULL_TEXT, TITLE_ABSTRACT, "reviewer",
     "arbiter", "0", "1", "99", "-1", "2026-11-21", "person", REASONS[0], STRATEGIES[0]["strategy_id"]]
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_whatever_is_broken_is_refused_or_still_adds_up(data):
    """Cells changed, rows lost and rows repeated at random: validation refuses it, or the diagram is right all the same."""
    rows = {name: [dict(r) for r in own] for name, own in data.draw(logs()).items()}
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(FLOW_TABLES))
        if not rows[name]:
            continue
        at = data.draw(st.integers(0, len(rows[name]) - 1))
        how = data.draw(st.sampled_from(["change", "change", "lose", "repeat"]))
        if how == "lose":
            del rows[name][at]
        elif how == "repeat":
            rows[name].append(dict(rows[name][at]))
        else:
            rows[name][at][data.draw(st.sampled_from(RAW[name].header))] = data.draw(VALUES)
    if not problems(rows):
        adds_up(rows)


GOOD: Rows = {
    "searches": [
        {"search_id": "S1", "strategy_id": STRATEGIES[0]["strategy_id"], "source": STRATEGIES[0]["source"], "searched_on": "2026-11-21",
         "searched_by": "A", "fetched": "4", "complete": "yes"},
    ],
    "records": [
        {"record_id": f"r{i}", "search_id": "S1", "source": STRATEGIES[0]["source"], "title": f"T {i}", "received_on": "2026-11-21"} for i in range(4)
    ],
    "record_merges": [{"record_id": "r3", "same_as_record": "r0", "method": "person", "decided_by": "A", "decided_on": "2026-11-21"}],
    "screening": [
        *(decision(0, TITLE_ABSTRACT, who, INCLUDE, i) for i, who in enumerate("AB")),
        *(decision(1, TITLE_ABSTRACT, who, EXCLUDE, 2 + i) for i, who in enumerate("AB")),
        *(decision(0, FULL_TEXT, who, INCLUDE, 4 + i, "s1") for i, who in enumerate("AB")),
    ],
}  # fmt: skip
BREAKS = {
    "fewer fetched than there are": ("searches", 0, {"fetched": "3"}, "fetched", "search-records"),
    "a record of no search": ("records", 1, {"search_id": "S9"}, "search_id", "foreign-key"),
    "one record twice": ("records", 1, {"record_id": "r0"}, None, "primary-key"),
    "a duplicate of nothing": ("record_merges", 0, {"same_as_record": "r9"}, "same_as_record", "foreign-key"),
    "a merge of record and study": ("record_merges", 0, {"same_as_study": "s1"}, "record_id", "merge-sense"),
    "a record merged with itself": ("record_merges", 0, {"same_as_record": "r3"}, "record_id", "merge-sense"),
    "a decision on nothing": ("screening", 0, {"record_id": "r9"}, "record_id", "foreign-key"),
    "a report excluded without a reason": ("screening", 4, {"decision": EXCLUDE, "study_id": ""}, "reason", "decision-whole"),
    "a title out of reach": ("screening", 0, {"decision": NOT_RETRIEVED}, "decision", "decision-whole"),
    "included without a study": ("screening", 4, {"study_id": ""}, "study_id", "decision-whole"),
    "read without having passed": ("screening", 0, {"decision": UNSURE}, None, "screening-order"),
}


def test_the_good_log_is_good():
    assert problems(GOOD) == []
    adds_up(GOOD)


@pytest.mark.parametrize("name", BREAKS)
def test_counts_that_cannot_add_up_are_refused_with_place_and_remedy(name):
    table, at, change, column, rule = BREAKS[name]
    rows = {key: [dict(r) for r in own] for key, own in GOOD.items()}
    rows[table][at] |= change
    found = [p for p in problems(rows) if p.rule == rule]
    assert found, [p.rule for p in problems(rows)]
    for problem in found:
        assert problem.row
        assert problem.message
        assert problem.remedy
    if column:
        assert (f"{table}.csv", at + 2, column) in {(p.file, p.row, p.column) for p in found}


def test_a_flow_that_is_computed_wrongly_is_not_drawn():
    d, _ = flow_of(GOOD)
    assert d.by_source == ((STRATEGIES[0]["source"], 1),)
    with pytest.raises(FlowError, match="studies by source"):
        replace(d, by_source=()).check()
