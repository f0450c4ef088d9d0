"""A report of an error, begun for the reader: what it is about and which version, with room for what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from cordbook.review.citation.citations import Citation

#: Hosts whose address of a repository leads to its issues.
_GITLAB = "gitlab"
NO_ADDRESS = (
    "This copy of the book names no address for reports. Send this text to the people who published the book where you "
    "read it, or from whom you have it."
)


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its subject and its text, which end where the reader goes on."""

    subject: str
    body: str

    @property
    def whole(self) -> str:
        """Subject and text in one, to copy."""
        return f"{self.subject}\n\n{self.body}"


def report_on(citation: Citation) -> Report:
    """The report on what a citation names.

    It says what the book says, so that the maintainers need not look for it.
    """
    c = citation
    about = {"estimate": f"estimate {c.id}", "study": f"study {c.id}"}.get(c.kind, "the book")
    lines = [f"About: {about}", f"Version: {c.edition.name}, {c.edition.date.isoformat()}"]
    if c.number:
        lines.append(f"The book says: {c.title}: {c.number}")
    lines += ["", "What is wrong:", "", "What it should be, and where that stands (source, page or table):", ""]
    return Report(f"Error in {about}", "\n".join(lines))


def report_link(report_to: str, report: Report) -> str:
    """The address that opens a mail or an issue with the report in it; empty where ``report_to`` is.

    >>> report_link("book@example.org", Report("Error in x", "a & b"))
    'mailto:book@example.org?subject=Error%20in%20x&body=a%20%26%20b'
    >>> report_link("https://github.com/o/r", Report("S", "B"))
    'https://github.com/o/r/issues/new?title=S&body=B'
    """
    if not report_to:
        return ""
    if "://" not in report_to:
        body = report.body.replace("\n", "\r\n")
        return f"mailto:{report_to}?{urlencode({'subject': report.subject, 'body': body}, quote_via=quote)}"
    address = report_to.rstrip("/").removesuffix("/new").removesuffix("/issues").removesuffix("/-")
    if _GITLAB in (urlsplit(address).hostname or ""):
        fields = {"issue[title]": report.subject, "issue[description]": report.body}
        return f"{address}/-/issues/new?{urlencode(fields, quote_via=quote)}"
    return f"{address}/issues/new?{urlencode({'title': report.subject, 'body': report.body}, quote_via=quote)}"
