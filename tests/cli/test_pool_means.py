"""`cordbook pool --means` and `cordbook pool --yi`, from the file to the exit code."""

import json
import re

import numpy as np
import pytest

from cordbook.cli import main, pool_effects, pool_means
from cordbook.synthesis import (
    change_effects,
    mean_effects,
    pool_changes,
    pool_mean_effects,
    pool_multilevel,
    sd_from_se,
)
from cordbook.synthesis import pool_effects as pool_by_library
from cordbook.synthesis import pool_means as pool_means_by_library
from cordbook.synthesis.means import sizes
from cordbook.synthesis.multilevel.fitting import INTERVALS as MULTILEVEL_INTERVALS

SCORES = """study,n1,mean1,sd1,se1,n2,mean2,sd2,median2,lower_quartile2,upper_quartile2,design
Levi 2019,20,30,6,,22,25,7,,,,rct
Okada 2020,25,31,,1.2,21,28,6,,,,cohort
Curt 2021,30,33,5,,28,24,6,,,,rct
"""
CHANGES = """study;n;mean_before;sd_before;mean_after;sd_after;r;mean_change;sd_change;se_change
Levi 2019;20;10,5;4;14;5;0,6;;;
Okada 2020;25;;4;;;;3,5;;1
Curt 2021;30;12;5;15;6;;;;
"""
EFFECTS = """trial,arm,yi,vi,se
A,x,0.1,0.01,0.1
A,y,0.3,0.01,0.1
B,x,0.9,0.01,0.1
B,y,0.6,0.01,0.1
C,x,0.4,0.01,0.1
C,y,0.5,0.04,0.2
"""
NAMES = ["Levi 2019", "Okada 2020", "Curt 2021"]
GROUPS = ([30, 31, 33], [6, 6, 5], [20, 25, 30], [25, 28, 24], [7, 6, 6], [22, 21, 28])
YI, VI, TRIALS = [0.1, 0.3, 0.9, 0.6, 0.4, 0.5], [0.01, 0.01, 0.01, 0.01, 0.01, 0.04], list("AABBCC")


@pytest.fixture
def table(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def run(capsys, *arguments):
    code = main(["pool", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def numbers(out, *names):
    found = json.loads(out)
    return [found[name] for name in names]


KEYS = ("estimate", "ci_low", "ci_high", "tau2", "p")


@pytest.mark.parametrize("measure", [None, "md", "SMD", "smdh", "SMD1", "SMD1H", "rom"])
def test_means_of_two_groups_give_the_numbers_of_the_library(table, capsys, measure):
    code, out, err = run(capsys, "--means", table(SCORES), *(["--measure", measure] if measure else []), "--json")
    assert (code, err) == (0, "")
    wanted = pool_means_by_library(*GROUPS, measure=measure, labels=NAMES)
    np.testing.assert_allclose(numbers(out, *KEYS), [getattr(wanted, key) for key in KEYS])
    assert json.loads(out)["measure"] == wanted.measure
    assert [study["derived"] for study in json.loads(out)["studies"]] == ["", "group 1: SD from the standard error", ""]


def test_options_reach_the_library(table, capsys):
    options = ("--model", "dl", "--ci", "hksj", "--level", "0.9", "--no-hksj-floor")
    code, out, _ = run(capsys, "--means", table(SCORES), *options, "--json")
    wanted = pool_means_by_library(*GROUPS, model="dl", ci="hksj", level=0.9, hksj_floor=False)
    assert code == 0
    np.testing.assert_allclose(numbers(out, *KEYS), [getattr(wanted, key) for key in KEYS])


@pytest.mark.parametrize("measure", ["MC", "SMCC"])
def test_changes_are_read_as_far_as_they_are_reported(table, capsys, measure):
    code, out, err = run(capsys, "--means", table(CHANGES), "--imputed-r", "0.6", "--measure", measure, "--json")
    assert (code, err) == (0, "")
    spread = sd_from_se([1], [25]).sd[0]
    wanted = pool_changes(
        [20, 25, 30],
        [10.5, None, 12],
        [14, None, 15],
        [4, 4, 5],
        [5, None, 6],
        mean_change=[None, 3.5, None],
        sd_change=[None, spread, None],
        r=[0.6, None, 0.6],
        measure=measure,
    )
    np.testing.assert_allclose(numbers(out, *KEYS), [getattr(wanted, key) for key in KEYS])
    assert "imputed as 0.6 in 1 of 3 studies, which do not report it (Curt 2021)" in json.loads(out)["notes"][0]


def test_one_group_is_a_mean(table, capsys):
    code, out, _ = run(
        capsys, "--means", table("n,median,lower_quartile,upper_quartile,min,max\n40,12,8,17,,\n30,13,,,4,25\n"), "--json"
    )
    assert code == 0
    found = json.loads(out)
    assert found["measure"] == "MN" and found["studies"][0]["label"] == "line 2"
    assert [study["derived"] for study in found["studies"]] == [
        "mean and SD from median and quartiles (Luo 2018, Wan 2014)",
        "mean and SD from median and range (Luo 2018, Wan 2014)",
    ]


@pytest.mark.parametrize("spread", [("--vi", "vi"), ("--se", "se")])
def test_effects_give_the_numbers_of_the_library(table, capsys, spread):
    code, out, err = run(capsys, table(EFFECTS), "--yi", "yi", *spread, "--study", "trial", "--model", "pm", "--json")
    assert (code, err) == (0, "")
    wanted = pool_by_library(YI, VI, model="pm")
    np.testing.assert_allclose(numbers(out, *KEYS), [getattr(wanted, key) for key in KEYS])
    assert any("A stands in 2 rows (lines 2, 3)" in note and "--cluster" in note for note in json.loads(out)["notes"])


@pytest.mark.parametrize("options", [{}, {"ci": "t"}, {"ci": "wald", "rho": 0.5}, {"rho": 0.3, "level": 0.9}])
def test_rows_of_one_study_are_modelled(table, capsys, options):
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    code, out, _ = run(capsys, table(EFFECTS), "--yi", "yi", "--vi", "vi", "--cluster", "trial", *flags, "--json")
    wanted = pool_multilevel(YI, VI, TRIALS, **options)
    assert code == 0
    np.testing.assert_allclose(numbers(out, *KEYS, "tau2_study"), [getattr(wanted, key) for key in (*KEYS, "tau2_study")])
    assert [study["label"] for study in json.loads(out)["studies"]][:2] == ["A, effect 1", "A, effect 2"]


def test_means_of_one_study_are_modelled_too(table, capsys):
    text = SCORES + "Levi 2019,20,28,6,,22,25,7,,,,rct\n"
    code, out, _ = run(capsys, "--means", table(text), "--measure", "ROM", "--cluster", "study", "--json")
    effects = mean_effects(
        *(list(column) + [extra] for column, extra in zip(GROUPS, (28, 6, 20, 25, 7, 22), strict=True)), measure="ROM"
    )
    wanted = pool_multilevel(effects.yi, effects.vi, [*NAMES, NAMES[0]])
    assert code == 0
    np.testing.assert_allclose(numbers(out, *KEYS), [getattr(wanted, key) for key in KEYS])
    assert "Each effect is the logarithm of the ratio of means." in json.loads(out)["notes"]


def test_people_get_a_summary_and_a_table(table, capsys):
    _, out, _ = run(capsys, "--means", table(SCORES))
    assert "Pooled mean difference (3 studies, 146 patients; random effects, REML)" in out
    assert re.search(r"Okada 2020 +31 \(6\), 25 +28 \(6\), 21 +3.00\* ", out)
    assert out.splitlines()[-1].startswith("* a mean, SD or correlation that is not reported as it stands")
    _, out, _ = run(capsys, "--means", table(CHANGES), "--imputed-r", "0.6")
    assert re.search(r"Levi 2019 +3.5 \(4.123\), 20 +3.50 ", out)
    _, out, _ = run(capsys, table(EFFECTS), "--yi", "yi", "--vi", "vi", "--cluster", "trial")
    assert "Pooled effect (6 effects of 3 studies" in out and re.search(r"\nC, effect 2 +0.500 ", out)


@pytest.mark.parametrize(
    "words", [("--means", SCORES), ("--means", SCORES, "--measure", "ROM"), ("--means", CHANGES, "--imputed-r", "0.5")]
)
def test_a_plot_is_drawn(table, capsys, tmp_path, words):
    target = tmp_path / "forest.svg"
    code, _, err = run(capsys, words[0], table(words[1]), *words[2:], "--plot", str(target))
    assert (code, err) == (0, "") and "<svg" in target.read_text(encoding="utf-8")


def test_the_words_of_the_command_line_are_those_of_the_library():
    assert pool_means.TWO_GROUP_MEASURES == sizes.TWO_GROUP_MEASURES
    assert pool_means.CHANGE_MEASURES == sizes.CHANGE_MEASURES
    assert set(pool_means.MEASURES) == set(sizes.MEASURE_NAMES)
    assert set(pool_effects.CLUSTER_INTERVALS) == set(MULTILEVEL_INTERVALS) - {"wald"}
    assert pool_mean_effects(change_effects([20], mean_change=[1], sd_change=[2])).measure == "MC"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n1,mean1,sd1,n2,mean2,sd2\n20,30,six,22,25,7\n", ["line 2, column 'sd1'", "'six' is not a number"]),
        ("n1,mean1,sd1,n2,mean2,sd2\n20,30,-6,22,25,7\n", ["group 1: line 2: sd = -6 is below 0"]),
        ("n1,mean1,sd1,n2,mean2,sd2\n20,30,,1,25,\n", ["group 1: line 2: sd is missing", "group 2: line 2: n = 1 is below 2"]),
        ("n1,mean1,sd1,n2,mean2,sd2\n", ["a header but no rows"]),
        (
            "n,mean_before,sd_before,mean_after,sd_after\n20,10,4,14,5\n",
            ["sd_change is missing", "--imputed-r for all such studies"],
        ),
        ("n,mean_change,se_change\n20,3,0\n", ["se = 0 is not above 0"]),
    ],
)
def test_wrong_means_are_named(table, capsys, text, words):
    code, out, err = run(capsys, "--means", table(text))
    assert (code, out) == (1, "")
    assert all(word in err for word in words), err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yi,se\n0.1,0\n0.2,0.1\n", "line 2, column 'se': 0 is not a standard error above 0"),
        ("yi,se\n0.1,0.1\n,0.1\n", "line 3: yi = nan is not a finite number"),
        ("yi,se\n0.1,few\n", "line 2, column 'se': 'few' is not a number"),
    ],
)
def test_wrong_effects_are_named(table, capsys, text, words):
    code, _, err = run(capsys, table(text), "--yi", "yi", "--se", "se")
    assert code == 1 and words in err


def test_a_blank_cluster_is_named(table, capsys):
    code, _, err = run(capsys, table("t,yi,vi\nA,0.1,0.1\n,0.2,0.1\n"), "--yi", "yi", "--vi", "vi", "--cluster", "t")
    assert code == 1 and "column 't': blank in line 3" in err


MEANS = ("--means", "SCORES")
OF_EFFECTS = ("EFFECTS", "--yi", "yi", "--vi", "vi")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*MEANS, "--measure", "logit"), "--measure logit is a scale of proportions"),
        ((*MEANS, "--measure", "MC"), "--measure MC does not fit a table of two groups"),
        ((*MEANS, "--imputed-r", "0.5"), "--imputed-r is of changes from baseline"),
        ((*MEANS, "--events", "x"), "leave out --events"),
        ((*MEANS, "--model", "glmm"), "--model glmm is of proportions: choose one of common, dl"),
        ((*MEANS, "--ci", "profile"), "--ci profile is of proportions"),
        ((*MEANS, "--ci", "cr2"), "--ci cr2 needs --cluster COL"),
        ((*MEANS, "--cluster", "centre"), "has no column 'centre' (--cluster)"),
        ((*MEANS, "--average", "median"), "--average is of proportions"),
        ((*OF_EFFECTS, "--se", "se"), "either --vi, the column of variances, or --se"),
        ((*OF_EFFECTS, "--measure", "MD"), "leave it out beside --yi"),
        ((*OF_EFFECTS, "--events", "x"), "leave out --events"),
        ((*OF_EFFECTS, "--rho", "0.5"), "name the column of studies with --cluster"),
        ((*OF_EFFECTS, "--cluster", "trial", "--model", "dl"), "--model dl does not go with --cluster"),
        ((*OF_EFFECTS, "--cluster", "trial", "--ci", "hksj"), "--ci hksj does not go with --cluster"),
        (("--yi", "yi", "--vi", "vi"), "FILE.csv missing"),
        (("EFFECTS", "--yi", "y", "--vi", "vi"), "no column 'y' (--yi). Did you mean 'yi'?"),
        (("EFFECTS", "--events", "yi", "--n", "vi", "--cluster", "trial"), "--cluster is not of proportions"),
        (("EFFECTS", "--events", "yi", "--n", "vi", "--se", "se"), "--se is not of proportions: it goes with --yi COL"),
        (("EFFECTS", "--events", "yi", "--n", "vi", "--measure", "MD"), "give the table as --means FILE.csv"),
        (("EFFECTS", "--events", "yi", "--n", "vi", "--ci", "t"), "--ci t is of effects with several rows a study"),
    ],
)
def test_options_that_do_not_go_together(table, capsys, arguments, words):
    files = {"SCORES": table(SCORES, "scores.csv"), "EFFECTS": table(EFFECTS, "effects.csv")}
    code, out, err = run(capsys, *(files.get(word, word) for word in arguments))
    assert (code, out) == (2, "") and words in err, err


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("study,mean1,sd1,n1", "has no column 'n2'"),
        ("study,n1,mean1,sd_before", "columns of two groups (n1) and of a change (sd_before)"),
        ("study,n,score", "has no column 'mean'"),
        ("n,n,mean", "two columns named 'n'"),
        ("mean_before,mean_after", "has no column 'n'"),
    ],
)
def test_tables_without_the_columns_are_refused(table, capsys, header, words):
    code, _, err = run(capsys, "--means", table(f"{header}\n{','.join('1' for _ in header.split(','))}\n"))
    assert code == 2 and words in err


@pytest.mark.parametrize("options", [("--imputed-r", "1.5"), ("--rho", "1"), ("--rho", "x")])
def test_correlations_that_cannot_be_are_usage_errors(table, capsys, options):
    with pytest.raises(SystemExit) as stopped:
        run(capsys, "--means", table(SCORES), *options)
    assert stopped.value.code == 2 and options[1] in capsys.readouterr().err
