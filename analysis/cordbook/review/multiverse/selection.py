"""Which counts an analysis pools: the rules of the book's own selection on fewer or more counts.

The selection of :mod:`cordbook.review.estimates.selection` looks at one arm at a time, so it is asked once for each arm and each set of its counts
that choices leave, and the thousands of analyses that agree on them share the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cordbook.evidence.evidence import Evidence
from cordbook.evidence.patients import parts_of_counted_arms
from cordbook.evidence.review_words import CRITICAL
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.rows import Row, in_order
from cordbook.review.estimates.selection import column_of, one_row_per_study, pair_arms, rows_of_arms, strata_of
from cordbook.review.multiverse.choices import Option

Mask = NDArray[np.bool_]
#: Columns that are made for choices, beside those of ``Evidence.counts``: months from treatment to count (of the study where the count does not say),
#: how sure it is which paper a study is, and whether a letter, a regulator or a notice speaks against it.
DERIVED = ("months", "identity", "disputed")
#: The reason that keeps a count out because its patients stand in another report.
OVERLAP = "overlap"
_KEPT = "kept"


def counts_for_choices(evidence: Evidence) -> pd.DataFrame:
    """``Evidence.counts`` with the columns of :data:`DERIVED`."""
    counts = evidence.counts
    references = evidence["references"].set_index("reference_id")["identity_confidence"]
    disputed = set()
    if "integrity_notices" in evidence.tables:
        notices = evidence["integrity_notices"]
        disputed = set(notices.loc[notices["kind"].isin(CRITICAL), "study_id"].dropna())
    return counts.assign(
        months=counts["timepoint_months"].where(counts["timepoint_months"].notna(), counts["followup_months"]),
        identity=counts["study_id"].map(references),
        disputed=counts["study_id"].isin(disputed).map({True: "yes", False: "no"}),
    )


@dataclass
class Selector:
    """Rows of studies for any options, of one declaration."""

    evidence: Evidence
    synthesis: Synthesis
    _of_arm: dict[object, tuple[int, ...]] = field(default_factory=dict, repr=False)
    _of_study: dict[tuple[int, ...], tuple[Row, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def counts(self) -> pd.DataFrame:
        """The counts of the outcome; their places are what masks stand for."""
        counts = counts_for_choices(self.evidence)
        return counts[counts["outcome"] == self.synthesis.outcome].reset_index(drop=True)

    @cached_property
    def _strata(self) -> pd.Series:
        return strata_of(self.counts)

    @cached_property
    def _arms(self) -> dict[str, NDArray[np.int64]]:
        """Places of the counts of each arm that the declaration could take."""
        of_question = np.ones(len(self.counts), dtype=bool)
        for column, values in self.synthesis.where:
            of_question &= self._holds(column, values)
        groups = self.counts.groupby("arm_id", sort=True).indices
        return {arm: np.sort(places) for arm, places in groups.items() if of_question[places].any()}

    @cached_property
    def _for_selection(self) -> pd.DataFrame:
        """The columns that the selection of an arm looks at: frames of few columns are made much faster."""
        asked = [column for column, _ in self.synthesis.where if not column.startswith("stratum.")]
        named = ("cell_id", "arm_id", "outcome", "stratum", "stratum_relation", "timepoint_months", "poolable", "all_patients")
        return self.counts[list(dict.fromkeys([*named, *asked]))]

    @cached_property
    def _for_rows(self) -> pd.DataFrame:
        """The columns that the row of a study is made of."""
        return self.counts[["cell_id", "study_id", "arm_id", "role", "stratum", "events", "n", "label", "year"]]

    @cached_property
    def _part_of(self) -> dict[str, object]:
        if "part_of" not in self.counts.columns:
            return {}
        return dict(zip(self.counts["arm_id"], self.counts["part_of"], strict=True))

    @cached_property
    def _reasons(self) -> list[frozenset[str]]:
        """Why each count is not pooled; empty where it is."""
        reasons = self.counts["not_poolable_reason"].fillna("").tolist()
        return [frozenset(filter(None, str(text).split(";"))) for text in reasons]

    @cached_property
    def _poolable(self) -> Mask:
        return np.asarray(self.counts["poolable"].fillna(False).astype(bool))

    @cached_property
    def _groups(self) -> Mapping[str, frozenset[str]]:
        """Studies that may share patients with each study, by the groups of the data."""
        if "overlap_members" not in self.evidence.tables:
            return {}
        members = self.evidence["overlap_members"]
        apart = self.evidence["overlap_disjoint"] if "overlap_disjoint" in self.evidence.tables else None
        told = set() if apart is None else {frozenset(pair) for pair in zip(apart["study_a"], apart["study_b"], strict=True)}
        found: dict[str, set[str]] = {}
        for _, group in members.groupby("overlap_group"):
            for study in group["study_id"]:
                found.setdefault(study, set()).update(
                    s for s in group["study_id"] if s != study and frozenset((s, study)) not in told
                )
        return {study: frozenset(others) for study, others in found.items()}

    def _holds(self, column: str, values: Sequence[str]) -> Mask:
        return np.asarray(column_of(self.counts, self._strata, column).isin(values))

    def rows(self, options: Sequence[Option]) -> tuple[Row, ...]:
        """The rows that the options together pool, in the order of the book."""
        kept = np.ones(len(self.counts), dtype=bool)
        for option in options:
            kept &= self._mask(option)
        admitted = self._admitted(options)
        asked = next((option.strata for option in options if option.strata is not None), self.synthesis.strata)
        by_arm = {arm: self._rows_of_arm(arm, places, kept, admitted, asked) for arm, places in self._arms.items()}
        by_arm = {arm: places for arm, places in by_arm.items() if places}
        parts = parts_of_counted_arms({arm: self._part_of.get(arm) for arm in by_arm})
        by_study: dict[str, list[int]] = {}
        for arm, places in by_arm.items():
            if arm not in parts:
                by_study.setdefault(self._studies[places[0]], []).extend(places)
        rows = [row for places in by_study.values() for row in self._rows_of_study(tuple(sorted(places)))]
        extra = {self._studies[place] for place in np.flatnonzero(admitted & kept)}
        rows = self._once(rows, extra, next((o.overlap for o in options if o.overlap != "one"), "one"))
        fewest = max((option.people for option in options), default=0)
        return in_order(row for row in rows if not fewest or row.together[1] >= fewest)

    @cached_property
    def _studies(self) -> list[str]:
        return [str(study) for study in self.counts["study_id"]]

    @cached_property
    def _masks(self) -> dict[Option, Mask]:
        return {}

    def _mask(self, option: Option) -> Mask:
        """Counts that an option's filters leave."""
        if option not in self._masks:
            kept = np.ones(len(self.counts), dtype=bool)
            for column, values in option.where:
                kept &= self._holds(column, values)
            for column, values in option.without:
                kept &= ~self._holds(column, values)
            for column, least in option.at_least:
                kept &= np.asarray(pd.to_numeric(self.counts[column]).fillna(-np.inf) >= least)
            self._masks[option] = kept
        return self._masks[option]

    def _admitted(self, options: Sequence[Option]) -> Mask:
        """Counts that the data keep out of pools and the options take in."""
        reasons = {reason for option in options for reason in option.admit}
        ways = [reasons] if reasons else []
        if any(option.overlap == "other" for option in options):
            ways.append({OVERLAP})
        return ~self._poolable & np.array([any(found and found <= way for way in ways) for found in self._reasons], dtype=bool)

    def _rows_of_arm(
        self, arm: str, places: NDArray[np.int64], kept: Mask, admitted: Mask, asked: str | tuple[tuple[str, str], ...]
    ) -> tuple[int, ...]:
        """Places of the counts of an arm that are pooled, by the selection of declared estimates."""
        could = self._poolable[places] | admitted[places]
        if not (could & kept[places]).any():
            return ()
        key = (arm, kept[places].tobytes(), could.tobytes(), asked)
        if key not in self._of_arm:
            mine = self._for_selection.iloc[places]
            mine = mine.assign(poolable=could, **{_KEPT: np.where(kept[places], "yes", "no")})
            synthesis = replace(self.synthesis, strata=asked, where=(*self.synthesis.where, (_KEPT, ("yes",))))
            chosen = rows_of_arms(mine, synthesis, self.evidence.meanings)
            self._of_arm[key] = tuple(int(i) for i in chosen.index)
        return self._of_arm[key]

    def _rows_of_study(self, places: tuple[int, ...]) -> tuple[Row, ...]:
        """The row of a study; none where a comparison lacks one of its arms."""
        if places not in self._of_study:
            together = pair_arms if self.synthesis.kind == "comparison" else one_row_per_study
            self._of_study[places] = together(self._for_rows.iloc[list(places)], self.evidence.meanings)
        return self._of_study[places]

    def _once(self, rows: Sequence[Row], extra: set[str], overlap: str) -> list[Row]:
        """Rows of which no two may count one patient twice: what was taken in gives way, or takes the place of the other report."""
        present = {row.study_id for row in rows}
        if overlap == "none":
            return [row for row in rows if not self._groups.get(row.study_id)]
        if not extra:
            return list(rows)
        size = {row.study_id: row.together[1] for row in rows}
        first = extra if overlap == "other" else present - extra
        order = sorted(present, key=lambda study: (study not in first, -size[study], study))
        left: set[str] = set()
        for study in order:
            meets = self._groups.get(study, frozenset()) & left
            # Two reports that the data pool both do not share the patients counted here.
            if not meets or (study not in extra and not meets & extra):
                left.add(study)
        return [row for row in rows if row.study_id in left]
