"""Terms in pages: which words are marked, and that nothing else of a page changes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.display.tables.back_matter import term_anchor
from cordbook.evidence.evidence import load_evidence
from cordbook.publish.sphinx.glossary_ext import terms
from cordbook.publish.sphinx.glossary_marks import Marker, Term, forms, meaning_id, meanings
from cordbook.review.estimates.estimates import load_estimates

NAMES = (
    "spinal cord",
    "spinal cord injury (SCI)",
    "axon",
    "necrosis",
    "complete injury",
    "gray (Gy)",
    "AIS grade",
    "blood-spinal cord barrier",
    "cervical, thoracic and lumbar",
    "mesenchymal stem cell (MSC)",
    "stem cell",
    "Down's scale",
)
ALSO, NOT_BEFORE = {"AIS grade": ("AIS",)}, {"gray (Gy)": ("matter",)}
MARKER = Marker(tuple(Term(n, f"Meaning of {n}.", term_anchor(n), ALSO.get(n, ()), NOT_BEFORE.get(n, ())) for n in NAMES))
MARK = re.compile(r'<a class="cb-term" href="g\.html#([^"]+)" aria-describedby="([^"]+)">([^<]*)</a>')


def marked(body: str) -> list[str]:
    return [found[3] for found in MARK.finditer(MARKER.mark(body, "g.html")[0])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A spinal cord injury hurts the spinal cord.", ["spinal cord injury", "spinal cord"]),
        ("Spinal\ncord injuries; then SCI again", ["Spinal\ncord injuries"]),
        ("sci is no word of ours, nor is ais", []),
        ("Given 50 Gy", ["Gy"]),
        ("the gray matter, and one gray", ["gray"]),
        ("axonal, axon-like and non-axon", []),
        ("Necroses and AXON", ["Necroses"]),
        ("the blood–spinal cord barrier", ["blood–spinal cord barrier"]),
        ("Thoracic or lumbar", ["Thoracic"]),
        ("AIS A, AIS grades", ["AIS"]),
        ("Mesenchymal Stem Cells and stem cells", ["Mesenchymal Stem Cells", "stem cells"]),
        ("Down&#x27;s scale or Down’s scales", ["Down&#x27;s scale"]),
        ("complete  injuries", ["complete  injuries"]),
    ],
)
def test_words(text, found):
    assert marked(f"<p>{text}</p>") == found


@pytest.mark.parametrize(
    "body",
    [
        "<h2>axon</h2>",
        "<p><a href='x'>an axon</a></p>",
        "<p><code>axon</code></p>",
        "<pre>axon</pre>",
        "<table><thead><tr><th>axon</th></tr></thead></table>",
        "<figure><p>axon</p></figure>",
        "<svg><text>axon</text></svg>",
        "<p><button>axon</button></p>",
        '<p><span class="math">axon</span></p>',
        "<p title='axon'>x</p>",
        "<dl><dt>axon</dt></dl>",
        "<div>axon</div>",
        "<details><summary>axon</summary></details>",
        "<script>axon</script>",
        "<p><!-- axon --></p>",
        "<table><tr><th scope=row>axon</th><td class=cb-number>axon</td></tr></table>",
        "<p><a href='x'>an <b>axon</b></a></p>",
    ],
)
def test_left_alone(body):
    assert MARKER.mark(body, "g.html") == (body, ())


def test_first_use_in_each_section():
    page = (
        "<section><h1>T</h1><p>axon</p><section><p>axon, <em>axon</em></p><section><p>axon</p></section></section>"
        "<section><p><br>axon <img src=x> axon</p></section></section>"
    )
    assert marked(page) == ["axon"] * 3


def test_text_between_unclosed_and_void_elements_is_still_prose():
    assert marked("<ul><li>axon<li>necrosis</ul><p>SCI<br/>AIS</p>") == ["axon", "necrosis", "SCI", "AIS"]


class _Text(HTMLParser):
    """Text and tags of a page, without our marks."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[object] = []
        self.text = ""
        self._in_mark = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        if ("class", "cb-term") in attrs:
            self._in_mark = True
        else:
            self.found.append((tag, attrs))

    def handle_endtag(self, tag):
        if self._in_mark and tag == "a":
            self._in_mark = False
        else:
            self.found.append(tag)

    def handle_data(self, data):
        assert not (self._in_mark and "<" in data)
        self.text += data


PIECES = st.sampled_from(
    [
        "axon",
        "SCI ",
        "spinal cord ",
        "&lt;axon&gt;",
        "&amp;",
        "<p>",
        "</p>",
        "<li>",
        '<a href="axon">',
        "</a>",
        "<section>",
        "</section>",
        "<td>",
        "</td>",
        "<code>",
        "</code>",
        "<br/>",
        '<img alt="an axon">',
        "<h2>",
        "</h2>",
        " injury",
        "-",
        "<em>",
        "</em>",
        "é",
        "\n",
        "AIS grade",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_marks_add_links_and_change_nothing_else(body):
    out, used = MARKER.mark(body, "g.html")
    assert MARK.sub(r"\3", out) == body
    before, after = _Text(body), _Text(out)
    assert (after.text, after.found) == (before.text, before.found)
    assert {found[1] for found in MARK.finditer(out)} == {term.anchor for term in used}


def test_whatever_a_term_holds_stays_text():
    term = Term('"><script>x</script>', "<img src=x onerror=alert(1)>", term_anchor('"><script>x</script>'))
    box = meanings([term])
    assert "<script" not in box
    assert "<img" not in box
    out, used = Marker((Term("a <b> cell", "x", 'term-"x'),)).mark("<p>A &lt;b&gt; cell</p>", 'g".html')
    assert used
    assert 'href="g&quot;.html#term-&quot;x"' in out


def test_every_term_of_the_review_has_its_own_forms_and_is_found(root):
    found = terms(load_estimates(root))
    assert len(found) == len(load_evidence(root / "data")["glossary"])
    marker = Marker(found)
    for term in found:
        for form in forms(term):
            for text in {form, form[0].upper() + form[1:] if form.split()[0].islower() else form}:
                out, used = marker.mark(f"<p>The {text}.</p>", "g.html")
                assert used == (term,), text
                assert f">{text}</a>." in out
    assert len({meaning_id(term) for term in found}) == len(found)
