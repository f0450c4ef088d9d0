"""Which cells answer a declared question: one row an arm, nobody counted twice.

The rules, in this order (the methods chapter says them in words):

1. cells of the outcome that may be pooled and pass the filters of the declaration;
2. of each arm, the rows of the asked stratum: all patients (``total``), the widest rows (``widest``) or rows that
   hold the asked keys, a row that is a part of another being left out;
3. of equal strata at several times, the latest;
4. what remains of an arm are disjoint strata: their events and patients are added up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations

import pandas as pd

from cordbook.evidence.evidence import parse_stratum
from cordbook.review.declarations import Synthesis

SELECTED = ["study_id", "arm_id", "label", "year", "events", "n", "cells"]


class SelectionError(ValueError):
    """The cells of an arm cannot be told apart, so adding them up might count patients twice."""


def select_cells(cells: pd.DataFrame, synthesis: Synthesis) -> pd.DataFrame:
    """The rows of ``cells`` (:attr:`Evidence.cells`) that a declaration pools, before adding up strata."""
    chosen = cells[(cells["outcome"] == synthesis.outcome) & cells["poolable"].fillna(False).astype(bool)]
    strata = chosen["stratum"].map(lambda text: parse_stratum(None if pd.isna(text) else text))
    for column, values in synthesis.where:
        held = column_of(chosen, strata, column).isin(values)
        chosen, strata = chosen[held], strata[held]
    keep: list[int] = []
    for _, rows in chosen.groupby("arm_id", sort=True):
        keep += _rows_of_arm(rows, strata.loc[rows.index], synthesis.strata)
    return chosen.loc[sorted(keep)]


def column_of(cells: pd.DataFrame, strata: pd.Series, column: str) -> pd.Series:
    """A column of the cells, a key of the stratum (``stratum.KEY``), or the two joined: a stratum that
    names the column's key goes before what is said of the whole study."""
    if column.startswith("stratum."):
        return strata.map(lambda s: s.get(column.removeprefix("stratum.")))
    if column in cells.columns:
        return cells[column].astype(object).where(cells[column].notna(), None).map(_as_text)
    raise KeyError(f"no column {column!r} to filter by; there are {', '.join(cells.columns)} and stratum.KEY")


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _rows_of_arm(rows: pd.DataFrame, strata: pd.Series, asked: str | tuple[tuple[str, str], ...]) -> list[int]:
    relation = rows["stratum_relation"]
    if asked == "total":
        candidates = list(rows.index[relation == "total"])
    else:
        required = {} if asked == "widest" else dict(asked)
        candidates = [i for i in rows.index if required.items() <= strata[i].items()]
        whole = [i for i in candidates if relation[i] in ("total", "only_stratum")]
        candidates = whole or candidates
    candidates = [i for i in candidates if not any(strata[j].items() < strata[i].items() for j in candidates)]
    return _latest(rows, strata, candidates)


def _latest(rows: pd.DataFrame, strata: pd.Series, candidates: list[int]) -> list[int]:
    """Of rows with one stratum, the one at the latest time."""
    by_stratum: dict[tuple, int] = {}
    for i in sorted(candidates, key=lambda i: (_months(rows, i), i)):
        by_stratum[tuple(sorted(strata[i].items()))] = i
    return sorted(by_stratum.values())


def _months(rows: pd.DataFrame, i: int) -> float:
    months = rows.loc[i, "timepoint_months"]
    return -1.0 if pd.isna(months) else float(months)


def one_row_an_arm(chosen: pd.DataFrame, disjoint_keys: Collection[str]) -> pd.DataFrame:
    """Add up disjoint strata: one row an arm with columns :data:`SELECTED`, sorted by year and label.

    ``disjoint_keys`` are the stratum keys whose different values hold different patients (``disjoint`` in
    stratum_keys.csv). ``cells`` holds the ids of the cells behind a row, so that every number can be walked back.
    Raises :class:`SelectionError` where strata of one arm may share patients.
    """
    rows = []
    for arm_id, group in chosen.groupby("arm_id", sort=True):
        strata = [parse_stratum(None if pd.isna(t) else t) for t in group["stratum"]]
        _check_disjoint(arm_id, strata, disjoint_keys)
        first = group.iloc[0]
        rows.append(
            {
                "study_id": first["study_id"],
                "arm_id": arm_id,
                "label": first["label"],
                "year": first["year"],
                "events": int(group["events"].sum()),
                "n": int(group["n"].sum()),
                "cells": tuple(group["cell_id"]),
            }
        )
    table = pd.DataFrame(rows, columns=SELECTED)
    order = table.assign(_year=table["year"].fillna(9999)).sort_values(["_year", "label"], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _check_disjoint(arm_id: str, strata: list[Mapping[str, str]], disjoint_keys: Collection[str]) -> None:
    for one, other in combinations(strata, 2):
        shared = set(one) & set(other) & set(disjoint_keys)
        if not any(one[key] != other[key] for key in shared):
            raise SelectionError(
                f"{arm_id}: the strata {dict(one)} and {dict(other)} may hold the same patients; "
                "mark the narrower one part_of_total, or ask for a narrower stratum in syntheses.yml"
            )


def subgroups(chosen: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    """The selected cells by the values of a column or of ``stratum.KEY``; cells without a value are left out."""
    strata = chosen["stratum"].map(lambda text: parse_stratum(None if pd.isna(text) else text))
    values = column_of(chosen, strata, column)
    if column == "injury_phase":
        # A stratum that names the phase says more than what the whole study is called.
        values = strata.map(lambda s: s.get("phase")).where(lambda v: v.notna(), values)
    return {str(value): chosen[values == value] for value in sorted(values.dropna().unique(), key=_in_course)}


#: Values that have an order of their own; others follow the alphabet.
_COURSE = ("acute", "acute_subacute", "subacute", "chronic", "mixed")


def _in_course(value: object) -> tuple[int, str]:
    return (_COURSE.index(str(value)) if value in _COURSE else len(_COURSE), str(value))
