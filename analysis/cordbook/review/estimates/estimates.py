"""Declared syntheses computed: every estimate of the book, each with the rows behind it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cordbook.core.tracking import by_value_of_estimates, note, unnoted
from cordbook.evidence.evidence import Evidence, load_evidence
from cordbook.review.estimates.companions import Companion, companions_of
from cordbook.review.estimates.declarations import Declarations, Synthesis, check_columns, load_declarations
from cordbook.review.estimates.selection import one_row_an_arm, select_cells, subgroups
from cordbook.review.estimates.side_by_side import Reason, reasons_not_to_pool, without_weights
from cordbook.synthesis import ComparedArms, PooledProportion, compare_arms, pool_proportions
from cordbook.synthesis.pooling.two_arm_results import StudyComparison
from cordbook.synthesis.results import ModelScale, StudyProportion, to_plain

T = TypeVar("T")
#: Where the book has a page for every estimate: its permanent address is this, its id and ".html".
ESTIMATES_FOLDER = "book/estimates"
#: What the package says of the measure of a comparison, for tables.
COMPARED = {"OR": "odds ratio", "RR": "risk ratio", "RD": "risk difference"}


@dataclass(frozen=True)
class Estimate:
    """A pooled result with an id, its declaration, and the rows that it was computed from.

    ``rows`` has one row an arm (columns of :data:`cordbook.review.estimates.selection.SELECTED`), for comparisons one row
    a study with ``events1, n1, events2, n2``. ``result`` is None where no study could be pooled, and where the studies are
    shown side by side: ``not_pooled`` then holds the reasons, and ``unpooled`` what the model gives all the same, for the
    shares and intervals of the single studies and for those who ask for its average (:meth:`pooled_anyway`).
    """

    id: str
    title: str
    synthesis: Synthesis
    rows: pd.DataFrame = field(repr=False, compare=False)
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
    def studies(self) -> tuple[StudyProportion, ...] | tuple[StudyComparison, ...]:
        """What the model made of each study, pooled or side by side: in the order of the rows, without those it could not use."""
        found = self.result or self.unpooled
        return found.studies if found else ()

    def paired(self) -> Iterator[tuple[Any, Any]]:
        """Each row with what the model made of it, by place or by label; None where the model could not use it."""
        found = self.studies
        if len(found) == self.k:
            yield from zip(self.rows.itertuples(), found, strict=True)
        else:
            by_label = {study.label: study for study in found}
            yield from ((row, by_label.get(row.label)) for row in self.rows.itertuples())

    @property
    def row_weights(self) -> tuple[float, ...]:
        """The part of each row in the estimate, shares that sum to 1: the model's weights, or people where nothing is averaged."""
        if self.result is None:
            columns = ["n1", "n2"] if self.is_comparison else ["n"]
            parts = [float(n) for n in self.rows[columns].sum(axis=1)] if self.k else []
        else:
            parts = [max(0.0, study.weight or 0.0) if study else 0.0 for _, study in self.paired()]
        total = sum(parts)
        return tuple(part / total for part in parts) if total else tuple(1 / len(parts) for _ in parts)

    @property
    def share_range(self) -> tuple[float, float] | None:
        """The lowest and the highest share of a study; None for comparisons and where there is no study."""
        if self.is_comparison or not self.k:
            return None
        shares = self.rows["events"] / self.rows["n"]
        return float(shares.min()), float(shares.max())

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
    def n(self) -> int:
        columns = ["n1", "n2"] if self.is_comparison else ["n"]
        return int(self.rows[columns].to_numpy().sum()) if self.k else 0

    @property
    def events(self) -> int:
        columns = ["events1", "events2"] if self.is_comparison else ["events"]
        return int(self.rows[columns].to_numpy().sum()) if self.k else 0

    @property
    def cells(self) -> tuple[str, ...]:
        """Ids of all cells behind the estimate."""
        return tuple(c for ids in self.cells_by_study.values() for c in ids)

    @property
    def cells_by_study(self) -> dict[str, tuple[str, ...]]:
        """The record of what stands behind the estimate: ids of the cells of each study, of all its arms, in the order of the rows."""
        found: dict[str, tuple[str, ...]] = {}
        for study, ids in zip(self.rows["study_id"], self.rows["cells"], strict=True) if self.k else ():
            found[str(study)] = (*found.get(str(study), ()), *(str(i) for i in ids))
        return found

    def to_dict(self) -> dict[str, Any]:
        """The estimate for JSON: declaration, result on both scales, and the studies with their cells."""
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
        beside = {"companions": to_plain(self.companions)} if self.companions else {}
        return head | result | beside | {"cells": {study: list(ids) for study, ids in self.cells_by_study.items()}}

    def _unpooled_dict(self) -> dict[str, Any]:
        counts = {"k": self.k, "n": self.n, "events": self.events, "estimate": None, "ci_low": None, "ci_high": None}
        if not self.not_pooled:
            return counts
        reasons = [reason.text for reason in self.not_pooled]
        return counts | {
            "not_pooled": reasons,
            "share_range": to_plain(self.share_range),
            "studies": without_weights(self.studies),
        }


@dataclass(frozen=True)
class Estimates:
    """All estimates of the review, computed once when first asked for."""

    evidence: Evidence
    declarations: Declarations

    @cached_property
    def _computed(self) -> dict[str, dict[str, Estimate]]:
        """Estimates by the id of their declaration, filled when first asked for."""
        return {}

    def _of(self, declared_id: str) -> dict[str, Estimate]:
        """The estimates of a declaration: its own and those of its subgroups."""
        if declared_id not in self._computed:
            with unnoted():
                found = compute(self.evidence, self.declarations[declared_id])
            self._computed[declared_id] = {estimate.id: estimate for estimate in found}
        return self._computed[declared_id]

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is made of these estimates, made when first asked for; ``key`` names it.

        For functions whose reads are not noted (:func:`cordbook.core.tracking.by_value_of_estimates`): a second call reads nothing.
        """
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    @cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    def take_over(self, known: Mapping[str, Mapping[str, Estimate]], made: Mapping[Hashable, Any] | None = None) -> None:
        """Take estimates that were computed before from the same cells, by the id of their declaration; and what was made of them."""
        self._computed.update({declared: dict(found) for declared, found in known.items()})
        self._made.clear()
        self._made.update(made or {})

    def handed_over(self) -> tuple[dict[str, dict[str, Estimate]], dict[Hashable, Any]]:
        """What was computed so far, for :meth:`take_over`."""
        return self._computed, self._made

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
        declared = estimate_id.split("--")[0]
        found = self._of(declared) if declared in self.declarations.ids else {}
        if estimate_id not in found:
            raise KeyError(f"no estimate {estimate_id!r}; near it are: {', '.join(found or self._all)}")
        return found[estimate_id]

    def __iter__(self) -> Iterator[Estimate]:
        note("estimates")
        return iter(self._all.values())

    def __len__(self) -> int:
        note("estimates")
        return len(self._all)

    def parts(self, estimate_id: str) -> list[Estimate]:
        """The subgroup estimates of an estimate, in order."""
        note("parts", estimate_id)
        declared = estimate_id.split("--")[0]
        found = self._of(declared).values() if declared in self.declarations.ids else ()
        return [e for e in found if e.synthesis.parent == estimate_id]


@by_value_of_estimates
def title_of(estimates: Estimates, estimate_id: str) -> str:
    """The title of an estimate; who asks for it does not depend on the numbers."""
    return estimates[estimate_id].title


def load_estimates(root: Path | str) -> Estimates:
    """Evidence and declarations of a project folder, ready to compute."""
    data = Path(root) / "data"
    with unnoted():
        declarations = load_declarations(data / "syntheses.yml")
        evidence = load_evidence(data)
        check_columns(declarations, evidence.cell_columns)
    return Estimates(evidence, declarations)


def compute(evidence: Evidence, synthesis: Synthesis) -> list[Estimate]:
    """The estimate of a declaration, followed by those of its subgroups."""
    chosen = select_cells(evidence.cells, synthesis)
    disjoint = evidence.disjoint_keys
    whole = _estimate(synthesis.id, synthesis.title, synthesis, chosen, disjoint)
    if not synthesis.by:
        return [whole]
    parts = [
        _estimate(
            f"{synthesis.id}--{value.lower().replace('_', '-').replace('+', '-')}",
            evidence.vocabulary.part_title(synthesis.title, synthesis.by, value),
            replace(synthesis, by=None, parent=synthesis.id),
            part,
            disjoint,
        )
        for value, part in subgroups(chosen, synthesis.by, evidence.vocabulary).items()
    ]
    return [whole, *parts]


def _estimate(
    estimate_id: str, title: str, synthesis: Synthesis, chosen: pd.DataFrame, disjoint_keys: frozenset[str]
) -> Estimate:
    rows = (pair_arms if synthesis.kind == "comparison" else one_row_an_arm)(chosen, disjoint_keys)
    return estimate_of(estimate_id, title, synthesis, rows)


def estimate_of(estimate_id: str, title: str, synthesis: Synthesis, rows: pd.DataFrame) -> Estimate:
    """Pool rows as a declaration says, or set them side by side where its limits of pooling say so."""
    result = _pool_estimate(rows, synthesis)
    reasons = reasons_not_to_pool(result, synthesis.not_pooled_if) if result else ()
    if reasons:
        return Estimate(estimate_id, title, synthesis, rows, None, reasons, result)
    beside = (
        companions_of(result, harm=synthesis.harm, bayes_up_to=synthesis.bayes_up_to)
        if isinstance(result, PooledProportion)
        else ()
    )
    return Estimate(estimate_id, title, synthesis, rows, result, companions=beside)


def _pool_estimate(rows: pd.DataFrame, synthesis: Synthesis) -> PooledProportion | ComparedArms | None:
    """Pool rows as a declaration says; None where there are too few: a comparison needs two studies, a proportion one."""
    if synthesis.kind == "comparison":
        return _compare(rows, synthesis) if len(rows) > 1 else None
    return _pool(rows, synthesis) if len(rows) else None


def _pool(rows: pd.DataFrame, synthesis: Synthesis) -> PooledProportion:
    return pool_rows(
        rows,
        measure=synthesis.measure,
        model=synthesis.model,
        ci=synthesis.ci,
        level=synthesis.level,
        average=synthesis.average,
    )


def pool_rows(
    rows: pd.DataFrame,
    *,
    measure: str,
    model: str,
    ci: str | None,
    level: float,
    average: str | None = None,
    hksj_floor: bool = True,
) -> PooledProportion:
    """Pool rows of :data:`cordbook.review.estimates.selection.SELECTED`; one row stands for itself with an exact interval."""
    if len(rows) == 1:
        return _single(rows, measure, level)
    return pool_proportions(
        rows["events"].to_numpy(),
        rows["n"].to_numpy(),
        labels=rows["label"].tolist(),
        measure=measure,
        model=model,
        ci=ci,
        level=level,
        hksj_floor=hksj_floor,
        average=average,
    )


def _single(rows: pd.DataFrame, measure: str, level: float) -> PooledProportion:
    """One study cannot be pooled: its own share with the exact interval of Clopper and Pearson (1934)."""
    events, n, label = int(rows["events"].iloc[0]), int(rows["n"].iloc[0]), rows["label"].iloc[0]
    low, high = (float(v) for v in proportion_confint(events, n, 1 - level, method="beta"))
    share = events / n
    return PooledProportion(
        estimate=share, ci_low=low, ci_high=high, pi_low=None, pi_high=None,
        model_scale=ModelScale(None, None, None, None),
        tau2=None, tau2_ci_low=None, tau2_ci_high=None, i2=None, i2_ci_low=None, i2_ci_high=None,
        h2=None, h2_ci_low=None, h2_ci_high=None, q=None, q_df=0, q_p=None,
        k=1, events=events, n=n, model="single", measure=measure, ci_method="exact", level=level,
        studies=(StudyProportion(label, events, n, share, low, high, 100.0),),
        notes=("One study: nothing is pooled; the interval is exact (Clopper-Pearson).",),
    )  # fmt: skip


def _compare(rows: pd.DataFrame, synthesis: Synthesis) -> ComparedArms:
    return compare_arms(
        rows["events1"].to_numpy(),
        rows["n1"].to_numpy(),
        rows["events2"].to_numpy(),
        rows["n2"].to_numpy(),
        labels=rows["label"].tolist(),
        measure=synthesis.measure,
        model=synthesis.model,
        ci=synthesis.ci,
        level=synthesis.level,
    )


def pair_arms(chosen: pd.DataFrame, disjoint_keys: frozenset[str]) -> pd.DataFrame:
    """Treated against comparator within each study that has both: one row a study.

    Several treated (or comparator) arms of one study are added up, so that nobody is counted twice.
    """
    rows = []
    for study_id, group in chosen.groupby("study_id", sort=True):
        treated, control = (one_row_an_arm(group[group["role"] == role], disjoint_keys) for role in ("treated", "comparator"))
        if treated.empty or control.empty:
            continue
        first = group.iloc[0]
        rows.append(
            {
                "study_id": study_id,
                "label": first["label"],
                "year": first["year"],
                "events1": int(treated["events"].sum()),
                "n1": int(treated["n"].sum()),
                "events2": int(control["events"].sum()),
                "n2": int(control["n"].sum()),
                "cells": tuple(c for cells in (*treated["cells"], *control["cells"]) for c in cells),
            }
        )
    columns = ["study_id", "label", "year", "events1", "n1", "events2", "n2", "cells"]
    table = pd.DataFrame(rows, columns=columns)
    order = table.assign(_year=table["year"].fillna(9999)).sort_values(["_year", "label"], kind="stable").index
    return table.loc[order].reset_index(drop=True)
