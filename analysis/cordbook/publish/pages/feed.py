"""``feed.xml``: releases and new studies as an Atom feed (RFC 4287), the same bytes for the same data.

There is no host to name entries by, so names are UUIDs made from the review's own (``id`` in ``data/review.yml``) and from what
an entry is about. Times are midnight UTC of the data's dates. Addresses are relative to the feed where the book has no address.
"""

from __future__ import annotations

import datetime as dt
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection
from pathlib import Path

from sphinx.application import Sphinx

from cordbook.core.files import write_whole
from cordbook.display.html.markup import one_line
from cordbook.evidence.review_state import Status, load_status
from cordbook.publish.pages.cite_boxes import edition_of
from cordbook.review.citation.edition import Edition
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.reporting.news import FIRST_PAGE, Item, news
from cordbook.review.versions.history import read_all

FILE = "feed.xml"
ATOM = "http://www.w3.org/2005/Atom"
RIGHTS = "Text and data: CC BY 4.0. Not medical advice."


def connect(app: Sphinx, estimates: Callable[[Sphinx], Estimates]) -> None:
    """Connect to Sphinx; ``estimates`` gives the estimates of a build, computed once."""

    def write(a: Sphinx) -> list[object]:
        if a.builder.format == "html":
            text = feed_of(Path(a.srcdir), estimates(a), a.env.found_docs)
            path = Path(a.outdir) / FILE
            if not path.is_file() or path.read_bytes() != text:
                write_whole(path, text)
        return []

    app.connect("html-collect-pages", write)


def feed_of(root: Path, estimates: Estimates, pages: Collection[str]) -> bytes:
    """The feed of a project folder; ``pages`` are those that the book has."""
    status = load_status(root / "data")
    items = news(estimates.evidence, status, read_all(root), len(estimates))
    return feed_xml(items, status, edition_of(root), pages)


def feed_xml(items: Collection[Item], status: Status, edition: Edition, pages: Collection[str]) -> bytes:
    """The feed as UTF-8."""
    family = uuid.UUID(status.id.removeprefix("urn:uuid:")) if status.id else uuid.uuid5(uuid.NAMESPACE_OID, edition.title)
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _add(feed, "title", edition.title)
    _add(feed, "subtitle", f"New versions and new studies. The review is {status.state}: {status.state_means}.")
    _add(feed, "id", f"urn:uuid:{family}")
    _add(feed, "updated", _time(max([edition.date, *(item.date for item in items)])))
    _add(feed, "link", rel="self", type="application/atom+xml", href=f"{status.address}{FILE}")
    _add(feed, "link", rel="alternate", type="text/html", href=f"{status.address}{FIRST_PAGE}.html")
    for author in edition.authors:
        _add(_add(feed, "author"), "name", f"{author.given} {author.family}".strip())
    _add(feed, "rights", RIGHTS)
    _add(feed, "generator", "cordbook")
    for item in items:
        page = item.page if item.page in pages else FIRST_PAGE
        entry = _add(feed, "entry")
        _add(entry, "title", item.title)
        _add(entry, "id", f"urn:uuid:{uuid.uuid5(family, item.name)}")
        _add(entry, "updated", _time(item.date))
        _add(entry, "link", rel="alternate", type="text/html", href=f"{status.address}{page}.html")
        _add(entry, "summary", item.text)
    ET.indent(feed, " ")
    return ET.tostring(feed, encoding="utf-8", xml_declaration=True) + b"\n"


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    """An element whose text is text for every reader: no type is named, so none takes it for markup."""
    child = ET.SubElement(parent, name, attributes)
    child.text = one_line(text) or None
    return child


def _time(date: dt.date) -> str:
    return f"{date.isoformat()}T00:00:00Z"
