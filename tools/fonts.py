#!/usr/bin/env python3
"""The fonts of the book, made small: ``.venv/bin/python tools/fonts.py``. It needs npm, and ``pip install fonttools brotli``.

Source Serif 4 (for reading) and Source Sans 3 (for tables, figures and what one presses), by Adobe under the Open Font License, are
fetched as packages of npm in the versions below, cut to the signs that the book uses, and written as WOFF2 for pages and as TTF for
matplotlib, which measures the text of figures by them. A cut font is a changed one, and the licence keeps the name "Source" for
unchanged ones; so these have names of their own. Nothing else runs this: the files that it makes are committed.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "analysis" / "cordbook" / "publish" / "assets" / "fonts"
DRAWING = ROOT / "analysis" / "cordbook" / "display" / "fonts"
#: All files together that a page may ask for.
MOST_BYTES = 120_000
#: Signs of English, names of people, mathematics, arrows; the CSS says the same ranges, and a test that pages hold no others.
CHARACTERS = (
    "U+0020-007E, U+00A0-017F, U+0218-021B, U+0394, U+03A3, U+03A9, U+03B1-03C9, U+2010-2014, U+2018-201A, U+201C-201E, "
    "U+2020-2022, U+2026, U+2030, U+2032-2033, U+2039-203A, U+20AC, U+2122, U+2190-2193, U+2195, U+2212, "
    "U+221E, U+2248, U+2260, U+2264-2265, U+25A0-25A1, U+25B2, U+25B6, U+25B8, U+25BC, U+25CF, U+2713, U+2717"
)
#: Pairs of letters; figures are of one width as they come, so that they stand in columns.
FEATURES = ["kern"]


@dataclass(frozen=True, slots=True)
class Face:
    """A font to make: the package and file that it comes from, its own family and weight, and whether figures are measured by it."""

    package: str
    file: str
    family: str
    name: str
    weight: int
    drawing: bool = False


SERIF, SANS = "source-serif@4.5.1", "source-sans@3.52.0"
FACES = (
    Face(SERIF, "TTF/SourceSerif4-Regular.ttf", "Cordbook Serif", "serif-regular", 400),
    Face(SERIF, "TTF/SourceSerif4-It.ttf", "Cordbook Serif", "serif-italic", 400),
    Face(SERIF, "TTF/SourceSerif4-Semibold.ttf", "Cordbook Serif", "serif-bold", 700),
    Face(SANS, "TTF/SourceSans3-Regular.ttf", "Cordbook Sans", "sans-regular", 400, drawing=True),
    Face(SANS, "TTF/SourceSans3-Semibold.ttf", "Cordbook Sans", "sans-bold", 700, drawing=True),
)


def fetched(package: str, folder: Path) -> Path:
    """The folder of a package that npm has fetched and checked."""
    done = subprocess.run(["npm", "pack", package], cwd=folder, check=True, capture_output=True, text=True)
    inside = folder / package.split("@")[0]
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(inside, filter="data")
    return inside / "package"


def cut(face: Face, source: Path) -> TTFont:
    """The font with the signs of the book alone, under its own name."""
    options = subset.Options(
        layout_features=FEATURES, hinting=False, desubroutinize=True, notdef_outline=True, name_IDs=[0, 13, 14]
    )
    font = subset.load_font(str(source), options)
    wanted = subset.Subsetter(options)
    wanted.populate(unicodes=subset.parse_unicodes(CHARACTERS.replace("U+", "")))
    wanted.subset(font)
    style = ("Bold" if face.weight > 400 else "") + ("Italic" if "italic" in face.name else "") or "Regular"
    names = {1: face.family, 2: style, 4: f"{face.family} {style}", 6: f"{face.family} {style}".replace(" ", "")}
    for number, text in names.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = face.weight
    return font


def write(face: Face, package: Path) -> int:
    """Write the files of a face; returns the bytes that a page loads."""
    font = cut(face, package / face.file)
    if face.drawing:
        font.save(DRAWING / f"{face.name}.ttf")
    font.flavor = "woff2"
    font.save(PAGES / f"{face.name}.woff2")
    return (PAGES / f"{face.name}.woff2").stat().st_size


def main() -> int:
    PAGES.mkdir(exist_ok=True)
    DRAWING.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        packages = {package: fetched(package, Path(folder)) for package in (SERIF, SANS)}
        sizes = {face.name: write(face, packages[face.package]) for face in FACES}
        for package, name in ((SERIF, "serif"), (SANS, "sans")):
            licence = (packages[package] / "LICENSE.md").read_text(encoding="utf-8")
            for place in (PAGES, *([DRAWING] if name == "sans" else [])):
                (place / f"OFL-{name}.txt").write_text(
                    "\n".join(line.rstrip() for line in licence.splitlines()) + "\n", encoding="utf-8"
                )
    total = sum(sizes.values())
    print(*(f"{name:14} {size:7,}" for name, size in sizes.items()), f"{'together':14} {total:7,}", sep="\n")
    if total > MOST_BYTES:
        print(f"together more than {MOST_BYTES:,} bytes: leave out signs or a face", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
