"""What the Sphinx extension does for the pages of the studies: lets them in, and loads their script."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from cordbook.publish import page_folder
from cordbook.publish.study_pages import FOLDER, INDEX


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""
    page_folder.connect(app, FOLDER, stay=(INDEX,))
    app.connect("html-page-context", _script)


def _script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """The list of studies alone needs the script that filters it."""
    if page == f"{FOLDER}/{INDEX}":
        app.add_js_file("studies.js", loading_method="defer")
