"""Tables of what was measured: speed beside other programs, growth, duplicates, order of screening, pages, damage and kills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd

from cordbook.core.text import capital
from cordbook.display.html.table import Cell, Table
from cordbook.display.tables.method_tables import BLANK, number
from cordbook.review.appraisal.benchmarks import CHOICES_AIM, OURS, REFERENCE, Builds, Fit, Ranking
from cordbook.review.estimates.phrases import percent


def times(value: float | None) -> str:
    """A ratio as text: whole numbers from 10 on, below with two digits.

    >>> times(113.4), times(0.085), times(7.66), times(None)
    ('113', '0.085', '7.7', '–')
    """
    if value is None:
        return BLANK
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def seconds(value: float) -> str:
    """A time with its unit.

    >>> seconds(0.00041), seconds(1.5), seconds(140.2)
    ('0.41 ms', '1.5 s', '140 s')
    """
    return f"{value:,.0f} s" if value >= 10 else f"{value:.2g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def _numeric(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text, numeric=True) for text in texts)


def fits_table(found: Sequence[Fit], versions: Mapping[str, str]) -> Table:
    """How many times as long the same question takes other programs, and how far the answers are apart."""
    peers = [peer for peer in versions if peer != OURS]
    rows = []
    for fit in found:
        others = [f"{times(fit.times(p))} ({seconds(fit.others[p])})" if p in fit.others else BLANK for p in peers]
        aim = BLANK if fit.aim is None else f"{fit.aim[0]}: {'met' if fit.aim[1] else 'missed'}"
        apart = BLANK if fit.difference is None else f"{fit.difference:.0e}"
        rows.append((Cell(fit.text), *_numeric(seconds(fit.seconds), *others, apart), Cell(aim)))
    header = ("Question", "Cordbook", *(f"{versions[p]}, times as long" for p in peers), f"Apart from {REFERENCE}", "Aim")
    return Table("benchmark-fits", "The same fits by other programs: times as long as ours, and medians", header, tuple(rows))


def choices_table(found: Mapping[str, Any]) -> Table:
    """All defensible analyses of one question beside a loop of metafor, fit by fit and as a whole."""
    names = {
        "all": "each analysis by itself",
        "glmm": "of these mixed models",
        "reml": "of these REML",
        "dl": "of these DerSimonian-Laird",
    }
    rows = [
        (Cell(names.get(model, model)), number(f["analyses"]), *_numeric(seconds(f["cordbook_s"]), seconds(f["metafor_s"]), times(f["times"])))
        for model, f in found["fit_by_fit"]["by_model"].items()
    ]  # fmt: skip
    whole = found["whole"]
    rows.append(
        (Cell("every specification of the question"), number(whole["specifications"]),
         *_numeric(seconds(whole["cordbook_s"]), seconds(whole["metafor_s_of_all"]), times(whole["times"])))
    )  # fmt: skip
    version = found["fit_by_fit"]["version"]
    header = ("What", "Number", "Cordbook", version, "Times as long")
    return Table(
        "benchmark-choices",
        f"Every choice, beside {version}: processor time of one process (aim: {CHOICES_AIM} times)",
        header,
        tuple(rows),
    )


def builds_table(found: Sequence[Builds]) -> Table:
    """Builds of the book by stock Jupyter Book: times as long, by processor time, with seconds of the clock."""
    ways = [way for way in found[0].clock if way != OURS]
    rows = tuple(
        (
            Cell(capital(b.what)),
            *_numeric(seconds(b.clock[OURS]), *(f"{times(b.times(w))} ({seconds(b.clock[w])})" for w in ways)),
        )
        for b in found
    )
    header = ("Build", "Cordbook", *(f"{way}, times as long" for way in ways))
    return Table("benchmark-builds", "Builds of this book: times the processor time, and seconds of the clock", header, rows)


def growth_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """What a build takes where the evidence is multiplied, as multiples of what it takes as it is."""
    first = found[0]
    rows = tuple(
        (number(f["times"]),
         *_numeric(*(f"{times(f[key] / first[key])} ({seconds(f[key])})" for key in ("cold_cpu_s", "one_count_cpu_s", "nothing_s")),
                   f"{times(f['peak_mb'] / first['peak_mb'])} ({f['peak_mb'] / 1000:.1f} GB)", f"{f['largest_page_mb']:.2f} MB"))
        for f in found
    )  # fmt: skip
    header = ("Times the evidence", "From nothing", "One count changed", "Nothing changed", "Peak memory", "Largest page")
    return Table(
        "benchmark-growth", "The evidence multiplied: times what it takes as it is (processor time; by the clock where nothing changed)", header, rows
    )  # fmt: skip


def duplicates_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Which labelled duplicates each program finds, what it joins wrongly and what it asks."""
    ours = {(f["set"], f["records"]): f for f in found if f["tool"] == OURS}
    rows = []
    for f in found:
        beside = None if f["tool"] == OURS else f["cpu_seconds"] / ours[f["set"], f["records"]]["cpu_seconds"]
        rows.append(
            (Cell(f["set"]), number(f["records"]), Cell(f["tool"]),
             *_numeric(f"{f['recall']:.4f}", f"{f['precision']:.4f}", f"{f['wrong']:,}", f"{f['asked']:,}", seconds(f["cpu_seconds"]), times(beside)))
        )  # fmt: skip
    header = ("Set", "Records", "Program", "Recall", "Precision", "Joined wrongly", "Asked", "Processor time", "Times ours")
    return Table(
        "benchmark-duplicates",
        "Labelled duplicates: found, joined wrongly, and left to a person",
        header,
        tuple(rows),
        folded=True,
    )


def rankings_table(found: Sequence[Ranking], peer: str) -> Table:
    """How early the records that were included are read, by the order of each program."""
    rows = tuple(
        (
            Cell(r.set),
            *_numeric(
                f"{r.ahead} of {r.orders}", *(percent(v) for v in (*r.place, *r.saved)), times(r.seconds[1] / r.seconds[0])
            ),
        )
        for r in found
    )
    header = (
        "Set", "Orders in which ours is ahead", "Mean place, Cordbook", f"Mean place, {peer}", "Work saved at 95% recall, Cordbook",
        f"Work saved at 95% recall, {peer}", f"{peer}, times the processor time",
    )  # fmt: skip
    return Table(
        "benchmark-ranking",
        "How early included records are read: means over orders of the rows (a lower place is better)",
        header,
        rows,
    )


def stopping_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """How often at least 95% had been found when the estimate let a person stop, and how much had been read."""
    rows = tuple(
        (Cell(f["set"]), Cell(f["stopping"]),
         *_numeric(f"{f['runs']}", percent(f["right"]), percent(f["read"]), percent(f["plain_right"]), percent(f["plain_read"])))
        for f in found if "stopping" in f
    )  # fmt: skip
    header = (
        "Set",
        "Its relevant records",
        "Orders",
        "Enough found",
        "Read by then",
        "Enough found, plain test",
        "Read by then, plain test",
    )
    return Table(
        "benchmark-stopping", "When it says that reading may stop: how often 95% had been found", header, rows, folded=True
    )


def explorer_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """How long the explorer takes to answer a click."""
    first = found[0]
    rows = tuple(
        (number(f["studies"]), number(f["slower"]), number(f["clicks"]),
         *_numeric(f"{f['answered_ms']:.0f} ms", f"{f['answered_ms_largest']:.0f} ms", f"{f['painted_ms']:.0f} ms", times(f["answered_ms"] / first["answered_ms"])))
        for f in found
    )  # fmt: skip
    header = (
        "Studies",
        "Processor slower by",
        "Clicks",
        "Answered, median",
        "Answered, largest",
        "Painted, median",
        "Times the first row",
    )
    return Table("benchmark-explorer", "The explorer: from a click to its answer", header, rows)


def site_table(found: Mapping[str, Any]) -> Table:
    """How soon the first of a page is seen on a slow line."""
    rows = tuple(
        (
            Cell(page),
            *_numeric(f"{f['first_paint_ms'] / 1000:.1f} s", f"{f['summary_ms'] / 1000:.1f} s", f"{f['bytes'] / 1000:.0f} kB"),
        )
        for page, f in found["pages"].items()
    )
    line = found["line"]
    rate = 8 * line["downloadThroughput"] / 1e6
    caption = f"Pages of a phone over {rate:g} Mbit/s and {line['latency']} ms, processor {found['slower']} times slower: medians of {found['rounds']}"
    return Table("benchmark-pages", caption, ("Page", "First paint", "Summary seen", "Loaded"), rows)


def damage_table(found: Mapping[str, Any]) -> Table:
    """What validation said of damage and of harmless changes, by kind of file."""
    rows = tuple(
        (Cell(capital(kind)), number(sum(said.values())), number(said.get("named", 0)), number(said.get("accepted", 0)),
         number(sum(said.values()) - said.get("named", 0) - said.get("accepted", 0)))
        for kind, said in found["outcomes"].items()
    )  # fmt: skip
    return Table(
        "benchmark-damage", "Files damaged, or written otherwise, and what validation said", ("Kind", "Cases", "Named", "Accepted", "Anything else"), rows, folded=True)  # fmt: skip


def kills_table(found: Mapping[str, Any]) -> Table:
    """Which site stood after each kill, and how often it was not whole."""
    words = {"anywhere": "at any moment", "publishing": "while the site is put in place"}
    rows = tuple(
        (Cell(words.get(when, when)), number(f["kills"]), number(f["sites"]["old"]), number(f["sites"]["new"]), number(len(f["failed"])),
         Cell(seconds(median(e["after_s"] for e in f["each"])) if f.get("each") else BLANK, numeric=True))
        for when, f in found.items()
    )  # fmt: skip
    header = ("Killed", "Kills", "Site of before", "New site", "Not whole", "Median moment")
    return Table("benchmark-kills", "The build killed: which site stands afterwards", header, rows)


def floor_table(found: pd.DataFrame) -> Table:
    """The Hartung-Knapp interval with and without its floor, by number of trials."""
    rows = []
    for (k, interval), part in found.groupby(["k", "interval"], sort=True):
        narrower, wrong = part["narrower_than_common_effect"], part["leaves_out_no_effect"]
        rows.append(
            (Cell(f"{k}", numeric=True), Cell(str(interval)),
             *_numeric(f"{percent(narrower.min())} to {percent(narrower.max())}", f"{percent(wrong.min())} to {percent(wrong.max())}"))
        )  # fmt: skip
    header = ("Trials", "Hartung-Knapp", "Narrower than the common effect's", "Leaves out no effect (5% promised)")
    return Table(
        "benchmark-floor", "Few trials without an effect: least and greatest over scenarios", header, tuple(rows), folded=True
    )


def subgroup_test_table(found: pd.DataFrame) -> Table:
    """How often a test tells two like groups apart, by number of studies."""
    wide = found.groupby(["of", "test", "studies"], sort=False)["false_positives"].agg(["min", "max"])
    sizes = list(dict.fromkeys(found["studies"]))
    rows = []
    for of, test in dict.fromkeys(zip(found["of"], found["test"], strict=True)):
        ranges = [wide.loc[(of, test, s)] if (of, test, s) in wide.index else None for s in sizes]
        rows.append(
            (
                Cell(str(test)),
                Cell(str(of)),
                *_numeric(*(BLANK if r is None else f"{percent(r['min'])} to {percent(r['max'])}" for r in ranges)),
            )
        )
    header = ("Test", "Of", *(f"{s} studies" for s in sizes))
    return Table(
        "benchmark-subgroups",
        "Two groups alike, told apart at the 5% level: least and greatest over heterogeneity",
        header,
        tuple(rows),
        folded=True,
    )
