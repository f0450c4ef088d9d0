"""One visual style for all figures. Colours are those of Okabe and Ito (2008), told apart by all eyes;
each has one meaning across the book. The font is that of the pages, so that text is as wide as it was measured to be."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from matplotlib.font_manager import fontManager
from matplotlib.markers import MarkerStyle

#: The family of figures and tables: pages load it as WOFF2 (publish/assets/look.css), matplotlib measures by the same as TTF.
FONT = "Cordbook Sans"
#: Signs that it lacks are measured, and shown where a reader has it, in the font that comes with matplotlib.
FONT_OF_OTHER_SIGNS = "DejaVu Sans"
FONT_FILES = Path(__file__).parents[1] / "fonts"

for _file in sorted(FONT_FILES.glob("*.ttf")):
    fontManager.addfont(_file)

INK = "#1b1b1f"
MUTED = "#5f6368"
RULE = "#c8ccd0"
TREATED = "#0072b2"
CONTROL = "#d55e00"
NATURAL = "#009e73"
PREDICTION = "#cc79a7"
HARM = "#b35900"

#: Fixed colours and the page's variables that take their place on screen.
SCREEN_COLOURS = {
    INK: "--cb-ink",
    MUTED: "--cb-muted",
    RULE: "--cb-rule",
    TREATED: "--cb-treated",
    CONTROL: "--cb-control",
    NATURAL: "--cb-natural",
    PREDICTION: "--cb-prediction",
    HARM: "--cb-harm",
}

#: Sky blue and orange of Okabe and Ito for the answers yes and no, which have no other meaning in the book; they suit light and dark.
YES_COLOUR, NO_COLOUR = "#56b4e9", "#e69f00"
#: The same for marks that have neither sign nor edge: so much darker that they stand out from a light and from a dark page.
YES_ALONE, NO_ALONE = "#2f86c6", "#c77700"


class Light(NamedTuple):
    """A light beside a row as a stroke: colour, length and width in points, and its ends. Told apart by form too."""

    colour: str
    length: float
    width: float
    cap: Literal["round", "butt"]


#: Lights of risk of bias by answer, as said by :mod:`cordbook.review.appraisal.risk_of_bias`: a disc, a bar, a dot; what does not
#: apply has none.
LIGHTS = {
    "yes": Light(YES_ALONE, 0.02, 6.6, "round"),
    "no": Light(NO_ALONE, 6.6, 3.0, "butt"),
    "unclear": Light(MUTED, 0.02, 2.4, "round"),
}

#: Its small letters are lower than those of most fonts: as large to the eye as 9 in others.
FONT_SIZE = 10.0
#: The edge of a coloured area: a pale colour alone stands out too little from the page and from what is beside.
EDGE_PT = 0.5

#: A question mark as a marker, made while matplotlib still reads formulas, which it takes it for.
QUESTION = MarkerStyle("$?$")

RC = {
    "font.family": ["sans-serif"],
    "font.sans-serif": [FONT, FONT_OF_OTHER_SIGNS],
    "font.size": FONT_SIZE,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": FONT_SIZE + 1,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.color": RULE,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",
    # Letters of a PDF stay letters, which can be searched and copied.
    "pdf.fonttype": 42,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "path.simplify": True,
    # A name with two dollar signs is a name: read as a formula it would be drawn otherwise, or stop the build.
    "text.parse_math": False,
}
