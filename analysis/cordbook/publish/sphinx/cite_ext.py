"""What the Sphinx extension does for citing: the directive ``cite-book`` and the script of all boxes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docutils import nodes
from pybtex.richtext import Text
from pybtex.style.template import first_of, node, optional
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

from cordbook.display.html.cite_box import cite_box, follow_line
from cordbook.display.html.markup import join
from cordbook.evidence.evidence import load_evidence
from cordbook.evidence.labels import shortened
from cordbook.evidence.review_state import load_status
from cordbook.publish.pages.cite_boxes import edition_of
from cordbook.review.citation.citations import cite_book
from cordbook.review.citation.edition import edition_digest

_KEY = "cordbook-cite"


#: The style of citations in sentences, as _config.yml names it.
STYLE = "author_year_short"


@node
def short_title(children: Any, data: Mapping[str, Any]) -> Text:
    """The first words of a title in quotation marks, as style guides name a work without an author within a sentence."""
    return Text(f"“{shortened(str(Text.from_latex(data['entry'].fields['title'])))}”")


@dataclass
class _NamedShort(PersonStyle):
    def author_or_editor_or_title(self, full: bool) -> Any:
        return first_of[optional[self.names("author", full)], optional[self.names("editor", full)], short_title()]


@dataclass
class ShortTitles(AuthorYearReferenceStyle):
    """Citations by author and year; a work without an author is named by the first words of its title."""

    person: PersonStyle = field(default_factory=_NamedShort)


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""
    register_plugin("sphinxcontrib.bibtex.style.referencing", STYLE, ShortTitles)

    class CiteBook(SphinxDirective):
        """The box that cites the book."""

        def run(self) -> list[nodes.Node]:
            self.env.metadata[self.env.docname][_KEY] = "yes"
            root = Path(self.env.srcdir)
            box = cite_box(cite_book(edition_of(root)), load_status(root / "data").report_to)
            feed = follow_line(f"{'../' * self.env.docname.count('/')}feed.xml")
            return [nodes.raw("", join(box, feed), format="html")]

    app.add_directive("cite-book", CiteBook)
    app.connect("env-get-outdated", _outdated)
    app.connect("env-before-read-docs", _letter_years)
    app.add_js_file("pages/cite.js", loading_method="defer")


def _letter_years(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Put the letter of a source behind its year in citations and bibliography, as its label has it in figures and tables."""
    letters = load_evidence(Path(app.srcdir) / "data").source_letters()
    entries = env.get_domain("cite").bibdata.data.entries  # type: ignore[attr-defined]
    if lettered(entries, letters):
        env.cordbook_citations = None  # type: ignore[attr-defined]


def lettered(entries: Mapping[str, Any], letters: Mapping[str, str]) -> bool:
    """Put letters behind the years of ``entries``, once however often it is called; whether one is another than before."""
    changed = False
    for key in entries.keys() & letters.keys():
        before = entries[key].fields.get("year", "")
        after = f"{re.sub('[a-z]+$', '', before)}{letters[key]}" if before else ""
        if after != before:
            entries[key].fields["year"], changed = after, True
    return changed


def _outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages with a box are read again when the edition has changed: a release, its date, its authors, an address."""
    root = Path(app.srcdir)
    now = edition_digest(edition_of(root)) + load_status(root / "data").report_to
    before, env.cordbook_edition = getattr(env, "cordbook_edition", None), now
    return [] if now == before else [name for name, meta in env.metadata.items() if _KEY in meta and name in env.found_docs]
