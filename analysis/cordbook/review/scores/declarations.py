"""Declared syntheses of scores: the list ``scores`` of ``data/syntheses.yml`` read into frozen objects, every problem at once.

They stand beside the declarations of counts (:mod:`cordbook.review.estimates.declarations`) and share their ids: one id names one
estimate of the book, whether it counts people or measures them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cordbook.core.yaml import load_yaml
from cordbook.review.estimates.declarations import ID, DeclarationError, load_declarations, values_of
from cordbook.synthesis.pooling.effects import EFFECT_CI, EFFECT_MODELS

CHANGE, DIFFERENCE = "mean_change", "mean_difference"
KINDS = (CHANGE, DIFFERENCE)
_TEXTS = (
    "title",
    "question",
    "sentence",
    "side_sentence",
    "side_by_side",
    "section",
    "score",
    "when",
    "note",
    "natural",
    "by",
    "part_sentence",
)
_NEEDED = ("id", "title", "question", "section", "kind", "score", "sentence")
_KEYS = {"id", "kind", "where", "model", "ci", "level", "imputed_r", "studies_below", *_TEXTS}


@dataclass(frozen=True, slots=True)
class ScoreSynthesis:
    """One declared pooled mean change, or mean difference between two groups, of one score.

    id, title, question, section, note
        as of :class:`~cordbook.review.estimates.declarations.Synthesis`.
    kind
        ``mean_change`` (of one group since the start) or ``mean_difference`` (treated less comparator).
    score
        code of ``vocabulary/scores.csv``; scores are never mixed.
    where
        filters on columns of studies and arms; a list of values means any of them.
    by
        a column whose values become estimates of their own, with ids ``ID--VALUE``.
    imputed_r
        correlation between before and after of studies that do not let it be worked out; 0 to 1.
    studies_below
        fewer studies than this are shown side by side, without an average.
    side_by_side
        why the studies are never averaged, as a sentence; blank where they may be.
    natural
        id of the estimate of a change without the treatment that belongs beside it.
    sentence, side_sentence, part_sentence
        one plain sentence for people: where pooled, where side by side, for a part that ``by`` makes. ``{p}`` is the number with
        its unit, ``{interval}``, ``{studies}`` and ``{each}`` (every study with its number) are filled in.
    when
        the condition under which these sentences are true.
    """

    id: str
    title: str
    question: str
    section: str
    kind: str
    score: str
    sentence: str
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    by: str = ""
    model: str = "reml"
    ci: str = "hksj"
    level: float = 0.95
    imputed_r: float = 0.8
    studies_below: int = 3
    natural: str = ""
    side_by_side: str = ""
    side_sentence: str = ""
    part_sentence: str = ""
    when: str = ""
    note: str = ""
    parent: str | None = field(default=None)

    @property
    def is_difference(self) -> bool:
        """Whether two groups are compared."""
        return self.kind == DIFFERENCE

    @property
    def condition(self) -> str:
        """The condition under which its sentences are true, ``self`` written out; blank where they say nothing that data may turn."""
        return re.sub(r"\bself\.", f"{self.id}.", self.when)


def load_score_declarations(path: Path) -> tuple[ScoreSynthesis, ...]:
    """The declared syntheses of scores in the order of the file; raises :class:`DeclarationError` with all problems."""
    counted = load_declarations(path)
    content = load_yaml(path.read_text(encoding="utf-8"))
    return parse_score_declarations(content, path.name, counted.ids)


def parse_score_declarations(
    content: Any, name: str = "syntheses.yml", taken: Collection[str] = ()
) -> tuple[ScoreSynthesis, ...]:
    """Check and freeze the lists ``scores`` and ``score_defaults`` of ``syntheses.yml``; ``taken`` are ids of other declarations."""
    entries = (content.get("scores") if isinstance(content, Mapping) else None) or []
    defaults = (content.get("score_defaults") if isinstance(content, Mapping) else None) or {}
    if not isinstance(entries, list) or not isinstance(defaults, Mapping):
        raise DeclarationError(f"{name}: `scores` is a list of declarations, `score_defaults` are keys with values")
    problems, found = [], []
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, Mapping):
            problems.append(f"scores, declaration {number}: expected keys and values")
            continue
        wrong = list(_problems({**defaults, **entry}))
        problems += [f"{entry.get('id', f'scores, declaration {number}')}: {problem}" for problem in wrong]
        if not wrong:
            found.append(_freeze({**defaults, **entry}))
    ids = [*taken, *(s.id for s in found)]
    twice = sorted({s.id for s in found if ids.count(s.id) > 1})
    problems += [f"{i}: the id appears twice; give each declaration its own" for i in twice]
    own = {s.id for s in found}
    for s in found:
        if s.natural and s.natural.split("--")[0] not in own:
            problems.append(f"{s.id}: natural names {s.natural!r}, which is not declared under scores")
    if problems:
        raise DeclarationError(f"{name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return tuple(found)


def _problems(entry: Mapping[str, Any]) -> Iterator[str]:
    for key in entry:
        if key not in _KEYS:
            yield f"unknown key {key!r}; known are {', '.join(sorted(_KEYS))}"
    for key in _NEEDED:
        if not entry.get(key) or not isinstance(entry[key], str):
            yield f"{key} is missing or not a text"
    for key in _TEXTS:
        if key not in _NEEDED and not isinstance(entry.get(key) or "", str):
            yield f"{key} is {entry[key]!r}; it is a text"
    if isinstance(entry.get("id"), str) and not ID.fullmatch(entry["id"]):
        yield "an id is lower-case words joined by hyphens"
    for key, allowed in (("kind", KINDS), ("model", EFFECT_MODELS), ("ci", EFFECT_CI)):
        if key in entry and entry[key] not in allowed:
            yield f"{key} is {entry[key]!r}; allowed: {', '.join(allowed)}"
    for key, low, high in (("level", 0, 1), ("imputed_r", -1, 1)):
        if key in entry and not (_is_number(entry[key]) and low < entry[key] < high):
            yield f"{key} is {entry[key]!r}; it lies between {low} and {high}"
    least = entry.get("studies_below", 3)
    if not isinstance(least, int) or isinstance(least, bool) or least < 2:
        yield f"studies_below is {least!r}; it is a number of studies, 2 or more"
    if not isinstance(entry.get("where", {}), Mapping):
        yield "where is a list of columns with the values that are taken"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _freeze(entry: Mapping[str, Any]) -> ScoreSynthesis:
    where = tuple((column, values_of(values)) for column, values in (entry.get("where") or {}).items())
    kept = {key: value for key, value in entry.items() if key != "where" and value is not None}
    return ScoreSynthesis(**kept, where=where)
