"""The posterior and the coefficients as figures: what is drawn is what was computed, in the unit of the result, legible on a phone."""

import csv
import io

import numpy as np
import pytest
from tests.display.test_legible import BOXES, CSS, DESKTOP_PX, FAMILY, LEGIBLE_PX, PAGE, PHONE_PX

from cordbook import (
    HalfNormal,
    bayes_pool_effects,
    bayes_pool_proportions,
    compare_arms,
    meta_regression,
    pool_effects,
    pool_means,
    pool_proportions,
    two_arm_effects,
)
from cordbook.display.figures.curves.posterior import posterior_plot
from cordbook.display.figures.diagnostics import coefficient_plot
from cordbook.synthesis.results import significant

EVENTS, N = [3, 5, 0, 7, 30, 1], [12, 20, 9, 11, 40, 30]
EVENTS2 = [1, 3, 1, 2, 20, 2]
YI, VI = [0.2, 0.5, -0.4, 1.1, 0.8, 0.3], [0.04, 0.05, 0.02, 0.1, 0.2, 0.05]


def of_shares(average="median"):
    return bayes_pool_proportions(EVENTS, N, average=average), pool_proportions(EVENTS, N, average=average)


def of_effects():
    return bayes_pool_effects(YI, VI, tau_prior=HalfNormal(0.5)), pool_effects(YI, VI)


def of_ratios():
    effects = two_arm_effects(EVENTS, N, EVENTS2, N, measure="OR")
    return bayes_pool_effects(effects.yi, effects.vi, tau_prior=HalfNormal(0.5)), compare_arms(
        EVENTS, N, EVENTS2, N, measure="OR", model="reml"
    )


def of_means():
    n, mean, sd = [20, 30, 25], [7.0, 4.0, 12.0], [5.0, 6.0, 4.0]
    pooled = pool_means(n, mean, sd, n, [2.0, 3.0, 4.0], sd)
    yi = [s.estimate for s in pooled.studies]
    return bayes_pool_effects(yi, [s.se**2 for s in pooled.studies], tau_prior=HalfNormal(3)), pooled


def curves(figure):
    """Values and densities of each quantity of a figure's table."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in csv.DictReader(io.StringIO(figure.data)):
        found.setdefault(row["quantity"], []).append((float(row["value"]), float(row["density"])))
    return {name: tuple(np.array(pairs).T) for name, pairs in found.items()}


@pytest.mark.parametrize(
    ("made", "name"),
    [(of_shares, "Median study"), (lambda: of_shares("population"), "Population average"), (of_effects, "Effect")],
)
def test_the_curves_are_the_densities_and_hold_their_intervals(made, name):
    found, pooled = made()
    drawn = curves(posterior_plot(found, pooled, title="T", figure_id="f"))
    assert list(drawn) == [name, "Between studies (tau)"]
    for values, heights in drawn.values():
        assert np.trapezoid(heights, values) == pytest.approx(1, abs=0.02)
    values, heights = drawn[name]
    density = {"Median study": "proportion_density", "Population average": "population_average_density", "Effect": "mu_density"}[
        name
    ]
    assert heights == pytest.approx(getattr(found, density).pdf(values), rel=1e-4, abs=1e-4)
    inside = (values >= found.ci_low) & (values <= found.ci_high)
    assert np.trapezoid(heights[inside], values[inside]) == pytest.approx(found.level, abs=0.03)


def test_a_ratio_stands_on_a_logarithmic_axis_as_a_ratio():
    found, pooled = of_ratios()
    figure = posterior_plot(found, pooled, title="T", figure_id="f")
    assert f"odds ratio {np.exp(found.estimate):.2g}" in figure.alt
    assert "Odds ratio, log scale" in figure.svg and "SD of the log odds ratio" in figure.svg
    values, _ = curves(figure)["Odds ratio"]
    assert values.min() > 0


def test_the_words_say_prior_interval_and_unit():
    found, pooled = of_means()
    figure = posterior_plot(found, pooled, title="T", figure_id="f")
    assert found.tau_prior in figure.caption and found.mu_prior in figure.caption and "95% credible interval" in figure.caption
    assert f"tau) {significant(found.tau.median)} (95% CrI {significant(found.tau.ci_low)}" in figure.alt
    assert "SD of the mean difference" in figure.svg


def test_the_same_numbers_give_the_same_bytes():
    found, pooled = of_effects()
    assert posterior_plot(found, pooled, title="T", figure_id="f") == posterior_plot(found, pooled, title="T", figure_id="f")


def regression(**moderators):
    return meta_regression(YI, VI, moderators)


MODERATORS = {"year": [1, 2, 3, 4, 5, 7.0], "phase": ["a", "b", "a", "b", "a", "b"]}


def test_each_coefficient_is_a_row_with_what_it_is_a_change_for():
    found = regression(**MODERATORS)
    figure = coefficient_plot(
        found, scale="mean change", unit="points", columns=list(MODERATORS), references=found.references, title="T", figure_id="f"
    )
    rows = list(csv.reader(io.StringIO(figure.data)))[1:]
    assert [row[0] for row in rows] == ["year, one more", "phase: b, beside a"]
    for row, coefficient in zip(rows, found.coefficients[1:], strict=True):
        assert [float(x) for x in row[1:]] == pytest.approx(
            [coefficient.estimate, coefficient.ci_low, coefficient.ci_high], rel=1e-5
        )
    assert "Change of the mean change, points" in figure.svg
    assert "points (95% CI)" in figure.svg
    assert "intercept" not in figure.svg


def test_coefficients_of_logarithms_are_ratios():
    found = regression(**MODERATORS)
    figure = coefficient_plot(found, scale="log odds ratio", columns=list(MODERATORS), title="T", figure_id="f")
    rows = list(csv.reader(io.StringIO(figure.data)))[1:]
    assert [float(row[1]) for row in rows] == pytest.approx([np.exp(c.estimate) for c in found.coefficients[1:]], rel=1e-5)
    assert "Ratio of odds ratios, log scale" in figure.svg
    assert rows[1][0] == "phase: b"  # what it is compared with is not known here


def test_which_intervals_leave_out_no_change_is_said():
    yi = [0.1, 1.1, 2.0, 3.1, 3.9, 5.0]
    found = meta_regression(yi, [0.01] * 6, {"x": [0, 1, 2, 3, 4, 5.0], "z": [0, 1, 0, 0, 1, 0.0]})
    caption = coefficient_plot(found, scale="effect", columns=["x", "z"], title="T", figure_id="f").caption
    assert caption.startswith("The interval leaves out no change for x, one more.")
    none = meta_regression([0.1, 0.0, 0.2, 0.1], [0.5] * 4, {"x": [0, 1, 2, 3.0], "z": [1, 0, 0, 1.0]})
    assert coefficient_plot(none, scale="effect", columns=["x", "z"], title="T", figure_id="f").caption.startswith(
        "Every interval holds no change."
    )


@pytest.mark.parametrize(("width", "viewport"), [(DESKTOP_PX, 1280), (PHONE_PX, 375)])
def test_figures_are_legible_and_no_words_meet(browser, width, viewport):
    pairs = [of_shares(), of_effects(), of_ratios(), of_means()]
    figures = [posterior_plot(found, pooled, title="T", figure_id=f"p{i}") for i, (found, pooled) in enumerate(pairs)]
    found = regression(**MODERATORS)
    figures.append(
        coefficient_plot(found, scale="log odds", columns=list(MODERATORS), references=found.references, title="T", figure_id="c")
    )
    body = "".join(f._repr_mimebundle_()["text/html"] for f in figures)
    page = browser.new_page(viewport={"width": viewport, "height": 900})
    page.set_content(PAGE.format(font=FAMILY, width=width, css=CSS, body=body))
    page.evaluate("document.fonts.ready")
    boxes = page.evaluate(BOXES)
    page.close()
    assert len(boxes) == len(figures)
    for figure in boxes:
        assert not figure["scrolls"], figure["id"]
        for i, one in enumerate(figure["texts"]):
            assert one["px"] >= LEGIBLE_PX, one
            assert one["x"][0] >= -1 and one["x"][1] <= figure["wide"] + 1, one
            for other in figure["texts"][i + 1 :]:
                beside = one["x"][1] <= other["x"][0] or other["x"][1] <= one["x"][0]
                over = one["y"][1] <= other["y"][0] or other["y"][1] <= one["y"][0]
                assert beside or over, (figure["id"], one["words"], other["words"])
