"""Titles as text wherever the theme and the search would write them as HTML.

A study's title comes from data. The theme puts the title of a page as it was typed into the part that is printed; and the script
of the search page writes titles as HTML, where Sphinx gives it those of sections as they were typed. In both a title with
markup would come alive.
"""

from __future__ import annotations

from html import escape, unescape
from typing import IO, Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.search import js_index

#: As docutils writes a text of a page, so that the script still knows a section title that is the title of its page.
_AS_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "@": "&#64;"})
#: The theme sets the title at Sphinx' usual priority, 500.
_AFTER_THEME = 900


class SafeIndex:
    """The format of the index: as Sphinx writes it, but for the titles; reading gives back what was typed.

    >>> index = SafeIndex().loads(SafeIndex().dumps({"alltitles": {"a <b> &lt;": [[0, None]]}}))
    >>> index["alltitles"]
    {'a <b> &lt;': [[0, None]]}
    """

    def dumps(self, data: Any) -> str:
        titles = {title.translate(_AS_HTML): places for title, places in data.get("alltitles", {}).items()}
        return js_index.dumps({**data, "alltitles": titles})

    def loads(self, text: str) -> Any:
        data = js_index.loads(text)
        return {**data, "alltitles": {unescape(title): places for title, places in data.get("alltitles", {}).items()}}

    def dump(self, data: Any, stream: IO[str]) -> None:
        stream.write(self.dumps(data))

    def load(self, stream: IO[str]) -> Any:
        return self.loads(stream.read())


def _use(app: Sphinx) -> None:
    if hasattr(app.builder, "indexer_format"):
        app.builder.indexer_format = SafeIndex()


def _printed(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if "pagetitle" in context:
        context["pagetitle"] = escape(str(context["pagetitle"]))


def connect(app: Sphinx) -> None:
    """Write the index in this format, and the printed titles as text, after the theme has set them."""
    app.connect("builder-inited", _use)
    app.connect("html-page-context", _printed, priority=_AFTER_THEME)
