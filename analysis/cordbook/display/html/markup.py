"""HTML made so that no text can become markup: a plain string is always escaped, only :class:`Html` is not.

``element("td", study.title)`` is safe whatever the title holds. :func:`myst_text` does the same for a line of
MyST Markdown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from html import escape
from urllib.parse import quote, urlsplit

from markupsafe import Markup

#: Characters that Markdown, MyST or a directive could read as their own; as entities they are only characters.
_LIVE = str.maketrans({c: f"&#{ord(c)};" for c in "`{}$\\"})
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class Html(Markup):
    """Text that is markup already. Make it with :func:`element`, :func:`join` or :func:`text`.

    Whatever is joined, added or formatted into it is escaped as :func:`text` does, which is stricter than
    :func:`markupsafe.escape`: the pages are read by a parser of Markdown first.

    >>> Html("<p>") + "{{x}} <b>"
    Html('<p>&#123;&#123;x&#125;&#125; &lt;b&gt;')
    """

    __slots__ = ()

    @classmethod
    def escape(cls, value: object, /) -> Html:
        """:func:`text`, by which markupsafe escapes what meets this string."""
        return text(value)


def one_line(value: object) -> str:
    """A value as one line: blanks joined, control and invisible formatting characters left out.

    >>> one_line("a\\n\\n b\\u202ec")
    'a bc'
    """
    joined = " ".join(str(value).split())
    if joined.isprintable():  # nearly every text: nothing to leave out
        return joined
    visible = "".join(c for c in joined if unicodedata.category(c) not in _INVISIBLE)
    return " ".join(visible.split())


def text(value: object) -> Html:
    """Any value as harmless HTML on one line, a blank at either end kept; what has markup of its own (``__html__``) gives that.

    >>> text("<b>`x`</b> & {{y}}")
    Html('&lt;b&gt;&#96;x&#96;&lt;/b&gt; &amp; &#123;&#123;y&#125;&#125;')
    """
    if hasattr(value, "__html__"):
        return value if isinstance(value, Html) else Html(value)
    plain = str(value)
    before, after = (" " if plain[:1].isspace() else ""), (" " if plain[-1:].isspace() else "")
    inside = one_line(plain)
    return Html(f"{before}{escape(inside, quote=True).translate(_LIVE)}{after}" if inside else before)


def verbatim(value: str) -> Html:
    """Text with its blanks and lines, for ``pre``: line ends become entities, so that no parser of Markdown sees a blank line.

    >>> verbatim("TY  - <b>\\n\\nER")
    Html('TY  - &lt;b&gt;&#10;&#10;ER')
    """
    shown = "".join(c for c in value.replace("\r\n", "\n") if c == "\n" or unicodedata.category(c) not in _INVISIBLE)
    return Html(escape(shown, quote=True).translate(_LIVE).replace("\n", "&#10;"))


def join(*parts: object, between: str = "") -> Html:
    """Parts one after the other, each escaped unless it is :class:`Html`."""
    return text(between).join(parts)


def element(tag: str, *parts: object, **attributes: object) -> Html:
    """An HTML element; attributes that are None or False are left out, ``class_`` stands for ``class``.

    >>> element("a", "Lima & others", href="x.html", class_=None)
    Html('<a href="x.html">Lima &amp; others</a>')
    """
    return Html(f"<{opening(tag, attributes, text)}>{join(*parts)}</{tag}>")


def opening(tag: str, attributes: Mapping[str, object], escaped: Callable[[object], str]) -> str:
    """What stands between the brackets that open an element: its name and its attributes, as :func:`element` takes them.

    >>> opening("a", {"class_": "x", "aria_label": "A & B", "hidden": True, "id": None}, text)
    'a class="x" aria-label="A &amp; B" hidden'
    """
    pairs = [(name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items() if value not in (None, False)]
    return tag + "".join(f" {name}" if value is True else f' {name}="{escaped(value)}"' for name, value in pairs)


def link(label: object, href: str | None) -> Html:
    """A link to a page of the book, or to another host by https; any other address gives the label alone.

    >>> link("x", "javascript:alert(1)"), link("x", None), link("x", "a.html#b")
    (Html('x'), Html('x'), Html('<a href="a.html#b">x</a>'))
    """
    return element("a", label, href=href) if href and is_safe(href) else text(label)


def is_safe(href: str) -> bool:
    """Is an address https with a plain host, or relative within the book?"""
    if re.search(r"[\s\x00-\x1f<>\"'\\`{}]", href):
        return False
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    if parts.scheme or href.startswith("//"):
        return parts.scheme == "https" and bool(_HOST.fullmatch(parts.netloc))
    return ":" not in href.split("/", 1)[0].split("#", 1)[0]


def anchor(identifier: str) -> str:
    """The part of an address after ``#`` for an id."""
    return quote(identifier, safe="")


def myst_text(value: object) -> str:
    """A value as literal text within one line of MyST Markdown: every ASCII sign is escaped.

    >>> myst_text("{est}`x` <b> $y$")
    '\\\\{est\\\\}\\\\`x\\\\` \\\\<b\\\\> \\\\$y\\\\$'
    """
    return _PUNCTUATION.sub(r"\\\1", one_line(value))
