"""Digests of what chapters read: the same in every process, another when the value is another."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cordbook.core.project import Project
from cordbook.core.tracking import begin, by_value_of_estimates, end
from cordbook.core.values import value_digest
from cordbook.publish.freshness.records import Today, UnknownRead
from cordbook.review.appraisal.risk_of_bias import study_facts
from cordbook.review.claims.claims import claims_today
from cordbook.review.reporting.prisma_flow import flow_today
from tests.conftest import ROOT
from tests.publish import small_book

SETS = "from cordbook.core.values import value_digest; print(value_digest({'a': frozenset(map(str, range(50)))}))"


def test_sets_have_one_digest_whatever_the_order_of_hashes():
    found = {
        subprocess.run(
            [sys.executable, "-c", SETS], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (frozenset("ab"), frozenset("abc")),
        (np.arange(5000), np.where(np.arange(5000) == 2500, 0, np.arange(5000))),  # its text is the same
        (pd.DataFrame({"a": [frozenset("ab")]}), pd.DataFrame({"a": [frozenset("b")]})),
        ((1, None), (1, float("nan"))),
    ],
    ids=["sets", "long arrays", "sets in a frame", "missing"],
)
def test_other_values_have_other_digests(one, other):
    assert value_digest(one) == value_digest(one)
    assert value_digest(one) != value_digest(other)


def test_what_a_function_of_the_estimates_returns_is_noted_and_nothing_that_it_reads(estimates):
    begin(ROOT)
    flow_today(estimates)
    claims_today(estimates)
    study_facts(estimates.evidence)
    assert end() == {
        ("value_of_estimates", "cordbook.review.reporting.prisma_flow:flow_today"),
        ("value_of_estimates", "cordbook.review.claims.claims:claims_today"),
        ("value", "cordbook.review.appraisal.risk_of_bias:study_facts"),
    }


def test_arguments_that_a_record_cannot_hold_leave_what_is_read_to_be_noted(estimates):
    @by_value_of_estimates
    def cells_of(estimates, number):
        return estimates.evidence["outcomes"].head(number)

    begin(ROOT)
    cells_of(estimates, 3)
    assert end() == {("table", "outcomes")}


def test_a_value_that_cannot_be_computed_has_a_digest_so_that_the_chapter_runs_and_tells(tmp_path):
    """In the small book, tests of claims name estimates that are not declared there."""
    project = Project(small_book.make(ROOT, tmp_path / "project"))
    read = ("value_of_estimates", "cordbook.review.claims.claims:claims_today")
    failing = Today(project).digest(read)
    assert len(failing) == 64
    assert Today(Project(ROOT)).first_changed({read: failing}) == [read]


def test_a_record_of_an_older_package_is_stale_and_stops_no_build():
    """Kinds of reads have had other names; to note one today that nobody knows is an error of the program."""
    today, former, known = Today(Project(ROOT)), ("cells_in", "outcome", "myelopathy"), ("table", "studies")
    record = {former: "0" * 64, known: today.digest(known)}
    assert today.changed(record) == [former]
    assert today.first_changed(record) == [former]
    with pytest.raises(UnknownRead, match="cells_in"):
        today.digests([former])
