"""Figures: what is drawn is what was computed, the same bytes every time, and no markup from data."""

import math
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from matplotlib.image import imread

from cordbook import (
    compare_arms,
    pool_changes,
    pool_effects,
    pool_means,
    pool_multilevel,
    pool_proportions,
    subgroup_effects,
    two_arm_effects,
)
from cordbook.display.figures.forest import ForestGroup, forest_groups, forest_plot
from cordbook.display.figures.thinning import LET_THROUGH, MOST_STUDIES
from cordbook.review.estimates.phrases import ratio

SVG = "{http://www.w3.org/2000/svg}"


def texts(figure):
    return ["".join(node.itertext()).strip() for node in ET.fromstring(figure.svg).iter(f"{SVG}text")]


@pytest.fixture
def result():
    return pool_proportions([3, 5, 0, 7], [12, 20, 9, 11], labels=["Ash 2001", "Birch 2004", "Cedar 2010", "Dogwood 2013"])


def test_every_study_its_counts_and_the_pooled_result_are_in_the_drawing(result):
    shown = texts(forest_plot(result, title="T"))
    for label, counts in (("Ash 2001", "3/12"), ("Birch 2004", "5/20"), ("Cedar 2010", "0/9"), ("Dogwood 2013", "7/11")):
        assert label in shown
        assert counts in shown
    assert f"All studies (k = {result.k})" in shown
    assert "15/52" in shown
    assert any(text.startswith(f"{100 * result.estimate:.0f} (") for text in shown)


def test_the_alternative_text_gives_the_result(result):
    natural = pool_proportions([10, 20], [100, 100], labels=["x", "y"])
    alt = forest_plot(result, title="Walking", natural=natural).alt
    assert "Walking" in alt
    assert "4 studies, 52 participants" in alt
    assert f"Pooled percent {100 * result.estimate:.0f}" in alt
    assert f"Natural recovery: {100 * natural.estimate:.0f} percent" in alt


def test_positions_follow_the_values(result):
    """The squares stand in the order of the estimates, and left is less."""
    order = sorted(range(4), key=lambda i: result.studies[i].estimate)
    svg = forest_plot(result).svg
    squares = [float(x) for x in re.findall(r'<use xlink:href="#[^"]*" x="([\d.]+)"[^>]*fill: #0072b2', svg)]
    assert len(squares) == 4
    assert sorted(range(4), key=lambda i: squares[i]) == order


def test_a_comparison_has_a_line_of_no_difference_and_both_counts():
    compared = compare_arms([5, 7], [11, 26], [3, 10], [20, 17], labels=["a", "b"], measure="OR", model="reml")
    figure = forest_plot(compared, title="T")
    shown = texts(figure)
    assert "5/11 v 3/20" in shown
    assert "Odds ratio, log scale" in shown
    assert "Pooled odds ratio" in figure.alt


def test_groups_are_drawn_with_their_own_pooled_result(result):
    part = pool_proportions([3, 5], [12, 20], labels=["Ash 2001", "Birch 2004"])
    shown = texts(forest_plot(result, groups=[ForestGroup("Trees", part)]))
    assert "Trees" in shown
    assert "Pooled" in shown
    assert "8/32" in shown


def test_labels_are_escaped_everywhere():
    nasty = '<script>alert(1)</script>&"'
    figure = forest_plot(pool_proportions([1, 2], [5, 6], labels=[nasty, "b"]), title=nasty, figure_id="f")
    html = figure.to_html()
    assert "<script" not in html
    assert nasty in texts(figure)
    ET.fromstring(figure.svg)


def test_what_is_read_on_the_page_is_what_is_read_in_the_file():
    """Making the drawing smaller for the page must not touch a number that a reader sees."""
    figure = forest_plot(pool_proportions([2, 0, 1], [1112, 437, 350]), figure_id="f")
    page = figure.to_html()
    shown = re.findall(r"<text [^>]*>([^<]*)</text>", page.replace(figure.narrow, ""))
    assert [text.strip() for text in shown] == [text.replace("<", "&lt;") for text in texts(figure)]
    assert any("0.022" in text for text in shown)


def test_no_events_at_all_can_be_drawn():
    figure = forest_plot(pool_proportions([0, 0, 0], [30, 20, 50]))
    assert "0 (0 to" in " ".join(texts(figure))


def test_ids_of_two_figures_do_not_meet(result):
    ids = [set(re.findall(r'\bid="([^"]+)"', forest_plot(result, figure_id=name).svg)) for name in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_the_same_figure_has_the_same_bytes_in_another_process(result, tmp_path):
    code = (
        "import sys; from cordbook import pool_proportions; from cordbook.display.figures.forest import forest_plot;"
        "r = pool_proportions([3, 5, 0, 7], [12, 20, 9, 11], labels=['Ash 2001', 'Birch 2004', 'Cedar 2010', 'Dogwood 2013']);"
        f"forest_plot(r).save({str(tmp_path / 'a.svg')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    forest_plot(result).save(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("ending", [".svg", ".png", ".pdf"])
def test_the_same_figure_gives_the_same_bytes_in_every_format(result, tmp_path, ending):
    """Twice of one drawing, and of another drawn in another process, on another second."""
    one, again = forest_plot(result), tmp_path / f"again{ending}"
    first = one.save(tmp_path / f"one{ending}").read_bytes()
    assert one.save(again).read_bytes() == first
    code = (
        "from cordbook import pool_proportions\nfrom cordbook.display.figures.forest import forest_plot\n"
        f"forest_plot(pool_proportions({[s.events for s in result.studies]}, {[s.n for s in result.studies]}, "
        f"labels={[s.label for s in result.studies]})).save({str(again)!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert again.read_bytes() == first


def test_a_png_stands_on_white_at_the_resolution_of_print(result, tmp_path):
    pixels = imread(forest_plot(result).save(tmp_path / "a.png"))
    assert (pixels[0, 0, :3] == 1).all()
    assert 1250 < pixels.shape[1] < 1400


def test_another_format_is_refused_with_those_there_are(result, tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf"):
        forest_plot(result).save(tmp_path / "a.gif")


def test_a_figure_leaves_the_process_without_its_drawing_and_is_the_same(result, tmp_path):
    """A drawing is large, and one on a scale of its own cannot be pickled at all."""
    figure = forest_plot(pool_proportions([2, 0, 4, 0, 3], [1112, 437, 50, 7, 350]))
    copy = pickle.loads(pickle.dumps(figure))
    assert copy == figure and copy.drawing is None
    assert copy.save(tmp_path / "a.svg").read_text(encoding="utf-8").endswith(figure.svg)
    with pytest.raises(ValueError, match="draw it anew"):
        copy.save(tmp_path / "a.png")


def test_groups_of_a_comparison_are_told_as_ratios(result):
    counts = ([4, 6, 3, 62], [123, 306, 231, 13598], [11, 29, 11, 248], [139, 303, 220, 12867])
    compared = compare_arms(*counts, labels=list("abcd"))
    effects = two_arm_effects(*counts)
    groups = ["x", "x", "y", "y"]
    found = subgroup_effects(effects.yi, effects.vi, groups, labels=list("abcd")).transformed(math.exp, "OR")
    figure = forest_plot(compared, groups=forest_groups(compared, found, groups))
    for row in found.groups:
        assert f"{row.label}: {ratio(row.estimate)} ({ratio(row.ci_low)} to {ratio(row.ci_high)})" in figure.alt
    assert "10/429 v 40/442" in figure.svg  # the first two studies together


def test_a_group_stands_before_its_own_natural_recovery(result):
    part = pool_proportions([3, 5], [12, 20], labels=["Ash 2001", "Birch 2004"])
    natural = pool_proportions([10, 20], [100, 100], labels=["x", "y"])
    plain = forest_plot(result, groups=[ForestGroup("Trees", part)])
    figure = forest_plot(result, groups=[ForestGroup("Trees", part, natural)])
    assert f"natural recovery {100 * natural.estimate:.0f}" in figure.alt
    assert figure.svg.count("#009e73") == plain.svg.count("#009e73") + 5  # band and line, and in the key with its words
    assert "green band" in figure.caption
    assert "green band" not in plain.caption


def many(number):
    sizes = [20 + (7 * i) % 60 for i in range(number)]
    return pool_proportions([s // 4 for s in sizes], sizes, labels=[f"Study {i:03d}" for i in range(number)], model="reml")


def test_of_many_studies_those_with_most_weight_are_drawn_and_the_others_stand_together():
    result = many(120)
    figure = forest_plot(result, title="Many", rest="../rows/many.csv", figure_id="many")
    drawn = re.findall(r"Study \d{3}", re.sub(r"<[^>]+>", " ", figure.svg))
    heaviest = sorted(result.studies, key=lambda s: -s.weight)
    assert len(drawn) == MOST_STUDIES
    assert min(s.weight for s in result.studies if s.label in drawn) >= heaviest[MOST_STUDIES].weight
    assert f"{120 - MOST_STUDIES} smaller studies" in figure.svg
    others = [s for s in result.studies if s.label not in drawn]
    assert f"{sum(s.events for s in others)}/{sum(s.n for s in others)}" in figure.svg
    assert 'href="../rows/many.csv"' in figure.svg
    for text in (figure.caption, figure.alt):
        assert f"The {MOST_STUDIES} studies with the most weight are drawn" in text
    assert "leads to a file with every study" in figure.caption


def test_groups_of_many_studies_share_the_rows():
    groups = [ForestGroup("Large", many(200)), ForestGroup("Small", many(6))]
    figure = forest_plot(many(206), groups=groups, figure_id="groups")
    drawn = re.findall(r"Study \d{3}", re.sub(r"<[^>]+>", " ", figure.svg))
    assert MOST_STUDIES <= len(drawn) <= MOST_STUDIES + 6
    assert "group by group" in figure.caption


def test_a_few_more_than_the_most_are_all_drawn():
    figure = forest_plot(many(MOST_STUDIES + LET_THROUGH), figure_id="few")
    assert "smaller studies" not in figure.svg
    assert "one by one" not in figure.caption


def test_dollar_signs_in_a_name_are_no_formula():
    names = ["Price $5 to $9", "Broken $x_{ $$"]
    figure = forest_plot(pool_proportions([1, 2], [5, 6], labels=names))
    assert set(names) <= set(texts(figure))
    assert all(f">{name}<" in str(figure.narrow).replace("&#36;", "$").replace("&#123;", "{") for name in names)


def test_model_spread_and_interval_stand_on_the_plot(result):
    shown = texts(forest_plot(result))
    assert any(t.startswith("Binomial-normal GLMM, maximum likelihood; τ² ") for t in shown)
    assert any("profile likelihood" in t for t in shown)
    assert "Percent of participants" in shown
    plain = texts(forest_plot(result, details=False))
    assert next(t for t in shown if t not in plain).startswith("Binomial-normal")
    assert not any("likelihood" in t for t in plain)


def test_the_sides_of_a_comparison_are_named_by_the_arms():
    compared = compare_arms([5, 7], [11, 26], [3, 10], [20, 17], labels=["a", "b"])
    shown = texts(forest_plot(compared, arms=("Aspirin", "placebo")))
    assert {"Aspirin v placebo", "← Fewer events with Aspirin", "More events with Aspirin →"} <= set(shown)
    wanted = texts(forest_plot(compared, arms=("Aspirin", "placebo"), event_is="good"))
    assert {"← Favours placebo", "Favours Aspirin →"} <= set(wanted)
    assert "Arm 1 v arm 2" in texts(forest_plot(compared))


def test_differences_below_zero_have_their_sign():
    compared = compare_arms([1, 2], [11, 26], [9, 10], [20, 17], labels=["a", "b"], measure="RD")
    shown = texts(forest_plot(compared))
    assert any(text.startswith("−36 (−") for text in shown), shown


def test_effects_can_be_drawn():
    pooled = pool_effects([0.2, 0.5, 1.1, -0.3], [0.05, 0.08, 0.1, 0.06], labels=list("ABCD"))
    figure = forest_plot(pooled, title="Effects")
    shown = texts(figure)
    assert {"A", "B", "C", "D", "effect (95% CI)", "All studies (k = 4)"} <= set(shown)
    assert "0.200 (-0.238 to 0.638)" in shown
    assert any("Random effects, REML; τ² 0.2" in text for text in shown)
    assert "Pooled effect 0.3" in figure.alt and "4 studies." in figure.alt


def test_means_can_be_drawn():
    groups = ([30, 31], [6, 6], [20, 25], [25, 28], [7, 6], [22, 21])
    figure = forest_plot(pool_means(*groups, labels=["A", "B"]))
    shown = texts(figure)
    assert {"20 v 22", "25 v 21", "88", "n v n", "effect (95% CI)", "Mean difference"} <= set(shown)
    assert "Pooled mean difference" in figure.alt and "2 studies, 88 participants." in figure.alt
    ratio = forest_plot(pool_means(*groups, measure="ROM"))
    assert {"ratio (95% CI)", "Ratio of means, log scale"} <= set(texts(ratio))
    assert "Ratio of means in 2 studies of 88 participants: 1.14" in ratio.caption


def test_changes_that_are_not_drawn_one_by_one_are_added_up():
    many = pool_changes([20] * 40, mean_change=list(range(40)), sd_change=[3] * 40)
    shown = texts(forest_plot(many))
    assert {"n", "200", "800", "10 smaller studies"} <= set(shown)
    pairs = pool_means([30.0] * 40, [6] * 40, [20] * 40, [25.0] * 40, [7] * 40, [22] * 40)
    assert "200 v 220" in texts(forest_plot(pairs))


def test_effects_of_several_rows_a_study_are_counted_as_such():
    figure = forest_plot(pool_multilevel([0.1, 0.3, 0.9, 0.6], [0.01] * 4, list("AABB")))
    assert {"A, effect 1", "All effects (k = 4)", "effect (95% CI)"} <= set(texts(figure))
    assert "2 studies with 4 effects." in figure.alt and figure.caption.startswith("Effect in 2 studies with 4 effects: 0.475")
    assert "single effects are 0.100 to 0.900" in figure.caption


def test_the_book_keeps_its_own_words(root):
    """The caller of the book's plots names the arms and the people, and has no details under the axis."""
    call = (
        (root / "analysis/cordbook/notebook.py").read_text(encoding="utf-8").split("forest_plot(", 1)[1].split("figure_id", 1)[0]
    )
    assert all(words in call for words in ('arms=(self._treatment(estimate), "control")', 'people="patients"', "details=False"))
