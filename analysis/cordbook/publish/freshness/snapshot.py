"""What the last good build was made from: its tables and estimates, for telling what has changed since."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cordbook.core.files import write_whole
from cordbook.core.project import Project, data_files
from cordbook.review.estimates.estimates import Estimates

VERSION = 1
#: Fast rather than small: it is written by every build.
_LEVEL = 1


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
    content = {"version": VERSION, "files": data_texts(project), "estimates": [e.to_dict() for e in estimates]}
    # mtime=0: the same content gives the same bytes.
    write_whole(_file(project), gzip.compress(json.dumps(content).encode(), _LEVEL, mtime=0))


def last_good(project: Project) -> Snapshot | None:
    """What the last good build was made from; None where there was none here."""
    try:
        content = json.loads(gzip.decompress(_file(project).read_bytes()))
        return Snapshot(content["files"], content["estimates"]) if content["version"] == VERSION else None
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def _file(project: Project):
    return project.cache / "last-good.json.gz"


def of_checkout(project: Project) -> Snapshot:
    """Data and estimates of another checkout, computed now: what a change is compared with."""
    from cordbook.review.estimates.estimates import load_estimates

    return Snapshot(data_texts(project), [e.to_dict() for e in load_estimates(project.root)])
