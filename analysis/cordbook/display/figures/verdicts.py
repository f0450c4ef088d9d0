"""Verdicts on claims by parent document: one bar per document, one colour per verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cordbook.core.text import number_in_words
from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.style import EDGE_PT, INK
from cordbook.review.claims.claims import ClaimVerdict, count_verdicts
from cordbook.review.claims.verdicts import CONTRADICTED, NOT_SUPPORTED, PARTLY, SUPPORTED, UNTESTED, VERDICTS

WIDTH_IN, BAR_IN = 8.2, 0.42
#: Blue for, orange against, grey for no judgement; told apart by all eyes (sky blue and orange of Okabe and Ito, and tints).
COLOURS = {SUPPORTED: "#56b4e9", PARTLY: "#b5dcf4", NOT_SUPPORTED: "#f5cf8a", CONTRADICTED: "#e69f00", UNTESTED: "#d5d9dc"}
#: Numbers stand on these fixed grounds, so that they stay dark when the page is dark.
ON_BAR = "#101014"
#: A part of fewer claims has no room for its number beside its neighbours.
LEAST_LABELLED = 1


def verdict_bars(verdicts: Sequence[ClaimVerdict], names: Mapping[str, str], figure_id: str = "verdicts") -> Figure:
    """Counts of verdicts for each parent document and for all; ``names`` are short names by seed id."""
    counts = count_verdicts(verdicts)
    rows = ["all", *(s for s in counts.index if s != "all")]
    height = BAR_IN * (len(rows) + 2.0)
    with canvas(figure_id, WIDTH_IN, height) as drawing:
        axes = drawing.add_axes((0.30, 0.45 / height, 0.66, 1 - (0.45 + BAR_IN * 1.15) / height))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        for y, seed in enumerate(rows):
            total, left = int(counts.loc[seed].sum()), 0.0
            for verdict in VERDICTS:
                number = int(counts.loc[seed, verdict])
                share = 100 * number / total if total else 0
                drawn = {"color": COLOURS[verdict], "edgecolor": INK, "linewidth": EDGE_PT}
                axes.barh(y, share, left=left, height=0.72, label=verdict if y == 0 else None, **drawn)
                if number >= LEAST_LABELLED:
                    axes.text(left + share / 2, y, str(number), ha="center", va="center_baseline", color=ON_BAR)
                left += share
            name = f"All {total} claims" if seed == "all" else names.get(seed, seed)
            axes.text(
                -1.5, y, name, ha="right", va="center_baseline", color=INK, fontweight="bold" if seed == "all" else "normal"
            )
        axes.set_yticks([])
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100"])
        axes.set_xlabel("Percent of the claims; numbers are claims")
        drawing.legend(
            loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=5, frameon=False, handlelength=0.9, columnspacing=1.1, fontsize=8.4
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


def describe(counts, names: Mapping[str, str]) -> str:
    """The counts in sentences."""
    texts = []
    for seed in ["all", *(s for s in counts.index if s != "all")]:
        row = counts.loc[seed]
        parts = ", ".join(f"{int(row[v])} {v}" for v in VERDICTS)
        texts.append(f"{'All ' + str(int(row.sum())) + ' claims' if seed == 'all' else names.get(seed, seed)}: {parts}.")
    return "Verdicts on claims. " + " ".join(texts)
