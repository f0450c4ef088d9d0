"""Trials that other reviews count: the table is the list as received, and what is said of each is what the data hold today."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cordbook.core import csv_files
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.studies.known_trials import ABSENT, COUNTED, POOLED, STATES, UNCOUNTED, count_by_state, known_trials

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data" / "raw" / "2026-11-30"
MAIN = "ais-improved-cell-therapy"


@pytest.fixture(scope="module")
def trials(estimates):
    return known_trials(estimates, MAIN)


def test_the_table_is_the_list_as_received():
    """Every row, with its values; only the column that said what was in the data is left behind."""
    made = runpy.run_path(str(RAW / "import_known_trials.py"))["known_trials"]()
    stored = csv_files.read(ROOT / "data" / "known_trials.csv").rows
    raw = csv_files.read(RAW / "cell_therapy_trials_known.csv").rows
    assert [{k: r[k] for k in ("trial", "year", "n", "basis")} for r in stored] == [
        {k: r[k] for k in ("trial", "year", "n", "basis")} for r in raw
    ]
    assert [r["product"] for r in stored] == [r["cell"] for r in raw]
    assert {r["trial"]: r["study_id"] for r in stored if r["study_id"]}.items() >= {
        r["trial"]: r["study_id"] for r in made if r["study_id"]
    }.items()


def test_each_trial_is_told_as_the_data_stand(estimates, trials):
    evidence = estimates.evidence
    studies, cells = set(evidence["studies"]["study_id"]), evidence["outcomes"]
    poolable = set(cells.loc[cells["poolable"], "study_id"])
    pooled = set(estimates[MAIN].study_ids)
    rows = evidence["known_trials"]
    for told, study in zip(trials, rows["study_id"], strict=True):
        wanted = POOLED if study in pooled else COUNTED if study in poolable else UNCOUNTED if study in studies else ABSENT
        assert told.state == wanted, told
        assert bool(told.why) == (wanted != POOLED), told
        assert bool(told.study_id) == (wanted != ABSENT)
    counts = count_by_state(trials)
    assert tuple(counts) == STATES
    assert sum(counts.values()) == len(rows)


def changed(estimates: Estimates, **tables: pd.DataFrame) -> Estimates:
    """The review with other tables, estimated anew."""
    old = estimates.evidence
    evidence = replace(old, tables=type(old.tables)({name: tables.get(name, old.tables[name]) for name in old.tables}))
    return replace(estimates, evidence=evidence, data="")


def test_the_state_follows_the_data(estimates, trials):
    """A pooled trial whose counts may no longer be pooled, and one whose study is taken out."""
    one = next(t for t in trials if t.state == POOLED)
    cells = estimates.evidence["outcomes"].copy()
    of_it = cells["study_id"] == one.study_id
    cells.loc[of_it, "poolable"] = False
    cells.loc[of_it, "not_poolable_reason"] = "overlap"
    now = next(t for t in known_trials(changed(estimates, outcomes=cells), MAIN) if t.trial == one.trial)
    assert now.state == UNCOUNTED
    assert now.why
    none = changed(estimates, outcomes=cells[~of_it])
    now = next(t for t in known_trials(none, MAIN) if t.trial == one.trial)
    assert (now.state, now.why.startswith("no count in what was read")) == (UNCOUNTED, True)
    studies = estimates.evidence["studies"]
    arms = estimates.evidence["arms"]
    gone = changed(
        estimates,
        outcomes=cells[~of_it],
        studies=studies[studies["study_id"] != one.study_id],
        arms=arms[arms["study_id"] != one.study_id],
    )
    now = next(t for t in known_trials(gone, MAIN) if t.trial == one.trial)
    assert (now.state, now.study_id) == (ABSENT, "")
