"""What a chapter needs, in one object: estimates, figures and tables by id.

A chapter begins with::

    from cordbook.notebook import open_review

    review = open_review()
    review.forest("ais-improved-cell-therapy")
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from cordbook.core.project import find_project
from cordbook.core.store import store_of_the_builder
from cordbook.core.text import capital, inside
from cordbook.display.chapters.audit import AuditPages
from cordbook.display.chapters.benchmarks import BenchmarkPages
from cordbook.display.chapters.methods import MethodsPages
from cordbook.display.chapters.releases import ReleasePages
from cordbook.display.figures.curves.choices import Choices
from cordbook.display.figures.diagnostics import baujat_plot, bubble_plot, cumulative_plot, funnel_plot, leave_one_out_plot
from cordbook.display.figures.evidence_map import evidence_map
from cordbook.display.figures.figure import Figure
from cordbook.display.figures.forest import Appraisal, ForestGroup, forest_plot
from cordbook.display.html.cards import Cards, cards
from cordbook.display.html.hundreds import Question, hundreds
from cordbook.display.html.icon_array import Hundreds
from cordbook.display.html.study_list import StudyList
from cordbook.display.html.table import Folded, folded
from cordbook.display.tables.claim_tables import claims_table, notices_table, trials_table
from cordbook.display.tables.estimate_tables import (
    Table,
    estimates_table,
    progress_table,
    reasons_table,
    studies_table,
    summary_of_findings,
)
from cordbook.display.tables.expected_tables import expected_table, left_out_table
from cordbook.display.tables.score_tables import score_studies_table, scores_table
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.review_words import CRITICAL
from cordbook.evidence.vocabulary import part_name
from cordbook.review.appraisal.certainty import has_rules, rate_steps
from cordbook.review.appraisal.certainty_rules import Certainty
from cordbook.review.appraisal.estimate_text import format_estimate
from cordbook.review.appraisal.extraction_audit import extraction_progress, reasons_not_pooled
from cordbook.review.appraisal.risk_of_bias import FILE as RISK_OF_BIAS
from cordbook.review.appraisal.risk_of_bias import judge_studies, load_items, study_facts
from cordbook.review.claims.mechanisms import (
    Claim,
    expect,
    load_claims,
    rows_by_section,
    rows_by_topic,
    select_claims,
    sources,
)
from cordbook.review.estimates.estimates import ESTIMATES_FOLDER, Estimate, Estimates, load_estimates
from cordbook.review.estimates.natural_course import load_natural_course, study_rows
from cordbook.review.estimates.phrases import retraction_note
from cordbook.review.expected.comparison import expectation_of
from cordbook.review.multiverse.multiverse import explore_choices
from cordbook.review.scores.estimates import ScoreEstimate, scores_of
from cordbook.review.studies.records import study_records
from cordbook.synthesis import PooledProportion

#: What only one review needs in code stands in this module, where a package has it: its ``Parts`` of a review are offered to chapters.
SUBJECT = "cordbook.subject.parts"


@dataclass(frozen=True)
class Review:
    """The review as a chapter sees it. Every figure and table is made from a declared estimate."""

    estimates: Estimates

    @property
    def evidence(self) -> Evidence:
        return self.estimates.evidence

    @cached_property
    def audit(self) -> AuditPages:
        """What the chapters on claims, replication and certainty show."""
        return AuditPages(self.estimates)

    @cached_property
    def methods(self) -> MethodsPages:
        """What the chapters on methods and the back matter show."""
        return MethodsPages(self.estimates)

    @cached_property
    def benchmarks(self) -> BenchmarkPages:
        """What the chapter on benchmarks shows: speed, growth, coverage, damage and kills, as measured."""
        return BenchmarkPages(self.estimates)

    @cached_property
    def releases(self) -> ReleasePages:
        """What the page of changes shows: versions, and what changed from one to the next."""
        return ReleasePages(self.estimates)

    def __getitem__(self, estimate_id: str) -> Estimate:
        return self.estimates[estimate_id]

    def say(self, estimate_id: str, form: str = "short") -> str:
        """An estimate in words, for instance ``say("tumour-cell-therapy", "of")``."""
        return format_estimate(self.estimates, estimate_id, form)

    def forest(
        self,
        estimate_id: str,
        *,
        natural: str | Mapping[str, str] | None = None,
        grouped: bool = False,
        title: str | None = None,
    ) -> Figure:
        """Forest plot of an estimate; ``grouped`` shows its subgroups.

        ``natural`` names the estimate of natural recovery drawn behind it, or, by the end of a subgroup's id, the one
        behind each: ``{"acute": "natural-ais-a-acute"}``.
        """
        estimate = self[estimate_id]
        shown = estimate.pooled_anyway().result
        if shown is None:
            raise ValueError(f"{estimate_id}: no study could be pooled, so there is nothing to draw")
        by_group = natural if isinstance(natural, Mapping) else {}
        groups = [
            ForestGroup(
                part_name(part.title),
                part.pooled_anyway().result,
                self._natural(by_group.get(part.id.rpartition("--")[2])),
                pooled=not part.not_pooled,
                alike=self._alike(part, by_group.get(part.id.rpartition("--")[2])),
            )
            for part in self.estimates.parts(estimate_id)
            if part.is_reported
        ]
        figure = forest_plot(
            shown,
            title=title or estimate.title,
            pooled=not estimate.not_pooled,
            groups=groups if grouped else (),
            natural=self._natural(natural) if isinstance(natural, str) else None,
            alike=self._alike(estimate, natural) if isinstance(natural, str) else None,
            appraisal=self._appraisal(estimate),
            links=self._study_links(estimate),
            rest=self._file_of_studies(estimate_id),
            arms=(self._treatment(estimate), "control"),
            people="patients",
            details=False,
            figure_id=f"forest-{estimate_id}{'-groups' if grouped else ''}",
        )
        return _with_retractions(figure, estimate)

    def score(self, estimate_id: str) -> ScoreEstimate:
        """An estimate of a score by its id."""
        return scores_of(self.estimates)[estimate_id]

    def scores(self, estimate_ids: Iterable[str], caption: str) -> Table:
        """Estimates of scores beside each other: what they tell in a sentence, the result, the change without the treatment, rule-based certainty."""
        chosen = [scores_of(self.estimates)[i] for i in estimate_ids]
        known = scores_of(self.estimates)
        natural = {e.id: known[e.synthesis.natural] for e in chosen if e.synthesis.natural in known}
        return scores_table(chosen, caption, self.estimate_address, natural, certainty=self._rated([e.id for e in chosen]))

    def _rated(self, estimate_ids: Sequence[str]) -> Mapping[str, Certainty] | None:
        """Levels, steps and reasons in few words; None where the review declares no rules of certainty."""
        return rate_steps(self.estimates, estimate_ids) if has_rules(self.evidence) else None

    def all_scores(self) -> Table:
        """Every estimate of a score, with its permanent id as its anchor."""
        found = scores_of(self.estimates)
        natural = {e.id: found[e.synthesis.natural] for e in found if e.synthesis.natural in found}
        return scores_table(list(found), "All estimates of scores", self.estimate_address, natural, anchor="{}")

    def score_forest(self, estimate_id: str) -> Figure:
        """Forest plot of a score in its unit, pooled or with its studies side by side."""
        estimate = scores_of(self.estimates)[estimate_id]
        shown = estimate.result or estimate.unpooled
        if shown is None:
            raise ValueError(f"{estimate_id}: {estimate.why_not} A figure needs two studies; show review.score_studies instead.")
        return forest_plot(
            shown,
            title=estimate.title,
            pooled=estimate.pooled,
            links={row.label: self.study_address(row.study_id) for row in estimate.rows},
            people="patients",
            details=False,
            figure_id=f"forest-{estimate_id}",
        )

    def score_studies(self, estimate_id: str) -> Table:
        """Every study of an estimate of a score, folded: weighed, or told with the reason why it cannot be."""
        return score_studies_table(scores_of(self.estimates)[estimate_id], self.evidence, self.study_address, folded=True)

    def against_natural(self, estimate_id: str) -> Figure:
        """Forest plot of what was seen less what the natural course predicts, of 100 people, group by group."""
        found = expectation_of(self.estimates, estimate_id)
        if found.result is None:
            raise ValueError(
                f"{estimate_id}: no group of it can be set beside a natural course; show review.without_natural instead"
            )
        return forest_plot(
            found.result,
            title=f"Beside the natural course: {inside(found.title)}",
            pooled=found.result.estimate is not None,
            links={s.label: self.study_address(s.study_id) for s in found.studies},
            people="patients",
            details=False,
            figure_id=f"expected-figure-{estimate_id}",
        )

    def against_natural_table(self, estimate_id: str) -> Table:
        """The same groups as a folded table, with what is predicted and the range that the natural course allows."""
        found = expectation_of(self.estimates, estimate_id)
        titles = {i: self[i].title for i in found.courses}
        return expected_table(found, titles, self.study_address, self.estimate_address, folded=True)

    def without_natural(self, estimate_id: str) -> Table:
        """The groups that cannot be set beside a natural course, each with the reason, folded."""
        return left_out_table(expectation_of(self.estimates, estimate_id), self.study_address)

    def _treatment(self, estimate: Estimate) -> str:
        """What the treated of a comparison got, by the one kind of treatment of its studies; "Treated" where there are several."""
        studies = self.evidence["studies"].set_index("study_id")
        kinds = set(studies.loc[list(estimate.study_ids), "intervention_class"]) if "intervention_class" in studies else set()
        words = self.evidence.vocabulary.label("intervention_class", kinds.pop(), "phrase") if len(kinds) == 1 else "treated"
        return capital(words)

    def _natural(self, estimate_id: str | None) -> PooledProportion | None:
        return self[estimate_id].result if estimate_id else None

    def _alike(self, estimate: Estimate, natural: str | None) -> frozenset[str] | None:
        """Labels of the studies whose people are known to be like those of an estimate of the natural course."""
        course = load_natural_course(self.evidence.folder)
        if natural is None or course is None:
            return None
        studies, synthesis, subject = self._study_rows, self[natural].synthesis, self.evidence.subject
        return frozenset(r.label for r in estimate.rows if course.is_alike(synthesis, r.counts, studies[r.study_id], subject))

    @cached_property
    def _study_rows(self) -> dict[str, dict[str, Any]]:
        return study_rows(self.evidence)

    def _appraisal(self, estimate: Estimate) -> Appraisal:
        """Answers on how the studies of an estimate were done, and which of them have a critical notice; nothing without the file of items."""
        label = {row.study_id: row.label for row in estimate.rows}
        notices = self.evidence["integrity_notices"]
        against = set(notices.loc[notices["kind"].isin(CRITICAL), "study_id"]) & label.keys()
        noticed = frozenset(label[study] for study in against)
        if not (self.evidence.folder / RISK_OF_BIAS).is_file():
            return Appraisal(noticed=noticed)
        items = [item for item in load_items(self.evidence.folder) if item.group == "study"]
        judged = judge_studies(tuple(items), study_facts(self.evidence)).loc[list(label)]
        answers = {label[study]: tuple(row) for study, row in zip(judged.index, judged.to_numpy(), strict=True)}
        return Appraisal(tuple((item.id, item.name) for item in items), answers, noticed)

    def study_address(self, study_id: str) -> str:
        """The page of a study as seen from the chapter, which runs in its own folder."""
        return self._address(f"book/studies/{study_id}.html")

    def estimate_address(self, estimate_id: str) -> str:
        """The page of an estimate as seen from the chapter."""
        return self._address(f"book/estimates/{estimate_id}.html")

    def _address(self, page: str) -> str:
        root = self.evidence.folder.resolve().parent
        here = Path.cwd() if Path.cwd().is_relative_to(root) else root
        return Path(os.path.relpath(root / page, here)).as_posix()

    def _page_of(self, estimate_id: str) -> str:
        """The page of an estimate as seen from the chapter."""
        return self._address(f"{ESTIMATES_FOLDER}/{estimate_id}.html")

    def hundreds(self, questions: Sequence[Mapping[str, Any]]) -> Hundreds:
        """Questions answered for a hundred people as icon arrays, each with the fields of :class:`~cordbook.display.html.hundreds.Question`.

        Estimates are named by id: ``{"title": ..., "estimate": ID, "without": ID, "note": ...}``. What stands side by side is of people
        alike, or the chapter fails.
        """
        by_id = {"estimate", "without"}
        asked = [Question(**{k: self[v] if k in by_id else v for k, v in q.items()}) for q in questions]
        return hundreds(asked, self._page_of, load_natural_course(self.evidence.folder), self.evidence)

    def _file_of_studies(self, estimate_id: str) -> str:
        """The file with every study of an estimate as seen from the chapter; the build writes it where a figure leaves studies out."""
        return self._address(f"rows/estimates/{estimate_id}.csv")

    def _study_links(self, estimate: Estimate) -> dict[str, str]:
        return {row.label: self.study_address(row.study_id) for row in estimate.rows}

    def study_list(self) -> StudyList:
        """All studies with links to their pages, newest first, with a filter."""
        return StudyList(tuple(study_records(self.estimates).values()), self.study_address, self.evidence.vocabulary)

    def funnel(self, estimate_id: str) -> Figure:
        """Funnel plot: share against study size."""
        figure = funnel_plot(self._pooled(estimate_id), title=self[estimate_id].title, figure_id=f"funnel-{estimate_id}")
        return _with_retractions(figure, self[estimate_id])

    def baujat(self, estimate_id: str) -> Figure:
        """Baujat plot: which studies make the result differ."""
        figure = baujat_plot(self._pooled(estimate_id), title=self[estimate_id].title, figure_id=f"baujat-{estimate_id}")
        return _with_retractions(figure, self[estimate_id])

    def cumulative(self, estimate_id: str) -> Figure:
        """The pooled result as studies were added, by year; studies without a year come last."""
        years = [9999.0 if row.year is None else float(row.year) for row in self[estimate_id].rows]
        figure = cumulative_plot(
            self._pooled(estimate_id), years, title=self[estimate_id].title, figure_id=f"cumulative-{estimate_id}"
        )
        return _with_retractions(figure, self[estimate_id])

    def leave_one_out(self, estimate_id: str) -> Figure:
        """The pooled result without each study in turn."""
        figure = leave_one_out_plot(
            self._pooled(estimate_id), title=self[estimate_id].title, figure_id=f"leave-one-out-{estimate_id}"
        )
        return _with_retractions(figure, self[estimate_id])

    def bubble(self, estimate_id: str, moderator: str, name: str) -> Figure:
        """Share against a numeric column of the counts, for instance ``bubble(ID, "year", "Year of publication")``."""
        estimate = self[estimate_id]
        column = self.evidence.counts_by_id(row.count_ids[0] for row in estimate.rows)[moderator]
        values = [float("nan") if pd.isna(value) else float(value) for value in column]
        figure = bubble_plot(
            self._pooled(estimate_id), values, name=name, title=estimate.title, figure_id=f"bubble-{estimate_id}-{moderator}"
        )
        return _with_retractions(figure, estimate)

    def choices(self, estimate_id: str, *, drawn: bool = True) -> Choices:
        """Every choice of an estimate (``data/multiverse.yml``): the sentence on what all defensible analyses give, their curve unless it is not ``drawn``, and tables."""
        return Choices(explore_choices(self.estimates, estimate_id), drawn)

    def fold(self, shown: Figure | Table) -> Folded:
        """A figure or table folded under its title, for what only some readers look at."""
        return Folded(shown.title, shown) if isinstance(shown, Figure) else folded(shown)

    def _pooled(self, estimate_id: str) -> PooledProportion:
        result = self[estimate_id].result
        if not isinstance(result, PooledProportion) or result.k < 2:
            raise ValueError(f"{estimate_id}: this figure needs a proportion pooled over two studies or more")
        return result

    def summary(self, estimate_ids: Iterable[str], caption: str = "Summary of findings") -> Table:
        """Summary of findings: outcome, studies, patients, pooled result with interval, rule-based certainty with its reasons, one plain sentence."""
        ids = list(estimate_ids)
        return summary_of_findings([self[i] for i in ids], caption, rate_steps(self.estimates, ids), self._page_of)

    def cards(self, questions: Sequence[tuple[str, str]]) -> Cards:
        """Key questions as cards: pairs of a question and the id of the estimate that answers it."""
        levels = {i: rated.level for i, rated in rate_steps(self.estimates, [i for _, i in questions]).items()}
        return cards([(question, self[i]) for question, i in questions], levels, self.evidence.subject)

    def studies(self, estimate_id: str) -> Table:
        """The studies behind an estimate with what is known of each."""
        return studies_table(self[estimate_id], self.evidence, self._study_links(self[estimate_id]))

    def all_estimates(self, sections: Sequence[str] = ()) -> Table:
        """Every estimate with model, interval, heterogeneity and its permanent id."""
        return estimates_table([e for e in self.estimates if not sections or e.synthesis.section in sections])

    def progress(self) -> Table:
        """What has been extracted, read twice, agreed and checked by a person."""
        return progress_table(extraction_progress(self.evidence))

    def not_pooled(self) -> Table:
        """Why counts stay out of pooled estimates."""
        return reasons_table(reasons_not_pooled(self.evidence))

    def claims(
        self,
        section: str | None = None,
        *,
        topic: str | None = None,
        evidence_type: str | None = None,
        direction: str | None = None,
        match: str | Sequence[str] | None = None,
        table: str | None = None,
    ) -> tuple[Claim, ...]:
        """Claims on mechanisms and treatments that fit all conditions; section "2" holds 2.1 to 2.5."""
        return select_claims(
            load_claims(self.evidence),
            section=section, topic=topic, evidence_type=evidence_type, direction=direction, match=match, table=table,
        )  # fmt: skip

    def expect(self, sentence: str, holds: bool) -> None:
        """Guard a sentence on stored results of simulations: the chapter fails when ``holds`` is false. What ``data/`` says has guards in prose."""
        expect(sentence, holds)

    def evidence_map(self, section: str | None = None, *, title: str | None = None) -> Figure:
        """Who showed what in what kind of study: one row per topic of a section, or one row per section of the book."""
        claims = self.claims(section)
        rows = rows_by_section(claims) if section is None else rows_by_topic(claims)
        name = "the whole review" if section is None else self.evidence.subject.section(section).label
        return evidence_map(
            rows,
            title=title or f"What is claimed, and from what evidence: {name}",
            figure_id=f"evidence-map-{section or 'all'}".replace(".", "-"),
        )

    def claims_table(self, section: str, topics: Sequence[str] = (), caption: str = "") -> Table:
        """The claims of a section, or of some of its topics, with source and what qualifies them.

        Those that stand in a table of the parent review have a table of their own. Raises ``ValueError`` for a topic without a claim.
        """
        claims = [c for c in self.claims(section) if c.table is None and (not topics or c.topic in topics)]
        if lost := sorted(set(topics) - {c.topic for c in claims}):
            raise ValueError(f"no claim of section {section} is on {', '.join(lost)}; topics stand in mechanisms.csv")
        name = "-".join(("claims", section, *topics[:1])).replace(".", "-").replace("_", "-")
        caption = caption or f"The claims one by one: {self.evidence.subject.section(section).label}"
        return claims_table(claims, sources(self.evidence), table_id=name.lower(), caption=caption)

    def trials_of(self, intervention: str, caption: str) -> Table:
        """Registered trials whose intervention begins with these words."""
        trials = self.evidence["registered_trials"]
        chosen = trials[trials["intervention"].fillna("").str.startswith(intervention)]
        return trials_table(
            chosen,
            self.evidence.vocabulary,
            table_id=f"trials-{intervention}".replace("_", "-").replace(" ", "-"),
            caption=caption,
        )

    def notices_of(self, notice_ids: Sequence[str], caption: str) -> Table:
        """Letters and notices by their ids."""
        notices = self.evidence["integrity_notices"].set_index("notice_id", drop=False).loc[list(notice_ids)]
        return notices_table(
            notices,
            self.evidence.study_labels,
            self.study_address,
            table_id=f"notices-{'-'.join(notice_ids).lower()}",
            caption=caption,
        )

    @cached_property
    def subject(self) -> Any:
        """What only this review offers its chapters; None where the package has no such part."""
        return import_module(SUBJECT).Parts(self) if find_spec(SUBJECT) else None

    def __getattr__(self, name: str) -> Any:
        """A figure or table of :attr:`subject`, for instance ``review.dose_response()``."""
        if not name.startswith("_") and hasattr(self.subject, name):
            return getattr(self.subject, name)
        raise AttributeError(f"a review has no {name!r}, and neither have the parts of its subject")


def _with_retractions(figure: Figure, estimate: Estimate) -> Figure:
    """The figure with a word on retracted reports that its estimate counts, for those who see it and those who hear it."""
    note = retraction_note(estimate)
    return replace(figure, caption=f"{figure.caption} {note}", alt=f"{figure.alt} {note}") if note else figure


def open_review(root: Path | str | None = None) -> Review:
    """Open the review of the project that holds ``root`` (default: the working directory)."""
    return Review(load_estimates(find_project(root).root, store_of_the_builder()))
