"""Where a page uses a term of the glossary: the first use in each section of its prose, as a link to the term's meaning.

A page is read as tags and text between them, and only text is ever changed. Left alone are headings, links, buttons, code,
formulas, figures, heads of tables and of rows, citations: what stands there is a name, a number or a control.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape, unescape

from cordbook.display.html.page_parts import term_link, term_meanings

#: Elements whose text is not prose, and classes of such elements.
LEFT_OUT = frozenset(
    (
        "a", "abbr", "button", "caption", "code", "dt", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "kbd",
        "label", "mark", "math", "nav", "pre", "samp",
        "script", "select", "style", "summary", "svg", "template", "textarea", "th", "title",
    )
)  # fmt: skip
LEFT_OUT_CLASSES = frozenset(
    (
        "math", "citation", "cb-glossary", "cb-letters", "cb-studies", "cb-number", "cb-status", "cb-study-head", "cb-cite",
        "cb-estimate",
    )
)  # fmt: skip
#: Elements that hold prose; text elsewhere is left alone.
PROSE = frozenset(("p", "li", "dd", "td"))
#: Sections within sections of this depth share their marks: a page is not to be spotted with them.
SECTION_DEPTH = 2
VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))
_TOKEN = re.compile(r"(<!--.*?-->|<[^>]+>)", re.S)
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)")
_CLASS = re.compile(r'\bclass="?([^">]*)')


@dataclass(frozen=True, slots=True)
class Term:
    """A term with its meaning and the part of an address after ``#`` in the glossary.

    ``also``: further words for it; the words in brackets after its name count anyway. ``not_before``: words before which it means
    something else.
    """

    name: str
    meaning: str
    anchor: str
    also: tuple[str, ...] = ()
    not_before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marker:
    """Marks terms in pages; made once for a glossary, used for every page."""

    terms: tuple[Term, ...]

    @cached_property
    def _by_form(self) -> dict[str, Term]:
        """Terms by each form in which they are written, in small letters; the first term of a form has it."""
        found: dict[str, Term] = {}
        for term in self.terms:
            for form in forms(term):
                found.setdefault(form.lower(), term)
        return found

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        written = {form for term in self.terms for form in forms(term)}
        patterns = [_written(form) for form in sorted(written, key=lambda form: (-len(form), form))]
        return re.compile(rf"(?<![\w-])(?:{'|'.join(patterns)})(?![\w-])") if patterns else None

    def mark(self, body: str, glossary: str) -> tuple[str, tuple[Term, ...]]:
        """The body with its terms marked, and the terms that were; ``glossary`` is the address of the glossary.

        >>> marker = Marker((Term("axon", "The long thread of a nerve cell.", "term-axon"),))
        >>> marker.mark("<h1>Axons</h1><p>Axons grow.</p>", "g.html")[0]
        '<h1>Axons</h1><p><a class="cb-term" href="g.html#term-axon" aria-describedby="cb-meaning-axon">Axons</a> grow.</p>'
        """
        used: dict[str, Term] = {}
        seen: set[str] = set()
        out = []
        for kind, token in prose(body):
            if kind == "section":
                seen = set()
            out.append(self._mark_text(token, glossary, seen, used) if kind == "prose" else token)
        return "".join(out), tuple(used.values())

    def _mark_text(self, text: str, glossary: str, seen: set[str], used: dict[str, Term]) -> str:
        if self._pattern is None:
            return text

        def marked(found: re.Match[str]) -> str:
            term = self._by_form[singular(_known(found[0]), self._by_form)]
            if term.anchor in seen or _means_else(term, text[found.end() :]):
                return found[0]
            seen.add(term.anchor)
            used.setdefault(term.anchor, term)
            return term_link(found[0], f"{glossary}#{term.anchor}", meaning_id(term))

        return self._pattern.sub(marked, text)


def meanings(terms: Iterable[Term]) -> str:
    """The meanings of a page's terms, as elements that their marks name."""
    return term_meanings((meaning_id(term), term.name, term.meaning) for term in terms)


def meaning_id(term: Term) -> str:
    """The id under which a page holds the meaning of a term."""
    return f"cb-meaning-{term.anchor.removeprefix('term-')}"


def forms(term: Term) -> tuple[str, ...]:
    """The ways in which a term is written, without plurals.

    >>> forms(Term("confidence interval (CI)", "", "", also=("interval",))), forms(Term("early, late and never", "", ""))
    (('confidence interval', 'CI', 'interval'), ('early', 'late', 'never'))
    """
    plain, _, short = term.name.partition("(")
    parts = [part.strip() for part in re.split(r",| and ", plain)] if "," in plain else [plain.strip()]
    return tuple(dict.fromkeys(form for form in (*parts, short.rstrip(") ").strip(), *term.also) if form))


def singular(text: str, known: Mapping[str, object]) -> str:
    """The known form of a word that may be a plural, as :func:`_written` makes it; ``KeyError`` where there is none."""
    if text in known:
        return text
    for ending, one in (("ies", "y"), ("es", "is"), ("es", ""), ("s", "")):
        if text.endswith(ending) and text[: -len(ending)] + one in known:
            return text[: -len(ending)] + one
    raise KeyError(text)


def _means_else(term: Term, after: str) -> bool:
    return after.lstrip().startswith(term.not_before) if after else False


def _known(text: str) -> str:
    plain = " ".join(unescape(text).split()).replace("\u2019", "'")
    return re.sub(r"[\u2010-\u2013]", "-", plain).lower()


def _written(form: str) -> str:
    """A form as a pattern: small letters match capitals too, capitals only themselves; blanks may be line ends; plurals."""
    words = [_word(word) for word in form.split()]
    last = form.split()[-1]
    if last.endswith("y") and last.islower():
        words[-1] = f"{_word(last[:-1])}(?:y|ies)"
    elif last.endswith("is") and last.islower():
        words[-1] = f"{_word(last[:-2])}[ie]s"
    elif not last.endswith("s"):
        words[-1] += "s?"
    return r"\s+".join(words)


def _word(word: str) -> str:
    letters = re.escape(escape(word, quote=False)).replace(r"\-", "[-\u2010-\u2013]").replace("'", "(?:['\u2019]|&#x27;|&#39;)")
    return letters if any(c.isupper() for c in word) else re.sub(r"[a-z]", lambda c: f"[{c[0]}{c[0].upper()}]", letters, count=1)


def prose(body: str) -> Iterator[tuple[str, str]]:
    """The body in pieces: ("section", tag) where one begins, ("prose", text) and ("other", what) for all else.

    >>> [piece for piece in prose("<section><h2>A</h2><p>B <code>c</code></p></section>") if piece[0] != "other"]
    [('section', '<section>'), ('prose', 'B ')]
    """
    open_elements: list[tuple[str, bool, bool]] = []  # name, left out, prose
    sections = 0
    for token in _TOKEN.split(body):
        if not token:
            continue
        tag = _TAG.match(token)
        if tag is None:
            state = open_elements[-1] if open_elements else ("", False, False)
            yield ("prose" if state[2] and not state[1] and not token.startswith("<") else "other"), token
            continue
        name = tag[1].lower()
        begins = False
        if token.startswith("</"):
            place = next((i for i in range(len(open_elements) - 1, -1, -1) if open_elements[i][0] == name), None)
            if place is not None:
                del open_elements[place:]
            sections -= name == "section"
        elif name not in VOID and not token.endswith("/>"):
            above = open_elements[-1] if open_elements else ("", False, False)
            open_elements.append((name, above[1] or _left_out(name, token), above[2] or name in PROSE))
            sections += name == "section"
            begins = name == "section" and sections <= SECTION_DEPTH
        yield ("section" if begins else "other"), token


def _left_out(name: str, tag: str) -> bool:
    classes = _CLASS.search(tag)
    return name in LEFT_OUT or bool(classes and LEFT_OUT_CLASSES & set(classes[1].split()))
