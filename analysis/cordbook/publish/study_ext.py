"""What the Sphinx extension does for the pages of the studies: writes them, lets them in, and loads their script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from cordbook.publish.study_pages import FOLDER, INDEX

#: After sphinx-external-toc (900) has excluded what is not in the table of contents.
_AFTER_TOC = 950
#: After chapters have been executed, before Sphinx looks which files there are.
_AFTER_REFRESH = 600


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("config-inited", _let_in, priority=_AFTER_TOC)
    app.connect("builder-inited", _clear, priority=_AFTER_REFRESH)
    app.connect("html-page-context", _script)


def _let_in(app: Sphinx, config: Config) -> None:
    """Study pages stand outside the table of contents, which would grow by hundreds of lines; they are pages all the same.

    The patterns must not depend on which pages are there, or Sphinx would read the whole book again.
    """
    config["exclude_patterns"] = [p for p in config["exclude_patterns"] if not (p.startswith(f"{FOLDER}/") and p.endswith(".md"))]


def _clear(app: Sphinx) -> None:
    """Remove what an earlier build made of studies that are gone."""
    source = Path(app.srcdir)
    known = {path.stem for path in (source / FOLDER).glob("*.md")} | {INDEX}
    for folder, suffix in ((Path(app.outdir), ".html"), (Path(app.outdir) / "_sources", ".md")):
        for path in (folder / FOLDER).glob(f"*{suffix}"):
            if path.name.removesuffix(suffix) not in known:
                path.unlink()


def _script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """The list of studies alone needs the script that filters it."""
    if page == f"{FOLDER}/{INDEX}":
        app.add_js_file("studies.js", loading_method="defer")
