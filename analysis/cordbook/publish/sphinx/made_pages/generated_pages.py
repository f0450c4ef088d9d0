"""A folder of pages that builds write, as of the studies and the estimates: they are let in, each has its place in the sidebar and its
neighbours, and what is left of gone ones goes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

#: After sphinx-external-toc (900) has excluded what is not in the table of contents.
_AFTER_TOC = 950
#: After chapters have been executed, before Sphinx looks which files there are.
_AFTER_REFRESH = 600
#: After the theme has given its templates the function that draws the sidebar (500).
_AFTER_THEME = 700


def connect(app: Sphinx, folder: str, parent: str, stay: Collection[str] = ()) -> None:
    """Connect to Sphinx for a folder of the source; pages named in ``stay`` are made of something else than ``.md``.

    ``parent`` is the page that lists them, under which they stand in the sidebar.
    """
    app.connect("html-page-context", partial(_place, folder=folder, parent=parent, stay=stay), priority=_AFTER_THEME)
    app.connect("config-inited", partial(_let_in, folder=folder), priority=_AFTER_TOC)
    app.connect("builder-inited", partial(_clear, folder=folder, stay=stay), priority=_AFTER_REFRESH)


def _let_in(app: Sphinx, config: Config, folder: str) -> None:
    """The pages stand outside the table of contents, which would grow by hundreds of lines; they are pages all the same.

    The patterns must not depend on which pages are there, or Sphinx would read the whole book again.
    """
    config["exclude_patterns"] = [p for p in config["exclude_patterns"] if not (p.startswith(f"{folder}/") and p.endswith(".md"))]


def _clear(app: Sphinx, folder: str, stay: Collection[str]) -> None:
    """Remove what an earlier build made of pages that are gone."""
    known = {path.stem for path in (Path(app.srcdir) / folder).glob("*.md")} | set(stay)
    for built, suffix in ((Path(app.outdir), ".html"), (Path(app.outdir) / "_sources", ".md")):
        for path in (built / folder).glob(f"*{suffix}"):
            if path.name.removesuffix(suffix) not in known:
                path.unlink()


def _place(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
    folder: str,
    parent: str,
    stay: Collection[str],
) -> None:
    """Its line in the sidebar, and the pages before and after it, which the source of the page names."""
    if not page.startswith(f"{folder}/") or page.rpartition("/")[2] in stay:
        return
    known = app.env.metadata.get(page, {})
    for side, name in (("before", "prev"), ("after", "next")):
        if f"{side}-page" in known:
            # The theme takes a title for markup, and that of a study can hold anything.
            context[name] = {"link": known[f"{side}-page"], "title": escape(known[f"{side}-title"])}
    if "generate_toctree_html" in context and parent in app.env.found_docs:
        context["generate_toctree_html"] = _with_page(
            context["generate_toctree_html"], context["pathto"](parent), context["title"]
        )


def _with_page(draw: Callable[..., Any], parent: str, title: str) -> Callable[..., Any]:
    """The function that draws the sidebar, with a line for a page that stands in no table of contents, below the page that lists it."""

    def drawn(*args: Any, **kwargs: Any) -> Any:
        sidebar = draw(*args, **kwargs)
        return _marked(sidebar, parent, title) if isinstance(sidebar, BeautifulSoup) else sidebar

    return drawn


def _marked(sidebar: BeautifulSoup, parent: str, title: str) -> BeautifulSoup:
    above = sidebar.find("a", href=parent)
    line = above.find_parent("li") if above else None
    if not isinstance(line, Tag):
        return sidebar
    own = sidebar.new_tag("ul")
    item = sidebar.new_tag("li", attrs={"class": "toctree-l2 current active"})
    here = sidebar.new_tag("a", href="#", attrs={"class": "current reference internal"})
    here.string = BeautifulSoup(title, "html.parser").get_text()
    line.append(own)
    own.append(item)
    item.append(here)
    line["class"] = [*line.get("class", []), "current", "active"]
    for fold in line.find_parents("details"):
        fold["open"] = "open"
    return sidebar
