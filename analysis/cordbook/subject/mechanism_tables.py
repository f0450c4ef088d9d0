"""Tables of this review: what VEGF does, how transplanted cells work, counts that stay apart, and what is known so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from cordbook.core.text import capital
from cordbook.display.html.table import Cell, Table
from cordbook.display.tables.claim_tables import kind_of_evidence, source_of_claim
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.appraisal.extraction_audit import extraction_progress
from cordbook.review.claims.mechanisms import Claim, Source, select_claims
from cordbook.review.estimates.estimates import Estimates


def vegf_table(claims: Sequence[Claim], sources: Mapping[str, Source]) -> Table:
    """What is claimed of VEGF: whose it is, what it does, in what kind of study. Harm comes first."""
    ordered = sorted(claims, key=lambda c: (c.direction != "harmful", c.topic, c.id))
    header = ("Claim on VEGF", "Whose VEGF", "Evidence", "Source", "What to know")
    rows = tuple(
        (
            Cell(c.statement), Cell("own" if "endogenous" in c.topic else "given"), kind_of_evidence(c), source_of_claim(c, sources),
            Cell(c.remark or "–"),
        )
        for c in ordered
    )  # fmt: skip
    ids = tuple(f"claim-{c.id}" for c in ordered)
    return Table("vegf-evidence", "What VEGF is said to do in the injured cord", header, rows, ids, "cb-table cb-evidence")


def transplanted_cells_table(claims: Sequence[Claim], sources: Mapping[str, Source]) -> Table:
    """How transplanted cells are thought to work: cells, where they come from, mechanism, source."""
    header = ("Cells, and where they are taken from", "Thought to work by", "Evidence", "Source", "What to know")
    rows = []
    for c in claims:
        kinds, origin, mechanism = c.topic.split(" | ")
        name = f"{kinds}, {origin.split(' (seed label')[0]}"
        rows.append((Cell(name), Cell(mechanism), kind_of_evidence(c), source_of_claim(c, sources), Cell(c.remark or "–")))
    ids = tuple(f"claim-{c.id}" for c in claims)
    caption = "How transplanted cells are thought to work"
    return Table("transplanted-cells", caption, header, tuple(rows), ids, "cb-table cb-evidence", folded=True)


#: A table of counts with more rows than this opens on a click.
ROWS_SHOWN = 20


def counts_table(
    counts: pd.DataFrame, evidence: Evidence, address: Callable[[str], str], *, table_id: str, caption: str
) -> Table:
    """Counts as they were extracted, one row per count, with the reason why a count is not pooled; ``address`` gives a study's page."""
    outcomes = evidence["outcome_terms"].set_index("outcome")["label"]
    reasons = evidence["not_poolable_reasons"].set_index("reason")["label"]
    header = ("Study", "Treatment", "What was counted", "Counted", "What to know")
    ordered = counts.assign(_year=counts["year"].astype("Float64").fillna(9999)).sort_values(["_year", "label", "cell_id"])
    rows = tuple(
        (
            Cell(r.label, address(r.study_id)), Cell(_treatment(r, evidence.vocabulary)), Cell(_counted(r, outcomes, evidence.vocabulary)), Cell(f"{r.events} of {r.n}", numeric=True),
            Cell(_remark(r, reasons, evidence.vocabulary)),
        )
        for r in ordered.itertuples()
    )  # fmt: skip
    ids = tuple(f"cell-{c}" for c in ordered["cell_id"])
    return Table(table_id, caption, header, rows, ids, "cb-table cb-cells", folded=len(rows) > ROWS_SHOWN)


def _remark(row: object, reasons: pd.Series, words: Vocabulary) -> str:
    pooled = "Pooled." if row.poolable else f"Not pooled: {_reasons(row.not_poolable_reason, reasons)}."
    note = "" if pd.isna(row.note) else words.remark(row.note)
    return f"{pooled} {capital(note)}." if note else pooled


def _treatment(row: object, words: Vocabulary) -> str:
    """What an arm was given: its name, or of one that is only called treated the treatment of its study."""
    if row.arm == "treated" and pd.notna(row.intervention_class):
        return words.label("intervention_class", row.intervention_class)
    return words.arm(row.arm, "label")


def _counted(row: object, outcomes: pd.Series, words: Vocabulary) -> str:
    text, stratum = str(outcomes[row.outcome]), words.stratum_of(row.stratum)
    return f"{text} ({stratum})" if stratum else text


def _reasons(codes: object, reasons: pd.Series) -> str:
    parts = [str(reasons.get(code, code.removeprefix("other:").replace("_", " "))) for code in str(codes).split(";")]
    return "; ".join(f"{p[:1].lower()}{p[1:]}" for p in parts)


def standing_table(estimates: Estimates, claims: Iterable[Claim]) -> Table:
    """What the review rests on today, in counts: trials with a control group, people read, claims tested in people."""
    claims = tuple(claims)
    evidence = estimates.evidence
    progress, trials = extraction_progress(evidence), evidence["registered_trials"]
    treatment = select_claims(claims, section="3")
    rm_series = estimates["rm-improved-series"]
    numbers = (
        ("Claims on mechanisms and treatment", len(claims)),
        ("… whose source was found, at least probably", sum(c.traced for c in claims)),
        ("Claims on treatment", len(treatment)),
        ("… that rest on people", len(select_claims(treatment, evidence_type="clinical"))),
        ("… that rest on people, with the source found", sum(c.traced for c in select_claims(treatment, evidence_type="clinical"))),
        ("Trials of cells with a control group that could be compared", estimates["ais-improved-treated-v-control"].k),
        ("People with radiation myelopathy in series that counted improvement", rm_series.n),
        ("… of whom improved", rm_series.events),
        ("Registered trials on record", len(trials)),
        ("… recruiting when last seen", int((trials["status"] == "recruiting").sum())),
        ("… of radiation myelopathy", int((trials["population"] == "radiation_myelopathy").sum())),
        ("Outcome counts extracted", progress.counts),
        ("… checked by a person against the full text", progress.verified),
    )  # fmt: skip
    rows = tuple((Cell(name), Cell(f"{n:,}", numeric=True)) for name, n in numbers)
    return Table("standing", "Where the evidence stands", ("What", "Count"), rows)
