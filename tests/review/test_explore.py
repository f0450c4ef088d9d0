"""A reader's question gets the rows that a declaration would get, and is told what is left out."""

import pandas as pd
import pytest

from cordbook.review.explorer.question import Question, QuestionError, answer, explorer_counts, reasons


@pytest.fixture(scope="module")
def cells(estimates):
    return explorer_counts(estimates.evidence)


def asked(cells, estimates, *arguments, **more):
    return answer(cells, Question(*arguments, **more), estimates.evidence.meanings)


def test_a_declared_question_gets_the_declared_rows(cells, estimates):
    for s in estimates.declarations:
        if s.kind == "proportion":
            found = asked(cells, estimates, s.outcome, s.where, s.strata)
            assert [row.arm for row in found.rows] == [row.arm for row in estimates[s.id].rows], s.id


def test_what_may_not_be_pooled_is_never_in_the_rows(cells, estimates):
    barred = set(cells.loc[~cells["poolable"].astype(bool), "cell_id"])
    for outcome in cells["outcome"].value_counts().index[:6]:
        for strata in ("total", "widest"):
            found = asked(cells, estimates, outcome, (), strata)
            used = {cell for row in found.rows for cell in row.count_ids}
            assert not used & barred
            assert set(found.not_poolable["cell_id"]) == {
                c for c in barred if c in set(cells.loc[cells["outcome"] == outcome, "cell_id"])
            }


def test_an_arm_inside_another_that_is_counted_is_left_out(cells, estimates):
    # Rows of a part of an arm: made here, since the data bars one of the two.
    row = cells[cells["cell_id"] == "cheng2014.control_blank.clinical_improved.all.6"].assign(poolable=True)
    wider = row.assign(cell_id="wider", arm_id="cheng2014.control", part_of=None, n=row["n"] + 10)
    found = asked(pd.concat([row, wider], ignore_index=True), estimates, "clinical_improved")
    assert [row.arm_id for row in found.rows] == ["cheng2014.control"]
    assert found.within == ("cheng2014.control_blank",)


def test_strata_that_may_share_people_are_left_out_and_named(cells, estimates):
    row = cells[
        (cells["outcome"] == "ais_improved") & cells["poolable"].astype(bool) & (cells["stratum_relation"] == "total")
    ].head(1)
    two = pd.concat(
        [
            row.assign(cell_id=i, stratum=s, stratum_relation="only_stratum", all_patients=False)
            for i, s in (("a", "level=cervical"), ("b", "cells=x"))
        ]
    )
    found = asked(two.reset_index(drop=True), estimates, "ais_improved", (), "widest")
    assert found.unclear == tuple(row["arm_id"])
    assert found.rows == ()


def test_a_phase_is_that_of_the_stratum_before_that_of_the_study(cells):
    named = cells[cells["stratum"].fillna("").str.contains("phase=chronic")]
    assert set(named["phase"]) == {"chronic"}
    others = cells[~cells["stratum"].fillna("").str.contains("phase=")]
    assert others["phase"].equals(others["injury_phase"])


def test_a_level_is_named_only_where_nobody_was_hurt_elsewhere(cells):
    neck = cells[cells["injury_level"] == "cervical"]
    assert (neck["level_cervical"] > 0).all()
    assert (neck["level_thoracic"] == 0).all()


def test_bounds_leave_out_what_is_not_known(cells, estimates):
    found = asked(cells, estimates, "ais_improved", (("role", ("treated",)),), bounds=(("year", 1000.0, None),))
    assert found.rows and all(row.year for row in found.rows)


def test_reasons_are_counted(cells, estimates):
    found = asked(cells, estimates, "ais_improved", (("role", ("treated",)),))
    counted = reasons(found.not_poolable)
    assert counted["overlap"] == found.not_poolable["not_poolable_reason"].str.contains("overlap").sum()
    assert list(counted.values()) == sorted(counted.values(), reverse=True)


def test_all_problems_of_a_question_are_told_at_once(cells, estimates):
    with pytest.raises(QuestionError) as told:
        asked(cells, estimates, "none", (("colour", ("red",)),), bounds=(("age", 1.0, None),), exclude=("nobody",))
    for word in ("'none'", "'colour'", "age", "'nobody'"):
        assert word in str(told.value)
