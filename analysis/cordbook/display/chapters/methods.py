"""What the chapters on methods and the back matter show, in one object; a chapter has it as ``review.methods``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from cordbook.core.text import inside
from cordbook.display.figures.figure import Figure
from cordbook.display.figures.prisma_flow import prisma_flow
from cordbook.display.figures.thinning import with_most_weight
from cordbook.display.figures.timeline import timeline
from cordbook.display.figures.traffic_lights import item_bars, traffic_lights
from cordbook.display.html.table import Table
from cordbook.display.tables import back_matter, method_tables
from cordbook.display.tables.back_matter import Block, paragraph
from cordbook.display.tables.retractions import retractions_list
from cordbook.evidence.review_state import load_status
from cordbook.review.appraisal.average_coverage import summarise_by_studies
from cordbook.review.appraisal.coverage import (
    AVERAGE_RESULTS,
    AVERAGES,
    DEFAULT,
    EXPECTED,
    RESULTS,
    TOLERATED,
    load_results,
    own_scenarios,
    summarise_coverage,
)
from cordbook.review.appraisal.engines import EngineRow, engine_rows
from cordbook.review.appraisal.extraction_audit import agreement_by, extraction_progress, readings_side_by_side, verified_weights
from cordbook.review.appraisal.main_results import FirstToCheck, first_to_check
from cordbook.review.appraisal.risk_of_bias import (
    ANSWERS,
    NOT_APPLICABLE,
    Item,
    judge_studies,
    load_items,
    study_facts,
    study_weights,
    weighted_answers,
)
from cordbook.review.appraisal.search_recall import Recall, recalls, together
from cordbook.review.appraisal.verification_queue import count_states
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.phrases import percent
from cordbook.review.reporting.checklist import Answer, load_checklist
from cordbook.review.reporting.prisma_flow import StudyFlow, flow_today
from cordbook.review.studies.known_trials import known_trials
from cordbook.review.studies.records import study_records
from cordbook.review.studies.timeline import key_events, reports_by_year, topics_of

CHECKLIST_PAGE = "book/methods/reporting-checklist"


@dataclass(frozen=True)
class MethodsPages:
    """Figures and tables of the methods chapters; each is made from the tables of ``data/`` when it is asked for."""

    estimates: Estimates

    @property
    def _evidence(self):
        return self.estimates.evidence

    @cached_property
    def _pages(self) -> dict[str, str]:
        """Where the page of a study is, seen from a chapter on methods."""
        return {study: f"../studies/{study}.html" for study in self._evidence["studies"]["study_id"]}

    # ------------------------------------------------------------------ flow and search

    @cached_property
    def _flow(self) -> StudyFlow:
        return flow_today(self.estimates)

    def flow(self) -> Figure:
        """The PRISMA 2020 flow diagram."""
        return prisma_flow(self._flow)

    def flow_table(self) -> Table:
        """The same as a table, with every source."""
        return method_tables.flow_table(self._flow)

    def left_out(self) -> Table:
        """Why reports with a countable outcome are in no synthesis."""
        return method_tables.left_out_table(self._flow)

    def known_trials(self, estimate_id: str) -> Table:
        """Trials that other reviews count and the pool of an estimate lacks, with the reason."""
        return method_tables.known_table(known_trials(self.estimates, estimate_id), self._pages)

    def known_sentence(self, estimate_id: str) -> Block:
        """How many trials that other reviews count are in the pool of an estimate, in the data, or absent."""
        return paragraph(
            method_tables.known_sentence(known_trials(self.estimates, estimate_id), self.estimates[estimate_id].title)
        )

    def sources(self) -> Table:
        """Sources with their strategies and whether they were run."""
        return method_tables.strategies_table(self._evidence["search_strategies"], self._evidence["searches"])

    def strategies(self) -> Block:
        """Every strategy in full."""
        return back_matter.strategy_list(self._evidence["search_strategies"], self._evidence["searches"])

    @cached_property
    def _recalls(self) -> list[Recall]:
        return recalls(self._evidence)

    def search_recall(self) -> Table:
        """What each strategy, and all together, find of the included studies by their titles."""
        return method_tables.recall_table(
            [*self._recalls, together(self._recalls)], self._evidence["search_strategies"], self._evidence.vocabulary
        )

    def search_missed(self) -> Table:
        """Included studies that no strategy finds by their titles."""
        return method_tables.missed_table(together(self._recalls).missed, self._evidence, self._pages)

    def timeline(self) -> Figure:
        """Reports by year and topic, with events."""
        reports = reports_by_year(self._evidence)
        undated = len(self._evidence["studies"]) - int(reports.to_numpy().sum())
        topics, subject = topics_of(self._evidence), self._evidence.subject
        kinds = {topic: subject.topic(topic).kind for topic in topics}
        return timeline(reports, key_events(self._evidence), topics, kinds=kinds, undated=undated)

    def field_events(self) -> Table:
        """The events of the timeline."""
        return method_tables.events_table(key_events(self._evidence), topics_of(self._evidence))

    # ------------------------------------------------------------------ risk of bias

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        return load_items(self._evidence.folder)

    @cached_property
    def _judged(self) -> pd.DataFrame:
        return judge_studies(self._items, study_facts(self._evidence))

    def risk_items(self) -> Table:
        """What is asked of every report."""
        return method_tables.items_table(self._items)

    def risk_lights(self, estimate_id: str) -> Figure:
        """Traffic lights for the studies of an estimate, items that apply to none of them left out."""
        estimate = self.estimates[estimate_id]
        weights = study_weights(estimate)
        studies, others = with_most_weight(list(weights.index), weights.tolist())
        judged = self._judged.loc[studies]
        asked = [item for item in self._items if (judged[item.id] != NOT_APPLICABLE).any()]
        lights = traffic_lights(
            judged, asked, self._evidence.study_labels, title=estimate.title, figure_id=f"traffic-lights-{estimate_id}"
        )
        text = f" The {len(studies)} studies with the most weight are drawn; the other {len(others):,} stand in the table of all reports below."
        return replace(lights, caption=lights.caption + text) if others else lights

    def risk_bars(self) -> Figure | Block:
        """Answers over all study reports, as bars by item; a sentence where there is no report."""
        if self._judged.empty:
            return paragraph("No study report has been entered yet.")
        counts = self._judged.apply(pd.Series.value_counts).reindex(ANSWERS).fillna(0).T
        return item_bars(100 * counts / len(self._judged), self._items, title="All study reports", unit="study reports")

    def risk_studies(self) -> Table:
        """Every study report with its answers."""
        return method_tables.judged_table(self._judged, self._items, self._evidence.study_labels, self._pages)

    def risk_weights(self) -> Table:
        """For every estimate of more than one study, the weight with yes and with no, by item."""
        return method_tables.weights_table(weighted_answers(self.estimates), self._items)

    # ------------------------------------------------------------------ extraction audit

    def agreement(self) -> Table:
        """Agreement of the two readings, by topic and overall."""
        return method_tables.agreement_table(agreement_by(self._evidence), self._evidence.vocabulary)

    def disagreements(self) -> Table:
        """Every count that was read differently, and how it was settled."""
        found = readings_side_by_side(self._evidence, "disagree_settled", "disagree_open")
        return method_tables.readings_table(
            found, table_id="disagreements", caption="Counts that two readings saw differently", folded=False
        )

    def not_seen_again(self) -> Table:
        """Counts that the second reader looked for and did not see."""
        found = readings_side_by_side(self._evidence, "second_not_seen")
        return method_tables.seen_once_table(found, table_id="not-seen-again", caption="Counts looked for again and not seen")

    def read_once(self) -> Table:
        """Counts that nobody looked up again."""
        found = readings_side_by_side(self._evidence, "single")
        return method_tables.seen_once_table(found, table_id="read-once", caption="Counts read once only")

    def verified(self) -> Table:
        """How much of each estimate's weight a person has checked."""
        return method_tables.verified_table(verified_weights(self.estimates))

    @cached_property
    def _first(self) -> FirstToCheck:
        return first_to_check(self.estimates)

    def first_to_check(self) -> Table | Block:
        """The counts that carry most of the main results, those nobody has checked, most urgent first."""
        first = self._first.counts
        if not first:
            return paragraph(
                "Every count behind a main result has been checked." if self._first.checked else "No main result has a count yet."
            )
        counted = {c.cell_id: c for record in study_records(self.estimates).values() for c in record.counts}
        titles = {r.id: r.title for r in self._first.results}
        return method_tables.first_table([(c, counted[c.cell_id]) for c in first], self._evidence, titles)

    def first_sentence(self) -> Block:
        """What share of the weight of each main result the counts to check first carry."""
        found = self._first
        said = method_tables.carried_sentence(len(found.counts), found.results)
        return paragraph(
            f"{said} {found.checked:,} {'count behind them has' if found.checked == 1 else 'counts behind them have'} been checked by a person.".strip()
        )

    def count_states(self) -> Table:
        """How many counts were read once, read twice, verified by a person."""
        return method_tables.states_table(count_states(self.estimates))

    def verified_sentence(self) -> Block:
        """How many counts a person has checked so far."""
        p = extraction_progress(self._evidence)
        if not p.verified:
            return paragraph(
                f"Of {p.counts:,} counts, 0 have been checked by a person. So no estimate of this book rests on a value that a person has confirmed."
            )
        return paragraph(
            f"Of {p.counts:,} counts, {p.verified:,} ({percent(p.verified / p.counts)}) have been checked by a person."
        )

    # ------------------------------------------------------------------ statistics

    def _coverage(self) -> pd.DataFrame | None:
        return load_results(self._evidence.folder.parent, RESULTS)

    def coverage_sentence(self) -> Block:
        """What the simulation says of the default interval, or that it is not available."""
        results = self._coverage()
        if results is None:
            return paragraph(f"Not available: the simulation has not been run in this copy ({RESULTS.as_posix()} is not there).")
        own = next((s for s in summarise_coverage(results, own=True) if s.method == DEFAULT), None)
        if own is None:
            return paragraph(f"Not available: {RESULTS.as_posix()} has no scenario of the review's own outcomes for the default.")
        return paragraph(
            f"At the sizes of the review's own outcomes ({own.scenarios} scenarios, up to {results['replications'].max():,} data sets each) the default interval, which promises 95%, held the true "
            f"share in {percent(own.least)} to {percent(own.greatest)} of data sets, in the median scenario in {percent(own.median)}. "
            f"It fell below {percent(TOLERATED)} in {own.below} of {own.scenarios}."
        )

    def prediction_sentence(self) -> Block:
        """How often the default's prediction interval holds a new study, by the simulation."""
        results = self._coverage()
        own = (
            []
            if results is None
            else [s for s in summarise_coverage(results, own=True, column="prediction_coverage") if s.method == DEFAULT]
        )
        if not own:
            return paragraph("Not available: how often prediction intervals hold a new study.")
        [found] = own
        return paragraph(
            f"Prediction intervals keep less of their promise. At the sizes of the review's own outcomes those of the default, which "
            f"promise 95%, held the true share of a new study in {percent(found.least)} to {percent(found.greatest)} of cases, in the "
            f"median scenario in {percent(found.median)}: few studies tell little of how much studies differ. Take their ends as too near."
        )

    def coverage_summary(self) -> Table | Block:
        """Coverage by method at the review's own sizes."""
        return self._coverage_summary(
            own=True, table_id="coverage", caption="Coverage of 95% intervals by method, at the review's own study sizes"
        )

    def coverage_grid(self) -> Table | Block:
        """Coverage by method over a grid of shares, heterogeneity and numbers of studies."""
        return self._coverage_summary(
            own=False,
            table_id="coverage-grid",
            caption="Coverage over a grid of true shares, heterogeneity and numbers of studies",
        )

    def _coverage_summary(self, *, own: bool, table_id: str, caption: str) -> Table | Block:
        results = self._coverage()
        found = [] if results is None else summarise_coverage(results, own=own)
        if not found:
            return paragraph(f"Not available: {inside(caption)}.")
        return method_tables.coverage_summary_table(found, table_id=table_id, caption=caption)

    def coverage(self) -> Table | Block:
        """Coverage outcome by outcome at the review's own sizes."""
        results = self._coverage()
        if results is None:
            return paragraph("Not available: coverage outcome by outcome.")
        terms = self._evidence["outcome_terms"]
        return method_tables.coverage_table(own_scenarios(results), dict(zip(terms["outcome"], terms["label"], strict=True)))

    def pooling_limits(self) -> Table:
        """When studies stand side by side instead of being pooled, by the declared limits."""
        return method_tables.pooling_limits_table(self.estimates.declarations.usual_limits)

    def few_studies(self) -> Table | Block:
        """Coverage of intervals of the population average with few studies."""
        results = load_results(self._evidence.folder.parent, AVERAGE_RESULTS)
        if results is None:
            return paragraph("Not available: the simulation of the averages has not been run in this copy.")
        return method_tables.few_studies_table(summarise_by_studies(results))

    def expected_coverage(self) -> Table | Block:
        """How often the comparison with the natural course errs when a treatment does nothing."""
        found = load_results(self._evidence.folder.parent, EXPECTED)
        if found is None:
            return paragraph("Not available: this simulation has not been run in this copy.")
        words = {"early": "treated early", "late": "treated late", "both": "both together"}
        return method_tables.expected_coverage_table(found, words)

    def averages(self) -> Table | Block:
        """The averages of published data sets side by side."""
        found = load_results(self._evidence.folder.parent, AVERAGES)
        if found is None:
            return paragraph("Not available: the averages of published data have not been computed in this copy.")
        return method_tables.averages_table(found)

    @cached_property
    def _engine_rows(self) -> tuple[EngineRow, ...]:
        return engine_rows(self.estimates)

    def engines(self) -> Table:
        """Every declared estimate by this package and by statsmodels, with the greatest difference."""
        return method_tables.engines_table(self._engine_rows)

    def engine_gaps(self) -> Table:
        """Declared models that statsmodels does not have, and what was compared in their place."""
        return method_tables.engine_gaps_table(self._engine_rows)

    # ------------------------------------------------------------------ checklist and back matter

    @cached_property
    def _answers(self) -> tuple[Answer, ...]:
        return load_checklist(self._evidence.folder, self._evidence["reporting_items"])

    def checklist_counts(self) -> Table:
        """How many items are met."""
        return method_tables.checklist_counts_table(self._answers)

    def checklist(self, source: str) -> Table:
        """All items of a checklist (``PRISMA 2020`` or ``PRISMA-LSR``) with answers and links."""
        return method_tables.checklist_table(self._answers, source, CHECKLIST_PAGE)

    def notices(self) -> Table:
        """All integrity notices."""
        return back_matter.notices_list(self._evidence["integrity_notices"], self._evidence.study_labels, self._pages)

    def retractions(self) -> Table | Block:
        """Retracted reports, and what the estimates that count them would be without."""
        return retractions_list(self.estimates, self._pages)

    def trials_by_status(self) -> Table:
        """Registered trials by state."""
        return back_matter.status_table(self._evidence["registered_trials"])

    def trials_unreported(self) -> Table:
        """Completed trials without a report in the review."""
        found = back_matter.unreported(self._evidence["registered_trials"])
        return back_matter.trials_list(
            found,
            self._evidence,
            table_id="trials-unreported",
            caption="Completed, and no report known to us",
            folded=False,
        )

    def trials_stopped(self) -> Table:
        """Trials that were stopped early, withdrawn or suspended."""
        trials = self._evidence["registered_trials"]
        found = trials[trials["status"].isin(back_matter.STOPPED)]
        return back_matter.trials_list(
            found,
            self._evidence,
            table_id="trials-stopped",
            caption="Stopped early, withdrawn or suspended",
            folded=False,
        )

    def trials_overdue(self) -> Table:
        """Trials that should have ended before the year of the baseline and have no report in the review."""
        year = load_status(self._evidence.folder).baseline.year
        found = back_matter.overdue(self._evidence["registered_trials"], year)
        return back_matter.trials_list(
            found, self._evidence, table_id="trials-overdue", caption=f"Due before {year}, and no report known to us"
        )

    def trials_others(self, statuses: Sequence[str] = back_matter.RUNNING) -> Table:
        """Trials last seen as running or about to run, whose report is still to come."""
        trials = self._evidence["registered_trials"]
        found = trials[trials["status"].isin(statuses) & trials["linked_study_id"].isna()]
        return back_matter.trials_list(
            found,
            self._evidence,
            table_id="trials-running",
            caption="Running or planned when last seen, no report yet",
        )

    def trials_state_unknown(self) -> Table:
        """Trials whose state is not known, neither overdue nor reported."""
        year = load_status(self._evidence.folder).baseline.year
        found = back_matter.state_unknown(self._evidence["registered_trials"], year)
        return back_matter.trials_list(
            found, self._evidence, table_id="trials-state-unknown", caption="State not known, no report known to us"
        )

    def glossary(self) -> Block:
        """All terms in plain words."""
        return back_matter.glossary_list(self._evidence["glossary"])

    def corrections(self) -> Table:
        """Values corrected since they were entered."""
        return back_matter.corrections_table(self._evidence["corrections"])
