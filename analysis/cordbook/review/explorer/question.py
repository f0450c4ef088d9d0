"""Questions that a reader asks of the evidence: filters in, rows out, by the rules of the declared estimates.

The explorer of the book and ``cordbook pool --outcome`` both ask in this way, so that one prints what the other shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from cordbook.errors import UsageError
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.patients import Meanings
from cordbook.evidence.vocabulary import STRATUM
from cordbook.review.appraisal.risk_of_bias import judge_studies, load_items, study_facts
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.rows import ArmRow
from cordbook.review.estimates.selection import (
    BY,
    SelectionError,
    column_of,
    one_row_per_study,
    parts_beside_wholes,
    rows_of_arms,
    strata_of,
    values_of,
)

#: Numbers that can be bounded: year of the report, months from treatment to the count, people counted in an arm.
RANGES = ("year", "months", "n")
STRATA = ("total", "widest")
#: Before the name of an item of risk_of_bias.yml: a column that holds its answer.
ITEM = "rob."


class QuestionError(UsageError, ValueError):
    """A question names something that the evidence does not have; the message says what there is."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: an outcome, filters on columns (any of the values), bounds, and studies that are left out.

    ``strata`` as in :class:`cordbook.review.estimates.declarations.Synthesis`; ``bounds`` holds (name of :data:`RANGES`, least or
    None, most or None). A count whose number is not known does not lie within bounds.

    >>> Question("ais_improved", (("role", ("treated",)),)).strata
    'total'
    """

    outcome: str
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    strata: str | tuple[tuple[str, str], ...] = "total"
    bounds: tuple[tuple[str, float | None, float | None], ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The rows that answer a question, one an arm, and what fits the filters but is left out.

    ``not_poolable``: counts that must not be pooled, with ``not_poolable_reason``. ``unclear``: arms whose strata may share
    patients. ``within``: arms that are a part of another arm that is counted.
    """

    rows: tuple[ArmRow, ...]
    not_poolable: pd.DataFrame = field(repr=False)
    unclear: tuple[str, ...] = ()
    within: tuple[str, ...] = ()


def explorer_counts(evidence: Evidence) -> pd.DataFrame:
    """:attr:`Evidence.counts` with columns to filter by: dimensions that are not a column of a table, and every item on risk of bias."""
    counts = evidence.counts
    strata = strata_of(counts)
    dimensions = [d for d in evidence.vocabulary.filters() if d.id not in counts and not d.id.startswith(STRATUM)]
    added = {d.id: values_of(counts, strata, d) for d in dimensions}
    items = load_items(evidence.folder) if (evidence.folder / "risk_of_bias.yml").is_file() else ()
    if items:
        judged = judge_studies(items, study_facts(evidence))
        added |= {f"{ITEM}{name}": counts["study_id"].map(judged[name]) for name in judged.columns}
    return counts.assign(**added)


def check(counts: pd.DataFrame, question: Question) -> None:
    """Raise :class:`QuestionError` with every name in the question that the counts do not have."""
    problems = []
    if question.outcome not in set(counts["outcome"]):
        problems.append(f"no outcome {question.outcome!r}; there are {', '.join(sorted(set(counts['outcome'])))}")
    columns = [c for c in counts.columns if c not in ("cell_id", "events", "n")]
    for column, values in question.where:
        if not column.startswith("stratum.") and column not in columns:
            problems.append(f"no column {column!r} to filter by; there are {', '.join(columns)} and stratum.KEY")
        elif not values:
            problems.append(f"{column}: no value is given")
    problems += [f"{name}: only {', '.join(RANGES)} can be bounded" for name, *_ in question.bounds if name not in RANGES]
    studies = set(counts["study_id"])
    problems += [f"no study {study!r}; see data/studies.csv for their ids" for study in question.exclude if study not in studies]
    if isinstance(question.strata, str) and question.strata not in STRATA and not question.strata.startswith(BY):
        problems.append(f"strata is {question.strata!r}; it is total, widest, by:KEY, or keys with values")
    if problems:
        raise QuestionError("\n".join(problems))


def answer(counts: pd.DataFrame, question: Question, meanings: Meanings) -> Answer:
    """The rows that answer a question; ``counts`` are those of :func:`explorer_counts`. Raises :class:`QuestionError`."""
    check(counts, question)
    asked = counts[counts["outcome"] == question.outcome]
    asked = asked[~asked["study_id"].isin(question.exclude)]
    for name, least, most in question.bounds:
        if name != "n":
            asked = _within(asked, "timepoint_months" if name == "months" else name, least, most)
    chosen = rows_of_arms(asked, _as_synthesis(question), meanings)
    within = tuple(sorted(parts_beside_wholes(chosen)))
    chosen = chosen[~chosen["arm_id"].isin(within)]
    unclear = _unclear_arms(chosen, meanings)
    rows = one_row_per_study(chosen[~chosen["arm_id"].isin(unclear)], meanings)
    for name, least, most in question.bounds:
        if name == "n":
            rows = tuple(row for row in rows if (least is None or row.n >= least) and (most is None or row.n <= most))
    return Answer(rows, _left_out(asked, question), unclear, within)


def _unclear_arms(chosen: pd.DataFrame, meanings: Meanings) -> tuple[str, ...]:
    """Arms of which several rows are chosen that may share patients."""
    unclear = []
    for arm_id, group in chosen[chosen["arm_id"].duplicated(keep=False)].groupby("arm_id", sort=True):
        try:
            one_row_per_study(group, meanings)
        except SelectionError:
            unclear.append(str(arm_id))
    return tuple(unclear)


def _as_synthesis(question: Question) -> Synthesis:
    return Synthesis(
        id="question", title="", question="", sentence="", section="", kind="proportion", outcome=question.outcome,
        where=question.where, strata=question.strata, by=None, measure="logit", model="glmm", ci=None, level=0.95,
        natural=None, harm=False, note="",
    )  # fmt: skip


def _within(table: pd.DataFrame, column: str, least: float | None, most: float | None) -> pd.DataFrame:
    values = pd.to_numeric(table[column]).astype("float64")
    return table[values.between(-float("inf") if least is None else least, float("inf") if most is None else most)]


def _left_out(counts: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Counts that fit the filters and must not be pooled."""
    barred = counts[~counts["poolable"].fillna(False).astype(bool)]
    strata = strata_of(barred)
    for column, values in question.where:
        held = column_of(barred, strata, column).isin(values)
        barred, strata = barred[held], strata[held]
    return barred


def reasons(not_poolable: pd.DataFrame) -> Mapping[str, int]:
    """How many counts are left out for each reason; a count may have several. Most frequent first."""
    counts: dict[str, int] = {}
    for text in not_poolable["not_poolable_reason"].fillna(""):
        for reason in text.split(";"):
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def default_question(counts: pd.DataFrame, outcome: str) -> Question:
    """Where an outcome without a declared estimate begins: treated people if any are counted, of whole arms if there are such."""
    rows = counts[(counts["outcome"] == outcome) & counts["poolable"].fillna(False).astype(bool)]
    roles = [role for role in ("treated", "natural_course", "comparator") if role in set(rows["role"])]
    role = roles[0] if roles else "treated"
    # Strata that happen to be whole arms stand among strata that are not: to begin with them alone would hide the others.
    whole = (rows.loc[rows["role"] == role, "stratum_relation"] == "total").any()
    return Question(outcome, (("role", (role,)),), "total" if whole else "widest")
