"""Tables of estimates and of the extraction, for chapters: findings, all estimates, studies, what was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from cordbook.core.text import NOT_STATED, capital
from cordbook.display.html.inline_interval_plot import DIFFERENCE, RATIO, InlineIntervalPlot, scale_of_shares
from cordbook.display.html.pieces import Cell as Lines
from cordbook.display.html.pieces import Link, Shown
from cordbook.display.html.table import CARDS, Cell, Table
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.subject_tables import GIVEN, PHASE
from cordbook.review.appraisal.absolute_effects import Share, absolute, is_nature, per_thousand
from cordbook.review.appraisal.certainty_rules import NAME, Certainty
from cordbook.review.appraisal.extraction_audit import ExtractionProgress
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.phrases import NOT_POOLED, percent, phrase, plain_sentence

#: What stands in the place of people without the treatment where nobody counted them.
NOBODY = "no comparator"
_CANNOT_TELL = "cannot be told"
#: The places of the columns of people without and with the treatment.
_WITHOUT, _WITH = 2, 3


def summary_of_findings(
    estimates: Sequence[Estimate],
    caption: str,
    certainty: Mapping[str, Certainty] | None = None,
    address: Callable[[str], str] | None = None,
) -> Table:
    """Outcome with what it means, its studies and patients, people without and with the treatment per 1,000, pooled result drawn, certainty with its reasons.

    One row per estimate. ``certainty`` is the rating by id of the estimate; without it the column is left out. ``address`` gives
    the page of an estimate by its id. Where none of the estimates has a comparator the caption says so, in place of columns in
    which every row would.
    """
    rows = tuple(_finding(e, certainty and certainty[e.id], address and address(e.id)) for e in estimates)
    header: tuple[str, ...] = (
        "Outcome",
        "Studies, patients",
        "Without, per 1,000",
        "With, per 1,000",
        "Difference per 1,000",
        "Pooled result (95% CI)",
        *(() if certainty is None else (NAME.capitalize(),)),
    )
    ids, numeric = tuple(f"sof-{e.id}" for e in estimates), (1, 2, 3, 4)
    if rows and all(row[_WITHOUT] == NOBODY for row in rows):
        header, *rest = ((*row[:_WITHOUT], row[_WITH], *row[_WITH + 2 :]) for row in (header, *rows))
        caption, rows, numeric = f"{caption} ({NOBODY} in these counts)", tuple(rest), (1, 2)
    return Table("summary-of-findings", caption, header, rows, ids, f"{CARDS} cb-findings", numeric=numeric)


def _finding(e: Estimate, rated: Certainty | None, href: str | None) -> tuple[Shown | Cell, ...]:
    return (
        Lines(Link(e.title, href), (plain_sentence(e),)),
        Lines(phrase(e, "k"), (phrase(e, "people"),)),
        *_per_thousand(e),
        Lines((_pooled(e), *_drawn(e))),
        *(() if rated is None else (level_shown(rated),)),
    )


def level_shown(rated: Certainty) -> Lines:
    """The level of certainty with what lowers it, in few words."""
    return Lines(capital(rated.level), (f"Lowered by: {rated.because}." if rated.because else "",))


def _per_thousand(e: Estimate) -> tuple[Shown, Shown, Shown]:
    """People of 1,000 without and with the treatment and the difference; a word where nobody was counted or nothing is pooled."""
    found = absolute(e)
    if found is None:
        words = NOT_POOLED if e.not_pooled else _CANNOT_TELL
        return (words, words, words) if e.is_comparison else (NOBODY, words, "–")
    none = Lines("–") if is_nature(e.synthesis) else NOBODY
    return (
        _thousand(found.without) if found.without else none,
        _thousand(found.treated) if found.treated else "–",
        _thousand(found.difference, signed=True) if found.difference else "–",
    )


def _thousand(share: Share, *, signed: bool = False) -> Shown:
    more = "+" if signed and share.point > 0 else ""
    if share.low is None or share.high is None:
        return f"{more}{per_thousand(share.point)}"
    plus = "+" if signed and share.high > 0 else ""
    return Lines(f"{more}{per_thousand(share.point)}", (f"{per_thousand(share.low)} to {plus}{per_thousand(share.high)}",))


def _drawn(e: Estimate) -> tuple[InlineIntervalPlot, ...]:
    """The interval of a pooled result as a small drawing; nothing where studies stand side by side."""
    if e.not_pooled or e.result is None:
        return ()
    r = e.result
    scale = (
        DIFFERENCE
        if e.is_comparison and e.synthesis.measure == "RD"
        else RATIO
        if e.is_comparison
        else scale_of_shares(r.ci_high)
    )
    return (InlineIntervalPlot(r.estimate, r.ci_low, r.ci_high, scale=scale, pooled=True, ends=True),)


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
    behind, words = evidence.counts_by_id(row.count_ids[0] for row in estimate.rows), evidence.vocabulary
    timing = [column for fact in (evidence.subject.fact(PHASE),) if fact for _, column in fact.columns]
    rows = []
    for row in estimate.rows:
        first = behind.loc[row.count_ids[0]]
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


def _most_telling(count: pd.Series, evidence: Evidence) -> str:
    """The column that says best what was given: that of the first fact on it, else the kind of treatment."""
    given = (column for fact in evidence.subject.facts(GIVEN)[:1] for _, column in fact.columns)
    return next((column for column in given if pd.notna(count.get(column))), "intervention_class")


def progress_table(progress: ExtractionProgress) -> Table:
    """What has been read, read twice, agreed and checked by a person."""
    agreed = (
        f"{progress.agreed} of {progress.read_twice} ({percent(progress.agreed / progress.read_twice)}, "
        f"95% CI {percent(progress.agreed_low)} to {percent(progress.agreed_high)})"
        if progress.read_twice
        else "none yet"
    )
    numbers = (
        ("Study reports", str(progress.studies)),
        ("Study reports with at least one countable outcome", str(progress.studies_with_counts)),
        ("Study reports whose identity is not fully known", str(progress.identity_not_confirmed)),
        ("Outcome counts", str(progress.counts)),
        ("Counts that may be pooled", str(progress.poolable)),
        ("Counts read twice with equal events and patients", agreed),
        ("Counts read differently and settled with a reason", str(progress.settled)),
        ("Counts read differently and left open (not pooled)", str(progress.open)),
        ("Counts looked for again and not found", str(progress.not_seen_again)),
        ("Counts read once only", str(progress.read_once)),
        ("Counts checked by a person against the full text", str(progress.verified)),
    )
    rows = tuple((Cell(name), Cell(value, numeric=True)) for name, value in numbers)
    return Table("extraction-progress", "State of the extraction", ("What", "Count"), rows)


def reasons_table(reasons: pd.DataFrame) -> Table:
    """Why counts are not pooled, with counts; takes the frame of :func:`cordbook.review.appraisal.extraction_audit.reasons_not_pooled`."""
    rows = tuple(
        (Cell(r.label), Cell(str(r.counts), numeric=True), Cell(str(r.studies), numeric=True), Cell(r.explanation))
        for r in reasons.itertuples()
    )
    return Table("not-pooled", "Why counts are not pooled", ("Reason", "Counts", "Studies", "What it means"), rows)
