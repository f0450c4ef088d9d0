"""Declared syntheses of scores computed: every pooled change and difference of the book, with the rows behind it.

Who may share patients with whom is said by ``overlap_members.csv``: of studies of one group the primary one is weighed, as of counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from cordbook.core.tracking import by_value_of_estimates, note, unnoted
from cordbook.errors import CordbookError, UnknownName
from cordbook.evidence.evidence import Evidence, as_written
from cordbook.evidence.vocabulary import SCORES
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.rows import in_order
from cordbook.review.scores.declarations import ScoreSynthesis, load_score_declarations
from cordbook.review.scores.effects import Effect, Score, changes_of, differences_of
from cordbook.synthesis import PooledMean, pool_effects
from cordbook.synthesis.results import ModelScale, PooledEffect, heterogeneity_fields, to_plain

FILE = "syntheses.yml"
RANDOMISED = "rct"
#: Numbers of a result, as JSON holds them.
_NUMBERS = (
    "estimate", "ci_low", "ci_high", "pi_low", "pi_high", "tau2", "i2", "q", "q_df", "q_p", "p", "model", "ci_method", "level",
)  # fmt: skip


class ScoreError(CordbookError, ValueError):
    """A declared synthesis of scores cannot be computed; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The effect of one study on a score, with its interval and weight in percent (None where nothing is weighed).

    ``estimate``, ``se`` and limits are in the unit of the score; ``n1`` and ``n2`` patients of the treated and of the comparators, None
    where that is not stated. ``reason`` says why a study is told without weight.
    """

    study_id: str
    label: str
    year: int | None
    estimate: float
    se: float | None
    ci_low: float | None
    ci_high: float | None
    weight: float | None
    n1: int | None
    n2: int | None
    months: float | None
    part: str
    marks: tuple[str, ...]
    score_ids: tuple[str, ...]
    reason: str = ""

    @property
    def n(self) -> int | None:
        """Patients of both groups; None where they are not stated."""
        sizes = [size for size in (self.n1, self.n2) if size is not None]
        return sum(sizes) if sizes else None


@dataclass(frozen=True)
class ScoreEstimate:
    """A pooled change or difference of a score, its declaration, and the rows that it was computed from.

    ``rows`` are weighed, ``told`` have no spread or no size and stand beside them with the reason. ``result`` is None where the studies
    stand side by side; ``why_not`` says why, and ``unpooled`` is what the model gives all the same (None of fewer than two studies).
    """

    id: str
    title: str
    synthesis: ScoreSynthesis
    unit: str
    better: str
    rows: tuple[ScoreRow, ...] = field(repr=False)
    told: tuple[ScoreRow, ...] = field(repr=False)
    result: PooledMean | None
    why_not: str = ""
    unpooled: PooledMean | None = field(default=None, repr=False)

    @property
    def pooled(self) -> bool:
        """Whether an average over the studies is reported."""
        return self.result is not None

    @property
    def k(self) -> int:
        """Studies that are weighed."""
        return len(self.rows)

    @property
    def n(self) -> int:
        """Patients of the studies that state them."""
        return sum(row.n or 0 for row in self.rows)

    @property
    def sizes_known(self) -> bool:
        """Whether every study states its patients."""
        return all(row.n is not None for row in self.rows)

    @property
    def largest(self) -> int:
        """People in the largest study."""
        return max((row.n or 0 for row in self.rows), default=0)

    @property
    def study_ids(self) -> tuple[str, ...]:
        """The studies that are weighed."""
        return tuple(row.study_id for row in self.rows)

    @property
    def score_ids(self) -> tuple[str, ...]:
        """Ids of all rows of continuous.csv behind the estimate, so that every number can be walked back."""
        return tuple(i for row in self.rows for i in row.score_ids)

    def to_dict(self) -> dict[str, Any]:
        """The estimate for JSON: declaration, result, studies with their rows, and those that have no weight with the reason."""
        s = self.synthesis
        head = {
            "id": self.id, "title": self.title, "question": s.question, "outcome": s.score, "kind": s.kind, "section": s.section,
            "parent": s.parent, "unit": self.unit, "k": self.k, "n": self.n, "largest": self.largest,
        }  # fmt: skip
        numbers = {name: to_plain(getattr(self.result, name, None)) for name in _NUMBERS}
        not_pooled = {"not_pooled": [self.why_not]} if self.why_not else {}
        return head | numbers | not_pooled | {"studies": [asdict(r) for r in self.rows], "told": [asdict(r) for r in self.told]}


@dataclass(frozen=True)
class ScoreEstimates:
    """All estimates of scores of a review, by id and in the order of their declarations; see :func:`scores_of`.

    Who asks for one is noted (:mod:`cordbook.core.tracking`) as depending on it.
    """

    every: tuple[ScoreEstimate, ...] = ()

    @cached_property
    def _by_id(self) -> dict[str, ScoreEstimate]:
        return {e.id: e for e in self.every}

    def __iter__(self) -> Iterator[ScoreEstimate]:
        note("scores")
        return iter(self.every)

    def __len__(self) -> int:
        note("scores")
        return len(self.every)

    def __contains__(self, estimate_id: object) -> bool:
        return estimate_id in self._by_id

    def __getitem__(self, estimate_id: str) -> ScoreEstimate:
        note("score", estimate_id)
        if estimate_id not in self._by_id:
            raise UnknownName(f"no estimate of a score {estimate_id!r}; there are {', '.join(self._by_id)}")
        return self._by_id[estimate_id]

    def parts(self, estimate_id: str) -> list[ScoreEstimate]:
        """The subgroup estimates of an estimate, in order."""
        return [e for e in self if e.synthesis.parent == estimate_id]


def scores_of(estimates: Estimates) -> ScoreEstimates:
    """The estimates of scores of a project, beside those of its counts; empty where it declares or has none."""
    with unnoted():
        return ScoreEstimates(estimates.once("scores", lambda: compute_scores(estimates.evidence)))


@by_value_of_estimates
def declared_scores(estimates: Estimates) -> tuple[str, ...]:
    """Ids of the declared estimates of scores; who asks for them does not depend on the numbers."""
    return tuple(e.id for e in scores_of(estimates) if e.synthesis.parent is None)


@by_value_of_estimates
def score_title(estimates: Estimates, estimate_id: str) -> str:
    """The title of an estimate of a score; who asks for it does not depend on the numbers."""
    return scores_of(estimates)[estimate_id].title


def dicts_of(estimates: Estimates) -> list[dict[str, Any]]:
    """Every estimate of a project for JSON: those of counts, then those of scores."""
    return [e.to_dict() for e in (*estimates, *scores_of(estimates))]


def compute_scores(evidence: Evidence) -> tuple[ScoreEstimate, ...]:
    """Every declared synthesis of a score, computed; raises ``DeclarationError`` and :class:`ScoreError` for what cannot be meant."""
    declared = load_score_declarations(evidence.folder / FILE)
    if declared:
        check_scores(declared, evidence)
    return tuple(e for synthesis in declared for e in compute(evidence, synthesis))


def check_scores(declared: Iterable[ScoreSynthesis], evidence: Evidence) -> None:
    """Raise :class:`ScoreError` for declarations that name a score or a column which is not there."""
    known = set(evidence[SCORES]["score"])
    columns = {column for table in ("studies", "arms") for column in evidence[table].columns}
    problems = [f"{s.id}: no score {s.score!r} in vocabulary/scores.csv" for s in declared if s.score not in known]
    for s in declared:
        asked = [column for column, _ in s.where] + ([s.by] if s.by else [])
        problems += [f"{s.id}: no column {c!r} of studies.csv or arms.csv" for c in asked if c not in columns]
    if problems:
        raise ScoreError(f"{FILE}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))


def compute(evidence: Evidence, synthesis: ScoreSynthesis) -> list[ScoreEstimate]:
    """The estimate of a declaration, followed by those of its subgroups."""
    frame = _frame(evidence, synthesis)
    whole = _estimate(evidence, synthesis, synthesis.id, synthesis.title, frame)
    if not synthesis.by:
        return [whole]
    used = [*whole.study_ids, *(row.study_id for row in whole.told)]
    values = sorted({as_written(v) for v in frame.loc[frame["reference_id"].isin(used), synthesis.by]} - {""})
    return [
        whole,
        *(
            _estimate(
                evidence,
                replace(synthesis, by="", parent=synthesis.id),
                f"{synthesis.id}--{value.lower().replace('_', '-')}",
                evidence.vocabulary.part_title(synthesis.title, synthesis.by, value),
                frame[frame[synthesis.by].map(as_written) == value],
            )
            for value in values
        ),
    ]


def _frame(evidence: Evidence, synthesis: ScoreSynthesis) -> pd.DataFrame:
    """Rows of continuous.csv of one score, of studies of the review, with their study, their role and their filters applied."""
    scores = evidence["continuous"]
    scores = scores[(scores["outcome"] == synthesis.score) & (scores["level"] != "published_pool")]
    studies = evidence["studies"].drop(columns=["source_url", "note"], errors="ignore")
    frame = scores.merge(studies, left_on="reference_id", right_on="study_id", suffixes=("", "_of_study"))
    frame = frame.assign(role=_roles(evidence, frame))
    for column, values in synthesis.where:
        held = frame[column].map(as_written).isin(values)
        if column == "role":  # a difference as the report prints it has no arm of its own
            held |= frame["level"] == "single_trial"
        frame = frame[held]
    return frame


def _roles(evidence: Evidence, frame: pd.DataFrame) -> list[str]:
    arms = evidence["arms"]
    own = dict(zip(zip(arms["study_id"], arms["arm"], strict=True), arms["role"], strict=True))
    named = dict(zip(arms["arm"], arms["role"], strict=True))
    pairs = zip(frame["reference_id"], frame["arm"].map(as_written), strict=True)
    return [as_written(own.get(pair) or named.get(pair[1])) for pair in pairs]


def _estimate(evidence: Evidence, synthesis: ScoreSynthesis, estimate_id: str, title: str, frame: pd.DataFrame) -> ScoreEstimate:
    made = [
        _row(evidence, study, effect) for study, rows in frame.groupby("reference_id") for effect in _effects(synthesis, rows)
    ]
    made = _without_shared(evidence, made)
    told = in_order(row for row in made if row.se is None)
    scale = evidence[SCORES].set_index("score").loc[synthesis.score]
    unit = as_written(scale["unit"])
    pooled = estimate_of_rows(in_order(row for row in made if row.se is not None), synthesis, unit)
    return ScoreEstimate(estimate_id, title, synthesis, unit=unit, better=as_written(scale["better"]), told=told, **pooled)


def estimate_of_rows(
    weighed: Iterable[ScoreRow], synthesis: ScoreSynthesis, unit: str, *, hksj_floor: bool = True
) -> dict[str, Any]:
    """What an estimate makes of the rows that can be weighed, by its fields: rows with intervals and weights, result, why there is none, and what there would be."""
    rows = [replace(_with_interval(row, synthesis.level), weight=None) for row in weighed]
    anyway = _pool(rows, synthesis, unit, hksj_floor=hksj_floor) if len(rows) > 1 else None
    why_not = _why_not(len(rows), synthesis)
    result, unpooled = (None, anyway) if why_not else (anyway, None)
    shown = tuple(rows) if why_not or anyway is None else anyway.studies  # the rows again, with their weights
    return {"rows": shown, "result": result, "why_not": why_not, "unpooled": unpooled}


def _effects(synthesis: ScoreSynthesis, rows: pd.DataFrame) -> tuple[Effect, ...]:
    scores = scores_from(rows)
    if synthesis.is_difference:
        randomised = as_written(rows["design"].iloc[0]) == RANDOMISED
        return differences_of(scores, synthesis.imputed_r, randomised=randomised)
    return changes_of(scores, synthesis.imputed_r)


def scores_from(rows: pd.DataFrame) -> list[Score]:
    """Typed rows of continuous.csv with the role of their arm (column ``role``)."""
    return [
        Score(
            id=r["continuous_id"], study_id=r["reference_id"], level=r["level"], role=r["role"], part=as_written(r["part"]),
            months=_number(r["timepoint_months"]), measure=r["measure"], value=float(r["value"]), sd=_number(r["sd"]),
            sem=_number(r["sem"]), n=None if pd.isna(r["n"]) else int(r["n"]), ci_low=_number(r["ci_low"]),
            ci_high=_number(r["ci_high"]), p=as_written(r["p"]), confidence=r["confidence"],
        )
        for r in rows.to_dict("records")
    ]  # fmt: skip


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _row(evidence: Evidence, study: str, effect: Effect) -> ScoreRow:
    reason = "the report is retracted" if study in evidence.retracted else effect.reason
    return ScoreRow(
        study_id=study, label=evidence.study_labels[study], year=evidence.study_years[study], estimate=effect.value,
        se=None if study in evidence.retracted else effect.se, ci_low=None, ci_high=None, weight=None, n1=effect.n1, n2=effect.n2,
        months=effect.months, part=effect.part, marks=effect.marks, score_ids=effect.score_ids, reason=reason,
    )  # fmt: skip


def _without_shared(evidence: Evidence, rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    """Rows in which, of studies that may share patients, the primary one alone is weighed."""
    members = evidence["overlap_members"]
    groups = {study: set(found["overlap_group"]) for study, found in members.groupby("study_id")}
    primary = {(r.overlap_group, r.study_id) for r in members.itertuples() if r.is_primary}
    apart = {frozenset((r.study_a, r.study_b)) for r in evidence["overlap_disjoint"].itertuples()}
    weighed = [row for row in rows if row.se is not None]

    def goes_before(other: ScoreRow, row: ScoreRow) -> bool:
        common = groups.get(other.study_id, set()) & groups.get(row.study_id, set())
        own = {group for group in common if (group, other.study_id) in primary and (group, row.study_id) not in primary}
        return bool(own) and frozenset((other.study_id, row.study_id)) not in apart

    left: list[ScoreRow] = []
    for row in rows:
        first = next((other for other in weighed if goes_before(other, row)), None) if row.se is not None else None
        left.append(row if first is None else replace(row, se=None, reason=f"perhaps the same patients as {first.label}"))
    return left


def _why_not(k: int, synthesis: ScoreSynthesis) -> str:
    """Why the studies stand side by side; blank where they are pooled."""
    if k >= 2 and synthesis.side_by_side:
        return synthesis.side_by_side
    if k >= synthesis.studies_below:
        return ""
    few = {0: "No study can be weighed.", 1: "One study alone: nothing is pooled.", 2: "Two studies are too few for an average."}
    return few.get(k, f"{k} studies are too few for an average.")


def _pool(rows: Sequence[ScoreRow], synthesis: ScoreSynthesis, unit: str, *, hksj_floor: bool = True) -> PooledMean:
    try:
        pooled = pool_effects(
            [row.estimate for row in rows],
            [float(np.square(row.se)) for row in rows if row.se is not None],
            labels=[row.label for row in rows], model=synthesis.model, ci=synthesis.ci, level=synthesis.level,
            hksj_floor=hksj_floor,
        )  # fmt: skip
    except (ValueError, RuntimeError) as error:
        raise ScoreError(f"{synthesis.id} cannot be pooled as it is declared: {error}") from error
    return _as_mean(pooled, rows, synthesis, unit)


def _as_mean(pooled: PooledEffect, rows: Sequence[ScoreRow], synthesis: ScoreSynthesis, unit: str) -> PooledMean:
    """A pooled effect as one of means, with the rows of the estimate as its studies."""
    limits = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
    weighed = [replace(row, weight=study.weight) for row, study in zip(rows, pooled.studies, strict=True)]
    return PooledMean(
        **{name: getattr(pooled, name) for name in (*limits, "p", "k", "model", "ci_method", "level", "notes")},
        **heterogeneity_fields(pooled),
        model_scale=ModelScale(pooled.estimate, pooled.se, pooled.ci_low, pooled.ci_high, pooled.pi_low, pooled.pi_high),
        n=sum(row.n or 0 for row in rows),
        measure="MD" if synthesis.is_difference else "MC",
        unit=unit,
        studies=tuple(weighed),  # type: ignore[arg-type]  # rows carry what a study of means does, and where it stands
    )


def _with_interval(row: ScoreRow, level: float) -> ScoreRow:
    """A row with its own interval, by normal quantiles, as the model sees it."""
    half = float(ndtri((1 + level) / 2)) * (row.se or 0.0)
    return replace(row, ci_low=row.estimate - half, ci_high=row.estimate + half)
