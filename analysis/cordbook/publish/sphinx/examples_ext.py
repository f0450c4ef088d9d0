"""A notice at the head of every page, as long as the review holds the invented examples that it began with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from cordbook.display.html.templates import render
from cordbook.evidence.rules.examples import NOTICE, examples_of


def connect(app: Sphinx) -> None:
    """Connect to Sphinx. The value is one of HTML, so that all pages are written again when the examples have gone."""
    app.add_config_value("cordbook_examples", (), "html", [tuple, list])
    app.connect("config-inited", _look)
    app.connect("html-page-context", _notice)


def _look(app: Sphinx, config: Config) -> None:
    config.cordbook_examples = examples_of(Path(app.srcdir) / "data")


def _notice(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if app.config.cordbook_examples and doctree is not None and "body" in context:
        context["body"] = render("examples.html.jinja", notice=NOTICE) + context["body"]
