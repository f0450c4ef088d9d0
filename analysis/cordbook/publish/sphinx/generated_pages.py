"""A folder of pages that builds write, as of the studies and the estimates: they are let in, and what is left of gone ones goes."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

#: After sphinx-external-toc (900) has excluded what is not in the table of contents.
_AFTER_TOC = 950
#: After chapters have been executed, before Sphinx looks which files there are.
_AFTER_REFRESH = 600


def connect(app: Sphinx, folder: str, stay: Collection[str] = ()) -> None:
    """Connect to Sphinx for a folder of the source; pages named in ``stay`` are made of something else than ``.md``."""
    app.connect("config-inited", partial(_let_in, folder=folder), priority=_AFTER_TOC)
    app.connect("builder-inited", partial(_clear, folder=folder, stay=stay), priority=_AFTER_REFRESH)


def _let_in(app: Sphinx, config: Config, folder: str) -> None:
    """The pages stand outside the table of contents, which would grow by hundreds of lines; they are pages all the same.

    The patterns must not depend on which pages are there, or Sphinx would read the whole book again.
    """
    config["exclude_patterns"] = [p for p in config["exclude_patterns"] if not (p.startswith(f"{folder}/") and p.endswith(".md"))]


def _clear(app: Sphinx, folder: str, stay: Collection[str]) -> None:
    """Remove what an earlier build made of pages that are gone."""
    known = {path.stem for path in (Path(app.srcdir) / folder).glob("*.md")} | set(stay)
    for built, suffix in ((Path(app.outdir), ".html"), (Path(app.outdir) / "_sources", ".md")):
        for path in (built / folder).glob(f"*{suffix}"):
            if path.name.removesuffix(suffix) not in known:
                path.unlink()
