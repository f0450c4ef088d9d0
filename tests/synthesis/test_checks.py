import numpy as np
import pandas as pd
import pytest

from cordbook.synthesis.checks import check_choice, check_counts, check_effects, check_labels, check_level


def test_counts_come_back_as_whole_numbers():
    events, n, labels = check_counts([0.0, 2], pd.Series([10, 12]), ["a", "b"])
    assert events.dtype == n.dtype == np.int64
    assert (events.tolist(), n.tolist(), labels) == ([0, 2], [10, 12], ("a", "b"))


def test_counts_may_be_nullable_or_text_that_reads_as_numbers():
    events, n, _ = check_counts(pd.Series([1, 2], dtype="Int64"), ["10", "12"])
    assert (events.tolist(), n.tolist()) == ([1, 2], [10, 12])


@pytest.mark.parametrize(
    ("events", "n", "says"),
    [
        ([1, -1], [10, 10], "Levi: events = -1 is below 0"),
        ([1, 2.5], [10, 10], "Levi: events = 2.5 is not a whole number"),
        ([1, 2], [10, 9.9999999999], "Levi: n = 9.9999999999"),
        ([1, 11], [10, 10], "Levi: events = 11 is more than n = 10"),
        ([1, 0], [10, 0], "Levi: n = 0 is below 1; leave out"),
        ([1, np.nan], [10, 10], "Levi: events is missing"),
        ([1, None], [10, 10], "Levi: events is missing"),
        ([1, "many"], [10, 10], "Levi: events is missing or not a number"),
        ([1, np.inf], [10, 10], "Levi: events = inf is not a whole number"),
        (pd.Series([1, pd.NA], dtype="Int64"), [10, 10], "Levi: events is missing"),
        (np.ma.masked_array([1, 2], mask=[False, True]), [10, 10], "Levi: events is missing"),
        ([1, 2, 3], [10, 10], "events has 3 and n has 2 values"),
        ([[1, 2]], [[10, 10]], "events has 2 dimensions"),
    ],
)
def test_bad_counts_are_refused_by_name(events, n, says):
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        check_counts(events, n, ["Okada", "Levi"])


def test_all_bad_rows_are_told_at_once():
    with pytest.raises(ValueError, match="more than n") as caught:
        check_counts([11, 1, -2], [10, 10, 10], ["a", "b", "c"])
    lines = str(caught.value).splitlines()
    assert [line[0] for line in lines] == ["a", "c"]


def test_long_lists_of_bad_rows_are_counted_not_printed():
    with pytest.raises(ValueError, match="and 80 more"):
        check_counts([2] * 100, [1] * 100)


@pytest.mark.parametrize(("events", "says"), [([], "no studies"), ([1], "one study but at least 2")])
def test_too_few_studies(events, says):
    with pytest.raises(ValueError, match=says):
        check_counts(events, [10] * len(events))


def test_one_study_is_enough_where_the_caller_says_so():
    assert check_counts([1], [10], min_studies=1)[2] == ("study 1",)


def test_labels():
    assert check_labels(["a", float("nan"), pd.NA, " "], 4) == ("a", "study 2", "study 3", "study 4")
    assert check_labels([2019, 2020], 2) == ("2019", "2020")
    with pytest.raises(ValueError, match="labels has 1 names but there are 2 studies"):
        check_labels(["a"], 2)
    with pytest.raises(ValueError, match="is one text"):
        check_labels("ab", 2)


@pytest.mark.parametrize(
    ("yi", "vi", "says"),
    [
        ([0, 1], [1, 0], "Levi: vi = 0 is not a variance above 0"),
        ([0, 1], [1, -1], "Levi: vi = -1"),
        ([0, 1], [1, np.nan], "Levi: vi = nan"),
        ([0, np.inf], [1, 1], "Levi: yi = inf is not a finite number"),
        ([0, 1], [1], "yi has 2 and vi has 1 values"),
        ([], [], "no studies"),
    ],
)
def test_bad_effects_are_refused_by_name(yi, vi, says):
    with pytest.raises(ValueError, match=says):
        check_effects(yi, vi, ["Okada", "Levi"] if len(yi) == 2 else None)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, "high", None, float("nan")])
def test_level_lies_strictly_between_0_and_1(level):
    with pytest.raises(ValueError, match="is not between 0 and 1"):
        check_level(level)


def test_a_level_in_percent_is_answered_with_its_share():
    with pytest.raises(ValueError, match=r"for a 90% interval write 0.9\."):
        check_level(90)


def test_choice():
    assert check_choice("ci", "wald", ("wald", "hksj")) == "wald"
    with pytest.raises(ValueError, match="ci = 'walds' is not known; choose one of 'wald', 'hksj'"):
        check_choice("ci", "walds", ("wald", "hksj"))
    with pytest.raises(ValueError, match="ci = 3 is not known"):
        check_choice("ci", 3, ("wald", "hksj"))
