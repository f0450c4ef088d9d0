"""One estimate through all releases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cordbook.errors import UnknownName
from cordbook.review.versions.releases import Frozen, FrozenEstimate, Release, list_releases, read_release


@dataclass(frozen=True, slots=True)
class Point:
    """An estimate in one version; ``estimate`` is None where that version did not have it, ``date`` None for the working tree."""

    version: str
    date: dt.date | None
    estimate: FrozenEstimate | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON: numbers, counts, direction and certainty."""
        head = {"version": self.version, "date": self.date.isoformat() if self.date else None}
        e = self.estimate
        if e is None:
            return head | {"estimate": None}
        names = (
            "estimate",
            "ci_low",
            "ci_high",
            "pi_low",
            "pi_high",
            "i2",
            "tau2",
            "k",
            "n",
            "events",
            "direction",
            "certainty",
        )
        return head | {name: getattr(e, name) for name in names} | {"words": e.words["short"], "rows_sha256": e.rows_sha256}


def read_all(root: Path | str) -> tuple[Release, ...]:
    """Every release of a project folder, oldest first; raises ``ReleaseError``."""
    return tuple(read_release(root, version) for version in list_releases(root))


def history(states: Sequence[tuple[str, dt.date | None, Frozen]], estimate_id: str) -> tuple[Point, ...]:
    """An estimate in each of some states (name, date, what it said), in their order.

    Raises :class:`UnknownName` where no state has it, naming ids that are near.
    """
    known = {i for _, _, frozen in states for i in frozen.estimates}
    if estimate_id not in known:
        near = get_close_matches(estimate_id, sorted(known), n=5, cutoff=0.3)
        none = "no version has been released yet (--today shows what the working tree says)"
        where = f"no release has an estimate {estimate_id!r}" if states else none
        raise UnknownName(where + (f"; near it are: {', '.join(near)}" if near else ""))
    return tuple(Point(name, date, frozen.estimates.get(estimate_id)) for name, date, frozen in states)
