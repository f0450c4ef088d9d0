"""Keys under which estimates stand in the store: digests of all that they are made from.

An estimate is made from the rows that it pools, its declaration, the package and the numerical libraries. Where any of these is
another its key is another; where none is, whoever asks finds what was computed before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cordbook.core.files import digest, file_digest
from cordbook.core.project import data_files
from cordbook.core.store import Store, key_of
from cordbook.core.tracking import unnoted
from cordbook.core.versions import environment, package_digest
from cordbook.evidence.evidence import Evidence
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.selection import select_counts


def data_digest(folder: Path) -> str:
    """Digest of the names and bytes of the files in a data folder that are read."""
    return key_of("data", *_contents(data_files(folder)))


def _words_digest(folder: Path) -> str:
    """Digest of the files in the subfolders of a data folder: words that titles are made of."""
    return key_of("words", *_contents({name: path for name, path in data_files(folder).items() if "/" in name}))


def _contents(files: Mapping[str, Path]) -> list[str]:
    with unnoted():
        return [text for name, path in files.items() for text in (name, file_digest(path))]


def code_digest() -> str:
    """Digest of the package and the libraries that can move a number."""
    return key_of("code", package_digest(), environment())


def count_digests(evidence: Evidence) -> dict[str, str]:
    """Digest of each outcome count, joined with its arm and study, by its id."""
    counts = evidence.counts
    columns = repr(list(counts.columns))
    rows = zip(*(counts[name].astype(object) for name in counts.columns), strict=True)
    return {cell_id: digest(f"{columns} {row!r}") for cell_id, row in zip(counts["cell_id"], rows, strict=True)}


def declared_keys(evidence: Evidence, declarations: Iterable[Synthesis], store: Store) -> dict[str, str]:
    """The key of the estimates of each declaration, by its id.

    Selecting the rows of a declaration is much less work than pooling them, and is done again only where a row of its outcome differs.
    """
    counts, digests = evidence.counts, count_digests(evidence)
    common = key_of("common", code_digest(), _words_digest(evidence.folder), repr(evidence.meanings))
    of_outcome: dict[str, list[str]] = {}
    for cell_id, outcome in zip(counts["cell_id"], counts["outcome"], strict=True):
        of_outcome.setdefault(str(outcome), []).append(digests[cell_id])

    def key(synthesis: Synthesis) -> str:
        pooled = select_counts(counts, synthesis, evidence.meanings)["cell_id"]
        return key_of("estimates", common, repr(synthesis), *(digests[cell_id] for cell_id in pooled))

    return {
        s.id: store.get(key_of("selection", common, repr(s), *of_outcome.get(s.outcome, ())), lambda s=s: key(s))
        for s in declarations
    }
