"""Which counts answer a declared question: one row per study, nobody counted twice.

The rules, in this order (the methods chapter says them in words):

1. counts of the outcome that may be pooled and pass the filters of the declaration;
2. of each arm, the rows of the asked stratum: all patients (``total``), under whatever stratum they stand; the widest rows (``widest``), all patients or rows told
   apart by nothing but one key (``by:KEY``), or rows that hold the asked keys; a row that is a part of another is left out;
3. of an arm whose row of all patients may not be pooled, a stratum only where a declaration asks for strata by name;
4. of equal strata at several times, the latest;
5. of an arm and its own parts, the whole arm;
6. what remains of an arm are strata of different patients: their events and patients are added up.

Who may share patients with whom is said by :mod:`cordbook.evidence.patients`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from cordbook.errors import InputError, UnknownName
from cordbook.evidence.counts import Count, counts_of
from cordbook.evidence.evidence import as_written
from cordbook.evidence.patients import Meanings, parse_stratum, parts_of_counted_arms
from cordbook.evidence.vocabulary import SEVERAL, STRATUM, Dimension, Vocabulary
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.rows import ArmRow, PairRow, in_order

#: Before the key of the stratum that tells rows apart, where ``strata`` of a declaration asks for such rows.
BY = "by:"


class SelectionError(InputError):
    """The counts of an arm cannot be told apart, so adding them up might count patients twice."""


def select_counts(counts: pd.DataFrame, synthesis: Synthesis, meanings: Meanings) -> pd.DataFrame:
    """The rows of ``counts`` (:attr:`Evidence.counts`) that a declaration pools, before adding up strata; no part beside its whole.

    ``meanings`` (:attr:`Evidence.meanings`) say which stratum is a part of another.
    """
    chosen = rows_of_arms(counts, synthesis, meanings)
    return chosen[~chosen["arm_id"].isin(parts_beside_wholes(chosen))]


def rows_of_arms(counts: pd.DataFrame, synthesis: Synthesis, meanings: Meanings) -> pd.DataFrame:
    """The rows of each arm that fit a declaration, an arm and its own parts perhaps side by side."""
    of_outcome = counts[counts["outcome"] == synthesis.outcome]
    chosen = _poolable(of_outcome)
    if synthesis.strata == "widest" and not any(column.startswith("stratum.") for column, _ in synthesis.where):
        chosen = chosen[~chosen["arm_id"].isin(arms_with_barred_total(of_outcome))]
    chosen, strata = _held(chosen, synthesis)
    keep: list[int] = []
    for _, rows in chosen.groupby("arm_id", sort=True):
        keep += _rows_of_arm(rows, strata.loc[rows.index], synthesis.strata, meanings)
    return chosen.loc[sorted(keep)]


def fitting(counts: pd.DataFrame, synthesis: Synthesis) -> pd.DataFrame:
    """The counts of the outcome of a declaration that may be pooled and pass its filters, of whatever stratum they are."""
    return _held(_poolable(counts[counts["outcome"] == synthesis.outcome]), synthesis)[0]


def _poolable(counts: pd.DataFrame) -> pd.DataFrame:
    return counts[counts["poolable"].fillna(False).astype(bool)]


def _held(counts: pd.DataFrame, synthesis: Synthesis) -> tuple[pd.DataFrame, pd.Series]:
    """Counts that pass the filters of a declaration, with their strata."""
    strata = strata_of(counts)
    for column, values in synthesis.where:
        held = column_of(counts, strata, column).isin(values)
        counts, strata = counts[held], strata[held]
    return counts, strata


def strata_of(counts: pd.DataFrame) -> pd.Series:
    """The stratum of each count as a dictionary."""
    return counts["stratum"].map(parse_stratum)


def parts_beside_wholes(chosen: pd.DataFrame) -> frozenset[str]:
    """Arms of the chosen rows that are a part of another chosen arm."""
    if "part_of" not in chosen.columns:
        return frozenset()
    return parts_of_counted_arms(dict(zip(chosen["arm_id"], chosen["part_of"], strict=True)))


def arms_with_barred_total(of_outcome: pd.DataFrame) -> frozenset[str]:
    """Arms whose rows of all patients may none of them be pooled; their strata must not come in by a side door."""
    totals = of_outcome[of_outcome["all_patients"]]
    allowed = totals["poolable"].fillna(False).astype(bool)
    return frozenset(totals["arm_id"]) - frozenset(totals.loc[allowed, "arm_id"])


def column_of(counts: pd.DataFrame, strata: pd.Series, column: str) -> pd.Series:
    """A column of the counts, a key of the stratum (``stratum.KEY``), or the two joined: a stratum that
    names the column's key goes before what is said of the whole study."""
    if column.startswith(STRATUM):
        return strata.map(lambda s: s.get(column.removeprefix(STRATUM)))
    if column in counts.columns:
        return counts[column].astype(object).map(lambda value: as_written(value) or None)
    raise UnknownName(f"no column {column!r} to filter by; there are {', '.join(counts.columns)} and stratum.KEY")


def _rows_of_arm(
    rows: pd.DataFrame, strata: pd.Series, asked: str | tuple[tuple[str, str], ...], meanings: Meanings
) -> list[int]:
    relation, everybody = rows["stratum_relation"], rows["all_patients"]
    if isinstance(asked, str):  # who asks for no stratum by name gets all patients, whatever the report calls them
        strata = strata.mask(everybody, pd.Series([{}] * len(rows), index=rows.index))
    candidates = [i for i in rows.index if _fits(strata[i], asked)]
    whole = [i for i in candidates if everybody[i] or relation[i] == "only_stratum"]
    candidates = whole or candidates
    candidates = [i for i in candidates if not any(meanings.is_part(strata[i], strata[j]) for j in candidates)]
    return _latest(rows, strata, candidates)


def _fits(stratum: dict[str, str], asked: str | tuple[tuple[str, str], ...]) -> bool:
    if asked == "total":
        return not stratum
    if asked == "widest":
        return True
    if isinstance(asked, str):
        return stratum.keys() <= {asked.removeprefix(BY)}
    return dict(asked).items() <= stratum.items()


def _latest(rows: pd.DataFrame, strata: pd.Series, candidates: list[int]) -> list[int]:
    """Of rows with one stratum, the one at the latest time."""
    by_stratum: dict[tuple, int] = {}
    for i in sorted(candidates, key=lambda i: (_months(rows, i), i)):
        by_stratum[tuple(sorted(strata[i].items()))] = i
    return sorted(by_stratum.values())


def _months(rows: pd.DataFrame, i: int) -> float:
    months = rows.loc[i, "timepoint_months"]
    return -1.0 if pd.isna(months) else float(months)


def one_row_per_study(chosen: pd.DataFrame, meanings: Meanings) -> tuple[ArmRow, ...]:
    """Add up the arms of a study and their disjoint strata: one row per study, sorted by year and label.

    Arms of one report are people of one place, told by one team: a model takes them for one study, and k counts them once.
    ``meanings`` (:attr:`Evidence.meanings`) say which strata are of different patients. Raises :class:`SelectionError` where
    strata of one arm may share patients.
    """
    return in_order(ArmRow(**_study(rows), arm=_arms(rows, meanings)) for _, rows in chosen.groupby("study_id", sort=True))


def pair_arms(chosen: pd.DataFrame, meanings: Meanings) -> tuple[PairRow, ...]:
    """Treated against comparator within each study that has both: one row per study.

    Several treated (or comparator) arms of one study are added up, so that nobody is counted twice.
    """
    pairs = (
        (rows, *(_arms(rows[rows["role"] == role], meanings) for role in ("treated", "comparator")))
        for _, rows in chosen.groupby("study_id", sort=True)
    )
    return in_order(
        PairRow(**_study(rows), treated=treated, control=control) for rows, treated, control in pairs if treated and control
    )


def _arms(chosen: pd.DataFrame, meanings: Meanings) -> tuple[Count, ...]:
    """The counts of the arms of a study, by the id of the arm."""
    return tuple(count for _, rows in chosen.groupby("arm_id", sort=True) for count in _added_up(rows, meanings))


def _study(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    year = first["year"]
    return {"study_id": first["study_id"], "label": first["label"], "year": None if pd.isna(year) else int(year)}


def _added_up(rows: pd.DataFrame, meanings: Meanings) -> tuple[Count, ...]:
    """The counts of an arm, if no two of them may hold the same patients."""
    counts = counts_of(rows)
    for one, other in combinations(counts, 2):
        if meanings.may_share(dict(one.stratum), dict(other.stratum)):
            raise SelectionError(
                f"{one.arm_id}: the strata {dict(one.stratum)} and {dict(other.stratum)} may hold the same patients, so they "
                "cannot be added up; mark the narrower one part_of_total, or ask for a narrower stratum in syntheses.yml"
            )
    return tuple(counts)


def subgroups(chosen: pd.DataFrame, by: str, vocabulary: Vocabulary) -> dict[str, pd.DataFrame]:
    """The selected counts by the codes of a dimension, or of one of its sources; counts without a code are left out.

    In the order of the vocabulary, codes that it does not name after the others, by the alphabet.
    """
    values = values_of(chosen, strata_of(chosen), vocabulary.dimension(by))
    order = order_of_codes(vocabulary.codes(by))
    return {str(value): chosen[values == value] for value in sorted(values.dropna().unique(), key=order)}


def order_of_codes(known: Sequence[str]) -> Callable[[object], tuple[int, str]]:
    """A key to sort codes by: those that are known in their order, then the others by the alphabet."""
    return lambda code: (known.index(str(code)) if code in known else len(known), str(code))


def values_of(counts: pd.DataFrame, strata: pd.Series, dimension: Dimension) -> pd.Series:
    """The code of each count in a dimension: that of the first of its sources that holds one.

    A stratum says more than what the whole study is called, so it mostly is the first source.
    """
    found = pd.Series(None, index=counts.index, dtype="object")
    for source in dimension.sources:
        found = found.where(found.notna(), _values_in(counts, strata, source))
    return found.astype(counts["stratum"].dtype)  # that of texts


def _values_in(counts: pd.DataFrame, strata: pd.Series, source: str) -> pd.Series:
    column = source if source.startswith(STRATUM) else source.rpartition(".")[2]
    if column.endswith("_*"):
        return _only_one(counts, column[:-1])
    known = column in counts or column.startswith(STRATUM)
    return column_of(counts, strata, column) if known else pd.Series(None, index=counts.index, dtype="object")


def _only_one(counts: pd.DataFrame, prefix: str) -> pd.Series:
    """The one code of whose people there are some, where the study says that there are none of the others; else :data:`SEVERAL`.

    Of the last column a blank counts as none: reports mostly leave it out.
    """
    given = counts[[name for name in counts.columns if name.startswith(prefix)]]
    if given.empty:
        return pd.Series(None, index=counts.index, dtype="object")
    some = given.fillna(0) > 0
    first = some.idxmax(axis=1).str.removeprefix(prefix)
    alone = (some.sum(axis=1) == 1) & given.iloc[:, :-1].notna().all(axis=1)
    return first.where(alone, None).mask(some.sum(axis=1) > 1, SEVERAL)
