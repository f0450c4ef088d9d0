"""Writes what finished pages are given by scripts of the book, for Sphinx and the server: terms, further rows, previews.

Each part says what it has to say without scripts too. They are plain strings, which are put together with the strings that Sphinx
has: :class:`Html` would escape what it is added to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cordbook.display.html.finished import finished_element, void_element
from cordbook.display.html.markup import Html

_END = b"</body>"


def term_link(written: str, address: str, meaning_id: str) -> str:
    """A term as a page writes it (markup), as a link to the glossary; its meaning is an element of the page."""
    return str(finished_element("a", Html(written), class_="cb-term", href=address, aria_describedby=meaning_id))


def term_meanings(terms: Iterable[tuple[str, str, str]]) -> str:
    """The meanings of a page's terms, hidden: a script shows them, a screen reader says them with the term.

    ``terms``: the id of each meaning, the name of the term and its meaning. Without any, nothing.
    """
    items = [finished_element("p", finished_element("strong", name), " ", meaning, id=key) for key, name, meaning in terms]
    return str(finished_element("div", *items, class_="cb-meanings", hidden=True)) if items else ""


def rows_beyond(table: str, kept: int, rows: int, everything: str, scripts: Sequence[str]) -> str:
    """What stands below a table or list of ``rows`` rows of which a page keeps the first: how many, and where the others are.

    ``everything`` is the address of a file with all rows, ``scripts`` those of the files that add the others.
    """
    note = finished_element(
        "p",
        f"Here stand the first {kept} of {rows:,} rows. A script adds the others; ",
        finished_element("a", "all of them as a file", href=everything),
        ".",
        class_="cb-more",
        data_rows_of=table,
    )
    return "".join([str(note), *(finished_element("script", defer=True, src=address) for address in scripts)])


def meta_elements(wanted: Mapping[tuple[str, str], str]) -> list[str]:
    """A ``meta`` element for each content by the attribute that names it ("name" or "property") and its name."""
    return [str(void_element("meta", **{attribute: name, "content": content})) for (attribute, name), content in wanted.items()]


def with_script(page: bytes, address: str) -> bytes:
    """A page that loads one more script, at the end of its body.

    >>> with_script(b"<body>x</body>", "/live.js")
    b'<body>x<script src="/live.js"></script></body>'
    """
    head, mark, tail = page.rpartition(_END)
    script = finished_element("script", src=address).encode()
    return head + script + mark + tail if mark else page + script
