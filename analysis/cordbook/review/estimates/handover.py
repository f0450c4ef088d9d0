"""Estimates that a builder has computed a moment ago, handed to the chapters that it executes.

Computing all of them takes seconds, and every kernel would do it again. The file names the data it was made from, and
is taken only while ``data/`` is still that.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

from cordbook.core.project import data_files
from cordbook.core.tracking import unnoted
from cordbook.review.estimates.estimates import Estimates

#: Names the file for the kernels of a build; outside a build it is not set, and everything is computed.
VARIABLE = "CORDBOOK_KEPT_ESTIMATES"


def data_digest(folder: Path) -> str:
    """Digest of the names and bytes of the files in a data folder."""
    digest = hashlib.sha256()
    with unnoted():
        for name, path in data_files(folder).items():
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def keep(path: Path, estimates: Estimates) -> None:
    """Write what was computed of estimates so far, for :func:`take_kept`."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(pickle.dumps((data_digest(estimates.evidence.folder), *estimates.handed_over())))
    aside.replace(path)


def take_kept(estimates: Estimates) -> Estimates:
    """Take over what the builder of this kernel has computed, if it was from the same data; returns ``estimates``."""
    name = os.environ.get(VARIABLE)
    if name:
        try:
            with unnoted():
                made_from, found, made = pickle.loads(Path(name).read_bytes())  # noqa: S301: written by the builder of this process
        except Exception:  # a file of another version can fail in any way; then everything is computed
            return estimates
        if made_from == data_digest(estimates.evidence.folder):
            estimates.take_over(found, made)
    return estimates
