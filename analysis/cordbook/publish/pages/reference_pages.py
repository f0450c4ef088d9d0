"""Makes the pages of the functions: one a function or result, from its docstring, for those who rerun the analyses in Python.

The docstring is read and set by Sphinx itself (autodoc, with napoleon for its sections); here are only the sources that ask for it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from cordbook import synthesis
from cordbook.core.project import Project
from cordbook.display.html.pieces import Link
from cordbook.publish.pages.page import HOME, Page, Written, in_a_row, write_pages

FOLDER, INDEX = "book/reference", "index"
#: Marks of code in a docstring, and what stands in them.
_MARKS = re.compile(r"(?::\w+:)?`{1,2}~?([^`]+)`{1,2}")


@dataclass(frozen=True, slots=True)
class FunctionPage(Page):
    """The page of a public name: what it does in a sentence, and where its docstring is."""

    template: ClassVar[str] = "function.md.jinja"

    name: str
    #: The directive of Sphinx that sets it.
    directive: str


def is_listed(project: Project) -> bool:
    """Whether the book has the page that lists the functions; a review without it gets no pages of functions."""
    return (project.root / FOLDER / f"{INDEX}.md").is_file()


def sections() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each section of the public names with pairs of a name and its first line."""
    for title, names in synthesis.SECTIONS.items():
        yield title, [(name, first_line(name)) for name in names]


def first_line(name: str) -> str:
    """What a public name is or does, in a sentence without marks.

    >>> first_line("pool_effects")
    'Pool effect sizes by inverse variance.'
    """
    doc = inspect.getdoc(getattr(synthesis, name)) or ""
    return _MARKS.sub(r"\1", " ".join(doc.split("\n\n")[0].split()))


def write_reference_pages(project: Project) -> Written | None:
    """Write the sources of the pages of the functions; None where the book does not list them."""
    if not is_listed(project):
        return None
    return write_pages(project.root / FOLDER, {name: page.source() for name, page in function_pages().items()}, stay=(INDEX,))


def function_pages() -> dict[str, FunctionPage]:
    """The pages by name, each with its neighbours in the order of the list."""
    trail = (HOME, Link("Functions", f"{INDEX}.html"))
    pages = {
        name: FunctionPage(name, name, first_line(name), name, _directive(name), trail=(*trail, Link(name)))
        for name in synthesis.PUBLIC
    }
    return in_a_row(pages, list(pages), str)


def _directive(name: str) -> str:
    return "autofunction" if inspect.isfunction(getattr(synthesis, name)) else "autoclass"
