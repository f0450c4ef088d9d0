"""What a chapter or page was made from: digests of all that it read, then and today.

Chapters note their reads while they run (:mod:`cordbook.core.tracking`). Each read has a digest of today's value; a chapter is stale
when one of them is no longer what it was. Records are kept in the store (:mod:`cordbook.core.store`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from cordbook.core.files import ABSENT, digest, file_digest, folder_digest
from cordbook.core.project import Project
from cordbook.core.store import key_of, store_of
from cordbook.core.tracking import PACKAGE, Read
from cordbook.core.values import value_digest
from cordbook.core.versions import environment, package_files
from cordbook.evidence.evidence import Evidence
from cordbook.review.estimates.estimates import Estimate, Estimates, load_estimates
from cordbook.review.estimates.keys import count_digests
from cordbook.review.scores.estimates import scores_of

#: Grows when the meaning of a record changes: older records are then of no use.
VERSION = 3
LOCK = "requirements.lock"
ENVIRONMENT: Read = ("environment",)


@dataclass(frozen=True, slots=True)
class Record:
    """What a chapter was executed with: digests of its file, its code, its stored outputs, and of each read.

    ``seconds`` is how long that took, so that the longest can begin first.
    """

    file: str
    code: str
    outputs: str
    reads: Mapping[Read, str]
    seconds: float = 0.0


class UnknownRead(ValueError):
    """A kind of read that the package does not note, or no longer."""


class Today:
    """Digests of today's data, estimates, code and files; each is computed once, when first asked for."""

    def __init__(self, project: Project, estimates: Estimates | None = None) -> None:
        self.project = project
        self._given = estimates
        self._known: dict[Read, str] = {}

    @cached_property
    def estimates(self) -> Estimates:
        return self._given or load_estimates(self.project.root)

    @cached_property
    def _counts(self) -> dict[str, str]:
        return count_digests(self.estimates.evidence)

    def digest(self, read: Read) -> str:
        """Today's digest of a read; ``absent`` for what there is no longer."""
        if read not in self._known:
            self._known[read] = self._fresh(read)
        return self._known[read]

    def digests(self, reads: Iterable[Read]) -> dict[Read, str]:
        return {read: self.digest(read) for read in reads}

    def changed(self, reads: Mapping[Read, str]) -> list[Read]:
        """The reads whose digest is no longer the recorded one, sorted."""
        return sorted(read for read, then in reads.items() if self._differs(read, then))

    def first_changed(self, reads: Mapping[Read, str]) -> list[Read]:
        """One read whose digest is no longer the recorded one, or none; what takes a computation is looked at last."""
        in_turn = sorted(reads, key=lambda read: (read[0].startswith("value"), read))
        return next(([read] for read in in_turn if self._differs(read, reads[read])), [])

    def _differs(self, read: Read, then: str) -> bool:
        """What a record of another version of the package names in another way cannot be compared, so it counts as changed."""
        try:
            return self.digest(read) != then
        except UnknownRead:
            return True

    def _fresh(self, read: Read) -> str:
        try:
            match read:
                case ("file", path):
                    return file_digest(self.project.root / path)
                case ("folder", path):
                    return folder_digest(self.project.root / path)
                case ("code", path):
                    return package_files().get(path) or file_digest(PACKAGE.parent / path)
                case ("environment",):
                    return digest(f"{file_digest(self.project.root / LOCK)} {environment()}")
                case ("estimate", estimate_id):
                    return estimate_digest(self.estimates[estimate_id])
                case ("estimates",):
                    return digest("".join(estimate_digest(e) for e in self.estimates))
                case ("parts", estimate_id):
                    return digest("".join(estimate_digest(e) for e in self.estimates.parts(estimate_id)))
                case ("score", estimate_id):
                    return value_digest(scores_of(self.estimates)[estimate_id].to_dict())
                case ("scores",):
                    return value_digest([e.to_dict() for e in scores_of(self.estimates)])
                case ("declarations",):
                    return file_digest(self.project.data / "syntheses.yml")
                case ("counts",):
                    # Labels besides: a notice of retraction changes them.
                    labels = value_digest(self.estimates.evidence.study_labels)
                    return digest(self._of_tables("outcomes", "arms", "studies", "references") + labels)
                case ("meanings",):
                    return digest(repr(self.estimates.evidence.meanings))
                case ("study_labels",):
                    return value_digest(self.estimates.evidence.study_labels)
                case ("study_years",):
                    return value_digest(self.estimates.evidence.study_years)
                case ("table", name):
                    return self._table(name)
                case ("count", cell_id):
                    return self._counts[cell_id]
                case ("counts_in", column, value):
                    return value_digest(self.estimates.evidence.counts_in(column, value))
                case ("value", name, *arguments):
                    return _value(_function(name), self.estimates.evidence, arguments)
                case ("value_of_estimates", name, *arguments):
                    return _value(_function(name), self.estimates, arguments)
        except (KeyError, AttributeError, ImportError):
            return ABSENT
        raise UnknownRead(f"unknown kind of read: {read}")

    def _table(self, name: str) -> str:
        table = next((t for t in self.estimates.evidence.package.tables if t.name == name), None)
        return ABSENT if table is None else file_digest(self.project.data / table.path)

    def _of_tables(self, *names: str) -> str:
        return digest("".join(self._table(name) for name in names))


def _value(function: Callable[..., Any], source: Evidence | Estimates, arguments: Iterable[str]) -> str:
    """Digest of what a function returns; of its error where it fails: then the chapter is stale, runs, and says what is wrong."""
    try:
        return value_digest(function(source, *arguments))
    except Exception as error:
        return digest(f"{type(error).__name__}: {error}")


def _function(name: str) -> Callable[..., Any]:
    """A function by ``MODULE:NAME``."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)


def estimate_digest(estimate: Estimate) -> str:
    """Digest of an estimate: its declaration, the rows behind it and its result."""
    return value_digest([estimate.title, estimate.synthesis, estimate.rows, estimate.to_dict()])


class Records:
    """The records of a project's chapters, by name; each stands in the store under the name of its chapter, whose reads it tells."""

    def __init__(self, project: Project) -> None:
        self._store = store_of(project)

    def get(self, name: str) -> Record | None:
        """The record of a chapter; None where there is none that can be used."""
        found = self._store.find(self._key(name))
        return Record(*found) if found else None

    def put(self, name: str, record: Record) -> None:
        # Plain values: a record outlives the version of the package that wrote it.
        self._store.put(self._key(name), (record.file, record.code, record.outputs, dict(record.reads), record.seconds))

    def _key(self, name: str) -> str:
        return key_of("chapter", str(VERSION), name)
