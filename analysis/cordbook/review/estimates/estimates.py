"""Declared syntheses computed: every estimate of the book, each with the rows behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cordbook.core.store import Store, key_of
from cordbook.core.tracking import by_value_of_estimates, note, unnoted
from cordbook.errors import CordbookError, UnknownName
from cordbook.evidence.evidence import Evidence, load_evidence
from cordbook.evidence.patients import Meanings
from cordbook.review.estimates.companions import Companion, companions_of
from cordbook.review.estimates.declarations import Declarations, Synthesis, check_columns, load_declarations
from cordbook.review.estimates.keys import code_digest, data_digest, declared_keys
from cordbook.review.estimates.row_counts import count_rows
from cordbook.review.estimates.rows import ArmRow, PairRow, arrays, in_order, labels_of, pairs, with_effects
from cordbook.review.estimates.selection import one_row_per_study, pair_arms, select_counts, subgroups
from cordbook.review.estimates.side_by_side import Reason, reasons_not_to_pool, without_weights
from cordbook.synthesis import ComparedArms, PooledProportion, compare_arms, pool_proportions
from cordbook.synthesis.results import HETEROGENEITY, ModelScale, StudyProportion, to_plain

T = TypeVar("T")
#: The first studies of an estimate, for what a treatment seemed to do when it was new. Our own number.
EARLY = 4
#: Where the book has a page for every estimate: its permanent address is this, its id and ".html".
ESTIMATES_FOLDER = "book/estimates"
#: What the package says of the measure of a comparison, for tables.
COMPARED = {"OR": "odds ratio", "RR": "risk ratio", "RD": "risk difference"}


class NotEstimable(CordbookError, ValueError):
    """The statistics refuse the rows of a declared estimate, or do not settle on them; the message names the estimate and says why."""


@dataclass(frozen=True)
class Estimate:
    """A pooled result with an id, its declaration, and the rows that it was computed from.

    ``rows`` has one row per study, each with what the model made of it; ``result.studies`` are these
    same rows. ``result`` is None where no study could be pooled, and where the studies are shown side by side: ``not_pooled`` then
    holds the reasons, and ``unpooled`` what the model gives all the same, for those who ask for its average (:meth:`pooled_anyway`).
    """

    id: str
    title: str
    synthesis: Synthesis
    rows: tuple[ArmRow, ...] | tuple[PairRow, ...] = field(repr=False, compare=False)
    result: PooledProportion | ComparedArms | None
    not_pooled: tuple[Reason, ...] = ()
    unpooled: PooledProportion | ComparedArms | None = field(default=None, repr=False)
    companions: tuple[Companion, ...] = field(default=(), repr=False)

    @property
    def pooled(self) -> bool:
        """Whether a number is reported for all studies together."""
        return self.result is not None

    @property
    def is_reported(self) -> bool:
        """Whether there is something to report: a pooled number, or studies side by side."""
        return self.result is not None or bool(self.not_pooled)

    @property
    def row_weights(self) -> tuple[float, ...]:
        """The part of each row in the estimate, shares that sum to 1: the model's weights, or people where nothing is averaged."""
        if self.result is None:
            parts = [float(sum(count.n for count in row.counts)) for row in self.rows]
        else:
            parts = [max(0.0, row.weight or 0.0) for row in self.rows]
        total = sum(parts)
        return tuple(part / total for part in parts) if total else tuple(1 / len(parts) for _ in parts)

    @property
    def share_range(self) -> tuple[float, float] | None:
        """The lowest and the highest share of a study; None for comparisons and where there is no study."""
        if self.is_comparison or not self.k:
            return None
        shares = [row.events / row.n for row in self.rows]
        return min(shares), max(shares)

    def pooled_anyway(self) -> Estimate:
        """The estimate with the model's average where it is not pooled, for those who ask for it; else itself."""
        return replace(self, result=self.unpooled, not_pooled=(), unpooled=None) if self.not_pooled else self

    @property
    def k(self) -> int:
        return len(self.rows)

    @property
    def is_comparison(self) -> bool:
        return self.synthesis.kind == "comparison"

    @property
    def arms(self) -> tuple[tuple[int, int], ...]:
        """Events and patients of all rows: one pair, for comparisons that of the treated and that of the comparators."""
        columns = [sum(getattr(row, name) for row in self.rows) for name in (PairRow if self.is_comparison else ArmRow).COLUMNS]
        return pairs(columns)

    @property
    def n(self) -> int:
        return sum(n for _, n in self.arms)

    @property
    def events(self) -> int:
        return sum(events for events, _ in self.arms)

    @cached_property
    def early(self) -> Estimate:
        """What the first studies gave, the :data:`EARLY` oldest by year, pooled as the whole is; those without a year come last."""
        if self.k <= EARLY:
            return self
        # Nobody asks how the average of the first few would be by other models, and a Bayesian fit takes most of the time.
        return estimate_of(self.id, self.title, replace(self.synthesis, bayes_up_to=0), in_order(self.rows)[:EARLY])

    @property
    def largest(self) -> int:
        """People in the largest study, both arms of a comparison together; 0 where no study counts."""
        return max((row.together[1] for row in self.rows), default=0)

    @property
    def study_ids(self) -> tuple[str, ...]:
        """The studies of the rows, each once, in their order."""
        return tuple(self.counts_by_study)

    @property
    def count_ids(self) -> tuple[str, ...]:
        """Ids of all counts behind the estimate."""
        return tuple(c for ids in self.counts_by_study.values() for c in ids)

    @property
    def counts_by_study(self) -> dict[str, tuple[str, ...]]:
        """The record of what stands behind the estimate: ids of the counts of each study, of all its arms, in the order of the rows."""
        found: dict[str, tuple[str, ...]] = {}
        for row in self.rows:
            found[row.study_id] = (*found.get(row.study_id, ()), *row.count_ids)
        return found

    def to_dict(self) -> dict[str, Any]:
        """The estimate for JSON: declaration, result on both scales, and the studies with their counts."""
        head = {
            "id": self.id,
            "title": self.title,
            "question": self.synthesis.question,
            "outcome": self.synthesis.outcome,
            "kind": self.synthesis.kind,
            "section": self.synthesis.section,
            "parent": self.synthesis.parent,
        }
        result = self.result.to_dict() if self.result else self._unpooled_dict()
        early = self.early
        beside: dict[str, Any] = {"companions": to_plain(self.companions)} if self.companions else {}
        beside |= {"largest": self.largest, "early": {"k": early.k, "estimate": early.result.estimate if early.result else None}}
        return head | result | beside | {"cells": {study: list(ids) for study, ids in self.counts_by_study.items()}}

    def _unpooled_dict(self) -> dict[str, Any]:
        counts = {"k": self.k, "n": self.n, "events": self.events, "estimate": None, "ci_low": None, "ci_high": None}
        if not self.not_pooled:
            return counts
        reasons = [reason.text for reason in self.not_pooled]
        return counts | {
            "not_pooled": reasons,
            "share_range": to_plain(self.share_range),
            "studies": without_weights(self.rows),
        }


@dataclass(frozen=True)
class Estimates:
    """All estimates of the review, computed once when first asked for.

    With a ``store`` each is computed only where no process has computed it from the same inputs. ``data`` is the digest of the data
    folder that the evidence was read from; without it only what hangs on the evidence in memory is looked up.
    """

    evidence: Evidence
    declarations: Declarations
    store: Store | None = field(default=None, repr=False, compare=False)
    data: str = field(default="", repr=False, compare=False)

    @cached_property
    def _computed(self) -> dict[str, dict[str, Estimate]]:
        """Estimates by the id of their declaration, filled when first asked for."""
        return {}

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _keys(self) -> dict[str, str]:
        """The key of each declaration in the store."""
        assert self.store is not None
        store = self.store
        with unnoted():
            if not self.data:
                return declared_keys(self.evidence, self.declarations, store)
            key = key_of("keys", code_digest(), self.data)
            return store.get(key, lambda: declared_keys(self.evidence, self.declarations, store))

    def key(self, estimate_id: str) -> str:
        """A digest of all that an estimate and the subgroups of its declaration are made from; only where there is a store."""
        return self._keys[_declared(estimate_id)]

    def _of(self, declared_id: str) -> dict[str, Estimate]:
        """The estimates of a declaration: its own and those of its subgroups."""
        if declared_id not in self._computed:
            with unnoted():
                compute_it = partial(self._compute, declared_id)
                self._computed[declared_id] = self.store.get(self.key(declared_id), compute_it) if self.store else compute_it()
        return self._computed[declared_id]

    def _compute(self, declared_id: str) -> dict[str, Estimate]:
        return {estimate.id: estimate for estimate in compute(self.evidence, self.declarations[declared_id])}

    def once(self, name: str, make: Callable[[], T], inputs: Callable[[], Sequence[str]] | None = None) -> T:
        """What is made of these estimates, made when first asked for; ``name`` names it.

        In the store its key holds ``inputs``, digests of all that it is made from; without them all of ``data/``.
        For functions whose reads are not noted (:func:`cordbook.core.tracking.by_value_of_estimates`): a second call reads nothing.
        """
        if name not in self._made:
            self._made[name] = self._look_up(name, make, inputs)
        return self._made[name]

    def _look_up(self, name: str, make: Callable[[], T], inputs: Callable[[], Sequence[str]] | None) -> T:
        if self.store is None or not (inputs or self.data):
            return make()
        if inputs:
            return self.store.get(key_of(name, code_digest(), *inputs()), make)
        # What reads files of data/ reads them now, which may be after they were saved again.
        unchanged = lambda: data_digest(self.evidence.folder) == self.data  # noqa: E731
        return self.store.get(key_of(name, code_digest(), self.data), make, unchanged)

    def declared(self, declared_id: str) -> list[Estimate]:
        """The estimate of a declaration and those of its subgroups."""
        note("estimate", declared_id)
        note("parts", declared_id)
        return list(self._of(declared_id).values())

    @property
    def _all(self) -> dict[str, Estimate]:
        return {i: e for declared in self.declarations.ids for i, e in self._of(declared).items()}

    def __getitem__(self, estimate_id: str) -> Estimate:
        note("estimate", estimate_id)
        declared = _declared(estimate_id)
        found = self._of(declared) if declared in self.declarations.ids else {}
        if estimate_id not in found:
            raise UnknownName(f"no estimate {estimate_id!r}; near it are: {', '.join(found or self._all)}")
        return found[estimate_id]

    def count(self, question: str) -> float:
        """How many rows of a table fit a question; see :func:`~cordbook.review.estimates.row_counts.count_rows`."""
        return count_rows(self.evidence, question)

    def __iter__(self) -> Iterator[Estimate]:
        note("estimates")
        return iter(self._all.values())

    def __len__(self) -> int:
        note("estimates")
        return len(self._all)

    def lacks(self, estimate_id: str) -> Mapping[str, tuple[str, ...]]:
        """What an estimate is told apart by and the data do not hold: columns that the schema lacks, by the label of their dimension.

        That of a filter, and of a subgroup what the subgroups are formed by; known of estimates too that there are not without it.
        """
        declared = _declared(estimate_id)
        if not self.evidence.lacking or declared not in self.declarations.ids:
            return {}
        synthesis = self.declarations[declared]
        asked = [column for column, _ in synthesis.where] + ([synthesis.by] if synthesis.by and declared != estimate_id else [])
        dimensions = [self.evidence.vocabulary.dimension(name) for name in asked]
        return {d.label: self.evidence.lacking[d.id] for d in dimensions if d.id in self.evidence.lacking}

    def parts(self, estimate_id: str) -> list[Estimate]:
        """The subgroup estimates of an estimate, in order."""
        note("parts", estimate_id)
        declared = _declared(estimate_id)
        found = self._of(declared).values() if declared in self.declarations.ids else ()
        return [e for e in found if e.synthesis.parent == estimate_id]


def _declared(estimate_id: str) -> str:
    """The id of the declaration of an estimate, which its subgroups share."""
    return estimate_id.split("--")[0]


@by_value_of_estimates
def title_of(estimates: Estimates, estimate_id: str) -> str:
    """The title of an estimate; who asks for it does not depend on the numbers."""
    return estimates[estimate_id].title


def load_estimates(root: Path | str, store: Store | None = None) -> Estimates:
    """Evidence and declarations of a project folder, ready to compute; ``store`` keeps what is computed."""
    folder = Path(root) / "data"
    before = data_digest(folder) if store else ""
    with unnoted():
        declarations = load_declarations(folder / "syntheses.yml")
        evidence = load_evidence(folder)
        check_columns(declarations, evidence.count_columns)
    estimates = Estimates(evidence, declarations, store, before)
    # Where somebody saved while the files were read, nothing tells what was read: only the rows in memory do.
    return replace(estimates, data="") if store and data_digest(folder) != before else estimates


def compute(evidence: Evidence, synthesis: Synthesis) -> list[Estimate]:
    """The estimate of a declaration, followed by those of its subgroups."""
    meanings = evidence.meanings
    chosen = select_counts(evidence.counts, synthesis, meanings)
    whole = _estimate(synthesis.id, synthesis.title, synthesis, chosen, meanings)
    if not synthesis.by:
        return [whole]
    parts = [
        _estimate(
            f"{synthesis.id}--{value.lower().replace('_', '-').replace('+', '-')}",
            evidence.vocabulary.part_title(synthesis.title, synthesis.by, value),
            replace(synthesis, by=None, parent=synthesis.id),
            part,
            meanings,
        )
        for value, part in subgroups(chosen, synthesis.by, evidence.vocabulary).items()
    ]
    return [whole, *parts]


def _estimate(estimate_id: str, title: str, synthesis: Synthesis, chosen: pd.DataFrame, meanings: Meanings) -> Estimate:
    rows = (pair_arms if synthesis.kind == "comparison" else one_row_per_study)(chosen, meanings)
    return estimate_of(estimate_id, title, synthesis, rows)


def estimate_of(estimate_id: str, title: str, synthesis: Synthesis, rows: tuple[ArmRow, ...] | tuple[PairRow, ...]) -> Estimate:
    """Pool rows as a declaration says, or set them side by side where its limits of pooling say so."""
    try:
        result = _pool_estimate(rows, synthesis)
    except (ValueError, RuntimeError) as error:
        raise NotEstimable(f"{estimate_id} cannot be pooled as it is declared: {error}") from error
    if result is None:
        return Estimate(estimate_id, title, synthesis, rows, None)
    rows = with_effects(rows, result.studies)
    result = replace(result, studies=rows)
    if reasons := reasons_not_to_pool(result, synthesis.not_pooled_if, synthesis.side_by_side):
        return Estimate(estimate_id, title, synthesis, rows, None, reasons, result)
    beside = (
        companions_of(result, harm=synthesis.harm, bayes_up_to=synthesis.bayes_up_to)
        if isinstance(result, PooledProportion)
        else ()
    )
    return Estimate(estimate_id, title, synthesis, rows, result, companions=beside)


def _pool_estimate(rows: Sequence[Any], synthesis: Synthesis) -> PooledProportion | ComparedArms | None:
    """Pool rows as a declaration says; None where there are too few: a comparison needs two studies, a proportion one."""
    if synthesis.kind == "comparison":
        return _compare(rows, synthesis) if len(rows) > 1 else None
    return _pool(rows, synthesis) if len(rows) else None


def _pool(rows: Sequence[ArmRow], synthesis: Synthesis) -> PooledProportion:
    return pool_rows(
        rows,
        measure=synthesis.measure,
        model=synthesis.model,
        ci=synthesis.ci,
        level=synthesis.level,
        average=synthesis.average,
    )


def pool_rows(
    rows: Sequence[ArmRow],
    *,
    measure: str,
    model: str,
    ci: str | None,
    level: float,
    average: str | None = None,
    hksj_floor: bool = True,
) -> PooledProportion:
    """Pool rows of single arms; one row stands for itself with an exact interval."""
    if len(rows) == 1:
        return _single(rows[0], measure, level)
    return pool_proportions(
        *arrays(rows),
        labels=labels_of(rows),
        measure=measure,
        model=model,
        ci=ci,
        level=level,
        hksj_floor=hksj_floor,
        average=average,
    )


def _single(row: ArmRow, measure: str, level: float) -> PooledProportion:
    """One study cannot be pooled: its own share with the exact interval of Clopper and Pearson (1934)."""
    events, n = row.events, row.n
    low, high = (float(v) for v in proportion_confint(events, n, 1 - level, method="beta"))
    share = events / n
    return PooledProportion(
        estimate=share, ci_low=low, ci_high=high, pi_low=None, pi_high=None,
        model_scale=ModelScale(None, None, None, None),
        **dict.fromkeys(HETEROGENEITY) | {"q_df": 0},
        k=1, events=events, n=n, model="single", measure=measure, ci_method="exact", level=level,
        studies=(StudyProportion(row.label, events, n, share, low, high, 100.0),),
        notes=("One study: nothing is pooled; the interval is exact (Clopper-Pearson).",),
    )  # fmt: skip


def _compare(rows: Sequence[PairRow], synthesis: Synthesis) -> ComparedArms:
    return compare_arms(
        *arrays(rows),
        labels=labels_of(rows),
        measure=synthesis.measure,
        model=synthesis.model,
        ci=synthesis.ci,
        level=synthesis.level,
    )
