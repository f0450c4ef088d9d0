"""Risk of bias as far as the tables tell: an objective list of items, each answered by a declared rule.

The rules stand in ``data/risk_of_bias.yml``; this module makes the facts that they ask of, and judges. Nothing is
guessed: what the tables do not record stays ``unclear``. It is not a RoB 2 or ROBINS-I assessment, which people make.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cordbook.core.tracking import by_value, by_value_of_estimates
from cordbook.core.yaml import declared, load_yaml, yaml_text
from cordbook.errors import InputError
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.review_words import CRITICAL
from cordbook.review.estimates.estimates import Estimate, Estimates

FILE = "risk_of_bias.yml"
YES, NO, UNCLEAR, NOT_APPLICABLE = "yes", "no", "unclear", "does not apply"
ANSWERS = (YES, UNCLEAR, NO, NOT_APPLICABLE)
GROUPS = {"study": "How the study was done", "reading": "How well we know it"}
#: What conditions may ask of: the columns of :func:`study_facts`.
FACTS = (
    "topic", "design", "registration", "comparator_arm", "reasons", "share_counted", "outcomes", "followup_months",
    "harm_counts", "read_depth", "identity", "readings", "notices",
)  # fmt: skip
_NEEDED = ("id", "name", "group", "question", "why")
#: Not plain yes and no: YAML reads those as true and false.
_CONDITIONS = ("yes_when", "no_when", "applies_when")
_KEYS = {*_NEEDED, *_CONDITIONS}
#: Decimals of a percent of weight: more than are shown, fewer than the last bits, which move with the order of sums.
WEIGHT_DIGITS = 6
#: Kinds of what was read (``read_as``) that are a part of the full text.
_PARTS_OF_TEXT = {"full-text table", "first page", "figure legend"}

Condition = tuple[tuple[str, Any], ...]


class RiskOfBiasError(InputError):
    """``risk_of_bias.yml`` cannot be used; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question to a study. ``yes``, ``no`` and ``applies`` are conditions, any of which is enough."""

    id: str
    name: str
    group: str
    question: str
    why: str
    yes: tuple[Condition, ...]
    no: tuple[Condition, ...]
    applies: tuple[Condition, ...]


def load_items(data: Path) -> tuple[Item, ...]:
    """Read ``risk_of_bias.yml`` of a data folder; raises :class:`RiskOfBiasError` with all problems."""
    path = data / FILE
    with declared(path, RiskOfBiasError, "it holds the questions of risk of bias"):
        # What releases before 0.3.0 call it.
        text = re.sub(r"\bharm_cells\b", "harm_counts", yaml_text(path))
        return parse_items(load_yaml(text), path.name)


def parse_items(content: Any, name: str = FILE) -> tuple[Item, ...]:
    """Check and freeze the content of the file.

    >>> item = parse_items({"items": [{"id": "a", "name": "A", "group": "study", "question": "?", "why": "!",
    ...     "yes_when": {"design": ["rct"]}}]})[0]
    >>> item.yes, item.no
    (((('design', ('rct',)),),), ())
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("items"), list):
        raise RiskOfBiasError(f"{name}: expected a key `items` with a list of items under it")
    problems: list[str] = []
    items = []
    for number, entry in enumerate(content["items"], start=1):
        found = list(_item_problems(entry))
        label = entry.get("id", f"item {number}") if isinstance(entry, Mapping) else f"item {number}"
        problems += [f"{label}: {problem}" for problem in found]
        if not found:
            items.append(Item(*(entry[key] for key in _NEEDED), *(_conditions(entry.get(key)) for key in _CONDITIONS)))
    ids = [item.id for item in items]
    problems += [f"{i}: the id appears twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
    if problems:
        raise RiskOfBiasError(f"{name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return tuple(items)


def _item_problems(entry: Any) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield "expected keys and values"
        return
    yield from (f"unknown key {key!r}; known are {', '.join(sorted(_KEYS))}" for key in entry if key not in _KEYS)
    yield from (f"{key} is missing or not a text" for key in _NEEDED if not isinstance(entry.get(key), str))
    if isinstance(entry.get("group"), str) and entry["group"] not in GROUPS:
        yield f"group is {entry['group']!r}; it is one of {', '.join(GROUPS)}"
    if not entry.get("yes_when") and not entry.get("no_when"):
        yield "neither yes_when nor no_when has a condition, so every study would be unclear"
    for key in _CONDITIONS:
        for condition in _as_list(entry.get(key)):
            yield from _condition_problems(key, condition)


def _condition_problems(key: str, condition: Any) -> Iterator[str]:
    if not isinstance(condition, Mapping) or not condition:
        yield f"{key}: a condition is a fact with what is asked of it, not {condition!r}"
        return
    for fact, asked in condition.items():
        if fact not in FACTS:
            yield f"{key}: no fact {fact!r}; there are {', '.join(FACTS)}"
        allowed = (
            asked == "known"
            or (isinstance(asked, list) and all(isinstance(v, str) for v in asked))
            or (isinstance(asked, Mapping) and len(asked) == 1 and set(asked) <= {"at_least", "below", "includes"})
        )
        if not allowed:
            yield f"{key}: {fact} is asked {asked!r}; ask a list of texts, known, at_least, below or includes"


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _conditions(value: Any) -> tuple[Condition, ...]:
    return tuple(
        tuple((fact, tuple(asked) if isinstance(asked, list) else asked) for fact, asked in condition.items())
        for condition in _as_list(value)
    )


@by_value
def study_facts(evidence: Evidence) -> pd.DataFrame:
    """What is known of every study report, one row each, indexed by study id; columns :data:`FACTS`.

    ``registration``: its number, or that of a registered trial which names the report. ``share_counted``: the least
    share of an arm that a poolable count of all its patients covers. ``followup_months``: follow-up, or the latest
    time point where that is later. ``reasons``: why counts are not pooled; ``outcomes``: what was counted. ``read_depth``: full text, parts of it, or less.
    """
    studies = evidence["studies"].set_index("study_id")
    counts = evidence["outcomes"]
    trials = evidence["registered_trials"].dropna(subset="linked_study_id").groupby("linked_study_id")["registry_id"].first()
    arms = evidence["arms"]
    harms = set(evidence["outcome_terms"].query("group == 'harm'")["outcome"])
    index = studies.index
    identity = evidence["references"].set_index("reference_id")["identity_confidence"]
    kinds = sorted(CRITICAL)  # noqa: F841 - the query below names it
    notices = evidence["integrity_notices"].query("kind in @kinds")["study_id"].value_counts()
    latest = counts.groupby("study_id")["timepoint_months"].max().reindex(index)
    controlled = set(arms.loc[arms["role"] == "comparator", "study_id"])
    facts = pd.DataFrame(
        {
            "topic": studies["topic"],
            "design": studies["design"],
            "registration": studies["registration"].fillna(trials.reindex(index)),
            "comparator_arm": ["yes" if s in controlled else "no" for s in index],
            "reasons": _by_study(counts, "not_poolable_reason", index),
            "share_counted": _share_counted(counts, arms).reindex(index),
            "outcomes": _by_study(counts, "outcome", index),
            "followup_months": pd.concat([studies["followup_months"], latest], axis=1).max(axis=1),
            "harm_counts": counts[counts["outcome"].isin(harms)]["study_id"].value_counts().reindex(index, fill_value=0),
            "read_depth": studies["read_as"].map(_read_depth),
            "identity": identity.reindex(index),
            "readings": _readings(evidence).reindex(index),
            "notices": notices.reindex(index, fill_value=0),
        }
    )
    return facts[list(FACTS)]


def _by_study(counts: pd.DataFrame, column: str, index: pd.Index) -> list[frozenset[str]]:
    """All values of a column with parts joined by semicolons, by study."""
    parts = counts.dropna(subset=column).groupby("study_id")[column].agg(lambda texts: ";".join(texts))
    return [frozenset(parts[s].split(";")) if s in parts else frozenset() for s in index]


def _share_counted(counts: pd.DataFrame, arms: pd.DataFrame) -> pd.Series:
    # An arm that is known by one stratum alone may be those who were left, so such a count does not tell that all were counted.
    whole = counts[counts["poolable"] & (counts["stratum_relation"] == "total")]
    sizes = whole["arm_id"].map(arms.set_index("arm_id")["n"]).astype("float64")
    return (whole["n"].astype("float64") / sizes).groupby(whole["study_id"]).min()


def _read_depth(read_as: str) -> str:
    parts = {part.strip() for part in read_as.split(";")}
    if "full text" in parts:
        return "full text"
    return "parts of it" if parts & _PARTS_OF_TEXT else "less"


def _readings(evidence: Evidence) -> pd.Series:
    """``all agree``, ``some differ`` or ``not all read twice``, by study."""
    agreement = evidence["outcomes"].merge(evidence["reconciliations"], on="cell_id")[["study_id", "agreement"]]
    found = {}
    for study, rows in agreement.groupby("study_id"):
        kinds = set(rows["agreement"])
        differ = kinds & {"disagree_settled", "disagree_open"}
        found[study] = "some differ" if differ else "all agree" if kinds == {"agree"} else "not all read twice"
    return pd.Series(found, dtype=object)


def judge_studies(items: tuple[Item, ...], facts: pd.DataFrame) -> pd.DataFrame:
    """The answer of every item for every study: rows as in ``facts``, one column per item, values of :data:`ANSWERS`."""
    rows = facts.to_dict("index")
    return pd.DataFrame({item.id: [answer(item, rows[study]) for study in facts.index] for item in items}, index=facts.index)


def answer(item: Item, facts: Mapping[str, Any]) -> str:
    """The answer of one item for one study. A condition on a missing fact does not hold."""
    if item.applies and not _any_holds(item.applies, facts):
        return NOT_APPLICABLE
    if _any_holds(item.no, facts):
        return NO
    return YES if _any_holds(item.yes, facts) else UNCLEAR


def _any_holds(conditions: tuple[Condition, ...], facts: Mapping[str, Any]) -> bool:
    return any(all(_holds(facts.get(fact), asked) for fact, asked in condition) for condition in conditions)


def _holds(value: Any, asked: Any) -> bool:
    if isinstance(value, frozenset):
        return isinstance(asked, Mapping) and bool(value & set(asked.get("includes", ())))
    if value is None or pd.isna(value):
        return False
    if asked == "known":
        return True
    if isinstance(asked, tuple):
        return value in asked
    if "at_least" in asked:
        return bool(value >= asked["at_least"])
    return "below" in asked and bool(value < asked["below"])


def weight_by_answer(estimate: Estimate, judged: pd.DataFrame) -> pd.DataFrame:
    """Percent of an estimate's weight by answer: one row per item, one column per answer of :data:`ANSWERS`; rows sum to 100.

    Raises ``ValueError`` where there is no study.
    """
    if not estimate.is_reported:
        raise ValueError(f"{estimate.id}: no study could be pooled, so there are no weights")
    weights = study_weights(estimate)
    answers, shares = judged.loc[weights.index].to_numpy(), weights.to_numpy()[:, None]
    return pd.DataFrame({given: ((answers == given) * shares).sum(axis=0) for given in ANSWERS}, index=judged.columns)


@dataclass(frozen=True, slots=True)
class WeightedAnswers:
    """An estimate of several studies with its weight by answer: the frame of :func:`weight_by_answer`."""

    estimate_id: str
    title: str
    studies: int
    weights: pd.DataFrame


@by_value_of_estimates
def weighted_answers(estimates: Estimates) -> tuple[WeightedAnswers, ...]:
    """Every estimate of more than one study, subgroups left out, with its weight by answer."""
    judged = judge_studies(load_items(estimates.evidence.folder), study_facts(estimates.evidence))
    pooled = (e for e in estimates if e.is_reported and e.k > 1 and e.synthesis.parent is None)
    return tuple(WeightedAnswers(e.id, e.title, e.k, weight_by_answer(e, judged).round(WEIGHT_DIGITS)) for e in pooled)


def study_weights(estimate: Estimate) -> pd.Series:
    """Weight of every study in an estimate in percent (:attr:`Estimate.row_weights`), indexed by study id.

    Arms of one study are added up.
    """
    weights = pd.Series(estimate.row_weights, index=[row.study_id for row in estimate.rows], dtype=float)
    return 100 * weights.groupby(level=0, sort=False).sum()
