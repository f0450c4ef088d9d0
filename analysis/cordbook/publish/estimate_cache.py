"""Estimates kept from build to build: computed again only where a cell of their outcome, the declaration or the code changed."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

from cordbook.evidence.evidence import Evidence
from cordbook.project import Project
from cordbook.publish.files import digest, write_whole
from cordbook.publish.inputs import package_digest
from cordbook.publish.record import cell_digests, environment
from cordbook.review.declarations import Synthesis
from cordbook.review.estimates import Estimate, Estimates, load_estimates
from cordbook.review.kept import keep

_Kept = dict[str, tuple[str, dict[str, Estimate]]]


def estimates_of(project: Project) -> Estimates:
    """All estimates of a project, those of the last build taken over where nothing behind them has changed."""
    estimates = load_estimates(project.root)
    keys = _keys(estimates)
    kept = _load(project)
    estimates.take_over({i: found for i, (key, found) in kept.items() if keys.get(i) == key})
    if any(kept.get(i, ("", {}))[0] != key for i, key in keys.items()) or kept.keys() != keys.keys():
        _save(project, {i: (key, {e.id: e for e in estimates.declared(i)}) for i, key in keys.items()})
    keep(kept_file(project), project.data, {i: {e.id: e for e in estimates.declared(i)} for i in keys})
    return estimates


def kept_file(project: Project) -> Path:
    """The estimates of this build, for the kernels that it starts."""
    return project.cache / "estimates-today.pickle"


def _keys(estimates: Estimates) -> dict[str, str]:
    """For each declaration, a digest of all that its estimates are made from."""
    evidence = estimates.evidence
    rows = _rows_by_outcome(evidence)
    common = f"{package_digest()} {environment()} {sorted(evidence.disjoint_keys)}"
    return {s.id: _key(s, rows, common) for s in estimates.declarations}


def _rows_by_outcome(evidence: Evidence) -> Mapping[str, str]:
    digests = cell_digests(evidence)
    rows: dict[str, list[str]] = {}
    for cell_id, outcome in zip(evidence.cells["cell_id"], evidence.cells["outcome"], strict=True):
        rows.setdefault(str(outcome), []).append(digests[cell_id])
    return {outcome: "".join(found) for outcome, found in rows.items()}


def _key(synthesis: Synthesis, rows: Mapping[str, str], common: str) -> str:
    return digest(f"{common} {synthesis!r} {rows.get(synthesis.outcome, '')}")


def _load(project: Project) -> _Kept:
    try:
        return pickle.loads(_file(project).read_bytes())  # noqa: S301: our own file, in the cache folder
    except Exception:  # a file of another version can fail in any way; it is only a cache
        return {}


def _save(project: Project, kept: _Kept) -> None:
    write_whole(_file(project), pickle.dumps(kept))


def _file(project: Project) -> Path:
    return project.cache / "estimates.pickle"
