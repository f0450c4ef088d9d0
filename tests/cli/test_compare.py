"""`cordbook compare`, from the file to the exit code."""

import json

import pytest

from cordbook.cli import main
from cordbook.synthesis.pooling.two_arms import compare_arms
from tests.cli import PROMISED

COUNTS = ([4, 6, 0, 9], [20, 30, 25, 40], [2, 9, 0, 12], [21, 29, 26, 41])
NAMES = ["W", "X", "Y", "Z"]
COLUMNS = ("--events1", "a", "--n1", "n", "--events2", "c", "--n2", "m", "--study", "trial")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "arms.csv"

    def write(text=None):
        lines = [",".join(map(str, row)) for row in zip(NAMES, *COUNTS, strict=True)]
        path.write_text(text or "\n".join(["trial,a,n,c,m", *lines]), encoding="utf-8")
        return str(path)

    return write


def run(capsys, *arguments):
    code = main(["compare", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"measure": "RR", "model": "mh"},
        {"measure": "RD", "model": "dl", "ci": "wald", "level": 0.9},
        {"model": "peto"},
        {"model": "glmm", "ci": "profile"},
        {"model": "common", "double_zero": "drop"},
    ],
)
def test_options_reach_the_library(table, capsys, options):
    flags = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    code, out, err = run(capsys, table(), *COLUMNS, *flags, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == compare_arms(*COUNTS, labels=NAMES, **options).to_dict()


def test_json_holds_the_promised_keys(table, capsys):
    _, out, _ = run(capsys, table(), *COLUMNS, "--json")
    result = json.loads(out)
    assert set(PROMISED) <= set(result)


def test_measure_in_small_letters(table, capsys):
    code, out, _ = run(capsys, table(), *COLUMNS, "--measure", "rr", "--json")
    assert code == 0 and json.loads(out)["measure"] == "RR"


def test_people_get_a_summary_and_a_study_table(table, capsys):
    code, out, _ = run(capsys, table(), *COLUMNS, "--model", "mh")
    assert code == 0
    assert "Pooled odds ratio (4 studies, 19 of 115 against 23 of 117; common effect, Mantel-Haenszel)" in out
    assert "note: 1 study without events" in out
    assert "0/25" in out and "0/26" in out


def test_plot_is_drawn(table, capsys, tmp_path):
    target = tmp_path / "forest.svg"
    code, _, err = run(capsys, table(), *COLUMNS, "--plot", str(target))
    assert (code, err) == (0, "")
    assert "<svg" in target.read_text(encoding="utf-8")


def test_faults_of_both_arms_are_told_at_once(table, capsys):
    code, out, err = run(capsys, table("trial,a,n,c,m\nW,21,20,2,21\nX,6,30,x,29\n"), *COLUMNS)
    assert (code, out) == (1, "")
    assert "line 2, column 'a': 21 events are more than the 20 of column 'n'" in err
    assert "line 3, column 'c': 'x' is not a whole number" in err


def test_nothing_to_compare(table, capsys):
    code, _, err = run(capsys, table("trial,a,n,c,m\nW,0,20,0,21\nX,0,30,0,29\n"), *COLUMNS, "--model", "glmm")
    assert code == 1 and "say nothing of an odds ratio" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--model", "peto", "--measure", "RR"), "odds ratios only"),
        (("--model", "mh", "--ci", "hksj"), "--ci hksj does not exist for --model mh: use --ci wald"),
    ],
)
def test_choices_that_do_not_go_together_are_usage_errors(table, capsys, options, words):
    code, _, err = run(capsys, table(), *COLUMNS, *options)
    assert code == 2 and words in err


def test_a_column_that_is_not_there(table, capsys):
    code, _, err = run(capsys, table("trial,a,n,d,m\nW,1,20,2,21\n"), *COLUMNS)
    assert code == 2 and "no column 'c' (--events2)" in err
