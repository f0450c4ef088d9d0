"""The small drawing of an interval: it stays in its frame and stands where the number is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.display.html.inline_interval_plot import DIFFERENCE, RARE, RATIO, SHARE, WIDTH, InlineIntervalPlot

NUMBERS = re.compile(r'\b(?:x|x1|x2)="(-?[\d.]+)"')


@settings(deadline=None)
@given(
    st.sampled_from([SHARE, RARE, RATIO, DIFFERENCE]),
    st.lists(st.floats(-5, 1e6, allow_nan=False), min_size=5, max_size=5).map(sorted),
    st.booleans(),
)
def test_nothing_leaves_the_frame(scale, values, pooled):
    least, low, point, high, most = values
    drawn = InlineIntervalPlot(point, low, high, scale=scale, pooled=pooled, prediction=(least, most), band=(low, high)).to_html()
    assert all(0 <= float(x) <= WIDTH for x in NUMBERS.findall(drawn))
    assert all(0 <= float(corner.split(",")[0]) <= WIDTH for p in re.findall(r'points="([^"]+)"', drawn) for corner in p.split())
    assert all(float(width) >= 0 for width in re.findall(r'\bwidth="(-?[\d.]+)"', drawn))


@pytest.mark.parametrize(
    ("scale", "value", "place"),
    [
        (SHARE, 0.0, 4),
        (SHARE, 0.5, 80),
        (SHARE, 1.0, 156),
        (RARE, 0.1, 80),
        (RARE, 0.5, 156),
        (RATIO, 1.0, 80),
        (RATIO, 20.0, 156),
        (DIFFERENCE, 0.0, 80),
        (DIFFERENCE, -1.0, 4),
    ],
)
def test_places_on_each_scale(scale, value, place):
    drawn = InlineIntervalPlot(value, value, value, scale=scale).to_html()
    assert f'<line x1="{place:.1f}" x2="{place:.1f}"' in drawn


def test_no_difference_is_a_line_for_comparisons_alone():
    assert InlineIntervalPlot(1, 1, 1, scale=RATIO).to_html().count("cb-interval-plot-axis") == 2
    assert InlineIntervalPlot(0.5, 0.4, 0.6).to_html().count("cb-interval-plot-axis") == 1
