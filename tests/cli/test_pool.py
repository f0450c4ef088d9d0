"""`cordbook pool`, from the file to the exit code."""

import json
import re

import pytest

from cordbook.cli import main
from cordbook.synthesis.pooling.proportions import pool_proportions
from tests.cli import PROMISED

EVENTS, N, NAMES = [4, 7, 2, 0], [20, 30, 25, 9], ["Levi 2019", "Okada 2020", "Curt, 2021", "Muñoz 2022"]


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8", name="trials.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


def rows(delimiter=",", end="\n"):
    quoted = [f'"{name}"' for name in NAMES]
    lines = [("trial", "improved", "treated"), *zip(quoted, map(str, EVENTS), map(str, N), strict=True)]
    return end.join(delimiter.join(line) for line in lines) + end


def run(capsys, *arguments):
    code = main(["pool", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


COLUMNS = ("--events", "improved", "--n", "treated", "--study", "trial")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (rows(), "utf-8"),
        (rows(), "utf-8-sig"),
        (rows(end="\r\n"), "utf-8-sig"),
        (rows(";"), "utf-8"),
        (rows("\t"), "utf-8"),
        (rows("\t"), "utf-16"),
        ("\n" + rows().replace("\n", "\n\n"), "utf-8"),
        (rows() + " , , \n,,\n", "utf-8"),
    ],
    ids=["plain", "bom", "crlf", "semicolon", "tab", "excel unicode", "blank lines", "empty rows"],
)
def test_any_sensible_file_gives_the_numbers_of_the_library(table, capsys, text, encoding):
    code, out, err = run(capsys, table(text, encoding), *COLUMNS, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == pool_proportions(EVENTS, N, labels=NAMES).to_dict()


@pytest.mark.parametrize(
    "options",
    [
        {"model": "reml", "ci": "wald"},
        {"model": "dl", "ci": "hksj", "level": 0.9},
        {"measure": "double-arcsine", "model": "pm"},
        {"model": "glmm", "ci": "profile"},
        {"model": "glmm", "ci": "profile-t"},
        {"model": "betabinomial", "average": "population"},
        {"model": "betabinomial", "ci": "robust", "average": "median"},
        {"average": "population"},
    ],
)
def test_options_reach_the_library(table, capsys, options):
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    code, out, _ = run(capsys, table(rows()), *COLUMNS, *flags, "--json")
    assert code == 0
    assert json.loads(out) == pool_proportions(EVENTS, N, labels=NAMES, **options).to_dict()


def test_json_holds_the_promised_keys(table, capsys):
    _, out, _ = run(capsys, table(rows()), *COLUMNS, "--json")
    result = json.loads(out)
    assert set(PROMISED) <= set(result)
    assert {"estimate", "se", "ci_low", "ci_high"} <= set(result["model_scale"])
    assert 0 <= result["ci_low"] <= result["estimate"] <= result["ci_high"] <= 1


def test_all_zero_counts_are_valid_json(table, capsys):
    code, out, _ = run(capsys, table("e,n\n0,30\n0,20\n"), "--events", "e", "--n", "n", "--json")
    assert code == 0
    assert json.loads(out)["estimate"] == 0
    assert "Infinity" not in out and "NaN" not in out


def test_people_get_a_summary_and_a_study_table(table, capsys):
    code, out, _ = run(capsys, table(rows()), *COLUMNS)
    assert code == 0
    assert "Pooled proportion (4 studies, 13 of 84" in out
    assert re.search(r"Muñoz 2022 +0/9 ", out)
    assert "95% CI" in out


def test_studies_without_a_name_column_are_called_by_their_line(table, capsys):
    _, out, _ = run(capsys, table("e,n\n1,9\n\n2,8\n"), "--events", "e", "--n", "n")
    assert "line 2" in out and "line 4" in out


def test_arcsine_has_a_model_of_its_own_by_default(table, capsys):
    code, out, _ = run(capsys, table(rows()), *COLUMNS, "--measure", "arcsine", "--json")
    assert code == 0 and json.loads(out)["model"] == "reml"


def test_plot_is_drawn(table, capsys, tmp_path):
    target = tmp_path / "forest.svg"
    code, _, err = run(capsys, table(rows()), *COLUMNS, "--plot", str(target))
    assert (code, err) == (0, "")
    assert "<svg" in target.read_text(encoding="utf-8")


def test_plot_into_a_folder_that_is_not_there(table, capsys, tmp_path):
    code, _, err = run(capsys, table(rows()), *COLUMNS, "--plot", str(tmp_path / "no" / "forest.svg"))
    assert code == 2 and "forest.svg cannot be written" in err


# What is wrong in the data: exit code 1, and the place of every fault.
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("e,n\n1,9\n,8\n", ["line 3, column 'e'", "missing", "fill it in"]),
        ("e,n\n1,9\nNA,8\n", ["line 3, column 'e'", "missing ('NA')"]),
        ("e,n\n1,9\n\n12,8\n", ["line 4, column 'e'", "12 events", "the 8 of column 'n'"]),
        ("e,n\n1,9\n-1,8\n", ["line 3, column 'e'", "-1 is below 0"]),
        ("e,n\n1,9\n0,0\n", ["line 3, column 'n'", "0 is below 1", "leave out"]),
        ("e,n\n1,9\n1.5,8\n", ["line 3, column 'e'", "'1.5' is not a whole number"]),
        ("e,n\n1,9\nfew,8\n", ["line 3, column 'e'", "'few' is not a whole number"]),
        ("e,n\n1,9\n1_0,80\n", ["'1_0' is not a whole number"]),
        ("e,n\n1,9\ninf,8\n", ["'inf' is not a whole number"]),
        ("e,n\n1,9\n2,8,7\n", ["line 3: 3 values, but the header has 2"]),
        ('e,n\n1,9\n"2,8\n', ["line 3", "quote"]),
        ("e,n\n", ["a header but no rows"]),
        ("e,n\n1,9\n", ["one study"]),
    ],
)
def test_wrong_data_are_named_by_file_line_column_and_value(table, capsys, text, words):
    code, out, err = run(capsys, table(text), "--events", "e", "--n", "n")
    assert (code, out) == (1, "")
    assert all(word in err for word in words), err
    assert "Traceback" not in err


def test_all_faults_are_told_at_once(table, capsys):
    code, _, err = run(capsys, table("e,n\n,9\n5,4\nx,y\n"), "--events", "e", "--n", "n")
    assert code == 1
    assert all(f"trials.csv, line {line}, column" in err for line in (2, 3, 4))
    assert "column 'e': 'x'" in err and "column 'n': 'y'" in err


def test_a_line_inside_quotes_counts_as_a_line_of_the_file(table, capsys):
    code, _, err = run(capsys, table('t,e,n\n"two\nlines",1,9\nplain,x,8\n'), "--events", "e", "--n", "n")
    assert code == 1 and "line 4, column 'e'" in err


# What is wrong with the file or the command: exit code 2.
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"e,n\n1,9\ncaf\xe9,8\n", "line 3: not UTF-8"),
        (b"PK\x03\x04\x00\x00", "not a text file"),
    ],
)
def test_unreadable_files(tmp_path, capsys, content, words):
    path = tmp_path / "trials.csv"
    path.write_bytes(content)
    code, out, err = run(capsys, str(path), "--events", "e", "--n", "n")
    assert (code, out) == (2, "") and words in err


def test_a_file_that_is_not_there(tmp_path, capsys):
    code, _, err = run(capsys, str(tmp_path / "gone.csv"), "--events", "e", "--n", "n")
    assert code == 2 and "gone.csv cannot be read: No such file" in err


def test_a_column_that_is_not_there_suggests_the_likeliest(table, capsys):
    code, _, err = run(capsys, table(rows()), "--events", "improvd", "--n", "treated")
    assert code == 2 and "no column 'improvd' (--events). Did you mean 'improved'?" in err


def test_a_column_that_is_there_twice(table, capsys):
    code, _, err = run(capsys, table("e,e,n\n1,1,9\n2,2,8\n"), "--events", "e", "--n", "n")
    assert code == 2 and "2 columns named 'e'" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--model", "glmm", "--measure", "arcsine"), "--model glmm pools on the logit scale"),
        (("--model", "reml", "--ci", "profile"), "--ci profile needs --model glmm"),
        (("--model", "dl", "--ci", "profile-t"), "--ci profile-t needs --model glmm or --model betabinomial"),
        (("--ci", "robust"), "--ci robust needs --model betabinomial"),
        (("--model", "betabinomial", "--ci", "hksj"), "--ci hksj is not of --model betabinomial"),
        (("--model", "betabinomial", "--measure", "raw"), "--model betabinomial pools on the logit scale"),
        (("--measure", "double-arcsine", "--average", "population"), "--average population is not given"),
    ],
)
def test_options_that_do_not_go_together(table, capsys, options, words):
    code, _, err = run(capsys, table(rows()), *COLUMNS, *options)
    assert code == 2 and words in err


@pytest.mark.parametrize("options", [("--level", "95"), ("--level", "x"), ("--plot", "forest.gif"), ("--model", "bayes")])
def test_bad_options_are_usage_errors(table, capsys, options):
    with pytest.raises(SystemExit) as stopped:
        run(capsys, table(rows()), *COLUMNS, *options)
    assert stopped.value.code == 2
    assert options[1] in capsys.readouterr().err


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["pool", "--help"])
    assert stopped.value.code == 0
    assert "cordbook pool trials.csv" in capsys.readouterr().out


def test_standard_input(capsys, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rows().encode())))
    code, out, _ = run(capsys, "-", *COLUMNS, "--json")
    assert code == 0 and json.loads(out)["events"] == sum(EVENTS)


def test_both_averages_are_printed_and_the_one_asked_for_comes_first(table, capsys):
    path = table(rows())
    for average, first in (("population", "population average"), ("median", "median study")):
        code, out, _ = run(capsys, path, *COLUMNS, "--average", average)
        assert code == 0
        assert out.splitlines()[1].strip().startswith(first)
        assert "median study" in out
        assert "population average" in out
        code, text, _ = run(capsys, path, *COLUMNS, "--average", average, "--json")
        found = json.loads(text)
        assert found["average"] == average
        assert found["estimate"] == found[{"population": "population_average", "median": "median_study"}[average]]["estimate"]
