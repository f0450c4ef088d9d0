"""Scores in the explorer: the numbers of the book and of the package, the command that repeats them, the page in Chromium."""

import json
import random
import shlex
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from cordbook.cli import main, parser
from cordbook.review.scores.again import pool_again
from cordbook.review.scores.estimates import scores_of
from cordbook.review.scores.phrases import amount, range_of
from cordbook.synthesis import pool_effects
from tests.explorer.conftest import DESKTOP
from tests.explorer.test_page import PHONE, PROBE, hostile, lay_out
from tests.explorer.test_phone import texts_are_legible

MODELS, INTERVALS = ("reml", "dl", "common"), ("hksj", "wald")
FIELDS = {
    "estimate": "estimate", "low": "ci_low", "high": "ci_high", "piLow": "pi_low", "piHigh": "pi_high", "tau2": "tau2", "i2": "i2",
    "q": "q", "qP": "q_p",
}  # fmt: skip
POOLED = "motor-gain-cell-therapy"


@pytest.fixture(scope="module")
def scores(estimates):
    return scores_of(estimates)


def asked(scores, seed=5, each=12):
    """Questions on every estimate: as the book asks them, then with studies left out, other models and intervals."""
    draw = random.Random(seed)
    for e in scores:
        yield {"id": e.id}
        for _ in range(each):
            without = draw.sample(e.study_ids, draw.randint(0, min(2, e.k)))
            yield {
                "id": e.id, "without": without, "model": draw.choice(MODELS), "ci": draw.choice(INTERVALS), "anyway": draw.random() < 0.5,
            }  # fmt: skip


def by_package(scores, question):
    known = {name: question.get(name) for name in ("model", "ci")}
    return pool_again(scores[question["id"]], exclude=question.get("without", ()), anyway=question.get("anyway", False), **known)


def assert_same(ours, theirs, what):
    for mine, name in FIELDS.items():
        expected = getattr(theirs, name)
        assert ours[mine] == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9)), (what, name)


def test_every_score_and_any_choice_gets_the_package_s_numbers(node, scores):
    questions = list(asked(scores))
    sides = 0
    for question, page in zip(questions, node("scores", questions), strict=True):
        found = by_package(scores, question)
        counted = [row for row in page["rows"] if not row[1]]
        assert [row[0] for row in counted] == list(found.study_ids), question
        assert [row[2:4] for row in counted] == [pytest.approx([r.ci_low, r.ci_high], rel=1e-9) for r in found.rows]
        assert page["side"] == (found.result is None), question
        assert page["people"] == (found.n if found.sizes_known else None), question
        assert page["own"] == (
            found.study_ids == scores[question["id"]].study_ids
            and found.synthesis.model == "reml"
            and found.synthesis.ci == "hksj"
        )
        sides += page["side"]
        any_way = found.result or found.unpooled
        if any_way is None:
            assert page["pooled"] is None
            continue
        assert_same(page["pooled"], any_way, question)
        weights = [None if page["side"] else pytest.approx(s.weight, rel=1e-9) for s in any_way.studies]
        assert [row[4] for row in counted] == weights, question
        if found.result is None:
            assert page["why"] == found.why_not, question
    assert 10 < sides < len(questions) - 10


def test_what_the_page_begins_with_is_the_estimate_of_the_book(node, scores):
    pages = node("scores", [{"id": e.id} for e in scores])
    for e, page in zip(scores, pages, strict=True):
        assert page["own"]
        assert page["side"] is not e.pooled
        if e.pooled:
            assert_same(page["pooled"], e.result, e.id)
    assert any(e.pooled for e in scores)


def test_any_effects_are_pooled_as_by_the_package(node):
    draw = np.random.default_rng(3)
    cases = []
    for _ in range(150):
        k = int(draw.integers(2, 25))
        v = np.exp(draw.normal(0, 1.5, k))
        y = draw.normal(0, draw.choice([0, 1, 6]), k) + np.sqrt(v) * draw.normal(size=k)
        cases += [(y.tolist(), v.tolist(), model, ci) for model in MODELS for ci in INTERVALS]
    cases += [([3.0, 3.0, 3.0], [1.0, 2.0, 0.5], model, ci) for model in MODELS for ci in INTERVALS]
    for (y, v, model, ci), found in zip(cases, node("effects", cases), strict=True):
        expected = pool_effects(y, v, model=model, ci=ci)
        assert_same(found, expected, (y, v, model, ci))
        assert found["weights"] == pytest.approx([s.weight for s in expected.studies], rel=1e-9)


def test_points_are_written_as_the_book_writes_them(node):
    draw = np.random.default_rng(8)
    values = [
        0.0,
        -0.04,
        0.05,
        -0.05,
        4.55,
        7.512,
        -1.16,
        99.94,
        99.95,
        104.3,
        -250.5,
        1e-9,
        0.25,
        2.5,
        *draw.normal(0, 40, 400).tolist(),
    ]
    assert node("amounts", values) == [amount(value) for value in values]


def test_the_axis_holds_all_that_must_be_seen_and_few_ticks(node):
    draw = np.random.default_rng(4)
    lists = [[0.0, *draw.normal(0, scale, 6).tolist()] for scale in (0.01, 1, 30, 4000) for _ in range(50)] + [
        [0.0],
        [0.0, 16.2],
        [-3.3, 0.0],
    ]
    for values, axis in zip(lists, node("axes", lists), strict=True):
        assert axis["from"] <= min(values) + 1e-9
        assert axis["to"] >= max(values) - 1e-9
        assert 2 <= len(axis["ticks"]) <= 8
        assert 0 in axis["ticks"]


def test_addresses_lead_back_and_the_command_asks_the_same(node, scores):
    questions = list(asked(scores, seed=9))
    for question, found in zip(questions, node("scoreAddresses", questions), strict=True):
        assert found["same"], found
        program, *words = shlex.split(found["command"])
        options = parser().parse_args(words)
        declared = scores[question["id"]].synthesis
        assert (program, options.score) == ("cordbook", question["id"])
        assert sorted(options.exclude) == sorted(question.get("without", ()))
        assert (options.model or declared.model) == question.get("model", declared.model)
        assert (options.ci or declared.ci) == question.get("ci", declared.ci)
        assert options.pool_anyway == question.get("anyway", False)


def test_a_broken_address_of_a_score_is_no_question(node):
    hashes = [
        "#score=nothing",
        "#score=",
        "#score=%E0%A4%A",
        "#score=__proto__",
        f"#score={POOLED}&without=__proto__,nobody&model=magic&ci=x",
    ]
    found = node("readScores", hashes)
    assert [f["question"] for f in found[:-1]] == [None] * 4
    assert found[-1]["question"] == {"id": POOLED, "without": [], "model": "reml", "ci": "hksj", "anyway": False}


# --- the command -----------------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_same_numbers(node, scores, root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    questions = [
        {"id": POOLED, "without": ["koda2024"], "model": "dl", "ci": "wald", "anyway": True},
        {"id": POOLED},
        {"id": "motor-difference-drugs"},
    ]
    for page, address in zip(node("scores", questions), node("scoreAddresses", questions), strict=True):
        assert main([*shlex.split(address["command"])[1:], "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        if page["side"]:
            assert printed["estimate"] is None
            assert printed["not_pooled"] == [page["why"]]
        else:
            assert printed["estimate"] == pytest.approx(page["pooled"]["estimate"], rel=1e-9)
            assert printed["ci_low"] == pytest.approx(page["pooled"]["low"], rel=1e-9)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--score", "nothing"], "no estimate of a score 'nothing'"),
        (["--score", POOLED, "--exclude", "nobody"], "weighs no study 'nobody'"),
        (["--score", POOLED, "--outcome", "death"], "leave out --outcome"),
        (["--score", POOLED, "--model", "glmm"], "--model glmm is of proportions"),
        (["--score", POOLED, "--by", "nothing"], "no column 'nothing'"),
        (["--score", "motor-difference-drugs", "--leave-one-out"], "Add --pool-anyway"),
        (["--score", "motor-difference-training"], "no study is left"),
        (["--exclude", "koda2024"], "or --score ID"),
    ],
)
def test_what_cannot_be_asked_of_a_score_is_said(words, message, root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    assert main(["pool", *words]) in (1, 2)
    assert message in capsys.readouterr().err


def test_further_analyses_of_a_score_name_years_and_columns_of_studies(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    assert main(["pool", "--score", POOLED, "--cumulative", "year", "--by", "design", "--json"]) == 0
    analyses = json.loads(capsys.readouterr().out)["analyses"]
    assert set(analyses) == {"by", "cumulative"}
    assert analyses["by"]["scale"] == "mean change"


# --- the page ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory, evidence_js):
    return lay_out(tmp_path_factory.mktemp("scores"), evidence_js.read_text(encoding="utf-8")).as_uri()


def test_a_reader_chooses_a_score_leaves_a_study_out_and_comes_back(opened, scores):
    page, e = opened.page, scores[POOLED]
    before = page.locator("#cbx-counts .cbx-number").inner_text()
    page.get_by_role("button", name="Scores").click()
    page.locator("#cbx-score").select_option(POOLED)
    number = page.locator("#cbx-scores .cbx-number")
    expect(number).to_have_text(
        f"{amount(e.result.estimate)} points 95% CI {amount(e.result.ci_low)} to {amount(e.result.ci_high)}"
    )
    expect(page.locator("#cbx-scores .cbx-same a")).to_have_attribute("href", f"estimates/{POOLED}.html")
    assert page.locator("#cbx-counts").count() == 0
    page.get_by_label("Count Koda 2024").focus()
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Count Koda 2024"
    expect(number).to_contain_text(f"{range_of(pool_again(e, exclude=['koda2024']))} 2 studies; not pooled")
    assert page.evaluate("location.hash").startswith(f"#score={POOLED}&without=koda2024&v=")
    page.get_by_role("button", name="Pool them anyway").click()
    again = pool_again(e, exclude=["koda2024"], anyway=True).result
    expect(number).to_contain_text(f"{amount(again.estimate)} points")
    assert page.evaluate("CordbookExplorer.currentScore.pooled.estimate") == pytest.approx(again.estimate, rel=1e-9)
    page.locator("#cbx-scores summary", has_text="How it is pooled").click()
    page.get_by_label("Interval", exact=True).select_option("wald")
    wald = pool_again(e, exclude=["koda2024"], anyway=True, ci="wald").result
    expect(number).to_contain_text(f"{amount(wald.ci_low)} to {amount(wald.ci_high)}")
    page.go_back()
    expect(number).to_contain_text(f"{amount(again.ci_low)} to {amount(again.ci_high)}")
    page.get_by_role("button", name="People counted").click()
    assert page.locator("#cbx-counts .cbx-number").inner_text() == before
    assert page.locator("#cbx-scores").count() == 0
    assert "score" not in page.evaluate("location.hash")


def test_a_link_to_a_score_opens_it_and_its_files_hold_the_numbers(opened, scores):
    page, e = opened.page, scores[POOLED]
    page.goto(page.url.split("#")[0] + f"#score={POOLED}")
    page.reload()
    expect(page.locator("#cbx-scores")).to_be_visible()
    with page.expect_download() as got:
        page.locator("#cbx-score-csv").click()
    lines = Path(got.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == e.k + 2
    assert lines[-1].endswith(f"cordbook pool --score {POOLED}")
    assert repr(e.result.estimate)[:12] in lines[-1]
    with page.expect_download() as got:
        page.locator("#cbx-score-svg").click()
    drawn = Path(got.value.path()).read_text(encoding="utf-8")
    assert e.title in drawn and "points" in drawn


def test_every_study_may_be_switched_off_and_every_score_opens(opened, scores):
    page = opened.page
    page.get_by_role("button", name="Scores").click()
    for e in scores:
        page.locator("#cbx-score").select_option(e.id)
        expect(page.locator("#cbx-scores tbody tr")).to_have_count(e.k)
        for tick in page.locator("#cbx-scores tbody input").all():
            tick.uncheck()
        expect(page.locator("#cbx-scores .cbx-sentence")).to_contain_text("switched off" if e.k else "nothing can be weighed")


@pytest.mark.parametrize("estimate_id", [POOLED, "motor-difference-drugs"])
def test_a_score_on_a_phone_is_legible_and_nothing_lies_over_anything(browser, address, estimate_id):
    page = browser.new_page(viewport=PHONE)
    page.goto(f"{address}#score={estimate_id}")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    texts_are_legible(page, "#cbx-scores .cbx-plot svg")
    page.close()


def data_of(evidence_js):
    return json.loads(evidence_js.read_text(encoding="utf-8").removeprefix("globalThis.CORDBOOK_EVIDENCE = ").rstrip(";\n"))


def script(data):
    return f"globalThis.CORDBOOK_EVIDENCE = {json.dumps(data)};"


def test_no_text_of_a_score_becomes_markup(browser, evidence_js, tmp_path):
    data = data_of(evidence_js)
    data = hostile(data) | {"filters": data["filters"]}
    for score in data["scores"]:
        score["kind"] = score["kind"].removesuffix(PROBE)
    page = browser.new_page(viewport=DESKTOP)
    page.goto(lay_out(tmp_path, script(data)).as_uri())
    page.get_by_role("button", name="Scores").click()
    for value in page.eval_on_selector_all("#cbx-score option", "list => list.map(o => o.value)"):
        page.locator("#cbx-score").select_option(value)
    assert "onerror" in page.locator("#cbx-scores").inner_text()
    assert (
        page.evaluate("document.querySelectorAll('#cb-explorer :is(img, script, svg svg, [onerror], [onload], [style])').length")
        == 0
    )
    assert page.evaluate("globalThis.pwned") is None
    page.close()


def test_without_scores_there_is_no_choice_and_with_scores_alone_they_stand(browser, evidence_js, tmp_path):
    data = data_of(evidence_js)
    page = browser.new_page(viewport=DESKTOP)
    page.goto(lay_out(tmp_path / "none", script(data | {"scores": []})).as_uri())
    expect(page.locator("#cbx-counts .cbx-number")).to_be_visible()
    assert page.get_by_role("button", name="Scores").count() == 0
    page.goto(lay_out(tmp_path / "alone", script(data | {"outcomes": []})).as_uri())
    expect(page.locator("#cbx-scores .cbx-number")).to_be_visible()
    assert page.get_by_role("button", name="People counted").count() == 0
    page.goto(lay_out(tmp_path / "nothing", script(data | {"outcomes": [], "scores": []})).as_uri())
    expect(page.locator("#cb-explorer")).to_contain_text("nothing to explore yet")
    page.close()
