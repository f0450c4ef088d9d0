"""Tables as HTML that a browser, a screen reader and a notebook show alike. All text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from cordbook.core.text import NOT_STATED
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.subject_tables import GIVEN, PHASE
from cordbook.review.appraisal.certainty import NAME, Certainty
from cordbook.review.appraisal.extraction_audit import ExtractionProgress
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.phrases import NOT_POOLED, percent, phrase, plain_sentence


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: text, where it leads, and whether it is a number (set to the right).

    ``links`` are lines of text with their addresses (or None), which take the place of ``text`` in HTML.
    """

    text: str
    href: str | None = None
    numeric: bool = False
    links: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; ``row_ids`` become anchors; ``kind`` is a CSS class; ``folded`` opens on a click."""

    id: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    row_ids: tuple[str, ...] = ()
    kind: str = "cb-table"
    folded: bool = False

    def __repr__(self) -> str:
        lines = [self.caption, " | ".join(self.header)]
        lines += [" | ".join(cell.text for cell in row) for row in self.rows]
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def to_frame(self) -> pd.DataFrame:
        """The table as a data frame of texts."""
        return pd.DataFrame([[cell.text for cell in row] for row in self.rows], columns=list(self.header))

    def to_html(self) -> str:
        """The table as HTML; it scrolls sideways within itself where the page is narrow."""
        head = "".join(self._head_cell(j, name) for j, name in enumerate(self.header))
        body = "\n".join(self._row(i, row) for i, row in enumerate(self.rows)) or self._no_rows()
        label = escape(self.caption, quote=True)
        table = (
            f'<div class="cb-table-scroll" tabindex="0" role="group" aria-label="{label}">'
            f'<table class="{self.kind}" id="{escape(self.id, quote=True)}"><caption>{escape(self.caption)}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )
        if not self.folded:
            return table
        return f'<details class="cb-folded"><summary>{escape(self.caption)} ({len(self.rows)})</summary>{table}</details>'

    def _no_rows(self) -> str:
        return f'<tr><td class="cb-none" colspan="{len(self.header)}">None so far.</td></tr>'

    def _head_cell(self, j: int, name: str) -> str:
        """The head of a column; of numbers it stands to the right, as they do."""
        numeric = j > 0 and bool(self.rows) and all(row[j].numeric for row in self.rows)
        return f'<th scope="col"{" class=cb-number" if numeric else ""}>{escape(name)}</th>'

    def _row(self, i: int, row: tuple[Cell, ...]) -> str:
        anchor = f' id="{escape(self.row_ids[i], quote=True)}"' if self.row_ids else ""
        cells = [_cell(cell, first=j == 0, name=self.header[j]) for j, cell in enumerate(row)]
        return f"<tr{anchor}>{''.join(cells)}</tr>"


def _cell(cell: Cell, *, first: bool, name: str) -> str:
    text = _linked(cell.text, cell.href)
    if cell.links:
        text = "<br>".join(_linked(line, href) for line, href in cell.links)
    if first:
        return f'<th scope="row">{text}</th>'
    numeric = ' class="cb-number"' if cell.numeric else ""
    return f'<td{numeric} data-label="{escape(name, quote=True)}">{text}</td>'


def _linked(text: str, href: str | None) -> str:
    return f'<a href="{escape(href, quote=True)}">{escape(text)}</a>' if href else escape(text)


def summary_of_findings(estimates: Sequence[Estimate], caption: str, certainty: Mapping[str, Certainty] | None = None) -> Table:
    """Outcome, studies, patients, pooled result with interval, certainty with its reasons, what it means: one row per estimate.

    ``certainty`` is the rating by id of the estimate; without it the column is left out.
    """
    rows = tuple(
        (
            Cell(e.title),
            Cell(phrase(e, "k"), numeric=True),
            Cell(phrase(e, "n"), numeric=True),
            Cell(_pooled(e), numeric=True),
            *(() if certainty is None else (Cell(certainty[e.id].level),)),
            _meaning(plain_sentence(e), "" if certainty is None else certainty[e.id].because),
        )
        for e in estimates
    )
    header = (
        "Outcome",
        "Studies",
        "Patients",
        "Pooled result (95% CI)",
        *(() if certainty is None else (NAME.capitalize(),)),
        "In plain words",
    )
    return Table("summary-of-findings", caption, header, rows, tuple(f"sof-{e.id}" for e in estimates), "cb-table cb-summary")


def _meaning(sentence: str, because: str) -> Cell:
    """What an estimate means, and under it why it is not more certain: the narrow column of levels has no room for reasons."""
    if not because:
        return Cell(sentence)
    reasons = f"Certainty is lowered by: {because}."
    return Cell(f"{sentence} {reasons}", links=((sentence, None), (reasons, None)))


def _pooled(e: Estimate) -> str:
    if e.not_pooled or e.result is None:
        return phrase(e)
    text = f"{phrase(e, 'point')} ({phrase(e, 'interval').split('CI ', 1)[1]})"
    return f"{e.synthesis.measure} {text}" if e.is_comparison else text


def estimates_table(estimates: Sequence[Estimate]) -> Table:
    """Every estimate with its permanent id, model, interval, prediction interval and heterogeneity."""
    header = ("Estimate", "Id", "Studies", "Events of patients", "Pooled result (95% CI)", "Prediction interval", "I²", "Model")
    rows = tuple(
        (
            Cell(e.title, f"../estimates/{e.id}.html"),
            Cell(e.id),
            Cell(phrase(e, "k"), numeric=True),
            Cell(phrase(e, "of"), numeric=True),
            Cell(_pooled(e), numeric=True),
            Cell("–" if e.result is None or e.result.pi_low is None else phrase(e, "prediction"), numeric=True),
            Cell("–" if e.result is None or e.result.i2 is None else phrase(e, "i2"), numeric=True),
            Cell(_method(e)),
        )
        for e in estimates
    )
    return Table("estimates", "All estimates", header, rows, tuple(e.id for e in estimates))


def _method(e: Estimate) -> str:
    if e.not_pooled:
        return NOT_POOLED
    if e.result is None:
        return "–"
    return "one study" if e.result.model == "single" else f"{e.result.measure}, {e.result.model}, {e.result.ci_method} interval"


def studies_table(estimate: Estimate, evidence: Evidence, links: Mapping[str, str] | None = None) -> Table:
    """The studies behind an estimate: design, phase, counts, where the number was read, how sure.

    ``links`` are addresses of the studies' pages by label.
    """
    cells, words = evidence.cells_by_id(row.cells[0] for row in estimate.rows), evidence.vocabulary
    timing = [column for fact in (evidence.subject.fact(PHASE),) if fact for _, column in fact.columns]
    rows = []
    for row in estimate.rows:
        first = cells.loc[row.cells[0]]
        counts = " v ".join(f"{events}/{n}" for events, n in row.arms)
        rows.append(
            (
                Cell(row.label, (links or {}).get(row.label)),
                *(Cell(words.label(column, first[column])) for column in ("design", _most_telling(first, evidence), *timing)),
                Cell(counts, numeric=True),
                Cell(NOT_STATED if pd.isna(first["definition"]) else first["definition"]),
                Cell(words.label("confidence", first["confidence"])),
            )
        )
    header = (
        "Study",
        "Design",
        "Treatment",
        *(words.dimension(column).label for column in timing),
        "Events/patients",
        "What was counted",
        "Confidence in reading",
    )
    return Table(f"studies-{estimate.id}", f"Studies behind: {estimate.title}", header, tuple(rows), folded=True)


def _most_telling(cell: pd.Series, evidence: Evidence) -> str:
    """The column that says best what was given: that of the first fact on it, else the kind of treatment."""
    given = (column for fact in evidence.subject.facts(GIVEN)[:1] for _, column in fact.columns)
    return next((column for column in given if pd.notna(cell.get(column))), "intervention_class")


def progress_table(progress: ExtractionProgress) -> Table:
    """What has been read, read twice, agreed and checked by a person."""
    agreed = (
        f"{progress.agreed} of {progress.read_twice} ({percent(progress.agreed / progress.read_twice)}, "
        f"95% CI {percent(progress.agreed_low)} to {percent(progress.agreed_high)})"
        if progress.read_twice
        else "none yet"
    )
    counts = (
        ("Study reports", str(progress.studies)),
        ("Study reports with at least one countable outcome", str(progress.studies_with_cells)),
        ("Study reports whose identity is not fully known", str(progress.identity_not_confirmed)),
        ("Outcome counts", str(progress.cells)),
        ("Counts that may be pooled", str(progress.poolable)),
        ("Counts read twice with equal events and patients", agreed),
        ("Counts read differently and settled with a reason", str(progress.settled)),
        ("Counts read differently and left open (not pooled)", str(progress.open)),
        ("Counts looked for again and not found", str(progress.not_seen_again)),
        ("Counts read once only", str(progress.read_once)),
        ("Counts checked by a person against the full text", str(progress.verified)),
    )
    rows = tuple((Cell(name), Cell(value, numeric=True)) for name, value in counts)
    return Table("extraction-progress", "State of the extraction", ("What", "Count"), rows)


def reasons_table(reasons: pd.DataFrame) -> Table:
    """Why counts are not pooled, with counts; takes the frame of :func:`cordbook.review.appraisal.extraction_audit.reasons_not_pooled`."""
    rows = tuple(
        (Cell(r.label), Cell(str(r.cells), numeric=True), Cell(str(r.studies), numeric=True), Cell(r.explanation))
        for r in reasons.itertuples()
    )
    return Table("not-pooled", "Why counts are not pooled", ("Reason", "Counts", "Studies", "What it means"), rows)
