"""Further analyses of `cordbook pool` and `cordbook compare`: numbers, refusals, JSON, tables and figures."""

import csv
import json
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

import cordbook as cb
from cordbook.cli import main
from cordbook.cli.further import Rows, _by, _moderators, in_words
from cordbook.core.text import capital
from cordbook.evidence.vocabulary import Names, Vocabulary
from cordbook.synthesis.results import significant
from tests.synthesis.why_reference import BCG, ITERATIVE, REFERENCE, assert_close

NAMES = [f"Trial {letter}" for letter in "ABCDEFGHIJKLM"]
YI, VI = np.array(BCG["yi"]), np.array(BCG["vi"])
ARMS = {
    "a": BCG["tpos"],
    "n1": [t + u for t, u in zip(BCG["tpos"], BCG["tneg"], strict=True)],
    "c": BCG["cpos"],
    "n2": [t + u for t, u in zip(BCG["cpos"], BCG["cneg"], strict=True)],
}
COUNTS = tuple(ARMS.values())
#: A proportion of each trial, and which laboratory it is of.
E, N = [4, 6, 3, 20, 18, 25, 8, 30, 9, 17, 12, 5, 14], [30, 41, 29, 60, 55, 70, 38, 81, 44, 52, 47, 33, 49]
LABS = list("AABBCCDDEEFFG")
EFFECTS = ("--yi", "yi", "--vi", "vi", "--study", "trial")
TWO_ARMS = ("--events1", "a", "--n1", "n1", "--events2", "c", "--n2", "n2", "--study", "trial")
PROPORTIONS = ("--events", "e", "--n", "n", "--study", "trial")
EVERYTHING = (
    "--by",
    "alloc",
    "--moderators",
    "ablat",
    "--leave-one-out",
    "--cumulative",
    "year",
    "--influence",
    "--bias",
    "--bayes",
)
PRIOR = ("--tau-prior", "half-normal:0.5")
FIGURES = ("leave-one-out", "cumulative", "influence", "funnel", "regression", "bayes")


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    columns = {"trial": NAMES, "lab": LABS, **{c: BCG[c] for c in ("yi", "vi", "year", "ablat", "alloc")}, **ARMS, "e": E, "n": N}
    return write(tmp_path_factory.mktemp("further") / "trials.csv", columns)


def write(path, columns):
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))
    return str(path)


@pytest.fixture
def run(capsys):
    def call(command, *arguments):
        code = main([command, *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def found(run):
    """The analyses of a command as JSON."""

    def call(command, *arguments):
        code, out, err = run(command, *arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)["analyses"]

    return call


def plain(result):
    return json.loads(json.dumps(result.to_dict()))


def without_notes(shown):
    return {name: value for name, value in shown.items() if name not in ("notes", "scale", "column")}


# ---------------------------------------------------------------------------------------------------- against metafor


def test_groups_agree_with_metafor(trials, found):
    theirs = REFERENCE["subgroups"]["REML_z"]
    ours = found("pool", trials, *EFFECTS, "--ci", "wald", "--by", "alloc")["by"]
    assert [group["label"] for group in ours["groups"]] == REFERENCE["subgroups"]["groups"]
    for name, key in (("estimate", "estimate"), ("ci_low", "ci_lb"), ("ci_high", "ci_ub"), ("tau2", "tau2")):
        assert_close([group[name] for group in ours["groups"]], theirs[key], ITERATIVE)
    assert_close(ours["between"]["statistic"], theirs["QB"], ITERATIVE)


def test_rows_of_ratios_are_ratios_and_their_logarithms_agree_with_metafor(trials, found):
    options = ("--measure", "RR", "--no-hksj-floor", "--leave-one-out", "--cumulative", "year")
    ours = found("compare", trials, *TWO_ARMS, *options)
    for name, key in (("leave_one_out", "REML_knha"), ("cumulative", "REML_knha_year")):
        theirs = REFERENCE["leave1out" if name == "leave_one_out" else name][key]
        rows = ours[name]["rows"]
        assert ours[name]["scale"] == "risk ratio"
        # The first of a cumulative analysis stands for itself, by the normal distribution here and there.
        for field, of in (("estimate", "estimate"), ("ci_low", "ci_lb"), ("ci_high", "ci_ub")):
            assert_close([math.log(row[field]) for row in rows], theirs[of], ITERATIVE)
        assert_close([row["model_estimate"] for row in rows], theirs["estimate"], ITERATIVE)


def test_influence_and_regression_agree_with_metafor(trials, found):
    ours = found("pool", trials, *EFFECTS, "--ci", "wald", "--influence", "--moderators", "ablat")
    theirs = REFERENCE["influence"]["mean_REML_z"]
    for field, key in (("rstudent", "rstudent"), ("cooks_distance", "cook.d"), ("hat", "hat"), ("baujat_y", "baujat_y")):
        assert_close([case[field] for case in ours["influence"]["cases"]], theirs[key], ITERATIVE)
    line = REFERENCE["regression"]["ablat_REML_z"]
    coefficients = ours["moderators"]["coefficients"]
    assert [c["name"] for c in coefficients] == ["intercept", "ablat"]
    assert_close([c["estimate"] for c in coefficients], line["beta"], ITERATIVE)
    assert_close([c["se"] for c in coefficients], line["se"], ITERATIVE)


def test_small_study_effects_agree_with_metafor(trials, found):
    bias = found("pool", trials, *EFFECTS, "--bias", "--ci", "wald")["bias"]
    assert_close(bias["egger"]["statistic"], REFERENCE["regtest"]["lm_sei"]["z"], ITERATIVE)
    filled = REFERENCE["trimfill"]["bcg_REML_L0_auto"]
    assert (bias["trim_and_fill"]["k0"], bias["trim_and_fill"]["side"]) == (filled["k0"], filled["side"])
    assert_close(bias["trim_and_fill"]["adjusted"]["estimate"], filled["estimate"], ITERATIVE)
    selected = REFERENCE["selection"]["bcg_ML_less_025"]
    assert bias["selection_model"]["direction"] == "less"  # that of the pooled effect
    assert bias["selection_model"]["estimate"] == pytest.approx(selected["beta"], abs=1e-5)
    arms = found("compare", trials, *TWO_ARMS, "--bias")["bias"]
    assert_close(arms["peters"]["statistic"], REFERENCE["peters"]["bcg"]["z"], ITERATIVE)
    assert_close(arms["arcsine"]["statistic"], REFERENCE["arcsine"]["bcg_rma_DL"]["z"], ITERATIVE)


# ---------------------------------------------------------------------------------------------- against the functions


def test_proportions_are_analysed_by_the_model_that_pooled_them(trials, found):
    groups, years, latitude = BCG["alloc"], BCG["year"], {"ablat": BCG["ablat"]}
    for options in (
        {"model": "glmm", "average": "population"},
        {"model": "dl", "measure": "arcsine", "level": 0.9},
        {"model": "betabinomial", "average": "median"},
    ):
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        ours = found("pool", trials, *PROPORTIONS, *flags, *EVERYTHING)
        data = {"labels": NAMES, **options}
        assert without_notes(ours["by"]) == without_notes(plain(cb.subgroup_proportions(E, N, groups, **data)))
        assert without_notes(ours["leave_one_out"]) == without_notes(plain(cb.leave_one_out(E, N, **data)))
        assert without_notes(ours["cumulative"]) == without_notes(plain(cb.cumulative(E, N, by=years, **data)))
        way = {name: value for name, value in data.items() if name != "average"}
        way["model"] = "glmm" if options["model"] == "betabinomial" else options["model"]
        fit = plain(cb.regress_proportions(E, N, latitude, **way))
        assert ours["moderators"]["coefficients"] == fit["coefficients"]
        bayes = cb.bayes_pool_proportions(
            E, N, labels=NAMES, level=options.get("level", 0.95), average=options.get("average", "median")
        )
        assert without_notes(ours["bayes"]) == without_notes(plain(bayes))
        size = {"labels": NAMES, "level": options.get("level", 0.95)}
        test = cb.proportion_size_test(E, N, model="dl" if options["model"] == "dl" else "glmm", **size)
        assert ours["bias"]["size_test"] == plain(test)
        assert {"trim_and_fill", "selection_model", "egger"} & set(ours["bias"]) == set()
        assert "single proportion has not" in " ".join(ours["bias"]["notes"])


def test_influence_on_a_proportion_says_by_which_model(trials, found):
    ours = found("pool", trials, *PROPORTIONS, "--influence")["influence"]
    effects = cb.proportion_effects(E, N, measure="logit")
    assert ours["cases"] == plain(cb.influence(effects.yi, effects.vi, labels=NAMES))["cases"]
    assert "random effects (REML) of log odds" in " ".join(ours["notes"])
    own = found("pool", trials, *PROPORTIONS, "--model", "pm", "--influence")["influence"]
    assert own["cases"] == plain(cb.influence(effects.yi, effects.vi, labels=NAMES, model="pm", ci="hksj"))["cases"]
    assert own["notes"] == []


def test_effects_are_analysed_with_the_options_that_pooled_them(trials, found):
    flags = ("--model", "pm", "--ci", "hksj", "--level", "0.9")
    ours = found("pool", trials, *EFFECTS, *flags, *EVERYTHING, *PRIOR)
    way = {"labels": NAMES, "model": "pm", "ci": "hksj", "level": 0.9}
    assert without_notes(ours["by"]) == without_notes(plain(cb.subgroup_effects(YI, VI, BCG["alloc"], **way)))
    assert ours["moderators"]["coefficients"] == plain(cb.meta_regression(YI, VI, {"ablat": BCG["ablat"]}, **way))["coefficients"]
    assert ours["cumulative"]["rows"] == plain(cb.cumulative_effects(YI, VI, by=BCG["year"], **way))["rows"]
    prior = cb.HalfNormal(0.5)
    assert without_notes(ours["bayes"]) == without_notes(
        plain(cb.bayes_pool_effects(YI, VI, tau_prior=prior, labels=NAMES, level=0.9))
    )
    assert ours["bias"]["funnel"] == plain(cb.funnel_effects(YI, VI, labels=NAMES, level=0.9))


def test_means_are_analysed_on_their_own_scale(tmp_path, found):
    columns = {"study": list("ABCDEF"), "n1": [20, 30, 15, 40, 10, 22], "mean1": [10, 12, 9, 11, 8, 9], "sd1": [4, 4, 3, 5, 3, 4],
               "n2": [22, 32, 12, 38, 10, 20], "mean2": [7, 8, 8, 7, 9, 7], "sd2": [5, 5, 4, 4, 5, 4], "phase": list("xxxyyy")}  # fmt: skip
    table = write(tmp_path / "scores.csv", columns)
    for measure, scale in (("SMD", "standardised mean difference (Hedges g)"), ("ROM", "ratio of means")):
        ours = found("pool", "--means", table, "--measure", measure, "--by", "phase", "--bias")
        effects = cb.mean_effects(*(columns[c] for c in ("mean1", "sd1", "n1", "mean2", "sd2", "n2")), measure=measure)
        theirs = cb.subgroup_effects(effects.yi, effects.vi, columns["phase"], labels=columns["study"])
        back = math.exp if measure == "ROM" else float
        assert [row["estimate"] for row in ours["by"]["groups"]] == [back(row.estimate) for row in theirs.groups]
        assert ours["by"]["scale"] == scale
        assert ours["bias"]["egger"]["p"] == cb.egger_test(effects.yi, effects.vi).p
    alone = write(
        tmp_path / "one.csv", {"study": list("ABCD"), "n": [20, 30, 15, 40], "mean": [10, 12, 9, 11], "sd": [4, 4, 3, 5]}
    )
    bias = found("pool", "--means", alone, "--bias")["bias"]
    assert "trim_and_fill" not in bias and bias["funnel"]["null"] is None
    assert "single mean has not" in " ".join(bias["notes"])


def test_several_rows_a_study_are_regressed_with_errors_of_the_cluster(trials, found):
    ours = found("pool", trials, *EFFECTS, "--cluster", "lab", "--rho", "0.4", "--moderators", "ablat,alloc")["moderators"]
    moderators = {"ablat": BCG["ablat"], "alloc": BCG["alloc"]}
    theirs = plain(cb.regress_multilevel(YI, VI, LABS, moderators, labels=NAMES, rho=0.4))
    assert ours["coefficients"] == theirs["coefficients"]
    assert ours["column"] == ["ablat", "alloc"]


@pytest.mark.parametrize(("model", "by"), [("mh", "common"), ("peto", "common"), ("glmm", "reml")])
def test_a_model_without_effects_says_by_which_one_it_is_analysed(trials, run, model, by):
    code, out, _ = run("compare", trials, *TWO_ARMS, "--model", model, "--leave-one-out", "--json")
    shown = json.loads(out)
    assert (code, shown["model"], shown["analyses"]["leave_one_out"]["model"]) == (0, model, by)
    assert f"--model {model} has no such analysis of its own" in " ".join(shown["analyses"]["leave_one_out"]["notes"])


def test_a_study_without_an_effect_takes_its_column_with_it(tmp_path, found):
    """Its group and its moderator go with it, and the others keep theirs."""
    columns = {"s": list("ABCDE"), "a": [0, 2, 3, 1, 4], "n1": [10, 10, 20, 30, 20], "c": [0, 4, 7, 6, 5], "n2": [12, 12, 22, 22, 20],
               "g": ["gone", "x", "x", "y", "y"], "dose": [99, 1, 2, 3, 5]}  # fmt: skip
    table = write(tmp_path / "zero.csv", columns)
    arms = ("--events1", "a", "--n1", "n1", "--events2", "c", "--n2", "n2", "--study", "s")
    for model in ("reml", "mh"):
        ours = found("compare", table, *arms, "--model", model, "--by", "g", "--moderators", "dose", "--influence")
        assert [group["label"] for group in ours["by"]["groups"]] == ["x", "y"]
        assert [case["label"] for case in ours["influence"]["cases"]] == list("BCDE")
        assert [study["row"][1] for study in ours["moderators"]["studies"]] == [1, 2, 3, 5]
    kept = found("compare", table, *arms, "--double-zero", "keep", "--influence")
    assert len(kept["influence"]["cases"]) == 5


# ------------------------------------------------------------------------------------------------------ JSON and text


def test_what_was_there_before_stays_at_the_top(trials, run):
    before = json.loads(run("pool", trials, *PROPORTIONS, "--json")[1])
    assert "analyses" not in before
    after = json.loads(run("pool", trials, *PROPORTIONS, *EVERYTHING, "--json")[1])
    assert {name: value for name, value in after.items() if name != "analyses"} == before
    assert list(after["analyses"]) == ["by", "moderators", "leave_one_out", "cumulative", "influence", "bias", "bayes"]
    assert all(shown["scale"] and isinstance(shown["notes"], list) for shown in after["analyses"].values())


def test_people_get_an_aligned_table_of_each_and_no_note_twice(trials, run):
    for command, options in (("pool", PROPORTIONS), ("pool", EFFECTS + PRIOR), ("compare", (*TWO_ARMS, "--model", "mh", *PRIOR))):
        code, out, _ = run(command, trials, *options, *EVERYTHING)
        assert code == 0
        for head in ("alloc ", "coefficient ", "without ", "came in ", "Cook's distance", "regressed on", "given all"):
            assert re.search(head, out), head
        notes = [line for line in out.splitlines() if line.startswith("  note: ")]
        assert len(set(notes)) == len(notes)
        for block in out.split("\n\n"):
            lines = [line for line in block.splitlines() if line.startswith(("came in", "Trial "))]
            assert len({len(line) for line in lines if line.endswith("%")}) <= 1


def test_the_ratio_stands_beside_a_logarithm(trials, run):
    _, out, _ = run("compare", trials, *TWO_ARMS, "--moderators", "ablat")
    slope = cb.meta_regression(*_or_effects(), {"ablat": BCG["ablat"]}).coefficient("ablat")
    line = next(line for line in out.splitlines() if line.startswith("ablat"))
    assert f"{slope.estimate:.4f}"[:6] in line and f"{math.exp(slope.estimate):.3f}" in line
    assert "as odds ratio" in out


def _or_effects():
    effects = cb.two_arm_effects(*COUNTS, measure="OR")
    return effects.yi, effects.vi


def test_cumulative_goes_by_a_column_by_precision_or_as_given(trials, found):
    def names(*order):
        return [row["label"] for row in found("pool", trials, *EFFECTS, "--cumulative", *order)["cumulative"]["rows"]]

    assert names() == NAMES
    assert names("year")[0] == "Trial A" and names("year")[-1] == "Trial H"
    assert names("precision") == [NAMES[i] for i in np.argsort(VI, kind="stable")]


def test_a_part_that_cannot_be_made_is_told_and_the_others_stay(tmp_path, found):
    """All results are significant, so a selection model has nothing to compare with."""
    table = write(tmp_path / "sure.csv", {"y": [1.0, 1.2, 0.9, 1.4], "v": [0.01, 0.02, 0.03, 0.05]})
    bias = found("pool", table, "--yi", "y", "--vi", "v", "--bias")["bias"]
    assert bias["selection_model"] is None
    assert bias["egger"]["p"] > 0 and bias["trim_and_fill"]["k0"] >= 0
    assert any(note.startswith("No selection model: ") for note in bias["notes"])


def test_the_direction_of_a_selection_model_can_be_chosen(trials, found):
    chosen = found("compare", trials, *TWO_ARMS, "--bias", "--direction", "greater")["bias"]
    assert (chosen["selection_model"] or {}).get("direction", "greater") == "greater"
    assert "--direction" not in " ".join(chosen["notes"])
    usual = found("compare", trials, *TWO_ARMS, "--bias")["bias"]
    assert "effects below no effect were wanted" in " ".join(usual["notes"])


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("pool", (*EFFECTS, "--by", "alloq"), "no column 'alloq' (--by). Did you mean 'alloc'?"),
        ("pool", (*PROPORTIONS, "--moderators", "ablat,yaer"), "no column 'yaer' (--moderators yaer). Did you mean 'year'?"),
        ("compare", (*TWO_ARMS, "--cumulative", "yeer"), "no column 'yeer' (--cumulative)"),
        ("pool", (*EFFECTS, "--bayes"), "--bayes needs --tau-prior half-normal:SCALE"),
        ("compare", (*TWO_ARMS, "--bayes"), "half-normal:0.5"),
        ("pool", (*EFFECTS, "--tau-prior", "half-cauchy:1"), "add --bayes"),
        ("pool", (*EFFECTS, "--direction", "less"), "add --bias"),
        ("pool", (*PROPORTIONS, "--bias", "--direction", "less"), "single proportions have not"),
        ("pool", (*PROPORTIONS, "--measure", "double-arcsine", "--moderators", "year"), "choose --measure logit"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_what_to_do(trials, run, command, options, words):
    code, out, err = run(command, trials, *options)
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize("option", ["--by alloc", "--leave-one-out", "--cumulative", "--influence", "--bias", "--bayes"])
def test_what_clusters_do_not_have_is_refused_before_the_file_is_read(run, option):
    code, _, err = run("pool", "no-such-file.csv", *EFFECTS, "--cluster", "lab", *option.split())
    assert code == 2
    assert f"{option.split()[0]} does not go with --cluster: " in err and "no-such-file" not in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tau-prior", "normal:1"), "half-normal:SCALE"),
        (("--tau-prior", "half-normal:0"), "a scale above 0"),
        (("--moderators", "year,year"), "names a column twice"),
        (("--moderators", "year,"), "with commas between them"),
        (("--cumulative", "trials.csv"), "is taken for a column: put the file first"),
        (("--plot", "forest.gif"), ".svg, .png or .pdf"),
    ],
)
def test_a_malformed_option_is_a_usage_error(trials, capsys, options, words):
    with pytest.raises(SystemExit) as stopped:
        main(["pool", trials, *EFFECTS, *options])
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_a_column_with_a_comma_in_its_name_can_be_named(tmp_path, found):
    table = write(tmp_path / "t.csv", {"y": YI, "v": VI, "latitude, degrees": BCG["ablat"]})
    ours = found("pool", table, "--yi", "y", "--vi", "v", "--moderators", '"latitude, degrees"')["moderators"]
    assert [c["name"] for c in ours["coefficients"]] == ["intercept", "latitude, degrees"]


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ({"g": ["x", "", "y"]}, ("--by", "g"), "column 'g': blank in line 3"),
        ({"g": ["x", "x", "x"]}, ("--by", "g"), "--by: All studies are in the group 'x'"),
        ({"g": ["1999", "later", "2004"]}, ("--cumulative", "g"), "--cumulative g: not a number in line 3: 'later'"),
        ({"g": ["1", "1", "1"]}, ("--moderators", "g"), "--moderators: Moderators: 'g' has the same value in all studies"),
    ],
)
def test_a_column_that_cannot_serve_is_told(tmp_path, run, columns, options, words):
    table = write(tmp_path / "t.csv", {"y": [0.1, 0.4, 0.3], "v": [0.1, 0.2, 0.1], **columns})
    code, out, err = run("pool", table, "--yi", "y", "--vi", "v", *options)
    assert (code, out) == (1, "")
    assert words in err


def test_too_few_studies_are_told_by_the_option(tmp_path, run):
    table = write(tmp_path / "t.csv", {"y": [0.1, 0.4], "v": [0.1, 0.2]})
    code, _, err = run("pool", table, "--yi", "y", "--vi", "v", "--leave-one-out")
    assert code == 1 and "--leave-one-out: " in err and "at least 3" in err


def test_a_decimal_comma_is_a_number_where_commas_do_not_divide(tmp_path, found):
    path = tmp_path / "t.csv"
    lines = ["y;v;dose", *(f"{y};{v};{d}".replace(".", ",") for y, v, d in zip(YI, VI, np.arange(13) / 2, strict=True))]
    path.write_text("\n".join(lines), encoding="utf-8")
    ours = found("pool", str(path), "--yi", "y", "--vi", "v", "--moderators", "dose")["moderators"]
    assert [study["row"][1] for study in ours["studies"]] == (np.arange(13) / 2).tolist()


# -------------------------------------------------------------------------------------------------------------- figures

BEGINS = {".svg": b"<?xml", ".png": b"\x89PNG\r\n", ".pdf": b"%PDF"}


@pytest.mark.parametrize("ending", BEGINS)
@pytest.mark.parametrize(
    ("command", "options"), [("pool", PROPORTIONS), ("pool", EFFECTS + PRIOR), ("compare", TWO_ARMS + PRIOR)]
)
def test_figures_are_of_the_kind_that_their_name_says(trials, run, tmp_path, command, options, ending):
    target = tmp_path / f"out{ending}"
    code, _, err = run(command, trials, *options, *EVERYTHING, "--plot", target)
    assert code == 0
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted([f"out{ending}", *(f"out-{name}{ending}" for name in FIGURES)])
    assert all((tmp_path / name).read_bytes().startswith(BEGINS[ending]) for name in written)
    assert all(str(tmp_path / name) in err for name in written)


def test_a_forest_plot_has_the_groups_and_what_was_found_of_them(trials, run, tmp_path):
    target = tmp_path / "f.svg"
    _, _, err = run("compare", trials, *TWO_ARMS, "--by", "alloc", "--plot", target)
    assert err == ""  # the file that was named needs no telling
    words = re.findall(r">([^<>]+)</text>", target.read_text(encoding="utf-8"))
    assert [word for word in words if word in ("alternate", "random", "systematic")] == ["alternate", "random", "systematic"]
    assert words.count("Pooled") == 3
    a, n1 = (sum(x for x, g in zip(ARMS[c], BCG["alloc"], strict=True) if g == "random") for c in ("a", "n1"))
    assert any(word.startswith(f"{a}/{n1} v ") for word in words)


@pytest.mark.parametrize(
    "options", [("--moderators", "alloc"), ("--moderators", "ablat,year"), ("--cluster", "lab", "--moderators", "ablat")]
)
def test_a_regression_that_no_line_shows_is_drawn_by_its_coefficients(trials, run, tmp_path, options):
    code, out, err = run("pool", trials, *EFFECTS, *options, "--plot", tmp_path / "f.svg", "--json")
    assert code == 0 and str(tmp_path / "f-regression.svg") in err
    drawn = (tmp_path / "f-regression.svg").read_text(encoding="utf-8")
    words = re.findall(r">([^<>]+)</text>", drawn)
    coefficients = json.loads(out)["analyses"]["moderators"]["coefficients"]
    for coefficient in coefficients[1:]:
        assert any(word.startswith(coefficient["name"]) for word in words), coefficient["name"]
        assert any(word.startswith(f"{significant(coefficient['estimate'])} (") for word in words)
    assert not any(word.startswith("intercept") for word in words)


def test_a_figure_beside_that_cannot_be_written_is_told_by_its_name(trials, run, tmp_path):
    (tmp_path / "f-funnel.png").mkdir()
    code, _, err = run("pool", trials, *EFFECTS, "--bias", "--plot", tmp_path / "f.png")
    assert code == 2 and "f-funnel.png cannot be written" in err


# ------------------------------------------------------------------------------------------------- the review's evidence


@pytest.fixture
def evidence(run, monkeypatch, root):
    monkeypatch.chdir(root)
    return lambda *options: run("pool", "--outcome", "ais_improved", "--where", "role=treated", *options)


def test_the_review_s_own_counts_are_analysed_by_their_columns(evidence):
    code, out, _ = evidence("--where", "cell_type=bm_msc", "--by", "design", "--cumulative", "--json")
    shown = json.loads(out)
    assert code == 0
    studies = [study["label"] for study in shown["studies"]]
    assert sorted(label for group in shown["analyses"]["by"]["members"] for label in group) == sorted(studies)
    assert [row["label"] for row in shown["analyses"]["cumulative"]["rows"]] == studies
    way = {"average": shown["average"], "labels": studies}
    events, n = ([study[name] for study in shown["studies"]] for name in ("events", "n"))
    assert shown["analyses"]["cumulative"]["rows"] == plain(cb.cumulative(events, n, **way))["rows"]


def test_a_column_that_the_evidence_lacks_or_leaves_open_is_told(evidence, run):
    code, _, err = evidence("--by", "desing")
    assert code == 2 and "Did you mean 'design'?" in err
    # A study whose two arms are added up has two ids of arms.
    code, _, err = run("pool", "--outcome", "death", "--where", "role=treated", "--by", "arm_id", "--pool-anyway")
    assert code == 1 and re.search(r"--by arm_id: .* has '\S+' and '\S+'; .*--exclude", err)
    code, _, err = evidence("--where", "cell_type=bm_msc", "--moderators", "year")
    assert code == 1 and "has no value" in err


def test_what_stands_side_by_side_is_not_analysed_unless_pooled_anyway(run, monkeypatch, root):
    monkeypatch.chdir(root)
    asked = ("--outcome", "sae_any", "--where", "intervention_class=cell_therapy", "--where", "role=treated", "--leave-one-out")
    code, out, err = run("pool", *asked)
    assert (code, out) == (1, "") and "set these side by side" in err and "--pool-anyway" in err
    code, out, _ = run("pool", *asked, "--pool-anyway", "--json")
    assert code == 0 and "leave_one_out" in json.loads(out)["analyses"]


def test_people_read_names_where_json_keeps_codes(evidence):
    asked = ("--by", "design", "--moderators", "design,intervention_class", "--pool-anyway")
    _, out, _ = evidence(*asked, "--json")
    analyses = json.loads(out)["analyses"]
    codes = [group["label"] for group in analyses["by"]["groups"]]
    assert "single_arm" in codes and analyses["by"]["column"] == "design"
    _, text, _ = evidence(*asked)
    lines = text.splitlines()
    assert not [line for line in lines if re.search(r"single_arm|case_series|intervention_class|cell_therapy", line)]
    assert "by Design" in text and any(line.startswith("Single arm ") for line in lines)
    for coefficient in analyses["moderators"]["coefficients"][1:]:
        code = coefficient["name"].partition(": ")[2]
        (line,) = [
            line
            for line in lines
            if line.startswith(f"{HEADS[coefficient['name'].partition(': ')[0]]}: {WORDS.get(code, capital(code))} ")
        ]
        assert significant(coefficient["estimate"]) in line


HEADS = {"design": "Design", "intervention_class": "Treatment"}
WORDS = {
    "rct": "Randomised trial", "single_arm": "Single arm", "controlled_nonrandomised": "Controlled, not randomised",
    "case_series": "Case series", "cell_therapy": "Cell therapy", "drug": "Drug", "hypothermia": "Cooling",
    "rehabilitation": "Rehabilitation training", "exercise_training": "Rehabilitation training",
}  # fmt: skip


def test_figures_show_names_of_the_review_s_codes(evidence, tmp_path):
    code, _, _ = evidence(
        "--by", "design", "--moderators", "design,confidence", "--pool-anyway", "--json", "--plot", tmp_path / "f.svg"
    )
    assert code == 0
    drawn = [(tmp_path / name).read_text(encoding="utf-8") for name in ("f.svg", "f-regression.svg")]
    for words in (re.findall(r">([^<>]+)</text>", text) for text in drawn):
        assert any("Single arm" in word for word in words)
        assert not any("single_arm" in word for word in words)


def test_the_level_that_others_are_compared_with_is_that_of_the_codes():
    """By code "b" comes first, by name "Able"; names change no number."""
    vocabulary = Vocabulary(names={("g", "b"): Names("Zeal"), ("g", "c"): Names("Able"), ("g", "d"): Names("Able")})
    rows = Rows(
        "effects", list("stuvwx"), {"model": "reml", "ci": None, "level": 0.95, "hksj_floor": True}, {"g": list("bcdbcd")}, lambda text: None,
        yi=np.array(YI[:6]), vi=np.array(VI[:6]), vocabulary=vocabulary,
    )  # fmt: skip
    args = SimpleNamespace(by="g", moderators=["g"])
    analyses = [_moderators(args, rows, None), _by(args, rows, None)]
    named, (moderators, by) = in_words(args, rows, None, analyses)
    before = {c.name: c.estimate for c in analyses[0].result.coefficients}
    after = {c.name: c.estimate for c in moderators.result.coefficients}
    assert after == pytest.approx(
        {"intercept": before["intercept"], "G: Able (c)": before["g: c"], "G: Able (d)": before["g: d"]}
    )
    assert moderators.result.references == {"G": "Zeal"}
    assert {g.label: g.estimate for g in by.result.groups} == pytest.approx(
        {
            name: next(g.estimate for g in analyses[1].result.groups if g.label == code)
            for code, name in (("b", "Zeal"), ("c", "Able (c)"), ("d", "Able (d)"))
        }
    )
    assert named.columns == {"G": ["Zeal", "Able (c)", "Able (d)"] * 2}
