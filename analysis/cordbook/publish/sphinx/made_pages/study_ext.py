"""What the Sphinx extension does for the pages of the studies: lets them in, and loads their script."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from cordbook.publish.pages.study_pages import FOLDER, INDEX
from cordbook.publish.sphinx.made_pages import generated_pages


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""
    generated_pages.connect(app, FOLDER, f"{FOLDER}/{INDEX}", stay=(INDEX,))
    app.connect("html-page-context", _script)


def _script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """The list of studies alone needs the script that filters it."""
    if page == f"{FOLDER}/{INDEX}":
        app.add_js_file("studies.js", loading_method="defer")
