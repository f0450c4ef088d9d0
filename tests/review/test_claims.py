"""The claims audit: a verdict for every claim by a declared rule, which changes when the data does."""

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint
from tests.made_rows import made_row

from cordbook.evidence.evidence import Evidence
from cordbook.review.claims.claims import FILE, RULES, audit_claims, count_verdicts
from cordbook.review.claims.estimate_rules import contrast, outcome_pairs
from cordbook.review.claims.tests import RULES as DECLARED_RULES
from cordbook.review.claims.tests import ClaimTestError, load_claim_tests, parse_claim_tests
from cordbook.review.claims.verdicts import (
    CONTRADICTED,
    NOT_SUPPORTED,
    PARTLY,
    SUPPORTED,
    UNTESTED,
    VERDICTS,
    Finding,
    Region,
    at_most,
    combine,
    place,
    place_difference,
)
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.expected.lookup import AllEstimates
from cordbook.review.scores.estimates import ScoreEstimate, scores_of


@pytest.fixture(scope="module")
def verdicts(estimates):
    return {v.claim_id: v for v in audit_claims(estimates)}


@pytest.fixture(scope="module")
def declared(root):
    return yaml.safe_load((root / "data" / FILE).read_text(encoding="utf-8"))


def changed(estimates, name, change):
    """The estimates on evidence of which one table was changed in memory."""
    old = estimates.evidence
    tables = {table: old[table] for table in old}
    tables[name] = change(tables[name])
    return Estimates(Evidence(old.folder, old.package, tables), estimates.declarations, estimates.store)


def with_counts(cells):
    """A change of ``outcomes`` that sets events of cells to ``(events, n) -> events``."""

    def change(outcomes):
        outcomes = outcomes.copy()
        for cell, events in cells.items():
            row = outcomes["cell_id"] == cell
            assert row.sum() == 1, cell
            outcomes.loc[row, "events"] = events(int(outcomes.loc[row, "n"].iloc[0]))
        return outcomes

    return change


# ------------------------------------------------------------------ the real file on the real data


def test_every_claim_has_a_verdict_with_its_reason(verdicts, estimates):
    claims = estimates.evidence["claims"]
    assert list(verdicts) == list(claims["claim_id"])
    for v in verdicts.values():
        assert v.verdict in VERDICTS
        assert len(v.why) > 20, v.claim_id
        assert v.rule, v.claim_id


def test_every_estimate_named_by_a_test_exists_today_and_is_linked(verdicts, estimates, declared):
    known = {e.id for e in (*estimates, *scores_of(estimates))}
    for test in load_claim_tests(estimates.evidence.folder / FILE):
        named = set(test.shown)
        for part in test.parts:
            for key in ("estimate", "than", "groups", "of"):
                value = part.needs.get(key)
                if part.rule != "within_study" and isinstance(value, str):
                    named.add(value)
                elif part.rule != "within_study" and isinstance(value, list):
                    named |= set(value)
        assert named <= known, f"{test.claim_id}: {named - known}"
        verdict = verdicts[test.claim_id]
        assert set(verdict.estimate_ids) <= known
        assert (verdict.link is None) == (not verdict.estimate_ids)
        if verdict.link:
            assert verdict.link.endswith(f"/{verdict.estimate_ids[0]}.html")


def test_the_verdicts_counted_by_document_add_up(verdicts, estimates):
    counts = count_verdicts(tuple(verdicts.values()))
    assert counts.loc["all"].sum() == len(estimates.evidence["claims"])
    assert (counts.drop(index="all").sum() == counts.loc["all"]).all()
    for seed, row in counts.drop(index="all").iterrows():
        assert row.sum() == (estimates.evidence["claims"]["seed_id"] == seed).sum()


def compares(estimate):
    return estimate.synthesis.is_difference if isinstance(estimate, ScoreEstimate) else estimate.is_comparison


def test_a_claim_of_an_effect_is_never_supported_without_a_control_group(verdicts, estimates):
    for test in load_claim_tests(estimates.evidence.folder / FILE):
        verdict = verdicts[test.claim_id]
        comparisons = [i for i in verdict.estimate_ids if i not in test.shown and compares(AllEstimates(estimates)[i])]
        if test.effect and not comparisons:
            assert verdict.verdict != SUPPORTED, test.claim_id


def test_the_figure_most_quoted_holds_and_the_effect_drawn_from_it_is_not_shown(verdicts, estimates):
    share, effect = estimates["ais-improved-cell-therapy"].result, estimates["ais-improved-treated-v-control"].result
    assert verdicts["S074"].verdict == (SUPPORTED if share.ci_low <= 0.489 <= share.ci_high else NOT_SUPPORTED)
    assert verdicts["S073"].verdict == (SUPPORTED if effect.ci_low > 1 else NOT_SUPPORTED)


def test_the_slips_of_the_parent_documents_are_named(verdicts):
    slips = {c: v.slip for c, v in verdicts.items() if v.slip}
    assert "disulfiram" in slips["S018"].lower()
    assert "extrapolations" in slips["S001"]
    assert "amphotericin" in slips["S022"].lower()
    assert "one person" in slips["S033"]


# ------------------------------------------------------------------ verdicts follow the data


def test_a_verdict_on_an_effect_changes_when_controlled_trials_change(estimates, verdicts):
    cells = estimates.evidence.counts.set_index("cell_id")["role"]
    ids = estimates["ais-improved-treated-v-control"].count_ids
    better = {c: (lambda n: n - 1) if cells[c] == "treated" else (lambda n: 1) for c in ids}
    worse = {c: (lambda n: 1) if cells[c] == "treated" else (lambda n: n - 1) for c in ids}
    for change, expected in ((better, SUPPORTED), (worse, CONTRADICTED)):
        after = {v.claim_id: v for v in audit_claims(changed(estimates, "outcomes", with_counts(change)))}
        assert after["S073"].verdict == expected, after["S073"].why
        assert after["S073"].today != verdicts["S073"].today
        assert after["S005"] == verdicts["S005"]


def test_one_tumour_in_a_trial_overturns_that_none_was_seen(estimates, verdicts):
    assert "None among" in verdicts["S086"].why
    cell = estimates["tumour-cell-therapy"].count_ids[0]
    after = {v.claim_id: v for v in audit_claims(changed(estimates, "outcomes", with_counts({cell: lambda n: 1})))}
    assert after["S086"].verdict == NOT_SUPPORTED
    assert "Seen in 1 of" in after["S086"].why


def test_a_claim_without_data_becomes_testable_when_data_comes(estimates, verdicts):
    assert verdicts["S091"].verdict == UNTESTED
    cells = estimates["walking-regained-cell-therapy"].count_ids
    # A third study: two are never pooled.
    more = estimates["ais-improved-cell-therapy"].count_ids[0]

    def widen(outcomes):
        rows = outcomes["cell_id"].isin((*cells, more))
        return outcomes.assign(
            outcome=outcomes["outcome"].mask(rows, "walking_regained"),
            events=outcomes["events"].mask(rows, 0),
            n=outcomes["n"].mask(rows, 400),
        )

    after = {v.claim_id: v for v in audit_claims(changed(estimates, "outcomes", widen))}
    assert after["S091"].verdict == SUPPORTED


def test_a_cell_that_is_corrected_overturns_the_quotation_of_it(estimates):
    cell = "liu2013.treated.clinical_improved.all.na"
    after = {v.claim_id: v for v in audit_claims(changed(estimates, "outcomes", with_counts({cell: lambda n: 5})))}
    assert after["S047"].verdict == CONTRADICTED


def test_rows_that_come_change_a_count(estimates, verdicts):
    assert verdicts["S037"].verdict == NOT_SUPPORTED

    def register(trials):
        new = trials.iloc[[0]].assign(registry_id="NCT99999999", intervention="drug; tocilizumab")
        return pd.concat([trials, new], ignore_index=True)

    after = {v.claim_id: v for v in audit_claims(changed(estimates, "registered_trials", register))}
    assert after["S037"].verdict == SUPPORTED


def test_a_published_interval_that_moves_changes_the_verdict(estimates, verdicts):
    assert verdicts["S082"].verdict == NOT_SUPPORTED

    def loosen(table):
        rows = table["published_id"].isin(["P006", "P010"])
        return table.assign(ci_low=table["ci_low"].mask(rows, -5.0))

    after = {v.claim_id: v for v in audit_claims(changed(estimates, "published_pooled", loosen))}
    assert after["S082"].verdict == PARTLY


# ------------------------------------------------------------------ faults of the declaration


def test_all_faults_are_told_at_once(estimates, declared):
    tests = [dict(t) for t in declared["tests"] if t["claim"] not in ("S002", "S003")]
    tests += [
        {"claim": "S999", "rule": "rare", "estimate": "tumour-cell-therapy", "limit": 0.1},
        {"claim": "S002", "rule": "rare", "estimate": "no-such-estimate", "limit": 0.1, "see": ["mechanisms/M999"]},
    ]
    with pytest.raises(ClaimTestError) as caught:
        audit_claims(estimates, parse_claim_tests({"settings": declared["settings"], "tests": tests}))
    message = str(caught.value)
    for told in ("S003: the claim has no test", "S999: no such claim", "no-such-estimate", "mechanisms/M999: no such row"):
        assert told in message


def test_faults_of_form_are_told_at_once(declared):
    tests = [
        {"claim": "S001", "rule": "looks_good", "estimate": "x"},
        {"claim": "S002", "rule": "rare", "estimate": "x"},
        {"claim": "S003", "rule": "rare", "estimate": "x", "limit": 0.1, "limits": 3},
        {"claim": "S004", "rule": "direction", "estimate": "x", "expect": "nicer"},
        {"claim": "S005", "rule": "majority", "estimate": "x", "at_most": "splendid", "because": "so"},
        {"claim": "S006", "rule": "majority", "estimate": "x", "at_most": SUPPORTED},
        {"claim": "S007"},
        {"claim": "S001", "rule": "majority", "estimate": "x"},
        {"claim": "S008", "rule": "sources", "found": {"mechanisms/M001": "proves"}},
        {"claim": "S009", "all": [{"rule": "count_rows", "rows": {"table": "studies"}}]},
    ]
    with pytest.raises(ClaimTestError) as caught:
        parse_claim_tests({"settings": {**declared["settings"], "luck": 1}, "tests": tests})
    message = str(caught.value)
    for told in (
        "'looks_good'", "rare needs limit", "'limits'", "'nicer'", "'splendid'", "go together", "either `rule` or `all`",
        "two tests", "'proves'", "needs a bound", "'luck'",
    ):  # fmt: skip
        assert told in message, told


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"rule": "count_matches", "count": "nobody.treated.death.all.1"}, "no count"),
        ({"rule": "published_agrees", "published": ["P999"], "expect": "higher"}, "P999"),
        ({"rule": "count_rows", "rows": {"table": "stories"}, "least": 1}, "no table"),
        ({"rule": "count_rows", "rows": {"table": "studies", "where": {"mood": "good"}}, "least": 1}, "no column 'mood'"),
        ({"rule": "direction", "estimate": "tumour-cell-therapy", "expect": "higher"}, "needs a comparison"),
        ({"rule": "rare", "estimate": "ais-improved-treated-v-control", "limit": 0.1}, "needs a proportion"),
        ({"rule": "sources", "found": {"mechanisms/M047": "supports"}}, "its note begins with 'contradicts'"),
        ({"rule": "sources", "found": {"mechanisms/M071": "animal_only"}}, "its evidence is clinical"),
        ({"rule": "within_study", "outcome": "luck", "than": "motor_improved", "where": {}}, "no outcome 'luck'"),
        ({"rule": "value_within", "estimate": "tumour-cell-therapy"}, "gives a value"),
    ],
)
def test_names_that_do_not_exist_are_refused(estimates, declared, part, told):
    tests = [t for t in declared["tests"] if t["claim"] != "S002"] + [{"claim": "S002", **part}]
    with pytest.raises(ClaimTestError, match="S002: ") as caught:
        audit_claims(estimates, parse_claim_tests({"settings": declared["settings"], "tests": tests}))
    assert told in str(caught.value)


def test_every_declared_rule_has_a_function_and_is_used(declared):
    assert set(RULES) == set(DECLARED_RULES)
    used = {p["rule"] for t in declared["tests"] for p in t.get("all", [t])}
    # majority is kept for claims of "most"; no claim of today words itself so.
    assert set(DECLARED_RULES) - used <= {"majority"}


# ------------------------------------------------------------------ rules


limits = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map(sorted)


@settings(deadline=None)
@given(interval=limits, bound=st.floats(0, 1))
def test_a_place_is_told_by_set_relations(interval, bound):
    low, point, high = interval
    verdict = place(point, low, high, Region(high=bound))
    expected = SUPPORTED if high <= bound else PARTLY if point <= bound else NOT_SUPPORTED if low <= bound else CONTRADICTED
    assert verdict == expected


@settings(deadline=None)
@given(interval=limits, null=st.floats(0, 1), higher=st.booleans())
def test_a_difference_is_shown_only_by_an_interval_without_the_null(interval, null, higher):
    low, _, high = interval
    verdict = place_difference(low, high, null, higher=higher)
    mirrored = place_difference(-high, -low, -null, higher=not higher)
    assert verdict == mirrored
    assert (verdict == NOT_SUPPORTED) == (low <= null <= high)


@settings(deadline=None)
@given(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=4))
def test_parts_together_are_no_better_than_the_best_and_no_worse_than_the_worst(given_verdicts):
    combined = combine([Finding(v, (), "Because.") for v in given_verdicts]).verdict
    if len(set(given_verdicts)) == 1:
        assert combined == given_verdicts[0]
        return
    assert combined in (PARTLY, NOT_SUPPORTED)
    assert (combined == PARTLY) == bool({SUPPORTED, PARTLY} & set(given_verdicts))


def test_a_best_verdict_caps_and_tells_why():
    assert at_most(Finding(SUPPORTED, (), "A."), PARTLY, "B.") == Finding(PARTLY, (), "A. B.")
    for verdict in (NOT_SUPPORTED, CONTRADICTED, UNTESTED):
        assert at_most(Finding(verdict, (), "A."), PARTLY, "B.").verdict == verdict


def _estimate(rows):
    made = tuple(made_row(study, events, n, cell=f"{study}.c") for study, events, n in rows)
    return SimpleNamespace(rows=made, events=sum(row.events for row in made), n=sum(row.n for row in made))


def test_a_contrast_of_studies_that_agree_is_the_odds_ratio_of_the_summed_counts():
    first, second = _estimate([("a", 9, 12), ("c", 6, 8)]), _estimate([("b", 3, 12), ("d", 2, 8)])
    found = contrast([first], [second], 0.95)
    assert found.estimate == pytest.approx((15 / 5) / (5 / 15), rel=1e-4)
    # Woolf's interval: exp(log OR -+ 1.96 sqrt(1/15 + 1/5 + 1/5 + 1/15)).
    assert found.ci_low == pytest.approx(9 * 2.718281828 ** (-1.959964 * (2 / 15 + 2 / 5) ** 0.5), rel=1e-3)


def test_a_contrast_without_events_in_a_group_rests_on_the_likelihood_ratio():
    found = contrast([_estimate([("a", 0, 60), ("c", 0, 40)])], [_estimate([("b", 15, 50), ("d", 12, 50)])], 0.95)
    assert found.ci_low is None
    assert found.estimate == 0
    assert found.p < 0.001
    assert contrast([_estimate([("a", 0, 9)])], [_estimate([("b", 0, 9)])], 0.95) is None


def test_too_few_studies_to_compare_are_no_verdict(estimates, declared):
    tests = [t for t in declared["tests"] if t["claim"] != "S048"] + [
        {"claim": "S048", "rule": "compare_groups", "estimate": "clinical-improved-uc-msc-incomplete",
         "than": "clinical-improved-uc-msc-complete", "expect": "higher", "fewest_in_group": 5}
    ]  # fmt: skip
    found = {
        v.claim_id: v for v in audit_claims(estimates, parse_claim_tests({"settings": declared["settings"], "tests": tests}))
    }
    assert found["S048"].verdict == UNTESTED
    assert "Fewer than" in found["S048"].why


def test_groups_that_share_cells_are_not_compared():
    one = _estimate([("a", 5, 20)])
    with pytest.raises(ValueError, match=r"a\.c"):
        contrast([one], [one], 0.95)


def test_pairs_of_outcomes_are_of_one_arm_and_its_latest_visit():
    cells = pd.DataFrame(
        [
            ("x", "sensory_improved", "total", 3.0, 1, 10, True, "cell_therapy"),
            ("x", "sensory_improved", "total", 12.0, 6, 10, True, "cell_therapy"),
            ("x", "motor_improved", "total", 12.0, 2, 10, True, "cell_therapy"),
            ("y", "sensory_improved", "total", 12.0, 6, 10, False, "cell_therapy"),
            ("y", "motor_improved", "total", 12.0, 2, 10, True, "cell_therapy"),
            ("z", "sensory_improved", "part_of_total", 12.0, 6, 10, True, "cell_therapy"),
            ("z", "motor_improved", "total", 12.0, 2, 10, True, "cell_therapy"),
        ],
        columns=["arm_id", "outcome", "stratum_relation", "timepoint_months", "events", "n", "poolable", "topic"],
    ).astype({"poolable": "boolean"})
    pairs = outcome_pairs(cells, "sensory_improved", "motor_improved", {"topic": "cell_therapy"})
    assert list(pairs.index) == ["x"]
    assert tuple(pairs.loc["x"]) == (0.6, 0.2, 10)


def test_a_share_of_rows_is_judged_by_wilsons_interval(verdicts, estimates):
    studies = estimates.evidence["studies"]
    cells = studies[studies["topic"] == "cell_therapy"]
    inside, whole = int(cells["registration"].notna().sum()), len(cells)
    _low, high = proportion_confint(inside, whole, method="wilson")
    assert f"{inside} of {whole}" in verdicts["S097"].today[0]
    assert f"{high:.0%}" in verdicts["S097"].why
    assert high <= 0.5


def test_a_verdict_is_frozen(verdicts):
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdicts["S001"].verdict = SUPPORTED
