"""One main pool for a question: every other selection says how it differs and which studies make the difference."""

import dataclasses

import pytest
from tests.made_rows import recounted

from cordbook.review.estimates.declarations import DeclarationError, parse_declarations
from cordbook.review.estimates.main_pool import compare_pools, difference_from_main

MAIN = "ais-improved-cell-therapy"


def declared(**second):
    head = {"title": "T", "question": "Q", "section": "1", "outcome": "tumour"}
    entries = [{"id": "first", **head}, {"id": "second", **head, "main": "first"} | second]
    return parse_declarations({"defaults": {"measure": "logit", "model": "glmm"}, "syntheses": entries})


def test_a_main_pool_is_declared_by_id():
    assert declared()["second"].main == "first"
    assert declared()["first"].main is None


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"main": "nowhere"}, "second: main names 'nowhere', which is not declared"),
        ({"main": "second"}, "not a main pool itself"),
        ({"outcome": "death"}, "answers another question"),
        ({"kind": "comparison", "measure": "OR", "model": "reml"}, "answers another question"),
        ({"strata": "by:"}, "by:KEY"),
    ],
)
def test_a_wrong_main_pool_is_refused(second, message):
    with pytest.raises(DeclarationError, match=message):
        declared(**second)


def test_the_difference_is_the_sum_of_the_named_studies(estimates):
    """Of every declared pool: main, with what is added and without what is left out, is that pool."""
    others = [s for s in estimates.declarations if s.main]
    assert MAIN in {s.main for s in others}
    for synthesis in others:
        here, main = estimates[synthesis.id], estimates[synthesis.main]
        found = compare_pools(here, main)
        n = main.n + sum(r.n for r in found.added) - sum(r.n for r in found.left_out) + sum(a.n - b.n for a, b in found.changed)
        events = main.events + sum(r.events for r in found.added) - sum(r.events for r in found.left_out)
        assert (events + sum(a.events - b.events for a, b in found.changed), n) == (here.events, here.n), synthesis.id
        line = difference_from_main(estimates, synthesis.id)
        assert (line is None) == (not found)
        if line:
            assert "\n" not in line
            for row in (*found.added, *found.left_out)[:11]:
                assert row.label in line


def test_the_main_pool_and_parts_have_no_line(estimates):
    assert difference_from_main(estimates, MAIN) is None
    assert difference_from_main(estimates, "ais-improved-cell-therapy-phase--chronic") is None
    assert difference_from_main(estimates, "tumour-cell-therapy") is None


def test_people_counted_apart_by_grade_are_in_no_pool_by_time(estimates):
    """A clinic that tells of its patients with grade A alone counts where the grade is asked for, and nowhere else."""
    assert "shroff2016" not in estimates[MAIN].study_ids
    assert "shroff2016" not in estimates["ais-improved-cell-therapy-phase"].study_ids
    line = difference_from_main(estimates, "ais-improved-cell-therapy-grade")
    assert "Shroff 2016, 80 of 153: AIS A at the start" in line


def test_other_people_of_one_study_are_named(estimates):
    main = estimates[MAIN]
    rows = (recounted(main.rows[0], arm=(1, 5)), *main.rows[1:])
    found = compare_pools(dataclasses.replace(main, rows=rows), main)
    ((here, there),) = found.changed
    assert (here.events, here.n) == (1, 5)
    assert (there.events, there.n) == (main.rows[0].events, main.rows[0].n)
