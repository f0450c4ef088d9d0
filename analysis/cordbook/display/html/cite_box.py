"""The box that lets a reader cite what stands there, and tell of an error in it.

It is a fold that works without scripts: every text can be selected. ``assets/pages/cite.js`` puts a copy button beside each.
"""

from __future__ import annotations

from cordbook.display.html.markup import Html, element, join, verbatim
from cordbook.review.citation.citations import Citation
from cordbook.review.citation.error_report import NO_ADDRESS, report_link, report_on
from cordbook.review.citation.formats import apa, bibtex, ris, text

#: What stands before the id of an estimate or study in the address of its box.
ANCHOR = "cite-"
FOLLOW = "Follow new versions and new studies (Atom feed)"
_ABOUT = {"book": "the book", "estimate": "this number", "study": "this study"}


def cite_box(citation: Citation, report_to: str) -> Html:
    """The fold for one citation: one line, APA, BibTeX, RIS, and the report of an error."""
    c = citation
    about = _ABOUT[c.kind]
    parts = [
        *([element("p", c.edition.warning, class_="cb-status")] if c.edition.warning else []),
        _copyable("One line", text(c)),
        _copyable("Reference (APA)", apa(c)),
        _copyable("BibTeX", bibtex(c).rstrip()),
        _copyable("RIS", ris(c).rstrip()),
        _report(c, about, report_to),
    ]
    heading = f"Cite {about}, or report an error"
    return element("details", element("summary", heading), *parts, class_="cb-cite", id=f"{ANCHOR}{c.id or 'book'}")


def follow_line(feed: str) -> Html:
    """The line under the box that cites the book: where its feed is."""
    return element("p", element("a", FOLLOW, href=feed, type="application/atom+xml"))


def _copyable(name: str, value: str) -> Html:
    label = element("span", name, class_="cb-cite-name")
    shown = element("pre", verbatim(value), class_="cb-cite-text", data_cb_copy=name)
    return element("div", label, shown, class_="cb-cite-part")


def _report(c: Citation, about: str, report_to: str) -> Html:
    report = report_on(c)
    address = report_link(report_to, report)
    name = f"Report an error in {about}"
    if not address:
        return join(element("p", NO_ADDRESS, class_="cb-cite-report"), _copyable(name, report.whole.rstrip()))
    how = f"{name}: write to {report_to}" if address.startswith("mailto:") else f"{name}: open an issue"
    return element("p", element("a", how, href=address, rel="nofollow"), class_="cb-cite-report")
