"""Selection: one row per arm, the widest stratum, nobody twice. The cells here are made up to show one rule each."""

import pandas as pd
import pytest

from cordbook.evidence.patients import Held, Key, Meanings, all_patients, parse_stratum
from cordbook.evidence.vocabulary import Dimension, Names, Vocabulary
from cordbook.review.estimates.declarations import parse_declarations
from cordbook.review.estimates.selection import SelectionError, one_row_per_study, select_counts, subgroups, values_of

DISJOINT = Meanings(tuple(Key(name, disjoint=True) for name in ("surgery", "phase", "level", "grade", "setting", "baseline_ais")))


def cells(*rows):
    """Cells of made-up studies: (study, stratum, relation, events, n[, months])."""
    table = []
    for number, (study, stratum, relation, events, n, *months) in enumerate(rows):
        table.append(
            {
                "cell_id": f"c{number}", "study_id": study, "arm_id": f"{study}.treated", "outcome": "tumour",
                "stratum": stratum or None, "stratum_relation": relation, "all_patients": relation == "total", "poolable": True, "events": events, "n": n,
                "timepoint_months": months[0] if months else None, "label": study, "year": 2000, "role": "treated",
                "injury_phase": "mixed",
            }
        )  # fmt: skip
    return pd.DataFrame(table)


def declared(**changes):
    entry = {"id": "x", "title": "T", "question": "Q", "section": "1", "outcome": "tumour"} | changes
    return parse_declarations({"defaults": {"measure": "logit", "model": "glmm"}, "syntheses": [entry]})["x"]


def pooled(table, **changes):
    rows = one_row_per_study(select_counts(table, declared(**changes), DISJOINT), DISJOINT)
    return {row.study_id: (row.events, row.n) for row in rows}


def test_total_takes_rows_of_all_patients_only():
    table = cells(
        ("a", "", "total", 3, 10), ("a", "phase=acute", "part_of_total", 1, 4), ("b", "phase=acute", "only_stratum", 2, 5)
    )
    assert pooled(table) == {"a": (3, 10)}


def test_widest_takes_what_there_is_and_leaves_out_parts():
    table = cells(
        ("a", "", "total", 3, 10), ("a", "phase=acute", "part_of_total", 1, 4), ("b", "phase=acute", "only_stratum", 2, 5)
    )
    assert pooled(table, strata="widest") == {"a": (3, 10), "b": (2, 5)}


def test_disjoint_strata_are_added_up():
    table = cells(("a", "surgery=early", "only_stratum", 3, 10), ("a", "surgery=late", "only_stratum", 1, 9))
    assert pooled(table, strata="widest") == {"a": (4, 19)}


def test_two_treated_arms_of_one_study_are_one_study():
    """k counts studies: both parts of a trial are people of one place, told by one team."""
    table = cells(("a", "", "total", 3, 10), ("b", "", "total", 2, 5))
    second = table.iloc[[0]].assign(cell_id="c9", arm_id="a.second_cohort", events=1, n=4)
    rows = one_row_per_study(select_counts(pd.concat([table, second], ignore_index=True), declared(), DISJOINT), DISJOINT)
    assert [(row.study_id, row.events, row.n, len(row.counts)) for row in rows] == [("a", 4, 14, 2), ("b", 2, 5, 1)]


def test_strata_that_may_share_patients_are_refused():
    table = cells(("a", "surgery=early", "only_stratum", 3, 10), ("a", "level=cervical", "only_stratum", 1, 9))
    with pytest.raises(SelectionError, match=r"a\.treated.*may hold the same patients"):
        pooled(table, strata="widest")
    # Different values of a key that does not part patients are no proof either.
    table = cells(("a", "particle=carbon", "only_stratum", 3, 10), ("a", "particle=proton", "only_stratum", 1, 9))
    with pytest.raises(SelectionError):
        pooled(table, strata="widest")


def test_asked_keys_take_the_row_that_says_no_more():
    table = cells(
        ("a", "grade=A;phase=acute", "only_stratum", 5, 20),
        ("a", "grade=A;phase=acute;level=cervical", "part_of_total", 2, 8),
        ("b", "grade=A", "part_of_total", 1, 3),
        ("b", "", "total", 4, 9),
    )
    assert pooled(table, strata={"grade": "A"}) == {"a": (5, 20), "b": (1, 3)}
    assert pooled(table, strata={"grade": "A", "phase": "acute"}) == {"a": (5, 20)}


def test_of_several_times_the_latest_is_taken_whatever_the_order():
    table = cells(("a", "", "total", 3, 10, 6), ("a", "", "total", 5, 10, 24), ("a", "", "total", 4, 10, 12))
    assert pooled(table) == {"a": (5, 10)}
    assert pooled(table.iloc[::-1].reset_index(drop=True)) == {"a": (5, 10)}


def test_cells_that_may_not_be_pooled_never_are():
    table = cells(("a", "", "total", 3, 10)).assign(poolable=False)
    assert pooled(table) == {}


def test_filters_take_columns_and_stratum_keys():
    table = cells(("a", "setting=sbrt", "only_stratum", 0, 5), ("b", "setting=conventional", "only_stratum", 1, 5))
    assert pooled(table, strata="widest", where={"stratum.setting": ["sbrt"]}) == {"a": (0, 5)}
    with pytest.raises(KeyError, match="no column 'seting'"):
        pooled(table, where={"seting": "sbrt"})


#: A review whose phases stand in strata and in studies.
WORDS = Vocabulary(
    {("phase", "mixed"): Names("Mixed"), ("phase", "chronic"): Names("Chronic")},
    {"phase": Dimension("phase", "Phase", sources=("stratum.phase", "studies.injury_phase"))},
)


def test_a_stratum_says_more_of_the_phase_than_the_study():
    table = cells(("a", "phase=chronic", "only_stratum", 0, 5), ("b", "", "total", 1, 5))
    chosen = select_counts(table, declared(strata="widest"), DISJOINT)
    assert {name: list(rows["study_id"]) for name, rows in subgroups(chosen, "injury_phase", WORDS).items()} == {
        "chronic": ["a"],
        "mixed": ["b"],
    }
    assert list(subgroups(chosen, "injury_phase", WORDS)) == ["mixed", "chronic"], "in the order of the vocabulary"
    assert list(subgroups(chosen, "injury_phase", Vocabulary())) == ["mixed"], "without it the column alone"
    assert subgroups(chosen, "stratum.unheard_of", WORDS) == {}
    assert subgroups(chosen, "unheard_of", WORDS) == {}, "a column that this review lacks"


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ((3, 0, 0), "up"),
        ((0, 2, None), "mid"),
        ((None, 2, 0), None),
        ((0, 0, 1), "low"),
        ((1, 0, 4), "several"),
        ((0, 0, 0), None),
    ],
)
def test_columns_that_count_people_give_the_one_code_of_all(counts, code):
    table = pd.DataFrame([counts], columns=["level_up", "level_mid", "level_low"], dtype="Int64").assign(stratum="")
    found = values_of(table, pd.Series([{}]), Dimension("level", "Level", sources=("studies.level_*",)))
    assert [None if pd.isna(value) else value for value in found] == [code]


def test_a_stratum_within_another_is_left_out_though_it_is_written_otherwise():
    table = cells(("a", "baseline_ais=A+B", "only_stratum", 12, 78), ("a", "baseline_ais=B", "only_stratum", 8, 30))
    assert pooled(table, strata="widest") == {"a": (12, 78)}
    table = cells(("a", "total_dose_gy=>=40", "only_stratum", 2, 20), ("a", "total_dose_gy=45-50", "only_stratum", 1, 9))
    assert pooled(table, strata="widest") == {"a": (2, 20)}


def test_strata_that_overlap_in_part_are_refused():
    table = cells(("a", "baseline_ais=A+B", "only_stratum", 12, 78), ("a", "baseline_ais=B+C", "only_stratum", 8, 30))
    with pytest.raises(SelectionError, match=r"a\.treated.*may hold the same patients"):
        one_row_per_study(select_counts(table, declared(strata="widest"), DISJOINT), DISJOINT)


def test_of_an_arm_and_its_parts_the_whole_is_taken():
    table = cells(("a", "", "total", 5, 24), ("b", "", "total", 0, 10), ("c", "", "total", 5, 14))
    table = table.assign(part_of=[None, "a.treated", "a.treated"])
    assert pooled(table) == {"a": (5, 24)}
    assert pooled(table.iloc[1:]) == {"b": (0, 10), "c": (5, 14)}


def test_strata_of_an_arm_whose_total_is_barred_come_in_only_by_name():
    table = cells(("a", "", "total", 90, 200), ("a", "phase=acute", "part_of_total", 80, 153))
    table.loc[0, "poolable"] = False
    assert pooled(table, strata="widest") == {}
    assert pooled(table, strata={"phase": "acute"}) == {"a": (80, 153)}
    assert pooled(table, strata="widest", where={"stratum.phase": "acute"}) == {"a": (80, 153)}


def test_rows_by_one_key_name_no_other():
    table = cells(
        ("a", "", "total", 3, 10), ("a", "phase=acute", "part_of_total", 1, 4), ("b", "phase=acute", "only_stratum", 2, 5),
        ("b", "phase=chronic", "only_stratum", 1, 7), ("c", "baseline_ais=A", "only_stratum", 80, 153),
    )  # fmt: skip
    assert pooled(table, strata="by:phase") == {"a": (3, 10), "b": (3, 12)}


def test_a_stratum_that_is_the_whole_arm_is_pooled_with_all_patients():
    """Its relation to other rows stays as it is written; that it holds everybody is said by the numbers."""
    table = cells(("a", "grade=A", "only_stratum", 17, 45), ("b", "grade=A", "only_stratum", 5, 20), ("c", "", "total", 3, 10))
    table.loc[0, "all_patients"] = True
    for strata in ("total", "by:phase"):
        assert pooled(table, strata=strata) == {"a": (17, 45), "c": (3, 10)}
    assert pooled(table, strata="widest") == {"a": (17, 45), "b": (5, 20), "c": (3, 10)}


def test_all_patients_under_two_names_are_one_row_the_latest():
    table = cells(
        ("a", "", "total", 3, 10, 6),
        ("a", "grade=A", "part_of_total", 5, 10, 24),
        ("a", "phase=acute", "part_of_total", 1, 4, 24),
    )
    table.loc[1, "all_patients"] = True
    for strata in ("total", "widest", "by:phase"):
        assert pooled(table, strata=strata) == {"a": (5, 10)}


def test_a_barred_stratum_of_everybody_keeps_the_other_strata_of_its_arm_out():
    table = cells(("a", "grade=A", "only_stratum", 17, 45), ("a", "phase=acute", "only_stratum", 4, 9))
    table.loc[0, ["all_patients", "poolable"]] = [True, False]
    assert pooled(table, strata="total") == pooled(table, strata="widest") == {}


def named(*rows):
    """Held counts of one arm: (stratum, time, n)."""
    return [Held(parse_stratum(stratum), time, n) for stratum, time, n in rows]


def test_what_holds_everybody_is_said_by_the_numbers_of_the_arm():
    assert all_patients(named(("grade=A", 12, 45)), 45, DISJOINT) == [True]
    assert all_patients(named(("grade=A", 12, 44)), 45, DISJOINT) == [False]
    assert all_patients(named(("grade=A", 12, 45)), None, DISJOINT) == [False]
    # Of rows within one another it is the widest, once a time.
    assert all_patients(named(("grade=A", 12, 45), ("grade=A;phase=acute", 12, 45), ("grade=A", 6, 45)), 45, DISJOINT) == [
        True,
        False,
        True,
    ]


def test_a_row_of_all_patients_stands_before_any_stratum_of_its_time_with_fewer_patients_too():
    assert all_patients(named(("", 12, 40), ("grade=A", 12, 45)), 45, DISJOINT) == [True, False]
    assert all_patients(named(("", 6, 40), ("grade=A", 12, 45)), 45, DISJOINT) == [True, True]


def test_two_strata_that_both_claim_the_whole_arm_stand_for_nobody():
    assert all_patients(named(("grade=A", 12, 45), ("phase=acute", 12, 45)), 45, DISJOINT) == [False, False]


def test_today_each_arm_has_one_row_of_all_patients_an_outcome_and_time(estimates):
    cells = estimates.evidence.counts
    whole = cells[cells["all_patients"]]
    assert not whole.duplicated(["arm_id", "outcome", "timepoint_months"]).any()
    strata = whole[whole["stratum"].notna()]
    assert len(strata) and (strata["n"] == strata["arm_n"]).all()
    assert set(cells[cells["stratum"].isna()].index) <= set(whole.index)
