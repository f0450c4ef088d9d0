"""Tables of the audit: claims with verdicts, published estimates beside ours, certainty domain by domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from cordbook.core.text import capital, number, plain
from cordbook.display.html.table import CARDS, Cell, Table
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.review_words import MEASURES
from cordbook.review.appraisal.certainty_rules import NAME, NOT_RATED, Certainty
from cordbook.review.appraisal.replication import NotComparable, Replication, sizes
from cordbook.review.claims.claims import ClaimVerdict
from cordbook.review.claims.mechanisms import sources
from cordbook.review.estimates.phrases import phrase

#: The address of an estimate by its id.
Address = Callable[[str], str]


def claims_audit_table(verdicts: Sequence[ClaimVerdict], address: Address, *, table_id: str, caption: str) -> Table:
    """One row per claim, anchored by its id: the claim, the verdict, what the data say today with links, and why."""
    rows = tuple(
        (
            Cell(f"{v.claim_id}. {v.statement}"),
            Cell(v.verdict),
            Cell(" ".join((*(f"{line}." for line in v.today), _why(v))), links=(*_today(v, address), (_why(v), None))),
        )
        for v in verdicts
    )
    header = ("Claim", "Verdict", "Today, and why")
    return Table(table_id, caption, header, rows, tuple(v.claim_id for v in verdicts), "cb-table cb-summary cb-claims")


def _today(verdict: ClaimVerdict, address: Address) -> tuple[tuple[str, str | None], ...]:
    """What the data say, line by line; a line that words an estimate leads to it."""
    by_words = dict(verdict.lines)
    return tuple((line, address(by_words[line]) if line in by_words else None) for line in verdict.today)


def _why(verdict: ClaimVerdict) -> str:
    slip = f" Slip of the parent document: {verdict.slip}" if verdict.slip else ""
    see = f" See {', '.join(verdict.see)}." if verdict.see else ""
    return f"{verdict.why}{slip}{see} Rule: {verdict.rule.replace('_', ' ')}."


def replication_table(pairs: Iterable[Replication], address: Address) -> Table:
    """One row per question: theirs, ours, how they lie to each other, sizes and reasons."""
    rows = tuple(
        (
            Cell(pair.question),
            Cell(
                "; ".join(f"{p.label}: {p.describe()}" for p in pair.published),
                links=tuple((f"{p.label}: {p.describe()}", None) for p in pair.published),
            ),
            Cell(phrase(pair.ours), address(pair.ours.id)),
            Cell(_explained(pair)),
        )
        for pair in pairs
    )
    header = ("Question", "Published", "Ours", "How they lie, and why")
    return Table("replication", "Published and own estimates", header, rows, kind="cb-table cb-summary")


def _explained(pair: Replication) -> str:
    lies = "; ".join(f"{p.label}: {a}" for p, a in zip(pair.published, pair.agreements, strict=True))
    alike = "the same question" if pair.alike == "close" else "a near question, not the same"
    return f"{lies}. It is {alike}. {pair.why} {sizes(pair)}"


def not_comparable_table(rest: Iterable[NotComparable]) -> Table:
    """Published estimates that nothing of ours can be set beside, with the reason."""
    rows = tuple(
        (
            Cell(f"{r.published.id} {r.published.label}"),
            Cell(f"{r.published.outcome.removeprefix('other:').replace('_', ' ')} ({r.published.scope})"),
            Cell(f"{r.published.measure} {_plain(r)}", numeric=True),
            Cell(r.reason),
        )
        for r in rest
    )
    return Table(
        "not-comparable",
        "Published estimates that cannot be set beside ours",
        ("Published", "What", "Estimate", "Why not"),
        rows,
        folded=True,
    )


def _plain(row: NotComparable) -> str:
    p = row.published
    if p.measure == "proportion":
        return p.describe()
    return f"{p.estimate:g}" + (f" ({p.ci_low:g} to {p.ci_high:g})" if p.ci_low is not None else " (no interval)")


def certainty_table(rated: Sequence[tuple[str, Certainty]], address: Address) -> Table:
    """One row per estimate, given by its title and certainty: the level, where it started, what lowered it by how many steps, and why."""
    known = [(title, certainty) for title, certainty in rated if certainty.level != NOT_RATED]
    rows = tuple(
        (
            Cell(title, address(certainty.estimate_id)),
            Cell(certainty.level),
            Cell(f"{certainty.start}: {certainty.start_short}" if certainty.start_short else certainty.start),
            Cell(_lowered(certainty)),
        )
        for title, certainty in known
    )
    header = ("Estimate", NAME.capitalize(), "Starts", "Lowered for")
    ids = tuple(f"certainty-{certainty.estimate_id}" for _, certainty in known)
    return Table("certainty", f"{NAME.capitalize()} of the main estimates", header, rows, ids, "cb-table cb-summary")


def _lowered(certainty: Certainty) -> str:
    lowered = (f"{d.name} ({_step(d.down)}{f': {d.short}' if d.short else ''})" for d in certainty.domains if d.down)
    return "; ".join(lowered) or "nothing"


def _step(down: int) -> str:
    return f"−{down}" if down else "0"


def reasons_of_certainty(rated: Sequence[tuple[str, Certainty]]) -> Table:
    """Every step with its reason, an estimate and domain a row."""
    rows = []
    for name, certainty in rated:
        if certainty.level == NOT_RATED:
            continue
        title = Cell(name)
        rows.append((title, Cell("start"), Cell(certainty.start, numeric=True), Cell(certainty.start_reason)))
        rows += [(title, Cell(d.name), Cell(_step(d.down), numeric=True), Cell(d.reason)) for d in certainty.domains]
    header = ("Estimate", "Domain", "Step", "Reason")
    return Table("certainty-reasons", "Every step and its reason", header, tuple(rows), folded=True)


def limits_table(rows: Sequence[tuple[str, str, str]]) -> Table:
    """The computed rules: domain, rule, limit as declared."""
    cells = tuple((Cell(domain), Cell(rule), Cell(limit)) for domain, rule, limit in rows)
    return Table("certainty-rules", f"The rules of {NAME}", ("Domain", "Rule", "Limit today"), cells)


def averages_of_others_table(evidence: Evidence) -> Table:
    """Averages of scores that pools of others print; those of a study stand on its own page."""
    table, known, words = evidence["continuous"], sources(evidence), evidence.vocabulary
    chosen = table[~table["reference_id"].isin(evidence["studies"]["study_id"])]
    rows = tuple(
        (
            Cell(known[r.reference_id].label, known[r.reference_id].href), Cell(words.label("scale", r.outcome)),
            Cell("–" if pd.isna(r.comparison) else r.comparison),
            Cell(f"{number(r.value)}{_ends(r)} ({MEASURES.get(r.measure, plain(r.measure))})", numeric=True),
            Cell(capital(words.remark(None if pd.isna(r.note) else r.note)) or "–"),
        )
        for r in chosen.itertuples()
    )  # fmt: skip
    header = ("Source", "Scale", "Compared", "Value", "What to know")
    ids = tuple(f"average-{i}" for i in chosen["continuous_id"])
    caption = "Averages and ratios in pools of others"
    return Table("averages-of-others", caption, header, rows, ids, CARDS, folded=True)


def _ends(row: Any) -> str:
    return "" if pd.isna(row.ci_low) or pd.isna(row.ci_high) else f", 95% CI {number(row.ci_low)} to {number(row.ci_high)}"
