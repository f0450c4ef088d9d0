"""Tables of scores, for chapters and pages: every study with its change, and several estimates beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from cordbook.core.text import NOT_STATED, capital, number
from cordbook.display.html.pieces import Cell as Lines
from cordbook.display.html.pieces import Link, Shown
from cordbook.display.html.table import CARDS, Table
from cordbook.display.tables.estimate_tables import level_shown
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.subject_tables import PHASE
from cordbook.review.appraisal.certainty_rules import NAME, Certainty
from cordbook.review.estimates.phrases import NOT_POOLED
from cordbook.review.scores.estimates import ScoreEstimate, ScoreRow
from cordbook.review.scores.phrases import amount, each_of, interval_of, range_of, score_phrase, score_sentence, size_of

#: The address of a page by the id of its study or estimate.
Address = Callable[[str], str]


def score_studies_table(e: ScoreEstimate, evidence: Evidence, study: Address, *, folded: bool = False) -> Table:
    """Every study of an estimate of a score: who, when, its change or difference, and its weight or why it has none."""
    studies = evidence["studies"].set_index("study_id")
    rows = tuple(_study(row, e, studies.loc[row.study_id], evidence, study) for row in (*e.rows, *e.told))
    what = "Difference" if e.synthesis.is_difference else "Change"
    header = ("Study", "Who and how", "When", "People", f"{what}, {e.unit} (95% CI)", "Weight")
    return Table(f"scores-{e.id}", f"Every study behind: {e.title}", header, rows, kind=CARDS, folded=folded, numeric=(3, 4))


def _study(row: ScoreRow, e: ScoreEstimate, known: pd.Series, evidence: Evidence, address: Address) -> tuple[Shown, ...]:
    words = evidence.vocabulary
    timing = [column for fact in (evidence.subject.fact(PHASE),) if fact for _, column in fact.columns]
    told = [words.label(column, known[column], "phrase") for column in ("design", *timing) if not pd.isna(known[column])]
    limits = (interval_of(e, row.ci_low, row.ci_high),) if row.ci_low is not None else ()
    if row.weight is not None:
        weight = Lines(f"{row.weight:.0f}%", row.marks)
    else:
        weight = Lines(f"none: {row.reason}" if row.reason else NOT_POOLED, row.marks)
    return (
        Link(row.label, address(row.study_id)),
        Lines(capital("; ".join(told)) if told else NOT_STATED, (row.part,)),
        NOT_STATED if row.months is None else f"{number(row.months)} months",
        _people(row),
        Lines(amount(row.estimate), limits),
        weight,
    )


def _people(row: ScoreRow) -> str:
    if row.n1 is None and row.n2 is None:
        return NOT_STATED
    return str(row.n1) if row.n2 is None else f"{NOT_STATED if row.n1 is None else row.n1} v {row.n2}"


def scores_table(
    estimates: Sequence[ScoreEstimate],
    caption: str,
    address: Address,
    natural: Mapping[str, ScoreEstimate],
    anchor: str = "score-{}",
    certainty: Mapping[str, Certainty] | None = None,
) -> Table:
    """Several estimates of scores: what, its plain sentence (its question where the studies stand side by side), studies, result, the change without the treatment where it is known, and certainty with its reasons.

    ``natural`` holds, by id, the estimate without the treatment that belongs beside each; ``anchor`` makes the anchor of a row of its id.
    ``certainty`` is the rating by id; without it the column is left out.
    """
    rows = tuple(
        (
            Lines(Link(e.title, address(e.id)), (score_sentence(e) if e.pooled else e.synthesis.question,)),
            size_of(e),
            result_of(e),
            result_of(natural[e.id]) if e.id in natural else "–",
            *(() if certainty is None else (level_shown(certainty[e.id]),)),
        )
        for e in estimates
    )
    rated = () if certainty is None else (capital(NAME),)
    header = ("Score", "Studies, people", "Result (95% CI)", "Without the treatment", *rated)
    ids = tuple(anchor.format(e.id) for e in estimates)
    return Table("score-findings", caption, header, rows, ids, f"{CARDS} cb-findings", numeric=(1,))


def result_of(e: ScoreEstimate) -> str:
    """The result in a table: pooled, or each study where they stand side by side."""
    if e.pooled:
        return score_phrase(e)
    return f"{NOT_POOLED}: {each_of(e) if e.k < 3 else range_of(e)}" if e.k else "no study can be weighed"
