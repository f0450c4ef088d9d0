"""Which estimates of the natural course stand beside a study: declared, and every problem of the declaration named."""

from __future__ import annotations

import pytest

from cordbook.review.estimates.declarations import parse_declarations
from cordbook.review.estimates.natural_course import FILE, NaturalCourseError, load_natural_course, parse_natural_course

GOOD = {
    "outcome": "better", "population": "ill", "key": "grade", "fact": "grade", "value_name": "grade", "usual_phase": "early",
    "not_for": {"early": ["late"], "late": ["early"]}, "usual_value": "A",
}  # fmt: skip


def natural(**changes):
    entry = {"id": "n", "title": "T", "question": "Q", "section": "1", "outcome": "better", "where": {"role": "natural_course"}}
    content = {"defaults": {"measure": "logit", "model": "glmm"}, "syntheses": [entry | {"strata": {"grade": "A"}} | changes]}
    return parse_declarations(content)["n"]


def test_an_estimate_of_the_natural_course_is_for_one_value_of_the_key():
    course = parse_natural_course(GOOD)
    assert course.value_of(natural()) == "A"
    assert course.value_of(natural(strata={"grade": "B", "phase": "late"})) == "B"
    for other in (
        natural(outcome="dead"),
        natural(where={"role": "treated"}),
        natural(strata="widest"),
        natural(strata={"grade": "A", "sex": "f"}),
    ):
        assert course.value_of(other) is None


def test_it_is_no_yardstick_for_studies_of_another_phase():
    course = parse_natural_course(GOOD)
    assert course.suits(natural(), {"early"})
    assert not course.suits(natural(), {"late"})
    assert course.suits(natural(), {"late", None})
    assert not course.suits(natural(strata={"grade": "A", "phase": "late"}), {"early"})


def test_every_problem_is_named():
    with pytest.raises(
        NaturalCourseError, match=r"(?s)3 problem.*outcome is missing.*unknown key 'outcom'.*not_for gives a list"
    ):
        parse_natural_course(
            {k: v for k, v in GOOD.items() if k != "outcome"} | {"outcom": "better", "not_for": {"late": "early"}}
        )
    with pytest.raises(NaturalCourseError, match="usual_value is not a text"):
        parse_natural_course(GOOD | {"usual_value": 1})
    assert parse_natural_course({k: v for k, v in GOOD.items() if k != "usual_value"}).usual_value == ""
    with pytest.raises(NaturalCourseError, match="expected keys and values"):
        parse_natural_course([])


def test_a_review_need_not_have_the_file(tmp_path, root):
    assert load_natural_course(tmp_path) is None
    (tmp_path / FILE).write_text("outcome: [", encoding="utf-8")
    with pytest.raises(NaturalCourseError, match="not valid YAML"):
        load_natural_course(tmp_path)
    assert load_natural_course(root / "data").key in {"baseline_ais"}


def test_alike_are_people_of_the_same_grade_and_phase_alone(root):
    """A study of mixed grades, of another phase, or of which neither is on record, is not known to be alike."""
    from cordbook.evidence.counts import Count
    from cordbook.evidence.evidence import load_evidence
    from cordbook.review.estimates.declarations import load_declarations
    from cordbook.review.estimates.natural_course import load_natural_course

    evidence = load_evidence(root / "data")
    course, declared = load_natural_course(root / "data"), load_declarations(root / "data" / "syntheses.yml")
    early, late = declared["natural-ais-a-acute"], declared["natural-ais-a-late"]
    study = {"population": course.population, "injury_phase": "acute", "ais_a": 8, "ais_b": 0, "ais_c": None, "ais_d": None}

    def alike(synthesis, stratum=(), **changed):
        counts = [Count("c", "s", "s.treated", stratum, 3, 8)]
        return course.is_alike(synthesis, counts, study | changed, evidence.subject)

    assert alike(early)
    assert not alike(late)
    assert alike(late, injury_phase="chronic")
    assert not any(alike(early, **{key: value}) for key, value in (("ais_b", 4), ("ais_a", None), ("ais_a", 5)))
    assert not any(alike(early, injury_phase=phase) for phase in ("chronic", "subacute", "mixed", None))
    assert alike(early, (("baseline_ais", "A"),), ais_b=4)
    assert not alike(early, (("baseline_ais", "A+B"),), ais_b=4)
    assert not alike(early, population="radiation_myelopathy")
