"""Rewrites a page of the theme as one of ours, for a strict policy: no script, handler or style stands in it, and it loads only what it needs.

The theme writes small scripts and handlers into every page, loads an icon library of 1.5 MB, and the whole search index. With
them no strict Content-Security-Policy would work, and the landing page would weigh a megabyte. Their work is done by two small
files in ``assets/pages``, and icons are drawn by ``icons.css``. The rewriting is by pattern, in a few milliseconds a
page; tests in a real browser, under the strict policy, see that nothing escapes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from cordbook.display.html.finished import finished_element, void_element
from cordbook.display.html.markup import Html

_INLINE_SCRIPT = re.compile(r"\s*<script(?![^>]*\bsrc=)[^>]*>.*?</script>", flags=re.S)
_HEAD_COMMENT = re.compile(r"\s*<!--.*?-->", flags=re.S)
_NOSCRIPT_STYLE = re.compile(r"<noscript>\s*<style>.*?</style>\s*</noscript>", flags=re.S)
_HANDLERS = (
    ('onclick="window.print()"', 'data-cb-action="print"'),
    ('onclick="toggleFullScreen()"', 'data-cb-action="fullscreen"'),
)
#: The field-like button says "Search" and its keys; a name of its own would hide these from who hears the page.
_SEARCH_BUTTON = re.compile(r'(<button class="[^"]*\bsearch-button-field\b[^>]*?) aria-label="Search"')
#: How Sphinx lays out the columns of the index; look.css does it.
_INDEX_STYLE = re.compile(r'(<t(?:able|d)) style="width: \d+%(?:; vertical-align: top;)?"')
#: What opens a part of the sidebar is an arrow alone; who hears the page needs a name.
_FOLD = '<summary><span class="toctree-toggle"'
_NAMED_FOLD = _FOLD.replace("<summary>", '<summary aria-label="Show or hide the pages below">')
_SPARE_META = re.compile(r'\s*<meta name="(?:docsearch:[a-z]+|viewport)"[^>]*>')
_CHARSET = void_element("meta", charset="utf-8")
_VIEWPORT = void_element("meta", name="viewport", content="width=device-width, initial-scale=1")
_ICON = re.compile(r'<(i|span) class="([^"]*\bfa-[a-z][^"]*)"')
#: The names of the icon library, under which its fonts would be loaded.
_LIBRARY = {"fas", "fa", "fa-solid", "fa-regular", "far"}

#: Roles that docutils gives to references: the one is deprecated, and then the list holds what no list may.
_ROLES = (' role="doc-biblioentry"', ' role="list" class="citation-list"')

#: Tables of plain Markdown scroll in a box of the theme; who has no mouse must reach it, and hear what it is.
_SCROLLING = '<div class="pst-scrollable-table-container">'
_REACHED = _SCROLLING.replace(">", ' tabindex="0" role="group" aria-label="Table, scrolls sideways on a narrow screen">')

#: A file that a page loads (part of its name), and what must stand in the page for it to be of use.
_ONLY_WITH = {
    "fontawesome.js": None,
    "searchtools.js": 'id="search-results"',
    "language_data.js": 'id="search-results"',
    "searchindex.js": 'id="search-results"',
    "togglebutton": 'class="toggle',
    "clipboard.min.js": 'class="highlight-',
    "copybutton": 'class="highlight-',
    "pages/cite.js": 'class="cb-cite"',
    "design-tabs.js": 'class="sd-tab-set',
    "sphinx-design.min.css": ' class="sd-',
}
_LOADED = re.compile(r'\s*<(?:script[^>]*\bsrc="([^"]+)"[^>]*></script>|link[^>]*\brel="(?:stylesheet|preload)"[^>]*/?>)')
#: A page says within so many letters that it is one.
_OPENING = 2000
#: How far what we add to a head is set in.
_LINE = "\n  "


def is_page(text: str) -> bool:
    """Is what a template made a whole page? Sphinx makes parts of pages by templates too."""
    return "<html" in text[:_OPENING]


def strict_page(page: str, root: str) -> str:
    """The page with its scripts, handlers and styles in files; ``root`` leads from the page to the root of the site.

    >>> strict_page('<head></head><body><button onclick="window.print()">Print</button></body>', "../").count("onclick")
    0
    """
    head, mark, body = page.partition("</head>")
    if not mark:
        return page
    parts = _head_parts(root)
    head = _NOSCRIPT_STYLE.sub(lambda _: parts.without_scripts, head)
    head = _HEAD_COMMENT.sub("", _INLINE_SCRIPT.sub("", _SPARE_META.sub("", head)))
    head = head.replace(_CHARSET, parts.first, 1) + parts.last
    body = _INLINE_SCRIPT.sub("", body)
    for old, new in _HANDLERS:
        body = body.replace(old, new)
    for role in _ROLES:
        body = body.replace(role, "")
    body = _SEARCH_BUTTON.sub(r"\1", body).replace(_FOLD, _NAMED_FOLD)
    body = _INDEX_STYLE.sub(r"\1", body)
    body = _ICON.sub(_own_icon, body).replace(_SCROLLING, _REACHED)
    return (
        _LOADED.sub(lambda tag: "" if _unused(tag[0], body) else tag[0], head)
        + mark
        + _LOADED.sub(lambda tag: "" if _unused(tag[0], body) else tag[0], body)
    )


@dataclass(frozen=True, slots=True)
class _HeadParts:
    """What the head of a page is given: where it says its letters, at its end, and for readers without scripts."""

    first: str
    last: str
    without_scripts: str


@lru_cache(64)
def _head_parts(root: str) -> _HeadParts:
    """The parts for pages from which ``root`` leads to the root of the site; there are as many as folders are deep."""
    icon = void_element("link", rel="icon", type="image/svg+xml", href=f"{root}_static/pages/icon.svg")
    feed = void_element(
        "link", rel="alternate", type="application/atom+xml", title="New versions and studies", href=f"{root}feed.xml"
    )
    start = finished_element("script", src=f"{root}_static/pages/page-start.js")
    late = [f"{root}_static/pages/page-options.js", f"{root}_static/pages/versions.js", f"{root}versions.js"]
    scripts = [finished_element("script", defer=True, src=address) for address in late]
    return _HeadParts(
        first=_LINE.join((_CHARSET, _VIEWPORT, icon, start)),
        last=_LINE.join((feed, _style_sheet(f"{root}_static/pages/icons.css"), *scripts, "")),
        without_scripts=str(finished_element("noscript", _style_sheet(f"{root}_static/pages/no-script.css"))),
    )


def _style_sheet(address: str) -> Html:
    return void_element("link", rel="stylesheet", href=address)


def _own_icon(tag: re.Match[str]) -> str:
    """An icon of the theme as one of ours; buttons say in words what they do.

    >>> _ICON.sub(_own_icon, '<i class="theme-switch fa-solid fa-sun"></i>')
    '<i aria-hidden="true" class="cb-icon theme-switch fa-sun"></i>'
    """
    names = [name for name in tag[2].split() if name not in _LIBRARY]
    return f'<{tag[1]} aria-hidden="true" class="cb-icon {" ".join(names)}"'


def _unused(tag: str, body: str) -> bool:
    return any(name in tag and (needed is None or needed not in body) for name, needed in _ONLY_WITH.items())
