"""The fonts of the book: small, licensed, named by one style sheet, and the same in figures as on pages."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from matplotlib.font_manager import FontProperties, findfont, get_font
from tests.conftest import ROOT

import cordbook.publish
from cordbook.display.figures.figure import canvas, finish
from cordbook.display.figures.style import FONT, FONT_FILES

ASSETS = Path(cordbook.publish.__file__).parent / "assets"
SHEET = (ASSETS / "fonts.css").read_text(encoding="utf-8")
FACES = [dict(re.findall(r"([a-z-]+): ([^;]+);", face)) for face in re.findall(r"@font-face \{(.*?)\}", SHEET)]
OURS = [face for face in FACES if "url(" in face["src"]]
#: All that a page may ask for; tools/fonts.py stops above it, too.
MOST_BYTES = 120_000


def test_each_font_is_named_once_and_shows_text_before_it_is_there():
    named = sorted(re.search(r'url\("(.+?)"\)', face["src"])[1] for face in OURS)
    assert named == sorted(f"fonts/{path.name}" for path in (ASSETS / "fonts").glob("*.woff2"))
    assert {face["font-display"] for face in OURS} == {"swap"}
    families = {face["font-family"] for face in OURS}
    before = {face["font-family"] for face in FACES if "local(" in face["src"]}
    assert before == {f'{family[:-1]} Before"' for family in families}
    look = (ASSETS / "look.css").read_text(encoding="utf-8")
    assert all(re.search(rf"--cb-s\w+: {family}, {family[:-1]} Before\"", look) for family in families)


def test_fonts_are_light_and_their_licences_lie_beside_them():
    files = list((ASSETS / "fonts").glob("*.woff2"))
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    for path in [*files, *FONT_FILES.glob("*.ttf")]:
        licence = (path.parent / f"OFL-{path.name.split('-')[0]}.txt").read_text(encoding="utf-8")
        assert "SIL OPEN FONT LICENSE Version 1.1" in licence


@pytest.mark.parametrize(("weight", "file"), [("normal", "sans-regular.ttf"), ("bold", "sans-bold.ttf")])
def test_figures_are_measured_by_the_font_of_the_package(weight, file):
    found = Path(findfont(FontProperties(family=FONT, weight=weight), fallback_to_default=False))
    assert found == FONT_FILES / file
    font = get_font(found)
    # The licence keeps the name "Source" for fonts that nobody changed.
    assert font.family_name == FONT and "Source" not in f"{font.family_name} {font.style_name} {font.postscript_name}"


def test_text_of_a_figure_asks_for_the_font_of_the_page():
    with canvas("f", 3, 1) as drawing:
        drawing.text(0.1, 0.5, "12 of 40", fontweight="bold")
        figure = finish(drawing, figure_id="f", title="t", caption="c", alt="a")
    (svg,) = re.findall(r"<svg.*</svg>", figure.to_html(), re.S)
    families = {node.get("font-family") for node in ET.fromstring(svg).iter() if node.get("font-family")}
    assert len(families) == 1 and families.pop().replace("'", "").startswith(f"{FONT}, ")


def test_the_tool_and_the_test_of_pages_mean_the_same_signs():
    """Every sign of the package's own words and of the data is among those that the fonts were cut to; Chinese has readers' fonts."""
    ranges = re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", (ROOT / "tools" / "fonts.py").read_text(encoding="utf-8"))
    held = {sign for low, high in ranges for sign in range(int(low, 16), int(high or low, 16) + 1)}
    kinds = [
        (ROOT / "data", "*.csv"),
        (ROOT / "data", "*.yml"),
        (ROOT / "book", "*.ipynb"),
        (ROOT / "book", "*.md"),
        (ASSETS, "*.js"),
    ]
    used = {ord(sign) for folder, kind in kinds for path in folder.rglob(kind) for sign in path.read_text(encoding="utf-8-sig")}
    assert sorted(map(chr, {sign for sign in used if 0x20 < sign < 0x2E80} - held)) == []
