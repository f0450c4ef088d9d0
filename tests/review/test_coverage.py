"""What the book says of the simulation is what the simulation found."""

import pandas as pd
import pytest

from cordbook.display.chapters.methods import MethodsPages
from cordbook.review.appraisal.average_coverage import DEFAULT_INTERVAL, summarise_by_studies
from cordbook.review.appraisal.coverage import AVERAGE_RESULTS, AVERAGES, DEFAULT, load_results, summarise_coverage
from cordbook.review.estimates.phrases import percent


@pytest.fixture(scope="module")
def results(root):
    return load_results(root)


def frame(**columns):
    rows = {"scenario": ["own_a", "own_b", "k5_p0.1_tau0"], "method": [DEFAULT] * 3, "coverage": [0.92, 0.96, 0.5]}
    return pd.DataFrame(rows | columns)


def test_own_outcomes_and_the_grid_are_told_apart():
    [own] = summarise_coverage(frame(), own=True)
    [grid] = summarise_coverage(frame(), own=False)
    assert (own.scenarios, own.least, own.median, own.greatest, own.below) == (2, 0.92, 0.94, 0.96, 1)
    assert (grid.scenarios, grid.least, grid.below) == (1, 0.5, 1)


def test_a_scenario_without_prediction_intervals_is_left_out():
    [found] = summarise_coverage(frame(prediction_coverage=[None, 0.9, 0.8]), own=True, column="prediction_coverage")
    assert (found.scenarios, found.least, found.greatest) == (1, 0.9, 0.9)


def test_the_sentence_on_prediction_intervals_gives_the_numbers_of_the_table(estimates, results):
    own = results[results["scenario"].str.startswith("own_") & (results["method"] == DEFAULT)]["prediction_coverage"].dropna()
    said = MethodsPages(estimates).prediction_sentence()._repr_mimebundle_()["text/plain"]
    for value in (own.min(), own.median(), own.max()):
        assert percent(value) in said


def test_the_tables_of_averages_hold_the_stored_results(estimates, root):
    stored = load_results(root, AVERAGE_RESULTS)
    default = [f for f in summarise_by_studies(stored) if f.method == DEFAULT_INTERVAL]
    assert [f.k for f in default] == sorted(set(stored["k"]))
    for f in default:
        rows = stored[(stored["average"] == "population") & (stored["method"] == f.method) & (stored["k"] == f.k)]
        assert (f.scenarios, f.least, f.greatest) == (len(rows), rows["coverage"].min(), rows["coverage"].max())
    table = MethodsPages(estimates).few_studies().to_frame()
    for f in default:
        assert f"{percent(f.least)}, {percent(f.median)}" in table[f"k = {f.k}"][0]
    averages = MethodsPages(estimates).averages().to_frame()
    assert list(averages["Data"]) == [name.replace("_", " ") for name in load_results(root, AVERAGES)["set"]]


def test_a_copy_without_the_simulations_says_so(estimates, tmp_path, monkeypatch):
    for name in ("RESULTS", "AVERAGE_RESULTS", "AVERAGES"):
        monkeypatch.setattr(f"cordbook.display.chapters.methods.{name}", tmp_path / "none.csv")
    pages = MethodsPages(estimates)
    for block in (pages.coverage(), pages.few_studies(), pages.averages()):
        assert block._repr_mimebundle_()["text/plain"].startswith("Not available")
