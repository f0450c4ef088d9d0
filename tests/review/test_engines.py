"""Every declared estimate by two engines: they agree, and what one of them lacks is said."""

import json

import pytest

from cordbook.cli import main
from cordbook.display.chapters.methods import MethodsPages
from cordbook.review.appraisal.engines import compare_engines, difference_in_words, engine_rows, reasons_of_rows
from cordbook.synthesis.pooling import statsmodels_engine
from cordbook.synthesis.pooling.statsmodels_engine import CLOSED_FORM, ITERATED, NO_EQUIVALENT


@pytest.fixture(scope="module")
def compared(estimates):
    return {e.id: compare_engines(e) for e in estimates if e.k}


def test_every_declared_estimate_agrees_in_both_engines(compared, estimates):
    assert set(compared) == {e.id for e in estimates if e.k}
    for name, found in compared.items():
        for check in found.checks:
            allowed = ITERATED if check.key.startswith("pm") else CLOSED_FORM * max(1.0, check.ours[0].estimate)
            assert check.difference <= allowed, (name, check.key, check.difference)


def test_every_estimate_has_exact_intervals_and_pooled_models_by_both(compared, estimates):
    for name, found in compared.items():
        estimate = estimates[name]
        assert len(found["exact"].ours) == estimate.k * (2 if estimate.is_comparison else 1), name
        if estimate.k > 1:
            assert len(found.checks) >= 3, name


def test_an_estimate_whose_model_statsmodels_has_is_the_one_that_is_compared(compared, estimates):
    same = [name for name, found in compared.items() if found.same_model]
    assert "ais-improved-treated-v-control-mh" in same
    for name in same:
        result, found = estimates[name].result, compared[name]
        if result is not None:
            assert found[found.shown].theirs[0].estimate == pytest.approx(result.estimate, abs=1e-9), name


def test_a_declared_model_that_statsmodels_lacks_says_why(compared, estimates):
    for name, found in compared.items():
        assert found.same_model or found.reason.startswith(NO_EQUIVALENT[estimates[name].synthesis.model]), name


def test_rows_say_the_same_in_both_columns(estimates):
    rows = engine_rows(estimates)
    assert all(row.agrees and row.ours == row.theirs for row in rows)
    assert set(reasons_of_rows(rows)) == {row.declared for row in rows if not row.same_model}
    assert [difference_in_words(d) for d in (0.0, 2.3e-9)] == ["0", "2e-09"]


def test_the_methods_chapter_shows_every_estimate(estimates, compared):
    pages = MethodsPages(estimates)
    table, gaps = pages.engines(), pages.engine_gaps()
    assert len(table.rows) == len(compared)
    assert sum(int(row[1].text) for row in gaps.rows) == sum(not found.same_model for found in compared.values())


IDS = ["ais-improved-treated-v-control", "natural-ais-a-acute", "fall-exoskeleton"]


def test_the_command_prints_both_engines(capsys):
    assert main(["estimates", "--engine", "statsmodels", *IDS]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in IDS)
    assert "Greatest difference of all" in printed
    assert NO_EQUIVALENT["reml"] in printed
    assert " !" not in printed


def test_the_command_marks_a_difference(capsys, monkeypatch):
    right = statsmodels_engine._combined
    monkeypatch.setattr(statsmodels_engine, "_combined", lambda *a: tuple(v + 1e-4 for v in right(*a)))
    assert main(["estimates", "--engine", "statsmodels", *IDS]) == 0
    assert "More than rounding explains (!): ais-improved-treated-v-control, natural-ais-a-acute." in capsys.readouterr().out


def test_the_command_gives_every_check_as_json(capsys):
    assert main(["estimates", "--engine", "statsmodels", "--json", *IDS]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [found["id"] for found in printed] == IDS
    assert all(found["agrees"] for found in printed)
