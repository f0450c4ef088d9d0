"""Certainty of evidence: where a rating starts, what lowers it, and that the reasons follow the data."""

import copy
import dataclasses

import numpy as np
import pytest
import yaml

from cordbook.evidence.evidence import Evidence
from cordbook.review.certainty import (
    DOMAINS,
    FILE,
    LEVELS,
    MOST_DOWN,
    NOT_RATED,
    CertaintyError,
    Settings,
    certainty,
    kind_of,
    load_settings,
    parse_settings,
    rate,
    unknown_judgements,
)
from cordbook.review.say import say
from cordbook.synthesis import pool_proportions


@pytest.fixture(scope="module")
def rules(root):
    return load_settings(root / "data" / FILE)


@pytest.fixture(scope="module")
def bare(rules):
    """The computed rules alone."""
    return Settings(rules.thresholds, ())


@pytest.fixture(scope="module")
def rated(estimates):
    return rate(estimates, [e.id for e in estimates])


def pooled(estimate, events, n):
    """An estimate whose counts were changed in memory, study by study."""
    rows = estimate.rows.assign(events=events, n=n)
    result = pool_proportions(rows["events"].to_numpy(), rows["n"].to_numpy(), labels=rows["label"].tolist())
    return dataclasses.replace(estimate, rows=rows, result=result)


def test_every_estimate_is_rated_with_five_domains(rated, estimates):
    for e in estimates:
        found = rated[e.id]
        assert found.level in LEVELS
        assert tuple(d.name for d in found.domains) == DOMAINS
        assert all(0 <= d.down <= MOST_DOWN and d.reason for d in found.domains), e.id


def test_a_level_is_the_start_less_the_steps(rated):
    for found in rated.values():
        assert LEVELS.index(found.level) == max(0, LEVELS.index(found.start) - found.down)


def test_results_without_a_control_group_start_low_and_frequencies_high(rated, estimates):
    assert (kind_of(estimates["ais-improved-cell-therapy"]), rated["ais-improved-cell-therapy"].start) == ("single arm", "low")
    for name in ("natural-ais-a-acute", "tumour-cell-therapy", "myelopathy-sbrt"):
        assert (kind_of(estimates[name]), rated[name].start) == ("frequency", "high"), name


def test_a_comparison_starts_high_only_where_its_weight_is_randomised(estimates, bare):
    estimate = estimates["ais-improved-treated-v-control"]
    assert kind_of(estimate) == "effect"
    assert certainty(estimate, estimates.evidence, bare).start == "low"
    old = estimates.evidence
    tables = {name: old[name] for name in old}
    studies = set(estimate.rows["study_id"])
    tables["studies"] = tables["studies"].assign(
        design=tables["studies"]["design"].mask(tables["studies"]["study_id"].isin(studies), "rct")
    )
    assert certainty(estimate, Evidence(old.folder, old.package, tables), bare).start == "high"


def test_no_claim_that_cells_work_is_more_than_low(rated, estimates):
    for e in estimates:
        if e.synthesis.section == "3.2.2" and kind_of(e) != "frequency":
            assert rated[e.id].level in ("low", "very low"), e.id


def test_agreement_and_size_take_steps_away(estimates, bare):
    estimate = estimates["ais-improved-cell-therapy"]
    k = estimate.k
    alike = pooled(estimate, np.full(k, 50), np.full(k, 100))
    found = certainty(alike, estimates.evidence, bare)
    assert (found.domain("inconsistency").down, found.domain("imprecision").down) == (0, 0)
    apart = pooled(estimate, np.where(np.arange(k) % 2, 95, 5), np.full(k, 100))
    assert certainty(apart, estimates.evidence, bare).domain("inconsistency").down == 2
    tiny = pooled(estimate, np.where(np.arange(k) < 2, 1, 0), np.full(k, 2))
    assert certainty(tiny, estimates.evidence, bare).domain("imprecision").down >= 1


def test_no_event_in_few_people_is_imprecise_and_in_many_is_not(estimates, bare):
    estimate = estimates["tumour-cell-therapy"]
    few, many = (pooled(estimate, np.zeros(estimate.k, int), np.full(estimate.k, n)) for n in (10, 400))
    assert certainty(few, estimates.evidence, bare).domain("imprecision").down >= 1
    assert certainty(many, estimates.evidence, bare).domain("imprecision").down == 0


def test_weak_reading_lowers_by_its_weight(estimates, bare):
    estimate = estimates["natural-ais-a-acute"]
    assert certainty(estimate, estimates.evidence, bare).domain("risk of bias").down == 0
    old = estimates.evidence
    tables = {name: old[name] for name in old}
    tables["outcomes"] = tables["outcomes"].assign(
        confidence=tables["outcomes"]["confidence"].mask(tables["outcomes"]["cell_id"].isin(estimate.cells), "low")
    )
    weak = certainty(estimate, Evidence(old.folder, old.package, tables), bare).domain("risk of bias")
    assert weak.down == 1
    assert weak.reason.startswith("100% of the weight")


def test_the_test_of_small_studies_is_made_from_ten_studies_on(estimates, bare):
    few = certainty(estimates["natural-ais-a-acute"], estimates.evidence, bare).domain("publication bias")
    assert (few.down, "too few" in few.reason) == (0, True)
    estimate = estimates["ais-improved-cell-therapy"]
    size = np.linspace(5, 300, estimate.k).round().astype(int)
    lopsided = pooled(estimate, np.where(size < 100, (0.9 * size).astype(int), (0.3 * size).astype(int)), size)
    assert certainty(lopsided, estimates.evidence, bare).domain("publication bias").down == 1


def test_a_judgement_for_an_estimate_goes_before_one_for_its_outcome_or_kind(estimates, rules):
    content = {
        "thresholds": dataclasses.asdict(rules.thresholds),
        "judgements": [
            {"for": {"kind": "single arm"}, "domain": "indirectness", "down": 2, "reason": "Kind."},
            {"for": {"outcome": "ais_improved"}, "domain": "indirectness", "down": 1, "reason": "Outcome."},
            {"for": {"estimate": "ais-improved-cell-therapy"}, "domain": "indirectness", "down": 0, "reason": "Estimate."},
        ],
    }
    given = parse_settings(content)
    reasons = {
        name: certainty(estimates[name], estimates.evidence, given).domain("indirectness").reason
        for name in (
            "ais-improved-cell-therapy",
            "ais-improved-cell-therapy--bm-msc",
            "ais-improved-cell-therapy-phase",
            "motor-improved-cell-therapy",
        )
    }
    assert list(reasons.values()) == ["Estimate.", "Estimate.", "Outcome.", "Kind."]


def test_an_estimate_without_studies_is_not_rated(estimates, rules):
    empty = dataclasses.replace(estimates["tumour-cell-therapy"], result=None)
    assert certainty(empty, estimates.evidence, rules).level == NOT_RATED


def test_weights_are_shares_in_the_order_of_rows(estimates):
    for e in estimates:
        weights = e.row_weights
        assert len(weights) == e.k
        assert sum(weights) == pytest.approx(1)


def test_judgements_name_what_exists(estimates, rules):
    assert unknown_judgements(rules, estimates) == []


def test_all_faults_of_the_file_are_told_at_once(root):
    content = copy.deepcopy(yaml.safe_load((root / "data" / FILE).read_text(encoding="utf-8")))
    del content["thresholds"]["i2_serious"]
    content["thresholds"]["luck"] = 1
    content["judgements"] += [
        {"for": {"kind": "miracle"}, "domain": "risk of bias", "down": 1, "reason": "x"},
        {"for": {"mood": "good"}, "domain": "style", "down": 5, "reason": ""},
    ]
    with pytest.raises(CertaintyError) as caught:
        parse_settings(content)
    message = str(caught.value)
    for told in (
        "i2_serious",
        "'luck'",
        "'miracle'",
        "holds one of kind, outcome, estimate",
        "'style'",
        "down is 5",
        "needs its reason",
    ):
        assert told in message, told


def test_certainty_is_a_form_of_words(estimates, rated):
    assert say(estimates, "ais-improved-cell-therapy", "certainty") == rated["ais-improved-cell-therapy"].level
    with pytest.raises(KeyError, match="certainty"):
        say(estimates, "ais-improved-cell-therapy", "luck")
