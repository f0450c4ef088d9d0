"""Tables of estimates and of the extraction, for chapters: findings, all estimates, studies, what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cordbook.core.text import NOT_STATED
from cordbook.display.html.table import Cell, Table
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.subject_tables import GIVEN, PHASE
from cordbook.review.appraisal.certainty import NAME, Certainty
from cordbook.review.appraisal.extraction_audit import ExtractionProgress
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.phrases import NOT_POOLED, percent, phrase, plain_sentence


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
    """Every estimate with its result beside its name; then what stands behind it, its model and its permanent id."""
    header = ("Estimate", "Pooled result (95% CI)", "Studies", "Events of patients", "Prediction interval", "I²", "Model", "Id")
    rows = tuple(
        (
            Cell(e.title, f"../estimates/{e.id}.html"),
            Cell(_pooled(e), numeric=True),
            Cell(phrase(e, "k"), numeric=True),
            Cell(phrase(e, "of"), numeric=True),
            Cell("–" if e.result is None or e.result.pi_low is None else phrase(e, "prediction"), numeric=True),
            Cell("–" if e.result is None or e.result.i2 is None else phrase(e, "i2"), numeric=True),
            Cell(_method(e)),
            Cell(e.id),
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
    """The studies behind an estimate: counts, design, phase, where the number was read, how sure.

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
                Cell(counts, numeric=True),
                *(Cell(words.label(column, first[column])) for column in ("design", _most_telling(first, evidence), *timing)),
                Cell(NOT_STATED if pd.isna(first["definition"]) else first["definition"]),
                Cell(words.label("confidence", first["confidence"])),
            )
        )
    header = (
        "Study",
        "Events/patients",
        "Design",
        "Treatment",
        *(words.dimension(column).label for column in timing),
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
