"""`cordbook pool --outcome`: the review's own rows by filters, and what it refuses."""

import json

import pytest

from cordbook.cli import main


@pytest.fixture
def run(capsys, monkeypatch, root):
    monkeypatch.chdir(root)

    def call(*arguments):
        code = main(["pool", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_a_declared_question_gives_the_declared_estimate(run, estimates):
    code, out, _ = run(
        "--outcome", "ais_improved", "--where", "intervention_class=cell_therapy", "--where", "role=treated", "--json"
    )
    assert code == 0
    assert json.loads(out) == estimates["ais-improved-cell-therapy"].result.to_dict()


def test_keys_of_a_stratum_can_be_asked(run, estimates):
    code, out, _ = run(
        "--outcome", "ais_improved", "--where", "role=natural_course", "--strata", "baseline_ais=A;phase=acute", "--json"
    )
    assert code == 0
    assert json.loads(out) == estimates["natural-ais-a-acute"].result.to_dict()


def test_values_add_up_bounds_cut_and_a_study_can_be_left_out(run):
    base = ["--outcome", "ais_improved", "--where", "role=treated", "--where", "cell_type=bm_msc"]
    counts = []
    for more in (
        [],
        ["--where", "cell_type=bm_mnc"],
        ["--at-least", "year=2014"],
        ["--at-most", "n=10"],
        ["--exclude", "dai2013"],
    ):
        code, out, _ = run(*base, *more, "--json")
        assert code == 0
        counts.append(json.loads(out)["k"])
    assert counts[1] > counts[0]
    assert max(counts[2:4]) < counts[0]
    assert counts[4] == counts[0] - 1


def test_one_study_stands_for_itself(run):
    code, out, _ = run("--outcome", "ais_improved", "--where", "study_id=lima2010", "--model", "reml", "--json")
    assert code == 0
    assert (json.loads(out)["model"], json.loads(out)["ci_method"]) == ("single", "exact")


def test_what_must_not_be_pooled_is_told(run):
    _, _, err = run("--outcome", "ais_improved", "--where", "role=treated")
    assert "not pooled, counts by reason" in err
    assert "(overlap)" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--where", "role=treated"], 2, "add --outcome"),
        (["--outcome", "nothing"], 2, "no outcome 'nothing'"),
        (["--outcome", "ais_improved", "--where", "colour=red"], 2, "no column 'colour'"),
        (["--outcome", "ais_improved", "--where", "role"], 2, "NAME=VALUE"),
        (["--outcome", "ais_improved", "--at-least", "year=new"], 2, "is not a number"),
        (["--outcome", "ais_improved", "--at-least", "age=3"], 2, "can be bounded"),
        (["--outcome", "ais_improved", "--exclude", "nobody1900"], 2, "no study 'nobody1900'"),
        (["--outcome", "ais_improved", "--strata", "largest"], 2, "NAME=VALUE"),
        (["--outcome", "ais_improved", "--where", "role=treated", "--at-most", "year=1900"], 1, "no study fits"),
        (["trials.csv", "--outcome", "ais_improved"], 2, "not both"),
        ([], 2, "FILE.csv, --events, --n missing"),
    ],
)
def test_wrong_options_are_refused_with_what_to_do(run, arguments, code, words):
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert words in err


def test_outside_a_project_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["pool", "--outcome", "ais_improved"]) == 2
    assert "no Cordbook project" in capsys.readouterr().err


def test_the_average_asked_for_is_the_estimate(run):
    found = {}
    for average in ("median", "population"):
        code, out, _ = run("--outcome", "ais_improved", "--where", "role=treated", "--average", average, "--json")
        assert code == 0
        found[average] = json.loads(out)
    assert found["population"]["estimate"] == found["median"]["population_average"]["estimate"]
    assert found["population"]["average"] == "population"


def test_studies_that_no_average_describes_stand_side_by_side_unless_asked(run, estimates, tmp_path):
    asked = ["--outcome", "sae_any", "--where", "intervention_class=cell_therapy", "--where", "role=treated"]
    e = estimates["sae-any-cell-therapy"]
    assert e.not_pooled  # else another estimate is needed here
    plot = tmp_path / "side.svg"
    code, out, _ = run(*asked, "--plot", str(plot))
    assert code == 0
    assert f"Not pooled ({e.k} studies, {e.events} of {e.n} participants)" in out
    assert all(reason.text in out for reason in e.not_pooled)
    assert "population average" not in out
    assert "not pooled" in plot.read_text(encoding="utf-8")
    side = json.loads(run(*asked, "--json")[1])
    assert (side["estimate"], side["k"], side["not_pooled"]) == (None, e.k, [reason.text for reason in e.not_pooled])
    assert json.loads(run(*asked, "--pool-anyway", "--json")[1]) == e.pooled_anyway().result.to_dict()


def test_the_limits_of_pooling_are_of_the_review_s_data_alone(run, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("x,n\n3,20\n9,30\n")
    code, _, err = run(str(table), "--events", "x", "--n", "n", "--pool-anyway")
    assert (code, "add --outcome" in err) == (2, True)
    assert run(str(table), "--events", "x", "--n", "n")[0] == 0
