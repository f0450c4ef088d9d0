"""What is said of a table that may count people twice, and of how counts are written."""

import json

import pytest

from cordbook.cli import main

POOL = ("--events", "e", "--n", "n", "--study", "s")
COMPARE = ("--events1", "a", "--n1", "n1", "--events2", "c", "--n2", "n2", "--study", "s")


@pytest.fixture
def ask(tmp_path, capsys):
    def run(command, text, *options):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8", newline="")
        code = main([command, str(path), *options])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s,e,n\nA,3,12\nA,3,12\nB,4,20\n", "A stands in 2 rows (lines 2, 3), with the same counts"),
        ("s,e,n\nA,3,12\na ,5,14\nB,4,20\n", "rows of one study are not independent"),
        ("s,e,n\nA,3,12\nB,4,20\nTotal,7,30\n", "Line 4 (Total) has the name of a sum"),
        ("s,e,n\nA,3,12\nB,4,20\nC,7,32\n", "Line 4 (C) is the sum of all other rows"),
        ("s,e,n\nA,30,100\nB,25,100\nC,47,100\n", "Every study has n = 100"),
    ],
)
def test_rows_that_count_people_twice_and_percentages_are_noted(ask, text, words):
    code, out, err = ask("pool", text, *POOL)
    assert (code, err) == (0, "") and words in out
    _, out, _ = ask("pool", text, *POOL, "--json")
    assert any(words in note for note in json.loads(out)["notes"])


def test_a_comparison_has_the_same_notes(ask):
    text = "s,a,n1,c,n2\nA,3,12,2,11\nB,4,20,3,19\nAll studies,7,32,5,30\n"
    code, out, _ = ask("compare", text, *COMPARE)
    assert code == 0 and "Line 4 (All studies) is the sum of all other rows" in out


def test_an_ordinary_table_has_no_such_notes(ask):
    _, out, _ = ask("pool", "s,e,n\nA,3,12\nB,4,20\nTotalini 2019,9,41\n", *POOL, "--json")
    assert not [note for note in json.loads(out)["notes"] if "Line" in note or "rows" in note]


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\ns;e;n\nA;3;1200\nB;4;20\n",
        '"sep=;"\r\ns;e;n\r\nA;3;1200\r\nB;4;20\r\n',
        "s|e|n\nA|3|1200\nB|4|20\n",
        "s\te\tn\nA\t3\t1200\nB\t4\t20\n",
        's,e,n\nA,3,"1,200"\nB,4.0,20\n',
        "s;e;n\nA;3,0;1 200\nB;4;20\n",
        "s;e;n\nA;3;1'200\nB;4;2e1\n",
        "s,e,n\rA,3,1200\rB,4,20\r",
    ],
    ids=["sep", "sep quoted", "bar", "tab", "thousands", "decimal comma", "apostrophe", "old Macintosh"],
)
def test_files_as_programs_write_them_give_their_counts(ask, text):
    code, out, err = ask("pool", text, *POOL, "--json")
    assert (code, err) == (0, "")
    assert [(study["events"], study["n"]) for study in json.loads(out)["studies"]] == [(3, 1200), (4, 20)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s;e;n\nA;1.000;2000\nB;4;20\n", "line 2, column 'e': '1.000' may be a decimal number or thousands"),
        ("s;e;n\nA;1,200;2000\nB;4;20\n", "line 2, column 'e': '1,200' may be a decimal number or thousands"),
        ("s,e,n\nA,30%,40\nB,4,20\n", "'30%' is a percentage; write the count of participants"),
        ("sep=;\ns;e;n\nA;x;12\nB;4;20\n", "line 3, column 'e': 'x' is not a whole number"),
    ],
)
def test_counts_that_can_be_read_two_ways_are_refused_with_their_place(ask, text, words):
    code, out, err = ask("pool", text, *POOL)
    assert (code, out) == (1, "") and words in err


TWO_ARMS = "s,a,n1,c,n2\nA,5,20,3,20\nB,9,30,4,28\nC,6,25,3,24\n"


def test_messages_name_the_options_of_the_command_line(ask):
    _, out, _ = ask("compare", TWO_ARMS, *COMPARE, "--no-hksj-floor")
    assert "use --hksj-floor." in out and "hksj_floor" not in out
    code, _, err = ask("compare", "s,a,n1,c,n2\nA,0,20,0,20\nB,0,30,0,28\n", *COMPARE)
    assert code == 1 and "say nothing of an odds ratio: use --measure RD" in err
    code, _, err = ask("compare", TWO_ARMS, *COMPARE, "--model", "peto", "--measure", "RR")
    assert code == 2 and "--model peto pools odds ratios only: use --measure OR, or --model mh for --measure RR" in err


def test_the_floor_reaches_the_library(ask):
    wide, narrow = (json.loads(ask("compare", TWO_ARMS, *COMPARE, "--json", *more)[1]) for more in ((), ("--no-hksj-floor",)))
    assert wide["ci_low"] < narrow["ci_low"] < narrow["ci_high"] < wide["ci_high"]
    pool = ("--events", "a", "--n", "n1", "--model", "reml", "--json")
    wide, narrow = (json.loads(ask("pool", TWO_ARMS, *pool, *more)[1]) for more in ((), ("--no-hksj-floor",)))
    assert wide["ci_low"] < narrow["ci_low"] < narrow["ci_high"] < wide["ci_high"]


def test_tables_show_digits_that_matter_and_mark_what_was_corrected(ask):
    _, out, _ = ask("pool", "s,e,n\nA,3,217154\nB,4,20\n", *POOL)
    assert "0.0000138" in out
    _, out, _ = ask("compare", "s,a,n1,c,n2\nA,0,20,3,20\nB,9,30,4,28\nC,0,9,0,8\nD,4,9,2,8\n", *COMPARE)
    assert "0.122*" in out and "* with 1/2 added to the four cells" in out and "not estimable" in out
    _, out, _ = ask("compare", "s,a,n1,c,n2\nA,2,2,0,2\nB,2,2,0,2\nC,19,20,1,8\n", *COMPARE, "--measure", "RD")
    assert "0.0700 to 1.00" in out and "1.26" not in out


def test_the_plot_has_the_words_of_the_user(ask, tmp_path):
    target = tmp_path / "forest.svg"
    ask("compare", TWO_ARMS, *COMPARE, "--plot", str(target))
    svg = target.read_text(encoding="utf-8")
    assert "Arm 1 v arm 2" in svg and "Cells" not in svg and "More events with Arm 1" in svg
    assert "Random effects, REML; τ² 0; I² 0%; interval: 95%, Hartung-Knapp-Sidik-Jonkman" in svg
    words = ("--label1", "Aspirin", "--label2", "placebo", "--event-is", "bad")
    ask("compare", TWO_ARMS, *COMPARE, "--plot", str(target), *words)
    svg = target.read_text(encoding="utf-8")
    assert "Aspirin v placebo" in svg and "← Favours Aspirin" in svg and "Favours placebo →" in svg
    ask("pool", TWO_ARMS, "--events", "a", "--n", "n1", "--plot", str(target))
    svg = target.read_text(encoding="utf-8")
    assert "Percent of participants" in svg and "patients" not in svg
