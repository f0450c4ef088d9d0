"""Certainty of evidence: where a rating starts, what lowers it, and that the reasons follow the data."""

import copy
import dataclasses
import shutil

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_rows import recounted

from cordbook.display.tables.audit_tables import certainty_table
from cordbook.display.tables.estimate_tables import summary_of_findings
from cordbook.display.tables.score_tables import scores_table
from cordbook.evidence.evidence import Evidence
from cordbook.publish.pages.score_pages import score_page
from cordbook.review.appraisal.certainty import (
    certainty,
    kind_of,
    rate,
    rate_steps,
    reports_that_counted,
    spread_of,
    unknown_judgements,
)
from cordbook.review.appraisal.certainty_rules import (
    COUNTING,
    DOMAINS,
    FILE,
    LEVELS,
    MOST_DOWN,
    NOT_RATED,
    CertaintyError,
    Settings,
    load_settings,
    parse_settings,
)
from cordbook.review.appraisal.estimate_text import all_forms, format_estimate
from cordbook.review.appraisal.score_certainty import certainty_of_score, spread_of_score
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.estimates.rows import arrays, labels_of, with_effects
from cordbook.review.estimates.side_by_side import FEW, WIDE
from cordbook.review.reporting.freezing import freeze
from cordbook.review.scores.estimates import _pool, _with_interval, scores_of
from cordbook.synthesis import compare_arms, pool_proportions


@pytest.fixture(scope="module")
def rules(root):
    return load_settings(root / "data" / FILE)


@pytest.fixture(scope="module")
def bare(rules):
    """The computed rules alone."""
    return Settings(rules.thresholds, rules.counting, ())


@pytest.fixture(scope="module")
def rated(estimates):
    return rate(estimates, [e.id for e in estimates])


def pooled(estimate, events, n, model="glmm"):
    """An estimate whose counts were changed in memory, study by study, and which is pooled whatever comes out."""
    rows = tuple(recounted(row, arm=counts) for row, counts in zip(estimate.rows, zip(events, n, strict=True), strict=True))
    result = pool_proportions(*arrays(rows), labels=labels_of(rows), model=model)
    rows = with_effects(rows, result.studies)
    return dataclasses.replace(estimate, rows=rows, result=result, not_pooled=(), unpooled=None)


def test_every_estimate_is_rated_with_five_domains(rated, estimates):
    for e in estimates:
        found = rated[e.id]
        if not e.is_reported:  # a comparison of one study has nothing to pool
            assert (found.level, found.domains) == (NOT_RATED, ())
            continue
        assert found.level in LEVELS
        assert tuple(d.name for d in found.domains) == DOMAINS
        assert all(0 <= d.down <= MOST_DOWN and d.reason for d in found.domains), e.id


def test_a_level_is_the_start_less_the_steps(rated):
    for found in rated.values():
        if found.level == NOT_RATED:
            continue
        assert LEVELS.index(found.level) == max(0, LEVELS.index(found.start) - found.down)


def test_results_without_a_control_group_start_low_and_frequencies_high(rated, estimates):
    assert (kind_of(estimates["ais-improved-cell-therapy"]), rated["ais-improved-cell-therapy"].start) == ("single arm", "low")
    for name in ("natural-ais-a-acute", "infection-epidural", "myelopathy-sbrt"):
        assert (kind_of(estimates[name]), rated[name].start) == ("frequency", "high"), name


def test_a_comparison_starts_high_only_where_its_weight_is_randomised(estimates, bare):
    estimate = estimates["ais-improved-treated-v-control"]
    assert kind_of(estimate) == "effect"
    assert certainty(estimate, estimates.evidence, bare).start == "low"
    old = estimates.evidence
    tables = {name: old[name] for name in old}
    studies = set(estimate.study_ids)
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


# --- inconsistency: by the variance between studies, the test of heterogeneity and the overlap of intervals, and by nothing else ---


def inconsistent_without_ground(estimate, found, limits):
    """What is wrong with a step for inconsistency: no variance between studies, or nothing that chance does not explain."""
    if not found.domain("inconsistency").down:
        return ""
    spread = spread_of(estimate.pooled_anyway())
    if spread.tau2 == 0 or spread.rho == 0:
        return "no variance between studies"
    unlikely = spread.q_p is not None and spread.q_p < limits.heterogeneity_p
    return "" if unlikely or spread.apart else "chance explains it"


def test_no_declared_estimate_is_called_inconsistent_without_ground(estimates, bare):
    reported = [e for e in estimates if e.is_reported]
    rated = {e.id: certainty(e, estimates.evidence, bare) for e in reported}
    wrong = {e.id: fault for e in reported if e.k > 1 and (fault := inconsistent_without_ground(e, rated[e.id], bare.thresholds))}
    assert wrong == {}
    # The rule is not vacuous: some differ, some do not, and some intervals are wide although studies agree.
    steps = {name: (found.domain("inconsistency").down, found.domain("imprecision").down) for name, found in rated.items()}
    assert {down for down, _ in steps.values()} == {0, 1, 2}
    assert (0, 2) in steps.values()
    assert steps["ais-improved-cell-therapy"][0] == 2


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_made_up_result_is_called_inconsistent_without_ground(estimates, bare, data):
    base = estimates[data.draw(st.sampled_from(["ais-improved-cell-therapy", "tumour-cell-therapy"]))]
    k = data.draw(st.integers(2, 8))
    n = np.array(data.draw(st.lists(st.integers(1, 200), min_size=k, max_size=k)))
    events = np.array([data.draw(st.integers(0, int(size))) for size in n])
    estimate = pooled(dataclasses.replace(base, rows=base.rows[:k]), events, n)
    found = certainty(estimate, estimates.evidence, bare)
    assert inconsistent_without_ground(estimate, found, bare.thresholds) == ""
    if len(set(zip(events, n, strict=True))) == 1:
        assert found.domain("inconsistency").down == 0
    for domain in found.domains:
        assert bool(domain.short) >= bool(domain.down), domain


def test_a_wide_interval_is_imprecise_and_not_inconsistent_too(estimates, bare):
    """Two small studies with one result: the prediction interval reaches from end to end, and yet they agree."""
    base = estimates["ais-improved-cell-therapy"]
    two = pooled(dataclasses.replace(base, rows=base.rows[:2]), np.array([3, 3]), np.array([6, 6]))
    assert two.result.pi_high - two.result.pi_low > 0.6
    found = certainty(two, estimates.evidence, bare)
    assert (found.domain("inconsistency").down, found.domain("imprecision").down) == (0, 2)
    assert found.domain("inconsistency").reason.startswith("Chance explains")


def test_the_spread_of_studies_is_that_of_tau_alone(estimates):
    """By hand: the centre on the log odds and 1.96 tau to either side; how well the centre is known has no say."""
    for name in ("ais-improved-cell-therapy", "natural-ais-d-acute", "ais-improved-treated-v-control"):
        e = estimates[name].pooled_anyway()
        centre, reach = e.result.model_scale.estimate, 1.959963985 * e.result.tau2**0.5
        ends = np.exp([centre - reach, centre + reach])
        ends = ends if e.is_comparison else ends / (1 + ends)
        spread = spread_of(e)
        assert (spread.low, spread.high) == pytest.approx(tuple(ends), rel=1e-6), name
        assert e.result.pi_low < spread.low < spread.high < e.result.pi_high, name


def test_large_studies_that_differ_are_inconsistent_and_not_imprecise(estimates, bare):
    base = estimates["ais-improved-cell-therapy"]
    n = np.full(base.k, 400)
    apart = pooled(base, np.where(np.arange(base.k) % 2, 280, 120), n)
    found = certainty(apart, estimates.evidence, bare)
    assert (found.domain("inconsistency").down, found.domain("imprecision").down) == (2, 0)
    near = pooled(base, np.where(np.arange(base.k) % 2, 195, 205), n)
    assert certainty(near, estimates.evidence, bare).domain("inconsistency").down == 0


def test_a_spread_of_harms_is_judged_by_the_limits_of_a_harm(estimates, bare):
    """Shares of 0.1% to 17% are less than 20 points apart, and yet too far for a harm."""
    found = certainty(estimates["myelopathy-hypofractionated"], estimates.evidence, bare)
    assert found.domain("inconsistency").down == 2


def test_a_common_effect_is_judged_by_the_variance_that_it_supposes_away(estimates, bare):
    estimate = estimates["ais-improved-treated-v-control-mh"]
    assert estimate.result.tau2 == 0
    spread = spread_of(estimate)
    assert spread.tau2 == pytest.approx(estimates["ais-improved-treated-v-control"].result.tau2)
    assert spread.tau2 > 0
    assert certainty(estimate, estimates.evidence, bare).domain("inconsistency").down == 2


def test_ratios_differ_by_their_factor(estimates, bare):
    base = estimates["ais-improved-treated-v-control"]

    def rated(events1, events2):
        counts = zip(base.rows, events1, events2, strict=True)
        rows = tuple(recounted(row, treated=(one, 500), control=(other, 500)) for row, one, other in counts)
        result = compare_arms(*arrays(rows), labels=labels_of(rows))
        changed = dataclasses.replace(base, rows=with_effects(rows, result.studies), result=result, not_pooled=())
        return certainty(changed, estimates.evidence, bare).domain("inconsistency").down

    assert rated([100] * 6, [50] * 6) == 0
    assert rated([100, 100, 100, 200, 200, 200], [50] * 6) == 1
    assert rated([100, 30, 100, 30, 100, 30], [50] * 6) == 2


@dataclasses.dataclass(frozen=True)
class BetaBinomial:
    """The fields of a beta-binomial result that a rating asks for."""

    estimate: float
    rho: float | None
    q_p: float
    studies: tuple
    tau2: None = None
    model: str = "betabinomial"
    measure: str = "logit"


def test_a_model_without_tau2_is_judged_by_its_correlation(estimates):
    base = estimates["ais-improved-cell-therapy"]
    given = BetaBinomial(0.5, 1 / 3, 0.001, base.result.studies)
    spread = spread_of(dataclasses.replace(base, result=given))
    # rho of 1/3 and a mean of 1/2 are a uniform distribution of shares.
    assert (spread.tau2, spread.low, spread.high) == (None, pytest.approx(0.025), pytest.approx(0.975))


def test_a_beta_binomial_estimate_is_rated_as_one_with_tau2(estimates, bare):
    base = estimates["ais-improved-cell-therapy"]
    n = np.full(base.k, 100)
    for events, down in ((np.full(base.k, 50), 0), (np.where(np.arange(base.k) % 2, 95, 5), 2), (np.zeros(base.k, int), 0)):
        found = [certainty(pooled(base, events, n, model), estimates.evidence, bare) for model in ("glmm", "betabinomial")]
        assert [f.domain("inconsistency").down for f in found] == [down, down]


def test_where_no_variance_can_be_estimated_it_is_said(estimates, bare):
    base = estimates["ais-improved-cell-therapy"]
    four = dataclasses.replace(base, rows=base.rows[:4])
    all_or_none = pooled(four, np.array([0, 12, 0, 12]), np.full(4, 12))
    assert all_or_none.result.tau2 is None
    domain = certainty(all_or_none, estimates.evidence, bare).domain("inconsistency")
    assert domain.down == 1
    assert "cannot be estimated" in domain.reason
    nobody = certainty(estimates["tumour-cell-therapy"], estimates.evidence, bare).domain("inconsistency")
    assert (nobody.down, "No or only events" in nobody.reason) == (0, True)


# --- where a harm starts ----------------------------------------------------------------------------------------------------


def test_harms_that_most_reports_did_not_count_start_low(rated, estimates, rules):
    for e in estimates:
        if not e.synthesis.harm or not e.k or kind_of(e) != "frequency":
            continue  # a comparison starts by how its groups were made
        counted = sum(reports_that_counted(e, estimates.evidence, rules.counting))
        low = counted < rules.thresholds.counted_share * e.k
        assert rated[e.id].start == ("low" if low else "high"), e.id
        assert ("did not say" in rated[e.id].start_short) == low, e.id
    starts = {name: rated[name].start for name in ("sae-any-cell-therapy", "tumour-cell-therapy", "myelopathy-conventional")}
    assert starts == {"sae-any-cell-therapy": "low", "tumour-cell-therapy": "low", "myelopathy-conventional": "high"}


def test_what_shows_that_a_report_counted(estimates, rules):
    """A number above zero, a topic made to count it, a full text, a definition that says so; of any event at all a number is not enough."""
    evidence, counting = estimates.evidence, rules.counting
    cavity, any_serious = estimates["syringomyelia-cell-therapy"], estimates["sae-any-cell-therapy"]
    assert list(reports_that_counted(cavity, evidence, counting)) == [row.events > 0 for row in cavity.rows]
    shown = zip(any_serious.rows, reports_that_counted(any_serious, evidence, counting), strict=True)
    assert [row.study_id for row, counted in shown if counted] == ["levi2018"]
    conventional = estimates["myelopathy-conventional"]
    assert all(reports_that_counted(conventional, evidence, counting))
    tables = {name: evidence[name] for name in evidence}
    tables["outcomes"] = tables["outcomes"].assign(source_kind="primary_fulltext")
    read = Evidence(evidence.folder, evidence.package, tables)
    assert all(reports_that_counted(any_serious, read, counting))


def test_that_reports_did_not_count_lowers_once(rated, estimates, rules):
    told = {j.reason for j in rules.judgements if j.about == COUNTING}
    assert told
    for name, found in rated.items():
        if "did not say" in found.start_short:
            assert not any(reason in found.domain("risk of bias").reason for reason in told), name
    assert any(reason in rated["ae-headache-cell-therapy"].domain("risk of bias").reason for reason in told)


# --- how it is shown --------------------------------------------------------------------------------------------------------


def test_tables_call_it_rule_based_and_show_the_reasons_in_the_row(estimates):
    ids = [e.id for e in estimates if e.is_reported]
    short = rate_steps(estimates, ids)
    summary = summary_of_findings([estimates[i] for i in ids], "S", short).to_frame()
    steps = certainty_table([(i, short[i]) for i in ids], lambda i: i).to_frame()
    for row, i in enumerate(ids):
        cell = summary["Rule-based certainty"][row]
        assert cell.casefold().startswith(short[i].level), i
        assert all(d.short in cell and d.short in steps["Lowered for"][row] for d in short[i].domains if d.down), i
        assert short[i].start_short in cell and short[i].start_short in steps["Starts"][row], i
        assert short[i].level == "high" or short[i].because, i


def test_reasons_in_few_words_hold_no_numbers(estimates):
    """Pages that show them depend on levels and steps alone, and need not be made again when a number moves."""
    for found in rate_steps(estimates, [e.id for e in estimates]).values():
        assert not any(sign.isdigit() for sign in found.because), found.because


def test_studies_side_by_side_are_rated_without_an_average(estimates, rated):
    """How much they differ is judged as ever; in place of an interval stand the reasons not to pool and the number of people."""
    apart = [e for e in estimates if e.not_pooled]
    assert apart
    for e in apart:
        found, reasons = rated[e.id], {reason.rule for reason in e.not_pooled}
        assert found.level in LEVELS, e.id
        imprecise = found.domain("imprecision")
        assert imprecise.down == 2 if reasons & {FEW, WIDE} else imprecise.down < 2, e.id
        assert all(reason.text in imprecise.reason for reason in e.not_pooled if reason.rule in (FEW, WIDE)), e.id


def test_weak_reading_lowers_by_its_weight(estimates, bare):
    sound = (e for e in estimates if e.is_reported and e.k > 2 and kind_of(e) == "frequency")
    estimate = next(e for e in sound if not certainty(e, estimates.evidence, bare).domain("risk of bias").down)
    old = estimates.evidence
    tables = {name: old[name] for name in old}
    tables["outcomes"] = tables["outcomes"].assign(
        confidence=tables["outcomes"]["confidence"].mask(tables["outcomes"]["cell_id"].isin(estimate.count_ids), "low")
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
        "counting": {key: list(values) for key, values in dataclasses.asdict(rules.counting).items()},
        "judgements": [
            {"for": {"kind": "single arm"}, "domain": "indirectness", "down": 2, "reason": "Kind.", "short": "k"},
            {"for": {"outcome": "ais_improved"}, "domain": "indirectness", "down": 1, "reason": "Outcome.", "short": "o"},
            {
                "for": {"estimate": "ais-improved-cell-therapy"},
                "domain": "indirectness",
                "down": 0,
                "reason": "Estimate.",
                "short": "e",
            },
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
    empty = dataclasses.replace(estimates["tumour-cell-therapy"], result=None, not_pooled=())
    assert certainty(empty, estimates.evidence, rules).level == NOT_RATED


def test_weights_are_shares_in_the_order_of_rows(estimates):
    for e in estimates:
        weights = e.row_weights
        assert len(weights) == e.k
        assert sum(weights) == pytest.approx(1)


def test_judgements_name_what_exists(estimates, rules):
    assert unknown_judgements(rules, estimates) == []
    wrong = dataclasses.replace(rules, counting=dataclasses.replace(rules.counting, topics=("moon",), any_event=("luck",)))
    assert unknown_judgements(wrong, estimates) == ["no outcome 'luck'", "no topic 'moon'"]


def test_all_faults_of_the_file_are_told_at_once(root):
    content = copy.deepcopy(yaml.safe_load((root / "data" / FILE).read_text(encoding="utf-8")))
    del content["thresholds"]["heterogeneity_p"]
    content["counting"] = {"topics": "rm_incidence", "hearsay": []}
    content["thresholds"]["luck"] = 1
    content["judgements"] += [
        {"for": {"kind": "miracle"}, "domain": "risk of bias", "down": 1, "reason": "x"},
        {"for": {"mood": "good"}, "domain": "style", "down": 5, "reason": "", "about": "luck"},
    ]
    with pytest.raises(CertaintyError) as caught:
        parse_settings(content)
    message = str(caught.value)
    for told in (
        "heterogeneity_p",
        "counting: topics is missing or not a list",
        "counting: sources is missing",
        "counting: unknown 'hearsay'",
        "about is 'luck'",
        "'luck'",
        "'miracle'",
        "holds one of kind, outcome, estimate",
        "'style'",
        "down is 5",
        "needs its reason",
    ):
        assert told in message, told


def test_certainty_is_a_form_of_words(estimates, rated):
    assert format_estimate(estimates, "ais-improved-cell-therapy", "certainty") == rated["ais-improved-cell-therapy"].level
    with pytest.raises(KeyError, match="certainty"):
        format_estimate(estimates, "ais-improved-cell-therapy", "luck")


# --- scores: the same five reasons, through the same owner ---


@pytest.fixture(scope="module")
def scores(estimates):
    return scores_of(estimates)


def rows_of(score, values, se=1.0, n=(200, 200)):
    """Rows of an estimate of a score with other numbers, each study once more where more are asked for."""
    made = []
    for i, value in enumerate(values):
        row = dataclasses.replace(score.rows[i % score.k], estimate=float(value), se=se, n1=n[0], n2=n[1])
        made.append(_with_interval(row, score.synthesis.level))
    return made


def measured(score, values, se=1.0, n=(200, 200), **declared):
    """An estimate of a score whose numbers were changed in memory, pooled by its declared model."""
    rows = rows_of(score, values, se, n)
    result = _pool(rows, dataclasses.replace(score.synthesis, **declared), score.unit)
    synthesis = dataclasses.replace(score.synthesis, **declared)
    return dataclasses.replace(score, rows=result.studies, result=result, why_not="", unpooled=None, synthesis=synthesis)


def test_every_score_is_rated_as_counts_are(estimates, scores):
    found = rate(estimates, [e.id for e in scores])
    assert set(found) == {e.id for e in scores}
    for e in scores:
        rated = found[e.id]
        if not e.k:
            assert (rated.level, rated.domains) == (NOT_RATED, ())
            continue
        assert tuple(d.name for d in rated.domains) == DOMAINS
        assert LEVELS.index(rated.level) == max(0, LEVELS.index(rated.start) - rated.down)
        assert all(d.reason for d in rated.domains)
        assert format_estimate(estimates, e.id, "certainty") == rated.level
    assert any(e.k for e in scores) and not all(e.k for e in scores)


def test_scores_start_by_the_question_that_they_answer(estimates, scores):
    found = rate(estimates, [e.id for e in scores])
    assert {i: (found[i].kind, found[i].start) for i in (
        "motor-gain-cell-therapy", "motor-gain-comparators", "arm-motor-gain-natural", "motor-difference-cell-therapy", "arm-motor-difference-drugs",
    )} == {
        "motor-gain-cell-therapy": ("single arm", "low"), "motor-gain-comparators": ("frequency", "high"),
        "arm-motor-gain-natural": ("frequency", "high"), "motor-difference-cell-therapy": ("effect", "low"),
        "arm-motor-difference-drugs": ("effect", "high"),
    }  # fmt: skip


def test_imprecision_of_a_score_is_an_interval_that_holds_zero_and_people_that_are_few(estimates, scores, bare):
    score, evidence = scores["motor-gain-cell-therapy"], estimates.evidence
    down = lambda e: certainty_of_score(e, evidence, bare).domain("imprecision").down  # noqa: E731
    assert down(measured(score, [10, 10, 10])) == 0
    assert down(measured(score, [1, 0, -1])) == 1
    assert down(measured(score, [10, 10, 10], n=(50, 50))) == 1
    assert down(measured(score, [1, 0, -1], n=(50, 50))) == 2
    unknown = certainty_of_score(measured(score, [1, 0, -1], n=(None, None)), evidence, bare).domain("imprecision")
    assert (unknown.down, "cannot be judged" in unknown.reason) == (1, True)


def test_scores_disagree_by_chance_test_and_distance_and_never_by_two_steps(estimates, scores, bare):
    score, evidence = scores["motor-gain-cell-therapy"], estimates.evidence
    found = lambda e: certainty_of_score(e, evidence, bare).domain("inconsistency")  # noqa: E731
    assert found(measured(score, [10, 10, 10])).down == 0
    assert found(measured(score, [1, 10, 30])).down == 1
    assert found(measured(score, [-300, 10, 300])).down == 1
    assert "points" in found(measured(score, [1, 10, 30])).reason


def test_a_common_effect_model_does_not_hide_that_scores_disagree(estimates, scores, bare):
    score = scores["motor-gain-cell-therapy"]
    random = measured(score, [1, 10, 30])
    common = measured(score, [1, 10, 30], model="common", ci="wald")
    assert common.result.tau2 in (None, 0.0)
    assert spread_of_score(common).tau2 == pytest.approx(random.result.tau2)
    assert certainty_of_score(common, estimates.evidence, bare).domain("inconsistency").down == 1


def test_two_studies_of_a_score_are_too_few_and_one_is_judged_by_its_own_interval(estimates, scores, bare):
    evidence = estimates.evidence
    two = scores["arm-motor-gain-cell-therapy"]
    assert (two.k, two.pooled) == (2, False)
    assert certainty_of_score(two, evidence, bare).domain("imprecision").down == MOST_DOWN
    one = scores["leg-motor-difference-training"]
    alone = dataclasses.replace(one, rows=tuple(rows_of(one, [10])))
    assert (one.k, certainty_of_score(alone, evidence, bare).domain("imprecision").down) == (1, 0)
    wide = dataclasses.replace(one, rows=tuple(rows_of(one, [1])))
    assert certainty_of_score(wide, evidence, bare).domain("imprecision").down == 1


def test_small_studies_of_scores_are_tested_from_ten_on(estimates, scores, bare):
    score, evidence = scores["motor-gain-cell-therapy"], estimates.evidence
    rows = [
        _with_interval(dataclasses.replace(score.rows[i % 3], estimate=float(i + i % 2), se=0.5 + i, n1=50), 0.95)
        for i in range(12)
    ]
    result = _pool(rows, score.synthesis, score.unit)
    skewed = dataclasses.replace(score, rows=result.studies, result=result)
    assert certainty_of_score(skewed, evidence, bare).domain("publication bias").down == 1
    few = certainty_of_score(score, evidence, bare).domain("publication bias")
    assert few.down == 0
    assert "too few" in few.reason
    assert f"{len({row.study_id for row in score.told})} reports tell" in few.reason


def test_the_weight_of_studies_not_identified_lowers_scores(estimates, scores, bare):
    found = certainty_of_score(scores["motor-difference-drugs"], estimates.evidence, bare).domain("risk of bias")
    assert (found.down, found.short) == (1, "studies not fully identified")
    old = estimates.evidence
    references = old["references"].assign(identity_confidence="confirmed")
    known = Evidence(old.folder, old.package, {**{name: old[name] for name in old}, "references": references})
    assert certainty_of_score(scores["motor-difference-drugs"], known, bare).domain("risk of bias").down == 0


def test_a_judgement_may_name_a_score_and_an_estimate_of_one(estimates, scores, rules):
    reason = {"domain": "indirectness", "down": 1, "reason": "Because.", "short": "because"}
    content = {
        "thresholds": dataclasses.asdict(rules.thresholds),
        "counting": {k: list(v) for k, v in dataclasses.asdict(rules.counting).items()},
        "judgements": [
            {"for": {"outcome": "asia_motor"}, **reason},
            {"for": {"estimate": "motor-difference-drugs"}, **reason, "down": 2},
        ],
    }
    own = parse_settings(content)
    assert unknown_judgements(own, estimates) == []
    found = {i: certainty_of_score(scores[i], estimates.evidence, own).domain("indirectness").down for i in (
        "motor-gain-cell-therapy", "motor-difference-drugs", "arm-motor-gain-cell-therapy",
    )}  # fmt: skip
    assert found == {"motor-gain-cell-therapy": 1, "motor-difference-drugs": 2, "arm-motor-gain-cell-therapy": 0}


def test_a_review_without_rules_freezes_and_words_its_scores_all_the_same(root, tmp_path):
    shutil.copytree(root / "data", tmp_path / "data")
    (tmp_path / "data" / FILE).unlink()
    syntheses = tmp_path / "data" / "syntheses.yml"
    text = syntheses.read_text(encoding="utf-8")
    begins, scored = text.index("\nsyntheses:"), text.index("score_defaults:")
    syntheses.write_text(f"{text[:begins]}\nsyntheses: []\n{text[scored:]}", encoding="utf-8")
    for name in ("claim_tests.yml", "multiverse.yml", "replication.yml", "natural_course.yml"):
        (tmp_path / "data" / name).unlink()
    bare = load_estimates(tmp_path)
    assert {e.certainty for e in freeze(bare).estimates.values()} == {NOT_RATED}
    assert "7.5 points" in all_forms(bare, "motor-gain-cell-therapy")


def test_tables_and_pages_of_scores_show_the_level_where_rules_are_declared(estimates, scores):
    chosen = [scores["motor-gain-cell-therapy"]]
    rated = rate_steps(estimates, ["motor-gain-cell-therapy"])
    with_level = scores_table(chosen, "Scores", str, {}, certainty=rated)
    assert with_level.header[-1] == "Rule-based certainty"
    assert rated["motor-gain-cell-therapy"].level.capitalize() in str(with_level.rows[0][-1])
    assert len(scores_table(chosen, "Scores", str, {}).header) == 4
    page = score_page(
        chosen[0], scores, estimates.evidence, rated=rate(estimates, ["motor-gain-cell-therapy"])["motor-gain-cell-therapy"]
    )
    assert "## How sure" in page.source()
    assert "## How sure" not in score_page(chosen[0], scores, estimates.evidence).source()
