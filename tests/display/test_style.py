"""Colours that mean something are told apart by all eyes, in print and on the page by day and night."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from tests.conftest import ROOT

from cordbook.display.figures import style
from cordbook.display.figures.verdicts import COLOURS

#: Simulation of missing cones at full severity, in linear RGB (Machado, Oliveira and Fernandes 2009, table 1).
EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}
_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
#: Just noticeable is about 2.3 (Mahy, Van Eycken and Oosterlinck 1994); marks are small, so four times that.
APART = 9.2
#: Colours of marks that stand in one figure and mean different things.
MEANINGS = (style.TREATED, style.CONTROL, style.NATURAL, style.PREDICTION), (style.TREATED, style.HARM)


def linear(colour: str) -> np.ndarray:
    """Linear RGB, 0 to 1, of ``#rrggbb``."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (white of sRGB) of linear RGB."""
    ratio = np.clip(_TO_XYZ @ rgb, 0, None) / (_TO_XYZ @ np.ones(3))
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str, eye: str) -> float:
    """CIE 1976 difference of two colours as such an eye sees them."""
    seen = [lab(np.clip(EYES[eye] @ linear(colour), 0, 1)) for colour in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def on_page(scheme: str) -> dict[str, str]:
    """What the page puts in place of each colour of print."""
    sheet = (ROOT / "analysis/cordbook/publish/assets/cordbook.css").read_text(encoding="utf-8")
    block = re.search(rf'html\[data-theme="{scheme}"\] \{{(.*?)\}}', sheet, re.S)
    assert block is not None
    values = dict(re.findall(r"(--cb-[a-z]+): (#[0-9a-f]{6});", block[1]))
    return {colour: values[variable] for colour, variable in style.SCREEN_COLOURS.items()}


def test_the_difference_is_that_of_the_reference():
    """Red, green and blue of sRGB (Lindbloom, www.brucelindbloom.com), and colours that two kinds of eyes confuse."""
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    assert lab(linear("#00ff00")) == pytest.approx([87.73, -86.18, 83.18], abs=0.02)
    assert distance("#ffffff", "#ffffff", "deuteranopia") == 0
    assert distance("#aa0000", "#005500", "protanopia") < distance("#aa0000", "#005500", "all cones") / 3


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("where", ["print", "light", "dark"])
def test_colours_with_a_meaning_are_told_apart(where, eye):
    shown = {} if where == "print" else on_page(where)
    for together in MEANINGS:
        for one, other in combinations(together, 2):
            assert distance(shown.get(one, one), shown.get(other, other), eye) > APART, (one, other)


@pytest.mark.parametrize("eye", EYES)
def test_verdicts_are_told_apart(eye):
    assert all(distance(one, other, eye) > APART for one, other in combinations(COLOURS.values(), 2))
