"""The timeline: bars are the counts of the years, events are told from the data, years that are not known are said."""

import csv
import re
from collections import Counter

import pandas as pd
import pytest

from cordbook.display.figures.timeline import timeline
from cordbook.review.studies.timeline import Event, key_events, reports_by_year, topics_of

REPORTS = pd.DataFrame({"cell_therapy": [1, 0, 4], "natural_recovery": [0, 2, 0]}, index=[2001, 2002, 2003])


TOPICS = {"cell_therapy": "Cell therapy", "natural_recovery": "Natural recovery"}


def rows_of(root, name):
    with (root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_counts_are_those_of_the_tables(root, estimates):
    years = {row["reference_id"]: row["year"] for row in rows_of(root, "references")}
    counted = Counter((years[row["study_id"]], row["topic"]) for row in rows_of(root, "studies") if years[row["study_id"]])
    table = reports_by_year(estimates.evidence)
    assert {(str(y), t): n for (y, t), n in table.stack().items() if n} == dict(counted)
    assert list(table.index) == list(range(table.index.min(), table.index.max() + 1)), "no year is skipped"


def test_every_topic_is_drawn_by_its_name(root, estimates):
    topics = topics_of(estimates.evidence)
    assert {row["topic"] for row in rows_of(root, "studies")} <= set(topics)
    assert list(reports_by_year(estimates.evidence)) == list(topics)
    assert topics["hyperbaric_oxygen"] == "Hyperbaric oxygen"


def test_the_first_randomised_trial_is_randomised_and_first(root, estimates):
    years = {row["reference_id"]: row["year"] for row in rows_of(root, "references")}
    for event in key_events(estimates.evidence):
        if event.kind == "first randomised":
            same = [
                r for r in rows_of(root, "studies") if r["topic"] == event.topic and r["design"] == "rct" and years[r["study_id"]]
            ]
            assert event.year == min(int(years[r["study_id"]]) for r in same)
            assert event.study_id in {r["study_id"] for r in same}


def test_notices_are_told_in_their_year(root, estimates):
    told = Counter(e.year for e in key_events(estimates.evidence) if e.kind == "notice")
    assert told == Counter(int(r["year"]) for r in rows_of(root, "integrity_notices") if r["study_id"] and r["year"])


def test_bars_are_as_high_as_their_counts():
    figure = timeline(REPORTS, [], TOPICS, kinds={"natural_recovery": "natural_course"})
    heights = []
    for path in re.findall(r'<path d="([^"]*)"[^>]*style="fill: #0072b2', figure.svg):
        ys = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path)]
        heights.append(max(ys) - min(ys))
    assert len(heights) == 2, "years without a report have no bar"
    assert heights[1] / heights[0] == pytest.approx(4, rel=0.01)


def test_words_and_caption_tell_the_same():
    figure = timeline(REPORTS, [Event(2003, "cell_therapy", "first randomised", "Ash 2003", "ash2003")], TOPICS, undated=3)
    assert "Cell therapy: 5 reports, 2001 to 2003, most in 2003" in figure.alt
    assert "3 reports without a known year" in figure.caption
    assert figure.width_px <= 340, "a phone shows it whole"


def test_no_year_at_all_is_an_error():
    with pytest.raises(ValueError, match="no report has a year"):
        timeline(REPORTS.iloc[:0], [], TOPICS)
