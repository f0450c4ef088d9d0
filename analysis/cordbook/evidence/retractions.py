"""Which retractions stand. Apart from the tables, so that validation needs no pandas."""

from __future__ import annotations

from collections.abc import Iterable


def standing_retractions(notices: Iterable[tuple[str, str, int | None]]) -> set[str]:
    """What was retracted and not reinstated later, from notices as (about what, kind, year or None).

    A reinstatement holds unless a retraction is known to be of a later year.

    >>> standing_retractions([("a", "retraction", 2019), ("b", "retraction", 2015), ("b", "reinstatement", 2016)])
    {'a'}
    """
    latest: dict[str, dict[str, int]] = {}
    for about, kind, year in notices:
        if kind in ("retraction", "reinstatement"):
            years = latest.setdefault(about, {})
            years[kind] = max(years.get(kind, 0), year or 0)
    return {a for a, y in latest.items() if "retraction" in y and y["retraction"] > y.get("reinstatement", -1)}
