"""What the Sphinx extension does for citing: the directive ``cite-book`` and the script of all boxes."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from cordbook.display.html.cite_box import cite_box, follow_line
from cordbook.display.html.markup import join
from cordbook.evidence.review_state import load_status
from cordbook.publish.pages.cite_boxes import edition_of
from cordbook.review.citation.citations import cite_book
from cordbook.review.citation.edition import edition_digest

_KEY = "cordbook-cite"


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""

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
    app.add_js_file("pages/cite.js", loading_method="defer")


def _outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages with a box are read again when the edition has changed: a release, its date, its authors, an address."""
    root = Path(app.srcdir)
    now = edition_digest(edition_of(root)) + load_status(root / "data").report_to
    before, env.cordbook_edition = getattr(env, "cordbook_edition", None), now
    return [] if now == before else [name for name, meta in env.metadata.items() if _KEY in meta and name in env.found_docs]
