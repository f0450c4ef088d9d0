"""Published meta-analyses beside ours: the same question, their estimate and ours, and what is known of why they differ.

Which published rows answer which question is declared in ``data/replication.yml``; rows that nothing of ours can be set
beside are listed there with the reason. Whether the two agree is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cordbook.core.yaml import declared, read_yaml
from cordbook.errors import InputError
from cordbook.evidence.evidence import Evidence
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.natural_course import load_natural_course
from cordbook.review.estimates.phrases import percent, phrase, ratio

FILE = "replication.yml"
ALIKE = ("close", "near")
#: How the published estimate lies to ours, in words; from agreement to its contrary.
WITHIN, OVERLAP, APART, NOTHING = (
    "theirs lies in our interval",
    "the intervals overlap",
    "the intervals do not meet",
    "ours cannot be pooled",
)
AGREEMENTS = (WITHIN, OVERLAP, APART, NOTHING)
#: Fields of a pair in the file.
_PAIR = ("question", "published", "ours", "alike", "why")


class ReplicationError(InputError):
    """``replication.yml`` cannot be used; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published pooled estimate: shares from 0 to 1, ratios as they are; None where not printed or not seen."""

    id: str
    reference_id: str
    label: str
    scope: str
    outcome: str
    measure: str
    estimate: float
    ci_low: float | None
    ci_high: float | None
    k: int | None
    n: int | None
    model: str
    note: str

    def describe(self) -> str:
        """Estimate and interval."""
        show = percent if self.measure == "proportion" else ratio
        if self.ci_low is None or self.ci_high is None:
            return f"{show(self.estimate)} (no interval)"
        return f"{show(self.estimate)} ({show(self.ci_low)} to {show(self.ci_high)})"


@dataclass(frozen=True, slots=True)
class Replication:
    """One question: what others found, what we find, how the two lie to each other, and why they may differ."""

    question: str
    alike: str
    why: str
    ours: Estimate
    published: tuple[Published, ...]
    agreements: tuple[str, ...]

    @property
    def measure(self) -> str:
        """proportion, OR or RR."""
        return self.published[0].measure


@dataclass(frozen=True, slots=True)
class NotComparable:
    """A published estimate that nothing of ours can be set beside, and why."""

    published: Published
    reason: str


@dataclass(frozen=True, slots=True)
class Replications:
    """All published estimates: those set beside ours, and the rest with reasons."""

    pairs: tuple[Replication, ...]
    not_comparable: tuple[NotComparable, ...]

    def count(self, agreement: str) -> int:
        """How many published estimates lie so to ours; see :data:`AGREEMENTS`."""
        return sum(a == agreement for pair in self.pairs for a in pair.agreements)


def replicate(estimates: Estimates, content: Mapping[str, Any] | None = None) -> Replications:
    """Set published estimates beside ours, by ``data/replication.yml`` unless its content is given.

    Raises :class:`ReplicationError` with all problems: rows or estimates that do not exist, a published row in no place or
    in two, measures that differ.
    """
    content, published = read_pairs(estimates, content)
    pairs = tuple(_pair(entry, published, estimates) for entry in content["pairs"])
    rest = tuple(NotComparable(published[p], entry["reason"]) for entry in content["not_comparable"] for p in entry["published"])
    return Replications(pairs, rest)


def read_pairs(estimates: Estimates, content: Any = None) -> tuple[Mapping[str, Any], dict[str, Published]]:
    """The content of the file, unless it is given, and the published rows that it names; raises :class:`ReplicationError` with all problems."""
    content = _read(estimates.evidence.folder / FILE) if content is None else content
    published = published_estimates(estimates.evidence)
    if problems := _problems(content, published, estimates):
        raise ReplicationError(f"{FILE}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return content, published


def _read(path: Path) -> Any:
    with declared(path, ReplicationError, "it says which published estimates are set beside which of ours"):
        return read_yaml(path)


def published_estimates(evidence: Evidence) -> dict[str, Published]:
    """Rows of ``published_pooled.csv`` and of ``natural_pooled.csv`` (percent made shares), by id."""
    found = {}
    labels = evidence.source_labels()
    course = load_natural_course(evidence.folder)
    for row in evidence["published_pooled"].itertuples():
        found[row.published_id] = Published(
            row.published_id, row.reference_id, labels[row.reference_id], row.scope, row.outcome, row.measure,
            float(row.estimate),
            *_interval(row.ci_low, row.ci_high, 1), _whole(row.k), _whole(row.n), _text(row.model), _text(row.note),
        )  # fmt: skip
    for row in evidence["natural_pooled"].itertuples():
        found[row.natural_id] = Published(
            row.natural_id, row.reference_id, labels[row.reference_id], _text(row.stratum), course.outcome if course else "", "proportion",
            row.estimate_percent / 100,
            *_interval(row.ci_low, row.ci_high, 100), _whole(row.k), _whole(row.n), "", _text(row.note),
        )  # fmt: skip
    return found


def _interval(low: float, high: float, scale: float) -> tuple[float | None, float | None]:
    return (None, None) if pd.isna(low) or pd.isna(high) else (float(low) / scale, float(high) / scale)


def _whole(value: object) -> int | None:
    return None if pd.isna(value) else int(value)


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)


def _problems(content: Any, published: Mapping[str, Published], estimates: Estimates) -> list[str]:
    if not isinstance(content, Mapping) or not all(isinstance(content.get(k), list) for k in ("pairs", "not_comparable")):
        return ["expected the keys `pairs` and `not_comparable`, each with a list"]
    problems: list[str] = []
    kinds = {i: estimates.declarations[i] for i in estimates.declarations.ids}
    placed: list[str] = []
    for entry in content["pairs"]:
        name = entry.get("question", "a pair without question")
        problems += [f"{name}: {key} is missing" for key in _PAIR if not entry.get(key)]
        problems += [f"{name}: unknown key {key!r}" for key in entry if key not in _PAIR]
        if entry.get("alike") not in ALIKE:
            problems.append(f"{name}: alike is {entry.get('alike')!r}; it is close or near")
        ours = kinds.get(str(entry.get("ours", "")).split("--")[0])
        if ours is None:
            problems.append(f"{name}: no estimate {entry.get('ours')!r}")
        for p in entry.get("published") or []:
            placed.append(p)
            if p not in published:
                problems.append(f"{name}: no published row {p!r}")
            elif ours is not None and published[p].measure != ("proportion" if ours.kind == "proportion" else ours.measure):
                problems.append(f"{name}: {p} is a {published[p].measure}, {entry['ours']} is not")
    for entry in content["not_comparable"]:
        if not entry.get("reason"):
            problems.append(f"{entry.get('published')}: reason is missing")
        placed += entry.get("published") or []
    problems += [
        f"{p}: no such published row"
        for p in placed
        if p not in published and f"no published row {p!r}" not in " ".join(problems)
    ]
    problems += [f"{p}: stands in more than one place" for p in sorted({p for p in placed if placed.count(p) > 1})]
    problems += [
        f"{p}: stands in no place; set it beside an estimate, or give the reason why not"
        for p in published
        if p[0] == "P" and p not in placed
    ]
    return problems


def _pair(entry: Mapping[str, Any], published: Mapping[str, Published], estimates: Estimates) -> Replication:
    ours = estimates[entry["ours"]]
    rows = tuple(published[p] for p in entry["published"])
    return Replication(
        entry["question"], entry["alike"], " ".join(entry["why"].split()), ours, rows, tuple(agreement(r, ours) for r in rows)
    )


def agreement(theirs: Published, ours: Estimate) -> str:
    """How a published estimate lies to ours; see :data:`AGREEMENTS`."""
    if ours.result is None:
        return NOTHING
    low, high = ours.result.ci_low, ours.result.ci_high
    if low <= theirs.estimate <= high:
        return WITHIN
    if theirs.ci_low is not None and theirs.ci_high is not None and theirs.ci_low <= high and theirs.ci_high >= low:
        return OVERLAP
    return APART


def sizes(pair: Replication) -> str:
    """Studies and people of both sides, as far as known."""
    theirs = "; ".join(
        f"{p.label}: {_known(p.k, 'studies')}, {_known(p.n, 'people')}{', ' + p.model if p.model else ''}" for p in pair.published
    )
    return f"{theirs}. Ours: {phrase(pair.ours, 'studies')}, {phrase(pair.ours, 'people')}."


def _known(number: int | None, of: str) -> str:
    return f"{of} not seen" if number is None else f"{number:,} {of}"
