"""What Crossref says of one work: its title, authors, years, and what was published about it since.

Fields as documented for ``/works/{doi}``: ``updated-by`` lists notices about the work (its ``source`` tells those of publishers
from those of Retraction Watch), ``update-to`` lists the works that this one is a notice about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cordbook.intake.records.record import as_doi, as_year
from cordbook.intake.records.untrusted_text import plain
from cordbook.intake.sources.client import Client, Malformed, Refused, as_json
from cordbook.intake.sources.source import list_at, text_at

RETRACTION, CONCERN, CORRECTION, REINSTATEMENT = "retraction", "expression_of_concern", "correction", "reinstatement"
#: Kinds of update by their names at Crossref and in Retraction Watch. New versions, editions and addenda take nothing back.
KINDS: Mapping[str, str] = {
    "retraction": RETRACTION, "withdrawal": RETRACTION, "removal": RETRACTION, "expression_of_concern": CONCERN,
    "correction": CORRECTION, "corrigendum": CORRECTION, "erratum": CORRECTION, "partial_retraction": CORRECTION,
    "reinstatement": REINSTATEMENT,
}  # fmt: skip
#: What is kept of an answer; the list of references of a paper alone may be a megabyte.
KEPT = (
    "DOI",
    "title",
    "subtitle",
    "author",
    "issued",
    "published-print",
    "published-online",
    "type",
    "relation",
    "updated-by",
    "update-to",
)


@dataclass(frozen=True, slots=True)
class Update:
    """A notice about a work. ``named`` is the kind in the words of the source, ``source`` who says so."""

    kind: str
    named: str
    doi: str = ""
    year: str = ""
    source: str = "Crossref"
    record: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """A registered work. ``years`` are those of print, online and first publication, ``authors`` family names."""

    doi: str
    title: str
    years: tuple[str, ...]
    authors: tuple[str, ...]
    type: str
    updates: tuple[Update, ...] = ()
    #: Works that this one is itself a notice about.
    notice_of: tuple[Update, ...] = ()
    #: The DOI of the journal article, where this is its preprint.
    published_as: str = ""


def ask_work(client: Client, base: str, doi: str) -> dict[str, Any] | None:
    """What of Crossref's answer on a DOI is kept; None where Crossref does not know it. Raises as :meth:`Client.ask`."""
    params = {"mailto": client.contact} if client.contact else {}
    try:
        return client.ask(f"{base}/works/{quote(doi, safe='')}", params, lambda body: _kept(as_json(body), doi))
    except Refused as error:
        if error.status in (404, 410):
            return None
        raise


def _kept(answer: dict[str, Any], doi: str) -> dict[str, Any]:
    message = answer.get("message")
    if text_at(answer, "status") != "ok" or not isinstance(message, dict) or not as_doi(text_at(message, "DOI")):
        raise Malformed("an answer without a work")
    return {name: message[name] for name in KEPT if name in message}


def work_of(message: Mapping[str, Any]) -> Work:
    """The work in an answer; whatever is missing or misshapen in it is left blank.

    >>> work_of({"DOI": "10.1/A", "title": ["On <i>cords</i>"], "author": [{"family": "Ruiz"}]}).title
    'On cords'
    """
    message = dict(message)
    title, subtitle = _first(message, "title"), _first(message, "subtitle")
    whole = f"{title}: {subtitle}" if title and subtitle and subtitle.casefold() not in title.casefold() else title
    years = dict.fromkeys(_year(message.get(name)) for name in ("issued", "published-print", "published-online"))
    authors = (plain(text_at(a, "family") or text_at(a, "name")) for a in list_at(message, "author"))
    relation = message.get("relation")
    return Work(
        doi=as_doi(text_at(message, "DOI")),
        title=whole,
        years=tuple(filter(None, years)),
        authors=tuple(filter(None, authors)),
        type=plain(text_at(message, "type")),
        updates=tuple(filter(None, (_update(row) for row in list_at(message, "updated-by")))),
        notice_of=tuple(filter(None, (_update(row) for row in list_at(message, "update-to")))),
        published_as=next((as_doi(text_at(row, "id")) for row in list_at(relation, "is-preprint-of")), ""),
    )


def kind_of(name: str) -> str:
    """The kind of update by its name in a source; blank for what takes nothing back.

    >>> kind_of("Expression of concern"), kind_of("new_version")
    ('expression_of_concern', '')
    """
    return KINDS.get(name.strip().casefold().replace(" ", "_").replace("-", "_"), "")


def _update(row: Any) -> Update | None:
    named = plain(text_at(row, "label") or text_at(row, "type"))
    kind = kind_of(text_at(row, "type")) or kind_of(named)
    if not kind:
        return None
    when = row.get("updated") if isinstance(row, dict) else None
    watch = text_at(row, "source") == "retraction-watch"
    return Update(
        kind, named.replace("_", " "), as_doi(text_at(row, "DOI")), _year(when),
        "Retraction Watch, at Crossref" if watch else "Crossref", text_at(row, "record-id"),
    )  # fmt: skip


def _first(message: Mapping[str, Any], name: str) -> str:
    return plain(next((t for t in list_at(message, name) if isinstance(t, str)), "") or text_at(message, name))


def _year(date: Any) -> str:
    parts = list_at(date, "date-parts")
    return as_year(text_at(parts, 0, 0))
