"""Numbers in words, and the conditions under which sentences are true."""

import re
from types import SimpleNamespace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordbook.core.tracking import begin, end
from cordbook.review.estimates.guards import GuardError, judge
from cordbook.review.estimates.phrases import FORMS, natural_frequency, percent, percent_number, phrase, plain_sentence
from cordbook.review.estimates.row_counts import count_rows


def test_a_verdict_names_counts_by_their_question_and_estimates_by_their_id():
    verdict = judge("[rows/section=2.1] == 2 and a-b.k == 3 and [rows] == 4 and a-b.n == 30", WORLD)
    assert verdict.explain() == "[rows/section=2.1] = 2, a-b.k = 3, [rows] = 4, a-b.n = 30"
    assert verdict.estimate_ids == ("a-b",)


def test_who_counts_in_a_condition_is_stale_when_the_number_changes_not_the_table(estimates, root):
    begin(root)
    judge("[searches] == 0 and tumour-cell-therapy.events == 0", estimates)
    counted = ("value", "cordbook.review.estimates.row_counts:count_rows", "searches")
    assert {read for read in end() if read[0] not in ("file", "folder", "code")} == {counted, ("estimate", "tumour-cell-therapy")}


@pytest.mark.parametrize(
    "question", ["studies", "mechanisms/section=2.1/evidence_type!=animal", "arms/n<30", "searches/strategy_id!="]
)
def test_a_condition_counts_what_the_role_counts(estimates, question):
    assert judge(f"[{question}] == {count_rows(estimates.evidence, question)}", estimates).holds


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("[serches] == 0", "no table 'serches'"),
        ("[searches/phase_of_moon=full] == 0", "no column 'phase_of_moon'"),
        ("[searches/source] == 0", "write COLUMN=VALUE"),
        ("[arms/n<many] == 0", "'many' in 'arms/n<many' is not a number"),
    ],
)
def test_a_count_that_cannot_be_asked_says_why(estimates, condition, said):
    with pytest.raises(GuardError, match=re.escape(said)):
        judge(condition, estimates)


@given(st.floats(0, 1))
def test_a_percentage_is_close_and_never_a_false_0_or_100(value):
    text = percent_number(value)
    if text.startswith("<"):
        assert 0 < 100 * value < float(text[1:])
    elif text.startswith(">"):
        assert float(text[1:]) < 100 * value < 100
    else:
        # Two digits that matter: half a percentage point at most, and 6% of the value.
        assert abs(float(text) - 100 * value) <= min(0.5, 0.06 * 100 * value) + 1e-9
        assert (text in ("0", "100")) == (value in (0.0, 1.0))


@given(st.floats(0.001, 0.999))
def test_a_natural_frequency_is_within_a_half_of_its_base(value):
    count, base = (int(part.replace(",", "")) for part in natural_frequency(value).split(" in "))
    assert abs(count / base - value) <= 0.5 / base + 1e-12


def test_every_form_of_every_estimate_is_text(estimates):
    for e in estimates:
        for form in FORMS:
            assert phrase(e, form)
            assert "None" not in phrase(e, form)
        assert "{" not in plain_sentence(e)


def test_an_unknown_form_names_the_known_ones(estimates):
    with pytest.raises(KeyError, match="tenths"):
        phrase(estimates["tumour-cell-therapy"], "tens")


def test_percent_of_nothing():
    assert percent(None) == percent(float("nan")) == "not estimable"


class World(dict):
    """Estimates by id, and counts by their question."""

    COUNTS: ClassVar = {"rows": 4, "rows/kind=x y": 1, "rows/kind=": 0, "rows/section=2.1": 2}

    def count(self, question):
        return self.COUNTS[question]


WORLD = World({
    "a-b": SimpleNamespace(k=3, n=30, events=0, result=SimpleNamespace(estimate=0.5, ci_low=0.4, ci_high=0.6, pi_low=None)),
    "a-b--c-d": SimpleNamespace(k=1, n=3, events=1, result=SimpleNamespace(estimate=0.1, ci_low=0.0, ci_high=0.2)),
})  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("a-b.estimate == 0.5", True),
        ("0.4 <= a-b.estimate <= 0.6", True),
        ("0.4 <= a-b.estimate < 0.5", False),
        ("a-b.events == 0 and a-b.k >= 3", True),
        ("a-b.events == 0 and a-b.k >= 4", False),
        ("a-b.ci_low > a-b--c-d.ci_high", True),
        ("a-b.estimate - a-b--c-d.estimate > 0.3", True),
        ("not a-b.n < 30 or a-b.k == 9", True),
        ("a-b.pi_low > 0", False),
        ("not a-b.pi_low > 0", True),
        ("a-b.estimate > -1 * a-b.k", True),
        ("[rows] == 4", True),
        ("[rows/kind=x y] / [rows] == 0.25 and a-b.k == 3", True),
        ("[rows/section=2.1] < 2", False),
        ("[rows] / [rows/kind=] > 0", False),
        ("not [rows] / [rows/kind=] > 0", True),
        ("a-b.estimate / a-b.events < 9", False),
    ],
)
def test_conditions(condition, holds):
    assert judge(condition, WORLD).holds is holds


def test_a_verdict_tells_the_values(estimates):
    verdict = judge("tumour-cell-therapy.events == 1", estimates)
    assert not verdict.holds
    assert verdict.explain() == "tumour-cell-therapy.events = 0"


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "a-b.estimate >",
        "nowhere.estimate > 0",
        "a-b.colour > 0",
        "__import__('os')",
        "a-b.estimate in 3",
        "x > 1",
        "a-b.k if 1 else 2",
        "True",
        "[nothing] == 0",
        "[rows == 4",
        "[[rows]] == 4",
        "rows == 4",
    ],
)
def test_a_condition_that_cannot_be_read_is_refused(condition):
    with pytest.raises((GuardError, KeyError)):
        judge(condition, WORLD)
