"""Declared syntheses: ``data/syntheses.yml`` read into frozen objects, every problem reported at once.

A declaration says which counts answer a question and how they are pooled. Its id is the permanent
address of the estimate; :mod:`cordbook.review.estimates.estimates` does the computing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cordbook.core.tracking import note
from cordbook.core.yaml import declared, read_yaml
from cordbook.errors import InputError, UnknownName

MEASURES = ("logit", "arcsine", "double-arcsine", "raw")
MODELS = ("common", "dl", "pm", "reml", "ml", "glmm")
INTERVALS = ("wald", "hksj", "profile", "profile-t")
COMPARE_MEASURES = ("OR", "RR", "RD")
COMPARE_MODELS = ("common", "dl", "pm", "reml", "ml", "mh", "peto", "glmm")
#: What the pooled share of a declaration is: that of the median study, or the average over the population of studies.
AVERAGES = ("median", "population")
#: The form of the id of an estimate.
ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KEYS = {
    "id", "title", "question", "sentence", "section", "kind", "outcome", "where", "strata", "by", "measure", "model", "ci", "level",
    "natural", "harm", "note", "part_sentence", "average", "not_pooled_if", "side_sentence",
    "bayes_up_to", "main", "side_by_side", "when",
}  # fmt: skip


class DeclarationError(InputError):
    """``syntheses.yml`` cannot be used as it stands; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class PoolingLimits:
    """Beyond which limits the studies of a share are shown side by side instead of being pooled.

    Our own rules, declared as ``not_pooled_if`` in ``syntheses.yml``; :mod:`cordbook.review.estimates.side_by_side` applies them.

    studies_below
        fewer studies than this are not averaged.
    tau_above
        largest standard deviation between studies, on the log-odds scale.
    no_event_share_above, one_study_share_above
        together: a share of studies without any event, and the share of all events that one study holds.
    interval_wider_than
        widest confidence interval, as a share (0.8 is 80 percentage points).
    """

    studies_below: int = 3
    tau_above: float = 3.0
    no_event_share_above: float = 0.8
    one_study_share_above: float = 0.8
    interval_wider_than: float = 0.8


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One declared pooled estimate.

    ``strata`` is ``"total"`` (rows of all patients), ``"widest"`` (the widest row of each study), ``"by:KEY"`` (rows of all
    patients or of strata told apart by this key alone) or the keys and values that a stratum must hold. ``where`` filters the
    columns of :attr:`Evidence.counts`, or keys of the stratum written ``stratum.KEY``; a list of values means any of them. ``by``
    names a column or stratum key whose values become estimates of their own, with ids ``ID--VALUE``; ``part_sentence`` is theirs.
    ``average`` says what a pooled share is (:data:`AVERAGES`); ``not_pooled_if`` when studies stand side by side instead, and
    ``side_sentence`` is the plain sentence then. ``side_by_side`` says why the studies are never averaged; blank where they may be.
    ``when`` is the condition under which these sentences are true (:mod:`cordbook.review.estimates.guards`); ``self`` is the estimate.
    Up to ``bayes_up_to`` studies the Bayesian model stands beside the estimate (:mod:`cordbook.review.estimates.companions`).
    ``main`` is the id of the estimate that answers the same question on the main selection (:mod:`cordbook.review.estimates.main_pool`).
    """

    id: str
    title: str
    question: str
    sentence: str
    section: str
    kind: str
    outcome: str
    where: tuple[tuple[str, tuple[str, ...]], ...]
    strata: str | tuple[tuple[str, str], ...]
    by: str | None
    measure: str
    model: str
    ci: str | None
    level: float
    natural: str | None
    harm: bool
    note: str
    parent: str | None = None
    part_sentence: str = ""
    average: str = "median"
    not_pooled_if: PoolingLimits = PoolingLimits()
    side_sentence: str = ""
    bayes_up_to: int = 0
    main: str | None = None
    side_by_side: str = ""
    when: str = ""

    @property
    def condition(self) -> str:
        """The condition under which its sentences are true, ``self`` written out; blank where they say nothing that data may turn."""
        return re.sub(r"\bself\.", f"{self.id}.", self.when)


@dataclass(frozen=True, slots=True)
class Declarations:
    """All declared syntheses in the order of the file, by id; ``usual_limits`` and ``usual_average`` are those of the defaults."""

    syntheses: tuple[Synthesis, ...]
    usual_limits: PoolingLimits = PoolingLimits()
    usual_average: str = "median"

    def __iter__(self) -> Iterator[Synthesis]:
        note("declarations")
        return iter(self.syntheses)

    @property
    def ids(self) -> tuple[str, ...]:
        """The declared ids in the order of the file."""
        return tuple(s.id for s in self.syntheses)

    def __getitem__(self, synthesis_id: str) -> Synthesis:
        note("declarations")
        for synthesis in self.syntheses:
            if synthesis.id == synthesis_id:
                return synthesis
        raise UnknownName(f"no synthesis {synthesis_id!r}; declared are {', '.join(s.id for s in self.syntheses)}")


def load_declarations(path: Path) -> Declarations:
    """Read ``syntheses.yml``; raises :class:`DeclarationError` with all problems, each with the id it is in."""
    with declared(path, DeclarationError, "it declares the estimates of the book"):
        return parse_declarations(read_yaml(path), path.name)


def parse_declarations(content: Any, name: str = "syntheses.yml") -> Declarations:
    """Check and freeze the content of ``syntheses.yml``."""
    entries = content.get("syntheses", "") if isinstance(content, Mapping) else ""
    if not isinstance(entries, list | None):  # nothing is under the key as long as nothing is declared
        raise DeclarationError(f"{name}: expected a key `syntheses` with a list of declarations under it")
    defaults = content.get("defaults") or {}
    problems: list[str] = []
    syntheses = []
    for number, entry in enumerate(entries or (), start=1):
        if not isinstance(entry, Mapping):
            problems.append(f"declaration {number}: expected keys and values")
            continue
        found = list(_problems(entry, defaults))
        problems += [f"{entry.get('id', f'declaration {number}')}: {problem}" for problem in found]
        if not found:
            syntheses.append(_freeze(_with_defaults(defaults, entry)))
    ids = [s.id for s in syntheses]
    problems += [
        f"{i}: the id appears twice; give each declaration its own" for i in sorted({i for i in ids if ids.count(i) > 1})
    ]
    known = set(ids)
    for synthesis in syntheses:
        if synthesis.natural and synthesis.natural.split("--")[0] not in known:
            problems.append(f"{synthesis.id}: natural names {synthesis.natural!r}, which is not declared")
    problems += _problems_of_main(syntheses)
    if problems:
        raise DeclarationError(f"{name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    limits = PoolingLimits(**(defaults.get("not_pooled_if") or {}))
    return Declarations(tuple(syntheses), limits, defaults.get("average") or "median")


def check_columns(declarations: Declarations, columns: Collection[str], name: str = "syntheses.yml") -> None:
    """Raise :class:`DeclarationError` for every declaration that filters or divides by a column which the counts do not have."""
    problems = []
    for synthesis in declarations.syntheses:
        named = [("where", column) for column, _ in synthesis.where] + ([("by", synthesis.by)] if synthesis.by else [])
        for key, column in named:
            if not column.startswith("stratum.") and column not in columns:
                problems.append(
                    f"{synthesis.id}: {key} names the column {column!r}, which is in none of outcomes.csv, arms.csv and studies.csv; "
                    "correct the name, or remove the declaration"
                )
    if problems:
        raise DeclarationError(f"{name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))


def _with_defaults(defaults: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry over the defaults; of the limits of pooling it may state some and keep the others."""
    limits = {**(defaults.get("not_pooled_if") or {}), **(entry.get("not_pooled_if") or {})}
    return {**defaults, **entry, "not_pooled_if": limits}


def _problems_of_main(syntheses: Sequence[Synthesis]) -> Iterator[str]:
    by_id = {s.id: s for s in syntheses}
    for synthesis in syntheses:
        if synthesis.main is None:
            continue
        main = by_id.get(synthesis.main)
        if main is None:
            yield f"{synthesis.id}: main names {synthesis.main!r}, which is not declared; give the id of the main pool"
        elif main.main is not None or main is synthesis:
            yield f"{synthesis.id}: main names {synthesis.main!r}, which is not a main pool itself; name the one that has no main"
        elif (main.outcome, main.kind) != (synthesis.outcome, synthesis.kind):
            yield f"{synthesis.id}: main names {synthesis.main!r}, which answers another question (outcome or kind differ)"


def _problems(entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    for key in entry:
        if key not in _KEYS:
            yield f"unknown key {key!r}; known are {', '.join(sorted(_KEYS))}"
    for key in ("id", "title", "question", "outcome", "section"):
        if not entry.get(key) or not isinstance(entry[key], str):
            yield f"{key} is missing or not a text"
    if isinstance(entry.get("id"), str) and not ID.fullmatch(entry["id"]):
        yield "an id is lower-case words joined by hyphens"
    merged = {**defaults, **entry}
    kind = merged.get("kind", "proportion")
    if kind not in ("proportion", "comparison"):
        yield f"kind is {kind!r}; it is proportion or comparison"
    comparing = kind == "comparison"
    for key, allowed in (
        ("measure", COMPARE_MEASURES if comparing else MEASURES),
        ("model", COMPARE_MODELS if comparing else MODELS),
        ("ci", (None, *INTERVALS)),
        ("average", (None, *AVERAGES)),
    ):
        if merged.get(key) not in allowed:
            yield f"{key} is {merged.get(key)!r}; allowed: {', '.join(str(a) for a in allowed)}"
    up_to = merged.get("bayes_up_to", 0)
    if isinstance(up_to, bool) or not isinstance(up_to, int) or up_to < 0:
        yield f"bayes_up_to is {up_to!r}; it is a number of studies"
    if not isinstance(entry.get("main") or "", str):
        yield f"main is {entry['main']!r}; it is the id of the main pool"
    if not isinstance(entry.get("side_by_side") or "", str):
        yield f"side_by_side is {entry['side_by_side']!r}; it is a sentence that says why the studies are never averaged"
    if not isinstance(entry.get("when") or "", str):
        yield f"when is {entry['when']!r}; it is the condition under which the sentences are true"
    strata = merged.get("strata", "total")
    if not isinstance(strata, Mapping) and strata not in ("total", "widest") and not re.fullmatch(r"by:\w+", str(strata)):
        yield f"strata is {strata!r}; it is total, widest, by:KEY, or keys with values"
    if not isinstance(merged.get("where", {}), Mapping):
        yield "where is a list of columns with the values that are taken"
    for limits in (defaults.get("not_pooled_if"), entry.get("not_pooled_if")):
        yield from _limit_problems(limits or {})


def _limit_problems(limits: Any) -> Iterator[str]:
    known = [field.name for field in fields(PoolingLimits)]
    if not isinstance(limits, Mapping):
        yield f"not_pooled_if is a list of limits with their values; there are {', '.join(known)}"
        return
    for name, value in limits.items():
        if name not in known:
            yield f"not_pooled_if: unknown limit {name!r}; there are {', '.join(known)}"
        elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            yield f"not_pooled_if: {name} is {value!r}; it is a number that is not negative"
        elif name not in ("studies_below", "tau_above") and value > 1:
            yield f"not_pooled_if: {name} is {value!r}; it is a share from 0 to 1"


def _freeze(entry: Mapping[str, Any]) -> Synthesis:
    strata = entry.get("strata", "total")
    return Synthesis(
        id=entry["id"],
        title=entry["title"],
        question=entry["question"],
        sentence=entry.get("sentence", ""),
        section=entry["section"],
        kind=entry.get("kind", "proportion"),
        outcome=entry["outcome"],
        where=tuple((column, values_of(values)) for column, values in entry.get("where", {}).items()),
        strata=tuple((k, str(v)) for k, v in strata.items()) if isinstance(strata, Mapping) else strata,
        by=entry.get("by"),
        measure=entry["measure"],
        model=entry["model"],
        ci=entry.get("ci"),
        level=float(entry.get("level", 0.95)),
        natural=entry.get("natural"),
        harm=bool(entry.get("harm", False)),
        note=entry.get("note", ""),
        part_sentence=entry.get("part_sentence", ""),
        average=entry.get("average") or "median",
        not_pooled_if=PoolingLimits(**(entry.get("not_pooled_if") or {})),
        side_sentence=entry.get("side_sentence", ""),
        bayes_up_to=int(entry.get("bayes_up_to", 0)),
        main=entry.get("main"),
        side_by_side=entry.get("side_by_side") or "",
        when=entry.get("when") or "",
    )


def values_of(values: Any) -> tuple[str, ...]:
    """What a filter of a declaration asks for: one value, or any of a list, as texts."""
    return tuple(str(v) for v in values) if isinstance(values, list) else (str(values),)
