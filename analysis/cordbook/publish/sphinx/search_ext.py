"""What makes the search find estimates, studies and terms by their names: objects of a Sphinx domain, each with its address.

Sphinx puts objects into its own search index (which works from a disk) and into ``objects.inv``, where other books find them.
What a found page is about stands in a script of its own, since a page opened from a disk may not read others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains import Domain, ObjType
from sphinx.environment import BuildEnvironment

from cordbook.core.files import write_whole
from cordbook.core.tracking import unnoted
from cordbook.publish.pages import estimate_pages, study_pages
from cordbook.publish.sphinx import glossary_ext
from cordbook.publish.sphinx.share_ext import description_of, shorten
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.scores.estimates import scores_of

#: A name, the page and the part after ``#``: (kind, name, id, page, anchor).
Found = tuple[str, str, str, str, str]
#: Before pages and words of the same name; see ``Scorer`` in Sphinx' ``searchtools.js``.
IMPORTANT = 0
#: Where the theme begins the text of a page. No anchor at all would be read as one that is the name.
TOP = "main-content"
#: Under ``_static``; loaded by the search page alone.
WORDS = "pages/search-words.js"
#: Two or three lines under a found page.
LONGEST = 220


def connect(app: Sphinx, estimates: Callable[[Sphinx], Estimates]) -> None:
    """Connect to Sphinx; ``estimates`` gives the estimates of a build, and with them studies and terms."""

    class ReviewDomain(Domain):
        """Estimates, studies and terms of a review."""

        name = "review"
        label = "Review"
        object_types: ClassVar[dict[str, ObjType]] = {
            "estimate": ObjType("Estimate"),
            "study": ObjType("Study"),
            "term": ObjType("Term"),
        }

        def get_objects(self) -> Iterable[tuple[str, str, str, str, str, int]]:
            with unnoted():
                for kind, shown, key, page, anchor in findable(estimates(self.env.app)):
                    yield key, shown, kind, page, anchor, IMPORTANT

        def get_type_name(self, type: ObjType, primary: bool = False) -> str:
            """The kind alone, as the search page shows it."""
            return str(type.lname)

        def resolve_any_xref(self, *_: Any) -> list[tuple[str, Any]]:
            """No link of a page leads here by a bare name: pages name estimates and studies by their roles."""
            return []

        def merge_domaindata(self, docnames: Any, otherdata: Any) -> None:
            """Nothing is kept: all stands in the data."""

    def in_plain_words(a: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
        if page == "search":
            # Every page has been read by now. Written before it is named, since Sphinx puts a digest of it into the page.
            with unnoted():
                write_whole(Path(a.outdir) / "_static" / WORDS, words_script(_words(a.env), estimates(a)))
            a.add_js_file(WORDS, loading_method="defer")
            a.add_js_file("search.js", loading_method="defer")
            a.add_css_file("search.css")

    app.add_domain(ReviewDomain)
    app.connect("html-page-context", in_plain_words)
    app.connect("doctree-read", _keep_words)
    app.connect("env-purge-doc", lambda a, env, page: _words(env).pop(page, None))
    app.connect("env-merge-info", lambda a, env, pages, other: _words(env).update({p: _words(other)[p] for p in pages}))


def _words(env: BuildEnvironment) -> dict[str, str]:
    """What each page is about, by its name; kept from build to build with the pages."""
    if not hasattr(env, "cordbook_words"):
        env.cordbook_words = {}
    return env.cordbook_words


def _keep_words(app: Sphinx, doctree: nodes.document) -> None:
    _words(app.env)[app.env.docname] = description_of(doctree)


def words_script(pages: dict[str, str], estimates: Estimates) -> bytes:
    """A script with what each page and each term is about, by page or page#anchor."""
    known = {page: shorten(words, LONGEST) for page, words in pages.items() if words}
    terms = glossary_ext.terms(estimates)
    known |= {f"{glossary_ext.PAGE}#{term.anchor}": shorten(term.meaning, LONGEST) for term in terms}
    content = json.dumps(known, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"window.cordbookWords={content};\n".encode()


def findable(estimates: Estimates) -> Iterator[Found]:
    """Everything that the search finds by name. A dot would be read as the border of a namespace, so names hold none."""
    for e in (*estimates, *scores_of(estimates)):
        yield "estimate", _shown(e.title, e.id), e.id, f"{estimate_pages.FOLDER}/{e.id}", TOP
    evidence = estimates.evidence
    labels = evidence.study_labels
    for study_id in evidence["studies"]["study_id"]:
        yield "study", _shown(labels.get(study_id, study_id), study_id), study_id, f"{study_pages.FOLDER}/{study_id}", TOP
    for term in glossary_ext.terms(estimates):
        yield "term", _shown(term.name), term.name, glossary_ext.PAGE, term.anchor


def _shown(name: str, key: str = "") -> str:
    plain = name.replace(". ", " ").replace(".", "·")
    return f"{plain} [{key}]" if key and key != name else plain
