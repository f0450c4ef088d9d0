"""The field over time, from the years of what is in the data: reports by topic, and the events that can be told from it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cordbook.evidence.evidence import Evidence

CONTROLLED = ("rct", "controlled_nonrandomised")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a year, told from the data alone."""

    year: int
    topic: str
    kind: str
    label: str
    study_id: str | None


def topics_of(evidence: Evidence) -> dict[str, str]:
    """Topics of the studies with their names, in the order in which the vocabulary lists them; others after them."""
    words = evidence.vocabulary
    known = dict.fromkeys([*words.codes("topic"), *sorted(evidence["studies"]["topic"].unique())])
    return {topic: words.label("topic", topic) for topic in known}


def reports_by_year(evidence: Evidence) -> pd.DataFrame:
    """Number of study reports: one row per year (without gaps), one column per topic; reports whose year is not known are left out."""
    studies, topics = evidence["studies"], list(topics_of(evidence))
    years = studies["study_id"].map(evidence.study_years).astype("Int64")
    counts = pd.crosstab(years.dropna().astype(int), studies.loc[years.notna(), "topic"])
    if counts.empty:
        return pd.DataFrame(columns=topics, dtype=int)
    every = range(int(counts.index.min()), int(counts.index.max()) + 1)
    return counts.reindex(index=every, columns=topics, fill_value=0)


def key_events(evidence: Evidence) -> list[Event]:
    """First report, first with a control group and first randomised trial of each topic, and notices; by year.

    First means first in this data, which no systematic search has filled yet.
    """
    studies = evidence["studies"]
    studies = studies.assign(year=studies["study_id"].map(evidence.study_years).astype("Int64")).dropna(subset="year")
    labels = evidence.study_labels
    firsts = (
        ("first report", studies),
        ("first with a control group", studies[studies["design"].isin(CONTROLLED)]),
        ("first randomised", studies[studies["design"] == "rct"]),
    )
    events = []
    for kind, rows in firsts:
        for topic, part in rows.groupby("topic"):
            first = part.sort_values(["year", "study_id"], kind="stable").iloc[0]
            events.append(Event(int(first["year"]), str(topic), kind, labels[first["study_id"]], str(first["study_id"])))
    topics = dict(zip(evidence["studies"]["study_id"], evidence["studies"]["topic"], strict=True))
    notices = evidence["integrity_notices"].dropna(subset=["year", "study_id"])
    events += [
        Event(
            int(row.year), topics[row.study_id], "notice", f"{row.kind.replace('_', ' ')} on {labels[row.study_id]}", row.study_id
        )
        for row in notices.itertuples()
    ]
    return sorted(events, key=lambda e: (e.year, e.topic, e.kind, e.label))
