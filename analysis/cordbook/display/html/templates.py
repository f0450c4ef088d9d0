"""Renders models of pages by the templates in ``display/templates``: whatever a model holds is escaped as in all other markup."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cordbook.core.text import capital
from cordbook.display.html.markup import Html, myst_text, one_line
from cordbook.display.html.pieces import shown

FOLDER = Path(__file__).parents[1] / "templates"
#: A line that begins no block ends the one before; more than one says nothing new.
_GAP = "\n\n"
#: Signs of roles and substitutions, by their numbers: who reads the file for roles finds none, who reads the value finds them as they were.
_ROLES = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "`{}"})


def page_source(template: str, page: object) -> str:
    """The MyST source of a page by the template of that name: blocks with one blank line between, one line end at the end."""
    blocks = render(template, page=page).split(_GAP)
    return _GAP.join(block.strip("\n") for block in blocks if block.strip()) + "\n"


def render(template: str, **values: object) -> str:
    """What the template of that name makes of some values.

    A name that neither the template nor a model has is an ``UndefinedError`` of Jinja2, not a gap in the page.
    """
    return _environment().get_template(template).render(values)


@lru_cache(1)
def _environment() -> Environment:
    """Templates that can only show: what they write is escaped by :func:`shown`, and no filter takes a text for markup."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[[str], object]] = {"capital": capital, "myst": _myst, "quoted": _quoted}
    environment.filters = filters
    return environment


def _myst(value: str) -> Html:
    """Literal text in a heading, which the parser of Markdown reads."""
    return Html(myst_text(value))


def _quoted(value: str) -> Html:
    """A value of the front matter: a JSON text is a quoted YAML text, and nothing in it can end the value or be taken for a role.

    >>> _quoted("{cite}`x`")
    Html('"\\\\u007bcite\\\\u007d\\\\u0060x\\\\u0060"')
    """
    return Html(json.dumps(one_line(value), ensure_ascii=False).translate(_ROLES))
