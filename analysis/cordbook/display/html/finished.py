"""Writes elements into finished pages, for what comes after Markdown: here a text is only escaped, no parser reads it again.

:func:`cordbook.display.html.markup.element` writes for pages that a parser of Markdown still reads, and so escapes more.
"""

from __future__ import annotations

import re
from html import escape, unescape

from cordbook.display.html.markup import Html, opening

_TAG = re.compile(r"<[^>]+>")
_LINE_BREAK = "<br>"


def finished(value: object) -> str:
    """A value as text of a finished page; what is markup already (:class:`Html`) stays as it is.

    >>> finished("{x} & <b>"), finished(Html("<b>y</b>"))
    ('{x} &amp; &lt;b&gt;', '<b>y</b>')
    """
    return str(value) if isinstance(value, Html) else escape(str(value), quote=True)


def finished_element(tag: str, *parts: object, **attributes: object) -> Html:
    """An element of a finished page; attributes as :func:`cordbook.display.html.markup.element` takes them.

    >>> finished_element("p", "$5 ", finished_element("a", "more", href="x?a&b"), hidden=True)
    Html('<p hidden>$5 <a href="x?a&amp;b">more</a></p>')
    """
    return Html(f"<{opening(tag, attributes, finished)}>{''.join(map(finished, parts))}</{tag}>")


def void_element(tag: str, **attributes: object) -> Html:
    """An element that holds nothing, as Sphinx writes them.

    >>> void_element("meta", name="description", content='A "quote"')
    Html('<meta name="description" content="A &quot;quote&quot;" />')
    """
    return Html(f"<{opening(tag, attributes, finished)} />")


def with_attributes(markup: str, tag: str, **attributes: object) -> str:
    """Markup whose first element of a name that has attributes gets further ones, before those that it has.

    >>> with_attributes('<svg width="1"><a x="y"/></svg>', "svg", class_="small", hidden=None)
    '<svg class="small" width="1"><a x="y"/></svg>'
    """
    return markup.replace(f"<{tag} ", f"<{opening(tag, attributes, finished)} ", 1)


def has_element(markup: str, tag: str) -> bool:
    """Has markup an element of a name, with attributes?"""
    return f"<{tag} " in markup


def plain_text(markup: str) -> str:
    """What a reader sees of markup, on one line.

    >>> plain_text("Of <em>a</em> &amp;<br>b")
    'Of a & b'
    """
    return " ".join(unescape(_TAG.sub("", markup.replace(_LINE_BREAK, " "))).split())
