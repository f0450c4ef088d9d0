"""Published estimates beside ours: every row in one place, agreement computed."""

import copy

import pytest
import yaml

from cordbook.review.appraisal.replication import (
    APART,
    FILE,
    NOTHING,
    OVERLAP,
    WITHIN,
    Published,
    ReplicationError,
    agreement,
    published_estimates,
    replicate,
)


@pytest.fixture(scope="module")
def replications(estimates):
    return replicate(estimates)


@pytest.fixture(scope="module")
def declared(root):
    return yaml.safe_load((root / "data" / FILE).read_text(encoding="utf-8"))


def published(estimate, low=None, high=None):
    return Published("P0", "ref", "Ref 2020", "", "ais_improved", "proportion", estimate, low, high, None, None, "", "")


def test_every_published_row_stands_in_one_place(replications, estimates):
    beside = [p.id for pair in replications.pairs for p in pair.published]
    rest = [r.published.id for r in replications.not_comparable]
    assert len(set(beside + rest)) == len(beside + rest)
    assert set(estimates.evidence["published_pooled"]["published_id"]) <= set(beside + rest)


def test_only_like_measures_stand_beside_each_other(replications):
    for pair in replications.pairs:
        ours = "proportion" if not pair.ours.is_comparison else pair.ours.synthesis.measure
        assert {p.measure for p in pair.published} == {ours}, pair.question


def test_mean_differences_are_not_set_beside_shares(replications, estimates):
    table = estimates.evidence["published_pooled"]
    differences = set(table.loc[table["measure"] == "MD", "published_id"])
    assert differences <= {r.published.id for r in replications.not_comparable}


def test_percent_of_natural_recovery_becomes_a_share(estimates):
    found = published_estimates(estimates.evidence)["H010"]
    assert (found.estimate, found.ci_low, found.ci_high) == pytest.approx((0.193, 0.162, 0.226))


def test_the_published_share_of_grade_improvement_is_found_again(replications, estimates):
    pair = next(p for p in replications.pairs if p.ours.id == "ais-improved-cell-therapy")
    result = estimates["ais-improved-cell-therapy"].result
    assert pair.published[0].estimate == 0.489  # Shang 2022, abstract
    assert pair.agreements == (WITHIN if result.ci_low <= 0.489 <= result.ci_high else OVERLAP,)


def test_agreement_is_told_by_the_intervals(estimates):
    ours = estimates["ais-improved-cell-therapy"]
    low, high = ours.result.ci_low, ours.result.ci_high
    assert agreement(published((low + high) / 2), ours) == WITHIN
    assert agreement(published(high + 0.05, high - 0.01, high + 0.1), ours) == OVERLAP
    assert agreement(published(high + 0.05, high + 0.01, high + 0.1), ours) == APART
    assert agreement(published(high + 0.05), ours) == APART
    nobody = type("E", (), {"result": None})()
    assert agreement(published(0.5), nobody) == NOTHING


def test_all_faults_are_told_at_once(estimates, declared):
    content = copy.deepcopy(declared)
    content["pairs"][0]["ours"] = "no-such-estimate"
    content["pairs"][1]["published"] = ["P999"]
    content["pairs"][2]["alike"] = "twins"
    content["pairs"][3]["ours"] = "ais-improved-treated-v-control"
    content["not_comparable"][0]["published"].append("P037")
    with pytest.raises(ReplicationError) as caught:
        replicate(estimates, content)
    message = str(caught.value)
    for told in (
        "no-such-estimate",
        "P999",
        "'twins'",
        "P024 is a proportion",
        "P037: stands in more than one place",
        "P038: stands in no place",
    ):
        assert told in message, told
