"""What the Sphinx extension does for the pages of the estimates: lets them in, and gives them their style."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from cordbook.publish.pages.estimate_pages import FOLDER, LISTED
from cordbook.publish.sphinx.made_pages import generated_pages


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""
    generated_pages.connect(app, FOLDER, LISTED)
    app.connect("html-page-context", _style)


def _style(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if page.startswith(f"{FOLDER}/"):
        app.add_css_file("estimates.css")
