"""Shapes each page as the last touch, for a strict policy: :mod:`cordbook.display.html.strict_page` does it, here Sphinx is told to."""

from __future__ import annotations

from html import escape
from typing import Any

from sphinx.application import Sphinx

from cordbook.display.html.strict_page import is_page, strict_page

#: Sent as a header, this policy lets the whole book work; docs/hosting.md tells hosts of it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


def _shape_pages(app: Sphinx) -> None:
    templates = getattr(app.builder, "templates", None)
    if app.builder.format != "html" or templates is None:
        return
    render = templates.render

    def shaped_render(template: str, context: dict[str, Any]) -> str:
        page = render(template, context)
        return strict_page(page, context["pathto"]("", 1)) if is_page(page) else page

    templates.render = shaped_render


def _plain_title(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """The theme writes the title once more, for print, and takes it for markup; a title of a study can hold anything."""
    if "pagetitle" in context:
        context["pagetitle"] = escape(context["pagetitle"])


def connect(app: Sphinx) -> None:
    """Shape every page as it is written."""
    app.connect("config-inited", _one_search)
    app.connect("html-page-context", _plain_title, priority=960)
    app.connect("builder-inited", _shape_pages)


def _one_search(app: Sphinx, config: Any) -> None:
    """The sidebar and the bar of each page have a search; the theme's second bar above them would hold nothing else."""
    config.html_theme_options.setdefault("navbar_persistent", [])
