"""Nobody is counted twice: whatever rows validate, no pooled row has more people than its arm, in the package and on the page."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.evidence.evidence import Evidence, Tables, _typed
from cordbook.evidence.reading import RawTable, read_all
from cordbook.evidence.rules.base import Data
from cordbook.evidence.rules.counts import COUNT_RULES
from cordbook.evidence.rules.studies import STUDY_RULES
from cordbook.evidence.schema import load_package
from cordbook.publish.pages.explorer_data import _coded, counted
from cordbook.review.estimates.selection import strata_of
from cordbook.review.explorer.question import Question, answer, explorer_counts
from tests.explorer.conftest import as_page_asks

STUDY = "made2020"
VALUES = {
    "baseline_ais": ["A", "B", "C", "D", "A+B", "B+C", "C+D", "B+C+D"],
    "total_dose_gy": ["40", "40-50", "50-60", "45", "<=40", "<40", ">=40", ">=50", ">50", "<=50", "50"],
    "phase": ["acute", "chronic"],
    "baseline_completeness": ["complete", "incomplete"],
    "counts": ["few", "many"],
}
RELATIONS = ["total", "same_patients", "part_of_total", "only_stratum"]
QUESTIONS = [
    Question("tumour", strata=strata, where=where)
    for strata in ("total", "widest", "by:baseline_ais", "by:total_dose_gy", (("phase", "acute"),), (("baseline_ais", "B"),))
    for where in ((), (("stratum.phase", ("acute",)),), (("stratum.baseline_ais", ("A+B", "B", "C")),))
]


@st.composite
def rows(draw):
    """Arms of one study, some of them parts of another, and counts of any strata; what they say may be false."""
    size = draw(st.integers(4, 30))
    arms = [("treated", "", size)]
    arms += [(f"part{i}", f"{STUDY}.treated", draw(st.none() | st.integers(1, size))) for i in range(draw(st.integers(0, 2)))]
    cells = []
    for number in range(draw(st.integers(3, 7))):
        keys = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=draw(st.integers(0, 3)) and 1, max_size=2, unique=True))
        stratum = ";".join(f"{key}={draw(st.sampled_from(VALUES[key]))}" for key in keys)
        n = draw(st.integers(1, size) | st.integers(1, max(1, size // 3)))
        if draw(st.integers(0, 15)) == 0:
            n = size  # a stratum may be everybody
        relation = "only_stratum" if stratum else "total"
        if draw(st.integers(0, 2)) == 0:
            relation = draw(st.sampled_from(RELATIONS))
        cells.append(
            {
                "cell_id": f"c{number}", "study_id": STUDY, "arm_id": f"{STUDY}.{draw(st.sampled_from([arms[0], *arms]))[0]}",
                "outcome": "tumour", "stratum": stratum, "stratum_relation": relation,
                "timepoint_months": draw(st.sampled_from(["", "6", "12"])), "events": str(draw(st.integers(0, n))), "n": str(n),
                "poolable": draw(st.sampled_from(["yes", "yes", "yes", "no"])),
            }
        )  # fmt: skip
    named = [
        {"arm_id": f"{STUDY}.{arm}", "study_id": STUDY, "arm": arm, "role": "treated", "n": str(n or ""), "part_of": whole}
        for arm, whole, n in arms
    ]
    return named, cells


@pytest.fixture(scope="module")
def schema(root):
    package = load_package(root / "data")
    return package, read_all(root / "data", package), root


def evidence_of(schema, arms, cells):
    """The rows as evidence, without those that validation calls wrong."""
    package, real, folder = schema
    raw = {name: real[name] for name in ("stratum_keys", "stratum_values")}
    raw["arms"] = _table(package, "arms", arms)
    raw["studies"] = _table(package, "studies", [{"study_id": STUDY, "topic": "cell_therapy"}])
    raw["references"] = _table(package, "references", [{"reference_id": STUDY, "first_author": "Made", "year": "2020"}])
    while True:
        raw["outcomes"] = _table(package, "outcomes", cells)
        data = Data(package, raw)
        wrong = {
            (f.row.table, f.row["arm_id"] if f.row.table == "arms" else f.row["cell_id"])
            for rule in (*COUNT_RULES, *STUDY_RULES) if rule.severity == "error" and rule.id not in ("poolable-reason", "count-id")
            for f in rule.check(data) if f.row.table in ("arms", "outcomes")
        }  # fmt: skip
        if not wrong:
            break
        if any(table == "arms" for table, _ in wrong):
            arms = arms[:1]
            raw["arms"] = _table(package, "arms", arms)
            cells = [c for c in cells if c["arm_id"] == arms[0]["arm_id"]]
        cells = [c for c in cells if ("outcomes", c["cell_id"]) not in wrong]
    frames = {t.name: _typed([row for _, row in raw[t.name].rows], t.fields, t.name) for t in package.tables if t.name in raw}
    return Evidence(folder, package, Tables(frames))


def _table(package, name, given_rows):
    columns = package.table(name).columns
    return RawTable(columns, [(i, {c: row.get(c, "") for c in columns}) for i, row in enumerate(given_rows, start=2)])


def test_no_pooled_row_has_more_people_than_its_arm(schema, node):
    """200 drawn studies, 18 questions each; the page gets the same rows, as it only reads verdicts."""
    asked = []

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(rows())
    def hold(drawn):
        evidence = evidence_of(schema, *drawn)
        cells = evidence.counts
        if cells.empty:
            return
        cells = explorer_counts(evidence)
        size = dict(zip(evidence["arms"]["arm_id"], evidence["arms"]["n"], strict=True))
        whole = int(size[f"{STUDY}.treated"])
        page = counted(cells, evidence.meanings, evidence.vocabulary) | {"estimates": [], "questions": [], "outcomes": []}
        page["columns"] = {
            name: _coded(cells, strata_of(cells), name, evidence.vocabulary) for name in ("stratum.phase", "stratum.baseline_ais")
        }
        arms = sorted(set(cells["arm_id"]))
        for question in QUESTIONS:
            found = answer(cells, question, evidence.meanings)
            for row in found.rows:
                assert row.n <= (whole if str(size[row.arm_id]) == "<NA>" else size[row.arm_id]), (drawn, question)
            assert sum(row.n for row in found.rows) <= whole, (drawn, question)
            expected = {
                "rows": [[arms.index(r.arm_id), r.events, r.n] for r in found.rows],
                "unclear": len(found.unclear), "within": len(found.within),
            }  # fmt: skip
            asked.append(((page, as_page_asks(question)), expected, (drawn, question)))

    hold()
    assert sum(len(e["rows"]) for _, e, _ in asked) > 300
    assert sum(e["unclear"] for _, e, _ in asked) > 15
    for (_, expected, drawn), got in zip(asked, node("drawn", [case for case, *_ in asked]), strict=True):
        assert got == expected, drawn
