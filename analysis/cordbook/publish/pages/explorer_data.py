"""The evidence as the explorer of the book reads it: one script that assigns one value, made from ``data/``.

A page opened from the disk may not fetch a file, so the data comes as a script. Columns are coded: a list of values and one
number a cell. Nothing in it is markup, and the page writes every text as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any

import pandas as pd

import cordbook
from cordbook.core.tracking import by_value_of_estimates
from cordbook.evidence import study_words as words
from cordbook.evidence.patients import is_part, may_share_patients, parse_stratum
from cordbook.review.appraisal.risk_of_bias import load_items
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.selection import arms_with_barred_total, column_of, strata_of
from cordbook.review.explorer.question import ITEM, Question, default_question, explorer_cells

#: Filters that the page offers, in this order: column and what it is called. Columns that declarations use besides are added.
FACETS: Mapping[str, str] = {
    "role": "Who was counted",
    "topic": "Topic",
    "intervention_class": "Treatment",
    "cell_type": "Cell type",
    "donor": "Source of the cells",
    "route": "Route",
    "phase": "Time since injury",
    "stratum.baseline_ais": "AIS grade at the start",
    "stratum.setting": "Kind of radiotherapy",
    "injury_level": "Level of injury",
    "design": "Design",
    "confidence": "Confidence in the reading",
}
ROLES = {"treated": "Treated people", "comparator": "Comparison groups", "natural_course": "Usual care (natural course)"}
LEVELS = {"cervical": "Neck only", "thoracic": "Chest only", "lumbar": "Lower back only", "several": "Several levels"}
CONFIDENCE = {"high": "High", "medium": "Medium", "low": "Low"}
SETTINGS = {
    "conventional": "Conventional fractions", "reirradiation": "Re-irradiation", "sbrt": "Stereotactic (SBRT)",
    "sbrt_reirradiation": "Stereotactic re-irradiation", "hypofractionated": "Few large fractions",
    "hyperfractionated": "Several fractions a day", "particle": "Protons or carbon ions", "chemoradiation": "With chemotherapy",
}  # fmt: skip


@by_value_of_estimates
def explorer_script(estimates: Estimates) -> str:
    """The script of :func:`explorer_data`: plain ASCII, no sign that could begin markup."""
    return estimates.once("explorer script", lambda: _script(estimates))


def _script(estimates: Estimates) -> str:
    text = json.dumps(explorer_data(estimates), separators=(",", ":"), ensure_ascii=True, allow_nan=False, sort_keys=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f"globalThis.CORDBOOK_EVIDENCE = {text};\n"


def explorer_data(estimates: Estimates) -> dict[str, Any]:
    """All that the explorer shows: cells, studies, words, the questions that the book asks, and the estimates it gives."""
    evidence = estimates.evidence
    cells = explorer_cells(evidence)
    declared = [s for s in estimates.declarations if s.kind == "proportion"]
    items = load_items(evidence.folder) if (evidence.folder / "risk_of_bias.yml").is_file() else ()
    facets = dict(FACETS)
    for synthesis in declared:
        facets |= {column: words.plain(column.removeprefix("stratum.")) for column, _ in synthesis.where if column not in facets}
    facets |= {f"{ITEM}{item.id}": item.name for item in items}
    terms = evidence["outcome_terms"].set_index("outcome")
    strata = strata_of(cells)
    numbered = {cell_id: i for i, cell_id in enumerate(cells["cell_id"])}
    found = [e for e in estimates if not e.is_comparison and e.is_reported]
    return {
        "version": cordbook.__version__,
        "columns": {name: _coded(cells, strata, name) | {"name": title} for name, title in facets.items()},
        "items": {f"{ITEM}{item.id}": item.question for item in items},
        **counted(cells, evidence.disjoint_keys),
        "outcomes": _outcomes(cells, terms, declared),
        "reasons": dict(zip(*(evidence["not_poolable_reasons"][c].astype(str) for c in ("reason", "label")), strict=True)),
        "questions": [_question(s) for s in declared],
        "estimates": [_estimate(e, numbered) for e in found],
        "average": estimates.declarations.usual_average,
        "limits": asdict(estimates.declarations.usual_limits),
    }


def counted(cells: pd.DataFrame, disjoint_keys: Collection[str]) -> dict[str, Any]:
    """Cells, arms, studies and strata, with the verdicts on who may share patients, so that the page needs no rule of its own.

    ``shares``: pairs of strata of one arm that may share patients; ``parts``: pairs of a stratum and a wider one that holds it.
    Strata are named by their places in ``strata``.
    """
    names = _strata(cells)
    strata = [parse_stratum(text) for text in names]
    pairs = sorted(_pairs_of_one_arm(cells, names))
    return {
        "cells": _cells(cells),
        "arms": _arms(cells),
        "studies": _studies(cells),
        "strata": [sorted(stratum.items()) for stratum in strata],
        "shares": [[a, b] for a, b in pairs if may_share_patients(strata[a], strata[b], disjoint_keys)],
        "parts": [[a, b] for one, other in pairs for a, b in ((one, other), (other, one)) if is_part(strata[a], strata[b])],
    }


def _pairs_of_one_arm(cells: pd.DataFrame, names: list[str]) -> set[tuple[int, int]]:
    """Pairs of different strata that stand in one arm for one outcome, the lower place first."""
    place = {text: i for i, text in enumerate(names)}
    places = cells["stratum"].map(_plain_stratum).map(place)
    groups = places.groupby([cells["arm_id"], cells["outcome"]]).unique()
    return {pair for group in groups for pair in combinations(sorted(int(i) for i in group), 2)}


def _plain_stratum(text: object) -> str:
    """One text for one stratum, whatever the order of its keys."""
    return ";".join(f"{key}={value}" for key, value in sorted(parse_stratum(text if isinstance(text, str) else None).items()))


def _strata(cells: pd.DataFrame) -> list[str]:
    return sorted({_plain_stratum(text) for text in cells["stratum"].unique()})


def _coded(cells: pd.DataFrame, strata: pd.Series, column: str) -> dict[str, Any]:
    """A column as sorted values, their words, and the place of each cell's value in the list (-1: not stated)."""
    held = [None if pd.isna(v) else str(v) for v in column_of(cells, strata, column)]
    values = sorted({v for v in held if v is not None}, key=_order(column))
    place = {value: i for i, value in enumerate(values)}
    codes = [-1 if value is None else place[value] for value in held]
    return {"values": values, "words": [_say(column, value) for value in values], "codes": codes}


def _order(column: str) -> Callable[[str], tuple[int, str]]:
    course: Mapping[str, Mapping[Any, Any]] = {
        "phase": words.PHASES, "role": ROLES, "injury_level": LEVELS, "confidence": CONFIDENCE, "design": words.DESIGNS,
    }  # fmt: skip
    known = list(course.get(column, ()))
    return lambda value: (known.index(value) if value in known else len(known), value)


def _say(column: str, value: str) -> str:
    tables: Mapping[str, Mapping[Any, Any]] = {
        "role": ROLES, "topic": words.TOPICS, "phase": words.PHASES, "injury_level": LEVELS, "confidence": CONFIDENCE,
        "stratum.setting": SETTINGS,
        "cell_type": {key: name for key, (_, name) in words.CELLS.items()},
        "design": {key: design.short for key, design in words.DESIGNS.items()},
        "intervention_class": words.TREATMENTS, "route": words.ROUTES, "donor": words.DONORS,
    }  # fmt: skip
    text = str(tables.get(column, {}).get(value) or words.plain(value))
    if column == "stratum.baseline_ais":
        text = f"AIS {value}"
    return text[:1].upper() + text[1:]


def _number(value: Any) -> float | int | None:
    if pd.isna(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def _cells(cells: pd.DataFrame) -> dict[str, list[Any]]:
    strata = {text: i for i, text in enumerate(_strata(cells))}
    arms = {arm: i for i, arm in enumerate(sorted(set(cells["arm_id"])))}
    studies = {study: i for i, study in enumerate(sorted(set(cells["study_id"])))}
    barred = ~cells["poolable"].fillna(False).astype(bool)
    reasons = cells["not_poolable_reason"].fillna("")
    return {
        "outcome": list(cells["outcome"]),
        "study": [studies[s] for s in cells["study_id"]],
        "arm": [arms[a] for a in cells["arm_id"]],
        "stratum": [strata[_plain_stratum(t)] for t in cells["stratum"]],
        "relation": list(cells["stratum_relation"]),
        "months": [_number(v) for v in cells["timepoint_months"]],
        "events": [int(v) for v in cells["events"]],
        "n": [int(v) for v in cells["n"]],
        # 1 where the arm's row of all patients may not be pooled for this outcome.
        "withheld": _withheld(cells),
        # Empty where the cell may be pooled.
        "barred": [(reason or "not said") if no else "" for no, reason in zip(barred, reasons, strict=True)],
    }


def _withheld(cells: pd.DataFrame) -> list[int]:
    barred = {(arm, outcome) for outcome, rows in cells.groupby("outcome") for arm in arms_with_barred_total(rows)}
    return [int(place in barred) for place in zip(cells["arm_id"], cells["outcome"], strict=True)]


def _arms(cells: pd.DataFrame) -> dict[str, list[Any]]:
    first = cells.drop_duplicates("arm_id").sort_values("arm_id", kind="stable")
    number = {arm: i for i, arm in enumerate(first["arm_id"])}
    return {
        "name": [words.ARMS.get(name, words.plain(name)) for name in first["arm"]],
        "within": [number.get(wider, -1) if isinstance(wider, str) else -1 for wider in first["part_of"]],
    }


def _studies(cells: pd.DataFrame) -> dict[str, list[Any]]:
    first = cells.drop_duplicates("study_id").sort_values("study_id", kind="stable")
    return {"id": list(first["study_id"]), "label": list(first["label"]), "year": [_number(v) for v in first["year"]]}


def _outcomes(cells: pd.DataFrame, terms: pd.DataFrame, declared: Iterable[Synthesis]) -> list[dict[str, Any]]:
    first: dict[str, str] = {}
    for synthesis in declared:
        first.setdefault(synthesis.outcome, synthesis.id)
    counted = cells[cells["poolable"].fillna(False).astype(bool)]["outcome"].value_counts()
    known = [name for name in terms.index if name in set(cells["outcome"])]
    of_outcome = dict(iter(cells.groupby("outcome")))
    told = terms.to_dict("index")
    # Outcomes that the book asks about come first, in its order; then the others by how many counts there are.
    order = sorted(known, key=lambda o: (list(first).index(o) if o in first else len(first), -int(counted.get(o, 0)), o))
    return [
        {
            "id": name,
            "label": str(told[name]["label"]),
            "definition": str(told[name]["definition"]),
            "group": str(told[name]["group"]),
            "bad": told[name]["event_is"] == "bad",
            "counts": int(counted.get(name, 0)),
            "start": {"estimate": first[name]} if name in first else _asked(default_question(of_outcome[name], name)),
        }
        for name in order
    ]


def _asked(question: Question) -> dict[str, Any]:
    return {"where": {column: list(values) for column, values in question.where}, "strata": question.strata}


def _question(s: Synthesis) -> dict[str, Any]:
    return {
        "id": s.id,
        "title": s.title,
        "question": s.question,
        "outcome": s.outcome,
        "where": {column: list(values) for column, values in s.where},
        "strata": s.strata if isinstance(s.strata, str) else dict(s.strata),
        "natural": s.natural,
        "model": s.model,
        "average": s.average,
    }


def _estimate(e: Estimate, numbered: Mapping[str, int]) -> dict[str, Any]:
    roles = dict(e.synthesis.where).get("role", ())
    return {
        "id": e.id,
        "title": e.title,
        "outcome": e.synthesis.outcome,
        "cells": sorted(numbered[c] for c in e.cells),
        "model": e.synthesis.model,
        "average": e.synthesis.average,
        "plain": e.synthesis.measure == "logit" and e.synthesis.ci is None and e.synthesis.level == 0.95,
        "natural": "natural_course" in roles,
        "strata": {} if isinstance(e.synthesis.strata, str) else dict(e.synthesis.strata),
        "values": [e.result.estimate, e.result.ci_low, e.result.ci_high] if e.result else None,
        "k": e.k,
        "n": e.n,
    }
