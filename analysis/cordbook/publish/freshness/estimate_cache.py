"""Estimates kept from build to build: computed again only where a cell of their outcome, the declaration or the code changed.

Their certainty is kept with them, as far as a build has asked for it.
"""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cordbook.core.files import digest, file_digest, write_whole
from cordbook.core.project import Project
from cordbook.publish.freshness.inputs import package_digest
from cordbook.publish.freshness.records import cell_digests, environment, value_digest
from cordbook.review.appraisal.certainty import FILE, Certainty, certainty_key
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.estimates import Estimate, Estimates, load_estimates
from cordbook.review.estimates.selection import select_cells


@dataclass(frozen=True, slots=True)
class _Kept:
    """Estimates of a declaration, with digests of all rows of its outcome (``wide``) and of those that it pools (``narrow``).

    ``rated``: their certainty, as :meth:`Estimates.once` keeps it, for as long as ``judged_by`` and the rows are the same.
    """

    wide: str
    narrow: str
    found: dict[str, Estimate]
    judged_by: str = ""
    rated: dict[Hashable, Certainty] = field(default_factory=dict)


def estimates_of(project: Project) -> Estimates:
    """All estimates of a project, those of the last build taken over where nothing behind them has changed."""
    estimates = load_estimates(project.root)
    kept, rows, judged_by = _load(project), _Rows(estimates), _judges(estimates)
    now: dict[str, _Kept] = {}
    for synthesis in estimates.declarations:
        before, wide = kept.get(synthesis.id), rows.wide(synthesis)
        if before and before.judged_by != judged_by:
            before = replace(before, judged_by=judged_by, rated={})
        if before and before.wide == wide:
            now[synthesis.id] = before
            continue
        # Selecting the rows is much less work than pooling them.
        narrow = rows.narrow(synthesis)
        if before and before.narrow == narrow:
            now[synthesis.id] = replace(before, wide=wide)
        else:
            now[synthesis.id] = _Kept(wide, narrow, {e.id: e for e in estimates.declared(synthesis.id)}, judged_by)
    estimates.take_over(
        {i: entry.found for i, entry in now.items()}, {key: value for entry in now.values() for key, value in entry.rated.items()}
    )
    if now != kept:
        _save(project, now)
    return estimates


def keep_certainty(project: Project, estimates: Estimates) -> None:
    """Keep the certainty that was asked for since :func:`estimates_of`."""
    kept, (_, made) = _load(project), estimates.handed_over()
    now = {
        i: replace(entry, rated={key: made[key] for e in entry.found if (key := certainty_key(e)) in made})
        for i, entry in kept.items()
    }
    if now != kept:
        _save(project, now)


def _judges(estimates: Estimates) -> str:
    """Digest of what certainty depends on beside the rows and the code."""
    evidence = estimates.evidence
    settings = evidence.folder / FILE
    return digest(f"{file_digest(settings) if settings.is_file() else ''} {sorted(evidence.confirmed_studies)}")


def kept_file(project: Project) -> Path:
    """The estimates of this build, for the kernels that it starts."""
    return project.cache / "estimates-today.pickle"


class _Rows:
    """Digests of the rows that declarations ask for, with all else that their estimates are made from."""

    def __init__(self, estimates: Estimates) -> None:
        evidence = estimates.evidence
        self._cells, self._digests = evidence.cells, cell_digests(evidence)
        self._vocabulary = evidence.vocabulary
        self._common = f"{package_digest()} {environment()} {sorted(evidence.disjoint_keys)}"
        of_outcome: dict[str, list[str]] = {}
        for cell_id, outcome in zip(self._cells["cell_id"], self._cells["outcome"], strict=True):
            of_outcome.setdefault(str(outcome), []).append(self._digests[cell_id])
        self._of_outcome: Mapping[str, str] = {outcome: digest("".join(found)) for outcome, found in of_outcome.items()}

    def wide(self, synthesis: Synthesis) -> str:
        """Of all rows of the outcome."""
        return digest(
            f"{self._common} {synthesis!r} {self._names_of_parts(synthesis)} {self._of_outcome.get(synthesis.outcome, '')}"
        )

    def narrow(self, synthesis: Synthesis) -> str:
        """Of the rows that are pooled."""
        chosen = select_cells(self._cells, synthesis)["cell_id"]
        return digest(
            f"{self._common} {synthesis!r} {self._names_of_parts(synthesis)} {''.join(self._digests[c] for c in chosen)}"
        )

    def _names_of_parts(self, synthesis: Synthesis) -> str:
        """What the titles of subgroups are made from; empty where there are none."""
        return value_digest(self._vocabulary) if synthesis.by else ""


def _load(project: Project) -> dict[str, _Kept]:
    try:
        kept = pickle.loads(_file(project).read_bytes())  # noqa: S301: our own file, in the cache folder
        return kept if all(isinstance(entry, _Kept) and hasattr(entry, "rated") for entry in kept.values()) else {}
    except Exception:  # a file of another version can fail in any way; it is only a cache
        return {}


def _save(project: Project, kept: dict[str, _Kept]) -> None:
    write_whole(_file(project), pickle.dumps(kept))


def _file(project: Project) -> Path:
    return project.cache / "estimates.pickle"
