"""The whole book as one page to print: the built pages in the order of the book, behind a title and a table of contents.

Nothing is computed here: what is printed is what the pages say. What only a screen can do is left out (navigation, filters, copy
buttons, the explorer), folds are open, and links lead to places in the same document or say their address in words.
"""

from __future__ import annotations

import posixpath
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from cordbook.core.project import Project
from cordbook.display.html.markup import Html
from cordbook.display.html.templates import render
from cordbook.errors import CordbookError
from cordbook.publish.execute.chapters import contents, toc_files
from cordbook.publish.pages.estimate_pages import FOLDER as ESTIMATES
from cordbook.publish.pages.study_pages import FOLDER as STUDIES
from cordbook.review.citation.citations import cite_book, edition_text
from cordbook.review.citation.edition import Edition
from cordbook.review.citation.formats import text

#: What a screen alone can use.
DROPPED = (
    "script, noscript, template, button, input, select, .headerlink, .cb-anchor, .cb-tools, .cb-filter, .cb-meanings, .cb-narrow, .cb-small, "
    '.cb-cite, p:has(> a[href*="#cite-"]), p:has(> a[type="application/atom+xml"]), .cb-letters, .toctree-wrapper, details.hide, nav'
)
#: From how many columns on a table gets smaller letters, and upright heads.
WIDE = {"pb-several": 7, "pb-many": 9}
#: A page with this is one to work with, not to read.
EXPLORER = "#cb-explorer"
#: Where a page that is not printed is summed up: its folder, the page with its row, and the id of the row.
ROWS = ((STUDIES, f"{STUDIES}/index", "study-{}"), (ESTIMATES, "book/methods/estimates", "{}"))
#: How addresses are said on paper.
_SHORT = (
    (re.compile(r"https?://(?:dx\.)?doi\.org/(.+)"), r"doi:\1"),
    (re.compile(r"https?://pubmed\.ncbi\.nlm\.nih\.gov/(\d+)/?"), r"PMID \1"),
    (re.compile(r"https?://(?:www\.ncbi\.nlm\.nih\.gov/pmc|pmc\.ncbi\.nlm\.nih\.gov)/articles/(PMC\d+)/?"), r"\1"),
    (re.compile(r"https?://(?:www\.)?(.+?)/?"), r"\1"),
)
_SHORTENED = ", and the pages of single studies and estimates"
#: A font that a style sheet loads from beside it.
_FONT = re.compile(r'url\("(fonts/[a-z0-9-]+\.woff2)"\)')
_INNER = re.compile(r"url\(#([^)]+)\)")


class NotPrintable(CordbookError):
    """The book cannot be made into one page; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the book: its name, empty where it has none, and the names of its pages in their order."""

    name: str
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A page that is printed: name, title, the part that begins with it (else empty), and its content."""

    name: str
    title: str
    part: str
    content: Html

    @property
    def anchor(self) -> str:
        """The id of the place where it begins."""
        return f"page-{self.name.replace('/', '-')}"


@dataclass(frozen=True, slots=True)
class PrintBook:
    """The book to print: its edition, chapters in their order, style sheet, and whether pages of studies are among them."""

    edition: Edition
    chapters: tuple[Chapter, ...]
    style: str
    with_studies: bool

    def to_html(self, numbers: Mapping[str, int] | None = None) -> str:
        """The document; ``numbers`` gives the sheet on which the chapter at an anchor begins, for the contents."""
        front = _front(self.edition, self.with_studies)
        return render("print.html.jinja", book=self, front=front, numbers=numbers or {}, style=Html(self.style))


@dataclass(frozen=True, slots=True)
class Front:
    """The texts of the title page."""

    authors: str
    version: str
    warning: str
    citation: str
    small: tuple[str, ...]


def parts_of(project: Project, *, with_studies: bool = False) -> tuple[Part, ...]:
    """The parts of ``_toc.yml``; ``with_studies`` adds the pages of all estimates and studies at the end."""
    toc = contents(project)
    groups = toc.get("parts") or [{"chapters": toc.get("chapters") or toc.get("sections") or []}]
    parts = [Part("", (str(toc["root"]),))]
    parts += [Part(str(group.get("caption") or ""), tuple(toc_files(group))) for group in groups]
    if with_studies:
        listed = {page for part in parts for page in part.pages}
        for name, folder in (("Estimates, one by one", ESTIMATES), ("Studies, one by one", STUDIES)):
            found = sorted(f"{folder}/{path.stem}" for path in (project.site / folder).glob("*.html"))
            parts.append(Part(name, tuple(page for page in found if page not in listed)))
    return tuple(part for part in parts if part.pages)


def print_book(project: Project, edition: Edition, *, with_studies: bool = False) -> PrintBook:
    """Put the built pages of a project together.

    Raises :class:`NotPrintable` where a page of the table of contents was not built.
    """
    pages = list(_pages(project.site, parts_of(project, with_studies=with_studies)))
    places = _settle_ids(pages)
    for page in pages:
        _settle_links(page, places, edition, project.site)
    chapters = tuple(Chapter(p.name, p.title, p.part, Html(p.content.decode_contents(formatter="html5"))) for p in pages)
    return PrintBook(edition, chapters, _style(project.site, edition), with_studies)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page while it is worked on."""

    name: str
    title: str
    part: str
    content: Tag


def _pages(site: Path, parts: Sequence[Part]) -> Iterator[_Page]:
    missing = [page for part in parts for page in part.pages if not (site / f"{page}.html").is_file()]
    if missing:
        raise NotPrintable(f"{site} does not hold {', '.join(missing)}; build the book: cordbook build")
    for part in parts:
        opens = part.name
        for page in part.pages:
            parsed = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
            content = parsed.select_one("article.bd-article")
            if content is None or content.h1 is None:
                raise NotPrintable(f"{page}.html has no article with a title")
            if content.select_one(EXPLORER):
                continue
            for found in content.select(DROPPED):
                found.decompose()
            for section in reversed(content.find_all("section")):
                if _is_empty(section):
                    section.decompose()
            for fold in content.find_all("details"):
                fold["open"] = ""
            for table in content.find_all("table"):
                columns = len((table.tr or table).find_all(["th", "td"], recursive=False))
                table["class"] = [*table.get("class", []), *(name for name, least in WIDE.items() if columns >= least)]
            yield _Page(page, content.h1.get_text(" ", strip=True), opens, content)
            opens = ""


def _is_empty(section: Tag) -> bool:
    """Whether nothing but its heading is left of a section."""
    rest = [child for child in section.find_all(True, recursive=False) if child.name not in ("h1", "h2", "h3", "h4", "h5", "h6")]
    return not any(child.get_text(strip=True) or child.name in ("svg", "img") or child.find(["svg", "img"]) for child in rest)


# ------------------------------------------------------------------------------------------------- ids and links


def _settle_ids(pages: Iterable[_Page]) -> dict[tuple[str, str], str]:
    """Make ids differ in the whole document; gives the new id of each (page, old id). The page itself is (page, "").

    The first of several keeps its id, since the style sheet names some figures and tables by theirs.
    """
    places: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for page in pages:
        slug = page.name.replace("/", "-")
        places[page.name, ""] = f"page-{slug}"
        for found in page.content.find_all(id=True):
            old = str(found["id"])
            new = old if old not in taken else f"{slug}.{old}"
            taken.add(new)
            found["id"] = places[page.name, old] = new
    return places


def _settle_links(page: _Page, places: Mapping[tuple[str, str], str], edition: Edition, site: Path) -> None:
    own = {old: new for (name, old), new in places.items() if name == page.name and old and old != new}
    for found in page.content.find_all(True):
        if found.name == "a":
            _settle_link(found, page.name, places, edition)
        elif found.name == "img" and found.get("src"):
            found["src"] = (site / page.name).parent.joinpath(unquote(str(found["src"]))).resolve().as_uri()
        elif own:
            _settle_inner(found, own)
        for name in ("aria-describedby", "tabindex", "title"):
            del found[name]


def _settle_inner(found: Tag, own: Mapping[str, str]) -> None:
    """References of a drawing to its own parts."""
    for name, value in list(found.attrs.items()):
        if isinstance(value, str) and name in ("href", "xlink:href") and value.startswith("#"):
            found[name] = f"#{own.get(value[1:], value[1:])}"
        elif isinstance(value, str) and "url(#" in value:
            found[name] = _INNER.sub(lambda match: f"url(#{own.get(match[1], match[1])})", value)


def _settle_link(link: Tag, page: str, places: Mapping[tuple[str, str], str], edition: Edition) -> None:
    name = next((n for n in ("href", "xlink:href") if link.get(n)), None)
    if name is None:
        return
    parts = urlsplit(str(link[name]))
    if parts.scheme or parts.netloc:
        if not link.find_parent("svg"):
            _write_address(link, str(link[name]))
        return
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path))) if parts.path else f"{page}.html"
    inside = _inside(path.removesuffix(".html"), unquote(parts.fragment), places) if path.endswith(".html") else None
    if inside is not None:
        link[name] = f"#{inside}"
    elif edition.site and not path.startswith(".."):
        link[name] = edition.address(quote(path)) + (f"#{parts.fragment}" if parts.fragment else "")
    else:
        del link[name]


def _inside(page: str, fragment: str, places: Mapping[tuple[str, str], str]) -> str | None:
    """The place in the document that a link means: the place itself, else its page, else the row that sums the page up."""
    found = places.get((page, fragment)) or places.get((page, ""))
    for folder, table, row in ROWS:
        if found is None and posixpath.dirname(page) == folder:
            found = places.get((table, row.format(posixpath.basename(page))))
    return found


def _write_address(link: Tag, address: str) -> None:
    """Put the address behind a link that does not say it: on paper nobody can follow it otherwise."""
    printed = (
        next(pattern.sub(short, address) for pattern, short in _SHORT if pattern.fullmatch(address)) if "//" in address else ""
    )
    # "NCT00000001" beside clinicaltrials.gov/study/NCT00000001 says enough.
    if printed and re.split(r"[/: ]", printed)[-1].casefold() not in link.get_text().casefold():
        behind = BeautifulSoup("", "html.parser").new_tag("span", attrs={"class": "pb-address"})
        behind.string = f" [{printed}]"
        link.insert_after(behind)


# ------------------------------------------------------------------------------------------------- title, contents, chapters


def _front(edition: Edition, with_studies: bool) -> Front:
    address, citation = edition.address("index.html"), cite_book(edition)
    small = (
        f"Left out: what needs a screen, as the explorer does{'' if with_studies else _SHORTENED}.",
        f"The book itself: {address}" if address else "",
        "Not medical advice. Text and data: CC BY 4.0. Code: MIT.",
    )
    return Front(
        authors=", ".join(" ".join(filter(None, (a.given, a.family))) for a in edition.authors),
        version=edition_text(citation.edition),
        warning=edition.warning,
        citation=text(citation).strip(),
        small=tuple(line for line in small if line),
    )


def _style(site: Path, edition: Edition) -> str:
    """The style sheets of the book's own fonts, figures and tables, then that of paper."""
    sheets = [site / "_static" / name for name in ("fonts.css", "cordbook.css", "front.css", "estimates.css")]
    own = [_with_fonts(path) for path in sheets if path.is_file()]
    paper = (Path(__file__).parent / "print.css").read_text(encoding="utf-8")
    running = f"{edition.short} {edition.version}" + ("" if edition.released else ", not released")
    return "\n".join([*own, paper.replace("RUNNING", re.sub(r'["\\\n<]', "", running))])


def _with_fonts(sheet: Path) -> str:
    """A style sheet with its fonts inside, since the printed document is one file that asks for no other."""

    def inside(found: re.Match[str]) -> str:
        return f'url("data:font/woff2;base64,{b64encode((sheet.parent / found[1]).read_bytes()).decode()}")'

    return _FONT.sub(inside, sheet.read_text(encoding="utf-8"))
