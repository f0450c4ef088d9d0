"""Words that any systematic review needs: designs, roles of arms, how a number was read, notices. Not of one subject.

The codes stand in the schema of every review. Names of what a review is about stand in its ``data/vocabulary``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cordbook.core.text import NOT_STATED


@dataclass(frozen=True, slots=True)
class Design:
    """A study design: its name, what it can show and what it cannot."""

    name: str
    short: str
    can: str
    cannot: str


DESIGNS: Mapping[str | None, Design] = {
    "rct": Design(
        "a randomised trial",
        "Randomised trial",
        "Chance decided who got which treatment, so the groups should be alike. "
        "A trial like this can show that a treatment makes the difference.",
        "A small one can still be misled by chance, and by examiners who know who got what.",
    ),
    "controlled_nonrandomised": Design(
        "a trial with a comparison group, not randomised",
        "Controlled, not randomised",
        "People who were treated are set beside people who were not.",
        "Chance did not decide who went into which group. The groups may have differed from the start, "
        "so a difference at the end may not come from the treatment.",
    ),
    "single_arm": Design(
        "a trial without a comparison group",
        "Single arm",
        "It can show what was seen after the treatment, and some of the harm.",
        "Everybody was treated, so it cannot show what would have happened without the treatment. "
        "Some people get better by themselves.",
    ),
    "cohort": Design(
        "a cohort: a group of people followed over time",
        "Cohort",
        "It can tell how often something happens in people like these.",
        "It cannot show by itself why it happened.",
    ),
    "case_series": Design(
        "a case series: a report of several patients",
        "Case series",
        "It can show that something can happen.",
        "It cannot show how often, or why. Patients who did unusually well or badly are more likely to be reported.",
    ),
    "case_report": Design(
        "a case report: a report of one patient or very few",
        "Case report",
        "It can show that something can happen, and it can be a first warning.",
        "It says nothing about how often, and nothing certain about why.",
    ),
    None: Design(
        "a study whose design could not be told from what was read",
        "Not stated",
        "Little can be said of what it can show as long as the full text has not been read.",
        "It cannot be taken for a trial with a comparison group.",
    ),
}  # fmt: skip
#: Designs as levels that subgroups are formed by.
DESIGN_LEVELS: Mapping[str, str] = {
    "rct": "randomised trials", "controlled_nonrandomised": "controlled trials, not randomised", "cohort": "cohorts",
    "single_arm": "trials without a comparison group", "case_series": "case series", "case_report": "case reports",
}  # fmt: skip
ROLES: Mapping[str, str] = {
    "treated": "Treated people", "comparator": "Comparison groups", "natural_course": "Usual care (natural course)",
}  # fmt: skip
CONFIDENCE: Mapping[str, str] = {"high": "High", "medium": "Medium", "low": "Low"}
READ: Mapping[str, str] = {
    "primary_fulltext": "the full text", "primary_abstract": "the abstract",
    "secondary_review": "a review or another second-hand source",
}  # fmt: skip
AGREEMENT: Mapping[str | None, str] = {
    "agree": "Both readings agree", "disagree_settled": "The readings differed; one was taken",
    "disagree_open": "The readings differ; left open, not pooled", "second_not_seen": "The second reader did not find the number",
    "single": "Read once", None: "Not recorded",
}  # fmt: skip
IDENTITY: Mapping[str | None, str] = {
    "confirmed": "confirmed", "partial": "not fully confirmed", "unidentified": "not identified", None: NOT_STATED,
}  # fmt: skip
NOTICES: Mapping[str, str] = {
    "disputing_letter": "Disputed", "regulator_criticism": "Criticism by or of a regulator", "retraction": "Retraction",
    "expression_of_concern": "Expression of concern", "correction": "Correction", "reinstatement": "Retraction taken back",
    "identity_doubt": "Identity in doubt",
}  # fmt: skip
#: Notices that speak against a report. A correction, a retraction taken back or a doubt which paper it is do not by themselves.
CRITICAL = frozenset(["disputing_letter", "regulator_criticism", "retraction", "expression_of_concern"])
#: What is measured of a continuous outcome.
MEASURES: Mapping[str, str] = {
    "mean": "mean", "mean_change": "mean change", "MD": "difference of means", "RR": "risk ratio", "OR": "odds ratio",
}  # fmt: skip


def design(code: str | None) -> Design:
    """The design of a study; one that has no words here is like one that was not stated."""
    return DESIGNS.get(code, DESIGNS[None])


def read_as(text: str) -> str:
    """What was read of the study, in words.

    >>> read_as("abstract; news or lay page")
    'abstract, and news or lay page'
    """
    return ", and ".join(part.strip() for part in text.split(";"))
