"""The explorer's engine, in node, against the package: pooling, selection, addresses, commands."""

import math
import shlex
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import stats

from cordbook.cli import parser
from cordbook.cli.pool_evidence import question_of
from cordbook.review.estimates.estimates import pool_rows
from cordbook.review.estimates.side_by_side import FEW, ONE_STUDY, SPREAD, WIDE, reasons_not_to_pool
from cordbook.review.explorer.question import answer, default_question, reasons
from cordbook.synthesis import pool_proportions
from cordbook.synthesis.glmm.average import average as over_studies
from tests.explorer.conftest import MODELS, as_page_asks, random_questions

#: What the issue of a number is judged by: 1e-6 of a proportion; on I2 (percent), Q and tau2 relative to values above 1.
TOLERANCE = 1e-6
FIELDS = {
    "estimate": "estimate", "low": "ci_low", "high": "ci_high", "piLow": "pi_low", "piHigh": "pi_high", "tau2": "tau2", "i2": "i2",
    "q": "q", "qP": "q_p",
}  # fmt: skip


def assert_same(ours, theirs, what):
    """The page's numbers are the package's."""
    assert (ours["k"], ours["events"], ours["n"]) == (theirs.k, theirs.events, theirs.n), what
    fields = FIELDS | ({"tau2Low": "tau2_ci_low", "tau2High": "tau2_ci_high"} if ours["model"] == "glmm" else {})
    for mine, name in fields.items():
        expected = getattr(theirs, name)
        if expected is None:
            assert ours[mine] is None, (what, name, ours[mine])
        else:
            assert ours[mine] is not None, (what, name)
            assert math.isclose(ours[mine], expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE), (what, name, ours[mine], expected)
    assert ours["ci"] == theirs.ci_method, what
    for mine, name in (("medianStudy", "median_study"), ("populationAverage", "population_average")):
        at, expected = ours[mine], getattr(theirs, name)
        assert (at is None) == (expected is None), (what, name)
        if at is not None:
            numbers = [at["estimate"], at["low"], at["high"]]
            wanted = [expected.estimate, expected.ci_low, expected.ci_high]
            assert numbers == pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE), (what, name)
            assert at["ci"] == expected.ci_method, (what, name)
            assert ours["average"] == theirs.average, what
    assert ours["weights"] == pytest.approx([study.weight for study in theirs.studies], abs=1e-4), what


def test_quantiles_are_those_of_scipy(node):
    found = node("quantiles")
    for p, value in found["normal"]:
        assert value == pytest.approx(stats.norm.ppf(p), abs=1e-10)
    for df, p, value in found["student"]:
        assert value == pytest.approx(stats.t.ppf(p, df), rel=1e-10)
    for df, at, value in found["chi2"]:
        assert value == pytest.approx(stats.chi2.sf(at, df), rel=1e-9, abs=1e-12)
    for x, n, low, high in found["exact"]:
        assert low == pytest.approx(stats.beta.ppf(0.025, x, n - x + 1) if x else 0.0, rel=1e-10, abs=1e-14)
        assert high == pytest.approx(stats.beta.ppf(0.975, x + 1, n - x) if x < n else 1.0, rel=1e-10, abs=1e-14)


def test_every_declared_estimate_is_what_the_page_shows(node, estimates):
    found = dict(node("declared"))
    assert set(found) == {s.id for s in estimates.declarations if s.kind == "proportion"}
    for estimate_id, page in found.items():
        e = estimates[estimate_id]
        assert [(r[1], r[2]) for r in page["rows"]] == [(row.events, row.n) for row in e.rows], estimate_id
        shown = e.pooled_anyway().result
        if shown is None:
            assert page["pooled"] is None
            continue
        assert_same(page["pooled"], shown, estimate_id)
        # Two declarations may rest on the same counts; the page names one of them.
        same = estimates[page["same"]]
        assert sorted(same.count_ids) == sorted(e.count_ids), estimate_id


def test_every_outcome_begins_where_the_package_would(node, cells, estimates):
    disjoint = estimates.evidence.meanings
    declared = {s.outcome for s in estimates.declarations if s.kind == "proportion"}
    for outcome, page in node("starts"):
        if outcome in declared:
            continue
        rows = answer(cells, default_question(cells, outcome), disjoint).rows
        assert [(r[0], r[1], r[2]) for r in page["rows"]] == [(row.study_id, row.events, row.n) for row in rows], outcome
        if len(rows):
            assert_same(
                page["pooled"], pool_rows(rows, measure="logit", model="glmm", ci=None, level=0.95, average="population"), outcome
            )


def test_random_questions_get_the_package_s_answer(node, cells, estimates):
    questions = random_questions(cells, estimates.evidence.vocabulary, 300, seed=20261121)
    pages = node("answers", [as_page_asks(q, model) for q, model in questions])
    pooled = 0
    for (question, model), page in zip(questions, pages, strict=True):
        found = answer(cells, question, estimates.evidence.meanings)
        rows = found.rows
        assert page["rows"] == [[row.study_id, row.events, row.n] for row in rows], question
        assert (page["barred"], page["unclear"]) == (len(found.not_poolable), len(found.unclear)), question
        assert page["within"] == len(found.within), question
        assert page["reasons"] == dict(reasons(found.not_poolable)), question
        if len(rows):
            pooled += len(rows) > 1
            expected = pool_rows(rows, measure="logit", model=model, ci=None, level=0.95, average="population")
            assert_same(page["pooled"], expected, (question, model))
        else:
            assert page["pooled"] is None
    assert pooled > 60  # the questions are not all empty


def edge_cases():
    yield [0, 0], [120, 132]
    yield [5, 9], [5, 9]
    yield [0, 4, 0], [7, 4, 3]
    yield [1, 0, 1, 0], [1, 1, 1, 1]
    yield [0, 0, 0, 7], [40, 40, 40, 8]
    yield [3, 3, 3], [10, 10, 10]
    yield [1, 99999], [100000, 100000]
    yield [500, 1, 0], [100000, 3, 2]


def test_any_counts_are_pooled_as_by_the_package(node):
    draw = np.random.default_rng(7)
    sets = list(edge_cases())
    for _ in range(120):
        k = int(draw.integers(2, 40))
        n = draw.integers(1, int(draw.choice([3, 10, 60, 500])), k)
        p = 1 / (1 + np.exp(-draw.normal(draw.uniform(-4, 2), draw.choice([0, 0.3, 1, 3]), k)))
        sets.append((draw.binomial(n, p).tolist(), n.tolist()))
    cases = [(x, n, model, average) for x, n in sets for model in MODELS for average in ("median", "population")]
    for (x, n, model, average), found in zip(cases, node("pool", cases), strict=True):
        assert_same(found, pool_proportions(x, n, model=model, average=average), (x, n, model, average))


def test_the_average_over_studies_is_the_package_s_with_its_derivatives(node):
    cases = [(mu, tau) for mu in (-12.0, -3.0, 0.0, 2.0) for tau in (0.0, 0.4, 1.5, 6.0, 40.0)]
    for (mu, tau), found in zip(cases, node("averages", cases), strict=True):
        expected = over_studies(np.array([mu]), np.array([tau]))
        names = ("mean", "rest", "lam", "dMu", "dTau", "dMuMu", "dMuTau", "dTauTau")
        assert [found[name] for name in names] == pytest.approx([value[0] for value in expected], rel=1e-9, abs=1e-12)


def test_the_page_sets_side_by_side_what_the_package_does(node, estimates):
    draw = np.random.default_rng(11)
    limits = estimates.declarations.usual_limits
    sets = [([0] * 24 + [1, 13], [40] * 24 + [30, 29]), *edge_cases()]
    for _ in range(300):
        k = int(draw.integers(2, 15))
        n = draw.integers(1, int(draw.choice([5, 30, 200])), k)
        p = 1 / (1 + np.exp(-draw.normal(draw.uniform(-5, 2), draw.choice([0, 1, 4]), k)))
        sets.append((draw.binomial(n, p).tolist(), n.tolist()))
    seen = set()
    for (x, n), found in zip(sets, node("sides", [sets, asdict(limits)]), strict=True):
        expected = reasons_not_to_pool(pool_proportions(x, n), limits)
        assert [(r["rule"], r["text"]) for r in found] == [(r.rule, r.text) for r in expected], (x, n)
        seen.update(r.rule for r in expected)
    assert seen == {FEW, SPREAD, ONE_STUDY, WIDE}


def test_addresses_lead_back_and_commands_ask_the_same(node, cells, estimates):
    questions = random_questions(cells, estimates.evidence.vocabulary, 150, seed=3)
    for (question, model), found in zip(questions, node("addresses", [as_page_asks(q, m) for q, m in questions]), strict=True):
        assert found["same"], found
        assert found["address"] == found["again"]
        assert "v=" in found["address"]
        assert asked_by(found["command"]) == (question, model, "population")


def test_the_average_is_part_of_the_question_and_stands_in_its_address_and_command(node, cells, estimates):
    question, model = random_questions(cells, estimates.evidence.vocabulary, 1, seed=5)[0]
    here, there = node("addresses", [as_page_asks(question, model, average) for average in ("median", "population")])
    assert here["same"] and there["same"]
    assert "average=median" in here["address"]
    assert "average" not in there["address"]
    assert asked_by(here["command"])[2] == "median"
    assert asked_by(there["command"])[2] == "population"


def asked_by(command):
    """The question, model and average that the command line reads from a command."""
    program, *words = shlex.split(command)
    assert program == "cordbook"
    options = parser().parse_args(words)
    question = question_of(options)
    return (
        replace(question, where=tuple(sorted(question.where)), exclude=tuple(sorted(question.exclude))),
        options.model or "glmm",
        options.average or "median",
    )


def test_a_question_of_the_book_has_a_short_address(node, estimates):
    from cordbook import __version__

    s = estimates.declarations["ais-improved-cell-therapy"]
    question = {"outcome": s.outcome, "where": {c: list(v) for c, v in s.where}, "strata": s.strata, "bounds": {}, "without": []}
    assert node("addresses", [question])[0]["address"] == f"#estimate=ais-improved-cell-therapy&v={__version__}"


def test_a_broken_address_is_no_question_and_does_no_harm(node):
    hashes = [
        "",
        "#",
        "#%",
        "#outcome=%E0%A4%A",
        "#estimate=nothing",
        "#outcome=__proto__",
        "#outcome=ais_improved&__proto__=x&constructor=y&year=..&n=a..b",
    ]
    found = node("reads", hashes)
    assert [f["question"] for f in found[:-1]] == [None] * 6
    assert found[-1]["question"]["where"] == {}
    assert found[-1]["question"]["bounds"] == {}


def test_no_text_in_a_csv_file_is_a_formula(node):
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", '=HYPERLINK("x")', 'plain "quoted", text', -0.5]
    found = node("csv", texts)
    for cell in found[:8]:
        assert cell.lstrip('"')[0] == "'"
    assert found[8:] == ['"plain ""quoted"", text"', "-0.5"]


def test_the_natural_course_beside_a_question_is_that_of_its_value_and_phase(node):
    """Which key, which values and which phases: data/natural_course.yml says it, the page reads it."""

    def asked(**where):
        return {"outcome": "ais_improved", "where": {"role": ["treated"]} | where, "natural": "auto"}

    cases = [
        (asked(), "natural-ais-a-acute"),
        (asked(phase=["chronic"]), "natural-ais-a-late"),
        (asked(phase=["acute", "chronic"]), "natural-ais-a-acute"),
        (asked(**{"stratum.baseline_ais": ["C"]}), "natural-ais-c-acute"),
        (asked(**{"stratum.baseline_ais": ["A", "C"]}), None),
        (asked(role=["treated", "natural_course"]), None),
        (asked() | {"outcome": "tumour"}, None),
        (asked() | {"natural": "none"}, None),
        (asked() | {"natural": "natural-ais-c-acute"}, "natural-ais-c-acute"),
    ]
    assert node("naturals", [question for question, _ in cases]) == [wanted for _, wanted in cases]
