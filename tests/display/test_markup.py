"""Markup of pages: whatever meets it is escaped, however the two meet."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from cordbook.display.html.markup import Html, element, join, myst_text, text

HOSTILE = ("<script>alert(1)</script>", "\"'><svg onload=x>", "{est}`x` $y$ \\", "&lt;&#60;", "a\n\n# b\u202ec", "%s {} {{7*7}}")
#: Every way in which a text gets into markup.
WAYS = {
    "text": text,
    "join": lambda value: join("", value),
    "element": lambda value: element("p", value),
    "attribute": lambda value: element("p", title=value),
    "added after": lambda value: Html("") + value,
    "added before": lambda value: value + Html(""),
    "formatted": lambda value: Html("{}").format(value),
    "percent": lambda value: Html("%s") % value,
    "joined": lambda value: Html("").join([value]),
    "replaced": lambda value: Html("x").replace("x", value),
}
#: What a browser, or the parser of Markdown before it, would read as its own.
LIVE = re.compile(r"[`{}$\\\n\"']|<(?!/?p\b)")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(way, hostile):
    made = WAYS[way](hostile)
    assert isinstance(made, Html)
    assert not LIVE.search(made.replace('<p title="', "<p ").replace('"></p>', "></p>").replace("<p title=", "<p "))


@given(st.text())
def test_any_text_is_escaped_alike_however_it_comes_in(value):
    once = text(value)
    assert not LIVE.search(once)
    assert {
        WAYS[way](value) for way in ("join", "added after", "added before", "formatted", "percent", "joined", "replaced")
    } == {once}
    assert text(once) is once


def test_markup_of_templates_passes_and_stays_strict():
    made = text(Markup("<b>x</b>"))
    assert made == "<b>x</b>"
    assert made + "{" == "<b>x</b>&#123;"


def test_a_line_of_markdown_is_not_markup():
    assert not isinstance(myst_text("x"), Markup)
