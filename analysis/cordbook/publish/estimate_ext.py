"""What the Sphinx extension does for the pages of the estimates: writes them, lets them in, gives them their style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from cordbook.publish.estimate_pages import FOLDER

#: After sphinx-external-toc (900) has excluded what is not in the table of contents.
_AFTER_TOC = 950
#: After chapters have been executed, before Sphinx looks which files there are.
_AFTER_REFRESH = 600


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("config-inited", _let_in, priority=_AFTER_TOC)
    app.connect("builder-inited", _clear, priority=_AFTER_REFRESH)
    app.connect("html-page-context", _style)


def _let_in(app: Sphinx, config: Config) -> None:
    """Like the pages of studies, these stand outside the table of contents and are pages all the same."""
    config["exclude_patterns"] = [p for p in config["exclude_patterns"] if not (p.startswith(f"{FOLDER}/") and p.endswith(".md"))]


def _clear(app: Sphinx) -> None:
    """Remove what an earlier build made of estimates that are gone."""
    source = Path(app.srcdir)
    known = {path.stem for path in (source / FOLDER).glob("*.md")}
    for folder, suffix in ((Path(app.outdir), ".html"), (Path(app.outdir) / "_sources", ".md")):
        for path in (folder / FOLDER).glob(f"*{suffix}"):
            if path.name.removesuffix(suffix) not in known:
                path.unlink()


def _style(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if page.startswith(f"{FOLDER}/"):
        app.add_css_file("estimates.css")
