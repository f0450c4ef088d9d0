"""Tables of claims with their sources, of registered trials, and of letters and notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from cordbook.display.html.table import Cell, Table
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.claims.mechanisms import DIRECTIONS, EVIDENCE_TYPES, Claim, Source

MISSING = "not stated"


def claims_table(claims: Sequence[Claim], sources: Mapping[str, Source], *, table_id: str, caption: str) -> Table:
    """Every claim with its kind of evidence and direction, its source, how sure the match is, and what qualifies it."""
    header = ("Claim, in our words", "Evidence", "Source", "What to know")
    rows = tuple((Cell(c.statement), kind_of_evidence(c), source_of_claim(c, sources), Cell(c.remark or "–")) for c in claims)
    return Table(table_id, caption, header, rows, tuple(f"claim-{c.id}" for c in claims), "cb-table cb-evidence", folded=True)


def kind_of_evidence(claim: Claim) -> Cell:
    return Cell(f"{EVIDENCE_TYPES[claim.evidence_type]}: {DIRECTIONS[claim.direction]}")


#: How sure the match is, as it stands behind a source.
_MATCH = {"certain": "certain", "probable": "probable", "related_only": "related only"}


def source_of_claim(claim: Claim, sources: Mapping[str, Source]) -> Cell:
    if claim.source is None:
        return Cell("none found")
    source = sources[claim.source]
    return Cell(f"{source.label} ({_MATCH[claim.match]})", source.href)


def trials_table(trials: pd.DataFrame, words: Vocabulary, *, table_id: str, caption: str) -> Table:
    """Registered trials with their state when last seen; numbers of ClinicalTrials.gov lead to the register."""
    header = ("Trial", "Last state", "Patients", "Start", "What to know")
    rows = tuple(
        (
            Cell(f"{_known_text(r.title)} ({r.registry_id})", _register(r.registry_id)),
            Cell(_known_text(r.status).replace("_", " ")), Cell(_whole(r.enrollment), numeric=True),
            Cell(_whole(r.start_year), numeric=True),
            Cell(". ".join(words.remark(str(v)) for v in (r.intervention, r.country, r.note) if pd.notna(v)) or "–"),
        )
        for r in trials.itertuples()
    )  # fmt: skip
    return Table(table_id, caption, header, rows, kind="cb-table cb-evidence", folded=True)


def _register(registry_id: str) -> str | None:
    return f"https://clinicaltrials.gov/study/{registry_id}" if registry_id.startswith("NCT") else None


def _known_text(value: object) -> str:
    return MISSING if pd.isna(value) else str(value)


def _whole(value: object) -> str:
    return "–" if pd.isna(value) else str(int(value))


def notices_table(
    notices: pd.DataFrame, labels: Mapping[str, str], address: Callable[[str], str], *, table_id: str, caption: str
) -> Table:
    """Letters and notices: what they concern, who wrote them, what they say and how sure the reading is."""
    header = ("Concerns", "Notice", "What it says")
    rows = tuple(
        (
            Cell(labels[r.study_id], address(r.study_id)) if pd.notna(r.study_id) else Cell(str(r.citation)),
            Cell(f"{r.reference} ({r.kind.replace('_', ' ')})"),
            Cell(f"{r.what_it_says} Confidence in this reading: {r.confidence}."),
        )
        for r in notices.itertuples()
    )
    ids = tuple(f"notice-{i}" for i in notices["notice_id"])
    return Table(table_id, caption, header, rows, ids, "cb-table cb-evidence")
