"""What only the chapters of this review show: the cord drawn, its dose-response, tables of mechanisms, counts of a topic, where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cordbook.display.figures.figure import Figure
from cordbook.display.html.table import Table
from cordbook.review.appraisal.certainty import rate_steps
from cordbook.review.claims.mechanisms import sources
from cordbook.subject.cord_drawing import CordDrawing
from cordbook.subject.dose import MyelopathyDoseResponse, myelopathy_by_dose
from cordbook.subject.dose_response_plot import dose_response_plot, dose_table, published_points
from cordbook.subject.dose_tables import (
    TABLES,
    latency_table,
    second_course_counts,
    second_course_limits,
    splitting_table,
    stated_doses,
)
from cordbook.subject.mechanism_tables import counts_table, standing_table, transplanted_cells_table, vegf_table
from cordbook.subject.natural_recovery import groups, leaves, reports
from cordbook.subject.natural_recovery_tables import Chooser, chooser, era_table, printed_table

#: The dose-response model that textbooks and the parent review quote.
QUOTED_MODEL = "schultheiss2008"


@dataclass(frozen=True)
class Parts:
    """Figures and tables of this review alone; ``review`` is a :class:`cordbook.notebook.Review`, which offers them to chapters."""

    review: Any

    def cord(self) -> CordDrawing:
        """The cord with its levels, and what the AIS grades mean."""
        return CordDrawing()

    def dose_response(self) -> Figure:
        """Radiation myelopathy against cord dose, with the curve fitted here and one that is often quoted."""
        published = published_points(self.review.evidence["dose_response"], QUOTED_MODEL)
        return dose_response_plot(
            self.dose, published, published_label="published model (Schultheiss 2008)", figure_id="dose-response-myelopathy"
        )

    def dose_table(self) -> Table:
        """Fitted risk of myelopathy at round doses."""
        return dose_table(self.dose)

    @cached_property
    def dose(self) -> MyelopathyDoseResponse:
        """The dose groups and the fitted curve of radiation myelopathy."""
        return myelopathy_by_dose(self.review.evidence)

    def stated_doses(self, name: str) -> Table:
        """What sources state of doses to the cord: "few" fractions, "daily" ones, a "second" course, "older" limits, "lhermitte"."""
        if name not in TABLES:
            raise ValueError(f"no table of doses {name!r}; there are {', '.join(TABLES)}")
        return stated_doses(self.review.evidence, name)

    def second_course_limits(self) -> Table:
        """Conditions under which sources saw less myelopathy after a second course."""
        return second_course_limits(self.review.evidence)

    def second_course_counts(self) -> Table:
        """Counts after a second course, pooled or not."""
        return second_course_counts(self.review.evidence, self.review.study_address)

    def splitting(self) -> Table:
        """The same total dose in few and in many fractions."""
        return splitting_table()

    def latency(self) -> Table:
        """How long after radiation myelopathy showed."""
        return latency_table(self.review.evidence)

    def without_treatment(self) -> Chooser:
        """What happens without experimental treatment, by grade, level and time since injury, to choose from."""
        estimates = self.review.estimates
        rated = rate_steps(estimates, [e.id for e in leaves(estimates)])
        certainty = {i: one.level for i, one in rated.items()}
        return chooser(groups(reports(estimates, certainty, self.review.study_address, self.review.estimate_address)))

    def natural_shares_printed(self) -> Table:
        """Every share on the natural course that others print."""
        return printed_table(self.review.evidence)

    def natural_eras(self) -> Table:
        """One database in two periods."""
        return era_table(self.review.evidence)

    def mechanism_table(self, table: str) -> Table:
        """An evidence table of the parent review in our words: "Table 1" (VEGF) or "Table 2" (transplanted cells)."""
        tables = {"Table 1": vegf_table, "Table 2": transplanted_cells_table}
        if table not in tables:
            raise ValueError(f"no table {table!r}; there are {', '.join(tables)}")
        return tables[table](self.review.claims(table=table), sources(self.review.evidence))

    def counts_of(
        self, topic: str, caption: str, *, arms: Sequence[str] = (), reason: str | None = None, besides: str | None = None
    ) -> Table:
        """Counts of a topic as extracted, pooled or not: of some arms, with one reason for staying apart, or without it."""
        chosen = self.review.evidence.counts_in("topic", topic)
        if arms:
            chosen = chosen[chosen["arm"].isin(arms)]
        reasons = chosen["not_poolable_reason"].fillna("").str.split(";")
        if reason:
            chosen = chosen[reasons.map(lambda held: reason in held)]
        elif besides:
            chosen = chosen[~reasons.map(lambda held: besides in held)]
        parts = (topic, reason, f"besides_{besides}" if besides else None, *arms)
        name = "-".join(part for part in parts if part).replace("_", "-")
        return counts_table(chosen, self.review.evidence, self.review.study_address, table_id=f"cells-{name}", caption=caption)

    def standing(self) -> Table:
        """Where the evidence stands, in counts."""
        return standing_table(self.review.estimates, self.review.claims())
