"""Verdicts on claims by parent document: one bar per document, one colour per verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from cordbook.core.text import number_in_words
from cordbook.display.figures.figure import Figure, canvas, finish, small
from cordbook.display.figures.style import EDGE_PT, INK
from cordbook.review.claims.claims import ClaimVerdict, count_verdicts
from cordbook.review.claims.verdicts import CONTRADICTED, NOT_SUPPORTED, PARTLY, SUPPORTED, UNTESTED, VERDICTS

WIDTH_IN, BAR_IN = 6.4, 0.36
#: The width for narrow screens; heights of the axis with its words, and of a line of the key.
SMALL_IN, FOOT_IN, KEY_IN = 3.1, 0.62, 0.24
#: Blue for, orange against, grey for no judgement; told apart by all eyes (sky blue and orange of Okabe and Ito, and tints).
COLOURS = {SUPPORTED: "#56b4e9", PARTLY: "#b5dcf4", NOT_SUPPORTED: "#f5cf8a", CONTRADICTED: "#e69f00", UNTESTED: "#d5d9dc"}
#: Numbers stand on these fixed grounds, so that they stay dark when the page is dark.
ON_BAR = "#101014"
#: A part of fewer claims has no room for its number beside its neighbours.
LEAST_LABELLED = 1


def verdict_bars(verdicts: Sequence[ClaimVerdict], names: Mapping[str, str], figure_id: str = "verdicts") -> Figure:
    """Counts of verdicts for each parent document and for all; ``names`` are short names by seed id."""
    counts = count_verdicts(verdicts)
    wide, narrow = (
        _drawn(counts, names, name, with_names_above=above) for name, above in ((figure_id, False), (f"{figure_id}.s", True))
    )
    return replace(wide, narrow=small(narrow))


def _drawn(counts: pd.DataFrame, names: Mapping[str, str], figure_id: str, *, with_names_above: bool) -> Figure:
    """The bars, their names before them, or above them on narrow screens."""
    rows = ["all", *(s for s in counts.index if s != "all")]
    width, bar = (SMALL_IN, 2 * BAR_IN) if with_names_above else (WIDTH_IN, BAR_IN)
    left, lines = (0.04, 3) if with_names_above else (0.36, 2)
    below, above = FOOT_IN, KEY_IN * (lines + 0.5)
    height = bar * len(rows) + below + above
    with canvas(figure_id, width, height) as drawing:
        axes = drawing.add_axes((left, below / height, 0.96 - left, 1 - (below + above) / height))
        axes.set_ylim(len(rows) - 0.45, -0.75 if with_names_above else -0.5)
        axes.set_xlim(0, 100)
        for y, seed in enumerate(rows):
            total, start = int(counts.loc[seed].sum()), 0.0
            for verdict in VERDICTS:
                number = int(counts.loc[seed, verdict])
                share = 100 * number / total if total else 0
                drawn = {"color": COLOURS[verdict], "edgecolor": INK, "linewidth": EDGE_PT}
                high = 0.4 if with_names_above else 0.72
                axes.barh(y, share, left=start, height=high, label=verdict if y == 0 else None, **drawn)
                if number >= LEAST_LABELLED:
                    axes.text(start + share / 2, y, str(number), ha="center", va="center_baseline", color=ON_BAR)
                start += share
            x, up, side = (0.0, 0.4, "left") if with_names_above else (-1.5, 0.0, "right")
            name = f"All {total} claims" if seed == "all" else names.get(seed, seed)
            weight = "bold" if seed == "all" else "normal"
            axes.text(x, y - up, name, ha=side, va="center_baseline", color=INK, fontweight=weight)
        axes.set_yticks([])
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100"])
        axes.set_xlabel("Percent of the claims; numbers are claims")
        columns = -(-len(VERDICTS) // lines)
        drawing.legend(
            loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=columns, frameon=False, handlelength=0.9, columnspacing=1.1
        )
        return finish(
            drawing, figure_id=figure_id, title=_title(len(names)),
            caption="One bar per document. Verdicts come from declared rules and today's data, and change with it.",
            alt=describe(counts, names),
        )  # fmt: skip


def _title(documents: int) -> str:
    return (
        f"Verdicts on the claims of the {number_in_words(documents)} parent documents"
        if documents != 1
        else "Verdicts on the claims of the parent document"
    )


def describe(counts: pd.DataFrame, names: Mapping[str, str]) -> str:
    """The counts in sentences."""
    texts = []
    for seed in ["all", *(s for s in counts.index if s != "all")]:
        row = counts.loc[seed]
        parts = ", ".join(f"{int(row[v])} {v}" for v in VERDICTS)
        texts.append(f"{'All ' + str(int(row.sum())) + ' claims' if seed == 'all' else names.get(seed, seed)}: {parts}.")
    return "Verdicts on claims. " + " ".join(texts)
