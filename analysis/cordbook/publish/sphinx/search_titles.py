"""Titles as text in the search, whose script writes them as HTML.

A study's title comes from data. Sphinx gives that script the titles of sections as they were typed, where one with markup would
come alive.
"""

from __future__ import annotations

from html import unescape
from typing import IO, Any

from sphinx.application import Sphinx
from sphinx.search import js_index

#: As docutils writes a text of a page, so that the script still knows a section title that is the title of its page.
_AS_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "@": "&#64;"})


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


def connect(app: Sphinx) -> None:
    """Write the index of the search in this format."""
    app.connect("builder-inited", _use)
