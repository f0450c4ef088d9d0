"""The evidence as the explorer of the book reads it: one script that assigns one value, made from ``data/``.

A page opened from the disk may not fetch a file, so the data comes as a script. Columns are coded: a list of values and one
number per count. Nothing in it is markup, and the page writes every text as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any

import pandas as pd

from cordbook.core.tracking import by_value_of_estimates
from cordbook.evidence.patients import Meanings, parse_stratum
from cordbook.evidence.review_state import load_status
from cordbook.evidence.subject_tables import PHASE
from cordbook.evidence.vocabulary import STRATUM, Vocabulary
from cordbook.publish.pages.explorer_curves import curves
from cordbook.review.appraisal.risk_of_bias import load_items
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.natural_course import NaturalCourse, load_natural_course
from cordbook.review.estimates.selection import arms_with_barred_total, column_of, order_of_codes, strata_of
from cordbook.review.explorer.question import ITEM, Question, default_question, explorer_counts
from cordbook.review.scores.estimates import ScoreEstimate, scores_of

#: Filters that the page offers where a review declares none.
FILTERS = ("role", "topic", "intervention_class", "design", "confidence")


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
    """All that the explorer shows: counts, studies, words, the questions that the book asks, and the estimates it gives."""
    evidence = estimates.evidence
    status = load_status(evidence.folder)
    counts = explorer_counts(evidence)
    declared = [s for s in estimates.declarations if s.kind == "proportion"]
    items = load_items(evidence.folder) if (evidence.folder / "risk_of_bias.yml").is_file() else ()
    words = evidence.vocabulary
    asked = [column for synthesis in declared for column, _ in synthesis.where]
    offered = filters(words, counts)
    facets = {name: words.dimension(name).label for name in dict.fromkeys([*offered, *asked])}
    facets |= {f"{ITEM}{item.id}": item.name for item in items}
    terms = evidence["outcome_terms"].set_index("outcome")
    strata = strata_of(counts)
    numbered = {cell_id: i for i, cell_id in enumerate(counts["cell_id"])}
    found = [e for e in estimates if not e.is_comparison and e.is_reported]
    return {
        "name": status.name,
        "version": status.version,
        "columns": {name: _coded(counts, strata, name, words) | {"name": title} for name, title in facets.items()},
        # Shown in this order; other columns can stand in an address and show as a chip.
        "filters": offered,
        "items": {f"{ITEM}{item.id}": item.question for item in items},
        **counted(counts, evidence.meanings, words),
        "outcomes": _outcomes(counts, terms, declared),
        "reasons": dict(zip(*(evidence["not_poolable_reasons"][c].astype(str) for c in ("reason", "label")), strict=True)),
        "questions": [_question(s) for s in declared],
        "estimates": [_estimate(e, numbered) for e in found],
        "average": estimates.declarations.usual_average,
        "natural": _natural(load_natural_course(evidence.folder)),
        "limits": asdict(estimates.declarations.usual_limits),
        "curves": curves(estimates),
        "scores": [_score(e) for e in scores_of(estimates)],
    }


def _score(e: ScoreEstimate) -> dict[str, Any]:
    """An estimate of a score: how it is declared, and the effect of every study that is weighed, or told with the reason why not.

    Values are in the unit of the score; ``n1`` and ``n2`` are patients of the treated and the comparators, null where they are not stated.
    """
    s = e.synthesis
    return {
        "id": e.id, "title": e.title, "question": s.question, "kind": s.kind, "unit": e.unit, "better": e.better, "model": s.model, "ci": s.ci,
        "level": s.level, "studiesBelow": s.studies_below, "sideBySide": s.side_by_side,
        "rows": [
            {"id": r.study_id, "label": r.label, "year": r.year, "value": r.estimate, "se": r.se, "n1": r.n1, "n2": r.n2, "people": r.n, "months": r.months}
            for r in e.rows
        ],
        "unweighed": [{"id": r.study_id, "label": r.label, "value": r.estimate, "reason": r.reason} for r in e.told],
    }  # fmt: skip


def counted(counts: pd.DataFrame, meanings: Meanings, words: Vocabulary) -> dict[str, Any]:
    """Counts, arms, studies and strata, with the verdicts on who may share patients, so that the page needs no rule of its own.

    ``shares``: pairs of strata of one arm that may share patients; ``parts``: pairs of a stratum and a wider one that holds it.
    Strata are named by their places in ``strata``.
    """
    names = _strata(counts)
    strata = [parse_stratum(text) for text in names]
    pairs = sorted(_pairs_of_one_arm(counts, names))
    return {
        "counts": _counts(counts),
        "arms": _arms(counts, words),
        "studies": _studies(counts),
        "strata": [sorted(stratum.items()) for stratum in strata],
        "shares": [[a, b] for a, b in pairs if meanings.may_share(strata[a], strata[b])],
        "parts": [
            [a, b] for one, other in pairs for a, b in ((one, other), (other, one)) if meanings.is_part(strata[a], strata[b])
        ],
    }


def _pairs_of_one_arm(counts: pd.DataFrame, names: list[str]) -> set[tuple[int, int]]:
    """Pairs of different strata that stand in one arm for one outcome, the lower place first."""
    place = {text: i for i, text in enumerate(names)}
    places = counts["stratum"].map(_plain_stratum).map(place)
    groups = places.groupby([counts["arm_id"], counts["outcome"]]).unique()
    return {pair for group in groups for pair in combinations(sorted(int(i) for i in group), 2)}


def _plain_stratum(text: object) -> str:
    """One text for one stratum, whatever the order of its keys."""
    return ";".join(f"{key}={value}" for key, value in sorted(parse_stratum(text).items()))


def _strata(counts: pd.DataFrame) -> list[str]:
    return sorted({_plain_stratum(text) for text in counts["stratum"].unique()})


def filters(words: Vocabulary, counts: pd.DataFrame) -> list[str]:
    """Columns that the page offers to filter by, in the order of the vocabulary."""
    offered = [d.id for d in words.filters()] or FILTERS
    return [name for name in offered if name in counts or name.startswith(STRATUM)]


def _coded(counts: pd.DataFrame, strata: pd.Series, column: str, words: Vocabulary) -> dict[str, Any]:
    """A column as sorted values, their words, and the place of each count's value in the list (-1: not stated)."""
    held = [None if pd.isna(v) else str(v) for v in column_of(counts, strata, column)]
    values = sorted({v for v in held if v is not None}, key=order_of_codes(words.order(column)))
    place = {value: i for i, value in enumerate(values)}
    codes = [-1 if value is None else place[value] for value in held]
    return {"values": values, "words": [words.label(column, value) for value in values], "codes": codes}


def _number(value: Any) -> float | int | None:
    if pd.isna(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def _counts(counts: pd.DataFrame) -> dict[str, list[Any]]:
    strata = {text: i for i, text in enumerate(_strata(counts))}
    arms = {arm: i for i, arm in enumerate(sorted(set(counts["arm_id"])))}
    studies = {study: i for i, study in enumerate(sorted(set(counts["study_id"])))}
    barred = ~counts["poolable"].fillna(False).astype(bool)
    reasons = counts["not_poolable_reason"].fillna("")
    return {
        "outcome": list(counts["outcome"]),
        "study": [studies[s] for s in counts["study_id"]],
        "arm": [arms[a] for a in counts["arm_id"]],
        "stratum": [strata[_plain_stratum(t)] for t in counts["stratum"]],
        "relation": list(counts["stratum_relation"]),
        # 1 where the count holds all patients of its arm, under whatever stratum.
        "everybody": [int(whole) for whole in counts["all_patients"]],
        "months": [_number(v) for v in counts["timepoint_months"]],
        "events": [int(v) for v in counts["events"]],
        "n": [int(v) for v in counts["n"]],
        # 1 where the arm's row of all patients may not be pooled for this outcome.
        "withheld": _withheld(counts),
        # Empty where the count may be pooled.
        "barred": [(reason or "not said") if no else "" for no, reason in zip(barred, reasons, strict=True)],
    }


def _withheld(counts: pd.DataFrame) -> list[int]:
    barred = {(arm, outcome) for outcome, rows in counts.groupby("outcome") for arm in arms_with_barred_total(rows)}
    return [int(place in barred) for place in zip(counts["arm_id"], counts["outcome"], strict=True)]


def _arms(counts: pd.DataFrame, words: Vocabulary) -> dict[str, list[Any]]:
    first = counts.drop_duplicates("arm_id").sort_values("arm_id", kind="stable")
    number = {arm: i for i, arm in enumerate(first["arm_id"])}
    return {
        "name": [words.arm(name) for name in first["arm"]],
        "within": [number.get(wider, -1) if isinstance(wider, str) else -1 for wider in first["part_of"]],
    }


def _studies(counts: pd.DataFrame) -> dict[str, list[Any]]:
    first = counts.drop_duplicates("study_id").sort_values("study_id", kind="stable")
    return {"id": list(first["study_id"]), "label": list(first["label"]), "year": [_number(v) for v in first["year"]]}


def _outcomes(counts: pd.DataFrame, terms: pd.DataFrame, declared: Iterable[Synthesis]) -> list[dict[str, Any]]:
    first: dict[str, str] = {}
    for synthesis in declared:
        first.setdefault(synthesis.outcome, synthesis.id)
    counted = counts[counts["poolable"].fillna(False).astype(bool)]["outcome"].value_counts()
    known = [name for name in terms.index if name in set(counts["outcome"])]
    of_outcome = dict(iter(counts.groupby("outcome")))
    described = terms.to_dict("index")
    # Outcomes that the book asks about come first, in its order; then the others by how many counts there are.
    order = sorted(known, key=lambda o: (list(first).index(o) if o in first else len(first), -int(counted.get(o, 0)), o))
    return [
        {
            "id": name,
            "label": str(described[name]["label"]),
            "definition": str(described[name]["definition"]),
            "group": str(described[name]["group"]),
            "bad": described[name]["event_is"] == "bad",
            "counts": int(counted.get(name, 0)),
            "start": {"estimate": first[name]} if name in first else _asked(default_question(of_outcome[name], name)),
        }
        for name in order
    ]


def _asked(question: Question) -> dict[str, Any]:
    return {"where": {column: list(values) for column, values in question.where}, "strata": question.strata}


def _natural(course: NaturalCourse | None) -> dict[str, Any] | None:
    """How the page finds the estimate of the natural course that suits a question."""
    if course is None:
        return None
    barred = {phase: list(others) for phase, others in course.not_for.items()}
    return {"key": course.key, "usual": course.usual_value, "phase": PHASE, "usual_phase": course.usual_phase, "not_for": barred}


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
        "counts": sorted(numbered[c] for c in e.count_ids),
        "model": e.synthesis.model,
        "average": e.synthesis.average,
        "plain": e.synthesis.measure == "logit" and e.synthesis.ci is None and e.synthesis.level == 0.95,
        "natural": "natural_course" in roles,
        "strata": {} if isinstance(e.synthesis.strata, str) else dict(e.synthesis.strata),
        "values": [e.result.estimate, e.result.ci_low, e.result.ci_high] if e.result else None,
        "k": e.k,
        "n": e.n,
    }
