"""Tells what day it is, for rules on dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

#: The time zone that is furthest ahead, in hours: where a day begins first.
_FURTHEST_AHEAD_H = 14


def today() -> date:
    """The latest day that has begun anywhere: what somebody wrote today is not in the future, wherever it is checked.

    >>> today() >= date.today()
    True
    """
    return (datetime.now(UTC) + timedelta(hours=_FURTHEST_AHEAD_H)).date()
