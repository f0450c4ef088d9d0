"""Design matrices: dummy coding, references, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cordbook.synthesis.regression.moderators import build_design

LABELS = ("Ada 2001", "Bo 2002", "Cy 2003", "Di 2004", "Ed 2005")


def test_text_is_dummy_coded_against_the_first_level_in_alphabetical_order():
    design, X, notes = build_design({"phase": ["late", "early", "late", "mid", "early"]}, LABELS)
    assert design.names == ("intercept", "phase: late", "phase: mid")
    assert design.references == {"phase": "early"}
    np.testing.assert_array_equal(X, [[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0]])
    assert notes == ()


def test_a_stated_reference_is_the_level_without_a_column():
    design, X, _ = build_design({"phase": ["late", "early", "late", "mid", "early"]}, LABELS, reference={"phase": "mid"})
    assert design.names == ("intercept", "phase: early", "phase: late")
    assert X[3].tolist() == [1, 0, 0]


def test_numbers_and_booleans_are_continuous_and_a_frame_is_a_mapping():
    frame = pd.DataFrame({"year": [1990, 1995, 2000, 2005, 2011], "blind": [True, False, False, True, True]})
    design, X, _ = build_design(frame, LABELS)
    assert design.names == ("intercept", "year", "blind")
    assert X[:, 2].tolist() == [1, 0, 0, 1, 1]


def test_arrays_take_names():
    design, X, _ = build_design(np.arange(10.0).reshape(5, 2) ** 2, LABELS, names=["a", "b"])
    assert design.names == ("intercept", "a", "b")
    assert X.shape == (5, 3)
    with pytest.raises(ValueError, match="as many different names"):
        build_design(np.ones((5, 2)), LABELS, names=["a"])


def test_numbers_written_as_text_are_categorical_and_the_reader_is_told():
    design, _, notes = build_design({"grade": ["1", "2", "1", "3", "2"]}, LABELS)
    assert design.references == {"grade": "1"}
    assert "grade" in notes[0] and "categorical" in notes[0]


def test_all_problems_come_in_one_message_with_the_names_of_the_studies():
    moderators = {
        "year": [1990, None, 2000, 2005, float("nan")],
        "phase": ["late", "", "late", "mid", "early"],
        "short": [1, 2],
        "same": [3, 3, 3, 3, 3],
        "dose": [1.0, 2.0, np.inf, 4.0, 5.0],
    }
    with pytest.raises(ValueError) as error:
        build_design(moderators, LABELS)
    text = str(error.value)
    for part in (
        "Bo 2002, Ed 2005",
        "'phase' has no value in Bo 2002",
        "2 values for 5 studies",
        "'same' has the same value",
        "not finite in Cy 2003",
    ):
        assert part in text


@pytest.mark.parametrize("missing", [None, pd.NA, pd.NaT, float("nan"), "", "  "])
def test_every_kind_of_missing_value_is_found(missing):
    with pytest.raises(ValueError, match="no value in Cy 2003"):
        build_design({"phase": ["late", "early", missing, "mid", "early"]}, LABELS)


def test_a_reference_that_is_no_level_or_of_no_moderator_is_refused():
    with pytest.raises(ValueError, match="no level 'mid'.*early, late"):
        build_design({"phase": ["late", "early", "late", "late", "early"]}, LABELS, reference={"phase": "mid"})
    with pytest.raises(ValueError, match="not a moderator"):
        build_design({"year": [1, 2, 3, 4, 6]}, LABELS, reference={"phase": "mid"})
    with pytest.raises(ValueError, match="continuous"):
        build_design({"year": [1, 2, 3, 4, 6]}, LABELS, reference={"year": "1"})


def test_columns_that_repeat_each_other_are_named_whatever_their_units():
    year = np.array([1990, 1995, 2000, 2005, 2011])
    with pytest.raises(ValueError, match="since can be worked out"):
        build_design({"year": year, "since": (year - 1990) * 1e-9}, LABELS)
    design, _, _ = build_design({"year": year, "tiny": np.array([1, 5, 2, 7, 3]) * 1e-9}, LABELS)
    assert len(design.names) == 3


def test_too_many_coefficients_for_the_studies_are_refused():
    with pytest.raises(ValueError, match="more than 5 studies; there are 5"):
        build_design({"site": ["a", "b", "c", "d", "e"]}, LABELS)


def test_new_values_are_checked_by_name_and_level():
    design, _, _ = build_design({"year": [1, 2, 3, 4, 6], "phase": ["a", "b", "a", "b", "a"]}, LABELS)
    np.testing.assert_array_equal(design.matrix({"phase": "b", "year": [10, 20]}), [[1, 10, 1], [1, 20, 1]])
    with pytest.raises(ValueError, match="without a value: phase"):
        design.matrix({"year": 1})
    with pytest.raises(ValueError, match="not in the model: dose"):
        design.matrix({"year": 1, "phase": "a", "dose": 2})
    with pytest.raises(ValueError, match="no level c; allowed: a, b"):
        design.matrix({"year": 1, "phase": "c"})
    with pytest.raises(ValueError, match="give numbers"):
        design.matrix({"year": "soon", "phase": "a"})
    with pytest.raises(ValueError, match="different lengths"):
        design.matrix({"year": [1, 2, 3], "phase": ["a", "b"]})
