"""What services show when a page is shared: a title and a few words, as Open Graph and Twitter read them.

Pages of studies and estimates bring their own; for the others the title and the plain words (or the first words) of the page are
taken. No picture is named: it would need an address on the web, which the book does not know.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from jupyter_book.config import PATH_YAML_DEFAULT
from sphinx.application import Sphinx
from sphinx.config import Config

from cordbook.display.html.finished import plain_text
from cordbook.display.html.page_parts import meta_elements
from cordbook.evidence.review_state import load_status

#: Services cut longer texts.
LONGEST = 300
_OPENINGS = ("In plain words.",)
#: A question that heads an answer: a preview has room for answers only.
_QUESTION = re.compile(r"(?:(?<=[.?!] )|^)[^.?!]*\?\s*")
_META = re.compile(r'<meta\b[^>]*\b(?:name|property)="([^"]+)"')


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("html-page-context", _share)
    app.connect("config-inited", _buttons)


def _buttons(app: Sphinx, config: Config) -> None:
    """Give every page a button to its source and one to report an error, where _config.yml names the address of the repository.

    Where it names none, Jupyter Book fills in the address of its own repository: readers would report errors of the book there.
    """
    options = config.html_theme_options
    if options.get("repository_url") == _default_address():
        options["repository_url"] = ""
    if options.get("repository_url"):
        for button in ("use_repository_button", "use_issues_button"):
            options[button] = True


def _default_address() -> str:
    """What Jupyter Book takes for the repository of a book that names none."""
    return str(yaml.safe_load(PATH_YAML_DEFAULT.read_text(encoding="utf-8"))["repository"]["url"])


def _share(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    there = set(_META.findall(context.get("metatags") or ""))
    status = load_status(Path(app.srcdir) / "data")
    name = status.name
    summary = (doctree is not None and summary_of(doctree)) or plain_text(context.get("docstitle") or name)
    title = plain_text(context.get("title") or context.get("docstitle") or name)
    wanted = {
        ("name", "description"): summary,
        ("property", "og:title"): title,
        ("property", "og:description"): summary,
        ("property", "og:type"): "website" if page == app.config.root_doc else "article",
        ("property", "og:site_name"): name,
        ("property", "og:url"): context.get("pageurl") or "",
        ("name", "twitter:card"): "summary",
        # What a figure that is downloaded says of its source (figures.js).
        ("name", "cordbook:edition"): f"{name} {status.version}".strip(),
    }
    lines = meta_elements({key: value for key, value in wanted.items() if value and key[1] not in there})
    context["metatags"] = "\n".join([context.get("metatags") or "", *lines]).strip("\n") + "\n"


def description_of(doctree: nodes.document) -> str:
    """The description that a page brings, else its plain words."""
    own = next((str(m["content"]) for m in doctree.findall(nodes.meta) if m.get("name") == "description"), "")
    return own or summary_of(doctree)


def summary_of(doctree: nodes.document) -> str:
    """The plain words of a page, or its first words: whole sentences as far as they fit."""
    boxes = [node for node in doctree.findall(nodes.container) if {"cb-plain", "cb-answer"} & set(node.get("classes", ()))]
    if boxes:
        return shorten(" ".join(text for p in boxes[0].findall(nodes.paragraph) if (text := _words(p))))
    return shorten(next((text for p in doctree.findall(nodes.paragraph) if (text := _words(p))), ""))


def _words(paragraph: nodes.paragraph) -> str:
    text = " ".join(paragraph.astext().split())
    for opening in _OPENINGS:
        text = text.removeprefix(opening).strip()
    return _QUESTION.sub("", text).strip() or text


def shorten(text: str, longest: int = LONGEST) -> str:
    """The sentences of a text that fit; a first one that is too long ends at a word.

    >>> shorten("One. Two three. Four.", 16), shorten("Onlyone verylongone", 12)
    ('One. Two three.', 'Onlyone …')
    """
    if len(text) <= longest:
        return text
    whole = [m.end() for m in re.finditer(r"[.?!](?=\s)", text) if m.end() <= longest]
    return text[: whole[-1]] if whole else f"{text[: longest - 2].rsplit(' ', 1)[0]} …"
