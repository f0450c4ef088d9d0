"""What the chapters on claims, replication and certainty show, in one object; a chapter has it as ``review.audit``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

from cordbook.display.figures.figure import Figure
from cordbook.display.figures.replication import replication_plot
from cordbook.display.figures.verdicts import verdict_bars
from cordbook.display.html.table import Cell, Table
from cordbook.display.tables.audit_tables import (
    averages_of_others_table,
    certainty_table,
    claims_audit_table,
    limits_table,
    not_comparable_table,
    reasons_of_certainty,
    replication_table,
)
from cordbook.review.appraisal.certainty import rate, rate_steps
from cordbook.review.appraisal.certainty_rules import FILE, NAME, Certainty, Thresholds, load_settings
from cordbook.review.appraisal.replication import Replications, replicate
from cordbook.review.claims.claims import ClaimVerdict, claims_today
from cordbook.review.estimates.estimates import ESTIMATES_FOLDER, Estimates, title_of
from cordbook.review.scores.estimates import declared_scores, score_title, scores_of

#: The computed rules in words: domain, rule, and the limit that it uses, blank where it has none.
RULES = (
    (
        "start",
        "A comparison starts high where at least this share of its weight is of randomised trials, else low",
        "randomised_weight",
    ),
    (
        "start",
        "A harm starts high where at least this share of the reports show that they counted the event, else low: they are of a topic that "
        "counts it, the number was read in a full text, its definition says so, or it is above zero and not of any event at all",
        "counted_share",
    ),
    (
        "risk of bias",
        "One step where more than this share of the weight is read with low confidence or of studies not identified",
        "weak_weight",
    ),
    (
        "inconsistency",
        "One step for two of three signs: the p of the test of heterogeneity is below this; the intervals of two studies do not overlap; by "
        "the variance between studies alone, true results lie further apart than the interval of an estimate may (see imprecision). Two "
        "steps where they lie as far apart as counts two steps there. None where no such variance is estimated",
        "heterogeneity_p",
    ),
    ("inconsistency", "Ratios lie too far apart where they reach further than by this factor to either side", "spread_ratio"),
    (
        "inconsistency",
        "Scores lie too far apart where true results lie on both sides of zero; never two steps, as how large a change matters is declared "
        "for none of them",
        "",
    ),
    (
        "imprecision",
        "A share: one step where half the interval is wider, or fewer people than one sample so exact would need",
        "half_width_serious",
    ),
    ("imprecision", "A share: two steps where half the interval is wider", "half_width_very_serious"),
    ("imprecision", "A harm: one step where the upper limit lies further above the estimate", "harm_above_serious"),
    ("imprecision", "A harm: two steps where it lies further above", "harm_above_very_serious"),
    ("imprecision", "A harm: one step with fewer people (rule of three for 1 in 100)", "harm_people"),
    (
        "imprecision",
        "A comparison, or a score whose studies all state their people: one more step with fewer people",
        "effect_people",
    ),
    (
        "imprecision",
        "A comparison: one step where the interval holds no difference, two where it holds this ratio and its inverse",
        "appreciable_ratio",
    ),
    ("imprecision", "A score: one step where the interval holds zero", ""),
    ("imprecision", "A share or a score: two steps where studies are too few for an average", ""),
    ("publication bias", "The test of small-study effects is made from so many studies on", "studies_for_test"),
    ("publication bias", "One step where its p is below", "small_study_p"),
)


@dataclass(frozen=True)
class AuditPages:
    """Claims, replication and certainty as chapters show them."""

    estimates: Estimates

    @cached_property
    def verdicts(self) -> tuple[ClaimVerdict, ...]:
        """The verdict on every claim."""
        return claims_today(self.estimates)

    @cached_property
    def replications(self) -> Replications:
        """Published estimates beside ours."""
        return replicate(self.estimates)

    def verdict_bars(self) -> Figure:
        """Counts of verdicts by parent document."""
        seeds = self.estimates.evidence["seeds"]
        return verdict_bars(self.verdicts, dict(zip(seeds["seed_id"], seeds["short"].fillna(seeds["title"]), strict=True)))

    def claims(self, seed_id: str) -> Table:
        """The claims of a parent document with verdicts."""
        chosen = [v for v in self.verdicts if v.seed_id == seed_id]
        if not chosen:
            raise ValueError(
                f"no claim of a document {seed_id!r}; there are {', '.join(sorted({v.seed_id for v in self.verdicts}))}"
            )
        return claims_audit_table(chosen, self.address, table_id=f"claims-of-{seed_id}", caption=f"Claims: {chosen[0].seed}")

    def slips(self) -> Table:
        """The claims whose parent document made a slip, apart from any verdict."""
        chosen = [v for v in self.verdicts if v.slip]
        rows = tuple((Cell(v.claim_id, f"#{v.claim_id}"), Cell(v.statement), Cell(v.slip)) for v in chosen)
        return Table("slips-named", "Slips of the parent documents", ("Claim", "What it says", "What is wrong"), rows)

    def replication_recovery(self) -> Figure:
        """Published shares of people who improve beside ours."""
        return self._shares(harm=False, figure_id="replication-recovery", title="People who improve: published and ours")

    def replication_harm(self) -> Figure:
        """Published shares of people harmed beside ours."""
        return self._shares(harm=True, figure_id="replication-harm", title="Harm after cells: published and ours")

    def _shares(self, *, harm: bool, figure_id: str, title: str) -> Figure:
        pairs = [p for p in self.replications.pairs if p.measure == "proportion" and p.ours.synthesis.harm == harm]
        return replication_plot(pairs, figure_id=figure_id, title=title)

    def replication_ratios(self) -> Figure:
        """Published ratios beside ours."""
        pairs = [p for p in self.replications.pairs if p.measure != "proportion"]
        return replication_plot(pairs, figure_id="replication-ratios", title="Cells against no cells: published and ours")

    def replication_table(self) -> Table:
        """Theirs, ours, how they lie, and what may make the difference."""
        return replication_table(self.replications.pairs, self.address)

    def not_comparable(self) -> Table:
        """Published estimates that nothing of ours can be set beside."""
        return not_comparable_table(self.replications.not_comparable)

    def averages_of_others(self) -> Table:
        """Averages of scores that pools of others print."""
        return averages_of_others_table(self.estimates.evidence)

    def certainty(self, estimate_ids: Iterable[str]) -> Table:
        """Level, start and steps of estimates, with the reasons in few words."""
        return certainty_table(self._titled(rate_steps(self.estimates, estimate_ids)), self.address)

    def certainty_reasons(self, estimate_ids: Iterable[str]) -> Table:
        """Every step of estimates with its reason."""
        return reasons_of_certainty(self._titled(rate(self.estimates, estimate_ids)))

    def all_certainty(self) -> Table:
        """Level and steps of every declared estimate, of counts and then of scores."""
        return replace(
            self.certainty([*self.estimates.declarations.ids, *declared_scores(self.estimates)]),
            id="all-certainty",
            caption=f"{NAME.capitalize()} of every estimate",
            row_ids=(),
            folded=True,
        )

    def certainty_rules(self) -> Table:
        """The computed rules with today's limits."""
        limits = load_settings(self.estimates.evidence.folder / FILE).thresholds
        assert {f.name for f in fields(Thresholds)} == {name for _, _, name in RULES if name}
        return limits_table([(domain, rule, f"{getattr(limits, name):g}" if name else "–") for domain, rule, name in RULES])

    def _titled(self, rated: Mapping[str, Certainty]) -> list[tuple[str, Certainty]]:
        scores = scores_of(self.estimates)
        return [
            (score_title(self.estimates, i) if i in scores else title_of(self.estimates, i), certainty)
            for i, certainty in rated.items()
        ]

    def address(self, estimate_id: str) -> str:
        """The page of an estimate as seen from the chapter, which runs in its own folder."""
        root = self.estimates.evidence.folder.resolve().parent
        here = Path.cwd() if Path.cwd().is_relative_to(root) else root
        return Path(os.path.relpath(root / ESTIMATES_FOLDER / f"{estimate_id}.html", here)).as_posix()
