"""What makes the search find estimates, studies and terms by their names: objects of a Sphinx domain, each with its address.

Sphinx puts objects into its own search index (which works from a disk) and into ``objects.inv``, where other books find them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains import Domain, ObjType

from cordbook.publish import estimate_pages, glossary_ext, study_pages
from cordbook.reads import unnoted
from cordbook.review.estimates import Estimates

#: A name, the page and the part after ``#``: (kind, name, id, page, anchor).
Found = tuple[str, str, str, str, str]
#: Before pages and words of the same name; see ``Scorer`` in Sphinx' ``searchtools.js``.
IMPORTANT = 0
#: Where the theme begins the text of a page. No anchor at all would be read as one that is the name.
TOP = "main-content"


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

        def merge_domaindata(self, docnames: Any, otherdata: Any) -> None:
            """Nothing is kept: all stands in the data."""

    def in_plain_words(a: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
        if page == "search":
            a.add_js_file("search.js", loading_method="defer")

    app.add_domain(ReviewDomain)
    app.connect("html-page-context", in_plain_words)


def findable(estimates: Estimates) -> Iterator[Found]:
    """Everything that the search finds by name. A dot would be read as the border of a namespace, so names hold none."""
    for e in estimates:
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
