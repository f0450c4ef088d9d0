"""Figures of points and the table of changes stay small when there are thousands of studies, and say what they leave out."""

import re

import numpy as np
import pytest
from matplotlib.axes import Axes

from cordbook.display.figures.diagnostics import baujat, baujat_plot, funnel, funnel_plot
from cordbook.display.figures.diagnostics.points import MOST_POINTS
from cordbook.display.figures.release_plot import MOST_CAUSES, MOST_LINKS, ChangesTable
from cordbook.synthesis import pool_proportions

#: Bytes of one of a page's several figures; a page stays under 1 MB.
MOST_BYTES = 50_000


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(7)
    n = rng.integers(5, 400, 2_000)
    return pool_proportions(rng.binomial(n, rng.beta(4, 6, 2_000)), n, measure="logit", model="reml")


@pytest.mark.parametrize("draw", [funnel_plot, baujat_plot])
def test_a_figure_of_thousands_of_studies_is_small_and_says_how_many_it_draws(many, draw):
    figure = draw(many, title="x", figure_id="x")
    assert len(figure.to_html()) < MOST_BYTES
    assert f"{MOST_POINTS}" in figure.caption
    assert "2,000" in figure.caption


def test_a_funnel_draws_small_and_large_studies_and_the_most_influential_are_never_left_out(many, monkeypatch):
    for module in (funnel, baujat):
        monkeypatch.setattr(module, "MOST_POINTS", 10)
    drawn = []
    plot = Axes.plot
    monkeypatch.setattr(
        Axes, "plot", lambda self, *a, **k: (drawn.append(a) if k.get("marker") == "o" else None, plot(self, *a, **k))[1]
    )
    funnel_plot(many, title="x", figure_id="x")
    baujat_plot(many, title="x", figure_id="x")
    (_, sizes), _, (x, y), _ = drawn  # each wide, and again for a phone
    assert (min(sizes), max(sizes)) == (min(s.n for s in many.studies), max(s.n for s in many.studies))
    assert len(sizes) == len(x) == len(y) == 10


def test_thousands_of_causes_are_cut_and_counted():
    table = ChangesTable("t", "c", ())
    numbers = list(range(1, 2_001))
    html = str(table._why(numbers))
    assert len(re.findall("<a ", html)) == MOST_LINKS
    assert f"{2_000 - MOST_LINKS:,} more" in html
    assert "more" not in str(table._why([1, 2]))
    assert str(table._why([MOST_CAUSES + 1])) == "1 more"
