"""Comparisons and histories as plain text, for the command line."""

from __future__ import annotations

from collections.abc import Sequence

from cordbook.core.columns import aligned
from cordbook.review.appraisal.certainty_rules import NAME
from cordbook.review.versions.causes import ADDED, CORRECTED, REMOVED, Cause
from cordbook.review.versions.diff import Comparison, EstimateChange
from cordbook.review.versions.history import Point
from cordbook.review.versions.steps import counted

_NAMES = {"new": "new", "gone": "gone", "moved": "moved", "same number": "same number"}
#: Causes of one estimate are listed up to here; JSON has all of them.
_LISTED = 12


def as_table(found: Comparison, old: str, new: str) -> str:
    """A comparison for a person: what changed in the evidence, then estimate by estimate."""
    if found.is_empty:
        return f"{old} and {new} say the same: no estimate, row or verdict differs."
    blocks = [f"From {old} to {new}", *_evidence(found)]
    blocks += [_block(change) for change in found.changes]
    if not found.changes:
        blocks.append("No estimate moved, and no conclusion of one.")
    blocks += [f"Conclusion changed: {c.describe()}" for c in found.claims]
    blocks += [f"Guard edited in {c.table}: {c.describe()}" for c in found.bounds]
    changed = sum(bool(c.conclusions) for c in found.changes)
    blocks.append(f"{len(found.changes)} estimate(s) differ; the conclusion of {changed} changed.")
    return "\n\n".join(blocks)


def _evidence(found: Comparison) -> list[str]:
    lines = [f"  {line}" for line in (*evidence_lines(found.rows), *found.retraction_lines({}))]
    return ["\n".join(["Evidence", *lines])] if lines else []


def evidence_lines(rows: Sequence[Cause]) -> list[str]:
    """How many rows of which tables came, went or were corrected, one line per kind."""
    lines = []
    for kind in (ADDED, REMOVED, CORRECTED):
        tables = [t for t, _ in dict.fromkeys((c.table, c.key) for c in rows if c.kind == kind)]
        if tables:
            lines.append(f"rows {kind}: " + ", ".join(f"{n:,} of {table}" for table, n in counted(tables)))
    return lines


def _block(change: EstimateChange) -> str:
    rows = [("old", _format_estimate(change.before))] if change.before is not None else []
    if change.after is not None:
        rows.append(("new", _format_estimate(change.after)))
    if change.change is not None and change.moved:
        rows.append(("change", change_in_words(change)))
    rows.append(("conclusion", "; ".join(c.describe() for c in change.conclusions) or "unchanged"))
    causes = [c.describe() for c in change.causes]
    shown = causes[:_LISTED] + ([f"and {len(causes) - _LISTED} more: --json"] if len(causes) > _LISTED else [])
    rows += [("" if place else "cause", text) for place, text in enumerate(shown)]
    return f"{change.id}  ({_NAMES[change.kind]})\n{aligned(rows, indent='  ')}"


def _format_estimate(estimate: object) -> str:
    return f"{estimate.words['short']}; k = {estimate.k}, {estimate.words['of']}"  # type: ignore[attr-defined]


def change_in_words(change: EstimateChange) -> str:
    """The change in points of percent, or for ratios as a factor."""
    assert change.change is not None
    assert change.before is not None
    assert change.after is not None
    ratio = change.after.kind == "comparison" and change.after.settings.get("measure") != "RD"
    if ratio:
        return f"times {change.after.estimate / change.before.estimate:.2f}" if change.before.estimate else "from 0"
    points = 100 * change.change
    if abs(points) < 0.0005:
        return "none in the estimate itself"
    digits = 1 if abs(points) >= 0.1 else 3
    return f"{points:+.{digits}f} percentage points"


def history_table(points: Sequence[Point]) -> str:
    """An estimate through its versions, one line each."""
    rows = [("version", "date", "estimate", "k", "events", "conclusion", NAME)]
    for p in points:
        date = p.date.isoformat() if p.date else "today"
        if p.estimate is None:
            rows.append((p.version, date, "not in this version", "", "", "", ""))
        else:
            e = p.estimate
            rows.append((p.version, date, e.words["short"], str(e.k), e.words["of"], e.direction, e.certainty))
    return aligned(rows)
