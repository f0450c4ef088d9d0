"""Tables of the natural course for its chapter: the chooser with what happens anyway, what others print, and the years of injury."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cordbook.core.text import inside
from cordbook.display.html.markup import Html, element, join
from cordbook.display.html.table import CARDS, Cell, Table
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.patients import parse_stratum
from cordbook.review.claims.mechanisms import sources
from cordbook.subject.natural_recovery import GRADES, KINDS, LEVELS, TIMES, Group, level_group, printed

CHOOSER = "without-treatment"
_PARTS_OF_CORD = {"T1-T9": "Upper and middle chest (T1 to T9)", "T10-T12": "Lower chest (T10 to T12)", "cervical": "Neck"}


@dataclass(frozen=True)
class Chooser:
    """Selects of grade, level and time over a table that stands whole without the script."""

    table: Table

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": str(self.to_html()), "text/plain": repr(self.table)}

    def to_html(self) -> Html:
        """The form, hidden until the script shows it, the place of the answer, and the table."""
        grades = [(code, f"AIS {code}", ()) for code in GRADES]
        form = element(
            "form",
            _select("grade", "Grade at the start", grades),
            _select("level", "Level of the injury", [(code, name, wider) for code, (name, wider) in LEVELS.items()]),
            _select("time", "First seen", [(code, name, wider) for code, (name, wider) in TIMES.items()]),
            element("button", "Start again", type="reset"),
            class_="cb-filter cb-chooser", hidden=True, data_choose=CHOOSER,
            data_wider="No figure on file is of these people alone. The nearest wider group:",
            data_none="No figure on file for these people, nor for a wider group. Nobody can say from these data what happens anyway.",
        )  # fmt: skip
        return join(form, element("div", class_="cb-chosen", role="status", id=f"{CHOOSER}-answer"), self.table.to_html())


def _select(key: str, name: str, options: Iterable[tuple[str, str, Sequence[str]]]) -> Html:
    chosen = [element("option", text, value=code, data_wider=" ".join(wider) or None) for code, text, wider in options]
    return element("label", name, element("select", element("option", "choose", value=""), *chosen, data_key=key))


def chooser(groups: Sequence[Group]) -> Chooser:
    """What happens anyway, one row per group of like people."""
    header = ("Who", "What was counted", "Share, and how sure", "Figure by figure")
    rows = tuple(
        (
            Cell(f"AIS {g.grade}, {LEVELS[g.level][0]}, first seen: {TIMES[g.time][0]}"), Cell(KINDS[g.kind]),
            _lines([(g.answer, None), (g.origin, None), (f"Certainty: {g.sure}", None)]),
            _lines([(r.text, r.href) for r in g.reports]),
        )
        for g in groups
    )  # fmt: skip
    return Chooser(
        Table(
            CHOOSER, "What happens without experimental treatment, by grade, level and time since injury", header, rows,
            tuple(f"anyway-{g.grade}-{g.level}-{g.time}-{g.kind}".lower() for g in groups), f"{CARDS} cb-figures", folded=True,
            data=tuple(_attributes(g) for g in groups),
        )
    )  # fmt: skip


def _lines(lines: Sequence[tuple[str, str | None]]) -> Cell:
    return Cell(". ".join(text for text, _ in lines), links=tuple(lines))


def _attributes(g: Group) -> tuple[tuple[str, str], ...]:
    """What the script chooses a row by, and what it shows of it."""
    told = f"{inside(KINDS[g.kind])}. {g.origin}. Certainty: {g.sure}."
    return (("data-grade", g.grade), ("data-level", g.level), ("data-time", g.time), ("data-lead", g.answer), ("data-text", told))


def printed_table(evidence: Evidence) -> Table:
    """Every share on the natural course that others print, as it stands in its source."""
    known = sources(evidence)
    header = ("Source", "Whose", "What was counted", "Share", "When", "What to know")
    table = evidence["natural_pooled"]
    rows = []
    for r, report in zip(table.itertuples(), printed(evidence), strict=True):
        whose = ", ".join(
            filter(
                None,
                (f"AIS {' and '.join(report.grades)}", LEVELS[report.level][0] if report.level != "all" else "", report.special),
            )
        )
        ends = "" if report.interval is None else f" ({r.ci_low:g} to {r.ci_high:g})"
        source = known[r.reference_id]
        rows.append(
            (
                Cell(source.label, source.href), Cell(whose), Cell(r.definition), Cell(f"{r.estimate_percent:g}%{ends}", numeric=True),
                Cell(r.timepoint), Cell(evidence.vocabulary.remark("" if pd.isna(r.note) else r.note) or "–"),
            )
        )  # fmt: skip
    ids = tuple(f"natural-{i}" for i in table["natural_id"])
    return Table(
        "natural-printed",
        "Shares without experimental treatment, as others print them",
        header,
        tuple(rows),
        ids,
        f"{CARDS} cb-figures",
        folded=True,
    )


def era_table(evidence: Evidence) -> Table:
    """The same database in two periods: shares by level and years of injury, where a source prints them so."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for r in evidence["natural_pooled"].itertuples():
        stratum = parse_stratum(r.stratum)
        if "injured" in stratum:
            found.setdefault((r.reference_id, stratum["level"]), {})[stratum["injured"]] = f"{r.estimate_percent:g}%"
    periods = sorted({period for shares in found.values() for period in shares})
    known = sources(evidence)
    ordered = sorted(found.items(), key=lambda item: level_group(item[0][1], evidence.meanings) != "neck")
    rows = tuple(
        (Cell(_PARTS_OF_CORD.get(level, level)), *(Cell(shares.get(period, "–"), numeric=True) for period in periods), Cell(known[source].label, known[source].href))
        for (source, level), shares in ordered
    )  # fmt: skip
    header = ("Level, complete at first (AIS A)", *(f"Injured {period.replace('-', '–')}" for period in periods), "Source")
    return Table("natural-era", "People who were no longer complete, by level and years of injury", header, rows)
