"""Rows of estimates made up by tests."""

from __future__ import annotations

from dataclasses import replace

from cordbook.evidence.counts import Count
from cordbook.review.estimates.rows import ArmRow


def made_row(study, events, n, *, label=None, year=None, cell="c"):
    """A row of one arm with one count of all its patients."""
    count = Count(cell, study, f"{study}.treated", (), events, n)
    return ArmRow(study_id=study, label=label or study, year=year, arm=(count,))


def recounted(row, **counts):
    """A row with other numbers: ``arm=(events, n)``, of a comparison ``treated`` and ``control``; the first count holds them all."""
    changed = {side: (replace(getattr(row, side)[0], events=int(events), n=int(n)),) for side, (events, n) in counts.items()}
    return replace(row, **changed)
