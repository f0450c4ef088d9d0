"""What the last good build was made from: its tables and estimates, for telling what has changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cordbook.core.project import Project, data_files
from cordbook.core.store import key_of, store_of
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.scores.estimates import dicts_of

#: Grows when the meaning of a snapshot changes: older ones are then of no use.
VERSION = 1
_KEY = key_of("last good build", str(VERSION))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Texts of the files of ``data/`` by their path in it, and the estimates as JSON."""

    files: Mapping[str, str]
    estimates: list[dict[str, Any]]


def data_texts(project: Project) -> dict[str, str]:
    """The texts of the files in ``data/`` by their path in it."""
    return {name: path.read_text(encoding="utf-8", errors="replace") for name, path in data_files(project.data).items()}


def take(project: Project, estimates: Estimates) -> None:
    """Keep today's data and estimates as those of the last good build."""
    store_of(project).put(_KEY, {"files": data_texts(project), "estimates": dicts_of(estimates)})


def last_good(project: Project) -> Snapshot | None:
    """What the last good build was made from; None where there was none here."""
    content = store_of(project).find(_KEY)
    return Snapshot(**content) if content else None


def of_checkout(project: Project) -> Snapshot:
    """Data and estimates of another checkout, computed now: what a change is compared with."""
    from cordbook.review.estimates.estimates import load_estimates

    return Snapshot(data_texts(project), dicts_of(load_estimates(project.root)))
