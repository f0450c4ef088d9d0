"""What the Sphinx extension does for the glossary: each page links the terms that it uses, and holds their meanings.

The marks are made when a page is written, so that study pages, chapters and outputs of code are treated alike. Without scripts a
mark is a link to the glossary; with them it shows the meaning (``assets/terms.js``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from cordbook.core.files import digest
from cordbook.display.tables.back_matter import term_anchor
from cordbook.evidence.evidence import Evidence
from cordbook.publish.pages import reference_pages
from cordbook.publish.sphinx.glossary_marks import Marker, Term, meanings
from cordbook.review.estimates.estimates import Estimates

PAGE = "book/methods/glossary"
#: Pages that hold names and addresses, no prose; those of functions, whose words have other meanings; and the glossary, which says it all.
NOT_MARKED = (PAGE, "book/methods/references", "book/studies/index", "book/explorer", f"{reference_pages.FOLDER}/")
#: Before scripts that appear twice are left out (900).
_BEFORE_TIDYING = 890


def connect(app: Sphinx, estimates: Callable[[Sphinx], Estimates]) -> None:
    """Connect to Sphinx; ``estimates`` gives the estimates of a build, and with them the glossary."""

    def mark(a: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
        if not context.get("body") or doctree is None or page.startswith(NOT_MARKED) or PAGE not in a.env.found_docs:
            return
        address = a.builder.get_relative_uri(page, PAGE)
        body, used = _marker(terms(estimates(a))).mark(context["body"], address)
        if used:
            context["body"] = body + meanings(used)
            a.add_css_file("terms.css")
            a.add_js_file("terms.js", loading_method="defer")

    def rewrite(a: Sphinx, env: BuildEnvironment) -> list[str]:
        """All pages are written again when a term, a meaning or the place of the glossary has changed."""
        now = digest(repr((terms(estimates(a)), PAGE in env.found_docs)))
        before, env.cordbook_glossary = getattr(env, "cordbook_glossary", None), now
        return [] if now == before else sorted(env.found_docs)

    app.connect("html-page-context", mark, priority=_BEFORE_TIDYING)
    app.connect("env-updated", rewrite)


def terms(estimates: Estimates) -> tuple[Term, ...]:
    """The terms of the glossary, in the order of the table."""
    if "glossary" not in estimates.evidence.tables:
        return ()
    also, not_before = _further(estimates.evidence, "form"), _further(estimates.evidence, "not_before")
    return tuple(
        Term(row.term, row.plain_definition, term_anchor(row.term), also.get(row.term_id, ()), not_before.get(row.term_id, ()))
        for row in estimates.evidence["glossary"].itertuples(index=False)
    )


def _further(evidence: Evidence, column: str) -> dict[str, tuple[str, ...]]:
    """What a column of term_forms.csv holds, by term; nothing where a review has no such table."""
    if "term_forms" not in evidence.tables:
        return {}
    table = evidence["term_forms"].dropna(subset=column)
    return {str(term): tuple(rows) for term, rows in table.groupby("term_id")[column]}


@lru_cache(1)
def _marker(found: tuple[Term, ...]) -> Marker:
    return Marker(found)
